// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ptrace.c - one traced thread: letting it go on, and its memory; see ptrace.h.
 */
#include "inject/ptrace.h"

#include <errno.h>

int ptrace_resume(pid_t tid, enum sys_ptrace_request req, int sig)
{
	return sys_ptrace(req, tid, 0, (void *)(uintptr_t)sig);
}

int ptrace_read(pid_t tid, uint64_t at, void *buf, size_t len)
{
	struct iovec local = { buf, len };
	struct iovec remote = { (void *)(uintptr_t)at, len };
	ssize_t n = sys_vm_readv(tid, &local, 1, &remote, 1);

	if (n < 0)
		return n;
	return (size_t)n == len ? 0 : -EFAULT;
}

int ptrace_write(pid_t tid, uint64_t at, const void *buf, size_t len)
{
	struct iovec local = { (void *)(uintptr_t)buf, len };
	struct iovec remote = { (void *)(uintptr_t)at, len };
	ssize_t n = sys_vm_writev(tid, &local, 1, &remote, 1);

	if (n < 0)
		return n;
	return (size_t)n == len ? 0 : -EFAULT;
}
