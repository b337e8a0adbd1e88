/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job.h - one thing at a time that takes long, beside the daemon's own loop.
 */
#ifndef KSM_AUTOTUNE_JOB_H
#define KSM_AUTOTUNE_JOB_H

#include <stdbool.h>

struct tune_job;

/* 0 or -errno. */
int tune_job_new(struct tune_job **out);
/* Waits for what runs: tell it to end before.  NULL is fine. */
void tune_job_free(struct tune_job *j);
/* Until what runs is done, as if tune_job_end() had taken it: tell it to end before. */
void tune_job_wait(struct tune_job *j);
/* Readable when a job is done. */
int tune_job_fd(const struct tune_job *j);

/**
 * tune_job_start() - run @fn in a thread, with all signals blocked
 * @arg: belongs to @fn until tune_job_end()
 *
 * Return: 0; -EBUSY while another runs; -errno.
 */
int tune_job_start(struct tune_job *j, void (*fn)(void *arg), void *arg);
/* Of what is done: its argument, which is the caller's again; NULL: nothing is done. */
void *tune_job_end(struct tune_job *j);

#endif /* KSM_AUTOTUNE_JOB_H */
