/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * estimate.h - what would merging save: processes are read, equal pages found
 * and counted, and it is said how sure that is.
 *
 * The way of the data: crew.c reads pages and leaves one record of 12 bytes for
 * each, dups.c turns equal records into savings, owner.c adds them up.  Nothing
 * here prints or ends the program; of what went wrong .why tells what the -errno
 * does not.
 */
#ifndef KSM_ESTIMATE_H
#define KSM_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "estimate/records.h"
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
/* After .secret was filled. */
void est_key_set_id(struct est_key *key);
uint64_t est_hash(const struct est_key *key, const void *data, size_t len);
/* The same, where the processor has AVX-512. */
uint64_t est_hash_avx512(const void *data, size_t len, const void *secret, size_t secret_len);

/* ------------------------------------------------------------------ */
/* limits.c: how fast we may go, and how much we may take		*/

struct est_limits {
	/* given by the caller; 0: no limit */
	double max_cpu;		/* of one processor, 1 is all of it */
	double max_rate;	/* bytes a second */
	uint64_t max_cpu_ns;	/* CPU time of this process since the start */
	uint64_t max_memory;	/* bytes */

	uint64_t start_ns, start_cpu_ns;
	uint64_t bytes;		/* read so far; atomic */
	uint64_t memory;	/* taken so far, but for records and buffers; atomic */
	bool stop;		/* atomic */
};

void est_limits_start(struct est_limits *l);
/* 0; -ECANCELED when we are to stop; -ETIME when .max_cpu_ns are used up. */
int est_limits_check(const struct est_limits *l);
/* Before reading @bytes: sleeps as long as it takes; then like est_limits_check(). */
int est_limits_wait(struct est_limits *l, uint64_t bytes);
/* Sleeps, but no longer than until est_limits_check() has something to say. */
int est_limits_sleep(const struct est_limits *l, uint64_t ns);
/* How long to sleep: pure. */
uint64_t est_limits_due(const struct est_limits *l, uint64_t elapsed_ns, uint64_t cpu,
			uint64_t bytes);
/* Before allocating @bytes: 0, or -ENOBUFS when that would be more than we may take. */
int est_limits_take(struct est_limits *l, uint64_t bytes);
/* How many records there may be of those wanted. */
uint64_t est_limits_records(const struct est_limits *l, uint64_t want);

/* ------------------------------------------------------------------ */
/* run.c, crew.c: read the pages						*/

struct est_seg {
	uint64_t start, end;
	char perms[5];
	bool readable;		/* process_vm_readv() may read it */
	bool may_ksm;		/* merged pages may be in it */
	bool mergeable;		/* marked already */
	bool ours;		/* by whoever asks: est_places_choose() may choose it again */
	bool stack;		/* of the main thread */
	uint64_t rss_bytes;
	char *name;		/* raw, or NULL */
	struct est_count count;
	struct est_gain gain;
	size_t first_piece, n_pieces;	/* in e->pieces, by est_decide() */
};

