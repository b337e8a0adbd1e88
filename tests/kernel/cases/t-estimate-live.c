// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm-estimate and processes that do not hold still: which exit, execute, fork,
 * unmap, truncate and change identity while they are read; and memory that must
 * not be touched: swapped out, missing below a userfaultfd, of a device; pages
 * that change between two passes, and those of two users.
 *
 * A page that was faulted in by the reader would be seen in pagemap; below the
 * userfaultfd nobody answers, so that a fault there would wait for ever.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	256
#define ID	0x6c6976650000ULL
#define ROUNDS	6
#define NOBODY	65534

static size_t page;

static struct shared {
	void *mem;
	volatile int ready;
	volatile int state;	/* of the area: 0 not here, 1 as wanted */
	volatile size_t rounds;	/* how often all of it has changed */
} *sh;

/* --- processes in motion: each for ever --- */

static void remap(void)
{
	for (;;) {
		void *mem = case_map(PAGES);

		case_fill_many(mem, PAGES, ID, 16);
		case_unmap(mem, PAGES);
	}
}

static void forker(void)
{
	void *mem = case_map(PAGES);

	for (;;) {
		pid_t pid;

		case_fill_many(mem, PAGES, ID, 16);
		pid = case_fork();
		if (!pid) {
			case_fill(mem, ID + 1);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void shrinker(void)
{
	char name[] = "/tmp/t-estimate.XXXXXX";
	int fd = mkstemp(name);
	char *mem;

	if (fd < 0 || unlink(name) || ftruncate(fd, PAGES * page))
		case_die("temporary file: %s", strerror(errno));
	mem = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (mem == MAP_FAILED)
		case_die("mmap: %s", strerror(errno));
	for (;;) {
		for (size_t i = 0; i < PAGES; i++)
			mem[i * page] = 1;
		if (ftruncate(fd, 0) || ftruncate(fd, PAGES * page))
			case_die("ftruncate: %s", strerror(errno));
	}
}

static void protector(void)
{
	void *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, 16);
	for (;;) {
		mprotect(mem, PAGES * page, PROT_NONE);
		mprotect(mem, PAGES * page, PROT_READ | PROT_WRITE);
		madvise(mem, PAGES / 2 * page, MADV_DONTNEED);
		case_fill_many(mem, PAGES / 2, ID, 16);
	}
}

/* A half in pairs, the other one never the same. */
static void *half_volatile(void)
{
	char *mem = case_map(PAGES);

	case_fill_many(mem, PAGES / 2, ID, PAGES / 4);
	case_fill_many(mem + PAGES / 2 * page, PAGES / 2, ID + 1000, PAGES / 4);
	if (madvise(mem, PAGES * page, MADV_MERGEABLE))
		return NULL;
	sh->mem = mem;
	sh->state = 1;
	sh->ready = 1;
	for (;;)
		for (size_t i = PAGES / 2; i < PAGES; i++) {
			*(volatile uint64_t *)(mem + i * page) += 1;
			sh->rounds += i == PAGES - 1;
		}
	return mem;
}

/* A half that both users have, a half in pairs of its own. */
static void *of_user(uid_t uid)
{
	char *mem = case_map(PAGES);

	case_fill_many(mem, PAGES / 2, ID, PAGES / 2);
	case_fill_many(mem + PAGES / 2 * page, PAGES / 2, ID + 1000 * (uid + 1), PAGES / 4);
	if (madvise(mem, PAGES * page, MADV_MERGEABLE) || setresuid(uid, uid, uid))
		return NULL;
	return mem;
}

static void *of_root(void)
{
	return of_user(0);
}

static void *of_nobody(void)
{
	return of_user(NOBODY);
}

/* Whom the caller may look at, and may not. */
static void identity(void)
{
	void *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, 16);
	for (;;) {
		if (setresuid(NOBODY, NOBODY, 0) || setresuid(0, 0, 0))
			case_die("setresuid: %s", strerror(errno));
		usleep(100);
	}
}

/* The same for those who are no root: an owner may trace it at times. */
static void shy(void)
{
	void *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, 16);
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		case_die("setresuid: %s", strerror(errno));
	for (int on = 0;; on = !on) {
		prctl(PR_SET_DUMPABLE, on);
		usleep(100);
	}
}

