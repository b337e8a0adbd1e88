// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs test cases one after the other and prints one flat TAP stream: each
 * case's points renumbered and prefixed with its name. Used by init.c in test
 * machines and by run-host on a running system, so that both judge alike. Knows
 * nothing of what a case tests.
 *
 * Before editing: whatever a case does (crash, hang, end early, say nothing,
 * leave processes behind, make the kernel complain) has to end as a "not ok"
 * line here. tests/kernel/selftest has a case for each.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_SKIP	77
#define LINE_LEN	1024
#define KSM_DIR		"/sys/kernel/mm/ksm/"
/* Time for a case's guard to put settings back, once told to end. */
#define GRACE_MS	10000

static struct {
	unsigned int pass;
	unsigned int fail;
	unsigned int skip;
} total;

static struct {
	unsigned int timeout_s;
	bool watch_kernel;
	bool own_machine;
	const char *nonce;
} opt = { .timeout_s = 240 };

static volatile sig_atomic_t stop_signal;
static volatile pid_t case_pgid;
static int kmsg_fd = -1;

/* Output */

static void point(bool good, bool skipped, const char *name, const char *text)
{
	unsigned int n;

	if (!good)
		total.fail++;
	else if (skipped)
		total.skip++;
	else
		total.pass++;
	n = total.pass + total.fail + total.skip;
	printf("%s %u - %s: %s\n", good ? "ok" : "not ok", n, name, text);
}

static void fail(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(const char *name, const char *fmt, ...)
{
	char text[LINE_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	point(false, false, name, text);
}

/* One case's stream */

struct stream {
	const char *name;
	unsigned int points;
	unsigned int failed;
	int plan;
	bool skip_all;
	char line[LINE_LEN];
	size_t len;
};

static const char *skip_word(const char *s)
{
	while (*s && !isspace((unsigned char)*s))
		s++;
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* "ok 3 - text" or "not ok - text": the text, and whether it is good. */
static const char *tap_point(const char *line, bool *good)
{
	const char *s = line;

	*good = strncmp(s, "not ", 4) != 0;
	if (!*good)
		s += 4;
	if (strncmp(s, "ok", 2) || (s[2] && !isspace((unsigned char)s[2])))
		return NULL;
	s = skip_word(s);
	if (isdigit((unsigned char)*s))
		s = skip_word(s);
	if (s[0] == '-' && isspace((unsigned char)s[1]))
		s = skip_word(s);
	return s;
}

static void stream_line(struct stream *st)
{
	const char *text, *skip;
	bool good;

	st->line[st->len] = '\0';
	st->len = 0;
	for (char *c = st->line; *c; c++)
		if (!isprint((unsigned char)*c) && *c != '\t')
			*c = '?';
	text = tap_point(st->line, &good);
	if (text) {
		st->points++;
		if (!good)
			st->failed++;
		skip = strstr(text, "# SKIP");
		point(good, skip, st->name, text);
	} else if (!strncmp(st->line, "1..", 3) &&
		   isdigit((unsigned char)st->line[3])) {
		st->plan = atoi(st->line + 3);
		skip = strstr(st->line, "# SKIP");
		if (st->plan == 0 && skip) {
			st->skip_all = true;
			point(true, true, st->name, skip);
		}
	} else if (st->line[0]) {
		printf("# %s: %s\n", st->name, st->line);
	}
}

static void stream_feed(struct stream *st, const char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] == '\n')
			stream_line(st);
		else if (st->len < sizeof(st->line) - 1)
			st->line[st->len++] = buf[i];
	}
}

/* The kernel's own word */

/*
 * Bad page, oops, warning, soft lockup. Proprietary, out-of-tree and unsigned
 * modules are not our concern.
 */
#define TAINT_MASK	((1UL << 5) | (1UL << 7) | (1UL << 9) | (1UL << 14))

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_complaint(const char *text)
{
	static const char *const at_start[] = {
		"WARNING: ", "BUG: ", "Oops: ", "INFO: task ", "INFO: possible ",
		"INFO: rcu", "general protection fault", "Unable to handle",
		"Kernel panic", "UBSAN: ", "KASAN: ", "kmemleak: ",
		"list_add corruption", "list_del corruption",
	};
	static const char *const anywhere[] = {
		"BUG: ", "KASAN: ", "KCSAN: ", "KMSAN: ", "KFENCE: ",
		"rcu: INFO: ", "detected stall", "self-detected stall",
		"suspicious RCU usage", "[ cut here ]", "blocked for more than",
		"kernel BUG at", "circular locking dependency",
		"recursive locking", "bad unlock balance", "Bad page state",
		"Bad page map", "Bad rss-counter", "new suspected memory leaks",
	};

	/* Said at every boot by kernels that kmemleak is built into. */
	if (starts(text, "kmemleak: Kernel memory leak detector") ||
	    starts(text, "kmemleak: Automatic memory scanning"))
		return false;
	for (size_t i = 0; i < sizeof(at_start) / sizeof(at_start[0]); i++)
		if (starts(text, at_start[i]))
			return true;
	for (size_t i = 0; i < sizeof(anywhere) / sizeof(anywhere[0]); i++)
		if (strstr(text, anywhere[i]))
			return true;
	return false;
}

