// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-metrics.c - ksmctl metrics: all figures as text, for a textfile collector.
 *
 * The Prometheus text format 0.0.4 is what node_exporter's textfile collector reads;
 * of OpenMetrics it would make untyped figures without help, for it does not know
 * that the family of a counter lacks the _total of its samples.
 *
 * What node_exporter's ksmd collector already names keeps those names
 * (collector/ksmd_linux.go); the rest is ksm_*.  Figures this kernel does not
 * have are left out rather than 0.
 *
 * Whoever stores the figures pays for each series for as long as it is kept, and
 * anybody may start processes: there are at most --top of them, and a sum of the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

enum { KEY_PROCS = CLI_OPT_LONG, KEY_TOP, KEY_NAMES, KEY_FORMAT, KEY_WRITE, KEY_EVERY };

#define TOP_DEFAULT 100

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ KEY_PROCS, "procs", "[MIN]",
	  "also each process with mergeable memory, from MIN bytes of merging on", 0, 0 },
	{ .key = CLI_KEY_BY,
	  .help = "sums of processes by what --by of procs takes (implies --procs)" },
	{ KEY_TOP, "top", "N",
	  "at most N processes or groups, those that merge most (100; 0: all)", 0, 0 },
	{ KEY_NAMES, "names", NULL, "name the users of processes, not only their numbers", 0, 0 },
	{ KEY_FORMAT, "format", "FORMAT", "prometheus (default) or openmetrics", 0, 0 },
	{ KEY_WRITE, "write", "FILE", "replace FILE, whole or not at all, and print nothing", 0, 0 },
	{ KEY_EVERY, "every", "TIME", "again and again, from 1s on (wants --write)", 0, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_metrics = {
	.name = "ksmctl metrics",
	.synopsis = synopsis,
	.about = "Print all figures as text for a collector of metrics.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

/* How one figure is named; seconds and bytes are the base units of the format. */
struct metric {
	const char *name;	/* without _total */
	const char *help;
	bool counter;
	double scale;		/* 0: print as an integer */
};

static const struct {
	enum ksm_attr id;
	struct metric m;
} attr_metrics[] = {
	{ KSM_ATTR_FULL_SCANS, { "node_ksmd_full_scans", "Passes over all mergeable memory.", true, 0 } },
	{ KSM_ATTR_MERGE_ACROSS_NODES, { "node_ksmd_merge_across_nodes", "Whether pages of different NUMA nodes merge.", false, 0 } },
	{ KSM_ATTR_PAGES_SHARED, { "node_ksmd_pages_shared", "Shared copies kept.", false, 0 } },
	{ KSM_ATTR_PAGES_SHARING, { "node_ksmd_pages_sharing", "Pages saved.", false, 0 } },
	{ KSM_ATTR_PAGES_TO_SCAN, { "node_ksmd_pages_to_scan", "Pages looked at before each sleep.", false, 0 } },
	{ KSM_ATTR_PAGES_UNSHARED, { "node_ksmd_pages_unshared", "Pages without a twin.", false, 0 } },
	{ KSM_ATTR_PAGES_VOLATILE, { "node_ksmd_pages_volatile", "Pages that change too fast.", false, 0 } },
	{ KSM_ATTR_RUN, { "node_ksmd_run", "0 stopped, 1 running, 2 unmerging.", false, 0 } },
	{ KSM_ATTR_SLEEP_MILLISECS, { "node_ksmd_sleep_seconds", "Sleep between batches.", false, 1e-3 } },
	{ KSM_ATTR_PAGES_SCANNED, { "ksm_pages_scanned", "Pages looked at.", true, 0 } },
	{ KSM_ATTR_PAGES_SKIPPED, { "ksm_pages_skipped", "Pages that smart_scan passed over.", true, 0 } },
	{ KSM_ATTR_ZERO_PAGES, { "ksm_zero_pages", "Pages saved by the kernel's zero page.", false, 0 } },
	{ KSM_ATTR_USE_ZERO_PAGES, { "ksm_use_zero_pages", "Whether zero pages merge with the kernel's.", false, 0 } },
	{ KSM_ATTR_MAX_PAGE_SHARING, { "ksm_max_page_sharing", "Pages that may share one copy.", false, 0 } },
	{ KSM_ATTR_SMART_SCAN, { "ksm_smart_scan", "Whether pages that never merge are skipped.", false, 0 } },
	{ KSM_ATTR_NODE_CHAINS, { "ksm_stable_node_chains", "Contents with more than one copy.", false, 0 } },
	{ KSM_ATTR_NODE_DUPS, { "ksm_stable_node_dups", "Copies held in such chains.", false, 0 } },
	{ KSM_ATTR_GENERAL_PROFIT, { "node_ksmd_general_profit_bytes", "Memory saved minus metadata; may be negative.", false, 0 } },
	{ KSM_ATTR_ONE_PASS, { "ksm_one_pass", "Whether memory without a history merges when first seen (hksm).", false, 0 } },
	{ KSM_ATTR_ZERO_ONLY, { "ksm_zero_only", "Whether nothing but blank pages merges (hksm).", false, 0 } },
	{ KSM_ATTR_SPLIT_MIN, { "ksm_split_min_pages", "Pages of a huge page that must have a twin before it is split (hksm).", false, 0 } },
	{ KSM_ATTR_SCANNERS, { "ksm_scanners", "Kernel threads that scan (hksm).", false, 0 } },
	{ KSM_ATTR_MAX_METADATA, { "ksm_max_metadata_bytes", "Most memory for what is known of pages, 0 without a limit (hksm).", false, 0 } },
	{ KSM_ATTR_DROPPED, { "ksm_candidates_dropped", "Pages not remembered because memory was short (hksm).", true, 0 } },
	{ KSM_ATTR_WORDS_DROPPED, { "ksm_words_dropped", "Pages left alone because of max_metadata (hksm).", true, 0 } },
	{ KSM_ATTR_RECLAIMED, { "ksm_words_reclaimed", "Pages forgotten again because memory was short (hksm).", true, 0 } },
	{ KSM_ATTR_LONGEST_MMAP, { "ksm_longest_mmap_seconds", "Longest hold of a process's mmap_lock since that was cleared (hksm).", false, 1e-9 } },
	{ KSM_ATTR_LONGEST_PTL, { "ksm_longest_ptl_seconds", "Longest hold of the lock of a page table (hksm).", false, 1e-9 } },
	{ KSM_ATTR_LONGEST_NOTIFIER, { "ksm_longest_notifier_seconds", "Longest time a process's MMU notifiers waited (hksm).", false, 1e-9 } },
	{ KSM_ATTR_LONGEST_EXCLUSIVE, { "ksm_longest_exclusive_seconds", "Longest time somebody had the engine to himself (hksm).", false, 1e-9 } },
	{ KSM_ATTR_MERGES, { "ksm_merges", "Pages merged (hksm, for root).", true, 0 } },
	{ KSM_ATTR_BREAKS, { "ksm_breaks", "Merged pages written again (hksm, for root).", true, 0 } },
};

struct metrics {
	struct ctl *ctl;
	bool openmetrics;
	bool failed;		/* something could not be read */
	bool procs;
	bool names;
	enum ksm_group by;
	int64_t min_bytes;
	size_t top;
	const char *file;	/* NULL: standard output */
	uint64_t every_ns;	/* 0: once */
	struct str *out;
};

static const char *suffix(const struct metric *m)
{
	return m->counter ? "_total" : "";
}

static void head(const struct metrics *ms, const struct metric *m)
{
	const char *family = ms->openmetrics ? "" : suffix(m);

	str_addf(ms->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", m->name, family, m->help, m->name,
		 family, m->counter ? "counter" : "gauge");
}

static void value(const struct metrics *ms, const struct metric *m, const char *labels, int64_t v)
{
	str_addf(ms->out, "%s%s%s ", m->name, suffix(m), labels);
	if (m->scale > 0)
		str_addf(ms->out, "%.9g\n", v * m->scale);
	else
		str_addf(ms->out, "%lld\n", (long long)v);
}

static void print_fig(const struct metrics *ms, const struct metric *m, struct ksm_fig f)
{
	if (!ksm_fig_has(f))
		return;
	head(ms, m);
	value(ms, m, "", f.v);
}

/* Escapes of the format: backslash, quote, newline.  cli_safe() leaves only the first two. */
static void label(struct str *out, const char *name, const char *raw, bool first)
{
	struct str clean __cleanup_str = STR_INIT;

	cli_safe(&clean, raw, (size_t)-1);
	str_addf(out, "%s%s=\"", first ? "" : ",", name);
	for (const char *c = str_get(&clean); *c; c++) {
		if (*c == '"' || *c == '\\')
			str_addc(out, '\\');
		str_addc(out, *c);
	}
	str_addc(out, '"');
}

/* A collector takes what is left out for absent: that it is not must be told. */
static void check_attrs(struct metrics *ms, const struct ksm_stats *s)
{
	ksm_for_each_attr(id) {
		if (s->attr[id].state != KSM_DENIED || ksm_attr_info(id)->root_only)
			continue;
		cli_warn(0, "%s: permission denied (%s)", ksm_attr_info(id)->name,
			 ksm_right_hint(ms->ctl->k, KSM_RIGHT_SETTINGS));
		ms->failed = true;
	}
}

enum part { PART_BOOL, PART_INT, PART_UINT, PART_REAL };

/* A figure of struct ksm_tuner, or of one of its rules. */
struct tuner_metric {
	enum part part;		/* PART_REAL is left out below 0: not known */
	size_t offset;
	struct metric m;	/* .scale of a PART_REAL is never 0 */
};

#define OF_TUNER(field) offsetof(struct ksm_tuner, field)
#define OF_RULE(field)	offsetof(struct ksm_tuner_rule, field)

static const struct tuner_metric tuner_metrics[] = {
	{ PART_BOOL, OF_TUNER(alive), { "ksm_autotune_up", "Whether ksm-autotune runs; 0: it died and put nothing back.", false, 0 } },
	{ PART_BOOL, OF_TUNER(dry), { "ksm_autotune_dry_run", "Whether it writes nothing.", false, 0 } },
	{ PART_INT, OF_TUNER(since_s), { "ksm_autotune_decision_time_seconds", "When it took the decision that holds.", false, 0 } },
	{ PART_INT, OF_TUNER(decided_s), { "ksm_autotune_look_time_seconds", "When it looked last.", false, 0 } },
	{ PART_INT, OF_TUNER(next_s), { "ksm_autotune_next_look_time_seconds", "When it looks again.", false, 0 } },
	{ PART_INT, OF_TUNER(late_s), { "ksm_autotune_late_seconds", "How long that is overdue, where it hangs; 0: it does not.", false, 0 } },
	{ PART_REAL, OF_TUNER(cpu), { "ksm_autotune_cpu_ratio", "Share of one CPU that ksmd is to take; 0: stopped.", false, 1 } },
	{ PART_BOOL, OF_TUNER(need), { "ksm_autotune_need", "Whether memory is short, or need is not asked for.", false, 0 } },
	{ PART_BOOL, OF_TUNER(settled), { "ksm_autotune_settled", "Whether a pass adds next to nothing.", false, 0 } },
	{ PART_REAL, OF_TUNER(price_ms), { "ksm_autotune_price_seconds", "CPU time for each MiB that the last pass saved.", false, 1e-3 } },
	{ PART_REAL, OF_TUNER(available_pct), { "ksm_autotune_memory_available_ratio", "Share of memory that is available.", false, 1e-2 } },
	{ PART_REAL, OF_TUNER(some_pct), { "ksm_autotune_pressure_some_ratio", "Share of time in which something waited for memory.", false, 1e-2 } },
	{ PART_REAL, OF_TUNER(full_pct), { "ksm_autotune_pressure_full_ratio", "Share of time in which everything waited for memory.", false, 1e-2 } },
	{ PART_REAL, OF_TUNER(breaks_s), { "ksm_autotune_breaks_per_second", "Merged pages that are copied again, a second.", false, 1 } },
	{ PART_INT, OF_TUNER(pass_saved_bytes), { "ksm_autotune_pass_saved_bytes", "What the last whole pass saved; may be negative.", false, 0 } },
	{ PART_INT, OF_TUNER(pass_cpu_ms), { "ksm_autotune_pass_cpu_seconds", "CPU time of the last whole pass.", false, 1e-3 } },
};

static const struct tuner_metric rule_metrics[] = {
	{ PART_UINT, OF_RULE(processes), { "ksm_autotune_rule_processes", "Processes that the rule matches.", false, 0 } },
	{ PART_UINT, OF_RULE(advised), { "ksm_autotune_rule_advised", "Of these, advised by ksm-autotune.", false, 0 } },
	{ PART_UINT, OF_RULE(waits), { "ksm_autotune_rule_waiting", "Of these, to be looked at.", false, 0 } },
	{ PART_UINT, OF_RULE(left), { "ksm_autotune_rule_left", "Of these, left as they are.", false, 0 } },
	{ PART_INT, OF_RULE(saved_bytes), { "ksm_autotune_rule_saved_bytes", "What the advised ones save.", false, 0 } },
	{ PART_INT, OF_RULE(meta_bytes), { "ksm_autotune_rule_metadata_bytes", "Metadata of the advised ones.", false, 0 } },
	{ PART_UINT, OF_RULE(users), { "ksm_autotune_rule_users", "Users to whom these belong, at most 16.", false, 0 } },
};

static bool is_known(const struct tuner_metric *t, const void *base)
{
	return t->part != PART_REAL || *(const double *)((const char *)base + t->offset) >= 0;
}

static void print_part(const struct metrics *ms, const struct tuner_metric *t, const void *base,
		       const char *labels)
{
	const void *at = (const char *)base + t->offset;

	switch (t->part) {
	case PART_BOOL:
		value(ms, &t->m, labels, *(const bool *)at);
		break;
	case PART_INT:
		value(ms, &t->m, labels, *(const int64_t *)at);
		break;
	case PART_UINT:
		value(ms, &t->m, labels, *(const unsigned int *)at);
		break;
	case PART_REAL:
		str_addf(ms->out, "%s%s %.9g\n", t->m.name, labels,
			 *(const double *)at * t->m.scale);
	}
}

/* The decision and its reason are labels: whoever draws the figures reads them beside. */
static void print_decision(const struct metrics *ms, const struct ksm_tuner *t)
{
	static const struct metric m = { "ksm_autotune_decision", "What it decided, and why.", false, 0 };
	struct str s __cleanup_str = STR_INIT;

	str_addc(&s, '{');
	label(&s, "decision", t->cpu > 0 ? "scan" : "stop", true);
	label(&s, "reason", t->reason, false);
	str_addc(&s, '}');
	head(ms, &m);
	value(ms, &m, str_get(&s), 1);
}

/* Two of a name, as of two long ones that were cut, would be one series with two values. */
static bool is_repeated(const struct ksm_tuner *t, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strcmp(t->rule[i].name, t->rule[at].name))
			return true;
	return false;
}

static void print_rules(const struct metrics *ms, const struct ksm_tuner *t)
{
	for (size_t i = 0; t->n_rules && i < ARRAY_SIZE(rule_metrics); i++) {
		head(ms, &rule_metrics[i].m);
		for (size_t r = 0; r < t->n_rules; r++) {
			struct str s __cleanup_str = STR_INIT;

			if (is_repeated(t, r))
				continue;
			str_addc(&s, '{');
			label(&s, "rule", t->rule[r].name, true);
			str_addc(&s, '}');
			print_part(ms, &rule_metrics[i], &t->rule[r], str_get(&s));
		}
	}
}

static void print_tuner(struct metrics *ms)
{
	struct ksm_tuner t;
	bool noted;

	if (!ctl_note_read(ms->ctl, &t, &noted))
		ms->failed = true;
	if (!noted)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(tuner_metrics); i++) {
		if (!is_known(&tuner_metrics[i], &t))
			continue;
		head(ms, &tuner_metrics[i].m);
		print_part(ms, &tuner_metrics[i], &t, "");
	}
	print_decision(ms, &t);
	print_rules(ms, &t);
}

