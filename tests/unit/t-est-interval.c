// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Populations of known contents, sampled again and again by other hashes and other
 * picks: the 95 % interval must hold the truth in 95 % of the trials, and in no case
 * in much fewer, and it must be of use: so and so wide at most.
 *
 * The random numbers are the same in each run: what passes once passes always.
 */
#include "estimate/records.h"

#include <math.h>
#include <stdlib.h>

#include "tap.h"
#include "xorshift.h"

#define TRIALS 200
#define KINDS 3
/* 93 %: what 95 % may come to by chance in so many trials. */
#define HELD (TRIALS * 93 / 100)

static uint64_t state = 88172645463325252;

static uint64_t random64(void)
{
	return xorshift64(&state);
}

static const struct est_owner owner = { 0, 0 };

struct population {
	const char *what;
	size_t contents[KINDS];		/* so many contents */
	size_t times[KINDS];		/* of so many frames each */
	bool zipf;			/* instead: times falls as 1 / rank */
	double width;			/* of the interval at a fifth, at most, of the frames */
};

/* About 10000 frames each. */
static const struct population populations[] = {
	{ "all unique", { 10000 }, { 1 }, false, 0.02 },
	{ "all alike", { 1 }, { 10000 }, false, 0.25 },
	{ "one content of 5 %", { 9500, 1 }, { 1, 500 }, false, 0.10 },
	{ "one content of 20 %", { 8000, 1 }, { 1, 2000 }, false, 0.15 },
	{ "one content of 50 %", { 5000, 1 }, { 1, 5000 }, false, 0.20 },
	{ "one content of 90 %", { 1000, 1 }, { 1, 9000 }, false, 0.25 },
	{ "one content of 20 % among pairs", { 0, 4000, 1 }, { 1, 2, 2000 }, false, 0.20 },
	{ "one content of 1 %", { 9900, 1 }, { 1, 100 }, false, 0.10 },
	{ "three of 10 %", { 7000, 3 }, { 1, 1000 }, false, 0.20 },
	{ "many pairs", { 8000, 1000 }, { 1, 2 }, false, 0.10 },
	{ "few pairs", { 10000, 30 }, { 1, 2 }, false, 0.05 },
	{ "nothing but pairs", { 0, 5000 }, { 1, 2 }, false, 0.10 },
	{ "as of eight guests", { 2000, 1000 }, { 1, 8 }, false, 0.25 },
	{ "mixed", { 4000, 1000, 30 }, { 1, 3, 100 }, false, 0.30 },
	{ "zipf", { 1200 }, { 1400 }, true, 0.30 },
};

/* What a sample leaves behind. */
struct sample {
	struct est_rec *rec;
	size_t n, cap;
	struct est_moment moment;
	struct est_params p;
};

static uint32_t pick(double share)
{
	const double v = ldexp(random64() >> 11, -53);

	return v < share ? EST_PICK_A : v < 2 * share ? EST_PICK_B : 0;
}

static void put_content(struct sample *s, size_t times)
{
	const uint64_t h = random64();
	const bool taken = est_is_taken(h >> 32, s->p.p);

	for (size_t i = 0; i < times; i++) {
		const uint32_t tag = pick(s->p.pick);

		est_moment_put(&s->moment, h);
		if (!taken && !tag)
			continue;
		if (s->n == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 1024;
			s->rec = reallocarray(s->rec, s->cap, sizeof(*s->rec));
		}
		s->rec[s->n++] = (struct est_rec){ h >> 32, h, tag };
	}
}

static size_t times_of(const struct population *pop, size_t kind, size_t rank)
{
	return pop->zipf ? MAX(pop->times[0] / (rank + 1), (size_t)1) : pop->times[kind];
}

static double put_all(const struct population *pop, struct sample *s)
{
	double frames = 0;

	for (size_t k = 0; k < KINDS; k++)
		for (size_t c = 0; c < pop->contents[k]; c++) {
			frames += times_of(pop, k, c);
			if (s)
				put_content(s, times_of(pop, k, c));
		}
	return frames;
}

struct outcome {
	unsigned int held;	/* trials in which the interval held the truth */
	unsigned int possible;	/* or at least nothing that cannot be */
	double mean, width;	/* of the estimates, of the intervals */
};

static void one_trial(const struct population *pop, double p, double frames, double truth,
		      struct outcome *o)
{
	const struct est_count count = { 0 };
	bool frequent[EST_MOMENT_BUCKETS] = { 0 };
	struct sample s = {
		.p = {
			.max_sharing = 1 << 30,
			.p = p,
			.pick = est_pick_share(p, frames),
			.n_segs = 1,
			.owner = &owner,
			.count = &count,
			.n_users = 1,
			.n_groups = 1,
		},
	};
	struct est_sure sure = { .frequent = frequent };
	struct est_gain total, gain = { 0 };
	double low, high;

	CHECK_INT(est_moment_init(&s.moment), 0);
	put_all(pop, &s);
	est_sort(s.rec, s.n, 1);
	CHECK_INT(est_dups(s.rec, s.n, &s.p, &total, &gain, &sure), 0);
	o->mean += total.saved / TRIALS;
	est_bounds(&sure, &s.moment, &s.p, frames, &total.saved, &low, &high);
	o->held += low <= truth && truth <= high;
	o->possible += 0 <= low && low <= total.saved && total.saved <= high && high <= frames;
	o->width += (high - low) / TRIALS;
	est_moment_fini(&s.moment);
	free(s.rec);
}

static void samples(void)
{
	static const double shares[] = { 0.03, 0.2, 0.5 };

	for (size_t i = 0; i < ARRAY_SIZE(populations); i += tap_stride(7)) {
		const struct population *pop = &populations[i];
		const double frames = put_all(pop, NULL);
		double truth = frames;

		for (size_t k = 0; k < KINDS; k++)
			truth -= pop->contents[k];
		for (size_t j = 0; j < ARRAY_SIZE(shares); j++) {
			struct outcome o = { 0 };

			tap_row("%s, %g %%", pop->what, 100 * shares[j]);
			for (unsigned int t = 0; t < TRIALS; t++)
				one_trial(pop, shares[j], frames, truth, &o);
			printf("# %-32s %2.0f %%: truth %5.0f, mean %7.1f, width %6.1f, held in %u of %d\n",
			       pop->what, 100 * shares[j], truth, o.mean, o.width, o.held, TRIALS);
			CHECK(o.held >= HELD);
			CHECK_UINT(o.possible, TRIALS);
			if (shares[j] == 0.2)
				CHECK(o.width <= pop->width * frames);
		}
	}
}

TAP_MAIN(TAP_CASE(samples))
