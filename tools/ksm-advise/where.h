/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * where.h - what the files of --where-it-pays share.
 *
 * where.c estimates and lets the estimator choose; where-show.c shows that, where-mark.c
 * does it.
 */
#ifndef KSM_ADVISE_WHERE_H
#define KSM_ADVISE_WHERE_H

#include "estimate/places.h"
#include "ksm-advise/advise.h"

struct where {
	struct adv *a;
	struct ksm_ident *ids;		/* as selected, ascending by pid */
	size_t n_ids;
	struct est e;
	struct est_places found;
};

/* "312M of 2G: 96 % of the savings, 15 % of the scanning"; returns buf. */
const char *adv_where_sums(const struct where *w, char *buf, size_t len);

/* where-show.c: 0 or -errno of writing. */
int adv_where_show(const struct where *w);

/* where-mark.c: marks what was chosen, settles what was asked for; the exit code, but for what was not read. */
int adv_where_mark(struct where *w);

#endif /* KSM_ADVISE_WHERE_H */
