// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view-curses.c - a canvas on a terminal, and keys from it.
 *
 * The only file that knows curses, colours and escape sequences; what to draw
 * and what keys mean is decided elsewhere.  Before editing: whatever init() does
 * to the terminal, restore() must undo with write(2) alone, since it also runs
 * in the handler of a crash.
 */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ksmtop/ui.h"

#define ESC_DELAY_MS 25
/* A press, without waiting whether it becomes a click. */
#define MOUSE_MASK (BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED)

/* ------------------------------------------------------------------ */
/* colours								*/

struct look {
	short fg, bg;		/* -1: the terminal's own */
	attr_t attr;
};

enum depth { DEPTH_NONE, DEPTH_8, DEPTH_16, DEPTH_256, __DEPTH_N };

static const struct look looks[__CANVAS_ROLE_N][__DEPTH_N] = {
	/*                    none                      8 colours               16             256 */
	[CANVAS_NORMAL]	  = { { -1, -1, 0 },		{ -1, -1, 0 },		{ -1, -1, 0 }, { -1, -1, 0 } },
	[CANVAS_TITLE]	  = { { -1, -1, A_BOLD },	{ -1, -1, A_BOLD },	{ -1, -1, A_BOLD }, { -1, -1, A_BOLD } },
	[CANVAS_DIM]	  = { { -1, -1, A_DIM },	{ -1, -1, A_DIM },	{ 8, -1, 0 }, { 245, -1, 0 } },
	[CANVAS_GOOD]	  = { { -1, -1, 0 },		{ 2, -1, 0 },		{ 2, -1, 0 }, { 71, -1, 0 } },
	[CANVAS_WARN]	  = { { -1, -1, A_BOLD },	{ 3, -1, A_BOLD },	{ 3, -1, A_BOLD }, { 178, -1, 0 } },
	[CANVAS_BAD]	  = { { -1, -1, A_BOLD | A_UNDERLINE }, { 1, -1, A_BOLD }, { 9, -1, 0 }, { 203, -1, A_BOLD } },
	[CANVAS_HEADER]	  = { { -1, -1, A_REVERSE },	{ 0, 2, 0 },		{ 0, 2, 0 }, { 16, 71, 0 } },
	[CANVAS_SORTED]	  = { { -1, -1, A_REVERSE | A_BOLD }, { 0, 6, 0 },	{ 0, 6, 0 }, { 16, 80, A_BOLD } },
	[CANVAS_SELECTED] = { { -1, -1, A_REVERSE },	{ 0, 6, 0 },		{ 0, 14, 0 }, { 16, 117, 0 } },
	[CANVAS_TAGGED]	  = { { -1, -1, A_BOLD },	{ 3, -1, A_BOLD },	{ 11, -1, 0 }, { 221, -1, A_BOLD } },
	[CANVAS_KEY]	  = { { -1, -1, A_BOLD },	{ -1, -1, A_BOLD },	{ -1, -1, A_BOLD }, { -1, -1, A_BOLD } },
	[CANVAS_LABEL]	  = { { -1, -1, A_REVERSE },	{ 0, 6, 0 },		{ 0, 6, 0 }, { 16, 80, 0 } },
	[CANVAS_INPUT]	  = { { -1, -1, 0 },		{ -1, -1, A_BOLD },	{ -1, -1, A_BOLD }, { -1, -1, A_BOLD } },
	[CANVAS_GRAPH1]	  = { { -1, -1, 0 },		{ 2, -1, 0 },		{ 10, -1, 0 }, { 77, -1, 0 } },
	[CANVAS_GRAPH2]	  = { { -1, -1, 0 },		{ 6, -1, 0 },		{ 14, -1, 0 }, { 80, -1, 0 } },
	[CANVAS_GRAPH3]	  = { { -1, -1, 0 },		{ 3, -1, 0 },		{ 11, -1, 0 }, { 179, -1, 0 } },
	[CANVAS_METER]	  = { { -1, -1, A_BOLD },	{ 2, -1, 0 },		{ 2, -1, 0 }, { 71, -1, 0 } },
};

