// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-portions.c - merging is switched off in pieces: all of it, in as many calls as
 * it takes, and where a mapping cannot be cut in two.
 *
 * Nothing needs to be merged for that: the marks are what is looked at.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject/advise.h"
#include "libksm/libksm.h"
#include "libksm/sys.h"
#include "target.h"
#include "tests/unit/tap.h"

#define GIB (UINT64_C(1) << 30)
#define RESERVE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static struct ksm *ksm;
static struct ksm_caps caps;

static bool can(void)
{
	if (!ksm && (ksm_open(NULL, &ksm) || ksm_caps_read(ksm, &caps)))
		abort();
	if (!caps.prctl || caps.prctl_refused)
		tap_skip(ksm_caps_no_prctl(&caps));
	else if (sys_seccomp_get() > 0 && geteuid())
		tap_skip("needs root where a seccomp filter is in force");
	else
		return true;
	return false;
}

/* A child that has done @prepare sleeps; all its memory may merge, if @merge. */
static pid_t start_child(bool (*prepare)(void), bool merge)
{
	int fds[2], ok = 0;
	pid_t pid;

	if (pipe(fds))
		abort();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ok = prepare() && (!merge || !sys_memory_merge_set(true));
		if (write(fds[1], &ok, sizeof(ok)) != sizeof(ok))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_INT(read(fds[0], &ok, sizeof(ok)), sizeof(ok));
	close(fds[0]);
	close(fds[1]);
	CHECK(ok);
	wait_state(pid, "S");
	return pid;
}

static pid_t start(bool (*prepare)(void))
{
	return start_child(prepare, true);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct marks {
	size_t mappings, marked;
};

static int count_vma(const struct ksm_vma *vma, void *arg)
{
	struct marks *m = arg;

	m->mappings++;
	m->marked += vma->mergeable;
	return 0;
}

static struct marks marks_of(pid_t pid)
{
	struct marks m = { 0 };

	CHECK_INT(ksm_vmas_walk(ksm, pid, count_vma, &m), 0);
	return m;
}

static uint64_t switch_off(pid_t pid)
{
	const struct ksm_advise_want off = { .how = KSM_ADVISE_AUTO };
	struct ksm_advised d;
	struct marks before = marks_of(pid), after;

	CHECK(before.marked > 0);
	CHECK_INT(ksm_advise_process(ksm, &caps, KSM_CHILD(pid), &off, &d), 0);
	CHECK_INT(ksm_inject_merge_get(ksm, KSM_CHILD(pid), NULL), 0);
	after = marks_of(pid);
	CHECK_UINT(after.marked, 0);
	/* The pieces have joined again, and maybe others that only the mark had kept apart. */
	CHECK(after.mappings <= before.mappings);
	return d.portions.pieces;
}

/* Reserved address space, in which there never was anything: no work at all. */
static bool reserve(void)
{
	return mmap(NULL, 1024 * GIB, PROT_NONE, RESERVE, -1, 0) != MAP_FAILED;
}

/* The same with one page in it: the kernels that look at each page look at each. */
static bool reserve_touched(void)
{
	char *p = mmap(NULL, GIB, PROT_READ | PROT_WRITE, RESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	p[GIB / 2] = 1;
	return true;
}

/* What is cheap in the one says nothing about the other, in whatever order they are. */
static bool reserve_both(void)
{
	return reserve() && reserve_touched() && reserve();
}

static void reserved(void)
{
	static const struct {
		const char *name;
		bool (*prepare)(void);
		uint64_t most;
	} rows[] = {
		{ "never touched", reserve, 200 },
		{ "touched", reserve_touched, 2000 },
		{ "both", reserve_both, 2200 },
	};

	if (!can())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t pid = start(rows[i].prepare);
		uint64_t pieces;

		tap_row("%s", rows[i].name);
		pieces = switch_off(pid);
		CHECK(pieces >= 2 && pieces <= rows[i].most);
		end(pid);
	}
}

/* One that is large, and then as many others as there may be. */
static bool as_many_as_may_be(void)
{
	enum { PAGES = 4000000 };
	const size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, PAGES * page, PROT_NONE, RESERVE, -1, 0);
	size_t i = 0;

	if (p == MAP_FAILED || !reserve_touched())
		return false;
	/* What is left free is what a call needs that cuts one in three. */
	while (i < PAGES && !mprotect(p + i * page, page, PROT_READ))
		i += 2;
	return i < PAGES && errno == ENOMEM;
}

