// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * prompt.c - the last line while it asks: a text to search or filter by, a value
 * for a setting, or yes and no before processes are changed.
 *
 * Searching and filtering act with each key.  What a "yes" acts on is fixed when
 * the question is asked: a process that ended meanwhile must not hand its answer
 * on to the one that is selected now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ksmtop/ui.h"

static bool is_question(enum ui_prompt what)
{
	return what == UI_ASK_ADVISE || what == UI_ASK_UNADVISE;
}

static void set_input(struct ui *ui, const char *text)
{
	snprintf(ui->input, sizeof(ui->input), "%s", text);
	ui->cursor = strlen(ui->input);
}

static void stop_asking(struct ui *ui)
{
	ui->prompt = UI_ASK_NOTHING;
	free(ui->targets);
	ui->targets = NULL;
	ui->n_targets = 0;
}

bool ui_ask(struct top *t, struct ui *ui, enum ui_prompt what)
{
	char text[KSM_ATTR_TEXT_MAX];
	ssize_t n;

	stop_asking(ui);
	switch (what) {
	case UI_ASK_FILTER:
		snprintf(ui->before, sizeof(ui->before), "%s", t->model.filter);
		set_input(ui, t->model.filter);
		break;
	case UI_ASK_VALUE:
		set_input(ui, ksm_attr_format(ui->setting, &t->model.stats.attr[ui->setting], text,
					      sizeof(text)));
		break;
	case UI_ASK_ADVISE:
	case UI_ASK_UNADVISE:
		n = top_model_targets(&t->model, &ui->targets);
		if (n <= 0)
			return false;
		ui->n_targets = (size_t)n;
		break;
	case UI_ASK_SEARCH:
		snprintf(ui->before, sizeof(ui->before), "%s", t->model.search);
		set_input(ui, "");
		break;
	case UI_ASK_NOTHING:
		break;
	}
	ui->prompt = what;
	return true;
}

/* ------------------------------------------------------------------ */
/* yes or no								*/

static bool same_targets(const struct model *m, const struct ui *ui)
{
	struct ksm_ident *now = NULL;
	ssize_t n = top_model_targets(m, &now);
	bool same = n >= 0 && (size_t)n == ui->n_targets;

	for (size_t i = 0; same && i < ui->n_targets; i++)
		same = ksm_ident_same(&now[i], &ui->targets[i]);
	free(now);
	return same;
}

static unsigned int answer(struct top *t, struct ui *ui, uint32_t sym)
{
	const unsigned int todo = ui->prompt == UI_ASK_ADVISE ? TOP_ADVISE : TOP_UNADVISE;
	bool same;

	if (sym != 'y' && sym != 'Y' && sym != 'n' && sym != 'N' && sym != UI_KEY_ESC)
		return 0;
	same = same_targets(&t->model, ui);
	stop_asking(ui);
	if (sym != 'y' && sym != 'Y') {
		top_say(t, TOP_DULL, "nothing was changed");
		return TOP_REDRAW;
	}
	if (!same) {
		top_say(t, TOP_WARN, "nothing was changed: what was selected has ended");
		return TOP_REDRAW;
	}
	return todo | TOP_REDRAW;
}

/* Bytes that unmerging them takes at most; processes that may not be read are left out. */
static int64_t bytes_to_unmerge(const struct model *m, const struct ui *ui)
{
	int64_t sum = 0;

	for (size_t i = 0; i < ui->n_targets; i++) {
		const struct top_proc *p = top_model_find(m, ui->targets[i].pid);

		if (p)
			sum += ksm_fig_or(top_merged_bytes(m, &p->p), 0);
	}
	return sum;
}

/* By their own madvise: only that shows without a look at all of their mappings. */
static bool asked_themselves(const struct model *m, const struct ui *ui)
{
	for (size_t i = 0; i < ui->n_targets; i++) {
		const struct top_proc *p = top_model_find(m, ui->targets[i].pid);

		if (p && p->p.member == KSM_MEMBER_MADVISE)
			return true;
	}
	return false;
}

static void name_targets(struct str *out, const struct model *m, const struct ui *ui)
{
	const struct top_proc *p = top_model_find(m, ui->targets[0].pid);

	if (ui->n_targets > 1) {
		str_addf(out, "%zu processes", ui->n_targets);
		return;
	}
	if (p)
		cli_safe(out, p->p.comm, (size_t)-1);
	str_addf(out, "%s%d", p ? " " : "", (int)ui->targets[0].pid);
}

