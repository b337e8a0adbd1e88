/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records.h - from records of pages to savings, and how sure they are.  Pure:
 * structs in, structs out.
 */
#ifndef KSM_ESTIMATE_RECORDS_H
#define KSM_ESTIMATE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/macros.h"

/* ------------------------------------------------------------------ */
/* sort.c, dups.c: records of pages to savings				*/

/*
 * One page.  In a sample it is here because its content was taken, which the
 * upper EST_CLUSTER_BITS of the hash decide (see read.c), or because its frame was
 * picked, by chance and whatever it holds, or for both reasons.
 */
struct est_rec {
	uint32_t hi, lo;	/* hash of the content */
	uint32_t tag;		/* number of its mapping or piece, and flags above */
};

#define EST_SEG_BITS	 26
#define EST_SEG_MASK	 ((1U << EST_SEG_BITS) - 1)
#define EST_CLUSTER_BITS 24

enum est_flag {
	EST_PICK_A = 1U << 26,	/* picked: shows which contents are frequent */
	EST_PICK_B = 1U << 27,	/* picked: counts those */
	EST_KSM = 1U << 28,	/* merged by KSM already */
	EST_SAME = 1U << 29,	/* this frame was met before, in another mapping */
	EST_HUGE = 1U << 30,	/* inside a huge page */
	EST_NOFRAME = 1U << 31,	/* shared, and which frame it is was not told */
};

#define EST_DROPPED UINT32_MAX	/* a tag: no longer a page (no other has all flags) */

#define EST_PICKED	(EST_PICK_A | EST_PICK_B)
#define EST_NO_FRAME_OF_ITS_OWN (EST_KSM | EST_SAME | EST_NOFRAME)

/* A part of one mapping's pages, as counted while reading. */
struct est_count {
	uint64_t anon;		/* anonymous and present: what KSM would look at */
	uint64_t file;		/* of files, and of shared memory */
	uint64_t swapped;	/* not read */
	uint64_t zeropage;	/* the kernel's zero page stands there: costs nothing */
	uint64_t ksm;		/* of anon: merged already */
	uint64_t same;		/* of anon: a frame met before (fork) */
	uint64_t huge;		/* of anon: inside huge pages */
	uint64_t zero;		/* of anon, not merged, frame not met before: all zeroes */
	uint64_t zero_huge;	/* of those, inside huge pages */
	uint64_t zero_shared;	/* zeroes, neither merged nor a frame of its own */
	uint64_t zero_ksm;	/* zeroes merged as an ordinary page */
	uint64_t zero_ksm_frames;
	uint64_t changed;	/* of anon: another content at the next pass; of those taken */
	uint64_t zero_changed;	/* the same of zeroes */
	uint64_t gone;		/* of anon: not there, or not readable, when read */
	uint64_t unread;	/* of anon: not looked at, over the limit of memory */
	uint64_t taken;		/* records made */
};

void est_count_add(struct est_count *to, const struct est_count *c);

/* What the contents say, in pages; sums of shares, thus fractions. */
struct est_gain {
	double dup;		/* pages with an equal one elsewhere, not merged yet */
	double unique;
	double saved;		/* frames that merging frees */
	double cross;		/* of saved: only by sharing between users */
	double huge;		/* of saved: inside huge pages, which would be split */
	double merged;		/* frames that merging has freed already, beside the above */
	double counted;		/* what the kernel's pages_sharing would grow by */
};

/* What merging is worth there, be it done or to come. */
static inline double est_gain_worth(const struct est_gain *g)
{
	return g->saved + g->merged;
}

void est_gain_add(struct est_gain *to, const struct est_gain *g);
/* A sample's figures of what has @frames are made possible: no more than there is. */
void est_gain_clamp(struct est_gain *g, double frames);

/*
 * Where est_gain.saved comes from, and how far off it may be.  Frequent contents,
 * those that were picked twice or more, are told apart: a few of them can outweigh
 * all others, and whether such a one is taken would decide about the estimate.
 */
struct est_sure {
	double exact;		/* zeroes, and frequent contents that were taken: all known */
	double picked;		/* frequent ones that were not: counted by what was picked */
	double picked_var;
	size_t n_picked;
	double rest;		/* the others, counted by what was taken */
	double rest_var;	/* as the sample shows it */
	double contents;	/* how many others there are */
	double least;		/* saved for certain: seen with our own eyes */
	double kept;		/* frames that stay for certain */
	bool *frequent;		/* buckets of est_moment with a frequent content; or NULL */
};

