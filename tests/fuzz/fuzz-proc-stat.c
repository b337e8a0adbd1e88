// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-proc-stat.c - /proc/PID/ksm_stat: an answer is a figure that the text
 * has, or its absence; a text without any figure is refused.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/libksm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ksm_proc_stat st;
	const struct ksm_fig *fig = &st.items;
	size_t n = sizeof(st) / sizeof(*fig);
	bool any = false;
	int rc;

	memset(&st, 0xa5, sizeof(st));
	rc = ksm_proc_stat_parse((const char *)data, size, &st);
	MUST(rc == 0 || rc == -EPROTO);
	for (size_t i = 0; i < n; i++) {
		MUST(fig[i].state == KSM_ABSENT || fig[i].state == KSM_VALUE);
		any |= fig[i].state == KSM_VALUE;
	}
	MUST(rc || any);
	if (st.merge_any.state == KSM_VALUE)
		MUST(st.merge_any.v == 0 || st.merge_any.v == 1);
	if (st.mergeable.state == KSM_VALUE)
		MUST(st.mergeable.v == 0 || st.mergeable.v == 1);
	return 0;
}
