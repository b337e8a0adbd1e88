/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * act.h - between act.c, outcome.c and unmerge.c alone.
 */
#ifndef KSM_KSMTOP_ACT_H
#define KSM_KSMTOP_ACT_H

#include "inject/advise.h"
#include "ksmtop/ksmtop.h"
#include "util/num.h"

/* What came of changing some processes. */
struct outcome {
	size_t done, nothing, failed;
	pid_t pid;			/* the first that failed, else the last */
	struct ksm_advised last;	/* of those that did not fail */
	char why[256];			/* of the first that failed */
};

/* outcome.c: changes one and adds to what came of it; and says what came of @n. */
void top_advise_one(struct top *t, const struct ksm_ident *id, bool on, ksm_portions_fn step,
		    void *arg, struct outcome *o);
void top_advise_tell(struct top *t, bool on, const struct outcome *o, size_t n);

/* unmerge.c: 0, and @ids belong to t->off; or -errno. */
int top_unmerge_start(struct top *t, struct ksm_ident *ids, size_t n);

#endif /* KSM_KSMTOP_ACT_H */
