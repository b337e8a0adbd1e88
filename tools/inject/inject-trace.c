// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-trace.c - hold one thread once: seize, call, restore, let go.
 *
 * How it works
 * ------------
 * A tracer that dies detaches its tracees by itself (kernel/ptrace.c
 * exit_ptrace()), and they run on with the registers they have at that instant.
 * So there must be no instant at which those would be wrong:
 *
 *  1. Before anything is changed, a signal frame with all of the thread's
 *     registers, floating point and signal mask is written to memory that is
 *     dead (inject_target_room()).  Nobody knows of it yet.
 *  2. ONE ptrace call sets all registers: the PC at a system call instruction
 *     that the target has anyway, with a return behind it, the stack pointer at
 *     the frame, and code that calls rt_sigreturn as the address to return to.
 *     From here on a thread left alone makes the call, returns into
 *     rt_sigreturn, and has its registers back.
 *  3. Only then signals are blocked, so that no handler runs on that stack; the
 *     frame would put the mask back too.
 *  4. The thread is run to the exit of the call, any number of times.
 *  5. The mask is put back, then, again by ONE call, the registers.
 *
 * No text is written and nothing is mapped.  In the ordinary course the frame
 * is never used: it is the safety net.
 *
 * The interrupted system call
 * ---------------------------
 * A stop interrupts a call in progress as a signal would.  The kernel decides
 * about its restart on the way back to the program, from the registers, in the
 * same pass of signal handling (arch_do_signal_or_restart() in
 * arch/x86/kernel/signal.c, do_signal() in arch/arm64/kernel/signal.c).  Our
 * call spends that pass.  So the registers are put back where another pass is
 * about to begin: at the exit of our call, with PTRACE_INTERRUPT pending, which
 * sets TIF_SIGPENDING; detaching then clears the trap and not that flag
 * (__ptrace_unlink(), recalc_sigpending_tsk() never clears).  The kernel then
 * restarts the call, or gives it EINTR for a handler that a signal asked for
 * in the meantime, exactly as it would have.  restart_block, which nanosleep and
 * poll continue from, is left alone by prctl and madvise.  Temporary masks
 * (ppoll, sigsuspend): PTRACE_GETSIGMASK tells the lasting one (since 5.1),
 * and the restarted call sets its own again.
 *
 * A frame that is used (the tracer died) restarts the call from its beginning,
 * because rt_sigreturn voids restart_block: a relative sleep begins anew.
 *
 * Seccomp filters
 * ---------------
 * What a thread's filters would say to a call is found out before (seccomp.h).
 * rt_sigreturn they must allow, or the thread would not find back by itself.  A
 * call that they do not allow is made all the same, where we may suspend them
 * (PTRACE_O_SUSPEND_SECCOMP, Linux 4.3): the thread is sent into rt_sigreturn of
 * the frame, and at its entry, before filters are asked, the call takes its place
 * (suspend()).  They are suspended from there to the exit of that one call, so
 * that never an instruction of the program runs without them, and no call but the
 * one in registers that only we can write.
 *
 * The suspension ends with the trace.  One gap is left: when the tracer dies after
 * it has changed the call and before the thread, which it has let go on, has come
 * past its filters, they see the call and do with the thread what they do.
 *
 * Group stop
 * ----------
 * A seized thread of a stopped process traps with PTRACE_EVENT_STOP and can be
 * run all the same; __ptrace_unlink() sends it back into the stop, without a
 * second notification of the parent.  SIGSTOP cannot be blocked and is handed
 * on when it comes.
 */
#include "inject/inject-arch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "inject/ptrace.h"
#include "libksm/internal.h"
#include "libksm/sys.h"
#include "util/macros.h"

/* Stops in a row that are not the one waited for; a signal storm makes one or two. */
#define TRIES 64
/* How often to look whether a thread sleeps before it is stopped all the same. */
#define LOOKS 20

#define OPTIONS ((unsigned long)(SYS_PTRACE_O_TRACESYSGOOD | SYS_PTRACE_O_TRACEEXEC))

