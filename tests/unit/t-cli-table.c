// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-cli-table.c - one table in four formats, with every state a cell can have.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>

#include "capture.h"
#include "tap.h"

struct row {
	int pid;
	const char *name;
	int64_t profit;
	double ratio;
	enum cli_state state;	/* of PROFIT */
};

static void get_pid(const void *row, struct cli_cell *out)
{
	out->state = CLI_VALUE;
	out->num = ((const struct row *)row)->pid;
}

static void get_name(const void *row, struct cli_cell *out)
{
	static char buf[64];

	/* A buffer used again and again, as the contract allows a getter. */
	out->state = CLI_VALUE;
	if (!((const struct row *)row)->name)
		return;
	snprintf(buf, sizeof(buf), "%s", ((const struct row *)row)->name);
	out->str = buf;
}

static void get_profit(const void *row, struct cli_cell *out)
{
	const struct row *r = row;

	out->state = r->state;
	out->num = r->profit;
	out->alarm = r->profit < 0;
}

static void get_ratio(const void *row, struct cli_cell *out)
{
	out->state = CLI_VALUE;
	out->real = ((const struct row *)row)->ratio;
	out->decimals = 1;
}

static void get_any(const void *row, struct cli_cell *out)
{
	out->state = CLI_VALUE;
	out->num = ((const struct row *)row)->pid & 1;
}

static const struct cli_col cols[] = {
	{ "PID", "process id", CLI_NUM, 0, false, false, false, get_pid, false, false },
	{ "PROFIT", "saved less what it costs", CLI_BYTES, 0, false, false, false, get_profit, false, false },
	{ "RATIO", "sharing to shared", CLI_FLOAT, 0, false, false, true, get_ratio, false, false },
	{ "ANY", "merge-any is set", CLI_BOOL, 0, false, false, true, get_any, false, false },
	{ "COMMAND", "command name", CLI_STR, 0, true, false, false, get_name, false, false },
	{ 0 },
};
static const struct row data[] = {
	{ 11, "qemu", 1536, 2.25, CLI_VALUE },
	{ 2, "a \"b\", c", -340 * 1024, 0, CLI_VALUE },
	{ 3, "x\033[2J\n\\", 0, 10, CLI_DENIED },
	{ 4, "", 0, 1, CLI_ABSENT },
	{ 5, NULL, 0, 1, CLI_OFF },
};

static void print(void *arg)
{
	const void *rows[ARRAY_SIZE(data)];

	cli_init("tool");
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		rows[i] = &data[i];
	exit(cli_table_print("procs", cols, rows, ARRAY_SIZE(data), arg) ? CLI_FAIL : CLI_OK);
}

static void check(struct cli_table_opts opts, const char *want)
{
	__cleanup_captured struct captured c = capture(print, &opts, -1);

	CHECK_STR(str_get(&c.out), want);
	CHECK_STR(str_get(&c.err), "");
	CHECK_INT(c.status, 0);
}

static void text(void)
{
	check((struct cli_table_opts){ 0 },
	      "PID   PROFIT COMMAND\n"
	      " 11  1.5 KiB qemu\n"
	      "  2 -340 KiB a \"b\", c\n"
	      "  3   denied x\\x1b[2J\\x0a\\\n"
	      "  4        - \n"
	      "  5      off -\n");
	tap_row("bytes, no headings");
	check((struct cli_table_opts){ .bytes = true, .noheadings = true, .columns = "profit" },
	      "   1536\n-348160\n denied\n      -\n    off\n");
	tap_row("chosen columns");
	check((struct cli_table_opts){ .columns = "any,pid,ANY" },
	      "ANY PID\nyes  11\nno    2\nyes   3\nno    4\nyes   5\n");
	tap_row("added columns");
	check((struct cli_table_opts){ .columns = "+ratio,pid", .noheadings = true },
	      " 11  1.5 KiB qemu            2.2\n"
	      "  2 -340 KiB a \"b\", c        0.0\n"
	      "  3   denied x\\x1b[2J\\x0a\\  10.0\n"
	      "  4        -                 1.0\n"
	      "  5      off -               1.0\n");
}

static void raw(void)
{
	check((struct cli_table_opts){ .format = CLI_RAW },
	      "PID PROFIT COMMAND\n"
	      "11 1536 qemu\n"
	      "2 -348160 a\\x20\"b\",\\x20c\n"
	      "3 denied x\\x1b[2J\\x0a\\\n"
	      "4 - \"\"\n"
	      "5 off -\n");
}

