// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe.c - print what a process can tell of how it was started, so that two ways
 * of starting it can be compared by diff.
 *
 * Nothing is printed that differs from run to run, such as its own number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void print_lines(const char *file, const char *const *begins)
{
	char line[512];
	FILE *f = fopen(file, "r");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		for (const char *const *b = begins; *b; b++)
			if (!strncmp(line, *b, strlen(*b)))
				printf("%s %s", file, line);
	fclose(f);
}

static void print_fds(void)
{
	struct stat st;

	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0)
			continue;
		if (fstat(fd, &st))
			memset(&st, 0, sizeof(st));
		printf("fd %d: flags %d, status %d, device %llx, inode %llu\n", fd, flags,
		       fcntl(fd, F_GETFL), (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	}
}

static void print_limits(void)
{
	struct rlimit l;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (!getrlimit(i, &l))
			printf("limit %d: %llu %llu\n", i, (unsigned long long)l.rlim_cur,
			       (unsigned long long)l.rlim_max);
}

static void print_children(void)
{
	struct rusage u;
	pid_t pid = waitpid(-1, NULL, WNOHANG);

	printf("children: %s\n", pid < 0 ? strerror(errno) : pid ? "one has ended" : "some run");
	getrusage(RUSAGE_CHILDREN, &u);
	printf("used by children: %ld KiB, %ld faults, %ld.%06ld s\n", u.ru_maxrss, u.ru_minflt,
	       (long)u.ru_utime.tv_sec + u.ru_stime.tv_sec,
	       (long)u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	static const char *const status[] = { "Name:",	"Uid:",	   "Gid:",     "Groups:",
					      "Threads:", "SigPnd:", "ShdPnd:",	 "SigBlk:",
					      "SigIgn:", "SigCgt:",  "CapInh:",	 "CapPrm:",
					      "CapEff:", "CapBnd:",  "CapAmb:",	 "NoNewPrivs:",
					      "Seccomp:", "Cpus_allowed_list:", NULL };
	static const char *const all[] = { "", NULL };
	char cwd[4096];
	int deathsig = 0, reaper = 0;
	mode_t mask = umask(0);

	print_fds();
	printf("arguments: %d\n", argc);
	for (int i = 0; i < argc; i++)
		printf("argument: %s\n", argv[i]);
	/* The shell's own variable names the program that it started. */
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "_=", 2))
			printf("environment: %s\n", *e);
	printf("directory: %s, mask %o\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?", (unsigned)mask);
	printf("parent %d, group %d, session %d\n", (int)getppid(), (int)getpgrp() == (int)getpid(),
	       (int)getsid(0));
	prctl(PR_GET_PDEATHSIG, &deathsig);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	printf("nice %d, death signal %d, subreaper %d, dumpable %d, slack %d\n",
	       getpriority(PRIO_PROCESS, 0), deathsig, reaper, prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_TIMERSLACK));
	print_lines("/proc/self/oom_score_adj", all);
	print_lines("/proc/self/status", status);
	print_limits();
	print_children();
	return 0;
}
