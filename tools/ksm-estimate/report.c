// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * report.c - the result: tables of processes or groups, pairs and mappings, and
 * the sums below them; or all of it as one JSON document.
 *
 * JSON keys of rows are the names of columns, so that table and document cannot
 * drift apart.
 */
#include "ksm-estimate/estimate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/xalloc.h"
#include "util/ascii.h"
#include "util/num.h"

#define TEXT_ROWS 40	/* of pairs and mappings, where a person reads */

/* A process or a group. */
struct row {
	const struct est_report *r;
	const struct est_proc *p;	/* of a group: its first one */
	const char *name;
	const char *user;
	int64_t procs;
	struct est_count count;
	struct est_gain gain;
	int64_t meta;
	uint64_t other_bytes;
	uint64_t merged_pages;
};

static const struct row *row(const void *p)
{
	return p;
}

static int64_t page_bytes(const struct est_report *r, double pages)
{
	return num_mul_sat((int64_t)llround(pages), (int64_t)r->e->page_size);
}

static void put(const void *p, struct cli_cell *out, double pages)
{
	out->num = page_bytes(row(p)->r, pages);
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
	{ 0 },
};

/* --- rows --- */

static const char *user_name(const struct est_report *r, uint32_t user)
{
	return user == EST_NO_GROUP ? NULL : ksm_user_name(r->e->k, r->users[user]);
}

static void add_to_row(struct row *w, const struct est_proc *p)
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

static size_t make_rows(const struct est_report *r, struct row *rows)
{
	const struct est *e = r->e;
	size_t n = 0;

	if (e->opt.by >= 0) {
		for (; n < r->n_groups; n++)
			rows[n] = (struct row){ .r = r, .name = r->groups[n].name,
						.user = user_name(r, r->groups[n].user) };
		for (size_t i = 0; i < e->n_procs; i++) {
			const struct est_proc *p = e->procs[i];

			if (p->n_segs && r->owner[p->first_seg].group != EST_NO_GROUP)
				add_to_row(&rows[r->owner[p->first_seg].group], p);
		}
		return n;
	}
	for (size_t i = 0; i < e->n_procs; i++) {
		const struct est_proc *p = e->procs[i];

		if (!p->n_segs)
			continue;
		rows[n] = (struct row){ .r = r, .p = p, .name = p->comm,
					.user = ksm_user_name(e->k, p->uid) };
		add_to_row(&rows[n++], p);
	}
	return n;
}

static int by_saved(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	if (x->gain.saved != y->gain.saved)
		return x->gain.saved < y->gain.saved ? 1 : -1;
	return (x > y) - (x < y);
}

/* --- pairs --- */

struct pair {
	const struct est_report *r;
	size_t a, b;		/* groups */
	const struct est_proc *pa, *pb;
	double pages;
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
	out->str = pair(p)->r->groups[pair(p)->a].name;
}

static void get_pair_b(const void *p, struct cli_cell *out)
{
	out->str = pair(p)->r->groups[pair(p)->b].name;
}

static void get_pair_shared(const void *p, struct cli_cell *out)
{
	out->num = page_bytes(pair(p)->r, pair(p)->pages);
}

