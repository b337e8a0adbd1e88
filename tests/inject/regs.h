/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regs.h - a computation that holds a known value in every register.
 *
 * One file per architecture: regs-x86_64.c, regs-aarch64.c.
 */
#ifndef KSM_TESTS_INJECT_REGS_H
#define KSM_TESTS_INJECT_REGS_H

/*
 * Fills the registers, spins for some tens of thousands of instructions and
 * compares.  NULL, or the name of a register that changed.
 */
const char *regs_round(void);

/*
 * A restartable sequence (rseq(2)) that reads *word, spins, and reads it again.
 * 0: completed, and both were equal; 1: aborted; 2: completed although the word
 * changed, which is another's write or a fault of ours; -1: not available.
 */
int rseq_round(const long *word);

#endif /* KSM_TESTS_INJECT_REGS_H */
