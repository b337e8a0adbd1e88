/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In a module the engine's entry points stand beside those of mm/ksm.c, under names
 * of their own; entry.c leads from one to the other. Read before every other header,
 * so that prototypes and callers are renamed alike.
 */
#ifndef HKSM_NAMES_H
#define HKSM_NAMES_H

/* Structures are laid out, and fields left out, by what the compiler can do. */
#if defined(CONFIG_CC_IS_CLANG) != defined(__clang__) || \
	(defined(CONFIG_CC_IS_GCC) && CONFIG_GCC_VERSION / 10000 != __GNUC__)
#error "the kernel was built by another compiler than this module is"
#endif

#define __ksm_enter		hksm_mm_enter
#define __ksm_exit		hksm_mm_exit
#define ksm_add_vma		hksm_add_vma
#define ksm_enable_merge_any	hksm_enable_merge_any
#define ksm_disable_merge_any	hksm_disable_merge_any
#define ksm_disable		hksm_disable
#define ksm_madvise		hksm_madvise
#define ksm_might_need_to_copy	hksm_might_need_to_copy
#define rmap_walk_ksm		hksm_rmap_walk
#define folio_migrate_ksm	hksm_folio_migrate
#define collect_procs_ksm	hksm_collect_procs
#define ksm_process_profit	hksm_process_profit
#define ksm_process_mergeable	hksm_process_mergeable
#define ksm_show_stat		hksm_show_stat

#ifndef __ASSEMBLY__
struct seq_file;
struct mm_struct;
void ksm_show_stat(struct seq_file *m, struct mm_struct *mm);
#endif

#endif /* HKSM_NAMES_H */
