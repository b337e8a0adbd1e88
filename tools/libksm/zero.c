// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zero.c - memory that stands in the kernel's zero page and that no counter shows.
 *
 * When a huge page is split, and merging one of its pages splits it, the kernel maps
 * its blank pages to the zero page (mm/huge_memory.c, Linux 6.12; try_to_map_unused_
 * to_zeropage()).  ksm_zero_pages and ksm_process_profit count only what ksmd put
 * there itself, so the page tables are asked.  What a program read and never wrote
 * stands there as well: it takes no memory either, and cannot be told apart.
 */
#include "libksm/internal.h"

#include <errno.h>

#include "util/num.h"

/* One question to the kernel, between two looks at the clock. */
#define PIECE (UINT64_C(1) << 30)

struct count {
	struct ksm_mem *mem;
	uint64_t deadline_ns;
	int64_t bytes;
};

static void add_range(uint64_t start, uint64_t end, unsigned int kind, void *arg)
{
	struct count *c = arg;

	if (kind & KSM_PAGE_ZEROPAGE)
		c->bytes = num_add_sat(c->bytes, (int64_t)MIN(end - start, (uint64_t)INT64_MAX));
}

static int add_vma(const struct ksm_vma *v, void *arg)
{
	struct count *c = arg;

	for (uint64_t at = v->start, to; v->mergeable && at < v->end; at = to) {
		int rc;

		if (c->deadline_ns && ksm_now_ns() >= c->deadline_ns)
			return -ETIME;
		to = v->end - at > PIECE ? at + PIECE : v->end;
		rc = ksm_mem_kinds(c->mem, at, to, add_range, c);
		if (rc)
			return rc;
	}
	return 0;
}

int ksm_zero_unseen(struct ksm *k, const struct ksm_proc *p, uint64_t deadline_ns, int64_t *bytes)
{
	struct count c = { .deadline_ns = deadline_ns };
	const int64_t counted = num_mul_sat(ksm_fig_or(p->ksm.zero_pages, 0), k->page_size);
	int rc = ksm_mem_open(k, p->pid, &c.mem);

	*bytes = 0;
	if (rc)
		return rc;
	rc = ksm_vmas_walk(k, p->pid, add_vma, &c);
	ksm_mem_close(c.mem);
	*bytes = MAX(num_add_sat(c.bytes, num_mul_sat(counted, -1)), 0);
	return rc;
}

bool ksm_proc_loses(const struct ksm_proc *p, int64_t unseen_bytes)
{
	return ksm_fig_has(p->ksm.profit_bytes) &&
	       num_add_sat(p->ksm.profit_bytes.v, unseen_bytes) <= -KSM_LOSS_MIN;
}
