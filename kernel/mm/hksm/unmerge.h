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
bool hksm_vma_compatible(struct vm_area_struct *vma);

#endif /* HKSM_UNMERGE_H */
