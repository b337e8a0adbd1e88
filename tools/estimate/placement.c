// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * placement.c - guests to hosts, by what their sketches have in common.  Pure.
 *
 * Saved on a host is, of each content, each guest that has it but one.  A sketch knows
 * the contents below its largest hash, a share p of all its own, so each of these
 * stands for 1/p: its weight.  The guests of a host that have a content stand in order
 * of weight.  A guest then counts with its weight unless it is the first: all before
 * it know the content where it does, so that this has no bias, whatever the sizes.
 * The first is free, and it is that of the smallest weight.
 */
#include "estimate/placement.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/records.h"
#include "util/macros.h"

#define NOWHERE	UINT32_MAX
#define ROUNDS	100	/* of steps; each halves what is left to gain, more or less */
#define STARTS	64	/* from nothing, at most */
#define STARTS_WORK 4096	/* starts times guests: of many guests each takes its time */
#define PARTNERS 4	/* to exchange a guest with, of whom it is computed exactly */
#define NOTHING	1e-6	/* pages: what sums of weights differ by from rounding */

/* Contents that two guests have at least, and which guests; guests in order of weight. */
struct sample {
	uint32_t *holder;	/* guests, ascending, content by content */
	size_t *first;		/* of a content in holder; one more than there are */
	uint32_t *content;	/* of each guest, guest by guest */
	size_t *start;		/* of a guest in content; one more than there are */
	bool *fact;		/* of a content: it stands for itself alone */
	uint32_t *popular;	/* of a content that more guests have than there are hosts: which */
	size_t n, n_popular;	/* contents */
	double scale, less;	/* what a content stands for: the weight times scale, less less */
};

struct step {
	uint32_t guest, partner;	/* partner: NOWHERE when it is a move */
	uint32_t from, to;
	double gain;
	unsigned int added;	/* guests that are away from home by it */
};

/* Of a popular content on a host: those of its guests that tell what a step changes. */
struct front {
	uint32_t first, second;	/* or NOWHERE */
};

struct work {
	struct est_placement *p;
	struct est_guest **guest;	/* in order of weight; all indices are in it */
	size_t n, n_hosts;
	double *weight;			/* without the scale of a sample */
	const struct sample *s;
	uint64_t *load;
	double *join;		/* what guests have in common with hosts, but for themselves */
	uint32_t *home, *where, *other, *best, *packed;	/* placements: a host for each guest */
	uint32_t *seen_before, *seen_after;	/* of a host: the content it was seen with */
	uint32_t stamp;
	struct front *front;	/* of popular contents, host by host, in @where of improve() */
	struct step *steps;
	double z2;		/* how many variances a gain squared must be more than */
};

/* Differences: what is gained, and apart what is lost. */
struct change {
	double more, less, more_var, less_var;
	double var;
};

static double sum(const struct change *c)
{
	return c->more - c->less;
}

/* --- samples --- */

/*
 * What chooses is the contents with even hashes, each for two.  These are lucky: of
 * them the chosen placement saves more than of others.  But that it does is a fact, so
 * when it is told what is saved, each of them counts as the one content that it is,
 * and those with odd hashes stand for all the rest.
 */
enum use { FOR_ALL, TO_CHOOSE, TO_TELL };

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

static void sample_fini(struct sample *s)
{
	free(s->holder);
	free(s->first);
	free(s->content);
	free(s->start);
	free(s->fact);
	free(s->popular);
}

static struct entry *collect(const struct work *w, enum use use, size_t *n)
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
			if (use != TO_CHOOSE || s->item[i].hash % 2 == 0)
				e[(*n)++] = (struct entry){ s->item[i].hash, g };
	}
	if (e)
		qsort(e, *n, sizeof(*e), by_hash);
	return e;
}

