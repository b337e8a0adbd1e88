// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * placement-saved.c - what guests have in common, and what a placement saves by it.  Pure.
 *
 * Saved on a host is, of each content, each guest that has it but one.  A sketch knows
 * the contents below its largest hash, a share p of all its own, so each of these
 * stands for 1/p: its weight.  The guests of a host that have a content stand in order
 * of weight.  A guest then counts with its weight unless it is the first: all before
 * it know the content where it does, so that this has no bias, whatever the sizes.
 * The first is free, and it is that of the smallest weight.
 */
#include "estimate/placement-work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

/* --- samples --- */

struct entry {
	uint64_t hash;
	uint32_t guest;
};

static int by_hash(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->guest > y->guest) - (x->guest < y->guest);
}

void placement_sample_fini(struct placement_sample *s)
{
	free(s->holder);
	free(s->first);
	free(s->content);
	free(s->start);
	free(s->fact);
	free(s->popular);
}

static struct entry *collect(const struct placement_work *w, enum placement_use use, size_t *n)
{
	struct entry *e;
	size_t room = 0;

	for (size_t g = 0; g < w->n; g++)
		room += w->guest[g]->sketch->n;
	e = malloc(MAX(room, (size_t)1) * sizeof(*e));
	*n = 0;
	for (size_t g = 0; e && g < w->n; g++) {
		const struct est_sketch *s = w->guest[g]->sketch;

		for (size_t i = 0; i < est_sketch_known(s); i++)
			if (use != PLACEMENT_TO_CHOOSE || s->item[i].hash % 2 == 0)
				e[(*n)++] = (struct entry){ s->item[i].hash, g };
	}
	if (e)
		qsort(e, *n, sizeof(*e), by_hash);
	return e;
}

static int sample_alloc(struct placement_sample *s, size_t n_entries, size_t n_guests)
{
	s->holder = calloc(n_entries + 1, sizeof(*s->holder));
	s->first = calloc(n_entries + 1, sizeof(*s->first));
	s->content = calloc(n_entries + 1, sizeof(*s->content));
	s->start = calloc(n_guests + 2, sizeof(*s->start));
	s->fact = calloc(n_entries + 1, sizeof(*s->fact));
	s->popular = calloc(n_entries + 1, sizeof(*s->popular));
	return s->holder && s->first && s->content && s->start && s->fact && s->popular ? 0
											: -ENOMEM;
}

int placement_sample_init(struct placement_sample *s, const struct placement_work *w,
			  enum placement_use use)
{
	struct entry *e __cleanup_free = NULL;
	size_t n, at = 0;

	s->scale = use == PLACEMENT_FOR_ALL ? 1 : 2;
	s->less = use == PLACEMENT_TO_TELL;
	e = collect(w, use, &n);
	if (!e || sample_alloc(s, n, w->n))
		return -ENOMEM;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && e[j].hash == e[i].hash; j++)
			;
		if (j == i + 1)
			continue;
		s->fact[s->n] = use == PLACEMENT_TO_TELL && e[i].hash % 2 == 0;
		s->popular[s->n] = j - i > w->n_hosts ? s->n_popular++ : PLACEMENT_NOWHERE;
		s->first[s->n++] = at;
		for (; i < j; i++) {
			s->holder[at++] = e[i].guest;
			s->start[e[i].guest + 2]++;
		}
	}
	s->first[s->n] = at;
	/* Ends become starts while the contents are filled in. */
	for (size_t g = 0; g < w->n; g++)
		s->start[g + 2] += s->start[g + 1];
	for (size_t c = 0; c < s->n; c++)
		for (size_t i = s->first[c]; i < s->first[c + 1]; i++)
			s->content[s->start[s->holder[i] + 1]++] = c;
	return 0;
}

/* --- what a placement saves --- */

double placement_stands_for(const struct placement_work *w, uint32_t content, uint32_t g)
{
	return w->s->fact[content] ? 1 : w->weight[g] * w->s->scale - w->s->less;
}

void placement_stamp(struct placement_work *w)
{
	if (++w->stamp)
		return;
	memset(w->seen_before, 0, w->n_hosts * sizeof(*w->seen_before));
	memset(w->seen_after, 0, w->n_hosts * sizeof(*w->seen_after));
	w->stamp = 1;
}

bool placement_is_saved(const struct placement_work *w, uint32_t *seen, uint32_t host)
{
	if (host == PLACEMENT_NOWHERE)
		return false;
	if (seen[host] == w->stamp)
		return true;
	seen[host] = w->stamp;
	return false;
}

void placement_add_holders(struct placement_work *w, uint32_t c, const uint32_t *holder, size_t n,
			   const uint32_t *before, const uint32_t *after,
			   struct placement_change *out)
{
	double pages = 0, var = 0, acc = 0;

