// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * places.c - where merging pays.  Pure: no clock, no input, no output.
 *
 * Scanning and metadata cost the same for each page that is present, so the order
 * is by savings for each page.  Ranges are few, because each splits a mapping: a
 * process can have so many only, and mremap() that would grow a mapping of which a
 * part is marked fails.
 */
#include "estimate/places.h"

#include <errno.h>
#include <stdlib.h>

#define LARGE_PIECES	4	/* a mapping of so many is not worth splitting */
#define DENSE		0.75	/* nor is one of which so much would be saved */
#define MOSTLY		0.75	/* nor one of whose pages so many were chosen */
#define JOIN_PIECES	1	/* between two ranges, that are made one... */
#define JOIN_PRESENT	0.25	/* ...where no more of it is present, to be scanned with them */
#define EVERY_GAP	(UINT64_C(1) << 62)	/* longer than any mapping */

/* What can be chosen: a mapping, or a piece of one. */
struct candidate {
	const struct est_seg *seg;
	size_t at;		/* of the piece, or of the mapping, among all */
	bool piece;
	uint64_t pages;
	double saved;
};

struct choice {
	const struct est_places_opts *o;
	struct est_proc *const *procs;
	size_t n_procs;
	const struct est_piece *pieces;
	size_t n_segs, n_pieces;
	struct candidate *cand;
	size_t n_cand;
	bool *seg, *piece;	/* chosen, by number */
	struct est_places *out;
};

static bool is_splittable(const struct choice *c, const struct est_seg *s)
{
	if (s->stack || (s->end - s->start) / c->o->piece_bytes <= LARGE_PIECES)
		return false;
	return est_gain_worth(&s->gain) < DENSE * s->count.anon;
}

static double density(const struct candidate *c)
{
	return c->saved / c->pages;
}

