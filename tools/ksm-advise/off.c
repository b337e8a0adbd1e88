// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * off.c - -d on running processes: whether memory suffices, how far it is, and
 * being interrupted.
 *
 * Giving gigabytes back takes minutes, as it is done in portions that nobody
 * notices.  A signal that would end us is taken between two of them; what was
 * given back until then stays so, and the same command goes on from there.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"

/* Between two changes of the bar. */
#define SHOW_NS UINT64_C(100000000)

static volatile sig_atomic_t ended_by;

static void on_signal(int sig)
{
	ended_by = sig;
}

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

void adv_off_begin(void)
{
	const struct sigaction take = { .sa_handler = on_signal };
	struct sigaction found;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		/* One that is ignored (nohup) stays so. */
		if (!sigaction(ends[i], NULL, &found) && found.sa_handler != SIG_IGN)
			sigaction(ends[i], &take, NULL);
}

int adv_off_end(int code)
{
	const int sig = ended_by;

	if (!sig)
		return code;
	signal(sig, SIG_DFL);
	kill(getpid(), sig);
	return 128 + sig;
}

bool adv_off_ended(void)
{
	return ended_by;
}

void adv_off_check_memory(struct adv *a, const struct ksm_ident *ids, size_t n)
{
	char need[32], have[32];
	struct ksm_fig available;
	int64_t bytes;

	ksm_advise_memory(a->k, ids, n, &bytes, &available);
	if (!ksm_fig_has(available))
		return;
	cli_bytes(need, sizeof(need), bytes, false);
	cli_bytes(have, sizeof(have), available.v, false);
	cli_note("disabling needs up to %s; available are %s", need, have);
	if (bytes <= available.v)
		return;
	if (!a->force)
		cli_die(CLI_FAIL, 0, "not disabled: it may need %s, and %s are available "
				     "(free some, or use --force)",
			need, have);
	cli_warn(0, "disabling may need %s, and %s are available; going on as --force says", need,
		 have);
}

static const char *size_of(struct adv *a, uint64_t pages, char *buf, size_t len)
{
	return cli_bytes(buf, len, (int64_t)(pages * ksm_page_size(a->k)), false);
}

/* A ksm_portions_fn. */
bool adv_off_step(const struct ksm_portions *now, void *arg)
{
	struct adv_off *o = arg;
	char done[32], all[32], left[32], text[160];
	const uint64_t t = ksm_now_ns();

	size_of(o->a, now->pages_all, all, sizeof(all));
	cli_duration(left, sizeof(left), MAX(now->left_ns, UINT64_C(1000000)));
	if (!now->pieces)
		cli_note("%d: unmerging %s: about %s in %llu pieces", (int)o->pid, all, left,
			 (unsigned long long)now->pieces_all);
	if (ended_by)
		return false;
	if (t - o->shown_ns < SHOW_NS)
		return true;
	o->shown_ns = t;
	snprintf(text, sizeof(text), "%d: %s of %s, about %s left", (int)o->pid,
		 size_of(o->a, now->pages, done, sizeof(done)), all, left);
	cli_progress(now->share, text);
	o->shown = true;
	return true;
}

/* What came of it; -EINTR included.  False when it was none of our matters: tell why it failed. */
bool adv_off_tell(struct adv_off *o, const struct ksm_advised *d, int rc)
{
	const struct ksm_portions *p = &d->portions;
	char done[32], all[32];

	if (o->shown)
		cli_progress(-1, NULL);
	size_of(o->a, p->pages, done, sizeof(done));
	if (rc == -EINTR && ended_by) {
		cli_error(0, "%d: interrupted: %s of %s unmerged (the same command goes on from there)",
			  (int)o->pid, done, size_of(o->a, p->pages_all, all, sizeof(all)));
		return true;
	}
	if (rc && d->action == KSM_ADVISE_NOT_OURS) {
		cli_error(0, "%d: cannot disable merging: the program itself asked for it, by "
			     "madvise (--madvised disables that too)",
			  (int)o->pid);
		return true;
	}
	if (rc)
		return false;
	if (d->action == KSM_ADVISE_NOTHING)
		cli_note("%d: nothing to do: merging is off", (int)o->pid);
	else if (d->action != KSM_ADVISE_BY_PRCTL && !p->pieces)
		cli_note("%d: nothing to do: no mapping is mergeable", (int)o->pid);
	else if (!p->pieces)
		cli_note("%d: merging disabled (prctl, stopped for %llu us, %llu us of them computing)",
			 (int)o->pid, (unsigned long long)(d->info.stop_ns / 1000),
			 (unsigned long long)(d->info.cpu_ns / 1000));
	else
		cli_note("%d: merging disabled (%s, %s unmerged in %llu pieces; the longest hold "
			 "took %llu us of CPU time, %llu us by the clock)",
			 (int)o->pid, d->action == KSM_ADVISE_BY_PRCTL ? "prctl" : "madvise", done,
			 (unsigned long long)p->pieces,
			 (unsigned long long)(d->info.cpu_ns / 1000),
			 (unsigned long long)(d->info.stop_ns / 1000));
	return true;
}
