// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * target.c - what targets do, and how to start and end them; see target.h.
 *
 * A new kind of interrupted system call is one function and one line in the
 * table at the end; the tests find it there.
 */
#include "target-kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "regs.h"
#include "util/macros.h"

unsigned int target_nap_ms = TARGET_NAP_MS;
static int expect_eintr;	/* the handler interrupts the call */
static struct share *share;

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void read_text(pid_t tid, const char *file, char *buf, size_t len)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, len - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
}

char state_of(pid_t tid)
{
	char buf[512], *p;

	read_text(tid, "stat", buf, sizeof(buf));
	p = strrchr(buf, ')');
	return p && p[1] ? p[2] : '\0';
}

long long status_of(pid_t tid, const char *key, int base)
{
	/* A thousand groups take more than a page. */
	static char buf[65536];
	char *p;

	read_text(tid, "status", buf, sizeof(buf));
	p = strstr(buf, key);
	return p ? (long long)strtoull(p + strlen(key) + 1, NULL, base) : -1;
}

bool wait_state(pid_t tid, const char *states)
{
	for (int i = 0; i < 10000; i++) {
		char s = state_of(tid);

		if (s && strchr(states, s))
			return true;
		sleep_ms(1);
	}
	return false;
}

/* ------------------------------------------------------------------ */
/* what targets do							*/

int target_bad(const char *what, long got)
{
	snprintf(share->msg, sizeof(share->msg), "%s: returned %ld, errno %d (%s)", what, got,
		 errno, strerror(errno));
	return 1;
}

/*
 * The one check of a call: it returns what it would have.  With a handler that
 * interrupts it, EINTR; and the handler ran once, not more, not less.
 */
int target_check_call(const char *what, long got, long want)
{
	if (share->torn && got == -1 && errno == EINTR)
		return 0;
	if (expect_eintr) {
		if (got != -1 || errno != EINTR)
			return target_bad(what, got);
		return share->handled == 1 ? 0 : target_bad("handler", share->handled);
	}
	return got == want ? 0 : target_bad(what, got);
}

