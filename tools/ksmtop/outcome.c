// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * outcome.c - one process changed, and what came of it in words.
 *
 * Below act.c and unmerge.c, which both change processes: at once, and in a child
 * that takes its time.
 */
#include "ksmtop/ksmtop.h"

#include "ksmtop/act.h"

void top_advise_one(struct top *t, const struct ksm_ident *id, bool on, ksm_portions_fn step,
		    void *arg, struct outcome *o)
{
	const struct ksm_whom whom = { .id = *id };
	/* The question names those that asked for it themselves. */
	const struct ksm_advise_want want = { .on = on, .all = true, .step = step, .arg = arg };
	struct ksm_advised a;
	int rc = ksm_advise_process(t->k, &t->caps, &whom, &want, &a);

	if (rc) {
		if (!o->failed++) {
			o->pid = id->pid;
			ksm_advise_why(&a.info, rc, o->why, sizeof(o->why));
		}
		return;
	}
	if (!o->failed)
		o->pid = id->pid;
	o->last = a;
	if (a.action == KSM_ADVISE_NOTHING ||
	    (a.action == KSM_ADVISE_BY_MADVISE && !a.portions.pieces))
		o->nothing++;
	else
		o->done++;
}

/* What else it takes before anything is merged. */
static const char *what_is_missing(const struct top *t, bool on)
{
	const struct ksm_value *run = &t->model.stats.attr[KSM_ATTR_RUN];

	if (!on || run->state != KSM_VALUE || run->v == KSM_RUN_RUNNING)
		return "";
	return "; KSM itself is stopped (s: settings)";
}

static void tell_one(struct top *t, bool on, const struct outcome *o)
{
	const unsigned long long us = o->last.info.stop_ns / 1000;
	const struct ksm_portions *p = &o->last.portions;

	if (o->failed)
		top_say(t, TOP_BAD, "%d: cannot %s merging: %s", (int)o->pid,
			on ? "enable" : "disable", o->why);
	else if (o->nothing)
		top_say(t, TOP_DULL, "%d: nothing to do: merging is %s%s", (int)o->pid,
			on ? "on" : "off", what_is_missing(t, on));
	else if (!on && p->pieces)
		top_say(t, TOP_GOOD, "%d: merging disabled by %s in %llu portions, the longest took "
				     "%llu us of CPU time", (int)o->pid,
			o->last.action == KSM_ADVISE_BY_PRCTL ? "prctl" : "madvise",
			(unsigned long long)p->pieces,
			(unsigned long long)o->last.info.cpu_ns / 1000);
	else
		top_say(t, TOP_GOOD, "%d: merging %s by %s, stopped for %llu us%s", (int)o->pid,
			on ? "enabled" : "disabled",
			o->last.action == KSM_ADVISE_BY_PRCTL ? "prctl" : "madvise", us,
			what_is_missing(t, on));
}

static void tell_all(struct top *t, bool on, const struct outcome *o)
{
	const char *what = on ? "enabled" : "disabled";

	if (o->failed)
		top_say(t, o->done ? TOP_WARN : TOP_BAD,
			"merging %s: %zu, as it was: %zu, failed: %zu, first %d: %s", what, o->done,
			o->nothing, o->failed, (int)o->pid, o->why);
	else
		top_say(t, TOP_GOOD, "merging %s: %zu, as it was: %zu%s", what, o->done, o->nothing,
			what_is_missing(t, on));
}

void top_advise_tell(struct top *t, bool on, const struct outcome *o, size_t n)
{
	if (n == 1)
		tell_one(t, on, o);
	else
		tell_all(t, on, o);
}
