// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random operations on memory that is merged all the time: threads write,
 * discard, protect, move, pin, lock and fork while the scanner runs, and every
 * page is compared with what its owner last wrote. One wrong merge, one lost
 * write, one write that shows elsewhere, and the case fails.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS		3
#define PAGES		300
#define STEPS		6000
#define CONTENTS	24	/* few, so that there is always a twin */
#define ABSENT		UINT64_MAX

struct owner {
	pthread_t thread;
	unsigned int seed;
	char *mem;
	size_t wrong;
	uint64_t id[PAGES];
};

static uint64_t rnd(struct owner *o)
{
	o->seed = o->seed * 1103515245u + 12345u;
	return o->seed >> 8;
}

static bool zero(const char *page)
{
	static const char none[65536];

	return !memcmp(page, none, case_page_size());
}

static bool right(struct owner *o, size_t i)
{
	const char *page = case_page(o->mem, i);

	return o->id[i] == ABSENT ? zero(page) : case_check(page, o->id[i]);
}

static void look(struct owner *o)
{
	for (size_t i = 0; i < PAGES; i++)
		o->wrong += !right(o, i);
}

static void write_page(struct owner *o, size_t i, uint64_t id)
{
	case_fill(case_page(o->mem, i), id);
	o->id[i] = id;
}

/* A child sees what was there, and what it writes is its own. */
static void fork_and_write(struct owner *o)
{
	pid_t pid = fork();
	int st = 0;

	if (pid == 0) {
		alarm(120);
		look(o);
		for (size_t i = rnd(o) % 3; i < PAGES; i += 3)
			write_page(o, i, rnd(o) % CONTENTS);
		look(o);
		_exit(o->wrong != 0);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid || st)
		o->wrong++;
}

/* Through the kernel, which takes a reference to write with. */
static void write_by_pin(struct owner *o, size_t i)
{
	static __thread uint64_t buf[65536 / 8];
	struct iovec from = { buf, case_page_size() };
	struct iovec to = { case_page(o->mem, i), case_page_size() };
	uint64_t id = rnd(o) % CONTENTS;

	case_fill(buf, id);
	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) < 0) {
		if (errno == ENOSYS)
			return;
		o->wrong++;
	}
	o->id[i] = id;
}

/* A pipe holds references to pages; what it holds must not change. */
static void read_by_pipe(struct owner *o, size_t i)
{
	static __thread uint64_t buf[65536 / 8];
	struct iovec iov = { case_page(o->mem, i), case_page_size() };
	uint64_t id = o->id[i];
	int fd[2];
	ssize_t n;

	if (id == ABSENT || pipe(fd))
		return;
	n = vmsplice(fd[1], &iov, 1, 0);
	if (n == (ssize_t)case_page_size()) {
		usleep(rnd(o) % 2000);
		n = read(fd[0], buf, case_page_size());
		if (n != (ssize_t)case_page_size() || !case_check(buf, id))
			o->wrong++;
	}
	close(fd[0]);
	close(fd[1]);
}

static void step(struct owner *o)
{
	const size_t ps = case_page_size();
	size_t i = rnd(o) % PAGES;
	void *page = case_page(o->mem, i);

	switch (rnd(o) % 24) {
	case 0:
		madvise(page, ps, MADV_DONTNEED);
		o->id[i] = ABSENT;
		break;
	case 1:
		mprotect(page, ps, PROT_READ);
		o->wrong += !right(o, i);
		mprotect(page, ps, PROT_READ | PROT_WRITE);
		break;
	case 2:
		mlock(page, ps);
		o->wrong += !right(o, i);
		munlock(page, ps);
		break;
	case 3:
		madvise(page, ps, MADV_UNMERGEABLE);
		madvise(page, ps, MADV_MERGEABLE);
		break;
	case 4:
		memset(page, 0, ps);
		o->id[i] = ABSENT;
		break;
	case 5:
		/* Either kept or zero; then it is written again. */
		if (o->id[i] != ABSENT && !madvise(page, ps, MADV_FREE)) {
			o->wrong += !zero(page) && !case_check(page, o->id[i]);
			write_page(o, i, rnd(o) % CONTENTS);
		}
		break;
	case 6:
		write_by_pin(o, i);
		break;
	case 7:
		read_by_pipe(o, i);
		break;
	case 8:
#ifdef MADV_PAGEOUT
		madvise(o->mem, PAGES * ps, MADV_PAGEOUT);
#endif
		break;
	case 9:
	case 10:
	case 11:
	case 12:
		o->wrong += !right(o, i);
		break;
	default:
		write_page(o, i, rnd(o) % CONTENTS);
	}
}

static void *work(void *arg)
{
	struct owner *o = arg;

	for (int s = 0; s < STEPS; s++) {
		step(o);
		if (s % 1000 == 999)
			look(o);
		if (s % 2000 == 1999)
			fork_and_write(o);
	}
	look(o);
	return NULL;
}

static void run(void)
{
	static struct owner owner[THREADS];
	long long zeroes = case_has("ksm_zero_pages") ? case_get("ksm_zero_pages") : 0;
	size_t wrong = 0;

	case_start();
	if (case_has("use_zero_pages"))
		case_set("use_zero_pages", "1");
	for (int t = 0; t < THREADS; t++) {
		struct owner *o = &owner[t];

		o->seed = 4711 + t;
		o->mem = case_map(PAGES);
		for (size_t i = 0; i < PAGES; i++)
			o->id[i] = ABSENT;
		if (madvise(o->mem, PAGES * case_page_size(), MADV_MERGEABLE))
			case_die("MADV_MERGEABLE");
		if (pthread_create(&o->thread, NULL, work, o))
			case_die("pthread_create");
	}
	for (int t = 0; t < THREADS; t++) {
		pthread_join(owner[t].thread, NULL);
		wrong += owner[t].wrong;
	}
	case_ok(wrong == 0, "every page is what its owner made it (%zu wrong)",
		wrong);
	case_wait_scans(2);
	for (int t = 0; t < THREADS; t++)
		look(&owner[t]);
	case_ok(owner[0].wrong + owner[1].wrong + owner[2].wrong == wrong,
		"and stays so when all is merged");
	case_ok(case_get("pages_sharing") > THREADS * PAGES / 4,
		"most of it is merged then");
	for (int t = 0; t < THREADS; t++)
		case_unmap(owner[t].mem, PAGES);
	case_stop();
	/*
	 * Less than 0 with mm/ksm.c of 6.12 and 7.3 and two processors: fork copies
	 * the parent's count before its page tables, without the mmap lock.
	 */
	if (case_has("hksm") && !case_is_module())
		case_ok(case_get("ksm_zero_pages") == zeroes,
			"as many zero pages are counted as before");
	else if (case_has("ksm_zero_pages"))
		case_note("ksm_zero_pages is %lld more than before",
			  case_get("ksm_zero_pages") - zeroes);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
