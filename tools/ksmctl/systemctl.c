// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * systemctl.c - what opt-in has the service manager's own program do: its version, and
 * reading the units anew.  Never starting, stopping or restarting anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ksmctl/unit.h"
#include "util/macros.h"

extern char **environ;

/* @out gets what it prints first, where the version is; NULL: it may speak for itself. */
static int run(const char *const *argv, struct str *out)
{
	posix_spawn_file_actions_t act;
	int ends[2] = { -1, -1 };
	int status, rc;
	pid_t pid;

	if (out && pipe2(ends, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&act);
	if (out)
		posix_spawn_file_actions_adddup2(&act, ends[1], STDOUT_FILENO);
	rc = -posix_spawnp(&pid, argv[0], &act, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&act);
	if (out)
		close(ends[1]);
	if (!rc && out) {
		char buf[4096];
		ssize_t n;

		/* Read to the end, so that it does not die of a closed pipe. */
		while ((n = read(ends[0], buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
			if (n > 0 && out->len < sizeof(buf))
				str_addmem(out, buf, n);
	}
	if (out)
		close(ends[0]);
	if (rc)
		return rc;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

int systemctl_version(unsigned int *out)
{
	static const char *const argv[] = { "systemctl", "--version", NULL };
	struct str text __cleanup_str = STR_INIT;
	const int rc = run(argv, &text);

	*out = rc ? 0 : unit_systemd_version(str_get(&text));
	return rc;
}

int systemctl_reload(void)
{
	static const char *const argv[] = { "systemctl", "daemon-reload", NULL };

	return run(argv, NULL);
}
