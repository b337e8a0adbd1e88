// SPDX-License-Identifier: GPL-2.0-only
/*
 * When and how much to scan: the thread, the order of a pass, the advisor.
 *
 * hksm.sem is held for reading for one step, a stretch of one mm under one
 * hold of its mmap_lock, so that whoever wants the engine for himself never
 * waits longer than that.
 */
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched/cputime.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <trace/events/ksm.h>

#include "forget.h"
#include "hold.h"
#include "index.h"
#include "limit.h"
#include "pass.h"
#include "peers.h"
#include "policy.h"
#include "resize.h"
#include "scan.h"
#include "sched.h"
#include "stable.h"
#include "walk.h"

/* Batches under one hold of the locks, and how long that may last, in ns. */
#define STEP_BATCHES	64
#define STEP_NS		NSEC_PER_MSEC
/* Ranges forgotten under one hold of them. */
#define STEP_RANGES	64
/* Objects that are out of use before the engine stops to free them. */
#define LIMBO_MAX	1024
#define DEFAULT_PAGES	100
/* No longer than the pause of 20 ms that is the default. */
#define DRAIN_PAUSE	(HZ / 50)

/* There is one pass at a time. */
static DEFINE_MUTEX(sched_pass_lock);

/* Who starts and ends threads. */
static DEFINE_MUTEX(sched_threads_lock);

/* The end of a pass and the file advisor_mode both choose pages_to_scan. */
static DEFINE_MUTEX(sched_advice_lock);

/**
 * hksm_advisor_set() - turn the scan-time advisor on or off
 * @h: the engine
 * @on: whether it shall choose pages_to_scan
 *
 * Context: may sleep.
 */
void hksm_advisor_set(struct hksm *h, bool on)
{
	guard(mutex)(&sched_advice_lock);
	if (h->advisor == on)
		return;
	h->advisor = on;
	h->advice.scan_time = 0;
	h->advice.change = 0;
	h->advisor_cpu = atomic64_read(&h->scan_ns);
	WRITE_ONCE(h->pages_to_scan, on ? h->advisor_min_pages : DEFAULT_PAGES);
}

static void sched_advise(struct hksm *h)
{
	unsigned long seconds, per_cent;
	u64 cpu, used_ms;

	guard(mutex)(&sched_advice_lock);
	if (!h->advisor)
		return;
	seconds = max(div_s64(ktime_ms_delta(ktime_get(), h->advisor_start),
			      MSEC_PER_SEC), 1LL);
	cpu = atomic64_read(&h->scan_ns);
	used_ms = div_u64(cpu - h->advisor_cpu, NSEC_PER_MSEC);
	per_cent = max(used_ms * 100 / (seconds * MSEC_PER_SEC), 1ULL);
	h->advisor_cpu = cpu;

	h->advice.pages = h->pages_to_scan;
	hksm_policy_advise(&h->advice, seconds, per_cent);
	WRITE_ONCE(h->pages_to_scan, h->advice.pages);
	trace_ksm_advisor(seconds, h->advice.pages, per_cent);
}

/*
 * Pages wait in per-CPU batches with a reference that looks like a pin. Drain
 * those of all processors, but where passes are short, of one's own only, unless
 * that is known to have kept pages from being merged.
 */
static void sched_drain(struct hksm *h)
{
	if (atomic_long_xchg(&h->pins, 0) ||
	    time_after_eq(jiffies, h->last_drain + DRAIN_PAUSE)) {
		lru_add_drain_all();
		h->last_drain = jiffies;
	} else {
		lru_add_drain();
	}
}

static bool sched_pass_begin(struct hksm *h)
{
	guard(mutex)(&sched_pass_lock);
	if (h->in_pass)
		return true;
	if (list_empty_careful(&h->slots))
		return false;
	h->advisor_start = ktime_get();
	trace_ksm_start_scan(h->seqnr, atomic_long_read(&h->nr_items));
	sched_drain(h);
	return hksm_pass_begin(h);
}

