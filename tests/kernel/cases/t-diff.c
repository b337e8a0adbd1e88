// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random operations that are the same on every engine, and a model of what they
 * must come to. A few processes map, write, discard, advise, lock, move, fork and
 * exit as a seed says. At each checkpoint all memory is compared with the model
 * and, once the scanner has nothing left to do, so is every counter that content
 * alone decides. The "digest" notes hold what was seen: ../diff-engines compares
 * those of two kernels.
 *
 * KSM_DIFF_SEEDS=FIRST-LAST chooses the seeds. Before editing: operations depend
 * on the seed and the model alone, and on nothing that an engine answers.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PROCS		4
#define REGIONS		3
#define PAGES		40	/* of a region, in two page tables */
#define CONTENTS	14	/* few, so that there is always a twin */
#define EPOCHS		7
#define OPS		40
#define PASSES		60
#define CAP		256	/* max_page_sharing where it must not matter */
#define BASE		0x300000000UL
/* The content of a page of zeroes; no page is filled with this id. */
#define ZERO		0

/**
 * struct page - what a page must be
 * @id: content
 * @folio: which page of memory is behind it; 0 when none of its own is
 * @mergeable: lies in a mergeable area
 * @merged: shares a merged page
 * @zero: the scanner placed the zero page
 */
struct page {
	uint64_t id;
	unsigned int folio;
	bool mergeable;
	bool merged;
	bool zero;
};

struct region {
	bool mapped;
	bool moved;	/* to the second of its two places */
	bool locked;
	struct page page[PAGES];
};

struct proc {
	pid_t pid;	/* 0: there is none */
	struct region region[REGIONS];
};

enum op {
	OP_MAP, OP_UNMAP, OP_WRITE, OP_WRITE_PIN, OP_FREE, OP_DONTNEED,
	OP_MERGEABLE, OP_UNMERGEABLE, OP_PROTECT, OP_LOCK, OP_UNLOCK, OP_MOVE,
	OP_FORK, OP_EXIT, OP_PAGEOUT, OP_MERGE_ANY, OP_MERGE_NONE, OP_CHECK,
};

/* What a process is told to do, and its answer. */
struct order {
	enum op op;
	int region;
	size_t from;
	size_t n;
	int other;
	uint64_t id[PAGES];
	long result;
	size_t wrong;
	uint64_t hash;
};

struct counts {
	long long shared;
	long long sharing;
	long long rest;
	long long zero;
	long long merging[PROCS];
	long long zeroes[PROCS];
	long long items[PROCS];
};

static struct {
	struct proc proc[PROCS];
	struct order order;
} *sh;

static int to[PROCS][2], back[2];

static struct {
	uint64_t state;		/* of the random numbers */
	uint64_t ops;		/* hash of all operations and results */
	uint64_t content;	/* hash of all that was read */
	unsigned int folio;	/* last one given out */
	unsigned int unique;
	bool zeroes;		/* use_zero_pages */
	bool live;		/* the scanner runs during operations */
	unsigned int cap;
	long long cow;		/* merged pages copied, as the model says */
	size_t wrong;
	size_t left;		/* times that unmerging everything did not */
} d;

static long long zero_base;
static bool reads_make_pages;

static unsigned int rnd(unsigned int below)
{
	d.state += 0x9e3779b97f4a7c15ULL;
	return case_mix(d.state) % below;
}

/* Both places of a region straddle a border between page tables. */
static char *address(int region, bool moved, size_t page)
{
	const size_t ps = case_page_size(), table = ps / 8 * ps;

	return (char *)(BASE + (region * 4 + moved * 2 + 1) * table +
			page * ps - 15 * ps);
}

static bool zero_filled(const char *page)
{
	static const char none[65536];

	return !memcmp(page, none, case_page_size());
}

/* The side of the processes */

static char *place(const struct order *o, int me)
{
	return address(o->region, sh->proc[me].region[o->region].moved, o->from);
}

static void fill(char *page, uint64_t id)
{
	if (id == ZERO)
		memset(page, 0, case_page_size());
	else
		case_fill(page, id);
}

