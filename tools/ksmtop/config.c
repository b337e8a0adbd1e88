// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config.c - what ksmtop remembers: the interval, how things are drawn, order
 * and columns of the table.
 *
 * Lines "KEY VALUE".  The parser (init, line, finish) takes no files and accepts
 * anything: what it does not know is left out, since the file may be of a later
 * version.  Options on the command line go before it.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/num.h"

#define LINE_MAX_LEN 1024

void top_config_init(struct top_config *c)
{
	memset(c, 0, sizeof(*c));
	c->interval_ns = UINT64_C(1000000000);
	top_table_init(&c->table);
}

/* --- one key each: from text, and back --- */

static int get_bool(const char *text, bool *out)
{
	if (strcmp(text, "yes") && strcmp(text, "no"))
		return -EINVAL;
	*out = text[0] == 'y';
	return 0;
}

static int get_interval(struct top_config *c, const char *text)
{
	uint64_t ns;

	if (num_duration(text, &ns) || ns < TOP_INTERVAL_MIN_NS || ns > TOP_INTERVAL_MAX_NS)
		return -EINVAL;
	c->interval_ns = ns;
	return 0;
}

static int get_ascii(struct top_config *c, const char *text)
{
	return get_bool(text, &c->ascii);
}

static int get_color(struct top_config *c, const char *text)
{
	bool color;

	if (get_bool(text, &color))
		return -EINVAL;
	c->no_color = !color;
	return 0;
}

static const char *const graph_names[] = {
	[TOP_GRAPH_BRAILLE] = "braille",
	[TOP_GRAPH_BLOCKS] = "blocks",
	[TOP_GRAPH_NONE] = "none",
};

static int get_graph(struct top_config *c, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(graph_names); i++)
		if (!strcmp(graph_names[i], text)) {
			c->graph = i;
			return 0;
		}
	return -EINVAL;
}

static int get_sort(struct top_config *c, const char *text)
{
	const bool reverse = *text == '-';
	const int id = top_column_find(text + reverse);

	if (id < 0)
		return -EINVAL;
	c->table.sort = id;
	c->table.reverse = reverse;
	return 0;
}

static int get_tree(struct top_config *c, const char *text)
{
	return get_bool(text, &c->table.tree);
}

static int get_group(struct top_config *c, const char *text)
{
	const int g = ksm_group_find(text);

	if (g < 0)
		return -EINVAL;
	c->table.group = g;
	return 0;
}

static int get_members(struct top_config *c, const char *text)
{
	return get_bool(text, &c->table.members);
}

/* All or nothing: a list with an unknown name is of another version. */
static int get_columns(struct top_config *c, const char *text)
{
	bool shown[__TOP_COL_N] = { false };
	char list[LINE_MAX_LEN], *rest = list, *word;
	int id;

	snprintf(list, sizeof(list), "%s", text);
	while ((word = strsep(&rest, ","))) {
		id = top_column_find(word);
		if (id < 0)
			return -EINVAL;
		shown[id] = true;
	}
	memcpy(c->table.shown, shown, sizeof(shown));
	return 0;
}

static int put_interval(const struct top_config *c, struct str *out)
{
	return str_addf(out, "%llums", (unsigned long long)(c->interval_ns / 1000000));
}

static const char *yes(bool b)
{
	return b ? "yes" : "no";
}

static int put_ascii(const struct top_config *c, struct str *out)
{
	return str_add(out, yes(c->ascii));
}

static int put_color(const struct top_config *c, struct str *out)
{
	return str_add(out, yes(!c->no_color));
}

static int put_graph(const struct top_config *c, struct str *out)
{
	return str_add(out, graph_names[c->graph]);
}

static int put_sort(const struct top_config *c, struct str *out)
{
	return str_addf(out, "%s%s", c->table.reverse ? "-" : "", top_column(c->table.sort)->key);
}

static int put_tree(const struct top_config *c, struct str *out)
{
	return str_add(out, yes(c->table.tree));
}

static int put_group(const struct top_config *c, struct str *out)
{
	return str_add(out, ksm_group_name(c->table.group));
}

static int put_members(const struct top_config *c, struct str *out)
{
	return str_add(out, yes(c->table.members));
}

static int put_columns(const struct top_config *c, struct str *out)
{
	bool any = false;

	for (int id = 0; id < __TOP_COL_N; id++) {
		if (!c->table.shown[id])
			continue;
		str_addf(out, "%s%s", any ? "," : "", top_column(id)->key);
		any = true;
	}
	return str_err(out);
}