static void print_system(struct metrics *ms, struct ksm_stats *s)
{
	static const struct metric saved = { "ksm_saved_bytes", "Memory saved.", false, 0 };
	static const struct metric meta = { "ksm_metadata_bytes", "Memory the engine's metadata takes.", false, 0 };
	static const struct metric cow = { "ksm_cow", "Copies on write of merged pages.", true, 0 };
	static const struct metric swpin = { "ksm_swpin_copy", "Merged pages copied when swapped in.", true, 0 };
	static const struct metric cpu = { "ksm_ksmd_cpu_seconds", "CPU time of ksmd.", true, 1e-9 };
	static const struct metric page = { "ksm_page_size_bytes", "Size of a page.", false, 0 };
	struct ksm_derived d;

	if (ctl_stats(ms->ctl, s))
		ms->failed = true;
	check_attrs(ms, s);
	ksm_stats_derive(s, &d);
	for (size_t i = 0; i < ARRAY_SIZE(attr_metrics); i++)
		print_fig(ms, &attr_metrics[i].m, ksm_stats_fig(s, attr_metrics[i].id));
	print_fig(ms, &saved, d.saved_bytes);
	print_fig(ms, &meta, d.meta_bytes);
	print_fig(ms, &cow, s->cow_ksm);
	print_fig(ms, &swpin, s->swpin_copy);
	print_fig(ms, &cpu, s->ksmd_cpu_ns);
	print_fig(ms, &page, KSM_FIG((int64_t)s->page_size));
}

