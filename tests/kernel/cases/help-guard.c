// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * help-guard SCRIPT: runs a shell case under the guard that C cases have, so
 * that every KSM setting is put back whatever ends the script. case.sh starts
 * it; nobody else needs to.
 */
#define _GNU_SOURCE
#include "case.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KNOBS 31

static const char *knobs[MAX_KNOBS + 1];
static const char *script;

/* All writable ones: a script drives tools that may set any. */
static void find_knobs(void)
{
	DIR *dir = opendir("/sys/kernel/mm/ksm");
	struct dirent *d;
	struct stat st;
	size_t n = 0;

	while (dir && n < MAX_KNOBS && (d = readdir(dir))) {
		if (fstatat(dirfd(dir), d->d_name, &st, 0) ||
		    !S_ISREG(st.st_mode) || !(st.st_mode & 0200))
			continue;
		knobs[n++] = strdup(d->d_name);
	}
	if (dir)
		closedir(dir);
}

static void run(void)
{
	signal(SIGPIPE, SIG_DFL);
	setenv("CASE_GUARDED", "1", 1);
	execlp("busybox", "busybox", "sh", script, (char *)NULL);
	case_die("busybox: cannot be started");
}

static int program(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: help-guard SCRIPT\n", stderr);
		return 2;
	}
	script = argv[1];
	find_knobs();
	return case_guard_script();
}

const struct kcase kcase = {
	.knobs = knobs,
	.run = run,
	.program = program,
};
