// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rights.c - what to be granted, where the kernel says no.
 *
 * Root is no answer for one who is root already: in a container without the
 * capability that is asked for, or of a user namespace whose capabilities do not
 * count there.  Each row names what the kernel's own check asks for.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libksm/sys.h"

#define CAP(name) (UINT64_C(1) << (name))

static const struct {
	uint64_t caps;
	const char *names;
	bool initial;		/* only the capabilities of the initial user namespace count */
	const char *why;	/* or NULL */
} rights[] = {
	/* Files of mode 0644 of the initial namespace's root; no attribute asks for more. */
	[KSM_RIGHT_SETTINGS] = { CAP(CAP_DAC_OVERRIDE), "CAP_DAC_OVERRIDE", true, NULL },
	/* Files of mode 0400 (fs/proc/base.c, ksm_stat). */
	[KSM_RIGHT_FIGURES] = { CAP(CAP_DAC_READ_SEARCH), "CAP_DAC_READ_SEARCH", false, NULL },
	/* proc_pid_permission() comes first then. */
	[KSM_RIGHT_HIDDEN] = { CAP(CAP_SYS_PTRACE) | CAP(CAP_DAC_READ_SEARCH),
			       "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH", false,
			       "/proc is mounted with hidepid: " },
	/* Anybody may open smaps; PTRACE_MODE_READ is asked for then (6.16: or CAP_PERFMON). */
	[KSM_RIGHT_MAPPINGS] = { CAP(CAP_SYS_PTRACE), "CAP_SYS_PTRACE", false, NULL },
	/* pagemap, of mode 0400, and mem, of mode 0600, of which nothing is but read. */
	[KSM_RIGHT_MEMORY] = { CAP(CAP_SYS_PTRACE) | CAP(CAP_DAC_READ_SEARCH),
			       "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH", false, NULL },
	/* pagemap_open() of fs/proc/task_mmu.c. */
	[KSM_RIGHT_FRAMES] = { CAP(CAP_SYS_ADMIN), "CAP_SYS_ADMIN", true, NULL },
	/* drivers/connector/cn_proc.c, before 6.6. */
	[KSM_RIGHT_EVENTS] = { CAP(CAP_NET_ADMIN), "CAP_NET_ADMIN", true, NULL },
};

/* Inodes of the initial namespaces (USER_NS_INIT_INO, PID_NS_INIT_INO of linux/nsfs.h). */
#define INITIAL_USERNS 0xeffffffdU
#define INITIAL_PIDNS  0xeffffffcU

static bool in_namespace(struct ksm *k, const char *file, uint64_t want)
{
	uint64_t inode;

	/* Without that file, there are no such namespaces. */
	return ksm_path_inode(k, file, &inode) || inode == want;
}

bool ksm_initial_userns(struct ksm *k)
{
	return in_namespace(k, "self/ns/user", INITIAL_USERNS);
}

bool ksm_initial_pidns(struct ksm *k)
{
	return in_namespace(k, "self/ns/pid", INITIAL_PIDNS);
}

void ksm_right_text(enum ksm_right right, const struct ksm_standing *as, struct str *out)
{
	const uint64_t caps = rights[right].caps;

	str_reset(out);
	str_add(out, rights[right].why ? rights[right].why : "");
	if (!as->initial_userns)
		str_addf(out, "needs %s in the %s", rights[right].names,
			 rights[right].initial ? "initial user namespace" :
						 "user namespace of that process");
	else if ((as->caps & caps) == caps)
		str_addf(out, "in spite of %s, so a security module or a filter forbids it",
			 rights[right].names);
	else if (as->root)
		str_addf(out, "needs %s, which this root has not", rights[right].names);
	else
		str_addf(out, "needs root, or %s", rights[right].names);
}

enum ksm_right ksm_right_of(enum ksm_right right, int rc)
{
	return rc == -EPERM ? KSM_RIGHT_HIDDEN : right;
}

const char *ksm_right_hint(struct ksm *k, enum ksm_right right)
{
	/* The files of a dump are anybody's. */
	struct ksm_standing as = { .initial_userns = true };

	if (k->live) {
		as.initial_userns = ksm_initial_userns(k);
		as.root = !geteuid();
		as.caps = sys_caps();
	}
	ksm_right_text(right, &as, &k->right_text);
	return str_get(&k->right_text);
}
