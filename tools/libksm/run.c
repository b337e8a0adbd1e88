// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run.c - what the tools note until the next boot.  Not the kernel's files: path.c.
 */
#include "libksm/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libksm/internal.h"
#include "libksm/sys.h"
#include "util/macros.h"
#include "util/num.h"

#define DIR_NAME "ksm-utils"
#define ROOT_DIR "/run/" DIR_NAME
#define USERS_DIR "/run/user"
#define EACH_MAX 65536	/* names in a directory that are looked at */

/* @fd, or closed and -EPERM: it is @uid's, and nobody else may write it. */
static int if_owned(int fd, uid_t uid)
{
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st))
		rc = -errno;
	else if (st.st_uid != uid || (st.st_mode & 022))
		rc = -EPERM;
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

static int own_dir(int at, const char *path, bool make)
{
	int fd;

	if (make && mkdirat(at, path, 0700) && errno != EEXIST)
		return -errno;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	return if_owned(fd, geteuid());
}

int ksm_run_open(const char *dir, bool make)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	int at __cleanup_fd = -1;

	if (dir)
		return own_dir(AT_FDCWD, dir, make);
	if (!geteuid())
		return own_dir(AT_FDCWD, ROOT_DIR, make);
	if (!run || *run != '/')
		return -ENOENT;
	at = own_dir(AT_FDCWD, run, false);
	return at < 0 ? at : own_dir(at, DIR_NAME, make);
}

int ksm_run_open_for_all(const char *dir)
{
	int fd __cleanup_fd = own_dir(AT_FDCWD, dir, true);

	if (fd < 0)
		return fd;
	/* Not by mkdir(): a daemon's mask is for its secrets, and this is none. */
	if (fchmod(fd, 0755))
		return -errno;
	return steal_fd(&fd);
}

int ksm_run_open_user(const char *base, uid_t uid)
{
	int users __cleanup_fd = open(base ? base : USERS_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int at __cleanup_fd = -1;
	char name[16];
	int fd;

	if (users < 0)
		return -errno;
	snprintf(name, sizeof(name), "%u", (unsigned int)uid);
	/* Opened so, nobody is asked: only the directory above is looked at. */
	at = openat(users, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return -errno;
	if (!ksm_path_in_memory(at))
		return -EPERM;
	fd = sys_openat2_same_mount(at, DIR_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOSYS ? fd : -EPERM;
	return if_owned(fd, uid);
}

/* Only a file of the directory's owner, and in a user's directory only where it is. */
static int open_file(int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat dir, st;
	int fd;

	if (fstat(dirfd, &dir))
		return -errno;
	fd = dir.st_uid == geteuid() ? openat(dirfd, name, flags) :
				       sys_openat2_same_mount(dirfd, name, flags);
	if (fd == -1)
		fd = -errno;
	if (fd < 0)
		return fd == -ELOOP || fd == -EXDEV ? -EPERM : fd;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == dir.st_uid)
		return fd;
	close(fd);
	return -EPERM;
}

int ksm_run_read(int dirfd, const char *name, size_t max, struct str *out)
{
	int fd __cleanup_fd = open_file(dirfd, name);
	const size_t before = out->len;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (out->len - before + n > max)
			return -EFBIG;
		if (str_addmem(out, buf, n))
			return str_err(out);
	}
	return n < 0 ? -errno : 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (size_t at = 0; at < len; at += n) {
		n = write(fd, text + at, len - at);
		if (n <= 0)
			return n ? -errno : -ENOSPC;
	}
	return 0;
}

static int write_mode(int dirfd, const char *name, mode_t mode, const char *text, size_t len)
{
	char temporary[256];
	int fd, rc;

	/* One for each writer: whoever comes last has written it whole. */
	snprintf(temporary, sizeof(temporary), ".%.200s.%d", name, (int)getpid()); /* see left_by() */
	unlinkat(dirfd, temporary, 0);
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, len);
	if (!rc && fchmod(fd, mode))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && renameat(dirfd, temporary, dirfd, name))
		rc = -errno;
	if (rc)
		unlinkat(dirfd, temporary, 0);
	return rc;
}

int ksm_run_write(int dirfd, const char *name, const char *text, size_t len)
{
	return write_mode(dirfd, name, 0600, text, len);
}

int ksm_run_write_for_all(int dirfd, const char *name, const char *text, size_t len)
{
	return write_mode(dirfd, name, 0644, text, len);
}

int ksm_run_remove(int dirfd, const char *name)
{
	return unlinkat(dirfd, name, 0) && errno != ENOENT ? -errno : 0;
}

int ksm_run_each(int dirfd, int (*fn)(const char *name, void *arg), void *arg)
{
	/* An open of its own: a duplicate would share where the other one stands. */
	const int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d __cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (int i = 0; !rc && i < EACH_MAX && (e = readdir(d)) != NULL; i++)
		rc = fn(e->d_name, arg);
	return rc;
}

/* ".NAME.PID": the writer that a temporary file is of, or 0. */
static pid_t left_by(const char *name)
{
	const char *s = strrchr(name, '.');
	uint64_t pid;

	if (*name != '.' || s++ == name || num_take_u64(&s, 10, &pid))
		return 0;
	return *s || pid > INT32_MAX ? 0 : (pid_t)pid;
}

static int tidy_one(const char *name, void *arg)
{
	const pid_t pid = left_by(name);

	if (pid && kill(pid, 0) && errno == ESRCH)
		unlinkat(*(const int *)arg, name, 0);
	return 0;
}

void ksm_run_tidy(int dirfd)
{
	(void)ksm_run_each(dirfd, tidy_one, &dirfd);
}
