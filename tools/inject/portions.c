// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * portions.c - change the marks of a process' mappings without holding it up.
 *
 * In order of address, so that no mapping but the one that is worked on is in
 * two pieces: the kernel joins neighbours with equal marks (mm/madvise.c
 * madvise_update_vma()).  What the kernel merges again behind our back, in
 * mappings that are still marked, is met when we come to them; mappings that
 * appear meanwhile are found by looking again.
 */
#include "inject/portions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "inject/merged.h"
#include "inject/slice.h"
#include "libksm/internal.h"
#include "libksm/sys.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/vec.h"

/*
 * What one call should take, and so be waited for by whoever maps or faults.  A page
 * may take ten times what it took until now, where the machine below has to find one.
 */
#define CALL_NS UINT64_C(250000)
/* The same of one that copies nothing: what looks take in one mapping varies little. */
#define LOOKS_NS UINT64_C(800000)
/* What the calls of one stop may take; the stop itself takes some 50 us more. */
#define BUDGET_NS UINT64_C(600000)
/* After so long, no other call is begun in a stop. */
#define HOLD_US 800
#define BATCH 16
#define RUNS_MAX 4096
#define ROUNDS_MAX 4
/* In a row, of a target that was caught at a bad moment. */
#define RETRIES_MAX 20
#define RETRY_NS 20000000L
/* Until the next stop, a process that has something to do runs for this part of the last. */
#define REST_SHARE 2
#define REST_MAX_NS UINT64_C(10000000)
/* Besides the call itself: to find the thread, stop it, and let it go. */
#define STOP_NS UINT64_C(200000)
/*
 * Pages from which on a mapping is a range of its own, with prices of its own.  The
 * kernel passes over it at once if it never had a page of its own, and else looks for
 * each page, also of address space that is only reserved.  Nobody can see which of
 * them it does; the first calls tell.
 */
#define LARGE_PAGES 8192U
/* Counted for one with nothing in it, until they do: each call is four times the last. */
#define BARE_CALLS 8
/* Ranges nearer than that become one: a call may go over holes and mappings not concerned. */
#define JOIN_PAGES 512U

struct range {
	uint64_t start, end;
	struct ksm_fig ksm_pages;	/* of those that are merged; no value before 6.7 */
	bool large;
	bool bare;			/* nothing is in it */
};

struct piece {
	struct slice s;
	uint64_t pages;			/* merged ones in it, as far as is known */
	uint64_t share_ns;		/* of all the work, by the first guess */
};

struct work {
	struct ksm *k;
	const struct ksm_whom *whom;
	pid_t pid;
	const struct ksm_portions_how *how;
	size_t page;
	struct merged *merged;		/* NULL: on, or it cannot be read */
	struct ksm_inject_kept *kept;	/* each stop needs to know the same of it */
	struct slice_cost cost;
	struct slice_cost first;	/* before anything was measured: for the progress */
	struct range *ranges;
	size_t n_ranges, cap_ranges;
	size_t at_only;			/* the first of how->only that ends behind the last mapping */
	struct piece batch[BATCH];
	size_t n_batch;
	bool blocked;			/* a mapping could not be cut in two */
	uint64_t way_ns;		/* what it took besides to stop it: time to run, for it */
	uint64_t began_ns;
	uint64_t done_ns, all_ns;	/* work that is done, and what there is, by the first guess */
	struct ksm_portions *now;
	struct ksm_inject_info *info;
};

static int fail(struct work *w, enum ksm_inject_why why, int rc)
{
	w->info->why = why;
	return rc;
}

/* ------------------------------------------------------------------ */
/* what there is to do							*/

/* Is what lies between two ranges ours to go over? */
static bool may_join(const struct work *w, const struct range *last, uint64_t start)
{
	return !w->how->only && !last->large &&
	       start - last->end <= (uint64_t)JOIN_PAGES * w->page;
}

static int add_range(struct work *w, const struct ksm_vma *vma, uint64_t start, uint64_t end)
{
	struct range *last = w->n_ranges ? &w->ranges[w->n_ranges - 1] : NULL;
	struct ksm_fig pages = vma->ksm_line;
	const bool large = !w->how->on && end - start >= (uint64_t)LARGE_PAGES * w->page;

	/* Of a part, as many as if they were evenly spread. */
	pages.v = (int64_t)MIN(num_floor_sat((double)pages.v * (end - start) /
					     (vma->end - vma->start) / w->page),
			       (uint64_t)INT64_MAX);
	if (last && !large && may_join(w, last, start)) {
		last->end = end;
		if (ksm_fig_has(last->ksm_pages) && ksm_fig_has(pages))
			last->ksm_pages.v += pages.v;
		else
			last->ksm_pages.state = KSM_ABSENT;
		return 0;
	}
	if (vec_room(w->ranges, w->n_ranges, w->cap_ranges))
		return -ENOMEM;
	w->ranges[w->n_ranges++] = (struct range){
		.start = start,
		.end = end,
		.ksm_pages = pages,
		.large = large,
		.bare = large && !vma->rss_bytes && !vma->swap_bytes,
	};
	return 0;
}

