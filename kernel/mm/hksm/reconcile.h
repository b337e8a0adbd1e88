/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words and records against page tables.
 */
#ifndef HKSM_RECONCILE_H
#define HKSM_RECONCILE_H

#include "batch.h"

void hksm_reconcile(struct hksm_scanner *sc);

#endif /* HKSM_RECONCILE_H */
