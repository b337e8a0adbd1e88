/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bucket table: 8-byte entries, one cache line a bucket, any size.
 *
 * An entry is a body of 47 bits below 16 bits of the key. The table does not
 * know what a body means. Equal tags are a hint: callers confirm with the full
 * key, wherever they keep it.
 *
 * Who adds or removes an entry locks one bucket at a time, by the uppermost bit
 * of its first entry. A lock elsewhere would be one more cache line, which
 * another processor has most often used last; that of the bucket is needed
 * anyway. For the same reason entries are counted by each processor for itself.
 */
#ifndef HKSM_TABLE_H
#define HKSM_TABLE_H

#include "env.h"

#define HKSM_BODY_BITS	47
#define HKSM_BODY_MASK	((1ULL << HKSM_BODY_BITS) - 1)
/* The key bits an entry needs; the 15 below are free for other uses. */
#define HKSM_KEY_SHIFT	15
#define HKSM_KEY_MASK	(~0ULL << HKSM_KEY_SHIFT)
#define HKSM_WAYS	8
/* Of the first entry of a bucket: somebody changes the bucket. */
#define HKSM_BUCKET_LOCK	63
/* Longest run of full buckets that is searched. */
#define HKSM_RUN_MAX	32

/**
 * struct hksm_tally - what a processor has counted and not yet added to the table
 * @used: entries in use
 * @dead: entries that were removed from full buckets and not yet reused
 */
struct hksm_tally {
	int used;
	int dead;
};

/**
 * struct hksm_table - a table
 * @slot: entries, HKSM_WAYS for each bucket; changed with the bucket locked
 * @nr_buckets: buckets, not necessarily a power of two
 * @common: upper bits of the keys that are the same in all of them
 * @crowded: an entry found no room near its key; lockless
 * @batch: how much a processor counts for itself
 * @tally: of each processor
 * @used: entries in use, without what is in @tally
 * @dead: entries that were removed from full buckets and not yet reused, likewise
 *
 * The structure as a whole is copied and replaced when nobody uses the table.
 */
struct hksm_table {
	u64 *slot;
	u32 nr_buckets;
	u8 common;
	bool crowded;
	int batch;
	struct hksm_tally __percpu *tally;
	atomic_long_t used;
	atomic_long_t dead;
};

/**
 * struct hksm_probe - position of a search; private to table.c
 * @bucket: bucket being searched
 * @way: next entry to look at in it
 * @run: buckets that may still be visited
 */
struct hksm_probe {
	u32 bucket;
	u32 way;
	u32 run;
};

int hksm_table_init(struct hksm_table *t, unsigned long entries,
		    unsigned int common);
void hksm_table_fini(struct hksm_table *t);
void hksm_table_prefetch(const struct hksm_table *t, u64 key, bool write);
u64 hksm_table_first(const struct hksm_table *t, u64 key,
		     struct hksm_probe *p);
u64 hksm_table_next(const struct hksm_table *t, u64 key,
		    struct hksm_probe *p);
bool hksm_table_insert(struct hksm_table *t, u64 key, u64 body);
bool hksm_table_remove(struct hksm_table *t, u64 key, u64 body);
bool hksm_table_replace(struct hksm_table *t, u64 key, u64 old, u64 body);
bool hksm_table_has(const struct hksm_table *t, u64 key, u64 body);
unsigned long hksm_table_used(const struct hksm_table *t);
u64 hksm_table_at(const struct hksm_table *t, unsigned long pos);
u64 hksm_table_walk(const struct hksm_table *t, unsigned long *pos);

/**
 * hksm_table_capacity() - entries a table has room for
 * @t: an initialised table
 */
static inline unsigned long hksm_table_capacity(const struct hksm_table *t)
{
	return (unsigned long)t->nr_buckets * HKSM_WAYS;
}

/**
 * hksm_table_bytes() - memory of a table
 * @t: an initialised table
 */
static inline unsigned long hksm_table_bytes(const struct hksm_table *t)
{
	return hksm_table_capacity(t) * sizeof(u64);
}

/**
 * hksm_table_load() - entries that are not free, about
 * @t: an initialised table
 *
 * What processors have counted for themselves is missing, less than one of 500
 * places for each.
 */
static inline unsigned long hksm_table_load(const struct hksm_table *t)
{
	long load = atomic_long_read(&t->used) + atomic_long_read(&t->dead);

	return load < 0 ? 0 : load;
}

/**
 * hksm_table_tight() - is it time for a larger table?
 * @t: an initialised table
 *
 * Above 7/8 of the capacity runs of full buckets get long. Chance makes one that
 * is too long before that, the more often the larger the table is; up to 3/4 it
 * does not, and who found no room had many equal keys.
 */
static inline bool hksm_table_tight(const struct hksm_table *t)
{
	unsigned long cap = hksm_table_capacity(t);
	unsigned long load = hksm_table_load(t);

	return load >= cap - cap / 8 ||
	       (READ_ONCE(t->crowded) && load >= cap - cap / 4);
}

#endif /* HKSM_TABLE_H */
