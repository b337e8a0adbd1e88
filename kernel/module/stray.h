/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merged pages where nobody asked for merging.
 */
#ifndef HKSM_STRAY_H
#define HKSM_STRAY_H

void stray_unmerge(void);

#endif /* HKSM_STRAY_H */
