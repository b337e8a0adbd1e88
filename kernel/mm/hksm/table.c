// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bucket table, see table.h. A key has one home bucket; what does not fit
 * there goes to the next bucket, and so on. A search therefore ends at the
 * first bucket that has a never-used entry, which is usually the home itself.
 * Removing an entry from a bucket without such an entry leaves a tombstone.
 */
#include "table.h"

#define EMPTY		0ULL
#define TOMBSTONE	1ULL

static u32 table_home(const struct hksm_table *t, u64 key)
{
	key = key << t->common >> 32;
	return (u32)(key * t->nr_buckets >> 32);
}

static u64 table_tag(u64 key)
{
	return (key >> HKSM_KEY_SHIFT) << HKSM_BODY_BITS;
}

static u32 table_after(const struct hksm_table *t, u32 bucket)
{
	return bucket + 1 == t->nr_buckets ? 0 : bucket + 1;
}

static u64 *table_ways(const struct hksm_table *t, u32 bucket)
{
	return t->slot + (unsigned long)bucket * HKSM_WAYS;
}

static bool table_has_empty(const u64 *way)
{
	unsigned int i;

	for (i = 0; i < HKSM_WAYS; i++)
		if (way[i] == EMPTY)
			return true;
	return false;
}

static u64 *table_find(const struct hksm_table *t, u64 key, u64 body)
{
	u32 run = min_t(u32, HKSM_RUN_MAX, t->nr_buckets);
	u32 bucket = table_home(t, key);
	u64 want = table_tag(key) | body;
	unsigned int i;

	while (run--) {
		u64 *way = table_ways(t, bucket);

		for (i = 0; i < HKSM_WAYS; i++) {
			if (way[i] == want)
				return way + i;
			if (way[i] == EMPTY)
				return NULL;
		}
		bucket = table_after(t, bucket);
	}
	return NULL;
}

/* kvmalloc() refuses what does not fit into an int: 1 TiB needs more. */
static u64 *table_alloc(unsigned long bytes)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;

	if (bytes > INT_MAX)
		return vmalloc_huge(bytes, gfp | __GFP_ZERO);
	return kvzalloc(bytes, gfp);
}

/**
 * hksm_table_init() - allocate an empty table
 * @t: storage owned by the caller
 * @entries: wanted capacity, rounded up to whole buckets
 * @common: upper bits of the keys that are the same in all of them, because
 *	they chose the table
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM, with @t left without memory.
 */
int hksm_table_init(struct hksm_table *t, unsigned long entries,
		    unsigned int common)
{
	unsigned long nr = max(DIV_ROUND_UP(entries, HKSM_WAYS), 8UL);

	memset(t, 0, sizeof(*t));
	if (nr > U32_MAX)
		return -ENOMEM;
	t->slot = table_alloc(nr * HKSM_WAYS * sizeof(u64));
	if (!t->slot)
		return -ENOMEM;
	t->nr_buckets = nr;
	t->common = common;
	return 0;
}

/**
 * hksm_table_fini() - free the memory of a table
 * @t: a table, possibly one whose init failed
 *
 * Context: may sleep; nobody uses the table any more.
 */
void hksm_table_fini(struct hksm_table *t)
{
	kvfree(t->slot);
	memset(t, 0, sizeof(*t));
}

/**
 * hksm_table_prefetch() - start loading the home bucket of a key
 * @t: an initialised table
 * @key: key that will be searched soon
 *
 * Context: any; no lock is needed, a table is replaced with the engine at rest.
 */
void hksm_table_prefetch(const struct hksm_table *t, u64 key)
{
	prefetch(table_ways(t, table_home(t, key)));
}

/**
 * hksm_table_first() - first entry that may belong to a key
 * @t: an initialised table
 * @key: what to look for
 * @p: filled with the position for hksm_table_next()
 *
 * Context: any; with the owner's lock, or as hksm_table_next() says.
 * Return: the body, or 0 when there is none.
 */
u64 hksm_table_first(const struct hksm_table *t, u64 key, struct hksm_probe *p)
{
	p->bucket = table_home(t, key);
	p->way = 0;
	p->run = min_t(u32, HKSM_RUN_MAX, t->nr_buckets);
	return hksm_table_next(t, key, p);
}

/**
 * hksm_table_next() - next entry that may belong to a key
 * @t: an initialised table
 * @key: as for hksm_table_first()
 * @p: position, advanced
 *
 * Without the lock an entry may be missed that is moved meanwhile, or seen
 * twice: good for who takes it as a hint.
 *
 * Context: any; with the owner's lock, or with what keeps the table from being
 * replaced.
 * Return: the body, or 0 when there is none left.
 */