/* Which owner a segment belongs to; made by the caller. */
struct est_owner {
	uint32_t user;		/* index of its user, below n_users */
	uint32_t group;		/* index of its group, below n_groups; or EST_NO_GROUP */
};

#define EST_NO_GROUP UINT32_MAX

struct est_params {
	uint64_t max_sharing;	/* max_page_sharing; at least 2 */
	bool use_zero_pages;	/* zero contents go to the kernel's zero page */
	double p;		/* share of the contents that was taken; 1: all */
	double pick;		/* share of the frames that was picked, for A and B each */
	size_t n_segs;
	const struct est_owner *owner;	/* of each segment */
	const struct est_count *count;	/* of each segment */
	size_t n_users, n_groups;
	double *pairs;		/* n_groups x n_groups, upper half filled; or NULL */
	double *merged;		/* the same of what is merged already; or NULL */
};

/* Whether the contents with such a hash are taken, of a share @p of all. */
static inline bool est_is_taken(uint32_t hi, double p)
{
	return hi >> (32 - EST_CLUSTER_BITS) < p * (1U << EST_CLUSTER_BITS);
}

/* What is left of @maps equal pages in @frames frames when all merge. */
uint64_t est_copies(uint64_t n, uint64_t max_sharing);

/* Sort by hash, then by tag, in place, in @jobs threads. */
void est_sort(struct est_rec *recs, size_t n, unsigned int jobs);
/* Removes what was dropped, keeps the order; returns how many are left. */
size_t est_compact(struct est_rec *recs, size_t n);

/**
 * est_dups() - savings of sorted records
 * @recs: sorted by est_sort()
 * @total: filled; scaled to all contents when they are a sample
 * @gains: of each segment; added to, scaled the same way
 * @sure: filled, but for @sure->frequent, which the caller brings cleared, or NULL
 *
 * Return: 0 or -ENOMEM.
 */
int est_dups(const struct est_rec *recs, size_t n, const struct est_params *p,
	     struct est_gain *total, struct est_gain *gains, struct est_sure *sure);

/* ------------------------------------------------------------------ */
/* interval.c: how far off the estimate of a sample may be			*/

struct est_moment;

/* The share of frames to pick, for A and B each, beside a share @p of the contents. */
double est_pick_share(double p, uint64_t pages);

/**
 * est_interval() - 95 % interval of a sum estimated from a sample
 * @sum: the estimate, already scaled
 * @var: its variance, estimated
 * @p: share that was taken
 *
 * Solves |estimate - truth| = z sd(truth), so that it holds for small sums too,
 * where an interval of the usual kind would be too narrow, and for none at all.
 */
void est_interval(double sum, double var, double p, double *low, double *high);

/**
 * est_bounds() - 95 % interval of what est_dups() found, and the estimate itself
 * @m: of all frames that the sample passed over
 * @frames: how many frames there are that merging could free
 * @saved: the estimate
 *
 * None of the three is less than what was seen, or more than is possible.
 */
void est_bounds(const struct est_sure *sure, const struct est_moment *m,
		const struct est_params *p, double frames, double *saved, double *low,
		double *high);

/* ------------------------------------------------------------------ */
/* moment.c: how uneven the multiplicities are, in constant memory	*/

#define EST_MOMENT_BITS 17
#define EST_MOMENT_BUCKETS ((size_t)1 << EST_MOMENT_BITS)
#define EST_MOMENT_SIZE (EST_MOMENT_BUCKETS * sizeof(uint32_t[2]))

/* Sum over all contents of multiplicity squared, after Alon, Matias and Szegedy. */
struct est_moment {
	uint32_t (*count)[2];	/* frames in each bucket, by the sign of their content */
};

int est_moment_init(struct est_moment *m);
void est_moment_fini(struct est_moment *m);
/* A frame; @cluster: the hash whose upper EST_CLUSTER_BITS are those of its record. */
void est_moment_put(struct est_moment *m, uint64_t cluster);
/* @into takes in what @m counted. */
void est_moment_add(struct est_moment *into, const struct est_moment *m);
/* The bucket of a record's content. */
size_t est_moment_bucket(const struct est_rec *r);
/**
 * est_moment_var() - upper bound of the variance of a sum of repetitions
 * @frequent: buckets that do not count, because what is in them does not; or NULL
 * @contents: different contents that do count
 *
 * Return: the bound; 0 when too few buckets count to tell.
 */
double est_moment_var(const struct est_moment *m, const bool *frequent, double contents,
		      double p);

#endif /* KSM_ESTIMATE_RECORDS_H */
