// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-marks.c - notes on what was marked: sets of ranges, as text, and as files.
 */
#include "inject/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libksm/libksm.h"
#include "tap.h"

/* "10-20 30-40", pages of 4 KiB. */
static void show(const struct ksm_marks *m, char *out, size_t len)
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < m->n && n < len; i++)
		n += snprintf(out + n, len - n, "%s%" PRIu64 "-%" PRIu64, i ? " " : "",
			      m->range[i].start >> 12, m->range[i].end >> 12);
}

struct op {
	char what;	/* '+' or '-' */
	uint64_t start, end;
};

static void ranges(void)
{
	static const struct {
		struct op op[6];
		const char *want;
	} rows[] = {
		{ { { 0 } }, "" },
		{ { { '+', 1, 2 } }, "1-2" },
		{ { { '+', 5, 6 }, { '+', 1, 2 } }, "1-2 5-6" },
		{ { { '+', 1, 2 }, { '+', 2, 3 } }, "1-3" },
		{ { { '+', 2, 3 }, { '+', 1, 2 } }, "1-3" },
		{ { { '+', 1, 2 }, { '+', 3, 4 }, { '+', 5, 6 }, { '+', 2, 5 } }, "1-6" },
		{ { { '+', 1, 9 }, { '+', 3, 4 } }, "1-9" },
		{ { { '+', 3, 4 }, { '+', 1, 9 } }, "1-9" },
		{ { { '+', 4, 4 } }, "" },
		{ { { '+', 1, 9 }, { '-', 3, 4 } }, "1-3 4-9" },
		{ { { '+', 1, 9 }, { '-', 1, 9 } }, "" },
		{ { { '+', 1, 9 }, { '-', 0, 3 } }, "3-9" },
		{ { { '+', 1, 9 }, { '-', 8, 12 } }, "1-8" },
		{ { { '+', 1, 3 }, { '+', 5, 7 }, { '+', 9, 11 }, { '-', 2, 10 } }, "1-2 10-11" },
		{ { { '+', 1, 3 }, { '-', 3, 5 } }, "1-3" },
		{ { { '-', 3, 5 } }, "" },
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_marks m = { 0 };

		tap_row("%zu", i);
		for (const struct op *o = rows[i].op; o->what; o++)
			CHECK_INT(o->what == '+' ? ksm_marks_add(&m, o->start << 12, o->end << 12) :
						   ksm_marks_cut(&m, o->start << 12, o->end << 12), 0);
		show(&m, text, sizeof(text));
		CHECK_STR(text, rows[i].want);
		ksm_marks_fini(&m);
	}
}

/* Against a picture of it: each page is in or out. */
static void random_ranges(void)
{
	enum { PAGES = 64, ROUNDS = 20000 };
	bool want[PAGES] = { false };
	struct ksm_marks m = { 0 };
	uint32_t seed = 1;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start, end, n = 0;
		bool got[PAGES] = { false }, in;

		seed = seed * 1664525 + 1013904223;
		start = (seed >> 8) % PAGES;
		end = start + 1 + (seed >> 20) % (PAGES - start);
		in = seed >> 31;
		CHECK_INT(in ? ksm_marks_add(&m, start << 12, end << 12) :
			       ksm_marks_cut(&m, start << 12, end << 12), 0);
		for (uint64_t p = start; p < end; p++)
			want[p] = in;
		for (size_t j = 0; j < m.n; j++) {
			for (uint64_t p = m.range[j].start >> 12; p < m.range[j].end >> 12; p++)
				got[p] = true;
			/* apart from one another, or they would be one */
			if (!CHECK(j == 0 || m.range[j].start > m.range[j - 1].end))
				break;
			n++;
		}
		if (!CHECK(!memcmp(got, want, sizeof(got))) || !CHECK_UINT(n, m.n))
			break;
		start = (seed >> 4) % PAGES;
		end = MIN(start + 1 + (seed >> 12) % 8, (uint64_t)PAGES);
		in = true;
		for (uint64_t p = start; p < end; p++)
			in = in && want[p];
		if (!CHECK_INT(ksm_marks_cover(&m, start << 12, end << 12), in))
			break;
	}
	ksm_marks_fini(&m);
}