static void fill_by_pin(char *page, uint64_t id)
{
	static uint64_t buf[65536 / 8];
	struct iovec from = { buf, case_page_size() };
	struct iovec dest = { page, case_page_size() };

	fill((char *)buf, id);
	if (process_vm_writev(getpid(), &from, 1, &dest, 1, 0) < 0)
		fill(page, id);
}

static void check(struct order *o, int me)
{
	for (int r = 0; r < REGIONS; r++) {
		struct region *reg = &sh->proc[me].region[r];

		for (size_t i = 0; reg->mapped && i < PAGES; i++) {
			const char *page = address(r, reg->moved, i);
			uint64_t id = reg->page[i].id;

			o->wrong += id == ZERO ? !zero_filled(page) :
						 !case_check(page, id);
			o->hash = case_mix(o->hash + *(const uint64_t *)page);
		}
	}
}

/* Pages given to the kernel for free are old or zero, and then written. */
static void free_and_write(struct order *o, int me, char *mem)
{
	const size_t ps = case_page_size();

	madvise(mem, o->n * ps, MADV_FREE);
	for (size_t i = 0; i < o->n; i++) {
		uint64_t old = sh->proc[me].region[o->region].page[o->from + i].id;

		if (!zero_filled(mem + i * ps) &&
		    (old == ZERO || !case_check(mem + i * ps, old)))
			o->wrong++;
		fill(mem + i * ps, o->id[i]);
	}
}

static void serve(int me) __attribute__((noreturn));

/* A sibling, so that the one who judges may wait for it. */
static long fork_sibling(int other)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		serve(other);
	return pid < 0 ? -errno : pid;
}

static void obey(struct order *o, int me)
{
	const size_t ps = case_page_size();
	char *mem = place(o, me);
	const size_t len = o->n * ps;

	switch (o->op) {
	case OP_MAP:
		o->result = mmap(mem, len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS |
				 MAP_FIXED_NOREPLACE, -1, 0) != mem;
		madvise(mem, len, MADV_NOHUGEPAGE);
		break;
	case OP_UNMAP:
		o->result = munmap(mem, len);
		break;
	case OP_WRITE:
		for (size_t i = 0; i < o->n; i++)
			fill(mem + i * ps, o->id[i]);
		break;
	case OP_WRITE_PIN:
		for (size_t i = 0; i < o->n; i++)
			fill_by_pin(mem + i * ps, o->id[i]);
		break;
	case OP_FREE:
		free_and_write(o, me, mem);
		break;
	case OP_DONTNEED:
		o->result = madvise(mem, len, MADV_DONTNEED);
		break;
	case OP_MERGEABLE:
		o->result = madvise(mem, len, MADV_MERGEABLE);
		break;
	case OP_UNMERGEABLE:
		o->result = madvise(mem, len, MADV_UNMERGEABLE);
		break;
	case OP_PROTECT:
		o->result = mprotect(mem, len, PROT_READ) |
			    mprotect(mem, len, PROT_READ | PROT_WRITE);
		break;
	case OP_LOCK:
		o->result = mlock(mem, len);
		break;
	case OP_UNLOCK:
		o->result = munlock(mem, len);
		break;
	case OP_MOVE:
		o->result = mremap(mem, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
				   address(o->region, o->other, 0)) == MAP_FAILED ?
				    errno : 0;
		break;
	case OP_FORK:
		o->result = fork_sibling(o->other);
		break;
	case OP_EXIT:
		_exit(0);
	case OP_PAGEOUT:
		madvise(mem, len, MADV_PAGEOUT);
		break;
	case OP_MERGE_ANY:
	case OP_MERGE_NONE:
		o->result = case_merge_any(o->op == OP_MERGE_ANY);
		break;
	case OP_CHECK:
		check(o, me);
		break;
	}
}

static void serve(int me)
{
	char word;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(to[me][0], &word, 1) == 1) {
		obey(&sh->order, me);
		if (write(back[1], &word, 1) != 1)
			break;
	}
	_exit(1);
}

/* The side of the model */

static void gone(int p)
{
	waitpid(sh->proc[p].pid, NULL, 0);
	memset(&sh->proc[p], 0, sizeof(sh->proc[p]));
}

