// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-attrs.c - the table of attributes: complete, readable on good and bad
 * files, strict with what users type, and with a reason for each refusal.
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

#define DIR_KSM "sys/kernel/mm/ksm/"

static void table(void)
{
	ksm_for_each_attr(id) {
		const struct ksm_attr_info *in = ksm_attr_info(id);
		char *end;

		tap_row("%d", id);
		if (!CHECK(in && in->name))
			continue;
		tap_row("%s", in->name);
		CHECK_INT(ksm_attr_find(in->name), id);
		CHECK(in->help && *in->help >= 'a' ? true : in->help && *in->help >= '0');
		if (ksm_attr_is_hksm(id))
			CHECK_STR(in->since, "hksm");
		else
			CHECK(in->since && strtoul(in->since, &end, 10) > 1 && *end == '.');
		CHECK(!in->root_only || in->kind != KSM_KIND_KNOB);
		CHECK(!in->resets || in->kind == KSM_KIND_GAUGE);
		CHECK(in->kind != KSM_KIND_KNOB || in->choices || in->max > in->min);
		CHECK(in->type != KSM_TYPE_CHOICE || in->choices);
		CHECK(in->type != KSM_TYPE_BOOL || (in->min == 0 && in->max == 1));
	}
	CHECK_INT(ksm_attr_find("nonsense"), -1);
	CHECK_INT(ksm_attr_find(""), -1);
	CHECK_INT(ksm_attr_find("RUN"), -1);
	CHECK_INT(ksm_attr_find("advisor_"), -1);
	CHECK_INT(ksm_attr_find("hksm"), -1);
	CHECK_INT(ksm_attr_find("one_pass"), -1);
	CHECK_INT(ksm_attr_find("hksm/one_pass"), KSM_ATTR_ONE_PASS);
}

/* Those of hksm are left out where they are not there, and nowhere else. */
static void foreign(void)
{
	static const enum ksm_state states[] = { KSM_ABSENT, KSM_DENIED, KSM_OFF, KSM_VALUE };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		tap_row("state %d", states[i]);
		CHECK(!ksm_attr_is_foreign(KSM_ATTR_RUN, states[i]));
		CHECK(!ksm_attr_is_foreign(KSM_ATTR_GENERAL_PROFIT, states[i]));
		CHECK_INT(ksm_attr_is_foreign(KSM_ATTR_ONE_PASS, states[i]), !i);
		CHECK_INT(ksm_attr_is_foreign(KSM_ATTR_BREAKS, states[i]), !i);
	}
}

static void names(void)
{
	CHECK_STR(ksm_run_name(0), "stopped");
	CHECK_STR(ksm_run_name(1), "running");
	CHECK_STR(ksm_run_name(2), "unmerging");
	/* While memory goes offline the file shows 4 more. */
	CHECK_STR(ksm_run_name(4), "stopped");
	CHECK_STR(ksm_run_name(5), "running");
	CHECK_STR(ksm_run_name(3), "unknown");
	CHECK_STR(ksm_run_name(8), "unknown");
	CHECK_STR(ksm_run_name(-1), "unknown");
	CHECK_STR(ksm_unit_name(KSM_UNIT_NONE), "");
	CHECK_STR(ksm_unit_name(KSM_UNIT_PAGES), "pages");
	CHECK_STR(ksm_unit_name(KSM_UNIT_BYTES), "bytes");
	CHECK_STR(ksm_unit_name(KSM_UNIT_MS), "ms");
	CHECK_STR(ksm_unit_name(KSM_UNIT_S), "s");
	CHECK_STR(ksm_unit_name(KSM_UNIT_PCT), "%");
	CHECK_STR(ksm_unit_name(KSM_UNIT_PASSES), "passes");
}

