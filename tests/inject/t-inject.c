// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-inject.c - system-call injection into live processes.
 *
 * Each case makes a target, injects, and lets the target check itself.  Needs
 * no root, as all targets are children; cases that do skip with the reason.
 * What happens when the injecting process dies, or a signal comes, between any
 * two steps is t-inject-steps.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inject/inject-arch.h"
#include "inject/inject.h"
#include "inject/portions.h"
#include "libksm/sys.h"
#include "regs.h"
#include "target.h"
#include "tests/unit/tap.h"

static struct ksm *ksm;

/* A call that every kernel has, and whose answer is known. */
static int probe(pid_t pid, struct ksm_inject_info *info)
{
	/* PR_GET_DUMPABLE: 1 for our children. */
	struct ksm_inject_call call = { .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } };
	/* A machine that is busy may take long to stop it; what fails here must be wrong. */
	static const struct ksm_inject_limits patient = { .stop_ms = 30000 };
	int rc = ksm_inject_run(ksm, KSM_CHILD(pid), &call, 1, &patient, info);

	if (rc)
		return rc;
	return call.done && call.result == 1 ? 0 : -EPROTO;
}

static bool is_left_alone(pid_t pid)
{
	return status_of(pid, "\nTracerPid:", 10) == 0;
}

static bool start(struct target *t, const char *kind, int flags)
{
	if (!ksm && ksm_open(NULL, &ksm))
		abort();
	tap_row("%s", kind);
	return CHECK_INT(target_start(t, target_kind(kind), flags), 0);
}

/* ------------------------------------------------------------------ */

static void test_calls(void)
{
	struct ksm_inject_call calls[] = {
		{ .nr = SYS_getpid },
		{ .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } },
		{ .nr = SYS_getppid },
		{ .nr = SYS_close, .args = { 9999 } },
		{ .nr = SYS_getpid },
	};
	struct ksm_inject_info info;
	struct target t;

	if (!start(&t, "read", 0))
		return;
	CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(t.pid), calls, ARRAY_SIZE(calls), NULL, &info), 0);
	CHECK_INT(calls[0].result, t.pid);
	CHECK_INT(calls[1].result, 1);
	CHECK_INT(calls[2].result, getpid());
	CHECK(calls[3].done);
	CHECK_INT(calls[3].result, -EBADF);
	/* A call that fails ends the row. */
	CHECK(!calls[4].done);
	CHECK_INT(info.why, KSM_INJECT_FINE);
	CHECK_INT(info.tid, t.pid);
	CHECK_INT(info.state, 'S');
	CHECK_INT(info.stops, 1);
	CHECK(is_left_alone(t.pid));
	CHECK_INT(target_end(&t), 0);
}

/* What a call takes of the target is told on demand, also where others compute beside it. */
static void test_timed(void)
{
	static const char *const kinds[] = { "read", "threads" };
	static const struct ksm_inject_limits timed = { .timed = true };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct ksm_inject_call calls[] = {
			{ .nr = SYS_getpid },
			{ .nr = SYS_prctl, .args = { PR_GET_DUMPABLE } },
		};
		struct ksm_inject_info info;
		struct target t;

		if (!start(&t, kinds[i], 0))
			return;
		CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(t.pid), calls, 2, &timed, &info), 0);
		CHECK(calls[0].cpu_ns > 0 && calls[1].cpu_ns > 0);
		CHECK(info.cpu_ns >= calls[0].cpu_ns + calls[1].cpu_ns);
		CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(t.pid), calls, 2, NULL, &info), 0);
		CHECK_UINT(calls[0].cpu_ns + calls[1].cpu_ns + info.cpu_ns, 0);
		target_end(&t);
	}
}

/* All six arguments arrive where they should. */
static void test_arguments(void)
{
	struct ksm_inject_call calls[] = {
		{ .nr = SYS_mmap,
		  .args = { 0, 3 * 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    (unsigned long)-1, 0 } },
	};
	struct target t;
	char mem[64];
	int fd, rc;

	if (!start(&t, "read", 0))
		return;
	CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(t.pid), calls, 1, NULL, NULL), 0);
	CHECK(calls[0].result > 0);
	snprintf(mem, sizeof(mem), "/proc/%d/mem", t.pid);
	fd = open(mem, O_RDONLY);
	rc = pread(fd, mem, 1, calls[0].result + 3 * 65536 - 1);
	CHECK_INT(rc, 1);
	close(fd);
	CHECK_INT(target_end(&t), 0);
}

