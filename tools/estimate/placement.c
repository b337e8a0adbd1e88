// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * placement.c - guests to hosts, by what their sketches have in common: from the present
 * placement and from others packed anew, the best that steps lead to.  Pure.
 */
#include "estimate/placement-work.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

#define STARTS	    64 /* from nothing, at most */
#define STARTS_WORK 4096 /* starts times guests: of many guests each takes its time */

/* --- packing anew --- */

static double pages_away(const struct placement_work *w, const uint32_t *where)
{
	double pages = 0;

	for (size_t g = 0; g < w->n; g++)
		if (where[g] != w->home[g])
			pages += pages_of(w, g);
	return pages;
}

struct size {
	uint64_t pages;
	uint32_t guest;
};

static int by_size(const void *a, const void *b)
{
	const struct size *x = a, *y = b;

	if (x->pages != y->pages)
		return x->pages < y->pages ? 1 : -1;
	return (x->guest > y->guest) - (x->guest < y->guest);
}

/* The same each time; how even it is does not matter here. */
static void shuffle(struct size *order, size_t n, unsigned int start)
{
	uint64_t state = start * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = n - 1; i; i--) {
		struct size *const other = &order[state % (i + 1)], was = *other;

		*other = order[i];
		order[i] = was;
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
	}
}

/* Where there is room and most in common; of equal ones home, then where most room is. */
static uint32_t find_host(const struct placement_work *w, uint32_t g)
{
	uint32_t best = PLACEMENT_NOWHERE;

	for (uint32_t h = 0; h < w->n_hosts; h++) {
		const struct est_host *host = &w->p->hosts[h];
		double gain = 0;

		if (!has_room(w, h, pages_of(w, g), 0))
			continue;
		if (best != PLACEMENT_NOWHERE)
			gain = join(w, g, h) - join(w, g, best);
		if (best == PLACEMENT_NOWHERE || gain > PLACEMENT_NOTHING)
			best = h;
		else if (gain < -PLACEMENT_NOTHING || best == w->home[g])
			continue;
		else if (h == w->home[g] ||
			 host->capacity - w->load[h] > w->p->hosts[best].capacity - w->load[best])
			best = h;
	}
	return best;
}

/*
 * From nothing; at the first start the largest first, which is how most fit, later in any
 * order.  1; 0 when not all did; -ENOMEM.
 */
static int pack(struct placement_work *w, unsigned int start, uint32_t *where)
{
	struct size *order __cleanup_free = calloc(w->n, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t g = 0; g < w->n; g++) {
		order[g] = (struct size){ pages_of(w, g), g };
		where[g] = PLACEMENT_NOWHERE;
	}
	qsort(order, w->n, sizeof(*order), by_size);
	if (start)
		shuffle(order, w->n, start);
	placement_set_load(w, where);
	for (size_t i = 0; i < w->n; i++) {
		const uint32_t g = order[i].guest;

		placement_join_row(w, g, where);
		where[g] = find_host(w, g);
		if (where[g] == PLACEMENT_NOWHERE)
			return 0;
		w->load[where[g]] += order[i].pages;
	}
	return 1;
}

/* Whose being away does not pay goes home again, where there is room. */
static void send_home(struct placement_work *w, uint32_t *where)
{
	placement_set_load(w, where);
	memcpy(w->other, where, w->n * sizeof(*where));
	for (uint32_t g = 0; g < w->n; g++) {
		const struct placement_step s = {
			g, PLACEMENT_NOWHERE, where[g], w->home[g], 0, 0
		};
		struct placement_change c, back;

		if (where[g] == w->home[g] || !has_room(w, w->home[g], pages_of(w, g), 0))
			continue;
		back = placement_step_change(w, &s, where, false);
		c = (struct placement_change){ .more = back.less,
					       .less = back.more,
					       .var = back.var };
		if (placement_pays(w, &c, 1, pages_of(w, g)))
			continue;
		step_do(&s, where);
		step_do(&s, w->other);
		placement_set_load(w, where);
	}
}

static bool is_better(struct placement_work *w, const uint32_t *was, const uint32_t *now)
{
	const struct placement_change c = placement_change_all(w, was, now);

	return placement_pays(w, &c, 1, pages_away(w, now) - pages_away(w, was));
}

