/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.h - between crew.c, which hands out work to threads, and the files that do
 * one piece of it.
 */
#ifndef KSM_ESTIMATE_READ_H
#define KSM_ESTIMATE_READ_H

#include <pthread.h>

#include "estimate/estimate.h"
#include "util/vec.h"

#define BLOCK_PAGES	512			/* as many as a huge page has, with small ones of 4 KiB */
#define SPAN_PAGES	(2 * BLOCK_PAGES)	/* classified, copied and committed at once */
#define REGION_PAGES	(32 * BLOCK_PAGES)	/* what a thread takes at a time */
#define BLOCK_WORDS	(BLOCK_PAGES / 64)
#define SPAN_PIECES	(SPAN_PAGES / EST_PIECE_MIN_PAGES)
#define NO_PIECE	UINT32_MAX
#define CHUNK_STEP	((size_t)256 << 10)	/* buffers are multiples of it */

/* vec_room() of what counts as our memory, @cost bytes for each element in the end. */
#define est_room(limits, v, n, cap, cost)						\
	(((n) < (cap) ? 0 : est_limits_take(limits, vec_more(cap) * (cost))) ?:	\
	 vec_room(v, n, cap))

/* ------------------------------------------------------------------ */
/* frames.c: which frames were met					*/

struct est_frames;

/* NULL without memory. */
struct est_frames *est_frames_new(struct est_limits *limits);
void est_frames_free(struct est_frames *f);
/*
 * In a sample: instead of the hash of a frame that is not in it.  A content with
 * this hash is as unlikely as two that have the same.
 */
#define EST_PASSED UINT64_C(0)

/* True and the hash of its content when @pfn was met before. */
bool est_frames_find(struct est_frames *f, uint64_t pfn, uint64_t *hash);
/* 1; 0 when somebody else was first; -ENOMEM, -ENOBUFS. */
int est_frames_put(struct est_frames *f, uint64_t pfn, uint64_t hash);

/* ------------------------------------------------------------------ */
/* from a page to its record						*/

/* Where the records of a block, or a piece of one, came from: for further passes. */
struct block {
	struct est_proc *proc;
	size_t seg;
	uint32_t piece;			/* in e->pieces, or NO_PIECE */
	uint64_t addr;
	size_t first_rec;
	bool huge;
	uint64_t rec[BLOCK_WORDS];	/* pages that have a record, in order */
	uint64_t zero[BLOCK_WORDS];	/* pages counted in est_count.zero */
};

enum state {
	NOTHING,	/* not a page for us */
	EXCLUSIVE,	/* to be read the fast way */
	SHARED,		/* to be read the careful way */
	READ,		/* hash is valid */
	PASSED,		/* not in the sample */
	GONE,
};

struct batch {
	uint16_t page[SPAN_PAGES];	/* indices in the span */
	size_t n;
	uint64_t addr;			/* of the span */
};

/* All readers of a run; what several of them change is under lock. */
struct readers {
	struct est *e;
	int failed;			/* -errno that ends the run; atomic */
	struct est_frames *frames;
	int kpageflags;			/* or -errno */
	bool ksm_known;			/* the kernel tells merged pages from others */
	bool sampled;
	bool adapt;			/* take a smaller share when records run out */
	uint64_t zero_hash;		/* of a page of zeroes */
	size_t piece_at;		/* in a page: what decides about a sample */
	size_t piece;			/* pages that the pieces of a mapping have, or SIZE_MAX */
	size_t want_recs;		/* about as many records as there will be */
	unsigned int n;			/* of readers */
	pthread_mutex_t lock;
	uint32_t threshold;		/* contents taken, of 1 << EST_CLUSTER_BITS */
	uint32_t pick;			/* frames picked for A, and for B, of 1 << 32 */
	unsigned int halved;		/* how often both were halved */
	uint64_t chance;		/* state of random numbers */
	struct block *blocks;		/* only when there are more passes */
	size_t n_blocks, cap_blocks;
};

/* One thread's storage. */
struct reader {
	struct readers *all;
	struct est_moment moment;
	unsigned char *buf;
	size_t chunk;			/* bytes that are copied at once */
	uint64_t entry[SPAN_PAGES];
	uint64_t flags[SPAN_PAGES];
	uint64_t hash[SPAN_PAGES];
	uint64_t cluster[SPAN_PAGES];	/* of samples: the hash that decides */
	uint32_t tag[SPAN_PAGES];
	unsigned char kind[REGION_PAGES];
	unsigned char state[SPAN_PAGES];
	bool kinds_known;
	uint64_t first;			/* page number in the address space: of the span at hand */
	struct est_count count[SPAN_PIECES];	/* of each piece of the span */
	uint32_t id[SPAN_PIECES];	/* of each, in e->pieces, or NO_PIECE */
	const struct est_seg *last_seg;	/* the piece used last, which may go on */
	uint64_t last_piece;
	uint32_t last_id;
	uint32_t pick;			/* as in struct readers, when a span was begun */
	unsigned int halved;
	uint64_t chance;
	uint64_t read_bytes;
};