static void test_merge(void)
{
	struct ksm_inject_info info;
	struct target t;
	int rc;

	if (!start(&t, "futex", 0))
		return;
	rc = ksm_inject_merge_get(ksm, KSM_CHILD(t.pid), &info);
	if (info.why == KSM_INJECT_NO_CALL) {
		CHECK_INT(rc, -EOPNOTSUPP);
		CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(t.pid), true, &info), -EOPNOTSUPP);
		CHECK_INT(target_end(&t), 0);
		tap_skip("this kernel has no PR_SET_MEMORY_MERGE");
		return;
	}
	CHECK_INT(rc, 0);
	CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(t.pid), true, &info), 0);
	CHECK_INT(ksm_inject_merge_get(ksm, KSM_CHILD(t.pid), NULL), 1);
	CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(t.pid), true, NULL), 0);
	CHECK_INT(ksm_inject_merge_set(ksm, KSM_CHILD(t.pid), false, NULL), 0);
	CHECK_INT(ksm_inject_merge_get(ksm, KSM_CHILD(t.pid), NULL), 0);
	CHECK_INT(target_end(&t), 0);
}

struct marks {
	uint64_t start, end;
	uint64_t bytes;
	size_t n;
};

static int count_marks(const struct ksm_vma *vma, void *arg)
{
	struct marks *m = arg;
	const uint64_t start = MAX(vma->start, m->start), end = MIN(vma->end, m->end);

	if (vma->mergeable && start < end) {
		m->bytes += end - start;
		m->n++;
	}
	return 0;
}

static struct marks marks_in(pid_t pid, const char *area, size_t len)
{
	struct marks m = { .start = (uintptr_t)area, .end = (uintptr_t)area + len };

	CHECK_INT(ksm_vmas_walk(ksm, pid, count_marks, &m), 0);
	return m;
}

struct watched {
	pid_t pid;
	const char *area;
	size_t len;
	uint64_t marked;
};

/* Stops as soon as some of the area is unmarked. */
static bool stop_inside(const struct ksm_portions *now, void *arg)
{
	const struct watched *w = arg;

	CHECK(now->pieces <= now->pieces_all && now->share >= 0 && now->share <= 1);
	return marks_in(w->pid, w->area, w->len).bytes == w->marked;
}

/* Marked, and unmarked in more portions than one, interrupted in between and gone on with. */
static void test_portions(void)
{
	/* Of a mapping that has pages, the kernel looks at all of it. */
	const size_t page = sysconf(_SC_PAGESIZE), hole = 64 * page;
	const size_t len = 200000 * page, pages = len - hole;
	struct ksm_portions_how how = { .on = true };
	struct ksm_inject_info info;
	struct ksm_portions done;
	struct watched w;
	struct marks m;
	struct target t;
	char *area;

	/* Inherited by the target at the same address. */
	area = mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!CHECK(area != MAP_FAILED))
		return;
	munmap(area + 64 * page, hole);
	area[0] = area[len - 1] = 1;
	if (!start(&t, "poll", 0))
		return;
	if (ksm_present(ksm) != KSM_VALUE) {
		tap_skip("this kernel has no KSM");
		CHECK_INT(target_end(&t), 0);
		return;
	}
	CHECK_INT(ksm_portions_run(ksm, KSM_CHILD(t.pid), &how, &done, &info), 0);
	CHECK_UINT(marks_in(t.pid, area, len).bytes, pages);
	CHECK(done.pieces > 0 && done.hold_ns > 0 && done.stop_ns > 0);

	w = (struct watched){ t.pid, area, len, pages };
	how = (struct ksm_portions_how){ .step = stop_inside, .arg = &w };
	CHECK_INT(ksm_portions_run(ksm, KSM_CHILD(t.pid), &how, &done, &info), -EINTR);
	CHECK(done.pieces > 0 && done.pieces_all > done.pieces);
	m = marks_in(t.pid, area, len);
	CHECK(m.bytes > 0 && m.bytes < pages);
	/* What is left of it is in one piece. */
	CHECK_UINT(m.n, 1);

	how = (struct ksm_portions_how){ 0 };
	CHECK_INT(ksm_portions_run(ksm, KSM_CHILD(t.pid), &how, &done, &info), 0);
	m = marks_in(t.pid, NULL, SIZE_MAX);
	CHECK_UINT(m.bytes, 0);
	CHECK(done.pieces > 2);
	CHECK_INT(ksm_portions_run(ksm, KSM_CHILD(t.pid), &how, &done, &info), 0);
	CHECK_UINT(done.pieces, 0);
	CHECK_INT(target_end(&t), 0);
	munmap(area, len);
}

/* ------------------------------------------------------------------ */

/* On a machine that is busy, a sleep may be over before anybody comes: once more, and longer. */
static bool was_too_short(struct target *t, int rc)
{
	if (rc != -ESRCH || !t->kind->is_short || target_nap_ms >= 30000)
		return false;
	CHECK_INT(target_end(t), 0);
	target_nap_ms *= 2;
	return true;
}

