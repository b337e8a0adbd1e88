// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of ksmtop's model: samples of literal numbers in; rates, rows, order and
 * the verdict out.
 */
#include "ksmtop/ksmtop.h"

#include <math.h>
#include <stdlib.h>

#include "tap.h"

#define PAGE   4096
#define SECOND UINT64_C(1000000000)

/* --- samples made by hand --- */

static struct sample begin(unsigned int at_s)
{
	struct sample s = { .present = KSM_VALUE, .clock_tick = 100, .wall_s = 1000 + at_s };

	s.stats.when_ns = at_s * SECOND;
	s.stats.page_size = PAGE;
	s.uptime_ns = KSM_FIG((int64_t)((5000 + at_s) * SECOND));
	return s;
}

static void set(struct sample *s, enum ksm_attr id, int64_t v)
{
	s->stats.attr[id] = (struct ksm_value){ .state = KSM_VALUE, .v = v };
}

/* Pages merged in all, of which a fifth is shared copies; metadata is the rest to @profit. */
static void system_is(struct sample *s, int64_t run, int64_t sharing, int64_t profit)
{
	set(s, KSM_ATTR_RUN, run);
	set(s, KSM_ATTR_PAGES_SHARING, sharing);
	set(s, KSM_ATTR_PAGES_SHARED, sharing / 5);
	set(s, KSM_ATTR_PAGES_UNSHARED, 0);
	set(s, KSM_ATTR_PAGES_VOLATILE, 0);
	set(s, KSM_ATTR_FULL_SCANS, 10);
	set(s, KSM_ATTR_GENERAL_PROFIT, profit);
}

struct who {
	pid_t pid, ppid;
	const char *comm;
	enum ksm_member member;
	int64_t merging, profit;	/* pages, bytes */
	uint64_t rss;
	uint64_t start;
	const char *cgroup;
};

static void add(struct sample *s, const struct who *w, bool named)
{
	struct sample_proc sp = { .named = named };

	sp.p.pid = w->pid;
	sp.p.ppid = w->ppid;
	sp.p.state = 'S';
	sp.p.start_ticks = w->start ? w->start : (uint64_t)w->pid;
	sp.p.rss_pages = w->rss;
	sp.p.member = w->member;
	snprintf(sp.p.comm, sizeof(sp.p.comm), "%s", w->comm);
	if (w->member != KSM_MEMBER_DENIED) {
		sp.p.ksm.merging_pages = KSM_FIG(w->merging);
		sp.p.ksm.zero_pages = KSM_FIG(0);
		sp.p.ksm.items = KSM_FIG(w->merging);
		sp.p.ksm.profit_bytes = KSM_FIG(w->profit);
	} else {
		sp.p.ksm.merging_pages.state = KSM_DENIED;
		sp.p.ksm.profit_bytes.state = KSM_DENIED;
		sp.p.ksm.items.state = KSM_DENIED;
		sp.p.ksm.zero_pages.state = KSM_DENIED;
	}
	sp.user = (char *)(w->pid % 2 ? "odd" : "even");
	sp.command = (char *)"";
	sp.cgroup = (char *)(w->cgroup ? w->cgroup : "/");
	sp.vm = (char *)"";
	CHECK_INT(top_sample_add(s, &sp), 0);
}

static void take(struct model *m, struct sample *s)
{
	CHECK_INT(top_model_update(m, s), 0);
	top_sample_fini(s);
}

/* The pids of the rows, as "1 2 3"; a group is its key. */
static const char *rows_of(const struct model *m, char *buf, size_t len)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->n_rows && n < len; i++) {
		const struct row *r = &m->rows[i];

		if (r->p)
			n += (size_t)snprintf(buf + n, len - n, "%s%d", i ? " " : "",
					      (int)r->p->p.pid);
		else
			n += (size_t)snprintf(buf + n, len - n, "%s%s", i ? " " : "", r->g->key);
	}
	return buf;
}

#define CHECK_ROWS(m, want)                                             \
	do {                                                            \
		char rows_[512];                                        \
		CHECK_STR(rows_of(m, rows_, sizeof(rows_)), want);      \
	} while (0)

