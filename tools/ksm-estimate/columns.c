// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * columns.c - what can be shown: rows of processes, groups and pairs, their columns,
 * and the sums.  How it is shown is for report.c and report-json.c.
 */
#include "ksm-estimate/report.h"

#include <stdlib.h>

#include "cli/xalloc.h"

static const struct est_row *row(const void *p)
{
	return p;
}

static void put(const void *p, struct cli_cell *out, double pages)
{
	out->num = est_page_bytes(row(p)->r, pages);
}

static void get_pid(const void *p, struct cli_cell *out)
{
	out->num = row(p)->p->pid;
}

static void get_user(const void *p, struct cli_cell *out)
{
	out->str = row(p)->user;
	out->state = row(p)->user ? CLI_VALUE : CLI_ABSENT;
}

static void get_name(const void *p, struct cli_cell *out)
{
	out->str = row(p)->name;
}

static void get_procs(const void *p, struct cli_cell *out)
{
	out->num = row(p)->procs;
}

static void get_anon(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.anon);
}

static void get_unique(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->gain.unique);
}

static void get_dup(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->gain.dup);
}

static void get_zero(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.zero);
}

static void get_merged(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->merged_pages);
}

static void get_same(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.same);
}

static void get_huge(const void *p, struct cli_cell *out)
{
	out->state = row(p)->r->e->huge_known ? CLI_VALUE : CLI_ABSENT;
	put(p, out, row(p)->count.huge);
}

static void get_split(const void *p, struct cli_cell *out)
{
	out->state = row(p)->r->e->huge_known ? CLI_VALUE : CLI_ABSENT;
	put(p, out, row(p)->gain.huge);
}

static void get_volatile(const void *p, struct cli_cell *out)
{
	out->state = row(p)->r->e->opt.passes > 1 ? CLI_VALUE : CLI_OFF;
	put(p, out, row(p)->count.zero_changed + row(p)->count.changed / row(p)->r->e->p);
}

static void get_swapped(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.swapped);
}

static void get_gone(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.gone + row(p)->count.unread);
}

static void get_file(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.file);
}

static void get_zeropage(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->count.zeropage);
}

static void get_other(const void *p, struct cli_cell *out)
{
	out->num = row(p)->other_bytes;
}

static void get_saved(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->gain.saved);
}

static void get_cross(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->gain.cross);
}

static void get_meta(const void *p, struct cli_cell *out)
{
	out->num = row(p)->meta;
}

static void get_net(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->gain.saved);
	out->num -= row(p)->meta;
	out->alarm = out->num < 0;
}

static void get_with(const void *p, struct cli_cell *out)
{
	out->str = row(p)->with;
	out->state = row(p)->with ? CLI_VALUE : CLI_ABSENT;
}

static void get_common(const void *p, struct cli_cell *out)
{
	/* Nothing found is nothing; not looked for is no figure. */
	out->state = row(p)->r->e->pair ? CLI_VALUE : CLI_ABSENT;
	put(p, out, row(p)->common);
}

