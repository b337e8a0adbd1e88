// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-inject-seccomp.c - injection into processes that have seccomp filters.
 *
 * Each target tries a call that its filter forbids, before and after merging has
 * been switched on and off in it: it must be as locked in as it was, and alive.
 * The filters are written by hand, and made by libseccomp from the calls that
 * Docker, Kubernetes and systemd allow (calls/), where that library was there
 * when the test was built.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#endif

#include "inject/advise.h"
#include "inject/inject-arch.h"
#include "inject/inject.h"
#include "libksm/libksm.h"
#include "libksm/sys.h"
#include "steps.h"
#include "target.h"
#include "tests/unit/tap.h"

static struct ksm *ksm;

static bool has_root(void)
{
	if (!ksm && ksm_open(NULL, &ksm))
		abort();
	if (ksm_inject_seccomp(ksm, INJECT_SECCOMP_FILTER) != KSM_INJECT_FINE) {
		tap_skip("needs CAP_SYS_ADMIN, and no seccomp filter here");
		return false;
	}
	if (sys_memory_merge_get() < 0) {
		tap_skip("this kernel has no PR_SET_MEMORY_MERGE");
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------ */
/* filters								*/

/* What a filter answers to the calls of interest; all others are allowed. */
struct answers {
	uint32_t prctl, back, restart, madvise;
};

static void install(const struct answers *a)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, inject_arch_audit, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, a->prctl),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, a->back),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, a->restart),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, a->madvise),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	static bool again;

	/* The filter before may forbid it. */
	if ((!again && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		_exit(99);
	again = true;
}

#define ALLOW SECCOMP_RET_ALLOW
#define ALL { ALLOW, ALLOW, ALLOW, ALLOW }

/* ------------------------------------------------------------------ */
/* targets								*/

static void on_sys(int sig __unused)
{
	_exit(77);
}

/* A child tries a call: its errno, 0, or 1000 and the signal that it died of. */
static int attempt(long nr)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		long rc = syscall(nr, 0, 0, 0, 0, 0);

		_exit(rc < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct served {
	pid_t pid;
	int ask, answer;	/* pipes of int: a call's number; what came of it */
};

/* A child locks itself in and then tries what it is told to; negative numbers end it. */
static void serve(struct served *s, void (*lock_in)(const void *), const void *arg)
{
	int ask[2], answer[2], nr, rc;

	if (pipe(ask) || pipe(answer))
		abort();
	fflush(stdout);
	s->pid = fork();
	if (s->pid < 0)
		abort();
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGSYS, on_sys);
		lock_in(arg);
		rc = 0;
		do {
			if (write(answer[1], &rc, sizeof(rc)) != sizeof(rc) ||
			    read(ask[0], &nr, sizeof(nr)) != sizeof(nr))
				_exit(98);
			rc = nr < 0 ? 0 : attempt(nr);
		} while (nr >= 0);
		_exit(0);
	}
	close(ask[0]);
	close(answer[1]);
	s->ask = ask[1];
	s->answer = answer[0];
	CHECK_INT(read(s->answer, &rc, sizeof(rc)), sizeof(rc));
	wait_state(s->pid, "S");
}

static int try(struct served *s, int nr)
{
	int rc = -1;

	if (write(s->ask, &nr, sizeof(nr)) != sizeof(nr) ||
	    read(s->answer, &rc, sizeof(rc)) != sizeof(rc))
		return -2;
	wait_state(s->pid, "S");
	return rc;
}

/* Lets it end by itself, which nobody who was harmed does. */
static void dismiss(struct served *s)
{
	int status = -1, nr = -1;

	signal(SIGPIPE, SIG_IGN);
	CHECK_INT(write(s->ask, &nr, sizeof(nr)), sizeof(nr));
	CHECK_INT(waitpid(s->pid, &status, 0), s->pid);
	CHECK_INT(status, 0);
	close(s->ask);
	close(s->answer);
}

/* Switched on, and off again. */
static void change(pid_t pid, bool suspended)
{
	struct ksm_inject_info info;

	CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(pid), true, &info), 0);
	CHECK_INT(info.suspended, suspended);
	CHECK_INT(ksm_inject_merge_get(ksm, KSM_CHILD(pid), NULL), 1);
	CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(pid), false, &info), 0);
	CHECK_INT(info.suspended, suspended);
	CHECK_INT(ksm_inject_merge_get(ksm, KSM_CHILD(pid), NULL), 0);
}

/* ------------------------------------------------------------------ */

static void lock_by_answers(const void *arg)
{
	install(arg);
}

