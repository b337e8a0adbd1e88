// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-procs.c - ksmctl procs: what each process shares, or each group of them.
 *
 * "Merging" counts the shared copy too, so it is not what is saved: PROFIT is
 * the kernel's own word for that, and is signed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

#define KEY_MAX 4096	/* a cgroup path */

/* More mappings have only those that make new ones ahead of who reads them. */
#define MAPPINGS_MAX (1U << 22)

/* What of the private memory of a process is mergeable, and where. */
struct marked {
	enum cli_state state;
	uint64_t all_bytes, bytes;
	struct strip strip;
};

struct row {
	struct ksm *k;
	struct ksm_proc p;
	const struct marked *marked;	/* NULL where it is not wanted */
	char *scratch;		/* KEY_MAX bytes, shared by all rows */
};

static enum cli_state cell_state(enum ksm_state s)
{
	static const enum cli_state map[] = { [KSM_ABSENT] = CLI_ABSENT, [KSM_DENIED] = CLI_DENIED,
					      [KSM_OFF] = CLI_OFF, [KSM_VALUE] = CLI_VALUE };

	return map[s];
}

static void put_fig(struct cli_cell *out, struct ksm_fig f, int64_t scale)
{
	out->state = cell_state(f.state);
	out->num = num_mul_sat(f.v, scale);
}

static void put_profit(struct cli_cell *out, struct ksm_fig f)
{
	put_fig(out, f, 1);
	out->alarm = ksm_fig_or(f, 0) < 0;
}

/* --- columns of a process --- */

#define ROW(row) ((const struct row *)(row))

static int64_t row_page(const void *row)
{
	return ksm_page_size(ROW(row)->k);
}

static void get_pid(const void *row, struct cli_cell *out)
{
	out->num = ROW(row)->p.pid;
}

static void get_ppid(const void *row, struct cli_cell *out)
{
	out->num = ROW(row)->p.ppid;
}

static void get_user(const void *row, struct cli_cell *out)
{
	out->str = ksm_user_name(ROW(row)->k, ROW(row)->p.uid);
	if (!*out->str)
		out->state = CLI_ABSENT;
}

static void get_state(const void *row, struct cli_cell *out)
{
	out->str = ksm_member_name(ROW(row)->p.member);
}

static void get_rss(const void *row, struct cli_cell *out)
{
	out->num = num_mul_sat(MIN(ROW(row)->p.rss_pages, (uint64_t)INT64_MAX), row_page(row));
}

static void get_merging(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.merging_pages, row_page(row));
}

static void get_zero(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.zero_pages, row_page(row));
}

static void get_items(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.items, 1);
}

static void get_profit(const void *row, struct cli_cell *out)
{
	put_profit(out, ROW(row)->p.ksm.profit_bytes);
}

static void get_comm(const void *row, struct cli_cell *out)
{
	out->str = ROW(row)->p.comm;
}

static void get_key(const void *row, struct cli_cell *out, enum ksm_group g)
{
	const struct row *r = row;

	if (ksm_group_key(r->k, &r->p, g, r->scratch, KEY_MAX) || !*r->scratch)
		out->state = CLI_ABSENT;
	out->str = r->scratch;
}

static void get_cgroup(const void *row, struct cli_cell *out)
{
	get_key(row, out, KSM_GROUP_CGROUP);
}

static void get_unit(const void *row, struct cli_cell *out)
{
	get_key(row, out, KSM_GROUP_UNIT);
}

static void get_vm(const void *row, struct cli_cell *out)
{
	get_key(row, out, KSM_GROUP_VM);
}

static void get_container(const void *row, struct cli_cell *out)
{
	get_key(row, out, KSM_GROUP_CONTAINER);
}

static void get_pod(const void *row, struct cli_cell *out)
{
	get_key(row, out, KSM_GROUP_POD);
}

static void get_namespace(const void *row, struct cli_cell *out)
{
	get_key(row, out, KSM_GROUP_NAMESPACE);
}

static void get_domain(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.domain, 1);
}

static void get_scanned(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.scan_pages, 1);
}

static void get_cpu(const void *row, struct cli_cell *out)
{
	const struct ksm_fig ns = ROW(row)->p.ksm.scan_ns;

	out->state = cell_state(ns.state);
	out->real = ns.v / 1e9;
	out->decimals = 3;
}

