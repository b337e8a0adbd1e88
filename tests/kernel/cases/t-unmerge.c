// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The run file: 2 gives every page of every process its own frame again, resets
 * the counters and leaves the scanner off; 0 leaves merged pages merged; what
 * is none of 0, 1, 2 is refused and changes nothing.
 */
#include "case.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	64
#define ID	0x756e6d67650000ULL

enum { READY, GO, N_PIPES };

struct other {
	int pipe[N_PIPES][2];
	pid_t pid;
};

/* Merges, reports, and after the unmerging looks at its own memory. */
static int other_main(struct other *o)
{
	void *mem = case_map(PAGES);
	char c = 0;

	case_fill_many(mem, PAGES, ID, 4);
	madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE);
	if (!case_wait_frames(mem, PAGES, 4))
		c = 1;
	if (write(o->pipe[READY][1], &c, 1) != 1 ||
	    read(o->pipe[GO][0], &c, 1) != 1)
		return 1;
	if (case_frames(mem, PAGES) != PAGES)
		return 2;
	return case_check_many(mem, PAGES, ID, 4) ? 3 : 0;
}

static void other_start(struct other *o)
{
	char c = 1;

	for (int i = 0; i < N_PIPES; i++)
		if (pipe(o->pipe[i]))
			case_die("pipe");
	o->pid = case_fork();
	if (o->pid == 0)
		_exit(other_main(o));
	if (read(o->pipe[READY][0], &c, 1) != 1 || c)
		case_die("another process does not merge");
}

static int other_end(struct other *o)
{
	int status = -1;

	if (write(o->pipe[GO][1], "", 1) != 1 ||
	    waitpid(o->pid, &status, 0) != o->pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void refused(void)
{
	static const char *const bad[] = { "3", "4", "7", "-1", "x", "1x", "" };
	long long before = case_get("run");
	bool good = true;

	/* An empty write never reaches the kernel's parser: left out. */
	for (size_t i = 0; bad[i][0]; i++) {
		if (case_try_set("run", bad[i]) != -EINVAL) {
			case_note("run accepted \"%s\"", bad[i]);
			good = false;
		}
	}
	case_ok(good, "what is no state is refused");
	case_ok(case_get("run") == before, "and changes nothing");
}

static void run(void)
{
	struct other other;
	void *mem;
	int rc;

	/* First, so that it does not inherit what is mapped here. */
	case_start();
	other_start(&other);
	mem = case_map(PAGES);
	case_fill_many(mem, PAGES, ID, 4);
	madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE);
	case_ok(case_wait_frames(mem, PAGES, 4), "merged");
	refused();

	case_stop();
	case_ok(case_get("run") == 0, "run reads 0 after writing 0");
	case_ok(case_frames(mem, PAGES) == 4, "stopped: merged pages stay merged");
	case_ok(case_get("pages_shared") == 4, "pages_shared is 4, is %lld",
		case_get("pages_shared"));
	case_ok(case_get("pages_sharing") == 2 * PAGES - 4,
		"pages_sharing is %d, is %lld", 2 * PAGES - 4,
		case_get("pages_sharing"));

	case_set("run", "2");
	case_ok(case_get("run") == 2, "run reads 2 after writing 2");
	case_ok(case_get("pages_shared") == 0 && case_get("pages_sharing") == 0 &&
		case_get("pages_unshared") == 0, "the counters are 0");
	case_ok(case_get("full_scans") == 0, "full_scans is 0");
	case_ok(case_frames(mem, PAGES) == PAGES, "every page has its own frame");
	case_ok(case_check_many(mem, PAGES, ID, 4) == 0, "and its content");
	rc = other_end(&other);
	case_ok(rc == 0, "so has another process (%d)", rc);
	case_ok(case_try_set("run", "2") == 0, "2 again is nothing to do");

	/* The advice outlives the unmerging. */
	case_start();
	case_ok(case_wait_frames(mem, PAGES, 4), "started again: merged again");
	case_ok(case_check_many(mem, PAGES, ID, 4) == 0, "and its content");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
