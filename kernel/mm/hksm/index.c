// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two tables that are looked up by content, as far as both are alike: the
 * candidates, which only the words know besides, and the merged pages, whose
 * entries stable.c makes. This file owns hksm.cand_lock, and gives both tables
 * the size they should have.
 */
#include "index.h"
#include "policy.h"
#include "range.h"
#include "stable.h"

/**
 * hksm_index_prefetch() - start loading what a key will be looked up in
 * @h: the engine
 * @key: key that will be searched soon
 *
 * Context: any.
 */
void hksm_index_prefetch(struct hksm *h, u64 key)
{
	hksm_table_prefetch(&h->stable, key);
	hksm_table_prefetch(&h->cand.table, key);
}

/**
 * hksm_index_first() - first candidate that may have a key
 * @h: the engine
 * @key: key of the content
 * @p: position for hksm_index_next()
 * @where: filled with the page
 *
 * Context: process; takes hksm.cand_lock.
 * Return: false when there is none.
 */
bool hksm_index_first(struct hksm *h, u64 key, struct hksm_probe *p,
		      struct hksm_place *where)
{
	bool any;

	spin_lock(&h->cand_lock);
	any = hksm_cand_first(&h->cand, key, p, where);
	spin_unlock(&h->cand_lock);
	return any;
}

/**
 * hksm_index_next() - next candidate that may have a key
 * @h: the engine
 * @key: key of the content
 * @p: position; nothing was added or removed since hksm_index_first()
 * @where: filled with the page
 *
 * Context: process; takes hksm.cand_lock.
 * Return: false when there is none left.
 */
bool hksm_index_next(struct hksm *h, u64 key, struct hksm_probe *p,
		     struct hksm_place *where)
{
	bool any;

	spin_lock(&h->cand_lock);
	any = hksm_cand_next(&h->cand, key, p, where);
	spin_unlock(&h->cand_lock);
	return any;
}

/**
 * hksm_index_add() - put a page into the candidate table
 * @h: the engine
 * @key: key of its content
 * @where: the page
 *
 * Context: process; takes hksm.cand_lock.
 * Return: false when the table has no room for it.
 */
bool hksm_index_add(struct hksm *h, u64 key, struct hksm_place where)
{
	bool ok;

	spin_lock(&h->cand_lock);
	ok = hksm_cand_insert(&h->cand, key, where);
	spin_unlock(&h->cand_lock);
	return ok;
}

/**
 * hksm_index_del() - take a page out of the candidate table
 * @h: the engine
 * @key: its key, or its meta word
 * @where: the page
 *
 * Context: process; takes hksm.cand_lock.
 */
void hksm_index_del(struct hksm *h, u64 key, struct hksm_place where)
{
	spin_lock(&h->cand_lock);
	hksm_cand_remove(&h->cand, key, where);
	spin_unlock(&h->cand_lock);
}

static void index_install(struct hksm *h, struct hksm_cand *cand)
{
	spin_lock(&h->cand_lock);
	cand->dropped += h->cand.dropped;
	swap(h->cand, *cand);
	spin_unlock(&h->cand_lock);
	hksm_cand_fini(cand);
}

/*
 * The candidates of a chunk, in two turns: the new table is larger than the
 * caches, and the second finds what the first has had fetched.
 */
static void index_fill_chunk(struct hksm_cand *cand, struct hksm_range *range,
			     unsigned int from)
{
	const u64 *word = hksm_meta_ptr(range, from);
	unsigned int i;

	if (!word)
		return;
	for (i = 0; i < HKSM_CHUNK_PAGES; i++)
		if (hksm_meta_state(word[i]) == HKSM_CAND)
			hksm_table_prefetch(&cand->table, word[i]);
	for (i = 0; i < HKSM_CHUNK_PAGES; i++) {
		u64 m = word[i];

		if (hksm_meta_state(m) != HKSM_CAND ||
		    hksm_cand_insert(cand, m, hksm_place(range, from + i)))
			continue;
		/* It is in no table: let it be looked at soon. */
		m = hksm_policy_again(hksm_meta_become(m, HKSM_SEEN, m));
		hksm_meta_write(range, from + i, m);
	}
}

