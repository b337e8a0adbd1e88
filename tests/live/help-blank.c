// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * help-blank.c - a process with huge pages that are blank but for some small pages
 * of each: help-blank HUGE-PAGES.  Mergeable; prints "huge KIB", how much of it are
 * huge pages, and ends with its standard input.
 *
 * Of the small pages one is alike everywhere, so merging splits the huge page, and
 * OWN are unlike all others: their metadata is more than the one saves.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2UL << 20)
#define OWN	  100

static unsigned long huge_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 16;
	char *at, *p = mmap(NULL, (n + 1) * HUGE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	p = (char *)(((uintptr_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	if (madvise(p, n * HUGE_PAGE, MADV_HUGEPAGE))
		return 77;
	for (size_t i = 0; i < n; i++) {
		at = p + i * HUGE_PAGE;
		memset(at, 0x55, 4096);
		for (unsigned int j = 1; j <= OWN; j++)
			*(uint64_t *)(void *)(at + j * 4096UL) = i << 32 | j;
	}
	if (madvise(p, n * HUGE_PAGE, MADV_MERGEABLE))
		return 77;
	printf("huge %lu\n", huge_kib());
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
