// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pagemap.c - the memory of another process: which pages are there, what they
 * are, and their contents, without changing anything about them.
 *
 * Reading is not harmless by itself.  process_vm_readv() pins what it reads, and
 * pinning a page that is not exclusive to one process (shared since fork, or
 * merged) makes the kernel copy it first: gup_must_unshare() in mm/internal.h,
 * Linux 6.0.  It would undo what this project does.  /proc/PID/mem takes a
 * plain reference and leaves such pages alone, at two thirds of the speed.
 * Either one faults in what is not there, so nobody reads what pagemap did not
 * show as present a moment before.
 *
 * Everything below an opened struct ksm_mem may be called by several threads.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libksm/sys.h"

struct ksm_mem {
	pid_t pid;
	size_t page_size;
	int pagemap;
	int mem;		/* or -errno of opening it */
};

int ksm_mem_open(struct ksm *k, pid_t pid, struct ksm_mem **out)
{
	struct ksm_mem *m;

	*out = NULL;
	if (!k->live)
		return -EOPNOTSUPP;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->pid = pid = ksm_proc_thread(k, pid);
	m->page_size = k->page_size;
	m->mem = -EBADF;
	m->pagemap = ksm_path_open(k, O_RDONLY, "proc/%d/pagemap", (int)pid);
	if (m->pagemap < 0) {
		int rc = m->pagemap;

		free(m);
		return ksm_proc_lacks(k, pid, rc);
	}
	m->mem = ksm_path_open(k, O_RDONLY, "proc/%d/mem", (int)pid);
	*out = m;
	return 0;
}

void ksm_mem_close(struct ksm_mem *m)
{
	if (!m)
		return;
	close(m->pagemap);
	if (m->mem >= 0)
		close(m->mem);
	free(m);
}

static ssize_t pread_full(int fd, void *buf, size_t len, off_t at)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, (char *)buf + done, len - done, at + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done ? (ssize_t)done : -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

ssize_t ksm_mem_pagemap(const struct ksm_mem *m, uint64_t addr, size_t n, uint64_t *entries)
{
	ssize_t got = pread_full(m->pagemap, entries, n * sizeof(*entries),
				 addr / m->page_size * sizeof(*entries));

	return got < 0 ? got : got / (ssize_t)sizeof(*entries);
}

int ksm_mem_kinds(const struct ksm_mem *m, uint64_t start, uint64_t end, ksm_kind_fn fn, void *arg)
{
	/* Memory checkers do not know that the kernel fills it in. */
	struct sys_page_region regions[128] = { 0 };
	uint64_t at = start;

	while (at < end) {
		long n = sys_pagemap_scan(m->pagemap, &at, end, regions, ARRAY_SIZE(regions));

		if (n < 0)
			return n == -ENOTTY ? -EOPNOTSUPP : n;
		for (long i = 0; i < n; i++) {
			unsigned int kind = 0;

			if (regions[i].categories & SYS_PAGE_IS_HUGE)
				kind |= KSM_PAGE_HUGE;
			if (regions[i].categories & SYS_PAGE_IS_PFNZERO)
				kind |= KSM_PAGE_ZEROPAGE;
			fn(regions[i].start, regions[i].end, kind, arg);
		}
	}
	return 0;
}

ssize_t ksm_mem_read(const struct ksm_mem *m, void *buf, const struct iovec *from, size_t n)
{
	struct iovec to = { buf, 0 };

	for (size_t i = 0; i < n; i++)
		to.iov_len += from[i].iov_len;
	return sys_vm_readv(m->pid, &to, 1, from, n);
}

ssize_t ksm_mem_read_shared(const struct ksm_mem *m, void *buf, uint64_t addr, size_t len)
{
	if (m->mem < 0)
		return m->mem;
	return pread_full(m->mem, buf, len, addr);
}

int ksm_kpageflags_open(struct ksm *k)
{
	if (!k->live)
		return -EOPNOTSUPP;
	return ksm_path_open(k, O_RDONLY, "proc/kpageflags");
}

ssize_t ksm_kpageflags_read(int fd, uint64_t pfn, size_t n, uint64_t *flags)
{
	ssize_t got = pread_full(fd, flags, n * sizeof(*flags), pfn * sizeof(*flags));

	return got < 0 ? got : got / (ssize_t)sizeof(*flags);
}
