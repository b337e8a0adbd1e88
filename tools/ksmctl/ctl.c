// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl.c - what ksmctl's commands have in common: their shared options, opening
 * the kernel's door with the right message, and operands that are numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

bool ctl_option(struct ctl *ctl, int key, const char *arg)
{
	return cli_common_option(key, arg, &ctl->sysroot) ||
	       cli_table_option(key, arg, &ctl->table);
}

static void log_line(void *arg __unused, enum ksm_log area __unused, const char *line)
{
	cli_log(line);
}

static void set_log(struct ctl *ctl)
{
	const char *debug = getenv("KSM_DEBUG");

	if (debug)
		ksm_set_log(ctl->k, log_line, NULL, ksm_log_parse(debug));
}

void ctl_open(struct ctl *ctl)
{
	int rc = ksm_open(ctl->sysroot, &ctl->k);

	if (rc)
		cli_die(CLI_FAIL, 0, "%s: cannot open: %s",
			ctl->sysroot ? ctl->sysroot : "/proc", ksm_open_why(ctl->sysroot, rc));
	set_log(ctl);
}

void ctl_need_ksm(struct ctl *ctl)
{
	struct ksm_around around;
	struct ksm_engine engine;

	switch (ksm_present(ctl->k)) {
	case KSM_ABSENT:
		ksm_engine_read(ctl->k, &engine);
		if (engine.module != KSM_MODULE_NONE)
			cli_die(CLI_FAIL, 0, "/sys/kernel/mm/ksm: not there while the engine is "
					     "changed (see: ksmctl engine)");
		ksm_around_read(ctl->k, &around);
		if (around.uksm_run.state != KSM_ABSENT)
			cli_die(CLI_UNSUPPORTED, 0,
				"/sys/kernel/mm/uksm: this kernel has the engine UKSM in place of KSM, "
				"and this program knows only the kernel's own (and hksm)");
		cli_die(CLI_UNSUPPORTED, 0,
			"/sys/kernel/mm/ksm: this kernel has no KSM "
			"(it needs Linux 2.6.32 or later with CONFIG_KSM, and /sys mounted)");
	case KSM_DENIED:
		cli_die(CLI_FAIL, 0, "/sys/kernel/mm/ksm: permission denied (%s)",
			ksm_right_hint(ctl->k, KSM_RIGHT_SETTINGS));
	default:
		break;
	}
}

void ctl_open_ksm(struct ctl *ctl)
{
	ctl_open(ctl);
	ctl_need_ksm(ctl);
}

bool ctl_next_moment(struct ctl *ctl)
{
	struct ksm *k;
	int rc = ksm_seq_next(ctl->seq, &k);

	if (rc < 0)
		cli_die(CLI_FAIL, rc, "%s/%u: cannot open", ctl->sysroot, ksm_seq_step(ctl->seq));
	if (!rc)
		return false;
	ksm_close(ctl->k);
	ctl->k = k;
	set_log(ctl);
	return true;
}

void ctl_open_moments(struct ctl *ctl, const char *what)
{
	/* A dump may hold a directory called 0; a sequence has no proc of its own. */
	if (ctl->sysroot && ksm_open(ctl->sysroot, &ctl->k) == -ENOENT &&
	    !ksm_seq_open(ctl->sysroot, &ctl->seq)) {
		ctl_next_moment(ctl);
		ctl_need_ksm(ctl);
		return;
	}
	ksm_close(ctl->k);
	ctl_open_ksm(ctl);
	if (!ksm_is_live(ctl->k))
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump does not change: nothing to %s",
			ctl->sysroot, what);
}

int ctl_stats(struct ctl *ctl, struct ksm_stats *out)
{
	int rc = ksm_stats_read(ctl->k, out);

	/* One unreadable file must not hide the others: the rest is shown. */
	if (rc)
		cli_warn(rc, "%s: not readable", ksm_errpath(ctl->k));
	return rc;
}

void ctl_proc_error(struct ctl *ctl, pid_t pid, const char *what, enum ksm_right right, int rc)
{
	if (rc == -EACCES || rc == -EPERM)
		cli_error(0, "%d: %s: %s (%s)", (int)pid, what, cli_strerror(rc),
			  ksm_right_hint(ctl->k, ksm_right_of(right, rc)));
	else
		cli_error(rc, "%d: %s", (int)pid, what);
}

bool ctl_denied_add(struct ctl_denied *d, int rc)
{
	if (rc != -EACCES && rc != -EPERM)
		return false;
	if (!d->n++ || rc == -EPERM)
		d->right = ksm_right_of(KSM_RIGHT_FIGURES, rc);
	return true;
}

void ctl_denied_tell(struct ctl *ctl, const struct ctl_denied *d)
{
	if (d->n)
		cli_warn(0, "%zu process%s of others could not be read (%s)", d->n,
			 d->n == 1 ? "" : "es", ksm_right_hint(ctl->k, d->right));
}

enum ksm_group ctl_group_by(const char *name)
{
	const int g = ksm_group_find(name);
	char names[128];

	if (g < 0)
		cli_usage_error("--by: %s: not a way to group (%s)", name,
				ksm_group_names(KSM_GROUP_PID, names, sizeof(names)));
	return g;
}

void ctl_no_operands(const struct cli_parse *p, char **argv)
{
	if (p->ind < p->argc)
		cli_usage_error("%s: unexpected argument", argv[p->ind]);
}

uint64_t ctl_duration(const char *option, const char *text)
{
	uint64_t ns;

	if (num_duration(text, &ns))
		cli_usage_error("%s: %s: not a duration (say 500ms, 2, 1.5m, 1h)", option, text);
	return ns;
}

int ctl_printed(int rc)
{
	if (rc && !cli_flush())
		cli_error(rc, "cannot print");
	return rc ? CLI_FAIL : CLI_OK;
}

void ctl_json_fig(struct cli_json *j, const char *key, struct ksm_fig f)
{
	if (ksm_fig_has(f))
		cli_json_num(j, key, f.v);
	else
		cli_json_null(j, key);
}

bool ctl_sleep(uint64_t ns)
{
	const struct timespec t = { ns / 1000000000, ns % 1000000000 };

	return !nanosleep(&t, NULL);
}
