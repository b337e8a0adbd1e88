// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seccomp.c - read the seccomp filters of a thread and run them; see seccomp.h.
 *
 * Facts of Linux 6.12: kernel/seccomp.c seccomp_check_filter() says which
 * instructions a filter has, seccomp_run_filters() which of several answers
 * counts, get_nth_filter() that the oldest filter is number 0, so that one that
 * is added meanwhile by another thread is found at the end.
 */
#include "inject/seccomp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "libksm/internal.h"
#include "libksm/sys.h"
#include "util/macros.h"

/* kernel/seccomp.c MAX_INSNS_PER_PATH: of all filters of a thread together */
#define INSNS_MAX 32768U
/* Each costs the kernel a walk over all of them; systemd adds one for each of its options. */
#define FILTERS_MAX 1024U

/* ------------------------------------------------------------------ */
/* running								*/

struct machine {
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
};

/* False: division by zero, or no such operation. */
static bool alu(uint16_t code, uint32_t *a, uint32_t by)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		*a += by;
		return true;
	case BPF_SUB:
		*a -= by;
		return true;
	case BPF_MUL:
		*a *= by;
		return true;
	case BPF_DIV:
		if (!by)
			return false;
		*a /= by;
		return true;
	case BPF_AND:
		*a &= by;
		return true;
	case BPF_OR:
		*a |= by;
		return true;
	case BPF_XOR:
		*a ^= by;
		return true;
	case BPF_LSH:
		*a <<= by & 31;
		return true;
	case BPF_RSH:
		*a >>= by & 31;
		return true;
	case BPF_NEG:
		*a = -*a;
		return true;
	}
	return false;
}

/* Instructions to leave out; -1: no such jump. */
static int64_t jump(const struct sock_filter *i, const struct machine *m)
{
	const uint32_t with = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
	bool is;

	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return i->k;
	case BPF_JEQ:
		is = m->a == with;
		break;
	case BPF_JGT:
		is = m->a > with;
		break;
	case BPF_JGE:
		is = m->a >= with;
		break;
	case BPF_JSET:
		is = m->a & with;
		break;
	default:
		return -1;
	}
	return is ? i->jt : i->jf;
}

/* False: not a load that a filter may have, or of something unknown. */
static bool load(const struct sock_filter *i, struct machine *m, const struct seccomp_data *data,
		 uint32_t unknown)
{
	uint32_t *to = BPF_CLASS(i->code) == BPF_LD ? &m->a : &m->x;

	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		*to = i->k;
		return true;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return false;
		*to = m->mem[i->k];
		return true;
	case BPF_LEN:
		*to = sizeof(*data);
		return true;
	case BPF_ABS:
		if (to != &m->a || i->k % 4 || i->k >= sizeof(*data) || unknown >> i->k / 4 & 1)
			return false;
		memcpy(to, (const char *)data + i->k, sizeof(*to));
		return true;
	}
	return false;
}

uint32_t inject_seccomp_run(const struct sock_filter *code, size_t n,
			    const struct seccomp_data *data, uint32_t unknown)
{
	struct machine m = { 0 };
	int64_t skip;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &code[pc];
		bool fine = true;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
		case BPF_LDX:
			fine = BPF_SIZE(i->code) == BPF_W && load(i, &m, data, unknown);
			break;
		case BPF_ST:
		case BPF_STX:
			fine = i->k < BPF_MEMWORDS;
			if (fine)
				m.mem[i->k] = BPF_CLASS(i->code) == BPF_ST ? m.a : m.x;
			break;
		case BPF_ALU:
			fine = alu(i->code, &m.a, BPF_SRC(i->code) == BPF_X ? m.x : i->k);
			break;
		case BPF_JMP:
			skip = jump(i, &m);
			fine = skip >= 0 && (uint64_t)skip < n - pc;
			pc += fine ? (size_t)skip : 0;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		case BPF_MISC:
			if (BPF_MISCOP(i->code) == BPF_TXA)
				m.a = m.x;
			else
				m.x = m.a;
			break;
		}
		if (!fine)
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

