// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Others that look at, move or replace pages while these are being merged: idle
 * page tracking and DAMON walk who maps a merged page, migration moves it, NUMA
 * balancing changes page table entries between the two steps of a merge, huge
 * pages are made of merged ones, and merged pages go away that the engine still
 * knows. Each says how often it really happened.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES		512	/* of a huge page */
#define SOME		160	/* enough for all else */
#define CONTENTS	32
#define ROUNDS		8
#define TRIES		30
#define ID		0x72616365ULL
#define HUGE		CASE_HUGE
#define KPF_IDLE	(1ULL << 25)
#define MPOL_MF_MOVE_ALL (1 << 2)

#define IDLE_BITMAP	"/sys/kernel/mm/page_idle/bitmap"
#define DAMON_TRIES	1000
#define DAMON		"/sys/kernel/mm/damon/admin/kdamonds/"
#define NUMA_DEBUG	"/sys/kernel/debug/sched/numa_balancing/"

static char *mem;
static size_t pages;
static uint64_t id[PAGES];
static size_t wrong;
static bool stop;
/* How often the other side did what it is there for. */
static long long times;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void look(void)
{
	for (size_t i = 0; i < pages; i++)
		wrong += !case_check(case_page(mem, i), id[i]);
}

static void put(size_t i, uint64_t what)
{
	case_fill(case_page(mem, i), what);
	id[i] = what;
}

/* Memory that merges, breaks and merges again, as long as the other side runs. */
static void churn(void)
{
	for (size_t r = 0; r < ROUNDS; r++) {
		for (size_t i = r % 3; i < pages; i += 3)
			put(i, ID + (r * 7 + i * 5) % CONTENTS);
		case_wait_scans(1);
		look();
	}
}

