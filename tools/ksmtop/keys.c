// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * keys.c - what each key does: one table, from which keys are looked up, the last
 * line of the screen is labelled, and the help screen is printed.
 *
 * A handler changes the model or the ui and returns enum top_action for main.c;
 * it neither draws nor reads.  What is typed into a question is prompt.c's.
 */
#include <string.h>

#include "ksmtop/ui.h"

#define BIT(n) (1u << (n))

/* Where a key has its meaning. */
enum {
	IN_TABLE = BIT(UI_TABLE),
	IN_DETAIL = BIT(UI_DETAIL),
	IN_SETTINGS = BIT(UI_SETTINGS),
	IN_HELP = BIT(UI_HELP),
	IN_PANES = IN_DETAIL | IN_SETTINGS | IN_HELP,
	IN_ALL = IN_TABLE | IN_PANES,
};

enum group { G_MOVE, G_FIND, G_ORDER, G_ACT, G_SHOW, G_PROGRAM, __G_N };

static const char *const group_names[] = {
	[G_MOVE] = "Moving",
	[G_FIND] = "Finding",
	[G_ORDER] = "Order of the table",
	[G_ACT] = "Acting on processes",
	[G_SHOW] = "Panes",
	[G_PROGRAM] = "The program",
};

_Static_assert(ARRAY_SIZE(group_names) == __G_N, "a name for each group");

#define FAR 1000000000L	/* further than any list is long */

/* ------------------------------------------------------------------ */
/* handlers								*/

static void scroll_by(size_t *top, long by)
{
	/* What is too far down is set right by the drawing. */
	if (by < 0 && (size_t)-by > *top)
		*top = 0;
	else
		*top += (size_t)by;
}

static unsigned int move_lines(struct top *t, struct ui *ui, long by)
{
	switch (ui->screen) {
	case UI_TABLE:
		top_model_move(&t->model, by);
		break;
	case UI_DETAIL:
		scroll_by(&ui->detail_top, by);
		break;
	case UI_SETTINGS:
		pane_settings_move(ui, &t->model, by);
		break;
	case UI_HELP:
	default:
		scroll_by(&ui->help_top, by);
		break;
	}
	return TOP_REDRAW;
}

static unsigned int move_pages(struct top *t, struct ui *ui, long by)
{
	return move_lines(t, ui, by * MAX(ui->page - 1, 1));
}

static unsigned int shift_columns(struct top *t, struct ui *ui, long by)
{
	enum top_col cols[__TOP_COL_N];
	const int n = (int)top_columns_shown(&t->model, cols);

	/* The first and the last stay. */
	ui->skip = MAX(0, MIN(ui->skip + (int)by, n - 2));
	return TOP_REDRAW;
}

/* The process on show may have ended, and another one is selected by now. */
static bool ended(const struct top *t, const struct ui *ui)
{
	const struct top_proc *p = top_model_selected(&t->model);

	return ui->screen == UI_DETAIL && !t->model.n_tagged &&
	       (!p || p->p.pid != t->detail.pid || p->p.start_ticks != t->detail.start_ticks);
}

static unsigned int ask(struct top *t, struct ui *ui, long what)
{
	if ((what == UI_ASK_ADVISE || what == UI_ASK_UNADVISE || what == UI_ASK_VALUE) &&
	    !top_may_change(t))
		return TOP_REDRAW;
	if (ended(t, ui))
		top_say(t, TOP_WARN, "the process has ended");
	else if (!ui_ask(t, ui, (enum ui_prompt)what))
		top_say(t, TOP_WARN, "no process is selected");
	return TOP_REDRAW;
}

static unsigned int search_again(struct top *t, struct ui *ui __unused, long by)
{
	if (!t->model.search[0])
		top_say(t, TOP_DULL, "nothing to search for yet: press /");
	else if (!top_model_search(&t->model, t->model.search, (int)by))
		top_say(t, TOP_WARN, "not found: %s", t->model.search);
	return TOP_REDRAW;
}

static unsigned int only_members(struct top *t, struct ui *ui __unused, long arg __unused)
{
	top_model_members(&t->model);
	top_say(t, TOP_DULL, t->model.table.members ?
			"shown: only mergeable processes" :
			"shown: all processes");
	return TOP_REDRAW | TOP_CHANGED;
}

static unsigned int sort_next(struct top *t, struct ui *ui __unused, long by)
{
	top_model_sort_next(&t->model, (int)by);
	return TOP_REDRAW | TOP_CHANGED;
}

