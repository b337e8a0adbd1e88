// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-config.c - what the daemon is told, and every way to tell it wrongly.
 */
#include "ksm-autotune/config.h"

#include <errno.h>

#include "tap.h"

struct told {
	char text[4096];	/* "file:line: what\n"... */
	size_t n;
};

static void note(const char *file, unsigned int line, const char *what, void *arg)
{
	struct told *t = arg;

	if (t->n < sizeof(t->text))
		t->n += snprintf(t->text + t->n, sizeof(t->text) - t->n, "%s:%u: %s\n", file, line,
				 what);
}

static int parse_all(struct tune_config *c, struct told *t, const char *const *texts)
{
	static const char *const names[] = { "a", "b", "c" };
	struct tune_parser p = { .to = c, .mistake = note, .arg = t };
	int rc = 0;

	tune_config_init(c);
	for (size_t i = 0; texts[i]; i++) {
		const int one = tune_config_parse(&p, names[i], texts[i], strlen(texts[i]));

		rc = rc ?: one;
	}
	return rc ?: tune_config_finish(&p);
}

static int parse(struct tune_config *c, struct told *t, const char *text)
{
	const char *const texts[] = { text, NULL };

	return parse_all(c, t, texts);
}

static void defaults(void)
{
	struct tune_config c;
	struct told t = { 0 };

	CHECK_INT(parse(&c, &t, ""), 0);
	CHECK_STR(t.text, "");
	/* Nothing takes part that nobody named. */
	CHECK_UINT(c.n_rules, 0);
	CHECK_UINT(c.interval_ns, UINT64_C(10000000000));
	tune_config_fini(&c);
}

static void all_keys(void)
{
	static const char text[] =
		"# a comment\n"
		"[daemon]\n"
		"interval = 5s\n"
		"settle-in=1m\n"
		"estimate-cpu=3%\n"
		"on-stop=undo\n"
		"\n"
		"[scanner]\n"
		"need=memory\n"
		"available-below=10%\n"
		"available-above=15%\n"
		"some-above=8%\n"
		"some-below=3%\n"
		"full-above=4%\n"
		"full-below=1%\n"
		"need-for=20s\n"
		"price=2.5ms/MiB\n"
		"need-price=30ms/MiB\n"
		"max-cpu=50%\n"
		"watch-cpu=0.1%\n"
		"max-breaks=1000\n"
		"pause=2m\n"
		"advisor=no\n"
		"pass-time=100s\n"
		"zero-pages=yes\n"
		"smart-scan=no\n"
		"\n"
		"[rule guests]\n"
		"match-vm=*\n"
		"advise=where-it-pays\n"
		"min-gain=8MiB\n"
		"cooldown=5m\n"
		"\n"
		"[rule others]\n"
		"match-cmdline=~^/usr/bin/python3? ; not a path with blanks\n"
		"match-user=web*\n"
		"advise=never\n";
	static const char want[] =
		"[daemon]\n"
		"interval=5s\nsettle-in=60s\nestimate-cpu=3%\non-stop=undo\n"
		"\n[scanner]\n"
		"need=memory\navailable-below=10%\navailable-above=15%\nsome-above=8%\n"
		"some-below=3%\nfull-above=4%\nfull-below=1%\nneed-for=20s\nprice=2.5ms/MiB\n"
		"need-price=30ms/MiB\nmax-cpu=50%\nwatch-cpu=0.1%\nmax-breaks=1000\npause=120s\n"
		"advisor=no\npass-time=100s\nzero-pages=yes\nsmart-scan=no\n"
		"\n[rule guests]\n"
		"advise=where-it-pays\nmin-gain=8388608\ncooldown=300s\nagain=3600s\nmatch-vm=*\n"
		"\n[rule others]\n"
		"advise=never\nmin-gain=4194304\ncooldown=600s\nagain=3600s\n"
		"match-cmdline=~^/usr/bin/python3?\nmatch-user=web*\n";
	struct str out = STR_INIT, again = STR_INIT;
	struct tune_config c, d;
	struct told t = { 0 };

	CHECK_INT(parse(&c, &t, text), 0);
	CHECK_STR(t.text, "");
	tune_config_print(&c, &out);
	CHECK_STR(str_get(&out), want);
	/* What is printed is a configuration, and the same. */
	CHECK_INT(parse(&d, &t, str_get(&out)), 0);
	tune_config_print(&d, &again);
	CHECK_STR(str_get(&again), want);
	str_fini(&out);
	str_fini(&again);
	tune_config_fini(&c);
	tune_config_fini(&d);
}

