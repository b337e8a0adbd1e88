/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine as a whole: its state, and the order of its locks. Every header of
 * a file that stands on core.c includes this one. Nothing outside of mm/hksm
 * does; the rest of the kernel sees linux/ksm.h.
 *
 * Lock order, outer to inner:
 *
 *   hksm.sem             read: scanners, per batch. write: run=2, the knobs
 *                        that reshape the tables, the reaper, memory hotplug
 *   hksm_range.owner     try only, also by who has hksm.sem for writing: the
 *                        meta words of a range are its owner's
 *   mm->mmap_lock        read. Own mm: try, and then lock without hksm.sem,
 *                        which is tried for after it; the partner's mm: try
 *                        only
 *   folio lock           try only, except with no other one held
 *   anon_vma rwsem       inside reverse walks and splits only
 *   mmu notifier start   may sleep
 *   page table lock
 *   hksm.slots_lock, the locks of shards, hksm_slot.lock
 *                        leaves: nothing is taken, allocated or waited for, but
 *   a bucket of a table  inside the lock of a shard, or alone
 */
#ifndef HKSM_CORE_H
#define HKSM_CORE_H

#include <linux/atomic.h>
#include <linux/ksm.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "../internal.h"
#include "cand.h"
#include "compat.h"
#include "digest.h"
#include "dual.h"
#include "policy.h"
#include "table.h"

/* For metadata: what cannot be had now is done without until the next pass. */
#define HKSM_META_GFP		(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

#define HKSM_SLOT_HASH_BITS	10

/* Most scanners at a time. */
#define HKSM_SCANNERS		16

/* What the table of each shard begins with. */
#define HKSM_TABLE_ENTRIES	128UL

/* Bits of hksm.run: the values of the file "run", and what hotplug adds. */
#define HKSM_RUN_STOP		0
#define HKSM_RUN_MERGE		1
#define HKSM_RUN_UNMERGE	2
#define HKSM_RUN_OFFLINE	4

struct hksm_scanner;
struct shrinker;

/*
 * What is looked up by content is cut into shards by the upper bits of its key,
 * so that scanners that work on different contents have different locks.
 */
#define HKSM_SHARD_BITS		5
#define HKSM_SHARDS		(1 << HKSM_SHARD_BITS)

/**
 * struct hksm_cand_shard - some of the pages that were seen once
 * @cand: its tables are replaced with hksm.sem held for writing
 */
struct hksm_cand_shard {
	struct hksm_cand cand;
} ____cacheline_aligned_in_smp;

/**
 * struct hksm_stable_shard - some of the merged pages
 * @table: what its entries say is known to stable.c; changed with @lock held,
 *	its tables with hksm.sem held for writing
 * @lock: leaf but for buckets of @table; not where those read who look for a
 *	content that is not there
 * @families: contents with several copies; @lock
 * @family_nodes: their copies; @lock
 */
struct hksm_stable_shard {
	struct hksm_dual table;
	spinlock_t lock ____cacheline_aligned_in_smp;
	unsigned long families;
	unsigned long family_nodes;
} ____cacheline_aligned_in_smp;

/**
 * struct hksm_limbo - what is not used any more, but may still be looked at
 * @nodes: struct hksm_node
 * @pieces: of families
 * @ranges: struct hksm_range
 * @chunks: struct hksm_chunk
 * @nr: how many there are
 *
 * Who holds hksm.sem may have found any of these a moment ago. They are freed
 * by who has it for writing.
 */
struct hksm_limbo {
	struct llist_head nodes;
	struct llist_head pieces;
	struct llist_head ranges;
	struct llist_head chunks;
	atomic_long_t nr;
};

