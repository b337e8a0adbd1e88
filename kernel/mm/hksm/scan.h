/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scanning a batch.
 */
#ifndef HKSM_SCAN_H
#define HKSM_SCAN_H

#include "batch.h"

unsigned long hksm_scan_batch(struct hksm_scanner *sc,
			      struct vm_area_struct *vma, unsigned long addr,
			      unsigned long end);

#endif /* HKSM_SCAN_H */
