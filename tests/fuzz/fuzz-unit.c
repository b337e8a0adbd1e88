// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-unit.c - units of systemd: each command comes through whole, and is run through
 * ksm-advise once.
 */
#include "fuzz.h"

#include <errno.h>

#include "ksmctl/unit.h"

static void one(const char *command)
{
	struct str out = STR_INIT, twice = STR_INIT;
	enum unit_wrap how = unit_wrap(command, "/x/ksm-advise", &out);

	MUST(*command);
	if (how == UNIT_WRAPPED || how == UNIT_WRAPPED_NAME) {
		MUST(strstr(str_get(&out), "/x/ksm-advise -- "));
		MUST(!strchr(str_get(&out), '\n'));
		MUST(unit_wrap(str_get(&out), "/x/ksm-advise", &twice) == UNIT_THROUGH);
	} else {
		MUST(!out.len);
	}
	str_fini(&out);
	str_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char name[UNIT_NAME_MAX];
	struct unit u = { 0 };
	int rc = unit_parse(&u, text, size);

	MUST(rc == 0 || (rc == -EINVAL && memchr(data, 0, size)));
	for (size_t i = 0; i < u.n; i++)
		one(u.exec[i]);
	unit_fini(&u);
	if (!unit_name_check(text, name)) {
		MUST(!strchr(name, '/') && strlen(name) < UNIT_NAME_MAX);
		MUST(!strncmp(name, text, strlen(text)));
	}
	unit_systemd_version(text);
	free(text);
	return 0;
}
