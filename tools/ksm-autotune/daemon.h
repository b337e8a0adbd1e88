/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon.h - one look after another: read, decide, act, say.
 */
#ifndef KSM_AUTOTUNE_DAEMON_H
#define KSM_AUTOTUNE_DAEMON_H

#include "ksm-autotune/apply.h"
#include "ksm-autotune/deed.h"
#include "ksm-autotune/guess.h"
#include "ksm-autotune/job.h"
#include "ksm-autotune/procs.h"
#include "ksm-autotune/samples.h"
#include "ksm-autotune/store.h"
#include "libksm/tuner.h"

enum tune_doing { TUNE_IDLE, TUNE_GUESSES, TUNE_ADVISES };

struct tune {
	struct tune_config cfg;
	const char *root;		/* of a dump, or NULL */
	const char *store_dir;		/* NULL: that of the system */
	bool dry;			/* say what would be done, and keep nothing */
	bool still;			/* leave processes alone: nothing is sampled */
	struct ksm *k;			/* the loop's */
	struct ksm *k_job;		/* that of what runs beside it */
	struct ksm_caps caps;
	struct ksm_ident self;
	char boot[KSM_BOOT_ID_MAX];

	struct tune_history hist;
	struct tune_decision now;
	int64_t since_s;		/* Unix time: since when that holds */
	struct tune_settings set;
	struct tune_procs procs;
	struct tune_found found;
	struct tune_clock clock;

	struct tune_store store;
	struct tune_ourses ours;
	struct ksm_attrset noted;	/* what is in the note as about to be written */
	int not_noted;			/* -errno of the last try */
	uint64_t told_print;		/* of what is told of processes; 0: it is not */
	int told_rc;
	uint64_t told_users;		/* a bit for each rule of which it was said that it spans users */

	struct tune_recorder *recorder;	/* what is seen goes there too; or NULL */
	struct tune_job *job;
	enum tune_doing doing;
	struct tune_guesses guesses;
	struct tune_deeds deeds;

	tune_tell_fn tell;
	void *arg;
	void (*busy)(void);		/* called while putting back takes long; or NULL */
};

/**
 * tune_open() - begin with the running system
 * @t: .cfg, .root, .store_dir, .dry, .tell, .arg and .busy set, the rest zeroes
 * @why: of a failure, for people; "" when the code says it all
 *
 * A daemon that was killed before is taken over from: what it found is what is put back
 * in the end.
 * Return: 0; -EOPNOTSUPP without KSM; -EBUSY: another one, or ksmtuned, decides; -EACCES
 * when its settings cannot be read; -errno.  Closed by tune_close(), also after a failure.
 */
int tune_open(struct tune *t, char *why, size_t len);
/* Ends what runs beside the loop, and frees all.  Settings stay as they are. */
void tune_close(struct tune *t);

/**
 * tune_look() - one look, and what follows from it
 * @next_s: Unix time of the next one, for the note
 *
 * Return: 0, or the -errno of reading the system.
 */
int tune_look(struct tune *t, int64_t next_s);
/**
 * tune_replay() - the same for what was seen at another time, and nothing done
 * @t: .cfg, .tell and .arg set and .dry true at first, the rest as tune_prepare() left it
 *
 * What it says is what the daemon said that saw this, and on a dump what a dry run says.
 */
void tune_replay(struct tune *t, const struct tune_sample *s);
/* In place of tune_open(), without a system; then tune_close() too. */
void tune_prepare(struct tune *t);
/* Something that ran beside the loop is done: its descriptor is readable. */
void tune_done(struct tune *t);
/* Scan fast until settled; @why is for people. */
void tune_kick(struct tune *t, const char *why);
/* What others have set meanwhile is to be set as it is decided again. */
void tune_take(struct tune *t);
/* Rules are to be changed: nothing points to them any more.  .cfg may be replaced then. */
void tune_changing(struct tune *t);
/* Settings as they were found, and with on-stop=undo processes too.  0; -errno. */
int tune_put_back(struct tune *t);

/**
 * tune_restore() - put back what a daemon that was killed had found
 * @t: .cfg (of which on-stop is asked), .store_dir, .tell and .arg set, the rest zeroes
 * @why: as of tune_open()
 *
 * What somebody else has set since is left as it is.  Says what it did.
 * Return: 0, also when there was nothing to do; -EBUSY: a daemon runs; -errno.  Closed
 * by tune_close(), also after a failure.
 */
int tune_restore(struct tune *t, char *why, size_t len);

/* tell.c: one sentence to people */
void tune_tell(const struct tune *t, const char *fmt, ...) __printf(2, 3);

/* work.c: processes */
/* Begins what is next: judging before sampling. */
void tune_work(struct tune *t);
/* Ends what runs, takes in what it did, and begins nothing. */
void tune_work_end(struct tune *t);
/* Un-advises all that are ours, here and now.  0; the -errno of the last that failed. */
int tune_work_undo(struct tune *t);

/* report.c: the note on what is decided, and why */
void tune_report(const struct tune *t, int64_t now_s, int64_t next_s, struct ksm_tuner *out);
/* The same into its file.  0 or -errno. */
int tune_report_write(struct tune *t, int64_t next_s);
/* What is told of processes.  0 or -ENOMEM; @out is freed by tune_told_fini(), also then. */
int tune_report_procs(const struct tune *t, int64_t now_s, struct tune_told *out);

#endif /* KSM_AUTOTUNE_DAEMON_H */
