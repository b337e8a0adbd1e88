// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine as a module: it is put in place of mm/ksm.c and taken out again, many
 * times, while processes write, fork, exec, exit and change what is mergeable; with
 * merged pages that nobody has asked for; with who does it killed half way; and a
 * change that is taken back. Every page is as it was written, whoever asked for merging
 * still has it, there is one ksmd, and nothing is left behind. Skipped where there is
 * no /hksm.ko. /module-rounds has the number of times, if it is there.
 */
#define _GNU_SOURCE
#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MODULE		"/hksm.ko"
#define PATCH		"/sys/kernel/livepatch/hksm/"
#define WORKERS		4
#define PAGES		256
#define CONTENTS	32
#define ROUNDS		1
#define KILLS		4
#define STRAYS		16	/* pages */
#define PATIENCE	120	/* seconds, for a machine that is stuck */

static struct {
	bool stop;
	unsigned long steps;
	unsigned long wrong;		/* pages */
	unsigned long forgotten;	/* processes that had asked for merging */
	unsigned int loads_taken_back;
	unsigned int unloads_taken_back;
} *shared;

static const char *const knobs[] = { "run", "pages_to_scan", "sleep_millisecs", NULL };

static unsigned int seed;

static unsigned int rnd(unsigned int n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

static void count(unsigned long *what, unsigned long n)
{
	__atomic_add_fetch(what, n, __ATOMIC_RELAXED);
}

static void look(char *mem, const uint64_t *id)
{
	unsigned long wrong = 0;

	for (size_t i = 0; i < PAGES; i++)
		wrong += !case_check(case_page(mem, i), id[i]);
	if (wrong)
		count(&shared->wrong, wrong);
}

/* PR_SET_MEMORY_MERGE is kept by fork and exec. */
static int keeps_asking(void)
{
	return case_merge_any_get() == 1 ? 0 : 1;
}

static void in_child(char *mem, const uint64_t *id, bool any)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		look(mem, id);
		if (!any)
			_exit(0);
		if (keeps_asking())
			_exit(1);
		case_exec_self();
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
		count(&shared->forgotten, 1);
}

static void step(char *mem, uint64_t *id, bool any)
{
	size_t i = rnd(PAGES), size = PAGES * case_page_size();

	switch (rnd(16)) {
	case 0:
		in_child(mem, id, any);
		break;
	case 1:
		if (!any) {
			madvise(mem, size, MADV_UNMERGEABLE);
			madvise(mem, size, MADV_MERGEABLE);
		}
		break;
	case 2:
		look(mem, id);
		break;
	case 3:
		/* A mapping that comes and goes. */
		munmap(mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0), size);
		break;
	default:
		id[i] = rnd(CONTENTS);
		case_fill(case_page(mem, i), id[i]);
	}
}

static void work(unsigned int n)
{
	bool any = n % 2 && !case_merge_any(true);
	char *mem = case_map(PAGES);
	uint64_t id[PAGES];

	seed = n + 1;
	for (size_t i = 0; i < PAGES; i++) {
		id[i] = i % CONTENTS;
		case_fill(case_page(mem, i), id[i]);
	}
	if (!any)
		madvise(mem, PAGES * case_page_size(), MADV_MERGEABLE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		step(mem, id, any);
		count(&shared->steps, 1);
		usleep(500);
	}
	look(mem, id);
	if (any && keeps_asking())
		count(&shared->forgotten, 1);
	_exit(0);
}

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void nap(void)
{
	usleep(20000);
}

/* Until it is there, or not. */
static void await(const char *path, bool want)
{
	for (int i = 0; i < PATIENCE * 50; i++, nap())
		if (there(path) == want)
			return;
	case_die("%s: still %s", path, want ? "not there" : "there");
}

/* '0' or '1', or 0 where there is no such file. */
static char state(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = 0;

	if (fd >= 0 && read(fd, &c, 1) != 1)
		c = 0;
	if (fd >= 0)
		close(fd);
	return c;
}

static void await_transition(void)
{
	for (int i = 0; i < PATIENCE * 50; i++, nap())
		if (state(PATCH "transition") == '0')
			return;
	case_die("the transition does not end");
}

static int load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	int err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return err;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "hksm", O_NONBLOCK) ? -errno : 0;
}

