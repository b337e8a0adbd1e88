// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tricks.c - be a process that makes trouble for whoever looks at it.
 *
 *	tricks NAME	prints "ready" and stays until it is killed
 *	tricks --list	NAME, "user" or "root", and what is odd about it; a row each
 *
 * A row for each trick: whatever a process may choose about itself and a tool then
 * reads.  "root" rows need it to be set up, not to be looked at.  What cannot be
 * set up here (a kernel without it, a container) ends with 77 and the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../inject/fuse.h"

#define CMDLINE_MIB 60
#define CHILDREN 40
#define MAPPINGS 60000
#define THREADS 300
#define ZOMBIES 500
#define GROUPS 2000

static char **args;

static _Noreturn void impossible(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(77);
}

static _Noreturn void stay(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		impossible("fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return pid;
}

/* --- command lines --- */

/* Fields 26 on of /proc/self/stat, as prctl_mm_map wants them. */
static void set_cmdline(char *start, size_t len)
{
	struct prctl_mm_map map = { .exe_fd = (unsigned int)-1 };
	unsigned long v[60] = { 0 };
	char buf[4096], *p;
	FILE *f = fopen("/proc/self/stat", "r");

	if (!f || !fgets(buf, sizeof(buf), f))
		impossible("/proc/self/stat");
	fclose(f);
	p = strrchr(buf, ')') + 2;
	for (int i = 3; i < 58 && *p; i++) {
		v[i] = strtoul(p, NULL, 10);
		p += strcspn(p, " \n");
		p += *p != '\0';
	}
	map.start_code = v[26];
	map.end_code = v[27];
	map.start_stack = v[28];
	map.start_data = v[45];
	map.end_data = v[46];
	map.start_brk = v[47];
	map.brk = (uintptr_t)sbrk(0);
	map.arg_start = (uintptr_t)start;
	map.arg_end = (uintptr_t)start + len;
	map.env_start = v[50];
	map.env_end = v[51];
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0))
		impossible("PR_SET_MM_MAP");
}

static char *area(size_t len)
{
	char *m = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		impossible("mmap");
	return m;
}

static void cmdline(void)
{
	const size_t len = (size_t)CMDLINE_MIB << 20;
	char *m = area(len);

	memset(m, 'a', len - 1);
	set_cmdline(m, len);
	for (int i = 0; i < CHILDREN; i++)
		if (!child())
			for (;;)
				pause();
	stay();
}

static void cmdline_empty_pages(void)
{
	const size_t len = (size_t)CMDLINE_MIB << 20;
	char *m = area(len);

	*m = 'X';
	set_cmdline(m, len);
	stay();
}

/* Bytes on which a search begins anew each time. */
static void cmdline_regex(void)
{
	const size_t len = 256U << 10;
	char *m = area(len);

	memset(m, 'x', len - 1);
	set_cmdline(m, len);
	stay();
}

static void title(void)
{
	char *s = args[0], *end = s + strlen(s) + 1;

	for (int i = 1; args[i]; i++)
		end = args[i] + strlen(args[i]) + 1;
	memset(s, 0, (size_t)(end - s));
	memcpy(s, "\033[2J", 4);
	stay();
}

static void name(void)
{
	prctl(PR_SET_NAME, ") R 1 \n\033]0;\xff", 0, 0, 0);
	stay();
}

/* --- memory --- */

