// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * every.c - the same again and again, until a signal asks to end.
 *
 * Each round is a process of its own: what fails in one, or stays allocated, is gone with
 * it, and the next one sees the kernel with fresh eyes.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"

static const int enders[] = { SIGHUP, SIGINT, SIGTERM };

/* False: it is to end. */
static bool wait_until(const sigset_t *awaited, uint64_t until)
{
	for (;;) {
		const uint64_t now = ksm_now_ns(), left = now < until ? until - now : 0;
		const struct timespec t = { left / 1000000000, left % 1000000000 };
		const int sig = sigtimedwait(awaited, NULL, &t);

		if (sig > 0)
			return false;
		if (errno == EAGAIN)
			return true;
	}
}

/* The exit status of a round. */
static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0) {
		cli_error(-errno, "fork");
		return CLI_FAIL;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			cli_error(-errno, "wait");
			return CLI_FAIL;
		}
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	cli_error(0, "a round was ended by signal %d", WTERMSIG(status));
	return CLI_FAIL;
}

int ctl_every(uint64_t ns, int (*once)(void *arg), void *arg)
{
	uint64_t next = ksm_now_ns();
	sigset_t awaited;
	pid_t pid;
	int rc;

	/* They are held back, so that the first process of a container gets them, too. */
	sigemptyset(&awaited);
	for (size_t i = 0; i < ARRAY_SIZE(enders); i++)
		sigaddset(&awaited, enders[i]);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	/* Who has us ignore it would have us miss how a round ended. */
	signal(SIGCHLD, SIG_DFL);
	do {
		pid = fork();
		/* A round ends as if it were all that was asked for. */
		if (!pid)
			return once(arg);
		rc = wait_for(pid);
		/* Time does not mend these. */
		if (rc == CLI_USAGE || rc == CLI_UNSUPPORTED)
			return rc;
		next = MAX(next + ns, ksm_now_ns());
	} while (wait_until(&awaited, next));
	return CLI_OK;
}
