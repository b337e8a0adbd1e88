// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * record.c - what was read of a span becomes records and counts.
 *
 * Records are of all readers together, so all of it happens under their lock.
 */
#include "estimate/read.h"

#include <errno.h>
#include <stdlib.h>

/* Half of the picks are none any more; whether the record has any reason left to be here. */
static bool thin(struct readers *all, struct est_rec *rec)
{
	if (rec->tag & EST_PICKED && reader_chance(&all->chance) >> 31)
		rec->tag &= ~EST_PICKED;
	return rec->tag & EST_PICKED || rec->hi >> (32 - EST_CLUSTER_BITS) < all->threshold;
}

/* The same for one that was read before the shares were halved @times. */
static bool thin_late(struct readers *all, struct est_rec *rec, unsigned int times)
{
	bool stays = true;

	while (times-- && stays)
		stays = thin(all, rec);
	return stays;
}

/* Half the share, until there is room; under lock. */
static void halve(struct readers *all)
{
	struct est *e = all->e;

	while (e->n_recs > e->cap_recs / 2 && all->threshold > 1) {
		size_t kept = 0;

		__atomic_store_n(&all->threshold, all->threshold / 2, __ATOMIC_RELAXED);
		all->pick /= 2;
		all->halved++;
		for (size_t i = 0; i < e->n_recs; i++)
			if (thin(all, &e->recs[i]))
				e->recs[kept++] = e->recs[i];
		e->n_recs = kept;
	}
}

/* Whether it counts in est_count.zero. */
static bool zero_page(const struct reader *r, size_t i, struct est_count *c)
{
	const uint32_t tag = r->tag[i];

	if (tag & EST_KSM) {
		c->zero_ksm++;
		c->zero_ksm_frames += !(tag & EST_SAME);
	} else if (tag & EST_NOFRAME && !r->kinds_known) {
		/* Nobody can tell: most often the kernel's own. */
		c->anon--;
		c->zeropage++;
	} else if (tag & (EST_SAME | EST_NOFRAME)) {
		c->zero_shared++;
	} else {
		c->zero++;
		c->zero_huge += (tag & EST_HUGE) != 0;
		return true;
	}
	return false;
}

/* Under lock.  NULL without memory. */
static struct block *new_block(struct readers *all, struct est_proc *p,
			       const struct est_seg *seg, uint64_t addr)
{
	struct block *b;

	if (all->n_blocks == all->cap_blocks) {
		const size_t cap = all->cap_blocks ? all->cap_blocks * 2 : 256;
		int rc = est_limits_take(&all->e->limits, (cap - all->cap_blocks) * sizeof(*b));

		b = rc ? NULL : reallocarray(all->blocks, cap, sizeof(*b));
		if (!b) {
			reader_fail(all, rc ? rc : -ENOMEM);
			return NULL;
		}
		all->blocks = b;
		all->cap_blocks = cap;
	}
	b = &all->blocks[all->n_blocks++];
	*b = (struct block){ .proc = p, .seg = seg - p->segs, .addr = addr };
	return b;
}

/* Under lock. @b: NULL if there are no further passes. */
static void commit_block(struct reader *r, struct block *b, uint32_t id, size_t at, size_t n,
			 struct est_count *c)
{
	struct readers *all = r->all;
	struct est *e = all->e;
	/* The compiler cannot know that records lie apart from these. */
	const uint64_t zero_hash = all->zero_hash;
	const bool sampled = all->sampled;
	const unsigned int late = all->halved - r->halved;
	const size_t cap = e->cap_recs, before = e->n_recs;
	struct est_rec *recs = e->recs;
	size_t n_recs = before;

	if (b)
		b->first_rec = before;
	for (size_t i = 0; i < n; i++) {
		const size_t page = at + i;
		const unsigned int state = r->state[page];
		const uint32_t tag = r->tag[page];

		if (state != READ && state != PASSED) {
			c->gone += state == GONE;
			continue;
		}
		if (tag & EST_KSM)
			c->ksm++;
		else if (tag & (EST_SAME | EST_NOFRAME))
			c->same++;
		if (state == PASSED)
			continue;
		if (r->hash[page] == zero_hash) {
			if (zero_page(r, page, c) && b) {
				set_bit(b->zero, i);
				b->huge |= (tag & EST_HUGE) != 0;
			}
			continue;
		}
		if (sampled && !(tag & EST_PICKED) && !is_taken(r, r->hash[page]))
			continue;
		if (n_recs == cap) {
			c->unread++;
			continue;
		}
		recs[n_recs] = make_rec(r, page, id);
		if (late && !thin_late(all, &recs[n_recs], late))
			continue;
		n_recs++;
		if (b)
			set_bit(b->rec, i);
	}
	e->n_recs = n_recs;
	c->taken += n_recs - before;
}

int reader_commit(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t addr,
		  size_t n, struct est_count *c)
{
	struct readers *all = r->all;
	struct est *e = all->e;
	const uint32_t id = p->first_seg + (seg - p->segs);
	size_t len, to;
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	if (all->adapt && e->n_recs + n > e->cap_recs)
		halve(all);
	for (size_t at = 0; !rc && at < n; at += len) {
		struct block *b = NULL;

		len = block_len(r, addr, at, n);
		if (e->opt.passes > 1)
			b = new_block(all, p, seg, addr + at * e->page_size);
		if (e->opt.passes > 1 && !b)
			rc = -ENOMEM;
		else
			commit_block(r, b, id, at, len, c);
	}
	est_count_add(&seg->count, c);
	to = readers_chunk(all);
	pthread_mutex_unlock(&all->lock);
	reader_shrink(r, to);
	return rc;
}
