// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures for /proc/<pid>/ksm_stat and the profit, from the counters that
 * live in struct hksm (atomic) and struct hksm_slot (slot->lock).
 */
#include <linux/seq_file.h>

#include "limit.h"
#include "slot.h"
#include "stats.h"

/**
 * hksm_profit() - bytes saved in all, less the metadata
 * @h: the engine
 *
 * Context: any.
 */
long hksm_profit(struct hksm *h)
{
	long pages = percpu_counter_sum(&h->pages_sharing) +
		     atomic_long_read(&ksm_zero_pages);

	return pages * PAGE_SIZE - hksm_meta_total(h);
}

#ifdef CONFIG_PROC_FS
/* A snapshot of what a slot counts; zeroes for an mm that has none. */
struct slot_stat {
	u64 scan_pages, scan_ns, merges, breaks, skipped;
	long meta_bytes;
};

static struct slot_stat stats_read(struct mm_struct *mm)
{
	struct slot_stat stat = {};
	struct hksm_slot *slot = hksm_slot_find(&hksm, mm);

	if (!slot)
		return stat;
	spin_lock(&slot->lock);
	stat.scan_pages = slot->scan_pages;
	stat.scan_ns = slot->scan_ns;
	stat.merges = slot->merges;
	stat.breaks = slot->breaks;
	stat.skipped = slot->skipped;
	stat.meta_bytes = slot->meta_bytes;
	spin_unlock(&slot->lock);
	hksm_slot_put(slot);
	return stat;
}

/**
 * ksm_process_profit() - bytes a process saves, less its metadata
 * @mm: pinned by the caller
 *
 * Context: process.
 */
long ksm_process_profit(struct mm_struct *mm)
{
	return (long)(mm->ksm_merging_pages + mm_ksm_zero_pages(mm)) *
		PAGE_SIZE - stats_read(mm).meta_bytes;
}

/**
 * ksm_process_mergeable() - has a process any area that may merge?
 * @mm: locked for reading
 *
 * Context: mmap_lock held.
 */
bool ksm_process_mergeable(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	mmap_assert_locked(mm);
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma)
		if (vma->vm_flags & VM_MERGEABLE)
			return true;
	return false;
}

/**
 * ksm_show_stat() - lines of ksm_stat after those of every kernel
 * @m: the file
 * @mm: pinned by the caller
 *
 * First what Linux 7.3 shows, then what scanning this process costs and
 * brings.
 *
 * Context: may sleep; takes the mmap_lock for reading.
 */
void ksm_show_stat(struct seq_file *m, struct mm_struct *mm)
{
	struct slot_stat stat = stats_read(mm);

	hksm_show_mergeable(m, mm);
	seq_printf(m, "ksm_scan_pages %llu\n", stat.scan_pages);
	seq_printf(m, "ksm_scan_ns %llu\n", stat.scan_ns);
	seq_printf(m, "ksm_merges %llu\n", stat.merges);
	seq_printf(m, "ksm_breaks %llu\n", stat.breaks);
	seq_printf(m, "ksm_skipped %llu\n", stat.skipped);
	seq_printf(m, "ksm_meta_bytes %ld\n", stat.meta_bytes);
}
#endif /* CONFIG_PROC_FS */
