/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strip.h - a mapping as a row of cells: where in it the duplicates are.  Pure.
 */
#ifndef KSM_ESTIMATE_STRIP_H
#define KSM_ESTIMATE_STRIP_H

#include "estimate/estimate.h"
#include "util/strip.h"

/* How many cells a mapping has where there is room for @room: no piece has two. */
size_t est_strip_cells(const struct est_seg *seg, uint64_t piece_bytes, size_t room);
/* Fills @n of them from the pieces of @seg: pages present, and duplicates among them. */
void est_strip(const struct est_seg *seg, const struct est_piece *pieces,
	       struct strip_cell *cells, size_t n);

#endif /* KSM_ESTIMATE_STRIP_H */
