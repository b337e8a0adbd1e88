// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-top-keys.c - each key of ksmtop and the mouse: what it changes, and what it
 * asks of the loop.  Nothing is drawn on a terminal and nothing acts.
 */
#include <locale.h>
#include <stdlib.h>

#include "tap.h"
#include "top.h"

#define BUSY "6.12-busy"

static void open_busy(struct fixture *f)
{
	setlocale(LC_ALL, "C.UTF-8");
	top_fixture_root(f, BUSY, NULL);
	f->t.readonly = false;
	top_fixture_draw(f, 80, 24);
}

static pid_t selected(const struct fixture *f)
{
	const struct top_proc *p = top_model_selected(&f->t.model);

	return p ? p->p.pid : 0;
}

/* A key in a fresh table: what it asks, and the line it says. */
static void actions(void)
{
	static const struct {
		uint32_t sym;
		unsigned int todo;
		const char *says;	/* NULL: nothing */
	} rows[] = {
		{ 'q', TOP_QUIT, NULL },
		{ UI_KEY_F0 + 10, TOP_QUIT, NULL },
		{ 3, TOP_QUIT, NULL },
		{ 26, TOP_SUSPEND, NULL },
		{ 12, TOP_REDRAW | TOP_SAMPLE, NULL },
		{ 'h', TOP_REDRAW, NULL },
		{ '?', TOP_REDRAW, NULL },
		{ UI_KEY_F0 + 1, TOP_REDRAW, NULL },
		{ 's', TOP_REDRAW, NULL },
		{ 'r', TOP_REDRAW | TOP_CHANGED, NULL },
		{ 't', TOP_REDRAW | TOP_CHANGED, NULL },
		{ 'g', TOP_REDRAW | TOP_CHANGED, "grouped by comm" },
		{ '<', TOP_REDRAW | TOP_CHANGED, NULL },
		{ '>', TOP_REDRAW | TOP_CHANGED, NULL },
		{ '+', TOP_REDRAW | TOP_TIMER | TOP_CHANGED, "interval: 2s" },
		{ '-', TOP_REDRAW | TOP_TIMER | TOP_CHANGED, "interval: 500ms" },
		{ 'n', TOP_REDRAW, "nothing to search for yet: press /" },
		{ UI_KEY_ENTER, TOP_REDRAW | TOP_DETAIL, NULL },
		{ 'p', TOP_REDRAW, NULL },
		{ 'm', TOP_REDRAW | TOP_CHANGED, "shown: only mergeable processes" },
		{ '%', 0, NULL },
		{ 0x1f600, 0, NULL },
		{ UI_KEY_F0 + 12, 0, NULL },
		{ UI_KEY_NONE, 0, NULL },
	};
	struct fixture f;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("key %#x", (unsigned int)rows[i].sym);
		open_busy(&f);
		CHECK_UINT(top_fixture_press(&f, rows[i].sym), rows[i].todo);
		CHECK_STR(f.t.message, rows[i].says ? rows[i].says : "");
		top_fixture_free(&f);
	}
}

static void moving(void)
{
	struct fixture f;
	size_t n;

	open_busy(&f);
	n = f.t.model.n_rows;
	CHECK(n > 10);
	CHECK_UINT(f.t.model.selected, 0);
	top_fixture_press(&f, UI_KEY_DOWN);
	top_fixture_type(&f, "j");
	CHECK_UINT(f.t.model.selected, 2);
	top_fixture_press(&f, UI_KEY_UP);
	CHECK_UINT(f.t.model.selected, 1);
	top_fixture_type(&f, "kkkk");
	CHECK_UINT(f.t.model.selected, 0);
	top_fixture_press(&f, UI_KEY_END);
	CHECK_UINT(f.t.model.selected, n - 1);
	top_fixture_draw(&f, 80, 24);
	CHECK_UINT(f.ui->table_top, n - (size_t)f.ui->page);
	top_fixture_press(&f, UI_KEY_HOME);
	top_fixture_press(&f, UI_KEY_PAGE_DOWN);
	CHECK_UINT(f.t.model.selected, (size_t)f.ui->page - 1);
	top_fixture_press(&f, UI_KEY_PAGE_UP);
	CHECK_UINT(f.t.model.selected, 0);
	top_fixture_press(&f, UI_KEY_WHEEL_DOWN);
	CHECK_UINT(f.t.model.selected, 3);
	top_fixture_press(&f, UI_KEY_WHEEL_UP);
	CHECK_UINT(f.t.model.selected, 0);
	top_fixture_free(&f);
}

