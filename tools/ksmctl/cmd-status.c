// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-status.c - ksmctl status: one screen of state, savings, cost and
 * warnings.
 *
 * What ksmd costs now needs two looks; the pause between them is short, and
 * left out where nothing runs.  With --since, one look is enough: the other one is
 * the file.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

#define LOOK_NS 250000000ULL
#define ZERO_NS 300000000ULL	/* for counting zero pages: nobody waits longer for a screen */
#define UNSEEN_MIN (1 << 20)

enum { KEY_SINCE = CLI_OPT_LONG };

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ KEY_SINCE, "since", "FILE",
	  "show what has changed since -J printed FILE (-: standard input)", 0, 0 },
	{ .key = 'b' },
	{ .key = 'J' },
	{ 0 },
};
const struct cli_cmd ctl_cmd_status = {
	.name = "ksmctl status",
	.synopsis = synopsis,
	.about = "Show state, savings, costs and warnings on one screen.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

struct status {
	struct ksm_stats stats;
	struct ksm_derived d;
	struct ksm_delta delta;
	struct ksm_around around;
	struct ctl_decider decider;
	struct ctl_moment now;
	struct ksm_fig unseen_zero;	/* bytes */
	bool unseen_whole;
	bool sampled;
	struct ksm_engine engine;
	struct ctl_finding findings[__CTL_FINDING_N];
	size_t n_findings;
};

static struct ksm_fig fig(const struct status *st, enum ksm_attr id)
{
	return ksm_stats_fig(&st->stats, id);
}

/* "1.2 GiB", or the state in a word. */
static const char *size_text(const struct ctl *ctl, struct ksm_fig f, char *buf, size_t len)
{
	if (f.state == KSM_VALUE)
		return cli_bytes(buf, len, f.v, ctl->table.bytes);
	return f.state == KSM_DENIED ? "denied" : "unknown";
}

/* A number of pages, as a size. */
static const char *pages_text(const struct ctl *ctl, int64_t pages, char *buf, size_t len)
{
	return cli_bytes(buf, len, num_mul_sat(pages, ksm_page_size(ctl->k)), ctl->table.bytes);
}

static void status_read(struct ctl *ctl, struct status *st)
{
	struct ksm_stats before;
	struct ctl_facts facts;
	struct ctl_crowd crowd;
	bool tracks;

	memset(st, 0, sizeof(*st));
	st->delta.ksmd_cpu_pct = -1;
	ctl_stats(ctl, &st->stats);
	if (ksm_is_live(ctl->k) && (st->stats.attr[KSM_ATTR_RUN].v & KSM_RUN_RUNNING)) {
		before = st->stats;
		ctl_sleep(LOOK_NS);
		ctl_stats(ctl, &st->stats);
		ksm_stats_delta(&st->stats, &before, &st->delta);
		st->sampled = true;
	}
	ksm_stats_derive(&st->stats, &st->d);
	ctl_moment_now(ctl, &st->stats, &st->d, &st->now);
	ksm_engine_read(ctl->k, &st->engine);
	ksm_around_read(ctl->k, &st->around);
	tracks = ksm_fig_or(st->d.tracked_pages, 0);
	ctl_crowd_read(ctl, tracks ? CTL_CROWD_WHO : 0, &crowd);
	ctl_decider_read(ctl, &crowd, &st->decider);
	if (tracks)
		st->unseen_zero = ctl_unseen_zero(ctl, &crowd, ZERO_NS, &st->unseen_whole);
	ctl_crowd_free(&crowd);
	facts = (struct ctl_facts){ .stats = &st->stats, .derived = &st->d,
				    .delta = st->sampled ? &st->delta : NULL,
				    .around = &st->around, .decider = &st->decider,
				    .unseen_zero_bytes = st->unseen_zero };
	st->n_findings = ctl_findings(&facts, st->findings, ARRAY_SIZE(st->findings));
}

static void line(const char *name, const char *text)
{
	printf("%-10s %s\n", name, text);
}

static void print_rate(struct ctl *ctl, const struct status *st)
{
	struct str s __cleanup_str = STR_INIT;
	struct ksm_fig pages = fig(st, KSM_ATTR_PAGES_TO_SCAN);
	struct ksm_fig nap = fig(st, KSM_ATTR_SLEEP_MILLISECS);
	struct ksm_fig rate = st->d.rate_pages_s;
	char buf[32];

	if (!ksm_fig_has(pages) || !ksm_fig_has(nap))
		return;
	str_addf(&s, "%lld pages, then %lld ms of sleep", (long long)pages.v, (long long)nap.v);
	if (ksm_fig_has(rate))
		str_addf(&s, ": at most %s/s",
			 pages_text(ctl, rate.v, buf, sizeof(buf)));
	line("rate", str_get(&s));
}

static void print_advisor(const struct status *st)
{
	const struct ksm_value *mode = &st->stats.attr[KSM_ATTR_ADVISOR_MODE];
	char text[KSM_ATTR_TEXT_MAX + 80], word[KSM_ATTR_TEXT_MAX];
	struct str clean __cleanup_str = STR_INIT;

	if (mode->state != KSM_VALUE)
		return;
	ksm_attr_format(KSM_ATTR_ADVISOR_MODE, mode, word, sizeof(word));
	cli_safe(&clean, word, (size_t)-1);
	if (mode->v == 0)
		snprintf(text, sizeof(text), "%s", str_get(&clean));
	else
		snprintf(text, sizeof(text), "%s: a pass in %lld s, at most %lld %% of a CPU",
			 str_get(&clean), (long long)fig(st, KSM_ATTR_ADVISOR_TARGET).v,
			 (long long)fig(st, KSM_ATTR_ADVISOR_MAX_CPU).v);
	line("advisor", text);
}

/* What only hksm can be told: the settings of its own, where they can be read. */
static void print_own(const struct status *st)
{
	struct str s __cleanup_str = STR_INIT;

	ksm_for_each_attr(id) {
		const struct ksm_attr_info *in = ksm_attr_info(id);

		if (in->kind == KSM_KIND_KNOB && ksm_attr_is_hksm(id) && ksm_fig_has(fig(st, id)))
			str_addf(&s, "%s%s %lld", s.len ? ", " : "", strchr(in->name, '/') + 1,
				 (long long)fig(st, id).v);
	}
	if (s.len)
		line("hksm", str_get(&s));
}

static void print_saved(struct ctl *ctl, const struct status *st)
{
	struct str s __cleanup_str = STR_INIT;
	const int64_t sharing = fig(st, KSM_ATTR_PAGES_SHARING).v;
	const int64_t shared = ksm_fig_or(fig(st, KSM_ATTR_PAGES_SHARED), 0);
	struct ksm_fig zero = fig(st, KSM_ATTR_ZERO_PAGES);
	char buf[32];

	str_add(&s, size_text(ctl, st->d.saved_bytes, buf, sizeof(buf)));
	if (shared)
		str_addf(&s, " (%lld page%s by %lld cop%s, %.1f each)", (long long)sharing,
			 sharing == 1 ? "" : "s", (long long)shared, shared == 1 ? "y" : "ies",
			 st->d.sharing_ratio);
	if (ksm_fig_or(zero, 0))
		str_addf(&s, ", zeroes %s", pages_text(ctl, zero.v, buf, sizeof(buf)));
	line("saved", str_get(&s));
}

/* Nothing is said of what is not worth a line. */
static void print_unseen(struct ctl *ctl, const struct status *st)
{
	char buf[32], text[80];

	if (ksm_fig_or(st->unseen_zero, 0) < UNSEEN_MIN)
		return;
	snprintf(text, sizeof(text), "%s%s more that no counter shows (split huge pages)",
		 st->unseen_whole ? "" : "at least ",
		 size_text(ctl, st->unseen_zero, buf, sizeof(buf)));
	line("zero page", text);
}

static void print_profit(struct ctl *ctl, const struct status *st)
{
	const bool red = ksm_fig_or(st->d.profit_bytes, 0) < 0 && cli_color();
	char buf[32], text[64];

	snprintf(text, sizeof(text), "%s%s%s%s", red ? "\033[31m" : "",
		 size_text(ctl, st->d.profit_bytes, buf, sizeof(buf)), red ? "\033[0m" : "",
		 st->d.meta_estimated ? " (estimated)" : "");
	line("profit", text);
}

static void print_cost(struct ctl *ctl, const struct status *st)
{
	struct str s __cleanup_str = STR_INIT;
	char buf[32];

	if (st->sampled && st->delta.ksmd_cpu_pct >= 0)
		str_addf(&s, "ksmd %.1f %% of a CPU now, ", st->delta.ksmd_cpu_pct);
	if (ksm_fig_has(st->stats.ksmd_cpu_ns))
		str_addf(&s, "ksmd %s since boot, ",
			 cli_duration(buf, sizeof(buf), st->stats.ksmd_cpu_ns.v));
	str_addf(&s, "metadata %s%s", st->d.meta_estimated ? "about " : "",
		 size_text(ctl, st->d.meta_bytes, buf, sizeof(buf)));
	line("cost", str_get(&s));
}

/* Since boot; nothing is said where memory has always sufficed. */
static void print_short(const struct status *st)
{
	const int64_t dropped = ksm_fig_or(fig(st, KSM_ATTR_DROPPED), 0);
	const int64_t reclaimed = ksm_fig_or(fig(st, KSM_ATTR_RECLAIMED), 0);
	struct str s __cleanup_str = STR_INIT;

	if (!dropped && !reclaimed)
		return;
	str_addf(&s, "of memory: %lld page%s not remembered, %lld forgotten again",
		 (long long)dropped, dropped == 1 ? "" : "s", (long long)reclaimed);
	line("short", str_get(&s));
}

static void print_pass(struct ctl *ctl, const struct status *st)
{
	struct str s __cleanup_str = STR_INIT;
	struct ksm_fig rate = st->d.rate_pages_s, pages = st->d.tracked_pages;
	char buf[32];

	if (!ksm_fig_has(fig(st, KSM_ATTR_FULL_SCANS)))
		return;
	str_addf(&s, "%lld done", (long long)fig(st, KSM_ATTR_FULL_SCANS).v);
	if (ksm_fig_or(rate, 0) > 0 && ksm_fig_or(pages, 0) > 0)
		str_addf(&s, ", one over the %s tracked takes %s or more",
			 pages_text(ctl, pages.v, buf, sizeof(buf)),
			 cli_duration((char[32]){ 0 }, 32,
				      num_ns(pages.v / (double)rate.v)));
	line("passes", str_get(&s));
}

static void print_tracked(struct ctl *ctl, const struct status *st)
{
	/* What smart_scan passes over counts as volatile, and is mostly unique. */
	const bool smart = st->stats.attr[KSM_ATTR_SMART_SCAN].state == KSM_VALUE &&
			   fig(st, KSM_ATTR_SMART_SCAN).v == 1;
	const struct {
		enum ksm_attr id;
		const char *word;
	} parts[] = {
		{ KSM_ATTR_PAGES_UNSHARED, "without a twin" },
		{ KSM_ATTR_PAGES_VOLATILE, smart ? "skipped as unique, or changing" :
						   "changing or pinned" },
	};
	struct str s __cleanup_str = STR_INIT;
	char buf[32];

	if (!ksm_fig_or(st->d.tracked_pages, 0))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct ksm_fig f = fig(st, parts[i].id);

		if (ksm_fig_has(f))
			str_addf(&s, "%s%s %s", s.len ? ", " : "",
				 pages_text(ctl, f.v, buf, sizeof(buf)), parts[i].word);
	}
	if (s.len)
		line("not merged", str_get(&s));
}