static void get_merges(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.merges, 1);
}

static void get_breaks(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.breaks, 1);
}

static void get_marked(const void *row, struct cli_cell *out)
{
	out->state = ROW(row)->marked->state;
	out->num = (int64_t)MIN(ROW(row)->marked->bytes, (uint64_t)INT64_MAX);
}

static void get_strip(const void *row, struct cli_cell *out)
{
	const struct marked *m = ROW(row)->marked;

	out->state = m->state == CLI_VALUE && !m->all_bytes ? CLI_ABSENT : m->state;
	out->strip = &m->strip;
	out->real = m->all_bytes ? (double)m->bytes / m->all_bytes : 0;
}

static void get_meta(const void *row, struct cli_cell *out)
{
	put_fig(out, ROW(row)->p.ksm.meta_bytes, 1);
}

static const struct cli_col proc_columns[] = {
	{ .name = "PID", .help = "process number", .kind = CLI_NUM, .get = get_pid },
	{ .name = "PPID", .help = "its parent", .kind = CLI_NUM, .hidden = true, .get = get_ppid },
	{ .name = "USER", .help = "its owner", .get = get_user },
	{ .name = "STATE", .help = "what of it is mergeable: any, madvise, on, off, denied",
	  .get = get_state },
	{ .name = "RSS", .help = "resident memory", .kind = CLI_BYTES, .get = get_rss },
	{ .name = "MERGING", .help = "memory that stands in shared copies, the copies included",
	  .kind = CLI_BYTES, .get = get_merging },
	{ .name = "ZERO", .help = "memory merged with the kernel's zero page",
	  .kind = CLI_BYTES, .get = get_zero },
	{ .name = "ITEMS", .help = "pages the engine keeps metadata for", .kind = CLI_NUM,
	  .get = get_items },
	{ .name = "PROFIT", .help = "as the kernel counts it: shared copies count as saved",
	  .kind = CLI_BYTES, .get = get_profit },
	{ .name = "CGROUP", .help = "path of the control group", .hidden = true,
	  .get = get_cgroup },
	{ .name = "UNIT", .help = "systemd unit", .hidden = true, .get = get_unit },
	{ .name = "VM", .help = "name of the virtual machine", .hidden = true, .get = get_vm },
	{ .name = "CONTAINER", .help = "number or name of the container", .hidden = true,
	  .get = get_container },
	{ .name = "POD", .help = "namespace and name of the pod, or its uid", .hidden = true,
	  .get = get_pod },
	{ .name = "NAMESPACE", .help = "namespace of Kubernetes, or uid: and the pod's",
	  .hidden = true, .get = get_namespace },
	{ .name = "DOMAIN", .help = "who it may share with (hksm)", .kind = CLI_NUM,
	  .hidden = true, .get = get_domain },
	{ .name = "SCANNED", .help = "pages looked at on its behalf (hksm)", .kind = CLI_NUM,
	  .hidden = true, .get = get_scanned },
	{ .name = "CPU", .help = "seconds of CPU spent on it (hksm)", .kind = CLI_FLOAT,
	  .hidden = true, .get = get_cpu },
	{ .name = "MERGES", .help = "pages merged so far (hksm)", .kind = CLI_NUM,
	  .hidden = true, .get = get_merges },
	{ .name = "BREAKS", .help = "merged pages written again (hksm)", .kind = CLI_NUM,
	  .hidden = true, .get = get_breaks },
	{ .name = "META", .help = "metadata kept for it (hksm)", .kind = CLI_BYTES,
	  .hidden = true, .get = get_meta },
	{ .name = "MARKED", .help = "private memory in mergeable mappings (slower)",
	  .kind = CLI_BYTES, .hidden = true, .get = get_marked },
	{ .name = "STRIP", .help = "private memory as cells: how much of each is MARKED (slower)",
	  .kind = CLI_STRIP, .hidden = true, .get = get_strip },
	{ .name = "COMMAND", .help = "name it gave itself", .trunc = true, .get = get_comm },
	{ 0 },
};

/* --- columns of a group --- */

#define GROUP(row) ((const struct ctl_group *)(row))

