// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-rights.c - what somebody is told who may not: never to be root, who is.
 */
#include <errno.h>
#include <linux/capability.h>

#include "libksm/internal.h"
#include "root.h"
#include "tap.h"

#define CAP(name) (UINT64_C(1) << (name))
#define ALL	  (~UINT64_C(0))

static void texts(void)
{
	static const struct {
		enum ksm_right right;
		struct ksm_standing as;
		const char *text;
	} rows[] = {
		{ KSM_RIGHT_SETTINGS, { false, true, 0 }, "needs root, or CAP_DAC_OVERRIDE" },
		{ KSM_RIGHT_MAPPINGS, { false, true, CAP(CAP_SYS_ADMIN) },
		  "needs root, or CAP_SYS_PTRACE" },
		{ KSM_RIGHT_MAPPINGS, { true, true, ALL & ~CAP(CAP_SYS_PTRACE) },
		  "needs CAP_SYS_PTRACE, which this root has not" },
		/* one of two is not enough */
		{ KSM_RIGHT_MEMORY, { false, true, CAP(CAP_SYS_PTRACE) },
		  "needs root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH" },
		/* capabilities of another user namespace, all of them, whoever it is there */
		{ KSM_RIGHT_SETTINGS, { true, false, ALL },
		  "needs CAP_DAC_OVERRIDE in the initial user namespace" },
		{ KSM_RIGHT_FRAMES, { false, false, 0 },
		  "needs CAP_SYS_ADMIN in the initial user namespace" },
		{ KSM_RIGHT_FIGURES, { true, false, ALL },
		  "needs CAP_DAC_READ_SEARCH in the user namespace of that process" },
		{ KSM_RIGHT_EVENTS, { true, true, ALL },
		  "in spite of CAP_NET_ADMIN, so a security module or a filter forbids it" },
		{ KSM_RIGHT_HIDDEN, { false, true, 0 },
		  "/proc is mounted with hidepid: needs root, or CAP_SYS_PTRACE and "
		  "CAP_DAC_READ_SEARCH" },
	};
	struct str got __cleanup_str = STR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		ksm_right_text(rows[i].right, &rows[i].as, &got);
		CHECK_STR(str_get(&got), rows[i].text);
	}
}

static void by_errno(void)
{
	CHECK_INT(ksm_right_of(KSM_RIGHT_MAPPINGS, -EACCES), KSM_RIGHT_MAPPINGS);
	CHECK_INT(ksm_right_of(KSM_RIGHT_MAPPINGS, -EPERM), KSM_RIGHT_HIDDEN);
}

/* The capabilities of whoever reads a dump have nothing to do with it. */
static void of_a_dump(void)
{
	struct ksm *k = root_open("6.12-idle");

	CHECK_STR(ksm_right_hint(k, KSM_RIGHT_SETTINGS), "needs root, or CAP_DAC_OVERRIDE");
	CHECK_STR(ksm_attr_hint(k, KSM_ATTR_RUN, -EACCES), "needs root, or CAP_DAC_OVERRIDE");
	ksm_close(k);
}

TAP_MAIN(TAP_CASE(texts), TAP_CASE(by_errno), TAP_CASE(of_a_dump))
