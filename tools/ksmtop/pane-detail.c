// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pane-detail.c - one process: how it takes part, its figures and rates, and its
 * mappings, each with the reason why it cannot be merged.
 *
 * Figures come from the model; the mappings are what main.c has read last, and
 * may be a little older.
 */
#include <errno.h>
#include <string.h>

#include "ksmtop/ui.h"
#include "util/strip.h"

enum { FIGURE = 26, MAPS_MIN = 4 };	/* columns of one figure; lines for the mappings */

/* ------------------------------------------------------------------ */
/* the process								*/

/* Columns of the table that tell its figures, in this order. */
static const enum top_col shown[] = {
	TOP_COL_MERGING,   TOP_COL_ZERO,     TOP_COL_PROFIT,   TOP_COL_RSS,	  TOP_COL_SAVED_PCT,
	TOP_COL_ITEMS,	   TOP_COL_GROWTH,   TOP_COL_AGE,      TOP_COL_SCAN_RATE, TOP_COL_SCAN_CPU,
	TOP_COL_BREAK_RATE, TOP_COL_META,    TOP_COL_DOMAIN,
};

static const char *member_words(enum ksm_member member)
{
	static const char *const words[] = {
		[KSM_MEMBER_UNKNOWN] = "not known",
		[KSM_MEMBER_DENIED] = "may not be read (needs root, or CAP_DAC_READ_SEARCH)",
		[KSM_MEMBER_ABSENT] = "this kernel has no KSM",
		[KSM_MEMBER_OFF] = "off: none of its memory is mergeable (a advises it)",
		[KSM_MEMBER_ON] = "on: some or all of its memory is mergeable",
		[KSM_MEMBER_MADVISE] = "madvise: some of its mappings are mergeable",
		[KSM_MEMBER_ANY] = "any: all of its eligible memory is mergeable",
	};

	return words[member];
}

/* "Name text" over the width; returns the next line. */
static int draw_line(struct area a, int y, const char *name, enum canvas_role role,
		     const char *text)
{
	area_text(a, 0, y, CANVAS_TITLE, name);
	area_foreign(a, 9, y, role, text, (size_t)-1);
	return y + 1;
}

static int draw_figures(struct area a, int y, const struct model *m, const struct top_proc *p)
{
	const struct row row = { .m = m, .p = p };
	const int across = MAX(1, a.w / FIGURE), width = a.w / across;
	const int room = MAX(1, a.h - y - MAPS_MIN) * across;
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const struct top_column *col = top_column(shown[i]);
		struct area cell = area_sub(a, n % across * width, y + n / across, width - 2, 1);
		struct cli_cell value;
		char buf[64];

		if (n == room || (col->present && !col->present(m)))
			continue;
		top_cell(&row, shown[i], &value);
		area_text(cell, 0, 0, CANVAS_TITLE, col->col.name);
		area_right(cell, cell.w, 0, value.alarm ? CANVAS_BAD :
			   value.state != CLI_VALUE ? CANVAS_DIM : CANVAS_NORMAL,
			   top_cell_text(&row, shown[i], buf, sizeof(buf)));
		n++;
	}
	return y + (n + across - 1) / across;
}