/*
 * A sleep that began anew each time would never end: it is injected into until it
 * is over, far more often than fits in.
 */
static bool inject_until_over(struct target *t, unsigned int *times)
{
	const unsigned int most = target_nap_ms * 5 / 2;

	for (; *times < most; ++*times) {
		int rc = probe(t->pid, NULL);

		if (rc == -ESRCH)
			return true;
		if (!CHECK_INT(rc, 0))
			return false;
		sleep_ms(4);
	}
	return false;
}

/* Each kind of sleep goes on as if nothing had been, also after many injections. */
static void test_interrupted(void)
{
	for (const struct target_kind *k = target_kinds; strcmp(k->name, "epoll_time");) {
		unsigned int times = 0;
		struct target t;

		if (!start(&t, k->name, 0)) {
			k++;
			continue;
		}
		if (k->is_short) {
			CHECK(inject_until_over(&t, &times));
			if (!times && was_too_short(&t, -ESRCH))
				continue;
			CHECK(times > 0);
		}
		for (; !k->is_short && times < 30; times++)
			if (!CHECK_INT(probe(t.pid, NULL), 0))
				break;
		CHECK_INT(target_end(&t), 0);
		target_nap_ms = TARGET_NAP_MS;
		k++;
	}
}

/* Its timeout begins anew at each stop, so it gets few. */
static void test_epoll_timeout(void)
{
	struct target t;
	int rc;

	do {
		if (!start(&t, "epoll_time", 0))
			return;
		for (int i = 0; i < 5; i++) {
			rc = probe(t.pid, NULL);
			if (rc)
				break;
		}
	} while (was_too_short(&t, rc));
	CHECK_INT(rc, 0);
	CHECK_INT(target_end(&t), 0);
	target_nap_ms = TARGET_NAP_MS;
}

/* A signal afterwards is delivered as ever, to a call that restarts or does not. */
static void test_signal_after(void)
{
	/* The signal ends a sleep, so it may be long. */
	target_nap_ms = 60000;
	for (size_t i = 0; i < n_target_kinds; i++) {
		const struct target_kind *k = &target_kinds[i];

		for (int restart = 0; restart < 2 && k->run; restart++) {
			bool eintr = k->on_signal == INTERRUPTS ||
				     (k->on_signal == BY_FLAG && !restart);
			struct target t;

			if (!strcmp(k->name, "regs")) {
				target_nap_ms = TARGET_NAP_MS;
				return;
			}
			if (!start(&t, k->name,
				   TARGET_HANDLER | (restart ? TARGET_SA_RESTART : 0) |
					   (eintr ? TARGET_EXPECT_EINTR : 0)))
				continue;
			CHECK_INT(probe(t.pid, NULL), 0);
			/* On its way back into its call a handler would run first, and not interrupt it. */
			CHECK(wait_state(t.pid, "SZ"));
			kill(t.pid, SIGUSR1);
			while (!t.sh->handled && state_of(t.pid) != 'Z')
				sched_yield();
			/* A call that went on has to be let go; for the others it is too late. */
			CHECK_INT(target_end(&t), 0);
		}
	}
}

/* ------------------------------------------------------------------ */

static void test_registers(void)
{
	struct target t;
	long rounds;

	if (!start(&t, "regs", 0))
		return;
	for (int i = 0; i < 500 && state_of(t.pid) != 'Z'; i++)
		CHECK_INT(probe(t.pid, NULL), 0);
	rounds = t.sh->rounds;
	while (t.sh->rounds < rounds + 2 && state_of(t.pid) != 'Z')
		sched_yield();
	CHECK_INT(target_end(&t), 0);
}

static void test_threads(void)
{
	struct target t;

	if (!start(&t, "threads", 0))
		return;
	for (int i = 0; i < 300; i++)
		CHECK_INT(probe(t.pid, NULL), 0);
	CHECK_INT(target_end(&t), 0);
}

static void test_zombie_leader(void)
{
	struct ksm_inject_info info;
	struct target t;

	if (!start(&t, "leaderless", 0))
		return;
	CHECK(wait_state(t.pid, "Z"));
	for (int i = 0; i < 20; i++) {
		CHECK_INT(probe(t.pid, &info), 0);
		CHECK(info.tid != t.pid);
	}
	CHECK_INT(target_end(&t), 0);
}

/* Its child may use what looks unused, on any of its stacks. */
static void test_vfork_other_thread(void)
{
	struct ksm_inject_info info;
	struct target t;

	if (!start(&t, "vfork_threads", 0))
		return;
	CHECK(wait_state(t.pid, "D"));
	CHECK_INT(probe(t.pid, &info), -EBUSY);
	CHECK_INT(info.why, KSM_INJECT_SHARED);
	CHECK_INT(info.stops, 0);
	CHECK_INT(target_end(&t), 0);
}

