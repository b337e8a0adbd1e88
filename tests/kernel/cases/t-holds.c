// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: what it says of the time that it holds locks. A figure is 0 when it was
 * cleared and nothing was done since; it is no more than the time that went by; and
 * none is told of what nobody waits for. In the trace a merge of pages that lie far
 * apart says so of them alone, and a huge page that is split is told of, too.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGES	2048
#define ID	0x686f6c6473000000ULL
#define FIGURES	4
#define DIR	"/sys/kernel/mm/ksm/"

static const char *const figure[FIGURES] = {
	"hksm/longest_mmap_ns", "hksm/longest_ptl_ns",
	"hksm/longest_notifier_ns", "hksm/longest_exclusive_ns",
};
enum { MMAP, PTL, NOTIFIER, EXCLUSIVE };

/* Two pairs of pages in one page table, and how many pages are told of at a time. */
static const size_t lone[] = { 10, 11, 400, 401 };
#define LONE_NR		(sizeof(lone) / sizeof(lone[0]))
#define LONE_SPAN	2

/* Not by case_set(): what they were cannot be put back. */
static int put(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DIR "%s", name);
	return case_write(path, text);
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void clear(void)
{
	for (int i = 0; i < FIGURES; i++)
		if (put(figure[i], "0"))
			case_die("%s cannot be cleared", figure[i]);
}

/* What died before may be cleaned up now, with the engine locked for that. */
static bool clears(void)
{
	bool all = false;

	for (int tries = 0; tries < 100 && !all; tries++) {
		clear();
		all = true;
		for (int i = 0; i < FIGURES; i++)
			all &= case_get(figure[i]) == 0;
	}
	return all;
}

static void refuses(void)
{
	static const char *const bad[] = { "1", "-1", "\n", "zero", "0 0" };
	size_t taken = 0;

	for (int i = 0; i < FIGURES; i++)
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			taken += put(figure[i], bad[k]) != -EINVAL;
	case_ok(taken == 0, "nothing but 0 can be written (%zu times it could)",
		taken);
}

static void *merge(size_t distinct)
{
	char *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, distinct);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_start();
	if (!case_wait_frames(mem, PAGES, distinct))
		case_die("the pages do not merge");
	/* When it is switched off, every step is over. */
	case_stop();
	return mem;
}

static void figures(void)
{
	long long begin = now(), got[FIGURES], took;
	void *mem = merge(PAGES / 2);

	for (int i = 0; i < FIGURES; i++)
		got[i] = case_get(figure[i]);
	took = now() - begin;
	case_ok(got[MMAP] > 0 && got[PTL] > 0,
		"merging shows: mmap_lock %lld, page tables %lld ns", got[MMAP],
		got[PTL]);
	case_ok(got[NOTIFIER] == 0,
		"no notifiers here, none waited for (%lld ns)", got[NOTIFIER]);
	case_ok(got[MMAP] <= took && got[EXCLUSIVE] <= took,
		"no hold took longer than all did, %lld ns", took);
	/* The scanner has no page table without the mmap_lock around it. */
	case_ok(got[PTL] <= got[MMAP],
		"a page table is held within a hold of the mmap_lock");
	clear();
	begin = now();
	case_set("run", "2");
	for (int i = 0; i < FIGURES; i++)
		got[i] = case_get(figure[i]);
	took = now() - begin;
	case_ok(got[EXCLUSIVE] >= got[MMAP] && got[MMAP] > 0 &&
		got[EXCLUSIVE] <= took,
		"unmerging shows: mmap_lock %lld, all %lld of %lld ns",
		got[MMAP], got[EXCLUSIVE], took);
	case_ok(case_check_many(mem, PAGES, ID, PAGES / 2) == 0, "content");
	case_set("run", "0");
	case_unmap(mem, PAGES);
}

/* Of one event or, with "", of all of the engine. */
static void trace_switch(const char *dir, const char *event, bool on)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/events/hksm/%s%senable", dir, event,
		 *event ? "/" : "");
	if (case_write(path, on ? "1" : "0"))
		case_die("%s cannot be set", path);
}

/* What was traced, which is forgotten: each line of it is given to @line. */
static void trace_read(const char *dir, void (*line)(const char *text))
{
	char path[256], text[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", dir);
	f = fopen(path, "re");
	if (!f)
		case_die("%s: %s", path, strerror(errno));
	while (fgets(text, sizeof(text), f))
		line(text);
	fclose(f);
	case_write(path, "0");
}

/* What is there to be seen everywhere, and what takes something that may not be. */
static const char *const event[] = {
	"hksm_batch", "hksm_mmap_hold", "hksm_ptl_hold", "hksm_exclusive",
	"hksm_notifier", "hksm_split",
};
#define SEEN_NR	4
static size_t seen[SEEN_NR];

static void see_any(const char *text)
{
	for (size_t i = 0; i < SEEN_NR; i++)
		seen[i] += strstr(text, event[i]) && strstr(text, " ns ");
}

static void all_events(const char *dir)
{
	const size_t nr = sizeof(event) / sizeof(event[0]);
	size_t missing = 0, unseen = 0;
	char path[256];

	for (size_t i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/events/hksm/%s/enable", dir,
			 event[i]);
		missing += access(path, F_OK) != 0;
	}
	case_ok(missing == 0, "all %zu events exist (%zu do not)", nr, missing);
	trace_switch(dir, "", true);
	case_unmap(merge(PAGES / 4), PAGES);
	trace_switch(dir, "", false);
	trace_read(dir, see_any);
	for (size_t i = 0; i < SEEN_NR; i++)
		unseen += !seen[i];
	case_ok(unseen == 0, "in the trace: %zu batches, %zu and %zu holds, %zu of all",
		seen[0], seen[1], seen[2], seen[3]);
}

