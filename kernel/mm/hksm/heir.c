// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heirs. A process that got a merged page by fork has no record of its own
 * before it is scanned; reverse walks find it through the record of the
 * process it was forked from, because that record's anon_vma covers it. So a
 * record that goes is handed to such a process, where there is one, or the
 * page could neither be moved nor swapped out any more.
 *
 * The heir gets the record with the anon_vma it had, which covers the other
 * processes that wait for a record of their own, too.
 */
#include <linux/rmap.h>

#include "heir.h"
#include "index.h"
#include "range.h"

/* Is the folio mapped at the address? Migration cannot come in between. */
static bool heir_maps(struct folio *folio, struct vm_area_struct *vma,
		      unsigned long addr)
{
	DEFINE_FOLIO_VMA_WALK(walk, folio, vma, addr, 0);

	if (!page_vma_mapped_walk(&walk))
		return false;
	page_vma_mapped_walk_done(&walk);
	return true;
}

/* A process that is looked after and has no record at the address. */
static struct hksm_slot *heir_claim(struct hksm *h, struct mm_struct *mm,
				    unsigned long addr)
{
	struct hksm_slot *slot = hksm_slot_find(h, mm);
	u64 m;

	if (!slot)
		return NULL;
	if (hksm_slot_hold(h, slot)) {
		m = hksm_meta_read(hksm_range_find(slot, addr), hksm_idx(addr));
		if (hksm_meta_state(m) != HKSM_MERGED)
			return slot;
		hksm_slot_release(h, slot);
	}
	hksm_slot_put(slot);
	return NULL;
}

/*
 * Who else maps the folio of a record, by fork. Return: the slot, held and
 * referenced, or NULL.
 */
static struct hksm_slot *heir_find(struct hksm *h, struct folio *folio,
				   struct hksm_rec *rec)
{
	struct anon_vma *anon_vma = rec->ctx->anon_vma;
	unsigned long index = hksm_rec_index(rec);
	struct hksm_slot *slot = NULL;
	struct anon_vma_chain *avc;

	if (!folio_mapped(folio))
		return NULL;
	anon_vma_lock_read(anon_vma);
	anon_rmap_tree_foreach(avc, anon_vma, index, index) {
		struct vm_area_struct *vma = avc->vma;

		cond_resched();
		if (vma->vm_mm == rec->ctx->slot->mm ||
		    !hksm_rec_covers(rec, vma) ||
		    !heir_maps(folio, vma, rec->addr))
			continue;
		slot = heir_claim(h, vma->vm_mm, rec->addr);
		if (slot)
			break;
	}
	anon_vma_unlock_read(anon_vma);
	return slot;
}

/* What the heir needs for the record. A range is owned. */
struct heir_estate {
	struct hksm_range *range;
	struct hksm_ctx *ctx;
};

/* The range of an address, owned, or NULL. */
static struct hksm_range *heir_range(struct hksm *h, struct hksm_slot *slot,
				     unsigned long addr, bool alloc,
				     const void *owner)
{
	struct hksm_range *range;

	if (alloc)
		return hksm_range_make(h, slot, addr, owner);
	range = hksm_range_find(slot, addr);
	return range && hksm_range_own(range, owner) ? range : NULL;
}

/*
 * For a record with a context of @old at @addr. Return: false when something is
 * missing, or without memory for it, or when the heir has a record by now.
 */
static bool heir_estate_get(struct hksm *h, struct hksm_slot *slot,
			    struct hksm_ctx *old, unsigned long addr,
			    struct heir_estate *e, bool alloc,
			    const void *owner)
{
	unsigned int idx = hksm_idx(addr);

	e->ctx = NULL;
	e->range = heir_range(h, slot, addr, alloc, owner);
	if (!e->range)
		return false;
	if (!alloc && !hksm_meta_ptr(e->range, idx))
		return false;
	if (!hksm_range_room(h, e->range, idx))
		return false;
	if (hksm_meta_state(hksm_meta_read(e->range, idx)) == HKSM_MERGED)
		return false;
	e->ctx = hksm_ctx_make(slot, old->anon_vma, old->delta,
			       alloc ? HKSM_META_GFP : 0);
	return e->ctx;
}

