// SPDX-License-Identifier: GPL-2.0-only
/*
 * Merged pages: nodes, the table that finds them by content, their records,
 * and the way from a node to its folio.
 *
 * A node holds no reference to its folio, or swapping would have to wait for
 * a scanner. It is valid while folio->mapping points back at it; freeing an
 * anonymous page clears that. So a node may only be dropped when its folio is
 * gone, or after the folio was told, under its lock, to forget the node. Two
 * scanners may see at once that a folio is gone: the one that finds the node
 * filed drops it. Its memory stays what it is for as long as the other may look
 * at it, see struct hksm_limbo.
 */
#include <linux/kasan.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <trace/events/ksm.h>

#include "range.h"
#include "stable.h"

#define NODE_SHIFT	6
/* Contents looked at under one hold of the engine. */
#define SWEEP_CONTENTS	4096UL
#define BODY_FAMILY	1ULL

/*
 * Words and table entries hold physical addresses, in units of what is aligned,
 * next to bits of their own. Both have room for 52 bits, see stable_alloc().
 */
#define PHYS_BITS	52
static_assert(PHYS_BITS - NODE_SHIFT + 1 <= HKSM_BODY_BITS);
static_assert(PHYS_BITS - HKSM_REC_SHIFT + 1 <= 64 - HKSM_KEY_SHIFT);
static_assert(sizeof(struct hksm_node) == 1 << NODE_SHIFT);
static_assert(sizeof(struct hksm_block) == 128);
static_assert(HKSM_SHARDS << HKSM_NODE_SHARD_SHIFT <= 256);
static_assert(HKSM_PIECE_BYTES % (1 << NODE_SHIFT) == 0);
static_assert(sizeof(struct hksm_rec) % (1 << HKSM_REC_SHIFT) == 0);
static_assert(offsetof(struct hksm_node, rec) % (1 << HKSM_REC_SHIFT) == 0);
static_assert(offsetof(struct hksm_block, rec) % (1 << HKSM_REC_SHIFT) == 0);

/* Body of a table entry: physical address of the node or family, and which. */
static u64 body_of(void *object, bool family)
{
	return ((u64)virt_to_phys(object) >> NODE_SHIFT) << 1 | family;
}

static void *body_object(u64 body)
{
	return phys_to_virt((phys_addr_t)(body >> 1) << NODE_SHIFT);
}

/**
 * hksm_rec_payload() - how a meta word refers to a record
 * @node: the record's node
 * @rec: the record
 *
 * Context: any.
 * Return: payload for a word in state MERGED.
 */
u64 hksm_rec_payload(struct hksm_node *node, struct hksm_rec *rec)
{
	bool inlined = rec >= node->rec && rec < node->rec + HKSM_NODE_RECS;

	return (((u64)virt_to_phys(rec) >> HKSM_REC_SHIFT) << 1 | inlined) <<
		HKSM_KEY_SHIFT;
}

/**
 * hksm_meta_node() - the node a meta word refers to
 * @meta: a word in state MERGED
 *
 * Context: any; hksm.sem held.
 * Return: the node. It stays as long as the word is in that state.
 */
struct hksm_node *hksm_meta_node(u64 meta)
{
	unsigned long rec = (unsigned long)hksm_meta_rec(meta);
	struct hksm_block *block;

	if (meta >> HKSM_KEY_SHIFT & 1)
		return (void *)round_down(rec, sizeof(struct hksm_node));
	block = (void *)round_down(rec, sizeof(struct hksm_block));
	return block->node;
}

/**
 * hksm_nid() - NUMA node a frame is filed under
 * @h: the engine
 * @pfn: the frame
 *
 * Context: any; hksm.sem held.
 */
int hksm_nid(struct hksm *h, unsigned long pfn)
{
	return h->merge_across_nodes ? 0 : pfn_to_nid(pfn);
}

/**
 * hksm_stable_nid() - NUMA node a merged page belongs under
 * @h: the engine
 * @node: FL held
 *
 * Broken memory counts as a NUMA node of its own: where it cannot be unmapped,
 * its node has to stay, and would be in the way of good copies of its content.
 *
 * Context: FL held; hksm.sem held.
 */
int hksm_stable_nid(struct hksm *h, struct hksm_node *node)
{
	if (PageHWPoison(pfn_to_page(node->kpfn)))
		return HKSM_NID_BROKEN;
	return hksm_nid(h, node->kpfn);
}

