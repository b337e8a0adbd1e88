/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksmctl.h - what the subcommands of ksmctl share: the parsed common options,
 * the handle, and one entry point per command, grouped by file.
 */
#ifndef KSMCTL_H
#define KSMCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"
#include "libksm/libksm.h"
#include "libksm/tuner.h"

struct ctl {
	const char *sysroot;
	struct ksm *k;
	struct ksm_seq *seq;	/* of moments; NULL: @k is the only one, or the running system */
	struct cli_table_opts table;
};

/* ctl.c: what the commands have in common */
/* True when @key was one of cli_common_options or of cli_table_options, and is done. */
bool ctl_option(struct ctl *ctl, int key, const char *arg);
/* Opens the root; ends the program with a message when that fails. */
void ctl_open(struct ctl *ctl);
/* The same, and the kernel must have KSM: exit 3 otherwise. */
void ctl_open_ksm(struct ctl *ctl);
/*
 * The same for commands that look again and again: the running system, or the first
 * of a sequence of dumps.  One dump alone is exit 3: @what is in vain there.
 */
void ctl_open_moments(struct ctl *ctl, const char *what);
/* Of a root that is open: exit 3 where it has no KSM. */
void ctl_need_ksm(struct ctl *ctl);
/* To the next dump of the sequence; false when there is none. */
bool ctl_next_moment(struct ctl *ctl);
/* 0, or -errno after a warning: the figures that could be read are there. */
int ctl_stats(struct ctl *ctl, struct ksm_stats *out);
/* "PID: WHAT: why", and what it takes where it was refused. */
void ctl_proc_error(struct ctl *ctl, pid_t pid, const char *what, enum ksm_right right, int rc);
/* Processes of others that could not be read: told in one line, not one by one. */
struct ctl_denied {
	size_t n;
	enum ksm_right right;
};

/* True when @rc of reading a process is such a refusal; counted then. */
bool ctl_denied_add(struct ctl_denied *d, int rc);
void ctl_denied_tell(struct ctl *ctl, const struct ctl_denied *d);
/* For commands without operands. */
void ctl_no_operands(const struct cli_parse *p, char **argv);
/* Duration in ns (see num_duration()); usage error on anything else. */
uint64_t ctl_duration(const char *option, const char *text);
/*
 * The exit status after printing, from the code that the printing returned.  A
 * failed write to standard output is told at the end of the program, not here.
 */
int ctl_printed(int rc);
/* A number, or null where the figure has no value. */
void ctl_json_fig(struct cli_json *j, const char *key, struct ksm_fig f);
/* Sleep that a signal ends; false when one did. */
bool ctl_sleep(uint64_t ns);

/* files.c: what a user names */
#define CTL_FILE_LIMIT (64 << 10)	/* of what a user names to be read whole */
/*
 * The text of a small file ("-" is standard input) that should be @what.  Ends the
 * program when it cannot be read or is too large.  Returns its name for messages.
 */
const char *ctl_read_file(const char *file, const char *what, struct str *out);
enum {
	/* Nothing but a plain file: others who may write in its directory can lead us nowhere. */
	CTL_WRITE_PLAIN = 1,
};
/*
 * Puts @text in place of a file, whole or not at all: what is there stays until the new
 * text is on disk.  Ends the program when that fails.
 */
void ctl_write_file(const char *name, const struct str *text, unsigned int flags);

/* members.c: all processes, each read once */
enum {
	CTL_CROWD_WHO = 1,	/* list those that take part, or lose by it */
	CTL_CROWD_COUNT = 2,	/* the same, and how many take part, by their mappings if need be */
	CTL_CROWD_OWNER = 4,	/* with one of these: also whose they are */
};

/* beside.c: who else may write the settings, or ask for merging */
enum ctl_beside_id {
	CTL_BESIDE_KSMTUNED,
	CTL_BESIDE_TUNED,
	CTL_BESIDE_LIBVIRTD,
	CTL_BESIDE_VIRTQEMUD,
	CTL_BESIDE_VIRT_HANDLER,
	__CTL_BESIDE_N
};

struct ctl_beside {
	const char *comm;	/* of a process of root */
	const char *text;	/* what it may do, as a sentence without its subject's name */
	const char *command;	/* by which to find out whether it does */
};

const struct ctl_beside *ctl_beside_row(enum ctl_beside_id id);
/* The row that a process of a walk is, or -1. */
int ctl_beside_find(struct ctl *ctl, const struct ksm_proc *p);

