// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * steps.c - a test looks on before each step of an injection; see steps.h.
 */
#include "steps.h"

#include "libksm/sys.h"

long __real_sys_ptrace(enum sys_ptrace_request req, pid_t tid, unsigned long addr, void *data);
long __wrap_sys_ptrace(enum sys_ptrace_request req, pid_t tid, unsigned long addr, void *data);
long __wrap_sys_ptrace(enum sys_ptrace_request req, pid_t tid, unsigned long addr, void *data)
{
	before_step(req, data);
	return __real_sys_ptrace(req, tid, addr, data);
}

ssize_t __real_sys_vm_writev(pid_t pid, const struct iovec *local, size_t n_local,
			     const struct iovec *remote, size_t n_remote);
ssize_t __wrap_sys_vm_writev(pid_t pid, const struct iovec *local, size_t n_local,
			     const struct iovec *remote, size_t n_remote);
ssize_t __wrap_sys_vm_writev(pid_t pid, const struct iovec *local, size_t n_local,
			     const struct iovec *remote, size_t n_remote)
{
	before_step(STEP_WRITE, NULL);
	return __real_sys_vm_writev(pid, local, n_local, remote, n_remote);
}