static void sched_pass_end(struct hksm *h)
{
	guard(mutex)(&sched_pass_lock);
	if (!hksm_pass_over(h))
		return;
	sched_advise(h);
	trace_ksm_stop_scan(h->seqnr, atomic_long_read(&h->nr_items));
	WRITE_ONCE(h->seqnr, h->seqnr + 1);
	/* Others that found nothing to do need not wait any longer. */
	if (h->nr_scanners > 1)
		wake_up_interruptible(&h->iter_wait);
}

static bool sched_must_leave(struct hksm_scanner *sc, struct mm_struct *mm)
{
	struct hksm *h = sc->h;

	return !sc->budget || need_resched() || freezing(current) ||
	       hksm_hold_begin() - sc->since > STEP_NS ||
	       mmap_lock_is_contended(mm) || !atomic_read(&mm->mm_users) ||
	       (!h->stuck && READ_ONCE(h->tight));
}

/* Scan a bit of an area, or go over a hole in it. Return: where to go on. */
static unsigned long sched_scan_some(struct hksm_scanner *sc,
				     struct vm_area_struct *vma,
				     unsigned long addr, unsigned long limit)
{
	unsigned long end = pmd_addr_end(addr, limit);
	unsigned int entries = 1;

	if (hksm_skip_hole(vma->vm_mm, addr, end, &entries) == addr)
		return hksm_scan_batch(sc, vma, addr, end);
	/* There may be words from before it became one. */
	end = hksm_range_next(sc->slot, addr, limit);
	if (end == addr)
		return hksm_scan_batch(sc, vma, addr,
				       pmd_addr_end(addr, limit));
	entries = HKSM_HOLE_ENTRIES;
	addr = hksm_skip_hole(vma->vm_mm, addr, end, &entries);
	hksm_batch_idle(sc, HKSM_HOLE_ENTRIES - entries);
	return addr;
}

/*
 * Forget what is not in a mergeable area any more, up to an address, some of it
 * under each hold of the locks and with no other mm locked. Return: true when
 * it is done.
 */
static bool sched_forget(struct hksm_scanner *sc, unsigned long *addr,
			 unsigned long last)
{
	if (hksm_range_next(sc->slot, *addr, last) != last)
		hksm_peers_release(sc);
	return hksm_forget(sc->h, sc->slot, addr, last, STEP_RANGES, sc);
}

/* Scan what an area has of the stretch in hand. Return: false to leave the mm. */
static bool sched_scan_area(struct hksm_scanner *sc, struct vm_area_struct *vma,
			    unsigned int *batches)
{
	struct hksm_stretch *s = &sc->work;
	unsigned long end = min(vma->vm_end, s->end);
	bool stay = true;

	while (s->from < end && stay) {
		s->from = sched_scan_some(sc, vma, s->from, end);
		stay = --*batches && !sched_must_leave(sc, vma->vm_mm);
	}
	hksm_ctx_put(sc->ctx);
	sc->ctx = NULL;
	return stay;
}

/* Scan the stretch in hand. Return: false when there is more of it. */
static bool sched_scan_stretch(struct hksm_scanner *sc, unsigned int *batches)
{
	struct hksm_stretch *s = &sc->work;
	struct vm_area_struct *vma;
	unsigned long from = max(s->from, s->start);

	VMA_ITERATOR(vmi, sc->slot->mm, from);
	for_each_vma_range(vmi, vma, s->end) {
		if (!(vma->vm_flags & VM_MERGEABLE) || !vma->anon_vma)
			continue;
		from = max(from, vma->vm_start);
		if (s->from < from) {
			if (!sched_forget(sc, &s->from, from - 1))
				return false;
			s->from = from;
		}
		if (!sched_scan_area(sc, vma, batches))
			return false;
		from = s->from;
	}
	if (s->from < s->end &&
	    !sched_forget(sc, &s->from,
			  s->end == ULONG_MAX ? ULONG_MAX : s->end - 1))
		return false;
	s->from = s->end;
	return true;
}

