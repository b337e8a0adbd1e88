// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * model.c - what is known, made from samples: processes and their rates, the
 * history of the whole, and the choices of the one who looks.
 *
 * Pure: samples in, figures out; no clock, no files, no terminal.  Which rows the
 * table has, and in which order, is the business of rows.c.
 */
#include "ksmtop/rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/num.h"

/* ksmd sleeps and works in turns: one sample says little about what it costs. */
#define AVERAGE_SAMPLES 10

/* --- processes --- */

static struct ksm_fig pages_merged(const struct ksm_proc *p)
{
	const struct ksm_fig merging = p->ksm.merging_pages;

	if (!ksm_fig_has(merging))
		return merging;
	return KSM_FIG(num_add_sat(merging.v, ksm_fig_or(p->ksm.zero_pages, 0)));
}

struct ksm_fig top_merged_bytes(const struct model *m, const struct ksm_proc *p)
{
	struct ksm_fig f = pages_merged(p);

	f.v = num_mul_sat(f.v, m->stats.page_size);
	return f;
}

static void proc_free(struct top_proc *p)
{
	if (!p)
		return;
	free(p->user);
	free(p->command);
	free(p->cgroup);
	free(p->unit);
	free(p->vm);
	free(p->container);
	free(p->pod);
	free(p->space);
	free(p);
}

/* A counter that went back began anew. */
static struct ksm_fig per_second(struct ksm_fig now, struct ksm_fig before, double seconds,
				 bool counter)
{
	int64_t grown;

	if (!ksm_fig_has(now))
		return now;
	if (!ksm_fig_has(before) || seconds <= 0)
		return (struct ksm_fig){ .state = KSM_ABSENT };
	grown = num_add_sat(now.v, num_mul_sat(before.v, -1));
	if (counter && grown < 0)
		grown = now.v;
	return KSM_FIG(num_round_sat(grown / seconds));
}

static void proc_rates(struct top_proc *t, const struct ksm_proc *now, uint64_t when_ns,
		       size_t page_size)
{
	const double s = when_ns > t->read_ns ? (when_ns - t->read_ns) / 1e9 : 0;
	struct ksm_fig ns;

	if (s <= 0)
		return;
	t->growth_bytes_s = per_second(pages_merged(now), pages_merged(&t->p), s, false);
	t->growth_bytes_s.v = num_mul_sat(t->growth_bytes_s.v, page_size);
	t->scan_pages_s = per_second(now->ksm.scan_pages, t->p.ksm.scan_pages, s, true);
	t->break_pages_s = per_second(now->ksm.breaks, t->p.ksm.breaks, s, true);
	ns = per_second(now->ksm.scan_ns, t->p.ksm.scan_ns, s, true);
	t->scan_cpu_pct = ksm_fig_has(ns) ? ns.v / 1e7 : -1;
}

static void proc_no_rates(struct top_proc *t, const struct ksm_proc *now)
{
	const struct ksm_fig none = { .state = KSM_ABSENT };

	t->growth_bytes_s = ksm_fig_has(now->ksm.merging_pages) ? none : now->ksm.merging_pages;
	t->scan_pages_s = ksm_fig_has(now->ksm.scan_pages) ? none : now->ksm.scan_pages;
	t->break_pages_s = ksm_fig_has(now->ksm.breaks) ? none : now->ksm.breaks;
	t->scan_cpu_pct = -1;
}

