// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-policy.c - stories of a machine, look by look, and what is decided.
 */
#include "ksm-autotune/policy.h"

#include <math.h>

#include "tap.h"

#define S	UINT64_C(1000000000)
#define MIB	(1 << 20)
#define PAGES	(MIB / 4096)		/* of a MiB */
#define TOTAL	(INT64_C(100) << 30)

/* One look; counters since the one before. */
struct look {
	unsigned int s;			/* later */
	int available_pct;
	int passes;
	int cpu_ms;			/* of ksmd */
	int saved_mib;			/* more */
	int some_ms;			/* waited for memory */
	int breaks;
	const char *kick;
	/* what is to come of it */
	int cpu;			/* hundredths of a percent of a CPU */
	const char *says;		/* in the reason */
};

struct machine {
	struct ksm_stats s;
	bool advisor;
	bool no_psi;
};

static void set(struct ksm_stats *s, enum ksm_attr id, int64_t v)
{
	s->attr[id] = (struct ksm_value){ .state = KSM_VALUE, .v = v };
}

static void machine_init(struct machine *m)
{
	struct ksm_stats *s = &m->s;

	s->page_size = 4096;
	s->when_ns = 1000 * S;
	s->mem_total_bytes = KSM_FIG(TOTAL);
	s->ksmd_cpu_ns = KSM_FIG(0);
	s->cow_ksm = KSM_FIG(0);
	if (!m->no_psi)
		s->psi_some_us = s->psi_full_us = KSM_FIG(0);
	set(s, KSM_ATTR_RUN, 0);
	set(s, KSM_ATTR_PAGES_TO_SCAN, 100);
	set(s, KSM_ATTR_SLEEP_MILLISECS, 20);
	set(s, KSM_ATTR_PAGES_SHARING, 0);
	set(s, KSM_ATTR_FULL_SCANS, 0);
	set(s, KSM_ATTR_SMART_SCAN, 1);
	set(s, KSM_ATTR_USE_ZERO_PAGES, 0);
	if (m->advisor) {
		set(s, KSM_ATTR_ADVISOR_MODE, 0);
		set(s, KSM_ATTR_ADVISOR_MIN_PAGES, 500);
		set(s, KSM_ATTR_ADVISOR_MAX_PAGES, 30000);
		set(s, KSM_ATTR_ADVISOR_MAX_CPU, 70);
		set(s, KSM_ATTR_ADVISOR_TARGET, 200);
	}
}

static void machine_step(struct machine *m, const struct look *l)
{
	struct ksm_stats *s = &m->s;

	s->when_ns += l->s * S;
	s->mem_available_bytes = KSM_FIG(TOTAL / 100 * l->available_pct);
	s->attr[KSM_ATTR_FULL_SCANS].v += l->passes;
	s->attr[KSM_ATTR_PAGES_SHARING].v += (int64_t)l->saved_mib * PAGES;
	s->ksmd_cpu_ns.v += l->cpu_ms * INT64_C(1000000);
	s->cow_ksm.v += l->breaks;
	s->psi_some_us.v += l->some_ms * 1000;
}

#define LOOKS_MAX 16

struct story {
	const char *name;
	void (*configure)(struct tune_policy *c);
	bool advisor, no_psi;
	struct look looks[LOOKS_MAX];
};

static void on_need(struct tune_policy *c)
{
	c->always = false;
}

static void breaks_10(struct tune_policy *c)
{
	c->max_breaks = 10;
}

