// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * help-any [-n] COMMAND [ARG...]: becomes COMMAND, with all of its memory and that
 * of its children taking part in merging (PR_SET_MEMORY_MERGE, inherited over fork
 * from 6.4 on, over exec from 6.7 on); -n: as nobody. For the slow cases, which
 * also run where no tool is built. Exit status 125: cannot be set, 127: cannot be
 * started.
 */
#define _GNU_SOURCE
#include "case.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif

#define NOBODY 65534

static int program(int argc, char **argv)
{
	bool nobody = argc > 1 && !strcmp(argv[1], "-n");

	if (nobody) {
		argv++;
		argc--;
	}
	if (argc < 2) {
		fputs("usage: help-any [-n] COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)) {
		perror("help-any: PR_SET_MEMORY_MERGE");
		return 125;
	}
	if (nobody && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))) {
		perror("help-any: nobody");
		return 125;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}

const struct kcase kcase = {
	.program = program,
};
