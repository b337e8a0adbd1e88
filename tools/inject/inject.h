/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject.h - run system calls inside another process and leave it as before.
 *
 * The kernel lets a process change its own KSM setting only: there is no
 * remote prctl, and process_madvise(2) does not take MADV_MERGEABLE (6.12
 * mm/madvise.c process_madvise_remote_valid(), and 7.3).  So a thread of the
 * target is made to issue the call, under ptrace.
 *
 * What holds, whatever happens to the caller (SIGKILL at any instant included):
 * the target keeps its registers, signal mask, pending signals, interrupted
 * system call and memory; it is never left stopped, traced or half way.  One
 * moment is left out, of calls that its seccomp filter forbids: inject-trace.c,
 * "Seccomp filters", which also tells how.  One thread is stopped for tens of microseconds a call,
 * the other threads not at all.
 */
#ifndef KSM_INJECT_H
#define KSM_INJECT_H

#include "libksm/libksm.h"

/* Why nothing was done, or not all of it.  The -errno that goes with each is in brackets. */
enum ksm_inject_why {
	KSM_INJECT_FINE,
	KSM_INJECT_REFUSED,	/* the call was made and the kernel refused it [its own] */
	KSM_INJECT_NO_CALL,	/* this kernel has no such call: before 6.4 [EOPNOTSUPP] */
	KSM_INJECT_DUMP,	/* the handle is a dump, not a running system [EOPNOTSUPP] */
	KSM_INJECT_ARCH,	/* this machine type is not supported [EOPNOTSUPP] */
	KSM_INJECT_SELF,	/* that is the calling process; use ksm_self_enable() [EINVAL] */
	KSM_INJECT_GONE,	/* no such process [ESRCH] */
	KSM_INJECT_ZOMBIE,	/* it has ended and waits for its parent [ESRCH] */
	KSM_INJECT_KTHREAD,	/* a kernel thread has no memory to merge [EINVAL] */
	KSM_INJECT_DENIED,	/* no permission to trace it [EPERM] */
	KSM_INJECT_YAMA,	/* the same, and kernel.yama.ptrace_scope is above 0 [EPERM] */
	KSM_INJECT_UNDUMPABLE,	/* it is ours, but lets nobody look into it [EPERM] */
	KSM_INJECT_TRACES_US,	/* it traces the calling process, or its tracer [EBUSY] */
	KSM_INJECT_SHARED,	/* process .sharer runs in the same memory [EBUSY] */
	KSM_INJECT_TRACED,	/* already traced, by .tracer [EBUSY] */
	KSM_INJECT_STATUS,	/* its status lacks a line that decides [EPROTO] */
	KSM_INJECT_ENDED,	/* it was there, and ended while it was looked at [ESRCH] */
	KSM_INJECT_OTHER,	/* it has ended, and its number was given to another [ESRCH] */
	KSM_INJECT_CHANGED,	/* it no longer is what it was selected for [ESRCH] */
	KSM_INJECT_KILLED,	/* its seccomp filter killed it for the call [EIO] */
	KSM_INJECT_SECCOMP,	/* a seccomp filter that we may not read [EACCES] */
	KSM_INJECT_SECCOMP_OLD,	/* a seccomp filter that this kernel does not show [EOPNOTSUPP] */
	KSM_INJECT_SECCOMP_LONG,/* more seccomp filters than are looked at [EOPNOTSUPP] */
	KSM_INJECT_SECCOMP_BACK,/* a seccomp filter forbids rt_sigreturn [EACCES] */
	KSM_INJECT_SECCOMP_CALL,/* a seccomp filter forbids the call [EACCES] */
	KSM_INJECT_DISPATCH,	/* system calls are redirected to a handler (Wine) [EACCES] */
	KSM_INJECT_COMPAT,	/* a 32-bit process [EOPNOTSUPP] */
	KSM_INJECT_SHSTK,	/* it runs with a hardware shadow stack [EOPNOTSUPP] */
	KSM_INJECT_NO_CODE,	/* no system call instruction found to borrow [EOPNOTSUPP] */
	KSM_INJECT_NO_RETURN,	/* no rt_sigreturn found to borrow [EOPNOTSUPP] */
	KSM_INJECT_UNREAD,	/* neither, but not all could be read without waiting [EOPNOTSUPP] */
	KSM_INJECT_HANGS,	/* reading its files or memory does not end [ETIMEDOUT] */
	KSM_INJECT_NO_ROOM,	/* no dead memory found for the safety frame [EOPNOTSUPP] */
	KSM_INJECT_BUSY,	/* every thread sleeps uninterruptibly, .state D [EBUSY] */
	KSM_INJECT_FROZEN,	/* stops, but does not run: a frozen cgroup [EBUSY] */
	KSM_INJECT_UNSETTLED,	/* a moment to do it never came (exec, signals); try again [EAGAIN] */
	KSM_INJECT_SLOW,	/* the call still runs in the target, which restores itself [ETIMEDOUT] */
	KSM_INJECT_FAILED,	/* anything else [the errno says what] */
	__KSM_INJECT_N
};

/* The reason for people: "it has a seccomp filter, which might kill it for the call".  Never NULL. */
const char *ksm_inject_why_text(enum ksm_inject_why why);

/* How an injection went; filled on success and failure alike. */
struct ksm_inject_info {
	enum ksm_inject_why why;
	pid_t tid;		/* the thread that was used; 0: none was touched */
	pid_t tracer;		/* KSM_INJECT_TRACED: process that traces it */
	pid_t sharer;		/* KSM_INJECT_SHARED */
	char state;		/* state letter of that thread beforehand */
	unsigned int stops;	/* how many times a thread was taken hold of */
	uint64_t stop_ns;	/* longest time from asking it to stop to letting it go */
	bool suspended;		/* seccomp filters were, for calls that they do not allow */
	uint64_t cpu_ns;	/* most CPU time that the calls of one stop took; see .timed */
};

