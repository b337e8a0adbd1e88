/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotune.h - what the files of the program share: verbs, files of configuration, and
 * the loop.  What is decided and done is in daemon.h and below.
 */
#ifndef KSM_AUTOTUNE_AUTOTUNE_H
#define KSM_AUTOTUNE_AUTOTUNE_H

#include "cli/cli.h"
#include "ksm-autotune/daemon.h"

struct auto_args {
	const char *root;		/* of a dump; or NULL */
	const char *config;		/* one file instead of those of the system; or NULL */
	const char *record;		/* what is seen goes there; or NULL */
	bool dry;
	uint64_t count;			/* looks; 0: until told to end */
	bool json, procs, take;
};

/* files.c: 0; CLI_FAIL after messages; mistakes with their file and line. */
int auto_config_load(const struct auto_args *a, struct tune_config *out);

/* loop.c: looks until it is told to end; the exit code. */
int auto_run(const struct auto_args *a, struct tune *t);

/* verbs.c, replay.c: each parses its own options, and returns the exit code */
extern const struct cli_cmd auto_cmd_run, auto_cmd_explain, auto_cmd_status, auto_cmd_verify,
	auto_cmd_kick, auto_cmd_replay, auto_cmd_restore, auto_cmd_check;
int auto_verb_run(int argc, char **argv);
int auto_verb_explain(int argc, char **argv);
int auto_verb_status(int argc, char **argv);
int auto_verb_verify(int argc, char **argv);
int auto_verb_kick(int argc, char **argv);
int auto_verb_replay(int argc, char **argv);
int auto_verb_restore(int argc, char **argv);
int auto_verb_check(int argc, char **argv);

/* show.c: the note and the processes, to standard output */
/* Sentences. */
void auto_show_explain(const struct ksm_tuner *n, const struct tune_told *procs);
/* Figures.  0 or -errno. */
int auto_show_status(const struct ksm_tuner *n, const struct tune_told *procs, bool json);

#endif /* KSM_AUTOTUNE_AUTOTUNE_H */
