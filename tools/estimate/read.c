// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * read.c - spans of pages, from their entries to their records.
 *
 * Page table entries are read just before the contents, and again after them: a
 * page that is not present is not touched, and contents count only while the
 * address space is the one that was opened.
 */
#include "estimate/read.h"

#include <errno.h>
#include <string.h>

struct kinds {
	struct reader *r;
	uint64_t start;
};

#define KIND_THERE 0x80

static void put_kind(uint64_t start, uint64_t end, unsigned int kind, void *arg)
{
	const struct kinds *k = arg;
	const size_t size = page_size(k->r);

	memset(k->r->kind + (start - k->start) / size, kind | KIND_THERE, (end - start) / size);
}

/* Frames of a sample, whether they are in it or not. */
static void put_moment(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((r->state[i] == READ && r->hash[i] != r->all->zero_hash) ||
		    r->state[i] == PASSED)
			if (!(r->tag[i] & EST_NO_FRAME_OF_ITS_OWN))
				est_moment_put(&r->moment, r->cluster[i]);
}

static int do_span(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t addr,
		   const unsigned char *kind, size_t n)
{
	uint64_t again;
	ssize_t got = ksm_mem_pagemap(p->mem, addr, n, r->entry);
	size_t len;
	int rc;

	if (got <= 0)
		return got ? got : -ESRCH;
	n = got;
	r->first = addr / page_size(r);
	memset(r->count, 0, (piece_of(r, n - 1) + 1) * sizeof(*r->count));
	pthread_mutex_lock(&r->all->lock);
	r->pick = r->all->pick;
	r->halved = r->all->halved;
	pthread_mutex_unlock(&r->all->lock);
	reader_flags(r, seg, n);
	for (size_t at = 0; at < n; at += len) {
		len = block_len(r, at, n);
		reader_classify(r, seg, kind, at, len);
	}
	rc = reader_contents(r, p, addr, n);
	if (rc)
		return rc;
	/* What was read is of the address space opened, or it is worth nothing. */
	got = ksm_mem_pagemap(p->mem, addr, 1, &again);
	if (got <= 0)
		return got ? got : -ESRCH;
	if (r->all->sampled)
		put_moment(r, n);
	return reader_commit(r, p, seg, n);
}

static bool any(const unsigned char *kind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kind[i])
			return true;
	return false;
}

int reader_region(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t start,
		  uint64_t end)
{
	const size_t size = page_size(r);
	struct kinds k = { r, start };
	int rc;

	memset(r->kind, 0, sizeof(r->kind));
	rc = ksm_mem_kinds(p->mem, start, end, put_kind, &k);
	if (rc && rc != -EOPNOTSUPP)
		return rc;
	r->kinds_known = !rc;
	while (start < end) {
		const size_t at = (start - k.start) / size;
		const size_t n = MIN((end - start) / size,
				     SPAN_PAGES - start / size % BLOCK_PAGES);

		if (!r->kinds_known || any(r->kind + at, n)) {
			rc = do_span(r, p, seg, start, r->kind + at, n);
			if (rc)
				return rc;
		}
		start += n * size;
	}
	return 0;
}
