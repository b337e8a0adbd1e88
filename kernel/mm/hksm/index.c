// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is looked up by content, as far as both kinds of it are alike: the
 * candidates, which only the words know besides, and the merged pages, whose
 * entries stable.c makes. This file owns the locks of the candidates' shards,
 * and gives all tables the size they should have.
 */
#include "index.h"
#include "policy.h"
#include "range.h"
#include "stable.h"

/* Who makes tables anew has hksm.sem for writing. */
static struct hksm_cand index_new[HKSM_SHARDS];

static struct hksm_cand_shard *index_shard(struct hksm *h, u64 key)
{
	return &h->cand[hksm_shard(key)];
}

/**
 * hksm_index_prefetch() - start loading what a key will be looked up in
 * @h: the engine
 * @key: key that will be searched soon
 *
 * Context: hksm.sem held.
 */
void hksm_index_prefetch(struct hksm *h, u64 key)
{
	hksm_table_prefetch(&h->stable[hksm_shard(key)].table, key);
	hksm_table_prefetch(&index_shard(h, key)->cand.table, key);
}

/**
 * hksm_index_first() - first candidate that may have a key
 * @h: the engine
 * @key: key of the content
 * @p: position for hksm_index_next()
 * @where: filled with the page
 *
 * Other scanners may add and remove others meanwhile, so one may be missed.
 *
 * Context: hksm.sem held.
 * Return: false when there is none.
 */
bool hksm_index_first(struct hksm *h, u64 key, struct hksm_probe *p,
		      struct hksm_place *where)
{
	return hksm_cand_first(&index_shard(h, key)->cand, key, p, where);
}

/**
 * hksm_index_next() - next candidate that may have a key
 * @h: the engine
 * @key: key of the content
 * @p: position
 * @where: filled with the page
 *
 * Context: hksm.sem held.
 * Return: false when there is none left.
 */
bool hksm_index_next(struct hksm *h, u64 key, struct hksm_probe *p,
		     struct hksm_place *where)
{
	return hksm_cand_next(&index_shard(h, key)->cand, key, p, where);
}

/**
 * hksm_index_add() - put a page into the candidate table
 * @h: the engine
 * @key: key of its content
 * @where: the page
 *
 * Context: process; hksm.sem held; takes the lock of a shard.
 * Return: false when the table has no room for it.
 */
bool hksm_index_add(struct hksm *h, u64 key, struct hksm_place where)
{
	struct hksm_cand_shard *s = index_shard(h, key);
	bool ok;

	spin_lock(&s->lock);
	ok = hksm_cand_insert(&s->cand, key, where);
	if (unlikely(hksm_table_tight(&s->cand.table)))
		WRITE_ONCE(h->tight, true);
	spin_unlock(&s->lock);
	return ok;
}

/**
 * hksm_index_del() - take a page out of the candidate table
 * @h: the engine
 * @key: its key, or its meta word
 * @where: the page
 *
 * Context: process; hksm.sem held; takes the lock of a shard.
 */
void hksm_index_del(struct hksm *h, u64 key, struct hksm_place where)
{
	struct hksm_cand_shard *s = index_shard(h, key);

	spin_lock(&s->lock);
	hksm_cand_remove(&s->cand, key, where);
	spin_unlock(&s->lock);
}

/**
 * hksm_index_dropped() - how often a candidate found no room
 * @h: the engine
 *
 * Context: any.
 */
unsigned long hksm_index_dropped(struct hksm *h)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		n += READ_ONCE(h->cand[i].cand.dropped);
	return n;
}

/**
 * hksm_index_capacity() - room for candidates
 * @h: the engine
 *
 * Context: any.
 */
unsigned long hksm_index_capacity(struct hksm *h)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		n += hksm_table_capacity(&h->cand[i].cand.table);
	return n;
}

/**
 * hksm_index_bytes() - memory of all tables
 * @h: the engine
 *
 * Context: any.
 */
unsigned long hksm_index_bytes(struct hksm *h)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		n += hksm_table_bytes(&h->cand[i].cand.table) +
		     hksm_table_bytes(&h->stable[i].table);
	return n;
}

static void index_fini_new(void)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		hksm_cand_fini(&index_new[i]);
}

/*
 * Tables of a capacity each, none where it is 0. Return: false without memory,
 * with none left.
 */
static bool index_init_new(const unsigned long *entries)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		if (!entries[i] || !hksm_cand_init(&index_new[i], entries[i],
						   HKSM_SHARD_BITS))
			continue;
		index_fini_new();
		return false;
	}
	return true;
}

static void index_install_new(struct hksm *h)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		struct hksm_cand *cand = &h->cand[i].cand;

		if (!index_new[i].table.slot)
			continue;
		index_new[i].dropped += cand->dropped;
		swap(*cand, index_new[i]);
	}
	index_fini_new();
}

/*
 * The candidates of a chunk, in two turns: new tables are larger than the
 * caches, and the second finds what the first has had fetched.
 */
static void index_fill_chunk(struct hksm_cand **cand, struct hksm_range *range,
			     unsigned int from)
{
	const u64 *word = hksm_meta_ptr(range, from);
	struct hksm_cand *c;
	unsigned int i;

	if (!word)
		return;
	for (i = 0; i < HKSM_CHUNK_PAGES; i++) {
		c = cand[hksm_shard(word[i])];
		if (c && hksm_meta_state(word[i]) == HKSM_CAND)
			hksm_table_prefetch(&c->table, word[i]);
	}
	for (i = 0; i < HKSM_CHUNK_PAGES; i++) {
		u64 m = word[i];

		c = cand[hksm_shard(m)];
		if (!c || hksm_meta_state(m) != HKSM_CAND ||
		    hksm_cand_insert(c, m, hksm_place(range, from + i)))
			continue;
		/* It is in no table: let it be looked at soon. */
		m = hksm_policy_again(hksm_meta_become(m, HKSM_SEEN, m));
		hksm_meta_write(range, from + i, m);
	}
}

