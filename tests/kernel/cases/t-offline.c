// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that goes offline while pages in it are merged: they move or the
 * request fails, nothing is lost, and merging goes on before and after. Only in
 * a test machine.
 */
#define _GNU_SOURCE
#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES		4096
#define CONTENTS	512
#define ID		0x6f66666cULL
#define BLOCKS		"/sys/devices/system/memory"
#define MAX_BLOCKS	64

static int set_state(unsigned int block, const char *state)
{
	char path[128];

	snprintf(path, sizeof(path), BLOCKS "/memory%u/state", block);
	return case_write(path, state);
}

static size_t blocks(unsigned int *v)
{
	DIR *d = opendir(BLOCKS);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)) && n < MAX_BLOCKS)
		if (sscanf(e->d_name, "memory%u", &v[n]) == 1)
			n++;
	if (d)
		closedir(d);
	return n;
}

static size_t wrong(void *mem)
{
	return case_check_many(mem, PAGES, ID, CONTENTS);
}

static void run(void)
{
	unsigned int v[MAX_BLOCKS];
	size_t n = blocks(v), i, gone = 0, bad = 0;
	void *mem;

	if (!getenv("KSM_TEST_MACHINE") || !n) {
		case_skip("no memory here that may go offline");
		return;
	}
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, CONTENTS);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
	case_start();
	case_ok(case_wait_frames(mem, PAGES, CONTENTS), "merged");
	for (i = 0; i < n; i++) {
		if (set_state(v[i], "offline"))
			continue;
		gone++;
		bad += wrong(mem);
		/* Break some, so that there is something to merge. */
		for (size_t p = i; p < PAGES; p += 5)
			case_fill(case_page(mem, p), ID + p % CONTENTS);
		case_wait_scans(2);
		bad += wrong(mem);
		if (set_state(v[i], "online"))
			bad++;
	}
	case_note("%zu of %zu blocks went offline", gone, n);
	case_ok(bad == 0, "content was right all the time (%zu wrong)", bad);
	case_ok(case_wait_frames(mem, PAGES, CONTENTS), "merged again");
	case_ok((case_get("run") & 4) == 0, "run does not say offline any more");
	case_unmap(mem, PAGES);
	case_wait_scans(2);
	case_ok(case_get("pages_shared") == 0, "nothing is left");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
