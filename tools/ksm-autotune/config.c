// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config.c - the settings of the daemon: a table of keys, and what each takes.
 *
 * libinih cuts the text into sections, keys and values.  It is given one line at a
 * time, so that we know where each of them stands.
 */
#include "ksm-autotune/config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libksm/pattern.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/vec.h"

#define RULES_MAX	256
#define PATTERNS_MAX	256	/* of one rule */
#define NAME_MAX_LEN	48	/* of a rule; libinih keeps 49 bytes of a section's name */

static const char *const match_names[] = {
	[TUNE_MATCH_VM] = "vm",		[TUNE_MATCH_UNIT] = "unit", [TUNE_MATCH_CGROUP] = "cgroup",
	[TUNE_MATCH_CONTAINER] = "container", [TUNE_MATCH_POD] = "pod",
	[TUNE_MATCH_NAMESPACE] = "namespace",
	[TUNE_MATCH_USER] = "user",	[TUNE_MATCH_EXE] = "exe",   [TUNE_MATCH_COMM] = "comm",
	[TUNE_MATCH_CMDLINE] = "cmdline",
};

static const char *const advise_names[] = {
	[TUNE_ADVISE_AS_IS] = "as-is",	[TUNE_ADVISE_NEVER] = "never",
	[TUNE_ADVISE_WHOLE] = "whole",	[TUNE_ADVISE_WHERE] = "where-it-pays",
};

static const char *const keep_names[] = { [TUNE_KEEP] = "keep", [TUNE_NO] = "no", [TUNE_YES] = "yes" };
static const char *const bool_names[] = { "no", "yes" };
static const char *const need_names[] = { "memory", "always" };
static const char *const stop_names[] = { [TUNE_STOP_KEEP] = "keep", [TUNE_STOP_UNDO] = "undo" };

const char *tune_match_name(enum tune_match_by by)
{
	return match_names[by];
}

const char *tune_advise_name(enum tune_advise advise)
{
	return advise_names[advise];
}

/* ------------------------------------------------------------------ */
/* keys									*/

enum kind {
	PERCENT,	/* double, 0 to 100 */
	SHARE,		/* double, 0 to 1, given in percent of a CPU */
	PRICE,		/* double, milliseconds of CPU time for a MiB */
	RATE,		/* double, a second */
	DURATION,	/* uint64_t, nanoseconds */
	SECONDS,	/* int64_t */
	SIZE,		/* uint64_t, bytes */
	WORD,		/* an enum, or a bool as one */
	BOOL,
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;
	double min, max;	/* in the unit of the field */
	const char *const *words;
	size_t n_words;
};

#define CONFIG(field)	offsetof(struct tune_config, field)
#define POLICY(field)	CONFIG(policy.field)
#define RULE(field)	offsetof(struct tune_rule, field)
#define MS		1e6
#define FROM(min, max)	(min), (max), NULL, 0
#define WORDS(w)	0, 0, (w), ARRAY_SIZE(w)

static const struct key keys[] = {
	{ "daemon", "interval", DURATION, CONFIG(interval_ns), FROM(100 * MS, 3600e9) },
	{ "daemon", "settle-in", DURATION, CONFIG(settle_in_ns), FROM(0, 86400e9) },
	{ "daemon", "estimate-cpu", SHARE, CONFIG(estimate_cpu), FROM(0.001, 1) },
	{ "daemon", "on-stop", WORD, CONFIG(on_stop), WORDS(stop_names) },
	{ "scanner", "need", BOOL, POLICY(always), WORDS(need_names) },
	{ "scanner", "available-below", PERCENT, POLICY(available_pct), FROM(0, 100) },
	{ "scanner", "available-above", PERCENT, POLICY(available_off_pct), FROM(0, 100) },
	{ "scanner", "some-above", PERCENT, POLICY(some_pct), FROM(0, 100) },
	{ "scanner", "some-below", PERCENT, POLICY(some_off_pct), FROM(0, 100) },
	{ "scanner", "full-above", PERCENT, POLICY(full_pct), FROM(0, 100) },
	{ "scanner", "full-below", PERCENT, POLICY(full_off_pct), FROM(0, 100) },
	{ "scanner", "need-for", DURATION, POLICY(need_for_ns), FROM(0, 3600e9) },
	{ "scanner", "price", PRICE, POLICY(price_ms), FROM(0, 1e6) },
	{ "scanner", "need-price", PRICE, POLICY(need_price_ms), FROM(0, 1e6) },
	{ "scanner", "max-cpu", SHARE, POLICY(max_cpu), FROM(0.001, 0.95) },
	{ "scanner", "watch-cpu", SHARE, POLICY(watch_cpu), FROM(0.0001, 0.95) },
	{ "scanner", "max-breaks", RATE, POLICY(max_breaks), FROM(0, 1e9) },
	{ "scanner", "pause", DURATION, POLICY(pause_ns), FROM(1e9, 86400e9) },
	{ "scanner", "advisor", BOOL, POLICY(advisor), WORDS(bool_names) },
	{ "scanner", "pass-time", SECONDS, POLICY(pass_s), FROM(1, 3600) },
	{ "scanner", "zero-pages", WORD, POLICY(zero_pages), WORDS(keep_names) },
	{ "scanner", "smart-scan", WORD, POLICY(smart_scan), WORDS(keep_names) },
	{ "rule", "advise", WORD, RULE(advise), WORDS(advise_names) },
	{ "rule", "min-gain", SIZE, RULE(min_gain_bytes), FROM(0, 1e18) },
	{ "rule", "cooldown", DURATION, RULE(cooldown_ns), FROM(1e9, 30 * 86400e9) },
	{ "rule", "again", DURATION, RULE(again_ns), FROM(1e9, 30 * 86400e9) },
};

