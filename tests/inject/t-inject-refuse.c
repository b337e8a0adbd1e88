// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-inject-refuse.c - targets that would harm whoever injects, or be harmed.
 *
 * That is found out before anything is stopped, by reading only; and what is
 * read may itself never arrive.  Each case that cannot be made without root, or
 * on this machine, skips with the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse.h"
#include "inject/inject.h"
#include "libksm/sys.h"
#include "target.h"
#include "tests/unit/tap.h"

static struct ksm *ksm;

static void open_ksm(void)
{
	if (!ksm && ksm_open(NULL, &ksm))
		abort();
}

static void *shared(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static pid_t fork_or_abort(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static pid_t sleeper(void)
{
	pid_t pid = fork_or_abort();

	if (!pid)
		for (;;)
			pause();
	wait_state(pid, "S");
	return pid;
}

/* A call that every kernel has, and whose answer is known. */
static int probe(pid_t pid, const struct ksm_inject_limits *limits, struct ksm_inject_info *info)
{
	struct ksm_inject_call call = { .nr = SYS_getpid };
	int rc = ksm_inject_run(ksm, KSM_CHILD(pid), &call, 1, limits, info);

	if (rc)
		return rc;
	return call.done && call.result == pid ? 0 : -EPROTO;
}

/* ------------------------------------------------------------------ */
/* a file system that does not answer					*/

struct world {
	struct fuse_share fuse;
	atomic_int target, rc;
	int stage;		/* what could not be made; errno */
	int why;
};

/* Maps what looks like the first place to find code in, and reads none of it. */
static void fuse_target(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || mmap(NULL, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
	for (;;)
		pause();
}

/* Nothing of it is seen outside of a mount namespace of its own. */
static void fuse_world(struct world *w, const char *dir)
{
	struct ksm_inject_info info;
	char file[100];
	pid_t server, target;

	snprintf(file, sizeof(file), "%s/libc.so", dir);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(w->stage = errno);
	server = fuse_start(dir, &w->fuse);
	if (server < 0)
		_exit(w->stage = -server);
	w->fuse.silent = 1;
	target = fork_or_abort();
	if (!target)
		fuse_target(file);
	if (!wait_state(target, "S"))
		_exit(1);
	w->rc = probe(target, NULL, &info);
	w->why = info.why;
	w->target = target;
	for (;;)
		pause();
}

static void test_fuse(void)
{
	struct world *w = shared(sizeof(*w));
	char dir[] = "/tmp/t-inject-XXXXXX";
	struct ksm_inject_info info;
	int status = 0;
	pid_t pid;

	open_ksm();
	if (!mkdtemp(dir))
		abort();
	pid = fork_or_abort();
	if (!pid)
		fuse_world(w, dir);
	while (!w->target && !waitpid(pid, &status, WNOHANG))
		sleep_ms(1);
	if (!w->target) {
		CHECK(w->stage);
		tap_skip("cannot mount a file system of FUSE (needs root, /dev/fuse)");
		rmdir(dir);
		return;
	}
	tap_row("by who sees it mounted");
	CHECK_INT(w->rc, 0);
	CHECK_INT(w->why, KSM_INJECT_FINE);
	tap_row("by who does not");
	CHECK_INT(probe(w->target, NULL, &info), 0);
	CHECK_INT(info.why, KSM_INJECT_FINE);
	CHECK_INT(w->fuse.reads, 0);
	end(w->target);
	end(pid);
	rmdir(dir);
	munmap(w, sizeof(*w));
}

/* ------------------------------------------------------------------ */
/* anything else that does not answer					*/

static atomic_int hang;
static int hang_pipe[2];

ssize_t __real_sys_vm_readv(pid_t pid, const struct iovec *local, size_t n_local,
			    const struct iovec *remote, size_t n_remote);
ssize_t __wrap_sys_vm_readv(pid_t pid, const struct iovec *local, size_t n_local,
			    const struct iovec *remote, size_t n_remote);
ssize_t __wrap_sys_vm_readv(pid_t pid, const struct iovec *local, size_t n_local,
			    const struct iovec *remote, size_t n_remote)
{
	char c;

	if (hang == 1 && read(hang_pipe[0], &c, 1) == 1)
		hang = 2;
	return __real_sys_vm_readv(pid, local, n_local, remote, n_remote);
}

static void test_hangs(void)
{
	const struct ksm_inject_limits limits = { .read_ms = 50 };
	struct ksm_inject_info info;
	struct target t;

	open_ksm();
	if (!CHECK_INT(target_start(&t, target_kind("read"), 0), 0) || pipe(hang_pipe))
		return;
	hang = 1;
	CHECK_INT(probe(t.pid, &limits, &info), -ETIMEDOUT);
	CHECK_INT(info.why, KSM_INJECT_HANGS);
	CHECK_INT(info.stops, 0);
	CHECK_INT(info.tid, 0);
	CHECK_INT(state_of(t.pid), 'S');
	/* What was left behind comes back some time, and touches nothing then. */
	hang = 0;
	CHECK_INT(write(hang_pipe[1], "x", 1), 1);
	for (int i = 0; i < 10000 && hang != 2; i++)
		sleep_ms(1);
	CHECK_INT(hang, 2);
	hang = 0;
	CHECK_INT(probe(t.pid, NULL, &info), 0);
	CHECK_INT(info.stops, 1);
	CHECK_INT(target_end(&t), 0);
}

/* ------------------------------------------------------------------ */
/* a stack in pieces							*/

struct range {
	uint64_t start, end;
};

/* madvise() in it: what it returned, or -errno of the injection. */
static long advise(pid_t pid, const struct range *r, int advice)
{
	struct ksm_inject_call call = {
		.nr = SYS_madvise,
		.args = { r->start, r->end - r->start, (unsigned long)advice },
	};
	int rc = ksm_inject_run(ksm, KSM_CHILD(pid), &call, 1, NULL, NULL);

	return rc ? rc : call.result;
}

static bool find_stack(pid_t pid, struct range *out)
{
	char path[64], line[512];
	bool found = false;
	char *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[stack]"))
			continue;
		out->start = strtoull(line, &end, 16);
		out->end = strtoull(end + 1, NULL, 16);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* Where the stack of the program began, below its arguments and environment; 0: unknown. */
static uint64_t stack_begin(pid_t pid)
{
	char path[64], line[1024];
	uint64_t begin = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f)) {
		/* The 28th field; the second one ends with the last parenthesis. */
		char *at = strrchr(line, ')');

		for (int field = 2; at && field < 28; field++)
			at = strchr(at + 1, ' ');
		if (at)
			begin = strtoull(at, NULL, 10);
	}
	if (f)
		fclose(f);
	return begin;
}

/*
 * All but its upper end was marked, so that only this one is called a stack: the
 * kernel calls so what holds the place where it began, which the size of the
 * environment moves.
 */
static void test_marked_stack(void)
{
	struct range stack, part, now;
	struct ksm_inject_info info;
	pid_t pid;
	long rc;

	open_ksm();
	pid = sleeper();
	if (!CHECK(find_stack(pid, &stack)))
		return;
	part = stack;
	part.end = stack_begin(pid) & -(uint64_t)sysconf(_SC_PAGESIZE);
	if (!CHECK(part.start < part.end && part.end < stack.end)) {
		end(pid);
		return;
	}
	rc = advise(pid, &part, MADV_MERGEABLE);
	if (rc == -EINVAL) {
		tap_skip("this kernel has no KSM");
		end(pid);
		return;
	}
	CHECK_INT(rc, 0);
	CHECK(find_stack(pid, &now));
	CHECK_INT(now.start, part.end);
	CHECK_INT(ksm_inject_check(ksm, KSM_CHILD(pid), &info), 0);
	CHECK_INT(probe(pid, NULL, &info), 0);
	CHECK_INT(info.why, KSM_INJECT_FINE);
	CHECK_INT(advise(pid, &part, MADV_UNMERGEABLE), 0);
	CHECK(find_stack(pid, &now));
	CHECK_INT(now.start, stack.start);
	end(pid);
}

/* ------------------------------------------------------------------ */
/* told beforehand what is refused					*/

/* ksm_inject_check() and ksm_inject_run() say the same, and nobody was stopped. */
static void refused(pid_t pid, int rc, enum ksm_inject_why why)
{
	struct ksm_inject_info info;

	CHECK_INT(ksm_inject_check(ksm, KSM_CHILD(pid), &info), rc);
	CHECK_INT(info.why, why);
	CHECK_INT(probe(pid, NULL, &info), rc);
	CHECK_INT(info.why, why);
	CHECK_INT(info.stops, 0);
}

/* Hands on the signals that stop its tracee, as every tracer does. */
static void trace(pid_t tracee)
{
	int status;

	while (waitpid(tracee, &status, __WALL) == tracee)
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, tracee, 0,
			       (void *)(uintptr_t)(status >> 16 ? 0 : WSTOPSIG(status)));
	_exit(0);
}

/* A process that traces @tracee. */
static pid_t tracer_of(pid_t tracee)
{
	int fds[2], ok = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		abort();
	pid = fork_or_abort();
	if (!pid) {
		ok = !ptrace(PTRACE_SEIZE, tracee, 0, 0);
		if (write(fds[1], &ok, sizeof(ok)) == sizeof(ok))
			trace(tracee);
		_exit(1);
	}
	/* Under yama, a child needs leave to trace its parent. */
	if (tracee == getpid())
		prctl(PR_SET_PTRACER, pid, 0, 0, 0);
	CHECK_INT(read(fds[0], &ok, sizeof(ok)), sizeof(ok));
	CHECK(ok);
	close(fds[0]);
	close(fds[1]);
	wait_state(pid, "S");
	return pid;
}

/* To stop our tracer, or its own, is to stop ourselves for ever. */
static void test_traces_us(void)
{
	pid_t one, two, other;

	open_ksm();
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	one = tracer_of(getpid());
	two = tracer_of(one);
	other = sleeper();
	tap_row("who traces us");
	refused(one, -EBUSY, KSM_INJECT_TRACES_US);
	tap_row("who traces that one");
	refused(two, -EBUSY, KSM_INJECT_TRACES_US);
	tap_row("somebody else");
	CHECK_INT(ksm_inject_check(ksm, KSM_CHILD(other), NULL), 0);
	CHECK_INT(probe(other, NULL, NULL), 0);
	end(two);
	end(one);
	end(other);
	one = sleeper();
	CHECK_INT(probe(one, NULL, NULL), 0);
	end(one);
}

/* A process of its own that is a thread but for the name: what it uses nobody sees. */
static int shares_memory(void *arg)
{
	atomic_int *ready = arg;

	*ready = 1;
	for (;;)
		pause();
	return 0;
}

static void test_shared_memory(void)
{
	static char stack[65536];
	atomic_int *child = shared(2 * sizeof(*child));
	struct ksm_inject_info info;
	pid_t pid;

	open_ksm();
	pid = fork_or_abort();
	if (!pid) {
		child[0] = clone(shares_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, child + 1);
		for (;;)
			pause();
	}
	while (!child[1])
		sched_yield();
	wait_state(pid, "S");
	wait_state(child[0], "S");
	if (sys_same_memory(pid, child[0]) < 0) {
		tap_skip("this kernel cannot compare memories (CONFIG_KCMP)");
	} else {
		tap_row("who made it");
		refused(pid, -EBUSY, KSM_INJECT_SHARED);
		tap_row("who was made");
		refused(child[0], -EBUSY, KSM_INJECT_SHARED);
		ksm_inject_check(ksm, KSM_CHILD(pid), &info);
		CHECK_INT(info.sharer, child[0]);
	}
	kill(child[0], SIGKILL);
	end(pid);
	munmap(child, 2 * sizeof(*child));
}

/* Its owner is not told to be its owner. */
static void test_undumpable(void)
{
	struct ksm_inject_info info;
	pid_t pid, owner;
	int status, rc;

	open_ksm();
	if (geteuid()) {
		tap_skip("needs root, to become another user");
		return;
	}
	pid = fork_or_abort();
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		for (;;)
			pause();
	}
	wait_state(pid, "S");
	owner = fork_or_abort();
	if (!owner) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(99);
		rc = ksm_inject_check(ksm, KSM_CHILD(pid), &info);
		if (rc != -EPERM || info.why != KSM_INJECT_UNDUMPABLE)
			_exit(1);
		rc = probe(pid, NULL, &info);
		_exit(rc != -EPERM || info.why != KSM_INJECT_UNDUMPABLE ? 2 : 0);
	}
	waitpid(owner, &status, 0);
	CHECK_INT(status, 0);
	/* To root that makes no difference. */
	CHECK_INT(ksm_inject_check(ksm, KSM_CHILD(pid), NULL), 0);
	CHECK_INT(probe(pid, NULL, NULL), 0);
	end(pid);
}

