// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nl.c - netlink sockets for libksm: open, send, receive, and the meaning of
 * their errors.  Knows no protocol.
 */
#include "libksm/nl.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>

static int open_error(void)
{
	switch (errno) {
	case EPROTONOSUPPORT:
	case ENOENT:
		return -EOPNOTSUPP;
	case EACCES:
		return -EPERM;
	default:
		return -errno;
	}
}

int ksm_nl_open(int bus, unsigned int groups, int rcvbuf, struct mnl_socket **out)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int rc;

	*out = NULL;
	if (!nl)
		return open_error();
	if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		rc = open_error();
		mnl_socket_close(nl);
		return rc;
	}
	/* FORCE needs CAP_NET_ADMIN; without it the system's limit applies. */
	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)))
		setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	*out = nl;
	return 0;
}

void ksm_nl_close(struct mnl_socket *nl)
{
	if (nl)
		mnl_socket_close(nl);
}

int ksm_nl_fd(const struct mnl_socket *nl)
{
	return mnl_socket_get_fd(nl);
}

int ksm_nl_send(struct mnl_socket *nl, const void *msg, size_t len)
{
	return mnl_socket_sendto(nl, msg, len) < 0 ? -errno : 0;
}

/*
 * Not mnl_socket_recvfrom(), which does not tell the sender: any process may send
 * to a port that it knows, and only the kernel's is 0 (netlink(7)).
 */
ssize_t ksm_nl_recv(struct mnl_socket *nl, void *buf, size_t len)
{
	struct sockaddr_nl from;
	struct iovec iov = { buf, len };
	ssize_t n;

	for (;;) {
		struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from),
				      .msg_iov = &iov, .msg_iovlen = 1 };

		n = recvmsg(mnl_socket_get_fd(nl), &msg, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (msg.msg_namelen != sizeof(from) || from.nl_pid)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -ENOSPC : n;
	}
}
