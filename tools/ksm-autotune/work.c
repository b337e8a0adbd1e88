// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * work.c - what is done with processes: sampled, advised, judged, un-advised.
 *
 * What takes long runs beside the loop, one thing at a time: an estimate, or what is
 * done to processes.  What comes of it is taken up at the loop's leisure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/places.h"
#include "ksm-autotune/daemon.h"
#include "util/macros.h"
#include "util/num.h"

#define GUESS_MAX	512	/* processes in one estimate */
#define GUESS_MEMORY	(UINT64_C(64) << 20)
#define UNSEEN_NS	UINT64_C(100000000)

/* --- to people: one line for all of a rule with the same outcome --- */

enum outcome {
	UNSAMPLED, NOT_ADVISED, WOULD_BE, UNADVISABLE, ADVISED, ADVISED_PLACES, MARKED_ANEW, STAYS,
	UNADVISED,
};

static const struct {
	const char *one, *many;
} outcomes[] = {
	[UNSAMPLED] = { "cannot be sampled", "cannot be sampled" },
	[NOT_ADVISED] = { "is not advised", "are not advised" },
	[WOULD_BE] = { "would be advised", "would be advised" },
	[UNADVISABLE] = { "cannot be advised", "cannot be advised" },
	[ADVISED] = { "is advised", "are advised" },
	[ADVISED_PLACES] = { "is advised where it pays", "are advised where it pays" },
	[MARKED_ANEW] = { "is marked anew", "are marked anew" },
	[STAYS] = { "stays advised", "stay advised" },
	[UNADVISED] = { "is un-advised", "are un-advised" },
};

#define TALLIES 8

struct tally {
	enum outcome what;
	const struct tune_rule *rule;
	int64_t sum_bytes;
	struct ksm_ident id;		/* of the first one... */
	int64_t most_bytes;		/* ...or of him with most, and his reason */
	char reason[160];
	unsigned int n;
};

struct tallies {
	struct tally v[TALLIES];
	size_t n;
};

static const char *name_of(struct tune *t, const struct ksm_ident *id, char *buf, size_t len)
{
	struct ksm_proc p;

	snprintf(buf, len, "?");
	if (!ksm_proc_read_same(t->k, id, 0, &p))
		snprintf(buf, len, "%s", p.comm);
	return buf;
}

static void tell_tallies(struct tune *t, struct tallies *all)
{
	char name[KSM_COMM_MAX];

	for (size_t i = 0; i < all->n; i++) {
		const struct tally *y = &all->v[i];

		name_of(t, &y->id, name, sizeof(name));
		if (y->n == 1)
			tune_tell(t, "rule %s: %d (%s) %s: %s", y->rule->name, (int)y->id.pid,
				  name, outcomes[y->what].one, y->reason);
		else
			tune_tell(t, "rule %s: %u processes %s, with %.1f MiB together; "
				  "%d (%s): %s", y->rule->name, y->n, outcomes[y->what].many,
				  (double)y->sum_bytes / (1024 * 1024), (int)y->id.pid, name,
				  y->reason);
	}
	all->n = 0;
}

static void tally(struct tune *t, struct tallies *all, const struct tune_cand *c,
		  enum outcome what)
{
	const int64_t bytes = what == STAYS || what == UNADVISED ? c->saved_bytes :
								   c->promised_bytes;
	struct tally *y = NULL;

	for (size_t i = 0; !y && i < all->n; i++)
		if (all->v[i].what == what && all->v[i].rule == c->rule)
			y = &all->v[i];
	if (!y) {
		if (all->n == TALLIES)
			tell_tallies(t, all);
		y = &all->v[all->n++];
		*y = (struct tally){ .what = what, .rule = c->rule };
	}
	y->sum_bytes += bytes;
	if (y->n++ && bytes <= y->most_bytes)
		return;
	y->id = c->id;
	y->most_bytes = bytes;
	snprintf(y->reason, sizeof(y->reason), "%s", c->reason);
}

/* --- whom we advised --- */

static int note_ours(struct tune *t)
{
	int rc = t->dry ? 0 : tune_store_put_ours(&t->store, t->boot, &t->ours);

	if (rc)
		tune_tell(t, "cannot note whom we advised: %s", strerror(-rc));
	return rc;
}

static void prune_ours(struct tune *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->ours.n; i++) {
		struct ksm_proc p;

		if (ksm_proc_read_same(t->k, &t->ours.v[i].id, 0, &p) != -ESRCH)
			t->ours.v[n++] = t->ours.v[i];
	}
	t->ours.n = n;
}

