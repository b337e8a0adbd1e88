/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unescape.h - the way back from cli_safe(), as a reader of its output goes it:
 * two backslashes are one, \xNN is a byte where cli_safe() would write one so,
 * and any other backslash stands for itself.
 */
#ifndef KSM_TEST_UNESCAPE_H
#define KSM_TEST_UNESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline int unescape_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Was @safe made of these bytes? */
static inline bool unescapes_to(const char *safe, const void *data, size_t size)
{
	const unsigned char *want = data;
	size_t i = 0;

	for (; *safe; i++) {
		unsigned int byte = (unsigned char)*safe++;

		if (byte == '\\' && *safe == '\\') {
			safe++;
		} else if (byte == '\\' && *safe == 'x' && unescape_digit(safe[1]) >= 0 &&
			   unescape_digit(safe[2]) >= 0) {
			const unsigned int code = (unsigned int)unescape_digit(safe[1]) << 4 |
						  (unsigned int)unescape_digit(safe[2]);

			if (code <= 0x20 || code >= 0x7f) {
				byte = code;
				safe += 3;
			}
		}
		if (i >= size || byte != want[i])
			return false;
	}
	return i == size;
}

#endif
