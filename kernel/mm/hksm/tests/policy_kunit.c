// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the scan policy as the kernel builds it.
 */
#include <kunit/test.h>

#include "../policy.h"

static void old_pages_are_skipped(struct kunit *test)
{
	u64 m = hksm_meta_become(0, HKSM_CAND, ~0ULL);
	unsigned int i, read = 0;

	KUNIT_EXPECT_FALSE(test, hksm_policy_skip(&m));
	KUNIT_EXPECT_FALSE(test, hksm_policy_skip(&m));
	for (i = 0; i < 1600; i++)
		read += !hksm_policy_skip(&m);
	KUNIT_EXPECT_GT(test, read, 90U);
	KUNIT_EXPECT_LT(test, read, 130U);
	KUNIT_EXPECT_EQ(test, hksm_meta_state(m), HKSM_CAND);
	KUNIT_EXPECT_EQ(test, m & HKSM_META_PAYLOAD, HKSM_META_PAYLOAD);
}

static void breaks_are_remembered(struct kunit *test)
{
	struct hksm_heat heat = { 0 };
	u64 m = hksm_meta_become(0, HKSM_MERGED, ~0ULL);
	unsigned int passes = 0;

	KUNIT_EXPECT_TRUE(test, hksm_policy_gate(0, false, true, &heat));
	m = hksm_policy_broken(m, &heat);
	KUNIT_EXPECT_EQ(test, hksm_meta_state(m), HKSM_SEEN);
	KUNIT_EXPECT_FALSE(test, hksm_policy_gate(m, false, true, &heat));
	KUNIT_EXPECT_TRUE(test, hksm_policy_gate(m, true, true, &heat));
	while (hksm_policy_calm(&m))
		passes++;
	KUNIT_EXPECT_EQ(test, passes, 16U);
}

static void restless_ranges_wait(struct kunit *test)
{
	struct hksm_heat heat = { .merges = 10, .breaks = 10 };

	KUNIT_EXPECT_FALSE(test, hksm_policy_gate(0, false, true, &heat));
	KUNIT_EXPECT_TRUE(test, hksm_policy_gate(0, true, true, &heat));
}

static void one_pass_can_be_forbidden(struct kunit *test)
{
	const struct hksm_heat heat = { 0 };

	KUNIT_EXPECT_FALSE(test, hksm_policy_gate(0, false, false, &heat));
	KUNIT_EXPECT_TRUE(test, hksm_policy_gate(0, true, false, &heat));
}

static void splits_are_in_proportion(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, hksm_policy_split(64, 512, 512), 64U);
	KUNIT_EXPECT_EQ(test, hksm_policy_split(64, 16, 512), 2U);
	KUNIT_EXPECT_EQ(test, hksm_policy_split(64, 4, 512), 1U);
	KUNIT_EXPECT_EQ(test, hksm_policy_split(0, 512, 512), 1U);
	KUNIT_EXPECT_GT(test, hksm_policy_split(513, 512, 512), 512U);
	KUNIT_EXPECT_GT(test, hksm_policy_split(UINT_MAX, 16, 512), 16U);
}

static void huge_pages_rest(struct kunit *test)
{
	struct hksm_rest rest = { 0 };
	unsigned int i, looks = 0;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test, hksm_policy_rest(&rest));
	for (i = 0; i < 1600; i++)
		looks += !hksm_policy_rest(&rest);
	KUNIT_EXPECT_GT(test, looks, 90U);
	KUNIT_EXPECT_LT(test, looks, 130U);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(old_pages_are_skipped),
	KUNIT_CASE(breaks_are_remembered),
	KUNIT_CASE(restless_ranges_wait),
	KUNIT_CASE(one_pass_can_be_forbidden),
	KUNIT_CASE(splits_are_in_proportion),
	KUNIT_CASE(huge_pages_rest),
	{}
};

static struct kunit_suite policy_suite = {
	.name = "hksm-policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
