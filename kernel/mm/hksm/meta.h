/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8-byte word kept for each tracked page: layout and accessors, pure.
 *
 *   63 ............................. 15 14..11 10...7 6...3 2..0
 *   payload (49 bits)                   level  skip  backoff state
 *
 * The payload of SEEN and CAND is the upper part of the page's key, in place,
 * so that the word can be used as the key for the tables. That of MERGED
 * refers to the record in the stable node.
 */
#ifndef HKSM_META_H
#define HKSM_META_H

#include "env.h"
#include "table.h"

/**
 * enum hksm_state - what is known of an address
 * @HKSM_NONE: nothing, the address is not tracked
 * @HKSM_SEEN: hashed once, not in any table
 * @HKSM_CAND: in the candidate table
 * @HKSM_MERGED: mapped a merged page when last visited, and has a record
 * @HKSM_ZERO: maps the zero page, and has a history; those without one are not
 *	tracked
 */
enum hksm_state {
	HKSM_NONE,
	HKSM_SEEN,
	HKSM_CAND,
	HKSM_MERGED,
	HKSM_ZERO,
};

#define HKSM_META_STATE		GENMASK_ULL(2, 0)
#define HKSM_META_BACKOFF_SHIFT	3
#define HKSM_META_SKIP_SHIFT	7
#define HKSM_META_LEVEL_SHIFT	11
#define HKSM_META_NIBBLE	15
#define HKSM_META_PAYLOAD	HKSM_KEY_MASK

static inline enum hksm_state hksm_meta_state(u64 m)
{
	return m & HKSM_META_STATE;
}

static inline unsigned int hksm_meta_get(u64 m, unsigned int shift)
{
	return (m >> shift) & HKSM_META_NIBBLE;
}

static inline u64 hksm_meta_set(u64 m, unsigned int shift, unsigned int val)
{
	m &= ~((u64)HKSM_META_NIBBLE << shift);
	return m | (u64)min_t(unsigned int, val, HKSM_META_NIBBLE) << shift;
}

/* The same history with another state and payload. */
static inline u64 hksm_meta_become(u64 m, enum hksm_state state, u64 payload)
{
	return (m & ~(HKSM_META_PAYLOAD | HKSM_META_STATE)) |
	       (payload & HKSM_META_PAYLOAD) | state;
}

#endif /* HKSM_META_H */
