// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pane-graph.c - history side by side: what is saved, how fast is scanned, what
 * it takes of a CPU.  The newest sample is at the right edge.
 *
 * In braille a character holds two samples, four dots high; as blocks or in plain
 * ASCII it holds one.  A sample without value leaves a gap, a zero does not: it is
 * the lowest line.
 */
#include <math.h>

#include "ksmtop/ui.h"

enum { GRAPH_WIDTH_MIN = 24, GRAPH_HEIGHT_MIN = 3 };

enum scale { SCALE_BYTES, SCALE_COUNT, SCALE_PERCENT };

static const struct graph {
	enum top_series series;
	const char *name;
	enum scale scale;
	double least;		/* the top of the scale is not below it: noise stays small */
	enum canvas_role role;
} graphs[] = {
	{ TOP_S_SAVED, "saved", SCALE_BYTES, 1024 * 1024, CANVAS_GRAPH1 },
	{ TOP_S_SCANNED, "scanned/s", SCALE_COUNT, 100, CANVAS_GRAPH2 },
	{ TOP_S_CPU, "ksmd now", SCALE_PERCENT, 1, CANVAS_GRAPH3 },
};

static void value_text(char *buf, size_t len, double v, enum scale scale)
{
	if (isnan(v)) {
		snprintf(buf, len, "-");
	} else if (scale == SCALE_BYTES) {
		cli_bytes(buf, len, (int64_t)v, false);
	} else if (scale == SCALE_PERCENT) {
		snprintf(buf, len, "%.1f %%", v);
	} else {
		ui_count(buf, len, v, "");
	}
}

/* The highest value of the last @n samples, and not below the least. */
static double top_of(const struct top_hist *h, const struct graph *g, size_t n)
{
	double top = g->least;

	for (size_t i = 0; i < n && i < h->n; i++) {
		const double v = top_hist_at(h, g->series, i);

		if (!isnan(v) && v > top)
			top = v;
	}
	return top;
}

/* Steps, of @steps, that a sample fills; at least one, so that a zero is seen; 0: no value. */
static int level(const struct top_hist *h, const struct graph *g, size_t back, double top,
		 int steps)
{
	const double v = back < h->n ? top_hist_at(h, g->series, back) : NAN;

	if (isnan(v))
		return 0;
	return MAX(1, MIN(steps, (int)lround(v / top * steps)));
}

/* Of @filled steps, those that fall into the line @y from above, which holds @per. */
static int in_line(int filled, int y, int height, int per)
{
	return MAX(0, MIN(per, filled - (height - 1 - y) * per));
}

static void draw_braille(struct area a, const struct top_hist *h, const struct graph *g)
{
	/* Dots of a column from the bottom up (Unicode numbers them otherwise). */
	static const uint32_t left[] = { 0, 0x40, 0x44, 0x46, 0x47 };
	static const uint32_t right[] = { 0, 0x80, 0xa0, 0xb0, 0xb8 };
	const double top = top_of(h, g, 2 * (size_t)a.w);

	for (int x = 0; x < a.w; x++) {
		const size_t back = 2 * (size_t)(a.w - 1 - x);
		const int old = level(h, g, back + 1, top, 4 * a.h);
		const int young = level(h, g, back, top, 4 * a.h);

		for (int y = 0; y < a.h; y++) {
			const uint32_t dots = left[in_line(old, y, a.h, 4)] |
					      right[in_line(young, y, a.h, 4)];

			if (dots)
				area_repeat(a, x, y, 1, g->role, 0x2800 | dots);
		}
	}
}

static void draw_columns(struct area a, const struct top_hist *h, const struct graph *g)
{
	/* Eighths of a block; in ASCII, thirds of a line. */
	static const char plain[] = { ' ', '.', ':', '#' };
	const int per = a.c->ascii ? 3 : 8;
	const double top = top_of(h, g, (size_t)a.w);

	for (int x = 0; x < a.w; x++) {
		const int filled = level(h, g, (size_t)(a.w - 1 - x), top, per * a.h);

		for (int y = 0; y < a.h; y++) {
			const int n = in_line(filled, y, a.h, per);

			if (n)
				area_repeat(a, x, y, 1, g->role,
					    a.c->ascii ? (uint32_t)plain[n] :
							 0x2580 + (uint32_t)n);
		}
	}
}

static void draw_graph(struct area a, const struct model *m, const struct graph *g,
		       enum top_graph style)
{
	const struct area body = area_sub(a, 0, 1, a.w, a.h - 1);
	const bool braille = style == TOP_GRAPH_BRAILLE && !a.c->ascii;
	const size_t shown = (size_t)a.w * (braille ? 2 : 1);
	char now[32], top[32];
	int x;

	value_text(now, sizeof(now), m->hist.n ? top_hist_at(&m->hist, g->series, 0) : NAN,
		   g->scale);
	value_text(top, sizeof(top), top_of(&m->hist, g, shown), g->scale);
	x = area_textf(a, 0, 0, CANVAS_TITLE, "%s ", g->name);
	x += area_text(a, x, 0, g->role, now);
	if (x + canvas_width(top) + 2 <= a.w)
		area_textf(a, a.w - canvas_width(top) - 1, 0, CANVAS_DIM, "^%s", top);
	if (braille)
		draw_braille(body, &m->hist, g);
	else
		draw_columns(body, &m->hist, g);
}

void pane_graph(struct area a, const struct model *m, enum top_graph style)
{
	const int n = MAX(1, MIN((int)ARRAY_SIZE(graphs), a.w / GRAPH_WIDTH_MIN));
	const int gap = 2, width = (a.w - (n - 1) * gap) / n;

	if (style == TOP_GRAPH_NONE || a.h < GRAPH_HEIGHT_MIN)
		return;
	for (int i = 0; i < n; i++) {
		const int x = i * (width + gap);

		draw_graph(area_sub(a, x, 0, i == n - 1 ? a.w - x : width, a.h), m, &graphs[i],
			   style);
	}
}
