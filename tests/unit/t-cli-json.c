// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-cli-json.c - documents byte for byte: layout, numbers, strings, null.
 */
#include "cli/cli.h"

#include <locale.h>
#include <math.h>

#include "tap.h"

/* Print j, free it, compare. */
static void check(struct cli_json *j, const char *want)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!CHECK(f != NULL))
		return;
	CHECK_INT(cli_json_print(j, f), 0);
	fclose(f);
	CHECK_STR(text, want);
	free(text);
	cli_json_free(j);
}

static void fill(struct cli_json *j)
{
	cli_json_open(j, NULL, '{');
	cli_json_num(j, "n", INT64_MIN);
	cli_json_open(j, "list", '[');
	cli_json_num(j, NULL, 1);
	cli_json_open(j, NULL, '{');
	cli_json_close(j);
	cli_json_open(j, NULL, '[');
	cli_json_close(j);
	cli_json_bool(j, NULL, true);
	cli_json_close(j);
	cli_json_real(j, "r", -0.25, 2);
	cli_json_null(j, "z");
	cli_json_open(j, "sub", '{');
	cli_json_str(j, "s", "x");
	/* What is open now, cli_json_print() closes. */
}

static void layout(void)
{
	struct cli_json *pretty = cli_json_new(), *compact = cli_json_new();

	fill(pretty);
	check(pretty, "{\n"
		      "   \"n\": -9223372036854775808,\n"
		      "   \"list\": [\n"
		      "      1,\n"
		      "      {},\n"
		      "      [],\n"
		      "      true\n"
		      "   ],\n"
		      "   \"r\": -0.25,\n"
		      "   \"z\": null,\n"
		      "   \"sub\": {\n"
		      "      \"s\": \"x\"\n"
		      "   }\n"
		      "}\n");
	cli_json_compact(compact);
	fill(compact);
	check(compact, "{\"n\": -9223372036854775808, \"list\": [1, {}, [], true], \"r\": -0.25, "
		       "\"z\": null, \"sub\": {\"s\": \"x\"}}\n");
	cli_json_free(NULL);
}

static void no_numbers(void)
{
	struct cli_json *j = cli_json_new();

	cli_json_compact(j);
	cli_json_open(j, NULL, '[');
	cli_json_real(j, NULL, NAN, 1);
	cli_json_real(j, NULL, INFINITY, 1);
	cli_json_str(j, NULL, NULL);
	cli_json_bool(j, NULL, false);
	cli_json_real(j, NULL, 1e15, 0);
	check(j, "[null, null, null, false, 1000000000000000]\n");
}

static void strings(bool utf8)
{
	static const struct {
		const char *in;
		const char *utf8;
		const char *ascii;	/* NULL: the same */
	} rows[] = {
		{ "", "\"\"", NULL },
		{ "a/b", "\"a/b\"", NULL },
		{ "\"\\", "\"\\\"\\\\\"", NULL },
		{ "a\n\t\033", "\"a\\n\\t\\u001b\"", NULL },
		{ "\x7f", "\"\\u007f\"", NULL },
		{ "\xc2\x9b", "\"\\u009b\"", NULL },			/* C1 */
		{ "\xe2\x80\xae", "\"\\u202e\"", NULL },		/* right-to-left override */
		{ "\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"", NULL },	/* a tag, as a pair */
		{ "\xc3\xa4", "\"\xc3\xa4\"", "\"\\u00e4\"" },
		{ "\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\"", "\"\\ud83d\\udc27\"" },
		{ "a\xff" "b", "\"a\\ufffdb\"", NULL },			/* not UTF-8 */
		{ "\xe6\x97", "\"\\ufffd\\ufffd\"", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cli_json *j = cli_json_new();
		__cleanup_str struct str want = STR_INIT;

		tap_row("%zu", i);
		str_addf(&want, "%s\n", utf8 || !rows[i].ascii ? rows[i].utf8 : rows[i].ascii);
		cli_json_str(j, NULL, rows[i].in);
		check(j, str_get(&want));
	}
}

static void strings_c_locale(void)
{
	setlocale(LC_ALL, "C");
	strings(false);
}

static void strings_utf8(void)
{
	if (!setlocale(LC_ALL, "C.UTF-8")) {
		tap_skip("no C.UTF-8 locale");
		return;
	}
	strings(true);
	setlocale(LC_ALL, "C");
}

TAP_MAIN(TAP_CASE(layout), TAP_CASE(no_numbers), TAP_CASE(strings_c_locale),
	 TAP_CASE(strings_utf8))
