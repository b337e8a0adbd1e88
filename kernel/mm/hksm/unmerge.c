// SPDX-License-Identifier: GPL-2.0-only
/*
 * Undoing merges: break the sharing of an area, or of everything.
 *
 * Both walk page tables, not records: a record follows its mapping only when
 * the address is scanned, and mappings made by fork have none before that.
 */
#include <linux/dax.h>
#include <linux/oom.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "forget.h"
#include "hold.h"
#include "index.h"
#include "pass.h"
#include "resize.h"
#include "slot.h"
#include "stable.h"
#include "unmerge.h"
#include "walk.h"

/* Entries that cost less than it does to read the clock. */
#define UNMERGE_UNTIMED	8

/**
 * hksm_may_merge() - may pages of an area be merged at all?
 * @file: what it maps, or NULL
 * @flags: its flags
 *
 * Context: any.
 */
bool hksm_may_merge(const struct file *file, vm_flags_t flags)
{
	vm_flags_t never = VM_SHARED | VM_MAYSHARE | VM_PFNMAP | VM_IO |
			   VM_DONTEXPAND | VM_HUGETLB | VM_MIXEDMAP |
			   VM_DROPPABLE;

#ifdef VM_SAO
	never |= VM_SAO;
#endif
#ifdef VM_SPARC_ADI
	never |= VM_SPARC_ADI;
#endif
	return !(flags & never) && !file_is_dax(file);
}

/* A merged page, also while it migrates, or a zero page that KSM placed. */
static bool unmerge_is_merged(struct vm_area_struct *vma, unsigned long addr,
			      pte_t pte)
{
	struct page *page;

	if (pte_none(pte))
		return false;
	if (pte_present(pte)) {
		if (is_ksm_zero_pte(pte))
			return true;
		page = vm_normal_page(vma, addr, pte);
	} else {
		softleaf_t entry = softleaf_from_pte(pte);

		page = softleaf_is_migration(entry) ?
			softleaf_to_page(entry) : NULL;
	}
	return page && folio_test_ksm(page_folio(page));
}

/*
 * Look for a merged page in a hole and in the page table behind it. Return: true
 * with @addr where it is, false with @addr where to go on.
 */
static bool unmerge_find(struct vm_area_struct *vma, unsigned long *addr,
			 unsigned long end)
{
	unsigned int entries = HKSM_HOLE_ENTRIES;
	struct mm_struct *mm = vma->vm_mm;
	unsigned long from, next;
	pte_t *start, *ptep;
	spinlock_t *ptl;
	u64 since;
	bool found;
	pmd_t *pmd;

	*addr = hksm_skip_hole(mm, *addr, end, &entries);
	if (*addr >= end || !entries)
		return false;
	from = *addr;
	next = pmd_addr_end(*addr, end);
	pmd = mm_find_pmd(mm, *addr);
	start = pmd ? pte_offset_map_lock(mm, pmd, *addr, &ptl) : NULL;
	if (!start) {
		*addr = next;
		return false;
	}
	/* Mostly one of the first is merged: the lock is taken for every page. */
	since = hksm_hold_begin_ptl(1);
	for (ptep = start; *addr < next; *addr += PAGE_SIZE, ptep++) {
		if (unmerge_is_merged(vma, *addr, ptep_get(ptep)))
			break;
		if (!since && ptep - start == UNMERGE_UNTIMED)
			since = hksm_hold_begin();
	}
	found = *addr < next;
	hksm_hold_ptl(&hksm, mm, from, ptep - start, since);
	pte_unmap_unlock(start, ptl);
	return found;
}

/**
 * hksm_unmerge_range() - give an area pages of its own again
 * @vma: a mergeable area; mmap_lock held
 * @start: first address
 * @end: end of the stretch
 * @lock_vma: keep out faults that only take the area's lock; needs mmap_lock
 *	for writing
 *
 * The fault may back off, so an address is done when it is seen to be done.
 * SIGBUS means the page is gone, for example with the file behind it.
 *
 * Context: may sleep; mmap_lock held.
 * Return: 0, -ENOMEM, or -ERESTARTSYS when a signal is pending; part of the
 * area may be unmerged then.
 */
int hksm_unmerge_range(struct vm_area_struct *vma, unsigned long start,
		       unsigned long end, bool lock_vma)
{
	unsigned long addr = start;

	if (lock_vma)
		vma_start_write(vma);
	for (;;) {
		vm_fault_t ret;

		if (!atomic_read(&vma->vm_mm->mm_users))
			return 0;
		if (signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
		if (!unmerge_find(vma, &addr, end)) {
			if (addr >= end)
				return 0;
			continue;
		}
		ret = handle_mm_fault(vma, addr, FAULT_FLAG_UNSHARE |
				      FAULT_FLAG_REMOTE, NULL);
		if (ret & VM_FAULT_OOM)
			return -ENOMEM;
		if (ret & (VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV))
			addr += PAGE_SIZE;
	}
}

static int unmerge_slot(struct hksm *h, struct hksm_slot *slot)
{
	struct vm_area_struct *vma;
	unsigned long from = 0;
	int err = 0;
	u64 since;

	if (!hksm_slot_enter(h, slot, false))
		return 0;
	since = hksm_hold_begin();
	VMA_ITERATOR(vmi, slot->mm, 0);
	for_each_vma(vmi, vma) {
		if (!(vma->vm_flags & VM_MERGEABLE) || !vma->anon_vma)
			continue;
		err = hksm_unmerge_range(vma, vma->vm_start, vma->vm_end,
					 false);
		if (err)
			break;
	}
	/* What is left to do does not take the mm: an exit need not wait. */
	hksm_hold_mmap(h, slot->mm, since);
	hksm_slot_leave(h, slot);
	if (!err)
		hksm_forget(h, slot, &from, ULONG_MAX, UINT_MAX, h);
	return err;
}

/**
 * hksm_unmerge_all() - unmerge every mm and start afresh
 * @h: the engine, with HKSM_RUN_UNMERGE set
 *
 * mms forked meanwhile are put at the end of the list and found there. Pages
 * swapped in meanwhile are copied, because of the bit.
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: 0, or the error of hksm_unmerge_range().
 */
int hksm_unmerge_all(struct hksm *h)
{
	unsigned long cap = hksm_index_capacity(h);
	struct hksm_slot *slot;
	int err = 0;

	lockdep_assert_held_write(&h->sem);
	/* Or every page that has not merged would be looked up to be removed. */
	if (!hksm_resize_reset(h))
		cap = 0;
	spin_lock(&h->slots_lock);
	h->unmerge = h->slots.next;
	spin_unlock(&h->slots_lock);
	hksm_pass_reset(h);

	while (!err && (slot = hksm_unmerge_get(h))) {
		err = unmerge_slot(h, slot);
		hksm_unmerge_next(h, slot);
		hksm_slot_put(slot);
	}
	spin_lock(&h->slots_lock);
	h->unmerge = &h->slots;
	spin_unlock(&h->slots_lock);
	if (err) {
		if (cap)
			hksm_resize_restore(h, cap);
		return err;
	}
	/* Some may still be mapped by an mm that is exiting. */
	hksm_stable_empty(h);
	hksm_free_limbo(h);
	hksm_resize_all(h, true);
	h->seqnr = 0;
	return 0;
}
