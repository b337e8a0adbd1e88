/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bucket table and the one it replaces, which is emptied bit by bit.
 */
#ifndef HKSM_DUAL_H
#define HKSM_DUAL_H

#include "env.h"
#include "table.h"

/**
 * struct hksm_dual - a table that can be replaced while it is used
 * @now: what entries are added to
 * @old: what it replaces, or without memory
 * @pos: where hksm_dual_drain() goes on
 *
 * @now and @old are exchanged, and @old is taken away, when nobody looks. The owner
 * names the lock of @pos.
 */
struct hksm_dual {
	struct hksm_table now;
	struct hksm_table old;
	unsigned long pos;
};

/**
 * struct hksm_dual_probe - position of a search; private to dual.c
 * @p: position in a table
 * @now: whether that is the newer one
 */
struct hksm_dual_probe {
	struct hksm_probe p;
	bool now;
};

int hksm_dual_init(struct hksm_dual *d, unsigned long entries,
		   unsigned int common);
void hksm_dual_fini(struct hksm_dual *d);
void hksm_dual_prefetch(const struct hksm_dual *d, u64 key, bool write);
u64 hksm_dual_first(const struct hksm_dual *d, u64 key,
		    struct hksm_dual_probe *p);
u64 hksm_dual_next(const struct hksm_dual *d, u64 key,
		   struct hksm_dual_probe *p);
bool hksm_dual_remove(struct hksm_dual *d, u64 key, u64 body);
bool hksm_dual_replace(struct hksm_dual *d, u64 key, u64 old, u64 body);
u64 hksm_dual_walk(const struct hksm_dual *d, unsigned long *pos);
void hksm_dual_begin(struct hksm_dual *d, struct hksm_table *now);
void hksm_dual_end(struct hksm_dual *d, struct hksm_table *old);
int hksm_dual_move(struct hksm_dual *d, u64 key, u64 body);
int hksm_dual_drain(struct hksm_dual *d, unsigned int places,
		    u64 (*key_of)(u64 body));

/**
 * hksm_dual_moving() - is there an older table?
 * @d: an initialised one
 */
static inline bool hksm_dual_moving(const struct hksm_dual *d)
{
	return d->old.slot;
}

/**
 * hksm_dual_used() - entries in both tables
 * @d: an initialised one
 */
static inline unsigned long hksm_dual_used(const struct hksm_dual *d)
{
	return hksm_table_used(&d->now) + hksm_table_used(&d->old);
}

/**
 * hksm_dual_bytes() - memory of both tables
 * @d: an initialised one
 */
static inline unsigned long hksm_dual_bytes(const struct hksm_dual *d)
{
	return hksm_table_bytes(&d->now) + hksm_table_bytes(&d->old);
}

#endif /* HKSM_DUAL_H */
