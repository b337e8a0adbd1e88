// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - which files hold the configuration, in which order.
 *
 * As systemd has it: of the main file, the first of /etc, /run and /usr/lib; then the
 * pieces of all *.conf.d, in the order of their names, of equal names the one that comes
 * first.  A piece that is a link to /dev/null switches off those of its name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksm-autotune/autotune.h"
#include "util/dirs.h"
#include "util/str.h"

#define NAME	 "ksm-autotune"
#define FILE_MAX (1U << 20)
#define PIECES_MAX 1024

static const char *const places[] = { SYSCONFDIR, "/run", PKGLIBDIR };

struct piece {
	char *name, *path;
};

struct pieces {
	struct piece *v;
	size_t n, cap;
};

static void mistake(const char *file, unsigned int line, const char *what, void *arg __unused)
{
	if (line)
		cli_error(0, "%s:%u: %s", file, line, what);
	else
		cli_error(0, "%s: %s", file, what);
}

/* 0; -EISDIR, -EFBIG, -errno. */
static int read_file(const char *path, struct str *out)
{
	int fd __cleanup_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char buf[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	/* /dev/null is an empty file here, and nothing else is that waits for a writer. */
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (out->len > FILE_MAX)
			return -EFBIG;
		str_addmem(out, buf, n);
	}
	return n < 0 ? -errno : str_err(out);
}

static int parse_file(struct tune_parser *p, const char *path)
{
	struct str text __cleanup_str = STR_INIT;
	int rc = read_file(path, &text);

	if (rc) {
		cli_error(rc, "%s: cannot read", path);
		return rc;
	}
	rc = tune_config_parse(p, path, str_get(&text), text.len);
	if (rc == -ENOMEM)
		cli_die(CLI_FAIL, rc, "allocate");
	return rc;
}

static bool is_known(const struct pieces *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return true;
	return false;
}

static void list_dir(struct pieces *all, const char *dir)
{
	DIR *d __cleanup_dir = opendir(dir);
	const struct dirent *e;
	char path[4096];

	while (d && all->n < PIECES_MAX && (e = readdir(d)) != NULL) {
		const size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".conf") || e->d_name[0] == '.' ||
		    is_known(all, e->d_name))
			continue;
		xvec_room(all->v, all->n, all->cap);
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		all->v[all->n++] = (struct piece){ xstrdup(e->d_name), xstrdup(path) };
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct piece *)a)->name, ((const struct piece *)b)->name);
}

static int parse_system(struct tune_parser *p)
{
	struct pieces all = { 0 };
	char path[4096];
	int rc = 0, one;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/" NAME ".conf", places[i]);
		if (access(path, F_OK))
			continue;
		rc = parse_file(p, path);
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/" NAME ".conf.d", places[i]);
		list_dir(&all, path);
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_name);
	for (size_t i = 0; i < all.n; i++) {
		one = parse_file(p, all.v[i].path);
		rc = rc ? rc : one;
		free(all.v[i].name);
		free(all.v[i].path);
	}
	free(all.v);
	return rc;
}

int auto_config_load(const struct auto_args *a, struct tune_config *out)
{
	struct tune_parser p = { .to = out, .mistake = mistake };
	int rc, last;

	tune_config_init(out);
	rc = a->config ? parse_file(&p, a->config) : parse_system(&p);
	last = tune_config_finish(&p);
	if (!rc && !last)
		return 0;
	tune_config_fini(out);
	return CLI_FAIL;
}
