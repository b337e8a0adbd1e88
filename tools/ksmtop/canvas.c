// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * canvas.c - the grid of cells: clipping, widths, ASCII in place of drawings.
 *
 * Not for colours or terminals (view-curses.c).  The invariant that every write
 * keeps: a wide character is followed by its tail, and a tail follows a wide
 * character; half of one that is written over becomes a blank.
 */
#include "ksmtop/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#include "cli/cli.h"

/* ------------------------------------------------------------------ */
/* the grid								*/

static struct canvas_cell *cell_at(const struct canvas *c, int x, int y)
{
	return &c->cells[(size_t)y * (size_t)c->w + (size_t)x];
}

const struct canvas_cell *canvas_at(const struct canvas *c, int x, int y)
{
	return cell_at(c, x, y);
}

void canvas_clear(struct canvas *c)
{
	size_t n = (size_t)c->w * (size_t)c->h;

	for (size_t i = 0; i < n; i++)
		c->cells[i] = (struct canvas_cell){ .ch = { ' ' } };
}

int canvas_resize(struct canvas *c, int w, int h)
{
	struct canvas_cell *cells;

	w = MAX(1, MIN(w, CANVAS_W_MAX));
	h = MAX(1, MIN(h, CANVAS_H_MAX));
	cells = reallocarray(c->cells, (size_t)w * (size_t)h, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	c->cells = cells;
	c->w = w;
	c->h = h;
	canvas_clear(c);
	return 0;
}

void canvas_fini(struct canvas *c)
{
	free(c->cells);
	*c = (struct canvas){ .ascii = c->ascii };
}

struct area canvas_area(struct canvas *c)
{
	return (struct area){ c, 0, 0, c->w, c->h };
}

struct area area_sub(struct area a, int x, int y, int w, int h)
{
	const int64_t left = MAX(x, 0), top = MAX(y, 0);
	const int64_t right = MIN((int64_t)x + w, a.w), bottom = MIN((int64_t)y + h, a.h);

	return (struct area){ a.c, a.x + (int)MIN(left, a.w), a.y + (int)MIN(top, a.h),
			      (int)MAX(right - left, 0), (int)MAX(bottom - top, 0) };
}

/* ------------------------------------------------------------------ */
/* characters								*/

/* What a drawing character becomes where only ASCII may be shown. */
static const struct {
	uint32_t ch;
	char ascii;
} plain[] = {
	{ 0x00b1, '~' },	/* plus-minus */
	{ 0x00b7, '.' },	/* middle dot */
	{ 0x00d7, 'x' },	/* times */
	{ 0x2022, '*' },	/* bullet */
	{ 0x2026, '~' },	/* ellipsis */
	{ 0x2190, '<' }, { 0x2191, '^' }, { 0x2192, '>' }, { 0x2193, 'v' },
	{ 0x2500, '-' }, { 0x2502, '|' }, { 0x250c, '+' }, { 0x2510, '+' },
	{ 0x2514, '`' }, { 0x2518, '+' }, { 0x251c, '|' }, { 0x2524, '|' },
	{ 0x252c, '+' }, { 0x2534, '+' }, { 0x253c, '+' },
	{ 0x2581, '_' }, { 0x2582, '.' }, { 0x2583, ':' }, { 0x2584, '-' },
	{ 0x2585, '=' }, { 0x2586, '+' }, { 0x2587, '*' }, { 0x2588, '#' },
	{ 0x258f, ' ' }, { 0x258e, ' ' }, { 0x258d, ' ' }, { 0x258c, '|' },
	{ 0x258b, '|' }, { 0x258a, '|' }, { 0x2589, '|' },
	{ 0x2591, '.' }, { 0x2592, ':' },
	{ 0x25b2, '^' }, { 0x25b6, '>' }, { 0x25bc, 'v' }, { 0x25c0, '<' },
	{ 0x25cf, '*' },
};

/* Or 0 for what has no likeness in ASCII. */
static char ascii_of(uint32_t cp)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (plain[i].ch == cp)
			return plain[i].ascii;
	return 0;
}

/*
 * Selectors of emoji or text style: they change how wide a terminal draws the
 * character before them, of which wcwidth(3) knows nothing.
 */
static bool is_selector(uint32_t cp)
{
	return cp >= 0xfe00 && cp <= 0xfe0f;
}

