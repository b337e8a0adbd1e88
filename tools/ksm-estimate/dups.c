// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dups.c - equal pages to savings.  Pure: no clock, no input, no output.
 *
 * Words: a frame is memory, a mapping is a page of a process that shows it.
 * Frames of one content that are not merged yet are what merging frees, all but
 * the copies that stay.  A page shared since fork is one frame with several
 * mappings: merging it with another frees one frame, whatever the kernel's
 * pages_sharing says, which counts mappings.
 */
#include "ksm-estimate/estimate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

void est_count_add(struct est_count *to, const struct est_count *c)
{
	to->anon += c->anon;
	to->file += c->file;
	to->swapped += c->swapped;
	to->zeropage += c->zeropage;
	to->ksm += c->ksm;
	to->same += c->same;
	to->huge += c->huge;
	to->zero += c->zero;
	to->zero_huge += c->zero_huge;
	to->zero_shared += c->zero_shared;
	to->zero_ksm += c->zero_ksm;
	to->zero_ksm_frames += c->zero_ksm_frames;
	to->changed += c->changed;
	to->zero_changed += c->zero_changed;
	to->gone += c->gone;
	to->unread += c->unread;
	to->taken += c->taken;
}

/* An owner's part in one content; tallies are found by index and cleared by list. */
struct tally {
	uint64_t frames;	/* not merged */
	uint64_t merged;	/* mappings of merged pages */
	bool noframe;		/* a shared page whose frame is not known */
};

struct tallies {
	struct tally *of;
	uint32_t *touched;
	size_t n;
};

static int tallies_init(struct tallies *t, size_t n)
{
	t->n = 0;
	t->of = calloc(n ? n : 1, sizeof(*t->of));
	t->touched = calloc(n ? n : 1, sizeof(*t->touched));
	return t->of && t->touched ? 0 : -ENOMEM;
}

static void tallies_fini(struct tallies *t)
{
	free(t->of);
	free(t->touched);
}

static struct tally *tally(struct tallies *t, uint32_t owner)
{
	struct tally *x = &t->of[owner];

	if (!x->frames && !x->merged && !x->noframe)
		t->touched[t->n++] = owner;
	return x;
}

static void tallies_clear(struct tallies *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->of[t->touched[i]] = (struct tally){ 0 };
	t->n = 0;
}

uint64_t est_copies(uint64_t n, uint64_t max_sharing)
{
	return n / max_sharing + (n % max_sharing != 0);
}

/*
 * Frames freed of @frames equal ones, where @merged mappings of @copies merged
 * pages exist.  A merged page takes max_sharing mappings, then the next is made.
 */
static uint64_t freed(uint64_t frames, uint64_t merged, uint64_t copies, uint64_t max_sharing)
{
	const uint64_t need = est_copies(frames + merged, max_sharing);
	const uint64_t more = need > copies ? need - copies : 0;

	return frames > more ? frames - more : 0;
}

struct content {
	uint64_t frames;	/* not merged */
	uint64_t mappings;	/* of those */
	uint64_t noframe;	/* mappings of shared pages, taken as one frame */
	uint64_t merged;	/* mappings of merged pages */
	uint64_t copies;	/* merged pages */
	uint64_t saved;
	double cross;
};

struct dups {
	const struct est_params *p;
	struct tallies users, groups;
	struct est_gain *total, *gains;
	double cluster;		/* saved in the cluster at hand */
	double squares;		/* of clusters */
	uint32_t cluster_id;
};

static void count_rec(const struct est_rec *r, struct content *c)
{
	if (r->tag & EST_KSM) {
		c->merged++;
		c->copies += !(r->tag & EST_SAME);
	} else if (r->tag & EST_NOFRAME) {
		c->noframe++;
	} else {
		c->mappings++;
		c->frames += !(r->tag & EST_SAME);
	}
}

static void tally_rec(struct tallies *t, uint32_t owner, uint32_t tag)
{
	if (tag & EST_KSM)
		tally(t, owner)->merged++;
	else if (tag & EST_NOFRAME)
		tally(t, owner)->noframe = true;
	else if (!(tag & EST_SAME))
		tally(t, owner)->frames++;
}

/* What of c->saved the users could not save each on their own. */
static double cross_of(const struct dups *d, const struct content *c)
{
	uint64_t apart = 0;

	if (d->users.n < 2)
		return 0;
	for (size_t i = 0; i < d->users.n; i++) {
		const struct tally *t = &d->users.of[d->users.touched[i]];
		uint64_t copies = MIN(c->copies, est_copies(t->merged, d->p->max_sharing));

		apart += freed(t->frames + t->noframe, t->merged, copies, d->p->max_sharing);
	}
	return apart < c->saved ? c->saved - apart : 0;
}

static void fill_pairs(const struct dups *d)
{
	const struct tallies *g = &d->groups;

	for (size_t i = 0; i < g->n; i++) {
		const uint32_t a = g->touched[i];
		const uint64_t fa = g->of[a].frames + g->of[a].merged + g->of[a].noframe;

		d->p->pairs[a * d->p->n_groups + a] += fa - 1;
		for (size_t j = i + 1; j < g->n; j++) {
			const uint32_t b = g->touched[j];
			const uint64_t fb = g->of[b].frames + g->of[b].merged + g->of[b].noframe;

			d->p->pairs[MIN(a, b) * d->p->n_groups + MAX(a, b)] += MIN(fa, fb);
		}
	}
}

