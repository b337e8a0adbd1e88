// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * engine.c - which engine merges, and hksm as a module: in, out, and how far.
 *
 * The module is a livepatch (kernel/module): tasks are changed over one by one, and
 * /sys/kernel/livepatch says when all are. Meanwhile /sys/kernel/mm/ksm is not there.
 */
#include "libksm/internal.h"

#include "libksm/sys.h"

/* "0" or "1" (Documentation/ABI/testing/sysfs-kernel-livepatch); -errno. */
static int flag(struct ksm *k, enum ksm_file file, pid_t pid)
{
	char buf[8], path[KSM_FILE_NAME_MAX];
	ssize_t n = ksm_path_read_small(k, k->rootfd, ksm_file_path(file, pid, path), buf,
					sizeof(buf));

	if (n < 0)
		return n;
	return n && buf[0] == '1';
}

void ksm_engine_read(struct ksm *k, struct ksm_engine *out)
{
	const int enabled = flag(k, KSM_FILE_PATCH, 0);
	const int moving = flag(k, KSM_FILE_TRANSITION, 0);
	struct ksm_caps caps;

	(void)ksm_caps_read(k, &caps);
	*out = (struct ksm_engine){ .name = caps.hksm ? "hksm" : "ksm" };
	ksm_kernel_release(k, out->release);
	if (enabled < 0)
		return;
	out->module = moving <= 0 ? enabled ? KSM_MODULE_IN : KSM_MODULE_OUT :
		      enabled ? KSM_MODULE_COMES : KSM_MODULE_GOES;
}

int ksm_engine_insert(int fd)
{
	return sys_finit_module(fd);
}

int ksm_engine_switch(struct ksm *k, bool on)
{
	char path[KSM_FILE_NAME_MAX];

	return ksm_path_write_at(k, k->rootfd, ksm_file_path(KSM_FILE_PATCH, 0, path),
				 on ? "1" : "0");
}

int ksm_engine_remove(void)
{
	return sys_delete_module("hksm");
}

int ksm_engine_awaited(struct ksm *k, bool on, pid_t *pid)
{
	struct ksm_procs *it;
	int rc = ksm_procs_open(k, &it);

	if (rc)
		return rc;
	/* "-1" where no change is going on. */
	while ((rc = ksm_procs_next(it, pid)) > 0)
		if (flag(k, KSM_FILE_PATCH_STATE, *pid) == !on)
			break;
	ksm_procs_close(it);
	return rc;
}
