// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject.c - system-call injection: choose a thread, try, tell the reason.
 *
 * The tracing itself runs in a thread of its own (inject-trace.c).  A tracer
 * can be rid of a tracee that will not stop in one way only, by ending; and the
 * calling thread must not be the one that ends.  It watches the clock instead.
 */
#include "inject/inject-arch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libksm/internal.h"
#include "libksm/sys.h"
#include "util/macros.h"

#define STOP_MS_DEFAULT 1000
#define READ_MS_DEFAULT 10000
/* How long a check waits for a better moment. */
#define CHECK_MS 100
#define TRACER_STACK (256U << 10)
/* Between two looks at the deadline; between two pokes after it; until it is given up. */
#define LOOK_NS 20000000ULL
#define POKE_NS 2000000ULL
#define LEAVE_NS 2000000000ULL
/* Attempts where the target was caught at a bad moment, and threads that would not stop. */
#define ATTEMPTS_MAX 16
#define BUSY_MAX 3
/* For so long, what was found out of a target is used again. */
#define KEEP_NS UINT64_C(1000000000)

static const char *const why_texts[__KSM_INJECT_N] = {
	[KSM_INJECT_FINE] = "done",
	[KSM_INJECT_REFUSED] = "the kernel refused the call",
	[KSM_INJECT_NO_CALL] = "this kernel has no PR_SET_MEMORY_MERGE (Linux 6.4)",
	[KSM_INJECT_DUMP] = "a dump of a system has no running processes",
	[KSM_INJECT_ARCH] = "injection is not supported on this machine type",
	[KSM_INJECT_SELF] = "it is the calling process",
	[KSM_INJECT_GONE] = "no such process",
	[KSM_INJECT_ZOMBIE] = "it has ended and waits for its parent",
	[KSM_INJECT_KTHREAD] = "it is a kernel thread",
	[KSM_INJECT_DENIED] = "no permission to trace it",
	[KSM_INJECT_YAMA] = "kernel.yama.ptrace_scope forbids to trace it",
	[KSM_INJECT_UNDUMPABLE] = "it lets nobody look into its memory, not even its owner",
	[KSM_INJECT_TRACES_US] = "it traces the calling process",
	[KSM_INJECT_SHARED] = "another process runs in the same memory",
	[KSM_INJECT_TRACED] = "it is traced already",
	[KSM_INJECT_STATUS] = "/proc does not tell whether it would survive the call",
	[KSM_INJECT_ENDED] = "it has ended meanwhile",
	[KSM_INJECT_OTHER] = "no such process any more: the pid now is another one's",
	[KSM_INJECT_CHANGED] = "it no longer is what was selected",
	[KSM_INJECT_KILLED] = "its seccomp filter has killed it for the call",
	[KSM_INJECT_SECCOMP] = "it has a seccomp filter, which only root may read",
	[KSM_INJECT_SECCOMP_OLD] = "it has a seccomp filter, which this kernel does not show",
	[KSM_INJECT_SECCOMP_LONG] = "it has too many seccomp filters",
	[KSM_INJECT_SECCOMP_BACK] = "its seccomp filter forbids to return from the call (rt_sigreturn)",
	[KSM_INJECT_SECCOMP_CALL] = "its seccomp filter forbids the call",
	[KSM_INJECT_DISPATCH] = "it redirects its system calls to a handler of its own",
	[KSM_INJECT_COMPAT] = "it is a 32-bit process",
	[KSM_INJECT_SHSTK] = "it runs with a hardware shadow stack",
	[KSM_INJECT_NO_CODE] = "no system call instruction to borrow was found in it",
	[KSM_INJECT_NO_RETURN] = "no signal return code (rt_sigreturn) to borrow was found in it",
	[KSM_INJECT_UNREAD] = "its code is on a file system that might keep a reader waiting",
	[KSM_INJECT_HANGS] = "what is read of it does not arrive",
	[KSM_INJECT_NO_ROOM] = "no unused stack was found in it",
	[KSM_INJECT_BUSY] = "it sleeps uninterruptibly",
	[KSM_INJECT_FROZEN] = "it is frozen",
	[KSM_INJECT_UNSETTLED] = "the right moment did not come",
	[KSM_INJECT_SLOW] = "the call still runs in it",
	[KSM_INJECT_FAILED] = "it failed",
};

const char *ksm_inject_why_text(enum ksm_inject_why why)
{
	return (unsigned int)why < __KSM_INJECT_N ? why_texts[why] : "";
}

/* ------------------------------------------------------------------ */
/* the tracing thread and its clock					*/