/* What a kernel has is what its version says it has. */
static void since(void)
{
	static const struct {
		const char *root;
		unsigned int version;
	} rows[] = {
		{ "5.15-old", 515 }, { "6.1", 601 }, { "6.12-busy", 612 }, { "7.3-busy", 703 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);

		ksm_for_each_attr(id) {
			const struct ksm_attr_info *in = ksm_attr_info(id);
			unsigned int major, minor = 0;
			struct ksm_value v;
			char *end;

			tap_row("%s/%s", rows[i].root, in->name);
			if (ksm_attr_is_hksm(id)) {
				CHECK_INT(ksm_attr_read(k, id, &v), 0);
				CHECK_INT(v.state, KSM_ABSENT);
				continue;
			}
			major = strtoul(in->since, &end, 10);
			if (*end == '.')
				minor = strtoul(end + 1, NULL, 10);
			CHECK_INT(ksm_attr_read(k, id, &v), 0);
			CHECK_INT(v.state == KSM_VALUE, major * 100 + minor <= rows[i].version);
			CHECK_INT(v.state == KSM_ABSENT, major * 100 + minor > rows[i].version);
		}
		ksm_close(k);
	}
}

/* hksm has what the kernel has, and its own. */
static void since_hksm(void)
{
	struct ksm *k = root_open("7.3-hksm");

	ksm_for_each_attr(id) {
		struct ksm_value v;

		tap_row("%s", ksm_attr_info(id)->name);
		CHECK_INT(ksm_attr_read(k, id, &v), 0);
		CHECK_INT(v.state, KSM_VALUE);
	}
	ksm_close(k);
}

