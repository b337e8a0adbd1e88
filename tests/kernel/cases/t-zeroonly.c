// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: with hksm/zero_only blank pages are merged in the first pass, whatever
 * use_zero_pages says, and nothing else is; pages that are not blank leave no trace.
 * What was merged before stays, what was only remembered goes.
 */
#include "case.h"

#include <string.h>
#include <sys/mman.h>

#define ID	0x7a65726f6f6e6c79ULL
/* Every fourth page is blank, the others have a twin or three. */
#define PAGES	1024
#define KINDS	64
#define LONERS	128
#define WARM	8

static bool is_blank(size_t i)
{
	return i % 4 == 3;
}

static void fill(char *mem)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (is_blank(i))
			memset(case_page(mem, i), 0, case_page_size());
		else
			case_fill(case_page(mem, i), ID + i % KINDS);
	}
}

static size_t wrong(char *mem)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++) {
		const char *page = case_page(mem, i);

		if (is_blank(i))
			n += page[0] || memcmp(page, page + 1, case_page_size() - 1);
		else
			n += !case_check(page, ID + i % KINDS);
	}
	return n;
}

static size_t zero_pages(char *mem)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++)
		n += case_is_zero_page(case_page(mem, i));
	return n;
}

static void advise(char *mem, size_t pages, int advice)
{
	if (madvise(mem, pages * case_page_size(), advice))
		case_die("madvise %d", advice);
}

static void only_blank(void)
{
	char *mem = case_map(PAGES), *own = case_map(1);
	long long items, bytes;
	size_t frames;

	case_set("hksm/zero_only", "1");
	/* Taking part costs something whatever a process has, and so does scanning. */
	case_fill(own, ID + KINDS);
	advise(own, 1, MADV_MERGEABLE);
	case_step_scans(2);
	items = case_ksm_stat(0, "ksm_rmap_items");
	bytes = case_get("hksm/metadata_bytes");
	fill(mem);
	advise(mem, PAGES, MADV_MERGEABLE);
	case_step_scans(1);
	frames = case_frames(mem, PAGES);
	case_ok(zero_pages(mem) == PAGES / 4, "one pass: %zu of %d blank pages are merged",
		zero_pages(mem), PAGES / 4);
	case_ok(case_ksm_stat(0, "ksm_zero_pages") == PAGES / 4, "and counted (%lld)",
		case_ksm_stat(0, "ksm_zero_pages"));
	case_step_scans(2);
	case_ok(frames == PAGES - PAGES / 4 + 1 && case_frames(mem, PAGES) == frames &&
		case_ksm_stat(0, "ksm_merging_pages") == 0,
		"nothing else is merged (%zu frames)", case_frames(mem, PAGES));
	case_ok(case_ksm_stat(0, "ksm_rmap_items") == items &&
		case_get("hksm/metadata_bytes") <= bytes,
		"and nothing remembered (%lld pages, %lld bytes)",
		case_ksm_stat(0, "ksm_rmap_items") - items,
		case_get("hksm/metadata_bytes") - bytes);
	case_ok(wrong(mem) == 0, "content (%zu wrong)", wrong(mem));
	advise(mem, PAGES, MADV_UNMERGEABLE);
	case_ok(zero_pages(mem) == 0 && case_ksm_stat(0, "ksm_zero_pages") == 0 &&
		wrong(mem) == 0, "unmerged");
	case_unmap(mem, PAGES);
	case_unmap(own, 1);
	case_step_scans(1);
}

/* What was merged is kept, what waited for a twin is forgotten. */
static void switched(void)
{
	char *mem = case_map(PAGES), *loner = case_map(LONERS);
	long long before, merged, after;

	case_set("hksm/zero_only", "0");
	fill(mem);
	case_fill_many(loner, LONERS, ID + 2 * KINDS, LONERS);
	advise(mem, PAGES, MADV_MERGEABLE);
	advise(loner, LONERS, MADV_MERGEABLE);
	case_set("smart_scan", "1");
	case_step_scans(WARM);
	before = case_ksm_stat(0, "ksm_rmap_items");
	merged = case_ksm_stat(0, "ksm_merging_pages");
	case_set("hksm/zero_only", "1");
	case_step_scans(1);
	after = case_ksm_stat(0, "ksm_rmap_items");
	case_ok(zero_pages(mem) == 0, "use_zero_pages 0: blank pages share a page of theirs");
	case_ok(before >= PAGES + LONERS, "before: %lld pages are tracked", before);
	case_ok(case_ksm_stat(0, "ksm_merging_pages") == merged && after == before - LONERS,
		"zero_only: the merged ones are (%lld)", after);
	case_fill_many(loner, LONERS, ID, 1);
	case_step_scans(3);
	case_ok(case_frames(loner, LONERS) == LONERS,
		"none is merged with what was merged before");
	case_set("hksm/zero_only", "0");
	case_step_scans(2);
	case_ok(case_frames(loner, LONERS) == 1, "until it is switched off");
	case_ok(wrong(mem) == 0 && case_check_many(loner, LONERS, ID, 1) == 0, "content");
	case_unmap(loner, LONERS);
	case_unmap(mem, PAGES);
}

static void run(void)
{
	if (!case_has("hksm/zero_only")) {
		case_skip("no hksm/zero_only");
		return;
	}
	case_start();
	only_blank();
	switched();
	case_stop();
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/zero_only", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ZERO_PAGES | CASE_KSM_STAT,
	.knobs = knobs,
	.run = run,
};
