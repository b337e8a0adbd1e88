// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-estimate [-m MIB] [-n PROCESSES] [-t] [-r ROUNDS] [-l]:
 * ksm-estimate beside process_vm_readv() alone, on the memory of the same
 * processes in the same run; one thread and one a processor. -t: the memory is
 * in transparent huge pages. -l: what --max-cpu and --max-rate keep to, instead.
 *
 * In each round everything runs once, one after the other, so that what else the
 * machine does meets all alike; shown are the medians of the rounds, and the median
 * of each round's share of the bare read in pieces of the size that is fastest:
 * "/bare" of reading and hashing, "+lists" with the time in which lists of mappings
 * were read and nothing else could be, "cpu" of all that the program does, in CPU
 * time. Nothing is asserted.
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
#define MAX_PROCS 64
#define MAX_ROUNDS 99

static size_t bytes = (size_t)1024 << 20;	/* of each process */
static unsigned int n_procs = 1;
static size_t chunk;
static char *memory;
static pid_t target[MAX_PROCS];
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

static void end_targets(void)
{
	for (unsigned int i = 0; i < n_procs; i++)
		if (target[i] > 0)
			kill(target[i], SIGKILL);
}

static void die(const char *what)
{
	fprintf(stderr, "bench-estimate: %s: %s\n", what, strerror(errno));
	end_targets();
	exit(1);
}

static void *bare(void *arg)
{
	char *buf = aligned_alloc(4096, chunk);
	size_t at;

	memset(buf, 1, chunk);
	while ((at = __atomic_fetch_add(&next, chunk, __ATOMIC_RELAXED)) < bytes * n_procs) {
		struct iovec to = { buf, chunk }, from = { memory + at % bytes, chunk };

		if (process_vm_readv(target[at / bytes], &to, 1, &from, 1, 0) != (ssize_t)chunk)
			die("process_vm_readv");
	}
	free(buf);
	return arg;
}

struct result {
	double read;		/* GB/s: page table entries, contents, hashes */
	double list;		/* and the lists of mappings, while nothing can be read */
	double whole;		/* from start to end */
	double cpu;		/* GB a second of CPU time, of all it does */
	double cpu_share;	/* CPU time of elapsed time */
	double rss;		/* bytes */
	double pages;
};

static struct result run_bare(unsigned int threads, size_t size)
{
	pthread_t t[MAX_THREADS];
	double start = now(), used = clock_s(CLOCK_PROCESS_CPUTIME_ID);

	chunk = size;
	next = 0;
	for (unsigned int i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, bare, NULL))
			die("thread");
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return (struct result){
		.read = bytes * n_procs / (now() - start) / 1e9,
		.cpu = bytes * n_procs / (clock_s(CLOCK_PROCESS_CPUTIME_ID) - used) / 1e9,
	};
}

static double number(const char *json, const char *key)
{
	const char *at = strstr(json, key);

	return at ? strtod(at + strlen(key), NULL) : 0;
}

/* @more: an option and its value, or NULL. */
static struct result run_tool(unsigned int threads, const char *more, const char *value)
{
	static char json[1 << 20];
	char pids[MAX_PROCS * 12], jobs[16];
	struct result r = { 0 };
	size_t len = 0;
	struct rusage ru;
	double start = now(), wall, cpu;
	int fd[2], status;
	ssize_t n;
	pid_t tool;