/* Figures that "%g" would print with an exponent, or round. */
static void printed_is_read(void)
{
	static const char text[] =
		"[daemon]\nsettle-in=123456789ns\nestimate-cpu=12.345%\n"
		"[scanner]\nprice=1000s/MiB\nneed-price=1ns/MiB\nmax-breaks=20000000\n"
		"need-for=50us\n"
		"[rule x]\nmatch-comm=y\nadvise=whole\ncooldown=30d\n";
	struct str out = STR_INIT, again = STR_INIT;
	struct tune_config c, d;
	struct told t = { 0 };

	CHECK_INT(parse(&c, &t, text), 0);
	tune_config_print(&c, &out);
	CHECK_INT(parse(&d, &t, str_get(&out)), 0);
	CHECK_STR(t.text, "");
	CHECK_UINT(d.settle_in_ns, 123456789);
	CHECK_UINT(d.policy.need_for_ns, 50000);
	CHECK(d.policy.price_ms == 1e6 && d.policy.max_breaks == 2e7);
	CHECK_UINT(d.n_rules == 1 ? d.rule[0].cooldown_ns : 0, UINT64_C(2592000000000000));
	tune_config_print(&d, &again);
	CHECK_STR(str_get(&again), str_get(&out));
	str_fini(&out);
	str_fini(&again);
	tune_config_fini(&c);
	tune_config_fini(&d);
}

static void mistakes(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "[daemon]\ninterval=5 s\n", "a:2: interval: \"5 s\" is not a time, as in 30s or 10m\n" },
		{ "[daemon]\n\ninterval=1ms\n", "a:3: interval: out of range: \"1ms\"\n" },
		{ "[daemon]\non-stop=maybe\n", "a:2: on-stop: \"maybe\" is none of: keep, undo\n" },
		{ "[daemon]\nspeed=3\n", "a:2: unknown key \"speed\" in [daemon]\n" },
		{ "[demon]\ninterval=5s\n", "a:2: unknown section [demon]\n" },
		{ "interval=5s\n", "a:1: \"interval\" is in no section\n" },
		{ "[scanner]\nprice=5ms\n",
		  "a:2: price: \"5ms\" is not CPU time for a MiB, as in 5ms/MiB\n" },
		{ "[scanner]\nmax-cpu=101%\n", "a:2: max-cpu: out of range: \"101%\"\n" },
		{ "[scanner]\nwhatever\n", "a:2: neither [section] nor key=value\n" },
		{ "[scanner\nneed=always\n", "a:2: \"need\" is in no section\n"
		  "a:1: neither [section] nor key=value\n" },
		{ "[scanner]\navailable-below=30%\n",
		  "configuration:0: [scanner]: available-above (25%) is less than "
		  "available-below (30%)\n" },
		{ "[scanner]\nwatch-cpu=30%\n",
		  "configuration:0: [scanner]: watch-cpu (30%) is more than max-cpu (20%)\n" },
		{ "[rule ]\nadvise=whole\n",
		  "a:2: a rule is [rule NAME], with at most 43 characters in its name\n" },
		{ "[rule x]\nadvise=whole\n",
		  "configuration:0: [rule x]: no match- key: it would be for every process\n" },
		{ "[rule x]\nmatch-comm=y\n", "configuration:0: [rule x]: no advise key\n" },
		{ "[rule x]\nmatch-comm=\nadvise=whole\n", "a:2: match-comm: nothing to match\n" },
		{ "[rule x]\nmatch-comm=~(\nadvise=whole\n",
		  "a:2: match-comm: \"~(\": Unmatched ( or \\(\n" },
		{ "[rule x]\nmatch-pid=3\nadvise=whole\n", "a:2: unknown key \"match-pid\" in a rule\n" },
		/* all of them are told, not the first alone */
		{ "[daemon]\nx=1\n[scanner]\ny=2\n",
		  "a:2: unknown key \"x\" in [daemon]\na:4: unknown key \"y\" in [scanner]\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_config c;
		struct told t = { 0 };

		tap_row("%s", rows[i].text);
		CHECK_INT(parse(&c, &t, rows[i].text), -EINVAL);
		CHECK_STR(t.text, rows[i].says);
		tune_config_fini(&c);
	}
}

