// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksm-advise: the options, which of them go together, and the choice
 * between running a command and changing processes.
 *
 * Mistakes end with 2, but with 125 as soon as a command would be run, so that
 * they are not taken for its exit status.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "util/num.h"

enum {
	KEY_TREE = CLI_OPT_LONG,
	KEY_MATCH,
	KEY_USER,
	KEY_CGROUP,
	KEY_TIMEOUT,
	KEY_STRICT,
	KEY_ALL,
};

static const struct cli_opt opts[] = {
	{ 'p', "pid", "PID[,PID...]", "change running processes", 0 },
	{ KEY_TREE, "tree", NULL, "and all their descendants", 0 },
	{ KEY_MATCH, "match", "REGEX", "change those whose command line matches", 0 },
	{ KEY_USER, "user", "NAME", "change those of a user", 0 },
	{ KEY_CGROUP, "cgroup", "PATH", "change those in a control group and below it", 0 },
	{ 'c', "check", NULL, "tell the state of processes and what would be done", 0 },
	{ 'd', "disable", NULL, "switch merging off, and undo what was merged", 0 },
	{ KEY_ALL, "all", NULL, "with -d: also what the program itself asked for", 0 },
	{ 'f', "force", NULL, "with -d: even when memory would not suffice", 0 },
	{ 'm', "mechanism", "HOW", "auto, prctl, inject or preload", 0 },
	{ 'S', "scanner", NULL, "start KSM for as long as it takes", 0 },
	{ 'w', "wait", NULL, "with -p: return when merging has settled", 0 },
	{ KEY_TIMEOUT, "timeout", "TIME", "with -w: give up after TIME", 0 },
	{ 'r', "report", "[FILE]", "when COMMAND ends, tell what was merged", 0 },
	{ KEY_STRICT, "strict", NULL, "do not run COMMAND unmerged: exit 125 instead", 0 },
	{ 'J', "json", NULL, "JSON, for --check and --report", 0 },
	{ 'o', "output", "LIST", "columns of --check; +LIST adds to the default", 0 },
	{ CLI_KEY_OUTPUT_ALL, "output-all", NULL, "all columns", 0 },
	{ 'b', "bytes", NULL, "sizes in bytes", 0 },
	{ 'n', "noheadings", NULL, "no headings", 0 },
	{ 0 },
};

static const struct cli_opt common_opts[] = {
	{ 's', "sysroot", "DIR", "read the dump of another system in DIR", 0 },
	{ 'q', "quiet", NULL, "errors only", 0 },
	{ 'v', "verbose", NULL, "say what is done and why", 0 },
	{ 0 },
};

static const char *const synopsis[] = {
	"[options] [--] COMMAND [ARGUMENT...]",
	"[options] -p PID[,PID...] | --match REGEX | --user NAME | --cgroup PATH",
	NULL,
};

static void print_columns(FILE *out)
{
	cli_table_help(adv_check_cols, out);
}

static const struct cli_cmd cmd = {
	.name = "ksm-advise",
	.synopsis = synopsis,
	.about = "Run a program with mergeable memory, or change running ones.",
	.opts = opts,
	.common = common_opts,
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

static void option(struct adv *a, int key, const char *arg)
{
	switch (key) {
	case 'p':
		cli_pids(arg, &a->pids, &a->sel.n_pids);
		a->sel.pids = a->pids;
		break;
	case KEY_TREE:
		a->sel.tree = true;
		break;
	case KEY_MATCH:
		a->sel.match = arg;
		break;
	case KEY_USER:
		a->sel.user = arg;
		break;
	case KEY_CGROUP:
		a->sel.cgroup = arg;
		break;
	case 'c':
		a->check = true;
		break;
	case 'd':
		a->disable = true;
		break;
	case KEY_ALL:
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
	case KEY_TIMEOUT:
		if (num_duration(arg, &a->timeout_ns) || !a->timeout_ns)
			cli_usage_error("--timeout: %s: not a duration (say 500ms, 2, 1.5m, 1h)",
					arg);
		break;
	case 'r':
		a->report = true;
		a->report_file = arg;
		break;
	case KEY_STRICT:
		a->strict = true;
		break;
	case 's':
		a->sysroot = arg;
		break;
	case 'q':
		cli_set_verbosity(-1);
		break;
	case 'v':
		cli_set_verbosity(cli_verbosity() + 1);
		break;
	default:
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
		{ a->check, "--check needs running processes, not a COMMAND" },
		{ a->sel.tree, "--tree needs running processes, not a COMMAND" },
		{ a->wait, "--wait needs running processes, not a COMMAND" },
		{ a->timeout_ns, "--timeout needs --wait" },
		{ a->force && !a->disable, "--force needs --disable" },
		{ a->all, "--all needs running processes, not a COMMAND" },
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
		{ a->all && !a->disable, "--all needs --disable" },
		{ a->wait && a->disable, "--disable and --wait exclude each other" },
		{ a->wait && a->check, "--check and --wait exclude each other" },
		{ a->table.format == CLI_JSON && !a->check, "--json needs --report or --check" },
	};

	forbid(rules, ARRAY_SIZE(rules));
	if (a->check)
		cli_table_check(adv_check_cols, &a->table);
}

/*
 * Is a command going to be run?  Asked before the options are parsed, for the
 * exit status of a mistake among them.
 */
static bool looks_like_wrapping(int argc, char **argv)
{
	static const char *const attach[] = { "-p",	"-c",	  "--pid",    "--check",
					      "--match", "--user", "--cgroup" };
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
		adv_open(&a, CLI_WRAP_FAIL);
		rc = adv_run(&a);
	} else {
		cli_locale();
		cli_set_usage_code(CLI_USAGE);
		check_processes(&a);
		adv_open(&a, CLI_FAIL);
		rc = a.check ? adv_check(&a) : adv_attach(&a);
	}
	ksm_close(a.k);
	free(a.pids);
	return rc;
}
