// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon.c - one look after another: read, decide, act, say.
 *
 * What takes long runs beside the loop, one thing at a time: an estimate, or what is
 * done to processes.  What comes of it is taken up at the loop's leisure.
 */
#include "ksm-autotune/daemon.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

#define GUESS_MAX	512	/* processes in one estimate */
#define GUESS_MEMORY	(UINT64_C(64) << 20)
#define PLACES_SHARE	0.95
#define UNSEEN_NS	UINT64_C(100000000)

static __printf(2, 3) void tell(const struct tune *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->tell)
		t->tell(text, t->arg);
}

int tune_open(struct tune *t)
{
	int rc = ksm_open(NULL, &t->k);

	tune_procs_init(&t->procs);
	t->set.tell = t->tell;
	t->set.arg = t->arg;
	if (!rc)
		rc = ksm_open(NULL, &t->k_job);
	if (!rc)
		rc = ksm_caps_read(t->k, &t->caps);
	if (!rc && !t->caps.ksm)
		rc = -EOPNOTSUPP;
	if (!rc)
		rc = tune_settings_begin(&t->set, t->k);
	if (!rc)
		rc = tune_job_new(&t->job);
	return rc;
}

static void end_job(struct tune *t)
{
	est_stop(&t->guesses.e);
	__atomic_store_n(&t->deeds.stop, true, __ATOMIC_RELAXED);
	tune_job_free(t->job);
	t->job = NULL;
	tune_guesses_fini(&t->guesses);
	tune_deeds_fini(&t->deeds);
	t->doing = TUNE_IDLE;
}

void tune_close(struct tune *t)
{
	end_job(t);
	tune_procs_fini(&t->procs);
	ksm_close(t->k_job);
	ksm_close(t->k);
	t->k = t->k_job = NULL;
}

/* --- settings --- */

static void decide(struct tune *t)
{
	tune_decide(&t->hist, &t->cfg.policy, &t->now);
	if (t->now.changes)
		tell(t, "%s", t->now.reason);
	(void)tune_settings_apply(&t->set, t->dry ? NULL : t->k, &t->now.want,
				  t->now.restart_advisor);
	tune_history_decided(&t->hist, &t->now);
}

void tune_kick(struct tune *t, const char *why)
{
	tune_history_kick(&t->hist, why);
}

/* --- processes --- */

static const char *name_of(struct tune *t, const struct ksm_ident *id, char *buf, size_t len)
{
	struct ksm_proc p;

	snprintf(buf, len, "?");
	if (!ksm_proc_read_same(t->k, id, 0, &p))
		snprintf(buf, len, "%s", p.comm);
	return buf;
}

static void tell_cand(struct tune *t, const struct tune_cand *c, const char *what)
{
	char name[KSM_COMM_MAX];

	tell(t, "%d (%s): rule %s: %s: %s", (int)c->id.pid,
	     name_of(t, &c->id, name, sizeof(name)), c->rule->name, what, c->reason);
}

static struct tune_cand *find_cand(struct tune *t, const struct ksm_ident *id)
{
	for (size_t i = 0; i < t->procs.n; i++)
		if (ksm_ident_same(&t->procs.cand[i]->id, id))
			return t->procs.cand[i];
	return NULL;
}

static void start(struct tune *t, enum tune_doing doing, void (*fn)(void *), void *arg)
{
	int rc = tune_job_start(t->job, fn, arg);

	if (!rc)
		t->doing = doing;
	else
		tell(t, "cannot start a thread: %s", strerror(-rc));
}

static void run_guess(void *arg)
{
	tune_guess(arg);
}

static void run_deeds(void *arg)
{
	tune_deeds_do(arg);
}

/* Whose turn it is first; with him come all others of his rule. */
static const struct tune_rule *next_rule(const struct tune *t)
{
	for (size_t i = 0; i < t->procs.n; i++)
		if (tune_cand_next(t->procs.cand[i], &t->clock) == TUNE_ACT_SAMPLE)
			return t->procs.cand[i]->rule;
	return NULL;
}

/*
 * Estimated together are all that the rule matches: what one saves it saves with the
 * others, also with those that were advised before.
 */
