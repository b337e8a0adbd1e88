/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xalloc.h - allocate or end the program.
 *
 * For cli and the tools only: libksm and util return -ENOMEM.
 */
#ifndef KSM_CLI_XALLOC_H
#define KSM_CLI_XALLOC_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "util/vec.h"

static inline void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	return p;
}

static inline void *xreallocarray(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size);

	if (!p)
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	return p;
}

/* vec_room(), which then does not fail. */
#define xvec_room(v, n, cap)						\
	do {								\
		if (vec_room(v, n, cap))				\
			cli_die(CLI_FAIL, -ENOMEM, "allocate");		\
	} while (0)

static inline char *xstrdup(const char *s)
{
	char *p = strdup(s);

	if (!p)
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	return p;
}

#endif /* KSM_CLI_XALLOC_H */
