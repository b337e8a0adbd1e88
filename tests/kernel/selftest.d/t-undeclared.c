// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A case that sets what it did not declare: refused, as nobody would put it back.
 */
#include "case.h"

static void run(void)
{
	case_set("sleep_millisecs", "77");
	case_ok(true, "good");
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.run = run,
};
