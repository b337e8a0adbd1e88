/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading whole pages: are they the same, is there anything in them? */
#ifndef HKSM_COMPARE_H
#define HKSM_COMPARE_H

#include "env.h"

bool hksm_same(const void *a, const void *b);
bool hksm_blank(const void *page, const void *next);

#endif /* HKSM_COMPARE_H */
