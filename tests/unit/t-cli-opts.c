// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-cli-opts.c - the option table: parsing, mistakes, help, completion list.
 *
 * A command line goes in as one string of words; what the parser returned comes
 * out as text "o=arg,v,|operand", so a row says all.
 */
#include "cli/cli.h"

#include "capture.h"
#include "tap.h"

enum { KEY_DRY_RUN = CLI_OPT_LONG, KEY_SECRET };

static const struct cli_opt own[] = {
	{ 'p', "pid", "PID", "only this process", 1, 0 },
	{ 'a', "all", NULL, "all processes", 1 | 2, 0 },
	{ 'm', "match", "REGEX",
	  "processes whose command line matches the regular expression, however long it is", 2, 0 },
	{ 'r', "report", "[FILE]", "report at the end", 0, 0 },
	{ 'R', NULL, NULL, NULL, 0, 'r' },		/* a letter that was */
	{ 'P', "process", NULL, NULL, 0, 'p' },		/* a letter and a name that were */
	{ KEY_DRY_RUN, "dry-run", NULL, "change nothing", 0, 0 },
	{ KEY_SECRET, "secret", NULL, NULL, 0, 0 },
	{ .key = CLI_KEY_TIMEOUT, .help = "give up soon" },	/* shared, with its own help */
	{ 0 },
};
static const struct cli_opt common[] = {
	{ .key = 's' },
	{ .key = 'v' },
	{ 0 },
};
static const char *const synopsis[] = { "[options] NAME...", "--all", NULL };
static const char *const bare[] = { "", NULL };

static void extra(FILE *out)
{
	fprintf(out, "Extra:\n  as the command likes\n");
}

static const struct cli_cmd cmd = {
	.name = "tool set",
	.synopsis = synopsis,
	.about = "Set what can be set.",
	.opts = own,
	.common = common,
	.see = "tool(8)",
	.extra = extra,
};
static const struct cli_cmd wrapper = {
	.name = "wrap",
	.synopsis = bare,
	.opts = own,
	.stop_at_operand = true,
	.version = "tool 7",
};

struct line {
	const struct cli_cmd *cmd;
	const char *words;
};

static void parse(void *arg)
{
	const struct line *line = arg;
	char *words = strdup(line->words), *save = NULL;
	struct cli_parse p = { 0 };
	char *argv[16] = { strdup("set") };
	int key;

	cli_init("tool");
	p.argv = argv;
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[++p.argc] = w;
	p.argc++;
	while ((key = cli_opts_next(&p, line->cmd)) != -1) {
		if (key < CLI_OPT_LONG)
			putchar(key);
		else
			printf("#%d", key - CLI_OPT_LONG);
		if (p.arg)
			printf("=%s", p.arg);
		putchar(',');
	}
	for (; p.ind < p.argc; p.ind++)
		printf("|%s", p.argv[p.ind]);
	free(argv[0]);
	free(words);
}

static void accepted(void)
{
	static const struct {
		struct line line;
		const char *want;
	} rows[] = {
		{ { &cmd, "" }, "" },
		{ { &cmd, "run 1" }, "|run|1" },
		{ { &cmd, "run -v 1 --dry-run" }, "v,#0,|run|1" },	/* options may stand last */
		{ { &cmd, "-p 1 -p2" }, "p=1,p=2," },			/* twice is fine */
		{ { &cmd, "--pid=3 --pid 4" }, "p=3,p=4," },
		{ { &cmd, "-vp5" }, "v,p=5," },
		{ { &cmd, "--dry" }, "#0," },				/* abbreviated */
		{ { &cmd, "-r -v" }, "r,v," },				/* optional: none */
		{ { &cmd, "-rfile --report=f2 --report f3" }, "r=file,r=f2,r,|f3" },
		{ { &cmd, "-r=file" }, "r=file," },			/* as --report=file */
		{ { &cmd, "-Rfile -R=file -R" }, "r=file,r=file,r," },	/* what an old one means */
		{ { &cmd, "-P 1 --process=2" }, "p=1,p=2," },
		{ { &cmd, "-p=1" }, "p==1," },				/* needed: taken as it is */
		{ { &cmd, "--timeout 1" }, "#68=1," },			/* of the shared table */
		{ { &cmd, "-- -v --all" }, "|-v|--all" },
		{ { &cmd, "--secret" }, "#1," },			/* hidden, not forbidden */
		{ { &wrapper, "-a cmd -v --help" }, "a,|cmd|-v|--help" },
		{ { &wrapper, "-- cmd -a" }, "|cmd|-a" },
		{ { &cmd, "-" }, "|-" },				/* a file name by custom */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct line line = rows[i].line;
		__cleanup_captured struct captured c = capture(parse, &line, -1);

		tap_row("\"%s\"", line.words);
		CHECK_STR(str_get(&c.out), rows[i].want);
		CHECK_STR(str_get(&c.err), "");
		CHECK_INT(c.status, 0);
	}
}

