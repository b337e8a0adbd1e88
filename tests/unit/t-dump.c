// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-dump.c - what is left out of a dump: no name and no address is in it, and what the
 * tools read of it is the same.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libksm/internal.h"
#include "root.h"
#include "tap.h"

/* --- the line of a process --- */

static void stat_line(void)
{
	static const struct ksm_proc rows[] = {
		{ .pid = 1, .ppid = 0, .state = 'S', .comm = "init", .start_ticks = 5,
		  .cpu_ticks = 70, .rss_pages = 3200, .vsize_bytes = 1 << 30 },
		/* What ends a name is the last parenthesis. */
		{ .pid = 7, .ppid = 1, .state = 'R', .comm = "a) R 1 (\n" },
		{ .pid = 38, .ppid = 2, .state = 'I', .comm = "ksmd", .kthread = true },
		{ .pid = INT32_MAX, .ppid = INT32_MAX, .state = 'Z', .comm = "",
		  .start_ticks = UINT64_MAX, .cpu_ticks = UINT64_MAX, .rss_pages = UINT64_MAX,
		  .vsize_bytes = UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str text __cleanup_str = STR_INIT;
		const struct ksm_proc *p = &rows[i];
		struct ksm_proc q = { 0 };

		CHECK_INT(ksm_proc_pidstat_format(p, &text), 0);
		CHECK_INT(ksm_proc_pidstat_parse(str_get(&text), text.len, &q), 0);
		CHECK_STR(q.comm, p->comm);
		CHECK_INT(q.state, p->state);
		CHECK_INT(q.ppid, p->ppid);
		CHECK_INT(q.kthread, p->kthread);
		CHECK_UINT(q.start_ticks, p->start_ticks);
		CHECK_UINT(q.cpu_ticks, p->cpu_ticks);
		CHECK_UINT(q.rss_pages, p->rss_pages);
		CHECK_UINT(q.vsize_bytes, p->vsize_bytes);
	}
}

/* --- status --- */

static void status_same(const char *text)
{
	struct ksm_proc_status whole, kept;
	struct str out __cleanup_str = STR_INIT;
	int rc = ksm_proc_status_parse(text, strlen(text), &whole);

	CHECK_INT(ksm_dump_status(text, strlen(text), &out), 0);
	CHECK_INT(ksm_proc_status_parse(str_get(&out), out.len, &kept), rc);
	CHECK_INT(kept.tgid, whole.tgid);
	CHECK_INT(kept.tracer, whole.tracer);
	CHECK_INT(kept.seccomp, whole.seccomp);
	CHECK_INT(kept.state, whole.state);
	CHECK_UINT(kept.threads, whole.threads);
	for (size_t i = 0; i < ARRAY_SIZE(kept.uid); i++)
		CHECK_UINT(kept.uid[i], whole.uid[i]);
	CHECK(!strstr(str_get(&out), "Groups"));
	CHECK(!strstr(str_get(&out), "secret"));
}

static void status(void)
{
	struct str own __cleanup_str = STR_INIT;
	struct ksm *k;

	status_same("Name:\tsecret\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t12\nNgid:\t0\n"
		    "Pid:\t12\nPPid:\t1\nTracerPid:\t3\nUid:\t1\t2\t3\t4\nGid:\t1\t1\t1\t1\n"
		    "Groups:\t1 secret 2\nThreads:\t9\nSeccomp:\t2\nSeccomp_filters:\t1\n");
	status_same("");
	status_same("\n\nTgid:");
	status_same("Uid:\t1\nTgid:\t1\nSeccomp: x");
	/* That of a kernel as it is: a line which the parser reads and the filter does not know. */
	if (ksm_open(NULL, &k) || ksm_path_read_file(k, KSM_FILE_STATUS, getpid(), &own)) {
		tap_skip("no status of our own");
	} else {
		status_same(str_get(&own));
		ksm_close(k);
	}
}

/* --- mappings --- */

static int print_vma(const struct ksm_vma *v, void *arg)
{
	return str_addf(arg, "%llu %s %llu %llu %llu %llu %d%d%d%d%d %d\n",
			(unsigned long long)(v->end - v->start), v->perms,
			(unsigned long long)v->rss_bytes, (unsigned long long)v->anon_bytes,
			(unsigned long long)v->ksm_bytes, (unsigned long long)v->swap_bytes,
			v->mergeable, v->thp, v->locked, v->writable, v->file, v->why);
}

#define FIELDS(rss)                                                                       \
	"Rss:                  " rss " kB\nAnonymous:   " rss " kB\nKSM:       4 kB\n"     \
	"Swap:         8 kB\nAnonHugePages:      2048 kB\nVmFlags: rd wr mr mw me lo mg \n"

static const char smaps[] =
	"55d000001000-55d000003000 rw-p 00002000 fe:01 4711   /home/joe/secret file\n" FIELDS("8")
	"55d000003000-55d000004000 rw-p 00000000 00:00 0      [heap]\n" FIELDS("4")
	"7f0000000000-7f0000001000 rw-p 00000000 00:00 0      [anon:secret]\n" FIELDS("4")
	"7f0000001000-7f0000002000 rw-s 00000000 00:05 3      /memfd:secret (deleted)\n" FIELDS("4")
	"7f0000003000-7f0000004000 rw-p 00000000 00:00 0 \n" FIELDS("4")
	"7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0      [vdso]\n" FIELDS("4")
	"7ffd00000000-7ffd00001000 rw-p 00000000 00:0e 9      anon_inode:secret\n" FIELDS("0");

static void mappings(void)
{
	struct str out __cleanup_str = STR_INIT, was __cleanup_str = STR_INIT;
	struct str is __cleanup_str = STR_INIT;

	CHECK_INT(ksm_dump_smaps(smaps, strlen(smaps), 4096, &out), 0);
	CHECK_INT(ksm_smaps_parse(smaps, strlen(smaps), print_vma, &was), 0);
	CHECK_INT(ksm_smaps_parse(str_get(&out), out.len, print_vma, &is), 0);
	CHECK_STR(str_get(&is), str_get(&was));
	CHECK(!strstr(str_get(&out), "secret"));
	CHECK(!strstr(str_get(&out), "joe"));
	CHECK(!strstr(str_get(&out), "7f0"));
	CHECK(!strstr(str_get(&out), "55d"));
	CHECK(!strstr(str_get(&out), "4711"));
	/* Neighbours stay neighbours, and others do not become such. */
	CHECK(strstr(str_get(&out), "00002000-00004000 rw-p 00000000 00:00 1 /file\n") != NULL);
	CHECK(strstr(str_get(&out), "00004000-00005000 rw-p 00000000 00:00 0 [heap]\n") != NULL);
	CHECK(strstr(str_get(&out), "00006000-00007000 rw-p 00000000 00:00 0 [anon]\n") != NULL);
	CHECK(strstr(str_get(&out), "[vdso]\n") != NULL);
}

/* No kernel writes these; a dump of a dump may have to do with them. */
static void odd_mappings(void)
{
	static const char *const rows[] = {
		"secret\n", "Secret: 1 kB\n", "1-2\n", "1-2 rw-p\n", "2-1 rw-p 0 0:0 0 /secret\n",
		"1-2 rwxp-secret 0 0:0 0 /secret\n", "1-2 rw-p 0 0:0",
		"0-ffffffffffffffff rw-p 0 0:0 0 /secret\nRss: 4 kB\n1-2 rw-p 0 0:0 0 /secret\n",
		"\n\n\n", "",
	};
	struct str longer __cleanup_str = STR_INIT, out __cleanup_str = STR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str kept __cleanup_str = STR_INIT;

		CHECK_INT(ksm_dump_smaps(rows[i], strlen(rows[i]), 4096, &kept), 0);
		CHECK(!strstr(str_get(&kept), "ecret"));
	}
	/* A line that is longer than any field is none. */
	str_add(&longer, "1000-2000 rw-p 0 0:0 0\nVmFlags: ");
	for (int i = 0; i < 200; i++)
		str_add(&longer, "secret ");
	CHECK_INT(ksm_dump_smaps(str_get(&longer), longer.len, 4096, &out), 0);
	CHECK(!strstr(str_get(&out), "secret"));
	CHECK(strstr(str_get(&out), "rw-p") != NULL);
}

