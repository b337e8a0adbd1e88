// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * term.c - what is asked of the terminal: is there one, what does it understand,
 * how large is it, which characters does it show.
 *
 * The only file that asks; it writes nothing.
 */
#include "cli/cli.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/num.h"

bool cli_tty(int fd)
{
	return isatty(fd);
}

const char *cli_term_name(void)
{
	const char *term = getenv("TERM");

	return term ? term : "";
}

const char *cli_term_unfit(int fd)
{
	const char *term = cli_term_name();

	if (!cli_tty(fd))
		return "not a terminal";
	if (!*term)
		return "TERM is not set";
	if (!strcmp(term, "dumb") || !strcmp(term, "unknown"))
		return "a dumb terminal";
	return NULL;
}

bool cli_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	return !(no_color && *no_color) && !cli_term_unfit(STDOUT_FILENO);
}

bool cli_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* Of 65535 columns is what nobody told its size, and some pass that on. */
#define SIDE_MAX 10000

bool cli_term_size(int fd, int *columns, int *lines)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_col || !ws.ws_row || ws.ws_col > SIDE_MAX ||
	    ws.ws_row > SIDE_MAX)
		return false;
	*columns = ws.ws_col;
	*lines = ws.ws_row;
	return true;
}

/* A side as a variable tells it, or 0. */
static int told(const char *given)
{
	uint64_t n;

	return given && !num_u64(given, &n) && n <= SIDE_MAX ? (int)n : 0;
}

bool cli_term_size_told(void)
{
	return told(getenv("COLUMNS")) && told(getenv("LINES"));
}

int cli_width(int fd)
{
	int columns, lines;

	if (cli_term_size(fd, &columns, &lines))
		return columns;
	columns = told(getenv("COLUMNS"));
	return columns ? columns : 80;
}
