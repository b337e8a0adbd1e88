// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view-batch.c - samples as text, JSON or CSV on standard output.
 *
 * Columns, their order and the rows are those of the screen; what a program
 * reads has plain numbers and keys that do not change.
 */
#include "ksmtop/ksmtop.h"

#include <string.h>
#include <time.h>

#include "cli/xalloc.h"

static const char *time_text(const struct model *m, char *buf, size_t len)
{
	const time_t when = m->wall_s;
	struct tm tm;

	buf[0] = '\0';
	if (when && localtime_r(&when, &tm))
		strftime(buf, len, "%Y-%m-%dT%H:%M:%S%z", &tm);
	return buf;
}

/* "stopped", "running", "unmerging", or why that is not known. */
static const char *state_text(const struct model *m)
{
	const struct ksm_fig run = ksm_stats_fig(&m->stats, KSM_ATTR_RUN);

	if (ksm_fig_has(run))
		return ksm_run_name(run.v);
	return m->present == KSM_ABSENT ? "absent" : run.state == KSM_DENIED ? "denied" : "unknown";
}

/* --- figures of the whole, as a table --- */

enum kind { NUMBER, SIZE };

static struct ksm_fig get_saved(const struct model *m)
{
	return m->derived.saved_bytes;
}

static struct ksm_fig get_profit(const struct model *m)
{
	return m->derived.profit_bytes;
}

static struct ksm_fig get_meta(const struct model *m)
{
	return m->derived.meta_bytes;
}

static struct ksm_fig get_shared(const struct model *m)
{
	return ksm_stats_fig(&m->stats, KSM_ATTR_PAGES_SHARED);
}

static struct ksm_fig get_sharing(const struct model *m)
{
	return ksm_stats_fig(&m->stats, KSM_ATTR_PAGES_SHARING);
}

static struct ksm_fig get_zero(const struct model *m)
{
	return ksm_stats_fig(&m->stats, KSM_ATTR_ZERO_PAGES);
}

static struct ksm_fig get_unseen(const struct model *m)
{
	return m->unseen_bytes;
}

static struct ksm_fig get_passes(const struct model *m)
{
	return ksm_stats_fig(&m->stats, KSM_ATTR_FULL_SCANS);
}

/* Nothing is known of rates before the second sample. */
static struct ksm_fig rate(const struct model *m, struct ksm_fig f)
{
	return m->delta.seconds > 0 ? f : (struct ksm_fig){ .state = KSM_ABSENT };
}

static struct ksm_fig get_scanned(const struct model *m)
{
	return rate(m, m->delta.scanned_per_s);
}

static struct ksm_fig get_merged(const struct model *m)
{
	return rate(m, m->delta.merged_per_s);
}

static struct ksm_fig get_cow(const struct model *m)
{
	return rate(m, m->delta.cow_per_s);
}

static struct ksm_fig get_swpin(const struct model *m)
{
	return rate(m, m->delta.swpin_per_s);
}

static const struct {
	const char *name;
	const char *key;
	enum kind kind;
	struct ksm_fig (*get)(const struct model *m);
	bool last;	/* on its line of text */
} figures[] = {
	{ "saved", "saved", SIZE, get_saved, false },
	{ "profit", "profit", SIZE, get_profit, false },
	{ "metadata", "metadata", SIZE, get_meta, false },
	{ "shared pages", "shared_pages", NUMBER, get_shared, false },
	{ "sharing pages", "sharing_pages", NUMBER, get_sharing, false },
	{ "zero pages", "zero_pages", NUMBER, get_zero, false },
	{ "zero more", "zero_unseen", SIZE, get_unseen, false },
	{ "full scans", "full_scans", NUMBER, get_passes, true },
	{ "scanned/s", "scanned_per_s", NUMBER, get_scanned, false },
	{ "merged/s", "merged_per_s", NUMBER, get_merged, false },
	{ "cow/s", "cow_per_s", NUMBER, get_cow, false },
	{ "swap-in/s", "swpin_copy_per_s", NUMBER, get_swpin, true },
};

