// SPDX-License-Identifier: GPL-2.0-only
/*
 * Families, see family.h. Members keep no order of their own, so a gap is
 * closed with the last one of those that stand together.
 */
#include "family.h"

static struct hksm_piece *family_piece(struct hksm_member **place)
{
	return (void *)round_down((unsigned long)place, HKSM_PIECE_BYTES);
}

static struct hksm_member **family_first(struct hksm_piece *piece)
{
	struct hksm_family *f = piece->family;

	return piece == &f->piece ? f->slot :
				    ((struct hksm_more *)piece)->slot;
}

static struct hksm_member **family_end(struct hksm_piece *piece)
{
	return (void *)piece + HKSM_PIECE_BYTES;
}

static struct hksm_member **family_next(struct hksm_member **place)
{
	struct hksm_piece *piece = family_piece(place);

	return ++place == family_end(piece) ? family_first(piece->next) : place;
}

static void family_stand(struct hksm_member *m, struct hksm_member **place)
{
	m->place = place;
	*place = m;
}

/* Where the first one that is not open stands, or would. */
static struct hksm_member **family_border(struct hksm_family *f)
{
	return f->nr_open ? family_next(f->last_open) : f->slot;
}

/**
 * hksm_family_init() - make a family of a single member
 * @f: memory for it
 * @key: of the content
 * @m: the member
 * @open: has it room?
 *
 * Context: any; with the owner's lock.
 */
void hksm_family_init(struct hksm_family *f, u64 key, struct hksm_member *m,
		      bool open)
{
	f->piece.family = f;
	f->piece.prev = &f->piece;
	f->piece.next = &f->piece;
	f->key = key;
	f->nr = 0;
	f->nr_open = 0;
	hksm_family_add(f, m, open);
}

/**
 * hksm_family_extend() - give a family memory for more members
 * @f: a family that is full
 * @more: the memory
 *
 * Context: any; with the owner's lock.
 */
void hksm_family_extend(struct hksm_family *f, struct hksm_more *more)
{
	struct hksm_piece *piece = &more->piece;

	piece->family = f;
	piece->prev = f->piece.prev;
	piece->next = &f->piece;
	piece->prev->next = piece;
	f->piece.prev = piece;
}

/**
 * hksm_family_last() - where the last member of a family stands
 * @f: the family
 *
 * Context: any; with the owner's lock.
 */
struct hksm_member **hksm_family_last(struct hksm_family *f)
{
	u32 nr = f->nr - 1;

	if (nr < HKSM_FAMILY_OWN)
		return f->slot + nr;
	return family_first(f->piece.prev) +
	       (nr - HKSM_FAMILY_OWN) % HKSM_PIECE_MEMBERS;
}

/**
 * hksm_family_prev() - where the member before stands
 * @place: where one stands
 *
 * Who begins with the last one sees all, even if he removes each that he sees,
 * as long as there is a family.
 *
 * Context: any; with the owner's lock.
 * Return: the place, or NULL when there is none before.
 */
struct hksm_member **hksm_family_prev(struct hksm_member **place)
{
	struct hksm_piece *piece = family_piece(place);

	if (place != family_first(piece))
		return place - 1;
	if (piece == &piece->family->piece)
		return NULL;
	return family_end(piece->prev) - 1;
}

/**
 * hksm_family_add() - let a member join
 * @f: a family that is not full
 * @m: of none
 * @open: has it room?
 *
 * Context: any; with the owner's lock.
 */
void hksm_family_add(struct hksm_family *f, struct hksm_member *m, bool open)
{
	f->nr++;
	family_stand(m, hksm_family_last(f));
	if (open)
		hksm_family_turn(m, true);
}

/**
 * hksm_family_del() - let a member leave
 * @m: the member; there are others
 * @open: does it stand among the open ones?
 *
 * Context: any; with the owner's lock.
 * Return: memory that the family does not need any more, or NULL.
 */
struct hksm_more *hksm_family_del(struct hksm_member *m, bool open)
{
	struct hksm_family *f = hksm_family_of(m);
	struct hksm_piece *piece = f->piece.prev;

	if (open)
		hksm_family_turn(m, false);
	family_stand(*hksm_family_last(f), m->place);
	f->nr--;
	if (piece == &f->piece || !hksm_family_full(f))
		return NULL;
	f->piece.prev = piece->prev;
	piece->prev->next = &f->piece;
	return (struct hksm_more *)piece;
}

/**
 * hksm_family_turn() - a member has become open, or full
 * @m: the member; it stands among the others
 * @open: has it room?
 *
 * Context: any; with the owner's lock.
 */
void hksm_family_turn(struct hksm_member *m, bool open)
{
	struct hksm_family *f = hksm_family_of(m);
	struct hksm_member **from = m->place, **to;

	if (open) {
		to = family_border(f);
		f->last_open = to;
		f->nr_open++;
	} else {
		to = f->last_open;
		f->nr_open--;
		if (f->nr_open)
			f->last_open = hksm_family_prev(to);
	}
	family_stand(*to, from);
	family_stand(m, to);
}

/**
 * hksm_family_of() - the family of a member
 * @m: the member
 *
 * Context: any; with the owner's lock.
 */
struct hksm_family *hksm_family_of(struct hksm_member *m)
{
	return family_piece(m->place)->family;
}
