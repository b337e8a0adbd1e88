// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * collect.c - which processes and mappings, and the threads that read them.
 *
 * One thread looks for processes and their mappings, the others read pages of
 * those that are open; only a few are open at a time.  The handle on the kernel
 * belongs to the first thread alone.
 */
#include "ksm-estimate/estimate.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/xalloc.h"
#include "ksm-estimate/read.h"

#define BUDGET_BYTES (UINT64_C(4) << 30)	/* read whole without being asked */
#define OPEN_MAX_PROCS 64
#define JOBS_MAX 256

struct crew {
	struct est *e;
	struct readers all;
	struct reader *reader;
	pthread_t *thread;
	unsigned int jobs;

	pthread_mutex_t lock;	/* guards what follows, and next_*, busy, rc of procs */
	pthread_cond_t work, space;
	struct est_proc *open[OPEN_MAX_PROCS];
	unsigned int n_open;
	bool closing;
	uint64_t done_pages, all_pages;	/* resident pages: for the progress bar */
	uint64_t idle_ns;		/* since when no process is open */
	size_t next_block;		/* of further passes */
};

struct worker {
	struct crew *crew;
	struct reader *reader;
};

/* --- progress --- */

static void progress(const struct crew *c, const char *what, double share)
{
	char size[32], text[160];
	const uint64_t bytes = __atomic_load_n(&c->e->pace.bytes, __ATOMIC_RELAXED);

	if (!c->e->opt.progress)
		return;
	snprintf(text, sizeof(text), "%s, %s", what, cli_bytes(size, sizeof(size), bytes, false));
	cli_progress(share, text);
}

/* --- what to read --- */

struct walk {
	struct est *e;
	struct est_proc *p;
	size_t cap;
};

static int take_vma(const struct ksm_vma *v, void *arg)
{
	struct walk *w = arg;
	struct est_proc *p = w->p;
	struct est_seg *s;

	p->smaps_ksm += v->ksm_bytes;
	if (v->why != KSM_VMA_OK || (w->e->opt.marked && !v->mergeable)) {
		p->other_bytes += v->rss_bytes;
		return 0;
	}
	if (!v->rss_bytes && !v->swap_bytes)
		return 0;
	if (p->n_segs == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 32;
		p->segs = xreallocarray(p->segs, w->cap, sizeof(*p->segs));
	}
	s = &p->segs[p->n_segs++];
	*s = (struct est_seg){
		.start = v->start,
		.end = v->end,
		.readable = v->perms[0] == 'r',
		.may_ksm = ksm_fig_or(v->ksm_line, 1) != 0,
		.rss_bytes = v->rss_bytes,
		.name = w->e->opt.vmas ? xstrdup(v->name) : NULL,
	};
	memcpy(s->perms, v->perms, sizeof(s->perms));
	return 0;
}

/* Opens a process and its list of mappings; p->rc says why not. */
static void open_proc(struct est *e, struct est_proc *p)
{
	const struct ksm_ident id = { .pid = p->pid, .start_ticks = p->start_ticks };
	struct walk w = { e, p, 0 };
	struct ksm_proc now;

	if (!p->rc)
		p->rc = ksm_mem_open(e->k, p->pid, &p->mem);
	if (!p->rc)
		p->rc = ksm_vmas_walk(e->k, p->pid, take_vma, &w);
	/* What was opened by its number is its own as long as it still has that. */
	if (!p->rc)
		p->rc = ksm_proc_read_same(e->k, &id, 0, &now);
	if (e->n_segs + p->n_segs > EST_SEG_MASK)
		cli_die(CLI_FAIL, 0, "too many mappings (select fewer processes)");
	p->first_seg = e->n_segs;
	e->n_segs += p->n_segs;
	if (!p->rc && p->n_segs) {
		p->next_addr = p->segs[0].start;
		return;
	}
	ksm_mem_close(p->mem);
	p->mem = NULL;
}

