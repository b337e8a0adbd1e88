// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-top - what ksmtop costs a refresh, beside htop and top.
 *
 *	bench-top [PROCESSES [SECONDS]]
 *
 * Makes so many sleeping processes (default 10000), runs each program in a
 * terminal of its own at one refresh a second, and prints the CPU time between
 * two moments after the first sample, and the resident memory at the end.  By
 * hand: make tests/bench/bench-top; nothing here fails on a figure.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/macros.h"
#include "util/num.h"

#define WARM_UP 5	/* seconds until the first samples are over */

static const char *const commands[][8] = {
	{ "ksmtop", "-d", "1", NULL },
	{ "htop", "-d", "10", NULL },
	{ "top", "-d", "1", NULL },
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* One number of /proc/PID/stat, counted as proc(5) does; -1 when it is gone. */
static long stat_field(pid_t pid, int field)
{
	char path[40], buf[1024], *at;
	int fd __cleanup_fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	at = strrchr(buf, ')');
	for (int i = 2; at && i < field; i++)
		at = strchr(at + 1, ' ');
	return at ? strtol(at, NULL, 10) : -1;
}

static double cpu_s(pid_t pid)
{
	return (double)(stat_field(pid, 14) + stat_field(pid, 15)) / (double)sysconf(_SC_CLK_TCK);
}

/* Nobody reads what a program draws, but it must not wait for a reader. */
static void drain(int fd, double until)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	char buf[65536];
	double left;

	while ((left = until - now()) > 0)
		if (poll(&pfd, 1, (int)(left * 1000) + 1) > 0 && read(fd, buf, sizeof(buf)) <= 0)
			return;
}

static pid_t start(const char *const *argv, int *fd)
{
	struct winsize ws = { .ws_row = 50, .ws_col = 132 };
	pid_t pid = forkpty(fd, NULL, NULL, &ws);

	if (pid)
		return pid;
	setenv("TERM", "xterm-256color", 1);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static void bench(const char *const *argv, int seconds)
{
	double cpu, began;
	long rss;
	int fd, status;
	pid_t pid = start(argv, &fd);

	if (pid < 0) {
		perror("forkpty");
		exit(1);
	}
	drain(fd, now() + WARM_UP);
	cpu = cpu_s(pid);
	began = now();
	drain(fd, began + seconds);
	cpu = cpu_s(pid) - cpu;
	rss = stat_field(pid, 24) * (sysconf(_SC_PAGESIZE) / 1024);
	if (waitpid(pid, &status, WNOHANG) == pid)
		printf("%-8s did not run (status %d)\n", argv[0], status);
	else
		printf("%-8s %6.2f %% of a CPU, %5.1f ms a refresh, RSS %5.1f MiB\n", argv[0],
		       cpu / (now() - began) * 100, cpu / seconds * 1000, (double)rss / 1024);
	fflush(stdout);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(fd);
}

static void sleepers(pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] < 0) {
			perror("fork");
			for (size_t j = 0; j < i; j++)
				kill(pids[j], SIGKILL);
			exit(1);
		}
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

int main(int argc, char **argv)
{
	uint64_t n = 10000, seconds = 20;
	pid_t *pids;

	if ((argc > 1 && num_u64(argv[1], &n)) || (argc > 2 && num_u64(argv[2], &seconds)) ||
	    argc > 3 || !seconds || seconds > 3600) {
		fputs("usage: bench-top [PROCESSES [SECONDS]]\n", stderr);
		return 2;
	}
	pids = calloc(n + 1, sizeof(*pids));
	if (!pids)
		return 1;
	sleepers(pids, n);
	printf("%llu sleeping processes, a refresh a second, for %llu s, 132x50\n",
	       (unsigned long long)n, (unsigned long long)seconds);
	fflush(stdout);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		bench(commands[i], (int)seconds);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (size_t i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	free(pids);
	return 0;
}