/* Births and deaths below one process. */
static void mortal(void)
{
	for (;;) {
		pid_t pid = case_fork();

		if (!pid) {
			void *mem = case_map(PAGES);

			case_fill_many(mem, PAGES, ID, 16);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* Another program under the same number, again and again. */
static void changer(void)
{
	static char script[] = "x=$(head -c 200000 /dev/zero | tr '\\0' x); exec sh -c \"$0\" \"$0\"";

	execlp("sh", "sh", "-c", script, script, (char *)NULL);
	_exit(127);
}

/* --- memory that must not be touched --- */

static void *swapped(void)
{
	void *mem = case_map(PAGES);

	case_fill_many(mem, PAGES, ID, PAGES);
	if (madvise(mem, PAGES * page, MADV_PAGEOUT))
		return NULL;
	return mem;
}

static void *missing(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	void *mem = case_map(PAGES);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return NULL;
	case_fill_many(mem, PAGES / 2, ID, PAGES);
	reg.range.start = (uintptr_t)mem;
	reg.range.len = PAGES * page;
	return ioctl(fd, UFFDIO_REGISTER, &reg) ? NULL : mem;
}

/* The firmware of a PC: frames that have no struct page of ordinary memory. */
static void *device(void)
{
	int fd = open("/dev/mem", O_RDONLY);
	char *mem = fd < 0 ? MAP_FAILED :
			     mmap(NULL, 16 * page, PROT_READ, MAP_PRIVATE, fd, 0xf0000);

	return mem == MAP_FAILED ? NULL : mem;
}

static pid_t start_holder(void *(*make)(void))
{
	pid_t pid;

	sh->ready = 0;
	pid = case_fork();
	if (!pid) {
		sh->mem = make();
		sh->state = sh->mem != NULL;
		sh->ready = 1;
		for (;;)
			pause();
	}
	while (!sh->ready && !waitpid(pid, NULL, WNOHANG))
		usleep(1000);
	return pid;
}

static void entries(pid_t pid, const void *mem, uint64_t *out)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, out, PAGES * 8, (off_t)((uintptr_t)mem / page * 8)) != PAGES * 8)
		case_die("%s: %s", path, strerror(errno));
	close(fd);
}

static size_t count_bit(const uint64_t *e, unsigned int bit)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++)
		n += e[i] >> bit & 1;
	return n;
}

static char output[1 << 16];