static unsigned int reverse(struct top *t, struct ui *ui __unused, long arg __unused)
{
	top_model_reverse(&t->model);
	return TOP_REDRAW | TOP_CHANGED;
}

static unsigned int tree(struct top *t, struct ui *ui __unused, long arg __unused)
{
	top_model_tree(&t->model);
	return TOP_REDRAW | TOP_CHANGED;
}

static unsigned int group_next(struct top *t, struct ui *ui __unused, long arg __unused)
{
	top_model_group_next(&t->model);
	if (t->model.table.group == KSM_GROUP_PID)
		top_say(t, TOP_DULL, "not grouped");
	else
		top_say(t, TOP_DULL, "grouped by %s", ksm_group_name(t->model.table.group));
	return TOP_REDRAW | TOP_CHANGED;
}

static unsigned int enter_row(struct top *t, struct ui *ui, long arg __unused)
{
	const struct top_proc *p = top_model_selected(&t->model);

	if (!p) {
		top_model_group_toggle(&t->model);
		return TOP_REDRAW;
	}
	t->detail.pid = p->p.pid;
	t->detail.start_ticks = p->p.start_ticks;
	ui->detail_top = 0;
	ui->screen = UI_DETAIL;
	return TOP_REDRAW | TOP_DETAIL;
}

static unsigned int tag(struct top *t, struct ui *ui __unused, long arg __unused)
{
	top_model_tag(&t->model);
	top_model_move(&t->model, 1);
	return TOP_REDRAW;
}

static unsigned int untag(struct top *t, struct ui *ui __unused, long arg __unused)
{
	top_model_untag(&t->model);
	return TOP_REDRAW;
}

static unsigned int open_settings(struct top *t __unused, struct ui *ui, long arg __unused)
{
	ui->screen = UI_SETTINGS;
	return TOP_REDRAW;
}

static unsigned int open_help(struct top *t __unused, struct ui *ui, long arg __unused)
{
	ui->back = ui->screen;
	ui->help_top = 0;
	ui->screen = UI_HELP;
	return TOP_REDRAW;
}

static unsigned int close_pane(struct top *t __unused, struct ui *ui, long arg __unused)
{
	const enum ui_screen was = ui->screen;

	ui->screen = was == UI_HELP ? ui->back : UI_TABLE;
	return TOP_REDRAW | (was == UI_DETAIL ? TOP_DETAIL_END : 0u);
}

static unsigned int show_all(struct top *t, struct ui *ui __unused, long arg __unused)
{
	if (t->model.filter[0])
		top_model_filter(&t->model, "");
	return TOP_REDRAW;
}

static unsigned int next_style(struct top *t, struct ui *ui __unused, long arg __unused)
{
	t->graph = (t->graph + 1) % __TOP_GRAPH_N;
	return TOP_REDRAW | TOP_CHANGED;
}

static unsigned int pause_display(struct top *t, struct ui *ui __unused, long arg __unused)
{
	t->paused = !t->paused;
	return TOP_REDRAW | (t->paused ? 0u : TOP_SAMPLE);
}

static unsigned int change_interval(struct top *t, struct ui *ui __unused, long by)
{
	static const uint64_t steps_ms[] = { 100,  200,	  500,	 1000,	 2000,	 3000,	 5000,
					     10000, 30000, 60000, 300000, 3600000 };
	char text[32];
	uint64_t ns = t->interval_ns;

	if (by > 0) {
		for (size_t i = 0; i < ARRAY_SIZE(steps_ms) && ns == t->interval_ns; i++)
			if (steps_ms[i] * 1000000 > ns)
				ns = steps_ms[i] * 1000000;
	} else {
		for (size_t i = ARRAY_SIZE(steps_ms); i-- && ns == t->interval_ns;)
			if (steps_ms[i] * 1000000 < ns)
				ns = steps_ms[i] * 1000000;
	}
	top_say(t, TOP_DULL, "interval: %s", cli_duration(text, sizeof(text), ns));
	if (ns == t->interval_ns)
		return TOP_REDRAW;
	t->interval_ns = ns;
	return TOP_REDRAW | TOP_TIMER | TOP_CHANGED;
}

static unsigned int redraw(struct top *t __unused, struct ui *ui, long arg __unused)
{
	ui->repaint = true;
	return TOP_REDRAW | TOP_SAMPLE;
}

