// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm and huge pages: one is split when enough of its pages have a partner, or when it
 * is cold and one has, and is left alone as a whole otherwise. What a split frees of
 * blank pages is counted as the zero pages it becomes, also without use_zero_pages, and
 * comes back when it is unmerged.
 */
#define _GNU_SOURCE
#include "case.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE	CASE_HUGE
#define ID	0x7468700000000000ULL
#define BLANK	200
#define FEW	32
#define MANY	128
/* Passes with smart_scan, and those of them in which it may be looked at. */
#define PASSES	40
#define LOOKS	14

static size_t per;

/*
 * A huge page, with what its place and @id say in every page from @from on. There is
 * room for as much before it and after it.
 */
static char *huge_map(size_t from, uint64_t id)
{
	char *mem = mmap(NULL, 4 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap");
	mem = (char *)(((uintptr_t)mem + 2 * HUGE - 1) & -HUGE);
	if (madvise(mem, HUGE, MADV_HUGEPAGE))
		case_die("MADV_HUGEPAGE");
	memset(mem, 0, HUGE);
	case_fill_many(case_page(mem, from), per - from, id + from, per);
	/* What is split stays so, however long the case takes: khugepaged keeps off. */
	madvise(mem, HUGE, MADV_NOHUGEPAGE);
	return mem;
}

static void huge_unmap(char *mem)
{
	munmap(mem - HUGE, 3 * HUGE);
	case_step_scans(1);
}

static void merge(void *mem, size_t pages)
{
	if (madvise(mem, pages * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
}

static size_t zero_pages(char *mem)
{
	size_t n = 0;

	for (size_t i = 0; i < per; i++)
		n += case_is_zero_page(case_page(mem, i));
	return n;
}

static size_t blank_wrong(char *mem, uint64_t id)
{
	size_t n = case_check_many(case_page(mem, BLANK), per - BLANK, id + BLANK, per);

	for (size_t i = 0; i < BLANK * case_page_size(); i++)
		n += mem[i] != 0;
	return n;
}

static void blank(const char *use_zero_pages)
{
	uint64_t id = ID + 0x10000 * (unsigned int)(use_zero_pages[0] - '0');
	char *mem = huge_map(BLANK, id);
	long long merges = case_ksm_stat(0, "ksm_merges"), all;

	case_set("use_zero_pages", use_zero_pages);
	all = case_get("ksm_zero_pages");
	if (!case_is_huge(mem)) {
		case_skip("there was no huge page");
		return;
	}
	merge(mem, per);
	case_step_scans(3);
	case_ok(!case_is_huge(mem) && zero_pages(mem) == BLANK,
		"use_zero_pages %s: %zu of %d blank pages are freed", use_zero_pages,
		zero_pages(mem), BLANK);
	case_ok(case_ksm_stat(0, "ksm_zero_pages") == BLANK &&
		case_get("ksm_zero_pages") - all == BLANK,
		"and counted: by the process %lld, by the system %lld",
		case_ksm_stat(0, "ksm_zero_pages"), case_get("ksm_zero_pages") - all);
	merges = case_ksm_stat(0, "ksm_merges") - merges;
	case_ok(merges == BLANK, "as merged (%lld)", merges);
	mem[0] = 1;
	mem[0] = 0;
	case_ok(case_ksm_stat(0, "ksm_zero_pages") == BLANK - 1, "one is written: %lld",
		case_ksm_stat(0, "ksm_zero_pages"));
	case_ok(blank_wrong(mem, id) == 0, "content");
	case_ok(madvise(mem, HUGE, MADV_UNMERGEABLE) == 0 && zero_pages(mem) == 0 &&
		case_ksm_stat(0, "ksm_zero_pages") == 0 &&
		case_get("ksm_zero_pages") == all, "unmerged");
	case_ok(blank_wrong(mem, id) == 0, "content after that");
	huge_unmap(mem);
}

/* Small pages before or after the huge one, twins of its last @n. */
static char *twins(char *mem, size_t n, bool before, uint64_t id)
{
	char *twin = before ? mem - n * case_page_size() : mem + HUGE;

	madvise(twin, n * case_page_size(), MADV_NOHUGEPAGE);
	case_fill_many(twin, n, id + per - n, n);
	merge(twin, n);
	return twin;
}

/* Frames that the huge page and its twins share. */
static size_t shared(char *mem, char *twin, size_t n)
{
	size_t same = 0;

	for (size_t i = 0; i < n; i++)
		same += case_pfn(case_page(mem, per - n + i)) ==
			case_pfn(case_page(twin, i));
	return same;
}

static bool intact(char *mem, char *twin, size_t n, uint64_t id)
{
	return case_check_many(mem, per, id, per) == 0 &&
	       case_check_many(twin, n, id + per - n, n) == 0;
}

/* Is a huge page with @n partners split? The scanner meets them before it or after it. */
static void split_of(size_t n, const char *min, bool cold, bool want, bool before)
{
	static uint64_t id = ID + 0x100000;
	long long splits = case_vmstat("thp_split_page");
	char *mem = huge_map(0, id), *twin = twins(mem, n, before, id);

	case_set("hksm/split_min", min);
	if (!case_is_huge(mem)) {
		case_skip("there was no huge page");
		return;
	}
	if (cold && madvise(mem, HUGE, MADV_COLD))
		case_die("MADV_COLD");
	merge(mem, per);
	case_step_scans(4);
	splits = case_vmstat("thp_split_page") - splits;
	case_ok(case_is_huge(mem) == !want && splits == want &&
		shared(mem, twin, n) == (want ? n : 0),
		"%zu of %s partners, %s%s: %lld split, %zu shared", n, min,
		before ? "before it" : "after it", cold ? ", cold" : "", splits,
		shared(mem, twin, n));
	case_ok(intact(mem, twin, n, id), "content");
	huge_unmap(mem);
	id += 2 * per;
}

static void partners(size_t n, const char *min, bool cold, bool want)
{
	split_of(n, min, cold, want, true);
	split_of(n, min, cold, want, false);
}

/* Two of them, each the other's partner: both are split, or none is. */
static void equal(const char *min, bool want)
{
	const uint64_t id = ID + 0x200000;
	char *a = huge_map(0, id), *b = huge_map(0, id);

	case_set("hksm/split_min", min);
	if (!case_is_huge(a) || !case_is_huge(b)) {
		case_skip("there were no huge pages");
		return;
	}
	merge(a, per);
	merge(b, per);
	case_step_scans(4);
	case_ok(case_is_huge(a) == !want && case_is_huge(b) == !want &&
		shared(a, b, per) == (want ? per : 0),
		"two equal ones, %s: %zu pages shared", min, shared(a, b, per));
	case_ok(intact(a, b, per, id), "content");
	huge_unmap(a);
	huge_unmap(b);
}

static void rests(void)
{
	const uint64_t id = ID + 0x300000;
	char *mem = huge_map(0, id), *twin = twins(mem, FEW, true, id);
	long long looked;

	case_set("hksm/split_min", "64");
	case_set("smart_scan", "1");
	looked = case_ksm_stat(0, "ksm_scan_pages");
	merge(mem, per);
	case_step_scans(PASSES);
	looked = case_ksm_stat(0, "ksm_scan_pages") - looked;
	case_ok(case_is_huge(mem) && looked < LOOKS * (long long)(per + FEW),
		"%d passes: %lld pages are looked at", PASSES, looked);
	/* Then there are enough, and the next look will find them. */
	twin = twins(mem, MANY, true, id);
	case_step_scans(PASSES);
	case_ok(!case_is_huge(mem) && shared(mem, twin, MANY) == MANY,
		"more partners later: %zu of %d shared", shared(mem, twin, MANY), MANY);
	case_ok(intact(mem, twin, MANY, id), "content");
	case_set("smart_scan", "0");
	huge_unmap(mem);
}

static void threshold(void)
{
	partners(FEW, "64", false, false);
	partners(MANY, "64", false, true);
	partners(MANY, "200", false, false);
	partners(FEW, "1", false, true);
	partners(FEW, "64", true, true);
	partners(MANY, "513", false, false);
	equal("64", true);
	equal("513", false);
	rests();
	case_set("hksm/split_min", "64");
}

static void run(void)
{
	per = HUGE / case_page_size();
	if (!case_has("hksm/metadata_bytes")) {
		case_skip("this engine does not count what a split frees");
		return;
	}
	if (!case_huge_begin()) {
		case_skip("no transparent huge pages");
		return;
	}
	case_start();
	if (case_has("hksm/split_min"))
		threshold();
	else
		case_skip("no hksm/split_min");
	blank("0");
	blank("1");
	case_stop();
	case_huge_end();
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/split_min", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_ZERO_PAGES | CASE_KSM_STAT,
	.knobs = knobs,
	.run = run,
};
