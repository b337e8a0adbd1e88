// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * key.c - the secret behind the hashes of a run, and the hash itself.
 *
 * Whoever knows the secret can make pages that collide, and can find out from a
 * sketch whether a host has a page that they know: so it is random in each run.
 */
#include "estimate/estimate.h"

#include <errno.h>
#include <sys/random.h>

#include <xxhash.h>

#ifdef HAVE_XXH3_64BITS_WITHSECRET_DISPATCH
/* Declared by xxh_x86dispatch.h, which not every system that has it ships. */
XXH_PUBLIC_API XXH64_hash_t XXH3_64bits_withSecret_dispatch(const void *data, size_t len,
							    const void *secret, size_t secret_len);
#define hash_page XXH3_64bits_withSecret_dispatch
#else
#define hash_page XXH3_64bits_withSecret
#endif

uint64_t est_hash(const struct est_key *key, const void *data, size_t len)
{
#ifdef HAVE_AVX512
	if (__builtin_cpu_supports("avx512f"))
		return est_hash_avx512(data, len, key->secret, EST_KEY_LEN);
#endif
	return hash_page(data, len, key->secret, EST_KEY_LEN);
}

/* 32 bits of a hash under a key of its own: too few to say anything of the secret. */
void est_key_set_id(struct est_key *key)
{
	key->id = XXH64(key->secret, sizeof(key->secret), 0x6b736d2d65737469) >> 32;
}

int est_key_new(struct est_key *key)
{
	size_t done = 0;

	while (done < sizeof(key->secret)) {
		ssize_t n = getrandom(key->secret + done, sizeof(key->secret) - done, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += n;
	}
	est_key_set_id(key);
	return 0;
}
