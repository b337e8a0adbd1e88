// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * choose.c - what is done with a process that a rule matches, and when.  Pure.
 */
#include "ksm-autotune/choose.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/macros.h"

/* Of the first look after it was advised: what is counted before says nothing of it. */
#define PASSES_UNSEEN	UINT64_MAX
#define PASSES_TO_JUDGE	2	/* the engine looks at a page twice before it merges it */
#define COOLDOWN_MAX	(UINT64_C(7) * 86400 * 1000000000)
/* Of what was promised, so much must have come. */
#define KEPT_PROMISE	0.5
/* Places age: what a process holds is looked at again after so many cool-downs. */
#define AGAIN_COOLDOWNS	6
#define MIB		(1024.0 * 1024)

static const char *const names[__TUNE_STATE_N] = {
	[TUNE_WAITS] = "waits",	    [TUNE_SAMPLED] = "sampled", [TUNE_ADVISED] = "advised",
	[TUNE_STAYS] = "stays",	    [TUNE_LEFT] = "left",
};

const char *tune_state_name(enum tune_state s)
{
	return names[s];
}

static __printf(2, 3) void because(struct tune_cand *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->reason, sizeof(c->reason), fmt, ap);
	va_end(ap);
}

static void enter(struct tune_cand *c, enum tune_state s, const struct tune_clock *t)
{
	c->state = s;
	c->since_ns = t->now_ns;
}

static void cool_down(struct tune_cand *c, const struct tune_clock *t)
{
	enter(c, TUNE_WAITS, t);
	c->next_ns = t->now_ns + c->cooldown_ns;
	c->cooldown_ns = MIN(2 * c->cooldown_ns, COOLDOWN_MAX);
}

void tune_cand_init(struct tune_cand *c, const struct ksm_ident *id, const struct tune_rule *rule,
		    const struct tune_config *cfg, const struct tune_clock *t, uint64_t age_ns)
{
	*c = (struct tune_cand){ .id = *id, .uid = KSM_UID_NONE, .rule = rule,
				  .cooldown_ns = rule->cooldown_ns };
	if (rule->advise == TUNE_ADVISE_AS_IS || rule->advise == TUNE_ADVISE_NEVER) {
		enter(c, TUNE_LEFT, t);
		because(c, "rule %s says %s", rule->name, tune_advise_name(rule->advise));
		return;
	}
	enter(c, TUNE_WAITS, t);
	c->next_ns = t->now_ns + cfg->settle_in_ns - MIN(age_ns, cfg->settle_in_ns);
	because(c, "it began %.0f s ago, and has %.0f s to settle in", age_ns / 1e9,
		cfg->settle_in_ns / 1e9);
}

void tune_cand_leave(struct tune_cand *c, const struct tune_clock *t, const char *why)
{
	enter(c, TUNE_LEFT, t);
	because(c, "%s", why);
}

enum tune_act tune_cand_next(const struct tune_cand *c, const struct tune_clock *t)
{
	switch (c->state) {
	case TUNE_WAITS:
		return t->now_ns >= c->next_ns ? TUNE_ACT_SAMPLE : TUNE_ACT_NONE;
	case TUNE_ADVISED:
		/* The pass under way when it was advised says little. */
		return c->passes != PASSES_UNSEEN && t->passes >= c->passes + PASSES_TO_JUDGE + 1 ?
			TUNE_ACT_JUDGE : TUNE_ACT_NONE;
	case TUNE_STAYS:
		return t->now_ns >= c->next_ns ? TUNE_ACT_AGAIN : TUNE_ACT_NONE;
	default:
		return TUNE_ACT_NONE;
	}
}

enum tune_act tune_cand_sampled(struct tune_cand *c, const struct tune_clock *t, int64_t low_bytes,
				int64_t meta_bytes)
{
	const int64_t min = (int64_t)MIN(c->rule->min_gain_bytes, (uint64_t)INT64_MAX);

	c->promised_bytes = low_bytes;
	c->meta_bytes = meta_bytes;
	if (low_bytes < min || low_bytes <= meta_bytes) {
		because(c, "it would save %.1f MiB at least, %s (%.1f MiB)", low_bytes / MIB,
			low_bytes < min ? "less than min-gain" : "no more than its metadata",
			(low_bytes < min ? min : meta_bytes) / MIB);
		cool_down(c, t);
		return TUNE_ACT_NONE;
	}
	because(c, "it would save %.1f MiB at least, for %.1f MiB of metadata", low_bytes / MIB,
		meta_bytes / MIB);
	return TUNE_ACT_ADVISE;
}

void tune_cand_refused(struct tune_cand *c, const struct tune_clock *t, const char *why)
{
	because(c, "%s", why);
	cool_down(c, t);
}

void tune_cand_advised(struct tune_cand *c, const struct tune_clock *t)
{
	enter(c, TUNE_ADVISED, t);
	c->passes = PASSES_UNSEEN;
}

void tune_cand_look(struct tune_cand *c, const struct tune_clock *t)
{
	if (c->state == TUNE_ADVISED && c->passes == PASSES_UNSEEN)
		c->passes = t->passes;
}

void tune_cand_adopt(struct tune_cand *c, const struct tune_clock *t)
{
	tune_cand_advised(c, t);
	because(c, "it was advised before ksm-autotune was started again");
}

bool tune_cand_judged(struct tune_cand *c, const struct tune_clock *t, int64_t saved_bytes,
		      int64_t meta_bytes)
{
	const bool pays = saved_bytes > meta_bytes;

	if (c->promised_bytes)
		because(c, "it saves %.1f MiB for %.1f MiB of metadata; %.1f MiB were promised",
			saved_bytes / MIB, meta_bytes / MIB, c->promised_bytes / MIB);
	else
		because(c, "it saves %.1f MiB for %.1f MiB of metadata", saved_bytes / MIB,
			meta_bytes / MIB);
	c->saved_bytes = saved_bytes;
	c->meta_bytes = meta_bytes;
	if (!pays)
		return false;
	enter(c, TUNE_STAYS, t);
	/* Who kept less than was promised is looked at sooner. */
	c->next_ns = t->now_ns + (saved_bytes < KEPT_PROMISE * c->promised_bytes ?
				  1 : AGAIN_COOLDOWNS) * c->rule->cooldown_ns;
	return true;
}

void tune_cand_disappointed(struct tune_cand *c, const struct tune_clock *t)
{
	cool_down(c, t);
}
