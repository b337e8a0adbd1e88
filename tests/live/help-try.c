// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * help-try.c - make a system call in another process, as it would make it itself.
 *
 *	help-try PID	prints the errno that openat(2) without a name gets there
 *
 * Unlike ksm-advise, with all of its seccomp filters in force: EPERM of a sandbox
 * that forbids to open files, EFAULT where nothing forbids it.  The call that the
 * process slept in gets EINTR, which it must be made for.  x86_64 only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifdef __x86_64__
enum { RESTARTS_FIRST = 512, RESTARTS_LAST = 516 };	/* of the kernel: include/linux/errno.h */

static int failed(const char *what)
{
	fprintf(stderr, "help-try: %s: %m\n", what);
	return 1;
}

/* To the next stop that is none of a signal. */
static int to_stop(pid_t pid, int how)
{
	int status;

	do {
		if (ptrace(how, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid ||
		    !WIFSTOPPED(status))
			return -1;
	} while (WSTOPSIG(status) != (SIGTRAP | 0x80));
	return 0;
}

int main(int argc, char **argv)
{
	const pid_t pid = argc == 2 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	struct user_regs_struct was, now;
	int status;
	long code;

	if (pid <= 0)
		return 2;
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid ||
	    ptrace(PTRACE_GETREGS, pid, 0, &was))
		return failed("stop");
	errno = 0;
	code = ptrace(PTRACE_PEEKTEXT, pid, was.rip - 2, 0);
	if (errno || (code & 0xffff) != 0x050f) {
		fprintf(stderr, "help-try: it does not sleep in a system call\n");
		ptrace(PTRACE_DETACH, pid, 0, 0);
		return 3;
	}
	now = was;
	now.rip -= 2;
	now.orig_rax = (unsigned long long)-1;
	now.rax = SYS_openat;
	now.rdi = (unsigned long long)AT_FDCWD;
	now.rsi = now.rdx = now.r10 = 0;
	if (ptrace(PTRACE_SETREGS, pid, 0, &now) || to_stop(pid, PTRACE_SYSCALL) ||
	    to_stop(pid, PTRACE_SYSCALL) || ptrace(PTRACE_GETREGS, pid, 0, &now))
		return failed("call");
	if ((long)was.rax <= -RESTARTS_FIRST && (long)was.rax >= -RESTARTS_LAST)
		was.rax = (unsigned long long)-EINTR;
	was.orig_rax = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, pid, 0, &was) || ptrace(PTRACE_DETACH, pid, 0, 0))
		return failed("put back");
	printf("%ld\n", (long)now.rax < 0 ? -(long)now.rax : 0);
	return 0;
}
#else
int main(void)
{
	fprintf(stderr, "help-try: only on x86_64\n");
	return 3;
}
#endif
