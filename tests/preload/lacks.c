// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lacks.c - a kernel that was built without some files: an LD_PRELOAD object for
 * tests of commands that read the running system.
 *
 * KSM_TEST_LACKS names them, separated by commas.  Whatever is opened under such
 * a name is not there, as /proc/PID/smaps without CONFIG_PROC_PAGE_MONITOR.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool lacks(const char *path)
{
	const char *base = strrchr(path, '/'), *list = getenv("KSM_TEST_LACKS");
	size_t n;

	base = base ? base + 1 : path;
	for (; list && *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (strlen(base) == n && !strncmp(base, list, n))
			return true;
	}
	return false;
}

int openat(int dirfd, const char *path, int flags, ...)
{
	int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, "openat");
	mode_t mode = 0;
	va_list ap;

	if (lacks(path)) {
		errno = ENOENT;
		return -1;
	}
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return real(dirfd, path, flags, mode);
}

int openat64(int dirfd, const char *path, int flags, ...) __attribute__((alias("openat")));
/* What a fortified program calls where it passes no mode. */
int __openat_2(int dirfd, const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags)
{
	return openat(dirfd, path, flags);
}
int __openat64_2(int dirfd, const char *path, int flags) __attribute__((alias("__openat_2")));
