/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksmtop.h - what the files of ksmtop share: the program's state, a sample, the
 * model made from samples, the view that shows it, and the functions of each
 * file, grouped by file.
 *
 * One way: sample.c (live) or record.c (replayed) fill a struct sample with what
 * was read now; model.c takes it in, keeps processes and history, and decides
 * what is shown and in which order, without clock, files or terminal; panes draw
 * a const struct model on a canvas; a struct view brings that to people.  Keys go
 * back as calls of model.c and as a bitmask of what main.c must do.
 */
#ifndef KSM_KSMTOP_KSMTOP_H
#define KSM_KSMTOP_KSMTOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "inject/portions.h"
#include "libksm/libksm.h"
#include "libksm/record.h"
#include "util/macros.h"
#include "util/map.h"
#include "util/str.h"

/* ------------------------------------------------------------------ */
/* a sample: what was read at one moment				*/

/*
 * One process as read.  A sample holds only those that were read this time, so
 * that thousands which take no part cost next to nothing.
 */
struct sample_proc {
	struct ksm_proc p;
	struct ksm_fig unseen_bytes;	/* ksm_zero_unseen() of it, when it was asked last */
	bool named;		/* the five below were read too: it is new, or may have changed */
	char *user;		/* name, or the number in text */
	char *command;		/* command line, raw, arguments joined by blanks; "" without one */
	char *cgroup;		/* path, raw; "" none */
	char *vm;		/* name of the virtual machine, raw; "" when it is none */
	char *pod;		/* as ksm_group_pod() has it; NULL: no more is known than its uid */
};

struct sample {
	struct ksm_stats stats;
	enum ksm_state present;	/* /sys/kernel/mm/ksm itself */
	unsigned int clock_tick;
	struct ksm_fig uptime_ns;	/* since boot, suspension included: age of processes */
	int64_t wall_s;		/* seconds since 1970, for people; 0 unknown */
	struct sample_proc *procs;
	size_t n_procs, cap_procs;
	pid_t *gone;		/* ended since the sample before */
	size_t n_gone, cap_gone;
	size_t n_hidden;	/* of which nothing is known but that they are: hidepid */
	bool events;		/* births and deaths come by netlink, not by reading /proc */
};

/* ------------------------------------------------------------------ */
/* columns of the process table						*/

enum top_col {
	TOP_COL_PID,
	TOP_COL_PPID,
	TOP_COL_GROUP,		/* name of the group; only where rows are groups */
	TOP_COL_PROCS,
	TOP_COL_MEMBERS,
	TOP_COL_USER,
	TOP_COL_MERGING,
	TOP_COL_ZERO,
	TOP_COL_ITEMS,
	TOP_COL_PROFIT,
	TOP_COL_RSS,
	TOP_COL_SAVED_PCT,
	TOP_COL_GROWTH,		/* merging + zero, bytes a second */
	TOP_COL_SCAN_RATE,	/* hksm from here... */
	TOP_COL_SCAN_CPU,
	TOP_COL_BREAK_RATE,
	TOP_COL_META,
	TOP_COL_DOMAIN,		/* ...to here */
	TOP_COL_STATE,
	TOP_COL_AGE,
	TOP_COL_CGROUP,
	TOP_COL_UNIT,
	TOP_COL_VM,
	TOP_COL_CONTAINER,
	TOP_COL_POD,
	TOP_COL_NAMESPACE,
	TOP_COL_COMMAND,	/* last: it takes the room that is left */
	__TOP_COL_N
};

struct model;
struct row;

/* How a number of a column reads. */
enum top_unit { TOP_PLAIN, TOP_BYTES, TOP_PERCENT, TOP_AGE };

struct top_column {
	struct cli_col col;	/* name, kind, help and getter; a row is a struct row */
	const char *key;	/* in JSON and CSV */
	int width;		/* columns on the screen; 0: what is left */
	enum top_unit unit;
	bool ascending;		/* the useful order when first sorted by */
	bool shown;		/* in the default set, where there is something to show */
	bool of_group;		/* makes sense for a group of processes */
	bool of_proc;		/* makes sense for a process */
	/* NULL, or: does this kernel have the figure? */
	bool (*present)(const struct model *m);
};

/* ------------------------------------------------------------------ */
/* the model								*/

