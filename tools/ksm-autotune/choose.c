// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * choose.c - what is done with a process that a rule matches, and when.  Pure.
 */
#include "ksm-autotune/choose.h"

#include <stdarg.h>
#include <stdio.h>

#include "estimate/places.h"
#include "util/macros.h"

/* Of the first look after it was advised: what is counted before says nothing of it. */
#define PASSES_UNSEEN	UINT64_MAX
#define PASSES_TO_JUDGE	2	/* the engine looks at a page twice before it merges it */
#define COOLDOWN_MAX	(UINT64_C(7) * 86400 * 1000000000)
/* Of what was promised, so much must have come. */
#define KEPT_PROMISE	0.5
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
	c->again = false;
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
		if (t->now_ns < c->next_ns)
			return TUNE_ACT_NONE;
		return c->rule->advise == TUNE_ADVISE_WHERE && !c->fleeting ? TUNE_ACT_PLACES :
									      TUNE_ACT_AGAIN;
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

void tune_cand_chosen(struct tune_cand *c)
{
	c->again = c->state == TUNE_STAYS;
	c->state = TUNE_SAMPLED;
}

static bool gains(const struct tune_cand *c, double share, int64_t low_bytes, int64_t meta_bytes)
{
	return low_bytes >= share * (double)c->rule->min_gain_bytes && low_bytes > meta_bytes;
}

enum tune_act tune_cand_again(struct tune_cand *c, const struct tune_again *a)
{
	if (a->marked && a->held < EST_LASTS) {
		c->fleeting = true;
		c->promised_bytes = a->whole_low_bytes;
		c->meta_bytes = a->whole_meta_bytes;
		because(c, "its places do not last (%.0f %% of what is to be saved is where it was "
			"marked); as a whole it would save %.1f MiB at least, for %.1f MiB of "
			"metadata", 100 * a->held, a->whole_low_bytes / MIB,
			a->whole_meta_bytes / MIB);
		return gains(c, 1, a->whole_low_bytes, a->whole_meta_bytes) ? TUNE_ACT_ADVISE :
									      TUNE_ACT_UNDO;
	}
	c->promised_bytes = a->low_bytes;
	/* Who is advised already stays for less, so that he does not come and go. */
	if (!gains(c, KEPT_PROMISE, a->low_bytes, a->meta_bytes)) {
		because(c, "where it pays it would save %.1f MiB at least now, for %.1f MiB of "
			"metadata", a->low_bytes / MIB, a->meta_bytes / MIB);
		return TUNE_ACT_UNDO;
	}
	because(c, "%zu range%s became hot and %zu went cold; it would save %.1f MiB at least, for "
		"%.1f MiB of metadata", a->hot, a->hot == 1 ? "" : "s", a->cold,
		a->low_bytes / MIB, a->meta_bytes / MIB);
	return a->hot || a->cold ? TUNE_ACT_PLACES : TUNE_ACT_JUDGE;
}

void tune_cand_refused(struct tune_cand *c, const struct tune_clock *t, const char *why)
{
	because(c, "%s", why);
	if (!c->again) {
		cool_down(c, t);
		return;
	}
	c->again = false;
	enter(c, TUNE_STAYS, t);
	c->next_ns = t->now_ns + c->rule->cooldown_ns;
}

void tune_cand_advised(struct tune_cand *c, const struct tune_clock *t)
{
	enter(c, TUNE_ADVISED, t);
	c->again = false;
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
	c->again = false;
	c->next_ns = t->now_ns + c->rule->again_ns;
	/* Who kept less than was promised is looked at sooner. */
	if (saved_bytes < KEPT_PROMISE * c->promised_bytes)
		c->next_ns = t->now_ns + MIN(c->rule->again_ns, c->rule->cooldown_ns);
	return true;
}

void tune_cand_disappointed(struct tune_cand *c, const struct tune_clock *t)
{
	cool_down(c, t);
}
