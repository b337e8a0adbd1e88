// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * key-file.c - a key in a file, for sketches that are to be compared.
 *
 * Whoever can read it can find out from a sketch what a host holds: it is readable
 * by its owner only.
 */
#include "ksm-estimate/report.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_key(int fd, const struct est_key *key)
{
	ssize_t n = write(fd, key->secret, sizeof(key->secret));

	if (n < 0)
		return -errno;
	return n == sizeof(key->secret) ? 0 : -ENOSPC;
}

static int make_key(const char *path, struct est_key *key)
{
	int fd __cleanup_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = est_key_new(key);
	if (!rc)
		rc = write_key(fd, key);
	if (!rc && close(steal_fd(&fd)))
		rc = -errno;
	if (rc)
		unlink(path);
	return rc;
}

/* A secret that others may read is none, and one that others may write is theirs. */
static int check_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTO;
	if (st.st_uid && st.st_uid != geteuid())
		return -EKEYREJECTED;
	return st.st_mode & 077 ? -EKEYREJECTED : 0;
}

int est_key_file(const char *path, struct est_key *key)
{
	char more;
	int fd __cleanup_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;
	int rc;

	if (fd < 0 && errno == ENOENT)
		return make_key(path, key);
	if (fd < 0)
		return -errno;
	rc = check_owner(fd);
	if (rc)
		return rc;
	n = read(fd, key->secret, sizeof(key->secret));
	if (n < 0)
		return -errno;
	if (n != sizeof(key->secret) || read(fd, &more, 1) != 0)
		return -EPROTO;
	est_key_set_id(key);
	return 0;
}