static const struct who people[] = {
	{ 10, 1, "init-child", KSM_MEMBER_OFF, 0, 0, 500, 0, "/a.slice/x.service" },
	{ 20, 1, "python", KSM_MEMBER_ANY, 100, 390000, 300, 0, "/a.slice/y.service" },
	{ 21, 20, "python", KSM_MEMBER_ANY, 200, 790000, 300, 0, "/a.slice/y.service" },
	{ 30, 1, "redis", KSM_MEMBER_MADVISE, 1, -KSM_LOSS_MIN, 900, 0, "/a.slice/z.service" },
	{ 40, 1, "secret", KSM_MEMBER_DENIED, 0, 0, 100, 0, "/b.slice" },
};

static void take_people(struct model *m, unsigned int at_s)
{
	struct sample s = begin(at_s);

	system_is(&s, KSM_RUN_RUNNING, 301, 1177000);
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		add(&s, &people[i], true);
	take(m, &s);
}

/* --- tests --- */

static void counts(void)
{
	struct model m;

	top_model_init(&m);
	CHECK_STR(m.verdict.text, "reading...");
	CHECK_UINT(m.n_rows, 0);
	CHECK(!top_model_selected(&m));
	top_model_move(&m, 5);
	top_model_tag(&m);
	take_people(&m, 1);
	CHECK_UINT(m.n_procs, 5);
	CHECK_UINT(m.n_members, 3);
	CHECK_UINT(m.n_denied, 1);
	CHECK_UINT(m.n_losing, 1);
	CHECK(!m.hksm);
	top_model_fini(&m);
}

static void rates(void)
{
	struct who w = { 7, 1, "w", KSM_MEMBER_ANY, 100, 0, 10, 0, NULL };
	const struct top_proc *t;
	struct model m;
	struct sample s;

	top_model_init(&m);
	s = begin(10);
	system_is(&s, KSM_RUN_RUNNING, 100, 0);
	s.stats.ksmd_cpu_ns = KSM_FIG(1000000000);
	s.stats.cow_ksm = KSM_FIG(50);
	add(&s, &w, true);
	s.procs[0].p.ksm.scan_ns = KSM_FIG(0);
	s.procs[0].p.ksm.scan_pages = KSM_FIG(1000);
	s.procs[0].p.ksm.breaks = KSM_FIG(90);
	take(&m, &s);
	t = top_model_find(&m, 7);
	CHECK_INT(t->growth_bytes_s.state, KSM_ABSENT);
	CHECK(t->scan_cpu_pct < 0);
	CHECK(m.cpu_pct < 0 && m.us_per_mib < 0);
	CHECK(m.hksm);

	/* Two seconds: 60 pages more, 40 ms of CPU, 500 looked at; breaks began anew. */
	w.merging = 160;
	s = begin(12);
	system_is(&s, KSM_RUN_RUNNING, 512, 2000000);
	s.stats.ksmd_cpu_ns = KSM_FIG(1080000000);
	s.stats.cow_ksm = KSM_FIG(70);
	add(&s, &w, false);
	s.procs[0].p.ksm.scan_ns = KSM_FIG(40000000);
	s.procs[0].p.ksm.scan_pages = KSM_FIG(1500);
	s.procs[0].p.ksm.breaks = KSM_FIG(10);
	take(&m, &s);
	t = top_model_find(&m, 7);
	CHECK_INT(ksm_fig_or(t->growth_bytes_s, -1), 30 * PAGE);
	CHECK_INT(ksm_fig_or(t->scan_pages_s, -1), 250);
	CHECK_INT(ksm_fig_or(t->break_pages_s, -1), 5);
	CHECK(fabs(t->scan_cpu_pct - 2) < 1e-9);
	CHECK_STR(t->user, "odd");

	CHECK(fabs(m.delta.seconds - 2) < 1e-9);
	CHECK_INT(ksm_fig_or(m.delta.cow_per_s, -1), 10);
	/* 80 ms in 2 s are 4 %; 40,000 us a second for 2 MiB. */
	CHECK(fabs(m.cpu_pct - 4) < 1e-6);
	CHECK(fabs(m.us_per_mib - 20000) < 1e-3);
	/* 2 MiB saved, 2,000,000 of profit: 97,152 of metadata. */
	CHECK(fabs(m.meta_pct - 97152 * 100.0 / (2 << 20)) < 1e-6);
	CHECK(isnan(top_hist_at(&m.hist, TOP_S_CPU, 1)));
	CHECK(fabs(top_hist_at(&m.hist, TOP_S_CPU, 0) - 4) < 1e-6);
	CHECK(fabs(top_hist_at(&m.hist, TOP_S_SAVED, 1) - 100 * PAGE) < 1);
	CHECK(isnan(top_hist_at(&m.hist, TOP_S_SAVED, 2)));

	/* A process that was not read again keeps its rates; another with its number has none. */
	s = begin(13);
	system_is(&s, KSM_RUN_RUNNING, 512, 2000000);
	take(&m, &s);
	CHECK_INT(ksm_fig_or(top_model_find(&m, 7)->growth_bytes_s, -1), 30 * PAGE);
	s = begin(14);
	w.start = 999;
	add(&s, &w, true);
	take(&m, &s);
	CHECK_INT(top_model_find(&m, 7)->growth_bytes_s.state, KSM_ABSENT);
	top_model_fini(&m);
}

