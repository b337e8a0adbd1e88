// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-tune-config.c - the configuration of the daemon: any text is refused with its
 * mistakes, each on a line that it has, or gives settings in their ranges.
 */
#include "fuzz.h"

#include <errno.h>
#include <fnmatch.h>

#include "ksm-autotune/config.h"

struct told {
	unsigned int n, lines;
};

static void note(const char *file, unsigned int line, const char *what, void *arg)
{
	struct told *t = arg;

	MUST(*file && *what && strlen(what) < 256 && line <= t->lines);
	t->n++;
}

static int parse(struct tune_config *c, const char *text, size_t len)
{
	struct told t = { .lines = 1 };
	struct tune_parser p = { .to = c, .mistake = note, .arg = &t };
	int rc, last;

	for (size_t i = 0; i < len; i++)
		t.lines += text[i] == '\n';
	tune_config_init(c);
	rc = tune_config_parse(&p, "f", text, len);
	MUST(rc == 0 || rc == -EINVAL);
	MUST(!rc == !t.n);
	last = tune_config_finish(&p);
	MUST(last == 0 || last == -EINVAL);
	MUST(!(rc || last) == !t.n && p.mistakes == t.n);
	return rc ? rc : last;
}

static void check_policy(const struct tune_policy *o)
{
	const double share[] = { o->available_pct, o->available_off_pct, o->some_pct,
				 o->some_off_pct,  o->full_pct,		 o->full_off_pct };

	for (size_t i = 0; i < sizeof(share) / sizeof(*share); i++)
		MUST(share[i] >= 0 && share[i] <= 100);
	MUST(o->watch_cpu > 0 && o->watch_cpu <= o->max_cpu && o->max_cpu < 1);
	MUST(o->price_ms >= 0 && o->need_price_ms >= 0 && o->max_breaks >= 0);
	MUST(o->pass_s > 0 && o->pause_ns > 0);
}

/* Without brackets and escapes a glob is what it is to everybody. */
static void check_pattern(const struct tune_pattern *p, const char *name)
{
	char *text;

	MUST(p->by >= 0 && p->by < __TUNE_MATCH_N && *p->text);
	if (*p->text == '~' || strpbrk(p->text, "[\\"))
		return;
	text = fuzz_text(p->text, strlen(p->text));
	MUST(tune_pattern_match(p, text) == !fnmatch(p->text, text, 0));
	free(text);
	text = fuzz_text(name, strlen(name));
	MUST(tune_pattern_match(p, text) == !fnmatch(p->text, text, 0));
	free(text);
}

/* What is printed is a configuration, and the same. */
static void check_again(const char *text, size_t len)
{
	struct str out = STR_INIT;
	struct tune_config c;

	MUST(!parse(&c, text, len));
	tune_config_print(&c, &out);
	MUST(!strcmp(str_get(&out), text));
	str_fini(&out);
	tune_config_fini(&c);
}

/*
 * The C library copies what stands before + and {}: a{999}{999} takes gigabytes, and of
 * x++++ each + twice the time.  Root writes this file, and may do so.
 */
static bool is_costly(const uint8_t *data, size_t size)
{
	unsigned int plus = 0;

	for (size_t i = 0; i < size; i++)
		plus += data[i] == '{' ? 100 : data[i] == '+';
	return plus > 4 && memchr(data, '~', size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = STR_INIT;
	struct tune_config c;
	int rc;

	if (is_costly(data, size))
		return 0;
	rc = parse(&c, (const char *)data, size);
	if (!rc) {
		check_policy(&c.policy);
		MUST(c.interval_ns > 0 && c.estimate_cpu > 0 && c.estimate_cpu <= 1);
		for (size_t i = 0; i < c.n_rules; i++) {
			const struct tune_rule *r = &c.rule[i];

			MUST(*r->name && r->n_patterns && r->advise < __TUNE_ADVISE_N);
			MUST(r->cooldown_ns > 0);
			for (size_t j = 0; j < r->n_patterns; j++)
				check_pattern(&r->pattern[j], r->name);
		}
		tune_config_print(&c, &text);
		MUST(!str_err(&text));
		check_again(str_get(&text), text.len);
	}
	str_fini(&text);
	tune_config_fini(&c);
	return 0;
}
