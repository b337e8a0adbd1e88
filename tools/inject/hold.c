// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hold.c - hold a process at the end of its exec; see hold.h.
 *
 * At that moment nothing is in progress and nobody waits for anything, so none
 * of the care of inject-trace.c is needed; what an architecture must know is
 * taken from there.
 */
#include "inject/hold.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "inject/inject-arch.h"
#include "inject/ptrace.h"
#include "libksm/sys.h"

/* The vdso has two to four pages. */
#define VDSO_MAX (64U << 10)

/* The next stop; -ESRCH when there will be none. */
static int wait_stop(pid_t pid, int *status)
{
	int rc;

	do
		rc = sys_wait_tracee(pid, status);
	while (rc == -EINTR);
	if (rc < 0)
		return rc == -ECHILD ? -ESRCH : rc;
	return *status < 0 ? -ESRCH : 0;
}

/* To the next entry or exit of a system call. */
static int step(pid_t pid)
{
	int status, rc = ptrace_resume(pid, SYS_PTRACE_SYSCALL, 0);

	while (!rc) {
		rc = wait_stop(pid, &status);
		if (rc || ptrace_is_syscall(status))
			break;
		/* A signal cannot be put off here; it takes effect when the stop is over. */
		rc = ptrace_resume(pid, SYS_PTRACE_SYSCALL, ptrace_event(status) ? 0 : ptrace_signal(status));
	}
	return rc;
}

int ksm_hold_begin(pid_t pid)
{
	const unsigned long options = SYS_PTRACE_O_TRACEEXEC | SYS_PTRACE_O_TRACESYSGOOD |
				      SYS_PTRACE_O_EXITKILL;

	return sys_ptrace(SYS_PTRACE_SEIZE, pid, 0, (void *)options);
}

int ksm_hold_exec(pid_t pid)
{
	int status, rc;

	for (;;) {
		rc = wait_stop(pid, &status);
		if (rc)
			return rc;
		/* From the middle of exec to its exit, where registers can be set. */
		if (ptrace_event(status) == SYS_PTRACE_EVENT_EXEC)
			return step(pid);
		/* A stop of the whole process stays one. */
		if (ptrace_event(status) == SYS_PTRACE_EVENT_STOP && ptrace_signal(status) != SIGTRAP)
			rc = ptrace_resume(pid, SYS_PTRACE_LISTEN, 0);
		else
			rc = ptrace_resume(pid, SYS_PTRACE_CONT,
				    ptrace_event(status) ? 0 : ptrace_signal(status));
		if (rc)
			return rc;
	}
}

static int find_vdso(const struct ksm_vma *vma, void *arg)
{
	struct ksm_vma *out = arg;

	if (strcmp(vma->name, "[vdso]"))
		return 0;
	*out = *vma;
	return 1;
}

static int find_code(struct ksm *k, pid_t pid, struct inject_code *code)
{
	uint8_t *text __cleanup_free = NULL;
	struct ksm_vma vdso = { 0 };
	size_t len;
	int rc = ksm_vmas_walk(k, pid, find_vdso, &vdso);

	memset(code, 0, sizeof(*code));
	if (rc < 0)
		return rc;
	len = vdso.end - vdso.start;
	if (!len || len > VDSO_MAX)
		return -EOPNOTSUPP;
	text = malloc(len);
	if (!text)
		return -ENOMEM;
	rc = ptrace_read(pid, vdso.start, text, len);
	if (rc)
		return rc;
	inject_arch_find(code, text, len, vdso.start);
	return code->call ? 0 : -EOPNOTSUPP;
}

int ksm_hold_call(struct ksm *k, pid_t pid, struct ksm_inject_call *call)
{
	struct inject_regs *regs __cleanup_free = NULL;
	enum ksm_inject_why why;
	struct inject_code code;
	uint64_t sp;
	int rc;

	call->done = false;
	if (posix_memalign((void **)&regs, _Alignof(struct inject_regs), sizeof(*regs)))
		return -ENOMEM;
	memset(regs, 0, sizeof(*regs));
	rc = find_code(k, pid, &code);
	if (!rc)
		rc = inject_arch_read(pid, regs, &why);
	if (rc)
		return rc;
	sp = inject_arch_sp(regs);
	rc = inject_arch_call(pid, regs, &code, sp, call);
	if (!rc)
		rc = step(pid);
	if (!rc)
		rc = step(pid);
	if (!rc)
		rc = inject_arch_result(pid, &code, &call->result);
	call->done = !rc;
	/* Nothing to put back in one that is gone: it may have been told to exit. */
	if (rc == -ESRCH)
		return rc;
	return inject_arch_put(pid, regs, true) ?: rc;
}

int ksm_hold_merge_set(struct ksm *k, pid_t pid)
{
	struct ksm_inject_call set = { .nr = SYS_prctl, .args = { PR_SET_MEMORY_MERGE, 1 } };
	struct ksm_inject_call get = { .nr = SYS_prctl, .args = { PR_GET_MEMORY_MERGE } };
	int rc = ksm_hold_call(k, pid, &set);

	if (!rc && set.result)
		rc = (int)set.result;
	if (!rc)
		rc = ksm_hold_call(k, pid, &get);
	if (!rc && get.result != 1)
		rc = get.result < 0 ? (int)get.result : -EPROTO;
	return rc;
}

int ksm_hold_end(pid_t pid)
{
	return ptrace_resume(pid, SYS_PTRACE_DETACH, 0);
}

int ksm_hold_quit(struct ksm *k, pid_t pid, int status)
{
	struct ksm_inject_call call = { .nr = SYS_exit_group, .args = { (unsigned int)status } };
	int rc = ksm_hold_call(k, pid, &call);

	if (rc == -ESRCH)
		return 0;
	kill(pid, SIGKILL);
	return rc ?: -EPROTO;
}
