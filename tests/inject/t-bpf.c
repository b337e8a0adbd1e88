// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-bpf.c - what seccomp filters answer, as we foresee it: each instruction, what the
 * kernel would not have accepted, and which of several filters counts.
 *
 * Where the kernel takes a filter, it is asked as well (forked children install it).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inject/seccomp.h"
#include "tests/unit/tap.h"

#define KILL SECCOMP_RET_KILL_PROCESS
#define STMT(code, k) BPF_STMT(code, k)
#define JUMP(code, k, jt, jf) BPF_JUMP(BPF_JMP | (code), k, jt, jf)
#define RET_A STMT(BPF_RET | BPF_A, 0)
#define RET(k) STMT(BPF_RET | BPF_K, k)
#define SET_A(k) STMT(BPF_LD | BPF_IMM, k)
#define SET_X(k) STMT(BPF_LDX | BPF_IMM, k)
#define ALU(op, k) STMT(BPF_ALU | (op) | BPF_K, k)
#define ALU_X(op) STMT(BPF_ALU | (op) | BPF_X, 0)
#define WORD(at) STMT(BPF_LD | BPF_W | BPF_ABS, at)

static const struct seccomp_data data = {
	.nr = 157,
	.arch = 0xc000003e,
	.instruction_pointer = 0x1122334455667788,
	.args = { 0x43, 1, 0xfedcba9876543210, 0, 0, 0xffffffff },
};