/**
 * hksm_key() - key of a content
 * @h: the engine
 * @digest: its digest
 * @nid: NUMA node it is filed under
 *
 * Every partition of memory that may not share gets its own keys this way.
 *
 * Context: any.
 */
u64 hksm_key(struct hksm *h, u64 digest, int nid)
{
	return digest ^ (nid * h->nid_salt);
}

/**
 * hksm_node_folio() - look through the keyhole
 * @node: a node that is not being freed
 * @mode: what to do when the folio is locked
 *
 * Context: hksm.sem held; may sleep if @mode is HKSM_FOLIO_WAIT.
 * Return: the folio, locked and referenced; NULL when it is gone and the node
 * is to be dropped; -EBUSY when it is locked and @mode is HKSM_FOLIO_TRY.
 */
struct folio *hksm_node_folio(struct hksm_node *node,
			      enum hksm_folio_mode mode)
{
	void *tag = hksm_node_tag(node);
	struct folio *folio;
	unsigned long pfn;

	for (;;) {
		pfn = READ_ONCE(node->kpfn);
		folio = pfn_folio(pfn);
		if (READ_ONCE(folio->mapping) != tag)
			goto moved;
		if (!folio_try_get(folio)) {
			/*
			 * Without a reference it is free, or about to be. But
			 * migration freezes a folio in the swap cache for a
			 * moment, and then it is still ours.
			 */
			if (!folio_test_swapcache(folio))
				goto moved;
			cpu_relax();
			continue;
		}
		if (READ_ONCE(folio->mapping) != tag)
			goto put;
		if (mode == HKSM_FOLIO_WAIT) {
			folio_lock(folio);
		} else if (!folio_trylock(folio)) {
			folio_put(folio);
			return ERR_PTR(-EBUSY);
		}
		if (READ_ONCE(folio->mapping) == tag)
			return folio;
		folio_unlock(folio);
put:
		folio_put(folio);
moved:
		/* Pairs with folio_migrate_ksm(): new frame, then old tag. */
		smp_rmb();
		if (READ_ONCE(node->kpfn) == pfn)
			return NULL;
	}
}

/**
 * hksm_folio_keep() - make sure reclaim swaps a folio and does not drop it
 * @folio: locked, about to be shared
 *
 * MADV_FREE may have left it without PG_swapbacked, and with a clean entry
 * nothing would restore that. The flag decides on which list the folio is
 * counted, so it is changed off the list. Clean, and not in the swap cache, it
 * may be on its way there in the batch of a processor that takes the flag away
 * only later (folio_mark_lazyfree() in mm/swap.c); dirty, it is not dropped even
 * so.
 *
 * Context: process; does not sleep.
 * Return: false when that is not possible now.
 */
bool hksm_folio_keep(struct folio *folio)
{
	if (!folio_test_dirty(folio) && !folio_test_swapcache(folio))
		folio_mark_dirty(folio);
	if (likely(folio_test_swapbacked(folio)))
		return true;
	if (!folio_isolate_lru(folio))
		return false;
	folio_set_swapbacked(folio);
	folio_mark_dirty(folio);
	folio_putback_lru(folio);
	return true;
}

static bool is_open(struct hksm *h, struct hksm_node *node)
{
	return READ_ONCE(node->nr) < h->max_page_sharing;
}

static struct hksm_node *member_node(struct hksm_member *m)
{
	return container_of(m, struct hksm_node, member);
}

static struct hksm_stable_shard *stable_shard(struct hksm *h, u64 key)
{
	return &h->stable[hksm_shard(key)];
}

/* The shard a node is filed in, or was last. */
static struct hksm_stable_shard *node_shard(struct hksm *h,
					    struct hksm_node *node)
{
	return &h->stable[READ_ONCE(node->filing) >> HKSM_NODE_SHARD_SHIFT];
}

/*
 * What is filed under a key, a node or a family: its body, or 0. Without the lock
 * of the shard that is a hint.
 */
static u64 stable_lookup(struct hksm_stable_shard *s, u64 key)
{
	struct hksm_dual_probe p;
	u64 body;

	for (body = hksm_dual_first(&s->table, key, &p); body;
	     body = hksm_dual_next(&s->table, key, &p))
		if (hksm_stable_key(body) == key)
			break;
	return body;
}

/* A node with room among what is filed as @body, or NULL. */
static struct hksm_node *stable_open(struct hksm *h, u64 body)
{
	struct hksm_node *node = NULL;
	struct hksm_member *m;

