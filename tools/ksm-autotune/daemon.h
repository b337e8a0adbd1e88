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

enum tune_doing { TUNE_IDLE, TUNE_GUESSES, TUNE_ADVISES };

struct tune {
	struct tune_config cfg;
	bool dry;			/* say what would be done */
	struct ksm *k;			/* the loop's */
	struct ksm *k_job;		/* that of what runs beside it */
	struct ksm_caps caps;

	struct tune_history hist;
	struct tune_decision now;
	struct tune_settings set;
	struct tune_procs procs;
	struct tune_found found;
	struct tune_clock clock;

	struct tune_job *job;
	enum tune_doing doing;
	struct tune_guesses guesses;
	struct tune_deeds deeds;
	uint64_t undone;		/* who lost, since the start */

	tune_tell_fn tell;
	void *arg;
};

/**
 * tune_open() - begin with the running system
 * @t: .cfg, .dry, .tell and .arg set, the rest zeroes
 *
 * Return: 0; -EOPNOTSUPP without KSM; -EACCES when its settings cannot be read; -errno.
 */
int tune_open(struct tune *t);
/* Ends what runs beside the loop, and frees all.  Settings stay as they are. */
void tune_close(struct tune *t);

/* One look, and what follows from it.  0, or the -errno of reading the system. */
int tune_look(struct tune *t);
/* Something that ran beside the loop is done: its descriptor is readable. */
void tune_done(struct tune *t);
/* Scan fast until settled; @why is for people. */
void tune_kick(struct tune *t, const char *why);
/* Rules were changed: .cfg is another. */
void tune_changed(struct tune *t);
/* Settings as they were found, and with on-stop=undo processes too.  0; -errno. */
int tune_put_back(struct tune *t);

#endif /* KSM_AUTOTUNE_DAEMON_H */
