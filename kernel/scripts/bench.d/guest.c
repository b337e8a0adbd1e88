// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the machine that kernel/scripts/bench or bench-module boots: builds the
 * memory of one case, lets ksmd work on it, and prints "RESULT <metric> <value>" lines.
 * Not a test of behaviour, but every page is checked before the machine ends,
 * and a run with a wrong page prints no "RESULT ok 1".
 *
 * Command line of the kernel: bench.case=NAME bench.mib=N [bench.quick]
 * [bench.scanners=N] [bench.module]: /hksm.ko is put in place of mm/ksm.c first
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define WORDS		(PAGE / 8)
#define KSM		"/sys/kernel/mm/ksm/"
#define HOLDERS_MAX	8
/* How often restless pages are written. */
#define TURN_MS		100

/* Where in its case a page stands: holder, index, pages of the holder. */
typedef uint64_t (*content_fn)(unsigned holder, size_t i, size_t n);

static uint64_t twice(unsigned holder, size_t i, size_t n)
{
	return i + 1;
}

static uint64_t unique(unsigned holder, size_t i, size_t n)
{
	return holder * n + i + 1;
}

static uint64_t tenth(unsigned holder, size_t i, size_t n)
{
	return i % 10 ? holder * n + i + 1 : (1ULL << 40) + i;
}

static uint64_t zero(unsigned holder, size_t i, size_t n)
{
	return 0;
}

static uint64_t one(unsigned holder, size_t i, size_t n)
{
	return 7;
}

static uint64_t half(unsigned holder, size_t i, size_t n)
{
	return i / 2 + 1;
}

static const struct bench {
	const char *name;
	unsigned holders;
	content_fn content;
	double sharing;		/* of all pages, once everything is merged */
	bool zero_pages;
	size_t prefix;		/* leading bytes all pages have in common */
	unsigned restless;	/* per cent of the pages that keep changing */
	bool alike;		/* and to the same in all holders */
	bool forked;		/* one memory, the holders share it by fork */
} benches[] = {
	{ "pairs", 2, twice, 0.5 },
	{ "proc8", 8, twice, 7.0 / 8 },
	{ "unique", 2, unique, 0 },
	{ "tenth", 2, tenth, 0.05 },
	{ "zero0", 2, zero, 255.0 / 256 },
	{ "zero1", 2, zero, 1, .zero_pages = true },
	{ "prefix", 2, twice, 0.5, .prefix = 4000 },
	{ "volatile", 2, twice, 0.4, .restless = 20 },
	{ "alike", 2, twice, 0.4, .restless = 20, .alike = true },
	{ "one", 2, one, 255.0 / 256 },
	{ "fork", 8, half, 15.0 / 16, .forked = true },
};

static const struct bench *b;
static size_t pages;		/* in all */
static bool failed;
static bool quick;		/* leave the steady state out, it takes long */
static bool module;		/* the engine is one, and to be loaded */

#define MAX_SCANNERS	16

static clockid_t clocks[MAX_SCANNERS];
static int nr_clocks;
static char scanners[8];

static void die(const char *what)
{
	printf("ERROR %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(1);
}

static long get(const char *file)
{
	char path[128], buf[64] = "";
	int fd;

	snprintf(path, sizeof(path), KSM "%s", file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	if (read(fd, buf, sizeof(buf) - 1) < 0)
		buf[0] = '\0';
	close(fd);
	return atol(buf);
}

static void set(const char *file, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), KSM "%s", file);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* CPU time of a thread, by its clock, in seconds. */
static double clock_seconds(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		die("clock");
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Clocks of ksmd and, with several scanners, of ksmd/1 and so on. */
static void find_ksmd(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && nr_clocks < MAX_SCANNERS &&
		    (!strcmp(name, "ksmd\n") || !strncmp(name, "ksmd/", 5)) &&
		    !clock_getcpuclockid(atoi(d->d_name), &clocks[nr_clocks]))
			nr_clocks++;
		fclose(f);
	}
	closedir(dir);
	errno = ESRCH;
	if (!nr_clocks)
		die("ksmd");
}

