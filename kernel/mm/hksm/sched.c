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
#include <linux/wait_bit.h>
#include <trace/events/ksm.h>

#include "forget.h"
#include "hold.h"
#include "index.h"
#include "peers.h"
#include "policy.h"
#include "scan.h"
#include "sched.h"
#include "stable.h"
#include "walk.h"

/* Batches under one hold of the locks. */
#define STEP_BATCHES	64
/* Ranges forgotten under one hold of them. */
#define STEP_RANGES	64
/* Objects that are out of use before the engine stops to free them. */
#define LIMBO_MAX	1024
#define DEFAULT_PAGES	100
/* No longer than the pause of 20 ms that is the default. */
#define DRAIN_PAUSE	(HZ / 50)

static struct hksm_scanner sched_scanner = { .h = &hksm };

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
	h->advisor_cpu = 0;
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
	cpu = task_sched_runtime(current);
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
	bool any;

	spin_lock(&h->slots_lock);
	any = !list_empty(&h->slots);
	spin_unlock(&h->slots_lock);
	if (!any)
		return false;
	h->advisor_start = ktime_get();
	trace_ksm_start_scan(h->seqnr, atomic_long_read(&h->nr_items));
	sched_drain(h);
	spin_lock(&h->slots_lock);
	h->cursor = h->slots.next;
	h->cursor_addr = 0;
	spin_unlock(&h->slots_lock);
	h->in_pass = true;
	return true;
}

static void sched_pass_end(struct hksm *h)
{
	h->in_pass = false;
	sched_advise(h);
	trace_ksm_stop_scan(h->seqnr, atomic_long_read(&h->nr_items));
	WRITE_ONCE(h->seqnr, h->seqnr + 1);
}

static bool sched_must_leave(struct hksm_scanner *sc, struct mm_struct *mm)
{
	struct hksm *h = sc->h;

	return !sc->budget || need_resched() || freezing(current) ||
	       mmap_lock_is_contended(mm) || !atomic_read(&mm->mm_users) ||
	       (!h->stuck && READ_ONCE(h->tight));
}