static const struct story stories[] = {
	{ "pressure rises, settles, ends", on_need, false, false, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "watch at 0.5 % of a CPU: memory is not short" },
		/* below the level, but it has to last */
		{ 10, 15, 0, 0, 0, 0, 0, NULL, 50, "memory is not short" },
		{ 10, 15, 0, 0, 0, 0, 0, NULL, 50, "memory is not short" },
		{ 10, 15, 0, 0, 0, 0, 0, NULL, 50, "memory is not short" },
		{ 10, 15, 0, 0, 0, 0, 0, NULL, 2000,
		  "scan at 20.0 % of a CPU: 15 % of memory available, less than 20 % for 30 s; "
		  "no whole pass was seen yet" },
		/* the pass under way says nothing; the next ones pay */
		{ 10, 14, 1, 2000, 100, 0, 0, NULL, 2000, "no whole pass" },
		{ 10, 14, 1, 2000, 100, 0, 0, NULL, 2000,
		  "the last pass gave 100.0 MiB for 2.00 s" },
		{ 10, 16, 1, 2000, 100, 0, 0, NULL, 2000, "gave 100.0 MiB" },
		/* a pass that adds less than a hundredth: settled, whatever is short */
		{ 10, 18, 1, 2000, 1, 0, 0, NULL, 50, "settled" },
		{ 10, 18, 0, 50, 0, 0, 0, NULL, 50, "settled" },
		/* between the levels there is still need, above the upper one there is none */
		{ 10, 22, 0, 50, 0, 0, 0, NULL, 50, "settled" },
		{ 10, 30, 0, 50, 0, 0, 0, NULL, 50, "settled" },
		{ 31, 30, 0, 50, 0, 0, 0, NULL, 50, "memory is not short" },
	} },
	{ "toggling around one level", on_need, false, false, {
		{ 10, 21, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 19, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 21, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 19, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 21, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 19, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 19, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 19, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 19, 0, 0, 0, 0, 0, NULL, 2000, "19 % of memory available" },
		{ 10, 21, 0, 0, 0, 0, 0, NULL, 2000, "of memory available" },
		{ 10, 24, 0, 0, 0, 0, 0, NULL, 2000, "of memory available" },
	} },
	{ "a kick, and the price is passed", NULL, false, false, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 0, 0, 0, 0, 0, "guests: 2 started", 2000, "guests: 2 started" },
		{ 10, 50, 1, 500, 0, 0, 0, NULL, 2000, "guests: 2 started" },
		/* the first pass of two cannot find anything */
		{ 10, 50, 1, 2000, 0, 0, 0, NULL, 2000, "guests" },
		{ 10, 50, 1, 2000, 500, 0, 0, NULL, 2000, "500.0 MiB for 2.00 s" },
		/* 200 ms for each MiB: half as fast, and half again */
		{ 10, 50, 1, 2000, 10, 0, 0, NULL, 1000, "above 5.0 ms for a MiB" },
		{ 10, 50, 1, 1000, 10, 0, 0, NULL, 1000, "gave 10.0 MiB" },
		{ 10, 50, 1, 2000, 10, 0, 0, NULL, 500, "above 5.0 ms" },
	} },
	{ "passes over nothing, between a kick and the next look", NULL, false, false, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 1, 0, 0, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 500, 10, 0, 0, 0, "guests: 2 started", 2000, "guests: 2 started" },
		{ 10, 50, 1, 2000, 0, 0, 0, NULL, 2000, "guests: 2 started" },
		{ 10, 50, 1, 2000, 500, 0, 0, NULL, 2000, "500.0 MiB" },
	} },
	{ "it pays without need", NULL, false, false, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 1, 100, 50, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 1, 100, 50, 0, 0, NULL, 100, "50.0 MiB for 0.10 s of CPU time, within" },
		{ 10, 50, 1, 100, 50, 0, 0, NULL, 100, "50.0 MiB" },
		{ 10, 50, 1, 100, 50, 0, 0, NULL, 200, "within" },
	} },
	{ "waiting for memory", on_need, false, false, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 50, 0, 0, 0, 1000, 0, NULL, 2000, "for 10.0 % of the last 30 s something waited" },
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 2000, "something waited" },
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 2000, "something waited" },
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "not short" },
	} },
	{ "no pressure figures", on_need, false, true, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 10, 15, 0, 0, 0, 0, 0, NULL, 50, "not short" },
		{ 40, 15, 0, 0, 0, 0, 0, NULL, 2000, "15 % of memory" },
	} },
	{ "writes break what was merged", breaks_10, false, false, {
		{ 10, 50, 0, 0, 0, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 0, 0, 0, 0, 200, NULL, 0,
		  "stop: 20 merged pages a second were copied again, more than 10; no scanning for 300 s" },
		{ 10, 50, 0, 0, 0, 0, 200, NULL, 0, "stop" },
		{ 291, 50, 0, 0, 0, 0, 0, NULL, 50, "no whole pass" },
	} },
	{ "unmerging begins the counters anew", NULL, false, false, {
		{ 10, 50, 5, 0, 100, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 1, 100, 1, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, -6, 0, -101, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 1, 100, 100, 0, 0, NULL, 50, "no whole pass" },
		{ 10, 50, 1, 100, 50, 0, 0, NULL, 100, "gave 50.0 MiB" },
	} },
};