static struct order *order(enum op op, int region, size_t from, size_t n)
{
	struct order *o = &sh->order;

	memset(o, 0, sizeof(*o));
	o->op = op;
	o->region = region;
	o->from = from;
	o->n = n;
	return o;
}

/* All memory of process @p was read: where it had no page it may have one now. */
static void was_read(int p)
{
	for (int r = 0; reads_make_pages && r < REGIONS; r++) {
		struct region *reg = &sh->proc[p].region[r];

		for (size_t i = 0; reg->mapped && i < PAGES; i++)
			if (!reg->page[i].folio && !reg->page[i].zero)
				reg->page[i].folio = ++d.folio;
	}
}

/* Have process @p obey sh->order. */
static void tell(int p)
{
	struct order *o = &sh->order;
	char word = 0;

	if (write(to[p][1], &word, 1) != 1)
		case_die("write to a process: %s", strerror(errno));
	if (o->op == OP_EXIT)
		return gone(p);
	if (read(back[0], &word, 1) != 1)
		case_die("read from a process: %s", strerror(errno));
	d.wrong += o->wrong;
	d.ops = case_mix(d.ops + (uint64_t)o->op * 1000 + p * 100 +
			 o->region * 10 + o->from + o->n);
	if (o->op != OP_FORK)
		d.ops = case_mix(d.ops + (uint64_t)o->result);
	if (o->op == OP_CHECK) {
		d.content = case_mix(d.content + o->hash);
		was_read(p);
	}
}

/* Have every process do @op with all it has. */
static void tell_all(enum op op)
{
	for (int p = 0; p < PROCS; p++) {
		if (!sh->proc[p].pid)
			continue;
		order(op, 0, 0, 0);
		tell(p);
	}
}

static struct page *page_of(int p, int r, size_t i)
{
	return &sh->proc[p].region[r].page[i];
}

/* All pages that exist. */
#define each_page(_p, _r, _i, _page)					\
	for (int _p = 0; _p < PROCS; _p++)				\
		for (int _r = 0; _r < REGIONS; _r++)			\
			for (size_t _i = 0; _i < PAGES; _i++)		\
				if (_page = page_of(_p, _r, _i),	\
				    sh->proc[_p].pid &&			\
				    sh->proc[_p].region[_r].mapped)

/* The page becomes one of the process's own. */
static void own(struct page *page)
{
	d.cow += page->merged;
	page->folio = ++d.folio;
	page->merged = false;
	page->zero = false;
}

static void set(struct page *page, uint64_t id)
{
	own(page);
	page->id = id;
}

static void drop(struct page *page)
{
	page->id = ZERO;
	page->folio = 0;
	page->merged = false;
	page->zero = false;
}

/* Only what was merged gets a new page: an ordinary one stays as it is. */
static void unmerge(struct page *page)
{
	if (page->merged || page->zero)
		own(page);
}

static bool is_shared(const struct page *page)
{
	struct page *q;

	each_page(p, r, i, q)
		if (q != page && q->folio == page->folio && page->folio)
			return true;
	return false;
}

static uint64_t content(void)
{
	unsigned int what = rnd(10);

	if (what < 6)
		return 1 + rnd(CONTENTS);
	return what < 8 ? ZERO : 0x10000 + d.unique++;
}

/* Write again what is there; if not @all, where others have the page by fork. */
static void part(int p, int r, size_t from, size_t n, bool all)
{
	for (size_t i = from; i < from + n; i++) {
		struct page *page = page_of(p, r, i);

		if (!page->folio ||
		    (!all && (page->merged || !is_shared(page))))
			continue;
		order(OP_WRITE, r, i, 1)->id[0] = page->id;
		tell(p);
		own(page);
	}
}

static void part_all(void)
{
	for (int p = 0; p < PROCS; p++)
		for (int r = 0; sh->proc[p].pid && r < REGIONS; r++)
			part(p, r, 0, PAGES, true);
}

static bool uniform(struct region *reg)
{
	for (size_t i = 1; i < PAGES; i++)
		if (reg->page[i].mergeable != reg->page[0].mergeable)
			return false;
	return true;
}

