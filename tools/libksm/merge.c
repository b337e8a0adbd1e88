// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * merge.c - what this kernel can do, and switching merging on for oneself.
 *
 * Abilities are found by asking the kernel; only the survival of the prctl
 * over exec has to be told from its version.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

#include "libksm/sys.h"

static bool exists(struct ksm *k, const char *rel)
{
	int fd __cleanup_fd = ksm_path_open(k, O_PATH, "%s", rel);

	return fd >= 0;
}

/*
 * A kernel that lacks the prctl says EINVAL, as it does to any that it does not know.
 * Filters say whatever they like, and may tell setting from asking.
 */
static void probe_prctl(struct ksm *k, struct ksm_caps *out)
{
	const bool is_new = ksm_kernel_version(k) >= 604;
	const int now = sys_memory_merge_get();
	/* What is set already, so that it changes nothing. */
	const int rc = now < 0 ? now : sys_memory_merge_set(now);
	struct ksm_proc_status st;
	bool filtered;

	out->prctl = rc >= 0;
	if (out->prctl)
		return;
	filtered = !ksm_proc_status_read(k, getpid(), &st) && st.seccomp == SECCOMP_MODE_FILTER;
	if (now == -EINVAL && !(filtered && out->ksm && is_new))
		return;
	out->prctl = now >= 0 || is_new;
	out->prctl_refused = rc;
	out->prctl_filtered = filtered;
}

const char *ksm_caps_no_prctl(const struct ksm_caps *caps)
{
	if (!caps->prctl || !caps->prctl_refused)
		return "this kernel has no PR_SET_MEMORY_MERGE (Linux 6.4)";
	return caps->prctl_filtered ? "a seccomp filter refuses prctl(PR_SET_MEMORY_MERGE)" :
				      "prctl(PR_SET_MEMORY_MERGE) is refused";
}

int ksm_caps_read(struct ksm *k, struct ksm_caps *out)
{
	const unsigned int version = ksm_kernel_version(k);

	memset(out, 0, sizeof(*out));
	out->ksm = k->present != KSM_ABSENT;
	if (k->live) {
		probe_prctl(k, out);
		out->ksm_stat = exists(k, "proc/self/ksm_stat");
	} else {
		out->prctl = out->ksm && version >= 604;
		out->ksm_stat = out->ksm && version >= 601;
	}
	/* MMF_VM_MERGE_ANY joined MMF_INIT_MASK in 6.7 (include/linux/sched/coredump.h). */
	out->prctl_exec = out->prctl && version >= 607;
	/*
	 * Until "mm/ksm: fix ksm exec support for prctl" the flag was inherited, but
	 * the new mm had no mm_slot, so that ksmd never came by, and setting the flag
	 * again did nothing.  6.8.12 and 6.9.3 have the fix too: not told apart here,
	 * since what is done about it does no harm there.
	 */
	out->prctl_heirs = out->prctl && version >= 610;
	/*
	 * ksmd cleared the flag of an mm in which it found nothing mergeable yet;
	 * "mm/ksm: fix exec/fork inheritance support for prctl" is in 6.19, and in the
	 * stable series that were then alive: 6.18.3, 6.12.66 (at the latest).
	 */
	out->prctl_sure = out->prctl &&
			  (version >= 619 || (version == 618 && ksm_kernel_patch(k) >= 3) ||
			   (version == 612 && ksm_kernel_patch(k) >= 66));
	out->hksm = out->ksm && exists(k, "sys/kernel/mm/ksm/hksm");
	return 0;
}

int ksm_self_enable(bool on)
{
	int rc = sys_memory_merge_set(on);

	return rc == -EINVAL ? -EOPNOTSUPP : rc;
}

int ksm_self_enabled(void)
{
	int rc = sys_memory_merge_get();

	return rc == -EINVAL ? -EOPNOTSUPP : rc;
}