static void print_state(const struct status *st)
{
	const struct ksm_value *run = &st->stats.attr[KSM_ATTR_RUN];
	char text[64];

	snprintf(text, sizeof(text), "%s%s%s",
		 run->state == KSM_VALUE ? ksm_run_name(run->v) :
		 run->state == KSM_DENIED ? "denied" : "unknown",
		 run->v & KSM_RUN_OFFLINING ? ", memory going offline" : "",
		 !strcmp(st->engine.name, "ksm") ? "" :
		 st->engine.module == KSM_MODULE_NONE ? " (engine hksm)" :
		 " (engine hksm, a module)");
	line("state", text);
}

/* A sentence of others, in lines of 80 columns; a word may be longer. */
static void print_reason(const char *label, const char *reason)
{
	struct str clean __cleanup_str = STR_INIT;
	const size_t room = 69;
	const char *at;

	cli_safe(&clean, reason, (size_t)-1);
	for (at = str_get(&clean); strlen(at) > room; label = "") {
		size_t n = room;

		while (n && at[n] != ' ')
			n--;
		if (!n)
			n = strcspn(at, " ");
		printf("%-10s %.*s\n", label, (int)n, at);
		at += n + strspn(at + n, " ");
	}
	if (*at)
		line(label, at);
}

static void print_decider(struct ctl *ctl, const struct status *st)
{
	const struct ctl_decider *d = &st->decider;
	char text[120], at[32];

	switch (d->who) {
	case CTL_BY_UNKNOWN:
		line("decides", "unknown");
		break;
	case CTL_BY_NOBODY:
		line("decides", "nobody: the settings stay as they are");
		break;
	case CTL_BY_ADVISOR:
		line("decides", "the kernel's advisor");
		break;
	case CTL_BY_KSMTUNED:
		snprintf(text, sizeof(text), "ksmtuned (pid %d), by free memory",
			 (int)d->ksmtuned.pid);
		line("decides", text);
		break;
	case CTL_BY_AUTOTUNE:
		snprintf(text, sizeof(text), "ksm-autotune (pid %d) since %s",
			 (int)d->note.id.pid, cli_clock(at, sizeof(at), d->note.since_s, !ksm_is_live(ctl->k)));
		line("decides", text);
		print_reason("", d->note.reason);
		snprintf(text, sizeof(text), "next look %s",
			 cli_clock(at, sizeof(at), d->note.next_s, !ksm_is_live(ctl->k)));
		if (d->note.next_s)
			line("", text);
	}
	if (d->noted && d->note.alive && d->note.dry)
		print_reason("dry run", d->note.reason);
}

