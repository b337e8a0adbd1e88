// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop.c - wait for time, keys, signals and process events, and do what they ask.
 *
 * The same loop drives the screen and batch output; they differ in their struct
 * view.  Signals come as a descriptor, so that nothing runs in between: the
 * terminal is put back by the ordinary way out, whatever ends the program.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "util/num.h"

/* Forks come by the thousand: taken in so often at most. */
#define EVENTS_EVERY_MS 200
/* Of a recording that is played as fast as possible, on a screen. */
#define STEP_MIN_NS UINT64_C(20000000)

struct loop {
	struct top *t;
	int timer_fd, signal_fd;
	struct sample sample;
	struct sample next;	/* of a recording: read ahead, for its time */
	bool has_next;
	uint64_t shown;		/* samples */
	uint64_t events_ns;	/* when they were taken in */
	int status;
};

/* --- time --- */

static void timer_set(struct loop *l, uint64_t first_ns, uint64_t every_ns)
{
	const struct itimerspec when = {
		.it_value = { first_ns / 1000000000, first_ns % 1000000000 },
		.it_interval = { every_ns / 1000000000, every_ns % 1000000000 },
	};

	timerfd_settime(l->timer_fd, 0, &when, NULL);
}

/* Until the next sample of a recording is due. */
static void timer_replay(struct loop *l)
{
	const struct top *t = l->t;
	const uint64_t now = l->sample.stats.when_ns, then = l->next.stats.when_ns;
	uint64_t ns = then > now ? then - now : 0;

	if (!l->has_next)
		return;
	/* A gap in it is not waited for. */
	ns = MIN(ns, TOP_INTERVAL_MAX_NS);
	ns = t->speed > 0 ? num_floor_sat(ns / t->speed) : 0;
	timer_set(l, MAX(ns, t->batch ? 1 : STEP_MIN_NS), 0);
}

static void timer_start(struct loop *l)
{
	if (l->t->player)
		timer_replay(l);
	else
		timer_set(l, l->t->interval_ns, l->t->interval_ns);
}

/* --- samples --- */

static void read_ahead(struct loop *l)
{
	struct top *t = l->t;
	int rc = top_player_next(t->player, &l->next);

	l->has_next = rc == 1;
	t->ended = rc != 1;
	if (rc == 1)
		return;
	if (rc && t->batch) {
		cli_error(0, "%s: %s", t->replay, top_player_error(t->player));
		l->status = CLI_FAIL;
	} else if (rc) {
		top_say(t, TOP_BAD, "%s: %s", t->replay, top_player_error(t->player));
	} else {
		top_say(t, TOP_DULL, "end of the recording");
	}
}

static int replay(struct loop *l)
{
	const struct sample was = l->sample;

	if (!l->shown)
		read_ahead(l);
	if (!l->has_next)
		return -ENODATA;
	l->sample = l->next;
	l->next = was;
	read_ahead(l);
	timer_replay(l);
	return 0;
}

/* Events that come no more are no failure, but births and deaths are seen later then. */
static void tell_deaf(struct top *t)
{
	const int rc = t->sampler ? top_sampler_deaf(t->sampler) : 0;

	if (rc && t->batch)
		cli_note("process events: %s; reading /proc instead", cli_strerror(rc));
	else if (rc)
		top_say(t, TOP_WARN, "process events: %s; reading /proc instead",
			cli_strerror(rc));
}

static int take(struct loop *l)
{
	struct top *t = l->t;
	int rc = t->player ? replay(l) : top_sample_take(t->sampler, &l->sample);

	if (rc == -ENODATA)
		return rc;
	tell_deaf(t);
	if (rc) {
		cli_error(0, "cannot list processes: %s", ksm_list_why(rc));
		return rc;
	}
	if (t->recorder) {
		rc = top_recorder_add(t->recorder, &l->sample);
		if (rc) {
			cli_error(rc, "%s: cannot write", t->record);
			return rc;
		}
	}
	rc = top_model_update(&t->model, &l->sample);
	if (rc)
		cli_die(CLI_FAIL, rc, "allocate");
	top_detail_read(t);
	l->shown++;
	return 0;
}

/* False when that was the last. */
static bool step(struct loop *l)
{
	struct top *t = l->t;
	int rc = take(l);

	if (rc && rc != -ENODATA)
		l->status = CLI_FAIL;
	if (rc)
		return rc == -ENODATA && !t->batch;
	t->view->draw(t);
	if (!t->batch)
		return true;
	if (cli_flush()) {
		l->status = CLI_FAIL;
		return false;
	}
	return l->status == CLI_OK && (!t->count || l->shown < t->count) && !t->ended;
}

/* --- keys --- */

static void detail_open(struct top *t)
{
	const struct top_proc *p = top_model_selected(&t->model);

	top_detail_fini(&t->detail);
	if (!p)
		return;
	t->detail.pid = p->p.pid;
	t->detail.start_ticks = p->p.start_ticks;
	if (!t->k)
		t->detail.rc = -EOPNOTSUPP;
	top_detail_read(t);
}

static void suspend(struct loop *l)
{
	struct top *t = l->t;
	const struct timespec at_once = { 0 };
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	sigset_t stop, cont, was;

	if (t->view->fini)
		t->view->fini(t);
	sigaction(SIGTSTP, &dfl, &old);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	/* Stops here, and goes on here. */
	sigprocmask(SIG_UNBLOCK, &stop, &was);
	sigprocmask(SIG_SETMASK, &was, NULL);
	sigaction(SIGTSTP, &old, NULL);
	/* What ended this stop is not news of another, and the screen comes back once. */
	sigemptyset(&cont);
	sigaddset(&cont, SIGCONT);
	sigtimedwait(&cont, NULL, &at_once);
	if (t->view->init && t->view->init(t))
		l->status = CLI_FAIL;
}

