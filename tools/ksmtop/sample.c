// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sample.c - one sample of the running system (or of a dump) through libksm.
 *
 * Incremental: a process with KSM state is read every time; any other when it is
 * new, when an event says that it changed, and otherwise ever more rarely as it
 * grows older, at last every 30 seconds.  Births and deaths come from process
 * events where that is permitted, and from listing /proc where it is not; what
 * is told in the end is the same, because an event only makes a process due.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/xalloc.h"
#include "util/num.h"
#include "util/vec.h"

#define SECOND	      UINT64_C(1000000000)
#define LOOK_RARELY   (30 * SECOND)
/* Command line, cgroup and user, which change by exec, mostly, and that shows. */
#define NAMES_RARELY  (120 * SECOND)
/* Events may be complete and still: a net below costs little. */
#define LIST_RARELY   (60 * SECOND)
/* Without events, of the time at most one part of so many goes into listing. */
#define LIST_SHARE    50
/* Of a sample, for zero pages that no counter shows; and how often in each process. */
#define UNSEEN_NS     (SECOND / 100)
#define UNSEEN_RARELY (10 * SECOND)
#define UNSEEN_SHARE  100

/* What is remembered of a process between samples. */
struct seen {
	pid_t pid;
	uint64_t start_ticks;
	uid_t uid;
	enum ksm_member member;
	bool kthread;
	bool shown;		/* it was told in some sample, and is not gone since */
	bool name_due;		/* its names are to be read as well */
	bool exact;		/* and how it takes part, by all of its mappings */
	bool hidden;		/* it is there, and that is all that hidepid lets us see */
	bool ended;		/* an event says so: look whether somebody still has to wait for it */
	uint64_t born_ns;	/* when it began, or became another program, on our clock */
	uint64_t next_ns;	/* when to look again; 0 at once */
	uint64_t name_ns;	/* when its names were read */
	struct ksm_fig unseen_bytes;
	uint64_t unseen_ns;	/* when to count them again */
	uint32_t comm;		/* digest of the name it gave itself */
	unsigned int round;	/* of the last listing that had it */
};

