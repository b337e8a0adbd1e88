// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tell.c - a sentence to people, whoever has something to say.
 */
#include <stdarg.h>
#include <stdio.h>

#include "ksm-autotune/daemon.h"

void tune_tell(const struct tune *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->tell)
		t->tell(text, t->arg);
}
