// SPDX-License-Identifier: GPL-2.0-only
/*
 * Merging a batch: write-protect, compare, replace. The only file of the
 * engine that changes page table entries.
 *
 * What makes a wrong merge impossible: every page of a pair is locked, its
 * entry was written by merge_protect() after a flush and a check that nobody
 * holds a reference through which it could be written, or was found to be such
 * an entry already, and only then are the pages compared. The entry is replaced
 * if, under the page table lock, it is still the one that merge_protect() left.
 * Whoever wants to write in between faults, cannot take over a locked folio, and
 * changes the entry.
 *
 * MMU notifiers are told of what is between the first and the last item of a run,
 * and that is flushed: a batch that is scattered over a page table is several runs.
 */
/* flush_tlb_range() of some architectures looks into huge page states. */
#include <linux/hugetlb.h>
#include <linux/mmu_notifier.h>
#include <trace/events/ksm.h>

#include <asm/tlbflush.h>

#include "compare.h"
#include "digest.h"
#include "hold.h"
#include "merge.h"
#include "peers.h"
#include "policy.h"

/*
 * How many pages that are no items may be between two of a run. What they lose by it
 * comes back with a fault of the guest each, or a miss of the TLB; to make two runs
 * of one takes an interrupt of all processors the mm runs on.
 */
#define MERGE_GAP	8

/* How many of the items, which are in address order, make the first run. */
static unsigned int merge_run(struct hksm_item **v, unsigned int n)
{
	unsigned int i;

	for (i = 1; i < n; i++)
		if (v[i]->addr - v[i - 1]->addr > (MERGE_GAP + 1) * PAGE_SIZE)
			break;
	return i;
}

static pte_t *merge_lock_table(struct mm_struct *mm, unsigned long addr,
			       spinlock_t **ptl)
{
	pmd_t *pmd = mm_find_pmd(mm, addr);

	return pmd ? pte_offset_map_lock(mm, pmd, addr, ptl) : NULL;
}

/* Tell MMU notifiers what is going to change. Return: for merge_tell_end(). */
static u64 merge_tell_begin(struct mmu_notifier_range *mn, struct mm_struct *mm,
			    unsigned long start, unsigned long end)
{
	u64 since = hksm_hold_begin_notifier(mm);

	mmu_notifier_range_init(mn, MMU_NOTIFY_CLEAR, 0, mm, start, end);
	mmu_notifier_invalidate_range_start(mn);
	return since;
}

static void merge_tell_end(struct hksm *h, struct mmu_notifier_range *mn,
			   struct mm_struct *mm, u64 since)
{
	mmu_notifier_invalidate_range_end(mn);
	hksm_hold_notifier(h, mm, mn->start, mn->end, since);
}

/* References an otherwise unused folio has: mappings, swap cache, ours. */
static bool merge_is_pinned(struct folio *folio)
{
	return folio_mapcount(folio) + folio_test_swapcache(folio) + 1 !=
	       folio_ref_count(folio);
}

/* May this entry be the one of the item, as far as the item knows? */
static bool merge_entry_fits(pte_t pte, struct hksm_item *item)
{
	return pte_present(pte) && !pte_uffd(pte) &&
	       pte_pfn(pte) == page_to_pfn(item->page);
}

/* Second half, after the flush: the entry of the item is clear. */
static void merge_protect_one(struct hksm *h, struct vm_area_struct *vma,
			      struct hksm_item *item, pte_t *ptep)
{
	struct folio *folio = page_folio(item->page);
	pte_t pte = item->pte;

	if (merge_is_pinned(folio) ||
	    (PageAnonExclusive(item->page) &&
	     folio_try_share_anon_rmap_pte(folio, item->page))) {
		set_pte_at(vma->vm_mm, item->addr, ptep, pte);
		atomic_long_inc(&h->pins);
		return;
	}
	if (pte_dirty(pte))
		folio_mark_dirty(folio);
	pte = pte_mkclean(pte);
	if (pte_write(pte))
		pte = pte_wrprotect(pte);
	set_pte_at(vma->vm_mm, item->addr, ptep, pte);
	item->pte = pte;
	item->wp = true;
}

/*
 * The items whose entries are like that already: no processor and no MMU notifier
 * has to hear of what does not change. Return: how many others there are, @rest.
 */
