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
#include "libksm/sys.h"
#include "util/str.h"

/* The mappings of a busy process change while they are read: looks until they hold still. */
#define LOOKS_MAX 4

const char *adv_why(const struct ksm_inject_info *info, int rc, char *buf, size_t len)
{
	static const char *const hints[__KSM_INJECT_N] = {
		[KSM_INJECT_DENIED] = "needs root, or its owner",
		[KSM_INJECT_YAMA] = "as root, or set kernel.yama.ptrace_scope to 0",
		[KSM_INJECT_NO_CALL] = "-m auto uses madvise there",
		[KSM_INJECT_BUSY] = "try again when it runs",
		[KSM_INJECT_FROZEN] = "try again when it is thawed",
		[KSM_INJECT_UNSETTLED] = "try again",
		[KSM_INJECT_SLOW] = "it restores itself when that is done",
	};
	const char *text = ksm_inject_why_text(info->why);
	const char *hint = (unsigned int)info->why < __KSM_INJECT_N ? hints[info->why] : NULL;

	if (info->why == KSM_INJECT_TRACED && info->tracer)
		snprintf(buf, len, "traced by %d", (int)info->tracer);
	else if (info->why == KSM_INJECT_REFUSED)
		snprintf(buf, len, "%s: %s", text, strerror(-rc));
	else if (info->why == KSM_INJECT_FAILED || info->why == KSM_INJECT_FINE)
		snprintf(buf, len, "%s", strerror(-rc));
	else
		snprintf(buf, len, "%s%s%s%s", text, hint ? " (" : "", hint ? hint : "",
			 hint ? ")" : "");
	return buf;
}

/* ------------------------------------------------------------------ */
/* one process								*/

struct ranges {
	struct ksm_inject_range *v;
	size_t n, cap;
	bool on;
	int rc;
};

/* Mappings that lack the advice, or have it and shall lose it; neighbours become one. */
static int add_range(const struct ksm_vma *vma, void *arg)
{
	struct ranges *r = arg;
	struct ksm_inject_range *last = r->n ? &r->v[r->n - 1] : NULL;

	if (r->on ? vma->mergeable || vma->why != KSM_VMA_OK : !vma->mergeable)
		return 0;
	if (last && last->end == vma->start) {
		last->end = vma->end;
		return 0;
	}
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->v = xreallocarray(r->v, r->cap, sizeof(*r->v));
	}
	r->v[r->n++] = (struct ksm_inject_range){ .start = vma->start, .end = vma->end };
	return 0;
}

/* The first failure among the ranges; a mapping that has gone is none. */
static int ranges_rc(const struct ranges *r, size_t *changed)
{
	int rc = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!r->v[i].result)
			++*changed;
		else if (r->v[i].result != -ENOMEM && !rc)
			rc = r->v[i].result;
	}
	return rc;
}

int adv_process_madvise(struct adv *a, pid_t pid, bool on, struct adv_done *done)
{
	struct ranges r = { .on = on };
	int rc = 0;

	done->action = ADV_DO_MADVISE;
	done->mappings = 0;
	done->info = (struct ksm_inject_info){ .why = KSM_INJECT_FINE };
	for (int look = 0; look < LOOKS_MAX && !rc; look++) {
		r.n = 0;
		rc = ksm_vmas_walk(a->k, pid, add_range, &r);
		if (rc == -ESRCH)
			done->info.why = KSM_INJECT_GONE;
		else if (rc == -EACCES || rc == -EPERM)
			done->info.why = KSM_INJECT_DENIED;
		else if (rc)
			done->info.why = KSM_INJECT_FAILED;
		if (rc || !r.n)
			break;
		rc = ksm_inject_madvise(a->k, pid, r.v, r.n,
					on ? MADV_MERGEABLE : MADV_UNMERGEABLE, &done->info);
		if (rc)
			break;
		rc = ranges_rc(&r, &done->mappings);
		if (rc)
			done->info.why = KSM_INJECT_REFUSED;
	}
	free(r.v);
	return rc;
}

