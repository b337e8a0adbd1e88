// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-proc.c - the files of one process: ksm_stat, stat, status, cgroup, and
 * what a process is said to be on the fake kernels.
 *
 * Names of processes are chosen by those who run them: none of them may shift
 * a field or make a process vanish.
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

/* A copy without a NUL behind it, so that a sanitizer sees a step too far. */
static char *exact(const void *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	return memcpy(copy, text, len);
}

/* ------------------------------------------------------------------ */
/* ksm_stat								*/

static void ksm_stat(void)
{
	static const struct {
		const char *text;
		int rc;
		int64_t items, zero, merging, profit;	/* -1: absent */
		int any, mergeable;
	} rows[] = {
		/* 6.1 */
		{ "ksm_rmap_items 5\n", 0, 5, -1, -1, -1, -1, -1 },
		/* 6.6 and later; a loss */
		{ "ksm_rmap_items 5\nksm_zero_pages 1\nksm_merging_pages 3\nksm_process_profit -320\n",
		  0, 5, 1, 3, -320, -1, -1 },
		/* with the lines that end in a word */
		{ "ksm_rmap_items 0\nksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit 0\n"
		  "ksm_merge_any: no\nksm_mergeable: no\n", 0, 0, 0, 0, 0, 0, 0 },
		{ "ksm_merge_any: yes\nksm_mergeable: yes\n", 0, -1, -1, -1, -1, 1, 1 },
		/* either form of either kind */
		{ "ksm_rmap_items: 5\nksm_merge_any yes\n", 0, 5, -1, -1, -1, 1, -1 },
		/* lines of later kernels are passed over, whatever they hold */
		{ "ksm_pages_sharing 9\nksm_rmap_items 5\nksm_new: a b c\n\nksm_x\n", 0, 5, -1,
		  -1, -1,
		  -1, -1 },
		{ "ksm_rmap_items 5", 0, 5, -1, -1, -1, -1, -1 },	/* no newline */
		{ "  ksm_rmap_items\t5  \n", 0, 5, -1, -1, -1, -1, -1 },
		{ "ksm_zero_pages -1\n", 0, -1, -1, -1, -1, -1, -1 },	/* signed in the kernel */
		{ "ksm_process_profit -9223372036854775808\n", 0, -1, -1, -1, INT64_MIN, -1, -1 },
		/* 6.6 to 6.9 print a long as unsigned: zero pages below zero, and the rest */
		{ "ksm_rmap_items 50000\nksm_zero_pages 18446744073709551613\nksm_merging_pages 0\n"
		  "ksm_process_profit -3212288\n", 0, 50000, -3, 0, -3212288, -1, -1 },
		{ "ksm_zero_pages 9223372036854775808\n", 0, -1, INT64_MIN, -1, -1, -1, -1 },
		/* what is counted is never below zero: that figure is absent, the rest is read */
		{ "ksm_rmap_items 5\nksm_merging_pages 18446744073709551590\nksm_process_profit 7\n", 0,
		  5, -1, -1, 7, -1, -1 },
		{ "ksm_rmap_items -5\nksm_zero_pages x\nksm_merging_pages 3\nksm_merge_any: 2\n"
		  "ksm_mergeable: yes\n", 0, -1, -1, 3, -1, -1, 1 },
		{ "ksm_rmap_items 99999999999999999999\nksm_process_profit 4\n", 0, -1, -1, -1, 4, -1,
		  -1 },
		{ "", -EPROTO, -1, -1, -1, -1, -1, -1 },		/* no memory of its own */
		{ "\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "ksm_rmap_items lots\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "ksm_rmap_items 0x5\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "ksm_rmap_items 99999999999999999999\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "ksm_merge_any: maybe\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "ksm_merge_any: 1\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "ksm_rmap_items\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "xksm_rmap_items 5\nksm_rmap_itemsx 5\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
		{ "\xff\xfe\n\x1b[2J 5\n", -EPROTO, -1, -1, -1, -1, -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		char *text = exact(rows[i].text, len);
		struct ksm_proc_stat st;

		tap_row("%zu", i);
		CHECK_INT(ksm_proc_stat_parse(text, len, &st), rows[i].rc);
		CHECK_INT(ksm_fig_or(st.items, -1), rows[i].items);
		CHECK_INT(ksm_fig_or(st.zero_pages, -1), rows[i].zero);
		CHECK_INT(ksm_fig_or(st.merging_pages, -1), rows[i].merging);
		CHECK_INT(ksm_fig_or(st.profit_bytes, -1), rows[i].profit);
		CHECK_INT(ksm_fig_or(st.merge_any, -1), rows[i].any);
		CHECK_INT(ksm_fig_or(st.mergeable, -1), rows[i].mergeable);
		free(text);
	}
}

static void ksm_stat_hksm(void)
{
	struct ksm_proc_stat st;
	size_t len;
	char *text = root_slurp("7.3-hksm", "proc/1002/ksm_stat", &len);

	CHECK_INT(ksm_proc_stat_parse(text, len, &st), 0);
	CHECK_INT(st.scan_pages.v, 5160000);
	CHECK_INT(st.scan_ns.v, 2115600000);
	CHECK_INT(st.merges.v, 149000);
	CHECK_INT(st.breaks.v, 10000);
	CHECK_INT(st.skipped.v, 790000);
	CHECK_INT(st.domain.v, 1);
	CHECK_INT(st.meta_bytes.v, 2186880);
	free(text);
	/* Absent elsewhere, which is not zero. */
	text = root_slurp("7.3-busy", "proc/1002/ksm_stat", &len);
	CHECK_INT(ksm_proc_stat_parse(text, len, &st), 0);
	CHECK_INT(st.breaks.state, KSM_ABSENT);
	CHECK_INT(st.domain.state, KSM_ABSENT);
	free(text);
}

/* ------------------------------------------------------------------ */
/* stat									*/

#define REST " S 7 5 5 0 -1 4194304 120 0 3 0 50 60 0 0 20 0 6 0 7107 1080176640 240 184 1 1\n"

static void pidstat(void)
{
	static const struct {
		const char *text;
		size_t len;		/* 0: of the text */
		int rc;
		const char *comm;
		char state;
		bool kthread;
	} rows[] = {
		{ "5 (cat)" REST, 0, 0, "cat", 'S', false },
		{ "5 ()" REST, 0, 0, "", 'S', false },
		{ "5 (Web Content)" REST, 0, 0, "Web Content", 'S', false },
		/* comm ends at the last parenthesis, whatever it holds */
		{ "5 (a) R 1 1)" REST, 0, 0, "a) R 1 1", 'S', false },
		{ "5 ((((()" REST, 0, 0, "((((", 'S', false },
		{ "5 ())))" REST, 0, 0, ")))", 'S', false },
		{ "5 (two\nlines)" REST, 0, 0, "two\nlines", 'S', false },
		{ "5 (\x1b[2J)" REST, 0, 0, "\x1b[2J", 'S', false },
		{ "5 (\xff\xfe)" REST, 0, 0, "\xff\xfe", 'S', false },
		{ "5 (  blank  )" REST, 0, 0, "  blank  ", 'S', false },
		/* kernel threads show more than 15 bytes; what does not fit is cut */
		{ "5 (kworker/u8:2-events_unbound)" REST, 0, 0, "kworker/u8:2-events_unbound",
		  'S', false },
		{ "5 (0123456789012345678901234567890123456789012345678901234567890123456789)" REST, 0, 0,
		  "012345678901234567890123456789012345678901234567890123456789012", 'S', false },
		{ "58 (ksmd) S 2 0 0 0 -1 2129984 0 0 0 0 0 9 0 0 25 5 1 0 9 0 0 18446744073709551615 1\n", 0,
		  0, "ksmd", 'S', true },
		{ "6 (make) Z 5 6 6 0 -1 4227084 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0 1 1\n", 0, 0,
		  "make", 'Z',
		  false },
		/* fields up to rss are enough, with a newline or without */
		{ "5 (x) S 7 5 5 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096 240", 0, 0, "x",
		  'S', false },
		{ "5 (x) S 7 5 5 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096 240\n", 0, 0,
		  "x", 'S', false },
		{ "5 (x) S 7 5 5 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096\n", 0, -EPROTO,
		  NULL, 0, false },
		{ "5 (x) S 7 5 5 0 -1 flags 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096 240\n", 0, -EPROTO,
		  NULL, 0, false },
		{ "5 (x) S -7 5 5 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096 240\n", 0,
		  -EPROTO, NULL, 0, false },
		{ "5 (x) SS 7 5 5 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096 240\n", 0,
		  -EPROTO, NULL, 0, false },
		{ "5 (x) 5 7 5 5 0 -1 4194304 0 0 0 0 1 2 0 0 20 0 6 0 7107 4096 240\n", 0,
		  -EPROTO, NULL, 0, false },
		{ "5 (x)\n", 0, -EPROTO, NULL, 0, false },
		{ "5 (x)", 0, -EPROTO, NULL, 0, false },
		{ "5 (x", 0, -EPROTO, NULL, 0, false },
		{ "5 x) S 7", 0, -EPROTO, NULL, 0, false },
		{ ")(", 0, -EPROTO, NULL, 0, false },
		{ "", 0, -EPROTO, NULL, 0, false },
		{ "5 (x\0y)" REST, sizeof("5 (x\0y)" REST) - 1, 0, "x", 'S', false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = rows[i].len ? rows[i].len : strlen(rows[i].text);
		char *text = exact(rows[i].text, len);
		struct ksm_proc p = { 0 };

		tap_row("%zu", i);
		CHECK_INT(ksm_proc_pidstat_parse(text, len, &p), rows[i].rc);
		free(text);
		if (rows[i].rc)
			continue;
		CHECK_STR(p.comm, rows[i].comm);
		CHECK_INT(p.state, rows[i].state);
		CHECK_INT(p.kthread, rows[i].kthread);
	}
}

static void pidstat_fields(void)
{
	struct ksm_proc p = { 0 };
	const char text[] = "5 (cat)" REST;

	CHECK_INT(ksm_proc_pidstat_parse(text, sizeof(text) - 1, &p), 0);
	CHECK_INT(p.ppid, 7);
	CHECK_UINT(p.cpu_ticks, 110);
	CHECK_UINT(p.start_ticks, 7107);
	CHECK_UINT(p.vsize_bytes, 1080176640);
	CHECK_UINT(p.rss_pages, 240);
}

/* Cut anywhere, it is refused or it is the same: no shorter number is taken for the whole. */
static void pidstat_cut(void)
{
	static const char text[] = "5 (a) R 1 1)" REST;
	struct ksm_proc whole = { 0 }, p;

	CHECK_INT(ksm_proc_pidstat_parse(text, sizeof(text) - 1, &whole), 0);
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char *cut = exact(text, len);

		memset(&p, 0, sizeof(p));
		tap_row("%zu", len);
		/* Up to the blank behind rss, which is the last field that is read. */
		if (len < (size_t)(strstr(text, "240 184") - text) + 1)
			CHECK_INT(ksm_proc_pidstat_parse(cut, len, &p), -EPROTO);
		else if (len > (size_t)(strstr(text, "240 184") - text) + 2)
			CHECK(!ksm_proc_pidstat_parse(cut, len, &p) &&
			      !memcmp(&p, &whole, sizeof(p)));
		free(cut);
	}
}

/* ------------------------------------------------------------------ */
/* status								*/

static void status(void)
{
	static const struct {
		const char *text;
		int rc;
		pid_t tgid, tracer;
		uid_t euid;
		int seccomp;
		char state;
		unsigned int threads;
	} rows[] = {
		{ "Name:\tcat\nState:\tS (sleeping)\nTgid:\t5\nTracerPid:\t9\nUid:\t1\t2\t3\t4\n"
		  "Threads:\t8\nSeccomp:\t2\n", 0, 5, 9, 2, 2, 'S', 8 },
		/* before 3.8 there is no line about seccomp */
		{ "Name:\tcat\nState:\tt (tracing stop)\nTgid:\t5\nUid:\t0\t0\t0\t0\n", 0, 5, -1,
		  0, -1, 't', 0 },
		/* a name cannot add lines: the kernel escapes newlines in this file */
		{ "Name:\tx\\nTgid:\t7\nTgid:\t5\n", 0, 5, -1, KSM_UID_NONE, -1, 0, 0 },
		{ "Tgid:\t5\nUid:\t4294967295\t4294967294\t0\t0\n", 0, 5, -1, 4294967294U, -1, 0,
		  0 },
		/* an odd line costs its figure, which is then nobody's number and not root's */
		{ "Tgid:\t5\nUid:\t1\nTracerPid:\t9\n", 0, 5, 9, KSM_UID_NONE, -1, 0, 0 },
		{ "Tgid:\t5\nUid:\tx\t2\t3\t4\nThreads:\t3\n", 0, 5, -1, KSM_UID_NONE, -1, 0, 3 },
		{ "Tgid:\tx\n", -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ "Name:\tcat\n", -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ "", -EPROTO, 0, 0, 0, 0, 0, 0 },
		/* of a file that was cut, the lines behind are missing, and not zero */
		{ "Tgid:\t5\nTracerPid:\t0\nGroups:\t1 2 3", 0, 5, 0, KSM_UID_NONE, -1, 0, 0 },
		/* numbers that no kernel gives */
		{ "Tgid:\t5\nTracerPid:\t99999999999\nSeccomp:\t99999999999\n", 0, 5, -1, KSM_UID_NONE, -1, 0,
		  0 },
		{ "Tgid:\t99999999999\n", -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ "Tgid:\t5\nUid:\t99999999999\t2\t3\t4\n", 0, 5, -1, KSM_UID_NONE, -1, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		char *text = exact(rows[i].text, len);
		struct ksm_proc_status st;

		tap_row("%zu", i);
		CHECK_INT(ksm_proc_status_parse(text, len, &st), rows[i].rc);
		free(text);
		if (rows[i].rc)
			continue;
		CHECK_INT(st.tgid, rows[i].tgid);
		CHECK_INT(st.tracer, rows[i].tracer);
		CHECK_UINT(st.uid[1], rows[i].euid);
		CHECK_INT(st.seccomp, rows[i].seccomp);
		CHECK_INT(st.state, rows[i].state);
		CHECK_UINT(st.threads, rows[i].threads);
	}
}

static void status_uids(void)
{
	static const char text[] = "Tgid:\t5\nUid:\t1\t2\t3\t4\n";
	struct ksm_proc_status st;

	CHECK_INT(ksm_proc_status_parse(text, sizeof(text) - 1, &st), 0);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_UINT(st.uid[i], i + 1);
}

/* ------------------------------------------------------------------ */
/* cgroup								*/

static void cgroup(void)
{
	static const struct {
		const char *text;
		const char *want;	/* NULL: -EPROTO */
	} rows[] = {
		{ "0::/system.slice/nginx.service\n", "/system.slice/nginx.service" },
		{ "0::/\n", "/" },
		{ "0::/a:b\n", "/a:b" },		/* a colon in the name */
		{ "0::/with blank\n", "/with blank" },
		{ "0::/x", "/x" },
		/* version 1: memory rather than the others, systemd's where memory has none */
		{ "4:cpu,cpuacct:/c\n10:memory:/m\n1:name=systemd:/s\n", "/m" },
		{ "1:name=systemd:/s\n4:cpu,cpuacct:/c\n", "/s" },
		{ "4:cpu,cpuacct:/c\n", "/c" },
		/* hybrid: the unified one beside them is empty, or it is not */
		{ "10:memory:/m\n1:name=systemd:/s\n0::/\n", "/m" },
		{ "10:memory:/m\n0::/u\n", "/u" },
		{ "10:memory:/\n1:name=systemd:/system.slice/redis.service\n0::/\n",
		  "/system.slice/redis.service" },
		{ "10:memory:/\n1:name=systemd:/\n0::/\n", "/" },
		{ "4:cpu:/c\n10:pids,memory:/pm\n", "/pm" },	/* mounted together */
		{ "4:cpu:/c\n10:memory,:/pm\n", "/pm" },
		{ "4:cpu:/c\n10:xmemory,memory2:/x\n", "/c" },
		{ "4:cpu:/c\n10:memory:/\n", "/" },	/* cpu divides, memory does not */
		{ "nonsense\n0:/x\n0::x\n", NULL },
		{ "no colons\n0::/ok\n", "/ok" },
		{ "0::\n", NULL },
		{ ":::\n", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		char *text = exact(rows[i].text, len), *path = (void *)1;

		tap_row("%zu", i);
		CHECK_INT(ksm_proc_cgroup_parse(text, len, &path), rows[i].want ? 0 : -EPROTO);
		CHECK_STR(path, rows[i].want);
		free(text);
		free(path);
	}
}

/* ------------------------------------------------------------------ */
/* on the fake kernels							*/

static void read_members(void)
{
	static const struct {
		const char *root;
		pid_t pid;
		enum ksm_member cheap;		/* KSM_PROC_KSM */
		enum ksm_member member;		/* KSM_PROC_MEMBER */
		enum ksm_member exact;		/* KSM_PROC_EXACT */
	} rows[] = {
		{ "6.12-busy", 1001, KSM_MEMBER_ON, KSM_MEMBER_MADVISE, KSM_MEMBER_MADVISE },
		{ "6.12-busy", 2001, KSM_MEMBER_ON, KSM_MEMBER_ANY, KSM_MEMBER_ANY },
		{ "6.12-busy", 2150, KSM_MEMBER_ON, KSM_MEMBER_MADVISE, KSM_MEMBER_MADVISE },
		{ "6.12-busy", 2300, KSM_MEMBER_OFF, KSM_MEMBER_OFF, KSM_MEMBER_OFF },
		/* ksmd */
		{ "6.12-busy", 58, KSM_MEMBER_UNKNOWN, KSM_MEMBER_UNKNOWN, KSM_MEMBER_UNKNOWN },
		/* zombie */
		{ "6.12-busy", 2310, KSM_MEMBER_UNKNOWN, KSM_MEMBER_UNKNOWN, KSM_MEMBER_UNKNOWN },
		/* taking part and not scanned yet: seen by the line of ksm_stat */
		{ "7.3-busy", 2100, KSM_MEMBER_ANY, KSM_MEMBER_ANY, KSM_MEMBER_ANY },
		{ "7.3-busy", 2101, KSM_MEMBER_MADVISE, KSM_MEMBER_MADVISE, KSM_MEMBER_MADVISE },
		{ "7.3-busy", 2300, KSM_MEMBER_OFF, KSM_MEMBER_OFF, KSM_MEMBER_OFF },
		/* hardly any file, yet smaps has "mg" since 3.8 */
		{ "5.15-old", 1001, KSM_MEMBER_UNKNOWN, KSM_MEMBER_UNKNOWN, KSM_MEMBER_MADVISE },
		{ "5.15-old", 2300, KSM_MEMBER_UNKNOWN, KSM_MEMBER_UNKNOWN, KSM_MEMBER_OFF },
		{ "6.1", 1001, KSM_MEMBER_ON, KSM_MEMBER_MADVISE, KSM_MEMBER_MADVISE },
		{ "no-ksm", 2300, KSM_MEMBER_ABSENT, KSM_MEMBER_ABSENT, KSM_MEMBER_ABSENT },
		{ "arm64-16k", 2001, KSM_MEMBER_ON, KSM_MEMBER_ANY, KSM_MEMBER_ANY },
		/* names of mappings longer than any buffer */
		{ "hostile", 3016, KSM_MEMBER_ON, KSM_MEMBER_ANY, KSM_MEMBER_ANY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_proc p;

		tap_row("%s/%d", rows[i].root, (int)rows[i].pid);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, 0, &p), 0);
		CHECK_INT(p.member, KSM_MEMBER_UNKNOWN);
		CHECK_INT(p.ksm.items.state, KSM_ABSENT);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_KSM, &p), 0);
		CHECK_INT(p.member, rows[i].cheap);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_MEMBER, &p), 0);
		CHECK_INT(p.member, rows[i].member);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_EXACT, &p), 0);
		CHECK_INT(p.member, rows[i].exact);
		ksm_close(k);
	}
}

