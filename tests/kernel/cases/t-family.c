// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One content in very many merged pages: max_page_sharing is 2, and process after
 * process has nothing but that content. Half of the pages go, in no order, so that
 * some merged pages are full, others have room and others are gone; they come
 * back, and at last all go.
 */
#define _GNU_SOURCE
#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY	16
/* Pages of a process. */
#define MOST	2048
#define LEAST	1024
#define ID	0x66616d696c790000ULL

struct side {
	pid_t pid;
	int order, answer;
};

/* What a process is told to do. */
enum { FILL = 'f', HALVE = 'h', DROP = 'd' };

static size_t unit;
static int started;
static struct side side[MANY];

static bool half(size_t page)
{
	return case_mix(page) % 2;
}

static size_t free_pages(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024 / case_page_size();
}

/* Return: pages whose content was wrong. */
static size_t drop(char *mem, uint64_t id, bool all)
{
	const size_t size = case_page_size();
	size_t wrong = 0;

	for (size_t i = 0; i < unit; i++) {
		if (!all && !half(i))
			continue;
		wrong += !case_check(mem + i * size, id);
		if (!all && madvise(mem + i * size, size, MADV_DONTNEED))
			_exit(2);
	}
	if (all && madvise(mem, unit * size, MADV_DONTNEED))
		_exit(2);
	return wrong;
}

/* Those that are there are not written: that would make copies of them. */
static void fill(char *mem, uint64_t id, bool all)
{
	for (size_t i = 0; i < unit; i++)
		if (all || half(i))
			case_fill(case_page(mem, i), id);
}

static void serve(uint64_t id, int order, int answer)
{
	char *mem = case_map(unit), what;
	bool all = true;
	size_t wrong = 0;

	if (madvise(mem, unit * case_page_size(), MADV_MERGEABLE))
		_exit(2);
	while (read(order, &what, 1) > 0) {
		if (what == FILL) {
			fill(mem, id, all);
		} else {
			all = what == DROP;
			wrong += drop(mem, id, all);
		}
		if (write(answer, &what, 1) != 1)
			_exit(2);
	}
	_exit(wrong != 0);
}

static void make(struct side *s, uint64_t id)
{
	int down[2], up[2];

	if (pipe(down) || pipe(up))
		case_die("pipe");
	s->pid = case_fork();
	if (!s->pid) {
		/* Those of the processes before must end with this one's parent. */
		for (struct side *t = side; t < s; t++) {
			close(t->order);
			close(t->answer);
		}
		close(down[1]);
		close(up[0]);
		serve(id, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	s->order = down[1];
	s->answer = up[0];
	started++;
}

static void tell(struct side *s, char what)
{
	if (write(s->order, &what, 1) != 1 || read(s->answer, &what, 1) != 1)
		case_die("a process has ended");
}

static bool end(struct side *s)
{
	int status = -1;

	close(s->order);
	close(s->answer);
	started--;
	return waitpid(s->pid, &status, 0) == s->pid && status == 0;
}

static long long merging(int n)
{
	long long sum = 0;

	while (n--)
		sum += case_merging_pages(side[n].pid);
	return sum;
}

/* As many as @arg processes have, but for one without a partner. */
static bool merged(void *arg)
{
	int n = *(int *)arg;

	return merging(started) >= (long long)(n * unit) - 1;
}

static bool gone(void *arg)
{
	(void)arg;
	return merging(MANY) == 0;
}

static bool nothing_shared(void *arg)
{
	(void)arg;
	return !case_get("pages_shared") && !case_get("pages_sharing");
}

/* As many merged pages as there have to be, and no more than can be. */
static void check_counters(const char *when)
{
	long long all, shared, sharing;

	case_stop();
	all = merging(MANY);
	shared = case_get("pages_shared");
	sharing = case_get("pages_sharing");
	case_ok(shared + sharing == all && sharing <= shared &&
		case_get("stable_node_dups") == shared &&
		case_get("stable_node_chains") == 1,
		"%s: %lld merged pages for %lld", when, shared, all);
	case_set("run", "1");
}

static bool halved(void *arg)
{
	return merging(MANY) == *(long long *)arg;
}

static void many(void)
{
	long long rest = 0;
	int n, good = 0;

	/*
	 * One after the other, since unmerged they would not all have room; and
	 * the last one first, so that in the order of a pass those that joined
	 * first leave last.
	 */
	for (int i = 0; i < MANY; i++)
		make(&side[i], ID + 1);
	for (n = 1; n <= MANY; n++) {
		tell(&side[MANY - n], FILL);
		good += case_wait_until(merged, &n, 10);
	}
	n = MANY;
	case_ok(good == MANY, "the pages of %d of %d processes merge", good, MANY);
	check_counters("full");
	for (int i = 0; i < MANY; i++)
		tell(&side[i], HALVE);
	for (size_t i = 0; i < unit; i++)
		rest += half(i) ? 0 : MANY;
	case_ok(case_wait_until(halved, &rest, 10), "half of them go");
	check_counters("half");
	for (int i = 0; i < MANY; i++)
		tell(&side[i], FILL);
	case_ok(case_wait_until(merged, &n, 30), "and come back");
	check_counters("full again");
	for (int i = 0; i < MANY; i++)
		tell(&side[i], DROP);
	case_ok(case_wait_until(gone, NULL, 10), "and all go");
	good = 0;
	for (int i = 0; i < MANY; i++)
		good += end(&side[i]);
	case_ok(good == MANY, "the content is right in %d of %d processes", good,
		MANY);
}

static void run(void)
{
	if (!case_has("hksm/metadata_bytes")) {
		case_skip("takes too long with an engine that is not made for it");
		return;
	}
	/* Two pages share a frame; what the last process has, does not yet. */
	unit = free_pages() * 3 / 4 * 2 / (MANY + 2);
	if (unit > MOST)
		unit = MOST;
	unit &= ~(size_t)1;
	if (unit < LEAST) {
		case_skip("no memory for %d times %d pages", MANY, LEAST);
		return;
	}
	case_set("run", "2");
	case_set("max_page_sharing", "2");
	case_start();
	many();
	case_ok(case_wait_until(nothing_shared, NULL, 30),
		"nothing is left of it: %lld, %lld", case_get("pages_shared"),
		case_get("pages_sharing"));
	case_stop();
	case_ok(case_get("stable_node_chains") == 0 &&
		case_get("stable_node_dups") == 0, "nor of the families");
}

static const char *const knobs[] = {
	CASE_SCAN_KNOBS, "max_page_sharing", NULL
};

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_MERGING_PAGES | CASE_ALONE,
	.knobs = knobs,
	.run = run,
};
