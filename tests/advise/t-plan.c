// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-plan.c - which way a command is run and a process is changed, on every kernel.
 */
#include "tests/unit/tap.h"

#include "ksm-advise/advise.h"

/* What kernels can do, oldest first. */
static const struct ksm_caps none = { 0 };
static const struct ksm_caps v2_6_32 = { .ksm = true };
static const struct ksm_caps v6_4 = { .ksm = true, .prctl = true };
static const struct ksm_caps v6_7 = { .ksm = true, .prctl = true, .prctl_exec = true };
static const struct ksm_caps v6_10 = {
	.ksm = true, .prctl = true, .prctl_exec = true, .prctl_heirs = true
};
static const struct ksm_caps v6_19 = {
	.ksm = true, .prctl = true, .prctl_exec = true, .prctl_heirs = true, .prctl_sure = true
};
/* A container without /sys. */
static const struct ksm_caps no_sysfs = {
	.prctl = true, .prctl_exec = true, .prctl_heirs = true
};

static const struct adv_program dynamic = { .known = true, .bits32 = sizeof(void *) == 4 };
static const struct adv_program is_static = {
	.known = true, .is_static = true, .bits32 = sizeof(void *) == 4
};
static const struct adv_program setid = {
	.known = true, .setid = true, .bits32 = sizeof(void *) == 4
};
static const struct adv_program other_bits = { .known = true, .bits32 = sizeof(void *) != 4 };
static const struct adv_program unknown = { 0 };

enum outcome { PLAIN, WARNS, REFUSED };

