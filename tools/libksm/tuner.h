/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tuner.h - the note on the running ksm-autotune: what it decided, why, and since when.
 *
 * The daemon writes it as a whole with each look; whoever wants to know who sets the
 * kernel's settings reads it.  The text is lines of key=value, and a reader skips
 * keys that it does not know: the daemon and the tools may be of different versions.
 */
#ifndef KSM_LIBKSM_TUNER_H
#define KSM_LIBKSM_TUNER_H

#include "libksm/libksm.h"
#include "util/str.h"

/* Root's directory (0755) and the files in it (0644); below another root, in its run/. */
#define KSM_TUNER_BELOW	    "run/ksm-autotune"
#define KSM_TUNER_DIR	    "/" KSM_TUNER_BELOW
#define KSM_TUNER_FILE	    "decision"
#define KSM_TUNER_TOLD	    "processes"

#define KSM_TUNER_RULES	    64	/* more are not noted one by one */
#define KSM_TUNER_USERS	    16
#define KSM_TUNER_NAME_MAX  64
#define KSM_TUNER_WHY_MAX   256

struct ksm_tuner_rule {
	char name[KSM_TUNER_NAME_MAX];
	unsigned int processes;		/* that it matches now */
	unsigned int advised;		/* of these, by the daemon */
	unsigned int waits;		/* to be looked at, again or at all */
	unsigned int left;		/* never touched: as they are, or refusing */
	int64_t saved_bytes, meta_bytes;	/* of those that were advised */
	unsigned int users;		/* to whom these belong; KSM_TUNER_USERS: that many or more */
};

struct ksm_tuner {
	struct ksm_ident id;		/* the daemon */
	bool alive;			/* of ksm_tuner_read(): it still runs */
	bool dry;			/* it writes nothing */
	int64_t since_s;		/* Unix time: of the decision that holds */
	int64_t decided_s;		/* of the last look */
	int64_t next_s;			/* of the next one */
	uint64_t due_ns;		/* the same by CLOCK_MONOTONIC; 0: not known */
	int64_t late_s;			/* of ksm_tuner_read(): it hangs, so long overdue; or 0 */
	double cpu;			/* share of one processor for ksmd; 0: stopped */
	bool need;			/* memory is short, or need is not asked for */
	bool settled;			/* a pass adds next to nothing */
	/* Below 0: not known */
	double price_ms;		/* CPU time per MiB that the last pass saved */
	double available_pct;
	double some_pct, full_pct;	/* memory pressure */
	double breaks_s;		/* merged pages that were copied again, a second */
	/* The last whole pass */
	int64_t pass_saved_bytes, pass_cpu_ms;
	struct ksm_attrset want;	/* the settings it set, and no others */
	char reason[KSM_TUNER_WHY_MAX];	/* one sentence without a full stop */
	size_t n_rules;
	struct ksm_tuner_rule rule[KSM_TUNER_RULES];
};

/**
 * ksm_tuner_format() - the text of the note
 * @t: .id has both its parts; .alive and .late_s are not noted
 * @out: the text is put behind what it has
 *
 * Fractions are kept to thousandths, of cpu to those of a percent.  What would break
 * a line in names and reason becomes a blank.
 * Return: 0 or -ENOMEM.
 */
int ksm_tuner_format(const struct ksm_tuner *t, struct str *out);

/**
 * ksm_tuner_parse() - the note from its text
 * @text: @len bytes, from anybody; longer names and more rules than there is room for
 *	  are cut off
 * @out: .alive is false, and .late_s 0
 *
 * Return: 0; -EPROTO: not a note, or not all of one.
 */
int ksm_tuner_parse(const char *text, size_t len, struct ksm_tuner *out);

/**
 * ksm_tuner_dir() - the daemon's directory, for the daemon
 * @dir: another one, or NULL; it is made, but not what it is in
 *
 * Everybody may read it, and no more: notes that are the daemon's alone are written
 * by ksm_run_write().
 * Return: a descriptor, for the caller to close; -EPERM when somebody else could have
 * written in it; other -errno.
 */
int ksm_tuner_dir(const char *dir);

/**
 * ksm_tuner_write() - replace the note, for everybody to read
 * @dirfd: of ksm_tuner_dir()
 *
 * Return: 0; -errno, and then the old one is as it was.
 */
int ksm_tuner_write(int dirfd, const struct ksm_tuner *t);

/**
 * ksm_tuner_read() - the daemon of this system, or of the dump
 *
 * Return: 0; -ENOENT: none runs, nor did one die without a word; -EPERM when somebody
 * else than root and the caller could have written the note, of which a dump says
 * nothing; -EPROTO; -EFBIG; other -errno.
 */
int ksm_tuner_read(struct ksm *k, struct ksm_tuner *out);

/* What the daemon notes beside that, of many processes: text in a form of its own.  As above. */
int ksm_tuner_read_told(struct ksm *k, struct str *out);

/**
 * ksm_tuner_rival() - another program that decides about the same settings: ksmtuned
 * @out: what is known of it, its owner too
 *
 * Anybody may call a program so; what root does not run cannot write the settings.
 * Return: 0; -ENOENT: none runs; other -errno.
 */
int ksm_tuner_rival(struct ksm *k, struct ksm_proc *out);
/*
 * Is @p, of a walk over all processes, root's and called @name?  Then @out is what is
 * known of it.
 */
bool ksm_tuner_is_roots(struct ksm *k, const struct ksm_proc *p, const char *name,
			struct ksm_proc *out);
/* The same of that program. */
bool ksm_tuner_is_rival(struct ksm *k, const struct ksm_proc *p, struct ksm_proc *out);

#endif /* KSM_LIBKSM_TUNER_H */
