// SPDX-License-Identifier: GPL-2.0-only
/*
 * Candidate table, see cand.h: packing of entries and when to change size.
 * Who changes the size has to fill the new table from the meta words, which
 * hold enough of the key; see resize.c.
 */
#include "cand.h"

#define CAND_MIN_ENTRIES	64UL

static u64 cand_pack(struct hksm_place where)
{
	return (u64)where.idx << HKSM_RID_BITS | where.rid;
}

static bool cand_unpack(u64 body, struct hksm_place *where)
{
	where->rid = (u32)body;
	where->idx = body >> HKSM_RID_BITS;
	return body;
}

/**
 * hksm_cand_init() - allocate an empty candidate table
 * @c: storage owned by the caller
 * @entries: wanted capacity
 * @common: see hksm_table_init()
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int hksm_cand_init(struct hksm_cand *c, unsigned long entries,
		   unsigned int common)
{
	atomic_long_set(&c->dropped, 0);
	return hksm_dual_init(&c->table, max(entries, CAND_MIN_ENTRIES),
			      common);
}

/**
 * hksm_cand_fini() - free the memory of a candidate table
 * @c: the table
 *
 * Context: may sleep; nobody uses the table any more.
 */
void hksm_cand_fini(struct hksm_cand *c)
{
	hksm_dual_fini(&c->table);
}

/**
 * hksm_cand_insert() - remember a page
 * @c: the table
 * @key: key of its content
 * @where: the page; must not be in the table
 *
 * Context: as hksm_table_insert().
 * Return: false when there is no room near the key.
 */
bool hksm_cand_insert(struct hksm_cand *c, u64 key, struct hksm_place where)
{
	if (hksm_table_insert(&c->table.now, key, cand_pack(where)))
		return true;
	atomic_long_inc(&c->dropped);
	return false;
}

/**
 * hksm_cand_remove() - forget a page
 * @c: the table
 * @key: key it was inserted with
 * @where: the page
 *
 * Context: as hksm_table_insert().
 * Return: false when it was not there.
 */
bool hksm_cand_remove(struct hksm_cand *c, u64 key, struct hksm_place where)
{
	return hksm_dual_remove(&c->table, key, cand_pack(where));
}

/**
 * hksm_cand_move() - have a page in the newer table, when it is in the older one
 * @c: one with an older table
 * @key: key it was inserted with
 * @where: the page
 *
 * Context: as hksm_table_insert().
 * Return: false when there is no room near the key, and it stays where it is.
 */
bool hksm_cand_move(struct hksm_cand *c, u64 key, struct hksm_place where)
{
	return hksm_dual_move(&c->table, key, cand_pack(where)) >= 0;
}

/**
 * hksm_cand_first() - first page that may have a key
 * @c: the table
 * @key: key looked for
 * @p: position for hksm_cand_next()
 * @where: filled with the page
 *
 * Context: as hksm_table_next().
 * Return: false when there is none.
 */
bool hksm_cand_first(const struct hksm_cand *c, u64 key,
		     struct hksm_dual_probe *p, struct hksm_place *where)
{
	return cand_unpack(hksm_dual_first(&c->table, key, p), where);
}

/**
 * hksm_cand_next() - next page that may have a key
 * @c: the table
 * @key: key looked for
 * @p: position
 * @where: filled with the page
 *
 * Context: as hksm_table_next().
 * Return: false when there is none left.
 */
bool hksm_cand_next(const struct hksm_cand *c, u64 key,
		    struct hksm_dual_probe *p, struct hksm_place *where)
{
	return cand_unpack(hksm_dual_next(&c->table, key, p), where);
}

static unsigned long cand_larger(const struct hksm_cand *c,
				 unsigned long expect)
{
	unsigned long cap = hksm_table_capacity(&c->table.now);

	/* Mostly tombstones: clean, do not grow. */
	if (hksm_dual_used(&c->table) < cap - cap / 4)
		return cap;
	return clamp(expect + expect / 5, cap + cap / 5 * 2, 3 * cap);
}

/**
 * hksm_cand_joins() - should the table be enlarged because others are?
 * @c: the table
 * @expect: see hksm_cand_wanted()
 *
 * Tables that share what is in them by chance get full one soon after the other,
 * and to fill one takes a walk over all words.
 *
 * Context: any; without the lock it is a hint.
 * Return: the capacity it should have then, or 0 to leave it as it is.
 */
unsigned long hksm_cand_joins(const struct hksm_cand *c, unsigned long expect)
{
	unsigned long cap = hksm_table_capacity(&c->table.now);

	if (hksm_table_load(&c->table.now) +
	    hksm_table_used(&c->table.old) < cap - cap / 4)
		return 0;
	return cand_larger(c, expect);
}

/**
 * hksm_cand_wanted() - capacity the table should have now
 * @c: the table
 * @idle: between two passes, when shrinking costs nobody time
 * @expect: entries it may get in this pass at most, or 0 when that is not known
 *
 * It grows by 2/5 so that a full table never takes more than 13 bytes for
 * each page in it, at the price of 2.5 moves of an entry during its life. Where
 * more is expected it grows to three times its size, and an entry is moved half
 * a time; if that was wrong, it shrinks after the pass.
 *
 * Context: any; without the lock it is a hint.
 * Return: the capacity, or 0 to leave it as it is.
 */
unsigned long hksm_cand_wanted(const struct hksm_cand *c, bool idle,
			       unsigned long expect)
{
	unsigned long cap = hksm_table_capacity(&c->table.now);
	unsigned long used = hksm_dual_used(&c->table);
	unsigned long want;

	if (hksm_table_tight(&c->table.now))
		return cand_larger(c, expect);
	if (!idle || used >= cap / 2 + cap / 16)
		return 0;
	want = max(used + used / 4, CAND_MIN_ENTRIES);
	return want < cap - cap / 4 ? want : 0;
}
