// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * columns.c - the one table of the process table's columns: what each is called,
 * how wide it is, when there is something to show, and the function that gets it.
 *
 * The screen, batch text, CSV, JSON, sorting and the settings file all go by
 * this table.  A column that only hksm has is not there at all under another
 * engine, so that nobody takes its absence for a zero.
 */
#include "ksmtop/ksmtop.h"

#include <string.h>

#include "util/ascii.h"
#include "util/num.h"

#define ROW(row) ((const struct row *)(row))

static enum cli_state cell_state(enum ksm_state s)
{
	static const enum cli_state map[] = { [KSM_ABSENT] = CLI_ABSENT, [KSM_DENIED] = CLI_DENIED,
					      [KSM_OFF] = CLI_OFF, [KSM_VALUE] = CLI_VALUE };

	return map[s];
}

const char *top_no_value(enum ksm_state s)
{
	return cli_state_word(cell_state(s));
}

const char *top_state_name(const struct ksm_proc *p)
{
	return p->kthread ? "kthread" : ksm_member_name(p->member);
}

static void put_fig(struct cli_cell *out, struct ksm_fig f, int64_t scale)
{
	out->state = cell_state(f.state);
	out->num = num_mul_sat(f.v, scale);
}

static void put_real(struct cli_cell *out, double v, int decimals)
{
	out->state = v == v ? CLI_VALUE : CLI_ABSENT;
	out->real = v;
	out->decimals = decimals;
}

static void put_str(struct cli_cell *out, const char *s)
{
	out->state = *s ? CLI_VALUE : CLI_ABSENT;
	out->str = s;
}

static int64_t page_of(const void *row)
{
	return ROW(row)->m->stats.page_size;
}

/* The figure of a process, or that of a group. */
#define PICK(row, of_proc, of_group) (ROW(row)->p ? ROW(row)->p->of_proc : ROW(row)->g->of_group)

static void get_pid(const void *row, struct cli_cell *out)
{
	out->num = ROW(row)->p->p.pid;
}

static void get_ppid(const void *row, struct cli_cell *out)
{
	out->num = ROW(row)->p->p.ppid;
}

static void get_group(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->g->key);
}

static void get_procs(const void *row, struct cli_cell *out)
{
	out->num = ROW(row)->g->procs;
}

static void get_members(const void *row, struct cli_cell *out)
{
	out->num = ROW(row)->g->members;
}

static void get_user(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->user);
}

static void get_merging(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, p.ksm.merging_pages, merging_pages), page_of(row));
}

static void get_zero(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, p.ksm.zero_pages, zero_pages), page_of(row));
}

static void get_items(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, p.ksm.items, items), 1);
}

static void get_profit(const void *row, struct cli_cell *out)
{
	const struct ksm_fig f = PICK(row, p.ksm.profit_bytes, profit_bytes);

	put_fig(out, f, 1);
	out->alarm = ksm_fig_or(f, 0) < 0;
}

static int64_t rss_bytes(const void *row)
{
	const struct row *r = ROW(row);
	const int64_t pages = r->p ? (int64_t)MIN(r->p->p.rss_pages, (uint64_t)INT64_MAX) :
				     r->g->rss_pages;

	return num_mul_sat(pages, page_of(row));
}

static void get_rss(const void *row, struct cli_cell *out)
{
	out->num = rss_bytes(row);
}

/*
 * Profit, as a share of the memory there would be without merging: pages that
 * stand in shared copies count as resident, those merged with the zero page do
 * not (mm/ksm.c since 6.10 takes them out of RSS).
 */
static void get_saved_pct(const void *row, struct cli_cell *out)
{
	const struct ksm_fig profit = PICK(row, p.ksm.profit_bytes, profit_bytes);
	const struct ksm_fig zero = PICK(row, p.ksm.zero_pages, zero_pages);
	const double whole = (double)rss_bytes(row) + (double)ksm_fig_or(zero, 0) * page_of(row);

	out->state = cell_state(profit.state);
	out->decimals = 1;
	if (out->state != CLI_VALUE)
		return;
	put_real(out, whole > 0 ? profit.v / whole * 100 : 0, 1);
	out->alarm = profit.v < 0;
}