static void history_is_a_ring(void)
{
	struct model m;

	top_model_init(&m);
	for (unsigned int i = 0; i < TOP_HIST + 5; i++) {
		struct sample s = begin(i + 1);

		system_is(&s, KSM_RUN_RUNNING, i, 0);
		take(&m, &s);
	}
	CHECK_UINT(m.hist.n, TOP_HIST);
	CHECK(fabs(top_hist_at(&m.hist, TOP_S_SAVED, 0) - (TOP_HIST + 4) * (double)PAGE) < 1);
	CHECK(fabs(top_hist_at(&m.hist, TOP_S_SAVED, TOP_HIST - 1) - 5.0 * PAGE) < 1);
	CHECK(isnan(top_hist_at(&m.hist, TOP_S_SAVED, TOP_HIST)));
	top_model_fini(&m);
}

static void order(void)
{
	static const struct {
		enum top_col by;
		bool reverse;
		const char *rows;
	} rows[] = {
		/* No value stands last both ways; of those that tie, members and then the large. */
		{ TOP_COL_MERGING, false, "21 20 30 10 40" },
		{ TOP_COL_MERGING, true, "10 30 20 21 40" },
		{ TOP_COL_PROFIT, false, "21 20 10 30 40" },
		{ TOP_COL_PROFIT, true, "30 10 20 21 40" },
		{ TOP_COL_PID, false, "10 20 21 30 40" },
		{ TOP_COL_PID, true, "40 30 21 20 10" },
		{ TOP_COL_RSS, false, "30 10 20 21 40" },
		{ TOP_COL_USER, false, "30 20 10 40 21" },
		{ TOP_COL_COMMAND, false, "10 20 21 30 40" },
		{ TOP_COL_STATE, false, "20 21 40 30 10" },
		/* Nearly of one age, and nobody has the other: by weight. */
		{ TOP_COL_AGE, false, "30 20 21 10 40" },
		{ TOP_COL_SCAN_CPU, false, "30 20 21 10 40" },
	};
	struct model m;

	top_model_init(&m);
	take_people(&m, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s%s", top_column(rows[i].by)->key, rows[i].reverse ? " reversed" : "");
		m.table.sort = rows[i].by;
		m.table.reverse = rows[i].reverse;
		CHECK_INT(top_model_arrange(&m), 0);
		CHECK_ROWS(&m, rows[i].rows);
	}
	top_model_fini(&m);
}

