/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private structures and prototypes of the hash engine, grouped by file.
 * Nothing outside mm/hksm includes this; the rest of the kernel sees
 * linux/ksm.h, implemented in hooks.c and rmap.c.
 *
 * Lock order, outer to inner:
 *
 *   hksm.sem             read: scanners, per batch. write: run=2, the knobs
 *                        that reshape the tables, the reaper, memory hotplug
 *   hksm_range.owner     try only: the meta words of a range are its owner's
 *   mm->mmap_lock        read. Own mm: lock; the partner's mm: try only
 *   folio lock           try only, except with no other one held
 *   anon_vma rwsem       inside reverse walks and splits only
 *   mmu notifier start   may sleep
 *   page table lock
 *   hksm.slots_lock, hksm.stable_lock, hksm.cand_lock, hksm_slot.lock
 *                        leaves: nothing is taken, allocated or waited for
 *
 * "FL" below is the lock of the merged folio a node stands for. It protects
 * the node's records, because reverse walks come with it and nothing else.
 */
#ifndef HKSM_H
#define HKSM_H

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/ksm.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagevec.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/rmap.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "../internal.h"
#include "cand.h"
#include "compare.h"
#include "compat.h"
#include "digest.h"
#include "meta.h"
#include "policy.h"
#include "table.h"

/* A range is what one page table maps. */
#define HKSM_RANGE_PAGES	MAX_PTRS_PER_PTE
#define HKSM_CHUNK_PAGES	64
#define HKSM_CHUNKS		(HKSM_RANGE_PAGES / HKSM_CHUNK_PAGES)
/* Pages hashed, protected and replaced together. */
#define HKSM_BATCH		32
/* Other mms a batch may take pages from at a time. */
#define HKSM_PEERS		8
/* Addresses of a batch that need more than a look at the page table. */
#define HKSM_SLOW		64

/* Page table entries looked at in vain that count as a page. */
#define HKSM_IDLE_ENTRIES	64
/* Those that are looked at before somebody else may want the locks. */
#define HKSM_HOLE_ENTRIES	4096

#define HKSM_SLOT_HASH_BITS	10

/* What the tables begin with. */
#define HKSM_TABLE_ENTRIES	4096UL

/* For metadata: what cannot be had now is done without until the next pass. */
#define HKSM_META_GFP		(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

/* Bits of hksm.run: the values of the file "run", and what hotplug adds. */
#define HKSM_RUN_STOP		0
#define HKSM_RUN_MERGE		1
#define HKSM_RUN_UNMERGE	2
#define HKSM_RUN_OFFLINE	4

struct hksm;
struct hksm_scanner;

enum hksm_slot_state {
	HKSM_SLOT_LIVE,
	HKSM_SLOT_DYING,
};

/**
 * struct hksm_slot - an mm the engine looks after
 * @mm: immutable; holds an mm_count reference
 * @ref: the list's, each context's and each user's reference
 * @hash: in hksm.slots_hash; hksm.slots_lock
 * @list: place in the pass or in hksm.reap; hksm.slots_lock
 * @state: hksm.slots_lock
 * @inside: users between hksm_slot_enter() and hksm_slot_leave();
 *	hksm.slots_lock
 * @lock: leaf, protects the fields below it
 * @nr_items: meta words that are not HKSM_NONE
 * @nr_merged: records
 * @scan_pages: pages looked at
 * @scan_ns: time spent in this mm
 * @merges: pages merged
 * @breaks: merged pages found written
 * @skipped: pages skipped
 * @meta_bytes: memory of ranges, chunks and records
 * @ranges: struct hksm_range by address >> PMD_SHIFT; own lock
 * @zeroed: the first pass that placed zero pages, by the same; own lock
 */
struct hksm_slot {
	struct mm_struct *mm;
	refcount_t ref;
	struct hlist_node hash;
	struct list_head list;
	enum hksm_slot_state state;
	unsigned int inside;

	spinlock_t lock;
	long nr_items;
	long nr_merged;
	u64 scan_pages;
	u64 scan_ns;
	u64 merges;
	u64 breaks;
	u64 skipped;
	long meta_bytes;

	struct xarray ranges;
	struct xarray zeroed;
};

