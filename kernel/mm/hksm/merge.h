/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merging a batch.
 */
#ifndef HKSM_MERGE_H
#define HKSM_MERGE_H

#include "batch.h"

void hksm_merge_batch(struct hksm_scanner *sc);
void hksm_merge_prepare(struct hksm_scanner *sc);
int hksm_merge_split(struct hksm *h, struct vm_area_struct *vma,
		     unsigned long addr, struct page *page);

#endif /* HKSM_MERGE_H */
