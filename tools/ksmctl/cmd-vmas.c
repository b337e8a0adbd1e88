// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-vmas.c - ksmctl vmas: the mappings of one process, what of each is
 * merged, and why one cannot be.
 *
 * To mark a part of a mapping splits it.  Joined, its parts are one row again, and a
 * strip shows which of them are marked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

struct row {
	struct ksm_vma vma;
	bool any;		/* its process asked for all of its memory */
	char range[40];
	uint64_t parts, marked_bytes;
	bool partly;		/* some parts are mergeable, others not */
	struct strip *strip;	/* NULL where it is not wanted */
};

static void get_range(const void *row, struct cli_cell *out)
{
	out->str = ((const struct row *)row)->range;
}

static const struct ksm_vma *vma(const void *row)
{
	return &((const struct row *)row)->vma;
}

static void get_perms(const void *row, struct cli_cell *out)
{
	out->str = vma(row)->perms;
}

static void get_size(const void *row, struct cli_cell *out)
{
	out->num = (int64_t)MIN(vma(row)->end - vma(row)->start, (uint64_t)INT64_MAX);
}

static void get_rss(const void *row, struct cli_cell *out)
{
	out->num = vma(row)->rss_bytes;
}

static void get_anon(const void *row, struct cli_cell *out)
{
	out->num = vma(row)->anon_bytes;
}

static void get_swap(const void *row, struct cli_cell *out)
{
	out->num = vma(row)->swap_bytes;
}

/* smaps has the line since Linux 6.7; before, no file tells it. */
static void get_ksm(const void *row, struct cli_cell *out)
{
	out->num = vma(row)->ksm_bytes;
	if (vma(row)->ksm_line.state == KSM_ABSENT)
		out->state = CLI_ABSENT;
}

static void get_mergeable(const void *row, struct cli_cell *out)
{
	if (((const struct row *)row)->partly)
		out->str = "part";
	else
		out->str = vma(row)->mergeable ? "yes" :
			   vma(row)->why == KSM_VMA_OK ? "no" : "never";
}

/*
 * exec maps the stack by itself (fs/exec.c, bprm_mm_init()), and an inherited setting
 * is applied by mmap() and brk() only, so this mapping goes without.
 */
static const char *left_out(const struct ksm_vma *v)
{
	return strcmp(v->name, "[stack]") ? "left out by program" :
					    "left out by exec";
}

/* What keeps an eligible mapping from merging comes from its contents. */
static void get_why(const void *row, struct cli_cell *out)
{
	const struct ksm_vma *v = vma(row);

	if (v->why != KSM_VMA_OK)
		out->str = ksm_vma_why_text(v->why);
	else if (!v->mergeable)
		out->str = ((const struct row *)row)->any ? left_out(v) : "not asked for";
	else if (!v->anon_bytes)
		out->str = v->file ? "only file pages" : "no pages";
	else if (v->thp)
		out->str = "huge pages: split when merged";
	else
		out->state = CLI_ABSENT;
}

static void get_parts(const void *row, struct cli_cell *out)
{
	out->num = (int64_t)((const struct row *)row)->parts;
}

static void get_marked(const void *row, struct cli_cell *out)
{
	out->num = (int64_t)((const struct row *)row)->marked_bytes;
}

static void get_strip(const void *row, struct cli_cell *out)
{
	const struct row *r = row;

	out->strip = r->strip;
	out->real = r->vma.anon_bytes ? (double)r->marked_bytes / r->vma.anon_bytes : 0;
}

static void get_name(const void *row, struct cli_cell *out)
{
	out->str = vma(row)->name;
	if (!*out->str)
		out->state = CLI_ABSENT;
}

