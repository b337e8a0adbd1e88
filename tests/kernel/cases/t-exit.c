// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that come and go while they are scanned: that exit, exec, fork or
 * are killed (also in the middle of a fork), that move their memory, and that
 * switch merging off, after which not one page may be merged. All have the
 * same content, so that every batch takes pages of several of them.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES	160
#define CROWD	6
#define ROUNDS	12
#define ID	0x65786974ULL

/* What a child looks at; shared with the parent. */
struct seen {
	unsigned long wrong;	/* pages with another content than written */
	unsigned long merged;	/* pages merged after MADV_UNMERGEABLE */
	unsigned long moved;	/* pages that mremap changed */
};

static struct seen *seen;

static void *fill(void)
{
	void *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, PAGES / 2);
	if (madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE))
		case_die("MADV_MERGEABLE: %s", strerror(errno));
	return mem;
}

static size_t wrong(void *mem)
{
	return case_check_many(mem, PAGES, ID, PAGES / 2);
}

/* Merging is off: every page has a frame that nobody else has. */
static size_t still_merged(void *mem)
{
	size_t i, n = PAGES - case_frames(mem, PAGES);

	if (!case_can_tell_ksm())
		return n;
	for (i = 0; i < PAGES; i++)
		n += case_is_ksm(case_page(mem, i));
	return n;
}

static void toggle(void *mem)
{
	const size_t bytes = PAGES * case_page_size();

	for (int i = 0; i < ROUNDS; i++) {
		if (madvise(mem, bytes, MADV_UNMERGEABLE))
			__atomic_add_fetch(&seen->merged, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&seen->merged, still_merged(mem),
				   __ATOMIC_RELAXED);
		madvise(mem, bytes, MADV_MERGEABLE);
		__atomic_add_fetch(&seen->wrong, wrong(mem), __ATOMIC_RELAXED);
		sched_yield();
	}
}

static void move(void *mem)
{
	const size_t bytes = PAGES * case_page_size();

	for (int i = 0; i < ROUNDS; i++) {
		void *to = case_map(PAGES);

		mem = mremap(mem, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to);
		if (mem == MAP_FAILED)
			_exit(2);
		__atomic_add_fetch(&seen->moved, wrong(mem), __ATOMIC_RELAXED);
		usleep(500);
	}
}

/*
 * Fork until a timer kills: most of the time goes into copying areas, so most
 * of these end with a child that has only some of them.
 */
static void fork_until_killed(void *mem, unsigned int round)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGKILL,
	};
	struct itimerspec when = { .it_value.tv_nsec = 1000000 + round * 37000 };
	timer_t timer;
	pid_t pid;

	/* Every other page read-only: as many areas as pages. */
	for (size_t i = 0; i < PAGES; i += 2)
		mprotect(case_page(mem, i), case_page_size(), PROT_READ);
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) ||
	    timer_settime(timer, 0, &when, NULL))
		_exit(3);
	for (;;) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

/* One of the crowd: what it does depends on its number. */
static void live(unsigned int n)
{
	void *mem = fill();
	pid_t pid;

	switch (n % 6) {
	case 0:
		toggle(mem);
		break;
	case 1:
		move(mem);
		break;
	case 2:
		case_exec_self();
	case 3:
		pid = fork();
		if (pid == 0) {
			case_fill(mem, ID + 1);
			usleep(1000);
			_exit(0);
		}
		__atomic_add_fetch(&seen->wrong, wrong(mem), __ATOMIC_RELAXED);
		waitpid(pid, NULL, 0);
		break;
	case 4:
		for (int i = 0; i < ROUNDS; i++) {
			pid = fork();
			if (pid == 0)
				fork_until_killed(mem, (unsigned int)i);
			waitpid(pid, NULL, 0);
		}
		break;
	default:
		usleep(3000);
		kill(getpid(), SIGKILL);
	}
	__atomic_add_fetch(&seen->wrong, wrong(mem), __ATOMIC_RELAXED);
	_exit(0);
}

static int after_exec(void)
{
	void *mem = fill();

	usleep(2000);
	return wrong(mem) != 0;
}

/* Children come and go for as long as it takes; the last ones are collected. */
static size_t crowd(unsigned int total)
{
	unsigned int alive = 0, begun = 0;
	size_t bad = 0;
	int st;

	while (begun < total || alive) {
		while (begun < total && alive < CROWD) {
			if (case_fork() == 0)
				live(begun);
			begun++;
			alive++;
		}
		if (wait(&st) < 0)
			case_die("wait: %s", strerror(errno));
		alive--;
		bad += WIFEXITED(st) ? WEXITSTATUS(st) != 0 :
				       WTERMSIG(st) != SIGKILL;
	}
	return bad;
}

static void run(void)
{
	void *mem;
	size_t bad;

	seen = case_shared(sizeof(*seen));
	mem = fill();
	case_start();
	bad = crowd(48);
	case_ok(bad == 0, "everyone ended as it wanted (%zu did not)", bad);
	case_ok(seen->wrong == 0, "content was right at every look (%lu wrong)",
		seen->wrong);
	case_ok(seen->moved == 0, "and after every move (%lu wrong)",
		seen->moved);
	case_ok(seen->merged == 0,
		"nothing was merged after MADV_UNMERGEABLE (%lu were)",
		seen->merged);
	case_ok(case_wait_frames(mem, PAGES, PAGES / 2),
		"who stayed is merged in the end");
	case_ok(wrong(mem) == 0, "with the right content");
	/* Records of those who left are gone, too. */
	case_wait_scans(2);
	case_stop();
	case_ok(case_get("pages_sharing") == PAGES / 2,
		"pages_sharing is %lld, for one process",
		case_get("pages_sharing"));
	case_unmap(mem, PAGES);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
	.after_exec = after_exec,
};