static const struct {
	const char *name;
	const char *key;
	size_t offset;	/* of a size_t in struct model */
} counts[] = {
	{ "processes", "processes", offsetof(struct model, n_procs) },
	{ "mergeable", "members", offsetof(struct model, n_members) },
	{ "losing", "losing", offsetof(struct model, n_losing) },
	{ "denied", "denied", offsetof(struct model, n_denied) },
};

static const struct {
	const char *name;
	const char *key;
	const char *unit;
	size_t offset;	/* of a double in struct model, negative where unknown */
	int decimals;
} costs[] = {
	{ "ksmd", "ksmd_cpu_pct", " % CPU", offsetof(struct model, cpu_pct), 1 },
	{ "CPU for each MiB", "us_per_mib", " us/s", offsetof(struct model, us_per_mib), 1 },
	{ "metadata", "metadata_pct", " % of saved", offsetof(struct model, meta_pct), 1 },
};

static size_t count_of(const struct model *m, size_t i)
{
	return *(const size_t *)(const void *)((const char *)m + counts[i].offset);
}

static double cost_of(const struct model *m, size_t i)
{
	return *(const double *)(const void *)((const char *)m + costs[i].offset);
}

/* --- which columns --- */

static void get_time(const void *row, struct cli_cell *out)
{
	out->num = ((const struct row *)row)->m->wall_s;
	if (!out->num)
		out->state = CLI_ABSENT;
}

#define MAX_COLS (__TOP_COL_N + 2)	/* and the time, and the end */

/*
 * Terminated; a name that the mode has no use for does not exist in it.  For CSV,
 * where samples follow each other without a word between, the time comes first.
 */
static void make_columns(const struct model *m, bool csv, struct cli_col *out)
{
	const bool groups = m->table.group != KSM_GROUP_PID;

	if (csv)
		*out++ = (struct cli_col){ .name = "time", .help = "seconds since 1970",
					   .kind = CLI_NUM, .get = get_time };
	for (int id = 0; id < __TOP_COL_N; id++) {
		const struct top_column *c = top_column(id);

		if (groups ? !c->of_group : !c->of_proc)
			continue;
		*out = c->col;
		if (csv)
			out->name = c->key;
		out->hidden = id == TOP_COL_GROUP ? false :
			      !m->table.shown[id] || (c->present && !c->present(m));
		out++;
	}
	*out = (struct cli_col){ 0 };
}

static const void **make_rows(const struct model *m)
{
	const void **rows = xcalloc(m->n_rows, sizeof(*rows));

	for (size_t i = 0; i < m->n_rows; i++)
		rows[i] = &m->rows[i];
	return rows;
}

static void print_table(struct top *t)
{
	const bool csv = t->out.format == CLI_CSV;
	struct cli_col cols[MAX_COLS];
	const void **rows = make_rows(&t->model);

	make_columns(&t->model, csv, cols);
	/* A write that fails is told at the end. */
	(void)cli_table_print("procs", cols, rows, t->model.n_rows, &t->out);
	free(rows);
	if (csv)
		t->out.noheadings = true;
}

/* --- text --- */

static const char *fig_text(const struct top *t, struct ksm_fig f, enum kind kind, char *buf,
			    size_t len)
{
	if (f.state != KSM_VALUE)
		snprintf(buf, len, "%s", top_no_value(f.state));
	else if (kind == SIZE)
		cli_bytes(buf, len, f.v, t->out.bytes);
	else
		snprintf(buf, len, "%lld", (long long)f.v);
	return buf;
}

