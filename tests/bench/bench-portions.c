// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-portions.c - for how long does a process stand still while it is unmerged?
 *
 *	bench-portions [-n RUNS] [-m MAPPINGS] [MIB...]
 *
 * A target has MIB of its memory merged (0 64 1024 4096), and three threads that
 * watch themselves: one computes, one takes page faults, one maps and unmaps.
 * Each remembers the longest time that it did not get on, less what it waited
 * for a processor (/proc/thread-self/schedstat), which is other load.  Then
 * merging is disabled by one call of prctl, and by portions, and, for
 * comparison, nothing is done for a second.  Printed are medians of RUNS (3; 1 from 4 GiB on):
 *
 *	way       how
 *	merged    what was merged when it began
 *	took      until it was done, seconds
 *	pieces    calls of madvise
 *	hold      the longest that one call computed in the target, microseconds
 *	runs      the longest that the computing thread stood still, milliseconds
 *	faults    and the faulting one, in memory of its own
 *	maps      and the mapping one
 *
 * With -m, how long it takes to switch merging on and off for a process with so
 * many mappings; sizes are measured besides where they are named.  Needs root and
 * 5 GiB; settings are put back.
 */
#include <errno.h>
#include <pthread.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inject/advise.h"
#include "libksm/sys.h"
#include "util/macros.h"

#define MIB (UINT64_C(1) << 20)
#define RUNS_MAX 64

enum { RUNS, FAULTS, MAPS, N_THREADS };

static struct share {
	_Atomic uint64_t longest_ns[N_THREADS];
	atomic_bool ready;
} *share;

static struct ksm *ksm;
static struct ksm_caps caps;

/* ------------------------------------------------------------------ */
/* the target								*/

/* What this thread waited for a processor so far. */
static uint64_t waited_ns(int fd)
{
	char text[96] = "", *second;

	/* CPU time, then time spent waiting. */
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	second = strchr(text, ' ');
	return second ? strtoull(second, NULL, 10) : 0;
}

struct watch {
	int fd;
	uint64_t at, waited;
};

static void watch_begin(struct watch *w)
{
	w->waited = waited_ns(w->fd);
	w->at = ksm_now_ns();
}

static void watch_end(const struct watch *w, int who)
{
	const uint64_t took = ksm_now_ns() - w->at, waited = waited_ns(w->fd) - w->waited;
	const uint64_t still = took > waited ? took - waited : 0;

	if (still > share->longest_ns[who])
		share->longest_ns[who] = still;
}

static int own_schedstat(void)
{
	return open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

static void *fault(void *arg __unused)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct watch w = { .fd = own_schedstat() };

	for (;;) {
		watch_begin(&w);
		madvise(p, 4096, MADV_DONTNEED);
		*(volatile char *)p = 1;
		watch_end(&w, FAULTS);
		usleep(100);
	}
	return NULL;
}

static void *map(void *arg __unused)
{
	struct watch w = { .fd = own_schedstat() };

	for (;;) {
		watch_begin(&w);
		munmap(mmap(NULL, 65536, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), 65536);
		watch_end(&w, MAPS);
		usleep(100);
	}
	return NULL;
}

/* Contents of which there are few, so that nearly all merge. */
static void fill(char *mem, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += 4096)
		memset(mem + at, (int)(at / 4096 % 97 + 1), 4096);
}

static pid_t start_target(uint64_t bytes, unsigned long mappings)
{
	pthread_t thread;
	struct watch w;
	char *mem;
	pid_t pid;

	share->ready = false;
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bytes) {
		mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (mem == MAP_FAILED)
			_exit(1);
		madvise(mem, bytes, MADV_NOHUGEPAGE);
		fill(mem, bytes);
	}
	if (mappings) {
		mem = mmap(NULL, mappings * 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (unsigned long i = 0; i < mappings; i++)
			mem[i * 4096] = 1;
		for (unsigned long i = 0; i < mappings; i += 2)
			mprotect(mem + i * 4096, 4096, PROT_READ);
	}
	w.fd = own_schedstat();
	pthread_create(&thread, NULL, fault, NULL);
	pthread_create(&thread, NULL, map, NULL);
	share->ready = true;
	for (watch_begin(&w);; watch_begin(&w)) {
		for (volatile int i = 0; i < 1000; i++)
			;
		watch_end(&w, RUNS);
	}
}

/* ------------------------------------------------------------------ */
/* the kernel								*/

