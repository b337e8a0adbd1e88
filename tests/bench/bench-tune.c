// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-tune.c - what ksm-autotune costs by itself, beside thousands of processes.
 * Run by hand, as root; with -l the machine's KSM must be nobody else's.
 *
 *	bench-tune [-l] [-p PROGRAM] [-s SECONDS] [-w RULE]... [PROCESSES...]
 *
 * Makes sleeping processes of its own (1,000, then 10,000), so that all of them are
 * young when the daemon starts. "first" is the share of one processor that it took in
 * the SECONDS (60) after its start, "steady" that of as many later on, when all are old.
 * Memory is the most that was seen each second: PSS, and the kernel's own mark of RSS.
 * Rules: none; one that matches every process and leaves it as it is; one that matches
 * nobody, so that it asks each; one for which each is sampled, by 2 % of a processor,
 * which is part of the figures.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/macros.h"
#include "util/num.h"

#define PROCS_MAX	1000000
#define SECONDS_MAX	3600
#define PAUSE_S		20	/* beyond the first minute: nobody is young any more */

static const char *program = "ksm-autotune";
static uint64_t seconds = 60;
static bool live;

static struct way {
	const char *name, *rule;
	bool asked;
} ways[] = {
	{ "no rule", "", false },
	{ "as-is", "[rule all]\nmatch-comm=*\nadvise=as-is\n", false },
	{ "another's", "[rule other]\nmatch-comm=nobody-is-called-so\nadvise=whole\n", false },
	{ "sampled", "[rule all]\nmatch-comm=bench-tune\nadvise=whole\n", false },
};

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
	while (sleepers && n_sleepers < n) {
		const pid_t pid = fork();

		if (pid < 0) {
			fprintf(stderr, "bench-tune: process %zu: %s\n", n_sleepers + 1,
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
	return sleepers != NULL;
}

/* --- the daemon --- */

static bool write_config(char *path, const struct way *w)
{
	const int fd = mkstemp(path);
	const ssize_t len = (ssize_t)strlen(w->rule);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, w->rule, len) == len;
	close(fd);
	return ok;
}

static pid_t start(const char *config)
{
	const pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open("/dev/null", O_WRONLY);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(127);
	execlp(program, program, "run", "-C", config, live ? NULL : "-n", NULL);
	_exit(127);
}

static bool cpu_ns(pid_t pid, uint64_t *out)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return false;
	*out = (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
	return true;
}

/* A line "NAME:  123 kB" of a file; 0: there is none. */
static uint64_t line_kib(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "r");
	while (f && !kib && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = strtoull(line + strlen(name), NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

struct cost {
	double first_pct, steady_pct;
	uint64_t pss_kib, rss_kib;
};

static void watch(pid_t pid, uint64_t s, struct cost *c)
{
	for (uint64_t i = 0; i < s; i++) {
		sleep(1);
		c->pss_kib = MAX(c->pss_kib, line_kib(pid, "smaps_rollup", "Pss:"));
	}
	c->rss_kib = MAX(c->rss_kib, line_kib(pid, "status", "VmHWM:"));
}

static double share(uint64_t cpu, uint64_t wall)
{
	return 100.0 * (double)cpu / (double)wall;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static bool measure(pid_t pid, struct cost *c)
{
	const uint64_t begin = now_ns();
	uint64_t cpu, cpu_then, then;

	watch(pid, seconds, c);
	if (!cpu_ns(pid, &cpu))
		return false;
	c->first_pct = share(cpu, now_ns() - begin);
	watch(pid, PAUSE_S, c);
	then = now_ns();
	if (!cpu_ns(pid, &cpu_then))
		return false;
	watch(pid, seconds, c);
	if (!cpu_ns(pid, &cpu))
		return false;
	c->steady_pct = share(cpu - cpu_then, now_ns() - then);
	return true;
}

static bool run(const struct way *w, size_t n)
{
	char config[] = "/tmp/bench-tune.XXXXXX";
	struct cost c = { 0 };
	bool ok = write_config(config, w) && make_sleepers(n);
	pid_t pid = ok ? start(config) : -1;

	ok = pid > 0 && measure(pid, &c);
	if (pid > 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	end_sleepers();
	unlink(config);
	if (!ok) {
		fprintf(stderr, "bench-tune: %s: the daemon has ended\n", program);
		return false;
	}
	printf("%8zu %-10s %8.2f %8.2f %8.1f %8.1f\n", n, w->name, c.first_pct, c.steady_pct,
	       (double)c.pss_kib / 1024, (double)c.rss_kib / 1024);
	fflush(stdout);
	return true;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench-tune [-l] [-p PROGRAM] [-s SECONDS] [-w RULE]... "
		"[PROCESSES...]\n");
	return 2;
}

static bool ask(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, name))
			return ways[i].asked = true;
	return false;
}

int main(int argc, char **argv)
{
	static char *sizes[] = { "1000", "10000", NULL };
	bool some = false;
	uint64_t n;
	int c;

	while ((c = getopt(argc, argv, "lp:s:w:")) != -1) {
		if (c == 'l')
			live = true;
		else if (c == 'p')
			program = optarg;
		else if (c == 'w' && ask(optarg))
			some = true;
		else if (c != 's' || num_u64(optarg, &seconds) || !seconds || seconds > SECONDS_MAX)
			return usage();
	}
	printf("%8s %-10s %8s %8s %8s %8s\n", "PROCS", "RULE", "FIRST %", "STEADY %", "PSS MiB",
	       "RSS MiB");
	for (char **at = optind < argc ? argv + optind : sizes; *at; at++) {
		if (num_u64(*at, &n) || !n || n > PROCS_MAX)
			return usage();
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
			if ((!some || ways[i].asked) && !run(&ways[i], n))
				return 1;
	}
	return 0;
}