/* --- threads --- */

static bool exhausted(const struct est_proc *p)
{
	return p->rc || p->next_seg == p->n_segs;
}

/* The next region of an open process; under lock. */
static struct est_proc *next_region(struct crew *c, struct est_seg **seg, uint64_t *start,
				    uint64_t *end)
{
	for (unsigned int i = 0; i < c->n_open; i++) {
		struct est_proc *p = c->open[i];
		const uint64_t size = REGION_PAGES * c->e->page_size;

		if (exhausted(p))
			continue;
		*seg = &p->segs[p->next_seg];
		*start = p->next_addr;
		/* Regions begin where blocks do. */
		*end = MIN((*start / size + 1) * size, (*seg)->end);
		p->next_addr = *end;
		if (*end == (*seg)->end && ++p->next_seg < p->n_segs)
			p->next_addr = p->segs[p->next_seg].start;
		p->busy++;
		return p;
	}
	return NULL;
}

/* Closes a process that is done with; under lock. */
static void retire(struct crew *c, struct est_proc *p)
{
	if (p->busy || !exhausted(p) || !p->mem)
		return;
	ksm_mem_close(p->mem);
	p->mem = NULL;
	c->done_pages += p->rss_pages;
	for (unsigned int i = 0; i < c->n_open; i++)
		if (c->open[i] == p) {
			c->open[i] = c->open[--c->n_open];
			break;
		}
	if (!c->n_open)
		c->idle_ns = ksm_now_ns();
	pthread_cond_signal(&c->space);
}

static void *work(void *arg)
{
	const struct worker *w = arg;
	struct crew *c = w->crew;
	struct est_seg *seg;
	struct est_proc *p;
	uint64_t start, end;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		int rc;

		p = next_region(c, &seg, &start, &end);
		if (!p && c->closing)
			break;
		if (!p) {
			pthread_cond_wait(&c->work, &c->lock);
			continue;
		}
		pthread_mutex_unlock(&c->lock);
		rc = reader_region(w->reader, p, seg, start, end);
		pthread_mutex_lock(&c->lock);
		if (rc && !p->rc)
			p->rc = rc;
		p->busy--;
		retire(c, p);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void *work_again(void *arg)
{
	const struct worker *w = arg;
	struct crew *c = w->crew;
	size_t i;

	while ((i = __atomic_fetch_add(&c->next_block, 1, __ATOMIC_RELAXED)) < c->all.n_blocks)
		reader_again(w->reader, &c->all.blocks[i]);
	return NULL;
}

/* Runs @fn in all threads; the caller goes on meanwhile. */
static void start_threads(struct crew *c, struct worker *workers, void *(*fn)(void *))
{
	sigset_t all, old;

	/* A signal ends the program in the thread that can tidy up. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned int i = 0; i < c->jobs; i++) {
		int rc;

		workers[i] = (struct worker){ c, &c->reader[i] };
		rc = pthread_create(&c->thread[i], NULL, fn, &workers[i]);
		if (rc)
			cli_die(CLI_FAIL, -rc, "cannot start a thread");
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void join_threads(struct crew *c)
{
	for (unsigned int i = 0; i < c->jobs; i++)
		pthread_join(c->thread[i], NULL);
}

/* Waits until a process can be added, or with @all until none is open; under lock. */
static void wait_space(struct crew *c, bool all)
{
	while (c->n_open && (all || c->n_open == MIN(2 * c->jobs, OPEN_MAX_PROCS))) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 200000000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_sec++;
			t.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&c->space, &c->lock, &t);
		progress(c, "reading",
			 MIN((double)__atomic_load_n(&c->e->pace.bytes, __ATOMIC_RELAXED) /
				     c->e->page_size / MAX(c->all_pages, (uint64_t)1), 1.0));
	}
}

