// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-inject-whom.c - the process that was meant, and not who has its number now.
 *
 * A number is given to another for real, by clone3() with set_tid (Linux 5.5, root
 * only): before anything is looked at, and, as PTRACE_SEIZE is wrapped by the
 * linker, in the last moment before a thread is stopped.  Whether a call was
 * made shows in the mask for new files, which it would have changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject/advise.h"
#include "inject/inject.h"
#include "libksm/sys.h"
#include "steps.h"
#include "tests/unit/tap.h"

#define MASK 0123L	/* what the call would set */
#define NOBODY 65534

static struct ksm *ksm;

/* What happens right before a thread is seized, once. */
static void (*before_seize)(void);

void before_step(int req, void *data __unused)
{
	void (*now)(void) = before_seize;

	if (req == SYS_PTRACE_SEIZE && now) {
		before_seize = NULL;
		now();
	}
}

/* ------------------------------------------------------------------ */
/* targets								*/

static struct {
	pid_t pid;
	uint64_t start;
	int to, from;		/* pipes: a byte asks it to become nobody, a byte says so */
} target;

static void serve(int in, int out)
{
	char c;

	umask(022);
	if (write(out, "r", 1) != 1)
		_exit(1);
	while (read(in, &c, 1) == 1)
		if (setresuid(NOBODY, NOBODY, NOBODY) || write(out, &c, 1) != 1)
			_exit(1);
	_exit(0);
}

/* As fork(); @pid: the number to take, 0: any. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = pid != 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static bool start(pid_t as)
{
	int to[2], from[2];
	struct ksm_ident id;
	char c;

	if (pipe(to) || pipe(from))
		abort();
	fflush(stdout);
	target.pid = as ? fork_as(as) : fork();
	if (!target.pid) {
		close(to[1]);
		close(from[0]);
		serve(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	target.to = to[1];
	target.from = from[0];
	if (target.pid < 0 || read(target.from, &c, 1) != 1)
		return false;
	if (ksm_ident_read(ksm, target.pid, &id))
		return false;
	target.start = id.start_ticks;
	return true;
}

static void end(void)
{
	if (target.pid > 0) {
		kill(target.pid, SIGKILL);
		waitpid(target.pid, NULL, 0);
	}
	close(target.to);
	close(target.from);
	target.pid = 0;
}

/* Another process with the same number, which began at another time. */
static void replace(void)
{
	const pid_t pid = target.pid;
	const uint64_t old = target.start;

	do {
		end();
		if (!start(pid))
			abort();
	} while (target.start == old);
}

static void become_nobody(void)
{
	char c = 'u';

	if (write(target.to, &c, 1) != 1 || read(target.from, &c, 1) != 1)
		abort();
}

static bool can_replace(void)
{
	pid_t pid = 0;
	bool ok;

	if (!ksm && ksm_open(NULL, &ksm))
		abort();
	if (geteuid())
		return false;
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	ok = start(pid);
	end();
	return ok;
}

static struct ksm_whom whom_now(const struct ksm_select *sel)
{
	struct ksm_whom w = { .id = { .pid = target.pid, .start_ticks = target.start }, .sel = sel };

	return w;
}

static long mask_of(pid_t pid)
{
	char path[64], line[256];
	long got = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Umask:\t", 7))
			got = strtol(line + 7, NULL, 8);
	if (f)
		fclose(f);
	return got;
}

static void refused(const struct ksm_whom *whom, enum ksm_inject_why why, const char *text)
{
	struct ksm_inject_call call = { .nr = SYS_umask, .args = { MASK } };
	struct ksm_inject_info info;
	char buf[256];

	CHECK_INT(ksm_inject_run(ksm, whom, &call, 1, NULL, &info), -ESRCH);
	CHECK_INT(info.why, why);
	CHECK_STR(ksm_advise_why(&info, -ESRCH, buf, sizeof(buf)), text);
	CHECK(!call.done);
	CHECK_INT(mask_of(target.pid), 022);
}

/* ------------------------------------------------------------------ */

#define OTHER "no such process any more: the pid now is another one's"
#define CHANGED "it no longer is what was selected"

/* The same one, so that the refusals below are not just a target that cannot be changed. */
static bool works(void)
{
	struct ksm_inject_call call = { .nr = SYS_umask, .args = { 022 } };
	const struct ksm_whom whom = whom_now(NULL);
	struct ksm_inject_info info;
	int rc = ksm_inject_run(ksm, &whom, &call, 1, NULL, &info);

	if (rc)
		printf("# %s\n", ksm_inject_why_text(info.why));
	return !rc && call.done;
}