static int draw_process(struct area a, const struct model *m, const struct top_proc *p)
{
	const enum ksm_member member = p->p.member;
	int x, y = 0;

	x = area_textf(a, 0, y, CANVAS_TITLE, "%d ", (int)p->p.pid);
	x += area_foreign(a, x, y, CANVAS_TITLE, p->p.comm, (size_t)-1);
	area_textf(a, x, y++, CANVAS_DIM, "  state %c, parent %d", p->p.state, (int)p->p.ppid);
	if (a.h >= 10)
		y = draw_line(a, y, "user", CANVAS_NORMAL, p->user);
	if (a.h >= 12 && *p->command)
		y = draw_line(a, y, "command", CANVAS_NORMAL, p->command);
	if (a.h >= 16 && *p->cgroup)
		y = draw_line(a, y, "cgroup", CANVAS_NORMAL, p->cgroup);
	if (*p->vm && a.h >= 10)
		y = draw_line(a, y, "guest", CANVAS_NORMAL, p->vm);
	if (*p->pod && a.h >= 10)
		y = draw_line(a, y, "pod", CANVAS_NORMAL, p->pod);
	if (*p->container && a.h >= 12)
		y = draw_line(a, y, "container", CANVAS_NORMAL, p->container);
	y = draw_line(a, y, "KSM",
		      member == KSM_MEMBER_DENIED ? CANVAS_WARN :
		      ksm_member_in(member) ? CANVAS_GOOD : CANVAS_NORMAL, member_words(member));
	return draw_figures(a, y, m, p);
}

/* ------------------------------------------------------------------ */
/* its mappings								*/

/* Six figures of a mapping; the words behind them get what is left. */
enum { X_SIZE = 13, X_RSS = 23, X_ANON = 33, X_KSM = 43, X_WHY = 53 };
enum { NARROW_MAP = 66, X_NARROW_KSM = 23, X_NARROW_WHY = 33 };

static const char *bytes(char *buf, size_t len, uint64_t v)
{
	return cli_bytes(buf, len, (int64_t)MIN(v, (uint64_t)INT64_MAX), false);
}

static const char *ksm_text(const struct ksm_vma *v, char *buf, size_t len)
{
	if (v->ksm_line.state == KSM_DENIED)
		return "denied";
	if (v->ksm_line.state != KSM_VALUE)
		return "-";
	return bytes(buf, len, v->ksm_bytes);
}

static void why_text(const struct ksm_vma *v, char *buf, size_t len, enum canvas_role *role)
{
	*role = CANVAS_DIM;
	if (v->mergeable) {
		*role = CANVAS_GOOD;
		snprintf(buf, len, "mergeable%s%s", v->thp ? ", huge pages" : "",
			 v->locked ? ", locked" : "");
	} else if (v->why != KSM_VMA_OK) {
		snprintf(buf, len, "no: %s", ksm_vma_why_text(v->why));
	} else if (!v->anon_bytes) {
		snprintf(buf, len, "could be: no private pages");
	} else {
		*role = CANVAS_WARN;
		snprintf(buf, len, "could be: not advised");
	}
}

static void draw_map_heading(struct area a)
{
	const bool narrow = a.w < NARROW_MAP;

	area_repeat(a, 0, 0, a.w, CANVAS_HEADER, ' ');
	area_text(a, 0, 0, CANVAS_HEADER, "ADDRESS");
	area_right(a, X_SIZE + 9, 0, CANVAS_HEADER, "SIZE");
	if (!narrow) {
		area_right(a, X_RSS + 9, 0, CANVAS_HEADER, "RSS");
		area_right(a, X_ANON + 9, 0, CANVAS_HEADER, "PRIVATE");
	}
	area_right(a, (narrow ? X_NARROW_KSM : X_KSM) + 9, 0, CANVAS_HEADER, "KSM");
	area_text(a, narrow ? X_NARROW_WHY : X_WHY, 0, CANVAS_HEADER, "MERGEABLE, NAME");
}

static void draw_map(struct area a, int y, const struct top_vma *map)
{
	const bool narrow = a.w < NARROW_MAP;
	const struct ksm_vma *v = &map->v;
	enum canvas_role role;
	char text[96];
	int x = narrow ? X_NARROW_WHY : X_WHY;

	area_textf(a, 0, y, CANVAS_NORMAL, "%012llx", (unsigned long long)v->start);
	area_right(a, X_SIZE + 9, y, CANVAS_NORMAL, bytes(text, sizeof(text), v->end - v->start));
	if (!narrow) {
		area_right(a, X_RSS + 9, y, CANVAS_NORMAL, bytes(text, sizeof(text), v->rss_bytes));
		area_right(a, X_ANON + 9, y, CANVAS_NORMAL, bytes(text, sizeof(text), v->anon_bytes));
	}
	area_right(a, (narrow ? X_NARROW_KSM : X_KSM) + 9, y,
		   v->ksm_bytes ? CANVAS_GOOD : CANVAS_DIM, ksm_text(v, text, sizeof(text)));
	why_text(v, text, sizeof(text), &role);
	x += area_text(a, x, y, role, text);
	area_foreign(a, x + 2, y, CANVAS_NORMAL, map->name, (size_t)-1);
}

