// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-inject.c - for how long does an injection stop its target?
 *
 *	bench-inject [RUNS [SPINNERS]]
 *
 * Prints medians and maxima in microseconds, of a target that computes and of one
 * that sleeps in a system call: "held", as the library measures it, from
 * asking the thread to stop to letting it go; "lost", as the computing target
 * itself sees it, the longest gap between two readings of its clock around an
 * injection, and "usual", the same where nothing is injected; "whole", the time
 * that the caller waits.  SPINNERS processes keep the processors busy meanwhile.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inject/inject.h"
#include "util/macros.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static struct share {
	_Atomic uint64_t gap_ns;	/* longest since it was set to 0 */
	atomic_bool ready;
} *share;

static void compute(void)
{
	uint64_t last = now_ns();

	share->ready = true;
	for (;;) {
		uint64_t now = now_ns();

		if (now - last > share->gap_ns)
			share->gap_ns = now - last;
		last = now;
	}
}

static void sleep_forever(void)
{
	share->ready = true;
	for (;;)
		pause();
}

static void spin(void)
{
	for (;;)
		;
}

static pid_t child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fn();
	_exit(0);
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *target, const char *what, uint64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), cmp_u64);
	printf("%-12s %-6s %9.1f %9.1f %9.1f %9.1f\n", target, what, ns[n / 2] / 1e3,
	       ns[n * 95 / 100] / 1e3, ns[n * 99 / 100] / 1e3, ns[n - 1] / 1e3);
}

enum { HELD, LOST, USUAL, WHOLE, N_TIMES };

/* The target's longest gap in the time that @inject takes, and some before and behind it. */
static uint64_t gap_around(bool (*inject)(struct ksm *k, pid_t pid, uint64_t *held), struct ksm *k,
			   pid_t pid, uint64_t *held, uint64_t *whole, bool *ok)
{
	uint64_t start;

	usleep(500);
	share->gap_ns = 0;
	start = now_ns();
	*ok = inject(k, pid, held);
	*whole = now_ns() - start;
	/* A gap is told when the target has run again. */
	usleep(500);
	return share->gap_ns;
}

static bool do_inject(struct ksm *k, pid_t pid, uint64_t *held)
{
	static bool on;	/* what ksm-advise does */
	struct ksm_inject_info info;
	int rc = ksm_inject_merge_set(k, KSM_CHILD(pid), on = !on, &info);

	*held = info.stop_ns;
	return !rc;
}

static bool do_nothing(struct ksm *k __unused, pid_t pid __unused, uint64_t *held __unused)
{
	return true;
}

static void measure(struct ksm *k, const char *name, void (*fn)(void), size_t runs)
{
	uint64_t *times[N_TIMES];
	size_t failed = 0;
	pid_t pid;

	for (int i = 0; i < N_TIMES; i++)
		times[i] = calloc(runs, sizeof(*times[i]));
	share->ready = false;
	pid = child(fn);
	while (!share->ready)
		sched_yield();
	for (size_t i = 0; i < runs; i++) {
		uint64_t unused;
		bool ok;

		times[USUAL][i] = gap_around(do_nothing, k, pid, &unused, &unused, &ok);
		times[LOST][i] = gap_around(do_inject, k, pid, &times[HELD][i], &times[WHOLE][i],
					    &ok);
		failed += !ok;
	}
	print(name, "held", times[HELD], runs);
	if (fn == compute) {
		print(name, "lost", times[LOST], runs);
		print(name, "usual", times[USUAL], runs);
	}
	print(name, "whole", times[WHOLE], runs);
	if (failed)
		printf("%-12s failed %zu of %zu\n", name, failed, runs);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < N_TIMES; i++)
		free(times[i]);
}

int main(int argc, char **argv)
{
	size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
	size_t spinners = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	pid_t pids[64];
	struct ksm *k;

	if (!runs || spinners > ARRAY_SIZE(pids) || ksm_open(NULL, &k))
		return 1;
	share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	for (size_t i = 0; i < spinners; i++)
		pids[i] = child(spin);
	printf("%-12s %-6s %9s %9s %9s %9s   us, %zu runs\n", "target", "time", "median", "95%",
	       "99%", "max", runs);
	measure(k, "computing", compute, runs);
	measure(k, "sleeping", sleep_forever, runs);
	for (size_t i = 0; i < spinners; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	ksm_close(k);
	return 0;
}
