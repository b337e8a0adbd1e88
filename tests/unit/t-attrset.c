// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-attrset.c - sets of attributes: their text, and bringing a kernel to one.
 *
 * Plain files accept anything in any order, so the writes go through a small
 * imitation of the kernel (mm/ksm.c of 6.12) that refuses and resets what the
 * real one does: the linker puts __wrap_ksm_path_write_at() between libksm and
 * the files (-Wl,--wrap).
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/internal.h"
#include "root.h"
#include "tap.h"

#define DIR_KSM "sys/kernel/mm/ksm/"

/* ------------------------------------------------------------------ */
/* the imitation								*/

int __real_ksm_path_write_at(struct ksm *k, int dirfd, const char *name, const char *text);
int __wrap_ksm_path_write_at(struct ksm *k, int dirfd, const char *name, const char *text);

static struct {
	bool on;
	struct root root;
	char writes[512];	/* what was written with success: "run=2 run=1" */
	const char *bad_name;	/* this attribute answers bad_err ... */
	unsigned int bad_from;	/* ... from this write of it on, the first is 0 */
	int bad_err;
	unsigned int bad_seen;
} fake;

static void set(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DIR_KSM "%s", name);
	root_put(&fake.root, path, text);
}

static const char *got(const char *name, char *buf, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), DIR_KSM "%s", name);
	root_get(&fake.root, path, buf, len);
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

static bool merged(void)
{
	char buf[64];

	return strcmp(got("pages_shared", buf, sizeof(buf)), "0") != 0;
}

static int write_advisor(const char *text)
{
	char old[64], min[64];
	bool on = !strcmp(text, "scan-time");

	if (!on && strcmp(text, "none"))
		return -EINVAL;
	if (!strstr(got("advisor_mode", old, sizeof(old)), on ? "[scan-time]" : "[none]"))
		set("pages_to_scan",
		    on ? got("advisor_min_pages_to_scan", min, sizeof(min)) : "100");
	set("advisor_mode", on ? "none [scan-time]\n" : "[none] scan-time\n");
	return 0;
}

static int write_value(const char *name, const char *text)
{
	char old[64];

	if (!strcmp(name, "advisor_mode"))
		return write_advisor(text);
	got(name, old, sizeof(old));
	if (!strcmp(name, "pages_to_scan")) {
		char mode[64];

		if (root_has(&fake.root, DIR_KSM "advisor_mode") &&
		    !strstr(got("advisor_mode", mode, sizeof(mode)), "[none]"))
			return -EINVAL;
	} else if (!strcmp(name, "merge_across_nodes") || !strcmp(name, "max_page_sharing")) {
		if (strcmp(old, text) && merged())
			return -EBUSY;
	} else if (!strcmp(name, "run") && !strcmp(text, "2") && strcmp(old, "2")) {
		set("pages_shared", "0\n");
		set("pages_sharing", "0\n");
		set("full_scans", "0\n");
	}
	set(name, text);
	return 0;
}

int __wrap_ksm_path_write_at(struct ksm *k, int dirfd, const char *name, const char *text)
{
	size_t n = strlen(fake.writes);
	char path[128];
	int rc;

	if (!fake.on)
		return __real_ksm_path_write_at(k, dirfd, name, text);
	snprintf(path, sizeof(path), DIR_KSM "%s", name);
	if (!root_has(&fake.root, path))
		return -ENOENT;
	if (fake.bad_name && !strcmp(name, fake.bad_name) && fake.bad_seen++ >= fake.bad_from)
		return fake.bad_err;
	rc = write_value(name, text);
	if (!rc)
		snprintf(fake.writes + n, sizeof(fake.writes) - n, "%s%s=%s", n ? " " : "", name,
			 text);
	return rc;
}

/* A fresh kernel: that of 6.12-idle, with "name=value" words changed. */
static struct ksm *fake_start(const char *root, const char *state)
{
	char buf[512], *word, *rest = buf, *val;

	memset(&fake, 0, sizeof(fake));
	root_copy(&fake.root, root);
	snprintf(buf, sizeof(buf), "%s", state);
	while ((word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		val = strchr(word, '=');
		*val++ = '\0';
		if (!strcmp(word, "advisor_mode"))
			val = !strcmp(val, "none") ? "[none] scan-time\n" : "none [scan-time]\n";
		set(word, val);
	}
	fake.on = true;
	return root_handle(&fake.root);
}

static void fake_end(struct ksm *k)
{
	ksm_close(k);
	root_free(&fake.root);
	fake.on = false;
}

/* "a=1 b=2" as a set. */
static struct ksm_attrset set_of(const char *words)
{
	struct ksm_parse_error err;
	struct ksm_attrset s;
	char buf[512];