static void run_story(const struct story *st)
{
	struct machine m = { .advisor = st->advisor, .no_psi = st->no_psi };
	struct tune_history h = { 0 };
	struct tune_policy c;

	tune_policy_default(&c);
	if (st->configure)
		st->configure(&c);
	machine_init(&m);
	for (size_t i = 0; i < LOOKS_MAX && st->looks[i].says; i++) {
		const struct look *l = &st->looks[i];
		struct tune_decision d;

		tap_row("%s, look %zu", st->name, i);
		machine_step(&m, l);
		/* Between two looks, as the daemon does it. */
		if (l->kick)
			tune_history_kick(&h, l->kick);
		tune_history_add(&h, &c, &m.s);
		tune_decide(&h, &c, &d);
		CHECK_INT(llround(d.cpu * 10000), l->cpu);
		if (!CHECK(strstr(d.reason, l->says) != NULL))
			printf("# \"%s\"\n", d.reason);
		tune_history_decided(&h, &d);
	}
}

static void told(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		run_story(&stories[i]);
}

/* The same looks give the same decisions, to the letter. */
static void replayed(void)
{
	const struct story *st = &stories[0];
	struct tune_history h[2] = { 0 };
	struct tune_policy c;
	struct machine m = { 0 };

	tune_policy_default(&c);
	c.always = false;
	machine_init(&m);
	for (size_t i = 0; i < LOOKS_MAX && st->looks[i].says; i++) {
		struct tune_decision d[2];

		machine_step(&m, &st->looks[i]);
		for (int j = 0; j < 2; j++) {
			tune_history_add(&h[j], &c, &m.s);
			tune_decide(&h[j], &c, &d[j]);
			tune_history_decided(&h[j], &d[j]);
		}
		CHECK_STR(d[0].reason, d[1].reason);
	}
}

/*
 * Who was advised is judged by passes that ended, at whatever pace: by those at one pace
 * he would wait for several at the slowest, as what settles has the pace change.
 */
static void ended(void)
{
	struct machine m = { 0 };
	struct tune_history h = { 0 };
	struct tune_policy c;
	uint64_t before;

	tune_policy_default(&c);
	machine_init(&m);
	tune_history_add(&h, &c, &m.s);
	tune_history_kick(&h, "2 started");
	machine_step(&m, &(struct look){ .s = 1, .available_pct = 50 });
	tune_history_add(&h, &c, &m.s);
	before = h.ended;
	for (int i = 0; i < 10 && !h.settled; i++) {
		struct tune_decision d;

		machine_step(&m, &(struct look){ .s = 1, .available_pct = 50, .passes = 1,
						 .cpu_ms = 100 });
		tune_history_add(&h, &c, &m.s);
		tune_decide(&h, &c, &d);
		tune_history_decided(&h, &d);
	}
	CHECK(h.settled);
	CHECK_UINT(h.ended - before, 3);
	/* Unmerging begins the kernel's count anew. */
	m.s.attr[KSM_ATTR_FULL_SCANS].v = 0;
	machine_step(&m, &(struct look){ .s = 1, .available_pct = 50 });
	tune_history_add(&h, &c, &m.s);
	CHECK_UINT(h.ended - before, 3);
}