/* One process over time. */
struct top_proc {
	struct ksm_proc p;
	/* never NULL; raw */
	char *user, *command, *cgroup, *unit, *vm, *container, *pod, *space;
	uint64_t read_ns;	/* moment of the sample that p is from */
	/* Between its last two readings; no value before the second. */
	struct ksm_fig growth_bytes_s;	/* of merging + zero; negative when it loses them */
	struct ksm_fig scan_pages_s;	/* hksm */
	struct ksm_fig break_pages_s;	/* hksm */
	double scan_cpu_pct;		/* hksm: of one CPU; negative when unknown */
	struct ksm_fig unseen_bytes;
	bool tagged;
	/* private to model.c */
	bool match;		/* passes the filter */
	bool above;		/* some descendant does */
	size_t row;		/* in the tree */
	struct top_proc *parent, *child, *sibling;
};

/* Rows that belong together, where the table is grouped. */
struct top_group {
	const char *key;	/* borrowed from a member; "" belongs to none */
	int64_t procs, members, denied;
	int64_t rss_pages;
	struct ksm_fig merging_pages, zero_pages, items, profit_bytes;
	struct ksm_fig growth_bytes_s, scan_pages_s, break_pages_s, meta_bytes;
	double scan_cpu_pct;
	uid_t uid;
	bool open;		/* its processes are listed below it */
};

/* A line of the process table: of a process, or of a group. */
struct row {
	const struct model *m;
	const struct top_proc *p;	/* NULL: a group */
	const struct top_group *g;	/* NULL: a process that is not below a group */
	unsigned int depth;		/* in the tree, or 1 below a group */
	bool last;			/* of its siblings */
	uint64_t rails;			/* bit d: at depth d a line goes on downwards */
	bool context;			/* shown only because a descendant matches the filter */
};

/* Numbers of one kind over time, oldest first by top_hist_at(). */
enum top_series {
	TOP_S_SAVED,		/* bytes */
	TOP_S_PROFIT,		/* bytes, signed */
	TOP_S_META,		/* bytes */
	TOP_S_SCANNED,		/* pages a second */
	TOP_S_MERGED,		/* pages a second, signed */
	TOP_S_COW,		/* copies a second */
	TOP_S_SWPIN,		/* copies a second */
	TOP_S_CPU,		/* percent of one CPU */
	__TOP_SERIES_N
};

#define TOP_HIST 1024

struct top_hist {
	float v[__TOP_SERIES_N][TOP_HIST];	/* NAN: no value then */
	size_t n;		/* how many there are, up to TOP_HIST */
	size_t next;
};

enum top_tone { TOP_DULL, TOP_GOOD, TOP_WARN, TOP_BAD };

/* What an administrator wants to know first, in a sentence. */
struct top_verdict {
	enum top_tone tone;
	char text[160];		/* clean: no foreign text in it */
};

/* What people choose about the table; kept in the settings file. */
struct top_table {
	enum top_col sort;
	bool reverse;		/* against the column's own order */
	bool tree;
	enum ksm_group group;	/* KSM_GROUP_PID: not grouped */
	bool members;		/* only processes that take part */
	bool shown[__TOP_COL_N];
};

#define TOP_TEXT_MAX 128

struct model {
	/* as of the last sample; !n_samples: nothing is known yet */
	uint64_t n_samples;
	enum ksm_state present;
	bool events;
	bool hksm;		/* some process has figures of hksm */
	int64_t wall_s;
	unsigned int clock_tick;
	struct ksm_fig uptime_ns;
	struct ksm_stats stats;
	struct ksm_derived derived;
	struct ksm_delta delta;	/* seconds is 0 before the second sample */
	/* Over the last ten samples at most, since ksmd works in bursts; negative unknown. */
	double cpu_pct;
	double us_per_mib;	/* CPU microseconds a second for each MiB saved */
	double meta_pct;	/* metadata in percent of what is saved; negative unknown */
	struct top_hist hist;
	struct top_verdict verdict;
	/* of all processes but kernel threads, whatever is shown */
	size_t n_procs, n_members, n_denied, n_losing;
	struct ksm_fig unseen_bytes;	/* zero pages that no counter shows, as far as they were counted */

	/* choices: change them by the functions of model.c */
	struct top_table table;
	char filter[TOP_TEXT_MAX];	/* "" none */
	char search[TOP_TEXT_MAX];

	/* the table; rows are valid until the next top_model_*() */
	struct row *rows;
	size_t n_rows;
	size_t selected;	/* index into rows; 0 when there are none */
	size_t n_tagged;

	/* private to model.c */
	struct map procs;	/* pid -> struct top_proc */
	struct top_group *groups;
	size_t n_groups, cap_rows, cap_groups;
	struct ksm_stats before;
	size_t n_hidden;
	pid_t sel_pid;		/* what is selected: a process... */
	uint64_t sel_start;
	char *sel_key;		/* ...or a group */
	struct str open_groups;	/* keys of opened groups, each behind a NUL */
};

