// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merged memory whose writes are watched by userfaultfd: it stays merged and on
 * the books while it is watched, a write is still reported, and it can be
 * unmerged.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_FEATURE_PAGEFAULT_FLAG_WP
#define UFFD_FEATURE_PAGEFAULT_FLAG_WP	(1 << 0)
#endif
#define PAGES	64
#define ID	0x77617463ULL

static int uffd_open(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int protect(int fd, void *mem, size_t pages, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)mem, pages * case_page_size() },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
}

static void *writer(void *page)
{
	case_fill(page, ID + 9);
	return NULL;
}

static void run(void)
{
	char *mem = case_map(PAGES);
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, PAGES * case_page_size() },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffd_msg msg = { 0 };
	pthread_t thread;
	long long before;
	ssize_t n = -1;
	int fd = uffd_open();

	if (fd < 0) {
		case_skip("no userfaultfd that watches writes");
		return;
	}
	case_fill_many(mem, PAGES, ID, 4);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, 4), "merged");
	before = case_merging_pages(0);
	if (ioctl(fd, UFFDIO_REGISTER, &reg) || protect(fd, mem, PAGES, true)) {
		case_skip("cannot be watched: %s", strerror(errno));
		close(fd);
		return;
	}
	case_wait_scans(3);
	case_ok(case_frames(mem, PAGES) == 4, "it stays merged when watched");
	case_ok(case_merging_pages(0) == before,
		"%lld of %lld pages are accounted for", case_merging_pages(0),
		before);

	if (pthread_create(&thread, NULL, writer, mem))
		case_die("pthread_create");
	while (n < 0) {
		n = read(fd, &msg, sizeof(msg));
		if (n < 0 && errno != EAGAIN)
			case_die("userfaultfd: %s", strerror(errno));
		usleep(1000);
	}
	case_ok(msg.event == UFFD_EVENT_PAGEFAULT &&
		msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP &&
		msg.arg.pagefault.address - (uintptr_t)mem < case_page_size(),
		"a write is reported");
	protect(fd, mem, 1, false);
	pthread_join(thread, NULL);
	case_ok(case_check(mem, ID + 9) &&
		case_check_many(case_page(mem, 4), PAGES - 4, ID, 4) == 0,
		"and changes one page alone");
	case_wait_scans(3);
	case_ok(case_check(mem, ID + 9) &&
		case_check_many(case_page(mem, 4), PAGES - 4, ID, 4) == 0,
		"nothing else happens to the content");

	case_set("run", "2");
	/* Linux 6.1 unmerged by writing, which is watched. */
	if (case_has("smart_scan"))
		case_ok(case_frames(mem, PAGES) == PAGES, "it can be unmerged");
	else
		case_skip("older than 6.7: watched pages may stay merged");
	case_ok(case_check_many(case_page(mem, 4), PAGES - 4, ID, 4) == 0,
		"content then");
	close(fd);
	case_unmap(mem, PAGES);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_MERGING_PAGES,
	.knobs = case_scan_knobs,
	.run = run,
};
