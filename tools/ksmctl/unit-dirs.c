// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unit-dirs.c - where systemd has the files of a unit, on this system or below a root.
 *
 * The files are read and not the manager asked: what it says has lost the prefixes,
 * quotes and specifiers of commands, and of an image there is nobody to ask.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ksmctl/unit.h"
#include "libksm/sys.h"
#include "util/macros.h"
#include "util/vec.h"

#define FILE_MAX    (1 << 20)	/* of one file */
#define DROPINS_MAX 1000
#define PATH_LEN    1024

/* systemd.unit(5), the first one counts most. */
static const char *const dirs[] = {
	"etc/systemd/system.control",
	"run/systemd/system.control",
	"run/systemd/transient",
	"run/systemd/generator.early",
	"etc/systemd/system",
	"etc/systemd/system.attached",
	"run/systemd/system",
	"run/systemd/system.attached",
	"run/systemd/generator",
	"usr/local/lib/systemd/system",
	"usr/lib/systemd/system",
	"lib/systemd/system",
	"run/systemd/generator.late",
};

int unit_where_open(const char *root, struct unit_where *out)
{
	out->root = root;
	out->fd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return out->fd < 0 ? -errno : 0;
}

int unit_open(const struct unit_where *w, const char *path, int flags)
{
	int fd;

	flags |= O_CLOEXEC;
	if (w->root)
		return sys_openat2_in_root(w->fd, path, flags);
	fd = openat(w->fd, path, flags);
	return fd < 0 ? -errno : fd;
}

/* --- files --- */

/* The text of an open file; a device, as /dev/null stands for nothing, is empty. */
static int read_text(int fd, struct str *out)
{
	struct stat st;
	char buf[4096];
	ssize_t n;

	str_reset(out);
	if (fstat(fd, &st))
		return -errno;
	if (S_ISCHR(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (out->len + n > FILE_MAX)
			return -EFBIG;
		if (str_addmem(out, buf, n))
			return str_err(out);
	}
	return n < 0 ? -errno : 0;
}

static enum unit_found file_error(struct str *what, const char *path, int rc)
{
	str_reset(what);
	str_addf(what, "/%s: cannot read: %s", path, strerror(-rc));
	return UNIT_ERROR;
}

/* 0; -ENOENT where it is not there. */
static int parse_file(const struct unit_where *w, const char *path, struct unit *u)
{
	struct str text __cleanup_str = STR_INIT;
	int fd __cleanup_fd = unit_open(w, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	int rc = fd < 0 ? fd : read_text(fd, &text);

	return rc ? rc : unit_parse(u, str_get(&text), text.len);
}

/* --- drop-ins --- */

struct dropin {
	char *name;	/* of the file */
	char *path;
};

struct dropins {
	struct dropin *v;
	size_t n, cap;
};

static void dropins_fini(struct dropins *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->v[i].name);
		free(all->v[i].path);
	}
	free(all->v);
}

static bool has_dropin(const struct dropins *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return true;
	return false;
}

static int dropin_order(const void *a, const void *b)
{
	return strcmp(((const struct dropin *)a)->name, ((const struct dropin *)b)->name);
}

