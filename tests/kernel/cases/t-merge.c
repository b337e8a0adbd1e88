// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * madvise(MADV_MERGEABLE): equal pages end on one frame, different ones do not,
 * nothing changes in what they contain, and a write gets a page of its own back.
 */
#include "case.h"

#include <sys/mman.h>

#define PAGES	96
#define GROUPS	4
#define ID	0x6d657267650000ULL

static void run(void)
{
	const size_t size = PAGES * case_page_size();
	void *mem = case_map(PAGES), *plain = case_map(PAGES);
	const bool tells = case_can_tell_ksm();
	bool alone = true;

	case_fill_many(mem, PAGES, ID, GROUPS);
	case_fill_many(plain, PAGES, ID, GROUPS);
	case_ok(case_frames(mem, PAGES) == PAGES, "frames differ before");
	case_ok(madvise(mem, size, MADV_MERGEABLE) == 0, "MADV_MERGEABLE");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS),
		"%d equal pages share one frame, %d groups", PAGES / GROUPS,
		GROUPS);
	if (tells)
		case_ok(case_is_ksm(mem), "kpageflags says KSM");
	else
		case_skip("kpageflags here calls every anonymous page KSM");
	case_ok(case_check_many(mem, PAGES, ID, GROUPS) == 0,
		"content of the merged pages");
	case_ok(case_get("pages_shared") >= GROUPS, "pages_shared counts them");
	case_ok(case_get("pages_sharing") >= PAGES - GROUPS,
		"pages_sharing counts the saved ones");

	/* The same bytes in memory that nobody advised. */
	case_ok(case_frames(plain, PAGES) == PAGES,
		"memory without the advice is left alone");

	for (size_t i = 0; i < PAGES; i += 2)
		case_fill(case_page(mem, i), ID + 1000 + i);
	for (size_t i = 0; i < PAGES; i += 2)
		alone &= case_check(case_page(mem, i), ID + 1000 + i);
	case_ok(alone, "written pages have what was written");
	alone = true;
	for (size_t i = 1; i < PAGES; i += 2)
		alone &= case_check(case_page(mem, i), ID + i % GROUPS);
	case_ok(alone, "their former sharers have not changed");
	if (tells)
		case_ok(!case_is_ksm(mem), "a written page is no KSM page");

	/* Written back to equal content, they merge again. */
	case_fill_many(mem, PAGES, ID, GROUPS);
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "equal again: merged again");
	case_ok(madvise(mem, size, MADV_UNMERGEABLE) == 0, "MADV_UNMERGEABLE");
	case_ok(case_frames(mem, PAGES) == PAGES,
		"every page has its own frame after it");
	case_ok(case_check_many(mem, PAGES, ID, GROUPS) == 0, "and its content");
	case_wait_scans(3);
	case_ok(case_frames(mem, PAGES) == PAGES, "and keeps it");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
