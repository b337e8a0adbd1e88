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

/**
 * hksm_range_make() - the range of an address, allocated if need be
 * @h: the engine
 * @slot: its mm
 * @addr: any address
 *
 * Context: may sleep; hksm.sem held.
 * Return: the range, not owned when it is new, or NULL.
 */
struct hksm_range *hksm_range_make(struct hksm *h, struct hksm_slot *slot,
				   unsigned long addr)
{
	struct xa_limit limit = XA_LIMIT(HKSM_RID_MIN, U32_MAX);
	struct hksm_range *range = hksm_range_find(slot, addr);

	BUILD_BUG_ON(HKSM_RANGE_PAGES - 1 > HKSM_IDX_MAX);
	BUILD_BUG_ON(HKSM_RANGE_PAGES % HKSM_CHUNK_PAGES);
	if (range)
		return range;
	range = kzalloc(sizeof(*range), HKSM_META_GFP);
	if (!range)
		return NULL;
	range->slot = slot;
	range->base = addr & PMD_MASK;
	if (xa_alloc(&h->ranges, &range->id, range, limit, HKSM_META_GFP))
		goto free;
	if (xa_err(xa_store(&slot->ranges, addr >> PMD_SHIFT, range,
			    HKSM_META_GFP)))
		goto erase;
	atomic_long_add(sizeof(*range), &h->meta_bytes);
	hksm_slot_account(slot, 0, 0, sizeof(*range));
	return range;

erase:
	xa_erase(&h->ranges, range->id);
free:
	kfree(range);
	return NULL;
}

/**
 * hksm_range_own() - become the owner of a range
 * @range: the range
 * @sc: who wants it; may own it already
 *
 * Context: any; does not wait.
 * Return: false when another scanner has it.
 */
bool hksm_range_own(struct hksm_range *range, struct hksm_scanner *sc)
{
	if (READ_ONCE(range->owner) == sc)
		return true;
	return !cmpxchg(&range->owner, NULL, sc);
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

/**
 * hksm_range_disown() - give up a range
 * @h: the engine
 * @range: owned by the caller
 *
 * Context: process; takes hksm_slot.lock.
 */
void hksm_range_disown(struct hksm *h, struct hksm_range *range)
{
	hksm_range_flush(h, range);
	/* The next owner sees the words as they were left. */
	smp_store_release(&range->owner, NULL);
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
 * hksm_range_tidy() - free what has become empty
 * @h: the engine
 * @range: owned
 *
 * At once: whoever looks at words, also of ranges he does not own, has
 * hksm.sem, and is either the only scanner or has it for writing.
 *
 * Context: hksm.sem held; does not sleep.
 * Return: true when the range itself was freed.
 */
bool hksm_range_tidy(struct hksm *h, struct hksm_range *range)
{
	bool any = false;
	unsigned int c;

	lockdep_assert_held(&h->sem);
	for (c = 0; c < HKSM_CHUNKS; c++) {
		struct hksm_chunk *chunk = range->chunk[c];

		if (!chunk)
			continue;
		if (range->live[c]) {
			any = true;
			continue;
		}
		WRITE_ONCE(range->chunk[c], NULL);
		kfree(chunk);
		atomic_long_sub(sizeof(*chunk), &h->meta_bytes);
		hksm_slot_account(range->slot, 0, 0, -(long)sizeof(*chunk));
	}
	if (any)
		return false;
	hksm_range_flush(h, range);
	xa_erase(&range->slot->ranges, range->base >> PMD_SHIFT);
	xa_erase(&h->ranges, range->id);
	atomic_long_sub(sizeof(*range), &h->meta_bytes);
	hksm_slot_account(range->slot, 0, 0, -(long)sizeof(*range));
	kfree(range);
	return true;
}