static void member_names(void)
{
	CHECK_STR(ksm_member_name(KSM_MEMBER_UNKNOWN), "?");
	CHECK_STR(ksm_member_name(KSM_MEMBER_DENIED), "denied");
	CHECK_STR(ksm_member_name(KSM_MEMBER_ABSENT), "-");
	CHECK_STR(ksm_member_name(KSM_MEMBER_OFF), "off");
	CHECK_STR(ksm_member_name(KSM_MEMBER_ON), "on");
	CHECK_STR(ksm_member_name(KSM_MEMBER_MADVISE), "madvise");
	CHECK_STR(ksm_member_name(KSM_MEMBER_ANY), "any");
}

static void read_figures(void)
{
	static const struct {
		const char *root;
		pid_t pid;
		uid_t uid;
		int64_t items, zero, merging, profit;	/* -1: absent */
	} rows[] = {
		{ "6.12-busy", 1001, 41002, 260000, 20000, 120000,
		  INT64_C(140000) * 4096 - 260000 * 64 },
		{ "6.12-busy", 2150, 41004, 50000, 0, 10, 10 * 4096 - 50000 * 64 },
		/* a line of ksm_stat only since 6.4: the file of its own is read */
		{ "6.1", 1001, 41002, 200000, -1, 90000, -1 },
		{ "5.15-old", 1001, 41002, -1, -1, -1, -1 },
		{ "no-ksm", 2300, 41001, -1, -1, -1, -1 },
		{ "arm64-16k", 2001, 41003, 1000, 20, 500, INT64_C(520) * 16384 - 64000 },
		{ "6.12-busy", 58, 0, -1, -1, -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_proc p;

		tap_row("%s/%d", rows[i].root, (int)rows[i].pid);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_KSM | KSM_PROC_UID, &p), 0);
		CHECK_INT(p.pid, rows[i].pid);
		CHECK_UINT(p.uid, rows[i].uid);
		CHECK_INT(ksm_fig_or(p.ksm.items, -1), rows[i].items);
		CHECK_INT(ksm_fig_or(p.ksm.zero_pages, -1), rows[i].zero);
		CHECK_INT(ksm_fig_or(p.ksm.merging_pages, -1), rows[i].merging);
		CHECK_INT(ksm_fig_or(p.ksm.profit_bytes, -1), rows[i].profit);
		ksm_close(k);
	}
}

