/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - how the tools talk to people.  Knows nothing of KSM.
 *
 * Everything that reaches a terminal passes here: messages, option parsing
 * and help, tables, human figures, and the cleaning of strings that others
 * chose (process names).  Only cli_die() and a tool's main() end a program.
 */
#ifndef KSM_CLI_CLI_H
#define KSM_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/macros.h"
#include "util/strip.h"
#include "util/str.h"

/* ------------------------------------------------------------------ */
/* msg.c: messages and the end of a program				*/

/* One meaning each, in all tools; ksm-tools(7) lists them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAIL = 1,
	CLI_USAGE = 2,
	CLI_UNSUPPORTED = 3,	/* not by this kernel, machine or root */
	CLI_PARTIAL = 4,	/* some objects done, some failed */
	CLI_WRAP_FAIL = 125,	/* ksm-advise: own failure before the command ran */
	CLI_WRAP_NOEXEC = 126,
	CLI_WRAP_NOENT = 127,
};

/**
 * cli_init() - name the program and arrange the checks at its end
 * @name: program name as messages show it; kept, not copied
 *
 * Sets the locale (the decimal point stays a point) and registers the check,
 * at exit, that standard output was written whole: a full disk becomes a message
 * and the status of cli_set_write_failure().  So does a closed pipe where
 * SIGPIPE is ignored; by default that signal ends the program silently, as it
 * ends coreutils.  Since every failed write is told at the end, functions that
 * print may hand up its code but their callers need not print it.
 */
void cli_init(const char *name);
/*
 * The same for a program that mostly says nothing and starts another: the locale,
 * which takes dozens of system calls, is set with the first message, or by
 * cli_locale() before anything else that depends on it.
 */
void cli_init_quick(const char *name);
void cli_locale(void);
/* The name messages begin with, e.g. "ksmctl". */
const char *cli_name(void);
/* More than one call adds up: -1 quiet (errors only), 0 normal, 1.. verbose. */
void cli_set_verbosity(int level);
int cli_verbosity(void);
/* The status that a failed write to standard output ends with (default CLI_FAIL). */
void cli_set_write_failure(int code);

/*
 * "name: text", with ": " and strerror(-rc) behind when rc is a negative errno,
 * and nothing behind when rc is 0.  The finished line passes through the rules
 * of cli_safe(), so that no message can carry a raw sequence to a terminal.
 */
const char *cli_strerror(int rc);	/* those words for a negative errno */
void cli_die(int code, int rc, const char *fmt, ...) __printf(3, 4) __attribute__((noreturn));
/* What cli_die() does first, such as to give a terminal back that it prints on; NULL none. */
void cli_set_last_act(void (*fn)(void));
void cli_error(int rc, const char *fmt, ...) __printf(2, 3);	/* always shown */
void cli_warn(int rc, const char *fmt, ...) __printf(2, 3);	/* "warning: ", not with -q */
void cli_note(const char *fmt, ...) __printf(1, 2);		/* with -v, to stderr */
/* A line of a debug log, cleaned, whatever the verbosity is: the caller decides. */
void cli_log(const char *line);
/* The descriptor that messages go to, for whoever asks what is behind it. */
int cli_message_fd(void);
/*
 * A bar on standard error where that is a terminal that can wipe it away again
 * (nothing elsewhere, nor with -q): @share from 0 to 1, and what is going on.  A negative share wipes it away,
 * which must come before anything else is printed.
 */
void cli_progress(double share, const char *text);
/* A usage error: the line, "Try 'NAME --help'...", exit CLI_USAGE (or code set below). */
void cli_usage_error(const char *fmt, ...) __printf(1, 2) __attribute__((noreturn));
void cli_set_usage_code(int code);	/* ksm-advise: 125 while wrapping */

/* A finished text, of any length, to stdout; 0 or -errno, which the program's end tells. */
int cli_print(const struct str *text);
/* Flush and check stdout now; 0 or -errno (of the first write that failed). */
int cli_flush(void);

/* ------------------------------------------------------------------ */
/* term.c: what is asked of the terminal				*/