/* --- whole processes --- */

static int count(const char *path, const char *text, size_t len, void *arg)
{
	size_t *n = arg;

	(void)text;
	(void)len;
	CHECK(!strncmp(path, "proc/2001/", 10));
	++*n;
	return 0;
}

static int refuse(const char *path, const char *text, size_t len, void *arg)
{
	(void)path;
	(void)text;
	(void)len;
	(void)arg;
	return -ENOSPC;
}

/* Nothing is told of one that is another by now, and what the receiver says is passed on. */
static void identity(void)
{
	struct ksm *k = root_open("6.12-busy");
	struct ksm_ident id;
	size_t n = 0;

	CHECK_INT(ksm_ident_read(k, 2001, &id), 0);
	CHECK_INT(ksm_dump_proc(k, &id, 0, count, &n), 0);
	CHECK(n >= 5);
	CHECK_INT(ksm_dump_proc(k, &id, 0, refuse, NULL), -ENOSPC);
	CHECK_INT(ksm_dump_system(k, 0, refuse, NULL), -ENOSPC);
	n = 0;
	id.start_ticks++;
	CHECK_INT(ksm_dump_proc(k, &id, 0, count, &n), -ESRCH);
	CHECK_UINT(n, 0);
	id = (struct ksm_ident){ .pid = 999999, .start_ticks = KSM_START_ANY };
	CHECK_INT(ksm_dump_proc(k, &id, 0, count, &n), -ESRCH);
	CHECK_UINT(n, 0);
	ksm_close(k);
}

/* A file of a process that grows without end costs the process, not the memory. */
static void too_large(void)
{
	struct ksm_ident id;
	struct root r;
	static char big[300 << 10];
	struct ksm *k;
	size_t n = 0;

	root_copy(&r, "6.12-busy");
	memset(big, 'x', sizeof(big));
	root_put_mem(&r, "proc/2001/cgroup", big, sizeof(big));
	k = root_handle(&r);
	CHECK_INT(ksm_ident_read(k, 2001, &id), 0);
	CHECK_INT(ksm_dump_proc(k, &id, KSM_DUMP_CGROUP, count, &n), -EFBIG);
	CHECK_UINT(n, 0);
	CHECK_INT(ksm_dump_proc(k, &id, 0, count, &n), 0);
	ksm_close(k);
	root_free(&r);
}

TAP_MAIN(TAP_CASE(stat_line), TAP_CASE(status), TAP_CASE(mappings), TAP_CASE(odd_mappings),
	 TAP_CASE(identity), TAP_CASE(too_large))
