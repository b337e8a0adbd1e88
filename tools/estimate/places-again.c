// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * places-again.c - what a later look changes of the places that were marked.  Pure.
 *
 * What became hot is chosen by places.c as if nothing were marked; here is what went
 * cold.
 */
#include "estimate/places.h"

#include <errno.h>
#include <stdlib.h>

#include "util/strip.h"

static bool is_cold(uint64_t pages, double saved)
{
	return pages && saved < STRIP_FEW * pages;
}

static void put(struct est_again *out, struct est_range *r)
{
	if (r->pages && out->n_cold < EST_PLACES_MAX)
		out->cold[out->n_cold++] = *r;
	r->pages = 0;
}

/* Runs of cold pieces; what is empty between two of them goes along. */
static void cold_of(const struct est_proc *p, const struct est_seg *s,
		    const struct est_piece *pieces, struct est_again *out)
{
	struct est_range r = { .proc = p, .seg = s };
	bool all = true;

	for (size_t i = 0; i < s->n_pieces; i++) {
		const struct est_piece *piece = &pieces[s->first_piece + i];

		if (!piece->count.anon)
			continue;
		if (!is_cold(piece->count.anon, est_gain_worth(&piece->gain))) {
			all = false;
			put(out, &r);
			continue;
		}
		if (!r.pages) {
			r.start = piece->start;
			r.saved = 0;
		}
		r.end = piece->end;
		r.pages += piece->count.anon;
		r.saved += est_gain_worth(&piece->gain);
	}
	/* No rest of a mapping stays behind. */
	if (all && r.pages) {
		r.start = s->start;
		r.end = s->end;
	}
	put(out, &r);
}

int est_again_decide(const struct est_proc *p, const struct est_piece *pieces,
		     const struct est_places_opts *o, struct est_again *out)
{
	double others = 0;

	*out = (struct est_again){ .cold = calloc(EST_PLACES_MAX, sizeof(*out->cold)) };
	if (!out->cold)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_segs; i++) {
		const struct est_seg *s = &p->segs[i];

		if (s->ours) {
			out->ours.pages += s->count.anon;
			out->ours.saved += est_gain_worth(&s->gain);
			/* A part of [stack] is never changed: an injection needs it whole. */
			if (!s->stack || is_cold(s->count.anon, est_gain_worth(&s->gain)))
				cold_of(p, s, pieces, out);
		} else if (!s->mergeable) {
			others += est_gain_worth(&s->gain);
		}
	}
	out->held = out->ours.saved + others > 0 ?
			    MIN(out->ours.saved / (o->share * (out->ours.saved + others)), 1.0) :
			    1;
	return 0;
}

void est_again_fini(struct est_again *a)
{
	free(a->cold);
	*a = (struct est_again){ 0 };
}
