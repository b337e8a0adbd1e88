// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * history.c - what was seen of the system so far.  Pure.
 *
 * A condition does not begin and end by one level, and it must last: a figure that
 * wavers around a level would switch the scanner on and off with every look.
 */
#include "ksm-autotune/policy.h"

#include <stdio.h>
#include <string.h>

#include "util/macros.h"
#include "util/num.h"

#define MIB (1024.0 * 1024)
/* How much of a new figure goes into the mean of what a page costs. */
#define LEARN 0.3
/* Fewer pages than that tell nothing of what one of them costs. */
#define LEARN_PAGES 1000

static struct ksm_fig attr(const struct ksm_stats *s, enum ksm_attr id)
{
	return ksm_stats_fig(s, id);
}

static int64_t saved_pages(const struct ksm_stats *s)
{
	return num_add_sat(ksm_fig_or(attr(s, KSM_ATTR_PAGES_SHARING), 0),
			   MAX(ksm_fig_or(attr(s, KSM_ATTR_ZERO_PAGES), 0), 0));
}

/* What is replayed may say anything. */
static int64_t minus(int64_t a, int64_t b)
{
	return num_add_sat(a, num_mul_sat(b, -1));
}

/* --- conditions --- */

static void cond_step(struct tune_cond *c, bool begins, bool ends, uint64_t now, uint64_t for_ns)
{
	const bool other = c->on ? ends : begins;

	if (other && !c->other)
		c->since_ns = now;
	c->other = other;
	if (other && now - c->since_ns >= for_ns) {
		c->on = !c->on;
		c->other = false;
	}
}

/* There is more to find than the last passes say. */
static void unsettle(struct tune_history *h)
{
	h->settle = (struct ksm_settle){ 0 };
	h->settled = false;
	h->fast_passes = h->passes;
}

/* --- windows --- */

static struct ksm_fig breaks(const struct ksm_stats *s)
{
	struct ksm_fig sum = s->cow_ksm;

	if (ksm_fig_has(s->swpin_copy))
		ksm_fig_add(&sum, s->swpin_copy);
	return sum;
}

/* Keeps the youngest point that is at least a window old, and all behind it. */
static void add_point(struct tune_history *h, const struct ksm_stats *s, uint64_t window_ns)
{
	size_t old = 0;

	while (old + 1 < h->n_points && s->when_ns - h->point[old + 1].when_ns >= window_ns)
		old++;
	/* Looks that are closer together than planned: a shorter window. */
	if (h->n_points - old == TUNE_POINTS)
		old++;
	h->n_points -= old;
	memmove(h->point, h->point + old, h->n_points * sizeof(*h->point));
	h->point[h->n_points++] = (struct tune_point){
		.when_ns = s->when_ns,
		.some_us = s->psi_some_us,
		.full_us = s->psi_full_us,
		.breaks = breaks(s),
	};
}

static double per_second(struct ksm_fig newer, struct ksm_fig older, uint64_t ns)
{
	const struct ksm_fig grown = ksm_fig_grown(newer, older, true);

	return ksm_fig_has(grown) && ns ? grown.v / (ns / 1e9) : -1;
}

static void sum_up(struct tune_history *h)
{
	const struct tune_point *first = &h->point[0], *last = &h->point[h->n_points - 1];
	const uint64_t ns = last->when_ns - first->when_ns;

	/* Microseconds a second to percent. */
	h->some_pct = per_second(last->some_us, first->some_us, ns);
	h->some_pct = h->some_pct < 0 ? -1 : h->some_pct / 1e4;
	h->full_pct = per_second(last->full_us, first->full_us, ns);
	h->full_pct = h->full_pct < 0 ? -1 : h->full_pct / 1e4;
	h->breaks_s = per_second(last->breaks, first->breaks, ns);
}

bool tune_history_need(const struct tune_history *h, const struct tune_policy *c)
{
	return c->always || h->low.on || h->some.on || h->full.on;
}

static void see_need(struct tune_history *h, const struct tune_policy *c)
{
	const uint64_t now = h->last.when_ns;
	const struct ksm_fig total = h->last.mem_total_bytes, left = h->last.mem_available_bytes;
	bool need;

	h->available_pct = -1;
	if (ksm_fig_has(total) && ksm_fig_has(left) && total.v > 0)
		h->available_pct = 100.0 * left.v / total.v;
	cond_step(&h->low, h->available_pct >= 0 && h->available_pct < c->available_pct,
		  h->available_pct < 0 || h->available_pct > c->available_off_pct, now,
		  c->need_for_ns);
	/* A window is a sum over that time already. */
	cond_step(&h->some, c->some_pct > 0 && h->some_pct >= c->some_pct,
		  h->some_pct < c->some_off_pct, now, 0);
	cond_step(&h->full, c->full_pct > 0 && h->full_pct >= c->full_pct,
		  h->full_pct < c->full_off_pct, now, 0);
	need = tune_history_need(h, c);
	if (need && !h->had_need)
		unsettle(h);
	h->had_need = need;
}

