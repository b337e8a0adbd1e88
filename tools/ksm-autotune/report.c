// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * report.c - the note on what is decided, and why: from the daemon's state to what
 * everybody may read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ksm-autotune/daemon.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/str.h"
#include "util/vec.h"

/* Who that is, as far as there is room: several are as many as one can tell of. */
struct users {
	uid_t uid[KSM_TUNER_USERS];
};

static void add_user(struct users *u, unsigned int *n, uid_t uid)
{
	for (unsigned int i = 0; i < *n; i++)
		if (u->uid[i] == uid)
			return;
	if (uid != KSM_UID_NONE && *n < KSM_TUNER_USERS)
		u->uid[(*n)++] = uid;
}

static void add_cand(const struct tune_cand *c, struct ksm_tuner_rule *to, struct users *users)
{
	to->processes++;
	switch (c->again ? TUNE_STAYS : c->state) {
	case TUNE_ADVISED:
	case TUNE_STAYS:
		to->advised++;
		to->saved_bytes += c->saved_bytes;
		to->meta_bytes += c->meta_bytes;
		add_user(users, &to->users, c->uid);
		break;
	case TUNE_LEFT:
		to->left++;
		break;
	default:
		to->waits++;
	}
}

static void report_rules(const struct tune *t, struct ksm_tuner *out, struct users *users)
{
	out->n_rules = MIN(t->cfg.n_rules, (size_t)KSM_TUNER_RULES);
	for (size_t i = 0; i < out->n_rules; i++)
		snprintf(out->rule[i].name, sizeof(out->rule[i].name), "%s", t->cfg.rule[i].name);
	for (size_t i = 0; i < t->procs.n; i++) {
		const size_t at = t->procs.cand[i]->rule - t->cfg.rule;

		if (at < out->n_rules)
			add_cand(t->procs.cand[i], &out->rule[at], &users[at]);
	}
}

static void report(const struct tune *t, int64_t now_s, int64_t next_s, struct ksm_tuner *out,
		   struct users *users)
{
	const struct tune_history *h = &t->hist;

	*out = (struct ksm_tuner){
		.id = t->self,
		.alive = true,
		.dry = t->dry,
		.since_s = t->since_s,
		.decided_s = now_s,
		.next_s = next_s,
		.due_ns = next_s ? t->clock.now_ns + t->cfg.interval_ns : 0,
		.cpu = t->now.cpu,
		.need = tune_history_need(h, &t->cfg.policy),
		.settled = h->settled,
		.price_ms = -1,
		.available_pct = h->available_pct,
		.some_pct = h->some_pct,
		.full_pct = h->full_pct,
		.breaks_s = h->breaks_s,
		.want = t->now.want,
	};
	snprintf(out->reason, sizeof(out->reason), "%s", t->now.reason);
	if (h->passes) {
		out->pass_saved_bytes = num_round_sat(h->pass.saved_mib * 1024 * 1024);
		out->pass_cpu_ms = num_round_sat(h->pass.cpu_ms);
		if (h->pass.saved_mib > 0)
			out->price_ms = h->pass.cpu_ms / h->pass.saved_mib;
	}
	report_rules(t, out, users);
}

void tune_report(const struct tune *t, int64_t now_s, int64_t next_s, struct ksm_tuner *out)
{
	struct users users[KSM_TUNER_RULES];

	report(t, now_s, next_s, out, users);
}

/* Said when it comes to be so, as the kernel merges whatever it may with whatever else. */
static void warn_users(struct tune *t, const struct ksm_tuner *note, const struct users *users)
{
	for (size_t i = 0; i < note->n_rules; i++) {
		const struct ksm_tuner_rule *r = &note->rule[i];
		const uint64_t bit = UINT64_C(1) << i;
		char first[64];

		if (r->users < 2) {
			t->told_users &= ~bit;
			continue;
		}
		if (t->told_users & bit)
			continue;
		t->told_users |= bit;
		snprintf(first, sizeof(first), "%s", ksm_user_name(t->k, users[i].uid[0]));
		tune_tell(t, "rule %s: warning: processes of %u%s users are advised, %s and %s among "
			  "them: each can find out what the memory of the others holds "
			  "(Security in ksm-autotune(8))", r->name, r->users,
			  r->users == KSM_TUNER_USERS ? " or more" : "", first,
			  ksm_user_name(t->k, users[i].uid[1]));
	}
}

/* The clock of the looks stands still while the machine sleeps; of a moment, that is fine. */
static int64_t wall_s(const struct tune *t, uint64_t ns, int64_t now_s)
{
	return now_s - (int64_t)((t->clock.now_ns - MIN(ns, t->clock.now_ns)) / 1000000000);
}

int tune_report_procs(const struct tune *t, int64_t now_s, struct tune_told *out)
{
	*out = (struct tune_told){ 0 };
	for (size_t i = 0; i < t->procs.n; i++) {
		const struct tune_cand *c = t->procs.cand[i];
		struct tune_told_proc *p;

		if (out->n == TUNE_TOLD_MAX) {
			out->more = true;
			return 0;
		}
		if (vec_room(out->v, out->n, out->cap))
			return -ENOMEM;
		p = &out->v[out->n++];
		*p = (struct tune_told_proc){ .id = c->id,
					      .since_s = wall_s(t, c->since_ns, now_s) };
		snprintf(p->rule, sizeof(p->rule), "%s", c->rule->name);
		snprintf(p->state, sizeof(p->state), "%s", tune_state_name(c->state));
		snprintf(p->reason, sizeof(p->reason), "%s", c->reason);
	}
	return 0;
}

/* Changes with whatever is told of a process. */
static uint64_t fingerprint(const struct tune *t)
{
	uint64_t h = t->procs.n + 1;

	for (size_t i = 0; i < t->procs.n; i++) {
		const struct tune_cand *c = t->procs.cand[i];

		h = (h ^ c->since_ns ^ (uint64_t)c->id.pid << 40 ^ c->state) *
		    UINT64_C(0x9e3779b97f4a7c15);
	}
	return h;
}

/* Only when something of them has changed: there may be thousands. */
static int write_procs(struct tune *t, int64_t now_s)
{
	const uint64_t print = fingerprint(t);
	struct str text __cleanup_str = STR_INIT;
	struct tune_told told;
	int rc;

	if (print == t->told_print)
		return 0;
	rc = tune_report_procs(t, now_s, &told);
	if (!rc)
		rc = tune_told_format(&told, &text);
	tune_told_fini(&told);
	if (!rc)
		rc = tune_store_put_told(&t->store, str_get(&text), text.len);
	t->told_print = rc ? 0 : print;
	return rc;
}

int tune_report_write(struct tune *t, int64_t next_s)
{
	const int64_t now_s = time(NULL);
	struct users users[KSM_TUNER_RULES];
	struct ksm_tuner note;
	int rc;

	report(t, now_s, next_s, &note, users);
	warn_users(t, &note, users);
	rc = ksm_tuner_write(t->store.dir, &note);
	return rc ? rc : write_procs(t, now_s);
}
