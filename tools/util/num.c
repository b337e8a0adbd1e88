// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * num.c - strict text to number.
 *
 * By hand and not by strtoull and strtod, which skip blanks, take a sign where
 * none makes sense, and read the decimal point of the user's locale.  All
 * forms share one scanner of digits; fractions stay integers up to the end, so
 * that 0.1 s is 100 ms exactly.
 */
#include "util/num.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/ascii.h"
#include "util/macros.h"

/* A scan position: the text left, which need not be NUL-terminated. */
struct scan {
	const char *p;
	const char *end;
};

static struct scan scan_of(const char *s)
{
	return (struct scan){ s, s + strlen(s) };
}

static bool at_digit(const struct scan *in)
{
	return in->p < in->end && *in->p >= '0' && *in->p <= '9';
}

/*
 * Digits, at least one.  A number that does not fit is still read to its end:
 * "99999999999999999999x" is not a number, rather than one out of range.
 */
static int scan_digits(struct scan *in, uint64_t *out)
{
	uint64_t v = 0;
	bool over = false;

	if (!at_digit(in))
		return -EINVAL;
	for (; at_digit(in); in->p++) {
		over |= __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(*in->p - '0'), &v);
	}
	*out = v;
	return over ? -ERANGE : 0;
}

/* A number with or without a fraction; the digits of the fraction stay text. */
struct decimal {
	uint64_t whole;
	const char *frac;
	size_t nfrac;	/* 0: there was no point */
};

static int scan_decimal(struct scan *in, struct decimal *d)
{
	int rc = scan_digits(in, &d->whole);

	d->nfrac = 0;
	if (rc == -EINVAL || in->p == in->end || *in->p != '.')
		return rc;
	d->frac = ++in->p;
	while (at_digit(in))
		in->p++;
	d->nfrac = (size_t)(in->p - d->frac);
	return d->nfrac ? rc : -EINVAL;
}

/*
 * d times unit, rounded down.  The fraction is summed from its last digit, each
 * step a division by ten: exact for any number of digits, and 9.1 times the
 * largest unit (2^60) still fits.
 */
static int decimal_times(const struct decimal *d, uint64_t unit, uint64_t *out)
{
	uint64_t part = 0;
	uint64_t v;

	for (size_t i = d->nfrac; i--;)
		part = (part + (uint64_t)(d->frac[i] - '0') * unit) / 10;
	if (__builtin_mul_overflow(d->whole, unit, &v) || __builtin_add_overflow(v, part, &v))
		return -ERANGE;
	*out = v;
	return 0;
}

/* True when the text left is exactly word. */
static bool rest_is(const struct scan *in, const char *word)
{
	size_t len = (size_t)(in->end - in->p);

	return len == strlen(word) && !memcmp(in->p, word, len);
}

static int whole_u64(struct scan in, uint64_t *out)
{
	uint64_t v;
	int rc = scan_digits(&in, &v);

	if (in.p != in.end)
		return -EINVAL;
	if (!rc)
		*out = v;
	return rc;
}

static int whole_s64(struct scan in, int64_t *out)
{
	bool neg = in.p < in.end && *in.p == '-';
	uint64_t limit = (uint64_t)INT64_MAX + neg;
	uint64_t v;
	int rc;

	if (neg)
		in.p++;
	rc = whole_u64(in, &v);
	if (rc)
		return rc;
	if (v > limit)
		return -ERANGE;
	*out = neg ? (int64_t)-v : (int64_t)v;
	return 0;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT32_MAX;
}

int num_take_u64(const char **s, unsigned base, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;
	bool over = false;

	for (; digit_of(*p) < base; p++) {
		over |= __builtin_mul_overflow(v, base, &v);
		over |= __builtin_add_overflow(v, digit_of(*p), &v);
	}
	if (p == *s)
		return -EINVAL;
	if (over)
		return -ERANGE;
	*s = p;
	*out = v;
	return 0;
}

int num_u64(const char *s, uint64_t *out)
{
	return whole_u64(scan_of(s), out);
}

int num_s64(const char *s, int64_t *out)
{
	return whole_s64(scan_of(s), out);
}

