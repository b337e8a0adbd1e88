// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-stats.c - the whole system at one moment, what follows from it, and the
 * difference of two moments.
 */
#include <errno.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

#define VAL(n)	((struct ksm_value){ .state = KSM_VALUE, .v = (n) })
#define NONE	((struct ksm_value){ .state = KSM_ABSENT })
#define DENIED	((struct ksm_value){ .state = KSM_DENIED })
#define ABSENT	((struct ksm_fig){ .state = KSM_ABSENT })

static bool fig_is(struct ksm_fig f, int64_t want)
{
	return CHECK_INT(f.state, KSM_VALUE) && CHECK_INT(f.v, want);
}

static void derive(void)
{
	static const struct {
		size_t page;
		struct ksm_value shared, sharing, unshared, volatil, zero, profit;
		int64_t saved, gain, meta, tracked;
		bool estimated;
		int ratio;		/* hundredths */
	} rows[] = {
		/* nothing merged yet: metadata is paid for all the same */
		{ 4096, VAL(0), VAL(0), VAL(1000), VAL(0), VAL(0), VAL(-64000),
		  0, -64000, 64000, 1000, false, 0 },
		{ 4096, VAL(10), VAL(90), VAL(0), VAL(0), VAL(5), VAL(95 * 4096 - 6400),
		  95 * 4096, 95 * 4096 - 6400, 6400, 100, false, 900 },
		/* pages of 16 KiB */
		{ 16384, VAL(10), VAL(15), VAL(0), VAL(0), VAL(0), VAL(15 * 16384 - 1600),
		  15 * 16384, 15 * 16384 - 1600, 1600, 25, false, 150 },
		/* before 6.4 there is no profit: 64 bytes an item */
		{ 4096, VAL(10), VAL(90), VAL(60), VAL(40), NONE, NONE,
		  90 * 4096, 90 * 4096 - 200 * 64, 200 * 64, 200, true, 900 },
		/* and it is shown when it is a loss */
		{ 4096, VAL(1), VAL(1), VAL(1000), VAL(0), NONE, NONE,
		  4096, 4096 - 1002 * 64, 1002 * 64, 1002, true, 100 },
		/* the files are read one after the other: no cost below nothing */
		{ 4096, VAL(1), VAL(1), VAL(0), VAL(0), VAL(0), VAL(8192),
		  4096, 8192, 0, 2, false, 100 },
		/* an accounting error of 6.6 to 6.9 */
		{ 4096, VAL(1), VAL(9), VAL(0), VAL(0), VAL(-1), VAL(8 * 4096),
		  8 * 4096, 8 * 4096, 0, 10, false, 900 },
		/* a forbidden file in between counts as nothing */
		{ 4096, DENIED, VAL(9), DENIED, VAL(1), DENIED, DENIED,
		  9 * 4096, 9 * 4096 - 640, 640, 10, true, 0 },
		/* what garbage can hold: the ends of the range, and no overflow */
		{ 4096, VAL(INT64_MAX), VAL(INT64_MAX), VAL(INT64_MAX), VAL(INT64_MAX),
		  VAL(INT64_MAX),
		  VAL(INT64_MIN), INT64_MAX, INT64_MIN, INT64_MAX, INT64_MAX, false, 100 },
		{ 65536, VAL(1), VAL(INT64_MAX), VAL(0), VAL(0), NONE, NONE,
		  INT64_MAX, 0, INT64_MAX, INT64_MAX, true, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats s = { .page_size = rows[i].page };
		struct ksm_derived d;

		tap_row("%zu", i);
		s.attr[KSM_ATTR_PAGES_SHARED] = rows[i].shared;
		s.attr[KSM_ATTR_PAGES_SHARING] = rows[i].sharing;
		s.attr[KSM_ATTR_PAGES_UNSHARED] = rows[i].unshared;
		s.attr[KSM_ATTR_PAGES_VOLATILE] = rows[i].volatil;
		s.attr[KSM_ATTR_ZERO_PAGES] = rows[i].zero;
		s.attr[KSM_ATTR_GENERAL_PROFIT] = rows[i].profit;
		ksm_stats_derive(&s, &d);
		fig_is(d.saved_bytes, rows[i].saved);
		fig_is(d.profit_bytes, rows[i].gain);
		fig_is(d.meta_bytes, rows[i].meta);
		fig_is(d.tracked_pages, rows[i].tracked);
		CHECK_INT(d.meta_estimated, rows[i].estimated);
		if (rows[i].ratio >= 0)
			CHECK_INT((int)(d.sharing_ratio * 100 + 0.5), rows[i].ratio);
	}
}

static void derive_without(void)
{
	static const enum ksm_state states[] = { KSM_ABSENT, KSM_DENIED };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct ksm_stats s = { .page_size = 4096 };
		struct ksm_derived d;

		tap_row("state %d", states[i]);
		ksm_for_each_attr(id)
			s.attr[id].state = states[i];
		ksm_stats_derive(&s, &d);
		CHECK_INT(d.saved_bytes.state, states[i]);
		CHECK_INT(d.profit_bytes.state, states[i]);
		CHECK_INT(d.meta_bytes.state, states[i]);
		CHECK_INT(d.tracked_pages.state, states[i]);
		CHECK_INT(d.rate_pages_s.state, states[i]);
	}
}

