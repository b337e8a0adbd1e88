/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * advise.h - switch merging on and off in running processes: which call, made
 * how, and what it takes.
 *
 * inject.h makes the calls; this decides which they are, for ksm-advise -p and
 * for ksmtop alike.
 */
#ifndef KSM_INJECT_ADVISE_H
#define KSM_INJECT_ADVISE_H

#include "inject/inject.h"
#include "inject/portions.h"

/* What may be used. */
enum ksm_advise_how {
	KSM_ADVISE_AUTO,	/* the prctl where the kernel has it (6.4), else madvise */
	KSM_ADVISE_PRCTL,
	KSM_ADVISE_MADVISE,	/* of each mapping there is now */
};

enum ksm_advise_action {
	KSM_ADVISE_NOTHING,	/* it is so already */
	KSM_ADVISE_BY_PRCTL,
	KSM_ADVISE_BY_MADVISE,
	KSM_ADVISE_OUR_MARKS,	/* what was marked where it pays, and nothing else */
	KSM_ADVISE_NOT_OURS,	/* the program asked for it by its own madvise: left alone */
};

struct ksm_advise_want {
	enum ksm_advise_how how;
	bool on;
	bool all;		/* off: also what the program itself asked for */
	bool noted;		/* off: there is a note on what we marked; see marks.h */
	ksm_portions_fn step;	/* off: how far it is, and whether to go on; may be NULL */
	void *arg;
};

/* What to do with a process that takes part as @now does; pure. */
enum ksm_advise_action ksm_advise_plan(const struct ksm_caps *caps,
				       const struct ksm_advise_want *want, enum ksm_member now);

struct ksm_advised {
	enum ksm_advise_action action;
	struct ksm_portions portions;	/* of the calls of madvise */
	struct ksm_inject_info info;	/* of all calls: .stop_ns and .cpu_ns are the longest */
};

/**
 * ksm_advise_process() - switch merging of a running process on or off
 * @caps: of this kernel, from ksm_caps_read()
 * @whom: not the calling process
 * @out: what was done, and on failure why not
 *
 * Switching off gives the process its own pages again: look at
 * ksm_advise_memory() first.  It is done in portions (portions.h), unless
 * KSM_ADVISE_PRCTL asks for the one call.  Needs permission to trace it.
 *
 * Return: 0, also when there was nothing to do; -EINTR when @want->step said so,
 * and another call goes on from there; -EPERM with KSM_ADVISE_NOT_OURS;
 * -errno as enum ksm_inject_why has it.
 */
int ksm_advise_process(struct ksm *k, const struct ksm_caps *caps,
		       const struct ksm_whom *whom, const struct ksm_advise_want *want,
		       struct ksm_advised *out);

/* Only the mappings: MADV_MERGEABLE for each that lacks it.  0 or -errno. */
int ksm_advise_mappings(struct ksm *k, const struct ksm_whom *whom, struct ksm_advised *out);

/* Why an injection failed, with a hint in parentheses; returns @buf. */
const char *ksm_advise_why(const struct ksm_inject_info *info, int rc, char *buf, size_t len);

/**
 * ksm_advise_memory() - what switching these processes off may take
 * @need: bytes; every page that leaves sharing needs one of its own.  Shared
 *	copies count too, so it is the most that may be needed.
 * @have: MemAvailable; no value where it cannot be read
 */
void ksm_advise_memory(struct ksm *k, const struct ksm_ident *ids, size_t n, int64_t *need,
		       struct ksm_fig *have);

#endif /* KSM_INJECT_ADVISE_H */
