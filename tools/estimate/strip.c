// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * strip.c - a mapping as a row of cells: where in it the duplicates are.  Pure.
 */
#include "estimate/strip.h"

size_t est_strip_cells(const struct est_seg *seg, uint64_t piece_bytes, size_t room)
{
	/* Pieces begin at multiples of their size, mappings anywhere. */
	const uint64_t n = (seg->end - 1) / piece_bytes - seg->start / piece_bytes + 1;

	return MIN(n, room);
}

void est_strip(const struct est_seg *seg, const struct est_piece *pieces,
	       struct strip_cell *cells, size_t n)
{
	const double width = (double)(seg->end - seg->start) / n;

	for (size_t i = 0; i < n; i++)
		cells[i] = (struct strip_cell){ 0 };
	for (size_t i = 0; i < seg->n_pieces; i++) {
		const struct est_piece *p = &pieces[seg->first_piece + i];

		strip_add(cells, n, (p->start - seg->start) / width,
			  (p->end - seg->start) / width, p->count.anon, p->gain.dup);
	}
}
