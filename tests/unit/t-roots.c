// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-roots.c - the figures of each fake root agree with each other.
 *
 * The rules are in tests/data/README.  They keep goldens honest: a table whose
 * columns do not add up would otherwise be taken for a defect of the tool, or
 * hide one.
 */
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

/* Sums over the processes of a root. */
struct sums {
	struct ksm *k;
	unsigned int procs;
	int64_t items, merging, zero, meta, merges, breaks;
	bool has_items, has_merging;
	pid_t pid;
	uint64_t rss, ksm_bytes;	/* of the mappings of one */
	bool ksm_line;
};

static int add_vma(const struct ksm_vma *v, void *arg)
{
	struct sums *s = arg;

	s->rss += v->rss_bytes;
	s->ksm_bytes += v->ksm_bytes;
	s->ksm_line |= ksm_fig_has(v->ksm_line);
	CHECK(v->rss_bytes <= v->end - v->start);
	CHECK(v->ksm_bytes <= v->anon_bytes);
	CHECK(v->anon_bytes <= v->rss_bytes);
	return 0;
}

static void one_process(struct sums *s, pid_t pid)
{
	const int64_t page = ksm_page_size(s->k);
	struct ksm_proc_status st;
	struct ksm_proc p;
	int64_t merging, zero, meta;

	if (!CHECK_INT(ksm_proc_read(s->k, pid, KSM_PROC_KSM | KSM_PROC_UID, &p), 0))
		return;
	CHECK_INT(ksm_proc_status_read(s->k, pid, &st), 0);
	CHECK_INT(st.tgid, pid);
	CHECK_INT(st.state, p.state);
	CHECK_INT(st.uid[1], p.uid);
	s->procs++;
	if (p.kthread || p.state == 'Z') {
		CHECK_UINT(p.rss_pages, 0);
		return;
	}
	s->pid = pid;
	s->rss = s->ksm_bytes = 0;
	s->ksm_line = false;
	CHECK_INT(ksm_vmas_walk(s->k, pid, add_vma, s), 0);
	CHECK_UINT(s->rss, p.rss_pages * page);
	merging = ksm_fig_or(p.ksm.merging_pages, 0);
	zero = ksm_fig_or(p.ksm.zero_pages, 0);
	meta = ksm_fig_or(p.ksm.meta_bytes, ksm_fig_or(p.ksm.items, 0) * 64);
	if (s->ksm_line)
		CHECK_UINT(s->ksm_bytes, merging * page);
	if (ksm_fig_has(p.ksm.profit_bytes))
		CHECK_INT(p.ksm.profit_bytes.v, (merging + zero) * page - meta);
	s->items += ksm_fig_or(p.ksm.items, 0);
	s->merging += merging;
	s->zero += zero;
	s->meta += meta;
	s->merges += ksm_fig_or(p.ksm.merges, 0);
	s->breaks += ksm_fig_or(p.ksm.breaks, 0);
	s->has_items |= ksm_fig_has(p.ksm.items);
	s->has_merging |= ksm_fig_has(p.ksm.merging_pages);
}

