// SPDX-License-Identifier: GPL-2.0-only
/*
 * The size of the tables. While ksmd scans, a table that is full gets a newer one,
 * to which it is emptied bit by bit (dual.h), so that nobody waits for that. Who
 * has the engine to himself anyway, or has no use for what is in a table, makes it
 * anew at once.
 *
 * Entries do not have the whole of their keys. Those of merged pages are in their
 * nodes, those of candidates in the words, which are read in their own order: only
 * the tables are read and written at random.
 */
#include <linux/mutex.h>

#include "hold.h"
#include "index.h"
#include "policy.h"
#include "range.h"
#include "resize.h"
#include "stable.h"

/* Words, or places of a table, that are gone over under one hold of hksm.sem. */
#define MOVE_RANGES	32
#define MOVE_PLACES	64
/* How often what could not be moved is tried again. */
#define MOVE_SWEEPS	4

/* Tables to be put in place, and then what they have replaced. */
struct resize_pair {
	struct hksm_table cand;
	struct hksm_table stable;
};

/* Who makes tables while others use the engine. Outside of hksm.sem. */
static DEFINE_MUTEX(resize_lock);
static struct resize_pair resize_next[HKSM_SHARDS];	/* resize_lock */

/* Who makes them anew has hksm.sem for writing. */
static struct hksm_cand resize_new[HKSM_SHARDS];

static void resize_fini_new(void)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		hksm_cand_fini(&resize_new[i]);
}

/*
 * Tables of a capacity each, none where it is 0. Return: false without memory,
 * with none left.
 */
static bool resize_init_new(const unsigned long *entries)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		if (!entries[i] || !hksm_cand_init(&resize_new[i], entries[i],
						   HKSM_SHARD_BITS))
			continue;
		resize_fini_new();
		return false;
	}
	return true;
}

static void resize_install_new(struct hksm *h)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		struct hksm_cand *cand = &h->cand[i].cand;

		if (!resize_new[i].table.now.slot)
			continue;
		atomic_long_add(atomic_long_read(&cand->dropped),
				&resize_new[i].dropped);
		swap(*cand, resize_new[i]);
	}
	resize_fini_new();
}

/* There is no room for it in a table: let it be looked at soon. */
static void resize_drop(struct hksm_range *range, unsigned int idx, u64 m)
{
	m = hksm_meta_become(m, HKSM_SEEN, m);
	hksm_meta_write(range, idx, hksm_policy_again(m));
}

/*
 * The candidates of a chunk, in two turns: new tables are larger than the
 * caches, and the second finds what the first has had fetched.
 */
static void resize_fill_chunk(struct hksm_cand **cand, struct hksm_range *range,
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
			hksm_table_prefetch(&c->table.now, word[i], true);
	}
	for (i = 0; i < HKSM_CHUNK_PAGES; i++) {
		u64 m = word[i];

		c = cand[hksm_shard(m)];
		if (c && hksm_meta_state(m) == HKSM_CAND &&
		    !hksm_cand_insert(c, m, hksm_place(range, from + i)))
			resize_drop(range, from + i, m);
	}
}

/* Enter the candidates into the tables that are given. */
static void resize_fill(struct hksm *h, struct hksm_cand **cand)
{
	struct hksm_range *range;
	unsigned long id;
	unsigned int idx;

	xa_for_each(&h->ranges, id, range) {
		for (idx = 0; idx < HKSM_RANGE_PAGES; idx += HKSM_CHUNK_PAGES)
			resize_fill_chunk(cand, range, idx);
		hksm_range_flush(h, range);
		cond_resched();
	}
}

/*
 * Tables of a capacity each, in place of those that are there; 0: leave one as it
 * is. Return: false without memory, with nothing changed.
 */
static bool resize_remake(struct hksm *h, const unsigned long *entries)
{
	struct hksm_cand *cand[HKSM_SHARDS];
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	if (!resize_init_new(entries))
		return false;
	for (i = 0; i < HKSM_SHARDS; i++)
		cand[i] = entries[i] ? &resize_new[i] : NULL;
	resize_fill(h, cand);
	resize_install_new(h);
	return true;
}

/**
 * hksm_resize_reset() - forget all candidates at once
 * @h: the engine, about to forget the meta words, too, or to call
 *	hksm_resize_restore()
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: false without memory, with nothing changed.
 */
