// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state, and how to have it to oneself. Everything else in the
 * engine stands on this file; what starts it is init.c.
 */

/**
 * DOC: hksm, the hash-indexed engine of KSM
 *
 * The engine implements linux/ksm.h, as mm/ksm.c does, and shows the same
 * files; one of the two is chosen at build time.
 *
 * Each mm that has mergeable areas is a slot. A scanner goes through the
 * slots, one page table at a time. For every page it keeps a word of 8 bytes,
 * in a range that covers the same page table. A page that the word does not
 * tell to skip is read once, for its hash.
 *
 * The hash is looked up in two tables. The stable table has the merged pages,
 * each a node with a record for every address that maps it. The candidate
 * table has the places of pages that were seen once. On a hit both pages are
 * write-protected and compared in full: the hash proposes, the comparison
 * decides. Without a hit the page becomes a candidate itself. So quiet memory
 * is merged in one pass, and the cost of a page does not depend on how much
 * memory there is.
 *
 * Pages of one page table are collected, hashed, protected, compared and
 * replaced in batches, so that locks, notifier calls and flushes are shared.
 *
 * Where to read on: scan.c (a batch), merge.c (how pages are merged), stable.c
 * (nodes and their life), slot.c (mms and their exit), policy.c (which pages
 * are left alone). Lock order and the engine's state: core.h; what
 * protects the other structures is said at each.
 */

#include <linux/wait_bit.h>

#include "core.h"

#define CREATE_TRACE_POINTS
#include <trace/events/ksm.h>

/* Zero pages placed by the engine; linux/ksm.h counts in it. */
atomic_long_t ksm_zero_pages = ATOMIC_LONG_INIT(0);

struct hksm hksm = {
	.sem = __RWSEM_INITIALIZER(hksm.sem),
	.sleep_millisecs = 20,
	.pages_to_scan = 100,
	.max_page_sharing = 256,
	.merge_across_nodes = 1,
	.smart_scan = true,
	.prune_millisecs = 2000,
	.advice = {
		.target = 200,
		.max_cpu = 70,
		.max_pages = 30000,
	},
	.advisor_min_pages = 500,
	.slots_lock = __SPIN_LOCK_UNLOCKED(hksm.slots_lock),
	.slots = LIST_HEAD_INIT(hksm.slots),
	.cursor = &hksm.slots,
	.unmerge = &hksm.slots,
	.reap = LIST_HEAD_INIT(hksm.reap),
	.exit_wait = __WAIT_QUEUE_HEAD_INITIALIZER(hksm.exit_wait),
	.thread_wait = __WAIT_QUEUE_HEAD_INITIALIZER(hksm.thread_wait),
	.iter_wait = __WAIT_QUEUE_HEAD_INITIALIZER(hksm.iter_wait),
	.ranges = XARRAY_INIT(hksm.ranges, XA_FLAGS_ALLOC),
	.cand_lock = __SPIN_LOCK_UNLOCKED(hksm.cand_lock),
	.stable_lock = __SPIN_LOCK_UNLOCKED(hksm.stable_lock),
};

/**
 * hksm_lock_all() - have the engine alone
 * @h: the engine; hksm.sem is held for writing on return
 *
 * Not while memory is going offline, when no node may be looked at.
 */
void hksm_lock_all(struct hksm *h)
{
	down_write(&h->sem);
	while (h->run & HKSM_RUN_OFFLINE) {
		up_write(&h->sem);
		wait_on_bit(&h->run, ilog2(HKSM_RUN_OFFLINE),
			    TASK_UNINTERRUPTIBLE);
		down_write(&h->sem);
	}
}
