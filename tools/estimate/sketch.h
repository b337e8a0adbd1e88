/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sketch.h - a few KiB that stand for the memory of a group.  Pure.
 */
#ifndef KSM_ESTIMATE_SKETCH_H
#define KSM_ESTIMATE_SKETCH_H

#include "estimate/records.h"

#define EST_SKETCH_K 512
#define EST_SKETCH_NAME 64

struct est_sketch_item {
	uint64_t hash;
	uint32_t pages;		/* how many pages have this content, at most UINT32_MAX */
};

struct est_sketch {
	char name[EST_SKETCH_NAME];	/* raw */
	uint64_t key_id;
	uint64_t page_size;
	uint64_t pages;		/* not counting zeroes */
	uint64_t zero_pages;
	uint32_t n;		/* items, ascending by hash */
	struct est_sketch_item item[EST_SKETCH_K];
};

/* One more content; @pages of it.  Contents come in the order of their hashes. */
void est_sketch_put(struct est_sketch *s, uint64_t hash, uint64_t pages);
/* The contents of sorted records to the sketches of their owners' groups.  0 or -ENOMEM. */
int est_sketch_fill(const struct est_rec *recs, size_t n, const struct est_owner *owner,
		    struct est_sketch *sketches, size_t n_sketches);

/*
 * Of all contents those with the smallest hashes, and the share of all that they are:
 * each item in front of the last known one stands for 1/share contents.
 */
uint32_t est_sketch_known(const struct est_sketch *s);
double est_sketch_share(const struct est_sketch *s);

struct est_overlap {
	double contents;	/* different contents that both have */
	double low, high;	/* 95 % interval of it */
	double pages_a, pages_b;	/* pages of each that hold them */
	bool exact;		/* both sketches hold all their contents */
};

/* -EXDEV when the keys differ, -EMEDIUMTYPE when the page sizes do. */
int est_sketch_compare(const struct est_sketch *a, const struct est_sketch *b,
		       struct est_overlap *out);

/* The bytes of a file; @out has room for est_sketch_size(). */
size_t est_sketch_size(const struct est_sketch *s);
void est_sketch_format(const struct est_sketch *s, unsigned char *out);
/* One sketch at the front of @buf; @used says how long it was.  0 or -EPROTO. */
int est_sketch_parse(const unsigned char *buf, size_t len, struct est_sketch *out, size_t *used);

#endif /* KSM_ESTIMATE_SKETCH_H */