static __printf(2, 3) int mistake(struct tune_parser *p, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	p->mistakes++;
	if (!p->first_bad)
		p->first_bad = p->line;
	if (p->mistake)
		p->mistake(p->file, p->line, what, p->arg);
	return -EINVAL;
}

/* "yes, no, keep" */
static void list_words(const struct key *k, char *out, size_t len)
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < k->n_words && n < len; i++)
		n += snprintf(out + n, len - n, "%s%s", i ? ", " : "", k->words[i]);
}

static int set_word(struct tune_parser *p, const struct key *k, const char *value, void *field)
{
	char words[128];

	for (size_t i = 0; i < k->n_words; i++) {
		if (strcmp(k->words[i], value))
			continue;
		if (k->kind == BOOL)
			*(bool *)field = i;
		else
			*(int *)field = (int)i;
		return 0;
	}
	list_words(k, words, sizeof(words));
	return mistake(p, "%s: \"%.40s\" is none of: %s", k->name, value, words);
}

/* "5ms/MiB": CPU time for memory newly saved.  In milliseconds. */
static int parse_price(const char *value, double *out)
{
	static const char per[] = "/MiB";
	const size_t len = strlen(value), skip = sizeof(per) - 1;
	char time[32];
	uint64_t ns;
	int rc;

	if (len <= skip || len - skip >= sizeof(time) || strcmp(value + len - skip, per))
		return -EINVAL;
	memcpy(time, value, len - skip);
	time[len - skip] = '\0';
	rc = num_duration(time, &ns);
	*out = ns / MS;
	return rc;
}

static int parse_number(const struct key *k, const char *value, double *out)
{
	uint64_t u = 0;
	int rc;

	switch (k->kind) {
	case PERCENT:
		return num_percent(value, out);
	case SHARE:
		rc = num_percent(value, out);
		*out /= 100;
		return rc;
	case PRICE:
		return parse_price(value, out);
	case RATE:
		rc = num_u64(value, &u);
		*out = u;
		return rc;
	case SIZE:
		rc = num_size(value, &u);
		*out = u;
		return rc;
	case DURATION:
	case SECONDS:
	default:
		rc = num_duration(value, &u);
		*out = k->kind == SECONDS ? u / 1e9 : u;
		return rc;
	}
}

static const char *takes(enum kind kind)
{
	switch (kind) {
	case PERCENT:
	case SHARE:
		return "a percentage, as in 20%";
	case PRICE:
		return "CPU time for a MiB, as in 5ms/MiB";
	case RATE:
		return "a number";
	case SIZE:
		return "a size, as in 4MiB";
	default:
		return "a time, as in 30s or 10m";
	}
}

static int set_number(struct tune_parser *p, const struct key *k, const char *value, void *field)
{
	double v = 0;
	int rc = parse_number(k, value, &v);

	if (rc == -ERANGE || (!rc && (v < k->min || v > k->max)))
		return mistake(p, "%s: out of range: \"%.40s\"", k->name, value);
	if (rc)
		return mistake(p, "%s: \"%.40s\" is not %s", k->name, value, takes(k->kind));
	if (k->kind == DURATION || k->kind == SIZE)
		*(uint64_t *)field = (uint64_t)v;
	else if (k->kind == SECONDS)
		*(int64_t *)field = (int64_t)v;
	else
		*(double *)field = v;
	return 0;
}

