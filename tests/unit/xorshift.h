/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xorshift.h - numbers that look random and are the same each time: a generator of
 * Marsaglia ("Xorshift RNGs", 2003), and its numbers times an odd constant.
 */
#ifndef KSM_TESTS_UNIT_XORSHIFT_H
#define KSM_TESTS_UNIT_XORSHIFT_H

#include <stdint.h>

/* @state: not 0. */
static inline uint64_t xorshift64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1d;
}

#endif /* KSM_TESTS_UNIT_XORSHIFT_H */