static void instructions(void)
{
	static const struct {
		const char *name;
		struct sock_filter code[8];
		uint32_t want;
	} rows[] = {
		{ "ret k", { RET(0x7fff0000) }, 0x7fff0000 },
		{ "ret a", { SET_A(5), RET_A }, 5 },
		{ "a is 0 at first", { RET_A }, 0 },
		{ "nr", { WORD(0), RET_A }, 157 },
		{ "arch", { WORD(4), RET_A }, 0xc000003e },
		{ "ip low", { WORD(8), RET_A }, 0x55667788 },
		{ "ip high", { WORD(12), RET_A }, 0x11223344 },
		{ "arg 2 low", { WORD(32), RET_A }, 0x76543210 },
		{ "arg 2 high", { WORD(36), RET_A }, 0xfedcba98 },
		{ "last word", { WORD(60), RET_A }, 0 },
		{ "behind it", { WORD(64), RET_A }, KILL },
		{ "not aligned", { WORD(2), RET_A }, KILL },
		{ "a half word", { STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET_A }, KILL },
		{ "an indirect load", { STMT(BPF_LD | BPF_W | BPF_IND, 0), RET_A }, KILL },
		{ "len", { STMT(BPF_LD | BPF_W | BPF_LEN, 0), RET_A }, 64 },
		{ "memory", { SET_A(7), STMT(BPF_ST, 15), SET_A(0), STMT(BPF_LD | BPF_MEM, 15),
			      RET_A }, 7 },
		{ "memory, x", { SET_X(8), STMT(BPF_STX, 3), STMT(BPF_LDX | BPF_MEM, 3),
				 STMT(BPF_MISC | BPF_TXA, 0), RET_A }, 8 },
		{ "memory, too far", { SET_A(7), STMT(BPF_ST, 16), RET_A }, KILL },
		{ "memory, read too far", { STMT(BPF_LD | BPF_MEM, 16), RET_A }, KILL },
		{ "tax, txa", { SET_A(9), STMT(BPF_MISC | BPF_TAX, 0), SET_A(0),
				STMT(BPF_MISC | BPF_TXA, 0), RET_A }, 9 },
		{ "add", { SET_A(0xffffffff), ALU(BPF_ADD, 2), RET_A }, 1 },
		{ "sub", { SET_A(1), ALU(BPF_SUB, 2), RET_A }, 0xffffffff },
		{ "mul", { SET_A(0x10001), ALU(BPF_MUL, 0x10001), RET_A }, 0x20001 },
		{ "div", { SET_A(0xffffffff), ALU(BPF_DIV, 2), RET_A }, 0x7fffffff },
		{ "div by 0", { SET_A(1), ALU(BPF_DIV, 0), RET_A }, KILL },
		{ "and", { SET_A(0xff), ALU(BPF_AND, 0xf0f), RET_A }, 0xf },
		{ "or", { SET_A(0xf0), ALU(BPF_OR, 0x0f), RET_A }, 0xff },
		{ "xor", { SET_A(0xff), ALU(BPF_XOR, 0x0f), RET_A }, 0xf0 },
		{ "lsh", { SET_A(0x80000001), ALU(BPF_LSH, 1), RET_A }, 2 },
		{ "rsh", { SET_A(0x80000001), ALU(BPF_RSH, 1), RET_A }, 0x40000000 },
		{ "neg", { SET_A(1), STMT(BPF_ALU | BPF_NEG, 0), RET_A }, 0xffffffff },
		{ "mod is not one", { SET_A(5), ALU(BPF_MOD, 3), RET_A }, KILL },
		{ "by x", { SET_A(6), SET_X(7), ALU_X(BPF_MUL), RET_A }, 42 },
		{ "ja", { JUMP(BPF_JA, 1, 0, 0), RET(1), RET(2) }, 2 },
		{ "jeq", { SET_A(3), JUMP(BPF_JEQ, 3, 1, 0), RET(1), RET(2) }, 2 },
		{ "jeq not", { SET_A(3), JUMP(BPF_JEQ, 4, 1, 0), RET(1), RET(2) }, 1 },
		{ "jgt is unsigned", { SET_A(0x80000000), JUMP(BPF_JGT, 1, 1, 0), RET(1), RET(2) },
		  2 },
		{ "jge", { SET_A(3), JUMP(BPF_JGE, 3, 1, 0), RET(1), RET(2) }, 2 },
		{ "jset", { SET_A(6), JUMP(BPF_JSET, 4, 1, 0), RET(1), RET(2) }, 2 },
		{ "jeq x", { SET_A(3), SET_X(3), JUMP(BPF_JEQ | BPF_X, 0, 1, 0), RET(1), RET(2) },
		  2 },
		{ "ja too far", { JUMP(BPF_JA, 0xffffffff, 0, 0), RET(1) }, KILL },
		{ "jt too far", { JUMP(BPF_JEQ, 0, 200, 0), RET(1) }, KILL },
		{ "no return", { SET_A(1) }, KILL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = ARRAY_SIZE(rows[i].code);

		/* What is left of the row is no instruction of it. */
		while (n > 1 && !rows[i].code[n - 1].code && !rows[i].code[n - 1].k)
			n--;
		tap_row("%s", rows[i].name);
		CHECK_UINT(inject_seccomp_run(rows[i].code, n, &data, 0), rows[i].want);
	}
	CHECK_UINT(inject_seccomp_run(NULL, 0, &data, 0), KILL);
}

/* What is not known must not be looked at. */
static void unknown(void)
{
	static const struct sock_filter by_arg[] = { WORD(16), RET_A }, by_nr[] = { WORD(0), RET_A };

	CHECK_UINT(inject_seccomp_run(by_arg, 2, &data, 0), 0x43);
	CHECK_UINT(inject_seccomp_run(by_arg, 2, &data, INJECT_SECCOMP_ARGS), KILL);
	CHECK_UINT(inject_seccomp_run(by_nr, 2, &data, INJECT_SECCOMP_ARGS), 157);
}

static void severity(void)
{
	static const uint32_t order[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL, SECCOMP_RET_TRAP | 3,
		SECCOMP_RET_ERRNO | EPERM, 0x7fc00000 /* USER_NOTIF */, SECCOMP_RET_TRACE | 9,
		SECCOMP_RET_LOG, SECCOMP_RET_ALLOW,
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(order); j++) {
			struct sock_filter code[] = { RET(order[i]), RET(order[j]) };
			uint32_t len[] = { 1, 1 };
			struct inject_filters f = {
				.mode = INJECT_SECCOMP_FILTER, .code = code, .len = len, .n = 2,
			};

			tap_row("%x %x", order[i], order[j]);
			CHECK_UINT(inject_seccomp_answer(&f, &data, 0), order[MIN(i, j)]);
			f.log_allows = true;
			CHECK_INT(inject_seccomp_allows(&f, &data, 0),
				  MIN(i, j) + 2 >= ARRAY_SIZE(order));
			f.log_allows = false;
			CHECK_INT(inject_seccomp_allows(&f, &data, 0),
				  MIN(i, j) + 1 == ARRAY_SIZE(order));
		}
	}
}

