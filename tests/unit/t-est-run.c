// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The estimator as a caller sees it, on a child of our own whose memory is known:
 * figures, bounds, and that it can be stopped.
 */
#include "estimate/estimate.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "tap.h"

#define SAME	300
#define UNIQUE	200
#define ZERO	100
#define PAGES	(SAME + UNIQUE + ZERO)
#define MAPPINGS 20000

struct child {
	pid_t pid;
	unsigned char *area;	/* PAGES of them, alone in their mapping */
	size_t page;
	int stay;		/* closed, it ends */
};

static void fill(const struct child *c)
{
	uint64_t *page;

	madvise(c->area, PAGES * c->page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++) {
		page = (uint64_t *)(void *)(c->area + i * c->page);
		page[0] = 1;
		page[0] = i < SAME ? 7 : i < SAME + UNIQUE ? 1000 + i : 0;
		page[c->page / 16] = page[0];
	}
}

/* One page each, and none like its neighbour. */
static void many_mappings(size_t page)
{
	unsigned char *all = mmap(NULL, MAPPINGS * page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; all != MAP_FAILED && i < MAPPINGS; i++) {
		all[i * page] = 1;
		if (i % 2)
			mprotect(all + i * page, page, PROT_READ);
	}
}

enum kind { PLAIN, SHARED, MANY };

