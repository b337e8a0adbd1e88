// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-top-canvas.c - the grid of ksmtop: clipping, widths, hostile text, ASCII.
 *
 * The promise that everything else rests on is checked after each write: every
 * tail has its wide character, and a row is as wide as the canvas.
 */
#include "ksmtop/canvas.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

#include "tap.h"

#define WIDE "\xe6\x97\xa5"	/* two columns */
#define ACUTE "\xcc\x81"	/* a mark */

static bool utf8(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8"))
		return true;
	tap_skip("no locale C.UTF-8");
	return false;
}

static bool well_formed(const struct canvas *c)
{
	for (int y = 0; y < c->h; y++)
		for (int x = 0; x < c->w; x++) {
			const struct canvas_cell *cell = canvas_at(c, x, y);
			int w;

			if (canvas_is_tail(cell))
				return false;
			w = cell->ch[0] >= 0x2500 && cell->ch[0] < 0x2900 ?
				    1 : wcwidth((wchar_t)cell->ch[0]);
			if (w < 1 || w > 2 || (c->ascii && cell->ch[0] > 0x7e))
				return false;
			if (w == 2 && (++x == c->w || !canvas_is_tail(canvas_at(c, x, y))))
				return false;
		}
	return true;
}

static void check_dump(const struct canvas *c, const char *want)
{
	struct str got __cleanup_str = STR_INIT;

	canvas_dump(c, &got);
	CHECK_STR(str_get(&got), want);
	CHECK(well_formed(c));
}

static void clipping(void)
{
	static const struct {
		int x, y, columns;
		const char *text, *want;
	} rows[] = {
		{ 0, 0, 3, "abc", "abc\n\n" },
		{ 4, 1, 3, "abc", "\n    ab\n" },
		{ -1, 0, 3, "abc", "bc\n\n" },
		{ -9, 0, 3, "abc", "\n\n" },
		{ 6, 0, 3, "abc", "\n\n" },
		{ 0, 2, 3, "abc", "\n\n" },
		{ 0, -1, 3, "abc", "\n\n" },
		{ 0, 0, 0, "", "\n\n" },
		{ 4, 0, 2, WIDE, "    " WIDE "\n\n" },
		{ 5, 0, 2, WIDE, "\n\n" },		/* half of it would not fit */
		{ -1, 0, 3, WIDE "x", " x\n\n" },
		{ 0, 0, 4, "a" ACUTE "b" WIDE, "a" ACUTE "b" WIDE "\n\n" },
		{ 0, 0, 0, ACUTE, "\n\n" },		/* nothing to put it on */
		{ -1, 0, 2, "a" ACUTE "b", "b\n\n" },	/* nor there */
		{ 5, 0, 2, "ab" ACUTE, "     a\n\n" },
		{ 0, 0, 3, "a\xff" "b", "a?b\n\n" },
		{ 0, 0, 2, "a\033\xc2\x9b" "b", "ab\n\n" },
		{ 0, 0, 2, "a\xef\xb8\x8f" "b", "ab\n\n" },	/* a selector of emoji style */
	};
	struct canvas c = { 0 };

	if (!utf8())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		if (!CHECK_INT(canvas_resize(&c, 6, 2), 0))
			return;
		CHECK_INT(canvas_width(rows[i].text), rows[i].columns);
		CHECK_INT(area_text(canvas_area(&c), rows[i].x, rows[i].y, CANVAS_NORMAL,
				    rows[i].text), rows[i].columns);
		check_dump(&c, rows[i].want);
	}
	canvas_fini(&c);
}

