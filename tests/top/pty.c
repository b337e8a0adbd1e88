// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pty.c - the terminal of pty.h.
 */
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * For a machine that is stuck, not a duration that anything is measured by: looks,
 * not seconds, so that one which stands still for minutes counts as one.
 */
#define PATIENCE_S 60
#define LOOKS	   6000

static void bail_out(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(99);
}

/* ------------------------------------------------------------------ */
/* the shell								*/

static void set_env(const char *const *env)
{
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');

		if (eq) {
			char *name = strndup(*env, (size_t)(eq - *env));

			setenv(name, eq + 1, 1);
			free(name);
		} else {
			unsetenv(*env);
		}
	}
}

static void run_program(int slave, const struct pty_setup *setup)
{
	const struct rlimit none = { 0, 0 };
	sigset_t empty;

	setpgid(0, 0);
	tcsetpgrp(slave, getpid());
	/* Whoever runs the tests in the background has the interrupt key ignored. */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	/* Some of them end by crashing. */
	setrlimit(RLIMIT_CORE, &none);
	for (int fd = 0; fd < 3; fd++)
		dup2(slave, fd);
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	set_env(setup->env);
	execvp(setup->argv[0], (char *const *)setup->argv);
	_exit(127);
}

/* Tells "pid status" of each change as two ints; on an order puts it in front again. */
static void run_shell(int slave, int orders, int news, const struct pty_setup *setup)
{
	struct pollfd fd = { orders, POLLIN, 0 };
	pid_t pid;
	int told[2];
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (ioctl(slave, TIOCSCTTY, 0))
		_exit(126);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	pid = fork();
	if (!pid)
		run_program(slave, setup);
	setpgid(pid, pid);
	tcsetpgrp(slave, pid);
	told[0] = pid;
	told[1] = -1;
	if (write(news, told, sizeof(told)) != sizeof(told))
		_exit(126);
	for (;;) {
		if (waitpid(pid, &told[1], WUNTRACED | WNOHANG) == pid) {
			tcsetpgrp(slave, getpid());
			if (write(news, told, sizeof(told)) != sizeof(told) ||
			    !WIFSTOPPED(told[1]))
				_exit(0);
		}
		if (poll(&fd, 1, 5) <= 0)
			continue;
		if (read(orders, &c, 1) != 1)
			break;
		tcsetpgrp(slave, pid);
		kill(-pid, SIGCONT);
	}
	kill(-pid, SIGKILL);
	_exit(0);
}

/* ------------------------------------------------------------------ */
/* the test's side							*/

static bool hear(struct pty *p, int timeout_ms)
{
	struct pollfd fd = { p->news, POLLIN, 0 };
	int told[2];

	if (p->ended || poll(&fd, 1, timeout_ms) <= 0)
		return false;
	if (read(p->news, told, sizeof(told)) != sizeof(told)) {
		p->ended = true;
		return true;
	}
	p->pid = told[0];
	p->status = told[1];
	if (told[1] != -1) {
		p->stopped = WIFSTOPPED(told[1]);
		p->ended = !p->stopped;
	}
	return true;
}

void pty_start(struct pty *p, const struct pty_setup *setup)
{
	int orders[2], news[2];

	*p = (struct pty){ .out = STR_INIT };
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->master < 0 || grantpt(p->master) || unlockpt(p->master))
		bail_out("no pseudo terminal");
	p->slave = open(ptsname(p->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0 || tcgetattr(p->slave, &p->before))
		bail_out("no terminal");
	pty_resize(p, setup->cols, setup->rows);
	if (pipe(orders) || pipe(news))
		bail_out("pipe");
	fflush(NULL);
	p->shell = fork();
	if (p->shell < 0)
		bail_out("fork");
	if (!p->shell) {
		close(orders[1]);
		close(news[0]);
		/* It would keep a hung-up terminal alive. */
		close(p->master);
		run_shell(p->slave, orders[0], news[1], setup);
	}
	close(orders[0]);
	close(news[1]);
	p->orders = orders[1];
	p->news = news[0];
	hear(p, PATIENCE_S * 1000);
	if (!p->pid)
		bail_out("the program did not start");
}