void target_ready(void)
{
	atomic_store(&share->ready, 1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int nap(const char *what, clockid_t clock, int flags)
{
	uint64_t start = now_ns(clock), until = start + target_nap_ms * 1000000ULL;
	struct timespec ts = { target_nap_ms / 1000, target_nap_ms % 1000 * 1000000L };
	int rc;

	if (flags)
		ts = (struct timespec){ until / 1000000000, until % 1000000000 };
	target_ready();
	rc = syscall(SYS_clock_nanosleep, clock, flags, &ts, NULL);
	if (!rc && now_ns(clock) < until)
		return target_bad("woke too early", 0);
	return target_check_call(what, rc, 0);
}

static int run_clock_rel(struct share *sh __unused)
{
	return nap("clock_nanosleep", CLOCK_MONOTONIC, 0);
}

static int run_clock_abs(struct share *sh __unused)
{
	return nap("clock_nanosleep", CLOCK_MONOTONIC, TIMER_ABSTIME);
}

static int run_nanosleep(struct share *sh __unused)
{
	struct timespec ts = { target_nap_ms / 1000, target_nap_ms % 1000 * 1000000L };
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	int rc;

	target_ready();
	rc = syscall(SYS_nanosleep, &ts, NULL);
	if (!rc && now_ns(CLOCK_MONOTONIC) - start < target_nap_ms * 1000000ULL)
		return target_bad("woke too early", 0);
	return target_check_call("nanosleep", rc, 0);
}

static int run_pause(struct share *sh __unused)
{
	target_ready();
	return target_check_call("pause", pause(), 0);
}

static int run_read(struct share *sh)
{
	char c = 0;
	int rc;

	target_ready();
	rc = read(sh->pipe[0], &c, 1);
	return rc == 1 && c != 'x' ? target_bad("read data", c) : target_check_call("read", rc, 1);
}

static void release_write(pid_t pid __unused, struct share *sh)
{
	if (write(sh->pipe[1], "x", 1) != 1)
		perror("release");
}

static int run_write(struct share *sh)
{
	static char page[65536];
	int rc;

	fcntl(sh->pipe[1], F_SETFL, O_NONBLOCK);
	while (write(sh->pipe[1], page, sizeof(page)) > 0)
		;
	fcntl(sh->pipe[1], F_SETFL, 0);
	target_ready();
	rc = write(sh->pipe[1], page, 100);
	return target_check_call("write", rc, 100);
}

static void release_drain(pid_t pid __unused, struct share *sh)
{
	static char buf[65536];

	if (read(sh->pipe[0], buf, sizeof(buf)) <= 0)
		perror("release");
}

static int run_futex(struct share *sh)
{
	int rc;

	target_ready();
	rc = syscall(SYS_futex, &sh->word, FUTEX_WAIT, 0, NULL, NULL, 0);
	/* The value has changed: a wake that came in the meantime shows so. */
	if (rc == -1 && errno == EAGAIN && sh->word == 1)
		rc = 0;
	return target_check_call("futex", rc, 0);
}

static void release_futex(pid_t pid __unused, struct share *sh)
{
	sh->word = 1;
	syscall(SYS_futex, &sh->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int run_futex_time(struct share *sh)
{
	struct timespec ts = { target_nap_ms / 1000, target_nap_ms % 1000 * 1000000L };
	int rc;

	target_ready();
	rc = syscall(SYS_futex, &sh->word, FUTEX_WAIT, 0, &ts, NULL, 0);
	if (rc == -1 && errno == ETIMEDOUT)
		rc = 0;
	return target_check_call("futex", rc, 0);
}

static int epoll_new(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	return ep;
}

static int run_epoll(struct share *sh)
{
	int ep = epoll_new(sh->pipe[0]);
	struct epoll_event ev;

	target_ready();
	return target_check_call("epoll_wait", epoll_wait(ep, &ev, 1, -1), 1);
}

static int run_epoll_time(struct share *sh)
{
	int ep = epoll_new(sh->pipe[0]);
	struct epoll_event ev;

	target_ready();
	return target_check_call("epoll_wait", epoll_wait(ep, &ev, 1, target_nap_ms), 0);
}

static int run_epoll_pwait(struct share *sh)
{
	int ep = epoll_new(sh->pipe[0]);
	struct epoll_event ev;
	sigset_t none, blocked;
	int rc;

	/* SIGUSR1 can come inside of the call only. */
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	target_ready();
	rc = epoll_pwait(ep, &ev, 1, -1, &none);
	return target_check_call("epoll_pwait", rc, 1);
}

static int run_poll(struct share *sh)
{
	struct pollfd p = { .fd = sh->pipe[0], .events = POLLIN };

	target_ready();
	return target_check_call("poll", poll(&p, 1, -1), 1);
}

static int run_poll_time(struct share *sh)
{
	struct pollfd p = { .fd = sh->pipe[0], .events = POLLIN };
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	int rc;

	target_ready();
	rc = poll(&p, 1, target_nap_ms);
	if (!rc && now_ns(CLOCK_MONOTONIC) - start < target_nap_ms * 1000000ULL)
		return target_bad("woke too early", 0);
	return target_check_call("poll", rc, 0);
}

static int check_mask(const sigset_t *want)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	for (int sig = 1; sig < 64; sig++)
		if (sigismember(&now, sig) != sigismember(want, sig))
			return target_bad("signal mask", sig);
	return 0;
}

static void odd_mask(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGRTMIN + 3);
	sigprocmask(SIG_SETMASK, set, NULL);
}

static int run_ppoll(struct share *sh)
{
	struct pollfd p = { .fd = sh->pipe[0], .events = POLLIN };
	sigset_t none, mask;
	int rc;

	sigemptyset(&none);
	odd_mask(&mask);
	target_ready();
	rc = ppoll(&p, 1, NULL, &none);
	return target_check_call("ppoll", rc, 1) || check_mask(&mask);
}

static int run_ppoll_time(struct share *sh)
{
	struct pollfd p = { .fd = sh->pipe[0], .events = POLLIN };
	struct timespec ts = { target_nap_ms / 1000, target_nap_ms % 1000 * 1000000L };
	sigset_t none, mask;
	int rc;

	sigemptyset(&none);
	odd_mask(&mask);
	target_ready();
	rc = ppoll(&p, 1, &ts, &none);
	return target_check_call("ppoll", rc, 0) || check_mask(&mask);
}

static int run_pselect(struct share *sh)
{
	sigset_t none, mask;
	fd_set fds;
	int rc;

	FD_ZERO(&fds);
	FD_SET(sh->pipe[0], &fds);
	sigemptyset(&none);
	odd_mask(&mask);
	target_ready();
	rc = pselect(sh->pipe[0] + 1, &fds, NULL, NULL, NULL, &none);
	return target_check_call("pselect", rc, 1) || check_mask(&mask);
}

static int run_select_time(struct share *sh)
{
	struct timeval tv = { target_nap_ms / 1000, target_nap_ms % 1000 * 1000 };
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(sh->pipe[0], &fds);
	target_ready();
	return target_check_call("select", select(sh->pipe[0] + 1, &fds, NULL, NULL, &tv), 0);
}

static int run_sigsuspend(struct share *sh __unused)
{
	sigset_t none, mask;
	int rc;

	sigemptyset(&none);
	odd_mask(&mask);
	target_ready();
	rc = sigsuspend(&none);
	return target_check_call("sigsuspend", rc, 0) || check_mask(&mask);
}

static int run_sigwaitinfo(struct share *sh __unused)
{
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	target_ready();
	rc = sigwaitinfo(&set, NULL);
	return target_check_call("sigwaitinfo", rc, SIGUSR2);
}

static void release_usr2(pid_t pid, struct share *sh __unused)
{
	kill(pid, SIGUSR2);
}

static int run_wait(struct share *sh __unused)
{
	pid_t child = fork();
	int rc, status;

	if (!child) {
		char c;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(read(share->pipe[0], &c, 1) == 1 ? 7 : 1);
	}
	target_ready();
	rc = wait4(child, &status, 0, NULL);
	if (rc == child && (!WIFEXITED(status) || WEXITSTATUS(status) != 7))
		return target_bad("wait status", status);
	return target_check_call("wait4", rc, child);
}

static int run_accept(struct share *sh)
{
	int fd;

	target_ready();
	fd = accept(sh->sock, NULL, NULL);
	return target_check_call("accept", fd >= 0 ? 0 : fd, 0);
}

static int run_accept_time(struct share *sh)
{
	struct timeval tv = { 60, 0 };
	int fd;

	/* With a timeout, sockets answer EINTR instead of a restart. */
	setsockopt(sh->sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	target_ready();
	fd = accept(sh->sock, NULL, NULL);
	return target_check_call("accept", fd >= 0 ? 0 : fd, 0);
}

static void release_connect(pid_t pid __unused, struct share *sh)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	getsockname(sh->sock, (struct sockaddr *)&sun, &len);
	if (connect(fd, (struct sockaddr *)&sun, len))
		perror("release");
	close(fd);
}

static int run_semop(struct share *sh)
{
	struct sembuf op = { .sem_num = 0, .sem_op = -1 };

	target_ready();
	return target_check_call("semop", semop(sh->id, &op, 1), 0);
}

static void release_semop(pid_t pid __unused, struct share *sh)
{
	struct sembuf op = { .sem_num = 0, .sem_op = 1 };

	semop(sh->id, &op, 1);
}

static int run_flock(struct share *sh __unused)
{
	int fd = open("/proc/self/exe", O_RDONLY), rc;

	target_ready();
	rc = flock(fd, LOCK_EX);
	return target_check_call("flock", rc, 0);
}

static int flock_fd = -1;

static void release_flock(pid_t pid __unused, struct share *sh __unused)
{
	close(flock_fd);
	flock_fd = -1;
}

/* Computes without system calls and finds any register that changes. */
static int run_regs(struct share *sh)
{
	target_ready();
	while (!sh->stop) {
		const char *reg = regs_round();

		if (reg) {
			snprintf(sh->msg, sizeof(sh->msg), "register %s changed", reg);
			return 1;
		}
		sh->rounds++;
	}
	return 0;
}

static void release_stop(pid_t pid __unused, struct share *sh)
{
	sh->stop = 1;
}

/* A counter that a computing thread keeps must never lose a step. */
static void *thread_count(void *arg)
{
	atomic_long *n = arg;

	while (!share->stop)
		++*n;
	return NULL;
}

static void *thread_sleep(void *arg)
{
	int *rc = arg, fds[2];
	char c;

	/* A pipe of its own, which nobody writes to before the end. */
	if (pipe(fds))
		return NULL;
	while (!share->stop) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };

		if (poll(&p, 1, 20) < 0)
			*rc = errno;
	}
	close(fds[0]);
	close(fds[1]);
	return read(-1, &c, 1) ? NULL : arg;
}

