// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * procev.c - births, execs and deaths of processes from the netlink process
 * connector (include/uapi/linux/cn_proc.h).
 *
 * Its messages arrive as NLMSG_DONE, which mnl_cb_run() takes for the end of a
 * dump: the datagram is walked by hand.  A full socket buffer loses events;
 * that is reported as one KSM_EVENT_LOST, and the caller scans /proc again.
 * The connector speaks only in the initial pid and network namespaces.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <stdlib.h>
#include <string.h>

#include "libksm/nl.h"
#include "util/vec.h"

#define RCVBUF (4 << 20)	/* some 20,000 events */

struct ksm_procev {
	struct mnl_socket *nl;
	struct ksm_procev_msg *queue;	/* events of the last datagram not yet taken */
	size_t head, n, cap;
	int err;			/* what the parser's callback met */
	_Alignas(8) char buf[8192];
};

/* The enumerators moved out of struct proc_event in 6.7: numbers are the ABI. */
enum {
	EV_NONE = 0x00000000,
	EV_FORK = 0x00000001,
	EV_EXEC = 0x00000002,
	EV_COMM = 0x00000200,
	EV_EXIT = 0x80000000,
};

#define MAX_ERRNO 4095

/* Bytes of event_data that the first kernel with this kind of event sent. */
static size_t event_data_min(unsigned int what)
{
	switch (what) {
	case EV_NONE:
		return sizeof(uint32_t);
	case EV_EXEC:
	case EV_COMM:	/* of which the name is not looked at */
		return 2 * sizeof(uint32_t);
	case EV_FORK:
	case EV_EXIT:
		return 4 * sizeof(uint32_t);
	default:
		return 0;
	}
}

/* 1: an event for the caller, 0: not of interest, -errno: what the kernel said. */
static int event_decode(const struct cn_msg *cn, size_t len, struct ksm_procev_msg *m)
{
	struct proc_event ev;

	/* Later kernels append members; earlier ones had fewer. */
	memset(&ev, 0, sizeof(ev));
	memcpy(&ev, cn->data, MIN(len, sizeof(ev)));
	memset(m, 0, sizeof(*m));
	m->when_ns = ev.timestamp_ns;
	if (len < offsetof(struct proc_event, event_data) + event_data_min(ev.what))
		return -EPROTO;
	switch ((unsigned int)ev.what) {
	case EV_NONE:
		return ev.event_data.ack.err <= MAX_ERRNO ? -(int)ev.event_data.ack.err : -EPROTO;
	case EV_FORK:
		if (ev.event_data.fork.child_pid != ev.event_data.fork.child_tgid)
			return 0;
		m->what = KSM_EVENT_FORK;
		m->pid = ev.event_data.fork.child_tgid;
		m->tid = ev.event_data.fork.child_pid;
		m->parent = ev.event_data.fork.parent_tgid;
		return 1;
	case EV_EXEC:
		m->what = KSM_EVENT_EXEC;
		m->pid = ev.event_data.exec.process_tgid;
		m->tid = ev.event_data.exec.process_pid;
		return 1;
	case EV_COMM:
		m->what = KSM_EVENT_COMM;
		m->pid = ev.event_data.comm.process_tgid;
		m->tid = ev.event_data.comm.process_pid;
		return m->pid == m->tid;
	case EV_EXIT:
		if (ev.event_data.exit.process_pid != ev.event_data.exit.process_tgid)
			return 0;
		m->what = KSM_EVENT_EXIT;
		m->pid = ev.event_data.exit.process_tgid;
		m->tid = ev.event_data.exit.process_pid;
		m->status = ev.event_data.exit.exit_code;
		return 1;
	default:
		return 0;
	}
}

/* mnl_nlmsg_ok() takes a length of 2^31 and more for a negative one, and lets it pass. */
static bool msg_ok(const struct nlmsghdr *nlh, int left)
{
	return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (unsigned int)left;
}