/* --- per process --- */

static const struct {
	size_t offset;		/* of a figure in struct ksm_proc_stat */
	bool pages;		/* to be told in bytes */
	struct metric m;
} proc_metrics[] = {
	{ offsetof(struct ksm_proc_stat, merging_pages), true, { "ksm_process_merging_bytes", "Memory in shared copies, the copies included: a sum is more than what is saved.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, zero_pages), true, { "ksm_process_zero_bytes", "Memory merged with the zero page.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, items), false, { "ksm_process_rmap_items", "Pages the engine keeps metadata for.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, profit_bytes), false, { "ksm_process_profit_bytes", "Profit as the kernel counts it, the shared copies as saved: a sum over processes is too much.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, scan_pages), false, { "ksm_process_scanned_pages", "Pages looked at (hksm).", true, 0 } },
	{ offsetof(struct ksm_proc_stat, scan_ns), false, { "ksm_process_scan_seconds", "CPU spent on it (hksm).", true, 1e-9 } },
	{ offsetof(struct ksm_proc_stat, merges), false, { "ksm_process_merges", "Pages merged (hksm).", true, 0 } },
	{ offsetof(struct ksm_proc_stat, breaks), false, { "ksm_process_breaks", "Merged pages written again (hksm).", true, 0 } },
	{ offsetof(struct ksm_proc_stat, meta_bytes), false, { "ksm_process_metadata_bytes", "Metadata kept for it (hksm).", false, 0 } },
};

