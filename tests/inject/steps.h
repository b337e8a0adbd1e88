/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps.h - a test looks on before each step of an injection.
 *
 * A program with steps.c is linked with --wrap=sys_ptrace,--wrap=sys_vm_writev, the
 * two calls by which an injection changes its target.
 */
#ifndef KSM_TESTS_INJECT_STEPS_H
#define KSM_TESTS_INJECT_STEPS_H

/* No request of ptrace(): sys_vm_writev() is about to be called. */
#define STEP_WRITE (-1)

/* The test's own: called before each step with the request and the data of ptrace(). */
void before_step(int req, void *data);

#endif /* KSM_TESTS_INJECT_STEPS_H */
