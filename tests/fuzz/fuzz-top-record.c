// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-top-record.c - recordings of ksmtop: whatever the lines say, samples come
 * out that the model takes, sorts, groups and formats without harm.
 */
#include "fuzz.h"

#include <errno.h>

#include "ksmtop/ksmtop.h"

static void look(struct model *m)
{
	static const enum ksm_group groups[] = { KSM_GROUP_PID, KSM_GROUP_UNIT, KSM_GROUP_USER };
	char buf[64];

	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		top_model_group(m, groups[g]);
		if (g)
			top_model_group_toggle(m);
		for (size_t i = 0; i < m->n_rows && i < 4; i++)
			for (int id = 0; id < __TOP_COL_N; id++)
				MUST(top_cell_text(&m->rows[i], id, buf, sizeof(buf)));
	}
	top_model_group(m, KSM_GROUP_PID);
	top_model_tree(m);
	MUST(m->n_rows == m->procs.used);
	top_model_tree(m);
	MUST(memchr(m->verdict.text, '\0', sizeof(m->verdict.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct ksm_record r;
	struct sample s = { 0 };
	struct model m;
	int rc = 0;

	top_record_init(&r);
	top_model_init(&m);
	/* The magic line is not what there is to find. */
	MUST(!top_record_line(&r, "ksmtop-record 1", 15, &s));
	while (at < end && rc >= 0) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const size_t len = nl ? (size_t)(nl - at) + 1 : (size_t)(end - at);

		rc = top_record_line(&r, at, len, &s);
		MUST(rc == 0 || rc == 1 || rc == -EPROTO);
		MUST((rc == -EPROTO) == (r.error[0] != '\0'));
		if (rc == 1) {
			MUST(!top_model_update(&m, &s));
			look(&m);
		}
		at += len;
	}
	top_model_fini(&m);
	top_sample_fini(&s);
	return 0;
}
