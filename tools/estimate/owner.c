// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * owner.c - whose the pages are: users and groups of the processes read; and
 * the sums that follow, from records to savings of each mapping and process.
 */
#include "estimate/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/map.h"

int64_t est_metadata(const struct est_proc *p)
{
	const int64_t has = ksm_fig_or(p->items, 0);
	const int64_t needs = p->count.anon;

	return needs > has ? (needs - has) * EST_ITEM_BYTES : 0;
}

/* What is found by key: its index + 1, since NULL is no value. */
struct indices {
	struct map users;	/* by uid */
	struct map groups;	/* by a digest of the name, the next number where that is taken */
};

static int index_put(struct map *m, uint64_t key, size_t i)
{
	return map_put(m, key, (void *)(uintptr_t)(i + 1));
}

static int user_index(struct est *e, struct indices *known, uid_t uid, uint32_t *user)
{
	const uintptr_t at = (uintptr_t)map_find(&known->users, uid);
	int rc;

	if (at) {
		*user = at - 1;
		return 0;
	}
	rc = index_put(&known->users, uid, e->n_users);
	if (rc)
		return rc;
	*user = e->n_users;
	e->users[e->n_users++] = uid;
	return 0;
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
static size_t find_group(const struct est *e, const struct indices *known, const char *name,
			 uint64_t *key)
{
	uintptr_t at;

	for (*key = name_digest(name); (at = (uintptr_t)map_find(&known->groups, *key)); ++*key)
		if (!strcmp(e->groups[at - 1].name, name))
			return at - 1;
	return e->n_groups;
}

static bool is_read(const struct est_proc *p)
{
	return p->n_segs > 0;
}

static int group_index(struct est *e, struct indices *known, const struct est_proc *p,
		       struct est_owner *o)
{
	const bool by = e->opt.by >= 0;
	size_t i = e->n_groups;
	uint64_t key;
	int rc;

	o->group = EST_NO_GROUP;
	if (by) {
		if (!p->group)
			return 0;
		i = find_group(e, known, p->group, &key);
		rc = i == e->n_groups ? index_put(&known->groups, key, i) : 0;
		if (rc)
			return rc;
	}
	if (i == e->n_groups) {
		e->groups[e->n_groups++] =
			(struct est_group){ by ? p->group : p->comm, o->user, 0 };
	} else if (e->groups[i].user != o->user) {
		e->groups[i].user = EST_NO_GROUP;
	}
	e->groups[i].procs++;
	o->group = i;
	return 0;
}

static int find_owner(struct est *e, struct indices *known, const struct est_proc *p)
{
	struct est_owner o;
	int rc = user_index(e, known, p->uid, &o.user);

	if (!rc)
		rc = group_index(e, known, p, &o);
	for (size_t s = 0; !rc && s < p->n_segs; s++)
		e->owner[p->first_seg + s] = o;
	return rc;
}

static int find_owners(struct est *e)
{
	struct indices known = { MAP_INIT, MAP_INIT };
	int rc = 0;

	e->owner = calloc(MAX(e->n_segs, (size_t)1), sizeof(*e->owner));
	e->users = calloc(MAX(e->n_procs, (size_t)1), sizeof(*e->users));
	e->groups = calloc(MAX(e->n_procs, (size_t)1), sizeof(*e->groups));
	if (!e->owner || !e->users || !e->groups)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < e->n_procs; i++)
		if (is_read(e->procs[i]))
			rc = find_owner(e, &known, e->procs[i]);
	map_fini(&known.users);
	map_fini(&known.groups);
	return rc;
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

static int by_place(const void *a, const void *b)
{
	const struct est_piece *x = a, *y = b;

	if (x->proc != y->proc)
		return x->proc->first_seg < y->proc->first_seg ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

static void hand_out_segs(struct est *e, const struct est_gain *gains)
{
	for (size_t i = 0; i < e->n_procs; i++)
		for (size_t s = 0; s < e->procs[i]->n_segs; s++)
			e->procs[i]->segs[s].gain = gains[e->procs[i]->first_seg + s];
}

/* What was found of pieces to them, sorted from here on, and to their mappings. */
static void hand_out_pieces(struct est *e, const struct est_gain *gains)
{
	for (size_t i = 0; i < e->n_pieces; i++) {
		struct est_piece *piece = &e->pieces[i];

		est_gain_add(&piece->seg->gain, &gains[i]);
		piece->gain = gains[i];
		if (e->p < 1)
			est_gain_clamp(&piece->gain, frames_of(e, &piece->count));
	}
	/* There may be none, and no array then. */
	if (e->n_pieces)
		qsort(e->pieces, e->n_pieces, sizeof(*e->pieces), by_place);
	for (size_t i = 0; i < e->n_pieces; i++) {
		struct est_seg *seg = e->pieces[i].seg;

		if (!seg->n_pieces++)
			seg->first_piece = i;
	}
}

static void hand_out(struct est *e, const struct est_gain *gains)
{
	if (e->opt.piece_bytes)
		hand_out_pieces(e, gains);
	else
		hand_out_segs(e, gains);
	for (size_t i = 0; i < e->n_procs; i++) {
		struct est_proc *p = e->procs[i];

		for (size_t s = 0; s < p->n_segs; s++) {
			if (e->p < 1)
				est_gain_clamp(&p->segs[s].gain,
					       frames_of(e, &p->segs[s].count));
			est_gain_add(&p->gain, &p->segs[s].gain);
		}
	}
}

static int need_pairs(struct est *e)
{
	const size_t n = e->n_groups * e->n_groups;
	int rc;

	if (e->n_groups > EST_PAIR_GROUPS_MAX)
		return est_fail_why(e, EST_PAIRS, -E2BIG);
	rc = est_limits_take(&e->limits, 2 * n * sizeof(*e->pair));
	if (rc)
		return est_fail(e, rc);
	e->pair = calloc(MAX(n, (size_t)1), sizeof(*e->pair));
	e->pair_merged = calloc(MAX(n, (size_t)1), sizeof(*e->pair_merged));
	return e->pair && e->pair_merged ? 0 : est_fail(e, -ENOMEM);
}

static void bound(struct est *e, const struct est_sure *sure, const struct est_params *p)
{
	const double frames = frames_of(e, &e->count);

	e->low = e->high = e->total.saved;
	if (e->p >= 1)
		return;
	est_gain_clamp(&e->total, frames);
	est_bounds(sure, &e->moment, p, frames, &e->total.saved, &e->low, &e->high);
}

/* What records bear the numbers of: mappings, or pieces of them. */
struct units {
	size_t n;
	struct est_gain *gain;
	struct est_count *count;
	struct est_owner *owner;
	bool *frequent;
};

static int units_init(struct units *u, const struct est *e)
{
	u->n = e->opt.piece_bytes ? e->n_pieces : e->n_segs;
	u->gain = calloc(MAX(u->n, (size_t)1), sizeof(*u->gain));
	u->count = calloc(MAX(u->n, (size_t)1), sizeof(*u->count));
	u->owner = calloc(MAX(u->n, (size_t)1), sizeof(*u->owner));
	u->frequent = calloc(EST_MOMENT_BUCKETS, sizeof(*u->frequent));
	return u->gain && u->count && u->owner && u->frequent ? 0 : -ENOMEM;
}

static void units_fini(struct units *u)
{
	free(u->gain);
	free(u->count);
	free(u->owner);
	free(u->frequent);
}

static void units_fill(struct units *u, const struct est *e)
{
	for (size_t i = 0; e->opt.piece_bytes && i < u->n; i++) {
		u->count[i] = e->pieces[i].count;
		u->owner[i] = e->owner[e->pieces[i].proc->first_seg];
	}
	for (size_t i = 0; !e->opt.piece_bytes && i < e->n_procs; i++)
		for (size_t s = 0; s < e->procs[i]->n_segs; s++) {
			const size_t at = e->procs[i]->first_seg + s;

			u->count[at] = e->procs[i]->segs[s].count;
			u->owner[at] = e->owner[at];
		}
}

static int add_up(struct est *e, struct units *u)
{
	struct est_sure sure = { .frequent = u->frequent };
	const struct est_params p = {
		.max_sharing = e->max_sharing,
		.use_zero_pages = e->use_zero_pages,
		.p = e->p,
		.pick = e->pick,
		.n_segs = u->n,
		.owner = u->owner,
		.count = u->count,
		.n_users = e->n_users,
		.n_groups = e->n_groups,
		.pairs = e->pair,
		.merged = e->pair_merged,
	};
	int rc = est_dups(e->recs, e->n_recs, &p, &e->total, u->gain, &sure);

	if (rc)
		return est_fail(e, rc);
	hand_out(e, u->gain);
	bound(e, &sure, &p);
	return 0;
}

static int decide(struct est *e, struct units *u)
{
	int rc = units_init(u, e);

	if (!rc)
		rc = find_owners(e);
	if (!rc)
		rc = est_limits_check(&e->limits);
	if (rc)
		return est_fail(e, rc);
	rc = e->opt.pairs ? need_pairs(e) : 0;
	if (rc)
		return rc;
	units_fill(u, e);
	e->n_recs = est_compact(e->recs, e->n_recs);
	est_sort(e->recs, e->n_recs, e->opt.jobs);
	return add_up(e, u);
}

int est_decide(struct est *e)
{
	struct units u = { 0 };
	int rc;

	read_settings(e);
	rc = decide(e, &u);
	units_fini(&u);
	return rc;
}
