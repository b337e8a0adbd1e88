// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's table that is replaced while it is used, as a program: whatever is
 * done while entries are moved, each is found, once, and the older table ends up
 * empty.
 */
#include "../../kernel/mm/hksm/dual.h"

#include "../unit/tap.h"

#define N	4096

static struct {
	u64 key;
	bool in;
} model[N];

static u64 rnd(void)
{
	u64 x;

	get_random_bytes(&x, sizeof(x));
	return x;
}

static u64 body_of(unsigned int i)
{
	return i + 2;
}

static u64 key_of(u64 body)
{
	return model[body - 2].key;
}

static unsigned int times(const struct hksm_dual *d, unsigned int i)
{
	struct hksm_dual_probe p;
	unsigned int n = 0;
	u64 b;

	for (b = hksm_dual_first(d, model[i].key, &p); b;
	     b = hksm_dual_next(d, model[i].key, &p))
		n += b == body_of(i);
	return n;
}

static void check_model(const struct hksm_dual *d)
{
	unsigned long pos = 0, walked = 0, used = 0;
	unsigned int i;

	for (i = 0; i < N; i++) {
		tap_row("entry %u", i);
		CHECK(times(d, i) == model[i].in);
		used += model[i].in;
	}
	while (hksm_dual_walk(d, &pos))
		walked++;
	CHECK(walked == used);
	CHECK(hksm_dual_used(d) == used);
}

static void start(struct hksm_dual *d, unsigned int filled)
{
	unsigned int i;

	CHECK(hksm_dual_init(d, N, 0) == 0);
	CHECK(!hksm_dual_moving(d));
	for (i = 0; i < N; i++) {
		model[i].key = rnd();
		model[i].in = i < filled &&
			hksm_table_insert(&d->now, model[i].key, body_of(i));
	}
}

static void replace(struct hksm_dual *d, unsigned long entries)
{
	struct hksm_table t;

	CHECK(hksm_table_init(&t, entries, 0) == 0);
	hksm_dual_begin(d, &t);
	CHECK(hksm_dual_moving(d));
	CHECK(!t.slot);
}

static void end(struct hksm_dual *d)
{
	struct hksm_table t;

	CHECK(hksm_table_used(&d->old) == 0);
	hksm_dual_end(d, &t);
	CHECK(!hksm_dual_moving(d));
	CHECK(t.slot != NULL);
	hksm_table_fini(&t);
}

/* Somebody adds, removes and changes entries. */
static void use(struct hksm_dual *d, unsigned int n)
{
	while (n--) {
		unsigned int i = rnd() % N;

		if (!model[i].in) {
			CHECK(hksm_table_insert(&d->now, model[i].key, body_of(i)));
			model[i].in = true;
		} else if (i % 2) {
			CHECK(hksm_dual_remove(d, model[i].key, body_of(i)));
			CHECK(!hksm_dual_remove(d, model[i].key, body_of(i)));
			model[i].in = false;
		} else {
			CHECK(hksm_dual_replace(d, model[i].key, body_of(i), N + 2));
			CHECK(hksm_dual_replace(d, model[i].key, N + 2, body_of(i)));
		}
	}
}

static void drained_while_used(void)
{
	unsigned int turns = 0;
	struct hksm_dual d;

	start(&d, N * 3 / 4);
	check_model(&d);
	replace(&d, 2 * N);
	check_model(&d);
	while (hksm_table_used(&d.old) && turns++ < 10 * N) {
		CHECK(hksm_dual_drain(&d, 64, key_of) == 0);
		use(&d, 8);
		if (turns % 16 == 0)
			check_model(&d);
	}
	end(&d);
	check_model(&d);
	hksm_dual_fini(&d);
}

static void moved_while_used(void)
{
	struct hksm_dual d;
	unsigned int i;

	start(&d, N * 3 / 4);
	replace(&d, 2 * N);
	for (i = 0; i < N; i++) {
		bool old = hksm_table_has(&d.old, model[i].key, body_of(i));

		CHECK(hksm_dual_move(&d, model[i].key, body_of(i)) == old);
		CHECK(hksm_dual_move(&d, model[i].key, body_of(i)) == 0);
		if (i % 16 == 0)
			use(&d, 8);
	}
	check_model(&d);
	end(&d);
	hksm_dual_fini(&d);
}

static void smaller(void)
{
	unsigned int turns = 0;
	struct hksm_dual d;

	start(&d, N / 16);
	replace(&d, N / 8);
	while (hksm_table_used(&d.old) && turns++ < N)
		CHECK(hksm_dual_drain(&d, 64, key_of) == 0);
	end(&d);
	check_model(&d);
	CHECK(hksm_dual_bytes(&d) < N * sizeof(u64));
	hksm_dual_fini(&d);
}

/* All in one place: what has no room stays where it is, and is found there. */
static void no_room(void)
{
	unsigned int i, turns;
	struct hksm_dual d;
	int err = 0;

	start(&d, 0);
	for (i = 0; i < 100; i++) {
		model[i].key = 1ULL << 40;
		model[i].in = hksm_table_insert(&d.now, model[i].key, body_of(i));
		CHECK(model[i].in);
	}
	replace(&d, 1);
	CHECK(hksm_table_capacity(&d.now) < 100);
	for (turns = 0; turns < N; turns++)
		err |= hksm_dual_drain(&d, 64, key_of);
	CHECK(err == -ENOSPC);
	CHECK(hksm_table_used(&d.old) == 100 - hksm_table_capacity(&d.now));
	check_model(&d);
	for (i = 0; i < 100; i++)
		if (hksm_table_has(&d.old, model[i].key, body_of(i)))
			break;
	CHECK(hksm_dual_move(&d, model[i].key, body_of(i)) == -ENOSPC);
	check_model(&d);
	hksm_dual_fini(&d);
}

TAP_MAIN({ "entries are found while a table is drained", drained_while_used },
	 { "and while they are moved by key", moved_while_used },
	 { "a smaller table", smaller },
	 { "what finds no room stays", no_room })
