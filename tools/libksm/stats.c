// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats.c - the whole system at one moment, and the pure arithmetic on it.
 *
 * Saved memory is (pages_sharing + ksm_zero_pages) pages, never sharing minus
 * shared.  The engine's metadata is what the kernel itself subtracts in
 * general_profit; where that file is absent it is estimated, and said so.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libksm/parse.h"
#include "util/num.h"

/* sizeof(struct ksm_rmap_item) on 64-bit machines, mm/ksm.c of 2.6.32 to 7.3. */
#define ITEM_BYTES 64

uint64_t ksm_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void ksm_fig_add(struct ksm_fig *sum, struct ksm_fig f)
{
	if (f.state == KSM_VALUE) {
		sum->v = sum->state == KSM_VALUE ? num_add_sat(sum->v, f.v) : f.v;
		sum->state = KSM_VALUE;
	} else if (sum->state != KSM_VALUE && f.state > sum->state) {
		sum->state = f.state;
	}
}

/* One "key number" line into the figure that has this key. */
struct key_fig {
	const char *key;
	size_t offset;		/* of a struct ksm_fig in struct ksm_stats */
	int64_t scale;
};

static void keyed_parse(const char *buf, size_t len, const struct key_fig *keys, size_t n,
			struct ksm_stats *out)
{
	struct span rest = { buf, len }, line, key, val;
	int64_t v;

	while (span_line(&rest, &line)) {
		if (!span_word(&line, &key) || !span_word(&line, &val))
			continue;
		for (size_t i = 0; i < n; i++) {
			struct ksm_fig *fig = (void *)((char *)out + keys[i].offset);

			if (!span_is_key(key, keys[i].key) || !span_count(val, &v) ||
			    v > INT64_MAX / keys[i].scale)
				continue;
			*fig = KSM_FIG(v * keys[i].scale);
		}
	}
}

int ksm_vmstat_parse(const char *buf, size_t len, struct ksm_stats *out)
{
	static const struct key_fig keys[] = {
		{ "cow_ksm", offsetof(struct ksm_stats, cow_ksm), 1 },
		{ "ksm_swpin_copy", offsetof(struct ksm_stats, swpin_copy), 1 },
	};

	keyed_parse(buf, len, keys, ARRAY_SIZE(keys), out);
	return 0;
}

int ksm_meminfo_parse(const char *buf, size_t len, struct ksm_stats *out)
{
	static const struct key_fig keys[] = {
		{ "MemTotal", offsetof(struct ksm_stats, mem_total_bytes), 1024 },
		{ "MemAvailable", offsetof(struct ksm_stats, mem_available_bytes), 1024 },
	};

	keyed_parse(buf, len, keys, ARRAY_SIZE(keys), out);
	return 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" (Documentation/accounting/psi.rst). */
int ksm_psi_parse(const char *buf, size_t len, struct ksm_stats *out)
{
	static const char total[] = "total=";
	const size_t skip = sizeof(total) - 1;
	struct span rest = { buf, len }, line, kind, word;
	int64_t us;

	while (span_line(&rest, &line)) {
		if (!span_word(&line, &kind))
			continue;
		while (span_word(&line, &word)) {
			if (word.len <= skip || memcmp(word.s, total, skip) ||
			    !span_count((struct span){ word.s + skip, word.len - skip }, &us))
				continue;
			if (span_is(kind, "some"))
				out->psi_some_us = KSM_FIG(us);
			else if (span_is(kind, "full"))
				out->psi_full_us = KSM_FIG(us);
		}
	}
	return 0;
}

/* Built in and switched off (psi=0), reading it is refused with EOPNOTSUPP. */
static void psi_read(struct ksm *k, struct ksm_stats *out)
{
	int rc = ksm_path_read_file(k, KSM_FILE_PRESSURE, 0, &k->buf);

	if (!rc)
		ksm_psi_parse(str_get(&k->buf), k->buf.len, out);
	else
		out->psi_some_us.state = out->psi_full_us.state =
			rc == -EOPNOTSUPP ? KSM_OFF : ksm_state_of(rc);
}

#define KTHREADD 2	/* the second process of each boot: init/main.c rest_init() */

bool ksm_proc_is_ksmd(const struct ksm_proc *p)
{
	return p->kthread && (!strcmp(p->comm, "ksmd") || !strncmp(p->comm, "ksmd/", 5));
}

/*
 * ksmd is a kernel thread born at boot: among the first pids, and found once.  Others
 * that scan with it come later, and are looked for when their number has changed.  Where
 * the parent of all such threads is not to be seen, in a container or with hidepid=,
 * none of them is: nobody has to look through all processes for it.
 */
static void ksmd_find(struct ksm *k, uint64_t want)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;

	k->n_ksmd = 0;
	k->ksmd_sought = want;
	if (k->live && (ksm_proc_read(k, KTHREADD, 0, &p) || !p.kthread))
		return;
	if (ksm_procs_open(k, &it))
		return;
	want = MIN(want, KSM_SCANNERS_MAX);
	while (k->n_ksmd < want && ksm_procs_next(it, &pid) == 1) {
		if (ksm_proc_read(k, pid, 0, &p) || !ksm_proc_is_ksmd(&p) || (want == 1 && p.comm[4]))
			continue;
		/* The one that every kernel has stands in front. */
		k->ksmd[k->n_ksmd++] = p.comm[4] ? pid : k->ksmd[0];
		if (!p.comm[4])
			k->ksmd[0] = pid;
	}
	ksm_procs_close(it);
}