static void op_map(int p, int r)
{
	struct region *reg = &sh->proc[p].region[r];
	struct order *o = order(OP_MAP, r, 0, PAGES);

	memset(reg, 0, sizeof(*reg));
	reg->moved = rnd(2);
	tell(p);
	if (o->result)
		case_die("mmap at %p", address(r, reg->moved, 0));
	reg->mapped = true;
}

static void op_write(int p, int r, size_t from, size_t n, enum op op)
{
	struct order *o = order(op, r, from, n);

	for (size_t i = 0; i < n; i++)
		o->id[i] = content();
	tell(p);
	for (size_t i = 0; i < n; i++)
		set(page_of(p, r, from + i), o->id[i]);
}

static void op_advise(int p, int r, size_t from, size_t n, bool mergeable)
{
	/*
	 * A page that two have by fork, one in a mergeable area and one not,
	 * may be merged for both or for neither. In live memory that may be
	 * any page, by way of swap.
	 */
	part(p, r, from, n, d.live);
	order(mergeable ? OP_MERGEABLE : OP_UNMERGEABLE, r, from, n);
	tell(p);
	if (sh->order.result)
		case_die("madvise");
	for (size_t i = from; i < from + n; i++) {
		if (!mergeable)
			unmerge(page_of(p, r, i));
		page_of(p, r, i)->mergeable = mergeable;
	}
}

static void op_fork(int p)
{
	struct order *o;
	int q = 0;

	while (q < PROCS && sh->proc[q].pid)
		q++;
	/* mm/ksm.c loses count of zero pages that it places meanwhile. */
	if (q == PROCS || (d.live && d.zeroes))
		return;
	sh->proc[q] = sh->proc[p];
	for (int r = 0; r < REGIONS; r++)
		sh->proc[q].region[r].locked = false;
	o = order(OP_FORK, 0, 0, 0);
	o->other = q;
	tell(p);
	if (o->result < 0)
		case_die("fork: %s", strerror(-o->result));
	sh->proc[q].pid = o->result;
}

static void op_move(int p, int r)
{
	struct region *reg = &sh->proc[p].region[r];
	struct order *o;

	if (!uniform(reg) || reg->locked)
		return;
	o = order(OP_MOVE, r, 0, PAGES);
	o->other = !reg->moved;
	tell(p);
	/* The areas of before may not have grown together. */
	if (o->result)
		return;
	reg->moved = !reg->moved;
	for (size_t i = 0; i < PAGES; i++)
		unmerge(&reg->page[i]);
}

static void op_lock(int p, int r)
{
	struct region *reg = &sh->proc[p].region[r];

	order(reg->locked ? OP_UNLOCK : OP_LOCK, r, 0, PAGES);
	tell(p);
	if (sh->order.result)
		case_die("mlock or munlock");
	reg->locked = !reg->locked;
	/* Locking writes to what may be written to. */
	for (size_t i = 0; reg->locked && i < PAGES; i++)
		own(&reg->page[i]);
}

static int procs(void)
{
	int n = 0;

	for (int p = 0; p < PROCS; p++)
		n += !!sh->proc[p].pid;
	return n;
}

