// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * open.c - the handle of the system, and what its kernel can do.
 *
 * Apart from main.c, because the verifier opens a handle of its own: all
 * descriptors of the first one are closed in it.
 */
#include <stdlib.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"

static void log_line(void *arg __unused, enum ksm_log area __unused, const char *line)
{
	cli_log(line);
}

void adv_open(struct adv *a, int code)
{
	const char *debug = getenv("KSM_DEBUG");
	int rc = ksm_open(a->sysroot, &a->k);

	if (rc)
		cli_die(code, 0, "%s: cannot open: %s", a->sysroot ? a->sysroot : "/proc",
			ksm_open_why(a->sysroot, rc));
	if (debug)
		ksm_set_log(a->k, log_line, NULL, ksm_log_parse(debug));
	rc = ksm_caps_read(a->k, &a->caps);
	if (rc)
		cli_die(code, rc, "cannot tell what this kernel can do");
}
