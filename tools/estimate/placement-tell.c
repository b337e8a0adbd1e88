// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * placement-tell.c - the moves of a placement in an order, and what they give.  Pure.
 */
#include "estimate/placement-work.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/records.h"
#include "util/macros.h"

struct order {
	double gain;
	uint32_t guest;
};

static int by_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->gain != y->gain)
		return x->gain < y->gain ? 1 : -1;
	return (x->guest > y->guest) - (x->guest < y->guest);
}

/* Those that gain most first, and none where there is no room yet, as long as that goes. */
static int order_moves(struct placement_work *w)
{
	struct order *o __cleanup_free = calloc(w->n, sizeof(*o));
	size_t n = 0;

	if (!o)
		return -ENOMEM;
	for (uint32_t g = 0; g < w->n; g++) {
		w->guest[g]->to = w->where[g];
		if (w->where[g] == w->home[g])
			continue;
		placement_join_row(w, g, w->where);
		o[n++] = (struct order){ join(w, g, w->where[g]) - join(w, g, w->home[g]), g };
	}
	qsort(o, n, sizeof(*o), by_order);
	w->p->moves = n;
	memcpy(w->best, w->home, w->n * sizeof(*w->best));
	placement_set_load(w, w->best);
	for (size_t step = 1; n; step++) {
		struct est_guest *g;
		size_t i = 0;

		while (i < n && !has_room(w, w->where[o[i].guest], pages_of(w, o[i].guest), 0))
			i++;
		g = w->guest[o[i == n ? 0 : i].guest];
		g->tight = i == n;
		i = i == n ? 0 : i;
		g->step = step;
		w->load[w->home[o[i].guest]] -= est_guest_pages(g);
		w->load[g->to] += est_guest_pages(g);
		w->p->pages_moved += est_guest_pages(g);
		memmove(&o[i], &o[i + 1], (--n - i) * sizeof(*o));
	}
	return 0;
}

/* In the order of the steps, by what did not choose them. */
static int gains(struct placement_work *w)
{
	uint32_t *by_step __cleanup_free = calloc(w->p->moves + 1, sizeof(*by_step));

	if (!by_step)
		return -ENOMEM;
	for (uint32_t g = 0; g < w->n; g++)
		if (w->guest[g]->step)
			by_step[w->guest[g]->step - 1] = g;
	memcpy(w->best, w->home, w->n * sizeof(*w->best));
	memcpy(w->other, w->home, w->n * sizeof(*w->other));
	for (size_t i = 0; i < w->p->moves; i++) {
		const uint32_t g = by_step[i];
		const struct placement_step s = { g, PLACEMENT_NOWHERE, w->home[g], w->where[g], 0,
						  0 };
		const struct placement_change c = placement_step_change(w, &s, w->best, false);

		w->guest[g]->gain = sum(&c);
		step_do(&s, w->best);
		step_do(&s, w->other);
	}
	return 0;
}

static double smallest_share(const struct placement_work *w)
{
	/* They stand in order of weight. */
	return 1 / (w->weight[w->n - 1] * w->s->scale - w->s->less);
}

/* Of what only grows from nothing; @most: pages that there are. */
static struct est_approx range_saved(const struct placement_work *w,
				     const struct placement_change *c, double most)
{
	struct est_approx r = { .pages = MIN(c->more, most) };

	est_interval(c->more, c->more_var, smallest_share(w), &r.low, &r.high);
	r.low = MIN(r.low, r.pages);
	r.high = MIN(r.high, most);
	return r;
}

/* Of a difference. */
static struct est_approx range_gain(const struct placement_work *w,
				    const struct placement_change *c, double most)
{
	const double p = smallest_share(w), pages = sum(c);
	double more_low, more_high, less_low, less_high, low, high;

	est_interval(c->more, c->more_var, p, &more_low, &more_high);
	est_interval(c->less, c->less_var, p, &less_low, &less_high);
	/* Of different contents, so independent: the distances add up as their squares. */
	low = pages - hypot(c->more - more_low, less_high - c->less);
	high = pages + hypot(more_high - c->more, c->less - less_low);
	return (struct est_approx){ MAX(MIN(pages, most), -most), MAX(MIN(low, most), -most),
				    MAX(MIN(high, most), -most) };
}

static struct est_approx range_of(struct placement_work *w, const uint32_t *where, double most)
{
	const struct placement_change c = placement_change_all(w, NULL, where);

	return range_saved(w, &c, most);
}

/* Of each host, what all of them are together in range_of(). */
static int ranges_of_hosts(struct placement_work *w, const uint32_t *where, bool then)
{
	struct placement_change *c __cleanup_free = calloc(w->n_hosts, sizeof(*c));
	double *acc __cleanup_free = calloc(w->n_hosts, sizeof(*acc));

	if (!c || !acc)
		return -ENOMEM;
	for (size_t i = 0; i < w->s->n; i++) {
		placement_stamp(w);
		for (size_t k = w->s->first[i]; k < w->s->first[i + 1]; k++) {
			const uint32_t g = w->s->holder[k], h = where[g];
			const double one = placement_stands_for(w, i, g);

			if (!placement_is_saved(w, w->seen_after, h)) {
				acc[h] = 0;
				continue;
			}
			c[h].more += one;
			c[h].more_var += one * (one - 1) + 2 * one * acc[h];
			acc[h] += one - 1;
		}
	}
	for (size_t h = 0; h < w->n_hosts; h++) {
		struct est_host *host = &w->p->hosts[h];

		if (then)
			host->then = range_saved(w, &c[h], host->pages_then);
		else
			host->now = range_saved(w, &c[h], host->pages_now);
	}
	return 0;
}

static int figures(struct placement_work *w)
{
	struct est_placement *p = w->p;
	const struct placement_change c = placement_change_all(w, w->home, w->where);
	double most = 0;

	for (uint32_t g = 0; g < w->n; g++) {
		struct est_host *now = &p->hosts[w->home[g]], *then = &p->hosts[w->where[g]];

		now->guests_now++;
		now->pages_now += pages_of(w, g);
		then->guests_then++;
		then->pages_then += pages_of(w, g);
		most += w->guest[g]->sketch->pages;
	}
	p->now = range_of(w, w->home, most);
	p->then = range_of(w, w->where, most);
	if (p->moves)
		p->gain = range_gain(w, &c, most);
	return ranges_of_hosts(w, w->home, false) ? -ENOMEM : ranges_of_hosts(w, w->where, true);
}

int placement_tell(struct placement_work *w, const struct placement_sample *tells)
{
	int rc = order_moves(w);

	w->s = tells;
	if (!rc)
		rc = gains(w);
	return rc ? rc : figures(w);
}
