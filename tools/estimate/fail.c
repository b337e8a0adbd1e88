// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fail.c - what went wrong with a run, where the -errno alone does not tell.
 */
#include "estimate/read.h"

#include <errno.h>

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