static void group_key(const void *row, struct cli_cell *out)
{
	out->str = GROUP(row)->key;
}

static void group_procs(const void *row, struct cli_cell *out)
{
	out->num = GROUP(row)->procs;
}

static void group_members(const void *row, struct cli_cell *out)
{
	out->num = GROUP(row)->members;
}

static void group_rss(const void *row, struct cli_cell *out)
{
	out->num = num_mul_sat(GROUP(row)->rss_pages, GROUP(row)->page_size);
}

static void group_merging(const void *row, struct cli_cell *out)
{
	put_fig(out, GROUP(row)->merging_pages, GROUP(row)->page_size);
}

static void group_zero(const void *row, struct cli_cell *out)
{
	put_fig(out, GROUP(row)->zero_pages, GROUP(row)->page_size);
}

static void group_items(const void *row, struct cli_cell *out)
{
	put_fig(out, GROUP(row)->items, 1);
}

static void group_saved(const void *row, struct cli_cell *out)
{
	put_fig(out, GROUP(row)->saved_bytes, 1);
}

static void group_profit(const void *row, struct cli_cell *out)
{
	put_profit(out, GROUP(row)->profit_bytes);
}

const struct cli_col ctl_group_columns[] = {
	{ .name = "GROUP", .help = "name of the group", .get = group_key },
	{ .name = "PROCS", .help = "processes in it", .kind = CLI_NUM, .get = group_procs },
	{ .name = "MEMBERS", .help = "mergeable processes in the group", .kind = CLI_NUM,
	  .get = group_members },
	{ .name = "RSS", .help = "sum of resident memory", .kind = CLI_BYTES, .get = group_rss },
	{ .name = "MERGING", .help = "memory in shared copies, the copies included",
	  .kind = CLI_BYTES, .get = group_merging },
	{ .name = "ZERO", .help = "memory merged with the kernel's zero page",
	  .kind = CLI_BYTES, .get = group_zero },
	{ .name = "ITEMS", .help = "pages the engine keeps metadata for", .kind = CLI_NUM,
	  .get = group_items },
	{ .name = "SAVED", .help = "its share of what the system saves", .kind = CLI_BYTES,
	  .get = group_saved },
	{ .name = "PROFIT", .help = "that minus metadata; adds up over all groups",
	  .kind = CLI_BYTES, .get = group_profit },
	{ 0 },
};

static void procs_help(FILE *out)
{
	cli_table_help(proc_columns, out);
	fputs("\nWith --by, of groups:\n", out);
	cli_table_help(ctl_group_columns, out);
}


static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'p', .help = "only these processes, with mergeable memory or without" },
	{ .key = 'u' },
	{ .key = CLI_KEY_MATCH },
	{ .key = CLI_KEY_CGROUP },
	{ .key = CLI_KEY_TREE },
	{ .key = 'a' },
	{ 'x', "exact", NULL, "look at all mappings to tell STATE (slower)", 0, 0 },
	{ .key = CLI_KEY_BY },
	{ 0 },
};
const struct cli_cmd ctl_cmd_procs = {
	.name = "ksmctl procs",
	.synopsis = synopsis,
	.about = "Show how much memory of each process, or group of processes, is merged.",
	.opts = opts,
	.more = cli_table_options,
	.common = cli_common_options,
	.see = "ksmctl(8)",
	.extra = procs_help,
};

struct procs {
	struct ctl *ctl;
	struct ksm_select sel;
	pid_t *named;
	enum ksm_group by;
	bool all, exact, marked;
	char *scratch;
	struct row *rows;
	size_t n, cap;
	struct ctl_denied denied;
};

/* While its mappings are read. */
struct marking {
	struct marked *m;
	struct strip_roll roll;
	unsigned int n;
};

static int add_mapping(const struct ksm_vma *v, void *arg)
{
	struct marking *g = arg;

	if (++g->n > MAPPINGS_MAX)
		return 1;
	ksm_vma_strip_add(&g->roll, v);
	g->m->all_bytes = MIN(g->m->all_bytes + v->anon_bytes, (uint64_t)INT64_MAX);
	if (v->mergeable)
		g->m->bytes = MIN(g->m->bytes + v->anon_bytes, (uint64_t)INT64_MAX);
	return 0;
}

