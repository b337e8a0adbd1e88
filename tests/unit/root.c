// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * root.c - fake kernels for unit tests; see root.h.
 *
 * The sources may be read-only (make distcheck), so a test that writes works
 * on a copy below $TMPDIR.
 */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libksm/libksm.h"

#define NOBODY 65534

static _Noreturn __printf(1, 2) void bail(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(": %s\n", strerror(err));
	fflush(stdout);
	exit(1);
}

static void path_join(char *out, size_t len, const char *dir, const char *path)
{
	if ((size_t)snprintf(out, len, "%s/%s", dir, path) >= len) {
		errno = ENAMETOOLONG;
		bail("%s/%s", dir, path);
	}
}

static void data_path(char *out, size_t len, const char *name)
{
	const char *src = getenv("KSM_SRCDIR");
	char dir[1024];

	path_join(dir, sizeof(dir), src ? src : ".", "tests/data");
	path_join(out, len, dir, name);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f __cleanup_file = fopen(path, "re");
	size_t cap = 1 << 16, n = 0, got;
	char *buf = malloc(cap);

	if (!f || !buf)
		bail("%s", path);
	while ((got = fread(buf + n, 1, cap - n - 1, f)) > 0) {
		n += got;
		if (cap - n < 2) {
			buf = realloc(buf, cap *= 2);
			if (!buf)
				bail("%s", path);
		}
	}
	if (ferror(f))
		bail("%s", path);
	buf[n] = '\0';
	*len = n;
	return buf;
}

char *root_slurp(const char *name, const char *path, size_t *len)
{
	char dir[1024], file[2048];

	data_path(dir, sizeof(dir), name);
	path_join(file, sizeof(file), dir, path);
	return slurp(file, len);
}

struct ksm *root_open(const char *name)
{
	char dir[1024];
	struct ksm *k;
	int rc;

	data_path(dir, sizeof(dir), name);
	rc = ksm_open(dir, &k);
	errno = -rc;
	if (rc)
		bail("%s", dir);
	return k;
}

struct ksm *root_handle(const struct root *r)
{
	struct ksm *k;
	int rc = ksm_open(r->dir, &k);

	errno = -rc;
	if (rc)
		bail("%s", r->dir);
	return k;
}

static void make_parents(char *file)
{
	for (char *p = strchr(file + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(file, 0755) && errno != EEXIST)
			bail("%s", file);
		*p = '/';
	}
}

void root_put_mem(const struct root *r, const char *path, const void *data, size_t len)
{
	int fd __cleanup_fd = -1;
	char file[1024];

	path_join(file, sizeof(file), r->dir, path);
	make_parents(file);
	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		bail("%s", file);
}

void root_put(const struct root *r, const char *path, const char *text)
{
	root_put_mem(r, path, text, strlen(text));
}

const char *root_get(const struct root *r, const char *path, char *buf, size_t len)
{
	char file[1024], *text;
	size_t n;

	path_join(file, sizeof(file), r->dir, path);
	text = slurp(file, &n);
	snprintf(buf, len, "%s", text);
	free(text);
	return buf;
}

bool root_has(const struct root *r, const char *path)
{
	char file[1024];

	path_join(file, sizeof(file), r->dir, path);
	return !access(file, F_OK);
}

void root_link(const struct root *r, const char *target, const char *path)
{
	char file[1024];

	path_join(file, sizeof(file), r->dir, path);
	make_parents(file);
	unlink(file);
	if (symlink(target, file))
		bail("%s", file);
}

void root_chmod(const struct root *r, const char *path, unsigned int mode)
{
	char file[1024];

	path_join(file, sizeof(file), r->dir, path);
	if (chmod(file, mode))
		bail("%s", file);
}

void root_new(struct root *r)
{
	const char *tmp = getenv("TMPDIR");
	char dir[1024];

	path_join(r->dir, sizeof(r->dir), tmp && *tmp ? tmp : "/tmp", "ksm-unit-XXXXXX");
	/* 0700 of mkdtemp would lock out the user that root_unpriv() becomes. */
	if (!mkdtemp(r->dir) || chmod(r->dir, 0755))
		bail("%s", r->dir);
	path_join(dir, sizeof(dir), r->dir, "proc/.");
	make_parents(dir);
	path_join(dir, sizeof(dir), r->dir, "sys/kernel/mm/ksm/.");
	make_parents(dir);
}

/* nftw() has no argument for its callback. */
static struct {
	const struct root *to;
	size_t skip;
} copying;

static int copy_entry(const char *file, const struct stat *st __unused, int type,
		      struct FTW *ftw __unused)
{
	const char *rel = file + copying.skip;
	char dir[1024], *text;
	size_t len;

	if (type == FTW_D && *rel) {
		path_join(dir, sizeof(dir), copying.to->dir, rel + 1);
		if (mkdir(dir, 0755) && errno != EEXIST)
			bail("%s", dir);
	} else if (type == FTW_F) {
		text = slurp(file, &len);
		root_put_mem(copying.to, rel + 1, text, len);
		free(text);
	}
	return 0;
}

static void apply_modes(const struct root *r)
{
	char file[1024], line[512], *path;
	FILE *f __cleanup_file = NULL;

	path_join(file, sizeof(file), r->dir, "modes");
	f = fopen(file, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		unsigned long mode = strtoul(line, &path, 8);

		path[strcspn(path, "\n")] = '\0';
		root_chmod(r, path + strspn(path, " "), mode);
	}
}

void root_copy(struct root *r, const char *name)
{
	char from[1024];

	data_path(from, sizeof(from), name);
	root_new(r);
	if (!strcmp(name, "no-ksm"))
		root_rm(r, "sys/kernel/mm/ksm");
	copying.to = r;
	copying.skip = strlen(from);
	if (nftw(from, copy_entry, 16, FTW_PHYS))
		bail("%s", from);
	apply_modes(r);
}

static int remove_entry(const char *file, const struct stat *st __unused, int type __unused,
			struct FTW *ftw __unused)
{
	return remove(file);
}

static void remove_tree(const char *dir)
{
	if (nftw(dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH))
		bail("%s", dir);
}

void root_rm(const struct root *r, const char *path)
{
	char file[1024];

	path_join(file, sizeof(file), r->dir, path);
	remove_tree(file);
}

void root_free(struct root *r)
{
	root_priv();
	remove_tree(r->dir);
}

static int own_entry(const char *file, const struct stat *st __unused, int type __unused,
		     struct FTW *ftw __unused)
{
	return lchown(file, NOBODY, NOBODY);
}

bool root_unpriv(const struct root *r)
{
	if (geteuid())
		return true;
	if (nftw(r->dir, own_entry, 16, FTW_PHYS) || setegid(NOBODY) || seteuid(NOBODY))
		return false;
	/* A temporary directory below somebody's closed one. */
	return !faccessat(AT_FDCWD, r->dir, R_OK | X_OK, AT_EACCESS);
}

void root_priv(void)
{
	if (!getuid() && geteuid() && (seteuid(0) || setegid(0)))
		bail("seteuid");
}
