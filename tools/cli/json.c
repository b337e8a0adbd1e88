// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json.c - JSON documents, built in memory and written at once.
 *
 * Written here and not left to libsmartcols, which turns an empty string into
 * null and passes invalid UTF-8 through.  Numbers are numbers, what is missing
 * is null, strings are valid: bytes that are not UTF-8 become U+FFFD, and
 * whatever would harm a terminal is escaped, which a JSON parser undoes.
 */
#include "cli/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/xalloc.h"

#define DEPTH_MAX 32

struct cli_json {
	struct str text;
	unsigned depth;
	bool compact;
	char closing[DEPTH_MAX];
	bool filled[DEPTH_MAX + 1];	/* something stands there already */
};

struct cli_json *cli_json_new(void)
{
	return xcalloc(1, sizeof(struct cli_json));
}

void cli_json_free(struct cli_json *j)
{
	if (!j)
		return;
	str_fini(&j->text);
	free(j);
}

void cli_json_compact(struct cli_json *j)
{
	j->compact = true;
}

static void add_escaped(struct str *out, uint32_t cp)
{
	if (cp >= 0x10000) {
		cp -= 0x10000;
		str_addf(out, "\\u%04x\\u%04x", 0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
		return;
	}
	str_addf(out, "\\u%04x", cp);
}

static void add_string(struct str *out, const char *s)
{
	size_t len = strlen(s);
	bool utf8 = cli_utf8();

	str_addc(out, '"');
	while (len) {
		uint32_t cp;
		size_t n = cli_utf8_next(s, len, &cp);

		if (!n) {
			n = 1;
			add_escaped(out, 0xfffd);
		} else if (cp == '"' || cp == '\\') {
			str_addc(out, '\\');
			str_addc(out, (char)cp);
		} else if (cp == '\n') {
			str_add(out, "\\n");
		} else if (cp == '\t') {
			str_add(out, "\\t");
		} else if (cli_is_treacherous(cp) || (cp >= 0x80 && !utf8)) {
			add_escaped(out, cp);
		} else {
			str_addmem(out, s, n);
		}
		s += n;
		len -= n;
	}
	str_addc(out, '"');
}

static void new_line(struct cli_json *j)
{
	if (j->compact)
		return;
	str_addc(&j->text, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		str_add(&j->text, "   ");
}

/* What stands before a value: a comma, the line's start, the key. */
static struct str *begin(struct cli_json *j, const char *key)
{
	if (j->filled[j->depth])
		str_add(&j->text, j->compact ? ", " : ",");
	j->filled[j->depth] = true;
	if (j->depth)
		new_line(j);
	if (key) {
		add_string(&j->text, key);
		str_add(&j->text, ": ");
	}
	return &j->text;
}

void cli_json_open(struct cli_json *j, const char *key, char bracket)
{
	str_addc(begin(j, key), bracket);
	if (j->depth == DEPTH_MAX)
		cli_die(CLI_FAIL, -E2BIG, "JSON");
	j->closing[j->depth++] = bracket == '{' ? '}' : ']';
	j->filled[j->depth] = false;
}

void cli_json_close(struct cli_json *j)
{
	bool filled = j->filled[j->depth];

	j->depth--;
	if (filled)
		new_line(j);
	str_addc(&j->text, j->closing[j->depth]);
}

void cli_json_num(struct cli_json *j, const char *key, int64_t v)
{
	str_addf(begin(j, key), "%" PRId64, v);
}

void cli_json_real(struct cli_json *j, const char *key, double v, int decimals)
{
	/* JSON knows neither infinity nor what is not a number. */
	if (!isfinite(v))
		cli_json_null(j, key);
	else
		str_addf(begin(j, key), "%.*f", decimals, v);
}

void cli_json_str(struct cli_json *j, const char *key, const char *v)
{
	if (v)
		add_string(begin(j, key), v);
	else
		cli_json_null(j, key);
}

void cli_json_bool(struct cli_json *j, const char *key, bool v)
{
	str_add(begin(j, key), v ? "true" : "false");
}

void cli_json_null(struct cli_json *j, const char *key)
{
	str_add(begin(j, key), "null");
}

void cli_json_strip(struct cli_json *j, const char *key, const struct strip *s)
{
	struct str *text = begin(j, key);

	str_addc(text, '[');
	for (size_t i = 0; i < s->n; i++) {
		str_add(text, i ? ", " : "");
		if (s->permille[i] == STRIP_NONE)
			str_add(text, "null");
		else
			str_addf(text, "%u.%u", s->permille[i] / 10U, s->permille[i] % 10U);
	}
	str_addc(text, ']');
}

int cli_json_print(struct cli_json *j, FILE *out)
{
	int rc;

	while (j->depth)
		cli_json_close(j);
	str_addc(&j->text, '\n');
	rc = str_err(&j->text);
	if (rc)
		return rc;
	if (fwrite(j->text.s, 1, j->text.len, out) == j->text.len)
		return 0;
	rc = -errno;
	return out == stdout ? cli_write_failed(rc) : rc;
}
