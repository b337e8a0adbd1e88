// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-aarch64.c - registers, code and the signal frame of 64-bit Arm.
 *
 * The chain is: "svc #0; ret" with the link register at the vdso's
 * __kernel_rt_sigreturn and the stack pointer at a signal frame.
 *
 * Facts of Linux 6.12, and why this file has more to do than its x86 sister:
 * - arch/arm64/kernel/signal.c do_signal() reads the result of the interrupted
 *   call, and rewinds PC and x0 for a restart, before get_signal(): the stop does
 *   not show what was to be restarted, nor could it be put back there.  So a
 *   thread that stands at an svc is led to the exit of that call, where both are
 *   to be seen; and the last call made before registers are put back, at its
 *   exit, gets the interrupted call's first argument, which the kernel keeps
 *   apart (orig_x0, set at each entry, el0_svc_common()) and no tracer can write.
 * - At the entry and exit stops x7 is not the program's
 *   (arch/arm64/kernel/ptrace.c report_syscall_enter()), and what is written to
 *   it is lost: it has to be right all the time.
 * - A system call loses the SVE registers beyond 128 bits
 *   (Documentation/arch/arm64/sve.rst, section 3): they are put back.
 */
#include "inject/inject-arch.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "libksm/sys.h"
#include "util/macros.h"

#ifndef NT_ARM_SVE
#define NT_ARM_SVE 0x405
#endif
#ifndef NT_ARM_SSVE
#define NT_ARM_SSVE 0x40b
#endif
#ifndef NT_ARM_GCS
#define NT_ARM_GCS 0x410
#endif
#ifndef SVE_MAGIC
#define SVE_MAGIC 0x53564501
#endif

const bool inject_arch_supported = true;
const bool inject_arch_wants_sleep = true;
const size_t inject_arch_pc_at = offsetof(struct user_regs_struct, pc);
const size_t inject_arch_sp_at = offsetof(struct user_regs_struct, sp);
const uint32_t inject_arch_audit = AUDIT_ARCH_AARCH64;
const unsigned int inject_arch_call_len = 4;

/* include/linux/errno.h of the kernel; never seen by programs */
enum {
	ERESTARTSYS = 512,
	ERESTARTNOINTR = 513,
	ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516,
};

#define INSN_SVC 0xd4000001U
#define INSN_RET 0xd65f03c0U
#define INSN_MOV_X8(nr) (0xd2800008U | (uint32_t)(nr) << 5)
#define INSN_MOV_X8_MASK 0xffe0001fU

/* Branch type: a jump is expected to land on a landing pad (BTI). */
#define PSTATE_BTYPE (3ULL << 10)

#define LOAD(var, r) memcpy(&(var), (r)->general, sizeof(var))
#define STORE(r, var) memcpy((r)->general, &(var), sizeof(var))

void inject_arch_init(void)
{
}

/* ------------------------------------------------------------------ */
/* code									*/

bool inject_arch_find(struct inject_code *c, const uint8_t *buf, size_t len, uint64_t addr)
{
	for (size_t i = 0; i + 8 <= len && !(c->call && c->back); i += 4) {
		uint32_t insn[2];

		memcpy(insn, buf + i, sizeof(insn));
		if (!c->call && insn[0] == INSN_SVC && insn[1] == INSN_RET) {
			c->call = addr + i;
			c->call_len = sizeof(insn);
			memcpy(c->call_bytes, insn, sizeof(insn));
		}
		if (!c->back && insn[0] == INSN_MOV_X8(SYS_rt_sigreturn) && insn[1] == INSN_SVC) {
			c->back = addr + i;
			c->back_len = sizeof(insn);
			memcpy(c->back_bytes, insn, sizeof(insn));
		}
	}
	return c->call && c->back;
}

enum ksm_inject_why inject_arch_refuses(const char *status __unused, bool wants __unused)
{
	return KSM_INJECT_FINE;
}

/* ------------------------------------------------------------------ */
/* registers								*/

static long get_set(pid_t tid, int note, void *buf, size_t *len)
{
	struct iovec iov = { buf, *len };
	long rc = sys_ptrace(SYS_PTRACE_GETREGSET, tid, note, &iov);

	*len = iov.iov_len;
	return rc;
}

static long put_set(pid_t tid, int note, const void *buf, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };

	return sys_ptrace(SYS_PTRACE_SETREGSET, tid, note, &iov);
}

