// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-handle.c - opening roots, what the handle remembers of a failure, log
 * lines, and that nothing leads out of a dump.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "libksm/internal.h"
#include "libksm/sys.h"
#include "root.h"
#include "tap.h"

/* Kernels before 5.6, and filters of containers, have no openat2(). */
static int without_openat2;

int __real_sys_openat2_in_root(int dirfd, const char *path, int flags);
int __wrap_sys_openat2_in_root(int dirfd, const char *path, int flags);
int __wrap_sys_openat2_in_root(int dirfd, const char *path, int flags)
{
	return without_openat2 ?: __real_sys_openat2_in_root(dirfd, path, flags);
}

static void open_fails(void)
{
	struct root r;
	struct ksm *k = (void *)1;
	char path[300];

	CHECK_INT(ksm_open("/nonexistent-directory", &k), -ENOENT);
	CHECK(!k);
	root_new(&r);
	root_put(&r, "file", "x");
	snprintf(path, sizeof(path), "%s/file", r.dir);
	CHECK_INT(ksm_open(path, &k), -ENOTDIR);
	CHECK(!k);
	/* A root without proc/ is no root. */
	root_rm(&r, "proc");
	CHECK_INT(ksm_open(r.dir, &k), -ENOENT);
	CHECK(!k);
	root_free(&r);
	ksm_close(NULL);
}

static void live(void)
{
	struct ksm *k, *slash;

	if (!CHECK_INT(ksm_open(NULL, &k), 0))
		return;
	CHECK(ksm_is_live(k));
	CHECK_UINT(ksm_page_size(k), sysconf(_SC_PAGESIZE));
	CHECK_UINT(ksm_clock_tick(k), sysconf(_SC_CLK_TCK));
	CHECK_STR(ksm_errmsg(k), "");
	CHECK_STR(ksm_errpath(k), "");
	/* The root by another name is the running system as well. */
	if (CHECK_INT(ksm_open("/../.", &slash), 0))
		CHECK(ksm_is_live(slash));
	ksm_close(slash);
	ksm_close(k);
}

