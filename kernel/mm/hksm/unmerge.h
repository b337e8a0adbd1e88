/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Undoing merges.
 */
#ifndef HKSM_UNMERGE_H
#define HKSM_UNMERGE_H

#include <linux/mm.h>

#include "core.h"

int hksm_unmerge_range(struct vm_area_struct *vma, unsigned long start,
		       unsigned long end, bool lock_vma);
int hksm_unmerge_all(struct hksm *h);
bool hksm_may_merge(const struct file *file, vm_flags_t flags);

#endif /* HKSM_UNMERGE_H */
