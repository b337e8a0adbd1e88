// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-attrset.c - saved and profile files: what is accepted is in range and
 * survives being written out and read again; what is refused says where.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>

#include "libksm/libksm.h"

static void check_set(const struct ksm_attrset *s)
{
	char text[4096], buf[KSM_ATTR_TEXT_MAX];
	struct ksm_parse_error err;
	struct ksm_attrset again;
	size_t n = 0;

	ksm_for_each_attr(id) {
		const struct ksm_attr_info *in = ksm_attr_info(id);
		const struct ksm_value *v = &s->value[id];

		MUST(v->state == KSM_ABSENT || v->state == KSM_VALUE);
		if (v->state != KSM_VALUE)
			continue;
		MUST(in->kind == KSM_KIND_KNOB);
		MUST(in->type == KSM_TYPE_CHOICE || (v->v >= in->min && v->v <= in->max));
		n += snprintf(text + n, sizeof(text) - n, "%s=%s\n", in->name,
			      ksm_attr_format(id, v, buf, sizeof(buf)));
	}
	MUST(n < sizeof(text));
	MUST(!ksm_attrset_parse(text, n, &again, &err));
	MUST(!memcmp(s, &again, sizeof(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ksm_parse_error err;
	struct ksm_attrset s;
	int rc = ksm_attrset_parse((const char *)data, size, &s, &err);

	MUST(rc == 0 || rc == -EINVAL);
	if (rc) {
		MUST(err.line >= 1 && err.line <= size);
		MUST(err.what[0] && memchr(err.what, '\0', sizeof(err.what)));
	} else {
		check_set(&s);
	}
	return 0;
}