/* A vfork pair: what looks unused to one of them may be used by the other. */
static void test_vfork(void)
{
	struct ksm_inject_info info;
	int fds[2], status, child = 0;
	pid_t pid;
	char c;

	start(&(struct target){ 0 }, "read", 0);
	tap_row("vfork");
	if (pipe(fds))
		return;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		child = vfork();
		if (!child) {
			while (read(fds[0], &c, 1) < 0 && errno == EINTR)
				;
			_exit(c);
		}
		_exit(waitpid(child, &status, 0) == child ? WEXITSTATUS(status) + 1 : 99);
	}
	CHECK(wait_state(pid, "D"));
	CHECK_INT(probe(pid, &info), -EBUSY);
	CHECK_INT(info.why, KSM_INJECT_SHARED);
	CHECK(is_left_alone(pid));
	for (pid_t p = pid + 1; p < pid + 200 && !child; p++)
		if (status_of(p, "\nPPid:", 10) == pid)
			child = p;
	if (CHECK(child > 0)) {
		CHECK(wait_state(child, "S"));
		CHECK_INT(info.sharer, child);
		CHECK_INT(probe(child, &info), -EBUSY);
		CHECK_INT(info.why, KSM_INJECT_SHARED);
		CHECK_INT(info.sharer, pid);
	}
	c = 40;
	CHECK_INT(write(fds[1], &c, 1), 1);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, W_EXITCODE(41, 0));
	close(fds[0]);
	close(fds[1]);
}

static void test_stopped(void)
{
	struct target t;
	siginfo_t si = { 0 };

	if (!start(&t, "poll", 0))
		return;
	kill(t.pid, SIGSTOP);
	CHECK(wait_state(t.pid, "T"));
	CHECK_INT(waitid(P_PID, t.pid, &si, WSTOPPED), 0);
	CHECK_INT(si.si_code, CLD_STOPPED);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(probe(t.pid, NULL), 0);
		CHECK(wait_state(t.pid, "T"));
	}
	/* Its parent hears of one stop only. */
	si.si_pid = 0;
	CHECK_INT(waitid(P_PID, t.pid, &si, WSTOPPED | WCONTINUED | WNOHANG), 0);
	CHECK_INT(si.si_pid, 0);
	CHECK(is_left_alone(t.pid));
	kill(t.pid, SIGCONT);
	CHECK_INT(waitid(P_PID, t.pid, &si, WCONTINUED), 0);
	CHECK_INT(si.si_code, CLD_CONTINUED);
	CHECK_INT(target_end(&t), 0);
}

/* ------------------------------------------------------------------ */
/* refusals								*/

