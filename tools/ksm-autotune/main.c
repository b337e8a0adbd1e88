// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksm-autotune: options and verbs.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ksm-autotune/autotune.h"
#include "util/num.h"

static const struct cli_opt opts[] = {
	{ 'n', "dry-run", NULL, "change nothing: say what would be done", 0, 0 },
	{ 'C', "config", "FILE", "this file, and no other", 0, 0 },
	{ 'c', "count", "N", "end after N looks", 0, 0 },
	{ 0 },
};

static const char *const synopsis[] = { "[options] [run]", "[options] check-config", NULL };
static const struct cli_cmd cmd = {
	.name = "ksm-autotune",
	.synopsis = synopsis,
	.about = "Decide whether, whom and how fast to merge, and say why.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksm-autotune(8)",
};

static void on_tell(const char *text, void *arg __unused)
{
	cli_log(text);
}

static int check_config(const struct auto_args *a)
{
	struct str text __cleanup_str = STR_INIT;
	struct tune_config c;
	int rc = auto_config_load(a, &c);

	if (rc)
		return rc;
	tune_config_print(&c, &text);
	fputs(str_get(&text), stdout);
	tune_config_fini(&c);
	return CLI_OK;
}

static int run(const struct auto_args *a)
{
	struct tune t = { .dry = a->dry, .tell = on_tell };
	int rc = auto_config_load(a, &t.cfg);

	if (rc)
		return rc;
	rc = tune_open(&t);
	if (rc)
		cli_die(CLI_FAIL, rc, "cannot begin");
	rc = auto_run(a, &t);
	tune_close(&t);
	tune_config_fini(&t.cfg);
	return rc;
}

int main(int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct auto_args a = { 0 };
	const char *verb = "run";
	int key;

	cli_init("ksm-autotune");
	while ((key = cli_opts_next(&p, &cmd)) != -1)
		switch (key) {
		case 'n':
			a.dry = true;
			break;
		case 'C':
			a.config = p.arg;
			break;
		case 'c':
			if (num_u64(p.arg, &a.count) || !a.count)
				cli_usage_error("--count: %s: not a number of looks", p.arg);
			break;
		default:
			cli_common_option(key, p.arg, NULL);
		}
	if (p.ind < argc)
		verb = argv[p.ind++];
	if (p.ind < argc)
		cli_usage_error("%s: unexpected argument", argv[p.ind]);
	if (!strcmp(verb, "run"))
		return run(&a);
	if (!strcmp(verb, "check-config"))
		return check_config(&a);
	cli_usage_error("%s: unknown verb", verb);
}
