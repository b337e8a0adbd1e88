// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-cli-human.c - sizes and durations as people read them.
 */
#include "cli/cli.h"

#include "tap.h"

static void bytes(void)
{
	static const struct {
		int64_t v;
		const char *want;
	} rows[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ -340 * 1024, "-340 KiB" },		/* a negative profit stays negative */
		{ -1, "-1 B" },
		{ 4096 * 25, "100 KiB" },
		{ 99 * 1024 + 999, "100 KiB" },		/* 99.98 */
		{ 99 * 1024 + 512, "99.5 KiB" },
		{ 1024 * 1024 - 1, "1 MiB" },		/* never "1024 KiB" */
		{ 1023 * 1024, "1023 KiB" },
		{ 1023 * 1024 + 511, "1023 KiB" },
		{ 1288490189, "1.2 GiB" },
		{ INT64_MAX, "8 EiB" },
		{ INT64_MIN, "-8 EiB" },
		{ INT64_C(1) << 50, "1 PiB" },
	};
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%jd", (intmax_t)rows[i].v);
		CHECK_STR(cli_bytes(buf, sizeof(buf), rows[i].v, false), rows[i].want);
	}
	tap_row("plain");
	CHECK_STR(cli_bytes(buf, sizeof(buf), INT64_MIN, true), "-9223372036854775808");
	CHECK_STR(cli_bytes(buf, sizeof(buf), 1536, true), "1536");
	/* A small buffer cuts, and never overruns. */
	CHECK_STR(cli_bytes(buf, 4, 1536, false), "1.5");
}

static void duration(void)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} rows[] = {
		{ 0, "0ns" },
		{ 999, "999ns" },
		{ 1500, "1.5us" },
		{ 250000000, "250ms" },
		{ 2500000, "2.5ms" },
		{ 999999999, "999ms" },			/* rounded down: not yet a second */
		{ 1500000000, "1.5s" },
		{ UINT64_C(59999999999), "59.9s" },
		{ UINT64_C(60000000000), "1m00s" },
		{ UINT64_C(192000000000), "3m12s" },
		{ UINT64_C(3600) * 1000000000, "1h00m" },
		{ UINT64_C(86399) * 1000000000, "23h59m" },
		{ UINT64_C(86400) * 1000000000, "1d00h" },
		{ UINT64_MAX, "213503d23h" },
	};
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%ju", (uintmax_t)rows[i].ns);
		CHECK_STR(cli_duration(buf, sizeof(buf), rows[i].ns), rows[i].want);
	}
}

TAP_MAIN(TAP_CASE(bytes), TAP_CASE(duration))
