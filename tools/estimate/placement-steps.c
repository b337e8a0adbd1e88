// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * placement-steps.c - from one placement to a better one, step by step.  Pure.
 */
#include "estimate/placement-work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

#define ROUNDS 100 /* of steps; each halves what is left to gain, more or less */

static bool step_fits(const struct placement_work *w, const struct placement_step *s)
{
	const uint64_t in = pages_of(w, s->guest);
	const uint64_t out = s->partner == PLACEMENT_NOWHERE ? 0 : pages_of(w, s->partner);

	return has_room(w, s->to, in, out) && has_room(w, s->from, out, in);
}

/* Guests of which two placements differ. */
static size_t apart(const struct placement_work *w, const uint32_t *a, const uint32_t *b)
{
	size_t n = 0;

	for (size_t g = 0; g < w->n; g++)
		n += a[g] != b[g];
	return n;
}

/* How many more guests are away from home by it. */
static int step_moves(const struct placement_work *w, const struct placement_step *s)
{
	int n = (s->to != w->home[s->guest]) - (s->from != w->home[s->guest]);

	if (s->partner != PLACEMENT_NOWHERE)
		n += (s->from != w->home[s->partner]) - (s->to != w->home[s->partner]);
	return n;
}

static void step_undo(const struct placement_step *s, uint32_t *where)
{
	where[s->guest] = s->from;
	if (s->partner != PLACEMENT_NOWHERE)
		where[s->partner] = s->to;
}

static void list_add(uint32_t *list, size_t *n, uint32_t g)
{
	size_t at = *n;

	if (g == PLACEMENT_NOWHERE)
		return;
	for (size_t i = 0; i < *n; i++)
		if (list[i] == g)
			return;
	for (; at && list[at - 1] > g; at--)
		list[at] = list[at - 1];
	list[at] = g;
	(*n)++;
}

/* Who is first before or after: all others of both hosts are saved, and stay so. */
static void add_by_fronts(struct placement_work *w, const struct placement_step *s, uint32_t c,
			  bool has_guest, bool has_partner, const uint32_t *where,
			  struct placement_change *out)
{
	const struct placement_front *from = placement_front(w, c, s->from),
				     *to = placement_front(w, c, s->to);
	uint32_t list[6];
	size_t n = 0;

	list_add(list, &n, from->first);
	list_add(list, &n, from->second);
	list_add(list, &n, to->first);
	list_add(list, &n, to->second);
	if (has_guest)
		list_add(list, &n, s->guest);
	if (has_partner)
		list_add(list, &n, s->partner);
	placement_add_holders(w, c, list, n, where, w->other, out);
}

struct placement_change placement_step_change(struct placement_work *w,
					      const struct placement_step *s, const uint32_t *where,
					      bool fronts)
{
	const uint32_t *const content = w->s->content;
	size_t i = w->s->start[s->guest], j = 0, i_end = w->s->start[s->guest + 1], j_end = 0;
	struct placement_change c = { 0 };

	if (s->partner != PLACEMENT_NOWHERE) {
		j = w->s->start[s->partner];
		j_end = w->s->start[s->partner + 1];
	}
	step_do(s, w->other);
	/* No other content changes than those of both. */
	while (i < i_end || j < j_end) {
		const uint32_t a = i < i_end ? content[i] : PLACEMENT_NOWHERE;
		const uint32_t b = j < j_end ? content[j] : PLACEMENT_NOWHERE;
		const uint32_t one = MIN(a, b);

		if (fronts && w->s->popular[one] != PLACEMENT_NOWHERE)
			add_by_fronts(w, s, one, a == one, b == one, where, &c);
		else
			placement_add_content(w, one, where, w->other, &c);
		i += a == one;
		j += b == one;
	}
	step_undo(s, w->other);
	return c;
}

/* Pages that are copied for it: of those that leave home, less of those that come back. */
static double step_pages(const struct placement_work *w, const struct placement_step *s)
{
	const bool leaves = s->from == w->home[s->guest], comes = s->to == w->home[s->guest];
	double pages = (leaves - comes) * (double)pages_of(w, s->guest);

	if (s->partner == PLACEMENT_NOWHERE)
		return pages;
	return pages + ((s->to == w->home[s->partner]) - (s->from == w->home[s->partner])) *
			       (double)pages_of(w, s->partner);
}

bool placement_pays(const struct placement_work *w, const struct placement_change *c, size_t guests,
		    double pages)
{
	return sum(c) > PLACEMENT_NOTHING && sum(c) * sum(c) > w->z2 * guests * c->var &&
	       sum(c) >= w->p->worth * pages;
}

