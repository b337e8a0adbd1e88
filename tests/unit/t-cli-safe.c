// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-cli-safe.c - no string that somebody else chose reaches a terminal raw.
 *
 * Rows for every rule, then two sweeps over all code points and all pairs of
 * bytes that check the promise itself: what comes out is valid UTF-8 (or plain
 * ASCII in a C locale) without a control character, and loses nothing.
 */
#include "cli/internal.h"

#include <locale.h>
#include <stdlib.h>

#include "tap.h"
#include "unescape.h"

static const struct row {
	const char *in;
	size_t len;	/* 0: strlen */
	const char *utf8;
	const char *ascii;	/* in a C locale; NULL: the same */
} rows[] = {
	{ "qemu-system-x86", 0, "qemu-system-x86", NULL },
	{ "", 0, "", NULL },
	{ "a b(c)", 0, "a b(c)", NULL },
	{ "evil\nroot 1", 0, "evil\\x0aroot 1", NULL },		/* forges a line */
	{ "\033[2J\033]0;t\007", 0, "\\x1b[2J\\x1b]0;t\\x07", NULL },
	{ "\t\r\b\x7f", 0, "\\x09\\x0d\\x08\\x7f", NULL },
	{ "a\0b", 3, "a\\x00b", NULL },				/* the length rules */
	{ "\\x1b", 0, "\\\\x1b", NULL },			/* text that looks escaped */
	{ "\\\\", 0, "\\\\\\", NULL },				/* and looks like a backslash */
	{ "\\x7f\\xc3", 0, "\\\\x7f\\\\xc3", NULL },
	/* no escape that we would write: units of systemd, and what is no escape at all */
	{ "app-foo\\x2dbar.service", 0, "app-foo\\x2dbar.service", NULL },
	{ "a\\n\\x2\\xg0\\", 0, "a\\n\\x2\\xg0\\", NULL },
	/* the escape of what follows is none of what is before it */
	{ "\\\033[m", 0, "\\\\\\x1b[m", NULL },
	{ "\\\xc3\xa4", 0, "\\\xc3\xa4", "\\\\\\xc3\\xa4" },
	{ "\\ ", 0, "\\\\ ", NULL },			/* a raw column writes \x20 */
	{ "\\x1b\\", 0, "\\\\x1b\\", NULL },
	{ "k\xc3\xa4se", 0, "k\xc3\xa4se", "k\\xc3\\xa4se" },
	{ "e\xcc\x81", 0, "e\xcc\x81", "e\\xcc\\x81" },		/* combining acute: allowed */
	{ "\xe6\x97\xa5", 0, "\xe6\x97\xa5", "\\xe6\\x97\\xa5" },
	{ "\xf0\x9f\x90\xa7", 0, "\xf0\x9f\x90\xa7", "\\xf0\\x9f\\x90\\xa7" },
	{ "\xc2\x9b" "2J", 0, "\\xc2\\x9b2J", NULL },		/* C1: CSI in one character */
	{ "\x9b" "2J", 0, "\\x9b2J", NULL },			/* and for Latin-1 */
	{ "\xe2\x80\xae" "gpj", 0, "\\xe2\\x80\\xaegpj", NULL },	/* right-to-left override */
	{ "\xe2\x81\xa6", 0, "\\xe2\\x81\\xa6", NULL },		/* isolate */
	{ "a\xe2\x80\x8b", 0, "a\\xe2\\x80\\x8b", NULL },	/* zero width space */
	{ "\xe2\x80\xa8\xe2\x80\xa9", 0, "\\xe2\\x80\\xa8\\xe2\\x80\\xa9", NULL },
	{ "\xef\xbb\xbf", 0, "\\xef\\xbb\\xbf", NULL },		/* byte order mark */
	{ "\xf3\xa0\x81\x81", 0, "\\xf3\\xa0\\x81\\x81", NULL },	/* tag letter */
	/* of the generated table, that a list by hand did not have */
	{ "a\xef\xb8\x8f", 0, "a\\xef\\xb8\\x8f", NULL },	/* variation selector */
	{ "a\xcd\x8f", 0, "a\\xcd\\x8f", NULL },		/* combining grapheme joiner */
	{ "\xe1\xa0\x8b", 0, "\\xe1\\xa0\\x8b", NULL },	/* Mongolian selector */
	{ "\xf0\x9d\x85\xb3", 0, "\\xf0\\x9d\\x85\\xb3", NULL },	/* begins a beam of notes */
	{ "\xc0\xaf", 0, "\\xc0\\xaf", NULL },			/* overlong slash */
	{ "\xe0\x80\xaf", 0, "\\xe0\\x80\\xaf", NULL },
	{ "\xf0\x80\x80\xaf", 0, "\\xf0\\x80\\x80\\xaf", NULL },
	{ "\xe0\x82\x9b", 0, "\\xe0\\x82\\x9b", NULL },		/* overlong CSI */
	{ "\xed\xa0\x80", 0, "\\xed\\xa0\\x80", NULL },		/* surrogate */
	{ "\xf4\x90\x80\x80", 0, "\\xf4\\x90\\x80\\x80", NULL },	/* beyond U+10FFFF */
	{ "\xf8\x88\x80\x80\x80", 0, "\\xf8\\x88\\x80\\x80\\x80", NULL },
	{ "\xe6\x97", 0, "\\xe6\\x97", NULL },			/* cut off, as in comm */
	{ "\xe6\x97" "A", 0, "\\xe6\\x97" "A", NULL },		/* the letter behind survives */
	{ "\xe6\x97\xa5", 2, "\\xe6\\x97", NULL },		/* cut off by the length */
	{ "\xff\xfe", 0, "\\xff\\xfe", NULL },
};