/* Of the settings, what the machine has; the rate of the advisor is left to it. */
static void settings(void)
{
	static const struct {
		const char *name;
		bool advisor, use;
		double cpu;
		int64_t batch, min_pages, sleep, max_cpu;
	} rows[] = {
		/* 200 ms of sleep, 1 us a page: 0.5 % are 1005 pages */
		{ "watch", false, true, 0.005, 1000, -1, 200, -1 },
		{ "scan", false, true, 0.2, 5000, -1, 20, -1 },
		{ "watch, advisor", true, true, 0.005, -1, 1000, 200, 1 },
		{ "scan, advisor", true, true, 0.2, -1, 5000, 20, 20 },
		{ "advisor is not wanted", true, false, 0.2, 5000, -1, 20, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m = { .advisor = rows[i].advisor };
		struct tune_history h = { 0 };
		struct tune_decision d;
		struct tune_policy c;
		static const enum ksm_attr ids[] = {
			KSM_ATTR_PAGES_TO_SCAN, KSM_ATTR_ADVISOR_MIN_PAGES,
			KSM_ATTR_SLEEP_MILLISECS, KSM_ATTR_ADVISOR_MAX_CPU,
		};
		const int64_t want[] = { rows[i].batch, rows[i].min_pages, rows[i].sleep,
					 rows[i].max_cpu };

		tap_row("%s", rows[i].name);
		tune_policy_default(&c);
		c.advisor = rows[i].use;
		machine_init(&m);
		tune_history_add(&h, &c, &m.s);
		if (rows[i].cpu > c.watch_cpu)
			tune_history_kick(&h, "x");
		tune_decide(&h, &c, &d);
		CHECK_INT(d.want.value[KSM_ATTR_RUN].v, KSM_RUN_RUNNING);
		for (size_t j = 0; j < ARRAY_SIZE(ids); j++) {
			CHECK_INT(d.want.value[ids[j]].state, want[j] < 0 ? KSM_ABSENT : KSM_VALUE);
			if (want[j] >= 0)
				CHECK_INT(d.want.value[ids[j]].v, want[j]);
		}
		CHECK_INT(d.want.value[KSM_ATTR_SMART_SCAN].state, KSM_ABSENT);
		CHECK(d.changes);
		tune_history_decided(&h, &d);
		tune_decide(&h, &c, &d);
		CHECK(!d.changes);
	}
}

static void clock_goes_back(void)
{
	struct machine m = { 0 };
	struct tune_history h = { 0 };
	struct tune_decision d;
	struct tune_policy c;

	tune_policy_default(&c);
	c.always = false;
	machine_init(&m);
	machine_step(&m, &(struct look){ .s = 10, .available_pct = 15 });
	tune_history_add(&h, &c, &m.s);
	m.s.when_ns -= 500 * S;
	tune_history_add(&h, &c, &m.s);
	tune_decide(&h, &c, &d);
	/* It has not lasted 30 s, by either clock. */
	CHECK_INT(llround(d.cpu * 10000), 50);
	machine_step(&m, &(struct look){ .s = 31, .available_pct = 15 });
	tune_history_add(&h, &c, &m.s);
	tune_decide(&h, &c, &d);
	CHECK_INT(llround(d.cpu * 10000), 2000);
}

/* A thousand looks close together: the window stays within its bound. */
static void many_looks(void)
{
	struct machine m = { 0 };
	struct tune_history h = { 0 };
	struct tune_policy c;

	tune_policy_default(&c);
	machine_init(&m);
	for (int i = 0; i < 1000; i++) {
		machine_step(&m, &(struct look){ .available_pct = 50 });
		m.s.when_ns += S / 100;
		m.s.psi_some_us.v += 1000;
		tune_history_add(&h, &c, &m.s);
		CHECK(h.n_points <= TUNE_POINTS);
	}
	CHECK_INT(llround(h.some_pct), 10);
}

/* A recording may say anything: no sum leaves its type, and something is decided. */
static void extremes(void)
{
	static const int64_t values[] = { INT64_MAX, INT64_MIN, -1, 0, INT64_MAX, INT64_MAX,
					  INT64_MIN, INT64_MAX };
	struct machine m = { 0 };
	struct tune_history h = { 0 };
	struct tune_decision d;
	struct tune_policy c;

	tune_policy_default(&c);
	machine_init(&m);
	set(&m.s, KSM_ATTR_ZERO_PAGES, INT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		tap_row("%zu", i);
		m.s.when_ns += i * (UINT64_MAX / 16);
		m.s.ksmd_cpu_ns.v = m.s.cow_ksm.v = m.s.psi_some_us.v = values[i];
		m.s.attr[KSM_ATTR_PAGES_SHARING].v = m.s.attr[KSM_ATTR_FULL_SCANS].v = values[i];
		set(&m.s, KSM_ATTR_PAGES_SCANNED, values[i]);
		tune_history_add(&h, &c, &m.s);
		tune_decide(&h, &c, &d);
		CHECK(d.cpu >= 0 && d.cpu <= c.max_cpu && *d.reason);
		CHECK(d.want.value[KSM_ATTR_PAGES_TO_SCAN].v >= 0);
		tune_history_decided(&h, &d);
	}
}

TAP_MAIN(TAP_CASE(told), TAP_CASE(replayed), TAP_CASE(ended), TAP_CASE(settings),
	 TAP_CASE(clock_goes_back), TAP_CASE(many_looks), TAP_CASE(extremes))