static unsigned int scanners(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned int n = 0;

	while (dir && (e = readdir(dir))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		n += fgets(name, sizeof(name), f) && !strcmp(name, "ksmd\n");
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return n;
}

static long long slab_kib(void)
{
	return case_vmstat("nr_slab_unreclaimable") * (long long)case_page_size() / 1024;
}

static void scan(void)
{
	case_set("pages_to_scan", "20000");
	case_set("sleep_millisecs", "0");
	case_set("run", "1");
	case_wait_scans(3);
}

static void forget_all(void)
{
	case_set("run", "2");
	case_set("run", "0");
}

static void expect_tree(void)
{
	await("/sys/kernel/mm/ksm/run", true);
	if (case_has("hksm/metadata_bytes"))
		case_die("the module's files are still there");
	if (scanners() != 1)
		case_die("%u threads are called ksmd", scanners());
}

static void expect_module(void)
{
	await_transition();
	await("/sys/kernel/mm/ksm/hksm/metadata_bytes", true);
	if (scanners() != 1)
		case_die("%u threads are called ksmd", scanners());
}

static void begin_load(void)
{
	int err;

	forget_all();
	err = load();
	if (err)
		case_die("the module cannot be loaded: %s", strerror(-err));
}

static void put_in(void)
{
	begin_load();
	expect_module();
}

static void take_out(void)
{
	int err;

	if (state(PATCH "enabled") == '1' && case_write(PATCH "enabled", "0"))
		case_die("the patch cannot be disabled");
	await(PATCH "enabled", false);
	/* The last to use it may be on its way out. */
	for (int i = 0; (err = unload()) && i < PATIENCE * 50; i++)
		nap();
	if (err)
		case_die("the module cannot be removed: %s", strerror(-err));
	expect_tree();
}

/*
 * A task that runs on another processor is not changed over at once. Then there is time
 * to think better of it.
 */
static void take_back(void)
{
	begin_load();
	if (state(PATCH "transition") == '1') {
		take_out();
		shared->loads_taken_back++;
		begin_load();
	}
	expect_module();
	if (case_write(PATCH "enabled", "0"))
		case_die("the patch cannot be disabled");
	if (state(PATCH "transition") == '1' && !case_write(PATCH "enabled", "1")) {
		shared->unloads_taken_back++;
		expect_module();
		scan();
	}
	take_out();
}

static void round_trip(unsigned long *merged)
{
	put_in();
	scan();
	*merged += case_get("pages_sharing") > 0;
	take_out();
	scan();
	take_back();
}

static void rounds(unsigned int n, unsigned long *merged)
{
	pid_t pid[WORKERS];

	__atomic_store_n(&shared->stop, false, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pid[i] = case_fork();
		if (pid[i] == 0)
			work(i);
	}
	while (n--)
		round_trip(merged);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < WORKERS; i++)
		waitpid(pid[i], NULL, 0);
}

static void refusals(void)
{
	case_set("run", "1");
	case_ok(load() == -EBUSY, "it is refused while KSM runs");
	case_set("run", "0");
	case_ok(case_has("run") && !case_has("hksm/metadata_bytes") && !there(PATCH),
		"and nothing has changed");
	forget_all();
}

/* A child that asks for merging of pages that it shares with us. */
static pid_t stray_child(char *mem)
{
	pid_t pid = case_fork();

	if (pid)
		return pid;
	madvise(mem, STRAYS * case_page_size(), MADV_MERGEABLE);
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A walk of the rmap of each page, by whichever engine is called then. */
static void reclaim(char *mem)
{
#ifdef MADV_PAGEOUT
	madvise(mem, STRAYS * case_page_size(), MADV_PAGEOUT);
#endif
}

static void strays(void)
{
	char *mem = case_map(STRAYS);
	size_t wrong = 0;
	bool merged;
	pid_t pid;

	for (size_t i = 0; i < STRAYS; i++)
		case_fill(case_page(mem, i), 1000 + i / 2);
	pid = stray_child(mem);
	scan();
	merged = case_get("pages_sharing") > 0;
	case_ok(merged, "pages of a child that are its parent's too are merged");
	put_in();
	reclaim(mem);
	for (size_t i = 0; i < STRAYS; i++)
		wrong += !case_check(case_page(mem, i), 1000 + i / 2);
	end(pid);
	pid = stray_child(mem);
	scan();
	merged = case_get("pages_sharing") > 0;
	case_ok(merged, "and by the module");
	take_out();
	reclaim(mem);
	for (size_t i = 0; i < STRAYS; i++)
		wrong += !case_check(case_page(mem, i), 1000 + i / 2);
	end(pid);
	case_ok(wrong == 0, "%zu pages of the parent are not as they were written", wrong);
	case_unmap(mem, STRAYS);
}

/* Whoever loads it is killed sooner or later in the course of it. */
static void killed(void)
{
	unsigned int in = 0;

	for (unsigned int i = 0; i < KILLS; i++) {
		pid_t pid;

		forget_all();
		pid = case_fork();
		if (pid == 0)
			_exit(!!load());
		usleep(100000u << i);
		end(pid);
		if (!there(PATCH)) {
			expect_tree();
			continue;
		}
		in++;
		expect_module();
		take_out();
	}
	case_ok(true, "its loader was killed %d times, it was in %u times", KILLS, in);
}

static unsigned int want_rounds(void)
{
	FILE *f = fopen("/module-rounds", "re");
	unsigned int n = ROUNDS;

	if (f && fscanf(f, "%u", &n) != 1)
		n = ROUNDS;
	if (f)
		fclose(f);
	return n;
}

static void run(void)
{
	unsigned int n = want_rounds();
	unsigned long merged = 0;
	long long slab;

	if (!there(MODULE)) {
		case_skip("there is no " MODULE);
		return;
	}
	shared = case_shared(sizeof(*shared));
	refusals();
	strays();
	killed();
	/* What is made once and kept is not counted. */
	rounds(1, &merged);
	forget_all();
	slab = slab_kib();
	rounds(n, &merged);
	forget_all();
	slab = slab_kib() - slab;
	case_note("%lu steps, slab %+lld kB, %u loads and %u unloads taken back",
		  shared->steps, slab, shared->loads_taken_back,
		  shared->unloads_taken_back);
	case_ok(merged == n + 1, "pages were merged in %lu of %u rounds", merged, n + 1);
	case_ok(shared->wrong == 0, "%lu pages are not as they were written",
		shared->wrong);
	case_ok(shared->forgotten == 0, "%lu processes lost what they had asked for",
		shared->forgotten);
	case_ok(slab < 2048, "memory is back");
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_PRCTL | CASE_ALONE,
	.knobs = knobs,
	.run = run,
	.after_exec = keeps_asking,
};
