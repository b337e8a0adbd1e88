// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - the one table of the files that are read, beside the attributes of KSM,
 * which have a table of their own (attrs.c).
 *
 * Who reads a file names its row, and what makes a dump goes through the rows: a file
 * that is read and is not in a dump cannot be.  Files that only the running system has
 * (memory, page maps, threads) are not here.  Nothing is opened here: path.c.
 */
#include "libksm/internal.h"

#include <stdio.h>

#include "libksm/tuner.h"

#define MIB (1U << 20)

/*
 * How much of a file is read: what a process can make long costs its readers no more
 * than that.  PR_SET_MM_MAP lets any user present a command line of gigabytes, which
 * children share without owning a page of it.
 */
static const struct ksm_file_info files[__KSM_FILE_N] = {
	/* No kernel file that is read whole comes near; a dump's file may be anything. */
	[KSM_FILE_ANY] = { NULL, KSM_IN_ROOT, KSM_KEEP_NONE, 64 * MIB, false },

	/* Page size and clock of a dump; dump.c writes it, and no kernel has it. */
	[KSM_FILE_META] = { "meta", KSM_IN_ROOT, KSM_KEEP_NONE, MIB, false },
	[KSM_FILE_VMSTAT] = { "vmstat", KSM_IN_PROC, KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_MEMINFO] = { "meminfo", KSM_IN_PROC, KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_UPTIME] = { "uptime", KSM_IN_PROC, KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_PRESSURE] = { "pressure/memory", KSM_IN_PROC, KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_BOOT_ID] = { "sys/kernel/random/boot_id", KSM_IN_PROC, KSM_KEEP_ALL, MIB,
			       false },
	[KSM_FILE_THP] = { "sys/kernel/mm/transparent_hugepage/enabled", KSM_IN_ROOT,
			   KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_PTES_NONE] = { "sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none",
				 KSM_IN_ROOT, KSM_KEEP_ALL, MIB, false },
	/* A vendor's, and another engine's: not in the table of attributes. */
	[KSM_FILE_ONLY_ZERO] = { "sys/kernel/mm/ksm/redhat_only_zero_pages", KSM_IN_ROOT,
				 KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_UKSM_RUN] = { "sys/kernel/mm/uksm/run", KSM_IN_ROOT, KSM_KEEP_ALL, MIB, false },
	[KSM_FILE_PATCH] = { "sys/kernel/livepatch/hksm/enabled", KSM_IN_ROOT, KSM_KEEP_ALL, MIB,
			     false },
	[KSM_FILE_TRANSITION] = { "sys/kernel/livepatch/hksm/transition", KSM_IN_ROOT,
				  KSM_KEEP_ALL, MIB, false },
	/* 64 rules of some 200 bytes, and a hundred lines of later versions. */
	[KSM_FILE_NOTE] = { KSM_TUNER_BELOW "/" KSM_TUNER_FILE, KSM_IN_ROOT, KSM_KEEP_NOTE,
			    64U << 10, false },
	/* 4096 processes of some 500 bytes at most. */
	[KSM_FILE_TOLD] = { KSM_TUNER_BELOW "/" KSM_TUNER_TOLD, KSM_IN_ROOT, KSM_KEEP_NOTE,
			    4 * MIB, false },

	/* A kubelet has some hundred pods, with names of at most NAME_MAX. */
	[KSM_FILE_PODS] = { "var/log/pods", KSM_IN_ROOT, KSM_KEEP_NAMES, MIB, true },

	[KSM_FILE_STAT] = { "stat", KSM_IN_PROCESS, KSM_KEEP_STAT, MIB, false },
	/* NGROUPS_MAX is 65536, and a number has ten digits. */
	[KSM_FILE_STATUS] = { "status", KSM_IN_PROCESS, KSM_KEEP_STATUS, 2 * MIB, false },
	[KSM_FILE_KSM_STAT] = { "ksm_stat", KSM_IN_PROCESS, KSM_KEEP_PROC, MIB, false },
	[KSM_FILE_MERGING] = { "ksm_merging_pages", KSM_IN_PROCESS, KSM_KEEP_PROC, MIB, false },
	/* A line of at most PATH_MAX for each of some fifteen hierarchies, escaped. */
	[KSM_FILE_CGROUP] = { "cgroup", KSM_IN_PROCESS, KSM_KEEP_CGROUP, 256U << 10, false },
	/* The longest argument that exec takes (MAX_ARG_STRLEN). */
	[KSM_FILE_CMDLINE] = { "cmdline", KSM_IN_PROCESS, KSM_KEEP_CMDLINE, KSM_CMDLINE_MAX,
			       true },
	/* Readers take it as a stream; 65530 mappings of some 700 bytes, and their names. */
	[KSM_FILE_SMAPS] = { "smaps", KSM_IN_PROCESS, KSM_KEEP_SMAPS, 128 * MIB, false },
	[KSM_FILE_SCHEDSTAT] = { "schedstat", KSM_IN_PROCESS, KSM_KEEP_KTHREAD, MIB, false },
	/* Addresses that are random to keep a process safe. */
	[KSM_FILE_AUXV] = { "auxv", KSM_IN_PROCESS, KSM_KEEP_NONE, MIB, false },
	[KSM_FILE_PATCH_STATE] = { "patch_state", KSM_IN_PROCESS, KSM_KEEP_PROC, MIB, false },
};

const struct ksm_file_info *ksm_file_info(enum ksm_file file)
{
	return &files[file];
}

const char *ksm_file_name(enum ksm_file file, pid_t pid, char out[KSM_FILE_NAME_MAX])
{
	const struct ksm_file_info *in = &files[file];

	if (in->where == KSM_IN_PROCESS)
		snprintf(out, KSM_FILE_NAME_MAX, "%d/%s", (int)pid, in->name);
	else
		snprintf(out, KSM_FILE_NAME_MAX, "%s", in->name);
	return out;
}

const char *ksm_file_path(enum ksm_file file, pid_t pid, char out[KSM_FILE_NAME_MAX])
{
	const struct ksm_file_info *in = &files[file];

	if (in->where == KSM_IN_PROCESS)
		snprintf(out, KSM_FILE_NAME_MAX, "proc/%d/%s", (int)pid, in->name);
	else
		snprintf(out, KSM_FILE_NAME_MAX, "%s%s", in->where == KSM_IN_PROC ? "proc/" : "",
			 in->name);
	return out;
}
