// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * preload.c - libksm-advise-preload.so: madvise(MADV_MERGEABLE) on the memory of
 * a program, from inside, for kernels without PR_SET_MEMORY_MERGE (before 6.4).
 *
 * It lives in somebody else's program: no libksm, no stdio, no threads, no
 * allocation, nothing that is not async-signal-safe in mmap(); errno as it was.
 * A failure to advise is never a failure of the call.
 *
 * What exists at the start is advised by the constructor, and what appears later
 * where it appears: mmap(), mremap(), brk(), sbrk() on their way out.  The C
 * library's malloc() calls none of them by a name that could be taken over, so
 * it is watched instead: the break after each call, large blocks, and the arenas
 * of threads.  Besides, at most once a second and only when memory is asked for,
 * all mappings are gone through, for what these rules miss (stacks of threads,
 * libraries loaded late).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_MERGEABLE
#define MADV_MERGEABLE 12
#endif

#define EXPORT __attribute__((visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)

/* M_MMAP_THRESHOLD at the start: from here on malloc() may map a block of its own. */
#define LARGE (128U << 10)
/* Heaps of glibc's arenas are aligned to their size (malloc/arena.c, HEAP_MAX_SIZE). */
#define ARENA_SHIFT (sizeof(void *) == 8 ? 26 : 20)
#define ARENAS_SEEN 64
/* Calls of malloc() between looks at the clock; seconds between passes. */
#define CALLS_PER_LOOK 256
#define PASS_SECONDS 1

static struct {
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	void *(*mmap64)(void *, size_t, int, int, int, off64_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*brk)(void *);
	void *(*sbrk)(intptr_t);
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*usable)(void *);
	void (*free)(void *);
} next;

static uintptr_t page_mask;	/* page size - 1; 0: not ready yet */
static uintptr_t heap_start, heap_top;
static uintptr_t arenas[ARENAS_SEEN];
static unsigned int arenas_n;
static pid_t pass_owner;	/* who goes through the mappings; in a fork's child, nobody does */
static time_t pass_last;

/* In the static TLS block: no allocation at first use. */
static __thread uintptr_t last_arena __attribute__((tls_model("initial-exec")));
static __thread unsigned int calls __attribute__((tls_model("initial-exec")));

/* ------------------------------------------------------------------ */
/* finding the real ones						*/

/* dlsym() may allocate before malloc() is known; a few hundred bytes suffice. */
static char nursery[4096] __attribute__((aligned(16)));
static size_t nursery_used;

static bool in_nursery(const void *p)
{
	return (const char *)p >= nursery && (const char *)p < nursery + sizeof(nursery);
}

/* Each block has its size before it, in as many bytes as keep it aligned. */
enum { NURSERY_HEAD = 16 };

static void *nursery_get(size_t n)
{
	size_t at;

	if (n > sizeof(nursery))
		return NULL;
	n = (n + 15) & ~(size_t)15;
	at = __atomic_fetch_add(&nursery_used, n + NURSERY_HEAD, __ATOMIC_RELAXED);
	if (at + n + NURSERY_HEAD > sizeof(nursery))
		return NULL;
	memcpy(nursery + at, &n, sizeof(n));
	return nursery + at + NURSERY_HEAD;
}

static size_t nursery_size(const void *p)
{
	size_t n;

	memcpy(&n, (const char *)p - NURSERY_HEAD, sizeof(n));
	return n;
}

static void find(void *slot, const char *name)
{
	void *sym = dlsym(RTLD_NEXT, name);

	if (sym)
		memcpy(slot, &sym, sizeof(sym));
}

