// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the page hash as the kernel builds it. The exhaustive version runs
 * as a program, tests/engine/t-digest.c.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "../digest.h"

static void digest_differs(struct kunit *test)
{
	struct hksm_digest_key *key = kunit_kzalloc(test, sizeof(*key),
						    GFP_KERNEL);
	u64 *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;
	u64 want;

	KUNIT_ASSERT_NOT_NULL(test, key);
	KUNIT_ASSERT_NOT_NULL(test, page);
	hksm_digest_key_init(key);
	get_random_bytes(page, PAGE_SIZE);
	want = hksm_digest(key, page, page);
	for (i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
		page[i] ^= 1ULL << (i % 64);
		KUNIT_EXPECT_NE(test, hksm_digest(key, page, page), want);
		page[i] ^= 1ULL << (i % 64);
	}
	KUNIT_EXPECT_EQ(test, hksm_digest(key, page, page), want);
	hksm_digest_key_init(key);
	KUNIT_EXPECT_NE(test, hksm_digest(key, page, page), want);
}

static struct kunit_case digest_cases[] = {
	KUNIT_CASE(digest_differs),
	{}
};

static struct kunit_suite digest_suite = {
	.name = "hksm-digest",
	.test_cases = digest_cases,
};

kunit_test_suite(digest_suite);
