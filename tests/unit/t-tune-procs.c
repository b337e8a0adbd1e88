// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-procs.c - processes come and go, change their program and their number.
 */
#include "ksm-autotune/procs.h"

#include <sys/xattr.h>

#include "root.h"
#include "tap.h"

#define S UINT64_C(1000000000)
#define UPTIME (10000 * S)	/* of a clock with 100 ticks a second */

struct test {
	struct root root;
	struct ksm *k;
	struct tune_config c;
	struct tune_procs p;
	struct tune_clock t;
	struct tune_found found;
	struct tune_ourses ours;
	struct ksm_stats stats;
};

static void put(struct test *t, int pid, const char *comm, uint64_t start_ticks)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 1 0 %" PRIu64
		 " 1000000 100 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 "
		 "0 0 0\n", pid, comm, start_ticks);
	root_put(&t->root, path, text);
}

static void gone(struct test *t, int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	root_rm(&t->root, path);
	snprintf(path, sizeof(path), "proc/%d", pid);
	root_rm(&t->root, path);
}

static void begin(struct test *t)
{
	static const char text[] = "[rule x]\nmatch-comm=web*\nadvise=whole\n";
	struct tune_parser p = { .to = &t->c };

	memset(t, 0, sizeof(*t));
	root_new(&t->root);
	root_put(&t->root, "meta", "page_size 4096\nclock_tick 100\n");
	tune_config_init(&t->c);
	CHECK_INT(tune_config_parse(&p, "f", text, sizeof(text) - 1), 0);
	tune_procs_init(&t->p);
	t->t.now_ns = UPTIME;
	t->k = root_handle(&t->root);
}

static void end(struct test *t)
{
	tune_procs_fini(&t->p);
	tune_ours_fini(&t->ours);
	tune_config_fini(&t->c);
	ksm_close(t->k);
	root_free(&t->root);
}

static void look(struct test *t)
{
	t->t.now_ns += 10 * S;
	CHECK_INT(tune_procs_look(&t->p, t->k, &t->c, &t->t, &t->ours, &t->stats,
				  t->t.now_ns, &t->found), 0);
}

static void come_and_go(void)
{
	struct test t;

	begin(&t);
	put(&t, 10, "web1", 100);
	put(&t, 11, "db", 100);
	look(&t);
	CHECK_UINT(t.found.procs, 2);
	CHECK_UINT(t.found.came, 1);
	CHECK_UINT(t.found.went, 0);
	if (CHECK_UINT(t.p.n, 1)) {
		CHECK_INT(t.p.cand[0]->id.pid, 10);
		/* It is old enough. */
		CHECK_INT(tune_cand_next(t.p.cand[0], &t.t), TUNE_ACT_SAMPLE);
	}
	look(&t);
	CHECK_UINT(t.found.came, 0);
	put(&t, 12, "web2", (t.t.now_ns / S - 1) * 100);
	look(&t);
	CHECK_UINT(t.found.came, 1);
	CHECK_UINT(t.p.n, 2);
	/* This one is not. */
	CHECK_INT(tune_cand_next(t.p.cand[1], &t.t), TUNE_ACT_NONE);
	gone(&t, 10);
	look(&t);
	CHECK_UINT(t.found.went, 1);
	if (CHECK_UINT(t.p.n, 1))
		CHECK_INT(t.p.cand[0]->id.pid, 12);
	end(&t);
}

/* A shell that becomes the program that it is for. */
static void becomes_another(void)
{
	struct test t;

	begin(&t);
	put(&t, 10, "sh", UPTIME / S * 100);
	look(&t);
	CHECK_UINT(t.found.came, 0);
	put(&t, 10, "web", UPTIME / S * 100);
	look(&t);
	CHECK_UINT(t.found.came, 1);
	end(&t);
}

/* The number of one that was known is another's: noticed in its turn. */
static void used_again(void)
{
	struct test t;
	size_t went = 0, came = 0;

	begin(&t);
	put(&t, 10, "web", 100);
	look(&t);
	put(&t, 10, "web", 200);
	for (int i = 0; i < TUNE_TURNS; i++) {
		look(&t);
		went += t.found.went;
		came += t.found.came;
	}
	CHECK_UINT(went, 1);
	CHECK_UINT(came, 1);
	if (CHECK_UINT(t.p.n, 1))
		CHECK_UINT(t.p.cand[0]->id.start_ticks, 200);
	end(&t);
}

