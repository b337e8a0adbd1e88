// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crew.c - the threads that read, and what they get to do.
 *
 * One thread looks for mappings, the others read pages of the processes that are
 * open; only a few are open at a time.  The handle on the kernel belongs to the
 * first thread alone.
 */
#include "estimate/read.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define OPEN_MAX_PROCS 64
#define JOBS_MAX 256
#define WAKE_NS 200000000	/* to tell how far we are, and to notice that we are to stop */

struct worker {
	struct crew *crew;
	struct reader reader;
	pthread_t thread;
};

struct crew {
	struct est *e;
	struct readers all;
	struct worker *worker;
	unsigned int jobs;
	unsigned int n_readers;		/* initialized */
	unsigned int n_threads;		/* running */

	pthread_mutex_t lock;	/* guards what follows, and next_*, busy, rc of procs */
	pthread_cond_t work, space;
	struct est_proc *open[OPEN_MAX_PROCS];
	unsigned int n_open;
	bool closing;
	uint64_t all_pages;		/* resident pages: for who wants to know how far we are */
	uint64_t idle_ns;		/* since when no process is open */
	size_t next_block;		/* of further passes */
};

static void progress(const struct crew *c, unsigned int pass, double share)
{
	const struct est *e = c->e;
	const struct est_progress now = {
		.pass = pass,
		.passes = MAX(e->opt.passes, 1U),
		.share = MIN(share, 1.0),
		.bytes = __atomic_load_n(&e->limits.bytes, __ATOMIC_RELAXED),
	};

	if (e->opt.progress)
		e->opt.progress(&now, e->opt.arg);
}

/* --- threads --- */

static bool has_failed(const struct crew *c)
{
	return __atomic_load_n(&c->all.failed, __ATOMIC_RELAXED);
}

static bool exhausted(const struct est_proc *p)
{
	return p->rc || p->next_seg == p->n_segs;
}

/* The next region of an open process; under lock. */
static struct est_proc *next_region(struct crew *c, struct est_seg **seg, uint64_t *start,
				    uint64_t *end)
{
	for (unsigned int i = 0; !has_failed(c) && i < c->n_open; i++) {
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
	struct worker *w = arg;
	struct crew *c = w->crew;
	struct est_seg *seg;
	struct est_proc *p;
	uint64_t start, end;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		int rc;

		p = next_region(c, &seg, &start, &end);
		if (!p && (c->closing || has_failed(c)))
			break;
		if (!p) {
			pthread_cond_wait(&c->work, &c->lock);
			continue;
		}
		pthread_mutex_unlock(&c->lock);
		rc = reader_region(&w->reader, p, seg, start, end);
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
	struct worker *w = arg;
	struct crew *c = w->crew;
	size_t i;

	while ((i = __atomic_fetch_add(&c->next_block, 1, __ATOMIC_RELAXED)) < c->all.n_blocks)
		if (reader_again(&w->reader, &c->all.blocks[i]) == -ECANCELED)
			break;
	return NULL;
}

/* Runs @fn in all threads; the caller goes on meanwhile.  join_threads() also on failure. */
static int start_threads(struct crew *c, void *(*fn)(void *))
{
	sigset_t all, old;
	int rc = 0;

	/* A signal ends the program in the thread that can tidy up. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!rc && c->n_threads < c->jobs) {
		struct worker *w = &c->worker[c->n_threads];

		rc = -pthread_create(&w->thread, NULL, fn, w);
		c->n_threads += !rc;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		reader_fail(&c->all, rc);
	return rc ? est_fail_why(c->e, EST_NO_THREAD, rc) : 0;
}

static void join_threads(struct crew *c)
{
	while (c->n_threads)
		pthread_join(c->worker[--c->n_threads].thread, NULL);
}

/* Sleeps until something was done, at most WAKE_NS; under lock. */
static void wait_done(struct crew *c)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += WAKE_NS;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&c->space, &c->lock, &t);
}

/* Waits until a process can be added, or with @all until none is open; under lock. */
static void wait_space(struct crew *c, bool all)
{
	while (c->n_open && (all || c->n_open == MIN(2 * c->jobs, OPEN_MAX_PROCS)) &&
	       !has_failed(c)) {
		double done;

		wait_done(c);
		done = (double)__atomic_load_n(&c->e->limits.bytes, __ATOMIC_RELAXED) /
		       c->e->page_size;
		/* Who is told may take a while. */
		pthread_mutex_unlock(&c->lock);
		progress(c, 1, done / MAX(c->all_pages, (uint64_t)1));
		pthread_mutex_lock(&c->lock);
	}
}

