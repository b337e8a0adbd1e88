/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bringing the engine up and down, for who loads it as a module.
 */
#ifndef HKSM_INIT_H
#define HKSM_INIT_H

#include "core.h"

int hksm_start(struct hksm *h);
void hksm_stop(struct hksm *h);

#endif /* HKSM_INIT_H */
