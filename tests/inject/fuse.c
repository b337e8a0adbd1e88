// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuse.c - the smallest file system of FUSE: one file of blank pages; see fuse.h.
 */
#include "fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NODE_DIR = FUSE_ROOT_ID, NODE_FILE = 2, FILE_LEN = 1 << 20 };

/* Nobody waits for it longer, should a test go wrong. */
#define SERVER_SECONDS 100

static int fuse_fd;

static void answer(const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + (error ? 0 : len)),
		.error = error,
		.unique = in->unique,
	};
	struct iovec iov[] = { { &out, sizeof(out) }, { (void *)(uintptr_t)data, len } };

	if (writev(fuse_fd, iov, error || !len ? 1 : 2) < 0 && errno != ENOENT)
		_exit(2);
}

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.mode = node == NODE_DIR ? S_IFDIR | 0755 : S_IFREG | 0755,
		.nlink = 1,
		.size = node == NODE_DIR ? 0 : FILE_LEN,
		.blksize = 4096,
	};
}

static void serve(const struct fuse_in_header *in, const void *arg, struct fuse_share *sh)
{
	static const char pages[128 << 10];

	switch (in->opcode) {
	case FUSE_INIT: {
		/* No FUSE_ASYNC_READ: the reader itself waits for the answer. */
		const struct fuse_init_out out = { .major = 7, .minor = 31, .max_write = 4096 };

		answer(in, 0, &out, sizeof(out));
		break;
	}
	case FUSE_LOOKUP: {
		const struct fuse_entry_out out = { .nodeid = NODE_FILE,
						    .entry_valid = 3600,
						    .attr_valid = 3600,
						    .attr = attr_of(NODE_FILE) };

		answer(in, strcmp(arg, "libc.so") ? -ENOENT : 0, &out, sizeof(out));
		break;
	}
	case FUSE_GETATTR: {
		const struct fuse_attr_out out = { .attr_valid = 3600,
						   .attr = attr_of(in->nodeid) };

		answer(in, 0, &out, sizeof(out));
		break;
	}
	case FUSE_OPEN: {
		const struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE };

		answer(in, 0, &out, sizeof(out));
		break;
	}
	case FUSE_READ: {
		const struct fuse_read_in *r = arg;

		sh->reads++;
		if (!sh->silent)
			answer(in, 0, pages, r->size < sizeof(pages) ? r->size : sizeof(pages));
		break;
	}
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_RELEASE:
		answer(in, 0, NULL, 0);
		break;
	default:
		answer(in, -ENOSYS, NULL, 0);
	}
}

static void server(struct fuse_share *sh)
{
	static _Alignas(8) char buf[256 << 10];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SERVER_SECONDS);
	for (;;) {
		ssize_t n = read(fuse_fd, buf, sizeof(buf) - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			_exit(n < 0 && errno == ENODEV ? 0 : 1);
		buf[n] = '\0';
		serve((struct fuse_in_header *)buf, buf + sizeof(struct fuse_in_header), sh);
	}
}

pid_t fuse_start(const char *dir, struct fuse_share *sh)
{
	char options[100];
	pid_t pid;

	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other",
		 fuse_fd, geteuid(), getegid());
	if (mount("t-inject", dir, "fuse", MS_NOSUID | MS_NODEV, options)) {
		int rc = -errno;

		close(fuse_fd);
		return rc;
	}
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid)
		server(sh);
	close(fuse_fd);
	return pid;
}