/* The mm had no mergeable area when somebody looked: let go of it, if so still. */
static void sched_retire(struct hksm_scanner *sc)
{
	struct vm_area_struct *vma;

	VMA_ITERATOR(vmi, sc->slot->mm, 0);
	for_each_vma(vmi, vma)
		if (vma->vm_flags & VM_MERGEABLE)
			return;
	hksm_slot_retire(sc->h, sc->slot);
}

/* Scan the entered mm. Return: true when all of it is handed out, and done. */
static bool sched_scan_mm(struct hksm_scanner *sc)
{
	unsigned int batches = STEP_BATCHES;
	struct hksm_stretch *s = &sc->work;

	do {
		if (s->from == s->end && !hksm_pass_cut(sc))
			return true;
		if (!sched_scan_stretch(sc, &batches))
			return false;
		if (s->barren)
			sched_retire(sc);
	} while (!sched_must_leave(sc, sc->slot->mm));
	return false;
}

/* What the scanner has used of the processor since it was asked last. */
static u64 sched_charge(struct hksm_scanner *sc)
{
	u64 now = task_sched_runtime(current), ns = now - sc->cpu;

	sc->cpu = now;
	atomic64_add(ns, &sc->h->scan_ns);
	return ns;
}

static void sched_account(struct hksm_scanner *sc, u64 ns)
{
	struct hksm_slot *slot = sc->slot;

	atomic_long_add(sc->scanned, &sc->h->pages_scanned);
	atomic_long_add(sc->skipped, &sc->h->pages_skipped);
	atomic_long_add(sc->merges, &sc->h->merges);
	atomic_long_add(sc->breaks, &sc->h->breaks);
	spin_lock(&slot->lock);
	slot->scan_pages += sc->scanned;
	slot->skipped += sc->skipped;
	slot->merges += sc->merges;
	slot->breaks += sc->breaks;
	slot->scan_ns += ns;
	spin_unlock(&slot->lock);
	sc->scanned = 0;
	sc->skipped = 0;
	sc->merges = 0;
	sc->breaks = 0;
}

static bool sched_runnable(struct hksm *h)
{
	unsigned long run = READ_ONCE(h->run);

	return (run & HKSM_RUN_MERGE) && !(run & HKSM_RUN_OFFLINE);
}

/*
 * Enter the mm that is in hand. Who has it locked may need minutes, and others want
 * the engine meanwhile: it is left, and only tried for when the mm is locked, which
 * is the wrong order. Return: 1, 0 for an mm on its way out, -EAGAIN when somebody
 * had the engine and the step has to begin anew; with hksm.sem held.
 */
static int sched_enter(struct hksm_scanner *sc)
{
	struct hksm_slot *slot = sc->work.slot;
	struct mm_struct *mm = slot->mm;
	struct hksm *h = sc->h;

	if (hksm_slot_enter(h, slot, true))
		return 1;
	if (READ_ONCE(slot->state) != HKSM_SLOT_LIVE ||
	    !atomic_read(&mm->mm_users))
		return 0;
	up_read(&h->sem);
	mmap_read_lock(mm);
	if (!down_read_trylock(&h->sem)) {
		mmap_read_unlock(mm);
		down_read(&h->sem);
		return -EAGAIN;
	}
	if (!sched_runnable(h) || !hksm_pass_valid(sc)) {
		mmap_read_unlock(mm);
		return -EAGAIN;
	}
	return hksm_slot_enter_locked(h, slot);
}