static int run_threads(struct share *sh)
{
	pthread_t counter, sleeper[40];
	int rcs[ARRAY_SIZE(sleeper)] = { 0 };
	atomic_long n = 0;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_create(&counter, NULL, thread_count, &n);
	for (size_t i = 0; i < ARRAY_SIZE(sleeper); i++)
		pthread_create(&sleeper[i], NULL, thread_sleep, &rcs[i]);
	while (!n)
		sched_yield();
	target_ready();
	while (!sh->stop) {
		pthread_mutex_lock(&lock);
		usleep(100);
		pthread_mutex_unlock(&lock);
	}
	pthread_join(counter, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sleeper); i++) {
		pthread_join(sleeper[i], NULL);
		if (rcs[i]) {
			errno = rcs[i];
			return target_bad("poll in a thread", -1);
		}
	}
	return n > 0 ? 0 : target_bad("counter", n);
}

/* The first thread has ended: /proc/PID/maps is empty, the stack is nobody's. */
static void *thread_alone(void *arg __unused)
{
	char c;
	int rc = read(share->pipe[0], &c, 1);

	_exit(target_check_call("read", rc, 1));
}

static int run_leaderless(struct share *sh __unused)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_alone, NULL);
	target_ready();
	/* pthread_exit() would load libgcc, which a test machine need not have. */
	syscall(SYS_exit, 0);
	abort();
}

