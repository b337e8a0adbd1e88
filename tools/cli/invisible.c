// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * invisible.c - code points that show nothing, or turn the direction of text:
 * Default_Ignorable_Code_Point and Bidi_Control of Unicode 15.0.0.
 *
 * Made by tests/lib/make-invisible; do not edit.
 */
#include "cli/internal.h"

const struct cli_range cli_invisible[] = {
	{ 0x00ad, 0x00ad },
	{ 0x034f, 0x034f },
	{ 0x061c, 0x061c },
	{ 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x200b, 0x200f },
	{ 0x202a, 0x202e },
	{ 0x2060, 0x206f },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfff8 },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

const size_t cli_n_invisible = ARRAY_SIZE(cli_invisible);
