// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * findings.c - what is wrong with merging on this system, and what mends it,
 * from figures alone: no clock, no kernel.
 *
 * Each finding is a row: a test and the text it writes.  Order is importance.
 */
#include <stdio.h>
#include <string.h>

#include "ksmctl/ksmctl.h"
#include "util/num.h"

/* Thresholds of advice, in one place. */
#define SLOW_PASS_S    600	/* a pass that takes longer finds little in time */
#define MOSTLY_PCT     80
#define BUSY_CPU_PCT   50
#define MIN_TRACKED    1000	/* pages: below, shares mean nothing */
#define CHAIN_FACTOR   4	/* copies in chains per shared copy worth a word */
#define DROPPED_PCT    10	/* candidates dropped, of the pages without a twin */

static int64_t attr(const struct ctl_facts *f, enum ksm_attr id)
{
	const struct ksm_value *v = &f->stats->attr[id];

	return v->state == KSM_VALUE ? v->v : 0;
}

static bool has(const struct ctl_facts *f, enum ksm_attr id)
{
	return f->stats->attr[id].state == KSM_VALUE;
}

/* -1 when it cannot be read: then nothing is said about it. */
static int64_t run(const struct ctl_facts *f)
{
	if (!has(f, KSM_ATTR_RUN))
		return -1;
	return attr(f, KSM_ATTR_RUN) & ~(int64_t)KSM_RUN_OFFLINING;
}

static double share_pct(const struct ctl_facts *f, enum ksm_attr id)
{
	int64_t all = ksm_fig_or(f->derived->tracked_pages, 0);

	return all ? 100.0 * attr(f, id) / all : 0;
}

/* Of those, what smart_scan passes over now, as far as it was seen at work. */
static double skipped_pct(const struct ctl_facts *f)
{
	const double skipped = f->delta ? ksm_fig_or(f->delta->skipped_per_s, 0) : 0;
	const double scanned = f->delta ? ksm_fig_or(f->delta->scanned_per_s, 0) : 0;

	return skipped > 0 ? 100.0 * skipped / (skipped + MAX(scanned, 0.0)) : 0;
}

static bool scanned_twice(const struct ctl_facts *f)
{
	return attr(f, KSM_ATTR_FULL_SCANS) >= 2 &&
	       ksm_fig_or(f->derived->tracked_pages, 0) >= MIN_TRACKED;
}

static bool tuner_runs(const struct ctl_facts *f)
{
	return f->decider && ctl_tuner_runs(f->decider);
}

static bool is_in_force(const struct ctl_facts *f, enum ksm_attr id)
{
	const struct ksm_value *want = &f->decider->note.want.value[id];

	return want->state == KSM_VALUE && has(f, id) && want->v == attr(f, id);
}

static bool tuner_died(const struct ctl_facts *f, struct ctl_finding *out)
{
	unsigned int left = 0;

	if (!f->decider || !ctl_tuner_died(f->decider))
		return false;
	ksm_for_each_attr(id)
		left += is_in_force(f, id);
	snprintf(out->text, sizeof(out->text),
		 "ksm-autotune (pid %d) died and put nothing back: %u of its settings %s in force",
		 (int)f->decider->note.id.pid, left, left == 1 ? "is" : "are");
	snprintf(out->command, sizeof(out->command), "ksm-autotune restore");
	return true;
}

static bool tuner_hangs(const struct ctl_facts *f, struct ctl_finding *out)
{
	char late[32];

	if (!f->decider || !f->decider->noted || !f->decider->note.late_s)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "ksm-autotune (pid %d) hangs: its next look is %s overdue",
		 (int)f->decider->note.id.pid,
		 cli_duration(late, sizeof(late), num_mul_sat(f->decider->note.late_s, 1000000000)));
	snprintf(out->command, sizeof(out->command), "systemctl restart ksm-autotune");
	return true;
}

/* A write to pages_to_scan fails then, and ksmtuned does not start the scanner either. */
static bool two_decide(const struct ctl_facts *f, struct ctl_finding *out)
{
	const bool advisor = attr(f, KSM_ATTR_ADVISOR_MODE) != 0;

	if (!f->decider || !f->decider->ksmtuned.pid || (!advisor && !tuner_runs(f)))
		return false;
	snprintf(out->text, sizeof(out->text), "ksmtuned (pid %d) decides about the scanner, and "
		 "so does %s", (int)f->decider->ksmtuned.pid,
		 tuner_runs(f) ? "ksm-autotune" : "the kernel's advisor");
	snprintf(out->command, sizeof(out->command), "systemctl disable --now ksmtuned");
	return true;
}