static void test_leaderless(void)
{
	struct ksm_inject_info info;
	struct target t;

	open_ksm();
	if (!CHECK_INT(target_start(&t, target_kind("leaderless"), 0), 0))
		return;
	CHECK(wait_state(t.pid, "Z"));
	CHECK_INT(ksm_inject_check(ksm, KSM_CHILD(t.pid), &info), 0);
	CHECK_INT(probe(t.pid, NULL, NULL), 0);
	CHECK_INT(target_end(&t), 0);
}

#ifdef __x86_64__
/* An ELF file that does nothing but pause(): mov $34, %eax; syscall; jmp */
static const unsigned char tiny_elf[] = {
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40, 0, 0, 0, 0, 0,
	64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	/* program header: load all of it at 0x400000, readable and executable */
	1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
	0x81, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0,
	0, 0x10, 0, 0, 0, 0, 0, 0,
	0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7,
};

/* As a static program that never catches a signal: the vdso has the call, nobody the return. */
static void test_no_return(void)
{
	char *argv[] = { (char *)"tiny", NULL };
	struct ksm_inject_info info;
	pid_t pid;
	int fd;

	open_ksm();
	fd = memfd_create("tiny", MFD_CLOEXEC);
	CHECK_INT(write(fd, tiny_elf, sizeof(tiny_elf)), sizeof(tiny_elf));
	pid = fork_or_abort();
	if (!pid) {
		fexecve(fd, argv, environ);
		_exit(2);
	}
	for (int i = 0; i < 10000 && status_of(pid, "tiny\nUmask:", 8) < 0; i++)
		sleep_ms(1);
	CHECK(wait_state(pid, "S"));
	CHECK_INT(ksm_inject_check(ksm, KSM_CHILD(pid), &info), -EOPNOTSUPP);
	/* A kernel's vdso need not have a call that can be borrowed. */
	refused(pid, -EOPNOTSUPP,
		info.why == KSM_INJECT_NO_CODE ? KSM_INJECT_NO_CODE : KSM_INJECT_NO_RETURN);
	printf("# %s\n", ksm_inject_why_text(info.why));
	end(pid);
	close(fd);
}
#define MORE_CASES , TAP_CASE(test_no_return)
#else
#define MORE_CASES
#endif

