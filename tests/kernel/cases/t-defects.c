// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Defects of mm/ksm.c that the hash engine must not have: MADV_FREE by one
 * process loses another one's page, a merge forgets that a page was modified
 * (soft-dirty) or is being watched (userfaultfd), a moved zero page is counted
 * for ever, and so are those that a child does not inherit. Where the tree engine
 * runs there is nothing to test.
 */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_FEATURE_PAGEFAULT_FLAG_WP
#define UFFD_FEATURE_PAGEFAULT_FLAG_WP	(1 << 0)
#endif
/* As in the header of 6.8, which is newer than that of some build machines. */
#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE	(1 << 16)
struct uffdio_move {
	uint64_t dst, src, len, mode;
	int64_t move;
};
#define UFFDIO_MOVE		_IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif

#define PM_SOFT_DIRTY	(1ULL << 55)
#define PM_UFFD_WP	(1ULL << 57)
#define KPF_SWAPBACKED	(1ULL << 14)

static uint64_t pagemap(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t at = (uintptr_t)addr / case_page_size() * sizeof(uint64_t);
	uint64_t e = 0;

	if (fd < 0 || pread(fd, &e, sizeof(e), at) != sizeof(e))
		e = 0;
	if (fd >= 0)
		close(fd);
	return e;
}

static char *twins(uint64_t id)
{
	char *mem = case_map(2);

	case_fill(mem, id);
	case_fill(case_page(mem, 1), id);
	return mem;
}

static void mergeable(void *mem, size_t pages)
{
	if (madvise(mem, pages * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE: %s", strerror(errno));
}

/* D1: the last mapper of a merged page calls MADV_FREE, then a victim joins. */
static void free_and_join(void)
{
	const size_t ps = case_page_size();
	char *xy = twins(0xd1), *y = case_page(xy, 1), *z;

	mergeable(xy, 2);
	case_ok(case_wait_frames(xy, 2, 1), "D1: two pages merged");
	case_fill(y, 0xd1d1);
	madvise(xy, ps, MADV_FREE);
	/* Folios are marked in batches; this drains them. */
	madvise(y, ps, MADV_COLD);
	case_ok(case_kpageflags(case_pfn(xy)) & KPF_SWAPBACKED,
		"D1: MADV_FREE leaves a merged page as it is");
	z = case_map(1);
	case_fill(z, 0xd1);
	mergeable(z, 1);
	case_wait_scans(3);
	case_ok(case_kpageflags(case_pfn(z)) & KPF_SWAPBACKED,
		"D1: the victim's page would be swapped, not dropped");
	munmap(xy, 2 * ps);
	madvise(z, ps, MADV_PAGEOUT);
	case_ok(case_check(z, 0xd1), "D1: the victim has its data");
	case_unmap(z, 1);
}

/* D2: a page that was modified stays modified when it is replaced. */
static void soft_dirty(void)
{
	char *mem = twins(0xd2);
	bool first, second;

	if (!(pagemap(mem) & PM_SOFT_DIRTY)) {
		case_skip("D2: no soft-dirty tracking");
		case_unmap(mem, 2);
		return;
	}
	mergeable(mem, 2);
	case_wait_frames(mem, 2, 1);
	first = pagemap(mem) & PM_SOFT_DIRTY;
	second = pagemap(case_page(mem, 1)) & PM_SOFT_DIRTY;
	case_ok(first && second, "D2: both pages are soft-dirty still");
	case_unmap(mem, 2);
}

static int uffd_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool uffd_register(int fd, void *mem, size_t pages, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, pages * case_page_size() },
		.mode = mode,
	};

	return !ioctl(fd, UFFDIO_REGISTER, &reg);
}