/**
 * struct hksm_chunk - meta words of 64 consecutive pages
 * @meta: owner of the range; but hksm_node_drop() takes a word out of MERGED
 *	with cmpxchg, whoever owns it
 */
struct hksm_chunk {
	u64 meta[HKSM_CHUNK_PAGES];
};

/**
 * struct hksm_range - meta words of what one page table maps
 * @slot: immutable; the slot outlives its ranges
 * @base: immutable; first address
 * @id: immutable; index in hksm.ranges
 * @owner: scanner that may touch the fields below, taken with cmpxchg
 * @heat: history of merges
 * @items_delta: tracked pages not yet accounted
 * @cand_delta: candidates not yet accounted
 * @chunk: allocated when a page of it is tracked, read under RCU by others
 * @live: words of the chunk that are not HKSM_NONE
 * @rcu: frees it
 */
struct hksm_range {
	struct hksm_slot *slot;
	unsigned long base;
	u32 id;
	struct hksm_heat heat;
	struct hksm_scanner *owner;
	int items_delta;
	int cand_delta;
	struct hksm_chunk *chunk[HKSM_CHUNKS];
	u8 live[HKSM_CHUNKS];
	struct rcu_head rcu;
};

/**
 * struct hksm_ctx - what the records of one anonymous area have in common
 * @key: the three that are looked for
 * @slot: immutable, referenced; the mm
 * @anon_vma: immutable, referenced; whose tree finds the mapping and its
 *	copies made by fork
 * @delta: immutable; linear page index minus address >> PAGE_SHIFT
 * @ref: one for each record and user
 * @hash: in hksm.ctxs
 * @rcu: frees it
 */
struct hksm_ctx {
	struct_group_tagged(hksm_ctx_key, key,
		struct hksm_slot *slot;
		struct anon_vma *anon_vma;
		unsigned long delta;
	);
	refcount_t ref;
	struct rhash_head hash;
	struct rcu_head rcu;
};

/**
 * struct hksm_rec - one address that maps a merged page; FL
 * @ctx: referenced; NULL in an unused record
 * @addr: page aligned
 */
struct hksm_rec {
	struct hksm_ctx *ctx;
	unsigned long addr;
};

/* Records are this well aligned, so that meta words can refer to them. */
#define HKSM_REC_SHIFT		4
#define HKSM_NODE_RECS		2
#define HKSM_BLOCK_RECS		7

/**
 * struct hksm_block - more records of a node; FL
 * @node: immutable
 * @next: next block of the node
 * @rec: never move, meta words point at them
 */
struct hksm_block {
	struct hksm_node *node;
	struct hksm_block *next;
	struct hksm_rec rec[HKSM_BLOCK_RECS];
} __aligned(128);

/* hksm_node.filing */
#define HKSM_NODE_FILED		1	/* found through the stable table */
#define HKSM_NODE_DUP		2	/* as a member of a family */
/* hksm_node.state */
#define HKSM_NODE_HOLES		1	/* some block may have an unused record */
#define HKSM_NODE_BARE		2	/* mapped, but the last record is gone */

/**
 * struct hksm_node - a merged page
 * @key: key of its content, or ...
 * @family: ... the family that has the key; hksm.stable_lock
 * @kpfn: its frame, 0 until the folio carries the tag; written under FL by
 *	migration, read through the keyhole
 * @blocks: records that do not fit here; FL
 * @nr: records in use; FL
 * @nid: NUMA node it is filed under, 0 when merging across nodes
 * @filing: HKSM_NODE_FILED, HKSM_NODE_DUP; hksm.stable_lock
 * @state: HKSM_NODE_HOLES, HKSM_NODE_BARE; FL
 * @rec: first records; FL
 *
 * There is no reference to the folio: the node is valid as long as the
 * folio's mapping points back at it, see hksm_node_folio(). It is not freed
 * before the folio is gone or was told to forget it.
 */
struct hksm_node {
	union {
		u64 key;
		struct hksm_family *family;
	};
	unsigned long kpfn;
	struct hksm_block *blocks;
	u32 nr;
	u16 nid;
	u8 filing;
	u8 state;
	struct hksm_rec rec[HKSM_NODE_RECS];
} __aligned(64);

