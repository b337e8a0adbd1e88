// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * opts.c - one option table per command: parsing, help, completion.
 *
 * getopt_long() does the reading (clusters, abbreviations, permutation); its
 * tables, the help text, the exclusions and the list for completion all come
 * from struct cli_opt, so they cannot disagree.  What an option means is not
 * decided here: the caller's switch does that.
 */
#include "cli/internal.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/xalloc.h"
#include "util/ascii.h"
#include "util/num.h"

/* Help never depends on the terminal: a pager, a file and a test see the same. */
#define HELP_WIDTH 80
#define HELP_COLUMN_MAX 28

static const struct cli_opt standard[] = {
	{ .key = 'h' },
	{ .key = 'V' },
	{ 0 },
};

enum { KEY_LIST_OPTIONS = CLI_OPT_LONG + 4096 };

/* All rows of a command in the order of --help, as they stand; NULL at the end. */
static const struct cli_opt *nth_row(const struct cli_cmd *c, size_t n)
{
	const struct cli_opt *const tables[] = { c->opts, c->more, c->common, standard };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct cli_opt *o = tables[t]; o && o->key; o++)
			if (!n--)
				return o;
	return NULL;
}

static const struct cli_opt *find_row(const struct cli_cmd *c, int key, bool old_too)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth_row(c, i)); i++)
		if (o->key == key && (old_too || !o->means))
			return o;
	return NULL;
}

static struct cli_opt from_shared(const struct cli_opt *row)
{
	struct cli_opt o = *row;
	const struct cli_opt *common = o.name || o.means ? NULL : cli_shared_option(o.key);

	if (common) {
		o.name = common->name;
		o.arg = o.arg ?: common->arg;
		o.help = o.help ?: common->help;
	}
	return o;
}

/* A row made whole: from the shared table, or as an old spelling of another row. */
static struct cli_opt whole(const struct cli_cmd *c, const struct cli_opt *row)
{
	const struct cli_opt *now = row->means ? find_row(c, row->means, false) : NULL;
	struct cli_opt o = from_shared(row);

	if (now) {
		o.arg = from_shared(now).arg;
		o.excl = now->excl;
	}
	return o;
}

static bool nth_opt(const struct cli_cmd *c, size_t n, struct cli_opt *out)
{
	const struct cli_opt *row = nth_row(c, n);

	if (row)
		*out = whole(c, row);
	return row;
}

static bool arg_is_optional(const struct cli_opt *o)
{
	return o->arg && o->arg[0] == '[';
}

/* ------------------------------------------------------------------ */
/* help								      */

/* "-o, --output LIST" and its kind; sep stands between the two names. */
static void add_spelling(struct str *out, const struct cli_opt *o, const char *sep, bool indent)
{
	if (o->key < CLI_OPT_LONG)
		str_addf(out, "-%c%s", o->key, sep);
	else if (indent)
		str_add(out, "    ");
	str_addf(out, "--%s", o->name);
	if (arg_is_optional(o))
		str_addf(out, "[=%s", o->arg + 1);
	else if (o->arg)
		str_addf(out, " %s", o->arg);
}