/* Shared by two threads, freed by the last one to leave it. */
struct inject_watch {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct inject_clock clock;
	bool dry;			/* it is enough to know the target */
	bool done;
	bool known;			/* the target is: what follows stops it */
	bool left_behind;		/* by the caller: nobody waits for it */
	bool left_reading;		/* namely before the target was known */
	int refs;
	struct ksm_whom whom;		/* the process itself, not one of its threads */
	struct ksm_select sel;		/* behind whom.sel: the caller's may be gone before us */
	pid_t tid;
	pid_t tracer;			/* tid of the tracing thread, 0 before it runs */
	int poke;			/* the signal that ends its waiting */
	int rc;
	struct inject_target target;
	bool target_is_kept;		/* from a run before */
	struct inject_trace trace;
	struct ksm_inject_call calls[];	/* the caller's array may be gone before us */
};

struct ksm_inject_kept {
	struct ksm_ident id;
	struct inject_target target;
	uint64_t until_ns;
};

static void target_clear(struct inject_target *t)
{
	*t = (struct inject_target){
		.pagemap_fd = -1, .status_fd = -1, .syscall_fd = -1, .schedstat_fd = -1,
	};
}

void ksm_inject_kept_free(struct ksm_inject_kept *kept)
{
	if (!kept)
		return;
	inject_target_fini(&kept->target);
	free(kept);
}

/* Another thread than the main one is known together with where that one stands. */
static void keep(struct ksm_inject_kept **kept, struct inject_watch *w)
{
	if (!kept || w->tid != w->whom.id.pid)
		return;
	if (!*kept) {
		*kept = calloc(1, sizeof(**kept));
		if (!*kept)
			return;
		target_clear(&(*kept)->target);
	}
	inject_target_fini(&(*kept)->target);
	(*kept)->id = w->whom.id;
	(*kept)->target = w->target;
	if (!w->target_is_kept)
		(*kept)->until_ns = ksm_now_ns() + KEEP_NS;
	target_clear(&w->target);
}

static void use_kept(struct ksm_inject_kept **kept, struct inject_watch *w)
{
	struct ksm_inject_kept *have = kept ? *kept : NULL;

	if (!have || have->target.status_fd < 0)
		return;
	if (w->tid == have->target.tid && w->whom.id.pid == have->id.pid &&
	    w->whom.id.start_ticks == have->id.start_ticks && ksm_now_ns() < have->until_ns) {
		w->target = have->target;
		w->target_is_kept = true;
		target_clear(&have->target);
	}
}

static void watch_put(struct inject_watch *w)
{
	int refs;

	pthread_mutex_lock(&w->lock);
	refs = --w->refs;
	pthread_mutex_unlock(&w->lock);
	if (refs)
		return;
	inject_target_fini(&w->target);
	inject_seccomp_fini(&w->trace.filters);
	free(w->trace.frame);
	free(w->trace.old);
	pthread_cond_destroy(&w->ended);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static struct inject_watch *watch_new(size_t n_calls)
{
	struct inject_watch *w = NULL;
	pthread_condattr_t attr;

	/* The registers want the alignment that they have in the target. */
	if (posix_memalign((void **)&w, _Alignof(struct inject_watch),
			   sizeof(*w) + n_calls * sizeof(w->calls[0])))
		return NULL;
	memset(w, 0, sizeof(*w) + n_calls * sizeof(w->calls[0]));
	target_clear(&w->target);
	w->refs = 1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->ended, &attr);
	pthread_condattr_destroy(&attr);
	w->trace.frame = calloc(1, INJECT_FRAME_MAX);
	w->trace.old = malloc(INJECT_FRAME_MAX);
	if (!w->trace.frame || !w->trace.old) {
		watch_put(w);
		return NULL;
	}
	return w;
}

/*
 * Get to know the target.  Whatever is read of it may keep us waiting, and be
 * left behind; so with a handle that is nobody else's.
 */
static int look_at_target(struct inject_watch *w)
{
	struct ksm *k;
	int rc;

	/* The rest of it is looked at on the stopped thread in any case. */
	if (w->target_is_kept && !w->whom.sel)
		return 0;
	rc = ksm_open(NULL, &k);
	if (rc)
		return rc;
	w->target.k = k;
	if (w->target_is_kept)
		rc = inject_target_still(&w->target, &w->whom, &w->trace.why);
	else
		rc = inject_target_init(&w->target, k, &w->whom, w->tid, &w->trace.why);
	w->target.k = NULL;
	ksm_close(k);
	return rc;
}

