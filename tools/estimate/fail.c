// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fail.c - what went wrong with a run, where the -errno alone does not tell.
 */
#include "estimate/read.h"

#include <errno.h>
#include <string.h>

const char *est_why_text(enum est_why why, int rc)
{
	static const char *const text[] = {
		[EST_TOO_MANY] = "too many mappings (select fewer processes)",
		[EST_LACKING] = "this kernel does not show the pages of processes: it has no "
				"/proc/PID/smaps and pagemap (CONFIG_PROC_PAGE_MONITOR)",
		[EST_PAIRS] = "too many groups to compare",
		[EST_OVER_MEMORY] = "it would take more memory than it may",
		[EST_OVER_CPU] = "it would take more CPU time than it may",
		[EST_STOPPED] = "it was stopped",
	};

	if (why < ARRAY_SIZE(text) && text[why])
		return text[why];
	return strerror(-rc);
}

int est_fail_why(struct est *e, enum est_why why, int rc)
{
	e->why = why;
	return rc;
}

int est_fail(struct est *e, int rc)
{
	switch (rc) {
	case -ECANCELED:
		return est_fail_why(e, EST_STOPPED, rc);
	case -ETIME:
		return est_fail_why(e, EST_OVER_CPU, rc);
	case -ENOBUFS:
		return est_fail_why(e, EST_OVER_MEMORY, rc);
	case -E2BIG:
		return est_fail_why(e, EST_TOO_MANY, rc);
	default:
		return est_fail_why(e, EST_NO_MEMORY, rc);
	}
}