/* False at the end. */
static bool act(struct loop *l, unsigned int todo)
{
	struct top *t = l->t;

	t->changed |= (todo & TOP_CHANGED) != 0;
	if (todo & TOP_QUIT)
		return false;
	if (todo & TOP_ADVISE)
		top_advise(t, true);
	if (todo & TOP_UNADVISE)
		top_advise(t, false);
	if (todo & TOP_DETAIL)
		detail_open(t);
	if (todo & TOP_DETAIL_END)
		top_detail_fini(&t->detail);
	if (todo & TOP_SUSPEND)
		suspend(l);
	if (l->status != CLI_OK)
		return false;
	if (todo & (TOP_TIMER | TOP_SUSPEND))
		timer_start(l);
	/* Acting changed something worth seeing at once; a recording has its own time. */
	if ((todo & (TOP_SAMPLE | TOP_ADVISE | TOP_UNADVISE)) && !t->player && !t->paused)
		return step(l);
	if (todo)
		t->view->draw(t);
	return true;
}

/* --- what wakes --- */

static bool on_signal(struct loop *l)
{
	struct signalfd_siginfo si;

	if (read(l->signal_fd, &si, sizeof(si)) != sizeof(si))
		return true;
	switch (si.ssi_signo) {
	case SIGWINCH:
		return !l->t->view->key || act(l, l->t->view->key(l->t, TOP_WAKE_RESIZE));
	case SIGTSTP:
		return act(l, TOP_SUSPEND);
	case SIGCONT:
		/* After a SIGSTOP nobody knows what the terminal looks like. */
		if (l->t->view->fini)
			l->t->view->fini(l->t);
		if (l->t->view->init && l->t->view->init(l->t)) {
			l->status = CLI_FAIL;
			return false;
		}
		return l->t->batch || act(l, TOP_REDRAW);
	default:
		return false;
	}
}

static bool on_timer(struct loop *l)
{
	uint64_t times;

	if (read(l->timer_fd, &times, sizeof(times)) != sizeof(times))
		return true;
	return l->t->paused || step(l);
}

static void on_events(struct loop *l)
{
	l->events_ns = ksm_now_ns();
	top_sampler_events(l->t->sampler);
	tell_deaf(l->t);
}

/* Milliseconds until events may be taken in again; 0 now. */
static int events_wait(const struct loop *l)
{
	const uint64_t since = (ksm_now_ns() - l->events_ns) / 1000000;

	return since >= EVENTS_EVERY_MS ? 0 : (int)(EVENTS_EVERY_MS - since);
}

static bool wait_once(struct loop *l)
{
	enum { SIGNAL, TIMER, KEYS, EVENTS, UNMERGER, OFF };
	struct top *t = l->t;
	const int events_fd = t->sampler ? top_sampler_fd(t->sampler) : -1;
	const int deaf = events_fd >= 0 ? events_wait(l) : 0;
	struct pollfd fds[] = {
		[SIGNAL] = { l->signal_fd, POLLIN, 0 },
		[TIMER] = { l->timer_fd, POLLIN, 0 },
		[KEYS] = { t->view->key ? STDIN_FILENO : -1, POLLIN, 0 },
		[EVENTS] = { deaf ? -1 : events_fd, POLLIN, 0 },
		[UNMERGER] = { t->unmerger ? t->unmerger_fd : -1, POLLIN, 0 },
		[OFF] = { t->off.child ? t->off.fd : -1, POLLIN, 0 },
	};

	if (poll(fds, ARRAY_SIZE(fds), deaf ? deaf : -1) < 0)
		return errno == EINTR;
	if (fds[SIGNAL].revents && !on_signal(l))
		return false;
	if (fds[EVENTS].revents)
		on_events(l);
	if (fds[KEYS].revents && !act(l, t->view->key(t, TOP_WAKE_INPUT)))
		return false;
	if (fds[UNMERGER].revents) {
		top_unmerged(t);
		if (!act(l, TOP_REDRAW | TOP_SAMPLE))
			return false;
	}
	if (fds[OFF].revents && !act(l, TOP_REDRAW | (top_unmerge_news(t) ? TOP_SAMPLE : 0)))
		return false;
	return !fds[TIMER].revents || on_timer(l);
}

static int open_fds(struct loop *l)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT };
	const size_t n = l->t->batch ? 3 : ARRAY_SIZE(caught);
	struct sigaction old;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++) {
		/* nohup(1) and the background of a shell mean it. */
		if (!sigaction(caught[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaddset(&set, caught[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0)
		return -errno;
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return l->timer_fd < 0 ? -errno : 0;
}

int top_loop(struct top *t)
{
	struct loop l = { .t = t, .timer_fd = -1, .signal_fd = -1, .status = CLI_OK };
	int rc = open_fds(&l);

	if (rc) {
		cli_error(rc, "cannot wait for signals");
		l.status = CLI_FAIL;
	} else if (t->view->init && t->view->init(t)) {
		l.status = CLI_FAIL;
	} else {
		timer_start(&l);
		if (step(&l))
			while (wait_once(&l))
				;
	}
	if (t->view->fini)
		t->view->fini(t);
	top_unmerge_stop(t);
	if (l.timer_fd >= 0)
		close(l.timer_fd);
	if (l.signal_fd >= 0)
		close(l.signal_fd);
	top_sample_fini(&l.sample);
	top_sample_fini(&l.next);
	return l.status;
}
