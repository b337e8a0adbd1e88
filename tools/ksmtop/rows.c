// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rows.c - the rows of the process table: who is in it, as a list, a tree or
 * groups, in which order, and which row is selected.
 *
 * Pure, and made anew for each sample.  Sorting computes the key of each row
 * once; rows that tie are ordered so that what matters more comes first and
 * nothing jumps about.
 */
#include "ksmtop/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/ascii.h"
#include "util/num.h"

#define RAILS 64

/* --- order --- */

struct key {
	struct cli_cell cell;
	const struct row *row;
	const struct top_proc *p;	/* NULL: a group */
	int sign;
};

static int compare_cells(const struct cli_cell *a, const struct cli_cell *b, int sign)
{
	/* What has no value stands below all that have one, in either order. */
	static const int rank[] = { [CLI_VALUE] = 0, [CLI_OFF] = 1, [CLI_DENIED] = 2,
				    [CLI_ABSENT] = 3 };

	if (a->state != b->state)
		return rank[a->state] < rank[b->state] ? -1 : 1;
	if (a->state != CLI_VALUE)
		return 0;
	if (a->str && b->str)
		return sign * strcmp(a->str, b->str);
	if (a->num != b->num)
		return a->num < b->num ? -sign : sign;
	if (a->real != b->real)
		return a->real < b->real ? -sign : sign;
	return 0;
}

static int compare_procs(const struct ksm_proc *a, const struct ksm_proc *b)
{
	const bool ma = ksm_member_in(a->member), mb = ksm_member_in(b->member);

	if (ma != mb)
		return ma ? -1 : 1;
	/* Of those that take no part, the large ones are worth a thought. */
	if (a->rss_pages != b->rss_pages)
		return a->rss_pages > b->rss_pages ? -1 : 1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int compare(const void *x, const void *y)
{
	const struct key *a = x, *b = y;
	const int by = compare_cells(&a->cell, &b->cell, a->sign);

	if (by)
		return by;
	if (a->p && b->p)
		return compare_procs(&a->p->p, &b->p->p);
	return strcmp(a->row->g->key, b->row->g->key);
}

/* Sort @n rows in place. */
static int sort_rows(const struct model *m, struct row *rows, size_t n)
{
	const int sign = top_column(m->table.sort)->ascending != m->table.reverse ? 1 : -1;
	struct key *keys;
	struct row *sorted;

	if (n < 2)
		return 0;
	keys = calloc(n, sizeof(*keys));
	sorted = calloc(n, sizeof(*sorted));
	if (!keys || !sorted) {
		free(keys);
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		keys[i].row = &rows[i];
		keys[i].p = rows[i].p;
		keys[i].sign = sign;
		top_cell(&rows[i], m->table.sort, &keys[i].cell);
	}
	qsort(keys, n, sizeof(*keys), compare);
	for (size_t i = 0; i < n; i++)
		sorted[i] = *keys[i].row;
	memcpy(rows, sorted, n * sizeof(*rows));
	free(keys);
	free(sorted);
	return 0;
}

/* --- who --- */

static bool has_text(const char *s, const char *text)
{
	return ascii_has(s, text);
}

static bool proc_has(const struct top_proc *t, const char *text)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)t->p.pid);
	return has_text(t->p.comm, text) || has_text(t->command, text) ||
	       has_text(t->user, text) || !strcmp(pid, text) || has_text(t->cgroup, text) ||
	       has_text(t->unit, text) || has_text(t->vm, text) ||
	       has_text(t->container, text) || has_text(t->pod, text);
}

static bool passes(const struct model *m, const struct top_proc *t)
{
	if (m->table.members && !ksm_member_in(t->p.member) && !t->tagged)
		return false;
	return !*m->filter || proc_has(t, m->filter);
}

static const char *group_key(const struct model *m, const struct top_proc *t)
{
	switch (m->table.group) {
	case KSM_GROUP_COMM:
		return t->p.comm;
	case KSM_GROUP_USER:
		return t->user;
	case KSM_GROUP_CGROUP:
		return t->cgroup;
	case KSM_GROUP_UNIT:
		return t->unit;
	case KSM_GROUP_VM:
		return t->vm;
	case KSM_GROUP_CONTAINER:
		return t->container;
	case KSM_GROUP_POD:
		return t->pod;
	case KSM_GROUP_NAMESPACE:
		return t->space;
	default:
		return "";
	}
}

