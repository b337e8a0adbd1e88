// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * report.c - the result for people, what could not be seen, and the exit code.
 */
#include "ksm-estimate/report.h"

#include <inttypes.h>
#include <stdlib.h>

void est_line(const char *what, unsigned int depth, const char *value, const char *more)
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
		snprintf(text, sizeof(text), "95 %%: %s to %s%s%s",
			 cli_bytes(a, sizeof(a), low, bytes), cli_bytes(b, sizeof(b), high, bytes),
			 *more ? "; " : "", more);
		more = text;
	}
	est_line(what, 0, cli_bytes(buf, sizeof(buf), v, bytes), more);
}

/* Whether it pays: of a sample as far as it can tell. */
static const char *verdict(const struct est_sums *s)
{
	if (s->net_high < 0)
		return "merging would cost more than it saves";
	if (s->net < 0)
		return "merging may cost more than it saves";
	return "";
}

static void print_sums(const struct est_report *r)
{
	const struct est *e = r->e;
	const bool bytes = r->table.bytes;
	char buf[32], more[64];
	struct est_sums s;
	int64_t anon;

	est_sums(r, &s);
	anon = est_page_bytes(r, s.all.count.anon);
	for (const struct est_figure *f = est_figures; f->key; f++) {
		struct cli_cell cell = { 0 };

		f->get(&s.all, &cell);
		/* What does not occur is not worth a line, but for the first ones. */
		if (cell.state != CLI_VALUE || (f - est_figures > 3 && !cell.num))
			continue;
		share_text(more, sizeof(more), cell.num, f->depth ? anon : 0);
		est_line(f->text, f->depth,
		     cli_bytes(buf, sizeof(buf), cell.num, bytes), more);
	}
	putchar('\n');
	share_text(more, sizeof(more), s.saved, anon);
	print_range(r, "saved if merged", s.saved, s.low, s.high, r->e->p < 1 ? "" : more);
	est_line("metadata", 0, cli_bytes(buf, sizeof(buf), s.all.meta, bytes), "");
	print_range(r, "net", s.net, s.net_low, s.net_high, verdict(&s));
	if (e->total.huge >= 0.5)
		est_line("of it, splits huge pages", 1,
		     cli_bytes(buf, sizeof(buf), est_page_bytes(r, e->total.huge), bytes), "");
	if (e->total.cross >= 0.5)
		est_line("of it, across users", 1,
		     cli_bytes(buf, sizeof(buf), est_page_bytes(r, e->total.cross), bytes),
		     "pages become visible to other users by timing");
}

static int print_text(const struct est_report *r)
{
	struct est_list lists[EST_LISTS];
	const size_t n = est_lists(r, lists, false);
	const bool text = r->table.format == CLI_TEXT;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct est_list *l = &lists[i];
		const size_t shown = text && l->text_rows ? MIN(l->n, l->text_rows) : l->n;

		if (!rc)
			rc = cli_table_print(l->name, l->cols, l->ptrs, shown, &r->table);
		if (text && shown < l->n)
			printf("(%zu more: --csv or -J shows all)\n", l->n - shown);
		if (text)
			putchar('\n');
		est_list_fini(l);
	}
	if (text)
		print_sums(r);
	return rc;
}

/* What could not be seen is said: an estimate of half the machine must not pass for one. */
static void warn_unseen(const struct est *e)
{
	if (e->denied)
		cli_warn(0, "%zu process%s could not be read (%s)", e->denied,
			 e->denied == 1 ? "" : "es", ksm_right_hint(e->k, e->denied_by));
	if (e->vanished)
		cli_note("%zu processes ended or changed while they were read", e->vanished);
	if (e->count.unread)
		cli_warn(0, "%" PRIu64 " pages appeared while reading and were left out",
			 e->count.unread);
	if (!e->frames_known)
		cli_warn(0, "the kernel hides frame numbers (%s): pages that processes "
			    "share since fork and pages merged already are taken for one frame "
			    "when they are equal", ksm_right_hint(e->k, KSM_RIGHT_FRAMES));
}

/* Of namespaces nobody expects it: their tenants know nothing of each other. */
static void warn_namespaces(const struct est_report *r)
{
	const struct est *e = r->e;
	char merged_text[64] = "";
	size_t n = 0, merged = 0;

	if (!r->pairs || e->opt.by != KSM_GROUP_NAMESPACE)
		return;
	for (size_t a = 0; a < e->n_groups; a++)
		for (size_t b = a + 1; b < e->n_groups; b++) {
			n += e->pair[a * e->n_groups + b] >= 0.5;
			merged += e->frames_known && e->pair_merged[a * e->n_groups + b] >= 0.5;
		}
	if (merged)
		snprintf(merged_text, sizeof(merged_text), " (%zu of them share merged ones now)",
			 merged);
	if (n)
		cli_warn(0, "%zu pair%s of namespaces ha%s equal pages%s: where both merge, who is "
			    "in one can find out by timing what the other has (ksm-containers(7))",
			 n, n == 1 ? "" : "s", n == 1 ? "s" : "ve", merged_text);
}

int est_report_print(struct est_report *r)
{
	struct est *e = r->e;
	size_t named = 0, failed = 0;
	int rc = 0;

	/* Of those named, what came of each is told below. */
	if (!r->named || est_any_read(e))
		rc = r->table.format == CLI_JSON ? est_report_json(r) : print_text(r);
	warn_unseen(e);
	warn_namespaces(r);
	if (rc)
		return CLI_FAIL;
	for (size_t i = 0; r->named && i < e->n_procs; i++) {
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