static const enum ksm_attr used[] = { KSM_ATTR_RUN, KSM_ATTR_ADVISOR_MODE, KSM_ATTR_PAGES_TO_SCAN,
				      KSM_ATTR_SLEEP_MILLISECS, KSM_ATTR_SMART_SCAN };
static struct ksm_value found[ARRAY_SIZE(used)];

static void put(enum ksm_attr id, const char *text)
{
	struct ksm_value v;

	if (!ksm_attr_parse(id, text, &v))
		(void)ksm_attr_write(ksm, id, &v);
}

static void put_back(void)
{
	/* The advisor before the rate that it would change; whether it runs last. */
	for (size_t i = ARRAY_SIZE(used); i--;)
		if (found[i].state == KSM_VALUE && used[i] != KSM_ATTR_PAGES_TO_SCAN)
			(void)ksm_attr_write(ksm, used[i], &found[i]);
	(void)ksm_attr_write(ksm, KSM_ATTR_PAGES_TO_SCAN, &found[2]);
}

static void on_signal(int sig)
{
	put_back();
	_exit(128 + sig);
}

static int64_t merging(pid_t pid)
{
	struct ksm_proc p;

	return ksm_proc_read(ksm, pid, KSM_PROC_KSM, &p) ? 0 :
							   ksm_fig_or(p.ksm.merging_pages, 0);
}

/* Until nearly all of it is merged, or no more is. */
static void merge(pid_t pid, uint64_t bytes)
{
	const int64_t want = (int64_t)(bytes / 4096 / 100 * 97);
	int64_t last = -1;
	struct ksm_advise_want on = { .on = true };
	struct ksm_advised d;

	if (ksm_advise_process(ksm, &caps, KSM_CHILD(pid), &on, &d))
		fprintf(stderr, "%d: cannot enable merging\n", (int)pid);
	if (!bytes)
		return;
	put(KSM_ATTR_RUN, "1");
	for (int same = 0; same < 120 && merging(pid) < want;) {
		same = merging(pid) == last ? same + 1 : 0;
		last = merging(pid);
		usleep(500000);
	}
	put(KSM_ATTR_RUN, "0");
}

/* ------------------------------------------------------------------ */
/* figures								*/

enum way { NOTHING, AT_ONCE, PORTIONS, N_WAYS };
static const char *const ways[N_WAYS] = { "nothing", "at once", "portions" };

