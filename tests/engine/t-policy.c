// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's scan policy as a program: what is skipped, when a page may be
 * merged, how breaks are remembered and forgotten, the advisor's bounds.
 */
#include "../../kernel/mm/hksm/policy.h"

#include "../unit/tap.h"

#define KEY	0xabcdef0123456789ULL

static u64 seen(void)
{
	return hksm_meta_become(0, HKSM_SEEN, KEY);
}

static void meta_word(void)
{
	u64 m = seen();

	CHECK(hksm_meta_state(m) == HKSM_SEEN);
	CHECK((m & HKSM_META_PAYLOAD) == (KEY & HKSM_KEY_MASK));
	m = hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 9);
	m = hksm_meta_set(m, HKSM_META_LEVEL_SHIFT, 99);
	m = hksm_meta_set(m, HKSM_META_BACKOFF_SHIFT, 3);
	CHECK(hksm_meta_get(m, HKSM_META_SKIP_SHIFT) == 9);
	CHECK(hksm_meta_get(m, HKSM_META_LEVEL_SHIFT) == 15);
	CHECK(hksm_meta_get(m, HKSM_META_BACKOFF_SHIFT) == 3);
	CHECK((m & HKSM_META_PAYLOAD) == (KEY & HKSM_KEY_MASK));
	m = hksm_meta_become(m, HKSM_CAND, 0);
	CHECK(hksm_meta_state(m) == HKSM_CAND);
	CHECK(hksm_meta_get(m, HKSM_META_SKIP_SHIFT) == 9);
}

static void skips(void)
{
	unsigned int pass, read = 0;
	u64 m = seen();

	for (pass = 0; pass < 3; pass++) {
		bool skip = hksm_policy_skip(&m);

		/* Young pages get their chance. */
		if (pass < 2)
			CHECK(!skip);
	}
	for (pass = 0; pass < 1600; pass++)
		read += !hksm_policy_skip(&m);
	CHECK(read >= 90 && read <= 130);
	CHECK(hksm_meta_state(m) == HKSM_SEEN);
	CHECK((m & HKSM_META_PAYLOAD) == (KEY & HKSM_KEY_MASK));
}

/* A page that was locked when its turn came has another turn soon, for a while. */
static void again(void)
{
	unsigned int pass, read = 0;
	u64 m = seen();

	for (pass = 0; pass < 8; pass++) {
		CHECK(!hksm_policy_skip(&m));
		m = hksm_policy_again(m);
	}
	CHECK(hksm_meta_state(m) == HKSM_SEEN);
	CHECK((m & HKSM_META_PAYLOAD) == (KEY & HKSM_KEY_MASK));
	for (pass = 0; pass < 1600; pass++) {
		if (hksm_policy_skip(&m))
			continue;
		m = hksm_policy_again(m);
		read++;
	}
	CHECK(read >= 90 && read <= 130);
}

static void gate(void)
{
	struct hksm_heat cool = { 0 }, hot = { 10, 10 }, warm = { 1000, 10 };
	u64 fresh = 0, burnt = hksm_meta_set(seen(), HKSM_META_BACKOFF_SHIFT, 1);

	CHECK(hksm_policy_gate(fresh, false, true, &cool));
	CHECK(hksm_policy_gate(fresh, false, true, &warm));
	CHECK(!hksm_policy_gate(fresh, false, true, &hot));
	CHECK(hksm_policy_gate(seen(), true, true, &hot));
	CHECK(!hksm_policy_gate(burnt, false, true, &cool));
	CHECK(hksm_policy_gate(burnt, true, true, &cool));
	CHECK(!hksm_policy_gate(fresh, false, false, &cool));
	CHECK(hksm_policy_gate(seen(), true, false, &cool));
}

