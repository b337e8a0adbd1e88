/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap.h - the harness of the unit tests: one TAP program per module.
 *
 * A test is a static function without arguments, named in the table that
 * TAP_MAIN() runs; one that was left out of the table is a compiler warning.
 * A failed CHECK tells where and goes on, so that one run shows all of them.
 * In a table-driven test, call tap_row() first: a failure then names the row.
 */
#ifndef KSM_TESTS_TAP_H
#define KSM_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

struct tap_case {
	const char *name;
	void (*run)(void);
};

static struct {
	unsigned failed;	/* checks of the running case */
	const char *skip;
	char row[128];
} tap;

/* Name the row of a table that the next checks are about. */
static inline __printf(1, 2) void tap_row(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(tap.row, sizeof(tap.row), fmt, ap);
	va_end(ap);
}

/*
 * By how much a loop over rows goes on: "make check-all" tries every one, "make
 * check" each @quick-th, because it is to take less than a minute.
 */
static inline unsigned int tap_stride(unsigned int quick)
{
	return getenv("KSM_LONG") ? 1 : quick;
}

/* The running case cannot be tried here; say why, then return from it. */
static inline void tap_skip(const char *why)
{
	tap.skip = why;
}

static inline __printf(4, 5) bool tap_check(bool ok, const char *file, int line,
					    const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	tap.failed++;
	printf("# %s:%d: ", file, line);
	if (tap.row[0])
		printf("row %s: ", tap.row);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return false;
}

static inline bool tap_int(intmax_t got, intmax_t want, const char *what, const char *file,
			   int line)
{
	return tap_check(got == want, file, line, "%s is %jd, expected %jd", what, got, want);
}

static inline bool tap_uint(uintmax_t got, uintmax_t want, const char *what, const char *file,
			    int line)
{
	return tap_check(got == want, file, line, "%s is %ju, expected %ju", what, got, want);
}

static inline bool tap_str(const char *got, const char *want, const char *what, const char *file,
			   int line)
{
	bool same = got && want ? !strcmp(got, want) : got == want;

	return tap_check(same, file, line, "%s is \"%s\", expected \"%s\"", what,
			 got ? got : "(null)", want ? want : "(null)");
}

/* All are true when the check held, so that a test can stop where going on makes no sense. */
#define CHECK(cond)		 tap_check(cond, __FILE__, __LINE__, "not so: %s", #cond)
#define CHECK_INT(got, want)	 tap_int(got, want, #got, __FILE__, __LINE__)
#define CHECK_UINT(got, want)	 tap_uint(got, want, #got, __FILE__, __LINE__)
#define CHECK_STR(got, want)	 tap_str(got, want, #got, __FILE__, __LINE__)

static inline int tap_run(const struct tap_case *cases, size_t n)
{
	unsigned bad = 0;

	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		tap.failed = 0;
		tap.skip = NULL;
		tap.row[0] = '\0';
		cases[i].run();
		printf("%sok %zu - %s%s%s\n", tap.failed ? "not " : "", i + 1, cases[i].name,
		       tap.skip ? " # SKIP " : "", tap.skip ? tap.skip : "");
		/* A case that forks must not print this line twice. */
		fflush(stdout);
		bad += tap.failed != 0;
	}
	return bad != 0;
}

#define TAP_CASE(fn) { #fn, fn }
#define TAP_MAIN(...)                                                   \
	int main(void)                                                  \
	{                                                               \
		static const struct tap_case cases[] = { __VA_ARGS__ }; \
                                                                        \
		return tap_run(cases, ARRAY_SIZE(cases));               \
	}

#endif /* KSM_TESTS_TAP_H */
