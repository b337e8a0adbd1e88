// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mms the engine looks after: registration, order of the pass, exit.
 *
 * The rule to know before editing: once hksm_slot_exit() has returned, nobody
 * touches the page tables of the mm any more. Whoever wants to touch them
 * stands between hksm_slot_enter() and hksm_slot_leave(), and the exit waits
 * for the last one to leave. It takes no mmap_lock for that, since exec's
 * error path calls it with that lock held.
 */
#include <linux/hash.h>
#include <linux/rhashtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <trace/events/ksm.h>

#include "slot.h"

static struct hlist_head *slot_bucket(struct hksm *h, struct mm_struct *mm)
{
	return &h->slots_hash[hash_ptr(mm, HKSM_SLOT_HASH_BITS)];
}

static struct hksm_slot *slot_lookup(struct hksm *h, struct mm_struct *mm)
{
	struct hksm_slot *slot;

	lockdep_assert_held(&h->slots_lock);
	hlist_for_each_entry(slot, slot_bucket(h, mm), hash)
		if (slot->mm == mm)
			return slot;
	return NULL;
}

/* Takes the slot out of the pass; the list's reference is now the caller's. */
static void slot_unlink(struct hksm *h, struct hksm_slot *slot)
{
	lockdep_assert_held(&h->slots_lock);
	if (h->cursor == &slot->list)
		h->cursor = slot->list.next;
	if (h->unmerge == &slot->list)
		h->unmerge = slot->list.next;
	WRITE_ONCE(slot->state, HKSM_SLOT_DYING);
	hlist_del_init(&slot->hash);
	list_del_init(&slot->list);
}

/**
 * hksm_slot_add() - start to look after an mm
 * @h: the engine
 * @mm: not registered yet; its mmap_lock is held for writing
 *
 * New mms go behind the cursor, so that one that is about to exec or exit is
 * not scanned at once; while everything is being unmerged they go to the end,
 * where the walk still finds them.
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int hksm_slot_add(struct hksm *h, struct mm_struct *mm)
{
	struct hksm_slot *slot;

	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return -ENOMEM;
	slot->mm = mm;
	refcount_set(&slot->ref, 1);
	spin_lock_init(&slot->lock);
	xa_init(&slot->ranges);
	xa_init(&slot->zeroed);
	mmgrab(mm);

	spin_lock(&h->slots_lock);
	hlist_add_head(&slot->hash, slot_bucket(h, mm));
	if (READ_ONCE(h->run) & HKSM_RUN_UNMERGE)
		list_add_tail(&slot->list, &h->slots);
	else
		list_add_tail(&slot->list, h->cursor);
	spin_unlock(&h->slots_lock);

	mm_flags_set(MMF_VM_MERGEABLE, mm);
	atomic_long_add(sizeof(*slot), &h->meta_bytes);
	if (wq_has_sleeper(&h->thread_wait))
		wake_up_interruptible(&h->thread_wait);
	trace_ksm_enter(mm);
	return 0;
}

/**
 * hksm_slot_put() - drop a reference
 * @slot: freed with the last one, which may free the mm_struct
 *
 * Context: process.
 */
void hksm_slot_put(struct hksm_slot *slot)
{
	if (!refcount_dec_and_test(&slot->ref))
		return;
	VM_WARN_ON_ONCE(!xa_empty(&slot->ranges));
	atomic_long_sub(sizeof(*slot), &hksm.meta_bytes);
	xa_destroy(&slot->zeroed);
	mmdrop(slot->mm);
	kfree(slot);
}

/**
 * hksm_slot_find() - the slot of an mm
 * @h: the engine
 * @mm: any mm
 *
 * Context: process; takes hksm.slots_lock.
 * Return: the slot with a reference, or NULL.
 */
struct hksm_slot *hksm_slot_find(struct hksm *h, struct mm_struct *mm)
{
	struct hksm_slot *slot;

	spin_lock(&h->slots_lock);
	slot = slot_lookup(h, mm);
	if (slot)
		refcount_inc(&slot->ref);
	spin_unlock(&h->slots_lock);
	return slot;
}