#define SIGBIT(sig) (1ULL << ((sig) - 1))
/*
 * A fault of the thread must find these unblocked, or the kernel resets their
 * handlers to kill it (force_sig_info_to_task()).
 */
#define FAULTS (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGFPE) | \
		SIGBIT(SIGTRAP) | SIGBIT(SIGSYS))

static int fail(struct inject_trace *t, enum ksm_inject_why why, int rc)
{
	t->why = why;
	return rc;
}

/* ptrace on the thread; a thread that was killed meanwhile is not an error to explain. */
static int ask(struct inject_trace *t, enum sys_ptrace_request req, unsigned long addr, void *data)
{
	long rc = sys_ptrace(req, t->target->tid, addr, data);

	if (rc == -ESRCH)
		t->why = KSM_INJECT_GONE;
	return rc < 0 ? rc : 0;
}

static int resume(struct inject_trace *t, enum sys_ptrace_request req, int sig)
{
	t->stopped = t->at_exit = false;
	return ask(t, req, 0, (void *)(uintptr_t)sig);
}

static int wait_stop(struct inject_trace *t, int *status)
{
	for (;;) {
		int rc = sys_wait_tracee(t->target->tid, status);

		if (rc == -EINTR) {
			if (inject_clock_expired(t->clock))
				return -ETIMEDOUT;
			continue;
		}
		/* Our tracee may be our caller's child: its end is not for us to reap. */
		if (!rc && *status == -1 - SIGSYS && t->armed)
			return fail(t, KSM_INJECT_KILLED, -EIO);
		if (rc < 0 || *status < 0)
			return fail(t, KSM_INJECT_GONE, -ESRCH);
		t->stopped = true;
		return 0;
	}
}

/* A thread that runs may be about to sleep, or to take a signal; after a while, it computes. */
static void look_at_sleep(struct inject_trace *t)
{
	static const struct timespec nap = { 0, 50000 };

	for (int i = 0; inject_arch_wants_sleep && i < LOOKS; i++) {
		t->slept = inject_target_sleep(t->target);
		if (t->slept.known)
			return;
		nanosleep(&nap, NULL);
	}
}

/*
 * Bring the thread to a stop that is nobody's business: signals on their way
 * are delivered first, and their stop uses up the interrupt (ptrace_stop()).
 */
static int catch(struct inject_trace *t)
{
	int status, rc;

	inject_clock_set(t->clock, t->limits.stop_ms);
	look_at_sleep(t);
	rc = ask(t, SYS_PTRACE_INTERRUPT, 0, NULL);
	for (int i = 0; !rc && i < TRIES; i++) {
		rc = wait_stop(t, &status);
		if (rc == -ETIMEDOUT)
			return fail(t, KSM_INJECT_BUSY, -EBUSY);
		if (rc)
			return rc;
		if (ptrace_event(status) == SYS_PTRACE_EVENT_STOP)
			return 0;
		if (ptrace_event(status) == SYS_PTRACE_EVENT_EXEC)
			return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
		rc = ask(t, SYS_PTRACE_INTERRUPT, 0, NULL);
		if (!rc)
			rc = resume(t, SYS_PTRACE_CONT, ptrace_signal(status));
	}
	return rc ? rc : fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
}

/*
 * A thread in a restartable sequence goes on at that sequence's abort handler:
 * it has been off its processor, so the kernel would send it there itself on the
 * way back to the program (kernel/rseq.c rseq_ip_fixup()).  But on that way the
 * kernel would see our PC, take the sequence for left, and let it be completed
 * afterwards as if nothing had come in between.
 */
