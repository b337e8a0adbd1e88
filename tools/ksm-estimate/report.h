/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - what the files of ksm-estimate share: whom to read, what can be
 * shown (columns.c), and how (report.c, report-json.c).
 */
#ifndef KSM_ESTIMATE_REPORT_H
#define KSM_ESTIMATE_REPORT_H

#include <math.h>

#include "cli/cli.h"
#include "estimate/estimate.h"
#include "estimate/sketch.h"
#include "util/num.h"

struct est_report {
	struct est *e;
	struct cli_table_opts table;
	bool named;		/* processes were, by their numbers */
	bool pairs, vmas, pieces;
};

/* ------------------------------------------------------------------ */
/* select.c								*/

/* Ends the program when nothing can be said at all. */
void est_select_and_read(struct est *e, const struct ksm_select *sel);
/* Of one process at least, in part at least. */
bool est_any_read(const struct est *e);

/* ------------------------------------------------------------------ */
/* key-file.c								*/

/*
 * From a file, which is made (mode 0600) when it does not exist.  0, -EPROTO
 * when the file is no key, -EKEYREJECTED when others may read or write it, -errno.
 */
int est_key_file(const char *path, struct est_key *key);

/* ------------------------------------------------------------------ */
/* columns.c								*/

extern const struct cli_col est_proc_columns[], est_group_columns[], est_pair_columns[],
	est_vma_columns[], est_piece_columns[], est_compare_columns[],
	est_guest_columns[], est_host_columns[];

/* A process or a group. */
struct est_row {
	const struct est_report *r;
	const struct est_proc *p;	/* of a group: its first one */
	const char *name;
	const char *user;
	int64_t procs;
	struct est_count count;
	struct est_gain gain;
	int64_t meta;
	uint64_t other_bytes;
	uint64_t merged_pages;
	const char *with;	/* group that it has most in common with, or NULL */
	double common;		/* pages of that */
};

/* Rows of one kind, whatever it is. */
struct est_list {
	const char *name;
	const struct cli_col *cols;
	void *rows;
	const void **ptrs;
	size_t n, size;
	size_t text_rows;	/* at most so many for people; 0: all */
};

struct est_sums {
	struct est_row all;
	int64_t saved, low, high, net, net_low, net_high;
	size_t read;
};

/* A figure of the summary, for both forms. */
struct est_figure {
	const char *key;
	const char *text;
	void (*get)(const void *row, struct cli_cell *out);
	unsigned int depth;
};

extern const struct est_figure est_figures[];	/* the last has no key */

static inline int64_t est_page_bytes(const struct est_report *r, double pages)
{
	return num_mul_sat((int64_t)llround(pages), (int64_t)r->e->page_size);
}

#define EST_TEXT_ROWS 40	/* of pairs and mappings, where a person reads */
#define EST_LISTS 3

/* At most EST_LISTS: pairs or mappings where asked for, else processes or groups; or all. */
size_t est_lists(const struct est_report *r, struct est_list *l, bool json);
void est_list_fini(struct est_list *l);
/* columns-place.c: of mappings, and of these with their pieces. */
void est_list_vmas(const struct est_report *r, struct est_list *l);
void est_list_pieces(const struct est_report *r, struct est_list *l);
void est_sums(const struct est_report *r, struct est_sums *s);
/* Whether a column tells of two groups: then they must be compared. */
bool est_columns_need_pairs(const struct cli_col *cols, const struct cli_table_opts *table);

/* ------------------------------------------------------------------ */
/* report.c, report-json.c						*/

/* A line of a summary: what, how much, and more about it; or NULL. */
void est_line(const char *what, unsigned int depth, const char *value, const char *more);
/* Shows; the exit code. */
int est_report_print(struct est_report *r);
int est_report_json(const struct est_report *r);

/* ------------------------------------------------------------------ */
/* sketch-file.c							*/

/* Whether est_sketch_write() will be able to; 0 or -errno. */
int est_sketch_try(const char *path);
/* Writes one sketch for each group; the exit code. */
int est_sketch_write(struct est_report *r, const char *path);
/* All sketches of some files, in their order. */
struct est_sketches {
	struct est_sketch *s;
	const char **file;	/* that each is in; of the caller */
	size_t n;
};

/* Ends the program when one cannot be read, or is none. */
void est_sketches_load(struct est_sketches *all, char *const *files, size_t n);
void est_sketches_fini(struct est_sketches *all);
/* Ends the program: what -EXDEV and -EMEDIUMTYPE mean. */
void est_sketches_differ(const char *file, const char *other, int rc) __attribute__((noreturn));
/* Sketches of files against one another; the exit code. */
int est_compare(char *const *files, size_t n, const struct cli_table_opts *table);

/* ------------------------------------------------------------------ */
/* place-hosts.c							*/

struct est_place_opts {
	const char **capacity;	/* [FILE=]SIZE or PCT%, as typed */
	size_t n_capacity;
	size_t max_moves;
	double worth;		/* share of what a move copies that it must save */
};

/* A capacity that nothing can be made of is a usage error, before any file is read. */
void est_place_check(const struct est_place_opts *o, char *const *files, size_t n);
/* Which guest belongs on which host; the exit code. */
int est_place_hosts(char *const *files, size_t n, const struct est_place_opts *o,
		    const struct cli_table_opts *table);

#endif /* KSM_ESTIMATE_REPORT_H */
