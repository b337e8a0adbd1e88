/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When and how much to scan.
 */
#ifndef HKSM_SCHED_H
#define HKSM_SCHED_H

#include "core.h"

int hksm_sched_start(struct hksm *h);
void hksm_sched_stop(struct hksm *h);
int hksm_sched_set(struct hksm *h, unsigned int nr);
void hksm_advisor_set(struct hksm *h, bool on);

#endif /* HKSM_SCHED_H */