static void check_rows(bool ascii)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		__cleanup_str struct str out = STR_INIT;

		tap_row("%zu", i);
		str_add(&out, ">");
		cli_safe(&out, r->in, r->len ? r->len : (size_t)-1);
		CHECK_STR(str_get(&out) + 1, ascii && r->ascii ? r->ascii : r->utf8);
		CHECK(unescapes_to(str_get(&out) + 1, r->in, r->len ? r->len : strlen(r->in)));
	}
}

static void utf8_locale(void)
{
	if (!setlocale(LC_ALL, "C.UTF-8")) {
		tap_skip("no C.UTF-8 locale");
		return;
	}
	CHECK(cli_utf8());
	check_rows(false);
	setlocale(LC_ALL, "C");
}

static void c_locale(void)
{
	setlocale(LC_ALL, "C");
	CHECK(!cli_utf8());
	check_rows(true);
}

static size_t encode(uint32_t cp, char *s)
{
	if (cp < 0x80) {
		s[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		s[0] = (char)(0xc0 | cp >> 6);
		s[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		s[0] = (char)(0xe0 | cp >> 12);
		s[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		s[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	s[0] = (char)(0xf0 | cp >> 18);
	s[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	s[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	s[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* The decoder against an encoder written the other way round. */
static void every_code_point(void)
{
	for (uint32_t cp = 0; cp < 0x120000; cp++) {
		bool valid = cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff);
		uint32_t got = 0;
		char s[4];
		size_t n = encode(cp, s);

		if (!CHECK_UINT(cli_utf8_next(s, n, &got), valid ? n : 0) ||
		    (valid && !CHECK_UINT(got, cp)) ||
		    (n > 1 && !CHECK_UINT(cli_utf8_next(s, n - 1, &got), 0))) {
			printf("# at U+%04X\n", cp);
			return;
		}
	}
}

static bool is_clean(const char *s, size_t len, bool utf8)
{
	while (len) {
		uint32_t cp = 0;
		size_t n = cli_utf8_next(s, len, &cp);

		if (!n || cli_is_treacherous(cp) || (!utf8 && cp >= 0x80))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* Three bytes in a row meet every boundary between characters, good and bad. */
static void every_triple(void)
{
	static const unsigned char pick[] = { 0x00, 0x1b, 'A',	'\\', 0x7f, 0x80, 0x9b, 0xa8, 0xbf,
					      0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4,
					      0xff };
	bool utf8 = setlocale(LC_ALL, "C.UTF-8") != NULL;

	for (unsigned a = 0; a < 256; a += tap_stride(17))
		for (unsigned b = 0; b < 256; b++)
			for (size_t c = 0; c < ARRAY_SIZE(pick); c++) {
				char in[3] = { (char)a, (char)b, (char)pick[c] };
				__cleanup_str struct str out = STR_INIT;

				cli_safe(&out, in, 3);
				if (!is_clean(str_get(&out), out.len, utf8) ||
				    !unescapes_to(str_get(&out), in, 3)) {
					CHECK(!"clean and lossless");
					printf("# %02x %02x %02x\n", a, b, pick[c]);
					return;
				}
			}
	setlocale(LC_ALL, "C");
}

TAP_MAIN(TAP_CASE(utf8_locale), TAP_CASE(c_locale), TAP_CASE(every_code_point),
	 TAP_CASE(every_triple))
