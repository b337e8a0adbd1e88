// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-pidstat.c - /proc/PID/stat: whatever the process is called, the name is
 * a string that fits, and the fields behind it do not shift.
 */
#include "fuzz.h"

#include <ctype.h>
#include <errno.h>

#include "libksm/libksm.h"

/* The input as a name in front of known fields must give these fields. */
static void check_name(const uint8_t *data, size_t size)
{
	static const char rest[] =
		") S 7 5 5 0 -1 2097152 0 0 0 0 50 60 0 0 20 0 6 0 7107 4096 240 1\n";
	size_t len = 3 + size + sizeof(rest) - 1;
	struct ksm_proc p = { 0 };
	char *text = malloc(len);

	MUST(text);
	memcpy(text, "5 (", 3);
	if (size)
		memcpy(text + 3, data, size);
	memcpy(text + 3 + size, rest, sizeof(rest) - 1);
	MUST(!ksm_proc_pidstat_parse(text, len, &p));
	MUST(p.state == 'S' && p.ppid == 7 && p.kthread && p.cpu_ticks == 110);
	MUST(p.start_ticks == 7107 && p.vsize_bytes == 4096 && p.rss_pages == 240);
	MUST(size >= sizeof(p.comm) || !size || !memcmp(p.comm, data, size));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ksm_proc p = { 0 };
	int rc = ksm_proc_pidstat_parse((const char *)data, size, &p);

	MUST(rc == 0 || rc == -EPROTO);
	MUST(memchr(p.comm, '\0', sizeof(p.comm)));
	MUST(rc || isalpha((unsigned char)p.state));
	check_name(data, size);
	return 0;
}