static const struct {
	const char *key;
	int (*get)(struct top_config *c, const char *text);	/* 0 or -EINVAL, nothing changed */
	int (*put)(const struct top_config *c, struct str *out);
} keys[] = {
	{ "interval", get_interval, put_interval },
	{ "ascii", get_ascii, put_ascii },
	{ "color", get_color, put_color },
	{ "graph", get_graph, put_graph },
	{ "sort", get_sort, put_sort },
	{ "tree", get_tree, put_tree },
	{ "group", get_group, put_group },
	{ "members", get_members, put_members },
	{ "columns", get_columns, put_columns },
};

/* --- the parser --- */

void top_config_line(struct top_config *c, const char *line, size_t len)
{
	char text[LINE_MAX_LEN], *value;

	c->line++;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && strchr(" \t\r\n", line[len - 1]) && line[len - 1])
		len--;
	if (!len || *line == '#')
		return;
	if (len >= sizeof(text) || memchr(line, '\0', len)) {
		c->bad++;
		return;
	}
	memcpy(text, line, len);
	text[len] = '\0';
	value = text + strcspn(text, " \t");
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].key, text)) {
			c->bad += keys[i].get(c, value) != 0;
			return;
		}
	c->bad++;
}

void top_config_finish(struct top_config *c)
{
	bool any = false;

	/* Rows are groups or a tree, not both. */
	if (c->table.group != KSM_GROUP_PID)
		c->table.tree = false;
	for (int id = 0; id < __TOP_COL_N; id++)
		any |= c->table.shown[id];
	if (any)
		return;
	for (int id = 0; id < __TOP_COL_N; id++)
		c->table.shown[id] = top_column(id)->shown;
}

int top_config_format(const struct top_config *c, struct str *out)
{
	str_add(out, "# Written by ksmtop when it ends and something was changed.\n");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		str_addf(out, "%s ", keys[i].key);
		keys[i].put(c, out);
		str_addc(out, '\n');
	}
	return str_err(out);
}

/* --- the file --- */

/* The directory it is in; -ENOENT without a home. */
static int config_dir(struct str *out)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	/* A relative one is to be taken for none (XDG Base Directory Specification). */
	if (base && *base == '/')
		str_add(out, base);
	else if (home && *home == '/')
		str_addf(out, "%s/.config", home);
	else
		return -ENOENT;
	str_add(out, "/ksm-utils");
	return str_err(out);
}

static int config_path(struct str *out)
{
	int rc = config_dir(out);

	if (!rc)
		rc = str_add(out, "/ksmtop");
	return rc;
}

int top_config_load(struct top_config *c)
{
	struct str path __cleanup_str = STR_INIT;
	FILE *f __cleanup_file = NULL;
	char *line __cleanup_free = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = config_path(&path);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	f = fopen(str_get(&path), "re");
	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	errno = 0;
	while ((n = getline(&line, &cap, f)) > 0)
		top_config_line(c, line, n);
	/* Of a file that is half read, half would be kept when it is written again. */
	if (ferror(f)) {
		rc = errno ? -errno : -EIO;
		top_config_init(c);
		return rc;
	}
	top_config_finish(c);
	return 0;
}

/* Each directory of the path, as far as it is not there. */
static int make_dirs(const char *path)
{
	struct str part __cleanup_str = STR_INIT;
	int rc = str_add(&part, path);

	for (size_t i = 1; !rc && i <= part.len; i++) {
		if (i < part.len && part.s[i] != '/')
			continue;
		part.s[i] = '\0';
		if (mkdir(part.s, 0700) && errno != EEXIST)
			rc = -errno;
		if (i < part.len)
			part.s[i] = '/';
	}
	return rc;
}

/* Beside it first: whoever reads it sees the old one or the new one whole. */
static int replace(const char *path, const struct str *text)
{
	struct str tmp __cleanup_str = STR_INIT;
	FILE *f __cleanup_file = NULL;
	int rc, fd;

	rc = str_addf(&tmp, "%s.XXXXXX", path);
	if (rc)
		return rc;
	fd = mkstemp(tmp.s);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		rc = -errno;
		close(fd);
	} else if (fwrite(text->s, 1, text->len, f) != text->len || fflush(f)) {
		rc = -errno;
	} else if (rename(tmp.s, path)) {
		rc = -errno;
	}
	if (rc)
		unlink(tmp.s);
	return rc;
}

int top_config_save(const struct top_config *c)
{
	struct str path __cleanup_str = STR_INIT, text __cleanup_str = STR_INIT;
	int rc = config_dir(&path);

	if (!rc)
		rc = make_dirs(str_get(&path));
	if (!rc)
		rc = str_add(&path, "/ksmtop");
	if (!rc)
		rc = top_config_format(c, &text);
	return rc ? rc : replace(str_get(&path), &text);
}
