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

#endif /* KSM_TESTS_INJECT_REGS_H */