static int add_dropin(struct dropins *all, const char *dir, const char *name)
{
	const size_t n = strlen(name);
	struct dropin *d;

	if (n < 6 || strcmp(name + n - 5, ".conf") || *name == '.' ||
	    !strcmp(name, UNIT_DROPIN) || has_dropin(all, name))
		return 0;
	if (all->n == DROPINS_MAX)
		return -E2BIG;
	if (vec_room(all->v, all->n, all->cap))
		return -ENOMEM;
	d = &all->v[all->n++];
	*d = (struct dropin){ strdup(name), NULL };
	if (!d->name || asprintf(&d->path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	return 0;
}

/* Those of all directories called @name.d; a file hides those of its name further down. */
static int find_dropins(const struct unit_where *w, const char *name, struct dropins *all)
{
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[PATH_LEN];
		const struct dirent *e;
		DIR *d __cleanup_dir = NULL;
		int fd, rc = 0;

		snprintf(path, sizeof(path), "%s/%s.d", dirs[i], name);
		fd = unit_open(w, path, O_RDONLY | O_DIRECTORY);
		if (fd == -ENOENT || fd == -ENOTDIR)
			continue;
		if (fd < 0)
			return fd;
		d = fdopendir(fd);
		if (!d) {
			close(fd);
			return -ENOMEM;
		}
		while (!rc && (e = readdir(d)) != NULL)
			rc = add_dropin(all, path, e->d_name);
		if (rc)
			return rc;
	}
	return 0;
}

/* Of the unit, its template, the prefixes of its name, and of all services. */
static int find_all_dropins(const struct unit_where *w, const char *name, struct dropins *all)
{
	char other[UNIT_NAME_MAX];
	int rc = find_dropins(w, name, all);

	if (!rc && unit_template(name, other))
		return (rc = find_dropins(w, other, all)) ? rc : find_dropins(w, "service", all);
	for (size_t i = strlen(name); !rc && i > 0; i--) {
		if (name[i - 1] != '-')
			continue;
		memcpy(other, name, i);
		memcpy(other + i, ".service", sizeof(".service"));
		rc = find_dropins(w, other, all);
	}
	return rc ? rc : find_dropins(w, "service", all);
}

static enum unit_found read_dropins(const struct unit_where *w, const char *name, struct unit *u,
				    struct str *what)
{
	struct dropins all = { 0 };
	enum unit_found found = UNIT_FOUND;
	int rc = find_all_dropins(w, name, &all);

	if (rc) {
		str_addf(what, "%s.d: cannot read: %s", name, strerror(-rc));
		found = UNIT_ERROR;
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), dropin_order);
	for (size_t i = 0; found == UNIT_FOUND && i < all.n; i++) {
		rc = parse_file(w, all.v[i].path, u);
		/* A link to nothing, such as /dev/null of a root that has none, says nothing. */
		if (rc && rc != -ENOENT)
			found = file_error(what, all.v[i].path, rc);
	}
	dropins_fini(&all);
	return found;
}

/* --- the unit's own file --- */

/* What a link is another name of; false where it is no link, or has the unit's own name. */
static bool is_alias(const struct unit_where *w, const char *path, const char *name,
		     const char *template, struct str *what)
{
	int fd __cleanup_fd = unit_open(w, path, O_PATH | O_NOFOLLOW);
	char to[PATH_LEN];
	const ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", to, sizeof(to) - 1);
	const char *base;

	if (n <= 0)
		return false;
	to[n] = 0;
	base = strrchr(to, '/');
	base = base ? base + 1 : to;
	if (!strcmp(base, name) || !strcmp(base, template))
		return false;
	str_add(what, to);
	return true;
}

