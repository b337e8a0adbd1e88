// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process is told of its own merging: ksm_merging_pages, ksm_stat and
 * smaps, while it has merged pages, after writing to some, and after unmapping.
 */
#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES	64
#define GROUPS	2
#define ID	0x737461740000ULL

/* Sum of "KSM: N kB" over all mappings; -1 where smaps has no such line. */
static long long smaps_ksm_kib(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	long long kib, sum = -1;
	char line[512];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "KSM: %lld kB", &kib) == 1)
			sum = (sum < 0 ? 0 : sum) + kib;
	fclose(f);
	return sum;
}

static bool has_mg_flag(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool found = false;
	char line[512];

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmFlags:", 8) && strstr(line, " mg"))
			found = true;
	fclose(f);
	return found;
}

/* @merged: pages this process has in merged frames now. */
static void figures(long long merged, const char *when)
{
	const long long page = (long long)case_page_size();
	long long n, items;

	n = case_merging_pages(0);
	case_ok(n == merged, "%s: ksm_merging_pages is %lld, want %lld", when, n,
		merged);

	n = case_ksm_stat(0, "ksm_merging_pages");
	if (n < 0)
		case_skip("%s: no ksm_merging_pages in ksm_stat (6.4)", when);
	else
		case_ok(n == merged, "%s: ksm_stat agrees", when);

	n = smaps_ksm_kib();
	if (n < 0)
		case_skip("%s: no KSM line in smaps (6.7)", when);
	else
		case_ok(n == merged * page / 1024,
			"%s: smaps says %lld KiB, want %lld", when, n,
			merged * page / 1024);

	items = case_ksm_stat(0, "ksm_rmap_items");
	if (items < 0) {
		case_skip("%s: no ksm_rmap_items in ksm_stat (6.1)", when);
		return;
	}
	case_ok(items >= merged, "%s: ksm_rmap_items is %lld, at least %lld",
		when, items, merged);
	if (case_ksm_stat(0, "ksm_merging_pages") < 0) {
		case_skip("%s: no ksm_process_profit in ksm_stat (6.4)", when);
		return;
	}
	/* What an item costs is the engine's affair; that it costs is not. */
	n = case_ksm_stat(0, "ksm_process_profit");
	case_ok(n <= merged * page && n >= merged * page - items * 512,
		"%s: ksm_process_profit is %lld", when, n);
}

static void run(void)
{
	const size_t size = PAGES * case_page_size();
	void *mem = case_map(PAGES), *lone = case_map(PAGES);
	long long skipped;

	figures(0, "before");
	case_fill_many(mem, PAGES, ID, GROUPS);
	case_fill_many(lone, PAGES, ID + 100, PAGES);
	madvise(mem, size, MADV_MERGEABLE);
	madvise(lone, size, MADV_MERGEABLE);
	case_ok(has_mg_flag(), "smaps shows the mg flag");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged");
	/* A pass or two more, so that all of lone has been looked at. */
	case_wait_scans(3);
	case_stop();
	figures(PAGES, "merged");
	case_ok(case_get("pages_unshared") + case_get("pages_volatile") >= PAGES,
		"the pages that are like no other are counted too");

	for (size_t i = 0; i < PAGES / 4; i++)
		case_fill(case_page(mem, i), ID + 1000 + i);
	case_start();
	case_wait_scans(3);
	case_stop();
	figures(PAGES - PAGES / 4, "a quarter written");

	if (case_has("smart_scan")) {
		skipped = case_get("pages_skipped");
		case_start();
		case_set("smart_scan", "1");
		case_wait_scans(12);
		case_stop();
		case_ok(case_get("pages_skipped") > skipped,
			"smart_scan skips pages that never merge");
	} else {
		case_skip("no smart_scan (6.7)");
	}

	case_start();
	case_unmap(mem, PAGES);
	case_wait_scans(3);
	case_stop();
	figures(0, "unmapped");
	case_ok(case_check_many(lone, PAGES, ID + 100, PAGES) == 0, "content");
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_MERGING_PAGES,
	.knobs = case_scan_knobs,
	.run = run,
};
