// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon.c - one look after another: read, decide, act, say.
 */
#include "ksm-autotune/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/macros.h"

/* --- begin and end --- */

static int open_state(struct tune *t, char *why, size_t len)
{
	pid_t other;
	int rc = tune_store_open(&t->store, t->store_dir, &other);

	if (rc == -EBUSY && other)
		snprintf(why, len, "another ksm-autotune runs (%d)", (int)other);
	else if (rc == -EBUSY)
		snprintf(why, len, "another ksm-autotune runs");
	else if (rc)
		snprintf(why, len, "%s: %s%s", t->store_dir ? t->store_dir : KSM_TUNER_DIR,
			 strerror(-rc), rc == -EACCES || rc == -EPERM ? " (needs root)" : "");
	return rc;
}

static int refuse_rival(struct tune *t, char *why, size_t len)
{
	struct ksm_proc other;

	if (ksm_tuner_rival(t->k, &other))
		return 0;
	snprintf(why, len, "%s runs (%d), and decides about the same settings "
		 "(stop it: systemctl disable --now %s)", other.comm, (int)other.pid, other.comm);
	return -EBUSY;
}

/* What a daemon that was killed has left: of its settings, how many are as it set them. */
static int take_notes(struct tune *t, unsigned int *taken)
{
	int settings = tune_store_take_settings(&t->store, t->boot, &t->set, taken);
	int rc = tune_store_take_ours(&t->store, t->boot, &t->ours);

	if (rc && rc != -ENOENT)
		tune_tell(t, "cannot read whom the last one advised: %s; these are left as they are",
			  strerror(-rc));
	if (settings && settings != -ENOENT)
		tune_tell(t, "cannot read what the last one found: %s; settings are taken as "
			  "they are now", strerror(-settings));
	return settings;
}

static void take_over(struct tune *t)
{
	unsigned int taken;

	if (!take_notes(t, &taken) && taken)
		tune_tell(t, "the last one ended without putting back %u setting%s: "
			  "that is done when this one ends", taken, taken == 1 ? "" : "s");
}

static int open_kernel(struct tune *t)
{
	int rc = ksm_open(t->root, &t->k);

	if (!rc)
		rc = ksm_open(t->root, &t->k_job);
	if (!rc)
		rc = ksm_caps_read(t->k, &t->caps);
	if (!rc && !t->caps.ksm)
		rc = -EOPNOTSUPP;
	if (!rc)
		rc = tune_settings_begin(&t->set, t->k);
	if (!rc && !t->dry)
		rc = ksm_boot_id(t->k, t->boot);
	if (!rc && !t->dry)
		rc = ksm_ident_read(t->k, getpid(), &t->self);
	return rc;
}

void tune_prepare(struct tune *t)
{
	t->store = (struct tune_store)TUNE_STORE_NONE;
	t->set.tell = t->tell;
	t->set.arg = t->arg;
	tune_procs_init(&t->procs);
}

int tune_open(struct tune *t, char *why, size_t len)
{
	int rc;

	*why = '\0';
	tune_prepare(t);
	rc = open_kernel(t);
	if (!rc && !t->dry)
		rc = open_state(t, why, len);
	if (!rc && !t->dry)
		rc = refuse_rival(t, why, len);
	if (!rc && !t->dry)
		take_over(t);
	if (!rc)
		rc = tune_job_new(&t->job);
	return rc;
}

void tune_close(struct tune *t)
{
	if (t->job)
		tune_work_end(t);
	tune_job_free(t->job);
	t->job = NULL;
	if (tune_recorder_close(t->recorder))
		tune_tell(t, "what was seen last is not recorded");
	t->recorder = NULL;
	tune_procs_fini(&t->procs);
	tune_ours_fini(&t->ours);
	tune_store_close(&t->store);
	ksm_close(t->k_job);
	ksm_close(t->k);
	t->k = t->k_job = NULL;
}

/* --- settings --- */

/*
 * What is about to be written is noted before; what cannot be noted is not written, as
 * after a crash nobody could put it back.
 */
static bool may_write(struct tune *t, bool lost)
{
	int rc;

	if (t->dry)
		return true;
	if (!lost && !t->not_noted && !memcmp(&t->noted, &t->now.want, sizeof(t->noted)))
		return true;
	rc = tune_store_put_settings(&t->store, t->boot, &t->set, &t->now.want);
	if (rc && rc != t->not_noted)
		tune_tell(t, "cannot note what was found: %s; settings stay as they are until it "
			  "can be", strerror(-rc));
	if (!rc && t->not_noted)
		tune_tell(t, "what was found is noted again");
	t->not_noted = rc;
	t->noted = t->now.want;
	return !rc;
}

static void decide(struct tune *t, bool lost)
{
	tune_decide(&t->hist, &t->cfg.policy, &t->now);
	if (t->now.turns) {
		t->since_s = time(NULL);
		tune_tell(t, "%s", t->now.reason);
	}
	if (may_write(t, lost))
		(void)tune_settings_apply(&t->set, t->dry ? NULL : t->k, &t->now.want,
					  t->now.restart_advisor);
	tune_history_decided(&t->hist, &t->now);
}