/* Figures of struct ctl_group; the shares add up to those of the system. */
static const struct {
	size_t offset;		/* of a figure */
	bool pages;		/* to be told in bytes */
	struct metric m;
} group_metrics[] = {
	{ offsetof(struct ctl_group, merging_pages), true, { "ksm_group_merging_bytes", "Memory in shared copies, the copies included.", false, 0 } },
	{ offsetof(struct ctl_group, zero_pages), true, { "ksm_group_zero_bytes", "Memory merged with the zero page.", false, 0 } },
	{ offsetof(struct ctl_group, items), false, { "ksm_group_rmap_items", "Pages the engine keeps metadata for.", false, 0 } },
	{ offsetof(struct ctl_group, saved_bytes), false, { "ksm_group_saved_bytes", "Share of what the system saves.", false, 0 } },
	{ offsetof(struct ctl_group, profit_bytes), false, { "ksm_group_profit_bytes", "That share minus metadata; may be negative.", false, 0 } },
};

/* What --top leaves is told as one: the second label sets it apart from whatever has that name. */
#define OTHER_NAME  "other"
#define OTHER_LABEL "rest"

struct member {
	struct ksm_proc p;
	char *labels;
};

struct members {
	struct member *v;
	size_t n, cap;
};

static char *labels(const struct metrics *ms, const struct ksm_proc *p)
{
	struct ctl *ctl = ms->ctl;
	struct str s = STR_INIT;
	char pid[16], uid[16], key[4096];

	snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	snprintf(uid, sizeof(uid), "%u", (unsigned int)p->uid);
	str_addc(&s, '{');
	label(&s, "pid", pid, true);
	label(&s, "comm", p->comm, false);
	label(&s, "uid", uid, false);
	if (ms->names)
		label(&s, "user", ksm_user_name(ctl->k, p->uid), false);
	if (!ksm_group_key(ctl->k, p, KSM_GROUP_UNIT, key, sizeof(key)) && *key)
		label(&s, "unit", key, false);
	if (!ksm_group_key(ctl->k, p, KSM_GROUP_VM, key, sizeof(key)) && *key)
		label(&s, "vm", key, false);
	str_addc(&s, '}');
	return str_steal(&s);
}

