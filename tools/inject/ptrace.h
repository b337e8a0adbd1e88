/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptrace.h - one traced thread: what its stops mean, letting it go on, its memory.
 *
 * What everybody who traces needs, and nothing else: who is traced, why, and
 * what to do when a step fails is decided by hold.c and inject-trace.c.
 */
#ifndef KSM_INJECT_PTRACE_H
#define KSM_INJECT_PTRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libksm/sys.h"

/* SYS_PTRACE_EVENT_* of a stop as sys_wait_tracee() tells it; 0: none. */
static inline int ptrace_event(int status)
{
	return status >> 8;
}

static inline int ptrace_signal(int status)
{
	return status & 0xff;
}

/* At the entry or the exit of a system call; needs SYS_PTRACE_O_TRACESYSGOOD. */
static inline bool ptrace_is_syscall(int status)
{
	return ptrace_signal(status) == (SIGTRAP | 0x80);
}

/* Let a stopped thread go on by @req (CONT, SYSCALL, LISTEN, DETACH) with @sig, 0: none. */
int ptrace_resume(pid_t tid, enum sys_ptrace_request req, int sig);

/* Memory of a process, all of @len bytes or -errno; needs no stop. */
int ptrace_read(pid_t tid, uint64_t at, void *buf, size_t len);
int ptrace_write(pid_t tid, uint64_t at, const void *buf, size_t len);

#endif /* KSM_INJECT_PTRACE_H */