static void lock_twice(const void *arg)
{
	static const struct answers all = ALL;

	install(&all);
	install(arg);
	install(&all);
}

static void test_answers(void)
{
	static const struct {
		const char *name;
		struct answers a;
		void (*lock_in)(const void *);
		int forbidden;		/* outcome of a prctl without arguments, EINVAL unfiltered */
		enum ksm_inject_why why;
		bool suspended;
	} rows[] = {
		{ "allow", ALL, lock_by_answers, EINVAL, KSM_INJECT_FINE, false },
		{ "log", { SECCOMP_RET_LOG, ALLOW, ALLOW, ALLOW }, lock_by_answers, EINVAL,
		  KSM_INJECT_FINE, false },
		{ "EPERM", { SECCOMP_RET_ERRNO | EPERM, ALLOW, ALLOW, ALLOW }, lock_by_answers,
		  EPERM, KSM_INJECT_FINE, true },
		{ "ENOSYS", { SECCOMP_RET_ERRNO | ENOSYS, ALLOW, ALLOW, ALLOW }, lock_by_answers,
		  ENOSYS, KSM_INJECT_FINE, true },
		/* nobody traces for it: ENOSYS */
		{ "trace", { SECCOMP_RET_TRACE, ALLOW, ALLOW, ALLOW }, lock_by_answers, ENOSYS,
		  KSM_INJECT_FINE, true },
		{ "trap", { SECCOMP_RET_TRAP, ALLOW, ALLOW, ALLOW }, lock_by_answers, 77,
		  KSM_INJECT_FINE, true },
		{ "kill thread", { SECCOMP_RET_KILL, ALLOW, ALLOW, ALLOW }, lock_by_answers,
		  1000 + SIGSYS, KSM_INJECT_FINE, true },
		{ "kill", { SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW, ALLOW }, lock_by_answers,
		  1000 + SIGSYS, KSM_INJECT_FINE, true },
		/* the most severe of several filters counts, whichever it is */
		{ "second of three", { SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW, ALLOW }, lock_twice,
		  1000 + SIGSYS, KSM_INJECT_FINE, true },
		/* it would not come back by itself */
		{ "no return", { ALLOW, SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW }, lock_by_answers,
		  EINVAL, KSM_INJECT_SECCOMP_BACK, false },
		{ "return EPERM", { ALLOW, SECCOMP_RET_ERRNO | EPERM, ALLOW, ALLOW },
		  lock_by_answers, EINVAL, KSM_INJECT_SECCOMP_BACK, false },
		{ "neither", { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW },
		  lock_by_answers, 1000 + SIGSYS, KSM_INJECT_SECCOMP_BACK, false },
	};

	if (!has_root())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_inject_info info;
		struct served s;
		long long filters;

		tap_row("%s", rows[i].name);
		serve(&s, rows[i].lock_in, &rows[i].a);
		filters = status_of(s.pid, "\nSeccomp_filters:", 10);
		CHECK_INT(try(&s, SYS_prctl), rows[i].forbidden);
		if (rows[i].why) {
			CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(s.pid), true, &info), -EACCES);
			CHECK_INT(info.why, rows[i].why);
		} else {
			for (int n = 0; n < 5; n++)
				change(s.pid, rows[i].suspended);
		}
		CHECK_INT(try(&s, SYS_prctl), rows[i].forbidden);
		CHECK_INT(status_of(s.pid, "\nSeccomp:", 10), 2);
		CHECK_INT(status_of(s.pid, "\nSeccomp_filters:", 10), filters);
		CHECK_INT(status_of(s.pid, "\nTracerPid:", 10), 0);
		dismiss(&s);
	}
}

/* ------------------------------------------------------------------ */
/* the tool dies at each of its steps					*/

static struct {
	int at, n;		/* before this step, and how many there were */
	bool suspended;		/* the filter, from this step on */
	/*
	 * Shared with the test: the call that the filter forbids is in the registers
	 * and the thread has not been let go.  A tool that dies then cannot help that
	 * the filter sees it (inject-trace.c, "Seccomp filters").
	 */
	int *in_gap;
} death;