	for (unsigned int i = 0; i < n_procs; i++)
		len += snprintf(pids + len, sizeof(pids) - len, "%s%d", i ? "," : "",
				(int)target[i]);
	snprintf(jobs, sizeof(jobs), "%u", threads);
	if (pipe(fd))
		die("pipe");
	tool = fork();
	if (tool < 0)
		die("fork");
	if (!tool) {
		dup2(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		execlp("ksm-estimate", "ksm-estimate", "-q", "-J", "--full", "-j", jobs, "-p", pids,
		       more, value, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	len = 0;
	while (len < sizeof(json) - 1 && (n = read(fd[0], json + len, sizeof(json) - 1 - len)) > 0)
		len += n;
	json[len] = '\0';
	close(fd[0]);
	if (wait4(tool, &status, 0, &ru) != tool || status)
		die(status == 127 << 8 ? "ksm-estimate is not on PATH" : "ksm-estimate failed");
	wall = now() - start;
	cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
	      (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	r.list = number(json, "\"read_bytes\":") / number(json, "\"read_seconds\":") / 1e9;
	r.read = number(json, "\"read_bytes\":") / 1e9 /
		 (number(json, "\"read_seconds\":") - number(json, "\"list_seconds\":"));
	r.whole = bytes * n_procs / wall / 1e9;
	r.cpu = bytes * n_procs / cpu / 1e9;
	r.cpu_share = cpu / wall;
	r.rss = ru.ru_maxrss * 1024.0;
	r.pages = number(json, "\"anon_bytes\":") / sysconf(_SC_PAGESIZE);
	return r;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* @v stays in the order of the rounds. */
static double median(const double *v, unsigned int n)
{
	double copy[MAX_ROUNDS];

	memcpy(copy, v, n * sizeof(*v));
	qsort(copy, n, sizeof(*copy), by_value);
	return copy[n / 2];
}

/* Every page differs, so that nothing is found and nothing saved on the way. */
static void fill(unsigned int seed)
{
	uint64_t x = 88172645463325252 * seed;

	for (size_t i = 0; i < bytes / sizeof(x); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		((uint64_t *)memory)[i] = x;
	}
}

static void start_targets(bool huge)
{
	int ready[2];
	char byte;

	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || pipe(ready))
		die("memory");
	madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	for (unsigned int i = 0; i < n_procs; i++) {
		target[i] = fork();
		if (target[i] < 0)
			die("fork");
		if (!target[i]) {
			fill(i + 1);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		if (read(ready[0], &byte, 1) != 1)
			die("target");
	}
}

static void limits(void)
{
	static const char *const cpu[] = { "10", "25", "50" }, *const rate[] = { "100M", "1G" };

	for (size_t i = 0; i < sizeof(cpu) / sizeof(cpu[0]); i++)
		printf("--max-cpu %-5s %6.1f %% of a processor\n", cpu[i],
		       100 * run_tool(2, "--max-cpu", cpu[i]).cpu_share);
	for (size_t i = 0; i < sizeof(rate) / sizeof(rate[0]); i++)
		printf("--max-rate %-4s %6.1f MiB/s\n", rate[i],
		       run_tool(2, "--max-rate", rate[i]).list * 1e9 / (1 << 20));
}

static const size_t sizes[] = { 256 << 10, 1 << 20, 2 << 20, 4 << 20 };	/* of bare reads */
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static double share(const double *v, const double *base, unsigned int n)
{
	double part[MAX_ROUNDS];

	for (unsigned int i = 0; i < n; i++)
		part[i] = 100 * v[i] / base[i];
	return median(part, n);
}

static void rounds(unsigned int threads, unsigned int n)
{
	double bare_read[N_SIZES][MAX_ROUNDS], bare_cpu[N_SIZES][MAX_ROUNDS];
	double read[MAX_ROUNDS], list[MAX_ROUNDS], whole[MAX_ROUNDS], cpu[MAX_ROUNDS];
	struct result tool = { 0 };
	size_t best = 0;

	for (unsigned int i = 0; i < n; i++) {
		for (size_t s = 0; s < N_SIZES; s++) {
			const struct result r = run_bare(threads, sizes[s]);

			bare_read[s][i] = r.read;
			bare_cpu[s][i] = r.cpu;
		}
		tool = run_tool(threads, NULL, NULL);
		read[i] = tool.read;
		list[i] = tool.list;
		whole[i] = tool.whole;
		cpu[i] = tool.cpu;
	}
	printf("%-7u", threads);
	for (size_t s = 0; s < N_SIZES; s++) {
		if (median(bare_read[s], n) > median(bare_read[best], n))
			best = s;
		printf(" %6.2f", median(bare_read[s], n));
	}
	printf(" %7.2f %6.2f %5.0f%% %6.0f%% %4.0f%% %10.1f %8.1f\n", median(read, n),
	       median(whole, n), share(read, bare_read[best], n),
	       share(list, bare_read[best], n), share(cpu, bare_cpu[best], n),
	       tool.rss / tool.pages, tool.rss / (1 << 20));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), n = 5;
	bool huge = false, only_limits = false;
	int c;

	while ((c = getopt(argc, argv, "lm:n:tr:")) != -1) {
		if (c == 'm')
			bytes = strtoul(optarg, NULL, 10) << 20;
		else if (c == 'n')
			n_procs = strtoul(optarg, NULL, 10);
		else if (c == 't')
			huge = true;
		else if (c == 'l')
			only_limits = true;
		else if (c == 'r')
			n = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (!n || n > MAX_ROUNDS || !n_procs || n_procs > MAX_PROCS ||
	    !bytes || bytes % sizes[N_SIZES - 1])
		return 2;
	start_targets(huge);
	if (only_limits) {
		limits();
		end_targets();
		return 0;
	}
	printf("%u x %zu MiB, %s pages, medians of %u; GB/s\n", n_procs, bytes >> 20,
	       huge ? "huge" : "small", n);
	printf("threads");
	for (size_t s = 0; s < N_SIZES; s++)
		printf(" %5zuK", sizes[s] >> 10);
	printf(" %7s %6s %6s %7s %5s %10s %8s\n", "hashed", "all", "/bare", "+lists", "cpu",
	       "bytes/page", "peak MiB");
	for (unsigned int threads = 1; threads <= cpus && threads <= MAX_THREADS;
	     threads = threads == cpus ? cpus + 1 : cpus)
		rounds(threads, n);
	end_targets();
	return 0;
}