/**
 * hksm_slot_drop() - stop looking after an mm
 * @h: the engine
 * @mm: exiting, or locked for writing
 *
 * Waits for users inside, at most the length of a batch. Records and meta
 * words are left to the reaper. What the mm's flags say is the caller's.
 *
 * Context: may sleep.
 * Return: false when it was not looked after.
 */
bool hksm_slot_drop(struct hksm *h, struct mm_struct *mm)
{
	struct hksm_slot *slot;
	bool easy;

	might_sleep();
	spin_lock(&h->slots_lock);
	slot = slot_lookup(h, mm);
	if (slot)
		slot_unlink(h, slot);
	spin_unlock(&h->slots_lock);
	if (!slot)
		return false;
	wait_event(h->exit_wait, !READ_ONCE(slot->inside));
	/* The user that left may still hold the lock it left under. */
	spin_lock(&h->slots_lock);
	easy = xa_empty(&slot->ranges);
	if (!easy)
		list_add_tail(&slot->list, &h->reap);
	spin_unlock(&h->slots_lock);
	if (easy)
		hksm_slot_put(slot);
	else
		queue_work(system_dfl_wq, &h->reaper);
	return true;
}

/**
 * hksm_slot_exit() - the page tables of an mm go away
 * @h: the engine
 * @mm: exiting, or never used by exec and then locked for writing
 *
 * Context: may sleep, as hksm_slot_drop().
 */
void hksm_slot_exit(struct hksm *h, struct mm_struct *mm)
{
	if (hksm_slot_drop(h, mm)) {
		mm_flags_clear(MMF_VM_MERGE_ANY, mm);
		mm_flags_clear(MMF_VM_MERGEABLE, mm);
	}
	trace_ksm_exit(mm);
}

/**
 * hksm_slot_enter_locked() - get access to the page tables of an mm
 * @h: the engine
 * @slot: referenced; its mmap_lock is held for reading
 *
 * Context: process; takes hksm.slots_lock.
 * Return: true, or false with the mmap_lock given back when the mm is on its way
 * out.
 */
bool hksm_slot_enter_locked(struct hksm *h, struct hksm_slot *slot)
{
	struct mm_struct *mm = slot->mm;
	bool ok;

	spin_lock(&h->slots_lock);
	ok = slot->state == HKSM_SLOT_LIVE && atomic_read(&mm->mm_users);
	if (ok)
		slot->inside++;
	spin_unlock(&h->slots_lock);
	if (!ok)
		mmap_read_unlock(mm);
	return ok;
}

/**
 * hksm_slot_enter() - get access to the page tables of an mm
 * @h: the engine
 * @slot: referenced
 * @try: do not wait for the mmap_lock
 *
 * Context: may sleep, but does not wait for the mmap_lock with @try.
 * Return: true with mmap_lock held for reading, false when the mm is on its
 * way out (or the lock was taken).
 */
bool hksm_slot_enter(struct hksm *h, struct hksm_slot *slot, bool try)
{
	if (!try)
		mmap_read_lock(slot->mm);
	else if (!mmap_read_trylock(slot->mm))
		return false;
	return hksm_slot_enter_locked(h, slot);
}

/**
 * hksm_slot_leave() - end the access
 * @h: the engine
 * @slot: entered
 *
 * Context: process; takes hksm.slots_lock.
 */
void hksm_slot_leave(struct hksm *h, struct hksm_slot *slot)
{
	struct mm_struct *mm = slot->mm;
	bool last;

	spin_lock(&h->slots_lock);
	last = !--slot->inside && slot->state == HKSM_SLOT_DYING;
	spin_unlock(&h->slots_lock);
	mmap_read_unlock(mm);
	if (last)
		wake_up_all(&h->exit_wait);
}

/**
 * hksm_slot_hold() - keep an mm registered, without its page tables
 * @h: the engine
 * @slot: referenced
 *
 * For who writes its words and records. The exit waits until
 * hksm_slot_release(), so nothing that may wait for an exit happens before it.
 *
 * Context: process; takes hksm.slots_lock.
 * Return: false when the mm is on its way out.
 */