/* A part of a mapping that has anonymous pages; aligned but at the mapping's ends. */
struct est_piece {
	struct est_proc *proc;
	struct est_seg *seg;
	uint64_t start, end;
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

struct est_progress {
	unsigned int pass, passes;	/* the first is 1 */
	double share;			/* of this pass that is done, 0 to 1 */
	uint64_t bytes;			/* read so far */
};

struct est_opts {
	bool full;		/* read every page */
	double sample;		/* share to take; 0: decide by how much there is */
	unsigned int passes;	/* 0 is 1 */
	uint64_t interval_ns;	/* between them */
	unsigned int jobs;	/* threads; 0 is 1 */
	bool marked;		/* only mappings marked as mergeable */
	bool names;		/* keep the names of mappings */
	bool kthreads;		/* list kernel threads, as what cannot be read */
	uint64_t piece_bytes;	/* look at pieces of mappings too; see est_piece_check() */
	bool pairs;		/* find out which two groups would share how much */
	int by;			/* enum ksm_group, or -1: each process is its own */
	void (*progress)(const struct est_progress *now, void *arg);	/* or NULL */
	void *arg;
};

/* What went wrong, where the -errno alone does not tell. */
enum est_why {
	EST_FINE,
	EST_NO_MEMORY,		/* allocation failed [ENOMEM] */
	EST_NO_ROOM,		/* no memory reserved for .cap_recs pages [its own] */
	EST_NO_THREAD,		/* one could not be started [its own] */
	EST_TOO_MANY,		/* mappings, or pieces of them [E2BIG] */
	EST_NO_FILES,		/* to read all of them once more [EMFILE] */
	EST_LACKING,		/* the kernel has no smaps and pagemap [EOPNOTSUPP] */
	EST_BLIND,		/* not even our own memory can be read [its own] */
	EST_PAIRS,		/* more groups than EST_PAIR_GROUPS_MAX [E2BIG] */
	EST_OVER_MEMORY,	/* .max_memory does not suffice [ENOBUFS] */
	EST_OVER_CPU,		/* .max_cpu_ns did not suffice [ETIME] */
	EST_STOPPED,		/* est_stop() [ECANCELED] */
};

/* For people; @rc: what was returned, for the cases that it says more of.  Never NULL. */
const char *est_why_text(enum est_why why, int rc);

#define EST_PAIR_GROUPS_MAX 1024	/* a matrix of 8 MiB */

struct est_group {
	const char *name;	/* raw */
	uint32_t user;		/* its one user, or EST_NO_GROUP */
	size_t procs;
};

struct est {
	/* given by the caller, the rest zeroes */
	struct ksm *k;
	struct est_opts opt;
	struct est_key key;
	struct est_limits limits;

	enum est_why why;
	size_t page_size;
	uint64_t max_sharing;
	bool use_zero_pages;
	bool frames_known;	/* the kernel tells us frame numbers */
	bool huge_known;	/* and which pages are inside huge ones */

	struct est_proc **procs;
	size_t n_procs, cap_procs;
	size_t n_segs;

	struct est_piece *pieces;	/* ascending by process, mapping, address */
	size_t n_pieces, cap_pieces;

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

	struct est_owner *owner;	/* of each mapping */
	struct est_group *groups;	/* ascending by first process */
	size_t n_groups;
	uid_t *users;
	size_t n_users;
	double *pair, *pair_merged;	/* n_groups x n_groups each; or NULL */

	struct est_count count;
	struct est_gain total;
	double low, high;	/* 95 % interval of total.saved */
};

/**
 * est_add() - one process more to be read
 *
 * One that is gone or may not be looked at is listed with the reason in its .rc.
 * The calling process is left out: its memory grows with what it reads.
 * Return: 0; -ENOMEM.
 */
int est_add(struct est *e, const struct ksm_ident *id);

#define EST_PIECE_MIN_PAGES 16
#define EST_PIECE_MAX_PAGES 16384
/* Whether pieces may be so large: a power of two between these. */
bool est_piece_check(size_t page_size, uint64_t bytes);

/**
 * est_read() - read and hash the pages of all processes that were added
 *
 * What cannot be read of a process is in its .rc, and counted in .denied, .lacking
 * and .vanished; that nothing at all could be read is no error here.
 * Return: 0; -errno, with .why.
 */
int est_read(struct est *e);

/**
 * est_decide() - from what was read to savings: of mappings, processes, and in all
 *
 * Return: 0; -errno, with .why.
 */
int est_decide(struct est *e);

/* From any thread, or a signal handler: est_read() and est_decide() return soon. */
void est_stop(struct est *e);

/* Frees what the estimator allocated.  Also after a failure. */
void est_fini(struct est *e);

#define EST_ITEM_BYTES 64	/* struct ksm_rmap_item of mm/ksm.c on 64 bits */
/* Metadata that merging all pages of a process would take beyond what it has, bytes. */
int64_t est_metadata(const struct est_proc *p);

#endif /* KSM_ESTIMATE_H */