struct sampler {
	struct top *top;
	struct ksm *k;
	struct ksm_procev *ev;	/* NULL: /proc is listed each time */
	int deaf_rc;		/* why, until it was asked for */
	struct map seen;
	unsigned int round;
	size_t n_hidden;
	bool list;		/* /proc must be listed: nothing is known, or events were lost */
	uint64_t listed_ns;
	uint64_t list_cost_ns;	/* CPU time of the last listing */
	bool first;		/* nothing was read yet */
	struct ksm_fig uptime_ns;
	uint64_t now_ns;
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* --- samples as values --- */

static void sample_proc_fini(struct sample_proc *p)
{
	free(p->user);
	free(p->command);
	free(p->cgroup);
	free(p->vm);
	free(p->pod);
}

void top_sample_reset(struct sample *s)
{
	for (size_t i = 0; i < s->n_procs; i++)
		sample_proc_fini(&s->procs[i]);
	/* The first sample has everybody, the others few. */
	if (s->cap_procs > 256 && s->n_procs < s->cap_procs / 4) {
		free(s->procs);
		s->procs = NULL;
		s->cap_procs = 0;
	}
	s->n_procs = 0;
	s->n_gone = 0;
	memset(&s->stats, 0, sizeof(s->stats));
}

void top_sample_fini(struct sample *s)
{
	top_sample_reset(s);
	free(s->procs);
	free(s->gone);
	memset(s, 0, sizeof(*s));
}

/* Room for one more at the end, which is not counted yet. */
static struct sample_proc *sample_room(struct sample *s)
{
	if (vec_room(s->procs, s->n_procs, s->cap_procs))
		return NULL;
	memset(&s->procs[s->n_procs], 0, sizeof(*s->procs));
	return &s->procs[s->n_procs];
}

static int copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

int top_sample_add(struct sample *s, const struct sample_proc *p)
{
	struct sample_proc *to = sample_room(s);

	if (!to)
		return -ENOMEM;
	to->p = p->p;
	to->unseen_bytes = p->unseen_bytes;
	to->named = p->named;
	if (copy_text(&to->user, p->user) || copy_text(&to->command, p->command) ||
	    copy_text(&to->cgroup, p->cgroup) || copy_text(&to->vm, p->vm) ||
	    copy_text(&to->pod, p->pod)) {
		sample_proc_fini(to);
		return -ENOMEM;
	}
	s->n_procs++;
	return 0;
}

int top_sample_add_gone(struct sample *s, pid_t pid)
{
	if (vec_room(s->gone, s->n_gone, s->cap_gone))
		return -ENOMEM;
	s->gone[s->n_gone++] = pid;
	return 0;
}

/* --- who is there --- */

static struct seen *seen_add(struct sampler *s, pid_t pid)
{
	struct seen *p = map_find(&s->seen, pid);

	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->pid = pid;
	p->name_due = true;
	p->born_ns = s->now_ns;
	if (map_put(&s->seen, pid, p))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	return p;
}

/* @out may be NULL: it was never told. */
static void seen_drop(struct sampler *s, struct seen *p, struct sample *out)
{
	if (p->shown && out && top_sample_add_gone(out, p->pid))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	s->n_hidden -= p->hidden;
	map_del(&s->seen, p->pid);
	free(p);
}

/* Those for which @stale holds; the map must not change while it is walked. */
static void drop_all(struct sampler *s, struct sample *out,
		     bool (*stale)(const struct sampler *s, const struct seen *p))
{
	struct seen **list, *p;
	size_t pos = 0, n = 0;

	list = xcalloc(s->seen.used, sizeof(*list));
	while ((p = map_next(&s->seen, &pos, NULL)))
		if (stale(s, p))
			list[n++] = p;
	for (size_t i = 0; i < n; i++)
		seen_drop(s, list[i], out);
	free(list);
}

static bool not_listed(const struct sampler *s, const struct seen *p)
{
	return p->round != s->round;
}

static bool any(const struct sampler *s __unused, const struct seen *p __unused)
{
	return true;
}

bool top_selects(const struct top *t)
{
	const struct ksm_select *sel = &t->sel;

	return sel->n_pids || sel->tree || sel->match || sel->user || sel->cgroup;
}

static void meet(struct sampler *s, pid_t pid, size_t *met)
{
	struct seen *p = seen_add(s, pid);

	*met += p->round != 0;
	p->round = s->round;
}

static int list_all(struct sampler *s, size_t *met)
{
	struct ksm_procs *it;
	pid_t pid;
	int rc = ksm_procs_open(s->k, &it);

	if (rc)
		return rc;
	while ((rc = ksm_procs_next(it, &pid)) == 1)
		meet(s, pid, met);
	ksm_procs_close(it);
	return rc;
}

static int list_selected(struct sampler *s, size_t *met)
{
	struct ksm_ident *ids __cleanup_free = NULL;
	size_t n;
	int rc = ksm_select_run(s->k, &s->top->sel, &ids, &n, NULL, 0);

	for (size_t i = 0; !rc && i < n; i++)
		meet(s, ids[i].pid, met);
	return rc;
}

/* By number and nothing else: there is nothing to look for. */
static bool is_named(const struct sampler *s)
{
	const struct ksm_select *sel = &s->top->sel;

	return sel->n_pids && !sel->tree && !sel->match && !sel->user && !sel->cgroup;
}

static int list_procs(struct sampler *s, struct sample *out)
{
	const uint64_t began = cpu_ns();
	const size_t known = s->seen.used;
	size_t met = 0;
	int rc;

	s->round++;
	if (is_named(s)) {
		for (size_t i = 0; i < s->top->sel.n_pids; i++)
			seen_add(s, s->top->sel.pids[i])->round = s->round;
		return 0;
	}
	rc = top_selects(s->top) ? list_selected(s, &met) : list_all(s, &met);
	if (rc)
		return rc;
	if (met < known)
		drop_all(s, out, not_listed);
	s->list = false;
	s->listed_ns = s->now_ns;
	s->list_cost_ns = cpu_ns() - began;
	return 0;
}

/*
 * Those that take part are read in between as well, so their end is seen at once;
 * of thousands of others, births and deaths may wait for the next sample.
 */
static bool must_list(const struct sampler *s)
{
	const uint64_t since = s->now_ns - s->listed_ns;

	return s->list || since >= (s->ev ? LIST_RARELY : LIST_SHARE * s->list_cost_ns);
}

/* --- events --- */

static void become_new(struct sampler *s, struct seen *p)
{
	p->kthread = p->ended = false;
	p->name_due = true;
	p->next_ns = 0;
	p->born_ns = s->now_ns;
}

static void event(struct sampler *s, const struct ksm_procev_msg *m)
{
	struct seen *p = map_find(&s->seen, m->pid);

	switch (m->what) {
	case KSM_EVENT_FORK:
	case KSM_EVENT_EXEC:
		become_new(s, seen_add(s, m->pid));
		break;
	case KSM_EVENT_COMM:
		if (p) {
			p->name_due = true;
			p->next_ns = 0;
		}
		break;
	case KSM_EVENT_EXIT:
		/* It may wait for its parent, or other threads may go on: look. */
		if (p) {
			p->ended = true;
			p->next_ns = 0;
		}
		break;
	case KSM_EVENT_LOST:
		s->list = true;
		break;
	}
}

void top_sampler_events(struct sampler *s)
{
	struct ksm_procev_msg m;
	int rc;

	if (!s->ev)
		return;
	s->now_ns = ksm_now_ns();
	while ((rc = ksm_procev_next(s->ev, &m)) == 1)
		event(s, &m);
	if (!rc)
		return;
	/* Deaf from here on: /proc is listed instead. */
	s->deaf_rc = rc;
	ksm_procev_close(s->ev);
	s->ev = NULL;
}

int top_sampler_deaf(struct sampler *s)
{
	const int rc = s->deaf_rc;

	s->deaf_rc = 0;
	return rc;
}

int top_sampler_fd(const struct sampler *s)
{
	return s->ev ? ksm_procev_fd(s->ev) : -1;
}

/* --- reading one --- */

static int read_names(struct sampler *s, struct sample_proc *out)
{
	const pid_t pid = out->p.pid;
	char *line = NULL, vm[256] = "", pod[KSM_POD_MAX] = "";
	size_t len = 0;
	int rc;

	rc = ksm_proc_cmdline(s->k, pid, &line, &len);
	if (rc == -ESRCH || rc == -ENOMEM)
		return rc;
	rc = ksm_proc_cgroup(s->k, pid, &out->cgroup);
	if (rc == -ESRCH || rc == -ENOMEM) {
		free(line);
		return rc;
	}
	if (!ksm_group_vm(out->cgroup, line ? line : "", len, vm, sizeof(vm)) && !*vm)
		snprintf(vm, sizeof(vm), "%d", (int)pid);
	/* What it was read into has room for much more. */
	if (line)
		ksm_cmdline_show(line, len);
	out->command = xstrdup(line ? line : "");
	free(line);
	out->vm = xstrdup(vm);
	if (out->cgroup)
		ksm_group_pod(s->k, out->cgroup, pod, sizeof(pod));
	out->pod = xstrdup(pod);
	out->user = xstrdup(ksm_user_name(s->k, out->p.uid));
	out->named = true;
	return 0;
}

/*
 * Before 6.15 the mappings tell by which way a process takes part: looked at with
 * the names, and remembered in between.
 */
static unsigned int wanted(const struct sampler *s, const struct seen *p)
{
	unsigned int want = KSM_PROC_KSM;

	if (p->name_due)
		want |= KSM_PROC_UID | (p->exact || s->top->sel.n_pids ? KSM_PROC_EXACT :
									 KSM_PROC_MEMBER);
	return want;
}

static uint64_t age_ns(const struct sampler *s, const struct seen *p)
{
	const unsigned int tick = ksm_clock_tick(s->k);
	uint64_t began;

	/* Of what was there before us, the kernel knows. */
	if (p->born_ns != s->now_ns || !ksm_fig_has(s->uptime_ns) || !tick)
		return s->now_ns - p->born_ns;
	began = p->start_ticks / tick;
	return began < (uint64_t)s->uptime_ns.v / SECOND ?
		       (uint64_t)s->uptime_ns.v - began * SECOND : 0;
}

/* Old ones at the first sample get different times, or they would stay together for ever. */
static void schedule(struct sampler *s, struct seen *p, const struct ksm_proc *now)
{
	const uint64_t age = age_ns(s, p);
	uint64_t after = MIN(MAX(age, SECOND), LOOK_RARELY);

	if (s->first && after == LOOK_RARELY)
		after = LOOK_RARELY / 1024 * ((uint32_t)p->pid * 2654435761U >> 22) + SECOND;
	if (p->born_ns == s->now_ns && age > LOOK_RARELY)
		p->born_ns = s->now_ns > LOOK_RARELY ? s->now_ns - LOOK_RARELY : 0;
	p->next_ns = s->now_ns + after;
	if (ksm_member_in(now->member) || p->ended || now->state == 'Z' || s->top->sel.n_pids)
		p->next_ns = 0;
}

/* Once more of a member's figures only; names of all are looked at from time to time. */
static bool is_due(const struct sampler *s, struct seen *p)
{
	if (s->now_ns < p->next_ns)
		return false;
	if (s->now_ns - p->name_ns >= NAMES_RARELY)
		p->name_due = true;
	return true;
}

/* FNV-1a. */
static uint32_t comm_digest(const char *comm)
{
	uint32_t h = 2166136261U;

	for (; *comm; comm++)
		h = (h ^ (unsigned char)*comm) * 16777619U;
	return h;
}

/* Its number was given to another, or it executes another program: all of it is news. */
static bool is_another(const struct seen *p, const struct ksm_proc *now)
{
	return p->start_ticks != now->start_ticks || p->comm != comm_digest(now->comm);
}

/* Where ksm_stat does not say it, what the mappings said when they were looked at. */
static void keep_member(const struct seen *p, struct ksm_proc *now)
{
	if (ksm_fig_has(now->ksm.mergeable) ||
	    (p->member != KSM_MEMBER_ANY && p->member != KSM_MEMBER_MADVISE))
		return;
	/* Not scanned yet, it looks off. */
	if (now->member == KSM_MEMBER_ON || (p->exact && now->member == KSM_MEMBER_OFF))
		now->member = p->member;
}

/* 0; -ESRCH when it is gone; -ESTALE when another has its number, which is not shown. */
static int read_one(struct sampler *s, struct seen *p, struct sample *out)
{
	struct sample_proc *to = sample_room(out);
	int rc;

	if (!to)
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	rc = ksm_proc_read(s->k, p->pid, wanted(s, p), &to->p);
	if (rc)
		return rc;
	if (to->p.kthread && !s->top->sel.n_pids) {
		p->kthread = true;
		p->next_ns = s->now_ns + LOOK_RARELY;
		return p->shown ? -ESTALE : 0;
	}
	if (p->shown && !p->name_due && is_another(p, &to->p)) {
		become_new(s, p);
		return read_one(s, p, out);
	}
	p->start_ticks = to->p.start_ticks;
	p->comm = comm_digest(to->p.comm);
	if (p->name_due) {
		p->uid = to->p.uid;
		rc = read_names(s, to);
		if (rc) {
			sample_proc_fini(to);
			return rc;
		}
		p->name_due = false;
		p->name_ns = s->now_ns;
		p->member = to->p.member;
	} else {
		to->p.uid = p->uid;
		keep_member(p, &to->p);
	}
	schedule(s, p, &to->p);
	p->shown = true;
	out->n_procs++;
	return 0;
}

static void read_due(struct sampler *s, struct sample *out)
{
	struct seen **dead = NULL, *p;
	size_t pos = 0, n_dead = 0;
	int rc;

	while ((p = map_next(&s->seen, &pos, NULL))) {
		if (!is_due(s, p))
			continue;
		rc = read_one(s, p, out);
		s->n_hidden -= p->hidden;
		p->hidden = rc == -EPERM || rc == -EACCES;
		s->n_hidden += p->hidden;
		if (rc == -ESRCH) {
			dead = xreallocarray(dead, n_dead + 1, sizeof(*dead));
			dead[n_dead++] = p;
		} else if (rc == -ESTALE) {
			/* There, but a kernel thread has its number by now. */
			p->shown = false;
			if (top_sample_add_gone(out, p->pid))
				cli_die(CLI_FAIL, -ENOMEM, "allocate");
		} else if (rc) {
			/* A dump may hold anything: later again, and no noise. */
			p->next_ns = s->now_ns + LOOK_RARELY;
		}
	}
	for (size_t i = 0; i < n_dead; i++)
		seen_drop(s, dead[i], out);
	free(dead);
}

/* --- zero pages that no counter shows --- */

/*
 * They are found in the page tables only, which takes long for a large process: each
 * sample has a moment for it, and whoever was looked at waits while others are.
 */
static void count_unseen(struct sampler *s, struct sample *out)
{
	const uint64_t deadline = ksm_now_ns() + UNSEEN_NS;

	for (size_t i = 0; i < out->n_procs && ksm_is_live(s->k); i++) {
		struct sample_proc *sp = &out->procs[i];
		struct seen *p = map_find(&s->seen, sp->p.pid);
		const uint64_t began = ksm_now_ns();
		int64_t bytes;
		int rc;

		if (!p || !ksm_member_in(sp->p.member))
			continue;
		if (began < deadline && began >= p->unseen_ns) {
			rc = ksm_zero_unseen(s->k, &sp->p, deadline, &bytes);
			/* Out of time it is what was counted so far. */
			if (!rc || rc == -ETIME)
				p->unseen_bytes = KSM_FIG(bytes);
			p->unseen_ns = ksm_now_ns();
			p->unseen_ns += rc && rc != -ETIME ? LOOK_RARELY :
					UNSEEN_RARELY + UNSEEN_SHARE * (p->unseen_ns - began);
		}
		sp->unseen_bytes = p->unseen_bytes;
	}
}

/* --- all of it --- */

int top_sampler_new(struct top *t, struct sampler **out)
{
	struct sampler *s = xcalloc(1, sizeof(*s));
	int rc;

	s->top = t;
	s->k = t->k;
	map_init(&s->seen);
	s->list = s->first = true;
	*out = s;
	/* Events tell of every process, whatever was selected. */
	if (top_selects(t))
		return 0;
	rc = ksm_procev_open(t->k, &s->ev);
	s->deaf_rc = rc;
	return rc == -ENOMEM ? rc : 0;
}

void top_sampler_free(struct sampler *s)
{
	if (!s)
		return;
	drop_all(s, NULL, any);
	map_fini(&s->seen);
	ksm_procev_close(s->ev);
	free(s);
}

void top_sampler_switch(struct sampler *s, struct ksm *k)
{
	struct seen *p;
	size_t pos = 0;

	s->k = k;
	s->list = true;
	while ((p = map_next(&s->seen, &pos, NULL))) {
		p->name_due = true;
		p->next_ns = 0;
	}
}

void top_sampler_look(struct sampler *s, const struct ksm_ident *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct seen *p = map_find(&s->seen, ids[i].pid);

		if (!p)
			continue;
		p->exact = p->name_due = true;
		p->next_ns = 0;
	}
}

