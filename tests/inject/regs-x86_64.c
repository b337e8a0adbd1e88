// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * regs-x86_64.c - all registers of x86_64 at once: see regs.h.
 *
 * The extended state is compared by XSAVE before and after, whatever parts this
 * processor has (x87, SSE, AVX, AVX-512, protection keys).
 */
#include "regs.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS, RSP, N_REGS };

static const char *const names[N_REGS] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",	  "r9",
	"r10", "r11", "r12", "r13", "r14", "r15", "flags", "rsp",
};

struct ctx {
	uint64_t in[N_REGS];
	uint64_t out[N_REGS];
	uint64_t spins;
};

/*
 * rdi: struct ctx.  The loop counts in memory relative to the stack, so that
 * each register, rcx and r11 too, which system calls lose, keeps its value.
 * "lea" and "jrcxz" would spare the flags, but not the registers: the flags are
 * set before and read after a stretch of pauses instead.
 */
__asm__(".text\n"
	".type regs_spin, @function\n"
	"regs_spin:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n"
	"	push %r14\n	push %r15\n"
	"	push %rdi\n"			/* ctx at (%rsp) */
	"	mov %rsp, 128(%rdi)\n"		/* in[RSP] */
	"	pushq 272(%rdi)\n"		/* spins at (%rsp), ctx at 8(%rsp) */
	"	mov 0(%rdi), %rax\n	mov 8(%rdi), %rbx\n	mov 16(%rdi), %rcx\n"
	"	mov 24(%rdi), %rdx\n	mov 32(%rdi), %rsi\n	mov 48(%rdi), %rbp\n"
	"	mov 56(%rdi), %r8\n	mov 64(%rdi), %r9\n	mov 72(%rdi), %r10\n"
	"	mov 80(%rdi), %r11\n	mov 88(%rdi), %r12\n	mov 96(%rdi), %r13\n"
	"	mov 104(%rdi), %r14\n	mov 112(%rdi), %r15\n"
	"	pushq 120(%rdi)\n"		/* flags */
	"	mov 40(%rdi), %rdi\n"
	"1:	popfq\n"
	"	.rept 8\n	pause\n	.endr\n"
	"	pushfq\n"
	"	decq 8(%rsp)\n"
	"	jnz 1b\n"
	"	push %rdi\n"			/* 0 rdi, 8 flags, 16 spins, 24 ctx */
	"	mov 24(%rsp), %rdi\n"
	"	mov %rax, 136(%rdi)\n	mov %rbx, 144(%rdi)\n	mov %rcx, 152(%rdi)\n"
	"	mov %rdx, 160(%rdi)\n	mov %rsi, 168(%rdi)\n	mov %rbp, 184(%rdi)\n"
	"	mov %r8, 192(%rdi)\n	mov %r9, 200(%rdi)\n	mov %r10, 208(%rdi)\n"
	"	mov %r11, 216(%rdi)\n	mov %r12, 224(%rdi)\n	mov %r13, 232(%rdi)\n"
	"	mov %r14, 240(%rdi)\n	mov %r15, 248(%rdi)\n"
	"	pop %rax\n	mov %rax, 176(%rdi)\n"
	"	pop %rax\n	mov %rax, 256(%rdi)\n"
	"	pop %rax\n"
	"	mov %rsp, 264(%rdi)\n"
	"	pushq $0x2\n	popfq\n"
	"	pop %rdi\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
	"	ret\n"
	".size regs_spin, . - regs_spin\n");

void regs_spin(struct ctx *ctx);

static uint32_t xsave_size(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	__get_cpuid_count(0xd, 0, &a, &b, &c, &d);
	return b;
}

static void xsave(void *to)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(to), "a"(-1), "d"(-1) : "memory");
}

static void fxsave(void *to)
{
	__asm__ volatile("fxsave64 (%0)" : : "r"(to) : "memory");
}

static void fill_fp(unsigned int n, bool avx)
{
	uint64_t pattern[4] = { n * 3 + 1, ~0ULL / (n + 3), 0x5a5a5a5a00000000ULL + n, n };
	uint16_t cw = 0x0c7f;		/* round towards zero, like mxcsr below */
	uint32_t mxcsr = 0x7f80;
	double x = n + 0.25;

	__asm__ volatile("fninit\n	fldcw %0\n	fldl %1\n	fldpi\n	fldl2e\n"
			 "ldmxcsr %2\n"
			 "movdqu %3, %%xmm0\n	movdqu %3, %%xmm5\n	movdqu %3, %%xmm15\n"
			 :
			 : "m"(cw), "m"(x), "m"(mxcsr), "m"(pattern)
			 : "memory");
	if (avx)
		__asm__ volatile("vmovdqu %0, %%ymm1\n	vmovdqu %0, %%ymm7\n"
				 "vmovdqu %0, %%ymm14\n"
				 :
				 : "m"(pattern)
				 : "memory");
}