/**
 * struct hksm_family - the physical copies of a content that has several
 * @key: immutable
 * @nid: immutable
 * @nr: members; hksm.stable_lock
 * @cap: room in @member; hksm.stable_lock
 * @open: members with room for records; hksm.stable_lock
 * @hint: where to look for one first; hksm.stable_lock
 * @member: hksm.stable_lock
 * @rcu: frees it
 */
struct hksm_family {
	u64 key;
	u32 nr;
	u32 cap;
	u32 open;
	u32 hint;
	u16 nid;
	struct hksm_node **member;
	struct rcu_head rcu;
} __aligned(64);

/* What a batch does with an item in the end. */
enum hksm_verdict {
	HKSM_V_NONE,		/* not decided yet */
	HKSM_V_SEEN,		/* keep the key */
	HKSM_V_SOON,		/* the same, and look again in the next pass */
	HKSM_V_CAND,		/* keep the key, it is in the table */
	HKSM_V_DROP,		/* forget the address */
	HKSM_V_ZERO,		/* the zero page is mapped, keep the history */
	HKSM_V_JOIN,		/* to be mapped to a target */
	HKSM_V_LEAD,		/* to become a merged page itself */
	HKSM_V_RETRY,		/* look for a partner again */
	HKSM_V_DONE,		/* meta word is already right */
};

/**
 * struct hksm_item - a page of the batch; the scanner's
 * @addr: where it is mapped
 * @page: referenced, shared with the item before if @borrowed
 * @idx: index in its range
 * @borrowed: the reference belongs to an earlier item
 * @locked: this item holds the folio lock
 * @wp: @pte is valid: write-protected in this round
 * @replaced: no longer mapped at @addr
 * @target: index in hksm_scanner.target, for JOIN and LEAD
 * @verdict: see enum hksm_verdict
 * @meta: its word
 * @key: its key
 * @pte: the entry as left by hksm_protect()
 * @rec: record reserved for it
 */
struct hksm_item {
	unsigned long addr;
	struct page *page;
	u16 idx;
	bool borrowed;
	bool locked;
	bool wp;
	bool replaced;
	u8 target;
	enum hksm_verdict verdict;
	u64 meta;
	u64 key;
	pte_t pte;
	struct hksm_rec *rec;
};

enum hksm_target_kind {
	HKSM_T_STABLE,		/* an existing merged page */
	HKSM_T_ITEM,		/* an item of this batch will become one */
	HKSM_T_PEER,		/* a page elsewhere will become one */
	HKSM_T_ZERO,		/* the zero page */
};

/**
 * struct hksm_target - what items of the batch are merged into
 * @kind: see enum hksm_target_kind
 * @dead: not usable, items have to look again
 * @key: content
 * @nid: NUMA node @key is for
 * @page: locked and referenced, unless it is the zero page or an item's
 * @node: node of @page; not yet filed for ITEM and PEER
 * @anon: ITEM, PEER: the folio's mapping before it became a merged page
 * @joins: items that want it
 * @lead: ITEM: index of the item
 * @peer: PEER: the page as an item
 * @range: PEER: owned by the scanner, its mm entered
 * @ctx: ITEM, PEER: context of its record, referenced
 */
struct hksm_target {
	enum hksm_target_kind kind;
	bool dead;
	u16 nid;
	u64 key;
	struct page *page;
	struct hksm_node *node;
	struct address_space *anon;
	unsigned int joins;
	unsigned int lead;
	struct hksm_item peer;
	struct hksm_range *range;
	struct hksm_ctx *ctx;
};

/* Why an address is on the slow list. */
enum hksm_slow_kind {
	HKSM_SLOW_GONE,		/* has a record, maps nothing of ours */
	HKSM_SLOW_SWAP,		/* has a record, is swapped out or migrating */
	HKSM_SLOW_BROKEN,	/* has a record, maps an ordinary page */
	HKSM_SLOW_ADOPT,	/* maps a merged page without a record */
};

struct hksm_slow {
	enum hksm_slow_kind kind;
	u16 idx;
	struct page *page;
};

