// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of a pass: who scans what.
 *
 * Scanners take one mm after the other from the list. Who finds none left helps
 * where another is at work: every mm is handed out in stretches of some page
 * tables. A pass is over when all is handed out and nobody has anything in hand;
 * so every mm that was there at its beginning has been scanned as a whole then.
 */
#include "pass.h"
#include "range.h"
#include "walk.h"

/* What is handed out at a time: short, so that all scanners end together. */
#define STRETCH_BYTES	(8 * PMD_SIZE)

/**
 * hksm_pass_begin() - start with the first mm
 * @h: the engine, between two passes
 *
 * Context: process; takes hksm.slots_lock.
 * Return: false when there is none.
 */
bool hksm_pass_begin(struct hksm *h)
{
	bool any;

	spin_lock(&h->slots_lock);
	any = !list_empty(&h->slots);
	if (any) {
		h->cursor = h->slots.next;
		WRITE_ONCE(h->pass_pages, 0);
		WRITE_ONCE(h->in_pass, true);
	}
	spin_unlock(&h->slots_lock);
	return any;
}

/**
 * hksm_pass_over() - end the pass, if it has come to its end
 * @h: the engine
 *
 * Context: process; takes hksm.slots_lock.
 * Return: true for the one caller who has ended it.
 */
bool hksm_pass_over(struct hksm *h)
{
	bool over;

	spin_lock(&h->slots_lock);
	over = h->in_pass && !h->busy && h->cursor == &h->slots;
	if (over)
		WRITE_ONCE(h->in_pass, false);
	spin_unlock(&h->slots_lock);
	return over;
}

/**
 * hksm_pass_reset() - forget that there is a pass
 * @h: the engine
 *
 * What scanners still have in hand they put away when they look at it next.
 *
 * Context: hksm.sem held for writing; takes hksm.slots_lock.
 */
void hksm_pass_reset(struct hksm *h)
{
	lockdep_assert_held_write(&h->sem);
	spin_lock(&h->slots_lock);
	h->cursor = &h->slots;
	h->busy = 0;
	h->epoch++;
	WRITE_ONCE(h->in_pass, false);
	spin_unlock(&h->slots_lock);
}

/**
 * hksm_pass_valid() - does a scanner still have to do what it has in hand?
 * @sc: the scanner
 *
 * Context: hksm.sem held.
 */
bool hksm_pass_valid(struct hksm_scanner *sc)
{
	return sc->work.slot && sc->work.epoch == sc->h->epoch;
}

static void pass_hand_out(struct hksm_scanner *sc, struct hksm_slot *slot)
{
	lockdep_assert_held(&sc->h->slots_lock);
	refcount_inc(&slot->ref);
	memset(&sc->work, 0, sizeof(sc->work));
	sc->work.slot = slot;
	sc->work.epoch = sc->h->epoch;
	sc->h->busy++;
}

/* What a scanner that was ended has left, or a part of what another has. */
static void pass_help(struct hksm_scanner *sc, struct hksm_scanner *other)
{
	struct hksm_slot *slot = other ? other->work.slot : NULL;

	if (!slot || !hksm_pass_valid(other))
		return;
	if (!other->thread) {
		sc->work = other->work;
		other->work.slot = NULL;
	} else if (slot->state == HKSM_SLOT_LIVE &&
		   READ_ONCE(slot->handed_out) != ULONG_MAX) {
		pass_hand_out(sc, slot);
	}
}

/**
 * hksm_pass_take() - make sure that a scanner has an mm in hand
 * @sc: the scanner
 *
 * Context: process; hksm.sem held; takes hksm.slots_lock.
 * Return: false when there is nothing to do for it.
 */
bool hksm_pass_take(struct hksm_scanner *sc)
{
	struct hksm_slot *slot, *old = NULL;
	struct hksm *h = sc->h;
	unsigned int i;

	spin_lock(&h->slots_lock);
	if (sc->work.slot && !hksm_pass_valid(sc)) {
		old = sc->work.slot;
		sc->work.slot = NULL;
	}
	if (!sc->work.slot && h->in_pass && h->cursor != &h->slots) {
		slot = list_entry(h->cursor, struct hksm_slot, list);
		h->cursor = slot->list.next;
		WRITE_ONCE(slot->handed_out, 0);
		WRITE_ONCE(h->pass_pages, h->pass_pages +
			   get_mm_counter(slot->mm, MM_ANONPAGES));
		pass_hand_out(sc, slot);
	}
	for (i = 0; i < HKSM_SCANNERS && !sc->work.slot && h->in_pass; i++)
		if (h->scanner[i] != sc)
			pass_help(sc, h->scanner[i]);
	spin_unlock(&h->slots_lock);
	if (old)
		hksm_slot_put(old);
	return sc->work.slot;
}

/**
 * hksm_pass_put() - a scanner is done with the mm it has in hand
 * @sc: the scanner, which has not entered it
 *
 * Context: process; hksm.sem held; takes hksm.slots_lock.
 */
void hksm_pass_put(struct hksm_scanner *sc)
{
	struct hksm_slot *slot = sc->work.slot;
	struct hksm *h = sc->h;

	spin_lock(&h->slots_lock);
	if (hksm_pass_valid(sc))
		h->busy--;
	sc->work.slot = NULL;
	spin_unlock(&h->slots_lock);
	hksm_slot_put(slot);
}

/* Find the next stretch that begins at or after @from. */
static void pass_find(struct hksm_scanner *sc, unsigned long from,
		      struct hksm_stretch *s, unsigned int *entries)
{
	struct mm_struct *mm = sc->slot->mm;
	struct vm_area_struct *vma;
	unsigned long addr, end;

	s->from = from;
	s->barren = !from;
	VMA_ITERATOR(vmi, mm, from);
	for_each_vma(vmi, vma) {
		if (!(vma->vm_flags & VM_MERGEABLE))
			continue;
		s->barren = false;
		if (!vma->anon_vma)
			continue;
		addr = max(from, vma->vm_start);
		/* Words may be left from before there was a hole. */
		end = hksm_range_next(sc->slot, addr, vma->vm_end);
		addr = hksm_skip_hole(mm, addr, end, entries);
		if (addr == vma->vm_end && *entries)
			continue;
		s->start = addr;
		s->end = addr;
		if (*entries)
			s->end = round_down(addr, PMD_SIZE) + STRETCH_BYTES;
		return;
	}
	s->start = ULONG_MAX;
	s->end = ULONG_MAX;
}

/**
 * hksm_pass_cut() - get the next stretch of the mm that is in hand
 * @sc: the scanner, which has entered the mm and is done with the last stretch
 *
 * A stretch in which nothing is mapped may be empty, if it took long to find
 * that out.
 *
 * Context: hksm.sem held and the mm entered; does not sleep.
 * Return: false when all of it is handed out.
 */
bool hksm_pass_cut(struct hksm_scanner *sc)
{
	struct hksm_stretch *s = &sc->work;
	struct hksm_slot *slot = s->slot;
	unsigned int entries = HKSM_HOLE_ENTRIES;
	unsigned long from = READ_ONCE(slot->handed_out), was;

	do {
		if (from == ULONG_MAX)
			return false;
		was = from;
		pass_find(sc, was, s, &entries);
		from = cmpxchg(&slot->handed_out, was, s->end);
	} while (from != was);
	hksm_batch_idle(sc, HKSM_HOLE_ENTRIES - entries);
	return true;
}
