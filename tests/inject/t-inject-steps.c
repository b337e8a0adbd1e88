// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-inject-steps.c - something happens before each single step of an injection.
 *
 * The calls by which an injection changes its target, ptrace() and
 * process_vm_writev(), are wrapped by the linker and counted.  Before the first,
 * the second, the third... the injecting process is killed, or the target gets
 * a signal; for each step anew, with a new target.  The target checks itself.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject/inject.h"
#include "libksm/sys.h"
#include "steps.h"
#include "target.h"
#include "tests/unit/tap.h"

/* More steps than any injection has, so that a loop ends if one never does. */
#define STEPS_MAX 200

/* From one step to the next that is tried; odd, as targets take turns by odd and even. */
#define STRIDE ((int)tap_stride(9))

static struct ksm *ksm;

static struct {
	int at;			/* the step before which it happens */
	int n;			/* steps so far */
	pid_t pid;
	int sig;
	bool cont;		/* SIGCONT right after it */
	struct target *target;
	bool torn;			/* interrupted, and not yet made to restart */
	bool armed;			/* its registers are the injector's */
} plan;

static void step(void)
{
	if (++plan.n != plan.at)
		return;
	/*
	 * The one thing a dead injector cannot help: the stop itself made the call
	 * return, as a stop by a debugger or SIGSTOP would have.
	 */
	if (plan.torn && plan.target->kind->eintr_on_stop)
		plan.target->sh->torn = 1;
	kill(plan.pid, plan.sig);
	if (plan.pid == getpid())
		for (;;)
			pause();
	if (plan.cont)
		kill(plan.pid, SIGCONT);
}

void before_step(int req, void *data __unused)
{
	step();
	plan.armed |= req == SYS_PTRACE_SETSIGMASK;
	/* Where it is led through its call once more, that may be left by a stop too. */
	if (req == SYS_PTRACE_INTERRUPT || req == SYS_PTRACE_SYSCALL || req == SYS_PTRACE_SETREGSET)
		plan.torn = req != SYS_PTRACE_SETREGSET && !plan.armed;
}

/* Two calls, so that the steps between two are among the steps. */
static int probe(struct target *t, int at, pid_t victim, int sig, bool cont)
{
	struct ksm_inject_call calls[] = {
		{ .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } },
		{ .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } },
	};
	/* A machine that is busy may take long to stop it. */
	static const struct ksm_inject_limits patient = { .stop_ms = 30000 };
	struct ksm_inject_info info;
	int rc;

	plan.at = at;
	plan.n = 0;
	plan.target = t;
	plan.torn = plan.armed = false;
	plan.pid = victim;
	plan.sig = sig;
	plan.cont = cont;
	rc = ksm_inject_run(ksm, KSM_CHILD(t->pid), calls, ARRAY_SIZE(calls), &patient, &info);
	/* Where it is killed, or its call is over, that is known. */
	if (rc && rc != -ESRCH) {
		printf("# %s: %d after %d steps: %s, held %" PRIu64 " us\n", t->kind->name, rc,
		       plan.n, ksm_inject_why_text(info.why), info.stop_ns / 1000);
		fflush(stdout);
	}
	if (rc)
		return rc;
	return calls[0].done && calls[1].done && calls[1].result == 1 ? 0 : -EPROTO;
}

/*
 * A tool that is killed before step @at.
 * Return: 1 when it was, 0 when it came through before, -1 when neither.
 */
