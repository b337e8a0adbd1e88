// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-slice.c - how much of a mapping is unmerged in one call; pure.
 */
#include "inject/slice.h"

#include "tests/unit/tap.h"
#include "util/macros.h"

#define PAGE 4096U
/* Addresses of the tables are in pages. */
#define P(n) ((uint64_t)(n) * PAGE)
#define HUGE 512U

/* Prices that are easy to reckon with: a copy takes 1 us, ten looks as much. */
static const struct slice_cost plain = { 1000, 100000, 1U << 20, false };

static void next(void)
{
	static const struct {
		const char *why;
		struct slice_run runs[4];
		size_t n;
		uint64_t at, end, budget_us;
		uint64_t to, copies;
	} rows[] = {
		{ "nothing merged, all fits", { { 0 } }, 0, 0, 100, 10, 100, 0 },
		{ "nothing merged, cut where a huge page ends", { { 0 } }, 0, 0, 2000, 100, 512, 0 },
		{ "less than a huge page fits", { { 0 } }, 0, 0, 2000, 10, 100, 0 },
		{ "begins in the middle of one", { { 0 } }, 0, 500, 2000, 10, 512, 0 },
		{ "all merged", { { 0, 1000 } }, 1, 0, 1000, 100, 100, 100 },
		{ "all merged, to the end", { { 0, 90 } }, 1, 0, 90, 100, 90, 90 },
		{ "a gap, then merged", { { 10, 1000 } }, 1, 0, 1000, 100, 109, 99 },
		{ "merged, then a gap", { { 0, 50 } }, 1, 0, 100000, 100, 512, 50 },
		{ "merged, then a small gap", { { 0, 50 } }, 1, 0, 200, 100, 200, 50 },
		{ "many small runs", { { 0, 10 }, { 20, 30 }, { 40, 50 }, { 60, 70 } }, 4, 0, 80, 25,
		  43, 23 },
		{ "runs that are behind", { { 0, 10 }, { 20, 30 } }, 2, 40, 50, 25, 50, 0 },
		{ "in the middle of a run", { { 0, 100 } }, 1, 40, 100, 25, 65, 25 },
		{ "a run goes on behind the end", { { 0, 100 } }, 1, 0, 50, 200, 50, 50 },
		{ "one page, however dear", { { 0, 100 } }, 1, 0, 100, 0, 1, 1 },
		{ "one page, however dear, of none", { { 0 } }, 0, 0, 100, 0, 1, 0 },
		{ "the budget ends with a run", { { 0, 100 } }, 1, 0, 2000, 100, 100, 100 },
		/* The piece must not shrink to nothing, nor leave a copy out. */
		{ "a copy stands before the cut", { { 512, 520 } }, 1, 0, 4000, 100, 520 + 408, 8 },
		{ "a cut behind the next huge page", { { 512, 520 } }, 1, 0, 4000, 160, 1024, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice_run runs[4];
		struct slice s;

		for (size_t r = 0; r < rows[i].n; r++)
			runs[r] = (struct slice_run){ P(rows[i].runs[r].start),
						      P(rows[i].runs[r].end) };
		tap_row("%s", rows[i].why);
		s = slice_next(&plain, runs, rows[i].n, P(rows[i].at), P(rows[i].end), PAGE,
			       rows[i].budget_us * 1000);
		CHECK_UINT(s.start, P(rows[i].at));
		CHECK_UINT(s.end, P(rows[i].to));
		CHECK_UINT(s.copies, rows[i].copies);
	}
}

/* Pieces follow one another without a gap, end where the mapping does, and copy all. */
static void all_of_it(void)
{
	struct slice_run runs[64];
	struct slice_cost c = plain;
	uint64_t copies = 0, want = 0, at = 0;
	const uint64_t end = P(100000);
	uint32_t seed = 1;
	size_t n = 0, pieces = 0;

	for (uint64_t p = 0; n < ARRAY_SIZE(runs); n++) {
		seed = seed * 1664525 + 1013904223;
		runs[n].start = p + P((seed >> 16) % 2000 + 1);
		runs[n].end = runs[n].start + P((seed >> 8) % 500 + 1);
		want += (runs[n].end - runs[n].start) / PAGE;
		p = runs[n].end;
	}
	while (at < end && pieces < 100000) {
		struct slice s = slice_next(&c, runs, n, at, end, PAGE, 100000);

		CHECK_UINT(s.start, at);
		CHECK(s.end > at && s.end <= end);
		CHECK(slice_ns(&c, &s, PAGE) <= 100000);
		copies += s.copies;
		at = s.end;
		pieces++;
	}
	CHECK_UINT(at, end);
	CHECK_UINT(copies, want);
	CHECK(pieces > 100 && pieces < 1000);
}

/* The whole address space has no product that overflows. */
static void giant(void)
{
	struct slice_cost c;
	struct slice s = { 0, P(UINT64_C(1) << 51), 0 };

	slice_cost_init(&c);
	CHECK(slice_ns(&c, &s, PAGE) > UINT64_C(1) << 40);
	slice_learn(&c, &s, PAGE, UINT64_MAX);
	s = slice_next(&c, NULL, 0, 0, P(UINT64_C(1) << 51), PAGE, 400000);
	CHECK(s.end > 0 && s.end <= P(1U << 30));
}

static void learn(void)
{
	struct slice_cost c;
	struct slice s;
	uint64_t calls = 0;

	/* The first call is small, whatever comes. */
	slice_cost_init(&c);
	s = slice_next(&c, &(struct slice_run){ 0, P(100000) }, 1, 0, P(100000), PAGE, 400000);
	CHECK_UINT(s.copies, 32);

	/* Dearer than thought: soon they take what they should. */
	for (calls = 0; calls < 4; calls++) {
		slice_learn(&c, &s, PAGE, s.copies * 30000);
		s = slice_next(&c, &(struct slice_run){ 0, P(100000) }, 1, 0, P(100000), PAGE,
			       400000);
	}
	CHECK(s.copies >= 13 && s.copies <= 15);

	/* Cheap: grows, but never to more than twice what was tried. */
	slice_cost_init(&c);
	calls = 0;
	for (uint64_t before = 32; calls < 50; calls++) {
		s = slice_next(&c, &(struct slice_run){ 0, P(100000) }, 1, 0, P(100000), PAGE,
			       400000);
		CHECK(s.copies <= 2 * before || s.copies <= 32);
		before = s.copies;
		slice_learn(&c, &s, PAGE, s.copies * 1000);
	}
	CHECK(s.copies > 350 && s.copies <= 400);

	/* One that was dear by accident makes the next one smaller, but not tiny. */
	slice_learn(&c, &s, PAGE, UINT64_C(10000000000));
	s = slice_next(&c, &(struct slice_run){ 0, P(100000) }, 1, 0, P(100000), PAGE, 400000);
	CHECK(s.copies >= 100 && s.copies <= 200);
	/* What stays dear is forgotten when it ends, also where pieces are one page by now. */
	for (calls = 0; calls < 60; calls++) {
		slice_learn(&c, &s, PAGE, MAX(s.copies, 8U) * UINT64_C(10000000));
		s = slice_next(&c, &(struct slice_run){ 0, P(100000) }, 1, 0, P(100000), PAGE,
			       400000);
	}
	CHECK(s.copies < 8);
	for (calls = 0; calls < 60; calls++) {
		slice_learn(&c, &s, PAGE, s.copies * 2000);
		s = slice_next(&c, &(struct slice_run){ 0, P(100000) }, 1, 0, P(100000), PAGE,
			       400000);
	}
	CHECK(s.copies > 150);

	/* The price of looking is learnt where there is nothing else. */
	slice_cost_init(&c);
	for (calls = 0; calls < 60; calls++) {
		s = slice_next(&c, NULL, 0, 0, P(UINT64_C(1) << 30), PAGE, 400000);
		slice_learn(&c, &s, PAGE, (s.end - s.start) / PAGE / 10);
	}
	CHECK(s.end / HUGE / PAGE > 5000);
	CHECK_UINT(s.end % P(HUGE), 0);
	/* In one mapping, as soon as four times as much has been tried. */
	slice_cost_init(&c);
	c.even = true;
	for (calls = 0; calls < 8; calls++) {
		const uint64_t before = s.end;

		s = slice_next(&c, NULL, 0, 0, P(UINT64_C(1) << 40), PAGE, 400000);
		CHECK(!calls || s.end <= 5 * before);
		slice_learn(&c, &s, PAGE, 1000);
	}
	CHECK(s.end > P(10000000));
	slice_learn(&c, &s, PAGE, s.end / PAGE * 25);
	s = slice_next(&c, NULL, 0, 0, P(UINT64_C(1) << 40), PAGE, 400000);
	CHECK(s.end <= P(400000 / 25));
	/* A few copies among it do not spoil that price. */
	c.even = false;
	slice_learn(&c, &(struct slice){ 0, P(100000), 3 }, PAGE, 10000000);
	CHECK(slice_ns(&c, &s, PAGE) <= 450000);
}

TAP_MAIN(TAP_CASE(next), TAP_CASE(all_of_it), TAP_CASE(giant), TAP_CASE(learn))