/* Starting the scanner by hand would only take the setting away from it. */
static bool tuner_stopped(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (run(f) != KSM_RUN_STOPPED || !tuner_runs(f) || !is_in_force(f, KSM_ATTR_RUN))
		return false;
	snprintf(out->text, sizeof(out->text), "ksm-autotune has stopped the scanner: %s",
		 f->decider->note.reason);
	snprintf(out->command, sizeof(out->command), "ksm-autotune explain");
	return true;
}

static const char *start_command(const struct ctl_facts *f)
{
	return tuner_runs(f) ? "ksm-autotune kick --take" : "ksmctl start";
}

static bool stopped(const struct ctl_facts *f, struct ctl_finding *out)
{
	struct ctl_finding by;

	if (run(f) != KSM_RUN_STOPPED || tuner_stopped(f, &by) || attr(f, KSM_ATTR_PAGES_SHARED))
		return false;
	snprintf(out->text, sizeof(out->text), "merging is stopped: no memory is looked at");
	snprintf(out->command, sizeof(out->command), "%s", start_command(f));
	return true;
}

static bool stopped_merged(const struct ctl_facts *f, struct ctl_finding *out)
{
	struct ctl_finding by;

	if (run(f) != KSM_RUN_STOPPED || tuner_stopped(f, &by) || !attr(f, KSM_ATTR_PAGES_SHARED))
		return false;
	snprintf(out->text, sizeof(out->text),
		 "merging is stopped: merged pages stay merged, new ones are not found");
	snprintf(out->command, sizeof(out->command), "%s", start_command(f));
	return true;
}

static bool unmerged(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (run(f) != KSM_RUN_UNMERGING)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "run is 2: everything was unmerged and merging stays off");
	snprintf(out->command, sizeof(out->command), "%s", start_command(f));
	return true;
}

static bool offlining(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (!(attr(f, KSM_ATTR_RUN) & KSM_RUN_OFFLINING))
		return false;
	snprintf(out->text, sizeof(out->text), "memory is going offline: merging waits for it");
	return true;
}

bool ctl_scans_nothing(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t pages = attr(f, KSM_ATTR_PAGES_TO_SCAN);
	const char *mends = "ksmctl set sleep_millisecs 20";

	/* A rate below one page a second is rounded down; without any sleep there is none. */
	if (run(f) != KSM_RUN_RUNNING || !has(f, KSM_ATTR_PAGES_TO_SCAN) ||
	    (pages && (!ksm_fig_has(f->derived->rate_pages_s) || f->derived->rate_pages_s.v)))
		return false;
	if (!pages) {
		snprintf(out->text, sizeof(out->text),
			 "the scanner runs, but scans no page: pages_to_scan is 0");
		mends = attr(f, KSM_ATTR_ADVISOR_MODE) ?
				"ksmctl set advisor_min_pages_to_scan=500 "
				"advisor_max_pages_to_scan=30000" :
				"ksmctl set pages_to_scan 100";
	} else {
		snprintf(out->text, sizeof(out->text),
			 "the scanner scans less than a page a second: "
			 "%lld pages, then %lld ms of sleep", (long long)pages,
			 (long long)attr(f, KSM_ATTR_SLEEP_MILLISECS));
	}
	snprintf(out->command, sizeof(out->command), "%s", mends);
	return true;
}

/* Nothing is tracked, although the scanner does its work. */
static bool tracks_nothing(const struct ctl_facts *f)
{
	return run(f) == KSM_RUN_RUNNING && !ksm_fig_or(f->derived->tracked_pages, 0) &&
	       !attr(f, KSM_ATTR_ZERO_PAGES);
}

static bool nobody(const struct ctl_facts *f, struct ctl_finding *out)
{
	struct ctl_finding other;

	if (!tracks_nothing(f) || ksm_fig_or(f->members, 0))
		return false;
	if (ksm_fig_has(f->members))
		snprintf(out->text, sizeof(out->text),
			 "no memory is tracked: no process has asked for merging");
	else if (!ctl_scans_nothing(f, &other))
		snprintf(out->text, sizeof(out->text), "no memory is tracked: no process has "
			 "asked for merging, or none was scanned yet");
	else
		return false;
	snprintf(out->command, sizeof(out->command), "ksm-advise -p PID  (or: ksm-advise -- COMMAND)");
	return true;
}