static void print_text(struct ctl *ctl, const struct status *st)
{
	print_state(st);
	print_decider(ctl, st);
	print_rate(ctl, st);
	print_advisor(st);
	print_own(st);
	print_saved(ctl, st);
	print_unseen(ctl, st);
	print_profit(ctl, st);
	print_tracked(ctl, st);
	print_cost(ctl, st);
	print_short(st);
	print_pass(ctl, st);
	for (size_t i = 0; i < st->n_findings; i++) {
		if (!st->findings[i].serious)
			continue;
		line("warning", st->findings[i].text);
		if (st->findings[i].command[0])
			printf("%-10s   %s\n", "", st->findings[i].command);
	}
}

static void json_attrs(struct cli_json *j, const struct status *st)
{
	char text[KSM_ATTR_TEXT_MAX];

	cli_json_open(j, "attributes", '{');
	ksm_for_each_attr(id) {
		const struct ksm_attr_info *in = ksm_attr_info(id);

		if (ksm_attr_is_foreign(id, st->stats.attr[id].state))
			continue;
		if (in->type == KSM_TYPE_CHOICE && st->stats.attr[id].state == KSM_VALUE)
			cli_json_str(j, in->name, ksm_attr_format(id, &st->stats.attr[id], text,
								  sizeof(text)));
		else
			ctl_json_fig(j, in->name, fig(st, id));
	}
	cli_json_close(j);
}