static bool find_move(const struct placement_work *w, uint32_t g, const uint32_t *where,
		      struct placement_step *out)
{
	*out = (struct placement_step){ .guest = g,
					.partner = PLACEMENT_NOWHERE,
					.from = where[g],
					.gain = PLACEMENT_NOTHING };
	for (uint32_t h = 0; h < w->n_hosts; h++) {
		const double gain = join(w, g, h) - join(w, g, where[g]);

		if (h == where[g] || gain <= out->gain || !has_room(w, h, pages_of(w, g), 0))
			continue;
		out->gain = gain;
		out->to = h;
	}
	return out->gain > PLACEMENT_NOTHING;
}

/* Those that may be the best: what both have in common is still counted. */
static size_t find_partners(const struct placement_work *w, uint32_t g, const uint32_t *where,
			    struct placement_step *out)
{
	const double stays = join(w, g, where[g]);
	size_t n = 0;

	for (uint32_t e = g + 1; e < w->n; e++) {
		const double gain =
			join(w, g, where[e]) - stays + join(w, e, where[g]) - join(w, e, where[e]);
		const struct placement_step s = { g, e, where[g], where[e], gain, 0 };
		size_t at;

		if (where[e] == where[g] || gain <= PLACEMENT_NOTHING ||
		    (n == PLACEMENT_PARTNERS && gain <= out[n - 1].gain) || !step_fits(w, &s))
			continue;
		n = MIN(n + 1, (size_t)PLACEMENT_PARTNERS);
		for (at = n - 1; at && out[at - 1].gain < gain; at--)
			out[at] = out[at - 1];
		out[at] = s;
	}
	return n;
}

static int by_gain(const void *a, const void *b)
{
	const struct placement_step *x = a, *y = b;
	const double gx = x->gain / x->added, gy = y->gain / y->added;

	if (gx != gy)
		return gx < gy ? 1 : -1;
	if (x->guest != y->guest)
		return x->guest < y->guest ? -1 : 1;
	return (x->partner > y->partner) - (x->partner < y->partner);
}

static size_t find_steps(struct placement_work *w, const uint32_t *where)
{
	size_t n = 0;

	for (uint32_t g = 0; g < w->n; g++)
		placement_join_row_by_fronts(w, g, where);
	for (uint32_t g = 0; g < w->n; g++) {
		const size_t first = n;

		n += find_move(w, g, where, &w->steps[n]);
		n += find_partners(w, g, where, &w->steps[n]);
		for (size_t i = first; i < n; i++) {
			struct placement_step *s = &w->steps[i];

			if (s->partner != PLACEMENT_NOWHERE) {
				const struct placement_change c =
					placement_step_change(w, s, where, true);

				s->gain = sum(&c);
			}
			s->added = MAX(step_moves(w, s), 1);
		}
	}
	qsort(w->steps, n, sizeof(*w->steps), by_gain);
	return n;
}

void placement_set_load(struct placement_work *w, const uint32_t *where)
{
	memset(w->load, 0, w->n_hosts * sizeof(*w->load));
	for (uint32_t g = 0; g < w->n; g++)
		if (where[g] != PLACEMENT_NOWHERE)
			w->load[where[g]] += pages_of(w, g);
}

static bool still_stands(const struct placement_step *s, const uint32_t *where)
{
	return where[s->guest] == s->from &&
	       (s->partner == PLACEMENT_NOWHERE || where[s->partner] == s->to);
}

void placement_improve(struct placement_work *w, uint32_t *where)
{
	size_t away = apart(w, where, w->home), taken = 1;

	placement_set_load(w, where);
	placement_fronts_all(w, where);
	memcpy(w->other, where, w->n * sizeof(*where));
	for (unsigned int round = 0; taken && round < ROUNDS; round++) {
		const size_t n = find_steps(w, where);

		taken = 0;
		for (size_t i = 0; i < n; i++) {
			const struct placement_step *s = &w->steps[i];
			struct placement_change c;

			if (s->gain <= PLACEMENT_NOTHING || !still_stands(s, where) ||
			    !step_fits(w, s) ||
			    (step_moves(w, s) > 0 && away + step_moves(w, s) > w->p->max_moves))
				continue;
			c = placement_step_change(w, s, where, true);
			if (sum(&c) < s->gain / 2 ||
			    !placement_pays(w, &c, s->partner == PLACEMENT_NOWHERE ? 1 : 2,
					    step_pages(w, s)))
				continue;
			away += step_moves(w, s);
			step_do(s, where);
			step_do(s, w->other);
			placement_set_load(w, where);
			placement_fronts_of(w, s->guest, s->from, s->to, where);
			if (s->partner != PLACEMENT_NOWHERE)
				placement_fronts_of(w, s->partner, s->from, s->to, where);
			taken++;
		}
	}
}