/* One that takes part is left alone, unless it is we who advised it. */
static void ours(void)
{
	static const char stat[] = "ksm_merge_any: yes\nksm_mergeable: yes\nksm_rmap_items 64\n"
				   "ksm_merging_pages 32\n";
	const struct ksm_ident id = { .pid = 11, .start_ticks = 100 };
	struct test t;

	begin(&t);
	put(&t, 10, "web", 100);
	root_put(&t.root, "proc/10/ksm_stat", stat);
	put(&t, 11, "web", 100);
	root_put(&t.root, "proc/11/ksm_stat", stat);
	put(&t, 12, "web", 200);
	root_put(&t.root, "proc/12/ksm_stat", stat);
	CHECK_INT(tune_ours_add(&t.ours, &id, TUNE_DEED_PLACES), 0);
	look(&t);
	CHECK_UINT(t.found.took_part, 2);
	CHECK_STR(t.found.rule ? t.found.rule->name : "", "x");
	for (size_t i = 0; i < t.p.n; i++)
		CHECK_INT(t.p.cand[i]->state, t.p.cand[i]->id.pid == 11 ? TUNE_ADVISED : TUNE_LEFT);
	end(&t);
}

/* Before 6.15: items stay counted until ksmd comes by, whatever the mappings are now. */
static void once_ours(void)
{
	static const char stat[] = "ksm_rmap_items 64\nksm_merging_pages 0\n";
#define SMAPS(flags) "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \n" \
		     "Size:               1024 kB\nRss:                1024 kB\n" \
		     "VmFlags: rd wr mr mw me ac sd " flags "\n"
	struct test t;

	begin(&t);
	put(&t, 10, "web", 100);
	root_put(&t.root, "proc/10/ksm_stat", stat);
	root_put(&t.root, "proc/10/smaps", SMAPS(""));
	put(&t, 11, "web", 100);
	root_put(&t.root, "proc/11/ksm_stat", stat);
	root_put(&t.root, "proc/11/smaps", SMAPS("mg "));
	/* What cannot be asked is believed. */
	put(&t, 12, "web", 200);
	root_put(&t.root, "proc/12/ksm_stat", stat);
	look(&t);
	CHECK_UINT(t.found.took_part, 2);
	for (size_t i = 0; i < t.p.n; i++)
		CHECK_INT(t.p.cand[i]->state, t.p.cand[i]->id.pid == 10 ? TUNE_WAITS : TUNE_LEFT);
	end(&t);
}

/* A control group, or one above it, that asks for it. */
static void avoided(void)
{
	static const char *const marked[] = { "a", "memory/m/n", "systemd/s" };
	struct test t;
	char path[512];
	int rc = 0;

	begin(&t);
	put(&t, 10, "web", 100);
	root_put(&t.root, "proc/10/cgroup", "0::/a/b/c\n");
	put(&t, 11, "web", 100);
	root_put(&t.root, "proc/11/cgroup", "0::/a2/b\n");
	/* Version 1: where memory is not divided, systemd's counts. */
	put(&t, 12, "web", 100);
	root_put(&t.root, "proc/12/cgroup", "4:memory:/m/n\n1:name=systemd:/s\n0::/\n");
	put(&t, 13, "web", 100);
	root_put(&t.root, "proc/13/cgroup", "4:memory:/\n1:name=systemd:/s/n\n");
	root_put(&t.root, "sys/fs/cgroup/memory/m/n/tasks", "");
	root_put(&t.root, "sys/fs/cgroup/systemd/s/n/tasks", "");
	root_put(&t.root, "sys/fs/cgroup/a/b/c/cgroup.procs", "");
	root_put(&t.root, "sys/fs/cgroup/a2/b/cgroup.procs", "");
	for (size_t i = 0; i < ARRAY_SIZE(marked) && !rc; i++) {
		snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", t.root.dir, marked[i]);
		rc = setxattr(path, KSM_CGROUP_AVOID, "1", 1, 0);
	}
	if (rc) {
		tap_skip("no extended attributes of users in the temporary directory");
	} else {
		look(&t);
		for (size_t i = 0; i < t.p.n; i++)
			CHECK_INT(t.p.cand[i]->state,
				  t.p.cand[i]->id.pid == 11 ? TUNE_WAITS : TUNE_LEFT);
		CHECK_UINT(t.p.n, 4);
	}
	end(&t);
}

