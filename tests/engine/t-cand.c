// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's candidate table as a program: places come back as they went
 * in, and the size follows the use.
 */
#include "../../kernel/mm/hksm/cand.h"

#include "../unit/tap.h"

static u64 rnd(void)
{
	u64 x;

	get_random_bytes(&x, sizeof(x));
	return x;
}

static void places(void)
{
	static const struct hksm_place row[] = {
		{ HKSM_RID_MIN, 0 },
		{ HKSM_RID_MIN, HKSM_IDX_MAX },
		{ UINT32_MAX, 0 },
		{ UINT32_MAX, HKSM_IDX_MAX },
		{ 0x12345678, 511 },
	};
	struct hksm_cand c;
	unsigned int i;

	CHECK(hksm_cand_init(&c, 0, 0) == 0);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct hksm_place where;
		struct hksm_dual_probe p;
		u64 key = rnd();

		tap_row("%u", i);
		CHECK(!hksm_cand_first(&c, key, &p, &where));
		CHECK(hksm_cand_insert(&c, key, row[i]));
		CHECK(hksm_cand_first(&c, key, &p, &where));
		CHECK(where.rid == row[i].rid && where.idx == row[i].idx);
		CHECK(!hksm_cand_next(&c, key, &p, &where));
		CHECK(hksm_cand_remove(&c, key, row[i]));
		CHECK(!hksm_cand_remove(&c, key, row[i]));
	}
	hksm_cand_fini(&c);
}

static void grows_and_shrinks(void)
{
	struct hksm_place where = { HKSM_RID_MIN, 0 };
	struct hksm_cand c;
	unsigned long cap, want;

	CHECK(hksm_cand_init(&c, 4096, 0) == 0);
	cap = hksm_table_capacity(&c.table.now);
	CHECK(hksm_cand_wanted(&c, false, 0) == 0);
	/* Nearly empty: smaller, but not while a pass is running. */
	want = hksm_cand_wanted(&c, true, 0);
	CHECK(want && want < cap);
	while (!hksm_table_tight(&c.table.now)) {
		CHECK(hksm_cand_insert(&c, rnd(), where));
		where.rid++;
	}
	want = hksm_cand_wanted(&c, false, 0);
	CHECK(want > cap && want < cap * 3 / 2);
	/* What is expected counts as far as it is more, and not absurd. */
	CHECK(hksm_cand_wanted(&c, false, cap) == want);
	CHECK(hksm_cand_wanted(&c, false, 2 * cap) > 2 * cap);
	CHECK(hksm_cand_wanted(&c, false, 2 * cap) < 3 * cap);
	CHECK(hksm_cand_wanted(&c, false, 1000 * cap) == 3 * cap);
	CHECK(hksm_cand_joins(&c, 1000 * cap) == 3 * cap);
	hksm_cand_fini(&c);
}

static void cleaned_of_tombstones(void)
{
	struct hksm_place where = { HKSM_RID_MIN, 0 };
	struct hksm_cand c;

	CHECK(hksm_cand_init(&c, 1024, 0) == 0);
	atomic_long_set(&c.table.now.used, 500);
	atomic_long_set(&c.table.now.dead, hksm_table_capacity(&c.table.now) - 500);
	CHECK(hksm_cand_wanted(&c, false, 0) == hksm_table_capacity(&c.table.now));
	atomic_long_set(&c.table.now.used, 0);
	atomic_long_set(&c.table.now.dead, 0);
	CHECK(hksm_cand_insert(&c, 1, where));
	hksm_cand_fini(&c);
}

static void no_room(void)
{
	struct hksm_place where = { HKSM_RID_MIN, 0 };
	unsigned long kept = 0, asked, dropped;
	struct hksm_cand c;

	CHECK(hksm_cand_init(&c, 1024, 0) == 0);
	CHECK(atomic_long_read(&c.dropped) == 0);
	for (asked = 0; asked < 3 * hksm_table_capacity(&c.table.now); asked++) {
		kept += hksm_cand_insert(&c, rnd(), where);
		where.rid++;
	}
	CHECK(kept == hksm_table_used(&c.table.now));
	dropped = atomic_long_read(&c.dropped);
	CHECK(dropped == asked - kept);
	CHECK(dropped >= 2 * hksm_table_capacity(&c.table.now));
	hksm_cand_fini(&c);
}

TAP_MAIN({ "places come back as they went in", places },
	 { "the size follows the use", grows_and_shrinks },
	 { "what finds no room is counted", no_room },
	 { "tombstones are cleaned, not grown around", cleaned_of_tombstones })