static int killed_at(struct target *t, int at)
{
	int status;
	pid_t tool;

	fflush(stdout);
	tool = fork();
	if (tool < 0)
		abort();
	if (!tool)
		_exit(probe(t, at, getpid(), SIGKILL, false) ? 1 : 0);
	if (waitpid(tool, &status, 0) != tool)
		return -1;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

static bool begin(struct target *t, const char *kind, int at, int flags)
{
	if (!ksm && ksm_open(NULL, &ksm))
		abort();
	/* A sleep that is interrupted anyway may be long. */
	target_nap_ms = flags & TARGET_EXPECT_EINTR ? 10000 : 60;
	tap_row("%s, step %d", kind, at);
	return CHECK_INT(target_start(t, target_kind(kind), flags), 0);
}

static bool is_free(pid_t pid)
{
	return status_of(pid, "\nTracerPid:", 10) == 0;
}

/* A thread that was left alone takes its last steps by itself. */
static bool wait_mask(pid_t pid, long long mask)
{
	for (int i = 0; i < 10000; i++) {
		if (status_of(pid, "\nSigBlk:", 16) == mask || state_of(pid) == 'Z')
			return true;
		sleep_ms(1);
	}
	return false;
}

/* ------------------------------------------------------------------ */

/* Under load, a short sleep may be over before the injection begins: once more. */
static bool is_too_late(struct target *t, int was)
{
	if (was >= 0 || !t->kind->is_short || !wait_state(t->pid, "Z"))
		return false;
	CHECK_INT(target_end(t), 0);
	return true;
}

/* Kinds of a single thread; those that end by time are few, for they take it. */
static const char *const kinds[] = {
	"regs",	 "read",  "futex",   "epoll",	    "epoll_pwait", "poll",	  "poll_time",
	"fibre", "ppoll", "pselect", "sigwaitinfo", "wait",	   "accept_time", "nanosleep",
	"semop", "fibre_used",
};

static void test_tool_killed(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int was = 1;

		for (int at = 1 + (int)i % STRIDE; at < STEPS_MAX && was == 1; at += STRIDE) {
			long long mask, rounds;
			struct target t;

			if (!begin(&t, kinds[i], at, 0))
				return;
			mask = status_of(t.pid, "\nSigBlk:", 16);
			was = killed_at(&t, at);
			if (is_too_late(&t, was)) {
				was = 1;
				at -= STRIDE;
				continue;
			}
			CHECK(was >= 0);
			/* It is on its own again, and where it was. */
			CHECK(is_free(t.pid));
			CHECK(wait_state(t.pid, "SRZ"));
			CHECK(wait_mask(t.pid, mask));
			rounds = t.sh->rounds;
			while (t.kind->release && t.kind->runs && t.sh->rounds < rounds + 2 &&
			       state_of(t.pid) != 'Z')
				sched_yield();
			CHECK_INT(target_end(&t), 0);
			if (was == 0)
				CHECK(at > 10);
		}
		CHECK_INT(was, 0);
	}
}

/* The same target again and again: what one death leaves must not add up. */
static void test_tool_killed_often(void)
{
	struct target t;

	if (!begin(&t, "futex", 0, 0))
		return;
	for (int at = 1; at < 60; at += STRIDE) {
		tap_row("futex, step %d", at);
		CHECK(killed_at(&t, at % 20 + 1) >= 0);
		CHECK(wait_state(t.pid, "S"));
	}
	CHECK_INT(target_end(&t), 0);
}

/* A process that was stopped stays so, and goes on when it is continued. */
static void test_tool_killed_stopped(void)
{
	int was = 1;

	for (int at = 1; at < STEPS_MAX && was == 1; at += STRIDE) {
		struct target t;

		if (!begin(&t, "poll", at, 0))
			return;
		kill(t.pid, SIGSTOP);
		CHECK(wait_state(t.pid, "T"));
		was = killed_at(&t, at);
		CHECK(is_free(t.pid));
		CHECK(wait_state(t.pid, "T"));
		kill(t.pid, SIGCONT);
		CHECK(wait_state(t.pid, "S"));
		CHECK_INT(target_end(&t), 0);
	}
	CHECK_INT(was, 0);
}

/* Threads go on counting while one of them is left half way. */
static void test_tool_killed_threads(void)
{
	int was = 1;

	for (int at = 1; at < STEPS_MAX && was == 1; at += STRIDE) {
		struct target t;

		if (!begin(&t, "threads", at, 0))
			return;
		was = killed_at(&t, at);
		CHECK(is_free(t.pid));
		CHECK_INT(target_end(&t), 0);
	}
	CHECK_INT(was, 0);
}

/* The temporary mask of sigsuspend and ppoll: SIGUSR1 still gets through, once. */
static void test_tool_killed_suspended(void)
{
	static const char *const names[] = { "sigsuspend", "ppoll", "epoll_pwait", "pause" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int was = 1;

		for (int at = 1 + (int)i % STRIDE; at < STEPS_MAX && was == 1; at += STRIDE) {
			struct target t;

			if (!begin(&t, names[i], at, TARGET_HANDLER | TARGET_EXPECT_EINTR))
				return;
			was = killed_at(&t, at);
			CHECK(wait_state(t.pid, "SZ"));
			kill(t.pid, SIGUSR1);
			while (!t.sh->handled && state_of(t.pid) != 'Z')
				sched_yield();
			CHECK_INT(target_end(&t), 0);
		}
		CHECK_INT(was, 0);
	}
}