static void columns(void)
{
	struct fixture f;

	open_busy(&f);
	top_fixture_press(&f, UI_KEY_LEFT);
	CHECK_INT(f.ui->skip, 0);
	for (int i = 0; i < 99; i++)
		top_fixture_press(&f, UI_KEY_RIGHT);
	CHECK(f.ui->skip > 3);
	top_fixture_draw(&f, 80, 24);
	top_fixture_press(&f, UI_KEY_LEFT);
	top_fixture_free(&f);
}

static void search(void)
{
	struct fixture f;

	open_busy(&f);
	top_fixture_type(&f, "/redis");
	CHECK_INT(f.ui->prompt, UI_ASK_SEARCH);
	CHECK_INT(selected(&f), 2150);
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_INT(f.ui->prompt, UI_ASK_NOTHING);
	CHECK_STR(f.t.model.search, "redis");
	top_fixture_type(&f, "/python");
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_INT(selected(&f), 2001);
	top_fixture_type(&f, "n");
	CHECK_INT(selected(&f), 2002);
	top_fixture_type(&f, "N");
	CHECK_INT(selected(&f), 2001);
	/* No key of the table while a text is typed. */
	CHECK_UINT(top_fixture_type(&f, "/q"), TOP_REDRAW);
	top_fixture_press(&f, UI_KEY_ESC);
	CHECK_STR(f.t.model.search, "python");
	top_fixture_type(&f, "/nobody has this");
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_STR(f.t.message, "not found: nobody has this");
	top_fixture_free(&f);
}

static void filter(void)
{
	struct fixture f;
	size_t all;

	open_busy(&f);
	all = f.t.model.n_rows;
	top_fixture_type(&f, "fpython");
	CHECK_UINT(f.t.model.n_rows, 3);
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_UINT(f.t.model.n_rows, 3);
	/* The way back from a change of it. */
	top_fixture_type(&f, "f");
	CHECK_STR(f.ui->input, "python");
	top_fixture_type(&f, "xyz");
	CHECK_UINT(f.t.model.n_rows, 0);
	top_fixture_draw(&f, 80, 24);
	top_fixture_press(&f, UI_KEY_ESC);
	CHECK_STR(f.t.model.filter, "python");
	CHECK_UINT(f.t.model.n_rows, 3);
	top_fixture_press(&f, UI_KEY_ESC);
	CHECK_UINT(f.t.model.n_rows, all);
	top_fixture_free(&f);
}

static void editing(void)
{
	struct fixture f;

	open_busy(&f);
	top_fixture_type(&f, "fabc");
	top_fixture_press(&f, UI_KEY_LEFT);
	top_fixture_press(&f, UI_KEY_BACKSPACE);
	CHECK_STR(f.ui->input, "ac");
	top_fixture_press(&f, 0xe9);
	CHECK_STR(f.ui->input, "a\xc3\xa9" "c");
	top_fixture_press(&f, UI_KEY_BACKSPACE);
	CHECK_STR(f.ui->input, "ac");
	top_fixture_press(&f, 0x65e5);
	top_fixture_press(&f, UI_KEY_HOME);
	top_fixture_press(&f, UI_KEY_RIGHT);
	top_fixture_press(&f, UI_KEY_DELETE);
	CHECK_STR(f.ui->input, "ac");
	top_fixture_press(&f, UI_KEY_END);
	CHECK_UINT(f.ui->cursor, 2);
	top_fixture_press(&f, UI_KEY_RIGHT);
	top_fixture_press(&f, UI_KEY_DELETE);
	CHECK_STR(f.ui->input, "ac");
	top_fixture_press(&f, 'U' & 0x1f);
	CHECK_STR(f.ui->input, "");
	top_fixture_press(&f, UI_KEY_BACKSPACE);
	top_fixture_press(&f, UI_KEY_LEFT);
	/* Full: the rest is refused whole, not half a character. */
	for (int i = 0; i < 200; i++)
		top_fixture_press(&f, 0x65e5);
	CHECK_UINT(strlen(f.ui->input), (TOP_TEXT_MAX - 1) / 3 * 3);
	top_fixture_draw(&f, 40, 10);
	top_fixture_free(&f);
}

