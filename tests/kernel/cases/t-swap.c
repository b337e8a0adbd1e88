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
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	2048
#define GROUPS	256
#define ID	0x73776170ULL
#define CGROUP	"/tmp/ksm-cgroup"

/* A cgroup of our own whose memory can be reclaimed by writing a file. */
static bool enter_cgroup(void)
{
	mkdir(CGROUP, 0755);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		return false;
	case_write(CGROUP "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP "/t", 0755);
	return !access(CGROUP "/t/memory.reclaim", W_OK) &&
	       !case_write(CGROUP "/t/cgroup.procs", "0");
}

static void leave_cgroup(void)
{
	case_write(CGROUP "/cgroup.procs", "0");
	rmdir(CGROUP "/t");
	umount2(CGROUP, MNT_DETACH);
	rmdir(CGROUP);
}

/* As much as possible; that it is not all is no failure. */
static void reclaim(void)
{
	case_write(CGROUP "/t/memory.reclaim", "64M");
}

static size_t wrong(void *mem)
{
	return case_check_many(mem, PAGES, ID, GROUPS);
}

static int child(void *mem)
{
	for (int i = 0; i < 3; i++) {
		reclaim();
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

	if (!enter_cgroup()) {
		case_skip("no cgroup whose memory can be reclaimed");
		leave_cgroup();
		return;
	}
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, GROUPS);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged");

	out = case_vmstat("pswpout");
	reclaim();
	case_ok(case_vmstat("pswpout") > out, "merged pages were swapped out");
	case_wait_scans(2);
	case_ok(wrong(mem) == 0, "content after swapping in");
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged again");

	case_ok(case_in_child(child, mem) == 0,
		"a child that swaps and writes sees its own");
	case_ok(wrong(mem) == 0, "and its parent its own");

	reclaim();
	case_set("run", "2");
	case_ok(wrong(mem) == 0, "content after unmerging what was swapped");
	case_ok(case_get("pages_shared") == 0, "nothing is merged any more");
	case_ok(case_frames(mem, PAGES) == PAGES, "not a single page");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged once more");
	reclaim();
	case_unmap(mem, PAGES);
	case_wait_scans(2);
	case_ok(case_get("pages_sharing") == 0, "unmapped while swapped: gone");
	case_stop();
	leave_cgroup();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_SWAP | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