static void sort_keys(void)
{
	struct model m;

	top_model_init(&m);
	take_people(&m, 1);
	CHECK_INT(m.table.sort, TOP_COL_MERGING);
	top_model_sort_next(&m, +1);
	CHECK_INT(m.table.sort, TOP_COL_ZERO);
	top_model_sort_next(&m, -1);
	top_model_sort_next(&m, -1);
	CHECK_INT(m.table.sort, TOP_COL_USER);
	for (int i = 0; i < 30; i++)
		top_model_sort_next(&m, -1);
	CHECK_INT(m.table.sort, TOP_COL_PID);
	CHECK(!m.table.reverse);
	for (int i = 0; i < 30; i++)
		top_model_sort_next(&m, +1);
	CHECK_INT(m.table.sort, TOP_COL_COMMAND);
	/* From one that is not shown. */
	m.table.sort = TOP_COL_DOMAIN;
	top_model_sort_next(&m, +1);
	CHECK_INT(m.table.sort, TOP_COL_PID);
	top_model_sort(&m, TOP_COL_PID);
	CHECK(m.table.reverse);
	top_model_reverse(&m);
	CHECK(!m.table.reverse);
	top_model_fini(&m);
}

static void selection(void)
{
	struct model m;
	struct sample s;

	top_model_init(&m);
	take_people(&m, 1);
	CHECK_INT(top_model_selected(&m)->p.pid, 21);
	top_model_move(&m, 2);
	CHECK_INT(top_model_selected(&m)->p.pid, 30);
	/* It stays on the process, whatever the order. */
	top_model_sort(&m, TOP_COL_PID);
	CHECK_INT(top_model_selected(&m)->p.pid, 30);
	CHECK_UINT(m.selected, 3);
	top_model_move(&m, -100);
	CHECK_UINT(m.selected, 0);
	top_model_move(&m, 100);
	CHECK_UINT(m.selected, 4);
	/* It ended: the row that takes its place. */
	top_model_select(&m, 3);
	s = begin(2);
	CHECK_INT(top_sample_add_gone(&s, 30), 0);
	take(&m, &s);
	CHECK_ROWS(&m, "10 20 21 40");
	CHECK_INT(top_model_selected(&m)->p.pid, 40);
	s = begin(3);
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		CHECK_INT(top_sample_add_gone(&s, people[i].pid), 0);
	take(&m, &s);
	CHECK_UINT(m.n_rows, 0);
	CHECK(!top_model_selected(&m));
	top_model_fini(&m);
}

static void filter(void)
{
	struct model m;

	top_model_init(&m);
	take_people(&m, 1);
	top_model_sort(&m, TOP_COL_PID);
	top_model_filter(&m, "PYTH");
	CHECK_ROWS(&m, "20 21");
	top_model_filter(&m, "z.service");
	CHECK_ROWS(&m, "30");
	top_model_filter(&m, "2");		/* a number is all of a number */
	CHECK_ROWS(&m, "");
	top_model_filter(&m, "21");
	CHECK_ROWS(&m, "21");
	top_model_filter(&m, "odd");
	CHECK_ROWS(&m, "21");
	top_model_filter(&m, "");
	top_model_members(&m);
	CHECK_ROWS(&m, "20 21 30");
	top_model_members(&m);
	CHECK_ROWS(&m, "10 20 21 30 40");
	top_model_fini(&m);
}

static void search(void)
{
	struct model m;

	top_model_init(&m);
	take_people(&m, 1);
	top_model_sort(&m, TOP_COL_PID);
	top_model_select(&m, 0);
	CHECK(top_model_search(&m, "python", 0));
	CHECK_INT(top_model_selected(&m)->p.pid, 20);
	CHECK(top_model_search(&m, "python", 0));
	CHECK_INT(top_model_selected(&m)->p.pid, 20);
	CHECK(top_model_search(&m, m.search, +1));
	CHECK_INT(top_model_selected(&m)->p.pid, 21);
	CHECK(top_model_search(&m, m.search, +1));	/* round the end */
	CHECK_INT(top_model_selected(&m)->p.pid, 20);
	CHECK(top_model_search(&m, m.search, -1));
	CHECK_INT(top_model_selected(&m)->p.pid, 21);
	CHECK(!top_model_search(&m, "nobody", +1));
	CHECK_INT(top_model_selected(&m)->p.pid, 21);
	CHECK(!top_model_search(&m, "", +1));
	top_model_fini(&m);
}

