/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - between columns.c, which knows what can be shown, and report.c and
 * report-json.c, which show it.
 */
#ifndef KSM_ESTIMATE_REPORT_H
#define KSM_ESTIMATE_REPORT_H

#include "ksm-estimate/estimate.h"

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

int64_t est_page_bytes(const struct est_report *r, double pages);
/* Up to three: pairs or mappings where asked for, else processes or groups; or all. */
size_t est_lists(const struct est_report *r, struct est_list *l, bool json);
void est_list_fini(struct est_list *l);
void est_sums(const struct est_report *r, struct est_sums *s);

/* report-json.c */
int est_report_json(const struct est_report *r);

#endif /* KSM_ESTIMATE_REPORT_H */
