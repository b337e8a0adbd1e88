// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * owner.c - whose the pages are: users and groups of the processes read; and
 * the sums that follow, from records to savings of each mapping and process.
 */
#include "ksm-estimate/estimate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/xalloc.h"

#define PAIR_GROUPS_MAX 1024	/* a matrix of 8 MiB */
#define ITEM_BYTES	64	/* struct ksm_rmap_item of mm/ksm.c on 64 bits */

int64_t est_metadata(const struct est_proc *p)
{
	const int64_t has = ksm_fig_or(p->items, 0);
	const int64_t needs = p->count.anon;

	return needs > has ? (needs - has) * ITEM_BYTES : 0;
}

static uint32_t user_index(struct est_report *r, uid_t uid)
{
	size_t i;

	for (i = 0; i < r->n_users; i++)
		if (r->users[i] == uid)
			return i;
	r->users[r->n_users++] = uid;
	return i;
}

static bool is_read(const struct est_proc *p)
{
	return p->n_segs > 0;
}

static uint32_t group_index(struct est_report *r, const struct est_proc *p, uint32_t user)
{
	const bool by = r->e->opt.by >= 0;
	size_t i = r->n_groups;

	if (by) {
		if (!p->group)
			return EST_NO_GROUP;
		for (i = 0; i < r->n_groups; i++)
			if (!strcmp(r->groups[i].name, p->group))
				break;
	}
	if (i == r->n_groups) {
		r->groups[r->n_groups++] = (struct est_group){ by ? p->group : p->comm, user, 0 };
	} else if (r->groups[i].user != user) {
		r->groups[i].user = EST_NO_GROUP;
	}
	r->groups[i].procs++;
	return i;
}

static void find_owners(struct est_report *r)
{
	struct est *e = r->e;

	r->owner = xcalloc(e->n_segs, sizeof(*r->owner));
	r->users = xcalloc(e->n_procs, sizeof(*r->users));
	r->groups = xcalloc(e->n_procs, sizeof(*r->groups));
	for (size_t i = 0; i < e->n_procs; i++) {
		const struct est_proc *p = e->procs[i];
		struct est_owner o;

		if (!is_read(p))
			continue;
		o.user = user_index(r, p->uid);
		o.group = group_index(r, p, o.user);
		for (size_t s = 0; s < p->n_segs; s++)
			r->owner[p->first_seg + s] = o;
	}
}

static void read_settings(struct est *e)
{
	struct ksm_value v;

	e->max_sharing = 256;	/* the kernel's default, since 4.13 */
	if (!ksm_attr_read(e->k, KSM_ATTR_MAX_PAGE_SHARING, &v) && v.state == KSM_VALUE && v.v > 1)
		e->max_sharing = v.v;
	if (!ksm_attr_read(e->k, KSM_ATTR_USE_ZERO_PAGES, &v) && v.state == KSM_VALUE)
		e->use_zero_pages = v.v != 0;
}

/* Frames that merging could free, if it knew nothing better than to free them all. */
static double frames_of(const struct est *e, const struct est_count *c)
{
	const double out = c->ksm + c->gone + c->unread + c->changed / e->p + c->zero_changed;

	/* Without frames what is shared may be frames of its own, or not. */
	return MAX(c->anon - out - (e->frames_known ? c->same : 0), 0.0);
}

static void hand_out(struct est *e, const struct est_gain *gains)
{
	for (size_t i = 0; i < e->n_procs; i++) {
		struct est_proc *p = e->procs[i];

		for (size_t s = 0; s < p->n_segs; s++) {
			p->segs[s].gain = gains[p->first_seg + s];
			if (e->p < 1)
				est_gain_clamp(&p->segs[s].gain,
					       frames_of(e, &p->segs[s].count));
			est_gain_add(&p->gain, &p->segs[s].gain);
		}
	}
}

static void need_pairs(struct est_report *r)
{
	if (r->n_groups > PAIR_GROUPS_MAX)
		cli_die(CLI_FAIL, 0, "--pairs: %zu owners, the limit is %d (select fewer, or group them with --by)",
			r->n_groups, PAIR_GROUPS_MAX);
	r->pair = xcalloc(r->n_groups * r->n_groups, sizeof(*r->pair));
	r->pair_merged = xcalloc(r->n_groups * r->n_groups, sizeof(*r->pair_merged));
}

void est_decide(struct est_report *r)
{
	struct est *e = r->e;
	struct est_gain *gains __cleanup_free = xcalloc(e->n_segs, sizeof(*gains));
	struct est_count *counts __cleanup_free = xcalloc(e->n_segs, sizeof(*counts));
	bool *frequent __cleanup_free = xcalloc(EST_MOMENT_BUCKETS, sizeof(*frequent));
	struct est_sure sure = { .frequent = frequent };
	struct est_params p;

	read_settings(e);
	find_owners(r);
	if (r->pairs)
		need_pairs(r);
	for (size_t i = 0; i < e->n_procs; i++)
		for (size_t s = 0; s < e->procs[i]->n_segs; s++)
			counts[e->procs[i]->first_seg + s] = e->procs[i]->segs[s].count;
	e->n_recs = est_compact(e->recs, e->n_recs);
	est_sort(e->recs, e->n_recs, e->opt.jobs);
	p = (struct est_params){
		.max_sharing = e->max_sharing,
		.use_zero_pages = e->use_zero_pages,
		.p = e->p,
		.pick = e->pick,
		.n_segs = e->n_segs,
		.owner = r->owner,
		.count = counts,
		.n_users = r->n_users,
		.n_groups = r->n_groups,
		.pairs = r->pair,
		.merged = r->pair_merged,
	};
	if (est_dups(e->recs, e->n_recs, &p, &e->total, gains, &sure))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	hand_out(e, gains);
	e->low = e->high = e->total.saved;
	if (e->p < 1) {
		est_gain_clamp(&e->total, frames_of(e, &e->count));
		est_bounds(&sure, &e->moment, &p, frames_of(e, &e->count), &e->total.saved,
			   &e->low, &e->high);
	}
}

void est_report_fini(struct est_report *r)
{
	free(r->owner);
	free(r->groups);
	free(r->users);
	free(r->pair);
	free(r->pair_merged);
}
