// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * interval.c - how far off the estimate of a sample may be.  Pure.
 *
 * A sample is two in one.  Of the contents a share is taken, by their hashes, each
 * with all of its frames: that shows without bias how often contents occur, and is
 * precise as long as no content outweighs the others.  Of the frames a smaller share
 * is picked by chance: that shows which contents are frequent, and counts them.
 * Half of the picks (A) choose the frequent contents, the other half (B) counts
 * them, so that a content does not seem more frequent because it was chosen.
 */
#include "estimate/records.h"

#include <math.h>

#define Z95 1.959964
#define PICKS 4096	/* of each half, where memory is small: a content of 1 % is found */

double est_pick_share(double p, uint64_t pages)
{
	/* To pick costs as much as to take: mostly a quarter more, never twice as much. */
	const double want = pages ? (double)PICKS / pages : 0;

	return p < 1 ? MIN(MAX(want, p / 8), p / 2) : 0;
}

void est_interval(double sum, double var, double p, double *low, double *high)
{
	double w, half, mid;

	if (p >= 1) {
		*low = *high = sum;
		return;
	}
	/*
	 * The variance grows with the sum: var = w * sum, where w is the size of
	 * a typical cluster times (1 - p) / p.  Nothing found: clusters of one.
	 */
	w = sum > 0 && var > 0 ? MAX(var / sum, (1 - p) / p) : (1 - p) / p;
	/* More variance than the sum itself explains: of what was not found. */
	if (sum <= 0 && var > 0) {
		*low = 0;
		*high = Z95 * sqrt(var) + Z95 * Z95 * w;
		return;
	}
	mid = sum + Z95 * Z95 * w / 2;
	half = Z95 * sqrt(sum * w + Z95 * Z95 * w * w / 4);
	/* Of nothing both are the same number, but for how it is rounded. */
	*low = MIN(MAX(mid - half, 0.0), sum);
	*high = MAX(mid + half, sum);
}

static double clamp(double v, double low, double high)
{
	return MAX(MIN(v, high), low);
}

void est_bounds(const struct est_sure *sure, const struct est_moment *m,
		const struct est_params *p, double frames, double *saved, double *low,
		double *high)
{
	/* B is picked from what is not in A. */
	const double q = p->pick / (1 - p->pick);
	const double most = MAX(frames - sure->kept, sure->least);
	double below = 0, above = 0, l, h;

	if (p->p < 1) {
		const double bound = est_moment_var(m, sure->frequent, sure->contents, p->p);

		est_interval(sure->rest, MAX(sure->rest_var, bound), p->p, &l, &h);
		below = pow(sure->rest - l, 2);
		above = pow(h - sure->rest, 2);
	}
	if (sure->n_picked) {
		est_interval(sure->picked, sure->picked_var, q, &l, &h);
		below += pow(sure->picked - l, 2);
		above += pow(h - sure->picked, 2);
	}
	/* Both are estimated independently: the distances add up as their squares. */
	*low = clamp(*saved - sqrt(below), sure->least, most);
	*high = clamp(*saved + sqrt(above), sure->least, most);
	*saved = clamp(*saved, *low, *high);
}
