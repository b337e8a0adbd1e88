/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * str.h - a growable string, always NUL-terminated.
 *
 * Storage is owned elsewhere (init/fini).  Running out of memory is sticky:
 * appends after a failed one do nothing and str_err() says -ENOMEM, so that a
 * chain of appends is checked once.
 */
#ifndef KSM_UTIL_STR_H
#define KSM_UTIL_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/macros.h"

struct str {
	char *s;	/* never NULL for readers: use str_get() */
	size_t len;
	size_t cap;
	int err;
};

#define STR_INIT { NULL, 0, 0, 0 }

void str_init(struct str *b);
void str_fini(struct str *b);
void str_reset(struct str *b);			/* empty, keep the memory */
const char *str_get(const struct str *b);	/* "" when empty; borrowed */
char *str_steal(struct str *b);			/* caller frees; NULL on error */
int str_err(const struct str *b);

int str_add(struct str *b, const char *s);
int str_addc(struct str *b, char c);
int str_addmem(struct str *b, const void *p, size_t n);
int str_addf(struct str *b, const char *fmt, ...) __printf(2, 3);
int str_vaddf(struct str *b, const char *fmt, va_list ap) __printf(2, 0);
int str_reserve(struct str *b, size_t extra);

#define __cleanup_str __attribute__((cleanup(str_fini)))

#endif /* KSM_UTIL_STR_H */
