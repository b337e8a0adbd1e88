/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.h - between collect.c, which hands out work to threads, and read.c, which
 * does one piece of it.
 */
#ifndef KSM_ESTIMATE_READ_H
#define KSM_ESTIMATE_READ_H

#include "ksm-estimate/estimate.h"

#define BLOCK_PAGES	512			/* as many as a huge page has, with small ones of 4 KiB */
#define SPAN_PAGES	(2 * BLOCK_PAGES)	/* classified, copied and committed at once */
#define REGION_PAGES	(32 * BLOCK_PAGES)	/* what a thread takes at a time */
#define BLOCK_WORDS	(BLOCK_PAGES / 64)

/* Where the records of a block came from: for further passes. */
struct block {
	struct est_proc *proc;
	size_t seg;
	uint64_t addr;
	size_t first_rec;
	bool huge;
	uint64_t rec[BLOCK_WORDS];	/* pages that have a record, in order */
	uint64_t zero[BLOCK_WORDS];	/* pages counted in est_count.zero */
};

/* All readers of a run; what several of them change is under lock. */
struct readers {
	struct est *e;
	struct est_frames *frames;
	int kpageflags;			/* or -errno */
	bool ksm_known;			/* the kernel tells merged pages from others */
	bool sampled;
	bool adapt;			/* take a smaller share when records run out */
	uint64_t zero_hash;		/* of a page of zeroes */
	size_t piece_at;		/* in a page: what decides about a sample */
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
	uint32_t pick;			/* as in struct readers, when a span was begun */
	unsigned int halved;
	uint64_t chance;
	uint64_t read_bytes;
};

int reader_init(struct reader *r, struct readers *all);
void reader_fini(struct reader *r);
/* Reads [start, end) of a mapping, at most REGION_PAGES; 0, or -errno that ends the process. */
int reader_region(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t start,
		  uint64_t end);
/* Reads a block again and drops what changed. */
void reader_again(struct reader *r, struct block *b);

#endif /* KSM_ESTIMATE_READ_H */
