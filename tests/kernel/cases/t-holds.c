// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm: what it says of the time that it holds locks. A figure is 0 when it was
 * cleared and nothing was done since; it is no more than the time that went by; and
 * none is told of what nobody waits for.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void tracing(const char *dir)
{
	static const char *const event[] = {
		"hksm_batch", "hksm_mmap_hold", "hksm_ptl_hold", "hksm_exclusive",
		/* For these something is needed that is not here. */
		"hksm_notifier", "hksm_split",
	};
	const size_t nr = sizeof(event) / sizeof(event[0]), seen_nr = 4;
	size_t missing = 0, unseen = 0, seen[4] = { 0 };
	char path[256], line[512];
	FILE *f;

	for (size_t i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/events/hksm/%s/enable", dir,
			 event[i]);
		missing += access(path, F_OK) != 0;
	}
	case_ok(missing == 0, "all %zu events exist (%zu do not)", nr, missing);
	snprintf(path, sizeof(path), "%s/events/hksm/enable", dir);
	if (case_write(path, "1"))
		case_die("the events cannot be turned on");
	case_unmap(merge(PAGES / 4), PAGES);
	case_write(path, "0");

	snprintf(path, sizeof(path), "%s/trace", dir);
	f = fopen(path, "re");
	if (!f)
		case_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		for (size_t i = 0; i < seen_nr; i++)
			seen[i] += strstr(line, event[i]) && strstr(line, " ns ");
	fclose(f);
	case_write(path, "0");
	for (size_t i = 0; i < seen_nr; i++)
		unseen += !seen[i];
	case_ok(unseen == 0, "in the trace: %zu batches, %zu and %zu holds, %zu of all",
		seen[0], seen[1], seen[2], seen[3]);
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