/* Units of systemd that have MemoryKSM=yes in a file of theirs; of a dump, none. */
struct ctl_units {
	char **v;		/* raw names */
	size_t n, cap;
};

void ctl_units_read(struct ctl *ctl, struct ctl_units *out);
void ctl_units_free(struct ctl_units *u);
/* Does the text of a file of a unit say so?  Pure. */
bool ctl_unit_asks(const char *text);

struct ctl_crowd {
	int rc;			/* -errno: not listed, or not all of them */
	pid_t beside[__CTL_BESIDE_N];	/* 0: does not run */
	struct ksm_proc ksmtuned;	/* who decides, too; pid 0: it does not run */
	struct ksm_fig members;	/* denied: some cannot be read, and none was found */
	struct ksm_proc *v;
	size_t n, cap;
};

/* Does it, by its figures or, of one not scanned yet, by its mappings? */
bool ctl_takes_part(struct ctl *ctl, const struct ksm_proc *p);
/* @ask: 0: only who decides.  Freed by ctl_crowd_free(), also after a failure. */
void ctl_crowd_read(struct ctl *ctl, unsigned int ask, struct ctl_crowd *out);
void ctl_crowd_free(struct ctl_crowd *c);
/*
 * Sum of ksm_zero_unseen() in bytes; absent where the kernel cannot tell.  Not
 * @whole: at least that much, as time or permission ran out.
 */
struct ksm_fig ctl_unseen_zero(struct ctl *ctl, const struct ctl_crowd *c, uint64_t budget_ns,
			       bool *whole);

/* decider.c: who sets the scanner */
enum ctl_who {
	CTL_BY_UNKNOWN,		/* what would tell it cannot be read */
	CTL_BY_NOBODY,
	CTL_BY_ADVISOR,
	CTL_BY_KSMTUNED,
	CTL_BY_AUTOTUNE,
};

struct ctl_decider {
	enum ctl_who who;
	bool noted;			/* ksm-autotune left the note, whatever became of it */
	struct ksm_tuner note;
	struct ksm_proc ksmtuned;	/* pid 0: does not run */
};

/*
 * What ksm-autotune noted, if it did.  False after a warning about a note that cannot be
 * read, or is not believed.
 */
bool ctl_note_read(struct ctl *ctl, struct ksm_tuner *out, bool *noted);
/* From the kernel's settings, that note, and the processes. */
void ctl_decider_read(struct ctl *ctl, const struct ctl_crowd *crowd, struct ctl_decider *out);
/* It runs and has a say, or ran and put nothing back.  A dry run does neither. */
static inline bool ctl_tuner_runs(const struct ctl_decider *d)
{
	return d->noted && d->note.alive && !d->note.dry;
}

static inline bool ctl_tuner_died(const struct ctl_decider *d)
{
	return d->noted && !d->note.alive && !d->note.dry;
}

/* The member "decider" of an object that is open. */
void ctl_decider_json(struct cli_json *j, const struct ctl_decider *d);

/* findings.c: what is wrong, from figures alone */
enum ctl_finding_id {
	CTL_FOREIGN,
	CTL_TUNER_DIED,
	CTL_TUNER_HANGS,
	CTL_TWO_DECIDE,
	CTL_TUNER_STOPPED,
	CTL_STOPPED,
	CTL_STOPPED_MERGED,
	CTL_UNMERGED,
	CTL_OFFLINING,
	CTL_SCANS_NOTHING,
	CTL_NOBODY,
	CTL_NOT_SCANNED,
	CTL_SLOW_PASS,
	CTL_ONLY_ZERO,
	CTL_DROPPED,
	CTL_NEGATIVE,
	CTL_MOSTLY_UNIQUE,
	CTL_MOSTLY_VOLATILE,
	CTL_BUSY,
	CTL_BREAKING,
	CTL_NODES,
	CTL_NO_SMART_SCAN,
	CTL_TWO_LOOKS,
	CTL_MANY_COPIES,
	CTL_COLLAPSE,
	CTL_NAMESPACES,
	__CTL_FINDING_N
};

struct ctl_finding {
	enum ctl_finding_id id;
	bool serious;		/* status shows it as well */
	char text[480];		/* has room for a reason of ksm-autotune, and for names */
	char command[120];	/* what mends it, or "" */
};

#define CTL_SPACES_SHOWN 3

/* Namespaces of Kubernetes whose programs are mergeable in one pool: the largest such. */
struct ctl_spaces {
	size_t n;
	char names[CTL_SPACES_SHOWN * 66];	/* some of them; "" where no names are wanted */
};

