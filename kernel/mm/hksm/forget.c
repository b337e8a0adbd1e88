// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forgetting: what is not in a mergeable area any more, and mms that are gone.
 * Candidates leave the table, records go to their heirs or go away, and what
 * has become empty is freed.
 */
#include "forget.h"
#include "heir.h"
#include "hold.h"
#include "index.h"
#include "range.h"
#include "stable.h"

/*
 * What is freed under one hold of the engine: ranges, of so many dead mms, and for
 * how long, in ns, however much that is. Who waits for the engine once for each mm
 * is slower than mms can die.
 */
#define REAP_RANGES	64
#define REAP_SLOTS	64
#define REAP_NS		NSEC_PER_MSEC

/* Where somebody else owns it, it is left to the next pass. */
static void forget_range(struct hksm *h, struct hksm_range *range,
			 unsigned int from, unsigned int last,
			 const void *owner)
{
	unsigned int idx;

	if (!hksm_range_own(range, owner))
		return;
	for (idx = from; idx <= last; idx++) {
		u64 m;

		if (!range->chunk[idx / HKSM_CHUNK_PAGES]) {
			idx |= HKSM_CHUNK_PAGES - 1;
			continue;
		}
		m = hksm_meta_read(range, idx);
		if (!m)
			continue;
		if (hksm_meta_state(m) == HKSM_CAND)
			hksm_index_del(h, m, hksm_place(range, idx));
		if (hksm_meta_state(m) == HKSM_MERGED)
			hksm_rec_leave(h, m, HKSM_FOLIO_WAIT, owner);
		hksm_meta_write(range, idx, 0);
	}
	hksm_range_disown(h, range);
}

/* Of page tables that are outside of mergeable areas as a whole. */
static void forget_zeroed(struct hksm_slot *slot, unsigned long from,
			  unsigned long last)
{
	unsigned long i = DIV_ROUND_UP(from, PMD_SIZE);
	unsigned long end = last == ULONG_MAX ? ULONG_MAX >> PMD_SHIFT :
						(last + 1) >> PMD_SHIFT;
	void *entry;

	if (i >= end || xa_empty(&slot->zeroed))
		return;
	xa_for_each_range(&slot->zeroed, i, entry, i, end - 1)
		xa_erase(&slot->zeroed, i);
}

/**
 * hksm_forget() - stop tracking a stretch of addresses
 * @h: the engine
 * @slot: its mm
 * @from: first address; where to go on, when there is more
 * @last: last address
 * @nr: most ranges to look at
 * @owner: in whose name ranges are to be owned; owns none now
 *
 * For addresses that are not in a mergeable area any more.
 *
 * Context: may sleep; hksm.sem held and no folio lock.
 * Return: true when nothing is left to be forgotten.
 */
bool hksm_forget(struct hksm *h, struct hksm_slot *slot, unsigned long *from,
		 unsigned long last, unsigned int nr, const void *owner)
{
	struct hksm_range *range;
	unsigned long i;

	forget_zeroed(slot, *from, last);
	xa_for_each_range(&slot->ranges, i, range, *from >> PMD_SHIFT,
			  last >> PMD_SHIFT) {
		unsigned int a = 0, b = HKSM_RANGE_PAGES - 1;

		if (!nr--) {
			*from = max(*from, range->base);
			return false;
		}
		if (range->base < *from)
			a = hksm_idx(*from);
		if (range->base >> PMD_SHIFT == last >> PMD_SHIFT)
			b = hksm_idx(last);
		forget_range(h, range, a, b, owner);
		cond_resched();
	}
	return true;
}

/**
 * hksm_free_limbo() - free what is out of use
 * @h: the engine
 *
 * Context: hksm.sem held for writing.
 */
void hksm_free_limbo(struct hksm *h)
{
	hksm_stable_free_limbo(h);
	hksm_range_free_limbo(h);
}

/* The mm that has been gone for longest, or NULL. */
static struct hksm_slot *forget_next(struct hksm *h)
{
	struct hksm_slot *slot;

	spin_lock(&h->slots_lock);
	slot = list_first_entry_or_null(&h->reap, struct hksm_slot, list);
	if (slot)
		list_del_init(&slot->list);
	spin_unlock(&h->slots_lock);
	return slot;
}

static bool forget_must_leave(struct hksm *h, unsigned int ranges)
{
	return !ranges || hksm_hold_begin() - h->all_since > REAP_NS;
}

/*
 * Free ranges of an mm that is gone, at least one, and no more than @ranges, which
 * is lowered. Return: true when none is left.
 */
static bool forget_some(struct hksm *h, struct hksm_slot *slot,
			unsigned int *ranges)
{
	struct hksm_range *range;
	unsigned long i;

	lockdep_assert_held_write(&h->sem);
	xa_for_each(&slot->ranges, i, range) {
		forget_range(h, range, 0, HKSM_RANGE_PAGES - 1, h);
		--*ranges;
		if (forget_must_leave(h, *ranges))
			break;
	}
	return xa_empty(&slot->ranges);
}

/*
 * Free what is left of mms that are gone, as much as goes under one hold. Return: the
 * one of which there is more, or that is next, or NULL; @done: those of which there
 * is not, by hksm_slot.list.
 */
static struct hksm_slot *forget_slots(struct hksm *h, struct hksm_slot *slot,
				      struct list_head *done)
{
	unsigned int ranges = REAP_RANGES, slots = REAP_SLOTS;

	do {
		if (!forget_some(h, slot, &ranges))
			return slot;
		list_add_tail(&slot->list, done);
		slot = forget_next(h);
	} while (slot && --slots && !forget_must_leave(h, ranges));
	return slot;
}

/**
 * hksm_reap() - free what is left of mms that are gone
 * @work: hksm.reaper
 *
 * Works with the engine to itself, a few ranges of a few mms at a time.
 *
 * Context: work queue; takes hksm.sem for writing.
 */
void hksm_reap(struct work_struct *work)
{
	struct hksm *h = container_of(work, struct hksm, reaper);
	struct hksm_slot *slot = forget_next(h), *gone, *next;
	LIST_HEAD(done);

	while (slot) {
		hksm_lock_all(h);
		slot = forget_slots(h, slot, &done);
		hksm_free_limbo(h);
		hksm_unlock_all(h, "reaper");
		/* The last reference frees an mm_struct: nobody waits for that. */
		list_for_each_entry_safe(gone, next, &done, list) {
			list_del_init(&gone->list);
			hksm_slot_put(gone);
		}
		cond_resched();
	}
}