static void modes(void)
{
	struct inject_filters f = { .mode = INJECT_SECCOMP_OFF };
	struct seccomp_data call = { .nr = SYS_prctl };

	CHECK(inject_seccomp_allows(&f, &call, ~0U));
	f.mode = INJECT_SECCOMP_STRICT;
	CHECK(!inject_seccomp_allows(&f, &call, 0));
	call.nr = SYS_rt_sigreturn;
	CHECK(inject_seccomp_allows(&f, &call, 0));
}

/* The kernel's own answer to getpriority(2) with these arguments: an errno, 0 allowed. */
static int kernel_says(struct sock_filter *code, size_t n, unsigned long a0, unsigned long a1)
{
	struct sock_fprog prog = { (unsigned short)n, code };
	int status;
	pid_t pid = fork();

	if (!pid) {
		long rc;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(200);
		rc = syscall(SYS_getpriority, a0, a1);
		_exit(rc < 0 && errno >= 100 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

/* Filters that compute something of the arguments, by chance, run by us and by the kernel. */
static void as_the_kernel_does(void)
{
	static const uint16_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND, BPF_OR,
					BPF_XOR, BPF_LSH, BPF_RSH, BPF_DIV };
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	unsigned int seed = 1;

	for (int round = 0; round < 300; round++) {
		struct sock_filter code[16] = { WORD(0),
						JUMP(BPF_JEQ, SYS_getpriority, 1, 0),
						RET(SECCOMP_RET_ALLOW) };
		struct seccomp_data d = { .nr = SYS_getpriority };
		size_t n = 3;
		uint32_t want;
		int got;

		d.args[0] = (unsigned int)rand_r(&seed) % 64;
		d.args[1] = (unsigned int)rand_r(&seed);
		code[n++] = (struct sock_filter)WORD(24);
		code[n++] = (struct sock_filter)STMT(BPF_MISC | BPF_TAX, 0);
		code[n++] = (struct sock_filter)WORD(16);
		for (int i = 0; i < 5; i++) {
			const uint16_t op = ops[(size_t)rand_r(&seed) % ARRAY_SIZE(ops)];
			const uint32_t k = (uint32_t)rand_r(&seed) % (op == BPF_LSH || op == BPF_RSH ?
									    32 : 1000) + 1;

			code[n++] = rand_r(&seed) % 3 || op >= BPF_DIV || op == BPF_LSH ||
					    op == BPF_RSH ?
					    (struct sock_filter)ALU(op, MIN(k, op == BPF_LSH ||
									      op == BPF_RSH ?
								      31U : k)) :
					    (struct sock_filter)ALU_X(op);
		}
		code[n++] = (struct sock_filter)JUMP(
			jumps[(size_t)rand_r(&seed) % ARRAY_SIZE(jumps)],
			(uint32_t)rand_r(&seed) % 5000, 1, 0);
		code[n++] = (struct sock_filter)RET(SECCOMP_RET_ERRNO | 101);
		code[n++] = (struct sock_filter)RET(SECCOMP_RET_ERRNO | 102);
		tap_row("%d", round);
		want = inject_seccomp_run(code, n, &d, 0);
		got = kernel_says(code, n, d.args[0], d.args[1]);
		if (got == 200) {
			tap_skip("no seccomp filters here");
			return;
		}
		CHECK_INT(got, want & SECCOMP_RET_DATA);
	}
}

TAP_MAIN(TAP_CASE(instructions), TAP_CASE(unknown), TAP_CASE(severity), TAP_CASE(modes),
	 TAP_CASE(as_the_kernel_does))
