// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the comparison of pages as the kernel builds it. The exhaustive
 * version runs as a program, tests/engine/t-compare.c.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "../compare.h"

#define WORDS	(PAGE_SIZE / sizeof(u64))

static void compare_differs(struct kunit *test)
{
	u64 *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	u64 *other = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, other);
	get_random_bytes(page, PAGE_SIZE);
	memcpy(other, page, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, hksm_same(page, other));
	for (i = 0; i < WORDS; i++) {
		other[i] ^= 1ULL << (i % 64);
		KUNIT_EXPECT_FALSE(test, hksm_same(page, other));
		other[i] ^= 1ULL << (i % 64);
	}
	KUNIT_EXPECT_TRUE(test, hksm_same(page, other));
}

static void compare_blank(struct kunit *test)
{
	u64 *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, hksm_blank(page, page));
	for (i = 0; i < WORDS; i++) {
		page[i] = 1ULL << (i % 64);
		KUNIT_EXPECT_FALSE(test, hksm_blank(page, page));
		page[i] = 0;
	}
	KUNIT_EXPECT_TRUE(test, hksm_blank(page, page));
}

static struct kunit_case compare_cases[] = {
	KUNIT_CASE(compare_differs),
	KUNIT_CASE(compare_blank),
	{}
};

static struct kunit_suite compare_suite = {
	.name = "hksm-compare",
	.test_cases = compare_cases,
};

kunit_test_suite(compare_suite);
