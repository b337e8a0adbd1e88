// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-procev.c - the process connector's datagrams, byte by byte, and once for
 * real where that is allowed.
 *
 * Datagrams are put together from the numbers of the ABI, not from the headers
 * of this machine, whose names and sizes have changed over the years.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libksm/libksm.h"
#include "libksm/nl.h"
#include "root.h"
#include "tap.h"

enum {
	DONE = 3,	/* NLMSG_DONE: how the connector sends */
	ERROR = 2,
	NOOP = 1,
	IDX_PROC = 1,
	VAL_PROC = 1,
	FORK = 1,
	EXEC = 2,
	UID = 4,
	COMM = 0x200,
	NONE = 0,
};
#define EXIT 0x80000000U

/* A datagram that grows; reads beyond its end are seen by a sanitizer. */
struct dgram {
	_Alignas(8) unsigned char b[1024];
	size_t len;
};

static void put32(struct dgram *d, uint32_t v)
{
	memcpy(d->b + d->len, &v, 4);
	d->len += 4;
}

static void put16(struct dgram *d, uint16_t v)
{
	memcpy(d->b + d->len, &v, 2);
	d->len += 2;
}

/* One message: netlink header, connector header, event with @n words of data. */
static void add(struct dgram *d, uint16_t type, uint32_t idx, uint32_t what, const uint32_t *data,
		size_t n)
{
	const uint16_t ev_len = 16 + n * 4;

	put32(d, 16 + 20 + ev_len);	/* nlmsg_len */
	put16(d, type);
	put16(d, 0);			/* flags */
	put32(d, 1);			/* seq */
	put32(d, 0);			/* pid */
	put32(d, idx);
	put32(d, VAL_PROC);
	put32(d, 1);			/* seq */
	put32(d, 0);			/* ack */
	put16(d, ev_len);
	put16(d, 0);			/* flags */
	put32(d, what);
	put32(d, 0);			/* cpu */
	put32(d, 5000);			/* time stamp, low word first or last */
	put32(d, 0);
	for (size_t i = 0; i < n; i++)
		put32(d, data[i]);
	while (d->len % 4)
		d->b[d->len++] = 0;
}

static uint64_t stamp(void)
{
	const uint32_t words[2] = { 5000, 0 };
	uint64_t v;

	memcpy(&v, words, 8);
	return v;
}

struct seen {
	struct ksm_procev_msg m[16];
	size_t n;
};

static void see(const struct ksm_procev_msg *m, void *arg)
{
	struct seen *s = arg;

	if (s->n < ARRAY_SIZE(s->m))
		s->m[s->n] = *m;
	s->n++;
}

/* Parse a copy of the exact size. */
static int parse(const struct dgram *d, size_t len, struct seen *s)
{
	void *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, d->b, len);
	s->n = 0;
	rc = ksm_procev_parse(copy, len, see, s);
	free(copy);
	return rc;
}