/* ------------------------------------------------------------------ */

/*
 * A signal with a handler, before each step: the handler runs once, and the call
 * returns what it would have returned without us.
 */
static void test_signalled(void)
{
	static const char *const names[] = {
		"regs",	 "read",       "futex", "epoll", "epoll_pwait", "ppoll",     "pause",
		"sigsuspend", "sigwaitinfo", "wait", "accept",	 "accept_time", "nanosleep", "semop",
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(names); i++) {
		const struct target_kind *k = target_kind(names[i / 2]);
		bool restart = i & 1;
		bool eintr = k->on_signal == INTERRUPTS || (k->on_signal == BY_FLAG && !restart);
		int flags = TARGET_HANDLER | (restart ? TARGET_SA_RESTART : 0) |
			    (eintr && strcmp(k->name, "regs") ? TARGET_EXPECT_EINTR : 0);

		if (restart && k->is_short)
			continue;
		for (int at = 1 + (int)i % STRIDE; at < STEPS_MAX; at += STRIDE) {
			struct target t;
			int rc;

			if (!begin(&t, k->name, at, flags))
				return;
			rc = probe(&t, at, t.pid, SIGUSR1, false);
			/* It may be over, and gone, before a second attempt. */
			if (rc && !(eintr && rc == -ESRCH))
				CHECK_INT(rc, 0);
			if (plan.n < at) {
				/*
				 * On its way back into its call a handler runs first, and the
				 * call is not interrupted: so it is for all who are traced.
				 */
				CHECK(k->runs || wait_state(t.pid, "SZ"));
				kill(t.pid, SIGUSR1);
			}
			while (!t.sh->handled && state_of(t.pid) != 'Z')
				sched_yield();
			CHECK_INT(t.sh->handled, 1);
			CHECK_INT(target_end(&t), 0);
			if (plan.n < at)
				break;
		}
	}
}

/* Stopped before each step, and continued afterwards. */
static void test_stopped(void)
{
	for (int at = 1; at < STEPS_MAX; at += STRIDE) {
		struct target t;

		if (!begin(&t, at & 1 ? "poll" : "regs", at, 0))
			return;
		CHECK_INT(probe(&t, at, t.pid, SIGSTOP, false), 0);
		if (plan.n < at)
			kill(t.pid, SIGSTOP);
		CHECK(is_free(t.pid));
		CHECK(wait_state(t.pid, "T"));
		kill(t.pid, SIGCONT);
		CHECK(wait_state(t.pid, "SR"));
		CHECK_INT(target_end(&t), 0);
		if (plan.n < at)
			break;
	}
}

/* Stopped and continued at once. */
static void test_continued(void)
{
	for (int at = 1; at < STEPS_MAX; at += STRIDE) {
		struct target t;

		if (!begin(&t, at & 1 ? "regs" : "poll", at, 0))
			return;
		CHECK_INT(probe(&t, at, t.pid, SIGSTOP, true), 0);
		CHECK(is_free(t.pid));
		CHECK(wait_state(t.pid, "SR"));
		CHECK_INT(target_end(&t), 0);
		if (plan.n < at)
			break;
	}
}

/* The target is killed: told so, and nobody waits for it. */
static void test_target_killed(void)
{
	for (int at = 1; at < STEPS_MAX; at += STRIDE) {
		struct target t;
		int rc;

		if (!begin(&t, at & 1 ? "regs" : "poll", at, 0))
			return;
		rc = probe(&t, at, t.pid, SIGKILL, false);
		/* After the last call, it was done. */
		if (rc)
			CHECK_INT(rc, -ESRCH);
		target_kill(&t);
		if (plan.n < at)
			break;
	}
}

TAP_MAIN(TAP_CASE(test_tool_killed), TAP_CASE(test_tool_killed_often),
	 TAP_CASE(test_tool_killed_stopped), TAP_CASE(test_tool_killed_threads),
	 TAP_CASE(test_tool_killed_suspended), TAP_CASE(test_signalled), TAP_CASE(test_stopped),
	 TAP_CASE(test_continued), TAP_CASE(test_target_killed))
