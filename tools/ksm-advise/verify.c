// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify.c - after exec: is merging on?  If not, set it again, or say so.
 *
 * This process becomes the command, so another must look: a helper that is
 * forked twice, so that the command never has it as a child, in a session of its
 * own, holding nothing but a socket, a pidfd and the messages' descriptor.  The
 * socket's other end closes at exec: that is how it learns of it.  It lives for
 * some hundred microseconds more, and ends at once when the command does.
 *
 * The setting may be lost: ksmd may pass by in the middle of exec, find no
 * mergeable mapping, and clear the flag (Linux 6.7 to 6.18).  Once there is one
 * mergeable mapping that cannot happen any more.  Where the kernel does not lose
 * it, or ksmd does not run, there is no helper: it costs a fork, and an init that
 * does not look after its orphans keeps a zombie of it.
 *
 * With --strict the helper traces the command and holds it at the end of exec,
 * so that it does not run one instruction before its state is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "inject/hold.h"
#include "libksm/sys.h"

/* Descriptors of the helper, besides that of the messages. */
enum { FD_LINK = 0, FD_PROCESS = 1 };

/* What is said over the link, besides closing it. */
enum { SAY_CANCEL = 'x', SAY_HOLD = 'h' };

/* Waits, in microseconds, between looks at a process that seems not to have it. */
static const unsigned int looks_us[] = { 100, 200, 500, 1000, 1000, 2000, 5000 };
/* Attempts to inject while the right moment does not come (in exec, say). */
#define INJECT_TRIES 50
/* For what the helper does, whose copy of this stack it runs on. */
#define MIDDLE_STACK (256U << 10)

enum verdict { IS_ON, IS_OFF, IS_GONE, IS_HIDDEN };

static enum verdict look(struct ksm *k, pid_t pid)
{
	struct ksm_proc p;
	int rc = ksm_proc_read(k, pid, KSM_PROC_KSM | KSM_PROC_EXACT, &p);

	if (rc == -ESRCH || (!rc && (p.state == 'Z' || p.state == 'X')))
		return IS_GONE;
	if (rc)
		return IS_HIDDEN;
	switch (p.member) {
	case KSM_MEMBER_ANY:
	case KSM_MEMBER_ON:
		return IS_ON;
	case KSM_MEMBER_MADVISE:
		/* Its own marks, where the kernel says so (6.15); else all that one can see of ours. */
		return ksm_fig_has(p.ksm.merge_any) ? IS_OFF : IS_ON;
	case KSM_MEMBER_OFF:
		return IS_OFF;
	default:
		return IS_HIDDEN;
	}
}

/* False when the process ended meanwhile. */
static bool rest(int pidfd, unsigned int us)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct timespec t = { us / 1000000, us % 1000000 * 1000L };

	return ppoll(&p, 1, &t, NULL) <= 0;
}

/* 0, -ESRCH, or -errno with the reason in @info. */
static int inject(struct adv *a, pid_t pid, int pidfd, struct ksm_inject_info *info)
{
	struct ksm_whom whom = { 0 };
	int rc;

	(void)ksm_ident_read(a->k, pid, &whom.id);
	/* It is who the pidfd is of, as long as that has not ended by now. */
	if (!rest(pidfd, 0))
		return -ESRCH;
	for (int i = 0; i < INJECT_TRIES; i++) {
		rc = ksm_inject_merge_set(a->k, &whom, true, info);
		if (rc != -EAGAIN && info->why != KSM_INJECT_BUSY)
			break;
		if (!rest(pidfd, 1000))
			return -ESRCH;
	}
	return rc;
}

