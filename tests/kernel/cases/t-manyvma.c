// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many areas of one page each, every one of them merged with another, and the
 * same number of pages in one area: to find out what an area is to the engine
 * must not cost more the more of them there are. The cost of the one process is
 * held against that of the other, from the same passes of the same machine.
 */
#define _GNU_SOURCE
#include "case.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	6000
/* Some clocks count in ticks: enough of them for a comparison. */
#define ROUNDS	12
#define ID	0x6d616e79766d6100ULL
/* A quadratic engine takes some 20 times as much, a linear one 2 to 4 times. */
#define MOST	8

struct side {
	pid_t pid;
	int order, answer;
	long long ns;
};

static char *make_single(size_t *step)
{
	*step = case_page_size();
	return case_map(PAGES);
}

/* Each page of its own, with a hole behind it. */
static char *make_apart(size_t *step)
{
	const size_t page = case_page_size();
	char *mem = mmap(NULL, 2 * PAGES * page, PROT_NONE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap");
	for (size_t i = 0; i < PAGES; i++)
		if (mmap(mem + 2 * i * page, page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED)
			case_die("mmap %zu: %m", i);
	*step = 2 * page;
	return mem;
}

static void serve(bool apart, uint64_t id, int order, int answer)
{
	size_t step, wrong = 0;
	char *mem = apart ? make_apart(&step) : make_single(&step);
	char c = 1;

	for (size_t i = 0; i < PAGES; i++)
		case_fill(mem + i * step, id + i % (PAGES / 2));
	for (size_t i = 0; i < (apart ? PAGES : 1); i++)
		if (madvise(mem + i * step,
			    (apart ? 1 : PAGES) * case_page_size(),
			    MADV_MERGEABLE))
			_exit(1);
	if (write(answer, &c, 1) != 1)
		_exit(1);
	while (read(order, &c, 1) > 0)
		;
	for (size_t i = 0; i < PAGES; i++)
		wrong += !case_check(mem + i * step, id + i % (PAGES / 2));
	_exit(wrong != 0);
}

static struct side make(bool apart, uint64_t id)
{
	struct side s = { 0 };
	int down[2], up[2];
	char c;

	if (pipe(down) || pipe(up))
		case_die("pipe");
	s.pid = case_fork();
	if (!s.pid) {
		close(down[1]);
		close(up[0]);
		serve(apart, id, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	s.order = down[1];
	s.answer = up[0];
	if (read(s.answer, &c, 1) != 1)
		case_die("a process did not get its areas");
	return s;
}

static int end(struct side *s)
{
	int status = -1;

	close(s->order);
	close(s->answer);
	if (waitpid(s->pid, &status, 0) != s->pid)
		return -1;
	return status;
}

static bool merged(void *arg)
{
	struct side *s = arg;

	return case_merging_pages(s[0].pid) == PAGES &&
	       case_merging_pages(s[1].pid) == PAGES;
}

static void run(void)
{
	struct side s[2];
	int good = 0;

	if (case_ksm_stat(0, "ksm_scan_ns") < 0) {
		case_skip("this engine does not say what a process costs");
		return;
	}
	s[0] = make(false, ID);
	s[1] = make(true, ID + 0x1000000);
	for (int i = 0; i < ROUNDS; i++) {
		case_set("run", "2");
		case_start();
		good += case_wait_until(merged, s, 60);
	}
	case_ok(good == ROUNDS, "merged %d of %d times", good, ROUNDS);
	for (int i = 0; i < 2; i++)
		s[i].ns = case_ksm_stat(s[i].pid, "ksm_scan_ns");
	case_note("one area: %lld us; %d areas: %lld us", s[0].ns / 1000, PAGES,
		  s[1].ns / 1000);
	case_ok(s[1].ns < MOST * s[0].ns,
		"many areas cost less than %d times what one costs", MOST);
	case_stop();
	/* The second process is forked from one that had nothing in it yet. */
	case_ok(end(&s[1]) == 0, "content of many areas");
	case_ok(end(&s[0]) == 0, "content of one area");
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_MERGING_PAGES | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