static void fork_sleeper(pid_t *pid, void (*before)(void))
{
	int fds[2];
	char c;

	if (pipe(fds))
		abort();
	fflush(stdout);
	*pid = fork();
	if (*pid < 0)
		abort();
	if (!*pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (before)
			before();
		if (write(fds[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	if (read(fds[0], &c, 1) != 1)
		abort();
	close(fds[0]);
	close(fds[1]);
	wait_state(*pid, "S");
}

static void reap(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	/* Nothing else killed it before. */
	CHECK_INT(status, W_EXITCODE(0, SIGKILL));
}

static void with_filter(void)
{
	/* Kills for any prctl. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(1);
}

static void test_seccomp(void)
{
	struct ksm_inject_info info;
	pid_t pid;

	bool may;

	fork_sleeper(&pid, with_filter);
	may = ksm_inject_seccomp(ksm, 2) == KSM_INJECT_FINE;
	CHECK_INT(probe(pid, &info), may ? 0 : -EACCES);
	CHECK_INT(info.why, may ? KSM_INJECT_FINE : KSM_INJECT_SECCOMP);
	CHECK_INT(info.stops, may);
	CHECK_INT(info.suspended, may);
	CHECK(wait_state(pid, "S"));
	reap(pid);
}

static void with_groups_and_filter(void)
{
	gid_t groups[1000];

	/* Of ten digits each: more than a page of /proc/PID/status before its line about filters. */
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		groups[i] = 1000000000 + i;
	if (setgroups(ARRAY_SIZE(groups), groups))
		_exit(1);
	with_filter();
}

/* What a filter would do to it is known, however long the file is that tells of it. */
static void test_long_status(void)
{
	struct ksm_inject_info info;
	pid_t pid;

	if (geteuid()) {
		tap_skip("needs root for so many groups");
		return;
	}
	fork_sleeper(&pid, with_groups_and_filter);
	probe(pid, &info);
	CHECK(info.why != KSM_INJECT_GONE && info.why != KSM_INJECT_KILLED);
	CHECK(wait_state(pid, "S"));
	CHECK_INT(status_of(pid, "\nSeccomp:", 10), 2);
	reap(pid);
}

/* The line about shadow stacks is the last of the file: cut, absent and foreign lines. */
static void test_arch_line(void)
{
	static const struct {
		const char *text;
		bool wants;
		enum ksm_inject_why why;
	} rows[] = {
		{ "Tgid:\t5\n", false, KSM_INJECT_FINE },
		{ "Tgid:\t5\n", true, KSM_INJECT_STATUS },
		{ "Tgid:\t5\nx86_Thread_features:\t\nx86_Thread_features_locked:\tshstk \n", true,
		  KSM_INJECT_FINE },
		{ "Tgid:\t5\nx86_Thread_features:\tshstk \nx86_Thread_features_locked:\t\n", true,
		  KSM_INJECT_SHSTK },
		{ "Tgid:\t5\nx86_Thread_features:\tsh", true, KSM_INJECT_STATUS },
		{ "Tgid:\t5\nx86_Thread_features:\tsh", false, KSM_INJECT_STATUS },
		{ "", true, KSM_INJECT_STATUS },
	};

	if (inject_arch_refuses("", true) != KSM_INJECT_STATUS) {
		tap_skip("this machine's kernel has no such line");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		CHECK_INT(inject_arch_refuses(rows[i].text, rows[i].wants), rows[i].why);
	}
}

static void with_pending_fault(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTRAP);
	kill(getpid(), SIGSEGV);
}

/* Faults are not blocked meanwhile; but those sent and blocked before are. */
static void test_pending_fault(void)
{
	pid_t pid;

	fork_sleeper(&pid, with_pending_fault);
	for (int i = 0; i < 5; i++) {
		CHECK_INT(probe(pid, NULL), 0);
		CHECK_INT(status_of(pid, "\nSigPnd:", 16), 1 << (SIGTRAP - 1));
		CHECK_INT(status_of(pid, "\nShdPnd:", 16), 1 << (SIGSEGV - 1));
	}
	reap(pid);
}

static volatile char dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;

static void with_dispatch(void)
{
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch_selector))
		_exit(1);
}

static void test_dispatch(void)
{
	struct ksm_inject_info info;
	pid_t pid;
	int rc;

	/* Linux 5.11; no CONFIG_GENERIC_ENTRY, no dispatch (arm64). */
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0)) {
		tap_skip("this kernel has no system call user dispatch");
		return;
	}
	fork_sleeper(&pid, with_dispatch);
	rc = probe(pid, &info);
	if (!rc) {
		/* It would have told; the selector allows the call, so that it did not hurt. */
		tap_skip("this kernel does not tell a tracer of it (Linux 6.4)");
	} else {
		CHECK_INT(rc, -EACCES);
		CHECK_INT(info.why, KSM_INJECT_DISPATCH);
	}
	CHECK(wait_state(pid, "S"));
	reap(pid);
}

/* An ELF file of i386 that does nothing but pause(). */
static const unsigned char i386_elf[] = {
	0x7f, 'E',  'L',  'F',	1,    1,    1,	  0,	0, 0, 0, 0, 0, 0, 0, 0,
	2,    0,    3,	  0,	1,    0,    0,	  0,	0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0,
	0,    0,    0,	  0,	0,    0,    0,	  0,	52, 0, 32, 0, 1, 0, 0, 0,
	0,    0,    0,	  0,
	/* program header: load all of it at 0x08048000, readable and executable */
	1,    0,    0,	  0,	0,    0,    0,	  0,	0x00, 0x80, 0x04, 0x08, 0x00, 0x80, 0x04, 0x08,
	0x5d, 0,    0,	  0,	0x5d, 0,    0,	  0,	5, 0, 0, 0, 0x00, 0x10, 0, 0,
	/* mov $29, %eax; int $0x80; jmp */
	0xb8, 29,   0,	  0,	0,    0xcd, 0x80, 0xeb, 0xf7,
};

static void become_i386(void)
{
	char *argv[] = { (char *)"i386", NULL };
	int fd = memfd_create("i386", MFD_CLOEXEC);

	if (write(fd, i386_elf, sizeof(i386_elf)) != sizeof(i386_elf))
		_exit(1);
	fexecve(fd, argv, environ);
	_exit(2);
}

static void test_compat(void)
{
	struct ksm_inject_info info;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid)
		become_i386();
	if (!wait_state(pid, "SZ") || state_of(pid) == 'Z') {
		waitpid(pid, &status, 0);
		tap_skip("this machine does not run i386 programs");
		return;
	}
	/* It slept in the pipe of the fork, or it sleeps in pause(). */
	for (int i = 0; i < 1000 && status_of(pid, "i386\nUmask:", 8) < 0; i++)
		sleep_ms(1);
	CHECK_INT(probe(pid, &info), -EOPNOTSUPP);
	CHECK_INT(info.why, KSM_INJECT_COMPAT);
	CHECK_INT(info.stops, 0);
	CHECK_INT(state_of(pid), 'S');
	reap(pid);
}