	if (body & BODY_FAMILY) {
		m = hksm_family_open(body_object(body));
		node = m ? member_node(m) : NULL;
	} else if (body) {
		node = body_object(body);
	}
	return node && is_open(h, node) ? node : NULL;
}

/**
 * hksm_stable_find() - a merged page that may have a content
 * @h: the engine
 * @key: key of the content
 *
 * Most often there is none, and to find that out takes no lock.
 *
 * Context: hksm.sem held; takes the lock of a shard.
 * Return: a node with room for a record that nobody has looked at yet, or
 * NULL.
 */
struct hksm_node *hksm_stable_find(struct hksm *h, u64 key)
{
	struct hksm_stable_shard *s = stable_shard(h, key);
	struct hksm_node *node;

	if (!stable_lookup(s, key))
		return NULL;
	spin_lock(&s->lock);
	node = stable_open(h, stable_lookup(s, key));
	/* A frame number is set last, see merge_promote() in merge.c. */
	if (node && !READ_ONCE(node->kpfn))
		node = NULL;
	spin_unlock(&s->lock);
	return node;
}

/*
 * Memory for what words and table entries refer to. Some architectures may have
 * memory at addresses that do not fit into those; it is of no use here.
 */
static void *stable_alloc(struct hksm *h, struct kmem_cache *cache,
			  unsigned int size, gfp_t gfp)
{
	void *tagged = kmem_cache_zalloc(cache, gfp);
	/* A physical address has no tag to give back. */
	void *object = kasan_reset_tag(tagged);

	if (!tagged)
		return NULL;
	if ((u64)virt_to_phys(object) >> PHYS_BITS) {
		kmem_cache_free(cache, tagged);
		return NULL;
	}
	atomic_long_add(size, &h->meta_bytes);
	return object;
}

/* Memory for a family or for a further piece of one. */
static void *piece_alloc(struct hksm *h)
{
	return stable_alloc(h, h->family_cache, HKSM_PIECE_BYTES,
			    GFP_NOWAIT | __GFP_NOWARN);
}

static void piece_free(struct hksm *h, void *piece)
{
	if (piece)
		hksm_limbo_add(h, &h->limbo.pieces, piece);
}

static void node_join(struct hksm *h, struct hksm_node *node)
{
	node->filing |= HKSM_NODE_DUP;
	if (is_open(h, node))
		node->filing |= HKSM_NODE_OPEN;
	node_shard(h, node)->family_nodes++;
}

/* Make a family of a filed node, and put it in the node's place. */
static struct hksm_family *family_found(struct hksm *h, struct hksm_node *node,
					void *piece)
{
	struct hksm_stable_shard *s = node_shard(h, node);
	struct hksm_family *f = piece;
	u64 key = node->key;

	node_join(h, node);
	hksm_family_init(f, key, &node->member, node->filing & HKSM_NODE_OPEN);
	s->families++;
	hksm_dual_replace(&s->table, key, body_of(node, false),
			  body_of(f, true));
	return f;
}

/*
 * Take a node out of its family, and the family out of the table when one copy
 * is left, which is no family. Return: memory that is not needed any more.
 */
static void *family_del(struct hksm *h, struct hksm_node *node)
{
	struct hksm_family *f = hksm_family_of(&node->member);
	struct hksm_stable_shard *s = node_shard(h, node);
	struct hksm_node *last;
	void *piece;

	piece = hksm_family_del(&node->member, node->filing & HKSM_NODE_OPEN);
	s->family_nodes--;
	if (f->nr > 1)
		return piece;
	last = member_node(*hksm_family_last(f));
	last->key = f->key;
	last->filing &= ~(HKSM_NODE_DUP | HKSM_NODE_OPEN);
	s->family_nodes--;
	s->families--;
	hksm_dual_replace(&s->table, f->key, body_of(f, true),
			  body_of(last, false));
	return f;
}

