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
#include "estimate/records.h"

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

void est_gain_add(struct est_gain *to, const struct est_gain *g)
{
	to->dup += g->dup;
	to->unique += g->unique;
	to->saved += g->saved;
	to->cross += g->cross;
	to->huge += g->huge;
	to->merged += g->merged;
}

static void scale(struct est_gain *g, double f)
{
	g->dup *= f;
	g->saved *= f;
	g->cross *= f;
	g->huge *= f;
}

void est_gain_clamp(struct est_gain *g, double frames)
{
	if (g->dup > frames) {
		scale(g, frames / g->dup);
		/* To the last digit, or there would be fewer than no unique ones. */
		g->dup = frames;
	}
	g->unique = frames - g->dup;
}

/* An owner's part in one content; tallies are found by index and cleared by list. */
struct tally {
	double frames;		/* not merged */
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
static double freed(double frames, uint64_t merged, uint64_t copies, uint64_t max_sharing)
{
	const uint64_t need = est_copies(llround(frames) + merged, max_sharing);
	const uint64_t more = need > copies ? need - copies : 0;

	return frames > more ? frames - more : 0;
}

struct content {
	bool taken;		/* all of its frames are here, not only those picked */
	bool frequent;
	double frames;		/* not merged */
	uint64_t mappings;	/* of those */
	uint64_t noframe;	/* mappings of shared pages, taken as one frame */
	uint64_t merged;	/* mappings of merged pages */
	uint64_t copies;	/* merged pages */
	uint64_t picked[2];	/* frames, by A and B */
	double all;		/* frames, and one for those that are not told */
	double saved;
	double cross;
	double weight;		/* so many contents does it stand for */
};

struct dups {
	const struct est_params *p;
	struct tallies users, groups;
	struct est_gain *total, *gains;
	struct est_sure *sure;
	double per_b;		/* frames that one picked by B stands for */
	double cluster;		/* saved in the cluster at hand */
	double squares;		/* of clusters */
	uint32_t cluster_id;
};

/* Frames that a record stands for, where it is one of a frame of its own. */
static double frames_of(const struct dups *d, const struct content *c, uint32_t tag)
{
	return !c->taken && tag & EST_PICK_B ? d->per_b : 1;
}

static void count_rec(const struct dups *d, const struct est_rec *r, struct content *c)
{
	if (r->tag & EST_KSM) {
		c->merged++;
		c->copies += !(r->tag & EST_SAME);
	} else if (r->tag & EST_NOFRAME) {
		c->noframe++;
	} else {
		c->mappings++;
		if (!(r->tag & EST_SAME))
			c->frames += frames_of(d, c, r->tag);
	}
}

static void tally_rec(struct tallies *t, uint32_t owner, uint32_t tag, double frames)
{
	if (tag & EST_KSM)
		tally(t, owner)->merged++;
	else if (tag & EST_NOFRAME)
		tally(t, owner)->noframe = true;
	else if (!(tag & EST_SAME))
		tally(t, owner)->frames += frames;
}

/* What of c->saved the users could not save each on their own. */
static double cross_of(const struct dups *d, const struct content *c)
{
	double apart = 0;

	if (d->users.n < 2)
		return 0;
	for (size_t i = 0; i < d->users.n; i++) {
		const struct tally *t = &d->users.of[d->users.touched[i]];
		uint64_t copies = MIN(c->copies, est_copies(t->merged, d->p->max_sharing));

		apart += freed(t->frames + t->noframe, t->merged, copies, d->p->max_sharing);
	}
	return apart < c->saved ? c->saved - apart : 0;
}

static double tally_all(const struct tally *t)
{
	return t->frames + t->merged + t->noframe;
}

static void fill_pairs(const struct dups *d, double weight)
{
	const struct tallies *g = &d->groups;

	for (size_t i = 0; i < g->n; i++) {
		const uint32_t a = g->touched[i];
		const struct tally *ta = &g->of[a];
		const size_t self = a * d->p->n_groups + a;

		d->p->pairs[self] += weight * (tally_all(ta) - 1);
		if (d->p->merged && ta->merged > 1)
			d->p->merged[self] += weight * (ta->merged - 1);
		for (size_t j = i + 1; j < g->n; j++) {
			const uint32_t b = g->touched[j];
			const struct tally *tb = &g->of[b];
			const size_t at = MIN(a, b) * d->p->n_groups + MAX(a, b);

			d->p->pairs[at] += weight * MIN(tally_all(ta), tally_all(tb));
			if (d->p->merged)
				d->p->merged[at] += weight * MIN(ta->merged, tb->merged);
		}
	}
}

/* The part of each mapping in what @merged of them on @copies pages have freed. */
static double freed_of(uint64_t merged, uint64_t copies)
{
	return merged > copies ? (double)(merged - copies) / merged : 0;
}

static void share_out(const struct dups *d, const struct est_rec *r, size_t n,
		      const struct content *c)
{
	const double share = c->all > 0 ? c->saved / c->all : 0;
	const double cross = c->all > 0 ? c->cross / c->all : 0;
	const double merged = freed_of(c->merged, c->copies);

	for (size_t i = 0; i < n; i++) {
		struct est_gain *g = &d->gains[r[i].tag & EST_SEG_MASK];
		double part;

		if (r[i].tag & EST_KSM) {
			g->merged += merged * c->weight;
			continue;
		}
		if (r[i].tag & EST_NOFRAME)
			part = 1.0 / c->noframe;
		else if (r[i].tag & EST_SAME)
			continue;
		else
			part = frames_of(d, c, r[i].tag);
		part *= c->weight;
		*(c->saved > 0 ? &g->dup : &g->unique) += part;
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

/* Which kind of knowledge this content adds to. */
static void note_sure(struct dups *d, const struct est_rec *r, const struct content *c)
{
	const uint32_t cluster = r->hi >> (32 - EST_CLUSTER_BITS);
	struct est_sure *s = d->sure;

	if (c->taken) {
		s->least += c->saved;
		s->kept += c->all - c->saved;
	} else {
		s->least += freed(c->picked[0] + c->picked[1], 0, 0, d->p->max_sharing);
		s->kept++;
	}
	if (c->frequent && s->frequent)
		s->frequent[est_moment_bucket(r)] = true;
	if (c->frequent && c->taken) {
		s->exact += c->saved;
	} else if (c->frequent) {
		s->n_picked++;
		s->picked += c->saved;
		s->picked_var += c->picked[1] * d->per_b * (d->per_b - 1);
	} else {
		s->rest += c->saved * c->weight;
		s->contents += c->frames > 0 ? c->weight : 0;
		if (cluster != d->cluster_id)
			close_cluster(d);
		d->cluster_id = cluster;
		d->cluster += c->saved;
	}
}

static void tally_owners(struct dups *d, const struct est_rec *r, size_t n,
			 const struct content *c)
{
	for (size_t i = 0; i < n; i++) {
		const struct est_owner *o = &d->p->owner[r[i].tag & EST_SEG_MASK];
		const double frames = frames_of(d, c, r[i].tag);

		tally_rec(&d->users, o->user, r[i].tag, frames);
		if (d->p->pairs && o->group != EST_NO_GROUP)
			tally_rec(&d->groups, o->group, r[i].tag, frames);
	}
}

static void one_content(struct dups *d, const struct est_rec *r, size_t n)
{
	struct content c = { .taken = est_is_taken(r->hi, d->p->p) };

	for (size_t i = 0; i < n; i++) {
		c.picked[0] += (r[i].tag & EST_PICK_A) != 0;
		c.picked[1] += (r[i].tag & EST_PICK_B) != 0;
	}
	c.frequent = c.picked[0] > 1;
	c.weight = c.taken && !c.frequent ? 1 / d->p->p : 1;
	/* Of rare ones those that are taken tell. */
	if (!c.taken && !c.frequent)
		return;
	for (size_t i = 0; i < n; i++)
		count_rec(d, &r[i], &c);
	c.all = c.frames + (c.noframe ? 1 : 0);
	if (n > 1) {
		tally_owners(d, r, n, &c);
		c.saved = freed(c.all, c.merged, c.copies, d->p->max_sharing);
		c.cross = cross_of(d, &c);
		if (d->p->pairs)
			fill_pairs(d, c.weight);
		tallies_clear(&d->users);
		tallies_clear(&d->groups);
	}
	/* Not told of what was only picked: in how many processes its frames are mapped. */
	if (c.saved > 0)
		d->total->counted += c.weight * (c.taken ? c.mappings + c.noframe -
							   (c.all - c.saved) :
							   c.saved);
	share_out(d, r, n, &c);
	note_sure(d, r, &c);
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
	d->sure->exact += saved;
	d->sure->least += saved;
	d->sure->kept += frames - saved;
	/* The kernel's zero page is nobody's. */
	if (!p->use_zero_pages) {
		struct content c = { .saved = saved, .copies = copies };

		cross = cross_of(d, &c);
	}
	tallies_clear(&d->users);
	if (!frames && !merged)
		return;
	share = frames ? (double)saved / frames : 0;
	for (size_t i = 0; i < p->n_segs; i++) {
		const struct est_count *c = &p->count[i];
		const struct est_gain g = {
			.dup = saved ? c->zero : 0,
			.unique = saved ? 0 : c->zero,
			.saved = c->zero * share,
			.cross = frames ? c->zero * (cross / frames) : 0,
			.huge = c->zero_huge * share,
			.merged = c->zero_ksm * freed_of(merged, copies),
		};

		est_gain_add(&d->gains[i], &g);
	}
}

int est_dups(const struct est_rec *recs, size_t n, const struct est_params *p,
	     struct est_gain *total, struct est_gain *gains, struct est_sure *sure)
{
	struct dups d = { .p = p, .total = total, .gains = gains, .sure = sure };
	int rc = tallies_init(&d.users, p->n_users);

	if (!rc)
		rc = tallies_init(&d.groups, p->n_groups);
	*total = (struct est_gain){ 0 };
	*sure = (struct est_sure){ .frequent = sure->frequent };
	/* B is picked from what is not in A. */
	d.per_b = p->pick > 0 ? (1 - p->pick) / p->pick : 1;
	for (size_t i = 0, j; !rc && i < n; i = j) {
		for (j = i + 1; j < n && recs[j].hi == recs[i].hi && recs[j].lo == recs[i].lo; j++)
			continue;
		one_content(&d, recs + i, j - i);
	}
	if (!rc) {
		close_cluster(&d);
		sure->rest_var = d.squares * (1 - p->p) / (p->p * p->p);
		zeroes(&d);
		for (size_t i = 0; i < p->n_segs; i++)
			est_gain_add(total, &gains[i]);
	}
	tallies_fini(&d.users);
	tallies_fini(&d.groups);
	return rc;
}
