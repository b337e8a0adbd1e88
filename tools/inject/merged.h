/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merged.h - which pages of another process are merged, or may be.
 */
#ifndef KSM_INJECT_MERGED_H
#define KSM_INJECT_MERGED_H

#include "inject/slice.h"
#include "libksm/libksm.h"

struct merged;

/* 0; -ESRCH, -EACCES and what else ksm_mem_open() says. */
int merged_open(struct ksm *k, pid_t pid, struct merged **out) __must_check;
/* NULL is fine. */
void merged_close(struct merged *m);

/*
 * Whether frames can be looked at, which takes root.  If not, every private page
 * that is there counts as one that may be merged.
 */
bool merged_is_exact(const struct merged *m);

/**
 * merged_read() - the runs of such pages from @at on
 * @end: behind @at
 * @runs: filled, ascending and apart from one another
 * @max: room in it
 * @n: how many there are
 * @until: up to where that is all of them; behind @at
 *
 * Return: 0 or -errno.  Of an address space that is gone there are none.
 */
int merged_read(struct merged *m, uint64_t at, uint64_t end, struct slice_run *runs, size_t max,
		size_t *n, uint64_t *until);

#endif /* KSM_INJECT_MERGED_H */
