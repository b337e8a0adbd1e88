// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * str.c - a growable string, always NUL-terminated.
 *
 * The invariant: s is NULL and cap is 0, or len < cap and s[len] is NUL.  Every
 * append goes through str_reserve(), the only place that allocates.
 */
#include "util/str.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

void str_init(struct str *b)
{
	*b = (struct str)STR_INIT;
}

void str_fini(struct str *b)
{
	free(b->s);
	str_init(b);
}

void str_reset(struct str *b)
{
	b->len = 0;
	b->err = 0;
	if (b->s)
		b->s[0] = '\0';
}

const char *str_get(const struct str *b)
{
	return b->s ? b->s : "";
}

int str_err(const struct str *b)
{
	return b->err;
}

int str_reserve(struct str *b, size_t extra)
{
	size_t need, cap;
	char *s;

	if (b->err)
		return b->err;
	if (__builtin_add_overflow(b->len, extra, &need) || need > PTRDIFF_MAX - 1)
		return b->err = -ENOMEM;
	need++;
	if (need <= b->cap)
		return 0;
	/* Half as much again: a long chain of appends stays linear. */
	cap = MAX(MAX(need, b->cap + b->cap / 2), (size_t)32);
	s = realloc(b->s, cap);
	if (!s)
		return b->err = -ENOMEM;
	b->s = s;
	b->cap = cap;
	b->s[b->len] = '\0';
	return 0;
}

char *str_steal(struct str *b)
{
	char *s;

	if (str_reserve(b, 0))
		return NULL;
	s = b->s;
	str_init(b);
	return s;
}

int str_addmem(struct str *b, const void *p, size_t n)
{
	if (str_reserve(b, n))
		return b->err;
	if (n)
		memcpy(b->s + b->len, p, n);
	b->len += n;
	b->s[b->len] = '\0';
	return 0;
}

int str_add(struct str *b, const char *s)
{
	return str_addmem(b, s, strlen(s));
}

int str_addc(struct str *b, char c)
{
	return str_addmem(b, &c, 1);
}

int str_vaddf(struct str *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	/* Room for a short result, so that most formats run once. */
	if (str_reserve(b, 64))
		return b->err;
	va_copy(again, ap);
	n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	if (n >= 0 && (size_t)n >= b->cap - b->len) {
		b->s[b->len] = '\0';
		if (!str_reserve(b, (size_t)n))
			vsnprintf(b->s + b->len, b->cap - b->len, fmt, again);
	}
	va_end(again);
	if (n < 0) {
		/* The C library could not: out of memory, or text beyond INT_MAX. */
		b->s[b->len] = '\0';
		b->err = -ENOMEM;
	}
	if (!b->err)
		b->len += (size_t)n;
	return b->err;
}

int str_addf(struct str *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = str_vaddf(b, fmt, ap);
	va_end(ap);
	return rc;
}
