// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's bucket table as a program, against a plain array: random
 * insertions and removals at every load, equal keys, a full table.
 */
#include "../../kernel/mm/hksm/table.h"

#include "../unit/tap.h"

#define N	4096

struct entry {
	u64 key;
	u64 body;
	bool in;
};

static struct entry model[N];

static u64 rnd(void)
{
	u64 x;

	get_random_bytes(&x, sizeof(x));
	return x;
}

static bool has(const struct hksm_table *t, u64 key, u64 body)
{
	struct hksm_probe p;
	u64 b;

	for (b = hksm_table_first(t, key, &p); b; b = hksm_table_next(t, key, &p))
		if (b == body)
			return true;
	return false;
}

static void new_model(void)
{
	unsigned int i;

	for (i = 0; i < N; i++) {
		model[i].key = rnd();
		model[i].body = i + 2;
		model[i].in = false;
	}
}

static void check_model(const struct hksm_table *t)
{
	unsigned long pos = 0, walked = 0, used = 0;
	unsigned int i;

	for (i = 0; i < N; i++) {
		tap_row("entry %u", i);
		CHECK(has(t, model[i].key, model[i].body) == model[i].in);
		used += model[i].in;
	}
	while (hksm_table_walk(t, &pos))
		walked++;
	CHECK(hksm_table_used(t) == used);
	CHECK(walked == used);
}

static void random_churn(void)
{
	struct hksm_table t;
	unsigned int step;

	CHECK(hksm_table_init(&t, N + N / 8, 0) == 0);
	new_model();
	for (step = 0; step < 100000; step++) {
		struct entry *e = &model[rnd() % N];

		if (e->in) {
			CHECK(hksm_table_remove(&t, e->key, e->body));
			e->in = false;
		} else if (hksm_table_insert(&t, e->key, e->body)) {
			e->in = true;
		}
		if (hksm_table_tight(&t) && hksm_table_load(&t) > hksm_table_used(&t) * 5 / 4) {
			unsigned int i;

			hksm_table_fini(&t);
			CHECK(hksm_table_init(&t, N + N / 8, 0) == 0);
			for (i = 0; i < N; i++)
				model[i].in = false;
		}
	}
	check_model(&t);
	hksm_table_fini(&t);
}

/* Keys with one home, of 64 buckets. */
static u64 at_home(u64 home, u64 n)
{
	return home << 58 | n << HKSM_KEY_SHIFT;
}

static void crowded(void)
{
	const unsigned int run = HKSM_RUN_MAX * HKSM_WAYS;
	struct hksm_table t;
	u64 i;

	CHECK(hksm_table_init(&t, 64 * HKSM_WAYS, 0) == 0);
	for (i = 0; i < run; i++)
		CHECK(hksm_table_insert(&t, at_home(0, i), i + 2));
	CHECK(!hksm_table_insert(&t, at_home(0, i), i + 2));
	CHECK(!hksm_table_tight(&t));
	for (i = 0; i < run / 2; i++)
		CHECK(hksm_table_insert(&t, at_home(32 + i / HKSM_WAYS, i), i + 2));
	CHECK(hksm_table_tight(&t));
	hksm_table_fini(&t);
}

static void up_to_tight(void)
{
	struct hksm_table t;
	unsigned int i;

	CHECK(hksm_table_init(&t, N, 0) == 0);
	new_model();
	for (i = 0; i < N && !hksm_table_tight(&t); i++) {
		model[i].in = hksm_table_insert(&t, model[i].key, model[i].body);
		CHECK(model[i].in);
	}
	CHECK(i >= N - N / 8);
	check_model(&t);
	hksm_table_fini(&t);
}

static void equal_keys(void)
{
	struct hksm_table t;
	u64 key = rnd();
	unsigned int i, n = 0;

	CHECK(hksm_table_init(&t, N, 0) == 0);
	for (i = 2; i < 2 + 2 * HKSM_WAYS * HKSM_RUN_MAX; i++)
		n += hksm_table_insert(&t, key, i);
	/* A flood is cut off: it costs recall, not time. */
	CHECK(n == HKSM_WAYS * HKSM_RUN_MAX);
	for (i = 2; i < 2 + n; i++)
		CHECK(has(&t, key, i));
	for (i = 2; i < 2 + n; i += 2)
		CHECK(hksm_table_remove(&t, key, i));
	for (i = 2; i < 2 + n; i++)
		CHECK(has(&t, key, i) == (i % 2));
	CHECK(!hksm_table_remove(&t, key, 2));
	hksm_table_fini(&t);
}

static void replaced(void)
{
	struct hksm_table t;
	u64 key = rnd();

	CHECK(hksm_table_init(&t, 1, 0) == 0);
	CHECK(hksm_table_insert(&t, key, 5));
	CHECK(hksm_table_replace(&t, key, 5, 6));
	CHECK(!hksm_table_replace(&t, key, 5, 6));
	CHECK(has(&t, key, 6));
	CHECK(!has(&t, key, 5));
	CHECK(hksm_table_used(&t) == 1);
	hksm_table_fini(&t);
}

static void low_bits(void)
{
	struct hksm_table t;
	u64 key = rnd();

	CHECK(hksm_table_init(&t, N, 0) == 0);
	CHECK(hksm_table_insert(&t, key, HKSM_BODY_MASK));
	CHECK(has(&t, key ^ ~HKSM_KEY_MASK, HKSM_BODY_MASK));
	CHECK(!has(&t, key ^ (1ULL << HKSM_KEY_SHIFT), HKSM_BODY_MASK));
	hksm_table_fini(&t);
}

/* More than an int counts; little of it is touched. */
static void very_large(void)
{
	const unsigned long entries = INT_MAX / sizeof(u64) + 1000;
	struct hksm_table t;
	u64 i;

	if (hksm_table_init(&t, entries, 0)) {
		tap_check(false, __FILE__, __LINE__, "no table of 2 GiB");
		return;
	}
	CHECK(hksm_table_capacity(&t) >= entries);
	for (i = 0; i < 1000; i++) {
		u64 key = rnd();

		CHECK(hksm_table_insert(&t, key, i + 2));
		CHECK(has(&t, key, i + 2));
	}
	CHECK(hksm_table_insert(&t, ~0ULL, 2));
	CHECK(has(&t, ~0ULL, 2));
	hksm_table_fini(&t);
}

static void no_memory(void)
{
	struct hksm_table t;

	shim_no_memory = true;
	CHECK(hksm_table_init(&t, N, 0) == -ENOMEM);
	hksm_table_fini(&t);
	shim_no_memory = false;
}

TAP_MAIN({ "random insertions and removals", random_churn },
	 { "nothing is lost before the table is tight", up_to_tight },
	 { "where there was no room, the table is tight, unless keys are equal", crowded },
	 { "a flood of equal keys is cut off", equal_keys },
	 { "a body is replaced in place", replaced },
	 { "only the key bits that count do", low_bits },
	 { "a table of more than 2 GiB", very_large },
	 { "without memory there is no table", no_memory })
