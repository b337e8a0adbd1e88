/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strip.h - something laid out along a line, as a row of cells: how much of each is of one
 * kind.  Pure.
 */
#ifndef KSM_UTIL_STRIP_H
#define KSM_UTIL_STRIP_H

#include <stddef.h>
#include <stdint.h>

/* An equal part of the line, and what lies there, of pieces that it cuts in part. */
struct strip_cell {
	double all;
	double part;		/* of it, of the kind that is shown */
};

/* Adds what lies from @from to @to, in cells, to the @n that it overlaps, in proportion. */
void strip_add(struct strip_cell *cells, size_t n, double from, double to, double all,
	       double part);

#define STRIP_NONE	UINT16_MAX	/* nothing is there */
#define STRIP_FEW	0.05		/* less is shown as nothing of the kind */

/* How much of a cell is of the kind: 0 to 1000, or STRIP_NONE. */
unsigned int strip_permille(const struct strip_cell *c);
/**
 * strip_level() - the same in steps
 *
 * Return: 1 to @levels; 0 for less than STRIP_FEW of it; -1 where nothing is.
 */
int strip_level(unsigned int permille, int levels);

/* A row as a listing shows it. */
#define STRIP_CELLS 32
struct strip {
	uint16_t n;
	uint16_t permille[STRIP_CELLS];
};

/* @n is at most STRIP_CELLS. */
void strip_set(struct strip *s, const struct strip_cell *cells, size_t n);

/*
 * What is laid on a line whose length is known only at its end, however many pieces
 * come.  Where they lie is told with an error of a 512th of the line at most.
 */
#define STRIP_BINS 1024
struct strip_roll {
	struct strip_cell bin[STRIP_BINS];	/* valid: the first .used */
	size_t used;
	uint64_t width;		/* of a bin; a power of two, or 0 before the first piece */
	uint64_t len;		/* of the line so far */
};

/* Starts a line; the bins need no clearing. */
static inline void strip_roll_init(struct strip_roll *r)
{
	r->used = 0;
	r->width = 0;
	r->len = 0;
}

/**
 * strip_roll_add() - one more piece at the end of the line
 * @len: of the piece along the line, in any unit; what makes the line longer than 2^62 is
 *	left out
 * @all: how much lies in it
 * @part: of @all, of the kind that is shown
 */
void strip_roll_add(struct strip_roll *r, uint64_t len, double all, double part);
/* The whole line as @n cells. */
void strip_roll_cells(const struct strip_roll *r, struct strip_cell *cells, size_t n);

#endif /* KSM_UTIL_STRIP_H */
