/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a scanner has in hand: the items of a batch, and what they are merged
 * into.
 */
#ifndef HKSM_BATCH_H
#define HKSM_BATCH_H

#include <linux/mm.h>

#include "core.h"
#include "meta.h"
#include "range.h"
#include "slot.h"
#include "stable.h"

/* Pages hashed, protected and replaced together. */
#define HKSM_BATCH		32
/* Other mms a batch may take pages from at a time. */
#define HKSM_PEERS		8
/* Addresses of a batch that need more than a look at the page table. */
#define HKSM_SLOW		64
/* For how long one scanner waits for another, us: about as long as a batch takes. */
#define HKSM_BATCH_US		20
/* Page table entries looked at in vain that count as a page. */
#define HKSM_IDLE_ENTRIES	64

/**
 * DOC: verdicts, and targets
 *
 * A batch goes through rounds: every item that has no verdict, or RETRY, is
 * looked up, and those that found a target are merged. What may become of a
 * verdict, and where:
 *
 *   NONE         SEEN    its history does not let it merge   scan_lookup()
 *   NONE         DROP    no memory for its word              scan_lookup(),
 *                                                            scan_lookup_item()
 *   NONE         DROP    only blank pages are wanted         scan_lookup()
 *   NONE, RETRY  CAND    no partner; it is in the table now  scan_lookup_item()
 *   NONE, RETRY  SEEN    the same, and the table is full     scan_lookup_item()
 *   NONE, RETRY  SOON    there is one, not at the moment     scan_lookup_item()
 *   NONE, RETRY  RETRY   there is one, in another round      scan_lookup_item()
 *   NONE, RETRY  JOIN    it has a target                     scan_lookup_item()
 *   NONE         SEEN    there is one, and too few other     scan_lookup_large()
 *                        pages of the large folio have one
 *   NONE         DROP    the same, and it is blank and had   scan_lookup_large()
 *                        no word
 *   any          DONE    a large folio was split, or has to
 *                        be after this round: come back      scan_lookup()
 *   NONE, RETRY  SOON    it could not be split               scan_lookup()
 *   CAND         LEAD    another item found it               target_claim()
 *   LEAD         DONE    promoted, its word is written       merge_promote()
 *   DONE         SOON    nobody joined                       merge_demote()
 *   JOIN         DONE    merged, its word is written         merge_settle()
 *   JOIN         DROP    the zero page is mapped             merge_settle()
 *   JOIN         ZERO    the same, and it has a history      merge_settle()
 *   JOIN         SEEN    the content is another              merge_compare()
 *   JOIN         SOON    no record, or its entry changed     merge_reserve(),
 *                                                            merge_settle()
 *   JOIN         RETRY   the target is dead                  hksm_merge_batch()
 *   JOIN, LEAD   SOON    nothing came of it                  hksm_merge_batch()
 *
 * So after a round there is neither JOIN nor LEAD. scan_finish() turns what is
 * there after the last one into words; an item whose merge was found broken and
 * whose record could not be given up is DONE from the beginning
 * (reconcile_lost()).
 *
 * A target lives for one round. STABLE comes with the lock of its folio and a
 * reference; ZERO needs neither. ITEM and PEER are candidates that were
 * claimed: they are not in the table any more, and their word says SEEN or
 * will. They get a node; a PEER, whose range is owned and whose mm is entered,
 * also gets its page, locked and write-protected (merge_acquire_targets()).
 * They are promoted when the first item that wants them has been compared, and
 * demoted at the end if none was mapped to them. Whatever fails on the way
 * makes a target dead.
 */

/* What a batch does with an item in the end. */
enum hksm_verdict {
	HKSM_V_NONE,		/* not decided yet */
	HKSM_V_SEEN,		/* keep the key */
	HKSM_V_SOON,		/* the same, and look again in the next pass */
	HKSM_V_CAND,		/* keep the key, it is in the table */
	HKSM_V_DROP,		/* forget the address */
	HKSM_V_ZERO,		/* the zero page is mapped, keep the history */
	HKSM_V_JOIN,		/* to be mapped to a target */
	HKSM_V_LEAD,		/* to become a merged page itself */
	HKSM_V_RETRY,		/* look for a partner again */
	HKSM_V_DONE,		/* meta word is already right */
};