static void see_harm(struct tune_history *h, const struct tune_policy *c)
{
	if (c->max_breaks <= 0 || h->breaks_s < c->max_breaks || !h->cpu)
		return;
	h->pause_until_ns = h->last.when_ns + c->pause_ns;
	h->pause_breaks = h->breaks_s;
}

/* --- passes --- */

static void set_mark(struct tune_history *h, const struct ksm_stats *s)
{
	const struct ksm_fig scans = attr(s, KSM_ATTR_FULL_SCANS);

	h->mark = ksm_fig_has(scans) && ksm_fig_has(s->ksmd_cpu_ns);
	h->mark_scans = ksm_fig_or(scans, 0);
	h->mark_cpu_ns = ksm_fig_or(s->ksmd_cpu_ns, 0);
	h->mark_saved = saved_pages(s);
}

static void see_passes(struct tune_history *h, const struct ksm_stats *was)
{
	const struct ksm_stats *s = &h->last;
	const struct ksm_fig scans = attr(s, KSM_ATTR_FULL_SCANS);
	const struct ksm_fig before = attr(was, KSM_ATTR_FULL_SCANS);

	if (!ksm_fig_has(scans))
		return;
	/* Unmerging begins the count anew; nothing that was begun before it counts. */
	if (!ksm_fig_has(before) || scans.v < before.v || (h->mark && scans.v < h->mark_scans)) {
		h->mark = false;
		return;
	}
	if (scans.v == before.v)
		return;
	h->ended += minus(scans.v, before.v);
	if (h->mark) {
		h->pass.cpu_ms = minus(ksm_fig_or(s->ksmd_cpu_ns, 0), h->mark_cpu_ns) / 1e6;
		h->pass.saved_mib = minus(saved_pages(s), h->mark_saved) * (double)s->page_size / MIB;
		h->passes += minus(scans.v, h->mark_scans);
	}
	set_mark(h, s);
}

static void see_settled(struct tune_history *h)
{
	const struct ksm_fig scans = attr(&h->last, KSM_ATTR_FULL_SCANS);

	if (!ksm_fig_has(scans))
		return;
	if (ksm_settle_step(&h->settle, scans.v, saved_pages(&h->last), KSM_SETTLE_TOLERANCE))
		h->settled = true;
	if (h->settled)
		h->kicked = false;
}

static void see_cost(struct tune_history *h, const struct ksm_stats *was)
{
	const struct ksm_fig pages = ksm_fig_grown(attr(&h->last, KSM_ATTR_PAGES_SCANNED),
						   attr(was, KSM_ATTR_PAGES_SCANNED), true);
	const struct ksm_fig ns = ksm_fig_grown(h->last.ksmd_cpu_ns, was->ksmd_cpu_ns, true);
	double each;

	if (!ksm_fig_has(pages) || !ksm_fig_has(ns) || pages.v < LEARN_PAGES || ns.v <= 0)
		return;
	each = (double)ns.v / pages.v;
	h->page_ns = h->page_ns > 0 ? h->page_ns + LEARN * (each - h->page_ns) : each;
}

static void restart(struct tune_history *h)
{
	h->n_points = 0;
	h->low = h->some = h->full = (struct tune_cond){ 0 };
	h->pause_until_ns = 0;
	h->mark = false;
	h->looks = 0;
	unsettle(h);
}

void tune_history_add(struct tune_history *h, const struct tune_policy *c,
		      const struct ksm_stats *s)
{
	const struct ksm_stats was = h->last;

	if (h->looks && s->when_ns < was.when_ns)
		restart(h);
	h->last = *s;
	add_point(h, s, c->need_for_ns);
	sum_up(h);
	if (h->looks++) {
		see_passes(h, &was);
		see_cost(h, &was);
	}
	if (h->kick_is_new)
		h->fast_passes = h->passes;
	h->kick_is_new = false;
	see_settled(h);
	see_need(h, c);
	see_harm(h, c);
}

void tune_history_kick(struct tune_history *h, const char *why)
{
	h->kicked = true;
	/*
	 * With next to nothing to scan there are fifty passes a second, and of those until
	 * the next look nobody can tell which came after this.
	 */
	h->kick_is_new = true;
	unsettle(h);
	snprintf(h->kick_why, sizeof(h->kick_why), "%s", why);
}

void tune_history_decided(struct tune_history *h, const struct tune_decision *d)
{
	h->cpu_passes = h->passes;
	if (h->decided && !d->changes)
		return;
	h->decided = true;
	h->cpu = d->cpu;
	h->want = d->want;
	h->since_ns = h->last.when_ns;
	h->mark = false;
}
