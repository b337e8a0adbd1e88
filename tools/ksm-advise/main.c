// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksm-advise: the options, which of them go together, and the choice
 * between running a command and changing processes.
 *
 * Mistakes end with 2, but with 125 as soon as a command would be run, so that
 * they are not taken for its exit status.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "estimate/places.h"
#include "ksm-advise/advise.h"
#include "util/num.h"

enum {
	KEY_STRICT = CLI_OPT_LONG,
	KEY_WHERE,
	KEY_AGAIN,
	KEY_MADVISED,
	KEY_OLD_ALL,
	KEY_OCI,
};

static const struct cli_opt opts[] = {
	{ .key = 'p' },
	{ .key = 'u' },
	{ .key = CLI_KEY_MATCH },
	{ .key = CLI_KEY_CGROUP },
	{ .key = CLI_KEY_TREE },
	{ 'C', "check", NULL, "change nothing: tell the state of processes and what would be done",
	  0, 0 },
	{ 'c', NULL, NULL, NULL, 0, 'C' },
	{ KEY_WHERE, "where-it-pays", "[PCT]",
	  "only what holds PCT of the savings (default: 96); with -C, show it", 0, 0 },
	{ KEY_AGAIN, "again", "INTERVAL",
	  "with --where-it-pays: stay, and choose anew each INTERVAL", 0, 0 },
	{ 'd', "disable", NULL, "switch merging off, and undo what was merged", 0, 0 },
	{ KEY_MADVISED, "madvised", NULL,
	  "with -d: also memory that the program itself made mergeable", 0, 0 },
	{ KEY_OLD_ALL, "all", NULL, NULL, 0, KEY_MADVISED },
	{ .key = 'f', .help = "with -d: go on even when there is not enough memory" },
	{ 'm', "mechanism", "HOW", "auto, prctl, inject or preload", 0, 0 },
	{ 'S', "scanner", NULL, "run KSM as long as COMMAND, or --wait, lasts", 0, 0 },
	{ 'w', "wait", NULL, "with processes: return when merging has settled", 0, 0 },
	{ .key = CLI_KEY_TIMEOUT, .help = "with -w: give up after TIME (exit status 1)" },
	{ 'R', "report", "[FILE]", "when COMMAND ends, tell what was merged", 0, 0 },
	{ 'r', NULL, NULL, NULL, 0, 'R' },
	{ KEY_STRICT, "strict", NULL,
	  "do not run COMMAND when its memory cannot be merged: exit 125", 0, 0 },
	{ KEY_OCI, "oci-hook", "[WHEN]",
	  "be a hook of a container's runtime: merge when annotated (default), or always", 0, 0 },
	{ .key = 'J', .help = "print JSON, with --check and --report" },
	{ .key = 'o', .help = "columns of --check; +LIST adds to the default ones" },
	{ .key = CLI_KEY_OUTPUT_ALL },
	{ .key = 'b' },
	{ .key = 'n' },
	{ 0 },
};

static const char *const synopsis[] = {
	"[options] [--] COMMAND [ARGUMENT...]",
	"[options] -p PID[,PID...] | --match REGEX | --user NAME | --cgroup PATH",
	"--oci-hook[=WHEN] [--strict]",
	NULL,
};

static void print_columns(FILE *out)
{
	cli_table_help(adv_check_cols, out);
	fputs("\nWith --where-it-pays:\n", out);
	cli_table_help(adv_where_cols, out);
}

static const struct cli_cmd cmd = {
	.name = "ksm-advise",
	.synopsis = synopsis,
	.about = "Run a program with mergeable memory, or change running ones.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksm-advise(1)",
	.extra = print_columns,
	.stop_at_operand = true,
};

static enum adv_mech mechanism(const char *name)
{
	static const char *const names[__ADV_MECH_N] = { "auto", "prctl", "inject", "preload" };

	for (int i = 0; i < __ADV_MECH_N; i++)
		if (!strcmp(name, names[i]))
			return i;
	cli_usage_error("%s: unknown mechanism (auto, prctl, inject, preload)", name);
}

