// SPDX-License-Identifier: GPL-2.0-only
/*
 * Having the engine to oneself, and what is known of the time that locks were held.
 */
#include <linux/wait_bit.h>

#include "hold.h"

/* Several may raise it at once, and the file that shows it may clear it. */
static void hold_raise(unsigned long *longest, unsigned long ns)
{
	unsigned long old = READ_ONCE(*longest);

	while (ns > old)
		if (try_cmpxchg(longest, &old, ns))
			return;
}

/**
 * hksm_hold_mmap() - an mmap_lock is going to be given back
 * @h: the engine
 * @mm: whose
 * @since: of hksm_hold_begin()
 *
 * Context: mmap_lock held for reading.
 */
void hksm_hold_mmap(struct hksm *h, struct mm_struct *mm, u64 since)
{
	u64 ns = ktime_get_ns() - since;

	hold_raise(&h->longest_mmap, ns);
	trace_hksm_mmap_hold(mm, ns);
}

/**
 * hksm_hold_ptl() - the lock of a page table is going to be given back
 * @h: the engine
 * @mm: whose page table
 * @addr: address of the first entry
 * @entries: entries that were looked at or changed
 * @since: of hksm_hold_begin_ptl()
 *
 * Context: page table lock held.
 */
void hksm_hold_ptl(struct hksm *h, struct mm_struct *mm, unsigned long addr,
		   unsigned int entries, u64 since)
{
	u64 ns;

	if (!since)
		return;
	ns = ktime_get_ns() - since;
	hold_raise(&h->longest_ptl, ns);
	trace_hksm_ptl_hold(mm, addr, entries, ns);
}

/**
 * hksm_hold_notifier() - MMU notifiers were told that a change is over
 * @h: the engine
 * @mm: whose entries have changed
 * @start: first address
 * @end: end of the addresses
 * @since: of hksm_hold_begin_notifier()
 *
 * Context: any.
 */
void hksm_hold_notifier(struct hksm *h, struct mm_struct *mm,
			unsigned long start, unsigned long end, u64 since)
{
	u64 ns;

	if (!since)
		return;
	ns = ktime_get_ns() - since;
	hold_raise(&h->longest_notifier, ns);
	trace_hksm_notifier(mm, start, end, ns);
}

/**
 * hksm_lock_all_offline() - hksm_lock_all() for memory hotplug
 * @h: the engine; hksm.sem is held for writing on return
 *
 * Who takes memory offline does not wait until that is over.
 *
 * Context: may sleep.
 */
void hksm_lock_all_offline(struct hksm *h)
{
	down_write(&h->sem);
	h->all_since = hksm_hold_begin();
}

/**
 * hksm_lock_all() - have the engine to oneself
 * @h: the engine; hksm.sem is held for writing on return
 *
 * Not while memory is going offline, when no node may be looked at.
 *
 * Context: may sleep.
 */
void hksm_lock_all(struct hksm *h)
{
	hksm_lock_all_offline(h);
	while (h->run & HKSM_RUN_OFFLINE) {
		up_write(&h->sem);
		wait_on_bit(&h->run, ilog2(HKSM_RUN_OFFLINE),
			    TASK_UNINTERRUPTIBLE);
		hksm_lock_all_offline(h);
	}
}

/**
 * hksm_trylock_all() - have the engine to oneself, if nobody uses it
 * @h: the engine; memory may be going offline
 *
 * Context: process; does not wait.
 * Return: true with hksm.sem held for writing.
 */
bool hksm_trylock_all(struct hksm *h)
{
	if (!down_write_trylock(&h->sem))
		return false;
	h->all_since = hksm_hold_begin();
	return true;
}

/**
 * hksm_unlock_all() - let others use the engine again
 * @h: the engine, locked by one of the above
 * @who: what it was for; for the tracepoint
 *
 * Context: process; hksm.sem held for writing.
 */
void hksm_unlock_all(struct hksm *h, const char *who)
{
	u64 ns = ktime_get_ns() - h->all_since;

	up_write(&h->sem);
	hold_raise(&h->longest_exclusive, ns);
	trace_hksm_exclusive(who, ns);
}
