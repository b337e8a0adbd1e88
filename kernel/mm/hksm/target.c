// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets: what the items of a batch are merged into. The hash proposes them;
 * merge.c locks and protects what is not locked yet, and compares.
 */
#include "index.h"
#include "peers.h"
#include "target.h"

static struct hksm_target *target_new(struct hksm_scanner *sc,
				      enum hksm_target_kind kind, u64 key)
{
	struct hksm_target *t = &sc->target[sc->nr_targets++];

	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->key = key;
	return t;
}

/* A target of this round that takes one more page of a content. */
static struct hksm_target *target_known(struct hksm_scanner *sc, u64 key)
{
	unsigned int i, max = sc->h->max_page_sharing;

	for (i = 0; i < sc->nr_targets; i++) {
		struct hksm_target *t = &sc->target[i];
		unsigned int have = 1;

		if (t->key != key || t->kind == HKSM_T_ZERO)
			continue;
		if (t->kind == HKSM_T_STABLE)
			have = hksm_folio_node(page_folio(t->page))->nr;
		if (have + t->joins < max)
			return t;
	}
	return NULL;
}

/**
 * hksm_target_held() - does this round hold the lock that somebody found taken?
 * @sc: the scanner
 * @key: key of the content
 *
 * Context: any; the batch belongs to the caller.
 */
bool hksm_target_held(struct hksm_scanner *sc, u64 key)
{
	unsigned int i;

	for (i = 0; i < sc->nr_targets; i++)
		if (sc->target[i].key == key &&
		    sc->target[i].kind == HKSM_T_STABLE)
			return true;
	return false;
}

/* A merged page with the content, locked. -EBUSY: there is one, not now. */
static struct hksm_target *target_stable(struct hksm_scanner *sc, u64 key)
{
	struct hksm *h = sc->h;
	struct hksm_target *t;
	struct hksm_node *node;
	struct folio *folio;
	bool moved;

	while ((node = hksm_stable_find(h, key))) {
		folio = hksm_node_folio(node, HKSM_FOLIO_TRY);
		if (IS_ERR(folio)) {
			/* Most likely another scanner merges with it, too. */
			if (READ_ONCE(h->nr_scanners) > 1)
				sc->crowded = true;
			return ERR_CAST(folio);
		}
		if (!folio) {
			hksm_node_drop(h, node);
			continue;
		}
		if (PageHWPoison(&folio->page) && !folio_mapped(folio)) {
			/* Who mapped it was told; others need a good copy. */
			hksm_folio_tag(folio, NULL);
			hksm_node_drop(h, node);
			folio_unlock(folio);
			folio_put(folio);
			continue;
		}
		if (hksm_stable_nid(h, node) != node->nid) {
			moved = hksm_stable_refile(h, node);
			folio_unlock(folio);
			folio_put(folio);
			/* Whatever is filed after it is found before it. */
			if (!moved)
				return NULL;
			continue;
		}
		if (!hksm_folio_keep(folio)) {
			folio_unlock(folio);
			folio_put(folio);
			return ERR_PTR(-EBUSY);
		}
		t = target_new(sc, HKSM_T_STABLE, key);
		t->page = &folio->page;
		return t;
	}
	return NULL;
}

/*
 * Does another scanner work on a range, so that a place in it says little? Of two
 * that are in each other's way the one with the lower number goes on as if he was
 * alone, or they would be the next time, too.
 */
static bool target_is_taken(struct hksm_scanner *sc, struct hksm_range *range)
{
	const void *owner = READ_ONCE(range->owner);

	if (!owner || owner == sc || owner == sc->h)
		return false;
	return ((const struct hksm_scanner *)owner)->id < sc->id;
}

/* Turn a candidate into a target. NULL: it does not have the content. */
static struct hksm_target *target_claim(struct hksm_scanner *sc, u64 key,
					struct hksm_place where)
{
	struct hksm *h = sc->h;
	struct hksm_item *lead = hksm_batch_item(sc, where);
	struct hksm_range *range;
	struct hksm_target *t;
	bool had;
	int err;
	u64 m;