/* The processes one after another to the threads. */
static int hand_out(struct crew *c)
{
	struct est *e = c->e;
	int rc = 0;

	for (size_t i = 0; i < e->n_procs && !rc && !has_failed(c); i++) {
		struct est_proc *p = e->procs[i];
		const uint64_t start = ksm_now_ns();

		rc = est_proc_open(e, p);
		pthread_mutex_lock(&c->lock);
		if (!c->n_open)
			e->list_ns += ksm_now_ns() - MAX(start, c->idle_ns);
		if (!rc && p->mem)
			wait_space(c, false);
		if (!rc && p->mem && !has_failed(c)) {
			c->open[c->n_open++] = p;
			pthread_cond_broadcast(&c->work);
		}
		pthread_mutex_unlock(&c->lock);
	}
	return rc;
}

/* Of what all threads do: 0, or -errno that one of them ended the run with. */
static int failure(const struct crew *c)
{
	const int rc = __atomic_load_n(&c->all.failed, __ATOMIC_RELAXED);

	return rc ? est_fail(c->e, rc) : 0;
}

static int read_all(struct crew *c)
{
	int rc = start_threads(c, work);

	if (!rc) {
		rc = hand_out(c);
		if (rc)
			reader_fail(&c->all, rc);
	}
	pthread_mutex_lock(&c->lock);
	wait_space(c, true);
	c->closing = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
	join_threads(c);
	return rc ? rc : failure(c);
}

/* --- further passes --- */

static void close_all(struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++) {
		ksm_mem_close(e->procs[i]->mem);
		e->procs[i]->mem = NULL;
	}
}

static int read_again(struct crew *c, unsigned int pass)
{
	struct est *e = c->e;
	int rc;

	progress(c, pass, 0);
	rc = est_limits_sleep(&e->limits, e->opt.interval_ns);
	if (rc)
		return est_fail(e, rc);
	for (size_t i = 0; !rc && i < e->n_procs; i++)
		rc = est_proc_reopen(e, e->procs[i]);
	if (rc)
		return rc;
	c->next_block = 0;
	rc = start_threads(c, work_again);
	join_threads(c);
	close_all(e);
	return rc ? rc : failure(c);
}

/* --- set-up --- */

/* Each reader takes some memory, whatever it reads. */
#define READER_COST (sizeof(struct worker) + EST_MOMENT_SIZE)

static unsigned int count_jobs(const struct est *e)
{
	const unsigned int jobs = MAX(MIN(e->opt.jobs, JOBS_MAX), 1U);
	const uint64_t fit = e->limits.max_memory / 8 / READER_COST;

	return e->limits.max_memory ? MAX(MIN(jobs, fit), 1U) : jobs;
}

static int crew_init(struct crew *c, struct est *e, uint64_t pages)
{
	int rc;

	c->e = e;
	c->all_pages = pages;
	c->jobs = count_jobs(e);
	c->all.n = c->jobs;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->space, NULL);
	rc = readers_init(&c->all, e, pages);
	if (rc)
		return rc;
	rc = est_limits_take(&e->limits, c->jobs * READER_COST);
	if (rc)
		return est_fail(e, rc);
	c->worker = calloc(c->jobs, sizeof(*c->worker));
	if (!c->worker)
		return est_fail(e, -ENOMEM);
	while (c->n_readers < c->jobs) {
		const unsigned int number = c->n_readers++;
		struct worker *w = &c->worker[number];

		w->crew = c;
		rc = reader_init(&w->reader, &c->all, number);
		if (rc)
			return est_fail(e, rc);
	}
	return 0;
}

static void crew_fini(struct crew *c)
{
	struct est *e = c->e;

	for (unsigned int i = 0; i < c->n_readers; i++) {
		struct reader *r = &c->worker[i].reader;

		if (r->moment.count && e->moment.count)
			est_moment_add(&e->moment, &r->moment);
		e->read_bytes += r->read_bytes;
		e->huge_known |= r->kinds_known;
		reader_fini(r);
	}
	free(c->worker);
	readers_fini(&c->all);
	close_all(e);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->space);
}

int est_crew_run(struct est *e, uint64_t pages)
{
	struct crew c = { 0 };
	uint64_t start;
	int rc = crew_init(&c, e, pages);

	est_limits_start(&e->limits);
	start = ksm_now_ns();
	if (!rc)
		rc = read_all(&c);
	e->read_ns = ksm_now_ns() - start;
	for (unsigned int pass = 2; !rc && pass <= e->opt.passes; pass++)
		rc = read_again(&c, pass);
	crew_fini(&c);
	return rc;
}
