/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only kernel headers the pure files (compare.c, digest.c, table.c, dual.c,
 * cand.c, family.c and policy.c) see. tests/engine/shim/env.h of the repository stands
 * in for this file when they are compiled as ordinary programs, so whatever is
 * added here has to be added there.
 */
#ifndef HKSM_ENV_H
#define HKSM_ENV_H

#include <asm/barrier.h>
#include <asm/processor.h>
#include <linux/atomic.h>
#include <linux/bit_spinlock.h>
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/prefetch.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/vmalloc.h>

#endif /* HKSM_ENV_H */
