// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Arrays that grow: nothing is lost on the way, and a failure changes nothing.
 */
#include "util/vec.h"

#include <stdint.h>
#include <stdlib.h>

#include "tap.h"

static void keeps_what_it_has(void)
{
	size_t n = 0, cap = 0, grown = 0;
	uint32_t *v = NULL;

	for (uint32_t i = 0; i < 10000; i++) {
		const size_t before = cap;

		if (!CHECK_INT(vec_room(v, n, cap), 0))
			break;
		CHECK(cap > n);
		grown += cap != before;
		v[n++] = i;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!CHECK_UINT(v[i], i))
			break;
	CHECK(grown < 12);
	free(v);
}

/* AddressSanitizer would rather end the program than return NULL for too much. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void no_room(void)
{
	/* So many that twice as many have no size; the compiler is not to know it. */
	volatile size_t many = SIZE_MAX / 4;
	size_t n = many, cap = many;
	uint64_t *v = malloc(sizeof(*v)), *was = v;

	CHECK_INT(vec_room(v, n, cap), -ENOMEM);
	CHECK(v == was);
	CHECK_UINT(cap, many);
	free(v);
}

static void room_is_left(void)
{
	int *v = calloc(2, sizeof(*v)), *was = v;
	size_t cap = 2;

	CHECK_INT(vec_room(v, 1, cap), 0);
	CHECK(v == was && cap == 2);
	free(v);
}

TAP_MAIN(TAP_CASE(keeps_what_it_has), TAP_CASE(no_room), TAP_CASE(room_is_left))
