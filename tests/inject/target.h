/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - processes to inject into, that know what they should look like.
 *
 * A target is forked from the test and runs one function of target.c.  It
 * tells when it is where the test wants it, and afterwards checks by itself
 * that nothing happened to it: the return of its system call, its registers,
 * its signal mask.  It never trusts a clock but for "not earlier than".
 */
#ifndef KSM_TESTS_INJECT_TARGET_H
#define KSM_TESTS_INJECT_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* Memory that a target shares with the test. */
struct share {
	atomic_int ready;	/* the target is about to be where it is wanted */
	atomic_int stop;	/* asks a runner to end */
	atomic_int word;	/* a futex */
	atomic_int torn;	/* the call may have answered EINTR */
	atomic_long rounds;	/* of a runner */
	atomic_long handled;	/* signals that the handler saw */
	atomic_int tid;		/* of a thread of interest */
	int pipe[2];		/* both ends are open on both sides */
	int sock;		/* a listening socket */
	int pair[2];		/* connected sockets, of a kind that wants them */
	int id;			/* System V */
	char msg[240];		/* what went wrong */
};

struct target_kind {
	const char *name;
	int (*run)(struct share *sh);		/* 0, or share->msg says why not */
	void (*release)(pid_t pid, struct share *sh);	/* let its call return; NULL: it does by itself */
	/* What SIGUSR1 with a handler does to the call, with and without SA_RESTART. */
	enum { RESTARTS, INTERRUPTS, BY_FLAG } on_signal;
	/* The kernel answers EINTR to a stop, which only a living injector can mend. */
	bool eintr_on_stop;
	bool runs;				/* does not sleep, at first or ever */
	int pair;				/* socket type of share->pair; 0: none */
	bool is_short;				/* ends by time: not for a row of many injections */
};

extern const struct target_kind target_kinds[];
extern const size_t n_target_kinds;
const struct target_kind *target_kind(const char *name);

struct target {
	pid_t pid;
	struct share *sh;
	const struct target_kind *kind;
};

/* How long the targets sleep that end by time. */
enum { TARGET_NAP_MS = 400 };
extern unsigned int target_nap_ms;

/* Flags of target_start() */
enum {
	TARGET_HANDLER = 1 << 0,	/* SIGUSR1 is counted */
	TARGET_SA_RESTART = 1 << 1,	/* with this flag */
	TARGET_EXPECT_EINTR = 1 << 2,	/* the call must return EINTR, else success */
};

/* Forks it and waits until it is ready and, unless it runs, asleep. */
int target_start(struct target *t, const struct target_kind *kind, int flags);
/* Lets it end and reaps it: 0 when all its checks held; prints what did not. */
int target_end(struct target *t);
/* Kills and reaps. */
void target_kill(struct target *t);

/* State letter of a thread or process; '\0' when it is gone. */
char state_of(pid_t tid);
/* A line's value of /proc/PID/status as a number of that base, or -1. */
long long status_of(pid_t tid, const char *key, int base);
/* Waits for a state out of @states; false after ten seconds. */
bool wait_state(pid_t tid, const char *states);
void sleep_ms(unsigned int ms);

#endif /* KSM_TESTS_INJECT_TARGET_H */
