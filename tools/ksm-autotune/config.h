/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - what ksm-autotune is told: text to structures.  No files here.
 *
 * Files are added one after the other; what a later one says of a setting holds.
 * Every mistake is reported with its line, and then nothing of what was parsed is
 * to be used.
 */
#ifndef KSM_AUTOTUNE_CONFIG_H
#define KSM_AUTOTUNE_CONFIG_H

#include "ksm-autotune/policy.h"
#include "util/str.h"

enum tune_match_by {
	TUNE_MATCH_VM,
	TUNE_MATCH_UNIT,
	TUNE_MATCH_CGROUP,
	TUNE_MATCH_CONTAINER,
	TUNE_MATCH_POD,
	TUNE_MATCH_NAMESPACE,
	TUNE_MATCH_USER,
	TUNE_MATCH_EXE,
	TUNE_MATCH_COMM,
	TUNE_MATCH_CMDLINE,
	__TUNE_MATCH_N
};

/* "vm", "unit"...: behind "match-". */
const char *tune_match_name(enum tune_match_by by);

enum tune_advise {
	TUNE_ADVISE_AS_IS,	/* counted and shown, never changed */
	TUNE_ADVISE_NEVER,	/* and no later rule is looked at */
	TUNE_ADVISE_WHOLE,
	TUNE_ADVISE_WHERE,	/* where it pays */
	__TUNE_ADVISE_N
};

const char *tune_advise_name(enum tune_advise advise);

struct tune_pattern {
	enum tune_match_by by;
	char *text;		/* as it was given */
	struct ksm_pattern *re;
};

struct tune_rule {
	char *name;
	struct tune_pattern *pattern;	/* one of those of a kind must match, of each kind */
	size_t n_patterns, cap_patterns;
	enum tune_advise advise;
	bool advise_given;
	uint64_t min_gain_bytes;
	uint64_t cooldown_ns;
	uint64_t again_ns;		/* one that stays is looked at again */
};

enum tune_on_stop { TUNE_STOP_KEEP, TUNE_STOP_UNDO };

struct tune_config {
	struct tune_policy policy;
	uint64_t interval_ns;		/* between two looks */
	uint64_t settle_in_ns;		/* a process is not looked at before it is so old */
	double estimate_cpu;		/* of one processor */
	enum tune_on_stop on_stop;
	struct tune_rule *rule;		/* the first one that matches holds */
	size_t n_rules, cap_rules;
};

/* A mistake: @line is 1 for the first; 0: of no single line. */
typedef void (*tune_mistake_fn)(const char *file, unsigned int line, const char *what, void *arg);

struct tune_parser {
	struct tune_config *to;
	const char *file;		/* for mistakes */
	tune_mistake_fn mistake;
	void *arg;
	unsigned int mistakes;

	/* while a file is parsed */
	const char *at, *end;
	unsigned int line;
	unsigned int first_bad;	/* line of the first mistake in it */
	struct tune_rule *rule;
	char section[64];
	int rc;			/* -errno that ends it */
};

void tune_config_init(struct tune_config *c);
void tune_config_fini(struct tune_config *c);

/**
 * tune_config_parse() - one file more
 * @p: .to, .mistake and .arg set, the rest zeroes at first
 * @file: its name
 * @text: what is in it, @len bytes; NUL bytes are a mistake
 *
 * Return: 0; -EINVAL when mistakes were found; -ENOMEM.
 */
int tune_config_parse(struct tune_parser *p, const char *file, const char *text, size_t len);
/* When all files were parsed: what only shows then.  As above. */
int tune_config_finish(struct tune_parser *p);

/* What holds, as a file that says so; for people. */
void tune_config_print(const struct tune_config *c, struct str *out);

/* May processes that it advises belong to different users?  By its patterns alone. */
bool tune_rule_spans_users(const struct tune_rule *r);

/* Does a text match?  A process has no more than one text of each kind.  @text is changed. */
bool tune_pattern_match(const struct tune_pattern *p, char *text);

#endif /* KSM_AUTOTUNE_CONFIG_H */