static void order(void)
{
	struct fixture f;
	enum top_col was;

	open_busy(&f);
	was = f.t.model.table.sort;
	top_fixture_type(&f, ">");
	CHECK(f.t.model.table.sort != was);
	top_fixture_type(&f, "<");
	CHECK_INT(f.t.model.table.sort, was);
	CHECK_INT(selected(&f), 1001);
	CHECK_UINT(f.t.model.selected, 0);
	top_fixture_type(&f, "r");
	CHECK(f.t.model.table.reverse);
	/* The selection stays on its process. */
	CHECK_INT(selected(&f), 1001);
	CHECK(f.t.model.selected > 0);
	top_fixture_type(&f, "t");
	CHECK(f.t.model.table.tree);
	CHECK_INT(selected(&f), 1001);
	top_fixture_type(&f, "t");
	CHECK(!f.t.model.table.tree);
	top_fixture_free(&f);
}

static void groups(void)
{
	static const enum ksm_group cycle[] = { KSM_GROUP_COMM, KSM_GROUP_USER, KSM_GROUP_CGROUP,
						KSM_GROUP_UNIT, KSM_GROUP_VM, KSM_GROUP_PID };
	struct fixture f;
	size_t closed;

	open_busy(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cycle); i++) {
		top_fixture_type(&f, "g");
		CHECK_INT(f.t.model.table.group, cycle[i]);
	}
	top_fixture_type(&f, "g");
	top_fixture_press(&f, UI_KEY_HOME);
	closed = f.t.model.n_rows;
	CHECK_INT(selected(&f), 0);
	/* Enter opens a group, and is no reason to read mappings. */
	CHECK_UINT(top_fixture_press(&f, UI_KEY_ENTER), TOP_REDRAW);
	CHECK(f.t.model.n_rows > closed);
	CHECK_INT(f.ui->screen, UI_TABLE);
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_UINT(f.t.model.n_rows, closed);
	top_fixture_free(&f);
}

static void tagging(void)
{
	struct fixture f;

	open_busy(&f);
	top_fixture_type(&f, "  ");
	CHECK_UINT(f.t.model.n_tagged, 2);
	CHECK_UINT(f.t.model.selected, 2);
	top_fixture_type(&f, "k ");
	CHECK_UINT(f.t.model.n_tagged, 1);
	top_fixture_type(&f, "U");
	CHECK_UINT(f.t.model.n_tagged, 0);
	top_fixture_free(&f);
}

