/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject-arch.h - the inside of system-call injection: what an architecture
 * must supply, and what the files of inject share.
 *
 * Not for callers: they include inject.h.  Before you change anything here,
 * read "How it works" at the head of inject-trace.c.
 */
#ifndef KSM_INJECT_ARCH_H
#define KSM_INJECT_ARCH_H

#include <string.h>

#include "inject/inject.h"
#include "inject/seccomp.h"

/* ------------------------------------------------------------------ */
/* the contract of an architecture: inject-x86_64.c, inject-aarch64.c, inject-noarch.c */

#define INJECT_CODE_BYTES 32

/* Instructions of the target that are borrowed, found before it is stopped. */
struct inject_code {
	uint64_t call;		/* a system call instruction; what follows it returns */
	uint64_t back;		/* calls rt_sigreturn */
	uint8_t call_bytes[INJECT_CODE_BYTES];
	uint8_t back_bytes[INJECT_CODE_BYTES];
	size_t call_len, back_len;
};

/* x86: XSAVE area with AMX tiles; arm64: SVE registers of the longest vectors. */
#define INJECT_REGS_MAX 512
#define INJECT_FP_MAX 32768
/* Where a second register set begins in fp[]; the first is shorter. */
#define INJECT_FP_MORE 1024

/* The system call that a thread slept in before it was stopped: /proc/PID/syscall. */
struct inject_sleep {
	bool known;
	long nr;
	uint64_t args[6];
	uint64_t sp, pc;
};

struct inject_target;

/* A stopped thread's registers. */
struct inject_regs {
	/* As NT_PRSTATUS has them; put back as they are. */
	_Alignas(64) uint8_t general[INJECT_REGS_MAX];
	size_t general_len;
	_Alignas(64) uint8_t fp[INJECT_FP_MAX];
	size_t fp_len;
	size_t fp_more_len;	/* arm64: SVE registers in use; 0: none */
	int fp_note;		/* which regset fp is */
	uint64_t mask;		/* blocked signals */
	/*
	 * Number of the interrupted system call where the registers no longer
	 * have it (x86: restart_syscall replaced it), or -1.
	 */
	long restarts_nr;
	uint64_t orig_arg0;	/* arm64: first argument of the interrupted system call */
	bool in_call;		/* arm64: taken at the exit of a system call */
	bool mended;		/* arm64: EINTR replaced before it has settled */
};

extern const bool inject_arch_supported;
/* inject_arch_mend() has to know what the thread slept in. */
extern const bool inject_arch_wants_sleep;

/* What takes time and can be done before a thread is stopped.  Called by any thread, any number of times. */
void inject_arch_init(void);

/**
 * inject_arch_find() - look for code to borrow in one piece of the target's text
 * @c: zeroed before the first piece; keeps what is found
 * @buf: the piece
 * @len: its length in bytes
 * @addr: where it is in the target
 *
 * Return: true when @c is complete.
 */
bool inject_arch_find(struct inject_code *c, const uint8_t *buf, size_t len, uint64_t addr);

/**
 * inject_arch_refuses() - a reason to refuse that a thread's status tells
 * @status: all of /proc/PID/task/TID/status
 * @wants: this kernel writes a line about it
 *
 * Return: KSM_INJECT_FINE; KSM_INJECT_STATUS where the line is wanted and not there.
 */
enum ksm_inject_why inject_arch_refuses(const char *status, bool wants);

/* General registers of a thread in a ptrace stop; a refusal (32-bit code) says @why. */
int inject_arch_read(pid_t tid, struct inject_regs *r, enum ksm_inject_why *why);
/* And floating point, for the frame.  -EAGAIN: not now. */
int inject_arch_read_fp(pid_t tid, struct inject_regs *r);

/* Where in .general they are, 64 bits each. */
extern const size_t inject_arch_pc_at, inject_arch_sp_at;

static inline uint64_t inject_arch_pc(const struct inject_regs *r)
{
	uint64_t pc;

	memcpy(&pc, r->general + inject_arch_pc_at, sizeof(pc));
	return pc;
}

static inline uint64_t inject_arch_sp(const struct inject_regs *r)
{
	uint64_t sp;

	memcpy(&sp, r->general + inject_arch_sp_at, sizeof(sp));
	return sp;
}

