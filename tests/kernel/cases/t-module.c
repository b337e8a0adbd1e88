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
#include "module.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS		4
#define PAGES		256
#define CONTENTS	32
#define ROUNDS		1
#define KILLS		4
#define STRAYS		16	/* pages */
/*
 * In us, between what a worker does. Each change of engines rewrites thousands of places
 * in the kernel and has all processors take part in each, which an emulator that has them
 * take turns is slow at where none of them sleeps.
 */
#define PAUSE		20000

static struct {
	bool stop;
	unsigned long steps;
	unsigned long wrong;		/* pages */
	unsigned long forgotten;	/* processes that had asked for merging */
	unsigned int loads_taken_back;
	unsigned int unloads_taken_back;
	bool stray;		/* has asked for merging */
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
		usleep(PAUSE);
	}
	look(mem, id);
	if (any && keeps_asking())
		count(&shared->forgotten, 1);
	_exit(0);
}

/*
 * What a change could leave behind: how much more of it there may be, as processors keep
 * some of what was freed, and kernel threads come and go.
 */
enum figure { SLAB, VMALLOC, MM, TASK, TASKS, N_FIGURES };

static const struct {
	const char *name;
	const char *cache;	/* of this slab cache, the objects */
	long long spare;
} figures[N_FIGURES] = {
	[SLAB] = { "kB of slab", NULL, 2048 },
	[VMALLOC] = { "kB of vmalloc", NULL, 512 },
	[MM] = { "mm_struct", "mm_struct ", 32 },
	[TASK] = { "task_struct", "task_struct ", 48 },
	[TASKS] = { "tasks that are no workers", NULL, 0 },
};

/* The number behind the first line that begins so; -1 where there is none. */
static long long number_in(const char *path, const char *begin)
{
	FILE *f = fopen(path, "re");
	char line[512];
	long long v = -1;

	while (f && v < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, begin, strlen(begin)))
			v = atoll(line + strlen(begin));
	if (f)
		fclose(f);
	return v;
}

static bool is_no_worker(const char *comm)
{
	return strncmp(comm, "kworker", 7);
}

static void read_figures(long long *v)
{
	v[SLAB] = case_vmstat("nr_slab_unreclaimable") * (long long)case_page_size() / 1024;
	v[VMALLOC] = number_in("/proc/meminfo", "VmallocUsed:");
	v[TASKS] = tasks(is_no_worker);
	for (unsigned int i = 0; i < N_FIGURES; i++)
		if (figures[i].cache)
			v[i] = number_in("/proc/slabinfo", figures[i].cache);
}

static bool all_back(const long long *before, const long long *after)
{
	for (unsigned int i = 0; i < N_FIGURES; i++)
		if (after[i] > before[i] + figures[i].spare)
			return false;
	return true;
}

/* What has ended is freed a while later. */
static void expect_figures(const long long *before)
{
	long long after[N_FIGURES];

	read_figures(after);
	for (int i = 0; i < 20 && !all_back(before, after); i++) {
		sleep(1);
		read_figures(after);
	}
	for (unsigned int i = 0; i < N_FIGURES; i++)
		case_ok(after[i] <= before[i] + figures[i].spare, "%s: %lld, and %lld at the start",
			figures[i].name, after[i], before[i]);
}

static unsigned int processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n;
}

/*
 * A task that runs on another processor is not changed over at once: with one that
 * never sleeps there is time to think better of it. Not on all of them: where an emulator
 * has the processors take turns, one that sleeps has its turn end at once.
 */
static pid_t spin(void)
{
	pid_t pid = module_spin(processors() - 1, false);

	/* It is where it is to be. */
	usleep(200000);
	return pid;
}

