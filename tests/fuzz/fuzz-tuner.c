// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-tuner.c - the note of the daemon: any text is refused or gives a note that ends
 * where it should, and that is written and read as the same.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/tuner.h"

static void check_ends(const struct ksm_tuner *t)
{
	MUST(t->id.pid > 0 && !t->alive && t->n_rules <= KSM_TUNER_RULES);
	MUST(memchr(t->reason, '\0', sizeof(t->reason)));
	for (size_t i = 0; i < t->n_rules; i++)
		MUST(memchr(t->rule[i].name, '\0', sizeof(t->rule[i].name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = STR_INIT, again = STR_INIT;
	struct ksm_tuner t;
	int rc = ksm_tuner_parse((const char *)data, size, &t);

	MUST(rc == 0 || rc == -EPROTO);
	if (rc)
		return 0;
	check_ends(&t);
	MUST(!ksm_tuner_format(&t, &text));
	MUST(!ksm_tuner_parse(text.s, text.len, &t));
	check_ends(&t);
	MUST(!ksm_tuner_format(&t, &again));
	MUST(!strcmp(text.s, again.s));
	str_fini(&text);
	str_fini(&again);
	return 0;
}