static void start(struct child *c, enum kind kind)
{
	int ready[2], stay[2];
	char byte;

	c->page = sysconf(_SC_PAGESIZE);
	/* Pages of no access at both ends keep it apart from other mappings. */
	c->area = mmap(NULL, (PAGES + 2) * c->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(c->area != MAP_FAILED);
	c->area += c->page;
	mprotect(c->area, PAGES * c->page, PROT_READ | PROT_WRITE);
	CHECK(!pipe(ready) && !pipe(stay));
	if (kind == SHARED)
		fill(c);
	c->pid = fork();
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(stay[1]);
		if (kind != SHARED)
			fill(c);
		if (kind == MANY)
			many_mappings(c->page);
		if (write(ready[1], "", 1) != 1 || read(stay[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	CHECK(c->pid > 0);
	close(ready[1]);
	close(stay[0]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	c->stay = stay[1];
}

static void end(struct child *c)
{
	close(c->stay);
	waitpid(c->pid, NULL, 0);
	munmap(c->area - c->page, (PAGES + 2) * c->page);
}

static struct ksm *kernel;

/* With @c as the only process; false where its memory may not be read here. */
static bool begin(struct est *e, const struct child *c)
{
	struct ksm_ident id;

	if (!kernel && ksm_open(NULL, &kernel)) {
		tap_skip("no running kernel to open");
		return false;
	}
	e->k = kernel;
	e->opt.by = -1;
	e->opt.names = true;
	e->opt.jobs = 2;
	CHECK_INT(est_key_new(&e->key), 0);
	CHECK_INT(ksm_ident_read(kernel, c->pid, &id), 0);
	CHECK_INT(est_add(e, &id), 0);
	CHECK_UINT(e->n_procs, 1);
	return true;
}

static const struct est_seg *area_of(const struct est *e, const struct child *c)
{
	for (size_t i = 0; e->n_procs && i < e->procs[0]->n_segs; i++)
		if (e->procs[0]->segs[i].start == (uintptr_t)c->area)
			return &e->procs[0]->segs[i];
	return NULL;
}

/* Not allowed to, by the security policy of this machine. */
static bool may_not(const struct est *e)
{
	if (!e->denied)
		return false;
	tap_skip("the memory of a child may not be read here");
	return true;
}

static void figures(void)
{
	struct child c;
	struct est e = { .opt.full = true };
	const struct est_seg *s;

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		CHECK_INT(est_read(&e), 0);
		if (!may_not(&e)) {
			CHECK_INT(est_decide(&e), 0);
			s = area_of(&e, &c);
			CHECK(s);
			if (s) {
				CHECK_UINT(s->count.anon, PAGES);
				CHECK_UINT(s->count.zero, ZERO);
				CHECK(s->gain.dup >= SAME + (double)(ZERO > 1 ? ZERO : 0));
				CHECK(s->gain.unique == UNIQUE);
				CHECK(s->gain.saved > SAME + ZERO - 4);
				CHECK(s->gain.saved <= SAME + ZERO);
			}
			CHECK(e.low == e.total.saved && e.high == e.total.saved);
		}
	}
	est_fini(&e);
	end(&c);
}

/* Pieces of 16 pages of an area whose order is known: same, unique, zero. */
static void pieces(double sample, unsigned int passes)
{
	struct child c;
	struct est e = { .opt = { .full = !sample, .sample = sample, .passes = passes } };
	const struct est_seg *s;
	uint64_t anon = 0, zero = 0, end_of_last = 0;
	double dup = 0, saved = 0;

	start(&c, PLAIN);
	e.opt.piece_bytes = 16 * c.page;
	if (begin(&e, &c)) {
		CHECK_INT(est_read(&e), 0);
		if (may_not(&e))
			goto out;
		CHECK_INT(est_decide(&e), 0);
		s = area_of(&e, &c);
		CHECK(s && s->n_pieces >= PAGES / 16);
		for (size_t i = 0; s && i < s->n_pieces; i++) {
			const struct est_piece *p = &e.pieces[s->first_piece + i];
			const uint64_t from = (p->start - s->start) / c.page;
			const uint64_t to = (p->end - s->start) / c.page;

			tap_row("piece %zu, sample %g, %u passes", i, sample, passes);
			CHECK(p->seg == s && p->proc == e.procs[0]);
			CHECK_UINT(p->start, i ? end_of_last : s->start);
			end_of_last = p->end;
			CHECK_UINT(p->count.anon, to - from);
			if (!sample && to <= SAME)
				CHECK(p->gain.dup == to - from && p->gain.unique == 0);
			else if (!sample && from >= SAME && to <= SAME + UNIQUE)
				CHECK(p->gain.dup == 0 && p->gain.unique == to - from);
			if (from >= SAME + UNIQUE)
				CHECK_UINT(p->count.zero, to - from);
			CHECK(p->gain.dup >= 0 && p->gain.dup <= to - from);
			anon += p->count.anon;
			zero += p->count.zero;
			dup += p->gain.dup;
			saved += p->gain.saved;
		}
		tap_row("sums, sample %g, %u passes", sample, passes);
		CHECK(s && end_of_last == s->end);
		CHECK(s && anon == s->count.anon && zero == s->count.zero);
		CHECK(s && (sample || fabs(dup - s->gain.dup) < 0.01));
		CHECK(s && (sample || fabs(saved - s->gain.saved) < 0.01));
		CHECK(s && !s->count.changed && !s->count.zero_changed);
	}
out:
	est_fini(&e);
	end(&c);
}

static void pieces_of_mappings(void)
{
	pieces(0, 1);
	pieces(0, 2);
	pieces(0.5, 1);
	pieces(0.5, 2);
}

static void sizes_of_pieces(void)
{
	static const struct {
		uint64_t bytes;
		bool good;
	} rows[] = {
		{ 64 << 10, true }, { 2 << 20, true },	{ 64 << 20, true }, { 32 << 10, false },
		{ 128 << 20, false }, { 96 << 10, false }, { 0, false }, { 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%" PRIu64, rows[i].bytes);
		CHECK_INT(est_piece_check(4096, rows[i].bytes), rows[i].good);
	}
	CHECK(!est_piece_check(65536, 64 << 10) && est_piece_check(65536, 1 << 20));
}

static void gone_of(uint64_t piece_bytes)
{
	struct child c;
	struct est e = { .opt = { .full = true, .piece_bytes = piece_bytes } };

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		end(&c);
		CHECK_INT(est_read(&e), 0);
		CHECK_UINT(e.vanished, 1);
		CHECK_INT(e.procs[0]->rc, -ESRCH);
		CHECK_INT(est_decide(&e), 0);
		CHECK(e.total.saved == 0);
	}
	est_fini(&e);
}

static void gone(void)
{
	gone_of(0);
	gone_of(64 * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void stopped(void)
{
	struct child c;
	struct est e = { .opt.full = true };

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		est_stop(&e);
		CHECK_INT(est_read(&e), -ECANCELED);
		CHECK_INT(e.why, EST_STOPPED);
	}
	est_fini(&e);
	end(&c);
}

static void *stop_soon(void *arg)
{
	const struct timespec t = { 0, 200000000 };

	nanosleep(&t, NULL);
	est_stop(arg);
	return NULL;
}

/* At a byte a second it would take longer than anybody lives. */
static void stopped_while_slow(void)
{
	struct child c;
	struct est e = { .opt.full = true, .limits.max_rate = 1 };
	const time_t began = time(NULL);
	pthread_t thread;

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		CHECK_INT(pthread_create(&thread, NULL, stop_soon, &e), 0);
		CHECK_INT(est_read(&e), -ECANCELED);
		CHECK_INT(e.why, EST_STOPPED);
		pthread_join(thread, NULL);
		CHECK(time(NULL) - began < 30);
	}
	est_fini(&e);
	end(&c);
}

static void stopped_between_passes(void)
{
	struct child c;
	struct est e = { .opt = { .full = true, .passes = 2,
				  .interval_ns = UINT64_C(3600000000000) } };
	pthread_t thread;

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		CHECK_INT(pthread_create(&thread, NULL, stop_soon, &e), 0);
		CHECK_INT(est_read(&e), -ECANCELED);
		pthread_join(thread, NULL);
	}
	est_fini(&e);
	end(&c);
}

/* Of pages that the child shares with us each pass counts, at whatever pace it is read. */
static void shared_pages_count_each_pass(void)
{
	struct child c;
	struct est e = { .opt = { .full = true, .passes = 2 } };
	const struct est_seg *s;

	start(&c, SHARED);
	if (begin(&e, &c)) {
		CHECK_INT(est_read(&e), 0);
		if (!may_not(&e)) {
			s = area_of(&e, &c);
			CHECK(s && s->count.anon == PAGES && !s->count.changed);
			CHECK(e.limits.bytes >= 2 * PAGES * c.page);
			CHECK(e.limits.bytes <= e.count.anon * c.page * 2);
		}
	}
	est_fini(&e);
	end(&c);
}

static void cpu_used_up(void)
{
	struct child c;
	struct est e = { .opt.full = true, .limits.max_cpu_ns = 1 };

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		CHECK_INT(est_read(&e), -ETIME);
		CHECK_INT(e.why, EST_OVER_CPU);
	}
	est_fini(&e);
	end(&c);
}

/* What does not fit is a sample, whose interval holds what is there. */
static void sampled_for_memory(void)
{
	struct child c;
	struct est e = { .limits.max_memory = 6 << 20 };

	/* Enough for a reader, and too little for as many records as there may be. */
	start(&c, PLAIN);
	if (begin(&e, &c)) {
		CHECK_INT(est_read(&e), 0);
		if (!may_not(&e)) {
			CHECK(e.p < 1);
			CHECK(e.cap_recs * sizeof(*e.recs) <= 6 << 19);
			CHECK_INT(est_decide(&e), 0);
			CHECK(e.low <= e.total.saved && e.total.saved <= e.high);
			CHECK(e.high >= SAME + ZERO - 4);
		}
	}
	est_fini(&e);
	end(&c);
}

static void every_page_or_nothing(void)
{
	struct child c;
	struct est e = { .opt.full = true, .limits.max_memory = 5 << 20 };

	start(&c, PLAIN);
	if (begin(&e, &c)) {
		CHECK_INT(est_read(&e), -ENOBUFS);
		CHECK_INT(e.why, EST_OVER_MEMORY);
	}
	est_fini(&e);
	end(&c);
}

/* A list that somebody else makes long is memory too. */
static void mappings_bounded(void)
{
	struct child c;
	struct est e = { .limits.max_memory = 8 << 20 };

	start(&c, MANY);
	if (begin(&e, &c)) {
		const int rc = est_read(&e);

		if (rc || !may_not(&e)) {
			CHECK_INT(rc, -ENOBUFS);
			CHECK_INT(e.why, EST_OVER_MEMORY);
		}
	}
	est_fini(&e);
	end(&c);
}

TAP_MAIN(TAP_CASE(figures), TAP_CASE(pieces_of_mappings), TAP_CASE(sizes_of_pieces),
	 TAP_CASE(gone), TAP_CASE(stopped), TAP_CASE(stopped_while_slow),
	 TAP_CASE(stopped_between_passes), TAP_CASE(shared_pages_count_each_pass),
	 TAP_CASE(cpu_used_up), TAP_CASE(sampled_for_memory),
	 TAP_CASE(every_page_or_nothing), TAP_CASE(mappings_bounded))
