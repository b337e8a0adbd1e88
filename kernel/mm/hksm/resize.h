/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The size of the tables that are looked up by content.
 */
#ifndef HKSM_RESIZE_H
#define HKSM_RESIZE_H

#include "core.h"

bool hksm_resize_wanted(struct hksm *h, bool idle);
bool hksm_resize_begin(struct hksm *h, bool idle);
bool hksm_resize_move(struct hksm *h, const void *owner, bool all);
bool hksm_resize_all(struct hksm *h, bool idle);
bool hksm_resize_reset(struct hksm *h);
void hksm_resize_restore(struct hksm *h, unsigned long entries);

#endif /* HKSM_RESIZE_H */
