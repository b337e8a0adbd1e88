// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-read.c - memory of the target, where nobody can keep us waiting.
 *
 * Reading the memory of another process can make us wait for a file system: a
 * page that is not in memory is read from its file, and where a program serves
 * that file (FUSE), it may never answer.  Not even SIGKILL ends such a wait
 * (fs/fuse/dev.c request_wait_answer(), 6.12).  So files of FUSE are left out,
 * and so are files of which nobody says what file system they are on.  Of what
 * other mount namespaces have, only pages that are in memory are read.
 */
#include "inject/inject-arch.h"

#include <errno.h>
#include <unistd.h>

#include "inject/ptrace.h"
#include "util/macros.h"

/* Present, or swapped: Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_THERE (3ULL << 62)

size_t inject_target_there(const struct inject_target *t, uint64_t at, size_t len)
{
	uint64_t map[INJECT_TEXT_CHUNK / 4096 + 2];
	const uint64_t page = t->page_size, first = at / page;
	size_t pages = MIN((at + len - 1) / page - first + 1, ARRAY_SIZE(map)), n = 0;
	ssize_t got = pread(t->pagemap_fd, map, pages * sizeof(map[0]),
			    (off_t)(first * sizeof(map[0])));

	pages = got > 0 ? (size_t)got / sizeof(map[0]) : 0;
	while (n < pages && map[n] & PAGE_THERE)
		n++;
	return n ? MIN(len, (first + n) * page - at) : 0;
}

int inject_target_read(const struct inject_target *t, uint64_t at, void *buf, size_t len)
{
	for (size_t i = 0; i < t->n_texts; i++)
		if (t->texts[i].fs == INJECT_FS_OURS && at >= t->texts[i].start &&
		    at + len <= t->texts[i].end && at + len > at)
			return ptrace_read(t->tid, at, buf, len);
	return inject_target_there(t, at, len) == len ? ptrace_read(t->tid, at, buf, len) : -EFAULT;
}