static int set_key(struct tune_parser *p, const struct key *k, const char *value, void *base)
{
	void *field = (char *)base + k->offset;

	if (k->kind == WORD || k->kind == BOOL)
		return set_word(p, k, value, field);
	return set_number(p, k, value, field);
}

/* ------------------------------------------------------------------ */
/* rules								*/

static void rule_fini(struct tune_rule *r)
{
	for (size_t i = 0; i < r->n_patterns; i++) {
		ksm_pattern_fini(r->pattern[i].re);
		free(r->pattern[i].re);
		free(r->pattern[i].text);
	}
	free(r->pattern);
	free(r->name);
}

/*
 * A later file that has a rule of the same name replaces it at its place, as a whole:
 * half of a rule would match what nobody meant.
 */
static int begin_rule(struct tune_parser *p, const char *name)
{
	struct tune_config *c = p->to;
	struct tune_rule *r = NULL;

	if (!*name || strlen(name) > NAME_MAX_LEN - sizeof("rule"))
		return mistake(p, "a rule is [rule NAME], with at most %zu characters in its name",
			       NAME_MAX_LEN - sizeof("rule"));
	for (size_t i = 0; !r && i < c->n_rules; i++)
		if (!strcmp(c->rule[i].name, name))
			r = &c->rule[i];
	if (!r && c->n_rules == RULES_MAX)
		return mistake(p, "more than %d rules", RULES_MAX);
	if (!r) {
		if (vec_room(c->rule, c->n_rules, c->cap_rules))
			return -ENOMEM;
		r = &c->rule[c->n_rules++];
	} else {
		rule_fini(r);
	}
	*r = (struct tune_rule){
		.name = strdup(name),
		.min_gain_bytes = UINT64_C(4) << 20,
		.cooldown_ns = UINT64_C(600) * 1000000000,
		.again_ns = UINT64_C(3600) * 1000000000,
	};
	p->rule = r;
	return r->name ? 0 : -ENOMEM;
}

/* A glob as an expression for the whole text, which takes no longer than that is. */
static int glob_to_re(const char *glob, struct str *out)
{
	str_addc(out, '^');
	for (const char *s = glob; *s; s++) {
		const char *close = *s == '[' ? strchr(s + 1 + (s[1] == '!') + 1, ']') : NULL;

		if (*s == '*') {
			str_add(out, ".*");
		} else if (*s == '?') {
			str_addc(out, '.');
		} else if (close) {
			str_addc(out, '[');
			s++;
			if (*s == '!') {
				str_addc(out, '^');
				s++;
			}
			str_addmem(out, s, close - s + 1);
			s = close;
		} else {
			if (*s == '\\' && s[1])
				s++;
			if (strchr(".[]*^$+?(){}|\\", *s))
				str_addc(out, '\\');
			str_addc(out, *s);
		}
	}
	str_addc(out, '$');
	return str_err(out);
}

static int add_pattern(struct tune_parser *p, enum tune_match_by by, const char *value)
{
	struct str re __cleanup_str = STR_INIT;
	struct tune_rule *r = p->rule;
	struct tune_pattern new = { .by = by };
	char why[80];
	int rc;

	if (!*value)
		return mistake(p, "match-%s: nothing to match", match_names[by]);
	if (r->n_patterns == PATTERNS_MAX)
		return mistake(p, "more than %d patterns in one rule", PATTERNS_MAX);
	rc = *value == '~' ? str_add(&re, value + 1) : glob_to_re(value, &re);
	if (rc || vec_room(r->pattern, r->n_patterns, r->cap_patterns))
		return -ENOMEM;
	new.text = strdup(value);
	new.re = calloc(1, sizeof(*new.re));
	if (!new.text || !new.re) {
		free(new.text);
		free(new.re);
		return -ENOMEM;
	}
	rc = ksm_pattern_init(new.re, str_get(&re));
	if (rc) {
		regerror(rc, &new.re->plain, why, sizeof(why));
		free(new.text);
		free(new.re);
		return mistake(p, "match-%s: \"%.60s\": %s", match_names[by], value, why);
	}
	r->pattern[r->n_patterns++] = new;
	return 0;
}

bool tune_pattern_match(const struct tune_pattern *p, char *text)
{
	return ksm_pattern_match(p->re, text);
}