static int set_text(char **to, const char *from)
{
	char *copy;

	from = from ? from : "";
	if (*to && !strcmp(*to, from))
		return 0;
	copy = strdup(from);
	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int proc_name(struct top_proc *t, const struct sample_proc *s)
{
	char unit[256] = "", container[256] = "", pod[KSM_POD_MAX] = "", space[KSM_POD_MAX];

	if (s->cgroup) {
		ksm_group_unit(s->cgroup, unit, sizeof(unit));
		ksm_group_container(s->cgroup, container, sizeof(container));
		ksm_group_pod_uid(s->cgroup, pod, sizeof(pod));
	}
	if (s->pod)
		snprintf(pod, sizeof(pod), "%s", s->pod);
	ksm_pod_namespace(pod, space, sizeof(space));
	if (set_text(&t->user, s->user) || set_text(&t->command, s->command) ||
	    set_text(&t->cgroup, s->cgroup) || set_text(&t->unit, unit) ||
	    set_text(&t->vm, s->vm) || set_text(&t->container, container) ||
	    set_text(&t->pod, pod) || set_text(&t->space, space))
		return -ENOMEM;
	return 0;
}

static void proc_gone(struct model *m, pid_t pid)
{
	struct top_proc *t = map_del(&m->procs, pid);

	if (t && t->tagged)
		m->n_tagged--;
	proc_free(t);
}

static struct top_proc *proc_new(struct model *m, pid_t pid)
{
	struct top_proc *t = calloc(1, sizeof(*t));

	if (t && map_put(&m->procs, pid, t)) {
		free(t);
		return NULL;
	}
	return t;
}

static int proc_take(struct model *m, const struct sample *s, const struct sample_proc *sp)
{
	struct top_proc *t = map_find(&m->procs, sp->p.pid);
	const bool fresh = !t || t->p.start_ticks != sp->p.start_ticks;

	/* The number of one that ended was given to another. */
	if (t && fresh)
		proc_gone(m, sp->p.pid);
	if (fresh)
		t = proc_new(m, sp->p.pid);
	if (!t)
		return -ENOMEM;
	if (fresh)
		proc_no_rates(t, &sp->p);
	else
		proc_rates(t, &sp->p, s->stats.when_ns, s->stats.page_size);
	t->p = sp->p;
	t->unseen_bytes = sp->unseen_bytes;
	t->read_ns = s->stats.when_ns;
	if (ksm_fig_has(sp->p.ksm.scan_pages) || ksm_fig_has(sp->p.ksm.breaks))
		m->hksm = true;
	if ((fresh || sp->named) && proc_name(t, sp)) {
		proc_gone(m, sp->p.pid);
		return -ENOMEM;
	}
	return 0;
}

static void count(struct model *m)
{
	struct top_proc *t;
	size_t pos = 0;

	m->n_procs = m->n_denied = m->n_hidden;
	m->n_members = m->n_losing = 0;
	m->unseen_bytes = (struct ksm_fig){ .state = KSM_ABSENT };
	while ((t = map_next(&m->procs, &pos, NULL))) {
		if (t->p.kthread)
			continue;
		m->n_procs++;
		m->n_members += ksm_member_in(t->p.member);
		m->n_denied += t->p.member == KSM_MEMBER_DENIED;
		m->n_losing += ksm_proc_loses(&t->p, ksm_fig_or(t->unseen_bytes, 0));
		ksm_fig_add(&m->unseen_bytes, t->unseen_bytes);
	}
}

/* --- history --- */

static float fig_real(struct ksm_fig f)
{
	return ksm_fig_has(f) ? (float)f.v : NAN;
}

static void hist_add(struct model *m)
{
	struct top_hist *h = &m->hist;
	const struct ksm_delta *d = &m->delta;
	const bool rates = d->seconds > 0;
	const float v[__TOP_SERIES_N] = {
		[TOP_S_SAVED] = fig_real(m->derived.saved_bytes),
		[TOP_S_PROFIT] = fig_real(m->derived.profit_bytes),
		[TOP_S_META] = fig_real(m->derived.meta_bytes),
		[TOP_S_SCANNED] = rates ? fig_real(d->scanned_per_s) : NAN,
		[TOP_S_MERGED] = rates ? fig_real(d->merged_per_s) : NAN,
		[TOP_S_COW] = rates ? fig_real(d->cow_per_s) : NAN,
		[TOP_S_SWPIN] = rates ? fig_real(d->swpin_per_s) : NAN,
		[TOP_S_CPU] = rates && d->ksmd_cpu_pct >= 0 ? (float)d->ksmd_cpu_pct : NAN,
	};

	for (int s = 0; s < __TOP_SERIES_N; s++)
		h->v[s][h->next] = v[s];
	h->next = (h->next + 1) % TOP_HIST;
	h->n += h->n < TOP_HIST;
}

double top_hist_at(const struct top_hist *h, enum top_series s, size_t back)
{
	if (back >= h->n)
		return NAN;
	return h->v[s][(h->next + TOP_HIST - 1 - back) % TOP_HIST];
}

static double average(const struct top_hist *h, enum top_series s)
{
	double sum = 0;
	int n = 0;

	for (size_t back = 0; back < AVERAGE_SAMPLES; back++) {
		const double v = top_hist_at(h, s, back);

		if (isnan(v))
			continue;
		sum += v;
		n++;
	}
	return n ? sum / n : -1;
}

static void costs(struct model *m)
{
	const double saved = ksm_fig_or(m->derived.saved_bytes, 0);

	m->cpu_pct = average(&m->hist, TOP_S_CPU);
	m->us_per_mib = -1;
	m->meta_pct = -1;
	if (saved <= 0)
		return;
	/* A percent of a second is 10,000 microseconds. */
	if (m->cpu_pct >= 0)
		m->us_per_mib = m->cpu_pct * 10000 / (saved / (1 << 20));
	if (ksm_fig_has(m->derived.meta_bytes))
		m->meta_pct = m->derived.meta_bytes.v / saved * 100;
}

/* --- the whole --- */

void top_table_init(struct top_table *t)
{
	*t = (struct top_table){ .sort = TOP_COL_MERGING, .group = KSM_GROUP_PID };
	for (int id = 0; id < __TOP_COL_N; id++)
		t->shown[id] = top_column(id)->shown;
}

void top_model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	map_init(&m->procs);
	str_init(&m->open_groups);
	top_table_init(&m->table);
	m->cpu_pct = m->us_per_mib = m->meta_pct = -1;
	m->delta.ksmd_cpu_pct = -1;
	top_verdict(m, &m->verdict);
}

