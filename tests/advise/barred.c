// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * barred.c - run a command that a seccomp filter keeps from prctl(PR_SET_MEMORY_MERGE).
 *
 *	barred ERRNO COMMAND...		setting and asking are answered with ERRNO, a number
 *	barred -s ERRNO COMMAND...	setting only
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SET_MEMORY_MERGE = 67, GET_MEMORY_MERGE = 68 };

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_NOT(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))

int main(int argc, char **argv)
{
	const int set_only = argc > 1 && !strcmp(argv[1], "-s");
	const unsigned int err = argc > 2 + set_only ? (unsigned int)strtoul(argv[1 + set_only], NULL, 10) : 0;
	struct sock_filter code[] = {
		LOAD(nr),
		IF_NOT(SYS_prctl, 5),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SET_MEMORY_MERGE, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, set_only ? 0 : GET_MEMORY_MERGE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (err & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (!err)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 99;
	execvp(argv[2 + set_only], argv + 2 + set_only);
	return 127;
}
