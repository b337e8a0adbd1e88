// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the candidate table and the words after a table could not be had. The
 * engine is one of the test's own.
 */
#include <kunit/test.h>
#include <linux/limits.h>

#include "../index.h"
#include "../range.h"
#include "../resize.h"
#include "../slot.h"

/* All pages of a page table with one content, more than have room near it. */
static void restore(struct kunit *test)
{
	const u64 word = hksm_meta_set(1ULL << 40 | HKSM_CAND,
				       HKSM_META_SKIP_SHIFT, 5);
	struct hksm *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct hksm_slot *slot = kunit_kzalloc(test, sizeof(*slot), GFP_KERNEL);
	unsigned int idx, cand = 0, lost = 0;
	struct hksm_range *range;

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_NOT_NULL(test, slot);
	init_rwsem(&h->sem);
	xa_init_flags(&h->ranges, XA_FLAGS_ALLOC);
	slot->mm = kunit_kzalloc(test, sizeof(*slot->mm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slot->mm);
	spin_lock_init(&slot->lock);
	xa_init(&slot->ranges);
	KUNIT_ASSERT_EQ(test, hksm_index_init(h), 0);
	range = hksm_range_make(h, slot, 0, h);
	KUNIT_ASSERT_NOT_NULL(test, range);
	for (idx = 0; idx < HKSM_RANGE_PAGES; idx++) {
		KUNIT_ASSERT_TRUE(test, hksm_range_room(h, range, idx));
		hksm_meta_write(range, idx, word);
	}

	/* No table is that large. */
	down_write(&h->sem);
	hksm_resize_restore(h, ULONG_MAX / 2);
	up_write(&h->sem);
	for (idx = 0; idx < HKSM_RANGE_PAGES; idx++) {
		u64 m = hksm_meta_read(range, idx);

		if (hksm_meta_state(m) == HKSM_CAND)
			cand++;
		else if (m == hksm_meta_become(m & ~(15ULL << HKSM_META_SKIP_SHIFT),
					       HKSM_SEEN, word))
			lost++;
	}
	KUNIT_EXPECT_GT(test, cand, 0);
	KUNIT_EXPECT_GT(test, lost, 0);
	KUNIT_EXPECT_EQ(test, cand + lost, HKSM_RANGE_PAGES);
	KUNIT_EXPECT_EQ(test, hksm_table_used(&h->cand[0].cand.table.now), cand);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->pages_unshared), cand);

	for (idx = 0; idx < HKSM_RANGE_PAGES; idx++)
		hksm_meta_write(range, idx, 0);
	down_write(&h->sem);
	hksm_range_disown(h, range);
	KUNIT_EXPECT_NULL(test, hksm_range_find(slot, 0));
	/* Who has it in hand sees what is right, and cannot have it. */
	KUNIT_EXPECT_FALSE(test, hksm_range_own(range, range));
	KUNIT_EXPECT_EQ(test, hksm_meta_read(range, 0), 0);
	hksm_range_free_limbo(h);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->limbo.nr), 0);
	up_write(&h->sem);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->meta_bytes), 0);
	hksm_index_fini(h);
	xa_destroy(&h->ranges);
}

static struct kunit_case index_cases[] = {
	KUNIT_CASE(restore),
	{}
};

static struct kunit_suite index_suite = {
	.name = "hksm-index",
	.test_cases = index_cases,
};

kunit_test_suite(index_suite);