static unsigned int merge_protected(struct hksm *h, struct vm_area_struct *vma,
				    struct hksm_item **v, unsigned int n,
				    struct hksm_item **rest)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long start = v[0]->addr;
	unsigned int i, left = 0;
	spinlock_t *ptl;
	pte_t *table;
	u64 since;

	table = merge_lock_table(mm, start, &ptl);
	if (!table)
		return 0;
	since = hksm_hold_begin_ptl(n);
	flush_tlb_batched_pending(mm);
	for (i = 0; i < n; i++) {
		struct hksm_item *item = v[i];
		pte_t pte = ptep_get(table +
				     ((item->addr - start) >> PAGE_SHIFT));

		if (!merge_entry_fits(pte, item))
			continue;
		if (pte_write(pte) || pte_dirty(pte) ||
		    PageAnonExclusive(item->page) || mm_tlb_flush_pending(mm)) {
			rest[left++] = item;
			continue;
		}
		item->pte = pte;
		item->wp = true;
	}
	hksm_hold_ptl(h, mm, start, n, since);
	pte_unmap_unlock(table, ptl);
	return left;
}

/* The others, of one run. */
static void merge_protect_run(struct hksm *h, struct vm_area_struct *vma,
			      struct hksm_item **v, unsigned int n)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long start = v[0]->addr, end = v[n - 1]->addr + PAGE_SIZE;
	DECLARE_BITMAP(cleared, HKSM_BATCH) = { 0 };
	struct mmu_notifier_range mn;
	u64 told, since;
	unsigned int i;
	spinlock_t *ptl;
	pte_t *table;

	told = merge_tell_begin(&mn, mm, start, end);
	table = merge_lock_table(mm, start, &ptl);
	if (!table)
		goto end;
	since = hksm_hold_begin_ptl(n);
	flush_tlb_batched_pending(mm);

	for (i = 0; i < n; i++) {
		struct hksm_item *item = v[i];
		pte_t *ptep = table + ((item->addr - start) >> PAGE_SHIFT);
		pte_t pte = ptep_get(ptep);

		if (!merge_entry_fits(pte, item))
			continue;
		flush_cache_page(vma, item->addr, pte_pfn(pte));
		item->pte = ptep_get_and_clear(mm, item->addr, ptep);
		__set_bit(i, cleared);
	}
	if (!bitmap_empty(cleared, n))
		flush_tlb_range(vma, start, end);
	for_each_set_bit(i, cleared, n) {
		struct hksm_item *item = v[i];

		merge_protect_one(h, vma, item,
				  table + ((item->addr - start) >> PAGE_SHIFT));
	}
	hksm_hold_ptl(h, mm, start, n, since);
	pte_unmap_unlock(table, ptl);
end:
	merge_tell_end(h, &mn, mm, told);
}

/*
 * Write-protect items of one page table, in address order. Entries of a run are
 * cleared, flushed with one flush, and only then are references counted: a pin
 * taken before the flush is seen, one after it finds no entry.
 */
static void merge_protect(struct hksm *h, struct vm_area_struct *vma,
			  struct hksm_item **v, unsigned int n)
{
	struct hksm_item *rest[HKSM_BATCH];
	unsigned int i, len;

	n = merge_protected(h, vma, v, n, rest);
	for (i = 0; i < n; i += len) {
		len = merge_run(rest + i, n - i);
		merge_protect_run(h, vma, rest + i, len);
	}
}

/* The entry that maps what the item's page is merged into. */
static pte_t merge_new_entry(struct vm_area_struct *vma, struct hksm_item *item,
			     struct page *page)
{
	bool zero = is_zero_pfn(page_to_pfn(page));
	pte_t pte;

	/* A special and dirty entry of the zero page is KSM's mark for it. */
	if (zero)
		pte = pte_mkdirty(pte_mkspecial(pfn_pte(page_to_pfn(page),
							vma->vm_page_prot)));
	else
		pte = mk_pte(page, vma->vm_page_prot);
	if (pte_soft_dirty(item->pte))
		return pte_mksoft_dirty(pte);
	return zero ? pte_clear_soft_dirty(pte) : pte;
}

static struct page *merge_target_page(struct hksm_scanner *sc,
				      struct hksm_item *item)
{
	return sc->target[item->target].page;
}