static void heir_estate_put(struct hksm *h, struct heir_estate *e)
{
	hksm_ctx_put(e->ctx);
	if (e->range)
		hksm_range_disown(h, e->range);
	e->ctx = NULL;
	e->range = NULL;
}

/*
 * The same with reclaim, and therefore without the lock of the folio, which
 * others map. Only the address and the context of a record are sure meanwhile.
 * Return: as hksm_node_folio().
 */
static struct folio *heir_estate_wait(struct hksm *h, struct hksm_slot *slot,
				      struct hksm_rec *rec,
				      struct heir_estate *e,
				      struct folio *folio,
				      enum hksm_folio_mode mode,
				      struct hksm_node *node,
				      const void *owner, bool *ready)
{
	struct hksm_ctx *old = rec->ctx;
	unsigned long addr = rec->addr;

	refcount_inc(&old->ref);
	folio_unlock(folio);
	folio_put(folio);
	heir_estate_put(h, e);
	*ready = heir_estate_get(h, slot, old, addr, e, true, owner);
	hksm_ctx_put(old);
	return hksm_node_folio(node, mode);
}

static void heir_hand_over(struct hksm *h, struct hksm_node *node,
			   struct hksm_rec *rec, struct heir_estate *e)
{
	unsigned int idx = hksm_idx(rec->addr);
	u64 m = hksm_meta_read(e->range, idx);

	if (hksm_meta_state(m) == HKSM_CAND)
		hksm_index_del(h, m, hksm_place(e->range, idx));
	hksm_rec_move(rec, e->ctx);
	m = hksm_meta_become(m, HKSM_MERGED, hksm_rec_payload(node, rec));
	hksm_meta_write(e->range, idx,
			hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 0));
}

/**
 * hksm_rec_leave() - an address does not map a merged page any more
 * @h: the engine
 * @meta: word in state MERGED, of a range the caller owns; the caller changes it
 * @mode: whether the folio may be waited for
 * @owner: in whose name the caller owns it, and will own that of an heir
 *
 * The record goes to another process that needs it, or it goes away. Without
 * memory for that it goes away, too, and the other process is not found before
 * it is scanned.
 *
 * Context: may sleep; no folio is locked and no range of another process owned.
 * Return: 0, or -EBUSY with nothing done.
 */
int hksm_rec_leave(struct hksm *h, u64 meta, enum hksm_folio_mode mode,
		   const void *owner)
{
	struct hksm_node *node = hksm_meta_node(meta);
	struct hksm_rec *rec = hksm_meta_rec(meta);
	struct hksm_slot *slot;
	struct folio *folio;
	struct heir_estate e;
	bool ready;
	int err = 0;

	might_sleep();
	folio = hksm_node_folio(node, mode);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	slot = folio ? heir_find(h, folio, rec) : NULL;
	if (!slot) {
		hksm_rec_end(h, node, rec, folio);
		return 0;
	}
	ready = heir_estate_get(h, slot, rec->ctx, rec->addr, &e, false, owner);
	if (!ready)
		folio = heir_estate_wait(h, slot, rec, &e, folio, mode, node,
					 owner, &ready);
	if (IS_ERR(folio)) {
		err = PTR_ERR(folio);
	} else if (folio && ready) {
		heir_hand_over(h, node, rec, &e);
		folio_unlock(folio);
		folio_put(folio);
	} else {
		hksm_rec_end(h, node, rec, folio);
	}
	heir_estate_put(h, &e);
	hksm_slot_release(h, slot);
	hksm_slot_put(slot);
	return err;
}