static void print_text(struct top *t)
{
	const struct model *m = &t->model;
	char buf[64];

	if (*time_text(m, buf, sizeof(buf)))
		printf("%s ", buf);
	printf("%s: %s\n", state_text(m), m->verdict.text);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		printf("%s %s%s", figures[i].name,
		       fig_text(t, figures[i].get(m), figures[i].kind, buf, sizeof(buf)),
		       figures[i].last ? "\n" : ", ");
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++) {
		if (cost_of(m, i) < 0)
			printf("%s -, ", costs[i].name);
		else
			printf("%s %.*f%s, ", costs[i].name, costs[i].decimals, cost_of(m, i),
			       costs[i].unit);
	}
	printf("ratio %.1f\n", m->derived.sharing_ratio);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		printf("%s %zu%s", counts[i].name, count_of(m, i),
		       i + 1 < ARRAY_SIZE(counts) ? ", " : "\n\n");
	print_table(t);
	putchar('\n');
}

/* --- JSON --- */

static void json_fig(struct cli_json *j, const char *key, struct ksm_fig f)
{
	if (ksm_fig_has(f))
		cli_json_num(j, key, f.v);
	else
		cli_json_null(j, key);
}

static void json_cell(struct cli_json *j, const struct row *row, enum top_col id)
{
	const struct top_column *c = top_column(id);
	struct cli_cell cell;

	top_cell(row, id, &cell);
	if (cell.state != CLI_VALUE)
		cli_json_null(j, c->key);
	else if (c->col.kind == CLI_STR)
		cli_json_str(j, c->key, cell.str);
	else if (c->col.kind == CLI_FLOAT)
		cli_json_real(j, c->key, cell.real, cell.decimals);
	else
		cli_json_num(j, c->key, cell.num);
}

/* All that there is in this mode, shown or not: programs pick. */
static void json_rows(struct cli_json *j, const struct model *m)
{
	const bool groups = m->table.group != KSM_GROUP_PID;

	cli_json_open(j, groups ? "groups" : "procs", '[');
	for (size_t r = 0; r < m->n_rows; r++) {
		cli_json_open(j, NULL, '{');
		for (int id = 0; id < __TOP_COL_N; id++) {
			const struct top_column *c = top_column(id);

			if ((groups ? c->of_group : c->of_proc) && (!c->present || c->present(m)))
				json_cell(j, &m->rows[r], id);
		}
		cli_json_close(j);
	}
	cli_json_close(j);
}

static void print_json(const struct top *t)
{
	const struct model *m = &t->model;
	struct cli_json *j = cli_json_new();
	char buf[64];

	cli_json_compact(j);
	cli_json_open(j, NULL, '{');
	cli_json_str(j, "time", *time_text(m, buf, sizeof(buf)) ? buf : NULL);
	if (m->delta.seconds > 0)
		cli_json_real(j, "seconds", m->delta.seconds, 3);
	else
		cli_json_null(j, "seconds");
	cli_json_str(j, "state", state_text(m));
	cli_json_str(j, "verdict", m->verdict.text);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		json_fig(j, figures[i].key, figures[i].get(m));
	cli_json_bool(j, "metadata_estimated", m->derived.meta_estimated);
	cli_json_real(j, "sharing_ratio", m->derived.sharing_ratio, 2);
	for (size_t i = 0; i < ARRAY_SIZE(costs); i++) {
		if (cost_of(m, i) < 0)
			cli_json_null(j, costs[i].key);
		else
			cli_json_real(j, costs[i].key, cost_of(m, i), costs[i].decimals);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		cli_json_num(j, counts[i].key, count_of(m, i));
	json_rows(j, m);
	cli_json_close(j);
	(void)cli_json_print(j, stdout);
	cli_json_free(j);
}

static void draw(struct top *t)
{
	if (t->out.format == CLI_JSON)
		print_json(t);
	else if (t->out.format == CLI_CSV)
		print_table(t);
	else
		print_text(t);
}

/* Mistakes in --output, before anything is read; columns of hksm are known everywhere. */
static int init(struct top *t)
{
	struct cli_col cols[MAX_COLS];

	make_columns(&t->model, t->out.format == CLI_CSV, cols);
	cli_table_check(cols, &t->out);
	return 0;
}

const struct view top_view_batch = {
	.init = init,
	.draw = draw,
};