#define FIGURES                                                                                \
	{ .name = "ANON", .help = "anonymous memory present: what merging looks at",           \
	  .kind = CLI_BYTES, .get = get_anon },                                                \
	{ .name = "UNIQUE", .help = "of it, without an equal page anywhere",                   \
	  .kind = CLI_BYTES, .hidden = true, .get = get_unique },                              \
	{ .name = "DUP", .help = "of it, equal to another page, zeroes included",              \
	  .kind = CLI_BYTES, .get = get_dup },                                                 \
	{ .name = "ZERO", .help = "of it, zeroes", .kind = CLI_BYTES, .get = get_zero },       \
	{ .name = "MERGED", .help = "of it, merged by KSM already", .kind = CLI_BYTES,         \
	  .hidden = true, .get = get_merged },                                                 \
	{ .name = "SAME", .help = "of it, the same frame as counted before (fork)",            \
	  .kind = CLI_BYTES, .get = get_same },                                                \
	{ .name = "HUGE", .help = "of it, inside transparent huge pages", .kind = CLI_BYTES,   \
	  .get = get_huge },                                                                   \
	{ .name = "VOLATILE", .help = "of it, changed between passes (--passes)",              \
	  .kind = CLI_BYTES, .hidden = true, .get = get_volatile },                            \
	{ .name = "GONE", .help = "of it, not there or not readable any more",                 \
	  .kind = CLI_BYTES, .hidden = true, .get = get_gone },                                \
	{ .name = "SWAPPED", .help = "in swap; not read in", .kind = CLI_BYTES,                \
	  .hidden = true, .get = get_swapped },                                                \
	{ .name = "FILE", .help = "pages of files in mappings that could merge",               \
	  .kind = CLI_BYTES, .hidden = true, .get = get_file },                                \
	{ .name = "ZEROPAGE", .help = "the kernel's zero page: costs nothing",                 \
	  .kind = CLI_BYTES, .hidden = true, .get = get_zeropage },                            \
	{ .name = "OTHER", .help = "resident in mappings that cannot merge",                   \
	  .kind = CLI_BYTES, .hidden = true, .get = get_other },                               \
	{ .name = "SAVED", .help = "its share of what merging would save",                     \
	  .kind = CLI_BYTES, .get = get_saved },                                               \
	{ .name = "CROSS", .help = "of SAVED, only by sharing with other users",               \
	  .kind = CLI_BYTES, .hidden = true, .get = get_cross },                               \
	{ .name = "SPLIT", .help = "of SAVED, inside huge pages, which would be split",        \
	  .kind = CLI_BYTES, .hidden = true, .get = get_split },                               \
	{ .name = "META", .help = "metadata the kernel would keep for it",                     \
	  .kind = CLI_BYTES, .hidden = true, .get = get_meta },                                \
	{ .name = "NET", .help = "SAVED minus META", .kind = CLI_BYTES, .get = get_net }

const struct cli_col est_proc_columns[] = {
	{ .name = "PID", .help = "process number", .kind = CLI_NUM, .get = get_pid },
	{ .name = "USER", .help = "its owner", .get = get_user },
	FIGURES,
	{ .name = "COMMAND", .help = "name it gave itself", .trunc = true, .get = get_name },
	{ 0 },
};

const struct cli_col est_group_columns[] = {
	{ .name = "GROUP", .help = "name of the group", .trunc = true, .get = get_name },
	{ .name = "PROCS", .help = "processes in it", .kind = CLI_NUM, .get = get_procs },
	{ .name = "USER", .help = "their owner, when it is one", .hidden = true,
	  .get = get_user },
	FIGURES,
	{ .name = "WITH", .help = "the group that it has most in common with", .hidden = true,
	  .trunc = true, .get = get_with },
	{ .name = "COMMON", .help = "memory with equal contents in both", .kind = CLI_BYTES,
	  .hidden = true, .get = get_common },
	{ 0 },
};

bool est_columns_need_pairs(const struct cli_col *cols, const struct cli_table_opts *table)
{
	return cols == est_group_columns && (cli_table_wants(cols, table, "WITH") ||
					     cli_table_wants(cols, table, "COMMON"));
}

/* --- rows --- */

static const char *user_name(const struct est_report *r, uint32_t user)
{
	return user == EST_NO_GROUP ? NULL : ksm_user_name(r->e->k, r->e->users[user]);
}

static void add_to_row(struct est_row *w, const struct est_proc *p)
{
	est_count_add(&w->count, &p->count);
	w->procs++;
	w->gain.unique += p->gain.unique;
	w->gain.dup += p->gain.dup;
	w->gain.saved += p->gain.saved;
	w->gain.cross += p->gain.cross;
	w->gain.huge += p->gain.huge;
	w->meta += est_metadata(p);
	w->other_bytes += p->other_bytes;
	/* Without frames nobody tells a merged page from one shared by fork, but their sum. */
	w->merged_pages += w->r->e->frames_known ? p->count.ksm : p->smaps_ksm / w->r->e->page_size;
}

/* Of equal ones the first. */
static void find_partner(struct est_row *w, size_t group)
{
	const struct est *e = w->r->e;

	for (size_t g = 0; e->pair && g < e->n_groups; g++) {
		const double pages = e->pair[MIN(g, group) * e->n_groups + MAX(g, group)];

		if (g == group || pages < 0.5 || pages <= w->common)
			continue;
		w->common = pages;
		w->with = e->groups[g].name;
	}
}

