// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-cli-msg.c - messages, exit codes, and output that could not be written.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "capture.h"
#include "tap.h"

static void say_all(void *arg)
{
	cli_init("tool");
	cli_set_verbosity(*(int *)arg);
	cli_error(-EACCES, "run: cannot set to %d", 1);
	cli_error(0, "plain");
	cli_warn(-ENOENT, "careful");
	cli_note("by the way");
	cli_log("open\tx: -2");
	cli_die(CLI_UNSUPPORTED, -ENOSYS, "gone");
}

static void levels(void)
{
#define LOGGED "open\\x09x: -2\n"
#define ERRORS "tool: run: cannot set to 1: Permission denied\ntool: plain\n"
#define GONE "tool: gone: Function not implemented\n"
#define WARNING "tool: warning: careful: No such file or directory\n"
	static const struct {
		int level;
		const char *want;
	} rows[] = {
		{ -1, ERRORS LOGGED GONE },
		{ 0, ERRORS WARNING LOGGED GONE },
		{ 1, ERRORS WARNING "tool: by the way\n" LOGGED GONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int level = rows[i].level;
		__cleanup_captured struct captured c = capture(say_all, &level, -1);

		tap_row("%d", level);
		CHECK_INT(c.status, CLI_UNSUPPORTED);
		CHECK_STR(str_get(&c.err), rows[i].want);
		CHECK_STR(str_get(&c.out), "");
	}
}

static void say_hostile(void *arg)
{
	cli_init("tool");
	cli_die(CLI_FAIL, 0, "%s", (const char *)arg);
}

static void hostile_text(void)
{
	char name[] = "a\033[2J\nb";
	__cleanup_captured struct captured c = capture(say_hostile, name, -1);

	CHECK_STR(str_get(&c.err), "tool: a\\x1b[2J\\x0ab\n");
}

static void give_back(void)
{
	cli_error(0, "given back");
}

static void die_last(void *arg)
{
	cli_init("tool");
	cli_set_last_act(give_back);
	if (arg)
		cli_set_last_act(NULL);
	cli_die(CLI_FAIL, 0, "gone");
}

/* Before the message: it would be wiped away with the screen. */
static void last_act(void)
{
	char not_null = 0;
	__cleanup_captured struct captured c = capture(die_last, NULL, -1);
	__cleanup_captured struct captured d = capture(die_last, &not_null, -1);

	CHECK_STR(str_get(&c.err), "tool: given back\ntool: gone\n");
	CHECK_STR(str_get(&d.err), "tool: gone\n");
}

static void misuse(void *arg)
{
	cli_init("tool");
	if (arg)
		cli_set_usage_code(CLI_WRAP_FAIL);
	cli_usage_error("unknown option '%s'", "--x");
}

static void usage_errors(void)
{
	int wrapping = 1;
	__cleanup_captured struct captured c = capture(misuse, NULL, -1);
	__cleanup_captured struct captured w = capture(misuse, &wrapping, -1);

	CHECK_INT(c.status, CLI_USAGE);
	CHECK_STR(str_get(&c.err),
		  "tool: unknown option '--x'\nTry 'tool --help' for more information.\n");
	CHECK_STR(str_get(&c.out), "");
	CHECK_INT(w.status, CLI_WRAP_FAIL);
}

/* stdout and stderr in one file: what was printed first stands first. */
static void print_then_fail(void *arg)
{
	(void)arg;
	cli_init("tool");
	dup2(STDOUT_FILENO, STDERR_FILENO);
	printf("first\n");
	cli_die(CLI_FAIL, 0, "second");
}

static void order(void)
{
	__cleanup_captured struct captured c = capture(print_then_fail, NULL, -1);

	CHECK_STR(str_get(&c.out), "first\ntool: second\n");
	CHECK_INT(c.status, CLI_FAIL);
}

struct output {
	size_t len;
	int code;		/* of cli_set_write_failure(), 0: not called */
	bool ignore_pipe;
};

static void print_much(void *arg)
{
	const struct output *o = arg;

	cli_init("tool");
	signal(SIGPIPE, o->ignore_pipe ? SIG_IGN : SIG_DFL);
	if (o->code)
		cli_set_write_failure(o->code);
	for (size_t i = 0; i < o->len; i++)
		putchar('x');
}

static void full_disk(void)
{
	/* One byte fails at exit; a megabyte fails midway. */
	static const struct output rows[] = { { 1, 0, false }, { 1 << 20, 0, false },
					      { 1, CLI_WRAP_FAIL, false } };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0) {
		tap_skip("no /dev/full");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct output o = rows[i];
		__cleanup_captured struct captured c = capture(print_much, &o, full);

		tap_row("%zu", i);
		CHECK_INT(c.status, o.code ? o.code : CLI_FAIL);
		CHECK_STR(str_get(&c.err), "tool: standard output: cannot write: "
					   "No space left on device\n");
	}
	close(full);
}

static void closed_pipe(void)
{
	struct output killed = { 1 << 20, 0, false }, told = { 1 << 20, 0, true };
	int p[2];

	if (!CHECK(!pipe(p)))
		return;
	close(p[0]);
	{
		__cleanup_captured struct captured c = capture(print_much, &killed, p[1]);

		tap_row("default");
		CHECK_INT(c.status, 128 + SIGPIPE);
		CHECK_STR(str_get(&c.err), "");
	}
	{
		__cleanup_captured struct captured c = capture(print_much, &told, p[1]);

		tap_row("ignored");
		CHECK_INT(c.status, CLI_FAIL);
		CHECK_STR(str_get(&c.err),
			  "tool: standard output: cannot write: Broken pipe\n");
	}
	close(p[1]);
}

static void print_closed(void *arg)
{
	const struct output *o = arg;

	close(STDOUT_FILENO);
	print_much(arg);
	exit(o->len ? 0 : 42);
}

/* "tool >&-": an error only for a tool that has something to print. */
static void no_stdout(void)
{
	struct output nothing = { 0, 0, false }, something = { 1, 0, false };
	__cleanup_captured struct captured n = capture(print_closed, &nothing, -1);
	__cleanup_captured struct captured s = capture(print_closed, &something, -1);

	CHECK_INT(n.status, 42);
	CHECK_STR(str_get(&n.err), "");
	CHECK_INT(s.status, CLI_FAIL);
	CHECK_STR(str_get(&s.err), "tool: standard output: cannot write: Bad file descriptor\n");
}

static void width(void)
{
	static const struct {
		const char *columns;
		int want;
	} rows[] = {
		{ NULL, 80 }, { "132", 132 }, { "0", 80 }, { "-5", 80 }, { "99999999999", 80 },
		{ "abc", 80 },
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].columns ? rows[i].columns : "unset");
		if (rows[i].columns)
			setenv("COLUMNS", rows[i].columns, 1);
		else
			unsetenv("COLUMNS");
		CHECK_INT(cli_width(null), rows[i].want);
	}
	close(null);
	/* Not a terminal: never coloured. */
	CHECK(!cli_color() || isatty(STDOUT_FILENO));
}

int main(void)
{
	static const struct tap_case cases[] = {
		TAP_CASE(levels),    TAP_CASE(hostile_text), TAP_CASE(last_act),
		TAP_CASE(usage_errors), TAP_CASE(order),     TAP_CASE(full_disk),
		TAP_CASE(closed_pipe), TAP_CASE(no_stdout),  TAP_CASE(width),
	};

	/* The reasons are compared as the C locale words them. */
	setenv("LC_ALL", "C", 1);
	return tap_run(cases, ARRAY_SIZE(cases));
}