static enum adv_oci_when oci_when(const char *arg)
{
	if (!arg || !strcmp(arg, "annotated"))
		return ADV_OCI_ANNOTATED;
	if (!strcmp(arg, "always"))
		return ADV_OCI_ALWAYS;
	cli_usage_error("--oci-hook: %s: neither annotated nor always", arg);
}

/* Above 0, since 0 is "not asked for". */
static double where_share(const char *arg)
{
	double pct = 100 * EST_PLACES_SHARE;

	if (arg && (num_percent(arg, &pct) || pct <= 0))
		cli_usage_error("--where-it-pays: %s: not a percentage above 0, up to 100", arg);
	return pct / 100;
}

/* Above 0, since 0 is "not asked for". */
static uint64_t duration(const char *option, const char *arg)
{
	uint64_t ns;

	if (num_duration(arg, &ns) || !ns)
		cli_usage_error("%s: %s: not a duration (say 500ms, 2, 1.5m, 1h)", option, arg);
	return ns;
}

static void option(struct adv *a, int key, const char *arg)
{
	switch (key) {
	case 'p':
		cli_pids(arg, &a->pids, &a->sel.n_pids);
		a->sel.pids = a->pids;
		break;
	case CLI_KEY_TREE:
		a->sel.tree = true;
		break;
	case CLI_KEY_MATCH:
		a->sel.match = arg;
		break;
	case 'u':
		a->sel.user = arg;
		break;
	case CLI_KEY_CGROUP:
		a->sel.cgroup = arg;
		break;
	case 'C':
		a->check = true;
		break;
	case KEY_WHERE:
		a->where_share = where_share(arg);
		break;
	case KEY_AGAIN:
		a->again_ns = duration("--again", arg);
		break;
	case 'd':
		a->disable = true;
		break;
	case KEY_MADVISED:
		a->all = true;
		break;
	case 'f':
		a->force = true;
		break;
	case 'm':
		a->mech = mechanism(arg);
		break;
	case 'S':
		a->scanner = true;
		break;
	case 'w':
		a->wait = true;
		break;
	case CLI_KEY_TIMEOUT:
		a->timeout_ns = duration("--timeout", arg);
		break;
	case 'R':
		a->report = true;
		a->report_file = arg;
		break;
	case KEY_OCI:
		a->oci = oci_when(arg);
		break;
	case KEY_STRICT:
		a->strict = true;
		break;
	default:
		if (!cli_common_option(key, arg, &a->sysroot))
			cli_table_option(key, arg, &a->table);
	}
}

static bool selects(const struct adv *a)
{
	return a->sel.n_pids || a->sel.match || a->sel.user || a->sel.cgroup;
}

struct rule {
	bool given;
	const char *text;
};

static void forbid(const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].given)
			cli_usage_error("%s", rules[i].text);
}

static void check_command(const struct adv *a)
{
	const struct rule rules[] = {
		{ selects(a), "a COMMAND and running processes exclude each other" },
		{ a->oci, "--oci-hook takes its process from standard input, not a COMMAND" },
		{ a->check, "--check needs running processes, not a COMMAND" },
		{ a->where_share > 0, "--where-it-pays needs running processes, not a COMMAND" },
		{ a->again_ns, "--again needs --where-it-pays" },
		{ a->sel.tree, "--tree needs running processes, not a COMMAND" },
		{ a->wait, "--wait needs running processes, not a COMMAND" },
		{ a->timeout_ns, "--timeout needs --wait" },
		{ a->force && !a->disable, "--force needs --disable" },
		{ a->all, "--madvised needs running processes, not a COMMAND" },
		{ a->table.format == CLI_JSON && !a->report, "--json needs --report or --check" },
		{ a->disable && a->report, "--disable and --report exclude each other" },
		{ a->disable && a->scanner, "--disable and --scanner exclude each other" },
		{ a->disable && a->strict, "--disable and --strict exclude each other" },
	};

	forbid(rules, ARRAY_SIZE(rules));
}

