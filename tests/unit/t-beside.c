// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-beside.c - whether a unit's file asks for merging, from its text.
 */
#include "ksmctl/ksmctl.h"
#include "tap.h"

static void unit_files(void)
{
	static const struct {
		const char *text;
		bool asks;
	} rows[] = {
		{ "", false },
		{ "MemoryKSM=yes", true },
		{ "[Service]\nMemoryKSM=yes\n", true },
		{ "MemoryKSM=no\n", false },
		{ "MemoryKSM=\n", false },
		{ "MemoryKSM", false },
		{ "MemoryKSM=", false },
		/* systemd takes all of these */
		{ "MemoryKSM=1\n", true },
		{ "MemoryKSM=true\n", true },
		{ "MemoryKSM=on\n", true },
		{ "  MemoryKSM  =  yes  \n", true },
		{ "MemoryKSM=yes\r\n", true },
		{ "MemoryKSM=0\n", false },
		{ "MemoryKSM=yesterday\n", false },
		/* the last one counts */
		{ "MemoryKSM=yes\nMemoryKSM=no\n", false },
		{ "MemoryKSM=no\nMemoryKSM=yes\n", true },
		/* comments and others */
		{ "#MemoryKSM=yes\n; MemoryKSM=yes\n", false },
		{ "XMemoryKSM=yes\nMemoryKSMX=yes\nMemory=yes\n", false },
		{ "Description=MemoryKSM=yes\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].text);
		CHECK_INT(ctl_unit_asks(rows[i].text), rows[i].asks);
	}
}

/* Each says what can be seen and how to find out more. */
static void texts(void)
{
	for (enum ctl_beside_id id = 0; id < __CTL_BESIDE_N; id++) {
		const struct ctl_beside *b = ctl_beside_row(id);

		CHECK(*b->comm && *b->text && *b->command);
		/* TASK_COMM_LEN: a longer name would never be found. */
		CHECK(strlen(b->comm) <= 15);
	}
}

TAP_MAIN(TAP_CASE(unit_files), TAP_CASE(texts))