static void merge_replace_one(struct vm_area_struct *vma,
			      struct hksm_item *item, struct page *page,
			      pte_t *ptep)
{
	struct folio *folio = page_folio(item->page);
	struct mm_struct *mm = vma->vm_mm;

	if (is_zero_pfn(page_to_pfn(page))) {
		ksm_map_zero_page(mm);
		dec_mm_counter(mm, MM_ANONPAGES);
	} else {
		folio_get(page_folio(page));
		folio_add_anon_rmap_pte(page_folio(page), page, vma,
					item->addr, RMAP_NONE);
	}
	set_pte_at(mm, item->addr, ptep, merge_new_entry(vma, item, page));
	folio_remove_rmap_pte(folio, item->page, vma);
	/* The reference of the entry; the batch holds another one. */
	folio_put(folio);
	item->replaced = true;
}

/* Map the items of one run to their targets. */
static void merge_replace_run(struct hksm_scanner *sc, struct hksm_item **v,
			      unsigned int n)
{
	struct vm_area_struct *vma = sc->vma;
	struct mm_struct *mm = vma->vm_mm;
	unsigned long start = v[0]->addr, end = v[n - 1]->addr + PAGE_SIZE;
	DECLARE_BITMAP(cleared, HKSM_BATCH) = { 0 };
	struct mmu_notifier_range mn;
	u64 told, since;
	unsigned int i;
	spinlock_t *ptl;
	pte_t *table;

	told = merge_tell_begin(&mn, mm, start, end);
	table = merge_lock_table(mm, start, &ptl);
	if (!table)
		goto end;
	since = hksm_hold_begin_ptl(n);
	for (i = 0; i < n; i++) {
		struct hksm_item *item = v[i];
		pte_t *ptep = table + ((item->addr - start) >> PAGE_SHIFT);

		if (!pte_same(ptep_get(ptep), item->pte))
			continue;
		flush_cache_page(vma, item->addr, pte_pfn(item->pte));
		ptep_get_and_clear(mm, item->addr, ptep);
		__set_bit(i, cleared);
	}
	/* Break before make: no processor may know both entries. */
	if (!bitmap_empty(cleared, n))
		flush_tlb_range(vma, start, end);
	for_each_set_bit(i, cleared, n)
		merge_replace_one(vma, v[i], merge_target_page(sc, v[i]),
				  table + ((v[i]->addr - start) >> PAGE_SHIFT));
	hksm_hold_ptl(sc->h, mm, start, n, since);
	pte_unmap_unlock(table, ptl);
end:
	merge_tell_end(sc->h, &mn, mm, told);
}

/* Map the items of one page table, in address order, to their targets. */
static void merge_replace(struct hksm_scanner *sc, struct hksm_item **v,
			  unsigned int n)
{
	unsigned int i, len;

	for (i = 0; i < n; i += len) {
		len = merge_run(v + i, n - i);
		merge_replace_run(sc, v + i, len);
	}
}

/* Is the folio one that a page of this batch belongs to? */
static bool merge_in_batch(struct hksm_scanner *sc, struct folio *folio)
{
	unsigned int i;

	for (i = 0; i < sc->nr; i++)
		if (sc->item[i].page && page_folio(sc->item[i].page) == folio)
			return true;
	return false;
}

/*
 * Get the page at the place of a target, referenced. Return: its folio, NULL
 * when there is nothing that can be merged.
 */
static struct folio *merge_peer_page(struct hksm_scanner *sc,
				     struct hksm_target *t,
				     struct vm_area_struct *vma)
{
	struct folio *folio = NULL;
	struct page *page;
	spinlock_t *ptl;
	pte_t *ptep, pte;
	u64 since;

	ptep = merge_lock_table(vma->vm_mm, t->peer.addr, &ptl);
	if (!ptep)
		return NULL;
	since = hksm_hold_begin_ptl(1);
	pte = ptep_get(ptep);
	page = pte_present(pte) && !pte_uffd(pte) ?
		vm_normal_page(vma, t->peer.addr, pte) : NULL;
	if (page) {
		folio = page_folio(page);
		/* The same folio, by fork: there is nothing to merge. */
		if (folio_is_zone_device(folio) || !folio_test_anon(folio) ||
		    folio_test_ksm(folio) || PageHWPoison(page) ||
		    merge_in_batch(sc, folio)) {
			folio = NULL;
		} else {
			folio_get(folio);
			t->peer.page = page;
		}
	}
	hksm_hold_ptl(sc->h, vma->vm_mm, t->peer.addr, 1, since);
	pte_unmap_unlock(ptep, ptl);
	return folio;
}

