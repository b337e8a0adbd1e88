/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * num.h - strict text to number.
 *
 * The whole string must be the number: no leading blanks, no trailing text,
 * no sign where none makes sense.  One trailing newline is accepted by
 * num_kernel_u64()/num_kernel_s64() only, which read what the kernel wrote.
 */
#ifndef KSM_UTIL_NUM_H
#define KSM_UTIL_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * All return 0, -EINVAL (not a number of this form, or empty) or -ERANGE (it
 * does not fit); on failure *out is untouched.
 */
int num_u64(const char *s, uint64_t *out);
int num_s64(const char *s, int64_t *out);
/* A switch: 1, on, yes, y, true and their contraries, in either case.  0 or -EINVAL. */
int num_bool(const char *s, bool *out);

/* One kernel file: a number in buf[0..len), with at most one newline behind. */
int num_kernel_u64(const char *buf, size_t len, uint64_t *out);
int num_kernel_s64(const char *buf, size_t len, int64_t *out);
/* A long of the kernel, whether it was printed as such (%ld) or as unsigned (%lu). */
int num_kernel_long(const char *buf, size_t len, int64_t *out);
/* A count: -ERANGE above INT64_MAX, which is where one ends that went below zero. */
int num_kernel_count(const char *buf, size_t len, int64_t *out);

/*
 * The digits in front of *s, in base 10 or 16 (no sign, no 0x), for text of
 * which a number is only a part: "7f00-8000 rw-p", "6.12.0-rc1".  On success *s
 * points behind them.
 */
int num_take_u64(const char **s, unsigned base, uint64_t *out);

/* Bytes: 4096, 64K, 1.5G, 2GiB, 10MB (the last is decimal, as in coreutils). */
int num_size(const char *s, uint64_t *out);

/* A duration in nanoseconds: 250ms, 1.5s, 2m or 2min, 1h, 10us; bare: seconds. */
int num_duration(const char *s, uint64_t *out_ns);

/* A percentage, 0 to 100, with or without a percent sign; thousandths kept. */
int num_percent(const char *s, double *out);

/* How many times: 2, 0.5; thousandths kept. */
int num_factor(const char *s, double *out);

/*
 * Sum and product that stop at the ends of the range.  Figures come from files
 * that a dump may hold anything in: a nonsense figure stays a figure.
 */
static inline int64_t num_add_sat(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_add_overflow(a, b, &r) ? (a < 0 ? INT64_MIN : INT64_MAX) : r;
}

/* Rounded down, saturating; 0 below 0, and for what is no number. */
static inline uint64_t num_floor_sat(double d)
{
	return !(d > 0) ? 0 : d < 0x1p64 ? (uint64_t)d : UINT64_MAX;
}

/*
 * To the nearest, saturating; 0 for what is no number.  Not llround(): it has no result
 * for what an int64_t cannot hold, and costs a library.
 */
static inline int64_t num_round_sat(double d)
{
	if (d >= 0x1p63)
		return INT64_MAX;
	if (d <= -0x1p63)
		return INT64_MIN;
	return d < 0 ? (int64_t)(d - 0.5) : d > 0 ? (int64_t)(d + 0.5) : 0;
}

/* Seconds in nanoseconds, as num_floor_sat(). */
static inline uint64_t num_ns(double s)
{
	return num_floor_sat(s * 1e9);
}

static inline int64_t num_mul_sat(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_mul_overflow(a, b, &r) ? ((a < 0) != (b < 0) ? INT64_MIN : INT64_MAX) : r;
}

#endif /* KSM_UTIL_NUM_H */