/* Private memory, as it lies in the address space, and of each part how much is marked. */
static int draw_strip(struct area a, int y, const struct top_detail *d)
{
	enum { LABEL = 9, CELLS_MAX = 200, LEVELS = 8 };
	/* By level, from -1 on. */
	static const uint32_t glyph[] = { ' ', ' ', 0x2581, 0x2582, 0x2583, 0x2584, 0x2585, 0x2586,
					  0x2587, 0x2588 };
	struct strip_cell cells[CELLS_MAX];
	const int n = MIN(a.w - LABEL, CELLS_MAX);
	struct strip_roll roll;
	bool marked = false;

	strip_roll_init(&roll);
	for (size_t i = 0; i < d->n_vmas; i++) {
		ksm_vma_strip_add(&roll, &d->vmas[i].v);
		marked |= d->vmas[i].v.mergeable && d->vmas[i].v.anon_bytes;
	}
	if (!marked || n <= 0)
		return y;
	strip_roll_cells(&roll, cells, (size_t)n);
	area_text(a, 0, y, CANVAS_TITLE, "marked");
	for (int i = 0; i < n; i++) {
		const int level = strip_level(strip_permille(&cells[i]), LEVELS);

		area_repeat(a, LABEL + i, y, 1, level > 0 ? CANVAS_GOOD : CANVAS_DIM, glyph[level + 1]);
	}
	return y + 1;
}

static const char *no_maps(int rc)
{
	switch (rc) {
	case -ESRCH:
		return "the process has ended";
	case -ENOENT:
		return "this kernel does not show mappings (it has no /proc/PID/smaps)";
	case -EACCES:
	case -EPERM:
		return "its mappings may not be read (needs root, or CAP_SYS_PTRACE)";
	case -EOPNOTSUPP:
		return "a recording holds no mappings";
	default:
		return cli_strerror(rc);
	}
}

static void draw_maps(struct area a, const struct top_detail *d, struct ui *ui)
{
	const struct area list = area_sub(a, 0, 1, a.w, a.h - 1);

	draw_map_heading(area_sub(a, 0, 0, a.w, 1));
	ui->page = list.h;
	if (d->rc || !d->n_vmas) {
		area_text(list, 0, 0, CANVAS_WARN, d->rc ? no_maps(d->rc) : "no mappings");
		return;
	}
	if (ui->detail_top + (size_t)MAX(list.h, 0) > d->n_vmas)
		ui->detail_top = d->n_vmas > (size_t)list.h ? d->n_vmas - (size_t)list.h : 0;
	for (int y = 0; y < list.h && ui->detail_top + (size_t)y < d->n_vmas; y++)
		draw_map(list, y, &d->vmas[ui->detail_top + (size_t)y]);
}

void pane_detail(struct area a, const struct top *t, struct ui *ui)
{
	const struct top_proc *p = top_model_find(&t->model, t->detail.pid);
	int y = 1;

	if (p && p->p.start_ticks == t->detail.start_ticks)
		y = draw_process(a, &t->model, p);
	else
		area_textf(a, 0, 0, CANVAS_WARN, "process %d has ended", (int)t->detail.pid);
	if (a.h - y > MAPS_MIN)
		y = draw_strip(a, y, &t->detail);
	draw_maps(area_sub(a, 0, y, a.w, a.h - y), &t->detail, ui);
}