static void tree(void)
{
	struct model m;
	struct sample s = begin(1);
	/* 7 is older than its parent says it is: no circle may come of it. */
	static const struct who family[] = {
		{ 2, 1, "a", KSM_MEMBER_OFF, 0, 0, 1, 0, NULL },
		{ 3, 2, "b", KSM_MEMBER_ANY, 5, 0, 1, 0, NULL },
		{ 4, 3, "c", KSM_MEMBER_ANY, 9, 0, 1, 0, NULL },
		{ 5, 2, "d", KSM_MEMBER_ANY, 7, 0, 1, 0, NULL },
		{ 7, 8, "e", KSM_MEMBER_ANY, 1, 0, 1, 50, NULL },
		{ 8, 7, "f", KSM_MEMBER_ANY, 2, 0, 1, 60, NULL },
	};

	top_model_init(&m);
	for (size_t i = 0; i < ARRAY_SIZE(family); i++)
		add(&s, &family[i], true);
	take(&m, &s);
	top_model_tree(&m);
	/* Siblings by merging: 5 before 3, and 4 below 3. */
	CHECK_ROWS(&m, "7 8 2 5 3 4");
	CHECK_UINT(m.rows[0].depth, 0);
	CHECK_UINT(m.rows[1].depth, 1);
	CHECK(m.rows[1].last && m.rows[1].rails == 1);
	CHECK(!m.rows[3].last && m.rows[3].depth == 1);
	CHECK(m.rows[4].last && m.rows[4].depth == 1);
	CHECK_UINT(m.rows[5].depth, 2);
	/* Ancestors hold up what is found. */
	top_model_filter(&m, "c");
	CHECK_ROWS(&m, "2 3 4");
	CHECK(m.rows[0].context && m.rows[1].context && !m.rows[2].context);
	top_model_filter(&m, "");
	/* Groups and a tree exclude one another. */
	top_model_group(&m, KSM_GROUP_USER);
	CHECK(!m.table.tree);
	top_model_tree(&m);
	CHECK_INT(m.table.group, KSM_GROUP_PID);
	top_model_fini(&m);
}

/* Forked in a row, ten thousand deep: neither our stack nor the square of it. */
static void deep_tree(void)
{
	struct sample s = begin(1);
	struct model m;

	top_model_init(&m);
	for (pid_t pid = 2; pid < 10002; pid++) {
		const struct who w = { pid, pid - 1, "x", KSM_MEMBER_OFF, 0, 0, 1, 0, NULL };

		add(&s, &w, true);
	}
	take(&m, &s);
	top_model_tree(&m);
	CHECK_UINT(m.n_rows, 10000);
	CHECK_UINT(m.rows[9999].depth, 9999);
	CHECK_INT(m.rows[9999].p->p.pid, 10001);
	top_model_fini(&m);
}

static void groups(void)
{
	enum top_col cols[__TOP_COL_N];
	const struct top_group *g;
	struct model m;

	top_model_init(&m);
	take_people(&m, 1);
	top_model_group(&m, KSM_GROUP_COMM);
	CHECK_ROWS(&m, "python redis init-child secret");
	g = m.rows[0].g;
	CHECK_INT(g->procs, 2);
	CHECK_INT(g->members, 2);
	CHECK_INT(ksm_fig_or(g->merging_pages, -1), 300);
	/*
	 * Its members tell 1,180,000, shared copies as saved: 300 pages without 48,800 of
	 * metadata.  Of the 361 that the system has merged, 301 are saved: 250 of these.
	 */
	CHECK_INT(ksm_fig_or(g->profit_bytes, -1), 250 * 4096 - 48800);
	CHECK_INT(g->rss_pages, 600);
	CHECK_INT(m.rows[3].g->merging_pages.state, KSM_DENIED);
	CHECK_INT(m.rows[3].g->denied, 1);
	/* Closed: columns of groups only; the name stands last. */
	CHECK(top_columns_shown(&m, cols) == 9 && cols[0] == TOP_COL_PROCS);
	CHECK_INT(cols[8], TOP_COL_GROUP);
	CHECK(top_model_group_toggle(&m));
	CHECK_ROWS(&m, "python 21 20 redis init-child secret");
	CHECK(m.rows[0].g->open && m.rows[1].depth == 1 && !m.rows[1].last && m.rows[2].last);
	CHECK_INT(top_columns_shown(&m, cols), 13);
	CHECK_INT(cols[0], TOP_COL_PID);
	/* It stays open, and the selection on it, from sample to sample. */
	take_people(&m, 2);
	CHECK_ROWS(&m, "python 21 20 redis init-child secret");
	CHECK(!top_model_selected(&m) && m.selected == 0);
	top_model_move(&m, 1);
	CHECK_INT(top_model_selected(&m)->p.pid, 21);
	CHECK(!top_model_group_toggle(&m));
	top_model_select(&m, 3);
	CHECK(top_model_group_toggle(&m));
	CHECK_ROWS(&m, "python 21 20 redis 30 init-child secret");
	top_model_select(&m, 0);
	CHECK(top_model_group_toggle(&m));
	CHECK_ROWS(&m, "python redis 30 init-child secret");

	top_model_group(&m, KSM_GROUP_UNIT);
	CHECK_ROWS(&m, "y.service z.service x.service b.slice");
	top_model_group(&m, KSM_GROUP_USER);
	CHECK_ROWS(&m, "odd even");
	top_model_group(&m, KSM_GROUP_CGROUP);
	CHECK_UINT(m.n_rows, 4);
	/* Nobody is a virtual machine. */
	top_model_group(&m, KSM_GROUP_VM);
	CHECK_UINT(m.n_rows, 0);
	top_model_group_next(&m);
	CHECK_INT(m.table.group, KSM_GROUP_PID);
	CHECK_UINT(m.n_rows, 5);
	top_model_fini(&m);
}

