// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shared.c - the options that the tools have in common, each declared once.
 *
 * A command picks one by its key alone, so a letter cannot mean one thing in one
 * tool and another in the next.  ksm-tools(7) shows the same table; cli/docs.bats
 * compares the two, and cli/options.bats asks every command.
 *
 * One letter has two meanings, because the habits of its users are older than this
 * table: -b is --bytes, and in ksmtop --batch, as in top(1) and iotop(8).
 */
#include "cli/internal.h"

#include <errno.h>

static const struct cli_opt shared[] = {
	/* which processes */
	{ 'p', "pid", "PID[,PID...]", "only these processes", 0, 0 },
	{ 'u', "user", "NAME", "only processes of this user", 0, 0 },
	{ CLI_KEY_MATCH, "match", "REGEX", "only processes whose command line matches", 0, 0 },
	{ CLI_KEY_CGROUP, "cgroup", "PATH", "only processes in this control group or below it",
	  0, 0 },
	{ CLI_KEY_TREE, "tree", NULL, "also all descendants of these processes", 0, 0 },
	{ 'a', "all", NULL, "also processes without mergeable memory", 0, 0 },
	{ 'M', "mergeable", NULL, "only memory that is mergeable now", 0, 0 },
	{ CLI_KEY_BY, "by", "GROUP", "one row for each comm, user, cgroup, unit, vm, container, pod or "
	  "namespace", 0, 0 },
	/* when */
	{ 'i', "interval", "TIME", "time between samples (default: 1 second)", 0, 0 },
	{ 'c', "count", "N", "end after N samples", 0, 0 },
	{ CLI_KEY_TIMEOUT, "timeout", "TIME", "give up after TIME (exit status 1)", 0, 0 },
	/* what is written */
	{ 'N', "dry-run", NULL, "print what would be written, and write nothing", 0, 0 },
	{ 'f', "force", NULL, "go on even when there is not enough memory", 0, 0 },
	/* what is printed */
	{ 'o', "output", "LIST", "columns to print; +LIST adds to the default ones", 0, 0 },
	{ CLI_KEY_OUTPUT_ALL, "output-all", NULL, "print all columns", 0, 0 },
	{ CLI_KEY_SORT, "sort", "COLUMN", "sort by a column; -COLUMN: largest first", 0, 0 },
	{ 'b', "bytes", NULL, "print sizes in bytes", 0, 0 },
	{ 'n', "noheadings", NULL, "print no headings", 0, 0 },
	{ 'J', "json", NULL, "print JSON", 0, 0 },
	{ 'r', "raw", NULL, "print words separated by single blanks", 0, 0 },
	{ CLI_KEY_CSV, "csv", NULL, "print comma-separated values", 0, 0 },
	/* of every command */
	{ 's', "sysroot", "DIR", "read the dump of another system in DIR", 0, 0 },
	{ 'q', "quiet", NULL, "print errors only", 0, 0 },
	{ 'v', "verbose", NULL, "say more", 0, 0 },
	{ 'h', "help", NULL, "show this help", 0, 0 },
	{ 'V', "version", NULL, "show the version", 0, 0 },
	{ 0 },
};

const struct cli_opt cli_common_options[] = {
	{ .key = 's' },
	{ .key = 'q' },
	{ .key = 'v' },
	{ 0 },
};

const struct cli_opt *cli_shared_option(int key)
{
	for (const struct cli_opt *o = shared; o->key; o++)
		if (o->key == key)
			return o;
	return NULL;
}

void cli_selected(int rc, const char *why, size_t n)
{
	if (rc == -EINVAL)
		cli_usage_error("%s", why);
	if (rc)
		cli_die(CLI_FAIL, 0, "cannot list processes: %s", why);
	if (!n)
		cli_die(CLI_FAIL, 0, "no process matches%s%s", *why ? ": " : "", why);
	if (*why)
		cli_warn(0, "%s", why);
}

bool cli_common_option(int key, const char *arg, const char **sysroot)
{
	switch (key) {
	case 's':
		*sysroot = arg;
		return true;
	case 'q':
		cli_set_verbosity(-1);
		return true;
	case 'v':
		cli_set_verbosity(cli_verbosity() + 1);
		return true;
	}
	return false;
}