static int add_vma(const struct ksm_vma *vma, void *arg)
{
	struct work *w = arg;
	const struct ksm_portions_how *how = w->how;
	int rc = 0;

	if (how->on ? vma->mergeable || vma->why != KSM_VMA_OK : !vma->mergeable)
		return 0;
	if (!how->only)
		return add_range(w, vma, vma->start, vma->end);
	/* Both ascend. */
	while (w->at_only < how->n_only && how->only[w->at_only].end <= vma->start)
		w->at_only++;
	for (size_t i = w->at_only; i < how->n_only && how->only[i].start < vma->end && !rc; i++) {
		const uint64_t start = MAX(vma->start, how->only[i].start);
		const uint64_t end = MIN(vma->end, how->only[i].end);

		if (start < end)
			rc = add_range(w, vma, start, end);
	}
	return rc;
}

static int list_ranges(struct work *w)
{
	int rc;

	w->n_ranges = 0;
	w->at_only = 0;
	rc = ksm_vmas_walk(w->k, w->pid, add_vma, w);
	if (rc == -ESRCH)
		return fail(w, KSM_INJECT_GONE, rc);
	if (rc == -EACCES || rc == -EPERM)
		return fail(w, KSM_INJECT_DENIED, rc);
	return rc ? fail(w, KSM_INJECT_FAILED, rc) : 0;
}

/* Merged pages in the ranges: what smaps says, or what the kernel counts for all. */
static uint64_t pages_of(struct work *w)
{
	uint64_t sum = 0;
	struct ksm_proc p;

	for (size_t i = 0; i < w->n_ranges; i++) {
		if (ksm_fig_has(w->ranges[i].ksm_pages) || w->how->only) {
			sum += w->ranges[i].ksm_pages.v;
			continue;
		}
		if (w->how->on || ksm_proc_read(w->k, w->pid, KSM_PROC_KSM, &p))
			return 0;
		return MAX(ksm_fig_or(p.ksm.merging_pages, 0), 0) +
		       MAX(ksm_fig_or(p.ksm.zero_pages, 0), 0);
	}
	return sum;
}

static uint64_t range_ns(const struct work *w, const struct range *r)
{
	const struct slice whole = { r->start, r->end, 0 };

	return r->bare ? BARE_CALLS * CALL_NS : slice_ns(&w->first, &whole, w->page);
}

static uint64_t guess_ns(const struct work *w, uint64_t pages)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < w->n_ranges; i++)
		ns += range_ns(w, &w->ranges[i]);
	return ns + pages * w->first.copy_ns;
}

/* ------------------------------------------------------------------ */
/* how far it is							*/

/* About half of it the process works for us. */
static uint64_t whole_ns(uint64_t work_ns)
{
	return 2 * work_ns + (work_ns + BUDGET_NS - 1) / BUDGET_NS * STOP_NS;
}

uint64_t ksm_portions_guess_ns(uint64_t pages)
{
	struct slice_cost c;

	slice_cost_init(&c);
	return whole_ns(MIN(pages, UINT64_MAX >> 16) * c.copy_ns);
}

static void tell_start(struct work *w)
{
	w->now->pages_all = pages_of(w);
	w->all_ns = guess_ns(w, w->now->pages_all);
	w->now->pieces_all = (w->all_ns + CALL_NS - 1) / CALL_NS;
	w->now->left_ns = whole_ns(w->all_ns);
}

/* Later guesses go by what was seen: prices and the machine's other load. */
static void tell_step(struct work *w)
{
	const uint64_t took = ksm_now_ns() - w->began_ns;
	struct ksm_portions *now = w->now;

	now->pages = MIN(now->pages, now->pages_all);
	now->share = w->all_ns ? (double)w->done_ns / w->all_ns : 1;
	now->share = MIN(now->share, 1);
	if (now->share > 0.01) {
		now->left_ns = num_floor_sat(took / now->share * (1 - now->share));
		now->pieces_all = now->pieces / now->share;
	}
	now->pieces_all = MAX(now->pieces_all, now->pieces);
}

static bool step(struct work *w)
{
	return !w->how->step || w->how->step(w->now, w->how->arg);
}

static void count(struct work *w, const struct piece *p)
{
	w->done_ns += p->share_ns;
	w->now->pages += p->pages;
	w->now->pieces++;
}

