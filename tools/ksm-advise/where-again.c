// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where-again.c - --where-it-pays --again: the choice is made anew, as programs change.
 *
 * What went cold is taken back, as far as it is noted to be ours, and what became hot
 * is marked.  What a program's places are worth, est_again_decide() says.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "inject/marks.h"
#include "ksm-advise/where.h"
#include "util/num.h"

/* How long it may take until a signal is heeded that came just before a sleep. */
#define NAP_NS UINT64_C(200000000)

struct again {
	struct adv *a;
	const struct ksm_ident *ids;	/* of processes that were named */
	size_t n_ids;
	struct ksm_ident *fleeting;	/* whose places do not last; it was said */
	size_t n_fleeting;
	bool failed;
};

/* What one look has changed. */
struct changes {
	size_t marked, cold;	/* ranges */
	size_t procs;		/* that could be read */
};

static bool nap(uint64_t ns)
{
	const uint64_t until = ksm_now_ns() + ns;

	for (uint64_t now; !adv_off_ended() && (now = ksm_now_ns()) < until;) {
		const uint64_t part = MIN(until - now, NAP_NS);

		nanosleep(&(struct timespec){ 0, (long)part }, NULL);
	}
	return !adv_off_ended();
}

/*
 * Named processes are those of the first look, whoever has their numbers now; what a
 * condition selects may be new.
 */
static void select_again(struct again *g, struct where *w)
{
	char why[256];
	size_t kept = 0;

	if (g->a->sel.n_pids) {
		w->ids = xcalloc(g->n_ids, sizeof(*w->ids));
		memcpy(w->ids, g->ids, g->n_ids * sizeof(*w->ids));
		w->n_ids = g->n_ids;
		return;
	}
	/* That none is there now is no failure. */
	if (ksm_select_run(g->a->k, &g->a->sel, &w->ids, &w->n_ids, why, sizeof(why)))
		w->n_ids = 0;
	for (size_t i = 0; i < w->n_ids; i++)
		if (w->ids[i].pid != getpid())
			w->ids[kept++] = w->ids[i];
	w->n_ids = kept;
}

/* Mappings that lie in what is noted. */
static void find_ours(struct est_proc *p, const struct ksm_marks *m)
{
	for (size_t i = 0; i < p->n_segs; i++) {
		struct est_seg *s = &p->segs[i];

		s->ours = s->mergeable && ksm_marks_cover(m, s->start, s->end);
	}
}

static struct ksm_ident ident_of(const struct est_proc *p)
{
	return (struct ksm_ident){ .pid = p->pid, .start_ticks = p->start_ticks };
}

static void read_notes(struct where *w)
{
	for (size_t i = 0; i < w->e.n_procs; i++) {
		struct est_proc *p = w->e.procs[i];
		const struct ksm_ident id = ident_of(p);
		struct ksm_marks m = { 0 };

		if (!p->rc && !ksm_marks_read(w->a->k, NULL, &id, &m))
			find_ours(p, &m);
		ksm_marks_fini(&m);
	}
}

static void forget(struct where *w, const struct ksm_ident *id, const struct ksm_marks *cold)
{
	struct ksm_marks m;
	int rc = ksm_marks_read(w->a->k, NULL, id, &m);

	for (size_t i = 0; i < cold->n && !rc; i++)
		rc = ksm_marks_cut(&m, cold->range[i].start, cold->range[i].end);
	/* A note of more than is marked is no harm. */
	if (!rc)
		(void)ksm_marks_write(w->a->k, NULL, id, &m);
	ksm_marks_fini(&m);
}