static const struct cli_col columns[] = {
	{ .name = "ADDRESS", .help = "first and last address, exclusive", .get = get_range },
	{ .name = "PERM", .help = "permissions", .get = get_perms },
	{ .name = "SIZE", .help = "size", .kind = CLI_BYTES, .get = get_size },
	{ .name = "RSS", .help = "resident memory", .kind = CLI_BYTES, .get = get_rss },
	{ .name = "ANON", .help = "of it, memory of its own: only this can merge",
	  .kind = CLI_BYTES, .get = get_anon },
	{ .name = "SWAP", .help = "swapped out", .kind = CLI_BYTES, .hidden = true,
	  .get = get_swap },
	{ .name = "KSM", .help = "merged, the zero page not counted (Linux 6.7)",
	  .kind = CLI_BYTES, .get = get_ksm },
	{ .name = "MERGE", .help = "mergeable: yes, no, never, or part", .get = get_mergeable },
	{ .name = "WHY", .help = "what keeps it from merging", .get = get_why },
	{ .name = "PARTS", .help = "mappings in it, with --join", .kind = CLI_NUM, .hidden = true,
	  .get = get_parts },
	{ .name = "MARKED", .help = "of ANON, in mergeable parts", .kind = CLI_BYTES,
	  .hidden = true, .get = get_marked },
	{ .name = "STRIP", .help = "its addresses as cells: how much of the memory there is MARKED",
	  .kind = CLI_STRIP, .hidden = true, .get = get_strip },
	{ .name = "NAME", .help = "file, or what the kernel calls it", .get = get_name },
	{ 0 },
};

static void vmas_help(FILE *out)
{
	cli_table_help(columns, out);
}

enum { KEY_JOIN = CLI_OPT_LONG };

/* What --join is for, unless other columns are asked for. */
static const char joined_columns[] = "ADDRESS,PERM,SIZE,ANON,MARKED,KSM,MERGE,PARTS,STRIP,NAME";

static const char *const synopsis[] = { "[options] -p PID", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'p', .arg = "PID", .help = "the process" },
	{ .key = 'M' },
	{ .key = 'm', .means = 'M' },
	{ KEY_JOIN, "join", NULL, "join the parts that marking has made of a mapping", 0, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_vmas = {
	.name = "ksmctl vmas",
	.synopsis = synopsis,
	.about = "Show the mappings of a process, what is merged, and why others are not.",
	.opts = opts,
	.more = cli_table_options,
	.common = cli_common_options,
	.see = "ksmctl(8)",
	.extra = vmas_help,
};

struct list {
	bool any;
	struct row **rows;
	size_t n, cap;
	bool mergeable_only, join, strips;
	uint64_t page_bytes;
	struct strip_roll roll;		/* of the last row, while parts come */
};

/* The last row is complete: its range and its strip. */
static void end_row(struct list *l)
{
	struct strip_cell cells[STRIP_CELLS];
	struct row *r;
	size_t n;

	if (!l->n)
		return;
	r = l->rows[l->n - 1];
	snprintf(r->range, sizeof(r->range), "%llx-%llx", (unsigned long long)r->vma.start,
		 (unsigned long long)r->vma.end);
	if (!l->strips || r->strip)
		return;
	/* No cell is smaller than a page. */
	n = MIN(MAX((r->vma.end - r->vma.start) / l->page_bytes, UINT64_C(1)),
		(uint64_t)STRIP_CELLS);
	strip_roll_cells(&l->roll, cells, n);
	r->strip = xcalloc(1, sizeof(*r->strip));
	strip_set(r->strip, cells, n);
}

/* Did a mark alone make two of them? */
static bool is_next_part(const struct ksm_vma *a, const struct ksm_vma *b)
{
	return a->end == b->start && !strcmp(a->perms, b->perms) && a->file == b->file &&
	       a->why == b->why && !strcmp(a->name, b->name);
}

static void add_part(struct list *l, struct row *r, const struct ksm_vma *v)
{
	if (l->strips)
		strip_roll_add(&l->roll, v->end - v->start, v->anon_bytes,
			       v->mergeable ? v->anon_bytes : 0);
	r->parts++;
	r->marked_bytes = num_add_sat(r->marked_bytes, v->mergeable ? v->anon_bytes : 0);
}

static void join(struct list *l, struct row *r, const struct ksm_vma *v)
{
	struct ksm_vma *to = &r->vma;

	r->partly |= to->mergeable != v->mergeable;
	to->mergeable |= v->mergeable;
	to->end = v->end;
	to->rss_bytes = num_add_sat(to->rss_bytes, v->rss_bytes);
	to->anon_bytes = num_add_sat(to->anon_bytes, v->anon_bytes);
	to->ksm_bytes = num_add_sat(to->ksm_bytes, v->ksm_bytes);
	to->swap_bytes = num_add_sat(to->swap_bytes, v->swap_bytes);
	to->thp |= v->thp;
	add_part(l, r, v);
}

static int add(const struct ksm_vma *v, void *arg)
{
	struct list *l = arg;
	struct row *r = l->n ? l->rows[l->n - 1] : NULL;

	if (l->join && r && is_next_part(&r->vma, v)) {
		join(l, r, v);
		return 0;
	}
	if (l->mergeable_only && !l->join && !v->mergeable)
		return 0;
	end_row(l);
	strip_roll_init(&l->roll);
	r = xcalloc(1, sizeof(*r));
	r->vma = *v;
	r->any = l->any;
	r->vma.name = xstrdup(v->name);
	xvec_room(l->rows, l->n, l->cap);
	l->rows[l->n++] = r;
	add_part(l, r, v);
	return 0;
}

static void free_row(struct row *r)
{
	free((void *)(uintptr_t)r->vma.name);
	free(r->strip);
	free(r);
}

/* Only joined is it known whether some part is mergeable. */
static void keep_mergeable(struct list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->rows[i]->vma.mergeable)
			l->rows[kept++] = l->rows[i];
		else
			free_row(l->rows[i]);
	}
	l->n = kept;
}

