// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sketches: the file format, what damaged ones do, and the error of comparing
 * sets whose overlap is known.
 */
#include "estimate/sketch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"
#include "xorshift.h"

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random64(void)
{
	return xorshift64(&state);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct est_sketch *sketch(uint64_t *hashes, size_t n)
{
	struct est_sketch *s = calloc(1, sizeof(*s));

	s->page_size = 4096;
	s->key_id = 7;
	qsort(hashes, n, sizeof(*hashes), by_value);
	for (size_t i = 0; i < n; i++)
		est_sketch_put(s, hashes[i], 1);
	return s;
}

/* Sets of @a and @b contents, @both of them in both. */
static void make(size_t a, size_t b, size_t both, struct est_sketch **sa, struct est_sketch **sb)
{
	uint64_t *ha = calloc(a, sizeof(*ha)), *hb = calloc(b, sizeof(*hb));

	for (size_t i = 0; i < a; i++)
		ha[i] = random64();
	for (size_t i = 0; i < b; i++)
		hb[i] = i < both ? ha[i] : random64();
	*sa = sketch(ha, a);
	*sb = sketch(hb, b);
	free(ha);
	free(hb);
}

static void small_is_exact(void)
{
	struct est_sketch *a, *b;
	struct est_overlap o;

	make(300, 100, 40, &a, &b);
	CHECK_INT(est_sketch_compare(a, b, &o), 0);
	CHECK(o.exact);
	CHECK(o.contents == 40 && o.low == 40 && o.high == 40);
	free(a);
	free(b);
}

static void one_small(void)
{
	struct est_sketch *a, *b;
	struct est_overlap o;

	/* The large one limits what is known. */
	make(100000, 100, 100, &a, &b);
	CHECK_INT(est_sketch_compare(a, b, &o), 0);
	CHECK(!o.exact);
	CHECK(o.low <= 100 && o.high >= 100);
	free(a);
	free(b);
}

static void error_is_as_stated(void)
{
	static const struct {
		size_t a, b, both;
	} rows[] = {
		{ 6000, 6000, 3000 }, { 6000, 6000, 300 }, { 6000, 6000, 0 },
		{ 6000, 6000, 6000 }, { 9000, 2000, 1500 }, { 3000, 3000, 1500 },
		/* one is known whole, and all or a few of it are in the other */
		{ 20000, 500, 500 }, { 20000, 500, 20 }, { 6000, 6000, 10 },
	};
	/* What 95 % comes to by chance, three times the standard deviation below: 92.1 %. */
	enum { TRIALS = 500 };
	const double least = TRIALS * 0.95 - 3 * sqrt(TRIALS * 0.95 * 0.05);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i += tap_stride(5)) {
		unsigned int held = 0, possible = 0;
		double mean = 0, error = 0, square = 0, off;

		tap_row("%zu of %zu and %zu", rows[i].both, rows[i].a, rows[i].b);
		for (unsigned int t = 0; t < TRIALS; t++) {
			struct est_sketch *a, *b;
			struct est_overlap o;

			make(rows[i].a, rows[i].b, rows[i].both, &a, &b);
			CHECK_INT(est_sketch_compare(a, b, &o), 0);
			held += o.low <= rows[i].both && rows[i].both <= o.high;
			possible += 0 <= o.low && o.low <= o.contents && o.contents <= o.high &&
				    o.high <= MIN(rows[i].a, rows[i].b) &&
				    o.pages_a <= a->pages && o.pages_b <= b->pages;
			mean += o.contents / TRIALS;
			square += o.contents * o.contents / TRIALS;
			error += fabs(o.contents - rows[i].both) / TRIALS;
			free(a);
			free(b);
		}
		printf("# %zu of %zu and %zu: mean %.0f, mean error %.0f, interval held in %u of %d\n",
		       rows[i].both, rows[i].a, rows[i].b, mean, error, held, TRIALS);
		CHECK(held >= least);
		CHECK_UINT(possible, TRIALS);
		/* What cannot be more is told less, which is nearer each time. */
		off = 3 * sqrt(MAX(square - mean * mean, 0) / TRIALS);
		CHECK(rows[i].both == MIN(rows[i].a, rows[i].b) ? mean <= rows[i].both :
								  fabs(mean - rows[i].both) <= off);
	}
}

/* A content of which a half of the memory is does not stand for what it is not. */
static void uneven(void)
{
	struct est_sketch *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	uint64_t step = UINT64_MAX / (EST_SKETCH_K + 10);
	struct est_overlap o;

	a->page_size = b->page_size = 4096;
	for (size_t i = 1; i <= EST_SKETCH_K + 5; i++) {
		est_sketch_put(a, i * step, i == 1 ? 100000 : 1);
		est_sketch_put(b, i * step, 1);
	}
	/* Half of the range of hashes was seen: scaled up, it would be twice what there is. */
	a->item[EST_SKETCH_K - 1].hash = b->item[EST_SKETCH_K - 1].hash = UINT64_MAX / 2;
	a->n = b->n = EST_SKETCH_K;
	for (size_t i = 0; i + 1 < EST_SKETCH_K; i++)
		a->item[i].hash = b->item[i].hash = (i + 1) * (UINT64_MAX / 4 / EST_SKETCH_K);
	CHECK_INT(est_sketch_compare(a, b, &o), 0);
	CHECK(o.contents == EST_SKETCH_K + 5);
	CHECK(o.high == EST_SKETCH_K + 5 && o.low <= o.contents);
	CHECK_UINT((uint64_t)o.pages_a, a->pages);
	CHECK_UINT((uint64_t)o.pages_b, b->pages);
	free(a);
	free(b);
}