static void get_growth(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, growth_bytes_s, growth_bytes_s), 1);
}

static void get_scan_rate(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, scan_pages_s, scan_pages_s), 1);
}

static void get_scan_cpu(const void *row, struct cli_cell *out)
{
	put_real(out, PICK(row, scan_cpu_pct, scan_cpu_pct), 1);
	if (out->real < 0)
		out->state = CLI_ABSENT;
}

static void get_break_rate(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, break_pages_s, break_pages_s), 1);
}

static void get_meta(const void *row, struct cli_cell *out)
{
	put_fig(out, PICK(row, p.ksm.meta_bytes, meta_bytes), 1);
}

static void get_domain(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p->p.ksm.domain, 1);
}

static void get_state(const void *row, struct cli_cell *out)
{
	out->str = top_state_name(&ROW(row)->p->p);
}

#define AGE_SLACK 60	/* s that a sample may take on a machine that is loaded */

/*
 * In seconds.  What began after the sample's clock was read is new; a dump whose
 * uptime is another clock, as a container's may be, does not tell.
 */
static void get_age(const void *row, struct cli_cell *out)
{
	const struct model *m = ROW(row)->m;
	const uint64_t began = ROW(row)->p->p.start_ticks;

	out->state = cell_state(m->uptime_ns.state);
	if (out->state != CLI_VALUE || !m->clock_tick) {
		out->state = CLI_ABSENT;
		return;
	}
	out->num = m->uptime_ns.v / 1000000000;
	if (began / m->clock_tick > (uint64_t)out->num + AGE_SLACK)
		out->state = CLI_ABSENT;
	else
		out->num = MAX(out->num - (int64_t)(began / m->clock_tick), 0);
}

static void get_cgroup(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->cgroup);
}

static void get_unit(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->unit);
}

static void get_vm(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->vm);
}

static void get_container(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->container);
}

static void get_pod(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->pod);
}

static void get_namespace(const void *row, struct cli_cell *out)
{
	put_str(out, ROW(row)->p->space);
}

static void get_command(const void *row, struct cli_cell *out)
{
	const struct top_proc *p = ROW(row)->p;

	out->str = *p->command ? p->command : p->p.comm;
}

static bool has_hksm(const struct model *m)
{
	return m->hksm;
}

#define COMMON	.of_proc = true, .of_group = true
#define PROC	.of_proc = true
#define GROUP	.of_group = true

