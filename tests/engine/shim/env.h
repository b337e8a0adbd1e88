/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stand-in for kernel/mm/hksm/env.h, forced in front of everything with
 * -include, so that the pure files of the engine compile as a program. It
 * takes the real file's guard, which makes that one empty.
 */
#ifndef HKSM_ENV_H
#define HKSM_ENV_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

typedef struct {
	u64 key[2];
} siphash_key_t;

#define U16_MAX			UINT16_MAX
#define U32_MAX			UINT32_MAX
#define PAGE_SIZE		4096UL
typedef unsigned int gfp_t;

#define GFP_KERNEL		0
#define __GFP_ZERO		0
#define __GFP_NOWARN		0
#define __GFP_NORETRY		0
#define GENMASK_ULL(_h, _l)	((~0ULL << (_l)) & (~0ULL >> (63 - (_h))))
#define DIV_ROUND_UP(_n, _d)	(((_n) + (_d) - 1) / (_d))
#define round_down(_x, _y)	((_x) & ~((__typeof__(_x))(_y) - 1))
#define min(_a, _b)		((_a) < (_b) ? (_a) : (_b))
#define max(_a, _b)		((_a) > (_b) ? (_a) : (_b))
#define min_t(_t, _a, _b)	((_t)(_a) < (_t)(_b) ? (_t)(_a) : (_t)(_b))
#define __aligned(_n)		__attribute__((aligned(_n)))
/* Without a message too, which C has since 2023. */
#undef static_assert
#define static_assert(_x, ...)	shim_assert(_x, ##__VA_ARGS__, #_x)
#define shim_assert(_x, _text, ...)	_Static_assert(_x, _text)
#define READ_ONCE(_x)		(*(const volatile __typeof__(_x) *)&(_x))
#define WRITE_ONCE(_x, _v)	(*(volatile __typeof__(_x) *)&(_x) = (_v))
#define prefetch(_p)		__builtin_prefetch(_p)
#define prefetchw(_p)		__builtin_prefetch(_p, 1)
#define clamp(_x, _a, _b)	min(max(_x, _a), _b)
/* One thread: the compiler alone could change the order. */
#define smp_rmb()		__asm__ volatile("" ::: "memory")
#define smp_wmb()		__asm__ volatile("" ::: "memory")

/* Tests set this to make the next allocation fail. */
extern bool shim_no_memory;

static inline void *vmalloc_huge(unsigned long size, gfp_t gfp)
{
	(void)gfp;
	return shim_no_memory ? NULL : calloc(1, size);
}

static inline void *kvzalloc(size_t size, gfp_t gfp)
{
	return size > INT_MAX ? NULL : vmalloc_huge(size, gfp);
}

static inline void kvfree(void *p)
{
	free(p);
}

/* One processor. */
#define __percpu
#define alloc_percpu_gfp(_type, _gfp)	((_type *)vmalloc_huge(sizeof(_type), _gfp))
#define free_percpu(_p)			free(_p)
#define this_cpu_ptr(_p)		(_p)
#define per_cpu_ptr(_p, _cpu)		((void)(_cpu), (_p))
#define for_each_possible_cpu(_cpu)	for ((_cpu) = 0; (_cpu) < 1; (_cpu)++)

typedef struct {
	long counter;
} atomic_long_t;

static inline long atomic_long_read(const atomic_long_t *v)
{
	return v->counter;
}

static inline void atomic_long_set(atomic_long_t *v, long n)
{
	v->counter = n;
}

static inline void atomic_long_add(long n, atomic_long_t *v)
{
	v->counter += n;
}

static inline void atomic_long_inc(atomic_long_t *v)
{
	v->counter++;
}

/* Nobody else may have it, and whoever locks it lets go of it. */
static inline void bit_spin_lock(int bit, unsigned long *word)
{
	assert(!(*word >> bit & 1));
	*word |= 1UL << bit;
}

static inline void __bit_spin_unlock(int bit, unsigned long *word)
{
	assert(*word >> bit & 1);
	*word &= ~(1UL << bit);
}

void get_random_bytes(void *buf, size_t len);
u64 siphash_3u64(u64 a, u64 b, u64 c, const siphash_key_t *key);

#endif /* HKSM_ENV_H */
