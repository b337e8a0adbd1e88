// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-procev.c - datagrams of the process connector.
 */
#include "fuzz.h"

#include "libksm/libksm.h"

static void event(const struct ksm_procev_msg *m, void *arg)
{
	unsigned int *n = arg;

	MUST(m->what == KSM_EVENT_FORK || m->what == KSM_EVENT_EXEC || m->what == KSM_EVENT_EXIT ||
	     m->what == KSM_EVENT_COMM);
	/* Births, deaths and names are told of processes, not of their threads. */
	MUST(m->what == KSM_EVENT_EXEC || m->pid == m->tid);
	(*n)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;
	int rc = ksm_procev_parse(data, size, event, &n);

	MUST(rc <= 0 && rc >= -4095);
	MUST(n <= size / 36);
	return 0;
}