static void begin(void)
{
	pages = SOME;
	mem = case_map(pages);
	for (size_t i = 0; i < pages; i++)
		put(i, ID + i % CONTENTS);
	if (madvise(mem, pages * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE: %s", strerror(errno));
	wrong = 0;
	times = 0;
	case_wait_frames(mem, pages, CONTENTS);
}

static void end(const char *what)
{
	bool merged;

	for (size_t i = 0; i < pages; i++)
		put(i, ID + i % CONTENTS);
	merged = case_wait_frames(mem, pages, CONTENTS);
	look();
	case_ok(wrong == 0, "%s: content (%zu wrong)", what, wrong);
	case_ok(merged, "%s: all is merged in the end", what);
	case_unmap(mem, pages);
	case_wait_scans(2);
}

static void race(void *(*other)(void *), void (*here)(void))
{
	pthread_t thread;

	stop = false;
	if (pthread_create(&thread, NULL, other, NULL))
		case_die("pthread_create");
	here();
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* As often as it takes for the two to meet. */
static void against(const char *what, void *(*other)(void *), void (*here)(void))
{
	for (int i = 0; i < TRIES && !times; i++)
		race(other, here);
	case_ok(times > 0, "%s: happened %lld times", what, times);
}

/* Idle page tracking (row 28) */

static int idle_fd = -1;

static bool idle_io(uint64_t pfn, bool set, uint64_t *bits)
{
	off_t at = pfn / 64 * sizeof(*bits);

	*bits = ~0ULL;
	if (set)
		return pwrite(idle_fd, bits, sizeof(*bits), at) == sizeof(*bits);
	return pread(idle_fd, bits, sizeof(*bits), at) == sizeof(*bits);
}

static bool is_idle(const void *page)
{
	uint64_t bits, pfn = case_pfn(page);

	return idle_io(pfn, false, &bits) && bits >> pfn % 64 & 1;
}

/*
 * Nobody uses the page. A scanner that has it locked keeps the kernel from looking at
 * its entries, which stay young then (mm/page_idle.c): it is marked again.
 */
static bool can_be_idle(const void *page)
{
	uint64_t bits;

	for (int i = 0; i < TRIES; i++) {
		if (idle_io(case_pfn(page), true, &bits) && is_idle(page))
			return true;
		usleep(1000);
	}
	return false;
}

static void *idle_others(void *arg)
{
	uint64_t bits;

	(void)arg;
	for (size_t i = 0; !stopped(); i = (i + 1) % pages) {
		uint64_t pfn = case_pfn(case_page(mem, i));

		times += pfn && idle_io(pfn, true, &bits) &&
			 idle_io(pfn, false, &bits);
	}
	return NULL;
}

/* Whoever uses a merged page, by whichever mapping, it is not idle. */
static void idle(void)
{
	const size_t ps = case_page_size();
	char *b;

	idle_fd = open(IDLE_BITMAP, O_RDWR | O_CLOEXEC);
	if (idle_fd < 0) {
		case_skip("no idle page tracking");
		return;
	}
	begin();
	b = case_page(mem, CONTENTS);
	case_ok(case_pfn(b) == case_pfn(mem) && can_be_idle(mem),
		"idle page tracking: a merged page that nobody uses is idle");
	/* Forget what the processor knows, so that it marks the entry. */
	mprotect(b, ps, PROT_READ);
	wrong += !case_check(b, id[CONTENTS]);
	mprotect(b, ps, PROT_READ | PROT_WRITE);
	case_ok(!is_idle(mem), "and is not, once another mapping is used");
	against("idle page tracking", idle_others, churn);
	end("idle page tracking");
	close(idle_fd);
}

/* DAMON (row 28) */

/*
 * Its own thread takes, for a moment in each period, the lock that a write to
 * its files only tries to take: EBUSY then (mm/damon/sysfs.c).
 */
static int damon_write(const char *path, const char *text)
{
	int err = case_write(path, text);

	for (int i = 0; i < DAMON_TRIES && err == -EBUSY; i++) {
		usleep(1000);
		err = case_write(path, text);
	}
	return err;
}

/* What runs on would hold pages of whatever comes next. */
static void damon_stop(void)
{
	int err = damon_write(DAMON "0/state", "off");

	if (err)
		case_die("DAMON does not stop: %s", strerror(-err));
}

static void damon_set(const char *file, unsigned long long value)
{
	char path[256], text[32];

	snprintf(path, sizeof(path), DAMON "0/contexts/0/%s", file);
	snprintf(text, sizeof(text), "%llu", value);
	if (damon_write(path, text))
		case_note("%s cannot be set", path);
}

static int damon_start(void)
{
	uint64_t first = UINT64_MAX, last = 0;
	int err = damon_write(DAMON "nr_kdamonds", "1");

	if (!err)
		err = damon_write(DAMON "0/contexts/nr_contexts", "1");
	if (!err)
		err = damon_write(DAMON "0/contexts/0/operations", "paddr");
	if (err)
		return err;
	for (size_t i = 0; i < pages; i++) {
		uint64_t pfn = case_pfn(case_page(mem, i));

		first = pfn < first ? pfn : first;
		last = pfn > last ? pfn : last;
	}
	damon_set("monitoring_attrs/intervals/sample_us", 1000);
	damon_set("monitoring_attrs/intervals/aggr_us", 5000);
	damon_set("monitoring_attrs/intervals/update_us", 1000000);
	damon_set("monitoring_attrs/nr_regions/min", 200);
	damon_set("monitoring_attrs/nr_regions/max", 2000);
	damon_set("targets/nr_targets", 1);
	damon_set("targets/0/regions/nr_regions", 1);
	damon_set("targets/0/regions/0/start", first * case_page_size());
	damon_set("targets/0/regions/0/end", (last + 1) * case_page_size());
	return damon_write(DAMON "0/state", "on");
}

/* What it has walked is marked idle, until it is used again. */
static void *damon_others(void *arg)
{
	(void)arg;
	for (size_t i = 0; !stopped(); i = (i + 1) % pages) {
		uint64_t pfn = case_pfn(case_page(mem, i));

		times += pfn && case_kpageflags(pfn) & KPF_IDLE;
	}
	return NULL;
}

/* Pages move: each time it is told anew where to look. */
static void damon_churn(void)
{
	int err = damon_start();

	if (err)
		case_die("DAMON does not start again: %s", strerror(-err));
	churn();
	damon_stop();
}

static void damon(void)
{
	begin();
	if (!damon_start()) {
		damon_stop();
		against("DAMON", damon_others, damon_churn);
		end("DAMON");
		damon_write(DAMON "nr_kdamonds", "0");
	} else {
		case_skip("no DAMON of physical memory");
		case_unmap(mem, pages);
	}
}

/* Migration (row 13) */

static long move(int node)
{
	static void *page[PAGES];
	static int nodes[PAGES], status[PAGES];
	long n = 0;

	for (size_t i = 0; i < pages; i++) {
		page[i] = case_page(mem, i);
		nodes[i] = node;
		status[i] = -1;
	}
	if (syscall(SYS_move_pages, 0, (unsigned long)pages, page, nodes, status,
		    MPOL_MF_MOVE_ALL) < 0)
		return -1;
	for (size_t i = 0; i < pages; i++)
		n += status[i] == node;
	return n;
}

static void *move_others(void *arg)
{
	(void)arg;
	for (int node = 0; !stopped(); node = !node) {
		long n = move(node);

		times += n > 0 ? n : 0;
	}
	return NULL;
}

static void migration(void)
{
	begin();
	if (move(1) > 0) {
		against("migration", move_others, churn);
		end("migration");
	} else {
		case_skip("there are no two NUMA nodes");
		case_unmap(mem, pages);
	}
}

/* NUMA balancing (row 24) */

static void *touch_others(void *arg)
{
	long long before = case_vmstat("numa_pte_updates");

	(void)arg;
	/* Entries are changed in the name of who runs. */
	while (!stopped())
		for (size_t i = 0; i < pages; i++)
			__atomic_load_n((char *)case_page(mem, i),
					__ATOMIC_RELAXED);
	times = case_vmstat("numa_pte_updates") - before;
	return NULL;
}

static void balancing(void)
{
	if (access("/sys/devices/system/node/node1", F_OK) ||
	    case_write(NUMA_DEBUG "scan_delay_ms", "1") ||
	    case_write(NUMA_DEBUG "scan_period_min_ms", "1") ||
	    case_write(NUMA_DEBUG "scan_period_max_ms", "2") ||
	    case_write("/proc/sys/kernel/numa_balancing", "1")) {
		case_skip("no NUMA balancing");
		return;
	}
	begin();
	against("NUMA hints", touch_others, churn);
	case_note("%lld of them were met", case_vmstat("numa_hint_faults"));
	case_write("/proc/sys/kernel/numa_balancing", "0");
	end("NUMA hints");
}

/* Huge pages (row 11) */

static void *collapse_others(void *arg)
{
	(void)arg;
	while (!stopped()) {
		/* At least one entry has to be writable. */
		case_fill(mem, ID);
		times += !madvise(mem, HUGE, MADV_COLLAPSE);
		usleep(1000);
	}
	return NULL;
}

/* As it was: the pages are merged with their twins, and those do not change. */
static void rewrite(void)
{
	for (size_t r = 0; r < ROUNDS; r++) {
		for (size_t i = 1 + r % 3; i < pages; i += 3)
			put(i, ID + i);
		case_wait_scans(1);
		look();
	}
}

/* Two stretches of which one is the copy of the other, page by page. */
static void collapse(void)
{
	const size_t per = HUGE / case_page_size();
	char *both = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *twin;

	if (both == MAP_FAILED)
		case_die("mmap");
	mem = (char *)(((uintptr_t)both + HUGE - 1) & -HUGE);
	pages = PAGES;
	twin = mem + HUGE;
	if (per != PAGES || madvise(mem, 2 * HUGE, MADV_HUGEPAGE)) {
		case_skip("no transparent huge pages");
		munmap(both, 3 * HUGE);
		return;
	}
	for (size_t i = 0; i < per; i++) {
		put(i, ID + i);
		case_fill(case_page(twin, i), ID + i);
	}
	wrong = 0;
	times = 0;
	madvise(mem, 2 * HUGE, MADV_MERGEABLE);
	case_ok(case_wait_frames(mem, 2 * per, per), "huge pages: merged");
	case_stop();
	put(0, ID);
	if (madvise(mem, HUGE, MADV_COLLAPSE)) {
		case_skip("MADV_COLLAPSE (6.1): %s", strerror(errno));
		munmap(both, 3 * HUGE);
		case_start();
		return;
	}
	case_ok(case_is_huge(mem),
		"a huge page was made of merged pages");
	look();
	wrong += case_check_many(twin, per, ID, per);
	case_ok(wrong == 0, "with the right content");
	case_start();
	case_ok(case_wait_frames(mem, 2 * per, per), "which merges again");

	against("huge pages", collapse_others, rewrite);
	for (size_t i = 0; i < per; i++)
		put(i, ID + i);
	case_ok(case_wait_frames(mem, 2 * per, per),
		"huge pages: all is merged in the end");
	look();
	wrong += case_check_many(twin, per, ID, per);
	case_ok(wrong == 0, "huge pages: content (%zu wrong)", wrong);
	munmap(both, 3 * HUGE);
	case_wait_scans(2);
}

/* Merged pages that are gone when they are looked up (row 14) */

static void *discard_others(void *arg)
{
	unsigned int at = 0;

	(void)arg;
	/* All copies of a content go, in the same moment as others join it. */
	while (!stopped()) {
		char *pair = case_map(2);

		for (int i = 0; i < 2; i++)
			case_fill(case_page(pair, i), ID + at % CONTENTS);
		madvise(pair, 2 * case_page_size(), MADV_MERGEABLE);
		usleep(at % 7 * 500);
		madvise(pair, 2 * case_page_size(), MADV_DONTNEED);
		case_unmap(pair, 2);
		times++;
		at++;
	}
	return NULL;
}

static void gone(void)
{
	char *again, *between;

	begin();
	case_stop();
	/* The frames go, and come back with other contents ... */
	madvise(mem, pages * case_page_size(), MADV_DONTNEED);
	between = case_map(CONTENTS * 2);
	case_fill_many(between, CONTENTS * 2, ID + 1000, CONTENTS);
	madvise(between, CONTENTS * 2 * case_page_size(), MADV_MERGEABLE);
	/* ... before the scanner looks for those that it knows there. */
	again = case_map(CONTENTS * 2);
	case_fill_many(again, CONTENTS * 2, ID, CONTENTS);
	madvise(again, CONTENTS * 2 * case_page_size(), MADV_MERGEABLE);
	case_start();
	case_ok(case_wait_frames(between, CONTENTS * 2, CONTENTS) &&
		case_wait_frames(again, CONTENTS * 2, CONTENTS),
		"gone: both contents merged");
	case_wait_scans(2);
	case_stop();
	if (getenv("KSM_TEST_MACHINE"))
		case_ok(case_get("pages_shared") == 2 * CONTENTS,
			"gone: nothing else is merged (%lld)",
			case_get("pages_shared"));
	case_ok(case_check_many(between, CONTENTS * 2, ID + 1000, CONTENTS) == 0 &&
		case_check_many(again, CONTENTS * 2, ID, CONTENTS) == 0,
		"gone: content");
	case_unmap(between, CONTENTS * 2);
	case_unmap(again, CONTENTS * 2);
	case_start();
	for (size_t i = 0; i < pages; i++)
		put(i, ID + i % CONTENTS);
	against("gone", discard_others, churn);
	end("gone");
}

static void run(void)
{
	bool own = getenv("KSM_TEST_MACHINE");

	case_start();
	gone();
	collapse();
	if (own) {
		idle();
		damon();
		migration();
		balancing();
	} else {
		case_skip("the rest disturbs others: only in a test machine");
	}
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
