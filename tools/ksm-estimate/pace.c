// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pace.c - how fast we may go: a share of one processor, bytes a second.
 *
 * Both are averages since the start, held by sleeping before each read, which is
 * a MiB at most: nothing above the limit for longer than that takes.
 */
#include "ksm-estimate/estimate.h"

#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

void est_pace_start(struct est_pace *p)
{
	p->start_ns = clock_ns(CLOCK_MONOTONIC);
	p->bytes = 0;
}

uint64_t est_pace_due(const struct est_pace *p, uint64_t elapsed_ns, uint64_t cpu_ns,
		      uint64_t bytes)
{
	double due = 0;

	if (p->max_rate > 0)
		due = bytes / p->max_rate * 1e9;
	if (p->max_cpu > 0)
		due = MAX(due, cpu_ns / p->max_cpu);
	return due > elapsed_ns ? (uint64_t)(due - elapsed_ns) : 0;
}

void est_pace_wait(struct est_pace *p, uint64_t bytes)
{
	uint64_t before = __atomic_fetch_add(&p->bytes, bytes, __ATOMIC_RELAXED);
	uint64_t ns;
	struct timespec t;

	if (p->max_rate <= 0 && p->max_cpu <= 0)
		return;
	ns = est_pace_due(p, clock_ns(CLOCK_MONOTONIC) - p->start_ns,
			  clock_ns(CLOCK_PROCESS_CPUTIME_ID), before);
	if (!ns)
		return;
	t = (struct timespec){ ns / 1000000000, ns % 1000000000 };
	nanosleep(&t, NULL);
}