/* Braille, and what we draw with: one column, whatever the locale knows of it. */
static bool is_drawing(uint32_t cp)
{
	return (cp >= 0x2800 && cp <= 0x28ff) || ascii_of(cp);
}

/* Columns of a character: 0 for a mark, -1 for one to leave out, -2 unknown. */
static int char_width(uint32_t cp)
{
	int w;

	if (cp >= 0x20 && cp < 0x7f)
		return 1;
	if (cp < 0xa0 || is_selector(cp))
		return -1;
	if (is_drawing(cp))
		return 1;
	w = wcwidth((wchar_t)cp);
	return w < 0 ? -2 : w;
}

/* The next character of UTF-8 text and its columns; false at the end. */
static bool next_char(const char **s, uint32_t *cp, int *width)
{
	size_t n;

	do {
		if (!**s)
			return false;
		n = cli_utf8_next(*s, strlen(*s), cp);
		if (!n) {
			n = 1;
			*cp = '?';
		}
		*s += n;
		*width = char_width(*cp);
	} while (*width == -1);
	/* Newer than this C library, which cannot tell how wide it is. */
	if (*width < 0) {
		*cp = '?';
		*width = 1;
	}
	return true;
}

int canvas_width(const char *text)
{
	uint32_t cp;
	int sum = 0, w;

	while (next_char(&text, &cp, &w))
		sum += w;
	return sum;
}

/* ------------------------------------------------------------------ */
/* writing								*/

static void blank(struct canvas_cell *cell)
{
	*cell = (struct canvas_cell){ .ch = { ' ' }, .role = cell->role };
}

/* What loses its other half by a write at x becomes blank. */
static void unpair(struct canvas *c, int x, int y)
{
	if (canvas_is_tail(cell_at(c, x, y)) && x > 0)
		blank(cell_at(c, x - 1, y));
	if (x + 1 < c->w && canvas_is_tail(cell_at(c, x + 1, y)))
		blank(cell_at(c, x + 1, y));
}

static void put(struct canvas *c, int x, int y, enum canvas_role role, uint32_t cp, int width)
{
	for (int i = 0; i < width; i++)
		unpair(c, x + i, y);
	for (int i = 0; i < width; i++)
		*cell_at(c, x + i, y) = (struct canvas_cell){ .role = (uint8_t)role };
	cell_at(c, x, y)->ch[0] = cp;
}

/* A mark joins the character in front of it; there is room for few. */
static void put_mark(struct canvas *c, int x, int y, uint32_t cp)
{
	struct canvas_cell *cell = cell_at(c, x, y);

	if (canvas_is_tail(cell) && x > 0)
		cell = cell_at(c, x - 1, y);
	for (int i = 1; i < CANVAS_CELL_CHARS; i++)
		if (!cell->ch[i]) {
			cell->ch[i] = cp;
			return;
		}
}

static uint32_t as_ascii(uint32_t cp)
{
	if (cp < 0x80)
		return cp;
	return ascii_of(cp) ? (uint32_t)ascii_of(cp) : '?';
}

static bool inside(struct area a, int x, int y, int width)
{
	return y >= 0 && y < a.h && x >= 0 && x + width <= a.w;
}

int area_text(struct area a, int x, int y, enum canvas_role role, const char *text)
{
	const int start = x;
	int last = -1;		/* column of the character that marks belong to */
	uint32_t cp;
	int w;

	while (next_char(&text, &cp, &w)) {
		if (!w) {
			if (last >= 0 && !a.c->ascii)
				put_mark(a.c, a.x + last, a.y + y, cp);
			continue;
		}
		last = -1;
		if (inside(a, x, y, w) && a.c->ascii && cp >= 0x80) {
			for (int i = 0; i < w; i++)
				put(a.c, a.x + x + i, a.y + y, role, as_ascii(cp), 1);
		} else if (inside(a, x, y, w)) {
			put(a.c, a.x + x, a.y + y, role, cp, w);
			last = x;
		}
		x += w;
	}
	return x - start;
}

int area_textf(struct area a, int x, int y, enum canvas_role role, const char *fmt, ...)
{
	struct str text __cleanup_str = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	return area_text(a, x, y, role, str_get(&text));
}

int area_right(struct area a, int end, int y, enum canvas_role role, const char *text)
{
	return area_text(a, end - canvas_width(text), y, role, text);
}

