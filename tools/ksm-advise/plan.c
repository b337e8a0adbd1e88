// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan.c - which way merging is switched on: pure decisions.
 *
 * Facts in, a plan and its reason out; no clock, no files.  What the kernels can
 * do, oldest first: madvise only (2.6.32), prctl that exec forgets (6.4), that
 * exec inherits without the scanner noticing (6.7), that is inherited (6.10).
 */
#include "ksm-advise/advise.h"

const char *adv_how_name(enum adv_how how)
{
	static const char *const names[__ADV_HOW_N] = {
		[ADV_HOW_NONE] = "none",     [ADV_HOW_OFF] = "off",
		[ADV_HOW_PRCTL] = "prctl",   [ADV_HOW_INJECT] = "inject",
		[ADV_HOW_PRELOAD] = "preload", [ADV_HOW_FOLLOW] = "follow",
	};

	return names[how];
}

static void plan(struct adv_plan *p, enum adv_how how, const char *why)
{
	*p = (struct adv_plan){ .how = how, .why = why };
}

static void plan_warn(struct adv_plan *p, enum adv_how how, const char *why)
{
	*p = (struct adv_plan){ .how = how, .warn = true, .why = why };
}

static void plan_refuse(struct adv_plan *p, const char *why)
{
	*p = (struct adv_plan){ .how = ADV_HOW_NONE, .refused = true, .why = why };
}

static bool may_prctl(const struct adv_facts *f)
{
	return f->caps.prctl && !f->caps.prctl_refused;
}

/* A reason why the library would do nothing in that program, or NULL. */
static const char *preload_useless(const struct adv_program *prog)
{
	if (!prog->known)
		return NULL;
	if (prog->setid)
		return "it changes its user or group, and then ignores the preload library";
	if (prog->is_static)
		return "it is statically linked and takes no preload library";
	if (prog->bits32 != (sizeof(void *) == 4))
		return "the preload library does not fit its word size";
	return NULL;
}

/* Kernels without the prctl, or told to do without. */
static void plan_madvise(const struct adv_facts *f, struct adv_plan *out)
{
	const char *useless = preload_useless(&f->program);

	if (!useless)
		plan(out, ADV_HOW_PRELOAD,
		     f->mech == ADV_PRELOAD ? "the preload library, as asked for" :
					      "the preload library");
	else if (f->mech == ADV_PRELOAD)
		plan_refuse(out, useless);
	/* What refuses the prctl here, the command inherits. */
	else if (f->stays && !f->caps.prctl_refused)
		plan(out, ADV_HOW_FOLLOW,
		     "madvise is injected, now and as mappings appear: no preload library would "
		     "work in it");
	else
		plan_warn(out, ADV_HOW_NONE, useless);
	if (f->mech != ADV_PRELOAD)
		out->because = ksm_caps_no_prctl(&f->caps);
}

static void plan_auto(const struct adv_facts *f, struct adv_plan *out)
{
	if (may_prctl(f) && f->caps.prctl_heirs)
		plan(out, ADV_HOW_PRCTL, "prctl before exec, which inherits it");
	else if (may_prctl(f))
		plan(out, ADV_HOW_INJECT,
		     f->caps.prctl_exec ?
			     "prctl injected after exec: before Linux 6.10 an inherited setting "
			     "is not scanned" :
			     "prctl injected after exec: before Linux 6.7 exec forgets it");
	else if (f->caps.ksm)
		plan_madvise(f, out);
	else
		plan_warn(out, ADV_HOW_NONE, "this kernel has no KSM");
}

static void plan_prctl(const struct adv_facts *f, struct adv_plan *out)
{
	if (!may_prctl(f))
		plan_refuse(out, ksm_caps_no_prctl(&f->caps));
	else if (!f->caps.prctl_exec)
		plan_refuse(out, "exec forgets the prctl before Linux 6.7 (try -m inject)");
	else if (!f->caps.prctl_heirs)
		plan_warn(out, ADV_HOW_PRCTL,
			  "before Linux 6.10 an inherited setting may not be scanned "
			  "(-m inject sets it after exec)");
	else
		plan(out, ADV_HOW_PRCTL, "prctl before exec, as asked for");
}

void adv_plan_make(const struct adv_facts *f, struct adv_plan *out)
{
	if (f->disable) {
		plan(out, f->caps.prctl ? ADV_HOW_OFF : ADV_HOW_NONE,
		     f->caps.prctl ? "prctl off before exec" :
				     "nothing to switch off: without PR_SET_MEMORY_MERGE, "
				     "merging is not inherited");
		return;
	}
	switch (f->mech) {
	case ADV_PRCTL:
		plan_prctl(f, out);
		break;
	case ADV_INJECT:
		if (may_prctl(f))
			plan(out, ADV_HOW_INJECT, "prctl injected after exec, as asked for");
		else if (f->caps.prctl)
			plan_refuse(out, ksm_caps_no_prctl(&f->caps));
		else if (f->caps.ksm && f->stays)
			plan(out, ADV_HOW_FOLLOW, "madvise injected, now and as mappings appear");
		else
			plan_refuse(out, "without PR_SET_MEMORY_MERGE (Linux 6.4), injecting "
					 "needs --report or --scanner, to be there when mappings "
					 "appear");
		break;
	case ADV_PRELOAD:
		plan_madvise(f, out);
		break;
	default:
		plan_auto(f, out);
	}
}