static void begin_guess(struct tune *t, const struct tune_rule *rule)
{
	struct tune_guesses *g = &t->guesses;
	size_t n = 0;

	if (tune_guesses_init(g, MIN(t->procs.n, (size_t)GUESS_MAX)))
		return;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < t->procs.n && n < g->n; i++) {
			struct tune_cand *c = t->procs.cand[i];
			const bool due = tune_cand_next(c, &t->clock) == TUNE_ACT_SAMPLE;

			if (c->rule != rule || c->state == TUNE_LEFT || due != !pass ||
			    c->state == TUNE_SAMPLED)
				continue;
			g->v[n++].id = c->id;
			if (due)
				c->state = TUNE_SAMPLED;
		}
	g->n = n;
	g->k = t->k_job;
	g->cpu = t->cfg.estimate_cpu;
	g->max_memory = GUESS_MEMORY;
	g->places = rule->advise == TUNE_ADVISE_WHERE;
	g->share = PLACES_SHARE;
	start(t, TUNE_GUESSES, run_guess, g);
}

static bool judge(struct tune *t, struct tune_cand *c)
{
	struct ksm_proc p;
	struct ksm_fig saved;
	int64_t unseen = 0, meta;

	if (ksm_proc_read_same(t->k, &c->id, KSM_PROC_KSM, &p))
		return true;	/* it has ended: the next look tells */
	saved = ksm_stats_saved_share(&t->hist.last, p.ksm.merging_pages, p.ksm.zero_pages);
	meta = ksm_fig_or(p.ksm.items, 0) * EST_ITEM_BYTES;
	/* Blank pages that a split of a huge page freed are in no counter. */
	if (ksm_fig_or(saved, 0) <= meta)
		(void)ksm_zero_unseen(t->k, &p, ksm_now_ns() + UNSEEN_NS, &unseen);
	return tune_cand_judged(c, &t->clock, ksm_fig_or(saved, 0) + unseen, meta);
}

/* Un-advises who loses, the largest loss first; one at a time. */
static bool begin_undo(struct tune *t)
{
	for (size_t i = 0; i < t->procs.n; i++) {
		struct tune_cand *c = t->procs.cand[i];
		const enum tune_act act = tune_cand_next(c, &t->clock);

		if (act != TUNE_ACT_JUDGE && act != TUNE_ACT_AGAIN)
			continue;
		if (judge(t, c)) {
			if (act == TUNE_ACT_JUDGE)
				tell_cand(t, c, "stays");
			continue;
		}
		tell_cand(t, c, "un-advised");
		t->undone++;
		if (t->dry || tune_deeds_init(&t->deeds, 1))
			continue;
		t->deeds.k = t->k_job;
		t->deeds.caps = &t->caps;
		t->deeds.v[0].kind = TUNE_DEED_UNDO;
		t->deeds.v[0].id = c->id;
		start(t, TUNE_ADVISES, run_deeds, &t->deeds);
		return true;
	}
	return false;
}

static void act(struct tune *t)
{
	const struct tune_rule *rule;

	if (t->doing != TUNE_IDLE || begin_undo(t))
		return;
	rule = next_rule(t);
	if (rule)
		begin_guess(t, rule);
}

/* --- what was done --- */

static void take_guess(struct tune *t, struct tune_guess *g, size_t *n)
{
	struct tune_cand *c = find_cand(t, &g->id);
	struct tune_deed *d = &t->deeds.v[*n];

	/* It has ended, or was only there for the others. */
	if (!c || c->state != TUNE_SAMPLED)
		return;
	if (t->guesses.rc || g->rc) {
		tune_cand_refused(c, &t->clock, t->guesses.rc ? t->guesses.why : strerror(-g->rc));
		tell_cand(t, c, "cannot be sampled");
		return;
	}
	if (tune_cand_sampled(c, &t->clock, g->low_bytes, g->meta_bytes) != TUNE_ACT_ADVISE) {
		tell_cand(t, c, "not advised");
		return;
	}
	if (t->dry) {
		tell_cand(t, c, "would be advised");
		tune_cand_advised(c, &t->clock);
		return;
	}
	d->kind = c->rule->advise == TUNE_ADVISE_WHERE ? TUNE_DEED_PLACES : TUNE_DEED_WHOLE;
	d->id = c->id;
	d->marks = g->marks;
	g->marks = (struct ksm_marks){ 0 };
	++*n;
}

