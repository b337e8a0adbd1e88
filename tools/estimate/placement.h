/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * placement.h - which guests belong on which host, so that most is shared.
 *
 * What a guest saves by itself (its repetitions, its zeroes) it saves on every host,
 * and is not counted here: only what guests of one host have in common.
 */
#ifndef KSM_ESTIMATE_PLACEMENT_H
#define KSM_ESTIMATE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "estimate/sketch.h"

#define EST_PLACE_GUESTS_MAX 8192
#define EST_PLACE_HOSTS_MAX 1024

/* Pages, with their 95 % interval. */
struct est_approx {
	double pages;
	double low, high;
};

struct est_guest {
	/* given by the caller */
	const struct est_sketch *sketch;
	uint32_t host;		/* that it is on now */
	/* found */
	uint32_t to;		/* that it should be on; mostly the same */
	uint32_t step;		/* of the moves, which begin with 1; 0: it stays */
	bool tight;		/* there is no room for this step before a later one is made */
	double gain;		/* pages that this step saves, after those before it */
};

struct est_host {
	/* given by the caller */
	uint64_t capacity;	/* pages of guests that it holds, as if nothing merged */
	/* found */
	struct est_approx now, then;	/* saved between its guests */
	uint64_t pages_now, pages_then;	/* of its guests */
	size_t guests_now, guests_then;
};

struct est_placement {
	/* given by the caller */
	struct est_guest *guests;
	size_t n_guests;
	struct est_host *hosts;
	size_t n_hosts;
	size_t max_moves;	/* guests that may be moved */
	double worth;		/* pages that a move must save for each page that it copies */
	/* found */
	struct est_approx now, then, gain;	/* of all hosts */
	size_t moves;
	uint64_t pages_moved;
	bool exact;		/* the sketches hold all contents */
	size_t odd;		/* of -EXDEV and -EMEDIUMTYPE: the guest unlike the first */
};

/* Pages that a guest has when nothing is merged. */
static inline uint64_t est_guest_pages(const struct est_guest *g)
{
	return g->sketch->pages + g->sketch->zero_pages;
}

/**
 * est_place() - find a placement that shares more
 * @p: guests, where they are, and what their hosts hold
 *
 * The problem is that of sharing-aware packing (Sindelar, Sitaraman and Shenoy,
 * "Sharing-aware algorithms for virtual machine colocation", SPAA 2011), which is
 * NP-hard; what is searched with is what Memory Buddies found out of fingerprints
 * (Wood and others, VEE 2009): how much a guest has in common with all of a host.
 * From the present placement, and unless moves are limited from others packed anew,
 * greedy steps lead to where none is better: moves of one guest, and exchanges of two
 * as of Kernighan and Lin (1970), which need no room.  It is not always the best there is.
 *
 * Where a sketch is a sample, one half of the contents chooses and the other half
 * says what that gives for all that was not seen: of many placements, the one that
 * seems best seems better than it is.  And a step is taken only when its gain is more
 * than chance makes of as many as there are to choose from (the bound of Donoho and
 * Johnstone, 1994).
 *
 * The same input gives the same result.  Time goes with the square of the guests,
 * and with the contents of all of them times how many guests have each; memory with
 * guests times hosts, 16 bytes for each content of each guest, and 8 for each host and
 * content that more guests have than there are hosts.
 *
 * No host gets more than its capacity; one that has more already may give, or exchange
 * for what is no larger.
 *
 * Return: 0; -ENOMEM; -E2BIG for more than EST_PLACE_GUESTS_MAX or _HOSTS_MAX;
 * -EXDEV when the keys of guests differ, -EMEDIUMTYPE when the page sizes do.
 */
int est_place(struct est_placement *p);

#endif /* KSM_ESTIMATE_PLACEMENT_H */
