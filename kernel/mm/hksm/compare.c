// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing whole pages, a line at a time.
 *
 * lib/string.c compares and looks for a byte word by word, with two branches
 * for each, and serves any length. A page is long and its length is known: one
 * branch for a line of eight words takes a quarter of the time.
 */
#include "compare.h"

#define PAGE_WORDS	(PAGE_SIZE / sizeof(u64))
#define LINE_WORDS	(64 / sizeof(u64))

/**
 * hksm_same() - compare two pages
 * @a: PAGE_SIZE readable bytes, aligned to a word
 * @b: the same
 *
 * Context: any.
 * Return: true when they hold the same bytes.
 */
bool hksm_same(const void *a, const void *b)
{
#ifdef __HAVE_ARCH_MEMCMP
	return !memcmp(a, b, PAGE_SIZE);
#else
	const u64 *v = a, *w = b;
	unsigned int i;

	for (i = 0; i < PAGE_WORDS; i += LINE_WORDS) {
		if ((v[0] ^ w[0]) | (v[1] ^ w[1]) | (v[2] ^ w[2]) |
		    (v[3] ^ w[3]) | (v[4] ^ w[4]) | (v[5] ^ w[5]) |
		    (v[6] ^ w[6]) | (v[7] ^ w[7]))
			return false;
		v += LINE_WORDS;
		w += LINE_WORDS;
	}
	return true;
#endif
}

/**
 * hksm_blank() - look for anything but zeroes in a page
 * @page: PAGE_SIZE readable bytes, aligned to a word
 * @next: page that will be read next and may be cold, or @page; as much of it
 *	is fetched as is read of @page
 *
 * Context: any.
 * Return: true when there is nothing else.
 */
bool hksm_blank(const void *page, const void *next)
{
	const char *ahead = next;
	const u64 *w = page;
	unsigned int i;

	for (i = 0; i < PAGE_WORDS; i += LINE_WORDS) {
		if (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7])
			return false;
		prefetch(ahead + i * sizeof(u64));
		w += LINE_WORDS;
	}
	return true;
}
