// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: memory that is quiet is merged in the first whole pass over it, also when
 * its pages were touched a moment ago, on whatever processor: a kernel keeps such
 * pages in a batch of that processor, with one more reference, which looks as if
 * somebody had them pinned.
 */
#define _GNU_SOURCE
#include "case.h"

#include <sched.h>
#include <sys/mman.h>

#define TRIES	40
#define ID	0x7061737300000000ULL

/* The next pages are touched there; with one processor, nothing changes. */
static void go_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
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
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