/* Scan a bit of an area, or go over a hole in it. Return: where to go on. */
static unsigned long sched_scan_some(struct hksm_scanner *sc,
				     struct vm_area_struct *vma,
				     unsigned long addr)
{
	unsigned long end = pmd_addr_end(addr, vma->vm_end);
	unsigned int entries = 1;

	if (hksm_skip_hole(vma->vm_mm, addr, end, &entries) == addr)
		return hksm_scan_batch(sc, vma, addr, end);
	/* There may be words from before it became one. */
	end = hksm_range_next(sc->slot, addr, vma->vm_end);
	if (end == addr)
		return hksm_scan_batch(sc, vma, addr,
				       pmd_addr_end(addr, vma->vm_end));
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

/* Scan areas of the entered mm. Return: true when its end was reached. */
static bool sched_scan_mm(struct hksm_scanner *sc, unsigned long *cursor)
{
	struct hksm_slot *slot = sc->slot;
	struct mm_struct *mm = slot->mm;
	unsigned int batches = STEP_BATCHES;
	struct vm_area_struct *vma;
	unsigned long addr = *cursor;
	bool any = addr;

	VMA_ITERATOR(vmi, mm, addr);
	for_each_vma(vmi, vma) {
		if (!(vma->vm_flags & VM_MERGEABLE))
			continue;
		any = true;
		if (!vma->anon_vma)
			continue;
		if (addr < vma->vm_start) {
			if (!sched_forget(sc, &addr, vma->vm_start - 1)) {
				*cursor = addr;
				return false;
			}
			addr = vma->vm_start;
		}
		while (addr < vma->vm_end) {
			addr = sched_scan_some(sc, vma, addr);
			if (sched_must_leave(sc, mm) || !--batches) {
				*cursor = addr;
				hksm_ctx_put(sc->ctx);
				sc->ctx = NULL;
				return false;
			}
		}
		hksm_ctx_put(sc->ctx);
		sc->ctx = NULL;
	}
	if (!sched_forget(sc, &addr, ULONG_MAX)) {
		*cursor = addr;
		return false;
	}
	if (!any)
		hksm_slot_retire(sc->h, slot);
	return true;
}

static void sched_account(struct hksm_scanner *sc, u64 ns)
{
	struct hksm_slot *slot = sc->slot;

	atomic_long_add(sc->scanned, &sc->h->pages_scanned);
	atomic_long_add(sc->skipped, &sc->h->pages_skipped);
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
 * Enter the mm at the cursor. Who has it locked may need minutes, and others want
 * the engine meanwhile: it is left, and only tried for when the mm is locked, which
 * is the wrong order. Return: 1, 0 for an mm on its way out, -EAGAIN when somebody
 * had the engine and the step has to begin anew; with hksm.sem held.
 */
static int sched_enter(struct hksm *h, struct hksm_slot *slot)
{
	struct mm_struct *mm = slot->mm;

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
	if (!sched_runnable(h) || READ_ONCE(h->cursor) != &slot->list) {
		mmap_read_unlock(mm);
		return -EAGAIN;
	}
	return hksm_slot_enter_locked(h, slot);
}

/* One step. Return: false when the pass is over or there is none. */
static bool sched_step(struct hksm_scanner *sc)
{
	struct hksm *h = sc->h;
	struct hksm_slot *slot;
	unsigned long addr;
	bool end = true;
	int entered;
	u64 start;

	if (!h->in_pass && !sched_pass_begin(h))
		return false;
	slot = hksm_cursor_get(h, &h->cursor);
	if (!slot) {
		sched_pass_end(h);
		return false;
	}
	entered = sched_enter(h, slot);
	if (entered > 0) {
		start = task_sched_runtime(current);
		sc->since = hksm_hold_begin();
		sc->slot = slot;
		spin_lock(&h->slots_lock);
		addr = h->cursor == &slot->list ? h->cursor_addr : 0;
		spin_unlock(&h->slots_lock);
		end = sched_scan_mm(sc, &addr);
		hksm_peers_release(sc);
		sched_account(sc, task_sched_runtime(current) - start);
		sc->slot = NULL;
		spin_lock(&h->slots_lock);
		if (!end && h->cursor == &slot->list)
			h->cursor_addr = addr;
		spin_unlock(&h->slots_lock);
		hksm_hold_mmap(h, slot->mm, sc->since);
		hksm_slot_leave(h, slot);
	}
	if (end && entered >= 0)
		hksm_cursor_next(h, &h->cursor, slot);
	hksm_slot_put(slot);
	return true;
}

/* Tables change their size between steps, with the engine at rest. */
static void sched_upkeep(struct hksm *h, bool idle)
{
	bool bare = idle && atomic_long_read(&h->nr_bare);
	long limbo = atomic_long_read(&h->limbo.nr);
	bool size;

	/* What had no memory a moment ago is tried once in a pass. */
	if (idle)
		h->stuck = false;
	size = !h->stuck && hksm_index_wanted(h, idle);
	if (!size && !bare && limbo < (idle ? 1 : LIMBO_MAX))
		return;
	hksm_lock_all(h);
	if (size)
		h->stuck = !hksm_index_resize(h, idle);
	if (bare)
		hksm_stable_sweep(h);
	hksm_free_limbo(h);
	hksm_unlock_all(h, "upkeep");
}

/* One turn: at most @pages pages, at most to the end of the pass. */
static void sched_turn(struct hksm_scanner *sc, unsigned int pages)
{
	struct hksm *h = sc->h;
	bool more = true;

	sc->budget = pages;
	while (more && sc->budget && !freezing(current)) {
		down_read(&h->sem);
		more = sched_runnable(h);
		if (more)
			more = sched_step(sc);
		up_read(&h->sem);
		sched_upkeep(h, !more && !h->in_pass);
		cond_resched();
	}
}

/* Is there anything to scan? */
static bool sched_should_run(struct hksm *h)
{
	return (READ_ONCE(h->run) & HKSM_RUN_MERGE) &&
	       !list_empty_careful(&h->slots);
}

/* The pause was changed: do not wait for the end of the old one. */
static bool sched_pause_changed(struct hksm *h, unsigned int ms)
{
	return ms != READ_ONCE(h->sleep_millisecs);
}

static int sched_thread(void *data)
{
	struct hksm *h = data;
	unsigned int ms;

	set_freezable();
	set_user_nice(current, 5);
	while (!kthread_should_stop()) {
		if (READ_ONCE(h->run) & HKSM_RUN_OFFLINE)
			wait_on_bit(&h->run, ilog2(HKSM_RUN_OFFLINE),
				    TASK_UNINTERRUPTIBLE);
		if (sched_should_run(h))
			sched_turn(h->scanner, READ_ONCE(h->pages_to_scan));
		if (sched_should_run(h)) {
			ms = READ_ONCE(h->sleep_millisecs);
			wait_event_freezable_timeout(h->iter_wait,
						     sched_pause_changed(h, ms),
						     msecs_to_jiffies(ms));
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
	h->scanner = &sched_scanner;
	h->thread = kthread_run(sched_thread, h, "ksmd");
	return PTR_ERR_OR_ZERO(h->thread);
}