u64 hksm_table_next(const struct hksm_table *t, u64 key, struct hksm_probe *p)
{
	u64 want = table_tag(key);

	while (p->run) {
		const u64 *way = table_ways(t, p->bucket);

		while (p->way < HKSM_WAYS) {
			u64 e = READ_ONCE(way[p->way++]);

			if (e == EMPTY) {
				p->run = 0;
				return 0;
			}
			if ((e & ~HKSM_BODY_MASK) == want && e != TOMBSTONE)
				return e & HKSM_BODY_MASK;
		}
		p->way = 0;
		p->run--;
		p->bucket = table_after(t, p->bucket);
	}
	return 0;
}

/**
 * hksm_table_insert() - add an entry
 * @t: an initialised table
 * @key: only bits HKSM_KEY_MASK count
 * @body: at least 2; a pair of key and body is added at most once
 *
 * Context: any; with the owner's lock.
 * Return: false when the neighbourhood of the key is full: the table has to be
 * enlarged, see hksm_table_tight(), or many keys are equal.
 */
bool hksm_table_insert(struct hksm_table *t, u64 key, u64 body)
{
	u32 run = min_t(u32, HKSM_RUN_MAX, t->nr_buckets);
	u32 bucket = table_home(t, key);
	unsigned int i;

	while (run--) {
		u64 *way = table_ways(t, bucket);

		for (i = 0; i < HKSM_WAYS; i++) {
			if (way[i] > TOMBSTONE)
				continue;
			if (way[i] == TOMBSTONE)
				t->dead--;
			WRITE_ONCE(way[i], table_tag(key) | body);
			t->used++;
			return true;
		}
		bucket = table_after(t, bucket);
	}
	t->crowded = true;
	return false;
}

/**
 * hksm_table_remove() - remove an entry
 * @t: an initialised table
 * @key: as inserted
 * @body: as inserted
 *
 * Context: any; with the owner's lock.
 * Return: false when there is no such entry.
 */
bool hksm_table_remove(struct hksm_table *t, u64 key, u64 body)
{
	u64 *e = table_find(t, key, body);
	u64 *way, *last;

	if (!e)
		return false;
	way = t->slot + round_down(e - t->slot, HKSM_WAYS);
	t->used--;
	if (!table_has_empty(way)) {
		WRITE_ONCE(*e, TOMBSTONE);
		t->dead++;
		return true;
	}
	/* A search stops at the first empty entry: keep the rest in front. */
	last = way + HKSM_WAYS - 1;
	while (*last == EMPTY)
		last--;
	WRITE_ONCE(*e, *last);
	WRITE_ONCE(*last, EMPTY);
	return true;
}

/**
 * hksm_table_replace() - change the body of an entry in place
 * @t: an initialised table
 * @key: as inserted
 * @old: body as inserted
 * @body: body to put in its place
 *
 * Context: any; with the owner's lock.
 * Return: false when there is no such entry.
 */
bool hksm_table_replace(struct hksm_table *t, u64 key, u64 old, u64 body)
{
	u64 *e = table_find(t, key, old);

	if (!e)
		return false;
	WRITE_ONCE(*e, table_tag(key) | body);
	return true;
}

/**
 * hksm_table_has() - is an entry in the table?
 * @t: an initialised table
 * @key: as inserted
 * @body: as inserted
 *
 * Context: any; with the owner's lock.
 */
bool hksm_table_has(const struct hksm_table *t, u64 key, u64 body)
{
	return table_find(t, key, body);
}

/**
 * hksm_table_at() - what is at a place of the table
 * @t: an initialised table
 * @pos: below its capacity
 *
 * Context: any; with the owner's lock.
 * Return: the body, or 0 when nothing is there.
 */
u64 hksm_table_at(const struct hksm_table *t, unsigned long pos)
{
	u64 e = t->slot[pos];

	return e > TOMBSTONE ? e & HKSM_BODY_MASK : 0;
}

/**
 * hksm_table_walk() - visit every entry
 * @t: an initialised table
 * @pos: position, 0 at the start, advanced
 *
 * Entries removed during the walk may make others be missed, which callers
 * solve by walking again until nothing is found.
 *
 * Context: any; with the owner's lock, or when nobody else changes the table.
 * Return: the next body, or 0 at the end.
 */
u64 hksm_table_walk(const struct hksm_table *t, unsigned long *pos)
{
	unsigned long end = hksm_table_capacity(t);

	u64 body = 0;

	while (!body && *pos < end)
		body = hksm_table_at(t, (*pos)++);
	return body;
}
