// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec.c - what a process needs right before it becomes the command, and what is
 * said when it could not: the same whether we become it (run.c) or a child does
 * (stay.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "util/dirs.h"
#include "util/str.h"

#define PRELOAD_NAME "libksm-advise-preload.so"

const char *adv_exec_preload_path(void)
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

int adv_exec_preload(bool on)
{
	const char *old = getenv("LD_PRELOAD");
	const char *path = adv_exec_preload_path();
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

/* What must be done in the process that will be the command.  0 or -errno. */
static int prepare(const struct adv *a, const struct adv_plan *plan)
{
	switch (plan->how) {
	case ADV_HOW_PRCTL:
		return ksm_self_enable(true);
	case ADV_HOW_INJECT:
		/* 6.7 to 6.9: who inherits a setting that is not scanned cannot be set again. */
		return a->caps.prctl_exec && !a->caps.prctl_heirs ? ksm_self_enable(false) : 0;
	case ADV_HOW_OFF:
		/* Asking may be allowed where setting is not. */
		return ksm_self_enabled() == 0 ? 0 : ksm_self_enable(false);
	default:
		return 0;
	}
}

int adv_exec_become(const struct adv *a, const struct adv_plan *plan)
{
	const char *what = a->caps.prctl_refused ? ksm_caps_no_prctl(&a->caps) :
						   "prctl(PR_SET_MEMORY_MERGE)";
	int rc = prepare(a, plan);

	if (rc && a->strict) {
		cli_error(rc, "%s: not run: %s", a->argv[0], what);
		return CLI_WRAP_FAIL;
	}
	if (rc)
		cli_warn(rc, "%s: %s: %s", a->argv[0],
			 a->disable ? "merging may be inherited" : "runs without merging", what);
	execvp(a->argv[0], a->argv);
	return -errno;
}

int adv_exec_failed(const char *name, int rc)
{
	cli_error(rc, "%s: cannot run", name);
	return rc == -ENOENT ? CLI_WRAP_NOENT : CLI_WRAP_NOEXEC;
}
