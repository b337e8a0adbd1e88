// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sequence.c - one system at several moments: a directory with a dump in each of
 * 0, 1, 2 and so on.  The moments are those of their meta files.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ksm_seq {
	unsigned int next;
	char dir[];
};

/* 0, -ENOENT or another -errno. */
static int step_path(const struct ksm_seq *q, struct str *path)
{
	int rc = str_addf(path, "%s/%u", q->dir, q->next);
	int fd;

	if (rc)
		return rc;
	fd = ksm_path_root(str_get(path));
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int ksm_seq_open(const char *dir, struct ksm_seq **out)
{
	struct ksm_seq *q = calloc(1, sizeof(*q) + strlen(dir) + 1);
	struct str path __cleanup_str = STR_INIT;
	int rc;

	*out = NULL;
	if (!q)
		return -ENOMEM;
	memcpy(q->dir, dir, strlen(dir) + 1);
	rc = step_path(q, &path);
	if (rc) {
		free(q);
		return rc;
	}
	*out = q;
	return 0;
}

int ksm_seq_next(struct ksm_seq *q, struct ksm **out)
{
	struct str path __cleanup_str = STR_INIT;
	int rc = step_path(q, &path);

	*out = NULL;
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = ksm_open(str_get(&path), out);
	if (rc)
		return rc;
	q->next++;
	return 1;
}

unsigned int ksm_seq_step(const struct ksm_seq *q)
{
	return q->next;
}

void ksm_seq_close(struct ksm_seq *q)
{
	free(q);
}
