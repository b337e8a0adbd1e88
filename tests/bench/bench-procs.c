// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-procs.c - what a listing of thousands of processes costs, beside ps.
 * Run by hand.
 *
 *	bench-procs [PROCESSES [RUNS]]
 *
 * Makes sleeping processes of its own (5,000 by default), lists them in several
 * ways in turn, and prints medians of CPU time, user and system together, and
 * of the time that passed.  "libksm" is the reading alone, without a table: of
 * ksm_stat, of the user, and of nothing but stat.  The processes are copies of
 * this small program: bigger ones have more mappings, and ksm_stat of newer
 * kernels walks them to say whether one is mergeable.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libksm/libksm.h"
#include "util/macros.h"
#include "util/num.h"

#define PROCS_DEFAULT 5000
#define PROCS_MAX 1000000
#define RUNS_DEFAULT 15
#define RUNS_MAX 10000

struct cost {
	uint64_t cpu_ns;
	uint64_t wall_ns;
};

static struct way {
	const char *name;
	const char *argv[8];		/* a command, or */
	unsigned int want;		/* what libksm reads of each process */
	struct cost *runs;
	bool missing;
} ways[] = {
	{ .name = "ps -e -o pid,rss,comm", .argv = { "ps", "-e", "-o", "pid,rss,comm" } },
	{ .name = "ps -e -o pid,user,rss,comm", .argv = { "ps", "-e", "-o", "pid,user,rss,comm" } },
	{ .name = "ksmctl procs", .argv = { "ksmctl", "procs" } },
	{ .name = "ksmctl procs -a", .argv = { "ksmctl", "procs", "-a" } },
	{ .name = "ksmctl procs --by comm", .argv = { "ksmctl", "procs", "--by", "comm" } },
	{ .name = "ksmctl --version", .argv = { "ksmctl", "--version" } },
	{ .name = "libksm, ksm_stat and user", .want = KSM_PROC_KSM | KSM_PROC_UID },
	{ .name = "libksm, ksm_stat", .want = KSM_PROC_KSM },
	{ .name = "libksm, stat only", .want = 0 },
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* --- the processes --- */

static pid_t *sleepers;
static size_t n_sleepers;

static void end_sleepers(void)
{
	for (size_t i = 0; i < n_sleepers; i++)
		kill(sleepers[i], SIGKILL);
	for (size_t i = 0; i < n_sleepers; i++)
		waitpid(sleepers[i], NULL, 0);
	n_sleepers = 0;
	free(sleepers);
	sleepers = NULL;
}

static bool make_sleepers(size_t n)
{
	const pid_t parent = getpid();

	sleepers = calloc(n, sizeof(*sleepers));
	if (!sleepers)
		return false;
	while (n_sleepers < n) {
		pid_t pid = fork();

		if (pid < 0) {
			fprintf(stderr, "bench-procs: process %zu: %s\n", n_sleepers + 1,
				strerror(errno));
			return false;
		}
		if (!pid) {
			/* Whatever ends the benchmark ends them. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(0);
			for (;;)
				pause();
		}
		sleepers[n_sleepers++] = pid;
	}
	return true;
}

/* --- the ways --- */

static int read_all(unsigned int want)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	struct ksm *k;
	pid_t pid;
	int rc = ksm_open(NULL, &k);

	if (rc)
		return 1;
	rc = ksm_procs_open(k, &it);
	while (!rc && (rc = ksm_procs_next(it, &pid)) == 1) {
		rc = ksm_proc_read(k, pid, want, &p);
		if (rc == -ESRCH)
			rc = 0;
	}
	ksm_procs_close(it);
	ksm_close(k);
	return rc ? 1 : 0;
}

static void child(const struct way *w)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(127);
	if (w->argv[0]) {
		execvp(w->argv[0], (char *const *)w->argv);
		_exit(127);
	}
	_exit(read_all(w->want));
}

static bool run(const struct way *w, struct cost *c)
{
	struct rusage ru;
	uint64_t begin = now_ns();
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (!pid)
		child(w);
	while (wait4(pid, &status, 0, &ru) < 0)
		if (errno != EINTR)
			return false;
	c->wall_ns = now_ns() - begin;
	c->cpu_ns = (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000ULL +
		    (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000;
	return !status;
}

/* --- the table --- */

static int by_cpu(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return (x->cpu_ns > y->cpu_ns) - (x->cpu_ns < y->cpu_ns);
}

static int by_wall(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return (x->wall_ns > y->wall_ns) - (x->wall_ns < y->wall_ns);
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void report(size_t procs, size_t runs)
{
	double ps = 0;

	printf("%zu processes, %zu runs in turn, milliseconds\n", procs, runs);
	printf("%-28s %8s %8s %8s %8s %7s\n", "", "CPU", "QUARTER", "3RD", "ELAPSED", "RATIO");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct way *w = &ways[i];
		double cpu, quarter, third;

		if (w->missing) {
			printf("%-28s cannot be run here\n", w->name);
			continue;
		}
		qsort(w->runs, runs, sizeof(*w->runs), by_cpu);
		cpu = ms(w->runs[runs / 2].cpu_ns);
		quarter = ms(w->runs[runs / 4].cpu_ns);
		third = ms(w->runs[runs * 3 / 4].cpu_ns);
		qsort(w->runs, runs, sizeof(*w->runs), by_wall);
		if (!i)
			ps = cpu;
		printf("%-28s %8.1f %8.1f %8.1f %8.1f ", w->name, cpu, quarter, third,
		       ms(w->runs[runs / 2].wall_ns));
		if (ps > 0)
			printf("%7.2f\n", cpu / ps);
		else
			printf("%7s\n", "-");
	}
}

int main(int argc, char **argv)
{
	uint64_t procs = PROCS_DEFAULT, runs = RUNS_DEFAULT;
	struct cost warm_up;

	if (argc > 3 || (argc > 1 && (num_u64(argv[1], &procs) || procs > PROCS_MAX)) ||
	    (argc > 2 && (num_u64(argv[2], &runs) || !runs || runs > RUNS_MAX))) {
		fprintf(stderr, "usage: bench-procs [PROCESSES [RUNS]]\n");
		return 2;
	}
	if (!make_sleepers(procs)) {
		end_sleepers();
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		ways[i].runs = calloc(runs, sizeof(*ways[i].runs));
		if (!ways[i].runs) {
			end_sleepers();
			return 1;
		}
		ways[i].missing = !run(&ways[i], &warm_up);
	}
	for (uint64_t n = 0; n < runs; n++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
			if (!ways[i].missing && !run(&ways[i], &ways[i].runs[n]))
				ways[i].missing = true;
	end_sleepers();
	report(procs, runs);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		free(ways[i].runs);
	return 0;
}