void tune_kick(struct tune *t, const char *why)
{
	tune_history_kick(&t->hist, why);
}

void tune_take(struct tune *t)
{
	tune_settings_take(&t->set);
	tune_tell(t, "what others have set is set by decision again");
}

/* --- a look --- */

static void tell_came(struct tune *t)
{
	const struct tune_found *f = &t->found;
	char why[sizeof(t->hist.kick_why)];

	if (!f->took_part)
		return;
	/* Their memory is merged without our doing, and sooner if the scanner hurries. */
	snprintf(why, sizeof(why), "rule %s: %zu that take%s part started", f->rule->name,
		 f->took_part, f->took_part == 1 ? "s" : "");
	tune_kick(t, why);
}

/* Who has come kicks before the look counts: passes until then say nothing of them. */
static void find_procs(struct tune *t, const struct ksm_stats *s)
{
	int rc;

	t->clock = (struct tune_clock){ s->when_ns, t->hist.ended };
	rc = tune_procs_look(&t->procs, t->k, &t->cfg, &t->clock, &t->ours, s,
			     ksm_fig_or(ksm_uptime_ns(t->k), 0), &t->found);
	if (rc)
		tune_tell(t, "cannot list processes: %s", ksm_list_why(rc));
	else
		tell_came(t);
}

static void record(struct tune *t, const struct tune_sample *s)
{
	int rc = t->recorder ? tune_recorder_add(t->recorder, s) : 0;

	if (!rc)
		return;
	tune_tell(t, "what is seen cannot be recorded any more: %s", strerror(-rc));
	(void)tune_recorder_close(t->recorder);
	t->recorder = NULL;
}

/* What follows of a look for the pace: the same, whether it is now or was recorded. */
static void see(struct tune *t, const struct tune_sample *s)
{
	const bool lost = s->acts && tune_settings_look(&t->set, &s->stats);

	tune_history_add(&t->hist, &t->cfg.policy, &s->stats);
	t->clock = (struct tune_clock){ s->stats.when_ns, t->hist.ended };
	for (size_t i = 0; i < t->procs.n; i++)
		tune_cand_look(t->procs.cand[i], &t->clock);
	decide(t, lost);
}

int tune_look(struct tune *t, int64_t next_s)
{
	struct tune_sample s = {
		.wall_s = time(NULL),
		.begins = !t->hist.decided,
		.acts = !t->dry,
	};
	int rc = ksm_stats_read(t->k, &s.stats);

	if (rc)
		return rc;
	find_procs(t, &s.stats);
	s.ours = t->set.ours;
	s.kicked = t->hist.kick_is_new;
	if (s.kicked)
		snprintf(s.kick, sizeof(s.kick), "%s", t->hist.kick_why);
	record(t, &s);
	see(t, &s);
	if (!t->still)
		tune_work(t);
	rc = t->dry ? 0 : tune_report_write(t, next_s);
	if (rc && rc != t->told_rc)
		tune_tell(t, "cannot note what is decided: %s", strerror(-rc));
	t->told_rc = rc;
	return 0;
}

void tune_replay(struct tune *t, const struct tune_sample *s)
{
	if (s->begins) {
		t->hist = (struct tune_history){ 0 };
		tune_settings_take(&t->set);
	}
	t->k = s->k;
	if (s->k)
		find_procs(t, &s->stats);
	if (s->kicked)
		tune_kick(t, s->kick);
	if (s->acts)
		t->set.ours = s->ours;
	see(t, s);
	/* It is the player's. */
	t->k = NULL;
}

void tune_changing(struct tune *t)
{
	tune_work_end(t);
	tune_procs_forget(&t->procs);
	t->told_users = 0;
}

int tune_put_back(struct tune *t)
{
	int rc, last = 0;

	if (t->dry)
		return 0;
	if (t->job)
		tune_work_end(t);
	/* At once, as processes may take many minutes, in which something may end us. */
	rc = tune_settings_restore(&t->set, t->k);
	/* What could not be put back stays noted, for `restore`. */
	if (!rc)
		rc = tune_store_put_settings(&t->store, t->boot, &t->set, NULL);
	if (t->cfg.on_stop == TUNE_STOP_UNDO)
		last = tune_work_undo(t);
	if (!rc)
		rc = tune_store_end(&t->store);
	return rc ? rc : last;
}

int tune_restore(struct tune *t, char *why, size_t len)
{
	unsigned int taken = 0;
	int rc, found;

	*why = '\0';
	tune_prepare(t);
	rc = open_kernel(t);
	if (!rc)
		rc = open_state(t, why, len);
	if (rc)
		return rc;
	found = take_notes(t, &taken);
	rc = tune_put_back(t);
	if (rc)
		snprintf(why, len, "not all could be put back: %s", strerror(-rc));
	else if (found == -ENOENT)
		tune_tell(t, "no daemon has left anything to put back");
	else
		tune_tell(t, "%u setting%s put back", taken, taken == 1 ? "" : "s");
	return rc;
}