/*
 * Who splits a large folio maps the blank pages of it to the zero page, without
 * the mark by which one that KSM placed is known when it goes. Here it was KSM,
 * so the entries get the mark, and are counted. Nothing else of them changes.
 */
static unsigned int merge_mark_zeroes(struct hksm *h, struct vm_area_struct *vma,
				      unsigned long addr, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	pte_t *table, *ptep, pte, new;
	unsigned long first = addr;
	unsigned int n = 0;
	spinlock_t *ptl;
	u64 since;

	table = merge_lock_table(mm, addr, &ptl);
	if (!table)
		return 0;
	since = hksm_hold_begin();
	for (ptep = table; addr < end; ptep++, addr += PAGE_SIZE) {
		pte = ptep_get(ptep);
		if (!pte_present(pte) || !is_zero_pfn(pte_pfn(pte)) ||
		    pte_uffd(pte) || is_ksm_zero_pte(pte))
			continue;
		new = pte_mkdirty(pte);
		if (!pte_soft_dirty(pte))
			new = pte_clear_soft_dirty(new);
		ptep_set_access_flags(vma, addr, ptep, new, 1);
		ksm_map_zero_page(mm);
		n++;
	}
	hksm_hold_ptl(h, mm, first, ptep - table, since);
	pte_unmap_unlock(table, ptl);
	return n;
}

/**
 * hksm_merge_split() - split a large folio, because only small ones merge
 * @h: the engine
 * @vma: an area that maps it, with the mmap_lock held
 * @addr: where it maps @page
 * @page: a page of it; the caller's is the only reference but for mappings
 *
 * Blank pages are freed by that. Those of the page table of @addr are counted as
 * merged by the caller; what other areas, or processes by fork, map of the folio
 * is not.
 *
 * Context: may sleep; the lock of the folio is only tried for.
 * Return: how many blank pages were freed, and the reference is the page's
 * then; -EBUSY when the folio was not split.
 */
int hksm_merge_split(struct hksm *h, struct vm_area_struct *vma,
		     unsigned long addr, struct page *page)
{
	struct folio *folio = page_folio(page);
	unsigned long start, end, before, after;
	int err = -EBUSY;
	u64 since = 0;

	before = folio_page_idx(folio, page);
	after = folio_nr_pages(folio) - before;
	if (!folio_trylock(folio))
		return err;
	if (trace_hksm_split_enabled())
		since = ktime_get_ns();
	if (!split_huge_page(page))
		err = 0;
	/* On success the lock, like the reference, is the page's. */
	folio_unlock(page_folio(page));
	if (since)
		trace_hksm_split(vma->vm_mm, addr, ktime_get_ns() - since, err);
	if (err)
		return err;
	start = max(addr & PMD_MASK, vma->vm_start);
	start = addr - min(addr - start, before * PAGE_SIZE);
	end = pmd_addr_end(addr, vma->vm_end);
	end = addr + min(end - addr, after * PAGE_SIZE);
	return merge_mark_zeroes(h, vma, start, end);
}

/*
 * Context for the record of a page that becomes a merged page. Its own anon_vma
 * covers all who map it, that of the area only those forked from here. @near is
 * the context of the area, and most often the one.
 */
static struct hksm_ctx *merge_ctx(struct hksm_slot *slot,
				  struct hksm_item *item, struct hksm_ctx *near,
				  gfp_t gfp)
{
	struct folio *folio = page_folio(item->page);

	if (near && near->anon_vma == folio_anon_vma(folio)) {
		refcount_inc(&near->ref);
		return near;
	}
	return hksm_ctx_make(slot, folio_anon_vma(folio),
			     folio->index - (item->addr >> PAGE_SHIFT), gfp);
}

