// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state. Everything else in the engine stands on this file; what
 * starts it is init.c.
 */

/**
 * DOC: hksm, the hash-indexed engine of KSM
 *
 * The engine implements linux/ksm.h, as mm/ksm.c does, and shows the same
 * files; one of the two is chosen at build time.
 *
 * Each mm that has mergeable areas is a slot. One or several scanners go through
 * the slots, one page table at a time. For every page it keeps a word of 8 bytes,
 * in a range that covers the same page table. A page that the word does not
 * tell to skip is read once, for its hash.
 *
 * The hash is looked up in two tables. The stable table has the merged pages,
 * each a node with a record for every address that maps it. The candidate
 * table has the places of pages that were seen once. On a hit both pages are
 * write-protected and compared in full: the hash proposes, the comparison
 * decides. Without a hit the page becomes a candidate itself. So quiet memory
 * is merged in one pass, unless one_pass forbids it, and the cost of a page
 * does not depend on how much memory there is.
 *
 * Pages of one page table are collected, hashed, protected, compared and
 * replaced in batches, so that locks, notifier calls and flushes are shared.
 *
 * The files are in layers, and each uses only what is below it:
 *
 *   init                         brings it up
 *   hooks, sysfs                 entry points: linux/ksm.h, /sys/kernel/mm/ksm
 *   sched, unmerge, rmap, stats  ksmd; run=2 and madvise; reverse walks; figures
 *   shrink                       what is given back when memory is short
 *   scan                         a batch: walk, hash, look up, finish
 *   target, reconcile            what to merge into; records against mappings
 *   pass                         which scanner scans what
 *   merge                        protect, compare, replace: page table entries
 *   peers                        mms of partners
 *   forget, batch                what is not tracked any more; what is in hand
 *   heir                         who gets the record of an address that is left
 *   limit                        how much memory all this may take
 *   resize                       the size of both tables
 *   index                        the candidates
 *   stable                       nodes, records, the way from a node to its folio
 *   range                        words
 *   slot                         mms and contexts
 *   hold                         its lock, and how long it and others are held
 *   core                         the state of the engine
 *   table, dual, cand, digest, compare, policy, walk: know nothing of the engine
 *
 * Where to read on: scan.c, merge.c, the life of nodes in stable.c, exits in
 * slot.c, policy.c for which pages are left alone. Lock order: core.h; what
 * protects a field is said with each.
 */

/**
 * DOC: what is known of a page, and who holds what
 *
 * The word of an address has one of five states. "Owner" is who owns the range
 * (hksm_range_own()), a scanner, or who has hksm.sem for writing; only it writes
 * the words of the range, but for MERGED to SEEN, which who drops a node does with
 * cmpxchg.
 *
 *   NONE    Nothing is known, and mostly there is no memory for the word.
 *   SEEN    It was hashed. The key is in the word and nowhere else.
 *   CAND    The same, and the candidate table has its place (range and index)
 *           under the key. Every other page with the key finds it.
 *   MERGED  A node has a record of it, to which the word refers; the record
 *           holds the context (mm and anon_vma) and the address.
 *   ZERO    It maps the zero page, and was broken before. Without a history
 *           what maps the zero page is NONE.
 *
 * What the page table says may be newer than the word: a write breaks a merge
 * by a fault, fork and swap-in map merged pages without a record. Whoever scans
 * the address next finds that out.
 *
 *   NONE, CAND              SEEN    hashed, and may not be merged yet
 *   NONE, SEEN              CAND    hashed, and no partner   (scan_finish())
 *   CAND                    SEEN    claimed by who looks for a partner
 *                                   (target_claim()), or the table has no room
 *                                   for it (resize_drop())
 *   NONE, SEEN, CAND, ZERO  MERGED  mapped to a merged page  (merge_settle()),
 *                                   or made one              (merge_promote())
 *   NONE, SEEN, CAND        MERGED  maps one already         (reconcile_adopt(),
 *                                                            heir_hand_over())
 *   NONE, SEEN, CAND        NONE    blank, and the zero page is mapped, or
 *                                   not blank, with zero_only
 *   SEEN, CAND, ZERO        ZERO    the same, with a history (scan_finish())
 *   MERGED                  SEEN    written                  (reconcile_lost()),
 *                                   or nobody joined         (merge_demote()),
 *                                   or its node is dropped   (node_forget_word())
 *   ZERO                    SEEN    written                  (scan_visit_page())
 *   ZERO                    NONE    calm for long            (scan_visit_zero())
 *   MERGED                  NONE    not mapped any more      (reconcile_lost(),
 *                                                            reconcile_swapped())
 *   SEEN, CAND, ZERO        NONE    the same                 (scan_visit_none())
 *   any                     NONE    not mergeable any more   (hksm_forget())
 *   SEEN, CAND, ZERO        NONE    memory is short, and nothing is merged near
 *                                   it (shrink_chunk())
 *   CAND                    SEEN    the same, next to what is merged
 *
 * A place is put into the candidate table before its word says CAND, and taken
 * out before the word says anything else: who finds it there reads the word, or
 * the item, if it is in his batch, before he believes it, and once more when he
 * owns the range. What is in the batch of another scanner cannot be had before
 * that is done.
 *
 * Who is kept from going away, and by what:
 *
 *   the page tables of an mm   a scanner is inside (hksm_slot_enter(), which
 *                              takes the mmap_lock); its exit waits
 *   a slot                     a reference; contexts have one, so records do
 *   a range                    its owner; it may go out of use under who does not
 *                              own it, and be read as long as he has hksm.sem
 *   an anon_vma                a context
 *   a context                  its records and users
 *   a node                     the lock of the folio that points at it ("FL").
 *                              Without that it may be dropped, by one of those
 *                              who find its folio gone, and be read as long as
 *                              hksm.sem is held. It does not hold the folio:
 *                              hksm_node_folio()
 *   a page of a batch          a reference; its folio lock from
 *                              merge_lock_items() to the end of the round
 */

#include "core.h"

/* A module uses the tracepoints and the counter of the kernel it is loaded into. */
#ifndef HKSM_MODULE
#define CREATE_TRACE_POINTS
#include <trace/events/ksm.h>

/* Zero pages placed by the engine; linux/ksm.h counts in it. */
atomic_long_t ksm_zero_pages = ATOMIC_LONG_INIT(0);
#endif

#define CREATE_TRACE_POINTS
#include "trace.h"

struct hksm hksm = {
	.sem = __RWSEM_INITIALIZER(hksm.sem),
	.sleep_millisecs = 20,
	.pages_to_scan = 100,
	.max_page_sharing = 256,
	.merge_across_nodes = 1,
	.smart_scan = true,
	.one_pass = true,
	.split_min = 64,
	.prune_millisecs = 2000,
	.advice = {
		.target = 200,
		.max_cpu = 70,
		.max_pages = 30000,
	},
	.advisor_min_pages = 500,
	.slots_lock = __SPIN_LOCK_UNLOCKED(hksm.slots_lock),
	.slots = LIST_HEAD_INIT(hksm.slots),
	.cursor = &hksm.slots,
	.unmerge = &hksm.slots,
	.reap = LIST_HEAD_INIT(hksm.reap),
	.exit_wait = __WAIT_QUEUE_HEAD_INITIALIZER(hksm.exit_wait),
	.thread_wait = __WAIT_QUEUE_HEAD_INITIALIZER(hksm.thread_wait),
	.iter_wait = __WAIT_QUEUE_HEAD_INITIALIZER(hksm.iter_wait),
	.ranges = XARRAY_INIT(hksm.ranges, XA_FLAGS_ALLOC),
};