static int leave_rseq(struct inject_trace *t)
{
	/* struct rseq_cs of include/uapi/linux/rseq.h */
	struct {
		uint32_t version, flags;
		uint64_t start, len, abort;
	} cs;
	struct sys_rseq_config conf = { 0 };
	uint32_t signature;
	uint64_t ptr;

	/* Before 5.13 there is no way to know. */
	if (ask(t, SYS_PTRACE_GET_RSEQ_CONFIGURATION, sizeof(conf), &conf) || !conf.area)
		return 0;
	/* offsetof(struct rseq, rseq_cs) */
	if (inject_target_read(t->target, conf.area + 8, &ptr, sizeof(ptr)) || !ptr ||
	    inject_target_read(t->target, ptr, &cs, sizeof(cs)) ||
	    inject_arch_pc(&t->regs) - cs.start >= cs.len)
		return 0;
	/* Where the kernel would do something else than to abort it, it shall. */
	if (cs.version || cs.flags ||
	    inject_target_read(t->target, cs.abort - sizeof(signature), &signature,
			sizeof(signature)) ||
	    signature != conf.signature)
		return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
	inject_arch_set_pc(&t->regs, cs.abort);
	return inject_arch_put(t->target->tid, &t->regs, false);
}

static bool has_dispatch(struct inject_trace *t)
{
	struct sys_sud_config conf = { 0 };

	return !ask(t, SYS_PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, sizeof(conf), &conf) &&
	       conf.mode;
}

static int read_general(struct inject_trace *t)
{
	int rc = inject_arch_read(t->target->tid, &t->regs, &t->why);

	return rc == -ESRCH ? fail(t, KSM_INJECT_GONE, rc) : rc;
}

/*
 * A call that answers EINTR to a stop is mended at once, not when all is done:
 * from here on it restarts, even if nobody comes back to it.
 */
static int mend(struct inject_trace *t)
{
	int rc = inject_arch_mend(t->target, &t->regs, &t->slept);

	if (rc == -EAGAIN)
		return fail(t, KSM_INJECT_UNSETTLED, rc);
	return rc ? inject_arch_put(t->target->tid, &t->regs, t->at_exit) : 0;
}

/* Through the entry to the exit of the call that the thread is about to restart. */
static int settle(struct inject_trace *t)
{
	bool exit = false;
	int status, rc;

	for (int i = 0; i < TRIES; i++) {
		/* At the entry, see to it that the call does not block. */
		rc = exit ? ask(t, SYS_PTRACE_INTERRUPT, 0, NULL) : 0;
		if (!rc)
			rc = resume(t, SYS_PTRACE_SYSCALL, 0);
		if (!rc)
			rc = wait_stop(t, &status);
		if (rc)
			return rc == -ETIMEDOUT ? fail(t, KSM_INJECT_BUSY, -EBUSY) : rc;
		if (!ptrace_event(status) && !ptrace_is_syscall(status)) {
			/* Its handler comes first. */
			t->signal = ptrace_signal(status);
			if (inject_arch_unmend(&t->regs))
				inject_arch_put(t->target->tid, &t->regs, false);
			break;
		}
		if (ptrace_event(status) == SYS_PTRACE_EVENT_STOP)
			continue;
		if (ptrace_event(status))
			break;
		t->at_exit = exit;
		rc = inject_arch_settled(t->target->tid, &t->regs, exit);
		if (rc == -EAGAIN)
			break;
		if (rc || exit)
			return rc;
		exit = true;
	}
	return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
}

/*
 * The stop itself may be what a filter kills for: it makes a sleep go on by
 * restart_syscall, which few filters that were written by hand allow.  Such a
 * sleep is begun anew.
 */
static int mend_restart(struct inject_trace *t)
{
	struct seccomp_data as;

	if (!inject_arch_restart(&t->regs, &as) || inject_seccomp_allows(&t->filters, &as, 0) ||
	    !inject_arch_restart_anew(&t->regs, &t->slept))
		return 0;
	return inject_arch_put(t->target->tid, &t->regs, t->at_exit);
}

static int check_target(struct inject_trace *t)
{
	int rc;

	inject_seccomp_fini(&t->filters);
	t->filters.log_allows = t->target->log_allows;
	rc = inject_target_check(t->target, &t->filters.mode, &t->why);
	if (!rc)
		rc = inject_seccomp_read(t->target->tid, &t->filters, &t->why);
	if (rc == -ESRCH)
		return fail(t, KSM_INJECT_GONE, rc);
	return rc ? rc : mend_restart(t);
}

