// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-x86_64.c - registers, code and the signal frame of x86_64.
 *
 * The chain is: "syscall; ret" with the stack pointer at a signal frame, whose
 * first word is the address of "mov $15, %eax; syscall": to the kernel and to
 * an unwinder the thread looks as if it returned from a signal handler.
 *
 * Facts of Linux 6.12, same since 4.7 unless said otherwise:
 * - arch/x86/kernel/signal.c arch_do_signal_or_restart(): the restart of an
 *   interrupted call is decided from ax and orig_ax after get_signal(), inside
 *   of which the thread stops: so the stop shows ax = -ERESTART*, and what is
 *   put back there is acted upon as if nothing had been.
 * - arch/x86/kernel/signal_64.c restore_sigcontext(): rt_sigreturn makes any
 *   pending restart_syscall answer EINTR, so a frame must name the call itself.
 * - arch/x86/kernel/fpu/signal.c: a frame without floating point resets it.
 */
#include "inject/inject-arch.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "libksm/sys.h"
#include "util/macros.h"

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

const bool inject_arch_supported = true;
const bool inject_arch_wants_sleep = false;
const size_t inject_arch_pc_at = offsetof(struct user_regs_struct, rip);
const size_t inject_arch_sp_at = offsetof(struct user_regs_struct, rsp);
const uint32_t inject_arch_audit = AUDIT_ARCH_X86_64;
const unsigned int inject_arch_call_len = 2;

/* include/linux/errno.h of the kernel; never seen by programs */
enum {
	ERESTARTSYS = 512,
	ERESTARTNOINTR = 513,
	ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516,
};

#define LOAD(var, r) memcpy(&(var), (r)->general, sizeof(var))
#define STORE(r, var) memcpy((r)->general, &(var), sizeof(var))

/* ------------------------------------------------------------------ */
/* code									*/

/*
 * Length of what runs from a syscall instruction to the return behind it, or 0.
 * In between may be "xor %reg, %reg": kernels built to clear registers on
 * return (CONFIG_ZERO_CALL_USED_REGS) have that in the vdso.
 */
static size_t match_call(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;

	if (end - p < 3 || p[0] != 0x0f || p[1] != 0x05)
		return 0;
	for (p += 2; p < end && p - start < INJECT_CODE_BYTES;) {
		if (*p == 0xc3)
			return p + 1 - start;
		if (*p == 0x45)
			p++;
		if (end - p < 2 || p[0] != 0x31 || (p[1] & 0xc0) != 0xc0 ||
		    (p[1] >> 3 & 7) != (p[1] & 7))
			return 0;
		/* Without the prefix, register 4 is the stack pointer. */
		if ((p[1] & 7) == 4 && p[-1] != 0x45)
			return 0;
		p += 2;
	}
	return 0;
}

