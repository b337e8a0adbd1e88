/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * marks.h - what we marked in whom, so that just that can be undone.
 *
 * The kernel does not tell who made a mapping mergeable: the program, or somebody
 * through it.  Whoever marks ranges of a process writes them down here.  The note
 * belongs to one process and to the program that it executes, not to its number, and
 * is gone with the next boot.  Its children have the marks too, and no note: they are
 * found by that of the parent, for as long as it runs.
 */
#ifndef KSM_INJECT_MARKS_H
#define KSM_INJECT_MARKS_H

#include "inject/portions.h"

struct ksm_marks {
	struct ksm_range *range;	/* ascending and apart */
	size_t n, cap;
	uint64_t since_ticks;		/* as ksm_proc::start_ticks: children from then on have them, */
	uint64_t until_ticks;		/* until they were undone in the parent; 0: they are not */
};

/* NULL is none. */
void ksm_marks_fini(struct ksm_marks *m);
/* Also what overlaps or touches another; 0 or -ENOMEM. */
int ksm_marks_add(struct ksm_marks *m, uint64_t start, uint64_t end);
/* All of @start to @end lies in them. */
bool ksm_marks_cover(const struct ksm_marks *m, uint64_t start, uint64_t end);
/* Without what lies in @start to @end; 0 or -ENOMEM. */
int ksm_marks_cut(struct ksm_marks *m, uint64_t start, uint64_t end);

/*
 * Text and back; for tests and fuzzers.  -EPROTO: not what we write.
 */
int ksm_marks_format(const struct ksm_marks *m, char **text, size_t *len);
int ksm_marks_parse(const char *text, size_t len, struct ksm_marks *out);

#define KSM_MARKS_MAX	 65536	/* more mappings has no process */

/**
 * ksm_marks_read() - what we marked in a process, or in whom it was forked from
 * @dir: where notes are, or NULL: below /run for root, else below $XDG_RUNTIME_DIR;
 *	root looks for the process' user there too
 * @id: a process with its start
 * @out: to be freed by ksm_marks_fini(); empty after a failure
 *
 * Return: 0; -ENOENT when there is no note; -EPERM when the place is not ours alone;
 * -EPROTO; other -errno.
 */
int ksm_marks_read(struct ksm *k, const char *dir, const struct ksm_ident *id,
		   struct ksm_marks *out);

/**
 * ksm_marks_write() - replace the note on a process; of no ranges, remove it
 *
 * Return: 0; -ENOENT without $XDG_RUNTIME_DIR; -errno, and then the old note stands.
 */
int ksm_marks_write(struct ksm *k, const char *dir, const struct ksm_ident *id,
		    const struct ksm_marks *m);

/*
 * What ksm_marks_read() gave is not marked in the process any more.  Its children may
 * have it still, so the note stays for them.  0 or -errno.
 */
int ksm_marks_undone(struct ksm *k, const char *dir, const struct ksm_ident *id,
		     struct ksm_marks *m);

/* Removes the notes on processes that have ended, or execute another program now. */
void ksm_marks_sweep(struct ksm *k, const char *dir);

#endif /* KSM_INJECT_MARKS_H */
