// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-vmas.c - ksmctl vmas: the mappings of one process, what of each is
 * merged, and why one cannot be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"

struct row {
	struct ksm_vma vma;
	bool any;		/* its process asked for all of its memory */
	char range[40];
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
	out->num = vma(row)->end - vma(row)->start;
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
	out->str = vma(row)->mergeable ? "yes" : vma(row)->why == KSM_VMA_OK ? "no" : "never";
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
	{ .name = "MERGE", .help = "mergeable: yes, no, or never", .get = get_mergeable },
	{ .name = "WHY", .help = "what keeps it from merging", .get = get_why },
	{ .name = "NAME", .help = "file, or what the kernel calls it", .get = get_name },
	{ 0 },
};

static void vmas_help(FILE *out)
{
	cli_table_help(columns, out);
}

static const char *const synopsis[] = { "[options] -p PID", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'p', .arg = "PID", .help = "the process" },
	{ .key = 'M' },
	{ .key = 'm', .means = 'M' },
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
	bool mergeable_only;
};

static int add(const struct ksm_vma *v, void *arg)
{
	struct list *l = arg;
	struct row *r;

	if (l->mergeable_only && !v->mergeable)
		return 0;
	r = xcalloc(1, sizeof(*r));
	r->vma = *v;
	r->any = l->any;
	r->vma.name = xstrdup(v->name);
	snprintf(r->range, sizeof(r->range), "%llx-%llx", (unsigned long long)v->start,
		 (unsigned long long)v->end);
	xvec_room(l->rows, l->n, l->cap);
	l->rows[l->n++] = r;
	return 0;
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
		else
			ctl_option(ctl, key, p.arg);
	}
	if (!pid && p.ind < argc)
		pid = cli_pid(argv[p.ind++]);
	ctl_no_operands(&p, argv);
	if (!pid)
		cli_usage_error("vmas: no process named (-p PID)");
	cli_table_check(columns, &ctl->table);
	ctl_open_ksm(ctl);
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
	rc = cli_table_print("vmas", columns, (const void *const *)l.rows, l.n, &ctl->table);
	for (size_t i = 0; i < l.n; i++) {
		free((void *)(uintptr_t)l.rows[i]->vma.name);
		free(l.rows[i]);
	}
	free(l.rows);
	return ctl_printed(rc);
}
