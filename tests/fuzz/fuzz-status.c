// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-status.c - /proc/PID/status: it is read, and what a dump keeps of it is read as
 * the same.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str kept __cleanup_str = STR_INIT;
	struct ksm_proc_status st, again;
	int rc = ksm_proc_status_parse((const char *)data, size, &st);

	MUST(rc == 0 || rc == -EPROTO);
	MUST(rc || st.tgid >= 0);
	MUST(!ksm_dump_status((const char *)data, size, &kept));
	MUST(ksm_proc_status_parse(str_get(&kept), kept.len, &again) == rc);
	MUST(again.tgid == st.tgid && again.tracer == st.tracer && again.seccomp == st.seccomp &&
	     again.state == st.state && again.threads == st.threads &&
	     !memcmp(again.uid, st.uid, sizeof(st.uid)));
	return 0;
}
