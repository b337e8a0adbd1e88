// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pane-summary.c - what merging gives and what it costs, side by side: the state
 * in words, the verdict, gauges, and figures as many as there is room for.
 *
 * A figure that the kernel does not have is "-", one that may not be read is
 * "denied": never a zero.
 */
#include <math.h>
#include <string.h>

#include "ksmtop/ui.h"

enum { LINE_STATE, LINE_VERDICT, LINE_METERS, LINES_METERS = 2,
       LINE_FIGURES = LINE_METERS + LINES_METERS };

/* Columns of one figure: "swap-in     12.3k/s  ". */
#define FIGURE_WIDTH 20

/* ------------------------------------------------------------------ */
/* figures as text							*/

static void bytes_text(char *buf, size_t len, struct ksm_fig f)
{
	if (ksm_fig_has(f))
		cli_bytes(buf, len, f.v, false);
	else
		snprintf(buf, len, "%s", top_no_value(f.state));
}

static void count_text(char *buf, size_t len, struct ksm_fig f, const char *unit)
{
	if (ksm_fig_has(f))
		ui_count(buf, len, (double)f.v, unit);
	else
		snprintf(buf, len, "%s", top_no_value(f.state));
}

static void percent_text(char *buf, size_t len, double v)
{
	if (v < 0)
		snprintf(buf, len, "-");
	else
		snprintf(buf, len, v < 10 ? "%.2f %%" : "%.1f %%", v);
}

/* ------------------------------------------------------------------ */
/* the state								*/

static int draw_run(struct area a, int x, const struct model *m)
{
	const struct ksm_value *run = &m->stats.attr[KSM_ATTR_RUN];
	enum canvas_role role = CANVAS_WARN;

	if (!m->n_samples)
		return area_text(a, x, 0, CANVAS_DIM, "reading...");
	if (m->present == KSM_ABSENT)
		return area_text(a, x, 0, CANVAS_BAD, "absent");
	if (m->present == KSM_DENIED || run->state == KSM_DENIED)
		return area_text(a, x, 0, CANVAS_WARN, "denied");
	if (run->state != KSM_VALUE)
		return area_text(a, x, 0, CANVAS_WARN, "unknown");
	if ((run->v & ~(int64_t)KSM_RUN_OFFLINING) == KSM_RUN_RUNNING)
		role = CANVAS_GOOD;
	return area_text(a, x, 0, role, ksm_run_name(run->v));
}

static int draw_advisor(struct area a, int x, const struct model *m)
{
	const struct ksm_value *mode = &m->stats.attr[KSM_ATTR_ADVISOR_MODE];
	char text[KSM_ATTR_TEXT_MAX];

	if (mode->state != KSM_VALUE || !mode->v)
		return 0;
	return area_textf(a, x, 0, CANVAS_NORMAL, ", advisor %s",
			  ksm_attr_format(KSM_ATTR_ADVISOR_MODE, mode, text, sizeof(text)));
}

/* What is unusual about this picture of it, at the right. */
static void draw_mode(struct area a, const struct top *t)
{
	const bool wide = a.w >= 60;
	char interval[32], text[96];
	const char *source = "";

	if (t->replay)
		source = "replay ";
	else if (t->sysroot)
		source = "dump ";
	else if (t->record)
		source = "recording ";
	else if (wide)
		source = t->model.events ? "events " : "no events ";
	cli_duration(interval, sizeof(interval), t->interval_ns);
	snprintf(text, sizeof(text), " %s%s%s", t->paused ? "paused " : "", source, interval);
	area_right(a, a.w, 0, t->paused ? CANVAS_WARN : CANVAS_DIM, text);
}

static void draw_state(struct area a, const struct top *t)
{
	const struct model *m = &t->model;
	int x = area_text(a, 0, 0, CANVAS_TITLE, "KSM ");

	x += draw_run(a, x, m);
	if (m->hksm)
		x += area_text(a, x, 0, CANVAS_NORMAL, ", hksm");
	x += draw_advisor(a, x, m);
	if (ksm_fig_has(ksm_stats_fig(&m->stats, KSM_ATTR_FULL_SCANS)) && a.w >= 60)
		area_textf(a, x, 0, CANVAS_DIM, ", %lld passes",
			   (long long)m->stats.attr[KSM_ATTR_FULL_SCANS].v);
	draw_mode(a, t);
}

/* ------------------------------------------------------------------ */
/* gauges								*/

struct meter {
	const char *name;
	double share;		/* 0 to 1; above is full, below is empty */
	char text[48];
	enum canvas_role role;
};

static double share_of(struct ksm_fig part, struct ksm_fig whole)
{
	if (!ksm_fig_has(part) || !ksm_fig_has(whole) || whole.v <= 0)
		return 0;
	return (double)part.v / (double)whole.v;
}