static void reset_fp(void)
{
	uint32_t mxcsr = 0x1f80;

	__asm__ volatile("fninit\n	ldmxcsr %0" : : "m"(mxcsr) : "memory");
}

const char *regs_round(void)
{
	static uint8_t *before, *after;
	static uint32_t size;
	static unsigned int n;
	struct ctx ctx = { .spins = 4000 };
	unsigned int a, b, c, d;
	const char *bad = NULL;
	bool avx;

	n++;
	avx = __get_cpuid(1, &a, &b, &c, &d) && c & bit_AVX && c & bit_OSXSAVE;
	if (!before) {
		size = xsave_size();
		before = aligned_alloc(64, (MAX(size, 512U) + 63) / 64 * 64);
		after = aligned_alloc(64, (MAX(size, 512U) + 63) / 64 * 64);
	}
	for (int i = 0; i < N_REGS; i++)
		ctx.in[i] = 0x0123456789abcdefULL * (i + 1) + n;
	/* A value the kernel uses for itself must not be taken for its own. */
	ctx.in[RAX] = (uint64_t)(-512 - (int)(n % 5));
	/* Carry, parity, adjust, zero, sign, direction, overflow in turn; interrupts are on. */
	ctx.in[FLAGS] = 0x202 | (n & 1 ? 0x001 : 0) | (n & 2 ? 0x044 : 0) | (n & 4 ? 0x410 : 0) |
			(n & 8 ? 0x880 : 0);
	memset(before, 0, MAX(size, 512U));
	memset(after, 0, MAX(size, 512U));
	fill_fp(n, avx);
	if (size)
		xsave(before);
	else
		fxsave(before);
	regs_spin(&ctx);
	if (size)
		xsave(after);
	else
		fxsave(after);
	reset_fp();
	/*
	 * XSTATE_BV may lose a bit of a part in its initial state, and XINUSE is
	 * the processor's business: the contents are what counts.
	 */
	if (memcmp(before, after, 512) || (size && memcmp(before + 576, after + 576, size - 576)))
		bad = "floating point";
	for (int i = 0; i < N_REGS; i++) {
		/* The kernel keeps the resume flag to itself. */
		if ((ctx.in[i] ^ ctx.out[i]) & ~(i == FLAGS ? 0x10000ULL : 0))
			bad = names[i];
	}
	return bad;
}

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#ifdef RSEQ_SIG
/* rdi: word; rsi: two of it; rdx: struct rseq.  1: completed, 0: aborted. */
__asm__(".text\n"
	".type rseq_try, @function\n"
	"rseq_try:\n"
	"	lea 5f(%rip), %rax\n"
	"	mov %rax, 8(%rdx)\n"
	"1:	mov (%rdi), %r8\n"
	"	mov $2000, %ecx\n"
	"2:	pause\n"
	"	dec %ecx\n"
	"	jnz 2b\n"
	"	mov (%rdi), %r9\n"
	"	mov %r8, (%rsi)\n"
	"	mov %r9, 8(%rsi)\n"
	"3:	mov $1, %eax\n"
	"	ret\n"
	"	.long 0x53053053\n"
	"4:	xor %eax, %eax\n"
	"	ret\n"
	".size rseq_try, . - rseq_try\n"
	".pushsection .data.rel.ro, \"aw\"\n"
	".balign 32\n"
	"5:	.long 0, 0\n"
	"	.quad 1b, 3b - 1b, 4b\n"
	".popsection\n");

int rseq_try(const long *word, long *both, void *rseq);

int rseq_round(const long *word)
{
	long both[2] = { 0, 0 };

	if (!__rseq_size)
		return -1;
	if (!rseq_try(word, both, (char *)__builtin_thread_pointer() + __rseq_offset))
		return 1;
	return both[0] == both[1] ? 0 : 2;
}
#else
int rseq_round(const long *word __unused)
{
	return -1;
}
#endif
