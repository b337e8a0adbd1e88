/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pty.h - run a program on a terminal of its own, as a shell would, and see all
 * that it writes there.
 *
 * Between the test and the program stands a small shell that leads the session:
 * without one the kernel does not stop a process by SIGTSTP.  What cannot be set
 * up ends the test program ("Bail out!").
 */
#ifndef KSM_TESTS_TOP_PTY_H
#define KSM_TESTS_TOP_PTY_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

#include "util/str.h"

struct pty {
	int master;
	int slave;		/* kept open: the terminal outlives the program */
	int orders, news;	/* to and from the shell */
	pid_t shell;
	pid_t pid;		/* the program */
	struct termios before;
	struct str out;		/* all it wrote so far */
	size_t mark;		/* pty_wait_text() looks behind it */
	int status;		/* of wait(2), when it has ended */
	bool ended, stopped;
};

struct pty_setup {
	const char *const *argv;
	const char *const *env;	/* "NAME=VALUE", or "NAME" to remove it; NULL ends */
	int cols, rows;
};

void pty_start(struct pty *p, const struct pty_setup *setup);
/* Ends what still runs. */
void pty_fini(struct pty *p);
void pty_resize(struct pty *p, int cols, int rows);
void pty_type(struct pty *p, const char *bytes, size_t len);
void pty_keys(struct pty *p, const char *text);
/* What has been written by now. */
void pty_drain(struct pty *p, int timeout_ms);
/* Behind the mark. */
bool pty_has_text(const struct pty *p, const char *text);
/* False when it does not come: the program ended, or patience has. */
bool pty_wait_text(struct pty *p, const char *text);
bool pty_wait_end(struct pty *p);
/* Has it ended?  To be asked again and again. */
bool pty_end_soon(struct pty *p, int timeout_ms);
bool pty_wait_stop(struct pty *p);
/* As fg does. */
void pty_continue(struct pty *p);
/* All that is written from now on counts for pty_wait_text(). */
void pty_mark(struct pty *p);
/* The terminal's modes are as they were before the program. */
bool pty_same_modes(struct pty *p);
/* Hang up, as a closed window does. */
void pty_hang_up(struct pty *p);

#endif /* KSM_TESTS_TOP_PTY_H */
