/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much memory the engine takes, and may take.
 */
#ifndef HKSM_LIMIT_H
#define HKSM_LIMIT_H

#include "core.h"

unsigned long hksm_meta_total(struct hksm *h);
bool hksm_meta_fits(struct hksm *h, unsigned long bytes);

#endif /* HKSM_LIMIT_H */
