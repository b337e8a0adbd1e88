// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * human.c - figures as people read them.
 *
 * For display only: what a program shall read goes out as plain numbers (raw,
 * CSV, JSON, --bytes).  All arithmetic is on integers, so that no value near
 * the limits of 64 bits comes out wrong.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <time.h>

const char *cli_bytes(char *buf, size_t len, int64_t v, bool bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v;
	const char *sign = v < 0 ? "-" : "";
	uint64_t tenths;
	unsigned k = 0;

	if (bytes) {
		snprintf(buf, len, "%" PRId64, v);
		return buf;
	}
	while (k + 1 < ARRAY_SIZE(units) && size >> (10 * (k + 1)))
		k++;
	for (;; k++) {
		uint64_t unit = UINT64_C(1) << (10 * k);
		uint64_t whole = size / unit;
		uint64_t rest = size % unit;

		/* Ten times the rest fits: the largest unit is 2^60. */
		tenths = whole * 10 + (rest * 10 + unit / 2) / unit;
		if (tenths >= 1000)
			tenths = (whole + (rest + unit / 2) / unit) * 10;
		/* Rounding up may reach the next unit: 1024 KiB is 1 MiB. */
		if (tenths < 10240 || k + 1 == ARRAY_SIZE(units))
			break;
	}
	if (tenths % 10)
		snprintf(buf, len, "%s%" PRIu64 ".%" PRIu64 " %s", sign, tenths / 10, tenths % 10,
			 units[k]);
	else
		snprintf(buf, len, "%s%" PRIu64 " %s", sign, tenths / 10, units[k]);
	return buf;
}

/* Rounded down throughout: 59.99 s is not yet a minute. */
const char *cli_duration(char *buf, size_t len, uint64_t ns)
{
	static const struct {
		uint64_t below;
		uint64_t unit;
		const char *name;
	} small[] = {
		{ 1000, 1, "ns" },
		{ 1000000, 1000, "us" },
		{ 1000000000, 1000000, "ms" },
		{ UINT64_C(60000000000), 1000000000, "s" },
	};
	uint64_t s = ns / 1000000000;

	for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
		uint64_t whole = ns / small[i].unit;
		uint64_t tenth = ns % small[i].unit * 10 / small[i].unit;

		if (ns >= small[i].below)
			continue;
		if (tenth && whole < 100)
			snprintf(buf, len, "%" PRIu64 ".%" PRIu64 "%s", whole, tenth,
				 small[i].name);
		else
			snprintf(buf, len, "%" PRIu64 "%s", whole, small[i].name);
		return buf;
	}
	if (s < 3600)
		snprintf(buf, len, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, len, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, len, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s % 86400 / 3600);
	return buf;
}

const char *cli_clock(char *buf, size_t len, int64_t unix_s, bool dated)
{
	const time_t when = unix_s, now = time(NULL);
	struct tm tm, today;

	if (!localtime_r(&when, &tm) || !localtime_r(&now, &today)) {
		snprintf(buf, len, "%" PRId64, unix_s);
		return buf;
	}
	dated |= tm.tm_yday != today.tm_yday || tm.tm_year != today.tm_year;
	strftime(buf, len, dated ? "%F %T" : "%T", &tm);
	return buf;
}
