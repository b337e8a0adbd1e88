// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-num.c - the number parsers on any bytes, held to what must be true of
 * each answer: it agrees with strtoull() where that is strict enough, a number
 * printed reads back, and a refusal leaves the output alone.
 */
#include "util/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                    \
	do {                          \
		if (!(cond))          \
			abort();      \
	} while (0)

static const uint64_t mark = UINT64_C(0x5ca1ab1e5ca1ab1e);

/* Refusals are of two kinds only, and touch nothing. */
static void check_refusal(int rc, uint64_t out)
{
	MUST(rc == 0 || rc == -EINVAL || rc == -ERANGE);
	MUST(rc == 0 || out == mark);
}

static void check_u64(const char *s)
{
	bool digits = *s && strspn(s, "0123456789") == strlen(s);
	uint64_t v = mark;
	int rc = num_u64(s, &v);

	check_refusal(rc, v);
	MUST((rc == -EINVAL) == !digits);
	if (!digits)
		return;
	errno = 0;
	MUST(strtoull(s, NULL, 10) == (rc ? UINT64_MAX : v) && (errno == ERANGE) == (rc == -ERANGE));
}

static void check_s64(const char *s)
{
	int64_t v = (int64_t)mark, again;
	int rc = num_s64(s, &v);
	char buf[32];

	check_refusal(rc, (uint64_t)v);
	if (rc)
		return;
	snprintf(buf, sizeof(buf), "%" PRId64, v);
	MUST(!num_s64(buf, &again) && again == v);
}

static void check_take(const char *s, unsigned base)
{
	const char *end = s;
	uint64_t v = mark;
	int rc = num_take_u64(&end, base, &v);

	check_refusal(rc, v);
	MUST(rc ? end == s : end > s && end <= s + strlen(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);
	uint64_t u = mark, k = mark;
	int64_t i = (int64_t)mark;
	double pct = -1;
	int rc;

	MUST(s);
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';

	check_u64(s);
	check_s64(s);
	check_take(s, 10);
	check_take(s, 16);
	check_refusal(num_size(s, &u), u);
	u = mark;
	check_refusal(num_duration(s, &u), u);
	rc = num_percent(s, &pct);
	MUST(rc ? pct == -1 : pct >= 0 && pct <= 100);

	/* Kernel files have no NUL behind them: a buffer of exactly that size. */
	char *file = malloc(size ? size : 1);

	MUST(file);
	if (size)
		memcpy(file, data, size);
	check_refusal(num_kernel_u64(file, size, &k), k);
	check_refusal(num_kernel_s64(file, size, &i), (uint64_t)i);
	free(file);
	free(s);
	return 0;
}