static enum depth colour_depth(bool no_color)
{
	if (no_color || !has_colors() || start_color() == ERR)
		return DEPTH_NONE;
	if (COLORS >= 256 && COLOR_PAIRS > __CANVAS_ROLE_N)
		return DEPTH_256;
	if (COLORS >= 16 && COLOR_PAIRS > __CANVAS_ROLE_N)
		return DEPTH_16;
	return COLORS >= 8 && COLOR_PAIRS > __CANVAS_ROLE_N ? DEPTH_8 : DEPTH_NONE;
}

/* ------------------------------------------------------------------ */
/* the way back								*/

/*
 * What a crash handler needs, prepared beforehand: it may not call curses.  One
 * terminal a process, so these are the variables of this file.
 */
static struct {
	volatile sig_atomic_t active;
	struct termios saved;
	char text[256];
	size_t len;
} way_back;

static const int crashes[] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGQUIT, SIGSYS,
			       SIGTRAP, SIGXCPU };

static void restore(void)
{
	if (!way_back.active)
		return;
	way_back.active = 0;
	/* Nothing can be done about a failure, and the compiler wants it seen. */
	if (write(STDOUT_FILENO, way_back.text, way_back.len) < 0)
		way_back.len = 0;
	/* Now: waiting for the output could take for ever after a ^S. */
	tcsetattr(STDIN_FILENO, TCSANOW, &way_back.saved);
}

static void on_crash(int sig)
{
	restore();
	/* SA_RESETHAND: this time it ends the program, core and all. */
	raise(sig);
}

static void catch_crashes(void)
{
	struct sigaction act = { .sa_handler = on_crash };

	act.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &act, NULL);
}

static void leave_crashes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		signal(crashes[i], SIG_DFL);
}

static void add_byte(char c)
{
	if (way_back.len < sizeof(way_back.text))
		way_back.text[way_back.len++] = c;
}

/* Without the delays "$<5>" that may be written inside; term.h, which has tputs(), takes our names. */
static void add_capability(const char *name)
{
	const char *s = tigetstr(name);

	if (!s || s == (const char *)-1)
		return;
	while (*s) {
		if (s[0] == '$' && s[1] == '<' && strchr(s, '>'))
			s = strchr(s, '>') + 1;
		else
			add_byte(*s++);
	}
}