static enum cli_state marked_state(int rc)
{
	if (!rc)
		return CLI_VALUE;
	return rc == -EACCES || rc == -EPERM ? CLI_DENIED : CLI_ABSENT;
}

static const struct marked *read_marked(struct ksm *k, const struct ksm_proc *p)
{
	struct marking *g __cleanup_free = xcalloc(1, sizeof(*g));
	struct strip_cell cells[STRIP_CELLS];
	struct ksm_ident now;

	g->m = xcalloc(1, sizeof(*g->m));
	strip_roll_init(&g->roll);
	g->m->state = marked_state(ksm_vmas_walk(k, p->pid, add_mapping, g));
	/* Its number may be another's by now. */
	if (ksm_ident_read(k, p->pid, &now) || now.start_ticks != p->start_ticks)
		g->m->state = CLI_ABSENT;
	strip_roll_cells(&g->roll, cells, STRIP_CELLS);
	strip_set(&g->m->strip, cells, STRIP_CELLS);
	return g->m;
}

static void add_row(struct procs *ps, const struct ksm_proc *p)
{
	xvec_room(ps->rows, ps->n, ps->cap);
	ps->rows[ps->n++] = (struct row){
		.k = ps->ctl->k,
		.p = *p,
		.marked = ps->marked ? read_marked(ps->ctl->k, p) : NULL,
		.scratch = ps->scratch,
	};
}

static unsigned int wanted(const struct procs *ps)
{
	unsigned int want = KSM_PROC_KSM | KSM_PROC_UID;

	if (ps->by == KSM_GROUP_PID)
		want |= ps->exact ? KSM_PROC_EXACT : KSM_PROC_MEMBER;
	return want;
}

/* One process; what is gone by now is left out silently unless it was named. */
static int take(struct procs *ps, const struct ksm_ident *id)
{
	struct ksm_proc p;
	int rc = ksm_proc_read_same(ps->ctl->k, id, wanted(ps), &p);

	if (rc == -ESRCH && !ps->sel.n_pids)
		return 0;
	if (rc && !ps->sel.n_pids && ctl_denied_add(&ps->denied, rc))
		return 0;
	if (rc) {
		ctl_proc_error(ps->ctl, id->pid, "cannot read", KSM_RIGHT_FIGURES, rc);
		return rc;
	}
	if (p.kthread && !ps->sel.n_pids)
		return 0;
	if (p.member == KSM_MEMBER_DENIED) {
		ctl_denied_add(&ps->denied, -EACCES);
		if (!ps->all && !ps->sel.n_pids)
			return 0;
	}
	if (ps->all || ps->sel.n_pids || ksm_member_in(p.member))
		add_row(ps, &p);
	return 0;
}

static bool selects(const struct ksm_select *s)
{
	return s->n_pids || s->match || s->user || s->cgroup || s->tree;
}

/* Returns how many processes could not be read. */
static size_t collect(struct procs *ps)
{
	struct ksm_ident *ids = NULL, one = { .start_ticks = KSM_START_ANY };
	char why[256] = "";
	struct ksm_procs *it;
	size_t n, failed = 0;
	int rc;

	if (selects(&ps->sel)) {
		rc = ksm_select_run(ps->ctl->k, &ps->sel, &ids, &n, why, sizeof(why));
		cli_selected(rc, why, n);
		for (size_t i = 0; i < n; i++)
			failed += take(ps, &ids[i]) != 0;
		free(ids);
		return failed;
	}
	rc = ksm_procs_open(ps->ctl->k, &it);
	if (rc)
		cli_die(CLI_FAIL, 0, "cannot list processes: %s", ksm_list_why(rc));
	while ((rc = ksm_procs_next(it, &one.pid)) == 1)
		failed += take(ps, &one) != 0;
	ksm_procs_close(it);
	if (rc)
		cli_die(CLI_FAIL, 0, "cannot list processes: %s", ksm_list_why(rc));
	return failed;
}

static int64_t merged(struct ksm_fig merging, struct ksm_fig zero)
{
	return num_add_sat(ksm_fig_or(merging, -1), ksm_fig_or(zero, 0));
}

