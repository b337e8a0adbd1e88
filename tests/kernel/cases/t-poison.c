// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A memory error in a merged page: everyone who maps it is told when they touch
 * it, nobody else is, and the page is not used for merging any more. A page
 * that is only suspect is moved, and keeps its content. In a test machine only.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_HWPOISON
#define MADV_HWPOISON		100
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#define PAGES		64
#define ID		0x706f6973ULL
#define KPF_HWPOISON	(1ULL << 19)

static sigjmp_buf hit;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(hit, 1);
}

/* Pages that cannot be read; of the others, those that are wrong. */
static size_t lost(void *mem, size_t *bad)
{
	volatile size_t n = 0, i;

	*bad = 0;
	for (i = 0; i < PAGES; i++) {
		if (sigsetjmp(hit, 1))
			n++;
		else
			*bad += !case_check(case_page(mem, i), ID + i % 2);
	}
	return n;
}

/* Who asks for it is told at once. */
static bool poison(void *page)
{
	return sigsetjmp(hit, 1) ||
	       !madvise(page, case_page_size(), MADV_HWPOISON);
}

/*
 * mm/ksm.c forgets who maps a merged page if it comes by while the page is being
 * moved, and learns of it in the next pass: until then it cannot be moved at all.
 */
static int soft_offline(void *page)
{
	int rc, tries = 0;

	while ((rc = madvise(page, case_page_size(), MADV_SOFT_OFFLINE)) && errno == EBUSY &&
	       tries++ < 20)
		case_wait_scans(2);
	return rc;
}

static void *fill(void)
{
	void *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, 2);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	return mem;
}

/* Even pages are gone, odd ones are good. */
static int child(void *mem)
{
	size_t bad, n = lost(mem, &bad);

	return n == PAGES / 2 && bad == 0 ? 0 : 1;
}

static void run(void)
{
	const size_t bytes = PAGES * case_page_size();
	struct sigaction sa = { .sa_handler = on_bus };
	size_t bad, n;
	uint64_t pfn;
	void *mem;

	if (!getenv("KSM_TEST_MACHINE")) {
		case_skip("poisons memory: only in a test machine");
		return;
	}
	sigaction(SIGBUS, &sa, NULL);
	case_start();

	mem = fill();
	if (!case_wait_frames(mem, PAGES, 2))
		case_die("not merged");
	/* mm/ksm.c maps a page before it notes who maps it: the last one may lack. */
	case_wait_scans(1);
	pfn = case_pfn(mem);
	if (soft_offline(mem)) {
		case_skip("no soft offlining: %s", strerror(errno));
	} else {
		n = lost(mem, &bad);
		case_ok(n == 0 && bad == 0, "a suspect page is moved");
		case_ok(case_pfn(mem) != pfn, "to another frame");
		case_ok(case_wait_frames(mem, PAGES, 2), "and is still shared");
	}
	case_wait_scans(2);

	pfn = case_pfn(mem);
	if (!poison(mem)) {
		case_skip("no memory failure: %s", strerror(errno));
		goto out;
	}
	n = lost(mem, &bad);
	case_ok(n == PAGES / 2, "%zu of %d mappings are gone", n, PAGES / 2);
	case_ok(bad == 0, "the others are as they were");
	case_wait_scans(2);
	case_ok(case_in_child(child, mem) == 0, "and so they are for a child");

	/* mm/ksm.c goes on using such a page. */
	if (case_has("hksm")) {
		void *more = fill();

		case_ok(case_wait_frames(more, PAGES, 2), "new ones merge");
		case_ok(case_pfn(more) != pfn &&
			!(case_kpageflags(case_pfn(more)) & KPF_HWPOISON),
			"not with the broken page");
		n = lost(more, &bad);
		case_ok(n == 0 && bad == 0, "and are right");
		case_unmap(more, PAGES);
	}
	case_ok(munmap(mem, bytes) == 0, "unmapped");
	case_wait_scans(2);
	mem = fill();
	case_ok(case_wait_frames(mem, PAGES, 2), "merging goes on");
out:
	case_unmap(mem, PAGES);
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
