// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations that fail: those of the scanner, by fault injection, one in so
 * many for small objects and for pages, and tables that cannot grow then; and those
 * of unmerging, by the limit of a memory cgroup. Nothing may be lost, and with
 * memory there again all is merged and unmerged as ever.
 */
#define _GNU_SOURCE
#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES		1600
#define CONTENTS	350
/* More than fit into a table of pages that the engine begins with. */
#define MANY		12288
#define ROUNDS		4
#define ID		0x6661696cULL
#define DEBUG		"/sys/kernel/debug/"

static int put_at(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return case_write(path, text);
}

/* The scanner's thread, by its name; 0 if there is none. */
static pid_t ksmd(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	while (d && !found && (e = readdir(d))) {
		char path[300], comm[32] = "";
		FILE *f;

		if (atoi(e->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%31s", comm) == 1 && !strcmp(comm, "ksmd"))
			found = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

static bool inject(const char *dir, pid_t pid, const char *per_cent)
{
	char path[64];

	if (put_at(dir, "probability", per_cent))
		return false;
	put_at(dir, "task-filter", "1");
	put_at(dir, "interval", "1");
	put_at(dir, "times", "-1");
	put_at(dir, "verbose", "0");
	/* Sleeping allocations, too; of pages, single ones as well. */
	put_at(dir, "ignore-gfp-wait", "0");
	put_at(dir, "cache-filter", "0");
	put_at(dir, "ignore-gfp-highmem", "0");
	put_at(dir, "min-order", "0");
	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", pid);
	return !case_write(path, strcmp(per_cent, "0") ? "1" : "0");
}

static size_t wrong(void *mem, uint64_t id)
{
	return case_check_many(mem, PAGES, id, CONTENTS);
}

static void failing(const char *dir, const char *per_cent)
{
	void *mem = case_map(PAGES);
	pid_t pid = ksmd();
	size_t bad = 0;

	case_fill_many(mem, PAGES, ID, CONTENTS);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	if (!pid || !inject(dir, pid, per_cent)) {
		case_skip("no fault injection at %s", dir);
		case_unmap(mem, PAGES);
		return;
	}
	case_start();
	for (int i = 0; i < ROUNDS; i++) {
		case_wait_scans(2);
		bad += wrong(mem, ID + i);
		/* What is written is broken, and looked for anew. */
		for (size_t p = 0; p < PAGES; p++)
			case_fill(case_page(mem, p), ID + i + 1 + p % CONTENTS);
		if (i == 1) {
			case_set("run", "2");
			case_start();
		}
	}
	inject(dir, pid, "0");
	case_ok(bad == 0, "%s, %s %%: content (%zu wrong)", dir, per_cent, bad);
	case_ok(case_wait_frames(mem, PAGES, CONTENTS),
		"all is merged without failures");
	case_note("%zu frames, %lld shared, %lld sharing, %lld unshared",
		  case_frames(mem, PAGES), case_get("pages_shared"),
		  case_get("pages_sharing"), case_get("pages_unshared"));
	case_ok(wrong(mem, ID + ROUNDS) == 0, "content then");
	case_unmap(mem, PAGES);
	case_wait_scans(2);
	case_stop();
	case_ok(case_get("pages_shared") == 0 && case_get("pages_sharing") == 0,
		"nothing is left of it");
}

static bool all_candidates(void *arg)
{
	return case_get("pages_unshared") >= *(long long *)arg;
}

static bool all_twins(void *arg)
{
	return case_get("pages_sharing") >= *(long long *)arg;
}

/*
 * More pages that are like no other than the table of those has room for, while
 * there is seldom all the memory that a larger one takes: so many at once that
 * one of them fails. What had no room is counted, and found when there is memory.
 */
static void table_without_memory(void)
{
	const char *dir = DEBUG "fail_page_alloc";
	const size_t size = case_page_size();
	long long before, pages = MANY;
	char *mem, *twin;

	if (!case_has("hksm/candidates_dropped")) {
		case_skip("this engine has no such table");
		return;
	}
	case_set("run", "2");
	before = case_get("hksm/candidates_dropped");
	mem = case_map(MANY);
	case_fill_many(mem, MANY, ID, MANY);
	if (madvise(mem, MANY * size, MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	if (!inject(dir, ksmd(), "50")) {
		case_skip("no fault injection at %s", dir);
		case_unmap(mem, MANY);
		return;
	}
	case_start();
	case_wait_scans(6);
	inject(dir, ksmd(), "0");
	if (case_get("hksm/candidates_dropped") == before)
		case_skip("chance had memory for each table");
	else
		case_ok(true, "%lld pages had no room in the table, each time",
			case_get("hksm/candidates_dropped") - before);
	case_ok(case_wait_until(all_candidates, &pages, 30),
		"afterwards there is room for all");
	before = case_get("hksm/candidates_dropped");
	twin = case_map(MANY);
	case_fill_many(twin, MANY, ID, MANY);
	if (madvise(twin, MANY * size, MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_ok(case_wait_until(all_twins, &pages, 30),
		"all find their twins");
	case_note("and %lld had no room",
		  case_get("hksm/candidates_dropped") - before);
	case_ok(case_check_many(mem, MANY, ID, MANY) == 0 &&
		case_check_many(twin, MANY, ID, MANY) == 0, "content then");
	case_unmap(mem, MANY);
	case_unmap(twin, MANY);
	case_wait_scans(2);
	case_stop();
}

/* What the child that is short of memory says, and how far the parent is. */
struct talk {
	int ready;
	int stage;
	size_t wrong;
	size_t frames;
};

static void report(struct talk *talk, void *mem, int stage)
{
	while (__atomic_load_n(&talk->stage, __ATOMIC_ACQUIRE) < stage)
		usleep(1000);
	talk->wrong = case_check_many(mem, PAGES, ID, 16);
	talk->frames = case_frames(mem, PAGES);
	__atomic_store_n(&talk->ready, stage, __ATOMIC_RELEASE);
}

/* Not to be killed instead: it has to be there when the memory is not. */
static void squeezed(struct talk *talk)
{
	void *mem;

	case_cgroup_set("cgroup.procs", "0");
	case_write("/proc/self/oom_score_adj", "-1000");
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, 16);
	madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE);
	for (int stage = 0; stage < 4; stage++)
		report(talk, mem, stage);
	case_cgroup_out();
	_exit(0);
}

/* Let the child look; false when it has died. */
static bool look(struct talk *talk, pid_t pid, int stage)
{
	__atomic_store_n(&talk->stage, stage, __ATOMIC_RELEASE);
	while (__atomic_load_n(&talk->ready, __ATOMIC_ACQUIRE) < stage) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		usleep(1000);
	}
	return true;
}

static bool all_merged(void *arg)
{
	(void)arg;
	return case_get("pages_sharing") >= PAGES - 16;
}

/* Merged pages that fit into a cgroup, and would not if they were unmerged. */
static void unmerge_without_memory(void)
{
	struct talk *talk = case_shared(sizeof(*talk));
	pid_t pid;
	int err;

	talk->ready = -1;
	pid = case_fork();
	if (pid == 0)
		squeezed(talk);
	if (!look(talk, pid, 0))
		case_die("the child did not live");
	case_start();
	case_ok(case_wait_until(all_merged, NULL, 30), "a child's memory merged");
	case_cgroup_set("memory.swap.max", "0");
	err = case_cgroup_set("memory.max", "3M");
	if (err)
		case_note("memory.max: %s", strerror(-err));
	err = case_try_set("run", "2");
	case_note("unmerging: %s", strerror(-err));
	case_ok(err == -ENOMEM && case_get("run") == 0,
		"unmerging without memory fails, and stops merging");
	case_cgroup_set("memory.max", "max");
	case_ok(look(talk, pid, 1) && talk->wrong == 0,
		"the content is there all the same");
	case_ok(case_try_set("run", "2") == 0, "it is made up for with memory");
	case_ok(look(talk, pid, 2) && talk->wrong == 0 && talk->frames == PAGES,
		"with the right content on pages of its own");
	if (!case_has("smart_scan")) {
		/* Linux 6.1 does not scan this memory again. */
		case_skip("older than 6.7: may not merge once more");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return;
	}
	case_start();
	case_ok(case_wait_until(all_merged, NULL, 30), "and merged once more");
	case_ok(look(talk, pid, 3) && talk->wrong == 0 && talk->frames == 16,
		"on %zu frames", talk->frames);
	waitpid(pid, NULL, 0);
}

static void run(void)
{
	if (!getenv("KSM_TEST_MACHINE")) {
		case_skip("makes allocations fail: only in a test machine");
		return;
	}
	failing(DEBUG "failslab", "60");
	failing(DEBUG "fail_page_alloc", "30");
	table_without_memory();

	if (case_cgroup_make())
		unmerge_without_memory();
	else
		case_skip("no memory cgroup");
	case_cgroup_leave();
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
