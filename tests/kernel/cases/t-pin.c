// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Direct reads from and writes to a block device by way of memory that is being
 * merged: what the device writes belongs to the reader alone, what it reads is
 * what was there. The device is one of compressed memory, made for this.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PAGES		64
#define THREADS		2
#define STEPS		1200
#define CONTENTS	8
#define ID		0x70696eULL

struct reader {
	pthread_t thread;
	int fd;
	unsigned int seed;
	size_t wrong;
};

static int number(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = -1;

	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* A new device, or -1. */
static int device(int *id)
{
	int fd = -1, major, minor;
	char path[96];
	FILE *f;

	*id = number("/sys/class/zram-control/hot_add");
	if (*id < 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", *id);
	if (case_write(path, "16M"))
		return -1;
	snprintf(path, sizeof(path), "/sys/block/zram%d/dev", *id);
	f = fopen(path, "r");
	if (f && fscanf(f, "%d:%d", &major, &minor) == 2) {
		mknod("/tmp/ksm-pin", S_IFBLK | 0600, makedev(major, minor));
		fd = open("/tmp/ksm-pin", O_RDWR | O_DIRECT | O_CLOEXEC);
		unlink("/tmp/ksm-pin");
	}
	if (f)
		fclose(f);
	return fd;
}

static void *work(void *arg)
{
	const size_t ps = case_page_size();
	struct reader *r = arg;
	char *mem = case_map(PAGES);
	uint64_t id[PAGES];

	case_fill_many(mem, PAGES, ID, CONTENTS);
	for (size_t i = 0; i < PAGES; i++)
		id[i] = ID + i % CONTENTS;
	if (madvise(mem, PAGES * ps, MADV_MERGEABLE))
		r->wrong++;
	for (int s = 0; s < STEPS; s++) {
		unsigned int x = rand_r(&r->seed);
		size_t i = x % PAGES, c = x / PAGES % CONTENTS;
		char *page = case_page(mem, i);

		if (x & (1 << 20)) {
			/* Block c of the device has content ID + c. */
			if (pread(r->fd, page, ps, c * ps) != (ssize_t)ps)
				r->wrong++;
			id[i] = ID + c;
		} else {
			/* The same content again, from wherever it is now. */
			if (pwrite(r->fd, page, ps, (id[i] - ID) * ps) !=
			    (ssize_t)ps)
				r->wrong++;
		}
		r->wrong += !case_check(page, id[i]);
		if (s % 50 == 0)
			for (i = 0; i < PAGES; i++)
				r->wrong += !case_check(case_page(mem, i),
							id[i]);
	}
	for (size_t i = 0; i < PAGES; i++)
		r->wrong += !case_check(case_page(mem, i), id[i]);
	case_unmap(mem, PAGES);
	return NULL;
}

static void run(void)
{
	struct reader r[THREADS] = { 0 };
	const size_t ps = case_page_size();
	size_t wrong = 0;
	char text[16], *mem;
	int id, fd;

	if (!getenv("KSM_TEST_MACHINE")) {
		case_skip("adds a device: only in a test machine");
		return;
	}
	fd = device(&id);
	if (fd < 0) {
		case_skip("no device to read from directly");
		return;
	}
	mem = case_map(CONTENTS);
	case_fill_many(mem, CONTENTS, ID, CONTENTS);
	if (pwrite(fd, mem, CONTENTS * ps, 0) != (ssize_t)(CONTENTS * ps))
		case_die("writing directly: %s", strerror(errno));
	case_start();
	for (int t = 0; t < THREADS; t++) {
		r[t].fd = fd;
		r[t].seed = 17 + t;
		if (pthread_create(&r[t].thread, NULL, work, &r[t]))
			case_die("pthread_create");
	}
	for (int t = 0; t < THREADS; t++) {
		pthread_join(r[t].thread, NULL);
		wrong += r[t].wrong;
	}
	case_ok(wrong == 0, "direct reads and writes (%zu wrong)", wrong);
	if (pread(fd, mem, CONTENTS * ps, 0) != (ssize_t)(CONTENTS * ps))
		wrong++;
	case_ok(case_check_many(mem, CONTENTS, ID, CONTENTS) == 0,
		"the device has what was written");
	case_stop();
	close(fd);
	snprintf(text, sizeof(text), "%d", id);
	case_write("/sys/class/zram-control/hot_remove", text);
	case_unmap(mem, CONTENTS);
}

const struct kcase kcase = {
	.needs = CASE_ROOT | CASE_ALONE,
	.knobs = case_scan_knobs,
	.run = run,
};
