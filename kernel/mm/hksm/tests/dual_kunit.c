// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: a table that is replaced while it is used, as the kernel builds it. More of
 * it in tests/engine/t-dual.c.
 */
#include <kunit/test.h>

#include "../dual.h"

#define ENTRIES	1024

static u64 key_of(u64 body)
{
	return body * 0x9e3779b97f4a7c15ULL;
}

static bool has(const struct hksm_dual *d, u64 body)
{
	struct hksm_dual_probe p;
	u64 b;

	for (b = hksm_dual_first(d, key_of(body), &p); b;
	     b = hksm_dual_next(d, key_of(body), &p))
		if (b == body)
			return true;
	return false;
}

static void replaced(struct kunit *test)
{
	struct hksm_table t;
	struct hksm_dual d;
	unsigned int i;
	u64 b;

	KUNIT_ASSERT_EQ(test, hksm_dual_init(&d, ENTRIES, 0), 0);
	for (b = 2; b < ENTRIES / 2; b++)
		KUNIT_EXPECT_TRUE(test,
				  hksm_table_insert(&d.now, key_of(b), b));
	KUNIT_ASSERT_EQ(test, hksm_table_init(&t, 2 * ENTRIES, 0), 0);
	hksm_dual_begin(&d, &t);
	for (i = 0; hksm_table_used(&d.old) && i < ENTRIES; i++) {
		KUNIT_EXPECT_EQ(test, hksm_dual_drain(&d, 64, key_of), 0);
		for (b = 2; b < ENTRIES / 2; b++)
			KUNIT_EXPECT_TRUE(test, has(&d, b));
	}
	KUNIT_EXPECT_EQ(test, hksm_table_used(&d.old), 0);
	hksm_dual_end(&d, &t);
	hksm_table_fini(&t);
	for (b = 2; b < ENTRIES / 2; b++)
		KUNIT_EXPECT_TRUE(test, hksm_dual_remove(&d, key_of(b), b));
	hksm_dual_fini(&d);
}

static struct kunit_case dual_cases[] = {
	KUNIT_CASE(replaced),
	{}
};

static struct kunit_suite dual_suite = {
	.name = "hksm-dual",
	.test_cases = dual_cases,
};

kunit_test_suite(dual_suite);
