// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A row of cells: what lies along a line, in pieces, in; levels out.
 */
#include "util/strip.h"

#include <stdlib.h>

#include "tap.h"
#include "util/macros.h"

static void levels(void)
{
	static const struct {
		struct strip_cell cell;
		int want;
	} rows[] = {
		{ { 0, 0 }, -1 },
		{ { 100, 0 }, 0 },
		{ { 512, 25 }, 0 },	/* 4.9 % */
		{ { 100, 5 }, 1 },
		{ { 100, 50 }, 4 },
		{ { 100, 100 }, 8 },
		{ { 100, 130 }, 8 },	/* an estimate may be above what there is */
		{ { 100, -1 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK_INT(strip_level(strip_permille(&rows[i].cell), 8), rows[i].want);
}

static const char *row_text(const struct strip_roll *r, size_t n)
{
	static char text[STRIP_CELLS + 1];
	struct strip_cell cells[STRIP_CELLS];
	struct strip s;

	strip_roll_cells(r, cells, n);
	strip_set(&s, cells, n);
	CHECK_INT(s.n, n);
	for (size_t i = 0; i < n; i++)
		text[i] = "-.123456789#"[strip_level(s.permille[i], 10) + 1];
	text[n] = '\0';
	return text;
}

struct piece {
	uint64_t len;
	double all, part;
};

static void rolls(void)
{
	static const struct {
		const char *name;
		size_t n;
		struct piece piece[8];
		const char *want;
	} rows[] = {
		{ "nothing", 4, { { 0 } }, "----" },
		{ "no cells", 0, { { 8, 1, 1 } }, "" },
		{ "one piece is all of it", 4, { { 1, 1, 1 } }, "####" },
		{ "a cell each", 4, { { 1, 1, 0 }, { 1, 1, 1 }, { 1, 0, 0 }, { 1, 2, 1 } }, ".#-5" },
		{ "more cells than pieces", 6, { { 4, 4, 4 }, { 4, 4, 0 } }, "###..." },
		{ "a piece over the end of a cell", 2, { { 3, 3, 3 }, { 1, 1, 0 } }, "#5" },
		{ "long and empty but for its ends", 4,
		  { { 4096, 1, 1 }, { UINT64_C(1) << 40, 0, 0 }, { 4096, 1, 0 } }, "#--." },
		{ "a length that nothing has", 2,
		  { { 8, 8, 8 }, { UINT64_MAX, 1, 0 }, { UINT64_C(1) << 62, 1, 0 }, { 8, 8, 0 } },
		  "#." },
		{ "so long that a short piece is nothing", 2,
		  { { (UINT64_C(1) << 62) - 2, 1, 1 }, { 1, 1, 0 }, { 1, 1, 0 } }, "##" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct strip_roll r;

		tap_row("%s", rows[i].name);
		strip_roll_init(&r);
		for (const struct piece *p = rows[i].piece; p->len; p++)
			strip_roll_add(&r, p->len, p->all, p->part);
		CHECK_STR(row_text(&r, rows[i].n), rows[i].want);
	}
}

/* Nothing is lost, whatever their number is. */
static void many(void)
{
	const uint64_t n = 3000000;
	struct strip_cell cells[4];
	struct strip_roll r;
	double all = 0, part = 0;

	strip_roll_init(&r);
	for (uint64_t i = 0; i < n; i++)
		strip_roll_add(&r, 4096, 1, i < n / 4 || i % 2);
	CHECK_STR(row_text(&r, 4), "#555");
	CHECK_INT(r.used <= STRIP_BINS && r.used > STRIP_BINS / 2 - 1, 1);
	strip_roll_cells(&r, cells, ARRAY_SIZE(cells));
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		all += cells[i].all;
		part += cells[i].part;
	}
	CHECK_INT((int64_t)(all + 0.5), (int64_t)n);
	CHECK_INT((int64_t)(part + 0.5), (int64_t)(n / 4 + n / 4 * 3 / 2));
}

/* Where a piece lies is told with an error of a 512th, however the others come. */
static void random_pieces(void)
{
	uint64_t seed = 1;

	for (int round = 0; round < 200; round++) {
		uint64_t at = 0, start = 0, end = 0;
		struct strip_cell cells[200];
		struct strip_roll r;
		bool fits = true;

		strip_roll_init(&r);
		for (int i = 0; i < 50; i++) {
			uint64_t len;

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			len = 1 + (seed >> 33) % (UINT64_C(1) << (1 + round % 40));
			/* The one that is of the kind. */
			if (i == round % 50) {
				start = at;
				end = at + len;
			}
			strip_roll_add(&r, len, (double)len, i == round % 50 ? (double)len : 0);
			at += len;
		}
		strip_roll_cells(&r, cells, ARRAY_SIZE(cells));
		for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
			const double width = (double)at / ARRAY_SIZE(cells);
			const double slack = at / 512.0 + 1e-6 * at;
			const double from = i * width, to = from + width;

			if (to < start - slack || from > end + slack)
				fits &= cells[i].part <= 0;
			if (from > start + slack && to < end - slack)
				fits &= strip_permille(&cells[i]) == 1000;
		}
		tap_row("round %d", round);
		CHECK_INT(fits, true);
	}
}

TAP_MAIN(TAP_CASE(levels), TAP_CASE(rolls), TAP_CASE(many), TAP_CASE(random_pieces))
