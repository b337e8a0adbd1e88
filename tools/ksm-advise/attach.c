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
#include "cli/xalloc.h"
#include "ksm-advise/advise.h"

static struct ksm_advise_want want(const struct adv *a)
{
	static const enum ksm_advise_how hows[__ADV_MECH_N] = {
		[ADV_AUTO] = KSM_ADVISE_AUTO,
		[ADV_PRCTL] = KSM_ADVISE_PRCTL,
		/* The calls of the mappings, not that of the process. */
		[ADV_INJECT] = KSM_ADVISE_MADVISE,
	};

	return (struct ksm_advise_want){ .how = hows[a->mech], .on = !a->disable, .all = a->all };
}

enum ksm_advise_action adv_process_plan(const struct adv *a, enum ksm_member now, bool noted)
{
	struct ksm_advise_want w = want(a);

	w.noted = noted;
	return ksm_advise_plan(&a->caps, &w, now);
}

/* ------------------------------------------------------------------ */
/* all of them								*/

void adv_attach_select(struct adv *a, struct ksm_ident **ids, size_t *n)
{
	char why[256];
	size_t kept = 0;
	int rc = ksm_select_run(a->k, &a->sel, ids, n, why, sizeof(why));

	/* Of a user or a control group, we are one ourselves for as long as this takes. */
	for (size_t i = 0; !rc && i < *n; i++)
		if (a->sel.n_pids || (*ids)[i].pid != getpid())
			(*ids)[kept++] = (*ids)[i];
	*n = kept;
	cli_selected(rc, why, *n);
}

bool adv_is_named(const struct adv *a, pid_t pid)
{
	for (size_t i = 0; i < a->sel.n_pids; i++)
		if (a->sel.pids[i] == pid)
			return true;
	return false;
}

static void tell_on(pid_t pid, const struct ksm_advised *done)
{
	const unsigned long long us = done->info.stop_ns / 1000;
	const char *filter = done->info.suspended ? ", its seccomp filter suspended" : "";

	if (done->action == KSM_ADVISE_NOTHING && !done->portions.pieces)
		cli_note("%d: nothing to do: merging is on", (int)pid);
	else if (done->action == KSM_ADVISE_BY_PRCTL)
		cli_note("%d: merging enabled (prctl, stopped for %llu us%s)", (int)pid, us,
			 filter);
	else if (!done->portions.pieces)
		cli_note("%d: nothing to do: no mapping could be merged that is not already",
			 (int)pid);
	else
		cli_note("%d: merging enabled (madvise on %llu ranges of mappings, stopped %u times "
			 "for up to %llu us%s)",
			 (int)pid, (unsigned long long)done->portions.pieces, done->info.stops, us,
			 filter);
}

/* 0 or -errno, after a message.  @idle: it was so already. */
static int change(struct adv *a, const struct ksm_ident *id, bool *idle)
{
	const struct ksm_whom whom = { .id = *id, .sel = &a->sel };
	const pid_t pid = id->pid;
	struct adv_off off = { .a = a, .pid = pid };
	struct ksm_advise_want w = want(a);
	struct ksm_advised d;
	char why[256];
	int rc;

	w.step = adv_off_step;
	w.arg = &off;
	rc = ksm_advise_process(a->k, &a->caps, &whom, &w, &d);
	*idle = !rc && d.action == KSM_ADVISE_NOTHING && !d.portions.pieces;
	if (a->disable && adv_off_tell(&off, &d, rc))
		return rc;
	if (!rc)
		tell_on(pid, &d);
	else if (rc != -ESRCH || adv_is_named(a, pid))
		cli_error(0, "%d: cannot %s merging: %s", (int)pid,
			  a->disable ? "disable" : "enable",
			  ksm_advise_why(&d.info, rc, why, sizeof(why)));
	return rc;
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

/* How often to look for new descendants. */
#define LOOKS_MAX 64

/* Processes that are changed, in the order in which they were found. */
struct batch {
	struct ksm_ident *ids;
	size_t n, at;		/* all; how many of them were looked at */
	struct ksm_ident *done;
	size_t n_done, failed;
	bool unfinished;	/* there were always new ones */
};

/* What there is and has not been looked at.  True when something had to be changed. */
static bool change_all(struct adv *a, struct batch *b)
{
	bool changed = false;

	b->done = xreallocarray(b->done, b->n, sizeof(*b->done));
	for (; b->at < b->n && !adv_off_ended(); b->at++) {
		const struct ksm_ident *id = &b->ids[b->at];
		bool idle;
		int rc = change(a, id, &idle);

		changed |= !rc && !idle;
		if (!rc)
			b->done[b->n_done++] = *id;
		else
			b->failed += rc != -ESRCH || adv_is_named(a, id->pid);
	}
	return changed;
}

/*
 * With --tree, children may have been forked before their parent was changed and
 * after it was listed.  Later ones inherit the setting: when a look finds none that
 * had to be changed, there are no more.
 */
static void change_tree(struct adv *a, struct batch *b)
{
	for (int look = 0; change_all(a, b) && a->sel.tree && !adv_off_ended(); look++) {
		int rc = ksm_select_more(a->k, &b->ids, &b->n);

		if (rc < 0)
			cli_die(CLI_FAIL, 0, "cannot list processes: %s", ksm_list_why(rc));
		if (!rc)
			break;
		b->unfinished = look == LOOKS_MAX;
		if (b->unfinished) {
			cli_warn(0, "new descendants appear faster than they can be changed");
			break;
		}
	}
}

static int attach(struct adv *a, struct batch *b)
{
	adv_attach_select(a, &b->ids, &b->n);
	if (a->disable) {
		adv_off_check_memory(a, b->ids, b->n);
		adv_off_begin();
	}
	change_tree(a, b);
	if (adv_off_ended())
		return adv_off_end(CLI_FAIL);
	if (b->n_done && a->wait) {
		int code = adv_settle(a, b->done, b->n_done);

		if (code != CLI_OK)
			return code;
	} else if (b->n_done && !a->disable) {
		adv_scanner_hint(a);
	}
	if (!b->failed && !b->unfinished)
		return CLI_OK;
	return b->n_done ? CLI_PARTIAL : CLI_FAIL;
}

int adv_attach(struct adv *a)
{
	struct batch b = { 0 };
	int code;

	check_kernel(a);
	code = attach(a, &b);
	free(b.ids);
	free(b.done);
	return code;
}
