// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy.c - how fast to scan, and why.  Pure.
 *
 * Scanning has a price in CPU time, and a yield in memory newly saved; what was
 * found by the last whole pass is what the next one is expected to find.  Where that
 * is not known (something started, memory became short) scanning is fast until the
 * passes say that there is nothing more; then it watches.
 */
#include "ksm-autotune/policy.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "util/macros.h"

#define PAGE_NS_GUESS	1000.0	/* CPU time for a page, until it was measured */
#define SLEEP_MS	20	/* the kernel's own default */
#define WATCH_SLEEP_MS	200	/* ten times fewer wakeups, where there is no hurry */
#define PAGES_MIN	1
#define PAGES_MAX	100000	/* of one batch, for which ksmd does not yield */
#define SIMILAR		0.25	/* a rate that differs by less is not worth a write */

void tune_policy_default(struct tune_policy *out)
{
	*out = (struct tune_policy){
		.always = true,
		.available_pct = 20, .available_off_pct = 25,
		.some_pct = 5, .some_off_pct = 2,
		.full_pct = 2, .full_off_pct = 0.5,
		.need_for_ns = UINT64_C(30) * 1000000000,
		.price_ms = 5,
		.need_price_ms = 50,
		.max_cpu = 0.2,
		.watch_cpu = 0.005,
		.max_breaks = 0,
		.pause_ns = UINT64_C(300) * 1000000000,
		.advisor = true,
		.pass_s = 200,
	};
}

/* --- the pace --- */

static __printf(2, 3) void because(struct tune_decision *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->reason, sizeof(d->reason), fmt, ap);
	va_end(ap);
}

/* What is short, in words. */
static const char *need_text(const struct tune_history *h, const struct tune_policy *c, char *buf,
			     size_t len)
{
	if (h->low.on)
		snprintf(buf, len, "%.0f %% of memory available, less than %.0f %% for %.0f s",
			 h->available_pct, c->available_pct, c->need_for_ns / 1e9);
	else if (h->full.on)
		snprintf(buf, len, "for %.1f %% of the last %.0f s everything waited for memory",
			 h->full_pct, c->need_for_ns / 1e9);
	else if (h->some.on)
		snprintf(buf, len, "for %.1f %% of the last %.0f s something waited for memory",
			 h->some_pct, c->need_for_ns / 1e9);
	else
		snprintf(buf, len, "memory is not short");
	return buf;
}

static const char *pass_text(const struct tune_history *h, char *buf, size_t len)
{
	if (!h->passes)
		snprintf(buf, len, "no whole pass was seen yet");
	else
		snprintf(buf, len, "the last pass gave %.1f MiB for %.2f s of CPU time",
			 h->pass.saved_mib, h->pass.cpu_ms / 1000);
	return buf;
}

static bool pays(const struct tune_history *h, double price_ms)
{
	return h->pass.saved_mib > 0 && h->pass.cpu_ms <= price_ms * h->pass.saved_mib;
}

static bool is_short(const struct tune_history *h)
{
	return h->low.on || h->some.on || h->full.on;
}

static double price_ms(const struct tune_history *h, const struct tune_policy *c)
{
	return is_short(h) ? c->need_price_ms : c->price_ms;
}

/*
 * Fast, until the passes say that it is enough; false where there is no reason to be.
 * The engine looks at a page twice before it merges it, so that only the second
 * pass tells what there was to find.
 */
static bool decide_fast(const struct tune_history *h, const struct tune_policy *c,
			struct tune_decision *d)
{
	char need[120], pass[100];

	if (h->settled || (!h->kicked && !is_short(h)))
		return false;
	if (h->passes > h->fast_passes + 1 && !pays(h, price_ms(h, c)))
		return false;
	d->cpu = c->max_cpu;
	if (h->kicked)
		because(d, "%s; %s", h->kick_why, pass_text(h, pass, sizeof(pass)));
	else
		because(d, "%s; %s", need_text(h, c, need, sizeof(need)),
			pass_text(h, pass, sizeof(pass)));
	return true;
}

/* By what the last pass gave: twice as fast, or half. */
static void decide_by_yield(const struct tune_history *h, const struct tune_policy *c,
			    struct tune_decision *d)
{
	const double price = price_ms(h, c);
	char need[120], pass[100];

	if (!tune_history_need(h, c)) {
		d->cpu = c->watch_cpu;
		because(d, "%s", need_text(h, c, need, sizeof(need)));
		return;
	}
	pass_text(h, pass, sizeof(pass));
	if (h->passes == h->cpu_passes) {
		/* Nothing new is known: as it is. */
		d->cpu = h->decided && h->cpu > 0 ? h->cpu : c->watch_cpu;
		because(d, "%s", h->settled ? "settled" : pass);
		return;
	}
	d->cpu = h->cpu > 0 ? h->cpu : c->watch_cpu;
	if (pays(h, price)) {
		d->cpu = MIN(d->cpu * 2, c->max_cpu);
		because(d, "%s, within %.1f ms for a MiB", pass, price);
	} else if (h->settled) {
		d->cpu = c->watch_cpu;
		because(d, "settled: %s", pass);
	} else {
		d->cpu = MAX(d->cpu / 2, c->watch_cpu);
		because(d, "%s, above %.1f ms for a MiB", pass, price);
	}
}