static void read_hostile(void)
{
	static const struct {
		pid_t pid;
		const char *comm;
	} rows[] = {
		{ 3001, "two\nlines" },	 { 3002, "a) R 1 1" },
		{ 3003, "((()" },	 { 3004, "\x1b[2J\x1b]0;pwn\x07" },
		{ 3005, "\xff\xfe\xc3(" }, { 3006, "aaaaaaaaaaaaaa\xe2" },
		{ 3007, "" },		 { 3010, "  blank  " },
	};
	struct ksm *k = root_open("hostile");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_proc p;

		tap_row("%d", (int)rows[i].pid);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_EXACT | KSM_PROC_UID, &p), 0);
		CHECK_STR(p.comm, rows[i].comm);
		CHECK_INT(p.ppid, 1);
		CHECK_UINT(p.uid, 41001);
		CHECK_INT(p.member, KSM_MEMBER_ANY);
	}
	ksm_close(k);
}

/* A process is there as long as its stat is, whatever became of its other files. */
static void read_garbage(void)
{
	static const struct {
		pid_t pid;
		int rc;		/* without KSM_PROC_UID and KSM_PROC_EXACT */
	} rows[] = {
		{ 1, -EPROTO },	 { 10, -EPROTO }, { 11, -EPROTO }, { 12, 0 },	 { 13, 0 },
		{ 14, 0 },	 { 15, -EPROTO }, { 16, 0 },	   { 99, -ESRCH },
	};
	struct ksm *k = root_open("garbage");
	struct ksm_proc p;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%d", (int)rows[i].pid);
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_KSM, &p), rows[i].rc);
		if (rows[i].pid != 16 && !rows[i].rc) {
			CHECK_INT(p.ksm.items.state, KSM_ABSENT);
			CHECK_INT(p.ksm.merging_pages.state, KSM_ABSENT);
		}
	}
	CHECK_INT(ksm_proc_read(k, 16, KSM_PROC_KSM, &p), 0);
	CHECK_INT(p.ksm.merging_pages.v, INT64_MAX);
	CHECK_INT(p.ksm.profit_bytes.v, INT64_MIN);
	ksm_close(k);
}