	placement_stamp(w);
	for (size_t i = 0; i < n; i++) {
		const uint32_t g = holder[i];
		const int d = placement_is_saved(w, w->seen_after, after[g]) -
			      (before && placement_is_saved(w, w->seen_before, before[g]));
		double one;

		if (!d)
			continue;
		one = placement_stands_for(w, c, g);
		var += one * (one - 1) + 2 * d * one * acc;
		acc += d * (one - 1);
		pages += d * one;
	}
	var = MAX(var, 0.0);
	out->var += var;
	if (pages > 0) {
		out->more += pages;
		out->more_var += var;
	} else if (pages < 0) {
		out->less -= pages;
		out->less_var += var;
	}
}

void placement_add_content(struct placement_work *w, uint32_t c, const uint32_t *before,
			   const uint32_t *after, struct placement_change *out)
{
	const size_t first = w->s->first[c];

	placement_add_holders(w, c, w->s->holder + first, w->s->first[c + 1] - first, before, after,
			      out);
}

struct placement_front *placement_front(const struct placement_work *w, uint32_t content,
					uint32_t host)
{
	return &w->front[w->s->popular[content] * w->n_hosts + host];
}

static void front_add(struct placement_front *f, uint32_t g)
{
	if (f->first == PLACEMENT_NOWHERE)
		f->first = g;
	else if (f->second == PLACEMENT_NOWHERE)
		f->second = g;
}

/* Of one host, after a guest came or went. */
static void front_again(struct placement_work *w, uint32_t content, uint32_t host,
			const uint32_t *where)
{
	struct placement_front *f = placement_front(w, content, host);

	*f = (struct placement_front){ PLACEMENT_NOWHERE, PLACEMENT_NOWHERE };
	for (size_t i = w->s->first[content]; i < w->s->first[content + 1]; i++)
		if (where[w->s->holder[i]] == host)
			front_add(f, w->s->holder[i]);
}

void placement_fronts_of(struct placement_work *w, uint32_t g, uint32_t from, uint32_t to,
			 const uint32_t *where)
{
	for (size_t k = w->s->start[g]; k < w->s->start[g + 1]; k++) {
		const uint32_t c = w->s->content[k];

		if (w->s->popular[c] == PLACEMENT_NOWHERE)
			continue;
		front_again(w, c, from, where);
		front_again(w, c, to, where);
	}
}

void placement_fronts_all(struct placement_work *w, const uint32_t *where)
{
	for (size_t i = 0; i < w->s->n_popular * w->n_hosts; i++)
		w->front[i] = (struct placement_front){ PLACEMENT_NOWHERE, PLACEMENT_NOWHERE };
	for (uint32_t c = 0; c < w->s->n; c++)
		for (size_t i = w->s->first[c]; i < w->s->first[c + 1]; i++)
			if (w->s->popular[c] != PLACEMENT_NOWHERE &&
			    where[w->s->holder[i]] != PLACEMENT_NOWHERE)
				front_add(placement_front(w, c, where[w->s->holder[i]]),
					  w->s->holder[i]);
}

struct placement_change placement_change_all(struct placement_work *w, const uint32_t *before,
					     const uint32_t *after)
{
	struct placement_change c = { 0 };

	for (size_t i = 0; i < w->s->n; i++)
		placement_add_content(w, i, before, after, &c);
	return c;
}

static void join_content(struct placement_work *w, uint32_t g, uint32_t c, const uint32_t *where,
			 double *row)
{
	placement_stamp(w);
	for (size_t i = w->s->first[c]; i < w->s->first[c + 1]; i++) {
		const uint32_t e = w->s->holder[i], host = where[e];

		if (e != g && host != PLACEMENT_NOWHERE &&
		    !placement_is_saved(w, w->seen_after, host))
			row[host] += placement_stands_for(w, c, MAX(g, e));
	}
}

void placement_join_row(struct placement_work *w, uint32_t g, const uint32_t *where)
{
	double *const row = w->join + g * w->n_hosts;

	memset(row, 0, w->n_hosts * sizeof(*row));
	for (size_t k = w->s->start[g]; k < w->s->start[g + 1]; k++)
		join_content(w, g, w->s->content[k], where, row);
}

void placement_join_row_by_fronts(struct placement_work *w, uint32_t g, const uint32_t *where)
{
	double *const row = w->join + g * w->n_hosts;

	memset(row, 0, w->n_hosts * sizeof(*row));
	for (size_t k = w->s->start[g]; k < w->s->start[g + 1]; k++) {
		const uint32_t c = w->s->content[k];

		if (w->s->popular[c] == PLACEMENT_NOWHERE) {
			join_content(w, g, c, where, row);
			continue;
		}
		for (uint32_t h = 0; h < w->n_hosts; h++) {
			const struct placement_front *f = placement_front(w, c, h);
			const uint32_t e = f->first == g ? f->second : f->first;

			if (e != PLACEMENT_NOWHERE)
				row[h] += placement_stands_for(w, c, MAX(g, e));
		}
	}
}
