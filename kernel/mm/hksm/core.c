// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state and the order in which it comes up.
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
 * are left alone). Lock order and who protects what: hksm.h.
 */

#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "hksm.h"

#define CREATE_TRACE_POINTS
#include <trace/events/ksm.h>

#define TABLE_ENTRIES	4096

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
	.scanner = { .h = &hksm },
};

static void init_hash(struct hksm *h)
{
	const void *zero = page_address(ZERO_PAGE(0));

	hksm_digest_key_init(&h->key);
	get_random_bytes(&h->nid_salt, sizeof(h->nid_salt));
	h->zero_digest = hksm_digest(&h->key, zero, zero);
}

static int __init hksm_init(void)
{
	struct hksm *h = &hksm;
	int err = -ENOMEM;

	init_hash(h);
	INIT_WORK(&h->reaper, hksm_reap);
	h->last_drain = jiffies - HZ;

	/* What refers to them is encoded; they would all look like leaks. */
	h->node_cache = KMEM_CACHE(hksm_node, SLAB_NOLEAKTRACE);
	if (!h->node_cache)
		goto out;
	h->block_cache = KMEM_CACHE(hksm_block, SLAB_NOLEAKTRACE);
	if (!h->block_cache)
		goto free_node_cache;
	if (hksm_cand_init(&h->cand, TABLE_ENTRIES))
		goto free_block_cache;
	if (hksm_table_init(&h->stable, TABLE_ENTRIES))
		goto free_cand;
	err = hksm_ctx_init(h);
	if (err)
		goto free_stable;
	h->thread = kthread_run(hksm_thread, h, "ksmd");
	if (IS_ERR(h->thread)) {
		err = PTR_ERR(h->thread);
		goto free_ctxs;
	}
	err = hksm_sysfs_init(h);
	if (err)
		goto stop_thread;
	hksm_hotplug_init(h);
	return 0;

stop_thread:
	kthread_stop(h->thread);
free_ctxs:
	rhashtable_destroy(&h->ctxs);
free_stable:
	hksm_table_fini(&h->stable);
free_cand:
	hksm_cand_fini(&h->cand);
free_block_cache:
	kmem_cache_destroy(h->block_cache);
free_node_cache:
	kmem_cache_destroy(h->node_cache);
out:
	pr_err("ksm: no engine: %d\n", err);
	return err;
}
subsys_initcall(hksm_init);
