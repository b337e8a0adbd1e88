// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * procs.c - the processes that there are, and those that a rule matches.
 *
 * Ten thousand processes are listed in some milliseconds, and read in a second; so
 * of a crowd that came together, so many are read in one look, and the others at the next
 * ones; who is known is read in turn, and of most of them no more than a rule asks for.
 * Who is young may be about to become another program: it is read when it is twice as
 * old, as who has not become another for a while is not likely to in the next moment.  Of
 * a thousand that begin together most wait for their turn.
 */
#include "ksm-autotune/procs.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "estimate/estimate.h"
#include "ksm-autotune/match.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/vec.h"

#define YOUNG_NS UINT64_C(60000000000)
#define OF_CAND (KSM_PROC_UID | KSM_PROC_KSM)
#define OF_NEW	(OF_CAND | KSM_PROC_MEMBER)
/* Out of turn, in one look: those that are new, and those that are young. */
#define NEW_MAX	  256
#define AGAIN_MAX 256

struct seen {
	pid_t pid;
	uint64_t start_ticks;
	uint32_t look;			/* when it was listed last */
	bool read;			/* once, at least */
	uint64_t again_ns;		/* to be read then, out of turn; 0: in turn */
	struct tune_cand *cand;		/* or NULL */
};

void tune_procs_init(struct tune_procs *p)
{
	*p = (struct tune_procs){ .seen = MAP_INIT };
}

int64_t tune_meta_bytes(const struct ksm_proc *p)
{
	if (ksm_fig_has(p->ksm.meta_bytes))
		return p->ksm.meta_bytes.v;
	return num_mul_sat(ksm_fig_or(p->ksm.items, 0), EST_ITEM_BYTES);
}

static void drop_cand(struct tune_procs *p, struct seen *s)
{
	for (size_t i = 0; s->cand && i < p->n; i++)
		if (p->cand[i] == s->cand) {
			free(s->cand);
			p->cand[i] = p->cand[--p->n];
			s->cand = NULL;
		}
}

static uint64_t age_of(struct ksm *k, const struct ksm_proc *proc, uint64_t uptime_ns)
{
	const uint64_t began = proc->start_ticks * (UINT64_C(1000000000) / ksm_clock_tick(k));

	return uptime_ns > began ? uptime_ns - began : 0;
}

struct look {
	struct tune_procs *p;
	struct ksm *k;
	const struct tune_config *c;
	const struct tune_clock *t;
	const struct tune_ourses *ours;
	const struct ksm_stats *stats;
	uint64_t uptime_ns;
	struct tune_found *out;
	unsigned int names;		/* what ksm_proc_read() is asked for the rules */
	unsigned int news, again;	/* how many were read out of turn */
};

/* Other names are read by themselves, as patterns ask for them. */
static unsigned int names_of(const struct tune_config *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		for (size_t j = 0; j < c->rule[i].n_patterns; j++)
			if (c->rule[i].pattern[j].by == TUNE_MATCH_USER)
				return KSM_PROC_UID;
	return 0;
}

/* Its control group, or one above it, asks for it to be left alone. */
static bool is_avoided(struct ksm *k, pid_t pid)
{
	char *cgroup __cleanup_free = NULL;

	return !ksm_proc_cgroup(k, pid, &cgroup) && cgroup && ksm_cgroup_avoids(k, cgroup);
}

/*
 * By itself, or by who started it.  What was merged before stays counted until ksmd comes
 * by, and it may be stopped: before Linux 6.15 all mappings tell, and nothing else.
 */
static bool takes_part(struct ksm *k, const struct ksm_proc *proc)
{
	enum ksm_member member;

	if (!ksm_member_in(proc->member) || proc->member == KSM_MEMBER_ANY ||
	    ksm_fig_has(proc->ksm.mergeable) || ksm_proc_member(k, proc->pid, &member))
		member = proc->member;
	return ksm_member_in(member);
}

/* Somebody else decides about it: why, or NULL. */
static const char *taken_by(const struct look *l, const struct ksm_proc *proc, bool in)
{
	if (in)
		return "it takes part already, and not by us";
	if (is_avoided(l->k, proc->pid))
		return "its control group has " KSM_CGROUP_AVOID;
	return NULL;
}

static int add_cand(struct look *l, struct seen *s, const struct tune_rule *rule,
		    const struct ksm_proc *proc, uint64_t age_ns)
{
	const struct ksm_ident id = { .pid = proc->pid, .start_ticks = proc->start_ticks };
	struct tune_procs *p = l->p;
	const struct tune_ours *our;
	const char *by;
	bool in;

	if (vec_room(p->cand, p->n, p->cap))
		return -ENOMEM;
	s->cand = calloc(1, sizeof(*s->cand));
	if (!s->cand)
		return -ENOMEM;
	p->cand[p->n++] = s->cand;
	l->out->came++;
	tune_cand_init(s->cand, &id, rule, l->c, l->t, age_ns);
	s->cand->uid = proc->uid;
	our = tune_ours_find(l->ours, &id);
	if (our) {
		tune_cand_adopt(s->cand, l->t);
		/* Else it would have been advised where it pays. */
		s->cand->fleeting = rule->advise == TUNE_ADVISE_WHERE &&
				    our->kind == TUNE_DEED_WHOLE;
		return 0;
	}
	in = takes_part(l->k, proc);
	if (in) {
		l->out->took_part++;
		l->out->rule = rule;
	}
	if (s->cand->state != TUNE_WAITS)
		return 0;
	by = taken_by(l, proc, in);
	if (by)
		tune_cand_leave(s->cand, l->t, by);
	return 0;
}

