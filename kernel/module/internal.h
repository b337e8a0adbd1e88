/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine uses of mm/internal.h, which is not among the headers that
 * modules are built with.
 */
#ifndef HKSM_INTERNAL_H
#define HKSM_INTERNAL_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/swapops.h>

/* What a folio's mapping points at, without the bits that say of what kind it is. */
static inline void *folio_raw_mapping(const struct folio *folio)
{
	return (void *)((unsigned long)folio->mapping & ~PAGE_MAPPING_FLAGS);
}

bool folio_isolate_lru(struct folio *folio);
void folio_putback_lru(struct folio *folio);
pmd_t *mm_find_pmd(struct mm_struct *mm, unsigned long address);
struct anon_vma *folio_anon_vma(struct folio *folio);
void flush_tlb_batched_pending(struct mm_struct *mm);
struct task_struct *task_early_kill(struct task_struct *tsk, int force_early);
void add_to_kill_ksm(struct task_struct *tsk, struct page *p,
		     struct vm_area_struct *vma, struct list_head *to_kill,
		     unsigned long ksm_addr);

void folio_mark_lazyfree(struct folio *folio);

/* Modules are not told of it; x86 has no other one than this. */
#ifndef flush_tlb_range
void flush_tlb_mm_range(struct mm_struct *mm, unsigned long start,
			unsigned long end, unsigned int stride_shift,
			bool freed_tables);
#define flush_tlb_range(_vma, _start, _end)				\
	flush_tlb_mm_range((_vma)->vm_mm, _start, _end, PAGE_SHIFT, false)
#endif

#endif /* HKSM_INTERNAL_H */