/* Before it is done, so that whatever ends us leaves nobody who is not known to be ours. */
static int note_deeds(struct tune *t)
{
	int rc = 0;

	prune_ours(t);
	for (size_t i = 0; !rc && i < t->deeds.n; i++) {
		const struct tune_deed *d = &t->deeds.v[i];

		if (d->kind == TUNE_DEED_WHOLE || d->kind == TUNE_DEED_PLACES)
			rc = tune_ours_add(&t->ours, &d->id, d->kind);
	}
	if (!rc)
		rc = note_ours(t);
	for (size_t i = 0; rc && i < t->deeds.n; i++)
		if (!t->deeds.v[i].again)
			tune_ours_drop(&t->ours, &t->deeds.v[i].id);
	return rc;
}

/* --- judging --- */

/* False: it has ended; the next look tells. */
static bool read_yield(struct tune *t, const struct tune_cand *c, uint64_t deadline,
		       int64_t *saved, int64_t *meta)
{
	struct ksm_proc p;
	int64_t unseen = 0;

	if (ksm_proc_read_same(t->k, &c->id, KSM_PROC_KSM, &p))
		return false;
	*saved = ksm_fig_or(ksm_stats_saved_share(&t->hist.last, p.ksm.merging_pages,
						  p.ksm.zero_pages), 0);
	*meta = tune_meta_bytes(&p);
	/* Blank pages that a split of a huge page freed are in no counter. */
	if (*saved <= *meta)
		(void)ksm_zero_unseen(t->k, &p, deadline, &unseen);
	*saved = num_add_sat(*saved, unseen);
	return true;
}

static bool judge(struct tune *t, struct tune_cand *c, uint64_t deadline)
{
	int64_t saved, meta;

	return !read_yield(t, c, deadline, &saved, &meta) ||
	       tune_cand_judged(c, &t->clock, saved, meta);
}

/* --- sampling --- */

static struct tune_cand *find_cand(struct tune *t, const struct ksm_ident *id)
{
	for (size_t i = 0; i < t->procs.n; i++)
		if (ksm_ident_same(&t->procs.cand[i]->id, id))
			return t->procs.cand[i];
	return NULL;
}

/* Nothing came of it: those that were chosen are looked at again later. */
static void drop_sampled(struct tune *t, const char *why)
{
	for (size_t i = 0; i < t->procs.n; i++)
		if (t->procs.cand[i]->state == TUNE_SAMPLED)
			tune_cand_refused(t->procs.cand[i], &t->clock, why);
}

static bool start(struct tune *t, enum tune_doing doing, void (*fn)(void *), void *arg)
{
	int rc = tune_job_start(t->job, fn, arg);

	if (!rc) {
		t->doing = doing;
		return true;
	}
	tune_tell(t, "cannot start a thread: %s", strerror(-rc));
	drop_sampled(t, "no thread could be started for it");
	return false;
}

static void run_guess(void *arg)
{
	tune_guess(arg);
}

static void run_deeds(void *arg)
{
	tune_deeds_do(arg);
}

static bool is_due(const struct tune *t, const struct tune_cand *c)
{
	const enum tune_act act = tune_cand_next(c, &t->clock);

	return act == TUNE_ACT_SAMPLE || act == TUNE_ACT_PLACES;
}

/* Whose turn it is first; with him come all others of his rule. */
static const struct tune_rule *next_rule(const struct tune *t)
{
	for (size_t i = 0; i < t->procs.n; i++)
		if (is_due(t, t->procs.cand[i]))
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
			const bool due = is_due(t, c);

			if (c->rule != rule || c->state == TUNE_LEFT || due != !pass ||
			    c->state == TUNE_SAMPLED)
				continue;
			if (due)
				tune_cand_chosen(c);
			g->v[n].again = due && c->again;
			g->v[n++].id = c->id;
		}
	g->n = n;
	g->k = t->k_job;
	g->cpu = t->cfg.estimate_cpu;
	g->max_memory = GUESS_MEMORY;
	g->places = rule->advise == TUNE_ADVISE_WHERE;
	g->share = EST_PLACES_SHARE;
	if (!start(t, TUNE_GUESSES, run_guess, g))
		tune_guesses_fini(g);
}

static void begin_deeds(struct tune *t)
{
	t->deeds.k = t->k_job;
	t->deeds.caps = &t->caps;
	if (!start(t, TUNE_ADVISES, run_deeds, &t->deeds))
		tune_deeds_fini(&t->deeds);
}

static void move_marks(struct ksm_marks *to, struct ksm_marks *from)
{
	*to = *from;
	*from = (struct ksm_marks){ 0 };
}

