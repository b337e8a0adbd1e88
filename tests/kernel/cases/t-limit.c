// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm/max_metadata: with it the engine takes no more than so much for what it knows,
 * and says of how many pages it knows nothing for that. What is merged stays so, goes
 * on to be merged with, and is right. To lower it gives back at once what is known of
 * pages that are not merged, also when nothing is scanned; without it all are known.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

/* Pages that are like no other, and pages of which there are two each. */
#define ALONE	32768
#define PAIRS	512
#define ID	0x6c696d6974000000ULL
/* Room beside what is there, far less than the words of all of them take. */
#define ROOM	(160LL << 10)
/* What a batch takes after it has asked, and what is kept ready. */
#define SLACK	(16LL << 10)

static char *alone, *pairs, *third;

static long long metadata(void)
{
	return case_get("hksm/metadata_bytes");
}

static long long dropped(void)
{
	return case_get("hksm/words_dropped");
}

static void limit(long long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", bytes);
	case_set("hksm/max_metadata", text);
}

static char *mergeable(size_t pages, uint64_t first, size_t distinct)
{
	char *mem = case_map(pages);

	case_fill_many(mem, pages, first, distinct);
	if (madvise(mem, pages * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	return mem;
}

static long long unmerged(void)
{
	return case_get("pages_unshared") + case_get("pages_volatile");
}

static bool all_known(void *arg)
{
	(void)arg;
	return unmerged() >= ALONE;
}

static bool twins(void *arg)
{
	(void)arg;
	return case_get("pages_sharing") >= 2 * PAIRS;
}

static bool content(void)
{
	return case_check_many(alone, ALONE, ID, ALONE) == 0 &&
	       case_check_many(pairs, 2 * PAIRS, ID + ALONE, PAIRS) == 0;
}

static void refuses(void)
{
	static const char *const bad[] = { "-1", "\n", "much", "1 2", "99999999999999999999" };
	size_t taken = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		taken += case_try_set("hksm/max_metadata", bad[i]) != -EINVAL;
	case_ok(taken == 0 && case_get("hksm/max_metadata") == 0,
		"what is not a number of bytes is refused (%zu times it was not)", taken);
}

/* The limit is there before the pages are. */
static void holds(void)
{
	long long max, no_more, known, merged;

	case_start();
	case_ok(case_wait_frames(pairs, 2 * PAIRS, PAIRS), "pairs merge");
	merged = case_get("pages_sharing");
	no_more = dropped();
	max = metadata() + ROOM;
	limit(max);
	alone = mergeable(ALONE, ID, ALONE);
	case_wait_scans(4);
	known = unmerged();
	case_ok(metadata() <= max + SLACK, "%lld bytes with a limit of %lld", metadata(), max);
	case_ok(known > 0 && known < ALONE, "%lld of %d pages are known", known, ALONE);
	case_ok(dropped() - no_more >= ALONE - known, "%lld times one was not",
		dropped() - no_more);
	case_ok(case_get("pages_sharing") == merged, "what is merged stays");
	no_more = dropped();
	case_wait_scans(2);
	case_ok(metadata() <= max + SLACK && dropped() > no_more, "the same two passes later");
	case_ok(content(), "content");
}

/* One that was there before, and that has a word, still gets partners. */
static void goes_on(void)
{
	case_fill(case_page(pairs, 0), ID + ALONE + 1);
	case_ok(case_wait_frames(pairs, 2 * PAIRS, PAIRS), "what is known is merged still");
	case_fill(case_page(pairs, 0), ID + ALONE);
	case_ok(case_wait_frames(pairs, 2 * PAIRS, PAIRS) && content(), "and again");
}

static void given_up(void)
{
	bool good;

	limit(0);
	good = case_wait_until(all_known, NULL, 10);
	case_ok(good, "without a limit all are known (%lld)", unmerged());
	third = mergeable(PAIRS, ID, PAIRS);
	good = case_wait_until(twins, NULL, 10);
	case_ok(good && case_pfn(third) == case_pfn(alone), "and find their twins");
	case_unmap(third, PAIRS);
}

static void lowered(void)
{
	long long full, few, reclaimed, merged;

	case_stop();
	full = metadata();
	merged = case_get("pages_sharing");
	reclaimed = case_get("hksm/words_reclaimed");
	limit(full - full / 8);
	few = metadata();
	case_ok(few <= full - full / 8, "of %lld bytes %lld stay when it is lowered", full, few);
	case_ok(unmerged() > ALONE / 4, "no more is given back than has to be (%lld are known)",
		unmerged());
	limit(1);
	few = metadata();
	case_ok(few < full / 4, "when it is as low as can be, %lld", few);
	case_ok(case_get("hksm/words_reclaimed") - reclaimed >= ALONE / 2,
		"%lld words are given back", case_get("hksm/words_reclaimed") - reclaimed);
	case_ok(case_get("pages_sharing") == merged && content(), "what is merged stays");
}

static void run(void)
{
	if (!case_has("hksm/max_metadata")) {
		case_skip("this engine has no limit");
		return;
	}
	case_set("run", "2");
	case_set("run", "0");
	refuses();
	pairs = mergeable(2 * PAIRS, ID + ALONE, PAIRS);
	holds();
	goes_on();
	given_up();
	lowered();
	case_unmap(alone, ALONE);
	case_unmap(pairs, 2 * PAIRS);
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/max_metadata", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = knobs,
	.run = run,
};