static enum unit_found read_own(const struct unit_where *w, const char *path, const char *name,
				const char *template, struct unit *u, struct str *what)
{
	struct str text __cleanup_str = STR_INIT;
	int fd __cleanup_fd = -1;
	int rc;

	if (is_alias(w, path, name, template, what)) {
		const char *base = strrchr(str_get(what), '/');

		if (!strcmp(str_get(what), "/dev/null"))
			return UNIT_MASKED;
		base = base ? base + 1 : str_get(what);
		memmove(what->s, base, strlen(base) + 1);
		what->len = strlen(what->s);
		return UNIT_ALIAS;
	}
	fd = unit_open(w, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (fd == -ENOENT)
		return UNIT_NONE;
	rc = fd < 0 ? fd : read_text(fd, &text);
	if (rc)
		return file_error(what, path, rc);
	if (!text.len)
		return UNIT_MASKED;
	rc = unit_parse(u, str_get(&text), text.len);
	return rc ? file_error(what, path, rc) : UNIT_FOUND;
}

enum unit_found unit_read(const struct unit_where *w, const char *name, struct unit *out,
			  struct str *what)
{
	char template[UNIT_NAME_MAX] = "";
	const char *names[] = { name, template };
	enum unit_found found = UNIT_NONE;

	if (!unit_template(name, template))
		names[1] = NULL;
	for (size_t n = 0; found == UNIT_NONE && n < ARRAY_SIZE(names) && names[n]; n++) {
		for (size_t i = 0; found == UNIT_NONE && i < ARRAY_SIZE(dirs); i++) {
			char path[PATH_LEN];

			snprintf(path, sizeof(path), "%s/%s", dirs[i], names[n]);
			found = read_own(w, path, name, template, out, what);
		}
	}
	return found == UNIT_FOUND ? read_dropins(w, name, out, what) : found;
}

/* --- its version --- */

static unsigned int version_in(const struct unit_where *w, const char *path)
{
	const int fd = unit_open(w, path, O_RDONLY | O_DIRECTORY);
	DIR *d __cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	unsigned int v = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!v && (e = readdir(d)) != NULL)
		if (!strncmp(e->d_name, "libsystemd-shared-", strlen("libsystemd-shared-")))
			v = unit_systemd_version(e->d_name);
	return v;
}

/* Debian has the library that tells it below the name of the architecture. */
unsigned int unit_installed_version(const struct unit_where *w)
{
	static const char *const places[] = { "usr/lib/systemd", "usr/lib64/systemd",
					      "lib/systemd", "lib64/systemd" };
	const int fd = unit_open(w, "usr/lib", O_RDONLY | O_DIRECTORY);
	DIR *d __cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	unsigned int v = 0;

	for (size_t i = 0; !v && i < ARRAY_SIZE(places); i++)
		v = version_in(w, places[i]);
	if (!d && fd >= 0)
		close(fd);
	while (!v && d && (e = readdir(d)) != NULL) {
		char path[PATH_LEN];

		if (!strstr(e->d_name, "-linux-"))
			continue;
		snprintf(path, sizeof(path), "usr/lib/%s/systemd", e->d_name);
		v = version_in(w, path);
	}
	return v;
}

/* --- our drop-in --- */

static const char *const made_in[] = { "etc/systemd/system", "run/systemd/system" };

void unit_dropin_path(const char *name, bool runtime, struct str *out)
{
	str_addf(out, "/%s/%s.d/" UNIT_DROPIN, made_in[runtime], name);
}

/* One step down, made if need be.  A link that is there is not followed out of the root. */
static int step_down(const struct unit_where *w, const char *path, bool make)
{
	int fd = unit_open(w, path, O_RDONLY | O_DIRECTORY);
	const char *base = strrchr(path, '/');
	char above[PATH_LEN];
	int at __cleanup_fd = -1;

	if (fd != -ENOENT || !make)
		return fd;
	snprintf(above, sizeof(above), "%.*s", base ? (int)(base - path) : 1, base ? path : ".");
	at = unit_open(w, above, O_RDONLY | O_DIRECTORY);
	if (at < 0)
		return at;
	if (mkdirat(at, base ? base + 1 : path, 0755) && errno != EEXIST)
		return -errno;
	return unit_open(w, path, O_RDONLY | O_DIRECTORY);
}

int unit_dropins(const struct unit_where *w, const char *name, bool runtime, bool make)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/%s.d", made_in[runtime], name);
	for (char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		int fd __cleanup_fd = -1;

		*s = 0;
		fd = step_down(w, path, make);
		*s = '/';
		if (fd < 0)
			return fd;
	}
	return step_down(w, path, make);
}

void unit_dropins_tidy(const struct unit_where *w, const char *name, bool runtime)
{
	int at __cleanup_fd = unit_open(w, made_in[runtime], O_RDONLY | O_DIRECTORY);
	char dir[UNIT_NAME_MAX + 2];

	snprintf(dir, sizeof(dir), "%s.d", name);
	if (at >= 0)
		unlinkat(at, dir, AT_REMOVEDIR);
}