static bool ksmd_cpu(struct ksm *k, pid_t pid, uint64_t *ns)
{
	char buf[128];
	struct span rest, word;
	struct ksm_proc p;
	ssize_t n;

	/* schedstat has nanoseconds (CONFIG_SCHED_INFO); stat has ticks. */
	n = ksm_path_read_start(k, KSM_FILE_SCHEDSTAT, pid, buf, sizeof(buf));
	rest = (struct span){ buf, n > 0 ? n : 0 };
	if (span_word(&rest, &word) && span_u64(word, ns) && *ns)
		return true;
	if (ksm_proc_read(k, pid, 0, &p) || !ksm_proc_is_ksmd(&p))
		return false;
	*ns = p.cpu_ticks * (1000000000ULL / k->clock_tick);
	return true;
}

/* The time of all that scan; a thread that has ended takes its own with it. */
static void ksmd_read(struct ksm *k, struct ksm_stats *out)
{
	const struct ksm_fig scanners = ksm_stats_fig(out, KSM_ATTR_SCANNERS);
	uint64_t want = ksm_fig_has(scanners) ? MAX(scanners.v, 1) : 1, sum = 0, ns;
	bool any = false;

	if (k->ksmd_sought != want)
		ksmd_find(k, want);
	if (!k->n_ksmd)
		return;
	out->ksmd_pid = KSM_FIG(k->ksmd[0]);
	for (size_t i = 0; i < k->n_ksmd; i++) {
		if (!ksmd_cpu(k, k->ksmd[i], &ns))
			continue;
		sum += ns;
		any = true;
	}
	if (any)
		out->ksmd_cpu_ns = KSM_FIG(sum);
}

int ksm_stats_read(struct ksm *k, struct ksm_stats *out)
{
	char path[KSM_FILE_NAME_MAX];
	enum ksm_attr failed = 0;
	int rc, first = 0;

	memset(out, 0, sizeof(*out));
	out->page_size = k->page_size;
	ksm_for_each_attr(id) {
		rc = ksm_attr_read(k, id, &out->attr[id]);
		if (rc && !first) {
			first = rc;
			failed = id;
		}
	}
	if (!ksm_path_read_file(k, KSM_FILE_VMSTAT, 0, &k->buf))
		ksm_vmstat_parse(str_get(&k->buf), k->buf.len, out);
	if (!ksm_path_read_file(k, KSM_FILE_MEMINFO, 0, &k->buf))
		ksm_meminfo_parse(str_get(&k->buf), k->buf.len, out);
	psi_read(k, out);
	ksmd_read(k, out);
	out->when_ns = k->live ? ksm_now_ns() : k->meta_when_ns;
	/* What was tried since has left its own record. */
	if (first)
		ksm_fail(k, first, "read", "%s", ksm_attr_path(failed, path));
	return first;
}

/*
 * Of the running system by its clock, to which start times count, both as this
 * time namespace sees them: /proc/uptime may be a container's own (lxcfs).  Of a
 * dump "360000.25 90000.00": seconds with hundredths, and what is of no interest here.
 */
struct ksm_fig ksm_uptime_ns(struct ksm *k)
{
	const struct ksm_fig none = { .state = KSM_ABSENT };
	char buf[64], *dot;
	struct span rest, word;
	uint64_t s, hundredths = 0;
	struct timespec t;
	ssize_t n;