/* The calling thread is in the kernel for what counts. */
static double own_cpu(void)
{
	return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* CPU time of all scanners in seconds. */
static double ksmd_cpu(void)
{
	double sum = 0;
	int i;

	for (i = 0; i < nr_clocks; i++)
		sum += clock_seconds(clocks[i]);
	return sum;
}

static void fill(void *page, uint64_t id)
{
	uint64_t *w = page, x = id * 0x9e3779b97f4a7c15ULL + 1;
	size_t i;

	for (i = 0; i < WORDS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w[i] = !id ? 0 : i < b->prefix / 8 ? 42 : x;
	}
}

static bool right(const void *page, uint64_t id)
{
	static uint64_t want[WORDS];

	fill(want, id);
	return !memcmp(page, want, PAGE);
}

static bool restless(size_t i)
{
	return i % 100 < b->restless;
}

/* A holder: owns memory, rewrites some of it, checks it when told to end. */
static void hold(unsigned holder, char *mem, size_t n, int ready, int end)
{
	uint64_t turn = 1ULL << 50;
	char c = 0;
	size_t i;

	if (!b->forked) {
		for (i = 0; i < n; i++)
			fill(mem + i * PAGE, b->content(holder, i, n));
		if (madvise(mem, n * PAGE, MADV_MERGEABLE))
			die("madvise");
	}
	if (write(ready, &c, 1) != 1)
		_exit(1);
	fcntl(end, F_SETFL, b->restless ? O_NONBLOCK : 0);
	while (read(end, &c, 1) < 0) {
		if (b->alike)
			turn = (uint64_t)(now() * 1000 / TURN_MS) << 32;
		for (i = 0; i < n; i++)
			if (restless(i))
				*(uint64_t *)(mem + i * PAGE) = turn++;
		usleep(TURN_MS * 1000);
	}
	for (i = 0; i < n; i++)
		if (!restless(i) &&
		    !right(mem + i * PAGE, b->content(holder, i, n)))
			_exit(1);
	_exit(0);
}

static int go[2], done[2];
static pid_t pid[HOLDERS_MAX];

static char *map(size_t n)
{
	char *mem = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED)
		die("mmap");
	madvise(mem, n * PAGE, MADV_NOHUGEPAGE);
	return mem;
}

/* The parent of forked holders: owns the memory and shares it with them. */
static void start_holders(void)
{
	size_t n = pages / b->holders, i;
	char *mem = b->forked ? map(n) : NULL;
	unsigned h;
	char c;

	if (pipe(go) || pipe(done))
		die("pipe");
	for (i = 0; mem && i < n; i++)
		fill(mem + i * PAGE, b->content(0, i, n));
	if (mem && madvise(mem, n * PAGE, MADV_MERGEABLE))
		die("madvise");
	for (h = 0; h < b->holders; h++) {
		pid[h] = fork();
		if (pid[h] < 0)
			die("fork");
		if (!pid[h]) {
			close(go[1]);
			hold(h, mem ? mem : map(n), n, done[1], go[0]);
		}
		/* One after the other, so that frames are in order. */
		if (read(done[0], &c, 1) != 1)
			die("holder");
	}
	close(go[0]);
	/* The holders have it now. */
	if (mem)
		munmap(mem, n * PAGE);
}

static void end_holders(void)
{
	unsigned h;
	int st;

	close(go[1]);
	for (h = 0; h < b->holders; h++)
		if (waitpid(pid[h], &st, 0) != pid[h] || st)
			failed = true;
}

static void result(const char *metric, double value)
{
	printf("RESULT %s %.9g\n", metric, value);
}

static void wait_passes(long n)
{
	long end = get("full_scans") + n;

	while (get("full_scans") < end)
		usleep(2000);
}

static bool reached(void)
{
	double quiet = pages * (100.0 - b->restless) / 100;
	long saved = get("pages_sharing") + get("ksm_zero_pages");
	long known = saved + get("pages_shared") + get("pages_unshared");

	return saved >= 0.99 * b->sharing * pages && known >= 0.99 * quiet;
}

static long slab_bytes(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512], name[64];
	long active, total, size, sum = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld %ld %ld", name, &active, &total,
			   &size) == 4 && !strncmp(name, "ksm_", 4))
			sum += active * size;
	fclose(f);
	return sum;
}

static long cow_ksm(void)
{
	FILE *f = fopen("/proc/vmstat", "r");
	char name[64];
	long v, cow = 0;

	while (f && fscanf(f, "%63s %ld", name, &v) == 2)
		if (!strcmp(name, "cow_ksm"))
			cow = v;
	if (f)
		fclose(f);
	return cow;
}

static void steady(const char *metric, const char *smart, long warm, long n)
{
	double cpu;
	long scans;

	set("smart_scan", smart);
	wait_passes(warm);
	cpu = ksmd_cpu();
	scans = get("full_scans");
	wait_passes(n);
	cpu = ksmd_cpu() - cpu;
	result(metric, cpu * 1e6 / (get("full_scans") - scans) / pages);
}

