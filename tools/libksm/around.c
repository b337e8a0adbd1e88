// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * around.c - settings beside the kernel's own attributes that decide what comes
 * of merging: huge pages, which take zero pages back, and what vendors and UKSM
 * added.
 *
 * Not in the table of attributes: no kernel of kernel.org has some of these, and
 * none of them is for ksmctl to write.
 */
#include "libksm/internal.h"

#include <string.h>

#include "libksm/parse.h"

/* A file of one number. */
static struct ksm_fig number(struct ksm *k, enum ksm_file file)
{
	char buf[64];
	struct span rest, line, word;
	ssize_t n = ksm_path_read_start(k, file, 0, buf, sizeof(buf));
	int64_t v;

	if (n < 0)
		return (struct ksm_fig){ ksm_state_of(n) == KSM_DENIED ? KSM_DENIED : KSM_ABSENT, 0 };
	rest = (struct span){ buf, n };
	if (!span_line(&rest, &line) || !span_word(&line, &word) || !span_s64(word, &v))
		return (struct ksm_fig){ .state = KSM_ABSENT };
	return KSM_FIG(v);
}

/* "always [madvise] never" (mm/huge_memory.c, enabled_show()). */
static struct ksm_fig thp_mode(struct ksm *k)
{
	static const char *const words[] = { "[never]", "[madvise]", "[always]" };
	char buf[64];
	ssize_t n = ksm_path_read_start(k, KSM_FILE_THP, 0, buf, sizeof(buf));

	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(words); i++)
		if (strstr(buf, words[i]))
			return KSM_FIG(i);
	return (struct ksm_fig){ .state = KSM_ABSENT };
}

void ksm_around_read(struct ksm *k, struct ksm_around *out)
{
	out->thp = thp_mode(k);
	out->max_ptes_none = number(k, KSM_FILE_PTES_NONE);
	out->only_zero = number(k, KSM_FILE_ONLY_ZERO);
	out->uksm_run = number(k, KSM_FILE_UKSM_RUN);
}
