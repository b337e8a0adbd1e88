/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macros.h - the few language helpers every file may use.
 *
 * Not for anything that knows about memory, processes or printing.  The
 * __cleanup_* attributes are for locals with one owner; hand a value out of a
 * function with steal_fd() or steal_ptr().
 */
#ifndef KSM_UTIL_MACROS_H
#define KSM_UTIL_MACROS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define __printf(fmt, first) __attribute__((format(printf, fmt, first)))
#define __unused	     __attribute__((unused))
#define __must_check	     __attribute__((warn_unused_result))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define __cleanup_free __attribute__((cleanup(cleanup_free)))
#define __cleanup_fd   __attribute__((cleanup(cleanup_fd)))
#define __cleanup_file __attribute__((cleanup(cleanup_file)))
#define __cleanup_dir  __attribute__((cleanup(cleanup_dir)))

static inline int steal_fd(int *fd)
{
	int got = *fd;

	*fd = -1;
	return got;
}

static inline void *steal_ptr_(void *pp)
{
	void *got = *(void **)pp;

	*(void **)pp = NULL;
	return got;
}

#define steal_ptr(pp) ((__typeof__(*(pp)))steal_ptr_(pp))

#endif /* KSM_UTIL_MACROS_H */
