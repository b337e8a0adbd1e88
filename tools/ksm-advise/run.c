// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run.c - run a command: the case where nothing of us stays.
 *
 * This process becomes the command.  So it must be left as it was found, but for
 * the one setting: signal mask and dispositions, descriptors, environment.
 */
#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"

static bool needs_program(const struct adv *a)
{
	/* Reading it costs: only where the plan, or the way of verifying, depends on it. */
	return a->strict || a->mech == ADV_PRELOAD ||
	       (!a->disable && a->mech != ADV_INJECT && a->mech != ADV_PRCTL &&
		(!a->caps.prctl || a->caps.prctl_refused));
}

static void make_plan(const struct adv *a, struct adv_plan *plan)
{
	struct adv_facts f = {
		.caps = a->caps,
		.mech = a->mech,
		.disable = a->disable,
		.stays = a->report || a->scanner,
	};
	const char *semicolon, *because;
	struct ksm_proc self;

	if (needs_program(a))
		adv_program_read(a->argv[0], &f.program);
	adv_plan_make(&f, plan);
	semicolon = plan->because ? "; " : "";
	because = plan->because ?: "";
	if (plan->refused)
		cli_die(CLI_WRAP_FAIL, 0, "%s: cannot enable merging: %s", a->argv[0], plan->why);
	if (a->strict && plan->how != ADV_HOW_PRCTL && plan->how != ADV_HOW_INJECT)
		cli_die(CLI_WRAP_FAIL, 0, "%s: not run: %s, which --strict does not accept%s%s",
			a->argv[0], plan->why, semicolon, because);
	if (a->strict && ksm_proc_read(a->k, getpid(), 0, &self))
		cli_die(CLI_WRAP_FAIL, 0, "%s: not run: without /proc it cannot be verified",
			a->argv[0]);
	if (a->strict && f.program.setid && geteuid() != 0)
		cli_die(CLI_WRAP_FAIL, 0,
			"%s: not run: it changes its user or group and cannot be verified "
			"(as root, or without --strict)",
			a->argv[0]);
	if (plan->warn)
		cli_warn(0, "%s: %s: %s%s%s", a->argv[0],
			 plan->how == ADV_HOW_NONE ? "runs without merging" : "merging", plan->why,
			 semicolon, because);
	else
		cli_note("%s: merging: %s%s%s", a->argv[0], plan->why, semicolon, because);
}

static int become(struct adv *a, const struct adv_plan *plan)
{
	struct adv_guard guard;
	int rc = adv_guard_start(a, plan, &guard);

	if (rc)
		return CLI_WRAP_FAIL;
	rc = adv_exec_become(a, plan);
	adv_guard_cancel(&guard);
	return rc > 0 ? rc : adv_exec_failed(a->argv[0], rc);
}

int adv_run(struct adv *a)
{
	struct adv_plan plan;
	int rc;

	if (!ksm_is_live(a->k))
		cli_die(CLI_WRAP_FAIL, 0, "%s: a command runs on the running system only",
			a->sysroot);
	make_plan(a, &plan);
	rc = adv_exec_preload(plan.how == ADV_HOW_PRELOAD);
	if (rc && plan.how == ADV_HOW_PRELOAD) {
		if (a->mech == ADV_PRELOAD)
			cli_die(CLI_WRAP_FAIL, rc, "%s: cannot preload", adv_exec_preload_path());
		cli_warn(rc, "%s: cannot preload: %s runs without merging", adv_exec_preload_path(),
			 a->argv[0]);
		plan.how = ADV_HOW_NONE;
	}
	if (a->report || a->scanner)
		return adv_stay(a, &plan);
	if (plan.how != ADV_HOW_NONE && plan.how != ADV_HOW_OFF)
		adv_scanner_hint(a);
	return become(a, &plan);
}
