// SPDX-License-Identifier: GPL-2.0-only
/*
 * Meta words, 8 bytes for each tracked page, kept per page table range.
 *
 * Every word is written through hksm_meta_write(), which keeps the counts.
 * The words of a range belong to the scanner that owns it.
 */
#include <linux/slab.h>

#include "range.h"

/**
 * hksm_range_find() - the range of an address
 * @slot: its mm
 * @addr: any address
 *
 * Context: hksm.sem held.
 * Return: the range or NULL when nothing in it is tracked.
 */
struct hksm_range *hksm_range_find(struct hksm_slot *slot, unsigned long addr)
{
	return xa_load(&slot->ranges, addr >> PMD_SHIFT);
}

/**
 * hksm_range_next() - where the next range is
 * @slot: its mm
 * @addr: where to begin
 * @end: where to end
 *
 * Context: hksm.sem held.
 * Return: the first address from @addr to @end that belongs to a range, or
 * @end.
 */
unsigned long hksm_range_next(struct hksm_slot *slot, unsigned long addr,
			      unsigned long end)
{
	unsigned long i = addr >> PMD_SHIFT;

	if (addr >= end ||
	    !xa_find(&slot->ranges, &i, (end - 1) >> PMD_SHIFT, XA_PRESENT))
		return end;
	return max(addr, i << PMD_SHIFT);
}

/* Return: the new range, or NULL: without memory, or when there is one now. */
static struct hksm_range *range_create(struct hksm *h, struct hksm_slot *slot,
				       unsigned long addr, const void *owner)
{
	struct xa_limit limit = XA_LIMIT(HKSM_RID_MIN, U32_MAX);
	struct hksm_range *range = kzalloc(sizeof(*range), HKSM_META_GFP);

	if (!range)
		return NULL;
	range->slot = slot;
	range->base = addr & PMD_MASK;
	range->owner = owner;
	if (xa_alloc(&h->ranges, &range->id, range, limit, HKSM_META_GFP))
		goto free;
	if (xa_insert(&slot->ranges, addr >> PMD_SHIFT, range, HKSM_META_GFP))
		goto erase;
	atomic_long_add(sizeof(*range), &h->meta_bytes);
	hksm_slot_account(slot, 0, 0, sizeof(*range));
	return range;

erase:
	/* Nobody has its id: no word of it was ever in the table. */
	xa_erase(&h->ranges, range->id);
free:
	kfree(range);
	return NULL;
}

/**
 * hksm_range_make() - the range of an address, allocated if need be
 * @h: the engine
 * @slot: its mm
 * @addr: any address
 * @owner: who wants to own it
 *
 * Context: may sleep; hksm.sem held.
 * Return: the range, owned, or NULL: without memory, or when it belongs to
 * somebody else.
 */
struct hksm_range *hksm_range_make(struct hksm *h, struct hksm_slot *slot,
				   unsigned long addr, const void *owner)
{
	struct hksm_range *range = hksm_range_find(slot, addr);

	BUILD_BUG_ON(HKSM_RANGE_PAGES - 1 > HKSM_IDX_MAX);
	BUILD_BUG_ON(HKSM_RANGE_PAGES % HKSM_CHUNK_PAGES);
	if (!range)
		return range_create(h, slot, addr, owner);
	return hksm_range_own(range, owner) ? range : NULL;
}

/**
 * hksm_range_own() - become the owner of a range
 * @range: the range
 * @owner: who wants it, a scanner, or the engine by who has hksm.sem for
 *	writing; may own it already
 *
 * Context: hksm.sem held; does not wait.
 * Return: false when somebody else has it, or it is out of use.
 */
bool hksm_range_own(struct hksm_range *range, const void *owner)
{
	const void *was = READ_ONCE(range->owner);

	if (was)
		return was == owner;
	return !cmpxchg(&range->owner, NULL, owner);
}

/**
 * hksm_range_flush() - publish what hksm_meta_write() counted
 * @h: the engine
 * @range: owned
 *
 * Context: process; takes hksm_slot.lock.
 */
void hksm_range_flush(struct hksm *h, struct hksm_range *range)
{
	if (range->items_delta) {
		atomic_long_add(range->items_delta, &h->nr_items);
		hksm_slot_account(range->slot, range->items_delta, 0, 0);
		range->items_delta = 0;
	}
	if (range->cand_delta) {
		atomic_long_add(range->cand_delta, &h->pages_unshared);
		range->cand_delta = 0;
	}
}