/* ------------------------------------------------------------------ */
/* the program								*/

/* What a key asks of main.c, or-ed. */
enum top_action {
	TOP_REDRAW = 1 << 0,
	TOP_SAMPLE = 1 << 1,	/* read now */
	TOP_TIMER = 1 << 2,	/* top->interval_ns was changed */
	TOP_ADVISE = 1 << 3,	/* the tagged, or the selected: merge them */
	TOP_UNADVISE = 1 << 4,
	TOP_DETAIL = 1 << 5,	/* read the mappings of the selected now and with each sample */
	TOP_DETAIL_END = 1 << 6,
	TOP_CHANGED = 1 << 7,	/* a setting that is saved at the end was changed */
	TOP_SUSPEND = 1 << 8,	/* as SIGTSTP */
	TOP_QUIT = 1 << 9,
};

/* What wakes a view. */
enum top_wake {
	TOP_WAKE_INPUT = 1 << 0,	/* standard input can be read */
	TOP_WAKE_RESIZE = 1 << 1,	/* SIGWINCH */
};

#define TOP_INTERVAL_MIN_NS UINT64_C(100000000)
#define TOP_INTERVAL_MAX_NS UINT64_C(3600000000000)

struct top_vma {
	struct ksm_vma v;	/* v.name is the copy below */
	char *name;		/* raw; never NULL */
};

/* The process that the details pane shows. */
struct top_detail {
	pid_t pid;		/* 0: the pane is closed */
	uint64_t start_ticks;
	int rc;			/* 0, -ESRCH it is gone, -EACCES..., of the last reading */
	struct top_vma *vmas;
	size_t n_vmas, cap_vmas;
	uint64_t cost_ns;	/* what reading them took: rarer for large ones */
	uint64_t next_ns;
};

/* Processes that are being unmerged. */
struct top_off {
	pid_t child;		/* does it; 0 none */
	int fd;			/* readable when there is news of it: top_unmerge_news() */
	struct ksm_ident *ids;
	size_t n;
	pid_t pid;		/* which of them, and how far; 0: no news yet */
	struct ksm_portions portions;
};

struct view;
struct sampler;
struct recorder;
struct player;
struct ui;

/* How the history is drawn. */
enum top_graph {
	TOP_GRAPH_BRAILLE,
	TOP_GRAPH_BLOCKS,
	TOP_GRAPH_NONE,
	__TOP_GRAPH_N
};

struct top {
	/* options */
	const char *sysroot;
	const char *record, *replay;
	double speed;
	uint64_t interval_ns;
	uint64_t count;		/* batch: 0 forever */
	bool batch;
	bool all;		/* batch: also who takes no part */
	struct cli_table_opts out;	/* batch: format, columns */
	bool ascii;
	bool no_color;
	enum top_graph graph;
	struct ksm_select sel;	/* none set: all processes */
	pid_t *pids;		/* of @sel */

	/* state */
	struct ksm *k;		/* NULL while replaying */
	struct ksm_caps caps;
	bool readonly;		/* a dump or a recording: nothing can be changed */
	bool paused;		/* nothing is read, recorded or drawn anew until it goes on */
	bool changed;		/* TOP_CHANGED: save the settings at the end */
	bool ended;		/* of a recording */
	pid_t unmerger;		/* the child that waits for the kernel; 0 none */
	int unmerger_fd;	/* readable when it is done: top_unmerged() */
	struct top_off off;
	struct sampler *sampler;
	struct recorder *recorder;
	struct player *player;
	struct model model;
	struct top_detail detail;
	const struct view *view;
	struct ui *ui;		/* of the view: made by its init, kept over fini, freed by free */

	/* The line for people, of what a key did or why not; clean text. */
	enum top_tone tone;
	char message[256];
};

/*
 * init() and fini() put a terminal into use and back, any number of times: the
 * program may be stopped and continued.  All but draw() may be NULL.
 */
struct view {
	int (*init)(struct top *t);		/* 0, or -errno after a message */
	void (*draw)(struct top *t);		/* all of it, from t->model */
	unsigned int (*key)(struct top *t, unsigned int wake);	/* enum top_action */
	void (*fini)(struct top *t);		/* also when init failed or was not called */
	void (*free)(struct top *t);		/* t->ui */
};

/* ------------------------------------------------------------------ */
/* loop.c */
/* Samples, keys, signals and time until the end; an exit status. */
int top_loop(struct top *t);

