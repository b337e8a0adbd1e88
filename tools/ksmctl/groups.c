// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * groups.c - processes summed by what they belong to, for procs and metrics.
 *
 * What the processes of a group merge may be shared with others and among
 * themselves, so SAVED and PROFIT of a group are its share of what the whole system
 * saves: added up over all groups they are the system's own figures.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

#define KEY_MAX 4096	/* a cgroup path */

static void group_add(struct ctl_group *g, const struct ksm_proc *p)
{
	g->procs++;
	g->members += ksm_member_in(p->member);
	g->rss_pages = num_add_sat(g->rss_pages, MIN(p->rss_pages, (uint64_t)INT64_MAX));
	ksm_fig_add(&g->merging_pages, p->ksm.merging_pages);
	ksm_fig_add(&g->zero_pages, p->ksm.zero_pages);
	ksm_fig_add(&g->items, p->ksm.items);
	ksm_fig_add(&g->profit_bytes, p->ksm.profit_bytes);
}

static int64_t merged(const struct ctl_group *g)
{
	return num_add_sat(ksm_fig_or(g->merging_pages, -1), ksm_fig_or(g->zero_pages, 0));
}

static int group_order(const void *a, const void *b)
{
	const struct ctl_group *x = a, *y = b;

	if (merged(x) != merged(y))
		return merged(x) < merged(y) ? 1 : -1;
	return strcmp(x->key, y->key);
}

struct keyed {
	char *key;
	const struct ksm_proc *p;
};

static int keyed_order(const void *a, const void *b)
{
	return strcmp(((const struct keyed *)a)->key, ((const struct keyed *)b)->key);
}

/* What belongs to no group of that kind is left out, but for "-" among units and cgroups. */
static size_t key_procs(struct ctl *ctl, enum ksm_group by, const struct ksm_proc *const *procs,
			size_t n, struct keyed *out)
{
	char *key __cleanup_free = xcalloc(1, KEY_MAX);
	size_t keyed = 0;

	for (size_t i = 0; i < n; i++) {
		if (ksm_group_key(ctl->k, procs[i], by, key, KEY_MAX))
			continue;
		if (!*key && ksm_group_is_of_some(by))
			continue;
		out[keyed].key = xstrdup(*key ? key : "-");
		out[keyed++].p = procs[i];
	}
	if (keyed)
		qsort(out, keyed, sizeof(*out), keyed_order);
	return keyed;
}

static void group_finish(struct ctl_group *g, const struct ksm_stats *s)
{
	g->saved_bytes = ksm_stats_saved_share(s, g->merging_pages, g->zero_pages);
	g->profit_bytes = ksm_stats_profit_share(s, g->merging_pages, g->zero_pages,
						 g->profit_bytes);
}

void ctl_groups_make(struct ctl *ctl, enum ksm_group by, const struct ksm_proc *const *procs,
		     size_t n, const struct ksm_stats *s, struct ctl_groups *out)
{
	struct keyed *keyed = xcalloc(n, sizeof(*keyed));
	size_t n_keyed = key_procs(ctl, by, procs, n, keyed);

	out->v = xcalloc(n_keyed, sizeof(*out->v));
	out->n = 0;
	for (size_t i = 0; i < n_keyed; i++) {
		if (!out->n || strcmp(keyed[i].key, out->v[out->n - 1].key))
			out->v[out->n++] = (struct ctl_group){
				.key = xstrdup(keyed[i].key), .page_size = s->page_size };
		group_add(&out->v[out->n - 1], keyed[i].p);
		free(keyed[i].key);
	}
	free(keyed);
	for (size_t i = 0; i < out->n; i++)
		group_finish(&out->v[i], s);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), group_order);
}

void ctl_groups_free(struct ctl_groups *groups)
{
	for (size_t i = 0; i < groups->n; i++)
		free(groups->v[i].key);
	free(groups->v);
}