/* The first thread sleeps uninterruptibly until its vfork child is through. */
static int run_vfork_threads(struct share *sh)
{
	pthread_t t;
	int rcs = 0;

	pthread_create(&t, NULL, thread_sleep, &rcs);
	target_ready();
	if (!vfork()) {
		char c;

		_exit(read(sh->pipe[0], &c, 1) == 1 ? 0 : 1);
	}
	sh->stop = 1;
	pthread_join(t, NULL);
	errno = rcs;
	return rcs ? target_bad("poll in a thread", -1) : 0;
}

/*
 * As Go does it: the main thread runs on a stack of its own making, so small
 * that a signal frame has no room, between memory in use.
 */
enum { FIBRE_STACK = 4096, GUARD = 0x5c };

static struct fibre {
	unsigned char below[32768];
	unsigned char stack[FIBRE_STACK];
	unsigned char above[4096];
} *fibre;
static ucontext_t fibre_main, fibre_ctx;

static void fibre_body(void)
{
	char c;

	target_ready();
	while (!share->stop)
		share->rounds++;
	if (read(share->pipe[0], &c, 1) != 1)
		share->stop = 2;
}

static int run_fibre(struct share *sh)
{
	fibre = mmap(NULL, sizeof(*fibre), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	memset(fibre, GUARD, sizeof(*fibre));
	getcontext(&fibre_ctx);
	fibre_ctx.uc_stack.ss_sp = fibre->stack;
	fibre_ctx.uc_stack.ss_size = sizeof(fibre->stack);
	fibre_ctx.uc_link = &fibre_main;
	makecontext(&fibre_ctx, fibre_body, 0);
	swapcontext(&fibre_main, &fibre_ctx);
	for (size_t i = 0; i < sizeof(fibre->below); i++)
		if (fibre->below[i] != GUARD)
			return target_bad("memory below a small stack", i);
	for (size_t i = 0; i < sizeof(fibre->above); i++)
		if (fibre->above[i] != GUARD)
			return target_bad("memory above a small stack", i);
	return sh->stop == 1 ? 0 : target_bad("read on a small stack", sh->stop);
}

/* A main stack of which every page was used once, so that none is left to be found. */
static void __attribute__((noinline)) use_stack(void)
{
	volatile unsigned char used[400000];

	for (size_t i = 0; i < sizeof(used); i++)
		used[i] = GUARD;
}

static int run_fibre_used(struct share *sh)
{
	use_stack();
	return run_fibre(sh);
}

static void release_fibre(pid_t pid, struct share *sh)
{
	sh->stop = 1;
	release_write(pid, sh);
}

#define KIND(n) .name = #n, .run = run_##n
const struct target_kind target_kinds[] = {
	{ KIND(nanosleep), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(clock_rel), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(clock_abs), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(read), .release = release_write, .on_signal = BY_FLAG },
	{ KIND(write), .release = release_drain, .on_signal = BY_FLAG },
	{ KIND(futex), .release = release_futex, .on_signal = BY_FLAG },
	{ KIND(futex_time), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(epoll), .release = release_write, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	{ KIND(epoll_pwait), .release = release_write, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	{ KIND(poll), .release = release_write, .on_signal = INTERRUPTS },
	{ KIND(poll_time), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(ppoll), .release = release_write, .on_signal = INTERRUPTS },
	{ KIND(ppoll_time), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(pselect), .release = release_write, .on_signal = INTERRUPTS },
	{ KIND(select_time), .on_signal = INTERRUPTS, .is_short = true },
	{ KIND(sigwaitinfo), .release = release_usr2, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	{ KIND(wait), .release = release_write, .on_signal = BY_FLAG },
	{ KIND(accept), .release = release_connect, .on_signal = BY_FLAG },
	{ KIND(accept_time), .release = release_connect, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	{ KIND(semop), .release = release_semop, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	{ KIND(flock), .release = release_flock, .on_signal = BY_FLAG },
	{ KIND(sock_read), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_readv), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_preadv2), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_recvfrom), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_recvmsg), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_recvmmsg), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_splice), .release = release_sock_send, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_write), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_writev), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_SEQPACKET },
	{ KIND(sock_pwritev2), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_DGRAM },
	{ KIND(sock_sendto), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_sendmsg), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_SEQPACKET },
	{ KIND(sock_sendmmsg), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_DGRAM },
	{ KIND(sock_sendfile), .release = release_sock_drain, .on_signal = INTERRUPTS, .eintr_on_stop = true, .pair = SOCK_STREAM },
	{ KIND(sock_connect), .release = release_accept, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	{ KIND(uring), .release = release_write, .on_signal = INTERRUPTS, .eintr_on_stop = true },
	/* From here on not for the row of interrupted calls: start them by name. */
	{ KIND(epoll_time), .on_signal = INTERRUPTS, .eintr_on_stop = true, .is_short = true },
	{ KIND(pause), .on_signal = INTERRUPTS },
	{ KIND(sigsuspend), .on_signal = INTERRUPTS },
	{ KIND(regs), .release = release_stop, .runs = true },
	{ KIND(fibre), .release = release_fibre, .runs = true },
	{ KIND(fibre_used), .release = release_fibre, .runs = true },
	{ KIND(threads), .release = release_stop, .runs = true },
	{ KIND(leaderless), .release = release_write, .on_signal = BY_FLAG, .runs = true },
	{ KIND(vfork_threads), .release = release_write, .runs = true },
};
const size_t n_target_kinds = ARRAY_SIZE(target_kinds);

