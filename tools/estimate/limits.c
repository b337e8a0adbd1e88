// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * limits.c - how fast we may go (a share of one processor, bytes a second), for
 * how long, and how much memory we may take.
 *
 * Both speeds are averages since the start, held by sleeping before each read, which
 * is a MiB at most: nothing above the limit for longer than that takes.
 */
#include "estimate/estimate.h"

#include <errno.h>
#include <time.h>

#define NAP_NS UINT64_C(100000000)	/* so soon do we notice that we are to stop */

/* Of this process, ever since. */
static uint64_t all_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static uint64_t cpu_ns(const struct est_limits *l)
{
	return all_cpu_ns() - l->start_cpu_ns;
}

void est_limits_start(struct est_limits *l)
{
	l->start_ns = ksm_now_ns();
	l->start_cpu_ns = all_cpu_ns();
	l->bytes = 0;
}

uint64_t est_limits_due(const struct est_limits *l, uint64_t elapsed_ns, uint64_t cpu,
			uint64_t bytes)
{
	double due = 0;

	if (l->max_rate > 0)
		due = bytes / l->max_rate * 1e9;
	if (l->max_cpu > 0)
		due = MAX(due, cpu / l->max_cpu);
	return due > elapsed_ns ? (uint64_t)(due - elapsed_ns) : 0;
}

int est_limits_check(const struct est_limits *l)
{
	if (__atomic_load_n(&l->stop, __ATOMIC_RELAXED))
		return -ECANCELED;
	return l->max_cpu_ns && cpu_ns(l) > l->max_cpu_ns ? -ETIME : 0;
}

int est_limits_sleep(const struct est_limits *l, uint64_t ns)
{
	uint64_t now = ksm_now_ns();
	const uint64_t end = now + ns;
	int rc = est_limits_check(l);

	for (; !rc && now < end; now = ksm_now_ns()) {
		const struct timespec t = { 0, MIN(end - now, NAP_NS) };

		nanosleep(&t, NULL);
		rc = est_limits_check(l);
	}
	return rc;
}

int est_limits_wait(struct est_limits *l, uint64_t bytes)
{
	const uint64_t before = __atomic_fetch_add(&l->bytes, bytes, __ATOMIC_RELAXED);

	if (l->max_rate <= 0 && l->max_cpu <= 0)
		return est_limits_check(l);
	return est_limits_sleep(l, est_limits_due(l, ksm_now_ns() - l->start_ns,
						  cpu_ns(l), before));
}

int est_limits_take(struct est_limits *l, uint64_t bytes)
{
	const uint64_t before = __atomic_fetch_add(&l->memory, bytes, __ATOMIC_RELAXED);

	/* The other half is for records and buffers. */
	return l->max_memory && before + bytes > l->max_memory / 2 ? -ENOBUFS : 0;
}

uint64_t est_limits_records(const struct est_limits *l, uint64_t want)
{
	if (!l->max_memory)
		return want;
	return MIN(want, l->max_memory / 2 / sizeof(struct est_rec));
}
