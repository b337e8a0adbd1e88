// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * read.c - a block of pages: what they are, what they hold, and their records.
 *
 * Page table entries are read just before the contents, and again after them: a
 * page that is not present is not touched, and contents count only while the
 * address space is the one that was opened.  What is exclusive to the process is
 * read the fast way, what is shared the careful one (see libksm/pagemap.c).
 *
 * In a sample, equal pages are taken together or not at all: a few bytes of each
 * page, at a place that the key chooses, decide.  Pages that have zeroes there
 * are too many to be decided about at once: they are read whole, and the hash of
 * all of it decides.  Besides, frames are picked by chance (see interval.c).
 */
#include "ksm-estimate/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/xalloc.h"

/*
 * What is copied at once.  Larger than a second-level cache, and faster than
 * anything that fits: the kernel pins so many pages at a time, and copies faster to
 * lines that are not in a cache.  Memory that records will take in the end is lent
 * to the buffers until they do, so that the larger size costs nothing.
 */
#define CHUNK_MAX   ((size_t)4 << 20)
#define CHUNK_STEP  ((size_t)256 << 10)
#define CHUNKS_MIN  ((size_t)1 << 20)	/* of all readers together */
#define CHUNKS_PER_REC 2		/* so many bytes may stay with them */
#define PIECE_BYTES 128

_Static_assert(CHUNK_STEP >= (size_t)SPAN_PAGES * PIECE_BYTES, "pieces of a span fit");

enum state {
	NOTHING,	/* not a page for us */
	EXCLUSIVE,	/* to be read the fast way */
	SHARED,		/* to be read the careful way */
	READ,		/* hash is valid */
	PASSED,		/* not in the sample */
	GONE,
};

/* Under lock. */
static size_t chunk(const struct readers *all)
{
	const struct est *e = all->e;
	const size_t left = all->want_recs - MIN(all->want_recs, e->n_recs);
	const size_t least = MAX(all->want_recs * CHUNKS_PER_REC, CHUNKS_MIN);
	const size_t each = MAX(left * sizeof(*e->recs), least) / all->n;

	return MIN(MAX(each / CHUNK_STEP, (size_t)1) * CHUNK_STEP, CHUNK_MAX);
}

static void shrink(struct reader *r, size_t to)
{
	if (to >= r->chunk)
		return;
	munmap(r->buf + to, r->chunk - to);
	r->chunk = to;
}

/* Not secret: chance that depends on nothing else will do (xorshift64*). */
static uint32_t chance(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d >> 32;
}

static uint64_t seed(const struct readers *all, const void *of, size_t len)
{
	return est_hash(&all->e->key, of, len) | 1;
}