static void one_step(void)
{
	if (!death.at || ++death.n != death.at)
		return;
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

void before_step(int req, void *data)
{
	one_step();
	if (req == SYS_PTRACE_SETOPTIONS)
		death.suspended = (uintptr_t)data & SYS_PTRACE_O_SUSPEND_SECCOMP;
	if (death.in_gap && (req == SYS_PTRACE_SETREGSET || req == SYS_PTRACE_SYSCALL))
		*death.in_gap = death.suspended && req == SYS_PTRACE_SETREGSET;
}

/* Two forbidden calls in one stop, by a tool that is killed before step @at: true if it was. */
static bool killed_at(pid_t pid, int at)
{
	struct ksm_inject_call calls[] = {
		{ .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } },
		{ .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } },
	};
	int status = 0;
	pid_t tool;

	fflush(stdout);
	tool = fork();
	if (!tool) {
		death.at = at;
		_exit(ksm_inject_run(ksm, KSM_CHILD(pid), calls, 2, NULL, NULL) ||
		      !calls[1].done || calls[1].result != 1);
	}
	CHECK_INT(waitpid(tool, &status, 0), tool);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	CHECK_INT(status, 0);
	return false;
}

static void test_tool_killed(void)
{
	static const struct {
		const char *name;
		struct answers a;
		int forbidden;
		int gaps;		/* steps at which the filter may end it */
	} rows[] = {
		{ "kill", { SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW, ALLOW }, 1000 + SIGSYS, 2 },
		{ "EPERM", { SECCOMP_RET_ERRNO | EPERM, ALLOW, ALLOW, ALLOW }, EPERM, 0 },
	};
	enum { STEPS_MAX = 200 };

	if (!has_root())
		return;
	death.in_gap = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int ended = 0, at = 0;
		bool was = true;

		while (was && ++at < STEPS_MAX) {
			struct served s;
			int status;

			tap_row("%s, step %d", rows[i].name, at);
			*death.in_gap = 0;
			serve(&s, lock_by_answers, &rows[i].a);
			was = killed_at(s.pid, at);
			wait_state(s.pid, "SZ");
			if (state_of(s.pid) == 'Z' && *death.in_gap) {
				ended++;
				CHECK_INT(waitpid(s.pid, &status, 0), s.pid);
				CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
				close(s.ask);
				close(s.answer);
				continue;
			}
			/* Alive, its own, and as locked in as it was. */
			CHECK_INT(status_of(s.pid, "\nTracerPid:", 10), 0);
			CHECK_INT(status_of(s.pid, "\nSeccomp:", 10), 2);
			CHECK_INT(try(&s, SYS_prctl), rows[i].forbidden);
			dismiss(&s);
		}
		tap_row("%s", rows[i].name);
		CHECK(!was && at > 20);
		CHECK(ended <= rows[i].gaps);
	}
	munmap(death.in_gap, sizeof(int));
	death.in_gap = NULL;
}

/* Allowed and forbidden calls in the same stop, and many of them. */
static void test_madvise(void)
{
	static const struct answers a = { ALLOW, ALLOW, ALLOW, SECCOMP_RET_KILL_PROCESS };
	enum { N = 20 };
	const size_t page = sysconf(_SC_PAGESIZE);
	struct ksm_inject_call calls[N];
	struct ksm_inject_info info;
	struct served s;
	char *area;

	if (!has_root())
		return;
	area = mmap(NULL, N * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < N; i++)
		calls[i] = (struct ksm_inject_call){
			.nr = i % 3 ? SYS_madvise : SYS_getppid,
			.args = { (uintptr_t)area + i * page, page, MADV_MERGEABLE },
		};
	serve(&s, lock_by_answers, &a);
	CHECK_INT(try(&s, SYS_madvise), 1000 + SIGSYS);
	CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(s.pid), calls, N, NULL, &info), 0);
	CHECK(info.suspended);
	CHECK_INT(info.stops, 1);
	for (int i = 0; i < N; i++) {
		tap_row("call %d", i);
		CHECK(calls[i].done);
		CHECK_INT(calls[i].result, i % 3 ? 0 : getpid());
	}
	tap_row("all");
	change(s.pid, false);
	CHECK_INT(try(&s, SYS_madvise), 1000 + SIGSYS);
	dismiss(&s);
	munmap(area, N * page);
}

static int find_marked(const struct ksm_vma *vma, void *arg __unused)
{
	return vma->mergeable;
}