static int take_back(struct where *w, const struct est_proc *p, const struct est_again *now)
{
	const struct ksm_ident id = ident_of(p);
	const struct ksm_whom whom = { .id = id, .sel = &w->a->sel };
	struct ksm_portions_how how = { 0 };
	struct ksm_marks cold = { 0 };
	struct ksm_inject_info info;
	struct ksm_portions done;
	char why[256];
	int rc = 0;

	for (size_t i = 0; i < now->n_cold && !rc; i++)
		rc = ksm_marks_add(&cold, now->cold[i].start, now->cold[i].end);
	if (rc)
		cli_die(CLI_FAIL, rc, "allocate");
	how.only = cold.range;
	how.n_only = cold.n;
	rc = ksm_portions_run(w->a->k, &whom, &how, &done, &info);
	if (!rc)
		forget(w, &id, &cold);
	else if (rc != -ESRCH)
		cli_error(0, "%d: cannot take marks back: %s", (int)id.pid,
			  ksm_advise_why(&info, rc, why, sizeof(why)));
	ksm_marks_fini(&cold);
	return rc;
}

/* Said once of a process. */
static bool is_told(struct again *g, const struct ksm_ident *id)
{
	for (size_t i = 0; i < g->n_fleeting; i++)
		if (ksm_ident_same(&g->fleeting[i], id))
			return true;
	g->fleeting = xreallocarray(g->fleeting, g->n_fleeting + 1, sizeof(*g->fleeting));
	g->fleeting[g->n_fleeting++] = *id;
	return false;
}

static void tell_held(struct again *g, const struct where *w, const struct est_proc *p,
			  const struct est_again *now)
{
	const struct ksm_ident id = ident_of(p);
	const int held = (int)lround(100 * now->held);
	char saved[32], meta[32];

	if (!now->ours.pages)
		return;
	cli_note("%d: %d %% of what merging would save is still where it was marked",
		 (int)id.pid, held);
	if (now->held >= EST_LASTS || is_told(g, &id))
		return;
	cli_bytes(saved, sizeof(saved), num_mul_sat(llround(est_gain_worth(&p->gain)),
					      w->e.page_size),
		  w->a->table.bytes);
	cli_bytes(meta, sizeof(meta), est_metadata(p), w->a->table.bytes);
	cli_warn(0, "%d: its places do not last: %d %% of what merging would save is still where "
		    "it was marked (merge all of it, %s for %s of metadata, or nothing)",
		 (int)p->pid, held, saved, meta);
}

static void look_at(struct again *g, struct where *w, const struct est_proc *p,
		    struct changes *c)
{
	struct est_again now;
	size_t ranges = 0;

	c->procs++;
	if (est_again_decide(p, w->e.pieces, &w->o, &now))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	tell_held(g, w, p, &now);
	if (now.n_cold && !take_back(w, p, &now))
		c->cold += now.n_cold;
	est_again_fini(&now);
	if (adv_where_mark_process(w, p, &ranges))
		g->failed = true;
	else
		c->marked += ranges;
}

static void tell(const struct where *w, const struct changes *c)
{
	char text[160];

	if (cli_verbosity() < 0 || (!c->marked && !c->cold))
		return;
	printf("%zu range%s marked, %zu taken back: %s\n", c->marked, c->marked == 1 ? "" : "s",
	       c->cold, adv_where_sums(w, text, sizeof(text)));
	/* Whoever reads it waits for the next line as long. */
	fflush(stdout);
}

/* False when there is nobody left to look at. */
static bool look(struct again *g)
{
	struct changes c = { 0 };
	struct where w;
	bool more;

	adv_where_init(&w, g->a);
	select_again(g, &w);
	adv_where_estimate(&w);
	read_notes(&w);
	adv_where_choose(&w);
	for (size_t i = 0; i < w.e.n_procs && !adv_off_ended(); i++)
		if (!w.e.procs[i]->rc)
			look_at(g, &w, w.e.procs[i], &c);
	tell(&w, &c);
	more = c.procs || !g->a->sel.n_pids;
	adv_where_fini(&w);
	return more;
}

int adv_where_again(struct adv *a, const struct ksm_ident *ids, size_t n, int code)
{
	struct again g = { .a = a, .ids = ids, .n_ids = n };

	fflush(stdout);
	adv_off_begin();
	while (nap(a->again_ns) && look(&g))
		;
	free(g.fleeting);
	return adv_off_end(g.failed && code == CLI_OK ? CLI_PARTIAL : code);
}
