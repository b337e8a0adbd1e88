// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * job.c - one thing at a time that takes long, in a thread.
 */
#include "ksm-autotune/job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tune_job {
	int fd;
	bool runs;
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
};

int tune_job_new(struct tune_job **out)
{
	struct tune_job *j = calloc(1, sizeof(*j));
	int rc;

	*out = NULL;
	if (!j)
		return -ENOMEM;
	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->fd < 0) {
		rc = -errno;
		free(j);
		return rc;
	}
	*out = j;
	return 0;
}

void tune_job_free(struct tune_job *j)
{
	if (!j)
		return;
	if (j->runs)
		pthread_join(j->thread, NULL);
	close(j->fd);
	free(j);
}

void tune_job_wait(struct tune_job *j)
{
	uint64_t count;

	if (!j->runs)
		return;
	pthread_join(j->thread, NULL);
	j->runs = false;
	while (read(j->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

int tune_job_fd(const struct tune_job *j)
{
	return j->fd;
}

static void *work(void *arg)
{
	struct tune_job *j = arg;
	const uint64_t one = 1;

	j->fn(j->arg);
	/* There is one at a time, so there is room for this. */
	while (write(j->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

int tune_job_start(struct tune_job *j, void (*fn)(void *arg), void *arg)
{
	sigset_t all, old;
	int rc;

	if (j->runs)
		return -EBUSY;
	j->fn = fn;
	j->arg = arg;
	/* Signals are for the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = -pthread_create(&j->thread, NULL, work, j);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	j->runs = !rc;
	return rc;
}

void *tune_job_end(struct tune_job *j)
{
	uint64_t count;

	if (!j->runs || read(j->fd, &count, sizeof(count)) != sizeof(count))
		return NULL;
	pthread_join(j->thread, NULL);
	j->runs = false;
	return j->arg;
}
