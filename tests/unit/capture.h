/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - run a function that may end the program, and keep what it said.
 *
 * The function runs in a child; its stdout and stderr are read until both are
 * closed, so neither can fill a pipe and stop it.
 */
#ifndef KSM_TESTS_CAPTURE_H
#define KSM_TESTS_CAPTURE_H

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/str.h"

struct captured {
	int status;	/* exit status, or 128 + signal */
	struct str out;
	struct str err;
};

static inline void captured_fini(struct captured *c)
{
	str_fini(&c->out);
	str_fini(&c->err);
}

#define __cleanup_captured __attribute__((cleanup(captured_fini)))

static inline void capture_drain(int fd, struct str *to)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		str_addmem(to, buf, (size_t)n);
	else
		close(fd);
}

/* out_fd: where the child's stdout goes, or -1 for a pipe that is read. */
static inline struct captured capture(void (*fn)(void *), void *arg, int out_fd)
{
	struct captured c = { 0, STR_INIT, STR_INIT };
	struct str *const to[2] = { &c.out, &c.err };
	int out[2] = { -1, -1 }, err[2];
	struct pollfd fds[2];
	int wstatus;
	pid_t pid;

	fflush(NULL);
	if ((out_fd < 0 && pipe(out)) || pipe(err))
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		dup2(out_fd < 0 ? out[1] : out_fd, STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		if (out_fd < 0) {
			close(out[0]);
			close(out[1]);
		}
		close(err[0]);
		close(err[1]);
		fn(arg);
		exit(0);
	}
	if (out_fd < 0)
		close(out[1]);
	close(err[1]);
	fds[0] = (struct pollfd){ out[0], POLLIN, 0 };
	fds[1] = (struct pollfd){ err[0], POLLIN, 0 };
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			abort();
		for (int i = 0; i < 2; i++) {
			size_t before = to[i]->len;

			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			capture_drain(fds[i].fd, to[i]);
			if (to[i]->len == before)
				fds[i].fd = -1;
		}
	}
	while (waitpid(pid, &wstatus, 0) < 0)
		if (errno != EINTR)
			abort();
	c.status = WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus) : WEXITSTATUS(wstatus);
	return c;
}

#endif /* KSM_TESTS_CAPTURE_H */