bool hksm_resize_reset(struct hksm *h)
{
	unsigned long entries[HKSM_SHARDS];
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	for (i = 0; i < HKSM_SHARDS; i++)
		entries[i] = 1;
	if (!resize_init_new(entries))
		return false;
	resize_install_new(h);
	return true;
}

/**
 * hksm_resize_restore() - undo hksm_resize_reset()
 * @h: the engine
 * @entries: capacity there was
 *
 * Without memory for that the tables stay as small as they are, and the words of
 * the candidates that there is no room for say so.
 *
 * Context: may sleep; hksm.sem held for writing.
 */
void hksm_resize_restore(struct hksm *h, unsigned long entries)
{
	unsigned long each[HKSM_SHARDS];
	struct hksm_cand *cand[HKSM_SHARDS];
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		each[i] = DIV_ROUND_UP(entries, HKSM_SHARDS);
		cand[i] = &h->cand[i].cand;
	}
	if (!resize_remake(h, each))
		resize_fill(h, cand);
}

/*
 * Pages of a shard that this pass may come upon. Where metadata are limited tables
 * grow in steps for which there is most often room.
 */
static unsigned long resize_expect(struct hksm *h)
{
	if (READ_ONCE(h->max_metadata))
		return 0;
	return READ_ONCE(h->pass_pages) / HKSM_SHARDS;
}

/*
 * The capacities that tables of candidates should have, 0 where one stays as it is.
 * Return: whether there are any.
 */
static bool resize_cand_wanted(struct hksm *h, bool idle,
			       unsigned long *entries)
{
	unsigned long expect = resize_expect(h);
	bool any = false;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		entries[i] = hksm_cand_wanted(&h->cand[i].cand, idle, expect);
		any |= entries[i];
	}
	for (i = 0; any && i < HKSM_SHARDS; i++)
		if (!entries[i])
			entries[i] = hksm_cand_joins(&h->cand[i].cand, expect);
	return any;
}

/*
 * The capacity that a table of merged pages should have, or 0. To grow in small
 * steps keeps it small, and in large ones quick: at most every second page has a
 * content of its own that others share.
 */
static unsigned long resize_stable_wanted(struct hksm *h,
					  const struct hksm_dual *d, bool idle)
{
	unsigned long expect = resize_expect(h) / 2;
	unsigned long cap = hksm_table_capacity(&d->now);
	unsigned long used;

	if (!idle && !hksm_table_tight(&d->now))
		return 0;
	used = hksm_dual_used(d);
	if (idle && cap > HKSM_TABLE_ENTRIES && used < cap * 3 / 8)
		return max(used + used / 2, HKSM_TABLE_ENTRIES);
	if (!hksm_table_tight(&d->now))
		return 0;
	/* Mostly tombstones: clean, do not grow. */
	if (used <= cap / 2)
		return cap;
	return clamp(expect + expect / 5, cap + cap / 2, 3 * cap);
}

/* All entries into one table at once. Return: false without memory. */
static bool resize_stable(struct hksm_dual *d, unsigned long entries)
{
	struct hksm_dual new;
	unsigned long pos = 0;
	u64 body;

	if (hksm_dual_init(&new, entries, HKSM_SHARD_BITS))
		return false;
	while ((body = hksm_dual_walk(d, &pos))) {
		if (!hksm_table_insert(&new.now, hksm_stable_key(body), body)) {
			/* Never seen; what there is still works. */
			hksm_dual_fini(&new);
			return false;
		}
		cond_resched();
	}
	swap(*d, new);
	hksm_dual_fini(&new);
	return true;
}

/**
 * hksm_resize_wanted() - should tables have another size?
 * @h: the engine
 * @idle: between two passes
 *
 * Context: any; a hint.
 */
bool hksm_resize_wanted(struct hksm *h, bool idle)
{
	unsigned int i;

	if (!idle)
		return READ_ONCE(h->tight);
	for (i = 0; i < HKSM_SHARDS; i++)
		if (hksm_cand_wanted(&h->cand[i].cand, true, 0) ||
		    resize_stable_wanted(h, &h->stable[i].table, true))
			return true;
	return false;
}

/**
 * hksm_resize_all() - give all tables the size they should have, at once
 * @h: the engine
 * @idle: between two passes
 *
 * Without memory a table stays as it is, and pages it cannot take are found
 * one pass later.
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: false without memory.
 */