static void refused(void)
{
	static const struct {
		struct line line;
		const char *want;
	} rows[] = {
		{ { &cmd, "-x" }, "unknown option '-x'" },
		{ { &cmd, "-vx" }, "unknown option '-x'" },
		{ { &cmd, "--zzzzzz" }, "unknown option '--zzzzzz'" },
		{ { &cmd, "--dry-rnu=5" }, "unknown option '--dry-rnu' (did you mean --dry-run?)" },
		{ { &cmd, "--sekret" }, "unknown option '--sekret'" },	/* hidden: not suggested */
		{ { &cmd, "--ver" }, "option '--ver' is ambiguous" },	/* verbose, version */
		{ { &cmd, "-p" }, "option '--pid' needs an argument (PID)" },
		{ { &cmd, "--pid" }, "option '--pid' needs an argument (PID)" },
		{ { &cmd, "--all=1" }, "option '--all' takes no argument" },
		{ { &cmd, "--dry-run=1" }, "option '--dry-run' takes no argument" },
		{ { &cmd, "--list-options=1" }, "option '--list-options' takes no argument" },
		{ { &cmd, "-p 1 -a" }, "--pid and --all exclude each other" },
		{ { &cmd, "-P 1 -a" }, "--pid and --all exclude each other" },
		{ { &cmd, "--process" }, "option '--process' needs an argument (PID)" },
		{ { &cmd, "--timeout" }, "option '--timeout' needs an argument (TIME)" },
		{ { &cmd, "-a -m x" }, "--all and --match exclude each other" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct line line = rows[i].line;
		__cleanup_captured struct captured c = capture(parse, &line, -1);
		__cleanup_str struct str want = STR_INIT;

		tap_row("\"%s\"", line.words);
		str_addf(&want, "tool: %s\nTry 'tool set --help' for more information.\n",
			 rows[i].want);
		CHECK_STR(str_get(&c.err), str_get(&want));
		CHECK_INT(c.status, CLI_USAGE);
	}
	/* -p and -m do not share a bit. */
	{
		struct line line = { &cmd, "-p 1 -m x" };
		__cleanup_captured struct captured c = capture(parse, &line, -1);

		tap_row("compatible");
		CHECK_STR(str_get(&c.out), "p=1,m=x,");
	}
}

static void help(void)
{
	struct line line = { &cmd, "-v --help" };
	__cleanup_captured struct captured c = capture(parse, &line, -1);

	CHECK_INT(c.status, 0);
	CHECK_STR(str_get(&c.err), "");
	CHECK(strstr(str_get(&c.out),
		     "Usage:\n"
		     " tool set [options] NAME...\n"
		     " tool set --all\n"
		     "\n"
		     "Set what can be set.\n"
		     "\n"
		     "Options:\n"
		     " -p, --pid PID        only this process\n"
		     " -a, --all            all processes\n"
		     " -m, --match REGEX    processes whose command line matches the regular\n"
		     "                      expression, however long it is\n"
		     " -r, --report[=FILE]  report at the end\n"
		     "     --dry-run        change nothing\n"
		     "     --timeout TIME   give up soon\n"
		     " -s, --sysroot DIR    read the dump of another system in DIR\n"
		     " -v, --verbose        say more\n"
		     "\n"
		     " -h, --help           show this help\n"
		     " -V, --version        show the version\n"
		     "\n"
		     "Extra:\n"
		     "  as the command likes\n"
		     "\n"
		     "For more details see tool(8).\n"));
	if (tap.failed)
		printf("# got:\n%s", str_get(&c.out));
}

static void lists(void)
{
	struct line list = { &cmd, "--list-options" }, version = { &wrapper, "-V" },
		    package = { &cmd, "-V" }, usage = { &wrapper, "-h" };
	__cleanup_captured struct captured l = capture(parse, &list, -1);
	__cleanup_captured struct captured v = capture(parse, &version, -1);
	__cleanup_captured struct captured p = capture(parse, &package, -1);
	__cleanup_captured struct captured u = capture(parse, &usage, -1);

	CHECK_STR(str_get(&l.out), "-p --pid PID\n"
				   "-a --all\n"
				   "-m --match REGEX\n"
				   "-r --report[=FILE]\n"
				   "--dry-run\n"
				   "--timeout TIME\n"
				   "-s --sysroot DIR\n"
				   "-v --verbose\n"
				   "-h --help\n"
				   "-V --version\n");
	CHECK_STR(str_get(&v.out), "tool (tool 7)\n");
	CHECK_STR(str_get(&p.out), "tool (" PACKAGE_STRING ")\n");
	CHECK(!strncmp(str_get(&u.out), "Usage:\n wrap\n\nOptions:\n", 23));
}

/* The name of a command goes out of a line, wherever it stands. */
static void take_name(void *arg)
{
	static const struct cli_opt get_opts[] = {
		{ 'J', "json", NULL, "print JSON", 0, 0 },
		{ KEY_DRY_RUN, "columns", "LIST", "columns", 0, 0 },
		{ 0 },
	};
	static const struct cli_cmd get = { .name = "tool get", .opts = get_opts };
	static const struct cli_cmd top = { .name = "tool", .synopsis = bare, .common = common };
	const struct cli_cmd *const all[] = { &cmd, &get, NULL };
	char *words = strdup(arg), *save = NULL, *argv[16] = { strdup("tool") };
	const char *name;
	int argc = 1;

	cli_init("tool");
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	name = cli_opts_subcommand(&argc, argv, &top, all);
	printf("%s:", name ? name : "");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	CHECK(!argv[argc]);
	free(argv[0]);
	free(words);
}

static void subcommands(void)
{
	static const struct {
		const char *words, *out, *err;
	} rows[] = {
		{ "", ":", "" },
		{ "get run", "get: run", "" },
		{ "get -J run", "get: -J run", "" },
		{ "-J get run", "get: -J run", "" },
		{ "-p 1 -v set -a", "set: -p 1 -v -a", "" },	/* an argument is no name */
		{ "-vp set get", "get: -vp set", "" },
		{ "--pid set get", "get: --pid set", "" },
		{ "--columns=get set", "set: --columns=get", "" },
		/* Its key is that of --dry-run of another command. */
		{ "--columns get set", "set: --columns get", "" },
		{ "--dry-run get", "get: --dry-run", "" },
		{ "-P set get", "get: -P set", "" },		/* old spellings as well */
		{ "-R set", "set: -R", "" },
		{ "--timeout 1 set", "set: --timeout 1", "" },
		{ "-J -- get run", "get: -J run", "" },
		{ "--columns -- get run", "get: --columns -- run", "" },
		{ "get -- -J", "get: -- -J", "" },
		{ "-J", ": -J", "" },
		{ "-x get", "",
		  "tool: unknown option '-x'\nTry 'tool --help' for more information.\n" },
		{ "--pid", "",
		  "tool: option '--pid' needs an argument (PID)\n"
		  "Try 'tool --help' for more information.\n" },
		{ "-J --list-options get", "-s --sysroot DIR\n-v --verbose\n-h --help\n-V --version\n",
		  "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *words = strdup(rows[i].words);
		__cleanup_captured struct captured c = capture(take_name, words, -1);

		tap_row("\"%s\"", rows[i].words);
		CHECK_STR(str_get(&c.out), rows[i].out);
		CHECK_STR(str_get(&c.err), rows[i].err);
		CHECK_INT(c.status, *rows[i].err ? CLI_USAGE : 0);
		free(words);
	}
}

static void nearest(void)
{
	static const char *const known[] = { "run", "pages_shared", "pages_sharing",
					     "pages_to_scan", "sleep_millisecs",
					     "max_page_sharing" };
	static const struct {
		const char *typed;
		const char *want;
	} rows[] = {
		{ "rnu", "run" },			/* neighbours exchanged: one slip */
		{ "RUN", "run" },
		{ "pages_sharign", "pages_sharing,pages_shared" },	/* nearest first */
		{ "sharing", "pages_sharing,max_page_sharing" },	/* part of a name */
		{ "sleep_milisecs", "sleep_millisecs" },
		{ "xyzzy", "" },
		{ "", "" },
		{ "ru", "run" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		__cleanup_str struct str got = STR_INIT;
		const char *out[3];
		size_t n = cli_nearest(rows[i].typed, known, ARRAY_SIZE(known), out, 2);

		tap_row("\"%s\"", rows[i].typed);
		for (size_t k = 0; k < n; k++)
			str_addf(&got, "%s%s", k ? "," : "", out[k]);
		CHECK_STR(str_get(&got), rows[i].want);
	}
}

TAP_MAIN(TAP_CASE(accepted), TAP_CASE(refused), TAP_CASE(help), TAP_CASE(lists),
	 TAP_CASE(subcommands), TAP_CASE(nearest))
