// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * content.c - what the pages of a span hold, read the fast way or the careful one.
 *
 * What is exclusive to the process is read the fast way, what is shared the careful
 * one (see libksm/pagemap.c).
 *
 * In a sample, equal pages are taken together or not at all: a few bytes of each
 * page, at a place that the key chooses, decide.  Pages that have zeroes there
 * are too many to be decided about at once: they are read whole, and the hash of
 * all of it decides.  Besides, frames are picked by chance (see interval.c).
 */
#include "estimate/read.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define PIECE_BYTES 128

_Static_assert(CHUNK_STEP >= (size_t)SPAN_PAGES * PIECE_BYTES, "pieces of a span fit");

/* Before @bytes are read: 0, or the whole run ends. */
static int reader_wait(struct reader *r, uint64_t bytes)
{
	const int rc = est_limits_wait(&r->all->e->limits, bytes);

	return rc ? reader_fail(r->all, rc) : 0;
}

static bool is_zero(const unsigned char *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* The upper bits of the cluster decide about a sample; the others tell contents apart. */
static uint64_t join(uint64_t cluster, uint64_t hash)
{
	const uint64_t upper = ~UINT64_C(0) << (64 - EST_CLUSTER_BITS);

	return (cluster & upper) | (hash & ~upper);
}

static void hash_page(struct reader *r, size_t i, const unsigned char *page)
{
	const struct readers *all = r->all;
	const unsigned char *piece = page + all->piece_at;

	r->hash[i] = est_hash(&all->e->key, page, page_size(r));
	r->state[i] = READ;
	if (!all->sampled)
		return;
	r->cluster[i] = r->hash[i];
	if (!is_zero(piece, PIECE_BYTES))
		r->cluster[i] = est_hash(&all->e->key, piece, PIECE_BYTES);
	r->hash[i] = join(r->cluster[i], r->hash[i]);
}

/* Chance picks frames, whatever they hold: 0, EST_PICK_A or EST_PICK_B. */
static uint32_t pick(struct reader *r)
{
	const uint32_t v = reader_chance(&r->chance);

	if (v < r->pick)
		return EST_PICK_A;
	return v - r->pick < r->pick ? EST_PICK_B : 0;
}

/* By a piece of page @i of a sample: whether all of it has to be read. */
static bool decide(struct reader *r, size_t i, const unsigned char *piece)
{
	if (!(r->tag[i] & EST_NO_FRAME_OF_ITS_OWN))
		r->tag[i] |= pick(r);
	if (is_zero(piece, PIECE_BYTES))
		return true;
	r->cluster[i] = est_hash(&r->all->e->key, piece, PIECE_BYTES);
	if (r->tag[i] & EST_PICKED || is_taken(r, r->cluster[i]))
		return true;
	r->state[i] = PASSED;
	return false;
}

/* Ranges of pages b->page[from..), at most @max of them, neighbours in one range. */
static size_t ranges(const struct batch *b, size_t from, size_t max, size_t size,
		     struct iovec *out, size_t *pages)
{
	size_t n = 0, i;

	for (i = from; i < b->n && i - from < max; i++) {
		if (n && b->page[i] == b->page[i - 1] + 1)
			out[n - 1].iov_len += size;
		else
			out[n++] = (struct iovec){
				(void *)(uintptr_t)(b->addr + b->page[i] * size), size
			};
	}
	*pages = i - from;
	return n;
}

/* Even pieces of at most @room: a small one costs more than it saves the others. */
static size_t piece(size_t n, size_t room)
{
	const size_t pieces = MAX((n + room - 1) / room, (size_t)1);

	return (n + pieces - 1) / pieces;
}

/* Reads @units of @size bytes each; how many came whole, from the first on, or -errno. */
static ssize_t read_units(struct reader *r, const struct est_proc *p, const struct iovec *from,
			  size_t n, size_t units, size_t size)
{
	const int rc = reader_wait(r, units * size);
	ssize_t got;

	if (rc)
		return rc;
	got = ksm_mem_read(p->mem, r->buf, from, n);
	if (got < 0 && got != -EFAULT)
		return got;
	got = MAX(got, 0) / (ssize_t)size;
	r->read_bytes += got * size;
	return got;
}

int reader_whole(struct reader *r, const struct est_proc *p, const struct batch *b)
{
	const size_t size = page_size(r);
	const size_t max = piece(b->n, MIN(r->chunk / size, (size_t)SPAN_PAGES));
	struct iovec from[SPAN_PAGES];
	size_t at = 0;

	while (at < b->n) {
		size_t pages;
		const size_t n = ranges(b, at, max, size, from, &pages);
		const ssize_t got = read_units(r, p, from, n, pages, size);

		if (got < 0)
			return got;
		for (ssize_t i = 0; i < got; i++)
			hash_page(r, b->page[at + i], r->buf + i * size);
		at += got;
		if ((size_t)got < pages)
			r->state[b->page[at++]] = GONE;
	}
	return 0;
}

/* The same with a piece of each page; pages that may be in the sample go to @more. */
static int read_pieces(struct reader *r, const struct est_proc *p, const struct batch *b,
		       struct batch *more)
{
	const size_t size = page_size(r);
	struct iovec from[SPAN_PAGES];
	size_t at = 0;

	more->n = 0;
	more->addr = b->addr;
	while (at < b->n) {
		size_t n = 0;
		ssize_t got;

		for (size_t i = at; i < b->n; i++, n++)
			from[n] = (struct iovec){
				(void *)(uintptr_t)(b->addr + b->page[i] * size +
						    r->all->piece_at),
				PIECE_BYTES
			};
		got = read_units(r, p, from, n, n, PIECE_BYTES);
		if (got < 0)
			return got;
		for (ssize_t i = 0; i < got; i++) {
			const size_t page = b->page[at + i];

			if (decide(r, page, r->buf + i * PIECE_BYTES))
				more->page[more->n++] = page;
		}
		at += got;
		if ((size_t)got < n)
			r->state[b->page[at++]] = GONE;
	}
	return 0;
}

/* @len bytes of page @i the careful way: 1, 0 when they are gone, -errno. */
static int read_careful(struct reader *r, const struct est_proc *p, uint64_t at, size_t len,
			size_t i)
{
	ssize_t got;
	const int rc = reader_wait(r, len);

	if (rc)
		return rc;
	got = ksm_mem_read_shared(p->mem, r->buf, at, len);
	if (got == 0)
		return -ESRCH;
	if (got == -EACCES || got == -EPERM)
		return got;
	if (got != (ssize_t)len) {
		r->state[i] = GONE;
		return 0;
	}
	r->read_bytes += len;
	return 1;
}

int reader_whole_careful(struct reader *r, const struct est_proc *p, uint64_t addr, size_t i)
{
	const size_t size = page_size(r);
	const int rc = read_careful(r, p, addr + i * size, size, i);

	if (rc > 0)
		hash_page(r, i, r->buf);
	return rc;
}

/* A shared page: once a frame, whoever shows it. */
static int read_shared(struct reader *r, const struct est_proc *p, uint64_t addr, size_t i)
{
	const struct readers *all = r->all;
	const size_t size = page_size(r);
	const uint64_t pfn = frame(r->entry[i]);
	const bool many = !(r->entry[i] & KSM_PM_EXCLUSIVE) || r->tag[i] & EST_KSM;
	bool whole = true;
	int rc;

	if (many && pfn && est_frames_find(all->frames, pfn, &r->hash[i])) {
		r->tag[i] |= EST_SAME;
		r->state[i] = all->sampled && r->hash[i] == EST_PASSED ? PASSED : READ;
		return 0;
	}
	if (all->sampled) {
		rc = read_careful(r, p, addr + i * size + all->piece_at, PIECE_BYTES, i);
		if (rc <= 0)
			return rc;
		whole = decide(r, i, r->buf);
		r->hash[i] = EST_PASSED;
	}
	if (whole) {
		rc = reader_whole_careful(r, p, addr, i);
		if (rc <= 0)
			return rc;
	}
	if (!many || !pfn)
		return 0;
	rc = est_frames_put(all->frames, pfn, r->hash[i]);
	if (rc < 0)
		return reader_fail(r->all, rc);
	/* Another reader was first: its record is the frame's. */
	if (!rc)
		r->tag[i] = (r->tag[i] & ~EST_PICKED) | EST_SAME;
	return 0;
}

int reader_contents(struct reader *r, const struct est_proc *p, uint64_t addr, size_t n)
{
	struct batch fast = { .n = 0, .addr = addr }, more;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (r->state[i] == EXCLUSIVE)
			fast.page[fast.n++] = i;
	if (fast.n && r->all->sampled) {
		rc = read_pieces(r, p, &fast, &more);
		if (!rc)
			rc = reader_whole(r, p, &more);
	} else if (fast.n) {
		rc = reader_whole(r, p, &fast);
	}
	for (size_t i = 0; !rc && i < n; i++)
		if (r->state[i] == SHARED)
			rc = read_shared(r, p, addr, i);
	return rc;
}
