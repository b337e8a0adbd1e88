// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transparent huge pages: equal parts of huge pages merge, parts that have no
 * twin stay as they are, content is right at every moment.
 */
#define _GNU_SOURCE
#include "case.h"

#include <sys/mman.h>

#define HUGE	CASE_HUGE

static void *huge_map(size_t n)
{
	char *mem = mmap(NULL, (n + 1) * HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap");
	mem = (char *)(((uintptr_t)mem + HUGE - 1) & -HUGE);
	madvise(mem, n * HUGE, MADV_HUGEPAGE);
	return mem;
}

static void run(void)
{
	size_t per = HUGE / case_page_size(), i, wrong = 0;
	char *mem;

	if (!case_huge_begin()) {
		case_skip("no transparent huge pages");
		return;
	}
	mem = huge_map(4);
	/* Two equal ones, one of equal parts, one like no other but a page. */
	for (i = 0; i < per; i++) {
		case_fill(case_page(mem, i), 0x1000 + i);
		case_fill(case_page(mem, per + i), 0x1000 + i);
		case_fill(case_page(mem, 2 * per + i), 0x5);
		case_fill(case_page(mem, 3 * per + i),
			  i == 77 ? 0x5 : 0x9000 + i);
	}
	/* What is split stays so, however long the case takes: khugepaged keeps off. */
	madvise(mem, 4 * HUGE, MADV_NOHUGEPAGE);
	case_huge_end();
	case_note("huge before: %d %d %d %d",
		  case_is_huge(mem),
		  case_is_huge(mem + HUGE),
		  case_is_huge(mem + 2 * HUGE),
		  case_is_huge(mem + 3 * HUGE));
	if (madvise(mem, 4 * HUGE, MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_start();
	/* Here one partner is reason enough to split; t-thp is about others. */
	if (case_has("hksm/split_min"))
		case_set("hksm/split_min", "1");
	/* 513 copies of 0x5 take three frames, for the sake of the cap. */
	case_ok(case_wait_frames(mem, 4 * per, per + 3 + per - 1),
		"what is equal shares frames: %zu",
		case_frames(mem, 4 * per));
	for (i = 0; i < per; i++) {
		wrong += !case_check(case_page(mem, i), 0x1000 + i);
		wrong += !case_check(case_page(mem, per + i), 0x1000 + i);
		wrong += !case_check(case_page(mem, 2 * per + i), 0x5);
		wrong += !case_check(case_page(mem, 3 * per + i),
				     i == 77 ? 0x5 : 0x9000 + i);
	}
	case_ok(wrong == 0, "content (%zu wrong)", wrong);
	case_ok(madvise(mem, 4 * HUGE, MADV_UNMERGEABLE) == 0, "unmerged");
	case_ok(case_frames(mem, 4 * per) == 4 * per, "all frames differ");
	case_stop();
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/split_min", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = knobs,
	.run = run,
};
