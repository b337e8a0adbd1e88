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

static size_t distinct(const struct est *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_recs; i++)
		n += !i || e->recs[i].hi != e->recs[i - 1].hi || e->recs[i].lo != e->recs[i - 1].lo;
	return n;
}

static void add_gain(struct est_gain *to, const struct est_gain *g)
{
	to->dup += g->dup;
	to->unique += g->unique;
	to->saved += g->saved;
	to->cross += g->cross;
	to->huge += g->huge;
}

void est_decide(struct est_report *r)
{
	struct est *e = r->e;
	struct est_gain *gains = xcalloc(e->n_segs, sizeof(*gains));
	struct est_count *counts = xcalloc(e->n_segs, sizeof(*counts));
	struct est_params p;
	double zeroes;

	read_settings(e);
	find_owners(r);
	if (r->pairs && r->n_groups > PAIR_GROUPS_MAX)
		cli_die(CLI_FAIL, 0, "--pairs: %zu owners, the limit is %d (select fewer, or group them with --by)",
			r->n_groups, PAIR_GROUPS_MAX);
	if (r->pairs)
		r->pair = xcalloc(r->n_groups * r->n_groups, sizeof(*r->pair));
	for (size_t i = 0; i < e->n_procs; i++)
		for (size_t s = 0; s < e->procs[i]->n_segs; s++)
			counts[e->procs[i]->first_seg + s] = e->procs[i]->segs[s].count;
	e->n_recs = est_compact(e->recs, e->n_recs);
	est_sort(e->recs, e->n_recs, e->opt.jobs);
	p = (struct est_params){
		.max_sharing = e->max_sharing,
		.use_zero_pages = e->use_zero_pages,
		.p = e->p,
		.n_segs = e->n_segs,
		.owner = r->owner,
		.count = counts,
		.n_users = r->n_users,
		.n_groups = r->n_groups,
		.pairs = r->pair,
	};
	if (est_dups(e->recs, e->n_recs, &p, &e->total, gains))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	for (size_t i = 0; i < e->n_procs; i++)
		for (size_t s = 0; s < e->procs[i]->n_segs; s++) {
			struct est_seg *seg = &e->procs[i]->segs[s];

			seg->gain = gains[e->procs[i]->first_seg + s];
			add_gain(&e->procs[i]->gain, &seg->gain);
		}
	zeroes = e->use_zero_pages ? e->count.zero : 0;
	e->low = e->high = e->total.saved;
	if (e->p < 1) {
		double bound = est_moment_var(&e->moment, distinct(e) / e->p, e->p);

		e->total.var = MAX(e->total.var, bound);
		/* What is known exactly is not part of the uncertainty. */
		est_interval(e->total.saved - zeroes, e->total.var, e->p, &e->low, &e->high);
		e->low += zeroes;
		e->high += zeroes;
	}
	free(gains);
	free(counts);
}

void est_report_fini(struct est_report *r)
{
	free(r->owner);
	free(r->groups);
	free(r->users);
	free(r->pair);
}