int inject_arch_read(pid_t tid, struct inject_regs *r, enum ksm_inject_why *why)
{
	uint64_t gcs[3] = { 0 };	/* struct user_gcs: features enabled, locked; pointer */
	size_t gcs_len = sizeof(gcs);
	long rc;

	r->general_len = sizeof(r->general);
	r->restarts_nr = -1;
	r->in_call = r->mended = false;
	rc = get_set(tid, NT_PRSTATUS, r->general, &r->general_len);
	if (rc < 0)
		return rc;
	/* A 32-bit task answers with the smaller set of Arm. */
	if (r->general_len != sizeof(struct user_regs_struct)) {
		*why = KSM_INJECT_COMPAT;
		return -EOPNOTSUPP;
	}
	/* Guarded control stacks (6.13): the chain's return would not pass. */
	if (!get_set(tid, NT_ARM_GCS, gcs, &gcs_len) && gcs[0] & 1) {
		*why = KSM_INJECT_SHSTK;
		return -EOPNOTSUPP;
	}
	return 0;
}

/* struct user_sve_header of the kernel */
struct sve_header {
	uint32_t size, max_size;
	uint16_t vl, max_vl, flags, reserved;
};

enum { SVE_REGS = 1 };		/* in .flags: SVE registers follow, not just 128 bits of each */

static bool has_sve(pid_t tid, int note, uint8_t *buf, size_t *len)
{
	struct sve_header h;

	if (get_set(tid, note, buf, len) || *len < sizeof(h))
		return false;
	memcpy(&h, buf, sizeof(h));
	return h.flags & SVE_REGS && h.size > sizeof(h);
}

int inject_arch_read_fp(pid_t tid, struct inject_regs *r)
{
	uint8_t *more = r->fp + INJECT_FP_MORE;
	size_t len = sizeof(r->fp) - INJECT_FP_MORE;
	long rc;

	/*
	 * Streaming mode (SME) ends at a system call, with all it holds.  Programs
	 * are in it for as long as a computation takes.
	 */
	if (has_sve(tid, NT_ARM_SSVE, more, &len))
		return -EAGAIN;
	len = sizeof(r->fp) - INJECT_FP_MORE;
	r->fp_more_len = has_sve(tid, NT_ARM_SVE, more, &len) ? len : 0;
	r->fp_note = NT_PRFPREG;
	r->fp_len = INJECT_FP_MORE;
	rc = get_set(tid, NT_PRFPREG, r->fp, &r->fp_len);
	return rc < 0 ? rc : 0;
}

/* Before an svc, which may be one to restart, or one never made yet: both are led through it. */
bool inject_arch_unsettled(const struct inject_target *t, const struct inject_regs *r)
{
	uint32_t insn;

	return !inject_target_read(t, inject_arch_pc(r), &insn, sizeof(insn)) && insn == INSN_SVC;
}

int inject_arch_settled(pid_t tid, struct inject_regs *r, bool exit)
{
	struct user_regs_struct before, u;
	size_t len = sizeof(u);
	int nr = -1;
	long rc;

	LOAD(before, r);
	rc = get_set(tid, NT_PRSTATUS, &u, &len);
	if (rc < 0)
		return rc;
	if (!exit) {
		r->orig_arg0 = u.regs[0];
		return 0;
	}
	u.regs[7] = before.regs[7];
	/* The kernel kept the number of the call until here, but for rt_sigreturn. */
	r->restarts_nr = before.regs[8];
	STORE(r, u);
	len = sizeof(nr);
	rc = get_set(tid, NT_ARM_SYSTEM_CALL, &nr, &len);
	r->in_call = !rc && nr != -1;
	/* Registers that rt_sigreturn brought; x7 too, but it was not shown. */
	return r->in_call ? 0 : -EAGAIN;
}

static bool is_restart(uint64_t x0)
{
	switch (-(int64_t)x0) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return true;
	}
	return false;
}

bool inject_arch_has_own_mask(const struct inject_regs *r)
{
	struct user_regs_struct u;

	LOAD(u, r);
	return r->in_call && inject_is_mask_call((long)u.regs[8]);
}

/*
 * The stop of a call that answered EINTR shows that answer in the place of the
 * first argument, which /proc told while the thread slept.  A call that only
 * looks like it is one to restart just the same.
 */
static bool slept_in(const struct user_regs_struct *u, const struct inject_sleep *slept)
{
	return slept->known && u->pc == slept->pc && u->sp == slept->sp &&
	       (long)u->regs[8] == slept->nr &&
	       !memcmp(u->regs + 1, slept->args + 1, 5 * sizeof(u->regs[0]));
}