	if (k->live && !clock_gettime(CLOCK_BOOTTIME, &t))
		return KSM_FIG((int64_t)t.tv_sec * 1000000000 + t.tv_nsec);
	n = ksm_path_read_start(k, KSM_FILE_UPTIME, 0, buf, sizeof(buf));
	if (n <= 0)
		return none;
	rest = (struct span){ buf, n };
	if (!span_word(&rest, &word))
		return none;
	dot = memchr(word.s, '.', word.len);
	if (dot && !span_u64((struct span){ dot + 1, word.s + word.len - dot - 1 }, &hundredths))
		return none;
	if (dot)
		word.len = dot - word.s;
	if (!span_u64(word, &s) || s > INT64_MAX / 1000000000 - 1 || hundredths > 99)
		return none;
	return KSM_FIG(s * 1000000000 + hundredths * 10000000);
}

void ksm_stats_derive(const struct ksm_stats *s, struct ksm_derived *out)
{
	const struct ksm_fig shared = ksm_stats_fig(s, KSM_ATTR_PAGES_SHARED);
	const struct ksm_fig sharing = ksm_stats_fig(s, KSM_ATTR_PAGES_SHARING);
	const struct ksm_fig unshared = ksm_stats_fig(s, KSM_ATTR_PAGES_UNSHARED);
	const struct ksm_fig vol = ksm_stats_fig(s, KSM_ATTR_PAGES_VOLATILE);
	const struct ksm_fig zero = ksm_stats_fig(s, KSM_ATTR_ZERO_PAGES);
	const struct ksm_fig profit = ksm_stats_fig(s, KSM_ATTR_GENERAL_PROFIT);
	const struct ksm_fig batch = ksm_stats_fig(s, KSM_ATTR_PAGES_TO_SCAN);
	const struct ksm_fig nap = ksm_stats_fig(s, KSM_ATTR_SLEEP_MILLISECS);
	int64_t tracked;

	memset(out, 0, sizeof(*out));
	if (!ksm_fig_has(sharing)) {
		out->saved_bytes.state = sharing.state;
		out->profit_bytes.state = sharing.state;
		out->meta_bytes.state = sharing.state;
		out->tracked_pages.state = sharing.state;
		out->rate_pages_s.state = batch.state;
		return;
	}
	tracked = num_add_sat(num_add_sat(ksm_fig_or(shared, 0), sharing.v),
			      num_add_sat(ksm_fig_or(unshared, 0), ksm_fig_or(vol, 0)));
	out->saved_bytes = KSM_FIG(
		num_mul_sat(num_add_sat(sharing.v, ksm_fig_or(zero, 0)), s->page_size));
	out->tracked_pages = KSM_FIG(tracked);
	if (ksm_fig_has(profit)) {
		out->profit_bytes = profit;
		/* The two files are read one after the other: never show a negative cost. */
		out->meta_bytes =
			KSM_FIG(MAX(num_add_sat(out->saved_bytes.v, num_mul_sat(profit.v, -1)), 0));
	} else {
		out->meta_estimated = true;
		out->meta_bytes = KSM_FIG(num_mul_sat(tracked, ITEM_BYTES));
		out->profit_bytes = KSM_FIG(
			num_add_sat(out->saved_bytes.v, num_mul_sat(out->meta_bytes.v, -1)));
	}
	if (ksm_fig_or(shared, 0) > 0)
		out->sharing_ratio = (double)sharing.v / shared.v;
	if (!ksm_fig_has(batch) || !ksm_fig_has(nap))
		out->rate_pages_s.state = ksm_fig_has(batch) ? nap.state : batch.state;
	else if (nap.v > 0)
		out->rate_pages_s = KSM_FIG(num_mul_sat(batch.v, 1000) / nap.v);
	else
		out->rate_pages_s.state = KSM_OFF; /* no sleep: as fast as it goes */
}

struct ksm_fig ksm_stats_saved_share(const struct ksm_stats *s, struct ksm_fig merging,
				     struct ksm_fig zero)
{
	const struct ksm_fig shared = ksm_stats_fig(s, KSM_ATTR_PAGES_SHARED);
	const struct ksm_fig sharing = ksm_stats_fig(s, KSM_ATTR_PAGES_SHARING);
	int64_t all, pages = 0;

	if (!ksm_fig_has(merging))
		return merging;
	if (!ksm_fig_has(shared) || !ksm_fig_has(sharing))
		return ksm_fig_has(shared) ? sharing : shared;
	all = num_add_sat(shared.v, sharing.v);
	if (all > 0)
		pages = num_round_sat((double)merging.v * sharing.v / all);
	return KSM_FIG(num_mul_sat(num_add_sat(pages, ksm_fig_or(zero, 0)), s->page_size));
}

