// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stay.c - be the parent of a command until it ends: for --report and --scanner.
 *
 * A parent in between must not show.  Signals of the terminal reach the command
 * by themselves, as it is in our process group; what others send to us is sent
 * on; when the command stops, so do we, so that the shell takes over; and its
 * end becomes ours, by status or by signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "inject/hold.h"
#include "libksm/sys.h"

#define NS_PER_S 1000000000ULL
/* Figures are gone with the command, so the last sample must not be old; nor may it cost. */
#define SAMPLE_FIRST_NS 10000000ULL
#define SAMPLE_LAST_NS NS_PER_S
/* Looking through the mappings of a large process takes long: at most this share of the time. */
#define FOLLOW_SHARE 50

struct stay {
	struct adv *a;
	const struct adv_plan *plan;
	struct adv_report report;
	sigset_t inherited;		/* signal mask as we found it */
	struct sigaction chld;		/* disposition of SIGCHLD, the same */
	pid_t pid;
	int signal_fd, timer_fd, pidfd;
	uint64_t sample_ns;
	bool stopped;
	bool ended;
	int status;
};

/* ------------------------------------------------------------------ */
/* starting								*/

/* Signals that are about this process itself, not about the command. */
static const int own_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT };

static void take_signals(struct stay *s)
{
	struct sigaction normal = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++)
		sigdelset(&set, own_signals[i]);
	sigprocmask(SIG_BLOCK, &set, &s->inherited);
	/* Ignored, it would keep the command's end from us. */
	sigaction(SIGCHLD, &normal, &s->chld);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->signal_fd < 0 || s->timer_fd < 0)
		cli_die(CLI_WRAP_FAIL, -errno, "%s: not run: cannot create a signalfd or a timerfd",
			s->a->argv[0]);
}

/* poll(2) tells many descriptors apart in one call: POLLNVAL is not open. */
static void close_inherited(int from, int n)
{
	struct pollfd p[1024];

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = from + i };
	if (poll(p, (nfds_t)n, 0) < 0)
		return;
	for (int i = 0; i < n; i++) {
		/* Ours are close-on-exec, and what came through exec is not. */
		if (!(p[i].revents & POLLNVAL) && !(fcntl(p[i].fd, F_GETFD) & FD_CLOEXEC))
			close(p[i].fd);
	}
}

/*
 * What was inherited belongs to the command: if it closes a pipe, the reader must
 * see its end.  Ours have the lowest numbers that were free, so none is far above
 * the one that is free now.
 */
static void drop_inherited(void)
{
	const int max = (int)MIN(sysconf(_SC_OPEN_MAX), 65536L), step = 1024;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int end = MIN(null + 64, max);

	if (sys_close_from((unsigned int)end))
		end = max;
	for (int fd = ADV_FD_MESSAGES + 1; fd < end; fd += step)
		close_inherited(fd, MIN(step, end - fd));
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDOUT_FILENO)
		close(null);
}

static _Noreturn void child(struct stay *s, int go_fd, int tell_fd)
{
	char go;
	int rc;

	sigaction(SIGCHLD, &s->chld, NULL);
	if (s->a->strict && read(go_fd, &go, 1) != 1)
		_exit(CLI_WRAP_FAIL);
	sigprocmask(SIG_SETMASK, &s->inherited, NULL);
	rc = adv_exec_become(s->a, s->plan);
	if (rc > 0 || write(tell_fd, &rc, sizeof(rc)) != sizeof(rc))
		_exit(CLI_WRAP_FAIL);
	_exit(0);
}

