// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sort.c - records into the order of their hashes, in place.
 *
 * A radix sort from the most significant byte on that swaps records into their
 * buckets (American flag sort): hashes are even by nature, so buckets are, and
 * no second array is needed, which would double the memory of a run.
 */
#include "estimate/records.h"

#include <pthread.h>
#include <stdlib.h>

#define DIGITS 12	/* bytes of a record, all of which take part in the order */
#define SMALL 48	/* below, insertion is faster */

static unsigned int digit(const struct est_rec *r, unsigned int d)
{
	const uint32_t word = d < 4 ? r->hi : d < 8 ? r->lo : r->tag;

	return word >> (24 - 8 * (d & 3)) & 0xff;
}

static bool before(const struct est_rec *a, const struct est_rec *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi;
	if (a->lo != b->lo)
		return a->lo < b->lo;
	return a->tag < b->tag;
}

static void insertion(struct est_rec *r, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct est_rec x = r[i];
		size_t j = i;

		for (; j && before(&x, &r[j - 1]); j--)
			r[j] = r[j - 1];
		r[j] = x;
	}
}

/* Records into 256 buckets by one byte; start[b] is where bucket b begins. */
static void spread(struct est_rec *r, size_t n, unsigned int d, size_t start[257])
{
	size_t next[256], count[256] = { 0 };

	for (size_t i = 0; i < n; i++)
		count[digit(&r[i], d)]++;
	start[0] = 0;
	for (unsigned int b = 0; b < 256; b++) {
		next[b] = start[b];
		start[b + 1] = start[b] + count[b];
	}
	for (unsigned int b = 0; b < 256; b++)
		while (next[b] < start[b + 1]) {
			struct est_rec x = r[next[b]];
			unsigned int to = digit(&x, d);

			while (to != b) {
				const struct est_rec y = r[next[to]];

				r[next[to]++] = x;
				x = y;
				to = digit(&x, d);
			}
			r[next[b]++] = x;
		}
}

static void sort_from(struct est_rec *r, size_t n, unsigned int d)
{
	size_t start[257];

	if (n <= SMALL || d == DIGITS) {
		if (d < DIGITS)
			insertion(r, n);
		return;
	}
	spread(r, n, d, start);
	for (unsigned int b = 0; b < 256; b++)
		sort_from(r + start[b], start[b + 1] - start[b], d + 1);
}

struct job {
	struct est_rec *recs;
	const size_t *start;
	unsigned int *next;	/* bucket; atomic */
};

static void *sort_buckets(void *arg)
{
	const struct job *j = arg;
	unsigned int b;

	while ((b = __atomic_fetch_add(j->next, 1, __ATOMIC_RELAXED)) < 256)
		sort_from(j->recs + j->start[b], j->start[b + 1] - j->start[b], 1);
	return NULL;
}

void est_sort(struct est_rec *recs, size_t n, unsigned int jobs)
{
	pthread_t thread[64];
	unsigned int started = 0, next = 0;
	size_t start[257];
	struct job job = { recs, start, &next };

	if (n <= SMALL) {
		insertion(recs, n);
		return;
	}
	spread(recs, n, 0, start);
	while (started + 1 < MIN(jobs, ARRAY_SIZE(thread)) &&
	       !pthread_create(&thread[started], NULL, sort_buckets, &job))
		started++;
	sort_buckets(&job);
	while (started)
		pthread_join(thread[--started], NULL);
}

size_t est_compact(struct est_rec *recs, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (recs[i].tag != EST_DROPPED)
			recs[kept++] = recs[i];
	return kept;
}