static void scan_rate(void)
{
	static const struct {
		struct ksm_value batch, nap;
		enum ksm_state state;
		int64_t want;
	} rows[] = {
		{ VAL(100), VAL(20), KSM_VALUE, 5000 },
		{ VAL(0), VAL(20), KSM_VALUE, 0 },
		{ VAL(4294967295), VAL(1), KSM_VALUE, 4294967295000 },
		{ VAL(100), VAL(0), KSM_OFF, 0 },		/* no sleep: as fast as it goes */
		{ VAL(INT64_MAX), VAL(1), KSM_VALUE, INT64_MAX },
		{ VAL(100), NONE, KSM_ABSENT, 0 },
		{ NONE, VAL(20), KSM_ABSENT, 0 },
		{ DENIED, VAL(20), KSM_DENIED, 0 },
		{ VAL(100), DENIED, KSM_DENIED, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats s = { .page_size = 4096 };
		struct ksm_derived d;

		tap_row("%zu", i);
		s.attr[KSM_ATTR_PAGES_SHARING] = VAL(1);
		s.attr[KSM_ATTR_PAGES_TO_SCAN] = rows[i].batch;
		s.attr[KSM_ATTR_SLEEP_MILLISECS] = rows[i].nap;
		ksm_stats_derive(&s, &d);
		CHECK_INT(d.rate_pages_s.state, rows[i].state);
		if (rows[i].state == KSM_VALUE)
			CHECK_INT(d.rate_pages_s.v, rows[i].want);
	}
}

/* Two moments 2 s apart; one counter stands for those treated alike. */
static void delta(void)
{
	static const struct {
		struct ksm_value older, newer;
		enum ksm_state state;
		int64_t rate;
	} rows[] = {
		{ VAL(100), VAL(300), KSM_VALUE, 100 },
		{ VAL(100), VAL(100), KSM_VALUE, 0 },
		{ VAL(100), VAL(103), KSM_VALUE, 2 },		/* 1.5, rounded */
		{ VAL(100), VAL(20), KSM_VALUE, 10 },		/* reset: it counts from 0 */
		{ VAL(INT64_MAX), VAL(0), KSM_VALUE, 0 },
		{ VAL(0), VAL(INT64_MAX), KSM_VALUE, INT64_C(4611686018427387904) },
		{ NONE, VAL(100), KSM_ABSENT, 0 },
		{ VAL(100), NONE, KSM_ABSENT, 0 },
		{ DENIED, VAL(100), KSM_DENIED, 0 },
		{ VAL(100), DENIED, KSM_DENIED, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats a = { .when_ns = 5000000000 }, b = { .when_ns = 7000000000 };
		struct ksm_delta d;

		tap_row("%zu", i);
		a.attr[KSM_ATTR_PAGES_SCANNED] = a.attr[KSM_ATTR_PAGES_SKIPPED] = rows[i].older;
		b.attr[KSM_ATTR_PAGES_SCANNED] = b.attr[KSM_ATTR_PAGES_SKIPPED] = rows[i].newer;
		a.attr[KSM_ATTR_DROPPED] = rows[i].older;
		b.attr[KSM_ATTR_DROPPED] = rows[i].newer;
		a.attr[KSM_ATTR_FULL_SCANS] = rows[i].older;
		b.attr[KSM_ATTR_FULL_SCANS] = rows[i].newer;
		a.cow_ksm = (struct ksm_fig){ rows[i].older.state, rows[i].older.v };
		b.cow_ksm = (struct ksm_fig){ rows[i].newer.state, rows[i].newer.v };
		a.swpin_copy = a.cow_ksm;
		b.swpin_copy = b.cow_ksm;
		ksm_stats_delta(&b, &a, &d);
		CHECK(d.seconds > 1.999 && d.seconds < 2.001);
		CHECK_INT(d.scanned_per_s.state, rows[i].state);
		CHECK_INT(d.skipped_per_s.state, rows[i].state);
		CHECK_INT(d.dropped_per_s.state, rows[i].state);
		CHECK_INT(d.cow_per_s.state, rows[i].state);
		CHECK_INT(d.swpin_per_s.state, rows[i].state);
		CHECK_INT(d.passes.state, rows[i].state);
		if (rows[i].state != KSM_VALUE)
			continue;
		CHECK_INT(d.scanned_per_s.v, rows[i].rate);
		CHECK_INT(d.skipped_per_s.v, rows[i].rate);
		CHECK_INT(d.dropped_per_s.v, rows[i].rate);
		CHECK_INT(d.cow_per_s.v, rows[i].rate);
		CHECK_INT(d.swpin_per_s.v, rows[i].rate);
		/* Passes are a number, not a rate. */
		CHECK_INT(d.passes.v, rows[i].newer.v >= rows[i].older.v ?
					      rows[i].newer.v - rows[i].older.v :
					      rows[i].newer.v);
	}
}

static void delta_merged(void)
{
	static const struct {
		int64_t sharing0, zero0, sharing1, zero1, rate;
	} rows[] = {
		{ 100, 0, 300, 0, 100 },
		{ 100, 10, 100, 30, 10 },	/* zero pages are savings too */
		{ 300, 0, 100, 0, -100 },	/* breaking: no reset, a loss */
		{ 100, 50, 150, 0, 0 },
		{ INT64_MAX, INT64_MAX, 0, 0, INT64_C(-4611686018427387904) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats a = { .when_ns = 0 }, b = { .when_ns = 2000000000 };
		struct ksm_delta d;

		tap_row("%zu", i);
		a.attr[KSM_ATTR_PAGES_SHARING] = VAL(rows[i].sharing0);
		a.attr[KSM_ATTR_ZERO_PAGES] = VAL(rows[i].zero0);
		b.attr[KSM_ATTR_PAGES_SHARING] = VAL(rows[i].sharing1);
		b.attr[KSM_ATTR_ZERO_PAGES] = VAL(rows[i].zero1);
		ksm_stats_delta(&b, &a, &d);
		fig_is(d.merged_per_s, rows[i].rate);
	}
}

static void delta_time(void)
{
	static const struct {
		uint64_t older, newer;
		struct ksm_fig cpu0, cpu1;
		int pct;		/* -1: unknown */
	} rows[] = {
		{ 1000000000, 2000000000, KSM_FIG(0), KSM_FIG(500000000), 50 },
		{ 1000000000, 2000000000, KSM_FIG(7), KSM_FIG(7), 0 },
		{ 1000000000, 2000000000, KSM_FIG(9), KSM_FIG(7), 0 },	/* another thread now */
		{ 1000000000, 2000000000, ABSENT, KSM_FIG(7), -1 },
		{ 1000000000, 2000000000, KSM_FIG(7), ABSENT, -1 },
		{ 1000000000, 1000000000, KSM_FIG(7), KSM_FIG(9), -1 },	/* no time between */
		{ 2000000000, 1000000000, KSM_FIG(7), KSM_FIG(9), -1 },	/* backwards */
		{ 0, 1000000000, KSM_FIG(INT64_MIN), KSM_FIG(INT64_MAX), -2 },	/* no overflow */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats a = { .when_ns = rows[i].older, .ksmd_cpu_ns = rows[i].cpu0 };
		struct ksm_stats b = { .when_ns = rows[i].newer, .ksmd_cpu_ns = rows[i].cpu1 };
		struct ksm_delta d;

		tap_row("%zu", i);
		a.cow_ksm = KSM_FIG(5);
		b.cow_ksm = KSM_FIG(500);
		ksm_stats_delta(&b, &a, &d);
		if (rows[i].pct == -1)
			CHECK(d.ksmd_cpu_pct < 0);
		else if (rows[i].pct >= 0)
			CHECK_INT((int)(d.ksmd_cpu_pct + 0.5), rows[i].pct);
		/* Without time there is no rate, and no division by zero. */
		if (rows[i].newer <= rows[i].older) {
			fig_is(d.cow_per_s, 0);
			CHECK(d.seconds == 0);
		}
	}
}

static void vmstat(void)
{
	static const struct {
		const char *text;
		int64_t cow, swpin;	/* -1: absent */
	} rows[] = {
		{ "nr_free_pages 5\nksm_swpin_copy 7\ncow_ksm 9\nzswpin 1\n", 9, 7 },
		{ "cow_ksm 9", 9, -1 },			/* the last line, no newline */
		{ "cow_ksm: 9\n", 9, -1 },
		{ "cow_ksm  \t 9 \n", 9, -1 },
		{ "cow_ksm\n", -1, -1 },
		{ "cow_ksm -9\n", -1, -1 },
		{ "cow_ksm nine\nksm_swpin_copy 0x7\n", -1, -1 },
		{ "cow_ksm 99999999999999999999\n", -1, -1 },
		{ "cow_ksm 9223372036854775807\n", INT64_MAX, -1 },
		{ "cow_ksm_other 9\nxcow_ksm 9\n", -1, -1 },
		{ "", -1, -1 },
		{ "\n\n\n", -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats s = { 0 };

		tap_row("%zu", i);
		CHECK_INT(ksm_vmstat_parse(rows[i].text, strlen(rows[i].text), &s), 0);
		CHECK_INT(ksm_fig_or(s.cow_ksm, -1), rows[i].cow);
		CHECK_INT(ksm_fig_or(s.swpin_copy, -1), rows[i].swpin);
	}
}

static void meminfo(void)
{
	static const struct {
		const char *text;
		int64_t total, available;
	} rows[] = {
		{ "MemTotal:       16384000 kB\nMemFree: 1 kB\nMemAvailable:    6553600 kB\n",
		  INT64_C(16384000) * 1024, INT64_C(6553600) * 1024 },
		{ "MemTotal: 5 kB", 5120, -1 },
		{ "MemTotal: 9007199254740991 kB\n", INT64_C(9007199254740991) * 1024, -1 },
		{ "MemTotal: 9007199254740992 kB\n", -1, -1 },	/* more bytes than fit */
		{ "MemTotal: -5 kB\nMemAvailable: lots kB\n", -1, -1 },
		{ "SMemTotal: 5 kB\nMemTotal2: 6 kB\n", -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats s = { 0 };

		tap_row("%zu", i);
		CHECK_INT(ksm_meminfo_parse(rows[i].text, strlen(rows[i].text), &s), 0);
		CHECK_INT(ksm_fig_or(s.mem_total_bytes, -1), rows[i].total);
		CHECK_INT(ksm_fig_or(s.mem_available_bytes, -1), rows[i].available);
	}
}

static void psi(void)
{
	static const struct {
		const char *text;
		int64_t some, full;
	} rows[] = {
		{ "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
		  "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 0, 0 },
		{ "some avg10=1.00 avg60=2.00 avg300=3.00 total=7000001\n"
		  "full avg10=1.00 avg60=2.00 avg300=3.00 total=500", 7000001, 500 },
		/* one line, as it is for the CPU before 5.13 */
		{ "some total=9\n", 9, -1 },
		{ "full total=9 avg10=0.00\n", -1, 9 },
		{ "some total=9223372036854775807\nfull total=9223372036854775808\n", INT64_MAX, -1 },
		{ "some total=-1\nfull total=0x1\n", -1, -1 },
		{ "some total=\nfull total\n", -1, -1 },
		{ "some  stotal=5 total=6\n", 6, -1 },
		{ "somewhat total=5\nsome\ttotal=6\n", 6, -1 },
		{ "total=5\n", -1, -1 },
		{ "some total=5", 5, -1 },
		{ "", -1, -1 },
		{ "\n \n\n", -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats s = { 0 };

		tap_row("%zu", i);
		CHECK_INT(ksm_psi_parse(rows[i].text, strlen(rows[i].text), &s), 0);
		CHECK_INT(ksm_fig_or(s.psi_some_us, -1), rows[i].some);
		CHECK_INT(ksm_fig_or(s.psi_full_us, -1), rows[i].full);
	}
}

static void read_roots(void)
{
	static const struct {
		const char *root;
		size_t page;
		int64_t cow, swpin, ksmd, ksmd_ns;	/* -1: absent */
		int64_t saved;
		int64_t some, full;
	} rows[] = {
		{ "6.12-busy", 4096, 51234, 12, 58, 42131234567, INT64_C(311285) * 4096,
		  48213977, 17640021 },
		/* without CONFIG_PSI */
		{ "6.12-idle", 4096, 0, 0, 58, 0, 0, -1, -1 },
		{ "6.1", 4096, 4000, 0, 38, 1230000000, INT64_C(98000) * 4096, -1, -1 },
		/* no schedstat: ticks of 10 ms */
		{ "5.15-old", 4096, -1, -1, 35, 770000000, INT64_C(98000) * 4096, -1, -1 },
		{ "arm64-16k", 16384, 900, 0, 51, 2000000000, INT64_C(40520) * 16384, -1, -1 },
		/* a user's process called ksmd is not it */
		{ "hostile", 4096, 77, 0, 58, 1000000000, INT64_C(8000) * 4096, -1, -1 },
		{ "no-ksm", 4096, -1, -1, -1, -1, -1, -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_derived d;
		struct ksm_stats s;

		tap_row("%s", rows[i].root);
		for (int again = 0; again < 2; again++) {
			CHECK_INT(ksm_stats_read(k, &s), 0);
			CHECK_UINT(s.page_size, rows[i].page);
			CHECK_INT(ksm_fig_or(s.cow_ksm, -1), rows[i].cow);
			CHECK_INT(ksm_fig_or(s.swpin_copy, -1), rows[i].swpin);
			CHECK_INT(ksm_fig_or(s.ksmd_pid, -1), rows[i].ksmd);
			CHECK_INT(ksm_fig_or(s.ksmd_cpu_ns, -1), rows[i].ksmd_ns);
			CHECK_INT(ksm_fig_or(s.psi_some_us, -1), rows[i].some);
			CHECK_INT(ksm_fig_or(s.psi_full_us, -1), rows[i].full);
		}
		ksm_stats_derive(&s, &d);
		CHECK_INT(ksm_fig_or(d.saved_bytes, -1), rows[i].saved);
		ksm_close(k);
	}
}

/* One bad file is told, and the rest is read all the same. */
static void read_garbage(void)
{
	struct ksm *k = root_open("garbage");
	struct ksm_derived d;
	struct ksm_delta diff;
	struct ksm_stats s;

	CHECK_INT(ksm_stats_read(k, &s), -EPROTO);
	CHECK_INT(s.attr[KSM_ATTR_RUN].state, KSM_ABSENT);
	CHECK_INT(s.attr[KSM_ATTR_GENERAL_PROFIT].v, INT64_MIN);
	CHECK_INT(ksm_fig_or(s.cow_ksm, -1), 5);
	CHECK_INT(ksm_fig_or(s.swpin_copy, -1), -1);
	CHECK_INT(ksm_fig_or(s.mem_total_bytes, -1), -1);
	CHECK_INT(ksm_fig_or(s.psi_some_us, -1), -1);
	CHECK_INT(ksm_fig_or(s.psi_full_us, -1), -1);
	CHECK_INT(ksm_fig_or(s.ksmd_pid, -1), -1);
	ksm_stats_derive(&s, &d);
	fig_is(d.saved_bytes, INT64_MAX);
	fig_is(d.profit_bytes, INT64_MIN);
	ksm_stats_delta(&s, &s, &diff);
	CHECK_INT(diff.merged_per_s.v, 0);
	ksm_close(k);
}

static void read_denied(void)
{
	struct ksm_stats s;
	struct root r;
	struct ksm *k;

	root_copy(&r, "denied");
	if (root_unpriv(&r)) {
		k = root_handle(&r);
		CHECK_INT(ksm_stats_read(k, &s), 0);
		CHECK_INT(s.attr[KSM_ATTR_RUN].state, KSM_DENIED);
		CHECK_INT(s.attr[KSM_ATTR_GENERAL_PROFIT].state, KSM_DENIED);
		CHECK_INT(s.attr[KSM_ATTR_PAGES_SHARING].state, KSM_VALUE);
		CHECK_INT(ksm_fig_or(s.ksmd_pid, -1), 58);
		ksm_close(k);
	} else {
		tap_skip("cannot give up root");
	}
	root_free(&r);
}

/* The samples of seq-boost, as a replay sees them. */
static void sequence(void)
{
	static const struct {
		int64_t scanned, merged, cow, passes;
		int cpu;
	} rows[] = {
		{ 20000, 300, 5, 4, 30 },
		{ 50000, 250, 20, 11, 70 },
		{ 500, -1050, 2090, 0, 5 },	/* unmerged: full_scans went back to 0 */
	};
	struct ksm_stats older, newer;

	for (int i = 0; i < 4; i++) {
		char name[32];
		struct ksm *k;

		snprintf(name, sizeof(name), "seq-boost/%d", i);
		tap_row("%s", name);
		k = root_open(name);
		CHECK_INT(ksm_stats_read(k, &newer), 0);
		ksm_close(k);
		if (i) {
			struct ksm_delta d;

			ksm_stats_delta(&newer, &older, &d);
			CHECK(d.seconds > 1.999 && d.seconds < 2.001);
			fig_is(d.scanned_per_s, rows[i - 1].scanned);
			fig_is(d.merged_per_s, rows[i - 1].merged);
			fig_is(d.cow_per_s, rows[i - 1].cow);
			fig_is(d.passes, rows[i - 1].passes);
			CHECK_INT((int)(d.ksmd_cpu_pct + 0.5), rows[i - 1].cpu);
		}
		older = newer;
	}
}

/* Looks at (full_scans, pages), until settled. */
static void settle(void)
{
	static const struct {
		double tolerance;
		int n;
		struct {
			int64_t scans, pages;
		} looks[8];
		int settled_at;		/* the look that says so; -1: none */
	} rows[] = {
		/* the pass that was under way when it began does not count, then two do */
		{ 1, 4, { { 5, 0 }, { 6, 100 }, { 7, 100 }, { 8, 100 } }, 3 },
		{ 1, 6, { { 5, 99 }, { 5, 99 }, { 6, 99 }, { 6, 99 }, { 7, 99 }, { 8, 99 } }, 5 },
		/* still growing by more than the tolerance */
		{ 1, 6, { { 5, 0 }, { 6, 100 }, { 7, 200 }, { 8, 300 }, { 9, 400 }, { 10, 404 } },
		  5 },
		{ 1, 6, { { 5, 0 }, { 6, 100 }, { 7, 200 }, { 8, 300 }, { 9, 400 }, { 10, 405 } },
		  -1 },
		{ 0, 5, { { 5, 0 }, { 6, 100 }, { 7, 100 }, { 8, 101 }, { 9, 101 } }, 4 },
		/* shrinking is no growth; nothing merged at all is settled too */
		{ 1, 4, { { 5, 500 }, { 6, 400 }, { 7, 300 }, { 8, 200 } }, 3 },
		{ 1, 4, { { 0, 0 }, { 1, 0 }, { 2, 0 }, { 3, 0 } }, 3 },
		/* several passes between two looks */
		{ 1, 2, { { 5, 0 }, { 9, 100 } }, -1 },
		{ 1, 2, { { 5, 100 }, { 9, 100 } }, 1 },
		/* looked at often, within passes: growth inside of one is not missed */
		{ 1, 7, { { 5, 0 }, { 6, 10 }, { 6, 50 }, { 7, 90 }, { 7, 95 }, { 8, 99 },
			  { 9, 99 } }, 6 },
		/* unmerged meanwhile: from the beginning */
		{ 1, 7, { { 5, 9 }, { 6, 9 }, { 7, 9 }, { 0, 0 }, { 1, 0 }, { 2, 0 }, { 3, 0 } },
		  6 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_settle s = { 0 };
		int at = -1;

		for (int n = 0; n < rows[i].n && at < 0; n++)
			if (ksm_settle_step(&s, rows[i].looks[n].scans, rows[i].looks[n].pages,
					    rows[i].tolerance))
				at = n;
		tap_row("%zu", i);
		CHECK_INT(at, rows[i].settled_at);
	}
}

static void uptime(void)
{
	static const struct {
		const char *text;
		int64_t ns;	/* -1: none */
	} rows[] = {
		{ "360000.00 90000.00\n", 360000000000000 },
		{ "12.34 5.00\n", 12340000000 },
		{ "0.01 0.00\n", 10000000 },
		{ "7 0\n", 7000000000 },
		{ "", -1 },
		{ "soon\n", -1 },
		{ "1.x 0\n", -1 },
		{ "1.100 0\n", -1 },
		{ "-1.00 0\n", -1 },
		{ "99999999999999999999.00 0\n", -1 },
		{ "9300000000.00 0\n", -1 },	/* more nanoseconds than there are numbers */
	};
	struct root r;
	struct ksm *k;

	root_new(&r);
	k = root_handle(&r);
	CHECK_INT(ksm_uptime_ns(k).state, KSM_ABSENT);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		root_put(&r, "proc/uptime", rows[i].text);
		CHECK_INT(ksm_fig_or(ksm_uptime_ns(k), -1), rows[i].ns);
	}
	ksm_close(k);
	root_free(&r);
}

/* Two processes with all of what is merged: their shares are the whole. */
static void shares(void)
{
	struct ksm_stats s = { .page_size = 4096 };
	struct ksm_fig a, b;

	s.attr[KSM_ATTR_PAGES_SHARED] = VAL(100);
	s.attr[KSM_ATTR_PAGES_SHARING] = VAL(300);
	a = ksm_stats_saved_share(&s, KSM_FIG(100), KSM_FIG(0));
	b = ksm_stats_saved_share(&s, KSM_FIG(300), KSM_FIG(7));
	fig_is(a, 75 * 4096);
	fig_is(b, (225 + 7) * 4096);
	CHECK_INT(a.v + b.v, (300 + 7) * 4096);
	/* 400 items, 64 bytes each, are paid for whoever keeps the copies */
	a = ksm_stats_profit_share(&s, KSM_FIG(100), KSM_FIG(0), KSM_FIG(100 * 4096 - 6400));
	b = ksm_stats_profit_share(&s, KSM_FIG(300), KSM_FIG(7), KSM_FIG(307 * 4096 - 19200));
	CHECK_INT(a.v + b.v, 307 * 4096 - 400 * 64);
	fig_is(a, 75 * 4096 - 6400);
	/* nothing merges: a loss is a loss */
	s.attr[KSM_ATTR_PAGES_SHARED] = s.attr[KSM_ATTR_PAGES_SHARING] = VAL(0);
	fig_is(ksm_stats_profit_share(&s, KSM_FIG(0), ABSENT, KSM_FIG(-6400)), -6400);
	/* what is not known stays so, and says why */
	CHECK_INT(ksm_stats_saved_share(&s, ABSENT, ABSENT).state, KSM_ABSENT);
	CHECK_INT(ksm_stats_profit_share(&s, KSM_FIG(1), ABSENT, ABSENT).state, KSM_ABSENT);
	s.attr[KSM_ATTR_PAGES_SHARED] = DENIED;
	CHECK_INT(ksm_stats_saved_share(&s, KSM_FIG(1), KSM_FIG(1)).state, KSM_DENIED);
	CHECK_INT(ksm_stats_profit_share(&s, KSM_FIG(1), ABSENT, KSM_FIG(1)).state, KSM_DENIED);
	/* garbage does not overflow */
	s.attr[KSM_ATTR_PAGES_SHARED] = s.attr[KSM_ATTR_PAGES_SHARING] = VAL(INT64_MAX);
	CHECK(ksm_stats_saved_share(&s, KSM_FIG(INT64_MAX), KSM_FIG(INT64_MAX)).v > 0);
	CHECK(ksm_stats_profit_share(&s, KSM_FIG(INT64_MAX), KSM_FIG(0), KSM_FIG(INT64_MIN)).v < 0);
}

/* One threshold for all tools: what comes and goes with every pass is no loss. */
static void loses(void)
{
	static const struct {
		struct ksm_fig profit;
		int64_t unseen;
		bool loses;
	} rows[] = {
		{ { KSM_VALUE, 0 }, 0, false },
		{ { KSM_VALUE, -10240 }, 0, false },
		{ { KSM_VALUE, 1 - KSM_LOSS_MIN }, 0, false },
		{ { KSM_VALUE, -KSM_LOSS_MIN }, 0, true },
		/* it gave back more than it costs */
		{ { KSM_VALUE, -KSM_LOSS_MIN }, 1, false },
		{ { KSM_VALUE, INT64_MIN }, INT64_MAX, false },
		{ { KSM_VALUE, INT64_MIN }, 0, true },
		{ { KSM_ABSENT, -KSM_LOSS_MIN }, 0, false },
		{ { KSM_DENIED, -KSM_LOSS_MIN }, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ksm_proc p = { .ksm.profit_bytes = rows[i].profit };

		tap_row("%zu", i);
		CHECK_INT(ksm_proc_loses(&p, rows[i].unseen), rows[i].loses);
	}
}

TAP_MAIN(TAP_CASE(derive), TAP_CASE(derive_without), TAP_CASE(shares), TAP_CASE(loses), TAP_CASE(scan_rate),
	 TAP_CASE(delta),
	 TAP_CASE(delta_merged), TAP_CASE(delta_time), TAP_CASE(vmstat), TAP_CASE(meminfo), TAP_CASE(psi),
	 TAP_CASE(read_roots), TAP_CASE(read_garbage), TAP_CASE(read_denied), TAP_CASE(sequence),
	 TAP_CASE(settle), TAP_CASE(uptime))