static enum canvas_role question(struct str *out, const struct model *m, const struct ui *ui)
{
	enum canvas_role role = CANVAS_WARN;
	char need[32], there[32];
	int64_t bytes;
	uint64_t ns;

	if (ui->prompt == UI_ASK_ADVISE) {
		str_add(out, "Let KSM merge the memory of ");
		name_targets(out, m, ui);
		str_add(out, "? [y/n]");
		return role;
	}
	bytes = bytes_to_unmerge(m, ui);
	ns = m->stats.page_size ? ksm_portions_guess_ns(bytes / m->stats.page_size) : 0;
	str_add(out, "Unmerge ");
	name_targets(out, m, ui);
	str_addf(out, "? Takes up to %s", cli_bytes(need, sizeof(need), bytes, false));
	if (ksm_fig_has(m->stats.mem_available_bytes)) {
		const int64_t free_bytes = m->stats.mem_available_bytes.v;

		str_addf(out, " of %s available", cli_bytes(there, sizeof(there), free_bytes, false));
		if (bytes > free_bytes) {
			str_add(out, ": does not fit");
			role = CANVAS_BAD;
		}
	}
	if (ns >= UINT64_C(1000000000))
		str_addf(out, ", about %s", cli_duration(there, sizeof(there), ns));
	if (asked_themselves(m, ui))
		str_add(out, "; asked for by madvise");
	str_add(out, ". [y/n]");
	return role;
}

/* ------------------------------------------------------------------ */
/* a line of text							*/

static void insert(struct ui *ui, uint32_t cp)
{
	struct str one __cleanup_str = STR_INIT;
	const size_t len = strlen(ui->input);

	canvas_add_utf8(&one, cp);
	if (str_err(&one) || len + one.len >= sizeof(ui->input))
		return;
	memmove(ui->input + ui->cursor + one.len, ui->input + ui->cursor, len - ui->cursor + 1);
	memcpy(ui->input + ui->cursor, one.s, one.len);
	ui->cursor += one.len;
}

