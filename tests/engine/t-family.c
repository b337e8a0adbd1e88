// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Families of the engine as a program, against a plain array: members that join,
 * leave, open and close in any order, and memory that goes with them.
 */
#include "../../kernel/mm/hksm/family.h"

#include "../unit/tap.h"

#define N	500
#define STEPS	200000

struct model {
	struct hksm_member m;
	bool in;
	bool open;
	unsigned int seen;
};

static struct model model[N];
static unsigned int members, opened, pieces;

static u32 rnd(u32 below)
{
	u32 x;

	get_random_bytes(&x, sizeof(x));
	return x % below;
}

static struct model *model_of(struct hksm_member *m)
{
	return (struct model *)m;
}

static void *piece_new(void)
{
	pieces++;
	return aligned_alloc(HKSM_PIECE_BYTES, HKSM_PIECE_BYTES);
}

static void piece_gone(void *piece)
{
	pieces -= piece != NULL;
	free(piece);
}

static void check_family(struct hksm_family *f)
{
	struct hksm_member **at;
	unsigned int n = 0;

	CHECK(f->nr == members);
	CHECK(f->nr_open == opened);
	CHECK(pieces == 1 + DIV_ROUND_UP(members < 2 ? 0 : members - 2, 5));
	for (unsigned int i = 0; i < N; i++)
		model[i].seen = 0;
	for (at = hksm_family_last(f); at; at = hksm_family_prev(at)) {
		struct model *x = model_of(*at);

		n++;
		CHECK(x->m.place == at);
		/* From the back: the full ones come first. */
		CHECK(x->open == (n > members - opened));
		x->seen++;
	}
	for (unsigned int i = 0; i < N; i++) {
		CHECK(model[i].seen == model[i].in);
		CHECK(!model[i].in || hksm_family_of(&model[i].m) == f);
	}
	CHECK(!hksm_family_open(f) == !opened);
	CHECK(!opened || model_of(hksm_family_open(f))->open);
}

static void step(struct hksm_family *f, struct model *x, bool leave)
{
	if (!x->in) {
		x->in = true;
		x->open = rnd(2);
		if (hksm_family_full(f))
			hksm_family_extend(f, piece_new());
		hksm_family_add(f, &x->m, x->open);
		members++;
		opened += x->open;
	} else if (!leave) {
		x->open = !x->open;
		hksm_family_turn(&x->m, x->open);
		opened += x->open ? 1 : -1;
	} else if (members > 1) {
		x->in = false;
		piece_gone(hksm_family_del(&x->m, x->open));
		members--;
		opened -= x->open;
	}
}

static struct hksm_family *begin(void)
{
	struct hksm_family *f = piece_new();

	memset(model, 0, sizeof(model));
	members = 1;
	opened = 1;
	model[0].in = true;
	model[0].open = true;
	hksm_family_init(f, 42, &model[0].m, true);
	return f;
}

static void at_random(void)
{
	struct hksm_family *f = begin();

	for (unsigned int i = 0; i < STEPS; i++) {
		/* Now large, now small: many leave, or few. */
		unsigned int of = i / (STEPS / 10) % 2 ? 2 : 12;

		step(f, &model[rnd(N)], !rnd(of));
		if (!(i % 97))
			check_family(f);
	}
	check_family(f);
	while (members > 1)
		step(f, model_of(*hksm_family_last(f)), true);
	check_family(f);
	CHECK(f->key == 42);
	piece_gone(f);
	CHECK(pieces == 0);
}

/* Walks that begin at the end and remove some of what they see. */
static void while_walked(void)
{
	for (unsigned int one_in = 1; one_in < 5; one_in++) {
		struct hksm_family *f = begin();
		struct hksm_member **at, **prev;
		unsigned int seen = 0;

		for (unsigned int i = 1; i < N; i++)
			step(f, &model[i], false);
		for (at = hksm_family_last(f); at; at = prev) {
			struct model *x = model_of(*at);

			prev = hksm_family_prev(at);
			CHECK(!x->seen);
			x->seen = 1;
			seen++;
			if (rnd(one_in) == 0 && members > 1)
				step(f, x, true);
		}
		tap_row("one in %u", one_in);
		CHECK(seen == N);
		check_family(f);
		while (members > 1)
			step(f, model_of(*hksm_family_last(f)), true);
		piece_gone(f);
	}
}

TAP_MAIN({ "members come, go and turn at random", at_random },
	 { "a walk sees all, whatever it removes", while_walked })