static void get_pair_cross(const void *p, struct cli_cell *out)
{
	const struct est_report *r = pair(p)->r;
	const uint32_t a = r->groups[pair(p)->a].user, b = r->groups[pair(p)->b].user;

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
	const struct est_proc **first = xcalloc(r->n_groups, sizeof(*first));
	size_t n = 0, cap = 0;

	*out = NULL;
	for (size_t i = 0; r->e->opt.by < 0 && i < r->e->n_procs; i++)
		if (r->e->procs[i]->n_segs)
			first[r->owner[r->e->procs[i]->first_seg].group] = r->e->procs[i];
	for (size_t a = 0; a < r->n_groups; a++)
		for (size_t b = a; b < r->n_groups; b++) {
			const double pages = r->pair[a * r->n_groups + b];

			if (pages < 0.5)
				continue;
			if (n == cap) {
				cap = cap ? cap * 2 : 64;
				*out = xreallocarray(*out, cap, sizeof(**out));
			}
			(*out)[n++] = (struct pair){ r, a, b, first[a], first[b], pages };
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

/* --- mappings --- */

struct vma {
	const struct est_report *r;
	const struct est_proc *p;
	const struct est_seg *s;
};

static const struct vma *vma(const void *p)
{
	return p;
}

static void put_vma(const void *p, struct cli_cell *out, double pages)
{
	out->num = page_bytes(vma(p)->r, pages);
}

static void get_vma_pid(const void *p, struct cli_cell *out)
{
	out->num = vma(p)->p->pid;
}

static void get_vma_start(const void *p, struct cli_cell *out)
{
	static char text[20];

	snprintf(text, sizeof(text), "0x%" PRIx64, vma(p)->s->start);
	out->str = text;
}

static void get_vma_size(const void *p, struct cli_cell *out)
{
	out->num = vma(p)->s->end - vma(p)->s->start;
}

static void get_vma_perms(const void *p, struct cli_cell *out)
{
	out->str = vma(p)->s->perms;
}

static void get_vma_anon(const void *p, struct cli_cell *out)
{
	put_vma(p, out, vma(p)->s->count.anon);
}

static void get_vma_dup(const void *p, struct cli_cell *out)
{
	put_vma(p, out, vma(p)->s->gain.dup);
}

static void get_vma_zero(const void *p, struct cli_cell *out)
{
	put_vma(p, out, vma(p)->s->count.zero);
}

static void get_vma_saved(const void *p, struct cli_cell *out)
{
	put_vma(p, out, vma(p)->s->gain.saved);
}

static void get_vma_split(const void *p, struct cli_cell *out)
{
	out->state = vma(p)->r->e->huge_known ? CLI_VALUE : CLI_ABSENT;
	put_vma(p, out, vma(p)->s->gain.huge);
}

static void get_vma_name(const void *p, struct cli_cell *out)
{
	out->str = vma(p)->s->name;
}

static void get_vma_comm(const void *p, struct cli_cell *out)
{
	out->str = vma(p)->p->comm;
}

const struct cli_col est_vma_columns[] = {
	{ .name = "PID", .help = "process number", .kind = CLI_NUM, .get = get_vma_pid },
	{ .name = "START", .help = "first address of the mapping", .get = get_vma_start },
	{ .name = "SIZE", .help = "its length", .kind = CLI_BYTES, .get = get_vma_size },
	{ .name = "PERMS", .help = "its permissions", .hidden = true, .get = get_vma_perms },
	{ .name = "ANON", .help = "anonymous memory present", .kind = CLI_BYTES,
	  .get = get_vma_anon },
	{ .name = "DUP", .help = "of it, equal to another page", .kind = CLI_BYTES,
	  .get = get_vma_dup },
	{ .name = "ZERO", .help = "of it, zeroes", .kind = CLI_BYTES, .get = get_vma_zero },
	{ .name = "SAVED", .help = "its share of what merging would save", .kind = CLI_BYTES,
	  .get = get_vma_saved },
	{ .name = "SPLIT", .help = "of SAVED, inside huge pages", .kind = CLI_BYTES,
	  .hidden = true, .get = get_vma_split },
	{ .name = "COMMAND", .help = "name of the process", .trunc = true, .get = get_vma_comm },
	{ .name = "NAME", .help = "what is mapped", .trunc = true, .get = get_vma_name },
	{ 0 },
};

static size_t make_vmas(const struct est_report *r, struct vma **out)
{
	const struct est *e = r->e;
	size_t n = 0;

	*out = xcalloc(e->n_segs, sizeof(**out));
	for (size_t i = 0; i < e->n_procs; i++)
		for (size_t s = 0; s < e->procs[i]->n_segs; s++)
			if (e->procs[i]->segs[s].count.anon)
				(*out)[n++] = (struct vma){ r, e->procs[i],
							    &e->procs[i]->segs[s] };
	return n;
}

static int by_vma_saved(const void *a, const void *b)
{
	const struct vma *x = *(const struct vma *const *)a, *y = *(const struct vma *const *)b;

	if (x->s->gain.saved != y->s->gain.saved)
		return x->s->gain.saved < y->s->gain.saved ? 1 : -1;
	return (x > y) - (x < y);
}

/* --- lists, whatever they are of --- */

struct list {
	const char *name;
	const struct cli_col *cols;
	void *rows;
	const void **ptrs;
	size_t n, size;
	size_t text_rows;	/* at most so many for people; 0: all */
};

static void list_sort(struct list *l, int (*order)(const void *, const void *))
{
	l->ptrs = xcalloc(l->n, sizeof(*l->ptrs));
	for (size_t i = 0; i < l->n; i++)
		l->ptrs[i] = (const char *)l->rows + i * l->size;
	qsort(l->ptrs, l->n, sizeof(*l->ptrs), order);
}

static void list_fini(struct list *l)
{
	free(l->rows);
	free(l->ptrs);
}

/* Up to three: pairs or mappings where asked for, else processes or groups. */
static size_t make_lists(const struct est_report *r, struct list *l, bool json)
{
	struct pair *pairs;
	struct vma *vmas;
	size_t n = 0;

	if (json || (!r->pairs && !r->vmas)) {
		struct row *rows = xcalloc(MAX(r->e->n_procs, r->n_groups), sizeof(*rows));
		const bool by = r->e->opt.by >= 0;

		l[n] = (struct list){ by ? "groups" : "procs",
				      by ? est_group_columns : est_proc_columns,
				      rows, NULL, make_rows(r, rows), sizeof(*rows), 0 };
		list_sort(&l[n++], by_saved);
	}
	if (r->pairs) {
		const size_t found = make_pairs(r, &pairs);

		l[n] = (struct list){ "pairs", est_pair_columns, pairs, NULL, found,
				      sizeof(*pairs), TEXT_ROWS };
		list_sort(&l[n++], by_shared);
	}
	if (r->vmas) {
		const size_t found = make_vmas(r, &vmas);

		l[n] = (struct list){ "vmas", est_vma_columns, vmas, NULL, found, sizeof(*vmas),
				      TEXT_ROWS };
		list_sort(&l[n++], by_vma_saved);
	}
	return n;
}

static void json_cell(struct cli_json *j, const struct cli_col *col, const void *r)
{
	struct cli_cell cell = { 0 };
	char key[32];
	size_t i;

	for (i = 0; col->name[i] && i + 1 < sizeof(key); i++)
		key[i] = ascii_lower(col->name[i]);
	key[i] = '\0';
	col->get(r, &cell);
	if (cell.state != CLI_VALUE)
		cli_json_null(j, key);
	else if (col->kind == CLI_STR)
		cli_json_str(j, key, cell.str);
	else if (col->kind == CLI_BOOL)
		cli_json_bool(j, key, cell.num != 0);
	else
		cli_json_num(j, key, cell.num);
}

static void json_list(struct cli_json *j, const struct list *l)
{
	cli_json_open(j, l->name, '[');
	for (size_t i = 0; i < l->n; i++) {
		cli_json_open(j, NULL, '{');
		for (const struct cli_col *c = l->cols; c->name; c++)
			json_cell(j, c, l->ptrs[i]);
		cli_json_close(j);
	}
	cli_json_close(j);
}

/* --- sums --- */

struct sums {
	struct row all;
	int64_t saved, low, high, net, net_low, net_high;
	size_t read;
};

static void make_sums(const struct est_report *r, struct sums *s)
{
	struct est *e = r->e;

	*s = (struct sums){ .all = { .r = r } };
	for (size_t i = 0; i < e->n_procs; i++) {
		if (!e->procs[i]->n_segs)
			continue;
		add_to_row(&s->all, e->procs[i]);
		s->read++;
	}
	s->saved = page_bytes(r, e->total.saved);
	s->low = page_bytes(r, e->low);
	s->high = page_bytes(r, e->high);
	s->net = s->saved - s->all.meta;
	s->net_low = s->low - s->all.meta;
	s->net_high = s->high - s->all.meta;
}

/* The figures of the summary, once for both forms. */
static const struct figure {
	const char *key;
	const char *text;
	void (*get)(const void *row, struct cli_cell *out);
	unsigned int depth;
} figures[] = {
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
};

static void json_sums(struct cli_json *j, const struct est_report *r, const struct sums *s)
{
	const struct est *e = r->e;

	cli_json_open(j, "estimate", '{');
	cli_json_num(j, "page_size", e->page_size);
	cli_json_str(j, "mode", e->p < 1 ? "sample" : "full");
	cli_json_real(j, "sampled_pct", e->p * 100, 4);
	cli_json_num(j, "passes", MAX(e->opt.passes, 1U));
	cli_json_num(j, "processes", s->read);
	cli_json_num(j, "denied", e->denied);
	cli_json_num(j, "vanished", e->vanished);
	cli_json_bool(j, "frames_known", e->frames_known);
	cli_json_num(j, "read_bytes", e->read_bytes);
	cli_json_real(j, "read_seconds", e->read_ns / 1e9, 3);
	cli_json_real(j, "list_seconds", e->list_ns / 1e9, 3);
	cli_json_num(j, "max_page_sharing", e->max_sharing);
	cli_json_bool(j, "use_zero_pages", e->use_zero_pages);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		struct cli_cell cell = { 0 };

		figures[i].get(&s->all, &cell);
		if (cell.state == CLI_VALUE)
			cli_json_num(j, figures[i].key, cell.num);
		else
			cli_json_null(j, figures[i].key);
	}
	cli_json_num(j, "saved_bytes", s->saved);
	cli_json_num(j, "saved_low_bytes", s->low);
	cli_json_num(j, "saved_high_bytes", s->high);
	cli_json_num(j, "metadata_bytes", s->all.meta);
	cli_json_num(j, "net_bytes", s->net);
	cli_json_num(j, "cross_user_bytes", page_bytes(r, e->total.cross));
	cli_json_num(j, "split_bytes", page_bytes(r, e->total.huge));
	cli_json_num(j, "sharing_pages", llround(e->total.counted));
	cli_json_close(j);
}

static int print_json(const struct est_report *r)
{
	struct cli_json *j = cli_json_new();
	struct list lists[3];
	const size_t n = make_lists(r, lists, true);
	struct sums s;
	int rc;

	make_sums(r, &s);
	cli_json_open(j, NULL, '{');
	json_sums(j, r, &s);
	for (size_t i = 0; i < n; i++) {
		json_list(j, &lists[i]);
		list_fini(&lists[i]);
	}
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

static void line(const char *what, unsigned int depth, const char *value, const char *more)
{
	const int indent = 2 * depth;

	printf("%*s%-*s %12s%s%s\n", indent, "", 32 - indent, what, value, more && *more ? "  " : "",
	       more ? more : "");
}

static void share_text(char *buf, size_t len, int64_t part, int64_t all)
{
	*buf = '\0';
	if (all > 0)
		snprintf(buf, len, "%.1f %%", 100.0 * part / all);
}

static void print_range(const struct est_report *r, const char *what, int64_t v, int64_t low,
			int64_t high, const char *more)
{
	char buf[32], a[32], b[32], text[128];
	const bool bytes = r->table.bytes;

	if (r->e->p < 1) {
		snprintf(text, sizeof(text), "95 %%: %s to %s", cli_bytes(a, sizeof(a), low, bytes),
			 cli_bytes(b, sizeof(b), high, bytes));
		more = text;
	}
	line(what, 0, cli_bytes(buf, sizeof(buf), v, bytes), more);
}

static void print_sums(const struct est_report *r)
{
	const struct est *e = r->e;
	const bool bytes = r->table.bytes;
	char buf[32], more[64];
	struct sums s;
	int64_t anon;

	make_sums(r, &s);
	anon = page_bytes(r, s.all.count.anon);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		struct cli_cell cell = { 0 };

		figures[i].get(&s.all, &cell);
		/* What does not occur is not worth a line, but for the first ones. */
		if (cell.state != CLI_VALUE || (i > 3 && !cell.num))
			continue;
		share_text(more, sizeof(more), cell.num, figures[i].depth ? anon : 0);
		line(figures[i].text, figures[i].depth,
		     cli_bytes(buf, sizeof(buf), cell.num, bytes), more);
	}
	putchar('\n');
	share_text(more, sizeof(more), s.saved, anon);
	print_range(r, "saved if merged", s.saved, s.low, s.high, more);
	line("metadata", 0, cli_bytes(buf, sizeof(buf), s.all.meta, bytes), "");
	print_range(r, "net", s.net, s.net_low, s.net_high,
		    s.net < 0 ? "merging would cost more than it saves" : "");
	if (e->total.huge >= 0.5)
		line("of it, splits huge pages", 1,
		     cli_bytes(buf, sizeof(buf), page_bytes(r, e->total.huge), bytes), "");
	if (e->total.cross >= 0.5)
		line("of it, across users", 1,
		     cli_bytes(buf, sizeof(buf), page_bytes(r, e->total.cross), bytes),
		     "pages become visible to other users by timing");
}

static int print_text(const struct est_report *r)
{
	struct list lists[3];
	const size_t n = make_lists(r, lists, false);
	const bool text = r->table.format == CLI_TEXT;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct list *l = &lists[i];
		const size_t shown = text && l->text_rows ? MIN(l->n, l->text_rows) : l->n;

		if (!rc)
			rc = cli_table_print(l->name, l->cols, l->ptrs, shown, &r->table);
		if (text && shown < l->n)
			printf("(%zu more: --csv or -J shows all)\n", l->n - shown);
		if (text)
			putchar('\n');
		list_fini(l);
	}
	if (text)
		print_sums(r);
	return rc;
}

