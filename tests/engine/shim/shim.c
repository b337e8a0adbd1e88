// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the stand-in env.h declares: SipHash-2-4 of three words, as published
 * by Aumasson and Bernstein, and random bytes that are the same in every run.
 */
#include "env.h"

bool shim_no_memory;

void get_random_bytes(void *buf, size_t len)
{
	static u64 x = 0x853c49e6748fea9bULL;
	u8 *p = buf;

	while (len--) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = (u8)(x >> 56);
	}
}

static u64 rotl(u64 x, int b)
{
	return x << b | x >> (64 - b);
}

static void sip_round(u64 *v)
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

u64 siphash_3u64(u64 a, u64 b, u64 c, const siphash_key_t *key)
{
	u64 m[4] = { a, b, c, 24ULL << 56 };
	u64 v[4] = {
		key->key[0] ^ 0x736f6d6570736575ULL,
		key->key[1] ^ 0x646f72616e646f6dULL,
		key->key[0] ^ 0x6c7967656e657261ULL,
		key->key[1] ^ 0x7465646279746573ULL,
	};
	int i;

	for (i = 0; i < 4; i++) {
		v[3] ^= m[i];
		sip_round(v);
		sip_round(v);
		v[0] ^= m[i];
	}
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