/**
 * struct hksm_item - a page of the batch; the scanner's
 * @addr: where it is mapped
 * @page: referenced, shared with the item before if @borrowed
 * @idx: index in its range
 * @cold: mapped by a huge page that was not used of late
 * @borrowed: the reference belongs to an earlier item
 * @locked: this item holds the folio lock
 * @wp: @pte is valid: write-protected in this round
 * @replaced: no longer mapped at @addr
 * @target: index in hksm_scanner.target, for JOIN and LEAD
 * @verdict: see enum hksm_verdict
 * @meta: its word
 * @key: its key
 * @pte: the entry as left by hksm_protect()
 * @rec: record reserved for it
 */
struct hksm_item {
	unsigned long addr;
	struct page *page;
	u16 idx;
	bool cold;
	bool borrowed;
	bool locked;
	bool wp;
	bool replaced;
	u8 target;
	enum hksm_verdict verdict;
	u64 meta;
	u64 key;
	pte_t pte;
	struct hksm_rec *rec;
};

enum hksm_target_kind {
	HKSM_T_STABLE,		/* an existing merged page */
	HKSM_T_ITEM,		/* an item of this batch will become one */
	HKSM_T_PEER,		/* a page elsewhere will become one */
	HKSM_T_ZERO,		/* the zero page */
};

/**
 * struct hksm_target - what items of the batch are merged into
 * @kind: see enum hksm_target_kind
 * @dead: not usable, items have to look again
 * @promoted: ITEM, PEER: its page was made a merged page in this round
 * @key: content
 * @nid: NUMA node @key is for
 * @page: locked and referenced, unless it is the zero page or an item's
 * @node: ITEM, PEER: the node it is to get; NULL once it has it
 * @anon: ITEM, PEER: the folio's mapping before it became a merged page
 * @joins: items that want it
 * @lead: ITEM: index of the item
 * @peer: PEER: the page as an item
 * @range: PEER: owned by the scanner, its mm entered
 * @vma: PEER: area of its page, under the mmap_lock, once that is locked
 * @ctx: ITEM, PEER: context of its record, referenced
 */
struct hksm_target {
	enum hksm_target_kind kind;
	bool dead;
	bool promoted;
	u16 nid;
	u64 key;
	struct page *page;
	struct hksm_node *node;
	struct address_space *anon;
	unsigned int joins;
	unsigned int lead;
	struct hksm_item peer;
	struct hksm_range *range;
	struct vm_area_struct *vma;
	struct hksm_ctx *ctx;
};

/* Why an address is on the slow list. */
enum hksm_slow_kind {
	HKSM_SLOW_GONE,		/* has a record, maps nothing of ours */
	HKSM_SLOW_SWAP,		/* has a record, is swapped out or migrating */
	HKSM_SLOW_BROKEN,	/* has a record, maps an ordinary page */
	HKSM_SLOW_ADOPT,	/* maps a merged page without a record */
};

struct hksm_slow {
	enum hksm_slow_kind kind;
	u16 idx;
	struct page *page;
};

/**
 * struct hksm_large - the large folio that is being gone through
 * @slot: mm that maps it; only compared
 * @start: where its first page would be mapped
 * @pass: hksm.seqnr
 * @found: pages that have a partner, so far
 * @held: it could not be split
 */
struct hksm_large {
	struct hksm_slot *slot;
	unsigned long start;
	unsigned long pass;
	unsigned int found;
	bool held;
};

