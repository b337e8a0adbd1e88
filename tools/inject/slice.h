/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slice.h - how much of a mapping to unmerge in one call; pure.
 *
 * MADV_UNMERGEABLE holds the lock over all of a process' mappings while it
 * works: for each merged page as long as a copy takes, and for every other page,
 * also one that is not there, a look (mm/ksm.c unmerge_ksm_pages(), until 6.18
 * page by page).  What each takes differs by a factor of twenty between
 * machines, so it is measured with each call.
 */
#ifndef KSM_INJECT_SLICE_H
#define KSM_INJECT_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes, page aligned, end exclusive: pages that are merged, or may be. */
struct slice_run {
	uint64_t start, end;
};

struct slice_cost {
	uint64_t copy_ns;	/* a page that is copied */
	uint64_t look_ps;	/* a page that is only looked at; picoseconds */
	uint64_t copies_max;	/* in the next call: a first guess may be far off */
	bool even;		/* all that is looked at is alike: a low price is believed at once */
};

struct slice {
	uint64_t start, end;
	uint64_t copies;	/* pages of it that are in runs */
};

/* Careful guesses, to be corrected from the first call on. */
void slice_cost_init(struct slice_cost *c);

/**
 * slice_next() - the piece that begins at @at
 * @c: what pages take
 * @runs: ascending and apart from one another; those that end before @at are passed over
 * @at: where to begin
 * @end: behind @at, where the mapping ends or @runs are not known any more
 * @page: size of a page in bytes
 * @budget_ns: what it may take
 *
 * It is one page at least.  Where it ends among pages that are not merged, it
 * ends where a huge page would, so that none has to be mapped in pieces.
 */
struct slice slice_next(const struct slice_cost *c, const struct slice_run *runs, size_t n,
			uint64_t at, uint64_t end, size_t page, uint64_t budget_ns);

/* What a piece should take. */
uint64_t slice_ns(const struct slice_cost *c, const struct slice *s, size_t page);

/* It took @ns: of that, more is believed sooner than less. */
void slice_learn(struct slice_cost *c, const struct slice *s, size_t page, uint64_t ns);

#endif /* KSM_INJECT_SLICE_H */
