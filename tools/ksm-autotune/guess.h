/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guess.h - what merging would save of some processes.  Takes long; see job.h.
 */
#ifndef KSM_AUTOTUNE_GUESS_H
#define KSM_AUTOTUNE_GUESS_H

#include "estimate/estimate.h"
#include "inject/marks.h"

/* Of one process. */
struct tune_guess {
	struct ksm_ident id;
	bool again;			/* given: it is advised where it pays, and looked at anew */
	int rc;				/* why it could not be read, or 0 */
	/* Of one that is looked at anew: that more would be saved, and kept for it. */
	int64_t saved_bytes;
	int64_t low_bytes;		/* the interval of all is that of each, in proportion */
	int64_t meta_bytes;		/* that the kernel would keep for what is marked */
	struct ksm_marks marks;		/* where it pays, and is not marked; empty where all is meant */
	/* Where it pays: of all of it, too. */
	int64_t whole_low_bytes, whole_meta_bytes;
	/* Of one that is looked at anew */
	struct ksm_marks cold;		/* to be taken back */
	bool marked;
	double held;
};

struct tune_guesses {
	/* given */
	struct ksm *k;			/* of nobody else's */
	double cpu;			/* of one processor */
	uint64_t max_memory;		/* bytes; 0: no limit */
	bool places;			/* where it pays, and not all */
	double share;			/* of the savings that places are to hold */

	struct tune_guess *v;		/* with their .id */
	size_t n;
	/* came out */
	int rc;				/* 0, or -errno, and then why: */
	char why[160];

	struct est e;
};

/* Estimates what all of them would save together.  .e.limits.stop ends it. */
void tune_guess(struct tune_guesses *g);
/* Room for @n processes: 0 or -ENOMEM. */
int tune_guesses_init(struct tune_guesses *g, size_t n);
void tune_guesses_fini(struct tune_guesses *g);

#endif /* KSM_AUTOTUNE_GUESS_H */