/* Lock the page that is to become a merged page, for merge_protect_peers(). */
static bool merge_peer_acquire(struct hksm_scanner *sc, struct hksm_target *t)
{
	struct hksm_slot *slot = t->range->slot;
	struct hksm_item *peer = &t->peer;
	struct vm_area_struct *vma;
	struct folio *folio;
	int freed;

	vma = vma_lookup(slot->mm, peer->addr);
	if (!vma || !(vma->vm_flags & VM_MERGEABLE) || !vma->anon_vma)
		return false;
	folio = merge_peer_page(sc, t, vma);
	if (!folio)
		return false;
	if (folio_test_large(folio)) {
		/* Whether it is worth that is found out where it is scanned. */
		if (hksm_policy_split(READ_ONCE(sc->h->split_min),
				      folio_nr_pages(folio),
				      PMD_SIZE / PAGE_SIZE) > 1)
			return false;
		/* Walk again: the split went through the entry, too. */
		freed = hksm_merge_split(sc->h, vma, peer->addr, peer->page);
		if (freed >= 0) {
			atomic_long_add(freed, &sc->h->merges);
			folio_put(page_folio(peer->page));
			peer->page = NULL;
			folio = merge_peer_page(sc, t, vma);
			if (!folio)
				return false;
		}
	}
	t->page = peer->page;
	if (folio_test_large(folio) || !folio_trylock(folio))
		return false;
	peer->locked = true;
	if (folio_test_large(folio) || !folio_test_anon(folio) ||
	    folio_test_ksm(folio) || PageHWPoison(peer->page))
		return false;
	t->ctx = merge_ctx(slot, peer, NULL, HKSM_META_GFP);
	t->vma = vma;
	return t->ctx;
}

/* Lock the folio of an item and make sure it is still what it was. */
static bool merge_item_lock(struct hksm_item *item)
{
	struct folio *folio = page_folio(item->page);

	if (!folio_trylock(folio))
		return false;
	item->locked = true;
	return folio_test_anon(folio) && !folio_test_ksm(folio) &&
	       !folio_test_large(folio) && !PageHWPoison(item->page);
}

static void merge_prefetch(struct page *page)
{
	const char *p = page_address(page);
	unsigned int off;

	if (PageHighMem(page))
		return;
	for (off = 0; off < PAGE_SIZE; off += 64)
		prefetch(p + off);
}

/*
 * Does the page still have the content it was looked up by? Both pages may have
 * been written since, and with the same. Filed under the old key the node would
 * not be found by those it is for, and would be by those it is not for.
 */
static bool merge_has_key(struct hksm *h, struct page *page, int nid, u64 key)
{
	void *p = kmap_local_page(page);
	u64 digest = hksm_digest(&h->key, p, p);

	kunmap_local(p);
	return hksm_key(h, digest, nid) == key;
}

static struct hksm_node *merge_target_node(struct hksm_target *t)
{
	return hksm_folio_node(page_folio(t->page));
}

/*
 * Is a merged page a target of this round? It may still have room, which is for
 * items that come later.
 */
static bool merge_knows_node(struct hksm_node *node, void *arg)
{
	struct hksm_scanner *sc = arg;
	unsigned int i;

	for (i = 0; i < sc->nr_targets; i++) {
		struct hksm_target *t = &sc->target[i];

		if ((t->kind == HKSM_T_STABLE || t->promoted) &&
		    merge_target_node(t) == node)
			return true;
	}
	return false;
}

/*
 * Turn the page of a target into a merged page: file the node, add the record
 * of the page itself, and only then let the folio point at the node. The
 * frame number comes last; without it nobody looks through the keyhole.
 */
static bool merge_promote(struct hksm_scanner *sc, struct hksm_target *t)
{
	bool peer = t->kind == HKSM_T_PEER;
	struct hksm_item *item = peer ? &t->peer : &sc->item[t->lead];
	struct hksm_range *range = peer ? t->range : sc->range;
	struct hksm_node *node = t->node;
	struct folio *folio = page_folio(item->page);
	struct hksm *h = sc->h;
	struct mm_struct *mm = range->slot->mm;
	u64 m;

	/* It may have moved to another NUMA node since it was hashed. */
	node->nid = hksm_nid(h, folio_pfn(folio));
	if (node->nid != t->nid ||
	    !merge_has_key(h, item->page, t->nid, t->key) ||
	    !hksm_folio_keep(folio))
		return false;
	if (!peer)
		t->ctx = merge_ctx(sc->slot, item, sc->ctx,
				   GFP_NOWAIT | __GFP_NOWARN);
	if (!t->ctx || hksm_stable_file(h, node, t->key, merge_knows_node, sc))
		return false;
	item->rec = hksm_rec_add(h, node, t->ctx, item->addr, false);
	if (WARN_ON_ONCE(!item->rec))
		return false;
	folio_mark_dirty(folio);
	VM_WARN_ON_FOLIO(PageAnonExclusive(item->page), folio);
	t->anon = folio->mapping;
	hksm_folio_tag(folio, node);
	/* Who has the frame number finds the tag. */
	smp_store_release(&node->kpfn, folio_pfn(folio));
	t->node = NULL;
	t->promoted = true;

	m = peer ? hksm_meta_read(range, item->idx) : item->meta;
	m = hksm_meta_become(m, HKSM_MERGED, hksm_rec_payload(node, item->rec));
	hksm_meta_write(range, item->idx,
			hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 0));
	if (!peer)
		item->verdict = HKSM_V_DONE;
	trace_ksm_merge_one_page(folio_pfn(folio), item->rec, mm, 0);
	return true;
}

