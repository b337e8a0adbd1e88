// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * select.c - whom to read; progress; and what to say when the estimator fails.
 */
#include "ksm-estimate/report.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void show_progress(const struct est_progress *now, void *arg __unused)
{
	char buf[32], text[160];
	const char *size = cli_bytes(buf, sizeof(buf), now->bytes, false);

	if (now->pass > 1)
		snprintf(text, sizeof(text), "pass %u of %u, %s", now->pass, now->passes, size);
	else
		snprintf(text, sizeof(text), "reading, %s", size);
	cli_progress(now->share, text);
}

/* Each process that is open takes some. */
static void more_files(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static _Noreturn void die(const struct est *e, int rc)
{
	switch (e->why) {
	case EST_NO_ROOM:
		cli_die(CLI_FAIL, rc, "cannot reserve memory for %zu pages", e->cap_recs);
	case EST_NO_THREAD:
		cli_die(CLI_FAIL, rc, "cannot start a thread");
	case EST_TOO_MANY:
		cli_die(CLI_FAIL, 0, "%s", est_why_text(e->why, rc));
	case EST_NO_FILES:
		cli_die(CLI_FAIL, rc, "cannot read %zu processes again", e->n_procs);
	case EST_LACKING:
		cli_die(CLI_UNSUPPORTED, 0, "%s", est_why_text(e->why, rc));
	case EST_BLIND:
		cli_die(CLI_FAIL, 0, "cannot look into our own memory: %s", ksm_errmsg(e->k));
	case EST_PAIRS:
		cli_die(CLI_FAIL, 0, "--pairs: %zu processes or groups, the limit is %d "
			"(select fewer, or group them with --by)",
			e->n_groups, EST_PAIR_GROUPS_MAX);
	case EST_OVER_MEMORY:
		cli_die(CLI_FAIL, 0, "--max-memory: it does not suffice "
			"(select fewer processes, or leave out --full and --passes)");
	default:
		cli_die(CLI_FAIL, rc, "allocate");
	}
}

static void select_procs(struct est *e, const struct ksm_select *sel)
{
	char why[256] = "";
	struct ksm_ident *ids;
	size_t n;
	int added, rc = ksm_select_run(e->k, sel, &ids, &n, why, sizeof(why));

	e->opt.kthreads = sel->n_pids > 0;
	for (size_t i = 0; i < n; i++) {
		added = est_add(e, &ids[i]);
		if (added)
			die(e, added);
	}
	free(ids);
	if (rc || e->n_procs || *why || sel->match || sel->user || sel->cgroup || sel->n_pids)
		cli_selected(rc, why, e->n_procs);
	else
		cli_die(CLI_FAIL, 0, "/proc: it shows no other process "
			"(is it mounted with hidepid=2, or of a container?)");
}

/* Those that are not counted, because what happened to them is out of the ordinary. */
static void warn_unreadable(const struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++)
		switch (e->procs[i]->rc) {
		case 0:
		case -EACCES:
		case -EPERM:
		case -ESRCH:
		case -ENOENT:
			break;
		default:
			cli_warn(e->procs[i]->rc, "%d: not readable", (int)e->procs[i]->pid);
		}
}

bool est_any_read(const struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++)
		if (!e->procs[i]->rc || e->procs[i]->n_segs)
			return true;
	return false;
}

/* Nothing could be read: then there is no estimate, and zeroes would pass for one. */
static void check_read(struct est *e, const struct ksm_select *sel)
{
	if (est_any_read(e))
		return;
	if (e->lacking) {
		e->why = EST_LACKING;
		die(e, -EOPNOTSUPP);
	}
	/* Those named are told one by one. */
	if (sel->n_pids)
		return;
	if (e->denied)
		cli_die(CLI_FAIL, 0, "none of %zu process%s could be read (%s)", e->denied,
			e->denied == 1 ? "" : "es", ksm_right_hint(e->k, e->denied_by));
	cli_die(CLI_FAIL, 0, "all of %zu processes ended before they were read", e->n_procs);
}

void est_select_and_read(struct est *e, const struct ksm_select *sel)
{
	int rc;

	more_files();
	select_procs(e, sel);
	e->opt.progress = show_progress;
	rc = est_read(e);
	cli_progress(-1, NULL);
	if (rc)
		die(e, rc);
	warn_unreadable(e);
	check_read(e, sel);
	rc = est_decide(e);
	if (rc)
		die(e, rc);
}
