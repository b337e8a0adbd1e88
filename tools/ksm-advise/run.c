// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run.c - run a command: the case where nothing of us stays.
 *
 * This process becomes the command.  So it must be left as it was found, but for
 * the one setting: signal mask and dispositions, descriptors, environment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "util/str.h"

#define PRELOAD_NAME "libksm-advise-preload.so"

static const char *preload_path(void)
{
	const char *path = getenv("KSM_ADVISE_PRELOAD");

	return path && *path ? path : PKGLIBDIR "/" PRELOAD_NAME;
}

static bool is_ours(const char *entry, size_t len)
{
	static const char name[] = PRELOAD_NAME;
	const size_t n = sizeof(name) - 1;

	return len >= n && !memcmp(entry + len - n, name, n) &&
	       (len == n || entry[len - n - 1] == '/');
}

/* LD_PRELOAD with our library behind the others, or without it.  0 or -errno. */
static int set_preload(bool on)
{
	const char *old = getenv("LD_PRELOAD");
	const char *path = preload_path();
	struct str list __cleanup_str = STR_INIT;
	bool found = false;

	/* ld.so(8): separated by blanks or colons, and no way to escape them. */
	for (const char *s = old; s && *s;) {
		size_t len = strcspn(s, ": ");

		if (is_ours(s, len)) {
			found = true;
		} else if (len) {
			str_add(&list, list.len ? ":" : "");
			str_addmem(&list, s, len);
		}
		s += len + (s[len] != '\0');
	}
	if (on) {
		if (path[strcspn(path, ": ")])
			return -EINVAL;
		if (access(path, R_OK))
			return -errno;
		str_addf(&list, "%s%s", list.len ? ":" : "", path);
	}
	if (str_err(&list))
		return str_err(&list);
	if (!found && !on)
		return 0;
	if (!list.len)
		return unsetenv("LD_PRELOAD") ? -errno : 0;
	return setenv("LD_PRELOAD", str_get(&list), 1) ? -errno : 0;
}

int adv_run_prepare(const struct adv *a, const struct adv_plan *plan)
{
	switch (plan->how) {
	case ADV_HOW_PRCTL:
		return ksm_self_enable(true);
	case ADV_HOW_INJECT:
		/* 6.7 to 6.9: who inherits a setting that is not scanned cannot be set again. */
		return a->caps.prctl_exec && !a->caps.prctl_heirs ? ksm_self_enable(false) : 0;
	case ADV_HOW_OFF:
		return ksm_self_enable(false);
	default:
		return 0;
	}
}

int adv_run_no_exec(const char *name, int rc)
{
	cli_error(rc, "%s: cannot run", name);
	return rc == -ENOENT ? CLI_WRAP_NOENT : CLI_WRAP_NOEXEC;
}

static bool needs_program(const struct adv *a)
{
	/* Reading it costs: only where the plan, or the way of verifying, depends on it. */
	return a->strict || a->mech == ADV_PRELOAD ||
	       (!a->disable && a->mech != ADV_INJECT && a->mech != ADV_PRCTL && !a->caps.prctl);
}

static void make_plan(const struct adv *a, struct adv_plan *plan)
{
	struct adv_facts f = {
		.caps = a->caps,
		.mech = a->mech,
		.disable = a->disable,
		.stays = a->report || a->scanner,
	};
	struct ksm_proc self;

	if (needs_program(a))
		adv_program_read(a->argv[0], &f.program);
	adv_plan_make(&f, plan);
	if (plan->refused)
		cli_die(CLI_WRAP_FAIL, 0, "%s: cannot enable merging: %s", a->argv[0], plan->why);
	if (a->strict && plan->how != ADV_HOW_PRCTL && plan->how != ADV_HOW_INJECT)
		cli_die(CLI_WRAP_FAIL, 0, "%s: not run: %s, which --strict does not accept",
			a->argv[0], plan->why);
	if (a->strict && ksm_proc_read(a->k, getpid(), 0, &self))
		cli_die(CLI_WRAP_FAIL, 0, "%s: not run: without /proc it cannot be verified",
			a->argv[0]);
	if (a->strict && f.program.setid && geteuid() != 0)
		cli_die(CLI_WRAP_FAIL, 0,
			"%s: not run: it changes its user or group and cannot be verified "
			"(as root, or without --strict)",
			a->argv[0]);
	if (plan->warn)
		cli_warn(0, "%s: %s: %s", a->argv[0],
			 plan->how == ADV_HOW_NONE ? "runs without merging" : "merging", plan->why);
	else
		cli_note("%s: merging: %s", a->argv[0], plan->why);
}

static int become(struct adv *a, const struct adv_plan *plan)
{
	struct adv_guard guard;
	int rc = adv_guard_start(a, plan, &guard);

	if (rc)
		return CLI_WRAP_FAIL;
	rc = adv_run_prepare(a, plan);
	if (rc) {
		if (a->strict) {
			adv_guard_cancel(&guard);
			cli_die(CLI_WRAP_FAIL, rc, "%s: not run: prctl(PR_SET_MEMORY_MERGE)",
				a->argv[0]);
		}
		cli_warn(rc, "%s: %s: prctl(PR_SET_MEMORY_MERGE)", a->argv[0],
			 a->disable ? "merging may be inherited" : "runs without merging");
	}
	execvp(a->argv[0], a->argv);
	rc = -errno;
	adv_guard_cancel(&guard);
	return adv_run_no_exec(a->argv[0], rc);
}

int adv_run(struct adv *a)
{
	struct adv_plan plan;
	int rc;

	if (!ksm_is_live(a->k))
		cli_die(CLI_WRAP_FAIL, 0, "%s: a command runs on the running system only",
			a->sysroot);
	make_plan(a, &plan);
	rc = set_preload(plan.how == ADV_HOW_PRELOAD);
	if (rc && plan.how == ADV_HOW_PRELOAD) {
		if (a->mech == ADV_PRELOAD)
			cli_die(CLI_WRAP_FAIL, rc, "%s: cannot preload", preload_path());
		cli_warn(rc, "%s: cannot preload: %s runs without merging", preload_path(),
			 a->argv[0]);
		plan.how = ADV_HOW_NONE;
	}
	if (a->report || a->scanner)
		return adv_stay(a, &plan);
	if (plan.how != ADV_HOW_NONE && plan.how != ADV_HOW_OFF)
		adv_scanner_hint(a);
	return become(a, &plan);
}
