/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.h - which rule holds for a process.
 */
#ifndef KSM_AUTOTUNE_MATCH_H
#define KSM_AUTOTUNE_MATCH_H

#include "ksm-autotune/config.h"

/**
 * tune_match() - the first rule whose conditions hold
 * @p: as ksm_proc_read() filled it with KSM_PROC_UID
 *
 * Of what a process is, only what a rule asks for is read, and once.
 * Return: the rule, borrowed; NULL: none.
 */
const struct tune_rule *tune_match(struct ksm *k, const struct tune_config *c,
				   const struct ksm_proc *p);

#endif /* KSM_AUTOTUNE_MATCH_H */
