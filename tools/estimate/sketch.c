// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sketch.c - the contents with the smallest hashes stand for all of them.
 *
 * The hashes are keyed and even, so the smallest EST_SKETCH_K of a set are a
 * random sample of its contents; and since all hosts with the same key choose by
 * the same hashes, two such samples show what two sets have in common ("bottom-k
 * sketch", Cohen and Kaplan 2007).  Below the smaller of both largest hashes each
 * knows all of its contents: that part is compared, and scaled up.  Pure.
 *
 * The file, all numbers little-endian: 8 bytes of magic, u32 version, u32 items,
 * u64 key, u64 page size, u64 pages, u64 pages of zeroes, 64 bytes of name, the
 * items (u64 hash, u32 pages), u64 check sum.  Several may follow one another.
 */
#include "estimate/sketch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	"KSMsktch"
#define FORMAT 1
#define HEAD	(8 + 4 + 4 + 4 * 8 + EST_SKETCH_NAME)
#define ITEM	12
#define TAIL	8

void est_sketch_put(struct est_sketch *s, uint64_t hash, uint64_t pages)
{
	s->pages += pages;
	if (s->n == EST_SKETCH_K)
		return;
	s->item[s->n++] = (struct est_sketch_item){ hash, MIN(pages, (uint64_t)UINT32_MAX) };
}

int est_sketch_fill(const struct est_rec *recs, size_t n, const struct est_owner *owner,
		    struct est_sketch *sketches, size_t n_sketches)
{
	uint64_t *pages = calloc(n_sketches, sizeof(*pages));
	uint32_t *touched = calloc(n_sketches, sizeof(*touched));

	for (size_t i = 0, j; pages && touched && i < n; i = j) {
		const uint64_t hash = (uint64_t)recs[i].hi << 32 | recs[i].lo;
		size_t k = 0;

		for (j = i; j < n && recs[j].hi == recs[i].hi && recs[j].lo == recs[i].lo; j++) {
			const uint32_t g = owner[recs[j].tag & EST_SEG_MASK].group;

			if (g == EST_NO_GROUP)
				continue;
			if (!pages[g]++)
				touched[k++] = g;
		}
		while (k) {
			const uint32_t g = touched[--k];

			est_sketch_put(&sketches[g], hash, pages[g]);
			pages[g] = 0;
		}
	}
	n = pages && touched;
	free(pages);
	free(touched);
	return n ? 0 : -ENOMEM;
}

/* Below this hash a sketch knows every content; 0: it knows all there are. */
static uint64_t threshold(const struct est_sketch *s)
{
	return s->n < EST_SKETCH_K ? 0 : s->item[s->n - 1].hash;
}

uint32_t est_sketch_known(const struct est_sketch *s)
{
	return threshold(s) ? s->n - 1 : s->n;
}

double est_sketch_share(const struct est_sketch *s)
{
	return threshold(s) ? ldexp((double)threshold(s), -64) : 1;
}

/* Contents there can be at most: each has one page at least, and some are known to have more. */
static double contents_max(const struct est_sketch *s)
{
	uint64_t more = 0;

	if (!threshold(s))
		return s->n;
	for (uint32_t i = 0; i < s->n; i++)
		more += s->item[i].pages - 1;
	return (double)(s->pages - more);
}

static double clamp(double v, double low, double high)
{
	return MAX(MIN(v, high), low);
}

/*
 * Each content was seen or not, so the ends are where a half more or less would have
 * been seen: of a few, whole steps matter, and the interval would hold in 91 % only.
 */
static void overlap_interval(double seen, double p, struct est_overlap *o)
{
	const double less = MAX(seen - 0.5, 0.0), more = p < 1 ? seen + 0.5 : seen;
	double unused;

	est_interval(less / p, less * (1 - p) / (p * p), p, &o->low, &unused);
	est_interval(more / p, more * (1 - p) / (p * p), p, &unused, &o->high);
	if (p >= 1)
		o->low = o->high = seen;
}

/* No less than was seen in both, and no more than the smaller one can hold. */
static void clamp_overlap(const struct est_sketch *a, const struct est_sketch *b, double seen,
			  double seen_a, double seen_b, struct est_overlap *o)
{
	const double most = MAX(MIN(contents_max(a), contents_max(b)), seen);

	o->contents = clamp(o->contents, seen, most);
	o->low = clamp(o->low, seen, most);
	o->high = clamp(o->high, seen, most);
	o->pages_a = clamp(o->pages_a, seen_a, MAX(a->pages, seen_a));
	o->pages_b = clamp(o->pages_b, seen_b, MAX(b->pages, seen_b));
}

int est_sketch_compare(const struct est_sketch *a, const struct est_sketch *b,
		       struct est_overlap *out)
{
	/* 0 less 1 is the largest: a complete sketch does not limit the other. */
	const uint64_t last = MIN(threshold(a) - 1, threshold(b) - 1);
	const bool exact = last == UINT64_MAX;
	const double p = exact ? 1 : ldexp((double)last + 1, -64);
	double contents = 0, pages_a = 0, pages_b = 0;
	size_t i = 0, j = 0;

	if (a->key_id != b->key_id)
		return -EXDEV;
	if (a->page_size != b->page_size)
		return -EMEDIUMTYPE;
	while (i < a->n && j < b->n && a->item[i].hash <= last && b->item[j].hash <= last) {
		if (a->item[i].hash < b->item[j].hash) {
			i++;
		} else if (a->item[i].hash > b->item[j].hash) {
			j++;
		} else {
			contents++;
			pages_a += a->item[i++].pages;
			pages_b += b->item[j++].pages;
		}
	}
	out->contents = contents / p;
	out->pages_a = pages_a / p;
	out->pages_b = pages_b / p;
	out->exact = exact;
	overlap_interval(contents, p, out);
	clamp_overlap(a, b, contents, pages_a, pages_b, out);
	return 0;
}

/* --- the file --- */

static void put(unsigned char **at, uint64_t v, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		*(*at)++ = v >> 8 * i;
}

static uint64_t take(const unsigned char **at, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint64_t)*(*at)++ << 8 * i;
	return v;
}