static inline void inject_arch_set_pc(struct inject_regs *r, uint64_t pc)
{
	memcpy(r->general + inject_arch_pc_at, &pc, sizeof(pc));
}

/*
 * arm64 rewinds the PC for a restart before the first stop shows it, so that
 * the stop does not tell what is to be restarted, nor how.  True: lead the
 * thread to the exit of that system call first, then call _settled().
 */
bool inject_arch_unsettled(const struct inject_target *t, const struct inject_regs *r);
/* At the entry (@exit false) and the exit of the interrupted call. */
int inject_arch_settled(pid_t tid, struct inject_regs *r, bool exit);

/*
 * Some system calls answer EINTR when a stop interrupts them, signal or not
 * (inject_is_eintr_call()).  Turn that into "restart unless a handler runs".  Also recover
 * .restarts_nr, where the code before the PC tells it.
 * Return: 1 when general registers were changed in @r, else 0; -EAGAIN: such a
 * call, but what it was called with is not known.
 */
int inject_arch_mend(const struct inject_target *t, struct inject_regs *r,
		     const struct inject_sleep *slept);
/* Undo it, where a handler is about to run after all: arm64 before it has settled. */
bool inject_arch_unmend(struct inject_regs *r);
/* In a call that has changed the signal mask for as long as it lasts: ppoll, sigsuspend... */
bool inject_arch_has_own_mask(const struct inject_regs *r);

/**
 * inject_arch_frame() - what the target needs to restore itself
 * @r: registers to restore
 * @c: code
 * @at: address of the buffer in the target, page aligned
 * @buf: filled; zeroed by the caller
 * @len: its size; a page multiple
 *
 * Return: bytes used, 0 when @len is too small.
 */
size_t inject_arch_frame(const struct inject_regs *r, const struct inject_code *c, uint64_t at,
			 uint8_t *buf, size_t len);

/* One step that points the thread at @c->call with the frame behind it. */
int inject_arch_call(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		     uint64_t at, const struct ksm_inject_call *call);
/*
 * For a call that a seccomp filter does not allow: the same, but the call made is
 * rt_sigreturn, that of the frame.  At its entry, _swap() turns it into @call, in
 * one step; until then a thread left alone just has its registers back.
 * _is_detour(): it is at that entry indeed.
 */
int inject_arch_detour(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		       uint64_t at, const struct ksm_inject_call *call);
bool inject_arch_is_detour(pid_t tid, const struct inject_code *c, uint64_t at);
int inject_arch_swap(pid_t tid, const struct inject_regs *r, const struct inject_code *c,
		     uint64_t at, const struct ksm_inject_call *call);

/* What a seccomp filter sees of a call: the machine, and the address behind it. */
extern const uint32_t inject_arch_audit;
extern const unsigned int inject_arch_call_len;

/**
 * inject_arch_restart() - will the thread make restart_syscall when it is let go?
 * @as: set to that call, as a seccomp filter will see it
 */
bool inject_arch_restart(const struct inject_regs *r, struct seccomp_data *as);
/*
 * Make the interrupted call again from its beginning instead, in @r only.  False:
 * what it was is not known.
 */
bool inject_arch_restart_anew(struct inject_regs *r, const struct inject_sleep *slept);

/* At the exit of that call.  -ENOEXEC when the thread is not where it should be. */
int inject_arch_result(pid_t tid, const struct inject_code *c, long *result);

/*
 * A call without effect that must be the last one before inject_arch_put(), so
 * that the kernel restarts the interrupted call by itself.  False: not needed.
 */
bool inject_arch_last_call(const struct inject_regs *r, struct ksm_inject_call *call);

/*
 * One step that puts the registers back.  @at_exit: the thread stands at the
 * exit of a system call with an interrupt pending, else in the middle of the
 * kernel's signal handling.
 */
int inject_arch_put(pid_t tid, const struct inject_regs *r, bool at_exit);

/* ------------------------------------------------------------------ */
/* restart.c								*/

/* Does this system call answer EINTR to a stop, though nothing has happened yet? */
bool inject_is_eintr_call(long nr);
/* Does it change the signal mask for as long as it lasts? */
bool inject_is_mask_call(long nr);

/* ------------------------------------------------------------------ */
/* inject-find.c: what to use of a target; reads only			*/