static void advising(void)
{
	struct fixture f;

	open_busy(&f);
	CHECK_UINT(top_fixture_type(&f, "a"), TOP_REDRAW);
	CHECK_INT(f.ui->prompt, UI_ASK_ADVISE);
	/* Anything but an answer is none, and a stray Enter is no yes. */
	CHECK_UINT(top_fixture_press(&f, UI_KEY_ENTER), 0);
	CHECK_UINT(top_fixture_type(&f, "qx "), 0);
	CHECK_UINT(top_fixture_type(&f, "n"), TOP_REDRAW);
	CHECK_STR(f.t.message, "nothing was changed");
	top_fixture_type(&f, "a");
	CHECK_UINT(top_fixture_type(&f, "y"), TOP_REDRAW | TOP_ADVISE);
	CHECK_INT(f.ui->prompt, UI_ASK_NOTHING);
	top_fixture_type(&f, "A");
	CHECK_UINT(top_fixture_type(&f, "Y"), TOP_REDRAW | TOP_UNADVISE);
	top_fixture_type(&f, "A");
	CHECK_UINT(top_fixture_press(&f, UI_KEY_ESC), TOP_REDRAW);
	/* What is selected when the answer comes is another one. */
	top_fixture_type(&f, "A");
	top_model_select(&f.t.model, 5);
	CHECK_UINT(top_fixture_type(&f, "y"), TOP_REDRAW);
	CHECK_STR(f.t.message, "nothing was changed: what was selected has ended");
	f.t.readonly = true;
	CHECK_UINT(top_fixture_type(&f, "a"), TOP_REDRAW);
	CHECK_INT(f.ui->prompt, UI_ASK_NOTHING);
	CHECK_STR(f.t.message, "nothing can be changed: this is not the running system");
	top_fixture_free(&f);

	top_fixture_new(&f);
	f.t.readonly = false;
	top_fixture_type(&f, "a");
	CHECK_STR(f.t.message, "no process is selected");
	top_fixture_free(&f);
}

static void panes(void)
{
	struct fixture f;

	open_busy(&f);
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_INT(f.ui->screen, UI_DETAIL);
	CHECK_INT(f.t.detail.pid, 1001);
	top_detail_read(&f.t);
	top_fixture_draw(&f, 80, 24);
	top_fixture_press(&f, UI_KEY_END);
	top_fixture_draw(&f, 80, 24);
	CHECK(f.ui->detail_top + (size_t)f.ui->page <= MAX(f.t.detail.n_vmas, (size_t)f.ui->page));
	top_fixture_type(&f, "h");
	CHECK_INT(f.ui->screen, UI_HELP);
	CHECK_UINT(top_fixture_type(&f, "q"), TOP_REDRAW);
	CHECK_INT(f.ui->screen, UI_DETAIL);
	CHECK_UINT(top_fixture_press(&f, UI_KEY_ESC), TOP_REDRAW | TOP_DETAIL_END);
	CHECK_INT(f.ui->screen, UI_TABLE);
	/* The one on show has ended, another is selected: nobody is asked about that one. */
	top_fixture_press(&f, UI_KEY_ENTER);
	top_model_select(&f.t.model, 4);
	top_fixture_type(&f, "A");
	CHECK_INT(f.ui->prompt, UI_ASK_NOTHING);
	CHECK_STR(f.t.message, "the process has ended");
	top_fixture_press(&f, UI_KEY_ESC);
	top_fixture_type(&f, "s");
	CHECK_INT(f.ui->screen, UI_SETTINGS);
	CHECK_UINT(top_fixture_press(&f, UI_KEY_F0 + 10), TOP_QUIT);
	top_fixture_free(&f);
}

static void settings(void)
{
	struct fixture f;

	top_fixture_changed(&f, BUSY, NULL);
	f.t.readonly = false;
	top_fixture_type(&f, "s");
	top_fixture_draw(&f, 80, 24);
	CHECK_INT(f.ui->setting, KSM_ATTR_RUN);
	top_fixture_type(&f, "jj");
	CHECK_INT(f.ui->setting, KSM_ATTR_SLEEP_MILLISECS);
	top_fixture_press(&f, UI_KEY_END);
	CHECK_INT(f.ui->setting, KSM_ATTR_ADVISOR_TARGET);
	top_fixture_press(&f, UI_KEY_HOME);
	CHECK_INT(f.ui->setting, KSM_ATTR_RUN);
	top_fixture_type(&f, "jj");
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_INT(f.ui->prompt, UI_ASK_VALUE);
	CHECK_STR(f.ui->input, "20");
	top_fixture_press(&f, UI_KEY_BACKSPACE);
	top_fixture_type(&f, "5");
	CHECK_UINT(top_fixture_press(&f, UI_KEY_ENTER), TOP_REDRAW | TOP_SAMPLE);
	{
		char text[32];

		CHECK_INT((int)strtol(root_get(&f.root, "sys/kernel/mm/ksm/sleep_millisecs", text,
					       sizeof(text)), NULL, 10), 25);
	}
	/* The choices of a word are stepped through. */
	while (f.ui->setting != KSM_ATTR_ADVISOR_MODE)
		top_fixture_type(&f, "j");
	top_fixture_press(&f, UI_KEY_ENTER);
	CHECK_STR(f.ui->input, "scan-time");
	top_fixture_press(&f, UI_KEY_DOWN);
	CHECK_STR(f.ui->input, "none");
	top_fixture_press(&f, UI_KEY_UP);
	CHECK_STR(f.ui->input, "scan-time");
	top_fixture_press(&f, UI_KEY_ESC);
	top_fixture_free(&f);
}