/**
 * struct hksm_stretch - what a scanner has in hand
 * @slot: an mm, referenced, or NULL; written with hksm.slots_lock held
 * @epoch: hksm.epoch in which it was handed out
 * @from: what is left begins here; up to @start there is nothing to scan, but what
 *	is not mergeable any more has to be forgotten
 * @start: where something may be mapped
 * @end: end of it; the same as @from when it is done
 * @barren: the mm had no mergeable area
 */
struct hksm_stretch {
	struct hksm_slot *slot;
	unsigned long epoch;
	unsigned long from;
	unsigned long start;
	unsigned long end;
	bool barren;
};

/**
 * struct hksm_scanner - scratch memory and state of one scanner
 * @h: the engine
 * @id: its place in hksm.scanner; immutable
 * @thread: its thread; NULL when it was ended; hksm.slots_lock
 * @work: what it has in hand
 * @cpu: CPU time of its thread that is in hksm.scan_ns
 * @crowded: somebody else had what was wanted, for a moment
 * @slot: mm of the current batch, entered
 * @range: range of the current batch, owned; NULL until something is tracked
 * @ctx: context of the current area, referenced, NULL until needed
 * @vma: area of the current batch, under mmap_lock
 * @peer: other mms that are entered: those of all targets of the round, kept
 *	for the next one
 * @peer_since: when their mmap_locks were taken
 * @since: when that of @slot was taken
 * @item_base: first address of the page table of the batch
 * @budget: pages that may still be looked at in this turn
 * @idle: entries looked at in vain that have not been counted in @budget
 * @large: what is known of a large folio, over several batches
 * @split: item whose large folio is to be split, or -1
 * @nr: items
 * @nr_targets: targets
 * @nr_slow: slow entries
 * @nr_spare: preallocated nodes
 * @nr_peers: peers
 * @scanned: pages looked at since they were last accounted
 * @skipped: pages skipped since they were last accounted
 * @merges: pages merged since they were last accounted
 * @breaks: merged pages found written since they were last accounted
 * @zeroed: zero pages were placed in this batch
 * @item: the batch
 * @target: what it is merged into
 * @slow: what needs a folio lock
 * @spare: preallocated nodes
 *
 * Used by one thread at a time. Every scanner has its own.
 */
struct hksm_scanner {
	struct hksm *h;
	unsigned int id;
	struct task_struct *thread;
	struct hksm_stretch work;
	u64 cpu;
	bool crowded;
	struct hksm_slot *slot;
	struct hksm_range *range;
	struct hksm_ctx *ctx;
	struct vm_area_struct *vma;
	struct hksm_slot *peer[HKSM_PEERS];
	u64 peer_since[HKSM_PEERS];
	u64 since;
	unsigned long item_base;
	unsigned long budget;
	unsigned int idle;
	struct hksm_large large;
	int split;
	unsigned int nr;
	unsigned int nr_targets;
	unsigned int nr_slow;
	unsigned int nr_spare;
	unsigned int nr_peers;
	unsigned long scanned;
	unsigned long skipped;
	unsigned long merges;
	unsigned long breaks;
	bool zeroed;
	struct hksm_item item[HKSM_BATCH];
	struct hksm_target target[HKSM_BATCH];
	struct hksm_slow slow[HKSM_SLOW];
	struct hksm_node *spare[HKSM_BATCH];
};

struct hksm_item *hksm_batch_at(struct hksm_scanner *sc, unsigned int idx);
struct hksm_item *hksm_batch_item(struct hksm_scanner *sc,
				  struct hksm_place where);
bool hksm_batch_room(struct hksm_scanner *sc, unsigned long addr);
void hksm_batch_pause(void);

/* Entries that led to nothing cost something, too. */
static inline void hksm_batch_idle(struct hksm_scanner *sc,
				   unsigned int entries)
{
	sc->idle += entries;
	sc->budget -= min(sc->budget,
			  (unsigned long)sc->idle / HKSM_IDLE_ENTRIES);
	sc->idle %= HKSM_IDLE_ENTRIES;
}

#endif /* HKSM_BATCH_H */
