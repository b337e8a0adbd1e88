// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * owner.c - whose the pages are: users and groups of the processes read; and
 * the sums that follow, from records to savings of each mapping and process.
 */
#include "ksm-estimate/estimate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "util/map.h"

#define PAIR_GROUPS_MAX 1024	/* a matrix of 8 MiB */
#define ITEM_BYTES	64	/* struct ksm_rmap_item of mm/ksm.c on 64 bits */

int64_t est_metadata(const struct est_proc *p)
{
	const int64_t has = ksm_fig_or(p->items, 0);
	const int64_t needs = p->count.anon;

	return needs > has ? (needs - has) * ITEM_BYTES : 0;
}

/* What is found by key: its index + 1, since NULL is no value. */
struct indices {
	struct map users;	/* by uid */
	struct map groups;	/* by a digest of the name, the next number where that is taken */
};

static void index_put(struct map *m, uint64_t key, size_t i)
{
	if (map_put(m, key, (void *)(uintptr_t)(i + 1)))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
}

static uint32_t user_index(struct est_report *r, struct indices *known, uid_t uid)
{
	const uintptr_t at = (uintptr_t)map_find(&known->users, uid);

	if (at)
		return (uint32_t)(at - 1);
	index_put(&known->users, uid, r->n_users);
	r->users[r->n_users] = uid;
	return r->n_users++;
}

/* FNV-1a. */
static uint64_t name_digest(const char *name)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3;
	return h;
}

/* The group of that name, or where it is to be. */
static size_t find_group(const struct est_report *r, const struct indices *known, const char *name,
			 uint64_t *key)
{
	uintptr_t at;

	for (*key = name_digest(name); (at = (uintptr_t)map_find(&known->groups, *key)); ++*key)
		if (!strcmp(r->groups[at - 1].name, name))
			return at - 1;
	return r->n_groups;
}

static bool is_read(const struct est_proc *p)
{
	return p->n_segs > 0;
}

static uint32_t group_index(struct est_report *r, struct indices *known, const struct est_proc *p,
			    uint32_t user)
{
	const bool by = r->e->opt.by >= 0;
	size_t i = r->n_groups;
	uint64_t key;

	if (by) {
		if (!p->group)
			return EST_NO_GROUP;
		i = find_group(r, known, p->group, &key);
		if (i == r->n_groups)
			index_put(&known->groups, key, i);
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
	struct indices known = { MAP_INIT, MAP_INIT };
	struct est *e = r->e;

	r->owner = xcalloc(e->n_segs, sizeof(*r->owner));
	r->users = xcalloc(e->n_procs, sizeof(*r->users));
	r->groups = xcalloc(e->n_procs, sizeof(*r->groups));
	for (size_t i = 0; i < e->n_procs; i++) {
		const struct est_proc *p = e->procs[i];
		struct est_owner o;

		if (!is_read(p))
			continue;
		o.user = user_index(r, &known, p->uid);
		o.group = group_index(r, &known, p, o.user);
		for (size_t s = 0; s < p->n_segs; s++)
			r->owner[p->first_seg + s] = o;
	}
	map_fini(&known.users);
	map_fini(&known.groups);
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
		cli_die(CLI_FAIL, 0, "--pairs: %zu processes or groups, the limit is %d "
			"(select fewer, or group them with --by)",
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