static size_t make_rows(const struct est_report *r, struct est_row *rows)
{
	const struct est *e = r->e;
	size_t n = 0;

	if (e->opt.by >= 0) {
		for (; n < r->e->n_groups; n++) {
			rows[n] = (struct est_row){ .r = r, .name = r->e->groups[n].name,
						.user = user_name(r, r->e->groups[n].user) };
			find_partner(&rows[n], n);
		}
		for (size_t i = 0; i < e->n_procs; i++) {
			const struct est_proc *p = e->procs[i];

			if (p->n_segs && r->e->owner[p->first_seg].group != EST_NO_GROUP)
				add_to_row(&rows[r->e->owner[p->first_seg].group], p);
		}
		return n;
	}
	for (size_t i = 0; i < e->n_procs; i++) {
		const struct est_proc *p = e->procs[i];

		if (!p->n_segs)
			continue;
		rows[n] = (struct est_row){ .r = r, .p = p, .name = p->comm,
					.user = ksm_user_name(e->k, p->uid) };
		add_to_row(&rows[n++], p);
	}
	return n;
}

static int by_saved(const void *a, const void *b)
{
	const struct est_row *x = *(const struct est_row *const *)a, *y = *(const struct est_row *const *)b;

	if (x->gain.saved != y->gain.saved)
		return x->gain.saved < y->gain.saved ? 1 : -1;
	return (x > y) - (x < y);
}

/* --- pairs --- */

struct pair {
	const struct est_report *r;
	size_t a, b;		/* groups */
	const struct est_proc *pa, *pb;
	double pages, merged;
};

static const struct pair *pair(const void *p)
{
	return p;
}

static void get_pair_pid(const struct est_proc *p, struct cli_cell *out)
{
	out->state = p ? CLI_VALUE : CLI_ABSENT;
	out->num = p ? p->pid : 0;
}

static void get_pair_pid_a(const void *p, struct cli_cell *out)
{
	get_pair_pid(pair(p)->pa, out);
}

static void get_pair_pid_b(const void *p, struct cli_cell *out)
{
	get_pair_pid(pair(p)->pb, out);
}

static void get_pair_a(const void *p, struct cli_cell *out)
{
	out->str = pair(p)->r->e->groups[pair(p)->a].name;
}

static void get_pair_b(const void *p, struct cli_cell *out)
{
	out->str = pair(p)->r->e->groups[pair(p)->b].name;
}

static void get_pair_shared(const void *p, struct cli_cell *out)
{
	out->num = est_page_bytes(pair(p)->r, pair(p)->pages);
}

static void get_pair_merged(const void *p, struct cli_cell *out)
{
	/* Without frames nobody can tell. */
	out->state = pair(p)->r->e->frames_known ? CLI_VALUE : CLI_ABSENT;
	out->num = est_page_bytes(pair(p)->r, pair(p)->merged);
}

static void get_pair_cross(const void *p, struct cli_cell *out)
{
	const struct est_report *r = pair(p)->r;
	const uint32_t a = r->e->groups[pair(p)->a].user, b = r->e->groups[pair(p)->b].user;

	out->num = a != b || a == EST_NO_GROUP;
	out->alarm = out->num;
}

static void get_pair_self(const void *p, struct cli_cell *out)
{
	out->num = pair(p)->a == pair(p)->b;
}

const struct cli_col est_pair_columns[] = {
	{ .name = "SHARED", .help = "memory with equal contents in both; within one: repetitions",
	  .kind = CLI_BYTES, .get = get_pair_shared },
	{ .name = "MERGED", .help = "of it, merged by KSM already", .kind = CLI_BYTES,
	  .get = get_pair_merged },
	{ .name = "CROSS", .help = "different users", .kind = CLI_BOOL, .get = get_pair_cross },
	{ .name = "PID_A", .help = "one process (without --by)", .kind = CLI_NUM,
	  .get = get_pair_pid_a },
	{ .name = "PID_B", .help = "the other, or the same", .kind = CLI_NUM,
	  .get = get_pair_pid_b },
	{ .name = "SELF", .help = "A and B are one", .kind = CLI_BOOL, .hidden = true,
	  .get = get_pair_self },
	{ .name = "A", .help = "name of one", .trunc = true, .get = get_pair_a },
	{ .name = "B", .help = "name of the other", .trunc = true, .get = get_pair_b },
	{ 0 },
};

