// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msg.c - messages, and the end of a program.
 *
 * The only file that writes to stderr or calls exit().  A message is built in
 * memory, cleaned, and written by one call, so that lines of several processes
 * on one terminal stay whole.
 *
 * Closed pipes: SIGPIPE keeps the action it came with.  By default it ends the
 * program silently, as it ends coreutils ("ksmctl list | head -1"); where it is
 * ignored (under nohup, from Python), the write fails with EPIPE and is told
 * like a full disk.
 */
#include "cli/internal.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *name;
	const char *try;
	int verbosity;
	int write_failure;
	int usage_code;
	int write_rc;	/* the first failed write to stdout, 0 if none is known */
	bool locale_due;
	void (*last_act)(void);
} msg = { "ksm-utils", NULL, 0, CLI_FAIL, CLI_USAGE, 0, false, NULL };

int cli_write_failed(int rc)
{
	if (!msg.write_rc)
		msg.write_rc = rc;
	return rc;
}

int cli_print(const struct str *text)
{
	if (str_err(text))
		return str_err(text);
	if (fwrite(str_get(text), 1, text->len, stdout) != text->len)
		return cli_write_failed(-errno);
	return 0;
}

int cli_flush(void)
{
	/* A write that failed earlier leaves its mark on the stream, not its errno. */
	if (fflush(stdout))
		cli_write_failed(-errno);
	else if (ferror(stdout))
		cli_write_failed(-EIO);
	return msg.write_rc;
}

static void check_stdout(void)
{
	int rc = cli_flush();

	/* Quotas and network file systems speak up at close; a stdout that was
	 * closed from the start and never used is nobody's fault. */
	if (!rc && close(STDOUT_FILENO) && errno != EBADF)
		rc = -errno;
	if (!rc)
		return;
	cli_error(rc, "standard output: cannot write");
	_exit(msg.write_failure);
}

void cli_init_quick(const char *name)
{
	msg.name = name;
	msg.locale_due = true;
	if (atexit(check_stdout))
		cli_die(CLI_FAIL, -ENOMEM, "start");
}

void cli_locale(void)
{
	if (!msg.locale_due)
		return;
	msg.locale_due = false;
	setlocale(LC_ALL, "");
	/* Figures end in files and in JSON: their point is no matter of taste. */
	setlocale(LC_NUMERIC, "C");
}

void cli_init(const char *name)
{
	cli_init_quick(name);
	cli_locale();
}

const char *cli_name(void)
{
	return msg.name;
}

void cli_set_try(const char *command)
{
	msg.try = command;
}

void cli_set_verbosity(int level)
{
	msg.verbosity = level;
}

int cli_verbosity(void)
{
	return msg.verbosity;
}

void cli_set_write_failure(int code)
{
	msg.write_failure = code;
}

void cli_set_usage_code(int code)
{
	msg.usage_code = code;
}

static void write_line(const char *line)
{
	/* Nowhere to tell that telling failed. */
	if (fputs(line, stderr) < 0)
		return;
}

/*
 * EPROTO is how the rooms below say that a file does not hold what it should;
 * "Protocol error" would send the reader to a network.
 */
const char *cli_strerror(int rc)
{
	return rc == -EPROTO ? "unexpected contents" : strerror(-rc);
}

/* kind is "" or "warning: ". */
static __printf(3, 0) void say(const char *kind, int rc, const char *fmt, va_list ap)
{
	__cleanup_str struct str raw = STR_INIT;
	__cleanup_str struct str line = STR_INIT;

	cli_locale();
	str_vaddf(&raw, fmt, ap);
	if (rc < 0)
		str_addf(&raw, ": %s", cli_strerror(rc));
	str_addf(&line, "%s: %s", msg.name, kind);
	if (!str_err(&raw))
		cli_safe(&line, raw.s, raw.len);
	str_addc(&line, '\n');
	/* What was printed before the message shall be seen before it. */
	fflush(stdout);
	if (str_err(&raw) || str_err(&line))
		write_line("ksm-utils: out of memory while writing a message\n");
	else
		write_line(line.s);
}

void cli_error(int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", rc, fmt, ap);
	va_end(ap);
}

void cli_warn(int rc, const char *fmt, ...)
{
	va_list ap;

	if (msg.verbosity < 0)
		return;
	va_start(ap, fmt);
	say("warning: ", rc, fmt, ap);
	va_end(ap);
}

void cli_note(const char *fmt, ...)
{
	va_list ap;

	if (msg.verbosity < 1)
		return;
	va_start(ap, fmt);
	say("", 0, fmt, ap);
	va_end(ap);
}

int cli_message_fd(void)
{
	return STDERR_FILENO;
}

void cli_log(const char *line)
{
	__cleanup_str struct str clean = STR_INIT;

	cli_safe(&clean, line, (size_t)-1);
	if (!str_addc(&clean, '\n'))
		write_line(clean.s);
}

#define BAR 30

void cli_progress(double share, const char *text)
{
	__cleanup_str struct str line = STR_INIT;
	const int width = cli_width(STDERR_FILENO);
	const int full = (int)(share * BAR);

	if (msg.verbosity < 0 || cli_term_unfit(STDERR_FILENO))
		return;
	if (share >= 0) {
		str_addc(&line, '[');
		for (int i = 0; i < BAR; i++)
			str_addc(&line, i < full ? '#' : ' ');
		str_addf(&line, "] %3d %%  ", (int)(share * 100));
		cli_safe(&line, text, (size_t)-1);
		/* One line: a second one would stay behind. */
		if (!str_err(&line) && line.len > (size_t)width - 1)
			line.s[line.len = width - 1] = '\0';
	}
	if (str_err(&line))
		return;
	write_line("\r\033[K");
	write_line(str_get(&line));
	fflush(stderr);
}

void cli_set_last_act(void (*fn)(void))
{
	msg.last_act = fn;
}

void cli_die(int code, int rc, const char *fmt, ...)
{
	va_list ap;

	if (msg.last_act)
		msg.last_act();
	va_start(ap, fmt);
	say("", rc, fmt, ap);
	va_end(ap);
	exit(code);
}

void cli_usage_error(const char *fmt, ...)
{
	__cleanup_str struct str hint = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	say("", 0, fmt, ap);
	va_end(ap);
	if (!str_addf(&hint, "Try '%s --help' for more information.\n",
		      msg.try ? msg.try : msg.name))
		write_line(hint.s);
	str_fini(&hint);
	exit(msg.usage_code);
}

void cli_finish(void)
{
	exit(CLI_OK);
}
