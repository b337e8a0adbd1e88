// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's comparison of whole pages as a program: one bit anywhere makes
 * two pages differ and a page not blank, and nothing beyond the page counts.
 */
#include "../../kernel/mm/hksm/compare.h"

#include "../unit/tap.h"

#define WORDS	512

/* A page with a word before and behind it that is never the same. */
static u64 one[WORDS + 2], two[WORDS + 2];
static u64 *const page = one + 1, *const other = two + 1;

static void fill(bool blank)
{
	get_random_bytes(one, sizeof(one));
	if (blank)
		memset(page, 0, WORDS * sizeof(*page));
	memcpy(other, page, WORDS * sizeof(*page));
	two[0] = ~one[0];
	two[WORDS + 1] = ~one[WORDS + 1];
}

static void same(void)
{
	unsigned int i;

	fill(false);
	CHECK(hksm_same(page, other));
	for (i = 0; i < WORDS * 64; i++) {
		other[i / 64] ^= 1ULL << (i % 64);
		if (hksm_same(page, other) || hksm_same(other, page)) {
			tap_row("bit %u", i);
			CHECK(!hksm_same(page, other));
			CHECK(!hksm_same(other, page));
		}
		other[i / 64] ^= 1ULL << (i % 64);
	}
	CHECK(hksm_same(page, other));
}

/* What differs in two places must not add up to nothing. */
static void two_words(void)
{
	unsigned int i, j;

	fill(false);
	for (i = 0; i < WORDS; i++) {
		for (j = i + 1; j < WORDS && j < i + 16; j++) {
			other[i] ^= 1;
			other[j] ^= 1;
			if (hksm_same(page, other)) {
				tap_row("words %u and %u", i, j);
				CHECK(!hksm_same(page, other));
			}
			other[i] ^= 1;
			other[j] ^= 1;
		}
	}
	CHECK(hksm_same(page, other));
}

static void blank(void)
{
	unsigned int i;

	fill(true);
	CHECK(hksm_blank(page, other));
	CHECK(hksm_blank(page, page));
	for (i = 0; i < WORDS * 64; i++) {
		page[i / 64] = 1ULL << (i % 64);
		if (hksm_blank(page, other)) {
			tap_row("bit %u", i);
			CHECK(!hksm_blank(page, other));
		}
		page[i / 64] = 0;
	}
	get_random_bytes(other, WORDS * sizeof(*other));
	CHECK(hksm_blank(page, other));
	CHECK(!hksm_blank(other, page));
}

TAP_MAIN({ "one bit makes two pages differ", same },
	 { "two words never make up for each other", two_words },
	 { "one bit makes a page not blank", blank })