static void texts(void)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "ksm-marks 1 0 0\n", 0 },
		{ "ksm-marks 1 17 0\n1000-2000\n7f0000000000-7f0000001000\n", 0 },
		{ "ksm-marks 1 17 18446744073709551615\n1000-2000\n", 0 },
		{ "", -EPROTO },
		{ "ksm-marks 2 0 0\n", -EPROTO },
		{ "ksm-marks 1 0 0", -EPROTO },
		{ "ksm-marks 1 ", -EPROTO },
		{ "ksm-marks 1 \n", -EPROTO },
		{ "ksm-marks 1\n", -EPROTO },
		{ "ksm-marks 1 0\n", -EPROTO },
		{ "ksm-marks 1 0 x\n", -EPROTO },
		{ "ksm-marks 1 0 0 \n", -EPROTO },
		{ "ksm-marks 1 0 18446744073709551616\n", -EPROTO },
		{ "ksm-marks 1 0 0\n1000-2000", -EPROTO },
		{ "ksm-marks 1 0 0\n1000\n", -EPROTO },
		{ "ksm-marks 1 0 0\n2000-1000\n", -EPROTO },
		{ "ksm-marks 1 0 0\n1000-1000\n", -EPROTO },
		{ "ksm-marks 1 0 0\n1000-3000\n2000-4000\n", -EPROTO },
		{ "ksm-marks 1 0 0\n1000-2000\n2000-3000\n", -EPROTO },
		{ "ksm-marks 1 0 0\n1000-2000 \n", -EPROTO },
		{ "ksm-marks 1 0 0\n1000-2000\n\n", -EPROTO },
		{ "ksm-marks 1 0 0\n\n", -EPROTO },
		{ "ksm-marks 1 0 0\nx-2000\n", -EPROTO },
		{ "ksm-marks 1 0 0\n10000000000000000-20000000000000000\n", -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_marks m;
		char *text = NULL;
		size_t len;

		tap_row("%s", rows[i].text);
		CHECK_INT(ksm_marks_parse(rows[i].text, strlen(rows[i].text), &m), rows[i].rc);
		if (!rows[i].rc && CHECK_INT(ksm_marks_format(&m, &text, &len), 0))
			CHECK_STR(text, rows[i].text);
		/* A broken one is not believed in part. */
		if (rows[i].rc)
			CHECK(!m.n && !m.range);
		free(text);
		ksm_marks_fini(&m);
	}
}

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	if (d)
		closedir(d);
	return n;
}

static const char *temporary_dir(char *dir)
{
	CHECK(mkdtemp(dir) != NULL);
	return dir;
}

/* "NAME" in @dir, with @text. */
static void put(const char *dir, const char *name, const char *text)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void drop(const char *dir, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CHECK_INT(unlink(path), 0);
}

/* The one file in @dir whose name begins so. */
static void name_in(const char *dir, const char *prefix, char *out, size_t len)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	*out = '\0';
	while (d && (e = readdir(d)) != NULL)
		if (!strncmp(e->d_name, prefix, strlen(prefix)))
			snprintf(out, len, "%s", e->d_name);
	if (d)
		closedir(d);
	CHECK(*out);
}

/* A child that waits until it is ended. */
static pid_t waiting_child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void files(void)
{
	char dir[] = "/tmp/t-marks.XXXXXX", name[64], left[256];
	struct ksm_marks m = { 0 }, got;
	struct ksm_ident id, gone;
	struct ksm *k;
	pid_t child;

	temporary_dir(dir);
	if (!CHECK_INT(ksm_open(NULL, &k), 0))
		return;
	CHECK_INT(ksm_ident_read(k, getpid(), &id), 0);
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), -ENOENT);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), 0);
	CHECK_INT(count(dir), 0);
	CHECK_INT(ksm_marks_add(&m, 0x1000, 0x3000), 0);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), 0);
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), 0);
	if (CHECK_UINT(got.n, 1))
		CHECK_UINT(got.range[0].end, 0x3000);
	CHECK(got.since_ticks >= id.start_ticks);
	ksm_marks_fini(&got);

	/* The note on one that has ended is removed, and what a killed writer left. */
	child = waiting_child();
	CHECK_INT(ksm_ident_read(k, child, &gone), 0);
	CHECK_INT(ksm_marks_write(k, dir, &gone, &m), 0);
	end_child(child);
	CHECK_INT(ksm_marks_write(k, dir, &gone, &m), -ESRCH);
	snprintf(left, sizeof(left), ".marks-1-2-3.%d", (int)child);
	put(dir, left, "ksm-marks 1 0");
	CHECK_INT(count(dir), 3);
	ksm_marks_sweep(k, dir);
	CHECK_INT(count(dir), 1);
	CHECK_INT(ksm_marks_read(k, dir, &gone, &got), -ESRCH);

	/* What is no note is left alone, as is what a writer that lives is at. */
	put(dir, "marks-1-x", "");
	put(dir, "marks-1-2", "");
	put(dir, "marks-99999999-1-2-3", "");
	snprintf(left, sizeof(left), ".marks-1-2-3.%d", (int)getpid());
	put(dir, left, "");
	ksm_marks_sweep(k, dir);
	CHECK_INT(count(dir), 5);
	drop(dir, "marks-1-x");
	drop(dir, "marks-1-2");
	drop(dir, "marks-99999999-1-2-3");
	drop(dir, left);

	/* A directory that others can write is not trusted. */
	CHECK_INT(chmod(dir, 0777), 0);
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), -EPERM);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), -EPERM);
	CHECK_INT(chmod(dir, 0700), 0);

	/* Of another program in the same process, a note is none. */
	snprintf(name, sizeof(name), "marks-%d-", (int)getpid());
	name_in(dir, name, left, sizeof(left));
	drop(dir, left);
	left[strlen(left) - 1] = left[strlen(left) - 1] == '0' ? '1' : '0';
	put(dir, left, "ksm-marks 1 0 0\n1000-3000\n");
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), -ENOENT);
	ksm_marks_sweep(k, dir);
	CHECK_INT(count(dir), 0);

	ksm_marks_fini(&m);
	CHECK_INT(rmdir(dir), 0);
	ksm_close(k);
}

