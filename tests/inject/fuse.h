/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuse.h - a file system served by the test, which may fall silent.
 *
 * It has one file, "libc.so", and speaks the kernel's protocol itself.  Its end
 * ends all waiting for it: the kernel aborts a connection when its last
 * descriptor is closed.
 */
#ifndef KSM_TESTS_INJECT_FUSE_H
#define KSM_TESTS_INJECT_FUSE_H

#include <stdatomic.h>
#include <sys/types.h>

struct fuse_share {
	atomic_int reads;	/* how many times somebody asked for a page */
	atomic_int silent;	/* do not answer that */
};

/*
 * Mounts it at @dir, in the calling process' mount namespace, and forks the
 * server.  Its pid; -errno when this machine does not let us.
 */
pid_t fuse_start(const char *dir, struct fuse_share *sh);

#endif /* KSM_TESTS_INJECT_FUSE_H */