void area_text_cut(struct area a, int x, int y, enum canvas_role role, const char *text)
{
	area_text(a, x, y, role, text);
	if (x + canvas_width(text) > a.w)
		area_repeat(a, a.w - 1, y, 1, role, 0x2026);
}

int area_foreign(struct area a, int x, int y, enum canvas_role role, const char *s, size_t len)
{
	struct str text __cleanup_str = STR_INIT;

	cli_safe(&text, s, len);
	return area_text(a, x, y, role, str_get(&text));
}

void area_repeat(struct area a, int x, int y, int n, enum canvas_role role, uint32_t ch)
{
	const uint32_t shown = a.c->ascii ? as_ascii(ch) : ch;

	for (int i = MAX(x, 0); i < x + n && i < a.w; i++)
		if (inside(a, i, y, 1))
			put(a.c, a.x + i, a.y + y, role, shown, 1);
}

void area_role(struct area a, int x, int y, int n, enum canvas_role role)
{
	for (int i = MAX(x, 0); i < x + n && i < a.w; i++)
		if (inside(a, i, y, 1))
			cell_at(a.c, a.x + i, a.y + y)->role = (uint8_t)role;
}

void area_rule(struct area a, int y, const char *title)
{
	int x;

	area_repeat(a, 0, y, a.w, CANVAS_DIM, 0x2500);
	if (!*title)
		return;
	x = 1;
	area_text(a, x++, y, CANVAS_DIM, " ");
	x += area_text(a, x, y, CANVAS_TITLE, title);
	area_text(a, x, y, CANVAS_DIM, " ");
}

/* ------------------------------------------------------------------ */
/* as text								*/

void canvas_add_utf8(struct str *out, uint32_t cp)
{
	if (cp < 0x80) {
		str_addc(out, (char)cp);
	} else if (cp < 0x800) {
		str_addc(out, (char)(0xc0 | cp >> 6));
		str_addc(out, (char)(0x80 | (cp & 0x3f)));
	} else if (cp < 0x10000) {
		str_addc(out, (char)(0xe0 | cp >> 12));
		str_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
		str_addc(out, (char)(0x80 | (cp & 0x3f)));
	} else {
		str_addc(out, (char)(0xf0 | cp >> 18));
		str_addc(out, (char)(0x80 | (cp >> 12 & 0x3f)));
		str_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
		str_addc(out, (char)(0x80 | (cp & 0x3f)));
	}
}

static bool is_blank(const struct canvas_cell *cell)
{
	return cell->ch[0] == ' ' && !cell->ch[1];
}

void canvas_dump(const struct canvas *c, struct str *out)
{
	for (int y = 0; y < c->h; y++) {
		int end = c->w;

		while (end && is_blank(cell_at(c, end - 1, y)))
			end--;
		for (int x = 0; x < end; x++)
			for (int i = 0; i < CANVAS_CELL_CHARS && cell_at(c, x, y)->ch[i]; i++)
				canvas_add_utf8(out, cell_at(c, x, y)->ch[i]);
		str_addc(out, '\n');
	}
}

char canvas_role_letter(enum canvas_role role)
{
	static const char letters[] = {
		[CANVAS_NORMAL] = '.',	 [CANVAS_TITLE] = 't',	[CANVAS_DIM] = 'd',
		[CANVAS_GOOD] = 'g',	 [CANVAS_WARN] = 'w',	[CANVAS_BAD] = 'b',
		[CANVAS_HEADER] = 'h',	 [CANVAS_SORTED] = 'o', [CANVAS_SELECTED] = 'S',
		[CANVAS_TAGGED] = 'T',	 [CANVAS_KEY] = 'k',	[CANVAS_LABEL] = 'l',
		[CANVAS_INPUT] = 'i',	 [CANVAS_GRAPH1] = '1', [CANVAS_GRAPH2] = '2',
		[CANVAS_GRAPH3] = '3',	 [CANVAS_METER] = 'm',
	};

	_Static_assert(ARRAY_SIZE(letters) == __CANVAS_ROLE_N, "a letter for each role");
	return letters[role];
}

void canvas_dump_roles(const struct canvas *c, struct str *out)
{
	for (int y = 0; y < c->h; y++) {
		for (int x = 0; x < c->w; x++)
			str_addc(out, canvas_role_letter(cell_at(c, x, y)->role));
		str_addc(out, '\n');
	}
}
