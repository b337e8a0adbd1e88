// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-estimate [-m MIB] [-t] [-r RUNS]: ksm-estimate beside process_vm_readv()
 * alone, on the memory of the same process in the same run; one thread and one a
 * processor.  -t: the memory is in transparent huge pages.
 *
 * Figures alternate, so that what else the machine does meets both alike; the
 * best run of each counts.  "cpu" is the same comparison in CPU time, which holds
 * on a busy machine too.  Nothing is asserted.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64

static size_t bytes = (size_t)1024 << 20;
static size_t chunk;
static char *memory;
static pid_t target;
static size_t next;

static double clock_s(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double now(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

static void die(const char *what)
{
	fprintf(stderr, "bench-estimate: %s: %s\n", what, strerror(errno));
	if (target > 0)
		kill(target, SIGKILL);
	exit(1);
}

static void *bare(void *arg)
{
	char *buf = aligned_alloc(4096, chunk);
	size_t at;

	memset(buf, 1, chunk);
	while ((at = __atomic_fetch_add(&next, chunk, __ATOMIC_RELAXED)) < bytes) {
		struct iovec to = { buf, chunk }, from = { memory + at, chunk };

		if (process_vm_readv(target, &to, 1, &from, 1, 0) != (ssize_t)chunk)
			die("process_vm_readv");
	}
	free(buf);
	return arg;
}

/* GB/s; *cpu: GB a second of CPU time, when it is the best so far. */
static double run_bare(unsigned int threads, double *cpu)
{
	pthread_t t[MAX_THREADS];
	double start = now(), used = clock_s(CLOCK_PROCESS_CPUTIME_ID);

	next = 0;
	for (unsigned int i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, bare, NULL))
			die("thread");
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	used = bytes / (clock_s(CLOCK_PROCESS_CPUTIME_ID) - used) / 1e9;
	if (used > *cpu)
		*cpu = used;
	return bytes / (now() - start) / 1e9;
}

static double number(const char *json, const char *key)
{
	const char *at = strstr(json, key);

	return at ? strtod(at + strlen(key), NULL) : 0;
}

struct result {
	double read, whole;	/* GB/s: reading and hashing; from start to end */
	double cpu;		/* GB a second of CPU time, of all it does */
	double rss;		/* bytes */
	double pages;
};

static void run_tool(unsigned int threads, struct result *best)
{
	char pid[16], jobs[16], json[8192];
	size_t len = 0;
	struct rusage ru;
	double start = now(), wall, read_rate, cpu;
	int fd[2], status;
	ssize_t n;
	pid_t tool;

	snprintf(pid, sizeof(pid), "%d", (int)target);
	snprintf(jobs, sizeof(jobs), "%u", threads);
	if (pipe(fd) || (tool = fork()) < 0)
		die("fork");
	if (!tool) {
		dup2(fd[1], 1);
		execlp("ksm-estimate", "ksm-estimate", "-q", "-J", "--full", "-j", jobs, "-p", pid,
		       (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	while (len < sizeof(json) - 1 && (n = read(fd[0], json + len, sizeof(json) - 1 - len)) > 0)
		len += n;
	json[len] = '\0';
	close(fd[0]);
	if (wait4(tool, &status, 0, &ru) != tool || status)
		die("ksm-estimate failed");
	wall = now() - start;
	read_rate = number(json, "\"read_bytes\":") / number(json, "\"read_seconds\":") / 1e9;
	if (read_rate > best->read)
		best->read = read_rate;
	if (bytes / wall / 1e9 > best->whole)
		best->whole = bytes / wall / 1e9;
	cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
	      (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	if (bytes / cpu / 1e9 > best->cpu)
		best->cpu = bytes / cpu / 1e9;
	best->rss = ru.ru_maxrss * 1024.0;
	best->pages = number(json, "\"anon_bytes\":") / sysconf(_SC_PAGESIZE);
}

/* Every page differs, so that nothing is found and nothing saved on the way. */
static void fill(void)
{
	uint64_t x = 88172645463325252;

	for (size_t i = 0; i < bytes / sizeof(x); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		((uint64_t *)memory)[i] = x;
	}
}

int main(int argc, char **argv)
{
	static const size_t chunks[] = { 256 << 10, 1 << 20 };
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), runs = 5;
	bool huge = false;
	int c, ready[2];
	char byte;

	while ((c = getopt(argc, argv, "m:tr:")) != -1) {
		if (c == 'm')
			bytes = strtoul(optarg, NULL, 10) << 20;
		else if (c == 't')
			huge = true;
		else if (c == 'r')
			runs = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || pipe(ready))
		die("memory");
	madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	target = fork();
	if (target < 0)
		die("fork");
	if (!target) {
		fill();
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		die("target");
	printf("%zu MiB, %s pages, best of %u; GB/s\n", bytes >> 20, huge ? "huge" : "small", runs);
	printf("%-8s %9s %9s %9s %9s %7s %7s %7s %11s %8s\n", "threads", "bare 256K", "bare 1M",
	       "hashed", "all", "/256K", "/1M", "cpu", "bytes/page", "peak MiB");
	for (unsigned int threads = 1; threads <= cpus && threads <= MAX_THREADS;
	     threads = threads == cpus ? cpus + 1 : cpus) {
		struct result best = { 0 };
		double b[2] = { 0 }, cpu = 0;

		for (unsigned int r = 0; r < runs; r++) {
			for (size_t i = 0; i < 2; i++) {
				double got;

				chunk = chunks[i];
				got = run_bare(threads, &cpu);
				if (got > b[i])
					b[i] = got;
			}
			run_tool(threads, &best);
		}
		printf("%-8u %9.2f %9.2f %9.2f %9.2f %6.0f%% %6.0f%% %6.0f%% %11.1f %8.1f\n", threads,
		       b[0], b[1], best.read, best.whole, 100 * best.read / b[0],
		       100 * best.read / b[1], 100 * best.cpu / cpu, best.rss / best.pages,
		       best.rss / (1 << 20));
	}
	kill(target, SIGKILL);
	return 0;
}