static void tags(void)
{
	struct model m;
	struct sample s;
	struct ksm_ident *ids;

	top_model_init(&m);
	take_people(&m, 1);
	/* Nothing tagged: the selected one. */
	CHECK_INT(top_model_targets(&m, &ids), 1);
	CHECK_INT(ids[0].pid, 21);
	CHECK_UINT(ids[0].start_ticks, 21);
	free(ids);
	top_model_tag(&m);
	top_model_move(&m, 1);
	top_model_tag(&m);
	top_model_move(&m, 1);
	CHECK_UINT(m.n_tagged, 2);
	CHECK_INT(top_model_targets(&m, &ids), 2);
	CHECK(ids[0].pid == 20 && ids[1].pid == 21);
	free(ids);
	/* One of them ends. */
	s = begin(2);
	CHECK_INT(top_sample_add_gone(&s, 21), 0);
	take(&m, &s);
	CHECK_UINT(m.n_tagged, 1);
	top_model_untag(&m);
	CHECK_UINT(m.n_tagged, 0);
	/* All of a group, and off again. */
	take_people(&m, 3);
	top_model_group(&m, KSM_GROUP_USER);
	top_model_select(&m, 1);
	CHECK_INT(top_model_targets(&m, &ids), 4);
	free(ids);
	top_model_tag(&m);
	CHECK_UINT(m.n_tagged, 4);
	top_model_tag(&m);
	CHECK_UINT(m.n_tagged, 0);
	top_model_fini(&m);
}

