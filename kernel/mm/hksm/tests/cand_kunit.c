// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the candidate table as the kernel builds it.
 */
#include <kunit/test.h>

#include "../cand.h"

static void places(struct kunit *test)
{
	static const struct hksm_place row[] = {
		{ HKSM_RID_MIN, 0 },
		{ U32_MAX, HKSM_IDX_MAX },
		{ 12345, 511 },
	};
	struct hksm_place where;
	struct hksm_dual_probe p;
	struct hksm_cand c;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hksm_cand_init(&c, 0, 0), 0);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		u64 key = (i + 1) * 0x9e3779b97f4a7c15ULL;

		KUNIT_EXPECT_TRUE(test, hksm_cand_insert(&c, key, row[i]));
		KUNIT_EXPECT_TRUE(test, hksm_cand_first(&c, key, &p, &where));
		KUNIT_EXPECT_EQ(test, where.rid, row[i].rid);
		KUNIT_EXPECT_EQ(test, where.idx, row[i].idx);
		KUNIT_EXPECT_TRUE(test, hksm_cand_remove(&c, key, row[i]));
		KUNIT_EXPECT_FALSE(test, hksm_cand_first(&c, key, &p, &where));
	}
	hksm_cand_fini(&c);
}

static struct kunit_case cand_cases[] = {
	KUNIT_CASE(places),
	{}
};

static struct kunit_suite cand_suite = {
	.name = "hksm-cand",
	.test_cases = cand_cases,
};

kunit_test_suite(cand_suite);