int inject_arch_mend(const struct inject_target *t, struct inject_regs *r,
		     const struct inject_sleep *slept)
{
	struct user_regs_struct u;
	uint32_t insn;

	LOAD(u, r);
	if (!r->in_call) {
		if ((int64_t)u.regs[0] != -EINTR || !inject_is_eintr_call(u.regs[8]) ||
		    inject_target_read(t, u.pc - 4, &insn, sizeof(insn)) || insn != INSN_SVC)
			return 0;
		if (!slept_in(&u, slept))
			return -EAGAIN;
		u.regs[0] = slept->args[0];
		u.pc -= 4;
		STORE(r, u);
		r->mended = true;
		return 1;
	}
	if ((int64_t)u.regs[0] == -EINTR && inject_is_eintr_call(u.regs[8])) {
		u.regs[0] = -ERESTARTNOHAND;
		STORE(r, u);
		return 1;
	}
	/* "mov x8, #nr; svc #0", where x8 itself has restart_syscall by now. */
	if (r->restarts_nr == SYS_restart_syscall &&
	    !inject_target_read(t, u.pc - 8, &insn, sizeof(insn)) &&
	    (insn & INSN_MOV_X8_MASK) == INSN_MOV_X8(0)) {
		switch (insn >> 5 & 0xffff) {
		case SYS_clock_nanosleep:
		case SYS_futex:
		case SYS_nanosleep:
			r->restarts_nr = insn >> 5 & 0xffff;
		}
	}
	return 0;
}

bool inject_arch_unmend(struct inject_regs *r)
{
	struct user_regs_struct u;

	if (!r->mended || r->in_call)
		return false;
	LOAD(u, r);
	u.regs[0] = -EINTR;
	u.pc += 4;
	STORE(r, u);
	r->mended = false;
	return true;
}

/* The same thread, standing before the svc that makes the interrupted call again. */
static struct user_regs_struct rewound(const struct inject_regs *r, bool from_start)
{
	struct user_regs_struct u;
	bool block;

	LOAD(u, r);
	if (!r->in_call || !is_restart(u.regs[0]))
		return u;
	block = -(int64_t)u.regs[0] == ERESTART_RESTARTBLOCK;
	u.pc -= 4;
	u.regs[0] = r->orig_arg0;
	if (block)
		u.regs[8] = from_start ? (uint64_t)r->restarts_nr : SYS_restart_syscall;
	return u;
}

/* ------------------------------------------------------------------ */
/* the frame								*/

/* arch/arm64/kernel/signal.c struct rt_sigframe and uapi/asm/sigcontext.h: the kernel's ABI */
struct frame {
	uint8_t siginfo[128];
	uint64_t uc_flags;
	uint64_t uc_link;
	uint64_t ss_sp;
	uint32_t ss_flags;
	uint32_t ss_pad;
	uint64_t ss_size;
	uint64_t sigmask;
	uint8_t unused[120];
	uint64_t pad;
	uint64_t fault_address;
	uint64_t regs[31];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
	uint64_t pad2;
	_Alignas(16) uint8_t reserved[4096];
};

_Static_assert(sizeof(struct frame) == 128 + 4560, "the kernel's layout");

struct record {
	uint32_t magic, size;
};

struct fpsimd_record {
	struct record head;
	uint32_t fpsr, fpcr;
	uint8_t vregs[512];
};

struct sve_record {
	struct record head;
	uint16_t vl, flags, pad[2];
};

/* Z and P registers and the first-fault register, for vectors of that many bytes. */
static size_t sve_regs_len(size_t vl)
{
	return 32 * vl + 17 * vl / 8;
}

size_t inject_arch_frame(const struct inject_regs *r, const struct inject_code *c __unused,
			 uint64_t at __unused, uint8_t *buf, size_t len)
{
	struct user_regs_struct u = rewound(r, true);
	struct fpsimd_record fp = { .head = { FPSIMD_MAGIC, sizeof(fp) } };
	struct user_fpsimd_struct v;
	struct frame *f = (void *)buf;
	struct sve_header h;
	size_t used;

	if (len < sizeof(*f) || r->fp_len < sizeof(v) - 8)
		return 0;
	memset(f, 0, sizeof(*f));
	/* No such mode: the kernel leaves the signal stack as it is. */
	f->ss_flags = 0x1000;
	f->sigmask = r->mask;
	memcpy(f->regs, u.regs, sizeof(f->regs));
	f->sp = u.sp;
	f->pc = u.pc;
	f->pstate = u.pstate;
	memcpy(&v, r->fp, sizeof(v));
	fp.fpsr = v.fpsr;
	fp.fpcr = v.fpcr;
	memcpy(fp.vregs, v.vregs, sizeof(fp.vregs));
	memcpy(f->reserved, &fp, sizeof(fp));
	used = sizeof(fp);
	if (r->fp_more_len) {
		struct sve_record sve = { .head = { SVE_MAGIC, 0 } };
		size_t regs;

		memcpy(&h, r->fp + INJECT_FP_MORE, sizeof(h));
		regs = sve_regs_len(h.vl);
		sve.vl = h.vl;
		sve.head.size = (sizeof(sve) + regs + 15) / 16 * 16;
		/* Vectors beyond 512 bits would need an extra record; no processor has them. */
		if (used + sve.head.size + sizeof(struct record) > sizeof(f->reserved) ||
		    r->fp_more_len < sizeof(h) + regs)
			return 0;
		memcpy(f->reserved + used, &sve, sizeof(sve));
		memcpy(f->reserved + used + sizeof(sve), r->fp + INJECT_FP_MORE + sizeof(h), regs);
	}
	return sizeof(*f);
}