static inline size_t page_size(const struct reader *r)
{
	return r->all->e->page_size;
}

/* Pages from number @at of the span to where a huge page would end, at most to @end. */
static inline size_t block_len(const struct reader *r, size_t at, size_t end)
{
	return MIN(end - at, BLOCK_PAGES - (r->first + at) % BLOCK_PAGES);
}

/* To where a piece of the mapping ends, at most to @end. */
static inline size_t piece_len(const struct reader *r, size_t at, size_t end)
{
	return MIN(end - at, r->all->piece - (r->first + at) % r->all->piece);
}

/* Which piece of the span page @at is in. */
static inline size_t piece_of(const struct reader *r, size_t at)
{
	return (r->first + at) / r->all->piece - r->first / r->all->piece;
}

static inline uint64_t frame(uint64_t entry)
{
	return entry & KSM_PM_FRAME;
}

static inline bool is_taken(const struct reader *r, uint64_t hash)
{
	return hash >> (64 - EST_CLUSTER_BITS) <
	       __atomic_load_n(&r->all->threshold, __ATOMIC_RELAXED);
}

static inline struct est_rec make_rec(const struct reader *r, size_t i, uint32_t seg)
{
	const uint64_t h = r->hash[i];

	return (struct est_rec){ h >> 32, h, seg | r->tag[i] };
}

static inline bool bit(const uint64_t *words, size_t i)
{
	return words[i / 64] >> i % 64 & 1;
}

static inline void set_bit(uint64_t *words, size_t i)
{
	words[i / 64] |= UINT64_C(1) << i % 64;
}

/* reader.c */
/* @number: of the reader; with the key it decides what is left to chance. */
int reader_init(struct reader *r, struct readers *all, unsigned int number);
void reader_fini(struct reader *r);
/* How large a buffer may be by now; under lock. */
size_t readers_chunk(const struct readers *all);
void reader_shrink(struct reader *r, size_t to);
/* Not secret: chance that depends on nothing else will do. */
uint32_t reader_chance(uint64_t *state);
/* Ends the whole run with @rc; -ECANCELED, for whoever has to return. */
int reader_fail(struct readers *all, int rc);

/* kind.c */
/* Flags of the frames that matter, of a span. */
void reader_flags(struct reader *r, const struct est_seg *seg, size_t n);
/* Whether page @i may be read the fast way. */
bool reader_may_pin(const struct reader *r, const struct est_seg *seg, size_t i);
/* Pages of a block, @n from @at on; counts them. */
void reader_classify(struct reader *r, const struct est_seg *seg, const unsigned char *kind,
		     size_t at, size_t n);

/* content.c */
/* All pages of a span; 0, or -errno that ends the process. */
int reader_contents(struct reader *r, const struct est_proc *p, uint64_t addr, size_t n);
/*
 * Reads @b in pieces; the kernel stops at the first page that is not there, which
 * is then left out.  -ESRCH and -EPERM end the process.
 */
int reader_whole(struct reader *r, const struct est_proc *p, const struct batch *b);
/* All of page @i of a span at @addr the careful way: 1, 0 when it is gone, -errno. */
int reader_whole_careful(struct reader *r, const struct est_proc *p, uint64_t addr, size_t i);

/* record.c */
int reader_commit(struct reader *r, struct est_proc *p, struct est_seg *seg, size_t n);

/* read.c */
/* Reads [start, end) of a mapping, at most REGION_PAGES; 0, or -errno that ends the process. */
int reader_region(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t start,
		  uint64_t end);

/* again.c */
/* Reads a block again and drops what changed; -ECANCELED when the run has ended. */
int reader_again(struct reader *r, struct block *b);

/* ------------------------------------------------------------------ */
/* setup.c: what a run needs						*/

/* Resident @pages are to be read; 0, or -errno with e->why. */
int readers_init(struct readers *all, struct est *e, uint64_t pages);
/* The shares that were taken in the end, too. */
void readers_fini(struct readers *all);

/* ------------------------------------------------------------------ */
/* mappings.c: a process and the list of its mappings			*/

/* p->rc says why it cannot be read; 0, or -errno that ends the run, with e->why. */
int est_proc_open(struct est *e, struct est_proc *p);
/* For a further pass: the same process, not another that got its number. */
int est_proc_reopen(struct est *e, struct est_proc *p);

/* ------------------------------------------------------------------ */
/* crew.c: all passes over all processes				*/

int est_crew_run(struct est *e, uint64_t pages);

/* ------------------------------------------------------------------ */
/* fail.c								*/

/* e->why for @rc that says enough itself; returns @rc. */
int est_fail(struct est *e, int rc);
int est_fail_why(struct est *e, enum est_why why, int rc);

#endif /* KSM_ESTIMATE_READ_H */