/**
 * struct hksm_scanner - scratch memory and state of one scanner
 * @h: the engine
 * @slot: mm of the current batch, entered
 * @range: range of the current batch, owned; NULL until something is tracked
 * @ctx: context of the current area, referenced, NULL until needed
 * @vma: area of the current batch, under mmap_lock
 * @peer: other mms that are entered: those of all targets of the round, kept
 *	for the next one
 * @item_base: first address of the page table of the batch
 * @budget: pages that may still be looked at in this turn
 * @idle: entries looked at in vain that have not been counted in @budget
 * @split: item whose large folio is to be split, or -1
 * @nr: items
 * @nr_targets: targets
 * @nr_slow: slow entries
 * @nr_spare: preallocated nodes
 * @nr_peers: peers
 * @scanned: pages looked at since they were last accounted
 * @skipped: pages skipped since they were last accounted
 * @merges: pages merged since they were last accounted
 * @breaks: merged pages found written since they were last accounted
 * @zeroed: zero pages were placed in this batch
 * @item: the batch
 * @target: what it is merged into
 * @slow: what needs a folio lock
 * @spare: preallocated nodes
 *
 * Used by one thread at a time. Every scanner has its own.
 */
struct hksm_scanner {
	struct hksm *h;
	struct hksm_slot *slot;
	struct hksm_range *range;
	struct hksm_ctx *ctx;
	struct vm_area_struct *vma;
	struct hksm_slot *peer[HKSM_PEERS];
	unsigned long item_base;
	unsigned long budget;
	unsigned int idle;
	int split;
	unsigned int nr;
	unsigned int nr_targets;
	unsigned int nr_slow;
	unsigned int nr_spare;
	unsigned int nr_peers;
	unsigned long scanned;
	unsigned long skipped;
	unsigned long merges;
	unsigned long breaks;
	bool zeroed;
	struct hksm_item item[HKSM_BATCH];
	struct hksm_target target[HKSM_BATCH];
	struct hksm_slow slow[HKSM_SLOW];
	struct hksm_node *spare[HKSM_BATCH];
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
 * @prune_millisecs: kept for the file; stale copies go at every look-up
 * @advisor: scan-time advisor on; lockless
 * @advice: its knobs and history
 * @advisor_min_pages: first value of @pages_to_scan when it is turned on
 * @advisor_start: begin of the pass
 * @advisor_cpu: CPU time of the scanner at the end of the previous pass
 * @pages_shared: nodes with a record
 * @pages_sharing: records beyond the first of each node
 * @pages_unshared: pages in the candidate table
 * @nr_items: tracked pages
 * @pages_scanned: pages looked at
 * @pages_skipped: pages skipped
 * @merges: pages merged, ever
 * @breaks: merged pages found written, ever
 * @pins: pages not merged because somebody holds a reference; this pass
 * @seqnr: passes completed; scanner
 * @families: contents with several copies; @stable_lock
 * @family_nodes: their copies; @stable_lock
 * @nr_nodes: nodes; @stable_lock
 * @nr_bare: nodes in state HKSM_NODE_BARE
 * @meta_bytes: memory of everything but the tables
 * @slots_lock: see the lock order
 * @slots: mms in the order of the pass; @slots_lock
 * @slots_hash: the same by mm; @slots_lock
 * @cursor: list head of the slot being scanned, or @slots; @slots_lock
 * @cursor_addr: where to go on in it; scanner
 * @unmerge: the same for run=2; @slots_lock
 * @in_pass: a pass has begun; scanner
 * @stuck: a table could not be made larger, for want of memory; scanner
 * @reap: dead slots that still have ranges; @slots_lock
 * @reaper: frees them
 * @exit_wait: exits that wait for a user to leave the mm
 * @thread: ksmd
 * @thread_wait: ksmd while there is nothing to do
 * @iter_wait: ksmd between turns
 * @last_drain: when per-CPU page batches of all processors were last drained
 * @key: key of the page hash; immutable
 * @nid_salt: makes contents of NUMA nodes differ; immutable
 * @zero_digest: digest of a page of zeroes; immutable
 * @ranges: struct hksm_range by id; own lock
 * @ctxs: struct hksm_ctx by what it is the context of; own locks
 * @cand_lock: protects @cand
 * @cand: pages seen once
 * @stable_lock: protects @stable
 * @stable: merged pages, bodies made by hksm_ref()
 * @node_cache: immutable
 * @block_cache: immutable
 * @scanner: the scanner of ksmd
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
	unsigned int prune_millisecs;

