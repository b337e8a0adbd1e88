// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of what ksmtop changes: settings, on a copy of a fake kernel; merging of
 * a process, on a child of this test; and what it tells people of either.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "root.h"
#include "tap.h"

static void take(struct top *t)
{
	struct sample s = { 0 };

	CHECK_INT(top_sample_take(t->sampler, &s), 0);
	CHECK_INT(top_model_update(&t->model, &s), 0);
	top_sample_fini(&s);
}

/* @pid: look at that process alone; 0 all. */
static struct top *open_top(struct ksm *k, pid_t pid)
{
	struct top *t = calloc(1, sizeof(*t));

	t->k = k;
	t->pids = calloc(1, sizeof(*t->pids));
	t->pids[0] = pid;
	t->sel = (struct ksm_select){ .pids = t->pids, .n_pids = pid != 0 };
	top_model_init(&t->model);
	CHECK_INT(top_sampler_new(t, &t->sampler), 0);
	return t;
}

static void close_top(struct top *t)
{
	top_sampler_free(t->sampler);
	top_model_fini(&t->model);
	ksm_close(t->k);
	free(t->pids);
	free(t);
}

static void settings(void)
{
	static const struct {
		enum ksm_attr id;
		const char *text;
		int rc;
		enum top_tone tone;
		const char *message;
	} rows[] = {
		{ KSM_ATTR_PAGES_TO_SCAN, "250", 0, TOP_GOOD, "pages_to_scan: set to 250" },
		{ KSM_ATTR_PAGES_TO_SCAN, "-1", -1, TOP_WARN,
		  "pages_to_scan: \"-1\" is not one of its values: 0 to 4294967295" },
		{ KSM_ATTR_PAGES_TO_SCAN, "", -1, TOP_WARN,
		  "pages_to_scan: \"\" is not one of its values: 0 to 4294967295" },
		{ KSM_ATTR_PAGES_TO_SCAN, "\033[2J", -1, TOP_WARN,
		  "pages_to_scan: \"\\x1b[2J\" is not one of its values: 0 to 4294967295" },
		{ KSM_ATTR_USE_ZERO_PAGES, "off", 0, TOP_GOOD, "use_zero_pages: set to 0" },
		{ KSM_ATTR_PAGES_SHARED, "5", -EROFS, TOP_WARN,
		  "pages_shared: cannot be set: the kernel only reports it" },
		{ KSM_ATTR_ADVISOR_MODE, "none", 0, TOP_GOOD, "advisor_mode: set to none" },
		{ KSM_ATTR_ADVISOR_MODE, "loud", -1, TOP_WARN,
		  "advisor_mode: \"loud\" is not one of its values: none, scan-time" },
		{ KSM_ATTR_RUN, "stopped", 0, TOP_GOOD, "run: set to 0" },
		{ KSM_ATTR_RUN, "unmerging", 0, TOP_GOOD, "run: set to 2" },
	};
	struct root r;
	struct top *t;
	char buf[64], fifo[300];
	struct pollfd written = { .events = POLLIN };

	root_copy(&r, "6.12-busy");
	t = open_top(root_handle(&r), 0);
	take(t);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int rc = top_set_attr(t, rows[i].id, rows[i].text);

		top_unmerged(t);
		tap_row("%zu", i);
		CHECK(rows[i].rc == -1 ? rc < 0 : rc == rows[i].rc);
		CHECK_INT(t->tone, rows[i].tone);
		CHECK_STR(t->message, rows[i].message);
	}
	CHECK_STR(root_get(&r, "sys/kernel/mm/ksm/pages_to_scan", buf, sizeof(buf)), "250");

	/*
	 * A pipe, to see what is written when.  Somebody must have it open already: a
	 * root that is not the system's is never waited for.
	 */
	root_rm(&r, "sys/kernel/mm/ksm/run");
	snprintf(fifo, sizeof(fifo), "%s/sys/kernel/mm/ksm/run", r.dir);
	CHECK_INT(mkfifo(fifo, 0600), 0);
	written.fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(written.fd >= 0);
	CHECK_INT(top_set_attr(t, KSM_ATTR_RUN, "2"), 0);
	CHECK_STR(t->message, "run: unmerging");
	CHECK_INT(top_set_attr(t, KSM_ATTR_PAGES_TO_SCAN, "300"), -EBUSY);
	CHECK_STR(t->message, "pages_to_scan: not set: the kernel is unmerging");
	CHECK_INT(poll(&written, 1, 10000), 1);
	CHECK_INT(read(written.fd, buf, sizeof(buf)), 1);
	CHECK(buf[0] == '2');
	close(written.fd);
	root_rm(&r, "sys/kernel/mm/ksm/run");
	root_put(&r, "sys/kernel/mm/ksm/run", "2\n");
	top_unmerged(t);
	CHECK_STR(t->message, "run: set to 2");
	CHECK_INT(top_set_attr(t, KSM_ATTR_PAGES_TO_SCAN, "300"), 0);

	/* The memory that unmerging takes must be there. */
	root_put(&r, "sys/kernel/mm/ksm/run", "1\n");
	root_put(&r, "proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 1024 kB\n");
	take(t);
	CHECK_INT(top_set_attr(t, KSM_ATTR_RUN, "2"), -ENOMEM);
	CHECK_STR(t->message, "run: not unmerged: it needs 1.2 GiB, and 1 MiB are available "
			      "(ksmctl unmerge --force)");
	CHECK_STR(root_get(&r, "sys/kernel/mm/ksm/run", buf, sizeof(buf)), "1\n");

	/* A kernel that lacks it. */
	root_rm(&r, "sys/kernel/mm/ksm/smart_scan");
	CHECK_INT(top_set_attr(t, KSM_ATTR_SMART_SCAN, "1"), -EOPNOTSUPP);
	CHECK_INT(t->tone, TOP_BAD);

	t->readonly = true;
	CHECK_INT(top_set_attr(t, KSM_ATTR_RUN, "0"), -EROFS);
	CHECK_STR(root_get(&r, "sys/kernel/mm/ksm/run", buf, sizeof(buf)), "1\n");
	top_advise(t, true);
	CHECK_STR(t->message, "nothing can be changed: this is not the running system");
	close_top(t);
	root_free(&r);
}