static void read_values(void)
{
	static const struct {
		const char *root;
		enum ksm_attr id;
		int64_t want;
	} rows[] = {
		{ "6.12-busy", KSM_ATTR_RUN, 1 },
		{ "6.12-busy", KSM_ATTR_PAGES_TO_SCAN, 870 },
		{ "6.12-busy", KSM_ATTR_ADVISOR_MODE, 1 },
		{ "6.12-idle", KSM_ATTR_ADVISOR_MODE, 0 },
		{ "6.12-busy", KSM_ATTR_PAGES_SHARING, 263000 },
		{ "6.12-busy", KSM_ATTR_GENERAL_PROFIT, 1188945280 },
		{ "7.3-hksm", KSM_ATTR_SPLIT_MIN, 64 },
		{ "7.3-hksm", KSM_ATTR_ONE_PASS, 1 },
		{ "7.3-hksm", KSM_ATTR_MAX_METADATA, 0 },
		{ "7.3-hksm", KSM_ATTR_LONGEST_MMAP, 1002496 },
		{ "7.3-hksm", KSM_ATTR_LONGEST_EXCLUSIVE, 267264 },
		{ "7.3-hksm", KSM_ATTR_BREAKS, 20200 },
		{ "hostile", KSM_ATTR_GENERAL_PROFIT, (8500 - 500) * 4096 - 17 * 700 * 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_value v;

		tap_row("%s/%s", rows[i].root, ksm_attr_info(rows[i].id)->name);
		CHECK_INT(ksm_attr_read(k, rows[i].id, &v), 0);
		CHECK_INT(v.state, KSM_VALUE);
		CHECK_INT(v.v, rows[i].want);
		ksm_close(k);
	}
}

/* One file, all that may stand in it.  What cannot be read is never a figure. */
static void read_texts(void)
{
	static const struct {
		enum ksm_attr id;
		const char *text;
		size_t len;		/* 0: of the text */
		int rc;
		int64_t want;
		const char *word;
	} rows[] = {
		{ KSM_ATTR_RUN, "1\n", 0, 0, 1, "" },
		{ KSM_ATTR_RUN, "5\n", 0, 0, 5, "" },		/* running, memory goes offline */
		{ KSM_ATTR_RUN, "1", 0, 0, 1, "" },		/* no newline: old dumps */
		{ KSM_ATTR_RUN, "", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_RUN, "\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_RUN, "1 \n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_RUN, "1\0\n", 3, -EPROTO, 0, NULL },
		{ KSM_ATTR_RUN, "-1\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_RUN, "running\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_PAGES_SHARED, "0x10\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_PAGES_SHARED, "9223372036854775807\n", 0, 0, INT64_MAX, "" },
		/* counted below zero: it tells nothing */
		{ KSM_ATTR_PAGES_SHARED, "18446744073709551615\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_FULL_SCANS, "9223372036854775808\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MAX_PAGES, "18446744073709551615\n", 0, 0, INT64_MAX, "" },
		{ KSM_ATTR_ZERO_PAGES, "18446744073709551615\n", 0, 0, -1, "" },	/* a long, as %lu */
		{ KSM_ATTR_PAGES_SHARED, "18446744073709551616\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ZERO_PAGES, "-1\n", 0, 0, -1, "" },	/* kernels 6.6 to 6.9 */
		{ KSM_ATTR_GENERAL_PROFIT, "-86016\n", 0, 0, -86016, "" },
		{ KSM_ATTR_GENERAL_PROFIT, "-9223372036854775808\n", 0, 0, INT64_MIN, "" },
		{ KSM_ATTR_GENERAL_PROFIT, "-9223372036854775809\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "[none] scan-time\n", 0, 0, 0, "none" },
		{ KSM_ATTR_ADVISOR_MODE, "none [scan-time]\n", 0, 0, 1, "scan-time" },
		/* a later kernel's */
		{ KSM_ATTR_ADVISOR_MODE, "none scan-time [cpu]\n", 0, 0, -1, "cpu" },
		{ KSM_ATTR_ADVISOR_MODE, "none scan-time\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "[none\n", 0, -EPROTO, 0, NULL },
		/* written to a dump */
		{ KSM_ATTR_ADVISOR_MODE, "scan-time", 0, 0, 1, "scan-time" },
		{ KSM_ATTR_ADVISOR_MODE, "none\n", 0, 0, 0, "none" },
		{ KSM_ATTR_ADVISOR_MODE, "turbo\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "]none[\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "[]\n", 0, -EPROTO, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "", 0, -EPROTO, 0, NULL },
		/* longer than a word of this table may be */
		{ KSM_ATTR_ADVISOR_MODE,
		  "[0123456789012345678901234567890123456789012345678901234567890123]", 0,
		  -EPROTO, 0,
		  NULL },
	};
	struct root r;

	root_new(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_handle(&r);
		struct ksm_value v;
		char path[64];

		tap_row("%zu: %s", i, ksm_attr_info(rows[i].id)->name);
		snprintf(path, sizeof(path), DIR_KSM "%s", ksm_attr_info(rows[i].id)->name);
		root_put_mem(&r, path, rows[i].text,
			     rows[i].len ? rows[i].len : strlen(rows[i].text));
		CHECK_INT(ksm_attr_read(k, rows[i].id, &v), rows[i].rc);
		CHECK_INT(v.state, rows[i].rc ? KSM_ABSENT : KSM_VALUE);
		CHECK_INT(v.v, rows[i].want);
		if (rows[i].word)
			CHECK_STR(v.text, rows[i].word);
		ksm_close(k);
	}
	root_free(&r);
}

/* A number cut at the end of the reader's buffer would be another number. */
static void read_too_long(void)
{
	struct ksm_value v;
	char text[400];
	struct root r;
	struct ksm *k;

	root_new(&r);
	k = root_handle(&r);
	for (size_t zeroes = 120; zeroes < 300; zeroes++) {
		tap_row("%zu", zeroes);
		memset(text, '0', zeroes);
		memcpy(text + zeroes, "5\n", 3);
		root_put(&r, DIR_KSM "run", text);
		if (ksm_attr_read(k, KSM_ATTR_RUN, &v))
			CHECK_INT(v.state, KSM_ABSENT);
		else
			CHECK_INT(v.v, 5);
	}
	ksm_close(k);
	root_free(&r);
}

static void read_not_a_file(void)
{
	struct ksm_value v;
	struct root r;
	struct ksm *k;

	root_new(&r);
	root_put(&r, DIR_KSM "run/x", "1");
	k = root_handle(&r);
	CHECK_INT(ksm_attr_read(k, KSM_ATTR_RUN, &v), -EISDIR);
	CHECK_INT(v.state, KSM_ABSENT);
	CHECK_STR(ksm_errmsg(k), "read /sys/kernel/mm/ksm/run: Is a directory");
	ksm_close(k);
	root_free(&r);
}

static void read_denied(void)
{
	struct ksm_value v;
	struct root r;
	struct ksm *k;

	root_copy(&r, "denied");
	if (root_unpriv(&r)) {
		k = root_handle(&r);
		CHECK_INT(ksm_present(k), KSM_VALUE);
		CHECK_INT(ksm_attr_read(k, KSM_ATTR_RUN, &v), 0);
		CHECK_INT(v.state, KSM_DENIED);
		CHECK_STR(ksm_errmsg(k), "read /sys/kernel/mm/ksm/run: Permission denied");
		CHECK_INT(ksm_attr_read(k, KSM_ATTR_PAGES_TO_SCAN, &v), 0);
		CHECK_INT(v.state, KSM_VALUE);
		CHECK_INT(ksm_attr_write(k, KSM_ATTR_PAGES_TO_SCAN, &v), -EACCES);
		ksm_close(k);
	} else {
		tap_skip("cannot give up root");
	}
	root_free(&r);
}

/* Nothing in the garbage is taken for a figure but what is one. */
static void garbage(void)
{
	struct ksm *k = root_open("garbage");

	ksm_for_each_attr(id) {
		struct ksm_value v;
		int rc = ksm_attr_read(k, id, &v);

		tap_row("%s", ksm_attr_info(id)->name);
		switch (id) {
		case KSM_ATTR_PAGES_TO_SCAN:		/* no newline */
			CHECK_INT(v.v, 100);
			break;
		case KSM_ATTR_MERGE_ACROSS_NODES:	/* 2, of a switch: shown as it is */
			CHECK_INT(v.v, 2);
			break;
		case KSM_ATTR_PAGES_SHARING:
		case KSM_ATTR_ZERO_PAGES:
			CHECK_INT(v.v, INT64_MAX);
			break;
		case KSM_ATTR_GENERAL_PROFIT:
			CHECK_INT(v.v, INT64_MIN);
			break;
		default:
			/* There is no directory of hksm's. */
			CHECK(ksm_attr_is_hksm(id) ? !rc : rc < 0);
			CHECK_INT(v.state, KSM_ABSENT);
			continue;
		}
		CHECK_INT(rc, 0);
		CHECK_INT(v.state, KSM_VALUE);
	}
	ksm_close(k);
}

static void parse(void)
{
	static const struct {
		enum ksm_attr id;
		const char *text;
		int rc;
		int64_t want;
		const char *format;	/* what the kernel is told; NULL: the text */
	} rows[] = {
		{ KSM_ATTR_RUN, "0", 0, 0, NULL },
		{ KSM_ATTR_RUN, "2", 0, 2, NULL },
		{ KSM_ATTR_RUN, "stopped", 0, 0, "0" },
		{ KSM_ATTR_RUN, "running", 0, 1, "1" },
		{ KSM_ATTR_RUN, "unmerging", 0, 2, "2" },
		{ KSM_ATTR_RUN, "3", -ERANGE, 0, NULL },
		{ KSM_ATTR_RUN, "-1", -ERANGE, 0, NULL },
		{ KSM_ATTR_RUN, "run", -EINVAL, 0, NULL },
		{ KSM_ATTR_RUN, "RUNNING", -EINVAL, 0, NULL },
		{ KSM_ATTR_RUN, "on", -EINVAL, 0, NULL },	/* no switch: three states */
		{ KSM_ATTR_RUN, "", -EINVAL, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "4294967295", 0, 4294967295, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "4294967296", -ERANGE, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "99999999999999999999999", -ERANGE, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "0", 0, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "100 ", -EINVAL, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "0x64", -EINVAL, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "1k", -EINVAL, 0, NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, "\n", -EINVAL, 0, NULL },
		{ KSM_ATTR_MAX_PAGE_SHARING, "2", 0, 2, NULL },
		{ KSM_ATTR_MAX_PAGE_SHARING, "1", -ERANGE, 0, NULL },
		/* an int in the kernel */
		{ KSM_ATTR_MAX_PAGE_SHARING, "2147483648", -ERANGE, 0, NULL },
		{ KSM_ATTR_ADVISOR_TARGET, "0", -ERANGE, 0, NULL },
		{ KSM_ATTR_ADVISOR_MAX_CPU, "101", -ERANGE, 0, NULL },
		{ KSM_ATTR_USE_ZERO_PAGES, "1", 0, 1, NULL },
		{ KSM_ATTR_USE_ZERO_PAGES, "yes", 0, 1, "1" },
		{ KSM_ATTR_USE_ZERO_PAGES, "On", 0, 1, "1" },
		{ KSM_ATTR_USE_ZERO_PAGES, "FALSE", 0, 0, "0" },
		{ KSM_ATTR_SMART_SCAN, "n", 0, 0, "0" },
		{ KSM_ATTR_SMART_SCAN, "2", -ERANGE, 0, NULL },
		{ KSM_ATTR_SMART_SCAN, "-1", -ERANGE, 0, NULL },
		{ KSM_ATTR_SMART_SCAN, "99999999999999999999999", -ERANGE, 0, NULL },
		{ KSM_ATTR_SMART_SCAN, "maybe", -EINVAL, 0, NULL },
		{ KSM_ATTR_SMART_SCAN, "", -EINVAL, 0, NULL },
		{ KSM_ATTR_MERGE_ACROSS_NODES, "off", 0, 0, "0" },
		{ KSM_ATTR_ADVISOR_MODE, "none", 0, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "scan-time", 0, 1, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "scan", -EINVAL, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "scan-time2", -EINVAL, 0, NULL },
		/* the kernel takes words only */
		{ KSM_ATTR_ADVISOR_MODE, "1", -EINVAL, 0, NULL },
		{ KSM_ATTR_ADVISOR_MODE, "", -EINVAL, 0, NULL },
		{ KSM_ATTR_ONE_PASS, "off", 0, 0, "0" },
		{ KSM_ATTR_ONE_PASS, "2", -ERANGE, 0, NULL },
		{ KSM_ATTR_ZERO_ONLY, "blank", -EINVAL, 0, NULL },
		{ KSM_ATTR_SPLIT_MIN, "0", 0, 0, NULL },
		{ KSM_ATTR_SPLIT_MIN, "4294967296", -ERANGE, 0, NULL },
		{ KSM_ATTR_SCANNERS, "0", -ERANGE, 0, NULL },
		{ KSM_ATTR_MAX_METADATA, "0", 0, 0, NULL },
		{ KSM_ATTR_MAX_METADATA, "1099511627776", 0, 1099511627776, NULL },
		{ KSM_ATTR_MAX_METADATA, "-1", -ERANGE, 0, NULL },
		{ KSM_ATTR_DROPPED, "0", -EROFS, 0, NULL },
		{ KSM_ATTR_LONGEST_PTL, "0", -EROFS, 0, NULL },
		{ KSM_ATTR_PAGES_SHARED, "1", -EROFS, 0, NULL },
		{ KSM_ATTR_GENERAL_PROFIT, "nonsense", -EROFS, 0, NULL },
		{ KSM_ATTR_FULL_SCANS, "0", -EROFS, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_value v;
		char buf[KSM_ATTR_TEXT_MAX];

		tap_row("%s \"%s\"", ksm_attr_info(rows[i].id)->name, rows[i].text);
		CHECK_INT(ksm_attr_parse(rows[i].id, rows[i].text, &v), rows[i].rc);
		CHECK_INT(v.state, rows[i].rc ? KSM_ABSENT : KSM_VALUE);
		if (rows[i].rc)
			continue;
		CHECK_INT(v.v, rows[i].want);
		CHECK_STR(ksm_attr_format(rows[i].id, &v, buf, sizeof(buf)),
			  rows[i].format ? rows[i].format : rows[i].text);
	}
}

static void format(void)
{
	const struct ksm_value absent = { .state = KSM_ABSENT, .v = 5 };
	const struct ksm_value later = { .state = KSM_VALUE, .v = -1, .text = "cpu" };
	const struct ksm_value loss = { .state = KSM_VALUE, .v = -4096 };
	char buf[KSM_ATTR_TEXT_MAX], small[4];

	CHECK_STR(ksm_attr_format(KSM_ATTR_RUN, &absent, buf, sizeof(buf)), "-");
	/* A word of a later kernel goes back as it came. */
	CHECK_STR(ksm_attr_format(KSM_ATTR_ADVISOR_MODE, &later, buf, sizeof(buf)), "cpu");
	CHECK_STR(ksm_attr_format(KSM_ATTR_GENERAL_PROFIT, &loss, buf, sizeof(buf)), "-4096");
	CHECK_STR(ksm_attr_format(KSM_ATTR_GENERAL_PROFIT, &loss, small, sizeof(small)), "-40");
}

static void range(void)
{
	char buf[64], small[8];

	CHECK_STR(ksm_attr_range(KSM_ATTR_RUN, buf, sizeof(buf)), "0 to 2");
	CHECK_STR(ksm_attr_range(KSM_ATTR_SMART_SCAN, buf, sizeof(buf)), "0 or 1");
	CHECK_STR(ksm_attr_range(KSM_ATTR_ADVISOR_MODE, buf, sizeof(buf)), "none, scan-time");
	CHECK_STR(ksm_attr_range(KSM_ATTR_PAGES_TO_SCAN, buf, sizeof(buf)), "0 to 4294967295");
	CHECK_STR(ksm_attr_range(KSM_ATTR_ADVISOR_MODE, small, sizeof(small)), "none, s");
}

/* Each refusal has its reason, and the reason looks at the state. */
static void hints(void)
{
	static const struct {
		enum ksm_attr id;
		int err;
		const char *mode, *shared;	/* what the files say */
		const char *has;		/* part of the hint; NULL: none */
	} rows[] = {
		{ KSM_ATTR_PAGES_TO_SCAN, -EINVAL, "none [scan-time]", "0", "advisor_mode none" },
		{ KSM_ATTR_PAGES_TO_SCAN, -EINVAL, "[none] scan-time", "0", NULL },
		{ KSM_ATTR_PAGES_TO_SCAN, -EINVAL, "none [later]", "0", "advisor_mode none" },
		{ KSM_ATTR_PAGES_TO_SCAN, -EINVAL, NULL, "0", NULL },	/* a kernel without one */
		{ KSM_ATTR_ADVISOR_MODE, -EINVAL, "[none] scan-time", NULL, "no advisor of that name" },
		{ KSM_ATTR_MERGE_ACROSS_NODES, -EBUSY, NULL, "7", "pages are merged" },
		{ KSM_ATTR_MERGE_ACROSS_NODES, -EBUSY, NULL, "0", "ksmctl unmerge" },
		{ KSM_ATTR_MAX_PAGE_SHARING, -EBUSY, NULL, "7", "ksmctl unmerge" },
		{ KSM_ATTR_MERGE_ACROSS_NODES, -EINVAL, NULL, "7", NULL },
		{ KSM_ATTR_RUN, -ENOMEM, NULL, NULL, "memory" },
		{ KSM_ATTR_RUN, -EINTR, NULL, NULL, "nterrupted" },
		{ KSM_ATTR_RUN, -EACCES, NULL, NULL, "root" },
		{ KSM_ATTR_SMART_SCAN, -EPERM, NULL, NULL, "root" },
		{ KSM_ATTR_SLEEP_MILLISECS, -EROFS, NULL, NULL, "read-only" },
		{ KSM_ATTR_SLEEP_MILLISECS, -EIO, NULL, NULL, NULL },
		{ KSM_ATTR_SLEEP_MILLISECS, -EINVAL, "none [scan-time]", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *hint;
		struct root r;
		struct ksm *k;

		tap_row("%zu: %s", i, ksm_attr_info(rows[i].id)->name);
		root_new(&r);
		if (rows[i].mode)
			root_put(&r, DIR_KSM "advisor_mode", rows[i].mode);
		if (rows[i].shared)
			root_put(&r, DIR_KSM "pages_shared", rows[i].shared);
		k = root_handle(&r);
		hint = ksm_attr_hint(k, rows[i].id, rows[i].err);
		if (rows[i].has)
			CHECK(hint && strstr(hint, rows[i].has));
		else
			CHECK_STR(hint, NULL);
		ksm_close(k);
		root_free(&r);
	}
}

/* A note takes the name of what a newer kernel has; nobody's typing does. */
static void noted(void)
{
	static const struct {
		enum ksm_attr id;
		const char *text;
		int rc;
		int64_t v;
	} rows[] = {
		{ KSM_ATTR_ADVISOR_MODE, "scan-time", 0, 1 },
		{ KSM_ATTR_ADVISOR_MODE, "frequency", 0, -1 },
		{ KSM_ATTR_ADVISOR_MODE, "", -EINVAL, 0 },
		{ KSM_ATTR_ADVISOR_MODE, "a b", -EINVAL, 0 },
		{ KSM_ATTR_ADVISOR_MODE, "[a]", -EINVAL, 0 },
		{ KSM_ATTR_ADVISOR_MODE, "0123456789012345678901234567890123456789012345678901234567890123",
		  -EINVAL, 0 },
		{ KSM_ATTR_RUN, "frequency", -EINVAL, 0 },
		{ KSM_ATTR_RUN, "7", -ERANGE, 0 },
		{ KSM_ATTR_FULL_SCANS, "7", -EROFS, 0 },
	};
	char buf[KSM_ATTR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_value v, w;

		tap_row("%zu: %s", i, rows[i].text);
		if (!CHECK_INT(ksm_attr_parse_noted(rows[i].id, rows[i].text, &v), rows[i].rc) ||
		    rows[i].rc)
			continue;
		CHECK_INT(v.v, rows[i].v);
		CHECK_STR(ksm_attr_format(rows[i].id, &v, buf, sizeof(buf)), rows[i].text);
		CHECK_INT(ksm_attr_parse(rows[i].id, rows[i].text, &w), rows[i].v < 0 ? -EINVAL : 0);
		CHECK(ksm_value_same(&v, &v));
		CHECK_INT(ksm_value_same(&(struct ksm_value){ KSM_VALUE, -1, "other" }, &v), 0);
	}
}

TAP_MAIN(TAP_CASE(table), TAP_CASE(names), TAP_CASE(foreign), TAP_CASE(since),
	 TAP_CASE(since_hksm), TAP_CASE(read_values),
	 TAP_CASE(read_texts), TAP_CASE(read_too_long), TAP_CASE(read_not_a_file),
	 TAP_CASE(read_denied), TAP_CASE(garbage), TAP_CASE(parse), TAP_CASE(noted), TAP_CASE(format),
	 TAP_CASE(range), TAP_CASE(hints))