	bool advisor;
	struct hksm_advice advice;
	unsigned long advisor_min_pages;
	ktime_t advisor_start;
	u64 advisor_cpu;

	atomic_long_t pages_shared;
	atomic_long_t pages_sharing;
	atomic_long_t pages_unshared;
	atomic_long_t nr_items;
	atomic_long_t pages_scanned;
	atomic_long_t pages_skipped;
	atomic_long_t merges;
	atomic_long_t breaks;
	atomic_long_t pins;
	unsigned long seqnr;
	unsigned long families;
	unsigned long family_nodes;
	unsigned long nr_nodes;
	atomic_long_t nr_bare;
	atomic_long_t meta_bytes;

	spinlock_t slots_lock;
	struct list_head slots;
	struct hlist_head slots_hash[1 << HKSM_SLOT_HASH_BITS];
	struct list_head *cursor;
	unsigned long cursor_addr;
	struct list_head *unmerge;
	bool in_pass;
	bool stuck;
	struct list_head reap;
	struct work_struct reaper;
	wait_queue_head_t exit_wait;

	struct task_struct *thread;
	wait_queue_head_t thread_wait;
	wait_queue_head_t iter_wait;
	unsigned long last_drain;

	struct hksm_digest_key key;
	u64 nid_salt;
	u64 zero_digest;
	struct xarray ranges;
	struct rhashtable ctxs;

	spinlock_t cand_lock;
	struct hksm_cand cand;

	spinlock_t stable_lock;
	struct hksm_table stable;

	struct kmem_cache *node_cache;
	struct kmem_cache *block_cache;

	struct hksm_scanner scanner;
};

/* core.c */
extern struct hksm hksm;
void hksm_lock_all(struct hksm *h);

/* slot.c */
int hksm_slot_add(struct hksm *h, struct mm_struct *mm);
void hksm_slot_exit(struct hksm *h, struct mm_struct *mm);
struct hksm_slot *hksm_slot_find(struct hksm *h, struct mm_struct *mm);
void hksm_slot_put(struct hksm_slot *slot);
bool hksm_slot_enter(struct hksm *h, struct hksm_slot *slot, bool try);
void hksm_slot_leave(struct hksm *h, struct hksm_slot *slot);
void hksm_slot_retire(struct hksm *h, struct hksm_slot *slot);
struct hksm_slot *hksm_cursor_get(struct hksm *h, struct list_head **cursor);
void hksm_cursor_next(struct hksm *h, struct list_head **cursor,
		      struct hksm_slot *slot);
void hksm_slot_account(struct hksm_slot *slot, long items, long merged,
		       long bytes);
bool hksm_slot_hold(struct hksm *h, struct hksm_slot *slot);
void hksm_slot_release(struct hksm *h, struct hksm_slot *slot);
int hksm_ctx_init(struct hksm *h);
struct hksm_ctx *hksm_ctx_make(struct hksm_slot *slot,
			       struct anon_vma *anon_vma, unsigned long delta,
			       gfp_t gfp);
struct hksm_ctx *hksm_ctx_get(struct hksm_slot *slot,
			      struct vm_area_struct *vma);
void hksm_ctx_put(struct hksm_ctx *ctx);

/* range.c */
struct hksm_range *hksm_range_find(struct hksm_slot *slot, unsigned long addr);
unsigned long hksm_range_next(struct hksm_slot *slot, unsigned long addr,
			      unsigned long end);
struct hksm_range *hksm_range_make(struct hksm *h, struct hksm_slot *slot,
				   unsigned long addr);
bool hksm_range_own(struct hksm_range *range, struct hksm_scanner *sc);
void hksm_range_disown(struct hksm *h, struct hksm_range *range);
void hksm_range_flush(struct hksm *h, struct hksm_range *range);
bool hksm_range_room(struct hksm *h, struct hksm_range *range,
		     unsigned int idx);
void hksm_meta_write(struct hksm_range *range, unsigned int idx, u64 m);
bool hksm_range_tidy(struct hksm *h, struct hksm_range *range);

static inline u64 *hksm_meta_ptr(struct hksm_range *range, unsigned int idx)
{
	struct hksm_chunk *chunk;

	chunk = READ_ONCE(range->chunk[idx / HKSM_CHUNK_PAGES]);
	return chunk ? &chunk->meta[idx % HKSM_CHUNK_PAGES] : NULL;
}