static void take_back(void)
{
	pid_t spinner = spin();

	begin_load();
	if (state(PATCH "transition") == '1') {
		take_out();
		shared->loads_taken_back++;
		module_end(spinner);
		begin_load();
	} else {
		module_end(spinner);
	}
	expect_module();
	spinner = spin();
	if (case_write(PATCH "enabled", "0"))
		case_die("the patch cannot be disabled");
	if (state(PATCH "transition") == '1' && !case_write(PATCH "enabled", "1")) {
		shared->unloads_taken_back++;
		module_end(spinner);
		expect_module();
		scan();
	} else {
		module_end(spinner);
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

/* Loads what is in memory: of a file that was changed on the way. */
static int load_image(const char *image, size_t size)
{
	return syscall(SYS_init_module, image, size, "") ? -errno : 0;
}

struct damage {
	const char *what;	/* in the file; NULL: the release of this kernel, everywhere */
	size_t nth;		/* byte of it, which is changed */
	int err;
	bool optional;		/* kernels differ in whether they have it */
	const char *name;
};

static const struct damage damages[] = {
	{ ".klp.sym.vmlinux.mm_find_pmd,", 17, -EINVAL, false, "a symbol the kernel lacks" },
	{ NULL, 0, -ENOEXEC, false, "another kernel's release" },
	/* The checksum of it stands in front of its name. */
	{ "module_layout", (size_t)-8, -ENOEXEC, true, "another layout of structures" },
};

static bool same_as_before(void)
{
	return case_has("run") && !case_has("hksm/metadata_bytes") && !there(PATCH);
}

/* Return: how often it was there. */
static size_t damage(char *image, size_t size, const struct damage *d)
{
	char *at = image;
	struct utsname uts;
	const char *what = d->what;
	size_t n = 0;

	uname(&uts);
	if (!what)
		what = uts.release;
	while ((!n || !d->what) &&
	       (at = memmem(at, image + size - at, what, strlen(what)))) {
		at[d->nth] ^= 1;
		at += strlen(what);
		n++;
	}
	return n;
}

static void damaged(void)
{
	static char image[4 << 20], changed[sizeof(image)];
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	ssize_t n, size = 0;

	while ((n = read(fd, image + size, sizeof(image) - size)) > 0)
		size += n;
	close(fd);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		int err;

		memcpy(changed, image, size);
		if (!damage(changed, size, d)) {
			case_ok(d->optional, "%s: not told by this kernel", d->name);
			continue;
		}
		err = load_image(changed, size);
		case_ok(err == d->err && same_as_before(),
			"it is refused with %s (%d), and nothing has changed", d->name, err);
	}
}

/* Pages with a partner, merged by mm/ksm.c or not. */
static void refused_while(bool runs)
{
	char *mem = case_map(STRAYS);

	case_fill_many(mem, STRAYS, 1, 1);
	madvise(mem, STRAYS * case_page_size(), MADV_MERGEABLE);
	scan();
	if (!runs)
		case_set("run", "0");
	case_ok(case_get("pages_shared") > 0 && load() == -EBUSY && same_as_before(),
		"it is refused while %s, and nothing has changed",
		runs ? "KSM runs" : "pages are merged");
	case_unmap(mem, STRAYS);
}

static void refusals(void)
{
	refused_while(true);
	refused_while(false);
	forget_all();
	damaged();
	put_in();
	case_ok(load() == -EEXIST, "it is refused while it is in");
	take_out();
}

/* A child that asks for merging of pages that it shares with us. */
static pid_t stray_child(char *mem)
{
	pid_t pid;

	shared->stray = false;
	pid = case_fork();
	if (pid) {
		for (int i = 0; !__atomic_load_n(&shared->stray, __ATOMIC_ACQUIRE); i++) {
			if (i == PATIENCE * 50)
				case_die("a child does nothing");
			nap();
		}
		return pid;
	}
	madvise(mem, STRAYS * case_page_size(), MADV_MERGEABLE);
	__atomic_store_n(&shared->stray, true, __ATOMIC_RELEASE);
	for (;;)
		pause();
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
	module_end(pid);
	pid = stray_child(mem);
	scan();
	merged = case_get("pages_sharing") > 0;
	case_ok(merged, "and by the module");
	take_out();
	reclaim(mem);
	for (size_t i = 0; i < STRAYS; i++)
		wrong += !case_check(case_page(mem, i), 1000 + i / 2);
	module_end(pid);
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
		module_end(pid);
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
	long long before[N_FIGURES];

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
	read_figures(before);
	rounds(n, &merged);
	forget_all();
	/* Where a change takes long to begin, as in Debian's kernel, all is changed by then. */
	case_note("%lu steps, %u loads and %u unloads taken back", shared->steps,
		  shared->loads_taken_back, shared->unloads_taken_back);
	case_ok(merged == n + 1, "pages were merged in %lu of %u rounds", merged, n + 1);
	case_ok(shared->wrong == 0, "%lu pages are not as they were written",
		shared->wrong);
	case_ok(shared->forgotten == 0, "%lu processes lost what they had asked for",
		shared->forgotten);
	expect_figures(before);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_PRCTL | CASE_ALONE,
	.knobs = knobs,
	.run = run,
	.after_exec = keeps_asking,
};
