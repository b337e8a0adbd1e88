/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is not tracked any more.
 */
#ifndef HKSM_FORGET_H
#define HKSM_FORGET_H

#include <linux/workqueue.h>

#include "core.h"
#include "slot.h"

bool hksm_forget(struct hksm *h, struct hksm_slot *slot, unsigned long *from,
		 unsigned long last, unsigned int nr, const void *owner);
void hksm_free_limbo(struct hksm *h);
void hksm_reap(struct work_struct *work);

#endif /* HKSM_FORGET_H */
