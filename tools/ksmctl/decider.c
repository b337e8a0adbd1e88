// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * decider.c - who sets the scanner: ksm-autotune, ksmtuned, the kernel's advisor, or
 * nobody; and what ksm-autotune noted of it.
 */
#include <errno.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"

bool ctl_note_read(struct ctl *ctl, struct ksm_tuner *out, bool *noted)
{
	const int rc = ksm_tuner_read(ctl->k, out);

	*noted = !rc;
	if (!rc || rc == -ENOENT)
		return true;
	if (rc == -EPERM)
		cli_warn(0, "%s: not believed: somebody else than root could have written it",
			 ksm_errpath(ctl->k));
	else
		cli_warn(rc, "%s: not readable", ksm_errpath(ctl->k));
	return false;
}

void ctl_decider_read(struct ctl *ctl, const struct ctl_crowd *crowd, struct ctl_decider *out)
{
	struct ksm_value advisor;
	bool known;

	*out = (struct ctl_decider){ .who = CTL_BY_UNKNOWN, .ksmtuned = crowd->ksmtuned };
	known = !ksm_attr_read(ctl->k, KSM_ATTR_ADVISOR_MODE, &advisor) &&
		advisor.state != KSM_DENIED;
	known &= ctl_note_read(ctl, &out->note, &out->noted);
	/* An advisor that this program does not know is one. */
	if (ctl_tuner_runs(out))
		out->who = CTL_BY_AUTOTUNE;
	else if (out->ksmtuned.pid)
		out->who = CTL_BY_KSMTUNED;
	else if (advisor.state == KSM_VALUE && advisor.v != 0)
		out->who = CTL_BY_ADVISOR;
	else if (known)
		out->who = CTL_BY_NOBODY;
}

void ctl_decider_json(struct cli_json *j, const struct ctl_decider *d)
{
	static const char *const names[] = {
		[CTL_BY_UNKNOWN] = NULL,
		[CTL_BY_NOBODY] = "nobody",
		[CTL_BY_ADVISOR] = "advisor",
		[CTL_BY_KSMTUNED] = "ksmtuned",
		[CTL_BY_AUTOTUNE] = "ksm-autotune",
	};
	const struct ksm_tuner *n = &d->note;

	cli_json_open(j, "decider", '{');
	cli_json_str(j, "who", names[d->who]);
	if (d->ksmtuned.pid)
		cli_json_num(j, "ksmtuned_pid", d->ksmtuned.pid);
	else
		cli_json_null(j, "ksmtuned_pid");
	cli_json_str(j, "ksm_autotune", !d->noted ? NULL : !n->alive ? "died" :
					n->late_s ? "hangs" : n->dry ? "dry-run" : "running");
	if (d->noted) {
		cli_json_num(j, "pid", n->id.pid);
		cli_json_str(j, "reason", n->reason);
		cli_json_num(j, "since", n->since_s);
		cli_json_num(j, "decided", n->decided_s);
		cli_json_num(j, "next", n->next_s);
		cli_json_real(j, "cpu_pct", 100 * n->cpu, 3);
		cli_json_bool(j, "need", n->need);
		cli_json_bool(j, "settled", n->settled);
	} else {
		static const char *const keys[] = { "pid", "reason", "since", "decided", "next",
						    "cpu_pct", "need", "settled" };

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			cli_json_null(j, keys[i]);
	}
	cli_json_close(j);
}
