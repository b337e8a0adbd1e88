// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-run.c - ksmctl start, stop, info, unmerge.
 *
 * start, stop and info keep the command line of the ksmctl of 2008, which
 * told its engine pages to scan, pages to merge at most, and microseconds to
 * sleep; the sleep here is the kernel's unit of today, milliseconds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

static void put(struct ksm_attrset *want, enum ksm_attr id, const char *text)
{
	char range[KSM_ATTR_TEXT_MAX];

	if (ksm_attr_parse(id, text, &want->value[id]))
		cli_usage_error("%s: not a value for %s (%s)", text, ksm_attr_info(id)->name,
				ksm_attr_range(id, range, sizeof(range)));
}

static const char *const start_synopsis[] = { "[options]", "[options] PAGES SLEEP",
					      "[options] PAGES MAX_MERGE SLEEP", NULL };
const struct cli_cmd ctl_cmd_start = {
	.name = "ksmctl start",
	.synopsis = start_synopsis,
	.about = "Start merging: the kernel scans PAGES pages, then sleeps SLEEP milliseconds,\n"
		 "again and again.  Without figures the rate stays as it is.  MAX_MERGE is the\n"
		 "largest number of pages to merge in one batch; no kernel of today has it.",
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

int ctl_start(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_attrset want = { 0 };
	uint64_t max_merge;
	int key, n;

	while ((key = cli_opts_next(&p, &ctl_cmd_start)) != -1)
		ctl_option(ctl, key, p.arg);
	n = argc - p.ind;
	argv += p.ind;
	if (n == 1 || n > 3)
		cli_usage_error("start: expects no figures, or two, or three");
	if (n >= 2) {
		put(&want, KSM_ATTR_PAGES_TO_SCAN, argv[0]);
		put(&want, KSM_ATTR_SLEEP_MILLISECS, argv[n - 1]);
	}
	if (n == 3 && num_u64(argv[1], &max_merge))
		cli_usage_error("%s: not a number of pages", argv[1]);
	put(&want, KSM_ATTR_RUN, "1");
	ctl_open_ksm(ctl);
	/* 0 asks for no limit, which every engine can give. */
	if (n == 3 && max_merge)
		cli_die(CLI_UNSUPPORTED, 0,
			"MAX_MERGE: %s: this kernel's engine has no such limit (use 0, or leave it out)",
			argv[1]);
	return ctl_apply(ctl, &want, 0, false);
}

static const char *const plain_synopsis[] = { "[options]", NULL };
const struct cli_cmd ctl_cmd_stop = {
	.name = "ksmctl stop",
	.synopsis = plain_synopsis,
	.about = "Stop merging.  What is merged stays merged (see: ksmctl unmerge).",
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

int ctl_stop(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_attrset want = { 0 };
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_stop)) != -1)
		ctl_option(ctl, key, p.arg);
	ctl_no_operands(&p, argv);
	put(&want, KSM_ATTR_RUN, "0");
	ctl_open_ksm(ctl);
	return ctl_apply(ctl, &want, 0, false);
}

const struct cli_cmd ctl_cmd_info = {
	.name = "ksmctl info",
	.synopsis = plain_synopsis,
	.about = "Print the run state and the scan rate in one line.",
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

int ctl_info(struct ctl *ctl, int argc, char **argv)
{
	static const enum ksm_attr wanted[] = { KSM_ATTR_RUN, KSM_ATTR_PAGES_TO_SCAN,
						KSM_ATTR_SLEEP_MILLISECS };
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_value v[ARRAY_SIZE(wanted)];
	int key, rc;

	while ((key = cli_opts_next(&p, &ctl_cmd_info)) != -1)
		ctl_option(ctl, key, p.arg);
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		rc = ksm_attr_read(ctl->k, wanted[i], &v[i]);
		if (rc)
			cli_die(CLI_FAIL, rc, "%s: cannot read", ksm_errpath(ctl->k));
		if (v[i].state != KSM_VALUE)
			ctl_attr_missing(ctl, wanted[i], v[i].state);
	}
	printf("%s, pages to scan %lld, sleep %lld ms\n", ksm_run_name(v[0].v), (long long)v[1].v,
	       (long long)v[2].v);
	return CLI_OK;
}