	if (lead) {
		/* Without a page: of a large folio split in this round. */
		if (lead->key != key || lead->verdict != HKSM_V_CAND ||
		    !lead->page || folio_test_large(page_folio(lead->page)))
			return NULL;
		hksm_index_del(h, key, where);
		t = target_new(sc, HKSM_T_ITEM, key);
		t->lead = lead - sc->item;
		t->page = lead->page;
		lead->verdict = HKSM_V_LEAD;
		lead->target = t - sc->target;
		return t;
	}
	range = xa_load(&h->ranges, where.rid);
	if (!range)
		return NULL;
	if (target_is_taken(sc, range)) {
		sc->crowded = true;
		return ERR_PTR(-EAGAIN);
	}
	/* Not to disturb others by a place that cannot be meant. */
	m = hksm_meta_read(range, where.idx);
	if (hksm_meta_state(m) != HKSM_CAND || (m ^ key) & HKSM_KEY_MASK)
		return NULL;
	had = READ_ONCE(range->owner) == sc;
	if (!hksm_range_own(range, sc))
		return ERR_PTR(-EBUSY);
	/* From here on neither the word changes, nor does the slot go away. */
	m = hksm_meta_read(range, where.idx);
	err = hksm_meta_state(m) != HKSM_CAND || (m ^ key) & HKSM_KEY_MASK ?
		-ESRCH : hksm_peer_enter(sc, range->slot);
	if (err) {
		if (!had)
			hksm_range_disown(h, range);
		return err == -ESRCH ? NULL : ERR_PTR(err);
	}
	hksm_index_del(h, key, where);
	m = hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 0);
	hksm_meta_write(range, where.idx, hksm_meta_become(m, HKSM_SEEN, m));
	t = target_new(sc, HKSM_T_PEER, key);
	t->range = range;
	t->peer.idx = where.idx;
	t->peer.addr = range->base + where.idx * PAGE_SIZE;
	return t;
}

/*
 * The first candidate that can be had. NULL: there is none, or all are busy.
 * -EAGAIN: there is one for a round that has fewer other mms.
 */
static struct hksm_target *target_cand(struct hksm_scanner *sc, u64 key)
{
	struct hksm *h = sc->h;
	struct hksm_target *t = NULL;
	struct hksm_place where;
	struct hksm_dual_probe p;
	bool more, later = false;

	/* Whoever is claimed is removed, and that ends the search. */
	more = hksm_index_first(h, key, &p, &where);
	while (more && !t) {
		t = target_claim(sc, key, where);
		if (IS_ERR(t)) {
			/* Who keeps his pages busy does not keep others apart. */
			later |= t == ERR_PTR(-EAGAIN);
			t = NULL;
		}
		if (!t)
			more = hksm_index_next(h, key, &p, &where);
	}
	return !t && later ? ERR_PTR(-EAGAIN) : t;
}

/**
 * hksm_target_find() - what an item can be merged into
 * @sc: the scanner
 * @item: an item of its batch, not in the candidate table
 *
 * A target of this round, a merged page, or a candidate, which is claimed.
 *
 * Context: may sleep, but waits for no lock of a folio and for no mmap_lock.
 * Return: the target; NULL when there is none; -EAGAIN when there is one for
 * another round; -EBUSY when there is one, but not now.
 */
struct hksm_target *hksm_target_find(struct hksm_scanner *sc,
				     struct hksm_item *item)
{
	struct hksm_target *t = target_known(sc, item->key);

	if (!t)
		t = target_stable(sc, item->key);
	if (!t)
		t = target_cand(sc, item->key);
	if (!IS_ERR_OR_NULL(t))
		t->nid = hksm_nid(sc->h, page_to_pfn(item->page));
	return t;
}

/**
 * hksm_target_zero() - the zero page as a target
 * @sc: the scanner
 * @item: an item of its batch, blank when it was read
 *
 * Context: any; the batch belongs to the caller.
 * Return: the target.
 */
struct hksm_target *hksm_target_zero(struct hksm_scanner *sc,
				     struct hksm_item *item)
{
	struct hksm_target *t;
	unsigned int i;

	for (i = 0; i < sc->nr_targets; i++)
		if (sc->target[i].kind == HKSM_T_ZERO)
			return &sc->target[i];
	t = target_new(sc, HKSM_T_ZERO, item->key);
	t->page = ZERO_PAGE(item->addr);
	return t;
}

/**
 * hksm_target_exists() - is there anything a page could be merged with?
 * @sc: the scanner
 * @key: key of its content
 *
 * For pages of large folios, before one is split. Nothing is claimed.
 *
 * Context: process; hksm.sem held; takes the lock of a shard.
 */
bool hksm_target_exists(struct hksm_scanner *sc, u64 key)
{
	struct hksm *h = sc->h;
	struct hksm_place where;
	struct hksm_dual_probe p;
	bool more, found;

	if (target_known(sc, key) || hksm_stable_find(h, key))
		return true;
	more = hksm_index_first(h, key, &p, &where);
	while (more) {
		struct hksm_item *item = hksm_batch_item(sc, where);
		struct hksm_range *range = xa_load(&h->ranges, where.rid);
		u64 m = item ? item->key | HKSM_CAND :
			hksm_meta_read(range, where.idx);

		found = !((m ^ key) & HKSM_KEY_MASK);
		if (found)
			return true;
		more = hksm_index_next(h, key, &p, &where);
	}
	return false;
}
