// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json.c - read a JSON document that somebody else wrote.
 *
 * No tree is built: what is asked of a document is a handful of members, and each
 * question walks over it once more.
 */
#include "util/json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/ascii.h"
#include "util/num.h"

struct cursor {
	const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && memchr(" \t\r\n", *c->at, 4))
		c->at++;
}

static bool take(struct cursor *c, char ch)
{
	if (c->at == c->end || *c->at != ch)
		return false;
	c->at++;
	return true;
}

static int hex_digit(char ch)
{
	if (ascii_is_digit(ch))
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static bool take_hex4(struct cursor *c, uint32_t *out)
{
	*out = 0;
	if (c->end - c->at < 4)
		return false;
	for (int i = 0; i < 4; i++, c->at++) {
		if (hex_digit(*c->at) < 0)
			return false;
		*out = *out << 4 | (uint32_t)hex_digit(*c->at);
	}
	return true;
}

/* Behind "\u": a character, of which those beyond 0xffff are two such numbers. */
static bool take_unicode(struct cursor *c, uint32_t *out)
{
	uint32_t low;

	if (!take_hex4(c, out))
		return false;
	if (*out < 0xd800 || *out > 0xdfff)
		return true;
	if (*out > 0xdbff || !take(c, '\\') || !take(c, 'u') || !take_hex4(c, &low) ||
	    low < 0xdc00 || low > 0xdfff)
		return false;
	*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static size_t put_utf8(uint32_t ch, char out[4])
{
	if (ch < 0x80) {
		out[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		out[0] = (char)(0xc0 | ch >> 6);
		out[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		out[0] = (char)(0xe0 | ch >> 12);
		out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		out[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | ch >> 18);
	out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	out[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}

/* The next bytes of a string's contents: how many; 0 behind its closing quote; -1 if bad. */
static int take_char(struct cursor *c, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t ch;

	if (c->at == c->end || (unsigned char)*c->at < 0x20)
		return -1;
	if (take(c, '"'))
		return 0;
	if (!take(c, '\\')) {
		out[0] = *c->at++;
		return 1;
	}
	if (take(c, 'u'))
		return take_unicode(c, &ch) ? (int)put_utf8(ch, out) : -1;
	found = c->at < c->end ? memchr(from, *c->at, sizeof(from) - 1) : NULL;
	if (!found)
		return -1;
	c->at++;
	out[0] = to[found - from];
	return 1;
}

static bool skip_string(struct cursor *c)
{
	char bytes[4];
	int n;

	if (!take(c, '"'))
		return false;
	do
		n = take_char(c, bytes);
	while (n > 0);
	return !n;
}

static bool skip_digits(struct cursor *c)
{
	const char *from = c->at;

	while (c->at < c->end && ascii_is_digit(*c->at))
		c->at++;
	return c->at > from;
}

static bool skip_number(struct cursor *c)
{
	take(c, '-');
	if (!take(c, '0') && !skip_digits(c))
		return false;
	if (take(c, '.') && !skip_digits(c))
		return false;
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			take(c, '-');
		return skip_digits(c);
	}
	return true;
}

static bool skip_word(struct cursor *c, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len))
		return false;
	c->at += len;
	return true;
}

static int skip_value(struct cursor *c, int depth);

/* What stands between brackets, of an object with the keys. */
static int skip_items(struct cursor *c, char closing, int depth)
{
	int rc;

	if (depth == JSON_DEPTH_MAX)
		return -E2BIG;
	skip_blanks(c);
	if (take(c, closing))
		return 0;
	do {
		skip_blanks(c);
		if (closing == '}') {
			if (!skip_string(c))
				return -EINVAL;
			skip_blanks(c);
			if (!take(c, ':'))
				return -EINVAL;
		}
		rc = skip_value(c, depth + 1);
		if (rc)
			return rc;
		skip_blanks(c);
	} while (take(c, ','));
	return take(c, closing) ? 0 : -EINVAL;
}

static int skip_value(struct cursor *c, int depth)
{
	skip_blanks(c);
	if (c->at == c->end)
		return -EINVAL;
	switch (*c->at) {
	case '{':
		c->at++;
		return skip_items(c, '}', depth);
	case '[':
		c->at++;
		return skip_items(c, ']', depth);
	case '"':
		return skip_string(c) ? 0 : -EINVAL;
	case 't':
		return skip_word(c, "true") ? 0 : -EINVAL;
	case 'f':
		return skip_word(c, "false") ? 0 : -EINVAL;
	case 'n':
		return skip_word(c, "null") ? 0 : -EINVAL;
	default:
		return skip_number(c) ? 0 : -EINVAL;
	}
}

int json_parse(const char *text, size_t len, struct json *out)
{
	struct cursor c = { text, text + len };
	int rc;

	skip_blanks(&c);
	out->s = c.at;
	rc = skip_value(&c, 0);
	out->len = c.at - out->s;
	skip_blanks(&c);
	if (!rc && c.at < c.end)
		rc = -EINVAL;
	if (rc)
		*out = (struct json){ c.at, 0 };
	return rc;
}

/* Goes behind a string, and tells whether it is @text. */
static bool take_equal(struct cursor *c, const char *text)
{
	bool same = true;
	char bytes[4];
	int n;

	take(c, '"');
	while ((n = take_char(c, bytes)) > 0)
		for (int i = 0; i < n; i++) {
			same = same && *text && *text == bytes[i];
			text += same;
		}
	return same && !*text && !n;
}

int json_member(struct json object, const char *key, struct json *out)
{
	struct cursor c = { object.s, object.s + object.len };
	int rc = -ENOENT;

	*out = (struct json){ NULL, 0 };
	if (!take(&c, '{'))
		return -ENOENT;
	do {
		const char *from;
		bool same;

		skip_blanks(&c);
		if (c.at == c.end || *c.at != '"')
			return rc;
		same = take_equal(&c, key);
		skip_blanks(&c);
		take(&c, ':');
		skip_blanks(&c);
		from = c.at;
		if (skip_value(&c, 1))
			return -ENOENT;
		if (same && !rc)
			return -EEXIST;
		if (same) {
			*out = (struct json){ from, c.at - from };
			rc = 0;
		}
		skip_blanks(&c);
	} while (take(&c, ','));
	return rc;
}

int json_string(struct json value, char *out, size_t len)
{
	struct cursor c = { value.s, value.s + value.len };
	char bytes[4];
	size_t w = 0;
	int n;

	out[0] = '\0';
	if (!value.s || !take(&c, '"'))
		return -EINVAL;
	while ((n = take_char(&c, bytes)) > 0) {
		if (n == 1 && !bytes[0])
			return -EINVAL;
		if (w + n >= len)
			return -ENOSPC;
		memcpy(out + w, bytes, n);
		w += n;
		out[w] = '\0';
	}
	return n ? -EINVAL : 0;
}

int json_s64(struct json value, int64_t *out)
{
	char text[32];

	if (!value.s || !value.len || value.len >= sizeof(text) || *value.s == '"')
		return -EINVAL;
	memcpy(text, value.s, value.len);
	text[value.len] = '\0';
	return num_s64(text, out);
}