/* False when nobody is interested any more. */
static bool begin_trace(struct inject_watch *w)
{
	bool late;

	pthread_mutex_lock(&w->lock);
	late = w->left_behind;
	w->known = !late;
	w->tracer = sys_gettid();
	inject_clock_set(&w->clock, w->trace.limits.stop_ms);
	pthread_mutex_unlock(&w->lock);
	return !late;
}

static void *tracer_main(void *arg)
{
	static const struct sched_param first = { .sched_priority = 1 };
	struct inject_watch *w = arg;
	int rc = look_at_target(w);

	if (!rc && !w->dry && begin_trace(w)) {
		/*
		 * While a thread of somebody else stands still, nothing should come in
		 * between.  Root only; without, it takes longer on a busy machine.
		 */
		pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
		rc = inject_trace_run(&w->trace);
	}
	pthread_mutex_lock(&w->lock);
	w->rc = rc;
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	watch_put(w);
	return NULL;
}

static void on_poke(int sig __unused)
{
}

/* A signal nobody uses, to end the tracing thread's wait4() with EINTR; 0: none is free. */
static int free_signal(void)
{
	for (int sig = SIGRTMAX; sig >= SIGRTMIN; sig--) {
		struct sigaction sa;

		if (!sigaction(sig, NULL, &sa) && !(sa.sa_flags & SA_SIGINFO) &&
		    sa.sa_handler == SIG_DFL)
			return sig;
	}
	return 0;
}

/*
 * Wait for the tracing thread.  As long as it only reads, it is left behind at
 * its deadline.  Later it is poked then until it has noticed: a poke that arrives
 * before it waits is lost.  Long after that, it hangs inside of the kernel
 * (PTRACE_SEIZE on a process in the middle of exec) or never got a processor,
 * and is left behind too; it touches only what it owns.
 * Return: false when it was left behind.
 */
static bool watch_wait(struct inject_watch *w)
{
	struct sigaction poke = { .sa_handler = on_poke }, found;
	bool poking = false, done;

	pthread_mutex_lock(&w->lock);
	while (!w->done) {
		uint64_t now = ksm_now_ns(), until = w->clock.deadline_ns;
		struct timespec ts;

		if (until && now >= until + (w->known ? LEAVE_NS : 0)) {
			w->left_behind = true;
			w->left_reading = !w->known;
			break;
		}
		if (until && now >= until && w->tracer) {
			if (!poking)
				sigaction(w->poke, &poke, &found);
			poking = true;
			sys_tgkill(getpid(), w->tracer, w->poke);
		}
		until = now + (poking ? POKE_NS : LOOK_NS);
		ts = (struct timespec){ until / 1000000000ULL, until % 1000000000ULL };
		pthread_cond_timedwait(&w->ended, &w->lock, &ts);
	}
	done = w->done;
	pthread_mutex_unlock(&w->lock);
	if (poking && done)
		sigaction(w->poke, &found, NULL);
	return done;
}

/*
 * Run the tracing thread, with all signals blocked but the one to poke it: the
 * process' own handlers must not run in it.  The terminal's stop key has to wait
 * meanwhile, as it would stop us with the target in our hands.
 * Return: false when it was left behind, else look at ->rc.
 */
