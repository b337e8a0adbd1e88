// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-json.c - the state of a container: whatever comes, it is read within its bounds.
 */
#include "fuzz.h"

#include <errno.h>

#include "ksm-advise/oci.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json v, member;
	struct adv_oci o;
	char why[64], out[16];
	int rc = json_parse(text, size, &v);

	MUST(rc == 0 || rc == -EINVAL || rc == -E2BIG);
	MUST(v.s >= text && v.s + v.len <= text + size);
	if (!rc && !json_member(v, "annotations", &member)) {
		(void)json_string(member, out, sizeof(out));
		MUST(memchr(out, '\0', sizeof(out)));
	}
	rc = adv_oci_parse(text, size, size % 2, &o, why, sizeof(why));
	MUST(rc == 0 || rc == -EINVAL);
	MUST(memchr(why, '\0', sizeof(why)));
	MUST(!rc == !*why);
	MUST(rc || !o.merge || o.pid > 0);
	return 0;
}
