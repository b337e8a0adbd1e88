// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * safe.c - strings that somebody else chose, made fit for a terminal.
 *
 * A process may name itself anything: escape sequences that reprogram the
 * terminal, a newline that forges a line of our output, right-to-left marks
 * that make it read as another.  Whatever is not plainly visible text is
 * written as \xNN.  Not for JSON, which has escapes of its own (json.c).
 */
#include "cli/internal.h"

#include <string.h>

#include "util/ascii.h"

size_t cli_utf8_next(const char *s, size_t len, uint32_t *cp)
{
	/* By length: the smallest code point that needs so many bytes. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c;
	size_t n;

	if (!len)
		return 0;
	if (u[0] < 0x80) {
		*cp = u[0];
		return 1;
	}
	if (u[0] >= 0xc2 && u[0] <= 0xdf)
		n = 2;
	else if ((u[0] & 0xf0) == 0xe0)
		n = 3;
	else if (u[0] >= 0xf0 && u[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	c = u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

static bool is_in(uint32_t cp, const struct cli_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= ranges[i].from && cp <= ranges[i].to)
			return true;
	return false;
}

bool cli_is_treacherous(uint32_t cp)
{
	static const struct cli_range ranges[] = {
		{ 0x0000, 0x001f },	/* C0 */
		{ 0x007f, 0x009f },	/* DEL and C1: an escape sequence in one character */
		{ 0x2028, 0x2029 },	/* line and paragraph ends */
		{ 0xfff9, 0xfffb },	/* interlinear annotation: hides text */
	};

	if (is_in(cp, ranges, ARRAY_SIZE(ranges)))
		return true;
	if (cp >= cli_invisible[0].from && is_in(cp, cli_invisible, cli_n_invisible))
		return true;
	/* Noncharacters: the last two of each plane, and 32 in the middle. */
	return (cp & 0xfffe) == 0xfffe || (cp >= 0xfdd0 && cp <= 0xfdef);
}

static int hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at @s: its bytes, and whether it is written as it stands. */
static size_t next_char(const char *s, size_t len, bool utf8, bool *plain)
{
	uint32_t cp = 0;
	const size_t n = cli_utf8_next(s, len, &cp);

	*plain = n && !cli_is_treacherous(cp) && (utf8 || cp < 0x80);
	return n ? n : 1;
}

/*
 * A backslash is doubled only where @s, what follows it, would make it read as one
 * of ours, so that what systemd calls its units ("app-foo\x2dbar.service") can be
 * copied as it stands.
 */
static bool makes_escape(const char *s, size_t len, bool utf8)
{
	bool plain;
	int byte;

	if (!len)
		return false;
	next_char(s, len, utf8, &plain);
	/* An escape follows; raw columns make one of a blank too. */
	if (!plain || *s == ' ' || *s == '\\')
		return true;
	if (len < 3 || s[0] != 'x' || hex(s[1]) < 0 || hex(s[2]) < 0)
		return false;
	byte = hex(s[1]) << 4 | hex(s[2]);
	return byte <= 0x20 || byte >= 0x7f;
}

void cli_safe(struct str *out, const char *s, size_t len)
{
	const bool utf8 = cli_utf8();

	if (len == (size_t)-1)
		len = strlen(s);
	while (len) {
		bool plain;
		const size_t n = next_char(s, len, utf8, &plain);

		if (plain && *s == '\\' && makes_escape(s + 1, len - 1, utf8))
			str_add(out, "\\\\");
		else if (plain)
			str_addmem(out, s, n);
		else
			for (size_t i = 0; i < n; i++)
				str_addf(out, "\\x%02x", (unsigned char)s[i]);
		s += n;
		len -= n;
	}
}
