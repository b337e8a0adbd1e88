// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-json.c - JSON that somebody else wrote: what is a document and what is none, members
 * by their names however those are spelled, and nothing read beyond its end.
 */
#include "util/json.h"

#include <errno.h>
#include <stdlib.h>

#include "tap.h"
#include "util/macros.h"

/* A copy that ends where it ends: what is read behind it shows under ASan and valgrind. */
static int parse(const char *text, struct json *out, char **copy)
{
	const size_t len = strlen(text);

	*copy = malloc(len ? len : 1);
	memcpy(*copy, text, len);
	return json_parse(*copy, len, out);
}

static void documents(void)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "{}", 0 }, { "[]", 0 }, { "\"\"", 0 }, { "0", 0 }, { "true", 0 }, { "null", 0 },
		{ " \t\r\n{ \"a\" : [ 1 , -2.5e+3 , false , null , { } ] } \n", 0 },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"", 0 },
		{ "\"\xc3\xa9\"", 0 }, { "-0", 0 }, { "0.5", 0 }, { "1E9", 0 },
		/* cut anywhere */
		{ "", -EINVAL }, { " ", -EINVAL }, { "{", -EINVAL }, { "{\"a", -EINVAL },
		{ "{\"a\"", -EINVAL }, { "{\"a\":", -EINVAL }, { "{\"a\":1", -EINVAL },
		{ "{\"a\":1,", -EINVAL }, { "[", -EINVAL }, { "[1", -EINVAL }, { "[1,", -EINVAL },
		{ "\"", -EINVAL }, { "\"\\", -EINVAL }, { "\"\\u12", -EINVAL },
		{ "\"\\ud83d", -EINVAL }, { "\"\\ud83d\\u", -EINVAL }, { "-", -EINVAL },
		{ "1.", -EINVAL }, { "1e", -EINVAL }, { "tru", -EINVAL },
		/* what other readers let pass */
		{ "{\"a\":1,}", -EINVAL }, { "[1,]", -EINVAL }, { "{a:1}", -EINVAL },
		{ "{'a':1}", -EINVAL }, { "01", -EINVAL }, { "+1", -EINVAL }, { ".5", -EINVAL },
		{ "NaN", -EINVAL }, { "True", -EINVAL }, { "0x10", -EINVAL }, { "1 2", -EINVAL },
		{ "{} {}", -EINVAL }, { "{}x", -EINVAL }, { "// c\n{}", -EINVAL },
		{ "\"a\nb\"", -EINVAL }, { "\"\x01\"", -EINVAL }, { "\"\\x41\"", -EINVAL },
		{ "\"\\ud83dx\"", -EINVAL }, { "\"\\ude00\"", -EINVAL },
		{ "\"\\ud83d\\u0041\"", -EINVAL }, { "{\"a\" 1}", -EINVAL }, { "{1:2}", -EINVAL },
		{ "]", -EINVAL }, { "[}", -EINVAL }, { "{]", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json v;
		char *copy;

		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(parse(rows[i].text, &v, &copy), rows[i].rc);
		CHECK(v.s >= copy && v.s + v.len <= copy + strlen(rows[i].text));
		free(copy);
	}
}

static void depth(void)
{
	struct json v;
	char text[4096];

	for (int n = 1; n < 2000; n += n < 70 ? 1 : 400) {
		memset(text, '[', n);
		memset(text + n, ']', n);
		tap_row("%d", n);
		CHECK_INT(json_parse(text, 2 * (size_t)n, &v), n > JSON_DEPTH_MAX ? -E2BIG : 0);
	}
}

static void zero_byte(void)
{
	struct json v;

	CHECK_INT(json_parse("{}\0", 3, &v), -EINVAL);
	CHECK_INT(json_parse("\"a\0b\"", 5, &v), -EINVAL);
}

static void members(void)
{
	static const struct {
		const char *text, *key;
		int rc;
		const char *want;
	} rows[] = {
		{ "{\"a\":1,\"b\":2}", "b", 0, "2" },
		{ "{ \"a\" : { \"b\" : 3 } , \"b\" : 2 }", "b", 0, "2" },
		{ "{\"a\":{\"b\":3}}", "b", -ENOENT, "" },	/* not further inside */
		{ "{\"ab\":1}", "a", -ENOENT, "" }, { "{\"a\":1}", "ab", -ENOENT, "" },
		{ "{\"\":1}", "", 0, "1" }, { "{\"\":1}", "a", -ENOENT, "" },
		{ "{}", "a", -ENOENT, "" }, { "[\"a\"]", "a", -ENOENT, "" },
		{ "\"a\"", "a", -ENOENT, "" },
		/* the same name in other letters is the same name */
		{ "{\"\\u0061.b\":1}", "a.b", 0, "1" },
		{ "{\"a\\/b\":1}", "a/b", 0, "1" }, { "{\"\\u00e9\":1}", "\xc3\xa9", 0, "1" },
		{ "{\"a\\u0000\":1}", "a", -ENOENT, "" },
		/* twice: another reader might take the other one */
		{ "{\"a\":1,\"a\":2}", "a", -EEXIST, NULL },
		{ "{\"a\":1,\"b\":0,\"\\u0061\":1}", "a", -EEXIST, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json v, m;
		char *copy;

		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(parse(rows[i].text, &v, &copy), 0);
		CHECK_INT(json_member(v, rows[i].key, &m), rows[i].rc);
		if (rows[i].want)
			CHECK(m.len == strlen(rows[i].want) &&
			      (!m.len || !memcmp(m.s, rows[i].want, m.len)));
		free(copy);
	}
}

static void strings(void)
{
	static const struct {
		const char *text;
		int rc;
		const char *want;
	} rows[] = {
		{ "\"\"", 0, "" }, { "\"abcdefg\"", 0, "abcdefg" },
		{ "\"a\\n\\\"\\\\\"", 0, "a\n\"\\" }, { "\"\\u20ac\"", 0, "\xe2\x82\xac" },
		{ "\"\\ud83d\\ude00\"", 0, "\xf0\x9f\x98\x80" },
		/* cut, and never within a character that was one escape */
		{ "\"abcdefgh\"", -ENOSPC, "abcdefg" }, { "\"abcde\\u20ac\"", -ENOSPC, "abcde" },
		{ "\"a\\u0000b\"", -EINVAL, "a" },
		{ "1", -EINVAL, "" }, { "null", -EINVAL, "" }, { "{}", -EINVAL, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json v;
		char *copy, out[8];

		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(parse(rows[i].text, &v, &copy), 0);
		CHECK_INT(json_string(v, out, sizeof(out)), rows[i].rc);
		CHECK_STR(out, rows[i].want);
		free(copy);
	}
}

static void numbers(void)
{
	static const struct {
		const char *text;
		int rc;
		int64_t want;
	} rows[] = {
		{ "0", 0, 0 }, { "-7", 0, -7 }, { "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 }, { "1.0", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 }, { "\"1\"", -EINVAL, 0 }, { "null", -EINVAL, 0 },
		{ "10000000000000000000000000000000000000", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json v;
		int64_t n = 0;
		char *copy;

		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(parse(rows[i].text, &v, &copy), 0);
		CHECK_INT(json_s64(v, &n), rows[i].rc);
		if (!rows[i].rc)
			CHECK_INT(n, rows[i].want);
		free(copy);
	}
}

TAP_MAIN(TAP_CASE(documents), TAP_CASE(depth), TAP_CASE(zero_byte), TAP_CASE(members),
	 TAP_CASE(strings), TAP_CASE(numbers))