/* Text over text: what is left of a wide character is a blank. */
static void over_wide(void)
{
	static const struct {
		int x;
		const char *text, *want;
	} rows[] = {
		{ 0, "x", "x " WIDE WIDE "\n" },
		{ 1, "x", " x" WIDE WIDE "\n" },
		{ 1, WIDE, " " WIDE " " WIDE "\n" },
		{ 2, "xy", WIDE "xy" WIDE "\n" },
		{ 5, "x", WIDE WIDE " x\n" },
		{ 3, "xyz", WIDE " xyz\n" },
		{ 1, ACUTE "x", " x" WIDE WIDE "\n" },
	};
	struct canvas c = { 0 };

	if (!utf8())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		canvas_resize(&c, 6, 1);
		area_text(canvas_area(&c), 0, 0, CANVAS_NORMAL, WIDE WIDE WIDE);
		area_text(canvas_area(&c), rows[i].x, 0, CANVAS_NORMAL, rows[i].text);
		check_dump(&c, rows[i].want);
	}
	canvas_fini(&c);
}

/* Only so many marks are kept: a pile of them reaches into other rows. */
static void piled_marks(void)
{
	struct canvas c = { 0 };
	int kept = 0;

	if (!utf8())
		return;
	canvas_resize(&c, 4, 1);
	area_text(canvas_area(&c), 0, 0, CANVAS_NORMAL,
		  "a" ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE "b");
	while (kept < CANVAS_CELL_CHARS && canvas_at(&c, 0, 0)->ch[kept])
		kept++;
	CHECK_INT(kept, CANVAS_CELL_CHARS);
	CHECK_INT(canvas_at(&c, 1, 0)->ch[0], 'b');
	CHECK(well_formed(&c));
	canvas_fini(&c);
}

static void areas(void)
{
	struct canvas c = { 0 };
	struct area a, b;

	if (!utf8())
		return;
	canvas_resize(&c, 8, 4);
	a = area_sub(canvas_area(&c), 2, 1, 4, 2);
	area_text(a, -1, 0, CANVAS_NORMAL, "abcdefgh");
	area_text(a, 0, 2, CANVAS_NORMAL, "no");
	b = area_sub(a, -3, 1, 5, 99);
	CHECK_INT(b.x, 2);
	CHECK_INT(b.y, 2);
	CHECK_INT(b.w, 2);
	CHECK_INT(b.h, 1);
	area_text(b, 0, 0, CANVAS_NORMAL, "xyz");
	b = area_sub(a, 9, 9, 5, 5);
	CHECK_INT(b.w, 0);
	area_text(b, 0, 0, CANVAS_NORMAL, "no");
	b = area_sub(a, 0, 0, 0x7fffffff, 0x7fffffff);
	CHECK_INT(b.w, 4);
	check_dump(&c, "\n  bcde\n  xy\n\n");
	canvas_clear(&c);
	CHECK_INT(area_right(a, 4, 0, CANVAS_NORMAL, "12"), 2);
	area_right(a, 3, 1, CANVAS_NORMAL, "123456");
	check_dump(&c, "\n    12\n  456\n\n");
	canvas_clear(&c);
	area_repeat(a, -2, 0, 99, CANVAS_NORMAL, '=');
	area_rule(canvas_area(&c), 3, "T");
	check_dump(&c, "\n  ====\n\n"
		   "\xe2\x94\x80 T \xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\n");
	canvas_fini(&c);
}

static void roles(void)
{
	struct str got __cleanup_str = STR_INIT;
	struct canvas c = { 0 };
	char seen[256] = "";

	if (!utf8())
		return;
	canvas_resize(&c, 6, 2);
	area_text(canvas_area(&c), 1, 0, CANVAS_GOOD, "a" WIDE);
	area_role(canvas_area(&c), 3, 0, 99, CANVAS_BAD);
	area_role(canvas_area(&c), -2, 1, 3, CANVAS_SELECTED);
	canvas_dump_roles(&c, &got);
	CHECK_STR(str_get(&got), ".ggbbb\nS.....\n");
	for (int r = 0; r < __CANVAS_ROLE_N; r++) {
		unsigned char l = (unsigned char)canvas_role_letter(r);

		CHECK(l > ' ' && l < 0x7f && !seen[l]);
		seen[l] = 1;
	}
	canvas_fini(&c);
}