struct inject_thread {
	pid_t tid;
	char state;
};

/* Threads of @pid, the best to stop first; the caller frees *out.  Zombies are left out. */
int inject_threads(struct ksm *k, pid_t pid, struct inject_thread **out, size_t *n);

/* What is known of the file system that a mapping's file is on. */
enum inject_fs {
	INJECT_FS_UNKNOWN,	/* mounted nowhere that we see */
	INJECT_FS_FUSE,		/* served by a program, which may keep us waiting for ever */
	INJECT_FS_THEIRS,	/* mounted where the target sees it, but not where we do */
	INJECT_FS_OURS,
};

/* A mapping that code may be borrowed from. */
struct inject_text {
	uint64_t start, end;
	uint64_t dev;		/* of its file: major << 32 | minor */
	enum inject_fs fs;
	int rank;		/* where to look first */
};

struct inject_target {
	struct ksm *k;				/* while inject_target_init() runs */
	pid_t pid, tid;
	uid_t uid[4];				/* whose it is: real, effective, saved, file system */
	struct inject_code code;
	uint64_t stack_start, stack_end;	/* [stack], and what was split off below it */
	uint64_t stack_floor;			/* end of the mapping below it */
	uint64_t random_at;			/* AT_RANDOM and what is there: tells one exec */
	uint8_t random[16];			/* from another */
	int pagemap_fd, status_fd, syscall_fd;
	int schedstat_fd;			/* -1: the kernel has none */
	struct inject_text *texts;
	size_t n_texts, cap_texts;
	bool arch_line;		/* this kernel's status files have what inject_arch_refuses() wants */
	size_t page_size;
	/* Why a thread with a seccomp filter is refused; FINE: we may read and suspend it. */
	enum ksm_inject_why seccomp_why;
	bool log_allows;	/* SECCOMP_RET_LOG: 4.14 */
	/* Before 5.1, PTRACE_GETSIGMASK did not know of a mask to come back (ppoll...). */
	bool hides_mask;
	/* The main thread's stack pointer when another thread is used; 0: unknown. */
	uint64_t main_sp;
	bool main_gone;
};

/**
 * inject_target_init() - get to know a target by one of its threads
 * @whom: with the time of its start
 * @why: the reason of a refusal
 *
 * What is opened here belongs to that process and no other: reading it answers
 * ESRCH as soon as the number is given away (fs/proc/base.c get_proc_task(),
 * which every kernel has, as opposed to a pidfd).
 * Return: 0 or -errno; call inject_target_fini() in either case.
 */
int inject_target_init(struct inject_target *t, struct ksm *k, const struct ksm_whom *whom,
		       pid_t tid, enum ksm_inject_why *why);
void inject_target_fini(struct inject_target *t);

/* Is one that was got to know before still what it was selected for?  Needs ->k.  0, -ESRCH, -errno. */
int inject_target_still(struct inject_target *t, const struct ksm_whom *whom,
			enum ksm_inject_why *why);

/*
 * On the stopped thread: is it still the same program, and still without a reason
 * to refuse?  Its seccomp mode is looked at anew.
 */
int inject_target_check(const struct inject_target *t, int *seccomp, enum ksm_inject_why *why);

/**
 * inject_target_room() - dead memory for @len bytes, on the stopped thread
 * @sp: its stack pointer
 *
 * Return: a page-aligned address, 0 when there is none.
 */
uint64_t inject_target_room(const struct inject_target *t, uint64_t sp, size_t len);

/* What it sleeps in now; .known is false for a thread that runs. */
struct inject_sleep inject_target_sleep(const struct inject_target *t);

/* What the stopped thread has computed so far, in ns; the clock's time where that is not told. */
uint64_t inject_target_cpu(const struct inject_target *t);

/* ------------------------------------------------------------------ */
/* inject-code.c: mappings of the target, and the code in them		*/

/* Fills the stack and ->texts.  @compat: it is a 32-bit process.  0 or -errno. */
int inject_maps_read(struct inject_target *t, bool *compat);
/* Fills ->code from ->texts; needs ->pagemap_fd.  0 or -errno with @why. */
int inject_code_find(struct inject_target *t, enum ksm_inject_why *why);

/* ------------------------------------------------------------------ */
/* inject-read.c: what can be read without waiting			*/

