/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What items are merged into.
 */
#ifndef HKSM_TARGET_H
#define HKSM_TARGET_H

#include "batch.h"

struct hksm_target *hksm_target_find(struct hksm_scanner *sc,
				     struct hksm_item *item);
struct hksm_target *hksm_target_zero(struct hksm_scanner *sc,
				     struct hksm_item *item);
bool hksm_target_exists(struct hksm_scanner *sc, u64 key);
bool hksm_target_held(struct hksm_scanner *sc, u64 key);

#endif /* HKSM_TARGET_H */