static void prepare_way_back(void)
{
	static const char mouse_off[] = "\033[?1000l\033[?1006l";
	static const char *const names[] = { "sgr0", "op", "cnorm", "rmkx", "rmcup" };

	way_back.len = 0;
	/* Of no meaning to a terminal without a mouse, where curses sends none. */
	if (tigetstr("kmous") != NULL && tigetstr("kmous") != (const char *)-1)
		for (size_t i = 0; i + 1 < sizeof(mouse_off); i++)
			add_byte(mouse_off[i]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_capability(names[i]);
	add_byte('\r');
}

/*
 * curses would ignore SIGTSTP for the time that the terminal is given back, and
 * the kernel then forgets one that was typed but not yet read by the loop.  It
 * leaves alone what is not at its default.
 */
static void on_tstp(int sig __unused)
{
}

static void keep_tstp(void)
{
	struct sigaction act;

	if (sigaction(SIGTSTP, NULL, &act) || act.sa_handler != SIG_DFL)
		return;
	act.sa_handler = on_tstp;
	sigaction(SIGTSTP, &act, NULL);
}

/* ------------------------------------------------------------------ */
/* the screen								*/

struct tty {
	SCREEN *screen;
	enum depth depth;
	bool gone;		/* the terminal hung up */
};

static void set_looks(enum depth depth)
{
	if (depth == DEPTH_NONE)
		return;
	use_default_colors();
	for (int r = 0; r < __CANVAS_ROLE_N; r++)
		init_pair((short)(r + 1), looks[r][depth].fg, looks[r][depth].bg);
}

/* What other terminals send for them than TERM, often wrongly set, says. */
static void know_more_keys(void)
{
	static const struct {
		const char *sequence;
		int code;
	} more[] = {
		{ "\033[A", KEY_UP },	  { "\033OA", KEY_UP },    { "\033[B", KEY_DOWN },
		{ "\033OB", KEY_DOWN },  { "\033[C", KEY_RIGHT }, { "\033OC", KEY_RIGHT },
		{ "\033[D", KEY_LEFT },  { "\033OD", KEY_LEFT },  { "\033[H", KEY_HOME },
		{ "\033OH", KEY_HOME },  { "\033[1~", KEY_HOME }, { "\033[7~", KEY_HOME },
		{ "\033[F", KEY_END },	  { "\033OF", KEY_END },   { "\033[4~", KEY_END },
		{ "\033[8~", KEY_END },
	};

	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		define_key(more[i].sequence, more[i].code);
}

static void take_size(struct ui *ui)
{
	int columns = COLS, lines = LINES;

	(void)cli_term_size(STDOUT_FILENO, &columns, &lines);
	resize_term(MIN(lines, CANVAS_H_MAX), MIN(columns, CANVAS_W_MAX));
	/* Without memory the older size goes on being drawn. */
	if (canvas_resize(&ui->canvas, COLS, LINES))
		return;
	clearok(curscr, TRUE);
}

static void view_fini(struct top *t)
{
	struct ui *ui = t->ui;
	struct tty *tty = ui ? ui->term : NULL;

	if (!tty || !tty->screen)
		return;
	endwin();
	way_back.active = 0;
	cli_set_last_act(NULL);
	leave_crashes();
	delscreen(tty->screen);
	tty->screen = NULL;
}

static int view_init(struct top *t)
{
	const char *why = cli_term_unfit(cli_tty(STDIN_FILENO) ? STDOUT_FILENO : STDIN_FILENO);
	int columns, lines;
	struct ui *ui;
	struct tty *tty;

	if (why) {
		cli_error(0, "%s: cannot draw a screen on it (ksmtop -b prints instead)", why);
		return -ENOTTY;
	}
	if (!t->ui)
		t->ui = ui_new();
	ui = t->ui;
	if (ui && !ui->term)
		ui->term = calloc(1, sizeof(struct tty));
	if (!ui || !ui->term) {
		cli_error(-ENOMEM, "the screen");
		return -ENOMEM;
	}
	tty = ui->term;
	if (tcgetattr(STDIN_FILENO, &way_back.saved)) {
		const int rc = -errno;

		cli_error(rc, "the terminal's modes");
		return rc;
	}
	keep_tstp();
	/*
	 * take_size() sees to the size; one that is absurd would make newterm() fail.
	 * Where the terminal does not know it, both variables may tell.
	 */
	if (cli_term_size(STDOUT_FILENO, &columns, &lines) || !cli_term_size_told())
		use_env(FALSE);
	/* Never initscr(), which ends the program when it fails. */
	tty->screen = newterm(NULL, stdout, stdin);
	if (!tty->screen) {
		cli_error(0, "%s: unknown terminal (set TERM, or ksmtop -b prints instead)",
			  cli_term_name());
		return -ENOTTY;
	}
	set_term(tty->screen);
	prepare_way_back();
	way_back.active = 1;
	/* Without memory, too, the program ends with a message on a terminal in order. */
	cli_set_last_act(restore);
	catch_crashes();
	cbreak();
	noecho();
	nonl();
	set_escdelay(ESC_DELAY_MS);
	keypad(stdscr, TRUE);
	know_more_keys();
	nodelay(stdscr, TRUE);
	mouseinterval(0);
	mousemask(MOUSE_MASK, NULL);
	curs_set(0);
	tty->depth = colour_depth(t->no_color || !cli_color());
	set_looks(tty->depth);
	ui->canvas.ascii = t->ascii || !cli_utf8();
	take_size(ui);
	return 0;
}

static void view_free(struct top *t)
{
	struct ui *ui = t->ui;

	if (!ui)
		return;
	free(ui->term);
	ui_free(ui);
	t->ui = NULL;
}

static void put_cell(const struct canvas_cell *cell, enum depth depth)
{
	const struct look *look = &looks[cell->role][depth];
	wchar_t text[CANVAS_CELL_CHARS + 1];
	cchar_t cc;

	for (int i = 0; i < CANVAS_CELL_CHARS; i++)
		text[i] = (wchar_t)cell->ch[i];
	text[CANVAS_CELL_CHARS] = L'\0';
	setcchar(&cc, text, look->attr, depth == DEPTH_NONE ? 0 : (short)(cell->role + 1), NULL);
	add_wch(&cc);
}

static void view_draw(struct top *t)
{
	struct ui *ui = t->ui;
	const struct tty *tty = ui->term;

	if (tty->gone)
		return;
	if (ui->repaint)
		clearok(curscr, TRUE);
	ui->repaint = false;
	ui_draw(t, ui);
	for (int y = 0; y < ui->canvas.h && y < LINES; y++)
		for (int x = 0; x < ui->canvas.w && x < COLS; x++) {
			const struct canvas_cell *cell = canvas_at(&ui->canvas, x, y);

			if (canvas_is_tail(cell))
				continue;
			move(y, x);
			put_cell(cell, tty->depth);
		}
	refresh();
}

/* ------------------------------------------------------------------ */
/* keys									*/

static struct ui_key mouse_key(void)
{
	struct ui_key key = { UI_KEY_NONE, 0, 0 };
	MEVENT ev;

	if (getmouse(&ev) != OK)
		return key;
	key.x = ev.x;
	key.y = ev.y;
	if (ev.bstate & BUTTON4_PRESSED)
		key.sym = UI_KEY_WHEEL_UP;
	else if (ev.bstate & BUTTON5_PRESSED)
		key.sym = UI_KEY_WHEEL_DOWN;
	else if (ev.bstate & BUTTON1_PRESSED)
		key.sym = UI_KEY_CLICK;
	return key;
}

static struct ui_key special_key(wint_t code)
{
	static const struct {
		wint_t code;
		uint32_t sym;
	} map[] = {
		{ KEY_UP, UI_KEY_UP },		{ KEY_DOWN, UI_KEY_DOWN },
		{ KEY_LEFT, UI_KEY_LEFT },	{ KEY_RIGHT, UI_KEY_RIGHT },
		{ KEY_PPAGE, UI_KEY_PAGE_UP },	{ KEY_NPAGE, UI_KEY_PAGE_DOWN },
		{ KEY_HOME, UI_KEY_HOME },	{ KEY_END, UI_KEY_END },
		{ KEY_FIND, UI_KEY_HOME },	{ KEY_SELECT, UI_KEY_END },
		{ KEY_ENTER, UI_KEY_ENTER },	{ KEY_BACKSPACE, UI_KEY_BACKSPACE },
		{ KEY_DC, UI_KEY_DELETE },
	};

	if (code == KEY_MOUSE)
		return mouse_key();
	if (code > KEY_F(0) && code <= KEY_F(12))
		return (struct ui_key){ UI_KEY_F0 + (code - KEY_F(0)), 0, 0 };
	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].code == code)
			return (struct ui_key){ map[i].sym, 0, 0 };
	return (struct ui_key){ UI_KEY_NONE, 0, 0 };
}

