// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large areas with little in them: what is not mapped is jumped over by the
 * level of the page tables at which nothing is there, so that it costs what the
 * tables cost, not what the addresses are. What has been looked at in vain is
 * counted, for whoever has to share his time.
 */
#include <linux/pgtable.h>

#include "walk.h"

/**
 * hksm_skip_hole() - go on to where something may be mapped
 * @mm: mmap_lock held
 * @addr: where to begin
 * @end: where to end at the latest
 * @entries: how many entries may be looked at in vain; is counted down
 *
 * Context: mmap_lock held; does not sleep.
 * Return: the first address at or after @addr that has a page table or a huge
 * page, @end if none has, or as far as @entries went.
 */
unsigned long hksm_skip_hole(struct mm_struct *mm, unsigned long addr,
			     unsigned long end, unsigned int *entries)
{
	for (; addr < end && *entries; --*entries) {
		pgd_t *pgd = pgd_offset(mm, addr);
		unsigned long next;
		p4d_t *p4d;
		pud_t *pud;
		pmd_t *pmd;

		/* A level that is folded ends where the one above it does. */
		next = pgd_addr_end(addr, end);
		if (!pgd_present(pgdp_get(pgd)))
			goto skip;
		p4d = p4d_offset(pgd, addr);
		next = p4d_addr_end(addr, next);
		if (!p4d_present(p4dp_get(p4d)))
			goto skip;
		pud = pud_offset(p4d, addr);
		next = pud_addr_end(addr, next);
		if (!pud_present(pudp_get(pud)))
			goto skip;
		pmd = pmd_offset(pud, addr);
		next = pmd_addr_end(addr, next);
		if (!pmd_none(pmdp_get_lockless(pmd)))
			return addr;
skip:
		addr = next;
	}
	return addr;
}