static void meter_saved(const struct model *m, struct meter *out)
{
	const struct ksm_fig saved = m->derived.saved_bytes;
	const double share = share_of(saved, m->stats.mem_total_bytes);
	char text[32];

	out->name = "Saved ";
	out->share = share;
	bytes_text(text, sizeof(text), saved);
	if (ksm_fig_has(saved) && ksm_fig_has(m->stats.mem_total_bytes))
		snprintf(out->text, sizeof(out->text), "%s, %.1f %% of RAM", text, share * 100);
	else
		snprintf(out->text, sizeof(out->text), "%s", text);
}

static void meter_profit(const struct model *m, struct meter *out)
{
	const struct ksm_fig profit = m->derived.profit_bytes;

	out->name = "Profit";
	out->share = share_of(profit, m->derived.saved_bytes);
	bytes_text(out->text, sizeof(out->text), profit);
	if (ksm_fig_or(profit, 0) < 0)
		out->role = CANVAS_BAD;
}

static void meter_cpu(const struct model *m, struct meter *out)
{
	out->name = "ksmd  ";
	out->share = MAX(m->cpu_pct, 0) / 100;
	percent_text(out->text, sizeof(out->text), m->cpu_pct);
	out->role = CANVAS_GRAPH3;
	if (m->cpu_pct >= 0)
		snprintf(out->text + strlen(out->text), sizeof(out->text) - strlen(out->text),
			 " of a CPU, average");
}

static void meter_meta(const struct model *m, struct meter *out)
{
	const struct ksm_fig meta = m->derived.meta_bytes;
	char text[32];

	out->name = "Meta  ";
	out->share = share_of(meta, m->derived.saved_bytes);
	out->role = CANVAS_GRAPH3;
	bytes_text(text, sizeof(text), meta);
	snprintf(out->text, sizeof(out->text), "%s%s",
		 ksm_fig_has(meta) && m->derived.meta_estimated ? "about " : "", text);
	if (ksm_fig_has(meta) && m->meta_pct >= 0 && m->meta_pct < 1000)
		snprintf(out->text + strlen(out->text), sizeof(out->text) - strlen(out->text),
			 ", %.1f %% of saved", m->meta_pct);
	if (ksm_fig_has(meta) && out->share > 1)
		out->role = CANVAS_BAD;
}

/* The text without what stands behind its comma or "of", when there is no room. */
static void shorten(char *text, int room)
{
	char *cut;

	if (canvas_width(text) <= room)
		return;
	cut = strchr(text, ',');
	if (!cut)
		cut = strstr(text, " of ");
	if (cut)
		*cut = '\0';
}

/* Name [|||||      1.2 GiB] */
static void draw_meter(struct area a, struct meter *mt)
{
	const int left = canvas_width(mt->name) + 1, inner = a.w - left - 1;
	int filled;

	if (inner < 4)
		return;
	shorten(mt->text, inner - 2);
	filled = (int)lround(MAX(0, MIN(mt->share, 1)) * inner);
	/* Little is not nothing. */
	if (!filled && mt->share > 0)
		filled = 1;
	area_text(a, 0, 0, CANVAS_TITLE, mt->name);
	area_text(a, left - 1, 0, CANVAS_DIM, "[");
	area_repeat(a, left, 0, filled, mt->role, '|');
	area_text(a, left + inner, 0, CANVAS_DIM, "]");
	area_right(area_sub(a, left, 0, inner, 1), inner, 0,
		   mt->role == CANVAS_BAD ? CANVAS_BAD : CANVAS_NORMAL, mt->text);
}

static void draw_meters(struct area a, const struct model *m)
{
	static void (*const fill[])(const struct model *m, struct meter *out) = {
		meter_saved, meter_cpu, meter_profit, meter_meta,
	};
	const int left = (a.w - 2) / 2;

	for (size_t i = 0; i < ARRAY_SIZE(fill); i++) {
		struct meter mt = { .role = CANVAS_METER };
		const int x = i % 2 ? left + 2 : 0;

		fill[i](m, &mt);
		draw_meter(area_sub(a, x, (int)i / 2, i % 2 ? a.w - x : left, 1), &mt);
	}
}

/* ------------------------------------------------------------------ */
/* figures								*/

static void fig_ratio(const struct model *m, char *buf, size_t len)
{
	if (m->derived.sharing_ratio > 0)
		snprintf(buf, len, "%.1f : 1", m->derived.sharing_ratio);
	else
		snprintf(buf, len, "-");
}

static void fig_us_per_mib(const struct model *m, char *buf, size_t len)
{
	if (m->us_per_mib < 0)
		snprintf(buf, len, "-");
	else if (m->us_per_mib < 10)
		snprintf(buf, len, "%.2f us/s", m->us_per_mib);
	else
		count_text(buf, len, KSM_FIG((int64_t)MIN(m->us_per_mib, 1e18)), " us/s");
}

static void fig_cow(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, m->delta.cow_per_s, "/s");
}