static void test_traced(void)
{
	struct ksm_inject_info info;
	pid_t pid, tracer;
	int fds[2];
	char c;

	fork_sleeper(&pid, NULL);
	if (pipe(fds))
		return;
	fflush(stdout);
	tracer = fork();
	if (tracer < 0)
		abort();
	if (!tracer) {
		c = ptrace(PTRACE_SEIZE, pid, 0, 0) ? 1 : 0;
		if (write(fds[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	CHECK_INT(read(fds[0], &c, 1), 1);
	CHECK_INT(c, 0);
	CHECK_INT(probe(pid, &info), -EBUSY);
	CHECK_INT(info.why, KSM_INJECT_TRACED);
	CHECK_INT(info.tracer, tracer);
	CHECK_INT(info.stops, 0);
	CHECK_INT(status_of(pid, "\nTracerPid:", 10), tracer);
	reap(tracer);
	CHECK_INT(probe(pid, &info), 0);
	reap(pid);
	close(fds[0]);
	close(fds[1]);
}

static void test_gone(void)
{
	struct ksm_inject_info info;
	pid_t pid;

	fork_sleeper(&pid, NULL);
	kill(pid, SIGKILL);
	CHECK(wait_state(pid, "Z"));
	CHECK_INT(probe(pid, &info), -ESRCH);
	CHECK_INT(info.why, KSM_INJECT_ZOMBIE);
	waitpid(pid, NULL, 0);
	CHECK_INT(probe(pid, &info), -ESRCH);
	CHECK_INT(info.why, KSM_INJECT_GONE);
}

static void test_self_and_kthread(void)
{
	struct ksm_inject_info info;

	CHECK_INT(probe(getpid(), &info), -EINVAL);
	CHECK_INT(info.why, KSM_INJECT_SELF);
	/* kthreadd, but in a pid namespace of a container. */
	if (status_of(2, "\nPPid:", 10) != 0 || status_of(2, "\nVmSize:", 10) != -1) {
		tap_skip("no kernel thread is visible");
		return;
	}
	CHECK_INT(probe(2, &info), -EINVAL);
	CHECK_INT(info.why, KSM_INJECT_KTHREAD);
}

static void test_denied(void)
{
	struct ksm_inject_info info = { 0 };
	int status, rc;
	pid_t pid, other;

	if (geteuid()) {
		tap_skip("needs root, to become another user");
		return;
	}
	fork_sleeper(&pid, NULL);
	fflush(stdout);
	other = fork();
	if (other < 0)
		abort();
	if (!other) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(99);
		rc = probe(pid, &info);
		_exit(rc == -EPERM &&
				      (info.why == KSM_INJECT_DENIED ||
				       info.why == KSM_INJECT_YAMA) ?
			      0 :
			      1);
	}
	waitpid(other, &status, 0);
	CHECK_INT(status, 0);
	CHECK_INT(state_of(pid), 'S');
	reap(pid);
}

static void test_dump(void)
{
	char root[] = "/tmp/t-inject-XXXXXX", path[64];
	struct ksm_inject_call call = { .nr = SYS_getpid };
	struct ksm_inject_info info;
	struct ksm *k;

	if (!CHECK(mkdtemp(root)))
		return;
	snprintf(path, sizeof(path), "%s/proc", root);
	mkdir(path, 0700);
	if (CHECK_INT(ksm_open(root, &k), 0)) {
		CHECK_INT(ksm_inject_run(k, KSM_CHILD(1), &call, 1, NULL, &info), -EOPNOTSUPP);
		CHECK_INT(info.why, KSM_INJECT_DUMP);
		ksm_close(k);
	}
	rmdir(path);
	rmdir(root);
}

/* ------------------------------------------------------------------ */

static bool write_text(const char *dir, const char *file, const char *text)
{
	char path[200];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Stops, but does not get to run: refused, and well when it is thawed. */
static void test_frozen(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct ksm_inject_limits limits = { .stop_ms = 100 };
	struct ksm_inject_call call = { .nr = SYS_getpid };
	struct ksm_inject_info info;
	char dir[100] = "", pid[16];
	struct target t;

	for (size_t i = 0; i < ARRAY_SIZE(mounts) && !dir[0]; i++) {
		snprintf(dir, sizeof(dir), "%s/cgroup.procs", mounts[i]);
		if (!access(dir, W_OK))
			snprintf(dir, sizeof(dir), "%s/ksm-t-inject-%d", mounts[i], getpid());
		else
			dir[0] = '\0';
	}
	if (!dir[0] || mkdir(dir, 0700)) {
		tap_skip("needs a cgroup (version 2) that may be written to");
		return;
	}
	if (!start(&t, "read", 0))
		return;
	snprintf(pid, sizeof(pid), "%d", t.pid);
	if (CHECK(write_text(dir, "cgroup.procs", pid)) &&
	    CHECK(write_text(dir, "cgroup.freeze", "1"))) {
		CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(t.pid), &call, 1, &limits, &info), -EBUSY);
		CHECK_INT(info.why, KSM_INJECT_FROZEN);
		CHECK(!call.done);
		CHECK(is_left_alone(t.pid));
		CHECK(write_text(dir, "cgroup.freeze", "0"));
		CHECK_INT(probe(t.pid, NULL), 0);
	}
	CHECK_INT(target_end(&t), 0);
	CHECK_INT(rmdir(dir), 0);
}

/* Root of another pid and mount namespace, without any /proc of ours. */
static void test_namespaces(void)
{
	int fds[2], status;
	pid_t pid, inner = 0;
	char c;

	if (geteuid()) {
		tap_skip("needs root, to make namespaces");
		return;
	}
	if (pipe(fds))
		return;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWPID | CLONE_NEWNS))
			_exit(99);
		inner = fork();
		if (!inner) {
			/* In a chroot / need not be a mount point, and a mount would get out. */
			if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
				status = 96;
			else if (mount("none", "/proc", "tmpfs", 0, NULL) || getpid() != 1)
				status = 98;
			else
				status = 5;
			_exit(read(fds[0], &c, 1) == 1 ? status : 6);
		}
		_exit(waitpid(inner, &status, 0) == inner ? WEXITSTATUS(status) : 97);
	}
	for (int i = 0; i < 1000 && !inner; i++) {
		for (pid_t p = pid + 1; p < pid + 100 && !inner; p++)
			if (status_of(p, "\nPPid:", 10) == pid)
				inner = p;
		sleep_ms(1);
	}
	if (CHECK(inner > 0)) {
		CHECK(wait_state(inner, "SZ"));
		if (state_of(inner) == 'S')
			CHECK_INT(probe(inner, NULL), 0);
	}
	CHECK_INT(write(fds[1], "x", 1), 1);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	if (status == W_EXITCODE(96, 0))
		tap_skip("/ is no mount point here, so mounts cannot be kept private");
	else
		CHECK_INT(status, W_EXITCODE(5, 0));
	close(fds[0]);
	close(fds[1]);
}

