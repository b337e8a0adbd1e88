// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * moment.c - how uneven the multiplicities of contents are, from all frames that
 * a sample passes over, in constant memory.
 *
 * Without it a sample that misses one content of some hundred copies would call
 * itself exact.  Each content adds 1 or -1, as its hash says, to the bucket it
 * falls into; the sum of the squares of the buckets is, on average, the sum of
 * the squares of the multiplicities (Alon, Matias and Szegedy 1996; one counter
 * per bucket after Charikar, Chen and Farach-Colton 2002).
 *
 * The bucket of a content can be told from its record, so that contents whose
 * number is known otherwise can be left out afterwards, with their buckets.
 */
#include "estimate/records.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(EST_MOMENT_BITS <= EST_CLUSTER_BITS, "a record knows its bucket");

int est_moment_init(struct est_moment *m)
{
	m->count = calloc(EST_MOMENT_BUCKETS, sizeof(*m->count));
	return m->count ? 0 : -ENOMEM;
}

void est_moment_fini(struct est_moment *m)
{
	free(m->count);
	m->count = NULL;
}

void est_moment_put(struct est_moment *m, uint64_t cluster)
{
	/* The sign is of bits that decided about nothing else. */
	m->count[cluster >> (64 - EST_MOMENT_BITS)][cluster & 1]++;
}

void est_moment_add(struct est_moment *into, const struct est_moment *m)
{
	for (size_t i = 0; i < EST_MOMENT_BUCKETS; i++) {
		into->count[i][0] += m->count[i][0];
		into->count[i][1] += m->count[i][1];
	}
}

size_t est_moment_bucket(const struct est_rec *r)
{
	return r->hi >> (32 - EST_MOMENT_BITS);
}

/*
 * A content of m frames saves at most m - 1, and the sum of (m - 1)^2 is
 * F2 - 2 n + contents, where F2 is the sum of m^2 and n that of m.  The buckets
 * left out are as good as any other, so those that remain stand for all.
 */
double est_moment_var(const struct est_moment *m, const bool *frequent, double contents,
		      double p)
{
	double f2 = 0, n = 0, y2;
	size_t kept = 0;

	for (size_t i = 0; i < EST_MOMENT_BUCKETS; i++) {
		const double a = m->count[i][0], b = m->count[i][1];

		if (frequent && frequent[i])
			continue;
		f2 += (a - b) * (a - b);
		n += a + b;
		kept++;
	}
	if (kept < EST_MOMENT_BUCKETS / 16)
		return 0;
	y2 = (f2 - 2 * n) * EST_MOMENT_BUCKETS / kept + contents;
	return y2 > 0 ? y2 * (1 - p) / p : 0;
}
