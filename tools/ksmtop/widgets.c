// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * widgets.c - what panes are made of: what can be clicked, lists that scroll,
 * tones and counts.  Knows no pane and no key.
 */
#include <math.h>

#include "ksmtop/ui.h"

void ui_hit(struct ui *ui, struct area a, int x, int y, int w, enum ui_hit_kind kind,
	    uint32_t what)
{
	if (ui->n_hits < ARRAY_SIZE(ui->hits) && y >= 0 && y < a.h)
		ui->hits[ui->n_hits++] = (struct ui_hit){ kind, a.x + x, a.y + y,
							  MIN(w, a.w - x), what };
}

void ui_scroll(size_t *top, size_t at, size_t n, int height)
{
	const size_t lines = (size_t)MAX(height, 1);

	if (at < *top)
		*top = at;
	if (at >= *top + lines)
		*top = at - lines + 1;
	/* No empty lines below the last one while there are others above. */
	if (*top + lines > n)
		*top = n > lines ? n - lines : 0;
}

enum canvas_role ui_tone_role(enum top_tone tone)
{
	static const enum canvas_role roles[] = { [TOP_DULL] = CANVAS_NORMAL,
						  [TOP_GOOD] = CANVAS_GOOD,
						  [TOP_WARN] = CANVAS_WARN,
						  [TOP_BAD] = CANVAS_BAD };

	return roles[tone];
}

void ui_count(char *buf, size_t len, double v, const char *unit)
{
	static const char prefixes[] = " kMGTPE";
	size_t k = 0;

	if (fabs(v) < 10000) {
		snprintf(buf, len, "%.0f%s", v, unit);
		return;
	}
	while (fabs(v) >= 999.95 && prefixes[k + 1]) {
		v /= 1000;
		k++;
	}
	snprintf(buf, len, "%.1f%c%s", v, prefixes[k], unit);
}