static unsigned int suspend(struct top *t __unused, struct ui *ui __unused, long arg __unused)
{
	return TOP_SUSPEND;
}

static unsigned int quit(struct top *t __unused, struct ui *ui __unused, long arg __unused)
{
	return TOP_QUIT;
}

/* ------------------------------------------------------------------ */
/* the table								*/

#define CTRL(c) ((c) & 0x1f)
#define F(n)	(UI_KEY_F0 + (n))

static const struct key_def {
	uint32_t syms[3];	/* 0: none */
	const char *names;	/* as help shows them */
	const char *mouse;	/* what does the same, or NULL */
	const char *label;	/* in the last line; NULL: not there */
	const char *help;
	enum group group;
	unsigned int screens;
	unsigned int (*run)(struct top *t, struct ui *ui, long arg);
	long arg;
} keys[] = {
	{ { UI_KEY_UP, 'k' }, "Up k", "wheel", NULL, "one line up",
	  G_MOVE, IN_ALL, move_lines, -1 },
	{ { UI_KEY_DOWN, 'j' }, "Down j", "wheel", NULL, "one line down",
	  G_MOVE, IN_ALL, move_lines, 1 },
	{ { UI_KEY_PAGE_UP, CTRL('b') }, "PgUp ^B", NULL, NULL, "one page up",
	  G_MOVE, IN_ALL, move_pages, -1 },
	{ { UI_KEY_PAGE_DOWN, CTRL('f') }, "PgDn ^F", NULL, NULL, "one page down",
	  G_MOVE, IN_ALL, move_pages, 1 },
	{ { UI_KEY_HOME }, "Home", NULL, NULL, "to the first line",
	  G_MOVE, IN_ALL, move_lines, -FAR },
	{ { UI_KEY_END }, "End", NULL, NULL, "to the last line",
	  G_MOVE, IN_ALL, move_lines, FAR },
	{ { UI_KEY_LEFT }, "Left", NULL, NULL, "show columns further left",
	  G_MOVE, IN_TABLE, shift_columns, -1 },
	{ { UI_KEY_RIGHT }, "Right", NULL, NULL, "show columns further right",
	  G_MOVE, IN_TABLE, shift_columns, 1 },

	{ { '/', F(3) }, "/ F3", NULL, "Search", "search for a name, user, pid, cgroup, VM or pod",
	  G_FIND, IN_TABLE, ask, UI_ASK_SEARCH },
	{ { 'n' }, "n", NULL, NULL, "go to the next match",
	  G_FIND, IN_TABLE, search_again, 1 },
	{ { 'N' }, "N", NULL, NULL, "go to the match before",
	  G_FIND, IN_TABLE, search_again, -1 },
	{ { 'f', F(4) }, "f F4", NULL, "Filter", "show only lines that contain a text",
	  G_FIND, IN_TABLE, ask, UI_ASK_FILTER },
	{ { UI_KEY_ESC }, "Esc", NULL, NULL, "remove the filter",
	  G_FIND, IN_TABLE, show_all, 0 },
	{ { 'm' }, "m", NULL, NULL, "show only mergeable processes, or all",
	  G_FIND, IN_TABLE, only_members, 0 },

	{ { '<', ',' }, "<", NULL, NULL, "sort by the column to the left",
	  G_ORDER, IN_TABLE, sort_next, -1 },
	{ { '>', '.', F(6) }, "> F6", "click on a heading", "Sort",
	  "sort by the column to the right", G_ORDER, IN_TABLE, sort_next, 1 },
	{ { 'r' }, "r", "click on it again", NULL, "reverse the order",
	  G_ORDER, IN_TABLE, reverse, 0 },
	{ { 't', F(5) }, "t F5", NULL, "Tree", "show parents and children as a tree",
	  G_ORDER, IN_TABLE, tree, 0 },
	{ { 'g' }, "g", NULL, "Group", "group by command, user, cgroup, unit, and what else there is",
	  G_ORDER, IN_TABLE, group_next, 0 },

	{ { ' ' }, "Space", NULL, NULL, "tag the selected process or group, or untag it",
	  G_ACT, IN_TABLE, tag, 0 },
	{ { 'U' }, "U", NULL, NULL, "untag all",
	  G_ACT, IN_TABLE, untag, 0 },
	{ { 'a' }, "a", NULL, "Advise", "let KSM merge the tagged processes, or the selected one",
	  G_ACT, IN_TABLE | IN_DETAIL, ask, UI_ASK_ADVISE },
	{ { 'A' }, "A", NULL, NULL, "stop that, and unmerge what is merged",
	  G_ACT, IN_TABLE | IN_DETAIL, ask, UI_ASK_UNADVISE },

	{ { UI_KEY_ENTER }, "Enter", "click on the selected", NULL,
	  "show details of the process; open or close a group", G_SHOW, IN_TABLE, enter_row, 0 },
	{ { 's', F(2) }, "s F2", NULL, "Settings", "show the settings of the kernel",
	  G_SHOW, IN_TABLE | IN_DETAIL, open_settings, 0 },
	{ { UI_KEY_ENTER, ' ' }, "Enter", "click on the selected", "Change",
	  "change the selected setting", G_SHOW, IN_SETTINGS, ask, UI_ASK_VALUE },
	{ { 'G' }, "G", NULL, NULL, "draw the graph in braille, in blocks, or not at all",
	  G_SHOW, IN_TABLE, next_style, 0 },
	{ { 'h', '?', F(1) }, "h ? F1", NULL, "Help", "show this help",
	  G_SHOW, IN_TABLE | IN_DETAIL | IN_SETTINGS, open_help, 0 },
	{ { UI_KEY_ESC, 'q', UI_KEY_BACKSPACE }, "Esc q", NULL, "Back", "close the pane",
	  G_SHOW, IN_PANES, close_pane, 0 },

	{ { 'p' }, "p", NULL, NULL, "pause the display, or go on",
	  G_PROGRAM, IN_ALL, pause_display, 0 },
	{ { '+', '=' }, "+", NULL, NULL, "take samples less often",
	  G_PROGRAM, IN_ALL, change_interval, 1 },
	{ { '-', '_' }, "-", NULL, NULL, "take samples more often",
	  G_PROGRAM, IN_ALL, change_interval, -1 },
	{ { CTRL('l') }, "^L", NULL, NULL, "read and draw again now",
	  G_PROGRAM, IN_ALL, redraw, 0 },
	{ { CTRL('z') }, "^Z", NULL, NULL, "suspend (fg continues)",
	  G_PROGRAM, IN_ALL, suspend, 0 },
	{ { 'q' }, "q", NULL, "Quit", "quit",
	  G_PROGRAM, IN_TABLE, quit, 0 },
	{ { F(10), CTRL('c') }, "F10 ^C", NULL, NULL, "quit from anywhere",
	  G_PROGRAM, IN_ALL, quit, 0 },
};