/* Ended between two reads: told as that, not as a missing file. */
static void gone(void)
{
	struct ksm *k = root_open("6.12-idle");
	enum ksm_member m;
	struct ksm_proc_status st;
	struct ksm_proc p;
	char *text;
	size_t len;

	CHECK_INT(ksm_proc_read(k, 4242, KSM_PROC_EXACT, &p), -ESRCH);
	CHECK_INT(ksm_proc_status_read(k, 4242, &st), -ESRCH);
	CHECK_INT(ksm_proc_member(k, 4242, &m), -ESRCH);
	CHECK_INT(ksm_proc_cmdline(k, 4242, &text, &len), -ESRCH);
	CHECK_STR(text, NULL);
	CHECK_INT(ksm_proc_cgroup(k, 4242, &text), -ESRCH);
	CHECK_STR(text, NULL);
	ksm_close(k);
}

/*
 * A kernel without cgroups has no file cgroup, one without CONFIG_PROC_PAGE_MONITOR
 * no smaps: the process is there all the same, and what is not told is absent.
 */
static void lacking(void)
{
	static const char *const files[] = { "cgroup", "smaps", "status", "cmdline", "ksm_stat",
					     "ksm_merging_pages" };
	const int all = KSM_PROC_KSM | KSM_PROC_UID | KSM_PROC_MEMBER | KSM_PROC_EXACT;
	struct ksm_proc_status st;
	struct ksm_proc p;
	enum ksm_member m;
	char path[64], *text;
	struct root r;
	struct ksm *k;
	size_t len;

	root_copy(&r, "6.12-busy");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "proc/2001/%s", files[i]);
		if (root_has(&r, path))
			root_rm(&r, path);
	}
	k = root_handle(&r);
	for (int want = 0; want <= all; want++) {
		tap_row("want %d", want);
		CHECK_INT(ksm_proc_read(k, 2001, want, &p), 0);
		CHECK_STR(p.comm, "python3");
		CHECK_UINT(p.uid, KSM_UID_NONE);
		CHECK_INT(p.ksm.items.state, KSM_ABSENT);
		CHECK_INT(p.member, KSM_MEMBER_UNKNOWN);
	}
	CHECK_STR(ksm_user_name(k, p.uid), "");
	CHECK_INT(ksm_proc_status_read(k, 2001, &st), -ENOENT);
	CHECK_INT(ksm_proc_member(k, 2001, &m), -ENOENT);
	CHECK_INT(ksm_proc_cmdline(k, 2001, &text, &len), -ENOENT);
	CHECK_INT(ksm_proc_cgroup(k, 2001, &text), -ENOENT);
	/* Then the process ends. */
	root_rm(&r, "proc/2001/stat");
	CHECK_INT(ksm_proc_read(k, 2001, all, &p), -ESRCH);
	CHECK_INT(ksm_proc_status_read(k, 2001, &st), -ESRCH);
	CHECK_INT(ksm_proc_member(k, 2001, &m), -ESRCH);
	CHECK_INT(ksm_proc_cmdline(k, 2001, &text, &len), -ESRCH);
	CHECK_INT(ksm_proc_cgroup(k, 2001, &text), -ESRCH);
	ksm_close(k);
	root_free(&r);
}

