// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A case whose body dies with settings changed: the guard has to put them back.
 */
#include "case.h"

#include <stdlib.h>

static void run(void)
{
	case_start();
	case_set("sleep_millisecs", "77");
	case_set("pages_to_scan", "777");
	case_ok(true, "good");
	abort();
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.knobs = case_scan_knobs,
	.run = run,
};