static void interval(void)
{
	struct fixture f;

	open_busy(&f);
	for (int i = 0; i < 30; i++)
		top_fixture_type(&f, "+");
	CHECK_UINT(f.t.interval_ns, TOP_INTERVAL_MAX_NS);
	for (int i = 0; i < 30; i++)
		top_fixture_type(&f, "-");
	CHECK_UINT(f.t.interval_ns, TOP_INTERVAL_MIN_NS);
	CHECK_UINT(top_fixture_type(&f, "-"), TOP_REDRAW);
	f.t.interval_ns = 1500000000;
	top_fixture_type(&f, "+");
	CHECK_UINT(f.t.interval_ns, 2000000000);
	top_fixture_free(&f);
}

static void pausing(void)
{
	struct fixture f;

	open_busy(&f);
	top_fixture_type(&f, "p");
	CHECK(f.t.paused);
	CHECK_UINT(top_fixture_type(&f, "p"), TOP_REDRAW | TOP_SAMPLE);
	CHECK(!f.t.paused);
	top_fixture_free(&f);
}

static const struct ui_hit *hit(const struct ui *ui, enum ui_hit_kind kind, uint32_t what)
{
	for (size_t i = 0; i < ui->n_hits; i++)
		if (ui->hits[i].kind == kind && ui->hits[i].what == what)
			return &ui->hits[i];
	return NULL;
}

static void mouse(void)
{
	const struct ui_hit *h;
	struct fixture f;

	open_busy(&f);
	h = hit(f.ui, UI_HIT_ROW, 3);
	if (!CHECK(h))
		return;
	CHECK_UINT(top_fixture_click(&f, h->x + 5, h->y), TOP_REDRAW);
	CHECK_UINT(f.t.model.selected, 3);
	/* Again on the same one: its details. */
	CHECK_UINT(top_fixture_click(&f, h->x + 5, h->y), TOP_REDRAW | TOP_DETAIL);
	CHECK_INT(f.ui->screen, UI_DETAIL);
	top_fixture_press(&f, UI_KEY_ESC);
	top_fixture_draw(&f, 80, 24);
	h = hit(f.ui, UI_HIT_COLUMN, TOP_COL_RSS);
	if (!CHECK(h))
		return;
	CHECK_UINT(top_fixture_click(&f, h->x, h->y), TOP_REDRAW | TOP_CHANGED);
	CHECK_INT(f.t.model.table.sort, TOP_COL_RSS);
	CHECK(!f.t.model.table.reverse);
	top_fixture_click(&f, h->x, h->y);
	CHECK(f.t.model.table.reverse);
	h = hit(f.ui, UI_HIT_KEY, 'q');
	if (!CHECK(h))
		return;
	CHECK_UINT(top_fixture_click(&f, h->x, h->y), TOP_QUIT);
	CHECK_UINT(top_fixture_click(&f, 0, 0), 0);
	CHECK_UINT(top_fixture_click(&f, -5, 999), 0);
	top_fixture_type(&f, "s");
	top_fixture_draw(&f, 80, 24);
	h = hit(f.ui, UI_HIT_SETTING, KSM_ATTR_SMART_SCAN);
	if (!CHECK(h))
		return;
	top_fixture_click(&f, h->x, h->y);
	CHECK_INT(f.ui->setting, KSM_ATTR_SMART_SCAN);
	top_fixture_click(&f, h->x, h->y);
	CHECK_INT(f.ui->prompt, UI_ASK_VALUE);
	top_fixture_free(&f);
}