static void share_out(const struct dups *d, const struct est_rec *r, size_t n,
		      const struct content *c)
{
	const double all = c->frames + (c->noframe ? 1 : 0);
	const double share = c->saved / all, cross = c->cross / all;

	for (size_t i = 0; i < n; i++) {
		struct est_gain *g = &d->gains[r[i].tag & EST_SEG_MASK];
		double part = 1;

		if (r[i].tag & EST_KSM)
			continue;
		if (r[i].tag & EST_NOFRAME)
			part = 1.0 / c->noframe;
		else if (r[i].tag & EST_SAME)
			continue;
		*(c->saved ? &g->dup : &g->unique) += part;
		g->saved += part * share;
		g->cross += part * cross;
		if (r[i].tag & EST_HUGE)
			g->huge += part * share;
	}
}

static void close_cluster(struct dups *d)
{
	d->squares += d->cluster * d->cluster;
	d->cluster = 0;
}

static void one_content(struct dups *d, const struct est_rec *r, size_t n)
{
	const uint32_t cluster = r->hi >> (32 - EST_CLUSTER_BITS);
	struct content c = { 0 };

	for (size_t i = 0; i < n; i++)
		count_rec(&r[i], &c);
	if (n > 1) {
		for (size_t i = 0; i < n; i++) {
			const struct est_owner *o = &d->p->owner[r[i].tag & EST_SEG_MASK];

			tally_rec(&d->users, o->user, r[i].tag);
			if (d->p->pairs && o->group != EST_NO_GROUP)
				tally_rec(&d->groups, o->group, r[i].tag);
		}
		c.saved = freed(c.frames + (c.noframe ? 1 : 0), c.merged, c.copies,
				d->p->max_sharing);
		c.cross = cross_of(d, &c);
		if (d->p->pairs)
			fill_pairs(d);
		tallies_clear(&d->users);
		tallies_clear(&d->groups);
	}
	if (c.saved)
		d->total->counted += c.mappings + c.noframe -
				     (c.frames + (c.noframe ? 1 : 0) - c.saved);
	if (c.frames || c.noframe)
		share_out(d, r, n, &c);
	if (cluster != d->cluster_id)
		close_cluster(d);
	d->cluster_id = cluster;
	d->cluster += c.saved;
}

static void scale(struct est_gain *g, double f)
{
	g->dup *= f;
	g->unique *= f;
	g->saved *= f;
	g->cross *= f;
	g->huge *= f;
	g->counted *= f;
}

static void add(struct est_gain *to, const struct est_gain *g)
{
	to->dup += g->dup;
	to->unique += g->unique;
	to->saved += g->saved;
	to->cross += g->cross;
	to->huge += g->huge;
}

/* Zeroes have no records; they are counted exactly, also beside a sample. */
static void zeroes(struct dups *d)
{
	const struct est_params *p = d->p;
	uint64_t frames = 0, shared = 0, merged = 0, copies = 0, saved;
	double share, cross = 0;

	for (size_t i = 0; i < p->n_segs; i++) {
		const struct est_count *c = &p->count[i];
		struct tally *t;

		frames += c->zero;
		shared += c->zero_shared;
		merged += c->zero_ksm;
		copies += c->zero_ksm_frames;
		if (!c->zero && !c->zero_ksm)
			continue;
		t = tally(&d->users, p->owner[i].user);
		t->frames += c->zero;
		t->merged += c->zero_ksm;
	}
	saved = p->use_zero_pages ? frames : freed(frames, merged, copies, p->max_sharing);
	if (saved)
		d->total->counted += frames + shared - (frames - saved);
	/* The kernel's zero page is nobody's. */
	if (!p->use_zero_pages) {
		struct content c = { .saved = saved, .copies = copies };

		cross = cross_of(d, &c);
	}
	tallies_clear(&d->users);
	if (!frames)
		return;
	share = (double)saved / frames;
	for (size_t i = 0; i < p->n_segs; i++) {
		const struct est_count *c = &p->count[i];
		const struct est_gain g = {
			.dup = saved ? c->zero : 0,
			.unique = saved ? 0 : c->zero,
			.saved = c->zero * share,
			.cross = c->zero * (cross / frames),
			.huge = c->zero_huge * share,
		};

		add(&d->gains[i], &g);
	}
}

int est_dups(const struct est_rec *recs, size_t n, const struct est_params *p,
	     struct est_gain *total, struct est_gain *gains)
{
	struct dups d = { .p = p, .total = total, .gains = gains };
	int rc = tallies_init(&d.users, p->n_users);

	if (!rc)
		rc = tallies_init(&d.groups, p->n_groups);
	*total = (struct est_gain){ 0 };
	for (size_t i = 0, j; !rc && i < n; i = j) {
		for (j = i + 1; j < n && recs[j].hi == recs[i].hi && recs[j].lo == recs[i].lo; j++)
			continue;
		one_content(&d, recs + i, j - i);
	}
	if (!rc) {
		close_cluster(&d);
		for (size_t i = 0; i < p->n_segs; i++)
			scale(&gains[i], 1 / p->p);
		scale(total, 1 / p->p);
		for (size_t i = 0; p->pairs && i < p->n_groups * p->n_groups; i++)
			p->pairs[i] /= p->p;
		total->var = d.squares * (1 - p->p) / (p->p * p->p);
		zeroes(&d);
		for (size_t i = 0; i < p->n_segs; i++)
			add(total, &gains[i]);
	}
	tallies_fini(&d.users);
	tallies_fini(&d.groups);
	return rc;
}

#define Z95 1.959964

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
	*low = MAX(mid - half, 0.0);
	*high = mid + half;
}