static void index_fill(struct hksm *h, struct hksm_cand *cand)
{
	struct hksm_range *range;
	unsigned long id;
	unsigned int idx;

	xa_for_each(&h->ranges, id, range) {
		for (idx = 0; idx < HKSM_RANGE_PAGES; idx += HKSM_CHUNK_PAGES)
			index_fill_chunk(cand, range, idx);
		hksm_range_flush(h, range);
		cond_resched();
	}
}

/**
 * hksm_index_fill() - make a candidate table from the meta words
 * @h: the engine
 * @entries: its capacity
 *
 * The words hold enough of the keys, so they are read in their own order and
 * only the new table is written at random.
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: false without memory, with nothing changed.
 */
bool hksm_index_fill(struct hksm *h, unsigned long entries)
{
	struct hksm_cand cand;

	lockdep_assert_held_write(&h->sem);
	if (hksm_cand_init(&cand, entries))
		return false;
	index_fill(h, &cand);
	index_install(h, &cand);
	return true;
}

/**
 * hksm_index_reset() - forget all candidates at once
 * @h: the engine, about to forget the meta words, too, or to call
 *	hksm_index_restore()
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: false without memory, with nothing changed.
 */
bool hksm_index_reset(struct hksm *h)
{
	struct hksm_cand cand;

	lockdep_assert_held_write(&h->sem);
	if (hksm_cand_init(&cand, 0))
		return false;
	index_install(h, &cand);
	return true;
}

/**
 * hksm_index_restore() - undo hksm_index_reset()
 * @h: the engine
 * @entries: capacity the table had
 *
 * Without memory for that the table stays as small as it is, and the words of
 * the candidates that it has no room for say so.
 *
 * Context: may sleep; hksm.sem held for writing.
 */
void hksm_index_restore(struct hksm *h, unsigned long entries)
{
	if (!hksm_index_fill(h, entries))
		index_fill(h, &h->cand);
}

/* Is the table of merged pages much larger than what is in it? */
static bool index_stable_loose(struct hksm *h)
{
	unsigned long cap = hksm_table_capacity(&h->stable);

	return cap > HKSM_TABLE_ENTRIES && h->stable.used < cap / 8;
}

static bool index_stable_wanted(struct hksm *h, bool idle)
{
	return hksm_table_tight(&h->stable) || (idle && index_stable_loose(h));
}

/* Return: false without memory. */
static bool index_stable_resize(struct hksm *h)
{
	unsigned long cap = hksm_table_capacity(&h->stable);
	struct hksm_table t;
	unsigned long pos = 0;
	u64 body;

	if (h->stable.used > cap / 2)
		cap += cap / 2;
	else if (index_stable_loose(h))
		cap = 2 * h->stable.used;
	if (hksm_table_init(&t, max(cap, HKSM_TABLE_ENTRIES)))
		return false;
	while ((body = hksm_table_walk(&h->stable, &pos))) {
		if (!hksm_table_insert(&t, hksm_stable_key(body), body)) {
			/* Never seen; the old table still works. */
			hksm_table_fini(&t);
			return false;
		}
		cond_resched();
	}
	spin_lock(&h->stable_lock);
	swap(h->stable, t);
	spin_unlock(&h->stable_lock);
	hksm_table_fini(&t);
	return true;
}

/**
 * hksm_index_tight() - does a table want to be larger before long?
 * @h: the engine
 *
 * Context: any; a hint.
 */
bool hksm_index_tight(struct hksm *h)
{
	return hksm_table_tight(&h->cand.table) || hksm_table_tight(&h->stable);
}

/**
 * hksm_index_wanted() - is there anything for hksm_index_resize() to do?
 * @h: the engine
 * @idle: between two passes
 *
 * Context: any; a hint.
 */
bool hksm_index_wanted(struct hksm *h, bool idle)
{
	return hksm_cand_wanted(&h->cand, idle) || index_stable_wanted(h, idle);
}

/**
 * hksm_index_resize() - give both tables the size they should have
 * @h: the engine
 * @idle: between two passes
 *
 * Without memory a table stays as it is, and pages it cannot take are found
 * one pass later.
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: false without memory.
 */
bool hksm_index_resize(struct hksm *h, bool idle)
{
	unsigned long want = hksm_cand_wanted(&h->cand, idle);
	bool ok = !want || hksm_index_fill(h, want);

	lockdep_assert_held_write(&h->sem);
	if (index_stable_wanted(h, idle) && !index_stable_resize(h))
		ok = false;
	return ok;
}
