// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmdline.c - a command line as people read it (pure).
 */
#include "libksm/libksm.h"

#include <string.h>

size_t ksm_cmdline_join(char *line, size_t len)
{
	while (len && !line[len - 1])
		len--;
	for (size_t i = 0; i < len; i++)
		if (!line[i])
			line[i] = ' ';
	line[len] = '\0';
	return len;
}

size_t ksm_cmdline_show(char *line, size_t len)
{
	static const char more[] = "...";

	len = ksm_cmdline_join(line, len);
	if (len <= KSM_CMDLINE_SHOWN)
		return len;
	len = KSM_CMDLINE_SHOWN - strlen(more);
	/* Not through the middle of a character. */
	while (len && ((unsigned char)line[len] & 0xc0) == 0x80)
		len--;
	memcpy(line + len, more, sizeof(more));
	return len + strlen(more);
}
