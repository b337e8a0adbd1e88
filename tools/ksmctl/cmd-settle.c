// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-settle.c - ksmctl settle: wait until merging has done its work.
 *
 * Progress is told by full_scans and the counters, never by time: time only
 * bounds the wait.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

enum { KEY_SCANS = CLI_OPT_LONG, KEY_TOLERANCE };

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ KEY_SCANS, "scans", "N", "wait until N full passes are done, and no longer", 0, 0 },
	{ .key = CLI_KEY_TIMEOUT },
	{ KEY_TOLERANCE, "tolerance", "PCT",
	  "settled when a pass adds at most PCT percent to the savings (default 1)", 0, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_settle = {
	.name = "ksmctl settle",
	.synopsis = synopsis,
	.about = "Wait until two full passes are done and the savings have stopped growing.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

#define POLL_NS 50000000ULL
/* The engine sleeps when nothing is mergeable: then no counter moves for so long. */
#define IDLE_NS 3000000000ULL

struct settle {
	uint64_t scans;		/* 0: until savings stop growing */
	uint64_t timeout_ns;	/* 0: none */
	double tolerance;
	struct ksm_settle state;
	int64_t scanned;	/* pages_scanned at the last look */
	uint64_t begin_ns;	/* of waiting; 0: not yet */
	uint64_t busy_ns;	/* when something was scanned or tracked last */
	bool idle;		/* not for a long time */
};

/* One look; true when there is nothing more to wait for. */
static bool look(struct settle *st, const struct ksm_stats *s, const struct ksm_derived *d)
{
	const int64_t scanned = s->attr[KSM_ATTR_PAGES_SCANNED].v;
	const int64_t passes = st->state.full_scans;
	bool settled;

	settled = ksm_settle_step(&st->state, s->attr[KSM_ATTR_FULL_SCANS].v,
				  ksm_fig_or(d->saved_bytes, 0), st->tolerance);
	if (!st->begin_ns)
		st->begin_ns = st->busy_ns = s->when_ns;
	if (scanned != st->scanned || st->state.full_scans != passes ||
	    ksm_fig_or(d->tracked_pages, 0))
		st->busy_ns = s->when_ns;
	st->idle = s->when_ns - st->busy_ns >= IDLE_NS;
	st->scanned = scanned;
	return (st->scans ? st->state.passes >= st->scans : settled) || st->idle;
}

/* Ends the program where no pass will ever end. */
static void check_progress(struct ctl *ctl, const struct ksm_stats *s, const struct ksm_derived *d)
{
	const struct ctl_facts facts = { .stats = s, .derived = d };
	const struct ksm_value *passes = &s->attr[KSM_ATTR_FULL_SCANS];
	struct ctl_finding why;

	if (passes->state != KSM_VALUE)
		ctl_attr_missing(ctl, KSM_ATTR_FULL_SCANS, passes->state);
	if (!(s->attr[KSM_ATTR_RUN].v & KSM_RUN_RUNNING))
		cli_die(CLI_FAIL, 0, "run: merging is %s: nothing will settle "
				     "(start it: ksmctl start)",
			ksm_run_name(s->attr[KSM_ATTR_RUN].v));
	if (ctl_scans_nothing(&facts, &why))
		cli_die(CLI_FAIL, 0, "nothing will settle: %s (%s)", why.text, why.command);
}

static int wait_settled(struct ctl *ctl, struct settle *st)
{
	struct ksm_derived d;
	struct ksm_stats s;
	char saved[32], passes[32];

	for (;;) {
		bool over;

		ctl_stats(ctl, &s);
		ksm_stats_derive(&s, &d);
		check_progress(ctl, &s, &d);
		cli_bytes(saved, sizeof(saved), ksm_fig_or(d.saved_bytes, 0), false);
		over = look(st, &s, &d);
		snprintf(passes, sizeof(passes), "%llu pass%s",
			 (unsigned long long)st->state.passes, st->state.passes == 1 ? "" : "es");
		if (over) {
			if (st->idle)
				cli_note("nothing is mergeable");
			cli_note("settled after %s, saved %s", passes, saved);
			return CLI_OK;
		}
		if (st->timeout_ns && s.when_ns - st->begin_ns >= st->timeout_ns)
			cli_die(CLI_FAIL, 0, "not settled in time: %s done, saved %s", passes,
				saved);
		if (ctl->seq && !ctl_next_moment(ctl))
			cli_die(CLI_FAIL, 0, "%s: not settled at its last dump: %s done, saved %s",
				ctl->sysroot, passes, saved);
		if (!ctl->seq && !ctl_sleep(POLL_NS))
			return CLI_FAIL;
	}
}

int ctl_settle(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct settle st = { .tolerance = KSM_SETTLE_TOLERANCE };
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_settle)) != -1) {
		switch (key) {
		case KEY_SCANS:
			if (num_u64(p.arg, &st.scans) || !st.scans)
				cli_usage_error("--scans: %s: not a number of passes", p.arg);
			break;
		case CLI_KEY_TIMEOUT:
			st.timeout_ns = ctl_duration("--timeout", p.arg);
			if (!st.timeout_ns)
				cli_usage_error("--timeout: %s: must be more than nothing "
						"(without --timeout there is no limit)", p.arg);
			break;
		case KEY_TOLERANCE:
			if (num_percent(p.arg, &st.tolerance))
				cli_usage_error("--tolerance: %s: not a percentage", p.arg);
			break;
		default:
			ctl_option(ctl, key, p.arg);
		}
	}
	ctl_no_operands(&p, argv);
	ctl_open_moments(ctl, "wait for");
	return wait_settled(ctl, &st);
}
