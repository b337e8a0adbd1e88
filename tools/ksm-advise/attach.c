// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach.c - change running processes, one after another, and count.
 *
 * Each failure is one line with its reason, and the others go on.  A process
 * that a pattern selected and that ended meanwhile is no failure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"

static enum ksm_advise_how how(const struct adv *a)
{
	/* -m inject: the calls of the mappings, not that of the process. */
	if (a->mech == ADV_INJECT)
		return KSM_ADVISE_MADVISE;
	return a->mech == ADV_PRCTL ? KSM_ADVISE_PRCTL : KSM_ADVISE_AUTO;
}

enum ksm_advise_action adv_process_plan(const struct adv *a, enum ksm_member now)
{
	return ksm_advise_plan(&a->caps, how(a), !a->disable, now);
}

/* ------------------------------------------------------------------ */
/* all of them								*/

void adv_attach_select(struct adv *a, struct ksm_ident **ids, size_t *n)
{
	char why[256];
	size_t kept = 0;
	int rc = ksm_select_run(a->k, &a->sel, ids, n, why, sizeof(why));

	if (rc == -EINVAL)
		cli_usage_error("%s", why);
	if (rc)
		cli_die(CLI_FAIL, rc, "cannot list processes");
	/* A pattern on command lines is part of our own. */
	for (size_t i = 0; i < *n; i++)
		if (a->sel.n_pids || (*ids)[i].pid != getpid())
			(*ids)[kept++] = (*ids)[i];
	*n = kept;
	if (!*n)
		cli_die(CLI_FAIL, 0, "no process matches");
}

static bool is_named(const struct adv *a, pid_t pid)
{
	for (size_t i = 0; i < a->sel.n_pids; i++)
		if (a->sel.pids[i] == pid)
			return true;
	return false;
}

static void tell(const struct adv *a, pid_t pid, const struct ksm_advised *done)
{
	const char *what = a->disable ? "merging disabled" : "merging enabled";

	if (done->action == KSM_ADVISE_NOTHING)
		cli_note("%d: nothing to do: %s", (int)pid,
			 a->disable ? "merging is off" : "merging is on");
	else if (done->action == KSM_ADVISE_BY_MADVISE && !done->mappings)
		cli_note("%d: nothing to do: no mapping %s", (int)pid,
			 a->disable ? "is mergeable" : "could be merged that is not already");
	else if (done->action == KSM_ADVISE_BY_MADVISE)
		cli_note("%d: %s (madvise on %zu ranges of mappings, stopped %u times for up to "
			 "%llu us)",
			 (int)pid, what, done->mappings, done->info.stops,
			 (unsigned long long)(done->info.stop_ns / 1000));
	else
		cli_note("%d: %s (prctl, stopped for %llu us)", (int)pid, what,
			 (unsigned long long)(done->info.stop_ns / 1000));
}

static void check_memory(struct adv *a, const struct ksm_ident *ids, size_t n)
{
	char need[32], have[32];
	struct ksm_fig available;
	int64_t bytes;

	ksm_advise_memory(a->k, ids, n, &bytes, &available);
	if (!ksm_fig_has(available))
		return;
	cli_bytes(need, sizeof(need), bytes, false);
	cli_bytes(have, sizeof(have), available.v, false);
	cli_note("disabling needs up to %s; available are %s", need, have);
	if (bytes <= available.v)
		return;
	if (!a->force)
		cli_die(CLI_FAIL, 0, "not disabled: it may need %s, and %s are available "
				     "(free some, or use --force)",
			need, have);
	cli_warn(0, "disabling may need %s, and %s are available; going on as --force says", need,
		 have);
}

static void check_kernel(struct adv *a)
{
	if (!ksm_is_live(a->k))
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump of a system has no running processes",
			a->sysroot);
	if (!a->caps.ksm && !a->caps.prctl)
		cli_die(CLI_UNSUPPORTED, 0,
			"/sys/kernel/mm/ksm: this kernel has no KSM "
			"(it needs Linux 2.6.32 or later with CONFIG_KSM, and /sys mounted)");
	if (a->mech == ADV_PRCTL && !a->caps.prctl)
		cli_die(CLI_UNSUPPORTED, 0,
			"this kernel has no PR_SET_MEMORY_MERGE (it needs Linux 6.4 or later)");
}

int adv_attach(struct adv *a)
{
	struct ksm_ident *ids __cleanup_free = NULL;
	size_t n, done = 0, failed = 0;

	check_kernel(a);
	adv_attach_select(a, &ids, &n);
	if (a->disable)
		check_memory(a, ids, n);
	for (size_t i = 0; i < n; i++) {
		const struct ksm_whom whom = { .id = ids[i], .sel = &a->sel };
		struct ksm_advised d;
		char why[256];
		int rc = ksm_advise_process(a->k, &a->caps, &whom, how(a), !a->disable, &d);

		if (!rc) {
			tell(a, ids[i].pid, &d);
			ids[done++] = ids[i];
		} else if (rc != -ESRCH || is_named(a, ids[i].pid)) {
			failed++;
			cli_error(0, "%d: cannot %s merging: %s", (int)ids[i].pid,
				  a->disable ? "disable" : "enable",
				  ksm_advise_why(&d.info, rc, why, sizeof(why)));
		}
	}
	if (done && a->wait) {
		int code = adv_settle(a, ids, done);

		if (code != CLI_OK)
			return code;
	} else if (done && !a->disable) {
		adv_scanner_hint(a);
	}
	if (!failed)
		return CLI_OK;
	return done ? CLI_PARTIAL : CLI_FAIL;
}
