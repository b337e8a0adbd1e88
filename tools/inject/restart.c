// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * restart.c - which system calls want care when they are interrupted: one table of
 * each kind, for all machines.
 *
 * Most calls that sleep answer a stop with a code that the kernel restarts them
 * by.  These answer EINTR instead, signal or not, so that the program would see
 * an interruption that nobody sent.
 */
#include "inject/inject-arch.h"

#include <sys/syscall.h>

#include "util/macros.h"

/* Numbers that are the same on all machines, and younger than some headers. */
#ifndef SYS_io_uring_enter
#define SYS_io_uring_enter 426
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
/* And that are not. */
#ifndef SYS_io_pgetevents
#ifdef __x86_64__
#define SYS_io_pgetevents 333
#else
#define SYS_io_pgetevents 292
#endif
#endif

/*
 * Of all of them EINTR means that nothing has happened yet: what was done in part
 * is answered by its amount.  A timeout in the arguments starts anew.
 *
 * signal(7), "Interruption of system calls and library functions by stop signals",
 * names the first group.  The second answers so on a socket with SO_RCVTIMEO or
 * SO_SNDTIMEO (include/net/sock.h sock_intr_errno(), Linux 6.12); a restarted
 * connect() goes on to wait for the connection under way (net/ipv4/af_inet.c
 * __inet_stream_connect(), net/unix/af_unix.c unix_stream_connect()).
 */
static const long eintr_calls[] = {
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_epoll_pwait,
	SYS_epoll_pwait2,
	SYS_io_getevents,
	SYS_io_uring_enter,	/* io_uring/io_uring.c io_run_task_work_sig() */
	SYS_rt_sigtimedwait,
	SYS_semop,
	SYS_semtimedop,

	SYS_accept,
	SYS_accept4,
	SYS_connect,
	SYS_preadv2,
	SYS_pwritev2,
	SYS_read,
	SYS_readv,
	SYS_recvfrom,
	SYS_recvmmsg,
	SYS_recvmsg,
	SYS_sendfile,
	SYS_sendmmsg,
	SYS_sendmsg,
	SYS_sendto,
	SYS_splice,
	SYS_write,
	SYS_writev,
};

static const long mask_calls[] = {
	SYS_epoll_pwait, SYS_epoll_pwait2, SYS_io_pgetevents,
	SYS_ppoll,	 SYS_pselect6,	   SYS_rt_sigsuspend,
};

static bool is_one_of(long nr, const long *nrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nrs[i] == nr)
			return true;
	return false;
}

bool inject_is_eintr_call(long nr)
{
	return is_one_of(nr, eintr_calls, ARRAY_SIZE(eintr_calls));
}

bool inject_is_mask_call(long nr)
{
	return is_one_of(nr, mask_calls, ARRAY_SIZE(mask_calls));
}
