// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that begin and end faster than the engine goes round: all of them take
 * part in merging, half of them become another program, and the scanner never
 * pauses. What is kept of those that have ended must not pile up while that goes
 * on, and nothing of it may stay.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STORM	400
#define CROWD	32
#define PAGES	64
#define ID	0x73746f726dULL
/* What may be kept for caches, and what a process may take while it is there. */
#define SLACK	(64 << 10)
#define EACH	(16 << 10)

static char *mem;

static long long metadata(void)
{
	return case_get("hksm/metadata_bytes");
}

static bool is_back(void *before)
{
	return metadata() <= *(long long *)before + SLACK;
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
	long long most = 0, now;
	int wrong = 0, status, alive = 0;

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
	}
	now = metadata();
	while (alive-- && wait(&status) > 0)
		wrong += status != 0;
	case_ok(!wrong, "%d processes saw what they had written (%d did not)", STORM,
		wrong);
	case_note("metadata: %lld at first, %lld at most, %lld at the end", before, most, now);
	case_ok(most - before < CROWD * 2 * EACH,
		"what has ended does not pile up (%lld bytes for %d processes)",
		most - before, CROWD);
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
	case_ok(case_check_many(mem, PAGES, ID, PAGES) == 0, "content");
	case_stop();
	case_merge_any(false);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_PRCTL | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
	.after_exec = again,
};
