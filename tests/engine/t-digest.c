// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's page hash as a program: equal pages agree, one changed bit
 * anywhere shows, the key matters, and words that trade places show.
 */
#include "../../kernel/mm/hksm/digest.h"

#include "../unit/tap.h"

static struct hksm_digest_key key;
static u64 page[512], other[512];

static u64 digest(const u64 *p)
{
	return hksm_digest(&key, p, p);
}

static void fill(void)
{
	hksm_digest_key_init(&key);
	get_random_bytes(page, sizeof(page));
	memcpy(other, page, sizeof(page));
}

static void equal_pages(void)
{
	fill();
	CHECK(digest(page) == digest(other));
	CHECK(hksm_digest(&key, page, other) == digest(page));
}

static void every_bit(void)
{
	u64 want;
	unsigned int i;

	fill();
	want = digest(page);
	for (i = 0; i < 512 * 64; i++) {
		other[i / 64] ^= 1ULL << (i % 64);
		if (digest(other) == want) {
			tap_row("bit %u", i);
			CHECK(digest(other) != want);
		}
		other[i / 64] ^= 1ULL << (i % 64);
	}
	CHECK(digest(other) == want);
}

static void swapped_words(void)
{
	unsigned int i;

	for (i = 0; i + 1 < 512; i++) {
		u64 x;

		fill();
		x = other[i];
		other[i] = other[i + 1];
		other[i + 1] = x;
		tap_row("word %u", i);
		CHECK(digest(other) != digest(page));
	}
}

static void other_key(void)
{
	u64 want;

	fill();
	want = digest(page);
	hksm_digest_key_init(&key);
	CHECK(digest(page) != want);
}

/* All digests of pages that differ in one word, and their tags, differ. */
static int cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void no_collisions(void)
{
	static u64 d[1 << 14];
	unsigned int i;

	fill();
	memset(page, 0, sizeof(page));
	for (i = 0; i < 1 << 14; i++) {
		page[i % 512] = i / 512 + 1;
		d[i] = digest(page);
		page[i % 512] = 0;
	}
	qsort(d, 1 << 14, sizeof(d[0]), cmp);
	for (i = 1; i < 1 << 14; i++)
		CHECK(d[i] != d[i - 1]);
}

TAP_MAIN({ "equal pages have equal digests", equal_pages },
	 { "every bit of a page counts", every_bit },
	 { "words that trade places show", swapped_words },
	 { "the key decides the digest", other_key },
	 { "pages of few set words do not collide", no_collisions })
