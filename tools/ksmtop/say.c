// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * say.c - the line for people: what came of a key, or why nothing did.
 *
 * Those who act, and the loop that knows what became of a sample, speak here;
 * whoever reads or decides returns, and is silent.
 */
#include "ksmtop/ksmtop.h"

#include <stdarg.h>
#include <string.h>

void top_say(struct top *t, enum top_tone tone, const char *fmt, ...)
{
	struct str clean __cleanup_str = STR_INIT;
	char text[sizeof(t->message)];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_safe(&clean, text, (size_t)-1);
	len = MIN(clean.len, sizeof(t->message) - 1);
	/* Not through the middle of a character. */
	while (len && len < clean.len && (clean.s[len] & 0xc0) == 0x80)
		len--;
	if (len)
		memcpy(t->message, clean.s, len);
	t->message[len] = '\0';
	t->tone = tone;
}

bool top_may_change(struct top *t)
{
	if (!t->readonly)
		return true;
	top_say(t, TOP_WARN, "nothing can be changed: this is not the running system");
	return false;
}
