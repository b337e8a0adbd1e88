// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests to hosts: sets where the best placement is known, small ones against all
 * placements that there are, and how honest the figures of samples are.
 */
#include "estimate/placement.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"
#include "xorshift.h"

#define SMALL 10	/* guests, of which all placements are tried */

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random64(void)
{
	return xorshift64(&state);
}

/* Even, and the same for the same content. */
static uint64_t hash_of(uint64_t content)
{
	content += 0x9e3779b97f4a7c15;
	content = (content ^ content >> 30) * 0xbf58476d1ce4e5b9;
	content = (content ^ content >> 27) * 0x94d049bb133111eb;
	return content ^ content >> 31;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct fleet {
	struct est_placement p;
	struct est_sketch *sketch;
	uint64_t *set[64];	/* hashes of guests, ascending */
	size_t n_set[64];
};

static void fleet_init(struct fleet *f, size_t n_guests, size_t n_hosts)
{
	*f = (struct fleet){ .p = { .n_guests = n_guests, .n_hosts = n_hosts,
				    .max_moves = n_guests } };
	f->sketch = calloc(n_guests, sizeof(*f->sketch));
	f->p.guests = calloc(n_guests, sizeof(*f->p.guests));
	f->p.hosts = calloc(n_hosts, sizeof(*f->p.hosts));
	for (size_t g = 0; g < n_guests; g++)
		f->p.guests[g].sketch = &f->sketch[g];
}

static void fleet_fini(struct fleet *f)
{
	for (size_t g = 0; g < ARRAY_SIZE(f->set); g++)
		free(f->set[g]);
	free(f->sketch);
	free(f->p.guests);
	free(f->p.hosts);
}

/* The contents @from to @from + @n, and those of @own that nobody else has. */
static void guest(struct fleet *f, size_t g, uint32_t host, uint64_t from, size_t n, size_t own)
{
	struct est_sketch *s = &f->sketch[g];
	uint64_t *h = f->set[g] = calloc(n + own + 1, sizeof(*h));

	for (size_t i = 0; i < n; i++)
		h[i] = hash_of(from + i);
	for (size_t i = 0; i < own; i++)
		h[n + i] = hash_of(from << 32 | (uint64_t)(g + 1) << 20 | i | UINT64_C(1) << 63);
	f->n_set[g] = n + own;
	qsort(h, n + own, sizeof(*h), by_value);
	*s = (struct est_sketch){ .page_size = 4096, .key_id = 7 };
	for (size_t i = 0; i < n + own; i++)
		est_sketch_put(s, h[i], 1);
	f->p.guests[g].host = host;
}

/* As many pages for each host as its guests have now, and @more. */
static void capacities(struct fleet *f, uint64_t more)
{
	for (size_t h = 0; h < f->p.n_hosts; h++)
		f->p.hosts[h].capacity = more;
	for (size_t g = 0; g < f->p.n_guests; g++)
		f->p.hosts[f->p.guests[g].host].capacity += est_guest_pages(&f->p.guests[g]);
}

static bool has(const struct fleet *f, size_t g, uint64_t hash)
{
	return bsearch(&hash, f->set[g], f->n_set[g], sizeof(hash), by_value);
}

/* What a placement saves, counted from the whole sets. */
static double truth(const struct fleet *f, const uint32_t *where)
{
	double saved = 0;

	for (size_t g = 0; g < f->p.n_guests; g++)
		for (size_t i = 0; i < f->n_set[g]; i++)
			for (size_t e = 0; e < g; e++)
				if (where[e] == where[g] && has(f, e, f->set[g][i])) {
					saved++;
					break;
				}
	return saved;
}

static double truth_now(const struct fleet *f)
{
	uint32_t where[64];

	for (size_t g = 0; g < f->p.n_guests; g++)
		where[g] = f->p.guests[g].host;
	return truth(f, where);
}

static double truth_then(const struct fleet *f)
{
	uint32_t where[64];

	for (size_t g = 0; g < f->p.n_guests; g++)
		where[g] = f->p.guests[g].to;
	return truth(f, where);
}

/* What must hold of every result. */
static void check_result(const struct fleet *f)
{
	const struct est_placement *p = &f->p;
	uint64_t load[16] = { 0 }, before[16] = { 0 };
	size_t moves = 0, guests = 0;

	for (size_t g = 0; g < p->n_guests; g++) {
		CHECK(p->guests[g].to < p->n_hosts);
		load[p->guests[g].to] += est_guest_pages(&p->guests[g]);
		before[p->guests[g].host] += est_guest_pages(&p->guests[g]);
		moves += p->guests[g].to != p->guests[g].host;
		CHECK(!p->guests[g].step == (p->guests[g].to == p->guests[g].host));
		CHECK(p->guests[g].step <= p->moves);
	}
	CHECK_UINT(p->moves, moves);
	CHECK(moves <= p->max_moves);
	for (size_t h = 0; h < p->n_hosts; h++) {
		CHECK(load[h] <= MAX(p->hosts[h].capacity, before[h]));
		CHECK_UINT(p->hosts[h].pages_then, load[h]);
		guests += p->hosts[h].guests_then;
		CHECK(p->hosts[h].now.low <= p->hosts[h].now.pages &&
		      p->hosts[h].now.pages <= p->hosts[h].now.high);
	}
	CHECK_UINT(guests, p->n_guests);
	CHECK(p->now.low <= p->now.pages && p->now.pages <= p->now.high);
	CHECK(p->then.low <= p->then.pages && p->then.pages <= p->then.high);
	CHECK(p->gain.low <= p->gain.pages && p->gain.pages <= p->gain.high);
}

/* Exact sets: the figures are the truth. */
static void check_exact(const struct fleet *f)
{
	double hosts = 0, steps = 0;

	check_result(f);
	CHECK(f->p.exact);
	CHECK(f->p.now.pages == truth_now(f) && f->p.now.low == f->p.now.high);
	CHECK(f->p.then.pages == truth_then(f) && f->p.then.low == f->p.then.high);
	CHECK(f->p.gain.pages == f->p.then.pages - f->p.now.pages);
	for (size_t h = 0; h < f->p.n_hosts; h++)
		hosts += f->p.hosts[h].then.pages;
	for (size_t g = 0; g < f->p.n_guests; g++)
		steps += f->p.guests[g].gain;
	CHECK(hosts == f->p.then.pages);
	CHECK(steps == f->p.gain.pages);
}

/* Two of three guests each, and of each one is on the wrong host. */
static void fleet_of_families(struct fleet *f)
{
	fleet_init(f, 6, 2);
	for (size_t g = 0; g < 6; g++)
		guest(f, g, g == 2 ? 1 : g == 5 ? 0 : g / 3, g / 3 * 1000, 100, 20);
}

static void two_families(void)
{
	struct fleet f;

	fleet_of_families(&f);
	/* There is room for one exchange only. */
	capacities(&f, 0);
	CHECK_INT(est_place(&f.p), 0);
	check_exact(&f);
	CHECK_UINT(f.p.moves, 2);
	CHECK_UINT(f.p.guests[2].to, 0);
	CHECK_UINT(f.p.guests[5].to, 1);
	CHECK(f.p.now.pages == 200 && f.p.then.pages == 400);
	/* Neither can go first. */
	CHECK(f.p.guests[f.p.guests[2].step == 1 ? 2 : 5].tight);
	CHECK(!f.p.guests[f.p.guests[2].step == 1 ? 5 : 2].tight);
	fleet_fini(&f);
}

static void with_room_none_is_tight(void)
{
	struct fleet f;

	fleet_of_families(&f);
	capacities(&f, 120);
	CHECK_INT(est_place(&f.p), 0);
	check_exact(&f);
	CHECK(f.p.then.pages == 400);
	for (size_t g = 0; g < 6; g++)
		CHECK(!f.p.guests[g].tight);
	fleet_fini(&f);
}

static void moves_are_limited(void)
{
	static const struct {
		size_t max, moves;
		double then;
	} rows[] = {
		{ 0, 0, 0 },	/* nobody may move */
		{ 1, 1, 300 },	/* the one that gains most */
		{ 2, 2, 400 },
		{ 9, 2, 400 },	/* more would gain nothing */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fleet f;

		tap_row("at most %zu", rows[i].max);
		fleet_init(&f, 4, 4);
		guest(&f, 0, 0, 0, 300, 10);
		guest(&f, 1, 1, 0, 300, 10);
		guest(&f, 2, 2, 5000, 100, 10);
		guest(&f, 3, 3, 5000, 100, 10);
		capacities(&f, 10000);
		f.p.max_moves = rows[i].max;
		CHECK_INT(est_place(&f.p), 0);
		check_exact(&f);
		CHECK_UINT(f.p.moves, rows[i].moves);
		CHECK(f.p.then.pages == rows[i].then);
		fleet_fini(&f);
	}
}

/* A guest of 1010 pages, 10 of them in common with one elsewhere. */
static void little_is_not_worth_a_move(void)
{
	static const struct {
		double worth;
		size_t moves;
	} rows[] = { { 0, 1 }, { 0.009, 1 }, { 0.011, 0 }, { 1, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fleet f;

		tap_row("%g of what is copied", rows[i].worth);
		fleet_init(&f, 2, 2);
		for (size_t g = 0; g < 2; g++) {
			guest(&f, g, g, 0, 10, 400);
			f.sketch[g].zero_pages = 600;
		}
		capacities(&f, 2000);
		f.p.worth = rows[i].worth;
		CHECK_INT(est_place(&f.p), 0);
		check_exact(&f);
		CHECK_UINT(f.p.moves, rows[i].moves);
		fleet_fini(&f);
	}
}

static void nothing_to_gain(void)
{
	static const struct {
		const char *what;
		size_t n, hosts, common, own;
		uint64_t more;
		bool apart;	/* contents of its own for each */
	} rows[] = {
		{ "one guest", 1, 1, 100, 10, 1000, false },
		{ "one guest, another host", 1, 2, 100, 10, 1000, false },
		{ "one host", 8, 1, 100, 10, 1000, false },
		{ "nothing in common", 8, 4, 100, 10, 1000, true },
		{ "guests of no page", 8, 4, 0, 0, 1000, false },
		{ "no room at all, one each", 4, 4, 100, 10, 0, false },
		{ "equal guests, and full hosts", 16, 4, 100, 0, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fleet f;

		tap_row("%s", rows[i].what);
		fleet_init(&f, rows[i].n, rows[i].hosts);
		for (size_t g = 0; g < rows[i].n; g++)
			guest(&f, g, g % rows[i].hosts, rows[i].apart ? g * 1000 : 0,
			      rows[i].common, rows[i].own);
		capacities(&f, rows[i].more);
		CHECK_INT(est_place(&f.p), 0);
		check_exact(&f);
		CHECK_UINT(f.p.moves, 0);
		CHECK(f.p.gain.pages == 0 && f.p.gain.low == 0 && f.p.gain.high == 0);
		fleet_fini(&f);
	}
}

/* Equal ones on hosts with room: all of them on one, and not a page less. */
static void equal_guests_come_together(void)
{
	struct fleet f;

	fleet_init(&f, 12, 4);
	for (size_t g = 0; g < 12; g++)
		guest(&f, g, g % 4, 0, 100, 0);
	capacities(&f, 1200);
	CHECK_INT(est_place(&f.p), 0);
	check_exact(&f);
	CHECK(f.p.then.pages == 1100);
	CHECK_UINT(f.p.moves, 9);
	fleet_fini(&f);
}

static void full_hosts_get_no_more(void)
{
	struct fleet f;

	/* The first host has more than it holds: it may give, but not get. */
	fleet_init(&f, 3, 2);
	guest(&f, 0, 0, 0, 100, 10);
	guest(&f, 1, 0, 5000, 100, 10);
	guest(&f, 2, 1, 0, 100, 10);
	f.p.hosts[0].capacity = 50;
	f.p.hosts[1].capacity = 1000;
	CHECK_INT(est_place(&f.p), 0);
	check_exact(&f);
	CHECK_UINT(f.p.moves, 1);
	CHECK_UINT(f.p.guests[0].to, 1);
	fleet_fini(&f);
}

static double best_of_all(const struct fleet *f, size_t at, uint32_t *where, uint64_t *load)
{
	double best = -1;

	if (at == f->p.n_guests)
		return truth(f, where);
	for (uint32_t h = 0; h < f->p.n_hosts; h++) {
		const uint64_t pages = est_guest_pages(&f->p.guests[at]);
		double one;

		if (load[h] + pages > f->p.hosts[h].capacity)
			continue;
		where[at] = h;
		load[h] += pages;
		one = best_of_all(f, at + 1, where, load);
		load[h] -= pages;
		best = MAX(best, one);
	}
	return best;
}

static void against_all_placements(void)
{
	enum { TRIALS = 60 };
	unsigned int best = 0, trials = 0;
	double worst = 1;

	for (unsigned int t = 0; t < TRIALS; t += tap_stride(4)) {
		const size_t hosts = 2 + t % 2, n = hosts == 2 ? SMALL : SMALL - 2;
		uint32_t where[SMALL];
		uint64_t load[3] = { 0 };
		double most, found;
		struct fleet f;

		fleet_init(&f, n, hosts);
		for (size_t g = 0; g < n; g++)
			guest(&f, g, random64() % hosts, random64() % 5 * 20, 20 + random64() % 40,
			      random64() % 20);
		capacities(&f, t % 3 * 30);
		CHECK_INT(est_place(&f.p), 0);
		check_exact(&f);
		most = best_of_all(&f, 0, where, load);
		found = truth_then(&f);
		CHECK(found >= truth_now(&f) && found <= most);
		trials++;
		best += found == most;
		/* Without room two for one may be the only way, which is not looked for. */
		if (most > 0 && t % 3)
			worst = MIN(worst, found / most);
		fleet_fini(&f);
	}
	printf("# the best of all in %u of %u, with room at worst %.3f of it\n", best, trials, worst);
	CHECK(worst >= 0.95);
	CHECK(best >= trials * 0.8);
}

/* Sizes of all kinds, so that the sketches know different shares. */
static void samples_say_what_is_true(void)
{
	enum { TRIALS = 120 };
	const unsigned int trials = TRIALS / tap_stride(4);
	unsigned int held = 0, held_now = 0, better = 0;
	double off = 0, square = 0;

	for (unsigned int t = 0; t < trials; t++) {
		double gain;
		struct fleet f;

		fleet_init(&f, 12, 3);
		for (size_t g = 0; g < 12; g++)
			/* Others each time: of the same ones the same are in the sketches. */
			guest(&f, g, random64() % 3, (t * 3 + g % 3) * 100000,
			      400 << random64() % 4, random64() % 4000);
		capacities(&f, 4000);
		CHECK_INT(est_place(&f.p), 0);
		check_result(&f);
		CHECK(!f.p.exact);
		gain = truth_then(&f) - truth_now(&f);
		held += f.p.gain.low <= gain && gain <= f.p.gain.high;
		held_now += f.p.now.low <= truth_now(&f) && truth_now(&f) <= f.p.now.high;
		better += gain > 0;
		off += (f.p.gain.pages - gain) / trials;
		square += pow(f.p.gain.pages - gain, 2) / trials;
		fleet_fini(&f);
	}
	printf("# gain in %u, interval held in %u (now: %u) of %u; mean error %.0f, root of squares %.0f\n",
	       better, held, held_now, trials, off, sqrt(square));
	CHECK(better >= trials * 0.9);
	/* 95 %, less three times the standard deviation of that many trials. */
	CHECK(held >= trials * 0.95 - 3 * sqrt(trials * 0.95 * 0.05));
	CHECK(held_now >= trials * 0.95 - 3 * sqrt(trials * 0.95 * 0.05));
	/* The placement was chosen for its gain, and yet the figure has no bias. */
	CHECK(fabs(off) <= 3 * sqrt(square / trials));
}

/* All have the same in common with all: there is nothing to find but chance. */
static void chance_is_not_chased(void)
{
	for (unsigned int t = 0; t < 12; t += tap_stride(3)) {
		struct fleet f;

		fleet_init(&f, 24, 4);
		for (size_t g = 0; g < 24; g++) {
			uint64_t *h = calloc(8000, sizeof(*h));
			size_t n = 0;

			/* A fifth of 10,000, each drawn by itself. */
			for (uint64_t c = 0; c < 10000; c++)
				if (random64() % 5 == 0)
					h[n++] = hash_of(c);
			qsort(h, n, sizeof(*h), by_value);
			f.set[g] = h;
			f.n_set[g] = n;
			f.sketch[g] = (struct est_sketch){ .page_size = 4096 };
			for (size_t i = 0; i < n; i++)
				est_sketch_put(&f.sketch[g], h[i], 1);
			f.p.guests[g].host = g % 4;
		}
		capacities(&f, 100);
		f.p.worth = 0.01;
		CHECK_INT(est_place(&f.p), 0);
		check_result(&f);
		tap_row("trial %u: %zu moves for %.0f pages, %.0f in truth", t, f.p.moves,
			f.p.gain.pages, truth_then(&f) - truth_now(&f));
		CHECK(f.p.moves <= 2);
		fleet_fini(&f);
	}
}

static void same_again(void)
{
	struct fleet f;
	uint32_t to[24];

	fleet_init(&f, 24, 4);
	for (size_t g = 0; g < 24; g++)
		guest(&f, g, g % 4, random64() % 4 * 100, 300, 100 + g);
	capacities(&f, 300);
	CHECK_INT(est_place(&f.p), 0);
	for (size_t g = 0; g < 24; g++)
		to[g] = f.p.guests[g].to;
	for (size_t g = 0; g < 24; g++)
		f.p.guests[g] = (struct est_guest){ &f.sketch[g], g % 4, 0, 0, false, 0 };
	for (size_t h = 0; h < 4; h++)
		f.p.hosts[h] = (struct est_host){ .capacity = f.p.hosts[h].capacity };
	CHECK_INT(est_place(&f.p), 0);
	for (size_t g = 0; g < 24; g++)
		CHECK_UINT(f.p.guests[g].to, to[g]);
	fleet_fini(&f);
}

static void refused(void)
{
	struct fleet f;

	fleet_init(&f, 3, 2);
	for (size_t g = 0; g < 3; g++)
		guest(&f, g, 0, 0, 10, 0);
	capacities(&f, 100);
	f.sketch[1].key_id++;
	CHECK_INT(est_place(&f.p), -EXDEV);
	CHECK_UINT(f.p.odd, 1);
	f.sketch[1].key_id--;
	f.sketch[2].page_size *= 2;
	CHECK_INT(est_place(&f.p), -EMEDIUMTYPE);
	CHECK_UINT(f.p.odd, 2);
	f.p.n_hosts = EST_PLACE_HOSTS_MAX + 1;
	CHECK_INT(est_place(&f.p), -E2BIG);
	f.p.n_guests = f.p.n_hosts = 0;
	CHECK_INT(est_place(&f.p), 0);
	fleet_fini(&f);
}

/* The smallest hashes that a file may hold: each would stand for 2^55 contents. */
static void nonsense_stays_finite(void)
{
	struct fleet f;

	fleet_init(&f, 8, 2);
	for (size_t g = 0; g < 8; g++) {
		f.sketch[g] = (struct est_sketch){ .page_size = 4096 };
		for (size_t i = 0; i < EST_SKETCH_K; i++)
			est_sketch_put(&f.sketch[g], i, UINT32_MAX);
		f.p.guests[g].host = g % 2;
	}
	capacities(&f, UINT64_C(1) << 50);
	CHECK_INT(est_place(&f.p), 0);
	CHECK(isfinite(f.p.then.high) && isfinite(f.p.gain.low));
	CHECK(f.p.then.high <= 8.0 * EST_SKETCH_K * UINT32_MAX);
	fleet_fini(&f);
}

TAP_MAIN(TAP_CASE(two_families), TAP_CASE(with_room_none_is_tight), TAP_CASE(moves_are_limited),
	 TAP_CASE(little_is_not_worth_a_move), TAP_CASE(nothing_to_gain), TAP_CASE(equal_guests_come_together),
	 TAP_CASE(full_hosts_get_no_more), TAP_CASE(against_all_placements),
	 TAP_CASE(samples_say_what_is_true), TAP_CASE(chance_is_not_chased), TAP_CASE(same_again),
	 TAP_CASE(refused), TAP_CASE(nonsense_stays_finite))