struct figures {
	double merged_mib, took_s, pieces, hold_us, still_ms[N_THREADS];
};

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct figures *f, size_t n, size_t offset)
{
	double v[RUNS_MAX];

	for (size_t i = 0; i < n; i++)
		v[i] = *(const double *)(const void *)((const char *)&f[i] + offset);
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static void watch_begin_all(void)
{
	usleep(200000);
	for (int i = 0; i < N_THREADS; i++)
		share->longest_ns[i] = 0;
}

static void watch_end_all(struct figures *f)
{
	/* A gap is told when it is over. */
	usleep(50000);
	for (int i = 0; i < N_THREADS; i++)
		f->still_ms[i] = share->longest_ns[i] / 1e6;
}

/* One target for each way; nothing is done to one of them before. */
static void measure(enum way way, uint64_t bytes, struct figures *f, struct figures *nothing)
{
	const struct ksm_advise_want want = {
		.how = way == AT_ONCE ? KSM_ADVISE_PRCTL : KSM_ADVISE_AUTO,
	};
	struct ksm_advised d = { 0 };
	pid_t pid = start_target(bytes, 0);
	uint64_t began;
	int rc;

	while (!share->ready)
		usleep(1000);
	merge(pid, bytes);
	f->merged_mib = (double)merging(pid) * 4096 / MIB;
	if (nothing) {
		nothing->merged_mib = f->merged_mib;
		nothing->took_s = 1;
		watch_begin_all();
		usleep(1000000);
		watch_end_all(nothing);
	}
	watch_begin_all();
	began = ksm_now_ns();
	rc = ksm_advise_process(ksm, &caps, KSM_CHILD(pid), &want, &d);
	f->took_s = (ksm_now_ns() - began) / 1e9;
	watch_end_all(f);
	if (rc)
		fprintf(stderr, "%s: %s\n", ways[way], ksm_inject_why_text(d.info.why));
	f->pieces = d.portions.pieces;
	f->hold_us = d.info.cpu_ns / 1e3;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void rows(uint64_t mib, size_t runs)
{
	static struct figures f[N_WAYS][RUNS_MAX];

	memset(f, 0, sizeof(f));
	for (size_t i = 0; i < runs; i++) {
		measure(AT_ONCE, mib * MIB, &f[AT_ONCE][i], &f[NOTHING][i]);
		measure(PORTIONS, mib * MIB, &f[PORTIONS][i], NULL);
	}
#define MEDIAN(field) median(f[way], runs, offsetof(struct figures, field))
	for (int way = 0; way < N_WAYS; way++)
		printf("%-9s %8.0f %8.2f %7.0f %9.0f %9.2f %9.2f %9.2f\n", ways[way],
		       MEDIAN(merged_mib), MEDIAN(took_s), MEDIAN(pieces), MEDIAN(hold_us),
		       MEDIAN(still_ms[RUNS]), MEDIAN(still_ms[FAULTS]), MEDIAN(still_ms[MAPS]));
	fflush(stdout);
}

static void log_line(void *arg __unused, enum ksm_log area __unused, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static void one_change(pid_t pid, const char *name, bool on, enum ksm_advise_how how)
{
	const struct ksm_advise_want want = { .on = on, .how = how, .all = true };
	struct ksm_advised d;
	uint64_t began;
	int rc;

	for (int i = 0; i < N_THREADS; i++)
		share->longest_ns[i] = 0;
	began = ksm_now_ns();
	rc = ksm_advise_process(ksm, &caps, KSM_CHILD(pid), &want, &d);
	usleep(50000);
	printf("%-22s %8.2f %7llu %9.0f %9.2f %9.2f %9.2f%s\n", name,
	       (ksm_now_ns() - began) / 1e9 - 0.05, (unsigned long long)d.portions.pieces,
	       d.info.cpu_ns / 1e3, share->longest_ns[RUNS] / 1e6, share->longest_ns[FAULTS] / 1e6,
	       share->longest_ns[MAPS] / 1e6, rc ? " failed" : "");
	fflush(stdout);
}

static void many_mappings(unsigned long n)
{
	pid_t pid = start_target(0, n);

	while (!share->ready)
		usleep(1000);
	printf("\n%lu mappings\n%-22s %8s %7s %9s %9s %9s %9s\n", n, "call", "took s", "pieces",
	       "hold us", "runs ms", "faults ms", "maps ms");
	one_change(pid, "prctl on", true, KSM_ADVISE_PRCTL);
	one_change(pid, "prctl off, at once", false, KSM_ADVISE_PRCTL);
	one_change(pid, "prctl on", true, KSM_ADVISE_PRCTL);
	one_change(pid, "prctl off, portions", false, KSM_ADVISE_AUTO);
	one_change(pid, "madvise on, portions", true, KSM_ADVISE_MADVISE);
	one_change(pid, "madvise off, portions", false, KSM_ADVISE_MADVISE);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static const char *const usual[] = { "0", "64", "1024", "4096" };
	const char *const *sizes = usual;
	size_t n = ARRAY_SIZE(usual), runs = 0;
	unsigned long mappings = 0;
	int opt;

	while ((opt = getopt(argc, argv, "n:m:")) != -1) {
		if (opt == 'n')
			runs = strtoul(optarg, NULL, 10);
		else if (opt == 'm')
			mappings = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind < argc || mappings) {
		sizes = (const char *const *)argv + optind;
		n = argc - optind;
	}
	if (runs > RUNS_MAX || ksm_open(NULL, &ksm) || ksm_caps_read(ksm, &caps))
		return 1;
	if (getenv("KSM_DEBUG"))
		ksm_set_log(ksm, log_line, NULL, ksm_log_parse(getenv("KSM_DEBUG")));
	share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	for (size_t i = 0; i < ARRAY_SIZE(used); i++)
		(void)ksm_attr_read(ksm, used[i], &found[i]);
	atexit(put_back);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	put(KSM_ATTR_ADVISOR_MODE, "none");
	put(KSM_ATTR_SMART_SCAN, "0");
	put(KSM_ATTR_PAGES_TO_SCAN, "50000");
	put(KSM_ATTR_SLEEP_MILLISECS, "1");
	if (n)
		printf("%-9s %8s %8s %7s %9s %9s %9s %9s\n", "way", "merged", "took s", "pieces",
		       "hold us", "runs ms", "faults ms", "maps ms");
	for (size_t i = 0; i < n; i++) {
		const uint64_t mib = strtoul(sizes[i], NULL, 10);

		rows(mib, runs ?: mib < 4096 ? 3 : 1);
	}
	if (mappings)
		many_mappings(mappings);
	return 0;
}