void top_model_fini(struct model *m)
{
	struct top_proc *t;
	size_t pos = 0;

	while ((t = map_next(&m->procs, &pos, NULL)))
		proc_free(t);
	map_fini(&m->procs);
	str_fini(&m->open_groups);
	free(m->rows);
	free(m->groups);
	free(m->sel_key);
	memset(m, 0, sizeof(*m));
}

static void update_system(struct model *m, const struct sample *s)
{
	const struct ksm_stats before = m->stats;

	m->stats = s->stats;
	m->present = s->present;
	m->clock_tick = s->clock_tick;
	m->uptime_ns = s->uptime_ns;
	m->wall_s = s->wall_s;
	m->events = s->events;
	m->n_hidden = s->n_hidden;
	ksm_stats_derive(&m->stats, &m->derived);
	if (m->n_samples)
		ksm_stats_delta(&m->stats, &before, &m->delta);
	m->n_samples++;
	hist_add(m);
	costs(m);
}

int top_model_update(struct model *m, const struct sample *s)
{
	int rc = 0;

	update_system(m, s);
	for (size_t i = 0; i < s->n_gone; i++)
		proc_gone(m, s->gone[i]);
	for (size_t i = 0; i < s->n_procs && !rc; i++)
		rc = proc_take(m, s, &s->procs[i]);
	count(m);
	top_verdict(m, &m->verdict);
	/* Rows point to processes that may be gone: make them anew even so. */
	return top_model_arrange(m) ?: rc;
}

const struct top_proc *top_model_find(const struct model *m, pid_t pid)
{
	return map_find(&m->procs, pid);
}

/* --- choices --- */

/* Without memory for rows there are none until the next sample. */
static void arrange(struct model *m)
{
	(void)top_model_arrange(m);
}

void top_model_sort(struct model *m, enum top_col id)
{
	m->table.reverse = m->table.sort == id ? !m->table.reverse : false;
	m->table.sort = id;
	arrange(m);
}

