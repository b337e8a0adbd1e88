// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * report.c - what was merged of a command and its descendants: sampling and the
 * text of --report.
 *
 * The figures belong to the memory of a process and are gone before its end can
 * be noticed, so "last" is the last sample, at most a second old.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksm-advise/advise.h"
#include "util/str.h"

#define NS_PER_S 1000000000ULL
/* Looking for descendants reads all of /proc: at most this share of the time. */
#define TREE_SHARE 100

void adv_report_init(struct adv_report *r, const struct adv *a)
{
	int fd;

	*r = (struct adv_report){ 0 };
	if (!a->report)
		return;
	if (a->report_file)
		fd = open(a->report_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	else
		fd = fcntl(ADV_FD_MESSAGES, F_DUPFD_CLOEXEC, ADV_FD_MESSAGES + 1);
	if (fd >= 0)
		r->out = fdopen(fd, "w");
	if (!r->out)
		cli_die(CLI_WRAP_FAIL, -errno, "%s: cannot write the report",
			a->report_file ? a->report_file : "standard error");
	r->start_ns = ksm_now_ns();
}

void adv_report_fini(struct adv_report *r)
{
	if (r->out)
		fclose(r->out);
	free(r->tree);
	*r = (struct adv_report){ 0 };
}

/* The command and all its descendants; the command alone when that is not known. */
static void find_tree(struct adv_report *r, struct adv *a)
{
	const struct ksm_select sel = { .pids = &r->pid, .n_pids = 1, .tree = true };
	uint64_t begin = ksm_now_ns(), took;
	struct ksm_ident *tree;
	size_t n;

	if (!r->tree) {
		/* It has only just begun. */
		r->tree = xcalloc(1, sizeof(*r->tree));
		r->tree[0] = (struct ksm_ident){ .pid = r->pid, .start_ticks = KSM_START_ANY };
		r->n_tree = 1;
		return;
	}
	if (begin < r->tree_next_ns)
		return;
	if (!ksm_select_run(a->k, &sel, &tree, &n, NULL, 0)) {
		free(r->tree);
		r->tree = tree;
		r->n_tree = n;
	}
	took = ksm_now_ns() - begin;
	r->tree_next_ns = begin + took * TREE_SHARE;
}

static void add(struct ksm_fig *sum, struct ksm_fig v, int64_t unit)
{
	if (!ksm_fig_has(v))
		return;
	*sum = KSM_FIG(ksm_fig_or(*sum, 0) + v.v * unit);
}

static struct ksm_fig pages(struct ksm_fig bytes, int64_t page)
{
	return (struct ksm_fig){ bytes.state, bytes.v / page };
}

static void raise_peak(struct ksm_fig *peak, struct ksm_fig v)
{
	if (ksm_fig_has(v) && (!ksm_fig_has(*peak) || v.v > peak->v))
		*peak = v;
}

/* A sum over processes counts shared copies as saved, once for each: see libksm. */
static struct ksm_fig profit(const struct adv *a, const struct adv_figures *sum, int64_t page)
{
	struct ksm_stats s;

	(void)ksm_stats_read(a->k, &s);
	return ksm_stats_profit_share(&s, pages(sum->merging_bytes, page),
				      pages(sum->zero_bytes, page), sum->profit_bytes);
}

void adv_report_sample(struct adv_report *r, struct adv *a)
{
	const int64_t page = (int64_t)ksm_page_size(a->k);
	struct adv_figures sum = { 0 };
	struct ksm_proc p;

	find_tree(r, a);
	for (size_t i = 0; i < r->n_tree; i++) {
		if (ksm_proc_read_same(a->k, &r->tree[i], KSM_PROC_KSM, &p) || p.state == 'Z')
			continue;
		add(&sum.merging_bytes, p.ksm.merging_pages, page);
		add(&sum.zero_bytes, p.ksm.zero_pages, page);
		add(&sum.profit_bytes, p.ksm.profit_bytes, 1);
	}
	if (!ksm_fig_has(sum.merging_bytes))
		return;
	sum.profit_bytes = profit(a, &sum, page);
	r->samples++;
	r->last = sum;
	raise_peak(&r->peak.merging_bytes, sum.merging_bytes);
	raise_peak(&r->peak.zero_bytes, sum.zero_bytes);
	raise_peak(&r->peak.profit_bytes, sum.profit_bytes);
}

static void json_fig(struct cli_json *j, const char *key, struct ksm_fig f)
{
	if (ksm_fig_has(f))
		cli_json_num(j, key, f.v);
	else
		cli_json_null(j, key);
}

static void json_figures(struct cli_json *j, const char *key, const struct adv_figures *f)
{
	cli_json_open(j, key, '{');
	json_fig(j, "merging_bytes", f->merging_bytes);
	json_fig(j, "zero_bytes", f->zero_bytes);
	json_fig(j, "profit_bytes", f->profit_bytes);
	cli_json_close(j);
}

static int print_json(struct adv_report *r, const struct adv *a, const struct adv_plan *plan,
		      int status, double seconds)
{
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_str(j, "command", a->argv[0]);
	cli_json_num(j, "pid", r->pid);
	cli_json_str(j, "mechanism", adv_how_name(plan->how));
	if (WIFEXITED(status)) {
		cli_json_num(j, "status", WEXITSTATUS(status));
		cli_json_null(j, "signal");
	} else {
		cli_json_null(j, "status");
		cli_json_num(j, "signal", WTERMSIG(status));
	}
	cli_json_real(j, "seconds", seconds, 3);
	cli_json_num(j, "samples", r->samples);
	json_figures(j, "peak", &r->peak);
	json_figures(j, "last", &r->last);
	rc = cli_json_print(j, r->out);
	cli_json_free(j);
	return rc;
}

static void text_line(FILE *out, const char *name, struct ksm_fig peak, struct ksm_fig last,
		      bool bytes)
{
	char one[32] = "-", two[32] = "-";

	if (ksm_fig_has(peak))
		cli_bytes(one, sizeof(one), peak.v, bytes);
	if (ksm_fig_has(last))
		cli_bytes(two, sizeof(two), last.v, bytes);
	fprintf(out, "  %-10s %12s %12s\n", name, one, two);
}

static void print_text(struct adv_report *r, const struct adv *a, const struct adv_plan *plan,
		       double seconds)
{
	struct str name __cleanup_str = STR_INIT;
	const bool bytes = a->table.bytes;

	cli_safe(&name, a->argv[0], (size_t)-1);
	fprintf(r->out, "%s, process %d, %.3f seconds, mechanism %s\n", str_get(&name),
		(int)r->pid, seconds, adv_how_name(plan->how));
	fprintf(r->out, "  %-10s %12s %12s\n", "", "PEAK", "LAST");
	text_line(r->out, "merging", r->peak.merging_bytes, r->last.merging_bytes, bytes);
	text_line(r->out, "zero", r->peak.zero_bytes, r->last.zero_bytes, bytes);
	text_line(r->out, "profit", r->peak.profit_bytes, r->last.profit_bytes, bytes);
}

int adv_report_print(struct adv_report *r, const struct adv *a, const struct adv_plan *plan,
		     int status)
{
	double seconds;
	int rc = 0;

	r->end_ns = ksm_now_ns();
	seconds = (double)(r->end_ns - r->start_ns) / (double)NS_PER_S;
	if (a->table.format == CLI_JSON)
		rc = print_json(r, a, plan, status, seconds);
	else
		print_text(r, a, plan, seconds);
	if (!rc && ferror(r->out))
		rc = -EIO;
	if (fclose(r->out) && !rc)
		rc = -errno;
	r->out = NULL;
	return rc;
}
