// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grow.c - a program whose memory appears in all the ways that memory does, for
 * the tests of the preload library.
 *
 * It then prints one line per way: how many bytes of it are mergeable, and how
 * many there are, as smaps tells.  With the argument "threads" it is merely a
 * process with many threads, with "wide" one with much address space, all of
 * which the kernel looks at when it unmerges, and with "places" one whose memory is
 * duplicate in places, of which it has marked one itself.  SIGUSR1 then makes it
 * execute this program anew, SIGUSR2 fork, and SIGHUP have its duplicates in another
 * place.  With "moves" it has marked none, and most of its duplicates stay where they
 * are; with "flees" all of them move.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Only the GNU C library has that one. */
#ifdef __GLIBC__
#define GROW_PVALLOC(n) pvalloc(n)
#else
#define GROW_PVALLOC(n) valloc(n)
#endif

#define SMALL 1000
#define SMALL_N 20000
#define LARGE (8U << 20)

struct area {
	const char *name;
	uintptr_t start, end;
	size_t bytes, mergeable;
};

static struct area areas[12];
static size_t n_areas;

static void area(const char *name, void *p, size_t len)
{
	areas[n_areas++] = (struct area){ name, (uintptr_t)p, (uintptr_t)p + len, 0, 0 };
}

static void count(uintptr_t start, uintptr_t end, int mergeable)
{
	for (size_t i = 0; i < n_areas; i++) {
		uintptr_t from = start > areas[i].start ? start : areas[i].start;
		uintptr_t to = end < areas[i].end ? end : areas[i].end;

		if (from >= to)
			continue;
		areas[i].bytes += to - from;
		if (mergeable)
			areas[i].mergeable += to - from;
	}
}

static void read_smaps(void)
{
	unsigned long start = 0, end = 0;
	char line[1024];
	FILE *f = fopen("/proc/self/smaps", "r");

	if (!f)
		exit(1);
	while (fgets(line, sizeof(line), f)) {
		char *at;
		unsigned long from = strtoul(line, &at, 16);

		if (at > line && *at == '-') {
			start = from;
			end = strtoul(at + 1, NULL, 16);
		} else if (!strncmp(line, "VmFlags:", 8)) {
			count(start, end, strstr(line, " mg") != NULL);
		}
	}
	fclose(f);
}

/* Many small blocks: the heap of the program, or the arena of a thread. */
static void *small_blocks(void *arg)
{
	char *low = NULL, *high = NULL;

	for (int i = 0; i < SMALL_N; i++) {
		char *p = malloc(SMALL);

		if (!p)
			exit(1);
		memset(p, i, SMALL);
		if (!low || p < low)
			low = p;
		if (p + SMALL > high)
			high = p + SMALL;
	}
	area(arg, low, (size_t)(high - low));
	return NULL;
}

static void must(void *p)
{
	if (!p || p == MAP_FAILED) {
		perror("grow");
		exit(1);
	}
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void many_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 100; i++)
		if (pthread_create(&thread, NULL, sleeper, NULL))
			exit(1);
	sleeper(NULL);
}

static void wide(void)
{
	char *p = mmap(NULL, (size_t)16 << 30, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(p);
	/* What never had a page is not looked at. */
	*p = 1;
	sleeper(NULL);
}

/* The main thread ends, and another goes on with the memory. */
static void leaderless(void)
{
	pthread_t thread;
	char *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p);
	memset(p, 1, LARGE);
	if (pthread_create(&thread, NULL, sleeper, NULL))
		exit(1);
	syscall(SYS_exit, 0);
}

/* Each page has a content of its own, or all the same. */
static void fill(char *p, size_t len, int same)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	memset(p, 1, len);
	for (size_t i = 0; !same && i < len; i += page)
		memcpy(p + i, &i, sizeof(i));
}

/* Pages that are so, apart from the last ones. */
static char *pages(size_t len, int same)
{
	const size_t gap = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, len + gap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p == MAP_FAILED ? NULL : p);
	madvise(p, len, MADV_NOHUGEPAGE);
	fill(p, len, same);
	mprotect(p + len, gap, PROT_NONE);
	return p;
}

static void anew(int sig)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/proc/self/exe", "grow", "places", NULL);
	_exit(sig);
}

static void another(int sig)
{
	if (!fork())
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sig;
}

static char *here, *there;

static void move(int sig)
{
	fill(here, LARGE, 0);
	fill(there, LARGE, 1);
	(void)sig;
}

static void places(void)
{
	char *own = pages(LARGE / 2, 1);

	here = pages(LARGE, 1);
	there = pages(LARGE, 0);
	madvise(own, LARGE / 2, MADV_MERGEABLE);
	signal(SIGUSR1, anew);
	signal(SIGUSR2, another);
	signal(SIGHUP, move);
	sleeper(NULL);
}

static void moves(size_t stay)
{
	if (stay)
		pages(stay, 1);
	here = pages(LARGE, 1);
	there = pages(LARGE, 0);
	signal(SIGHUP, move);
	puts("ready");
	fflush(stdout);
	sleeper(NULL);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char *p, *q;

	if (argc > 1 && !strcmp(argv[1], "threads"))
		many_threads();
	if (argc > 1 && !strcmp(argv[1], "leaderless"))
		leaderless();
	if (argc > 1 && !strcmp(argv[1], "wide"))
		wide();
	if (argc > 1 && !strcmp(argv[1], "places"))
		places();
	if (argc > 1 && !strcmp(argv[1], "moves"))
		moves(2 * LARGE);
	if (argc > 1 && !strcmp(argv[1], "flees"))
		moves(0);

	small_blocks("heap");
	if (pthread_create(&thread, NULL, small_blocks, (void *)"arena"))
		return 1;
	pthread_join(thread, NULL);
	p = malloc(LARGE);
	must(p);
	area("large", p, LARGE);
	p = calloc(1, LARGE);
	must(p);
	area("calloc", p, LARGE);
	p = malloc(LARGE);
	must(p);
	p = realloc(p, 4 * LARGE);
	must(p);
	area("realloc", p, 4 * LARGE);
	p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(p);
	area("mmap", p, LARGE);
	q = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(q);
	area("shared", q, LARGE);
	q = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(q);
	q = mremap(q, LARGE, 2 * LARGE, MREMAP_MAYMOVE);
	must(q);
	area("mremap", q, 2 * LARGE);
	if (posix_memalign((void **)&p, 1U << 16, LARGE))
		return 1;
	area("memalign", p, LARGE);
	q = aligned_alloc(1U << 12, LARGE);
	must(q);
	if (malloc_usable_size(q) < LARGE)
		return 1;
	p = reallocarray(NULL, 1000, LARGE / 1000);
	must(p);
	area("array", p, LARGE / 1000 * 1000);
	p = GROW_PVALLOC(LARGE);
	must(p);
	area("pvalloc", p, LARGE);
	p = sbrk(LARGE);
	must(p == (void *)-1 ? NULL : p);
	area("sbrk", p, LARGE);
	read_smaps();
	for (size_t i = 0; i < n_areas; i++)
		printf("%s %s\n", areas[i].name,
		       areas[i].mergeable == areas[i].bytes ? "all" :
		       areas[i].mergeable		    ? "some" :
							      "none");
	return 0;
}
