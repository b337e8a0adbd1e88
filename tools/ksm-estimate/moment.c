// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * moment.c - how uneven the multiplicities of contents are, from all pages that
 * a sample passes over, in constant memory.
 *
 * Without it a sample that misses one content of ten thousand copies would call
 * itself exact.  Each content adds 1 or -1, as its hash says, to the counter it
 * falls on; the sum of the squares of the counters is, on average, the sum of
 * the squares of the multiplicities (Alon, Matias and Szegedy 1996; one counter
 * per bucket after Charikar, Chen and Farach-Colton 2002).
 */
#include "ksm-estimate/estimate.h"

#include <errno.h>
#include <stdlib.h>

#define COUNTERS ((size_t)1 << EST_MOMENT_BITS)

int est_moment_init(struct est_moment *m)
{
	m->n = 0;
	m->counter = calloc(COUNTERS, sizeof(*m->counter));
	return m->counter ? 0 : -ENOMEM;
}

void est_moment_fini(struct est_moment *m)
{
	free(m->counter);
	m->counter = NULL;
}

void est_moment_put(struct est_moment *m, uint64_t hash)
{
	/* Bits that did not decide whether the content is taken. */
	int32_t *c = &m->counter[hash & (COUNTERS - 1)];

	*c += hash >> EST_MOMENT_BITS & 1 ? 1 : -1;
	m->n++;
}

void est_moment_add(struct est_moment *into, const struct est_moment *m)
{
	for (size_t i = 0; i < COUNTERS; i++)
		into->counter[i] += m->counter[i];
	into->n += m->n;
}

double est_moment_f2(const struct est_moment *m)
{
	double sum = 0;

	for (size_t i = 0; i < COUNTERS; i++)
		sum += (double)m->counter[i] * m->counter[i];
	return sum;
}

/*
 * A content of m pages saves at most m - 1, and the sum of (m - 1)^2 is
 * F2 - 2 n + distinct.
 */
double est_moment_var(const struct est_moment *m, double distinct, double p)
{
	double y2 = est_moment_f2(m) - 2.0 * m->n + distinct;

	return y2 > 0 ? y2 * (1 - p) / p : 0;
}
