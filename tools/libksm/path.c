// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * path.c - the only opener of files under /proc and /sys.
 *
 * Every path is relative to the root's descriptor.  Below a dump, symbolic
 * links are resolved inside of it (openat2, Linux 5.6), so that an absolute
 * link in somebody's dump cannot lead out.  Writes never create a file: a
 * typing mistake fails, and a dump stays as it is.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libksm/sys.h"

#define PATH_LEN 256
/* No kernel file that is read whole comes near; a dump's file may be anything. */
#define READ_MAX (64U << 20)

static int open_below(const struct ksm *k, int dirfd, const char *rel, int flags)
{
	int fd;

	/* openat2() refuses flags that mean nothing beside O_PATH. */
	flags |= O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY);
	if (!k->live) {
		/* A named pipe in a dump must not make us wait for the other end. */
		flags |= flags & O_PATH ? 0 : O_NONBLOCK;
		fd = sys_openat2_in_root(dirfd, rel, flags);
		if (fd != -ENOSYS)
			return fd;
	}
	fd = openat(dirfd, rel, flags);
	return fd < 0 ? -errno : fd;
}

int ksm_path_root(const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int ksm_path_base(struct ksm *k)
{
	k->procfd = open_below(k, k->rootfd, "proc", O_PATH | O_DIRECTORY);
	if (k->procfd < 0) {
		int rc = k->procfd;

		k->procfd = -1;
		return rc;
	}
	k->ksmfd = open_below(k, k->rootfd, "sys/kernel/mm/ksm", O_PATH | O_DIRECTORY);
	k->present = k->ksmfd < 0 ? ksm_state_of(k->ksmfd) : KSM_VALUE;
	if (k->ksmfd < 0)
		k->ksmfd = -1;
	return 0;
}

int ksm_path_openv(struct ksm *k, int flags, const char *fmt, va_list ap)
{
	char rel[PATH_LEN];
	int n = vsnprintf(rel, sizeof(rel), fmt, ap);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(rel))
		return -ENAMETOOLONG;
	fd = open_below(k, k->rootfd, rel, flags);
	if (fd < 0)
		ksm_fail(k, fd, (flags & O_ACCMODE) == O_RDONLY ? "read" : "write", "%s", rel);
	return fd;
}

int ksm_path_open(struct ksm *k, int flags, const char *fmt, ...)
{
	va_list ap;
	int fd;

	va_start(ap, fmt);
	fd = ksm_path_openv(k, flags, fmt, ap);
	va_end(ap);
	return fd;
}

DIR *ksm_path_opendir(struct ksm *k, const char *fmt, ...)
{
	int fd __cleanup_fd = -1;
	va_list ap;
	DIR *d;

	va_start(ap, fmt);
	fd = ksm_path_openv(k, O_RDONLY | O_DIRECTORY, fmt, ap);
	va_end(ap);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	d = fdopendir(fd);
	if (d)
		steal_fd(&fd);
	return d;
}

/*
 * A process that ends between open and read answers ESRCH; kernel files are
 * generated at each read, so a short read is the end only when it returns 0.
 */
int ksm_path_read_fd(int fd, struct str *out)
{
	size_t chunk = 4096;
	ssize_t n;

	str_reset(out);
	for (;;) {
		if (str_reserve(out, chunk + 1))
			return -ENOMEM;
		n = read(fd, out->s + out->len, chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		out->len += n;
		out->s[out->len] = '\0';
		if (!n)
			return 0;
		if (out->len > READ_MAX)
			return -EFBIG;
		if ((size_t)n == chunk && chunk < (256U << 10))
			chunk *= 2;
	}
}

int ksm_path_read(struct ksm *k, struct str *out, const char *fmt, ...)
{
	int fd __cleanup_fd = -1;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	fd = ksm_path_openv(k, O_RDONLY, fmt, ap);
	va_end(ap);
	if (fd < 0)
		return fd;
	rc = ksm_path_read_fd(fd, out);
	if (rc) {
		char rel[PATH_LEN];

		va_start(ap, fmt);
		vsnprintf(rel, sizeof(rel), fmt, ap);
		va_end(ap);
		ksm_fail(k, rc, "read", "%s", rel);
	}
	return rc;
}

ssize_t ksm_path_read_small(struct ksm *k, int dirfd, const char *name, char *buf, size_t len)
{
	int fd __cleanup_fd = open_below(k, dirfd, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, buf, len - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

int ksm_path_write_at(struct ksm *k, int dirfd, const char *name, const char *text)
{
	int fd __cleanup_fd = open_below(k, dirfd, name, O_WRONLY | O_TRUNC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fd;
	/* One write: the kernel takes each as a whole value.  EINTR is an answer of run=2. */
	n = write(fd, text, len);
	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -EIO;
	/* A file of a dump lives on a file system that may tell a full disk only here. */
	return close(steal_fd(&fd)) ? -errno : 0;
}

int ksm_path_owner(struct ksm *k, pid_t pid, uid_t *uid)
{
	char name[16];
	struct stat st;

	snprintf(name, sizeof(name), "%d", (int)pid);
	if (fstatat(k->procfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? -ESRCH : -errno;
	*uid = st.st_uid;
	return 0;
}