bool adv_verify(struct adv *a, const struct adv_plan *plan, pid_t pid, int pidfd)
{
	struct ksm_inject_info info;
	enum verdict v = IS_OFF;
	char why[256];
	int rc;

	/* An injection reads the setting back itself. */
	for (size_t i = 0; plan->how == ADV_HOW_PRCTL; i++) {
		v = look(a->k, pid);
		if (v != IS_OFF || i == ARRAY_SIZE(looks_us))
			break;
		/* Exec may not have mapped anything yet. */
		if (!rest(pidfd, looks_us[i]))
			v = IS_GONE;
	}
	if (v == IS_ON)
		cli_note("%s: verified: merging is on", a->argv[0]);
	if (v == IS_HIDDEN)
		cli_note("%s: not verified: its state may not be read", a->argv[0]);
	if (v != IS_OFF)
		return v != IS_HIDDEN;
	rc = inject(a, pid, pidfd, &info);
	if (rc == -ESRCH)
		return true;
	if (rc) {
		cli_warn(0, "%s: runs without merging: %s: %s", a->argv[0],
			 plan->how == ADV_HOW_PRCTL ?
				 "the kernel lost the setting at exec, and it cannot be set again" :
				 "it cannot be set after exec",
			 ksm_advise_why(&info, rc, why, sizeof(why)));
		return false;
	}
	cli_note("%s: %s", a->argv[0],
		 plan->how == ADV_HOW_PRCTL ?
			 "verified: the kernel lost the setting at exec, it was set again" :
			 "verified: merging was switched on after exec");
	return true;
}

/* ------------------------------------------------------------------ */
/* --strict								*/

int adv_verify_held(struct adv *a, const struct adv_plan *plan, pid_t pid)
{
	int rc = 0;

	if (plan->how != ADV_HOW_PRCTL || look(a->k, pid) != IS_ON)
		rc = ksm_hold_merge_set(a->k, pid);
	if (!rc) {
		rc = ksm_hold_end(pid);
		cli_note("%s: verified: merging is on", a->argv[0]);
		return rc;
	}
	cli_error(rc, "%s: not run: merging cannot be verified", a->argv[0]);
	ksm_hold_quit(a->k, pid, CLI_WRAP_FAIL);
	return rc;
}

static void guard_hold(struct adv *a, const struct adv_plan *plan, pid_t pid)
{
	int rc = ksm_hold_begin(pid);

	if (send(FD_LINK, &rc, sizeof(rc), MSG_NOSIGNAL) != sizeof(rc) || rc)
		return;
	if (!ksm_hold_exec(pid))
		adv_verify_held(a, plan, pid);
}

/* ------------------------------------------------------------------ */
/* the helper								*/

/* Runs in the helper; the handle is opened anew, as all other descriptors go. */
static void guard_main(struct adv *a, const struct adv_plan *plan, pid_t pid, int link, int pidfd)
{
	struct pollfd p[] = {
		{ .fd = FD_LINK, .events = POLLIN },
		{ .fd = FD_PROCESS, .events = POLLIN },
	};
	char said = 0;

	setsid();
	/* Both were opened above 2, so neither replaces the other. */
	if (dup2(link, FD_LINK) < 0 || dup2(pidfd, FD_PROCESS) < 0)
		return;
	sys_close_from(ADV_FD_MESSAGES + 1);
	adv_open(a, CLI_FAIL);
	while (poll(p, ARRAY_SIZE(p), -1) < 0)
		if (errno != EINTR)
			return;
	if (p[1].revents)
		return;
	if (read(FD_LINK, &said, 1) == 1) {
		if (said == SAY_HOLD)
			guard_hold(a, plan, pid);
		return;
	}
	adv_verify(a, plan, pid, FD_PROCESS);
}

/* As fcntl(F_DUPFD) does: the standard descriptors may be closed. */
static int above_standard(int fd)
{
	int up;

	if (fd < 0 || fd > ADV_FD_MESSAGES)
		return fd;
	up = fcntl(fd, F_DUPFD_CLOEXEC, ADV_FD_MESSAGES + 1);
	close(fd);
	return up;
}

struct fork {
	struct adv *a;
	const struct adv_plan *plan;
	int link, pidfd;
	pid_t self, guard;
};

/* In our memory, so that ->guard is known to us. */
static int middle_main(void *arg)
{
	struct fork *f = arg;

	f->guard = fork();
	if (!f->guard) {
		guard_main(f->a, f->plan, f->self, f->link, f->pidfd);
		_exit(0);
	}
	_exit(0);
}

/* May a child end that is not ours to lose: one that was there before us, or an orphan? */
static bool has_heirs(void)
{
	siginfo_t si;

	return !waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) || getpid() == 1 ||
	       sys_is_subreaper();
}

/*
 * The middle process ends at once, so that the helper's parent is init.  Its end
 * must leave no trace in us either: with SIGCHLD ignored there is no signal,
 * nothing to wait for, and nothing added to the resources used by children.
 *
 * But that holds for any child that ends meanwhile, and those that this process
 * had before it became ksm-advise belong to the command, which may wait for them.
 * Where there are some, the middle process gives no signal, is waited for, and
 * its few pages are added.
 */