void top_model_sort_next(struct model *m, int by)
{
	enum top_col shown[__TOP_COL_N];
	const size_t n = top_columns_shown(m, shown);
	size_t at = n;

	for (size_t i = 0; i < n; i++)
		if (shown[i] == m->table.sort)
			at = i;
	if (!n)
		return;
	/* What it was sorted by is not shown now: begin at an end. */
	if (at == n)
		at = by > 0 ? 0 : n - 1;
	else
		at = by > 0 ? MIN(at + 1, n - 1) : at - (at > 0);
	if (shown[at] != m->table.sort)
		top_model_sort(m, shown[at]);
}

void top_model_reverse(struct model *m)
{
	m->table.reverse = !m->table.reverse;
	arrange(m);
}

void top_model_tree(struct model *m)
{
	m->table.tree = !m->table.tree;
	if (m->table.tree)
		m->table.group = KSM_GROUP_PID;
	arrange(m);
}

void top_model_members(struct model *m)
{
	m->table.members = !m->table.members;
	arrange(m);
}

void top_model_group(struct model *m, enum ksm_group g)
{
	m->table.group = g;
	if (g != KSM_GROUP_PID)
		m->table.tree = false;
	str_reset(&m->open_groups);
	arrange(m);
}

void top_model_group_next(struct model *m)
{
	/* A host without guests or containers has nothing to show for them. */
	do
		top_model_group(m, (m->table.group + 1) % __KSM_GROUP_N);
	while (ksm_group_is_of_some(m->table.group) && !m->n_rows);
}

void top_model_filter(struct model *m, const char *text)
{
	snprintf(m->filter, sizeof(m->filter), "%s", text);
	arrange(m);
}

/* --- tags --- */

static void tag_one(struct model *m, pid_t pid, bool on)
{
	struct top_proc *t = map_find(&m->procs, pid);

	if (!t || t->tagged == on)
		return;
	t->tagged = on;
	m->n_tagged += on ? 1 : -1;
}

/* A group is tagged as a whole, or untagged when all of it was tagged. */
static void tag_group(struct model *m, const struct top_group *g)
{
	struct top_proc *t;
	bool all = true;
	size_t pos;

	for (pos = 0; (t = map_next(&m->procs, &pos, NULL));)
		if (top_rows_in_group(m, t, g) && !t->tagged)
			all = false;
	for (pos = 0; (t = map_next(&m->procs, &pos, NULL));)
		if (top_rows_in_group(m, t, g))
			tag_one(m, t->p.pid, !all);
}

void top_model_tag(struct model *m)
{
	const struct row *r = m->n_rows ? &m->rows[m->selected] : NULL;

	if (!r)
		return;
	if (r->p)
		tag_one(m, r->p->p.pid, !r->p->tagged);
	else
		tag_group(m, r->g);
}

void top_model_untag(struct model *m)
{
	struct top_proc *t;
	size_t pos = 0;

	while ((t = map_next(&m->procs, &pos, NULL)))
		t->tagged = false;
	m->n_tagged = 0;
}

static int pid_order(const void *a, const void *b)
{
	const struct ksm_ident *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

ssize_t top_model_targets(const struct model *m, struct ksm_ident **ids)
{
	const struct row *r = m->n_rows ? &m->rows[m->selected] : NULL;
	const struct top_proc *t;
	size_t pos = 0, n = 0;

	*ids = calloc(m->procs.used + 1, sizeof(**ids));
	if (!*ids)
		return -1;
	while ((t = map_next(&m->procs, &pos, NULL)))
		if (m->n_tagged ? t->tagged :
				  r && (r->p ? t == r->p : top_rows_in_group(m, t, r->g)))
			(*ids)[n++] = (struct ksm_ident){ .pid = t->p.pid,
							  .start_ticks = t->p.start_ticks };
	qsort(*ids, n, sizeof(**ids), pid_order);
	return n;
}