static void maps(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	/* Neighbours that differ stay apart. */
	for (int i = 0; i < MAPPINGS; i++)
		if (mmap(NULL, page, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			break;
	stay();
}

/* Much of it, of which nothing is there. */
static void sparse(void)
{
	area((size_t)4 << 40);
	stay();
}

/* A file whose server says nothing more: whoever needs a page of it waits for ever. */
static char *silent_file(size_t len)
{
	struct fuse_share *share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *m;
	int fd, rc;

	if (share == MAP_FAILED)
		impossible("mmap");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		impossible("mount namespace");
	/* Seen by nobody else, so it may hide a directory. */
	rc = fuse_start("/mnt", share);
	if (rc < 0) {
		errno = -rc;
		impossible("FUSE");
	}
	share->silent = 1;
	fd = open("/mnt/libc.so", O_RDONLY | O_CLOEXEC);
	m = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (fd < 0 || m == MAP_FAILED)
		impossible("/mnt/libc.so");
	close(fd);
	return m;
}

static void fuse(void)
{
	silent_file(1 << 20);
	stay();
}

static void cmdline_fuse(void)
{
	const size_t len = 64U << 10;

	set_cmdline(silent_file(1 << 20), len);
	stay();
}

/* --- threads and children --- */

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void threads(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64U << 10);
	for (int i = 0; i < THREADS; i++) {
		pthread_t t;

		if (pthread_create(&t, &attr, wait_for_ever, NULL))
			break;
	}
	stay();
}

static void *say_ready(void *arg)
{
	puts("ready");
	fflush(stdout);
	return wait_for_ever(arg);
}

static void leader_gone(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, say_ready, NULL))
		impossible("thread");
	pthread_exit(NULL);
}

static void zombies(void)
{
	for (int i = 0; i < ZOMBIES; i++)
		if (!child())
			_exit(0);
	stay();
}

/* Numbers are used again all the time. */
static void pids(void)
{
	puts("ready");
	fflush(stdout);
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

static void stopped(void)
{
	pid_t pid = child();

	if (!pid)
		for (;;)
			raise(SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	stay();
}

/* --- rights --- */

static void filter(unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		impossible("seccomp");
}

static void filter_kills(void)
{
	filter(SECCOMP_RET_KILL_PROCESS);
	stay();
}

static void filter_refuses(void)
{
	filter(SECCOMP_RET_ERRNO | EPERM);
	stay();
}

static void groups(void)
{
	static gid_t list[GROUPS];

	for (size_t i = 0; i < GROUPS; i++)
		list[i] = 1000000000 + (gid_t)i;
	if (setgroups(GROUPS, list))
		impossible("setgroups");
	filter_kills();
}

static void undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	stay();
}

static void namespaces(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS))
		impossible("unshare");
	pid = child();
	if (!pid)
		for (;;)
			pause();
	stay();
}

/* ------------------------------------------------------------------ */

static const struct {
	const char *name, *who;
	void (*run)(void);
	const char *what;
} tricks[] = {
	{ "cmdline", "user", cmdline, "41 processes with command lines of 60 MiB" },
	{ "cmdline-empty", "user", cmdline_empty_pages, "60 MiB of it, of which no page is there" },
	{ "cmdline-regex", "user", cmdline_regex, "256 KiB that a search begins anew on" },
	{ "cmdline-fuse", "root", cmdline_fuse, "its command line is in a file that never comes" },
	{ "filter-kills", "user", filter_kills, "a seccomp filter kills it for prctl" },
	{ "filter-refuses", "user", filter_refuses, "a seccomp filter answers EPERM to prctl" },
	{ "fuse", "root", fuse, "code in a file that never comes" },
	{ "groups", "root", groups, "2000 supplementary groups, and a filter behind them" },
	{ "leader-gone", "user", leader_gone, "its main thread has ended" },
	{ "maps", "user", maps, "60000 mappings" },
	{ "name", "user", name, "a name with parentheses, newline and escape" },
	{ "namespaces", "user", namespaces, "other user, pid, mount and host namespaces" },
	{ "pids", "user", pids, "it forks children that end at once" },
	{ "sparse", "user", sparse, "4 TiB of addresses, nothing in it" },
	{ "stopped", "user", stopped, "a stopped child" },
	{ "threads", "user", threads, "300 threads" },
	{ "title", "user", title, "a title padded with NULs, and escapes in it" },
	{ "undumpable", "user", undumpable, "PR_SET_DUMPABLE 0" },
	{ "zombies", "user", zombies, "500 children that nobody waits for" },
};

int main(int argc, char **argv)
{
	args = argv;
	for (size_t i = 0; argc == 2 && i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		if (!strcmp(argv[1], "--list"))
			printf("%s %s %s\n", tricks[i].name, tricks[i].who, tricks[i].what);
		else if (!strcmp(argv[1], tricks[i].name))
			tricks[i].run();
	}
	return argc == 2 && !strcmp(argv[1], "--list") ? 0 : 2;
}
