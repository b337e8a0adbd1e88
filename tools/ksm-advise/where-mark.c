// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where-mark.c - --where-it-pays: the ranges that were chosen are made mergeable.
 *
 * What is going to be marked is written down before it is done, so that whatever
 * ends us leaves nothing that -d could not find.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "inject/marks.h"
#include "ksm-advise/where.h"
#include "util/num.h"

static const struct ksm_ident *find_ident(const struct where *w, const struct est_proc *p)
{
	for (size_t i = 0; i < w->n_ids; i++)
		if (w->ids[i].pid == p->pid && w->ids[i].start_ticks == p->start_ticks)
			return &w->ids[i];
	return NULL;
}

/* The ranges of one process, of all that were chosen. */
static int chosen_of(const struct where *w, const struct est_proc *p, struct ksm_marks *out,
		     uint64_t *pages)
{
	int rc = 0;

	*pages = 0;
	for (size_t i = 0; i < w->found.n && !rc; i++) {
		const struct est_range *r = &w->found.range[i];

		if (r->proc != p || r->seg->ours)
			continue;
		rc = ksm_marks_add(out, r->start, r->end);
		*pages += r->pages;
	}
	return rc;
}

/* Without a note the marks can be undone all the same, but not told from the program's own. */
static void warn_unnoted(const struct where *w, const struct ksm_ident *id,
			 const struct ksm_marks *before, int rc)
{
	const char *hint = "";

	if (before->n)
		hint = " (so -d will take back only what was noted before)";
	else if (w->a->caps.prctl)
		hint = " (so -d will need --madvised)";
	cli_warn(rc, "%d: cannot note what is marked%s", (int)id->pid, hint);
}

/* What is going to be marked, to what is noted already, which goes to @before. */
static void remember(struct where *w, const struct ksm_ident *id, const struct ksm_marks *new,
		     struct ksm_marks *before)
{
	struct ksm_marks all = { 0 };
	int rc = ksm_marks_read(w->a->k, NULL, id, before);

	/* A broken note is replaced. */
	if (rc == -ENOENT || rc == -EPROTO)
		rc = 0;
	for (size_t i = 0; i < before->n && !rc; i++)
		rc = ksm_marks_add(&all, before->range[i].start, before->range[i].end);
	for (size_t i = 0; i < new->n && !rc; i++)
		rc = ksm_marks_add(&all, new->range[i].start, new->range[i].end);
	all.since_ticks = before->since_ticks;
	if (!rc)
		rc = ksm_marks_write(w->a->k, NULL, id, &all);
	ksm_marks_fini(&all);
	/* One that has gone is told when it comes to marking it. */
	if (rc && rc != -ESRCH)
		warn_unnoted(w, id, before, rc);
}

static void tell(const struct where *w, const struct ksm_ident *id, size_t ranges, uint64_t pages,
		 const struct ksm_inject_info *info)
{
	char size[32];

	cli_bytes(size, sizeof(size), num_mul_sat(pages, w->e.page_size), w->a->table.bytes);
	cli_note("%d: merging enabled for %s in %zu range%s (madvise, stopped %u time%s for up to "
		 "%llu us%s)",
		 (int)id->pid, size, ranges, ranges == 1 ? "" : "s", info->stops,
		 info->stops == 1 ? "" : "s", (unsigned long long)info->stop_ns / 1000,
		 info->suspended ? ", its seccomp filter suspended" : "");
}

static int mark(struct where *w, const struct ksm_ident *id, const struct ksm_marks *m,
		uint64_t pages)
{
	const struct ksm_portions_how how = { .on = true, .only = m->range, .n_only = m->n };
	const struct ksm_whom whom = { .id = *id, .sel = &w->a->sel };
	struct ksm_inject_info info;
	struct ksm_portions done;
	struct ksm_marks before;
	char why[256];
	int rc;

	remember(w, id, m, &before);
	rc = ksm_portions_run(w->a->k, &whom, &how, &done, &info);
	if (!rc)
		tell(w, id, m->n, pages, &info);
	else if (rc != -ESRCH || adv_is_named(w->a, id->pid))
		cli_error(0, "%d: cannot enable merging: %s", (int)id->pid,
			  ksm_advise_why(&info, rc, why, sizeof(why)));
	/* What was not done is not noted; of what was done in part, all is. */
	if (rc && !done.pieces)
		(void)ksm_marks_write(w->a->k, NULL, id, &before);
	ksm_marks_fini(&before);
	return rc;
}

int adv_where_mark_process(struct where *w, const struct est_proc *p, size_t *ranges)
{
	const struct ksm_ident *id = find_ident(w, p);
	struct ksm_marks m = { 0 };
	uint64_t pages;
	int rc = id ? chosen_of(w, p, &m, &pages) : -ESRCH;

	if (rc == -ENOMEM)
		cli_die(CLI_FAIL, rc, "allocate");
	*ranges = m.n;
	if (!rc && m.n)
		rc = mark(w, id, &m, pages);
	ksm_marks_fini(&m);
	return rc;
}

int adv_where_mark(struct where *w)
{
	struct ksm_ident *done __cleanup_free = xcalloc(w->e.n_procs, sizeof(*done));
	size_t n_done = 0, failed = 0;
	char text[160];
	int code = CLI_OK;

	ksm_marks_sweep(w->a->k, NULL);
	for (size_t i = 0; i < w->e.n_procs; i++) {
		const struct est_proc *p = w->e.procs[i];
		size_t ranges;
		const int rc = p->rc ? p->rc : adv_where_mark_process(w, p, &ranges);

		if (!rc)
			done[n_done++] = (struct ksm_ident){ .pid = p->pid,
							     .start_ticks = p->start_ticks };
		else if (!p->rc)
			failed += rc != -ESRCH || adv_is_named(w->a, p->pid);
	}
	if (!n_done)
		return CLI_FAIL;
	if (cli_verbosity() >= 0)
		puts(adv_where_sums(w, text, sizeof(text)));
	if (w->a->wait)
		code = adv_settle(w->a, done, n_done);
	else
		adv_scanner_hint(w->a);
	return failed && code == CLI_OK ? CLI_PARTIAL : code;
}