/* How often a process was read; the linker sends those calls here. */
static size_t reads;
int __wrap_ksm_pidstat_read(struct ksm *k, const char *name, struct ksm_proc *out);
int __real_ksm_pidstat_read(struct ksm *k, const char *name, struct ksm_proc *out);

int __wrap_ksm_pidstat_read(struct ksm *k, const char *name, struct ksm_proc *out)
{
	reads++;
	return __real_ksm_pidstat_read(k, name, out);
}

static size_t reads_of_look(struct test *t)
{
	reads = 0;
	look(t);
	return reads;
}

/* Who matches nothing is read when it is twice as old, and in turn from a minute on. */
static void young(void)
{
	size_t n = 0;
	struct test t;

	begin(&t);
	/* Its age at each look: 2, 12, 22, 32, 42, 52, 62 s. */
	put(&t, 31, "sh", (UPTIME / S + 8) * 100);
	CHECK_UINT(reads_of_look(&t), 1);
	CHECK_UINT(reads_of_look(&t), 1);
	CHECK_UINT(reads_of_look(&t), 0);
	CHECK_UINT(reads_of_look(&t), 1);
	CHECK_UINT(reads_of_look(&t), 0);
	CHECK_UINT(reads_of_look(&t), 0);
	for (int i = 0; i < TUNE_TURNS; i++)
		n += reads_of_look(&t);
	/* At 64 s or more, and then once in each round of turns. */
	CHECK_UINT(n, 2);
	end(&t);
}

/* One of whom a rule is found is read for it once more, and then in turn, young or not. */
static void matched(void)
{
	size_t n = 0;
	struct test t;

	begin(&t);
	put(&t, 31, "web", (UPTIME / S + 8) * 100);
	CHECK_UINT(reads_of_look(&t), 2);
	for (int i = 0; i < TUNE_TURNS; i++)
		n += reads_of_look(&t);
	CHECK_UINT(n, 1);
	end(&t);
}

/*
 * Ten thousand that begin together are not read all at once, nor all again; each is soon,
 * and in its turn again.
 */
static void crowd(void)
{
	enum { N = 600, NEW = 256, MAX = 256, TURN = N / TUNE_TURNS + 1 };
	struct test t;
	size_t n = 0;

	begin(&t);
	for (int i = 0; i < N; i++)
		put(&t, 1000 + i, "sh", (UPTIME / S + 8) * 100);
	for (int i = 0; i < 3; i++) {
		n = reads_of_look(&t);
		CHECK(n >= (i < 2 ? NEW : N - 2 * (NEW + TURN)) && n <= NEW + MAX + TURN);
	}
	n = reads_of_look(&t);
	CHECK(n <= MAX + TURN);
	for (int i = 0; i < N; i++)
		put(&t, 1000 + i, "web", (UPTIME / S + 8) * 100);
	for (int i = 0; i < TUNE_TURNS; i++)
		look(&t);
	CHECK_UINT(t.p.n, N);
	end(&t);
}

static void no_rule(void)
{
	struct test t;

	begin(&t);
	tune_config_fini(&t.c);
	tune_config_init(&t.c);
	put(&t, 31, "web", (UPTIME / S + 8) * 100);
	CHECK_UINT(reads_of_look(&t), 0);
	CHECK_UINT(t.found.procs, 1);
	end(&t);
}

static void many(void)
{
	enum { N = 240 };
	struct test t;

	begin(&t);
	for (int i = 0; i < N; i++)
		put(&t, 1000 + i, i % 3 ? "web" : "db", 100 + i);
	look(&t);
	CHECK_UINT(t.found.procs, N);
	CHECK_UINT(t.p.n, N - N / 3);
	for (int i = 0; i < N; i += 2)
		gone(&t, 1000 + i);
	look(&t);
	CHECK_UINT(t.found.procs, N / 2);
	CHECK_UINT(t.p.n, N / 3);
	tune_procs_forget(&t.p);
	CHECK_UINT(t.p.n, 0);
	look(&t);
	CHECK_UINT(t.p.n, N / 3);
	end(&t);
}

TAP_MAIN(TAP_CASE(come_and_go), TAP_CASE(becomes_another), TAP_CASE(used_again), TAP_CASE(ours), TAP_CASE(once_ours),
	 TAP_CASE(avoided), TAP_CASE(young), TAP_CASE(matched), TAP_CASE(crowd), TAP_CASE(no_rule),
	 TAP_CASE(many))