static bool watch_run(struct inject_watch *w)
{
	sigset_t all, stops, before;
	pthread_attr_t attr;
	pthread_t thread;
	bool back;
	int rc;

	w->trace.why = KSM_INJECT_FAILED;
	w->rc = -EAGAIN;
	w->poke = free_signal();
	if (!w->poke)
		return true;
	inject_clock_set(&w->clock, w->trace.limits.read_ms);
	w->refs++;
	sigfillset(&all);
	sigdelset(&all, w->poke);
	sigemptyset(&stops);
	sigaddset(&stops, SIGTSTP);
	sigaddset(&stops, SIGTTIN);
	sigaddset(&stops, SIGTTOU);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, TRACER_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, tracer_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_sigmask(SIG_BLOCK, &stops, NULL);
	pthread_attr_destroy(&attr);
	if (rc) {
		w->refs--;
		w->rc = -rc;
		back = true;
	} else {
		back = watch_wait(w);
		if (back)
			pthread_join(thread, NULL);
		else
			pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return back;
}

/* ------------------------------------------------------------------ */
/* running								*/

static int refuse(struct ksm_inject_info *info, enum ksm_inject_why why, int rc)
{
	info->why = why;
	return rc;
}

/* Why the target could not even be got to know: @rc, and what it says itself in ->why. */
static int not_known(struct ksm *k, pid_t pid, pid_t tid, int rc, struct ksm_inject_info *info)
{
	if (info->why == KSM_INJECT_OTHER || info->why == KSM_INJECT_CHANGED)
		return rc;
	if (inject_has_ended(k, pid, tid))
		return refuse(info, KSM_INJECT_GONE, -ESRCH);
	if (info->why == KSM_INJECT_TRACED)
		info->tracer = inject_tracer_of(k, tid);
	if (info->why == KSM_INJECT_FAILED && (rc == -EPERM || rc == -EACCES))
		return inject_refuse_denied(k, tid, info);
	return rc;
}

static int run_on(struct ksm *k, const struct ksm_whom *whom, const struct inject_thread *thread,
		  struct ksm_inject_call *calls, size_t n, const struct ksm_inject_limits *limits,
		  struct ksm_inject_info *info)
{
	struct inject_watch *w = watch_new(n);
	const pid_t pid = whom->id.pid;
	int rc;

	if (!w)
		return refuse(info, KSM_INJECT_FAILED, -ENOMEM);
	info->state = thread->state;
	if (n)
		memcpy(w->calls, calls, n * sizeof(*calls));
	w->whom = *whom;
	if (whom->sel) {
		w->sel = *whom->sel;
		w->whom.sel = &w->sel;
	}
	w->dry = !n;
	w->tid = thread->tid;
	w->trace.target = &w->target;
	w->trace.clock = &w->clock;
	w->trace.calls = w->calls;
	w->trace.n_calls = n;
	w->trace.limits = *limits;
	use_kept(limits->kept, w);
	if (!watch_run(w)) {
		/* What it was at when it was left, it may have got over by now. */
		info->tid = w->left_reading ? 0 : thread->tid;
		rc = w->left_reading ? refuse(info, KSM_INJECT_HANGS, -ETIMEDOUT) :
				       refuse(info, KSM_INJECT_BUSY, -EBUSY);
	} else if (w->dry && !w->rc) {
		rc = refuse(info, KSM_INJECT_FINE, 0);
	} else if (!w->known) {
		info->why = w->trace.why;
		rc = not_known(k, pid, thread->tid, w->rc, info);
	} else {
		rc = w->rc;
		memcpy(calls, w->calls, n * sizeof(*calls));
		info->tid = thread->tid;
		info->why = rc == -ESRCH ? KSM_INJECT_GONE : w->trace.why;
		info->stops++;
		info->stop_ns = MAX(info->stop_ns, w->trace.stop_ns);
		info->cpu_ns = MAX(info->cpu_ns, w->trace.cpu_ns);
		info->suspended |= w->trace.suspended;
		if (!rc)
			keep(limits->kept, w);
	}
	watch_put(w);
	if (info->why == KSM_INJECT_DENIED)
		rc = inject_refuse_denied(k, thread->tid, info);
	ksm_log(k, KSM_LOG_INJECT, "%d: thread %d (%c): %s, %d, %llu us", pid, thread->tid,
		thread->state, ksm_inject_why_text(info->why), rc,
		(unsigned long long)(info->stop_ns / 1000));
	return rc;
}

/* The reason why none of these threads may be used at this moment, if there is one. */
static int check_moment(struct ksm *k, pid_t pid, const struct inject_thread *threads,
			struct ksm_inject_info *info)
{
	/* What lies unused on the stack may be the other's. */
	info->sharer = inject_sharer(k, pid, threads[0].tid);
	if (info->sharer)
		return refuse(info, KSM_INJECT_SHARED, -EBUSY);
	if (threads[0].state != 'D')
		return 0;
	info->state = 'D';
	return refuse(info, KSM_INJECT_BUSY, -EBUSY);
}

/*
 * Threads to try, at least one of them not in an uninterruptible sleep: such a
 * sleep may take a moment only, and a thread in it is not even asked to stop.
 * So does the moment in which a process has lent its memory to a child that is
 * about to run another program.
 */
static int find_threads(struct ksm *k, pid_t pid, unsigned int ms, struct inject_thread **threads,
			size_t *n, struct ksm_inject_info *info)
{
	static const struct timespec nap = { 0, 2000000 };
	uint64_t until = ksm_now_ns() + ms * 1000000ULL;

	for (;;) {
		int rc = inject_threads(k, pid, threads, n);

		if (rc)
			return refuse(info, rc == -ESRCH ? KSM_INJECT_GONE : KSM_INJECT_FAILED,
				      rc);
		if (!*n)
			return refuse(info, KSM_INJECT_ZOMBIE, -ESRCH);
		rc = check_moment(k, pid, *threads, info);
		if (!rc)
			return 0;
		free(steal_ptr(threads));
		if (ksm_now_ns() >= until)
			return rc;
		nanosleep(&nap, NULL);
	}
}

/* Where another thread, or a later moment, may do better. */
static bool is_worth_another(enum ksm_inject_why why)
{
	switch (why) {
	case KSM_INJECT_BUSY:
	case KSM_INJECT_GONE:
	/* Each thread has filters of its own. */
	case KSM_INJECT_SECCOMP:
	case KSM_INJECT_SECCOMP_BACK:
	case KSM_INJECT_SECCOMP_LONG:
		return true;
	default:
		return false;
	}
}

/* With no calls at all, to the point where the first thread would be stopped. */
static int run(struct ksm *k, const struct ksm_whom *whom, struct ksm_inject_call *calls, size_t n,
	       const struct ksm_inject_limits *limits, struct ksm_inject_info *info)
{
	struct ksm_inject_limits lim = limits ? *limits : (struct ksm_inject_limits){ 0 };
	struct ksm_whom pinned = *whom;
	unsigned int busy = 0;
	int rc;

	*info = (struct ksm_inject_info){ .why = KSM_INJECT_FAILED };
	if (!lim.stop_ms)
		lim.stop_ms = STOP_MS_DEFAULT;
	if (!lim.read_ms)
		lim.read_ms = READ_MS_DEFAULT;
	for (size_t i = 0; i < n; i++) {
		calls[i].done = false;
		calls[i].result = 0;
		calls[i].cpu_ns = 0;
	}
	rc = inject_refuse_process(k, &pinned, info);
	if (rc)
		return rc;
	for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		struct inject_thread *threads __cleanup_free = NULL;
		size_t n_threads;

		rc = find_threads(k, pinned.id.pid, lim.stop_ms, &threads, &n_threads, info);
		if (rc)
			break;
		for (size_t i = 0; i < n_threads && threads[i].state != 'D'; i++) {
			rc = run_on(k, &pinned, &threads[i], calls, n, &lim, info);
			if (!rc || !is_worth_another(info->why))
				break;
			if (info->why == KSM_INJECT_BUSY && ++busy == BUSY_MAX)
				break;
		}
		if (rc != -EAGAIN)
			break;
	}
	/* What was there before is not something that never was. */
	if (info->why == KSM_INJECT_GONE)
		info->why = KSM_INJECT_ENDED;
	return rc;
}