/* The same with one that is advised where it pays. */
static bool take_again(struct tune *t, struct tallies *say, struct tune_cand *c,
		       struct tune_guess *g, struct tune_deed *d)
{
	const uint64_t deadline = ksm_now_ns() + UNSEEN_NS;
	struct tune_again now = {
		.held = g->held,
		.marked = g->marked,
		.hot = g->marks.n,
		.cold = g->cold.n,
	};
	int64_t saved, meta;
	enum tune_act act;

	if (!read_yield(t, c, deadline, &saved, &meta)) {
		tune_cand_refused(c, &t->clock, "what it saves cannot be read");
		return false;
	}
	/* A sample tells what more would be saved. */
	now.low_bytes = num_add_sat(g->low_bytes, saved);
	now.meta_bytes = num_add_sat(g->meta_bytes, meta);
	now.whole_low_bytes = num_add_sat(g->whole_low_bytes, saved);
	now.whole_meta_bytes = g->whole_meta_bytes;
	act = tune_cand_again(c, &now);
	if (act == TUNE_ACT_JUDGE) {
		if (tune_cand_judged(c, &t->clock, saved, meta))
			return false;
		act = TUNE_ACT_UNDO;
	}
	d->id = c->id;
	d->again = true;
	if (act == TUNE_ACT_UNDO) {
		tune_cand_disappointed(c, &t->clock);
		tally(t, say, c, UNADVISED);
		d->kind = TUNE_DEED_UNDO;
		return true;
	}
	d->kind = act == TUNE_ACT_ADVISE ? TUNE_DEED_WHOLE : TUNE_DEED_AGAIN;
	move_marks(&d->marks, &g->marks);
	move_marks(&d->cold, &g->cold);
	return true;
}

/* What is to be done with one that was sampled; true: it is to be advised. */
static bool take_guess(struct tune *t, struct tallies *say, struct tune_guess *g,
		       struct tune_deed *d)
{
	struct tune_cand *c = find_cand(t, &g->id);
	bool whole;

	/* It has ended, or was only there for the others. */
	if (!c || c->state != TUNE_SAMPLED)
		return false;
	if (t->guesses.rc || g->rc) {
		tune_cand_refused(c, &t->clock, t->guesses.rc ? t->guesses.why : strerror(-g->rc));
		tally(t, say, c, UNSAMPLED);
		return false;
	}
	if (c->again)
		return take_again(t, say, c, g, d);
	whole = t->guesses.places && c->fleeting;
	if (tune_cand_sampled(c, &t->clock, whole ? g->whole_low_bytes : g->low_bytes,
			      whole ? g->whole_meta_bytes : g->meta_bytes) != TUNE_ACT_ADVISE) {
		tally(t, say, c, NOT_ADVISED);
		return false;
	}
	if (t->dry) {
		tally(t, say, c, WOULD_BE);
		/* Nothing comes of it that could be judged. */
		tune_cand_leave(c, &t->clock, "it would be advised; this is a dry run");
		return false;
	}
	d->kind = c->rule->advise == TUNE_ADVISE_WHERE && !whole ? TUNE_DEED_PLACES :
								   TUNE_DEED_WHOLE;
	d->id = c->id;
	move_marks(&d->marks, &g->marks);
	return true;
}

static void guess_done(struct tune *t)
{
	struct tallies say = { 0 };
	size_t n = 0;

	if (tune_deeds_init(&t->deeds, t->guesses.n)) {
		drop_sampled(t, strerror(ENOMEM));
		tune_guesses_fini(&t->guesses);
		return;
	}
	for (size_t i = 0; i < t->guesses.n; i++)
		n += take_guess(t, &say, &t->guesses.v[i], &t->deeds.v[n]);
	t->deeds.n = n;
	tune_guesses_fini(&t->guesses);
	tell_tallies(t, &say);
	if (n && !note_deeds(t)) {
		begin_deeds(t);
		return;
	}
	if (n)
		drop_sampled(t, "it could not be noted");
	tune_deeds_fini(&t->deeds);
}

/* --- un-advising --- */

static int64_t loss(const struct tune_cand *c)
{
	return c->meta_bytes - c->saved_bytes;
}

/* Un-advises who loses, the largest loss first; one at a time. */
static bool begin_undo(struct tune *t)
{
	const uint64_t deadline = ksm_now_ns() + UNSEEN_NS;
	struct tallies say = { 0 };
	struct tune_cand *worst = NULL;

	/* Those that are not reached in time are judged by the next look. */
	for (size_t i = 0; i < t->procs.n && ksm_now_ns() < deadline; i++) {
		struct tune_cand *c = t->procs.cand[i];
		const enum tune_act act = tune_cand_next(c, &t->clock);

		if (act != TUNE_ACT_JUDGE && act != TUNE_ACT_AGAIN)
			continue;
		if (!judge(t, c, deadline)) {
			if (!worst || loss(c) > loss(worst))
				worst = c;
		} else if (act == TUNE_ACT_JUDGE) {
			tally(t, &say, c, STAYS);
		}
	}
	if (worst && !tune_deeds_init(&t->deeds, 1)) {
		tune_cand_disappointed(worst, &t->clock);
		tally(t, &say, worst, UNADVISED);
		t->deeds.v[0].kind = TUNE_DEED_UNDO;
		t->deeds.v[0].id = worst->id;
		tell_tallies(t, &say);
		begin_deeds(t);
		return true;
	}
	tell_tallies(t, &say);
	return false;
}

