// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bound.c - run a command within a bound of processor time, time and memory.
 *
 *	bound CPU_MS WALL_S COMMAND...
 *
 * Prints "how cpu_ms wall_ms kib" on descriptor 3: how is the exit status, "killed
 * by N" as killed-N, or "timeout".  Processor time is what it costs, however busy
 * the machine is; the clock only tells what hangs.  Without a command: how many ms
 * of processor time a fixed piece of work takes here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static volatile sig_atomic_t late;

static void on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

/* Opening and reading small files of /proc: what the tools do most. */
static void calibrate(void)
{
	char buf[1024];
	uint64_t begin = clock_ms(CLOCK_PROCESS_CPUTIME_ID);

	for (int i = 0; i < 20000; i++) {
		int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, buf, sizeof(buf)) < 0)
			exit(2);
		close(fd);
	}
	printf("%llu\n", (unsigned long long)(clock_ms(CLOCK_PROCESS_CPUTIME_ID) - begin + 1));
}

static uint64_t tv_ms(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000;
}

int main(int argc, char **argv)
{
	struct sigaction alarm_action = { .sa_handler = on_alarm };
	struct rusage use = { 0 };
	struct rlimit cpu = { 0 };
	uint64_t begin;
	int status;
	pid_t pid;

	if (argc < 4) {
		calibrate();
		return 0;
	}
	begin = clock_ms(CLOCK_MONOTONIC);
	pid = fork();
	if (pid < 0)
		return 2;
	if (!pid) {
		cpu.rlim_cur = cpu.rlim_max = strtoul(argv[1], NULL, 10) / 1000 + 1;
		setrlimit(RLIMIT_CPU, &cpu);
		close(3);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	sigaction(SIGALRM, &alarm_action, NULL);
	alarm((unsigned int)strtoul(argv[2], NULL, 10));
	/* What cannot be killed is left behind: that is told, and waited for no longer. */
	while (wait4(pid, &status, 0, &use) < 0) {
		if (errno != EINTR)
			return 2;
		if (late) {
			kill(pid, SIGKILL);
			dprintf(3, "timeout 0 %llu 0\n",
				(unsigned long long)(clock_ms(CLOCK_MONOTONIC) - begin));
			return 0;
		}
	}
	dprintf(3, WIFEXITED(status) ? "%d" : "killed-%d",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	dprintf(3, " %llu %llu %ld\n",
		(unsigned long long)(tv_ms(use.ru_utime) + tv_ms(use.ru_stime)),
		(unsigned long long)(clock_ms(CLOCK_MONOTONIC) - begin), use.ru_maxrss);
	return 0;
}