static struct ui_key plain_key(wint_t ch)
{
	uint32_t sym = ch;

	if (ch == '\r' || ch == '\n')
		sym = UI_KEY_ENTER;
	else if (ch == 27)
		sym = UI_KEY_ESC;
	else if (ch == 127 || ch == 8)
		sym = UI_KEY_BACKSPACE;
	return (struct ui_key){ sym, 0, 0 };
}

/* A terminal that hung up is readable for ever and says nothing. */
static bool hung_up(void)
{
	struct pollfd fd = { STDIN_FILENO, POLLIN, 0 };

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static unsigned int view_key(struct top *t, unsigned int wake)
{
	struct ui *ui = t->ui;
	struct tty *tty = ui->term;
	unsigned int todo = 0;
	bool any = false;
	wint_t ch;
	int kind, nothing = 0;

	if (wake & TOP_WAKE_RESIZE) {
		take_size(ui);
		todo |= TOP_REDRAW;
	}
	/* Bytes that are no character are an error too, and keys may wait behind them. */
	while (nothing < 2) {
		kind = get_wch(&ch);
		if (kind == ERR) {
			nothing++;
			continue;
		}
		nothing = 0;
		any = true;
		if (kind == KEY_CODE_YES && ch == KEY_RESIZE) {
			take_size(ui);
			todo |= TOP_REDRAW;
			continue;
		}
		todo |= ui_key(t, ui, kind == KEY_CODE_YES ? special_key(ch) : plain_key(ch));
	}
	if ((wake & TOP_WAKE_INPUT) && !any && hung_up()) {
		tty->gone = true;
		todo |= TOP_QUIT;
	}
	return todo;
}

const struct view top_view_curses = {
	.init = view_init,
	.draw = view_draw,
	.key = view_key,
	.fini = view_fini,
	.free = view_free,
};
