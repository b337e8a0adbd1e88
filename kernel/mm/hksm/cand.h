/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Candidate table: where pages are that were seen once and have no partner.
 */
#ifndef HKSM_CAND_H
#define HKSM_CAND_H

#include "env.h"
#include "dual.h"

/* A body: page index within the range above the range's id. */
#define HKSM_RID_BITS	32
#define HKSM_RID_MIN	2
#define HKSM_IDX_MAX	((1U << (HKSM_BODY_BITS - HKSM_RID_BITS)) - 1)

/**
 * struct hksm_place - a tracked page
 * @rid: id of its range, at least HKSM_RID_MIN
 * @idx: page within the range
 */
struct hksm_place {
	u32 rid;
	u32 idx;
};

/**
 * struct hksm_cand - a table of candidates
 * @table: the entries
 * @dropped: pages there was no room for, each time; goes on in the next table
 */
struct hksm_cand {
	struct hksm_dual table;
	atomic_long_t dropped;
};

int hksm_cand_init(struct hksm_cand *c, unsigned long entries,
		   unsigned int common);
void hksm_cand_fini(struct hksm_cand *c);
bool hksm_cand_insert(struct hksm_cand *c, u64 key, struct hksm_place where);
bool hksm_cand_remove(struct hksm_cand *c, u64 key, struct hksm_place where);
bool hksm_cand_move(struct hksm_cand *c, u64 key, struct hksm_place where);
bool hksm_cand_first(const struct hksm_cand *c, u64 key,
		     struct hksm_dual_probe *p, struct hksm_place *where);
bool hksm_cand_next(const struct hksm_cand *c, u64 key,
		    struct hksm_dual_probe *p, struct hksm_place *where);
unsigned long hksm_cand_wanted(const struct hksm_cand *c, bool idle,
			       unsigned long expect);
unsigned long hksm_cand_joins(const struct hksm_cand *c, unsigned long expect);

#endif /* HKSM_CAND_H */
