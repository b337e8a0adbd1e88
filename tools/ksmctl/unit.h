/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.h - a service of systemd as its files describe it, and the drop-in that makes its
 * memory mergeable.
 */
#ifndef KSMCTL_UNIT_H
#define KSMCTL_UNIT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

#define UNIT_NAME_MAX 256	/* of systemd, the NUL included */
#define UNIT_MEMORY_KSM 254	/* the first systemd that has MemoryKSM= */
#define UNIT_DROPIN "ksm-utils.conf"

/* unit-file.c: text only; pure */

/* What the files say so far: zeroed, then unit_parse() of each, in order, then unit_fini(). */
struct unit {
	char **exec;		/* each command of ExecStart=, its prefixes included */
	size_t n, cap;
	bool memory_ksm;	/* MemoryKSM= is on */
	unsigned int hides;	/* bits of settings by which a program outside is not there */
};

/**
 * unit_name_check() - the full name of a service that somebody typed
 * @typed: ".service" may be left out
 * @out: the full name; room for UNIT_NAME_MAX
 *
 * A name that would hold for units that nobody named (a template, or the prefix of
 * others) is refused.
 *
 * Return: NULL, or why it is refused.
 */
const char *unit_name_check(const char *typed, char *out);
/* "a@.service" of "a@b.service"; false where @name is no instance. */
bool unit_template(const char *name, char *out);

/* @text ends in a NUL that @len does not count.  0, -EINVAL when it is no text, or -ENOMEM. */
int unit_parse(struct unit *u, const char *text, size_t len);
void unit_fini(struct unit *u);
/* The setting that hides programs of the system from the unit, or NULL. */
const char *unit_hides(const struct unit *u);

/* What became of a command that is run through ksm-advise. */
enum unit_wrap {
	UNIT_WRAPPED,
	UNIT_WRAPPED_NAME,	/* but "@": its name (argv[0]) is lost */
	UNIT_THROUGH,		/* it is run through ksm-advise already */
	UNIT_UNKNOWN,		/* a prefix that is not known, or nothing behind it */
};

/* Appends the command that runs @command through @advise (a path). */
enum unit_wrap unit_wrap(const char *command, const char *advise, struct str *out);

/* "systemd 252 (252.39-1)" or "libsystemd-shared-252.so"; 0 when it is neither. */
unsigned int unit_systemd_version(const char *text);

/* unit-dirs.c: the files */

struct unit_where {
	const char *root;	/* NULL: the running system */
	int fd;			/* of it */
};

/* -errno; closed by closing its fd. */
int unit_where_open(const char *root, struct unit_where *out);
/* Below it; links lead nowhere else. -errno. */
int unit_open(const struct unit_where *w, const char *path, int flags);

enum unit_found { UNIT_FOUND, UNIT_NONE, UNIT_MASKED, UNIT_ALIAS, UNIT_ERROR };

/**
 * unit_read() - all files of a unit, our own drop-in left out
 * @what: of UNIT_ALIAS the name it is another one of; of UNIT_ERROR the file and why
 */
enum unit_found unit_read(const struct unit_where *w, const char *name, struct unit *out,
			  struct str *what);
/* The version of systemd that is installed below it; 0 when that is not known. */
unsigned int unit_installed_version(const struct unit_where *w);
/*
 * The directory of drop-ins of a unit below /etc, or with @runtime below /run; -ENOENT
 * where it is not there and not to be made.
 */
int unit_dropins(const struct unit_where *w, const char *name, bool runtime, bool make);
/* Removes that directory if there is nothing in it. */
void unit_dropins_tidy(const struct unit_where *w, const char *name, bool runtime);
/* How messages call the drop-in. */
void unit_dropin_path(const char *name, bool runtime, struct str *out);

/* systemctl.c: 0; -ENOENT where there is none; -EIO when it says no; -errno */

/* Of the running system; 0 where it does not tell. */
int systemctl_version(unsigned int *out);
int systemctl_reload(void);

#endif /* KSMCTL_UNIT_H */
