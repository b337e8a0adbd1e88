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

/* A child that has done @prepare sleeps; its memory may merge. */
static pid_t start(bool (*prepare)(void))
{
	int fds[2], ok = 0;
	pid_t pid;

	if (pipe(fds))
		abort();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ok = prepare() && !sys_memory_merge_set(true);
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

TAP_MAIN(TAP_CASE(reserved), TAP_CASE(no_more_mappings))
