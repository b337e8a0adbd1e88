// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * members.c - what status and doctor ask of all processes, in one walk: who of them
 * decides about merging, how many take part, and which.  And how much memory of
 * these stands in the zero page unseen.
 */
#include <errno.h>
#include <stdlib.h>

#include "ksmctl/ksmctl.h"
#include "util/vec.h"

/* Kernels before 6.15 tell of a process that was not scanned yet only by its mappings. */
bool ctl_takes_part(struct ctl *ctl, const struct ksm_proc *p)
{
	enum ksm_member m;

	if (ksm_member_in(p->member))
		return true;
	return p->member == KSM_MEMBER_OFF && !ksm_fig_has(p->ksm.mergeable) &&
	       !ksm_proc_member(ctl->k, p->pid, &m) && ksm_member_in(m);
}

static int add(struct ctl_crowd *c, const struct ksm_proc *p)
{
	if (vec_room(c->v, c->n, c->cap))
		return -ENOMEM;
	c->v[c->n++] = *p;
	return 0;
}

static int take(struct ctl *ctl, unsigned int ask, struct ctl_crowd *c, const struct ksm_proc *p)
{
	const int beside = ctl_beside_find(ctl, p);

	if (!c->ksmtuned.pid)
		(void)ksm_tuner_is_rival(ctl->k, p, &c->ksmtuned);
	if (beside >= 0 && !c->beside[beside])
		c->beside[beside] = p->pid;
	if (p->kthread || !ask)
		return 0;
	if (ask & CTL_CROWD_COUNT) {
		c->members.v += ctl_takes_part(ctl, p);
		/* "Nobody" can be said only of processes that may be read. */
		if (p->member == KSM_MEMBER_DENIED)
			c->members.state = KSM_DENIED;
	}
	return ksm_member_in(p->member) || ksm_proc_loses(p, 0) ? add(c, p) : 0;
}

void ctl_crowd_read(struct ctl *ctl, unsigned int ask, struct ctl_crowd *out)
{
	const unsigned int want = (ask ? KSM_PROC_KSM : 0) |
				  (ask & CTL_CROWD_OWNER ? KSM_PROC_UID : 0);
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc;

	*out = (struct ctl_crowd){ .members.state = KSM_ABSENT };
	out->rc = ksm_procs_open(ctl->k, &it);
	if (out->rc)
		return;
	if (ask & CTL_CROWD_COUNT)
		out->members = KSM_FIG(0);
	while (!out->rc && ksm_procs_next(it, &pid) == 1) {
		rc = ksm_proc_read(ctl->k, pid, want, &p);
		if ((ask & CTL_CROWD_COUNT) && (rc == -EACCES || rc == -EPERM))
			out->members.state = KSM_DENIED;
		if (!rc)
			out->rc = take(ctl, ask, out, &p);
	}
	ksm_procs_close(it);
	if (out->members.v)
		out->members.state = KSM_VALUE;
}

void ctl_crowd_free(struct ctl_crowd *c)
{
	free(c->v);
	*c = (struct ctl_crowd){ 0 };
}

struct ksm_fig ctl_unseen_zero(struct ctl *ctl, const struct ctl_crowd *c, uint64_t budget_ns,
			       bool *whole)
{
	const uint64_t deadline = ksm_now_ns() + budget_ns;
	struct ksm_fig sum = { .state = KSM_ABSENT };
	int64_t bytes;
	int rc = 0;

	*whole = true;
	if (!ksm_is_live(ctl->k))
		return sum;
	for (size_t i = 0; i < c->n && rc != -EOPNOTSUPP && rc != -ETIME; i++) {
		if (!ksm_member_in(c->v[i].member))
			continue;
		rc = ksm_zero_unseen(ctl->k, &c->v[i], deadline, &bytes);
		if (rc == -ESRCH)
			continue;
		if (rc)
			*whole = false;
		/* Out of time it is what was counted so far. */
		if (!rc || rc == -ETIME)
			ksm_fig_add(&sum, KSM_FIG(bytes));
	}
	return sum;
}