void pty_fini(struct pty *p)
{
	if (!p->ended)
		kill(p->pid, SIGKILL);
	close(p->orders);
	while (waitpid(p->shell, NULL, 0) < 0 && errno == EINTR)
		;
	close(p->news);
	if (p->slave >= 0)
		close(p->slave);
	if (p->master >= 0)
		close(p->master);
	str_fini(&p->out);
}

void pty_resize(struct pty *p, int cols, int rows)
{
	const struct winsize ws = { .ws_col = (unsigned short)cols,
				    .ws_row = (unsigned short)rows };

	if (ioctl(p->master, TIOCSWINSZ, &ws))
		bail_out("TIOCSWINSZ");
}

void pty_drain(struct pty *p, int timeout_ms)
{
	struct pollfd fd = { p->master, POLLIN, 0 };
	char buf[16384];
	ssize_t n;

	while (poll(&fd, 1, timeout_ms) > 0 && (fd.revents & POLLIN)) {
		n = read(p->master, buf, sizeof(buf));
		if (n <= 0)
			return;
		str_addmem(&p->out, buf, (size_t)n);
		timeout_ms = 0;
	}
}

void pty_type(struct pty *p, const char *bytes, size_t len)
{
	while (len) {
		struct pollfd fd = { p->master, POLLIN | POLLOUT, 0 };
		ssize_t n;

		if (poll(&fd, 1, 1000) <= 0)
			return;
		if (fd.revents & POLLIN)
			pty_drain(p, 0);
		if (!(fd.revents & POLLOUT))
			continue;
		n = write(p->master, bytes, len);
		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

void pty_keys(struct pty *p, const char *text)
{
	pty_type(p, text, strlen(text));
}

void pty_mark(struct pty *p)
{
	pty_drain(p, 0);
	p->mark = p->out.len;
}

bool pty_has_text(const struct pty *p, const char *text)
{
	return p->out.len > p->mark &&
	       memmem(p->out.s + p->mark, p->out.len - p->mark, text, strlen(text));
}

static bool wait_for(struct pty *p, bool (*there)(struct pty *p, const void *arg), const void *arg)
{
	for (int look = 0; !there(p, arg); look++) {
		if (look == LOOKS)
			return false;
		pty_drain(p, 20);
		hear(p, 0);
		if (p->ended) {
			/* The last of it. */
			pty_drain(p, 20);
			return there(p, arg);
		}
	}
	return true;
}

static bool text_there(struct pty *p, const void *text)
{
	return pty_has_text(p, text);
}

static bool end_there(struct pty *p, const void *arg __unused)
{
	return p->ended;
}

static bool stop_there(struct pty *p, const void *arg __unused)
{
	return p->stopped;
}

bool pty_wait_text(struct pty *p, const char *text)
{
	return wait_for(p, text_there, text);
}

bool pty_wait_end(struct pty *p)
{
	return wait_for(p, end_there, NULL);
}

bool pty_end_soon(struct pty *p, int timeout_ms)
{
	pty_drain(p, timeout_ms / 2);
	hear(p, timeout_ms / 2);
	if (p->ended)
		pty_drain(p, 20);
	return p->ended;
}

bool pty_wait_stop(struct pty *p)
{
	return wait_for(p, stop_there, NULL);
}

void pty_continue(struct pty *p)
{
	pty_mark(p);
	p->stopped = false;
	if (write(p->orders, "c", 1) != 1)
		bail_out("the shell is gone");
}

bool pty_same_modes(struct pty *p)
{
	struct termios now;

	return !tcgetattr(p->slave, &now) && now.c_iflag == p->before.c_iflag &&
	       now.c_oflag == p->before.c_oflag && now.c_cflag == p->before.c_cflag &&
	       now.c_lflag == p->before.c_lflag &&
	       !memcmp(now.c_cc, p->before.c_cc, sizeof(now.c_cc));
}

void pty_hang_up(struct pty *p)
{
	close(p->slave);
	p->slave = -1;
	close(p->master);
	p->master = -1;
}