/* For how long the engine had what others want, at most, us. */
static void holds(void)
{
	static const char *const kinds[] = { "mmap", "ptl", "exclusive" };
	char name[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		long ns;

		snprintf(name, sizeof(name), "hksm/longest_%s_ns", kinds[i]);
		ns = get(name);
		snprintf(name, sizeof(name), "longest_%s_us", kinds[i]);
		if (ns >= 0)
			result(name, ns / 1e3);
	}
}

static void measure(void)
{
	double cpu = ksmd_cpu(), wall = now(), start;
	long scans = get("full_scans"), last = scans, meta, cow;
	bool hash = get("hksm/metadata_bytes") >= 0;
	double restless_pages = pages * b->restless / 100.0;

	set("run", "1");
	for (;;) {
		/* Not reached yet in the pass after this many. */
		long before = get("full_scans");

		if (reached())
			break;
		last = before;
		if (now() - wall > 900) {
			printf("ERROR not merged after 900 s\n");
			failed = true;
			break;
		}
		usleep(4000);
	}
	result("cpu_us_page", (ksmd_cpu() - cpu) * 1e6 / pages);
	result("wall_us_page", (now() - wall) * 1e6 / pages);
	result("passes", last - scans + 1);
	holds();

	cow = cow_ksm();
	start = now();
	/*
	 * Until pages are skipped as long as they ever are, which is 8 passes
	 * or 15, and then whole rounds of one visit and the skips after it.
	 */
	if (quick)
		wait_passes(2);
	else if (hash)
		steady("steady1_us", "1", 72, 3 * 16);
	else
		steady("steady1_us", "1", 36, 4 * 9);
	if (b->restless && !quick)
		result("breaks_turn", (cow_ksm() - cow) / restless_pages /
		       ((now() - start) * 1000 / TURN_MS));
	if (!quick && !strcmp(b->name, "unique"))
		steady("steady0_us", "0", 1, 2);
	meta = get("hksm/metadata_bytes");
	if (meta < 0)
		meta = slab_bytes();
	result("meta_page", (double)meta / pages);

	start = now();
	cpu = own_cpu();
	set("run", "2");
	result("unmerge_us_page", (own_cpu() - cpu) * 1e6 / pages);
	result("unmerge_wall_us_page", (now() - start) * 1e6 / pages);
	if (get("pages_shared") || get("ksm_zero_pages"))
		failed = true;
}

/*
 * The host gives this machine its memory, cleared, where it is first touched. That
 * is done here, not where something is measured.
 */
static void touch_memory(void)
{
	const unsigned long spare_kib = 32UL << 10;
	unsigned long kib = 0;
	char line[128], *mem;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %lu", &kib) == 1)
			break;
	if (!f || kib <= spare_kib)
		die("/proc/meminfo");
	fclose(f);
	kib -= spare_kib;
	mem = map(kib / (PAGE >> 10));
	munmap(mem, kib << 10);
}

static void parse_cmdline(void)
{
	char buf[4096] = "", *p;
	int fd = open("/proc/cmdline", O_RDONLY);
	char name[32] = "";
	unsigned long mib = 0;
	size_t i;

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		die("/proc/cmdline");
	close(fd);
	p = strstr(buf, "bench.case=");
	if (p)
		sscanf(p, "bench.case=%31s", name);
	p = strstr(buf, "bench.mib=");
	if (p)
		sscanf(p, "bench.mib=%lu", &mib);
	p = strstr(buf, "bench.scanners=");
	if (p)
		sscanf(p, "bench.scanners=%7[0-9]", scanners);
	module = strstr(buf, "bench.module");
	quick = strstr(buf, "bench.quick");
	for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		if (!strcmp(benches[i].name, name))
			b = &benches[i];
	errno = EINVAL;
	if (!b || !mib)
		die("command line");
	pages = mib << (20 - 12);
}

static void load_module(void)
{
	char c = '1';
	int fd = open("/hksm.ko", O_RDONLY);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		die("/hksm.ko");
	close(fd);
	while (c != '0') {
		usleep(10000);
		fd = open("/sys/kernel/livepatch/hksm/transition", O_RDONLY);
		if (fd < 0 || read(fd, &c, 1) != 1)
			die("transition");
		close(fd);
	}
	while (access(KSM "hksm/metadata_bytes", F_OK))
		usleep(10000);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	parse_cmdline();
	touch_memory();
	if (module)
		load_module();
	set("sleep_millisecs", "0");
	set("pages_to_scan", "1000000000");
	set("use_zero_pages", b->zero_pages ? "1" : "0");
	if (*scanners)
		set("hksm/scanners", scanners);
	find_ksmd();
	start_holders();
	measure();
	end_holders();
	if (!failed)
		result("ok", 1);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
