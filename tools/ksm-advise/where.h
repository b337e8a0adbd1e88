/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * where.h - what the files of --where-it-pays share.
 *
 * where-look.c estimates and lets the estimator choose; where-show.c shows that,
 * where-mark.c does it, and where-again.c does it again.
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
	struct est_places_opts o;
	struct est_places found;
};

/* where-look.c */
void adv_where_init(struct where *w, struct adv *a);
void adv_where_fini(struct where *w);
/* Reads the processes of .ids; ends the program when nothing can be read at all. */
void adv_where_estimate(struct where *w);
void adv_where_choose(struct where *w);

/* "312M of 2G: 96 % of the savings, 15 % of the scanning"; returns buf. */
const char *adv_where_sums(const struct where *w, char *buf, size_t len);

/* where-show.c: 0 or -errno of writing. */
int adv_where_show(const struct where *w);

/* where-mark.c: marks what was chosen, settles what was asked for; the exit code, but for what was not read. */
int adv_where_mark(struct where *w);
/* The same for one process, without what is marked: 0; -errno after a message.  @ranges: how many. */
int adv_where_mark_process(struct where *w, const struct est_proc *p, size_t *ranges);

/*
 * where-again.c: --again.  Looks anew until a signal ends it, or all processes have
 * ended; @code is that of the first look.
 */
int adv_where_again(struct adv *a, const struct ksm_ident *ids, size_t n, int code);

#endif /* KSM_ADVISE_WHERE_H */
