// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * use_zero_pages: pages full of zeroes go to the kernel's one zero page, are
 * counted (since 6.6) for the system and the process, and come back when
 * written. Off, they are merged like any other content.
 */
#include "case.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES	64
#define ID	0x7a65726f0000ULL

static void zero_fill(void *mem, size_t from, size_t pages)
{
	/* Written, so that real pages hold the zeroes. */
	memset(case_page(mem, from), 0, pages * case_page_size());
}

static size_t not_zero(const void *mem, size_t pages)
{
	const unsigned char *p = mem;
	size_t bad = 0;

	for (size_t i = 0; i < pages * case_page_size(); i++)
		bad += p[i] != 0;
	return bad;
}

static size_t zero_frames(void *mem, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages; i++)
		n += case_is_zero_page(case_page(mem, i));
	return n;
}

struct zeroes {
	void *mem;
	size_t pages;
};

static bool all_zero_page(void *arg)
{
	struct zeroes *z = arg;

	return zero_frames(z->mem, z->pages) == z->pages;
}

/*
 * Own and whole-system counter where the kernel has them. What the system counted
 * before, possibly less than nothing (see t-churn), is not this case's.
 */
static void counters(long long want, const char *when)
{
	static long long before = LLONG_MIN;
	long long own = case_ksm_stat(0, "ksm_zero_pages"), all;

	if (own < 0) {
		case_skip("%s: no ksm_zero_pages in ksm_stat (6.6)", when);
		return;
	}
	case_ok(own == want, "%s: the process counts %lld, want %lld", when,
		own, want);
	all = case_get("ksm_zero_pages");
	if (before == LLONG_MIN)
		before = all - want;
	case_ok(all - before >= want, "%s: the system counts %lld more than before", when,
		all - before);
}

static void run(void)
{
	const size_t size = PAGES * case_page_size();
	void *mem = case_map(PAGES);
	struct zeroes all = { mem, PAGES };

	counters(0, "at first");
	zero_fill(mem, 0, PAGES);
	case_ok(zero_frames(mem, PAGES) == 0, "zeroes in pages of their own");
	madvise(mem, size, MADV_MERGEABLE);

	case_start();
	case_ok(case_wait_frames(mem, PAGES, 1), "off: merged with each other");
	case_ok(zero_frames(mem, PAGES) == 0, "off: not with the zero page");
	counters(0, "off");

	case_ok(madvise(mem, size, MADV_UNMERGEABLE) == 0, "unmerged");
	case_set("use_zero_pages", "1");
	madvise(mem, size, MADV_MERGEABLE);
	case_ok(case_wait_until(all_zero_page, &all, 30), "on: the zero page");
	case_ok(not_zero(mem, PAGES) == 0, "on: content");
	case_stop();
	counters(PAGES, "on");

	case_fill_many(mem, PAGES / 2, ID, PAGES);
	case_ok(zero_frames(mem, PAGES) == PAGES / 2, "half written");
	counters(PAGES / 2, "half written");
	case_ok(case_check_many(mem, PAGES / 2, ID, PAGES) == 0 &&
		not_zero(case_page(mem, PAGES / 2), PAGES / 2) == 0,
		"half written: content");

	if (case_ksm_stat(0, "ksm_zero_pages") >= 0) {
		case_ok(madvise(mem, size, MADV_UNMERGEABLE) == 0, "unmerge");
		case_ok(zero_frames(mem, PAGES) == 0, "unmerged: pages again");
		counters(0, "unmerged");
	} else {
		case_skip("zero pages are not unmerged on this kernel (6.6)");
	}
	case_ok(case_check_many(mem, PAGES / 2, ID, PAGES) == 0 &&
		not_zero(case_page(mem, PAGES / 2), PAGES / 2) == 0,
		"at the end: content");

	/* Placed again, then unmapped: nothing stays counted. */
	case_start();
	case_set("use_zero_pages", "1");
	madvise(mem, size, MADV_MERGEABLE);
	all.mem = case_page(mem, PAGES / 2);
	all.pages = PAGES / 2;
	case_ok(case_wait_until(all_zero_page, &all, 30), "on again");
	case_stop();
	case_unmap(mem, PAGES);
	counters(0, "unmapped");
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ZERO_PAGES,
	.knobs = case_scan_knobs,
	.run = run,
};
