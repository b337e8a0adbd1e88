// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What estimate-vs-kernel and where-it-pays need beside the tools:
 *
 *   help-live advised COMMAND...   runs it with PR_SET_MEMORY_MERGE on
 *   help-live frames PID...        different frames behind their mergeable memory,
 *                                  anonymous pages only, and pages that show them
 *   help-live all PID...           the same behind all of their memory
 *   help-live spared PID...        how many of all their pages take no frame, because
 *                                  another page or the zero page has it; those that
 *                                  have ended are left out
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FRAME ((UINT64_C(1) << 55) - 1)

static uint64_t *pfns;
static size_t n, cap, n_zero;
static long page;

static void fail(const char *what)
{
	fprintf(stderr, "help-live: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int is_zero_page(int kpageflags, uint64_t pfn)
{
	uint64_t flags = 0;

	if (pread(kpageflags, &flags, sizeof(flags), pfn * 8) != sizeof(flags))
		fail("kpageflags");
	return flags >> 24 & 1;
}

/* False when the process has ended. */
static bool add_range(int pagemap, int kpageflags, uint64_t start, uint64_t end)
{
	uint64_t entry[512];

	for (uint64_t at = start; at < end; at += 512 * page) {
		size_t want = (end - at) / page < 512 ? (end - at) / page : 512;

		if (pread(pagemap, entry, want * 8, at / page * 8) != (ssize_t)(want * 8))
			return false;
		for (size_t i = 0; i < want; i++) {
			/* Present, and not of a file. */
			if (entry[i] >> 63 == 0 || entry[i] >> 61 & 1)
				continue;
			if (!(entry[i] >> 56 & 1) && is_zero_page(kpageflags, entry[i] & FRAME)) {
				n_zero++;
				continue;
			}
			if (n == cap) {
				cap = cap ? cap * 2 : 4096;
				pfns = realloc(pfns, cap * sizeof(*pfns));
				if (!pfns)
					fail("memory");
			}
			pfns[n++] = entry[i] & FRAME;
		}
	}
	return true;
}

static bool add_process(const char *pid, int kpageflags, bool all)
{
	unsigned long start = 0, end = 0;
	char path[64], line[8192];
	bool there, reserved = false;
	int pagemap;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	pagemap = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%s/smaps", pid);
	f = fopen(path, "r");
	there = pagemap >= 0 && f;
	while (there && fgets(line, sizeof(line), f)) {
		char *flags = strstr(line, "VmFlags:");

		if (flags) {
			/* The page of system calls is nobody's memory. */
			if (all ? start >> 63 == 0 && !reserved : !!strstr(flags, " mg"))
				there = add_range(pagemap, kpageflags, start, end);
		} else if (line[0] < 'A' || line[0] > 'Z') {
			char *dash;

			start = strtoul(line, &dash, 16);
			end = strtoul(dash + 1, &dash, 16);
			/* Of that browsers have a TiB, with nothing in it. */
			reserved = !strncmp(dash, " ---p", 5);
		}
	}
	if (f)
		fclose(f);
	if (pagemap >= 0)
		close(pagemap);
	return there;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	size_t different = 0;
	bool all, spared;
	int kpageflags;

	page = sysconf(_SC_PAGESIZE);
	if (argc > 2 && !strcmp(argv[1], "advised")) {
		if (prctl(67, 1UL, 0UL, 0UL, 0UL))
			fail("PR_SET_MEMORY_MERGE");
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	if (argc < 3)
		return 2;
	spared = !strcmp(argv[1], "spared");
	all = spared || !strcmp(argv[1], "all");
	if (!all && strcmp(argv[1], "frames"))
		return 2;
	kpageflags = open("/proc/kpageflags", O_RDONLY);
	if (kpageflags < 0)
		fail("kpageflags");
	for (int i = 2; i < argc; i++)
		if (!add_process(argv[i], kpageflags, all) && !spared)
			fail(argv[i]);
	qsort(pfns, n, sizeof(*pfns), by_value);
	for (size_t i = 0; i < n; i++)
		different += !i || pfns[i] != pfns[i - 1];
	if (spared)
		printf("%zu\n", n - different + n_zero);
	else
		printf("%zu %zu\n", different, n);
	return 0;
}
