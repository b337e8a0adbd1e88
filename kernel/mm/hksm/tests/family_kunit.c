// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: a family as the kernel builds it, that grows by pieces and becomes
 * small again. More of it in tests/engine/t-family.c.
 */
#include <kunit/test.h>

#include "../family.h"

#define MEMBERS	100

static struct hksm_family *new_family(struct kunit *test, struct hksm_member *m)
{
	struct hksm_family *f;

	/* Aligned as every power of two is. */
	f = kunit_kmalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	hksm_family_init(f, 1, m, true);
	return f;
}

static unsigned int length(struct hksm_family *f)
{
	struct hksm_member **at;
	unsigned int n = 0;

	for (at = hksm_family_last(f); at; at = hksm_family_prev(at))
		n += (*at)->place == at;
	return n;
}

static void come_and_go(struct kunit *test)
{
	struct hksm_member *m = kunit_kcalloc(test, MEMBERS, sizeof(*m),
					      GFP_KERNEL);
	struct hksm_family *f;
	unsigned int i;
	void *more;

	KUNIT_ASSERT_NOT_NULL(test, m);
	f = new_family(test, m);
	for (i = 1; i < MEMBERS; i++) {
		if (hksm_family_full(f)) {
			more = kunit_kmalloc(test, sizeof(struct hksm_more),
					     GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, more);
			hksm_family_extend(f, more);
		}
		hksm_family_add(f, &m[i], i % 3);
	}
	KUNIT_EXPECT_EQ(test, length(f), MEMBERS);
	KUNIT_EXPECT_EQ(test, f->nr_open, 67);
	for (i = 0; i < MEMBERS; i++) {
		KUNIT_EXPECT_PTR_EQ(test, hksm_family_of(&m[i]), f);
		if (i % 3)
			hksm_family_turn(&m[i], false);
	}
	KUNIT_EXPECT_PTR_EQ(test, hksm_family_open(f), &m[0]);
	for (i = MEMBERS - 1; i; i--) {
		more = hksm_family_del(&m[i], false);
		if (more)
			kunit_kfree(test, more);
		KUNIT_EXPECT_EQ(test, length(f), i);
	}
	KUNIT_EXPECT_PTR_EQ(test, hksm_family_open(f), &m[0]);
}

static struct kunit_case family_cases[] = {
	KUNIT_CASE(come_and_go),
	{}
};

static struct kunit_suite family_suite = {
	.name = "hksm-family",
	.test_cases = family_cases,
};

kunit_test_suite(family_suite);