/* D3: a page that userfaultfd protects stays protected. */
static void uffd_wp(void)
{
	int fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	char *mem = twins(0xd3);
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)mem, 2 * case_page_size() },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (fd < 0 ||
	    !uffd_register(fd, mem, 2, UFFDIO_REGISTER_MODE_WP) ||
	    ioctl(fd, UFFDIO_WRITEPROTECT, &wp)) {
		case_skip("D3: no write protection by userfaultfd");
	} else {
		mergeable(mem, 2);
		case_wait_scans(4);
		case_ok(pagemap(mem) & PM_UFFD_WP &&
			pagemap(case_page(mem, 1)) & PM_UFFD_WP,
			"D3: both pages are protected still");
	}
	if (fd >= 0)
		close(fd);
	case_unmap(mem, 2);
}

/* D4: a zero page of KSM that is moved is counted off. */
static void moved_zero(void)
{
	const size_t ps = case_page_size(), n = 16;
	int fd = uffd_open(UFFD_FEATURE_MOVE);
	char *src = case_map(n), *dst = case_map(n);
	struct uffdio_move move = {
		.dst = (uintptr_t)dst, .src = (uintptr_t)src, .len = n * ps,
		.mode = 1ULL << 1, /* holes are allowed */
	};
	long long before = case_get("ksm_zero_pages");

	if (fd < 0 ||
	    !uffd_register(fd, dst, n, UFFDIO_REGISTER_MODE_MISSING)) {
		case_skip("D4: no UFFDIO_MOVE");
		goto out;
	}
	memset(src, 1, n * ps);
	memset(src, 0, n * ps);
	case_set("use_zero_pages", "1");
	mergeable(src, n);
	case_wait_scans(4);
	case_ok(case_get("ksm_zero_pages") == before + (long long)n,
		"D4: %zu pages became the zero page", n);
	case_ok(ioctl(fd, UFFDIO_MOVE, &move) == 0, "D4: UFFDIO_MOVE");
	case_set("use_zero_pages", "0");
	case_unmap(src, n);
	case_unmap(dst, n);
	case_ok(case_get("ksm_zero_pages") == before,
		"D4: none of them is counted any more");
	close(fd);
	return;
out:
	if (fd >= 0)
		close(fd);
	case_unmap(src, n);
	case_unmap(dst, n);
}

/* A child's figure, less than 256. */
static int zero_pages(void *arg)
{
	(void)arg;
	return (int)case_ksm_stat(0, "ksm_zero_pages");
}

/* D5: a child counts the zero pages that it has, and no others. */
static void not_inherited(void)
{
	static const int advice[] = { MADV_NORMAL, MADV_DONTFORK,
				      MADV_WIPEONFORK };
	const long long before = case_get("ksm_zero_pages");
	const size_t n = 16;
	char *mem[3];
	int child;

	case_set("use_zero_pages", "1");
	for (int i = 0; i < 3; i++) {
		mem[i] = case_map(n);
		memset(mem[i], 1, n * case_page_size());
		memset(mem[i], 0, n * case_page_size());
		if (madvise(mem[i], n * case_page_size(), advice[i]))
			case_die("madvise %d: %s", advice[i], strerror(errno));
		mergeable(mem[i], n);
	}
	case_wait_scans(4);
	case_stop();
	case_ok(case_get("ksm_zero_pages") == before + 3 * (long long)n,
		"D5: %zu pages became the zero page", 3 * n);
	child = case_in_child(zero_pages, NULL);
	case_ok(child == (int)n, "D5: a child has %d of them, want %zu", child,
		n);
	case_ok(case_get("ksm_zero_pages") == before + 3 * (long long)n,
		"D5: and takes with it what it had");
	for (int i = 0; i < 3; i++)
		case_unmap(mem[i], n);
	case_ok(case_get("ksm_zero_pages") == before,
		"D5: none of them is counted any more");
	case_set("use_zero_pages", "0");
}

static void run(void)
{
	if (!case_has("hksm")) {
		case_skip("the tree engine is known to have these");
		return;
	}
	case_start();
	free_and_join();
	soft_dirty();
	uffd_wp();
	if (case_is_module()) {
		case_skip("D4, D5: in functions that the module does not replace");
		return;
	}
	moved_zero();
	not_inherited();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_ZERO_PAGES,
	.knobs = case_scan_knobs,
	.run = run,
};