/* The densest first; of equal ones mappings, then as they lie. */
static int by_density(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	const double dx = density(x), dy = density(y);

	if (dx != dy)
		return dx < dy ? 1 : -1;
	if (x->piece != y->piece)
		return x->piece ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

/* More than its metadata takes. */
static bool pays(const struct choice *c, uint64_t pages, double saved)
{
	return saved * c->o->page_size > (double)pages * EST_ITEM_BYTES;
}

static void add_candidate(struct choice *c, struct candidate new)
{
	if (new.pages && pays(c, new.pages, new.saved))
		c->cand[c->n_cand++] = new;
}

static void add_seg(struct choice *c, const struct est_seg *s, size_t number)
{
	struct est_places *out = c->out;

	if (s->mergeable && !s->ours) {
		out->marked.pages += s->count.anon;
		out->marked.saved += est_gain_worth(&s->gain);
		return;
	}
	out->all.pages += s->count.anon;
	out->all.saved += est_gain_worth(&s->gain);
	if (!is_splittable(c, s)) {
		add_candidate(c, (struct candidate){ s, number, false, s->count.anon,
						     est_gain_worth(&s->gain) });
		return;
	}
	for (size_t i = 0; i < s->n_pieces; i++) {
		const struct est_piece *p = &c->pieces[s->first_piece + i];

		add_candidate(c, (struct candidate){ s, s->first_piece + i, true, p->count.anon,
						     est_gain_worth(&p->gain) });
	}
}

/* Marks what is chosen, until there is enough. */
static void take(struct choice *c)
{
	const double enough = c->o->share * c->out->all.saved;
	double have = 0;

	qsort(c->cand, c->n_cand, sizeof(*c->cand), by_density);
	for (size_t i = 0; i < c->n_cand && have < enough; i++) {
		(c->cand[i].piece ? c->piece : c->seg)[c->cand[i].at] = true;
		have += c->cand[i].saved;
	}
}

/* A mapping of which most was chosen is taken whole. */
static void round_up(struct choice *c)
{
	for (size_t i = 0; i < c->n_procs; i++)
		for (size_t j = 0; j < c->procs[i]->n_segs; j++) {
			const struct est_proc *p = c->procs[i];
			const struct est_seg *s = &p->segs[j];
			uint64_t pages = 0;

			for (size_t k = 0; k < s->n_pieces; k++)
				if (c->piece[s->first_piece + k])
					pages += c->pieces[s->first_piece + k].count.anon;
			if (pages && pages >= MOSTLY * s->count.anon &&
			    pays(c, s->count.anon, est_gain_worth(&s->gain)))
				c->seg[p->first_seg + j] = true;
		}
}

static void put_range(struct choice *c, const struct est_range *r)
{
	/* No more than there were candidates. */
	c->out->range[c->out->n++] = *r;
}

/*
 * Two ranges are one when the gap is no longer than @gap; as long as that is for the
 * sake of fewer mappings only, not at the price of scanning more.
 */
static bool is_bridged(const struct choice *c, uint64_t bytes, uint64_t present, uint64_t gap)
{
	return bytes <= gap && (gap > JOIN_PIECES * c->o->piece_bytes ||
				present * c->o->page_size <= JOIN_PRESENT * bytes);
}

/* The chosen pieces of a mapping as ranges, over gaps of at most @gap bytes. */
static void seg_ranges(struct choice *c, const struct est_proc *p, const struct est_seg *s,
		       uint64_t gap)
{
	struct est_range r = { .proc = p, .seg = s };
	struct est_amount between = { 0 };

	for (size_t i = 0; i < s->n_pieces; i++) {
		const struct est_piece *piece = &c->pieces[s->first_piece + i];

		if (!c->piece[s->first_piece + i]) {
			between.pages += piece->count.anon;
			between.saved += est_gain_worth(&piece->gain);
			continue;
		}
		if (r.pages && piece->start > r.end &&
		    !is_bridged(c, piece->start - r.end, between.pages, gap)) {
			put_range(c, &r);
			r.pages = 0;
		}
		if (!r.pages) {
			r.start = piece->start;
			r.saved = 0;
			between = (struct est_amount){ 0 };
		}
		r.end = piece->end;
		r.pages += between.pages + piece->count.anon;
		r.saved += between.saved + est_gain_worth(&piece->gain);
		between = (struct est_amount){ 0 };
	}
	if (r.pages)
		put_range(c, &r);
}

static void proc_ranges(struct choice *c, const struct est_proc *p, uint64_t gap)
{
	for (size_t j = 0; j < p->n_segs; j++) {
		const struct est_seg *s = &p->segs[j];

		if (c->seg[p->first_seg + j])
			put_range(c, &(struct est_range){ p, s, s->start, s->end, s->count.anon,
							  est_gain_worth(&s->gain) });
		else
			seg_ranges(c, p, s, gap);
	}
}

/* What saves most first. */
static int by_saved(const void *a, const void *b)
{
	const struct est_range *x = a, *y = b;

	if (x->saved != y->saved)
		return x->saved < y->saved ? 1 : -1;
	return (x->start > y->start) - (x->start < y->start);
}

static int by_address(const void *a, const void *b)
{
	const struct est_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Wider gaps are bridged until ranges are few; where they are of many mappings, some go. */
static void bounded_ranges(struct choice *c, const struct est_proc *p)
{
	const size_t max = c->o->max_ranges ? c->o->max_ranges : EST_PLACES_MAX;
	const size_t before = c->out->n;
	struct est_range *first = c->out->range + before;
	uint64_t gap = JOIN_PIECES * c->o->piece_bytes;

	proc_ranges(c, p, gap);
	while (c->out->n - before > max && gap < EVERY_GAP) {
		c->out->n = before;
		gap *= 2;
		proc_ranges(c, p, gap);
	}
	if (c->out->n - before <= max)
		return;
	qsort(first, c->out->n - before, sizeof(*first), by_saved);
	c->out->n = before + max;
	qsort(first, max, sizeof(*first), by_address);
}

static int choice_init(struct choice *c)
{
	for (size_t i = 0; i < c->n_procs; i++) {
		const struct est_proc *p = c->procs[i];

		c->n_segs = MAX(c->n_segs, p->first_seg + p->n_segs);
		for (size_t j = 0; j < p->n_segs; j++)
			c->n_pieces = MAX(c->n_pieces,
					  p->segs[j].first_piece + p->segs[j].n_pieces);
	}
	c->cand = calloc(c->n_segs + c->n_pieces + 1, sizeof(*c->cand));
	c->seg = calloc(c->n_segs + 1, sizeof(*c->seg));
	c->piece = calloc(c->n_pieces + 1, sizeof(*c->piece));
	return c->cand && c->seg && c->piece ? 0 : -ENOMEM;
}

/* A range that had to take along too much does not pay any more. */
static void add_up(struct choice *c)
{
	struct est_places *out = c->out;
	size_t kept = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct est_range *r = &out->range[i];

		if (!pays(c, r->pages, r->saved))
			continue;
		out->chosen.pages += r->pages;
		out->chosen.saved += r->saved;
		out->range[kept++] = *r;
	}
	out->n = kept;
}

static int choose(struct choice *c)
{
	struct est_places *out = c->out;

	for (size_t i = 0; i < c->n_procs; i++)
		for (size_t j = 0; j < c->procs[i]->n_segs; j++)
			add_seg(c, &c->procs[i]->segs[j], c->procs[i]->first_seg + j);
	take(c);
	round_up(c);
	out->range = calloc(c->n_cand + 1, sizeof(*out->range));
	if (!out->range)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_procs; i++)
		bounded_ranges(c, c->procs[i]);
	add_up(c);
	return 0;
}

int est_places_choose(struct est_proc *const *procs, size_t n_procs,
		      const struct est_piece *pieces, const struct est_places_opts *o,
		      struct est_places *out)
{
	struct choice c = { .o = o, .procs = procs, .n_procs = n_procs, .pieces = pieces,
			    .out = out };
	int rc;

	*out = (struct est_places){ 0 };
	rc = choice_init(&c);
	if (!rc)
		rc = choose(&c);
	free(c.cand);
	free(c.seg);
	free(c.piece);
	return rc;
}

void est_places_fini(struct est_places *p)
{
	free(p->range);
	*p = (struct est_places){ 0 };
}