/* With @piece when it is needed and there; it is taken then. */
static int stable_file(struct hksm *h, struct hksm_node *node, u64 key,
		       void **piece)
{
	struct hksm_stable_shard *s = stable_shard(h, key);
	u64 body = stable_lookup(s, key);
	struct hksm_family *f = NULL;
	bool room;

	lockdep_assert_held(&s->lock);
	node->filing = hksm_shard(key) << HKSM_NODE_SHARD_SHIFT;
	if (!body) {
		node->key = key;
		room = hksm_table_insert(&s->table.now, key,
					 body_of(node, false));
		if (unlikely(hksm_table_tight(&s->table.now)))
			WRITE_ONCE(h->tight, true);
		if (!room)
			return -ENOSPC;
		goto filed;
	}
	if (body & BODY_FAMILY)
		f = body_object(body);
	if (!f || hksm_family_full(f)) {
		if (!*piece)
			return -ENOMEM;
		if (f)
			hksm_family_extend(f, *piece);
		else
			f = family_found(h, body_object(body), *piece);
		*piece = NULL;
	}
	node_join(h, node);
	hksm_family_add(f, &node->member, node->filing & HKSM_NODE_OPEN);
filed:
	node->filing |= HKSM_NODE_FILED;
	return 0;
}

/**
 * hksm_stable_file() - make a node findable by its content
 * @h: the engine
 * @node: not filed
 * @key: key of its content
 * @known: whether the caller has a node in hand; NULL to file in any case
 * @arg: for @known, which is called with the lock held
 *
 * Two scanners may make a merged page of the same content at the same time. The
 * second is told so: pages that come later would all join one of the two, and what
 * has joined the other would stay apart.
 *
 * Context: hksm.sem held; takes the lock of a shard; does not sleep.
 * Return: 0, -EEXIST when there is a copy with room that the caller does not know,
 * -ENOSPC when the table has no room near the key, -ENOMEM without memory for one
 * more copy of the content.
 */
int hksm_stable_file(struct hksm *h, struct hksm_node *node, u64 key,
		     hksm_node_known known, void *arg)
{
	struct hksm_stable_shard *s = stable_shard(h, key);
	struct hksm_node *other;
	void *piece = NULL;
	int err;

	do {
		spin_lock(&s->lock);
		other = known ? stable_open(h, stable_lookup(s, key)) : NULL;
		if (other && !known(other, arg))
			err = -EEXIST;
		else
			err = stable_file(h, node, key, &piece);
		spin_unlock(&s->lock);
		if (err != -ENOMEM)
			break;
		piece = piece_alloc(h);
	} while (piece);
	piece_free(h, piece);
	return err;
}

/*
 * Its key is in the node again. Return: false when it was not filed. In @piece:
 * memory that its family does not need any more.
 */
static bool stable_unfile(struct hksm *h, struct hksm_node *node, void **piece)
{
	struct hksm_stable_shard *s = node_shard(h, node);
	bool filed = node->filing & HKSM_NODE_FILED;
	u64 key;

	lockdep_assert_held(&s->lock);
	*piece = NULL;
	if (node->filing & HKSM_NODE_DUP) {
		key = hksm_family_of(&node->member)->key;
		*piece = family_del(h, node);
		node->key = key;
	} else if (filed) {
		hksm_dual_remove(&s->table, node->key, body_of(node, false));
	}
	/* The shard stays, for who looks at it next. */
	node->filing &= ~(HKSM_NODE_FILED | HKSM_NODE_DUP | HKSM_NODE_OPEN);
	return filed;
}

/* Return: false when somebody else has done it. */
static bool stable_remove(struct hksm *h, struct hksm_node *node)
{
	struct hksm_stable_shard *s = node_shard(h, node);
	void *piece;
	bool filed;

	spin_lock(&s->lock);
	filed = stable_unfile(h, node, &piece);
	spin_unlock(&s->lock);
	piece_free(h, piece);
	return filed;
}

static u64 node_key(struct hksm *h, struct hksm_node *node)
{
	struct hksm_stable_shard *s = node_shard(h, node);
	u64 key;

	spin_lock(&s->lock);
	key = node->filing & HKSM_NODE_DUP ?
		hksm_family_of(&node->member)->key : node->key;
	spin_unlock(&s->lock);
	return key;
}

/* Of two shards, which may be the same, in the order of their places. */
static void shards_lock(struct hksm_stable_shard *a,
			struct hksm_stable_shard *b)
{
	spin_lock(&min(a, b)->lock);
	if (a != b)
		spin_lock_nested(&max(a, b)->lock, SINGLE_DEPTH_NESTING);
}