bool hksm_slot_hold(struct hksm *h, struct hksm_slot *slot)
{
	bool ok;

	spin_lock(&h->slots_lock);
	ok = slot->state == HKSM_SLOT_LIVE;
	if (ok)
		slot->inside++;
	spin_unlock(&h->slots_lock);
	return ok;
}

/**
 * hksm_slot_release() - end hksm_slot_hold()
 * @h: the engine
 * @slot: held
 *
 * Context: process; takes hksm.slots_lock.
 */
void hksm_slot_release(struct hksm *h, struct hksm_slot *slot)
{
	bool last;

	spin_lock(&h->slots_lock);
	last = !--slot->inside && slot->state == HKSM_SLOT_DYING;
	spin_unlock(&h->slots_lock);
	if (last)
		wake_up_all(&h->exit_wait);
}

/**
 * hksm_slot_retire() - forget an mm that has no mergeable area left
 * @h: the engine
 * @slot: entered by the caller, with a reference of its own
 *
 * The mmap_lock keeps madvise from making an area mergeable meanwhile. One that
 * still has a range, which another scanner owned when the others were forgotten,
 * or that somebody else is in, who may give it one, stays for the next pass.
 *
 * Context: process; mmap_lock held.
 */
void hksm_slot_retire(struct hksm *h, struct hksm_slot *slot)
{
	bool live;

	mmap_assert_locked(slot->mm);
	spin_lock(&h->slots_lock);
	live = slot->state == HKSM_SLOT_LIVE && slot->inside == 1 &&
	       xa_empty(&slot->ranges);
	if (live)
		slot_unlink(h, slot);
	spin_unlock(&h->slots_lock);
	if (!live)
		return;
	/* MERGE_ANY stays: such a process may not have mapped anything yet. */
	mm_flags_clear(MMF_VM_MERGEABLE, slot->mm);
	hksm_slot_put(slot);
}

/**
 * hksm_unmerge_get() - the slot that run=2 has come to
 * @h: the engine
 *
 * Context: process; takes hksm.slots_lock.
 * Return: the slot with a reference, or NULL at the end of the list.
 */
struct hksm_slot *hksm_unmerge_get(struct hksm *h)
{
	struct hksm_slot *slot = NULL;

	spin_lock(&h->slots_lock);
	if (h->unmerge != &h->slots) {
		slot = list_entry(h->unmerge, struct hksm_slot, list);
		refcount_inc(&slot->ref);
	}
	spin_unlock(&h->slots_lock);
	return slot;
}

/**
 * hksm_unmerge_next() - run=2 goes on to the next slot
 * @h: the engine
 * @slot: where it was; nothing is done if that has left the list
 *
 * Context: process; takes hksm.slots_lock.
 */
void hksm_unmerge_next(struct hksm *h, struct hksm_slot *slot)
{
	spin_lock(&h->slots_lock);
	if (h->unmerge == &slot->list)
		h->unmerge = slot->list.next;
	spin_unlock(&h->slots_lock);
}

/**
 * hksm_slot_account() - change the counters of an mm
 * @slot: its slot
 * @items: change of the tracked pages
 * @merged: change of the records
 * @bytes: change of the metadata
 *
 * The fields of mm_struct are plain words that /proc reads; they are only
 * written here, except that fork zeroes those of the child.
 *
 * Context: process; takes hksm_slot.lock.
 */
void hksm_slot_account(struct hksm_slot *slot, long items, long merged,
		       long bytes)
{
	spin_lock(&slot->lock);
	slot->nr_items += items;
	slot->nr_merged += merged;
	slot->meta_bytes += bytes;
	if (items)
		WRITE_ONCE(slot->mm->ksm_rmap_items, slot->nr_items);
	if (merged)
		WRITE_ONCE(slot->mm->ksm_merging_pages, slot->nr_merged);
	spin_unlock(&slot->lock);
}

static const struct rhashtable_params ctx_params = {
	.key_offset = offsetof(struct hksm_ctx, key),
	.key_len = sizeof(struct hksm_ctx_key),
	.head_offset = offsetof(struct hksm_ctx, hash),
	.automatic_shrinking = true,
};

/**
 * hksm_ctx_init() - make the table of contexts
 * @h: the engine
 *
 * A process may have as many as it may have areas, so they are hashed.
 *
 * Context: may sleep.
 * Return: 0 or an error.
 */