/* Is @fd a terminal, of whatever kind? */
bool cli_tty(int fd);
/* TERM; "" when it is not set. */
const char *cli_term_name(void);
/* Why nothing but plain lines can be written on @fd ("a dumb terminal"...), or NULL. */
const char *cli_term_unfit(int fd);
/* False where @fd is no terminal, or one that does not tell its size. */
bool cli_term_size(int fd, int *columns, int *lines);
/* True where COLUMNS and LINES both tell a size, which others take it from. */
bool cli_term_size_told(void);
/* Columns of the terminal on @fd, COLUMNS, or 80. */
int cli_width(int fd);
/* True when stdout is such a terminal and colours are welcome (NO_COLOR). */
bool cli_color(void);
/* Are characters of UTF-8 shown, by the locale? */
bool cli_utf8(void);

/* ------------------------------------------------------------------ */
/* opts.c: one table per command					*/

/* Long-only options take values from CLI_OPT_LONG up (outside of char). */
#define CLI_OPT_LONG 256

/*
 * A row with a key and no name is the option of that key in shared.c; its own
 * argument and help come before those of the table, for what a tool has to add.
 */
struct cli_opt {
	int key;		/* the letter, or CLI_OPT_LONG + n; 0 ends the table */
	const char *name;	/* long name without dashes */
	const char *arg;	/* argument's name as help shows it; "[X]" optional; NULL none */
	const char *help;	/* one line, lower case, no full stop; NULL: hidden */
	unsigned excl;		/* bits: options that share a bit exclude one another */
	int means;		/* not 0: an old spelling (of name and letter, or of a letter
				 * alone) of the option with this key; hidden */
};

struct cli_cmd {
	const char *name;		/* "ksmctl set" or "ksm-advise": as usage shows it */
	const char *const *synopsis;	/* argument parts, one per line of usage; NULL ends */
	const char *about;		/* one or two lines under the usage */
	/* Three tables, any of them NULL; --help shows them in this order. */
	const struct cli_opt *opts;	/* this command's own */
	const struct cli_opt *more;	/* a group of some commands: cli_table_options */
	const struct cli_opt *common;	/* cli_common_options, which every command takes */
	const char *see;		/* "ksmctl(8)" */
	/* Printed behind the options in --help: column lists, attribute lists; or NULL. */
	void (*extra)(FILE *out);
	bool stop_at_operand;		/* options end at the first operand (wrappers) */
	const char *version;		/* NULL: that of the package */
};

/* Parser state: storage of the caller, start with all zeroes but the first two. */
struct cli_parse {
	int argc;
	char **argv;
	int ind;		/* index of the first operand when cli_opts_next() ends */
	const char *arg;	/* argument of the option just returned, or NULL */
	/* private */
	unsigned excl_seen[32];
	struct option *longopts;
	char *shortopts;
};

/**
 * cli_opts_next() - the next option of the command line
 * @p: parser state
 * @c: the command's declaration
 *
 * Handles --help, --version and --list-options itself (prints, exits 0), and
 * reports unknown options, missing arguments and exclusive pairs as usage
 * errors.  -h, -V are added to every command and must not be in its table.
 *
 * Return: the option's key, or -1 when only operands are left (from p->ind).
 */
int cli_opts_next(struct cli_parse *p, const struct cli_cmd *c);
/**
 * cli_opts_subcommand() - take the name of a command out of a command line
 * @argc: words of the line; one less when a name was found
 * @argv: the line, from which the name goes and all else stays
 * @top: the program: what its --help prints
 * @cmds: all its commands, ended by NULL
 *
 * Options may stand before the name, those of every command: what is left in the
 * line is for the command to parse.  --help, --version and --list-options before
 * the name are those of the program, and handled here.
 *
 * Return: the name, or NULL when there is none.
 */
const char *cli_opts_subcommand(int *argc, char **argv, const struct cli_cmd *top,
				const struct cli_cmd *const *cmds);
/*
 * For commands without operands, after the last option: "help" alone is --help, and
 * anything else a usage error.
 */