/* The prctl is allowed and madvise is not: off in portions all the same. */
static void test_portions(void)
{
	static const struct answers rows[] = {
		{ ALLOW, ALLOW, ALLOW, SECCOMP_RET_KILL_PROCESS },
		{ ALLOW, ALLOW, ALLOW, SECCOMP_RET_ERRNO | EPERM },
	};
	const struct ksm_advise_want off = { .how = KSM_ADVISE_AUTO };
	const size_t len = 64U << 20;
	struct ksm_caps caps;
	char *area;

	if (!has_root())
		return;
	CHECK_INT(ksm_caps_read(ksm, &caps), 0);
	area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(area, 1, len);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_advised d;
		struct served s;
		int forbidden;

		tap_row("%zu", i);
		serve(&s, lock_by_answers, &rows[i]);
		forbidden = try(&s, SYS_madvise);
		CHECK(forbidden == (i ? EPERM : 1000 + SIGSYS));
		CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(s.pid), true, NULL), 0);
		CHECK_INT(ksm_vmas_walk(ksm, s.pid, find_marked, NULL), 1);
		CHECK_INT(ksm_advise_process(ksm, &caps, KSM_CHILD(s.pid), &off, &d), 0);
		CHECK(d.portions.pieces > 1);
		CHECK(d.info.suspended);
		CHECK_INT(ksm_vmas_walk(ksm, s.pid, find_marked, NULL), 0);
		CHECK_INT(ksm_inject_merge_get(ksm, KSM_CHILD(s.pid), NULL), 0);
		CHECK_INT(try(&s, SYS_madvise), forbidden);
		dismiss(&s);
	}
	munmap(area, len);
}

static void lock_strictly(const void *arg __unused)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		_exit(99);
}

/* Read, write, exit and rt_sigreturn: it is suspended, and comes back by the last. */
static void test_strict(void)
{
	struct served s;
	int status;

	if (!has_root())
		return;
	serve(&s, lock_strictly, NULL);
	CHECK_INT(status_of(s.pid, "\nSeccomp:", 10), 1);
	change(s.pid, true);
	CHECK_INT(status_of(s.pid, "\nSeccomp:", 10), 1);
	CHECK(wait_state(s.pid, "S"));
	/* Its attempt to fork is its end, as it would have been before. */
	CHECK_INT(try(&s, SYS_getpid), -2);
	CHECK_INT(waitpid(s.pid, &status, 0), s.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/*
 * A stop makes a sleep go on by restart_syscall, which this filter kills for: it
 * begins anew.
 */
static void test_restart(void)
{
	static const struct answers rows[] = {
		{ ALLOW, ALLOW, SECCOMP_RET_KILL_PROCESS, ALLOW },
		{ SECCOMP_RET_KILL_PROCESS, ALLOW, SECCOMP_RET_KILL_PROCESS, ALLOW },
		{ ALLOW, ALLOW, SECCOMP_RET_ERRNO | EPERM, ALLOW },
	};

	if (!has_root())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fds[2], status = -1;
		pid_t pid;

		tap_row("%zu", i);
		if (pipe(fds))
			abort();
		fflush(stdout);
		pid = fork();
		if (!pid) {
			struct pollfd p = { fds[0], POLLIN, 0 };

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			install(&rows[i]);
			_exit(poll(&p, 1, 3600 * 1000) == 1 ? 0 : 1);
		}
		for (int n = 0; n < 1000 && status_of(pid, "\nSeccomp:", 10) != 2; n++)
			sleep_ms(1);
		CHECK(wait_state(pid, "S"));
		change(pid, i == 1);
		change(pid, i == 1);
		CHECK(wait_state(pid, "S"));
		CHECK_INT(write(fds[1], "", 1), 1);
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
		close(fds[0]);
		close(fds[1]);
	}
}

static void *sleeper(void *arg __unused)
{
	for (;;)
		pause();
	return NULL;
}

static void lock_main_thread(const void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleeper, NULL))
		_exit(99);
	install(arg);
}

/* Threads have filters of their own; one without is found. */
static void test_other_thread(void)
{
	static const struct answers a = { ALLOW, SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW };
	struct ksm_inject_info info;
	struct served s;

	if (!has_root())
		return;
	serve(&s, lock_main_thread, &a);
	CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(s.pid), true, &info), 0);
	CHECK(info.tid != s.pid);
	CHECK(!info.suspended);
	change(s.pid, false);
	dismiss(&s);
}

/* Who may not read filters is told so, and nothing is stopped. */
static int inject_as(pid_t pid, void (*become)(void), struct ksm_inject_info *info)
{
	int fds[2], status;
	pid_t tool;

	if (pipe(fds))
		abort();
	fflush(stdout);
	tool = fork();
	if (!tool) {
		int rc;

		become();
		rc = ksm_inject_merge_set(ksm, KSM_CHILD(pid), true, info);
		if (write(fds[1], info, sizeof(*info)) != sizeof(*info))
			_exit(1);
		_exit(-rc);
	}
	CHECK_INT(read(fds[0], info, sizeof(*info)), sizeof(*info));
	close(fds[0]);
	close(fds[1]);
	waitpid(tool, &status, 0);
	return -WEXITSTATUS(status);
}

