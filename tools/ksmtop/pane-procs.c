// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pane-procs.c - the table: which columns fit, its heading, its rows, the tree.
 *
 * What a cell says comes from columns.c.  A row is text over its full width, so
 * that a selection is a bar; roles of single cells give way to it.
 */
#include <string.h>

#include "ksmtop/ui.h"

/* A name shorter than this tells little: figures give way before. */
#define NAME_MIN(w) MAX(10, MIN(24, (w) / 4))

/* Figures that are given up for the name's sake, the first first. */
static const enum top_col dispensable[] = {
	TOP_COL_DOMAIN,	   TOP_COL_META, TOP_COL_PPID,	TOP_COL_CGROUP,	  TOP_COL_UNIT,
	TOP_COL_VM,	   TOP_COL_AGE,	 TOP_COL_ZERO,	TOP_COL_ITEMS,	  TOP_COL_SCAN_RATE,
	TOP_COL_SAVED_PCT, TOP_COL_RSS,	 TOP_COL_USER,	TOP_COL_MEMBERS,  TOP_COL_GROWTH,
	TOP_COL_BREAK_RATE, TOP_COL_SCAN_CPU, TOP_COL_STATE, TOP_COL_PROCS, TOP_COL_MERGING,
	TOP_COL_PROFIT,
};

struct layout {
	enum top_col id[__TOP_COL_N];
	int x[__TOP_COL_N], w[__TOP_COL_N];
	size_t n;
};

static bool is_text(enum top_col id)
{
	const struct cli_col *c = &top_column(id)->col;

	return c->kind == CLI_STR || c->left;
}

static int width_of(enum top_col id)
{
	const struct top_column *c = top_column(id);

	return MAX(c->width, canvas_width(c->col.name));
}

static void drop(struct layout *l, size_t i)
{
	l->n--;
	memmove(&l->id[i], &l->id[i + 1], (l->n - i) * sizeof(l->id[0]));
}

static int room_for_name(const struct layout *l, int w)
{
	for (size_t i = 0; i + 1 < l->n; i++)
		w -= width_of(l->id[i]) + 1;
	return w;
}

/* Scrolled out: those behind the first, which tells rows apart. */
static void skip_columns(struct layout *l, int skip)
{
	while (skip-- > 0 && l->n > 2)
		drop(l, 1);
}

static void drop_what_does_not_fit(struct layout *l, const struct model *m, int w)
{
	for (size_t d = 0; d < ARRAY_SIZE(dispensable); d++) {
		if (room_for_name(l, w) >= NAME_MIN(w))
			return;
		for (size_t i = 0; i + 1 < l->n; i++)
			if (l->id[i] == dispensable[d] && l->id[i] != m->table.sort) {
				drop(l, i);
				break;
			}
	}
}

static void lay_out(struct layout *l, const struct model *m, int w, int skip)
{
	int x = 0;

	l->n = top_columns_shown(m, l->id);
	skip_columns(l, skip);
	drop_what_does_not_fit(l, m, w);
	for (size_t i = 0; i < l->n; i++) {
		l->x[i] = x;
		l->w[i] = i + 1 < l->n ? width_of(l->id[i]) : MAX(w - x, 0);
		x += l->w[i] + 1;
	}
}

/* ------------------------------------------------------------------ */
/* the heading								*/

/* Largest first: points down. */
static bool points_down(const struct model *m)
{
	return top_column(m->table.sort)->ascending == m->table.reverse;
}

static void draw_heading(struct area a, const struct model *m, const struct layout *l,
			 struct ui *ui)
{
	area_repeat(a, 0, 0, a.w, CANVAS_HEADER, ' ');
	for (size_t i = 0; i < l->n; i++) {
		const char *name = top_column(l->id[i])->col.name;
		const bool sorted = l->id[i] == m->table.sort && !m->table.tree;
		const enum canvas_role role = sorted ? CANVAS_SORTED : CANVAS_HEADER;
		struct area cell = area_sub(a, l->x[i], 0, l->w[i], 1);
		const int w = canvas_width(name);
		const int x = is_text(l->id[i]) ? 0 : cell.w - w;

		area_text(cell, x, 0, role, name);
		/* The mark takes the blank beside the name, or the one between columns. */
		if (sorted)
			area_text(a, is_text(l->id[i]) ? l->x[i] + w : l->x[i] + x - 1, 0, role,
				  points_down(m) ? "\xe2\x96\xbc" : "\xe2\x96\xb2");
		ui_hit(ui, a, l->x[i], 0, l->w[i] + 1, UI_HIT_COLUMN, l->id[i]);
	}
}