static void one_root(const char *name)
{
	struct ksm *k = root_open(name);
	const int64_t page = ksm_page_size(k);
	struct sums s = { .k = k };
	struct ksm_engine engine;
	struct ksm_stats st;
	struct ksm_procs *it;
	int64_t tracked;
	pid_t pid;

	CHECK_INT(ksm_stats_read(k, &st), 0);
	CHECK(st.when_ns > 0);
	CHECK(ksm_fig_has(st.mem_total_bytes));
	if (CHECK_INT(ksm_procs_open(k, &it), 0)) {
		while (ksm_procs_next(it, &pid) == 1) {
			tap_row("%s, process %d", name, (int)pid);
			one_process(&s, pid);
		}
		ksm_procs_close(it);
	}
	tap_row("%s", name);
	CHECK(s.procs >= 3);
	ksm_engine_read(k, &engine);
	CHECK(engine.release[0]);
	if (!strcmp(engine.name, "hksm")) {
		CHECK_INT(st.attr[KSM_ATTR_METADATA].v, s.meta);
		CHECK_INT(st.attr[KSM_ATTR_MERGES].v, s.merges);
		CHECK_INT(st.attr[KSM_ATTR_BREAKS].v, s.breaks);
	}
	if (ksm_present(k) == KSM_VALUE) {
		CHECK(ksm_fig_has(st.ksmd_pid));
		CHECK(ksm_fig_has(st.ksmd_cpu_ns));
		tracked = st.attr[KSM_ATTR_PAGES_SHARED].v + st.attr[KSM_ATTR_PAGES_SHARING].v;
		if (s.has_merging)
			CHECK_INT(tracked, s.merging);
		tracked += st.attr[KSM_ATTR_PAGES_UNSHARED].v + st.attr[KSM_ATTR_PAGES_VOLATILE].v;
		if (s.has_items)
			CHECK_INT(tracked, s.items);
		CHECK_INT(st.attr[KSM_ATTR_ZERO_PAGES].v, s.zero);
		if (st.attr[KSM_ATTR_GENERAL_PROFIT].state == KSM_VALUE)
			CHECK_INT(st.attr[KSM_ATTR_GENERAL_PROFIT].v,
				  (st.attr[KSM_ATTR_PAGES_SHARING].v + s.zero) * page - s.meta);
	}
	ksm_close(k);
}

static void figures_agree(void)
{
	static const char *const roots[] = {
		"5.15-old",  "6.1",	 "6.12-busy",	"6.12-idle",   "6.12-tuned", "7.3-busy",    "7.3-hksm",
		"arm64-16k", "cgroup-v1", "denied",	"hostile",     "no-ksm",      "pods",
		"seq-boost/0", "seq-boost/1", "seq-boost/2", "seq-boost/3",
	};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		one_root(roots[i]);
}

/* What a root is there to show is in it: a test on it would pass for nothing without. */
static void roots_have(void)
{
	static const struct {
		const char *root;
		const char *path;
		bool there;
	} rows[] = {
		{ "6.1", "proc/1001/ksm_stat", true },
		{ "6.1", "sys/kernel/mm/ksm/general_profit", false },	/* 6.4 */
		{ "6.1", "sys/kernel/mm/ksm/pages_scanned", false },	/* 6.6 */
		{ "6.1", "sys/kernel/mm/ksm/smart_scan", false },	/* 6.7 */
		{ "6.1", "sys/kernel/mm/ksm/advisor_mode", false },	/* 6.8 */
		{ "6.12-busy", "sys/kernel/mm/ksm/advisor_mode", true },
		{ "5.15-old", "proc/1001/ksm_stat", false },		/* 6.1 */
		{ "5.15-old", "proc/1001/ksm_merging_pages", false },	/* 5.19 */
		{ "5.15-old", "sys/kernel/mm/ksm/run", true },
		{ "no-ksm", "sys/kernel/mm/ksm", false },
		{ "7.3-hksm", "sys/kernel/mm/ksm/hksm/metadata_bytes", true },
		{ "7.3-busy", "sys/kernel/mm/ksm/hksm", false },
		{ "denied", "modes", true },
		{ "pods", "var/log/pods/bank_ledger-0_a7d4e2b8-1f6c-4c09-b3aa-5e8d7f6c4b33", true },
		{ "6.12-tuned", "run/ksm-autotune/decision", true },
	};
	char file[1024];
	const char *src = getenv("KSM_SRCDIR");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s/%s", rows[i].root, rows[i].path);
		snprintf(file, sizeof(file), "%s/tests/data/%s/%s", src ? src : ".", rows[i].root,
			 rows[i].path);
		CHECK_INT(!access(file, F_OK), rows[i].there);
	}
}

TAP_MAIN(TAP_CASE(figures_agree), TAP_CASE(roots_have))