/**
 * struct hksm - all state of the engine
 * @sem: see the lock order above
 * @run: value of the file, written with @sem held for writing
 * @sleep_millisecs: pause between turns; lockless
 * @pages_to_scan: pages of a turn; lockless
 * @max_page_sharing: records of a node; @sem
 * @merge_across_nodes: one set of contents for all NUMA nodes; @sem
 * @use_zero_pages: lockless
 * @smart_scan: lockless
 * @one_pass: memory without a history is merged when it is first seen; lockless
 * @zero_only: nothing is merged but blank pages; lockless
 * @split_min: pages of a huge page that must have a partner; lockless
 * @max_metadata: bytes after which nothing new is tracked, or 0; lockless
 * @prune_millisecs: kept for the file; stale copies go at every look-up
 * @advisor: scan-time advisor on; lockless
 * @advice: its knobs and history
 * @advisor_min_pages: first value of @pages_to_scan when it is turned on
 * @advisor_start: begin of the pass
 * @advisor_cpu: @scan_ns at the end of the previous pass
 * @pages_shared: nodes with a record
 * @pages_sharing: records beyond the first of each node
 * @pages_unshared: pages in the candidate table
 * @nr_items: tracked pages
 * @pages_scanned: pages looked at
 * @pages_skipped: pages skipped
 * @merges: pages merged, ever
 * @breaks: merged pages found written, ever
 * @pins: pages not merged because somebody holds a reference; this pass
 * @seqnr: passes completed; written by who ends one
 * @nr_bare: nodes in state HKSM_NODE_BARE
 * @meta_bytes: memory of everything but the tables
 * @limbo: what is to be freed
 * @slots_lock: see the lock order
 * @slots: mms in the order of the pass; @slots_lock
 * @slots_hash: the same by mm; @slots_lock
 * @cursor: list head of the slot that is handed out next, or @slots; @slots_lock
 * @busy: scanners that have a slot in hand; @slots_lock
 * @epoch: what was handed out in an earlier one is void; written with @sem held
 *	for writing
 * @unmerge: the same for run=2; @slots_lock
 * @in_pass: a pass has begun; written with @slots_lock held
 * @pass_pages: anonymous pages of the mms that were handed out in it, of which
 *	some may not be mergeable; the same
 * @tight: a table wants to be larger before long; lockless, a hint
 * @stuck: a table could not be made larger, for want of memory; a hint
 * @moving: there are older tables; lockless, a hint. The rest is of resize.c
 * @move_id: range whose candidates are moved next
 * @move_missed: a candidate has found no room, and its range was not to be had
 * @move_sweeps: how often all have been gone over
 * @reap: dead slots that still have ranges; @slots_lock
 * @reaper: frees them
 * @shrink_id: range that the shrinker looks at next; @sem held for writing
 * @words_reclaimed: words it has given back, ever; the same
 * @words_dropped: pages that got no word for @max_metadata, each time
 * @trimmer: makes the tables smaller after it
 * @shrinker: who asks for it, or NULL
 * @longest_mmap: longest hold of an mmap_lock, in ns; of hold.c, lockless, like
 *	those below it
 * @longest_ptl: of the lock of a page table
 * @longest_notifier: of what MMU notifiers are told of
 * @longest_exclusive: of @sem for writing
 * @all_since: when @sem was locked for writing; @sem
 * @exit_wait: exits that wait for a user to leave the mm
 * @nr_scanners: how many there are to be
 * @scanner: those that are or were there; @slots_lock
 * @scan_ns: CPU time of them all, ever
 * @thread_wait: scanners while there is nothing to do
 * @iter_wait: scanners between turns
 * @last_drain: when per-CPU page batches of all processors were last drained
 * @key: key of the page hash; immutable
 * @nid_salt: makes contents of NUMA nodes differ; immutable
 * @zero_digest: digest of a page of zeroes; immutable
 * @ranges: struct hksm_range by id; own lock
 * @ctxs: struct hksm_ctx by what it is the context of; own locks
 * @cand: pages seen once
 * @stable: merged pages
 * @node_cache: immutable
 * @family_cache: of families and what they grow by; immutable
 * @block_cache: immutable
 */
struct hksm {
	struct rw_semaphore sem;
	unsigned long run;
	unsigned int sleep_millisecs;
	unsigned int pages_to_scan;
	unsigned int max_page_sharing;
	unsigned int merge_across_nodes;
	bool use_zero_pages;
	bool smart_scan;
	bool one_pass;
	bool zero_only;
	unsigned int split_min;
	unsigned long max_metadata;
	unsigned int prune_millisecs;

	bool advisor;
	struct hksm_advice advice;
	unsigned long advisor_min_pages;
	ktime_t advisor_start;
	u64 advisor_cpu;

	/* What is written often, not beside what every page reads. */
	struct percpu_counter pages_shared ____cacheline_aligned_in_smp;
	struct percpu_counter pages_sharing;
	atomic_long_t pages_unshared;
	atomic_long_t nr_items;
	atomic_long_t pages_scanned;
	atomic_long_t pages_skipped;
	atomic_long_t merges;
	atomic_long_t breaks;
	atomic_long_t pins;
	unsigned long seqnr;
	atomic_long_t nr_bare;
	atomic_long_t meta_bytes;
	struct hksm_limbo limbo;

	spinlock_t slots_lock;
	struct list_head slots;
	struct hlist_head slots_hash[1 << HKSM_SLOT_HASH_BITS];
	struct list_head *cursor;
	unsigned int busy;
	unsigned long epoch;
	struct list_head *unmerge;
	unsigned long pass_pages;
	bool in_pass;
	bool tight;
	bool stuck;
	bool moving;
	unsigned long move_id;
	bool move_missed;
	unsigned int move_sweeps;
	struct list_head reap;
	struct work_struct reaper;
	unsigned long shrink_id;
	unsigned long words_reclaimed;
	atomic_long_t words_dropped;
	struct work_struct trimmer;
	struct shrinker *shrinker;
	unsigned long longest_mmap;
	unsigned long longest_ptl;
	unsigned long longest_notifier;
	unsigned long longest_exclusive;
	u64 all_since;
	wait_queue_head_t exit_wait;

	unsigned int nr_scanners;
	struct hksm_scanner *scanner[HKSM_SCANNERS];
	atomic64_t scan_ns;
	wait_queue_head_t thread_wait;
	wait_queue_head_t iter_wait;
	unsigned long last_drain;

	struct hksm_digest_key key ____cacheline_aligned_in_smp;
	u64 nid_salt;
	u64 zero_digest;
	struct xarray ranges;
	struct rhashtable ctxs;

	struct hksm_cand_shard cand[HKSM_SHARDS];
	struct hksm_stable_shard stable[HKSM_SHARDS];

	struct kmem_cache *node_cache;
	struct kmem_cache *family_cache;
	struct kmem_cache *block_cache;
};

extern struct hksm hksm;

/* Which shard a content belongs to. */
static inline unsigned int hksm_shard(u64 key)
{
	return key >> (64 - HKSM_SHARD_BITS);
}

static inline void hksm_limbo_add(struct hksm *h, struct llist_head *list,
				  struct llist_node *what)
{
	llist_add(what, list);
	atomic_long_inc(&h->limbo.nr);
}

#endif /* HKSM_CORE_H */
