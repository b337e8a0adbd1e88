/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merged pages: nodes, their records, and the ways between them, their folios
 * and the words.
 *
 * "FL" below is the lock of the merged folio a node stands for. It protects the
 * node's records, because reverse walks come with it and nothing else.
 */
#ifndef HKSM_STABLE_H
#define HKSM_STABLE_H

#include <linux/io.h>
#include <linux/mm.h>

#include "core.h"
#include "family.h"
#include "meta.h"
#include "slot.h"

/**
 * struct hksm_rec - one address that maps a merged page; FL
 * @ctx: referenced; NULL in an unused record
 * @addr: page aligned
 */
struct hksm_rec {
	struct hksm_ctx *ctx;
	unsigned long addr;
};

/* Records are this well aligned, so that meta words can refer to them. */
#define HKSM_REC_SHIFT		4
#define HKSM_NODE_RECS		2
#define HKSM_BLOCK_RECS		7

/**
 * struct hksm_block - more records of a node; FL
 * @node: immutable
 * @next: next block of the node
 * @rec: never move, meta words point at them
 */
struct hksm_block {
	struct hksm_node *node;
	struct hksm_block *next;
	struct hksm_rec rec[HKSM_BLOCK_RECS];
} __aligned(128);

/* hksm_node.nid of broken memory, which nobody looks for. */
#define HKSM_NID_BROKEN		U16_MAX

/* hksm_node.filing, and above these the shard */
#define HKSM_NODE_FILED		1	/* found through the stable table */
#define HKSM_NODE_DUP		2	/* as a member of a family */
#define HKSM_NODE_OPEN		4	/* among its open ones */
#define HKSM_NODE_SHARD_SHIFT	3
/* hksm_node.state */
#define HKSM_NODE_HOLES		1	/* some block may have an unused record */
#define HKSM_NODE_BARE		2	/* mapped, but the last record is gone */

/**
 * struct hksm_node - a merged page
 * @key: key of its content, or ...
 * @member: ... its place in the family that has it; the lock of its shard
 * @kpfn: its frame, 0 until the folio carries the tag; written under FL by
 *	migration, read through the keyhole
 * @blocks: records that do not fit here; FL
 * @nr: records in use; FL
 * @nid: NUMA node it is filed under, 0 when merging across nodes;
 *	HKSM_NID_BROKEN, see hksm_stable_nid()
 * @filing: HKSM_NODE_FILED, _DUP, _OPEN; the lock of its shard. Which one that
 *	is changes while it is not filed, with FL held
 * @state: HKSM_NODE_HOLES, HKSM_NODE_BARE; FL
 * @rec: first records; FL
 * @limbo: when it is out of use
 *
 * There is no reference to the folio: the node is valid as long as the
 * folio's mapping points back at it, see hksm_node_folio(). It does not go out
 * of use before the folio is gone or was told to forget it, and is not freed
 * before whoever may have it in hand has let go of hksm.sem.
 */
struct hksm_node {
	union {
		u64 key;
		struct hksm_member member;
	};
	unsigned long kpfn;
	struct hksm_block *blocks;
	u32 nr;
	u16 nid;
	u8 filing;
	u8 state;
	union {
		struct hksm_rec rec[HKSM_NODE_RECS];
		struct llist_node limbo;
	};
} __aligned(64);

enum hksm_folio_mode {
	HKSM_FOLIO_TRY,
	HKSM_FOLIO_WAIT,
};

/**
 * struct hksm_rec_iter - position among the records of a node
 * @node: the node, FL held
 * @block: block being visited, NULL for the records in the node
 * @pos: next record to look at
 */
struct hksm_rec_iter {
	struct hksm_node *node;
	struct hksm_block *block;
	unsigned int pos;
};

/**
 * struct hksm_sweep - where hksm_stable_sweep() goes on
 * @shard: of merged pages
 * @pos: in its table
 */
struct hksm_sweep {
	unsigned int shard;
	unsigned long pos;
};

