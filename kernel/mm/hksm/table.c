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
#define LOCK		(1ULL << HKSM_BUCKET_LOCK)
/* A processor counts for itself one of so many places, and so many at most. */
#define TALLY_PART	512UL
#define TALLY_MAX	32UL

static u32 table_home(const struct hksm_table *t, u64 key)
{
	key = key << t->common >> 32;
	return (u32)(key * t->nr_buckets >> 32);
}

static u64 table_tag(u64 key)
{
	return (key >> HKSM_KEY_SHIFT) << HKSM_BODY_BITS & ~LOCK;
}

static u32 table_after(const struct hksm_table *t, u32 bucket)
{
	return bucket + 1 == t->nr_buckets ? 0 : bucket + 1;
}

static u64 *table_ways(const struct hksm_table *t, u32 bucket)
{
	return t->slot + (unsigned long)bucket * HKSM_WAYS;
}

static u64 table_entry(const u64 *way, unsigned int i)
{
	return READ_ONCE(way[i]) & ~LOCK;
}

/* The bucket is locked, and stays so. */
static void table_put(u64 *way, unsigned int i, u64 entry)
{
	WRITE_ONCE(way[i], entry | (way[i] & LOCK));
}

static void table_lock(u64 *way)
{
	bit_spin_lock(HKSM_BUCKET_LOCK, (unsigned long *)way);
}

/* Whoever changes the first entry has the lock: this need not be atomic. */
static void table_unlock(u64 *way)
{
	__bit_spin_unlock(HKSM_BUCKET_LOCK, (unsigned long *)way);
}

/* Where an entry is in a bucket, or -1. */
static int table_search(const u64 *way, u64 want)
{
	unsigned int i;

	for (i = 0; i < HKSM_WAYS; i++)
		if (table_entry(way, i) == want)
			return i;
	return -1;
}

static int table_free(const u64 *way)
{
	unsigned int i;

	for (i = 0; i < HKSM_WAYS; i++)
		if (table_entry(way, i) <= TOMBSTONE)
			return i;
	return -1;
}

/* A bucket is locked, so this processor is not left meanwhile. */
static void table_count(struct hksm_table *t, int used, int dead)
{
	struct hksm_tally *tally = this_cpu_ptr(t->tally);

	tally->used += used;
	tally->dead += dead;
	if (abs(tally->used) < t->batch && abs(tally->dead) < t->batch)
		return;
	atomic_long_add(tally->used, &t->used);
	atomic_long_add(tally->dead, &t->dead);
	tally->used = 0;
	tally->dead = 0;
}

/*
 * The bucket that has an entry, locked, and in @at where. An empty place ends the
 * search, and a full bucket never gets one again: what is not in the first of them
 * is in none. Return: NULL when there is none.
 */