/* Suites built into the kernel report at boot: "ok 1 hksm_policy". */
static void kunit_line(const char *text)
{
	const char *name;
	bool good;

	name = tap_point(text, &good);
	if (!name || !isdigit((unsigned char)text[good ? 3 : 7]))
		return;
	point(good, strstr(name, "# SKIP"), "kunit", name);
}

/* Read what is new in the kernel log; the first complaint goes to @out. */
static bool kmsg_scan(char *out, size_t size, bool boot)
{
	char rec[8192];
	bool found = false;

	for (;;) {
		ssize_t n = read(kmsg_fd, rec, sizeof(rec) - 1);
		char *text, *end;

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* overwritten: the taint mask remains */
		if (n <= 0)
			return found;
		rec[n] = '\0';
		text = strchr(rec, ';');
		if (!text)
			continue;
		text++;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		if (boot)
			kunit_line(text);
		if (is_complaint(text) && !found) {
			snprintf(out, size, "%s", text);
			found = true;
		}
	}
}

static unsigned long tainted(void)
{
	char buf[32] = "";
	int fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	return n > 0 ? strtoul(buf, NULL, 10) & TAINT_MASK : 0;
}

static void kernel_check(const char *name, bool boot)
{
	static unsigned long known;
	char text[256] = "";
	unsigned long taint;

	if (!opt.watch_kernel)
		return;
	if (kmsg_scan(text, sizeof(text), boot))
		fail(name, "the kernel said: %s", text);
	taint = tainted();
	if (taint & ~known)
		fail(name, "the kernel is tainted (0x%lx)", taint & ~known);
	known |= taint;
}

/* kmemleak needs two scans: the first only marks what it suspects. */
static void leak_check(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char buf[2048];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	for (int i = 0; i < 2; i++)
		if (write(fd, "scan", 4) < 0)
			break;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n > 0) {
		buf[n] = '\0';
		for (char *l = strtok(buf, "\n"); l; l = strtok(NULL, "\n"))
			printf("# %s\n", l);
		fail("kernel", "kmemleak has found leaks");
	}
}

/* Processes that a case left behind become ours: see PR_SET_CHILD_SUBREAPER. */

static pid_t parent_of(const char *pid)
{
	char path[64], buf[512];
	char *s;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	s = strrchr(buf, ')');
	/* ") S 123": state, then the parent */
	return s && strlen(s) > 4 && s[2] != 'Z' ? atoi(s + 4) : 0;
}

