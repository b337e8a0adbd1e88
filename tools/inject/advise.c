// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * advise.c - switch merging on and off in a running process.
 *
 * Which call is made depends on the kernel and on how the process takes part;
 * that decision is pure.  Whoever lists the processes, tells people, and goes on
 * after a failure is a tool's own business.
 */
#include "inject/advise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libksm/sys.h"
#include "util/num.h"

/* The mappings of a busy process change while they are read: looks until they hold still. */
#define LOOKS_MAX 4

enum ksm_advise_action ksm_advise_plan(const struct ksm_caps *caps, enum ksm_advise_how how,
				       bool on, enum ksm_member now)
{
	const bool prctl = how == KSM_ADVISE_PRCTL ||
			   (caps->prctl && how != KSM_ADVISE_MADVISE);
	const enum ksm_advise_action action = prctl ? KSM_ADVISE_BY_PRCTL : KSM_ADVISE_BY_MADVISE;

	if (on)
		return now == KSM_MEMBER_ANY ? KSM_ADVISE_NOTHING : action;
	switch (now) {
	case KSM_MEMBER_OFF:
		return KSM_ADVISE_NOTHING;
	case KSM_MEMBER_MADVISE:
		/* The prctl undoes only what it did. */
		return KSM_ADVISE_BY_MADVISE;
	default:
		return action;
	}
}

const char *ksm_advise_why(const struct ksm_inject_info *info, int rc, char *buf, size_t len)
{
	static const char *const hints[__KSM_INJECT_N] = {
		[KSM_INJECT_DENIED] = "needs root, or its owner",
		[KSM_INJECT_YAMA] = "as root, or set kernel.yama.ptrace_scope to 0",
		[KSM_INJECT_UNDUMPABLE] = "needs root, or CAP_SYS_PTRACE",
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
	else if (info->why == KSM_INJECT_SHARED)
		snprintf(buf, len, "%s (%d)", text, (int)info->sharer);
	else if (info->why == KSM_INJECT_REFUSED)
		snprintf(buf, len, "%s: %s", text, strerror(-rc));
	else if (info->why == KSM_INJECT_FAILED || info->why == KSM_INJECT_FINE)
		snprintf(buf, len, "%s", strerror(-rc));
	else
		snprintf(buf, len, "%s%s%s%s", text, hint ? " (" : "", hint ? hint : "",
			 hint ? ")" : "");
	return buf;
}

struct ranges {
	struct ksm_inject_range *v;
	size_t n, cap;
	bool on;
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
		const size_t cap = r->cap ? 2 * r->cap : 64;
		struct ksm_inject_range *more = reallocarray(r->v, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->v = more;
		r->cap = cap;
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

int ksm_advise_mappings(struct ksm *k, const struct ksm_whom *whom, bool on, struct ksm_advised *out)
{
	struct ranges r = { .on = on };
	int rc = 0;

	out->action = KSM_ADVISE_BY_MADVISE;
	out->mappings = 0;
	out->info = (struct ksm_inject_info){ .why = KSM_INJECT_FINE };
	for (int look = 0; look < LOOKS_MAX && !rc; look++) {
		r.n = 0;
		rc = ksm_vmas_walk(k, whom->id.pid, add_range, &r);
		if (rc == -ESRCH)
			out->info.why = KSM_INJECT_GONE;
		else if (rc == -EACCES || rc == -EPERM)
			out->info.why = KSM_INJECT_DENIED;
		else if (rc)
			out->info.why = KSM_INJECT_FAILED;
		if (rc || !r.n)
			break;
		rc = ksm_inject_madvise(k, whom, r.v, r.n,
					on ? MADV_MERGEABLE : MADV_UNMERGEABLE, &out->info);
		if (rc)
			break;
		rc = ranges_rc(&r, &out->mappings);
		if (rc)
			out->info.why = KSM_INJECT_REFUSED;
	}
	free(r.v);
	return rc;
}

int ksm_advise_process(struct ksm *k, const struct ksm_caps *caps, const struct ksm_whom *whom,
		       enum ksm_advise_how how, bool on, struct ksm_advised *out)
{
	struct ksm_proc p;
	int rc;

	*out = (struct ksm_advised){ .info = { .why = KSM_INJECT_FINE } };
	/* What cannot be read is found out, with its reason, by trying. */
	if (ksm_proc_read_same(k, &whom->id, KSM_PROC_KSM | (on ? 0 : KSM_PROC_EXACT), &p))
		p.member = KSM_MEMBER_UNKNOWN;
	/* Without a line for it in ksm_stat, "any" is a guess from the mappings. */
	if (whom->id.pid == getpid())
		p.member = KSM_MEMBER_UNKNOWN;
	out->action = ksm_advise_plan(caps, how, on, p.member);
	if (out->action == KSM_ADVISE_NOTHING && !p.kthread && p.state != 'Z')
		return 0;
	if (out->action == KSM_ADVISE_BY_MADVISE)
		return ksm_advise_mappings(k, whom, on, out);
	out->action = KSM_ADVISE_BY_PRCTL;
	rc = ksm_inject_merge_set(k, whom, on, &out->info);
	if (out->info.why == KSM_INJECT_NO_CALL && how == KSM_ADVISE_AUTO)
		return ksm_advise_mappings(k, whom, on, out);
	/* What cannot be done need not be, if it is so already: kernels without that line. */
	if (rc && on && !ksm_proc_read_same(k, &whom->id, KSM_PROC_KSM | KSM_PROC_EXACT, &p) &&
	    p.member == KSM_MEMBER_ANY) {
		out->action = KSM_ADVISE_NOTHING;
		return 0;
	}
	/* One that had called madvise for all of its mappings looked the same. */
	if (!rc && !on && !ksm_proc_read_same(k, &whom->id, KSM_PROC_KSM | KSM_PROC_EXACT, &p) &&
	    (p.member == KSM_MEMBER_MADVISE || p.member == KSM_MEMBER_ANY))
		return ksm_advise_mappings(k, whom, false, out);
	return rc;
}

void ksm_advise_memory(struct ksm *k, const struct ksm_ident *ids, size_t n, int64_t *need,
		       struct ksm_fig *have)
{
	struct ksm_stats s;
	int64_t pages = 0;

	for (size_t i = 0; i < n; i++) {
		struct ksm_proc p;

		if (ksm_proc_read_same(k, &ids[i], KSM_PROC_KSM, &p))
			continue;
		pages = num_add_sat(pages, ksm_fig_or(p.ksm.merging_pages, 0));
		pages = num_add_sat(pages, ksm_fig_or(p.ksm.zero_pages, 0));
	}
	*need = num_mul_sat(pages, ksm_page_size(k));
	/* Of files that cannot be read, the others count. */
	(void)ksm_stats_read(k, &s);
	*have = s.mem_available_bytes;
}
