/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * places.h - where merging pays: the parts of address spaces that hold most of the
 * savings for the least scanning and metadata.  Pure.
 */
#ifndef KSM_ESTIMATE_PLACES_H
#define KSM_ESTIMATE_PLACES_H

#include "estimate/estimate.h"

/* Part of one mapping, or all of it. */
struct est_range {
	const struct est_proc *proc;
	const struct est_seg *seg;
	uint64_t start, end;
	uint64_t pages;		/* present: what the kernel would scan, and keep metadata for */
	double saved;		/* pages; what has been saved already and what would be */
};

struct est_amount {
	uint64_t pages;
	double saved;
};

/*
 * What is wanted where nobody says: what merging then saves is within a percent of
 * the estimate, so that it is 95 % at least (tests/live/where-it-pays).
 */
#define EST_PLACES_SHARE 0.96

struct est_places_opts {
	double share;		/* of the savings that is wanted */
	size_t page_size;
	uint64_t piece_bytes;
	size_t max_ranges;	/* of one process; 0: EST_PLACES_MAX */
};

/* Each may split a mapping in three, and a process may have 65530 of them. */
#define EST_PLACES_MAX 256

struct est_places {
	struct est_range *range;	/* ascending by process and address */
	size_t n;
	struct est_amount all;		/* of what could be chosen */
	struct est_amount chosen;
	struct est_amount marked;	/* in mappings that others have marked already */
};

/**
 * est_places_choose() - the ranges that hold a share of the savings
 * @procs: as est_decide() left them, with pieces
 * @pieces: likewise
 * @out: filled; to be freed by est_places_fini()
 *
 * A mapping is taken whole, but for a large one of which little is duplicate: there
 * its pieces are chosen among, and what lies between two of them is taken along when
 * it is small.  What is densest comes first, until the share is reached; what saves no
 * more than its metadata takes is left out whatever the share is, so it may be that
 * nothing is chosen.  A part of [stack] is never chosen: an injection needs it whole.
 *
 * Return: 0 or -ENOMEM.
 */
int est_places_choose(struct est_proc *const *procs, size_t n_procs,
		      const struct est_piece *pieces, const struct est_places_opts *o,
		      struct est_places *out);
void est_places_fini(struct est_places *p);

/* ------------------------------------------------------------------ */
/* places-again.c: what a later look changes				*/

/* Of what was marked in one process. */
struct est_again {
	struct est_range *cold;		/* to be taken back; ascending */
	size_t n_cold;
	struct est_amount ours;		/* in what was marked */
	double held;			/* share of what is wanted now that was marked: 0 to 1 */
};

/**
 * est_again_decide() - is what was marked in a process still where merging pays?
 * @p: with the mappings that we marked as .ours
 * @pieces: as est_places_choose() has them
 * @out: filled; to be freed by est_again_fini()
 *
 * Cold is a piece of which less than STRIP_FEW would be saved, which a strip shows as
 * none.  What is chosen is much denser, so that nothing goes to and fro.  A piece with
 * nothing in it costs nothing.
 *
 * Return: 0 or -ENOMEM.
 */
int est_again_decide(const struct est_proc *p, const struct est_piece *pieces,
		     const struct est_places_opts *o, struct est_again *out);
void est_again_fini(struct est_again *a);

/* Less than this of what is wanted is where it was a moment ago: the places do not last. */
#define EST_LASTS (2.0 / 3)

#endif /* KSM_ESTIMATE_PLACES_H */
