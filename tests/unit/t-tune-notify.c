// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-notify.c - what the service manager and the journal are told.
 */
#include "ksm-autotune/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#ifdef HAVE_LIBSYSTEMD
static int bind_socket(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		printf("# %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

/* One message, or "" when there is none. */
static const char *heard(int fd, int flags, char *buf, size_t len)
{
	const ssize_t n = recv(fd, buf, len - 1, flags);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static int manager = -1;
static char dir[] = "/tmp/t-tune-notify.XXXXXX";
static char sock[64];

static void begin(void)
{
	if (!mkdtemp(dir))
		exit(1);
	snprintf(sock, sizeof(sock), "%s/notify", dir);
	manager = bind_socket(sock);
	setenv("NOTIFY_SOCKET", sock, 1);
}

static void end(void)
{
	close(manager);
	unlink(sock);
	rmdir(dir);
	unsetenv("NOTIFY_SOCKET");
	snprintf(dir, sizeof(dir), "/tmp/t-tune-notify.XXXXXX");
}

static void manager_is_told(void)
{
	char buf[4096], want[64], longest[5000];
	struct timespec now;
	uint64_t us, told;

	begin();
	tune_notify_ready("watch at 0.5 % of a CPU: settled");
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)),
		  "READY=1\nSTATUS=watch at 0.5 % of a CPU: settled");
	tune_notify_ready(NULL);
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)), "READY=1");
	tune_notify_status("stop");
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)), "STATUS=stop");
	tune_notify_watchdog();
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)), "WATCHDOG=1");
	tune_notify_stopping("putting back what was found");
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)),
		  "STOPPING=1\nSTATUS=putting back what was found");

	/* Now and then, however often. */
	for (int i = 0; i < 3; i++)
		tune_notify_busy();
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)), "EXTEND_TIMEOUT_USEC=300000000");
	CHECK_STR(heard(manager, MSG_DONTWAIT, buf, sizeof(buf)), "");

	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	tune_notify_reloading();
	heard(manager, 0, buf, sizeof(buf));
	snprintf(want, sizeof(want), "RELOADING=1\nMONOTONIC_USEC=");
	if (CHECK(!strncmp(buf, want, strlen(want)))) {
		told = strtoull(buf + strlen(want), NULL, 10);
		CHECK(told >= us && told < us + 60000000);
	}

	/* The name of a process is anybody's. */
	tune_notify_status("12 (x\nSTOPPING=1\xff)");
	CHECK_STR(heard(manager, 0, buf, sizeof(buf)), "STATUS=12 (x\\x0aSTOPPING=1\\xff)");
	/* What is longer than the manager reads would be lost as a whole. */
	memset(longest, '\n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	tune_notify_status(longest);
	CHECK(strlen(heard(manager, 0, buf, sizeof(buf))) > 1000 && strlen(buf) < 4000);
	CHECK_STR(heard(manager, MSG_DONTWAIT, buf, sizeof(buf)), "");
	end();
}

static void without_a_manager(void)
{
	char buf[64];

	begin();
	unsetenv("NOTIFY_SOCKET");
	tune_notify_ready("x");
	tune_notify_watchdog();
	CHECK_STR(heard(manager, MSG_DONTWAIT, buf, sizeof(buf)), "");
	/* One that has gone away. */
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	tune_notify_ready("x");
	end();
}

static void watchdog(void)
{
	char pid[24];

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	CHECK_UINT(tune_notify_watchdog_ns(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	CHECK_UINT(tune_notify_watchdog_ns(), UINT64_C(15000000000));
	/* It is that of the parent. */
	setenv("WATCHDOG_PID", "1", 1);
	CHECK_UINT(tune_notify_watchdog_ns(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	CHECK_UINT(tune_notify_watchdog_ns(), UINT64_C(15000000000));
	setenv("WATCHDOG_USEC", "soon", 1);
	CHECK_UINT(tune_notify_watchdog_ns(), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void stream(void)
{
	const unsigned long long none = 0;
	char text[64];
	struct stat st;
	int fd[2];

	if (!CHECK(!pipe(fd) && !fstat(fd[1], &st)))
		return;
	unsetenv("JOURNAL_STREAM");
	CHECK(!tune_journal_is(fd[1]));
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	CHECK(tune_journal_is(fd[1]));
	/* Somebody wrote "2>file" in between. */
	CHECK(!tune_journal_is(open("/dev/null", O_WRONLY | O_CLOEXEC)));
	CHECK(!tune_journal_is(-1));
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev, none);
	setenv("JOURNAL_STREAM", text, 1);
	CHECK(!tune_journal_is(fd[1]));
	for (const char *const *bad = (const char *const[]){ "", ":", "1", "x:y", "1:", ":1",
							     "123456789012345678901234567890:1",
							     NULL };
	     *bad; bad++) {
		tap_row("%s", *bad);
		setenv("JOURNAL_STREAM", *bad, 1);
		CHECK(!tune_journal_is(fd[1]));
	}
	unsetenv("JOURNAL_STREAM");
	close(fd[0]);
	close(fd[1]);
}

/* In mounts of its own, where the journal is ours. */
static void journal_child(void)
{
	static const char *const fields[] = { "KSM_AUTOTUNE_RULE=guests", "OBJECT_PID=12", NULL };
	char buf[4096];
	int fd;

	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, "") ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir("/run/systemd", 0755) ||
	    mkdir("/run/systemd/journal", 0755))
		_exit(77);
	fd = bind_socket("/run/systemd/journal/socket");
	CHECK_INT(tune_journal_send(4, "one\ntwo", fields), 0);
	heard(fd, 0, buf, sizeof(buf));
	/* A value of two lines is given by its length: 8 bytes, little-endian. */
	CHECK(!memcmp(buf, "MESSAGE\n\7\0\0\0\0\0\0\0one\ntwo\n", 24));
	CHECK(strstr(buf + 24, "PRIORITY=4\n"));
	CHECK(strstr(buf + 24, "KSM_AUTOTUNE_RULE=guests\n"));
	CHECK(strstr(buf + 24, "OBJECT_PID=12\n"));
	CHECK_INT(tune_journal_send(6, "alone", NULL), 0);
	CHECK(strstr(heard(fd, 0, buf, sizeof(buf)), "MESSAGE=alone\nPRIORITY=6\n"));
	fflush(stdout);
	_exit(tap.failed != 0);
}

static void journal(void)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS))
			_exit(77);
		journal_child();
	}
	if (!CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status)))
		return;
	if (WEXITSTATUS(status) == 77)
		tap_skip("needs root, for a journal in mounts of its own");
	else
		CHECK_INT(WEXITSTATUS(status), 0);
}

TAP_MAIN(TAP_CASE(manager_is_told), TAP_CASE(without_a_manager), TAP_CASE(watchdog),
	 TAP_CASE(stream), TAP_CASE(journal))

#else

static void nothing_is_there(void)
{
	setenv("WATCHDOG_USEC", "30000000", 1);
	CHECK_UINT(tune_notify_watchdog_ns(), 0);
	CHECK(!tune_journal_is(2));
	CHECK_INT(tune_journal_send(6, "x", NULL), -EOPNOTSUPP);
}

static void messages(void)
{
	tap_skip("built without libsystemd");
}

TAP_MAIN(TAP_CASE(nothing_is_there), TAP_CASE(messages))
#endif
