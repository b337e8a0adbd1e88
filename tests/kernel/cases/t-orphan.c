// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merged pages of processes that have none of their own in the engine's books:
 * children that were not scanned since the fork, whose parent has gone, and a
 * parent that takes no part while its child does. With the scanner off, such
 * pages must still go where reclaim and migration send them.
 *
 * What cannot be found never goes, however often it is asked for; what somebody
 * has locked for a moment goes the next time. So all is asked for repeatedly.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES		2048
#define GROUPS		(PAGES / 2)
#define ID		0x6f727068616e0000ULL
#define TRIES		20
#ifndef MPOL_MF_MOVE_ALL
#define MPOL_MF_MOVE_ALL (1 << 2)
#endif

/* What a child is told to do, and what it answers. */
enum order { QUIT, COUNT_MOVED, COUNT_PRESENT, CHECK, ORDERS };

struct kin {
	pid_t pid;
	int order, answer;
};

static char *mem;
static bool cgroup;

/* Where each page is now. */
static bool nodes_of(void **page, int *status)
{
	for (size_t i = 0; i < PAGES; i++)
		page[i] = case_page(mem, i);
	return !syscall(SYS_move_pages, 0, (unsigned long)PAGES, page, NULL,
			status, 0);
}

/* Pages that went from the node the first is on to the other one; -1: no such. */
static long moved(void)
{
	static int node[PAGES], status[PAGES];
	static void *page[PAGES];
	int to;
	long n = 0;

	if (access("/sys/devices/system/node/node1", F_OK) ||
	    !nodes_of(page, status) || status[0] < 0)
		return -1;
	to = !status[0];
	for (size_t i = 0; i < PAGES; i++)
		node[i] = to;
	for (int try = 0; try < TRIES && n < PAGES; try++) {
		syscall(SYS_move_pages, 0, (unsigned long)PAGES, page, node,
			status, MPOL_MF_MOVE_ALL);
		if (!nodes_of(page, status))
			return 0;
		n = 0;
		for (size_t i = 0; i < PAGES; i++)
			n += status[i] == to;
		if (!try)
			case_note("%ld of %d pages moved at once", n, PAGES);
		sched_yield();
	}
	return n;
}

static long present(void)
{
	long n = 0;

	for (size_t i = 0; i < PAGES; i++)
		n += case_pfn(case_page(mem, i)) != 0;
	return n;
}

static void serve(int order, int answer)
{
	unsigned char o;
	long value = 0;

	while (read(order, &o, 1) == 1 && o != QUIT) {
		if (o == COUNT_MOVED)
			value = moved();
		else if (o == COUNT_PRESENT)
			value = present();
		else if (o == CHECK)
			value = (long)case_check_many(mem, PAGES, ID, GROUPS);
		if (write(answer, &value, sizeof(value)) != sizeof(value))
			break;
	}
	_exit(0);
}

static long ask(struct kin *kin, enum order order)
{
	unsigned char o = order;
	long value = -2;

	if (write(kin->order, &o, 1) != 1 ||
	    (o != QUIT && read(kin->answer, &value, sizeof(value)) !=
	     sizeof(value)))
		case_die("a child is gone");
	return value;
}

static void make_pipes(struct kin *kin, int end[2])
{
	int down[2], up[2];

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		case_die("pipe");
	kin->order = down[1];
	kin->answer = up[0];
	end[0] = down[0];
	end[1] = up[1];
}

/*
 * A parent merges, stops the scanner, has @n children and exits. The children
 * are not killed with it, but end when the pipe from here does.
 */