/* To @where. */
static int choose(struct placement_work *w, const struct placement_sample *tells)
{
	const unsigned int starts = MIN(MAX(STARTS_WORK / w->n, (size_t)1), (size_t)STARTS);

	memcpy(w->where, w->home, w->n * sizeof(*w->where));
	placement_improve(w, w->where);
	send_home(w, w->where);
	/* To begin anew moves most of them. */
	if (w->p->max_moves < w->n)
		return 0;
	memcpy(w->packed, w->where, w->n * sizeof(*w->where));
	for (unsigned int start = 0; start < starts; start++) {
		const int rc = pack(w, start, w->best);

		if (rc < 0)
			return rc;
		if (!rc)
			continue;
		placement_improve(w, w->best);
		send_home(w, w->best);
		if (is_better(w, w->packed, w->best))
			memcpy(w->packed, w->best, w->n * sizeof(*w->where));
	}
	/*
	 * As a whole it was not chosen step by step, each more than chance; but what did
	 * not choose it can say whether it is better.
	 */
	w->s = tells;
	if (is_better(w, w->where, w->packed))
		memcpy(w->where, w->packed, w->n * sizeof(*w->where));
	return 0;
}

/* --- set-up --- */

static int by_weight(const void *a, const void *b)
{
	const struct est_guest *x = *(struct est_guest *const *)a,
			       *y = *(struct est_guest *const *)b;
	const double px = est_sketch_share(x->sketch), py = est_sketch_share(y->sketch);

	if (px != py)
		return px > py ? -1 : 1;
	return (x > y) - (x < y);
}

static int work_init(struct placement_work *w)
{
	const size_t n = w->n;

	w->guest = calloc(n, sizeof(*w->guest));
	w->weight = calloc(n, sizeof(*w->weight));
	w->load = calloc(w->n_hosts, sizeof(*w->load));
	w->join = calloc(n * w->n_hosts, sizeof(*w->join));
	w->home = calloc(n, sizeof(*w->home));
	w->where = calloc(n, sizeof(*w->where));
	w->other = calloc(n, sizeof(*w->other));
	w->best = calloc(n, sizeof(*w->best));
	w->packed = calloc(n, sizeof(*w->packed));
	w->seen_before = calloc(w->n_hosts, sizeof(*w->seen_before));
	w->seen_after = calloc(w->n_hosts, sizeof(*w->seen_after));
	w->steps = calloc(n * (PLACEMENT_PARTNERS + 1), sizeof(*w->steps));
	if (!w->guest || !w->weight || !w->load || !w->join || !w->home || !w->where || !w->other ||
	    !w->best || !w->packed || !w->seen_before || !w->seen_after || !w->steps)
		return -ENOMEM;
	for (size_t g = 0; g < n; g++)
		w->guest[g] = &w->p->guests[g];
	qsort(w->guest, n, sizeof(*w->guest), by_weight);
	for (size_t g = 0; g < n; g++) {
		w->weight[g] = 1 / est_sketch_share(w->guest[g]->sketch);
		w->home[g] = w->guest[g]->host;
	}
	w->p->exact = w->weight[n - 1] <= 1;
	w->z2 = MAX(2 * log((double)n * w->n_hosts), 1.96 * 1.96);
	return 0;
}

static void work_fini(struct placement_work *w)
{
	free(w->guest);
	free(w->weight);
	free(w->load);
	free(w->join);
	free(w->home);
	free(w->where);
	free(w->other);
	free(w->best);
	free(w->packed);
	free(w->seen_before);
	free(w->seen_after);
	free(w->steps);
	free(w->front);
}

static int find(struct placement_work *w)
{
	struct placement_sample chooses = { 0 }, tells = { 0 };
	int rc = work_init(w);

	if (!rc)
		rc = placement_sample_init(&chooses, w,
					   w->p->exact ? PLACEMENT_FOR_ALL : PLACEMENT_TO_CHOOSE);
	if (!rc && !w->p->exact)
		rc = placement_sample_init(&tells, w, PLACEMENT_TO_TELL);
	w->s = &chooses;
	w->front = calloc(chooses.n_popular * w->n_hosts + 1, sizeof(*w->front));
	if (!rc && !w->front)
		rc = -ENOMEM;
	if (!rc)
		rc = choose(w, w->p->exact ? &chooses : &tells);
	w->s = &chooses;
	if (!rc)
		rc = placement_tell(w, w->p->exact ? &chooses : &tells);
	placement_sample_fini(&chooses);
	placement_sample_fini(&tells);
	return rc;
}

int est_place(struct est_placement *p)
{
	struct placement_work w = { .p = p, .n = p->n_guests, .n_hosts = p->n_hosts };
	int rc;

	if (p->n_guests > EST_PLACE_GUESTS_MAX || p->n_hosts > EST_PLACE_HOSTS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < p->n_guests; i++) {
		const struct est_sketch *a = p->guests[0].sketch, *b = p->guests[i].sketch;

		p->odd = i;
		if (a->key_id != b->key_id)
			return -EXDEV;
		if (a->page_size != b->page_size)
			return -EMEDIUMTYPE;
	}
	p->now = p->then = p->gain = (struct est_approx){ 0 };
	p->moves = p->pages_moved = 0;
	if (!p->n_guests || !p->n_hosts)
		return 0;
	rc = find(&w);
	work_fini(&w);
	return rc;
}