/* NUL bytes, lines without end, and more than libinih takes in one. */
static void not_text(void)
{
	struct tune_config c;
	struct told t = { 0 };
	struct tune_parser p = { .to = &c, .mistake = note, .arg = &t };
	char text[1000];

	tune_config_init(&c);
	CHECK_INT(tune_config_parse(&p, "f", "[daemon]\nx\0=3\n", 14), -EINVAL);
	CHECK_STR(t.text, "f:2: not text\n");
	t = (struct told){ 0 };
	memset(text, 'x', sizeof(text));
	memcpy(text, "[daemon]\n", 9);
	CHECK_INT(tune_config_parse(&p, "f", text, sizeof(text)), -EINVAL);
	CHECK_STR(t.text, "f:2: line too long\n");
	t = (struct told){ 0 };
	/* without a newline at its end */
	CHECK_INT(tune_config_parse(&p, "f", "[daemon]\ninterval=7s", 20), 0);
	CHECK_UINT(c.interval_ns, UINT64_C(7000000000));
	tune_config_fini(&c);
}

/* A later file changes what it names, and replaces a rule where that stands. */
static void several_files(void)
{
	static const char *const texts[] = {
		"[daemon]\ninterval=5s\non-stop=undo\n"
		"[rule a]\nmatch-comm=x\nadvise=whole\n[rule b]\nmatch-comm=y\nadvise=whole\n",
		"[daemon]\ninterval=6s\n[rule a]\nmatch-user=z\nadvise=never\n",
		NULL,
	};
	struct tune_config c;
	struct told t = { 0 };

	CHECK_INT(parse_all(&c, &t, texts), 0);
	CHECK_STR(t.text, "");
	CHECK_UINT(c.interval_ns, UINT64_C(6000000000));
	CHECK_INT(c.on_stop, TUNE_STOP_UNDO);
	if (CHECK_UINT(c.n_rules, 2)) {
		CHECK_STR(c.rule[0].name, "a");
		CHECK_INT(c.rule[0].advise, TUNE_ADVISE_NEVER);
		CHECK_UINT(c.rule[0].n_patterns, 1);
		CHECK_STR(c.rule[1].name, "b");
	}
	tune_config_fini(&c);
}

static void globs(void)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} rows[] = {
		{ "*", "", true },
		{ "*", "anything", true },
		{ "qemu*", "qemu-system-x86_64", true },
		{ "qemu", "qemu-system-x86_64", false },
		{ "web?", "web1", true },
		{ "web?", "web", false },
		{ "web[0-4]", "web3", true },
		{ "web[!0-4]", "web3", false },
		{ "web[!0-4]", "web5", true },
		{ "[]]", "]", true },
		{ "a.b", "axb", false },
		{ "a.b", "a.b", true },
		{ "a(b)|c", "a(b)|c", true },
		{ "a+", "aa", false },
		{ "\\*", "*", true },
		{ "\\*", "x", false },
		{ "a[", "a[", true },
		{ "$^{}", "$^{}", true },
		{ "~^/usr/(bin|sbin)/", "/usr/sbin/x", true },
		{ "~bin", "/usr/sbin/x", true },
		{ "~^bin", "/usr/sbin/x", false },
		{ "*/nginx.service", "/system.slice/nginx.service", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_config c;
		struct told t = { 0 };
		char text[200];

		tap_row("%s", rows[i].glob);
		snprintf(text, sizeof(text), "[rule x]\nadvise=whole\nmatch-comm=%s\n", rows[i].glob);
		if (CHECK_INT(parse(&c, &t, text), 0)) {
			snprintf(text, sizeof(text), "%s", rows[i].text);
			CHECK_INT(tune_pattern_match(&c.rule[0].pattern[0], text), rows[i].match);
		} else {
			printf("# %s", t.text);
		}
		tune_config_fini(&c);
	}
}

TAP_MAIN(TAP_CASE(defaults), TAP_CASE(all_keys), TAP_CASE(printed_is_read), TAP_CASE(mistakes),
	 TAP_CASE(not_text), TAP_CASE(several_files), TAP_CASE(globs))