const struct target_kind *target_kind(const char *name)
{
	for (size_t i = 0; i < n_target_kinds; i++)
		if (!strcmp(target_kinds[i].name, name))
			return &target_kinds[i];
	fprintf(stderr, "no target \"%s\"\n", name);
	abort();
}

/* ------------------------------------------------------------------ */
/* starting and ending							*/

static void on_usr1(int sig __unused)
{
	share->handled++;
}

static void set_up(struct share *sh, const struct target_kind *kind)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (pipe2(sh->pipe, O_CLOEXEC))
		abort();
	/* An address of the kernel's choice, without a file. */
	sh->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bind(sh->sock, (struct sockaddr *)&sun, sizeof(sun.sun_family));
	listen(sh->sock, 5);
	sh->pair[0] = sh->pair[1] = -1;
	if (kind->pair && socketpair(AF_UNIX, kind->pair | SOCK_CLOEXEC, 0, sh->pair))
		abort();
	sh->id = kind->run == run_semop ? semget(IPC_PRIVATE, 1, 0600) : -1;
	if (kind->run == run_flock) {
		flock_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		flock(flock_fd, LOCK_EX);
	}
}

static void tear_down(struct target *t)
{
	close(t->sh->pipe[0]);
	close(t->sh->pipe[1]);
	close(t->sh->sock);
	if (t->kind->pair) {
		close(t->sh->pair[0]);
		close(t->sh->pair[1]);
	}
	if (t->sh->id >= 0)
		semctl(t->sh->id, 0, IPC_RMID);
	if (flock_fd >= 0)
		close(flock_fd);
	flock_fd = -1;
	munmap(t->sh, sizeof(*t->sh));
	t->sh = NULL;
}