bool hksm_resize_all(struct hksm *h, bool idle)
{
	unsigned long entries[HKSM_SHARDS];
	bool ok;
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	ok = !resize_cand_wanted(h, idle, entries) || resize_remake(h, entries);
	WRITE_ONCE(h->tight, false);
	for (i = 0; i < HKSM_SHARDS; i++) {
		struct hksm_dual *d = &h->stable[i].table;
		unsigned long want = resize_stable_wanted(h, d, idle);

		ok &= !want || resize_stable(d, want);
	}
	return ok;
}

static void resize_fini_next(void)
{
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		hksm_table_fini(&resize_next[i].cand);
		hksm_table_fini(&resize_next[i].stable);
	}
}

/* The capacities that tables should have, 0 where one stays as it is. */
static void resize_plan(struct hksm *h, bool idle, unsigned long *cand,
			unsigned long *stable)
{
	unsigned int i;

	lockdep_assert_held(&h->sem);
	if (!resize_cand_wanted(h, idle, cand))
		memset(cand, 0, HKSM_SHARDS * sizeof(*cand));
	for (i = 0; i < HKSM_SHARDS; i++)
		stable[i] = resize_stable_wanted(h, &h->stable[i].table, idle);
}

/* Return: false without memory, with none left. */
static bool resize_init_next(const unsigned long *cand,
			     const unsigned long *stable)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HKSM_SHARDS && !err; i++) {
		if (stable[i])
			err = hksm_table_init(&resize_next[i].stable, stable[i],
					      HKSM_SHARD_BITS);
		if (cand[i] && !err)
			err = hksm_table_init(&resize_next[i].cand, cand[i],
					      HKSM_SHARD_BITS);
	}
	if (err)
		resize_fini_next();
	return !err;
}

/**
 * hksm_resize_begin() - begin to give tables the size they should have
 * @h: the engine
 * @idle: between two passes
 *
 * Only to put them in place others have to wait. hksm_resize_move() does the rest.
 *
 * Context: may sleep; hksm.sem not held.
 * Return: false without memory.
 */
bool hksm_resize_begin(struct hksm *h, bool idle)
{
	unsigned long cand[HKSM_SHARDS], stable[HKSM_SHARDS];
	unsigned int i;

	guard(mutex)(&resize_lock);
	/* Somebody else was faster. */
	if (READ_ONCE(h->moving))
		return true;
	down_read(&h->sem);
	resize_plan(h, idle, cand, stable);
	up_read(&h->sem);
	/* To clear large ones takes long: nobody waits for that. */
	if (!resize_init_next(cand, stable))
		return false;
	hksm_lock_all(h);
	for (i = 0; i < HKSM_SHARDS; i++) {
		if (resize_next[i].cand.slot)
			hksm_dual_begin(&h->cand[i].cand.table,
					&resize_next[i].cand);
		if (resize_next[i].stable.slot)
			hksm_dual_begin(&h->stable[i].table,
					&resize_next[i].stable);
	}
	h->move_id = 0;
	h->move_missed = false;
	h->move_sweeps = 0;
	WRITE_ONCE(h->tight, false);
	WRITE_ONCE(h->moving, true);
	hksm_unlock_all(h, "tables");
	return true;
}

/*
 * What has found no room is left where it is, unless its word can be told. Return:
 * false when that is for later.
 */
static bool resize_lose(struct hksm *h, struct hksm_range *range,
			unsigned int idx, const void *owner)
{
	u64 m;

	if (!hksm_range_own(range, owner))
		return false;
	m = hksm_meta_read(range, idx);
	if (hksm_meta_state(m) == HKSM_CAND) {
		hksm_index_del(h, m, hksm_place(range, idx));
		if (!hksm_index_add(h, m, hksm_place(range, idx)))
			resize_drop(range, idx, m);
	}
	hksm_range_disown(h, range);
	return true;
}

/*
 * A word may change meanwhile: who changes it takes the place out of both tables,
 * so what is still in the older one belongs to the word that was read.
 */