/* One without smaps that merges: by which way is not told, that it does is. */
static void lacking_smaps(void)
{
	struct ksm_proc p;
	struct root r;
	struct ksm *k;

	root_copy(&r, "6.12-busy");
	root_rm(&r, "proc/2001/smaps");
	k = root_handle(&r);
	CHECK_INT(ksm_proc_read(k, 2001, KSM_PROC_MEMBER, &p), 0);
	CHECK_INT(p.member, KSM_MEMBER_ON);
	CHECK_INT(ksm_proc_read(k, 2001, KSM_PROC_EXACT, &p), 0);
	CHECK_INT(p.member, KSM_MEMBER_ON);
	ksm_close(k);
	root_free(&r);
}

/* What ksmd counted before merging was switched off, and has not taken off yet. */
static void stale(void)
{
	static const char counts[] = "ksm_rmap_items 100\nksm_zero_pages 3\nksm_merging_pages 90\n"
				     "ksm_process_profit -5\n";
	static const struct {
		const char *lines;
		enum ksm_member member;
		enum ksm_state state;
	} rows[] = {
		{ "ksm_merge_any: no\nksm_mergeable: no\n", KSM_MEMBER_OFF, KSM_OFF },
		{ "ksm_merge_any: no\nksm_mergeable: yes\n", KSM_MEMBER_MADVISE, KSM_VALUE },
		/* Nothing says that it is off. */
		{ "", KSM_MEMBER_ON, KSM_VALUE },
	};
	struct ksm_proc p;
	struct root r;
	struct ksm *k;

	root_copy(&r, "6.12-busy");
	k = root_handle(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s%s", counts, rows[i].lines);
		root_put(&r, "proc/7/stat", "7 (x)" REST);
		root_put(&r, "proc/7/ksm_stat", text);
		tap_row("%zu", i);
		CHECK_INT(ksm_proc_read(k, 7, KSM_PROC_KSM, &p), 0);
		CHECK_INT(p.member, rows[i].member);
		CHECK_INT(p.ksm.merging_pages.state, rows[i].state);
		CHECK_INT(p.ksm.items.state, rows[i].state);
		CHECK_INT(p.ksm.profit_bytes.state, rows[i].state);
		/* These are exact at any time. */
		CHECK_INT(ksm_fig_or(p.ksm.zero_pages, -1), 3);
	}
	ksm_close(k);
	root_free(&r);
}