/*
 * Nobody joined: make the merged page an ordinary one again, or its owner would
 * have to copy it at the next write, and it would count as shared until then.
 *
 * Reverse walks that begin without the lock ask twice what kind of folio it is
 * (folio_referenced(), then rmap_walk(), in mm/rmap.c). Who was told "ordinary"
 * before the tag was there may be reading the node now. He has had a reference
 * since then; so with one that is not accounted for, the folio stays what it is.
 */
static void merge_demote(struct hksm_scanner *sc, struct hksm_target *t)
{
	bool peer = t->kind == HKSM_T_PEER;
	struct hksm_item *item = peer ? &t->peer : &sc->item[t->lead];
	struct folio *folio = page_folio(item->page);
	struct hksm_node *node = hksm_folio_node(folio);

	if (merge_is_pinned(folio))
		return;
	WRITE_ONCE(folio->mapping, t->anon);
	hksm_node_drop(sc->h, node);
	item->rec = NULL;
	if (peer) {
		u64 m = hksm_meta_read(t->range, item->idx);

		hksm_meta_write(t->range, item->idx,
				hksm_meta_become(m, HKSM_SEEN, t->key));
	} else {
		item->verdict = HKSM_V_SOON;
	}
}

/* What every target needs that can sleep or fail for want of memory. */
static bool merge_prepare(struct hksm_scanner *sc)
{
	if (!sc->ctx)
		sc->ctx = hksm_ctx_get(sc->slot, sc->vma);
	return sc->ctx;
}

/**
 * hksm_merge_prepare() - allocate what a batch may need
 * @sc: the scanner, before it holds the lock of any folio
 *
 * With less than that, pages are merged in a later pass.
 *
 * Context: may sleep; no folio lock held.
 */
void hksm_merge_prepare(struct hksm_scanner *sc)
{
	while (sc->nr_spare < HKSM_BATCH) {
		struct hksm_node *node;

		node = hksm_node_alloc(sc->h, GFP_NOWAIT | __GFP_NOWARN);
		if (!node) {
			/* Nobody else's mm is kept locked over reclaim. */
			hksm_peers_release(sc);
			node = hksm_node_alloc(sc->h, HKSM_META_GFP);
		}
		if (!node)
			return;
		sc->spare[sc->nr_spare++] = node;
	}
}

/* Collect the items of a verdict that pass a test, in address order. */
static unsigned int merge_lock_items(struct hksm_scanner *sc,
				     struct hksm_item **v)
{
	unsigned int i, n = 0;

	for (i = 0; i < sc->nr; i++) {
		struct hksm_item *item = &sc->item[i];

		if (item->verdict != HKSM_V_JOIN &&
		    item->verdict != HKSM_V_LEAD)
			continue;
		if (sc->target[item->target].dead)
			continue;
		if (merge_item_lock(item))
			v[n++] = item;
	}
	return n;
}

/* The comparison that decides; what was known before only proposes. */
static bool merge_is_identical(struct hksm_item *item, struct hksm_target *t)
{
	const void *page;
	bool same;

	/* It knows of tags that go with a page and are not among its bytes. */
	if (IS_ENABLED(CONFIG_ARM64_MTE))
		return pages_identical(item->page, t->page);
	page = kmap_local_page(item->page);
	if (t->kind == HKSM_T_ZERO) {
		same = hksm_blank(page, page);
	} else {
		const void *target = kmap_local_page(t->page);

		same = hksm_same(page, target);
		kunmap_local(target);
	}
	kunmap_local(page);
	return same;
}