/* Children have the marks of whom they were forked from, if it was marked by then. */
static void children(void)
{
	char dir[] = "/tmp/t-marks.XXXXXX";
	struct ksm_marks m = { 0 }, got;
	struct ksm_ident id, older, child, later;
	struct ksm *k;

	temporary_dir(dir);
	if (!CHECK_INT(ksm_open(NULL, &k), 0))
		return;
	CHECK_INT(ksm_ident_read(k, getpid(), &id), 0);
	CHECK_INT(ksm_ident_read(k, waiting_child(), &older), 0);
	usleep(30000);
	CHECK_INT(ksm_marks_add(&m, 0x1000, 0x3000), 0);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), 0);
	usleep(30000);
	CHECK_INT(ksm_ident_read(k, waiting_child(), &child), 0);
	CHECK_INT(ksm_marks_read(k, dir, &older, &got), -ENOENT);
	CHECK_INT(ksm_marks_read(k, dir, &child, &got), 0);
	CHECK_UINT(got.n, 1);
	ksm_marks_fini(&got);

	/* Undone in the parent, they are not in the child. */
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), 0);
	usleep(30000);
	CHECK_INT(ksm_marks_undone(k, dir, &id, &got), 0);
	ksm_marks_fini(&got);
	usleep(30000);
	CHECK_INT(ksm_ident_read(k, waiting_child(), &later), 0);
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), 0);
	CHECK_UINT(got.n, 0);
	CHECK_INT(ksm_marks_read(k, dir, &later, &got), -ENOENT);
	CHECK_INT(ksm_marks_read(k, dir, &child, &got), 0);
	CHECK_UINT(got.n, 1);
	CHECK_INT(ksm_marks_undone(k, dir, &child, &got), 0);
	ksm_marks_fini(&got);
	CHECK_INT(ksm_marks_read(k, dir, &child, &got), 0);
	CHECK_UINT(got.n, 0);

	end_child(older.pid);
	end_child(child.pid);
	end_child(later.pid);
	ksm_marks_fini(&m);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), 0);
	ksm_marks_sweep(k, dir);
	CHECK_INT(rmdir(dir), 0);
	ksm_close(k);
}

/* What cannot be written whole leaves the old note as it is. */
static void full(void)
{
	char dir[] = "/tmp/t-marks.XXXXXX";
	struct ksm_marks m = { 0 }, got;
	struct rlimit found, small;
	struct ksm_ident id;
	struct ksm *k;

	temporary_dir(dir);
	if (!CHECK_INT(ksm_open(NULL, &k), 0))
		return;
	CHECK_INT(ksm_ident_read(k, getpid(), &id), 0);
	CHECK_INT(ksm_marks_add(&m, 0x1000, 0x3000), 0);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), 0);
	CHECK_INT(ksm_marks_add(&m, 0x5000, 0x6000), 0);
	signal(SIGXFSZ, SIG_IGN);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &found), 0);
	small = found;
	small.rlim_cur = 30;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), -EFBIG);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &found), 0);
	CHECK_INT(count(dir), 1);
	CHECK_INT(ksm_marks_read(k, dir, &id, &got), 0);
	CHECK_UINT(got.n, 1);
	ksm_marks_fini(&got);
	ksm_marks_fini(&m);
	CHECK_INT(ksm_marks_write(k, dir, &id, &m), 0);
	CHECK_INT(rmdir(dir), 0);
	ksm_close(k);
}

TAP_MAIN(TAP_CASE(ranges), TAP_CASE(random_ranges), TAP_CASE(texts), TAP_CASE(files),
	 TAP_CASE(children), TAP_CASE(full))