static void meta(void)
{
	static const struct {
		const char *text;
		long page_size;		/* 0: this machine's */
		unsigned int clock_tick;
		uint64_t when_ns;
		unsigned int version;
	} rows[] = {
		{ "page_size 16384\nclock_tick 250\nwhen_ns 5\nrelease 6.12.1\n", 16384, 250, 5,
		  612 },
		{ "page_size 65536\n", 65536, 0, 0, 0 },		/* the rest is missing */
		{ "page_size\t 4096", 4096, 0, 0, 0 },			/* blanks, no newline */
		{ "# page_size 8192\nrelease 7.3-rc1\n", 0, 0, 0, 703 },
		/* without a time there are no rates, which is seen */
		{ "when_ns 1.5\n", 0, 0, 0, 0 },
		{ "release 5.15.0-91-generic\n", 0, 0, 0, 515 },
		/* minor numbers have two places */
		{ "release 10.100.1\n", 0, 0, 0, 1099 },
		{ "release\nrelease \nwhen_ns\n\n \n", 0, 0, 0, 0 },
		{ "release nonsense\n", 0, 0, 0, 0 },
		{ "", 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_stats st;
		struct root r;
		struct ksm *k;

		tap_row("%zu", i);
		root_new(&r);
		root_put(&r, "meta", rows[i].text);
		k = root_handle(&r);
		CHECK(!ksm_is_live(k));
		CHECK_UINT(ksm_page_size(k),
			   rows[i].page_size ? rows[i].page_size : sysconf(_SC_PAGESIZE));
		CHECK_UINT(ksm_clock_tick(k),
			   rows[i].clock_tick ? rows[i].clock_tick : sysconf(_SC_CLK_TCK));
		CHECK_UINT(ksm_kernel_version(k), rows[i].version);
		CHECK_INT(ksm_stats_read(k, &st), 0);
		CHECK_UINT(st.when_ns, rows[i].when_ns);
		ksm_close(k);
		root_free(&r);
	}
}

/* By a wrong page size all figures are wrong, and by this machine's, too. */
static void impossible_meta(void)
{
	static const char *const rows[] = {
		"page_size 3000\n",		/* no power of two */
		"page_size 0\n",
		"page_size 512\n",
		"page_size 8388608\n",
		"page_size -4096\n",
		"page_size 4096x\n",
		"page_size\n",
		"page_size 4096\nclock_tick 0\n",
		"clock_tick 18446744073709551617\n",
		"clock_tick 1000001\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct root r;
		struct ksm *k;

		tap_row("%zu", i);
		root_new(&r);
		root_put(&r, "meta", rows[i]);
		CHECK_INT(ksm_open(r.dir, &k), -EPROTO);
		CHECK(!k);
		CHECK_STR(ksm_open_why(r.dir, -EPROTO),
			  "its file meta tells a page_size or clock_tick that cannot be");
		root_free(&r);
	}
}

static void boot_id(void)
{
	static const struct {
		const char *text;	/* NULL: no such file */
		int rc;
		const char *id;
	} rows[] = {
		{ "3f2c1d5e-90ab-4cde-8f01-23456789abcd\n", 0,
		  "3f2c1d5e-90ab-4cde-8f01-23456789abcd" },
		{ "0a\n", 0, "0a" },
		{ "0a", 0, "0a" },
		{ NULL, -ENOENT, "" },
		{ "", -EINVAL, "" },
		{ "\n", -EINVAL, "" },
		{ "0a\n0b\n", -EINVAL, "" },
		{ "0A\n", -EINVAL, "" },			/* of no kernel */
		{ "\033[31m\n", -EINVAL, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char id[KSM_BOOT_ID_MAX] = "left";
		struct root r;
		struct ksm *k;

		tap_row("%zu", i);
		root_new(&r);
		if (rows[i].text)
			root_put(&r, "proc/sys/kernel/random/boot_id", rows[i].text);
		k = root_handle(&r);
		CHECK_INT(ksm_boot_id(k, id), rows[i].rc);
		CHECK_STR(id, rows[i].id);
		ksm_close(k);
		root_free(&r);
	}
}

static void no_meta(void)
{
	struct root r;
	struct ksm *k;

	root_new(&r);
	k = root_handle(&r);
	CHECK_UINT(ksm_page_size(k), sysconf(_SC_PAGESIZE));
	/* Its absence is no failure to speak of. */
	CHECK_STR(ksm_errmsg(k), "");
	ksm_close(k);
	root_free(&r);
}

static void present(void)
{
	struct ksm_value v;
	struct root r;
	struct ksm *k;

	k = root_open("6.12-idle");
	CHECK_INT(ksm_present(k), KSM_VALUE);
	ksm_close(k);

	k = root_open("no-ksm");
	CHECK_INT(ksm_present(k), KSM_ABSENT);
	CHECK_INT(ksm_attr_read(k, KSM_ATTR_RUN, &v), 0);
	CHECK_INT(v.state, KSM_ABSENT);
	v = (struct ksm_value){ .state = KSM_VALUE, .v = 1 };
	CHECK_INT(ksm_attr_write(k, KSM_ATTR_RUN, &v), -EOPNOTSUPP);
	ksm_close(k);

	root_copy(&r, "6.12-idle");
	root_chmod(&r, "sys/kernel", 0);
	if (root_unpriv(&r)) {
		k = root_handle(&r);
		CHECK_INT(ksm_present(k), KSM_DENIED);
		CHECK_INT(ksm_attr_read(k, KSM_ATTR_RUN, &v), 0);
		CHECK_INT(v.state, KSM_DENIED);
		v = (struct ksm_value){ .state = KSM_VALUE, .v = 1 };
		CHECK_INT(ksm_attr_write(k, KSM_ATTR_RUN, &v), -EACCES);
		ksm_close(k);
	} else {
		tap_skip("cannot give up root");
	}
	root_priv();
	root_chmod(&r, "sys/kernel", 0755);
	root_free(&r);
}

/* Messages name the path as the kernel knows it, never the directory of the dump. */
static void error_record(void)
{
	struct ksm_value v = { .state = KSM_VALUE, .v = 1 };
	struct ksm_proc_status st;
	struct ksm_proc p;
	struct ksm *k = root_open("6.12-idle");

	CHECK_INT(ksm_proc_read(k, 4242, 0, &p), -ESRCH);
	CHECK_STR(ksm_errmsg(k), "read /proc/4242/stat: No such process");
	CHECK_STR(ksm_errpath(k), "/proc/4242/stat");
	CHECK_INT(ksm_proc_status_read(k, 4243, &st), -ESRCH);
	CHECK_STR(ksm_errpath(k), "/proc/4243/status");
	ksm_close(k);

	k = root_open("5.15-old");
	CHECK_INT(ksm_attr_write(k, KSM_ATTR_SMART_SCAN, &v), -EOPNOTSUPP);
	CHECK_STR(ksm_errmsg(k),
		  "write /sys/kernel/mm/ksm/smart_scan: Operation not supported");
	ksm_close(k);
}

/* A dump may have been made by an enemy, or simply with absolute links. */
static void try_links(void)
{
	static const struct {
		const char *target;
		const char *got;	/* NULL: not there */
	} rows[] = {
		{ "/inside", "inside" },		/* from the root's top */
		{ "../../../../inside", "inside" },
		{ "/../../inside", "inside" },		/* .. stops at the root */
		{ "/etc/passwd", NULL },		/* of this machine */
		{ "../../../../../../../../../etc/passwd", NULL },
		/* by way of other links */
		{ "/dir/up/../inside", "inside" },
		{ "/dir/./up/up/inside", NULL },
		{ "../ksm/../../mm//ksm/other", "inside" },
		{ "other/", NULL },
		{ "/loop", NULL },
		{ "", NULL },
	};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str text __cleanup_str = STR_INIT;
		struct root r;
		struct ksm *k;
		int rc;

		tap_row("%s", rows[i].target);
		root_new(&r);
		root_put(&r, "inside", "inside");
		root_put(&r, "dir/file", "file");
		root_link(&r, "../../dir", "dir/up");
		root_link(&r, "/loop", "loop");
		root_link(&r, "../../../../inside", "sys/kernel/mm/ksm/other");
		if (*rows[i].target)
			root_link(&r, rows[i].target, "sys/kernel/mm/ksm/run");
		k = root_handle(&r);
		CHECK(k->walks == !!without_openat2);
		rc = ksm_path_read(k, &text, "sys/kernel/mm/ksm/run");
		if (rows[i].got) {
			CHECK_INT(rc, 0);
			CHECK_STR(str_get(&text), rows[i].got);
		} else {
			CHECK(rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP);
			CHECK_UINT(text.len, 0);
		}
		ksm_close(k);
		root_free(&r);
	}

	/* As a directory on the way. */
	snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	for (int with_proc = 0; with_proc < 2; with_proc++) {
		struct ksm_proc p;
		struct root r;
		struct ksm *k;

		root_new(&r);
		root_link(&r, path, "proc/7");
		if (with_proc) {
			root_rm(&r, "proc");
			root_link(&r, "/proc", "proc");
			CHECK_INT(ksm_open(r.dir, &k), -ELOOP);
		} else {
			k = root_handle(&r);
			CHECK_INT(ksm_proc_read(k, 7, 0, &p), -ESRCH);
		}
		ksm_close(k);
		root_free(&r);
	}
}

static void links_stay_inside(void)
{
	if (sys_openat2_in_root(AT_FDCWD, ".", O_PATH) == -ENOSYS)
		tap_skip("kernel (or valgrind) without openat2()");
	else
		try_links();
}

/* What cannot be left to the kernel is done by hand, and a write goes nowhere else either. */
static void links_stay_inside_without_openat2(void)
{
	static const int answers[] = { -ENOSYS, -EPERM };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct ksm_value v = { .state = KSM_VALUE, .v = 1 };
		struct root dump, other;
		char path[300], buf[16];
		struct ksm *k;

		without_openat2 = answers[i];
		try_links();
		meta();
		root_new(&dump);
		root_new(&other);
		root_put(&other, "file", "as it was");
		snprintf(path, sizeof(path), "%s/file", other.dir);
		root_link(&dump, path, "sys/kernel/mm/ksm/run");
		k = root_handle(&dump);
		CHECK_INT(ksm_attr_write(k, KSM_ATTR_RUN, &v), -EOPNOTSUPP);
		CHECK_STR(root_get(&other, "file", buf, sizeof(buf)), "as it was");
		/* One that leads to a file beside it is written through. */
		root_rm(&dump, "sys/kernel/mm/ksm/run");
		root_put(&dump, "sys/kernel/mm/ksm/real", "0");
		root_link(&dump, "real", "sys/kernel/mm/ksm/run");
		CHECK_INT(ksm_attr_write(k, KSM_ATTR_RUN, &v), 0);
		CHECK_STR(root_get(&dump, "sys/kernel/mm/ksm/real", buf, sizeof(buf)), "1");
		ksm_close(k);
		root_free(&other);
		root_free(&dump);
	}
	without_openat2 = 0;
}