	snprintf(buf, sizeof(buf), "%s", words);
	for (char *p = buf; *p; p++)
		if (*p == ' ')
			*p = '\n';
	CHECK_INT(ksm_attrset_parse(buf, strlen(buf), &s, &err), 0);
	return s;
}

/* ------------------------------------------------------------------ */
/* apply								*/

static void order(void)
{
	static const struct {
		const char *root;
		const char *state;
		const char *want;
		unsigned int flags;
		const char *writes;
	} rows[] = {
		/* only what differs */
		{ "6.12-idle", "", "", 0, "" },
		{ "6.12-idle", "", "run=0 pages_to_scan=100", 0, "" },
		{ "6.12-idle", "", "run=1 pages_to_scan=100", 0, "run=1" },
		/* the order of the text does not matter; run is last */
		{ "6.12-idle", "", "run=1 sleep_millisecs=10 merge_across_nodes=0", 0,
		  "merge_across_nodes=0 sleep_millisecs=10 run=1" },
		/* the advisor is off before the rate is set */
		{ "6.12-idle", "advisor_mode=scan-time pages_to_scan=870",
		  "pages_to_scan=500 advisor_mode=none", 0, "advisor_mode=none pages_to_scan=500" },
		/* switching it off resets the rate: 100 is not what stood there before */
		{ "6.12-idle", "advisor_mode=scan-time pages_to_scan=500",
		  "advisor_mode=none pages_to_scan=500", 0, "advisor_mode=none pages_to_scan=500" },
		{ "6.12-idle", "advisor_mode=scan-time pages_to_scan=870",
		  "advisor_mode=none pages_to_scan=100", 0, "advisor_mode=none" },
		/* what it works with comes before it is on; then the rate is its own */
		{ "6.12-idle", "", "advisor_mode=scan-time advisor_min_pages_to_scan=700", 0,
		  "advisor_min_pages_to_scan=700 advisor_mode=scan-time" },
		{ "6.12-idle", "", "pages_to_scan=333 advisor_mode=scan-time run=1", 0,
		  "advisor_mode=scan-time run=1" },
		{ "6.12-idle", "advisor_mode=scan-time", "pages_to_scan=333 advisor_mode=scan-time",
		  0, "" },
		/* merged pages stand in the way of a change of structure */
		{ "6.12-idle", "run=1 pages_shared=5", "merge_across_nodes=0 run=1",
		  KSM_APPLY_UNMERGE, "run=2 merge_across_nodes=0 run=1" },
		{ "6.12-idle", "run=1 pages_shared=5", "max_page_sharing=100", KSM_APPLY_UNMERGE,
		  "run=2 max_page_sharing=100 run=1" },	/* the scanner runs again */
		{ "6.12-idle", "run=0 pages_shared=5", "max_page_sharing=100 run=2",
		  KSM_APPLY_UNMERGE, "run=2 max_page_sharing=100" },
		/* 2 over 2 does nothing in the kernel: it has to leave 2 first */
		{ "6.12-idle", "run=2 pages_shared=5", "merge_across_nodes=0", KSM_APPLY_UNMERGE,
		  "run=0 run=2 merge_across_nodes=0" },
		/* no need to unmerge when nothing is merged, or the structure stays */
		{ "6.12-idle", "run=1", "merge_across_nodes=0", KSM_APPLY_UNMERGE,
		  "merge_across_nodes=0" },
		{ "6.12-idle", "run=1 pages_shared=5", "merge_across_nodes=1 sleep_millisecs=7",
		  KSM_APPLY_UNMERGE, "sleep_millisecs=7" },
		/* an older kernel: what it lacks is left out, the rate is written then */
		{ "6.1", "pages_shared=0 pages_to_scan=100",
		  "advisor_mode=scan-time smart_scan=0 pages_to_scan=333 run=2",
		  KSM_APPLY_SKIP_ABSENT, "pages_to_scan=333 run=2" },
		{ "6.1", "pages_to_scan=100", "advisor_mode=none pages_to_scan=333",
		  KSM_APPLY_SKIP_ABSENT, "pages_to_scan=333" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = fake_start(rows[i].root, rows[i].state);
		struct ksm_attrset want = set_of(rows[i].want);
		struct ksm_apply res, dry;
		size_t at = 0;
		char text[512] = "", buf[64];

		tap_row("%zu: %s", i, rows[i].want);
		/* Trying it first writes nothing and foretells the rest. */
		CHECK_INT(ksm_attrset_apply(k, &want, rows[i].flags | KSM_APPLY_DRY_RUN, &dry), 0);
		CHECK_STR(fake.writes, "");
		CHECK_INT(ksm_attrset_apply(k, &want, rows[i].flags, &res), 0);
		CHECK_STR(fake.writes, rows[i].writes);
		CHECK_INT(res.failed, -1);
		CHECK_INT(res.rc, 0);
		CHECK(!res.rolled_back);
		for (size_t w = 0; w < res.n_written; w++)
			at += snprintf(text + at, sizeof(text) - at, "%s%s=%s", w ? " " : "",
				       ksm_attr_info(res.written[w])->name,
				       ksm_attr_format(res.written[w], &res.to[w], buf,
						       sizeof(buf)));
		CHECK_STR(text, rows[i].writes);
		CHECK_UINT(dry.n_written, res.n_written);
		for (size_t w = 0; w < res.n_written && w < dry.n_written; w++)
			CHECK_INT(dry.written[w], res.written[w]);
		fake_end(k);
	}
}

static void skipped(void)
{
	struct ksm *k = fake_start("6.1", "");
	struct ksm_attrset want = set_of("smart_scan=0 sleep_millisecs=7");
	struct ksm_apply res;

	CHECK_INT(ksm_attrset_apply(k, &want, KSM_APPLY_SKIP_ABSENT, &res), 0);
	CHECK(res.skipped[KSM_ATTR_SMART_SCAN]);
	CHECK(!res.skipped[KSM_ATTR_SLEEP_MILLISECS]);
	CHECK(!res.skipped[KSM_ATTR_ADVISOR_MODE]);	/* not asked for */
	fake_end(k);

	k = fake_start("6.1", "");
	want = set_of("sleep_millisecs=7 smart_scan=0 use_zero_pages=1");
	CHECK_INT(ksm_attrset_apply(k, &want, 0, &res), -EOPNOTSUPP);
	CHECK_INT(res.failed, KSM_ATTR_SMART_SCAN);
	CHECK(res.rolled_back);
	CHECK_STR(fake.writes, "use_zero_pages=1 use_zero_pages=0");
	fake_end(k);

	k = root_open("no-ksm");
	CHECK_INT(ksm_attrset_apply(k, &want, 0, &res), -EOPNOTSUPP);
	CHECK_UINT(res.n_written, 0);
	ksm_close(k);
}

/* When one write fails, everything is as it was, the rate that moved by itself too. */
static void roll_back(void)
{
	static const struct {
		const char *state;
		const char *want;
		unsigned int flags;
		const char *bad;	/* fails ... */
		unsigned int from;	/* ... from that write of it on */
		int err;
		const char *failed;	/* what the caller is told */
		int rc;
		bool rolled_back;
	} rows[] = {
		/* the first one: nothing to put back */
		{ "", "sleep_millisecs=7 run=1", 0, "sleep_millisecs", 0, -EACCES,
		  "sleep_millisecs", -EACCES, false },
		{ "", "smart_scan=0 sleep_millisecs=7 run=1", 0, "run", 0, -EPERM, "run", -EPERM,
		  true },
		/* refused by the kernel itself */
		{ "advisor_mode=scan-time pages_to_scan=870",
		  "sleep_millisecs=7 pages_to_scan=500", 0,
		  NULL, 0, 0, "pages_to_scan", -EINVAL, true },
		{ "run=1 pages_shared=5", "max_page_sharing=9 sleep_millisecs=7", 0, NULL, 0, 0,
		  "max_page_sharing", -EBUSY, false },
		/* the advisor was on, is switched off, and on again */
		{ "advisor_mode=scan-time", "advisor_mode=none pages_to_scan=5 run=1", 0, "run", 0,
		  -ENOMEM, "run", -ENOMEM, true },
		/* it was off; switching it back resets the rate, which had its own value */
		{ "pages_to_scan=4321", "advisor_mode=scan-time run=1", 0, "run", 0, -ENOMEM, "run",
		  -ENOMEM, true },
		{ "pages_to_scan=4321", "advisor_mode=scan-time pages_to_scan=9 run=1", 0, "run", 0,
		  -ENOMEM, "run", -ENOMEM, true },
		/* the advisor of another kernel */
		{ "pages_to_scan=4321", "sleep_millisecs=7 advisor_mode=psi run=1", 0, NULL, 0, 0,
		  "advisor_mode", -EINVAL, true },
		/* unmerged for a change that then fails: the scanner goes on */
		{ "run=1 pages_shared=5", "max_page_sharing=9 sleep_millisecs=7", KSM_APPLY_UNMERGE,
		  "sleep_millisecs", 0, -EIO, "sleep_millisecs", -EIO, true },
		{ "run=2 pages_shared=5", "max_page_sharing=9 sleep_millisecs=7", KSM_APPLY_UNMERGE,
		  "sleep_millisecs", 0, -EIO, "sleep_millisecs", -EIO, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = fake_start("6.12-idle", rows[i].state);
		struct ksm_attrset want = set_of(rows[i].want), before, after;
		struct ksm_apply res;

		tap_row("%zu: %s", i, rows[i].want);
		fake.bad_name = rows[i].bad;
		fake.bad_from = rows[i].from;
		fake.bad_err = rows[i].err;
		CHECK_INT(ksm_attrset_read(k, &before), 0);
		CHECK_INT(ksm_attrset_apply(k, &want, rows[i].flags, &res), rows[i].rc);
		CHECK_INT(res.failed, ksm_attr_find(rows[i].failed));
		CHECK_INT(res.rc, rows[i].rc);
		CHECK_INT(res.failed_value.v, want.value[res.failed].v);
		CHECK_INT(res.rolled_back, rows[i].rolled_back);
		CHECK_INT(res.rollback_failed, -1);
		/* The message is still about what went wrong, not about putting back. */
		CHECK(strstr(ksm_errmsg(k), rows[i].failed));
		CHECK(strstr(ksm_errmsg(k), "write "));
		CHECK_INT(ksm_attrset_read(k, &after), 0);
		ksm_for_each_attr(id) {
			/* While the advisor is on, the rate is its own affair. */
			if (id == KSM_ATTR_PAGES_TO_SCAN && before.value[KSM_ATTR_ADVISOR_MODE].v)
				continue;
			if (!CHECK_INT(after.value[id].v, before.value[id].v))
				printf("# that was %s\n", ksm_attr_info(id)->name);
		}
		fake_end(k);
	}
}

/* sleep_millisecs can be written but not written back; everything else is. */
static void roll_back_fails(void)
{
	struct ksm *k = fake_start("6.12-idle", "");
	struct ksm_attrset want = set_of("use_zero_pages=1 smart_scan=0 sleep_millisecs=7 "
					 "advisor_max_cpu=50 max_page_sharing=1000 "
					 "pages_to_scan=4294967295");
	struct ksm_apply res;
	char buf[64];

	fake.bad_name = "sleep_millisecs";
	fake.bad_from = 1;
	fake.bad_err = -EIO;
	/* Not a knob that the imitation refuses: the set is made to fail at the end. */
	want.value[KSM_ATTR_ADVISOR_MODE] =
		(struct ksm_value){ .state = KSM_VALUE, .v = -1, .text = "later" };
	CHECK_INT(ksm_attrset_apply(k, &want, 0, &res), -EINVAL);
	CHECK_INT(res.failed, KSM_ATTR_ADVISOR_MODE);
	CHECK(!res.rolled_back);
	CHECK_INT(res.rollback_failed, KSM_ATTR_SLEEP_MILLISECS);
	CHECK_STR(got("sleep_millisecs", buf, sizeof(buf)), "7");
	CHECK_STR(got("use_zero_pages", buf, sizeof(buf)), "0");
	CHECK_STR(got("smart_scan", buf, sizeof(buf)), "1");
	CHECK_STR(got("advisor_max_cpu", buf, sizeof(buf)), "70");
	CHECK_STR(got("max_page_sharing", buf, sizeof(buf)), "256");
	fake_end(k);
}

/* The same without the imitation: files that really cannot be written. */
static void read_only_file(void)
{
	struct ksm_attrset want = set_of("sleep_millisecs=7 run=1");
	struct ksm_apply res;
	char buf[64];
	struct ksm *k;

	root_copy(&fake.root, "6.12-idle");
	root_chmod(&fake.root, DIR_KSM "run", 0444);
	if (root_unpriv(&fake.root)) {
		k = root_handle(&fake.root);
		CHECK_INT(ksm_attrset_apply(k, &want, 0, &res), -EACCES);
		CHECK_INT(res.failed, KSM_ATTR_RUN);
		CHECK(res.rolled_back);
		CHECK_STR(ksm_errmsg(k), "write /sys/kernel/mm/ksm/run: Permission denied");
		CHECK_STR(got("sleep_millisecs", buf, sizeof(buf)), "20");
		CHECK_STR(got("run", buf, sizeof(buf)), "0");
		ksm_close(k);
	} else {
		tap_skip("cannot give up root");
	}
	root_free(&fake.root);
}

/* An attribute that this table cannot read stands only in the way of its own change. */
static void unreadable_other(void)
{
	struct ksm_attrset want = set_of("sleep_millisecs=7");
	struct ksm *k = fake_start("6.12-idle", "smart_scan=surprise");
	struct ksm_apply res;

	CHECK_INT(ksm_attrset_apply(k, &want, 0, &res), 0);
	CHECK_STR(fake.writes, "sleep_millisecs=7");
	fake.writes[0] = '\0';
	want = set_of("sleep_millisecs=8 smart_scan=0");
	CHECK_INT(ksm_attrset_apply(k, &want, 0, &res), -EPROTO);
	CHECK_INT(res.failed, KSM_ATTR_SMART_SCAN);
	CHECK_STR(fake.writes, "");
	fake_end(k);
}

/* ------------------------------------------------------------------ */
/* text									*/

static void read_all(void)
{
	struct ksm *k = root_open("6.12-busy");
	struct ksm_attrset s;

	CHECK_INT(ksm_attrset_read(k, &s), 0);
	ksm_for_each_attr(id)
		CHECK_INT(s.value[id].state,
			  ksm_attr_info(id)->kind == KSM_KIND_KNOB && !ksm_attr_is_hksm(id) ?
				  KSM_VALUE : KSM_ABSENT);
	CHECK_INT(s.value[KSM_ATTR_ADVISOR_MODE].v, 1);
	ksm_close(k);
	k = root_open("garbage");
	CHECK_INT(ksm_attrset_read(k, &s), -EPROTO);
	ksm_close(k);
}

/* What is read and written out as text is read again as the same. */
static void round_trip_of(struct ksm *k)
{
	struct ksm_attrset s, again;
	struct ksm_parse_error err;
	char text[2048], buf[64];
	size_t n = 0;

	CHECK_INT(ksm_attrset_read(k, &s), 0);
	ksm_for_each_attr(id)
		if (s.value[id].state == KSM_VALUE)
			n += snprintf(text + n, sizeof(text) - n, "%s %s\n",
				      ksm_attr_info(id)->name,
				      ksm_attr_format(id, &s.value[id], buf, sizeof(buf)));
	CHECK_INT(ksm_attrset_parse(text, n, &again, &err), 0);
	CHECK(!memcmp(&s, &again, sizeof(s)));
}

static void round_trip(void)
{
	struct ksm *k = root_open("7.3-hksm");
	struct root r;

	round_trip_of(k);
	ksm_close(k);
	/* An advisor that is not known here goes back by its name. */
	root_copy(&r, "6.12-busy");
	root_put(&r, DIR_KSM "advisor_mode", "none scan-time [psi]\n");
	k = root_handle(&r);
	round_trip_of(k);
	ksm_close(k);
	root_free(&r);
}

static void parse_good(void)
{
	static const struct {
		const char *text;
		int64_t run, rate;	/* -1: not in the set */
	} rows[] = {
		{ "", -1, -1 },
		{ "\n\n", -1, -1 },
		{ "run 1", 1, -1 },		/* no newline */
		{ "run 1\n", 1, -1 },
		{ "run=1\n", 1, -1 },
		{ "run = 1\n", 1, -1 },
		{ "run =1\npages_to_scan= 5\n", 1, 5 },
		{ " \t run \t 1 \t \r\n", 1, -1 },	/* blanks, and a file from elsewhere */
		{ "# run 0\nrun running # why\n#", 1, -1 },
		{ "run#=0\n", -2, 0 },
		{ "pages_to_scan 5\nrun unmerging\n", 2, 5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_parse_error err;
		struct ksm_attrset s;

		tap_row("%zu", i);
		if (rows[i].run == -2) {	/* a comment may cut a line anywhere */
			CHECK_INT(ksm_attrset_parse(rows[i].text, strlen(rows[i].text), &s, &err),
				  -EINVAL);
			continue;
		}
		if (!CHECK_INT(ksm_attrset_parse(rows[i].text, strlen(rows[i].text), &s, &err), 0))
			printf("# line %u: %s\n", err.line, err.what);
		CHECK_INT(s.value[KSM_ATTR_RUN].state == KSM_VALUE ? s.value[KSM_ATTR_RUN].v : -1,
			  rows[i].run);
		CHECK_INT(s.value[KSM_ATTR_PAGES_TO_SCAN].state == KSM_VALUE ?
				  s.value[KSM_ATTR_PAGES_TO_SCAN].v :
				  -1,
			  rows[i].rate);
	}
}

static void parse_bad(void)
{
	static const struct {
		const char *text;
		size_t len;		/* 0: of the text */
		unsigned int line;
		const char *what;
	} rows[] = {
		{ "run 1\nfoo 2\n", 0, 2, "unknown attribute \"foo\"" },
		{ "=1\n", 0, 1, "unknown attribute \"\"" },
		{ "run\n", 0, 1, "no value for \"run\"" },
		{ "run=\n", 0, 1, "no value for \"run\"" },
		{ "run = # 1\n", 0, 1, "no value for \"run\"" },
		{ "run 1 1\n", 0, 1, "more than one value for \"run\"" },
		{ "run 1\n\nrun 0\n", 0, 3, "named twice: \"run\"" },
		{ "run 3\n", 0, 1, "value out of range for \"run\"" },
		{ "run=fast\n", 0, 1, "not a value for it: \"fast\"" },
		{ "run==1\n", 0, 1, "not a value for it: \"=1\"" },
		{ "pages_shared 5\n", 0, 1, "not a writable attribute: \"pages_shared\"" },
		{ "run 1\0\n", 7, 1, "not a text file" },
		{ "\0", 1, 1, "not a text file" },
		{ "run\0 1\n", 7, 1, "not a text file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = rows[i].len ? rows[i].len : strlen(rows[i].text);
		struct ksm_parse_error err;
		struct ksm_attrset s;

		tap_row("%zu", i);
		CHECK_INT(ksm_attrset_parse(rows[i].text, len, &s, &err), -EINVAL);
		CHECK_UINT(err.line, rows[i].line);
		CHECK_STR(err.what, rows[i].what);
	}
}

/* Text of the exact size, so that a sanitizer sees a step beyond its end. */
static void parse_long_lines(void)
{
	static const struct {
		char fill;
		bool ok;
	} rows[] = { { '#', true }, { ' ', true }, { '\t', true }, { 'x', false }, { '1', false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t len = 250; len < 260; len++) {
			struct ksm_parse_error err;
			struct ksm_attrset s;
			char *text = malloc(len);

			tap_row("%zu of '%c'", len, rows[i].fill);
			memset(text, rows[i].fill, len);
			CHECK_INT(ksm_attrset_parse(text, len, &s, &err), rows[i].ok ? 0 : -EINVAL);
			/* A long comment after blanks, and what follows it. */
			if (rows[i].ok) {
				text[len - 7] = '#';
				memcpy(text + len - 6, "\nrun 1", 6);
				CHECK_INT(ksm_attrset_parse(text, len, &s, &err), 0);
				CHECK_INT(s.value[KSM_ATTR_RUN].state, KSM_VALUE);
			}
			free(text);
		}
	}
}

TAP_MAIN(TAP_CASE(order), TAP_CASE(skipped), TAP_CASE(roll_back), TAP_CASE(roll_back_fails),
	 TAP_CASE(read_only_file), TAP_CASE(unreadable_other), TAP_CASE(read_all),
	 TAP_CASE(round_trip), TAP_CASE(parse_good), TAP_CASE(parse_bad),
	 TAP_CASE(parse_long_lines))
