// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-select.c - which processes a selection means: iterating, conditions,
 * descent, and what is said about a selection that means nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

/* "1,58,812", ascending as the array has to be. */
static const char *list(const struct ksm_ident *v, size_t n, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += snprintf(buf + at, len - at, "%s%d", i ? "," : "", (int)v[i].pid);
	return buf;
}

static void conditions(void)
{
	static const pid_t two[] = { 1002, 1001 }, odd[] = { 2301, 2300, 2301 };
	static const pid_t unknown[] = { 9, 1001 }, kernel[] = { 58, 1 };
	static const pid_t init[] = { 1 }, shell[] = { 2300 }, fox[] = { 2301 };
	static const struct {
		const char *root;
		struct ksm_select sel;
		const char *want;
	} rows[] = {
		{ "6.12-idle", { 0 }, "1,700,2300" },
		{ "6.12-idle", { .kthreads = true }, "1,2,58,700,2300" },
		{ "6.12-busy", { .match = "^/usr/bin/python3" }, "2001,2002,2003" },
		/* arguments are joined by blanks */
		{ "6.12-busy", { .match = "app\\.worker --shard=[23]$" }, "2002,2003" },
		{ "6.12-busy", { .match = "^nginx: (master|worker) process" }, "812,813" },
		/* without a command line the name counts */
		{ "6.12-busy", { .match = "^make$" }, "2310" },
		{ "6.12-busy", { .match = "^ksmd$" }, "" },
		{ "6.12-busy", { .match = "^ksmd$", .kthreads = true }, "58" },
		{ "6.12-busy", { .match = "" },
		  "1,812,813,1001,1002,1003,1010,2001,2002,2003,2150,2300,2301,2302,2310" },
		{ "6.12-busy", { .match = "no such thing" }, "" },
		{ "6.12-busy", { .user = "41003" }, "2001,2002,2003" },
		{ "6.12-busy", { .user = "root" }, "1,812" },
		{ "6.12-busy", { .user = "0" }, "1,812" },
		{ "6.12-busy", { .user = "41999" }, "" },
		/* a cgroup and what is below it, not what only begins with its name */
		{ "6.12-busy", { .cgroup = "/user.slice" }, "1010,2300,2301,2302,2310" },
		{ "6.12-busy", { .cgroup = "/user.slice/" }, "1010,2300,2301,2302,2310" },
		{ "6.12-busy", { .cgroup = "/user.slic" }, "" },
		{ "6.12-busy", { .cgroup = "/system.slice/nginx.service" }, "812,813" },
		{ "6.12-busy", { .cgroup = "/system.slice/nginx.service/x" }, "" },
		{ "6.12-idle", { .cgroup = "/" }, "1,700,2300" },
		{ "6.12-idle", { .cgroup = "" }, "1,700,2300" },
		/* all of them must hold */
		{ "6.12-busy", { .user = "41001", .match = "firefox" }, "2301,2302" },
		{ "6.12-busy", { .user = "41003", .match = "firefox" }, "" },
		{ "6.12-busy", { .cgroup = "/user.slice", .user = "41001", .match = "^-bash$" },
		  "2300" },
		/* by number: sorted, once each; one that is not there is kept */
		{ "6.12-busy", { .pids = two, .n_pids = 2 }, "1001,1002" },
		{ "6.12-busy", { .pids = odd, .n_pids = 3 }, "2300,2301" },
		{ "6.12-busy", { .pids = unknown, .n_pids = 2 }, "9,1001" },
		{ "6.12-busy", { .pids = unknown, .n_pids = 2, .match = "qemu" }, "9,1001" },
		{ "6.12-busy", { .pids = unknown, .n_pids = 2, .match = "python" }, "9" },
		/* who names a kernel thread means it */
		{ "6.12-busy", { .pids = kernel, .n_pids = 2 }, "1,58" },
		/* descendants */
		{ "6.12-busy", { .pids = shell, .n_pids = 1, .tree = true },
		  "2300,2301,2302,2310" },
		{ "6.12-busy", { .pids = fox, .n_pids = 1, .tree = true }, "2301,2302" },
		{ "6.12-busy", { .pids = unknown, .n_pids = 1, .tree = true }, "9" },
		{ "6.12-busy", { .match = "^-bash$", .tree = true }, "2300,2301,2302,2310" },
		{ "6.12-busy", { .match = "no such thing", .tree = true }, "" },
		{ "6.12-idle", { .pids = init, .n_pids = 1, .tree = true }, "1,700,2300" },
		{ "hostile", { .match = "lines" }, "3001" },
		{ "hostile", { .match = "^\xff" }, "" },
		{ "no-ksm", { 0 }, "1,2300" },
		/* those that can be read at all */
		{ "garbage", { 0 }, "12,13,14,16" },
		{ "garbage", { .match = "terminator" }, "12" },
		{ "garbage", { .user = "0" }, "12,16" },
		{ "garbage", { .cgroup = "/" }, "16" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		char why[128] = "", got[256];
		struct ksm_ident *v = NULL;
		size_t n = 0;

		tap_row("%zu: %s", i, rows[i].root);
		CHECK_INT(ksm_select_run(k, &rows[i].sel, &v, &n, why, sizeof(why)), 0);
		CHECK_STR(list(v, n, got, sizeof(got)), rows[i].want);
		CHECK_STR(why, "");
		free(v);
		ksm_close(k);
	}
}

static void mistakes(void)
{
	static const struct {
		struct ksm_select sel;
		const char *why;	/* begins so */
	} rows[] = {
		{ { .match = "(" }, "bad regular expression \"(\": " },
		{ { .match = "a{5,1}" }, "bad regular expression \"a{5,1}\": " },
		{ { .user = "no-such-user" }, "unknown user \"no-such-user\"" },
		{ { .user = "" }, "unknown user \"\"" },
		{ { .user = "-1" }, "unknown user \"-1\"" },
		{ { .user = "4294967296" }, "unknown user \"4294967296\"" },
	};
	struct ksm *k = root_open("6.12-idle");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char why[128] = "", small[8] = "";
		struct ksm_ident *v = (void *)1;
		size_t n = 1;

		tap_row("%zu", i);
		CHECK_INT(ksm_select_run(k, &rows[i].sel, &v, &n, why, sizeof(why)), -EINVAL);
		CHECK(!strncmp(why, rows[i].why, strlen(rows[i].why)));
		CHECK(!v && !n);
		CHECK_INT(ksm_select_run(k, &rows[i].sel, &v, &n, NULL, 0), -EINVAL);
		CHECK_INT(ksm_select_run(k, &rows[i].sel, &v, &n, small, sizeof(small)), -EINVAL);
		CHECK_UINT(strlen(small), sizeof(small) - 1);
	}
	ksm_close(k);
}

