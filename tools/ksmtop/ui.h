/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui.h - what is drawn and typed: the screens, their panes, the table of keys.
 *
 * Everything here works on a canvas and on struct top, without a terminal, so
 * that tests press keys and read screens.  A drawing notes where it put what can
 * be clicked (struct ui_hit); the next click is looked up there.
 */
#ifndef KSM_KSMTOP_UI_H
#define KSM_KSMTOP_UI_H

#include "ksmtop/canvas.h"
#include "ksmtop/ksmtop.h"

enum ui_screen {
	UI_TABLE,	/* gauges, graph, processes */
	UI_DETAIL,	/* one process */
	UI_SETTINGS,
	UI_HELP,
	__UI_SCREEN_N
};

/* What is being asked in the last line. */
enum ui_prompt {
	UI_ASK_NOTHING,
	UI_ASK_SEARCH,
	UI_ASK_FILTER,
	UI_ASK_VALUE,		/* of the selected setting */
	UI_ASK_ADVISE,		/* yes or no */
	UI_ASK_UNADVISE,
};

/* A key that is no character; those are their code point. */
enum ui_sym {
	UI_KEY_UP = 0x110000,
	UI_KEY_DOWN,
	UI_KEY_LEFT,
	UI_KEY_RIGHT,
	UI_KEY_PAGE_UP,
	UI_KEY_PAGE_DOWN,
	UI_KEY_HOME,
	UI_KEY_END,
	UI_KEY_ENTER,
	UI_KEY_ESC,
	UI_KEY_BACKSPACE,
	UI_KEY_DELETE,
	UI_KEY_CLICK,		/* at x, y */
	UI_KEY_WHEEL_UP,
	UI_KEY_WHEEL_DOWN,
	UI_KEY_F0,		/* F1 is the next, up to F12 */
	UI_KEY_NONE = UI_KEY_F0 + 13,
};

struct ui_key {
	uint32_t sym;
	int x, y;		/* of the mouse */
};

enum ui_hit_kind {
	UI_HIT_ROW,		/* index of a row */
	UI_HIT_COLUMN,		/* enum top_col */
	UI_HIT_SETTING,		/* enum ksm_attr */
	UI_HIT_KEY,		/* a key symbol, in the last line */
};

struct ui_hit {
	enum ui_hit_kind kind;
	int x, y, w;
	uint32_t what;
};

#define UI_HITS 1200	/* rows of the largest canvas, columns, keys */

struct ui {
	enum ui_screen screen;
	enum ui_screen back;	/* where help was called from */
	enum ui_prompt prompt;
	/* scrolling: first line shown; set right by the drawing, which knows the height */
	size_t table_top, detail_top, settings_top, help_top;
	int page;		/* lines that a page key moves by, from the last drawing */
	int skip;		/* columns of the table scrolled out to the left */
	enum ksm_attr setting;	/* the selected one */
	/* the line being typed, UTF-8 */
	char input[TOP_TEXT_MAX];
	size_t cursor;		/* in bytes, at the beginning of a character */
	char before[TOP_TEXT_MAX];	/* the filter or search text, for the way back */
	char said[256];		/* the message on show... */
	uint64_t said_at;	/* ...since this many samples; 0 none */
	struct ksm_ident *targets;	/* what a yes would act on, fixed when it was asked */
	size_t n_targets;
	struct ui_hit hits[UI_HITS];
	size_t n_hits;
	struct canvas canvas;
	bool repaint;		/* something else wrote on the terminal */
	void *term;		/* private to view-curses.c */
};

/* screen.c: which pane goes where */
/* NULL without memory. */
struct ui *ui_new(void);
void ui_free(struct ui *ui);
/* All of the screen onto ui->canvas, whose size is that of the terminal. */
void ui_draw(struct top *t, struct ui *ui);

/* widgets.c: what panes are made of */
/* This can be clicked.  Positions are those of the area. */
void ui_hit(struct ui *ui, struct area a, int x, int y, int w, enum ui_hit_kind kind,
	    uint32_t what);
/* Keep line @at of @n inside a window of @height that begins at *@top. */
void ui_scroll(size_t *top, size_t at, size_t n, int height);

/* What tells people something looks like its tone. */
enum canvas_role ui_tone_role(enum top_tone tone);
/* 9999, 12.3k, 1.2M: counts have decimal prefixes. */
void ui_count(char *buf, size_t len, double v, const char *unit);

/* keys.c: one table of keys */
/* enum top_action of it. */
unsigned int ui_key(struct top *t, struct ui *ui, struct ui_key key);
/* The labels of the keys of a screen, for its last line. */
void ui_key_bar(struct area a, struct ui *ui);
/* The help screen as lines: draws from line *@top on and sets it right. */
void ui_key_help(struct area a, size_t *top);
/* The same as plain text, for the manual page's check. */
void ui_key_help_text(struct str *out);

/* prompt.c: the line that asks */
/* Begin to ask; for UI_ASK_ADVISE and UI_ASK_UNADVISE false when there is nothing to act on. */
bool ui_ask(struct top *t, struct ui *ui, enum ui_prompt what);
unsigned int ui_prompt_key(struct top *t, struct ui *ui, struct ui_key key);
void ui_prompt_draw(struct area a, const struct top *t, const struct ui *ui);

/* pane-summary.c: state, verdict, gauges, figures */
/* Lines it wants in a window of that size. */
int pane_summary_height(int w, int h);
void pane_summary(struct area a, const struct top *t);

/* pane-graph.c: history */
void pane_graph(struct area a, const struct model *m, enum top_graph style);

/* pane-procs.c: the table of processes */
void pane_procs(struct area a, const struct model *m, struct ui *ui);

/* pane-detail.c: one process and its mappings */
void pane_detail(struct area a, const struct top *t, struct ui *ui);

/* pane-settings.c: attributes of the kernel */
void pane_settings(struct area a, const struct top *t, struct ui *ui);
/* The attribute @by steps below the selected one, among those that can be changed. */
void pane_settings_move(struct ui *ui, const struct model *m, long by);

#endif /* KSM_KSMTOP_UI_H */
