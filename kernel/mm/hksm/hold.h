/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Having the engine to oneself, and for how long the engine has what others want:
 * the longest hold of each kind, and the tracepoint of every one.
 *
 * A hold begins when a lock was taken, so the wait for it is not in it. It is the
 * time that went by: who is preempted or interrupted keeps others waiting, too.
 */
#ifndef HKSM_HOLD_H
#define HKSM_HOLD_H

#include <linux/mmu_notifier.h>
#include <linux/timekeeping.h>

#include "core.h"
#include "trace.h"

/**
 * hksm_hold_begin() - the time at which a hold begins
 *
 * Context: any, with the lock just taken.
 */
static inline u64 hksm_hold_begin(void)
{
	return ktime_get_ns();
}

/**
 * hksm_hold_begin_ptl() - the same for the lock of a page table
 * @entries: how many entries it was taken for
 *
 * What is done to one entry is over in less time than it takes to read the clock
 * twice, so that is done only for who traces it.
 *
 * Context: any, with the lock just taken.
 * Return: the time, or 0 when the hold is not to be timed.
 */
static inline u64 hksm_hold_begin_ptl(unsigned int entries)
{
	return entries > 1 || trace_hksm_ptl_hold_enabled() ?
		hksm_hold_begin() : 0;
}

/**
 * hksm_hold_begin_notifier() - the same for what MMU notifiers are told of
 * @mm: whose entries are going to change
 *
 * Context: any, before they are told.
 * Return: the time, or 0 when there is nobody to be held up.
 */
static inline u64 hksm_hold_begin_notifier(struct mm_struct *mm)
{
	return mm_has_notifiers(mm) ? hksm_hold_begin() : 0;
}

void hksm_hold_mmap(struct hksm *h, struct mm_struct *mm, u64 since);
void hksm_hold_ptl(struct hksm *h, struct mm_struct *mm, unsigned long addr,
		   unsigned int entries, u64 since);
void hksm_hold_notifier(struct hksm *h, struct mm_struct *mm,
			unsigned long start, unsigned long end, u64 since);

void hksm_lock_all(struct hksm *h);
void hksm_lock_all_offline(struct hksm *h);
bool hksm_trylock_all(struct hksm *h);
void hksm_unlock_all(struct hksm *h, const char *who);

#endif /* HKSM_HOLD_H */
