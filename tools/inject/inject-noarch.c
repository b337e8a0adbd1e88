// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-noarch.c - injection on machines that have no inject-MACHINE.c.
 *
 * Nothing here is ever reached but the constant: ksm_inject_run() looks at it
 * first.  A new architecture replaces this file, see inject-arch.h.
 */
#include "inject/inject-arch.h"

#include <errno.h>

#include "util/macros.h"

const bool inject_arch_supported = false;
const bool inject_arch_wants_sleep = false;
const size_t inject_arch_pc_at;
const size_t inject_arch_sp_at;
const uint32_t inject_arch_audit;
const unsigned int inject_arch_call_len;

void inject_arch_init(void)
{
}

bool inject_arch_find(struct inject_code *c __unused, const uint8_t *buf __unused,
		      size_t len __unused, uint64_t addr __unused)
{
	return false;
}

enum ksm_inject_why inject_arch_refuses(const char *status __unused, bool wants __unused)
{
	return KSM_INJECT_ARCH;
}

int inject_arch_read(pid_t tid __unused, struct inject_regs *r __unused,
		     enum ksm_inject_why *why __unused)
{
	return -EOPNOTSUPP;
}

int inject_arch_read_fp(pid_t tid __unused, struct inject_regs *r __unused)
{
	return -EOPNOTSUPP;
}

bool inject_arch_unsettled(const struct inject_target *t __unused,
			   const struct inject_regs *r __unused)
{
	return false;
}

int inject_arch_settled(pid_t tid __unused, struct inject_regs *r __unused, bool exit __unused)
{
	return -EOPNOTSUPP;
}

int inject_arch_mend(const struct inject_target *t __unused, struct inject_regs *r __unused,
		     const struct inject_sleep *slept __unused)
{
	return 0;
}

bool inject_arch_unmend(struct inject_regs *r __unused)
{
	return false;
}

bool inject_arch_has_own_mask(const struct inject_regs *r __unused)
{
	return false;
}

size_t inject_arch_frame(const struct inject_regs *r __unused,
			 const struct inject_code *c __unused, uint64_t at __unused,
			 uint8_t *buf __unused, size_t len __unused)
{
	return 0;
}

int inject_arch_call(pid_t tid __unused, const struct inject_regs *r __unused,
		     const struct inject_code *c __unused, uint64_t at __unused,
		     const struct ksm_inject_call *call __unused)
{
	return -EOPNOTSUPP;
}

int inject_arch_detour(pid_t tid __unused, const struct inject_regs *r __unused,
		       const struct inject_code *c __unused, uint64_t at __unused,
		       const struct ksm_inject_call *call __unused)
{
	return -EOPNOTSUPP;
}

bool inject_arch_is_detour(pid_t tid __unused, const struct inject_code *c __unused,
			   uint64_t at __unused)
{
	return false;
}

int inject_arch_swap(pid_t tid __unused, const struct inject_regs *r __unused,
		     const struct inject_code *c __unused, uint64_t at __unused,
		     const struct ksm_inject_call *call __unused)
{
	return -EOPNOTSUPP;
}

bool inject_arch_restart(const struct inject_regs *r __unused, struct seccomp_data *as __unused)
{
	return false;
}

bool inject_arch_restart_anew(struct inject_regs *r __unused,
			      const struct inject_sleep *slept __unused)
{
	return false;
}

int inject_arch_result(pid_t tid __unused, const struct inject_code *c __unused,
		       long *result __unused)
{
	return -EOPNOTSUPP;
}

bool inject_arch_last_call(const struct inject_regs *r __unused,
			   struct ksm_inject_call *call __unused)
{
	return false;
}

int inject_arch_put(pid_t tid __unused, const struct inject_regs *r __unused,
		    bool at_exit __unused)
{
	return -EOPNOTSUPP;
}
