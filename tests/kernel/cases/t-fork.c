// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes and merged pages: children share their parent's, write without
 * being seen by others, merge what they fill themselves with each other, and
 * exit while the scanner runs; nobody's content ever changes.
 */
#include "case.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES		32
#define GROUPS		4
#define CHILDREN	6
#define ROUNDS		10
#define ID		0x666f726b0000ULL

struct shared {
	uint64_t pfn[CHILDREN];
	int done;
};

static struct shared *shared;
static void *mem;

/* Whether all children have published one and the same frame. */
static bool same_frame(void)
{
	uint64_t first = __atomic_load_n(&shared->pfn[0], __ATOMIC_ACQUIRE);

	for (int i = 1; i < CHILDREN; i++)
		if (__atomic_load_n(&shared->pfn[i], __ATOMIC_ACQUIRE) != first)
			return false;
	return first != 0;
}

static int child(int n)
{
	void *own = case_map(PAGES);

	if (case_check_many(mem, PAGES, ID, GROUPS))
		return 1;
	for (size_t i = 0; i < PAGES; i += 2)
		case_fill(case_page(mem, i),
			  ID + 0x1000 * (uint64_t)(n + 1) + i);
	for (size_t i = 0; i < PAGES; i++)
		if (!case_check(case_page(mem, i),
				i % 2 ? ID + i % GROUPS :
				ID + 0x1000 * (uint64_t)(n + 1) + i))
			return 2;

	/* The same in every child, advised by each for itself. */
	case_fill_many(own, PAGES, ID + 0x500, PAGES);
	if (madvise(own, PAGES * case_page_size(), MADV_MERGEABLE))
		return 3;
	for (int i = 0; i < 60 && !same_frame(); i++) {
		case_wait_scans(1);
		__atomic_store_n(&shared->pfn[n], case_pfn(own),
				 __ATOMIC_RELEASE);
	}
	/* Nobody leaves, and frees a frame, while others still compare. */
	__atomic_add_fetch(&shared->done, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) < CHILDREN)
		case_wait_scans(1);
	return case_check_many(own, PAGES, ID + 0x500, PAGES) ? 4 : 0;
}

static void children(void)
{
	int status, bad = 0;

	for (int i = 0; i < CHILDREN; i++)
		if (case_fork() == 0)
			_exit(child(i));
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = wait(&status);

		if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
			case_note("a child ended with status 0x%x", status);
			bad++;
		}
	}
	case_ok(bad == 0, "%d children see the right content", CHILDREN);
}

/* Exit and exec-like teardown at any moment of a pass. */
static int short_life(void *arg)
{
	void *own = case_map(PAGES);

	case_fill_many(own, PAGES, ID, GROUPS);
	madvise(own, PAGES * case_page_size(), MADV_MERGEABLE);
	usleep(*(unsigned int *)arg);
	return case_check_many(own, PAGES, ID, GROUPS) ? 1 : 0;
}

static void run(void)
{
	bool good = true;

	shared = case_shared(sizeof(*shared));
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, GROUPS);
	madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE);
	case_start();
	case_ok(case_wait_frames(mem, PAGES, GROUPS), "merged");

	children();
	case_ok(same_frame(), "what each filled for itself shares one frame");
	case_ok(case_check_many(mem, PAGES, ID, GROUPS) == 0,
		"the parent's content has not changed");
	case_ok(case_frames(mem, PAGES) == GROUPS, "nor have its frames");
	if (case_merging_pages(0) >= 0)
		case_ok(case_merging_pages(0) == PAGES,
			"its ksm_merging_pages is %lld, want %d",
			case_merging_pages(0), PAGES);

	for (unsigned int i = 0; i < ROUNDS * 4; i++) {
		unsigned int us = i * 250;

		good &= case_in_child(short_life, &us) == 0;
	}
	case_ok(good, "%d short lives", ROUNDS * 4);
	case_ok(case_check_many(mem, PAGES, ID, GROUPS) == 0,
		"the parent's content has not changed");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
