// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the memory manager asks about a merged folio: who maps it, that it
 * moved, whom a memory error hits, that memory goes offline. Called with the
 * folio lock held, which protects the records; nothing here takes hksm.sem
 * but the hotplug notifier.
 */
#include <linux/memory.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "hold.h"
#include "rmap.h"
#include "stable.h"

/* Return: false to end the walk. */
static bool rmap_walk_rec(struct folio *folio, struct hksm_rec *rec, int forks,
			  struct rmap_walk_control *rwc)
{
	struct anon_vma *anon_vma = rec->ctx->anon_vma;
	unsigned long index = hksm_rec_index(rec);
	struct anon_vma_chain *avc;
	bool more = true;

	if (!anon_vma_trylock_read(anon_vma)) {
		if (rwc->try_lock) {
			rwc->contended = true;
			return false;
		}
		anon_vma_lock_read(anon_vma);
	}
	anon_rmap_tree_foreach(avc, anon_vma, index, index) {
		struct vm_area_struct *vma = avc->vma;

		cond_resched();
		if (!hksm_rec_covers(rec, vma))
			continue;
		if (forks == (vma->vm_mm == rec->ctx->slot->mm))
			continue;
		if (rwc->invalid_vma && rwc->invalid_vma(vma, rwc->arg))
			continue;
		more = rwc->rmap_one(folio, vma, rec->addr, rwc->arg) &&
		       !(rwc->done && rwc->done(folio));
		if (!more)
			break;
	}
	anon_vma_unlock_read(anon_vma);
	return more;
}

/**
 * rmap_walk_ksm() - visit every mapping of a merged folio
 * @folio: locked
 * @rwc: what to do with them
 *
 * First each record's own mm; then, if there is still work to do, the mms
 * that got the mapping by fork and have not been scanned since.
 *
 * Context: may sleep; the folio is locked.
 */
void rmap_walk_ksm(struct folio *folio, struct rmap_walk_control *rwc)
{
	struct hksm_node *node;
	struct hksm_rec *rec;
	int forks;

	VM_WARN_ON_FOLIO(!folio_test_ksm(folio), folio);
	VM_WARN_ON_FOLIO(!folio_test_locked(folio), folio);

	node = hksm_folio_node(folio);
	if (!node)
		return;
	for (forks = 0; forks < 2; forks++) {
		struct hksm_rec_iter it = { .node = node };

		hksm_for_each_rec(rec, &it) {
			cond_resched();
			if (!rmap_walk_rec(folio, rec, forks, rwc))
				return;
		}
	}
}

#ifdef CONFIG_MEMORY_FAILURE
/**
 * collect_procs_ksm() - list the processes a memory error in a folio hits
 * @folio: locked
 * @page: the broken page
 * @to_kill: list to add to; entries are made unique by the callee
 * @force_early: also those that did not ask to be killed early
 *
 * Context: may sleep; the folio is locked.
 */
void collect_procs_ksm(ksm_const struct folio *folio,
		       ksm_const struct page *page, struct list_head *to_kill,
		       int force_early)
{
	struct hksm_rec_iter it = { .node = hksm_folio_node(folio) };
	struct task_struct *p, *t;
	struct anon_vma_chain *avc;
	struct hksm_rec *rec;

	if (!it.node)
		return;
	hksm_for_each_rec(rec, &it) {
		struct anon_vma *anon_vma = rec->ctx->anon_vma;
		unsigned long index = hksm_rec_index(rec);

		anon_vma_lock_read(anon_vma);
		rcu_read_lock();
		for_each_process(p) {
			t = task_early_kill(p, force_early);
			if (!t)
				continue;
			anon_rmap_tree_foreach(avc, anon_vma, index, index) {
				if (avc->vma->vm_mm == t->mm &&
				    hksm_rec_covers(rec, avc->vma))
					add_to_kill_ksm(t, page, avc->vma,
							to_kill, rec->addr);
			}
		}
		rcu_read_unlock();
		anon_vma_unlock_read(anon_vma);
	}
}
#endif /* CONFIG_MEMORY_FAILURE */

#ifdef CONFIG_MIGRATION
/**
 * folio_migrate_ksm() - a merged folio has moved
 * @newfolio: locked, has the mapping of @folio already
 * @folio: locked
 *
 * Context: both folios are locked; does not sleep.
 */
void folio_migrate_ksm(struct folio *newfolio, struct folio *folio)
{
	struct hksm_node *node;

	VM_WARN_ON_FOLIO(!folio_test_locked(folio), folio);
	VM_WARN_ON_FOLIO(!folio_test_locked(newfolio), newfolio);
	VM_WARN_ON_FOLIO(newfolio->mapping != folio->mapping, newfolio);

	node = hksm_folio_node(folio);
	if (!node)
		return;
	VM_WARN_ON_FOLIO(node->kpfn != folio_pfn(folio), folio);
	WRITE_ONCE(node->kpfn, folio_pfn(newfolio));
	/* Who finds the old tag gone must find the new frame. */
	smp_wmb();
	hksm_folio_tag(folio, NULL);
}
#endif /* CONFIG_MIGRATION */

#ifdef CONFIG_MEMORY_HOTREMOVE
static int rmap_memory_callback(struct notifier_block *nb, unsigned long action,
				void *arg)
{
	struct memory_notify *mn = arg;
	struct hksm *h = &hksm;

	switch (action) {
	case MEM_GOING_OFFLINE:
		/* From here on nobody looks through a keyhole. */
		hksm_lock_all_offline(h);
		h->run |= HKSM_RUN_OFFLINE;
		hksm_unlock_all(h, "hotplug");
		break;
	case MEM_OFFLINE:
		/*
		 * Migration moved what was in use. A node that is left has
		 * lost its folio, and its frame has no struct page to ask.
		 */
		hksm_lock_all_offline(h);
		hksm_stable_offline(h, mn->start_pfn,
				    mn->start_pfn + mn->nr_pages);
		hksm_unlock_all(h, "hotplug");
		fallthrough;
	case MEM_CANCEL_OFFLINE:
		hksm_lock_all_offline(h);
		h->run &= ~HKSM_RUN_OFFLINE;
		hksm_unlock_all(h, "hotplug");
		smp_mb(); /* between the bit and looking for waiters */
		wake_up_bit(&h->run, ilog2(HKSM_RUN_OFFLINE));
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block rmap_memory_nb = {
	.notifier_call = rmap_memory_callback,
	.priority = KSM_CALLBACK_PRI,
};

/**
 * hksm_hotplug_init() - listen for memory that goes away
 * @h: the engine
 *
 * Context: may sleep; once.
 */
void hksm_hotplug_init(struct hksm *h)
{
	register_memory_notifier(&rmap_memory_nb);
}

/**
 * hksm_hotplug_fini() - undo hksm_hotplug_init()
 * @h: the engine
 *
 * Context: may sleep.
 */
void hksm_hotplug_fini(struct hksm *h)
{
	unregister_memory_notifier(&rmap_memory_nb);
}
#else
void hksm_hotplug_init(struct hksm *h)
{
}

void hksm_hotplug_fini(struct hksm *h)
{
}
#endif /* CONFIG_MEMORY_HOTREMOVE */
