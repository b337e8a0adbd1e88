// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * strip.c - something laid out along a line, as a row of cells.  Pure.
 */
#include "util/strip.h"

#include <math.h>

#include "util/macros.h"

#define LEN_MAX (UINT64_C(1) << 62)

void strip_add(struct strip_cell *cells, size_t n, double from, double to, double all,
	       double part)
{
	for (size_t i = from; i < n && i < to; i++) {
		const double share = (MIN(to, i + 1.0) - MAX(from, (double)i)) / (to - from);

		/* An error of rounding, where a piece ends with a cell. */
		if (share < 1e-9)
			continue;
		cells[i].all += share * all;
		cells[i].part += share * part;
	}
}

unsigned int strip_permille(const struct strip_cell *c)
{
	if (c->all <= 0)
		return STRIP_NONE;
	/* An estimate may be above what there is. */
	return (unsigned int)lround(1000 * MIN(MAX(c->part / c->all, 0.0), 1.0));
}

int strip_level(unsigned int permille, int levels)
{
	if (permille == STRIP_NONE)
		return -1;
	if (permille < 1000 * STRIP_FEW)
		return 0;
	return MIN(MAX((int)lround(permille / 1000.0 * levels), 1), levels);
}

void strip_set(struct strip *s, const struct strip_cell *cells, size_t n)
{
	s->n = (uint16_t)n;
	for (size_t i = 0; i < n; i++)
		s->permille[i] = (uint16_t)strip_permille(&cells[i]);
}

/* Two bins become one. */
static void fold(struct strip_roll *r)
{
	for (size_t i = 0; i < r->used; i += 2) {
		struct strip_cell two = r->bin[i];

		if (i + 1 < r->used) {
			two.all += r->bin[i + 1].all;
			two.part += r->bin[i + 1].part;
		}
		r->bin[i / 2] = two;
	}
	r->used = (r->used + 1) / 2;
	r->width *= 2;
}

static void make_room(struct strip_roll *r, uint64_t len)
{
	if (!r->width)
		r->width = 1;
	while (len / STRIP_BINS >= r->width)
		fold(r);
}

void strip_roll_add(struct strip_roll *r, uint64_t len, double all, double part)
{
	double from, to;

	if (!len || len > LEN_MAX - r->len)
		return;
	make_room(r, r->len + len);
	from = (double)r->len / r->width;
	r->len += len;
	to = (double)r->len / r->width;
	while (r->used < STRIP_BINS && r->used < to)
		r->bin[r->used++] = (struct strip_cell){ 0 };
	/* So small a piece on so long a line has no length there. */
	if (to > from)
		strip_add(r->bin, r->used, from, to, all, part);
}

void strip_roll_cells(const struct strip_roll *r, struct strip_cell *cells, size_t n)
{
	const double scale = r->len ? (double)n / r->len : 0;

	for (size_t i = 0; i < n; i++)
		cells[i] = (struct strip_cell){ 0 };
	for (size_t i = 0; i < r->used; i++) {
		const uint64_t start = i * r->width, end = MIN(start + r->width, r->len);

		if (r->bin[i].all > 0)
			strip_add(cells, n, start * scale, end * scale, r->bin[i].all,
				  r->bin[i].part);
	}
}
