/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.h - lines and fields of kernel text files, for libksm's parsers only.
 *
 * A cursor walks a buffer that need not end in NUL.  Nothing here allocates.
 */
#ifndef KSM_LIBKSM_PARSE_H
#define KSM_LIBKSM_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/num.h"

struct span {
	const char *s;
	size_t len;
};

/* The next line without its newline; false at the end of the buffer. */
static inline bool span_line(struct span *rest, struct span *line)
{
	const char *nl;

	if (!rest->len)
		return false;
	nl = memchr(rest->s, '\n', rest->len);
	line->s = rest->s;
	line->len = nl ? (size_t)(nl - rest->s) : rest->len;
	rest->s += line->len + (nl ? 1 : 0);
	rest->len -= line->len + (nl ? 1 : 0);
	return true;
}

/* The next word between blanks (space, tab); false when none is left. */
static inline bool span_word(struct span *rest, struct span *word)
{
	while (rest->len && (*rest->s == ' ' || *rest->s == '\t')) {
		rest->s++;
		rest->len--;
	}
	if (!rest->len)
		return false;
	word->s = rest->s;
	while (rest->len && *rest->s != ' ' && *rest->s != '\t') {
		rest->s++;
		rest->len--;
	}
	word->len = rest->s - word->s;
	return true;
}

static inline bool span_is(struct span sp, const char *text)
{
	return strlen(text) == sp.len && !memcmp(sp.s, text, sp.len);
}

static inline bool span_begins(struct span sp, const char *prefix)
{
	const size_t l = strlen(prefix);

	return sp.len >= l && !memcmp(sp.s, prefix, l);
}

/* With something before it. */
static inline bool span_ends(struct span sp, const char *suffix)
{
	const size_t l = strlen(suffix);

	return sp.len > l && !memcmp(sp.s + sp.len - l, suffix, l);
}

/* The next component of a path that ends in NUL; false at its end. */
static inline bool span_component(const char **path, struct span *out)
{
	*path += strspn(*path, "/");
	*out = (struct span){ *path, strcspn(*path, "/") };
	*path += out->len;
	return out->len > 0;
}

/* "Key:" or "Key": the text before a closing colon equals. */
static inline bool span_is_key(struct span sp, const char *text)
{
	if (sp.len && sp.s[sp.len - 1] == ':')
		sp.len--;
	return span_is(sp, text);
}

static inline bool span_u64(struct span sp, uint64_t *out)
{
	return sp.len && sp.s[sp.len - 1] != '\n' && !num_kernel_u64(sp.s, sp.len, out);
}

static inline bool span_s64(struct span sp, int64_t *out)
{
	return sp.len && sp.s[sp.len - 1] != '\n' && !num_kernel_s64(sp.s, sp.len, out);
}

/* A long of the kernel, also where a version prints it as unsigned. */
static inline bool span_long(struct span sp, int64_t *out)
{
	return sp.len && sp.s[sp.len - 1] != '\n' && !num_kernel_long(sp.s, sp.len, out);
}

/* A count; one that went below zero tells nothing. */
static inline bool span_count(struct span sp, int64_t *out)
{
	return sp.len && sp.s[sp.len - 1] != '\n' && !num_kernel_count(sp.s, sp.len, out);
}

/* Takes hexadecimal digits off the front of @sp, as maps and smaps have addresses. */
static inline bool span_hex(struct span *sp, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < sp->len && i < 16; i++) {
		char c = sp->s[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (d < 0)
			break;
		v = v << 4 | d;
	}
	sp->s += i;
	sp->len -= i;
	*out = v;
	return i > 0;
}

#endif /* KSM_LIBKSM_PARSE_H */
