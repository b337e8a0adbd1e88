/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mms the engine looks after, and the contexts of their areas.
 */
#ifndef HKSM_SLOT_H
#define HKSM_SLOT_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/rmap.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "core.h"

enum hksm_slot_state {
	HKSM_SLOT_LIVE,
	HKSM_SLOT_DYING,
};

/**
 * struct hksm_slot - an mm the engine looks after
 * @mm: immutable; holds an mm_count reference
 * @ref: the list's, each context's and each user's reference
 * @hash: in hksm.slots_hash; hksm.slots_lock
 * @list: place in the pass or in hksm.reap; hksm.slots_lock; the reaper's when it
 *	has taken it from there
 * @state: hksm.slots_lock
 * @inside: users between hksm_slot_enter() and hksm_slot_leave();
 *	hksm.slots_lock
 * @handed_out: up to which address it is handed out in this pass, ULONG_MAX for
 *	all of it; cmpxchg by who has it in hand
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
	unsigned long handed_out;

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

int hksm_slot_add(struct hksm *h, struct mm_struct *mm);
bool hksm_slot_drop(struct hksm *h, struct mm_struct *mm);
void hksm_slot_exit(struct hksm *h, struct mm_struct *mm);
struct hksm_slot *hksm_slot_find(struct hksm *h, struct mm_struct *mm);
void hksm_slot_put(struct hksm_slot *slot);
bool hksm_slot_enter_locked(struct hksm *h, struct hksm_slot *slot);
bool hksm_slot_enter(struct hksm *h, struct hksm_slot *slot, bool try);
void hksm_slot_leave(struct hksm *h, struct hksm_slot *slot);
void hksm_slot_retire(struct hksm *h, struct hksm_slot *slot);
struct hksm_slot *hksm_unmerge_get(struct hksm *h);
void hksm_unmerge_next(struct hksm *h, struct hksm_slot *slot);
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

#endif /* HKSM_SLOT_H */