static void csv(void)
{
	check((struct cli_table_opts){ .format = CLI_CSV, .all_columns = true },
	      "pid,profit,ratio,any,command\n"
	      "11,1536,2.2,yes,qemu\n"
	      "2,-348160,0.0,no,\"a \"\"b\"\", c\"\n"
	      "3,,10.0,yes,x\\x1b[2J\\x0a\\\n"
	      "4,,1.0,no,\"\"\n"
	      "5,,1.0,yes,\n");
	tap_row("no headings");
	check((struct cli_table_opts){ .format = CLI_CSV, .noheadings = true, .columns = "pid" },
	      "11\n2\n3\n4\n5\n");
}

static void json(void)
{
	check((struct cli_table_opts){ .format = CLI_JSON, .all_columns = true, .sort = "-pid" },
	      "{\n"
	      "   \"procs\": [\n"
	      "      {\n"
	      "         \"pid\": 11,\n"
	      "         \"profit\": 1536,\n"
	      "         \"ratio\": 2.2,\n"
	      "         \"any\": true,\n"
	      "         \"command\": \"qemu\"\n"
	      "      },\n"
	      "      {\n"
	      "         \"pid\": 5,\n"
	      "         \"profit\": null,\n"
	      "         \"ratio\": 1.0,\n"
	      "         \"any\": true,\n"
	      "         \"command\": null\n"
	      "      },\n"
	      "      {\n"
	      "         \"pid\": 4,\n"
	      "         \"profit\": null,\n"
	      "         \"ratio\": 1.0,\n"
	      "         \"any\": false,\n"
	      "         \"command\": \"\"\n"
	      "      },\n"
	      "      {\n"
	      "         \"pid\": 3,\n"
	      "         \"profit\": null,\n"
	      "         \"ratio\": 10.0,\n"
	      "         \"any\": true,\n"
	      "         \"command\": \"x\\u001b[2J\\n\\\\\"\n"
	      "      },\n"
	      "      {\n"
	      "         \"pid\": 2,\n"
	      "         \"profit\": -348160,\n"
	      "         \"ratio\": 0.0,\n"
	      "         \"any\": false,\n"
	      "         \"command\": \"a \\\"b\\\", c\"\n"
	      "      }\n"
	      "   ]\n"
	      "}\n");
}

/* What is not known comes last whichever way the rest is sorted. */
static void sorting(void)
{
	static const struct {
		const char *sort;
		const char *want;
	} rows[] = {
		{ "pid", "2\n3\n4\n5\n11\n" },			/* by number, not by letters */
		{ "-PID", "11\n5\n4\n3\n2\n" },
		{ "profit", "2\n11\n3\n4\n5\n" },
		{ "-profit", "11\n2\n3\n4\n5\n" },
		{ "+command", "4\n2\n11\n3\n5\n" },
		{ "-ratio", "3\n11\n4\n5\n2\n" },			/* a stable sort */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].sort);
		check((struct cli_table_opts){ .format = CLI_RAW, .noheadings = true,
					       .columns = "pid", .sort = rows[i].sort },
		      rows[i].want);
	}
}

static void print_none(void *arg)
{
	cli_init("tool");
	exit(cli_table_print("procs", cols, NULL, 0, arg) ? CLI_FAIL : CLI_OK);
}

static void no_rows(void)
{
	static const struct {
		struct cli_table_opts opts;
		const char *want;
	} rows[] = {
		{ { 0 }, "PID PROFIT COMMAND\n" },
		{ { .noheadings = true }, "" },
		{ { .format = CLI_RAW }, "PID PROFIT COMMAND\n" },
		{ { .format = CLI_CSV, .sort = "pid" }, "pid,profit,command\n" },
		{ { .format = CLI_JSON }, "{\n   \"procs\": []\n}\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cli_table_opts opts = rows[i].opts;
		__cleanup_captured struct captured c = capture(print_none, &opts, -1);

		tap_row("%zu", i);
		CHECK_STR(str_get(&c.out), rows[i].want);
		CHECK_INT(c.status, 0);
	}
}

static void check_only(void *arg)
{
	cli_init("tool");
	cli_table_check(cols, arg);
}

static void mistakes(void)
{
	static const struct cli_table_opts rows[] = {
		{ .columns = "pid,foo" }, { .columns = "+foo" }, { .sort = "-foo" },
		{ .columns = "foo,,pid" }, { .columns = "pid", .sort = "foo" },
	};
	struct cli_table_opts good = { .columns = "+any,pid", .sort = "-ratio" };
	struct cli_table_opts gap = { .columns = "pid,", .sort = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cli_table_opts opts = rows[i];
		__cleanup_captured struct captured c = capture(check_only, &opts, -1);

		tap_row("%zu", i);
		CHECK_INT(c.status, CLI_USAGE);
		CHECK_STR(str_get(&c.err), "tool: unknown column 'foo' "
					   "(known: PID, PROFIT, RATIO, ANY, COMMAND)\n"
					   "Try 'tool --help' for more information.\n");
	}
	{
		__cleanup_captured struct captured c = capture(check_only, &gap, -1);

		tap_row("gap");
		CHECK_INT(c.status, CLI_USAGE);
	}
	{
		__cleanup_captured struct captured c = capture(check_only, &good, -1);

		tap_row("good");
		CHECK_INT(c.status, 0);
	}
}

/* Every format notices that the disk is full, and says so once. */
static void full_disk(void)
{
	static const enum cli_format formats[] = { CLI_TEXT, CLI_RAW, CLI_JSON, CLI_CSV };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0) {
		tap_skip("no /dev/full");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct cli_table_opts opts = { .format = formats[i] };
		__cleanup_captured struct captured c = capture(print, &opts, full);

		tap_row("format %d", formats[i]);
		CHECK_INT(c.status, CLI_FAIL);
		CHECK_STR(str_get(&c.err), "tool: standard output: cannot write: "
					   "No space left on device\n");
	}
	close(full);
}