/* Take what has become empty out of use. Return: true for the whole range. */
static bool range_retire(struct hksm *h, struct hksm_range *range)
{
	bool any = false;
	unsigned int c;

	for (c = 0; c < HKSM_CHUNKS; c++) {
		struct hksm_chunk *chunk = range->chunk[c];

		if (!chunk)
			continue;
		if (range->live[c]) {
			any = true;
			continue;
		}
		WRITE_ONCE(range->chunk[c], NULL);
		hksm_slot_account(range->slot, 0, 0, -(long)sizeof(*chunk));
		hksm_limbo_add(h, &h->limbo.chunks, &chunk->limbo);
	}
	return !any;
}

/**
 * hksm_range_disown() - give up a range
 * @h: the engine
 * @range: owned by the caller, who does not look at it any more
 *
 * What is empty goes out of use: it is not found any more, and freed when
 * nobody can have it in hand.
 *
 * Context: process; hksm.sem held; takes hksm_slot.lock.
 */
void hksm_range_disown(struct hksm *h, struct hksm_range *range)
{
	lockdep_assert_held(&h->sem);
	hksm_range_flush(h, range);
	if (range_retire(h, range)) {
		/* Nobody takes it any more. */
		WRITE_ONCE(range->owner, h);
		xa_erase(&range->slot->ranges, range->base >> PMD_SHIFT);
		xa_erase(&h->ranges, range->id);
		hksm_slot_account(range->slot, 0, 0, -(long)sizeof(*range));
		hksm_limbo_add(h, &h->limbo.ranges, &range->limbo);
		return;
	}
	/* The next owner sees the words as they were left. */
	smp_store_release(&range->owner, NULL);
}

/**
 * hksm_range_free_limbo() - free ranges and chunks that are out of use
 * @h: the engine
 *
 * Context: hksm.sem held for writing.
 */
void hksm_range_free_limbo(struct hksm *h)
{
	struct hksm_chunk *chunk, *c;
	struct hksm_range *range, *r;

	lockdep_assert_held_write(&h->sem);
	llist_for_each_entry_safe(chunk, c, llist_del_all(&h->limbo.chunks),
				  limbo) {
		kfree(chunk);
		atomic_long_sub(sizeof(*chunk), &h->meta_bytes);
		atomic_long_dec(&h->limbo.nr);
	}
	llist_for_each_entry_safe(range, r, llist_del_all(&h->limbo.ranges),
				  limbo) {
		kfree(range);
		atomic_long_sub(sizeof(*range), &h->meta_bytes);
		atomic_long_dec(&h->limbo.nr);
	}
}

/**
 * hksm_range_room() - make sure the word of a page can be written
 * @h: the engine
 * @range: owned
 * @idx: page
 *
 * Context: may sleep.
 * Return: false without memory.
 */
bool hksm_range_room(struct hksm *h, struct hksm_range *range,
		     unsigned int idx)
{
	unsigned int c = idx / HKSM_CHUNK_PAGES;
	struct hksm_chunk *chunk;

	if (range->chunk[c])
		return true;
	chunk = kzalloc(sizeof(*chunk), HKSM_META_GFP);
	if (!chunk)
		return false;
	/* Others read words without owning the range: zeroes first. */
	smp_store_release(&range->chunk[c], chunk);
	atomic_long_add(sizeof(*chunk), &h->meta_bytes);
	hksm_slot_account(range->slot, 0, 0, sizeof(*chunk));
	return true;
}

/* Zero pages are counted by who maps them, not as tracked pages. */
static bool range_is_item(enum hksm_state state)
{
	return state != HKSM_NONE && state != HKSM_ZERO;
}

/**
 * hksm_meta_write() - change the word of a page
 * @range: owned
 * @idx: page; there is room for its word
 * @m: the new word
 *
 * Context: any.
 */
void hksm_meta_write(struct hksm_range *range, unsigned int idx, u64 m)
{
	u64 *p = hksm_meta_ptr(range, idx);
	enum hksm_state was = hksm_meta_state(*p), is = hksm_meta_state(m);

	if (was != is) {
		range->live[idx / HKSM_CHUNK_PAGES] +=
			(is != HKSM_NONE) - (was != HKSM_NONE);
		range->items_delta += range_is_item(is) - range_is_item(was);
		range->cand_delta += (is == HKSM_CAND) - (was == HKSM_CAND);
	}
	WRITE_ONCE(*p, m);
}

/**
 * hksm_meta_replace() - change what a word in state MERGED says of its history
 * @range: owned
 * @idx: page
 * @was: the word as it was read
 * @m: the new word, in the same state and with the same record
 *
 * Nothing is changed if the record has gone meanwhile with its node.
 *
 * Context: hksm.sem held.
 */
void hksm_meta_replace(struct hksm_range *range, unsigned int idx, u64 was,
		       u64 m)
{
	cmpxchg64(hksm_meta_ptr(range, idx), was, m);
}