/* A named pipe in a dump must not make the reader wait for a writer. */
static void fifo_does_not_block(void)
{
	struct ksm_value v;
	char path[400];
	struct root r;
	struct ksm *k;

	root_new(&r);
	snprintf(path, sizeof(path), "%s/sys/kernel/mm/ksm/run", r.dir);
	CHECK_INT(mkfifo(path, 0644), 0);
	k = root_handle(&r);
	CHECK_INT(ksm_attr_read(k, KSM_ATTR_RUN, &v), -EPROTO);
	CHECK_INT(v.state, KSM_ABSENT);
	v = (struct ksm_value){ .state = KSM_VALUE, .v = 1 };
	CHECK_INT(ksm_attr_write(k, KSM_ATTR_RUN, &v), -ENXIO);
	ksm_close(k);
	root_free(&r);
}

/* Whole files: of any size that a kernel could mean, and no larger. */
static void whole_files(void)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 300000, 64U << 20 };
	struct str text __cleanup_str = STR_INIT;
	char path[400];
	struct root r;
	struct ksm *k;

	root_new(&r);
	k = root_handle(&r);
	root_put(&r, "proc/vmstat", "");
	snprintf(path, sizeof(path), "%s/proc/vmstat", r.dir);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		tap_row("%zu bytes", sizes[i]);
		CHECK_INT(truncate(path, sizes[i]), 0);
		CHECK_INT(ksm_path_read(k, &text, "proc/%s", "vmstat"), 0);
		CHECK_UINT(text.len, sizes[i]);
		CHECK_UINT(str_get(&text)[text.len], 0);
	}
	tap_row("1 GiB");
	CHECK_INT(truncate(path, INT64_C(1) << 30), 0);
	CHECK_INT(ksm_path_read(k, &text, "proc/%s", "vmstat"), -EFBIG);
	CHECK_STR(ksm_errmsg(k), "read /proc/vmstat: File too large");
	tap_row("a directory");
	CHECK_INT(ksm_path_read(k, &text, "proc"), -EISDIR);
	CHECK_STR(ksm_errmsg(k), "read /proc: Is a directory");
	tap_row("a path too long");
	CHECK_INT(ksm_path_read(k, &text, "proc/%0300d", 1), -ENAMETOOLONG);
	ksm_close(k);
	root_free(&r);
}

