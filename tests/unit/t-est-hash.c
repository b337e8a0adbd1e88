// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hash is XXH3 with the key for its secret on every processor: sketches made
 * on different machines are compared.
 */
#include "estimate/estimate.h"

#include <xxhash.h>

#include "tap.h"

static unsigned char data[2 * 4096 + 64];
static struct est_key key;

static void fill(void)
{
	uint64_t x = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < sizeof(data); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = x >> 32;
	}
	for (size_t i = 0; i < EST_KEY_LEN; i++)
		key.secret[i] = data[sizeof(data) - 1 - i] ^ 0x5a;
}

static uint64_t reference(const void *p, size_t len)
{
	return XXH3_64bits_withSecret(p, len, key.secret, EST_KEY_LEN);
}

static void lengths(void)
{
	fill();
	for (size_t len = 0; len <= 8192; len += len < 1100 ? 1 : 257) {
		tap_row("%zu bytes", len);
		CHECK_UINT(est_hash(&key, data, len), reference(data, len));
		CHECK_UINT(est_hash(&key, data + 7, len), reference(data + 7, len));
	}
}

static void pages(void)
{
	fill();
	CHECK_UINT(est_hash(&key, data, 4096), reference(data, 4096));
	memset(data, 0, sizeof(data));
	CHECK_UINT(est_hash(&key, data, 4096), reference(data, 4096));
	CHECK_UINT(est_hash(&key, data, 8192), reference(data, 8192));
}

static void keyed(void)
{
	uint64_t one;

	fill();
	one = est_hash(&key, data, 4096);
	key.secret[100] ^= 1;
	CHECK(est_hash(&key, data, 4096) != one);
}

TAP_MAIN(TAP_CASE(lengths), TAP_CASE(pages), TAP_CASE(keyed))
