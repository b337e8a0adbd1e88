/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's module, loaded and unloaded by cases that look at what this does to
 * processes; who uses it must not use any other module called hksm meanwhile. Each
 * function waits, and ends the case when that takes longer than a machine that is not
 * stuck would take.
 */
#ifndef KSM_CASE_MODULE_H
#define KSM_CASE_MODULE_H

#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE		"/hksm.ko"
#define PATCH		"/sys/kernel/livepatch/hksm/"
#define PATIENCE	120	/* seconds, for a machine that is stuck */

#define MODULE_FN	static inline __attribute__((unused))

MODULE_FN bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

MODULE_FN void nap(void)
{
	usleep(20000);
}

/* Until it is there, or not. */
MODULE_FN void await(const char *path, bool want)
{
	for (int i = 0; i < PATIENCE * 50; i++, nap())
		if (there(path) == want)
			return;
	case_die("%s: still %s", path, want ? "not there" : "there");
}

/* '0' or '1', or 0 where there is no such file. */
MODULE_FN char state(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = 0;

	if (fd >= 0 && read(fd, &c, 1) != 1)
		c = 0;
	if (fd >= 0)
		close(fd);
	return c;
}

MODULE_FN void await_transition(void)
{
	for (int i = 0; i < PATIENCE * 50; i++, nap())
		if (state(PATCH "transition") == '0')
			return;
	case_die("the transition does not end");
}

MODULE_FN int load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	int err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return err;
}

MODULE_FN int unload(void)
{
	return syscall(SYS_delete_module, "hksm", O_NONBLOCK) ? -errno : 0;
}

/* Of all processes and kernel threads, by what they are called. */
MODULE_FN unsigned int tasks(bool (*counts)(const char *comm))
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned int n = 0;

	while (dir && (e = readdir(dir))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		n += fgets(name, sizeof(name), f) && counts(name);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return n;
}

MODULE_FN bool is_scanner(const char *comm)
{
	return !strcmp(comm, "ksmd\n");
}

MODULE_FN unsigned int scanners(void)
{
	return tasks(is_scanner);
}

MODULE_FN void scan(void)
{
	case_set("pages_to_scan", "20000");
	case_set("sleep_millisecs", "0");
	case_set("run", "1");
	case_wait_scans(3);
}

MODULE_FN void forget_all(void)
{
	case_set("run", "2");
	case_set("run", "0");
}

MODULE_FN void expect_tree(void)
{
	await("/sys/kernel/mm/ksm/run", true);
	if (case_has("hksm/metadata_bytes"))
		case_die("the module's files are still there");
	if (scanners() != 1)
		case_die("%u threads are called ksmd", scanners());
}

MODULE_FN void expect_module(void)
{
	await_transition();
	await("/sys/kernel/mm/ksm/hksm/metadata_bytes", true);
	if (scanners() != 1)
		case_die("%u threads are called ksmd", scanners());
}

MODULE_FN void begin_load(void)
{
	int err;

	forget_all();
	err = load();
	if (err)
		case_die("the module cannot be loaded: %s", strerror(-err));
}

MODULE_FN void put_in(void)
{
	begin_load();
	expect_module();
}

MODULE_FN void take_out(void)
{
	int err;

	if (state(PATCH "enabled") == '1' && case_write(PATCH "enabled", "0"))
		case_die("the patch cannot be disabled");
	await(PATCH "enabled", false);
	/* The last to use it may be on its way out. */
	for (int i = 0; (err = unload()) && i < PATIENCE * 50; i++)
		nap();
	if (err)
		case_die("the module cannot be removed: %s", strerror(-err));
	expect_tree();
}

/*
 * Busy in user mode on processor @cpu, at real-time priority if @urgent, which leaves
 * others there what the kernel's own guard against this gives them, or less: a
 * twentieth.
 */
MODULE_FN pid_t module_spin(unsigned int cpu, bool urgent)
{
	const struct sched_param prio = { .sched_priority = 1 };
	pid_t pid = case_fork();
	cpu_set_t set;

	if (pid)
		return pid;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    (urgent && sched_setscheduler(0, SCHED_FIFO, &prio)))
		_exit(1);
	for (;;)
		__asm__ volatile("" ::: "memory");
}

MODULE_FN void module_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