/* Against accidents (FNV-1a), not against forgery. */
static uint64_t check_sum(const unsigned char *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

size_t est_sketch_size(const struct est_sketch *s)
{
	return HEAD + (size_t)s->n * ITEM + TAIL;
}

void est_sketch_format(const struct est_sketch *s, unsigned char *out)
{
	unsigned char *at = out;

	memcpy(at, MAGIC, 8);
	at += 8;
	put(&at, FORMAT, 4);
	put(&at, s->n, 4);
	put(&at, s->key_id, 8);
	put(&at, s->page_size, 8);
	put(&at, s->pages, 8);
	put(&at, s->zero_pages, 8);
	memcpy(at, s->name, EST_SKETCH_NAME);
	at += EST_SKETCH_NAME;
	for (uint32_t i = 0; i < s->n; i++) {
		put(&at, s->item[i].hash, 8);
		put(&at, s->item[i].pages, 4);
	}
	put(&at, check_sum(out, at - out), 8);
}

/* What nobody's memory can be is not taken: sums of it would overflow. */
static bool is_sane(const struct est_sketch *s)
{
	uint64_t most, pages = 0;

	if (s->page_size < 512 || s->page_size > 1 << 30 || s->page_size & (s->page_size - 1))
		return false;
	most = INT64_MAX / s->page_size / 4;
	for (uint32_t i = 0; i < s->n; i++) {
		if (!s->item[i].pages || (i && s->item[i].hash <= s->item[i - 1].hash))
			return false;
		pages += s->item[i].pages;
	}
	return pages <= s->pages && s->pages <= most && s->zero_pages <= most;
}

int est_sketch_parse(const unsigned char *buf, size_t len, struct est_sketch *out, size_t *used)
{
	const unsigned char *at = buf + 8;
	size_t size;

	if (len < HEAD + TAIL || memcmp(buf, MAGIC, 8) || take(&at, 4) != FORMAT)
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	out->n = take(&at, 4);
	if (out->n > EST_SKETCH_K)
		return -EPROTO;
	size = est_sketch_size(out);
	if (len < size)
		return -EPROTO;
	out->key_id = take(&at, 8);
	out->page_size = take(&at, 8);
	out->pages = take(&at, 8);
	out->zero_pages = take(&at, 8);
	memcpy(out->name, at, EST_SKETCH_NAME);
	if (out->name[EST_SKETCH_NAME - 1])
		return -EPROTO;
	at += EST_SKETCH_NAME;
	for (uint32_t i = 0; i < out->n; i++) {
		out->item[i].hash = take(&at, 8);
		out->item[i].pages = take(&at, 4);
	}
	if (take(&at, 8) != check_sum(buf, size - TAIL) || !is_sane(out))
		return -EPROTO;
	*used = size;
	return 0;
}