int hksm_ctx_init(struct hksm *h)
{
	return rhashtable_init(&h->ctxs, &ctx_params);
}

static struct hksm_ctx *ctx_lookup(struct hksm *h,
				   const struct hksm_ctx_key *key)
{
	struct hksm_ctx *ctx;

	rcu_read_lock();
	ctx = rhashtable_lookup(&h->ctxs, key, ctx_params);
	if (ctx && !refcount_inc_not_zero(&ctx->ref))
		ctx = NULL;
	rcu_read_unlock();
	return ctx;
}

/*
 * Put a new context into the table. Return: @new, or the one that was there
 * first, with a reference; NULL without memory.
 */
static struct hksm_ctx *ctx_insert(struct hksm *h, struct hksm_ctx *new)
{
	struct hksm_ctx *old;
	bool again;

	do {
		rcu_read_lock();
		old = rhashtable_lookup_get_insert_fast(&h->ctxs, &new->hash,
							ctx_params);
		/* One that is on its way out is out of the table at once. */
		again = !IS_ERR_OR_NULL(old) &&
			!refcount_inc_not_zero(&old->ref);
		rcu_read_unlock();
		if (again)
			cond_resched();
	} while (again);
	if (IS_ERR(old))
		return NULL;
	return old ? old : new;
}

/**
 * hksm_ctx_make() - context for records
 * @slot: their mm; entered or held
 * @anon_vma: finds the mappings; kept from being freed by the caller
 * @delta: linear page index minus address >> PAGE_SHIFT
 * @gfp: how to allocate it; 0 not to
 *
 * Context: may sleep, as far as @gfp allows it.
 * Return: the context with a reference, or NULL.
 */
struct hksm_ctx *hksm_ctx_make(struct hksm_slot *slot,
			       struct anon_vma *anon_vma, unsigned long delta,
			       gfp_t gfp)
{
	struct hksm_ctx_key key = {
		.slot = slot,
		.anon_vma = anon_vma,
		.delta = delta,
	};
	struct hksm_ctx *ctx, *new;

	ctx = ctx_lookup(&hksm, &key);
	if (ctx || !gfp)
		return ctx;
	new = kmalloc(sizeof(*new), gfp);
	if (!new)
		return NULL;
	new->key = key;
	refcount_set(&new->ref, 1);
	/* Who finds it in the table finds it complete. */
	get_anon_vma(anon_vma);
	refcount_inc(&slot->ref);
	atomic_long_add(sizeof(*new), &hksm.meta_bytes);
	ctx = ctx_insert(&hksm, new);
	if (ctx != new) {
		put_anon_vma(anon_vma);
		hksm_slot_put(slot);
		atomic_long_sub(sizeof(*new), &hksm.meta_bytes);
		kfree(new);
	}
	return ctx;
}

/**
 * hksm_ctx_get() - context for the records of an area
 * @slot: entered
 * @vma: area of its mm that has an anon_vma
 *
 * Context: may sleep.
 * Return: the context with a reference, NULL without memory.
 */
struct hksm_ctx *hksm_ctx_get(struct hksm_slot *slot,
			      struct vm_area_struct *vma)
{
	return hksm_ctx_make(slot, vma->anon_vma,
			     vma_start_anon_pgoff(vma) -
			     (vma->vm_start >> PAGE_SHIFT), HKSM_META_GFP);
}

/**
 * hksm_ctx_put() - drop a reference
 * @ctx: freed with the last one; may be NULL
 *
 * Context: may sleep, because freeing an anon_vma may.
 */
void hksm_ctx_put(struct hksm_ctx *ctx)
{
	struct hksm_slot *slot;

	if (!ctx || !refcount_dec_and_test(&ctx->ref))
		return;
	slot = ctx->slot;
	rhashtable_remove_fast(&hksm.ctxs, &ctx->hash, ctx_params);
	put_anon_vma(ctx->anon_vma);
	kfree_rcu(ctx, rcu);
	atomic_long_sub(sizeof(*ctx), &hksm.meta_bytes);
	hksm_slot_put(slot);
}