static const struct key_def *find_key(const struct ui *ui, uint32_t sym)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys[i].syms) && keys[i].syms[k]; k++)
			if (keys[i].syms[k] == sym && keys[i].screens & BIT(ui->screen))
				return &keys[i];
	return NULL;
}

static unsigned int press(struct top *t, struct ui *ui, uint32_t sym)
{
	const struct key_def *def = find_key(ui, sym);

	return def ? def->run(t, ui, def->arg) : 0;
}

/* ------------------------------------------------------------------ */
/* the mouse								*/

static const struct ui_hit *find_hit(const struct ui *ui, int x, int y)
{
	for (size_t i = 0; i < ui->n_hits; i++) {
		const struct ui_hit *h = &ui->hits[i];

		if (h->y == y && x >= h->x && x < h->x + h->w)
			return h;
	}
	return NULL;
}

static unsigned int click(struct top *t, struct ui *ui, int x, int y)
{
	const struct ui_hit *h = find_hit(ui, x, y);

	if (!h)
		return 0;
	switch (h->kind) {
	case UI_HIT_ROW:
		if (h->what == t->model.selected)
			return press(t, ui, UI_KEY_ENTER);
		top_model_select(&t->model, h->what);
		return TOP_REDRAW;
	case UI_HIT_COLUMN:
		top_model_sort(&t->model, (enum top_col)h->what);
		return TOP_REDRAW | TOP_CHANGED;
	case UI_HIT_SETTING:
		if ((enum ksm_attr)h->what == ui->setting)
			return press(t, ui, UI_KEY_ENTER);
		ui->setting = (enum ksm_attr)h->what;
		return TOP_REDRAW;
	case UI_HIT_KEY:
		return press(t, ui, h->what);
	}
	return 0;
}

