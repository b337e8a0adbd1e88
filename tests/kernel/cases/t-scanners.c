// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm with several scanners: each has a thread, they share one pass, no page is
 * left out of it, also when scanners come and go in the middle, and what is equal
 * merges although they come by it at the same time. Races with the rest of the kernel
 * are left to the other cases, which run in a machine that has several scanners from
 * the beginning (run-uml -a hksm_scanners=4).
 */
#define _GNU_SOURCE
#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST		16
#define PAGES		4096UL
#define TWINS		4
#define TWIN_PAGES	1024UL
#define TURNS		30
#define TURN_PAGES	1024UL
#define PASSES		12
#define ID		0x7363616e00000000ULL

/* Threads of the kernel with the name of a scanner, one bit for each number. */
static unsigned int threads(void)
{
	DIR *d = opendir("/proc");
	unsigned int found = 0, id;
	char path[280], name[32];
	struct dirent *e;
	FILE *f;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f)) {
			if (!strcmp(name, "ksmd\n"))
				found |= 1;
			else if (sscanf(name, "ksmd/%u", &id) == 1 && id < 32)
				found |= 1U << id;
		}
		fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

static void scanners(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	case_set("hksm/scanners", text);
}

static void numbers(void)
{
	static const char *const bad[] = { "0", "17", "-1", "two", "" };
	long long was = case_get("hksm/scanners");
	unsigned int n, wrong = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		/* Nothing is written for the empty one, which changes nothing. */
		int rc = *bad[i] ? case_try_set("hksm/scanners", bad[i]) : -EINVAL;

		case_ok(rc == -EINVAL && case_get("hksm/scanners") == was,
			"\"%s\" scanners are refused (%d)", bad[i], rc);
	}
	for (n = MOST; n; n /= 2) {
		scanners(n);
		if (threads() != (1U << n) - 1)
			wrong++;
	}
	case_ok(wrong == 0, "as many threads as scanners, named ksmd, ksmd/1 and so on");
}

/* Another process with memory like that of others; it says when it is filled. */
static pid_t twin(volatile int *filled)
{
	pid_t pid = case_fork();
	void *mem;

	if (pid)
		return pid;
	mem = case_map(TWIN_PAGES);
	case_fill_many(mem, TWIN_PAGES, ID + PAGES, TWIN_PAGES);
	if (madvise(mem, TWIN_PAGES * case_page_size(), MADV_MERGEABLE))
		_exit(1);
	__atomic_add_fetch(filled, 1, __ATOMIC_SEQ_CST);
	pause();
	_exit(2);
}

static bool all_merged(void *arg)
{
	const pid_t *pid = arg;

	/* With what they have of their parent by fork. */
	for (int i = 0; i < TWINS; i++)
		if (case_merging_pages(pid[i]) != (long long)(PAGES + TWIN_PAGES))
			return false;
	return true;
}

/* Processes that are alike: the scanners come by the same contents together. */
static void alike(unsigned int n)
{
	volatile int *filled = case_shared(sizeof(*filled));
	pid_t pid[TWINS];
	bool good;

	for (int i = 0; i < TWINS; i++)
		pid[i] = twin(filled);
	while (__atomic_load_n(filled, __ATOMIC_SEQ_CST) < TWINS)
		usleep(1000);
	good = case_wait_until(all_merged, pid, PASSES);
	case_ok(good, "%u scanners: %d processes that are alike are merged", n, TWINS);
	for (int i = 0; i < TWINS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

static void merge_with(unsigned int n)
{
	void *mem = case_map(PAGES);
	long long scanned;

	case_fill_many(mem, PAGES, ID, PAGES / 2);
	scanners(n);
	scanned = case_get("pages_scanned");
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_ok(case_wait_frames(mem, PAGES, PAGES / 2), "%u scanners: pairs are merged",
		n);
	case_ok(case_get("pages_scanned") - scanned >= (long long)PAGES,
		"%u scanners: what all of them scan is counted", n);
	case_ok(case_check_many(mem, PAGES, ID, PAGES / 2) == 0, "%u scanners: content", n);
	alike(n);
	case_ok(madvise(mem, PAGES * case_page_size(), MADV_UNMERGEABLE) == 0 &&
		case_frames(mem, PAGES) == PAGES, "%u scanners: and unmerged", n);
	case_unmap(mem, PAGES);
}

/*
 * Who is ended in the middle of a pass leaves what he has in hand to the others. A
 * page that nobody scanned would not be merged in the next whole pass.
 */
static void come_and_go(void)
{
	size_t frames = 0, wrong = 0, most;
	void *mem;

	case_set("smart_scan", "0");
	for (unsigned int i = 0; i < TURNS; i++) {
		uint64_t id = ID + (i + 2ULL) * PAGES;

		mem = case_map(TURN_PAGES);
		case_fill_many(mem, TURN_PAGES, id, TURN_PAGES / 2);
		if (madvise(mem, TURN_PAGES * case_page_size(), MADV_MERGEABLE))
			case_die("MADV_MERGEABLE");
		scanners(4);
		usleep(i * 400);
		scanners(1 + i % 3);
		/* Of two that are in each other's way one is looked at once more. */
		case_wait_scans(4);
		most = case_frames(mem, TURN_PAGES) - TURN_PAGES / 2;
		frames += most;
		wrong += case_check_many(mem, TURN_PAGES, id, TURN_PAGES / 2);
		case_unmap(mem, TURN_PAGES);
	}
	case_ok(frames == 0, "scanners that end leave nothing out (%zu pages)", frames);
	case_ok(wrong == 0, "content (%zu pages)", wrong);
}

static void run(void)
{
	if (!case_has("hksm/scanners")) {
		case_skip("this engine has one scanner");
		return;
	}
	case_start();
	numbers();
	merge_with(2);
	merge_with(4);
	come_and_go();
	scanners(1);
	case_wait_scans(2);
	case_ok(threads() == 1, "one is left");
}

static const char *const knobs[] = { CASE_SCAN_KNOBS, "hksm/scanners", NULL };

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_MERGING_PAGES,
	.knobs = knobs,
	.run = run,
};