static void orphans(struct kin *kin, int n)
{
	int end[2][2], ready[2];
	pid_t parent;
	char c = 0;

	for (int i = 0; i < n; i++)
		make_pipes(&kin[i], end[i]);
	if (pipe2(ready, O_CLOEXEC))
		case_die("pipe");
	parent = case_fork();
	if (!parent) {
		mem = case_map(PAGES);
		case_fill_many(mem, PAGES, ID, GROUPS);
		if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
			_exit(1);
		case_start();
		c = case_wait_frames(mem, PAGES, GROUPS);
		case_stop();
		for (int i = 0; i < n; i++) {
			pid_t pid = fork();

			if (pid)
				continue;
			/* Of the others, so that an end is seen as one. */
			for (int k = 0; k < n; k++) {
				close(kin[k].order);
				close(kin[k].answer);
				if (k != i) {
					close(end[k][0]);
					close(end[k][1]);
				}
			}
			close(ready[0]);
			close(ready[1]);
			serve(end[i][0], end[i][1]);
		}
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		c = 0;
	close(ready[0]);
	for (int i = 0; i < n; i++) {
		close(end[i][0]);
		close(end[i][1]);
	}
	waitpid(parent, NULL, 0);
	case_ok(c, "a parent that is gone had merged its pages");
}

static void dismiss(struct kin *kin)
{
	char c;

	ask(kin, QUIT);
	close(kin->order);
	/* Its end of the pipe goes with its memory. */
	while (read(kin->answer, &c, 1) > 0)
		;
	close(kin->answer);
}

/* All of a process, and of who shares with it, is swapped out. */
static void swap_out(struct kin *kin, const char *who)
{
	long left = PAGES;

	if (!cgroup) {
		case_skip("%s: no cgroup whose memory can be reclaimed", who);
		return;
	}
	for (int try = 0; try < TRIES && left; try++) {
		case_cgroup_reclaim();
		left = ask(kin, COUNT_PRESENT);
	}
	/* Reclaim leaves what it has just seen used. */
	case_ok(left <= PAGES / 16, "%s: swapped out (%ld of %d pages stay)",
		who, left, PAGES);
}

static void check(struct kin *kin, const char *who)
{
	long wrong = ask(kin, CHECK);

	case_ok(wrong == 0, "%s: content (%ld wrong)", who, wrong);
}

static void move(struct kin *kin, const char *who)
{
	long n = ask(kin, COUNT_MOVED);

	if (n < 0)
		case_skip("%s: there are no two NUMA nodes", who);
	else
		case_ok(n == PAGES, "%s: moved (%ld of %d pages)", who, n,
			PAGES);
}

static void one_child(void)
{
	struct kin kin;

	orphans(&kin, 1);
	move(&kin, "an only child");
	swap_out(&kin, "an only child");
	check(&kin, "an only child");
	dismiss(&kin);
}

static void two_children(void)
{
	struct kin kin[2];

	orphans(kin, 2);
	move(&kin[0], "two children");
	swap_out(&kin[1], "two children");
	check(&kin[0], "the first");
	check(&kin[1], "the second");
	dismiss(&kin[0]);
	dismiss(&kin[1]);

	/* The one that has inherited goes, too. */
	orphans(kin, 2);
	dismiss(&kin[0]);
	move(&kin[1], "the last of two");
	swap_out(&kin[1], "the last of two");
	check(&kin[1], "the last of two");
	dismiss(&kin[1]);
}

/* Only the child opts in: its pages are the parent's, too. */
static void parent_apart(void)
{
	size_t frames;
	struct kin kin;
	int end[2];
	pid_t pid;

	make_pipes(&kin, end);
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, GROUPS);
	pid = case_fork();
	if (!pid) {
		close(kin.order);
		close(kin.answer);
		if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
			_exit(1);
		serve(end[0], end[1]);
	}
	close(end[0]);
	close(end[1]);
	ask(&kin, COUNT_PRESENT);
	case_start();
	case_wait_scans(4);
	case_stop();
	frames = case_frames(mem, PAGES);
	case_ok(frames == PAGES, "a parent that takes no part keeps its pages");
	move(&kin, "a child's pages that are its parent's, too");
	if (cgroup) {
		long left = PAGES;

		for (int try = 0; try < TRIES && left; try++) {
			case_cgroup_reclaim();
			left = present();
		}
		case_ok(left <= PAGES / 16,
			"the parent's are swapped out (%ld of %d pages stay)",
			left, PAGES);
	}
	case_ok(case_check_many(mem, PAGES, ID, GROUPS) == 0,
		"the parent's content");
	check(&kin, "the child's");
	dismiss(&kin);
	waitpid(pid, NULL, 0);
	case_unmap(mem, PAGES);
}

static void run(void)
{
	/* mm/ksm.c looks for the parent's pages where only the child's are; the rest is untried. */
	if (!case_has("hksm")) {
		case_skip("this engine does not find a parent that takes no part");
		return;
	}
	cgroup = case_cgroup_enter();
	one_child();
	two_children();
	parent_apart();
	case_cgroup_leave();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_SWAP,
	.knobs = case_scan_knobs,
	.run = run,
};