static void shards_unlock(struct hksm_stable_shard *a,
			  struct hksm_stable_shard *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/**
 * hksm_stable_refile() - file a node again where it belongs
 * @h: the engine
 * @node: FL held
 *
 * It may have moved while NUMA nodes do not share, or its memory is found to be
 * broken. Without room in the table, or without memory for its family, the node
 * stays where it was: a node that is filed nowhere would not be found when its
 * memory is removed. There is memory for it, because what its family gave back is
 * kept until then, and room, because the shard is locked until then.
 *
 * Context: hksm.sem held; takes the locks of two shards.
 * Return: false when the node is still filed where it does not belong.
 */
bool hksm_stable_refile(struct hksm *h, struct hksm_node *node)
{
	struct hksm_stable_shard *from = node_shard(h, node), *to;
	int nid = hksm_stable_nid(h, node);
	void *back, *piece;
	u64 key, there;
	bool moved;

	if (nid == node->nid)
		return true;
	key = node_key(h, node);
	there = hksm_key(h, hksm_key(h, key, node->nid), nid);
	to = stable_shard(h, there);
	/* For a family in the new place; most often it is not needed. */
	piece = piece_alloc(h);
	shards_lock(from, to);
	stable_unfile(h, node, &back);
	moved = !stable_file(h, node, there, piece ? &piece : &back);
	if (moved)
		node->nid = nid;
	else
		WARN_ON_ONCE(stable_file(h, node, key, &back));
	shards_unlock(from, to);
	piece_free(h, back);
	piece_free(h, piece);
	return moved;
}

/**
 * hksm_stable_key() - the key of an entry of the stable table
 * @body: the entry's body
 *
 * Context: the lock of a shard held, or hksm.sem for writing; with hksm.sem held
 * for reading it is a hint.
 */
u64 hksm_stable_key(u64 body)
{
	if (body & BODY_FAMILY)
		return ((struct hksm_family *)body_object(body))->key;
	return ((struct hksm_node *)body_object(body))->key;
}

/**
 * hksm_node_alloc() - a node for a page that is to become a merged page
 * @h: the engine
 * @gfp: context
 *
 * Context: may sleep, as far as @gfp allows it.
 */
struct hksm_node *hksm_node_alloc(struct hksm *h, gfp_t gfp)
{
	return stable_alloc(h, h->node_cache, sizeof(struct hksm_node), gfp);
}

/**
 * hksm_node_free() - take a node out of use, with its blocks
 * @h: the engine
 * @node: not filed and without records; no folio carries its tag any more
 *
 * Reverse walks come by the folio's tag, under its lock. Other scanners may
 * still be between finding the node and looking through its keyhole, or refer
 * to it by a word they have read.
 *
 * Context: hksm.sem held.
 */
void hksm_node_free(struct hksm *h, struct hksm_node *node)
{
	if (node->state & HKSM_NODE_BARE)
		atomic_long_dec(&h->nr_bare);
	node->state = 0;
	hksm_limbo_add(h, &h->limbo.nodes, &node->limbo);
}

static void node_free_now(struct hksm *h, struct hksm_node *node)
{
	struct hksm_block *block = node->blocks;

	while (block) {
		struct hksm_block *next = block->next;

		atomic_long_sub(sizeof(*block), &h->meta_bytes);
		kmem_cache_free(h->block_cache, block);
		block = next;
	}
	atomic_long_sub(sizeof(*node), &h->meta_bytes);
	kmem_cache_free(h->node_cache, node);
}

/**
 * hksm_stable_free_limbo() - free nodes and families that are out of use
 * @h: the engine
 *
 * Context: hksm.sem held for writing.
 */
void hksm_stable_free_limbo(struct hksm *h)
{
	struct llist_node *piece, *next;
	struct hksm_node *node, *n;

	lockdep_assert_held_write(&h->sem);
	llist_for_each_entry_safe(node, n, llist_del_all(&h->limbo.nodes),
				  limbo) {
		node_free_now(h, node);
		atomic_long_dec(&h->limbo.nr);
	}
	llist_for_each_safe(piece, next, llist_del_all(&h->limbo.pieces)) {
		kmem_cache_free(h->family_cache, piece);
		atomic_long_sub(HKSM_PIECE_BYTES, &h->meta_bytes);
		atomic_long_dec(&h->limbo.nr);
	}
}

/**
 * hksm_rec_next() - iterate over the records of a node
 * @it: zeroed but for the node
 *
 * Context: FL held, or the folio is gone.
 * Return: the next record in use, or NULL.
 */
struct hksm_rec *hksm_rec_next(struct hksm_rec_iter *it)
{
	struct hksm_rec *rec;

	for (;;) {
		if (!it->block && it->pos < HKSM_NODE_RECS) {
			rec = &it->node->rec[it->pos++];
		} else if (it->block && it->pos < HKSM_BLOCK_RECS) {
			rec = &it->block->rec[it->pos++];
		} else {
			it->block = it->block ? it->block->next :
						it->node->blocks;
			it->pos = 0;
			if (!it->block) {
				/* Stay at the end. */
				it->pos = HKSM_NODE_RECS;
				return NULL;
			}
			continue;
		}
		if (rec->ctx)
			return rec;
	}
}

static struct hksm_rec *rec_unused(struct hksm_rec *rec, unsigned int n)
{
	for (; n; n--, rec++)
		if (!rec->ctx)
			return rec;
	return NULL;
}

static struct hksm_rec *rec_alloc(struct hksm *h, struct hksm_node *node)
{
	struct hksm_block *block = node->blocks;
	struct hksm_rec *rec;

	rec = rec_unused(node->rec, HKSM_NODE_RECS);
	if (rec)
		return rec;
	for (; block; block = block->next) {
		rec = rec_unused(block->rec, HKSM_BLOCK_RECS);
		if (rec)
			return rec;
		if (!(node->state & HKSM_NODE_HOLES))
			break;
	}
	node->state &= ~HKSM_NODE_HOLES;
	block = stable_alloc(h, h->block_cache, sizeof(*block),
			     GFP_NOWAIT | __GFP_NOWARN);
	if (!block)
		return NULL;
	block->node = node;
	block->next = node->blocks;
	node->blocks = block;
	return &block->rec[0];
}

/* Change the number of records, and what depends on it. */
static void node_count(struct hksm *h, struct hksm_node *node, int by)
{
	struct hksm_stable_shard *s = node_shard(h, node);
	bool was = is_open(h, node), is, stands;

	if (by > 0 ? !node->nr : node->nr == 1)
		percpu_counter_add(&h->pages_shared, by);
	else
		percpu_counter_add(&h->pages_sharing, by);
	WRITE_ONCE(node->nr, node->nr + by);
	is = is_open(h, node);
	if (was == is)
		return;
	spin_lock(&s->lock);
	stands = node->filing & HKSM_NODE_OPEN;
	if (node->filing & HKSM_NODE_DUP && stands != is) {
		hksm_family_turn(&node->member, is);
		node->filing ^= HKSM_NODE_OPEN;
	}
	spin_unlock(&s->lock);
}

/**
 * hksm_rec_add() - record that an address maps a merged page
 * @h: the engine
 * @node: FL held
 * @ctx: context of the address; gets a reference
 * @addr: the address
 * @over: it does already, by fork: the cap does not count
 *
 * Context: FL held; does not sleep.
 * Return: the record, or NULL when the node is full or memory is short.
 */
struct hksm_rec *hksm_rec_add(struct hksm *h, struct hksm_node *node,
			      struct hksm_ctx *ctx, unsigned long addr,
			      bool over)
{
	struct hksm_rec *rec;

	if (!over && !is_open(h, node))
		return NULL;
	rec = rec_alloc(h, node);
	if (!rec)
		return NULL;
	refcount_inc(&ctx->ref);
	rec->ctx = ctx;
	rec->addr = addr;
	node_count(h, node, 1);
	if (node->state & HKSM_NODE_BARE) {
		node->state &= ~HKSM_NODE_BARE;
		atomic_long_dec(&h->nr_bare);
	}
	hksm_slot_account(ctx->slot, 0, 1, sizeof(*rec));
	return rec;
}

/**
 * hksm_rec_cancel() - remove a record
 * @h: the engine
 * @node: FL held, or its folio is gone
 * @rec: a record of it in use
 *
 * Context: may sleep.
 */
void hksm_rec_cancel(struct hksm *h, struct hksm_node *node,
		     struct hksm_rec *rec)
{
	struct hksm_ctx *ctx = rec->ctx;

	if (node->nr > 1)
		trace_ksm_remove_rmap_item(node->kpfn, rec, ctx->slot->mm);
	rec->ctx = NULL;
	if (node->blocks)
		node->state |= HKSM_NODE_HOLES;
	node_count(h, node, -1);
	if (!node->nr) {
		node->state |= HKSM_NODE_BARE;
		atomic_long_inc(&h->nr_bare);
	}
	hksm_slot_account(ctx->slot, 0, -1, -(long)sizeof(*rec));
	hksm_ctx_put(ctx);
}

/**
 * hksm_rec_move() - give a record to another process
 * @rec: a record in use, FL held
 * @ctx: of the other process; gets a reference
 *
 * Context: may sleep.
 */
void hksm_rec_move(struct hksm_rec *rec, struct hksm_ctx *ctx)
{
	struct hksm_ctx *old = rec->ctx;

	refcount_inc(&ctx->ref);
	rec->ctx = ctx;
	hksm_slot_account(old->slot, 0, -1, -(long)sizeof(*rec));
	hksm_slot_account(ctx->slot, 0, 1, sizeof(*rec));
	hksm_ctx_put(old);
}

/* The word of a record that goes away with its node. */
static void node_forget_word(struct hksm_node *node, struct hksm_rec *rec)
{
	u64 payload = hksm_rec_payload(node, rec);
	struct hksm_range *range;
	u64 *p, m;

	range = hksm_range_find(rec->ctx->slot, rec->addr);
	p = range ? hksm_meta_ptr(range, hksm_idx(rec->addr)) : NULL;
	if (!p)
		return;
	m = READ_ONCE(*p);
	if (m == hksm_meta_become(m, HKSM_MERGED, payload))
		cmpxchg64(p, m, hksm_meta_become(m, HKSM_SEEN, 0));
}

/**
 * hksm_node_drop() - forget a merged page
 * @h: the engine
 * @node: its folio is gone, or does not carry its tag any more; goes out of use
 *
 * Addresses that had a record are tracked on as if seen once. Where somebody
 * else has begun to drop it he does all of that; his work may not be done yet.
 *
 * Context: may sleep; hksm.sem held.
 */
void hksm_node_drop(struct hksm *h, struct hksm_node *node)
{
	struct hksm_rec_iter it = { .node = node };
	struct hksm_rec *rec;

	if (!stable_remove(h, node))
		return;
	trace_ksm_remove_ksm_page(node->kpfn);
	hksm_for_each_rec(rec, &it) {
		node_forget_word(node, rec);
		hksm_rec_cancel(h, node, rec);
		cond_resched();
	}
	hksm_node_free(h, node);
}

/* Nobody maps it and nobody can fault it in: no reason to keep the node. */
static bool stable_is_unused(struct folio *folio)
{
	return !folio_mapped(folio) && !folio_test_swapcache(folio);
}

/**
 * hksm_rec_end() - remove a record, and what it leaves behind without a use
 * @h: the engine
 * @node: its node; the caller changes the word
 * @rec: the record
 * @folio: as hksm_node_folio() gave it, NULL when it is gone; let go of
 *
 * Context: may sleep; hksm.sem held.
 */
void hksm_rec_end(struct hksm *h, struct hksm_node *node, struct hksm_rec *rec,
		  struct folio *folio)
{
	if (!folio) {
		hksm_node_drop(h, node);
		return;
	}
	hksm_rec_cancel(h, node, rec);
	if (!node->nr && stable_is_unused(folio)) {
		hksm_folio_tag(folio, NULL);
		hksm_node_drop(h, node);
	}
	folio_unlock(folio);
	folio_put(folio);
}

/**
 * hksm_rec_drop() - remove the record a meta word refers to
 * @h: the engine
 * @meta: word in state MERGED, of a range the caller owns
 * @mode: whether the folio may be waited for
 *
 * The caller changes the word.
 *
 * Context: may sleep; hksm.sem held.
 * Return: 0, or -EBUSY with nothing done.
 */
int hksm_rec_drop(struct hksm *h, u64 meta, enum hksm_folio_mode mode)
{
	struct hksm_node *node = hksm_meta_node(meta);
	struct folio *folio = hksm_node_folio(node, mode);

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	hksm_rec_end(h, node, hksm_meta_rec(meta), folio);
	return 0;
}

typedef bool (*node_act)(struct hksm *h, struct hksm_node *node, void *arg);

/* All members of a family. Return: true when it is none any more. */
static bool each_member(struct hksm *h, struct hksm_family *f, void *arg,
			node_act act)
{
	struct hksm_member **place, **prev;

	for (place = hksm_family_last(f); place; place = prev) {
		bool pair = f->nr == 2;

		prev = hksm_family_prev(place);
		if (act(h, member_node(*place), arg) && pair)
			return true;
		cond_resched();
	}
	return false;
}

/*
 * At most @nr contents from @pos on, which is advanced. Removing an entry may move
 * a later one of the bucket into its place, and so does a family of which one
 * member is left: look at the same place again then. Return: false at the end.
 */
static bool each_node_of(struct hksm *h, struct hksm_dual *t,
			 unsigned long *pos, unsigned long nr, void *arg,
			 node_act act)
{
	u64 body;

	for (; nr; nr--) {
		void *object;

		body = hksm_dual_walk(t, pos);
		if (!body)
			return false;
		object = body_object(body);
		if (body & BODY_FAMILY ? each_member(h, object, arg, act) :
					 act(h, object, arg))
			--*pos;
		cond_resched();
	}
	return true;
}

/* Walk all filed nodes; act() returns true when it freed the node. */
static void each_node(struct hksm *h, void *arg, node_act act)
{
	unsigned int i;

	lockdep_assert_held_write(&h->sem);
	for (i = 0; i < HKSM_SHARDS; i++) {
		unsigned long pos = 0;

		each_node_of(h, &h->stable[i].table, &pos, ULONG_MAX, arg, act);
	}
}

/**
 * hksm_stable_families() - contents that have several merged pages
 * @h: the engine
 * @nodes: filled with the number of those pages; may be NULL
 *
 * Context: any; the two are not of one moment.
 */
unsigned long hksm_stable_families(struct hksm *h, unsigned long *nodes)
{
	unsigned long families = 0, all = 0;
	unsigned int i;

	for (i = 0; i < HKSM_SHARDS; i++) {
		families += READ_ONCE(h->stable[i].families);
		all += READ_ONCE(h->stable[i].family_nodes);
	}
	if (nodes)
		*nodes = all;
	return families;
}

static bool stable_drop_bare(struct hksm *h, struct hksm_node *node, void *arg)
{
	struct folio *folio;
	bool drop;

	if (node->nr)
		return false;
	folio = hksm_node_folio(node, HKSM_FOLIO_WAIT);
	drop = !folio || stable_is_unused(folio);
	if (folio && drop)
		hksm_folio_tag(folio, NULL);
	if (drop)
		hksm_node_drop(h, node);
	if (folio) {
		folio_unlock(folio);
		folio_put(folio);
	}
	return drop;
}

/**
 * hksm_stable_sweep() - free some nodes that lost their last record long ago
 * @h: the engine
 * @at: where to go on, zeroed at first; advanced
 *
 * They are mapped by children whose parent's record went first. A child that
 * is scanned adopts the node; one that is not leaves it to this walk. What a table
 * has in another place since the last time may be missed, until the next walk.
 *
 * Context: may sleep; hksm.sem held for writing, but not from one call to the next.
 * Return: false when all have been gone over.
 */
bool hksm_stable_sweep(struct hksm *h, struct hksm_sweep *at)
{
	lockdep_assert_held_write(&h->sem);
	if (!each_node_of(h, &h->stable[at->shard].table, &at->pos,
			  SWEEP_CONTENTS, NULL, stable_drop_bare)) {
		at->shard++;
		at->pos = 0;
	}
	return at->shard < HKSM_SHARDS;
}

static bool stable_drop_unmapped(struct hksm *h, struct hksm_node *node,
				 void *arg)
{
	struct folio *folio = hksm_node_folio(node, HKSM_FOLIO_WAIT);
	bool drop = !folio || !folio_mapped(folio);

	if (folio && drop)
		hksm_folio_tag(folio, NULL);
	if (drop)
		hksm_node_drop(h, node);
	else
		*(int *)arg = -EBUSY;
	if (folio) {
		folio_unlock(folio);
		folio_put(folio);
	}
	return drop;
}

/**
 * hksm_stable_empty() - drop every merged page that is not mapped
 * @h: the engine
 *
 * Context: may sleep; hksm.sem held for writing.
 * Return: 0, or -EBUSY when some are still mapped, as between the two halves
 * of an exit.
 */
int hksm_stable_empty(struct hksm *h)
{
	int err = 0;

	each_node(h, &err, stable_drop_unmapped);
	return err;
}

static bool stable_drop_offlined(struct hksm *h, struct hksm_node *node,
				 void *arg)
{
	unsigned long *pfn = arg;

	if (node->kpfn < pfn[0] || node->kpfn >= pfn[1])
		return false;
	hksm_node_drop(h, node);
	return true;
}

/**
 * hksm_stable_offline() - drop what still points at memory that is gone
 * @h: the engine
 * @start: first frame; there may be no struct page for it any more
 * @end: first frame after it
 *
 * Context: may sleep; hksm.sem held for writing.
 */
void hksm_stable_offline(struct hksm *h, unsigned long start,
			 unsigned long end)
{
	unsigned long pfn[] = { start, end };

	each_node(h, pfn, stable_drop_offlined);
}