static void decide_pace(const struct tune_history *h, const struct tune_policy *c,
			struct tune_decision *d)
{
	if (h->last.when_ns < h->pause_until_ns) {
		d->cpu = 0;
		because(d, "%.0f merged pages a second were copied again, more than %.0f; "
			"no scanning for %.0f s", h->pause_breaks, c->max_breaks,
			c->pause_ns / 1e9);
		return;
	}
	if (!decide_fast(h, c, d))
		decide_by_yield(h, c, d);
}

/* --- the settings for it --- */

static bool has(const struct tune_history *h, enum ksm_attr id)
{
	return h->last.attr[id].state == KSM_VALUE;
}

static void want(const struct tune_history *h, struct tune_decision *d, enum ksm_attr id, int64_t v)
{
	if (has(h, id))
		d->want.value[id] = (struct ksm_value){ .state = KSM_VALUE, .v = v };
}

/* Two digits: the last ones are noise, and would be written with every look. */
static int64_t rounded(double v)
{
	const double unit = v >= 100 ? pow(10, floor(log10(v)) - 1) : 1;

	return llround(v / unit) * llround(unit);
}

static int64_t batch(const struct tune_history *h, double cpu, int64_t sleep_ms)
{
	const double each = h->page_ns > 0 ? h->page_ns : PAGE_NS_GUESS;
	const double pages = cpu / MAX(1 - cpu, 0.01) * sleep_ms * 1e6 / each;

	return rounded(MIN(MAX(pages, (double)PAGES_MIN), (double)PAGES_MAX));
}

/* What holds, where it is so near that a write is not worth it. */
static int64_t sticky(const struct tune_history *h, enum ksm_attr id, int64_t v)
{
	const struct ksm_value *was = &h->want.value[id];

	if (!h->decided || was->state != KSM_VALUE)
		return v;
	return fabs((double)v - was->v) <= SIMILAR * was->v ? was->v : v;
}

static void choose_settings(const struct tune_history *h, const struct tune_policy *c,
			    struct tune_decision *d)
{
	const int64_t sleep_ms = d->cpu > c->watch_cpu ? SLEEP_MS : WATCH_SLEEP_MS;
	const bool advisor = c->advisor && has(h, KSM_ATTR_ADVISOR_MODE);
	const enum ksm_attr rate = advisor ? KSM_ATTR_ADVISOR_MIN_PAGES : KSM_ATTR_PAGES_TO_SCAN;
	int64_t pages;

	if (c->zero_pages != TUNE_KEEP)
		want(h, d, KSM_ATTR_USE_ZERO_PAGES, c->zero_pages == TUNE_YES);
	if (c->smart_scan != TUNE_KEEP)
		want(h, d, KSM_ATTR_SMART_SCAN, c->smart_scan == TUNE_YES);
	want(h, d, KSM_ATTR_RUN, d->cpu > 0 ? KSM_RUN_RUNNING : KSM_RUN_STOPPED);
	if (d->cpu <= 0)
		return;
	want(h, d, KSM_ATTR_SLEEP_MILLISECS, sleep_ms);
	pages = sticky(h, rate, batch(h, d->cpu, sleep_ms));
	want(h, d, rate, pages);
	want(h, d, KSM_ATTR_ADVISOR_MODE, advisor);
	if (!advisor)
		return;
	if (h->last.attr[KSM_ATTR_ADVISOR_MAX_PAGES].v < pages)
		want(h, d, KSM_ATTR_ADVISOR_MAX_PAGES, pages);
	want(h, d, KSM_ATTR_ADVISOR_MAX_CPU, MAX(llround(ceil(d->cpu * 100)), 1));
	want(h, d, KSM_ATTR_ADVISOR_TARGET, c->pass_s);
}

static bool differs(const struct ksm_attrset *a, const struct ksm_attrset *b)
{
	ksm_for_each_attr(id)
		if (a->value[id].state != b->value[id].state || a->value[id].v != b->value[id].v)
			return true;
	return false;
}

void tune_decide(const struct tune_history *h, const struct tune_policy *c,
		 struct tune_decision *out)
{
	char why[TUNE_REASON_MAX];

	*out = (struct tune_decision){ 0 };
	decide_pace(h, c, out);
	choose_settings(h, c, out);
	out->changes = !h->decided || differs(&out->want, &h->want);
	out->turns = !h->decided || fabs(out->cpu - h->cpu) > 1e-9;
	out->restart_advisor = out->want.value[KSM_ATTR_ADVISOR_MIN_PAGES].v !=
			       h->want.value[KSM_ATTR_ADVISOR_MIN_PAGES].v;
	snprintf(why, sizeof(why), "%s", out->reason);
	if (out->cpu <= 0)
		because(out, "stop: %.200s", why);
	else
		because(out, "%s at %.1f %% of a CPU: %.180s",
			out->cpu > c->watch_cpu ? "scan" : "watch", 100 * out->cpu, why);
}
