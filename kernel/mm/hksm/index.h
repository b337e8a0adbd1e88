/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables that are looked up by content.
 */
#ifndef HKSM_INDEX_H
#define HKSM_INDEX_H

#include "cand.h"
#include "core.h"

void hksm_index_prefetch(struct hksm *h, u64 key);
bool hksm_index_first(struct hksm *h, u64 key, struct hksm_dual_probe *p,
		      struct hksm_place *where);
bool hksm_index_next(struct hksm *h, u64 key, struct hksm_dual_probe *p,
		     struct hksm_place *where);
bool hksm_index_add(struct hksm *h, u64 key, struct hksm_place where);
void hksm_index_del(struct hksm *h, u64 key, struct hksm_place where);
bool hksm_index_move(struct hksm *h, u64 key, struct hksm_place where);
unsigned long hksm_index_dropped(struct hksm *h);
unsigned long hksm_index_capacity(struct hksm *h);
unsigned long hksm_index_bytes(struct hksm *h);
int hksm_index_init(struct hksm *h);
void hksm_index_fini(struct hksm *h);

#endif /* HKSM_INDEX_H */
