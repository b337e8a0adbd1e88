// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksmctl: the table of subcommands, what their names are in other tools,
 * and dispatch.  Nothing is computed or printed here but the help.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"

static const struct command {
	const char *name;
	const struct cli_cmd *cmd;
	int (*run)(struct ctl *ctl, int argc, char **argv);
	const char *help;
} commands[] = {
	{ "status", &ctl_cmd_status, ctl_status, "show state, savings, costs and warnings" },
	{ "list", &ctl_cmd_list, ctl_list, "list every attribute with its unit and meaning" },
	{ "get", &ctl_cmd_get, ctl_get, "print the values of attributes" },
	{ "set", &ctl_cmd_set, ctl_set, "write attributes, all or none" },
	{ "start", &ctl_cmd_start, ctl_start, "start merging" },
	{ "stop", &ctl_cmd_stop, ctl_stop, "stop merging; merged pages stay" },
	{ "info", &ctl_cmd_info, ctl_info, "print the scan rate, as the ksmctl of 2008 did" },
	{ "unmerge", &ctl_cmd_unmerge, ctl_unmerge, "give every process its own pages again" },
	{ "procs", &ctl_cmd_procs, ctl_procs, "show what each process, user, unit or guest merges" },
	{ "vmas", &ctl_cmd_vmas, ctl_vmas, "show the mappings of one process" },
	{ "doctor", &ctl_cmd_doctor, ctl_doctor, "tell why nothing merges, or why it does not pay" },
	{ "engine", &ctl_cmd_engine, ctl_engine, "show which engine merges, and what it can do" },
	{ "settle", &ctl_cmd_settle, ctl_settle, "wait until merging has done its work" },
	{ "watch", &ctl_cmd_watch, ctl_watch, "show rates, one line a sample, and process events" },
	{ "save", &ctl_cmd_save, ctl_save, "write all settings to a file" },
	{ "restore", &ctl_cmd_restore, ctl_restore, "write the settings of a file" },
	{ "diff", &ctl_cmd_diff, ctl_diff, "compare a file with the settings in force" },
	{ "profile", &ctl_cmd_profile, ctl_profile, "list or apply a set of settings by name" },
	{ "dump", &ctl_cmd_dump, ctl_dump, "write what the tools read of this system to a directory" },
	{ "report", &ctl_cmd_report, ctl_report, "print one page for a ticket, without names" },
	{ "metrics", &ctl_cmd_metrics, ctl_metrics, "print all figures for a collector of metrics" },
	{ "opt-in", &ctl_cmd_opt_in, ctl_opt_in, "make a service of systemd mergeable, from its next start" },
	{ "opt-out", &ctl_cmd_opt_out, ctl_opt_out, "undo opt-in" },
};

/* The words of other tools called ksmctl; each is all of a command line. */
static const struct {
	const char *word;
	const char *command;
} aliases[] = {
	{ "-e", "start" },	 { "--enable", "start" }, { "-d", "unmerge" },
	{ "--disable", "unmerge" }, { "--pause", "stop" },   { "--status", "status" },
};

static void list_commands(FILE *out)
{
	fputs("Commands:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\nWithout a command: status.  'ksmctl help COMMAND' tells its options, which may\n"
	      "stand before it too.\n", out);
}

static const char *const synopsis[] = { "[options] [COMMAND [ARGUMENT...]]", NULL };
static const struct cli_cmd top = {
	.name = "ksmctl",
	.synopsis = synopsis,
	.about = "Control and inspect the kernel's samepage merging (KSM).",
	.common = cli_common_options,
	.see = "ksmctl(8)",
	.extra = list_commands,
};

static const struct command *command_find(const char *name)
{
	const char *known[ARRAY_SIZE(commands)], *near[3];
	struct str hint __cleanup_str = STR_INIT;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
		known[i] = commands[i].name;
	}
	n = cli_nearest(name, known, ARRAY_SIZE(known), near, ARRAY_SIZE(near));
	for (size_t i = 0; i < n; i++)
		str_addf(&hint, "%s%s", i ? ", " : " (did you mean: ", near[i]);
	if (n)
		str_addc(&hint, ')');
	cli_usage_error("%s: unknown command%s", name, str_get(&hint));
}

/* The name of the command, taken out of the line; status when there is none. */
static const char *take_name(int *argc, char **argv)
{
	const struct cli_cmd *all[ARRAY_SIZE(commands) + 1] = { NULL };

	for (size_t i = 0; *argc == 2 && i < ARRAY_SIZE(aliases); i++) {
		if (!strcmp(argv[1], aliases[i].word)) {
			*argc = 1;
			return aliases[i].command;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		all[i] = commands[i].cmd;
	return cli_opts_subcommand(argc, argv, &top, all) ?: commands[0].name;
}

/* "help" and "help COMMAND". */
static void help(int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };

	/* -q and -v mean nothing here. */
	while (cli_opts_next(&p, &top) != -1)
		;
	if (p.ind + 1 < argc)
		cli_usage_error("%s: unexpected argument", argv[p.ind + 1]);
	cli_help(p.ind < argc ? command_find(argv[p.ind])->cmd : &top, stdout);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	const struct command *cmd;
	const char *name;
	int rc;

	cli_init("ksmctl");
	name = take_name(&argc, argv);
	if (!strcmp(name, "help")) {
		help(argc, argv);
		return CLI_OK;
	}
	cmd = command_find(name);
	rc = cmd->run(&ctl, argc, argv);
	ksm_close(ctl.k);
	ksm_seq_close(ctl.seq);
	return rc;
}
