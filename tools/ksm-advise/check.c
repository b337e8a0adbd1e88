// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check.c - --check: how processes take part now, and what would be done.
 *
 * Reads only.  Whether a process would be refused is asked of inject.h, which
 * goes as far as it can without stopping anybody.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "inject/marks.h"
#include "ksm-advise/advise.h"
#include "util/str.h"

struct row {
	struct ksm_proc p;
	struct ksm_proc_status status;
	struct str command;
	struct str action;
	const char *user;
	int64_t page_size;
};

static void get_pid(const void *row, struct cli_cell *out)
{
	out->num = ((const struct row *)row)->p.pid;
}

static void get_user(const void *row, struct cli_cell *out)
{
	out->str = ((const struct row *)row)->user;
}

static void get_state(const void *row, struct cli_cell *out)
{
	const struct row *r = row;

	if (r->p.kthread || r->p.member == KSM_MEMBER_ABSENT)
		out->state = CLI_ABSENT;
	else
		out->str = ksm_member_name(r->p.member);
}

static void get_merging(const void *row, struct cli_cell *out)
{
	const struct row *r = row;
	const struct ksm_fig f = r->p.ksm.merging_pages;

	if (f.state == KSM_DENIED)
		out->state = CLI_DENIED;
	else if (f.state != KSM_VALUE)
		out->state = CLI_ABSENT;
	out->num = f.v * r->page_size;
}

static void get_threads(const void *row, struct cli_cell *out)
{
	out->num = ((const struct row *)row)->status.threads;
}

static void get_action(const void *row, struct cli_cell *out)
{
	out->str = str_get(&((const struct row *)row)->action);
}

static void get_command(const void *row, struct cli_cell *out)
{
	out->str = str_get(&((const struct row *)row)->command);
}

const struct cli_col adv_check_cols[] = {
	{ .name = "PID", .help = "process", .kind = CLI_NUM, .width = 6, .get = get_pid },
	{ .name = "USER", .help = "its user", .width = 8, .hidden = true, .get = get_user },
	{ .name = "STATE", .help = "what of it is mergeable: any, madvise, off", .width = 7,
	  .get = get_state },
	{ .name = "MERGING", .help = "memory that is merged, the shared copy included",
	  .kind = CLI_BYTES, .width = 9, .hidden = true, .get = get_merging },
	{ .name = "THREADS", .help = "number of threads", .kind = CLI_NUM, .width = 3,
	  .hidden = true, .get = get_threads },
	{ .name = "ACTION", .help = "what would be done, or why not", .width = 0.4, .trunc = true,
	  .get = get_action },
	{ .name = "COMMAND", .help = "command line", .width = 0.4, .trunc = true,
	  .get = get_command },
	{ 0 },
};

/* What the files of a dump tell of it; the rest nobody can know. */
static void dump_refusal(struct row *r)
{
	const char *why = NULL;

	if (r->p.kthread)
		why = ksm_inject_why_text(KSM_INJECT_KTHREAD);
	else if (r->status.threads <= 1 && (r->p.state == 'Z' || r->p.state == 'X'))
		why = ksm_inject_why_text(KSM_INJECT_ZOMBIE);
	if (why)
		str_addf(&r->action, "refused: %s", why);
	else if (r->status.tracer > 0)
		str_addf(&r->action, "refused: traced by %d", (int)r->status.tracer);
}

/* The reason why it would be refused, found by who would refuse it. */
static bool refusal(struct adv *a, struct row *r)
{
	const struct ksm_whom whom = { .id = { .pid = r->p.pid, .start_ticks = r->p.start_ticks } };
	struct ksm_inject_info info;
	char why[256];
	int rc;

	if (!ksm_is_live(a->k)) {
		dump_refusal(r);
	} else {
		rc = ksm_inject_check(a->k, &whom, &info);
		if (rc)
			str_addf(&r->action, "refused: %s",
				 ksm_advise_why(&info, rc, why, sizeof(why)));
	}
	return r->action.len > 0;
}

struct count {
	unsigned int mappings;
	bool on;
};

static int count_vma(const struct ksm_vma *vma, void *arg)
{
	struct count *c = arg;

	if (c->on ? !vma->mergeable && vma->why == KSM_VMA_OK : vma->mergeable)
		c->mappings++;
	return 0;
}

