// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-stay.c - ksm-advise as the parent of a command (--report): does a shell notice?
 *
 * The test is the shell: leader of a session with a terminal of its own, that
 * starts ksm-advise as a job, types at it, and waits.  Everything that can be
 * waited for is; nothing depends on time but the limit for a hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/tap.h"

#define HANG_SECONDS 60

static int master = -1, slave = -1;

struct job {
	pid_t pid;
	int out;	/* what it writes to standard output */
};

static bool terminal_open(void)
{
	const char *name;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master))
		return false;
	name = ptsname(master);
	/* Leader of a session without one: it becomes our controlling terminal. */
	slave = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	return slave >= 0 && tcgetpgrp(slave) >= 0;
}

static void type(const char *text)
{
	CHECK_INT(write(master, text, strlen(text)), (intmax_t)strlen(text));
}

static void foreground(pid_t group)
{
	CHECK_INT(tcsetpgrp(slave, group), 0);
}

/* As a shell starts a job: a group of its own, in the foreground, default signals. */
static struct job start(bool on_terminal, const char *script)
{
	struct job job = { -1, -1 };
	int p[2];

	/* What was typed at the job before. */
	tcflush(slave, TCIOFLUSH);
	if (pipe2(p, O_CLOEXEC))
		return job;
	job.pid = fork();
	if (!job.pid) {
		setpgid(0, 0);
		if (on_terminal)
			tcsetpgrp(slave, getpid());
		else
			setsid();
		for (int sig = 1; sig < NSIG; sig++)
			signal(sig, SIG_DFL);
		dup2(on_terminal ? slave : open("/dev/null", O_RDONLY), 0);
		dup2(p[1], 1);
		execlp("ksm-advise", "ksm-advise", "-q", "--report=/dev/null", "--", "sh", "-c",
		       script, (char *)NULL);
		_exit(99);
	}
	setpgid(job.pid, job.pid);
	close(p[1]);
	job.out = p[0];
	return job;
}

/* The command tells that it is ready, and its own number. */
static pid_t job_ready(const struct job *job)
{
	char text[32];
	size_t n = 0;

	while (n + 1 < sizeof(text) && read(job->out, text + n, 1) == 1 && text[n] != '\n')
		n++;
	text[n] = '\0';
	/* Number 0 would be our own group, to be stopped and never continued. */
	if (strtol(text, NULL, 10) <= 0) {
		printf("Bail out! ksm-advise on PATH started no command\n");
		fflush(stdout);
		_exit(1);
	}
	return (pid_t)strtol(text, NULL, 10);
}

static int job_wait(const struct job *job, int options)
{
	int status = -1;

	while (waitpid(job->pid, &status, options) < 0 && errno == EINTR)
		;
	return status;
}

static void job_end(struct job *job)
{
	foreground(getpgrp());
	close(job->out);
}

static char state_of(pid_t pid)
{
	char name[64], text[512], *p;
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '-';
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return '-';
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && p[1] ? p[2] : '-';
}

static void wait_state(pid_t pid, char state)
{
	while (state_of(pid) != state && state_of(pid) != '-')
		usleep(1000);
	CHECK_INT(state_of(pid), state);
}

/* ------------------------------------------------------------------ */

static void status_is_handed_on(void)
{
	struct job job = start(true, "exit 7");
	int status = job_wait(&job, 0);

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 7);
	job_end(&job);
}

static void signal_is_handed_on(void)
{
	struct job job = start(true, "kill -SEGV $$");
	int status = job_wait(&job, 0);

	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGSEGV);
	CHECK(!WCOREDUMP(status));
	job_end(&job);
}

static void interrupt_key_ends_both(void)
{
	struct job job = start(true, "echo $$; exec sleep 1000");
	int status;

	wait_state(job_ready(&job), 'S');
	type("\003");
	status = job_wait(&job, 0);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGINT);
	job_end(&job);
}

/* A command that handles the key goes on, and so do we. */
static void interrupt_key_may_be_handled(void)
{
	struct job job = start(true, "trap 'got=1' INT; echo $$; read x; test $got || read x;"
				     "exit 3$got");
	int status;

	wait_state(job_ready(&job), 'S');
	type("\003");
	type("\n\n");
	status = job_wait(&job, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 31);
	job_end(&job);
}

static void stop_key_stops_both(void)
{
	struct job job = start(true, "echo $$; read x; exit 5");
	pid_t command = job_ready(&job);
	int status;

	wait_state(command, 'S');
	type("\032");
	status = job_wait(&job, WUNTRACED);
	CHECK(WIFSTOPPED(status));
	CHECK_INT(WSTOPSIG(status), SIGTSTP);
	CHECK_INT(state_of(command), 'T');
	CHECK_INT(state_of(job.pid), 'T');
	foreground(getpgrp());
	/* fg */
	foreground(job.pid);
	kill(-job.pid, SIGCONT);
	wait_state(command, 'S');
	type("\n");
	status = job_wait(&job, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 5);
	job_end(&job);
}

