// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PR_SET_MEMORY_MERGE: all memory of a process, old and new, becomes mergeable;
 * children and (since 6.7) new programs inherit it; turning it off unmerges.
 */
#include "case.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#define PAGES	64
#define ID	0x707263746c0000ULL

static bool newer_than_6_6(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		case_die("uname: no version");
	return major > 6 || (major == 6 && minor >= 7);
}

static int child_state(void *arg)
{
	(void)arg;
	return case_merge_any_get();
}

static int child_exec(void *arg)
{
	(void)arg;
	case_exec_self();
}

static int after_exec(void)
{
	return case_merge_any_get();
}

/* New memory of a child, advised by nobody. */
static int child_merges(void *arg)
{
	void *mem = case_map(PAGES);

	(void)arg;
	case_fill_many(mem, PAGES, ID + 100, 2);
	if (!case_wait_frames(mem, PAGES, 2))
		return 1;
	return case_check_many(mem, PAGES, ID + 100, 2) ? 2 : 0;
}

static int child_turned_off(void *arg)
{
	void *mem = case_map(PAGES);

	(void)arg;
	if (case_merge_any(false) || case_merge_any_get())
		return 1;
	case_fill_many(mem, PAGES, ID + 200, 2);
	case_wait_scans(4);
	return case_frames(mem, PAGES) == PAGES ? 0 : 2;
}

static void arguments(void)
{
	static const unsigned long bad[][4] = {
		{ 1, 1, 0, 0 }, { 1, 0, 1, 0 }, { 1, 0, 0, 1 }, { 0, 1, 0, 0 },
	};
	bool refused = true;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused &= prctl(PR_SET_MEMORY_MERGE, bad[i][0], bad[i][1],
				 bad[i][2], bad[i][3]) == -1 && errno == EINVAL;
	case_ok(refused, "set with a stray argument is refused");
	refused = true;
	for (unsigned long i = 0; i < 4; i++)
		refused &= prctl(PR_GET_MEMORY_MERGE, i == 0, i == 1, i == 2,
				 i == 3) == -1 && errno == EINVAL;
	case_ok(refused, "get with a stray argument is refused");
	case_ok(case_merge_any_get() == 0, "and changes nothing");
}

static void run(void)
{
	void *old, *new;
	int rc;

	if (case_merge_any_get() == 1 && case_merge_any(false))
		case_die("inherited from the caller, and cannot be turned off");
	arguments();

	old = case_map(PAGES);
	case_fill_many(old, PAGES, ID, 2);
	case_ok(case_merge_any(true) == 0, "turned on");
	case_ok(case_merge_any_get() == 1, "and it says so");
	case_ok(case_merge_any(true) == 0, "turned on again");
	new = case_map(PAGES);
	case_fill_many(new, PAGES, ID + 10, 2);

	/*
	 * With the scanner off: from 6.7 to 6.17 a scan at the wrong moment of
	 * an exec makes the new program lose the setting or its place in line.
	 */
	case_stop();
	case_ok(case_in_child(child_state, NULL) == 1, "a child inherits it");
	rc = case_in_child(child_exec, NULL);
	if (newer_than_6_6())
		case_ok(rc == 1, "a new program inherits it");
	else
		case_skip("exec loses the setting on this kernel (before 6.7)");

	case_start();
	case_ok(case_wait_frames(old, PAGES, 2), "memory from before merges");
	case_ok(case_wait_frames(new, PAGES, 2), "memory from after merges");
	case_ok(case_check_many(old, PAGES, ID, 2) == 0 &&
		case_check_many(new, PAGES, ID + 10, 2) == 0, "content");
	case_stop();
	rc = case_in_child(child_state, NULL);
	case_ok(rc == 1, "a child of a merged process inherits it");

	case_start();
	rc = case_in_child(child_merges, NULL);
	case_ok(rc == 0, "a child's new memory merges (%d)", rc);
	rc = case_in_child(child_turned_off, NULL);
	case_ok(rc == 0, "a child can turn it off for itself (%d)", rc);
	case_ok(case_merge_any_get() == 1, "and its parent keeps it");

	case_ok(case_merge_any(false) == 0, "turned off");
	case_ok(case_merge_any_get() == 0, "and it says so");
	case_ok(case_frames(old, PAGES) == PAGES &&
		case_frames(new, PAGES) == PAGES, "which unmerges everything");
	case_ok(case_check_many(old, PAGES, ID, 2) == 0 &&
		case_check_many(new, PAGES, ID + 10, 2) == 0, "content after it");
	case_wait_scans(3);
	case_ok(case_frames(old, PAGES) == PAGES, "and it stays so");
	case_stop();
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_PRCTL,
	.knobs = case_scan_knobs,
	.run = run,
	.after_exec = after_exec,
};