static int reap(struct stay *s)
{
	int status = 0;

	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* With --strict: hold the child at the end of its exec.  0 also when it ended before. */
static int start_held(struct stay *s, int go_fd)
{
	int rc = ksm_hold_begin(s->pid);

	if (rc) {
		cli_error(rc, "%s: not run: cannot be held for verification", s->a->argv[0]);
		return rc;
	}
	if (write(go_fd, "g", 1) != 1)
		return -EIO;
	rc = ksm_hold_exec(s->pid);
	if (rc)
		return rc == -ESRCH ? 0 : rc;
	return adv_verify_held(s->a, s->plan, s->pid);
}

/* CLI_OK, or the status to end with because the command was not run. */
static int started(struct stay *s, int go_fd, int tell_fd)
{
	ssize_t n;
	int rc = 0;

	if (s->a->strict && start_held(s, go_fd)) {
		kill(s->pid, SIGKILL);
		reap(s);
		return CLI_WRAP_FAIL;
	}
	/* Nothing comes: exec has closed it. */
	while ((n = read(tell_fd, &rc, sizeof(rc))) < 0 && errno == EINTR)
		;
	if (n == sizeof(rc)) {
		reap(s);
		return adv_exec_failed(s->a->argv[0], rc);
	}
	return CLI_OK;
}

static int start(struct stay *s)
{
	int tell[2] = { -1, -1 }, go[2] = { -1, -1 }, code;

	if (pipe2(tell, O_CLOEXEC) || pipe2(go, O_CLOEXEC) || (s->pid = fork()) < 0) {
		cli_error(-errno, "%s: not run", s->a->argv[0]);
		return CLI_WRAP_FAIL;
	}
	if (!s->pid) {
		close(go[1]);
		child(s, go[0], tell[1]);
	}
	close(tell[1]);
	close(go[0]);
	drop_inherited();
	s->pidfd = sys_pidfd_open(s->pid, 0);
	code = started(s, go[1], tell[0]);
	close(go[1]);
	close(tell[0]);
	return code;
}

/* ------------------------------------------------------------------ */
/* while it runs							*/

static void arm(struct stay *s, uint64_t at_least_ns)
{
	const uint64_t ns = MAX(s->sample_ns, at_least_ns);
	struct itimerspec t = { 0 };

	t.it_value.tv_sec = (time_t)(ns / NS_PER_S);
	t.it_value.tv_nsec = (long)(ns % NS_PER_S);
	timerfd_settime(s->timer_fd, 0, &t, NULL);
	s->sample_ns = MIN(s->sample_ns * 2, SAMPLE_LAST_NS);
}

static void tick(struct stay *s)
{
	uint64_t n, begin = ksm_now_ns();
	struct ksm_advised done;

	if (read(s->timer_fd, &n, sizeof(n)) != sizeof(n))
		return;
	if (s->plan->how == ADV_HOW_FOLLOW)
		ksm_advise_mappings(s->a->k, KSM_CHILD(s->pid), &done);
	if (s->a->report)
		adv_report_sample(&s->report, s->a);
	arm(s, s->plan->how == ADV_HOW_FOLLOW ? FOLLOW_SHARE * (ksm_now_ns() - begin) : 0);
}

/* Stop as the command did; returns when somebody continues us. */
static void stop_like(struct stay *s, int sig)
{
	struct sigaction normal = { .sa_handler = SIG_DFL }, found;
	sigset_t one;
	siginfo_t info = { 0 };

	sigemptyset(&one);
	sigaddset(&one, sig);
	sigaction(sig, &normal, &found);
	kill(getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	/* Here we were stopped. */
	sigprocmask(SIG_BLOCK, &one, NULL);
	sigaction(sig, &found, NULL);
	/* "fg" continues the whole group, "kill -CONT" only whom it names. */
	if (waitid(P_PID, (id_t)s->pid, &info, WCONTINUED | WNOHANG) || !info.si_pid)
		kill(s->pid, SIGCONT);
	s->stopped = false;
}

/*
 * Is there a shell that would take over and later continue us?  Where there is
 * none, whoever stopped the command continues it alone.
 */
static bool has_job_control(int sig)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool has = tty >= 0 && (sig != SIGSTOP || tcgetpgrp(tty) == getpgrp());

	if (tty >= 0)
		close(tty);
	return has;
}

static void child_changed(struct stay *s)
{
	int status;

	while (waitpid(s->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
		if (WIFSTOPPED(status)) {
			s->stopped = true;
			if (has_job_control(WSTOPSIG(status)))
				stop_like(s, WSTOPSIG(status));
		} else if (WIFCONTINUED(status)) {
			s->stopped = false;
		} else {
			s->ended = true;
			s->status = status;
			return;
		}
	}
}

/* Did the sender mean the command, and has it not got the signal already? */
static bool is_for_command(const struct stay *s, const struct signalfd_siginfo *si)
{
	/* The kernel's own: the terminal tells the whole group, and ours is the same. */
	if (si->ssi_code > 0)
		return si->ssi_signo == SIGHUP && getsid(0) == getpid();
	return (pid_t)si->ssi_pid != s->pid;
}

static void signals(struct stay *s)
{
	struct signalfd_siginfo si;

	while (!s->ended && read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			child_changed(s);
		else if (si.ssi_signo == SIGCONT && !s->stopped)
			continue;
		else if (is_for_command(s, &si))
			kill(s->pid, (int)si.ssi_signo);
	}
}

static void watch(struct stay *s)
{
	struct pollfd p[] = {
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->timer_fd, .events = POLLIN },
	};

	/* What came before we looked. */
	child_changed(s);
	while (!s->ended) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			signals(s);
		if (!s->ended && p[1].revents)
			tick(s);
	}
}

/* ------------------------------------------------------------------ */
/* its end								*/

static int end_like(int status)
{
	struct sigaction normal = { .sa_handler = SIG_DFL };
	const struct rlimit no_core = { 0, 0 };
	sigset_t one;
	int sig;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	sig = WTERMSIG(status);
	/* There is one core to be had, the command's. */
	setrlimit(RLIMIT_CORE, &no_core);
	sigaction(sig, &normal, NULL);
	kill(getpid(), sig);
	sigemptyset(&one);
	sigaddset(&one, sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + sig;
}

int adv_stay(struct adv *a, const struct adv_plan *plan)
{
	struct stay s = { .a = a, .plan = plan, .sample_ns = SAMPLE_FIRST_NS };
	int code, rc;

	adv_report_init(&s.report, a);
	take_signals(&s);
	/* From here on signals wait until the command is there to get them. */
	if (a->scanner)
		adv_scanner_start(a, CLI_WRAP_FAIL);
	else if (plan->how != ADV_HOW_NONE && plan->how != ADV_HOW_OFF)
		adv_scanner_hint(a);
	code = start(&s);
	s.report.pid = s.pid;
	if (code != CLI_OK) {
		adv_scanner_stop();
		adv_report_fini(&s.report);
		return code;
	}
	if (!a->strict && (plan->how == ADV_HOW_PRCTL || plan->how == ADV_HOW_INJECT))
		adv_verify(a, plan, s.pid, s.pidfd);
	if (a->report)
		adv_report_sample(&s.report, a);
	arm(&s, 0);
	watch(&s);
	adv_scanner_stop();
	if (a->report) {
		rc = adv_report_print(&s.report, a, plan, s.status);
		if (rc)
			cli_error(rc, "%s: cannot write the report",
				  a->report_file ? a->report_file : "standard error");
	}
	adv_report_fini(&s.report);
	return end_like(s.status);
}