/* Text broken at blanks, each further line indented. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
	int room = HELP_WIDTH - indent;

	while ((int)strlen(text) > room) {
		int cut = room;

		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (!cut)
			break;
		fprintf(out, "%.*s\n%*s", cut, text, indent, "");
		text += cut + 1;
	}
	fprintf(out, "%s\n", text);
}

static int help_column(const struct cli_cmd *c)
{
	struct cli_opt o;
	size_t widest = 0;

	for (size_t i = 0; nth_opt(c, i, &o); i++) {
		__cleanup_str struct str s = STR_INIT;

		if (!o.help)
			continue;
		add_spelling(&s, &o, ", ", true);
		if (s.len + 3 <= HELP_COLUMN_MAX)
			widest = MAX(widest, s.len);
	}
	return (int)widest + 3;
}

static void print_opt(FILE *out, const struct cli_opt *o, int column)
{
	__cleanup_str struct str s = STR_INIT;

	add_spelling(&s, o, ", ", true);
	if ((int)s.len + 3 > column)
		fprintf(out, " %s\n%*s", str_get(&s), column, "");
	else
		fprintf(out, " %-*s", column - 1, str_get(&s));
	print_wrapped(out, o->help, column);
}

void cli_help(const struct cli_cmd *c, FILE *out)
{
	int column = help_column(c);
	struct cli_opt o;

	fprintf(out, "Usage:\n");
	for (const char *const *line = c->synopsis; line && *line; line++)
		fprintf(out, " %s%s%s\n", c->name, **line ? " " : "", *line);
	if (c->about)
		fprintf(out, "\n%s\n", c->about);
	fprintf(out, "\nOptions:\n");
	for (size_t i = 0; nth_opt(c, i, &o); i++) {
		if (o.key == standard->key && i)
			fputc('\n', out);
		if (o.help)
			print_opt(out, &o, column);
	}
	if (c->extra) {
		fputc('\n', out);
		c->extra(out);
	}
	if (c->see)
		fprintf(out, "\nFor more details see %s.\n", c->see);
}

void cli_list_options(const struct cli_cmd *c, FILE *out)
{
	struct cli_opt o;

	for (size_t i = 0; nth_opt(c, i, &o); i++) {
		__cleanup_str struct str s = STR_INIT;

		if (!o.help)
			continue;
		add_spelling(&s, &o, " ", false);
		fprintf(out, "%s\n", str_get(&s));
	}
}

/* ------------------------------------------------------------------ */
/* names mistyped						      */

static size_t min3(size_t a, size_t b, size_t c)
{
	return MIN(MIN(a, b), c);
}

/*
 * How many edits lie between two words: insertion, removal, replacement, and
 * the exchange of neighbours, the commonest slip of fingers.  Case is ignored.
 */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= lb; j++)
		above[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *spare = before;
		char ca = ascii_lower(a[i - 1]);

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			char cb = ascii_lower(b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == ascii_lower(b[j - 2]) &&
			    cb == ascii_lower(a[i - 2]))
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[lb];
}

size_t cli_nearest(const char *typed, const char *const *known, size_t n, const char **out,
		   size_t max)
{
	size_t len = strlen(typed);
	/* A third of the letters may be wrong, but one always may. */
	size_t far = MAX(len / 3, (size_t)1) + 1;
	size_t count = 0;

	for (size_t d = 0; d < far; d++) {
		for (size_t i = 0; i < n && count < max; i++) {
			size_t dist = distance(typed, known[i]);

			/* Part of a name, as "sharing" of "pages_sharing". */
			if (len >= 3 && ascii_has(known[i], typed))
				dist = MIN(dist, (size_t)1);
			if (dist == d)
				out[count++] = known[i];
		}
	}
	return count;
}

/* ------------------------------------------------------------------ */
/* parsing							      */

static void build(struct cli_parse *p, const struct cli_cmd *c)
{
	struct cli_opt o;
	char *s;
	size_t n = 0, named = 0;

	while (nth_row(c, n))
		n++;
	/* One row for --list-options, one for the end. */
	p->longopts = xcalloc(n + 2, sizeof(*p->longopts));
	/* "+:" ahead, and at most "x::" each. */
	p->shortopts = s = xcalloc(3 * n + 3, 1);
	if (c->stop_at_operand)
		*s++ = '+';
	*s++ = ':';
	for (size_t i = 0; nth_opt(c, i, &o); i++) {
		int has_arg = no_argument;

		if (o.arg)
			has_arg = arg_is_optional(&o) ? optional_argument : required_argument;
		if (o.name)
			p->longopts[named++] = (struct option){ o.name, has_arg, NULL, o.key };
		if (o.key >= CLI_OPT_LONG)
			continue;
		*s++ = (char)o.key;
		for (; has_arg; has_arg--)
			*s++ = ':';
	}
	p->longopts[named] = (struct option){ "list-options", no_argument, NULL, KEY_LIST_OPTIONS };
	/* 0 and not 1: glibc then forgets the command line it read before. */
	optind = 0;
	opterr = 0;
	cli_set_try(c->name);
}