/* One operation of a random process. */
static void step(void)
{
	int p = rnd(PROCS), r = rnd(REGIONS);
	size_t from = rnd(PAGES), n = 1 + rnd(PAGES - from);
	struct region *reg = &sh->proc[p].region[r];
	unsigned int what = rnd(32);

	while (!sh->proc[p].pid) {
		p = (p + 1) % PROCS;
		reg = &sh->proc[p].region[r];
	}
	if (!reg->mapped)
		return op_map(p, r);
	switch (what) {
	case 0:
		order(OP_UNMAP, r, 0, PAGES);
		tell(p);
		memset(reg, 0, sizeof(*reg));
		return;
	case 1:
	case 2:
		if (reg->locked)
			return;
		order(OP_DONTNEED, r, from, n);
		tell(p);
		for (size_t i = from; i < from + n; i++)
			drop(&reg->page[i]);
		return;
	case 3:
		return op_write(p, r, from, n, OP_FREE);
	case 4:
	case 5:
		return op_write(p, r, from, n, OP_WRITE_PIN);
	case 6:
		order(OP_PROTECT, r, from, n);
		tell(p);
		/* Locked memory that becomes writable is written to at once. */
		for (size_t i = from; reg->locked && i < from + n; i++)
			own(&reg->page[i]);
		return;
	case 7:
	case 8:
		return op_lock(p, r);
	case 9:
	case 10:
		return op_move(p, r);
	case 11:
	case 12:
		return op_fork(p);
	case 13:
		if (procs() < 2)
			return;
		order(OP_EXIT, 0, 0, 0);
		return tell(p);
	case 14:
	case 21:
	case 22:
		return op_advise(p, r, from, n, false);
	case 15:
	case 16:
		return op_advise(p, r, from, n, true);
	case 17:
	case 18:
	case 19:
		return op_advise(p, r, 0, PAGES, true);
	case 20:
		/* What comes back is merged or not as time has it. */
		if (d.live) {
			order(OP_PAGEOUT, r, 0, PAGES);
			tell(p);
		}
		return;
	default:
		return op_write(p, r, from, n > 12 ? 12 : n, OP_WRITE);
	}
}

/* Checkpoints */

/*
 * Pages that processes gave up are kept a while by lists that every processor
 * has, merged ones with them. Go round and have all of them emptied.
 */