static u64 *table_find_lock(const struct hksm_table *t, u64 key, u64 body,
			    int *at)
{
	u32 run = min_t(u32, HKSM_RUN_MAX, t->nr_buckets);
	u32 bucket = table_home(t, key);
	u64 want = table_tag(key) | body;

	for (; run; run--, bucket = table_after(t, bucket)) {
		u64 *way = table_ways(t, bucket);
		bool more;

		/* Nothing moves in a full one, so that it need not be locked. */
		if (table_entry(way, HKSM_WAYS - 1) != EMPTY) {
			smp_rmb();
			if (table_search(way, want) < 0)
				continue;
		}
		table_lock(way);
		*at = table_search(way, want);
		if (*at >= 0)
			return way;
		more = table_entry(way, HKSM_WAYS - 1) != EMPTY;
		table_unlock(way);
		if (!more)
			break;
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
	t->tally = alloc_percpu_gfp(struct hksm_tally,
				    GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	if (!t->tally) {
		kvfree(t->slot);
		t->slot = NULL;
		return -ENOMEM;
	}
	t->nr_buckets = nr;
	t->common = common;
	t->batch = clamp(nr * HKSM_WAYS / TALLY_PART, 1UL, TALLY_MAX);
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
	free_percpu(t->tally);
	memset(t, 0, sizeof(*t));
}

/**
 * hksm_table_used() - entries in a table
 * @t: a table, possibly one without memory
 *
 * Context: any; exact when nobody changes it.
 */
unsigned long hksm_table_used(const struct hksm_table *t)
{
	long used = atomic_long_read(&t->used);
	int cpu;

	if (!t->slot)
		return 0;
	for_each_possible_cpu(cpu)
		used += READ_ONCE(per_cpu_ptr(t->tally, cpu)->used);
	return used < 0 ? 0 : used;
}

/**
 * hksm_table_prefetch() - start loading the home bucket of a key
 * @t: an initialised table
 * @key: key that will be searched soon
 * @write: an entry will be added or removed
 *
 * Context: any; no lock is needed, a table is replaced with the engine at rest.
 */
void hksm_table_prefetch(const struct hksm_table *t, u64 key, bool write)
{
	const u64 *way = table_ways(t, table_home(t, key));

	/* One that another processor has changed is fetched from it twice else. */
	if (write)
		prefetchw(way);
	else
		prefetch(way);
}

/**
 * hksm_table_first() - first entry that may belong to a key
 * @t: an initialised table
 * @key: what to look for
 * @p: filled with the position for hksm_table_next()
 *
 * Context: as hksm_table_next().
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
 * An entry may be missed that is moved meanwhile, or seen twice: good for who
 * takes it as a hint, or keeps others from changing the table.
 *
 * Context: any; with what keeps the table from being replaced.
 * Return: the body, or 0 when there is none left.
 */
u64 hksm_table_next(const struct hksm_table *t, u64 key, struct hksm_probe *p)
{
	u64 want = table_tag(key);

	while (p->run) {
		const u64 *way = table_ways(t, p->bucket);

		while (p->way < HKSM_WAYS) {
			u64 e = table_entry(way, p->way++);

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
 * Context: any but interrupts; with what keeps the table from being replaced;
 * locks a bucket.
 * Return: false when the neighbourhood of the key is full: the table has to be
 * enlarged, see hksm_table_tight(), or many keys are equal.
 */
bool hksm_table_insert(struct hksm_table *t, u64 key, u64 body)
{
	u32 run = min_t(u32, HKSM_RUN_MAX, t->nr_buckets);
	u32 bucket = table_home(t, key);

	for (; run; run--, bucket = table_after(t, bucket)) {
		u64 *way = table_ways(t, bucket);
		int at;

		if (table_free(way) < 0)
			continue;
		table_lock(way);
		at = table_free(way);
		if (at >= 0) {
			table_count(t, 1, -(table_entry(way, at) == TOMBSTONE));
			table_put(way, at, table_tag(key) | body);
		}
		table_unlock(way);
		if (at >= 0)
			return true;
	}
	WRITE_ONCE(t->crowded, true);
	return false;
}

/* A search stops at the first empty place: keep the rest in front of it. */
static void table_take(struct hksm_table *t, u64 *way, unsigned int at)
{
	unsigned int last = HKSM_WAYS - 1;

	if (table_entry(way, last) != EMPTY) {
		table_count(t, -1, 1);
		table_put(way, at, TOMBSTONE);
		return;
	}
	table_count(t, -1, 0);
	while (table_entry(way, last) == EMPTY)
		last--;
	table_put(way, at, table_entry(way, last));
	table_put(way, last, EMPTY);
}

/**
 * hksm_table_remove() - remove an entry
 * @t: an initialised table
 * @key: as inserted
 * @body: as inserted
 *
 * Context: as hksm_table_insert().
 * Return: false when there is no such entry.
 */
bool hksm_table_remove(struct hksm_table *t, u64 key, u64 body)
{
	int at;
	u64 *way = table_find_lock(t, key, body, &at);

	if (!way)
		return false;
	table_take(t, way, at);
	table_unlock(way);
	return true;
}

/**
 * hksm_table_replace() - change the body of an entry in place
 * @t: an initialised table
 * @key: as inserted
 * @old: body as inserted
 * @body: body to put in its place
 *
 * Context: as hksm_table_insert().
 * Return: false when there is no such entry.
 */
bool hksm_table_replace(struct hksm_table *t, u64 key, u64 old, u64 body)
{
	int at;
	u64 *way = table_find_lock(t, key, old, &at);

	if (!way)
		return false;
	table_put(way, at, table_tag(key) | body);
	table_unlock(way);
	return true;
}

/**
 * hksm_table_has() - is an entry in the table?
 * @t: an initialised table
 * @key: as inserted
 * @body: as inserted
 *
 * Context: as hksm_table_insert().
 */
bool hksm_table_has(const struct hksm_table *t, u64 key, u64 body)
{
	int at;
	u64 *way = table_find_lock(t, key, body, &at);

	if (!way)
		return false;
	table_unlock(way);
	return true;
}

/**
 * hksm_table_at() - what is at a place of the table
 * @t: an initialised table
 * @pos: below its capacity
 *
 * Context: as hksm_table_next().
 * Return: the body, or 0 when nothing is there.
 */
u64 hksm_table_at(const struct hksm_table *t, unsigned long pos)
{
	u64 e = table_entry(t->slot, pos);

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
 * Context: any; nobody else changes the table.
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
