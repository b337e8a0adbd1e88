// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: memory that is quiet is merged in the first whole pass over it, also when
 * its pages were touched a moment ago, on whatever processor: a kernel keeps such
 * pages in a batch of that processor, with one more reference, which looks as if
 * somebody had them pinned. With hksm/one_pass off, nothing is merged that no earlier
 * pass saw with the same content.
 */
#define _GNU_SOURCE
#include "case.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#define TRIES	40
#define ROUNDS	5
#define ID	0x7061737300000000ULL

/* The next pages are touched there; with one processor, nothing changes. */
static void go_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* One pass; false when there were more of them. */
static bool one_look(void)
{
	long long before = case_get("full_scans");

	case_step_scans(1);
	return case_get("full_scans") == before + 1;
}

static void twice(void)
{
	int early = 0, late = 0, wrong = 0, unclear = 0;

	case_set("hksm/one_pass", "0");
	case_set("use_zero_pages", "1");
	case_step_scans(1);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t id = ID + TRIES + (uint64_t)i;
		char *mem = case_map(4);

		case_fill_many(mem, 2, id, 1);
		memset(case_page(mem, 3), 0, case_page_size());
		if (madvise(mem, 4 * case_page_size(), MADV_MERGEABLE))
			case_die("MADV_MERGEABLE");
		if (one_look())
			early += case_frames(mem, 2) != 2 ||
				 case_is_zero_page(case_page(mem, 3));
		else
			unclear++;
		/* The next one, or, if pages were in such a batch, the one after it. */
		case_step_scans(2);
		late += case_frames(mem, 2) != 1 ||
			!case_is_zero_page(case_page(mem, 3));
		/* There is a merged page now, which is no reason either. */
		case_fill(case_page(mem, 2), id);
		if (one_look())
			early += case_frames(mem, 3) != 2;
		else
			unclear++;
		case_step_scans(2);
		late += case_frames(mem, 3) != 1;
		wrong += case_check_many(mem, 3, id, 1) > 0;
		case_unmap(mem, 4);
		/* What was learnt of these addresses is forgotten. */
		case_step_scans(1);
	}
	case_ok(unclear < ROUNDS, "passes came one by one (%d of %d did not)", unclear,
		2 * ROUNDS);
	case_ok(early == 0, "one_pass 0: nothing merges at first sight (%d did)", early);
	case_ok(late == 0, "one_pass 0: but in the passes after it (%d times not)", late);
	case_ok(wrong == 0, "one_pass 0: content (%d wrong)", wrong);
}

static void run(void)
{
	int late = 0, wrong = 0;

	if (!case_has("hksm")) {
		case_skip("this engine wants to see a page twice");
		return;
	}
	case_start();
	/* Time to see that a pass has ended before the next one helps. */
	case_set("sleep_millisecs", "50");
	for (int i = 0; i < TRIES; i++) {
		void *mem = case_map(2);

		go_to(i % 2);
		case_fill_many(mem, 2, ID + (uint64_t)i, 1);
		if (madvise(mem, 2 * case_page_size(), MADV_MERGEABLE))
			case_die("MADV_MERGEABLE");
		/* What is left of this one, and a whole one. */
		case_wait_scans(2);
		late += case_frames(mem, 2) != 1;
		wrong += case_check_many(mem, 2, ID + (uint64_t)i, 1) > 0;
		case_unmap(mem, 2);
	}
	case_ok(late == 0, "one whole pass merges two pages just touched (%d of %d)",
		TRIES - late, TRIES);
	case_ok(wrong == 0, "content (%d wrong)", wrong);
	if (case_has("hksm/one_pass"))
		twice();
	else
		case_skip("no hksm/one_pass");
	case_stop();
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/one_pass", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = knobs,
	.run = run,
};
