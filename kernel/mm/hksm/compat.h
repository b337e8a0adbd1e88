/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernel versions the engine builds for, but for
 * one entry point in hooks.c. The engine is written against 7.3; a name that
 * 6.12 does not have yet is given to it here.
 */
#ifndef HKSM_COMPAT_H
#define HKSM_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "hksm needs Linux 6.12 or newer"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)

#include <linux/folio_batch.h>
#include <linux/leafops.h>
#include <linux/seq_file.h>

#define ksm_const const

#define hksm_folio_alloc(_gfp, _vma, _addr) \
	vma_alloc_folio(_gfp, 0, _vma, _addr)

/* Two lines of ksm_stat; fs/proc/base.c has them. */
static inline void hksm_show_mergeable(struct seq_file *m, struct mm_struct *mm)
{
}

#else /* 6.12 */

#include <linux/fs.h>
#include <linux/mm_inline.h>
#include <linux/pagevec.h>
#include <linux/sched/coredump.h>
#include <linux/seq_file.h>
#include <linux/swapops.h>

#define FOLIO_MAPPING_KSM	PAGE_MAPPING_KSM

/* What collect_procs_ksm() is given to read is not declared so. */
#define ksm_const

#define system_dfl_wq		system_unbound_wq

#define softleaf_t		swp_entry_t
/* The later releases of 6.12 have this one. */
#ifndef softleaf_from_pte
#define softleaf_from_pte	pte_to_swp_entry
#endif
#define softleaf_is_migration	is_migration_entry
#define softleaf_to_page	pfn_swap_entry_to_page

static inline bool softleaf_is_swap(softleaf_t entry)
{
	return !non_swap_entry(entry);
}

#define pte_uffd		pte_uffd_wp
#define pmd_uffd		pmd_uffd_wp

#define anon_rmap_tree_foreach(_avc, _anon_vma, _first, _last)		\
	anon_vma_interval_tree_foreach(_avc, &(_anon_vma)->rb_root,	\
				       _first, _last)
#define linear_anon_page_index	linear_page_index

/* Private mappings of files still count by the offset in the file. */
static inline pgoff_t vma_start_anon_pgoff(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static inline bool file_is_dax(const struct file *file)
{
	return file && IS_DAX(file->f_mapping->host);
}

static inline bool mm_flags_test(int flag, const struct mm_struct *mm)
{
	return test_bit(flag, &mm->flags);
}

static inline void mm_flags_set(int flag, struct mm_struct *mm)
{
	set_bit(flag, &mm->flags);
}

static inline void mm_flags_clear(int flag, struct mm_struct *mm)
{
	clear_bit(flag, &mm->flags);
}

#define hksm_folio_alloc(_gfp, _vma, _addr) \
	vma_alloc_folio(_gfp, 0, _vma, _addr, false)

bool ksm_process_mergeable(struct mm_struct *mm);

static inline void hksm_show_mergeable(struct seq_file *m, struct mm_struct *mm)
{
	bool any = false;

	seq_printf(m, "ksm_merge_any: %s\n",
		   mm_flags_test(MMF_VM_MERGE_ANY, mm) ? "yes" : "no");
	if (!mmap_read_lock_killable(mm)) {
		any = ksm_process_mergeable(mm);
		mmap_read_unlock(mm);
	}
	seq_printf(m, "ksm_mergeable: %s\n", any ? "yes" : "no");
}

#endif

#endif /* HKSM_COMPAT_H */
