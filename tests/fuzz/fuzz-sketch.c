// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-sketch.c - files of sketches: what is accepted is written out as it was,
 * and comparing any two of them gives figures that make sense.
 *
 * No input gets past the check sum by chance: each is tried as it is, and once
 * more with the right one.
 */
#include "fuzz.h"

#include <errno.h>
#include <math.h>

#include "estimate/sketch.h"

#define MAX_SKETCHES 4

static struct est_sketch sketch[MAX_SKETCHES];

static void check_overlap(const struct est_sketch *a, const struct est_sketch *b)
{
	struct est_overlap ab, ba;
	int rc = est_sketch_compare(a, b, &ab);

	MUST(rc == est_sketch_compare(b, a, &ba));
	if (rc) {
		MUST(rc == -EXDEV ? a->key_id != b->key_id : rc == -EMEDIUMTYPE);
		return;
	}
	MUST(isfinite(ab.contents) && isfinite(ab.high) && isfinite(ab.pages_a));
	MUST(ab.low >= 0 && ab.low <= ab.contents && ab.contents <= ab.high);
	MUST(ab.pages_a >= ab.contents && ab.pages_b >= ab.contents);
	MUST(ab.contents == ba.contents && ab.pages_a == ba.pages_b);
	if (a == b && ab.exact)
		MUST(ab.contents == a->n && ab.pages_a <= a->pages);
}

static size_t parse_all(const uint8_t *data, size_t size)
{
	unsigned char *out = malloc(est_sketch_size(&(struct est_sketch){ .n = EST_SKETCH_K }));
	size_t n = 0, used;

	MUST(out);
	while (n < MAX_SKETCHES && size) {
		const int rc = est_sketch_parse(data, size, &sketch[n], &used);

		MUST(rc == 0 || rc == -EPROTO);
		if (rc)
			break;
		MUST(used <= size && used == est_sketch_size(&sketch[n]));
		est_sketch_format(&sketch[n], out);
		MUST(!memcmp(out, data, used));
		data += used;
		size -= used;
		n++;
	}
	free(out);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			check_overlap(&sketch[i], &sketch[j]);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325;
	uint8_t *copy = malloc(size + 1);

	MUST(copy);
	parse_all(data, size);
	/* Most inputs are one sketch. */
	if (size > 8) {
		memcpy(copy, data, size);
		for (size_t i = 0; i < size - 8; i++)
			sum = (sum ^ copy[i]) * 0x100000001b3;
		for (size_t i = 0; i < 8; i++)
			copy[size - 8 + i] = sum >> 8 * i;
		parse_all(copy, size);
	}
	free(copy);
	return 0;
}