struct ksm_fig ksm_stats_profit_share(const struct ksm_stats *s, struct ksm_fig merging,
				      struct ksm_fig zero, struct ksm_fig profit)
{
	const struct ksm_fig saved = ksm_stats_saved_share(s, merging, zero);
	int64_t told;

	if (!ksm_fig_has(profit) || !ksm_fig_has(saved))
		return ksm_fig_has(profit) ? saved : profit;
	/* What the kernel took for saved when it counted the profit. */
	told = num_mul_sat(num_add_sat(merging.v, ksm_fig_or(zero, 0)), s->page_size);
	return KSM_FIG(num_add_sat(profit.v, num_add_sat(saved.v, num_mul_sat(told, -1))));
}

struct ksm_fig ksm_fig_grown(struct ksm_fig newer, struct ksm_fig older, bool counter)
{
	int64_t grown;

	if (!ksm_fig_has(newer))
		return newer;
	if (!ksm_fig_has(older))
		return older;
	grown = num_add_sat(newer.v, num_mul_sat(older.v, -1));
	if (counter && grown < 0)
		grown = newer.v;
	return KSM_FIG(grown);
}

static struct ksm_fig rate(struct ksm_fig newer, struct ksm_fig older, double seconds, bool counter)
{
	struct ksm_fig f = ksm_fig_grown(newer, older, counter);

	if (ksm_fig_has(f))
		f.v = seconds > 0 ? num_round_sat(f.v / seconds) : 0;
	return f;
}

void ksm_stats_delta(const struct ksm_stats *newer, const struct ksm_stats *older,
		     struct ksm_delta *out)
{
	struct ksm_fig merged_new = ksm_stats_fig(newer, KSM_ATTR_PAGES_SHARING);
	struct ksm_fig merged_old = ksm_stats_fig(older, KSM_ATTR_PAGES_SHARING);
	double s = newer->when_ns > older->when_ns ? (newer->when_ns - older->when_ns) / 1e9 : 0;

	merged_new.v = num_add_sat(merged_new.v, ksm_fig_or(ksm_stats_fig(newer, KSM_ATTR_ZERO_PAGES), 0));
	merged_old.v = num_add_sat(merged_old.v, ksm_fig_or(ksm_stats_fig(older, KSM_ATTR_ZERO_PAGES), 0));
	out->seconds = s;
	out->merged_per_s = rate(merged_new, merged_old, s, false);
	out->scanned_per_s = rate(ksm_stats_fig(newer, KSM_ATTR_PAGES_SCANNED),
				  ksm_stats_fig(older, KSM_ATTR_PAGES_SCANNED), s, true);
	out->skipped_per_s = rate(ksm_stats_fig(newer, KSM_ATTR_PAGES_SKIPPED),
				  ksm_stats_fig(older, KSM_ATTR_PAGES_SKIPPED), s, true);
	out->dropped_per_s = rate(ksm_stats_fig(newer, KSM_ATTR_DROPPED),
				  ksm_stats_fig(older, KSM_ATTR_DROPPED), s, true);
	out->cow_per_s = rate(newer->cow_ksm, older->cow_ksm, s, true);
	out->swpin_per_s = rate(newer->swpin_copy, older->swpin_copy, s, true);
	out->passes = rate(ksm_stats_fig(newer, KSM_ATTR_FULL_SCANS),
			   ksm_stats_fig(older, KSM_ATTR_FULL_SCANS), 1, true);
	out->ksmd_cpu_pct = -1;
	if (ksm_fig_has(newer->ksmd_cpu_ns) && ksm_fig_has(older->ksmd_cpu_ns) && s > 0)
		out->ksmd_cpu_pct = MAX((double)newer->ksmd_cpu_ns.v - older->ksmd_cpu_ns.v, 0.0) /
				    (s * 1e9) * 100;
}

bool ksm_settle_step(struct ksm_settle *s, int64_t full_scans, int64_t pages, double tolerance)
{
	double grown;

	if (!s->started || full_scans < s->full_scans) {
		*s = (struct ksm_settle){ .started = true, .full_scans = full_scans,
					  .pages = pages };
		return false;
	}
	if (full_scans == s->full_scans)
		return false;
	s->passes += (uint64_t)full_scans - (uint64_t)s->full_scans - (s->begun ? 0 : 1);
	s->begun = true;
	s->full_scans = full_scans;
	grown = (double)pages - s->pages;
	s->pages = pages;
	return s->passes >= 2 && grown <= MAX(pages, 0) * tolerance / 100;
}