static unsigned int orphans(int sig)
{
	unsigned int n = 0;
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]) ||
		    parent_of(d->d_name) != getpid())
			continue;
		if (sig)
			kill(atoi(d->d_name), sig);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static void reap_orphans(const char *name)
{
	unsigned int n = 0, more;

	/* One that is about to end is none. */
	for (int i = 0; i < 200 && orphans(0); i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(10000);
	}
	/* Killing one may hand us its children. */
	while ((more = orphans(SIGKILL))) {
		n += more;
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (n)
		fail(name, "left %u processes running", n);
}

/* Running one */

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void on_signal(int sig)
{
	stop_signal = sig;
	if (case_pgid > 0)
		kill(-case_pgid, SIGTERM);
}

static pid_t start(const char *path, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		size_t len = strlen(path);
		bool script = len > 3 && !strcmp(path + len - 3, ".sh");
		int null = open("/dev/null", O_RDONLY);

		setpgid(0, 0);
		dup2(null, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		signal(SIGPIPE, SIG_DFL);
		if (script)
			execlp("busybox", "busybox", "sh", path, NULL);
		else
			execl(path, path, NULL);
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		_exit(126);
	}
	if (pid > 0)
		setpgid(pid, pid);
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Feeds the stream until the case has ended; false on a timeout. */
static bool follow(struct stream *st, pid_t pid, int fd, int *status)
{
	long long end = now_ms() + opt.timeout_s * 1000LL;
	bool ended = false, in_time = true;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char buf[4096];
		ssize_t n = 0;

		if (poll(&p, 1, 50) > 0) {
			n = read(fd, buf, sizeof(buf));
			if (n > 0)
				stream_feed(st, buf, (size_t)n);
		}
		/*
		 * End of file alone is no end (a case may close stdout), nor
		 * is an open pipe (a stray child may hold it).
		 */
		if (ended && (n <= 0 || now_ms() > end))
			break;
		if (!ended && waitpid(pid, status, WNOHANG) == pid) {
			ended = true;
			end = now_ms() + GRACE_MS;
		}
		if (n == 0 && (p.revents & POLLHUP))
			usleep(10000);
		if (!ended && now_ms() > end) {
			if (!in_time) {
				kill(-pid, SIGKILL);
				waitpid(pid, status, 0);
				ended = true;
			} else {
				in_time = false;
				kill(-pid, SIGTERM);
				end = now_ms() + GRACE_MS;
			}
		}
	}
	if (st->len)
		stream_line(st);
	return in_time;
}

static void reset_ksm(void)
{
	static const char *const values[] = { "2", "0" };

	for (size_t i = 0; i < 2; i++) {
		int fd = open(KSM_DIR "run", O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			return;
		if (write(fd, values[i], 1) < 0)
			fail("kernel", "write %s to run: %s", values[i],
			     strerror(errno));
		close(fd);
	}
}

static void run_case(const char *path)
{
	const char *base = strrchr(path, '/');
	struct stream st = { .name = base ? base + 1 : path, .plan = -1 };
	long long begin = now_ms();
	int fd, status = 0;
	bool in_time;
	pid_t pid;

	pid = start(path, &fd);
	if (pid < 0) {
		fail(st.name, "cannot be started: %s", strerror(errno));
		return;
	}
	case_pgid = pid;
	in_time = follow(&st, pid, fd, &status);
	case_pgid = 0;
	close(fd);
	if (!in_time)
		kill(-pid, SIGKILL);	/* no orphan: it had its chance */
	if (!in_time)
		fail(st.name, "not done after %u s", opt.timeout_s);
	else if (WIFSIGNALED(status))
		fail(st.name, "ended by signal %d", WTERMSIG(status));
	else if (st.skip_all && st.points)
		fail(st.name, "skips all, after %u points", st.points);
	else if (st.plan < 0)
		fail(st.name, "ended early: status %d, %u points and no plan",
		     WEXITSTATUS(status), st.points);
	else if ((unsigned int)st.plan != st.points)
		fail(st.name, "%u points, but %d were planned", st.points,
		     st.plan);
	else if (st.plan == 0 && !st.skip_all)
		fail(st.name, "tested nothing");
	else if (WEXITSTATUS(status) && !st.failed &&
		 !(st.skip_all && WEXITSTATUS(status) == EXIT_SKIP))
		fail(st.name, "exit status %d without a failed point",
		     WEXITSTATUS(status));
	reap_orphans(st.name);
	kernel_check(st.name, false);
	if (opt.own_machine)
		reset_ksm();
	printf("# %s: %lld ms\n", st.name, now_ms() - begin);
	fflush(stdout);
}

static void usage(FILE *out)
{
	fputs("Usage: runner [-k] [-r] [-t SECONDS] [-n NONCE] CASE...\n"
	      "  -k  fail on complaints in the kernel log and on taint\n"
	      "  -r  this machine is only for tests: unmerge between cases\n"
	      "  -t  what a case may take at most (default 240)\n"
	      "  -n  end with a VERDICT line that carries NONCE\n", out);
}

int main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	struct utsname u;
	int c;

	while ((c = getopt(argc, argv, "krt:n:h")) != -1) {
		switch (c) {
		case 'k':
			opt.watch_kernel = true;
			break;
		case 'r':
			opt.own_machine = true;
			break;
		case 't':
			opt.timeout_s = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			opt.nonce = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	uname(&u);
	printf("TAP version 13\n# Linux %s %s, %ld processors, page size %ld\n",
	       u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN),
	       sysconf(_SC_PAGESIZE));
	if (opt.watch_kernel) {
		kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (kmsg_fd < 0)
			fail("kernel", "open /dev/kmsg: %s", strerror(errno));
	}
	kernel_check("boot", true);
	for (int i = optind; i < argc && !stop_signal; i++)
		run_case(argv[i]);
	if (opt.watch_kernel)
		leak_check();
	if (stop_signal)
		fail("runner", "stopped by signal %d", (int)stop_signal);
	printf("1..%u\n", total.pass + total.fail + total.skip);
	if (opt.nonce)
		printf("VERDICT %s %s %u %u %u\n", opt.nonce,
		       total.fail ? "fail" : "pass", total.pass, total.fail,
		       total.skip);
	fflush(stdout);
	return total.fail ? 1 : 0;
}
