/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * advise.h - what the files of ksm-advise share: the parsed options, and their
 * functions, grouped by file.
 *
 * Two ways through the program: main.c parses, then either adv_run() starts a
 * command (run.c, and stay.c when something must be done at its end), or
 * adv_attach() changes running processes (attach.c).  plan.c decides and does
 * nothing; what it needs to know is read before.
 */
#ifndef KSM_ADVISE_H
#define KSM_ADVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "inject/advise.h"
#include "libksm/libksm.h"
#include "util/macros.h"

/* Where messages go; a report without a file goes there as well. */
enum { ADV_FD_MESSAGES = 2 };

/* When a hook of a container's runtime is to merge. */
enum adv_oci_when { ADV_OCI_NO_HOOK, ADV_OCI_ANNOTATED, ADV_OCI_ALWAYS };

enum adv_mech { ADV_AUTO, ADV_PRCTL, ADV_INJECT, ADV_PRELOAD, __ADV_MECH_N };

struct adv {
	const char *sysroot;
	struct ksm *k;
	struct ksm_caps caps;
	/* how */
	enum adv_mech mech;
	bool disable;
	bool force;
	bool all;
	bool strict;
	bool scanner;
	bool wait;
	uint64_t timeout_ns;		/* 0: none */
	enum adv_oci_when oci;
	bool check;
	double where_share;		/* of the savings, with --where-it-pays; 0: all memory */
	uint64_t again_ns;		/* how long until it looks anew; 0: never */
	bool report;
	const char *report_file;	/* NULL: where messages go */
	struct cli_table_opts table;
	/* whom: a command, or running processes */
	char **argv;			/* NULL: processes */
	struct ksm_select sel;
	pid_t *pids;			/* behind sel.pids */
};

/* ------------------------------------------------------------------ */
/* open.c: the handle							*/

/* Opens the handle and reads the abilities; ends the program with @code when that fails. */
void adv_open(struct adv *a, int code);

/* ------------------------------------------------------------------ */
/* plan.c: which way a command is run; pure				*/

enum adv_how {
	ADV_HOW_NONE,		/* as it is */
	ADV_HOW_OFF,		/* prctl off, exec */
	ADV_HOW_PRCTL,		/* prctl, exec: inherited */
	ADV_HOW_INJECT,		/* exec, then prctl inside of it */
	ADV_HOW_PRELOAD,	/* a library that calls madvise */
	ADV_HOW_FOLLOW,		/* madvise injected again and again, while we stay */
	__ADV_HOW_N
};

/* What the file of a command is. */
struct adv_program {
	bool known;		/* it was found and could be read */
	bool setid;		/* its execution changes credentials */
	bool is_static;		/* no dynamic loader, so no preload library */
	bool bits32;
};

struct adv_facts {
	struct ksm_caps caps;
	enum adv_mech mech;	/* as asked for */
	bool disable;
	bool stays;		/* we are there until the end */
	struct adv_program program;
};

struct adv_plan {
	enum adv_how how;
	bool refused;		/* what was asked for cannot be; .why says why */
	bool warn;		/* .why is a warning, not an explanation */
	const char *why;	/* never NULL */
	const char *because;	/* why it is not the prctl; NULL: it is, or was not asked for */
};

void adv_plan_make(const struct adv_facts *f, struct adv_plan *out);
/* "prctl", "inject"...: for reports. */
const char *adv_how_name(enum adv_how how);

/* ------------------------------------------------------------------ */
/* program.c: the file behind a command					*/

/* Looks @name up as execvp(3) does; scripts are judged by their interpreter. */
void adv_program_read(const char *name, struct adv_program *out);

/* ------------------------------------------------------------------ */
/* exec.c: right before exec, and when it failed			*/

/* The preload library's file; borrowed. */
const char *adv_exec_preload_path(void);
/* LD_PRELOAD with our library behind the others, or without it.  0 or -errno. */
int adv_exec_preload(bool on);
/*
 * Set what is to be set in this process, and become the command.  Returns only if not:
 * -errno of the exec; above 0, after a message, the status of what --strict forbids.
 */
int adv_exec_become(const struct adv *a, const struct adv_plan *plan);
/* Exit status for a failed exec, after a message. */
int adv_exec_failed(const char *name, int rc);

/* ------------------------------------------------------------------ */
/* run.c: run a command							*/

/* Returns only the exit status of a failure, or of the command when we stay. */
int adv_run(struct adv *a);

/* ------------------------------------------------------------------ */
/* verify.c: after exec, is it so?					*/

