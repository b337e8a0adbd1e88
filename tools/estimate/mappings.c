// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mappings.c - a process is opened, and those of its mappings that could merge
 * are listed.
 */
#include "estimate/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a mapping costs in the end: see est_decide(). */
#define SEG_COST (sizeof(struct est_seg) + sizeof(struct est_owner) + \
		  sizeof(struct est_count) + sizeof(struct est_gain))

struct walk {
	struct est *e;
	struct est_proc *p;
	size_t cap;
	int failed;	/* -errno that ends the run */
};

static int keep_name(struct walk *w, struct est_seg *s, const char *name)
{
	const int rc = est_limits_take(&w->e->limits, strlen(name) + 1);

	if (rc)
		return rc;
	s->name = strdup(name);
	return s->name ? 0 : -ENOMEM;
}

static int add_seg(struct walk *w, const struct ksm_vma *v)
{
	struct est_proc *p = w->p;
	struct est_seg *s;
	const int rc = est_room(&w->e->limits, p->segs, p->n_segs, w->cap, SEG_COST);

	if (rc)
		return rc;
	s = &p->segs[p->n_segs++];
	*s = (struct est_seg){
		.start = v->start,
		.end = v->end,
		.readable = v->perms[0] == 'r',
		.may_ksm = ksm_fig_or(v->ksm_line, 1) != 0,
		.mergeable = v->mergeable,
		.stack = !strcmp(v->name, "[stack]"),
		.rss_bytes = v->rss_bytes,
	};
	memcpy(s->perms, v->perms, sizeof(s->perms));
	return w->e->opt.names ? keep_name(w, s, v->name) : 0;
}

static int take_vma(const struct ksm_vma *v, void *arg)
{
	struct walk *w = arg;
	struct est_proc *p = w->p;

	p->smaps_ksm += v->ksm_bytes;
	if (v->why != KSM_VMA_OK || (w->e->opt.marked && !v->mergeable)) {
		p->other_bytes += v->rss_bytes;
		return 0;
	}
	if (!v->rss_bytes && !v->swap_bytes)
		return 0;
	w->failed = est_limits_check(&w->e->limits);
	if (!w->failed)
		w->failed = add_seg(w, v);
	return w->failed;
}

int est_proc_open(struct est *e, struct est_proc *p)
{
	const struct ksm_ident id = { .pid = p->pid, .start_ticks = p->start_ticks };
	struct walk w = { .e = e, .p = p };
	struct ksm_proc now;

	if (!p->rc)
		p->rc = ksm_mem_open(e->k, p->pid, &p->mem);
	if (!p->rc)
		p->rc = ksm_vmas_walk(e->k, p->pid, take_vma, &w);
	/* What was opened by its number is its own as long as it still has that. */
	if (!p->rc)
		p->rc = ksm_proc_read_same(e->k, &id, 0, &now);
	if (e->n_segs + p->n_segs > EST_SEG_MASK)
		return est_fail_why(e, EST_TOO_MANY, -E2BIG);
	p->first_seg = e->n_segs;
	e->n_segs += p->n_segs;
	if (w.failed)
		return est_fail(e, w.failed);
	if (!p->rc && p->n_segs) {
		p->next_addr = p->segs[0].start;
		return 0;
	}
	ksm_mem_close(p->mem);
	p->mem = NULL;
	return 0;
}

int est_proc_reopen(struct est *e, struct est_proc *p)
{
	const struct ksm_ident id = { .pid = p->pid, .start_ticks = p->start_ticks };
	struct ksm_proc now;

	if (p->rc || !p->n_segs || ksm_proc_read_same(e->k, &id, 0, &now))
		return 0;
	if (ksm_mem_open(e->k, p->pid, &p->mem) == -EMFILE)
		return est_fail_why(e, EST_NO_FILES, -EMFILE);
	return 0;
}
