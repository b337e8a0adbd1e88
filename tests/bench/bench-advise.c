// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-advise.c - what starting a command through ksm-advise costs, beside the
 * bare command and two other wrappers.  Run by hand: make bench.
 *
 *	bench-advise [RUNS]
 *
 * The ways are run in turn, so that whatever else the machine does hits all of
 * them; a way that cannot be run here is left out.  Medians, and quartiles for
 * how far to trust them; and of the CPU time that was used, which other load
 * disturbs less.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/macros.h"
#include "util/num.h"

#define RUNS_DEFAULT 500
#define RUNS_MAX 100000

static struct way {
	const char *name;
	const char *argv[8];
	uint64_t *ns, *cpu_ns;
	bool missing;
} ways[] = {
	{ .name = "/bin/true", .argv = { "/bin/true" } },
	{ .name = "env", .argv = { "env", "/bin/true" } },
	{ .name = "nice", .argv = { "nice", "-n0", "/bin/true" } },
	{ .name = "taskset", .argv = { "taskset", "-c", "0-1023", "/bin/true" } },
	{ .name = "ksm-advise", .argv = { "ksm-advise", "-q", "--", "/bin/true" } },
	{ .name = "ksm-advise -d", .argv = { "ksm-advise", "-q", "-d", "--", "/bin/true" } },
	{ .name = "ksm-advise -m inject",
	  .argv = { "ksm-advise", "-q", "-m", "inject", "--", "/bin/true" } },
	{ .name = "ksm-advise -v (verified)", .argv = { "ksm-advise", "-v", "--", "/bin/true" } },
	{ .name = "ksm-advise --strict",
	  .argv = { "ksm-advise", "-q", "--strict", "--", "/bin/true" } },
	{ .name = "ksm-advise --report",
	  .argv = { "ksm-advise", "-q", "--report=/dev/null", "--", "/bin/true" } },
};

extern char **environ;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static uint64_t tv_ns(struct timeval t)
{
	return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec) * 1000;
}

/* Time from asking for the process to having its status; false when it did not run. */
static bool run(const struct way *w, const posix_spawn_file_actions_t *fa, uint64_t *ns,
		uint64_t *cpu_ns)
{
	uint64_t begin = now_ns();
	struct rusage used;
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, w->argv[0], fa, NULL, (char *const *)w->argv, environ))
		return false;
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return false;
	*ns = now_ns() - begin;
	*cpu_ns = tv_ns(used.ru_utime) + tv_ns(used.ru_stime);
	return !status;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double us(uint64_t ns)
{
	return (double)ns / 1000;
}

static void print(const struct way *w, uint64_t runs)
{
	const double median = us(w->ns[runs / 2]), cpu = us(w->cpu_ns[runs / 2]);
	const double bare = us(ways[0].ns[runs / 2]), bare_cpu = us(ways[0].cpu_ns[runs / 2]);

	printf("%-24s %7.0f %7.0f %7.0f %7.0f %6.2f %7.0f %7.0f\n", w->name,
	       us(w->ns[runs / 4]), median, us(w->ns[runs * 3 / 4]), median - bare,
	       median / bare, cpu, cpu - bare_cpu);
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t fa;
	uint64_t runs = RUNS_DEFAULT, unused;

	if (argc > 2 || (argc == 2 && (num_u64(argv[1], &runs) || !runs || runs > RUNS_MAX))) {
		fprintf(stderr, "usage: bench-advise [RUNS]\n");
		return 2;
	}
	/* What -v says is not to be timed by a terminal. */
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		ways[i].ns = calloc(runs, sizeof(*ways[i].ns));
		ways[i].cpu_ns = calloc(runs, sizeof(*ways[i].cpu_ns));
		if (!ways[i].ns || !ways[i].cpu_ns)
			return 1;
		ways[i].missing = !run(&ways[i], &fa, &unused, &unused);
	}
	if (ways[0].missing) {
		fprintf(stderr, "bench-advise: cannot run /bin/true\n");
		return 1;
	}
	for (uint64_t n = 0; n < runs; n++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
			if (!ways[i].missing)
				run(&ways[i], &fa, &ways[i].ns[n], &ways[i].cpu_ns[n]);
	posix_spawn_file_actions_destroy(&fa);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		qsort(ways[i].ns, runs, sizeof(*ways[i].ns), compare);
		qsort(ways[i].cpu_ns, runs, sizeof(*ways[i].cpu_ns), compare);
	}
	printf("%llu runs of each in turn, microseconds\n", (unsigned long long)runs);
	printf("%-24s %7s %7s %7s %7s %6s %7s %7s\n", "", "1ST", "MEDIAN", "3RD", "OVER", "RATIO",
	       "CPU", "OVER");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].missing)
			printf("%-24s cannot be run here\n", ways[i].name);
		else
			print(&ways[i], runs);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		free(ways[i].ns);
		free(ways[i].cpu_ns);
	}
	return 0;
}
