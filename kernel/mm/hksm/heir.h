/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets the record of an address that is left.
 */
#ifndef HKSM_HEIR_H
#define HKSM_HEIR_H

#include "core.h"
#include "stable.h"

int hksm_rec_leave(struct hksm *h, u64 meta, enum hksm_folio_mode mode,
		   const void *owner);

#endif /* HKSM_HEIR_H */
