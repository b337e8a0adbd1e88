/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strip.h - a row of cells: where in a mapping the duplicates are, or in a process what is
 * marked.  Pure.
 */
#ifndef KSM_ESTIMATE_STRIP_H
#define KSM_ESTIMATE_STRIP_H

#include "estimate/estimate.h"

/*
 * An equal part of the addresses of a mapping, or of whatever is laid out along a line;
 * pages, of pieces that it cuts in part.
 */
struct est_cell {
	double present;
	double dup;
};

/* How many cells a mapping has where there is room for @room: no piece has two. */
size_t est_strip_cells(const struct est_seg *seg, uint64_t piece_bytes, size_t room);
/* Fills @n of them from the pieces of @seg. */
void est_strip(const struct est_seg *seg, const struct est_piece *pieces, struct est_cell *cells,
	       size_t n);
/* Adds what lies from @from to @to, in cells, to the @n that it overlaps, in proportion. */
void est_strip_add(struct est_cell *cells, size_t n, double from, double to, double present,
		   double dup);
/**
 * est_cell_level() - how much of a cell is duplicate, in steps
 *
 * Return: 1 to @levels; 0 for less than EST_FEW of it; -1 where nothing is present.
 */
int est_cell_level(const struct est_cell *c, int levels);

#define EST_FEW 0.05

#endif /* KSM_ESTIMATE_STRIP_H */
