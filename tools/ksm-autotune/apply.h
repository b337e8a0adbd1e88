/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply.h - the only writer of the kernel's settings: what was found, what is ours,
 * and what somebody else has taken.
 */
#ifndef KSM_AUTOTUNE_APPLY_H
#define KSM_AUTOTUNE_APPLY_H

#include "ksm-autotune/policy.h"

/* Something that people should know of; @text is one sentence. */
typedef void (*tune_tell_fn)(const char *text, void *arg);

struct tune_settings {
	struct ksm_attrset found;	/* before we wrote any: to be put back */
	struct ksm_attrset ours;	/* as we wrote them, and as they should be read */
	bool lost[__KSM_ATTR_N];	/* written by somebody else since: theirs */
	tune_tell_fn tell;
	void *arg;
};

/* The settings as they are become what is put back in the end.  0 or -errno. */
int tune_settings_begin(struct tune_settings *t, struct ksm *k);

/**
 * tune_settings_look() - has somebody else written what is ours?
 * @s: a look at the system
 *
 * What differs from what we wrote is theirs from now on, and said.  Pure, but for that.
 * Return: something did.
 */
bool tune_settings_look(struct tune_settings *t, const struct ksm_stats *s);

/**
 * tune_settings_apply() - write what is wanted, but for what others have taken
 * @k: NULL: write nothing, as if every write succeeded
 * @restart_advisor: it takes a new least rate only when it begins
 *
 * Each write is read back.  One that is refused, or does not hold, is said; the others
 * are still tried.
 * Return: 0; the -errno of the last one that failed.
 */
int tune_settings_apply(struct tune_settings *t, struct ksm *k, const struct ksm_attrset *want,
			bool restart_advisor);

/* Everything that is still ours as it was found.  0; the -errno of the last that failed. */
int tune_settings_restore(struct tune_settings *t, struct ksm *k);
/* What others have taken is to be ours again with the next decision. */
void tune_settings_take(struct tune_settings *t);

#endif /* KSM_AUTOTUNE_APPLY_H */
