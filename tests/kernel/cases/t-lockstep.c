// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Equal pages that change all the time, and always to something equal: what the
 * scanner has seen of them is out of date when it merges them. In the end, all
 * that is equal shares one frame, and nothing else does.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES		64
#define CONTENTS	16
#define WRITES		200
#define TIMES		60
#define ID		0x6c6f636bULL

struct writer {
	char *mem;
	unsigned int seed;
	uint64_t id[PAGES];
};

/* Neighbours get the same, one right after the other. */
static void *work(void *arg)
{
	struct writer *w = arg;

	for (int n = 0; n < WRITES; n++) {
		size_t i = rand_r(&w->seed) % (PAGES / 2) * 2;

		w->id[i] = ID + rand_r(&w->seed) % CONTENTS;
		w->id[i + 1] = w->id[i];
		case_fill(case_page(w->mem, i), w->id[i]);
		case_fill(case_page(w->mem, i + 1), w->id[i]);
	}
	return NULL;
}

static size_t wrong(struct writer *w)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++)
		n += !case_check(case_page(w->mem, i), w->id[i]);
	return n;
}

static size_t contents(struct writer *w)
{
	size_t n = 0, k;

	for (size_t i = 0; i < PAGES; i++) {
		for (k = 0; k < i && w->id[k] != w->id[i]; k++)
			;
		n += k == i;
	}
	return n;
}

static void run(void)
{
	struct writer w = { .seed = 5 };
	size_t bad = 0, apart = 0;
	pthread_t thread;

	case_start();
	for (int n = 0; n < TIMES; n++) {
		w.mem = case_map(PAGES);
		for (size_t i = 0; i < PAGES; i++)
			w.id[i] = ID + i / 2 % CONTENTS;
		for (size_t i = 0; i < PAGES; i++)
			case_fill(case_page(w.mem, i), w.id[i]);
		madvise(w.mem, PAGES * case_page_size(), MADV_MERGEABLE);
		if (pthread_create(&thread, NULL, work, &w))
			case_die("pthread_create");
		pthread_join(thread, NULL);
		bad += wrong(&w);
		apart += !case_wait_frames(w.mem, PAGES, contents(&w));
		bad += wrong(&w);
		case_unmap(w.mem, PAGES);
	}
	case_ok(bad == 0, "content was right all the time (%zu wrong)", bad);
	case_ok(apart == 0, "what is equal shares a frame (not %zu times of %d)",
		apart, TIMES);
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
