/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving back what is known of unmerged pages when memory is short.
 */
#ifndef HKSM_SHRINK_H
#define HKSM_SHRINK_H

#include "core.h"

void hksm_shrink_to_limit(struct hksm *h);
int hksm_shrink_init(struct hksm *h);
void hksm_shrink_fini(struct hksm *h);

#endif /* HKSM_SHRINK_H */
