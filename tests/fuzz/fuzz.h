/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - what the targets on libksm's parsers share.
 *
 * libFuzzer hands over a buffer of the exact size, without a NUL behind it, so
 * that AddressSanitizer sees a step beyond its end.  A target that wants a
 * string makes one with fuzz_text().
 */
#ifndef KSM_TESTS_FUZZ_H
#define KSM_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true of each answer; abort() is what libFuzzer takes for a crash. */
#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

/* The caller frees it. */
static inline char *fuzz_text(const void *data, size_t size)
{
	char *s = malloc(size + 1);

	MUST(s);
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

#endif /* KSM_TESTS_FUZZ_H */