/* Stopped and continued three times, by whoever: no end is lost. */
static void stop_again_and_again(void)
{
	struct job job = start(true, "echo $$; read x; exit 6");
	pid_t command = job_ready(&job);
	int status;

	for (int i = 0; i < 3; i++) {
		wait_state(command, 'S');
		kill(command, SIGSTOP);
		status = job_wait(&job, WUNTRACED);
		CHECK(WIFSTOPPED(status));
		CHECK_INT(state_of(command), 'T');
		/* Only the one that the shell knows of. */
		kill(job.pid, SIGCONT);
	}
	wait_state(command, 'S');
	type("\n");
	status = job_wait(&job, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 6);
	job_end(&job);
}

static void background_read_stops_both(void)
{
	struct job job = start(true, "echo $$; read x; read x; exit 8");
	pid_t command = job_ready(&job);
	int status;

	wait_state(command, 'S');
	foreground(getpgrp());
	kill(command, SIGCONT);
	/* The first read was begun in the foreground. */
	type("\n");
	status = job_wait(&job, WUNTRACED);
	CHECK(WIFSTOPPED(status));
	CHECK_INT(WSTOPSIG(status), SIGTTIN);
	foreground(job.pid);
	kill(-job.pid, SIGCONT);
	type("\n\n");
	status = job_wait(&job, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 8);
	job_end(&job);
}

static void terminate_is_sent_on(void)
{
	struct job job = start(true, "trap 'exit 9' TERM; echo $$; while :; do sleep 0.01; done");
	int status;

	job_ready(&job);
	kill(job.pid, SIGTERM);
	status = job_wait(&job, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 9);
	job_end(&job);
}

static void all_the_others_are_sent_on(void)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		char script[160];
		struct job job;
		int status;

		tap_row("%d", sigs[i]);
		snprintf(script, sizeof(script),
			 "trap 'exit 10' %d; echo $$; while :; do sleep 0.01; done", sigs[i]);
		job = start(true, script);
		job_ready(&job);
		kill(job.pid, sigs[i]);
		status = job_wait(&job, 0);
		CHECK(WIFEXITED(status));
		CHECK_INT(WEXITSTATUS(status), 10);
		job_end(&job);
	}
}

static void terminate_ends_both(void)
{
	struct job job = start(true, "echo $$; exec sleep 1000");
	pid_t command = job_ready(&job);
	int status;

	kill(job.pid, SIGTERM);
	status = job_wait(&job, 0);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGTERM);
	CHECK_INT(state_of(command), '-');
	job_end(&job);
}

/* Without a terminal there is no shell to take over: whoever stops continues. */
static void service_may_be_stopped_alone(void)
{
	struct job job = start(false, "trap 'exit 4' USR1; echo $$; while :; do sleep 0.01; done");
	pid_t command = job_ready(&job);
	int status;

	kill(command, SIGSTOP);
	wait_state(command, 'T');
	kill(command, SIGCONT);
	kill(command, SIGUSR1);
	status = job_wait(&job, WUNTRACED);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 4);
	job_end(&job);
}

/* A pipe that the command closes is closed. */
static void closed_pipe_is_seen(void)
{
	struct job job = start(true, "echo $$; exec >&-; read x; exit 2");
	char c;
	int status;

	job_ready(&job);
	CHECK_INT(read(job.out, &c, 1), 0);
	type("\n");
	status = job_wait(&job, 0);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 2);
	job_end(&job);
}

int main(void)
{
	static const struct tap_case cases[] = {
		TAP_CASE(status_is_handed_on),
		TAP_CASE(signal_is_handed_on),
		TAP_CASE(interrupt_key_ends_both),
		TAP_CASE(interrupt_key_may_be_handled),
		TAP_CASE(stop_key_stops_both),
		TAP_CASE(stop_again_and_again),
		TAP_CASE(background_read_stops_both),
		TAP_CASE(terminate_is_sent_on),
		TAP_CASE(all_the_others_are_sent_on),
		TAP_CASE(terminate_ends_both),
		TAP_CASE(service_may_be_stopped_alone),
		TAP_CASE(closed_pipe_is_seen),
	};
	int status = 1;
	pid_t shell;

	fflush(stdout);
	shell = fork();
	if (!shell) {
		setsid();
		/* Nobody else ends this session when the test is ended. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* A shell must be able to take the terminal back. */
		signal(SIGTTOU, SIG_IGN);
		signal(SIGTTIN, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		alarm(HANG_SECONDS);
		if (!terminal_open()) {
			printf("1..0 # SKIP no pseudo terminal\n");
			fflush(stdout);
			_exit(0);
		}
		status = tap_run(cases, ARRAY_SIZE(cases));
		fflush(stdout);
		_exit(status);
	}
	while (waitpid(shell, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