/* ------------------------------------------------------------------ */
/* calls								*/

int inject_arch_call(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		     uint64_t at, const struct ksm_inject_call *call)
{
	struct user_regs_struct u;

	LOAD(u, r);
	memcpy(u.regs, call->args, sizeof(call->args));
	u.regs[8] = call->nr;
	u.regs[30] = c->back;
	u.sp = at;
	u.pc = c->call;
	u.pstate &= ~PSTATE_BTYPE;
	return put_set(tid, NT_PRSTATUS, &u, sizeof(u));
}

/* Only the number of the call has to change then, which is apart from the registers. */
int inject_arch_detour(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		       uint64_t at, const struct ksm_inject_call *call)
{
	struct ksm_inject_call back = *call;

	back.nr = SYS_rt_sigreturn;
	return inject_arch_call(tid, r, c, at, &back);
}

bool inject_arch_is_detour(pid_t tid, const struct inject_code *c, uint64_t at)
{
	struct user_regs_struct u;
	size_t len = sizeof(u), nr_len = sizeof(int);
	int nr = -1;

	return get_set(tid, NT_PRSTATUS, &u, &len) >= 0 && len == sizeof(u) &&
	       get_set(tid, NT_ARM_SYSTEM_CALL, &nr, &nr_len) >= 0 &&
	       nr == SYS_rt_sigreturn && u.pc == c->call + inject_arch_call_len && u.sp == at;
}

int inject_arch_swap(pid_t tid, const struct inject_regs *r __unused,
		     const struct inject_code *c __unused, uint64_t at __unused,
		     const struct ksm_inject_call *call)
{
	int nr = (int)call->nr;

	return put_set(tid, NT_ARM_SYSTEM_CALL, &nr, sizeof(nr));
}

/* Before it is led through the call: the kernel has rewound it and replaced its number. */
bool inject_arch_restart(const struct inject_regs *r, struct seccomp_data *as)
{
	struct user_regs_struct u;

	LOAD(u, r);
	*as = (struct seccomp_data){
		.nr = SYS_restart_syscall,
		.arch = inject_arch_audit,
		.instruction_pointer = u.pc + inject_arch_call_len,
		.args = { u.regs[0], u.regs[1], u.regs[2], u.regs[3], u.regs[4], u.regs[5] },
	};
	return !r->in_call && u.regs[8] == SYS_restart_syscall;
}

bool inject_arch_restart_anew(struct inject_regs *r, const struct inject_sleep *slept)
{
	struct user_regs_struct u;

	LOAD(u, r);
	if (!slept->known || slept->nr < 0 || slept->nr == SYS_restart_syscall ||
	    slept->sp != u.sp || slept->pc != u.pc + inject_arch_call_len)
		return false;
	u.regs[8] = slept->nr;
	STORE(r, u);
	return true;
}

int inject_arch_result(pid_t tid, const struct inject_code *c, long *result)
{
	struct user_regs_struct u;
	size_t len = sizeof(u);
	long rc = get_set(tid, NT_PRSTATUS, &u, &len);

	if (rc < 0)
		return rc;
	if (len != sizeof(u) || u.pc != c->call + inject_arch_call_len)
		return -ENOEXEC;
	*result = u.regs[0];
	return 0;
}

bool inject_arch_last_call(const struct inject_regs *r, struct ksm_inject_call *call)
{
	struct user_regs_struct u;

	LOAD(u, r);
	if (!r->in_call || !is_restart(u.regs[0]))
		return false;
	*call = (struct ksm_inject_call){ .nr = SYS_getpid, .args = { r->orig_arg0 } };
	return true;
}

int inject_arch_put(pid_t tid, const struct inject_regs *r, bool at_exit)
{
	struct user_regs_struct u;
	int none = -1;
	long rc = 0;

	LOAD(u, r);
	if (r->fp_more_len)
		rc = put_set(tid, NT_ARM_SVE, r->fp + INJECT_FP_MORE, r->fp_more_len);
	/* What a computing thread has in x0 is not the result of our call. */
	if (!rc && at_exit && !r->in_call)
		rc = put_set(tid, NT_ARM_SYSTEM_CALL, &none, sizeof(none));
	/* In the middle of signal handling, the kernel has decided about restarts already. */
	if (!at_exit)
		u = rewound(r, false);
	return rc < 0 ? rc : put_set(tid, NT_PRSTATUS, &u, sizeof(u));
}
