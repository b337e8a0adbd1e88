// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-status.c - /proc/PID/status.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/libksm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ksm_proc_status st;
	int rc = ksm_proc_status_parse((const char *)data, size, &st);

	MUST(rc == 0 || rc == -EPROTO);
	MUST(rc || st.tgid >= 0);
	return 0;
}