static const char *const unmerge_synopsis[] = { "[options]", NULL };
static const struct cli_opt unmerge_opts[] = {
	{ .key = 'f' },
	{ .key = 'N', .help = "only tell how much memory it needs" },
	{ .key = 'n', .means = 'N' },
	{ 0 },
};
const struct cli_cmd ctl_cmd_unmerge = {
	.name = "ksmctl unmerge",
	.synopsis = unmerge_synopsis,
	.about = "Give every process its own pages again, and leave merging stopped.",
	.opts = unmerge_opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static int unmerge_write(struct ctl *ctl, int64_t run, int64_t to)
{
	const struct ksm_value zero = { .state = KSM_VALUE, .v = KSM_RUN_STOPPED };
	const struct ksm_value value = { .state = KSM_VALUE, .v = to };

	/* Writing 2 where 2 stands does nothing, though a fork may have copied merged pages. */
	if (run == to && to == KSM_RUN_UNMERGING) {
		int rc = ksm_attr_write(ctl->k, KSM_ATTR_RUN, &zero);

		if (rc)
			return rc;
	}
	return ksm_attr_write(ctl->k, KSM_ATTR_RUN, &value);
}

void ctl_unmerge_now(struct ctl *ctl)
{
	struct ksm_value run;
	const char *hint;
	int rc = ksm_attr_read(ctl->k, KSM_ATTR_RUN, &run);

	if (rc)
		cli_die(CLI_FAIL, rc, "run: cannot read");
	rc = unmerge_write(ctl, run.v, KSM_RUN_UNMERGING);
	/* 2 would refuse later merging as well; stopped is what the command promises. */
	if (!rc)
		rc = unmerge_write(ctl, KSM_RUN_UNMERGING, KSM_RUN_STOPPED);
	if (!rc)
		return;
	hint = ksm_attr_hint(ctl->k, KSM_ATTR_RUN, rc);
	if (hint)
		cli_die(CLI_FAIL, 0, "run: cannot unmerge: %s (%s)", strerror(-rc), hint);
	cli_die(CLI_FAIL, rc, "run: cannot unmerge");
}

void ctl_unmerge_check(struct ctl *ctl, bool force, bool tell)
{
	struct ksm_derived d;
	struct ksm_stats s;
	char need[32], have[32];

	ctl_stats(ctl, &s);
	ksm_stats_derive(&s, &d);
	if (!ksm_fig_has(d.saved_bytes))
		ctl_attr_missing(ctl, KSM_ATTR_PAGES_SHARING, d.saved_bytes.state);
	cli_bytes(need, sizeof(need), d.saved_bytes.v, false);
	cli_bytes(have, sizeof(have), ksm_fig_or(s.mem_available_bytes, 0), false);
	if (tell)
		printf("unmerging needs %s of memory, %s available\n", need,
		       ksm_fig_has(s.mem_available_bytes) ? have : "unknown");
	if (!ksm_fig_has(s.mem_available_bytes) || d.saved_bytes.v <= s.mem_available_bytes.v)
		return;
	if (!force)
		cli_die(CLI_FAIL, 0, "run: not unmerged: it needs %s of memory and %s are "
				     "available (free some, or use --force)", need, have);
	cli_warn(0, "there may not be enough memory; going on as --force says");
}

int ctl_unmerge(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	bool force = false, dry = false;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_unmerge)) != -1) {
		if (key == 'f')
			force = true;
		else if (key == 'N')
			dry = true;
		else
			ctl_option(ctl, key, p.arg);
	}
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	ctl_unmerge_check(ctl, force, dry || cli_verbosity() >= 0);
	if (dry)
		return CLI_OK;
	/* What was printed must be read before the machine gets busy. */
	cli_flush();
	ctl_unmerge_now(ctl);
	return CLI_OK;
}