static pid_t fork_guard(struct adv *a, const struct adv_plan *plan, int link, int pidfd)
{
	static _Alignas(64) char stack[MIDDLE_STACK];
	struct sigaction ignore = { .sa_handler = SIG_IGN }, found;
	struct fork f = { .a = a, .plan = plan, .link = link, .pidfd = pidfd,
			  .self = getpid(), .guard = -1 };
	const bool heirs = has_heirs();
	pid_t middle;

	if (!heirs)
		sigaction(SIGCHLD, &ignore, &found);
	middle = clone(middle_main, stack + sizeof(stack),
		       CLONE_VM | CLONE_VFORK | (heirs ? 0 : SIGCHLD), &f);
	while (middle > 0 && waitpid(middle, NULL, __WALL) < 0 && errno == EINTR)
		;
	if (!heirs)
		sigaction(SIGCHLD, &found, NULL);
	return f.guard;
}

static bool may_be_lost(const struct adv *a)
{
	struct ksm_value run;

	if (a->caps.prctl_sure)
		return false;
	return ksm_attr_read(a->k, KSM_ATTR_RUN, &run) || run.state != KSM_VALUE ||
	       (run.v & KSM_RUN_RUNNING);
}

static bool is_wanted(const struct adv *a, const struct adv_plan *plan)
{
	if (plan->how != ADV_HOW_PRCTL && plan->how != ADV_HOW_INJECT)
		return false;
	/* Who wants to be told gets told what is, not what must be. */
	if (plan->how == ADV_HOW_PRCTL && !a->strict && cli_verbosity() < 1 && !may_be_lost(a))
		return false;
	/*
	 * An init, or a subreaper, would inherit the helper as a child that the
	 * command does not know of.
	 */
	if (plan->how == ADV_HOW_PRCTL && !a->strict && (getpid() == 1 || sys_is_subreaper())) {
		cli_note("%s: not verified: it would become the parent of the verifier",
			 a->argv[0]);
		return false;
	}
	return true;
}

/* The helper holds us before we may exec. */
static int ask_for_hold(struct adv *a, int link)
{
	const char say = SAY_HOLD;
	int rc = -EPROTO;

	if (send(link, &say, 1, MSG_NOSIGNAL) != 1 || read(link, &rc, sizeof(rc)) != sizeof(rc))
		rc = -EPROTO;
	if (rc == -EPERM)
		cli_error(0, "%s: not run: cannot be held for verification "
			     "(is ksm-advise itself being traced?)",
			  a->argv[0]);
	else if (rc)
		cli_error(rc, "%s: not run: cannot be held for verification", a->argv[0]);
	return rc;
}

int adv_guard_start(struct adv *a, const struct adv_plan *plan, struct adv_guard *g)
{
	int link[2] = { -1, -1 }, pidfd = -1, rc = 0;
	pid_t guard;

	g->hold_fd = -1;
	if (!is_wanted(a, plan))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link))
		rc = -errno;
	link[0] = above_standard(link[0]);
	link[1] = above_standard(link[1]);
	if (!rc)
		pidfd = above_standard(sys_pidfd_open(getpid(), 0));
	if (!rc && pidfd < 0)
		rc = pidfd;
	if (!rc) {
		guard = fork_guard(a, plan, link[1], pidfd);
		if (guard < 0)
			rc = -EAGAIN;
		else
			sys_set_ptracer(guard);
	}
	if (pidfd >= 0)
		close(pidfd);
	if (link[1] >= 0)
		close(link[1]);
	g->hold_fd = link[0];
	if (rc && !a->strict) {
		cli_warn(rc, "%s: will not be verified", a->argv[0]);
		return 0;
	}
	if (rc)
		cli_error(rc, "%s: not run: cannot be verified", a->argv[0]);
	else if (a->strict)
		rc = ask_for_hold(a, link[0]);
	return rc;
}

void adv_guard_cancel(struct adv_guard *g)
{
	const char say = SAY_CANCEL;

	if (g->hold_fd < 0)
		return;
	if (send(g->hold_fd, &say, 1, MSG_NOSIGNAL) < 0)
		return;
	close(g->hold_fd);
	g->hold_fd = -1;
}
