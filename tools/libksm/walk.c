// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk.c - open a file of a dump, where the kernel cannot stay inside of it.
 *
 * What openat2() does with RESOLVE_IN_ROOT (Linux 5.6), by hand: the path is
 * walked one name at a time, each is opened without following it, and where it
 * is a symbolic link its text takes its place.  A way up goes to the descriptor
 * that the walk came from and not to "..", so that no link and nobody who moves
 * directories meanwhile leads out.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32	/* directories below each other; no dump has more */
#define LINKS_MAX 40	/* as the kernel has it: MAXSYMLINKS of include/linux/namei.h */

struct walk {
	int dir[DEPTH_MAX];	/* from the root, which is the caller's, to where we are */
	size_t depth;
	unsigned int links;
	char left[PATH_MAX];	/* of the path */
};

static void to_root(struct walk *w)
{
	while (w->depth)
		close(w->dir[w->depth--]);
}

/* The next name of what is left, or NULL at its end. */
static char *next_name(struct walk *w, char *name, size_t len)
{
	char *from = w->left + strspn(w->left, "/");
	size_t n = strcspn(from, "/");

	if (!n || n >= len)
		return NULL;
	memcpy(name, from, n);
	name[n] = '\0';
	memmove(w->left, from + n, strlen(from + n) + 1);
	return name;
}

/* The text of a link stands before what is left of the path, which begins with a slash. */
static int follow(struct walk *w, int dir, const char *name)
{
	char text[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (text[0] == '/')
		to_root(w);
	memcpy(rest, w->left, strlen(w->left) + 1);
	if ((size_t)snprintf(w->left, sizeof(w->left), "%s%s", text, rest) >= sizeof(w->left))
		return -ENAMETOOLONG;
	return 0;
}

static int enter(struct walk *w, const char *name)
{
	int fd;

	if (w->depth + 1 == DEPTH_MAX)
		return -ENAMETOOLONG;
	fd = openat(w->dir[w->depth], name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w->dir[++w->depth] = fd;
	return 0;
}

/* One name.  1 and *fd when it was the last, 0 to go on, -errno. */
static int step(struct walk *w, const char *name, int flags, int *fd)
{
	const int dir = w->dir[w->depth];
	const bool last = !w->left[strspn(w->left, "/")];
	struct stat st;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		if (w->depth)
			close(w->dir[w->depth--]);
		return 0;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(w, dir, name);
	if (!last)
		return enter(w, name);
	if (*w->left)
		flags |= O_DIRECTORY;
	/* What has become a link since is ELOOP. */
	*fd = openat(dir, name, flags | O_NOFOLLOW);
	return *fd < 0 ? -errno : 1;
}

int ksm_walk_open(int dirfd, const char *path, int flags)
{
	struct walk w = { .dir = { dirfd } };
	char name[NAME_MAX + 1];
	int fd = -1, rc = 0;

	if (strlen(path) >= sizeof(w.left))
		return -ENAMETOOLONG;
	memcpy(w.left, path, strlen(path) + 1);
	while (!rc && next_name(&w, name, sizeof(name)))
		rc = step(&w, name, flags, &fd);
	/* It ended with a directory that was gone up to, or is too long. */
	if (!rc && w.left[strspn(w.left, "/")])
		rc = -ENAMETOOLONG;
	if (!rc) {
		fd = openat(w.dir[w.depth], ".", flags);
		rc = fd < 0 ? -errno : 1;
	}
	to_root(&w);
	return rc > 0 ? fd : rc;
}