static void draw_samples(struct fixture *f, int n)
{
	for (; n; n--) {
		f->t.model.n_samples++;
		top_fixture_draw(f, 80, 24);
	}
}

/* News goes by itself; a warning stays until it was seen. */
static void messages(void)
{
	struct fixture f;

	open_busy(&f);
	top_say(&f.t, TOP_GOOD, "news");
	draw_samples(&f, 3);
	CHECK_STR(f.t.message, "news");
	draw_samples(&f, 17);
	CHECK_STR(f.t.message, "");
	/* Samples that come ten times a second would take it away before it was read. */
	f.t.interval_ns = 100000000;
	top_say(&f.t, TOP_GOOD, "fast news");
	draw_samples(&f, 36);
	CHECK_STR(f.t.message, "fast news");
	draw_samples(&f, 14);
	CHECK_STR(f.t.message, "");
	top_say(&f.t, TOP_BAD, "bad news");
	draw_samples(&f, 20);
	CHECK_STR(f.t.message, "bad news");
	top_fixture_type(&f, "%");
	CHECK_STR(f.t.message, "");
	top_fixture_free(&f);
}

/* Each key once on each screen and in each question, at a small size. */
static void every_key(void)
{
	static const char *const before[] = { "", "s", "h", "\r", "/", "f", "a", "A", "sj\r", "g",
					      "gt", "\rh", "fzzz\r" };
	struct fixture f;

	open_busy(&f);
	f.t.readonly = true;
	for (size_t b = 0; b < ARRAY_SIZE(before); b++)
		for (uint32_t sym = 0; sym < UI_KEY_NONE; sym++) {
			if (sym == 0x180)
				sym = UI_KEY_UP;
			tap_row("%zu %#x", b, (unsigned int)sym);
			ui_free(f.ui);
			f.ui = f.t.ui = ui_new();
			top_table_init(&f.t.model.table);
			top_model_filter(&f.t.model, "");
			for (const char *c = before[b]; *c; c++)
				top_fixture_press(&f, *c == '\r' ? UI_KEY_ENTER : (uint32_t)*c);
			top_fixture_press(&f, sym);
			top_fixture_press(&f, sym);
			top_fixture_draw(&f, 40, 10);
			CHECK(f.ui->n_hits <= UI_HITS);
		}
	top_fixture_free(&f);
}

static void help_names_all(void)
{
	static const char *const wanted[] = { "Up", "Down", "PgUp", "PgDn", "Home", "End", "/", "f ",
					      "<", ">", "r ", "t ", "g ", "Enter", "a ", "A ",
					      "Space", "s ", "p ", "+", "-", "h ? F1", "q ", "F10" };
	struct str text __cleanup_str = STR_INIT;
	char line[64];

	ui_key_help_text(&text);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		snprintf(line, sizeof(line), "\n  %s", wanted[i]);
		tap_row("%s", wanted[i]);
		CHECK(strstr(str_get(&text), line));
	}
}

TAP_MAIN(TAP_CASE(actions), TAP_CASE(moving), TAP_CASE(columns), TAP_CASE(search),
	 TAP_CASE(filter), TAP_CASE(editing), TAP_CASE(order), TAP_CASE(groups),
	 TAP_CASE(tagging), TAP_CASE(advising), TAP_CASE(panes), TAP_CASE(settings),
	 TAP_CASE(interval), TAP_CASE(pausing), TAP_CASE(mouse), TAP_CASE(messages),
	 TAP_CASE(every_key), TAP_CASE(help_names_all))