enum { NOBODY = 65534 };

static void become_nobody(void)
{
	if (geteuid())
		return;
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(1);
}

static void become_filtered(void)
{
	static const struct answers all = ALL;

	install(&all);
}

static void lock_nobody(const void *arg)
{
	become_nobody();
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	install(arg);
}

static void test_may_not(void)
{
	static const struct answers a = { SECCOMP_RET_KILL_PROCESS, ALLOW, ALLOW, ALLOW };
	struct ksm_inject_info info;
	struct served s;

	if (!ksm && ksm_open(NULL, &ksm))
		abort();
	serve(&s, lock_nobody, &a);
	tap_row("nobody");
	CHECK_INT(inject_as(s.pid, become_nobody, &info), -EACCES);
	CHECK_INT(info.why, KSM_INJECT_SECCOMP);
	CHECK_INT(info.stops, 0);
	tap_row("filtered");
	CHECK_INT(inject_as(s.pid, become_filtered, &info), -EACCES);
	CHECK_INT(info.why, KSM_INJECT_SECCOMP);
	CHECK_INT(info.stops, 0);
	CHECK_INT(try(&s, SYS_prctl), 1000 + SIGSYS);
	dismiss(&s);
}

/* ------------------------------------------------------------------ */
/* what containers and services have					*/

#ifdef HAVE_LIBSECCOMP
struct profile {
	const char *list;
	uint32_t otherwise;
	int forbidden;
	bool no_prctl;		/* and that is taken away from the list */
};

/* The calls of calls/LIST; those of other machines and of newer kernels are unknown here. */
static void lock_by_list(const void *arg)
{
	const struct profile *p = arg;
	scmp_filter_ctx ctx = seccomp_init(p->otherwise);
	char path[4096], word[64];
	int c, found = 0;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/inject/calls/%s", getenv("KSM_SRCDIR") ?: ".",
		 p->list);
	f = fopen(path, "r");
	if (!f || !ctx)
		_exit(96);
	while ((c = getc(f)) != EOF) {
		if (c == '#') {
			while ((c = getc(f)) != EOF && c != '\n')
				;
		} else if (c != ' ' && c != '\n') {
			word[len++] = c;
			continue;
		}
		word[len] = '\0';
		c = len ? seccomp_syscall_resolve_name(word) : -1;
		len = 0;
		if (c < 0 || (p->no_prctl && c == SYS_prctl))
			continue;
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, c, 0))
			_exit(95);
		found++;
	}
	fclose(f);
	/* CLONE_NEW*: 0x7e020000 in both profiles */
	seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			 SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0));
	if (found < 200 || seccomp_load(ctx))
		_exit(94);
}

static void test_profiles(void)
{
	static const struct profile rows[] = {
		{ "docker", SCMP_ACT_ERRNO(EPERM), EPERM, false },
		{ "kubernetes", SCMP_ACT_ERRNO(EPERM), EPERM, false },
		{ "systemd", SCMP_ACT_KILL_PROCESS, 1000 + SIGSYS, false },
		{ "systemd", SCMP_ACT_ERRNO(EPERM), EPERM, false },
		/* SystemCallFilter=~prctl beside it */
		{ "systemd", SCMP_ACT_KILL_PROCESS, 1000 + SIGSYS, true },
	};

	if (!has_root())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct served s;

		tap_row("%zu, %s", i, rows[i].list);
		serve(&s, lock_by_list, &rows[i]);
		CHECK_INT(status_of(s.pid, "\nSeccomp:", 10), 2);
		CHECK_INT(try(&s, SYS_mount), rows[i].forbidden);
		change(s.pid, rows[i].no_prctl);
		CHECK_INT(try(&s, SYS_mount), rows[i].forbidden);
		if (rows[i].no_prctl)
			CHECK_INT(try(&s, SYS_prctl), rows[i].forbidden);
		dismiss(&s);
	}
}
#else
static void test_profiles(void)
{
	tap_skip("libseccomp was not there when this was built");
}
#endif

TAP_MAIN(TAP_CASE(test_answers), TAP_CASE(test_tool_killed), TAP_CASE(test_madvise), TAP_CASE(test_portions), TAP_CASE(test_strict),
	 TAP_CASE(test_restart), TAP_CASE(test_other_thread), TAP_CASE(test_may_not),
	 TAP_CASE(test_profiles))