static void unbuild(struct cli_parse *p)
{
	free(p->longopts);
	free(p->shortopts);
	p->longopts = NULL;
	p->shortopts = NULL;
}

/* Messages name the long form, which says what the letter means. */
static const char *spelled(const struct cli_opt *o, char *buf, size_t len)
{
	if (o->name)
		snprintf(buf, len, "--%s", o->name);
	else
		snprintf(buf, len, "-%c", o->key);
	return buf;
}

static void unknown_long(const struct cli_cmd *c, const char *word)
{
	size_t len = strcspn(word, "=");
	__cleanup_str struct str name = STR_INIT;
	const char *known[256];
	const char *near;
	struct cli_opt o;
	size_t n = 0, hits = 0;

	str_addmem(&name, word, len);
	for (size_t i = 0; nth_opt(c, i, &o) && n < ARRAY_SIZE(known); i++) {
		hits += o.name && !strncmp(o.name, str_get(&name) + 2, len - 2);
		if (o.help)
			known[n++] = o.name;
	}
	if (hits > 1)
		cli_usage_error("option '%s' is ambiguous", str_get(&name));
	if (cli_nearest(str_get(&name) + 2, known, n, &near, 1))
		cli_usage_error("unknown option '%s' (did you mean --%s?)", str_get(&name), near);
	cli_usage_error("unknown option '%s'", str_get(&name));
}

/* getopt said ':' or '?'; optopt and the word it stopped at tell the rest. */
static void complain(const struct cli_parse *p, const struct cli_cmd *c, int what)
{
	const struct cli_opt *row = optopt ? find_row(c, optopt, true) : NULL;
	struct cli_opt o;
	const char *word = p->argv[optind - 1];
	char buf[64];

	if (row)
		o = whole(c, row);
	if (what == ':' && row)
		cli_usage_error("option '%s' needs an argument (%s)",
				spelled(&o, buf, sizeof(buf)), o.arg);
	if (row)
		cli_usage_error("option '%s' takes no argument", spelled(&o, buf, sizeof(buf)));
	if (optopt == KEY_LIST_OPTIONS)
		cli_usage_error("option '--list-options' takes no argument");
	if (optopt)
		cli_usage_error("unknown option '-%c'", optopt);
	unknown_long(c, word);
}

static void check_exclusive(struct cli_parse *p, const struct cli_cmd *c, const struct cli_opt *o)
{
	char one[64], two[64];

	for (size_t bit = 0; bit < ARRAY_SIZE(p->excl_seen); bit++) {
		struct cli_opt other;

		if (!(o->excl & (1u << bit)))
			continue;
		if (!p->excl_seen[bit])
			p->excl_seen[bit] = (unsigned)o->key;
		if (p->excl_seen[bit] == (unsigned)o->key)
			continue;
		other = whole(c, find_row(c, (int)p->excl_seen[bit], false));
		cli_usage_error("%s and %s exclude each other",
				spelled(&other, one, sizeof(one)), spelled(o, two, sizeof(two)));
	}
}

/*
 * The argument of "-r=FILE": with a letter, getopt takes an optional argument from
 * the same word and the '=' with it, which nobody means.
 */
static const char *argument(const struct cli_opt *o, const char *arg)
{
	return arg && arg_is_optional(o) && *arg == '=' ? arg + 1 : arg;
}

int cli_opts_next(struct cli_parse *p, const struct cli_cmd *c)
{
	const struct cli_opt *row;
	struct cli_opt o;
	int key;

	if (!p->longopts)
		build(p, c);
	key = getopt_long(p->argc, p->argv, p->shortopts, p->longopts, NULL);
	p->ind = optind;
	p->arg = key == -1 ? NULL : optarg;
	switch (key) {
	case -1:
		unbuild(p);
		return -1;
	case 'h':
		cli_help(c, stdout);
		cli_finish();
	case 'V':
		printf("%s (%s)\n", cli_name(), c->version ? c->version : PACKAGE_STRING);
		cli_finish();
	case KEY_LIST_OPTIONS:
		cli_list_options(c, stdout);
		cli_finish();
	case ':':
	case '?':
		complain(p, c, key);
	}
	row = find_row(c, key, true);
	if (row && row->means)
		row = find_row(c, row->means, false);
	if (!row)
		return key;
	o = whole(c, row);
	p->arg = argument(&o, p->arg);
	check_exclusive(p, c, &o);
	return o.key;
}