/* Enter the candidates into the tables that are given. */
static void index_fill(struct hksm *h, struct hksm_cand **cand)
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

/*
 * Tables of a capacity each, in place of those that are there; 0: leave one as it
 * is. The words hold enough of the keys, so they are read in their own order and
 * only the new tables are written at random. Return: false without memory, with
 * nothing changed.
 */
static bool index_remake(struct hksm *h, const unsigned long *entries)
{
	struct hksm_cand *cand[HKSM_SHARDS];
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	if (!index_init_new(entries))
		return false;
	for (i = 0; i < HKSM_SHARDS; i++)
		cand[i] = entries[i] ? &index_new[i] : NULL;
	index_fill(h, cand);
	index_install_new(h);
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
	unsigned long entries[HKSM_SHARDS];
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	for (i = 0; i < HKSM_SHARDS; i++)
		entries[i] = 1;
	if (!index_init_new(entries))
		return false;
	index_install_new(h);
	return true;
}

/**
 * hksm_index_restore() - undo hksm_index_reset()
 * @h: the engine
 * @entries: capacity there was
 *
 * Without memory for that the tables stay as small as they are, and the words of
 * the candidates that there is no room for say so.
 *
 * Context: may sleep; hksm.sem held for writing.
 */
void hksm_index_restore(struct hksm *h, unsigned long entries)
{
	unsigned long each[HKSM_SHARDS];
	struct hksm_cand *cand[HKSM_SHARDS];
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		each[i] = DIV_ROUND_UP(entries, HKSM_SHARDS);
		cand[i] = &h->cand[i].cand;
	}
	if (!index_remake(h, each))
		index_fill(h, cand);
}

/* Return: false without memory. */
static bool index_cand_resize(struct hksm *h, bool idle)
{
	unsigned long entries[HKSM_SHARDS];
	bool any = false;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		entries[i] = hksm_cand_wanted(&h->cand[i].cand, idle);
		any |= entries[i];
	}
	if (!any)
		return true;
	for (i = 0; i < HKSM_SHARDS; i++)
		if (!entries[i])
			entries[i] = hksm_cand_joins(&h->cand[i].cand);
	return index_remake(h, entries);
}

/* Is a table of merged pages much larger than what is in it? */
static bool index_stable_loose(const struct hksm_table *t)
{
	unsigned long cap = hksm_table_capacity(t);

	return cap > HKSM_TABLE_ENTRIES && t->used < cap / 8;
}

static bool index_stable_wanted(const struct hksm_table *t, bool idle)
{
	return hksm_table_tight(t) || (idle && index_stable_loose(t));
}

/* Return: false without memory. */
static bool index_stable_resize(struct hksm_table *old)
{
	unsigned long cap = hksm_table_capacity(old);
	struct hksm_table t;
	unsigned long pos = 0;
	u64 body;

	if (old->used > cap / 2)
		cap += cap / 2;
	else if (index_stable_loose(old))
		cap = 2 * old->used;
	if (hksm_table_init(&t, max(cap, HKSM_TABLE_ENTRIES), HKSM_SHARD_BITS))
		return false;
	while ((body = hksm_table_walk(old, &pos))) {
		if (!hksm_table_insert(&t, hksm_stable_key(body), body)) {
			/* Never seen; the old table still works. */
			hksm_table_fini(&t);
			return false;
		}
		cond_resched();
	}
	swap(*old, t);
	hksm_table_fini(&t);
	return true;
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
	unsigned int i;

	if (!idle)
		return READ_ONCE(h->tight);
	for (i = 0; i < HKSM_SHARDS; i++)
		if (hksm_cand_wanted(&h->cand[i].cand, true) ||
		    index_stable_wanted(&h->stable[i].table, true))
			return true;
	return false;
}

/**
 * hksm_index_resize() - give all tables the size they should have
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
	bool ok = index_cand_resize(h, idle);
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	WRITE_ONCE(h->tight, false);
	for (i = 0; i < HKSM_SHARDS; i++) {
		struct hksm_table *t = &h->stable[i].table;

		if (index_stable_wanted(t, idle) && !index_stable_resize(t))
			ok = false;
	}
	return ok;
}

/**
 * hksm_index_fini() - free all tables
 * @h: the engine, which nobody uses any more
 *
 * Context: may sleep.
 */
void hksm_index_fini(struct hksm *h)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		hksm_cand_fini(&h->cand[i].cand);
		hksm_table_fini(&h->stable[i].table);
	}
}

/**
 * hksm_index_init() - make empty tables
 * @h: the engine, zeroed
 *
 * Context: may sleep; once.
 * Return: 0, or -ENOMEM with nothing left behind.
 */
int hksm_index_init(struct hksm *h)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HKSM_SHARDS && !err; i++) {
		spin_lock_init(&h->cand[i].lock);
		spin_lock_init(&h->stable[i].lock);
		err = hksm_cand_init(&h->cand[i].cand, HKSM_TABLE_ENTRIES,
				     HKSM_SHARD_BITS);
		if (!err)
			err = hksm_table_init(&h->stable[i].table,
					      HKSM_TABLE_ENTRIES,
					      HKSM_SHARD_BITS);
	}
	if (err)
		hksm_index_fini(h);
	return err;
}