struct ctl_facts {
	const struct ksm_stats *stats;
	const struct ksm_derived *derived;
	const struct ksm_delta *delta;	/* NULL: not sampled */
	const struct ksm_around *around;	/* NULL: not read */
	const struct ctl_decider *decider;	/* NULL: not asked */
	struct ksm_fig members;		/* processes that take part, where they were counted */
	struct ksm_fig unseen_zero_bytes;	/* see ksm_zero_unseen(), where they were counted */
	const struct ctl_spaces *spaces;	/* NULL: not looked for */
};

/* Fills at most @max of @out; returns how many.  Pure. */
size_t ctl_findings(const struct ctl_facts *f, struct ctl_finding *out, size_t max);
/* The scanner runs and looks at no page: then no pass will ever end.  Pure. */
bool ctl_scans_nothing(const struct ctl_facts *f, struct ctl_finding *out);

/* spaces.c */
void ctl_spaces_read(struct ctl *ctl, const struct ctl_crowd *crowd, struct ctl_spaces *out);

/* groups.c: sums by what processes belong to */
struct ctl_group {
	char *key;
	int64_t page_size;
	int64_t procs;
	int64_t members;
	int64_t rss_pages;
	struct ksm_fig merging_pages, zero_pages, items;
	struct ksm_fig saved_bytes, profit_bytes;	/* its share of the system's */
};

struct ctl_groups {
	struct ctl_group *v;	/* the one that merges most first */
	size_t n;
};

/* @s: the system when the processes were read. */
void ctl_groups_make(struct ctl *ctl, enum ksm_group by, const struct ksm_proc *const *procs,
		     size_t n, const struct ksm_stats *s, struct ctl_groups *out);
void ctl_groups_free(struct ctl_groups *groups);
/* The group of that name; a usage error that lists them when there is none. */
enum ksm_group ctl_group_by(const char *name);

/* since.c: an earlier moment, as "status -J" printed it, and what has changed since */
struct ctl_moment {
	char boot_id[KSM_BOOT_ID_MAX];	/* "": not known */
	struct ksm_fig when_ns;
	struct ksm_fig saved, metadata, profit;
	struct ksm_fig ksmd_cpu_ns;
	struct ksm_fig full_scans, pages_scanned;
	struct ksm_fig cow_ksm;
};

void ctl_moment_now(struct ctl *ctl, const struct ksm_stats *s, const struct ksm_derived *d,
		    struct ctl_moment *out);
/* From a file; ends the program when it is something else.  Returns its name for messages. */
const char *ctl_moment_read(const char *file, struct ctl_moment *out);
/*
 * What has changed in between, without a boot_id; when_ns is the time.  Ends the program
 * where the two are not of one boot, or not in this order.
 */
void ctl_since(const char *name, const struct ctl_moment *then, const struct ctl_moment *now,
	       struct ctl_moment *out);
void ctl_since_print(const struct ctl *ctl, const struct ctl_moment *since);
/* The members of an object that is open. */
void ctl_since_json(struct cli_json *j, const struct ctl_moment *since);

/* cmd-status.c */
/* What the command prints. */
void ctl_status_print(struct ctl *ctl);
extern const struct cli_cmd ctl_cmd_status;
int ctl_status(struct ctl *ctl, int argc, char **argv);

/* cmd-show.c */
extern const struct cli_cmd ctl_cmd_list, ctl_cmd_get;
int ctl_list(struct ctl *ctl, int argc, char **argv);
int ctl_get(struct ctl *ctl, int argc, char **argv);
/* The attribute of that name; ends with the nearest names when there is none. */
enum ksm_attr ctl_attr(const char *name);
/* "advisor_mode: this kernel does not have it (since Linux 6.8)" and exit 3, or exit 1. */
void ctl_attr_missing(struct ctl *ctl, enum ksm_attr id, enum ksm_state state)
	__attribute__((noreturn));

/* cmd-set.c */
extern const struct cli_cmd ctl_cmd_set;
int ctl_set(struct ctl *ctl, int argc, char **argv);
/*
 * Applies a set and prints what is in force afterwards, of all of it or only of
 * what had to be written; with KSM_APPLY_DRY_RUN, what would be written.  Ends
 * the program with the reason when a write fails.
 */
int ctl_apply(struct ctl *ctl, const struct ksm_attrset *want, unsigned int flags,
	      bool only_written);