/* sample.c */
/**
 * top_sampler_new() - begin to look at a system
 * @t: options and handle
 * @out: the sampler, free with top_sampler_free()
 *
 * Listens to process events where that is permitted; top_sampler_deaf() tells
 * why it does not.  Return: 0 or -errno.
 */
int top_sampler_new(struct top *t, struct sampler **out);
/* Do the options name some of all processes? */
bool top_selects(const struct top *t);
void top_sampler_free(struct sampler *s);
/* Readable when process events wait; -1 where /proc is read instead. */
int top_sampler_fd(const struct sampler *s);
/* Take them in; never blocks. */
void top_sampler_events(struct sampler *s);
/* Why there are none (any more), -errno, told once; 0 no news. */
int top_sampler_deaf(struct sampler *s);
/* The same system at a later moment, in another dump; the older handle may be closed then. */
void top_sampler_switch(struct sampler *s, struct ksm *k);
/* These were changed: the next sampling looks at them closely. */
void top_sampler_look(struct sampler *s, const struct ksm_ident *ids, size_t n);
/**
 * top_sample_take() - what is to be read now
 * @s: the sampler
 * @out: emptied and filled; free with top_sample_fini()
 *
 * Return: 0; -errno when not even processes can be listed.
 */
int top_sample_take(struct sampler *s, struct sample *out);
/* Of a sample: nothing in it, memory kept; and all of it given back. */
void top_sample_reset(struct sample *s);
void top_sample_fini(struct sample *s);
/* For record.c and tests: a copy of @p with copies of what it points to; 0 or -ENOMEM. */
int top_sample_add(struct sample *s, const struct sample_proc *p);
int top_sample_add_gone(struct sample *s, pid_t pid);
/* Read the mappings of t->detail.pid into t->detail. */
void top_detail_read(struct top *t);
void top_detail_fini(struct top_detail *d);

/* columns.c: the table of columns, and what a cell says */
/* Never NULL for a valid id. */
const struct top_column *top_column(enum top_col id);
/* By name, without regard to case, or -1. */
int top_column_find(const char *name);
/**
 * top_columns_shown() - the columns of the table as it is now
 * @m: the model: grouped or not, what its kernel has, what people chose
 * @out: room for __TOP_COL_N
 *
 * Return: how many.  COMMAND or GROUP, where shown, comes last.
 */
size_t top_columns_shown(const struct model *m, enum top_col *out);
/* The cell of a row; strings in it are raw and borrowed until the next call. */
void top_cell(const struct row *row, enum top_col id, struct cli_cell *out);
/**
 * top_cell_text() - a cell as text for the screen
 *
 * Strings that others chose come out as they are: draw them with area_foreign().
 * Return: @buf, or a string borrowed from the model.
 */
const char *top_cell_text(const struct row *row, enum top_col id, char *buf, size_t len);
/* In place of a figure: "denied", "off" or "-". */
const char *top_no_value(enum ksm_state s);
/* "any", "madvise", "off", "denied", "kthread"... */
const char *top_state_name(const struct ksm_proc *p);

/* model.c, rows.c: pure */
/* An empty model with the default choices. */
void top_model_init(struct model *m);
void top_model_fini(struct model *m);
/* The default choices alone. */
void top_table_init(struct top_table *t);
/**
 * top_model_update() - take a sample in
 *
 * Rates come from stats.when_ns.  Rows are made anew, and the selection stays on
 * its process or group.  Return: 0 or -ENOMEM.
 */
int top_model_update(struct model *m, const struct sample *s);
/* Make the rows anew after m->table or m->filter was set directly.  0 or -ENOMEM. */
int top_model_arrange(struct model *m);
/* Selection: to a row, by so many rows; both stop at the ends. */
void top_model_select(struct model *m, size_t row);
void top_model_move(struct model *m, long by);
/* The selected process, or NULL: no row, or a group. */
const struct top_proc *top_model_selected(const struct model *m);
const struct top_proc *top_model_find(const struct model *m, pid_t pid);
/* Sort by that column; by the one already used: turn the order around. */
void top_model_sort(struct model *m, enum top_col id);
/* The shown column right (+1) or left (-1) of it. */
void top_model_sort_next(struct model *m, int by);
void top_model_reverse(struct model *m);
void top_model_tree(struct model *m);			/* on, off */
void top_model_members(struct model *m);		/* only who takes part, or all */
void top_model_group(struct model *m, enum ksm_group g);
void top_model_group_next(struct model *m);		/* one that has any */
/* Open or close the group under the selection; false when there is none. */
bool top_model_group_toggle(struct model *m);
/* Show what has @text in name, command line, user, pid, cgroup, VM or pod; "" all. */
void top_model_filter(struct model *m, const char *text);
/*
 * Select the next row (+1), the one before (-1), or from the selected one on (0),
 * that has @text; round the ends.  False when none has it.
 */
