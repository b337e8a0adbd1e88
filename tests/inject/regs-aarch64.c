// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * regs-aarch64.c - all registers of 64-bit Arm at once: see regs.h.
 *
 * Where the processor has SVE, every other round holds a value in each whole
 * vector register, which a system call would lose.
 */
#include "regs.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "util/macros.h"

#ifndef HWCAP_SVE
#define HWCAP_SVE (1 << 22)
#endif

enum { SP = 31, NZCV, N_REGS };
enum { VL_MAX = 256 };

struct ctx {
	uint64_t in[N_REGS];
	uint64_t out[N_REGS];
	uint64_t spins;
};

/*
 * x0: struct ctx.  All registers are loaded but x28, which counts down without
 * touching the flags.  16(sp): ctx.
 */
__asm__(".text\n"
	".type regs_spin, %function\n"
	"regs_spin:\n"
	"	stp x29, x30, [sp, #-96]!\n"
	"	stp x19, x20, [sp, #16]\n	stp x21, x22, [sp, #32]\n"
	"	stp x23, x24, [sp, #48]\n	stp x25, x26, [sp, #64]\n"
	"	stp x27, x28, [sp, #80]\n"
	"	sub sp, sp, #32\n"
	"	str x0, [sp, #16]\n"
	"	mov x1, sp\n	str x1, [x0, #248]\n"
	"	ldr x1, [x0, #256]\n	msr nzcv, x1\n"
	"	ldr x28, [x0, #528]\n"
	"	ldp x1, x2, [x0, #8]\n	ldp x3, x4, [x0, #24]\n"
	"	ldp x5, x6, [x0, #40]\n	ldp x7, x8, [x0, #56]\n"
	"	ldp x9, x10, [x0, #72]\n	ldp x11, x12, [x0, #88]\n"
	"	ldp x13, x14, [x0, #104]\n	ldp x15, x16, [x0, #120]\n"
	"	ldp x17, x18, [x0, #136]\n	ldp x19, x20, [x0, #152]\n"
	"	ldp x21, x22, [x0, #168]\n	ldp x23, x24, [x0, #184]\n"
	"	ldp x25, x26, [x0, #200]\n	ldr x27, [x0, #216]\n"
	"	ldp x29, x30, [x0, #232]\n"
	"	ldr x0, [x0]\n"
	"1:	.rept 16\n	nop\n	.endr\n"
	"	sub x28, x28, #1\n"
	"	cbnz x28, 1b\n"
	"	str x0, [sp, #24]\n"
	"	ldr x0, [sp, #16]\n"
	"	stp x1, x2, [x0, #272]\n	stp x3, x4, [x0, #288]\n"
	"	stp x5, x6, [x0, #304]\n	stp x7, x8, [x0, #320]\n"
	"	stp x9, x10, [x0, #336]\n	stp x11, x12, [x0, #352]\n"
	"	stp x13, x14, [x0, #368]\n	stp x15, x16, [x0, #384]\n"
	"	stp x17, x18, [x0, #400]\n	stp x19, x20, [x0, #416]\n"
	"	stp x21, x22, [x0, #432]\n	stp x23, x24, [x0, #448]\n"
	"	stp x25, x26, [x0, #464]\n	stp x27, x28, [x0, #480]\n"
	"	stp x29, x30, [x0, #496]\n"
	"	ldr x1, [sp, #24]\n	str x1, [x0, #264]\n"
	"	mov x1, sp\n	str x1, [x0, #512]\n"
	"	mrs x1, nzcv\n	str x1, [x0, #520]\n"
	"	add sp, sp, #32\n"
	"	ldp x19, x20, [sp, #16]\n	ldp x21, x22, [sp, #32]\n"
	"	ldp x23, x24, [sp, #48]\n	ldp x25, x26, [sp, #64]\n"
	"	ldp x27, x28, [sp, #80]\n"
	"	ldp x29, x30, [sp], #96\n"
	"	ret\n"
	".size regs_spin, . - regs_spin\n");

void regs_spin(struct ctx *ctx);

struct fp {
	uint64_t v[64];
	uint64_t fpcr, fpsr;
};

#define EACH_V(op) \
	op " q0, q1, [%0]\n" op " q2, q3, [%0, #32]\n" op " q4, q5, [%0, #64]\n" \
	op " q6, q7, [%0, #96]\n" op " q8, q9, [%0, #128]\n" op " q10, q11, [%0, #160]\n" \
	op " q12, q13, [%0, #192]\n" op " q14, q15, [%0, #224]\n" op " q16, q17, [%0, #256]\n" \
	op " q18, q19, [%0, #288]\n" op " q20, q21, [%0, #320]\n" op " q22, q23, [%0, #352]\n" \
	op " q24, q25, [%0, #384]\n" op " q26, q27, [%0, #416]\n" op " q28, q29, [%0, #448]\n" \
	op " q30, q31, [%0, #480]\n"