static size_t match_back(const uint8_t *p, const uint8_t *end)
{
	static const uint8_t long_form[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	static const uint8_t short_form[] = { 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05 };

	if (end - p >= (ptrdiff_t)sizeof(long_form) && !memcmp(p, long_form, sizeof(long_form)))
		return sizeof(long_form);
	if (end - p >= (ptrdiff_t)sizeof(short_form) && !memcmp(p, short_form, sizeof(short_form)))
		return sizeof(short_form);
	return 0;
}

bool inject_arch_find(struct inject_code *c, const uint8_t *buf, size_t len, uint64_t addr)
{
	const uint8_t *end = buf + len;

	for (const uint8_t *p = buf; p < end && !(c->call && c->back); p++) {
		/* Every sequence starts with one of these. */
		if (*p == 0x0f && !c->call) {
			c->call_len = match_call(p, end);
			if (c->call_len) {
				c->call = addr + (p - buf);
				memcpy(c->call_bytes, p, c->call_len);
			}
		} else if ((*p == 0x48 || *p == 0xb8) && !c->back) {
			c->back_len = match_back(p, end);
			if (c->back_len) {
				c->back = addr + (p - buf);
				memcpy(c->back_bytes, p, c->back_len);
			}
		}
	}
	return c->call && c->back;
}

/*
 * Under a shadow stack (Linux 6.6) neither the return nor the sigreturn of the
 * chain would pass.
 */
enum ksm_inject_why inject_arch_refuses(const char *status, bool wants)
{
	const char *line = strstr(status, "\nx86_Thread_features:");
	const char *end = line ? strchr(line + 1, '\n') : NULL;
	const char *word = line ? strstr(line, "shstk") : NULL;

	/* Without its end, what it would have said is not known. */
	if (!end)
		return line || wants ? KSM_INJECT_STATUS : KSM_INJECT_FINE;
	return word && word < end ? KSM_INJECT_SHSTK : KSM_INJECT_FINE;
}

/* ------------------------------------------------------------------ */
/* registers								*/

int inject_arch_read(pid_t tid, struct inject_regs *r, enum ksm_inject_why *why)
{
	struct iovec iov = { r->general, sizeof(r->general) };
	long rc = sys_ptrace(SYS_PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov);

	if (rc < 0)
		return rc;
	r->general_len = iov.iov_len;
	r->restarts_nr = -1;
	/* A thread in 32-bit code answers with the smaller set of i386. */
	if (iov.iov_len == sizeof(struct user_regs_struct))
		return 0;
	*why = KSM_INJECT_COMPAT;
	return -EOPNOTSUPP;
}

int inject_arch_read_fp(pid_t tid, struct inject_regs *r)
{
	struct iovec iov = { r->fp, sizeof(r->fp) };
	long rc = sys_ptrace(SYS_PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov);

	r->fp_note = NT_X86_XSTATE;
	if (rc == -ENODEV || rc == -EINVAL) {
		/* A processor without XSAVE: 512 bytes of FXSAVE. */
		iov.iov_len = sizeof(r->fp);
		r->fp_note = NT_PRFPREG;
		rc = sys_ptrace(SYS_PTRACE_GETREGSET, tid, NT_PRFPREG, &iov);
	}
	r->fp_len = rc < 0 ? 0 : iov.iov_len;
	return rc < 0 ? rc : 0;
}

bool inject_arch_unsettled(const struct inject_target *t __unused,
			   const struct inject_regs *r __unused)
{
	return false;
}

int inject_arch_settled(pid_t tid __unused, struct inject_regs *r __unused, bool exit __unused)
{
	return 0;
}

bool inject_arch_has_own_mask(const struct inject_regs *r)
{
	struct user_regs_struct u;

	LOAD(u, r);
	return inject_is_mask_call((long)u.orig_rax);
}

/* "mov $nr, %eax; syscall", as C libraries have it. */
static long nr_before(const struct inject_target *t, uint64_t pc)
{
	uint8_t b[7];
	uint32_t nr;

	if (inject_target_read(t, pc - sizeof(b), b, sizeof(b)) || b[0] != 0xb8 || b[5] != 0x0f ||
	    b[6] != 0x05)
		return -1;
	memcpy(&nr, b + 1, sizeof(nr));
	return nr;
}

int inject_arch_mend(const struct inject_target *t, struct inject_regs *r,
		     const struct inject_sleep *slept __unused)
{
	struct user_regs_struct u;
	long ax;

	LOAD(u, r);
	if ((long)u.orig_rax < 0)
		return 0;
	ax = (long)u.rax;
	if (ax == -EINTR && inject_is_eintr_call(u.orig_rax)) {
		u.rax = -ERESTARTNOHAND;
		STORE(r, u);
		return 1;
	}
	if (ax == -ERESTART_RESTARTBLOCK && u.orig_rax == SYS_restart_syscall) {
		/* Interrupted a second time: only the program text has the number now. */
		long nr = nr_before(t, u.rip);

		switch (nr) {
		case SYS_clock_nanosleep:
		case SYS_futex:
		case SYS_nanosleep:
		case SYS_poll:
			r->restarts_nr = nr;
			break;
		}
	}
	return 0;
}

bool inject_arch_unmend(struct inject_regs *r __unused)
{
	return false;
}

/* ------------------------------------------------------------------ */
/* the frame								*/

/* arch/x86/include/asm/sigframe.h struct rt_sigframe of the kernel: its ABI */
struct frame {
	uint64_t pretcode;
	uint64_t uc_flags;
	uint64_t uc_link;
	uint64_t ss_sp;
	uint32_t ss_flags;
	uint32_t ss_pad;
	uint64_t ss_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate;
	uint64_t reserved[8];
	uint64_t sigmask;
};

_Static_assert(sizeof(struct frame) == 8 + 40 + 256 + 8, "the kernel's layout");

enum {
	UC_FP_XSTATE = 1,
	UC_SIGCONTEXT_SS = 2,
	UC_STRICT_RESTORE_SS = 4,
};

#define FX_LEN 512
#define XHDR_LEN 64
#define SW_OFFSET 464
#define SW_MAGIC1 0x46505853U
#define SW_MAGIC2 0x46505845U
#define XFEATURE_TILE_DATA (1ULL << 18)

/* struct _fpx_sw_bytes of the kernel */
struct sw_bytes {
	uint32_t magic1;
	uint32_t extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
	uint32_t padding[7];
};

/* Where each feature ends in an XSAVE area; 0 for those that are not in it. */
static _Atomic uint32_t feature_end[63];

/* CPUID, because a virtual machine takes tens of microseconds for one. */
void inject_arch_init(void)
{
	unsigned int a, b, c, d;

	if (feature_end[2] || !__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		return;
	for (unsigned int i = 62; i >= 2; i--) {
		/* Bit 0 of ECX: a supervisor state. */
		if (__get_cpuid_count(0xd, i, &a, &b, &c, &d) && a && !(c & 1))
			feature_end[i] = b + a;
	}
}

/*
 * Bytes of XSAVE area up to the last of these features.  The regset is as long
 * as the largest area any process could have; the kernel takes a frame that is
 * longer than this process' own for one without extended state.
 */
static size_t xstate_size(uint64_t features, size_t max)
{
	size_t size = FX_LEN + XHDR_LEN;

	for (unsigned int i = 2; i < ARRAY_SIZE(feature_end); i++)
		if (features >> i & 1)
			size = MAX(size, feature_end[i]);
	return MIN(size, max);
}

/* Returns bytes used at @buf, 0 when it is too small. */
static size_t frame_fp(const struct inject_regs *r, uint8_t *buf, size_t len)
{
	struct sw_bytes sw = { .magic1 = SW_MAGIC1 };
	uint64_t features, in_use;
	uint32_t magic2 = SW_MAGIC2;

	if (r->fp_note == NT_PRFPREG) {
		if (len < r->fp_len)
			return 0;
		memcpy(buf, r->fp, r->fp_len);
		return r->fp_len;
	}
	if (r->fp_len < FX_LEN + XHDR_LEN)
		return 0;
	/* arch/x86/kernel/fpu/xstate.c: the first software word is XCR0 */
	memcpy(&features, r->fp + SW_OFFSET, sizeof(features));
	memcpy(&in_use, r->fp + FX_LEN, sizeof(in_use));
	/* Tiles need a permission (5.16); without it the process' area ends before them. */
	if (!(in_use & XFEATURE_TILE_DATA))
		features &= ~XFEATURE_TILE_DATA;
	sw.xfeatures = features;
	sw.xstate_size = xstate_size(features, r->fp_len);
	sw.extended_size = sw.xstate_size + sizeof(magic2);
	if (len < sw.extended_size)
		return 0;
	memcpy(buf, r->fp, sw.xstate_size);
	memcpy(buf + SW_OFFSET, &sw, sizeof(sw));
	memcpy(buf + sw.xstate_size, &magic2, sizeof(magic2));
	return sw.extended_size;
}

/*
 * The thread as it should go on when nobody is left to put its registers back:
 * before the instruction that makes the interrupted call again.
 */
static void frame_general(const struct inject_regs *r, struct frame *f)
{
	struct user_regs_struct u;

	LOAD(u, r);
	if ((long)u.orig_rax >= 0) {
		switch (-(long)u.rax) {
		case ERESTARTSYS:
		case ERESTARTNOINTR:
		case ERESTARTNOHAND:
		case ERESTART_RESTARTBLOCK:
			u.rip -= 2;
			u.rax = r->restarts_nr >= 0 ? (unsigned long)r->restarts_nr : u.orig_rax;
		}
	}
	f->r8 = u.r8;
	f->r9 = u.r9;
	f->r10 = u.r10;
	f->r11 = u.r11;
	f->r12 = u.r12;
	f->r13 = u.r13;
	f->r14 = u.r14;
	f->r15 = u.r15;
	f->di = u.rdi;
	f->si = u.rsi;
	f->bp = u.rbp;
	f->bx = u.rbx;
	f->dx = u.rdx;
	f->ax = u.rax;
	f->cx = u.rcx;
	f->sp = u.rsp;
	f->ip = u.rip;
	f->flags = u.eflags;
	f->cs = u.cs;
	f->ss = u.ss;
}

size_t inject_arch_frame(const struct inject_regs *r, const struct inject_code *c, uint64_t at,
			 uint8_t *buf, size_t len)
{
	struct frame f = {
		.pretcode = c->back,
		.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		/* No such mode: the kernel leaves the signal stack as it is. */
		.ss_flags = 0x1000,
		.sigmask = r->mask,
	};
	/* XRSTOR wants 64 bytes of alignment; @at has a page's. */
	size_t fp_at = (sizeof(f) + 63) / 64 * 64;
	size_t fp_len = len > fp_at ? frame_fp(r, buf + fp_at, len - fp_at) : 0;

	if (!fp_len)
		return 0;
	if (r->fp_note == NT_X86_XSTATE)
		f.uc_flags |= UC_FP_XSTATE;
	f.fpstate = at + fp_at;
	frame_general(r, &f);
	memcpy(buf, &f, sizeof(f));
	return fp_at + fp_len;
}

/* ------------------------------------------------------------------ */
/* calls								*/

static int set_general(pid_t tid, const struct user_regs_struct *u)
{
	struct iovec iov = { (void *)(uintptr_t)u, sizeof(*u) };

	return sys_ptrace(SYS_PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);
}

/* Before the instruction, with the arguments of @call. */
static struct user_regs_struct call_regs(const struct inject_regs *r, const struct inject_code *c,
					 const struct ksm_inject_call *call)
{
	struct user_regs_struct u;

	LOAD(u, r);
	u.rip = c->call;
	u.rdi = call->args[0];
	u.rsi = call->args[1];
	u.rdx = call->args[2];
	u.r10 = call->args[3];
	u.r8 = call->args[4];
	u.r9 = call->args[5];
	/* Not inside a system call: nothing to restart at this stop. */
	u.orig_rax = -1;
	return u;
}

int inject_arch_call(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		     uint64_t at, const struct ksm_inject_call *call)
{
	struct user_regs_struct u = call_regs(r, c, call);

	u.rsp = at;
	u.rax = call->nr;
	return set_general(tid, &u);
}

/* rt_sigreturn expects that the first word of the frame has been popped by a return. */
int inject_arch_detour(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		       uint64_t at, const struct ksm_inject_call *call)
{
	struct user_regs_struct u = call_regs(r, c, call);

	u.rsp = at + sizeof(uint64_t);
	u.rax = SYS_rt_sigreturn;
	return set_general(tid, &u);
}

bool inject_arch_is_detour(pid_t tid, const struct inject_code *c, uint64_t at)
{
	struct user_regs_struct u;
	struct iovec iov = { &u, sizeof(u) };

	return sys_ptrace(SYS_PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) >= 0 &&
	       iov.iov_len == sizeof(u) && u.orig_rax == SYS_rt_sigreturn &&
	       u.rip == c->call + inject_arch_call_len && u.rsp == at + sizeof(uint64_t);
}

int inject_arch_swap(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		     uint64_t at, const struct ksm_inject_call *call)
{
	struct user_regs_struct u = call_regs(r, c, call);

	u.rip = c->call + inject_arch_call_len;
	u.rsp = at;
	u.rax = -ENOSYS;
	u.orig_rax = call->nr;
	return set_general(tid, &u);
}

bool inject_arch_restart(const struct inject_regs *r, struct seccomp_data *as)
{
	struct user_regs_struct u;

	LOAD(u, r);
	*as = (struct seccomp_data){
		.nr = SYS_restart_syscall,
		.arch = inject_arch_audit,
		.instruction_pointer = u.rip,
		.args = { u.rdi, u.rsi, u.rdx, u.r10, u.r8, u.r9 },
	};
	return (long)u.orig_rax >= 0 && (long)u.rax == -ERESTART_RESTARTBLOCK;
}

bool inject_arch_restart_anew(struct inject_regs *r, const struct inject_sleep *slept __unused)
{
	struct user_regs_struct u;

	LOAD(u, r);
	if (u.orig_rax == SYS_restart_syscall) {
		if (r->restarts_nr < 0)
			return false;
		u.orig_rax = r->restarts_nr;
	}
	u.rax = -ERESTARTNOHAND;
	STORE(r, u);
	return true;
}

int inject_arch_result(pid_t tid, const struct inject_code *c, long *result)
{
	struct user_regs_struct u;
	struct iovec iov = { &u, sizeof(u) };
	long rc = sys_ptrace(SYS_PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov);

	if (rc < 0)
		return rc;
	if (iov.iov_len != sizeof(u) || u.rip != c->call + inject_arch_call_len)
		return -ENOEXEC;
	*result = u.rax;
	return 0;
}

bool inject_arch_last_call(const struct inject_regs *r __unused,
			   struct ksm_inject_call *call __unused)
{
	return false;
}

int inject_arch_put(pid_t tid, const struct inject_regs *r, bool at_exit __unused)
{
	struct iovec iov = { (void *)(uintptr_t)r->general, r->general_len };

	return sys_ptrace(SYS_PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);
}
