// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * members.c - what status and doctor ask of all processes that take part: how many
 * they are, and how much of their memory stands in the zero page unseen.
 */
#include <errno.h>

#include "ksmctl/ksmctl.h"
#include "util/num.h"

/* Kernels before 6.15 tell of a process that was not scanned yet only by its mappings. */
static bool takes_part(struct ctl *ctl, const struct ksm_proc *p)
{
	enum ksm_member m;

	if (ksm_member_in(p->member))
		return true;
	return p->member == KSM_MEMBER_OFF && !ksm_fig_has(p->ksm.mergeable) &&
	       !ksm_proc_member(ctl->k, p->pid, &m) && ksm_member_in(m);
}

struct ksm_fig ctl_members(struct ctl *ctl)
{
	struct ksm_fig n = KSM_FIG(0);
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc;

	if (ksm_procs_open(ctl->k, &it))
		return (struct ksm_fig){ .state = KSM_ABSENT };
	while (ksm_procs_next(it, &pid) == 1) {
		rc = ksm_proc_read(ctl->k, pid, KSM_PROC_KSM, &p);
		if (rc == -EACCES || rc == -EPERM)
			n.state = KSM_DENIED;
		if (rc || p.kthread)
			continue;
		n.v += takes_part(ctl, &p);
		/* "Nobody" can be said only of processes that may be read. */
		if (p.member == KSM_MEMBER_DENIED)
			n.state = KSM_DENIED;
	}
	ksm_procs_close(it);
	return n.v ? KSM_FIG(n.v) : n;
}

struct ksm_fig ctl_unseen_zero(struct ctl *ctl, uint64_t budget_ns, bool *whole)
{
	const uint64_t deadline = ksm_now_ns() + budget_ns;
	struct ksm_fig sum = { .state = KSM_ABSENT };
	struct ksm_procs *it;
	struct ksm_proc p;
	int64_t bytes;
	pid_t pid;
	int rc = 0;

	*whole = true;
	if (!ksm_is_live(ctl->k) || ksm_procs_open(ctl->k, &it))
		return sum;
	while (rc != -EOPNOTSUPP && ksm_procs_next(it, &pid) == 1) {
		if (ksm_proc_read(ctl->k, pid, KSM_PROC_KSM, &p) || !ksm_member_in(p.member))
			continue;
		rc = ksm_zero_unseen(ctl->k, &p, deadline, &bytes);
		if (rc == -ESRCH)
			continue;
		if (rc)
			*whole = false;
		/* Out of time it is what was counted so far. */
		if (!rc || rc == -ETIME)
			ksm_fig_add(&sum, KSM_FIG(bytes));
		if (rc == -ETIME)
			break;
	}
	ksm_procs_close(it);
	return sum;
}