/* @since: NULL without the option. */
static int print_json(const struct status *st, const struct ctl_moment *since)
{
	const struct ksm_value *run = &st->stats.attr[KSM_ATTR_RUN];
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_str(j, "state", run->state == KSM_VALUE ? ksm_run_name(run->v) : NULL);
	cli_json_str(j, "engine", st->engine.name);
	cli_json_str(j, "boot_id", st->now.boot_id[0] ? st->now.boot_id : NULL);
	ctl_json_fig(j, "when_ns", st->now.when_ns);
	cli_json_num(j, "page_size", st->stats.page_size);
	ctl_json_fig(j, "saved", st->d.saved_bytes);
	ctl_json_fig(j, "zero_unseen", st->unseen_zero);
	ctl_json_fig(j, "profit", st->d.profit_bytes);
	ctl_json_fig(j, "metadata", st->d.meta_bytes);
	cli_json_bool(j, "metadata_estimated", st->d.meta_estimated);
	ctl_json_fig(j, "tracked_pages", st->d.tracked_pages);
	ctl_json_fig(j, "max_pages_per_s", st->d.rate_pages_s);
	ctl_json_fig(j, "ksmd_cpu_ns", st->stats.ksmd_cpu_ns);
	if (st->delta.ksmd_cpu_pct >= 0)
		cli_json_real(j, "ksmd_cpu_pct", st->delta.ksmd_cpu_pct, 2);
	else
		cli_json_null(j, "ksmd_cpu_pct");
	ctl_json_fig(j, "cow_ksm", st->stats.cow_ksm);
	ctl_json_fig(j, "ksm_swpin_copy", st->stats.swpin_copy);
	ctl_json_fig(j, "mem_available", st->stats.mem_available_bytes);
	json_attrs(j, st);
	ctl_decider_json(j, &st->decider);
	if (since) {
		cli_json_open(j, "since", '{');
		ctl_since_json(j, since);
		cli_json_close(j);
	}
	cli_json_open(j, "warnings", '[');
	for (size_t i = 0; i < st->n_findings; i++)
		if (st->findings[i].serious)
			cli_json_str(j, NULL, st->findings[i].text);
	cli_json_close(j);
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

void ctl_status_print(struct ctl *ctl)
{
	struct status st;

	status_read(ctl, &st);
	print_text(ctl, &st);
}

static int show(struct ctl *ctl)
{
	struct status st;

	status_read(ctl, &st);
	if (ctl->table.format == CLI_JSON)
		return print_json(&st, NULL) ? CLI_FAIL : CLI_OK;
	print_text(ctl, &st);
	return CLI_OK;
}

static int show_since(struct ctl *ctl, const char *file)
{
	struct ctl_moment then, since;
	const char *name = ctl_moment_read(file, &then);
	struct status st;

	if (ctl->table.format == CLI_JSON) {
		status_read(ctl, &st);
	} else {
		ctl_stats(ctl, &st.stats);
		ksm_stats_derive(&st.stats, &st.d);
		ctl_moment_now(ctl, &st.stats, &st.d, &st.now);
	}
	ctl_since(name, &then, &st.now, &since);
	if (ctl->table.format == CLI_JSON)
		return print_json(&st, &since) ? CLI_FAIL : CLI_OK;
	ctl_since_print(ctl, &since);
	return CLI_OK;
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	const char *since = NULL;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_status)) != -1) {
		if (key == KEY_SINCE)
			since = p.arg;
		else
			ctl_option(ctl, key, p.arg);
	}
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	return since ? show_since(ctl, since) : show(ctl);
}