int top_sample_take(struct sampler *s, struct sample *out)
{
	int rc = 0;

	top_sample_reset(out);
	top_sampler_events(s);
	s->now_ns = ksm_now_ns();
	s->uptime_ns = ksm_uptime_ns(s->k);
	/* Parts that cannot be read are figures without value. */
	(void)ksm_stats_read(s->k, &out->stats);
	out->present = ksm_present(s->k);
	out->clock_tick = ksm_clock_tick(s->k);
	out->uptime_ns = s->uptime_ns;
	out->wall_s = ksm_is_live(s->k) ? (int64_t)time(NULL) : 0;
	out->events = s->ev != NULL;
	if (must_list(s))
		rc = list_procs(s, out);
	if (rc)
		return rc;
	read_due(s, out);
	count_unseen(s, out);
	out->n_hidden = s->n_hidden;
	s->first = false;
	return 0;
}

/* --- the mappings of one process --- */

void top_detail_fini(struct top_detail *d)
{
	for (size_t i = 0; i < d->n_vmas; i++)
		free(d->vmas[i].name);
	free(d->vmas);
	memset(d, 0, sizeof(*d));
}

static int add_vma(const struct ksm_vma *v, void *arg)
{
	struct top_detail *d = arg;

	xvec_room(d->vmas, d->n_vmas, d->cap_vmas);
	d->vmas[d->n_vmas].v = *v;
	d->vmas[d->n_vmas].name = xstrdup(v->name ? v->name : "");
	d->vmas[d->n_vmas].v.name = d->vmas[d->n_vmas].name;
	d->n_vmas++;
	return 0;
}

void top_detail_read(struct top *t)
{
	struct top_detail *d = &t->detail;
	const uint64_t began = ksm_now_ns();
	struct ksm_proc p;

	if (!d->pid || !t->k || began < d->next_ns)
		return;
	for (size_t i = 0; i < d->n_vmas; i++)
		free(d->vmas[i].name);
	d->n_vmas = 0;
	d->rc = ksm_proc_read(t->k, d->pid, 0, &p);
	if (!d->rc && d->start_ticks && p.start_ticks != d->start_ticks)
		d->rc = -ESRCH;
	if (!d->rc)
		d->rc = ksm_vmas_walk(t->k, d->pid, add_vma, d);
	/* Walking the pages of a large process costs: a twentieth of the time at most. */
	d->cost_ns = ksm_now_ns() - began;
	d->next_ns = began + 20 * d->cost_ns;
}