static struct scan scan_of_file(const char *buf, size_t len)
{
	if (len && buf[len - 1] == '\n')
		len--;
	return (struct scan){ buf, buf + len };
}

int num_kernel_u64(const char *buf, size_t len, uint64_t *out)
{
	return whole_u64(scan_of_file(buf, len), out);
}

int num_kernel_s64(const char *buf, size_t len, int64_t *out)
{
	return whole_s64(scan_of_file(buf, len), out);
}

int num_kernel_long(const char *buf, size_t len, int64_t *out)
{
	uint64_t u;
	int rc = num_kernel_s64(buf, len, out);

	if (rc != -ERANGE || num_kernel_u64(buf, len, &u))
		return rc;
	*out = (int64_t)u;
	return 0;
}

int num_kernel_count(const char *buf, size_t len, int64_t *out)
{
	uint64_t u;
	int rc = num_kernel_u64(buf, len, &u);

	if (rc)
		return rc;
	if (u > INT64_MAX)
		return -ERANGE;
	*out = (int64_t)u;
	return 0;
}

int num_size(const char *s, uint64_t *out)
{
	static const char letters[] = "KMGTPE";
	struct scan in = scan_of(s);
	uint64_t unit = 1;
	struct decimal d;
	const char *at;
	int rc = scan_decimal(&in, &d);

	if (rc == -EINVAL)
		return rc;
	if (in.p == in.end || rest_is(&in, "B")) {
		/* There is no part of a byte. */
		if (d.nfrac)
			return -EINVAL;
	} else {
		uint64_t base = 1024;

		at = *in.p == 'k' ? letters : memchr(letters, *in.p, sizeof(letters) - 1);
		if (!at)
			return -EINVAL;
		in.p++;
		if (rest_is(&in, "B"))
			base = 1000;
		else if (in.p != in.end && !rest_is(&in, "iB"))
			return -EINVAL;
		for (long i = at - letters; i >= 0; i--)
			unit *= base;
	}
	return rc ? rc : decimal_times(&d, unit, out);
}

int num_duration(const char *s, uint64_t *out_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "", 1000000000 },
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", UINT64_C(60) * 1000000000 },
		{ "min", UINT64_C(60) * 1000000000 },
		{ "h", UINT64_C(3600) * 1000000000 },
		{ "d", UINT64_C(86400) * 1000000000 },
	};
	struct scan in = scan_of(s);
	struct decimal d;
	int rc = scan_decimal(&in, &d);

	if (rc == -EINVAL)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (rest_is(&in, units[i].name))
			return rc ? rc : decimal_times(&d, units[i].ns, out_ns);
	return -EINVAL;
}

static bool has_nonzero(const struct decimal *d)
{
	for (size_t i = 0; i < d->nfrac; i++)
		if (d->frac[i] != '0')
			return true;
	return false;
}

int num_percent(const char *s, double *out)
{
	struct scan in = scan_of(s);
	uint64_t thousandths;
	struct decimal d;
	int rc = scan_decimal(&in, &d);

	if (rc == -EINVAL || (in.p != in.end && !rest_is(&in, "%")))
		return -EINVAL;
	if (!rc)
		rc = decimal_times(&d, 1000, &thousandths);
	if (rc)
		return rc;
	/* 100.0001 is too much although its thousandths are not. */
	if (thousandths > 100000 || (d.whole == 100 && has_nonzero(&d)))
		return -ERANGE;
	*out = (double)thousandths / 1000;
	return 0;
}

int num_factor(const char *s, double *out)
{
	struct scan in = scan_of(s);
	uint64_t thousandths;
	struct decimal d;
	int rc = scan_decimal(&in, &d);

	if (rc == -EINVAL || in.p != in.end)
		return -EINVAL;
	if (!rc)
		rc = decimal_times(&d, 1000, &thousandths);
	if (rc)
		return rc;
	*out = (double)thousandths / 1000;
	return 0;
}

int num_bool(const char *s, bool *out)
{
	static const char *const words[2][5] = {
		{ "0", "off", "no", "n", "false" },
		{ "1", "on", "yes", "y", "true" },
	};

	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < ARRAY_SIZE(words[v]); i++)
			if (ascii_equal(s, words[v][i])) {
				*out = v;
				return 0;
			}
	return -EINVAL;
}