static void read_all(struct crew *c)
{
	struct worker *workers = xcalloc(c->jobs, sizeof(*workers));

	start_threads(c, workers, work);
	for (size_t i = 0; i < c->e->n_procs; i++) {
		struct est_proc *p = c->e->procs[i];
		const uint64_t start = ksm_now_ns();

		open_proc(c->e, p);
		pthread_mutex_lock(&c->lock);
		if (!c->n_open)
			c->e->list_ns += ksm_now_ns() - MAX(start, c->idle_ns);
		if (p->mem) {
			wait_space(c, false);
			c->open[c->n_open++] = p;
			pthread_cond_broadcast(&c->work);
		}
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_lock(&c->lock);
	wait_space(c, true);
	c->closing = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	join_threads(c);
	free(workers);
}

/* --- further passes --- */

static void sleep_ns(uint64_t ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		continue;
}

/* The same process, not another that got its number. */
static void reopen(struct est *e, struct est_proc *p)
{
	const struct ksm_ident id = { .pid = p->pid, .start_ticks = p->start_ticks };
	struct ksm_proc now;

	if (p->rc || !p->n_segs || ksm_proc_read_same(e->k, &id, 0, &now))
		return;
	if (ksm_mem_open(e->k, p->pid, &p->mem) == -EMFILE)
		cli_die(CLI_FAIL, -EMFILE, "cannot read %zu processes again", e->n_procs);
}

static void read_again(struct crew *c)
{
	struct worker *workers = xcalloc(c->jobs, sizeof(*workers));

	for (unsigned int pass = 2; pass <= c->e->opt.passes; pass++) {
		char what[64];

		snprintf(what, sizeof(what), "pass %u of %u", pass, c->e->opt.passes);
		progress(c, what, 0);
		sleep_ns(c->e->opt.interval_ns);
		for (size_t i = 0; i < c->e->n_procs; i++)
			reopen(c->e, c->e->procs[i]);
		c->next_block = 0;
		start_threads(c, workers, work_again);
		join_threads(c);
		for (size_t i = 0; i < c->e->n_procs; i++) {
			ksm_mem_close(c->e->procs[i]->mem);
			c->e->procs[i]->mem = NULL;
		}
	}
	free(workers);
}

/* --- selection --- */

static void add_proc(struct est *e, const struct ksm_ident *id)
{
	struct est_proc *p = xcalloc(1, sizeof(*p));
	char group[4096] = "";
	struct ksm_proc info;

	p->pid = id->pid;
	p->rc = ksm_proc_read_same(e->k, id, KSM_PROC_UID | KSM_PROC_KSM, &info);
	if (!p->rc) {
		if (info.kthread && !e->opt.select.n_pids) {
			free(p);
			return;
		}
		p->uid = info.uid;
		memcpy(p->comm, info.comm, sizeof(p->comm));
		p->start_ticks = info.start_ticks;
		p->rss_pages = info.rss_pages;
		p->items = info.ksm.items;
		if (e->opt.by >= 0 && !ksm_group_key(e->k, &info, e->opt.by, group, sizeof(group)) &&
		    *group)
			p->group = xstrdup(group);
	}
	e->procs[e->n_procs++] = p;
}

static _Noreturn void die_denied(const struct est *e)
{
	cli_die(CLI_FAIL, 0, "none of %zu process%s could be read (%s)", e->denied,
		e->denied == 1 ? "" : "es", ksm_right_hint(e->k, e->denied_by));
}

static void select_procs(struct est *e)
{
	const struct ksm_select *sel = &e->opt.select;
	char why[256] = "";
	struct ksm_ident *ids;
	size_t n;
	int rc = ksm_select_run(e->k, sel, &ids, &n, why, sizeof(why));

	e->procs = xcalloc(n, sizeof(struct est_proc *));
	for (size_t i = 0; i < n; i++)
		/* Our own memory grows with what we read. */
		if (ids[i].pid != getpid())
			add_proc(e, &ids[i]);
	free(ids);
	if (rc || e->n_procs || *why || sel->match || sel->user || sel->cgroup || sel->n_pids)
		cli_selected(rc, why, e->n_procs);
	else
		cli_die(CLI_FAIL, 0, "/proc: it shows no other process "
			"(is it mounted with hidepid=2, or of a container?)");
}

/* --- set-up --- */

static uint64_t total_pages(const struct est *e)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < e->n_procs; i++)
		pages += e->procs[i]->rss_pages;
	return pages;
}