int adv_process_change(struct adv *a, pid_t pid, struct adv_done *done)
{
	struct ksm_proc p;
	int rc;

	*done = (struct adv_done){ .info = { .why = KSM_INJECT_FINE } };
	/* What cannot be read is found out, with its reason, by trying. */
	if (ksm_proc_read(a->k, pid, KSM_PROC_KSM | (a->disable ? KSM_PROC_EXACT : 0), &p))
		p.member = KSM_MEMBER_UNKNOWN;
	/* Without a line for it in ksm_stat, "any" is a guess from the mappings. */
	if (pid == getpid())
		p.member = KSM_MEMBER_UNKNOWN;
	done->action = adv_plan_process(&a->caps, a->mech, a->disable, p.member);
	if (done->action == ADV_DO_NOTHING && !p.kthread && p.state != 'Z')
		return 0;
	if (done->action == ADV_DO_MADVISE)
		return adv_process_madvise(a, pid, !a->disable, done);
	done->action = ADV_DO_PRCTL;
	rc = ksm_inject_merge_set(a->k, pid, !a->disable, &done->info);
	if (done->info.why == KSM_INJECT_NO_CALL && a->mech == ADV_AUTO)
		return adv_process_madvise(a, pid, !a->disable, done);
	/* What cannot be done need not be, if it is so already: kernels without that line. */
	if (rc && !a->disable && !ksm_proc_read(a->k, pid, KSM_PROC_KSM | KSM_PROC_EXACT, &p) &&
	    p.member == KSM_MEMBER_ANY) {
		done->action = ADV_DO_NOTHING;
		return 0;
	}
	/* One that had called madvise for all of its mappings looked the same. */
	if (!rc && a->disable && !ksm_proc_read(a->k, pid, KSM_PROC_KSM | KSM_PROC_EXACT, &p) &&
	    (p.member == KSM_MEMBER_MADVISE || p.member == KSM_MEMBER_ANY))
		return adv_process_madvise(a, pid, false, done);
	return rc;
}

/* ------------------------------------------------------------------ */
/* all of them								*/

void adv_attach_select(struct adv *a, pid_t **pids, size_t *n)
{
	char why[256];
	size_t kept = 0;
	int rc = ksm_select_run(a->k, &a->sel, pids, n, why, sizeof(why));

	if (rc == -EINVAL)
		cli_usage_error("%s", why);
	if (rc)
		cli_die(CLI_FAIL, rc, "cannot list processes");
	/* A pattern on command lines is part of our own. */
	for (size_t i = 0; i < *n; i++)
		if (a->sel.n_pids || (*pids)[i] != getpid())
			(*pids)[kept++] = (*pids)[i];
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

static void tell(const struct adv *a, pid_t pid, const struct adv_done *done)
{
	const char *what = a->disable ? "merging disabled" : "merging enabled";

	if (done->action == ADV_DO_NOTHING)
		cli_note("%d: nothing to do: %s", (int)pid,
			 a->disable ? "merging is off" : "merging is on");
	else if (done->action == ADV_DO_MADVISE && !done->mappings)
		cli_note("%d: nothing to do: no mapping %s", (int)pid,
			 a->disable ? "is mergeable" : "could be merged that is not already");
	else if (done->action == ADV_DO_MADVISE)
		cli_note("%d: %s (madvise on %zu ranges of mappings, stopped %u times for up to "
			 "%llu us)",
			 (int)pid, what, done->mappings, done->info.stops,
			 (unsigned long long)(done->info.stop_ns / 1000));
	else
		cli_note("%d: %s (prctl, stopped for %llu us)", (int)pid, what,
			 (unsigned long long)(done->info.stop_ns / 1000));
}

/*
 * Every page that leaves sharing needs one of its own.  Shared copies count too,
 * so this is the most that may be needed.
 */
static void check_memory(struct adv *a, const pid_t *pids, size_t n)
{
	char need[32], have[32];
	struct ksm_stats s;
	int64_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		struct ksm_proc p;

		if (!ksm_proc_read(a->k, pids[i], KSM_PROC_KSM, &p))
			bytes += (ksm_fig_or(p.ksm.merging_pages, 0) +
				  ksm_fig_or(p.ksm.zero_pages, 0)) *
				 (int64_t)ksm_page_size(a->k);
	}
	if (ksm_stats_read(a->k, &s) || !ksm_fig_has(s.mem_available_bytes))
		return;
	cli_bytes(need, sizeof(need), bytes, false);
	cli_bytes(have, sizeof(have), s.mem_available_bytes.v, false);
	cli_note("disabling needs up to %s; available are %s", need, have);
	if (bytes <= s.mem_available_bytes.v)
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
	pid_t *pids __cleanup_free = NULL;
	size_t n, done = 0, failed = 0;

	check_kernel(a);
	adv_attach_select(a, &pids, &n);
	if (a->disable)
		check_memory(a, pids, n);
	for (size_t i = 0; i < n; i++) {
		struct adv_done d;
		char why[256];
		int rc = adv_process_change(a, pids[i], &d);

		if (!rc) {
			tell(a, pids[i], &d);
			pids[done++] = pids[i];
		} else if (rc != -ESRCH || is_named(a, pids[i])) {
			failed++;
			cli_error(0, "%d: cannot %s merging: %s", (int)pids[i],
				  a->disable ? "disable" : "enable",
				  adv_why(&d.info, rc, why, sizeof(why)));
		}
	}
	if (done && a->wait) {
		int code = adv_settle(a, pids, done);

		if (code != CLI_OK)
			return code;
	} else if (done && !a->disable) {
		adv_scanner_hint(a);
	}
	if (!failed)
		return CLI_OK;
	return done ? CLI_PARTIAL : CLI_FAIL;
}
