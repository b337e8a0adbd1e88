/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seccomp.h - what a thread's seccomp filters would answer to a call.
 *
 * A call that a filter does not allow may kill the process that is made to issue
 * it.  So the filters are read (PTRACE_SECCOMP_GET_FILTER) and run here, on the
 * same numbers that the kernel will give them, before anything is done.
 */
#ifndef KSM_INJECT_SECCOMP_H
#define KSM_INJECT_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "inject/inject.h"

/* The numbers of seccomp(2) that a kernel header older than the tool may lack. */
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SECCOMP_RET_LOG
#define SECCOMP_RET_LOG 0x7ffc0000U
#endif
#ifndef SECCOMP_RET_ACTION_FULL
#define SECCOMP_RET_ACTION_FULL 0xffff0000U
#endif

/* Seccomp: of /proc/PID/status */
enum {
	INJECT_SECCOMP_OFF = 0,
	INJECT_SECCOMP_STRICT = 1,
	INJECT_SECCOMP_FILTER = 2,
};

/* Bits of a struct seccomp_data in words of 32 bits: all of its arguments. */
#define INJECT_SECCOMP_ARGS 0xfff0U

struct inject_filters {
	int mode;			/* INJECT_SECCOMP_* */
	struct sock_filter *code;	/* of all filters, one behind the other */
	uint32_t *len;			/* of each */
	size_t n;
	bool log_allows;		/* this kernel knows SECCOMP_RET_LOG: 4.14 */
};

/**
 * inject_seccomp_run() - run one filter
 * @code: as PTRACE_SECCOMP_GET_FILTER tells it, or anything else
 * @n: instructions
 * @data: the call
 * @unknown: bit I is set where word I of @data is not known
 *
 * Pure.  Takes @n steps at most, because jumps lead forward only.
 *
 * Return: what the filter returns; SECCOMP_RET_KILL_PROCESS for one that the
 * kernel would not have accepted, or that looks at something unknown.
 */
uint32_t inject_seccomp_run(const struct sock_filter *code, size_t n,
			    const struct seccomp_data *data, uint32_t unknown);

/* The most severe answer of all filters, SECCOMP_RET_ACTION_FULL and its data; pure. */
uint32_t inject_seccomp_answer(const struct inject_filters *f, const struct seccomp_data *data,
			       uint32_t unknown);
/* Is the call made as if there were no filter? */
bool inject_seccomp_allows(const struct inject_filters *f, const struct seccomp_data *data,
			   uint32_t unknown);

/**
 * inject_seccomp_read() - the filters of a thread in a ptrace stop
 * @f: .mode and .log_allows set, the rest zeroed; call inject_seccomp_fini()
 * @why: the reason of a refusal
 *
 * Return: 0; -EACCES when we may not read them; -EOPNOTSUPP; -errno.
 */
int inject_seccomp_read(pid_t tid, struct inject_filters *f, enum ksm_inject_why *why);
void inject_seccomp_fini(struct inject_filters *f);

#endif /* KSM_INJECT_SECCOMP_H */
