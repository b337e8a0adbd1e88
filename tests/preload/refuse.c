// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refuse.c - a kernel that says no: an LD_PRELOAD object for tests of commands.
 *
 * KSM_TEST_REFUSE is a list of rules for writes to files of
 * .../sys/kernel/mm/ksm, separated by commas:
 *
 *	NAME:ERRNO		refuse what is written to NAME
 *	NAME=TEXT:ERRNO		refuse only this text
 *	NAME>TEXT		take it, and hold TEXT instead
 *
 * ERRNO is a number.  A refused file keeps its contents, as in sysfs: opening
 * has truncated it, so what was last read from it is written back.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 32
#define TEXT  128

static struct {
	char name[64];
	char text[TEXT];
	ssize_t len;
} seen[FILES];

/* The name below /sys/kernel/mm/ksm, or NULL for any other file. */
static const char *ksm_name(int fd, char *path, size_t size)
{
	static const char dir[] = "/sys/kernel/mm/ksm/";
	char link[64];
	const char *at;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	at = strstr(path, dir);
	return at ? at + strlen(dir) : NULL;
}

ssize_t read(int fd, void *buf, size_t count)
{
	ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
	ssize_t n = real(fd, buf, count);
	int saved = errno;
	char path[PATH_MAX];
	const char *name = n > 0 && n <= TEXT ? ksm_name(fd, path, sizeof(path)) : NULL;

	for (size_t i = 0; name && i < FILES; i++) {
		if (seen[i].name[0] && strcmp(seen[i].name, name))
			continue;
		snprintf(seen[i].name, sizeof(seen[i].name), "%s", name);
		memcpy(seen[i].text, buf, n);
		seen[i].len = n;
		break;
	}
	errno = saved;
	return n;
}

/* 0, an errno, or -1 with *instead. */
static int verdict(const char *name, const char *text, size_t len, char *instead, size_t size)
{
	char rules[512];
	char *rest = rules, *rule, *end;

	snprintf(rules, sizeof(rules), "%s", getenv("KSM_TEST_REFUSE") ?: "");
	while ((rule = strsep(&rest, ","))) {
		size_t n = strlen(name);

		if (strncmp(rule, name, n))
			continue;
		rule += n;
		if (*rule == '>') {
			snprintf(instead, size, "%s", rule + 1);
			return -1;
		}
		end = strchr(rule, ':');
		if (!end || (*rule != ':' && *rule != '='))
			continue;
		if (*rule == '=' && ((size_t)(end - rule - 1) != len || memcmp(rule + 1, text, len)))
			continue;
		return atoi(end + 1);
	}
	return 0;
}

ssize_t write(int fd, const void *buf, size_t count)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	char path[PATH_MAX], instead[TEXT];
	const char *name = ksm_name(fd, path, sizeof(path));
	int no = name ? verdict(name, buf, count, instead, sizeof(instead)) : 0;

	if (!no)
		return real(fd, buf, count);
	if (no < 0)
		return real(fd, instead, strlen(instead)) < 0 ? -1 : (ssize_t)count;
	for (size_t i = 0; i < FILES; i++)
		if (!strcmp(seen[i].name, name) && real(fd, seen[i].text, seen[i].len) < 0)
			return -1;
	errno = no;
	return -1;
}