/* A long message ends with a whole character. */
static void say(void)
{
	struct top *t = calloc(1, sizeof(*t));
	char text[400] = "";

	for (size_t i = 0; i + 3 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	top_say(t, TOP_GOOD, "%s", text);
	CHECK(strlen(t->message) < sizeof(t->message));
	top_say(t, TOP_WARN, "%s", "a\x1b[2J\xff");
	CHECK(!strchr(t->message, '\x1b') && t->message[0] == 'a');
	CHECK_INT(t->tone, TOP_WARN);
	free(t);
}

/*
 * Another program, since a sanitizer's mappings take minutes to unmerge; returns
 * when it is that program.
 */
static pid_t sleeper(struct ksm *k)
{
	struct ksm_proc p = { 0 };
	pid_t pid = fork();

	if (!pid) {
		execlp("sleep", "sleep", "1000", (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && !ksm_proc_read(k, pid, 0, &p) && p.state != 'Z' &&
	       strcmp(p.comm, "sleep"))
		usleep(1000);
	return pid;
}

static enum ksm_member member_of(struct ksm *k, pid_t pid)
{
	enum ksm_member m = KSM_MEMBER_UNKNOWN;

	CHECK_INT(ksm_proc_member(k, pid, &m), 0);
	return m;
}

static void advise(void)
{
	struct ksm_caps caps;
	char want[64];
	struct ksm *k;
	struct top *t;
	pid_t pid;

	CHECK_INT(ksm_open(NULL, &k), 0);
	pid = sleeper(k);
	CHECK(pid > 0);
	CHECK_INT(ksm_caps_read(k, &caps), 0);
	t = open_top(k, pid);
	t->caps = caps;
	take(t);
	CHECK_UINT(t->model.n_rows, 1);
	top_advise(t, true);
	snprintf(want, sizeof(want), "%d: merging enabled by ", (int)pid);
	if (!caps.ksm || t->tone == TOP_BAD) {
		/* In a container, under a tracer, on another machine type. */
		printf("# %s\n", t->message);
		tap_skip("a child cannot be changed here");
	} else {
		tap_row("%s", t->message);
		CHECK(!strncmp(t->message, want, strlen(want)));
		CHECK_INT(member_of(k, pid), KSM_MEMBER_ANY);
		take(t);
		CHECK_UINT(t->model.n_members, 1);
		top_advise(t, true);
		snprintf(want, sizeof(want), "%d: nothing to do: merging is on", (int)pid);
		CHECK(!strncmp(t->message, want, strlen(want)));
		/* A child does it, and the screen goes on. */
		top_advise(t, false);
		snprintf(want, sizeof(want), "%d: unmerging", (int)pid);
		CHECK_STR(t->message, want);
		top_advise(t, true);
		snprintf(want, sizeof(want), "not now: %d is still being unmerged", (int)pid);
		CHECK_STR(t->message, want);
		top_unmerge_wait(t);
		snprintf(want, sizeof(want), "%d: merging disabled by ", (int)pid);
		tap_row("%s", t->message);
		CHECK(!strncmp(t->message, want, strlen(want)));
		CHECK_INT(member_of(k, pid), KSM_MEMBER_OFF);
	}
	/* Of one that is gone the reason is told; the others go on. */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	top_advise(t, true);
	CHECK_INT(t->tone, TOP_BAD);
	CHECK(strstr(t->message, "cannot enable merging"));
	take(t);
	CHECK_UINT(t->model.n_rows, 0);
	top_advise(t, true);
	CHECK_STR(t->message, "no process is selected");
	close_top(t);
}

struct left {
	struct top *t;
	pid_t pid;
};

/* Ended while the child that unmerges is at work. */
static void stop_unmerging(void *arg)
{
	const struct left *l = arg;
	struct top *t = l->t;

	t->off.ids = calloc(1, sizeof(*t->off.ids));
	t->off.ids[0].pid = l->pid;
	t->off.n = 1;
	t->off.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	t->off.child = fork();
	if (!t->off.child)
		_exit(0);
	top_unmerge_stop(t);
	_exit(0);
}

/* The command that goes on must be one that ksm-advise does not refuse. */
static void left_undone(void)
{
	static const struct {
		pid_t pid;
		const char *command;
	} rows[] = {
		{ 2150, "ksm-advise -d --madvised -p 2150" },
		{ 2001, "ksm-advise -d -p 2001" },
		{ 4711, "ksm-advise -d -p 4711" },
	};
	struct top *t = open_top(root_open("6.12-busy"), 0);

	take(t);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct left l = { t, rows[i].pid };
		struct captured c __cleanup_captured = capture(stop_unmerging, &l, -1);

		tap_row("%s", str_get(&c.err));
		CHECK_INT(c.status, 0);
		CHECK(strstr(str_get(&c.err), rows[i].command));
	}
	close_top(t);
}

TAP_MAIN(TAP_CASE(settings), TAP_CASE(say), TAP_CASE(advise), TAP_CASE(left_undone))