static void resize_move_chunk(struct hksm *h, struct hksm_range *range,
			      unsigned int from, const void *owner)
{
	const u64 *word = hksm_meta_ptr(range, from);
	unsigned int i;

	if (!word)
		return;
	for (i = 0; i < HKSM_CHUNK_PAGES; i++) {
		u64 m = READ_ONCE(word[i]);

		if (hksm_meta_state(m) == HKSM_CAND)
			hksm_dual_prefetch(&h->cand[hksm_shard(m)].cand.table,
					   m, true);
	}
	for (i = 0; i < HKSM_CHUNK_PAGES; i++) {
		u64 m = READ_ONCE(word[i]);

		if (hksm_meta_state(m) != HKSM_CAND ||
		    hksm_index_move(h, m, hksm_place(range, from + i)))
			continue;
		if (!resize_lose(h, range, from + i, owner))
			h->move_missed = true;
	}
}

/* Candidates of some ranges. Return: false when all have been gone over. */
static bool resize_move_ranges(struct hksm *h, const void *owner)
{
	unsigned int n = MOVE_RANGES, idx;
	struct hksm_range *range;

	while (n--) {
		range = xa_find(&h->ranges, &h->move_id, ULONG_MAX, XA_PRESENT);
		if (!range)
			return false;
		for (idx = 0; idx < HKSM_RANGE_PAGES; idx += HKSM_CHUNK_PAGES)
			resize_move_chunk(h, range, idx, owner);
		h->move_id++;
	}
	return true;
}

/* Some merged pages of a shard. Return: false when there is no more to be done. */
static bool resize_move_nodes(struct hksm_stable_shard *s)
{
	struct hksm_dual *d = &s->table;
	int err;

	/* To ask all processors what they have counted is for once in a round. */
	if (!hksm_dual_moving(d) || (!d->pos && !hksm_table_used(&d->old)))
		return false;
	spin_lock(&s->lock);
	err = hksm_dual_drain(d, MOVE_PLACES, hksm_stable_key);
	spin_unlock(&s->lock);
	return !err;
}

/* Return: false when there is no more to be done. */
static bool resize_move_some(struct hksm *h, const void *owner)
{
	bool more = false;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++)
		more |= resize_move_nodes(&h->stable[i]);
	if (resize_move_ranges(h, owner))
		return true;
	if (h->move_missed && ++h->move_sweeps < MOVE_SWEEPS) {
		h->move_missed = false;
		h->move_id = 0;
		more = true;
	}
	return more;
}

/* Nobody looks. Return: false while there is something in the older table. */
static bool resize_end_stable(struct hksm_dual *d, struct hksm_table *old)
{
	unsigned long cap = hksm_table_capacity(&d->now);

	if (!hksm_dual_moving(d))
		return true;
	if (hksm_table_used(&d->old))
		return resize_stable(d, cap + cap / 2);
	hksm_dual_end(d, old);
	return true;
}

/*
 * Take the older tables away. Candidates that are left in one have been tried for
 * several times; they are found when their pages are looked at next.
 */
static bool resize_end(struct hksm *h)
{
	unsigned int i;
	bool ok = true;

	hksm_lock_all(h);
	for (i = 0; i < HKSM_SHARDS; i++) {
		hksm_dual_end(&h->cand[i].cand.table, &resize_next[i].cand);
		ok &= resize_end_stable(&h->stable[i].table,
					&resize_next[i].stable);
	}
	WRITE_ONCE(h->moving, !ok);
	hksm_unlock_all(h, "tables");
	resize_fini_next();
	return ok;
}

/**
 * hksm_resize_move() - move entries from older tables to newer ones
 * @h: the engine
 * @owner: whom ranges are to be owned by, for which there is need only when a
 *	table has no room
 * @all: not some, but all of them; waits for somebody else who does it
 *
 * Context: may sleep; hksm.sem not held.
 * Return: false when entries could not be moved for want of memory.
 */
bool hksm_resize_move(struct hksm *h, const void *owner, bool all)
{
	bool more, ok = true;

	if (all)
		mutex_lock(&resize_lock);
	else if (!mutex_trylock(&resize_lock))
		return true;
	do {
		down_read(&h->sem);
		/* No node may be looked at while memory goes offline. */
		more = h->moving && (h->run & HKSM_RUN_OFFLINE ||
				     resize_move_some(h, owner));
		all &= !(h->run & HKSM_RUN_OFFLINE);
		up_read(&h->sem);
		cond_resched();
	} while (more && all);
	if (!more && READ_ONCE(h->moving))
		ok = resize_end(h);
	mutex_unlock(&resize_lock);
	return ok;
}
