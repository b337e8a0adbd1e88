// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-metrics.c - ksmctl metrics: OpenMetrics text, for a textfile collector.
 *
 * What node_exporter's ksmd collector already names keeps those names
 * (collector/ksmd_linux.go); the rest is ksm_*.  Figures this kernel does not
 * have are left out rather than 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

enum { KEY_PROCS = CLI_OPT_LONG };

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ KEY_PROCS, "procs", "[MIN]",
	  "also each process that takes part, from MIN bytes of merging on", 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_metrics = {
	.name = "ksmctl metrics",
	.synopsis = synopsis,
	.about = "Print all figures as OpenMetrics text.",
	.opts = opts,
	.common = ctl_common_opts,
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
	{ KSM_ATTR_GENERAL_PROFIT, { "ksm_general_profit_bytes", "Memory saved minus metadata; may be negative.", false, 0 } },
};

static void head(const struct metric *m)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
	       m->counter ? "counter" : "gauge");
}

static void value(const struct metric *m, const char *labels, int64_t v)
{
	printf("%s%s%s ", m->name, m->counter ? "_total" : "", labels);
	if (m->scale > 0)
		printf("%.9g\n", v * m->scale);
	else
		printf("%lld\n", (long long)v);
}

static void print_fig(const struct metric *m, struct ksm_fig f)
{
	if (!ksm_fig_has(f))
		return;
	head(m);
	value(m, "", f.v);
}

static void print_system(struct ctl *ctl)
{
	static const struct metric saved = { "ksm_saved_bytes", "Memory saved.", false, 0 };
	static const struct metric meta = { "ksm_metadata_bytes", "Memory the engine's metadata takes.", false, 0 };
	static const struct metric cow = { "ksm_cow", "Copies on write of merged pages.", true, 0 };
	static const struct metric swpin = { "ksm_swpin_copy", "Merged pages copied when swapped in.", true, 0 };
	static const struct metric cpu = { "ksm_ksmd_cpu_seconds", "CPU time of ksmd.", true, 1e-9 };
	static const struct metric page = { "ksm_page_size_bytes", "Size of a page.", false, 0 };
	struct ksm_derived d;
	struct ksm_stats s;

	ctl_stats(ctl, &s);
	ksm_stats_derive(&s, &d);
	for (size_t i = 0; i < ARRAY_SIZE(attr_metrics); i++)
		print_fig(&attr_metrics[i].m, ksm_stats_fig(&s, attr_metrics[i].id));
	print_fig(&saved, d.saved_bytes);
	print_fig(&meta, d.meta_bytes);
	print_fig(&cow, s.cow_ksm);
	print_fig(&swpin, s.swpin_copy);
	print_fig(&cpu, s.ksmd_cpu_ns);
	print_fig(&page, KSM_FIG((int64_t)s.page_size));
}

/* --- per process --- */

static const struct {
	size_t offset;		/* of a figure in struct ksm_proc_stat */
	bool pages;		/* to be told in bytes */
	struct metric m;
} proc_metrics[] = {
	{ offsetof(struct ksm_proc_stat, merging_pages), true, { "ksm_process_merging_bytes", "Memory in shared copies, the copies included.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, zero_pages), true, { "ksm_process_zero_bytes", "Memory merged with the zero page.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, items), false, { "ksm_process_rmap_items", "Pages the engine keeps metadata for.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, profit_bytes), false, { "ksm_process_profit_bytes", "Memory saved minus metadata; may be negative.", false, 0 } },
	{ offsetof(struct ksm_proc_stat, scan_pages), false, { "ksm_process_scanned_pages", "Pages looked at (hksm).", true, 0 } },
	{ offsetof(struct ksm_proc_stat, scan_ns), false, { "ksm_process_scan_seconds", "CPU spent on it (hksm).", true, 1e-9 } },
	{ offsetof(struct ksm_proc_stat, merges), false, { "ksm_process_merges", "Pages merged (hksm).", true, 0 } },
	{ offsetof(struct ksm_proc_stat, breaks), false, { "ksm_process_breaks", "Merged pages written again (hksm).", true, 0 } },
	{ offsetof(struct ksm_proc_stat, meta_bytes), false, { "ksm_process_metadata_bytes", "Metadata kept for it (hksm).", false, 0 } },
};

struct member {
	struct ksm_proc p;
	char *labels;
};

struct members {
	struct member *v;
	size_t n;
};

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

static char *labels(struct ctl *ctl, const struct ksm_proc *p)
{
	struct str s = STR_INIT;
	char pid[16], key[4096];

	snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	str_addc(&s, '{');
	label(&s, "pid", pid, true);
	label(&s, "comm", p->comm, false);
	label(&s, "user", ksm_user_name(ctl->k, p->uid), false);
	if (!ksm_group_key(ctl->k, p, KSM_GROUP_UNIT, key, sizeof(key)) && *key)
		label(&s, "unit", key, false);
	if (!ksm_group_key(ctl->k, p, KSM_GROUP_VM, key, sizeof(key)) && *key)
		label(&s, "vm", key, false);
	str_addc(&s, '}');
	return str_steal(&s);
}

static void members_read(struct ctl *ctl, int64_t min_bytes, struct members *out)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc = ksm_procs_open(ctl->k, &it);

	if (rc)
		cli_die(CLI_FAIL, rc, "cannot list processes");
	while (ksm_procs_next(it, &pid) == 1) {
		int64_t merging;

		if (ksm_proc_read(ctl->k, pid, KSM_PROC_KSM | KSM_PROC_UID, &p))
			continue;
		merging = num_mul_sat(num_add_sat(ksm_fig_or(p.ksm.merging_pages, 0),
						  ksm_fig_or(p.ksm.zero_pages, 0)),
				      ksm_page_size(ctl->k));
		if (!merging && !ksm_fig_or(p.ksm.items, 0))
			continue;
		/* Zero pages may be counted below zero: no reason to leave a process out. */
		if (MAX(merging, 0) < min_bytes)
			continue;
		out->v = xreallocarray(out->v, out->n + 1, sizeof(*out->v));
		out->v[out->n++] = (struct member){ p, labels(ctl, &p) };
	}
	ksm_procs_close(it);
}

static void print_members(struct ctl *ctl, const struct members *ms)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_metrics); i++) {
		bool headed = false;

		for (size_t n = 0; n < ms->n; n++) {
			const struct ksm_fig *f = (const void *)((const char *)&ms->v[n].p.ksm +
								 proc_metrics[i].offset);

			if (!ksm_fig_has(*f) || !ms->v[n].labels)
				continue;
			if (!headed)
				head(&proc_metrics[i].m);
			headed = true;
			value(&proc_metrics[i].m, ms->v[n].labels,
			      num_mul_sat(f->v,
					  proc_metrics[i].pages ? ksm_page_size(ctl->k) : 1));
		}
	}
}

int ctl_metrics(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct members ms = { 0 };
	uint64_t min = 0;
	bool procs = false;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_metrics)) != -1) {
		if (key == KEY_PROCS) {
			procs = true;
			if (p.arg && (num_size(p.arg, &min) || min > INT64_MAX))
				cli_usage_error("--procs: %s: not a size", p.arg);
		} else {
			ctl_option(ctl, key, p.arg);
		}
	}
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	print_system(ctl);
	if (procs) {
		members_read(ctl, min, &ms);
		print_members(ctl, &ms);
		for (size_t i = 0; i < ms.n; i++)
			free(ms.v[i].labels);
		free(ms.v);
	}
	printf("# EOF\n");
	return CLI_OK;
}