/* Writes never create a file: a dump stays as it was, and a wrong name fails. */
static void writes_never_create(void)
{
	struct ksm_value v = { .state = KSM_VALUE, .v = 1 };
	char path[400], got[32];
	struct root r;
	struct ksm *k;

	root_new(&r);
	root_put(&r, "sys/kernel/mm/ksm/run", "1000000\n");
	k = root_handle(&r);
	CHECK_INT(ksm_attr_write(k, KSM_ATTR_SMART_SCAN, &v), -EOPNOTSUPP);
	snprintf(path, sizeof(path), "%s/sys/kernel/mm/ksm/smart_scan", r.dir);
	CHECK(access(path, F_OK));
	/* Nothing of a longer text stays behind a shorter one. */
	CHECK_INT(ksm_attr_write(k, KSM_ATTR_RUN, &v), 0);
	CHECK_STR(root_get(&r, "sys/kernel/mm/ksm/run", got, sizeof(got)), "1");
	ksm_close(k);
	root_free(&r);
}

static void log_words(void)
{
	static const struct {
		const char *words;
		unsigned int mask;
	} rows[] = {
		{ NULL, 0 },
		{ "", 0 },
		{ "path", KSM_LOG_PATH },
		{ "path,proc", KSM_LOG_PATH | KSM_LOG_PROC },
		{ ",,netlink,", KSM_LOG_NETLINK },
		{ "inject,engine,inject", KSM_LOG_INJECT | KSM_LOG_ENGINE },
		{ "all", ~0U },
		{ "pathological,pa,Path", 0 },	/* whole words only */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].words ? rows[i].words : "NULL");
		CHECK_UINT(ksm_log_parse(rows[i].words), rows[i].mask);
	}
}

struct logged {
	unsigned int lines;
	enum ksm_log area;
	char last[256];
};

static void log_line(void *arg, enum ksm_log area, const char *line)
{
	struct logged *l = arg;

	l->lines++;
	l->area = area;
	snprintf(l->last, sizeof(l->last), "%s", line);
}