/* ------------------------------------------------------------------ */

/* First while it computes, then while it sleeps. */
static void small_stack(const char *kind)
{
	struct target t;
	long rounds;

	if (!start(&t, kind, 0))
		return;
	for (int i = 0; i < 200; i++) {
		CHECK_INT(probe(t.pid, NULL), 0);
		if (i == 100) {
			rounds = t.sh->rounds;
			while (t.sh->rounds == rounds && state_of(t.pid) != 'Z')
				sched_yield();
			t.sh->stop = 1;
			CHECK(wait_state(t.pid, "S"));
		}
	}
	CHECK_INT(target_end(&t), 0);
}

static void test_small_stack(void)
{
	small_stack("fibre");
}

/* No page of the main stack is free: it has to grow. */
static void test_used_stack(void)
{
	small_stack("fibre_used");
}

/* ------------------------------------------------------------------ */

static volatile sig_atomic_t ticks;
static struct share *tick_share;

static void on_tick(int sig __unused)
{
	ticks++;
	tick_share->handled++;
}

/*
 * A timer that ticks all the time must neither lose ticks nor make a call fail
 * that has SA_RESTART.
 */
static void test_signal_storm(void)
{
	struct share *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, done = 0, later = 0;
	pid_t pid;

	tick_share = sh;
	if (pipe(sh->pipe))
		return;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		struct itimerval it = { { 0, 100 }, { 0, 100 } };
		struct sigaction sa = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
		const char *reg = NULL;
		char c;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigaction(SIGALRM, &sa, NULL);
		setitimer(ITIMER_REAL, &it, NULL);
		sh->ready = 1;
		while (!sh->stop) {
			reg = NULL;
			for (volatile int i = 0; i < 1000; i++)
				;
			if (read(sh->pipe[0], &c, 1) != 1)
				_exit(errno);
			sh->rounds++;
		}
		_exit(reg ? 1 : 0);
	}
	while (!sh->ready)
		sched_yield();
	for (int i = 0; i < 500; i++) {
		int rc = probe(pid, NULL);

		if (!rc)
			done++;
		else if (rc == -EAGAIN)
			later++;
		else
			CHECK_INT(rc, 0);
		CHECK_INT(write(sh->pipe[1], "x", 1), 1);
	}
	CHECK(done > 0);
	CHECK_INT(later, 0);
	sh->stop = 1;
	CHECK_INT(write(sh->pipe[1], "x", 1), 1);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	CHECK(sh->handled > 100);
	close(sh->pipe[0]);
	close(sh->pipe[1]);
	munmap(sh, sizeof(*sh));
}

