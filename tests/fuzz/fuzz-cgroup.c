// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-cgroup.c - /proc/PID/cgroup: the answer is a path out of one line.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/libksm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = NULL;
	int rc = ksm_proc_cgroup_parse((const char *)data, size, &path);

	MUST(rc == -EPROTO || rc == 0);
	MUST((rc == 0) == (path != NULL));
	if (path) {
		MUST(*path == '/');
		MUST(!strchr(path, '\n'));
		MUST(memmem(data, size, path, strlen(path)));
	}
	free(path);
	return 0;
}
