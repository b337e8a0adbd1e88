// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merged pages that are swapped out and in: by the limit of a memory cgroup,
 * in a tree of processes, with the scanner running and with everything being
 * unmerged meanwhile. Content is compared after every step.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	2048
#define GROUPS	256
#define ID	0x73776170ULL

static size_t wrong(void *mem)
{
	return case_check_many(mem, PAGES, ID, GROUPS);
}

static int child(void *mem)
{
	for (int i = 0; i < 3; i++) {
		case_cgroup_reclaim();
		if (wrong(mem))
			return 1;
		for (size_t p = i; p < PAGES; p += 7)
			case_fill(case_page(mem, p), ID + p % GROUPS);
	}
	return wrong(mem) != 0;
}

static void run(void)
{
	void *mem;
	long long out;

	if (!case_cgroup_enter()) {
		case_skip("no cgroup whose memory can be reclaimed");
		case_cgroup_leave();
		return;
	}
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, GROUPS);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged");

	out = case_vmstat("pswpout");
	case_cgroup_reclaim();
	case_ok(case_vmstat("pswpout") > out, "merged pages were swapped out");
	case_wait_scans(2);
	case_ok(wrong(mem) == 0, "content after swapping in");
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged again");

	case_ok(case_in_child(child, mem) == 0,
		"a child that swaps and writes sees its own");
	case_ok(wrong(mem) == 0, "and its parent its own");

	case_cgroup_reclaim();
	case_set("run", "2");
	case_ok(wrong(mem) == 0, "content after unmerging what was swapped");
	case_ok(case_get("pages_shared") == 0, "nothing is merged any more");
	case_ok(case_frames(mem, PAGES) == PAGES, "not a single page");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged once more");
	case_cgroup_reclaim();
	case_unmap(mem, PAGES);
	case_wait_scans(2);
	case_ok(case_get("pages_sharing") == 0, "unmapped while swapped: gone");
	case_stop();
	case_cgroup_leave();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_SWAP | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