static void iterate(void)
{
	static const struct {
		const char *root;
		unsigned int n;
		long sum;
	} rows[] = {
		{ "6.12-idle", 5, 1 + 2 + 58 + 700 + 2300 },
		/* 0, 99999999999 and 12abc are no pids */
		{ "garbage", 8, 1 + 10 + 11 + 12 + 13 + 14 + 15 + 16 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_procs *it;
		unsigned int n = 0;
		long sum = 0;
		pid_t pid;
		int rc;

		tap_row("%s", rows[i].root);
		CHECK_INT(ksm_procs_open(k, &it), 0);
		while ((rc = ksm_procs_next(it, &pid)) == 1) {
			n++;
			sum += pid;
		}
		CHECK_INT(rc, 0);
		CHECK_INT(ksm_procs_next(it, &pid), 0);
		CHECK_UINT(n, rows[i].n);
		CHECK_INT(sum, rows[i].sum);
		ksm_procs_close(it);
		ksm_close(k);
	}
	ksm_procs_close(NULL);
}

/* Parents that go round in a circle: pids may be used again while /proc is read. */
static void tree_circle(void)
{
	static const struct {
		pid_t pid, ppid;
	} procs[] = {
		{ 1, 0 },   { 10, 12 }, { 11, 10 }, { 12, 11 },
		{ 13, 13 }, { 20, 1 },  { 21, 20 },
	};
	static const pid_t one[] = { 1 }, ten[] = { 10 };
	const struct ksm_select of_one = { .pids = one, .n_pids = 1, .tree = true };
	const struct ksm_select of_ten = { .pids = ten, .n_pids = 1, .tree = true };
	char got[128];
	struct root r;
	struct ksm *k;
	struct ksm_ident *v;
	size_t n;

	root_new(&r);
	for (size_t i = 0; i < ARRAY_SIZE(procs); i++) {
		char path[32], text[160];

		snprintf(path, sizeof(path), "proc/%d/stat", (int)procs[i].pid);
		snprintf(text, sizeof(text),
			 "%d (x) S %d 1 1 0 -1 4194304 0 0 0 0 5 6 0 0 20 0 1 0 700 4096 1 0\n",
			 (int)procs[i].pid, (int)procs[i].ppid);
		root_put(&r, path, text);
	}
	k = root_handle(&r);
	CHECK_INT(ksm_select_run(k, &of_one, &v, &n, NULL, 0), 0);
	CHECK_STR(list(v, n, got, sizeof(got)), "1,20,21");
	free(v);
	CHECK_INT(ksm_select_run(k, &of_ten, &v, &n, NULL, 0), 0);
	CHECK_STR(list(v, n, got, sizeof(got)), "10,11,12");
	free(v);
	ksm_close(k);
	root_free(&r);
}

static void put_child(const struct root *r, pid_t pid, pid_t ppid, unsigned int start)
{
	char path[32], text[160];

	snprintf(path, sizeof(path), "proc/%d/stat", (int)pid);
	snprintf(text, sizeof(text),
		 "%d (x) S %d 1 1 0 -1 4194304 0 0 0 0 5 6 0 0 20 0 1 0 %u 4096 1 0\n", (int)pid,
		 (int)ppid, start);
	root_put(r, path, text);
}

/* Children that were forked after their parents were listed. */
static void more_descendants(void)
{
	static const pid_t named[] = { 20 };
	const struct ksm_select sel = { .pids = named, .n_pids = 1, .tree = true };
	char got[128];
	struct ksm_ident *v;
	struct root r;
	struct ksm *k;
	size_t n;

	root_new(&r);
	put_child(&r, 1, 0, 1);
	put_child(&r, 20, 1, 700);
	put_child(&r, 21, 20, 701);
	put_child(&r, 30, 20, 702);
	put_child(&r, 40, 1, 703);
	k = root_handle(&r);
	CHECK_INT(ksm_select_run(k, &sel, &v, &n, NULL, 0), 0);
	CHECK_STR(list(v, n, got, sizeof(got)), "20,21,30");
	CHECK(!v[0].by_descent && v[1].by_descent && v[2].by_descent);
	CHECK_INT(ksm_select_more(k, &v, &n), 0);
	CHECK_UINT(n, 3);
	put_child(&r, 22, 21, 710);		/* of a child */
	put_child(&r, 5, 22, 711);		/* with a smaller number than its parent */
	put_child(&r, 30, 1, 800);		/* another who has the number, and its child */
	put_child(&r, 31, 30, 801);
	put_child(&r, 41, 40, 712);		/* not ours */
	CHECK_INT(ksm_select_more(k, &v, &n), 1);
	CHECK_UINT(n, 5);
	CHECK((v[3].pid == 22 && v[4].pid == 5) || (v[3].pid == 5 && v[4].pid == 22));
	CHECK_INT(ksm_select_more(k, &v, &n), 0);
	/* One that was in between has ended; what it left is known. */
	root_rm(&r, "proc/21/stat");
	put_child(&r, 22, 1, 710);
	put_child(&r, 23, 22, 720);
	CHECK_INT(ksm_select_more(k, &v, &n), 1);
	CHECK_UINT(n, 6);
	CHECK_INT(v[5].pid, 23);
	free(v);
	ksm_close(k);
	root_free(&r);
}

static void put_proc(const struct root *r, const char *start, const char *uid, const char *cmdline)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "77 (x) S 1 1 1 0 -1 4194304 0 0 0 0 5 6 0 0 20 0 1 0 %s 4096 1 0\n", start);
	root_put(r, "proc/77/stat", text);
	snprintf(text, sizeof(text), "Tgid:\t77\nUid:\t%s %s %s %s\n", uid, uid, uid, uid);
	root_put(r, "proc/77/status", text);
	root_put(r, "proc/77/cmdline", cmdline);
	root_put(r, "proc/77/cgroup", "0::/a\n");
}