/* Does the caller of hksm_stable_file() have this node in hand already? */
typedef bool (*hksm_node_known)(struct hksm_node *node, void *arg);

struct folio *hksm_node_folio(struct hksm_node *node,
			      enum hksm_folio_mode mode);
bool hksm_folio_keep(struct folio *folio);
struct hksm_node *hksm_stable_find(struct hksm *h, u64 key);
int hksm_stable_file(struct hksm *h, struct hksm_node *node, u64 key,
		     hksm_node_known known, void *arg);
bool hksm_stable_refile(struct hksm *h, struct hksm_node *node);
u64 hksm_stable_key(u64 body);
struct hksm_node *hksm_node_alloc(struct hksm *h, gfp_t gfp);
void hksm_node_free(struct hksm *h, struct hksm_node *node);
void hksm_node_drop(struct hksm *h, struct hksm_node *node);
struct hksm_rec *hksm_rec_add(struct hksm *h, struct hksm_node *node,
			      struct hksm_ctx *ctx, unsigned long addr,
			      bool over);
void hksm_rec_cancel(struct hksm *h, struct hksm_node *node,
		     struct hksm_rec *rec);
void hksm_rec_move(struct hksm_rec *rec, struct hksm_ctx *ctx);
void hksm_rec_end(struct hksm *h, struct hksm_node *node, struct hksm_rec *rec,
		  struct folio *folio);
int hksm_rec_drop(struct hksm *h, u64 meta, enum hksm_folio_mode mode);
struct hksm_rec *hksm_rec_next(struct hksm_rec_iter *it);
u64 hksm_rec_payload(struct hksm_node *node, struct hksm_rec *rec);
struct hksm_node *hksm_meta_node(u64 meta);
bool hksm_stable_sweep(struct hksm *h, struct hksm_sweep *at);
int hksm_stable_empty(struct hksm *h);
unsigned long hksm_stable_families(struct hksm *h, unsigned long *nodes);
void hksm_stable_free_limbo(struct hksm *h);
void hksm_stable_offline(struct hksm *h, unsigned long start,
			 unsigned long end);
u64 hksm_key(struct hksm *h, u64 digest, int nid);
int hksm_nid(struct hksm *h, unsigned long pfn);
int hksm_stable_nid(struct hksm *h, struct hksm_node *node);

#define hksm_for_each_rec(_rec, _it) \
	for ((_rec) = hksm_rec_next(_it); (_rec); (_rec) = hksm_rec_next(_it))

/* The record a word in state MERGED refers to; bit 0 of the payload is not it. */
static inline struct hksm_rec *hksm_meta_rec(u64 meta)
{
	return phys_to_virt((phys_addr_t)(meta >> (HKSM_KEY_SHIFT + 1)) <<
			    HKSM_REC_SHIFT);
}

/* The keyhole's key: what the mapping of the folio of a node looks like. */
static inline void *hksm_node_tag(struct hksm_node *node)
{
	return (void *)((unsigned long)node | FOLIO_MAPPING_KSM);
}

static inline struct hksm_node *hksm_folio_node(const struct folio *folio)
{
	return folio_test_ksm(folio) ? folio_raw_mapping(folio) : NULL;
}

/* A single store, so that nobody sees a tag with half a pointer. */
static inline void hksm_folio_tag(struct folio *folio, struct hksm_node *node)
{
	WRITE_ONCE(folio->mapping, hksm_node_tag(node));
}

static inline unsigned long hksm_rec_index(struct hksm_rec *rec)
{
	return (rec->addr >> PAGE_SHIFT) + rec->ctx->delta;
}

/*
 * May an area map a record's page? It has its linear index and its address.
 * The address alone would do, but the index finds the area without walking all
 * the areas of a process with many.
 */
static inline bool hksm_rec_covers(struct hksm_rec *rec,
				   struct vm_area_struct *vma)
{
	return rec->addr >= vma->vm_start && rec->addr < vma->vm_end;
}

#endif /* HKSM_STABLE_H */
