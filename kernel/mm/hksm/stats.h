/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures that are made of several counters.
 */
#ifndef HKSM_STATS_H
#define HKSM_STATS_H

#include "core.h"

long hksm_profit(struct hksm *h);

#endif /* HKSM_STATS_H */
