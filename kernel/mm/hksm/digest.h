/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keyed page hash. A digest only ever proposes that two pages may be equal;
 * the verdict is a full comparison of write-protected pages in merge.c.
 */
#ifndef HKSM_DIGEST_H
#define HKSM_DIGEST_H

#include "env.h"

/* Bytes hashed with one run through the key; divides every page size. */
#define HKSM_DIGEST_CHUNK	4096
#define HKSM_DIGEST_WORDS	(HKSM_DIGEST_CHUNK / sizeof(u64))

/**
 * struct hksm_digest_key - secret that makes digests unpredictable
 * @sip: key of the finaliser
 * @nh: one addend for each word of a chunk
 *
 * Drawn once at boot, immutable afterwards, never shown to anyone: who knows
 * it can build pages that collide.
 */
struct hksm_digest_key {
	siphash_key_t sip;
	u64 nh[HKSM_DIGEST_WORDS];
};

void hksm_digest_key_init(struct hksm_digest_key *key);
u64 hksm_digest(const struct hksm_digest_key *key, const void *page,
		const void *next);

#endif /* HKSM_DIGEST_H */
