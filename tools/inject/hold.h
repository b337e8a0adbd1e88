/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hold.h - hold a process at the end of its exec, before the new program runs.
 *
 * For callers that have that process' cooperation: it waits until it is held,
 * and then calls exec.  Unlike inject.h the process does not survive its
 * tracer: whoever wants a program to run only under a condition wants that.
 *
 * A traced exec does not change credentials unless the tracer has
 * CAP_SYS_PTRACE (execve(2)), so leave set-user-ID programs alone.
 */
#ifndef KSM_INJECT_HOLD_H
#define KSM_INJECT_HOLD_H

#include "inject/inject.h"

/* Trace @pid, which runs on until exec.  0; -EPERM when it is traced already, or not allowed. */
int ksm_hold_begin(pid_t pid);

/**
 * ksm_hold_exec() - wait until it has replaced its program
 *
 * Signals reach it meanwhile as ever.
 * Return: 0, and it is stopped; -ESRCH when it ended instead; -errno.
 */
int ksm_hold_exec(pid_t pid);

/* Make a system call in it; result in @call.  0 or -errno, -EOPNOTSUPP for a 32-bit program. */
int ksm_hold_call(struct ksm *k, pid_t pid, struct ksm_inject_call *call);

/* prctl(PR_SET_MEMORY_MERGE) in it, and read back.  0 or -errno. */
int ksm_hold_merge_set(struct ksm *k, pid_t pid);

/* Let it run. */
int ksm_hold_end(pid_t pid);

/* Make it exit with @status, having run nothing; killed if there is no other way (-errno then). */
int ksm_hold_quit(struct ksm *k, pid_t pid, int status);

#endif /* KSM_INJECT_HOLD_H */