static size_t char_before(const struct ui *ui)
{
	size_t at = ui->cursor;

	while (at && (ui->input[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t char_behind(const struct ui *ui)
{
	size_t at = ui->cursor;

	if (ui->input[at])
		at++;
	while ((ui->input[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void cut(struct ui *ui, size_t from, size_t to)
{
	memmove(ui->input + from, ui->input + to, strlen(ui->input + to) + 1);
	ui->cursor = from;
}

/* The next of the words or numbers that a setting with few values can have. */
static void next_choice(struct ui *ui, int by)
{
	const struct ksm_attr_info *in = ksm_attr_info(ui->setting);
	struct ksm_value v;
	int64_t n = 0;
	char text[KSM_ATTR_TEXT_MAX];

	if (in->type == KSM_TYPE_BOOL)
		n = 2;
	else if (in->choices)
		while (in->choices[n])
			n++;
	if (!n || ksm_attr_parse(ui->setting, ui->input, &v))
		return;
	v.v = (v.v + by + n) % n;
	set_input(ui, ksm_attr_format(ui->setting, &v, text, sizeof(text)));
}

/* True when the key changed the text or the cursor. */
static bool edit(struct ui *ui, uint32_t sym)
{
	switch (sym) {
	case UI_KEY_LEFT:
		ui->cursor = char_before(ui);
		return true;
	case UI_KEY_RIGHT:
		ui->cursor = char_behind(ui);
		return true;
	case UI_KEY_HOME:
	case 'A' & 0x1f:
		ui->cursor = 0;
		return true;
	case UI_KEY_END:
	case 'E' & 0x1f:
		ui->cursor = strlen(ui->input);
		return true;
	case UI_KEY_BACKSPACE:
		cut(ui, char_before(ui), ui->cursor);
		return true;
	case UI_KEY_DELETE:
		cut(ui, ui->cursor, char_behind(ui));
		return true;
	case 'U' & 0x1f:
		cut(ui, 0, ui->cursor);
		return true;
	case UI_KEY_UP:
	case UI_KEY_DOWN:
	case '\t':
		if (ui->prompt == UI_ASK_VALUE)
			next_choice(ui, sym == UI_KEY_UP ? -1 : 1);
		return true;
	default:
		if (sym < ' ' || sym >= UI_KEY_UP || sym == 0x7f)
			return false;
		insert(ui, sym);
		return true;
	}
}

static void find_typed(struct top *t, const struct ui *ui)
{
	if (ui->prompt == UI_ASK_FILTER)
		top_model_filter(&t->model, ui->input);
	else if (ui->prompt == UI_ASK_SEARCH && ui->input[0])
		top_model_search(&t->model, ui->input, 0);
}

static unsigned int accept(struct top *t, struct ui *ui)
{
	const enum ui_prompt what = ui->prompt;

	stop_asking(ui);
	if (what == UI_ASK_VALUE) {
		top_set_attr(t, ui->setting, ui->input);
		return TOP_REDRAW | TOP_SAMPLE;
	}
	if (what == UI_ASK_SEARCH && ui->input[0] && !top_model_search(&t->model, ui->input, 0))
		top_say(t, TOP_WARN, "not found: %s", ui->input);
	return TOP_REDRAW;
}

unsigned int ui_prompt_key(struct top *t, struct ui *ui, struct ui_key key)
{
	if (key.sym == ('C' & 0x1f) || key.sym == UI_KEY_F0 + 10)
		return TOP_QUIT;
	if (is_question(ui->prompt))
		return answer(t, ui, key.sym);
	if (key.sym == UI_KEY_ESC) {
		if (ui->prompt == UI_ASK_FILTER)
			top_model_filter(&t->model, ui->before);
		if (ui->prompt == UI_ASK_SEARCH)
			snprintf(t->model.search, sizeof(t->model.search), "%s", ui->before);
		stop_asking(ui);
		return TOP_REDRAW;
	}
	if (key.sym == UI_KEY_ENTER)
		return accept(t, ui);
	if (!edit(ui, key.sym))
		return 0;
	find_typed(t, ui);
	return TOP_REDRAW;
}

/* ------------------------------------------------------------------ */
/* drawing								*/

/* What is wrong with a value, as long as it is typed; "" nothing. */
static const char *value_error(const struct ui *ui)
{
	struct ksm_value v;

	switch (ksm_attr_parse(ui->setting, ui->input, &v)) {
	case 0:
		return "";
	case -ERANGE:
		return "out of range";
	default:
		return "not such a value";
	}
}

static void draw_value(struct area a, int x, const struct ui *ui)
{
	const char *wrong = value_error(ui);
	char range[96];

	if (*wrong && ui->input[0])
		x += area_textf(a, x, 0, CANVAS_BAD, "  %s", wrong);
	area_textf(a, x, 0, CANVAS_DIM, "  (%s)",
		   ksm_attr_range(ui->setting, range, sizeof(range)));
}

/* The typed text with its cursor; the beginning is left out when it is too long. */
static int draw_input(struct area a, int x, const struct ui *ui)
{
	struct str left __cleanup_str = STR_INIT, right __cleanup_str = STR_INIT;
	struct area in = area_sub(a, x, 0, a.w - x, 1);
	int at, shift;

	cli_safe(&left, ui->input, ui->cursor);
	cli_safe(&right, ui->input + ui->cursor, (size_t)-1);
	at = canvas_width(str_get(&left));
	shift = MAX(0, at + 1 - in.w);
	area_text(in, -shift, 0, CANVAS_INPUT, str_get(&left));
	area_text(in, at - shift, 0, CANVAS_INPUT, str_get(&right));
	area_role(in, at - shift, 0, 1, CANVAS_SELECTED);
	return x + at - shift + MAX(1, canvas_width(str_get(&right)));
}

void ui_prompt_draw(struct area a, const struct top *t, const struct ui *ui)
{
	struct str text __cleanup_str = STR_INIT;
	enum canvas_role role;
	int x;

	if (is_question(ui->prompt)) {
		role = question(&text, &t->model, ui);
		area_text(a, 0, 0, role, str_get(&text));
		/* The end tells what may be answered: it is seen in any width. */
		if (canvas_width(str_get(&text)) > a.w)
			area_right(a, a.w, 0, role, " [y/n]");
		return;
	}
	if (ui->prompt == UI_ASK_VALUE)
		x = area_textf(a, 0, 0, CANVAS_KEY, "%s: ", ksm_attr_info(ui->setting)->name);
	else
		x = area_text(a, 0, 0, CANVAS_KEY,
			      ui->prompt == UI_ASK_FILTER ? "Filter: " : "Search: ");
	x = draw_input(a, x, ui);
	if (ui->prompt == UI_ASK_VALUE)
		draw_value(a, x, ui);
}
