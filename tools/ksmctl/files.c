// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - files that a user names: read whole, and replaced whole or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"

const char *ctl_read_file(const char *file, const char *what, struct str *out)
{
	const bool in = !strcmp(file, "-");
	const char *name = in ? "standard input" : file;
	int fd __cleanup_fd = in ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		cli_die(CLI_FAIL, -errno, "%s: cannot open", name);
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			cli_die(CLI_FAIL, -errno, "%s: cannot read", name);
		if (str_addmem(out, buf, n) || out->len > CTL_FILE_LIMIT)
			cli_die(CLI_FAIL, 0, "%s: too large for %s", name, what);
	}
	return name;
}

/*
 * A file that is there keeps its mode, and its owner where we may give it away; a
 * new one is made as any program makes one.
 */
static int set_mode(int fd, const struct stat *old)
{
	mode_t mask;

	if (!old) {
		mask = umask(0);
		umask(mask);
		return fchmod(fd, 0666 & ~mask) ? -errno : 0;
	}
	/* Another's file that only we may replace: set-user-id bits go with the owner. */
	if (fchown(fd, old->st_uid, old->st_gid) && errno != EPERM)
		return -errno;
	return fchmod(fd, old->st_mode & 0777) ? -errno : 0;
}

static int write_text(int fd, const struct str *text)
{
	const ssize_t n = write(fd, str_get(text), text->len);

	if (n < 0)
		return -errno;
	return (size_t)n == text->len ? 0 : -ENOSPC;
}

void ctl_write_file(const char *name, const struct str *text, unsigned int flags)
{
	/* What a symbolic link leads to is replaced, not the link. */
	char *target __cleanup_free = flags & CTL_WRITE_PLAIN ? NULL : realpath(name, NULL);
	const char *file = target ? target : name;
	struct str tmp __cleanup_str = STR_INIT;
	struct stat st;
	const bool old = !(flags & CTL_WRITE_PLAIN ? lstat(file, &st) : stat(file, &st));
	int fd, rc;

	if (old && !S_ISREG(st.st_mode) && flags & CTL_WRITE_PLAIN)
		cli_die(CLI_FAIL, 0, "%s: not replaced: no plain file", name);
	/* A device or pipe cannot be replaced by renaming. */
	if (old && !S_ISREG(st.st_mode)) {
		fd = open(file, O_WRONLY | O_CLOEXEC);
	} else {
		str_addf(&tmp, "%s.XXXXXX", file);
		fd = str_err(&tmp) ? -1 : mkostemp(tmp.s, O_CLOEXEC);
	}
	if (fd < 0)
		cli_die(CLI_FAIL, -errno, "%s: cannot create", name);
	rc = write_text(fd, text);
	if (!rc && tmp.len)
		rc = set_mode(fd, old ? &st : NULL);
	if (!rc && tmp.len && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && tmp.len && rename(tmp.s, file))
		rc = -errno;
	if (rc && tmp.len)
		unlink(tmp.s);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot write", name);
}
