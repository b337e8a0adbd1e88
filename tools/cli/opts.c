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
#include <string.h>

#include "cli/xalloc.h"
#include "util/ascii.h"
#include "util/num.h"

/* Help never depends on the terminal: a pager, a file and a test see the same. */
#define HELP_WIDTH 80
#define HELP_COLUMN_MAX 28

static const struct cli_opt standard[] = {
	{ 'h', "help", NULL, "show this help", 0 },
	{ 'V', "version", NULL, "show the version", 0 },
	{ 0 },
};

enum { KEY_LIST_OPTIONS = CLI_OPT_LONG + 4096 };

/* All options of a command in the order of --help; NULL at the end. */
static const struct cli_opt *nth_opt(const struct cli_cmd *c, size_t n)
{
	const struct cli_opt *const tables[] = { c->opts, c->more, c->common, standard };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct cli_opt *o = tables[t]; o && o->key; o++)
			if (!n--)
				return o;
	return NULL;
}

static const struct cli_opt *find_opt(const struct cli_cmd *c, int key)
{
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth_opt(c, i)); i++)
		if (o->key == key)
			return o;
	return NULL;
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
	const struct cli_opt *o;
	size_t widest = 0;

	for (size_t i = 0; (o = nth_opt(c, i)); i++) {
		__cleanup_str struct str s = STR_INIT;

		if (!o->help)
			continue;
		add_spelling(&s, o, ", ", true);
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
	const struct cli_opt *o;

	fprintf(out, "Usage:\n");
	for (const char *const *line = c->synopsis; line && *line; line++)
		fprintf(out, " %s%s%s\n", c->name, **line ? " " : "", *line);
	if (c->about)
		fprintf(out, "\n%s\n", c->about);
	fprintf(out, "\nOptions:\n");
	for (size_t i = 0; (o = nth_opt(c, i)); i++) {
		if (o == standard && i)
			fputc('\n', out);
		if (o->help)
			print_opt(out, o, column);
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
	const struct cli_opt *o;

	for (size_t i = 0; (o = nth_opt(c, i)); i++) {
		__cleanup_str struct str s = STR_INIT;

		if (!o->help)
			continue;
		add_spelling(&s, o, " ", false);
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
	const struct cli_opt *o;
	char *s;
	size_t n = 0, i;

	while (nth_opt(c, n))
		n++;
	/* One row for --list-options, one for the end. */
	p->longopts = xcalloc(n + 2, sizeof(*p->longopts));
	/* "+:" ahead, and at most "x::" each. */
	p->shortopts = s = xcalloc(3 * n + 3, 1);
	if (c->stop_at_operand)
		*s++ = '+';
	*s++ = ':';
	for (i = 0; i < n; i++) {
		int has_arg = no_argument;

		o = nth_opt(c, i);
		if (o->arg)
			has_arg = arg_is_optional(o) ? optional_argument : required_argument;
		p->longopts[i] = (struct option){ o->name, has_arg, NULL, o->key };
		if (o->key >= CLI_OPT_LONG)
			continue;
		*s++ = (char)o->key;
		for (; has_arg; has_arg--)
			*s++ = ':';
	}
	p->longopts[n] = (struct option){ "list-options", no_argument, NULL, KEY_LIST_OPTIONS };
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
	snprintf(buf, len, "--%s", o->name);
	return buf;
}

static void unknown_long(const struct cli_cmd *c, const char *word)
{
	size_t len = strcspn(word, "=");
	__cleanup_str struct str name = STR_INIT;
	const char *known[256];
	const char *near;
	const struct cli_opt *o;
	size_t n = 0, hits = 0;

	str_addmem(&name, word, len);
	for (size_t i = 0; (o = nth_opt(c, i)) && n < ARRAY_SIZE(known); i++) {
		hits += !strncmp(o->name, str_get(&name) + 2, len - 2);
		if (o->help)
			known[n++] = o->name;
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
	const struct cli_opt *o = optopt ? find_opt(c, optopt) : NULL;
	const char *word = p->argv[optind - 1];
	char buf[64];

	if (what == ':' && o)
		cli_usage_error("option '%s' needs an argument (%s)", spelled(o, buf, sizeof(buf)),
				o->arg);
	if (o)
		cli_usage_error("option '%s' takes no argument", spelled(o, buf, sizeof(buf)));
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
		const struct cli_opt *other;

		if (!(o->excl & (1u << bit)))
			continue;
		if (!p->excl_seen[bit])
			p->excl_seen[bit] = (unsigned)o->key;
		if (p->excl_seen[bit] == (unsigned)o->key)
			continue;
		other = find_opt(c, (int)p->excl_seen[bit]);
		cli_usage_error("%s and %s exclude each other",
				spelled(other, one, sizeof(one)), spelled(o, two, sizeof(two)));
	}
}

int cli_opts_next(struct cli_parse *p, const struct cli_cmd *c)
{
	const struct cli_opt *o;
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
	o = find_opt(c, key);
	if (o)
		check_exclusive(p, c, o);
	return key;
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