static bool begin(void)
{
	if (!can_replace()) {
		tap_skip("a number cannot be given to a process here (root, clone3 with set_tid)");
		return false;
	}
	if (!CHECK(start(0)))
		return false;
	if (works())
		return true;
	tap_skip("a child cannot be changed here");
	end();
	return false;
}

static void replaced_before(void)
{
	struct ksm_caps caps = { .ksm = true, .prctl = true };
	struct ksm_advised done;
	struct ksm_whom whom;

	if (!begin())
		return;
	whom = whom_now(NULL);
	replace();
	refused(&whom, KSM_INJECT_OTHER, OTHER);
	for (int how = KSM_ADVISE_AUTO; how <= KSM_ADVISE_MADVISE; how++) {
		const struct ksm_advise_want want = { .how = how, .on = true };

		tap_row("how %d", how);
		CHECK_INT(ksm_advise_process(ksm, &caps, &whom, &want, &done), -ESRCH);
		CHECK_INT(done.info.why, KSM_INJECT_OTHER);
	}
	end();
}

static void replaced_before_the_stop(void)
{
	struct ksm_whom whom;

	if (!begin())
		return;
	whom = whom_now(NULL);
	before_seize = replace;
	refused(&whom, KSM_INJECT_OTHER, OTHER);
	CHECK(!before_seize);
	end();
}

/* What is kept of one from run to run is not used for another. */
static void replaced_between_runs(void)
{
	for (int when = 0; when < 2; when++) {
		struct ksm_inject_kept *kept = NULL;
		const struct ksm_inject_limits limits = { .kept = &kept };
		struct ksm_inject_call call = { .nr = SYS_umask, .args = { 022 } };
		struct ksm_whom whom;

		tap_row("%d", when);
		if (!begin())
			return;
		whom = whom_now(NULL);
		for (int i = 0; i < 3; i++)
			CHECK_INT(ksm_inject_run(ksm, &whom, &call, 1, &limits, NULL), 0);
		CHECK(kept);
		/* It has descriptors, and none of them was ours. */
		CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0);
		call.args[0] = MASK;
		if (when)
			before_seize = replace;
		else
			replace();
		CHECK_INT(ksm_inject_run(ksm, &whom, &call, 1, &limits, NULL), -ESRCH);
		CHECK(!call.done);
		CHECK_INT(mask_of(target.pid), 022);
		ksm_inject_kept_free(kept);
		end();
	}
}

/* Whoever has the number counts only until it is looked at the first time. */
static void child_replaced_before_the_stop(void)
{
	struct ksm_inject_call call = { .nr = SYS_umask, .args = { MASK } };
	struct ksm_inject_info info;

	if (!begin())
		return;
	before_seize = replace;
	CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(target.pid), &call, 1, NULL, &info), -ESRCH);
	CHECK(!call.done);
	CHECK_INT(mask_of(target.pid), 022);
	end();
}

static void never_was(void)
{
	struct ksm_whom whom;

	if (!begin())
		return;
	whom = whom_now(NULL);
	whom.id.start_ticks = KSM_START_NONE;
	refused(&whom, KSM_INJECT_GONE, "no such process");
	end();
}

static void no_longer_selected(void)
{
	const struct ksm_select user = { .user = "0" }, match = { .match = "^no such line" };
	struct ksm_whom whom;

	if (!begin())
		return;
	whom = whom_now(&match);
	refused(&whom, KSM_INJECT_CHANGED, CHANGED);
	/* A descendant of what was selected need not look like it. */
	whom.id.by_descent = true;
	CHECK_INT(ksm_inject_run(ksm, &whom,
				 &(struct ksm_inject_call){ .nr = SYS_umask, .args = { 022 } }, 1,
				 NULL, NULL), 0);
	whom = whom_now(&user);
	become_nobody();
	refused(&whom, KSM_INJECT_CHANGED, CHANGED);
	end();
}

static void another_user_before_the_stop(void)
{
	const struct ksm_select user = { .user = "0" };
	struct ksm_whom whom;

	if (!begin())
		return;
	whom = whom_now(&user);
	before_seize = become_nobody;
	refused(&whom, KSM_INJECT_CHANGED, CHANGED);
	CHECK(!before_seize);
	end();
}

TAP_MAIN(TAP_CASE(replaced_before), TAP_CASE(replaced_between_runs), TAP_CASE(replaced_before_the_stop),
	 TAP_CASE(child_replaced_before_the_stop), TAP_CASE(never_was),
	 TAP_CASE(no_longer_selected), TAP_CASE(another_user_before_the_stop))
