// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-pattern.c - an expression made ready for long lines says what it said before.
 */
#include <locale.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "libksm/pattern.h"
#include "tap.h"

/* Each pattern on each line, held to regexec() with the pattern as it is. */
static void same_answers(void)
{
	static const struct {
		const char *text;
		bool wrapped;
	} rows[] = {
		{ "", true }, { "a", true }, { "^a", true }, { "a$", true }, { "^a$", true },
		{ "a|b", true }, { "^a|b$", true }, { "(a|b)c", true }, { "a.*b", true },
		{ "^$", true }, { "[)(]", true }, { "[])]x", true }, { "[^])]x", true },
		{ "[[:space:])]", true }, { "[[.).]]", true }, { "x{2,3}y", true },
		{ "\\)", true }, { "\\(a", true }, { ".", true }, { "a?b+", true },
		{ "\\<b", true }, { "b\\b", true },
		/* its own numbers would be others; a parenthesis that stands for itself */
		{ "(a)\\1", false }, { "a)", false }, { "a)|b", false },
	};
	static const char *const lines[] = {
		"", "a", "b", "ab", "ba", "aab", "ac", "xc", "xa b", ")", "(", "a)", "b)", ")x",
		"]x", "yx", "xxy", "xxxy", "a\nb", ("\xff" "a"), "aa", " ", "b a", "a(", "\\",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_pattern p;

		tap_row("%s", rows[i].text);
		if (!CHECK_INT(ksm_pattern_init(&p, rows[i].text), 0))
			continue;
		CHECK(p.has_whole == rows[i].wrapped);
		for (size_t j = 0; j < ARRAY_SIZE(lines); j++) {
			char *line = strdup(lines[j]);

			tap_row("%s on line %zu", rows[i].text, j);
			CHECK(ksm_pattern_match(&p, line) ==
			      !regexec(&p.plain, lines[j], 0, NULL, 0));
			free(line);
		}
		ksm_pattern_fini(&p);
	}
}

/* This took a minute and a half. */
static void long_line(void)
{
	char *line = malloc(KSM_CMDLINE_MAX + 1);
	struct ksm_pattern p;

	memset(line, 'x', KSM_CMDLINE_MAX);
	line[KSM_CMDLINE_MAX] = '\0';
	CHECK_INT(ksm_pattern_init(&p, "x.*y"), 0);
	CHECK(p.has_whole);
	CHECK(!ksm_pattern_match(&p, line));
	line[KSM_CMDLINE_MAX - 1] = 'y';
	CHECK(ksm_pattern_match(&p, line));
	ksm_pattern_fini(&p);
	/* One that counts for itself sees the beginning. */
	CHECK_INT(ksm_pattern_init(&p, "(x)\\1y"), 0);
	CHECK(!ksm_pattern_match(&p, line));
	CHECK_UINT(strlen(line), 4096);
	ksm_pattern_fini(&p);
	free(line);
}

/* Bytes that are no characters hide nothing that stands behind them. */
static void not_text(void)
{
	char line[] = "\xff\xc3(\xe2\x82 \xc3\xa9 worker";
	struct ksm_pattern p;

	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		tap_skip("no locale C.UTF-8");
		return;
	}
	CHECK_INT(ksm_pattern_init(&p, "\xc3\xa9 worker$"), 0);
	CHECK(p.has_whole);
	CHECK(ksm_pattern_match(&p, line));
	ksm_pattern_fini(&p);
	setlocale(LC_CTYPE, "C");
}

static void shown(void)
{
	static const struct {
		const char *line;
		size_t len;
		const char *want;
	} rows[] = {
		{ "", 0, "" },
		{ "a\0b\0", 4, "a b" },
		{ "a\0\0", 3, "a" },
		/* a title and the NULs of what it was written over */
		{ "Process Title\0\0\0\0\0", 18, "Process Title" },
		{ "no end", 6, "no end" },
	};
	char *line = malloc(KSM_CMDLINE_MAX + 1);
	char buf[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		memcpy(buf, rows[i].line, rows[i].len + 1);
		CHECK_UINT(ksm_cmdline_show(buf, rows[i].len), strlen(rows[i].want));
		CHECK_STR(buf, rows[i].want);
	}
	tap_row("long");
	memset(line, 'a', KSM_CMDLINE_MAX);
	CHECK_UINT(ksm_cmdline_show(line, KSM_CMDLINE_SHOWN), KSM_CMDLINE_SHOWN);
	CHECK_STR(line + KSM_CMDLINE_SHOWN - 3, "aaa");
	memset(line, 'a', KSM_CMDLINE_MAX);
	CHECK_UINT(ksm_cmdline_show(line, KSM_CMDLINE_MAX), KSM_CMDLINE_SHOWN);
	CHECK_STR(line + KSM_CMDLINE_SHOWN - 4, "a...");
	/* not half a character before the mark */
	for (size_t i = 0; i + 1 < KSM_CMDLINE_MAX; i += 2)
		memcpy(line + i, "\xc3\xa9", 2);
	CHECK_UINT(ksm_cmdline_show(line, KSM_CMDLINE_MAX), KSM_CMDLINE_SHOWN - 1);
	CHECK_STR(line + KSM_CMDLINE_SHOWN - 6, "\xc3\xa9...");
	free(line);
}

TAP_MAIN(TAP_CASE(same_answers), TAP_CASE(long_line), TAP_CASE(not_text), TAP_CASE(shown))
