/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.h - how fast to scan, and why.  Pure: no clock, no input, no output.
 *
 * Each look at the system is added to the history; time is in the looks.  What is
 * decided follows from history and configuration alone, so that a record of looks
 * replayed gives the same decisions, in the same words.
 */
#ifndef KSM_AUTOTUNE_POLICY_H
#define KSM_AUTOTUNE_POLICY_H

#include "libksm/libksm.h"

/* ------------------------------------------------------------------ */
/* what is configured							*/

enum tune_keep { TUNE_KEEP, TUNE_NO, TUNE_YES };

struct tune_policy {
	/* Need: any of them.  Of each pair, the first begins it and the second ends it. */
	bool always;			/* do not ask for need: pay by yield alone */
	double available_pct, available_off_pct;	/* of MemTotal, below and above */
	double some_pct, some_off_pct;	/* of the time that a task waited for memory */
	double full_pct, full_off_pct;	/* that all of them did; 0: not looked at */
	uint64_t need_for_ns;		/* so long it must last, and so long PSI is summed */
	/* Price: CPU time of ksmd for a MiB newly saved. */
	double price_ms;
	double need_price_ms;		/* while there is need */
	double max_cpu;			/* of one processor: 0.2 */
	double watch_cpu;		/* when nothing is expected */
	/* Harm: merged pages copied again, for a write or a swapped-in page. */
	double max_breaks;		/* a second; 0: not looked at */
	uint64_t pause_ns;		/* no scanning after that */
	/* Means */
	bool advisor;			/* the kernel's, where there is one */
	int64_t pass_s;			/* what the advisor aims at: time of a pass */
	enum tune_keep zero_pages, smart_scan;
};

/* What holds without any configuration file. */
void tune_policy_default(struct tune_policy *out);

/* ------------------------------------------------------------------ */
/* what was seen							*/

/* Something that begins and ends by different levels, after it has lasted. */
struct tune_cond {
	bool on;
	bool other;			/* the opposite holds now, since: */
	uint64_t since_ns;
};

struct tune_pass {
	double cpu_ms;			/* of ksmd */
	double saved_mib;		/* newly; in page frames */
};

#define TUNE_POINTS	64
#define TUNE_KICK_MAX	64

/* Counters at one moment, for sums over a window. */
struct tune_point {
	uint64_t when_ns;
	struct ksm_fig some_us, full_us, breaks;
};

struct tune_history {
	uint64_t looks;
	struct ksm_stats last;
	struct tune_point point[TUNE_POINTS];	/* the last ones, oldest first */
	size_t n_points;

	struct tune_cond low;		/* memory available */
	struct tune_cond some, full;
	double available_pct;		/* now; below 0: not known */
	double some_pct, full_pct;	/* over the window; below 0: not known */
	double breaks_s;
	uint64_t pause_until_ns;
	double pause_breaks;		/* the rate that led to it */

	double page_ns;			/* CPU time of ksmd for a page; 0: not seen yet */

	/* The pass under way began so, unless something was changed since. */
	bool mark;
	int64_t mark_scans, mark_cpu_ns, mark_saved;
	struct tune_pass pass;		/* the last whole one */
	uint64_t passes;		/* whole ones seen, each at one pace */
	uint64_t ended;			/* all that ended, whatever the pace was */
	struct ksm_settle settle;
	bool settled;
	uint64_t fast_passes;		/* .passes when there was new reason to hurry */

	bool kicked;			/* scan fast until settled */
	bool kick_is_new;		/* passes since the last look were before it */
	char kick_why[TUNE_KICK_MAX];

	/* What was decided last, and acted upon. */
	bool decided;
	double cpu;			/* 0: stopped */
	uint64_t cpu_passes;		/* .passes then */
	bool had_need;
	struct ksm_attrset want;
	uint64_t since_ns;
};

/**
 * tune_history_add() - one look at the system
 * @h: all zeroes at first
 * @s: not older than the last; one that is, begins the history anew
 */
void tune_history_add(struct tune_history *h, const struct tune_policy *c,
		      const struct ksm_stats *s);
/* Something started: scan fast until settled.  @why is for people: "guests: 2 started". */
void tune_history_kick(struct tune_history *h, const char *why);
/* There is need, by what was seen until now. */
bool tune_history_need(const struct tune_history *h, const struct tune_policy *c);

/* ------------------------------------------------------------------ */
/* what is decided							*/

#define TUNE_REASON_MAX 240

struct tune_decision {
	double cpu;			/* of one processor, for ksmd; 0: stopped */
	struct ksm_attrset want;	/* the settings that this takes, and no others */
	bool changes;			/* from what was decided last, if only by a measured rate */
	bool turns;			/* the pace is another */
	bool restart_advisor;		/* it takes a new least rate only when it begins */
	char reason[TUNE_REASON_MAX];	/* one sentence, without a full stop */
};

/* Pure; @h must have had a look. */
void tune_decide(const struct tune_history *h, const struct tune_policy *c,
		 struct tune_decision *out);
/* It is to hold from now on: counters lag, so the pass under way tells nothing of it. */
void tune_history_decided(struct tune_history *h, const struct tune_decision *d);

#endif /* KSM_AUTOTUNE_POLICY_H */