static void events(void)
{
	static const struct {
		uint32_t what;
		uint32_t data[8];
		size_t n;
		int rc;
		size_t seen;
		enum ksm_event ev;
		pid_t pid, tid, parent;
		int status;
	} rows[] = {
		/* parent tid, parent, child tid, child */
		{ FORK, { 11, 10, 20, 20 }, 4, 0, 1, KSM_EVENT_FORK, 20, 20, 10, 0 },
		{ FORK, { 11, 10, 21, 20 }, 4, 0, 0, 0, 0, 0, 0, 0 },	/* a thread is born */
		{ EXEC, { 20, 20 }, 2, 0, 1, KSM_EVENT_EXEC, 20, 20, 0, 0 },
		{ EXEC, { 21, 20 }, 2, 0, 1, KSM_EVENT_EXEC, 20, 21, 0, 0 },
		{ COMM, { 20, 20, 0x61, 0, 0, 0 }, 6, 0, 1, KSM_EVENT_COMM, 20, 20, 0, 0 },
		/* a thread's name */
		{ COMM, { 21, 20, 0x61, 0, 0, 0 }, 6, 0, 0, 0, 0, 0, 0, 0 },
		/* tid, process, code, signal; parents were appended in 4.19 */
		{ EXIT, { 20, 20, 0x100, 17 }, 4, 0, 1, KSM_EVENT_EXIT, 20, 20, 0, 0x100 },
		{ EXIT, { 20, 20, 9, 17, 10, 10 }, 6, 0, 1, KSM_EVENT_EXIT, 20, 20, 0, 9 },
		{ EXIT, { 21, 20, 0, 17, 10, 10 }, 6, 0, 0, 0, 0, 0, 0, 0 },	/* a thread ends */
		/* not of interest, or not known yet */
		{ UID, { 20, 20, 0, 0 }, 4, 0, 0, 0, 0, 0, 0, 0 },
		{ 0x40000000, { 20, 20 }, 2, 0, 0, 0, 0, 0, 0, 0 },
		{ 3, { 20, 20 }, 2, 0, 0, 0, 0, 0, 0, 0 },
		/* the answer to the request to listen */
		{ NONE, { 0 }, 1, 0, 0, 0, 0, 0, 0, 0 },
		{ NONE, { EPERM }, 1, -EPERM, 0, 0, 0, 0, 0, 0 },
		{ NONE, { 0x80000000 }, 1, -EPROTO, 0, 0, 0, 0, 0, 0 },	/* no error number */
		{ NONE, { 0xffffffff }, 1, -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ NONE, { 4096 }, 1, -EPROTO, 0, 0, 0, 0, 0, 0 },
		/* cut short: no process 0 is made of what is missing */
		{ FORK, { 11, 10, 20 }, 3, -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ FORK, { 11 }, 1, -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ EXEC, { 20 }, 1, -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ COMM, { 20 }, 1, -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ EXIT, { 20, 20, 0 }, 3, -EPROTO, 0, 0, 0, 0, 0, 0 },
		{ EXEC, { 0 }, 0, -EPROTO, 0, 0, 0, 0, 0, 0 },
		/* longer than any known: a later kernel's */
		{ EXEC, { 20, 20, 1, 2, 3, 4, 5, 6 }, 8, 0, 1, KSM_EVENT_EXEC, 20, 20, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dgram d = { .len = 0 };
		struct seen s;

		tap_row("%zu", i);
		add(&d, DONE, IDX_PROC, rows[i].what, rows[i].data, rows[i].n);
		CHECK_INT(parse(&d, d.len, &s), rows[i].rc);
		if (!CHECK_UINT(s.n, rows[i].seen) || !s.n)
			continue;
		CHECK_INT(s.m[0].what, rows[i].ev);
		CHECK_INT(s.m[0].pid, rows[i].pid);
		CHECK_INT(s.m[0].tid, rows[i].tid);
		CHECK_INT(s.m[0].parent, rows[i].parent);
		CHECK_INT(s.m[0].status, rows[i].status);
		CHECK_UINT(s.m[0].when_ns, stamp());
	}
}

static const uint32_t exec_data[] = { 20, 20 };
static const uint32_t fork_data[] = { 10, 10, 30, 30 };

static void several(void)
{
	struct dgram d = { .len = 0 };
	struct seen s;

	/* NLMSG_DONE ends nothing here: all of them are events. */
	add(&d, DONE, IDX_PROC, FORK, fork_data, 4);
	add(&d, DONE, IDX_PROC, UID, fork_data, 4);
	add(&d, NOOP, IDX_PROC, EXEC, exec_data, 2);
	add(&d, DONE, 99, EXEC, exec_data, 2);		/* another user of the connector */
	add(&d, ERROR, IDX_PROC, EXEC, exec_data, 2);
	add(&d, DONE, IDX_PROC, EXEC, exec_data, 2);
	CHECK_INT(parse(&d, d.len, &s), 0);
	CHECK_UINT(s.n, 2);
	CHECK_INT(s.m[0].what, KSM_EVENT_FORK);
	CHECK_INT(s.m[0].pid, 30);
	CHECK_INT(s.m[1].what, KSM_EVENT_EXEC);
	CHECK_INT(s.m[1].pid, 20);
}

static void other_value(void)
{
	struct dgram d = { .len = 0 };
	struct seen s;

	add(&d, DONE, IDX_PROC, EXEC, exec_data, 2);
	d.b[20] = 7;		/* cn_msg.id.val */
	CHECK_INT(parse(&d, d.len, &s), 0);
	CHECK_UINT(s.n, 0);
}

/* Cut anywhere: refused, or what was whole before the cut; never a step beyond it. */
static void truncated(void)
{
	struct dgram d = { .len = 0 };
	struct seen s;
	size_t first;
	int rc;

	add(&d, DONE, IDX_PROC, FORK, fork_data, 4);
	first = d.len;
	add(&d, DONE, IDX_PROC, EXEC, exec_data, 2);
	for (size_t len = 0; len < d.len; len++) {
		tap_row("%zu", len);
		rc = parse(&d, len, &s);
		if (len < first) {
			CHECK_INT(rc, -EPROTO);
			CHECK_UINT(s.n, 0);
		} else {
			CHECK_UINT(s.n, 1);
			CHECK_INT(s.m[0].pid, 30);
			/* A tail that is no message is not silently dropped. */
			CHECK_INT(rc, len == first ? 0 : -EPROTO);
		}
	}
}

/* Lengths that lie. */
static void lying_lengths(void)
{
	static const struct {
		size_t at;		/* of a byte */
		unsigned char v;
		const char *what;
	} rows[] = {
		{ 0, 0, "nlmsg_len 0" },	{ 0, 15, "nlmsg_len below its header" },
		{ 0, 16, "no payload" },	{ 0, 35, "less than a connector header" },
		{ 0, 255, "beyond the datagram" }, { 3, 0x80, "negative as an int" },
		{ 32, 255, "event beyond the message" }, { 33, 255, "event of 64 KiB" },
		{ 32, 0, "event without data" }, { 32, 16, "event header only" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dgram d = { .len = 0 };
		struct seen s;

		tap_row("%s", rows[i].what);
		add(&d, DONE, IDX_PROC, EXEC, exec_data, 2);
		d.b[rows[i].at] = rows[i].v;
		CHECK_INT(parse(&d, d.len, &s), -EPROTO);
		CHECK_UINT(s.n, 0);
	}
}

/* Errors of netlink itself carry a number; the message they answer follows it. */
static void netlink_error(void)
{
	struct dgram d = { .len = 0 };
	struct seen s;

	put32(&d, 16 + 4);
	put16(&d, ERROR);
	put16(&d, 0);
	put32(&d, 1);
	put32(&d, 0);
	put32(&d, (uint32_t)-ECONNREFUSED);
	CHECK_INT(parse(&d, d.len, &s), 0);
	CHECK_UINT(s.n, 0);
}

/* ------------------------------------------------------------------ */
/* a socket that says what a row wants it to say			*/

/* The linker puts these in front of nl.c (-Wl,--wrap). */
int __real_ksm_nl_open(int bus, unsigned int groups, int rcvbuf, struct mnl_socket **out);
int __wrap_ksm_nl_open(int bus, unsigned int groups, int rcvbuf, struct mnl_socket **out);
int __real_ksm_nl_send(struct mnl_socket *nl, const void *msg, size_t len);
int __wrap_ksm_nl_send(struct mnl_socket *nl, const void *msg, size_t len);
ssize_t __real_ksm_nl_recv(struct mnl_socket *nl, void *buf, size_t len);
ssize_t __wrap_ksm_nl_recv(struct mnl_socket *nl, void *buf, size_t len);
void __real_ksm_nl_close(struct mnl_socket *nl);
void __wrap_ksm_nl_close(struct mnl_socket *nl);

bool __real_ksm_initial_pidns(struct ksm *k);
bool __wrap_ksm_initial_pidns(struct ksm *k);

static struct {
	bool on, elsewhere;
	int open_rc, send_rc;
	const struct dgram *const *in;	/* NULL: the next error */
	const int *errs;
	size_t n, at, err_at;
	unsigned int opened, closed;
	unsigned char sent[64];
	size_t n_sent;
} sock;

int __wrap_ksm_nl_open(int bus, unsigned int groups, int rcvbuf, struct mnl_socket **out)
{
	if (!sock.on)
		return __real_ksm_nl_open(bus, groups, rcvbuf, out);
	*out = sock.open_rc ? NULL : (struct mnl_socket *)&sock;
	sock.opened += !sock.open_rc;
	return sock.open_rc;
}

int __wrap_ksm_nl_send(struct mnl_socket *nl, const void *msg, size_t len)
{
	if (!sock.on)
		return __real_ksm_nl_send(nl, msg, len);
	sock.n_sent = len;
	memcpy(sock.sent, msg, MIN(len, sizeof(sock.sent)));
	return sock.send_rc;
}

ssize_t __wrap_ksm_nl_recv(struct mnl_socket *nl, void *buf, size_t len)
{
	const struct dgram *d;

	if (!sock.on)
		return __real_ksm_nl_recv(nl, buf, len);
	if (sock.at == sock.n)
		return 0;
	d = sock.in[sock.at++];
	if (!d)
		return sock.errs[sock.err_at++];
	CHECK(d->len <= len);
	memcpy(buf, d->b, d->len);
	return d->len;
}

void __wrap_ksm_nl_close(struct mnl_socket *nl)
{
	if (!sock.on)
		__real_ksm_nl_close(nl);
	else
		sock.closed += nl != NULL;
}

bool __wrap_ksm_initial_pidns(struct ksm *k)
{
	return sock.on ? !sock.elsewhere : __real_ksm_initial_pidns(k);
}

static void open_errors(void)
{
	static const struct {
		int open_rc, send_rc, rc;
		bool elsewhere;
	} rows[] = {
		{ 0, 0, 0, false },
		{ -EPERM, 0, -EPERM, false },
		{ -EOPNOTSUPP, 0, -EOPNOTSUPP, false },
		{ 0, -EPERM, -EPERM, false },
		/* nobody listens in this namespace */
		{ 0, -ECONNREFUSED, -EOPNOTSUPP, false },
		/* nor is this namespace of pids listened to */
		{ 0, 0, -EOPNOTSUPP, true },
	};
	struct ksm *k;

	CHECK_INT(ksm_open(NULL, &k), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_procev *ev = (void *)1;

		tap_row("%zu", i);
		memset(&sock, 0, sizeof(sock));
		sock.on = true;
		sock.elsewhere = rows[i].elsewhere;
		sock.open_rc = rows[i].open_rc;
		sock.send_rc = rows[i].send_rc;
		CHECK_INT(ksm_procev_open(k, &ev), rows[i].rc);
		CHECK_INT(ev != NULL, rows[i].rc == 0);
		ksm_procev_close(ev);
		CHECK_UINT(sock.closed, sock.opened);
	}
	sock.on = false;
	ksm_close(k);
}

/* The request: one connector message that asks to listen (1). */
static void request(void)
{
	struct ksm_procev *ev;
	uint32_t word;
	struct ksm *k;

	memset(&sock, 0, sizeof(sock));
	sock.on = true;
	CHECK_INT(ksm_open(NULL, &k), 0);
	CHECK_INT(ksm_procev_open(k, &ev), 0);
	CHECK_UINT(sock.n_sent, 16 + 20 + 4);
	memcpy(&word, sock.sent, 4);
	CHECK_UINT(word, sock.n_sent);
	memcpy(&word, sock.sent + 16, 4);
	CHECK_UINT(word, IDX_PROC);
	memcpy(&word, sock.sent + 20, 4);
	CHECK_UINT(word, VAL_PROC);
	memcpy(&word, sock.sent + 36, 4);
	CHECK_UINT(word, 1);
	ksm_procev_close(ev);
	ksm_close(k);
	sock.on = false;
}

/* Events one at a time, a loss between them, and errors that do not end the stream. */
static void stream(void)
{
	static const int errs[] = { -ENOBUFS, -EIO };
	struct dgram two = { .len = 0 }, one = { .len = 0 }, threads = { .len = 0 };
	struct dgram bad = { .len = 7 };
	const struct dgram *const in[] = { &two, NULL, &threads, &one, NULL, &bad, &one };
	static const uint32_t thread[] = { 10, 10, 31, 30 };
	struct ksm_procev_msg m;
	struct ksm_procev *ev;
	struct ksm *k;

	add(&two, DONE, IDX_PROC, FORK, fork_data, 4);
	add(&two, DONE, IDX_PROC, EXEC, exec_data, 2);
	add(&threads, DONE, IDX_PROC, FORK, thread, 4);
	add(&one, DONE, IDX_PROC, EXEC, exec_data, 2);
	memset(&sock, 0, sizeof(sock));
	sock.on = true;
	sock.in = in;
	sock.n = ARRAY_SIZE(in);
	sock.errs = errs;
	CHECK_INT(ksm_open(NULL, &k), 0);
	CHECK_INT(ksm_procev_open(k, &ev), 0);
	CHECK_INT(ksm_procev_next(ev, &m), 1);
	CHECK_INT(m.what, KSM_EVENT_FORK);
	CHECK_INT(ksm_procev_next(ev, &m), 1);
	CHECK_INT(m.what, KSM_EVENT_EXEC);
	/* The socket's buffer was full: some were lost, which the caller has to know. */
	CHECK_INT(ksm_procev_next(ev, &m), 1);
	CHECK_INT(m.what, KSM_EVENT_LOST);
	CHECK_INT(m.pid, 0);
	/* A datagram with nothing of interest is no end. */
	CHECK_INT(ksm_procev_next(ev, &m), 1);
	CHECK_INT(m.what, KSM_EVENT_EXEC);
	CHECK_INT(ksm_procev_next(ev, &m), -EIO);
	CHECK_INT(ksm_procev_next(ev, &m), -EPROTO);
	CHECK_INT(ksm_procev_next(ev, &m), 1);
	CHECK_INT(m.what, KSM_EVENT_EXEC);
	CHECK_INT(ksm_procev_next(ev, &m), 0);
	CHECK_INT(ksm_procev_next(ev, &m), 0);
	ksm_procev_close(ev);
	CHECK_UINT(sock.closed, 1);
	ksm_close(k);
	sock.on = false;
}

static void not_of_a_dump(void)
{
	struct ksm *k = root_open("6.12-idle");
	struct ksm_procev *ev = (void *)1;

	CHECK_INT(ksm_procev_open(k, &ev), -EOPNOTSUPP);
	CHECK(!ev);
	ksm_procev_close(NULL);
	ksm_close(k);
}

/* The next event of that process, or false when none comes. */
static bool wait_event(struct ksm_procev *ev, pid_t pid, enum ksm_event what,
		       struct ksm_procev_msg *m)
{
	struct pollfd p = { .fd = ksm_procev_fd(ev), .events = POLLIN };
	const uint64_t end = ksm_now_ns() + 30 * UINT64_C(1000000000);
	int rc;

	/* Events of others go on for as long as there are processes. */
	while (ksm_now_ns() < end) {
		while ((rc = ksm_procev_next(ev, m)) == 1)
			if ((m->pid == pid && m->what == what) || m->what == KSM_EVENT_LOST)
				return m->what == what;
		/* Only a kernel that sends nothing at all waits so long. */
		if (rc < 0 || poll(&p, 1, 30000) <= 0)
			return false;
	}
	return false;
}

static void live(void)
{
	struct ksm_procev_msg m;
	struct ksm_procev *ev;
	struct ksm *k;
	int rc, status;
	pid_t child;

	CHECK_INT(ksm_open(NULL, &k), 0);
	rc = ksm_procev_open(k, &ev);
	if (rc == -EPERM || rc == -EOPNOTSUPP) {
		tap_skip(rc == -EPERM ? "not allowed to listen" :
					"no connector in this kernel or this namespace of pids");
		ksm_close(k);
		return;
	}
	CHECK_INT(rc, 0);
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(3);
	CHECK_INT(waitpid(child, &status, 0), child);
	if (!wait_event(ev, child, KSM_EVENT_FORK, &m)) {
		/* The connector speaks in the first pid and network namespaces only. */
		tap_skip("no events arrive in this namespace");
	} else {
		CHECK_INT(m.parent, getpid());
		CHECK(m.when_ns > 0);
		if (CHECK(wait_event(ev, child, KSM_EVENT_EXIT, &m)))
			CHECK_INT(m.status, status);
	}
	ksm_procev_close(ev);
	ksm_close(k);
}

/* What another process sends is passed over; what the kernel answers is not. */
static void sender(void)
{
	/* RTM_GETLINK of the loopback: anybody may ask. */
	struct {
		struct nlmsghdr h;
		unsigned char info[16];
	} ask = { .h = { .nlmsg_len = sizeof(ask), .nlmsg_type = 18, .nlmsg_flags = 1 } };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(to);
	struct mnl_socket *nl;
	char buf[8192];
	ssize_t n;
	int fd;

	if (!CHECK_INT(ksm_nl_open(NETLINK_ROUTE, 0, 4096, &nl), 0))
		return;
	CHECK_INT(ksm_nl_recv(nl, buf, sizeof(buf)), 0);
	CHECK_INT(getsockname(ksm_nl_fd(nl), (struct sockaddr *)&to, &len), 0);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	CHECK(fd >= 0);
	n = sendto(fd, "forged", 6, 0, (struct sockaddr *)&to, sizeof(to));
	printf("# forged: %zd\n", n);
	close(fd);
	CHECK_INT(ksm_nl_recv(nl, buf, sizeof(buf)), 0);
	memcpy(ask.info + 4, &(int){ 1 }, sizeof(int));
	CHECK_INT(ksm_nl_send(nl, &ask, sizeof(ask)), 0);
	CHECK(ksm_nl_recv(nl, buf, sizeof(buf)) > 0);
	/* A datagram that does not fit is told, not cut. */
	CHECK_INT(ksm_nl_send(nl, &ask, sizeof(ask)), 0);
	CHECK_INT(ksm_nl_recv(nl, buf, 16), -ENOSPC);
	ksm_nl_close(nl);
	ksm_nl_close(NULL);
	/* A protocol that no kernel has, and a group that is nobody's to join. */
	CHECK(ksm_nl_open(31, 0, 4096, &nl) < 0);
	CHECK(!nl);
}

/* Without privileges: the buffer is what the system allows, and a bus may refuse. */
static void sockets_of_nobody(void)
{
	const uid_t was = geteuid();
	struct mnl_socket *nl;
	int rc;

	CHECK_INT(ksm_nl_open(-1, 0, 4096, &nl), -EOPNOTSUPP);
	CHECK(!nl);
	if (!was && seteuid(65534)) {
		tap_skip("cannot become nobody");
		return;
	}
	if (CHECK_INT(ksm_nl_open(NETLINK_ROUTE, 0, 4096, &nl), 0))
		ksm_nl_close(nl);
	rc = ksm_nl_open(NETLINK_AUDIT, 1, 4096, &nl);
	/* Or there is none, or not for containers. */
	CHECK(rc == -EPERM || rc == -EOPNOTSUPP || rc == -ECONNREFUSED);
	CHECK(!nl);
	if (!was)
		CHECK_INT(seteuid(0), 0);
}

TAP_MAIN(TAP_CASE(events), TAP_CASE(several), TAP_CASE(other_value), TAP_CASE(truncated),
	 TAP_CASE(lying_lengths), TAP_CASE(netlink_error), TAP_CASE(open_errors), TAP_CASE(request),
	 TAP_CASE(stream), TAP_CASE(not_of_a_dump), TAP_CASE(live), TAP_CASE(sender), TAP_CASE(sockets_of_nobody))
