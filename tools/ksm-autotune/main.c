// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksm-autotune: the table of verbs, and dispatch.
 */
#include <stdio.h>
#include <string.h>

#include "ksm-autotune/autotune.h"

static const struct verb {
	const char *name;
	const struct cli_cmd *cmd;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "run", &auto_cmd_run, auto_verb_run, "be the daemon, in the foreground" },
	{ "explain", &auto_cmd_explain, auto_verb_explain, "say what is decided now, and why" },
	{ "status", &auto_cmd_status, auto_verb_status, "show what the daemon sees, decides and did" },
	{ "verify", &auto_cmd_verify, auto_verb_verify, "are the settings as the daemon wants them?" },
	{ "kick", &auto_cmd_kick, auto_verb_kick, "have it scan fast until settled" },
	{ "replay", &auto_cmd_replay, auto_verb_replay, "decide about what was recorded" },
	{ "restore", &auto_cmd_restore, auto_verb_restore, "put back what a killed daemon found" },
	{ "check-config", &auto_cmd_check, auto_verb_check, "print the configuration, or its mistakes" },
};

static void list_verbs(FILE *out)
{
	fputs("Verbs:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	fputs("\nWithout a verb: run.  'ksm-autotune help VERB' tells its options, which may\n"
	      "stand before it too.\n", out);
}

static const char *const synopsis[] = { "[options] [VERB]", NULL };
static const struct cli_cmd top = {
	.name = "ksm-autotune",
	.synopsis = synopsis,
	.about = "Decide whether, whom and how fast to merge, and say why.",
	.common = cli_common_options,
	.see = "ksm-autotune(8)",
	.extra = list_verbs,
};

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	cli_usage_error("%s: unknown verb", name);
}

static int help(int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };

	while (cli_opts_next(&p, &top) != -1)
		;
	if (p.ind + 1 < argc)
		cli_usage_error("%s: unexpected argument", argv[p.ind + 1]);
	cli_help(p.ind < argc ? find(argv[p.ind])->cmd : &top, stdout);
	return CLI_OK;
}

int main(int argc, char **argv)
{
	const struct cli_cmd *all[ARRAY_SIZE(verbs) + 1] = { NULL };
	const char *name;

	cli_init("ksm-autotune");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		all[i] = verbs[i].cmd;
	name = cli_opts_subcommand(&argc, argv, &top, all) ?: verbs[0].name;
	if (!strcmp(name, "help"))
		return help(argc, argv);
	return find(name)->run(argc, argv);
}
