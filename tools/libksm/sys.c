// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys.c - thin wrappers around system calls; see sys.h.
 *
 * The only place in libksm that makes a raw system call.  Each function is one
 * call and the translation of errno: whatever needs a second thought belongs
 * to the caller.
 */
#include "libksm/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static long ret(long rc)
{
	return rc < 0 ? -errno : rc;
}

int sys_memory_merge_set(bool on)
{
	return ret(prctl(PR_SET_MEMORY_MERGE, (unsigned long)on, 0UL, 0UL, 0UL));
}

int sys_memory_merge_get(void)
{
	return ret(prctl(PR_GET_MEMORY_MERGE, 0UL, 0UL, 0UL, 0UL));
}

int sys_seccomp_get(void)
{
	return ret(prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL));
}

uint64_t sys_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

bool sys_has_sys_admin(void)
{
	return sys_caps() & UINT64_C(1) << CAP_SYS_ADMIN;
}

int sys_madvise(void *addr, size_t len, int advice)
{
	return ret(madvise(addr, len, advice));
}

int sys_openat2_in_root(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_IN_ROOT,
	};

	return ret(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

int sys_openat2_same_mount(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};

	return ret(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return ret(syscall(SYS_pidfd_open, pid, flags));
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	return ret(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

long sys_ptrace(enum sys_ptrace_request req, pid_t tid, unsigned long addr, void *data)
{
	return ret(syscall(SYS_ptrace, (long)req, tid, addr, data));
}

int sys_wait_tracee(pid_t tid, int *status)
{
	siginfo_t si = { 0 };
	int rc = ret(waitid(P_PID, tid, &si, WEXITED | WSTOPPED | WNOWAIT | __WALL));

	if (si.si_code == CLD_TRAPPED || si.si_code == CLD_STOPPED)
		*status = si.si_status;
	else if (si.si_code == CLD_KILLED || si.si_code == CLD_DUMPED)
		*status = -1 - si.si_status;
	else
		*status = -1;
	return rc;
}

int sys_close_from(unsigned int first)
{
	return ret(syscall(SYS_close_range, first, ~0U, 0));
}

int sys_set_ptracer(pid_t pid)
{
	return ret(prctl(PR_SET_PTRACER, (unsigned long)pid, 0UL, 0UL, 0UL));
}

bool sys_is_subreaper(void)
{
	int is = 0;

	return prctl(PR_GET_CHILD_SUBREAPER, (unsigned long)&is, 0UL, 0UL, 0UL) == 0 && is;
}

ssize_t sys_vm_readv(pid_t pid, const struct iovec *local, size_t n_local,
		     const struct iovec *remote, size_t n_remote)
{
	return ret(process_vm_readv(pid, local, n_local, remote, n_remote, 0));
}

ssize_t sys_vm_writev(pid_t pid, const struct iovec *local, size_t n_local,
		      const struct iovec *remote, size_t n_remote)
{
	return ret(process_vm_writev(pid, local, n_local, remote, n_remote, 0));
}

int sys_same_memory(pid_t one, pid_t other)
{
	long rc = ret(syscall(SYS_kcmp, one, other, KCMP_VM, 0UL, 0UL));

	return rc < 0 ? (int)rc : rc == 0;
}

/* struct pm_scan_arg of the kernel */
struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

long sys_pagemap_scan(int fd, uint64_t *at, uint64_t end, struct sys_page_region *out, size_t n)
{
	struct scan_arg a = {
		.size = sizeof(a),
		.start = *at,
		.end = end,
		.vec = (uintptr_t)out,
		.vec_len = n,
		.category_anyof_mask = SYS_PAGE_IS_PRESENT | SYS_PAGE_IS_SWAPPED,
		.return_mask = SYS_PAGE_IS_PFNZERO | SYS_PAGE_IS_HUGE,
	};
	long rc = ret(ioctl(fd, _IOWR('f', 16, struct scan_arg), &a));

	/* A walk that got nowhere would be begun again for ever. */
	*at = rc >= 0 && a.walk_end > *at ? a.walk_end : end;
	return rc;
}

int sys_finit_module(int fd)
{
	return ret(syscall(SYS_finit_module, fd, "", 0));
}

int sys_delete_module(const char *name)
{
	return ret(syscall(SYS_delete_module, name, O_NONBLOCK));
}

pid_t sys_gettid(void)
{
	return syscall(SYS_gettid);
}

int sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	return ret(syscall(SYS_tgkill, tgid, tid, sig));
}

int sys_timerslack(unsigned long ns)
{
	return ret(prctl(PR_SET_TIMERSLACK, ns, 0UL, 0UL, 0UL));
}
