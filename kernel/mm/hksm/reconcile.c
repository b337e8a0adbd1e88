// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words against page tables: what the walk of a page table found that is not
 * as the words say. Records of addresses that map something else now are given
 * up, merged pages that came by fork or by swap-in get theirs.
 */
#include <linux/highmem.h>

#include "digest.h"
#include "heir.h"
#include "index.h"
#include "policy.h"
#include "reconcile.h"

/* A merged page whose node is gone, as after a failed unmerge: a new one. */
static struct hksm_node *reconcile_orphan(struct hksm_scanner *sc,
					  struct folio *folio)
{
	struct hksm *h = sc->h;
	struct hksm_node *node;
	void *p;
	u64 key;

	node = hksm_node_alloc(h, GFP_NOWAIT | __GFP_NOWARN);
	if (!node)
		return NULL;
	p = kmap_local_page(&folio->page);
	node->nid = hksm_nid(h, folio_pfn(folio));
	key = hksm_key(h, hksm_digest(&h->key, p, p), node->nid);
	kunmap_local(p);
	if (!hksm_folio_keep(folio) ||
	    hksm_stable_file(h, node, key, NULL, NULL)) {
		hksm_node_free(h, node);
		return NULL;
	}
	folio_mark_dirty(folio);
	hksm_folio_tag(folio, node);
	/* As in merge_promote(). */
	smp_store_release(&node->kpfn, folio_pfn(folio));
	return node;
}

/* A merged page is mapped here without a record: by fork, or by swap-in. */
static void reconcile_adopt(struct hksm_scanner *sc, unsigned int idx,
			    struct page *page)
{
	unsigned long addr = sc->item_base + idx * PAGE_SIZE;
	struct folio *folio = page_folio(page);
	struct hksm *h = sc->h;
	struct hksm_node *node;
	struct hksm_rec *rec;
	u64 m;

	if (!sc->ctx)
		sc->ctx = hksm_ctx_get(sc->slot, sc->vma);
	if (!sc->ctx || !hksm_batch_room(sc, addr) || !folio_trylock(folio))
		return;
	if (!folio_test_ksm(folio))
		goto unlock;
	node = hksm_folio_node(folio);
	if (node)
		hksm_stable_refile(h, node);
	m = hksm_meta_read(sc->range, idx);
	if (hksm_meta_state(m) == HKSM_MERGED) {
		if (hksm_meta_node(m) == node)
			goto unlock;
		if (hksm_rec_drop(h, m, HKSM_FOLIO_TRY))
			goto unlock;
	} else if (hksm_meta_state(m) == HKSM_CAND) {
		hksm_index_del(h, m, hksm_place(sc->range, idx));
	}
	if (!node)
		node = reconcile_orphan(sc, folio);
	rec = node ? hksm_rec_add(h, node, sc->ctx, addr, true) : NULL;
	if (rec)
		m = hksm_meta_become(m, HKSM_MERGED,
				     hksm_rec_payload(node, rec));
	else
		m = 0;
	hksm_meta_write(sc->range, idx,
			hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 0));
unlock:
	folio_unlock(folio);
}

/* A record whose address maps something else now. */
static void reconcile_lost(struct hksm_scanner *sc, unsigned int idx,
			   bool broken)
{
	struct hksm_item *item = broken ? hksm_batch_at(sc, idx) : NULL;
	u64 m = hksm_meta_read(sc->range, idx);

	if (hksm_meta_state(m) == HKSM_MERGED &&
	    hksm_rec_leave(sc->h, m, HKSM_FOLIO_TRY, sc)) {
		/* Next time; until then the record stays where it is. */
		if (item)
			item->verdict = HKSM_V_DONE;
		return;
	}
	if (broken) {
		m = hksm_policy_broken(m, &sc->range->heat);
		sc->breaks++;
	} else {
		m = 0;
	}
	hksm_meta_write(sc->range, idx, m);
	if (item)
		item->meta = m;
}

/* Swapped out with its record kept; see whether the folio is still there. */
static void reconcile_swapped(struct hksm_scanner *sc, unsigned int idx)
{
	u64 m = hksm_meta_read(sc->range, idx);
	struct folio *folio;

	if (hksm_meta_state(m) != HKSM_MERGED)
		return;
	folio = hksm_node_folio(hksm_meta_node(m), HKSM_FOLIO_TRY);
	if (IS_ERR(folio))
		return;
	if (folio) {
		folio_unlock(folio);
		folio_put(folio);
		return;
	}
	hksm_node_drop(sc->h, hksm_meta_node(m));
	hksm_meta_write(sc->range, idx, 0);
}

/**
 * hksm_reconcile() - bring words and records up to what was found mapped
 * @sc: the scanner, with the list of what needs more than a look
 *
 * Context: may sleep, but only tries for folio locks; the slot of the scanner
 * is entered, and no other folio is locked.
 */
void hksm_reconcile(struct hksm_scanner *sc)
{
	unsigned int i;

	for (i = 0; i < sc->nr_slow; i++) {
		struct hksm_slow *slow = &sc->slow[i];

		switch (slow->kind) {
		case HKSM_SLOW_GONE:
			reconcile_lost(sc, slow->idx, false);
			break;
		case HKSM_SLOW_BROKEN:
			reconcile_lost(sc, slow->idx, true);
			break;
		case HKSM_SLOW_SWAP:
			reconcile_swapped(sc, slow->idx);
			break;
		case HKSM_SLOW_ADOPT:
			reconcile_adopt(sc, slow->idx, slow->page);
			break;
		}
		if (slow->page)
			folio_put(page_folio(slow->page));
	}
}
