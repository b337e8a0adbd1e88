/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h - what the tools note until the next boot, for themselves and one another.
 *
 * Small files in a directory that nobody else may write: below /run for root, else
 * below $XDG_RUNTIME_DIR.  What is noted here is acted upon, so a directory or a file
 * of somebody else is not read: but root reads those of a user, for what is his.
 */
#ifndef KSM_LIBKSM_RUN_H
#define KSM_LIBKSM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/str.h"

/**
 * ksm_run_open() - the directory for notes
 * @dir: another one, or NULL; it is made if @make, but not what it is in
 * @make: make it if it is not there
 *
 * Return: a descriptor, for the caller to close; -ENOENT when it is not there, or
 * without $XDG_RUNTIME_DIR; -EPERM when it is not ours alone; other -errno.
 */
int ksm_run_open(const char *dir, bool make);

/**
 * ksm_run_open_for_all() - a directory of notes that everybody may read (0755)
 * @dir: it is made, but not what it is in
 *
 * Return: as ksm_run_open().
 */
int ksm_run_open_for_all(const char *dir);

/**
 * ksm_run_open_user() - root: what a user has in the directory for his notes
 * @base: where those of users are, or NULL: /run/user
 *
 * To read and to remove from.  It is looked at only on a file system of the kernel's
 * own memory, for a user may mount there one that never answers.
 * Return: as ksm_run_open(); -ENOSYS before Linux 5.6.
 */
int ksm_run_open_user(const char *base, uid_t uid);

/*
 * 0, and the text is behind what @out has; -ENOENT; -EPERM when it is not a file of
 * the directory's owner; -EFBIG beyond @max bytes; -errno.
 */
int ksm_run_read(int dirfd, const char *name, size_t max, struct str *out);

/**
 * ksm_run_write() - replace a file as a whole; only we may read it
 *
 * Return: 0; -errno, and then the old one is as it was.
 */
int ksm_run_write(int dirfd, const char *name, const char *text, size_t len);
/* The same, for everybody to read (0644), whatever our mask. */
int ksm_run_write_for_all(int dirfd, const char *name, const char *text, size_t len);

/* 0 also when there was none. */
int ksm_run_remove(int dirfd, const char *name);

/* Removes what writers that were killed have left half-written. */
void ksm_run_tidy(int dirfd);

/* Calls @fn for each name; what @fn returns, other than 0, ends it and is returned. */
int ksm_run_each(int dirfd, int (*fn)(const char *name, void *arg), void *arg);

#endif /* KSM_LIBKSM_RUN_H */
