/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nl.h - libksm's netlink sockets over libmnl.  Private to libksm.
 */
#ifndef KSM_LIBKSM_NL_H
#define KSM_LIBKSM_NL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mnl_socket;

/**
 * ksm_nl_open() - a non-blocking socket, bound to multicast groups
 * @bus: NETLINK_CONNECTOR, NETLINK_GENERIC
 * @groups: bit mask of the first 32 groups
 * @rcvbuf: wanted receive buffer in bytes; the kernel may give less
 *
 * Return: 0; -EPERM; -EOPNOTSUPP where the kernel has no such bus; -errno.
 */
int ksm_nl_open(int bus, unsigned int groups, int rcvbuf, struct mnl_socket **out);
void ksm_nl_close(struct mnl_socket *nl);
int ksm_nl_fd(const struct mnl_socket *nl);
int ksm_nl_send(struct mnl_socket *nl, const void *msg, size_t len);

/**
 * ksm_nl_recv() - one datagram
 *
 * Return: its length; 0 when none waits; -ENOBUFS when the kernel dropped
 * some; -errno.
 */
ssize_t ksm_nl_recv(struct mnl_socket *nl, void *buf, size_t len);

#endif /* KSM_LIBKSM_NL_H */