int ksm_procev_parse(const void *buf, size_t len,
		     void (*fn)(const struct ksm_procev_msg *m, void *arg), void *arg)
{
	const struct nlmsghdr *nlh = buf;
	int left = len > INT32_MAX ? 0 : (int)len;
	struct ksm_procev_msg m;
	int rc;

	if (!msg_ok(nlh, left))
		return -EPROTO;
	for (; msg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct cn_msg *cn = mnl_nlmsg_get_payload(nlh);
		size_t room = mnl_nlmsg_get_payload_len(nlh);

		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_NOOP)
			continue;
		if (room < sizeof(*cn) || cn->len > room - sizeof(*cn))
			return -EPROTO;
		if (cn->id.idx != CN_IDX_PROC || cn->id.val != CN_VAL_PROC)
			continue;
		rc = event_decode(cn, cn->len, &m);
		if (rc < 0)
			return rc;
		if (rc)
			fn(&m, arg);
	}
	return left > 0 ? -EPROTO : 0;
}

/* Fills the request to be sent events; returns its length. */
static size_t listen_msg(char *buf)
{
	const uint32_t what = PROC_CN_MCAST_LISTEN;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct cn_msg *cn = mnl_nlmsg_put_extra_header(nlh, sizeof(*cn) + sizeof(what));

	nlh->nlmsg_type = NLMSG_DONE;
	cn->id.idx = CN_IDX_PROC;
	cn->id.val = CN_VAL_PROC;
	cn->len = sizeof(what);
	memcpy(cn->data, &what, sizeof(what));
	return nlh->nlmsg_len;
}

int ksm_procev_open(struct ksm *k, struct ksm_procev **out)
{
	_Alignas(NLMSG_ALIGNTO) char buf[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(uint32_t))];
	struct ksm_procev *ev;
	int rc;

	*out = NULL;
	/*
	 * From another namespace of pids the kernel takes the request and does nothing; what
	 * others have asked for arrives all the same, with numbers that are not ours.
	 */
	if (!k->live || !ksm_initial_pidns(k))
		return -EOPNOTSUPP;
	ev = calloc(1, sizeof(*ev));
	if (!ev)
		return -ENOMEM;
	rc = ksm_nl_open(NETLINK_CONNECTOR, CN_IDX_PROC, RCVBUF, &ev->nl);
	if (!rc)
		rc = ksm_nl_send(ev->nl, buf, listen_msg(buf));
	/* No kernel listener in this namespace. */
	if (rc == -ECONNREFUSED)
		rc = -EOPNOTSUPP;
	if (rc) {
		ksm_procev_close(ev);
		return rc;
	}
	*out = ev;
	return 0;
}

void ksm_procev_close(struct ksm_procev *ev)
{
	if (!ev)
		return;
	ksm_nl_close(ev->nl);
	free(ev->queue);
	free(ev);
}

int ksm_procev_fd(const struct ksm_procev *ev)
{
	return ksm_nl_fd(ev->nl);
}

static void queue_add(const struct ksm_procev_msg *m, void *arg)
{
	struct ksm_procev *ev = arg;

	if (vec_room(ev->queue, ev->n, ev->cap)) {
		ev->err = -ENOMEM;
		return;
	}
	ev->queue[ev->n++] = *m;
}

int ksm_procev_next(struct ksm_procev *ev, struct ksm_procev_msg *out)
{
	ssize_t n;
	int rc;

	while (ev->head == ev->n) {
		ev->head = ev->n = 0;
		n = ksm_nl_recv(ev->nl, ev->buf, sizeof(ev->buf));
		if (n == -ENOBUFS) {
			*out = (struct ksm_procev_msg){ .what = KSM_EVENT_LOST,
							.when_ns = ksm_now_ns() };
			return 1;
		}
		if (n <= 0)
			return n;
		ev->err = 0;
		rc = ksm_procev_parse(ev->buf, n, queue_add, ev);
		if (rc || ev->err)
			return rc ? rc : ev->err;
	}
	*out = ev->queue[ev->head++];
	return 1;
}
