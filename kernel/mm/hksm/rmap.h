/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What rmap.c has beside the functions of linux/ksm.h.
 */
#ifndef HKSM_RMAP_H
#define HKSM_RMAP_H

#include "core.h"

void hksm_hotplug_init(struct hksm *h);
void hksm_hotplug_fini(struct hksm *h);

#endif /* HKSM_RMAP_H */
