/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Family: the merged pages of one content that has several of them.
 *
 * Its members stand in a row: first the open ones, which have room for more
 * records, behind them the full ones. The row is cut into pieces of one cache
 * line; every member knows its place. So whoever joins, leaves, opens or closes
 * makes at most two others move, however many there are, and an open one is
 * found without a search. Only joining needs memory, and says so before.
 */
#ifndef HKSM_FAMILY_H
#define HKSM_FAMILY_H

#include "env.h"

#define HKSM_PIECE_BYTES	64
/* Members that stand in the family itself, and in a further piece. */
#define HKSM_FAMILY_OWN		2
#define HKSM_PIECE_MEMBERS	5

struct hksm_family;

/**
 * struct hksm_member - in whatever is a member
 * @place: where it stands
 */
struct hksm_member {
	struct hksm_member **place;
};

/**
 * struct hksm_piece - what each piece of a row begins with
 * @family: whose it is; the first one is the family itself
 * @prev: the piece before, of the first one the last
 * @next: the piece behind, of the last one the first
 */
struct hksm_piece {
	struct hksm_family *family;
	struct hksm_piece *prev;
	struct hksm_piece *next;
};

/**
 * struct hksm_more - a further piece of a row; its owner names the lock
 * @piece: its links
 * @slot: members, from the front
 */
struct hksm_more {
	struct hksm_piece piece;
	struct hksm_member *slot[HKSM_PIECE_MEMBERS];
} __aligned(HKSM_PIECE_BYTES);

/**
 * struct hksm_family - a family; its owner names the lock of all fields
 * @piece: links of its first piece
 * @key: of the content; immutable
 * @nr: members
 * @nr_open: those of them that are open
 * @last_open: where the last open one stands, if there is one
 * @slot: first members
 */
struct hksm_family {
	struct hksm_piece piece;
	u64 key;
	u32 nr;
	u32 nr_open;
	struct hksm_member **last_open;
	struct hksm_member *slot[HKSM_FAMILY_OWN];
} __aligned(HKSM_PIECE_BYTES);

/* Memory for the one serves as the other; slots reach to the end of both. */
static_assert(sizeof(struct hksm_family) == HKSM_PIECE_BYTES);
static_assert(sizeof(struct hksm_more) == HKSM_PIECE_BYTES);

void hksm_family_init(struct hksm_family *f, u64 key, struct hksm_member *m,
		      bool open);
void hksm_family_extend(struct hksm_family *f, struct hksm_more *more);
void hksm_family_add(struct hksm_family *f, struct hksm_member *m, bool open);
struct hksm_more *hksm_family_del(struct hksm_member *m, bool open);
void hksm_family_turn(struct hksm_member *m, bool open);
struct hksm_family *hksm_family_of(struct hksm_member *m);
struct hksm_member **hksm_family_last(struct hksm_family *f);
struct hksm_member **hksm_family_prev(struct hksm_member **place);

/**
 * hksm_family_full() - is a further piece needed before another can join?
 * @f: the family
 *
 * Context: any; with the owner's lock.
 */
static inline bool hksm_family_full(const struct hksm_family *f)
{
	return f->nr >= HKSM_FAMILY_OWN &&
	       !((f->nr - HKSM_FAMILY_OWN) % HKSM_PIECE_MEMBERS);
}

/**
 * hksm_family_open() - a member that is open
 * @f: the family
 *
 * Context: any; with the owner's lock.
 * Return: the one that has been last to become so, or NULL.
 */
static inline struct hksm_member *hksm_family_open(const struct hksm_family *f)
{
	return f->nr_open ? *f->last_open : NULL;
}

#endif /* HKSM_FAMILY_H */