static void fig_scanned(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, m->delta.scanned_per_s, "/s");
}

static void fig_merged(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, m->delta.merged_per_s, "/s");
}

static void fig_swpin(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, m->delta.swpin_per_s, "/s");
}

static void fig_shared(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, ksm_stats_fig(&m->stats, KSM_ATTR_PAGES_SHARED), "");
}

static void fig_sharing(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, ksm_stats_fig(&m->stats, KSM_ATTR_PAGES_SHARING), "");
}

static void fig_zero(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, ksm_stats_fig(&m->stats, KSM_ATTR_ZERO_PAGES), "");
}

static void fig_unseen(const struct model *m, char *buf, size_t len)
{
	bytes_text(buf, len, m->unseen_bytes);
}

static void fig_unshared(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, ksm_stats_fig(&m->stats, KSM_ATTR_PAGES_UNSHARED), "");
}

static void fig_volatile(const struct model *m, char *buf, size_t len)
{
	count_text(buf, len, ksm_stats_fig(&m->stats, KSM_ATTR_PAGES_VOLATILE), "");
}

static void fig_procs(const struct model *m, char *buf, size_t len)
{
	snprintf(buf, len, "%zu of %zu", m->n_members, m->n_procs);
}

static void fig_losing(const struct model *m, char *buf, size_t len)
{
	snprintf(buf, len, "%zu", m->n_losing);
}

static void fig_denied(const struct model *m, char *buf, size_t len)
{
	snprintf(buf, len, "%zu", m->n_denied);
}

static bool is_losing(const struct model *m)
{
	return m->n_losing > 0;
}

static bool is_denied(const struct model *m)
{
	return m->n_denied > 0;
}

/* The most wanted first: a small window ends early. */
static const struct {
	const char *name;
	void (*text)(const struct model *m, char *buf, size_t len);
	enum canvas_role role;
	bool (*alarm)(const struct model *m);	/* NULL never: shown as a warning */
} figures[] = {
	{ "ratio", fig_ratio, CANVAS_NORMAL, NULL },
	{ "CPU/MiB", fig_us_per_mib, CANVAS_NORMAL, NULL },
	{ "COW", fig_cow, CANVAS_NORMAL, NULL },
	{ "in KSM", fig_procs, CANVAS_NORMAL, NULL },
	{ "losing", fig_losing, CANVAS_NORMAL, is_losing },
	{ "scanned", fig_scanned, CANVAS_NORMAL, NULL },
	{ "merged", fig_merged, CANVAS_NORMAL, NULL },
	{ "denied", fig_denied, CANVAS_NORMAL, is_denied },
	{ "swap-in", fig_swpin, CANVAS_NORMAL, NULL },
	{ "shared", fig_shared, CANVAS_NORMAL, NULL },
	{ "sharing", fig_sharing, CANVAS_NORMAL, NULL },
	{ "zero", fig_zero, CANVAS_NORMAL, NULL },
	{ "unshared", fig_unshared, CANVAS_NORMAL, NULL },
	{ "volatile", fig_volatile, CANVAS_NORMAL, NULL },
	/* Of huge pages that were split: the kernel's counter of zero pages lacks them. */
	{ "zero more", fig_unseen, CANVAS_NORMAL, NULL },
};

static void draw_figures(struct area a, const struct model *m)
{
	const int across = MAX(1, a.w / FIGURE_WIDTH), width = a.w / across;
	char text[48];

	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		struct area cell = area_sub(a, (int)i % across * width, (int)i / across, width, 1);
		enum canvas_role role = figures[i].role;

		figures[i].text(m, text, sizeof(text));
		if (figures[i].alarm && figures[i].alarm(m))
			role = CANVAS_WARN;
		area_text(cell, 0, 0, CANVAS_TITLE, figures[i].name);
		area_right(cell, width - 2, 0, role, text);
	}
}

/* ------------------------------------------------------------------ */
/* the pane								*/

int pane_summary_height(int w, int h)
{
	const int across = MAX(1, w / FIGURE_WIDTH);
	const int all = ((int)ARRAY_SIZE(figures) + across - 1) / across;

	/* A third of the window, but the table comes first in a low one. */
	return LINE_FIGURES + MAX(0, MIN(all, (h - 10) / 5));
}

void pane_summary(struct area a, const struct top *t)
{
	const struct model *m = &t->model;

	draw_state(area_sub(a, 0, LINE_STATE, a.w, 1), t);
	area_text_cut(area_sub(a, 0, LINE_VERDICT, a.w, 1), 0, 0, ui_tone_role(m->verdict.tone),
		      m->verdict.text);
	if (!m->n_samples || m->present != KSM_VALUE)
		return;
	draw_meters(area_sub(a, 0, LINE_METERS, a.w, LINES_METERS), m);
	draw_figures(area_sub(a, 0, LINE_FIGURES, a.w, a.h - LINE_FIGURES), m);
}
