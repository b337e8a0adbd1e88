/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm/ksm.c of the kernel that the module is loaded into: is it at rest, its list of
 * mms, its files, and its functions as they were before they were patched.
 */
#ifndef HKSM_TREE_H
#define HKSM_TREE_H

#include <linux/types.h>

struct folio;
struct mm_struct;

int tree_check(void);
bool tree_has_pages(void);
void tree_drop_pages(void);
int tree_hide(void);
void tree_show(void);
struct mm_struct *tree_next(void);
bool tree_mm_leave(struct mm_struct *mm);

int tree_mm_enter(struct mm_struct *mm);
void tree_mm_exit(struct mm_struct *mm);
void tree_mark_lazyfree(struct folio *folio);

#endif /* HKSM_TREE_H */