void cli_no_operands(const struct cli_parse *p, const struct cli_cmd *c);
/* An argument that is a process number; a usage error on anything else. */
pid_t cli_pid(const char *text);
/* "1,2,3" appended to an array that grows, which the caller frees; else as cli_pid(). */
void cli_pids(const char *text, pid_t **pids, size_t *n);
/* Print what --help prints. */
void cli_help(const struct cli_cmd *c, FILE *out);
/* The known names nearest to a mistyped one, best first: at most max, into out[]. */
size_t cli_nearest(const char *typed, const char *const *known, size_t n, const char **out,
		   size_t max);

/* "-x --long ARG" lines for completion and for the checks of the man pages. */
void cli_list_options(const struct cli_cmd *c, FILE *out);

/* ------------------------------------------------------------------ */
/* shared.c: the options that tools have in common			*/

/* Those without a letter; the others have their letter as key. */
enum {
	CLI_KEY_MATCH = CLI_OPT_LONG + 64,
	CLI_KEY_CGROUP,
	CLI_KEY_TREE,
	CLI_KEY_BY,
	CLI_KEY_TIMEOUT,
	CLI_KEY_OUTPUT_ALL,
	CLI_KEY_SORT,
	CLI_KEY_CSV,
};

/* -s -q -v: every command's "common" table. */
extern const struct cli_opt cli_common_options[];
/* True when @key was one of them and is taken care of. */
bool cli_common_option(int key, const char *arg, const char **sysroot);
/*
 * What every tool says when processes cannot be selected, by the code and reason of
 * ksm_select_run(), or when the options select none: ends the program then.  A
 * reason of success is a warning.
 */
void cli_selected(int rc, const char *why, size_t n);

/* ------------------------------------------------------------------ */
/* table.c: columns to text, raw, CSV or JSON				*/

enum cli_kind {
	CLI_STR,	/* free text: cleaned for text output */
	CLI_NUM,	/* integer: right-aligned, a number in JSON */
	CLI_FLOAT,	/* a decimal fraction */
	CLI_BOOL,
	CLI_BYTES,	/* a size: human in text, bytes with -b and in JSON */
	CLI_ADDRESS,	/* hexadecimal everywhere, text in JSON */
	CLI_STRIP,	/* a row of cells: drawn; percent of each in JSON, null for an empty one */
};

/* What a getter fills.  state says which of the four values a cell is. */
enum cli_state { CLI_VALUE, CLI_ABSENT, CLI_DENIED, CLI_OFF };
/* "denied", "off", else "-". */
const char *cli_state_word(enum cli_state state);

struct cli_cell {
	enum cli_state state;	/* others than CLI_VALUE: "-", "denied", "off"; JSON null */
	int64_t num;		/* CLI_NUM, CLI_BYTES, CLI_BOOL, CLI_ADDRESS */
	double real;		/* CLI_FLOAT; of CLI_STRIP, what it is sorted by */
	const char *str;	/* CLI_STR; borrowed until the getter's next call */
	const struct strip *strip;	/* CLI_STRIP; borrowed likewise */
	int decimals;		/* CLI_FLOAT: digits behind the point */
	bool alarm;		/* shown red where colours are on */
};

struct cli_col {
	const char *name;	/* "PAGES"; the JSON key is its lower-case form */
	const char *help;
	enum cli_kind kind;
	double width;		/* libsmartcols' width hint */
	bool trunc;		/* may be cut to fit the terminal */
	bool left;		/* left-align although a number */
	bool hidden;		/* not in the default list */
	void (*get)(const void *row, struct cli_cell *out);
	bool no_text;		/* not in the default list of aligned text: room is short */
	bool wrap;		/* goes on in the next line where the terminal ends */
};

enum cli_format { CLI_TEXT, CLI_RAW, CLI_JSON, CLI_CSV };

struct cli_table_opts {
	const char *columns;	/* NULL: default; "A,B" or "+A,B" */
	enum cli_format format;
	bool bytes;
	bool noheadings;
	bool all_columns;	/* --output-all */
	const char *sort;	/* column name, "-NAME" descending; NULL as given */
};