/* Memory of one page table. */
static char *table_map(void)
{
	char *mem = mmap(NULL, 2 * CASE_HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap: %s", strerror(errno));
	return (char *)(((uintptr_t)mem + CASE_HUGE - 1) & -CASE_HUGE);
}

/* What notifiers were told of in that memory: how often, and pages at most. */
static char *told_mem;
static size_t told, told_most;

static void see_notifier(const char *text)
{
	unsigned long start, end;

	text = strstr(text, "hksm_notifier: ");
	text = text ? strstr(text, "start ") : NULL;
	if (!text || sscanf(text, "start %lx end %lx", &start, &end) != 2 ||
	    start < (unsigned long)told_mem ||
	    end > (unsigned long)told_mem + CASE_HUGE)
		return;
	told++;
	end = (end - start) / case_page_size();
	if (end > told_most)
		told_most = end;
}

static void notifiers(const char *dir)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	/* It has notifiers for the memory of who makes it, also without a guest. */
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	uint64_t first, second;

	if (vm < 0) {
		case_skip("nobody has notifiers here: %s", strerror(errno));
		return;
	}
	told_mem = table_map();
	madvise(told_mem, CASE_HUGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < LONE_NR; i++)
		case_fill(case_page(told_mem, lone[i]), ID + i / 2);
	if (madvise(told_mem, CASE_HUGE, MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	trace_switch(dir, "hksm_notifier", true);
	case_start();
	case_wait_scans(3);
	case_stop();
	trace_switch(dir, "hksm_notifier", false);
	trace_read(dir, see_notifier);
	first = case_pfn(case_page(told_mem, lone[0]));
	second = case_pfn(case_page(told_mem, lone[2]));
	case_ok(first == case_pfn(case_page(told_mem, lone[1])) &&
		second == case_pfn(case_page(told_mem, lone[3])) && first != second,
		"two pairs that are far apart merge");
	case_ok(told > 0 && told_most <= LONE_SPAN,
		"notifiers are told of %zu pages at most, %zu times", told_most, told);
	munmap(told_mem, CASE_HUGE);
	close(vm);
	close(kvm);
}

static size_t split, split_failed;

static void see_split(const char *text)
{
	text = strstr(text, "hksm_split: ");
	if (!text)
		return;
	split++;
	split_failed += !strstr(text, "result 0");
}

static void splits(const char *dir)
{
	const size_t per = CASE_HUGE / case_page_size();
	char *mem[2];
	bool huge;

	if (!case_huge_begin()) {
		case_skip("no huge pages here");
		return;
	}
	for (int i = 0; i < 2; i++) {
		mem[i] = table_map();
		madvise(mem[i], CASE_HUGE, MADV_HUGEPAGE);
		case_fill_many(mem[i], per, ID, per);
		madvise(mem[i], CASE_HUGE, MADV_NOHUGEPAGE);
	}
	huge = case_is_huge(mem[0]) && case_is_huge(mem[1]);
	trace_switch(dir, "hksm_split", true);
	for (int i = 0; i < 2; i++)
		if (madvise(mem[i], CASE_HUGE, MADV_MERGEABLE))
			case_die("MADV_MERGEABLE");
	case_start();
	case_wait_scans(5);
	case_stop();
	trace_switch(dir, "hksm_split", false);
	trace_read(dir, see_split);
	if (!huge)
		case_skip("there were no huge pages");
	else
		case_ok(!case_is_huge(mem[0]) && !case_is_huge(mem[1]) &&
			split - split_failed == 2,
			"two huge pages are split, and it is told of %zu (%zu were not)",
			split - split_failed, split_failed);
	for (int i = 0; i < 2; i++)
		munmap(mem[i], CASE_HUGE);
	case_huge_end();
}

static void tracing(const char *dir)
{
	all_events(dir);
	notifiers(dir);
	splits(dir);
}

static void events(void)
{
	char dir[] = "/tmp/holds-XXXXXX", path[64];

	if (!mkdtemp(dir))
		case_die("a directory: %s", strerror(errno));
	if (mount("tracefs", dir, "tracefs", 0, NULL)) {
		case_skip("no tracefs here: %s", strerror(errno));
	} else {
		snprintf(path, sizeof(path), "%s/events", dir);
		if (access(path, F_OK))
			case_skip("this kernel has no events");
		else
			tracing(dir);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
}

static void run(void)
{
	if (!case_has(figure[MMAP])) {
		case_skip("this engine does not say how long it holds locks");
		return;
	}
	case_set("run", "2");
	case_set("run", "0");
	case_ok(clears(), "0 when cleared, with nothing going on");
	refuses();
	figures();
	events();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