static void multiplicities(void)
{
	struct est_sketch a = { .page_size = 4096 }, b = a;
	struct est_overlap o;

	est_sketch_put(&a, 10, 3);
	est_sketch_put(&a, 20, 5);
	est_sketch_put(&b, 20, 2);
	CHECK_INT(est_sketch_compare(&a, &b, &o), 0);
	CHECK(o.contents == 1 && o.pages_a == 5 && o.pages_b == 2);
	CHECK_UINT(a.pages, 8);
}

static void refused(void)
{
	struct est_sketch a = { .page_size = 4096, .key_id = 1 }, b = a;
	struct est_overlap o;

	b.key_id = 2;
	CHECK_INT(est_sketch_compare(&a, &b, &o), -EXDEV);
	b.key_id = 1;
	b.page_size = 16384;
	CHECK_INT(est_sketch_compare(&a, &b, &o), -EMEDIUMTYPE);
}

static void filled(void)
{
	static const struct est_rec recs[] = {
		{ 0, 1, 0 }, { 0, 1, 1 }, { 0, 1, 1 }, { 0, 2, 0 }, { 0, 3, 2 },
	};
	static const struct est_owner owner[] = { { 0, 0 }, { 0, 1 }, { 0, EST_NO_GROUP } };
	struct est_sketch s[2] = { 0 };

	CHECK_INT(est_sketch_fill(recs, ARRAY_SIZE(recs), owner, s, 2), 0);
	CHECK_UINT(s[0].n, 2);
	CHECK_UINT(s[1].n, 1);
	CHECK_UINT(s[1].item[0].pages, 2);
	CHECK_UINT(s[0].pages, 2);
}

static void file(void)
{
	struct est_sketch *a, *b, back;
	unsigned char *buf;
	size_t len, used;

	make(2000, 10, 0, &a, &b);
	snprintf(a->name, sizeof(a->name), "a guest");
	a->zero_pages = 12;
	len = est_sketch_size(a);
	buf = malloc(len);
	est_sketch_format(a, buf);
	printf("# a full sketch has %zu bytes\n", len);
	CHECK(len < 8192);
	CHECK_INT(est_sketch_parse(buf, len, &back, &used), 0);
	CHECK_UINT(used, len);
	CHECK(!memcmp(&back, a, sizeof(back)));

	for (size_t cut = 0; cut < len; cut += 7)
		if (est_sketch_parse(buf, cut, &back, &used) != -EPROTO)
			CHECK(!"a file cut short is refused");
	for (size_t i = 0; i < len; i += 3) {
		buf[i] ^= 0x10;
		if (est_sketch_parse(buf, len, &back, &used) != -EPROTO)
			tap_check(false, __FILE__, __LINE__, "byte %zu changed: accepted", i);
		buf[i] ^= 0x10;
	}
	free(buf);
	free(a);
	free(b);
}

/* The check sum is right, and yet nobody has such memory. */
static void nonsense_is_refused(void)
{
	static const struct {
		const char *what;
		uint64_t page_size, pages, zero_pages;
		uint32_t item_pages;
		int rc;
	} row[] = {
		{ "as it should be", 4096, 8, 1, 4, 0 },
		{ "more than its items", 4096, 9, 1, 4, 0 },
		{ "pages of no size", 0, 8, 1, 4, -EPROTO },
		{ "pages of three bytes", 3, 8, 1, 4, -EPROTO },
		{ "pages of an exabyte", UINT64_C(1) << 60, 8, 1, 4, -EPROTO },
		{ "fewer pages than in items", 4096, 7, 1, 4, -EPROTO },
		{ "a content on no page", 4096, 8, 1, 0, -EPROTO },
		{ "bytes beyond 64 bits", 4096, UINT64_C(1) << 52, 1, 4, -EPROTO },
		{ "the same in zeroes", 4096, 8, UINT64_C(1) << 52, 4, -EPROTO },
	};
	unsigned char buf[512];
	size_t used;

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct est_sketch s = { .page_size = row[i].page_size,
					.pages = row[i].pages,
					.zero_pages = row[i].zero_pages,
					.n = 2,
					.item = { { 5, 4 }, { 6, row[i].item_pages } } },
				  back;

		printf("# %s\n", row[i].what);
		est_sketch_format(&s, buf);
		CHECK_INT(est_sketch_parse(buf, est_sketch_size(&s), &back, &used), row[i].rc);
	}
}

TAP_MAIN(TAP_CASE(small_is_exact), TAP_CASE(one_small), TAP_CASE(error_is_as_stated),
	 TAP_CASE(uneven), TAP_CASE(multiplicities), TAP_CASE(refused), TAP_CASE(filled), TAP_CASE(file),
	 TAP_CASE(nonsense_is_refused))