/* Whom: a process, not a number, and what must still be so of it. */
struct ksm_whom {
	struct ksm_ident id;
	/*
	 * What it was selected for, by its user, command line or cgroup: asked for
	 * again right before it is stopped.  NULL: by nothing.  The texts in it must
	 * live as long as the program does: who asks may have to be left behind.
	 */
	const struct ksm_select *sel;
};

/* A child that has not been waited for: its number is its own. */
#define KSM_CHILD(p) (&(const struct ksm_whom){ .id = { .pid = (p), .start_ticks = KSM_START_ANY } })

struct ksm_inject_call {
	long nr;		/* number on this architecture: SYS_prctl */
	unsigned long args[6];
	bool done;		/* out: it was made */
	long result;		/* out, if done: as the kernel returns it, -errno or a value */
	uint64_t cpu_ns;	/* out, if done and timed: what it took of the target's CPU time */
};

/* What is known of a process, from one run to the next; see ksm_inject_run(). */
struct ksm_inject_kept;
/* NULL is fine. */
void ksm_inject_kept_free(struct ksm_inject_kept *kept);

struct ksm_inject_limits {
	unsigned int read_ms;	/* give up when looking at it takes longer; 0: 10000 */
	unsigned int stop_ms;	/* give up a thread that does not stop; 0: 1000 */
	unsigned int call_ms;	/* stop watching a call that does not return; 0: wait for it */
	unsigned int hold_us;	/* begin no further call after that; 0: no limit */
	/*
	 * Measure each call: by the thread's own CPU time, which other load leaves
	 * alone, or by the clock on a kernel without /proc/PID/schedstat.
	 */
	bool timed;
	/*
	 * For many runs in a row on one process: NULL at first, to be freed in the
	 * end.  What takes time to find out is then found out once a second.
	 */
	struct ksm_inject_kept **kept;
};

/**
 * ksm_inject_seccomp() - could we do it in spite of the seccomp mode of a process?
 * @mode: .seccomp of struct ksm_proc_status
 *
 * A filter is read, and suspended for a call that it does not allow; both take
 * CAP_SYS_ADMIN of the first user namespace, and that we have no filter ourselves.
 * What a filter has to say is known on the stopped thread only, so that one that
 * forbids rt_sigreturn is still refused then.
 *
 * Return: KSM_INJECT_FINE; KSM_INJECT_SECCOMP.
 */
enum ksm_inject_why ksm_inject_seccomp(struct ksm *k, int mode);

/**
 * ksm_inject_run() - make system calls in another process
 * @k: handle of the running system
 * @whom: the process; any of its threads may be chosen, the main one is preferred.
 *	That it is still this one, and still what it was selected for, is looked at
 *	before one is stopped, and once more on the stopped thread.
 * @calls: made in this order by one thread in one stop; a call that fails ends
 *	the row.  Only calls that neither block for long nor touch registers,
 *	signals or the stack: prctl, madvise and their like.
 * @n: how many
 * @limits: NULL for none but the defaults
 * @info: how it went; may be NULL
 *
 * Runs a helper thread for as long as it lasts.  While it runs, the calling
 * process may get SIGCHLD for stops of the target, and no other thread may
 * wait for any child (waitpid(-1)): it would steal those stops.
 *
 * Needs permission to trace (ptrace(2), "PTRACE_MODE_ATTACH_REALCREDS"), and
 * Linux 3.11.
 *
 * Return: 0 when all calls, or all up to one that failed or up to
 * limits->hold_us, were made: look at .done and .result; else -errno as
 * enum ksm_inject_why has it, and @calls not done were not made.
 * After KSM_INJECT_SLOW the call begun last may still take effect.
 */
int ksm_inject_run(struct ksm *k, const struct ksm_whom *whom, struct ksm_inject_call *calls,
		   size_t n, const struct ksm_inject_limits *limits, struct ksm_inject_info *info);

/**
 * ksm_inject_check() - would ksm_inject_run() be refused, and why?
 *
 * The same way as far as it goes without stopping anybody.  What shows on the
 * stopped thread only remains: system calls that it redirects, and whatever
 * changes until then.
 * Return: 0; -errno with the reason in @info.
 */
int ksm_inject_check(struct ksm *k, const struct ksm_whom *whom, struct ksm_inject_info *info);

/**
 * ksm_inject_merge_set() - prctl(PR_SET_MEMORY_MERGE) in another process
 *
 * Does not read the setting back: each call made in the stopped thread costs it two
 * more stops, and a filter that could answer in the kernel's place is known
 * beforehand (seccomp.c).  Switching off breaks all sharing of
 * the process before it returns, for as long as that takes.
 * Return: 0; -EOPNOTSUPP with KSM_INJECT_NO_CALL before Linux 6.4; -errno.
 */
int ksm_inject_merge_set(struct ksm *k, const struct ksm_whom *whom, bool on,
			 struct ksm_inject_info *info);

/**
 * ksm_inject_merge_get() - prctl(PR_GET_MEMORY_MERGE) in another process
 *
 * Kernels from 7.3 on tell it in /proc/PID/ksm_stat; prefer ksm_proc_member(),
 * which stops nobody.
 * Return: 0 or 1; -EOPNOTSUPP with KSM_INJECT_NO_CALL before Linux 6.4; -errno.
 */
int ksm_inject_merge_get(struct ksm *k, const struct ksm_whom *whom,
			 struct ksm_inject_info *info);

#endif /* KSM_INJECT_H */
