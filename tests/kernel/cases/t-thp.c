// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hksm and huge pages: what a split frees of blank pages is counted as the zero pages
 * it becomes, also without use_zero_pages, and comes back when it is unmerged.
 */
#define _GNU_SOURCE
#include "case.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE	(2UL << 20)
#define KPF_THP	(1ULL << 22)
#define ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"
#define ID	0x7468700000000000ULL
#define BLANK	200

static size_t per;

static bool thp(void)
{
	char buf[64] = "";
	int fd = open(ENABLED, O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		buf[0] = '\0';
	if (fd >= 0)
		close(fd);
	return strstr(buf, "[always]") || strstr(buf, "[madvise]");
}

static bool is_huge(const void *mem)
{
	return case_kpageflags(case_pfn(mem)) & KPF_THP;
}

/* A huge page, with what its place and @id say in every page from @from on. */
static char *huge_map(size_t from, uint64_t id)
{
	char *mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap");
	mem = (char *)(((uintptr_t)mem + HUGE - 1) & -HUGE);
	if (madvise(mem, HUGE, MADV_HUGEPAGE))
		case_die("MADV_HUGEPAGE");
	memset(mem, 0, HUGE);
	case_fill_many(case_page(mem, from), per - from, id + from, per);
	return mem;
}

static void merge(void *mem, size_t pages)
{
	if (madvise(mem, pages * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE");
}

static size_t zero_pages(char *mem)
{
	size_t n = 0;

	for (size_t i = 0; i < per; i++)
		n += case_is_zero_page(case_page(mem, i));
	return n;
}

static size_t blank_wrong(char *mem, uint64_t id)
{
	size_t n = case_check_many(case_page(mem, BLANK), per - BLANK, id + BLANK, per);

	for (size_t i = 0; i < BLANK * case_page_size(); i++)
		n += mem[i] != 0;
	return n;
}

static void blank(const char *use_zero_pages)
{
	uint64_t id = ID + 0x10000 * (unsigned int)(use_zero_pages[0] - '0');
	char *mem = huge_map(BLANK, id);
	long long merges = case_ksm_stat(0, "ksm_merges"), all;

	case_set("use_zero_pages", use_zero_pages);
	all = case_get("ksm_zero_pages");
	if (!is_huge(mem)) {
		case_skip("there was no huge page");
		return;
	}
	merge(mem, per);
	case_step_scans(3);
	case_ok(!is_huge(mem) && zero_pages(mem) == BLANK,
		"use_zero_pages %s: %zu of %d blank pages are freed", use_zero_pages,
		zero_pages(mem), BLANK);
	case_ok(case_ksm_stat(0, "ksm_zero_pages") == BLANK &&
		case_get("ksm_zero_pages") - all == BLANK,
		"and counted: by the process %lld, by the system %lld",
		case_ksm_stat(0, "ksm_zero_pages"), case_get("ksm_zero_pages") - all);
	merges = case_ksm_stat(0, "ksm_merges") - merges;
	case_ok(merges == BLANK, "as merged (%lld)", merges);
	mem[0] = 1;
	mem[0] = 0;
	case_ok(case_ksm_stat(0, "ksm_zero_pages") == BLANK - 1, "one is written: %lld",
		case_ksm_stat(0, "ksm_zero_pages"));
	case_ok(blank_wrong(mem, id) == 0, "content");
	case_ok(madvise(mem, HUGE, MADV_UNMERGEABLE) == 0 && zero_pages(mem) == 0 &&
		case_ksm_stat(0, "ksm_zero_pages") == 0 &&
		case_get("ksm_zero_pages") == all, "unmerged");
	case_ok(blank_wrong(mem, id) == 0, "content after that");
	munmap(mem, HUGE);
	case_step_scans(1);
}

static void run(void)
{
	per = HUGE / case_page_size();
	if (!case_has("hksm/metadata_bytes")) {
		case_skip("this engine does not count what a split frees");
		return;
	}
	/* As the kernel has it where there is less than 512 MiB. */
	if (!thp() && getenv("KSM_TEST_MACHINE"))
		case_write(ENABLED, "madvise");
	if (!thp()) {
		case_skip("no transparent huge pages");
		return;
	}
	case_start();
	blank("0");
	blank("1");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_ZERO_PAGES | CASE_KSM_STAT,
	.knobs = case_scan_knobs,
	.run = run,
};
