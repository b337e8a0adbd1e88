// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much memory the engine takes, and may take.
 *
 * What it knows of pages that are not merged is no more than an investment, and is
 * charged to nobody's control group. So it can be limited: who asks here first are
 * those who make words of pages that had none, and tables that are larger. What a
 * page takes that is merged frees more than that, and is never refused; nor is what
 * keeps merged pages from being lost: the records of who got one by fork.
 */
#include "index.h"
#include "limit.h"

/**
 * hksm_meta_total() - bytes the engine uses for metadata
 * @h: the engine
 *
 * Context: any.
 */
unsigned long hksm_meta_total(struct hksm *h)
{
	return atomic_long_read(&h->meta_bytes) + hksm_index_bytes(h);
}

/**
 * hksm_meta_fits() - is there room for more under max_metadata?
 * @h: the engine
 * @bytes: how much more
 *
 * It is not reserved, so several who ask at a time go beyond it by as much.
 *
 * Context: any.
 */
bool hksm_meta_fits(struct hksm *h, unsigned long bytes)
{
	unsigned long max = READ_ONCE(h->max_metadata), total;

	if (!max)
		return true;
	total = hksm_meta_total(h);
	return total <= max && bytes <= max - total;
}
