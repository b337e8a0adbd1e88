// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is looked up by content, as far as both kinds of it are alike: the
 * candidates, which only the words know besides, and the merged pages, whose
 * entries stable.c makes. This file has the candidates; resize.c gives the tables
 * of both the size they should have.
 */
#include "index.h"

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
	hksm_dual_prefetch(&h->stable[hksm_shard(key)].table, key, false);
	/* Most pages without a merged one become a candidate, or meet one. */
	hksm_dual_prefetch(&index_shard(h, key)->cand.table, key, true);
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
bool hksm_index_first(struct hksm *h, u64 key, struct hksm_dual_probe *p,
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
bool hksm_index_next(struct hksm *h, u64 key, struct hksm_dual_probe *p,
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
 * Context: process; hksm.sem held; locks a bucket.
 * Return: false when the table has no room for it.
 */
bool hksm_index_add(struct hksm *h, u64 key, struct hksm_place where)
{
	struct hksm_cand_shard *s = index_shard(h, key);
	bool ok = hksm_cand_insert(&s->cand, key, where);

	if (unlikely(hksm_table_tight(&s->cand.table.now)) &&
	    !READ_ONCE(h->tight))
		WRITE_ONCE(h->tight, true);
	return ok;
}

/**
 * hksm_index_del() - take a page out of the candidate table
 * @h: the engine
 * @key: its key, or its meta word
 * @where: the page
 *
 * Context: process; hksm.sem held; locks a bucket.
 */
void hksm_index_del(struct hksm *h, u64 key, struct hksm_place where)
{
	hksm_cand_remove(&index_shard(h, key)->cand, key, where);
}

/**
 * hksm_index_move() - have a candidate in the newer one of two tables
 * @h: the engine
 * @key: its meta word
 * @where: the page
 *
 * Context: process; hksm.sem held; locks a bucket.
 * Return: false when there is no room for it, and it stays where it is.
 */
bool hksm_index_move(struct hksm *h, u64 key, struct hksm_place where)
{
	struct hksm_cand_shard *s = index_shard(h, key);

	return !hksm_dual_moving(&s->cand.table) ||
	       hksm_cand_move(&s->cand, key, where);
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
		n += atomic_long_read(&h->cand[i].cand.dropped);
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
		n += hksm_table_capacity(&h->cand[i].cand.table.now);
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
		n += hksm_dual_bytes(&h->cand[i].cand.table) +
		     hksm_dual_bytes(&h->stable[i].table);
	return n;
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
		hksm_dual_fini(&h->stable[i].table);
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
		spin_lock_init(&h->stable[i].lock);
		err = hksm_cand_init(&h->cand[i].cand, HKSM_TABLE_ENTRIES,
				     HKSM_SHARD_BITS);
		if (!err)
			err = hksm_dual_init(&h->stable[i].table,
					     HKSM_TABLE_ENTRIES,
					     HKSM_SHARD_BITS);
	}
	if (err)
		hksm_index_fini(h);
	return err;
}