/* ------------------------------------------------------------------ */
/* words that are no options						      */

void cli_no_operands(const struct cli_parse *p, const struct cli_cmd *c)
{
	if (p->ind == p->argc)
		return;
	if (p->ind + 1 < p->argc || strcmp(p->argv[p->ind], "help"))
		cli_usage_error("%s: unexpected argument", p->argv[p->ind]);
	cli_help(c, stdout);
	cli_finish();
}

/* Keys of rows whose own may mean another option of another command. */
enum { KEY_OF_NONE = CLI_OPT_LONG + 2048, KEY_OF_ANY };

/* Is there a row with that name or letter in a table that is being made? */
static bool has_row(const struct cli_opt *table, const struct cli_cmd *top, const char *name,
		    int letter)
{
	const struct cli_opt *tables[] = { table, top->common, standard };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (const struct cli_opt *row = tables[t]; row->key; row++) {
			const struct cli_opt o = from_shared(row);

			if (name ? o.name && !strcmp(o.name, name) : o.key == letter)
				return true;
		}
	}
	return false;
}

/* The options of all commands, hidden, one row for each letter and each name. */
static struct cli_opt *any_options(const struct cli_cmd *top, const struct cli_cmd *const *cmds)
{
	struct cli_opt *table, o;
	size_t room = 1, n = 0;

	for (size_t i = 0; cmds[i]; i++)
		for (size_t j = 0; nth_row(cmds[i], j); j++)
			room += 2;
	table = xcalloc(room, sizeof(*table));
	for (size_t i = 0; cmds[i]; i++) {
		for (size_t j = 0; nth_opt(cmds[i], j, &o); j++) {
			if (o.name && !has_row(table, top, o.name, 0)) {
				table[n] = (struct cli_opt){ .key = KEY_OF_ANY + (int)n,
							     .name = o.name, .arg = o.arg };
				n++;
			}
			if (o.key < CLI_OPT_LONG && !has_row(table, top, NULL, o.key))
				table[n++] = (struct cli_opt){ .key = o.key, .arg = o.arg,
							       .means = KEY_OF_NONE };
		}
	}
	return table;
}

const char *cli_opts_subcommand(int *argc, char **argv, const struct cli_cmd *top,
				const struct cli_cmd *const *cmds)
{
	struct cli_opt *any __cleanup_free = any_options(top, cmds);
	struct cli_parse p = { .argc = *argc, .argv = argv };
	struct cli_cmd line = *top;
	const char *name, *arg = NULL;
	int skip = 1;

	line.opts = any;
	line.stop_at_operand = true;
	while (cli_opts_next(&p, &line) != -1)
		arg = p.arg ?: arg;
	if (p.ind == *argc)
		return NULL;
	name = argv[p.ind];
	/* The "--" that made it an operand would make operands of the command's options. */
	if (!strcmp(argv[p.ind - 1], "--") && argv[p.ind - 1] != arg) {
		p.ind--;
		skip++;
	}
	for (int i = p.ind; i + skip <= *argc; i++)
		argv[i] = argv[i + skip];
	*argc -= skip;
	return name;
}

pid_t cli_pid(const char *text)
{
	uint64_t n;

	if (num_u64(text, &n) || !n || n > INT32_MAX)
		cli_usage_error("%s: not a process number", text);
	return n;
}

void cli_pids(const char *text, pid_t **pids, size_t *n)
{
	char *copy __cleanup_free = xstrdup(text);
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		*pids = xreallocarray(*pids, *n + 1, sizeof(**pids));
		(*pids)[(*n)++] = cli_pid(word);
	}
}