/* One step. Return: false when the pass is over, or what is left is others'. */
static bool sched_step(struct hksm_scanner *sc)
{
	struct hksm *h = sc->h;
	struct hksm_slot *slot;
	bool end = true;
	int entered;

	if (!READ_ONCE(h->in_pass) && !sched_pass_begin(h))
		return false;
	if (!hksm_pass_take(sc)) {
		sched_charge(sc);
		sched_pass_end(h);
		return false;
	}
	slot = sc->work.slot;
	entered = sched_enter(sc);
	if (entered > 0) {
		sched_charge(sc);
		sc->since = hksm_hold_begin();
		sc->slot = slot;
		end = sched_scan_mm(sc);
		hksm_peers_release(sc);
		sched_account(sc, sched_charge(sc));
		sc->slot = NULL;
		hksm_hold_mmap(h, slot->mm, sc->since);
		hksm_slot_leave(h, slot);
	}
	if (end && entered >= 0)
		hksm_pass_put(sc);
	return true;
}

/*
 * May tables become larger? Until the older ones are empty there are both, and the
 * newer are larger by two fifths.
 */
static bool sched_may_grow(struct hksm *h)
{
	return !READ_ONCE(h->tight) ||
	       hksm_meta_fits(h, hksm_index_bytes(h) / 5 * 7);
}

/*
 * Tables change their size between steps. What fills up before the one that it has
 * replaced is empty cannot wait, and between two passes nothing is in a hurry.
 */
static void sched_resize(struct hksm_scanner *sc, bool idle)
{
	struct hksm *h = sc->h;
	bool ok = true;

	/* What had no memory a moment ago, or may not have it, is tried once in a pass. */
	if (idle)
		h->stuck = false;
	if (h->stuck)
		return;
	if (READ_ONCE(h->moving))
		ok = hksm_resize_move(h, sc, idle || READ_ONCE(h->tight));
	if (ok && !READ_ONCE(h->moving) && hksm_resize_wanted(h, idle))
		ok = sched_may_grow(h) && hksm_resize_begin(h, idle);
	/* There may be no next step for long. */
	if (ok && idle && READ_ONCE(h->moving))
		ok = hksm_resize_move(h, sc, true);
	h->stuck = !ok;
}

/* What has to be done with the engine at rest, between steps. */
static void sched_upkeep(struct hksm *h, bool idle)
{
	bool more = idle && atomic_long_read(&h->nr_bare);
	struct hksm_sweep at = {};

	if (!more && atomic_long_read(&h->limbo.nr) < (idle ? 1 : LIMBO_MAX))
		return;
	do {
		hksm_lock_all(h);
		if (more)
			more = hksm_stable_sweep(h, &at);
		hksm_free_limbo(h);
		hksm_unlock_all(h, "upkeep");
		cond_resched();
	} while (more && atomic_long_read(&h->nr_bare));
}

/*
 * One turn: at most @pages pages, at most to the end of the pass. Return: true
 * when it ended because all that is left is in the hands of others.
 */
static bool sched_turn(struct hksm_scanner *sc, unsigned int pages)
{
	struct hksm *h = sc->h;
	bool more = true, runnable = true, idle;

	sc->budget = pages;
	while (more && sc->budget && !freezing(current)) {
		down_read(&h->sem);
		runnable = sched_runnable(h);
		more = runnable && sched_step(sc);
		up_read(&h->sem);
		idle = !more && !READ_ONCE(h->in_pass);
		sched_resize(sc, idle);
		sched_upkeep(h, idle);
		cond_resched();
	}
	return runnable && !more && READ_ONCE(h->in_pass);
}

/* Is there anything to scan? */
static bool sched_should_run(struct hksm *h)
{
	return (READ_ONCE(h->run) & HKSM_RUN_MERGE) &&
	       !list_empty_careful(&h->slots);
}

/*
 * Why a pause ends early: it was changed, or what the scanner waited for is there,
 * a new pass.
 */
static bool sched_pause_over(struct hksm_scanner *sc, unsigned int ms, bool idle)
{
	struct hksm *h = sc->h;

	return ms != READ_ONCE(h->sleep_millisecs) || kthread_should_stop() ||
	       (idle && !READ_ONCE(h->in_pass));
}