/* What is left of the protected items once the pages were compared. */
static unsigned int merge_compare(struct hksm_scanner *sc, struct hksm_item **v,
				  unsigned int n)
{
	unsigned int i, good = 0;

	for (i = 0; i < n; i++) {
		struct hksm_item *item = v[i];
		struct hksm_target *t = &sc->target[item->target];

		if (item->verdict != HKSM_V_JOIN || !item->wp || t->dead)
			continue;
		if (i + 1 < n && v[i + 1]->verdict == HKSM_V_JOIN &&
		    v[i + 1]->target != item->target &&
		    !sc->target[v[i + 1]->target].dead)
			merge_prefetch(merge_target_page(sc, v[i + 1]));
		if (!merge_is_identical(item, t)) {
			item->verdict = HKSM_V_SEEN;
			continue;
		}
		v[good++] = item;
	}
	return good;
}

/* Promote targets that are wanted, and reserve records for who wants them. */
static unsigned int merge_reserve(struct hksm_scanner *sc, struct hksm_item **v,
				  unsigned int n)
{
	struct hksm *h = sc->h;
	unsigned int i, good = 0;

	for (i = 0; i < n; i++) {
		struct hksm_item *item = v[i];
		struct hksm_target *t = &sc->target[item->target];

		if (t->kind == HKSM_T_ITEM || t->kind == HKSM_T_PEER) {
			if (!t->dead && !t->promoted && !merge_promote(sc, t))
				t->dead = true;
			if (t->dead)
				continue;
		}
		if (t->kind != HKSM_T_ZERO) {
			item->rec = hksm_rec_add(h, merge_target_node(t),
						 sc->ctx, item->addr, false);
			if (!item->rec) {
				item->verdict = HKSM_V_SOON;
				continue;
			}
		}
		v[good++] = item;
	}
	return good;
}

/* Write down what became of an item that got as far as merge_replace(). */
static void merge_settle(struct hksm_scanner *sc, struct hksm_item *item)
{
	struct hksm_target *t = &sc->target[item->target];
	struct hksm_node *node = t->kind == HKSM_T_ZERO ?
		NULL : merge_target_node(t);
	struct hksm *h = sc->h;
	unsigned long pfn = page_to_pfn(item->page);
	u64 m;

	trace_ksm_merge_with_ksm_page(t->page, pfn, item->rec, sc->slot->mm,
				      item->replaced ? 0 : -EFAULT);
	if (!item->replaced) {
		if (item->rec)
			hksm_rec_cancel(h, node, item->rec);
		item->rec = NULL;
		item->verdict = HKSM_V_SOON;
		return;
	}
	if (!folio_mapped(page_folio(item->page)))
		folio_free_swap(page_folio(item->page));
	sc->merges++;
	if (!node) {
		sc->zeroed = true;
		item->verdict = hksm_meta_get(item->meta,
					      HKSM_META_BACKOFF_SHIFT) ?
			HKSM_V_ZERO : HKSM_V_DROP;
		return;
	}
	m = hksm_meta_become(item->meta, HKSM_MERGED,
			     hksm_rec_payload(node, item->rec));
	hksm_meta_write(sc->range, item->idx,
			hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 0));
	hksm_policy_merged(&sc->range->heat);
	item->verdict = HKSM_V_DONE;
}

/* Does the batch, or a target behind this one, still need its range? */
static bool merge_range_used(struct hksm_scanner *sc, struct hksm_target *t)
{
	const struct hksm_target *other;

	if (t->range == sc->range)
		return true;
	for (other = t + 1; other < sc->target + sc->nr_targets; other++)
		if (other->range == t->range)
			return true;
	return false;
}

static void merge_release_target(struct hksm_scanner *sc, struct hksm_target *t)
{
	struct folio *folio;

	switch (t->kind) {
	case HKSM_T_STABLE:
		folio = page_folio(t->page);
		folio_unlock(folio);
		folio_put(folio);
		break;
	case HKSM_T_PEER:
		if (t->peer.page) {
			folio = page_folio(t->peer.page);
			if (t->peer.locked)
				folio_unlock(folio);
			folio_put(folio);
		}
		if (!merge_range_used(sc, t))
			hksm_range_disown(sc->h, t->range);
		break;
	default:
		break;
	}
	hksm_ctx_put(t->ctx);
	/* A spare node that was not promoted serves the next batch. */
	if (t->node) {
		if (t->node->filing || t->node->nr)
			hksm_node_drop(sc->h, t->node);
		else
			sc->spare[sc->nr_spare++] = t->node;
	}
}