/*
 * A helper process that reads the state of @pid after its exec, mends it and
 * warns.  It is nobody's child but init's.
 */
struct adv_guard {
	int hold_fd;		/* closed by exec; -1: there is no helper */
};

int adv_guard_start(struct adv *a, const struct adv_plan *plan, struct adv_guard *g);
/* exec failed: there is nothing to verify. */
void adv_guard_cancel(struct adv_guard *g);

/* The same from a parent that stays; false when it was not made so, after a message. */
bool adv_verify(struct adv *a, const struct adv_plan *plan, pid_t pid, int pidfd);
/* --strict: the command is held (hold.h); lets it run, or exit with a message.  0 or -errno. */
int adv_verify_held(struct adv *a, const struct adv_plan *plan, pid_t pid);

/* ------------------------------------------------------------------ */
/* stay.c: be there until the command ends				*/

/* Returns the exit status, or ends like the command by its signal. */
int adv_stay(struct adv *a, const struct adv_plan *plan);

/* ------------------------------------------------------------------ */
/* report.c: figures of a command and its descendants			*/

struct adv_figures {
	struct ksm_fig merging_bytes, zero_bytes, profit_bytes;
};

struct adv_report {
	FILE *out;
	pid_t pid;
	uint64_t start_ns, end_ns;
	unsigned int samples;
	struct adv_figures peak, last;
	/* descendants, looked up again when looking has become cheap enough */
	struct ksm_ident *tree;
	size_t n_tree;
	uint64_t tree_next_ns;
};

/* Opens the file; ends the program when that fails: nothing has been started yet. */
void adv_report_init(struct adv_report *r, const struct adv *a);
void adv_report_sample(struct adv_report *r, struct adv *a);
/* 0 or -errno of writing.  @status as wait(2) has it. */
int adv_report_print(struct adv_report *r, const struct adv *a, const struct adv_plan *plan,
		     int status);
void adv_report_fini(struct adv_report *r);

/* ------------------------------------------------------------------ */
/* scanner.c: --scanner							*/

/*
 * Starts it; ends the program with @code when that cannot be done.  Whatever
 * then ends the program by exit() puts back what was found.
 */
void adv_scanner_start(struct adv *a, int code);
/* Puts back what was found, unless others still need it or have changed it. */
void adv_scanner_stop(void);
/* Says once that KSM is stopped, where somebody is there to read it. */
void adv_scanner_hint(struct adv *a);

/* ------------------------------------------------------------------ */
/* where.c: --where-it-pays						*/

extern const struct cli_col adv_where_cols[];

/* Marks what holds most of the savings, or shows it with --check; the exit code. */
int adv_where(struct adv *a);

/* ------------------------------------------------------------------ */
/* attach.c: running processes						*/

int adv_attach(struct adv *a);
/* The processes that were asked for; ends the program when there are none. */
void adv_attach_select(struct adv *a, struct ksm_ident **ids, size_t *n);
/* Named by its number: that it has ended is an error then. */
bool adv_is_named(const struct adv *a, pid_t pid);
/* What -p and --check do with a process that takes part as @now does; @noted: see marks.h. */
enum ksm_advise_action adv_process_plan(const struct adv *a, enum ksm_member now, bool noted);

/* ------------------------------------------------------------------ */
/* oci.c: --oci-hook							*/

int adv_oci_hook(struct adv *a);

/* ------------------------------------------------------------------ */
/* off.c: -d on running processes					*/

struct adv_off {
	struct adv *a;
	pid_t pid;
	uint64_t shown_ns;	/* when the bar was drawn */
	bool shown;
};

/* From here on, a signal that would end us ends it between two portions. */
void adv_off_begin(void);
/* Ends as such a signal would have; else returns @code. */
int adv_off_end(int code);
bool adv_off_ended(void);
/* Ends the program when memory does not suffice, unless --force. */
void adv_off_check_memory(struct adv *a, const struct ksm_ident *ids, size_t n);
/* A ksm_portions_fn; @arg is a struct adv_off. */
bool adv_off_step(const struct ksm_portions *now, void *arg);
/* What came of it; false for a failure that has nothing to do with switching off. */
bool adv_off_tell(struct adv_off *o, const struct ksm_advised *d, int rc);

/* ------------------------------------------------------------------ */
/* settle.c: --wait							*/

int adv_settle(struct adv *a, const struct ksm_ident *ids, size_t n);

/* ------------------------------------------------------------------ */
/* check.c: --check							*/

int adv_check(struct adv *a);
extern const struct cli_col adv_check_cols[];

#endif /* KSM_ADVISE_H */
