// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * program.c - what a command's file is, before it is run: static, 32-bit, or one
 * that changes credentials.
 *
 * Advice only: the kernel decides anew at exec.  Whatever cannot be read is
 * "not known", never an error, since the exec that follows says it better.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ksm-advise/advise.h"
#include "util/str.h"

/* As the kernel: BINPRM_BUF_SIZE of a script's first line, and that many scripts in a row. */
#define HEAD_MAX 256
#define SCRIPTS_MAX 5

/* The file that execvp(3) would run, or -1. */
static int open_command(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (!path)
		path = "/bin:/usr/bin";
	while (*name) {
		size_t len = strcspn(path, ":");
		struct str full __cleanup_str = STR_INIT;

		str_addmem(&full, len ? path : ".", len ? len : 1);
		str_addf(&full, "/%s", name);
		if (!str_err(&full) && !access(str_get(&full), X_OK)) {
			struct stat st;
			int fd = open(str_get(&full), O_RDONLY | O_CLOEXEC | O_NONBLOCK);

			if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
				return fd;
			if (fd >= 0)
				close(fd);
		}
		path += len;
		if (!*path++)
			break;
	}
	return -1;
}

static bool changes_credentials(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if (st.st_mode & S_ISUID)
		return true;
	/* S_ISGID without the group's x once meant mandatory locking. */
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return true;
	return fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static bool interp64(int fd, const Elf64_Ehdr *eh)
{
	for (unsigned int i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph;

		if (pread(fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + i * eh->e_phentsize)) !=
		    sizeof(ph))
			return true;
		if (ph.p_type == PT_INTERP)
			return true;
	}
	return false;
}

static bool interp32(int fd, const Elf32_Ehdr *eh)
{
	for (unsigned int i = 0; i < eh->e_phnum; i++) {
		Elf32_Phdr ph;

		if (pread(fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + i * eh->e_phentsize)) !=
		    sizeof(ph))
			return true;
		if (ph.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* "#!  /bin/sh -e": the interpreter's path, in place; NULL when it is no script. */
static char *script_interpreter(char *head)
{
	char *s = head + 2;

	if (head[0] != '#' || head[1] != '!')
		return NULL;
	while (*s == ' ' || *s == '\t')
		s++;
	s[strcspn(s, " \t\n")] = '\0';
	return *s ? s : NULL;
}

void adv_program_read(const char *name, struct adv_program *out)
{
	union {
		char text[HEAD_MAX + 1];
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} head;
	int fd = open_command(name);

	*out = (struct adv_program){ 0 };
	for (int depth = 0; fd >= 0 && depth < SCRIPTS_MAX; depth++) {
		ssize_t n = pread(fd, head.text, HEAD_MAX, 0);
		char *next;

		if (n < EI_NIDENT)
			break;
		head.text[n] = '\0';
		next = script_interpreter(head.text);
		if (next) {
			close(fd);
			fd = open(next, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
			continue;
		}
		if (memcmp(head.ident, ELFMAG, SELFMAG) || n < (ssize_t)sizeof(head.e64))
			break;
		out->known = true;
		out->setid = changes_credentials(fd);
		out->bits32 = head.ident[EI_CLASS] == ELFCLASS32;
		out->is_static = out->bits32 ? !interp32(fd, &head.e32) : !interp64(fd, &head.e64);
		break;
	}
	if (fd >= 0)
		close(fd);
}
