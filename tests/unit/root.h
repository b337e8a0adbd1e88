/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * root.h - fake kernels for unit tests: open one of tests/data, or work on a
 * copy of it, or on one made of nothing.
 *
 * What cannot be set up ends the program ("Bail out!"): a test that runs
 * without its data proves nothing.  Paths are relative to the root.
 */
#ifndef KSM_TESTS_ROOT_H
#define KSM_TESTS_ROOT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/macros.h"

struct ksm;

struct root {
	char dir[256];
};

/* A root of tests/data, read in place; close it with ksm_close(). */
struct ksm *root_open(const char *name);

/* A copy in the temporary directory, with the modes that its file modes asks for. */
void root_copy(struct root *r, const char *name);
/* proc/ and an empty sys/kernel/mm/ksm/. */
void root_new(struct root *r);
void root_free(struct root *r);
struct ksm *root_handle(const struct root *r);

/* The directories above are made as needed; an earlier file is replaced. */
void root_put(const struct root *r, const char *path, const char *text);
void root_put_mem(const struct root *r, const char *path, const void *data, size_t len);
/* The file's text in buf, cut to fit; returns buf. */
const char *root_get(const struct root *r, const char *path, char *buf, size_t len);
bool root_has(const struct root *r, const char *path);
void root_rm(const struct root *r, const char *path);
void root_link(const struct root *r, const char *target, const char *path);
void root_chmod(const struct root *r, const char *path, unsigned int mode);

/**
 * root_unpriv() - go on as a user for whom modes of files count
 * @r: a copy, which then belongs to that user
 *
 * Nothing to do unless the tests run as root.
 * Return: false where that is impossible; the caller skips its test.
 */
bool root_unpriv(const struct root *r) __must_check;
/* The way back; also after a failed root_unpriv(). */
void root_priv(void);

/* A file of the source tree, for tests that parse it as it is; the caller frees it. */
char *root_slurp(const char *name, const char *path, size_t *len);

#endif /* KSM_TESTS_ROOT_H */