static void no_more_mappings(void)
{
	uint64_t max;
	pid_t pid;
	FILE *f;

	if (!can())
		return;
	f = fopen("/proc/sys/vm/max_map_count", "re");
	if (!f || fscanf(f, "%" SCNu64, &max) != 1 || max > 200000) {
		tap_skip("vm.max_map_count is too large to be reached");
	} else {
		pid = start(as_many_as_may_be);
		CHECK(switch_off(pid) >= 2);
		end(pid);
	}
	if (f)
		fclose(f);
}

/*
 * Mappings of 4 pages each, with a hole behind each, at a place that parent and child
 * know: the even ones can be written to, and the last one is marked by the program.
 */
enum { MAPS = 8, EACH = 4, STEP = 5 };
static char *field_at;

static bool field(void)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	munmap(field_at, MAPS * STEP * page);
	for (size_t i = 0; i < MAPS; i++)
		if (mmap(field_at + i * STEP * page, EACH * page, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return false;
	return !madvise(field_at + (MAPS - 1) * STEP * page, EACH * page, MADV_MERGEABLE);
}

struct picture {
	size_t page;
	char text[MAPS * STEP + 1];
};

static int draw(const struct ksm_vma *vma, void *arg)
{
	struct picture *p = arg;
	const uint64_t field = (uintptr_t)field_at, end = field + MAPS * STEP * p->page;

	for (uint64_t at = MAX(vma->start, field); at < MIN(vma->end, end); at += p->page)
		p->text[(at - field) / p->page] = vma->mergeable ? 'X' : 'o';
	return 0;
}

/* Only what is named, across holes and edges of mappings, and to and fro. */
static void only(void)
{
	static const struct {
		bool on;
		struct { int start, end; } only[6];
		const char *want;
	} rows[] = {
		{ true, { { 0, 0 } },		   "oooo oooo oooo oooo oooo oooo oooo XXXX " },
		{ true, { { 1, 3 } },		   "oXXo oooo oooo oooo oooo oooo oooo XXXX " },
		{ true, { { 0, 1 }, { 3, 6 } },	   "XXXX Xooo oooo oooo oooo oooo oooo XXXX " },
		{ false, { { 2, 3 }, { 9, 12 } },  "XXoX Xooo oooo oooo oooo oooo oooo XXXX " },
		/* one over several, several in one, one in a hole, and behind all */
		{ true, { { 8, 22 }, { 25, 26 }, { 27, 28 }, { 29, 30 }, { 99, 200 } },
		  "XXoX XooX XXXX XXXX XXoo XoXo oooo XXXX " },
		{ false, { { 0, 7 }, { 11, 12 }, { 13, 14 }, { 26, 29 } },
		  "oooo oooX XoXo XXXX XXoo Xooo oooo XXXX " },
		{ false, { { 0, 35 } },		   "oooo oooo oooo oooo oooo oooo oooo XXXX " },
	};
	struct ksm_portions_how how = { 0 };
	struct ksm_inject_info info;
	struct ksm_portions done;
	pid_t pid;

	if (!can())
		return;
	field_at = mmap(NULL, MAPS * STEP * sysconf(_SC_PAGESIZE), PROT_NONE, RESERVE, -1, 0);
	if (!CHECK(field_at != MAP_FAILED))
		return;
	pid = start_child(field, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_range ranges[ARRAY_SIZE(rows[i].only)];
		struct picture p = { .page = sysconf(_SC_PAGESIZE) };
		size_t n = 0;

		tap_row("%zu", i);
		for (; n < ARRAY_SIZE(ranges) && rows[i].only[n].end; n++)
			ranges[n] = (struct ksm_range){
				(uintptr_t)field_at + rows[i].only[n].start * p.page,
				(uintptr_t)field_at + rows[i].only[n].end * p.page,
			};
		how = (struct ksm_portions_how){ .on = rows[i].on, .only = ranges, .n_only = n };
		CHECK_INT(ksm_portions_run(ksm, KSM_CHILD(pid), &how, &done, &info), 0);
		memset(p.text, ' ', sizeof(p.text) - 1);
		CHECK_INT(ksm_vmas_walk(ksm, pid, draw, &p), 0);
		CHECK_STR(p.text, rows[i].want);
	}
	end(pid);
	munmap(field_at, MAPS * STEP * sysconf(_SC_PAGESIZE));
}

TAP_MAIN(TAP_CASE(only), TAP_CASE(reserved), TAP_CASE(no_more_mappings))
