/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deed.h - what is done to processes: advised, or un-advised.  Takes long; see job.h.
 */
#ifndef KSM_AUTOTUNE_DEED_H
#define KSM_AUTOTUNE_DEED_H

#include "inject/advise.h"
#include "inject/marks.h"

enum tune_deed_kind {
	TUNE_DEED_WHOLE,	/* all of its memory, by the prctl where there is one */
	TUNE_DEED_PLACES,	/* .marks, and a note of them */
	TUNE_DEED_UNDO,		/* whatever we did */
	TUNE_DEED_AGAIN,	/* .cold taken back, then .marks added */
};

struct tune_deed {
	enum tune_deed_kind kind;
	struct ksm_ident id;
	struct ksm_marks marks, cold;
	bool again;		/* of one that is advised, and stays so if it fails */
	/* came out */
	int rc;
	char why[256];		/* of a failure */
};

struct tune_deeds {
	struct ksm *k;		/* of nobody else's */
	const struct ksm_caps *caps;
	bool stop;		/* atomic: end between two of them, or two portions of one */
	void (*busy)(void);	/* called between them; or NULL */
	struct tune_deed *v;
	size_t n;
};

int tune_deeds_init(struct tune_deeds *d, size_t n);
void tune_deeds_fini(struct tune_deeds *d);
/* All of them, one after another; those that were not begun have .rc -ECANCELED. */
void tune_deeds_do(struct tune_deeds *d);

#endif /* KSM_AUTOTUNE_DEED_H */