/* Exit status, or -1: a signal, or it did not end.  @more: further arguments. */
static int estimate(uid_t uid, const pid_t *pids, size_t n_pids, const char *const *more)
{
	const char *argv[16] = { "ksm-estimate", "-q" };
	char list[256];
	size_t len = 0, n = 2;
	int fd[2], status = -1;
	ssize_t got;
	pid_t pid;

	len = snprintf(list, sizeof(list), "-p");
	for (size_t i = 0; i < n_pids; i++)
		len += snprintf(list + len, sizeof(list) - len, "%s%d", i ? "," : "", (int)pids[i]);
	argv[n++] = list;
	while (more && *more)
		argv[n++] = *more++;
	if (pipe(fd))
		case_die("pipe: %s", strerror(errno));
	pid = case_fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(fd[1], 1);
		dup2(null, 2);
		close(fd[0]);
		close(fd[1]);
		alarm(100);
		if (uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
			_exit(126);
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	close(fd[1]);
	len = 0;
	while ((got = read(fd[0], output + len, sizeof(output) - 1 - len)) > 0)
		len += got;
	output[len] = '\0';
	close(fd[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_built(void)
{
	const pid_t self = getpid();

	return estimate(0, &self, 1, NULL) != 127;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void check_swapped(void)
{
	static uint64_t before[PAGES], after[PAGES];
	pid_t pid = start_holder(swapped);
	size_t out = 0;
	int rc;

	if (sh->state) {
		entries(pid, sh->mem, before);
		out = count_bit(before, 62);
	}
	if (!out) {
		case_skip("nothing was swapped out");
	} else {
		rc = estimate(0, &pid, 1, NULL);
		entries(pid, sh->mem, after);
		case_ok(rc == 0 && count_bit(after, 62) == out,
			"swapped pages stay so: %zu of %zu (status %d)", count_bit(after, 62), out,
			rc);
	}
	end(pid);
}

static void check_missing(void)
{
	static uint64_t after[PAGES];
	pid_t pid = start_holder(missing);
	int rc;

	if (!sh->state) {
		case_skip("no userfaultfd");
	} else {
		rc = estimate(0, &pid, 1, NULL);
		entries(pid, sh->mem, after);
		case_ok(rc == 0, "missing pages of a userfaultfd: status %d", rc);
		case_ok(count_bit(after, 63) == PAGES / 2, "are missing still: %zu present",
			count_bit(after, 63));
	}
	end(pid);
}

static void check_device(void)
{
	static const char *const vmas[] = { "--vmas", "--noheadings", "--raw", "-oSTART", NULL };
	pid_t pid = start_holder(device);
	char start[32];
	int rc;

	if (!sh->state) {
		case_skip("no memory of a device to be had");
	} else {
		rc = estimate(0, &pid, 1, vmas);
		snprintf(start, sizeof(start), "%lx", (unsigned long)sh->mem);
		case_ok(rc == 0 && *output && !strstr(output, start),
			"a device's memory at %s is not looked at (status %d)", start, rc);
	}
	end(pid);
}

/* The first figure of that name, in pages; -1 when there is none. */
static long long pages_of(const char *key)
{
	char text[64];
	const char *at;

	snprintf(text, sizeof(text), "\"%s\":", key);
	at = strstr(output, text);
	return at ? strtoll(at + strlen(text), NULL, 10) / (long long)page : -1;
}

static void check_volatile(void)
{
	static const char *const whole[] = { "-J", "--marked", "--passes=2", "--interval=300ms",
					     NULL };
	pid_t pid = start_holder(half_volatile);
	size_t was;
	int rc;

	if (!sh->state) {
		case_skip("no MADV_MERGEABLE");
		end(pid);
		return;
	}
	/* It may not have got its turn between the passes. */
	for (int i = 0; i < 20; i++) {
		was = sh->rounds;
		rc = estimate(0, &pid, 1, whole);
		if (rc || (sh->rounds > was && pages_of("volatile_bytes") == PAGES / 2))
			break;
	}
	case_ok(rc == 0 && pages_of("volatile_bytes") == PAGES / 2,
		"volatile: %lld pages of %d, status %d", pages_of("volatile_bytes"), PAGES / 2, rc);
	case_ok(pages_of("saved_bytes") == PAGES / 4, "saved by the quiet ones: %lld pages of %d",
		pages_of("saved_bytes"), PAGES / 4);
	end(pid);
}

/* The same in a sample: figures are of the whole. */
static void check_volatile_sample(void)
{
	static const char *const sample[] = { "-J", "--marked", "--passes=2", "--interval=300ms",
					      "--sample=70", NULL };
	pid_t pid = start_holder(half_volatile);
	long long sum = 0, low = 0, high = 0;
	int rc = 0;

	if (!sh->state) {
		case_skip("no MADV_MERGEABLE");
		end(pid);
		return;
	}
	for (int i = 0; !rc && i < 5; i++) {
		rc = estimate(0, &pid, 1, sample);
		sum += pages_of("volatile_bytes");
		low += pages_of("saved_low_bytes") <= PAGES / 4;
		high += pages_of("saved_high_bytes") >= PAGES / 4;
	}
	/* 64 contents, each twice, each taken with 0.7: the standard deviation is 23. */
	case_ok(rc == 0 && sum > 5 * PAGES / 2 - 100 && sum < 5 * PAGES / 2 + 100,
		"volatile in samples: %lld pages of %d in 5 runs, status %d", sum, 5 * PAGES / 2,
		rc);
	/* A side fails in 2.5 of 100: three of five once in six thousand. */
	case_ok(low >= 3 && high >= 3, "their intervals hold: %lld and %lld of 5", low, high);
	end(pid);
}

static void check_users(void)
{
	static const char *const whole[] = { "-J", "--marked", NULL };
	pid_t pids[2];
	int rc;

	pids[0] = start_holder(of_root);
	if (sh->state)
		pids[1] = start_holder(of_nobody);
	if (!sh->state) {
		case_skip("no MADV_MERGEABLE");
		end(pids[0]);
		return;
	}
	rc = estimate(0, pids, 2, whole);
	case_ok(rc == 0 && pages_of("saved_bytes") == PAGES / 2 + 2 * (PAGES / 4),
		"two users: %lld pages of %d are saved, status %d", pages_of("saved_bytes"),
		PAGES / 2 + 2 * (PAGES / 4), rc);
	case_ok(pages_of("cross_user_bytes") == PAGES / 2, "across users %lld of %d",
		pages_of("cross_user_bytes"), PAGES / 2);
	end(pids[0]);
	end(pids[1]);
}

/* All at once, some of them changing what they are. */
static void check_motion(void)
{
	static void (*const movers[])(void) = {
		remap, forker, shrinker, protector, mortal, changer, identity, shy,
	};
	static const char *const again[] = { "--passes=2", "--interval=50ms", NULL };
	static const char *const pairs[] = { "--by=user", "--pairs", "-J", NULL };
	const size_t n = sizeof(movers) / sizeof(movers[0]);
	pid_t pids[sizeof(movers) / sizeof(movers[0])];
	size_t bad = 0, denied = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		pids[i] = case_fork();
		if (!pids[i]) {
			movers[i]();
			_exit(1);
		}
	}
	for (size_t i = 0; i < ROUNDS; i++) {
		rc = estimate(0, pids, n, i % 3 == 0 ? again : i % 3 == 1 ? pairs : NULL);
		/* 4: one of them was another program in the middle. */
		bad += rc != 0 && rc != 4;
		if (rc != 0 && rc != 4)
			case_note("status %d", rc);
	}
	case_ok(!bad, "processes in motion: %d runs end well", ROUNDS);
	/* 127: below a directory like /root nobody may not run it. */
	for (size_t i = 0; i < ROUNDS && rc != 127; i++) {
		rc = estimate(NOBODY, pids, n, i % 2 ? again : NULL);
		/* 1: not one of them could be read. */
		bad += rc != 0 && rc != 4 && rc != 1;
		denied += rc == 1;
		if (rc != 0 && rc != 4 && rc != 1)
			case_note("status %d", rc);
	}
	if (rc == 127)
		case_skip("nobody may not run the tools where they are built");
	else
		case_ok(!bad, "and for a user who may read one of them, at times: all denied %zu of %d times",
			denied, ROUNDS);
	for (size_t i = 0; i < n; i++) {
		rc = waitpid(pids[i], NULL, WNOHANG);
		case_ok(rc == 0, "process %zu is still at it", i);
		end(pids[i]);
	}
	/* Their children may outlive them by a moment. */
	rc = estimate(0, pids, n, NULL);
	case_ok(rc == 1, "processes that are gone: told, and status %d", rc);
}

static void run(void)
{
	page = case_page_size();
	sh = case_shared(sizeof(*sh));
	if (!is_built()) {
		case_skip("ksm-estimate is not built");
		return;
	}
	check_swapped();
	check_missing();
	check_device();
	check_volatile();
	check_volatile_sample();
	check_users();
	check_motion();
}

const struct kcase kcase = {
	.needs = CASE_ROOT,
	.run = run,
};
