// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup.c - what a control group says of itself.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define DEPTH_MAX 64	/* a deeper one is looked at so far up */

/*
 * Version 2 alone; and where there is version 1, the hierarchies of which
 * ksm_proc_cgroup() may tell the path.
 */
static const char *const mounts[] = { "", "/unified", "/memory", "/systemd" };

static bool has_mark(struct ksm *k, const char *path, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		int fd __cleanup_fd = ksm_path_open(k, O_RDONLY | O_DIRECTORY,
						    "sys/fs/cgroup%s%.*s", mounts[i], (int)len,
						    path);

		if (fd >= 0 && fgetxattr(fd, KSM_CGROUP_AVOID, NULL, 0) >= 0)
			return true;
	}
	return false;
}

bool ksm_cgroup_avoids(struct ksm *k, const char *cgroup)
{
	size_t len = strlen(cgroup);

	for (int i = 0; i < DEPTH_MAX && len; i++) {
		if (has_mark(k, cgroup, len))
			return true;
		while (len && cgroup[--len] != '/')
			;
	}
	return false;
}