/* The thread in a stop from which it can be sent elsewhere, and t->regs with all of it. */
static int prepare(struct inject_trace *t)
{
	int rc = catch(t);

	if (!rc)
		rc = read_general(t);
	if (!rc)
		rc = mend(t);
	if (!rc)
		rc = check_target(t);
	if (!rc && has_dispatch(t))
		rc = fail(t, KSM_INJECT_DISPATCH, -EACCES);
	if (!rc)
		rc = leave_rseq(t);
	if (rc)
		return rc;
	if (inject_arch_unsettled(t->target, &t->regs)) {
		rc = settle(t);
		if (!rc)
			rc = mend(t);
		if (rc)
			return rc;
	}
	if (t->target->hides_mask && inject_arch_has_own_mask(&t->regs))
		return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
	rc = inject_arch_read_fp(t->target->tid, &t->regs);
	if (rc == -EAGAIN)
		return fail(t, KSM_INJECT_UNSETTLED, rc);
	return rc ? rc : ask(t, SYS_PTRACE_GETSIGMASK, sizeof(t->regs.mask), &t->regs.mask);
}

/* Would its filters let it return from the call at @pc into its own registers? */
static bool may_return(const struct inject_trace *t, uint64_t pc)
{
	/* With whatever the call before has left in the registers. */
	const struct seccomp_data back = {
		.nr = SYS_rt_sigreturn,
		.arch = inject_arch_audit,
		.instruction_pointer = pc,
	};

	return inject_seccomp_allows(&t->filters, &back, INJECT_SECCOMP_ARGS);
}

/* Point the thread at a call; one that its filters do not allow is made by a detour. */
static int point_at(struct inject_trace *t, const struct ksm_inject_call *call)
{
	const struct inject_code *code = &t->target->code;
	struct seccomp_data as = {
		.nr = (int)call->nr,
		.arch = inject_arch_audit,
		.instruction_pointer = code->call + inject_arch_call_len,
	};

	for (size_t i = 0; i < ARRAY_SIZE(as.args); i++)
		as.args[i] = call->args[i];
	t->detour = !inject_seccomp_allows(&t->filters, &as, 0);
	if (!t->detour)
		return inject_arch_call(t->target->tid, &t->regs, code, t->frame_at, call);
	if (!may_return(t, as.instruction_pointer))
		return fail(t, KSM_INJECT_SECCOMP_BACK, -EACCES);
	return inject_arch_detour(t->target->tid, &t->regs, code, t->frame_at, call);
}

/* From the moment that t->armed is set, the thread finds its own way back. */
static int arm(struct inject_trace *t)
{
	const struct inject_target *target = t->target;
	/* One of them may be blocked, and even pending: so it stays. */
	uint64_t blocked = ~FAULTS | t->regs.mask;
	size_t page = target->page_size;
	size_t len;
	int rc;

	if (!may_return(t, target->code.back + target->code.back_len))
		return fail(t, KSM_INJECT_SECCOMP_BACK, -EACCES);
	len = inject_arch_frame(&t->regs, &target->code, 0, t->frame, INJECT_FRAME_MAX);
	len = (len + page - 1) / page * page;
	if (!len || len > INJECT_FRAME_MAX)
		return fail(t, KSM_INJECT_NO_ROOM, -EOPNOTSUPP);
	t->frame_at = inject_target_room(target, inject_arch_sp(&t->regs), len);
	if (!t->frame_at)
		return fail(t, KSM_INJECT_NO_ROOM, -EOPNOTSUPP);
	inject_arch_frame(&t->regs, &target->code, t->frame_at, t->frame, INJECT_FRAME_MAX);
	rc = ptrace_read(target->tid, t->frame_at, t->old, len);
	if (!rc)
		rc = ptrace_write(target->tid, t->frame_at, t->frame, len);
	if (rc)
		return rc;
	t->frame_len = len;
	rc = point_at(t, &t->calls[0]);
	if (rc)
		return rc == -ESRCH ? fail(t, KSM_INJECT_GONE, rc) : rc;
	t->armed = true;
	return ask(t, SYS_PTRACE_SETSIGMASK, sizeof(blocked), &blocked);
}

