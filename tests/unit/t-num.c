// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-num.c - text to number, row by row.
 *
 * Each row is one way in which people or kernels write a number, or fail to.
 * On failure the output must keep what it held.
 */
#include "util/num.h"

#include <errno.h>
#include <locale.h>
#include <math.h>

#include "tap.h"

static void u64(void)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t want;
	} rows[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },				/* leading zeroes: not octal */
		{ "18446744073709551615", 0, UINT64_MAX },	/* the last one that fits */
		{ "18446744073709551616", -ERANGE, 0 },		/* overflow in the addition */
		{ "28446744073709551616", -ERANGE, 0 },		/* overflow in the product */
		{ "99999999999999999999999", -ERANGE, 0 },	/* more than once */
		{ "99999999999999999999999x", -EINVAL, 0 },	/* no number, however large */
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },				/* only kernel files may end so */
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },				/* strtoull would wrap it */
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 },			/* a digit, but not an ASCII one */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 42;

		tap_row("\"%s\"", rows[i].text);
		CHECK_INT(num_u64(rows[i].text, &got), rows[i].rc);
		CHECK_UINT(got, rows[i].rc ? 42 : rows[i].want);
	}
}

static void s64(void)
{
	static const struct {
		const char *text;
		int rc;
		int64_t want;
	} rows[] = {
		{ "-340", 0, -340 },			/* a negative profit */
		{ "-0", 0, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "- 1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t got = 42;

		tap_row("\"%s\"", rows[i].text);
		CHECK_INT(num_s64(rows[i].text, &got), rows[i].rc);
		CHECK_INT(got, rows[i].rc ? 42 : rows[i].want);
	}
}

static void kernel_file(void)
{
	static const struct {
		const char *buf;
		size_t len;
		int rc;
		int64_t want;
	} rows[] = {
		{ "100\n", 4, 0, 100 },
		{ "100", 3, 0, 100 },			/* no newline: old dumps */
		{ "100\n", 2, 0, 10 },			/* the length rules, not a NUL */
		{ "-5\n", 3, 0, -5 },
		{ "", 0, -EINVAL, 0 },			/* an empty file */
		{ "\n", 1, -EINVAL, 0 },
		{ "1\n\n", 3, -EINVAL, 0 },
		{ "1\0\n", 3, -EINVAL, 0 },		/* a NUL is not an end */
		{ "none [scan-time]\n", 17, -EINVAL, 0 },
		{ "99999999999999999999\n", 21, -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool neg = rows[i].want < 0;
		uint64_t u = 42;
		int64_t s = 42;

		tap_row("%zu", i);
		CHECK_INT(num_kernel_s64(rows[i].buf, rows[i].len, &s), rows[i].rc);
		CHECK_INT(s, rows[i].rc ? 42 : rows[i].want);
		CHECK_INT(num_kernel_u64(rows[i].buf, rows[i].len, &u), neg ? -EINVAL : rows[i].rc);
		CHECK_UINT(u, neg || rows[i].rc ? 42 : (uint64_t)rows[i].want);
	}
}

/* One figure as a signed number of the kernel, and as a count. */
static void kernel_signed(void)
{
	static const struct {
		const char *text;
		int rc;
		int64_t want;
		int count_rc;
	} rows[] = {
		{ "5\n", 0, 5, 0 },
		{ "-5\n", 0, -5, -EINVAL },
		{ "9223372036854775807\n", 0, INT64_MAX, 0 },
		{ "9223372036854775808\n", 0, INT64_MIN, -ERANGE },	/* printed with %lu */
		{ "18446744073709551615\n", 0, -1, -ERANGE },
		{ "18446744073709551616\n", -ERANGE, 42, -ERANGE },
		{ "-9223372036854775809\n", -ERANGE, 42, -EINVAL },
		{ "", -EINVAL, 42, -EINVAL },
		{ "x\n", -EINVAL, 42, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const size_t len = strlen(rows[i].text);
		int64_t v = 42, n = 42;

		tap_row("%zu", i);
		CHECK_INT(num_kernel_long(rows[i].text, len, &v), rows[i].rc);
		CHECK_INT(v, rows[i].want);
		CHECK_INT(num_kernel_count(rows[i].text, len, &n), rows[i].count_rc);
		CHECK_INT(n, rows[i].count_rc ? 42 : rows[i].want);
	}
}

static void take(void)
{
	static const struct {
		const char *text;
		unsigned base;
		int rc;
		uint64_t want;
		const char *rest;
	} rows[] = {
		{ "6.12.0-rc1", 10, 0, 6, ".12.0-rc1" },
		{ "7fFf00-8000 rw-p", 16, 0, 0x7fff00, "-8000 rw-p" },
		{ "12ab", 10, 0, 12, "ab" },
		{ "ffffffffffffffff", 16, 0, UINT64_MAX, "" },
		{ "10000000000000000", 16, -ERANGE, 0, "10000000000000000" },
		{ "0x10", 16, 0, 0, "x10" },
		{ "-1", 10, -EINVAL, 0, "-1" },
		{ "", 16, -EINVAL, 0, "" },
		{ "g", 16, -EINVAL, 0, "g" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *s = rows[i].text;
		uint64_t got = 42;

		tap_row("\"%s\"", rows[i].text);
		CHECK_INT(num_take_u64(&s, rows[i].base, &got), rows[i].rc);
		CHECK_UINT(got, rows[i].rc ? 42 : rows[i].want);
		CHECK_STR(s, rows[i].rest);
	}
}

static void size(void)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t want;
	} rows[] = {
		{ "4096", 0, 4096 },
		{ "4096B", 0, 4096 },
		{ "64K", 0, 65536 },
		{ "64k", 0, 65536 },
		{ "64KiB", 0, 65536 },
		{ "64kB", 0, 64000 },			/* decimal */
		{ "10MB", 0, 10000000 },
		{ "1.5G", 0, UINT64_C(3) << 29 },
		{ "0.5K", 0, 512 },
		{ "0.3K", 0, 307 },			/* rounded down */
		{ "15E", 0, UINT64_C(15) << 60 },
		{ "15.999E", 0, UINT64_C(18445591152204944769) },	/* exact, not as a double */
		{ "16E", -ERANGE, 0 },
		{ "99999999999999999999K", -ERANGE, 0 },
		{ "1.5", -EINVAL, 0 },			/* half a byte */
		{ "1.K", -EINVAL, 0 },
		{ ".5K", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1KiBB", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },			/* milli is not mega */
		{ "1 K", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1,5G", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 42;

		tap_row("\"%s\"", rows[i].text);
		CHECK_INT(num_size(rows[i].text, &got), rows[i].rc);
		CHECK_UINT(got, rows[i].rc ? 42 : rows[i].want);
	}
}

static void duration(void)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t want;
	} rows[] = {
		{ "2", 0, 2000000000 },			/* bare: seconds */
		{ "0.1", 0, 100000000 },		/* exact */
		{ "250ms", 0, 250000000 },
		{ "1.5s", 0, 1500000000 },
		{ "10us", 0, 10000 },
		{ "7ns", 0, 7 },
		{ "1.5ns", 0, 1 },			/* rounded down */
		{ "2m", 0, UINT64_C(120000000000) },
		{ "2min", 0, UINT64_C(120000000000) },	/* as systemd writes it */
		{ "1h", 0, UINT64_C(3600000000000) },
		{ "1d", 0, UINT64_C(86400000000000) },
		{ "0.0000000000000000000001", 0, 0 },	/* more digits than 64 bits hold */
		{ "0.9999999999999999999999d", 0, UINT64_C(86399999999999) },
		{ "213504d", -ERANGE, 0 },		/* 2^64 ns are 213503.98 days */
		{ "2M", -EINVAL, 0 },
		{ "2mi", -EINVAL, 0 },
		{ "2minutes", -EINVAL, 0 },
		{ "2 s", -EINVAL, 0 },
		{ "1m30s", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 42;

		tap_row("\"%s\"", rows[i].text);
		CHECK_INT(num_duration(rows[i].text, &got), rows[i].rc);
		CHECK_UINT(got, rows[i].rc ? 42 : rows[i].want);
	}
}

static void factor(void)
{
	static const struct {
		const char *text;
		int rc;
		double want;
	} rows[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "0.5", 0, 0.5 },
		{ "60", 0, 60 },
		{ "1000000.001", 0, 1000000.001 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "2x", -EINVAL, 0 },
		{ " 2", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double got = 0;

		tap_row("%s", rows[i].text);
		CHECK_INT(num_factor(rows[i].text, &got), rows[i].rc);
		CHECK(got > rows[i].want - 1e-9 && got < rows[i].want + 1e-9);
	}
}

/* A time from figures that anybody made up must still be one. */
static void seconds(void)
{
	static const struct {
		double s;
		uint64_t want;
	} rows[] = {
		{ 0, 0 },
		{ 1.5, 1500000000 },
		{ 1e-10, 0 },
		{ -1, 0 },
		{ NAN, 0 },
		{ 18e9, UINT64_C(18000000000000000000) },
		{ 18446744073.709553, UINT64_MAX },	/* 2^64 ns */
		{ 4.3e10, UINT64_MAX },
		{ INFINITY, UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%g", rows[i].s);
		CHECK_UINT(num_ns(rows[i].s), rows[i].want);
	}
}

/* Of anything that a double holds, a number comes. */
static void doubles(void)
{
	static const struct {
		double d;
		uint64_t floor;
		int64_t round;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0.49, 0, 0 },
		{ 0.5, 0, 1 },
		{ 7.999, 7, 8 },
		{ -0.5, 0, -1 },
		{ -7.4, 0, -7 },
		{ 0x1p63, UINT64_C(1) << 63, INT64_MAX },
		{ 0x1.fffffffffffffp62, 0x7ffffffffffffc00, 0x7ffffffffffffc00 },
		{ -0x1p63, 0, INT64_MIN },
		{ 0x1p64, UINT64_MAX, INT64_MAX },
		{ 0x1.fffffffffffffp63, 0xfffffffffffff800, INT64_MAX },
		{ 1e300, UINT64_MAX, INT64_MAX },
		{ -1e300, 0, INT64_MIN },
		{ INFINITY, UINT64_MAX, INT64_MAX },
		{ -INFINITY, 0, INT64_MIN },
		{ NAN, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%g", rows[i].d);
		CHECK_UINT(num_floor_sat(rows[i].d), rows[i].floor);
		CHECK_INT(num_round_sat(rows[i].d), rows[i].round);
	}
}

static void percent(void)
{
	static const struct {
		const char *text;
		int rc;
		int want;	/* thousandths */
	} rows[] = {
		{ "0", 0, 0 },
		{ "100", 0, 100000 },
		{ "100%", 0, 100000 },
		{ "100.000%", 0, 100000 },
		{ "12.5%", 0, 12500 },
		{ "0.0019", 0, 1 },			/* finer than a thousandth */
		{ "100.0001", -ERANGE, 0 },
		{ "101", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "5%%", -EINVAL, 0 },
		{ "5 %", -EINVAL, 0 },
		{ "%", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double got = 42;

		tap_row("\"%s\"", rows[i].text);
		CHECK_INT(num_percent(rows[i].text, &got), rows[i].rc);
		CHECK_INT((int)(got * 1000 + 0.5), rows[i].rc ? 42000 : rows[i].want);
	}
}

/* A locale with a decimal comma must change nothing; few machines have one installed. */
static void locale(void)
{
	uint64_t got = 0;

	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
		tap_skip("no locale with a decimal comma is installed");
		return;
	}
	CHECK_INT(num_size("1.5K", &got), 0);
	CHECK_UINT(got, 1536);
	CHECK_INT(num_size("1,5K", &got), -EINVAL);
	setlocale(LC_ALL, "C");
}

TAP_MAIN(TAP_CASE(u64), TAP_CASE(s64), TAP_CASE(kernel_file), TAP_CASE(kernel_signed), TAP_CASE(take), TAP_CASE(size),
	 TAP_CASE(duration), TAP_CASE(seconds), TAP_CASE(doubles), TAP_CASE(percent), TAP_CASE(factor),
	 TAP_CASE(locale))