static void ascii(void)
{
	struct canvas c = { .ascii = true };

	if (!utf8())
		return;
	canvas_resize(&c, 12, 1);
	area_text(canvas_area(&c), 0, 0, CANVAS_NORMAL,
		  "a" ACUTE WIDE "\xe2\x94\x80\xe2\x96\x88\xe2\x80\xa6\xe2\x96\xbc\xc3\xa4|");
	check_dump(&c, "a?\?-#~v?|\n");
	canvas_clear(&c);
	area_repeat(canvas_area(&c), 0, 0, 3, CANVAS_NORMAL, 0x2502);
	area_repeat(canvas_area(&c), 3, 0, 3, CANVAS_NORMAL, 0x28ff);
	check_dump(&c, "|||???\n");
	canvas_fini(&c);
}

/* In a locale that knows ASCII only, our own drawings still have their width. */
static void c_locale(void)
{
	struct canvas c = { .ascii = true };

	setlocale(LC_CTYPE, "C");
	canvas_resize(&c, 20, 1);
	CHECK_INT(area_text(canvas_area(&c), 0, 0, CANVAS_NORMAL, "\xe2\x94\x80\xe2\xa3\xbf|"), 3);
	CHECK_INT(area_foreign(canvas_area(&c), 3, 0, CANVAS_NORMAL, "\xc3\xa4", 2), 8);
	check_dump(&c, "-?|\\xc3\\xa4\n");
	canvas_fini(&c);
}

/* Names made to harm, at every position and in every width of area. */
static void foreign(void)
{
	static const char *const names[] = {
		"\033[2J\033]0;owned\007", "\x9b" "2J", "\xc2\x9b" "2J", "a\nb\rc\td",
		"\xf0\x9f\x98\x80\xf0\x9f\x98\x80", WIDE WIDE WIDE, "e" ACUTE ACUTE,
		ACUTE ACUTE ACUTE, "\xe2\x80\xae" "gpj", "\xe2\x80\x8b\xe2\x80\x8d",
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb\xef\xb8\x8f", "\xff\xfe\xc0\x80",
		"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
		"\xf3\xb0\x80\x80", "\\x1b\\",
	};
	struct canvas c = { 0 };

	if (!utf8())
		return;
	for (int w = 1; w < 12; w++) {
		canvas_resize(&c, w, 3);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			for (int x = -6; x < w; x++) {
				struct area a = area_sub(canvas_area(&c), 0, 1, w, 1);

				tap_row("name %zu at %d of %d", i, x, w);
				area_foreign(a, x, 0, CANVAS_NORMAL, names[i], strlen(names[i]));
				if (!CHECK(well_formed(&c)))
					return;
				for (int y = 0; y < 3; y += 2)
					CHECK_INT(canvas_at(&c, 0, y)->ch[0], ' ');
			}
	}
	canvas_fini(&c);
}

static void sizes(void)
{
	struct canvas c = { 0 };

	CHECK_INT(canvas_resize(&c, 3, 2), 0);
	area_text(canvas_area(&c), 0, 0, CANVAS_BAD, "abc");
	/* What a terminal may claim to be. */
	CHECK_INT(canvas_resize(&c, 65535, 65535), 0);
	CHECK_INT(c.w, CANVAS_W_MAX);
	CHECK_INT(c.h, CANVAS_H_MAX);
	CHECK_INT(canvas_resize(&c, 0, -3), 0);
	CHECK_INT(c.w, 1);
	CHECK_INT(c.h, 1);
	check_dump(&c, "\n");
	CHECK_INT(canvas_at(&c, 0, 0)->role, CANVAS_NORMAL);
	canvas_fini(&c);
	canvas_fini(&c);
}

TAP_MAIN(TAP_CASE(clipping), TAP_CASE(over_wide), TAP_CASE(piled_marks), TAP_CASE(areas),
	 TAP_CASE(roles), TAP_CASE(ascii), TAP_CASE(c_locale), TAP_CASE(foreign),
	 TAP_CASE(sizes))