static void guess_done(struct tune *t)
{
	size_t n = 0;

	t->doing = TUNE_IDLE;
	if (!tune_deeds_init(&t->deeds, t->guesses.n)) {
		for (size_t i = 0; i < t->guesses.n; i++)
			take_guess(t, &t->guesses.v[i], &n);
		t->deeds.n = n;
		t->deeds.k = t->k_job;
		t->deeds.caps = &t->caps;
	}
	tune_guesses_fini(&t->guesses);
	if (n)
		start(t, TUNE_ADVISES, run_deeds, &t->deeds);
	else
		tune_deeds_fini(&t->deeds);
}

static void deed_done(struct tune *t, const struct tune_deed *d)
{
	struct tune_cand *c = find_cand(t, &d->id);

	if (!c || d->rc == -ESRCH)
		return;
	if (d->kind == TUNE_DEED_UNDO) {
		if (d->rc)
			tell(t, "%d: cannot be un-advised: %s", (int)d->id.pid, d->why);
		return;
	}
	if (d->rc) {
		tune_cand_refused(c, &t->clock, d->why);
		tell_cand(t, c, "cannot be advised");
		return;
	}
	tell_cand(t, c, d->kind == TUNE_DEED_PLACES ? "advised where it pays" : "advised");
	tune_cand_advised(c, &t->clock);
}

static void deeds_done(struct tune *t)
{
	size_t advised = 0;
	char why[80];

	t->doing = TUNE_IDLE;
	for (size_t i = 0; i < t->deeds.n; i++) {
		deed_done(t, &t->deeds.v[i]);
		advised += !t->deeds.v[i].rc && t->deeds.v[i].kind != TUNE_DEED_UNDO;
	}
	tune_deeds_fini(&t->deeds);
	if (!advised)
		return;
	snprintf(why, sizeof(why), "%zu process%s advised", advised, advised == 1 ? "" : "es");
	tune_kick(t, why);
}

void tune_done(struct tune *t)
{
	if (!tune_job_end(t->job))
		return;
	if (t->doing == TUNE_GUESSES)
		guess_done(t);
	else if (t->doing == TUNE_ADVISES)
		deeds_done(t);
}

/* --- a look --- */

int tune_look(struct tune *t)
{
	struct ksm_stats s;
	int rc = ksm_stats_read(t->k, &s);

	if (rc)
		return rc;
	tune_settings_look(&t->set, &s);
	tune_history_add(&t->hist, &t->cfg.policy, &s);
	t->clock = (struct tune_clock){ s.when_ns, t->hist.passes };
	rc = tune_procs_look(&t->procs, t->k, &t->cfg, &t->clock,
			     ksm_fig_or(ksm_uptime_ns(t->k), 0), &t->found);
	if (rc)
		tell(t, "cannot list processes: %s", ksm_list_why(rc));
	decide(t);
	act(t);
	return 0;
}

void tune_changed(struct tune *t)
{
	end_job(t);
	tune_procs_forget(&t->procs);
	if (tune_job_new(&t->job))
		t->job = NULL;
}

/* --- the end --- */

static void undo_all(struct tune *t)
{
	struct tune_deeds d;
	size_t n = 0;

	if (tune_deeds_init(&d, t->procs.n))
		return;
	for (size_t i = 0; i < t->procs.n; i++) {
		const struct tune_cand *c = t->procs.cand[i];

		if (c->state != TUNE_ADVISED && c->state != TUNE_STAYS)
			continue;
		d.v[n].kind = TUNE_DEED_UNDO;
		d.v[n++].id = c->id;
	}
	d.n = n;
	d.k = t->k_job;
	d.caps = &t->caps;
	tune_deeds_do(&d);
	for (size_t i = 0; i < n; i++)
		if (d.v[i].rc && d.v[i].rc != -ESRCH)
			tell(t, "%d: cannot be un-advised: %s", (int)d.v[i].id.pid, d.v[i].why);
	tune_deeds_fini(&d);
}

int tune_put_back(struct tune *t)
{
	if (t->dry)
		return 0;
	end_job(t);
	if (t->cfg.on_stop == TUNE_STOP_UNDO)
		undo_all(t);
	return tune_settings_restore(&t->set, t->k);
}