/* ------------------------------------------------------------------ */
/* rows									*/

static enum canvas_role cell_role(const struct row *row, enum top_col id)
{
	struct cli_cell cell;

	if (row->p && row->p->tagged)
		return CANVAS_TAGGED;
	if (row->context)
		return CANVAS_DIM;
	if (!row->p && id == TOP_COL_GROUP)
		return CANVAS_TITLE;
	if (row->p ? !top_column(id)->of_proc : !top_column(id)->of_group)
		return CANVAS_NORMAL;
	top_cell(row, id, &cell);
	if (cell.alarm)
		return CANVAS_BAD;
	if (cell.state != CLI_VALUE)
		return CANVAS_DIM;
	if (id == TOP_COL_STATE && row->p)
		return row->p->p.member == KSM_MEMBER_OFF ||
		       row->p->p.member == KSM_MEMBER_DENIED ? CANVAS_DIM : CANVAS_GOOD;
	return CANVAS_NORMAL;
}

/* Lines of the tree in front of a name; returns their width. */
static int draw_tree(struct area a, const struct row *row)
{
	int x = 0;

	for (unsigned int d = 1; d < row->depth && d < 64; d++)
		x += area_text(a, x, 0, CANVAS_DIM,
			       row->rails >> d & 1 ? "\xe2\x94\x82 " : "  ");
	if (row->depth)
		x += area_text(a, x, 0, CANVAS_DIM,
			       row->last ? "\xe2\x94\x94\xe2\x94\x80 " : "\xe2\x94\x9c\xe2\x94\x80 ");
	return x;
}

static void draw_name(struct area a, const struct row *row, enum top_col id)
{
	const enum canvas_role role = cell_role(row, id);
	char buf[64];
	const char *text = top_cell_text(row, id, buf, sizeof(buf));
	int x = 0;

	if (row->g && !row->p)
		x = area_text(a, 0, 0, role, row->g->open ? "- " : "+ ");
	else
		x = draw_tree(a, row);
	if (!row->p && !*row->g->key)
		area_text(a, x, 0, CANVAS_DIM, "(none)");
	else
		area_foreign(a, x, 0, role, text, (size_t)-1);
}

static void draw_cell(struct area a, const struct row *row, enum top_col id)
{
	const enum canvas_role role = cell_role(row, id);
	char buf[64];
	const char *text = top_cell_text(row, id, buf, sizeof(buf));

	if (is_text(id))
		area_foreign(a, 0, 0, role, text, (size_t)-1);
	else
		area_right(a, a.w, 0, role, text);
}

static void draw_row(struct area a, const struct row *row, const struct layout *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct area cell = area_sub(a, l->x[i], 0, l->w[i], 1);

		if (i + 1 == l->n)
			draw_name(cell, row, l->id[i]);
		else
			draw_cell(cell, row, l->id[i]);
	}
	/* Told without colours too. */
	if (row->p && row->p->tagged && l->n > 1)
		area_text(a, l->x[1] - 1, 0, CANVAS_TAGGED, "*");
}

/* ------------------------------------------------------------------ */
/* no rows								*/

static void draw_empty(struct area a, const struct model *m)
{
	const char *text = "no process to show";

	if (!m->n_samples)
		text = "";
	else if (m->filter[0])
		text = "no process passes the filter (Esc removes it)";
	else if (m->table.members && m->n_procs)
		text = "no process is mergeable: m shows all, a advises one";
	area_text(a, 1, 0, CANVAS_DIM, text);
}

void pane_procs(struct area a, const struct model *m, struct ui *ui)
{
	const struct area body = area_sub(a, 0, 1, a.w, a.h - 1);
	struct layout l;

	if (a.h < 1)
		return;
	lay_out(&l, m, a.w, ui->skip);
	draw_heading(area_sub(a, 0, 0, a.w, 1), m, &l, ui);
	ui->page = body.h;
	ui_scroll(&ui->table_top, m->selected, m->n_rows, body.h);
	if (!m->n_rows)
		draw_empty(body, m);
	for (int y = 0; y < body.h && ui->table_top + (size_t)y < m->n_rows; y++) {
		const size_t i = ui->table_top + (size_t)y;
		struct area line = area_sub(body, 0, y, a.w, 1);

		draw_row(line, &m->rows[i], &l);
		if (i == m->selected)
			area_role(line, 0, 0, a.w, CANVAS_SELECTED);
		ui_hit(ui, line, 0, 0, a.w, UI_HIT_ROW, (uint32_t)i);
	}
}
