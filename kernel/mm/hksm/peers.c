// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers: the other mms whose pages a batch is merged with. Each is entered
 * like the mm that is scanned, so several mmap_locks are held at once; all but
 * the first are only ever tried for.
 */
#include <linux/mm.h>

#include "hold.h"
#include "peers.h"

/**
 * hksm_peer_enter() - get access to the mm of a page that is to be a target
 * @sc: the scanner
 * @slot: the mm
 *
 * It is kept until the round is over: the page is going to become a merged
 * page, and before that has happened nobody may move it or turn off merging
 * where it is mapped.
 *
 * Context: hksm.sem held; does not wait for the mmap_lock.
 * Return: 0, -ESRCH for an mm on its way out, -EBUSY while it is being
 * changed, -EAGAIN when the round has too many of them.
 */
int hksm_peer_enter(struct hksm_scanner *sc, struct hksm_slot *slot)
{
	unsigned int i;

	if (slot == sc->slot)
		return 0;
	for (i = 0; i < sc->nr_peers; i++)
		if (sc->peer[i] == slot)
			return 0;
	if (READ_ONCE(slot->state) != HKSM_SLOT_LIVE ||
	    !atomic_read(&slot->mm->mm_users))
		return -ESRCH;
	if (sc->nr_peers == HKSM_PEERS)
		return -EAGAIN;
	/* Two mmap_locks at once: never wait for the second. */
	if (!hksm_slot_enter(sc->h, slot, true))
		return -EBUSY;
	refcount_inc(&slot->ref);
	sc->peer_since[sc->nr_peers] = hksm_hold_begin();
	sc->peer[sc->nr_peers++] = slot;
	return 0;
}

/**
 * hksm_peers_release() - let go of the mms of targets
 * @sc: the scanner, between two rounds
 *
 * Context: process; no folio of theirs is used any more.
 */
void hksm_peers_release(struct hksm_scanner *sc)
{
	while (sc->nr_peers) {
		struct hksm_slot *slot = sc->peer[--sc->nr_peers];

		hksm_hold_mmap(sc->h, slot->mm, sc->peer_since[sc->nr_peers]);
		hksm_slot_leave(sc->h, slot);
		hksm_slot_put(slot);
	}
}

/**
 * hksm_peers_relax() - the same, if somebody waits for one of them
 * @sc: the scanner, between two batches
 *
 * Context: process; no folio of theirs is used any more.
 */
void hksm_peers_relax(struct hksm_scanner *sc)
{
	unsigned int i;

	for (i = 0; i < sc->nr_peers; i++) {
		struct mm_struct *mm = sc->peer[i]->mm;

		if (mmap_lock_is_contended(mm) ||
		    !atomic_read(&mm->mm_users)) {
			hksm_peers_release(sc);
			return;
		}
	}
}
