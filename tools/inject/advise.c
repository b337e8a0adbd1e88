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

#include "inject/marks.h"
#include "libksm/sys.h"
#include "util/num.h"

enum ksm_advise_action ksm_advise_plan(const struct ksm_caps *caps,
				       const struct ksm_advise_want *want, enum ksm_member now)
{
	const bool prctl = want->how == KSM_ADVISE_PRCTL ||
			   (caps->prctl && want->how != KSM_ADVISE_MADVISE);
	const enum ksm_advise_action action = prctl ? KSM_ADVISE_BY_PRCTL : KSM_ADVISE_BY_MADVISE;

	if (want->on)
		return now == KSM_MEMBER_ANY ? KSM_ADVISE_NOTHING : action;
	switch (now) {
	case KSM_MEMBER_OFF:
		return KSM_ADVISE_NOTHING;
	case KSM_MEMBER_MADVISE:
		/*
		 * Where there is the prctl, marks without it are the program's own
		 * (QEMU's mem-merge), unless we have noted them or whoever asks names
		 * them.  Before, nobody can tell them from ours.
		 */
		if (prctl && !want->all)
			return want->noted ? KSM_ADVISE_OUR_MARKS : KSM_ADVISE_NOT_OURS;
		/* The prctl undoes only what it did. */
		return KSM_ADVISE_BY_MADVISE;
	default:
		return action;
	}
}

