// SPDX-License-Identifier: GPL-2.0-only
/*
 * One batch: walk part of a page table, sort out what needs nothing, hash the
 * rest, look for partners, have them merged, and write the meta words.
 *
 * Work that every page costs is in scan_collect(), under one page table lock;
 * what only some pages need comes after it and may sleep.
 */
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagewalk.h>
#include <linux/swap.h>

#include "compare.h"
#include "digest.h"
#include "hold.h"
#include "index.h"
#include "limit.h"
#include "merge.h"
#include "peers.h"
#include "policy.h"
#include "reconcile.h"
#include "scan.h"
#include "target.h"

/* Entries under one hold of the page table lock, however many there are. */
#define WALK_PAGES	512UL
/* Entries ahead whose struct page is fetched. */
#define PREFETCH_AHEAD	8
/*
 * Looks for a partner after the first one proved unusable, or had to wait
 * because the round had pages of too many other mms.
 */
#define ROUNDS		5

/* State of one walk of a page table. */
struct scan_walk {
	struct hksm_scanner *sc;
	struct vm_area_struct *vma;
	bool smart;
	bool zero_only;
	/* Of the huge page, if it is one that is walked. */
	bool huge;
	bool resting;
	bool cold;
};

static void scan_slow_add(struct hksm_scanner *sc, enum hksm_slow_kind kind,
			  unsigned int idx, struct page *page)
{
	struct hksm_slow *slow = &sc->slow[sc->nr_slow++];

	slow->kind = kind;
	slow->idx = idx;
	slow->page = page;
	if (page)
		folio_get(page_folio(page));
}

/* The address maps nothing that could be merged. */
static void scan_visit_none(struct hksm_scanner *sc, unsigned int idx, u64 m,
			    bool swapped)
{
	switch (hksm_meta_state(m)) {
	case HKSM_NONE:
		return;
	case HKSM_MERGED:
		scan_slow_add(sc, swapped ? HKSM_SLOW_SWAP : HKSM_SLOW_GONE,
			      idx, NULL);
		return;
	case HKSM_CAND:
		hksm_index_del(sc->h, m, hksm_place(sc->range, idx));
		break;
	default:
		break;
	}
	hksm_meta_write(sc->range, idx, 0);
}

/* A zero page that was placed; one that is calm is like those without history. */
static void scan_visit_zero(struct hksm_scanner *sc, unsigned int idx)
{
	u64 m = hksm_meta_read(sc->range, idx);

	if (hksm_meta_state(m) != HKSM_ZERO) {
		scan_visit_none(sc, idx, m, false);
		return;
	}
	if (hksm_policy_calm(&m))
		hksm_meta_write(sc->range, idx, m);
	else
		hksm_meta_write(sc->range, idx, 0);
}

static void scan_visit_merged(struct hksm_scanner *sc, unsigned int idx, u64 m,
			      struct page *page)
{
	struct hksm_node *node = hksm_folio_node(page_folio(page));
	u64 was;

	sc->scanned++;
	if (sc->budget)
		sc->budget--;
	if (node && hksm_meta_state(m) == HKSM_MERGED &&
	    hksm_meta_node(m) == node && sc->h->merge_across_nodes) {
		was = m;
		if (unlikely(hksm_policy_calm(&m)))
			hksm_meta_replace(sc->range, idx, was, m);
		return;
	}
	scan_slow_add(sc, HKSM_SLOW_ADOPT, idx, page);
}

/*
 * Where nothing but blank pages is merged, only the word of one that was broken
 * says anything. The others are looked at, which ends them.
 */
static bool scan_may_skip(struct scan_walk *w, u64 m)
{
	return w->smart &&
	       (!w->zero_only || hksm_meta_get(m, HKSM_META_BACKOFF_SHIFT));
}

/* A huge page is skipped as a whole, others one by one. */
static bool scan_skips(struct scan_walk *w, u64 *m)
{
	if (w->huge)
		return w->resting;
	if (hksm_meta_state(*m) == HKSM_NONE)
		return false;
	return scan_may_skip(w, *m) && hksm_policy_skip(m);
}

