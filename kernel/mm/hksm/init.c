// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which the engine comes up.
 */
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "digest.h"
#include "forget.h"
#include "hold.h"
#include "index.h"
#include "init.h"
#include "rmap.h"
#include "sched.h"
#include "shrink.h"
#include "slot.h"
#include "stable.h"
#include "sysfs.h"

static void init_hash(struct hksm *h)
{
	const void *zero = page_address(ZERO_PAGE(0));

	hksm_digest_key_init(&h->key);
	get_random_bytes(&h->nid_salt, sizeof(h->nid_salt));
	h->zero_digest = hksm_digest(&h->key, zero, zero);
}

/**
 * hksm_start() - bring up the engine, all but its files
 * @h: the engine, zeroed but for its settings
 *
 * Context: may sleep.
 * Return: 0, or an error with nothing left behind.
 */
int hksm_start(struct hksm *h)
{
	int err = -ENOMEM;

	init_hash(h);
	INIT_WORK(&h->reaper, hksm_reap);

	/* What refers to them is encoded; they would all look like leaks. */
	h->node_cache = KMEM_CACHE(hksm_node, SLAB_NOLEAKTRACE);
	if (!h->node_cache)
		goto out;
	h->family_cache = KMEM_CACHE(hksm_family, SLAB_NOLEAKTRACE);
	if (!h->family_cache)
		goto free_node_cache;
	h->block_cache = KMEM_CACHE(hksm_block, SLAB_NOLEAKTRACE);
	if (!h->block_cache)
		goto free_family_cache;
	err = percpu_counter_init(&h->pages_shared, 0, GFP_KERNEL);
	if (err)
		goto free_block_cache;
	err = percpu_counter_init(&h->pages_sharing, 0, GFP_KERNEL);
	if (err)
		goto free_shared;
	err = hksm_index_init(h);
	if (err)
		goto free_sharing;
	err = hksm_ctx_init(h);
	if (err)
		goto free_index;
	err = hksm_sched_start(h);
	if (err)
		goto free_ctxs;
	hksm_hotplug_init(h);
	if (hksm_shrink_init(h))
		pr_warn("ksm: no shrinker\n");
	return 0;

free_ctxs:
	rhashtable_destroy(&h->ctxs);
free_index:
	hksm_index_fini(h);
free_sharing:
	percpu_counter_destroy(&h->pages_sharing);
free_shared:
	percpu_counter_destroy(&h->pages_shared);
free_block_cache:
	kmem_cache_destroy(h->block_cache);
free_family_cache:
	kmem_cache_destroy(h->family_cache);
free_node_cache:
	kmem_cache_destroy(h->node_cache);
out:
	pr_err("ksm: no engine: %d\n", err);
	return err;
}

/**
 * hksm_stop() - undo hksm_start()
 * @h: the engine; it has no mm and nothing is merged
 *
 * Context: may sleep.
 */
void hksm_stop(struct hksm *h)
{
	hksm_shrink_fini(h);
	hksm_hotplug_fini(h);
	hksm_sched_stop(h);
	flush_work(&h->reaper);
	hksm_lock_all(h);
	hksm_free_limbo(h);
	hksm_unlock_all(h, "stop");
	rhashtable_destroy(&h->ctxs);
	hksm_index_fini(h);
	xa_destroy(&h->ranges);
	percpu_counter_destroy(&h->pages_sharing);
	percpu_counter_destroy(&h->pages_shared);
	/* Contexts are freed by RCU. */
	rcu_barrier();
	kmem_cache_destroy(h->block_cache);
	kmem_cache_destroy(h->family_cache);
	kmem_cache_destroy(h->node_cache);
}

#ifndef HKSM_MODULE
static int __init hksm_init(void)
{
	int err = hksm_start(&hksm);

	if (err)
		return err;
	err = hksm_sysfs_init(&hksm);
	if (err)
		hksm_stop(&hksm);
	return err;
}
subsys_initcall(hksm_init);
#endif
