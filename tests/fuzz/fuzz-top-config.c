// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-top-config.c - the settings file of ksmtop: any text leaves settings that
 * make sense, and these are written and read as the same.
 */
#include "fuzz.h"

#include "ksmtop/ksmtop.h"

static void parse(struct top_config *c, const char *at, size_t size)
{
	const char *end = at + size;

	top_config_init(c);
	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const size_t len = nl ? (size_t)(nl - at) : (size_t)(end - at);

		top_config_line(c, at, len);
		at += len + (nl ? 1 : 0);
	}
	top_config_finish(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = STR_INIT;
	struct top_config c, again;
	bool any = false;

	parse(&c, (const char *)data, size);
	MUST(c.interval_ns >= TOP_INTERVAL_MIN_NS && c.interval_ns <= TOP_INTERVAL_MAX_NS);
	MUST(c.table.sort < __TOP_COL_N && c.table.group < __KSM_GROUP_N);
	MUST(!c.table.tree || c.table.group == KSM_GROUP_PID);
	for (int id = 0; id < __TOP_COL_N; id++)
		any |= c.table.shown[id];
	MUST(any);
	MUST(!top_config_format(&c, &text));
	parse(&again, text.s, text.len);
	MUST(!again.bad);
	MUST(!memcmp(&c.table, &again.table, sizeof(c.table)));
	/* Milliseconds are kept, what is finer is not. */
	MUST(c.interval_ns / 1000000 == again.interval_ns / 1000000);
	MUST(c.ascii == again.ascii && c.no_color == again.no_color);
	str_fini(&text);
	return 0;
}
