/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of the engine.
 */
#ifndef HKSM_SYSFS_H
#define HKSM_SYSFS_H

#include "core.h"

#ifdef CONFIG_SYSFS
int hksm_sysfs_init(struct hksm *h);
void hksm_sysfs_fini(struct hksm *h);
#else
static inline int hksm_sysfs_init(struct hksm *h)
{
	h->run = HKSM_RUN_MERGE;
	return 0;
}

static inline void hksm_sysfs_fini(struct hksm *h)
{
}
#endif

#endif /* HKSM_SYSFS_H */