/* Text is searched in pieces of so many bytes. */
#define INJECT_TEXT_CHUNK (64U << 10)

/* How many bytes from @at on, @len at most, are in memory or in swap; of one piece at most. */
size_t inject_target_there(const struct inject_target *t, uint64_t at, size_t len);
/**
 * inject_target_read() - memory of the target, where nobody can keep us waiting
 *
 * A page that is not in memory is read only where its file is on a file system
 * that is mounted for us and is not FUSE.
 * Return: 0, all of @len bytes; -EFAULT; -errno.
 */
int inject_target_read(const struct inject_target *t, uint64_t at, void *buf, size_t len);

/* ------------------------------------------------------------------ */
/* inject-refuse.c: reasons that show from outside			*/

/*
 * Gone, a kernel thread, ourselves, our tracer, frozen: the reasons not even to
 * look at its threads.  @whom becomes the process as it is from here on.  0 or
 * -errno with info->why.
 */
int inject_refuse_process(struct ksm *k, struct ksm_whom *whom, struct ksm_inject_info *info);
/* After EPERM: the reason that helps.  -errno. */
int inject_refuse_denied(struct ksm *k, pid_t tid, struct ksm_inject_info *info);
/* The process that traces this thread, 0: none. */
pid_t inject_tracer_of(struct ksm *k, pid_t tid);
/* Its memory is gone already. */
bool inject_has_ended(struct ksm *k, pid_t pid, pid_t tid);

/**
 * inject_sharer() - another process that runs in the same memory
 * @tid: a thread of @pid that has not ended
 *
 * A process made by clone(CLONE_VM) has its own /proc/PID, and nothing there
 * says so.  Compares with all others (kcmp(2), CONFIG_KCMP).  Not before Linux
 * 5.7, where whoever is stuck in exec would make that wait.
 * Return: its pid; 0: there is none, or it cannot be known.
 */
pid_t inject_sharer(struct ksm *k, pid_t pid, pid_t tid);

/* ------------------------------------------------------------------ */
/* the clock over the tracing thread, which sets it; inject.c watches it	*/

struct inject_clock {
	_Atomic uint64_t deadline_ns;	/* 0: none */
};

/*
 * Waits longer than @ms end with -ETIMEDOUT; 0: no limit.  Wakes nobody: the
 * target is stopped while this runs, and the watcher looks by itself.
 */
static inline void inject_clock_set(struct inject_clock *c, unsigned int ms)
{
	c->deadline_ns = ms ? ksm_now_ns() + ms * 1000000ULL : 0;
}

static inline bool inject_clock_expired(const struct inject_clock *c)
{
	const uint64_t deadline = c->deadline_ns;

	return deadline && ksm_now_ns() >= deadline;
}

/* ------------------------------------------------------------------ */
/* inject-trace.c: one thread held once					*/

/* The largest frame: AMX state on x86, SVE on arm64, in whole pages of 64 KiB at most. */
#define INJECT_FRAME_MAX 65536

struct inject_trace {
	const struct inject_target *target;
	struct inject_clock *clock;
	struct ksm_inject_call *calls;
	size_t n_calls;
	struct ksm_inject_limits limits;
	enum ksm_inject_why why;	/* out */
	uint64_t stop_ns;		/* out */
	uint64_t cpu_ns;		/* out: of all calls, if they are timed */
	bool suspended;			/* out: a seccomp filter was, for a call */
	struct inject_sleep slept;
	struct inject_regs regs;
	struct inject_filters filters;
	uint8_t *frame;			/* and what was in its place */
	uint8_t *old;
	size_t frame_len;
	uint64_t frame_at;
	bool stopped;			/* the thread is in a ptrace stop */
	bool at_exit;			/* namely at the exit of a system call */
	bool armed;			/* its registers are ours */
	bool detour;			/* by way of rt_sigreturn: inject_arch_detour() */
	bool adrift;			/* leave it to the frame: it is about to use it */
	int signal;			/* to hand over when letting go */
};

/*
 * Seize, call, restore, let go.  Runs in a thread of its own, which must end
 * right after: its end is what detaches a target that cannot be reached.
 * Return: 0 or -errno with t->why.
 */
int inject_trace_run(struct inject_trace *t);

#endif /* KSM_INJECT_ARCH_H */