static void split(void)
{
	struct hksm_rest rest = { 0 };
	unsigned int i, looks = 0;

	CHECK(hksm_policy_split(64, 512, 512) == 64);
	CHECK(hksm_policy_split(64, 16, 512) == 2);
	CHECK(hksm_policy_split(0, 512, 512) == 1);
	CHECK(hksm_policy_split(~0U, 512, 512) > 512);
	CHECK(hksm_policy_split(~0U, 16, 512) > 16);
	for (i = 0; i < 1600; i++)
		looks += !hksm_policy_rest(&rest);
	CHECK(looks >= 90 && looks <= 130);
}

/* A page that is written after every merge: how often is it merged? */
static void rewritten(void)
{
	struct hksm_heat heat = { 0 };
	unsigned int pass, merges = 0;
	bool merged = false;
	u64 m = 0;

	for (pass = 0; pass < 400; pass++) {
		bool same = !merged;

		if (merged) {
			m = hksm_policy_broken(m, &heat);
			merged = false;
		} else if (hksm_meta_state(m) && hksm_policy_skip(&m)) {
			continue;
		}
		if (hksm_policy_gate(m, same && hksm_meta_state(m), true,
				     &heat)) {
			m = hksm_meta_become(m, HKSM_MERGED, 0);
			hksm_policy_merged(&heat);
			merged = true;
			merges++;
		} else {
			m = hksm_meta_become(m, HKSM_SEEN, KEY);
		}
	}
	CHECK(merges >= 2);
	CHECK(merges <= 40);
}

static void calm(void)
{
	struct hksm_heat heat = { 0 };
	u64 m = hksm_policy_broken(hksm_meta_become(0, HKSM_MERGED, KEY), &heat);
	unsigned int passes = 0;

	CHECK(hksm_meta_get(m, HKSM_META_BACKOFF_SHIFT) == 1);
	CHECK(hksm_meta_state(m) == HKSM_SEEN);
	CHECK(heat.breaks == 1);
	m = hksm_meta_become(m, HKSM_MERGED, KEY);
	while (hksm_policy_calm(&m))
		passes++;
	CHECK(passes == 16);
	CHECK(hksm_meta_state(m) == HKSM_MERGED);
}

static void heat_does_not_overflow(void)
{
	struct hksm_heat heat = { 0 };
	unsigned int i;

	for (i = 0; i < 200000; i++) {
		hksm_policy_merged(&heat);
		hksm_policy_broken(0, &heat);
	}
	CHECK(heat.merges > 1000 && heat.breaks > 1000);
}

static void advisor(void)
{
	static const struct {
		unsigned long pages, scan_time;
		unsigned int cpu;
		unsigned long least, most;
	} row[] = {
		/* far too slow: more, but no more than the CPU allows */
		{ 500, 2000, 5, 500, 7000 },
		/* far too fast: less, but no less than the least CPU */
		{ 30000, 1, 70, 4000, 30000 },
		/* a pass of no time and no CPU divides by nothing */
		{ 100, 0, 0, 1, 30000 },
		{ 0, 0, 0, 0, 70 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct hksm_advice a = {
			.target = 200,
			.max_cpu = 70,
			.max_pages = 30000,
			.pages = row[i].pages,
		};

		tap_row("%u", i);
		hksm_policy_advise(&a, row[i].scan_time, row[i].cpu);
		CHECK(a.pages >= row[i].least);
		CHECK(a.pages <= row[i].most);
		CHECK(a.pages <= a.max_pages);
	}
}

TAP_MAIN({ "the parts of a meta word do not touch each other", meta_word },
	 { "old pages are read once in sixteen passes", skips },
	 { "a bad moment costs no turn, many of them do", again },
	 { "quiet memory merges at once, the rest has to wait", gate },
	 { "large folios are split in proportion, and left alone", split },
	 { "a page that is always rewritten is merged ever less", rewritten },
	 { "a break is forgotten after sixteen calm passes", calm },
	 { "the history of a range does not overflow", heat_does_not_overflow },
	 { "the advisor keeps its bounds", advisor })
