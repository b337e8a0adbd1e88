// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A page becomes a merged page for the sake of another one, which is written
 * just then and cannot join: the merge fails, and must leave nothing behind. The
 * writer writes what is there already, so the two are equal all the time.
 */
#include "case.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS	60
#define ID	0x70726f6dULL

static volatile uint64_t *word;
static bool stop;

static void *writer(void *arg)
{
	uint64_t value = *word;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		*word = value;
	return NULL;
}

/* @apart: pages from the one to the other. */
static void try(size_t apart, long long *alone, long long *merges, size_t *wrong)
{
	long long before = case_get("hksm/merges"), joined;
	char *mem = case_map(apart + 1), *other = case_page(mem, apart);
	pthread_t thread;

	case_fill(mem, ID);
	case_fill(other, ID);
	word = (uint64_t *)other;
	stop = false;
	if (pthread_create(&thread, NULL, writer, NULL))
		case_die("pthread_create");
	madvise(mem, (apart + 1) * case_page_size(), MADV_MERGEABLE);
	case_start();
	case_wait_scans(2);
	case_stop();
	joined = case_get("hksm/merges") - before;
	*merges += joined;
	/* Each merged page is there because something was merged with it. */
	if (case_get("pages_shared") > joined)
		++*alone;
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	*wrong += !case_check(mem, ID) + !case_check(other, ID);
	case_unmap(mem, apart + 1);
	case_start();
	case_wait_scans(1);
	case_stop();
}

static void both(size_t apart, const char *where)
{
	long long alone = 0, merges = 0;
	size_t wrong = 0;

	for (int i = 0; i < ROUNDS; i++)
		try(apart, &alone, &merges, &wrong);
	case_note("%s: %d tries, %lld merges", where, ROUNDS, merges);
	case_ok(alone == 0, "%s: nobody is left alone with a merged page (%lld)",
		where, alone);
	case_ok(wrong == 0, "%s: content (%zu wrong)", where, wrong);
}

static void run(void)
{
	if (!case_has("hksm/merges")) {
		case_skip("this engine does not count its merges");
		return;
	}
	both(1, "next to it");
	/* In another page table. */
	both(case_page_size() / 8, "elsewhere");
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_TWO_CPUS,
	.knobs = case_scan_knobs,
	.run = run,
};
