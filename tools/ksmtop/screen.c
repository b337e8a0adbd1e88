// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * screen.c - which pane goes where, in a window of any size, and the last line.
 *
 * The order of giving up in a small one: the graph, then figures; the state, the
 * verdict, the gauges, four rows of the table and the last line are what 40
 * columns by 10 lines hold.
 */
#include <stdlib.h>
#include <string.h>

#include "ksmtop/ui.h"

/* Below this many lines for the table the graph is left out. */
enum { TABLE_MIN = 7, GRAPH_MIN = 4, GRAPH_MAX = 9 };

/* A message of good news stays for so many samples, and for so long, where they come fast. */
#define MESSAGE_SAMPLES 5
#define MESSAGE_NS	UINT64_C(4000000000)

struct ui *ui_new(void)
{
	return calloc(1, sizeof(struct ui));
}

void ui_free(struct ui *ui)
{
	if (!ui)
		return;
	canvas_fini(&ui->canvas);
	free(ui->targets);
	free(ui);
}

static uint64_t message_samples(const struct top *t)
{
	return t->interval_ns ? MAX(MESSAGE_SAMPLES, MESSAGE_NS / t->interval_ns) : MESSAGE_SAMPLES;
}

/* News that needs no answer gives the line back after a while. */
static void age_message(struct top *t, struct ui *ui)
{
	if (!t->message[0] || t->tone == TOP_WARN || t->tone == TOP_BAD) {
		ui->said_at = 0;
		return;
	}
	if (!ui->said_at || strcmp(ui->said, t->message)) {
		ui->said_at = t->model.n_samples + 1;
		snprintf(ui->said, sizeof(ui->said), "%s", t->message);
	} else if (t->model.n_samples + 1 >= ui->said_at + message_samples(t)) {
		t->message[0] = '\0';
		ui->said_at = 0;
	}
}

static void draw_last_line(struct area a, struct top *t, struct ui *ui)
{
	age_message(t, ui);
	if (ui->prompt != UI_ASK_NOTHING)
		ui_prompt_draw(a, t, ui);
	else if (t->message[0])
		area_text_cut(a, 0, 0, ui_tone_role(t->tone), t->message);
	else
		ui_key_bar(a, ui);
}

/* How the table is filtered, grouped, tagged; nothing is hidden without a word. */
static void draw_choices(struct area a, const struct model *m)
{
	struct str text __cleanup_str = STR_INIT;

	if (m->n_tagged)
		str_addf(&text, " %zu tagged ", m->n_tagged);
	if (m->table.group != KSM_GROUP_PID)
		str_addf(&text, " by %s ", ksm_group_name(m->table.group));
	else if (m->table.tree)
		str_add(&text, " tree ");
	if (m->table.members)
		str_add(&text, " mergeable ");
	if (m->filter[0]) {
		str_add(&text, " filter ");
		cli_safe(&text, m->filter, (size_t)-1);
		str_add(&text, " ");
	}
	area_right(a, a.w - 1, 0, CANVAS_WARN, str_get(&text));
}

static void draw_table_screen(struct area a, const struct top *t, struct ui *ui)
{
	const int summary = MIN(pane_summary_height(a.w, a.h), a.h);
	const int left = a.h - summary;
	const bool rule = left >= TABLE_MIN;
	int graph = MIN(GRAPH_MAX, left - TABLE_MIN - 1);
	int y = summary;

	pane_summary(area_sub(a, 0, 0, a.w, summary), t);
	if (graph > left / 3 + 1)
		graph = left / 3 + 1;
	if (graph >= GRAPH_MIN && t->graph != TOP_GRAPH_NONE && t->model.present == KSM_VALUE) {
		pane_graph(area_sub(a, 0, y, a.w, graph), &t->model, t->graph);
		y += graph;
	}
	if (rule) {
		area_rule(area_sub(a, 0, y, a.w, 1), 0, "Processes");
		draw_choices(area_sub(a, 0, y, a.w, 1), &t->model);
		y++;
	}
	pane_procs(area_sub(a, 0, y, a.w, a.h - y), &t->model, ui);
	/* Over the last heading, which is the one that needs no explanation. */
	if (!rule && (t->model.filter[0] || t->model.table.members || t->model.n_tagged))
		draw_choices(area_sub(a, 0, y, a.w, MIN(1, a.h - y)), &t->model);
}

/* A pane in place of the table; the state and the verdict stay where there is room. */
static struct area draw_pane_head(struct area a, const struct top *t, const char *title)
{
	const int head = a.h >= 16 ? 2 : 0;

	if (head)
		pane_summary(area_sub(a, 0, 0, a.w, head), t);
	area_rule(a, head, title);
	return area_sub(a, 0, head + 1, a.w, a.h - head - 1);
}

void ui_draw(struct top *t, struct ui *ui)
{
	struct area all = canvas_area(&ui->canvas);
	const struct area last = area_sub(all, 0, all.h - 1, all.w, 1);

	canvas_clear(&ui->canvas);
	ui->n_hits = 0;
	all.h--;
	switch (ui->screen) {
	case UI_DETAIL:
		pane_detail(draw_pane_head(all, t, "Process"), t, ui);
		break;
	case UI_SETTINGS:
		pane_settings(draw_pane_head(all, t, "Settings of the kernel"), t, ui);
		break;
	case UI_HELP:
		all = draw_pane_head(all, t, "Keys");
		ui->page = all.h;
		ui_key_help(all, &ui->help_top);
		break;
	case UI_TABLE:
	default:
		draw_table_screen(all, t, ui);
		break;
	}
	draw_last_line(last, t, ui);
}
