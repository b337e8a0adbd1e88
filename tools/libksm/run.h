/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h - what the tools note until the next boot, for themselves and one another.
 *
 * Small files in a directory that nobody else may write: below /run for root, else
 * below $XDG_RUNTIME_DIR.  What is noted here is acted upon, so a directory or a file
 * of somebody else is not read.
 */
#ifndef KSM_LIBKSM_RUN_H
#define KSM_LIBKSM_RUN_H

#include <stdbool.h>
#include <stddef.h>

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

/* 0, and the text is behind what @out has; -ENOENT; -EFBIG beyond @max bytes; -errno. */
int ksm_run_read(int dirfd, const char *name, size_t max, struct str *out);

/**
 * ksm_run_write() - replace a file as a whole
 *
 * Return: 0; -errno, and then the old one is as it was.
 */
int ksm_run_write(int dirfd, const char *name, const char *text, size_t len);

/* 0 also when there was none. */
int ksm_run_remove(int dirfd, const char *name);

/* Calls @fn for each name; what @fn returns, other than 0, ends it and is returned. */
int ksm_run_each(int dirfd, int (*fn)(const char *name, void *arg), void *arg);

#endif /* KSM_LIBKSM_RUN_H */