static void log_callback(void)
{
	struct ksm *k = root_open("6.12-idle");
	struct logged l = { 0 };
	struct ksm_proc p;

	ksm_set_log(k, log_line, &l, KSM_LOG_NETLINK);
	CHECK_INT(ksm_proc_read(k, 4242, 0, &p), -ESRCH);
	CHECK_UINT(l.lines, 0);			/* not in the mask */
	ksm_set_log(k, log_line, &l, KSM_LOG_PATH);
	CHECK_INT(ksm_proc_read(k, 4242, 0, &p), -ESRCH);
	CHECK_UINT(l.lines, 1);
	CHECK_INT(l.area, KSM_LOG_PATH);
	CHECK_STR(l.last, "read /proc/4242/stat: No such process");
	ksm_set_log(k, NULL, NULL, ~0U);
	CHECK_INT(ksm_proc_read(k, 4242, 0, &p), -ESRCH);
	CHECK_UINT(l.lines, 1);
	ksm_close(k);
}

static void caps(void)
{
	static const struct {
		const char *root;
		bool ksm, prctl, prctl_exec, ksm_stat, hksm;
	} rows[] = {
		{ "5.15-old", true, false, false, false, false },
		{ "6.1", true, false, false, true, false },
		{ "6.12-busy", true, true, true, true, false },
		{ "7.3-hksm", true, true, true, true, true },
		{ "no-ksm", false, false, false, false, false },
		/* release unknown: promise nothing */
		{ "garbage", true, false, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_caps c;

		tap_row("%s", rows[i].root);
		CHECK_INT(ksm_caps_read(k, &c), 0);
		CHECK_INT(c.ksm, rows[i].ksm);
		CHECK_INT(c.prctl, rows[i].prctl);
		CHECK_INT(c.prctl_exec, rows[i].prctl_exec);
		CHECK_INT(c.ksm_stat, rows[i].ksm_stat);
		CHECK_INT(c.hksm, rows[i].hksm);
		ksm_close(k);
	}
}

/* What exec does to the setting is told from the release, stable series included. */
static void caps_by_release(void)
{
	static const struct {
		const char *release;
		bool prctl, exec, heirs, sure;
	} rows[] = {
		{ "6.3.13", false, false, false, false },
		{ "6.4.0", true, false, false, false },
		{ "6.6.100-generic", true, false, false, false },
		{ "6.7", true, true, false, false },
		{ "6.9.3", true, true, false, false },
		{ "6.10-rc1", true, true, true, false },
		{ "6.12.65", true, true, true, false },
		{ "6.12.66+deb13-amd64", true, true, true, true },
		{ "6.12.117-1", true, true, true, true },
		{ "6.13.12", true, true, true, false },
		{ "6.18.2", true, true, true, false },
		{ "6.18.3", true, true, true, true },
		{ "6.18.44-x", true, true, true, true },
		{ "6.19.0", true, true, true, true },
		{ "7.0", true, true, true, true },
		{ "10.0", true, true, true, true },
		{ "nonsense", false, false, false, false },
		{ "99999999999999999999.1", false, false, false, false },
		{ "6.99999999999999999999.1", false, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_caps c;
		struct root r;
		struct ksm *k;
		char meta[64];

		tap_row("%s", rows[i].release);
		root_new(&r);
		snprintf(meta, sizeof(meta), "release %s\n", rows[i].release);
		root_put(&r, "meta", meta);
		k = root_handle(&r);
		CHECK_INT(ksm_caps_read(k, &c), 0);
		CHECK_INT(c.prctl, rows[i].prctl);
		CHECK_INT(c.prctl_exec, rows[i].exec);
		CHECK_INT(c.prctl_heirs, rows[i].heirs);
		CHECK_INT(c.prctl_sure, rows[i].sure);
		ksm_close(k);
		root_free(&r);
	}
}

/* ------------------------------------------------------------------ */
/* what answers the prctl on the running kernel				*/

static struct {
	bool on;
	int get, set;			/* answers */
	int seccomp;
	unsigned int version;
} kernel;

int __real_sys_memory_merge_get(void);
int __wrap_sys_memory_merge_get(void);
int __wrap_sys_memory_merge_get(void)
{
	return kernel.on ? kernel.get : __real_sys_memory_merge_get();
}

int __real_sys_memory_merge_set(bool on);
int __wrap_sys_memory_merge_set(bool on);
int __wrap_sys_memory_merge_set(bool on)
{
	if (!kernel.on)
		return __real_sys_memory_merge_set(on);
	/* Whoever asks what can be done must not change anything. */
	CHECK_INT(on, kernel.get);
	return kernel.set;
}

int __real_ksm_proc_status_read(struct ksm *k, pid_t pid, struct ksm_proc_status *out);
int __wrap_ksm_proc_status_read(struct ksm *k, pid_t pid, struct ksm_proc_status *out);
int __wrap_ksm_proc_status_read(struct ksm *k, pid_t pid, struct ksm_proc_status *out)
{
	int rc = __real_ksm_proc_status_read(k, pid, out);

	if (kernel.on)
		out->seccomp = kernel.seccomp;
	return rc;
}

unsigned int __real_ksm_kernel_version(struct ksm *k);
unsigned int __wrap_ksm_kernel_version(struct ksm *k);
unsigned int __wrap_ksm_kernel_version(struct ksm *k)
{
	return kernel.on ? kernel.version : __real_ksm_kernel_version(k);
}

static void caps_of_answers(void)
{
	static const struct {
		const char *name;
		int get, set, seccomp;
		unsigned int version;
		bool no_ksm;
		bool prctl;
		int refused;
		const char *why;
	} rows[] = {
		{ "off", 0, 0, 0, 618, false, true, 0, NULL },
		{ "on", 1, 0, 0, 618, false, true, 0, NULL },
		{ "backported", 0, 0, 0, 514, false, true, 0, NULL },
		{ "filter that allows it", 0, 0, 2, 618, false, true, 0, NULL },
		{ "old", -EINVAL, 0, 0, 603, false, false, 0, "this kernel" },
		/* or an emulator that does not know it */
		{ "new without it", -EINVAL, 0, 0, 618, false, false, 0, "this kernel" },
		{ "without CONFIG_KSM", -EINVAL, 0, 2, 618, true, false, 0, "this kernel" },
		{ "old, in a container", -EINVAL, 0, 2, 603, false, false, 0, "this kernel" },
		{ "EPERM", -EPERM, 0, 2, 618, false, true, -EPERM, "a seccomp filter" },
		{ "ENOSYS", -ENOSYS, 0, 2, 618, false, true, -ENOSYS, "a seccomp filter" },
		{ "EINVAL", -EINVAL, 0, 2, 618, false, true, -EINVAL, "a seccomp filter" },
		{ "old and EPERM", -EPERM, 0, 2, 515, false, false, -EPERM, "this kernel" },
		{ "setting only", 0, -EPERM, 2, 618, false, true, -EPERM, "a seccomp filter" },
		{ "setting only, EINVAL", 1, -EINVAL, 2, 618, false, true, -EINVAL,
		  "a seccomp filter" },
		/* a security module */
		{ "not a filter", -EPERM, 0, 0, 618, false, true, -EPERM, "prctl(" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_caps c;
		struct ksm *k;

		tap_row("%s", rows[i].name);
		CHECK_INT(ksm_open(NULL, &k), 0);
		k->present = rows[i].no_ksm ? KSM_ABSENT : KSM_VALUE;
		kernel.on = true;
		kernel.get = rows[i].get;
		kernel.set = rows[i].set;
		kernel.seccomp = rows[i].seccomp;
		kernel.version = rows[i].version;
		CHECK_INT(ksm_caps_read(k, &c), 0);
		kernel.on = false;
		CHECK_INT(c.prctl, rows[i].prctl);
		CHECK_INT(c.prctl_refused, rows[i].refused);
		if (rows[i].why)
			CHECK(!strncmp(ksm_caps_no_prctl(&c), rows[i].why, strlen(rows[i].why)));
		ksm_close(k);
	}
}

TAP_MAIN(TAP_CASE(open_fails), TAP_CASE(live), TAP_CASE(meta), TAP_CASE(impossible_meta),
	 TAP_CASE(boot_id), TAP_CASE(no_meta),
	 TAP_CASE(present), TAP_CASE(error_record), TAP_CASE(links_stay_inside),
	 TAP_CASE(links_stay_inside_without_openat2),
	 TAP_CASE(fifo_does_not_block), TAP_CASE(whole_files),
	 TAP_CASE(writes_never_create), TAP_CASE(log_words),
	 TAP_CASE(log_callback), TAP_CASE(caps), TAP_CASE(caps_by_release),
	 TAP_CASE(caps_of_answers))
