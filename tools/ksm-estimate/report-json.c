// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * report-json.c - the result as one JSON document.
 */
#include "ksm-estimate/report.h"

#include <math.h>

static void json_sums(struct cli_json *j, const struct est_report *r, const struct est_sums *s)
{
	const struct est *e = r->e;

	cli_json_open(j, "estimate", '{');
	cli_json_num(j, "page_size", e->page_size);
	cli_json_str(j, "mode", e->p < 1 ? "sample" : "full");
	cli_json_real(j, "sampled_pct", e->p * 100, 4);
	cli_json_num(j, "passes", MAX(e->opt.passes, 1U));
	cli_json_num(j, "processes", s->read);
	cli_json_num(j, "denied", e->denied);
	cli_json_num(j, "vanished", e->vanished);
	cli_json_bool(j, "frames_known", e->frames_known);
	cli_json_num(j, "read_bytes", e->read_bytes);
	cli_json_real(j, "read_seconds", e->read_ns / 1e9, 3);
	cli_json_real(j, "list_seconds", e->list_ns / 1e9, 3);
	cli_json_num(j, "max_page_sharing", e->max_sharing);
	cli_json_bool(j, "use_zero_pages", e->use_zero_pages);
	for (const struct est_figure *f = est_figures; f->key; f++) {
		struct cli_cell cell = { 0 };

		f->get(&s->all, &cell);
		if (cell.state == CLI_VALUE)
			cli_json_num(j, f->key, cell.num);
		else
			cli_json_null(j, f->key);
	}
	cli_json_num(j, "saved_bytes", s->saved);
	cli_json_num(j, "saved_low_bytes", s->low);
	cli_json_num(j, "saved_high_bytes", s->high);
	cli_json_num(j, "metadata_bytes", s->all.meta);
	cli_json_num(j, "net_bytes", s->net);
	cli_json_num(j, "cross_user_bytes", est_page_bytes(r, e->total.cross));
	cli_json_num(j, "split_bytes", est_page_bytes(r, e->total.huge));
	cli_json_num(j, "sharing_pages", llround(e->total.counted));
	cli_json_close(j);
}

int est_report_json(const struct est_report *r)
{
	struct cli_json *j = cli_json_new();
	struct est_list lists[EST_LISTS];
	const size_t n = est_lists(r, lists, true);
	struct est_sums s;
	int rc;

	est_sums(r, &s);
	cli_json_open(j, NULL, '{');
	json_sums(j, r, &s);
	for (size_t i = 0; i < n; i++) {
		cli_json_rows(j, lists[i].name, lists[i].cols, lists[i].ptrs, lists[i].n);
		est_list_fini(&lists[i]);
	}
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}
