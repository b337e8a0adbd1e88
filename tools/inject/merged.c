// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * merged.c - which pages of another process are merged, or may be.
 *
 * pagemap tells the frame of each page and kpageflags what the frame is.  A page
 * merged with the kernel's zero page cannot be told from one that was never
 * written; either counts, as the former must be copied.  Nothing here stops
 * anybody, and what is read may be wrong a moment later: it decides how much is
 * done at a time, not what.
 */
#include "inject/merged.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/macros.h"

/* Looked at with one question for what is there at all: it skips what is not. */
#define CHUNK_PAGES 16384U
#define ENTRIES 512U
/* Flags come by the cache line of the kernel's answer: neighbours often belong together. */
#define LINE 8U
#define LINES 2048U

struct merged {
	struct ksm_mem *mem;
	size_t page_size;
	int flags_fd;			/* or -errno */
	bool knows_holes;		/* the kernel has PAGEMAP_SCAN */
	uint64_t lines[LINES];		/* first frame + 1; 0: empty */
	uint64_t flags[LINES][LINE];
};

int merged_open(struct ksm *k, pid_t pid, struct merged **out)
{
	struct merged *m = calloc(1, sizeof(*m));
	int rc;

	*out = NULL;
	if (!m)
		return -ENOMEM;
	rc = ksm_mem_open(k, pid, &m->mem);
	if (rc) {
		free(m);
		return rc;
	}
	m->page_size = ksm_page_size(k);
	m->flags_fd = ksm_kpageflags_open(k);
	m->knows_holes = true;
	*out = m;
	return 0;
}

void merged_close(struct merged *m)
{
	if (!m)
		return;
	ksm_mem_close(m->mem);
	if (m->flags_fd >= 0)
		close(m->flags_fd);
	free(m);
}

bool merged_is_exact(const struct merged *m)
{
	return m->flags_fd >= 0;
}

static uint64_t frame_flags(struct merged *m, uint64_t pfn)
{
	const uint64_t first = pfn / LINE * LINE;
	const size_t i = pfn / LINE % LINES;

	if (m->lines[i] != first + 1) {
		memset(m->flags[i], 0, sizeof(m->flags[i]));
		m->lines[i] = first + 1;
		/* A frame that does not exist has no flags. */
		(void)ksm_kpageflags_read(m->flags_fd, first, LINE, m->flags[i]);
	}
	return m->flags[i][pfn % LINE];
}

static bool may_be_merged(struct merged *m, uint64_t entry)
{
	const uint64_t pfn = entry & KSM_PM_FRAME;

	if (!(entry & KSM_PM_PRESENT) || entry & KSM_PM_FILE)
		return false;
	/* Root without CAP_SYS_ADMIN reads flags and sees no frames. */
	if (m->flags_fd < 0 || !pfn)
		return true;
	return frame_flags(m, pfn) & (KSM_KPF_KSM | KSM_KPF_ZERO_PAGE);
}

struct reading {
	struct merged *m;
	struct slice_run *runs;
	size_t n, max;
	uint64_t until;			/* where there was no more room; 0: nowhere */
	int rc;
};

/* False when there is no room for it. */
static bool add_page(struct reading *r, uint64_t at)
{
	const size_t page = r->m->page_size;
	struct slice_run *last = r->n ? &r->runs[r->n - 1] : NULL;

	if (last && last->end == at) {
		last->end += page;
		return true;
	}
	if (r->n == r->max) {
		r->until = at;
		return false;
	}
	r->runs[r->n++] = (struct slice_run){ at, at + page };
	return true;
}

static void read_range(uint64_t start, uint64_t end, unsigned int kind, void *arg)
{
	struct reading *r = arg;
	const size_t page = r->m->page_size;
	uint64_t entries[ENTRIES];

	/* What is mapped as a huge page was not merged. */
	if (kind & KSM_PAGE_HUGE)
		return;
	while (start < end && !r->until && !r->rc) {
		const size_t want = MIN((end - start) / page, (uint64_t)ENTRIES);
		const ssize_t got = ksm_mem_pagemap(r->m->mem, start, want, entries);

		if (got < 0)
			r->rc = got;
		if (got <= 0)
			return;
		for (ssize_t i = 0; i < got; i++)
			if (may_be_merged(r->m, entries[i]) &&
			    !add_page(r, start + i * page))
				return;
		start += got * page;
	}
}

static int read_chunk(struct reading *r, uint64_t at, uint64_t end)
{
	int rc = -EOPNOTSUPP;

	if (r->m->knows_holes)
		rc = ksm_mem_kinds(r->m->mem, at, end, read_range, r);
	if (rc == -EOPNOTSUPP) {
		r->m->knows_holes = false;
		read_range(at, end, 0, r);
		rc = 0;
	}
	return rc == -ESRCH ? 0 : rc ?: r->rc;
}

int merged_read(struct merged *m, uint64_t at, uint64_t end, struct slice_run *runs, size_t max,
		size_t *n, uint64_t *until)
{
	const uint64_t step = (uint64_t)CHUNK_PAGES * m->page_size;
	struct reading r = { .m = m, .runs = runs, .max = max };
	int rc = 0;

	/* Frames change hands. */
	memset(m->lines, 0, sizeof(m->lines));
	while (at < end && !r.until && !rc) {
		const uint64_t next = end - at > step ? at + step : end;

		rc = read_chunk(&r, at, next);
		at = next;
	}
	*n = r.n;
	*until = r.until ? r.until : end;
	return rc;
}
