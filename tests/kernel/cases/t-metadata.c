// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: what the engine needs for pages it gives back when they are gone, also
 * after there were many of them.
 */
#include "case.h"

#include <sys/mman.h>

#define PAGES	16384
#define ID	0x6d65746164617461ULL
/* Rounding, and what the case itself has. */
#define SLACK	16384

static long long bytes(void)
{
	return case_get("hksm/metadata_bytes");
}

static bool is_small(void *arg)
{
	return bytes() <= *(long long *)arg + SLACK;
}

/* All pages are merged pages, or candidates for that. */
static bool is_known(void *arg)
{
	size_t distinct = *(size_t *)arg;

	return distinct < PAGES ?
		case_get("pages_sharing") == (long long)(PAGES - distinct) :
		case_get("pages_unshared") >= PAGES;
}

/* @distinct contents: all of them once, or all of them twice. */
static void come_and_go(size_t distinct, const char *what)
{
	long long before, most;
	bool small;
	char *mem;

	case_wait_scans(3);
	before = bytes();
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, distinct);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_ok(case_wait_until(is_known, &distinct, 20), "%s: %zu contents",
		what, distinct);
	most = bytes();
	case_unmap(mem, PAGES);
	small = case_wait_until(is_small, &before, 20);
	case_ok(small,
		"%s: %lld bytes, %lld with them, %lld when they are gone", what,
		before, most, bytes());
}

static void run(void)
{
	if (!case_has("hksm/metadata_bytes")) {
		case_skip("this engine does not say what it needs");
		return;
	}
	case_set("run", "2");
	case_start();
	come_and_go(PAGES, "pages that are unique");
	come_and_go(PAGES / 2, "pages that are merged");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
