/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * placement-work.h - what the parts of placement.c work on, and do for each other:
 * placement-saved.c knows what a placement saves, placement-steps.c makes one better,
 * placement.c says from where to begin, and placement-tell.c what came of it.
 */
#ifndef KSM_ESTIMATE_PLACEMENT_WORK_H
#define KSM_ESTIMATE_PLACEMENT_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "estimate/placement.h"

#define PLACEMENT_NOWHERE  UINT32_MAX
#define PLACEMENT_PARTNERS 4 /* to exchange a guest with, of whom it is computed exactly */
#define PLACEMENT_NOTHING  1e-6 /* pages: what sums of weights differ by from rounding */

/*
 * What chooses is the contents with even hashes, each for two.  These are lucky: of
 * them the chosen placement saves more than of others.  But that it does is a fact, so
 * when it is told what is saved, each of them counts as the one content that it is,
 * and those with odd hashes stand for all the rest.
 */
enum placement_use { PLACEMENT_FOR_ALL, PLACEMENT_TO_CHOOSE, PLACEMENT_TO_TELL };

/* Contents that two guests have at least, and which guests; guests in order of weight. */
struct placement_sample {
	uint32_t *holder; /* guests, ascending, content by content */
	size_t *first; /* of a content in holder; one more than there are */
	uint32_t *content; /* of each guest, guest by guest */
	size_t *start; /* of a guest in content; one more than there are */
	bool *fact; /* of a content: it stands for itself alone */
	uint32_t *popular; /* of a content that more guests have than there are hosts: which */
	size_t n, n_popular; /* contents */
	double scale, less; /* what a content stands for: the weight times scale, less less */
};

struct placement_step {
	uint32_t guest, partner; /* partner: PLACEMENT_NOWHERE when it is a move */
	uint32_t from, to;
	double gain;
	unsigned int added; /* guests that are away from home by it */
};

/* Of a popular content on a host: those of its guests that tell what a step changes. */
struct placement_front {
	uint32_t first, second; /* or PLACEMENT_NOWHERE */
};

struct placement_work {
	struct est_placement *p;
	struct est_guest **guest; /* in order of weight; all indices are in it */
	size_t n, n_hosts;
	double *weight; /* without the scale of a sample */
	const struct placement_sample *s;
	uint64_t *load;
	double *join; /* what guests have in common with hosts, but for themselves */
	uint32_t *home, *where, *other, *best, *packed; /* placements: a host for each guest */
	uint32_t *seen_before, *seen_after; /* of a host: the content it was seen with */
	uint32_t stamp;
	struct placement_front
		*front; /* of popular contents, host by host, in @where of placement_improve() */
	struct placement_step *steps;
	double z2; /* how many variances a gain squared must be more than */
};

/* Differences: what is gained, and apart what is lost. */
struct placement_change {
	double more, less, more_var, less_var;
	double var;
};

static inline double sum(const struct placement_change *c)
{
	return c->more - c->less;
}

static inline uint64_t pages_of(const struct placement_work *w, uint32_t g)
{
	return est_guest_pages(w->guest[g]);
}

static inline double join(const struct placement_work *w, uint32_t g, uint32_t host)
{
	return w->join[g * w->n_hosts + host];
}

/* After @out has left @host, for @in to come; what grows no more is never refused. */
static inline bool has_room(const struct placement_work *w, uint32_t host, uint64_t in,
			    uint64_t out)
{
	return in <= out || w->load[host] - out + in <= w->p->hosts[host].capacity;
}

static inline void step_do(const struct placement_step *s, uint32_t *where)
{
	where[s->guest] = s->to;
	if (s->partner != PLACEMENT_NOWHERE)
		where[s->partner] = s->from;
}

/* --- samples (placement-saved.c) --- */

void placement_sample_fini(struct placement_sample *s);
int placement_sample_init(struct placement_sample *s, const struct placement_work *w,
			  enum placement_use use);

/* --- what is saved (placement-saved.c) --- */

/* Contents that one on @g stands for. */
double placement_stands_for(const struct placement_work *w, uint32_t content, uint32_t g);
void placement_stamp(struct placement_work *w);
/* Not the first of its host that has the content. */
bool placement_is_saved(const struct placement_work *w, uint32_t *seen, uint32_t host);
/*
 * Of one content, from one placement (or none, NULL) to another.  Whether a guest's
 * sketch has the content hangs on the same hash for all of them, so their covariance is
 * that of the smaller weight.
 */
void placement_add_holders(struct placement_work *w, uint32_t c, const uint32_t *holder, size_t n,
			   const uint32_t *before, const uint32_t *after,
			   struct placement_change *out);
void placement_add_content(struct placement_work *w, uint32_t c, const uint32_t *before,
			   const uint32_t *after, struct placement_change *out);
struct placement_front *placement_front(const struct placement_work *w, uint32_t content,
					uint32_t host);
/* Of guest @g, on both hosts of its step. */
void placement_fronts_of(struct placement_work *w, uint32_t g, uint32_t from, uint32_t to,
			 const uint32_t *where);
void placement_fronts_all(struct placement_work *w, const uint32_t *where);
struct placement_change placement_change_all(struct placement_work *w, const uint32_t *before,
					     const uint32_t *after);
/* To the row of join: what @g would have in common with each host, were it there. */
void placement_join_row(struct placement_work *w, uint32_t g, const uint32_t *where);
/* The same, where the fronts are those of @where. */
void placement_join_row_by_fronts(struct placement_work *w, uint32_t g, const uint32_t *where);

/* --- steps (placement-steps.c) --- */

/* @other is as @where, and is so again afterwards; the fronts are used where they are. */
struct placement_change placement_step_change(struct placement_work *w,
					      const struct placement_step *s, const uint32_t *where,
					      bool fronts);
/*
 * More than chance makes where the hosts of @guests were chosen (each multiplies what
 * there is to choose from), and enough for @pages to be copied.
 */
bool placement_pays(const struct placement_work *w, const struct placement_change *c, size_t guests,
		    double pages);
void placement_set_load(struct placement_work *w, const uint32_t *where);
/*
 * Each round takes the steps in order of gain, as long as those before them have left
 * at least half of it; else they have another chance in the next.
 */
void placement_improve(struct placement_work *w, uint32_t *where);

/* --- what is told (placement-tell.c) --- */

/* The order of the moves by what chose them; the figures by @tells. 0 or -ENOMEM. */
int placement_tell(struct placement_work *w, const struct placement_sample *tells);

#endif /* KSM_ESTIMATE_PLACEMENT_WORK_H */