static bool not_scanned(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t members = ksm_fig_or(f->members, 0);
	/* hksm merges what it sees for the first time, unless it is told to wait. */
	const int needs = attr(f, KSM_ATTR_ONE_PASS) ? 1 : 2;
	struct ctl_finding other;

	/* Waiting is no advice where nothing is looked at. */
	if (run(f) != KSM_RUN_RUNNING || ctl_scans_nothing(f, &other))
		return false;
	if (tracks_nothing(f) && members)
		snprintf(out->text, sizeof(out->text),
			 "%lld %s mergeable, and nothing of %s memory was scanned yet",
			 (long long)members, members == 1 ? "process is" : "processes are",
			 members == 1 ? "its" : "their");
	else if (ksm_fig_or(f->derived->tracked_pages, 0) && attr(f, KSM_ATTR_FULL_SCANS) < needs)
		snprintf(out->text, sizeof(out->text),
			 needs == 1 ? "the engine has not looked at all memory yet: %lld passes are done" :
				      "the engine needs two passes to merge a page, and %lld are done",
			 (long long)attr(f, KSM_ATTR_FULL_SCANS));
	else
		return false;
	snprintf(out->command, sizeof(out->command), "ksmctl settle");
	return true;
}

static bool slow_pass(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t rate = ksm_fig_or(f->derived->rate_pages_s, 0);
	const int64_t pages = ksm_fig_or(f->derived->tracked_pages, 0);
	int64_t minutes;

	if (run(f) != KSM_RUN_RUNNING || rate <= 0 || pages / rate < SLOW_PASS_S ||
	    attr(f, KSM_ATTR_ADVISOR_MODE) > 0 || tuner_runs(f))
		return false;
	minutes = pages / rate / 60;
	snprintf(out->text, sizeof(out->text),
		 "a pass over what is mergeable takes about %lld minutes at this rate",
		 (long long)minutes);
	snprintf(out->command, sizeof(out->command),
		 has(f, KSM_ATTR_ADVISOR_MODE) ? "ksmctl set advisor_mode scan-time" :
						 "ksmctl profile balanced");
	return true;
}

/* Each on its own suffices, and is switched off in its own way. */
static bool only_zero(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (attr(f, KSM_ATTR_ZERO_ONLY)) {
		snprintf(out->text, sizeof(out->text),
			 "only pages full of zeroes are merged: hksm/zero_only is 1");
		snprintf(out->command, sizeof(out->command), "ksmctl set hksm/zero_only 0");
		return true;
	}
	if (!f->around || ksm_fig_or(f->around->only_zero, 0) != 1)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "only pages full of zeroes are merged: redhat_only_zero_pages is 1");
	snprintf(out->command, sizeof(out->command),
		 "echo 0 >/sys/kernel/mm/ksm/redhat_only_zero_pages");
	return true;
}

/*
 * A page that is not remembered is not found by its twins.  The counter only grows, so
 * what it says of now takes two looks; one look tells no more than that it was often.
 */
static bool dropped(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t now = f->delta ? ksm_fig_or(f->delta->dropped_per_s, 0) : 0;
	const int64_t all = attr(f, KSM_ATTR_DROPPED);
	const int64_t waiting = attr(f, KSM_ATTR_PAGES_UNSHARED);

	if (now > 0)
		snprintf(out->text, sizeof(out->text),
			 "memory is short: hksm does not remember %lld of the pages that it scans "
			 "a second", (long long)now);
	else if (all >= MIN_TRACKED && all >= waiting / 100 * DROPPED_PCT)
		snprintf(out->text, sizeof(out->text),
			 "memory was short: %lld times hksm could not remember a page",
			 (long long)all);
	else
		return false;
	snprintf(out->command, sizeof(out->command), "ksmctl procs --sort PROFIT");
	return true;
}

static bool negative(const struct ctl_facts *f, struct ctl_finding *out)
{
	/* Memory that huge pages gave back is a gain that the profit does not know. */
	if (num_add_sat(ksm_fig_or(f->derived->profit_bytes, 0),
			ksm_fig_or(f->unseen_zero_bytes, 0)) >= 0)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "merging costs more memory for its metadata than it saves");
	snprintf(out->command, sizeof(out->command), "ksmctl procs --sort PROFIT");
	return true;
}

/*
 * With smart_scan a page that found no twin is passed over in most passes, and a
 * page that is passed over counts as volatile (mm/ksm.c, should_skip_rmap_item()
 * takes it out of the tree, Linux 6.7): what changes and what is unique cannot be
 * told apart but by pages_skipped, while the scanner works.
 */