static void scan_visit_page(struct scan_walk *w, unsigned long addr,
			    unsigned int idx, u64 m, struct page *page)
{
	struct hksm_scanner *sc = w->sc;
	struct folio *folio = page_folio(page);
	struct hksm_item *item;

	switch (hksm_meta_state(m)) {
	case HKSM_MERGED:
		scan_slow_add(sc, HKSM_SLOW_BROKEN, idx, NULL);
		break;
	case HKSM_ZERO:
		m = hksm_policy_broken(m, &sc->range->heat);
		sc->breaks++;
		break;
	default:
		if (scan_skips(w, &m)) {
			if (hksm_meta_state(m) != HKSM_NONE)
				hksm_meta_write(sc->range, idx, m);
			sc->skipped++;
			return;
		}
	}
	sc->scanned++;
	if (sc->budget)
		sc->budget--;

	item = &sc->item[sc->nr];
	memset(item, 0, sizeof(*item));
	item->addr = addr;
	item->page = page;
	item->idx = idx;
	item->meta = m;
	item->cold = w->cold;
	if (folio_test_large(folio) && sc->nr && item[-1].page &&
	    page_folio(item[-1].page) == folio)
		item->borrowed = true;
	else
		folio_get(folio);
	sc->nr++;
}

static void scan_visit(struct scan_walk *w, unsigned long addr,
		       struct page *page, bool swapped)
{
	struct hksm_scanner *sc = w->sc;
	unsigned int idx = hksm_idx(addr);
	u64 m = hksm_meta_read(sc->range, idx);
	struct folio *folio = page ? page_folio(page) : NULL;

	if (!folio || !folio_test_anon(folio) || folio_is_zone_device(folio))
		scan_visit_none(sc, idx, m, swapped);
	else if (folio_test_ksm(folio))
		/* A poisoned one too: memory_failure() must find who maps it. */
		scan_visit_merged(sc, idx, m, page);
	else if (PageHWPoison(page))
		scan_visit_none(sc, idx, m, swapped);
	else
		scan_visit_page(w, addr, idx, m, page);
}

static bool scan_batch_full(struct hksm_scanner *sc)
{
	return sc->nr == HKSM_BATCH || sc->nr_slow == HKSM_SLOW || !sc->budget;
}

/* What an entry maps, if it is of a kind that is looked at. */
static struct page *scan_entry_page(struct vm_area_struct *vma,
				    unsigned long addr, pte_t pte)
{
	struct page *page;

	if (!pte_present(pte))
		return NULL;
	page = vm_normal_page(vma, addr, pte);
	/* A merge would end the tracking that userfaultfd was asked for. */
	if (page && pte_uffd(pte) && !folio_test_ksm(page_folio(page)))
		return NULL;
	return page;
}

/* May what is not present come back as the merged page it was? */
static bool scan_entry_swapped(pte_t pte)
{
	softleaf_t entry;

	if (pte_none(pte) || pte_present(pte))
		return false;
	entry = softleaf_from_pte(pte);
	return softleaf_is_swap(entry) || softleaf_is_migration(entry);
}

/* Without a look at any struct page: an entry that is not for us. */
static bool scan_entry_foreign(pte_t pte)
{
	/* Not every architecture marks the zero page as special. */
	return !pte_present(pte) || pte_special(pte) ||
	       is_zero_pfn(pte_pfn(pte));
}

static void scan_prefetch(struct hksm_scanner *sc, pte_t pte,
			  unsigned int idx)
{
	u64 m;

	if (scan_entry_foreign(pte))
		return;
	prefetch(pte_page(pte));
	m = hksm_meta_read(sc->range, idx);
	if (hksm_meta_state(m) == HKSM_MERGED)
		prefetch(hksm_meta_rec(m));
}