int ctl_vmas(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct list l = { 0 };
	struct ksm_proc proc;
	pid_t pid = 0;
	int key, rc;

	while ((key = cli_opts_next(&p, &ctl_cmd_vmas)) != -1) {
		if (key == 'p')
			pid = cli_pid(p.arg);
		else if (key == 'M')
			l.mergeable_only = true;
		else if (key == KEY_JOIN)
			l.join = true;
		else
			ctl_option(ctl, key, p.arg);
	}
	if (!pid && p.ind < argc)
		pid = cli_pid(argv[p.ind++]);
	ctl_no_operands(&p, argv);
	if (!pid)
		cli_usage_error("vmas: no process named (-p PID)");
	if (l.join && !ctl->table.columns && !ctl->table.all_columns)
		ctl->table.columns = joined_columns;
	cli_table_check(columns, &ctl->table);
	l.strips = cli_table_wants(columns, &ctl->table, "STRIP");
	ctl_open_ksm(ctl);
	l.page_bytes = ksm_page_size(ctl->k);
	if (!ksm_proc_read(ctl->k, pid, KSM_PROC_KSM | KSM_PROC_EXACT, &proc))
		l.any = proc.member == KSM_MEMBER_ANY || ksm_fig_or(proc.ksm.merge_any, 0);
	rc = ksm_vmas_walk(ctl->k, pid, add, &l);
	if (rc == -ENOENT)
		cli_die(CLI_UNSUPPORTED, 0, "%d: this kernel does not show mappings: "
			"it has no /proc/PID/smaps (CONFIG_PROC_PAGE_MONITOR)", (int)pid);
	if (rc) {
		ctl_proc_error(ctl, pid, "cannot read its mappings", KSM_RIGHT_MAPPINGS, rc);
		return CLI_FAIL;
	}
	end_row(&l);
	if (l.mergeable_only)
		keep_mergeable(&l);
	rc = cli_table_print("vmas", columns, (const void *const *)l.rows, l.n, &ctl->table);
	for (size_t i = 0; i < l.n; i++)
		free_row(l.rows[i]);
	free(l.rows);
	return ctl_printed(rc);
}
