// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pane-settings.c - the kernel's attributes: those that can be changed, with the
 * range, the first kernel that has each, and what it does.
 *
 * All of it comes from libksm's table; typing and writing a value is prompt.c's
 * and act.c's.  Attributes that this kernel lacks are shown as such and cannot
 * be selected; those of another engine are not there at all.
 */
#include "ksmtop/ui.h"

/* Positions; in a narrow window the line of the selected one tells the rest. */
enum { X_VALUE = 37, X_UNIT = 49, X_RANGE = 56, X_SINCE = 74, X_HELP = 82 };
enum { NARROW = 60, NARROW_VALUE = 28 };

static bool is_knob(enum ksm_attr id)
{
	return ksm_attr_info(id)->kind == KSM_KIND_KNOB;
}

static bool can_select(const struct model *m, enum ksm_attr id)
{
	return is_knob(id) && m->stats.attr[id].state == KSM_VALUE;
}

static void step(struct ui *ui, const struct model *m, int by)
{
	int id = (int)ui->setting;

	do {
		id += by;
		if (id < 0 || id >= __KSM_ATTR_N)
			return;
	} while (!can_select(m, (enum ksm_attr)id));
	ui->setting = (enum ksm_attr)id;
}

void pane_settings_move(struct ui *ui, const struct model *m, long by)
{
	for (int i = 0; i < __KSM_ATTR_N && by; i++, by += by < 0 ? 1 : -1)
		step(ui, m, by < 0 ? -1 : 1);
}

static const char *value_text(const struct ksm_value *v, enum ksm_attr id, char *buf, size_t len)
{
	if (v->state == KSM_DENIED)
		return "denied";
	if (v->state != KSM_VALUE)
		return "absent";
	return ksm_attr_format(id, v, buf, len);
}

static void draw_attr(struct area a, int y, const struct model *m, enum ksm_attr id)
{
	const struct ksm_attr_info *in = ksm_attr_info(id);
	const struct ksm_value *v = &m->stats.attr[id];
	const bool there = v->state == KSM_VALUE, narrow = a.w < NARROW;
	const int end = narrow ? a.w : X_VALUE + 11;
	const struct area name = area_sub(a, 0, y, narrow ? NARROW_VALUE - 1 : X_VALUE - 1, 1);
	char text[KSM_ATTR_TEXT_MAX], range[96];
	int x;

	area_foreign(name, 0, 0, there ? CANVAS_NORMAL : CANVAS_DIM, in->name, (size_t)-1);
	area_right(a, end, y, !there ? CANVAS_DIM : is_knob(id) ? CANVAS_TITLE : CANVAS_NORMAL,
		   value_text(v, id, text, sizeof(text)));
	if (narrow)
		return;
	area_text(a, X_UNIT, y, CANVAS_DIM, ksm_unit_name(in->unit));
	if (is_knob(id))
		area_text(area_sub(a, X_RANGE, y, X_SINCE - X_RANGE - 1, 1), 0, 0, CANVAS_DIM,
			  ksm_attr_range(id, range, sizeof(range)));
	x = area_textf(a, X_SINCE, y, there ? CANVAS_DIM : CANVAS_WARN, "%s", in->since);
	if (X_SINCE + x < X_HELP)
		area_text(a, X_HELP, y, CANVAS_NORMAL, in->help);
}

static void draw_heading(struct area a, const char *title)
{
	const bool narrow = a.w < NARROW;

	area_repeat(a, 0, 0, a.w, CANVAS_HEADER, ' ');
	area_text(a, 0, 0, CANVAS_HEADER, title);
	area_right(a, narrow ? a.w : X_VALUE + 11, 0, CANVAS_HEADER, "VALUE");
	if (narrow)
		return;
	area_text(a, X_UNIT, 0, CANVAS_HEADER, "UNIT");
	area_text(a, X_RANGE, 0, CANVAS_HEADER, "RANGE");
	area_text(a, X_SINCE, 0, CANVAS_HEADER, "SINCE");
	area_text(a, X_HELP, 0, CANVAS_HEADER, "MEANING");
}

/* What there is no room for in a line: of the selected one alone. */
static void draw_about(struct area a, const struct model *m, enum ksm_attr id)
{
	const struct ksm_attr_info *in = ksm_attr_info(id);
	char range[96];

	area_rule(a, 0, in->name);
	area_text(a, 0, 1, CANVAS_NORMAL, in->help);
	area_textf(a, 0, 2, CANVAS_DIM, "%s%s%s%s%s %s",
		   is_knob(id) ? ksm_attr_range(id, range, sizeof(range)) : "",
		   is_knob(id) && *ksm_unit_name(in->unit) ? " " : "",
		   is_knob(id) ? ksm_unit_name(in->unit) : "", is_knob(id) ? ", " : "",
		   ksm_attr_is_hksm(id) ? "only in" : "since Linux", in->since);
	if (m->stats.attr[id].state == KSM_ABSENT)
		area_text(a, a.w - 8, 2, CANVAS_WARN, "absent");
}

enum { TITLE_SETTINGS = -1, TITLE_FIGURES = -2 };

/* What stands in each line: an attribute, or a title. */
struct lines {
	int of[__KSM_ATTR_N + 2];
	int n;
};

static struct lines lines_list(const struct model *m)
{
	struct lines l = { .of = { TITLE_SETTINGS }, .n = 1 };
	bool figures = false;

	ksm_for_each_attr(id) {
		if (ksm_attr_is_foreign(id, m->stats.attr[id].state))
			continue;
		if (!is_knob(id) && !figures) {
			l.of[l.n++] = TITLE_FIGURES;
			figures = true;
		}
		l.of[l.n++] = (int)id;
	}
	return l;
}

static int line_of(const struct lines *l, enum ksm_attr id)
{
	for (int i = 0; i < l->n; i++)
		if (l->of[i] == (int)id)
			return i;
	return 0;
}

void pane_settings(struct area a, const struct top *t, struct ui *ui)
{
	const struct model *m = &t->model;
	const int about = a.h >= 8 ? 3 : 0;
	const struct lines lines = lines_list(m);
	const struct area list = area_sub(a, 0, 0, a.w, a.h - about);
	int selected;

	if (!can_select(m, ui->setting))
		for (int i = 0; i < lines.n && !can_select(m, ui->setting); i++)
			if (lines.of[i] >= 0)
				ui->setting = (enum ksm_attr)lines.of[i];
	selected = line_of(&lines, ui->setting);
	/* With the first one comes the title above it. */
	if (selected <= 1)
		ui->settings_top = 0;
	ui->page = list.h;
	ui_scroll(&ui->settings_top, (size_t)selected, (size_t)lines.n, list.h);
	for (int y = 0; y < list.h; y++) {
		const int line = (int)ui->settings_top + y;
		struct area row = area_sub(list, 0, y, a.w, 1);
		int id;

		if (line >= lines.n)
			break;
		id = lines.of[line];
		if (id < 0) {
			draw_heading(row, id == TITLE_FIGURES ? "WHAT THE KERNEL TELLS" : "SETTING");
			continue;
		}
		draw_attr(row, 0, m, (enum ksm_attr)id);
		if (!can_select(m, (enum ksm_attr)id))
			continue;
		if (line == selected)
			area_role(row, 0, 0, a.w, CANVAS_SELECTED);
		ui_hit(ui, row, 0, 0, a.w, UI_HIT_SETTING, (uint32_t)id);
	}
	if (about)
		draw_about(area_sub(a, 0, a.h - about, a.w, about), m, ui->setting);
}