/* Are the two in one page table and area, and in address order? */
static bool merge_follows(struct hksm_target *last, struct hksm_target *t)
{
	return last->range == t->range && last->vma == t->vma &&
	       last->peer.addr < t->peer.addr;
}

/* Those that are in one page table together, as far as they follow each other. */
static void merge_protect_peers(struct hksm_scanner *sc)
{
	struct hksm_target *last = NULL, *t;
	struct hksm_item *v[HKSM_BATCH];
	unsigned int n = 0;

	for (t = sc->target; t < sc->target + sc->nr_targets; t++) {
		if (t->kind != HKSM_T_PEER || t->dead)
			continue;
		if (n && !merge_follows(last, t)) {
			merge_protect(sc->h, last->vma, v, n);
			n = 0;
		}
		v[n++] = &t->peer;
		last = t;
	}
	if (n)
		merge_protect(sc->h, last->vma, v, n);
	for (t = sc->target; t < sc->target + sc->nr_targets; t++)
		if (t->kind == HKSM_T_PEER && !t->peer.wp)
			t->dead = true;
}

/* Nodes for the pages that may be promoted, and those pages themselves. */
static void merge_acquire_targets(struct hksm_scanner *sc)
{
	unsigned int i;

	for (i = 0; i < sc->nr_targets; i++) {
		struct hksm_target *t = &sc->target[i];

		if (t->kind != HKSM_T_ITEM && t->kind != HKSM_T_PEER)
			continue;
		if (!sc->nr_spare) {
			t->dead = true;
			continue;
		}
		t->node = sc->spare[--sc->nr_spare];
		if (t->kind == HKSM_T_PEER && !merge_peer_acquire(sc, t))
			t->dead = true;
	}
	merge_protect_peers(sc);
}

/**
 * hksm_merge_batch() - merge the items that found a target
 * @sc: the scanner; verdicts JOIN and LEAD are resolved, to RETRY when the
 *	target turned out not to be usable
 *
 * Folio locks of up to a batch of items and targets are held at once, all of
 * them taken by trylock.
 *
 * Context: may sleep; hksm.sem held, the slot of the scanner entered.
 */
void hksm_merge_batch(struct hksm_scanner *sc)
{
	struct hksm_item *v[HKSM_BATCH];
	unsigned int i, n = 0;

	if (!sc->nr_targets)
		return;
	if (!merge_prepare(sc)) {
		for (i = 0; i < sc->nr_targets; i++)
			sc->target[i].dead = true;
	} else {
		merge_acquire_targets(sc);
		n = merge_lock_items(sc, v);
	}
	if (n)
		merge_protect(sc->h, sc->vma, v, n);
	for (i = 0; i < sc->nr_targets; i++) {
		struct hksm_target *t = &sc->target[i];

		if (t->kind == HKSM_T_ITEM && !sc->item[t->lead].wp)
			t->dead = true;
	}
	n = merge_compare(sc, v, n);
	n = merge_reserve(sc, v, n);
	if (n)
		merge_replace(sc, v, n);
	for (i = 0; i < n; i++)
		merge_settle(sc, v[i]);
	for (i = 0; i < sc->nr_targets; i++) {
		struct hksm_target *t = &sc->target[i];

		if (!t->promoted)
			continue;
		if (merge_target_node(t)->nr == 1)
			merge_demote(sc, t);
		else
			folio_mark_accessed(page_folio(t->page));
	}

	for (i = 0; i < sc->nr; i++) {
		struct hksm_item *item = &sc->item[i];

		if (item->verdict == HKSM_V_JOIN)
			item->verdict = sc->target[item->target].dead ?
				HKSM_V_RETRY : HKSM_V_SOON;
		else if (item->verdict == HKSM_V_LEAD)
			item->verdict = HKSM_V_SOON;
		if (item->locked)
			folio_unlock(page_folio(item->page));
		item->locked = false;
		item->wp = false;
	}
	for (i = 0; i < sc->nr_targets; i++)
		merge_release_target(sc, &sc->target[i]);
	sc->nr_targets = 0;
	/* The next round may want others. */
	if (sc->nr_peers == HKSM_PEERS)
		hksm_peers_release(sc);
}
