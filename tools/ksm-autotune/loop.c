// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop.c - wait for the next look, for what runs beside it, and for signals.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-autotune/autotune.h"
#include "ksm-autotune/notify.h"

enum { AT_SIGNAL, AT_JOB, __AT_N };

static int signal_fd(void)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		cli_die(CLI_FAIL, -errno, "signals");
	return fd;
}

static void reload(const struct auto_args *a, struct tune *t)
{
	struct tune_config next;

	tune_notify_reloading();
	if (auto_config_load(a, &next)) {
		tune_tell(t, "the configuration stays as it was");
	} else {
		tune_changing(t);
		tune_config_fini(&t->cfg);
		t->cfg = next;
		tune_tell(t, "configuration loaded");
	}
	tune_notify_ready(NULL);
}

/* False: it is to end. */
static bool take_signals(const struct auto_args *a, struct tune *t, int fd)
{
	struct signalfd_siginfo s;

	while (read(fd, &s, sizeof(s)) == sizeof(s)) {
		if (s.ssi_signo == SIGHUP)
			reload(a, t);
		else if (s.ssi_signo == SIGUSR1)
			tune_kick(t, "kicked");
		else if (s.ssi_signo == SIGUSR2)
			tune_take(t);
		else
			return false;
	}
	return true;
}

static int wait_ms(uint64_t until, uint64_t at_most_ns)
{
	const uint64_t now = ksm_now_ns();
	uint64_t left = now < until ? until - now : 0;

	if (at_most_ns)
		left = MIN(left, at_most_ns);
	return left ? (int)(MIN(left, UINT64_C(3600000000000)) / 1000000 + 1) : 0;
}

/* Until the next look; false when it is to end. */
static bool wait_until(const struct auto_args *a, struct tune *t, int sig, uint64_t until)
{
	const uint64_t watchdog = tune_notify_watchdog_ns();
	int left;

	while ((left = wait_ms(until, watchdog)) > 0) {
		struct pollfd at[__AT_N] = {
			[AT_SIGNAL] = { .fd = sig, .events = POLLIN },
			[AT_JOB] = { .fd = tune_job_fd(t->job), .events = POLLIN },
		};
		const int rc = poll(at, __AT_N, left);

		if (rc < 0 && errno != EINTR)
			cli_die(CLI_FAIL, -errno, "poll");
		if (at[AT_SIGNAL].revents && !take_signals(a, t, sig))
			return false;
		if (at[AT_JOB].revents)
			tune_done(t);
		tune_notify_watchdog();
	}
	return true;
}

int auto_run(const struct auto_args *a, struct tune *t)
{
	const int sig = signal_fd();
	uint64_t next = ksm_now_ns();
	int rc = 0, back;

	for (uint64_t n = 0; !a->count || n < a->count; n++) {
		rc = tune_look(t, time(NULL) + (int64_t)(t->cfg.interval_ns / 1000000000));
		if (rc) {
			cli_error(rc, "cannot read the state of KSM");
			break;
		}
		if (!n)
			tune_notify_ready(t->now.reason);
		else if (t->now.turns)
			tune_notify_status(t->now.reason);
		tune_notify_watchdog();
		next += t->cfg.interval_ns;
		/* After a stop of the machine, looks are not made up for. */
		if (next < ksm_now_ns())
			next = ksm_now_ns() + t->cfg.interval_ns;
		if (a->count && n + 1 == a->count && t->doing == TUNE_IDLE)
			break;
		if (!wait_until(a, t, sig, next))
			break;
	}
	tune_notify_stopping("putting back what was found");
	back = tune_put_back(t);
	if (back)
		cli_error(back, "not all could be put back");
	close(sig);
	return back || rc ? CLI_FAIL : CLI_OK;
}
