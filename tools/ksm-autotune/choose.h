/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * choose.h - what is done with a process that a rule matches, and when.  Pure.
 *
 * First it is left to settle in; then its memory is sampled, together with that of
 * the others of its rule; it is advised if that pays; after two whole passes what
 * came of it is compared with what was promised.  Who disappoints is looked at again
 * later, and each time later still.
 */
#ifndef KSM_AUTOTUNE_CHOOSE_H
#define KSM_AUTOTUNE_CHOOSE_H

#include "ksm-autotune/config.h"

enum tune_state {
	TUNE_WAITS,		/* for .next_ns: too young, or cooling down */
	TUNE_SAMPLED,		/* is being sampled, or has been chosen for it */
	TUNE_ADVISED,		/* by us; to be judged after two passes */
	TUNE_STAYS,		/* by us, and it was judged to pay */
	TUNE_LEFT,		/* somebody else decides about it: .reason */
	__TUNE_STATE_N
};

const char *tune_state_name(enum tune_state s);

enum tune_act {
	TUNE_ACT_NONE,
	TUNE_ACT_SAMPLE,
	TUNE_ACT_ADVISE,
	TUNE_ACT_JUDGE,
	TUNE_ACT_AGAIN,		/* it was judged long ago */
	TUNE_ACT_PLACES,	/* places age: estimate anew, mark anew */
	TUNE_ACT_UNDO,
};

struct tune_cand {
	struct ksm_ident id;
	uid_t uid;			/* as seen last; or KSM_UID_NONE */
	const struct tune_rule *rule;
	enum tune_state state;
	uint64_t since_ns, next_ns;
	uint64_t cooldown_ns;		/* the next one; doubles with each disappointment */
	uint64_t passes;		/* whole ones seen at the first look since it was advised */
	bool again;			/* sampled, or changed, while it is advised */
	bool fleeting;			/* its places do not last: all of it, or nothing */
	int64_t promised_bytes;		/* lower end of what it would save; 0: not known */
	int64_t saved_bytes, meta_bytes;	/* as seen last */
	char reason[160];
};

struct tune_clock {
	uint64_t now_ns;		/* of the looks */
	uint64_t passes;		/* that ended: tune_history::ended */
};

/* @age_ns: since the process began. */
void tune_cand_init(struct tune_cand *c, const struct ksm_ident *id, const struct tune_rule *rule,
		    const struct tune_config *cfg, const struct tune_clock *t, uint64_t age_ns);
/* It takes part already, by itself or by somebody else. */
void tune_cand_leave(struct tune_cand *c, const struct tune_clock *t, const char *why);
enum tune_act tune_cand_next(const struct tune_cand *c, const struct tune_clock *t);
/* What a sample says: TUNE_ACT_ADVISE or TUNE_ACT_NONE, with the reason in @c. */
enum tune_act tune_cand_sampled(struct tune_cand *c, const struct tune_clock *t, int64_t low_bytes,
				int64_t meta_bytes);
/* It is the turn of one that is to be sampled: TUNE_ACT_SAMPLE, TUNE_ACT_PLACES. */
void tune_cand_chosen(struct tune_cand *c);

/* Of one that is advised where it pays: what a new sample says. */
struct tune_again {
	double held;			/* est_again::held */
	bool marked;			/* something that was marked is still there */
	size_t hot, cold;		/* ranges to be marked, and to be taken back */
	int64_t low_bytes, meta_bytes;	/* of where it pays now */
	int64_t whole_low_bytes, whole_meta_bytes;
};

/**
 * tune_cand_again() - are its places to be others?
 *
 * Return: TUNE_ACT_JUDGE: they are not, what they gave tells the rest; TUNE_ACT_PLACES;
 * TUNE_ACT_ADVISE: as a whole; TUNE_ACT_UNDO; with the reason in @c.
 */
enum tune_act tune_cand_again(struct tune_cand *c, const struct tune_again *a);
/* It could not be sampled, or not be advised; one that is advised stays so. */
void tune_cand_refused(struct tune_cand *c, const struct tune_clock *t, const char *why);
void tune_cand_advised(struct tune_cand *c, const struct tune_clock *t);
/* To be told of each look, before tune_cand_next(). */
void tune_cand_look(struct tune_cand *c, const struct tune_clock *t);
/* We advised it before this daemon began: promised was nothing that we know of. */
void tune_cand_adopt(struct tune_cand *c, const struct tune_clock *t);
/* True: it stays; false: it loses, and is to be un-advised when its turn comes. */
bool tune_cand_judged(struct tune_cand *c, const struct tune_clock *t, int64_t saved_bytes,
		      int64_t meta_bytes);
/* It is un-advised now, and looked at again after a cool-down. */
void tune_cand_disappointed(struct tune_cand *c, const struct tune_clock *t);

#endif /* KSM_AUTOTUNE_CHOOSE_H */