static int sample_alloc(struct sample *s, size_t n_entries, size_t n_guests)
{
	s->holder = calloc(n_entries + 1, sizeof(*s->holder));
	s->first = calloc(n_entries + 1, sizeof(*s->first));
	s->content = calloc(n_entries + 1, sizeof(*s->content));
	s->start = calloc(n_guests + 2, sizeof(*s->start));
	s->fact = calloc(n_entries + 1, sizeof(*s->fact));
	s->popular = calloc(n_entries + 1, sizeof(*s->popular));
	return s->holder && s->first && s->content && s->start && s->fact && s->popular ? 0 :
											  -ENOMEM;
}

static int sample_init(struct sample *s, const struct work *w, enum use use)
{
	struct entry *e __cleanup_free = NULL;
	size_t n, at = 0;

	s->scale = use == FOR_ALL ? 1 : 2;
	s->less = use == TO_TELL;
	e = collect(w, use, &n);
	if (!e || sample_alloc(s, n, w->n))
		return -ENOMEM;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && e[j].hash == e[i].hash; j++)
			;
		if (j == i + 1)
			continue;
		s->fact[s->n] = use == TO_TELL && e[i].hash % 2 == 0;
		s->popular[s->n] = j - i > w->n_hosts ? s->n_popular++ : NOWHERE;
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

/* Contents that one on @g stands for. */
static double stands_for(const struct work *w, uint32_t content, uint32_t g)
{
	return w->s->fact[content] ? 1 : w->weight[g] * w->s->scale - w->s->less;
}

static void stamp_next(struct work *w)
{
	if (++w->stamp)
		return;
	memset(w->seen_before, 0, w->n_hosts * sizeof(*w->seen_before));
	memset(w->seen_after, 0, w->n_hosts * sizeof(*w->seen_after));
	w->stamp = 1;
}

/* Not the first of its host that has the content. */
static bool is_saved(const struct work *w, uint32_t *seen, uint32_t host)
{
	if (host == NOWHERE)
		return false;
	if (seen[host] == w->stamp)
		return true;
	seen[host] = w->stamp;
	return false;
}

/*
 * Of one content, from one placement (or none, NULL) to another.  Whether a guest's
 * sketch has the content hangs on the same hash for all of them, so their covariance is
 * that of the smaller weight.
 */
