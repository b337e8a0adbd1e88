// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-str.c - the growable string: growth, termination, sticky failure.
 */
#include "util/str.h"

#include <errno.h>

#include "tap.h"

static void empty(void)
{
	__cleanup_str struct str b = STR_INIT;
	char *s;

	CHECK_STR(str_get(&b), "");
	CHECK_INT(str_err(&b), 0);
	CHECK_INT(str_add(&b, ""), 0);
	CHECK_STR(str_get(&b), "");
	str_reset(&b);
	CHECK_STR(str_get(&b), "");
	str_fini(&b);
	str_fini(&b);
	/* Stolen before anything was added: still a string of the caller. */
	s = str_steal(&b);
	CHECK_STR(s, "");
	free(s);
}

static void append(void)
{
	__cleanup_str struct str b = STR_INIT;
	char *s;

	str_add(&b, "ab");
	str_addc(&b, 'c');
	str_addmem(&b, "d\0e", 3);
	str_addmem(&b, NULL, 0);
	str_addf(&b, "%d-%s", 42, "x");
	CHECK_UINT(b.len, 10);
	CHECK(!memcmp(b.s, "abcd\0e42-x", 11));
	str_reset(&b);
	CHECK_STR(str_get(&b), "");
	str_add(&b, "again");
	s = str_steal(&b);
	CHECK_STR(s, "again");
	CHECK_STR(str_get(&b), "");
	CHECK_UINT(b.len, 0);
	free(s);
}

/* Every length across the first allocations, by characters and by one format. */
static void growth(void)
{
	char want[600];

	for (size_t n = 0; n < sizeof(want); n++) {
		__cleanup_str struct str one = STR_INIT;
		__cleanup_str struct str fmt = STR_INIT;

		tap_row("%zu", n);
		memset(want, 'x', n);
		want[n] = '\0';
		for (size_t i = 0; i < n; i++)
			str_addc(&one, 'x');
		str_add(&fmt, ">");
		str_addf(&fmt, "%s", want);
		CHECK_STR(str_get(&one), want);
		CHECK_STR(str_get(&fmt) + 1, want);
		CHECK_UINT(fmt.len, n + 1);
	}
}

static void sticky_failure(void)
{
	__cleanup_str struct str b = STR_INIT;

	str_add(&b, "kept");
	CHECK_INT(str_reserve(&b, SIZE_MAX), -ENOMEM);		/* the sum overflows */
	CHECK_INT(str_add(&b, "lost"), -ENOMEM);
	CHECK_INT(str_addf(&b, "%d", 1), -ENOMEM);
	CHECK_INT(str_err(&b), -ENOMEM);
	CHECK_STR(str_get(&b), "kept");
	CHECK(str_steal(&b) == NULL);
	str_reset(&b);
	CHECK_INT(str_reserve(&b, PTRDIFF_MAX), -ENOMEM);	/* no object is that large */
	str_reset(&b);
	CHECK_INT(str_add(&b, "well again"), 0);
	CHECK_STR(str_get(&b), "well again");
}

TAP_MAIN(TAP_CASE(empty), TAP_CASE(append), TAP_CASE(growth), TAP_CASE(sticky_failure))