static unsigned long scan_collect_table(struct scan_walk *w, pmd_t *pmd,
					unsigned long addr, unsigned long end)
{
	struct hksm_scanner *sc = w->sc;
	unsigned long first = addr;
	unsigned int i, idle = 0;
	pte_t *start, *ptep;
	spinlock_t *ptl;
	u64 since;

	end = min(end, addr + WALK_PAGES * PAGE_SIZE);
	start = pte_offset_map_lock(w->vma->vm_mm, pmd, addr, &ptl);
	if (!start)
		return 0;
	since = hksm_hold_begin();
	for (i = 0; i < PREFETCH_AHEAD && addr + i * PAGE_SIZE < end; i++)
		scan_prefetch(sc, ptep_get(start + i), hksm_idx(addr) + i);

	for (ptep = start; addr < end; ptep++, addr += PAGE_SIZE) {
		pte_t pte = ptep_get(ptep);

		/* A stretch of zero pages, or of nothing: nothing to look up. */
		if (scan_entry_foreign(pte)) {
			idle++;
			if (!sc->range)
				continue;
		}
		if (scan_batch_full(sc))
			break;
		if (addr + PREFETCH_AHEAD * PAGE_SIZE < end)
			scan_prefetch(sc, ptep_get(ptep + PREFETCH_AHEAD),
				      hksm_idx(addr) + PREFETCH_AHEAD);
		if (pte_present(pte) && is_ksm_zero_pte(pte))
			scan_visit_zero(sc, hksm_idx(addr));
		else
			scan_visit(w, addr, scan_entry_page(w->vma, addr, pte),
				   scan_entry_swapped(pte));
	}
	hksm_hold_ptl(sc->h, w->vma->vm_mm, first, ptep - start, since);
	pte_unmap_unlock(start, ptl);
	hksm_batch_idle(sc, idle);
	return addr;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Found out once in a pass. Without a range there is no history. */
static bool scan_huge_rests(struct scan_walk *w)
{
	struct hksm_range *range = w->sc->range;
	u32 pass = w->sc->h->seqnr + 1;

	if (!range || !w->smart || w->zero_only)
		return false;
	if (range->rest_pass != pass) {
		range->rest_pass = pass;
		range->resting = hksm_policy_rest(&range->rest);
	}
	return range->resting;
}

static unsigned long scan_collect_huge(struct scan_walk *w, pmd_t *pmdp,
				       unsigned long addr, unsigned long end)
{
	struct hksm_scanner *sc = w->sc;
	unsigned long first = addr;
	struct page *page = NULL;
	spinlock_t *ptl;
	pmd_t pmd;
	u64 since;

	ptl = pmd_lock(w->vma->vm_mm, pmdp);
	pmd = pmdp_get(pmdp);
	if (!pmd_present(pmd) || !pmd_leaf(pmd)) {
		spin_unlock(ptl);
		return 0;
	}
	since = hksm_hold_begin();
	w->huge = true;
	w->resting = scan_huge_rests(w);
	w->cold = !pmd_young(pmd);
	if (!pmd_uffd(pmd))
		page = vm_normal_page_pmd(w->vma, addr & PMD_MASK, pmd);
	for (; addr < end && !scan_batch_full(sc); addr += PAGE_SIZE)
		scan_visit(w, addr, page ? page + hksm_idx(addr) : NULL, false);
	hksm_hold_ptl(sc->h, w->vma->vm_mm, first, (addr - first) >> PAGE_SHIFT,
		      since);
	spin_unlock(ptl);
	return addr;
}
#else
static unsigned long scan_collect_huge(struct scan_walk *w, pmd_t *pmdp,
				       unsigned long addr, unsigned long end)
{
	return 0;
}
#endif

/* Nothing is mapped in the stretch: there may still be words from before. */
static unsigned long scan_collect_hole(struct scan_walk *w, unsigned long addr,
				       unsigned long end)
{
	struct hksm_scanner *sc = w->sc;

	if (!sc->range)
		return end;
	for (; addr < end && !scan_batch_full(sc); addr += PAGE_SIZE)
		scan_visit_none(sc, hksm_idx(addr),
				hksm_meta_read(sc->range, hksm_idx(addr)),
				false);
	return addr;
}

/* Fill the batch from one page table. Return: where to go on. */
static unsigned long scan_collect(struct hksm_scanner *sc,
				  struct vm_area_struct *vma,
				  unsigned long addr, unsigned long end,
				  bool zero_only)
{
	struct scan_walk w = {
		.sc = sc,
		.vma = vma,
		.smart = READ_ONCE(sc->h->smart_scan),
		.zero_only = zero_only,
	};
	pmd_t *pmd = mm_find_pmd(vma->vm_mm, addr);
	unsigned long next;
	pmd_t entry;

	if (!pmd)
		return scan_collect_hole(&w, addr, end);
	entry = pmdp_get_lockless(pmd);
	if (!pmd_present(entry))
		return scan_collect_hole(&w, addr, end);
	next = pmd_leaf(entry) ? scan_collect_huge(&w, pmd, addr, end) :
				 scan_collect_table(&w, pmd, addr, end);
	/* It changed under us: the next pass will see what it is now. */
	return next ? next : end;
}

static struct page *scan_digest_page(struct hksm_scanner *sc, unsigned int i)
{
	return i < sc->nr ? sc->item[i].page : sc->item[i - 1].page;
}

/* With @zero_only no more is found out of a page than whether it is blank. */
static void scan_hash(struct hksm_scanner *sc, struct vm_area_struct *vma,
		      u64 *digest, bool zero_only)
{
	struct hksm *h = sc->h;
	unsigned int i;

	for (i = 0; i < sc->nr; i++) {
		struct hksm_item *item = &sc->item[i];
		void *page, *next;
		bool blank;

		flush_anon_page(vma, item->page, item->addr);
		flush_dcache_page(item->page);
		page = kmap_local_page(item->page);
		next = kmap_local_page(scan_digest_page(sc, i + 1));
		/* Most pages with something in them have it in front. */
		blank = hksm_blank(page, next);
		if (zero_only)
			digest[i] = blank ? h->zero_digest : ~h->zero_digest;
		else
			digest[i] = blank ? h->zero_digest :
				hksm_digest(&h->key, page, next);
		kunmap_local(next);
		kunmap_local(page);
		if (zero_only && !blank)
			continue;
		item->key = hksm_key(h, digest[i],
				     hksm_nid(h, page_to_pfn(item->page)));
		hksm_index_prefetch(h, item->key);
	}
}

/* What is known of the large folio of an item. */
static struct hksm_large *scan_large(struct hksm_scanner *sc,
				     struct hksm_item *item)
{
	struct folio *folio = page_folio(item->page);
	struct hksm_large *l = &sc->large;
	unsigned long start;

	start = item->addr - folio_page_idx(folio, item->page) * PAGE_SIZE;
	if (l->slot == sc->slot && l->start == start &&
	    l->pass == sc->h->seqnr)
		return l;
	memset(l, 0, sizeof(*l));
	l->slot = sc->slot;
	l->start = start;
	l->pass = sc->h->seqnr;
	return l;
}

static bool scan_is_cold(struct hksm_scanner *sc, struct hksm_item *item)
{
	return item->cold && !mmu_notifier_test_young(sc->slot->mm, item->addr);
}

/*
 * A split costs a huge page for as long as the memory lives. So it has to free
 * many pages, or take what nobody uses. Those that were found before it came to
 * that are merged in the next pass: they are small then, and their words have
 * their keys.
 */
static void scan_lookup_large(struct hksm_scanner *sc, struct hksm_item *item,
			      bool zero)
{
	struct hksm_large *l;
	unsigned int want;

	if (!zero && !hksm_target_exists(sc, item->key)) {
		item->verdict = hksm_index_add(sc->h, item->key,
					       hksm_place(sc->range,
							  item->idx)) ?
			HKSM_V_CAND : HKSM_V_SEEN;
		return;
	}
	item->verdict = zero && hksm_meta_state(item->meta) == HKSM_NONE ?
		HKSM_V_DROP : HKSM_V_SEEN;
	want = hksm_policy_split(READ_ONCE(sc->h->split_min),
				 folio_nr_pages(page_folio(item->page)),
				 PMD_SIZE / PAGE_SIZE);
	l = scan_large(sc, item);
	l->found++;
	if (!l->held && (l->found >= want || scan_is_cold(sc, item)))
		sc->split = item - sc->item;
}

static bool scan_has_room(struct hksm_scanner *sc, struct hksm_item *item)
{
	return sc->range && hksm_meta_ptr(sc->range, item->idx);
}

/* Find out what to do with an item. */
static void scan_lookup_item(struct hksm_scanner *sc, struct hksm_item *item,
			     bool zero)
{
	bool large = folio_test_large(page_folio(item->page));
	struct hksm *h = sc->h;
	struct hksm_target *t;

	if (zero && !large) {
		t = hksm_target_zero(sc, item);
		goto join;
	}
	/* A blank one needs no word. */
	if (!zero && !scan_has_room(sc, item)) {
		item->verdict = HKSM_V_DROP;
		return;
	}
	if (large) {
		scan_lookup_large(sc, item, zero);
		return;
	}
	t = hksm_target_find(sc, item);
	if (IS_ERR(t)) {
		item->verdict = t == ERR_PTR(-EAGAIN) || sc->crowded ||
			hksm_target_held(sc, item->key) ?
			HKSM_V_RETRY : HKSM_V_SOON;
		return;
	}
	if (!t) {
		item->verdict = hksm_index_add(h, item->key,
					       hksm_place(sc->range,
							  item->idx)) ?
			HKSM_V_CAND : HKSM_V_SEEN;
		return;
	}
join:
	t->joins++;
	item->target = t - sc->target;
	item->verdict = HKSM_V_JOIN;
}

/* Were zero pages placed in the same page table, in an earlier pass? */
static bool scan_was_zeroed(struct hksm_scanner *sc, unsigned long addr)
{
	void *entry = xa_load(&sc->slot->zeroed, addr >> PMD_SHIFT);

	return entry && xa_to_value(entry) != sc->h->seqnr;
}

/* Take an item out of the table, if it is there under the key of before. */
static void scan_untrack(struct hksm_scanner *sc, struct hksm_item *item)
{
	if (hksm_meta_state(item->meta) == HKSM_CAND)
		hksm_index_del(sc->h, item->meta,
			       hksm_place(sc->range, item->idx));
}

static bool scan_may_merge(struct hksm_scanner *sc, struct hksm_item *item,
			   bool same)
{
	static const struct hksm_heat cool;

	return hksm_policy_gate(item->meta, same, READ_ONCE(sc->h->one_pass),
				sc->range ? &sc->range->heat : &cool);
}

/* First look at an item: does its past allow that it is merged now? */
static bool scan_gate(struct hksm_scanner *sc, struct hksm_item *item,
		      bool zero)
{
	bool same = hksm_meta_state(item->meta) != HKSM_NONE &&
		!((item->meta ^ item->key) & HKSM_KEY_MASK);

	/* Not to find itself. */
	scan_untrack(sc, item);
	/*
	 * Zero pages leave no word behind. One that turns up where some were
	 * placed may have been among them, and written: let it prove itself.
	 */
	if (zero && !same &&
	    !hksm_meta_get(item->meta, HKSM_META_BACKOFF_SHIFT) &&
	    scan_was_zeroed(sc, item->addr)) {
		item->meta = hksm_meta_set(item->meta, HKSM_META_BACKOFF_SHIFT,
					   1);
		return false;
	}
	return scan_may_merge(sc, item, same);
}

static bool scan_is_zero(struct hksm_scanner *sc, u64 digest, bool zero_only)
{
	return digest == sc->h->zero_digest &&
	       (zero_only || READ_ONCE(sc->h->use_zero_pages)) &&
	       !mm_forbids_zeropage(sc->slot->mm);
}

/*
 * Is there to be a word of a page that has none? It is asked when the first one wants
 * memory, for the whole batch, which is soon over.
 */
static bool scan_may_track(struct hksm_scanner *sc, int *may)
{
	if (*may < 0)
		*may = hksm_meta_fits(sc->h, sizeof(struct hksm_range) +
				      sizeof(struct hksm_chunk));
	return *may;
}

/*
 * Memory for the words of the batch, while neither a merged page nor another mm
 * is locked for it: reclaim may be needed, which others would wait for. A page
 * that is mapped to the zero page at once leaves no word.
 */
static void scan_make_room(struct hksm_scanner *sc, const u64 *digest,
			   bool zero_only)
{
	unsigned int i, dropped = 0;
	int may = -1;

	for (i = 0; i < sc->nr; i++) {
		struct hksm_item *item = &sc->item[i];
		bool zero;

		if (scan_has_room(sc, item))
			continue;
		zero = scan_is_zero(sc, digest[i], zero_only);
		if (zero ? !scan_was_zeroed(sc, item->addr) &&
			   scan_may_merge(sc, item, false) : zero_only)
			continue;
		if (!scan_may_track(sc, &may)) {
			dropped++;
			continue;
		}
		hksm_peers_release(sc);
		hksm_batch_room(sc, item->addr);
	}
	if (dropped)
		atomic_long_add(dropped, &sc->h->words_dropped);
}

/*
 * Split the large folio of an item, for which the batch's only reference is
 * needed. Its other pages lose theirs and leave the batch.
 */
static bool scan_split(struct hksm_scanner *sc, struct hksm_item *item)
{
	struct folio *folio = page_folio(item->page);
	struct hksm_item *first = item, *i;
	int freed;

	while (first->borrowed)
		first--;
	for (i = sc->item; i < sc->item + sc->nr; i++)
		if (i->page && page_folio(i->page) == folio && i != first &&
		    !i->borrowed)
			return false;
	freed = hksm_merge_split(sc->h, sc->vma, first->addr, first->page);
	if (freed < 0)
		return false;
	sc->merges += freed;
	if (freed)
		sc->zeroed = true;
	if (sc->range)
		memset(&sc->range->rest, 0, sizeof(sc->range->rest));
	for (i = first + 1; i < sc->item + sc->nr && i->borrowed; i++) {
		i->page = NULL;
		i->borrowed = false;
	}
	return true;
}

/* Look for partners, once for every item that has no verdict. */
static unsigned long scan_lookup(struct hksm_scanner *sc, const u64 *digest,
				 unsigned long next, bool zero_only)
{
	unsigned int i, k;

	for (i = 0; i < sc->nr; i++) {
		struct hksm_item *item = &sc->item[i];
		bool fresh = item->verdict == HKSM_V_NONE;
		bool zero = scan_is_zero(sc, digest[i], zero_only);

		if (!fresh && item->verdict != HKSM_V_RETRY)
			continue;
		if (zero_only && !zero) {
			scan_untrack(sc, item);
			item->verdict = HKSM_V_DROP;
			continue;
		}
		if (fresh && !scan_gate(sc, item, zero)) {
			item->verdict = scan_has_room(sc, item) ?
				HKSM_V_SEEN : HKSM_V_DROP;
			continue;
		}
		sc->split = -1;
		scan_lookup_item(sc, item, zero);
		if (sc->split < 0)
			continue;
		/* With targets, which may be locked, it has to wait for a batch. */
		if (!sc->nr_targets) {
			hksm_peers_release(sc);
			if (!scan_split(sc, item)) {
				sc->large.held = true;
				item->verdict = HKSM_V_SOON;
				continue;
			}
		}
		/*
		 * Come back for the rest. What was looked at keeps its
		 * verdict; this one was taken out of the table by scan_gate().
		 */
		if (hksm_meta_state(item->meta) == HKSM_CAND)
			hksm_meta_write(sc->range, item->idx,
					hksm_meta_become(item->meta, HKSM_SEEN,
							 item->meta));
		for (k = i; k < sc->nr; k++)
			sc->item[k].verdict = HKSM_V_DONE;
		return item->addr;
	}
	return next;
}

/* Write what is known now, and let go of the pages. */
static void scan_finish(struct hksm_scanner *sc)
{
	struct folio_batch fbatch;
	unsigned int i;

	folio_batch_init(&fbatch);
	for (i = 0; i < sc->nr; i++) {
		struct hksm_item *item = &sc->item[i];
		u64 m = item->meta;

		switch (item->verdict) {
		case HKSM_V_CAND:
			m = hksm_meta_become(m, HKSM_CAND, item->key);
			break;
		case HKSM_V_DONE:
			goto put;
		case HKSM_V_DROP:
			m = 0;
			break;
		case HKSM_V_ZERO:
			m = hksm_meta_become(m, HKSM_ZERO, item->key);
			m = hksm_meta_set(m, HKSM_META_SKIP_SHIFT, 0);
			break;
		case HKSM_V_SOON:
		case HKSM_V_RETRY:
			m = hksm_meta_become(m, HKSM_SEEN, item->key);
			m = hksm_policy_again(m);
			break;
		default:
			m = hksm_meta_become(m, HKSM_SEEN, item->key);
		}
		if (sc->range && hksm_meta_ptr(sc->range, item->idx))
			hksm_meta_write(sc->range, item->idx, m);
put:
		if (item->page && !item->borrowed &&
		    !folio_batch_add(&fbatch, page_folio(item->page)))
			folios_put(&fbatch);
	}
	if (folio_batch_count(&fbatch))
		folios_put(&fbatch);
}

/* Remember the first pass in which zero pages were placed in this page table. */
static void scan_note_zeroed(struct hksm_scanner *sc)
{
	unsigned long at = sc->item_base >> PMD_SHIFT;

	if (xa_load(&sc->slot->zeroed, at))
		return;
	hksm_peers_release(sc);
	xa_store(&sc->slot->zeroed, at, xa_mk_value(sc->h->seqnr),
		 HKSM_META_GFP);
}

static unsigned long scan_batch(struct hksm_scanner *sc,
				struct vm_area_struct *vma, unsigned long addr,
				unsigned long end)
{
	u64 digest[HKSM_BATCH];
	bool zero_only = READ_ONCE(sc->h->zero_only);
	unsigned int round;

	might_sleep();
	sc->vma = vma;
	sc->nr = 0;
	sc->nr_slow = 0;
	sc->nr_targets = 0;
	sc->zeroed = false;
	sc->item_base = addr & PMD_MASK;
	hksm_merge_prepare(sc);
	sc->range = hksm_range_find(sc->slot, addr);
	if (sc->range && !hksm_range_own(sc->range, sc)) {
		/* Another scanner merges a page of it with one of his. */
		sc->range = NULL;
		hksm_peers_release(sc);
		hksm_batch_pause();
		hksm_batch_idle(sc, HKSM_IDLE_ENTRIES);
		return addr;
	}

	addr = scan_collect(sc, vma, addr, end, zero_only);
	if (sc->nr_slow) {
		/* Heirs take memory, and locks that are waited for. */
		hksm_peers_release(sc);
		hksm_reconcile(sc);
	}
	if (sc->nr) {
		scan_hash(sc, vma, digest, zero_only);
		scan_make_room(sc, digest, zero_only);
		for (round = 0; round < ROUNDS; round++) {
			sc->crowded = false;
			addr = scan_lookup(sc, digest, addr, zero_only);
			if (!sc->nr_targets && !sc->crowded)
				break;
			hksm_merge_batch(sc);
			if (sc->crowded)
				hksm_batch_pause();
		}
		scan_finish(sc);
		if (sc->zeroed)
			scan_note_zeroed(sc);
		hksm_peers_relax(sc);
	}
	if (sc->range)
		hksm_range_disown(sc->h, sc->range);
	sc->range = NULL;
	return addr;
}

/**
 * hksm_scan_batch() - scan from an address to where the batch is full
 * @sc: the scanner; its slot is entered
 * @vma: a mergeable area with an anon_vma
 * @addr: where to begin
 * @end: where to end at the latest, in the same page table as @addr
 *
 * Context: may sleep; hksm.sem held, the slot of the scanner entered.
 * Return: where to go on, beyond @addr unless the budget is used up, another
 * scanner has the range, or a large folio was split; at one that has to be, if
 * pages before it were merged.
 */
unsigned long hksm_scan_batch(struct hksm_scanner *sc,
			      struct vm_area_struct *vma, unsigned long addr,
			      unsigned long end)
{
	unsigned long next, scanned = sc->scanned, merges = sc->merges;
	u64 begin, now;

	if (!trace_hksm_batch_enabled())
		return scan_batch(sc, vma, addr, end);
	begin = ktime_get_ns();
	next = scan_batch(sc, vma, addr, end);
	now = ktime_get_ns();
	trace_hksm_batch(vma->vm_mm, addr, sc->scanned - scanned,
			 sc->merges - merges, now - sc->since, now - begin);
	return next;
}
