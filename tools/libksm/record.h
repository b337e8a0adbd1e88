/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - the file of samples that ksmtop and ksm-autotune write and read: its
 * lines, and the parts that both have.  What is a tool's own, the tool adds.
 *
 * The format: "ksmtop-record 1", then records of one line, words between blanks:
 *	s WHEN_NS KEY=VALUE...	a sample begins: moment, and what holds for all of it
 *	a KEY=VALUE...		attributes of /sys/kernel/mm/ksm
 *	p PID KEY=VALUE...	a process that was read
 *	n PID USER COMMAND CGROUP VM POD	its names, only when they were read, behind
 *				its p; an earlier version wrote no POD
 *	g PID...		processes that ended
 *	b			ksm-autotune: the daemon began with this look
 *	k WHY			ksm-autotune: something started since the look before
 *	o KEY=VALUE...		ksm-autotune: the attributes that are as the daemon set them;
 *				there is none of a daemon that changes nothing
 *	e			the sample is whole
 * A figure is a number, "-" absent, "!" denied or "." off.  Bytes of names that
 * are no plain character are %XX, and an empty name is "%".  Keys and kinds of
 * records that a reader does not know are left out, so later versions may add
 * some, and either tool reads what the other has written; a file that was cut off
 * ends with its last whole sample.
 */
#ifndef KSM_LIBKSM_RECORD_H
#define KSM_LIBKSM_RECORD_H

#include <stdio.h>

#include "libksm/libksm.h"
#include "util/str.h"

#define KSM_RECORD_MAGIC    "ksmtop-record 1"
#define KSM_RECORD_LINE_MAX (256 * 1024)	/* more is no line of ours */

/* What a sample says of the system as a whole. */
struct ksm_record_system {
	struct ksm_stats stats;
	enum ksm_state present;		/* /sys/kernel/mm/ksm itself */
	unsigned int clock_tick;
	struct ksm_fig uptime_ns;
	int64_t wall_s;			/* seconds since 1970; 0 unknown */
	bool events;			/* births and deaths came by netlink */
	size_t n_hidden;		/* processes of which nothing else is known */
};

/* ------------------------------------------------------------------ */
/* writing: behind what a text has; whoever writes it asks str_err()	*/

/* " KEY=FIGURE"; nothing of one that is absent, which a reader takes it for then. */
void ksm_record_add_fig(struct str *to, const char *key, struct ksm_fig f);
/* " NAME", whatever is in it; NULL is empty. */
void ksm_record_add_name(struct str *to, const char *name);
/* All attributes that are not absent, each as above. */
void ksm_record_add_attrs(struct str *to, const struct ksm_value attr[__KSM_ATTR_N]);
/* The lines s and a, with which a sample begins. */
void ksm_record_add_system(struct str *to, const struct ksm_record_system *s);
/* A line p; of what is not known of zero pages, nothing is written. */
void ksm_record_add_proc(struct str *to, const struct ksm_proc *p, struct ksm_fig unseen_bytes);

/* ------------------------------------------------------------------ */
/* reading: a line at a time, trusting nothing				*/

struct ksm_record {
	bool begun;		/* the first line was there */
	bool open;		/* inside of a sample */
	bool cut;		/* the file ends within a line, or within a sample */
	uint64_t line;		/* the last one */
	char error[160];	/* "line 12: a zero byte"; may hold foreign text */
};

/* One line that is taken apart. */
struct ksm_record_line {
	char kind;
	char *rest;		/* its words behind that, for the functions below */
	char *text;		/* private */
};

/* -EPROTO, with a reason in @r. */
int ksm_record_bad(struct ksm_record *r, const char *fmt, ...) __printf(2, 3);

/**
 * ksm_record_take() - the next line, with or without its newline
 * @r: all zeroes at first
 * @kinds: those within a sample that the caller knows, beside "s" and "e"
 * @out: freed by ksm_record_line_fini(), also after a failure
 *
 * Return: 1: one of those kinds; 0: nothing that the caller knows; -EPROTO, as from
 * ksm_record_bad(); -ENOMEM.
 */
int ksm_record_take(struct ksm_record *r, const char *kinds, const char *line, size_t len,
		    struct ksm_record_line *out);
void ksm_record_line_fini(struct ksm_record_line *l);

/* The words of a line; each returns 0, or -EPROTO as ksm_record_bad(). */
int ksm_record_get_system(struct ksm_record *r, char *rest, struct ksm_record_system *out);
/* Those that are named; the others keep what they have. */
int ksm_record_get_attrs(struct ksm_record *r, char *rest, struct ksm_value attr[__KSM_ATTR_N]);
int ksm_record_get_proc(struct ksm_record *r, char *rest, struct ksm_proc *out,
			struct ksm_fig *unseen_bytes);
/* A word that is a process number; -EINVAL when it is none. */
int ksm_record_get_pid(char **rest, pid_t *out);
/* True: there are no more words. */
bool ksm_record_at_end(const char *rest);
/* A word that is a name, in place; NULL when there is none. */
char *ksm_record_get_name(char **rest);

/**
 * ksm_record_read() - the next line of a file
 * @f: of whatever kind, and of whatever length
 * @buf: room for KSM_RECORD_LINE_MAX
 * @len: of the line, with its newline
 *
 * Return: 1; 0 at the end, also of a file that was cut off: r->cut; -EPROTO, as
 * ksm_record_bad(); -EIO.
 */
int ksm_record_read(struct ksm_record *r, FILE *f, char *buf, size_t *len);

#endif /* KSM_LIBKSM_RECORD_H */
