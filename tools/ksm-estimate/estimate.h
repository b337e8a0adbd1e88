/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * estimate.h - what the files of ksm-estimate share, grouped by file.
 *
 * The way of the data: collect.c reads pages and leaves one record of 12 bytes
 * for each, dups.c sorts the records and turns equal ones into savings, report.c
 * shows them.  dups.c and sketch.c are pure: structs in, structs out.
 */
#ifndef KSM_ESTIMATE_H
#define KSM_ESTIMATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"
#include "libksm/libksm.h"

/* ------------------------------------------------------------------ */
/* key.c: the secret behind all hashes of a run				*/

#define EST_KEY_LEN 576		/* a part of its own for each 64 bytes of a page */

struct est_key {
	unsigned char secret[EST_KEY_LEN];
	uint64_t id;		/* tells keys apart; says nothing about them */
};

/* From the system's random numbers. */
int est_key_new(struct est_key *key);
/*
 * From a file, which is made (mode 0600) when it does not exist.  0, -EPROTO
 * when the file is no key, -EKEYREJECTED when others may read or write it, -errno.
 */
int est_key_file(const char *path, struct est_key *key);
uint64_t est_hash(const struct est_key *key, const void *data, size_t len);
/* The same, where the processor has AVX-512. */
uint64_t est_hash_avx512(const void *data, size_t len, const void *secret, size_t secret_len);

/* ------------------------------------------------------------------ */
/* sort.c, dups.c: records of pages to savings (pure)				*/

/*
 * One page.  In a sample it is here because its content was taken, which the
 * upper EST_CLUSTER_BITS of the hash decide (see read.c), or because its frame was
 * picked, by chance and whatever it holds, or for both reasons.
 */
struct est_rec {
	uint32_t hi, lo;	/* hash of the content */
	uint32_t tag;		/* segment, and flags above */
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
	double counted;		/* what the kernel's pages_sharing would grow by */
};

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
/* interval.c: how far off the estimate of a sample may be (pure)		*/

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

/* ------------------------------------------------------------------ */
/* sketch.c: a few KiB that stand for the memory of a group (pure)	*/

#define EST_SKETCH_K 512
#define EST_SKETCH_NAME 64

struct est_sketch_item {
	uint64_t hash;
	uint32_t pages;		/* how many pages have this content, at most UINT32_MAX */
};

struct est_sketch {
	char name[EST_SKETCH_NAME];	/* raw */
	uint64_t key_id;
	uint64_t page_size;
	uint64_t pages;		/* not counting zeroes */
	uint64_t zero_pages;
	uint32_t n;		/* items, ascending by hash */
	struct est_sketch_item item[EST_SKETCH_K];
};

/* One more content; @pages of it.  Contents come in the order of their hashes. */
void est_sketch_put(struct est_sketch *s, uint64_t hash, uint64_t pages);
/* The contents of sorted records to the sketches of their owners' groups.  0 or -ENOMEM. */
int est_sketch_fill(const struct est_rec *recs, size_t n, const struct est_owner *owner,
		    struct est_sketch *sketches, size_t n_sketches);

struct est_overlap {
	double contents;	/* different contents that both have */
	double low, high;	/* 95 % interval of it */
	double pages_a, pages_b;	/* pages of each that hold them */
	bool exact;		/* both sketches hold all their contents */
};

/* -EXDEV when the keys differ, -EMEDIUMTYPE when the page sizes do. */
int est_sketch_compare(const struct est_sketch *a, const struct est_sketch *b,
		       struct est_overlap *out);

/* The bytes of a file; @out has room for est_sketch_size(). */
size_t est_sketch_size(const struct est_sketch *s);
void est_sketch_format(const struct est_sketch *s, unsigned char *out);
/* One sketch at the front of @buf; @used says how long it was.  0 or -EPROTO. */
int est_sketch_parse(const unsigned char *buf, size_t len, struct est_sketch *out, size_t *used);

/* ------------------------------------------------------------------ */
/* frames.c: which frames were met					*/

struct est_frames;

struct est_frames *est_frames_new(void);
void est_frames_free(struct est_frames *f);
/*
 * In a sample: instead of the hash of a frame that is not in it.  A content with
 * this hash is as unlikely as two that have the same.
 */
#define EST_PASSED UINT64_C(0)

/* True and the hash of its content when @pfn was met before. */
bool est_frames_find(struct est_frames *f, uint64_t pfn, uint64_t *hash);
/* False when somebody else was first. */
bool est_frames_put(struct est_frames *f, uint64_t pfn, uint64_t hash);

/* ------------------------------------------------------------------ */
/* pace.c: how fast we may go						*/

struct est_pace {
	double max_cpu;		/* of one processor, 1 is all of it; 0: no limit */
	double max_rate;	/* bytes a second; 0: no limit */
	uint64_t start_ns;
	uint64_t bytes;		/* read so far; atomic */
};

