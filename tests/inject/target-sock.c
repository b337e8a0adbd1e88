// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * target-sock.c - targets that sleep on a socket with a timeout, or in a ring: calls
 * that answer EINTR to a stop unless somebody mends it.
 */
#include "target-kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/macros.h"

/* What is sent: small enough for a datagram. */
#define PIECE 1000
static char piece[PIECE];
static struct iovec piece_iov = { piece, PIECE };

static const struct timeval patience = { 600, 0 };

static void set_timeouts(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int by_read(int fd)
{
	return read(fd, piece, 1);
}

static int by_readv(int fd)
{
	struct iovec iov = { piece, 1 };

	return readv(fd, &iov, 1);
}

static int by_preadv2(int fd)
{
	struct iovec iov = { piece, 1 };

	return preadv2(fd, &iov, 1, -1, 0);
}

static int by_recvfrom(int fd)
{
	return recv(fd, piece, 1, 0);
}

static int by_recvmsg(int fd)
{
	struct iovec iov = { piece, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(fd, &m, 0);
}

static int by_recvmmsg(int fd)
{
	struct iovec iov = { piece, 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return recvmmsg(fd, &m, 1, 0, NULL);
}

static int by_splice(int fd)
{
	int into[2];

	return pipe(into) ? -1 : splice(fd, NULL, into[1], NULL, 1, 0);
}

static int by_write(int fd)
{
	return write(fd, piece, PIECE);
}

static int by_writev(int fd)
{
	return writev(fd, &piece_iov, 1);
}

static int by_pwritev2(int fd)
{
	return pwritev2(fd, &piece_iov, 1, -1, 0);
}

static int by_sendto(int fd)
{
	return send(fd, piece, PIECE, 0);
}

static int by_sendmsg(int fd)
{
	struct msghdr m = { .msg_iov = &piece_iov, .msg_iovlen = 1 };

	return sendmsg(fd, &m, 0);
}

static int by_sendmmsg(int fd)
{
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &piece_iov, .msg_iovlen = 1 } };

	return sendmmsg(fd, &m, 1, 0);
}

static int by_sendfile(int fd)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return sendfile(fd, file, NULL, PIECE);
}

static int sleeps(struct share *sh, const char *what, int (*call)(int fd), int want)
{
	set_timeouts(sh->pair[0]);
	target_ready();
	return target_check_call(what, call(sh->pair[0]), want);
}

/* The same behind so much data that it has to wait. */
static int sleeps_full(struct share *sh, const char *what, int (*call)(int fd), int want)
{
	int small = 1;

	setsockopt(sh->pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (send(sh->pair[0], piece, PIECE, MSG_DONTWAIT) > 0)
		;
	return sleeps(sh, what, call, want);
}

void release_sock_send(pid_t pid __unused, struct share *sh)
{
	if (send(sh->pair[1], "x", 1, 0) != 1)
		perror("release");
}

/* All that is there: a sender waits for half of its buffer. */
void release_sock_drain(pid_t pid __unused, struct share *sh)
{
	static char buf[65536];

	while (recv(sh->pair[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

#define RECEIVER(n)                                           \
	int run_sock_##n(struct share *sh)                    \
	{                                                     \
		return sleeps(sh, #n, by_##n, 1);             \
	}
#define SENDER(n)                                             \
	int run_sock_##n(struct share *sh)                    \
	{                                                     \
		return sleeps_full(sh, #n, by_##n, PIECE);    \
	}
RECEIVER(read)
RECEIVER(readv)
RECEIVER(preadv2)
RECEIVER(recvfrom)
RECEIVER(recvmsg)
RECEIVER(splice)
SENDER(write)
SENDER(writev)
SENDER(pwritev2)
SENDER(sendto)
SENDER(sendmsg)
SENDER(sendfile)

/* These tell how many messages there were. */
int run_sock_recvmmsg(struct share *sh)
{
	return sleeps(sh, "recvmmsg", by_recvmmsg, 1);
}

int run_sock_sendmmsg(struct share *sh)
{
	return sleeps_full(sh, "sendmmsg", by_sendmmsg, 1);
}

/* A listener's queue holds what nobody accepts; behind it, connect() waits. */
int run_sock_connect(struct share *sh)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	int fd;

	getsockname(sh->sock, (struct sockaddr *)&sun, &len);
	for (;;) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fd, (struct sockaddr *)&sun, len))
			break;
	}
	fcntl(fd, F_SETFL, 0);
	set_timeouts(fd);
	target_ready();
	return target_check_call("connect", connect(fd, (struct sockaddr *)&sun, len), 0);
}

void release_accept(pid_t pid __unused, struct share *sh)
{
	int fd = accept(sh->sock, NULL, NULL);

	if (fd < 0)
		perror("release");
	close(fd);
}

/* Where there are no rings, or they are forbidden, it sleeps in a read. */
int run_uring(struct share *sh)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 4, &p);
	struct io_uring_sqe *sqes;
	unsigned char *ring;
	char c = 0;

	if (fd < 0) {
		target_ready();
		return target_check_call("read", read(sh->pipe[0], &c, 1), 1);
	}
	ring = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned int),
		    PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQES);
	if (ring == MAP_FAILED || sqes == MAP_FAILED)
		return target_bad("mmap of a ring", -1);
	sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD,
		.fd = sh->pipe[0],
		.poll_events = 1,	/* POLLIN */
	};
	*(unsigned int *)(ring + p.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(ring + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) != 1)
		return target_bad("submission", -1);
	target_ready();
	return target_check_call("io_uring_enter",
				 syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS,
					 NULL, 0), 0);
}
