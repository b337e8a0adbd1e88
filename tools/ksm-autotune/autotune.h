/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotune.h - what the files of the program share: options, files of configuration,
 * and the loop.  What is decided and done is in daemon.h and below.
 */
#ifndef KSM_AUTOTUNE_AUTOTUNE_H
#define KSM_AUTOTUNE_AUTOTUNE_H

#include "cli/cli.h"
#include "ksm-autotune/daemon.h"

struct auto_args {
	const char *config;		/* one file instead of those of the system; or NULL */
	bool dry;
	uint64_t count;			/* looks; 0: until told to end */
};

/* files.c: 0; CLI_FAIL after messages; mistakes with their file and line. */
int auto_config_load(const struct auto_args *a, struct tune_config *out);

/* loop.c: looks until it is told to end; the exit code. */
int auto_run(const struct auto_args *a, struct tune *t);

#endif /* KSM_AUTOTUNE_AUTOTUNE_H */