static const struct top_column columns[] = {
	[TOP_COL_PID] = {
		.col = { .name = "PID", .help = "process number", .kind = CLI_NUM, .get = get_pid },
		.key = "pid", .width = 7, .ascending = true, .shown = true, PROC },
	[TOP_COL_PPID] = {
		.col = { .name = "PPID", .help = "its parent", .kind = CLI_NUM, .get = get_ppid },
		.key = "ppid", .width = 7, .ascending = true, PROC },
	[TOP_COL_GROUP] = {
		.col = { .name = "GROUP", .help = "name of the group", .trunc = true,
			 .get = get_group },
		.key = "group", .ascending = true, .shown = true, GROUP },
	[TOP_COL_PROCS] = {
		.col = { .name = "PROCS", .help = "processes in the group", .kind = CLI_NUM,
			 .get = get_procs },
		.key = "procs", .width = 6, .shown = true, GROUP },
	[TOP_COL_MEMBERS] = {
		.col = { .name = "MEMBERS", .help = "mergeable processes in the group", .kind = CLI_NUM,
			 .get = get_members },
		.key = "members", .width = 7, .shown = true, GROUP },
	[TOP_COL_USER] = {
		.col = { .name = "USER", .help = "its owner", .trunc = true, .get = get_user },
		.key = "user", .width = 9, .ascending = true, .shown = true, PROC },
	[TOP_COL_MERGING] = {
		.col = { .name = "MERGING",
			 .help = "memory in shared copies, the copies included",
			 .kind = CLI_BYTES, .get = get_merging },
		.key = "merging", .width = 9, .unit = TOP_BYTES, .shown = true, COMMON },
	[TOP_COL_ZERO] = {
		.col = { .name = "ZERO", .help = "memory merged with the kernel's zero page",
			 .kind = CLI_BYTES, .get = get_zero },
		.key = "zero", .width = 9, .unit = TOP_BYTES, .shown = true, COMMON },
	[TOP_COL_ITEMS] = {
		.col = { .name = "ITEMS", .help = "pages the engine keeps metadata for",
			 .kind = CLI_NUM, .get = get_items },
		.key = "items", .width = 9, .shown = true, COMMON },
	[TOP_COL_PROFIT] = {
		.col = { .name = "PROFIT",
			 .help = "saved minus metadata; of a process as the kernel counts it, "
				 "shared copies as saved; of a group its share of the system's",
			 .kind = CLI_BYTES, .get = get_profit },
		.key = "profit", .width = 9, .unit = TOP_BYTES, .shown = true, COMMON },
	[TOP_COL_RSS] = {
		.col = { .name = "RSS", .help = "resident memory", .kind = CLI_BYTES,
			 .get = get_rss },
		.key = "rss", .width = 9, .unit = TOP_BYTES, .shown = true, COMMON },
	[TOP_COL_SAVED_PCT] = {
		.col = { .name = "SAVED%",
			 .help = "PROFIT in percent of the memory it would use unmerged",
			 .kind = CLI_FLOAT, .get = get_saved_pct },
		.key = "saved_pct", .width = 6, .unit = TOP_PERCENT, .shown = true, COMMON },
	[TOP_COL_GROWTH] = {
		.col = { .name = "GROWTH/s", .help = "how fast MERGING and ZERO grow; signed",
			 .kind = CLI_BYTES, .get = get_growth },
		.key = "growth_per_s", .width = 9, .unit = TOP_BYTES, COMMON },
	[TOP_COL_SCAN_RATE] = {
		.col = { .name = "SCAN/s", .help = "its pages that are scanned (hksm)",
			 .kind = CLI_NUM, .get = get_scan_rate },
		.key = "scanned_per_s", .width = 7, .shown = true, .present = has_hksm, COMMON },
	[TOP_COL_SCAN_CPU] = {
		.col = { .name = "SCAN%", .help = "CPU spent on it, in percent of one CPU (hksm)",
			 .kind = CLI_FLOAT, .get = get_scan_cpu },
		.key = "scan_cpu_pct", .width = 6, .unit = TOP_PERCENT, .shown = true,
		.present = has_hksm, COMMON },
	[TOP_COL_BREAK_RATE] = {
		.col = { .name = "BREAK/s", .help = "merged pages written again (hksm)",
			 .kind = CLI_NUM, .get = get_break_rate },
		.key = "breaks_per_s", .width = 7, .shown = true, .present = has_hksm, COMMON },
	[TOP_COL_META] = {
		.col = { .name = "META", .help = "metadata for it (hksm)", .kind = CLI_BYTES,
			 .get = get_meta },
		.key = "meta", .width = 9, .unit = TOP_BYTES, .present = has_hksm, COMMON },
	[TOP_COL_DOMAIN] = {
		.col = { .name = "DOMAIN", .help = "the domain that it shares pages in (hksm)", .kind = CLI_NUM,
			 .get = get_domain },
		.key = "domain", .width = 6, .ascending = true, .present = has_hksm, PROC },
	[TOP_COL_STATE] = {
		.col = { .name = "STATE", .help = "what of it is mergeable: any, madvise, on, off, denied",
			 .get = get_state },
		.key = "state", .width = 7, .ascending = true, .shown = true, PROC },
	[TOP_COL_AGE] = {
		.col = { .name = "AGE", .help = "seconds since it began; shorter on the screen", .kind = CLI_NUM,
			 .get = get_age },
		.key = "age", .width = 6, .unit = TOP_AGE, .shown = true, PROC },
	[TOP_COL_CGROUP] = {
		.col = { .name = "CGROUP", .help = "path of the control group", .trunc = true,
			 .get = get_cgroup },
		.key = "cgroup", .width = 24, .ascending = true, PROC },
	[TOP_COL_UNIT] = {
		.col = { .name = "UNIT", .help = "systemd unit", .trunc = true, .get = get_unit },
		.key = "unit", .width = 20, .ascending = true, PROC },
	[TOP_COL_VM] = {
		.col = { .name = "VM", .help = "name of the virtual machine", .trunc = true,
			 .get = get_vm },
		.key = "vm", .width = 12, .ascending = true, PROC },
	[TOP_COL_CONTAINER] = {
		.col = { .name = "CONTAINER", .help = "number or name of the container",
			 .trunc = true, .get = get_container },
		.key = "container", .width = 13, .ascending = true, PROC },
	[TOP_COL_POD] = {
		.col = { .name = "POD", .help = "namespace and name of the pod, or its uid",
			 .trunc = true, .get = get_pod },
		.key = "pod", .width = 24, .ascending = true, PROC },
	[TOP_COL_NAMESPACE] = {
		.col = { .name = "NAMESPACE",
			 .help = "namespace of Kubernetes, or uid: and the pod's",
			 .trunc = true, .get = get_namespace },
		.key = "namespace", .width = 16, .ascending = true, PROC },
	[TOP_COL_COMMAND] = {
		.col = { .name = "COMMAND", .help = "command line, or the name it gave itself",
			 .trunc = true, .get = get_command },
		.key = "command", .ascending = true, .shown = true, PROC },
};

