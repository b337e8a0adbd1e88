/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sys.h - the system calls that libksm makes beyond reading and writing files,
 * each as a thin function that returns its result or -errno.
 *
 * No policy and no retry here.  It is a link seam: a unit test puts
 * tests/unit/fake-sys.c in the place of sys.o, and tests/inject wraps
 * sys_ptrace() to die at a chosen call.  Numbers that old headers lack are
 * defined here, so that the tools build on a system older than the kernel.
 */
#ifndef KSM_LIBKSM_SYS_H
#define KSM_LIBKSM_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* include/uapi/linux/prctl.h, Linux 6.4 */
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

/* include/uapi/asm-generic/mman-common.h, Linux 2.6.32 */
#ifndef MADV_MERGEABLE
#define MADV_MERGEABLE 12
#define MADV_UNMERGEABLE 13
#endif

/*
 * Requests of include/uapi/linux/ptrace.h under names of our own: glibc has
 * them as an enum, the kernel as macros, and the two headers cannot be
 * included together.
 */
enum sys_ptrace_request {
	SYS_PTRACE_PEEKDATA = 2,
	SYS_PTRACE_POKEDATA = 5,
	SYS_PTRACE_CONT = 7,
	SYS_PTRACE_DETACH = 17,
	SYS_PTRACE_SYSCALL = 24,
	SYS_PTRACE_SETOPTIONS = 0x4200,
	SYS_PTRACE_GETSIGINFO = 0x4202,
	SYS_PTRACE_GETREGSET = 0x4204,
	SYS_PTRACE_SETREGSET = 0x4205,
	SYS_PTRACE_SEIZE = 0x4206,			/* 3.4 */
	SYS_PTRACE_INTERRUPT = 0x4207,			/* 3.4 */
	SYS_PTRACE_LISTEN = 0x4208,			/* 3.4 */
	SYS_PTRACE_GETSIGMASK = 0x420a,			/* 3.11 */
	SYS_PTRACE_SETSIGMASK = 0x420b,			/* 3.11 */
	SYS_PTRACE_SECCOMP_GET_FILTER = 0x420c,		/* 4.4 */
	SYS_PTRACE_GET_RSEQ_CONFIGURATION = 0x420f,	/* 5.13 */
	SYS_PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211, /* 6.4 */
};

enum {
	SYS_PTRACE_O_TRACESYSGOOD = 1 << 0,
	SYS_PTRACE_O_TRACEEXEC = 1 << 4,
	SYS_PTRACE_O_EXITKILL = 1 << 20,		/* 3.8 */
	SYS_PTRACE_O_SUSPEND_SECCOMP = 1 << 21,		/* 4.3 */
	SYS_PTRACE_EVENT_EXEC = 4,
	SYS_PTRACE_EVENT_STOP = 128,
};

/* struct ptrace_rseq_configuration of the kernel */
struct sys_rseq_config {
	uint64_t area;
	uint32_t size;
	uint32_t signature;
	uint32_t flags;
	uint32_t pad;
};

/* struct ptrace_sud_config of the kernel */
struct sys_sud_config {
	uint64_t mode;		/* 0: off */
	uint64_t selector;
	uint64_t offset;
	uint64_t len;
};

/**
 * sys_memory_merge_set() - prctl(PR_SET_MEMORY_MERGE) on the calling process
 *
 * Passes all five arguments: kernel/sys.c answers EINVAL unless the last three
 * are zero, and a variadic call with two leaves them to chance.
 * Return: 0; -EINVAL where the kernel has no such prctl (before 6.4); -errno.
 */
int sys_memory_merge_set(bool on);
/* 0 or 1, or -errno. */
int sys_memory_merge_get(void);

/* The seccomp mode of the calling thread; -EINVAL from a kernel that has no seccomp. */
int sys_seccomp_get(void);
/* The capabilities in effect of the calling thread, a bit each. */
uint64_t sys_caps(void);
/* Does the calling thread have CAP_SYS_ADMIN, in whatever user namespace it is? */
bool sys_has_sys_admin(void);

int sys_madvise(void *addr, size_t len, int advice);

/**
 * sys_openat2_in_root() - open @path with every link resolved below @dirfd
 * @flags: of open(2), without O_CREAT
 *
 * Return: a descriptor; -ENOSYS before Linux 5.6; -errno.
 */
int sys_openat2_in_root(int dirfd, const char *path, int flags);

/* The same, and a mount or a symbolic link on the way is -EXDEV, -ELOOP. */
int sys_openat2_same_mount(int dirfd, const char *path, int flags);

/* Linux 5.3; -ENOSYS before. */
int sys_pidfd_open(pid_t pid, unsigned int flags);
/* Linux 5.1. */
int sys_pidfd_send_signal(int pidfd, int sig);

/* As ptrace(2), the kernel's own: never touches errno, and PEEK stores through @data. */
long sys_ptrace(enum sys_ptrace_request req, pid_t tid, unsigned long addr, void *data);

/*
 * waitid(2) on one tracee, for a stop or its end, which is left for others to
 * reap: @status is that of ptrace(2), event << 8 | signal; below 0 at the end,
 * -1 for an exit and -1 - SIGNAL for a signal.
 */
int sys_wait_tracee(pid_t tid, int *status);

/* Close all descriptors from @first up; -ENOSYS before Linux 5.9. */
int sys_close_from(unsigned int first);
/* Let @pid trace us where Yama forbids it to; -EINVAL where there is no Yama. */
int sys_set_ptracer(pid_t pid);
/* Is the calling process one that orphans below it become children of? */
bool sys_is_subreaper(void);

/* Bytes copied, or -errno. */
ssize_t sys_vm_readv(pid_t pid, const struct iovec *local, size_t n_local,
		     const struct iovec *remote, size_t n_remote);
ssize_t sys_vm_writev(pid_t pid, const struct iovec *local, size_t n_local,
		      const struct iovec *remote, size_t n_remote);

/* kcmp(2), KCMP_VM: 1 when these two run in the same memory, 0 when not, or -errno. */
int sys_same_memory(pid_t one, pid_t other);

/* struct page_region and categories of PAGEMAP_SCAN, include/uapi/linux/fs.h, Linux 6.7 */
struct sys_page_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

enum {
	SYS_PAGE_IS_PRESENT = 1 << 3,
	SYS_PAGE_IS_SWAPPED = 1 << 4,
	SYS_PAGE_IS_PFNZERO = 1 << 5,
	SYS_PAGE_IS_HUGE = 1 << 6,
};

/**
 * sys_pagemap_scan() - ranges of pages present or swapped, and their categories
 * @fd: of /proc/PID/pagemap
 * @at: where to begin; moved to where the walk ended
 *
 * Return: how many of @out were filled; -ENOTTY before Linux 6.7; -errno.
 */
long sys_pagemap_scan(int fd, uint64_t *at, uint64_t end, struct sys_page_region *out, size_t n);

/* finit_module(2), without parameters. */
int sys_finit_module(int fd);
/* delete_module(2), which does not wait for who uses it. */
int sys_delete_module(const char *name);

pid_t sys_gettid(void);
/* Signal one thread of the calling process. */
int sys_tgkill(pid_t tgid, pid_t tid, int sig);
/* The calling thread's timer slack, in ns. */
int sys_timerslack(unsigned long ns);

#endif /* KSM_LIBKSM_SYS_H */
