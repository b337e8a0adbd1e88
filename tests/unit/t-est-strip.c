// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mapping as a row of cells: literal pieces in, levels out.
 */
#include "estimate/strip.h"

#include "tap.h"

#define MIB (UINT64_C(1) << 20)
#define PIECE (2 * MIB)

/* Pieces by number, counted from a multiple of PIECE at or below the mapping. */
struct row {
	const char *name;
	uint64_t start, end;		/* of the mapping */
	size_t room;
	struct {
		unsigned int number;
		uint64_t present;
		double dup;
	} piece[8];
	const char *want;		/* '-' nothing, '.' few, else tenths, '#' all */
};

static const struct row rows[] = {
	{ "one page is one cell", 7 * MIB, 7 * MIB + 4096, 32, { { 0, 1, 1 } }, "#" },
	{ "a piece each", 0, 4 * PIECE, 32,
	  { { 0, 512, 0 }, { 1, 512, 512 }, { 3, 100, 50 } }, ".#-5" },
	{ "an end that is not aligned makes a piece more", PIECE - 4096, 2 * PIECE + 4096, 32,
	  { { 0, 1, 1 }, { 1, 512, 0 }, { 2, 1, 0 } }, "..." },
	{ "few are none", 0, 2 * PIECE, 32, { { 0, 512, 25 }, { 1, 512, 26 } }, ".1" },
	{ "nearly all is all", 0, 2 * PIECE, 32, { { 0, 1000, 949 }, { 1, 1000, 950 } }, "9#" },
	{ "no pieces", 0, 4 * PIECE, 32, { { 0 } }, "----" },
	{ "narrow: weighed by what is present", 0, 4 * PIECE, 2,
	  { { 0, 300, 300 }, { 1, 100, 0 }, { 3, 512, 0 } }, "8." },
	{ "no room", 0, 4 * PIECE, 0, { { 0, 512, 512 } }, "" },
	{ "a TiB that is empty but for its ends", 0, UINT64_C(1) << 40, 4,
	  { { 0, 10, 10 }, { (1 << 19) - 1, 10, 0 } }, "#--." },
};

static void cells(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct est_seg seg = { .start = r->start, .end = r->end };
		struct est_piece pieces[ARRAY_SIZE(r->piece)] = { 0 };
		struct strip_cell cell[32];
		char got[33] = "";
		size_t n;

		tap_row("%s", r->name);
		for (size_t j = 0; j < ARRAY_SIZE(r->piece) && r->piece[j].present; j++) {
			const uint64_t at = (r->start / PIECE + r->piece[j].number) * PIECE;

			pieces[seg.n_pieces++] = (struct est_piece){
				.start = MAX(at, r->start),
				.end = MIN(at + PIECE, r->end),
				.count.anon = r->piece[j].present,
				.gain.dup = r->piece[j].dup,
			};
		}
		n = est_strip_cells(&seg, PIECE, r->room);
		est_strip(&seg, pieces, cell, n);
		for (size_t j = 0; j < n; j++) {
			const int level = strip_level(strip_permille(&cell[j]), 10);

			got[j] = "-.123456789#"[level + 1];
		}
		CHECK_STR(got, r->want);
	}
}

TAP_MAIN(TAP_CASE(cells))
