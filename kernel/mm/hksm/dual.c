// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table that is replaced while it is used, see dual.h. To fill a larger one at
 * once would stop everybody for as long as that takes. So whatever is added goes
 * to the new one, the rest is moved there a few entries at a time, and a search
 * looks into both until the old one is empty.
 */
#include "dual.h"

/**
 * hksm_dual_init() - allocate an empty table, and no older one
 * @d: storage owned by the caller
 * @entries: wanted capacity
 * @common: see hksm_table_init()
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM, with @d left without memory.
 */
int hksm_dual_init(struct hksm_dual *d, unsigned long entries,
		   unsigned int common)
{
	memset(d, 0, sizeof(*d));
	return hksm_table_init(&d->now, entries, common);
}

/**
 * hksm_dual_fini() - free the memory of both tables
 * @d: possibly one whose init failed
 *
 * Context: may sleep; nobody uses it any more.
 */
void hksm_dual_fini(struct hksm_dual *d)
{
	hksm_table_fini(&d->now);
	hksm_table_fini(&d->old);
}

/**
 * hksm_dual_prefetch() - start loading where a key will be searched soon
 * @d: an initialised one
 * @key: the key
 * @write: an entry will be added, removed or moved
 *
 * Context: any; with what keeps the tables from being replaced.
 */
void hksm_dual_prefetch(const struct hksm_dual *d, u64 key, bool write)
{
	hksm_table_prefetch(&d->now, key, write);
	if (hksm_dual_moving(d))
		hksm_table_prefetch(&d->old, key, write);
}

/* What is moved is in the newer table before it leaves the older one. */
static u64 dual_newer(const struct hksm_dual *d, u64 key,
		      struct hksm_dual_probe *p)
{
	if (hksm_dual_moving(d))
		smp_rmb();
	p->now = true;
	return hksm_table_first(&d->now, key, &p->p);
}

/**
 * hksm_dual_first() - first entry that may belong to a key
 * @d: an initialised one
 * @key: what to look for
 * @p: filled with the position for hksm_dual_next()
 *
 * Context: as hksm_table_next().
 * Return: the body, or 0 when there is none.
 */
u64 hksm_dual_first(const struct hksm_dual *d, u64 key,
		    struct hksm_dual_probe *p)
{
	u64 body;

	if (hksm_dual_moving(d)) {
		p->now = false;
		body = hksm_table_first(&d->old, key, &p->p);
		if (body)
			return body;
	}
	return dual_newer(d, key, p);
}

/**
 * hksm_dual_next() - next entry that may belong to a key
 * @d: an initialised one
 * @key: as for hksm_dual_first()
 * @p: position, advanced
 *
 * Without the lock an entry that is moved may be seen twice.
 *
 * Context: as hksm_table_next().
 * Return: the body, or 0 when there is none left.
 */
u64 hksm_dual_next(const struct hksm_dual *d, u64 key,
		   struct hksm_dual_probe *p)
{
	u64 body;

	if (p->now)
		return hksm_table_next(&d->now, key, &p->p);
	body = hksm_table_next(&d->old, key, &p->p);
	return body ? body : dual_newer(d, key, p);
}

/**
 * hksm_dual_remove() - remove an entry
 * @d: an initialised one
 * @key: as inserted
 * @body: as inserted
 *
 * In the order in which it is moved, or it might be missed in both: whoever moves
 * it notices that it is not where it was any more.
 *
 * Context: as hksm_table_insert().
 * Return: false when there is no such entry.
 */
bool hksm_dual_remove(struct hksm_dual *d, u64 key, u64 body)
{
	return (hksm_dual_moving(d) && hksm_table_remove(&d->old, key, body)) ||
	       hksm_table_remove(&d->now, key, body);
}

/**
 * hksm_dual_replace() - change the body of an entry in place
 * @d: an initialised one
 * @key: as inserted
 * @old: body as inserted
 * @body: body to put in its place
 *
 * Context: any; with the owner's lock.
 * Return: false when there is no such entry.
 */
bool hksm_dual_replace(struct hksm_dual *d, u64 key, u64 old, u64 body)
{
	return hksm_table_replace(&d->now, key, old, body) ||
	       (hksm_dual_moving(d) &&
		hksm_table_replace(&d->old, key, old, body));
}

/**
 * hksm_dual_walk() - visit every entry of both tables
 * @d: an initialised one
 * @pos: position, 0 at the start, advanced
 *
 * Context: as hksm_table_walk().
 * Return: the next body, or 0 at the end.
 */
u64 hksm_dual_walk(const struct hksm_dual *d, unsigned long *pos)
{
	unsigned long old = hksm_table_capacity(&d->old), in_now;
	u64 body = 0;

	if (*pos < old)
		body = hksm_table_walk(&d->old, pos);
	if (!body) {
		in_now = *pos - old;
		body = hksm_table_walk(&d->now, &in_now);
		*pos = old + in_now;
	}
	return body;
}

/**
 * hksm_dual_begin() - add entries to another table from now on
 * @d: one without an older table
 * @now: an empty table; without memory on return
 *
 * Context: any; with the owner's lock, and nobody looks.
 */
void hksm_dual_begin(struct hksm_dual *d, struct hksm_table *now)
{
	d->old = d->now;
	d->now = *now;
	d->pos = 0;
	memset(now, 0, sizeof(*now));
}

/**
 * hksm_dual_end() - take the older table away, and what is still in it
 * @d: an initialised one
 * @old: filled with the table, for the caller to free
 *
 * Context: any; with the owner's lock, and nobody looks.
 */
void hksm_dual_end(struct hksm_dual *d, struct hksm_table *old)
{
	*old = d->old;
	memset(&d->old, 0, sizeof(d->old));
}

/**
 * hksm_dual_move() - move an entry from the older table to the newer one
 * @d: one with an older table
 * @key: as inserted
 * @body: as inserted
 *
 * Context: as hksm_table_insert().
 * Return: 1, 0 when the older one does not have it, or -ENOSPC, with the entry
 * where it was.
 */
int hksm_dual_move(struct hksm_dual *d, u64 key, u64 body)
{
	if (!hksm_table_has(&d->old, key, body))
		return 0;
	if (!hksm_table_insert(&d->now, key, body))
		return -ENOSPC;
	/* Who looks meanwhile finds it in one of them: dual_newer(). */
	smp_wmb();
	if (hksm_table_remove(&d->old, key, body))
		return 1;
	/* Somebody has removed it since, or moved it. */
	hksm_table_remove(&d->now, key, body);
	return 0;
}

/**
 * hksm_dual_drain() - move some of the entries, in the order of the older table
 * @d: one with an older table
 * @places: how many places of it may be looked at
 * @key_of: the key that a body was inserted with
 *
 * It begins anew after the end, for what has found no room.
 *
 * Context: any; with the owner's lock.
 * Return: 0, or -ENOSPC when an entry found no room and stays where it is.
 */
int hksm_dual_drain(struct hksm_dual *d, unsigned int places,
		    u64 (*key_of)(u64 body))
{
	unsigned long cap = hksm_table_capacity(&d->old);
	int err = 0;
	u64 body;

	while (places-- && d->pos < cap) {
		body = hksm_table_at(&d->old, d->pos);
		/* A later entry may be in the place of one that has moved. */
		if (body && hksm_dual_move(d, key_of(body), body) > 0)
			continue;
		if (body)
			err = -ENOSPC;
		d->pos++;
	}
	if (d->pos >= cap)
		d->pos = 0;
	return err;
}