static inline u64 hksm_meta_read(struct hksm_range *range, unsigned int idx)
{
	u64 *p = range ? hksm_meta_ptr(range, idx) : NULL;

	return p ? READ_ONCE(*p) : 0;
}

static inline unsigned int hksm_idx(unsigned long addr)
{
	return (addr & ~PMD_MASK) >> PAGE_SHIFT;
}

static inline struct hksm_place hksm_place(struct hksm_range *range,
					   unsigned int idx)
{
	return (struct hksm_place){ .rid = range->id, .idx = idx };
}

/* Entries that led to nothing cost something, too. */
static inline void hksm_idle(struct hksm_scanner *sc, unsigned int entries)
{
	sc->idle += entries;
	sc->budget -= min(sc->budget,
			  (unsigned long)sc->idle / HKSM_IDLE_ENTRIES);
	sc->idle %= HKSM_IDLE_ENTRIES;
}

/* sched.c */
int hksm_thread(void *data);
bool hksm_should_run(struct hksm *h);
void hksm_advisor_set(struct hksm *h, bool on);

/* reconcile.c */
void hksm_reconcile(struct hksm_scanner *sc);

/* target.c */
struct hksm_target *hksm_target_find(struct hksm_scanner *sc,
				     struct hksm_item *item);
struct hksm_target *hksm_target_zero(struct hksm_scanner *sc,
				     struct hksm_item *item);
bool hksm_target_exists(struct hksm_scanner *sc, u64 key);
bool hksm_target_held(struct hksm_scanner *sc, u64 key);

/* scan.c */
unsigned long hksm_scan_batch(struct hksm_scanner *sc,
			      struct vm_area_struct *vma, unsigned long addr,
			      unsigned long end);

/* stable.c */
enum hksm_folio_mode {
	HKSM_FOLIO_TRY,
	HKSM_FOLIO_WAIT,
};

/**
 * struct hksm_rec_iter - position among the records of a node
 * @node: the node, FL held
 * @block: block being visited, NULL for the records in the node
 * @pos: next record to look at
 */
struct hksm_rec_iter {
	struct hksm_node *node;
	struct hksm_block *block;
	unsigned int pos;
};

struct folio *hksm_node_folio(struct hksm_node *node,
			      enum hksm_folio_mode mode);
bool hksm_folio_keep(struct folio *folio);
struct hksm_node *hksm_stable_find(struct hksm *h, u64 key);
int hksm_stable_file(struct hksm *h, struct hksm_node *node, u64 key);
void hksm_stable_refile(struct hksm *h, struct hksm_node *node);
u64 hksm_stable_key(u64 body);
struct hksm_node *hksm_node_alloc(struct hksm *h, gfp_t gfp);
void hksm_node_free(struct hksm *h, struct hksm_node *node);
void hksm_node_drop(struct hksm *h, struct hksm_node *node);
struct hksm_rec *hksm_rec_add(struct hksm *h, struct hksm_node *node,
			      struct hksm_ctx *ctx, unsigned long addr,
			      bool over);
void hksm_rec_cancel(struct hksm *h, struct hksm_node *node,
		     struct hksm_rec *rec);
void hksm_rec_move(struct hksm_rec *rec, struct hksm_ctx *ctx);
void hksm_rec_end(struct hksm *h, struct hksm_node *node, struct hksm_rec *rec,
		  struct folio *folio);
int hksm_rec_drop(struct hksm *h, u64 meta, enum hksm_folio_mode mode);
struct hksm_rec *hksm_rec_next(struct hksm_rec_iter *it);
u64 hksm_rec_payload(struct hksm_node *node, struct hksm_rec *rec);
struct hksm_node *hksm_meta_node(u64 meta);
void hksm_stable_sweep(struct hksm *h);
int hksm_stable_empty(struct hksm *h);
void hksm_stable_offline(struct hksm *h, unsigned long start,
			 unsigned long end);
u64 hksm_key(struct hksm *h, u64 digest, int nid);
int hksm_nid(struct hksm *h, unsigned long pfn);

#define hksm_for_each_rec(_rec, _it) \
	for ((_rec) = hksm_rec_next(_it); (_rec); (_rec) = hksm_rec_next(_it))