/*
 * A restartable sequence in which a call was made, unknown to it, must not be
 * completed: the call writes a time, which the sequence reads first and last.
 */
static void test_rseq(void)
{
	struct share *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec *now = mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ksm_inject_call call = {
		.nr = SYS_clock_gettime,
		.args = { CLOCK_MONOTONIC, (uintptr_t)now },
	};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!sh->stop) {
			int rc = rseq_round(&now->tv_nsec);

			if (rc < 0)
				sh->stop = 1;
			sh->handled += rc == 1;
			sh->rounds++;
			sh->ready = 1;
			if (rc == 2)
				_exit(1);
		}
		_exit(0);
	}
	while (!sh->ready)
		sched_yield();
	if (sh->stop) {
		tap_skip("no restartable sequences here");
		waitpid(pid, &status, 0);
		return;
	}
	for (int i = 0; i < 400 && state_of(pid) != 'Z'; i++)
		CHECK_INT(ksm_inject_run(ksm, KSM_CHILD(pid), &call, 1, NULL, NULL), 0);
	sh->stop = 1;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	printf("# %ld sequences, %ld interrupted\n", sh->rounds, sh->handled);
	munmap(sh, sizeof(*sh));
	munmap(now, sizeof(*now));
}

struct region {
	char name[256];
	size_t len;
	off_t at;
	unsigned char *was;
};

static size_t read_regions(pid_t pid, int mem, struct region *r, size_t max)
{
	char path[64], line[512];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (f && n < max && fgets(line, sizeof(line), f)) {
		unsigned long from, to;
		char *end;

		from = strtoul(line, &end, 16);
		to = strtoul(end + 1, &end, 16);
		if (end[2] != 'w' || to - from > (64UL << 20))
			continue;
		r[n].at = from;
		r[n].len = to - from;
		r[n].was = malloc(r[n].len);
		snprintf(r[n].name, sizeof(r[n].name), "%.200s", line);
		if (pread(mem, r[n].was, r[n].len, from) == (ssize_t)r[n].len)
			n++;
		else
			free(r[n].was);
	}
	if (f)
		fclose(f);
	return n;
}

/* Everything that a target may write is as it was, below its stack pointer too. */
static void test_memory(void)
{
	struct region regions[64];
	cpu_set_t before_cpus, one;
	char path[64];
	struct target t;
	size_t n;
	int mem;

	/* On one CPU, for the kernel tells a thread its number in its memory (rseq). */
	sched_getaffinity(0, sizeof(before_cpus), &before_cpus);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (!start(&t, "read", 0))
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", t.pid);
	mem = open(path, O_RDONLY);
	n = read_regions(t.pid, mem, regions, ARRAY_SIZE(regions));
	CHECK(n > 3);
	for (int i = 0; i < 10; i++)
		CHECK_INT(probe(t.pid, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		unsigned char *is = malloc(regions[i].len);

		tap_row("%s", regions[i].name);
		CHECK_INT(pread(mem, is, regions[i].len, regions[i].at), regions[i].len);
		CHECK(!memcmp(is, regions[i].was, regions[i].len));
		free(is);
		free(regions[i].was);
	}
	close(mem);
	CHECK_INT(target_end(&t), 0);
	sched_setaffinity(0, sizeof(before_cpus), &before_cpus);
}

TAP_MAIN(TAP_CASE(test_calls), TAP_CASE(test_timed), TAP_CASE(test_arguments), TAP_CASE(test_merge),
	 TAP_CASE(test_portions), TAP_CASE(test_interrupted), TAP_CASE(test_epoll_timeout),
	 TAP_CASE(test_signal_after), TAP_CASE(test_registers), TAP_CASE(test_threads),
	 TAP_CASE(test_zombie_leader), TAP_CASE(test_vfork_other_thread), TAP_CASE(test_vfork),
	 TAP_CASE(test_stopped), TAP_CASE(test_seccomp), TAP_CASE(test_long_status), TAP_CASE(test_arch_line),
	 TAP_CASE(test_pending_fault), TAP_CASE(test_dispatch), TAP_CASE(test_compat),
	 TAP_CASE(test_traced), TAP_CASE(test_gone),
	 TAP_CASE(test_self_and_kthread), TAP_CASE(test_denied), TAP_CASE(test_dump),
	 TAP_CASE(test_namespaces), TAP_CASE(test_frozen),
	 TAP_CASE(test_small_stack), TAP_CASE(test_used_stack),
	 TAP_CASE(test_rseq), TAP_CASE(test_signal_storm),
	 TAP_CASE(test_memory))