static size_t make_pairs(const struct est_report *r, struct pair **out)
{
	const struct est_proc **first = xcalloc(r->e->n_groups, sizeof(*first));
	size_t n = 0, cap = 0;

	*out = NULL;
	for (size_t i = 0; r->e->opt.by < 0 && i < r->e->n_procs; i++)
		if (r->e->procs[i]->n_segs)
			first[r->e->owner[r->e->procs[i]->first_seg].group] = r->e->procs[i];
	for (size_t a = 0; a < r->e->n_groups; a++)
		for (size_t b = a; b < r->e->n_groups; b++) {
			const double pages = r->e->pair[a * r->e->n_groups + b];
			const double merged = r->e->pair_merged[a * r->e->n_groups + b];

			if (pages < 0.5)
				continue;
			if (n == cap) {
				cap = cap ? cap * 2 : 64;
				*out = xreallocarray(*out, cap, sizeof(**out));
			}
			(*out)[n++] = (struct pair){ r, a, b, first[a], first[b],
						    pages, merged };
		}
	free(first);
	return n;
}

static int by_shared(const void *a, const void *b)
{
	const struct pair *x = *(const struct pair *const *)a, *y = *(const struct pair *const *)b;

	if (x->pages != y->pages)
		return x->pages < y->pages ? 1 : -1;
	return (x > y) - (x < y);
}

/* --- lists, whatever they are of --- */

static void list_sort(struct est_list *l, int (*order)(const void *, const void *))
{
	l->ptrs = xcalloc(l->n, sizeof(*l->ptrs));
	for (size_t i = 0; i < l->n; i++)
		l->ptrs[i] = (const char *)l->rows + i * l->size;
	qsort(l->ptrs, l->n, sizeof(*l->ptrs), order);
}

void est_list_fini(struct est_list *l)
{
	free(l->rows);
	free(l->ptrs);
}

size_t est_lists(const struct est_report *r, struct est_list *l, bool json)
{
	struct pair *pairs;
	size_t n = 0;

	if (json || (!r->pairs && !r->vmas && !r->pieces)) {
		struct est_row *rows = xcalloc(MAX(r->e->n_procs, r->e->n_groups), sizeof(*rows));
		const bool by = r->e->opt.by >= 0;

		l[n] = (struct est_list){ by ? "groups" : "procs",
				      by ? est_group_columns : est_proc_columns,
				      rows, NULL, make_rows(r, rows), sizeof(*rows), 0 };
		list_sort(&l[n++], by_saved);
	}
	if (r->pairs) {
		const size_t found = make_pairs(r, &pairs);

		l[n] = (struct est_list){ "pairs", est_pair_columns, pairs, NULL, found,
				      sizeof(*pairs), EST_TEXT_ROWS };
		list_sort(&l[n++], by_shared);
	}
	if (r->vmas)
		est_list_vmas(r, &l[n++]);
	if (r->pieces)
		est_list_pieces(r, &l[n++]);
	return n;
}

/* --- sums --- */

void est_sums(const struct est_report *r, struct est_sums *s)
{
	struct est *e = r->e;

	*s = (struct est_sums){ .all = { .r = r } };
	for (size_t i = 0; i < e->n_procs; i++) {
		if (!e->procs[i]->n_segs)
			continue;
		add_to_row(&s->all, e->procs[i]);
		s->read++;
	}
	/* Of a sample each figure is an estimate of its own: parts need not add up. */
	s->all.gain = e->total;
	s->saved = est_page_bytes(r, e->total.saved);
	s->low = est_page_bytes(r, e->low);
	s->high = est_page_bytes(r, e->high);
	s->net = s->saved - s->all.meta;
	s->net_low = s->low - s->all.meta;
	s->net_high = s->high - s->all.meta;
}

/* The figures of the summary, once for both forms. */
const struct est_figure est_figures[] = {
	{ "anon_bytes", "anonymous", get_anon, 0 },
	{ "unique_bytes", "unique", get_unique, 1 },
	{ "dup_bytes", "duplicate", get_dup, 1 },
	{ "zero_bytes", "zeroes", get_zero, 2 },
	{ "merged_bytes", "merged already", get_merged, 1 },
	{ "same_bytes", "shared already (same frame)", get_same, 1 },
	{ "volatile_bytes", "volatile", get_volatile, 1 },
	{ "gone_bytes", "gone while reading", get_gone, 1 },
	{ "huge_bytes", "of all, inside huge pages", get_huge, 1 },
	{ "swapped_bytes", "swapped (not read)", get_swapped, 0 },
	{ "file_bytes", "pages of files", get_file, 0 },
	{ "zeropage_bytes", "kernel's zero page", get_zeropage, 0 },
	{ "other_bytes", "in mappings that cannot merge", get_other, 0 },
	{ 0 },
};
