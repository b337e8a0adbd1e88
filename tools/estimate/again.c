// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * again.c - a block once more, at a further pass: what changed is dropped.
 */
#include "estimate/read.h"

#include <errno.h>
#include <string.h>

static void note_changed(struct est_count *c, uint64_t changed, uint64_t zero, bool huge)
{
	c->changed += changed;
	c->zero_changed += zero;
	c->zero -= zero;
	c->zero_huge -= huge ? MIN(zero, c->zero_huge) : 0;
}

int reader_again(struct reader *r, struct block *b)
{
	struct est *e = r->all->e;
	struct est_seg *seg = &b->proc->segs[b->seg];
	size_t n = MIN((seg->end - b->addr) / e->page_size, (size_t)BLOCK_PAGES), at = b->first_rec;
	struct batch fast = { .n = 0, .addr = b->addr };
	uint64_t changed = 0, zero = 0;
	int rc = -ESRCH;

	memset(r->state, GONE, sizeof(r->state));
	if (b->proc->mem && ksm_mem_pagemap(b->proc->mem, b->addr, n, r->entry) == (ssize_t)n)
		rc = 0;
	if (!rc)
		reader_flags(r, seg, n);
	for (size_t i = 0; !rc && i < n; i++) {
		const uint64_t entry = r->entry[i];

		if ((!bit(b->rec, i) && !bit(b->zero, i)) || !(entry & KSM_PM_PRESENT) ||
		    entry & KSM_PM_FILE || r->flags[i] & KSM_KPF_ZERO_PAGE)
			continue;
		r->tag[i] = EST_KSM;	/* read every time, not once a frame */
		if (reader_may_pin(r, seg, i))
			fast.page[fast.n++] = i;
		else if (reader_whole_careful(r, b->proc, b->addr, i) == -ECANCELED)
			return -ECANCELED;
	}
	if (!rc)
		rc = reader_whole(r, b->proc, &fast);
	if (rc == -ECANCELED)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (bit(b->zero, i) && (r->state[i] != READ || r->hash[i] != r->all->zero_hash)) {
			b->zero[i / 64] &= ~(UINT64_C(1) << i % 64);
			zero++;
		}
		if (!bit(b->rec, i))
			continue;
		if (e->recs[at].tag != EST_DROPPED) {
			const struct est_rec now = make_rec(r, i, 0);

			if (r->state[i] != READ || now.hi != e->recs[at].hi ||
			    now.lo != e->recs[at].lo) {
				changed += is_taken(r, (uint64_t)e->recs[at].hi << 32);
				e->recs[at].tag = EST_DROPPED;
			}
		}
		at++;
	}
	pthread_mutex_lock(&r->all->lock);
	note_changed(&seg->count, changed, zero, b->huge);
	if (b->piece != NO_PIECE)
		note_changed(&e->pieces[b->piece].count, changed, zero, b->huge);
	pthread_mutex_unlock(&r->all->lock);
	return 0;
}
