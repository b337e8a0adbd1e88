/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strip.h - a mapping as a row of cells: where in it the duplicates are.  Pure.
 */
#ifndef KSM_ESTIMATE_STRIP_H
#define KSM_ESTIMATE_STRIP_H

#include "estimate/estimate.h"

/* An equal part of the addresses of a mapping; pages, of pieces that it cuts in part. */
struct est_cell {
	double present;
	double dup;
};

/* How many cells a mapping has where there is room for @room: no piece has two. */
size_t est_strip_cells(const struct est_seg *seg, uint64_t piece_bytes, size_t room);
/* Fills @n of them from the pieces of @seg. */
void est_strip(const struct est_seg *seg, const struct est_piece *pieces, struct est_cell *cells,
	       size_t n);
/**
 * est_cell_level() - how much of a cell is duplicate, in steps
 *
 * Return: 1 to @levels; 0 for less than EST_FEW of it; -1 where nothing is present.
 */
int est_cell_level(const struct est_cell *c, int levels);

#define EST_FEW 0.05

#endif /* KSM_ESTIMATE_STRIP_H */
