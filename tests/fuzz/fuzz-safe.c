// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-safe.c - any bytes through cli_safe() and into JSON, in both kinds of
 * locale: what comes out cannot steer a terminal, and cli_safe() loses nothing.
 */
#include "cli/internal.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/unescape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                    \
	do {                          \
		if (!(cond))          \
			abort();      \
	} while (0)

/* Newlines are layout in JSON, and nowhere else. */
static void check_clean(const char *s, size_t len, bool utf8, bool layout)
{
	while (len) {
		uint32_t cp = 0;
		size_t n = cli_utf8_next(s, len, &cp);

		MUST(n && (utf8 || cp < 0x80));
		MUST(!cli_is_treacherous(cp) || (layout && cp == '\n'));
		s += n;
		len -= n;
	}
}

static void check_json(const char *s, bool utf8)
{
	struct cli_json *j = cli_json_new();
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	MUST(f);
	cli_json_open(j, NULL, '{');
	cli_json_str(j, s, s);
	MUST(!cli_json_print(j, f));
	MUST(!fclose(f));
	check_clean(text, len, utf8, true);
	free(text);
	cli_json_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const locales[] = { "C", "C.UTF-8" };
	char *s = malloc(size + 1);

	MUST(s);
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		__cleanup_str struct str out = STR_INIT;
		bool utf8;

		MUST(setlocale(LC_ALL, locales[i]));
		utf8 = cli_utf8();
		cli_safe(&out, s, size);
		check_clean(str_get(&out), out.len, utf8, false);
		/* Nothing is lost: the bytes are those that went in. */
		MUST(unescapes_to(str_get(&out), data, size));
		check_json(s, utf8);
	}
	free(s);
	return 0;
}