/*
 * A signal in spite of the blocked mask.  SIGSTOP is passed on and the call
 * goes on; a fault is our doing and is swallowed; anything else is delivered to
 * the thread as it was.
 */
static int handle_signal(struct inject_trace *t, int sig)
{
	siginfo_t si = { 0 };
	int rc;

	if (sig == SIGSTOP)
		return 0;
	rc = ask(t, SYS_PTRACE_GETSIGINFO, 0, &si);
	if (rc)
		return rc;
	if (!(FAULTS & SIGBIT(sig)) || si.si_code <= 0) {
		t->signal = sig;
		return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
	}
	if (sig != SIGSYS)
		return fail(t, KSM_INJECT_FAILED, -EFAULT);
	/* SYS_SECCOMP and, since 5.11, SYS_USER_DISPATCH, which 6.4 and later tell beforehand */
	return fail(t, si.si_code == 1 ? KSM_INJECT_SECCOMP_CALL : KSM_INJECT_DISPATCH, -EACCES);
}

/* include/linux/errno.h of the kernel: it will make the call again by itself. */
static bool is_restart(long result)
{
	return result <= -512 && result >= -516;
}

static uint64_t cpu_time(const struct inject_trace *t)
{
	return t->limits.timed ? inject_target_cpu(t->target) : 0;
}

/*
 * The thread stands at the entry of rt_sigreturn, where filters have not been asked
 * yet (before Linux 4.8 they have been, and are not asked again).  From here to the
 * exit of the call they are suspended, and the thread runs none of its own code.
 */
static int suspend(struct inject_trace *t, const struct ksm_inject_call *call)
{
	const struct inject_code *code = &t->target->code;
	int rc;

	t->adrift = true;
	/* Another thread may have written to the code. */
	if (!inject_arch_is_detour(t->target->tid, code, t->frame_at))
		return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
	rc = ask(t, SYS_PTRACE_SETOPTIONS, 0, (void *)(OPTIONS | SYS_PTRACE_O_SUSPEND_SECCOMP));
	if (rc)
		return rc == -ESRCH ? rc : fail(t, KSM_INJECT_SECCOMP_CALL, -EACCES);
	rc = inject_arch_swap(t->target->tid, &t->regs, code, t->frame_at, call);
	t->adrift = false;
	t->suspended = true;
	return rc;
}

static int at_entry(struct inject_trace *t, struct ksm_inject_call *call, uint64_t *began)
{
	*began = cpu_time(t);
	inject_clock_set(t->clock, t->limits.call_ms);
	return t->detour ? suspend(t, call) : 0;
}

static int at_exit(struct inject_trace *t, struct ksm_inject_call *call, uint64_t began)
{
	const uint64_t took = cpu_time(t) - began;
	int rc = 0;

	t->at_exit = true;
	call->cpu_ns += took;
	t->cpu_ns += took;
	if (t->detour)
		rc = ask(t, SYS_PTRACE_SETOPTIONS, 0, (void *)OPTIONS);
	if (!rc)
		rc = inject_arch_result(t->target->tid, &t->target->code, &call->result);
	if (rc)
		return rc;
	call->done = !is_restart(call->result);
	/* The kernel would make the call again, with nobody to suspend the filters. */
	return call->done || !t->detour ? 0 : point_at(t, call);
}

