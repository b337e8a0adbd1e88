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

/* What a piece costs in the end: see est_decide(). */
#define PIECE_COST (sizeof(struct est_piece) + sizeof(struct est_owner) + \
		    sizeof(struct est_count) + sizeof(struct est_gain))

/* Room for one more; under lock. */
static int grow_pieces(struct est *e)
{
	if (e->n_pieces == e->cap_pieces && e->n_pieces > EST_SEG_MASK / 2)
		return -E2BIG;
	return est_room(&e->limits, e->pieces, e->n_pieces, e->cap_pieces, PIECE_COST);
}

/* Under lock.  NULL without memory. */
static struct block *new_block(struct readers *all, struct est_proc *p,
			       const struct est_seg *seg, uint64_t addr)
{
	struct block *b;
	const int rc = est_room(&all->e->limits, all->blocks, all->n_blocks, all->cap_blocks,
				sizeof(*b));

	if (rc) {
		reader_fail(all, rc);
		return NULL;
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

/* The number that records of a piece bear; under lock. */
static int find_piece(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t number,
		      uint32_t *id)
{
	struct est *e = r->all->e;
	const uint64_t bytes = e->opt.piece_bytes;
	int rc;

	if (r->last_seg != seg || r->last_piece != number) {
		rc = grow_pieces(e);
		if (rc)
			return rc;
		e->pieces[e->n_pieces] = (struct est_piece){
			.proc = p,
			.seg = seg,
			.start = MAX(number * bytes, seg->start),
			.end = MIN((number + 1) * bytes, seg->end),
		};
		r->last_seg = seg;
		r->last_piece = number;
		r->last_id = e->n_pieces++;
	}
	*id = r->last_id;
	return 0;
}

/* Pieces of the span that have anything for us; under lock. */
static int find_pieces(struct reader *r, struct est_proc *p, struct est_seg *seg, size_t n_pieces)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n_pieces; i++) {
		r->id[i] = NO_PIECE;
		if (r->all->piece != SIZE_MAX && r->count[i].anon)
			rc = find_piece(r, p, seg, r->first / r->all->piece + i, &r->id[i]);
	}
	return rc ? reader_fail(r->all, rc) : 0;
}

/* Under lock. */
static void add_counts(struct reader *r, struct est_seg *seg, size_t n_pieces)
{
	for (size_t i = 0; i < n_pieces; i++) {
		if (r->id[i] != NO_PIECE)
			est_count_add(&r->all->e->pieces[r->id[i]].count, &r->count[i]);
		est_count_add(&seg->count, &r->count[i]);
	}
}

/* Under lock. */
static int commit(struct reader *r, struct est_proc *p, struct est_seg *seg, size_t n)
{
	struct readers *all = r->all;
	struct est *e = all->e;
	const uint32_t seg_id = p->first_seg + (seg - p->segs);
	const size_t n_pieces = piece_of(r, n - 1) + 1;
	int rc = find_pieces(r, p, seg, n_pieces);
	size_t len;

	if (!rc && all->adapt && e->n_recs + n > e->cap_recs)
		halve(all);
	for (size_t at = 0; !rc && at < n; at += len) {
		const size_t piece = piece_of(r, at);
		const uint32_t id = r->id[piece] == NO_PIECE ? seg_id : r->id[piece];
		struct block *b = NULL;

		len = piece_len(r, at, at + block_len(r, at, n));
		if (e->opt.passes > 1) {
			b = new_block(all, p, seg, (r->first + at) * e->page_size);
			if (!b)
				return -ECANCELED;
			b->piece = r->id[piece];
		}
		commit_block(r, b, id, at, len, &r->count[piece]);
	}
	if (!rc)
		add_counts(r, seg, n_pieces);
	return rc;
}

int reader_commit(struct reader *r, struct est_proc *p, struct est_seg *seg, size_t n)
{
	struct readers *all = r->all;
	size_t to;
	int rc;

	pthread_mutex_lock(&all->lock);
	rc = commit(r, p, seg, n);
	to = readers_chunk(all);
	pthread_mutex_unlock(&all->lock);
	reader_shrink(r, to);
	return rc;
}
