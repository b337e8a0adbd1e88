// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where-show.c - --where-it-pays with --check: the ranges that would be marked, and
 * what part of the savings and of the scanning that is.
 */
#include <math.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksm-advise/where.h"
#include "util/num.h"

struct row {
	const struct est *e;
	const struct est_range *r;
};

static const struct row *row(const void *p)
{
	return p;
}

static int64_t bytes(const struct est *e, double pages)
{
	return num_mul_sat(llround(pages), (int64_t)e->page_size);
}

static void get_pid(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->proc->pid;
}

static void get_start(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->start;
}

static void get_end(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->end;
}

static void get_size(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->end - row(p)->r->start;
}

static void get_what(const void *p, struct cli_cell *out)
{
	const struct est_range *r = row(p)->r;

	out->str = r->start == r->seg->start && r->end == r->seg->end ? "mapping" : "part";
}

static void get_anon(const void *p, struct cli_cell *out)
{
	out->num = bytes(row(p)->e, row(p)->r->pages);
}

static void get_saved(const void *p, struct cli_cell *out)
{
	out->num = bytes(row(p)->e, row(p)->r->saved);
}

static void get_command(const void *p, struct cli_cell *out)
{
	out->str = row(p)->r->proc->comm;
}

static void get_name(const void *p, struct cli_cell *out)
{
	out->str = row(p)->r->seg->name;
}

const struct cli_col adv_where_cols[] = {
	{ .name = "PID", .help = "process", .kind = CLI_NUM, .get = get_pid },
	{ .name = "START", .help = "first address", .kind = CLI_ADDRESS, .get = get_start },
	{ .name = "END", .help = "first address behind it", .kind = CLI_ADDRESS,
	  .hidden = true, .get = get_end },
	{ .name = "SIZE", .help = "length", .kind = CLI_BYTES, .get = get_size },
	{ .name = "WHAT", .help = "a mapping, or a part of one", .get = get_what },
	{ .name = "ANON", .help = "anonymous memory present", .kind = CLI_BYTES,
	  .get = get_anon },
	{ .name = "SAVED", .help = "what merging would save of it", .kind = CLI_BYTES,
	  .get = get_saved },
	{ .name = "COMMAND", .help = "name of the process", .hidden = true, .trunc = true,
	  .get = get_command },
	{ .name = "NAME", .help = "what is mapped", .trunc = true, .get = get_name },
	{ 0 },
};

static int pct(double part, double all)
{
	return all > 0 ? (int)lround(100 * part / all) : 0;
}

const char *adv_where_sums(const struct where *w, char *buf, size_t len)
{
	const struct est_places *found = &w->found;
	const bool plain = w->a->table.bytes;
	char chosen[32], all[32];

	if (!found->n)
		snprintf(buf, len, "nothing would save more than its metadata takes");
	else
		snprintf(buf, len, "%s of %s: %d %% of the savings, %d %% of the scanning",
			 cli_bytes(chosen, sizeof(chosen), bytes(&w->e, found->chosen.pages), plain),
			 cli_bytes(all, sizeof(all), bytes(&w->e, found->all.pages), plain),
			 pct(found->chosen.saved, found->all.saved),
			 pct(found->chosen.pages, found->all.pages));
	return buf;
}

static void print_sums(const struct where *w)
{
	char text[160];

	puts(adv_where_sums(w, text, sizeof(text)));
	if (w->found.marked.pages)
		printf("%s more is mergeable already\n",
		       cli_bytes(text, sizeof(text), bytes(&w->e, w->found.marked.pages),
				 w->a->table.bytes));
	if (w->e.p < 1)
		printf("estimated from a sample of %.1f %%\n", 100 * w->e.p);
}

static int print_json(const struct est *e, const struct est_places *found, const void *const *rows)
{
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_open(j, "where", '{');
	cli_json_real(j, "sampled_pct", 100 * e->p, 4);
	cli_json_num(j, "anon_bytes", bytes(e, found->all.pages));
	cli_json_num(j, "saved_bytes", bytes(e, found->all.saved));
	cli_json_num(j, "chosen_anon_bytes", bytes(e, found->chosen.pages));
	cli_json_num(j, "chosen_saved_bytes", bytes(e, found->chosen.saved));
	cli_json_num(j, "marked_anon_bytes", bytes(e, found->marked.pages));
	cli_json_num(j, "marked_saved_bytes", bytes(e, found->marked.saved));
	cli_json_close(j);
	cli_json_rows(j, "ranges", adv_where_cols, rows, found->n);
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

int adv_where_show(const struct where *w)
{
	const struct est_places *found = &w->found;
	struct row *rows __cleanup_free = xcalloc(found->n, sizeof(*rows));
	const void **ptrs __cleanup_free = xcalloc(found->n, sizeof(*ptrs));
	int rc = 0;

	for (size_t i = 0; i < found->n; i++) {
		rows[i] = (struct row){ &w->e, &found->range[i] };
		ptrs[i] = &rows[i];
	}
	if (w->a->table.format == CLI_JSON)
		return print_json(&w->e, found, ptrs);
	if (found->n)
		rc = cli_table_print("ranges", adv_where_cols, ptrs, found->n, &w->a->table);
	print_sums(w);
	return rc;
}
