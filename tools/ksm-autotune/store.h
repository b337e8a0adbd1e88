/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - what the daemon keeps in files until the next boot: who is it, what it
 * found, and whom it advised.  A daemon that was killed left them for `restore` and
 * for the next one.
 */
#ifndef KSM_AUTOTUNE_STORE_H
#define KSM_AUTOTUNE_STORE_H

#include "ksm-autotune/apply.h"
#include "ksm-autotune/deed.h"
#include "libksm/tuner.h"

struct tune_store {
	int dir, lock;		/* -1: none */
};

#define TUNE_STORE_NONE { .dir = -1, .lock = -1 }

/**
 * tune_store_open() - the directory, and the right to write in it
 * @dir: NULL: KSM_TUNER_DIR, which is made
 * @holder: of -EBUSY: the daemon that has it; 0: not known
 *
 * Return: 0; -EBUSY: another daemon runs; -EPERM: the directory is not ours alone;
 * other -errno.  Closed by tune_store_close(), also after a failure.
 */
int tune_store_open(struct tune_store *s, const char *dir, pid_t *holder);
void tune_store_close(struct tune_store *s);

/**
 * tune_store_put_settings() - note what was found and what is ours, before it is written
 * @boot: from ksm_boot_id(); a note of another boot says nothing
 * @t: as it is; of nothing that is ours, the note is removed
 * @next: what is about to be written; NULL: nothing
 *
 * Return: 0; -errno, and then the old note stands.
 */
int tune_store_put_settings(const struct tune_store *s, const char *boot,
			    const struct tune_settings *t, const struct ksm_attrset *next);

/**
 * tune_store_take_settings() - what a daemon that was killed had found and set
 * @t: after tune_settings_begin(): what is still as that one set it is ours, and .found
 *     of it is what that one found
 * @taken: number of settings for which that is so
 *
 * Return: 0; -ENOENT: there is no such note; -EPROTO: it is broken; other -errno.
 */
int tune_store_take_settings(const struct tune_store *s, const char *boot,
			     struct tune_settings *t, unsigned int *taken);

/* Nobody decides any more: what told of it goes.  0 or -errno. */
int tune_store_end(const struct tune_store *s);

/* Whom we advised. */
struct tune_ours {
	struct ksm_ident id;
	enum tune_deed_kind kind;
};

struct tune_ourses {
	struct tune_ours *v;
	size_t n, cap;
};

void tune_ours_fini(struct tune_ourses *o);
/* 0 or -ENOMEM; an identity that is there gets the other kind. */
int tune_ours_add(struct tune_ourses *o, const struct ksm_ident *id, enum tune_deed_kind kind);
void tune_ours_drop(struct tune_ourses *o, const struct ksm_ident *id);
const struct tune_ours *tune_ours_find(const struct tune_ourses *o, const struct ksm_ident *id);

/* Replaces the note; of nobody, removes it.  0 or -errno. */
int tune_store_put_ours(const struct tune_store *s, const char *boot, const struct tune_ourses *o);
/* 0; -ENOENT; -EPROTO, and then @out is empty; other -errno.  @out is freed by its _fini(). */
int tune_store_take_ours(const struct tune_store *s, const char *boot, struct tune_ourses *out);

/* What everybody may read of the processes that rules match. */
struct tune_told_proc {
	struct ksm_ident id;
	int64_t since_s;		/* Unix time */
	char rule[KSM_TUNER_NAME_MAX];
	char state[16];
	char reason[KSM_TUNER_WHY_MAX];
};

struct tune_told {
	struct tune_told_proc *v;
	size_t n, cap;
	bool more;			/* than were noted */
};

#define TUNE_TOLD_MAX 4096

void tune_told_fini(struct tune_told *t);
int tune_told_format(const struct tune_told *t, struct str *out);
/* 0; -EPROTO; -ENOMEM; @out is freed by its _fini(), also after a failure. */
int tune_told_parse(const char *text, size_t len, struct tune_told *out);
/* Replaces the note.  0 or -errno. */
int tune_store_put_told(const struct tune_store *s, const char *text, size_t len);
/* Of whatever daemon wrote it last: 0; -ENOENT; -EPERM; -EPROTO; -errno. */
int tune_told_read(struct ksm *k, struct tune_told *out);

/* The texts of both notes and back, for tests and fuzzers: -EPROTO; -ESTALE: another boot's. */
struct tune_note {
	struct ksm_attrset found;
	/* Any of two: a write that was begun may or may not have been done. */
	struct ksm_attrset ours, next;
};
int tune_note_format(const struct tune_note *n, const char *boot, struct str *out);
int tune_note_parse(const char *text, size_t len, const char *boot, struct tune_note *out);
int tune_ours_format(const struct tune_ourses *o, const char *boot, struct str *out);
int tune_ours_parse(const char *text, size_t len, const char *boot, struct tune_ourses *out);

#endif /* KSM_AUTOTUNE_STORE_H */
