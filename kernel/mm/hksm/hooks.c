// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of linux/ksm.h, but for the part in rmap.c: thin entry points
 * that keep the names the rest of the kernel knows. Locks at entry are given
 * with each; see DOC in core.c for what stands behind them.
 */
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/vmstat.h>

#include "slot.h"
#include "stable.h"
#include "unmerge.h"

static void hooks_add_vma(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MERGEABLE) &&
	    hksm_may_merge(vma->vm_file, vma->vm_flags))
		vm_flags_set(vma, VM_MERGEABLE);
}

static void hooks_add_vmas(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma)
		hooks_add_vma(vma);
}

static int hooks_del_vma(struct vm_area_struct *vma)
{
	int err;

	if (!(vma->vm_flags & VM_MERGEABLE))
		return 0;
	if (vma->anon_vma) {
		err = hksm_unmerge_range(vma, vma->vm_start, vma->vm_end, true);
		if (err)
			return err;
	}
	vm_flags_clear(vma, VM_MERGEABLE);
	return 0;
}

static int hooks_del_vmas(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	int err;

	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma) {
		err = hooks_del_vma(vma);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Shall a new area be mergeable without being asked for? The scanner forgets an
 * mm in which it found nothing to do, so it may have to be registered again.
 */
static bool hooks_is_wanted(struct mm_struct *mm, const struct file *file,
			    vm_flags_t flags)
{
	if (!mm_flags_test(MMF_VM_MERGE_ANY, mm) || flags & VM_MERGEABLE ||
	    !hksm_may_merge(file, flags))
		return false;
	if (unlikely(!mm_flags_test(MMF_VM_MERGEABLE, mm)))
		__ksm_enter(mm);
	return true;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
/**
 * ksm_vma_flags() - flags of a new area
 * @mm: its mm, locked for writing
 * @file: what it maps, or NULL
 * @vma_flags: the flags it would have
 *
 * Context: may sleep; mmap_lock held for writing.
 * Return: @vma_flags, with VM_MERGEABLE added in a process that merges
 * everything.
 */
vma_flags_t ksm_vma_flags(struct mm_struct *mm, const struct file *file,
			  vma_flags_t vma_flags)
{
	if (hooks_is_wanted(mm, file, vma_flags_to_legacy(vma_flags)))
		vma_flags_set(&vma_flags, VMA_MERGEABLE_BIT);
	return vma_flags;
}
#else /* 6.12: flags of an area that is there already */
/**
 * ksm_add_vma() - a new area of a process
 * @vma: locked for writing, as its mm
 *
 * Context: may sleep; mmap_lock held for writing.
 */
void ksm_add_vma(struct vm_area_struct *vma)
{
	if (hooks_is_wanted(vma->vm_mm, vma->vm_file, vma->vm_flags))
		vm_flags_set(vma, VM_MERGEABLE);
}
#endif

/**
 * ksm_enable_merge_any() - make all of an mm mergeable, now and later
 * @mm: locked for writing
 *
 * Context: may sleep; mmap_lock held for writing.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int ksm_enable_merge_any(struct mm_struct *mm)
{
	int err;

	if (mm_flags_test(MMF_VM_MERGE_ANY, mm))
		return 0;
	if (!mm_flags_test(MMF_VM_MERGEABLE, mm)) {
		err = __ksm_enter(mm);
		if (err)
			return err;
	}
	mm_flags_set(MMF_VM_MERGE_ANY, mm);
	hooks_add_vmas(mm);
	return 0;
}

/**
 * ksm_disable_merge_any() - undo ksm_enable_merge_any(), and all merges
 * @mm: locked for writing
 *
 * Areas made mergeable by madvise lose that, too.
 *
 * Context: may sleep; mmap_lock held for writing.
 * Return: 0, or an error with everything still enabled.
 */
int ksm_disable_merge_any(struct mm_struct *mm)
{
	int err;

	if (!mm_flags_test(MMF_VM_MERGE_ANY, mm))
		return 0;
	err = hooks_del_vmas(mm);
	if (err) {
		hooks_add_vmas(mm);
		return err;
	}
	mm_flags_clear(MMF_VM_MERGE_ANY, mm);
	return 0;
}

/**
 * ksm_disable() - make sure nothing of an mm is merged any more
 * @mm: locked for writing
 *
 * Context: may sleep; mmap_lock held for writing.
 * Return: 0 or an error.
 */
int ksm_disable(struct mm_struct *mm)
{
	mmap_assert_write_locked(mm);
	if (!mm_flags_test(MMF_VM_MERGEABLE, mm))
		return 0;
	if (mm_flags_test(MMF_VM_MERGE_ANY, mm))
		return ksm_disable_merge_any(mm);
	return hooks_del_vmas(mm);
}

/**
 * ksm_madvise() - MADV_MERGEABLE and MADV_UNMERGEABLE
 * @vma: an area; its mm is locked for writing
 * @start: first address
 * @end: end of the stretch
 * @advice: which
 * @vm_flags: flags the caller will give the stretch; may be a copy
 *
 * Areas that cannot merge ignore the advice.
 *
 * Context: may sleep; mmap_lock held for writing.
 * Return: 0, -ENOMEM, or -ERESTARTSYS.
 */
int ksm_madvise(struct vm_area_struct *vma, unsigned long start,
		unsigned long end, int advice, vm_flags_t *vm_flags)
{
	struct mm_struct *mm = vma->vm_mm;
	int err;

	switch (advice) {
	case MADV_MERGEABLE:
		if (vma->vm_flags & VM_MERGEABLE ||
		    !hksm_may_merge(vma->vm_file, vma->vm_flags))
			return 0;
		if (!mm_flags_test(MMF_VM_MERGEABLE, mm)) {
			err = __ksm_enter(mm);
			if (err)
				return err;
		}
		*vm_flags |= VM_MERGEABLE;
		break;
	case MADV_UNMERGEABLE:
		if (!(*vm_flags & VM_MERGEABLE))
			return 0;
		if (vma->anon_vma) {
			err = hksm_unmerge_range(vma, start, end, true);
			if (err)
				return err;
		}
		*vm_flags &= ~VM_MERGEABLE;
		break;
	}
	return 0;
}
#ifndef HKSM_MODULE
EXPORT_SYMBOL_GPL(ksm_madvise);

/**
 * __ksm_enter() - register an mm
 * @mm: not registered; locked for writing, or seen by nobody else
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int __ksm_enter(struct mm_struct *mm)
{
	return hksm_slot_add(&hksm, mm);
}

/**
 * __ksm_exit() - the page tables of an mm are about to go
 * @mm: without users and unlocked, or exec's and locked for writing
 *
 * Context: may sleep.
 */
void __ksm_exit(struct mm_struct *mm)
{
	hksm_slot_exit(&hksm, mm);
}
#endif /* a module decides which engine has the mm: kernel/module/entry.c */

/* Does the folio belong at this address the way it is? */
static bool hooks_usable(struct folio *folio, struct vm_area_struct *vma,
			 unsigned long addr)
{
	struct anon_vma *anon_vma = folio_anon_vma(folio);

	if (folio_test_large(folio))
		return true;
	/* While everything is unmerged nothing merged may come back. */
	if (folio_test_ksm(folio))
		return hksm_folio_node(folio) &&
		       !(READ_ONCE(hksm.run) & HKSM_RUN_UNMERGE);
	if (!anon_vma)
		return true;
	return folio->index == linear_anon_page_index(vma, addr) &&
	       anon_vma->root == vma->anon_vma->root;
}

/**
 * ksm_might_need_to_copy() - a folio from the swap cache is to be mapped
 * @folio: locked
 * @vma: where
 * @addr: where
 *
 * What was one merged page before it was swapped out comes back as an
 * ordinary page of whoever faults first. All others get a copy of their own.
 *
 * Context: may sleep; the folio is locked.
 * Return: @folio; a new folio, locked, up to date, dirty and charged; NULL
 * without memory; -EHWPOISON when the content cannot be read.
 */
struct folio *ksm_might_need_to_copy(struct folio *folio,
				     struct vm_area_struct *vma,
				     unsigned long addr)
{
	struct page *page = folio_page(folio, 0);
	struct folio *copy;

	if (hooks_usable(folio, vma, addr))
		return folio;
	if (PageHWPoison(page))
		return ERR_PTR(-EHWPOISON);
	/* The caller finds the read error. */
	if (!folio_test_uptodate(folio))
		return folio;

	copy = hksm_folio_alloc(GFP_HIGHUSER_MOVABLE, vma, addr);
	if (!copy)
		return NULL;
	if (mem_cgroup_charge(copy, vma->vm_mm, GFP_KERNEL)) {
		folio_put(copy);
		return NULL;
	}
	if (copy_mc_user_highpage(folio_page(copy, 0), page, addr, vma)) {
		folio_put(copy);
		return ERR_PTR(-EHWPOISON);
	}
	folio_set_dirty(copy);
	__folio_mark_uptodate(copy);
	__folio_set_locked(copy);
#ifdef CONFIG_SWAP
	count_vm_event(KSM_SWPIN_COPY);
#endif
	return copy;
}
