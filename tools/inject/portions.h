/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portions.h - change the marks of a process' mappings without holding it up.
 *
 * Unmerging in one call (prctl, or madvise on everything) copies every merged
 * page while the process' mappings are locked, and whatever of its threads maps
 * or faults waits: seconds for gigabytes.  Here each call is so small that it
 * takes a fraction of a millisecond, between two of them whoever waits goes on, and
 * after a few the thread that makes them runs for a while.
 */
#ifndef KSM_INJECT_PORTIONS_H
#define KSM_INJECT_PORTIONS_H

#include "inject/inject.h"

/* How far it is, and how gently it went.  Figures with _all and _left are guesses. */
struct ksm_portions {
	uint64_t pages, pages_all;	/* given back, of all that are merged */
	uint64_t pieces, pieces_all;	/* calls; 0 of 0: it was so little that none was needed */
	double share;			/* of the work, 0 to 1 */
	uint64_t left_ns;
	uint64_t hold_ns;		/* longest that one call took, of its CPU time */
	uint64_t stop_ns;		/* longest stop by the clock, other load included */
};

/*
 * Called before the first piece, if more than one call is needed, and between
 * any two.  False: stop here.
 */
typedef bool (*ksm_portions_fn)(const struct ksm_portions *now, void *arg);

/* Of an address space: bytes, page aligned, end exclusive. */
struct ksm_range {
	uint64_t start, end;
};

struct ksm_portions_how {
	bool on;			/* mark what can be merged; else unmerge what is marked */
	/* What is mapped there, and nothing else: ascending and apart; NULL: all there is. */
	const struct ksm_range *only;
	size_t n_only;
	bool little_stays;		/* what one more call can do is left to the caller */
	ksm_portions_fn step;		/* may be NULL */
	void *arg;
};

/**
 * ksm_portions_run() - MADV_MERGEABLE or MADV_UNMERGEABLE in pieces
 * @out: filled, on failure with what was done until then
 * @info: how the injections went, and why not
 *
 * While it lasts, the one mapping that is worked on may be in two pieces; they
 * join again at its end.
 *
 * Return: 0, also when there was nothing to do; -EINTR when @how->step said so:
 * what was done stays, and another run goes on from there; -errno.
 */
int ksm_portions_run(struct ksm *k, const struct ksm_whom *whom,
		     const struct ksm_portions_how *how, struct ksm_portions *out,
		     struct ksm_inject_info *info);

/* About how long it takes to unmerge so many pages, before anything of it was measured; pure. */
uint64_t ksm_portions_guess_ns(uint64_t pages);

#endif /* KSM_INJECT_PORTIONS_H */
