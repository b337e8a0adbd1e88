// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-map.c - the hash map, against a plain array that does the same.
 *
 * The churn case is the one that matters: insertions and removals at random in
 * a small key space, where probes run over the end and removals move slots.
 */
#include "util/map.h"

#include <errno.h>

#include "tap.h"

static int values[4096];

static void empty(void)
{
	struct map m = MAP_INIT;
	uint64_t key;
	size_t pos = 0;

	CHECK(map_find(&m, 1) == NULL);
	CHECK(map_del(&m, 1) == NULL);
	CHECK(map_next(&m, &pos, &key) == NULL);
	map_clear(&m);
	CHECK_INT(map_put(&m, 1, NULL), -EINVAL);
	CHECK_UINT(m.used, 0);
	map_fini(&m);
	map_fini(&m);
}

static void edge_keys(void)
{
	static const uint64_t keys[] = { 0, 1, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 32 };
	struct map m = MAP_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CHECK_INT(map_put(&m, keys[i], &values[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CHECK(map_find(&m, keys[i]) == &values[i]);
	CHECK_INT(map_put(&m, 0, &values[9]), 0);
	CHECK(map_find(&m, 0) == &values[9]);
	CHECK_UINT(m.used, ARRAY_SIZE(keys));
	map_clear(&m);
	CHECK(map_find(&m, 0) == NULL);
	CHECK_UINT(m.used, 0);
	map_fini(&m);
}

/* xorshift: the same sequence everywhere, so a failure can be repeated. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void churn(void)
{
	static int *model[512];
	uint64_t rnd = 88172645463325252u;
	struct map m = MAP_INIT;
	size_t count = 0, seen = 0, pos = 0;
	uint64_t key;
	int *val;

	for (int i = 0; i < 200000; i++) {
		size_t k = next_random(&rnd) % ARRAY_SIZE(model);
		/* Spread by a page, as addresses are. */
		uint64_t spread = (uint64_t)k << 12;

		tap_row("step %d", i);
		if (next_random(&rnd) & 1) {
			int *v = &values[next_random(&rnd) % ARRAY_SIZE(values)];

			if (!CHECK_INT(map_put(&m, spread, v), 0))
				break;
			count += model[k] == NULL;
			model[k] = v;
		} else {
			if (!CHECK(map_del(&m, spread) == model[k]))
				break;
			count -= model[k] != NULL;
			model[k] = NULL;
		}
		k = next_random(&rnd) % ARRAY_SIZE(model);
		if (!CHECK(map_find(&m, (uint64_t)k << 12) == model[k]) ||
		    !CHECK_UINT(m.used, count))
			break;
	}
	tap_row("walk");
	while ((val = map_next(&m, &pos, &key))) {
		CHECK(val == model[key >> 12]);
		seen++;
	}
	CHECK_UINT(seen, count);
	/* 512 keys fit 1024 slots: growth stopped, no marks were left behind. */
	CHECK(m.size <= 1024);
	map_fini(&m);
}

TAP_MAIN(TAP_CASE(empty), TAP_CASE(edge_keys), TAP_CASE(churn))
