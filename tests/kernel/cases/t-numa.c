// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two NUMA nodes: with merge_across_nodes=0 a content has a merged page on each
 * node, with 1 it has one in all; merged pages that migrate to the other node
 * keep their content, join what is there, and come back.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES		64
#define CONTENTS	8
#define ID		0x6e756d61ULL
#define MPOL_BIND	2

static long bind_to(void *mem, size_t pages, unsigned long node)
{
	unsigned long mask = 1UL << node;

	return syscall(SYS_mbind, mem, pages * case_page_size(), MPOL_BIND,
		       &mask, 8 * sizeof(mask), 0);
}

static long move_all(unsigned long from, unsigned long to)
{
	unsigned long old = 1UL << from, new = 1UL << to;

	return syscall(SYS_migrate_pages, 0, 8 * sizeof(old), &old, &new);
}

static int node_of(void *page)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0))
		return -1;
	return status;
}

static size_t on_node(char *mem, int node)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++)
		n += node_of(case_page(mem, i)) == node;
	return n;
}

static size_t wrong(void *a, void *b)
{
	return case_check_many(a, PAGES, ID, CONTENTS) +
	       case_check_many(b, PAGES, ID, CONTENTS);
}

static void run(void)
{
	char *a = case_map(PAGES), *b = case_map(PAGES);
	const size_t bytes = PAGES * case_page_size();

	if (!case_has("merge_across_nodes") || bind_to(a, PAGES, 0) ||
	    bind_to(b, PAGES, 1)) {
		case_skip("there are no two NUMA nodes");
		return;
	}
	case_fill_many(a, PAGES, ID, CONTENTS);
	case_fill_many(b, PAGES, ID, CONTENTS);
	case_ok(on_node(a, 0) == PAGES && on_node(b, 1) == PAGES,
		"the pages are on a node each");
	case_set("run", "2");
	case_set("merge_across_nodes", "0");
	madvise(a, bytes, MADV_MERGEABLE);
	madvise(b, bytes, MADV_MERGEABLE);
	case_start();
	case_ok(case_wait_frames(a, PAGES, CONTENTS) &&
		case_wait_frames(b, PAGES, CONTENTS), "merged on each node");
	case_wait_scans(2);
	case_ok(case_pfn(a) != case_pfn(b), "but not across nodes");
	case_ok(on_node(a, 0) == PAGES && on_node(b, 1) == PAGES,
		"and where they were");
	case_stop();
	case_ok(case_get("pages_shared") == 2 * CONTENTS,
		"pages_shared is %lld", case_get("pages_shared"));
	case_ok(case_try_set("merge_across_nodes", "1") == -EBUSY,
		"the knob refuses while pages are merged");

	/* Bound to its node, each has to be told before it may go. */
	case_start();
	madvise(b, bytes, MADV_UNMERGEABLE);
	case_wait_scans(1);
	case_stop();
	if (bind_to(a, PAGES, 1) || move_all(0, 1) < 0)
		case_note("migrate_pages: %s", strerror(errno));
	case_note("%zu of %d pages went to node 1", on_node(a, 1), PAGES);
	case_ok(wrong(a, b) == 0, "content after migrating");
	madvise(b, bytes, MADV_MERGEABLE);
	case_start();
	case_ok(case_wait_frames(b, PAGES, CONTENTS), "merged there again");
	case_wait_scans(3);
	case_ok(wrong(a, b) == 0, "content after merging there");
	for (int i = 0; i < 6; i++) {
		move_all(i & 1, !(i & 1));
		case_wait_scans(1);
		if (wrong(a, b))
			break;
	}
	case_ok(wrong(a, b) == 0, "content while pages go to and fro");

	case_set("run", "2");
	case_ok(case_get("pages_shared") == 0 &&
		case_frames(a, PAGES) == PAGES && case_frames(b, PAGES) == PAGES,
		"all is unmerged");
	case_set("merge_across_nodes", "1");
	case_start();
	case_wait_frames(a, PAGES, CONTENTS);
	case_wait_frames(b, PAGES, CONTENTS);
	case_wait_scans(2);
	case_stop();
	case_ok(case_pfn(a) == case_pfn(b) &&
		case_get("pages_shared") == CONTENTS, "across nodes: %lld",
		case_get("pages_shared"));
	case_ok(wrong(a, b) == 0, "content at the end");
	case_set("run", "2");
	case_unmap(a, PAGES);
	case_unmap(b, PAGES);
}

static const char *const knobs[] = {
	CASE_SCAN_KNOBS, "merge_across_nodes", NULL
};

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = knobs,
	.run = run,
};