void est_pace_start(struct est_pace *p);
/* Before reading @bytes: sleeps as long as it takes. */
void est_pace_wait(struct est_pace *p, uint64_t bytes);
/* How long to sleep: pure. */
uint64_t est_pace_due(const struct est_pace *p, uint64_t elapsed_ns, uint64_t cpu_ns,
		      uint64_t bytes);

/* ------------------------------------------------------------------ */
/* collect.c: read the pages						*/

struct est_seg {
	uint64_t start, end;
	char perms[5];
	bool readable;		/* process_vm_readv() may read it */
	bool may_ksm;		/* merged pages may be in it */
	uint64_t rss_bytes;
	char *name;		/* raw, or NULL */
	struct est_count count;
	struct est_gain gain;
};

struct est_proc {
	pid_t pid;
	uid_t uid;
	char comm[KSM_COMM_MAX];
	uint64_t start_ticks;
	uint64_t rss_pages;
	struct ksm_fig items;	/* metadata that the kernel keeps for it already */
	char *group;		/* raw name of its group, or NULL */
	int rc;			/* why it could not be read, or 0 */
	bool vanished;		/* it ended, or became another, while it was read */
	uint64_t other_bytes;	/* resident in mappings that can never merge */
	uint64_t smaps_ksm;	/* bytes merged, as smaps says */
	struct est_seg *segs;
	size_t n_segs;
	size_t first_seg;	/* index of the first of them in all */
	struct est_count count;
	struct est_gain gain;

	/* while it is read */
	struct ksm_mem *mem;
	size_t next_seg;
	uint64_t next_addr;
	unsigned int busy;
};

struct est_opts {
	struct ksm_select select;
	bool full;
	double sample;		/* share to take; 0: decide by the budget */
	unsigned int passes;
	uint64_t interval_ns;
	unsigned int jobs;
	bool marked;		/* only mappings marked as mergeable */
	bool vmas;		/* keep the names of mappings */
	bool progress;
	int by;			/* enum ksm_group, or -1 */
	uint64_t max_records;	/* of a sample */
};

struct est {
	struct ksm *k;
	struct est_opts opt;
	struct est_key key;
	struct est_pace pace;
	size_t page_size;
	uint64_t max_sharing;
	bool use_zero_pages;
	bool frames_known;	/* the kernel tells us frame numbers */
	bool huge_known;	/* and which pages are inside huge ones */

	struct est_proc **procs;
	size_t n_procs;
	size_t n_segs;

	struct est_rec *recs;
	size_t n_recs;
	size_t cap_recs;
	double p;		/* share of the contents that was taken */
	double pick;		/* share of the frames that was picked, twice */
	struct est_moment moment;

	uint64_t read_bytes;
	uint64_t read_ns;	/* time spent on reading, first pass */
	uint64_t list_ns;	/* of it, with nothing to read but lists of mappings */
	size_t denied;
	enum ksm_right denied_by;
	size_t lacking;		/* the kernel has no smaps or pagemap of them */
	size_t vanished;

	struct est_count count;
	struct est_gain total;
	double low, high;	/* 95 % interval of total.saved */
};

/*
 * Selects, reads, hashes; further passes too.  Fills procs, recs, p.  Ends the
 * program when nothing can be done at all.
 */
void est_collect(struct est *e);
void est_fini(struct est *e);

/* ------------------------------------------------------------------ */
/* report.c								*/


extern const struct cli_col est_proc_columns[], est_group_columns[], est_pair_columns[],
	est_vma_columns[], est_compare_columns[];

/* What est_decide() found out. */
struct est_group {
	const char *name;	/* raw */
	uint32_t user;		/* its one user, or EST_NO_GROUP */
	size_t procs;
};

struct est_report {
	struct est *e;
	struct cli_table_opts table;
	bool pairs, vmas;
	/* filled by est_decide() */
	struct est_owner *owner;	/* of each segment */
	struct est_group *groups;	/* ascending by first process */
	size_t n_groups;
	uid_t *users;
	size_t n_users;
	double *pair, *pair_merged;	/* n_groups x n_groups each */
};

/* owner.c: finds owners, sorts, finds duplicates, adds up. */
void est_decide(struct est_report *r);
void est_report_fini(struct est_report *r);
/* Metadata that merging all pages of a process would take beyond what it has, bytes. */
int64_t est_metadata(const struct est_proc *p);
/* Shows; the exit code. */
int est_report_print(struct est_report *r);
/* sketch-file.c: whether est_sketch_write() will be able to; 0 or -errno. */
int est_sketch_try(const char *path);
/* Writes one sketch for each group; the exit code. */
int est_sketch_write(struct est_report *r, const char *path);
/* Sketches of files against one another; the exit code. */
int est_compare(char *const *files, size_t n, const struct cli_table_opts *table);

#endif /* KSM_ESTIMATE_H */
