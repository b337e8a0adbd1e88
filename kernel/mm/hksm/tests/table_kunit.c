// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the bucket table as the kernel builds it, filled until it is tight
 * and emptied again. More of it in tests/engine/t-table.c.
 */
#include <kunit/test.h>

#include "../table.h"

#define ENTRIES	4096

static u64 key_of(u64 n)
{
	return (n + 1) * 0x9e3779b97f4a7c15ULL;
}

static bool has(const struct hksm_table *t, u64 key, u64 body)
{
	struct hksm_probe p;
	u64 b;

	for (b = hksm_table_first(t, key, &p); b;
	     b = hksm_table_next(t, key, &p))
		if (b == body)
			return true;
	return false;
}

static void fill_and_empty(struct kunit *test)
{
	struct hksm_table t;
	u64 n, i;

	KUNIT_ASSERT_EQ(test, hksm_table_init(&t, ENTRIES, 0), 0);
	for (n = 0; !hksm_table_tight(&t); n++)
		KUNIT_EXPECT_TRUE(test, hksm_table_insert(&t, key_of(n), n + 2));
	KUNIT_EXPECT_GT(test, n, ENTRIES * 3ULL / 4);
	for (i = 0; i < n; i += 2)
		KUNIT_EXPECT_TRUE(test, hksm_table_remove(&t, key_of(i), i + 2));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, has(&t, key_of(i), i + 2), i % 2 == 1);
	for (i = 1; i < n; i += 2)
		KUNIT_EXPECT_TRUE(test, hksm_table_remove(&t, key_of(i), i + 2));
	KUNIT_EXPECT_EQ(test, hksm_table_used(&t), 0UL);
	hksm_table_fini(&t);
}

static void equal_keys(struct kunit *test)
{
	struct hksm_table t;
	u64 i;

	KUNIT_ASSERT_EQ(test, hksm_table_init(&t, ENTRIES, 0), 0);
	for (i = 2; i < 50; i++)
		KUNIT_EXPECT_TRUE(test, hksm_table_insert(&t, 5, i));
	for (i = 2; i < 50; i++)
		KUNIT_EXPECT_TRUE(test, has(&t, 5, i));
	hksm_table_fini(&t);
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(fill_and_empty),
	KUNIT_CASE(equal_keys),
	{}
};

static struct kunit_suite table_suite = {
	.name = "hksm-table",
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