void tune_work(struct tune *t)
{
	const struct tune_rule *rule;

	if (t->doing != TUNE_IDLE || begin_undo(t))
		return;
	rule = next_rule(t);
	if (rule)
		begin_guess(t, rule);
}

/* --- what was done --- */

/* False: it is not ours, or not any more. */
static bool deed_done(struct tune *t, struct tallies *say, const struct tune_deed *d)
{
	struct tune_cand *c = find_cand(t, &d->id);
	const bool undo = d->kind == TUNE_DEED_UNDO;

	if (d->rc == -ESRCH)
		return false;
	if (undo) {
		if (d->rc)
			tune_tell(t, "%d: cannot be un-advised: %s", (int)d->id.pid, d->why);
		return d->rc;
	}
	if (!c)
		return d->again || !d->rc;
	if (d->rc) {
		tune_cand_refused(c, &t->clock, d->why);
		tally(t, say, c, UNADVISABLE);
		return d->again;
	}
	tally(t, say, c, d->kind == TUNE_DEED_PLACES ? ADVISED_PLACES :
			 d->kind == TUNE_DEED_AGAIN ? MARKED_ANEW : ADVISED);
	tune_cand_advised(c, &t->clock);
	return true;
}

static void deeds_done(struct tune *t)
{
	struct tallies say = { 0 };
	size_t advised = 0;
	char why[80];

	for (size_t i = 0; i < t->deeds.n; i++) {
		const struct tune_deed *d = &t->deeds.v[i];
		const bool ours = deed_done(t, &say, d);

		if (!ours)
			tune_ours_drop(&t->ours, &d->id);
		else if (d->again && d->rc && d->kind == TUNE_DEED_WHOLE)
			(void)tune_ours_add(&t->ours, &d->id, TUNE_DEED_PLACES);
		advised += ours && !d->rc && d->kind != TUNE_DEED_UNDO;
	}
	tune_deeds_fini(&t->deeds);
	tell_tallies(t, &say);
	(void)note_ours(t);
	if (!advised)
		return;
	snprintf(why, sizeof(why), "%zu process%s advised", advised, advised == 1 ? "" : "es");
	tune_history_kick(&t->hist, why);
}

static void take_done(struct tune *t)
{
	const enum tune_doing was = t->doing;

	t->doing = TUNE_IDLE;
	if (was == TUNE_GUESSES)
		guess_done(t);
	else if (was == TUNE_ADVISES)
		deeds_done(t);
}

void tune_done(struct tune *t)
{
	if (tune_job_end(t->job))
		take_done(t);
}

void tune_work_end(struct tune *t)
{
	if (t->doing == TUNE_GUESSES)
		est_stop(&t->guesses.e);
	__atomic_store_n(&t->deeds.stop, true, __ATOMIC_RELAXED);
	tune_job_wait(t->job);
	/* What was sampled is not acted upon any more; what was done is. */
	if (t->doing == TUNE_ADVISES)
		take_done(t);
	tune_guesses_fini(&t->guesses);
	drop_sampled(t, "it was interrupted");
	t->doing = TUNE_IDLE;
}

int tune_work_undo(struct tune *t)
{
	struct tune_deeds d;
	int last = 0;

	if (tune_deeds_init(&d, t->ours.n))
		return -ENOMEM;
	for (size_t i = 0; i < d.n; i++) {
		d.v[i].kind = TUNE_DEED_UNDO;
		d.v[i].id = t->ours.v[i].id;
	}
	d.k = t->k_job;
	d.caps = &t->caps;
	d.busy = t->busy;
	tune_deeds_do(&d);
	for (size_t i = 0; i < d.n; i++) {
		if (!d.v[i].rc || d.v[i].rc == -ESRCH) {
			tune_ours_drop(&t->ours, &d.v[i].id);
			continue;
		}
		last = d.v[i].rc;
		tune_tell(t, "%d: cannot be un-advised: %s", (int)d.v[i].id.pid, d.v[i].why);
	}
	tune_deeds_fini(&d);
	(void)note_ours(t);
	return last;
}