/* More lines than the buffer holds: a number is whole or it is not read. */
static void stat_too_long(void)
{
	char text[4096] = "ksm_rmap_items 5\n";
	struct ksm_proc p;
	struct root r;
	struct ksm *k;

	for (size_t n = strlen(text); n < sizeof(text) - 60; n = strlen(text))
		snprintf(text + n, sizeof(text) - n, "ksm_zero_pages 111111111\n");
	root_new(&r);
	root_put(&r, "proc/7/stat", "7 (x)" REST);
	root_put(&r, "proc/7/ksm_stat", text);
	k = root_handle(&r);
	CHECK_INT(ksm_proc_read(k, 7, KSM_PROC_KSM, &p), 0);
	CHECK_INT(p.ksm.items.v, 5);
	CHECK_INT(p.ksm.zero_pages.v, 111111111);
	ksm_close(k);
	root_free(&r);
}

static void read_denied(void)
{
	enum ksm_member m = KSM_MEMBER_UNKNOWN;
	struct ksm_proc p;
	struct root r;
	struct ksm *k;

	root_copy(&r, "denied");
	if (!root_unpriv(&r)) {
		tap_skip("cannot give up root");
		root_free(&r);
		return;
	}
	k = root_handle(&r);
	for (int want = 0; want < 16; want++) {
		tap_row("want %d", want);
		CHECK_INT(ksm_proc_read(k, 2001, want, &p), 0);
		CHECK_STR(p.comm, "python3");
		if (!(want & (KSM_PROC_KSM | KSM_PROC_MEMBER | KSM_PROC_EXACT)))
			continue;
		CHECK_INT(p.member, KSM_MEMBER_DENIED);
		CHECK_INT(p.ksm.items.state, KSM_DENIED);
		CHECK_INT(p.ksm.merging_pages.state, KSM_DENIED);
		CHECK_INT(p.ksm.profit_bytes.state, KSM_DENIED);
	}
	CHECK_INT(ksm_proc_member(k, 2001, &m), -EACCES);
	CHECK_INT(m, KSM_MEMBER_DENIED);
	/* One's own process stays readable. */
	CHECK_INT(ksm_proc_read(k, 2002, KSM_PROC_EXACT, &p), 0);
	CHECK_INT(p.member, KSM_MEMBER_ANY);
	CHECK_INT(p.ksm.merging_pages.v, 2500);
	ksm_close(k);
	root_free(&r);
}