/* cmd-run.c */
extern const struct cli_cmd ctl_cmd_start, ctl_cmd_stop, ctl_cmd_info, ctl_cmd_unmerge;
int ctl_start(struct ctl *ctl, int argc, char **argv);
int ctl_stop(struct ctl *ctl, int argc, char **argv);
int ctl_info(struct ctl *ctl, int argc, char **argv);
int ctl_unmerge(struct ctl *ctl, int argc, char **argv);
/*
 * Ends the program when unmerging would not fit into the memory available,
 * unless @force; says what it needs, with @tell on standard output.
 */
void ctl_unmerge_check(struct ctl *ctl, bool force, bool tell);
/* Unmerge, and leave merging stopped; ends the program when it fails. */
void ctl_unmerge_now(struct ctl *ctl);

/* cmd-settle.c */
extern const struct cli_cmd ctl_cmd_settle;
int ctl_settle(struct ctl *ctl, int argc, char **argv);

/* cmd-procs.c */
/* Of struct ctl_group. */
extern const struct cli_col ctl_group_columns[];
extern const struct cli_cmd ctl_cmd_procs;
int ctl_procs(struct ctl *ctl, int argc, char **argv);

/* cmd-vmas.c */
extern const struct cli_cmd ctl_cmd_vmas;
int ctl_vmas(struct ctl *ctl, int argc, char **argv);

/* cmd-doctor.c */
/* What the command prints of the system; without @names, none of a process. */
void ctl_doctor_print(struct ctl *ctl, bool names);
extern const struct cli_cmd ctl_cmd_doctor;
int ctl_doctor(struct ctl *ctl, int argc, char **argv);

/* cmd-engine.c */
extern const struct cli_cmd ctl_cmd_engine;
int ctl_engine(struct ctl *ctl, int argc, char **argv);

/* cmd-watch.c */
extern const struct cli_cmd ctl_cmd_watch;
int ctl_watch(struct ctl *ctl, int argc, char **argv);

/* cmd-profile.c */
extern const struct cli_cmd ctl_cmd_save, ctl_cmd_restore, ctl_cmd_diff, ctl_cmd_profile;
int ctl_save(struct ctl *ctl, int argc, char **argv);
int ctl_restore(struct ctl *ctl, int argc, char **argv);
int ctl_diff(struct ctl *ctl, int argc, char **argv);
int ctl_profile(struct ctl *ctl, int argc, char **argv);

/* newdir.c: a directory that is there whole, or not at all */
struct ctl_newdir {
	struct str dir;		/* where it will be */
	struct str tmp;		/* where it is until then; empty: it is not */
	int fd;
	uint64_t bytes;		/* of all files in it */
};

/*
 * @dir must not be there, or be an empty directory.  0; -EEXIST; -ENOTEMPTY; -errno.
 * ctl_newdir_end() comes in any case.
 */
int ctl_newdir_begin(struct ctl_newdir *d, const char *dir);
/* A file, and the directories that it is in.  0 or -errno. */
int ctl_newdir_put(struct ctl_newdir *d, const char *path, mode_t mode, const char *text,
		   size_t len);
/* All of it appears at once.  0 or -errno. */
int ctl_newdir_finish(struct ctl_newdir *d);
/* Removes it, unless it is finished. */
void ctl_newdir_end(struct ctl_newdir *d);

/* cmd-dump.c */
extern const struct cli_cmd ctl_cmd_dump;
int ctl_dump(struct ctl *ctl, int argc, char **argv);

/* cmd-report.c */
extern const struct cli_cmd ctl_cmd_report;
int ctl_report(struct ctl *ctl, int argc, char **argv);

/* every.c */
/**
 * ctl_every() - do the same again and again
 * @ns: from one beginning to the next; a round that takes longer delays the next
 * @once: a round, in a process of its own; returns an exit status, or ends the process
 *
 * Returns in each of these processes, too, with what @once returned.
 * SIGHUP, SIGINT and SIGTERM are held back until the round is over, and then end it.
 *
 * Return: CLI_OK when a signal ended it; CLI_USAGE or CLI_UNSUPPORTED when a round ended so.
 */
int ctl_every(uint64_t ns, int (*once)(void *arg), void *arg);

/* cmd-metrics.c */
extern const struct cli_cmd ctl_cmd_metrics;
int ctl_metrics(struct ctl *ctl, int argc, char **argv);

/* cmd-opt.c */
extern const struct cli_cmd ctl_cmd_opt_in, ctl_cmd_opt_out;
int ctl_opt_in(struct ctl *ctl, int argc, char **argv);
int ctl_opt_out(struct ctl *ctl, int argc, char **argv);

#endif /* KSMCTL_H */