unsigned int ui_key(struct top *t, struct ui *ui, struct ui_key key)
{
	unsigned int shown = 0;

	if (key.sym == UI_KEY_NONE)
		return 0;
	/* What was said has been read by now. */
	if (t->message[0]) {
		t->message[0] = '\0';
		shown = TOP_REDRAW;
	}
	if (ui->prompt != UI_ASK_NOTHING)
		return shown | ui_prompt_key(t, ui, key);
	switch (key.sym) {
	case UI_KEY_CLICK:
		return shown | click(t, ui, key.x, key.y);
	case UI_KEY_WHEEL_UP:
		return shown | move_lines(t, ui, -3);
	case UI_KEY_WHEEL_DOWN:
		return shown | move_lines(t, ui, 3);
	default:
		return shown | press(t, ui, key.sym);
	}
}

/* ------------------------------------------------------------------ */
/* what is printed from the table						*/

/* The first of a key's names: "F3" where there is one would be longer. */
static int first_name(const char *names, char *buf, size_t len)
{
	int n = (int)strcspn(names, " ");

	snprintf(buf, len, "%.*s", n, names);
	return n;
}

/* Columns that its label takes in the last line; 0: it is not there on this screen. */
static int label_width(const struct key_def *def, enum ui_screen screen)
{
	char name[16];

	if (!def->label || !(def->screens & BIT(screen)))
		return 0;
	return first_name(def->names, name, sizeof(name)) + canvas_width(def->label) + 1;
}

/* Whoever knows nothing else must find help and the way out. */
static bool is_vital(const struct key_def *def)
{
	return def->run == open_help || def->run == close_pane || def->run == quit;
}

void ui_key_bar(struct area a, struct ui *ui)
{
	char name[16];
	int x = 0, kept = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_vital(&keys[i]))
			kept += label_width(&keys[i], ui->screen);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key_def *def = &keys[i];
		const int w = label_width(def, ui->screen);

		if (is_vital(def))
			kept -= w;
		if (!w || x + w + kept > a.w)
			continue;
		first_name(def->names, name, sizeof(name));
		ui_hit(ui, a, x, 0, w, UI_HIT_KEY, def->syms[0]);
		x += area_text(a, x, 0, CANVAS_KEY, name);
		x += area_text(a, x, 0, CANVAS_LABEL, def->label);
		x += area_text(a, x, 0, CANVAS_NORMAL, " ");
	}
}

enum { NAMES_WIDTH = 9 };

/* Line @i of the help; false behind the last.  @def is NULL for a heading or a blank. */
static bool help_line(size_t i, const struct key_def **def, const char **heading)
{
	*def = NULL;
	*heading = NULL;
	for (enum group g = 0; g < __G_N; g++) {
		if (g && !i--)
			return true;
		if (!i--) {
			*heading = group_names[g];
			return true;
		}
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if (keys[k].group == g && !i--) {
				*def = &keys[k];
				return true;
			}
	}
	return false;
}

static size_t help_lines(void)
{
	const struct key_def *def;
	const char *heading;
	size_t n = 0;

	while (help_line(n, &def, &heading))
		n++;
	return n;
}

void ui_key_help(struct area a, size_t *top)
{
	const size_t n = help_lines();
	const struct key_def *def;
	const char *heading;
	int x;

	if (*top + (size_t)MAX(a.h, 0) > n)
		*top = n > (size_t)a.h ? n - (size_t)a.h : 0;
	for (int y = 0; y < a.h && help_line(*top + (size_t)y, &def, &heading); y++) {
		if (heading)
			area_text(a, 0, y, CANVAS_TITLE, heading);
		if (!def)
			continue;
		area_text(a, 2, y, CANVAS_KEY, def->names);
		x = 2 + NAMES_WIDTH;
		x += area_text(a, x, y, CANVAS_NORMAL, def->help);
		if (def->mouse)
			area_textf(a, x, y, CANVAS_DIM, " (mouse: %s)", def->mouse);
	}
}

void ui_key_help_text(struct str *out)
{
	const struct key_def *def;
	const char *heading;

	for (size_t i = 0; help_line(i, &def, &heading); i++) {
		if (def)
			str_addf(out, "  %-*s%s", NAMES_WIDTH, def->names, def->help);
		if (def && def->mouse)
			str_addf(out, " (mouse: %s)", def->mouse);
		str_addf(out, "%s\n", heading ? heading : "");
	}
}
