// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that cannot leave a function of one engine while the other is to be put in
 * its place: the change waits for it, and for as long as that takes both the process and
 * everybody else have what they had; so it is when the process is killed meanwhile. It
 * gets stuck by having no processor: one that is busy at real-time priority has the
 * only one it may use. Skipped where there is no /hksm.ko.
 */
#define _GNU_SOURCE
#include "case.h"
#include "module.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MERGING		16384			/* pages, all alike */
#define EMPTY		(1UL << 18)		/* pages that read as zeroes */
#define TRIES		20
#define HEAD_START	30000			/* of who is to be caught, in us */
#define STUCK		3			/* seconds */

static struct {
	bool ready;
	bool go;		/* leave, and be caught at that */
	unsigned long calls;	/* that came back */
	unsigned long wrong;	/* pages */
} *shared;

static const char *const knobs[] = { "run", "pages_to_scan", "sleep_millisecs", NULL };

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		case_die("processor %u cannot be used", cpu);
}

static bool flag(const bool *f)
{
	return __atomic_load_n(f, __ATOMIC_ACQUIRE);
}

static void set_flag(bool *f, bool value)
{
	__atomic_store_n(f, value, __ATOMIC_RELEASE);
}

static unsigned long calls(void)
{
	return __atomic_load_n(&shared->calls, __ATOMIC_ACQUIRE);
}

static void await_flag(const bool *f, bool value)
{
	for (int i = 0; i < PATIENCE * 50; i++, nap())
		if (flag(f) == value)
			return;
	case_die("the process that is to be stuck does nothing");
}

static void look(char *mem)
{
	if (case_check_many(mem, MERGING, 7, 1))
		shared->wrong++;
}

/* Nothing of the second area merges, and mm/ksm.c walks each page of it. */
static void victim(unsigned int cpu)
{
	const struct sched_param prio = { 0 };
	size_t psize = case_page_size();
	char *mem = case_map(MERGING);
	char *empty = mmap(NULL, EMPTY * psize, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (empty == MAP_FAILED)
		case_die("there is no address space");
	case_fill_many(mem, MERGING, 7, 1);
	madvise(empty, EMPTY * psize, MADV_POPULATE_READ);
	/* What has no page of its own is not walked at all. */
	*empty = 1;
	pin(cpu);
	sched_setscheduler(0, SCHED_IDLE, &prio);
	for (;;) {
		madvise(mem, MERGING * psize, MADV_MERGEABLE);
		madvise(empty, EMPTY * psize, MADV_MERGEABLE);
		set_flag(&shared->ready, true);
		while (!flag(&shared->go))
			usleep(1000);
		madvise(mem, MERGING * psize, MADV_UNMERGEABLE);
		madvise(empty, EMPTY * psize, MADV_UNMERGEABLE);
		set_flag(&shared->go, false);
		look(mem);
		__atomic_add_fetch(&shared->calls, 1, __ATOMIC_RELEASE);
	}
}

static bool is_in(pid_t pid, const char *function)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, function) != NULL;
	if (f)
		fclose(f);
	return found;
}

static bool has_merged(void *arg)
{
	(void)arg;
	/* max_page_sharing has some of them be pages of their own. */
	return case_get("pages_sharing") >= MERGING - MERGING / 8;
}

/* Return: who keeps @pid from running, inside of @function; 0: it was not caught. */
static pid_t catch(pid_t pid, unsigned int cpu, const char *function, bool merged)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		pid_t spinner;

		await_flag(&shared->ready, true);
		if (merged) {
			scan();
			if (!case_wait_until(has_merged, NULL, 20))
				continue;
			case_set("run", "0");
		}
		set_flag(&shared->ready, false);
		set_flag(&shared->go, true);
		usleep(HEAD_START);
		spinner = module_spin(cpu, true);
		usleep(HEAD_START);
		if (is_in(pid, function))
			return spinner;
		module_end(spinner);
	}
	return 0;
}

static int disable(void)
{
	return case_write(PATCH "enabled", "0");
}

static bool over(bool in)
{
	if (state(PATCH "transition") == '1')
		return false;
	return in ? case_has("hksm/metadata_bytes") : !there(PATCH);
}

/*
 * One change of engines while @pid is stuck in @function.
 *
 * Return: false when it was not stuck for long enough to tell anything.
 */
static bool change(pid_t pid, unsigned int cpu, const char *function, bool in, bool killed)
{
	pid_t spinner, changer;
	unsigned long before;
	int status = 1;
	bool early, held;

	if (in)
		forget_all();
	spinner = catch(pid, cpu, function, !in);
	if (!spinner)
		return false;
	before = calls();
	changer = case_fork();
	if (changer == 0)
		_exit(!!(in ? load() : disable()));
	sleep(STUCK);
	early = over(in);
	held = is_in(pid, function) && calls() == before;
	if (killed)
		kill(pid, SIGKILL);
	module_end(spinner);
	waitpid(changer, &status, 0);
	if (in)
		expect_module();
	else
		take_out();
	if (held)
		case_ok(!early && status == 0, "%s waits for it%s", in ? "loading" : "unloading",
			killed ? ", also when it is killed" : "");
	return held;
}

/* To the other engine: @in says whether the module is in. */
static void other(bool in)
{
	if (in)
		take_out();
	else
		put_in();
}

static void both(bool killed)
{
	unsigned int cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	/* Who is killed cannot be asked once more. */
	unsigned int tries = killed ? 1 : 3;
	bool in = true;

	for (int way = 0; way < 2; way++, in = !in) {
		bool held = false;
		pid_t pid;

		set_flag(&shared->go, false);
		set_flag(&shared->ready, false);
		pid = case_fork();
		if (pid == 0)
			victim(cpu);
		for (unsigned int i = 0; i < tries && !held; i++) {
			if (there(PATCH) == in)
				other(in);
			held = change(pid, cpu, in ? "ksm_madvise" : "[hksm]", in, killed);
		}
		if (!held)
			case_skip("it did not get stuck while %s",
				  in ? "loading" : "unloading");
		module_end(pid);
		if (there(PATCH) != in)
			other(!in);
	}
}

static void run(void)
{
	if (!there(MODULE)) {
		case_skip("there is no " MODULE);
		return;
	}
	shared = case_shared(sizeof(*shared));
	pin(0);
	both(false);
	both(true);
	case_ok(shared->wrong == 0, "it has found its memory wrong %lu times", shared->wrong);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE | CASE_TWO_CPUS,
	.knobs = knobs,
	.run = run,
};