/* ------------------------------------------------------------------ */
/* doing it								*/

static void nap(uint64_t ns)
{
	const struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&ts, NULL);
}

/* What it takes us to come back is rest as well; a sleeper needs none. */
static void rest(const struct work *w, uint64_t stop_ns, char state)
{
	const uint64_t ns = MIN(stop_ns / REST_SHARE, REST_MAX_NS);

	if (state == 'R' && ns > w->way_ns)
		nap(ns - w->way_ns);
}

/* -errno of a call: what matters of it. */
static int judge(struct work *w, long result)
{
	switch (result) {
	case 0:
	case -ENOMEM:	/* some of it is not mapped, and the rest was done */
		return 0;
	case -EAGAIN:	/* the pages are copied, but the mapping could not be cut */
		w->blocked = true;
		return 0;
	default:
		return fail(w, KSM_INJECT_REFUSED, (int)result);
	}
}

/* One stop: as many of the batch as it holds.  What was not reached stays in it. */
static int stop_once(struct work *w)
{
	const struct ksm_inject_limits limits = {
		.hold_us = HOLD_US,
		.timed = true,
		.kept = &w->kept,
	};
	struct ksm_inject_call calls[BATCH];
	struct ksm_inject_info info;
	const uint64_t began = ksm_now_ns();
	uint64_t hold = 0, stop;
	size_t done = 0;
	int rc, bad = 0;

	for (size_t i = 0; i < w->n_batch; i++)
		calls[i] = (struct ksm_inject_call){
			.nr = SYS_madvise,
			.args = { w->batch[i].s.start, w->batch[i].s.end - w->batch[i].s.start,
				  w->how->on ? MADV_MERGEABLE : MADV_UNMERGEABLE },
		};
	rc = ksm_inject_run(w->k, w->whom, calls, w->n_batch, &limits, &info);
	/* What was done counts, also when the rest could not be. */
	while (done < w->n_batch && calls[done].done) {
		ksm_log(w->k, KSM_LOG_INJECT, "%d: %llx: %llu pages, %llu to copy: %llu us", w->pid,
			(unsigned long long)w->batch[done].s.start,
			(unsigned long long)((w->batch[done].s.end - w->batch[done].s.start) / w->page),
			(unsigned long long)w->batch[done].s.copies,
			(unsigned long long)calls[done].cpu_ns / 1000);
		hold = MAX(hold, calls[done].cpu_ns);
		count(w, &w->batch[done]);
		slice_learn(&w->cost, &w->batch[done].s, w->page, calls[done].cpu_ns);
		bad = bad ?: judge(w, calls[done].result);
		done++;
	}
	w->n_batch -= done;
	memmove(w->batch, w->batch + done, w->n_batch * sizeof(*w->batch));
	stop = info.stop_ns;
	w->way_ns = ksm_now_ns() - began - MIN(stop, ksm_now_ns() - began);
	w->now->hold_ns = MAX(w->now->hold_ns, hold);
	w->now->stop_ns = MAX(w->now->stop_ns, stop);
	info.stops += w->info->stops;
	info.suspended |= w->info->suspended;
	info.stop_ns = w->now->stop_ns;
	info.cpu_ns = w->now->hold_ns;
	*w->info = info;
	if (bad)
		w->info->why = KSM_INJECT_REFUSED;
	else if (!rc)
		rest(w, stop, info.state);
	return rc ?: bad;
}

static bool is_passing(enum ksm_inject_why why)
{
	return why == KSM_INJECT_BUSY || why == KSM_INJECT_UNSETTLED;
}

static int flush(struct work *w)
{
	unsigned int tries = 0;
	int rc;

	while (w->n_batch) {
		rc = stop_once(w);
		if (rc && !(is_passing(w->info->why) && tries++ < RETRIES_MAX))
			return rc;
		if (rc)
			nap(RETRY_NS);
		else
			tries = 0;
		tell_step(w);
		if (!step(w))
			return -EINTR;
	}
	return 0;
}

static uint64_t batch_ns(const struct work *w)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < w->n_batch; i++)
		ns += slice_ns(&w->cost, &w->batch[i].s, w->page);
	return ns;
}

/* Where pages cannot be looked at, the merged ones of a range count as evenly spread. */
static uint64_t pages_in(const struct work *w, const struct range *r, const struct slice *s)
{
	if (!ksm_fig_has(r->ksm_pages) || (w->merged && merged_is_exact(w->merged)))
		return s->copies;
	return num_floor_sat((double)r->ksm_pages.v * (s->end - s->start) / (r->end - r->start));
}

struct known {
	struct slice_run *runs;
	size_t n;
	uint64_t until;
};

