/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * samples.h - what a daemon saw, look by look: written to a file, and read again from
 * that, from a recording of ksmtop, or from dumps of a system.
 */
#ifndef KSM_AUTOTUNE_SAMPLES_H
#define KSM_AUTOTUNE_SAMPLES_H

#include "ksm-autotune/policy.h"
#include "libksm/record.h"

/* All that decides about the pace, and about whose the settings are. */
struct tune_sample {
	struct ksm_stats stats;
	int64_t wall_s;			/* seconds since 1970, for people; 0 unknown */
	bool begins;			/* a daemon began with it: what was before is not its */
	bool kicked;			/* since the look before... */
	char kick[TUNE_KICK_MAX];	/* ...for this reason, the last of several */
	bool acts;			/* the daemon writes settings: */
	struct ksm_attrset ours;	/* those that were as it had set them */
	/* From a dump, the dump: borrowed until the next sample. */
	struct ksm *k;
};

/* ------------------------------------------------------------------ */
/* writing								*/

struct tune_recorder;

/* A file that is replaced: 0; -EINVAL: neither a file nor a device; -errno. */
int tune_recorder_open(const char *path, struct tune_recorder **out);
/* 0 or -errno: what follows would not be read. */
int tune_recorder_add(struct tune_recorder *r, const struct tune_sample *s);
/* 0; -errno of the last write.  NULL is fine. */
int tune_recorder_close(struct tune_recorder *r);
/* The text of one sample, for tests. */
void tune_sample_format(const struct tune_sample *s, struct str *out);

/* ------------------------------------------------------------------ */
/* reading								*/

/* The parser, for tests and fuzzers: 1: @out is whole; 0: it goes on; -EPROTO; -ENOMEM. */
int tune_sample_line(struct ksm_record *r, const char *line, size_t len, struct tune_sample *out);

struct tune_player;

/**
 * tune_player_open() - what was seen, from wherever it is
 * @path: a recording, in a file, a pipe or "-" (standard input); a dump; or a
 *	  directory whose 0, 1, 2... are dumps
 * @step_ns: time between two dumps that do not tell theirs
 *
 * Return: 0; -errno, also of a directory that is neither.  Nothing is read yet.
 */
int tune_player_open(const char *path, uint64_t step_ns, struct tune_player **out);
/* 1 and the next sample; 0 at the end; -errno, and then tune_player_error(). */
int tune_player_next(struct tune_player *p, struct tune_sample *out);
/* "line 12: a zero byte": what was wrong, and where; borrowed, may hold foreign text. */
const char *tune_player_error(const struct tune_player *p);
/* Of a recording that is at its end: it was cut off. */
bool tune_player_cut(const struct tune_player *p);
/* NULL is fine. */
void tune_player_close(struct tune_player *p);

#endif /* KSM_AUTOTUNE_SAMPLES_H */
