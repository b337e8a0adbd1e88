/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mms of partners.
 */
#ifndef HKSM_PEERS_H
#define HKSM_PEERS_H

#include "batch.h"
#include "slot.h"

int hksm_peer_enter(struct hksm_scanner *sc, struct hksm_slot *slot);
void hksm_peers_release(struct hksm_scanner *sc);
void hksm_peers_relax(struct hksm_scanner *sc);

#endif /* HKSM_PEERS_H */
