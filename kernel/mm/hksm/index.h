/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables that are looked up by content.
 */
#ifndef HKSM_INDEX_H
#define HKSM_INDEX_H

#include "cand.h"
#include "core.h"

void hksm_index_prefetch(struct hksm *h, u64 key);
bool hksm_index_first(struct hksm *h, u64 key, struct hksm_probe *p,
		      struct hksm_place *where);
bool hksm_index_next(struct hksm *h, u64 key, struct hksm_probe *p,
		     struct hksm_place *where);
bool hksm_index_add(struct hksm *h, u64 key, struct hksm_place where);
void hksm_index_del(struct hksm *h, u64 key, struct hksm_place where);
unsigned long hksm_index_dropped(struct hksm *h);
unsigned long hksm_index_capacity(struct hksm *h);
unsigned long hksm_index_bytes(struct hksm *h);
bool hksm_index_reset(struct hksm *h);
void hksm_index_restore(struct hksm *h, unsigned long entries);
bool hksm_index_wanted(struct hksm *h, bool idle);
bool hksm_index_resize(struct hksm *h, bool idle);
int hksm_index_init(struct hksm *h);
void hksm_index_fini(struct hksm *h);

#endif /* HKSM_INDEX_H */
