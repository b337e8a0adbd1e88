// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * setup.c - what a run needs: what this kernel tells this user, how large a share
 * to take, and room for as many records as that makes.
 */
#include "estimate/read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUDGET_BYTES (UINT64_C(4) << 30)	/* read whole without being asked */
#define SAMPLE_RECS ((uint64_t)8 << 20)	/* at most, of a sample */

/*
 * What this kernel tells this user, tried on a page of our own: its frame, and
 * that it is not merged, which some kernels say of every page.
 */
static int probe(struct est *e, struct readers *all)
{
	uint64_t entry, flags = 0;
	struct ksm_mem *m;
	char *page = mmap(NULL, e->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int rc;

	if (page == MAP_FAILED)
		return est_fail(e, -ENOMEM);
	rc = ksm_mem_open(e->k, getpid(), &m);
	if (!rc) {
		*page = 1;
		if (ksm_mem_pagemap(m, (uintptr_t)page, 1, &entry) == 1)
			e->frames_known = entry & KSM_PM_PRESENT && entry & KSM_PM_FRAME;
		if (e->frames_known && all->kpageflags >= 0 &&
		    ksm_kpageflags_read(all->kpageflags, entry & KSM_PM_FRAME, 1, &flags) == 1)
			all->ksm_known = !(flags & KSM_KPF_KSM);
		ksm_mem_close(m);
	}
	munmap(page, e->page_size);
	if (rc == -ENOENT)
		return est_fail_why(e, EST_LACKING, -EOPNOTSUPP);
	return rc ? est_fail_why(e, EST_BLIND, rc) : 0;
}

/* Records that there may be of @pages, and of what the processes get meanwhile. */
static uint64_t most_records(uint64_t pages)
{
	return pages + pages / 4 + (256 << 10);
}

static double share(const struct est *e, uint64_t pages)
{
	const double bytes = (double)pages * e->page_size;
	const uint64_t want = most_records(pages);

	if (e->opt.full)
		return 1;
	if (e->opt.sample > 0)
		return e->opt.sample;
	/* What does not fit into memory is a sample too; how large it is shows on the way. */
	if (est_limits_records(&e->limits, want) < want)
		return MIN(0.5, BUDGET_BYTES / bytes);
	return bytes <= BUDGET_BYTES ? 1 : BUDGET_BYTES / bytes;
}

/* Virtual memory enough for what the processes have now and may get meanwhile. */
static int make_room(struct est *e, const struct readers *all, uint64_t pages)
{
	const uint64_t want = most_records(pages);

	e->cap_recs = est_limits_records(&e->limits, all->adapt ? MIN(want, SAMPLE_RECS) : want);
	if (!all->adapt && e->cap_recs < want)
		return est_fail_why(e, EST_OVER_MEMORY, -ENOBUFS);
	e->recs = mmap(NULL, e->cap_recs * sizeof(*e->recs), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (e->recs == MAP_FAILED) {
		e->recs = NULL;
		return est_fail_why(e, EST_NO_ROOM, -errno);
	}
	return 0;
}

/* What the key decides. */
static int use_key(struct est *e, struct readers *all)
{
	const uint64_t pieces = e->page_size / 64 - 1;
	unsigned char *zero = calloc(1, e->page_size);

	if (!zero)
		return est_fail(e, -ENOMEM);
	all->chance = est_hash(&e->key, "picks", 5) | 1;
	all->zero_hash = est_hash(&e->key, zero, e->page_size);
	all->piece_at = est_hash(&e->key, "piece", 5) % pieces * 64;
	free(zero);
	return 0;
}

/* No piece is the work of two threads. */
_Static_assert(EST_PIECE_MAX_PAGES <= REGION_PAGES, "a region holds whole pieces");

bool est_piece_check(size_t page_size, uint64_t bytes)
{
	return !(bytes & (bytes - 1)) && bytes >= EST_PIECE_MIN_PAGES * (uint64_t)page_size &&
	       bytes <= EST_PIECE_MAX_PAGES * (uint64_t)page_size;
}

int readers_init(struct readers *all, struct est *e, uint64_t pages)
{
	const double p = share(e, pages), pick = est_pick_share(p, pages);
	int rc;

	all->e = e;
	all->piece = e->opt.piece_bytes ? e->opt.piece_bytes / e->page_size : SIZE_MAX;
	all->sampled = p < 1;
	all->adapt = all->sampled && e->opt.passes < 2;
	all->threshold = MAX((uint32_t)(p * (1U << EST_CLUSTER_BITS) + 0.5), 1U);
	all->pick = ldexp(pick, 32);
	pthread_mutex_init(&all->lock, NULL);
	all->kpageflags = ksm_kpageflags_open(e->k);
	all->frames = est_frames_new(&e->limits);
	if (!all->frames)
		return est_fail(e, -ENOMEM);
	rc = probe(e, all);
	if (!rc)
		rc = use_key(e, all);
	if (!rc)
		rc = make_room(e, all, pages);
	if (rc)
		return rc;
	all->want_recs = MIN((size_t)(pages * (p + 2 * pick)), e->cap_recs);
	if (!all->sampled)
		return 0;
	rc = est_limits_take(&e->limits, EST_MOMENT_SIZE);
	if (!rc)
		rc = est_moment_init(&e->moment);
	return rc ? est_fail(e, rc) : 0;
}

void readers_fini(struct readers *all)
{
	struct est *e = all->e;

	e->p = (double)all->threshold / (1U << EST_CLUSTER_BITS);
	e->pick = ldexp(all->pick, -32);
	e->huge_known |= e->frames_known && all->kpageflags >= 0;
	free(all->blocks);
	est_frames_free(all->frames);
	if (all->kpageflags >= 0)
		close(all->kpageflags);
	pthread_mutex_destroy(&all->lock);
}