/* What could not be seen is said: an estimate of half the machine must not pass for one. */
static void warn_unseen(const struct est *e)
{
	if (e->denied)
		cli_warn(0, "%zu processes could not be read (needs root, or CAP_SYS_PTRACE)",
			 e->denied);
	if (e->vanished)
		cli_note("%zu processes ended or changed while they were read", e->vanished);
	if (e->count.unread)
		cli_warn(0, "%" PRIu64 " pages appeared while reading and were left out",
			 e->count.unread);
	if (!e->frames_known)
		cli_warn(0, "the kernel hides frame numbers (needs root): pages that processes "
			    "share since fork and pages merged already are taken for one frame "
			    "when they are equal");
}

int est_report_print(struct est_report *r)
{
	struct est *e = r->e;
	size_t named = 0, failed = 0;
	int rc;

	rc = r->table.format == CLI_JSON ? print_json(r) : print_text(r);
	warn_unseen(e);
	if (rc)
		return CLI_FAIL;
	for (size_t i = 0; i < e->n_procs && e->opt.select.n_pids; i++) {
		const struct est_proc *p = e->procs[i];

		named++;
		if (!p->rc)
			continue;
		cli_error(p->rc, "%d: %s", (int)p->pid,
			  p->n_segs ? "not read to the end" : "cannot read");
		failed++;
	}
	if (!failed)
		return CLI_OK;
	return failed < named ? CLI_PARTIAL : CLI_FAIL;
}