static double volatile_pct(const struct ctl_facts *f)
{
	const double pct = share_pct(f, KSM_ATTR_PAGES_VOLATILE);

	if (attr(f, KSM_ATTR_SMART_SCAN) != 1)
		return pct;
	return f->delta && ksm_fig_or(f->delta->scanned_per_s, 0) > 0 ?
		       MAX(pct - skipped_pct(f), 0.0) : 0;
}

static bool mostly_unique(const struct ctl_facts *f, struct ctl_finding *out)
{
	const bool smart = attr(f, KSM_ATTR_SMART_SCAN) == 1;
	double pct = share_pct(f, KSM_ATTR_PAGES_UNSHARED);

	if (smart)
		pct += share_pct(f, KSM_ATTR_PAGES_VOLATILE);
	if (!scanned_twice(f) || pct < MOSTLY_PCT || volatile_pct(f) >= MOSTLY_PCT)
		return false;
	snprintf(out->text, sizeof(out->text), smart ?
		 "%.0f %% of the pages looked at are not merged: they have no twin, or they "
		 "change; smart_scan passes over most of them" :
		 "%.0f %% of the pages looked at have no twin: these programs share little", pct);
	snprintf(out->command, sizeof(out->command), "ksmctl procs --sort PROFIT");
	return true;
}

static bool mostly_volatile(const struct ctl_facts *f, struct ctl_finding *out)
{
	const double pct = volatile_pct(f);

	if (!scanned_twice(f) || pct < MOSTLY_PCT)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "%.0f %% of the pages change between passes or are pinned", pct);
	snprintf(out->command, sizeof(out->command), "ksmctl watch");
	return true;
}

static bool busy(const struct ctl_facts *f, struct ctl_finding *out)
{
	/* ksm-autotune has a limit of its own, and a reason. */
	if (!f->delta || f->delta->ksmd_cpu_pct < BUSY_CPU_PCT || tuner_runs(f))
		return false;
	snprintf(out->text, sizeof(out->text), "ksmd uses %.0f %% of a CPU now",
		 f->delta->ksmd_cpu_pct);
	snprintf(out->command, sizeof(out->command), "ksmctl profile gentle");
	return true;
}

static bool breaking(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t cow = f->delta ? ksm_fig_or(f->delta->cow_per_s, 0) : 0;
	const int64_t merged = f->delta ? ksm_fig_or(f->delta->merged_per_s, 0) : 0;

	if (cow < 1000 || cow < merged)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "programs write to merged pages: the kernel makes %lld copies a second", (long long)cow);
	snprintf(out->command, sizeof(out->command), "ksmctl watch");
	return true;
}

static bool nodes(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (!has(f, KSM_ATTR_MERGE_ACROSS_NODES) || attr(f, KSM_ATTR_MERGE_ACROSS_NODES))
		return false;
	snprintf(out->text, sizeof(out->text),
		 "pages of different NUMA nodes are not merged (merge_across_nodes is 0)");
	snprintf(out->command, sizeof(out->command),
		 "ksmctl unmerge && ksmctl set merge_across_nodes 1 run 1");
	return true;
}

static bool no_smart_scan(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (!has(f, KSM_ATTR_SMART_SCAN) || attr(f, KSM_ATTR_SMART_SCAN) ||
	    run(f) != KSM_RUN_RUNNING)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "smart_scan is off: pages that never merge are read in every pass");
	snprintf(out->command, sizeof(out->command), "ksmctl set smart_scan 1");
	return true;
}

/* A choice and no mistake: doctor tells it, status does not warn of it. */
static bool two_looks(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (!has(f, KSM_ATTR_ONE_PASS) || attr(f, KSM_ATTR_ONE_PASS))
		return false;
	snprintf(out->text, sizeof(out->text),
		 "memory merges only after two passes have seen it the same: hksm/one_pass is 0");
	snprintf(out->command, sizeof(out->command), "ksmctl set hksm/one_pass 1");
	return true;
}

static bool many_copies(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t dups = attr(f, KSM_ATTR_NODE_DUPS);

	if (dups < MIN_TRACKED || dups < attr(f, KSM_ATTR_NODE_CHAINS) * CHAIN_FACTOR)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "%lld further copies are kept because one may serve %lld pages at most",
		 (long long)dups, (long long)attr(f, KSM_ATTR_MAX_PAGE_SHARING));
	snprintf(out->command, sizeof(out->command),
		 "ksmctl unmerge && ksmctl set max_page_sharing 1024 run 1");
	return true;
}