int target_start(struct target *t, const struct target_kind *kind, int flags)
{
	t->kind = kind;
	t->sh = mmap(NULL, sizeof(*t->sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	set_up(t->sh, kind);
	fflush(stdout);
	t->pid = fork();
	/* Signals will go to this number: -1 would be everybody. */
	if (t->pid < 0)
		abort();
	if (!t->pid) {
		struct sigaction sa = {
			.sa_handler = on_usr1,
			.sa_flags = flags & TARGET_SA_RESTART ? SA_RESTART : 0,
		};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Under yama, a sibling needs leave to trace us. */
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		share = t->sh;
		expect_eintr = flags & TARGET_EXPECT_EINTR;
		if (flags & TARGET_HANDLER)
			sigaction(SIGUSR1, &sa, NULL);
		/* The lock of the test would pass to us by this descriptor. */
		if (flock_fd >= 0)
			close(flock_fd);
		_exit(kind->run(t->sh));
	}
	while (!t->sh->ready)
		sched_yield();
	/* A short sleep may be over before it is seen. */
	if (!kind->runs && !wait_state(t->pid, kind->is_short ? "SZ" : "S"))
		return -1;
	return 0;
}

int target_end(struct target *t)
{
	int status = 0, rc;

	if (t->kind->release)
		t->kind->release(t->pid, t->sh);
	rc = waitpid(t->pid, &status, 0);
	rc = rc == t->pid && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
	if (rc)
		printf("# %s: status 0x%x, %s\n", t->kind->name, status, t->sh->msg);
	tear_down(t);
	return rc;
}

void target_kill(struct target *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	tear_down(t);
}
