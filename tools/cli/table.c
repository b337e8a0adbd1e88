// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * table.c - one table of columns to aligned text, raw words, CSV and JSON.
 *
 * The only user of libsmartcols, and only for aligned text: its JSON, its raw
 * form and its way of encoding cannot tell an empty cell from a missing one.
 * A cell is one of four things (value, absent, denied, off), in every format.
 */
#include "cli/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <string.h>

#include "cli/xalloc.h"
#include "util/ascii.h"

/* Bits high enough not to meet those of a command's own options. */
#define EXCL_FORMAT (1u << 31)
#define EXCL_COLUMNS (1u << 30)

const struct cli_opt cli_table_options[] = {
	{ .key = 'o', .excl = EXCL_COLUMNS },
	{ .key = CLI_KEY_OUTPUT_ALL, .excl = EXCL_COLUMNS },
	{ .key = CLI_KEY_SORT },
	{ .key = 'b' },
	{ .key = 'n' },
	{ .key = 'J', .excl = EXCL_FORMAT },
	{ .key = 'r', .excl = EXCL_FORMAT },
	{ .key = CLI_KEY_CSV, .excl = EXCL_FORMAT },
	{ 0 },
};

bool cli_table_option(int key, const char *arg, struct cli_table_opts *opts)
{
	switch (key) {
	case 'o':
		opts->columns = arg;
		return true;
	case CLI_KEY_OUTPUT_ALL:
		opts->all_columns = true;
		return true;
	case CLI_KEY_SORT:
		opts->sort = arg;
		return true;
	case 'b':
		opts->bytes = true;
		return true;
	case 'n':
		opts->noheadings = true;
		return true;
	case 'J':
		opts->format = CLI_JSON;
		return true;
	case 'r':
		opts->format = CLI_RAW;
		return true;
	case CLI_KEY_CSV:
		opts->format = CLI_CSV;
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------ */
/* which columns						      */

/* A table being printed. */
struct job {
	const struct cli_col **cols;	/* the chosen ones, in order */
	size_t ncols;
	const void **rows;		/* in the order to print */
	size_t nrows;
	const struct cli_table_opts *opts;
	size_t wrap_width;		/* of the column that wraps, in text; 0: it does not */
};

static void unknown_column(const struct cli_col *cols, const char *name, size_t len)
{
	__cleanup_str struct str known = STR_INIT;

	for (const struct cli_col *c = cols; c->name; c++)
		str_addf(&known, "%s%s", c == cols ? "" : ", ", c->name);
	cli_usage_error("unknown column '%.*s' (known: %s)", (int)len, name, str_get(&known));
}

static const struct cli_col *find_col(const struct cli_col *cols, const char *name, size_t len)
{
	for (const struct cli_col *c = cols; c->name; c++)
		if (strlen(c->name) == len && ascii_same(c->name, name, len))
			return c;
	unknown_column(cols, name, len);
	return NULL;
}

static void add_col(struct job *job, const struct cli_col *c)
{
	job->cols = xreallocarray(job->cols, job->ncols + 1, sizeof(*job->cols));
	job->cols[job->ncols++] = c;
}

static bool has_col(const struct job *job, const struct cli_col *c)
{
	for (size_t i = 0; i < job->ncols; i++)
		if (job->cols[i] == c)
			return true;
	return false;
}

static bool is_default(const struct cli_col *c, const struct cli_table_opts *opts)
{
	return !c->hidden && !(c->no_text && opts->format == CLI_TEXT);
}

static void choose_columns(struct job *job, const struct cli_col *cols)
{
	const char *list = job->opts->columns;
	bool append = list && *list == '+';

	if (!list || append)
		for (const struct cli_col *c = cols; c->name; c++)
			if (is_default(c, job->opts) || job->opts->all_columns)
				add_col(job, c);
	if (!list)
		return;
	for (const char *p = list + append;; p++) {
		size_t len = strcspn(p, ",");
		const struct cli_col *c = find_col(cols, p, len);

		/* Twice the same key would make no valid JSON object. */
		if (!has_col(job, c))
			add_col(job, c);
		p += len;
		if (!*p)
			return;
	}
}

static const struct cli_col *sort_column(const struct cli_col *cols, const char *sort, bool *down)
{
	*down = *sort == '-';
	sort += *sort == '-' || *sort == '+';
	return find_col(cols, sort, strlen(sort));
}

void cli_table_check(const struct cli_col *cols, const struct cli_table_opts *opts)
{
	struct job job = { .opts = opts };
	bool down;

	choose_columns(&job, cols);
	free(job.cols);
	if (opts->sort)
		sort_column(cols, opts->sort, &down);
}

bool cli_table_wants(const struct cli_col *cols, const struct cli_table_opts *opts,
		     const char *col)
{
	const struct cli_col *wanted = find_col(cols, col, strlen(col));
	struct job job = { .opts = opts };
	bool wants, down;

	choose_columns(&job, cols);
	wants = has_col(&job, wanted) ||
		(opts->sort && sort_column(cols, opts->sort, &down) == wanted);
	free(job.cols);
	return wants;
}

void cli_table_help(const struct cli_col *cols, FILE *out)
{
	int width = 0;

	for (const struct cli_col *c = cols; c->name; c++)
		width = MAX(width, (int)strlen(c->name));
	fprintf(out, "Columns (* by default):\n");
	for (const struct cli_col *c = cols; c->name; c++)
		fprintf(out, " %c %-*s  %s\n", c->hidden ? ' ' : '*', width, c->name, c->help);
}

/* ------------------------------------------------------------------ */
/* cells							      */

static struct cli_cell get_cell(const struct cli_col *c, const void *row)
{
	struct cli_cell cell = { .state = CLI_VALUE };

	c->get(row, &cell);
	if (c->kind == CLI_STR && !cell.str && cell.state == CLI_VALUE)
		cell.state = CLI_ABSENT;
	return cell;
}

const char *cli_state_word(enum cli_state state)
{
	switch (state) {
	case CLI_DENIED:
		return "denied";
	case CLI_OFF:
		return "off";
	default:
		return "-";
	}
}

static const char *address(char *buf, size_t len, const struct cli_cell *cell)
{
	snprintf(buf, len, "0x%" PRIx64, (uint64_t)cell->num);
	return buf;
}

/* By level, from -1 on.  What a program reads does not depend on the locale. */
static const char *const drawn[] = { "-", "·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const digits[] = { "-", ".", "1", "2", "3", "4", "5", "6", "7", "8", "9", "#" };

static void add_strip(struct str *out, const struct strip *s, bool fine)
{
	const int levels = (int)(fine ? ARRAY_SIZE(drawn) : ARRAY_SIZE(digits)) - 2;

	for (size_t i = 0; i < s->n; i++)
		str_add(out, (fine ? drawn : digits)[strip_level(s->permille[i], levels) + 1]);
}

/* The cell as a reader sees it; foreign text is cleaned. */
static void add_cell(struct str *out, const struct cli_col *c, const struct cli_cell *cell,
		     const struct cli_table_opts *opts)
{
	const bool text = opts->format == CLI_TEXT;
	char buf[32];

	if (cell->state != CLI_VALUE) {
		str_add(out, cli_state_word(cell->state));
		return;
	}
	switch (c->kind) {
	case CLI_STR:
		cli_safe(out, cell->str, (size_t)-1);
		return;
	case CLI_NUM:
		str_addf(out, "%" PRId64, cell->num);
		return;
	case CLI_FLOAT:
		str_addf(out, "%.*f", cell->decimals, cell->real);
		return;
	case CLI_BOOL:
		str_add(out, cell->num ? "yes" : "no");
		return;
	case CLI_BYTES:
		str_add(out, cli_bytes(buf, sizeof(buf), cell->num, opts->bytes || !text));
		return;
	case CLI_ADDRESS:
		str_add(out, address(buf, sizeof(buf), cell));
		return;
	case CLI_STRIP:
		add_strip(out, cell->strip, text && cli_utf8());
		return;
	}
}

/* ------------------------------------------------------------------ */
/* order							      */

struct sort_key {
	const void *row;
	size_t index;	/* rows that compare equal keep their order */
	struct cli_cell cell;
	char *str;	/* own copy: a getter's string lasts until its next call */
};

struct sort_how {
	const struct cli_col *col;
	bool down;
};

static int compare_values(const struct sort_key *a, const struct sort_key *b, enum cli_kind kind)
{
	if (kind == CLI_STR)
		return strcmp(a->str, b->str);
	if (kind == CLI_FLOAT || kind == CLI_STRIP)
		return (a->cell.real > b->cell.real) - (a->cell.real < b->cell.real);
	if (kind == CLI_ADDRESS)
		return ((uint64_t)a->cell.num > (uint64_t)b->cell.num) -
		       ((uint64_t)a->cell.num < (uint64_t)b->cell.num);
	return (a->cell.num > b->cell.num) - (a->cell.num < b->cell.num);
}

static int compare_keys(const void *pa, const void *pb, void *arg)
{
	const struct sort_key *a = pa, *b = pb;
	const struct sort_how *how = arg;
	bool va = a->cell.state == CLI_VALUE, vb = b->cell.state == CLI_VALUE;
	int d;

	/* What is not known is last in either direction. */
	if (va != vb)
		return va ? -1 : 1;
	d = va ? compare_values(a, b, how->col->kind) : 0;
	if (d)
		return how->down ? -d : d;
	return (a->index > b->index) - (a->index < b->index);
}

static void sort_rows(struct job *job, const struct cli_col *cols)
{
	struct sort_key *keys;
	struct sort_how how;

	if (!job->opts->sort)
		return;
	how.col = sort_column(cols, job->opts->sort, &how.down);
	keys = xcalloc(job->nrows, sizeof(*keys));
	for (size_t i = 0; i < job->nrows; i++) {
		keys[i].row = job->rows[i];
		keys[i].index = i;
		keys[i].cell = get_cell(how.col, job->rows[i]);
		if (how.col->kind == CLI_STR && keys[i].cell.state == CLI_VALUE)
			keys[i].str = xstrdup(keys[i].cell.str);
	}
	qsort_r(keys, job->nrows, sizeof(*keys), compare_keys, &how);
	for (size_t i = 0; i < job->nrows; i++) {
		job->rows[i] = keys[i].row;
		free(keys[i].str);
	}
	free(keys);
}

/* ------------------------------------------------------------------ */
/* formats							      */

/* Names in lower case, so that table and document cannot drift apart.  Until the next call. */
static const char *column_key(const struct cli_col *c)
{
	static char key[64];
	size_t i;

	for (i = 0; c->name[i] && i + 1 < sizeof(key); i++)
		key[i] = ascii_lower(c->name[i]);
	key[i] = '\0';
	return key;
}

static void json_cell(struct cli_json *j, const struct cli_col *c, const void *row)
{
	const struct cli_cell cell = get_cell(c, row);
	const char *key = column_key(c);
	char buf[32];

	if (cell.state != CLI_VALUE)
		cli_json_null(j, key);
	else if (c->kind == CLI_STR)
		cli_json_str(j, key, cell.str);
	else if (c->kind == CLI_FLOAT)
		cli_json_real(j, key, cell.real, cell.decimals);
	else if (c->kind == CLI_BOOL)
		cli_json_bool(j, key, cell.num != 0);
	else if (c->kind == CLI_STRIP)
		cli_json_strip(j, key, cell.strip);
	else if (c->kind == CLI_ADDRESS)
		cli_json_str(j, key, address(buf, sizeof(buf), &cell));
	else
		cli_json_num(j, key, cell.num);
}

void cli_json_rows(struct cli_json *j, const char *key, const struct cli_col *cols,
		   const void *const *rows, size_t n)
{
	cli_json_open(j, key, '[');
	for (size_t i = 0; i < n; i++) {
		cli_json_open(j, NULL, '{');
		for (const struct cli_col *c = cols; c->name; c++)
			json_cell(j, c, rows[i]);
		cli_json_close(j);
	}
	cli_json_close(j);
}

static int print_json(const struct job *job, const char *name)
{
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_open(j, name, '[');
	for (size_t r = 0; r < job->nrows; r++) {
		cli_json_open(j, NULL, '{');
		for (size_t i = 0; i < job->ncols; i++)
			json_cell(j, job->cols[i], job->rows[r]);
		cli_json_close(j);
	}
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

/* RFC 4180, but lines end as they do on Unix; a missing cell is empty, an empty string "". */
static void add_csv_field(struct str *out, const char *text, bool missing)
{
	if (missing)
		return;
	if (*text && !strpbrk(text, "\", ")) {
		str_add(out, text);
		return;
	}
	str_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			str_addc(out, '"');
		str_addc(out, *text);
	}
	str_addc(out, '"');
}

/* Words: blanks inside are \x20, so that a line always splits into its columns. */
static void add_raw_field(struct str *out, const char *text)
{
	if (!*text)
		str_add(out, "\"\"");
	for (; *text; text++) {
		if (*text == ' ')
			str_add(out, "\\x20");
		else
			str_addc(out, *text);
	}
}

static int put_line(struct str *line)
{
	int rc;

	str_addc(line, '\n');
	rc = cli_print(line);
	str_reset(line);
	return rc;
}

static int print_separated(const struct job *job, bool csv)
{
	__cleanup_str struct str line = STR_INIT;
	__cleanup_str struct str cell_text = STR_INIT;
	char sep = csv ? ',' : ' ';
	int rc = 0;

	for (size_t i = 0; i < job->ncols && !job->opts->noheadings; i++) {
		if (i)
			str_addc(&line, sep);
		/* A reader of CSV keys on the names that JSON has. */
		if (csv)
			str_add(&line, column_key(job->cols[i]));
		else
			str_add(&line, job->cols[i]->name);
	}
	if (!job->opts->noheadings)
		rc = put_line(&line);
	for (size_t r = 0; r < job->nrows && !rc; r++) {
		for (size_t i = 0; i < job->ncols; i++) {
			struct cli_cell cell = get_cell(job->cols[i], job->rows[r]);

			if (i)
				str_addc(&line, sep);
			str_reset(&cell_text);
			add_cell(&cell_text, job->cols[i], &cell, job->opts);
			if (csv)
				add_csv_field(&line, str_get(&cell_text), cell.state != CLI_VALUE);
			else
				add_raw_field(&line, str_get(&cell_text));
		}
		rc = str_err(&cell_text) ? str_err(&cell_text) : put_line(&line);
	}
	return rc;
}

static int add_text_columns(struct libscols_table *tb, const struct job *job)
{
	for (size_t i = 0; i < job->ncols; i++) {
		const struct cli_col *c = job->cols[i];
		struct libscols_column *cl;
		int flags = 0;

		if (c->kind != CLI_STR && c->kind != CLI_BOOL && c->kind != CLI_ADDRESS &&
		    c->kind != CLI_STRIP && !c->left)
			flags |= SCOLS_FL_RIGHT;
		if (c->trunc)
			flags |= SCOLS_FL_TRUNC;
		if (c->wrap)
			flags |= SCOLS_FL_WRAP;
		cl = scols_table_new_column(tb, c->name, c->width, flags);
		if (!cl)
			return -ENOMEM;
		/* By itself it would break words. */
		if (c->wrap && scols_column_set_wrapfunc(cl, scols_wrapnl_chunksize,
							 scols_wrapnl_nextchunk, NULL))
			return -ENOMEM;
	}
	return 0;
}

/* Columns of the terminal that are left for a column that wraps; 0: no end of line. */
static size_t wrap_width(const struct job *job, const struct cli_col *wrap)
{
	size_t taken = job->ncols - 1;
	const size_t all = cli_tty(STDOUT_FILENO) ? cli_width(STDOUT_FILENO) : 0;

	for (size_t i = 0; i < job->ncols && all; i++) {
		size_t widest = strlen(job->cols[i]->name);

		for (size_t r = 0; r < job->nrows; r++) {
			struct cli_cell cell = get_cell(job->cols[i], job->rows[r]);
			__cleanup_str struct str text = STR_INIT;

			add_cell(&text, job->cols[i], &cell, job->opts);
			widest = MAX(widest, text.len);
		}
		taken += job->cols[i] == wrap ? 0 : widest;
	}
	/* With less, one word a line is no table any more. */
	return all > taken + 12 ? all - taken : 0;
}

/* Lines that end at blanks and are as wide as that at most, where words allow. */
static void fold(char *text, size_t width)
{
	char *line = text, *blank = NULL;

	for (char *c = text; width && *c; c++) {
		if (*c == ' ')
			blank = c;
		if ((size_t)(c - line) < width || !blank)
			continue;
		*blank = '\n';
		line = blank + 1;
		blank = NULL;
	}
}

static int add_text_line(struct libscols_table *tb, const struct job *job, const void *row)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < job->ncols; i++) {
		struct cli_cell cell = get_cell(job->cols[i], row);
		__cleanup_str struct str text = STR_INIT;
		char *own;
		int rc;

		add_cell(&text, job->cols[i], &cell, job->opts);
		own = str_steal(&text);
		if (!own)
			return -ENOMEM;
		if (job->cols[i]->wrap)
			fold(own, job->wrap_width);
		rc = scols_line_refer_data(line, i, own);
		if (rc) {
			free(own);
			return rc;
		}
		if (cell.alarm && scols_cell_set_color(scols_line_get_cell(line, i), "red"))
			return -ENOMEM;
	}
	return 0;
}

/* libsmartcols prints nothing at all for a table without rows. */
static void print_headings(const struct job *job)
{
	for (size_t i = 0; i < job->ncols; i++)
		printf("%s%s", i ? " " : "", job->cols[i]->name);
	putchar('\n');
}

static int print_text(struct job *job)
{
	struct libscols_table *tb;
	int rc;

	if (!job->nrows) {
		if (!job->opts->noheadings)
			print_headings(job);
		return 0;
	}
	tb = scols_new_table();
	if (!tb)
		return -ENOMEM;
	scols_table_enable_noheadings(tb, job->opts->noheadings);
	/* The cells are clean already; encoded twice they would be unreadable. */
	scols_table_enable_noencoding(tb, 1);
	scols_table_enable_colors(tb, cli_color());
	/* Of use only where the output is a terminal: elsewhere nothing is cut or wrapped. */
	scols_table_set_termwidth(tb, cli_width(STDOUT_FILENO));
	for (size_t i = 0; i < job->ncols; i++)
		if (job->cols[i]->wrap)
			job->wrap_width = wrap_width(job, job->cols[i]);
	rc = add_text_columns(tb, job);
	for (size_t r = 0; r < job->nrows && !rc; r++)
		rc = add_text_line(tb, job, job->rows[r]);
	if (!rc)
		rc = scols_print_table(tb);
	scols_unref_table(tb);
	return rc;
}

int cli_table_print(const char *name, const struct cli_col *cols, const void *const *rows,
		    size_t nrows, const struct cli_table_opts *opts)
{
	struct job job = { .nrows = nrows, .opts = opts };
	int rc;

	choose_columns(&job, cols);
	job.rows = xcalloc(nrows, sizeof(*job.rows));
	if (nrows)
		memcpy(job.rows, rows, nrows * sizeof(*rows));
	sort_rows(&job, cols);
	switch (opts->format) {
	case CLI_JSON:
		rc = print_json(&job, name);
		break;
	case CLI_RAW:
	case CLI_CSV:
		rc = print_separated(&job, opts->format == CLI_CSV);
		break;
	default:
		rc = print_text(&job);
	}
	free(job.cols);
	free(job.rows);
	return rc;
}
