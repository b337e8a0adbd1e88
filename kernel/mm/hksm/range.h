/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Meta words, by page table range.
 */
#ifndef HKSM_RANGE_H
#define HKSM_RANGE_H

#include <linux/atomic.h>

#include "core.h"
#include "meta.h"
#include "slot.h"

/* A range is what one page table maps. */
#define HKSM_RANGE_PAGES	MAX_PTRS_PER_PTE
#define HKSM_CHUNK_PAGES	64
#define HKSM_CHUNKS		(HKSM_RANGE_PAGES / HKSM_CHUNK_PAGES)

/**
 * struct hksm_chunk - meta words of 64 consecutive pages
 * @meta: owner of the range; but hksm_node_drop() takes a word out of MERGED
 *	with cmpxchg, whoever owns it
 * @limbo: when nothing is in it any more. Who still reads a word there reads a
 *	pointer, whose lowest bits say HKSM_NONE
 */
struct hksm_chunk {
	union {
		u64 meta[HKSM_CHUNK_PAGES];
		struct llist_node limbo;
	};
};

/**
 * struct hksm_range - meta words of what one page table maps
 * @slot: immutable; the slot outlives its ranges
 * @base: immutable; first address
 * @id: immutable; index in hksm.ranges
 * @owner: who may touch the fields below, taken with cmpxchg: a scanner, or the
 *	engine, which also has it when it is out of use
 * @heat: history of merges
 * @rest: history of the huge page that is mapped here
 * @resting: the huge page is left alone in that pass
 * @rest_pass: lower bits of the pass for which @resting was found out
 * @items_delta: tracked pages not yet accounted
 * @cand_delta: candidates not yet accounted
 * @chunk: allocated when a page of it is tracked, read by others, too
 * @live: words of the chunk that are not HKSM_NONE
 * @limbo: when nothing is in it any more
 */
struct hksm_range {
	struct hksm_slot *slot;
	unsigned long base;
	u32 id;
	struct hksm_heat heat;
	struct hksm_rest rest;
	bool resting;
	u32 rest_pass;
	const void *owner;
	int items_delta;
	int cand_delta;
	struct hksm_chunk *chunk[HKSM_CHUNKS];
	u8 live[HKSM_CHUNKS];
	struct llist_node limbo;
};

struct hksm_range *hksm_range_find(struct hksm_slot *slot, unsigned long addr);
unsigned long hksm_range_next(struct hksm_slot *slot, unsigned long addr,
			      unsigned long end);
struct hksm_range *hksm_range_make(struct hksm *h, struct hksm_slot *slot,
				   unsigned long addr, const void *owner);
bool hksm_range_own(struct hksm_range *range, const void *owner);
void hksm_range_disown(struct hksm *h, struct hksm_range *range);
void hksm_range_flush(struct hksm *h, struct hksm_range *range);
bool hksm_range_room(struct hksm *h, struct hksm_range *range,
		     unsigned int idx);
void hksm_meta_write(struct hksm_range *range, unsigned int idx, u64 m);
void hksm_meta_replace(struct hksm_range *range, unsigned int idx, u64 was,
		       u64 m);
void hksm_range_free_limbo(struct hksm *h);

static inline u64 *hksm_meta_ptr(struct hksm_range *range, unsigned int idx)
{
	struct hksm_chunk *chunk;

	chunk = READ_ONCE(range->chunk[idx / HKSM_CHUNK_PAGES]);
	return chunk ? &chunk->meta[idx % HKSM_CHUNK_PAGES] : NULL;
}

static inline u64 hksm_meta_read(struct hksm_range *range, unsigned int idx)
{
	u64 *p = range ? hksm_meta_ptr(range, idx) : NULL;

	return p ? READ_ONCE(*p) : 0;
}

static inline unsigned int hksm_idx(unsigned long addr)
{
	return (addr & ~PMD_MASK) >> PAGE_SHIFT;
}

static inline struct hksm_place hksm_place(struct hksm_range *range,
					   unsigned int idx)
{
	return (struct hksm_place){ .rid = range->id, .idx = idx };
}

#endif /* HKSM_RANGE_H */