static void drain(void)
{
	static char *page;
	cpu_set_t all, one;

	if (!page)
		page = case_map(1);
	*page = 1;
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		madvise(page, case_page_size(), MADV_COLD);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

/* Merged pages that n mappings of a content make, and what they leave out. */
static void count_content(struct counts *c, long long n)
{
	long long full = n / d.cap, left = n % d.cap;

	/* One that is merged stays merged when all others have gone. */
	if (n == 1) {
		c->shared++;
		return;
	}
	c->shared += full + (left > 1);
	c->sharing += n - (left == 1) - full - (left > 1);
}

/* Merge in the model what the scanner will merge. */
static void settle_model(struct counts *c)
{
	struct page *a, *b;

	memset(c, 0, sizeof(*c));
	/* Not the page of the child that keeps the scanner busy. */
	c->rest = 1;
	each_page(p, r, i, a)
		if (d.zeroes && a->mergeable && a->folio && !a->merged &&
		    a->id == ZERO) {
			a->folio = 0;
			a->zero = true;
		}
	each_page(p, r, i, a) {
		bool first = true, two = a->merged;
		unsigned int node = ++d.folio;
		long long n = 0;

		c->zeroes[p] += a->zero;
		c->zero += a->zero;
		if (!a->mergeable || !a->folio)
			continue;
		c->items[p]++;
		c->rest++;
		each_page(p2, r2, i2, b) {
			if (!b->mergeable || !b->folio || b->id != a->id)
				continue;
			first &= n > 0 || b == a;
			two |= b->merged || b->folio != a->folio;
			n++;
		}
		c->merging[p] += two;
		if (!first || !two)
			continue;
		count_content(c, n);
		each_page(p2, r2, i2, b)
			if (b->mergeable && b->folio && b->id == a->id) {
				b->merged = true;
				b->folio = node;
			}
	}
	c->rest -= c->shared + c->sharing;
}

static void counts_read(struct counts *c)
{
	memset(c, 0, sizeof(*c));
	c->shared = case_get("pages_shared");
	c->sharing = case_get("pages_sharing");
	c->rest = case_get("pages_unshared") + case_get("pages_volatile");
	if (case_has("ksm_zero_pages"))
		c->zero = case_get("ksm_zero_pages") - zero_base;
	for (int p = 0; p < PROCS; p++) {
		pid_t pid = sh->proc[p].pid;

		if (!pid)
			continue;
		c->merging[p] = case_merging_pages(pid);
		c->zeroes[p] = case_ksm_stat(pid, "ksm_zero_pages");
		c->items[p] = case_ksm_stat(pid, "ksm_rmap_items");
	}
}

/* On a machine that has others they may begin to merge at any time. */
static bool is_alone(void)
{
	return getenv("KSM_TEST_MACHINE");
}

/* With a cap, which pages wait for a partner is the engine's choice. */
static void counts_clear(struct counts *c)
{
	if (!is_alone())
		c->shared = c->sharing = c->rest = c->zero = 0;
	if (d.cap != CAP)
		memset(c->merging, 0, sizeof(c->merging));
	if (!case_has("ksm_zero_pages")) {
		c->zero = 0;
		memset(c->zeroes, 0, sizeof(c->zeroes));
	}
}

static void counts_text(const struct counts *c, char *s, size_t size)
{
	int n = snprintf(s, size, "shared %lld sharing %lld rest %lld zero %lld",
			 c->shared, c->sharing, c->rest, c->zero);

	for (int p = 0; p < PROCS; p++)
		n += snprintf(s + n, size - n, " | %lld %lld %lld",
			      c->merging[p], c->zeroes[p], c->items[p]);
}

static bool as_model(void *arg)
{
	struct counts c;

	counts_read(&c);
	counts_clear(&c);
	return !memcmp(&c, arg, sizeof(c));
}

/* Returns whether the counters are what the model says. */
static bool settle(unsigned int seed, unsigned int epoch, const char *what)
{
	struct counts want, seen;
	char text[300];
	bool good;

	tell_all(OP_CHECK);
	drain();
	settle_model(&want);
	counts_clear(&want);
	case_set("smart_scan", "0");
	case_set("run", "1");
	case_wait_until(as_model, &want, PASSES);
	case_wait_scans(2);
	case_set("run", "0");
	tell_all(OP_CHECK);
	counts_read(&seen);
	counts_clear(&seen);
	good = !memcmp(&seen, &want, sizeof(seen));
	counts_text(&seen, text, sizeof(text));
	case_note("digest %u.%u %s: ops %016llx content %016llx %s", seed, epoch,
		  what, (unsigned long long)d.ops,
		  (unsigned long long)d.content, text);
	if (!good) {
		counts_text(&want, text, sizeof(text));
		case_note("wanted %u.%u %s: %s", seed, epoch, what, text);
	}
	return good;
}

/* Unmerge everything; the knobs that need it may change then. */
static void start_over(unsigned int cap, bool zeroes)
{
	char text[16];
	struct page *page;

	case_set("run", "2");
	case_set("run", "0");
	if (is_alone())
		d.left += case_get("pages_shared") ||
			  case_get("pages_sharing") ||
			  (case_has("ksm_zero_pages") &&
			   case_get("ksm_zero_pages") != zero_base);
	each_page(p, r, i, page)
		unmerge(page);
	d.cap = cap;
	d.zeroes = zeroes;
	snprintf(text, sizeof(text), "%u", cap);
	case_set("max_page_sharing", text);
	case_set("use_zero_pages", zeroes ? "1" : "0");
}

/* Operations while the scanner stands still: all that follows is known. */
static bool quiet(unsigned int seed, unsigned int epoch, size_t *cows)
{
	long long before = case_vmstat("cow_ksm");
	bool good;

	d.cow = 0;
	for (int i = 0; i < OPS; i++)
		step();
	if (rnd(3) == 0)
		start_over(CAP, rnd(2));
	else if (d.zeroes && rnd(3) == 0)
		d.zeroes = case_try_set("use_zero_pages", "0") != 0;
	if (before >= 0 && is_alone() && case_vmstat("cow_ksm") - before != d.cow) {
		case_note("%u.%u: cow_ksm %lld, want %lld", seed, epoch,
			  case_vmstat("cow_ksm") - before, d.cow);
		++*cows;
	}
	good = settle(seed, epoch, "quiet");
	/* No two mappings of one page but by merging: the cap is exact. */
	if (rnd(4) == 0) {
		start_over(CAP, d.zeroes);
		part_all();
		start_over(3 + rnd(6), d.zeroes);
		good &= settle(seed, epoch, "capped");
		start_over(CAP, d.zeroes);
	}
	return good;
}

/* Operations while it runs: contents are known, counters only afterwards. */
static bool live(unsigned int seed, unsigned int epoch)
{
	d.live = true;
	case_set("smart_scan", rnd(2) ? "1" : "0");
	case_set("run", "1");
	for (int i = 0; i < OPS; i++) {
		step();
		if (i % 10 == 9) {
			case_wait_scans(1);
			tell_all(OP_CHECK);
		}
	}
	case_set("run", "0");
	d.live = false;
	/* This also brings back what was swapped out. */
	tell_all(OP_CHECK);
	start_over(CAP, rnd(2));
	part_all();
	return settle(seed, epoch, "live");
}

static void begin(uint64_t seed)
{
	pid_t pid;

	memset(&d, 0, sizeof(d));
	memset(sh, 0, sizeof(*sh));
	d.state = seed << 32;
	d.unique = seed << 20;
	start_over(CAP, rnd(2));
	pid = case_fork();
	if (pid == 0)
		serve(0);
	sh->proc[0].pid = pid;
}

static void play(unsigned int seed)
{
	size_t counters = 0, cows = 0;

	begin(seed);
	for (unsigned int epoch = 0; epoch < EPOCHS; epoch++)
		counters += epoch % 3 == 2 ? !live(seed, epoch) :
					     !quiet(seed, epoch, &cows);
	tell_all(OP_EXIT);
	case_ok(d.wrong == 0, "seed %u: content (%zu wrong)", seed, d.wrong);
	case_ok(counters == 0 && d.left == 0,
		"seed %u: counters (wrong %zu times of %d; %zu after run=2)",
		seed, counters, EPOCHS, d.left);
	case_ok(cows == 0, "seed %u: copies on write (wrong %zu times)", seed,
		cows);
}

/*
 * Once more with all memory of the processes taking part: stacks and libraries
 * too, of which there is no model. What was mapped is as it was written.
 */
static void merge_any(unsigned int seed)
{
	size_t left = 0;

	begin(seed);
	case_set("smart_scan", "0");
	case_set("run", "1");
	d.live = true;
	for (int i = 0; i < 4 * OPS; i++) {
		step();
		if (i % 20 != 0)
			continue;
		for (int p = 0; p < PROCS; p++) {
			order(rnd(4) ? OP_MERGE_ANY : OP_MERGE_NONE, 0, 0, 0);
			if (sh->proc[p].pid && rnd(2))
				tell(p);
		}
		case_wait_scans(1);
		tell_all(OP_CHECK);
	}
	tell_all(OP_MERGE_ANY);
	tell_all(OP_MERGE_NONE);
	case_wait_scans(3);
	case_set("run", "0");
	tell_all(OP_CHECK);
	for (int p = 0; p < PROCS; p++)
		if (sh->proc[p].pid)
			left += case_merging_pages(sh->proc[p].pid) != 0;
	tell_all(OP_EXIT);
	case_ok(d.wrong == 0, "all memory mergeable: content (%zu wrong)",
		d.wrong);
	case_ok(left == 0, "and no longer: nothing is merged");
}

static void run(void)
{
	const char *seeds = getenv("KSM_DIFF_SEEDS");
	unsigned int first = 1, last = 3;

	if (seeds && sscanf(seeds, "%u-%u", &first, &last) != 2)
		case_die("KSM_DIFF_SEEDS is not FIRST-LAST");
	sh = case_shared(sizeof(*sh));
	if (pipe(back))
		case_die("pipe");
	for (int p = 0; p < PROCS; p++)
		if (pipe(to[p]))
			case_die("pipe");
	reads_make_pages = case_reads_make_pages();
	case_start();
	case_stop();
	if (case_has("ksm_zero_pages"))
		zero_base = case_get("ksm_zero_pages");
	for (unsigned int seed = first; seed <= last; seed++)
		play(seed);
	if (case_merge_any_get() >= 0)
		merge_any(last + 1);
	case_stop();
}

static const char *const knobs[] = {
	CASE_SCAN_KNOBS, "max_page_sharing", NULL
};

const struct kcase kcase = {
	/* Linux 6.1 does not scan memory again that was unmerged by run=2. */
	.needs = CASE_ROOT | CASE_ALONE | CASE_MERGING_PAGES |
		 CASE_SMART_SCAN | CASE_ZERO_PAGES,
	.knobs = knobs,
	.run = run,
};
