/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procs.h - the processes that there are, and those that a rule matches.
 */
#ifndef KSM_AUTOTUNE_PROCS_H
#define KSM_AUTOTUNE_PROCS_H

#include "ksm-autotune/choose.h"
#include "ksm-autotune/store.h"
#include "util/map.h"

struct tune_procs {
	struct tune_cand **cand;	/* matched, in the order in which they were found */
	size_t n, cap;
	struct map seen;		/* by pid: all that there are */
	uint32_t look;
	bool matched;			/* a rule did, whoever was asked last */
};

/* What a look found. */
struct tune_found {
	size_t procs;			/* that there are */
	size_t came, went;		/* of those that a rule matches */
	size_t took_part;		/* of those that came, by themselves... */
	const struct tune_rule *rule;	/* ...the rule of one */
};

void tune_procs_init(struct tune_procs *p);
void tune_procs_fini(struct tune_procs *p);
/* As if none had been looked at: rules have changed.  Nobody is un-advised by that. */
void tune_procs_forget(struct tune_procs *p);

/**
 * tune_procs_look() - who has come, and who has gone
 * @t: the moment of the look
 * @ours: whom we advised, also before this daemon began
 * @s: of this look
 * @uptime_ns: to which start times count
 *
 * Known processes are not read at each look, but in turn: a number that is another's now
 * is noticed within TUNE_TURNS looks, and at once where it matters, as everything that is
 * done is done to an identity.
 * Return: 0; -errno: the list cannot be read, and what is known stays.
 */
int tune_procs_look(struct tune_procs *p, struct ksm *k, const struct tune_config *c,
		    const struct tune_clock *t, const struct tune_ourses *ours,
		    const struct ksm_stats *s, uint64_t uptime_ns, struct tune_found *out);

#define TUNE_TURNS 32

/* What the kernel keeps for a process: by its own word (hksm), else by the items of mm/ksm.c. */
int64_t tune_meta_bytes(const struct ksm_proc *p);

#endif /* KSM_AUTOTUNE_PROCS_H */
