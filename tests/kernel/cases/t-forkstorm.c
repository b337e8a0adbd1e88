// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that begin and end faster than the engine goes round: all of them take
 * part in merging, half of them become another program, and the scanner never
 * pauses. What is kept of those that have ended must not pile up while that goes
 * on, and nothing of it may stay; nor may their mm_structs. Then many end at once,
 * beside a scanner that always has work: to be rid of them must not take a turn of the
 * scanner each.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORM	800
#define CROWD	32
#define PAGES	64
#define ID	0x73746f726dULL
/* What may be kept for caches, and what a process may take while it is there. */
#define SLACK	(64 << 10)
#define EACH	(16 << 10)
/* Those that end at once, and what keeps the scanner busy meanwhile. */
#define BURST	400
#define OTHERS	16384
#define SCANNERS	"4"
/* Passes over that, each of some steps, until nothing is left of them. */
#define PASSES	20

static char *mem;

static long long metadata(void)
{
	return case_get("hksm/metadata_bytes");
}

static bool is_back(void *before)
{
	return metadata() <= *(long long *)before + SLACK;
}

/* Pages that something is known of, also those of processes that have ended. */
static long long known(void)
{
	return case_get("pages_unshared") + case_get("pages_shared") +
	       case_get("pages_sharing") + case_get("pages_volatile");
}

static bool is_known(void *most)
{
	return known() <= *(long long *)most;
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* How many mm_structs there are, or -1 where the kernel does not say. */
static long long mms(void)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	long long n = -1, got;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "mm_struct %lld", &got) == 1)
			n = got;
	if (f)
		fclose(f);
	return n;
}

/* KASAN keeps what was freed for a while, and slabinfo counts it as if it were in use. */
static bool freed_is_kept(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	bool found = false;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_quarantine_put");
	if (f)
		fclose(f);
	return found;
}

/* A process of the storm: it changes some of its memory, and waits for a visit. */
static void come_and_go(int i)
{
	int wrong = 0;

	for (size_t p = i % 4; p < PAGES; p += 4)
		case_fill(case_page(mem, p), ID + p % 8);
	usleep(1000);
	if (i & 1)
		case_exec_self();
	for (size_t p = 0; p < PAGES; p++)
		wrong += !case_check(case_page(mem, p), p % 4 == i % 4U ? ID + p % 8 : ID + p);
	_exit(wrong != 0);
}

static void storm(long long before)
{
	long long most = 0, now, mms_before = mms(), mms_most = 0;
	int wrong = 0, status, alive = 0;
	double took = now_s();

	for (int i = 0; i < STORM; i++) {
		const pid_t pid = case_fork();

		if (!pid)
			come_and_go(i);
		if (++alive < CROWD)
			continue;
		if (wait(&status) > 0)
			wrong += status != 0;
		alive--;
		now = metadata();
		if (now > most)
			most = now;
		now = i % CROWD ? 0 : mms();
		if (now > mms_most)
			mms_most = now;
	}
	took = now_s() - took;
	now = metadata();
	while (alive-- && wait(&status) > 0)
		wrong += status != 0;
	case_ok(!wrong, "%d processes saw what they had written (%d did not)", STORM,
		wrong);
	case_note("%.0f processes a second", STORM / took);
	case_note("metadata: %lld at first, %lld at most, %lld at the end", before, most, now);
	case_ok(most - before < CROWD * 2 * EACH,
		"what has ended does not pile up (%lld bytes for %d processes)",
		most - before, CROWD);
	if (mms_before < 0)
		case_skip("this kernel does not say how many mm_structs there are");
	else if (freed_is_kept())
		case_skip("KASAN keeps mm_structs that were freed (%lld, then %lld)",
			  mms_before, mms_most);
	else
		case_ok(mms_most - mms_before < CROWD * 4,
			"nor do their mm_structs (%lld, then %lld at most)", mms_before,
			mms_most);
}

/* Processes that have been scanned, and wait for their end. */
static void gather(pid_t *pid)
{
	for (int i = 0; i < BURST; i++) {
		pid[i] = case_fork();
		if (pid[i])
			continue;
		for (size_t p = i % 4; p < PAGES; p += 4)
			case_fill(case_page(mem, p), ID + p % 8);
		for (;;)
			pause();
	}
	case_wait_scans(3);
}

static void burst(void)
{
	char *others = case_map(OTHERS);
	long long before, full, left, scans, most;
	pid_t pid[BURST];

	case_set("hksm/scanners", SCANNERS);
	/* They are to have little, so that it is their number that counts. */
	if (madvise(others, OTHERS * case_page_size(), MADV_DONTFORK))
		case_die("MADV_DONTFORK");
	case_fill_many(others, OTHERS, ID << 16, OTHERS);
	case_wait_scans(3);
	before = known();
	gather(pid);
	full = known();
	for (int i = 0; i < BURST; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < BURST; i++)
		waitpid(pid[i], NULL, 0);
	left = known();
	scans = case_get("full_scans");
	most = before + (full - before) / 100;
	case_wait_until(is_known, &most, 100 * PASSES);
	scans = case_get("full_scans") - scans;
	case_note("known of: %lld pages of %d processes, %lld when they had ended, then %lld",
		  full - before, BURST, left - before, known() - before);
	case_ok(full - before > BURST * 10 && scans <= PASSES,
		"nothing is left of %d that ended at once, after %lld passes", BURST, scans);
	case_unmap(others, OTHERS);
}

static int again(void)
{
	usleep(500);
	return 0;
}

static void run(void)
{
	long long before;

	if (!case_has("hksm/metadata_bytes")) {
		case_skip("this engine does not tell what it takes");
		return;
	}
	if (case_merge_any(true))
		case_die("PR_SET_MEMORY_MERGE: %s", strerror(errno));
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, PAGES);
	case_start();
	case_set("sleep_millisecs", "0");
	case_wait_scans(3);
	before = metadata();
	storm(before);
	case_wait_scans(2);
	case_ok(case_wait_until(is_back, &before, 20),
		"and nothing of it stays (%lld bytes, then %lld)", before, metadata());
	burst();
	case_ok(case_check_many(mem, PAGES, ID, PAGES) == 0, "content");
	case_stop();
	case_merge_any(false);
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/scanners", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_PRCTL | CASE_ALONE,
	.knobs = knobs,
	.run = run,
	.after_exec = again,
};