bool tune_rule_spans_users(const struct tune_rule *r)
{
	size_t users = 0;

	if (r->advise != TUNE_ADVISE_WHOLE && r->advise != TUNE_ADVISE_WHERE)
		return false;
	for (size_t i = 0; i < r->n_patterns; i++)
		if (r->pattern[i].by == TUNE_MATCH_USER)
			users += *r->pattern[i].text == '~' || strpbrk(r->pattern[i].text, "*?[") ?
				 2 : 1;
	return users != 1;
}

static int set_in_rule(struct tune_parser *p, const char *name, const char *value)
{
	static const char match[] = "match-";

	if (!strncmp(name, match, sizeof(match) - 1))
		for (size_t i = 0; i < __TUNE_MATCH_N; i++)
			if (!strcmp(match_names[i], name + sizeof(match) - 1))
				return add_pattern(p, i, value);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, "rule") && !strcmp(keys[i].name, name)) {
			p->rule->advise_given |= !strcmp(name, "advise");
			return set_key(p, &keys[i], value, p->rule);
		}
	/* A key that other engines may have one day: whoever relies on it must know. */
	if (!strcmp(name, "domain"))
		return mistake(p, "domain: no kernel has domains of merging: what is advised merges with "
			       "whatever is mergeable, of any rule and user");
	return mistake(p, "unknown key \"%.40s\" in a rule", name);
}

/* ------------------------------------------------------------------ */
/* files								*/

/* One line for libinih; "" at mistakes that it would not see. */
static char *next_line(char *out, int len, void *arg)
{
	struct tune_parser *p = arg;
	const char *nl;
	size_t n;

	if (p->at >= p->end)
		return NULL;
	nl = memchr(p->at, '\n', p->end - p->at);
	n = (nl ? nl : p->end) - p->at;
	p->line++;
	if (memchr(p->at, '\0', n)) {
		mistake(p, "not text");
		n = 0;
	} else if (n + 2 > (size_t)len) {
		mistake(p, "line too long");
		n = 0;
	}
	memcpy(out, p->at, n);
	out[n] = '\n';
	out[n + 1] = '\0';
	/* It continues nothing: a value of several lines is none of ours. */
	while (n && (*out == ' ' || *out == '\t')) {
		memmove(out, out + 1, n + 1);
		n--;
	}
	p->at = nl ? nl + 1 : p->end;
	return out;
}

static int set_one(struct tune_parser *p, const char *section, const char *name, const char *value)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].section, section))
			continue;
		known = true;
		if (!strcmp(keys[i].name, name))
			return set_key(p, &keys[i], value, p->to);
	}
	if (!known && *section)
		return mistake(p, "unknown section [%.40s]", section);
	if (!known)
		return mistake(p, "\"%.40s\" is in no section", name);
	return mistake(p, "unknown key \"%.40s\" in [%s]", name, section);
}

/* libinih wants 1 for good. */
static int handle(void *arg, const char *section, const char *name, const char *value)
{
	static const char rule[] = "rule ";
	struct tune_parser *p = arg;
	int rc;

	if (p->rc)
		return 0;
	if (strncmp(section, rule, sizeof(rule) - 1)) {
		rc = set_one(p, section, name, value);
	} else {
		rc = strcmp(section, p->section) ? begin_rule(p, section + sizeof(rule) - 1) : 0;
		if (!rc && p->rule)
			rc = set_in_rule(p, name, value);
		else if (rc == -EINVAL)
			p->rule = NULL;
	}
	snprintf(p->section, sizeof(p->section), "%s", section);
	if (rc == -ENOMEM)
		p->rc = rc;
	return !rc;
}

int tune_config_parse(struct tune_parser *p, const char *file, const char *text, size_t len)
{
	const unsigned int before = p->mistakes;
	int rc;

	p->file = file;
	p->at = text;
	p->end = text + len;
	p->line = 0;
	p->first_bad = 0;
	p->rule = NULL;
	p->rc = 0;
	p->section[0] = '\0';
	rc = ini_parse_stream(next_line, p, handle, p);
	/* It names the first line that was wrong for it or for us; ours have been told. */
	if (rc > 0 && !p->rc && (unsigned int)rc != p->first_bad) {
		p->line = rc;
		mistake(p, "neither [section] nor key=value");
	}
	if (rc < 0 || p->rc)
		return -ENOMEM;
	return p->mistakes == before ? 0 : -EINVAL;
}

