// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A large area with next to nothing in it, as sanitizers and language runtimes
 * reserve them. What a pass over it costs is measured by what a pass over a small
 * area full of pages costs, on the same machine in the same passes: it must be a
 * fraction of it, whatever the machine. Unmerging and killing such a process
 * works as with any other.
 */
#define _GNU_SOURCE
#include "case.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSES	20
/* The full area: 64 MiB where pages have 4 KiB. */
#define PAGES	16384
#define ID	0x7370617273650000ULL
#define LARGEST	(1UL << 47)
#define SMALLEST	(1UL << 36)
#define STEP		(1UL << 30)
/* From here on a walk through every entry takes many times as long as the full area. */
#define TELLING	(1UL << 44)

#ifndef MAP_NORESERVE
#define MAP_NORESERVE	0x4000
#endif

struct area {
	char *mem;
	size_t size;
};

/* The largest that can be had. */
static struct area reserve(void)
{
	struct area a = { .size = LARGEST };

	for (; a.size >= SMALLEST; a.size -= a.size / 4 / STEP * STEP) {
		a.mem = mmap(NULL, a.size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			     MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (a.mem != MAP_FAILED)
			return a;
	}
	a.mem = NULL;
	return a;
}

/* One page in front, and its like at the end. */
static char *last_page(struct area a)
{
	return a.mem + a.size - case_page_size();
}

static void fill(struct area a)
{
	case_fill(a.mem, ID);
	case_fill(last_page(a), ID);
}

static void wait_for_order(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
	_exit(0);
}

static pid_t dense_process(int *fd)
{
	int down[2], up[2];
	char c = 1;
	pid_t pid;

	if (pipe(down) || pipe(up))
		case_die("pipe");
	pid = case_fork();
	if (!pid) {
		void *mem = case_map(PAGES);

		close(down[1]);
		case_fill_many(mem, PAGES, ID + 0x1000, PAGES);
		if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
			_exit(1);
		if (write(up[1], &c, 1) != 1)
			_exit(1);
		wait_for_order(down[0]);
	}
	close(down[0]);
	close(up[1]);
	if (read(up[0], &c, 1) != 1)
		case_die("no process with a full area");
	close(up[0]);
	*fd = down[1];
	return pid;
}

static void cost(struct area a)
{
	long long dense, sparse;
	pid_t pid;
	int fd;

	if (case_ksm_stat(0, "ksm_scan_ns") < 0) {
		case_skip("this engine does not say what a process costs");
		return;
	}
	pid = dense_process(&fd);
	case_wait_scans(2);
	dense = case_ksm_stat(pid, "ksm_scan_ns");
	sparse = case_ksm_stat(0, "ksm_scan_ns");
	case_wait_scans(PASSES);
	dense = case_ksm_stat(pid, "ksm_scan_ns") - dense;
	sparse = case_ksm_stat(0, "ksm_scan_ns") - sparse;
	close(fd);
	waitpid(pid, NULL, 0);
	case_note("%zu GiB with two pages: %lld us; %d pages: %lld us",
		  a.size >> 30, sparse / 1000, PAGES, dense / 1000);
	if (a.size < TELLING)
		case_skip("no area is large enough to tell by what it costs");
	else
		case_ok(sparse < dense / 4,
			"a pass over two pages in a large area costs next to nothing");
}

static void unmerge(struct area a)
{
	case_ok(madvise(a.mem, a.size, MADV_UNMERGEABLE) == 0,
		"it is unmerged");
	case_ok(case_pfn(a.mem) != case_pfn(last_page(a)) &&
		case_check(a.mem, ID) && case_check(last_page(a), ID),
		"each page is on its own again");
}

static int merge_for_ever(struct area a, int ready)
{
	char c = 1;

	for (;;) {
		if (madvise(a.mem, a.size, MADV_MERGEABLE) ||
		    madvise(a.mem, a.size, MADV_UNMERGEABLE) ||
		    write(ready, &c, 1) != 1)
			return 1;
	}
}

/* Wherever in a call the signal meets it. */
static void end_in_the_middle(struct area a)
{
	int status, fd[2], bad = 0;
	char c;

	for (int i = 0; i < 20; i++) {
		pid_t pid;

		if (pipe(fd))
			case_die("pipe");
		pid = case_fork();
		if (!pid)
			_exit(merge_for_ever(a, fd[1]));
		close(fd[1]);
		if (read(fd[0], &c, 1) != 1)
			bad++;
		kill(pid, SIGKILL);
		bad += waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status);
		close(fd[0]);
	}
	case_ok(bad == 0, "killed in the middle (%d were not)", bad);
}

/* Pages everywhere in a hole, then none: what was known of them is forgotten. */
static void emptied(void)
{
	const size_t step = 512 * case_page_size(), n = 256;
	char *mem = mmap(NULL, n * step, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap");
	madvise(mem, n * step, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < n; i++)
		case_fill(mem + i * step, ID + 0x800000 + i);
	if (madvise(mem, n * step, MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_wait_scans(2);
	if (case_ksm_stat(0, "ksm_rmap_items") >= 0)
		case_ok(case_ksm_stat(0, "ksm_rmap_items") >= (long long)n,
			"pages far apart are tracked");
	/* The page tables go, the area stays. */
	if (mmap(mem, n * step, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != mem ||
	    madvise(mem, n * step, MADV_MERGEABLE))
		case_die("mmap again");
	case_fill(mem, ID + 0x900000);
	case_wait_scans(3);
	if (case_ksm_stat(0, "ksm_rmap_items") >= 0)
		case_ok(case_ksm_stat(0, "ksm_rmap_items") < (long long)n / 4,
			"and forgotten when they are gone (%lld left)",
			case_ksm_stat(0, "ksm_rmap_items"));
	munmap(mem, n * step);
}

static void run(void)
{
	struct area a;

	/* Unmerging so large an area takes mm/ksm.c more than four minutes (Linux 6.18). */
	if (!case_has("hksm")) {
		case_skip("this engine looks at every entry of a hole");
		return;
	}
	a = reserve();
	if (!a.mem) {
		case_skip("no large area can be had");
		return;
	}
	fill(a);
	if (madvise(a.mem, a.size, MADV_MERGEABLE))
		case_die("MADV_MERGEABLE: %m");
	case_start();
	for (int i = 0; i < 5 && case_pfn(a.mem) != case_pfn(last_page(a)); i++)
		case_wait_scans(1);
	case_ok(case_pfn(a.mem) == case_pfn(last_page(a)),
		"both ends of %zu GiB are merged", a.size >> 30);
	cost(a);
	emptied();
	unmerge(a);
	end_in_the_middle(a);
	case_stop();
	munmap(a.mem, a.size);
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