static void command(void)
{
	static const struct {
		const char *name;
		const struct ksm_caps *caps;
		enum adv_mech mech;
		bool stays;
		const struct adv_program *program;
		enum adv_how how;
		enum outcome outcome;
	} rows[] = {
		/* auto: the best of each kernel */
		{ "none", &none, ADV_AUTO, false, &dynamic, ADV_HOW_NONE, WARNS },
		{ "2.6.32", &v2_6_32, ADV_AUTO, false, &dynamic, ADV_HOW_PRELOAD, PLAIN },
		{ "2.6.32 static", &v2_6_32, ADV_AUTO, false, &is_static, ADV_HOW_NONE, WARNS },
		{ "2.6.32 setuid", &v2_6_32, ADV_AUTO, false, &setid, ADV_HOW_NONE, WARNS },
		{ "2.6.32 bits", &v2_6_32, ADV_AUTO, false, &other_bits, ADV_HOW_NONE, WARNS },
		{ "2.6.32 unreadable", &v2_6_32, ADV_AUTO, false, &unknown, ADV_HOW_PRELOAD,
		  PLAIN },
		{ "2.6.32 static, stays", &v2_6_32, ADV_AUTO, true, &is_static, ADV_HOW_FOLLOW,
		  PLAIN },
		{ "2.6.32 stays", &v2_6_32, ADV_AUTO, true, &dynamic, ADV_HOW_PRELOAD, PLAIN },
		{ "6.4", &v6_4, ADV_AUTO, false, &dynamic, ADV_HOW_INJECT, PLAIN },
		{ "6.4 static", &v6_4, ADV_AUTO, false, &is_static, ADV_HOW_INJECT, PLAIN },
		{ "6.7", &v6_7, ADV_AUTO, false, &dynamic, ADV_HOW_INJECT, PLAIN },
		{ "6.10", &v6_10, ADV_AUTO, false, &dynamic, ADV_HOW_PRCTL, PLAIN },
		{ "6.10 static", &v6_10, ADV_AUTO, false, &is_static, ADV_HOW_PRCTL, PLAIN },
		{ "6.10 setuid", &v6_10, ADV_AUTO, false, &setid, ADV_HOW_PRCTL, PLAIN },
		{ "6.19 stays", &v6_19, ADV_AUTO, true, &dynamic, ADV_HOW_PRCTL, PLAIN },
		{ "no sysfs", &no_sysfs, ADV_AUTO, false, &dynamic, ADV_HOW_PRCTL, PLAIN },
		/* prctl */
		{ "prctl none", &none, ADV_PRCTL, false, &dynamic, ADV_HOW_NONE, REFUSED },
		{ "prctl 2.6.32", &v2_6_32, ADV_PRCTL, false, &dynamic, ADV_HOW_NONE, REFUSED },
		{ "prctl 6.4", &v6_4, ADV_PRCTL, false, &dynamic, ADV_HOW_NONE, REFUSED },
		{ "prctl 6.7", &v6_7, ADV_PRCTL, false, &dynamic, ADV_HOW_PRCTL, WARNS },
		{ "prctl 6.10", &v6_10, ADV_PRCTL, false, &dynamic, ADV_HOW_PRCTL, PLAIN },
		/* inject */
		{ "inject none", &none, ADV_INJECT, true, &dynamic, ADV_HOW_NONE, REFUSED },
		{ "inject 2.6.32", &v2_6_32, ADV_INJECT, false, &dynamic, ADV_HOW_NONE, REFUSED },
		{ "inject 2.6.32 stays", &v2_6_32, ADV_INJECT, true, &dynamic, ADV_HOW_FOLLOW,
		  PLAIN },
		{ "inject 6.19", &v6_19, ADV_INJECT, false, &dynamic, ADV_HOW_INJECT, PLAIN },
		/* preload */
		{ "preload 2.6.32", &v2_6_32, ADV_PRELOAD, false, &dynamic, ADV_HOW_PRELOAD, PLAIN },
		{ "preload 6.19", &v6_19, ADV_PRELOAD, false, &dynamic, ADV_HOW_PRELOAD, PLAIN },
		{ "preload static", &v6_19, ADV_PRELOAD, true, &is_static, ADV_HOW_NONE, REFUSED },
		{ "preload setuid", &v6_19, ADV_PRELOAD, false, &setid, ADV_HOW_NONE, REFUSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct adv_facts f = {
			.caps = *rows[i].caps,
			.mech = rows[i].mech,
			.stays = rows[i].stays,
			.program = *rows[i].program,
		};
		struct adv_plan p;

		tap_row("%s", rows[i].name);
		adv_plan_make(&f, &p);
		CHECK_INT(p.how, rows[i].how);
		CHECK_INT(p.refused ? REFUSED : p.warn ? WARNS : PLAIN, rows[i].outcome);
		CHECK(p.why && *p.why);
	}
}

static void command_disabled(void)
{
	static const struct {
		const struct ksm_caps *caps;
		enum adv_how how;
	} rows[] = {
		{ &none, ADV_HOW_NONE },
		{ &v2_6_32, ADV_HOW_NONE },
		{ &v6_4, ADV_HOW_OFF },
		{ &v6_19, ADV_HOW_OFF },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct adv_facts f = { .caps = *rows[i].caps, .disable = true };
		struct adv_plan p;

		tap_row("%zu", i);
		adv_plan_make(&f, &p);
		CHECK_INT(p.how, rows[i].how);
		CHECK(!p.refused && !p.warn);
	}
}

static void process(void)
{
	static const struct {
		const struct ksm_caps *caps;
		enum ksm_advise_how how;
		bool on;
		bool all;
		enum ksm_member now;
		enum ksm_advise_action want;
		bool noted;
	} rows[] = {
		{ &v6_19, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_ANY,
		  KSM_ADVISE_NOTHING, false },
		{ &v6_19, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v6_19, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_OFF,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v6_19, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_UNKNOWN,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v6_19, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_DENIED,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v6_19, KSM_ADVISE_MADVISE, true, false, KSM_MEMBER_OFF,
		  KSM_ADVISE_BY_MADVISE, false },
		{ &v6_19, KSM_ADVISE_PRCTL, true, false, KSM_MEMBER_OFF,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v2_6_32, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_OFF,
		  KSM_ADVISE_BY_MADVISE, false },
		{ &v2_6_32, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, false },
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_OFF,
		  KSM_ADVISE_NOTHING, false },
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_ANY,
		  KSM_ADVISE_BY_PRCTL, false },
		/* The program did it, unless somebody names the mechanism, or wants all of it. */
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_NOT_OURS, false },
		{ &v6_19, KSM_ADVISE_PRCTL, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_NOT_OURS, false },
		{ &v6_19, KSM_ADVISE_MADVISE, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, false },
		/* The prctl would change nothing: it was not that which switched it on. */
		{ &v6_19, KSM_ADVISE_AUTO, false, true, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, false },
		{ &v6_19, KSM_ADVISE_PRCTL, false, true, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, false },
		{ &v6_19, KSM_ADVISE_AUTO, false, true, KSM_MEMBER_ANY,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_UNKNOWN,
		  KSM_ADVISE_BY_PRCTL, false },
		{ &v2_6_32, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, false },
		{ &v2_6_32, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_ANY,
		  KSM_ADVISE_BY_MADVISE, false },
		/* What was marked where it pays, unless more is asked for. */
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_OUR_MARKS, true },
		{ &v6_19, KSM_ADVISE_PRCTL, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_OUR_MARKS, true },
		{ &v6_19, KSM_ADVISE_MADVISE, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, true },
		{ &v6_19, KSM_ADVISE_AUTO, false, true, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, true },
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_ANY,
		  KSM_ADVISE_BY_PRCTL, true },
		{ &v6_19, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_OFF,
		  KSM_ADVISE_NOTHING, true },
		{ &v2_6_32, KSM_ADVISE_AUTO, false, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_MADVISE, true },
		{ &v6_19, KSM_ADVISE_AUTO, true, false, KSM_MEMBER_MADVISE,
		  KSM_ADVISE_BY_PRCTL, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ksm_advise_want want = {
			.how = rows[i].how, .on = rows[i].on, .all = rows[i].all,
			.noted = rows[i].noted,
		};

		tap_row("%zu", i);
		CHECK_INT(ksm_advise_plan(rows[i].caps, &want, rows[i].now), rows[i].want);
	}
}

static void names(void)
{
	for (int how = 0; how < __ADV_HOW_N; how++) {
		tap_row("%d", how);
		CHECK(adv_how_name(how) && *adv_how_name(how));
	}
}

TAP_MAIN(TAP_CASE(command), TAP_CASE(command_disabled), TAP_CASE(process), TAP_CASE(names))