static void cmdline(void)
{
	struct ksm *k = root_open("6.12-busy");
	size_t len;
	char *text;

	CHECK_INT(ksm_proc_cmdline(k, 2001, &text, &len), 0);
	CHECK_UINT(len, sizeof("/usr/bin/python3\0-m\0app.worker\0--shard=1"));
	CHECK(!memcmp(text, "/usr/bin/python3\0-m\0app.worker\0--shard=1", len));
	free(text);
	/* Kernel threads and zombies have none. */
	CHECK_INT(ksm_proc_cmdline(k, 58, &text, &len), 0);
	CHECK_UINT(len, 0);
	CHECK_STR(text, "");
	free(text);
	ksm_close(k);
}

/* This very process, on the running kernel. */
/* Any user can present a command line of gigabytes: its beginning is read. */
static void long_cmdline(void)
{
	static const size_t sizes[] = { KSM_CMDLINE_MAX - 1, KSM_CMDLINE_MAX, KSM_CMDLINE_MAX + 1,
					60U << 20 };
	char path[300], *text;
	struct root r;
	struct ksm *k;
	size_t len;

	root_copy(&r, "6.12-busy");
	snprintf(path, sizeof(path), "%s/proc/2001/cmdline", r.dir);
	k = root_handle(&r);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		tap_row("%zu bytes", sizes[i]);
		CHECK_INT(truncate(path, sizes[i]), 0);
		CHECK_INT(ksm_proc_cmdline(k, 2001, &text, &len), 0);
		CHECK_UINT(len, MIN(sizes[i], (size_t)KSM_CMDLINE_MAX));
		CHECK_UINT(text[len], 0);
		free(text);
	}
	/* Of these, the rest may be what counts. */
	snprintf(path, sizeof(path), "%s/proc/2001/cgroup", r.dir);
	CHECK_INT(truncate(path, 60U << 20), 0);
	CHECK_INT(ksm_proc_cgroup(k, 2001, &text), -EFBIG);
	CHECK_STR(ksm_errmsg(k), "read /proc/2001/cgroup: File too large");
	ksm_close(k);
	root_free(&r);
}