static int sched_thread(void *data)
{
	struct hksm_scanner *sc = data;
	struct hksm *h = sc->h;
	unsigned int ms;
	long timeout;
	bool idle;

	set_freezable();
	set_user_nice(current, 5);
	while (!kthread_should_stop()) {
		if (READ_ONCE(h->run) & HKSM_RUN_OFFLINE)
			wait_on_bit(&h->run, ilog2(HKSM_RUN_OFFLINE),
				    TASK_UNINTERRUPTIBLE);
		idle = sched_should_run(h) &&
		       sched_turn(sc, READ_ONCE(h->pages_to_scan));
		if (sched_should_run(h)) {
			ms = READ_ONCE(h->sleep_millisecs);
			timeout = msecs_to_jiffies(ms);
			/* Not to look all the time for what others leave. */
			if (idle)
				timeout = max(timeout, 1L);
			wait_event_freezable_timeout(h->iter_wait,
						     sched_pause_over(sc, ms,
								      idle),
						     timeout);
			/* Without a pause the wait does neither of these. */
			try_to_freeze();
			cond_resched();
		} else {
			wait_event_freezable(h->thread_wait,
					     sched_should_run(h) ||
					     kthread_should_stop());
		}
	}
	return 0;
}

/* Return: 0 or an error. */
static int sched_start_one(struct hksm *h, unsigned int id)
{
	struct hksm_scanner *sc = h->scanner[id];
	struct task_struct *thread;

	if (!sc)
		sc = kvzalloc(sizeof(*sc), GFP_KERNEL);
	if (!sc)
		return -ENOMEM;
	sc->h = h;
	sc->id = id;
	sc->cpu = 0;
	/* Tools look for the first one by its name. */
	thread = id ? kthread_create(sched_thread, sc, "ksmd/%u", id) :
		      kthread_create(sched_thread, sc, "ksmd");
	spin_lock(&h->slots_lock);
	h->scanner[id] = sc;
	if (!IS_ERR(thread))
		sc->thread = thread;
	spin_unlock(&h->slots_lock);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	wake_up_process(thread);
	return 0;
}

/* What it has in hand is left to the others. */
static void sched_stop_one(struct hksm *h, unsigned int id)
{
	struct hksm_scanner *sc = h->scanner[id];

	kthread_stop(sc->thread);
	spin_lock(&h->slots_lock);
	sc->thread = NULL;
	spin_unlock(&h->slots_lock);
	down_read(&h->sem);
	while (sc->nr_spare)
		hksm_node_free(h, sc->spare[--sc->nr_spare]);
	up_read(&h->sem);
}

/**
 * hksm_sched_set() - have a number of scanners
 * @h: the engine
 * @nr: how many, from 1 to HKSM_SCANNERS
 *
 * Context: may sleep; waits for those that end to finish what they do.
 * Return: 0, or an error with as many as could be had.
 */
int hksm_sched_set(struct hksm *h, unsigned int nr)
{
	int err = 0;

	guard(mutex)(&sched_threads_lock);
	while (h->nr_scanners < nr) {
		err = sched_start_one(h, h->nr_scanners);
		if (err)
			break;
		WRITE_ONCE(h->nr_scanners, h->nr_scanners + 1);
	}
	while (h->nr_scanners > nr) {
		WRITE_ONCE(h->nr_scanners, h->nr_scanners - 1);
		sched_stop_one(h, h->nr_scanners);
	}
	return err;
}

/**
 * hksm_sched_start() - start ksmd
 * @h: the engine
 *
 * Context: may sleep; once, before anything is scanned.
 * Return: 0 or an error.
 */
int hksm_sched_start(struct hksm *h)
{
	h->last_drain = jiffies - HZ;
	return hksm_sched_set(h, 1);
}

/**
 * hksm_sched_stop() - end all scanners
 * @h: the engine; hksm_sched_start() starts it again
 *
 * Context: may sleep; waits for them to finish what they do.
 */
void hksm_sched_stop(struct hksm *h)
{
	unsigned int i;

	hksm_sched_set(h, 0);
	for (i = 0; i < HKSM_SCANNERS; i++) {
		kvfree(h->scanner[i]);
		h->scanner[i] = NULL;
	}
}
