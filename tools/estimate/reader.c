// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reader.c - the storage of one thread, and what all of them have in common.
 */
#include "estimate/read.h"

#include <errno.h>
#include <sys/mman.h>

/*
 * What is copied at once.  Larger than a second-level cache, and faster than
 * anything that fits: the kernel pins so many pages at a time, and copies faster to
 * lines that are not in a cache.  Memory that records will take in the end is lent
 * to the buffers until they do, so that the larger size costs nothing.
 */
#define CHUNK_MAX   ((size_t)4 << 20)
#define CHUNKS_MIN  ((size_t)1 << 20)	/* of all readers together */
#define CHUNKS_PER_REC 2		/* so many bytes may stay with them */

/* Under lock. */
size_t readers_chunk(const struct readers *all)
{
	const struct est *e = all->e;
	const size_t left = all->want_recs - MIN(all->want_recs, e->n_recs);
	const size_t least = MAX(all->want_recs * CHUNKS_PER_REC, CHUNKS_MIN);
	const size_t each = MAX(left * sizeof(*e->recs), least) / all->n;

	return MIN(MAX(each / CHUNK_STEP, (size_t)1) * CHUNK_STEP, CHUNK_MAX);
}

void reader_shrink(struct reader *r, size_t to)
{
	if (to >= r->chunk)
		return;
	munmap(r->buf + to, r->chunk - to);
	r->chunk = to;
}

/* Not secret: chance that depends on nothing else will do (xorshift64*). */
uint32_t reader_chance(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d >> 32;
}

static uint64_t seed(const struct readers *all, const void *of, size_t len)
{
	return est_hash(&all->e->key, of, len) | 1;
}

int reader_init(struct reader *r, struct readers *all, unsigned int number)
{
	r->all = all;
	r->chance = seed(all, &number, sizeof(number));
	r->read_bytes = 0;
	r->moment.count = NULL;
	r->last_seg = NULL;
	r->chunk = readers_chunk(all);
	/* All at once is faster than fault by fault. */
	r->buf = mmap(NULL, r->chunk, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (r->buf == MAP_FAILED) {
		r->chunk = 0;
		return -ENOMEM;
	}
	return all->sampled ? est_moment_init(&r->moment) : 0;
}

void reader_fini(struct reader *r)
{
	if (r->chunk)
		munmap(r->buf, r->chunk);
	est_moment_fini(&r->moment);
}

int reader_fail(struct readers *all, int rc)
{
	int none = 0;

	__atomic_compare_exchange_n(&all->failed, &none, rc, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return -ECANCELED;
}