/*
 * khugepaged counts the zero page among what it may fill (mm/khugepaged.c,
 * hpage_collapse_scan_pmd()), whoever put it there.
 */
static bool collapse(const struct ctl_facts *f, struct ctl_finding *out)
{
	const int64_t zero = num_add_sat(
		attr(f, KSM_ATTR_ZERO_PAGES),
		ksm_fig_or(f->unseen_zero_bytes, 0) / (int64_t)MAX(f->stats->page_size, 1u));
	const int64_t fills = f->around ? ksm_fig_or(f->around->max_ptes_none, 0) : 0;

	if (zero < MIN_TRACKED || fills <= 0 || ksm_fig_or(f->around->thp, 0) <= 0)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "khugepaged may take the memory of zero pages back: it makes a huge page of "
		 "a range with up to %lld of them", (long long)fills);
	snprintf(out->command, sizeof(out->command),
		 "echo 0 >/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none");
	return true;
}

/* What is not known is said: it takes reading their memory, which ksm-estimate does. */
static bool namespaces(const struct ctl_facts *f, struct ctl_finding *out)
{
	const struct ctl_spaces *s = f->spaces;

	if (!s || s->n < 2)
		return false;
	snprintf(out->text, sizeof(out->text),
		 "programs of %zu namespaces%s%s%s are mergeable in one pool: pages that are equal "
		 "are shared across them, which timing tells; whether any are is not known here",
		 s->n, *s->names ? " (" : "", s->names, *s->names ? ")" : "");
	snprintf(out->command, sizeof(out->command), "ksm-estimate --by namespace --pairs");
	return true;
}

static bool foreign(const struct ctl_facts *f, struct ctl_finding *out)
{
	if (!f->around || !ksm_fig_has(f->around->uksm_run))
		return false;
	snprintf(out->text, sizeof(out->text),
		 "this kernel has a second engine, UKSM (/sys/kernel/mm/uksm, run is %lld), "
		 "whose work is not shown here", (long long)f->around->uksm_run.v);
	if (f->around->uksm_run.v)
		snprintf(out->command, sizeof(out->command), "echo 0 >/sys/kernel/mm/uksm/run");
	return true;
}

static const struct {
	bool (*test)(const struct ctl_facts *f, struct ctl_finding *out);
	bool serious;
} rows[] = {
	[CTL_FOREIGN] = { foreign, true },
	[CTL_TUNER_DIED] = { tuner_died, true },
	[CTL_TUNER_HANGS] = { tuner_hangs, true },
	[CTL_TWO_DECIDE] = { two_decide, true },
	[CTL_TUNER_STOPPED] = { tuner_stopped, false },
	[CTL_STOPPED] = { stopped, true },
	[CTL_STOPPED_MERGED] = { stopped_merged, true },
	[CTL_UNMERGED] = { unmerged, true },
	[CTL_OFFLINING] = { offlining, true },
	[CTL_SCANS_NOTHING] = { ctl_scans_nothing, true },
	[CTL_NOBODY] = { nobody, true },
	[CTL_NOT_SCANNED] = { not_scanned, false },
	[CTL_SLOW_PASS] = { slow_pass, true },
	[CTL_ONLY_ZERO] = { only_zero, true },
	[CTL_DROPPED] = { dropped, true },
	[CTL_NEGATIVE] = { negative, true },
	[CTL_MOSTLY_UNIQUE] = { mostly_unique, false },
	[CTL_MOSTLY_VOLATILE] = { mostly_volatile, false },
	[CTL_BUSY] = { busy, true },
	[CTL_BREAKING] = { breaking, true },
	[CTL_NODES] = { nodes, false },
	[CTL_NO_SMART_SCAN] = { no_smart_scan, false },
	[CTL_TWO_LOOKS] = { two_looks, false },
	[CTL_MANY_COPIES] = { many_copies, false },
	[CTL_COLLAPSE] = { collapse, false },
	[CTL_NAMESPACES] = { namespaces, false },
};

_Static_assert(ARRAY_SIZE(rows) == __CTL_FINDING_N, "a row for each finding");

size_t ctl_findings(const struct ctl_facts *f, struct ctl_finding *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && n < max; i++) {
		memset(&out[n], 0, sizeof(out[n]));
		if (!rows[i].test(f, &out[n]))
			continue;
		out[n].id = i;
		out[n].serious = rows[i].serious;
		n++;
	}
	return n;
}