static void check_processes(const struct adv *a)
{
	const struct rule rules[] = {
		{ !selects(a) && a->check, "--check needs processes (-p, --match, --user, --cgroup)" },
		{ !selects(a), "neither a COMMAND nor processes given" },
		{ a->report, "--report needs a COMMAND" },
		{ a->strict, "--strict needs a COMMAND" },
		{ a->mech == ADV_PRELOAD, "preload cannot reach a running process" },
		{ a->scanner && !a->wait, "with running processes, --scanner needs --wait" },
		{ a->timeout_ns && !a->wait, "--timeout needs --wait" },
		{ a->force && !a->disable, "--force needs --disable" },
		{ a->all && !a->disable, "--madvised needs --disable" },
		{ a->wait && a->disable, "--disable and --wait exclude each other" },
		{ a->wait && a->check, "--check and --wait exclude each other" },
		{ a->where_share > 0 && a->mech == ADV_PRCTL,
		  "--where-it-pays marks ranges, which the prctl cannot" },
		{ a->where_share > 0 && a->disable,
		  "--where-it-pays and --disable exclude each other" },
		{ a->again_ns && a->where_share <= 0, "--again needs --where-it-pays" },
		{ a->again_ns && a->check, "--again and --check exclude each other" },
		{ a->again_ns && a->wait, "--again and --wait exclude each other" },
		{ a->table.format == CLI_JSON && !a->check, "--json needs --report or --check" },
	};

	forbid(rules, ARRAY_SIZE(rules));
	if (a->check)
		cli_table_check(a->where_share > 0 ? adv_where_cols : adv_check_cols, &a->table);
}

static void check_oci(const struct adv *a)
{
	const struct rule rules[] = {
		{ selects(a), "--oci-hook takes its process from standard input" },
		{ a->check || a->disable || a->where_share > 0 || a->again_ns || a->wait ||
			  a->scanner || a->report || a->sel.tree || a->timeout_ns || a->force ||
			  a->all,
		  "--oci-hook goes with --strict, --mechanism, -q and -v only" },
		{ a->mech == ADV_PRELOAD, "preload cannot reach a running process" },
	};

	forbid(rules, ARRAY_SIZE(rules));
}

/*
 * Is a command going to be run?  Asked before the options are parsed, for the
 * exit status of a mistake among them.
 */
static bool looks_like_wrapping(int argc, char **argv)
{
	static const char *const attach[] = { "-p",	 "--pid",   "-u", "--user",  "--match",
					      "--cgroup", "-C",	    "-c", "--check" };
	bool operand = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i + 1 < argc;
		if (argv[i][0] != '-')
			operand = true;
		for (size_t j = 0; !operand && j < ARRAY_SIZE(attach); j++)
			if (!strncmp(argv[i], attach[j], strlen(attach[j])))
				return false;
	}
	return operand;
}

int main(int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct adv a = { 0 };
	int key, rc;

	cli_init_quick("ksm-advise");
	if (looks_like_wrapping(argc, argv))
		cli_set_usage_code(CLI_WRAP_FAIL);
	while ((key = cli_opts_next(&p, &cmd)) != -1)
		option(&a, key, p.arg);
	if (p.ind < argc) {
		cli_set_usage_code(selects(&a) ? CLI_USAGE : CLI_WRAP_FAIL);
		a.argv = argv + p.ind;
		check_command(&a);
		/* Nobody reads it, nor a message that says so: no reason not to run COMMAND. */
		if (!a.report_file && fcntl(ADV_FD_MESSAGES, F_GETFD) < 0)
			a.report = false;
		adv_open(&a, CLI_WRAP_FAIL);
		rc = adv_run(&a);
	} else if (a.oci) {
		cli_set_usage_code(CLI_USAGE);
		check_oci(&a);
		rc = adv_oci_hook(&a);
	} else {
		cli_locale();
		cli_set_usage_code(CLI_USAGE);
		check_processes(&a);
		adv_open(&a, CLI_FAIL);
		rc = a.where_share > 0 ? adv_where(&a) : a.check ? adv_check(&a) : adv_attach(&a);
	}
	ksm_close(a.k);
	free(a.pids);
	return rc;
}
