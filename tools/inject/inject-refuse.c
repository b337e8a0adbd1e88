// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-refuse.c - reasons not to touch a process that show from outside.
 *
 * Reads what /proc and the control groups say and stops nobody.  What only the
 * target's own memory tells is found by inject-find.c and inject-code.c.
 */
#include "inject/inject-arch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libksm/internal.h"
#include "libksm/parse.h"
#include "libksm/sys.h"
#include "util/num.h"

/* Tracers of tracers: more than anybody has, so that what changes meanwhile makes no circle. */
#define TRACERS_MAX 32
/* How long a process that shares its memory with nobody is taken to be so. */
#define ALONE_NS 50000000ULL

static int refuse(struct ksm_inject_info *info, enum ksm_inject_why why, int rc)
{
	info->why = why;
	return rc;
}

/* /proc shows the thread that traces; people know its process. */
pid_t inject_tracer_of(struct ksm *k, pid_t tid)
{
	struct ksm_proc_status st;

	if (ksm_proc_status_read(k, tid, &st) || st.tracer <= 0)
		return 0;
	tid = st.tracer;
	return ksm_proc_status_read(k, tid, &st) ? tid : st.tgid;
}

/* Ours, and yet not for us: its files then belong to root (fs/proc/base.c task_dump_owner()). */
static bool is_undumpable(struct ksm *k, pid_t tid, uid_t uid)
{
	int fd __cleanup_fd = ksm_path_open(k, O_PATH, "proc/%d/auxv", tid);
	struct stat st;

	return uid == geteuid() && fd >= 0 && !fstat(fd, &st) && st.st_uid != uid;
}

/* EPERM has many reasons, also that the thread has just ended; find the one that helps. */
static enum ksm_inject_why why_denied(struct ksm *k, pid_t tid, struct ksm_inject_info *info)
{
	struct ksm_proc_status st;
	char scope[16];

	if (ksm_proc_status_read(k, tid, &st) || st.state == 'Z' || st.state == 'X')
		return KSM_INJECT_GONE;
	info->tracer = inject_tracer_of(k, tid);
	if (info->tracer)
		return KSM_INJECT_TRACED;
	if (is_undumpable(k, tid, st.uid[1]))
		return KSM_INJECT_UNDUMPABLE;
	if (ksm_path_read_small(k, k->procfd, "sys/kernel/yama/ptrace_scope", scope,
				sizeof(scope)) > 0 &&
	    scope[0] != '0' && geteuid() != 0)
		return KSM_INJECT_YAMA;
	return KSM_INJECT_DENIED;
}

/* On its way out, a process has no memory, so that its files are empty or cut short. */
bool inject_has_ended(struct ksm *k, pid_t pid, pid_t tid)
{
	char name[64], text[64];

	snprintf(name, sizeof(name), "%d/task/%d/statm", pid, tid);
	return ksm_path_read_small(k, k->procfd, name, text, sizeof(text)) < 0 ||
	       !strncmp(text, "0 ", 2);
}

int inject_refuse_denied(struct ksm *k, pid_t tid, struct ksm_inject_info *info)
{
	info->why = why_denied(k, tid, info);
	return info->why == KSM_INJECT_GONE   ? -ESRCH :
	       info->why == KSM_INJECT_TRACED ? -EBUSY :
						-EPERM;
}

/* Does @pid trace this thread of ours, or whoever traces its tracer, and so on? */
static bool traces(struct ksm *k, pid_t pid, pid_t tid)
{
	struct ksm_proc_status st;

	for (int i = 0; i < TRACERS_MAX; i++) {
		if (ksm_proc_status_read(k, tid, &st))
			return false;
		if (i && st.tgid == pid)
			return true;
		if (st.tracer <= 0)
			return false;
		tid = st.tracer;
	}
	return true;
}

/*
 * A tracer that stands still does not let its tracees go on, and one of them is
 * to let it go on: both would wait for ever.
 */
static bool traces_us(struct ksm *k, pid_t pid)
{
	DIR *dir __cleanup_dir = ksm_path_opendir(k, "proc/self/task");
	struct dirent *de;
	uint64_t tid;

	while (dir && (de = readdir(dir)))
		if (!num_u64(de->d_name, &tid) && traces(k, pid, (pid_t)tid))
			return true;
	return false;
}

/* ------------------------------------------------------------------ */
/* frozen								*/

/* Where hierarchies are mounted by everybody: cgroups(7), systemd's hybrid mode. */
static const char *const unified[] = { "sys/fs/cgroup", "sys/fs/cgroup/unified" };
static const char freezer[] = "sys/fs/cgroup/freezer";

/* What the file @name of a cgroup begins with; '\0' where there is none. */
static char cgroup_char(struct ksm *k, const char *mount, struct span path, const char *name)
{
	struct str file __cleanup_str = STR_INIT;
	char text[16];

	str_add(&file, mount);
	str_addmem(&file, path.s, path.len);
	str_addf(&file, "/%s", name);
	if (str_err(&file) || ksm_path_read_small(k, k->rootfd, str_get(&file), text,
						  sizeof(text)) <= 0)
		return '\0';
	return text[0];
}