uint32_t inject_seccomp_answer(const struct inject_filters *f, const struct seccomp_data *data,
			       uint32_t unknown)
{
	uint32_t worst = SECCOMP_RET_ALLOW;
	const struct sock_filter *code = f->code;

	for (size_t i = 0; i < f->n; i++) {
		uint32_t now = inject_seccomp_run(code, f->len[i], data, unknown);

		/* As signed numbers: KILL_PROCESS is below all others. */
		if ((int32_t)(now & SECCOMP_RET_ACTION_FULL) <
		    (int32_t)(worst & SECCOMP_RET_ACTION_FULL))
			worst = now;
		code += f->len[i];
	}
	return worst;
}

bool inject_seccomp_allows(const struct inject_filters *f, const struct seccomp_data *data,
			   uint32_t unknown)
{
	if (f->mode == INJECT_SECCOMP_OFF)
		return true;
	/* Of the calls that strict mode has, we make this one only (mode1_syscalls[]). */
	if (f->mode == INJECT_SECCOMP_STRICT)
		return data->nr == SYS_rt_sigreturn;
	switch (inject_seccomp_answer(f, data, unknown) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return true;
	case SECCOMP_RET_LOG:
		return f->log_allows;
	}
	return false;
}

/* ------------------------------------------------------------------ */
/* reading								*/

/* One filter behind the others; -ENOENT: there is no more. */
static int read_one(pid_t tid, struct inject_filters *f, size_t *have)
{
	struct sock_filter *code;
	uint32_t *len;
	long n = sys_ptrace(SYS_PTRACE_SECCOMP_GET_FILTER, tid, f->n, NULL);

	if (n < 0)
		return n;
	if (!n || (size_t)n > INSNS_MAX - *have || f->n == FILTERS_MAX)
		return -E2BIG;
	code = reallocarray(f->code, *have + (size_t)n, sizeof(*code));
	if (!code)
		return -ENOMEM;
	f->code = code;
	len = reallocarray(f->len, f->n + 1, sizeof(*len));
	if (!len)
		return -ENOMEM;
	f->len = len;
	if (sys_ptrace(SYS_PTRACE_SECCOMP_GET_FILTER, tid, f->n, code + *have) != n)
		return -EPROTO;
	f->len[f->n++] = (uint32_t)n;
	*have += (size_t)n;
	return 0;
}

int inject_seccomp_read(pid_t tid, struct inject_filters *f, enum ksm_inject_why *why)
{
	size_t have = 0;
	int rc = 0;

	if (f->mode != INJECT_SECCOMP_FILTER)
		return 0;
	while (!rc)
		rc = read_one(tid, f, &have);
	switch (rc) {
	case -ENOENT:
		if (f->n)
			return 0;
		break;
	case -EACCES:
		*why = KSM_INJECT_SECCOMP;
		return rc;
	case -EIO:		/* before 4.4 */
	case -EINVAL:		/* without CONFIG_CHECKPOINT_RESTORE */
	case -EMEDIUMTYPE:	/* a filter that is not kept */
		*why = KSM_INJECT_SECCOMP_OLD;
		return -EOPNOTSUPP;
	case -E2BIG:
		*why = KSM_INJECT_SECCOMP_LONG;
		return -EOPNOTSUPP;
	}
	return rc;
}

void inject_seccomp_fini(struct inject_filters *f)
{
	free(f->code);
	free(f->len);
	f->code = NULL;
	f->len = NULL;
	f->n = 0;
}

/* ------------------------------------------------------------------ */
/* foreseeing								*/

enum ksm_inject_why ksm_inject_seccomp(struct ksm *k, int mode)
{
	if (mode == INJECT_SECCOMP_OFF)
		return KSM_INJECT_FINE;
	if (mode != INJECT_SECCOMP_STRICT && mode != INJECT_SECCOMP_FILTER)
		return KSM_INJECT_STATUS;
	/* Of a dump, the question is what root could do where it was made. */
	if (!ksm_is_live(k))
		return KSM_INJECT_FINE;
	/* kernel/seccomp.c seccomp_get_filter(), kernel/ptrace.c check_ptrace_options() */
	return sys_has_sys_admin() && sys_seccomp_get() <= 0 && ksm_initial_userns(k) ?
		       KSM_INJECT_FINE : KSM_INJECT_SECCOMP;
}