/* Levels of which the second is on the wrong side of the first would toggle. */
static void check_levels(struct tune_parser *p)
{
	const struct tune_policy *o = &p->to->policy;

	if (o->available_off_pct < o->available_pct)
		mistake(p, "[scanner]: available-above (%g%%) is less than available-below (%g%%)",
			o->available_off_pct, o->available_pct);
	if (o->some_pct > 0 && o->some_off_pct > o->some_pct)
		mistake(p, "[scanner]: some-below (%g%%) is more than some-above (%g%%)",
			o->some_off_pct, o->some_pct);
	if (o->full_pct > 0 && o->full_off_pct > o->full_pct)
		mistake(p, "[scanner]: full-below (%g%%) is more than full-above (%g%%)",
			o->full_off_pct, o->full_pct);
	if (o->watch_cpu > o->max_cpu)
		mistake(p, "[scanner]: watch-cpu (%g%%) is more than max-cpu (%g%%)",
			100 * o->watch_cpu, 100 * o->max_cpu);
}

int tune_config_finish(struct tune_parser *p)
{
	const unsigned int before = p->mistakes;

	p->file = "configuration";
	p->line = 0;
	check_levels(p);
	for (size_t i = 0; i < p->to->n_rules; i++) {
		const struct tune_rule *r = &p->to->rule[i];

		if (!r->n_patterns)
			mistake(p, "[rule %s]: no match- key: it would be for every process",
				r->name);
		if (!r->advise_given)
			mistake(p, "[rule %s]: no advise key", r->name);
	}
	return p->mistakes == before ? 0 : -EINVAL;
}

void tune_config_init(struct tune_config *c)
{
	*c = (struct tune_config){
		.interval_ns = UINT64_C(10) * 1000000000,
		.settle_in_ns = UINT64_C(30) * 1000000000,
		.estimate_cpu = 0.02,
		.on_stop = TUNE_STOP_KEEP,
	};
	tune_policy_default(&c->policy);
}

void tune_config_fini(struct tune_config *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		rule_fini(&c->rule[i]);
	free(c->rule);
	*c = (struct tune_config){ 0 };
}

/* ------------------------------------------------------------------ */
/* printing								*/

/* Without an exponent, which is no number in a file; what it is, to @digits behind the point. */
static void add_decimal(struct str *out, double v, int digits)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%.*f", digits, v);

	while (digits && len > 0 && text[len - 1] == '0') {
		len--;
		digits--;
	}
	if (!digits && len > 0 && text[len - 1] == '.')
		len--;
	str_addmem(out, text, (size_t)MAX(len, 0));
}

static void print_key(const struct key *k, const void *base, struct str *out)
{
	const void *field = (const char *)base + k->offset;

	str_addf(out, "%s=", k->name);
	switch (k->kind) {
	case PERCENT:
		add_decimal(out, *(const double *)field, 3);
		str_add(out, "%\n");
		break;
	case SHARE:
		add_decimal(out, 100 * *(const double *)field, 3);
		str_add(out, "%\n");
		break;
	case PRICE:
		add_decimal(out, *(const double *)field, 6);
		str_add(out, "ms/MiB\n");
		break;
	case RATE:
		add_decimal(out, *(const double *)field, 0);
		str_add(out, "\n");
		break;
	case DURATION:
		add_decimal(out, *(const uint64_t *)field / 1e9, 9);
		str_add(out, "s\n");
		break;
	case SECONDS:
		str_addf(out, "%llds\n", (long long)*(const int64_t *)field);
		break;
	case SIZE:
		str_addf(out, "%llu\n", (unsigned long long)*(const uint64_t *)field);
		break;
	case WORD:
		str_addf(out, "%s\n", k->words[*(const int *)field]);
		break;
	case BOOL:
		str_addf(out, "%s\n", k->words[*(const bool *)field]);
		break;
	}
}

static void print_section(const char *section, const char *title, const void *base,
			  struct str *out)
{
	str_addf(out, "%s[%s]\n", out->len ? "\n" : "", title);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, section))
			print_key(&keys[i], base, out);
}

void tune_config_print(const struct tune_config *c, struct str *out)
{
	char title[NAME_MAX_LEN + 1];

	print_section("daemon", "daemon", c, out);
	print_section("scanner", "scanner", c, out);
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct tune_rule *r = &c->rule[i];

		snprintf(title, sizeof(title), "rule %s", r->name);
		print_section("rule", title, r, out);
		for (size_t j = 0; j < r->n_patterns; j++)
			str_addf(out, "match-%s=%s\n", match_names[r->pattern[j].by],
				 r->pattern[j].text);
	}
}
