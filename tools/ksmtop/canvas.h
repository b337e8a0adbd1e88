/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canvas.h - a grid of character cells that panes draw on.
 *
 * Pure: no terminal, no clock, no kernel.  Every write is clipped to an area,
 * and text is laid out by columns, not bytes: a wide character takes two cells
 * or is left out, a combining mark joins the cell before it.  Whatever is
 * written, a row has exactly the canvas' width when it is shown.
 */
#ifndef KSM_KSMTOP_CANVAS_H
#define KSM_KSMTOP_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/macros.h"
#include "util/str.h"

/* What a cell means.  Only view-curses.c knows colours. */
enum canvas_role {
	CANVAS_NORMAL,
	CANVAS_TITLE,		/* names of things and panes */
	CANVAS_DIM,		/* less important: units, frames, what is absent */
	CANVAS_GOOD,
	CANVAS_WARN,
	CANVAS_BAD,
	CANVAS_HEADER,		/* heading of the table */
	CANVAS_SORTED,		/* the column in it that rows are ordered by */
	CANVAS_SELECTED,	/* the row under the cursor */
	CANVAS_TAGGED,
	CANVAS_KEY,		/* a key's name */
	CANVAS_LABEL,		/* what that key does, in the bar */
	CANVAS_INPUT,		/* a line that is being typed */
	CANVAS_GRAPH1,		/* graphs, in the order they are drawn */
	CANVAS_GRAPH2,
	CANVAS_GRAPH3,
	CANVAS_METER,		/* the filled part of a gauge */
	__CANVAS_ROLE_N
};

/* One character and its marks; more of them would only be there to do harm. */
#define CANVAS_CELL_CHARS 4

struct canvas_cell {
	uint32_t ch[CANVAS_CELL_CHARS];	/* code points, 0 behind the last; ch[0] == 0: see below */
	uint8_t role;
};

/* The second cell of a wide character holds no character of its own. */
static inline bool canvas_is_tail(const struct canvas_cell *cell)
{
	return !cell->ch[0];
}

struct canvas {
	int w, h;
	bool ascii;		/* nothing but ASCII is put into cells */
	struct canvas_cell *cells;
};

/* A terminal can claim any size; beyond this one stays blank. */
#define CANVAS_W_MAX 2000
#define CANVAS_H_MAX 1000

/*
 * Make it @w by @h, but at least 1 by 1, and blank.  Return: 0, or -ENOMEM, which
 * leaves the older size as it was.
 */
int canvas_resize(struct canvas *c, int w, int h);
void canvas_fini(struct canvas *c);
/* Blanks everywhere. */
void canvas_clear(struct canvas *c);
/* Never NULL for a position on the canvas. */
const struct canvas_cell *canvas_at(const struct canvas *c, int x, int y);

/* A part of a canvas: positions are relative to it, and nothing is written beside it. */
struct area {
	struct canvas *c;
	int x, y, w, h;
};

struct area canvas_area(struct canvas *c);
/* A part of a part, cut to it; negative or too large sizes are no error. */
struct area area_sub(struct area a, int x, int y, int w, int h);

/*
 * Text of our own, UTF-8, at (x, y).  It may begin left of the area.  Return: how
 * many columns it takes, drawn or not.
 */
int area_text(struct area a, int x, int y, enum canvas_role role, const char *text);
int area_textf(struct area a, int x, int y, enum canvas_role role, const char *fmt, ...)
	__printf(5, 6);
/* The same, ending in front of column @end. */
int area_right(struct area a, int end, int y, enum canvas_role role, const char *text);
/* The same from (x, y) to the right edge, with an ellipsis where it is cut. */
void area_text_cut(struct area a, int x, int y, enum canvas_role role, const char *text);
/* Text that others chose: it passes cli_safe(). */
int area_foreign(struct area a, int x, int y, enum canvas_role role, const char *s, size_t len);
/* @n times one character of one column. */
void area_repeat(struct area a, int x, int y, int n, enum canvas_role role, uint32_t ch);
/* A new role for @n cells, whatever they show. */
void area_role(struct area a, int x, int y, int n, enum canvas_role role);
/* A title, and a line up to the right edge. */
void area_rule(struct area a, int y, const char *title);

/* Append a code point. */
void canvas_add_utf8(struct str *out, uint32_t cp);
/* Columns that clean UTF-8 text takes on a canvas. */
int canvas_width(const char *text);

/* For tests and pictures: rows without blanks at their ends, a newline after each. */
void canvas_dump(const struct canvas *c, struct str *out);
/* One letter a cell: canvas_role_letter(); '.' for CANVAS_NORMAL. */
void canvas_dump_roles(const struct canvas *c, struct str *out);
char canvas_role_letter(enum canvas_role role);

#endif /* KSM_KSMTOP_CANVAS_H */