/* Safe to be run twice at a time: both find the same. */
static void resolve(void)
{
	static bool busy;

	if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
		return;
	find(&next.calloc, "calloc");
	find(&next.free, "free");
	find(&next.realloc, "realloc");
	find(&next.memalign, "memalign");
	find(&next.aligned_alloc, "aligned_alloc");
	find(&next.posix_memalign, "posix_memalign");
	find(&next.valloc, "valloc");
	find(&next.pvalloc, "pvalloc");
	find(&next.usable, "malloc_usable_size");
	find(&next.mmap, "mmap");
	find(&next.mmap64, "mmap64");
	find(&next.mremap, "mremap");
	find(&next.brk, "brk");
	find(&next.sbrk, "sbrk");
	find(&next.malloc, "malloc");
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ */
/* advising								*/

static void advise(uintptr_t start, uintptr_t end)
{
	const int saved = errno;

	start &= ~page_mask;
	end = (end + page_mask) & ~page_mask;
	if (page_mask && start < end)
		madvise((void *)start, end - start, MADV_MERGEABLE);
	errno = saved;
}

/* One line of maps as it comes, byte by byte: "start-end perms ...". */
struct line {
	uintptr_t value[2];
	unsigned int field;	/* 0 start, 1 end, 2 perms, 3 the rest */
	unsigned int perm;
	bool is_private;
};

struct pass {
	struct line line;
	uintptr_t start, end;	/* private mappings side by side, not advised yet */
};

static void pass_line(struct pass *p)
{
	const struct line *l = &p->line;

	if (l->field >= 2 && l->is_private) {
		if (l->value[0] == p->end) {
			p->end = l->value[1];
			return;
		}
		advise(p->start, p->end);
		p->start = l->value[0];
		p->end = l->value[1];
	}
}

static void pass_byte(struct pass *p, char c)
{
	struct line *l = &p->line;

	if (c == '\n') {
		pass_line(p);
		*l = (struct line){ .field = 0 };
	} else if (l->field < 2) {
		if (c >= '0' && c <= '9')
			l->value[l->field] = l->value[l->field] << 4 | (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			l->value[l->field] = l->value[l->field] << 4 | (unsigned int)(c - 'a' + 10);
		else
			l->field++;
	} else if (l->field == 2) {
		if (l->perm++ == 3)
			l->is_private = c == 'p';
		if (c == ' ')
			l->field++;
	}
}

/* All private mappings.  The system calls directly: nobody's wrappers shall see them. */
static void pass_all(void)
{
	struct pass p = { .start = 0 };
	char buf[2048];
	long fd, n;

	fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((n = syscall(SYS_read, fd, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n; i++)
			pass_byte(&p, buf[i]);
	advise(p.start, p.end);
	syscall(SYS_close, fd);
}

static void pass_maybe(void)
{
	const int saved = errno;
	const pid_t self = (pid_t)syscall(SYS_getpid);
	pid_t owner = __atomic_load_n(&pass_owner, __ATOMIC_RELAXED);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec - __atomic_load_n(&pass_last, __ATOMIC_RELAXED) >= PASS_SECONDS &&
	    owner != self &&
	    __atomic_compare_exchange_n(&pass_owner, &owner, self, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		pass_all();
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
		__atomic_store_n(&pass_last, now.tv_sec, __ATOMIC_RELAXED);
		__atomic_store_n(&pass_owner, 0, __ATOMIC_RELEASE);
	}
	errno = saved;
}

/* The break: grown since the last look?  It never passes the same place unseen. */
static void look_at_break(void)
{
	const uintptr_t top = (uintptr_t)next.sbrk(0);
	const uintptr_t known = __atomic_load_n(&heap_top, __ATOMIC_RELAXED);

	if (LIKELY(top == known) || top == (uintptr_t)-1)
		return;
	__atomic_store_n(&heap_top, top, __ATOMIC_RELAXED);
	if (!heap_start || top < heap_start)
		heap_start = known && known < top ? known : top;
	if (top > known)
		advise(known ? known : heap_start, top);
}

/* The first block of an arena's heap: all of it, it does not grow beyond. */
static void look_at_arena(uintptr_t p)
{
	const uintptr_t arena = p >> ARENA_SHIFT;
	unsigned int n = __atomic_load_n(&arenas_n, __ATOMIC_ACQUIRE);

	last_arena = arena;
	for (unsigned int i = 0; i < n && i < ARENAS_SEEN; i++)
		if (arenas[i] == arena)
			return;
	advise(arena << ARENA_SHIFT, (arena + 1) << ARENA_SHIFT);
	/* A slot too many is a slot lost, no more: the pass takes care of the rest. */
	if (n < ARENAS_SEEN) {
		arenas[n] = arena;
		__atomic_store_n(&arenas_n, n + 1, __ATOMIC_RELEASE);
	}
}

static void allocated(const void *block, size_t n)
{
	const uintptr_t p = (uintptr_t)block;

	if (!block || !page_mask)
		return;
	look_at_break();
	if (p < heap_start || p >= heap_top) {
		if (n >= LARGE)
			advise(p - 1, p + n);
		else if (!LIKELY(p >> ARENA_SHIFT == last_arena))
			look_at_arena(p);
	}
	if (!LIKELY(++calls % CALLS_PER_LOOK))
		pass_maybe();
}

__attribute__((constructor)) static void start(void)
{
	const int saved = errno;

	if (!next.malloc)
		resolve();
	heap_top = next.sbrk ? (uintptr_t)next.sbrk(0) : 0;
	heap_start = heap_top;
	page_mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	pass_maybe();
	errno = saved;
}

/* ------------------------------------------------------------------ */
/* what a program calls							*/

static bool is_candidate(int flags)
{
	return (flags & MAP_TYPE) == MAP_PRIVATE && !(flags & MAP_HUGETLB);
}

static void mapped(void *p, size_t len, int flags)
{
	if (p != MAP_FAILED && is_candidate(flags))
		advise((uintptr_t)p, (uintptr_t)p + len);
}

EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	void *p;

	if (!next.mmap)
		resolve();
	p = next.mmap(addr, len, prot, flags, fd, off);
	mapped(p, len, flags);
	return p;
}

EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	void *p;

	if (!next.mmap64)
		resolve();
	p = next.mmap64(addr, len, prot, flags, fd, off);
	mapped(p, len, flags);
	return p;
}

/* A mapping that moves or grows keeps the advice; one of before the start may lack it. */
EXPORT void *mremap(void *old, size_t old_len, size_t len, int flags, ...)
{
	void *p, *fixed = NULL;
	va_list ap;

	if (!next.mremap)
		resolve();
	va_start(ap, flags);
	if (flags & ~MREMAP_MAYMOVE)
		fixed = va_arg(ap, void *);
	va_end(ap);
	p = next.mremap(old, old_len, len, flags, fixed);
	if (p != MAP_FAILED)
		advise((uintptr_t)p, (uintptr_t)p + len);
	return p;
}

EXPORT int brk(void *addr)
{
	int rc;

	if (!next.brk)
		resolve();
	rc = next.brk(addr);
	if (!rc && page_mask)
		look_at_break();
	return rc;
}

EXPORT void *sbrk(intptr_t by)
{
	void *p;

	if (!next.sbrk)
		resolve();
	p = next.sbrk(by);
	if (by && p != (void *)-1 && page_mask)
		look_at_break();
	return p;
}

EXPORT void *malloc(size_t n)
{
	void *p;

	if (!LIKELY(next.malloc)) {
		resolve();
		if (!next.malloc)
			return nursery_get(n);
	}
	p = next.malloc(n);
	allocated(p, n);
	return p;
}

EXPORT void *calloc(size_t n, size_t size)
{
	void *p;
	size_t all;

	if (!LIKELY(next.calloc)) {
		resolve();
		if (!next.calloc)
			return __builtin_mul_overflow(n, size, &all) ? NULL : nursery_get(all);
	}
	p = next.calloc(n, size);
	if (p)
		allocated(p, n * size);
	return p;
}

EXPORT void *realloc(void *old, size_t n)
{
	void *p;

	if (!LIKELY(next.realloc))
		resolve();
	if (in_nursery(old)) {
		const size_t room = nursery_size(old);

		p = malloc(n);
		if (p)
			memcpy(p, old, n < room ? n : room);
		return p;
	}
	p = next.realloc(old, n);
	allocated(p, n);
	return p;
}

EXPORT void *memalign(size_t align, size_t n)
{
	void *p;

	if (!next.memalign)
		resolve();
	p = next.memalign(align, n);
	allocated(p, n);
	return p;
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
	void *p;

	if (!next.aligned_alloc)
		resolve();
	p = next.aligned_alloc(align, n);
	allocated(p, n);
	return p;
}

EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
	int rc;

	if (!next.posix_memalign)
		resolve();
	rc = next.posix_memalign(out, align, n);
	if (!rc)
		allocated(*out, n);
	return rc;
}

EXPORT void *valloc(size_t n)
{
	void *p;

	if (!next.valloc)
		resolve();
	p = next.valloc(n);
	allocated(p, n);
	return p;
}

/* Not every C library has these two, nor declares them. */
void *pvalloc(size_t n);
void *reallocarray(void *old, size_t n, size_t size);

EXPORT void *pvalloc(size_t n)
{
	void *p;

	if (!next.pvalloc)
		resolve();
	if (!next.pvalloc) {
		errno = ENOMEM;
		return NULL;
	}
	p = next.pvalloc(n);
	allocated(p, n);
	return p;
}

/* The C library's own calls its own realloc(), which knows nothing of the nursery. */
EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, all);
}

EXPORT size_t malloc_usable_size(void *p)
{
	if (in_nursery(p))
		return nursery_size(p);
	if (!LIKELY(next.usable))
		resolve();
	return next.usable ? next.usable(p) : 0;
}

EXPORT void free(void *p)
{
	if (in_nursery(p))
		return;
	if (!LIKELY(next.free))
		resolve();
	next.free(p);
}