static int by_merging(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int64_t mx = merged(x->p.ksm.merging_pages, x->p.ksm.zero_pages);
	int64_t my = merged(y->p.ksm.merging_pages, y->p.ksm.zero_pages);

	if (mx != my)
		return mx < my ? 1 : -1;
	return (x->p.pid > y->p.pid) - (x->p.pid < y->p.pid);
}

static int print_procs(struct procs *ps)
{
	const void **ptrs = xcalloc(ps->n, sizeof(*ptrs));
	int rc;

	if (ps->n)
		qsort(ps->rows, ps->n, sizeof(*ps->rows), by_merging);
	for (size_t i = 0; i < ps->n; i++)
		ptrs[i] = &ps->rows[i];
	rc = cli_table_print("procs", proc_columns, ptrs, ps->n, &ps->ctl->table);
	free(ptrs);
	return rc;
}

static int print_groups(struct procs *ps)
{
	const struct ksm_proc **procs = xcalloc(ps->n, sizeof(*procs));
	struct ctl_groups groups;
	struct ksm_stats stats;
	const void **ptrs;
	int rc;

	for (size_t i = 0; i < ps->n; i++)
		procs[i] = &ps->rows[i].p;
	ctl_stats(ps->ctl, &stats);
	ctl_groups_make(ps->ctl, ps->by, procs, ps->n, &stats, &groups);
	ptrs = xcalloc(groups.n, sizeof(*ptrs));
	for (size_t i = 0; i < groups.n; i++)
		ptrs[i] = &groups.v[i];
	rc = cli_table_print("groups", ctl_group_columns, ptrs, groups.n, &ps->ctl->table);
	free(ptrs);
	free(procs);
	ctl_groups_free(&groups);
	return rc;
}

static void parse(struct procs *ps, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_procs)) != -1) {
		switch (key) {
		case 'p':
			cli_pids(p.arg, &ps->named, &ps->sel.n_pids);
			break;
		case 'a':
			ps->all = true;
			break;
		case 'x':
			ps->exact = true;
			break;
		case CLI_KEY_BY:
			ps->by = ctl_group_by(p.arg);
			break;
		case CLI_KEY_MATCH:
			ps->sel.match = p.arg;
			break;
		case 'u':
			ps->sel.user = p.arg;
			break;
		case CLI_KEY_CGROUP:
			ps->sel.cgroup = p.arg;
			break;
		case CLI_KEY_TREE:
			ps->sel.tree = true;
			break;
		default:
			ctl_option(ps->ctl, key, p.arg);
		}
	}
	ctl_no_operands(&p, argv);
	ps->sel.pids = ps->named;
	/* Few processes, named by the user: the full answer is affordable. */
	if (ps->sel.n_pids)
		ps->exact = true;
}

int ctl_procs(struct ctl *ctl, int argc, char **argv)
{
	struct procs ps = { .ctl = ctl, .by = KSM_GROUP_PID };
	size_t failed;
	int rc = 0;

	parse(&ps, argc, argv);
	cli_table_check(ps.by == KSM_GROUP_PID ? proc_columns : ctl_group_columns, &ctl->table);
	ps.marked = ps.by == KSM_GROUP_PID &&
		    (cli_table_wants(proc_columns, &ctl->table, "MARKED") ||
		     cli_table_wants(proc_columns, &ctl->table, "STRIP"));
	ctl_open_ksm(ctl);
	ps.scratch = xcalloc(1, KEY_MAX);
	failed = collect(&ps);
	if (ps.n || !failed)
		rc = ps.by == KSM_GROUP_PID ? print_procs(&ps) : print_groups(&ps);
	rc = ctl_printed(rc);
	if (ps.denied.n && !ps.sel.n_pids)
		ctl_denied_tell(ctl, &ps.denied);
	else if (!ps.n && !failed && selects(&ps.sel))
		cli_warn(0, "none of these processes has mergeable memory (-a shows them)");
	else if (!ps.n && !failed)
		cli_note("no process has mergeable memory (see: ksm-advise)");
	if (failed)
		rc = ps.n ? CLI_PARTIAL : CLI_FAIL;
	for (size_t i = 0; i < ps.n; i++)
		free((void *)(uintptr_t)ps.rows[i].marked);
	free(ps.rows);
	free(ps.named);
	free(ps.scratch);
	return rc;
}