static void verdict(void)
{
	static const struct {
		int64_t run, sharing, profit;
		bool members, losing;
		enum top_tone tone;
		const char *text;
	} rows[] = {
		{ 0, 0, 0, true, false, TOP_DULL, "off: KSM is stopped and saves nothing" },
		{ 0, 512, 1, true, false, TOP_WARN,
		  "stopped: 2 MiB stay saved, nothing new is merged" },
		{ 2, 512, 1, true, false, TOP_WARN, "unmerging: 2 MiB are still saved" },
		{ 2, 0, 0, true, false, TOP_DULL,
		  "off: everything was unmerged, nothing is saved" },
		{ 1, 512, 2000000, true, false, TOP_GOOD, "saves 2 MiB" },
		{ 1, 512, 2000000, true, true, TOP_WARN,
		  "saves 2 MiB; 1 process loses, see PROFIT" },
		{ 1, 512, -1, true, true, TOP_BAD,
		  "costs more memory than it saves: 1 process, see PROFIT" },
		{ 1, 512, -1, true, false, TOP_BAD, "costs more memory than it saves" },
		{ 1, 0, 0, false, false, TOP_WARN,
		  "no process is mergeable: nothing to do until one is advised (key a)" },
		{ 1, 0, 0, true, false, TOP_WARN, "saves nothing: no equal pages were found" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct who a = { 2, 1, "a", rows[i].members ? KSM_MEMBER_ANY : KSM_MEMBER_OFF,
				       0, 0, 1, 0, NULL };
		const struct who b = { 3, 1, "b", KSM_MEMBER_ANY, 0, -KSM_LOSS_MIN, 1, 0, NULL };
		struct sample s = begin(1);
		struct model m;

		tap_row("%zu", i);
		system_is(&s, rows[i].run, rows[i].sharing, rows[i].profit);
		if (!rows[i].sharing)
			set(&s, KSM_ATTR_PAGES_SHARED, 0);
		add(&s, &a, true);
		if (rows[i].losing)
			add(&s, &b, true);
		top_model_init(&m);
		take(&m, &s);
		CHECK_STR(m.verdict.text, rows[i].text);
		CHECK_INT(m.verdict.tone, rows[i].tone);
		top_model_fini(&m);
	}
}

/* What huge pages gave back counts for the process and for the whole. */
static void unseen_zero(void)
{
	const struct who a = { 2, 1, "a", KSM_MEMBER_ANY, 0, -KSM_LOSS_MIN, 1, 0, NULL };
	struct sample s;
	struct model m;

	top_model_init(&m);
	for (int64_t unseen = 0; unseen < 4; unseen++) {
		s = begin(1 + (unsigned int)unseen);
		system_is(&s, KSM_RUN_RUNNING, 512, -2);
		add(&s, &a, !unseen);
		s.procs[0].unseen_bytes = KSM_FIG(unseen);
		take(&m, &s);
		tap_row("%d", (int)unseen);
		CHECK_INT(ksm_fig_or(m.unseen_bytes, -1), unseen);
		CHECK_UINT(m.n_losing, !unseen);
		CHECK_INT(m.verdict.tone, unseen < 2 ? TOP_BAD : TOP_GOOD);
	}
	top_model_fini(&m);
}

static void verdict_of_states(void)
{
	struct sample s = begin(1);
	struct model m;

	top_model_init(&m);
	s.present = KSM_ABSENT;
	take(&m, &s);
	CHECK_STR(m.verdict.text, "this kernel has no KSM (2.6.32 or later with CONFIG_KSM)");
	s = begin(2);
	s.present = KSM_DENIED;
	take(&m, &s);
	CHECK_STR(m.verdict.text, "the state of KSM may not be read (needs root, or CAP_DAC_READ_SEARCH)");
	/* In the first pass nothing can have been merged. */
	s = begin(3);
	system_is(&s, KSM_RUN_RUNNING, 0, 0);
	set(&s, KSM_ATTR_FULL_SCANS, 1);
	set(&s, KSM_ATTR_PAGES_UNSHARED, 100);
	take(&m, &s);
	CHECK_STR(m.verdict.text,
		  "still looking: a page is merged in the second pass at the earliest");
	/* What it costs, once that is known. */
	s = begin(4);
	system_is(&s, KSM_RUN_RUNNING, 512, 1);
	s.stats.ksmd_cpu_ns = KSM_FIG(0);
	take(&m, &s);
	s = begin(5);
	system_is(&s, KSM_RUN_RUNNING, 512, 1);
	s.stats.ksmd_cpu_ns = KSM_FIG(4000000);
	take(&m, &s);
	CHECK_STR(m.verdict.text, "saves 2 MiB for 0.4 % of a CPU");
	top_model_fini(&m);
}

static void cells(void)
{
	char buf[64];
	struct model m;
	struct row r;

	top_model_init(&m);
	take_people(&m, 1);
	r = (struct row){ .m = &m, .p = top_model_find(&m, 21) };
	CHECK_STR(top_cell_text(&r, TOP_COL_PID, buf, sizeof(buf)), "21");
	CHECK_STR(top_cell_text(&r, TOP_COL_MERGING, buf, sizeof(buf)), "800 KiB");
	CHECK_STR(top_cell_text(&r, TOP_COL_ITEMS, buf, sizeof(buf)), "200");
	/* 790,000 of 300 pages */
	CHECK_STR(top_cell_text(&r, TOP_COL_SAVED_PCT, buf, sizeof(buf)), "64.3");
	CHECK_STR(top_cell_text(&r, TOP_COL_STATE, buf, sizeof(buf)), "any");
	CHECK_STR(top_cell_text(&r, TOP_COL_COMMAND, buf, sizeof(buf)), "python");
	CHECK_STR(top_cell_text(&r, TOP_COL_UNIT, buf, sizeof(buf)), "y.service");
	CHECK_STR(top_cell_text(&r, TOP_COL_VM, buf, sizeof(buf)), "-");
	CHECK_STR(top_cell_text(&r, TOP_COL_GROWTH, buf, sizeof(buf)), "-");
	/* 5001 s of uptime, 0.21 s of which before it began */
	CHECK_STR(top_cell_text(&r, TOP_COL_AGE, buf, sizeof(buf)), "1h23m");
	CHECK_STR(top_cell_text(&r, TOP_COL_PROCS, buf, sizeof(buf)), "");
	r.p = top_model_find(&m, 40);
	CHECK_STR(top_cell_text(&r, TOP_COL_MERGING, buf, sizeof(buf)), "denied");
	CHECK_STR(top_cell_text(&r, TOP_COL_SAVED_PCT, buf, sizeof(buf)), "denied");
	CHECK_STR(top_cell_text(&r, TOP_COL_STATE, buf, sizeof(buf)), "denied");
	r.p = top_model_find(&m, 30);
	CHECK_STR(top_cell_text(&r, TOP_COL_PROFIT, buf, sizeof(buf)), "-64 KiB");
	/* Keys and names are one each, and found. */
	for (int id = 0; id < __TOP_COL_N; id++) {
		tap_row("%s", top_column(id)->key);
		CHECK_INT(top_column_find(top_column(id)->key), id);
		CHECK_INT(top_column_find(top_column(id)->col.name), id);
	}
	CHECK_INT(top_column_find("nonsense"), -1);
	top_model_fini(&m);
}

/* Figures of a dump or recording may be anything. */
static void extremes(void)
{
	struct who w = { 9, 1, "x", KSM_MEMBER_ANY, INT64_MAX, INT64_MIN, UINT64_MAX, UINT64_MAX,
			 NULL };
	char buf[64];
	struct model m;

	top_model_init(&m);
	for (unsigned int i = 0; i < 3; i++) {
		struct sample s = begin(i + 1);

		system_is(&s, i, i % 2 ? INT64_MIN : INT64_MAX, i % 2 ? INT64_MAX : INT64_MIN);
		w.merging = i % 2 ? INT64_MIN : INT64_MAX;
		s.stats.ksmd_cpu_ns = KSM_FIG(i % 2 ? INT64_MAX : 0);
		add(&s, &w, true);
		w.pid++;
		add(&s, &w, true);
		w.pid--;
		s.procs[0].p.ksm.scan_ns = KSM_FIG(i % 2 ? INT64_MIN : INT64_MAX);
		take(&m, &s);
		for (int id = 0; id < __TOP_COL_N; id++) {
			m.table.sort = id;
			CHECK_INT(top_model_arrange(&m), 0);
			(void)top_cell_text(&m.rows[0], id, buf, sizeof(buf));
		}
		top_model_group(&m, KSM_GROUP_COMM);
		CHECK_UINT(m.n_rows, 1);
		top_model_group(&m, KSM_GROUP_PID);
	}
	top_model_fini(&m);
}

TAP_MAIN(TAP_CASE(counts), TAP_CASE(rates), TAP_CASE(history_is_a_ring), TAP_CASE(order),
	 TAP_CASE(sort_keys), TAP_CASE(selection), TAP_CASE(filter), TAP_CASE(search),
	 TAP_CASE(tree), TAP_CASE(deep_tree), TAP_CASE(groups), TAP_CASE(tags), TAP_CASE(verdict),
	 TAP_CASE(unseen_zero), TAP_CASE(verdict_of_states), TAP_CASE(cells), TAP_CASE(extremes))
