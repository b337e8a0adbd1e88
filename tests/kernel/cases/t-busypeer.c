// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One page of a content is in a process whose memory map is being changed all
 * the time, so that no other process's scan can lock it. All others that have the
 * content are merged nevertheless.
 */
#define _GNU_SOURCE
#include "case.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	200
#define THREADS	4
/* What the threads change: mapped in full, so that a change takes long. */
#define LARGE	1024
#define PASSES	12
#define ID	0x6275737970656572ULL

static void *change(void *arg)
{
	const size_t bytes = LARGE * case_page_size();

	for (;;) {
		if (mprotect(arg, bytes, PROT_READ) ||
		    mprotect(arg, bytes, PROT_READ | PROT_WRITE))
			case_die("mprotect");
	}
	return NULL;
}

static void busy(int order, int answer)
{
	char *page = case_map(1), c = 1;
	pthread_t thread;

	case_fill(page, ID);
	if (madvise(page, case_page_size(), MADV_MERGEABLE))
		_exit(1);
	/* In the table of candidates, where the others will find it. */
	case_wait_scans(3);
	for (int i = 0; i < THREADS; i++) {
		char *mem = case_map(LARGE);

		case_fill_many(mem, LARGE, ID + 0x10000, LARGE);
		if (pthread_create(&thread, NULL, change, mem))
			_exit(1);
	}
	if (write(answer, &c, 1) != 1)
		_exit(1);
	while (read(order, &c, 1) > 0)
		;
	_exit(case_check(page, ID) ? 0 : 2);
}

static void run(void)
{
	int down[2], up[2], status = -1;
	char *mem, c;
	size_t n;
	pid_t pid;

	case_start();
	if (pipe(down) || pipe(up))
		case_die("pipe");
	pid = case_fork();
	if (!pid) {
		close(down[1]);
		busy(down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	if (read(up[0], &c, 1) != 1)
		case_die("no busy process");
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, 1);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	for (int i = 0; i < PASSES; i++) {
		n = case_frames(mem, PAGES);
		if (n == 1)
			break;
		case_wait_scans(1);
	}
	case_ok(n == 1, "pages with the content of a busy process's merge "
		"(%zu frames for %d pages)", n, PAGES);
	case_ok(case_check_many(mem, PAGES, ID, 1) == 0, "content");
	close(down[1]);
	case_ok(waitpid(pid, &status, 0) == pid && status == 0,
		"content of the busy process");
	case_stop();
	case_unmap(mem, PAGES);
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
