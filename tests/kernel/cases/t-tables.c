// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is known of pages that are not merged is given back when the kernel asks for
 * memory, also when nothing is scanned, and is found out again by scanning; what is
 * merged stays. Asked for once in quiet, then again and again beside a scanner that
 * works and pages that change. Afterwards nothing is left of it.
 */
#define _GNU_SOURCE
#include "case.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pages that are like no other, and pages of which there are two each. */
#define ALONE		16384
#define PAIRS		1024
#define ID		0x7461626c65730000ULL
#define LITTLE		65536
#define ROUNDS		40
#define TRIES		500

static char *alone, *pairs;
/* Another process asks for memory all the time while it is set. */
static bool *pressed;

static long long metadata(void)
{
	return case_get("hksm/metadata_bytes");
}

static char *mergeable(size_t pages)
{
	char *mem = case_map(pages);

	if (madvise(mem, pages * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	return mem;
}

static long long known(void)
{
	return case_get("pages_unshared") + case_get("pages_shared") + case_get("pages_sharing");
}

static bool all_known(void *arg)
{
	(void)arg;
	return known() >= ALONE + 2 * PAIRS && case_get("pages_sharing") >= PAIRS;
}

static bool all_twins(void *arg)
{
	(void)arg;
	return case_get("pages_sharing") >= ALONE + PAIRS;
}

/* What can be had from all shrinkers, as often as something comes of it. */
static void ask(void)
{
	if (case_write("/proc/sys/vm/drop_caches", "2"))
		case_die("drop_caches");
}

static bool content(void)
{
	return case_check_many(alone, ALONE, ID, ALONE) == 0 &&
	       case_check_many(pairs, 2 * PAIRS, ID + ALONE, PAIRS) == 0;
}

/* The tables become smaller a moment after the words went. */
static long long asked(long long enough)
{
	for (int i = 0; i < TRIES && metadata() > enough; i++) {
		ask();
		usleep(10000);
	}
	return metadata();
}

static void in_quiet(long long none)
{
	long long full, few, merged;

	case_start();
	case_ok(case_wait_until(all_known, NULL, 30), "%d pages are known, %d merged",
		ALONE, PAIRS);
	case_stop();
	full = metadata() - none;
	merged = case_get("pages_sharing");
	few = asked(none + full / 4) - none;
	case_ok(few <= full / 4, "of %lld bytes %lld are left", full, few);
	case_ok(case_get("hksm/words_reclaimed") > 0 && case_get("pages_unshared") < ALONE / 8,
		"%lld are known still", case_get("pages_unshared"));
	case_ok(case_get("pages_sharing") == merged, "what is merged stays");
	case_ok(content(), "content");
}

static void found_again(void)
{
	char *twin;
	bool good;

	case_start();
	case_ok(case_wait_until(all_known, NULL, 30), "all are known again");
	twin = mergeable(ALONE);
	case_fill_many(twin, ALONE, ID, ALONE);
	good = case_wait_until(all_twins, NULL, 30);
	case_ok(good, "and find their twins: %lld", case_get("pages_sharing"));
	case_ok(content() && case_check_many(twin, ALONE, ID, ALONE) == 0, "content then");
	case_unmap(twin, ALONE);
}

/* It has none of the memory, of which it would keep what is merged. */
static pid_t presser(void)
{
	pid_t pid;

	pressed = case_shared(sizeof(*pressed));
	pid = case_fork();
	if (pid)
		return pid;
	for (;;) {
		if (__atomic_load_n(pressed, __ATOMIC_RELAXED))
			ask();
		usleep(2000);
	}
}

static void while_scanned(void)
{
	bool good = true;

	__atomic_store_n(pressed, true, __ATOMIC_RELAXED);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = round; i < ALONE; i += 16)
			case_fill(case_page(alone, i), ID + i);
		/* More often, and the engine would leave them alone for long. */
		for (size_t i = round; round < 3 && i < 2 * PAIRS; i += 32)
			case_fill(case_page(pairs, i), ID + ALONE + i % PAIRS);
		case_wait_scans(1);
		if (round % 8 == 0)
			good = content() && good;
	}
	__atomic_store_n(pressed, false, __ATOMIC_RELAXED);
	case_ok(good && content(), "content, while memory is asked for");
	good = case_wait_until(all_known, NULL, 60);
	case_ok(good, "all are known afterwards: %lld, %lld merged",
		known(), case_get("pages_sharing"));
}

static bool nothing(void *arg)
{
	return !case_get("pages_shared") && !case_get("pages_sharing") &&
	       metadata() <= *(long long *)arg;
}

static void run(void)
{
	long long none;
	bool good;
	pid_t pid;

	if (!case_has("hksm/metadata_bytes")) {
		case_skip("this engine has no such tables");
		return;
	}
	case_set("run", "2");
	none = metadata() + LITTLE;
	pid = presser();
	alone = mergeable(ALONE);
	pairs = mergeable(2 * PAIRS);
	case_fill_many(alone, ALONE, ID, ALONE);
	case_fill_many(pairs, 2 * PAIRS, ID + ALONE, PAIRS);
	in_quiet(none - LITTLE);
	found_again();
	while_scanned();
	case_unmap(alone, ALONE);
	case_unmap(pairs, 2 * PAIRS);
	good = case_wait_until(nothing, &none, 30);
	case_ok(good, "nothing is left of it: %lld bytes", metadata() - (none - LITTLE));
	case_stop();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
