// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: pages that change between zeroes and data are given the zero page ever
 * less, since each time costs their owner a fault. Zero pages that stay are placed
 * in the first pass over them and leave no trace of themselves.
 */
#include "case.h"

#include <string.h>
#include <sys/mman.h>

#define PAGES	32
#define ROUNDS	60
#define QUIET	1024
#define ID	0x7a65726f666c6970ULL

static size_t zero_pages(char *mem, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages; i++)
		n += case_is_zero_page(case_page(mem, i));
	return n;
}

static void flip(void)
{
	char *mem = case_map(PAGES);
	size_t wrong = 0, placed = 0;
	long long merges;

	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	merges = case_ksm_stat(0, "ksm_merges");
	for (int i = 0; i < ROUNDS; i++) {
		memset(mem, 0, PAGES * case_page_size());
		case_step_scans(2);
		placed += zero_pages(mem, PAGES);
		for (size_t k = 0; k < PAGES; k++) {
			const char *page = case_page(mem, k);

			wrong += page[0] || memcmp(page, page + 1,
						   case_page_size() - 1);
		}
		case_fill_many(mem, PAGES, ID + PAGES * (uint64_t)i, PAGES);
		case_step_scans(1);
		wrong += case_check_many(mem, PAGES, ID + PAGES * (uint64_t)i,
					 PAGES);
	}
	merges = case_ksm_stat(0, "ksm_merges") - merges;
	case_note("%d pages, zero %d times: %lld times merged, %zu times seen so",
		  PAGES, ROUNDS, merges, placed);
	case_ok(merges < PAGES * ROUNDS / 4,
		"what flips is left alone (%lld of %d times merged)", merges,
		PAGES * ROUNDS);
	case_ok(wrong == 0, "content (%zu wrong)", wrong);
	case_unmap(mem, PAGES);
}

static void quiet(void)
{
	/* As much as a page table maps: where no zero pages were before. */
	const size_t table = case_page_size() / sizeof(uint64_t);
	char *map = case_map(QUIET + 2 * table), *mem = map;
	long long items = case_ksm_stat(0, "ksm_rmap_items");

	while ((uintptr_t)mem % (table * case_page_size()))
		mem += case_page_size();
	mem += table * case_page_size();
	memset(mem, 0, QUIET * case_page_size());
	if (madvise(mem, QUIET * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_step_scans(1);
	case_ok(zero_pages(mem, QUIET) == QUIET,
		"%zu of %d quiet pages are zero pages after one pass",
		zero_pages(mem, QUIET), QUIET);
	case_ok(case_ksm_stat(0, "ksm_rmap_items") <= items,
		"and leave no trace (%lld)",
		case_ksm_stat(0, "ksm_rmap_items") - items);
	case_unmap(map, QUIET + 2 * table);
}

static void run(void)
{
	if (case_ksm_stat(0, "ksm_merges") < 0) {
		case_skip("this engine does not count merges");
		return;
	}
	case_start();
	case_set("use_zero_pages", "1");
	case_set("smart_scan", "1");
	case_step_scans(2);
	flip();
	quiet();
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ZERO_PAGES | CASE_KSM_STAT,
	.knobs = case_scan_knobs,
	.run = run,
};