static int64_t merging_bytes(const struct metrics *ms, struct ksm_fig merging, struct ksm_fig zero)
{
	return num_mul_sat(num_add_sat(ksm_fig_or(merging, 0), ksm_fig_or(zero, 0)),
			   ksm_page_size(ms->ctl->k));
}

/* Zero pages may be counted below zero: no reason to leave a process out. */
static bool is_small(const struct metrics *ms, int64_t merging)
{
	return MAX(merging, 0) < ms->min_bytes;
}

static void members_read(struct metrics *ms, struct members *out)
{
	struct ctl_denied denied = { 0 };
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc = ksm_procs_open(ms->ctl->k, &it);

	if (rc)
		cli_die(CLI_FAIL, 0, "cannot list processes: %s", ksm_list_why(rc));
	while (ksm_procs_next(it, &pid) == 1) {
		int64_t merging;

		rc = ksm_proc_read(ms->ctl->k, pid, KSM_PROC_KSM | KSM_PROC_UID, &p);
		ctl_denied_add(&denied, !rc && p.member == KSM_MEMBER_DENIED ? -EACCES : rc);
		if (rc)
			continue;
		merging = merging_bytes(ms, p.ksm.merging_pages, p.ksm.zero_pages);
		if (!merging && !ksm_fig_or(p.ksm.items, 0))
			continue;
		if (ms->by == KSM_GROUP_PID && is_small(ms, merging))
			continue;
		xvec_room(out->v, out->n, out->cap);
		out->v[out->n++] = (struct member){ p, NULL };
	}
	ksm_procs_close(it);
	ctl_denied_tell(ms->ctl, &denied);
	ms->failed |= denied.n > 0;
}