static void add_piece(struct work *w, const struct range *r, const struct slice *s)
{
	const double part = (double)(s->end - s->start) / (r->end - r->start);
	const uint64_t pages = pages_in(w, r, s);

	w->batch[w->n_batch++] = (struct piece){
		.s = *s,
		.pages = pages,
		.share_ns = num_floor_sat(part * range_ns(w, r)) + pages * w->first.copy_ns,
	};
}

/* A piece behind those that are to be done in the same stop. */
static int put(struct work *w, const struct range *r, const struct known *known, uint64_t *at)
{
	const uint64_t each = w->cost.even && !known->n ? LOOKS_NS : CALL_NS;
	struct slice s;
	int rc;

	if (w->n_batch && (w->n_batch == BATCH || batch_ns(w) + each > BUDGET_NS)) {
		rc = flush(w);
		if (rc)
			return rc;
	}
	s = slice_next(&w->cost, known->runs, known->n, *at, known->until, w->page, each);
	add_piece(w, r, &s);
	*at = s.end;
	return 0;
}

/* All at once, when it cannot be cut: there is nothing to copy any more. */
static int do_whole(struct work *w, const struct range *r)
{
	int rc = flush(w);

	if (rc)
		return rc;
	w->blocked = false;
	w->batch[w->n_batch++] = (struct piece){ .s = { r->start, r->end, 0 } };
	rc = flush(w);
	if (rc)
		return rc;
	/* Not for want of a mapping, then, but of memory. */
	return w->blocked ? fail(w, KSM_INJECT_REFUSED, -ENOMEM) : 0;
}

static int do_range(struct work *w, const struct range *r)
{
	struct slice_run *runs __cleanup_free = calloc(RUNS_MAX, sizeof(*runs));
	const bool none = !w->merged || (ksm_fig_has(r->ksm_pages) && !r->ksm_pages.v);
	struct known known = { .runs = runs, .until = none ? r->end : r->start };
	uint64_t at = r->start;
	int rc = 0;

	if (!runs)
		return fail(w, KSM_INJECT_FAILED, -ENOMEM);
	w->blocked = false;
	while (at < r->end && !rc) {
		if (at >= known.until)
			rc = merged_read(w->merged, at, r->end, runs, RUNS_MAX, &known.n,
					 &known.until);
		if (rc)
			return fail(w, KSM_INJECT_FAILED, rc);
		rc = put(w, r, &known, &at);
	}
	if (!rc && w->blocked)
		rc = do_whole(w, r);
	return rc;
}

/* What a look takes in other mappings tells nothing about it, and the other way round. */
static int do_large(struct work *w, const struct range *r)
{
	const uint64_t look_ps = w->cost.look_ps;
	int rc = flush(w);

	if (rc)
		return rc;
	w->cost.look_ps = w->first.look_ps;
	w->cost.even = true;
	rc = do_range(w, r) ?: flush(w);
	w->cost.look_ps = look_ps;
	w->cost.even = false;
	return rc;
}

/* Is it so little that one call may do it? */
static bool is_little(struct work *w)
{
	for (size_t i = 0; i < w->n_ranges; i++)
		if (w->ranges[i].bare)
			return false;
	return w->how->little_stays && guess_ns(w, pages_of(w)) <= BUDGET_NS;
}

int ksm_portions_run(struct ksm *k, const struct ksm_whom *whom,
		     const struct ksm_portions_how *how, struct ksm_portions *out,
		     struct ksm_inject_info *info)
{
	struct work w = {
		.k = k, .whom = whom, .pid = whom->id.pid, .how = how, .page = ksm_page_size(k),
		.now = out, .info = info,
	};
	int rc = 0;

	*out = (struct ksm_portions){ 0 };
	*info = (struct ksm_inject_info){ .why = KSM_INJECT_FINE };
	slice_cost_init(&w.cost);
	w.first = w.cost;
	w.began_ns = ksm_now_ns();
	for (int round = 0; round < ROUNDS_MAX && !rc; round++) {
		rc = list_ranges(&w);
		if (rc || !w.n_ranges || is_little(&w))
			break;
		if (!round) {
			/* Where pages cannot be looked at, only their number is known. */
			if (!how->on && merged_open(k, w.pid, &w.merged))
				w.merged = NULL;
			tell_start(&w);
			if (!step(&w))
				rc = -EINTR;
		}
		for (size_t i = 0; i < w.n_ranges && !rc; i++)
			rc = w.ranges[i].large ? do_large(&w, &w.ranges[i]) :
						 do_range(&w, &w.ranges[i]);
		if (!rc)
			rc = flush(&w);
	}
	ksm_inject_kept_free(w.kept);
	merged_close(w.merged);
	free(w.ranges);
	return rc;
}
