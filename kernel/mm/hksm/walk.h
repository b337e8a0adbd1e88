/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Going over what is not mapped.
 */
#ifndef HKSM_WALK_H
#define HKSM_WALK_H

#include <linux/mm.h>

/* Entries that are looked at before somebody else may want the locks. */
#define HKSM_HOLE_ENTRIES	4096

unsigned long hksm_skip_hole(struct mm_struct *mm, unsigned long addr,
			     unsigned long end, unsigned int *entries);

#endif /* HKSM_WALK_H */