int ksm_inject_run(struct ksm *k, const struct ksm_whom *whom, struct ksm_inject_call *calls,
		   size_t n, const struct ksm_inject_limits *limits, struct ksm_inject_info *info)
{
	struct ksm_inject_info unused;

	return n ? run(k, whom, calls, n, limits, info ? info : &unused) : -EINVAL;
}

int ksm_inject_check(struct ksm *k, const struct ksm_whom *whom, struct ksm_inject_info *info)
{
	static const struct ksm_inject_limits limits = { .stop_ms = CHECK_MS };
	struct ksm_inject_info unused;

	return run(k, whom, NULL, 0, &limits, info ? info : &unused);
}

int ksm_inject_merge_set(struct ksm *k, const struct ksm_whom *whom, bool on,
			 struct ksm_inject_info *info)
{
	struct ksm_inject_call call = { .nr = SYS_prctl, .args = { PR_SET_MEMORY_MERGE, on } };
	static const struct ksm_inject_limits limits = { .timed = true };
	struct ksm_inject_info unused;
	int rc;

	if (!info)
		info = &unused;
	rc = ksm_inject_run(k, whom, &call, 1, &limits, info);
	if (rc)
		return rc;
	if (call.result == -EINVAL)
		return refuse(info, KSM_INJECT_NO_CALL, -EOPNOTSUPP);
	if (call.result < 0)
		return refuse(info, KSM_INJECT_REFUSED, call.result);
	return 0;
}

int ksm_inject_merge_get(struct ksm *k, const struct ksm_whom *whom,
			 struct ksm_inject_info *info)
{
	struct ksm_inject_call call = { .nr = SYS_prctl, .args = { PR_GET_MEMORY_MERGE } };
	struct ksm_inject_info unused;
	int rc;

	if (!info)
		info = &unused;
	rc = ksm_inject_run(k, whom, &call, 1, NULL, info);
	if (rc)
		return rc;
	if (call.result == -EINVAL)
		return refuse(info, KSM_INJECT_NO_CALL, -EOPNOTSUPP);
	return call.result < 0 ? refuse(info, KSM_INJECT_REFUSED, call.result) :
				 (int)call.result;
}
