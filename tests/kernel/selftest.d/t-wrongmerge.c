// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a wrong merge would look like: one word of one page is another's. The
 * check of content has to see it.
 */
#include "case.h"

#include <stdint.h>

#define PAGES 8

static void run(void)
{
	void *mem = case_map(PAGES);
	uint64_t *word = case_page(mem, 5);

	case_fill_many(mem, PAGES, 1, PAGES);
	case_ok(case_check_many(mem, PAGES, 1, PAGES) == 0, "good");
	word[case_page_size() / sizeof(*word) - 1] ^= 1;
	case_ok(case_check_many(mem, PAGES, 1, PAGES) == 0, "bad");
}

const struct kcase kcase = {
	.run = run,
};