/* Version 2 tells of each cgroup whether it was asked to; that holds for all below it. */
static bool is_frozen_v2(struct ksm *k, struct span path)
{
	for (size_t i = 0; i < ARRAY_SIZE(unified); i++) {
		for (struct span p = path; p.len > 1;) {
			if (cgroup_char(k, unified[i], p, "cgroup.freeze") == '1')
				return true;
			while (p.len && p.s[--p.len] != '/')
				;
		}
	}
	return false;
}

static bool is_frozen(struct ksm *k, pid_t pid)
{
	struct str text __cleanup_str = STR_INIT;
	struct span rest, line;

	if (ksm_path_read(k, &text, "proc/%d/cgroup", pid))
		return false;
	rest = (struct span){ text.s, text.len };
	while (span_line(&rest, &line)) {
		/* "0::/path" and "7:freezer:/path" */
		const char *c1 = memchr(line.s, ':', line.len), *end = line.s + line.len;
		const char *c2 = c1 ? memchr(c1 + 1, ':', (size_t)(end - c1 - 1)) : NULL;
		struct span path;

		if (!c2)
			continue;
		path = (struct span){ c2 + 1, (size_t)(end - c2 - 1) };
		if (c2 == c1 + 1 && is_frozen_v2(k, path))
			return true;
		/* FROZEN, FREEZING or THAWED; the cgroups above count. */
		if (memmem(c1, (size_t)(c2 - c1), "freezer", 7) &&
		    cgroup_char(k, freezer, path, "freezer.state") == 'F')
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ */
/* all together								*/

/* That comparison costs 2 us for each process there is: not at each of many stops in a row. */
static _Thread_local struct {
	pid_t pid, tid;
	uint64_t until_ns;
} alone;

pid_t inject_sharer(struct ksm *k, pid_t pid, pid_t tid)
{
	DIR *dir __cleanup_dir = NULL;
	struct dirent *de;
	uint64_t other;

	if (ksm_kernel_version(k) < 507)
		return 0;
	if (alone.pid == pid && alone.tid == tid && ksm_now_ns() < alone.until_ns)
		return 0;
	dir = ksm_path_opendir(k, "proc");
	while (dir && (de = readdir(dir))) {
		if (num_u64(de->d_name, &other) || other == (uint64_t)pid)
			continue;
		if (sys_same_memory(tid, (pid_t)other) == 1)
			return (pid_t)other;
	}
	alone.pid = pid;
	alone.tid = tid;
	alone.until_ns = ksm_now_ns() + ALONE_NS;
	return 0;
}

/*
 * The process as it is from here on, by the time of its start: also where the
 * caller named another thread of it, or did not care.
 */
static int pin(struct ksm *k, struct ksm_whom *whom, struct ksm_proc *p)
{
	struct ksm_proc_status st;
	int rc = ksm_proc_status_read(k, whom->id.pid, &st);

	if (!rc)
		rc = ksm_proc_read(k, st.tgid, 0, p);
	/* After the process, so that its thread has been one of it meanwhile. */
	if (!rc && st.tgid != whom->id.pid) {
		struct ksm_proc thread;

		rc = ksm_proc_read_same(k, &whom->id, 0, &thread);
		whom->id.start_ticks = p->start_ticks;
	}
	whom->id.pid = rc ? whom->id.pid : st.tgid;
	return rc;
}

int inject_refuse_process(struct ksm *k, struct ksm_whom *whom, struct ksm_inject_info *info)
{
	struct ksm_proc p;
	int rc;

	if (!inject_arch_supported)
		return refuse(info, KSM_INJECT_ARCH, -EOPNOTSUPP);
	if (!ksm_is_live(k))
		return refuse(info, KSM_INJECT_DUMP, -EOPNOTSUPP);
	if (whom->id.start_ticks == KSM_START_NONE)
		return refuse(info, KSM_INJECT_GONE, -ESRCH);
	rc = pin(k, whom, &p);
	if (rc)
		return refuse(info, rc == -ESRCH ? KSM_INJECT_GONE : KSM_INJECT_FAILED, rc);
	if (whom->id.start_ticks != KSM_START_ANY && whom->id.start_ticks != p.start_ticks)
		return refuse(info, KSM_INJECT_OTHER, -ESRCH);
	whom->id.start_ticks = p.start_ticks;
	if (whom->id.pid == getpid())
		return refuse(info, KSM_INJECT_SELF, -EINVAL);
	info->state = p.state;
	if (p.kthread)
		return refuse(info, KSM_INJECT_KTHREAD, -EINVAL);
	if (traces_us(k, whom->id.pid))
		return refuse(info, KSM_INJECT_TRACES_US, -EBUSY);
	if (is_frozen(k, whom->id.pid))
		return refuse(info, KSM_INJECT_FROZEN, -EBUSY);
	return 0;
}
