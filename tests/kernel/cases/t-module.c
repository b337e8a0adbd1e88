// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine as a module: it is put in place of mm/ksm.c and taken out again, many
 * times, while processes write, fork, exec, exit and change what is mergeable. Every
 * page is as it was written, whoever asked for merging still has it, there is one ksmd,
 * and nothing is left behind. Skipped where there is no /hksm.ko.
 */
#define _GNU_SOURCE
#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#define ROUNDS		20
#define PATIENCE	120	/* seconds, for a machine that is stuck */

static struct {
	bool stop;
	unsigned long steps;
	unsigned long wrong;		/* pages */
	unsigned long forgotten;	/* processes that had asked for merging */
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

static void await_transition(void)
{
	char c = '1';

	for (int i = 0; i < PATIENCE * 50; i++, nap()) {
		int fd = open(PATCH "transition", O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, &c, 1) != 1)
			c = '1';
		if (fd >= 0)
			close(fd);
		if (fd >= 0 && c == '0')
			return;
	}
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

static void round_trip(unsigned long *merged)
{
	int err;

	case_set("run", "2");
	case_set("run", "0");
	err = load();
	if (err)
		case_die("the module cannot be loaded: %s", strerror(-err));
	await_transition();
	await("/sys/kernel/mm/ksm/hksm/metadata_bytes", true);
	if (scanners() != 1)
		case_die("%u threads are called ksmd", scanners());
	scan();
	*merged += case_get("pages_sharing") > 0;
	if (case_write(PATCH "enabled", "0"))
		case_die("the patch cannot be disabled");
	await(PATCH "enabled", false);
	/* The last to use it may be on its way out. */
	for (int i = 0; (err = unload()) && i < PATIENCE * 50; i++)
		nap();
	if (err)
		case_die("the module cannot be removed: %s", strerror(-err));
	await("/sys/kernel/mm/ksm/run", true);
	if (scanners() != 1)
		case_die("%u threads are called ksmd", scanners());
	scan();
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
	case_set("run", "2");
	case_set("run", "0");
}

static void run(void)
{
	unsigned long merged = 0;
	long long slab;

	if (!there(MODULE)) {
		case_skip("there is no " MODULE);
		return;
	}
	shared = case_shared(sizeof(*shared));
	refusals();
	/* What is made once and kept is not counted. */
	rounds(1, &merged);
	case_set("run", "2");
	case_set("run", "0");
	slab = slab_kib();
	rounds(ROUNDS, &merged);
	case_set("run", "2");
	case_set("run", "0");
	slab = slab_kib() - slab;
	case_note("%lu steps, slab %+lld kB", shared->steps, slab);
	case_ok(merged == ROUNDS + 1, "pages were merged in %lu of %d rounds", merged,
		ROUNDS + 1);
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