static bool is_noted(struct adv *a, const struct row *r)
{
	const struct ksm_ident id = { .pid = r->p.pid, .start_ticks = r->p.start_ticks };
	struct ksm_marks m = { 0 };
	const bool noted = ksm_is_live(a->k) && !ksm_marks_read(a->k, NULL, &id, &m) && m.n;

	ksm_marks_fini(&m);
	return noted;
}

static void foresee(struct adv *a, struct row *r)
{
	const bool noted = a->disable && is_noted(a, r);
	const enum ksm_advise_action action = adv_process_plan(a, r->p.member, noted);
	const char *what = a->disable ? "disable" : "enable";
	struct count c = { .on = !a->disable };

	if (r->p.member == KSM_MEMBER_ABSENT)
		str_add(&r->action, "refused: this kernel has no KSM");
	else if (action == KSM_ADVISE_NOTHING)
		str_addf(&r->action, "nothing: merging is %s", a->disable ? "off" : "on");
	else if (refusal(a, r))
		return;
	else if (action == KSM_ADVISE_NOT_OURS)
		str_add(&r->action, "refused: the program itself asked for it (--madvised)");
	else if (action == KSM_ADVISE_OUR_MARKS)
		str_add(&r->action, "disable what was marked where it pays");
	else if (action == KSM_ADVISE_BY_PRCTL)
		str_addf(&r->action, "%s by prctl", what);
	else if (!ksm_vmas_walk(a->k, r->p.pid, count_vma, &c))
		str_addf(&r->action, "%s by madvise (%u mappings)", what, c.mappings);
	else
		str_addf(&r->action, "%s by madvise", what);
	/* What the filter says is known when the process is stopped, and not before. */
	if (r->status.seccomp > 0 && r->p.member != KSM_MEMBER_ABSENT &&
	    action != KSM_ADVISE_NOTHING && action != KSM_ADVISE_NOT_OURS)
		str_add(&r->action, " (seccomp filter)");
}

static void set_command(struct adv *a, struct row *r)
{
	char *line __cleanup_free = NULL;
	size_t len;

	if (ksm_proc_cmdline(a->k, r->p.pid, &line, &len) || !len) {
		str_addf(&r->command, "[%s]", r->p.comm);
		return;
	}
	str_addmem(&r->command, line, ksm_cmdline_show(line, len));
}

/* 0 or -errno. */
static int fill(struct adv *a, const struct ksm_ident *id, struct row *r)
{
	int rc = ksm_proc_read_same(a->k, id, KSM_PROC_KSM | KSM_PROC_EXACT | KSM_PROC_UID,
				    &r->p);

	if (rc)
		return rc;
	rc = ksm_proc_status_read(a->k, id->pid, &r->status);
	if (rc)
		return rc;
	r->page_size = (int64_t)ksm_page_size(a->k);
	r->user = ksm_user_name(a->k, r->p.uid);
	set_command(a, r);
	foresee(a, r);
	return str_err(&r->action) ?: str_err(&r->command);
}

int adv_check(struct adv *a)
{
	struct ksm_ident *ids __cleanup_free = NULL;
	struct row *rows __cleanup_free = NULL;
	const void **shown __cleanup_free = NULL;
	size_t n, count = 0, failed = 0;
	int rc;

	adv_attach_select(a, &ids, &n);
	rows = xcalloc(n, sizeof(*rows));
	shown = xcalloc(n, sizeof(*shown));
	for (size_t i = 0; i < n; i++) {
		rc = fill(a, &ids[i], &rows[i]);
		if (!rc) {
			shown[count++] = &rows[i];
		} else if (rc != -ESRCH || adv_is_named(a, ids[i].pid)) {
			cli_error(0, "%d: cannot check: %s", (int)ids[i].pid,
				  rc == -ESRCH ? "no such process" : strerror(-rc));
			failed++;
		}
	}
	rc = count ? cli_table_print("processes", adv_check_cols, shown, count, &a->table) : 0;
	for (size_t i = 0; i < n; i++) {
		str_fini(&rows[i].command);
		str_fini(&rows[i].action);
	}
	if (rc)
		return CLI_FAIL;
	if (!failed)
		return CLI_OK;
	return count ? CLI_PARTIAL : CLI_FAIL;
}