/* What was selected may be another process by the time that something is done to it. */
static void still(void)
{
	static const pid_t named[] = { 77 };
	static const struct {
		struct ksm_select sel;
		const char *start, *uid, *cmdline;
		int want;
	} rows[] = {
		{ { .user = "41001" }, "700", "41001", "worker", 1 },
		{ { .match = "^worker" }, "700", "41001", "worker", 1 },
		{ { .cgroup = "/a" }, "700", "41001", "worker", 1 },
		/* its number was given to another, who might even look the same */
		{ { .user = "41001" }, "701", "41001", "worker", -ESRCH },
		{ { .match = "^worker" }, "701", "41001", "worker", -ESRCH },
		{ { .pids = named, .n_pids = 1 }, "701", "41001", "worker", -ESRCH },
		/* it is the same one, and another user's, or another program, now */
		{ { .user = "41001" }, "700", "0", "worker", 0 },
		{ { .match = "^worker" }, "700", "41001", "su", 0 },
		{ { .pids = named, .n_pids = 1, .match = "^worker" }, "700", "41001", "su", 0 },
		{ { .pids = named, .n_pids = 1 }, "700", "0", "su", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_proc p;
		struct ksm_ident *v;
		struct root r;
		struct ksm *k;
		size_t n;

		tap_row("%zu", i);
		root_new(&r);
		put_proc(&r, "700", "41001", "worker");
		k = root_handle(&r);
		CHECK_INT(ksm_select_run(k, &rows[i].sel, &v, &n, NULL, 0), 0);
		if (CHECK_UINT(n, 1)) {
			CHECK_INT(v[0].pid, 77);
			CHECK_UINT(v[0].start_ticks, 700);
			put_proc(&r, rows[i].start, rows[i].uid, rows[i].cmdline);
			CHECK_INT(ksm_select_still(k, &rows[i].sel, &v[0]), rows[i].want);
			CHECK_INT(ksm_proc_read_same(k, &v[0], 0, &p),
				  rows[i].want == -ESRCH ? -ESRCH : 0);
			root_rm(&r, "proc/77/stat");
			CHECK_INT(ksm_select_still(k, &rows[i].sel, &v[0]), -ESRCH);
		}
		free(v);
		ksm_close(k);
		root_free(&r);
	}
}

/* Who was not there when it was named is not whoever comes later by that number. */
static void named_before_it_was(void)
{
	static const pid_t named[] = { 77 };
	const struct ksm_select sel = { .pids = named, .n_pids = 1 };
	const struct ksm_ident child = { .pid = 77, .start_ticks = KSM_START_ANY };
	struct ksm_proc p;
	struct ksm_ident *v;
	struct root r;
	struct ksm *k;
	size_t n;

	root_new(&r);
	k = root_handle(&r);
	CHECK_INT(ksm_select_run(k, &sel, &v, &n, NULL, 0), 0);
	CHECK_UINT(n, 1);
	put_proc(&r, "700", "41001", "worker");
	CHECK(v[0].start_ticks == KSM_START_NONE);
	CHECK_INT(ksm_select_still(k, &sel, &v[0]), -ESRCH);
	CHECK_INT(ksm_select_still(k, &sel, &child), 1);
	CHECK_INT(ksm_proc_read_same(k, &child, 0, &p), 0);
	free(v);
	ksm_close(k);
	root_free(&r);
}

/* A named process whose command line is closed to us: said, not silently left out. */
static void denied(void)
{
	static const pid_t one[] = { 2001 };
	const struct ksm_select named = { .pids = one, .n_pids = 1, .match = "python" };
	const struct ksm_select all = { .match = "python" };
	char got[128];
	struct root r;
	struct ksm *k;
	struct ksm_ident *v;
	size_t n;

	root_copy(&r, "denied");
	root_chmod(&r, "proc/2001/cmdline", 0);
	if (root_unpriv(&r)) {
		k = root_handle(&r);
		CHECK_INT(ksm_select_run(k, &named, &v, &n, NULL, 0), -EACCES);
		CHECK_STR(ksm_errmsg(k), "read /proc/2001/cmdline: Permission denied");
		CHECK_INT(ksm_select_run(k, &all, &v, &n, NULL, 0), 0);
		CHECK_STR(list(v, n, got, sizeof(got)), "2002");
		free(v);
		ksm_close(k);
	} else {
		tap_skip("cannot give up root");
	}
	root_free(&r);
}

/* On the running kernel this process finds itself, and its parent's tree has it. */
static void live(void)
{
	const pid_t self[] = { getpid() }, parent[] = { getppid() };
	const struct ksm_select by_pid = { .pids = self, .n_pids = 1, .match = "t-select" };
	const struct ksm_select by_tree = { .pids = parent, .n_pids = 1, .tree = true };
	bool found = false;
	struct ksm *k;
	struct ksm_ident *v;
	size_t n;

	CHECK_INT(ksm_open(NULL, &k), 0);
	CHECK_INT(ksm_select_run(k, &by_pid, &v, &n, NULL, 0), 0);
	CHECK_UINT(n, 1);
	free(v);
	/* Outside of a pid namespace the parent has no number here. */
	if (getppid() > 0) {
		CHECK_INT(ksm_select_run(k, &by_tree, &v, &n, NULL, 0), 0);
		for (size_t i = 0; i < n; i++)
			found |= v[i].pid == getpid();
		CHECK(found);
		free(v);
	}
	ksm_close(k);
}

TAP_MAIN(TAP_CASE(conditions), TAP_CASE(mistakes), TAP_CASE(iterate), TAP_CASE(tree_circle),
	 TAP_CASE(more_descendants), TAP_CASE(still), TAP_CASE(named_before_it_was), TAP_CASE(denied), TAP_CASE(live))