static void live(void)
{
	struct ksm_proc_status st;
	struct ksm_proc p;
	enum ksm_member m;
	struct ksm *k;
	char *text;
	size_t len;

	CHECK_INT(ksm_open(NULL, &k), 0);
	CHECK_INT(ksm_proc_read(k, getpid(), KSM_PROC_EXACT | KSM_PROC_UID, &p), 0);
	CHECK_INT(p.pid, getpid());
	CHECK_INT(p.ppid, getppid());
	CHECK_UINT(p.uid, geteuid());
	CHECK_INT(p.state, 'R');
	CHECK(!p.kthread);
	CHECK(p.rss_pages > 0 && p.vsize_bytes > p.rss_pages);
	CHECK_INT(ksm_proc_status_read(k, getpid(), &st), 0);
	CHECK_INT(st.tgid, getpid());
	CHECK_UINT(st.uid[0], getuid());
	CHECK_UINT(st.threads, 1);
	CHECK_INT(ksm_proc_member(k, getpid(), &m), 0);
	CHECK_INT(ksm_proc_cmdline(k, getpid(), &text, &len), 0);
	CHECK(memmem(text, len, "t-proc", 6));	/* an interpreter or valgrind may stand before it */
	free(text);
	ksm_close(k);
}

TAP_MAIN(TAP_CASE(ksm_stat), TAP_CASE(ksm_stat_hksm), TAP_CASE(pidstat), TAP_CASE(pidstat_fields),
	 TAP_CASE(pidstat_cut), TAP_CASE(status), TAP_CASE(status_uids), TAP_CASE(cgroup),
	 TAP_CASE(read_members), TAP_CASE(member_names), TAP_CASE(read_figures),
	 TAP_CASE(read_hostile), TAP_CASE(read_garbage), TAP_CASE(gone), TAP_CASE(lacking), TAP_CASE(lacking_smaps), TAP_CASE(stale), TAP_CASE(stat_too_long), TAP_CASE(read_denied),
	 TAP_CASE(cmdline), TAP_CASE(long_cmdline), TAP_CASE(live))
