// SPDX-License-Identifier: GPL-2.0-only
/*
 * The batch a scanner works on, as its steps share it.
 */
#include <linux/delay.h>
#include <linux/sched.h>

#include "batch.h"

/**
 * hksm_batch_at() - the item of the batch at a page of its range
 * @sc: the scanner
 * @idx: index of the page
 *
 * Context: any; the batch belongs to the caller.
 * Return: the item, which may have lost its page, or NULL.
 */
struct hksm_item *hksm_batch_at(struct hksm_scanner *sc, unsigned int idx)
{
	unsigned int i;

	for (i = 0; i < sc->nr; i++)
		if (sc->item[i].idx == idx)
			return &sc->item[i];
	return NULL;
}

/**
 * hksm_batch_item() - the item of the batch at a place
 * @sc: the scanner
 * @where: any tracked page
 *
 * Context: any; the batch belongs to the caller.
 * Return: the item, which may have lost its page, or NULL.
 */
struct hksm_item *hksm_batch_item(struct hksm_scanner *sc,
				  struct hksm_place where)
{
	if (!sc->range || where.rid != sc->range->id)
		return NULL;
	return hksm_batch_at(sc, where.idx);
}

/**
 * hksm_batch_room() - make sure the word of an address can be written
 * @sc: the scanner
 * @addr: in the page table of the batch
 *
 * A range that is new is owned from here on.
 *
 * Context: may sleep; the slot of the scanner is entered.
 * Return: false without memory, or when somebody else has made it meanwhile.
 */
bool hksm_batch_room(struct hksm_scanner *sc, unsigned long addr)
{
	if (!sc->range)
		sc->range = hksm_range_make(sc->h, sc->slot, addr, sc);
	if (!sc->range)
		return false;
	return hksm_range_room(sc->h, sc->range, hksm_idx(addr));
}

/**
 * hksm_batch_pause() - wait for another scanner to get on with its batch
 *
 * Context: process; the caller holds nothing that the other may wait for, but it
 * does not wait, either.
 */
void hksm_batch_pause(void)
{
	unsigned int us;

	for (us = 0; us < HKSM_BATCH_US && !need_resched(); us++)
		udelay(1);
}