bool top_rows_in_group(const struct model *m, const struct top_proc *p, const struct top_group *g)
{
	return passes(m, p) && !strcmp(group_key(m, p), g->key);
}

static int need_rows(struct model *m, size_t n)
{
	struct row *rows;

	if (n <= m->cap_rows)
		return 0;
	rows = reallocarray(m->rows, n + n / 2, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	m->rows = rows;
	m->cap_rows = n + n / 2;
	return 0;
}

/* Rows of all processes that pass, in no order; room for all there are. */
static int collect(struct model *m)
{
	struct top_proc *t;
	size_t pos = 0;

	if (need_rows(m, m->procs.used))
		return -ENOMEM;
	while ((t = map_next(&m->procs, &pos, NULL))) {
		t->match = passes(m, t);
		t->above = false;
		t->parent = t->child = t->sibling = NULL;
		if (t->match)
			m->rows[m->n_rows++] = (struct row){ .m = m, .p = t };
	}
	return 0;
}

/* --- tree --- */

/* A parent is older than its child: by that no circle can close over reused numbers. */
static struct top_proc *parent_of(const struct model *m, const struct top_proc *t)
{
	struct top_proc *up = t->p.ppid > 0 ? map_find(&m->procs, t->p.ppid) : NULL;

	if (!up || up->p.start_ticks > t->p.start_ticks ||
	    (up->p.start_ticks == t->p.start_ticks && up->p.pid >= t->p.pid))
		return NULL;
	return up;
}

/* Ancestors of what matches are shown too, so that it hangs on something. */
static void add_ancestors(struct model *m)
{
	const size_t n = m->n_rows;

	for (size_t i = 0; i < n; i++) {
		struct top_proc *up = parent_of(m, m->rows[i].p);

		for (; up && !up->match && !up->above; up = parent_of(m, up)) {
			up->above = true;
			m->rows[m->n_rows++] = (struct row){ .m = m, .p = up, .context = true };
		}
	}
}

static struct row *emit(struct model *m, struct row *rows, struct top_proc *t,
			const struct row *above)
{
	struct row *r = &rows[m->n_rows];

	t->row = m->n_rows++;
	*r = (struct row){ .m = m, .p = t, .context = !t->match, .last = !t->sibling };
	if (above) {
		r->depth = above->depth + 1;
		r->rails = above->rails;
		if (!above->last && above->depth < RAILS)
			r->rails |= UINT64_C(1) << above->depth;
	}
	return r;
}

/*
 * From sorted rows to rows in the order of the tree, siblings sorted.  Iterative:
 * whoever forks ten thousand deep must not overrun our stack.
 */
static int tree(struct model *m)
{
	struct top_proc *roots = NULL, *t;
	struct row *rows, *above = NULL;
	size_t n;

	add_ancestors(m);
	n = m->n_rows;
	if (sort_rows(m, m->rows, n))
		return -ENOMEM;
	rows = calloc(m->cap_rows ? m->cap_rows : 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	/* Backwards and to the front: lists end up sorted. */
	for (size_t i = n; i-- > 0;) {
		struct top_proc **list;

		t = (struct top_proc *)m->rows[i].p;
		t->parent = parent_of(m, t);
		list = t->parent ? &t->parent->child : &roots;
		t->sibling = *list;
		*list = t;
	}
	m->n_rows = 0;
	for (t = roots; t;) {
		above = emit(m, rows, t, above);
		if (t->child) {
			t = t->child;
			continue;
		}
		/* Up to where something follows. */
		while (t && !t->sibling)
			t = t->parent;
		if (!t)
			break;
		above = t->parent ? &rows[t->parent->row] : NULL;
		t = t->sibling;
	}
	free(m->rows);
	m->rows = rows;
	return 0;
}

/* --- groups --- */

static void group_add(struct top_group *g, const struct top_proc *t)
{
	g->procs++;
	g->members += ksm_member_in(t->p.member);
	g->denied += t->p.member == KSM_MEMBER_DENIED;
	g->rss_pages = num_add_sat(g->rss_pages, MIN(t->p.rss_pages, (uint64_t)INT64_MAX));
	ksm_fig_add(&g->merging_pages, t->p.ksm.merging_pages);
	ksm_fig_add(&g->zero_pages, t->p.ksm.zero_pages);
	ksm_fig_add(&g->items, t->p.ksm.items);
	ksm_fig_add(&g->profit_bytes, t->p.ksm.profit_bytes);
	ksm_fig_add(&g->meta_bytes, t->p.ksm.meta_bytes);
	ksm_fig_add(&g->growth_bytes_s, t->growth_bytes_s);
	ksm_fig_add(&g->scan_pages_s, t->scan_pages_s);
	ksm_fig_add(&g->break_pages_s, t->break_pages_s);
	if (t->scan_cpu_pct >= 0)
		g->scan_cpu_pct = MAX(g->scan_cpu_pct, 0) + t->scan_cpu_pct;
}

static int key_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(group_key(x->m, x->p), group_key(y->m, y->p));
}

/* Where the key stands in the list of opened groups, or NULL. */
static char *find_open(const struct model *m, const char *key)
{
	char *at = m->open_groups.s, *end;

	if (!at)
		return NULL;
	for (end = at + m->open_groups.len; at < end; at += strlen(at) + 1)
		if (!strcmp(at, key))
			return at;
	return NULL;
}

/* A sum over processes counts shared copies as saved once for each: see libksm. */
static void groups_finish(struct model *m)
{
	for (size_t i = 0; i < m->n_groups; i++) {
		struct top_group *g = &m->groups[i];

		g->profit_bytes = ksm_stats_profit_share(&m->stats, g->merging_pages,
							 g->zero_pages, g->profit_bytes);
	}
}

/* Rows ordered by key become groups; who is of no virtual machine or container is in no group. */
static int make_groups(struct model *m, struct row *procs, size_t n)
{
	if (n > m->cap_groups) {
		struct top_group *more = reallocarray(m->groups, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->groups = more;
		m->cap_groups = n;
	}
	for (size_t i = 0; i < n; i++) {
		const char *key = group_key(m, procs[i].p);

		if (!*key && ksm_group_is_of_some(m->table.group))
			continue;
		if (!m->n_groups || strcmp(m->groups[m->n_groups - 1].key, key))
			m->groups[m->n_groups++] = (struct top_group){
				.key = key, .uid = procs[i].p->p.uid, .scan_cpu_pct = -1,
				.open = find_open(m, key) != NULL };
		procs[i].g = &m->groups[m->n_groups - 1];
		group_add(&m->groups[m->n_groups - 1], procs[i].p);
	}
	groups_finish(m);
	return 0;
}

static size_t emit_members(struct model *m, const struct row *procs, size_t n,
			   const struct top_group *g, struct row *out)
{
	size_t w = 0;

	for (size_t i = 0; i < n; i++)
		if (procs[i].g == g)
			out[w++] = (struct row){ .m = m, .p = procs[i].p, .g = g, .depth = 1 };
	return w;
}

static int groups(struct model *m)
{
	struct row *procs = calloc(m->n_rows + 1, sizeof(*procs));
	const size_t n = m->n_rows;
	size_t w = 0, heads;
	int rc;

	if (!procs)
		return -ENOMEM;
	if (n)
		memcpy(procs, m->rows, n * sizeof(*procs));
	m->n_rows = 0;
	if (n)
		qsort(procs, n, sizeof(*procs), key_order);
	rc = make_groups(m, procs, n);
	heads = rc ? 0 : m->n_groups;
	/* Heads are sorted at the far end of the room, and copied down with their members. */
	if (!rc)
		rc = need_rows(m, n + 2 * heads);
	for (size_t i = 0; !rc && i < heads; i++)
		m->rows[n + heads + i] = (struct row){ .m = m, .g = &m->groups[i] };
	if (!rc && heads)
		rc = sort_rows(m, m->rows + n + heads, heads);
	for (size_t i = 0; !rc && i < heads; i++) {
		const struct row head = m->rows[n + heads + i];
		size_t below = 0;

		m->rows[w++] = head;
		if (head.g->open)
			below = emit_members(m, procs, n, head.g, &m->rows[w]);
		rc = sort_rows(m, &m->rows[w], below);
		for (size_t j = 0; j < below; j++)
			m->rows[w + j].last = j + 1 == below;
		w += below;
	}
	m->n_rows = rc ? 0 : w;
	free(procs);
	return rc;
}

bool top_model_group_toggle(struct model *m)
{
	const struct row *r = m->n_rows ? &m->rows[m->selected] : NULL;
	char *at;

	if (!r || r->p || m->table.group == KSM_GROUP_PID)
		return false;
	at = find_open(m, r->g->key);
	if (at) {
		const size_t len = strlen(at) + 1;
		char *end = m->open_groups.s + m->open_groups.len;

		memmove(at, at + len, end - (at + len));
		m->open_groups.len -= len;
	} else {
		str_addmem(&m->open_groups, r->g->key, strlen(r->g->key) + 1);
	}
	/* Without memory for rows there are none until the next sample. */
	(void)top_model_arrange(m);
	return true;
}

/* --- selection --- */

static bool is_selected(const struct model *m, const struct row *r)
{
	if (m->sel_key)
		return !r->p && !strcmp(r->g->key, m->sel_key);
	return r->p && r->p->p.pid == m->sel_pid && r->p->p.start_ticks == m->sel_start;
}

/* The row it is on is what it stays on from now. */
static void remember(struct model *m)
{
	const struct row *r = m->n_rows ? &m->rows[m->selected] : NULL;

	free(m->sel_key);
	m->sel_key = NULL;
	m->sel_pid = 0;
	if (r && r->p) {
		m->sel_pid = r->p->p.pid;
		m->sel_start = r->p->p.start_ticks;
	} else if (r) {
		/* Without memory for it the selection keeps its place instead. */
		m->sel_key = strdup(r->g->key);
	}
}

static void reselect(struct model *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		if (!is_selected(m, &m->rows[i]))
			continue;
		m->selected = i;
		return;
	}
	/* It is gone, or not shown: the row in its place. */
	m->selected = m->n_rows ? MIN(m->selected, m->n_rows - 1) : 0;
	remember(m);
}

void top_model_select(struct model *m, size_t row)
{
	m->selected = m->n_rows ? MIN(row, m->n_rows - 1) : 0;
	remember(m);
}

void top_model_move(struct model *m, long by)
{
	const size_t at = m->selected;

	if (by < 0)
		top_model_select(m, at > (size_t)-by ? at - (size_t)-by : 0);
	else
		top_model_select(m, at + (size_t)by);
}

const struct top_proc *top_model_selected(const struct model *m)
{
	return m->n_rows ? m->rows[m->selected].p : NULL;
}

static bool row_has(const struct row *r, const char *text)
{
	return r->p ? proc_has(r->p, text) : has_text(r->g->key, text);
}

bool top_model_search(struct model *m, const char *text, int direction)
{
	size_t at = m->selected;

	if (text != m->search)
		snprintf(m->search, sizeof(m->search), "%s", text);
	if (!m->n_rows || !*m->search)
		return false;
	for (size_t i = 0; i < m->n_rows; i++) {
		if (i || direction)
			at = direction < 0 ? (at ? at : m->n_rows) - 1 : (at + 1) % m->n_rows;
		if (row_has(&m->rows[at], m->search)) {
			top_model_select(m, at);
			return true;
		}
	}
	return false;
}

/* --- all of it --- */

int top_model_arrange(struct model *m)
{
	int rc;

	m->n_rows = 0;
	m->n_groups = 0;
	rc = collect(m);
	if (!rc && m->table.group != KSM_GROUP_PID)
		rc = groups(m);
	else if (!rc && m->table.tree)
		rc = tree(m);
	else if (!rc)
		rc = sort_rows(m, m->rows, m->n_rows);
	if (rc)
		m->n_rows = 0;
	reselect(m);
	return rc;
}
