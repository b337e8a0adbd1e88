// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process with memory that could merge, for shell cases to work on: it does
 * what lines on its standard input say and answers each with one line.
 *
 *   help-hold [-a] [-p PAGES] [-g GROUPS] [-t THREADS]
 *
 * It starts with PAGES pages of GROUPS different contents; -a advises them
 * itself. "ready PID" is the first answer. Then:
 *
 *   more     another such area; the other words are about the latest one
 *   merged   waits until the area has GROUPS frames: "merged", or "apart N"
 *   frames   number of its frames now
 *   check    number of pages of all areas with wrong content
 *   any      PR_GET_MEMORY_MERGE: 0, 1, or -errno
 *   fork     a child maps an area of its own and waits for it: as merged
 *   threads  wakes every thread from what it is blocked in: "alive N", or what
 *            a blocked call returned that it should not have
 *   quit     ends; exit status 0 if all content is right
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_AREAS	16
#define MAX_THREADS	64
#define ID		0x686f6c640000ULL

static struct {
	size_t pages;
	size_t groups;
	unsigned int threads;
	bool advise;
} opt = { .pages = 64, .groups = 4 };

static void *areas[MAX_AREAS];
static size_t n_areas;

/* Threads: a third each is blocked in read(), in a futex, and in nanosleep(). */

static struct sleeper {
	pthread_t thread;
	unsigned int n;
	int pipe[2];
	unsigned long woken;
	int error;
} sleepers[MAX_THREADS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned long round_no;

static void woken(struct sleeper *s, int error)
{
	if (error)
		__atomic_store_n(&s->error, error, __ATOMIC_RELEASE);
	__atomic_add_fetch(&s->woken, 1, __ATOMIC_ACQ_REL);
}

static void *in_read(void *arg)
{
	struct sleeper *s = arg;
	ssize_t n;
	char c;

	for (;;) {
		n = read(s->pipe[0], &c, 1);
		woken(s, n == 1 ? 0 : n < 0 ? errno : EPIPE);
	}
	return NULL;
}

static void *in_futex(void *arg)
{
	struct sleeper *s = arg;
	unsigned long seen = 0;
	int rc;

	for (;;) {
		pthread_mutex_lock(&lock);
		rc = 0;
		while (seen == round_no && !rc)
			rc = pthread_cond_wait(&cond, &lock);
		seen = round_no;
		pthread_mutex_unlock(&lock);
		woken(s, rc);
	}
	return NULL;
}

static void *in_nanosleep(void *arg)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	struct sleeper *s = arg;

	/* No handler is installed here, so nothing may ever interrupt it. */
	for (;;)
		woken(s, nanosleep(&nap, NULL) ? errno : 0);
	return NULL;
}

static void threads_start(void)
{
	static void *(*const kinds[])(void *arg) = {
		in_read, in_futex, in_nanosleep,
	};

	for (unsigned int i = 0; i < opt.threads; i++) {
		struct sleeper *s = &sleepers[i];

		s->n = i;
		if (pipe(s->pipe) ||
		    pthread_create(&s->thread, NULL, kinds[i % 3], s))
			case_die("thread %u: %s", i, strerror(errno));
	}
}

static void threads_poke(void)
{
	unsigned long before[MAX_THREADS];
	const struct timespec nap = { .tv_nsec = 1000000 };

	for (unsigned int i = 0; i < opt.threads; i++)
		before[i] = __atomic_load_n(&sleepers[i].woken,
					    __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < opt.threads; i += 3)
		if (write(sleepers[i].pipe[1], "", 1) != 1)
			case_die("write: %s", strerror(errno));
	pthread_mutex_lock(&lock);
	round_no++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	/* Never, if one is lost: then the case runs into its time limit. */
	for (unsigned int i = 0; i < opt.threads; i++)
		while (__atomic_load_n(&sleepers[i].woken, __ATOMIC_ACQUIRE) ==
		       before[i])
			nanosleep(&nap, NULL);
	for (unsigned int i = 0; i < opt.threads; i++) {
		if (sleepers[i].error) {
			printf("thread %u: %s\n", i,
			       strerror(sleepers[i].error));
			return;
		}
	}
	printf("alive %u\n", opt.threads);
}

/* Areas */

static uint64_t area_id(size_t n)
{
	return ID + (uint64_t)n * opt.groups;
}

static void area_add(void)
{
	void *mem;

	if (n_areas == MAX_AREAS)
		case_die("no more than %d areas", MAX_AREAS);
	mem = case_map(opt.pages);
	case_fill_many(mem, opt.pages, area_id(n_areas), opt.groups);
	if (opt.advise &&
	    madvise(mem, opt.pages * case_page_size(), MADV_MERGEABLE))
		case_die("madvise: %s", strerror(errno));
	areas[n_areas++] = mem;
}

static size_t areas_wrong(void)
{
	size_t bad = 0;

	for (size_t i = 0; i < n_areas; i++)
		bad += case_check_many(areas[i], opt.pages, area_id(i),
				       opt.groups);
	return bad;
}

static size_t frames(void)
{
	return case_frames(areas[n_areas - 1], opt.pages);
}

static bool merged(void)
{
	return case_wait_frames(areas[n_areas - 1], opt.pages, opt.groups);
}

static int child(void *arg)
{
	(void)arg;
	area_add();
	return merged() && !areas_wrong() ? 0 : 1;
}

static bool obey(const char *word)
{
	if (!strcmp(word, "more")) {
		area_add();
		puts("ok");
	} else if (!strcmp(word, "merged")) {
		if (merged())
			puts("merged");
		else
			printf("apart %zu\n", frames());
	} else if (!strcmp(word, "frames")) {
		printf("%zu\n", frames());
	} else if (!strcmp(word, "check")) {
		printf("%zu\n", areas_wrong());
	} else if (!strcmp(word, "any")) {
		printf("%d\n", case_merge_any_get());
	} else if (!strcmp(word, "fork")) {
		puts(case_in_child(child, NULL) ? "apart" : "merged");
	} else if (!strcmp(word, "threads")) {
		threads_poke();
	} else if (!strcmp(word, "quit")) {
		return false;
	} else {
		printf("%s: not a word I know\n", word);
	}
	return true;
}

static int program(int argc, char **argv)
{
	char word[32];
	int c;

	while ((c = getopt(argc, argv, "ap:g:t:")) != -1) {
		switch (c) {
		case 'a':
			opt.advise = true;
			break;
		case 'p':
			opt.pages = strtoul(optarg, NULL, 10);
			break;
		case 'g':
			opt.groups = strtoul(optarg, NULL, 10);
			break;
		case 't':
			opt.threads = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (!opt.pages || !opt.groups || opt.threads > MAX_THREADS)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	threads_start();
	area_add();
	printf("ready %d\n", (int)getpid());
	while (scanf("%31s", word) == 1 && obey(word))
		;
	return areas_wrong() ? 1 : 0;
}

const struct kcase kcase = {
	.program = program,
};
