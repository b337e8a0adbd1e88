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

void est_strip_add(struct est_cell *cells, size_t n, double from, double to, double present,
		   double dup)
{
	for (size_t i = from; i < n && i < to; i++) {
		const double part = (MIN(to, i + 1.0) - MAX(from, (double)i)) / (to - from);

		cells[i].present += part * present;
		cells[i].dup += part * dup;
	}
}

void est_strip(const struct est_seg *seg, const struct est_piece *pieces, struct est_cell *cells,
	       size_t n)
{
	const double width = (double)(seg->end - seg->start) / n;

	for (size_t i = 0; i < n; i++)
		cells[i] = (struct est_cell){ 0 };
	for (size_t i = 0; i < seg->n_pieces; i++) {
		const struct est_piece *p = &pieces[seg->first_piece + i];

		est_strip_add(cells, n, (p->start - seg->start) / width,
			      (p->end - seg->start) / width, p->count.anon, p->gain.dup);
	}
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