static void options(void)
{
	struct cli_table_opts o = { 0 };

	CHECK(cli_table_option('o', "a", &o));
	CHECK(cli_table_option(CLI_KEY_SORT, "b", &o));
	CHECK(cli_table_option(CLI_KEY_OUTPUT_ALL, NULL, &o));
	CHECK(cli_table_option('b', NULL, &o));
	CHECK(cli_table_option('n', NULL, &o));
	CHECK_STR(o.columns, "a");
	CHECK_STR(o.sort, "b");
	CHECK(o.all_columns && o.bytes && o.noheadings && o.format == CLI_TEXT);
	CHECK(cli_table_option('J', NULL, &o) && o.format == CLI_JSON);
	CHECK(cli_table_option('r', NULL, &o) && o.format == CLI_RAW);
	CHECK(cli_table_option(CLI_KEY_CSV, NULL, &o) && o.format == CLI_CSV);
	CHECK(!cli_table_option('x', NULL, &o));
	/* Each row of the table is understood. */
	for (const struct cli_opt *c = cli_table_options; c->key; c++)
		CHECK(cli_table_option(c->key, "x", &o));
}

static void get_address(const void *row, struct cli_cell *out)
{
	out->num = (int64_t) * (const uint64_t *)row;
}

static void print_addresses(void *arg)
{
	/* One that is negative as a number; and two that are in another order as texts. */
	static const uint64_t at[] = { 0xffffffffff600000, 0x10000, 0x9000 };
	static const struct cli_col one[] = {
		{ .name = "START", .help = "address", .kind = CLI_ADDRESS, .get = get_address },
		{ 0 },
	};
	const void *rows[ARRAY_SIZE(at)];

	cli_init("tool");
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		rows[i] = &at[i];
	exit(cli_table_print("at", one, rows, ARRAY_SIZE(at), arg) ? CLI_FAIL : CLI_OK);
}

static void addresses(void)
{
	static const struct {
		struct cli_table_opts opts;
		const char *want;
	} rows[] = {
		{ { 0 }, "START\n0xffffffffff600000\n0x10000\n0x9000\n" },
		{ { .format = CLI_CSV, .bytes = true },
		  "start\n0xffffffffff600000\n0x10000\n0x9000\n" },
		{ { .format = CLI_RAW, .sort = "-start", .noheadings = true },
		  "0xffffffffff600000\n0x10000\n0x9000\n" },
		{ { .format = CLI_RAW, .sort = "start", .noheadings = true },
		  "0x9000\n0x10000\n0xffffffffff600000\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cli_table_opts opts = rows[i].opts;
		__cleanup_captured struct captured c = capture(print_addresses, &opts, -1);

		tap_row("%zu", i);
		CHECK_STR(str_get(&c.out), rows[i].want);
		CHECK_STR(str_get(&c.err), "");
	}
}

int main(void)
{
	static const struct tap_case cases[] = {
		TAP_CASE(text),	    TAP_CASE(raw),	TAP_CASE(csv),	TAP_CASE(json),
		TAP_CASE(sorting),  TAP_CASE(no_rows), TAP_CASE(mistakes),
		TAP_CASE(full_disk), TAP_CASE(options), TAP_CASE(addresses),
	};

	setenv("LC_ALL", "C", 1);
	return tap_run(cases, ARRAY_SIZE(cases));
}