int reader_init(struct reader *r, struct readers *all)
{
	r->all = all;
	r->chance = seed(all, &r, sizeof(r));
	r->read_bytes = 0;
	r->chunk = chunk(all);
	/* All at once is faster than fault by fault. */
	r->buf = mmap(NULL, r->chunk, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (r->buf == MAP_FAILED)
		return -ENOMEM;
	return all->sampled ? est_moment_init(&r->moment) : 0;
}

void reader_fini(struct reader *r)
{
	munmap(r->buf, r->chunk);
	est_moment_fini(&r->moment);
}

static size_t page_size(const struct reader *r)
{
	return r->all->e->page_size;
}

/* --- what the pages are --- */

/* Pages from number @at of a span at @addr to where a huge page would end. */
static size_t block_len(const struct reader *r, uint64_t addr, size_t at, size_t n)
{
	return MIN(n - at, BLOCK_PAGES - (addr / page_size(r) + at) % BLOCK_PAGES);
}

struct kinds {
	struct reader *r;
	uint64_t start;
};

#define KIND_THERE 0x80

static void put_kind(uint64_t start, uint64_t end, unsigned int kind, void *arg)
{
	const struct kinds *k = arg;
	const size_t size = page_size(k->r);

	memset(k->r->kind + (start - k->start) / size, kind | KIND_THERE, (end - start) / size);
}

static uint64_t frame(uint64_t entry)
{
	return entry & KSM_PM_FRAME;
}

/* Flags of the frames that matter, with one read for each row of neighbours. */
static void read_flags(struct reader *r, const struct est_seg *seg, size_t n)
{
	size_t i = 0;

	memset(r->flags, 0, n * sizeof(*r->flags));
	if (r->all->kpageflags < 0)
		return;
	while (i < n) {
		const uint64_t e = r->entry[i];
		size_t len = 1;

		if (!(e & KSM_PM_PRESENT) || e & KSM_PM_FILE || !frame(e) ||
		    (e & KSM_PM_EXCLUSIVE && !seg->may_ksm)) {
			i++;
			continue;
		}
		while (i + len < n && r->entry[i + len] & KSM_PM_PRESENT &&
		       frame(r->entry[i + len]) == frame(e) + len)
			len++;
		ksm_kpageflags_read(r->all->kpageflags, frame(e), len, r->flags + i);
		i += len;
	}
}

/* Before Linux 6.7: @n pages from @at on are one huge page, by their frames. */
static bool is_huge_block(const struct reader *r, size_t at, size_t n)
{
	uint64_t flags, first = frame(r->entry[at]);

	if (n != page_size(r) / sizeof(uint64_t) || !first || first % n ||
	    r->all->kpageflags < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(r->entry[at + i] & KSM_PM_PRESENT) || frame(r->entry[at + i]) != first + i)
			return false;
	return ksm_kpageflags_read(r->all->kpageflags, first, 1, &flags) == 1 &&
	       flags & KSM_KPF_THP && flags & KSM_KPF_HEAD;
}

/*
 * Linux 6.12 and some around it set the KSM bit of every anonymous page.  There,
 * a shared page of a mapping in which smaps sees merged ones is taken for merged.
 */
static bool is_merged(const struct reader *r, const struct est_seg *seg, size_t i)
{
	if (r->all->ksm_known)
		return r->flags[i] & KSM_KPF_KSM;
	return seg->may_ksm && !(r->entry[i] & KSM_PM_EXCLUSIVE) && frame(r->entry[i]);
}

/* A merged page may have one mapping only, and look exclusive. */
static bool may_pin(const struct reader *r, const struct est_seg *seg, size_t i)
{
	if (!(r->entry[i] & KSM_PM_EXCLUSIVE) || !seg->readable)
		return false;
	return r->all->ksm_known ? !(r->flags[i] & KSM_KPF_KSM) : !seg->may_ksm;
}

/* Pages from @at to at most @end of which all is the same but the frame. */
static size_t alike(const struct reader *r, const unsigned char *kind, size_t at, size_t end)
{
	const uint64_t entry = r->entry[at], flags = r->flags[at];
	size_t i = at + 1;

	while (i < end && !((r->entry[i] ^ entry) & ~KSM_PM_FRAME) &&
	       !frame(r->entry[i]) == !frame(entry) && r->flags[i] == flags &&
	       kind[i] == kind[at])
		i++;
	return i - at;
}

static void classify(struct reader *r, const struct est_seg *seg, const unsigned char *kind,
		     size_t at, size_t n, struct est_count *c)
{
	const bool huge_block = !r->kinds_known && is_huge_block(r, at, n);
	size_t len;

	for (size_t i = at; i < at + n; i += len) {
		const uint64_t e = r->entry[i];
		uint32_t tag = 0;

		len = alike(r, kind, i, at + n);
		memset(r->state + i, NOTHING, len);
		if (e & KSM_PM_SWAPPED && !(e & KSM_PM_PRESENT))
			c->swapped += len;
		if (!(e & KSM_PM_PRESENT))
			continue;
		if (e & KSM_PM_FILE) {
			c->file += len;
			continue;
		}
		if (kind[i] & KSM_PAGE_ZEROPAGE || r->flags[i] & KSM_KPF_ZERO_PAGE) {
			c->zeropage += len;
			continue;
		}
		c->anon += len;
		if (huge_block || kind[i] & KSM_PAGE_HUGE) {
			tag |= EST_HUGE;
			c->huge += len;
		}
		if (is_merged(r, seg, i))
			tag |= EST_KSM;
		if (!(e & KSM_PM_EXCLUSIVE) && !frame(e))
			tag |= EST_NOFRAME;
		memset(r->state + i, may_pin(r, seg, i) ? EXCLUSIVE : SHARED, len);
		for (size_t j = i; j < i + len; j++)
			r->tag[j] = tag;
	}
}

/* --- what they hold --- */

static bool is_zero(const unsigned char *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* The upper bits of the cluster decide about a sample; the others tell contents apart. */
static uint64_t join(uint64_t cluster, uint64_t hash)
{
	const uint64_t upper = ~UINT64_C(0) << (64 - EST_CLUSTER_BITS);

	return (cluster & upper) | (hash & ~upper);
}

static void hash_page(struct reader *r, size_t i, const unsigned char *page)
{
	const struct readers *all = r->all;
	const unsigned char *piece = page + all->piece_at;

	r->hash[i] = est_hash(&all->e->key, page, page_size(r));
	r->state[i] = READ;
	if (!all->sampled)
		return;
	r->cluster[i] = r->hash[i];
	if (!is_zero(piece, PIECE_BYTES))
		r->cluster[i] = est_hash(&all->e->key, piece, PIECE_BYTES);
	r->hash[i] = join(r->cluster[i], r->hash[i]);
}

static bool is_taken(const struct reader *r, uint64_t hash)
{
	return hash >> (64 - EST_CLUSTER_BITS) <
	       __atomic_load_n(&r->all->threshold, __ATOMIC_RELAXED);
}

/* Chance picks frames, whatever they hold: 0, EST_PICK_A or EST_PICK_B. */
static uint32_t pick(struct reader *r)
{
	const uint32_t v = chance(&r->chance);

	if (v < r->pick)
		return EST_PICK_A;
	return v - r->pick < r->pick ? EST_PICK_B : 0;
}

/* By a piece of page @i of a sample: whether all of it has to be read. */
static bool decide(struct reader *r, size_t i, const unsigned char *piece)
{
	if (!(r->tag[i] & EST_NO_FRAME_OF_ITS_OWN))
		r->tag[i] |= pick(r);
	if (is_zero(piece, PIECE_BYTES))
		return true;
	r->cluster[i] = est_hash(&r->all->e->key, piece, PIECE_BYTES);
	if (r->tag[i] & EST_PICKED || is_taken(r, r->cluster[i]))
		return true;
	r->state[i] = PASSED;
	return false;
}

struct batch {
	uint16_t page[SPAN_PAGES];	/* indices in the span */
	size_t n;
	uint64_t addr;			/* of the span */
};

/* Ranges of pages b->page[from..), at most @max of them, neighbours in one range. */
static size_t ranges(const struct batch *b, size_t from, size_t max, size_t size,
		     struct iovec *out, size_t *pages)
{
	size_t n = 0, i;

	for (i = from; i < b->n && i - from < max; i++) {
		if (n && b->page[i] == b->page[i - 1] + 1)
			out[n - 1].iov_len += size;
		else
			out[n++] = (struct iovec){
				(void *)(uintptr_t)(b->addr + b->page[i] * size), size
			};
	}
	*pages = i - from;
	return n;
}

/* Even pieces of at most @room: a small one costs more than it saves the others. */
static size_t piece(size_t n, size_t room)
{
	const size_t pieces = MAX((n + room - 1) / room, (size_t)1);

	return (n + pieces - 1) / pieces;
}

/*
 * Reads @b in pieces; the kernel stops at the first page that is not there, which
 * is then left out.  -ESRCH and -EPERM end the process.
 */
static int read_whole(struct reader *r, const struct est_proc *p, const struct batch *b)
{
	const size_t size = page_size(r);
	const size_t max = piece(b->n, MIN(r->chunk / size, (size_t)SPAN_PAGES));
	struct iovec from[SPAN_PAGES];
	size_t at = 0;

	while (at < b->n) {
		size_t pages, n = ranges(b, at, max, size, from, &pages);
		ssize_t got;

		est_pace_wait(&r->all->e->pace, pages * size);
		got = ksm_mem_read(p->mem, r->buf, from, n);
		if (got < 0 && got != -EFAULT)
			return got;
		got = MAX(got, 0) / (ssize_t)size;
		r->read_bytes += got * size;
		for (ssize_t i = 0; i < got; i++)
			hash_page(r, b->page[at + i], r->buf + i * size);
		at += got;
		if ((size_t)got < pages)
			r->state[b->page[at++]] = GONE;
	}
	return 0;
}

/* The same with a piece of each page; pages that may be in the sample go to @more. */
static int read_pieces(struct reader *r, const struct est_proc *p, const struct batch *b,
		       struct batch *more)
{
	const size_t size = page_size(r);
	struct iovec from[SPAN_PAGES];
	size_t at = 0;

	more->n = 0;
	more->addr = b->addr;
	while (at < b->n) {
		size_t n = 0;
		ssize_t got;

		for (size_t i = at; i < b->n; i++, n++)
			from[n] = (struct iovec){
				(void *)(uintptr_t)(b->addr + b->page[i] * size +
						    r->all->piece_at),
				PIECE_BYTES
			};
		est_pace_wait(&r->all->e->pace, n * PIECE_BYTES);
		got = ksm_mem_read(p->mem, r->buf, from, n);
		if (got < 0 && got != -EFAULT)
			return got;
		got = MAX(got, 0) / PIECE_BYTES;
		r->read_bytes += got * PIECE_BYTES;
		for (ssize_t i = 0; i < got; i++) {
			const size_t page = b->page[at + i];

			if (decide(r, page, r->buf + i * PIECE_BYTES))
				more->page[more->n++] = page;
		}
		at += got;
		if ((size_t)got < n)
			r->state[b->page[at++]] = GONE;
	}
	return 0;
}

/* @len bytes of page @i the careful way: 1, 0 when they are gone, -errno. */
static int read_careful(struct reader *r, const struct est_proc *p, uint64_t at, size_t len,
			size_t i)
{
	ssize_t got;

	est_pace_wait(&r->all->e->pace, len);
	got = ksm_mem_read_shared(p->mem, r->buf, at, len);
	if (got == 0)
		return -ESRCH;
	if (got == -EACCES || got == -EPERM)
		return got;
	if (got != (ssize_t)len) {
		r->state[i] = GONE;
		return 0;
	}
	r->read_bytes += len;
	return 1;
}

/* A shared page: once a frame, whoever shows it. */
static int read_shared(struct reader *r, const struct est_proc *p, uint64_t addr, size_t i)
{
	const struct readers *all = r->all;
	const size_t size = page_size(r);
	const uint64_t pfn = frame(r->entry[i]);
	const bool many = !(r->entry[i] & KSM_PM_EXCLUSIVE) || r->tag[i] & EST_KSM;
	bool whole = true;
	int rc;

	if (many && pfn && est_frames_find(all->frames, pfn, &r->hash[i])) {
		r->tag[i] |= EST_SAME;
		r->state[i] = all->sampled && r->hash[i] == EST_PASSED ? PASSED : READ;
		return 0;
	}
	if (all->sampled) {
		rc = read_careful(r, p, addr + i * size + all->piece_at, PIECE_BYTES, i);
		if (rc <= 0)
			return rc;
		whole = decide(r, i, r->buf);
		r->hash[i] = EST_PASSED;
	}
	if (whole) {
		rc = read_careful(r, p, addr + i * size, size, i);
		if (rc <= 0)
			return rc;
		hash_page(r, i, r->buf);
	}
	/* Another reader was first: its record is the frame's. */
	if (many && pfn && !est_frames_put(all->frames, pfn, r->hash[i]))
		r->tag[i] = (r->tag[i] & ~EST_PICKED) | EST_SAME;
	return 0;
}

static int read_span(struct reader *r, const struct est_proc *p, uint64_t addr, size_t n)
{
	struct batch fast = { .n = 0, .addr = addr }, more;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (r->state[i] == EXCLUSIVE)
			fast.page[fast.n++] = i;
	if (fast.n && r->all->sampled) {
		rc = read_pieces(r, p, &fast, &more);
		if (!rc)
			rc = read_whole(r, p, &more);
	} else if (fast.n) {
		rc = read_whole(r, p, &fast);
	}
	for (size_t i = 0; !rc && i < n; i++)
		if (r->state[i] == SHARED)
			rc = read_shared(r, p, addr, i);
	return rc;
}

/* --- records --- */

static struct est_rec make_rec(const struct reader *r, size_t i, uint32_t seg)
{
	const uint64_t h = r->hash[i];

	return (struct est_rec){ h >> 32, h, seg | r->tag[i] };
}

/* Half of the picks are none any more; whether the record has any reason left to be here. */
static bool thin(struct readers *all, struct est_rec *rec)
{
	if (rec->tag & EST_PICKED && chance(&all->chance) >> 31)
		rec->tag &= ~EST_PICKED;
	return rec->tag & EST_PICKED || rec->hi >> (32 - EST_CLUSTER_BITS) < all->threshold;
}

/* The same for one that was read before the shares were halved @times. */
static bool thin_late(struct readers *all, struct est_rec *rec, unsigned int times)
{
	bool stays = true;

	while (times-- && stays)
		stays = thin(all, rec);
	return stays;
}

/* Half the share, until there is room; under lock. */
static void halve(struct readers *all)
{
	struct est *e = all->e;

	while (e->n_recs > e->cap_recs / 2 && all->threshold > 1) {
		size_t kept = 0;

		__atomic_store_n(&all->threshold, all->threshold / 2, __ATOMIC_RELAXED);
		all->pick /= 2;
		all->halved++;
		for (size_t i = 0; i < e->n_recs; i++)
			if (thin(all, &e->recs[i]))
				e->recs[kept++] = e->recs[i];
		e->n_recs = kept;
	}
}

/* Whether it counts in est_count.zero. */
static bool zero_page(const struct reader *r, size_t i, struct est_count *c)
{
	const uint32_t tag = r->tag[i];

	if (tag & EST_KSM) {
		c->zero_ksm++;
		c->zero_ksm_frames += !(tag & EST_SAME);
	} else if (tag & EST_NOFRAME && !r->kinds_known) {
		/* Nobody can tell: most often the kernel's own. */
		c->anon--;
		c->zeropage++;
	} else if (tag & (EST_SAME | EST_NOFRAME)) {
		c->zero_shared++;
	} else {
		c->zero++;
		c->zero_huge += (tag & EST_HUGE) != 0;
		return true;
	}
	return false;
}

static struct block *new_block(struct readers *all, struct est_proc *p,
			       const struct est_seg *seg, uint64_t addr)
{
	struct block *b;

	if (all->n_blocks == all->cap_blocks) {
		all->cap_blocks = all->cap_blocks ? all->cap_blocks * 2 : 256;
		all->blocks = xreallocarray(all->blocks, all->cap_blocks, sizeof(*all->blocks));
	}
	b = &all->blocks[all->n_blocks++];
	*b = (struct block){ .proc = p, .seg = seg - p->segs, .addr = addr };
	return b;
}

static bool bit(const uint64_t *words, size_t i)
{
	return words[i / 64] >> i % 64 & 1;
}

static void set_bit(uint64_t *words, size_t i)
{
	words[i / 64] |= UINT64_C(1) << i % 64;
}

/* Under lock. @b: NULL if there are no further passes. */
static void commit_block(struct reader *r, struct block *b, uint32_t id, size_t at, size_t n,
			 struct est_count *c)
{
	struct readers *all = r->all;
	struct est *e = all->e;
	/* The compiler cannot know that records lie apart from these. */
	const uint64_t zero_hash = all->zero_hash;
	const bool sampled = all->sampled;
	const unsigned int late = all->halved - r->halved;
	const size_t cap = e->cap_recs, before = e->n_recs;
	struct est_rec *recs = e->recs;
	size_t n_recs = before;

	if (b)
		b->first_rec = before;
	for (size_t i = 0; i < n; i++) {
		const size_t page = at + i;
		const unsigned int state = r->state[page];
		const uint32_t tag = r->tag[page];

		if (state != READ && state != PASSED) {
			c->gone += state == GONE;
			continue;
		}
		if (tag & EST_KSM)
			c->ksm++;
		else if (tag & (EST_SAME | EST_NOFRAME))
			c->same++;
		if (state == PASSED)
			continue;
		if (r->hash[page] == zero_hash) {
			if (zero_page(r, page, c) && b) {
				set_bit(b->zero, i);
				b->huge |= (tag & EST_HUGE) != 0;
			}
			continue;
		}
		if (sampled && !(tag & EST_PICKED) && !is_taken(r, r->hash[page]))
			continue;
		if (n_recs == cap) {
			c->unread++;
			continue;
		}
		recs[n_recs] = make_rec(r, page, id);
		if (late && !thin_late(all, &recs[n_recs], late))
			continue;
		n_recs++;
		if (b)
			set_bit(b->rec, i);
	}
	e->n_recs = n_recs;
	c->taken += n_recs - before;
}

static void commit(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t addr,
		   size_t n, struct est_count *c)
{
	struct readers *all = r->all;
	struct est *e = all->e;
	const uint32_t id = p->first_seg + (seg - p->segs);
	size_t len, to;

	pthread_mutex_lock(&all->lock);
	if (all->adapt && e->n_recs + n > e->cap_recs)
		halve(all);
	for (size_t at = 0; at < n; at += len) {
		struct block *b = NULL;

		len = block_len(r, addr, at, n);
		if (e->opt.passes > 1)
			b = new_block(all, p, seg, addr + at * e->page_size);
		commit_block(r, b, id, at, len, c);
	}
	est_count_add(&seg->count, c);
	to = chunk(all);
	pthread_mutex_unlock(&all->lock);
	shrink(r, to);
}

/* Frames of a sample, whether they are in it or not. */
static void put_moment(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((r->state[i] == READ && r->hash[i] != r->all->zero_hash) ||
		    r->state[i] == PASSED)
			if (!(r->tag[i] & EST_NO_FRAME_OF_ITS_OWN))
				est_moment_put(&r->moment, r->cluster[i]);
}

static int do_span(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t addr,
		   const unsigned char *kind, size_t n)
{
	struct est_count c = { 0 };
	uint64_t again;
	ssize_t got = ksm_mem_pagemap(p->mem, addr, n, r->entry);
	size_t len;
	int rc;

	if (got <= 0)
		return got ? got : -ESRCH;
	n = got;
	pthread_mutex_lock(&r->all->lock);
	r->pick = r->all->pick;
	r->halved = r->all->halved;
	pthread_mutex_unlock(&r->all->lock);
	read_flags(r, seg, n);
	for (size_t at = 0; at < n; at += len) {
		len = block_len(r, addr, at, n);
		classify(r, seg, kind, at, len, &c);
	}
	rc = read_span(r, p, addr, n);
	if (rc)
		return rc;
	/* What was read is of the address space opened, or it is worth nothing. */
	got = ksm_mem_pagemap(p->mem, addr, 1, &again);
	if (got <= 0)
		return got ? got : -ESRCH;
	if (r->all->sampled)
		put_moment(r, n);
	commit(r, p, seg, addr, n, &c);
	return 0;
}

static bool any(const unsigned char *kind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kind[i])
			return true;
	return false;
}

int reader_region(struct reader *r, struct est_proc *p, struct est_seg *seg, uint64_t start,
		  uint64_t end)
{
	const size_t size = page_size(r);
	struct kinds k = { r, start };
	int rc;

	memset(r->kind, 0, sizeof(r->kind));
	rc = ksm_mem_kinds(p->mem, start, end, put_kind, &k);
	if (rc && rc != -EOPNOTSUPP)
		return rc;
	r->kinds_known = !rc;
	while (start < end) {
		const size_t at = (start - k.start) / size;
		const size_t n = MIN((end - start) / size,
				     SPAN_PAGES - start / size % BLOCK_PAGES);

		if (!r->kinds_known || any(r->kind + at, n)) {
			rc = do_span(r, p, seg, start, r->kind + at, n);
			if (rc)
				return rc;
		}
		start += n * size;
	}
	return 0;
}

/* --- once more --- */

void reader_again(struct reader *r, struct block *b)
{
	struct est *e = r->all->e;
	struct est_seg *seg = &b->proc->segs[b->seg];
	size_t n = MIN((seg->end - b->addr) / e->page_size, (size_t)BLOCK_PAGES), at = b->first_rec;
	struct batch fast = { .n = 0, .addr = b->addr };
	uint64_t changed = 0, zero = 0;
	int rc = -ESRCH;

	memset(r->state, GONE, sizeof(r->state));
	if (b->proc->mem && ksm_mem_pagemap(b->proc->mem, b->addr, n, r->entry) == (ssize_t)n)
		rc = 0;
	if (!rc)
		read_flags(r, seg, n);
	for (size_t i = 0; !rc && i < n; i++) {
		const uint64_t entry = r->entry[i];

		if ((!bit(b->rec, i) && !bit(b->zero, i)) || !(entry & KSM_PM_PRESENT) ||
		    entry & KSM_PM_FILE || r->flags[i] & KSM_KPF_ZERO_PAGE)
			continue;
		r->tag[i] = EST_KSM;	/* read every time, not once a frame */
		if (may_pin(r, seg, i))
			fast.page[fast.n++] = i;
		else if (ksm_mem_read_shared(b->proc->mem, r->buf, b->addr + i * e->page_size,
					     e->page_size) == (ssize_t)e->page_size)
			hash_page(r, i, r->buf);
	}
	if (!rc)
		rc = read_whole(r, b->proc, &fast);
	for (size_t i = 0; i < n; i++) {
		if (bit(b->zero, i) && (r->state[i] != READ || r->hash[i] != r->all->zero_hash)) {
			b->zero[i / 64] &= ~(UINT64_C(1) << i % 64);
			zero++;
		}
		if (!bit(b->rec, i))
			continue;
		if (e->recs[at].tag != EST_DROPPED) {
			const struct est_rec now = make_rec(r, i, 0);

			if (r->state[i] != READ || now.hi != e->recs[at].hi ||
			    now.lo != e->recs[at].lo) {
				changed += is_taken(r, (uint64_t)e->recs[at].hi << 32);
				e->recs[at].tag = EST_DROPPED;
			}
		}
		at++;
	}
	pthread_mutex_lock(&r->all->lock);
	seg->count.changed += changed;
	seg->count.zero_changed += zero;
	seg->count.zero -= zero;
	seg->count.zero_huge -= b->huge ? MIN(zero, seg->count.zero_huge) : 0;
	pthread_mutex_unlock(&r->all->lock);
}