static void see_figures(const struct look *l, struct tune_cand *c, const struct ksm_proc *proc)
{
	const struct ksm_fig saved = ksm_stats_saved_share(l->stats, proc->ksm.merging_pages,
							   proc->ksm.zero_pages);

	c->uid = proc->uid;
	c->saved_bytes = ksm_fig_or(saved, 0);
	if (c->state == TUNE_ADVISED || c->state == TUNE_STAYS)
		c->meta_bytes = tune_meta_bytes(proc);
}

/* False: it is known, and nothing else is to be found out of it. */
static bool is_candidate(struct look *l, struct seen *s, const struct ksm_proc *proc)
{
	if (proc->start_ticks != s->start_ticks) {
		l->out->went += s->cand != NULL;
		drop_cand(l->p, s);
		s->start_ticks = proc->start_ticks;
	}
	if (s->cand)
		see_figures(l, s->cand, proc);
	return !s->cand && !proc->kthread;
}

/*
 * Reads one, and finds the rule for it; how it takes part is asked only of those that
 * have one.  Of a crowd that a rule matches each is read once: after one with a rule, the
 * next is asked for all at once.  0; -ENOMEM; what else cannot be read is left.
 */
static int look_at(struct look *l, struct seen *s)
{
	const bool all = !s->cand && l->p->matched;
	const unsigned int want = l->names | (s->cand ? OF_CAND : all ? OF_NEW : 0);
	const struct tune_rule *rule;
	struct ksm_proc proc;
	uint64_t age;
	int rc = ksm_proc_read(l->k, s->pid, want, &proc);

	s->read = true;
	s->again_ns = 0;
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	if (!is_candidate(l, s, &proc))
		return 0;
	age = age_of(l->k, &proc, l->uptime_ns);
	rule = tune_match(l->k, l->c, &proc);
	l->p->matched = rule != NULL;
	if (!rule) {
		if (age < YOUNG_NS)
			s->again_ns = l->t->now_ns + MAX(age, UINT64_C(1));
		return 0;
	}
	if (!all)
		rc = ksm_proc_read_same(l->k, &(struct ksm_ident){ .pid = s->pid,
								   .start_ticks = s->start_ticks },
					OF_NEW, &proc);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	return add_cand(l, s, rule, &proc, age);
}

static bool is_turn(const struct look *l, const struct seen *s)
{
	return (uint32_t)s->pid % TUNE_TURNS == l->p->look % TUNE_TURNS;
}

/* Of a crowd that began together, those for whom there is no time wait for their turn. */
static bool is_due(struct look *l, struct seen *s)
{
	if (!s->read && l->news < NEW_MAX) {
		l->news++;
		return true;
	}
	if (s->again_ns && l->t->now_ns < s->again_ns)
		return false;
	if (s->again_ns && l->again < AGAIN_MAX) {
		l->again++;
		return true;
	}
	s->again_ns = 0;
	return is_turn(l, s);
}

static int see(struct look *l, pid_t pid)
{
	struct seen *s = map_find(&l->p->seen, pid);
	int rc;

	l->out->procs++;
	/* Nobody asks who it is. */
	if (!l->c->n_rules)
		return 0;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->pid = pid;
		rc = map_put(&l->p->seen, pid, s);
		if (rc) {
			free(s);
			return rc;
		}
	}
	s->look = l->p->look;
	return is_due(l, s) ? look_at(l, s) : 0;
}

/* Those that were not listed this time: a map is not changed while it is walked. */
static int sweep(struct look *l)
{
	struct tune_procs *p = l->p;
	struct seen **gone __cleanup_free = NULL, *s;
	size_t at = 0, n = 0, cap = 0;

	while ((s = map_next(&p->seen, &at, NULL)) != NULL) {
		if (s->look == p->look)
			continue;
		if (vec_room(gone, n, cap))
			return -ENOMEM;
		gone[n++] = s;
	}
	for (size_t i = 0; i < n; i++) {
		l->out->went += gone[i]->cand != NULL;
		drop_cand(p, gone[i]);
		map_del(&p->seen, gone[i]->pid);
		free(gone[i]);
	}
	return 0;
}

int tune_procs_look(struct tune_procs *p, struct ksm *k, const struct tune_config *c,
		    const struct tune_clock *t, const struct tune_ourses *ours,
		    const struct ksm_stats *s, uint64_t uptime_ns, struct tune_found *out)
{
	struct look l = { p, k, c, t, ours, s, uptime_ns, out, names_of(c), 0, 0 };
	const pid_t self = ksm_is_live(k) ? getpid() : 0;
	struct ksm_procs *it;
	pid_t pid;
	int rc;

	*out = (struct tune_found){ 0 };
	rc = ksm_procs_open(k, &it);
	if (rc)
		return rc;
	p->look++;
	while (!rc && (rc = ksm_procs_next(it, &pid)) == 1)
		rc = pid == self ? 0 : see(&l, pid);
	ksm_procs_close(it);
	return rc ? rc : sweep(&l);
}

void tune_procs_forget(struct tune_procs *p)
{
	struct seen *s;
	size_t at = 0;

	while ((s = map_next(&p->seen, &at, NULL)) != NULL)
		free(s);
	map_clear(&p->seen);
	for (size_t i = 0; i < p->n; i++)
		free(p->cand[i]);
	p->n = 0;
}

void tune_procs_fini(struct tune_procs *p)
{
	tune_procs_forget(p);
	map_fini(&p->seen);
	free(p->cand);
	*p = (struct tune_procs){ .seen = MAP_INIT };
}