const char *ksm_advise_why(const struct ksm_inject_info *info, int rc, char *buf, size_t len)
{
	static const char *const hints[__KSM_INJECT_N] = {
		[KSM_INJECT_DENIED] = "needs CAP_SYS_PTRACE, or its owner with all capabilities that it has",
		[KSM_INJECT_YAMA] = "needs CAP_SYS_PTRACE, or kernel.yama.ptrace_scope set to 0",
		[KSM_INJECT_UNDUMPABLE] = "needs CAP_SYS_PTRACE",
		[KSM_INJECT_NO_CALL] = "-m auto uses madvise there",
		[KSM_INJECT_SECCOMP] = "needs CAP_SYS_ADMIN, outside of any container",
		[KSM_INJECT_SECCOMP_OLD] = "needs Linux 4.4 with CONFIG_CHECKPOINT_RESTORE",
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

static int by_portions(struct ksm *k, const struct ksm_whom *whom, const struct ksm_portions_how *how,
		       struct ksm_advised *out)
{
	struct ksm_inject_info before = out->info;
	int rc = ksm_portions_run(k, whom, how, &out->portions, &out->info);

	out->info.stops += before.stops;
	out->info.stop_ns = MAX(out->info.stop_ns, before.stop_ns);
	out->info.cpu_ns = MAX(out->info.cpu_ns, before.cpu_ns);
	out->info.suspended |= before.suspended;
	return rc;
}

int ksm_advise_mappings(struct ksm *k, const struct ksm_whom *whom, struct ksm_advised *out)
{
	static const struct ksm_portions_how how = { .on = true };

	*out = (struct ksm_advised){ .action = KSM_ADVISE_BY_MADVISE };
	return by_portions(k, whom, &how, out);
}

static int by_prctl(struct ksm *k, const struct ksm_whom *whom, bool on, struct ksm_advised *out)
{
	struct ksm_inject_info before = out->info;
	int rc = ksm_inject_merge_set(k, whom, on, &out->info);

	out->info.stops += before.stops;
	out->info.stop_ns = MAX(out->info.stop_ns, before.stop_ns);
	out->info.cpu_ns = MAX(out->info.cpu_ns, before.cpu_ns);
	out->info.suspended |= before.suspended;
	return rc;
}

/*
 * How it takes part now.  Without a line for it in ksm_stat (before 6.15) that is
 * read from the mappings, where "any" that was half undone looks like "madvise", and
 * a program that called madvise for all it has like "any": then it is asked.
 */
static enum ksm_member member_now(struct ksm *k, const struct ksm_caps *caps, const struct ksm_whom *whom, bool on)
{
	struct ksm_proc p;

	/* What cannot be read is found out, with its reason, by trying. */
	if (whom->id.pid == getpid() || ksm_proc_read_same(k, &whom->id, KSM_PROC_KSM | (on ? 0 : KSM_PROC_EXACT), &p) ||
	    p.kthread || p.state == 'Z')
		return KSM_MEMBER_UNKNOWN;
	if (on || !caps->prctl || ksm_fig_has(p.ksm.merge_any) || !ksm_member_in(p.member))
		return p.member;
	switch (ksm_inject_merge_get(k, whom, NULL)) {
	case 0:
		return KSM_MEMBER_MADVISE;
	case 1:
		return KSM_MEMBER_ANY;
	default:
		return p.member;
	}
}

static int switch_on(struct ksm *k, const struct ksm_whom *whom, enum ksm_advise_how how, struct ksm_advised *out)
{
	enum ksm_member m;
	int rc;

	if (out->action == KSM_ADVISE_NOTHING) {
		/* Switching off may have been interrupted: some mappings are off already. */
		if (!ksm_proc_member(k, whom->id.pid, &m) && m == KSM_MEMBER_MADVISE)
			return ksm_advise_mappings(k, whom, out);
		return 0;
	}
	if (out->action == KSM_ADVISE_BY_MADVISE)
		return ksm_advise_mappings(k, whom, out);
	rc = by_prctl(k, whom, true, out);
	if (out->info.why == KSM_INJECT_NO_CALL && how == KSM_ADVISE_AUTO)
		return ksm_advise_mappings(k, whom, out);
	/* What cannot be done need not be, if it is so already: kernels without that line. */
	if (rc && !ksm_proc_member(k, whom->id.pid, &m) && m == KSM_MEMBER_ANY) {
		out->action = KSM_ADVISE_NOTHING;
		return 0;
	}
	return rc;
}

/* What is left when one was interrupted is noted still, and the next one goes on there. */
static int switch_off_marks(struct ksm *k, const struct ksm_whom *whom,
			    const struct ksm_advise_want *want, const struct ksm_marks *marks,
			    struct ksm_advised *out)
{
	const struct ksm_portions_how how = {
		.only = marks->range,
		.n_only = marks->n,
		.step = want->step,
		.arg = want->arg,
	};

	return by_portions(k, whom, &how, out);
}

/* The mappings in portions, and the prctl when it has nothing left to copy. */
static int switch_off(struct ksm *k, const struct ksm_whom *whom, const struct ksm_advise_want *want,
		      struct ksm_advised *out)
{
	const struct ksm_portions_how how = {
		.little_stays = out->action == KSM_ADVISE_BY_PRCTL,
		.step = want->step,
		.arg = want->arg,
	};
	const struct ksm_portions_how rest = { .step = want->step, .arg = want->arg };
	enum ksm_member m;
	int rc = 0;

	if (out->action == KSM_ADVISE_NOTHING)
		return 0;
	if (out->action == KSM_ADVISE_NOT_OURS)
		return -EPERM;
	/* Whoever names the prctl gets the one call, however long it takes. */
	if (want->how != KSM_ADVISE_PRCTL || out->action == KSM_ADVISE_BY_MADVISE)
		rc = by_portions(k, whom, &how, out);
	/* Of mappings that may not be read, trying tells the reason. */
	if (rc && out->action == KSM_ADVISE_BY_PRCTL && !out->info.tid &&
	    (out->info.why == KSM_INJECT_GONE || out->info.why == KSM_INJECT_DENIED))
		rc = 0;
	if (rc || out->action == KSM_ADVISE_BY_MADVISE)
		return rc;
	rc = by_prctl(k, whom, false, out);
	if (out->info.why == KSM_INJECT_NO_CALL && want->how == KSM_ADVISE_AUTO)
		out->action = KSM_ADVISE_BY_MADVISE;
	else if (rc)
		return rc;
	/* Of one that could not be asked before, the marks may have been its own. */
	if ((want->all || out->action == KSM_ADVISE_BY_MADVISE) &&
	    !ksm_proc_member(k, whom->id.pid, &m) && ksm_member_in(m))
		return by_portions(k, whom, &rest, out);
	return 0;
}

int ksm_advise_process(struct ksm *k, const struct ksm_caps *caps, const struct ksm_whom *whom,
		       const struct ksm_advise_want *want, struct ksm_advised *out)
{
	struct ksm_advise_want w = *want;
	struct ksm_marks marks = { 0 };
	int rc;

	*out = (struct ksm_advised){ .info = { .why = KSM_INJECT_FINE } };
	if (!w.on)
		w.noted = !ksm_marks_read(k, NULL, &whom->id, &marks) && marks.n;
	out->action = ksm_advise_plan(caps, &w, member_now(k, caps, whom, w.on));
	if (w.on)
		return switch_on(k, whom, w.how, out);
	if (out->action == KSM_ADVISE_OUR_MARKS)
		rc = switch_off_marks(k, whom, &w, &marks, out);
	else
		rc = switch_off(k, whom, &w, out);
	/* A note that stays is no harm: what it names is not marked any more. */
	if (!rc && w.noted)
		(void)ksm_marks_undone(k, NULL, &whom->id, &marks);
	ksm_marks_fini(&marks);
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