/* Run the thread to the exit of the call that its registers are set for. */
static int make_call(struct inject_trace *t, struct ksm_inject_call *call)
{
	bool entered = false, giving_up = false;
	uint64_t began = 0;
	int status, rc, sig = 0;

	call->cpu_ns = 0;
	inject_clock_set(t->clock, t->limits.stop_ms);
	for (int i = 0; i < TRIES; i++) {
		rc = resume(t, SYS_PTRACE_SYSCALL, sig);
		if (rc)
			return rc;
again:
		rc = wait_stop(t, &status);
		if (rc == -ETIMEDOUT && entered)
			return fail(t, KSM_INJECT_SLOW, rc);
		if (rc == -ETIMEDOUT && !giving_up) {
			/* It does not get to run.  A stop, at least, it must reach. */
			giving_up = true;
			inject_clock_set(t->clock, t->limits.stop_ms);
			rc = ask(t, SYS_PTRACE_INTERRUPT, 0, NULL);
			if (rc)
				return rc;
			goto again;
		}
		if (rc)
			return rc == -ETIMEDOUT ? fail(t, KSM_INJECT_FROZEN, -EBUSY) : rc;
		sig = 0;
		if (ptrace_is_syscall(status) && !entered) {
			entered = true;
			rc = at_entry(t, call, &began);
			if (rc)
				return rc;
		} else if (ptrace_is_syscall(status)) {
			entered = false;
			rc = at_exit(t, call, began);
			if (rc || call->done)
				return rc;
		} else if (ptrace_event(status)) {
			/* Somebody stops or continues the process: not our concern. */
			if (giving_up && !entered)
				return fail(t, KSM_INJECT_FROZEN, -EBUSY);
		} else {
			sig = ptrace_signal(status);
			rc = handle_signal(t, sig);
			if (rc)
				return rc;
		}
	}
	return fail(t, KSM_INJECT_UNSETTLED, -EAGAIN);
}

static bool is_error(long result)
{
	return result < 0 && result >= -4095;
}

static int make_calls(struct inject_trace *t, uint64_t start)
{
	struct ksm_inject_call last = { 0 };
	int rc;

	for (size_t i = 0; i < t->n_calls; i++) {
		if (i) {
			if (is_error(t->calls[i - 1].result))
				break;
			if (t->limits.hold_us && ksm_now_ns() - start > t->limits.hold_us * 1000ULL)
				break;
			rc = point_at(t, &t->calls[i]);
			if (rc)
				return rc;
		}
		rc = make_call(t, &t->calls[i]);
		if (rc)
			return rc;
	}
	if (!inject_arch_last_call(&t->regs, &last))
		return 0;
	rc = point_at(t, &last);
	return rc ? rc : make_call(t, &last);
}

/*
 * The one way out.  A thread that is not stopped cannot be detached: the end of
 * the tracing thread does that, and the frame the rest.
 */
static void release(struct inject_trace *t)
{
	if (!t->stopped)
		return;
	if (t->armed && !t->adrift) {
		if (t->at_exit)
			ask(t, SYS_PTRACE_INTERRUPT, 0, NULL);
		ask(t, SYS_PTRACE_SETSIGMASK, sizeof(t->regs.mask), &t->regs.mask);
		inject_arch_put(t->target->tid, &t->regs, t->at_exit);
		ptrace_write(t->target->tid, t->frame_at, t->old, t->frame_len);
	}
	sys_ptrace(SYS_PTRACE_DETACH, t->target->tid, 0, (void *)(uintptr_t)t->signal);
}

int inject_trace_run(struct inject_trace *t)
{
	uint64_t start;
	int rc;

	t->why = KSM_INJECT_FAILED;
	rc = ask(t, SYS_PTRACE_SEIZE, 0, (void *)OPTIONS);
	if (rc)
		return rc == -EPERM ? fail(t, KSM_INJECT_DENIED, rc) : rc;
	/* Seizing waits for an exec in progress; by now nobody may be interested. */
	if (inject_clock_expired(t->clock))
		return fail(t, KSM_INJECT_BUSY, -EBUSY);
	start = ksm_now_ns();
	rc = prepare(t);
	if (!rc)
		rc = arm(t);
	if (!rc)
		rc = make_calls(t, start);
	release(t);
	t->stop_ns = ksm_now_ns() - start;
	if (!rc)
		t->why = KSM_INJECT_FINE;
	else if (t->why == KSM_INJECT_FINE)
		t->why = KSM_INJECT_FAILED;
	return rc;
}