/**
 * cli_table_print() - print rows
 * @name: the JSON object's key that holds the rows, e.g. "procs"
 * @cols: columns, ended by a name of NULL
 * @rows: array of row pointers
 * @nrows: how many
 * @opts: what the user asked for
 *
 * Sizes are human in text unless opts->bytes, and bytes in all other formats.
 * Keys of JSON and headings of CSV are the names in lower case.  An unknown
 * column is a usage error that lists the known ones.
 *
 * Return: 0 or -errno.
 */
int cli_table_print(const char *name, const struct cli_col *cols, const void *const *rows,
		    size_t nrows, const struct cli_table_opts *opts);
struct cli_json;
/* An array of one object a row, of all columns: their names in lower case are the keys. */
void cli_json_rows(struct cli_json *j, const char *key, const struct cli_col *cols,
		   const void *const *rows, size_t n);
/* Will @col be printed, or sorted by?  For what takes time to read. */
bool cli_table_wants(const struct cli_col *cols, const struct cli_table_opts *opts,
		     const char *col);
/* Check columns and sort key early, before work is done; a mistake is a usage error. */
void cli_table_check(const struct cli_col *cols, const struct cli_table_opts *opts);
/* "Columns:" section for --help. */
void cli_table_help(const struct cli_col *cols, FILE *out);

/* -o --output-all --sort -b -n -J -r --csv: what a listing names as its "more" table. */
extern const struct cli_opt cli_table_options[];
/* True when key was one of cli_table_options and is taken care of. */
bool cli_table_option(int key, const char *arg, struct cli_table_opts *opts);

/* ------------------------------------------------------------------ */
/* json.c: documents that are not a table (status, report)		*/

struct cli_json *cli_json_new(void);
/* All on one line, for one document a sample. */
void cli_json_compact(struct cli_json *j);
/* The key is NULL inside an array and for the document itself. */
void cli_json_free(struct cli_json *j);
void cli_json_open(struct cli_json *j, const char *key, char bracket);	/* '{' or '[' */
void cli_json_close(struct cli_json *j);
void cli_json_num(struct cli_json *j, const char *key, int64_t v);
void cli_json_real(struct cli_json *j, const char *key, double v, int decimals);
void cli_json_str(struct cli_json *j, const char *key, const char *v); /* NULL: null */
void cli_json_bool(struct cli_json *j, const char *key, bool v);
void cli_json_null(struct cli_json *j, const char *key);
/* An array in one line: percent of each cell, null of an empty one. */
void cli_json_strip(struct cli_json *j, const char *key, const struct strip *s);
/* Closes what is open, writes the document and a newline; 0 or -errno. */
int cli_json_print(struct cli_json *j, FILE *out);

/* ------------------------------------------------------------------ */
/* human.c: figures for people						*/

/* "1.2 GiB", "-340 KiB", "0 B"; with bytes, the plain number. */
const char *cli_bytes(char *buf, size_t len, int64_t v, bool bytes);
/* "3m12s", "1.5s", "250ms"; rounded down. */
const char *cli_duration(char *buf, size_t len, uint64_t ns);
/* "10:03:11", or with @dated or of another day "2026-11-29 10:03:11"; local time. */
const char *cli_clock(char *buf, size_t len, int64_t unix_s, bool dated);

/* ------------------------------------------------------------------ */
/* safe.c: foreign strings						*/

/**
 * cli_safe() - a foreign string that cannot harm a terminal
 * @out: where to append
 * @s: bytes, not necessarily UTF-8, not necessarily NUL-terminated
 * @len: how many, or (size_t)-1 for strlen
 *
 * Control characters (C0, DEL, C1), invalid UTF-8 and characters that change
 * direction or are invisible become \xNN, byte for byte; a backslash that would
 * read as one of these escapes becomes "\\", so that they can be told apart.
 */
void cli_safe(struct str *out, const char *s, size_t len);
/*
 * The character at s[0..len): its length in bytes, with the code point in *cp,
 * or 0 when the bytes are not UTF-8 by RFC 3629 (overlong, surrogate, cut off).
 */
size_t cli_utf8_next(const char *s, size_t len, uint32_t *cp);

#endif /* KSM_CLI_CLI_H */
