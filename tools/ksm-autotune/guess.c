// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guess.c - from the estimator's figures to what is promised of each process.
 */
#include "ksm-autotune/guess.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "estimate/places.h"
#include "util/macros.h"
#include "util/num.h"

#define PIECE_BYTES (UINT64_C(2) << 20)

static int64_t bytes(const struct est *e, double pages)
{
	return num_mul_sat(llround(pages), (int64_t)e->page_size);
}

static struct tune_guess *find(struct tune_guesses *g, const struct est_proc *p)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].id.pid == p->pid && g->v[i].id.start_ticks == p->start_ticks)
			return &g->v[i];
	return NULL;
}

/* What is known of all is how far off their sum may be. */
static double lower(const struct est *e)
{
	return e->total.saved > 0 ? MIN(MAX(e->low / e->total.saved, 0.0), 1.0) : 0;
}

static void take_whole(struct tune_guesses *g)
{
	const struct est *e = &g->e;

	for (size_t i = 0; i < e->n_procs; i++) {
		const struct est_proc *p = e->procs[i];
		struct tune_guess *to = find(g, p);

		if (!to)
			continue;
		to->rc = p->rc;
		to->saved_bytes = bytes(e, p->gain.saved);
		to->low_bytes = bytes(e, p->gain.saved * lower(e));
		to->meta_bytes = est_metadata(p);
	}
}

/* What we marked in those that are looked at anew; a note that is gone leaves nothing of it. */
static void read_notes(struct tune_guesses *g)
{
	for (size_t i = 0; i < g->e.n_procs; i++) {
		struct est_proc *p = g->e.procs[i];
		const struct tune_guess *of = find(g, p);
		struct ksm_marks m = { 0 };

		if (of && of->again && !p->rc && !ksm_marks_read(g->k, NULL, &of->id, &m))
			for (size_t j = 0; j < p->n_segs; j++)
				p->segs[j].ours = p->segs[j].mergeable &&
						  ksm_marks_cover(&m, p->segs[j].start,
								  p->segs[j].end);
		ksm_marks_fini(&m);
	}
}

static int take_again(struct tune_guess *to, const struct est *e, const struct est_proc *p,
		      const struct est_places_opts *o)
{
	struct est_again now;
	int rc = est_again_decide(p, e->pieces, o, &now);

	for (size_t i = 0; !rc && i < now.n_cold; i++)
		rc = ksm_marks_add(&to->cold, now.cold[i].start, now.cold[i].end);
	to->held = now.held;
	to->marked = now.ours.pages > 0;
	est_again_fini(&now);
	return rc;
}

static int take_places(struct tune_guesses *g)
{
	const struct est *e = &g->e;
	const struct est_places_opts o = {
		.share = g->share,
		.page_size = e->page_size,
		.piece_bytes = e->opt.piece_bytes,
	};
	struct est_places found;
	int rc;

	read_notes(g);
	rc = est_places_choose(e->procs, e->n_procs, e->pieces, &o, &found);

	for (size_t i = 0; !rc && i < e->n_procs; i++) {
		struct tune_guess *to = find(g, e->procs[i]);

		if (!to)
			continue;
		to->rc = e->procs[i]->rc;
		to->saved_bytes = to->low_bytes = to->meta_bytes = 0;
		to->whole_low_bytes = bytes(e, e->procs[i]->gain.saved * lower(e));
		to->whole_meta_bytes = est_metadata(e->procs[i]);
		if (to->again && !to->rc)
			rc = take_again(to, e, e->procs[i], &o);
	}
	for (size_t i = 0; !rc && i < found.n; i++) {
		const struct est_range *r = &found.range[i];
		struct tune_guess *to = find(g, r->proc);

		/* What it gives is known, and no guess. */
		if (!to || r->seg->ours)
			continue;
		to->saved_bytes = num_add_sat(to->saved_bytes, bytes(e, r->saved));
		to->low_bytes = num_add_sat(to->low_bytes, bytes(e, r->saved * lower(e)));
		to->meta_bytes += r->pages * EST_ITEM_BYTES;
		rc = ksm_marks_add(&to->marks, r->start, r->end);
	}
	est_places_fini(&found);
	return rc;
}

static void prepare(struct tune_guesses *g)
{
	const uint64_t page = ksm_page_size(g->k);

	g->e.k = g->k;
	g->e.opt = (struct est_opts){
		.by = -1,
		.jobs = 1,
		.names = g->places,
		.piece_bytes = g->places ? MAX(PIECE_BYTES, EST_PIECE_MIN_PAGES * page) : 0,
	};
	g->e.limits.max_cpu = g->cpu;
	g->e.limits.max_memory = g->max_memory;
}

static int estimate(struct tune_guesses *g)
{
	struct est *e = &g->e;
	int rc = est_key_new(&e->key);

	for (size_t i = 0; !rc && i < g->n; i++)
		rc = est_add(e, &g->v[i].id);
	if (!rc)
		rc = est_read(e);
	if (!rc)
		rc = est_decide(e);
	if (rc)
		return rc;
	if (g->places)
		return take_places(g);
	take_whole(g);
	return 0;
}

void tune_guess(struct tune_guesses *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->v[i].rc = -ESRCH;
	prepare(g);
	g->rc = estimate(g);
	if (g->rc)
		snprintf(g->why, sizeof(g->why), "%s", est_why_text(g->e.why, g->rc));
	est_fini(&g->e);
}

int tune_guesses_init(struct tune_guesses *g, size_t n)
{
	*g = (struct tune_guesses){ .n = n };
	g->v = calloc(MAX(n, (size_t)1), sizeof(*g->v));
	return g->v ? 0 : -ENOMEM;
}

void tune_guesses_fini(struct tune_guesses *g)
{
	for (size_t i = 0; i < g->n; i++) {
		ksm_marks_fini(&g->v[i].marks);
		ksm_marks_fini(&g->v[i].cold);
	}
	free(g->v);
	*g = (struct tune_guesses){ 0 };
}