_Static_assert(ARRAY_SIZE(columns) == __TOP_COL_N, "a row for each column");

const struct top_column *top_column(enum top_col id)
{
	return &columns[id];
}

int top_column_find(const char *name)
{
	for (int id = 0; id < __TOP_COL_N; id++)
		if (ascii_equal(columns[id].col.name, name) || !strcmp(columns[id].key, name))
			return id;
	return -1;
}

/* Among groups, columns of processes only where some group is opened. */
static bool any_open(const struct model *m)
{
	for (size_t i = 0; i < m->n_groups; i++)
		if (m->groups[i].open)
			return true;
	return false;
}

size_t top_columns_shown(const struct model *m, enum top_col *out)
{
	const bool groups = m->table.group != KSM_GROUP_PID;
	const bool procs = !groups || any_open(m);
	size_t n = 0;

	for (int id = 0; id < __TOP_COL_N; id++) {
		const struct top_column *c = &columns[id];

		if (id == TOP_COL_GROUP || !m->table.shown[id] ||
		    (c->present && !c->present(m)))
			continue;
		if ((procs && c->of_proc) || (groups && c->of_group)) {
			/* It is the column of names in both cases. */
			if (id != TOP_COL_COMMAND || !groups)
				out[n++] = id;
		}
	}
	if (groups)
		out[n++] = TOP_COL_GROUP;
	return n;
}

void top_cell(const struct row *row, enum top_col id, struct cli_cell *out)
{
	const struct top_column *c = &columns[id];

	*out = (struct cli_cell){ .state = CLI_VALUE };
	/* A process under its group stands in the column of the groups' names. */
	if (id == TOP_COL_GROUP && row->p)
		c = &columns[TOP_COL_COMMAND];
	if (row->p ? c->of_proc : c->of_group)
		c->col.get(row, out);
	else
		out->state = CLI_ABSENT;
}

/* Figures that make no sense in this kind of row are blank, not "-". */
static bool out_of_place(const struct row *row, enum top_col id)
{
	if (id == TOP_COL_GROUP)
		return false;
	return row->p ? !columns[id].of_proc : !columns[id].of_group;
}

const char *top_cell_text(const struct row *row, enum top_col id, char *buf, size_t len)
{
	const struct top_column *c = &columns[id];
	struct cli_cell cell;

	if (out_of_place(row, id))
		return "";
	top_cell(row, id, &cell);
	if (cell.state != CLI_VALUE)
		return cli_state_word(cell.state);
	if (cell.str)
		return cell.str;
	if (c->unit == TOP_PERCENT)
		snprintf(buf, len, "%.1f", cell.real);
	else if (c->unit == TOP_BYTES)
		cli_bytes(buf, len, cell.num, false);
	else if (c->unit == TOP_AGE)
		cli_duration(buf, len, (uint64_t)MIN(cell.num, INT64_MAX / 1000000000) * 1000000000);
	else
		snprintf(buf, len, "%lld", (long long)cell.num);
	return buf;
}
