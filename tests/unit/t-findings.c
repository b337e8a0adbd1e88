// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-findings.c - what ksmctl's doctor and status complain of, from figures alone:
 * each finding on both sides of its threshold, and the texts that fit their room.
 */
#include <stdlib.h>

#include "ksmctl/ksmctl.h"
#include "tap.h"
#include "util/num.h"

/* A system with nothing to complain of; rows change it by "name=value" words. */
#define HEALTHY "run=1 pages_to_scan=1000 sleep_millisecs=20 full_scans=9 smart_scan=1 " \
		"merge_across_nodes=1 advisor_mode=0 max_page_sharing=256 pages_shared=1000 " \
		"pages_sharing=9000 pages_unshared=2000 pages_volatile=500 ksm_zero_pages=0 " \
		"stable_node_chains=0 stable_node_dups=0 general_profit=1000000"

/* Words into figures; "name=-" takes one away, "name=x" forbids it. */
static void put_words(struct ksm_stats *s, const char *words)
{
	char buf[512], *rest = buf, *word;

	snprintf(buf, sizeof(buf), "%s", words);
	while ((word = strsep(&rest, " "))) {
		char *eq = strchr(word, '=');
		struct ksm_value *v;
		int id;

		if (!eq)
			continue;
		*eq = '\0';
		id = ksm_attr_find(word);
		if (!CHECK(id >= 0))
			continue;
		v = &s->attr[id];
		v->state = !strcmp(eq + 1, "-") ? KSM_ABSENT : !strcmp(eq + 1, "x") ? KSM_DENIED :
								KSM_VALUE;
		if (v->state != KSM_VALUE)
			v->v = 0;
		else
			CHECK_INT(num_s64(eq + 1, &v->v), 0);
	}
}

static size_t find_facts(const char *words, struct ctl_facts f, struct ctl_finding *out, size_t max)
{
	struct ksm_stats s = { .page_size = 4096 };
	struct ksm_derived d;

	f.stats = &s;
	f.derived = &d;
	put_words(&s, HEALTHY);
	put_words(&s, words);
	ksm_stats_derive(&s, &d);
	return ctl_findings(&f, out, max);
}

static size_t find(const char *words, const struct ksm_delta *delta, struct ctl_finding *out,
		   size_t max)
{
	return find_facts(words, (struct ctl_facts){ .delta = delta }, out, max);
}

#define NOTHING_TRACKED "pages_shared=0 pages_sharing=0 pages_unshared=0 pages_volatile=0"

