/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of a pass: who scans what.
 */
#ifndef HKSM_PASS_H
#define HKSM_PASS_H

#include "batch.h"
#include "core.h"

bool hksm_pass_begin(struct hksm *h);
bool hksm_pass_over(struct hksm *h);
void hksm_pass_reset(struct hksm *h);
bool hksm_pass_take(struct hksm_scanner *sc);
void hksm_pass_put(struct hksm_scanner *sc);
bool hksm_pass_valid(struct hksm_scanner *sc);
bool hksm_pass_cut(struct hksm_scanner *sc);

#endif /* HKSM_PASS_H */
