// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keyed page hash: NH over 4 KiB chunks, finished by SipHash.
 *
 * NH adds a secret word to each word of the page and sums the products of
 * neighbours. Two different chunks collide with a probability of 2^-64 for
 * anybody who cannot see digests, and a product costs one multiplication for
 * 16 bytes, so memory is what the hash waits for: each line read is paired
 * with a prefetch of the same line of the next page.
 */
#include "digest.h"

#define LINE_WORDS	(64 / sizeof(u64))

#ifdef __SIZEOF_INT128__
static u64 nh_chunk(const struct hksm_digest_key *key, const u64 *w,
		    const char *next, u64 carry)
{
	unsigned __int128 even = 0, odd = 0;
	const u64 *k = key->nh;
	unsigned int i;

	for (i = 0; i < HKSM_DIGEST_WORDS; i += LINE_WORDS) {
		prefetch(next + i * sizeof(u64));
		even += (unsigned __int128)(w[i] + k[i]) *
			(w[i + 1] + k[i + 1]);
		odd += (unsigned __int128)(w[i + 2] + k[i + 2]) *
			(w[i + 3] + k[i + 3]);
		even += (unsigned __int128)(w[i + 4] + k[i + 4]) *
			(w[i + 5] + k[i + 5]);
		odd += (unsigned __int128)(w[i + 6] + k[i + 6]) *
			(w[i + 7] + k[i + 7]);
	}
	even += odd;
	return siphash_3u64((u64)even, (u64)(even >> 64), carry, &key->sip);
}
#else
/* Without wide products: two sums of 32-bit products, a word of key apart. */
static u64 nh_chunk(const struct hksm_digest_key *key, const u64 *w,
		    const char *next, u64 carry)
{
	const u64 *k = key->nh;
	u64 one = 0, two = 0;
	unsigned int i;

	for (i = 0; i < HKSM_DIGEST_WORDS; i++) {
		u64 k2 = k[i ^ 1];

		if (i % LINE_WORDS == 0)
			prefetch(next + i * sizeof(u64));
		one += (u64)((u32)w[i] + (u32)k[i]) *
			((u32)(w[i] >> 32) + (u32)(k[i] >> 32));
		two += (u64)((u32)w[i] + (u32)(k2 >> 32)) *
			((u32)(w[i] >> 32) + (u32)k2);
	}
	return siphash_3u64(one, two, carry, &key->sip);
}
#endif

/**
 * hksm_digest_key_init() - draw a fresh key
 * @key: filled with random bytes
 *
 * Context: any; not before there is entropy to draw from.
 */
void hksm_digest_key_init(struct hksm_digest_key *key)
{
	get_random_bytes(key, sizeof(*key));
}

/**
 * hksm_digest() - hash one page
 * @key: the boot's key
 * @page: PAGE_SIZE readable bytes, aligned to a word
 * @next: page that will be hashed next and may be cold, or @page
 *
 * The page may change while it is read; the digest is then that of a mixture
 * and finds no partner, or one that fails the comparison.
 *
 * Context: any.
 * Return: a digest with 64 usable bits.
 */
u64 hksm_digest(const struct hksm_digest_key *key, const void *page,
		const void *next)
{
	u64 carry = 0;
	unsigned int off;

	for (off = 0; off < PAGE_SIZE; off += HKSM_DIGEST_CHUNK)
		carry = nh_chunk(key, page + off, (const char *)next + off,
				 carry + 1);
	return carry;
}