/* How many of @n are told one by one. */
static size_t shown_of(const struct metrics *ms, size_t n)
{
	return ms->top && n > ms->top ? ms->top : n;
}

static void print_others(const struct metrics *ms, size_t n)
{
	static const struct metric m = { "ksm_others", "Processes or groups that are told as one, other.", false, 0 };

	head(ms, &m);
	value(ms, &m, "", (int64_t)(n - shown_of(ms, n)));
}

/* One metric of many: its head comes with the first that has it. */
struct family {
	const struct metrics *ms;
	const struct metric *m;
	int64_t scale;
	bool headed;
};

static void print_one(struct family *fam, const char *labels, struct ksm_fig f)
{
	if (!ksm_fig_has(f) || !labels)
		return;
	if (!fam->headed)
		head(fam->ms, fam->m);
	fam->headed = true;
	value(fam->ms, fam->m, labels, num_mul_sat(f.v, fam->scale));
}

static int member_order(const void *a, const void *b)
{
	const struct ksm_proc *x = &((const struct member *)a)->p;
	const struct ksm_proc *y = &((const struct member *)b)->p;
	const int64_t of_x = num_add_sat(ksm_fig_or(x->ksm.merging_pages, 0),
					 ksm_fig_or(x->ksm.zero_pages, 0));
	const int64_t of_y = num_add_sat(ksm_fig_or(y->ksm.merging_pages, 0),
					 ksm_fig_or(y->ksm.zero_pages, 0));

	if (of_x != of_y)
		return of_x < of_y ? 1 : -1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static struct ksm_fig member_fig(const struct member *m, size_t offset)
{
	return *(const struct ksm_fig *)((const char *)&m->p.ksm + offset);
}

static void print_members(const struct metrics *ms, struct members *all)
{
	const size_t shown = shown_of(ms, all->n);
	struct str other __cleanup_str = STR_INIT;

	if (shown < all->n)
		qsort(all->v, all->n, sizeof(*all->v), member_order);
	for (size_t n = 0; n < shown; n++)
		all->v[n].labels = labels(ms, &all->v[n].p);
	str_add(&other, "{pid=\"" OTHER_NAME "\"," OTHER_LABEL "=\"yes\"}");
	for (size_t i = 0; i < ARRAY_SIZE(proc_metrics); i++) {
		struct family fam = { ms, &proc_metrics[i].m,
				      proc_metrics[i].pages ? ksm_page_size(ms->ctl->k) : 1,
				      false };
		struct ksm_fig rest = { 0 };

		for (size_t n = 0; n < shown; n++)
			print_one(&fam, all->v[n].labels,
				  member_fig(&all->v[n], proc_metrics[i].offset));
		/* Who belongs to the others changes: their sum is no counter, which never sinks. */
		if (fam.m->counter)
			continue;
		for (size_t n = shown; n < all->n; n++)
			ksm_fig_add(&rest, member_fig(&all->v[n], proc_metrics[i].offset));
		print_one(&fam, str_get(&other), rest);
	}
	print_others(ms, all->n);
}

/* "{unit=\"nginx.service\"}" */
static char *group_label(const struct metrics *ms, const char *key, bool other)
{
	struct str s = STR_INIT;

	str_addc(&s, '{');
	label(&s, ksm_group_name(ms->by), key, true);
	if (other)
		label(&s, OTHER_LABEL, "yes", false);
	str_addc(&s, '}');
	return str_steal(&s);
}

static struct ksm_fig group_fig(const struct ctl_group *g, size_t offset)
{
	return *(const struct ksm_fig *)((const char *)g + offset);
}

static void print_group_metric(const struct metrics *ms, const struct metric *m, size_t offset,
			       int64_t scale, const struct ctl_groups *groups)
{
	struct family fam = { ms, m, scale, false };
	const size_t shown = shown_of(ms, groups->n);
	struct ksm_fig rest = { 0 };

	for (size_t i = 0; i < shown; i++) {
		char *of __cleanup_free = group_label(ms, groups->v[i].key, false);

		print_one(&fam, of, group_fig(&groups->v[i], offset));
	}
	for (size_t i = shown; i < groups->n; i++)
		ksm_fig_add(&rest, group_fig(&groups->v[i], offset));
	if (shown < groups->n) {
		char *of __cleanup_free = group_label(ms, OTHER_NAME, true);

		print_one(&fam, of, rest);
	}
}

/* The small ones stand at the end. */
static void drop_small(const struct metrics *ms, struct ctl_groups *groups)
{
	while (groups->n) {
		struct ctl_group *last = &groups->v[groups->n - 1];

		if (!is_small(ms, merging_bytes(ms, last->merging_pages, last->zero_pages)))
			break;
		free(last->key);
		groups->n--;
	}
}

static void print_groups(const struct metrics *ms, const struct members *all,
			 const struct ksm_stats *s)
{
	const struct ksm_proc **procs = xcalloc(all->n, sizeof(*procs));
	struct ctl_groups groups;

	for (size_t i = 0; i < all->n; i++)
		procs[i] = &all->v[i].p;
	ctl_groups_make(ms->ctl, ms->by, procs, all->n, s, &groups);
	drop_small(ms, &groups);
	for (size_t i = 0; i < ARRAY_SIZE(group_metrics); i++)
		print_group_metric(ms, &group_metrics[i].m, group_metrics[i].offset,
				   group_metrics[i].pages ? (int64_t)s->page_size : 1, &groups);
	print_others(ms, groups.n);
	ctl_groups_free(&groups);
	free(procs);
}

static void print_procs(struct metrics *ms, const struct ksm_stats *s)
{
	struct members all = { 0 };

	members_read(ms, &all);
	if (ms->by == KSM_GROUP_PID)
		print_members(ms, &all);
	else
		print_groups(ms, &all, s);
	for (size_t i = 0; i < all.n; i++)
		free(all.v[i].labels);
	free(all.v);
}

static void parse(struct metrics *ms, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	uint64_t min = 0, top;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_metrics)) != -1) {
		switch (key) {
		case KEY_PROCS:
			ms->procs = true;
			if (p.arg && (num_size(p.arg, &min) || min > INT64_MAX))
				cli_usage_error("--procs: %s: not a size", p.arg);
			ms->min_bytes = (int64_t)min;
			break;
		case CLI_KEY_BY:
			ms->procs = true;
			ms->by = ctl_group_by(p.arg);
			break;
		case KEY_TOP:
			if (num_u64(p.arg, &top))
				cli_usage_error("--top: %s: not a number", p.arg);
			ms->top = MIN(top, SIZE_MAX);
			break;
		case KEY_NAMES:
			ms->names = true;
			break;
		case KEY_WRITE:
			ms->file = p.arg;
			break;
		case KEY_EVERY:
			ms->every_ns = ctl_duration("--every", p.arg);
			if (ms->every_ns < UINT64_C(1000000000))
				cli_usage_error("--every: %s: shorter than a second", p.arg);
			break;
		case KEY_FORMAT:
			ms->openmetrics = !strcmp(p.arg, "openmetrics");
			if (!ms->openmetrics && strcmp(p.arg, "prometheus"))
				cli_usage_error("--format: %s: not a format "
						"(prometheus, openmetrics)", p.arg);
			break;
		default:
			ctl_option(ms->ctl, key, p.arg);
		}
	}
	ctl_no_operands(&p, argv);
	if (ms->every_ns && !ms->file)
		cli_usage_error("--every: wants --write");
}

/* Return: the exit status. */
static int print_all(void *arg)
{
	struct str out __cleanup_str = STR_INIT;
	struct metrics *ms = arg;
	struct ksm_stats s;

	ms->out = &out;
	ctl_open_ksm(ms->ctl);
	print_system(ms, &s);
	print_tuner(ms);
	if (ms->procs)
		print_procs(ms, &s);
	if (ms->openmetrics)
		str_add(&out, "# EOF\n");
	if (str_err(&out))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	if (ms->file)
		ctl_write_file(ms->file, &out, CTL_WRITE_PLAIN);
	else if (cli_print(&out))
		return CLI_FAIL;
	return ms->failed ? CLI_PARTIAL : CLI_OK;
}

int ctl_metrics(struct ctl *ctl, int argc, char **argv)
{
	struct metrics ms = { .ctl = ctl, .by = KSM_GROUP_PID, .top = TOP_DEFAULT };

	parse(&ms, argc, argv);
	return ms.every_ns ? ctl_every(ms.every_ns, print_all, &ms) : print_all(&ms);
}