static void load_fp(const struct fp *f)
{
	__asm__ volatile(EACH_V("ldp")
			 "msr fpcr, %1\n	msr fpsr, %2\n"
			 :
			 : "r"(f->v), "r"(f->fpcr), "r"(f->fpsr)
			 : "memory", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15");
}

static void save_fp(struct fp *f)
{
	uint64_t cr, sr;

	__asm__ volatile(EACH_V("stp")
			 "mrs %1, fpcr\n	mrs %2, fpsr\n"
			 : "+r"(f), "=&r"(cr), "=&r"(sr)
			 :
			 : "memory");
	f->fpcr = cr;
	f->fpsr = sr;
	__asm__ volatile("msr fpcr, xzr\n	msr fpsr, xzr\n");
}

struct sve {
	_Alignas(16) uint8_t z[4][VL_MAX];
	_Alignas(16) uint8_t p[2][VL_MAX / 8];
};

static void load_sve(const struct sve *s)
{
	__asm__ volatile(".arch armv8-a+sve\n"
			 "ldr z0, [%0]\n	ldr z9, [%1]\n	ldr z17, [%2]\n	ldr z31, [%3]\n"
			 "ldr p3, [%4]\n	ldr p15, [%5]\n"
			 ".arch armv8-a\n"
			 :
			 : "r"(s->z[0]), "r"(s->z[1]), "r"(s->z[2]), "r"(s->z[3]), "r"(s->p[0]),
			   "r"(s->p[1])
			 : "memory", "v9");
}

static void save_sve(struct sve *s)
{
	__asm__ volatile(".arch armv8-a+sve\n"
			 "str z0, [%0]\n	str z9, [%1]\n	str z17, [%2]\n	str z31, [%3]\n"
			 "str p3, [%4]\n	str p15, [%5]\n"
			 ".arch armv8-a\n"
			 :
			 : "r"(s->z[0]), "r"(s->z[1]), "r"(s->z[2]), "r"(s->z[3]), "r"(s->p[0]),
			   "r"(s->p[1])
			 : "memory");
}

static size_t sve_len(void)
{
	uint64_t len;

	__asm__(".arch armv8-a+sve\n	rdvl %0, #1\n	.arch armv8-a\n" : "=r"(len));
	return len;
}

const char *regs_round(void)
{
	static unsigned int n;
	static char name[8];
	static struct sve sve_in, sve_out;
	struct ctx ctx = { .spins = 20000 };
	struct fp fp_in, fp_out;
	bool sve = getauxval(AT_HWCAP) & HWCAP_SVE && n % 2;
	size_t vl = sve ? sve_len() : 0;

	n++;
	for (int i = 0; i < 31; i++)
		ctx.in[i] = 0x0123456789abcdefULL * (i + 1) + n;
	/* A value the kernel uses for itself must not be taken for its own. */
	ctx.in[0] = (uint64_t)(-512 - (int)(n % 5));
	ctx.in[NZCV] = (uint64_t)(n & 15) << 28;
	for (int i = 0; i < 64; i++)
		fp_in.v[i] = 0xfedcba9876543210ULL * (i + 1) + n;
	/* Rounding mode, flush to zero; sticky flags. */
	fp_in.fpcr = (uint64_t)(n & 7) << 22;
	fp_in.fpsr = n & 0x1f;
	memset(&sve_in, 0, sizeof(sve_in));
	memset(&sve_out, 0, sizeof(sve_out));
	for (size_t i = 0; i < vl; i++)
		for (int z = 0; z < 4; z++)
			sve_in.z[z][i] = i * 7 + z + n;
	for (size_t i = 0; i < vl / 8; i++)
		for (int p = 0; p < 2; p++)
			sve_in.p[p][i] = i * 5 + p + n;
	if (sve)
		load_sve(&sve_in);
	else
		load_fp(&fp_in);
	regs_spin(&ctx);
	if (sve)
		save_sve(&sve_out);
	else
		save_fp(&fp_out);
	if (sve && memcmp(&sve_in, &sve_out, sizeof(sve_in)))
		return "sve";
	if (!sve && memcmp(&fp_in, &fp_out, sizeof(fp_in)))
		return "floating point";
	ctx.in[28] = 0;
	for (int i = 0; i < N_REGS; i++) {
		if (ctx.in[i] == ctx.out[i])
			continue;
		snprintf(name, sizeof(name), i == SP ? "sp" : i == NZCV ? "nzcv" : "x%d", i);
		return name;
	}
	return NULL;
}

/* Not written for this machine. */
int rseq_round(const long *word __unused)
{
	return -1;
}