static void from_files(void)
{
	static const struct {
		const char *words;
		int want[3];	/* identifiers + 1, 0 at the end */
	} rows[] = {
#define F(id) (CTL_##id + 1)
		{ "", { 0 } },
		{ "run=0", { F(STOPPED_MERGED) } },
		{ "run=0 pages_shared=0 pages_sharing=0 pages_unshared=0", { F(STOPPED) } },
		{ "run=2", { F(UNMERGED) } },
		{ "run=5", { F(OFFLINING) } },
		{ "run=4", { F(STOPPED_MERGED), F(OFFLINING) } },
		/* what cannot be read is not judged */
		{ "run=-", { 0 } },
		{ "run=x", { 0 } },
		{ "run=x smart_scan=0", { 0 } },
		{ "smart_scan=0", { F(NO_SMART_SCAN) } },
		{ "smart_scan=-", { 0 } },
		{ "merge_across_nodes=0", { F(NODES) } },
		{ "merge_across_nodes=-", { 0 } },
		{ "pages_shared=0 pages_sharing=0 pages_unshared=0 pages_volatile=0", { F(NOBODY) } },
		{ "pages_shared=0 pages_sharing=0 pages_unshared=0 pages_volatile=0 ksm_zero_pages=1",
		  { 0 } },
		{ "full_scans=1", { F(NOT_SCANNED) } },
		{ "full_scans=2", { 0 } },
		/* 12500 tracked at 1 a 48 ms is 600 s */
		{ "pages_to_scan=1 sleep_millisecs=48", { F(SLOW_PASS) } },
		{ "pages_to_scan=1 sleep_millisecs=45", { 0 } },
		{ "pages_to_scan=1 sleep_millisecs=48 advisor_mode=1", { 0 } },
		{ "pages_to_scan=1 sleep_millisecs=48 run=0", { F(STOPPED_MERGED) } },
		{ "sleep_millisecs=0", { 0 } },
		/* it runs and looks at nothing: waiting for passes is no advice then */
		{ "pages_to_scan=0", { F(SCANS_NOTHING) } },
		{ "pages_to_scan=0 sleep_millisecs=0", { F(SCANS_NOTHING) } },
		{ "pages_to_scan=0 advisor_mode=1", { F(SCANS_NOTHING) } },
		{ "pages_to_scan=0 full_scans=0", { F(SCANS_NOTHING) } },
		{ "pages_to_scan=0 " NOTHING_TRACKED, { F(SCANS_NOTHING) } },
		{ "pages_to_scan=0 run=0", { F(STOPPED_MERGED) } },
		{ "pages_to_scan=-", { 0 } },
		{ "pages_to_scan=1 sleep_millisecs=1000", { F(SLOW_PASS) } },
		{ "pages_to_scan=1 sleep_millisecs=1001", { F(SCANS_NOTHING) } },
		{ "pages_to_scan=100 sleep_millisecs=4294967295", { F(SCANS_NOTHING) } },
		{ "general_profit=-1", { F(NEGATIVE) } },
		{ "general_profit=0", { 0 } },
		/* before 6.4 it is estimated: 12500 items of 64 bytes against 9000 pages */
		{ "general_profit=-", { 0 } },
		{ "general_profit=- pages_sharing=10", { F(NEGATIVE) } },
		{ "smart_scan=- pages_unshared=42000", { F(MOSTLY_UNIQUE) } },
		{ "smart_scan=- pages_unshared=41000", { 0 } },
		{ "smart_scan=- pages_volatile=48000", { F(MOSTLY_VOLATILE) } },
		/* what smart_scan passes over is volatile to the kernel, and mostly unique */
		{ "pages_volatile=48000", { F(MOSTLY_UNIQUE) } },
		{ "pages_unshared=20000 pages_volatile=20000", { F(MOSTLY_UNIQUE) } },
		{ "pages_unshared=20000 pages_volatile=19000", { 0 } },
		{ "pages_unshared=42000 full_scans=1", { F(NOT_SCANNED) } },
		{ "pages_shared=1 pages_sharing=1 pages_volatile=0 pages_unshared=997", { 0 } },
		{ "pages_shared=1 pages_sharing=1 pages_volatile=0 pages_unshared=998",
		  { F(MOSTLY_UNIQUE) } },
		{ "stable_node_chains=10 stable_node_dups=1000", { F(MANY_COPIES) } },
		{ "stable_node_chains=10 stable_node_dups=999", { 0 } },
		{ "stable_node_chains=400 stable_node_dups=1500", { 0 } },
		/* hksm's settings; without them nothing is said of them */
		{ "hksm/one_pass=1 hksm/zero_only=0", { 0 } },
		{ "hksm/one_pass=0", { F(TWO_LOOKS) } },
		{ "hksm/one_pass=x", { 0 } },
		{ "hksm/zero_only=1", { F(ONLY_ZERO) } },
		{ "hksm/zero_only=x", { 0 } },
		/* what merges when it is first seen needs one pass */
		{ "hksm/one_pass=1 full_scans=1", { 0 } },
		{ "hksm/one_pass=1 full_scans=0", { F(NOT_SCANNED) } },
		{ "hksm/one_pass=0 full_scans=1", { F(NOT_SCANNED), F(TWO_LOOKS) } },
		/* a tenth of the pages without a twin, and enough to matter */
		{ "hksm/candidates_dropped=999", { 0 } },
		{ "hksm/candidates_dropped=1000", { F(DROPPED) } },
		{ "hksm/candidates_dropped=1999 pages_unshared=20000", { 0 } },
		{ "hksm/candidates_dropped=2000 pages_unshared=20000", { F(DROPPED) } },
		{ "hksm/candidates_dropped=x", { 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctl_finding got[__CTL_FINDING_N];
		size_t n = find(rows[i].words, NULL, got, ARRAY_SIZE(got)), want = 0;

		tap_row("%zu \"%s\"", i, rows[i].words);
		while (want < ARRAY_SIZE(rows[i].want) && rows[i].want[want])
			want++;
		CHECK_INT(n, want);
		for (size_t j = 0; j < n && j < want; j++)
			CHECK_INT(got[j].id + 1, rows[i].want[j]);
	}
}

static void from_rates(void)
{
	static const struct {
		double cpu;
		int64_t cow, merged;
		int want;	/* identifier, -1 none */
	} rows[] = {
		{ -1, 0, 0, -1 },
		{ 49.9, 0, 0, -1 },
		{ 50, 0, 0, CTL_BUSY },
		{ 400, 0, 0, CTL_BUSY },		/* several scanners */
		{ 10, 999, 0, -1 },
		{ 10, 1000, 0, CTL_BREAKING },
		{ 10, 5000, 6000, -1 },			/* more merges than breaks */
		{ 10, 5000, -6000, CTL_BREAKING },	/* breaking on balance */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ksm_delta delta = {
			.seconds = 1, .ksmd_cpu_pct = rows[i].cpu,
			.cow_per_s = KSM_FIG(rows[i].cow), .merged_per_s = KSM_FIG(rows[i].merged),
		};
		struct ctl_finding got[__CTL_FINDING_N];
		size_t n = find("", &delta, got, ARRAY_SIZE(got));

		tap_row("%zu", i);
		CHECK_INT(n, rows[i].want >= 0);
		if (n)
			CHECK_INT(got[0].id, rows[i].want);
	}
}

/* What is not remembered now is worth a word, however little it is. */
static void memory_short(void)
{
	struct ksm_delta delta = { .seconds = 1, .ksmd_cpu_pct = 1, .dropped_per_s = KSM_FIG(1) };
	struct ctl_finding got[__CTL_FINDING_N];

	if (CHECK_INT(find("", &delta, got, ARRAY_SIZE(got)), 1))
		CHECK_STR(got[0].text, "memory is short: hksm does not remember 1 of the pages "
			  "that it scans a second");
	delta.dropped_per_s.v = 0;
	CHECK_INT(find("hksm/candidates_dropped=999", &delta, got, ARRAY_SIZE(got)), 0);
}

/* With smart_scan, its work tells what changes from what is unique. */
static void skipped(void)
{
	static const struct {
		int64_t scanned, skipped;
		int want;
	} rows[] = {
		{ 0, 0, CTL_MOSTLY_UNIQUE },		/* not at work: unknown */
		{ 1000, 0, CTL_MOSTLY_VOLATILE },	/* nothing is passed over: it changes */
		{ 1000, 50, CTL_MOSTLY_VOLATILE },
		{ 1000, 8000, CTL_MOSTLY_UNIQUE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ksm_delta delta = {
			.seconds = 1, .ksmd_cpu_pct = 1, .scanned_per_s = KSM_FIG(rows[i].scanned),
			.skipped_per_s = KSM_FIG(rows[i].skipped),
		};
		struct ctl_finding got[__CTL_FINDING_N];
		size_t n = find("pages_volatile=80000 pages_unshared=0", &delta, got,
				ARRAY_SIZE(got));

		tap_row("%zu", i);
		if (CHECK_INT(n, 1))
			CHECK_INT(got[0].id, rows[i].want);
	}
}

/* What is not in the counters: who takes part, huge pages, other engines. */
static void beside(void)
{
#define FIG KSM_FIG
#define NO { .state = KSM_ABSENT }
	static const struct {
		const char *words;
		struct ksm_fig members, unseen;
		struct ksm_around around;	/* thp, max_ptes_none, only_zero, uksm_run */
		int want;			/* identifier, -1 none */
	} rows[] = {
		{ NOTHING_TRACKED, FIG(0), NO, { NO, NO, NO, NO }, CTL_NOBODY },
		{ NOTHING_TRACKED, NO, NO, { NO, NO, NO, NO }, CTL_NOBODY },
		{ NOTHING_TRACKED, { KSM_DENIED, 0 }, NO, { NO, NO, NO, NO }, CTL_NOBODY },
		/* somebody asked: waiting helps, asking again does not */
		{ NOTHING_TRACKED, FIG(1), NO, { NO, NO, NO, NO }, CTL_NOT_SCANNED },
		{ NOTHING_TRACKED " full_scans=0", FIG(9), NO, { NO, NO, NO, NO }, CTL_NOT_SCANNED },
		{ NOTHING_TRACKED " pages_to_scan=0", FIG(1), NO, { NO, NO, NO, NO },
		  CTL_SCANS_NOTHING },
		/* a loss on paper, and memory that huge pages gave back */
		{ "general_profit=-4096", NO, FIG(4096), { NO, NO, NO, NO }, -1 },
		{ "general_profit=-4097", NO, FIG(4096), { NO, NO, NO, NO }, CTL_NEGATIVE },
		{ "general_profit=-1", NO, NO, { NO, NO, NO, NO }, CTL_NEGATIVE },
		{ "", NO, NO, { FIG(2), FIG(511), NO, NO }, -1 },
		{ "ksm_zero_pages=1000", NO, NO, { FIG(2), FIG(511), NO, NO }, CTL_COLLAPSE },
		{ "ksm_zero_pages=999", NO, NO, { FIG(2), FIG(511), NO, NO }, -1 },
		{ "", NO, FIG(1000 * 4096), { FIG(1), FIG(1), NO, NO }, CTL_COLLAPSE },
		{ "ksm_zero_pages=1000", NO, NO, { FIG(0), FIG(511), NO, NO }, -1 },
		{ "ksm_zero_pages=1000", NO, NO, { FIG(2), FIG(0), NO, NO }, -1 },
		{ "ksm_zero_pages=1000", NO, NO, { FIG(2), NO, NO, NO }, -1 },
		{ "", NO, NO, { NO, NO, FIG(1), NO }, CTL_ONLY_ZERO },
		{ "", NO, NO, { NO, NO, FIG(0), NO }, -1 },
		{ "", NO, NO, { NO, NO, NO, FIG(0) }, CTL_FOREIGN },
		{ "", NO, NO, { NO, NO, NO, FIG(1) }, CTL_FOREIGN },
	};
#undef FIG
#undef NO

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ctl_facts f = { .around = &rows[i].around, .members = rows[i].members,
					     .unseen_zero_bytes = rows[i].unseen };
		struct ctl_finding got[__CTL_FINDING_N];
		size_t n = find_facts(rows[i].words, f, got, ARRAY_SIZE(got));

		tap_row("%zu \"%s\"", i, rows[i].words);
		if (CHECK_INT(n, rows[i].want >= 0) && n)
			CHECK_INT(got[0].id, rows[i].want);
	}
}

/* One namespace is nobody's secret; a finding of two says what is not known, with names or without. */
static void namespaces(void)
{
	static const struct {
		struct ctl_spaces spaces;
		bool want;
		const char *begins;
	} rows[] = {
		{ { 0, "" }, false, NULL },
		{ { 1, "shop" }, false, NULL },
		{ { 2, "bank, shop" }, true, "programs of 2 namespaces (bank, shop) are mergeable" },
		{ { 2, "" }, true, "programs of 2 namespaces are mergeable" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ctl_facts f = { .spaces = &rows[i].spaces };
		struct ctl_finding got[__CTL_FINDING_N];
		size_t n = find_facts("", f, got, ARRAY_SIZE(got));

		tap_row("%zu", i);
		if (!CHECK_INT(n, rows[i].want) || !n)
			continue;
		CHECK_INT(got[0].id, CTL_NAMESPACES);
		CHECK(!got[0].serious);
		CHECK(!strncmp(got[0].text, rows[i].begins, strlen(rows[i].begins)));
		CHECK(strstr(got[0].text, "not known") != NULL);
		CHECK_STR(got[0].command, "ksm-estimate --by namespace --pairs");
	}
}

/* ksm-autotune and ksmtuned: who decides, and what is left of it. */
static void deciders(void)
{
	static const struct {
		const char *words;
		enum { NO_NOTE, RUNS, DRY, DIED, HANGS } note;
		int want_run;		/* of the note; -1: it does not set it */
		pid_t ksmtuned;
		int want[2];		/* identifiers + 1, 0 at the end */
		const char *command;	/* of the first */
	} rows[] = {
		{ "", NO_NOTE, -1, 0, { 0 }, NULL },
		{ "", RUNS, 1, 0, { 0 }, NULL },
		{ "", DIED, 1, 0, { F(TUNER_DIED) }, "ksm-autotune restore" },
		{ "", DIED, -1, 0, { F(TUNER_DIED) }, "ksm-autotune restore" },
		{ "", HANGS, 1, 0, { F(TUNER_HANGS) }, "systemctl restart ksm-autotune" },
		/* a dry run has set nothing, whether it still runs or not */
		{ "", DRY, 1, 0, { 0 }, NULL },
		/* stopped: by whom decides what helps */
		{ "run=0", NO_NOTE, -1, 0, { F(STOPPED_MERGED) }, "ksmctl start" },
		{ "run=0", RUNS, 0, 0, { F(TUNER_STOPPED) }, "ksm-autotune explain" },
		{ "run=0 " NOTHING_TRACKED, RUNS, 0, 0, { F(TUNER_STOPPED) },
		  "ksm-autotune explain" },
		{ "run=0", RUNS, 1, 0, { F(STOPPED_MERGED) }, "ksm-autotune kick --take" },
		{ "run=0", RUNS, -1, 0, { F(STOPPED_MERGED) }, "ksm-autotune kick --take" },
		{ "run=2", RUNS, 0, 0, { F(UNMERGED) }, "ksm-autotune kick --take" },
		{ "run=0", DRY, 0, 0, { F(STOPPED_MERGED) }, "ksmctl start" },
		{ "run=0", DIED, 0, 0, { F(TUNER_DIED), F(STOPPED_MERGED) },
		  "ksm-autotune restore" },
		/* its pace is its own */
		{ "pages_to_scan=1 sleep_millisecs=48", RUNS, 1, 0, { 0 }, NULL },
		{ "pages_to_scan=1 sleep_millisecs=48", DRY, 1, 0, { F(SLOW_PASS) },
		  "ksmctl set advisor_mode scan-time" },
		{ "", NO_NOTE, -1, 812, { 0 }, NULL },
		{ "advisor_mode=1", NO_NOTE, -1, 812, { F(TWO_DECIDE) },
		  "systemctl disable --now ksmtuned" },
		{ "advisor_mode=x", NO_NOTE, -1, 812, { 0 }, NULL },
		{ "", RUNS, 1, 812, { F(TWO_DECIDE) }, "systemctl disable --now ksmtuned" },
		{ "", DRY, 1, 812, { 0 }, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct ctl_decider d;
		const struct ctl_facts f = { .decider = &d };
		struct ctl_finding got[__CTL_FINDING_N];
		size_t n;

		tap_row("%zu \"%s\"", i, rows[i].words);
		d = (struct ctl_decider){
			.noted = rows[i].note != NO_NOTE, .ksmtuned.pid = rows[i].ksmtuned,
			.note = { .alive = rows[i].note != DIED, .dry = rows[i].note == DRY,
				  .late_s = rows[i].note == HANGS ? 90 : 0 },
		};
		if (rows[i].want_run >= 0)
			d.note.want.value[KSM_ATTR_RUN] =
				(struct ksm_value){ KSM_VALUE, rows[i].want_run, "" };
		n = find_facts(rows[i].words, f, got, ARRAY_SIZE(got));
		for (size_t j = 0; j < ARRAY_SIZE(rows[i].want); j++)
			CHECK_INT(j < n ? (int)got[j].id + 1 : 0, rows[i].want[j]);
		CHECK(n <= ARRAY_SIZE(rows[i].want));
		if (n && rows[i].command)
			CHECK_STR(got[0].command, rows[i].command);
	}
}

#undef F

/* What of its settings is in force is counted: none, one, two. */
static void left_settings(void)
{
	static struct ctl_decider d = {
		.noted = true,
		.note = { .id.pid = 7, .want.value[KSM_ATTR_PAGES_TO_SCAN] = { KSM_VALUE, 2000, "" } },
	};
	const struct ctl_facts f = { .decider = &d };
	struct ctl_finding got;

	CHECK_INT(find_facts("", f, &got, 1), 1);
	CHECK_STR(got.text, "ksm-autotune (pid 7) died and put nothing back: "
		  "0 of its settings are in force");
	CHECK_INT(find_facts("pages_to_scan=2000", f, &got, 1), 1);
	CHECK_STR(got.text, "ksm-autotune (pid 7) died and put nothing back: "
		  "1 of its settings is in force");
	CHECK_INT(find_facts("pages_to_scan=x", f, &got, 1), 1);
	CHECK(strstr(got.text, "0 of its settings"));
}

/* All that can be found at once, with figures as long as they get. */
static void texts(void)
{
	const struct ksm_delta delta = { .seconds = 1, .ksmd_cpu_pct = 12800,
					 .cow_per_s = KSM_FIG(INT64_MAX) };
	static const char *const words[] = {
		"run=0", "run=2", "run=5 full_scans=0",
		"pages_to_scan=1 sleep_millisecs=4294967295 pages_unshared=9223372036854775807",
		"run=0 pages_shared=0 pages_sharing=0 general_profit=-9223372036854775808",
		("smart_scan=0 merge_across_nodes=0 stable_node_dups=9223372036854775807 "
		 "max_page_sharing=2147483647"),
		"pages_shared=0 pages_sharing=0 pages_unshared=0 pages_volatile=0",
		"pages_volatile=9223372036854775807 smart_scan=0",
		"pages_to_scan=9223372036854775807 sleep_millisecs=9223372036854775807",
		"ksm_zero_pages=9223372036854775807",
		"hksm/zero_only=1 hksm/one_pass=0 full_scans=1",
		("hksm/candidates_dropped=9223372036854775807 pages_unshared=9223372036854775807 "
		 "hksm/one_pass=1 full_scans=0 run=1"),
	};
	const struct ksm_around around = {
		.thp = KSM_FIG(2), .max_ptes_none = KSM_FIG(INT64_MAX), .only_zero = KSM_FIG(1),
		.uksm_run = KSM_FIG(INT64_MIN),
	};
	static struct ctl_decider decider = { .noted = true, .ksmtuned.pid = INT32_MAX };
	/* The longest names that there can be. */
	struct ctl_spaces spaces = { .n = SIZE_MAX };
	const struct ctl_facts facts = { .delta = &delta, .around = &around, .spaces = &spaces,
					 .decider = &decider };
	bool seen[__CTL_FINDING_N] = { false };

	decider.note.id.pid = INT32_MAX;
	memset(decider.note.reason, 'r', sizeof(decider.note.reason) - 1);
	memset(spaces.names, 'n', sizeof(spaces.names) - 1);
	decider.note.want.value[KSM_ATTR_RUN] = (struct ksm_value){ .state = KSM_VALUE };

	/* With a daemon that died, and with one that runs, but not for ages. */
	for (size_t i = 0; i < 2 * ARRAY_SIZE(words); i++) {
		const char *word = words[i / 2];
		struct ctl_finding got[__CTL_FINDING_N], first;
		size_t n;

		decider.note.alive = i % 2;
		decider.note.late_s = i % 2 ? INT64_MAX : 0;
		n = find_facts(word, facts, got, ARRAY_SIZE(got));

		tap_row("%zu", i);
		CHECK(n > 0);
		for (size_t j = 0; j < n; j++) {
			seen[got[j].id] = true;
			CHECK(got[j].text[0]);
			/* Cut texts fill their room to the last byte. */
			CHECK(strlen(got[j].text) < sizeof(got[j].text) - 1);
			CHECK(strlen(got[j].command) < sizeof(got[j].command) - 1);
			CHECK(!j || got[j - 1].id < got[j].id);
		}
		/* No more than there is room for. */
		CHECK_INT(find_facts(word, facts, &first, 1), 1);
		CHECK_INT(first.id, got[0].id);
		CHECK_INT(find_facts(word, facts, NULL, 0), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		tap_row("finding %zu", i);
		CHECK(seen[i]);
	}
}

TAP_MAIN(TAP_CASE(from_files), TAP_CASE(from_rates), TAP_CASE(memory_short),
	 TAP_CASE(skipped), TAP_CASE(beside), TAP_CASE(namespaces), TAP_CASE(deciders), TAP_CASE(left_settings), TAP_CASE(texts))