/* ------------------------------------------------------------------ */
/* frozen								*/

static bool write_text(const char *dir, const char *file, const char *text)
{
	char path[200];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* In a cgroup of a frozen one: 0, or 1 + the number of the check that failed. */
static int frozen_rc(const char *mount, const char *file, const char *on, const char *off)
{
	struct ksm_inject_info info;
	char outer[100], inner[120], text[16];
	pid_t pid;
	int rc = 0;

	snprintf(outer, sizeof(outer), "%s/ksm-t-refuse-%d", mount, getpid());
	snprintf(inner, sizeof(inner), "%s/inner", outer);
	if (mkdir(outer, 0700))
		return -1;
	pid = sleeper();
	snprintf(text, sizeof(text), "%d", pid);
	if (mkdir(inner, 0700) || !write_text(inner, "cgroup.procs", text) ||
	    !write_text(outer, file, on))
		rc = 1;
	else if (ksm_inject_check(ksm, KSM_CHILD(pid), &info) != -EBUSY || info.why != KSM_INJECT_FROZEN)
		rc = 2;
	else if (probe(pid, NULL, &info) != -EBUSY || info.why != KSM_INJECT_FROZEN || info.stops)
		rc = 3;
	if (!write_text(outer, file, off) || (!rc && ksm_inject_check(ksm, KSM_CHILD(pid), NULL)))
		rc = 4;
	end(pid);
	for (int i = 0; i < 10000 && rmdir(inner) && errno == EBUSY; i++)
		sleep_ms(1);
	if (rmdir(outer))
		rc = 5;
	return rc;
}

static void test_frozen(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char procs[100];

	open_ksm();
	for (size_t i = 0; i < 2; i++) {
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", mounts[i]);
		if (access(procs, W_OK))
			continue;
		CHECK_INT(frozen_rc(mounts[i], "cgroup.freeze", "1", "0"), 0);
		return;
	}
	tap_skip("needs a cgroup (version 2) that may be written to");
}

/* Version 1, where it is mounted by everybody, for us alone. */
static void test_frozen_v1(void)
{
	int status;
	pid_t pid;

	open_ksm();
	pid = fork_or_abort();
	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) ||
		    mkdir("/sys/fs/cgroup/freezer", 0700) ||
		    mount("none", "/sys/fs/cgroup/freezer", "cgroup", 0, "freezer"))
			_exit(99);
		_exit(frozen_rc("/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED"));
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		tap_skip("cannot mount the freezer of cgroups version 1");
	else
		CHECK_INT(status, 0);
}

TAP_MAIN(TAP_CASE(test_fuse), TAP_CASE(test_hangs), TAP_CASE(test_marked_stack), TAP_CASE(test_traces_us),
	 TAP_CASE(test_shared_memory), TAP_CASE(test_undumpable), TAP_CASE(test_leaderless),
	 TAP_CASE(test_frozen), TAP_CASE(test_frozen_v1) MORE_CASES)
