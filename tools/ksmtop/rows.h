/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows.h - between model.c and rows.c alone.
 */
#ifndef KSM_KSMTOP_ROWS_H
#define KSM_KSMTOP_ROWS_H

#include "ksmtop/ksmtop.h"

/* Is that process shown in that group, opened or not? */
bool top_rows_in_group(const struct model *m, const struct top_proc *p, const struct top_group *g);

#endif /* KSM_KSMTOP_ROWS_H */
