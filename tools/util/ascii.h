/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ascii.h - letters of keys, columns, options and kernel files.
 *
 * Those are ASCII whatever the user's language is.  <ctype.h> and strcasecmp(3)
 * follow the locale: in tr_TR the small letter of I is not i, and "PID" no
 * spelling of "pid".  banned.h holds everybody to this file.
 */
#ifndef KSM_UTIL_ASCII_H
#define KSM_UTIL_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool ascii_is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

/* What has a shape on paper; the blank counts. */
static inline bool ascii_is_print(char c)
{
	return c >= ' ' && c <= '~';
}

/* The first @n bytes, or up to a NUL, are the same but for the case of letters. */
static inline bool ascii_same(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (ascii_lower(*a) != ascii_lower(*b))
			return false;
		if (!*a)
			break;
	}
	return true;
}

static inline bool ascii_equal(const char *a, const char *b)
{
	return ascii_same(a, b, (size_t)-1);
}

/* @part occurs in @s. */
static inline bool ascii_has(const char *s, const char *part)
{
	const size_t n = strlen(part);

	for (size_t left = strlen(s); left >= n; left--, s++)
		if (ascii_same(s, part, n))
			return true;
	return false;
}

#endif /* KSM_UTIL_ASCII_H */