/* Virtual memory enough for what the processes have now and may get meanwhile. */
static void make_room(struct est *e, bool sampled, uint64_t pages)
{
	const bool bounded = sampled && e->opt.passes < 2;

	e->cap_recs = pages + pages / 4 + (256 << 10);
	if (bounded)
		e->cap_recs = MIN(e->cap_recs, e->opt.max_records);
	e->recs = mmap(NULL, e->cap_recs * sizeof(*e->recs), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (e->recs == MAP_FAILED)
		cli_die(CLI_FAIL, -errno, "cannot reserve memory for %zu pages", e->cap_recs);
}

static _Noreturn void die_lacking(void)
{
	cli_die(CLI_UNSUPPORTED, 0, "this kernel does not show the pages of processes: it has "
		"no /proc/PID/smaps and pagemap (CONFIG_PROC_PAGE_MONITOR)");
}

/*
 * What this kernel tells this user, tried on a page of our own: its frame, and
 * that it is not merged, which some kernels say of every page.
 */
static void probe(struct est *e, struct readers *all)
{
	uint64_t entry, flags = 0;
	struct ksm_mem *m;
	char *page = mmap(NULL, e->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	const int rc = page == MAP_FAILED ? -errno : ksm_mem_open(e->k, getpid(), &m);

	if (rc == -ENOENT)
		die_lacking();
	if (rc)
		cli_die(CLI_FAIL, 0, "cannot look into our own memory: %s", ksm_errmsg(e->k));
	*page = 1;
	if (ksm_mem_pagemap(m, (uintptr_t)page, 1, &entry) == 1)
		e->frames_known = entry & KSM_PM_PRESENT && entry & KSM_PM_FRAME;
	if (e->frames_known && all->kpageflags >= 0 &&
	    ksm_kpageflags_read(all->kpageflags, entry & KSM_PM_FRAME, 1, &flags) == 1)
		all->ksm_known = !(flags & KSM_KPF_KSM);
	ksm_mem_close(m);
	munmap(page, e->page_size);
}

static void more_files(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static double share(const struct est *e, uint64_t pages)
{
	const double bytes = (double)pages * e->page_size;

	if (e->opt.full)
		return 1;
	if (e->opt.sample > 0)
		return e->opt.sample;
	return bytes <= BUDGET_BYTES ? 1 : BUDGET_BYTES / bytes;
}

static void crew_init(struct crew *c, struct est *e, uint64_t pages)
{
	const double p = share(e, pages), pick = est_pick_share(p, pages);
	unsigned char *zero = xcalloc(1, e->page_size);
	const uint64_t pieces = e->page_size / 64 - 1;

	c->e = e;
	c->all_pages = pages;
	c->jobs = MAX(MIN(e->opt.jobs, JOBS_MAX), 1U);
	c->all.e = e;
	c->all.n = c->jobs;
	c->all.sampled = p < 1;
	c->all.adapt = c->all.sampled && e->opt.passes < 2;
	c->all.threshold = MAX((uint32_t)(p * (1U << EST_CLUSTER_BITS) + 0.5), 1U);
	c->all.pick = ldexp(pick, 32);
	c->all.chance = est_hash(&e->key, "picks", 5) | 1;
	c->all.frames = est_frames_new();
	c->all.kpageflags = ksm_kpageflags_open(e->k);
	probe(e, &c->all);
	c->all.zero_hash = est_hash(&e->key, zero, e->page_size);
	c->all.piece_at = est_hash(&e->key, "piece", 5) % pieces * 64;
	free(zero);
	pthread_mutex_init(&c->all.lock, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->space, NULL);
	make_room(e, c->all.sampled, pages);
	c->all.want_recs = MIN((size_t)(pages * (p + 2 * pick)), e->cap_recs);
	c->thread = xcalloc(c->jobs, sizeof(*c->thread));
	c->reader = xcalloc(c->jobs, sizeof(*c->reader));
	for (unsigned int i = 0; i < c->jobs; i++)
		if (reader_init(&c->reader[i], &c->all))
			cli_die(CLI_FAIL, -ENOMEM, "allocate");
	if (c->all.sampled && est_moment_init(&e->moment))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
}

static void crew_fini(struct crew *c)
{
	struct est *e = c->e;

	e->p = (double)c->all.threshold / (1U << EST_CLUSTER_BITS);
	e->pick = ldexp(c->all.pick, -32);
	for (unsigned int i = 0; i < c->jobs; i++) {
		if (c->all.sampled)
			est_moment_add(&e->moment, &c->reader[i].moment);
		e->read_bytes += c->reader[i].read_bytes;
		e->huge_known |= c->reader[i].kinds_known;
		reader_fini(&c->reader[i]);
	}
	e->huge_known |= e->frames_known && c->all.kpageflags >= 0;
	free(c->reader);
	free(c->thread);
	free(c->all.blocks);
	est_frames_free(c->all.frames);
	if (c->all.kpageflags >= 0)
		close(c->all.kpageflags);
	pthread_mutex_destroy(&c->all.lock);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->space);
}

/* What went wrong with each process, and the sums over its mappings. */
static void settle(struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++) {
		struct est_proc *p = e->procs[i];

		if (p->rc == -EACCES || p->rc == -EPERM) {
			if (!e->denied++ || p->rc == -EPERM)
				e->denied_by = ksm_right_of(KSM_RIGHT_MEMORY, p->rc);
		} else if (p->rc == -ESRCH) {
			p->vanished = true;
			e->vanished++;
		} else if (p->rc == -ENOENT) {
			e->lacking++;
		} else if (p->rc) {
			cli_warn(p->rc, "%d: not readable", (int)p->pid);
		}
		for (size_t s = 0; s < p->n_segs; s++)
			est_count_add(&p->count, &p->segs[s].count);
		est_count_add(&e->count, &p->count);
	}
}

/* Nothing could be read: then there is no estimate, and zeroes would pass for one. */
static void check_read(const struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++)
		if (!e->procs[i]->rc || e->procs[i]->n_segs)
			return;
	if (e->lacking)
		die_lacking();
	/* Those named are told one by one. */
	if (e->opt.select.n_pids)
		return;
	if (e->denied)
		die_denied(e);
	cli_die(CLI_FAIL, 0, "all of %zu processes ended before they were read", e->n_procs);
}

void est_collect(struct est *e)
{
	struct crew c = { 0 };
	uint64_t pages, start;

	e->page_size = ksm_page_size(e->k);
	more_files();
	select_procs(e);
	pages = total_pages(e);
	crew_init(&c, e, pages);
	est_pace_start(&e->pace);
	start = ksm_now_ns();
	read_all(&c);
	e->read_ns = ksm_now_ns() - start;
	if (e->opt.passes > 1)
		read_again(&c);
	if (e->opt.progress)
		cli_progress(-1, NULL);
	crew_fini(&c);
	settle(e);
	check_read(e);
}

void est_fini(struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++) {
		struct est_proc *p = e->procs[i];

		for (size_t s = 0; s < p->n_segs; s++)
			free(p->segs[s].name);
		free(p->segs);
		free(p->group);
		free(p);
	}
	free(e->procs);
	if (e->recs)
		munmap(e->recs, e->cap_recs * sizeof(*e->recs));
	est_moment_fini(&e->moment);
}