bool top_model_search(struct model *m, const char *text, int direction);
/* Tag or untag the selected process, or all of the selected group. */
void top_model_tag(struct model *m);
void top_model_untag(struct model *m);
/* What advising would act on: the tagged, else the selected; caller frees.  -1: no memory. */
ssize_t top_model_targets(const struct model *m, struct ksm_ident **ids);
/* Merging and zero pages in bytes; no value where there is neither. */
struct ksm_fig top_merged_bytes(const struct model *m, const struct ksm_proc *p);
/* History: the value @back samples ago, 0 the last; NAN where there is none. */
double top_hist_at(const struct top_hist *h, enum top_series s, size_t back);

/* verdict.c: what it all means; pure */
void top_verdict(const struct model *m, struct top_verdict *out);

/* say.c: the line for people */
/* Sets the line for people; foreign text in it is cleaned. */
void top_say(struct top *t, enum top_tone tone, const char *fmt, ...) __printf(3, 4);
/* Whether this is the running system, and not a recording or another root; says so if not. */
bool top_may_change(struct top *t);

/* act.c: change things; each sets t->message */
/* Advise what top_model_targets() says, or begin to un-advise it. */
void top_advise(struct top *t, bool on);
/*
 * Write an attribute from what was typed.  0, or -errno with the kernel's reason told.
 * Unmerging goes on behind it, and nothing else can be set meanwhile (-EBUSY).
 */
int top_set_attr(struct top *t, enum ksm_attr id, const char *text);
/* Takes in how unmerging ended; waits for it if it has not. */
void top_unmerged(struct top *t);

/* unmerge.c: processes whose merging is being switched off, behind top_advise() */
/* Takes in how far it is; true when it has ended, and there is something to read anew. */
bool top_unmerge_news(struct top *t);
/* Until it has ended. */
void top_unmerge_wait(struct top *t);
/* Ends it between two portions, and says so on standard error. */
void top_unmerge_stop(struct top *t);

/* record.c: samples in a file, and back */
/* The parser, for tests and fuzzers: lines in, samples out. */
void top_record_init(struct ksm_record *r);
/**
 * top_record_line() - one line, with or without its newline
 *
 * @out is emptied when a sample begins, and holds it when it is whole.
 * Return: 1 it is whole, 0 it goes on, -EPROTO with r->error, -ENOMEM.
 */
int top_record_line(struct ksm_record *r, const char *line, size_t len, struct sample *out);
int top_recorder_open(const char *path, struct recorder **out);	/* 0 or -errno */
/* 0 or -errno; the first sample after opening must be a whole one. */
int top_recorder_add(struct recorder *r, const struct sample *s);
int top_recorder_close(struct recorder *r);	/* NULL is fine; -errno of any write */
/* A file, or a directory of dumps 0, 1, 2...  0 or -errno. */
int top_player_open(const char *path, struct player **out);
/* 1 and the next sample, 0 at the end, -errno with top_player_error(). */
int top_player_next(struct player *p, struct sample *out);
/* "line 12: not a number": what was wrong; borrowed. */
const char *top_player_error(const struct player *p);
void top_player_close(struct player *p);

/* config.c: what is kept from one run to the next */
/* What of struct top the settings file holds; also the parser's state. */
struct top_config {
	uint64_t interval_ns;
	bool ascii, no_color;
	enum top_graph graph;
	struct top_table table;
	unsigned int line;	/* of the last one parsed */
	unsigned int bad;	/* lines that were left out */
};
void top_config_init(struct top_config *c);
/* One line without its newline; unknown or bad ones are left out and counted. */
void top_config_line(struct top_config *c, const char *line, size_t len);
/* Checks what only the whole can tell. */
void top_config_finish(struct top_config *c);
/* The text of the file; 0 or -ENOMEM. */
int top_config_format(const struct top_config *c, struct str *out);
/* From and to $XDG_CONFIG_HOME/ksm-utils/ksmtop; absent is no error.  0 or -errno. */
int top_config_load(struct top_config *c);
int top_config_save(const struct top_config *c);

/* view-batch.c */
extern const struct view top_view_batch;

/* view-curses.c */
extern const struct view top_view_curses;

#endif /* KSM_KSMTOP_KSMTOP_H */