/* The record a word in state MERGED refers to; bit 0 of the payload is not it. */
static inline struct hksm_rec *hksm_meta_rec(u64 meta)
{
	return phys_to_virt((phys_addr_t)(meta >> (HKSM_KEY_SHIFT + 1)) <<
			    HKSM_REC_SHIFT);
}

/* The keyhole's key: what the mapping of the folio of a node looks like. */
static inline void *hksm_node_tag(struct hksm_node *node)
{
	return (void *)((unsigned long)node | PAGE_MAPPING_KSM);
}

static inline struct hksm_node *hksm_folio_node(struct folio *folio)
{
	return folio_test_ksm(folio) ? folio_raw_mapping(folio) : NULL;
}

/* A single store, so that nobody sees a tag with half a pointer. */
static inline void hksm_folio_tag(struct folio *folio, struct hksm_node *node)
{
	WRITE_ONCE(folio->mapping, hksm_node_tag(node));
}

static inline unsigned long hksm_rec_index(struct hksm_rec *rec)
{
	return (rec->addr >> PAGE_SHIFT) + rec->ctx->delta;
}

/*
 * May an area map a record's page? It has its linear index and its address.
 * The address alone would do, but the index finds the area without walking all
 * the areas of a process with many.
 */
static inline bool hksm_rec_covers(struct hksm_rec *rec,
				   struct vm_area_struct *vma)
{
	return rec->addr >= vma->vm_start && rec->addr < vma->vm_end;
}

/* index.c */
void hksm_index_prefetch(struct hksm *h, u64 key);
bool hksm_index_first(struct hksm *h, u64 key, struct hksm_probe *p,
		      struct hksm_place *where);
bool hksm_index_next(struct hksm *h, u64 key, struct hksm_probe *p,
		     struct hksm_place *where);
bool hksm_index_add(struct hksm *h, u64 key, struct hksm_place where);
void hksm_index_del(struct hksm *h, u64 key, struct hksm_place where);
bool hksm_index_fill(struct hksm *h, unsigned long entries);
bool hksm_index_reset(struct hksm *h);
bool hksm_index_tight(struct hksm *h);
bool hksm_index_wanted(struct hksm *h, bool idle);
bool hksm_index_resize(struct hksm *h, bool idle);

/* heir.c */
int hksm_rec_leave(struct hksm *h, u64 meta, enum hksm_folio_mode mode);

/* forget.c */
bool hksm_forget(struct hksm *h, struct hksm_slot *slot, unsigned long *from,
		 unsigned long last, unsigned int nr);
void hksm_reap(struct work_struct *work);

/* batch.c */
struct hksm_item *hksm_batch_at(struct hksm_scanner *sc, unsigned int idx);
struct hksm_item *hksm_batch_item(struct hksm_scanner *sc,
				  struct hksm_place where);
bool hksm_batch_room(struct hksm_scanner *sc, unsigned long addr);

/* peers.c */
int hksm_peer_enter(struct hksm_scanner *sc, struct hksm_slot *slot);
void hksm_peers_release(struct hksm_scanner *sc);
void hksm_peers_relax(struct hksm_scanner *sc);

/* merge.c */
void hksm_merge_batch(struct hksm_scanner *sc);
void hksm_merge_prepare(struct hksm_scanner *sc);
bool hksm_merge_split(struct page *page);

/* walk.c */
unsigned long hksm_skip_hole(struct mm_struct *mm, unsigned long addr,
			     unsigned long end, unsigned int *entries);

/* unmerge.c */
int hksm_unmerge_range(struct vm_area_struct *vma, unsigned long start,
		       unsigned long end, bool lock_vma);
int hksm_unmerge_all(struct hksm *h);
bool hksm_vma_compatible(struct vm_area_struct *vma);

/* stats.c */
unsigned long hksm_meta_total(struct hksm *h);
long hksm_profit(struct hksm *h);

/* rmap.c */
void hksm_hotplug_init(struct hksm *h);

/* sysfs.c */
#ifdef CONFIG_SYSFS
int hksm_sysfs_init(struct hksm *h);
#else
static inline int hksm_sysfs_init(struct hksm *h)
{
	h->run = HKSM_RUN_MERGE;
	return 0;
}
#endif

#endif /* HKSM_H */