static void add_holders(struct work *w, uint32_t c, const uint32_t *holder, size_t n,
			const uint32_t *before, const uint32_t *after, struct change *out)
{
	double pages = 0, var = 0, acc = 0;

	stamp_next(w);
	for (size_t i = 0; i < n; i++) {
		const uint32_t g = holder[i];
		const int d = is_saved(w, w->seen_after, after[g]) -
			      (before && is_saved(w, w->seen_before, before[g]));
		double one;

		if (!d)
			continue;
		one = stands_for(w, c, g);
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

static void add_content(struct work *w, uint32_t c, const uint32_t *before, const uint32_t *after,
			struct change *out)
{
	const size_t first = w->s->first[c];

	add_holders(w, c, w->s->holder + first, w->s->first[c + 1] - first, before, after, out);
}

static struct front *front(const struct work *w, uint32_t content, uint32_t host)
{
	return &w->front[w->s->popular[content] * w->n_hosts + host];
}

static void front_add(struct front *f, uint32_t g)
{
	if (f->first == NOWHERE)
		f->first = g;
	else if (f->second == NOWHERE)
		f->second = g;
}

/* Of one host, after a guest came or went. */
static void front_again(struct work *w, uint32_t content, uint32_t host, const uint32_t *where)
{
	struct front *f = front(w, content, host);

	*f = (struct front){ NOWHERE, NOWHERE };
	for (size_t i = w->s->first[content]; i < w->s->first[content + 1]; i++)
		if (where[w->s->holder[i]] == host)
			front_add(f, w->s->holder[i]);
}

/* Of guest @g, on both hosts of its step. */
static void fronts_of(struct work *w, uint32_t g, uint32_t from, uint32_t to,
		      const uint32_t *where)
{
	for (size_t k = w->s->start[g]; k < w->s->start[g + 1]; k++) {
		const uint32_t c = w->s->content[k];

		if (w->s->popular[c] == NOWHERE)
			continue;
		front_again(w, c, from, where);
		front_again(w, c, to, where);
	}
}

static void fronts_all(struct work *w, const uint32_t *where)
{
	for (size_t i = 0; i < w->s->n_popular * w->n_hosts; i++)
		w->front[i] = (struct front){ NOWHERE, NOWHERE };
	for (uint32_t c = 0; c < w->s->n; c++)
		for (size_t i = w->s->first[c]; i < w->s->first[c + 1]; i++)
			if (w->s->popular[c] != NOWHERE && where[w->s->holder[i]] != NOWHERE)
				front_add(front(w, c, where[w->s->holder[i]]), w->s->holder[i]);
}

static struct change change_all(struct work *w, const uint32_t *before, const uint32_t *after)
{
	struct change c = { 0 };

	for (size_t i = 0; i < w->s->n; i++)
		add_content(w, i, before, after, &c);
	return c;
}

static void join_content(struct work *w, uint32_t g, uint32_t c, const uint32_t *where, double *row)
{
	stamp_next(w);
	for (size_t i = w->s->first[c]; i < w->s->first[c + 1]; i++) {
		const uint32_t e = w->s->holder[i], host = where[e];

		if (e != g && host != NOWHERE && !is_saved(w, w->seen_after, host))
			row[host] += stands_for(w, c, MAX(g, e));
	}
}

/* To the row of join: what @g would have in common with each host, were it there. */
static void join_row(struct work *w, uint32_t g, const uint32_t *where)
{
	double *const row = w->join + g * w->n_hosts;

	memset(row, 0, w->n_hosts * sizeof(*row));
	for (size_t k = w->s->start[g]; k < w->s->start[g + 1]; k++)
		join_content(w, g, w->s->content[k], where, row);
}

/* The same, where the fronts are those of @where. */
static void join_row_by_fronts(struct work *w, uint32_t g, const uint32_t *where)
{
	double *const row = w->join + g * w->n_hosts;

	memset(row, 0, w->n_hosts * sizeof(*row));
	for (size_t k = w->s->start[g]; k < w->s->start[g + 1]; k++) {
		const uint32_t c = w->s->content[k];

		if (w->s->popular[c] == NOWHERE) {
			join_content(w, g, c, where, row);
			continue;
		}
		for (uint32_t h = 0; h < w->n_hosts; h++) {
			const struct front *f = front(w, c, h);
			const uint32_t e = f->first == g ? f->second : f->first;

			if (e != NOWHERE)
				row[h] += stands_for(w, c, MAX(g, e));
		}
	}
}

/* --- steps --- */

static uint64_t pages_of(const struct work *w, uint32_t g)
{
	return est_guest_pages(w->guest[g]);
}

/* After @out has left @host, for @in to come; what grows no more is never refused. */
static bool has_room(const struct work *w, uint32_t host, uint64_t in, uint64_t out)
{
	return in <= out || w->load[host] - out + in <= w->p->hosts[host].capacity;
}

static bool step_fits(const struct work *w, const struct step *s)
{
	const uint64_t in = pages_of(w, s->guest);
	const uint64_t out = s->partner == NOWHERE ? 0 : pages_of(w, s->partner);

	return has_room(w, s->to, in, out) && has_room(w, s->from, out, in);
}

/* Guests of which two placements differ. */
static size_t apart(const struct work *w, const uint32_t *a, const uint32_t *b)
{
	size_t n = 0;

	for (size_t g = 0; g < w->n; g++)
		n += a[g] != b[g];
	return n;
}

static double pages_away(const struct work *w, const uint32_t *where)
{
	double pages = 0;

	for (size_t g = 0; g < w->n; g++)
		if (where[g] != w->home[g])
			pages += pages_of(w, g);
	return pages;
}

/* How many more guests are away from home by it. */
static int step_moves(const struct work *w, const struct step *s)
{
	int n = (s->to != w->home[s->guest]) - (s->from != w->home[s->guest]);

	if (s->partner != NOWHERE)
		n += (s->from != w->home[s->partner]) - (s->to != w->home[s->partner]);
	return n;
}

static void step_do(const struct step *s, uint32_t *where)
{
	where[s->guest] = s->to;
	if (s->partner != NOWHERE)
		where[s->partner] = s->from;
}

static void step_undo(const struct step *s, uint32_t *where)
{
	where[s->guest] = s->from;
	if (s->partner != NOWHERE)
		where[s->partner] = s->to;
}

static void list_add(uint32_t *list, size_t *n, uint32_t g)
{
	size_t at = *n;

	if (g == NOWHERE)
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
static void add_by_fronts(struct work *w, const struct step *s, uint32_t c, bool has_guest,
			  bool has_partner, const uint32_t *where, struct change *out)
{
	const struct front *from = front(w, c, s->from), *to = front(w, c, s->to);
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
	add_holders(w, c, list, n, where, w->other, out);
}

/* @other is as @where, and is so again afterwards; the fronts are used where they are. */
static struct change step_change(struct work *w, const struct step *s, const uint32_t *where,
				 bool fronts)
{
	const uint32_t *const content = w->s->content;
	size_t i = w->s->start[s->guest], j = 0, i_end = w->s->start[s->guest + 1], j_end = 0;
	struct change c = { 0 };

	if (s->partner != NOWHERE) {
		j = w->s->start[s->partner];
		j_end = w->s->start[s->partner + 1];
	}
	step_do(s, w->other);
	/* No other content changes than those of both. */
	while (i < i_end || j < j_end) {
		const uint32_t a = i < i_end ? content[i] : NOWHERE;
		const uint32_t b = j < j_end ? content[j] : NOWHERE;
		const uint32_t one = MIN(a, b);

		if (fronts && w->s->popular[one] != NOWHERE)
			add_by_fronts(w, s, one, a == one, b == one, where, &c);
		else
			add_content(w, one, where, w->other, &c);
		i += a == one;
		j += b == one;
	}
	step_undo(s, w->other);
	return c;
}

/* Pages that are copied for it: of those that leave home, less of those that come back. */
static double step_pages(const struct work *w, const struct step *s)
{
	const bool leaves = s->from == w->home[s->guest], comes = s->to == w->home[s->guest];
	double pages = (leaves - comes) * (double)pages_of(w, s->guest);

	if (s->partner == NOWHERE)
		return pages;
	return pages + ((s->to == w->home[s->partner]) - (s->from == w->home[s->partner])) *
			       (double)pages_of(w, s->partner);
}

/*
 * More than chance makes where the hosts of @guests were chosen (each multiplies what
 * there is to choose from), and enough for @pages to be copied.
 */
static bool pays(const struct work *w, const struct change *c, size_t guests, double pages)
{
	return sum(c) > NOTHING && sum(c) * sum(c) > w->z2 * guests * c->var &&
	       sum(c) >= w->p->worth * pages;
}

static double join(const struct work *w, uint32_t g, uint32_t host)
{
	return w->join[g * w->n_hosts + host];
}

static bool find_move(const struct work *w, uint32_t g, const uint32_t *where, struct step *out)
{
	*out = (struct step){ .guest = g, .partner = NOWHERE, .from = where[g], .gain = NOTHING };
	for (uint32_t h = 0; h < w->n_hosts; h++) {
		const double gain = join(w, g, h) - join(w, g, where[g]);

		if (h == where[g] || gain <= out->gain || !has_room(w, h, pages_of(w, g), 0))
			continue;
		out->gain = gain;
		out->to = h;
	}
	return out->gain > NOTHING;
}

/* Those that may be the best: what both have in common is still counted. */
static size_t find_partners(const struct work *w, uint32_t g, const uint32_t *where,
			    struct step *out)
{
	const double stays = join(w, g, where[g]);
	size_t n = 0;

	for (uint32_t e = g + 1; e < w->n; e++) {
		const double gain = join(w, g, where[e]) - stays + join(w, e, where[g]) -
				    join(w, e, where[e]);
		const struct step s = { g, e, where[g], where[e], gain, 0 };
		size_t at;

		if (where[e] == where[g] || gain <= NOTHING ||
		    (n == PARTNERS && gain <= out[n - 1].gain) || !step_fits(w, &s))
			continue;
		n = MIN(n + 1, (size_t)PARTNERS);
		for (at = n - 1; at && out[at - 1].gain < gain; at--)
			out[at] = out[at - 1];
		out[at] = s;
	}
	return n;
}

static int by_gain(const void *a, const void *b)
{
	const struct step *x = a, *y = b;
	const double gx = x->gain / x->added, gy = y->gain / y->added;

	if (gx != gy)
		return gx < gy ? 1 : -1;
	if (x->guest != y->guest)
		return x->guest < y->guest ? -1 : 1;
	return (x->partner > y->partner) - (x->partner < y->partner);
}

static size_t find_steps(struct work *w, const uint32_t *where)
{
	size_t n = 0;

	for (uint32_t g = 0; g < w->n; g++)
		join_row_by_fronts(w, g, where);
	for (uint32_t g = 0; g < w->n; g++) {
		const size_t first = n;

		n += find_move(w, g, where, &w->steps[n]);
		n += find_partners(w, g, where, &w->steps[n]);
		for (size_t i = first; i < n; i++) {
			struct step *s = &w->steps[i];

			if (s->partner != NOWHERE) {
				const struct change c = step_change(w, s, where, true);

				s->gain = sum(&c);
			}
			s->added = MAX(step_moves(w, s), 1);
		}
	}
	qsort(w->steps, n, sizeof(*w->steps), by_gain);
	return n;
}

static void set_load(struct work *w, const uint32_t *where)
{
	memset(w->load, 0, w->n_hosts * sizeof(*w->load));
	for (uint32_t g = 0; g < w->n; g++)
		if (where[g] != NOWHERE)
			w->load[where[g]] += pages_of(w, g);
}

static bool still_stands(const struct step *s, const uint32_t *where)
{
	return where[s->guest] == s->from && (s->partner == NOWHERE || where[s->partner] == s->to);
}

/*
 * Each round takes the steps in order of gain, as long as those before them have left
 * at least half of it; else they have another chance in the next.
 */
static void improve(struct work *w, uint32_t *where)
{
	size_t away = apart(w, where, w->home), taken = 1;

	set_load(w, where);
	fronts_all(w, where);
	memcpy(w->other, where, w->n * sizeof(*where));
	for (unsigned int round = 0; taken && round < ROUNDS; round++) {
		const size_t n = find_steps(w, where);

		taken = 0;
		for (size_t i = 0; i < n; i++) {
			const struct step *s = &w->steps[i];
			struct change c;

			if (s->gain <= NOTHING || !still_stands(s, where) || !step_fits(w, s) ||
			    (step_moves(w, s) > 0 && away + step_moves(w, s) > w->p->max_moves))
				continue;
			c = step_change(w, s, where, true);
			if (sum(&c) < s->gain / 2 ||
			    !pays(w, &c, s->partner == NOWHERE ? 1 : 2, step_pages(w, s)))
				continue;
			away += step_moves(w, s);
			step_do(s, where);
			step_do(s, w->other);
			set_load(w, where);
			fronts_of(w, s->guest, s->from, s->to, where);
			if (s->partner != NOWHERE)
				fronts_of(w, s->partner, s->from, s->to, where);
			taken++;
		}
	}
}

/* --- packing anew --- */

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
static uint32_t find_host(const struct work *w, uint32_t g)
{
	uint32_t best = NOWHERE;

	for (uint32_t h = 0; h < w->n_hosts; h++) {
		const struct est_host *host = &w->p->hosts[h];
		double gain = 0;

		if (!has_room(w, h, pages_of(w, g), 0))
			continue;
		if (best != NOWHERE)
			gain = join(w, g, h) - join(w, g, best);
		if (best == NOWHERE || gain > NOTHING)
			best = h;
		else if (gain < -NOTHING || best == w->home[g])
			continue;
		else if (h == w->home[g] || host->capacity - w->load[h] >
					    w->p->hosts[best].capacity - w->load[best])
			best = h;
	}
	return best;
}

/*
 * From nothing; at the first start the largest first, which is how most fit, later in any
 * order.  1; 0 when not all did; -ENOMEM.
 */
static int pack(struct work *w, unsigned int start, uint32_t *where)
{
	struct size *order __cleanup_free = calloc(w->n, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t g = 0; g < w->n; g++) {
		order[g] = (struct size){ pages_of(w, g), g };
		where[g] = NOWHERE;
	}
	qsort(order, w->n, sizeof(*order), by_size);
	if (start)
		shuffle(order, w->n, start);
	set_load(w, where);
	for (size_t i = 0; i < w->n; i++) {
		const uint32_t g = order[i].guest;

		join_row(w, g, where);
		where[g] = find_host(w, g);
		if (where[g] == NOWHERE)
			return 0;
		w->load[where[g]] += order[i].pages;
	}
	return 1;
}

/* Whose being away does not pay goes home again, where there is room. */
static void send_home(struct work *w, uint32_t *where)
{
	set_load(w, where);
	memcpy(w->other, where, w->n * sizeof(*where));
	for (uint32_t g = 0; g < w->n; g++) {
		const struct step s = { g, NOWHERE, where[g], w->home[g], 0, 0 };
		struct change c, back;

		if (where[g] == w->home[g] || !has_room(w, w->home[g], pages_of(w, g), 0))
			continue;
		back = step_change(w, &s, where, false);
		c = (struct change){ .more = back.less, .less = back.more, .var = back.var };
		if (pays(w, &c, 1, pages_of(w, g)))
			continue;
		step_do(&s, where);
		step_do(&s, w->other);
		set_load(w, where);
	}
}

static bool is_better(struct work *w, const uint32_t *was, const uint32_t *now)
{
	const struct change c = change_all(w, was, now);

	return pays(w, &c, 1, pages_away(w, now) - pages_away(w, was));
}

/* To @where. */
static int choose(struct work *w, const struct sample *tells)
{
	const unsigned int starts = MIN(MAX(STARTS_WORK / w->n, (size_t)1), (size_t)STARTS);

	memcpy(w->where, w->home, w->n * sizeof(*w->where));
	improve(w, w->where);
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
		improve(w, w->best);
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

/* --- what is told --- */

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
static int order_moves(struct work *w)
{
	struct order *o __cleanup_free = calloc(w->n, sizeof(*o));
	size_t n = 0;

	if (!o)
		return -ENOMEM;
	for (uint32_t g = 0; g < w->n; g++) {
		w->guest[g]->to = w->where[g];
		if (w->where[g] == w->home[g])
			continue;
		join_row(w, g, w->where);
		o[n++] = (struct order){ join(w, g, w->where[g]) - join(w, g, w->home[g]), g };
	}
	qsort(o, n, sizeof(*o), by_order);
	w->p->moves = n;
	memcpy(w->best, w->home, w->n * sizeof(*w->best));
	set_load(w, w->best);
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
static int gains(struct work *w)
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
		const struct step s = { g, NOWHERE, w->home[g], w->where[g], 0, 0 };
		const struct change c = step_change(w, &s, w->best, false);

		w->guest[g]->gain = sum(&c);
		step_do(&s, w->best);
		step_do(&s, w->other);
	}
	return 0;
}

static double smallest_share(const struct work *w)
{
	/* They stand in order of weight. */
	return 1 / (w->weight[w->n - 1] * w->s->scale - w->s->less);
}

/* Of what only grows from nothing; @most: pages that there are. */
static struct est_range range_saved(const struct work *w, const struct change *c, double most)
{
	struct est_range r = { .pages = MIN(c->more, most) };

	est_interval(c->more, c->more_var, smallest_share(w), &r.low, &r.high);
	r.low = MIN(r.low, r.pages);
	r.high = MIN(r.high, most);
	return r;
}

/* Of a difference. */
static struct est_range range_gain(const struct work *w, const struct change *c, double most)
{
	const double p = smallest_share(w), pages = sum(c);
	double more_low, more_high, less_low, less_high, low, high;

	est_interval(c->more, c->more_var, p, &more_low, &more_high);
	est_interval(c->less, c->less_var, p, &less_low, &less_high);
	/* Of different contents, so independent: the distances add up as their squares. */
	low = pages - hypot(c->more - more_low, less_high - c->less);
	high = pages + hypot(more_high - c->more, c->less - less_low);
	return (struct est_range){ MAX(MIN(pages, most), -most), MAX(MIN(low, most), -most),
				   MAX(MIN(high, most), -most) };
}

static struct est_range range_of(struct work *w, const uint32_t *where, double most)
{
	const struct change c = change_all(w, NULL, where);

	return range_saved(w, &c, most);
}

/* Of each host, what all of them are together in range_of(). */
static int ranges_of_hosts(struct work *w, const uint32_t *where, bool then)
{
	struct change *c __cleanup_free = calloc(w->n_hosts, sizeof(*c));
	double *acc __cleanup_free = calloc(w->n_hosts, sizeof(*acc));

	if (!c || !acc)
		return -ENOMEM;
	for (size_t i = 0; i < w->s->n; i++) {
		stamp_next(w);
		for (size_t k = w->s->first[i]; k < w->s->first[i + 1]; k++) {
			const uint32_t g = w->s->holder[k], h = where[g];
			const double one = stands_for(w, i, g);

			if (!is_saved(w, w->seen_after, h)) {
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

static int tell(struct work *w)
{
	struct est_placement *p = w->p;
	const struct change c = change_all(w, w->home, w->where);
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

/* --- set-up --- */

static int by_weight(const void *a, const void *b)
{
	const struct est_guest *x = *(struct est_guest *const *)a, *y = *(struct est_guest *const *)b;
	const double px = est_sketch_share(x->sketch), py = est_sketch_share(y->sketch);

	if (px != py)
		return px > py ? -1 : 1;
	return (x > y) - (x < y);
}

static int work_init(struct work *w)
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
	w->steps = calloc(n * (PARTNERS + 1), sizeof(*w->steps));
	if (!w->guest || !w->weight || !w->load || !w->join || !w->home || !w->where ||
	    !w->other || !w->best || !w->packed || !w->seen_before || !w->seen_after || !w->steps)
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

static void work_fini(struct work *w)
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

static int find(struct work *w)
{
	struct sample chooses = { 0 }, tells = { 0 };
	int rc = work_init(w);

	if (!rc)
		rc = sample_init(&chooses, w, w->p->exact ? FOR_ALL : TO_CHOOSE);
	if (!rc && !w->p->exact)
		rc = sample_init(&tells, w, TO_TELL);
	w->s = &chooses;
	w->front = calloc(chooses.n_popular * w->n_hosts + 1, sizeof(*w->front));
	if (!rc && !w->front)
		rc = -ENOMEM;
	if (!rc)
		rc = choose(w, w->p->exact ? &chooses : &tells);
	w->s = &chooses;
	if (!rc)
		rc = order_moves(w);
	if (!w->p->exact)
		w->s = &tells;
	if (!rc)
		rc = gains(w);
	if (!rc)
		rc = tell(w);
	sample_fini(&chooses);
	sample_fini(&tells);
	return rc;
}

int est_place(struct est_placement *p)
{
	struct work w = { .p = p, .n = p->n_guests, .n_hosts = p->n_hosts };
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
	p->now = p->then = p->gain = (struct est_range){ 0 };
	p->moves = p->pages_moved = 0;
	if (!p->n_guests || !p->n_hosts)
		return 0;
	rc = find(&w);
	work_fini(&w);
	return rc;
}
