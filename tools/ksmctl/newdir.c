// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * newdir.c - a directory that is there with all its files, or not at all.
 *
 * It is filled beside its place under a name of its own, which nobody else may enter,
 * and renamed when it is whole.  Nothing is followed and nothing is written over.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ksmctl/ksmctl.h"

#define DEPTH 8	/* directories that are open while it is removed; more take longer */

/* -EEXIST for what is no directory, -ENOTEMPTY for one with something in it. */
static int is_free(const char *dir)
{
	DIR *d __cleanup_dir = NULL;
	const struct dirent *e;
	struct stat st;

	if (lstat(dir, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return -EEXIST;
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			return -ENOTEMPTY;
	return 0;
}

int ctl_newdir_begin(struct ctl_newdir *d, const char *dir)
{
	size_t len = strlen(dir);
	int rc;

	*d = (struct ctl_newdir){ .fd = -1 };
	/* "x/" is x, and its neighbour is not in it. */
	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (str_addmem(&d->dir, dir, len) || str_addf(&d->tmp, "%s.XXXXXX", str_get(&d->dir)))
		return -ENOMEM;
	rc = is_free(str_get(&d->dir));
	if (rc)
		return rc;
	/* 0700, whatever the mask. */
	if (!mkdtemp(d->tmp.s)) {
		rc = -errno;
		str_reset(&d->tmp);
		return rc;
	}
	d->fd = open(str_get(&d->tmp), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return d->fd < 0 ? -errno : 0;
}

/* The directory that @path is in, made; its last name is left in *name. */
static int make_dirs(int fd, const char *path, const char **name)
{
	int at __cleanup_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	const char *slash;

	while (at >= 0 && (slash = strchr(path, '/'))) {
		char part[NAME_MAX + 1];
		int below;

		if ((size_t)(slash - path) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, slash - path);
		part[slash - path] = '\0';
		if (mkdirat(at, part, 0700) && errno != EEXIST)
			return -errno;
		below = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			return -errno;
		close(at);
		at = below;
		path = slash + 1;
	}
	*name = path;
	return at < 0 ? -errno : steal_fd(&at);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		text += n;
		len -= n;
	}
	return 0;
}

int ctl_newdir_put(struct ctl_newdir *d, const char *path, mode_t mode, const char *text,
		   size_t len)
{
	const char *name;
	int at __cleanup_fd = make_dirs(d->fd, path, &name);
	int fd, rc;

	if (at < 0)
		return at;
	fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, len);
	if (!rc && fchmod(fd, mode))
		rc = -errno;
	/* A full disk may be told only here. */
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc)
		d->bytes += len;
	return rc;
}

int ctl_newdir_finish(struct ctl_newdir *d)
{
	/* Of directories, one that is empty is replaced, and nothing else is. */
	if (rename(str_get(&d->tmp), str_get(&d->dir)))
		return -errno;
	str_reset(&d->tmp);
	return 0;
}

static int remove_one(const char *path, const struct stat *st __unused, int flag __unused,
		      struct FTW *at __unused)
{
	/* What cannot be removed now stays; the rest goes all the same. */
	(void)remove(path);
	return 0;
}

void ctl_newdir_end(struct ctl_newdir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	if (d->tmp.len)
		nftw(str_get(&d->tmp), remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
	str_fini(&d->tmp);
	str_fini(&d->dir);
}
