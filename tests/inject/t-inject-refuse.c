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

	if (hang && read(hang_pipe[0], &c, 1) == 1)
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

TAP_MAIN(TAP_CASE(test_fuse), TAP_CASE(test_hangs))
