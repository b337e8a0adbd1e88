// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * strip.c - a mapping as a row of cells: where in it the duplicates are.  Pure.
 */
#include "estimate/strip.h"

#include <math.h>

size_t est_strip_cells(const struct est_seg *seg, uint64_t piece_bytes, size_t room)
{
	/* Pieces begin at multiples of their size, mappings anywhere. */
	const uint64_t n = (seg->end - 1) / piece_bytes - seg->start / piece_bytes + 1;

	return MIN(n, room);
}

/* Adds @piece to the cells that it overlaps, to each in proportion. */
static void spread(const struct est_seg *seg, const struct est_piece *piece,
		   struct est_cell *cells, size_t n)
{
	const double width = (double)(seg->end - seg->start) / n;
	const double from = (piece->start - seg->start) / width;
	const double to = (piece->end - seg->start) / width;

	for (size_t i = from; i < n && i < to; i++) {
		const double part = (MIN(to, i + 1.0) - MAX(from, (double)i)) / (to - from);

		cells[i].present += part * piece->count.anon;
		cells[i].dup += part * piece->gain.dup;
	}
}

void est_strip(const struct est_seg *seg, const struct est_piece *pieces, struct est_cell *cells,
	       size_t n)
{
	for (size_t i = 0; i < n; i++)
		cells[i] = (struct est_cell){ 0 };
	for (size_t i = 0; i < seg->n_pieces; i++)
		spread(seg, &pieces[seg->first_piece + i], cells, n);
}

int est_cell_level(const struct est_cell *c, int levels)
{
	const double share = c->present > 0 ? c->dup / c->present : 0;

	/* Of a page in part, where a piece ends within a cell by an error of rounding. */
	if (c->present < 1e-6)
		return -1;
	if (share < EST_FEW)
		return 0;
	return MIN(MAX((int)lround(share * levels), 1), levels);
}
