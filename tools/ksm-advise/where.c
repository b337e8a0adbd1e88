// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where.c - --where-it-pays: which parts of processes hold the savings.
 *
 * The estimator reads the memory and chooses; shown is what was chosen, and what
 * share of the savings and of the scanning that is.  Nothing is changed.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "estimate/places.h"
#include "ksm-advise/advise.h"
#include "util/num.h"

#define PIECE_BYTES (UINT64_C(2) << 20)

struct row {
	const struct est *e;
	const struct est_range *r;
};

static const struct row *row(const void *p)
{
	return p;
}

static int64_t bytes(const struct est *e, double pages)
{
	return num_mul_sat(llround(pages), (int64_t)e->page_size);
}

static void get_pid(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->proc->pid;
}

static void get_start(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->start;
}

static void get_end(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->end;
}

static void get_size(const void *p, struct cli_cell *out)
{
	out->num = row(p)->r->end - row(p)->r->start;
}

static void get_what(const void *p, struct cli_cell *out)
{
	const struct est_range *r = row(p)->r;

	out->str = r->start == r->seg->start && r->end == r->seg->end ? "mapping" : "part";
}

static void get_anon(const void *p, struct cli_cell *out)
{
	out->num = bytes(row(p)->e, row(p)->r->pages);
}

static void get_saved(const void *p, struct cli_cell *out)
{
	out->num = bytes(row(p)->e, row(p)->r->saved);
}

static void get_command(const void *p, struct cli_cell *out)
{
	out->str = row(p)->r->proc->comm;
}

static void get_name(const void *p, struct cli_cell *out)
{
	out->str = row(p)->r->seg->name;
}

const struct cli_col adv_where_cols[] = {
	{ .name = "PID", .help = "process", .kind = CLI_NUM, .get = get_pid },
	{ .name = "START", .help = "first address", .kind = CLI_ADDRESS, .get = get_start },
	{ .name = "END", .help = "first address behind it", .kind = CLI_ADDRESS,
	  .hidden = true, .get = get_end },
	{ .name = "SIZE", .help = "length", .kind = CLI_BYTES, .get = get_size },
	{ .name = "WHAT", .help = "a mapping, or a part of one", .get = get_what },
	{ .name = "ANON", .help = "anonymous memory present", .kind = CLI_BYTES,
	  .get = get_anon },
	{ .name = "SAVED", .help = "what merging would save of it", .kind = CLI_BYTES,
	  .get = get_saved },
	{ .name = "COMMAND", .help = "name of the process", .hidden = true, .trunc = true,
	  .get = get_command },
	{ .name = "NAME", .help = "what is mapped", .trunc = true, .get = get_name },
	{ 0 },
};

/* --- the estimate --- */

static _Noreturn void die(const struct est *e, int rc)
{
	cli_die(e->why == EST_LACKING ? CLI_UNSUPPORTED : CLI_FAIL, 0, "cannot estimate: %s",
		est_why_text(e->why, rc));
}

static void estimate(struct adv *a, struct est *e)
{
	struct ksm_ident *ids __cleanup_free = NULL;
	size_t n;
	int rc = est_key_new(&e->key);

	if (rc)
		cli_die(CLI_FAIL, rc, "random numbers");
	adv_attach_select(a, &ids, &n);
	for (size_t i = 0; !rc && i < n; i++)
		rc = est_add(e, &ids[i]);
	if (!rc)
		rc = est_read(e);
	if (!rc)
		rc = est_decide(e);
	if (rc)
		die(e, rc);
}

/* What could not be read, told; how many of the processes. */
static size_t tell_failed(const struct adv *a, const struct est *e)
{
	size_t failed = 0;

	for (size_t i = 0; i < e->n_procs; i++) {
		const struct est_proc *p = e->procs[i];

		if (!p->rc || (p->rc == -ESRCH && !adv_is_named(a, p->pid)))
			continue;
		cli_error(p->rc, "%d: cannot read its memory", (int)p->pid);
		failed++;
	}
	return failed;
}

/* --- what is shown --- */

static int pct(double part, double all)
{
	return all > 0 ? (int)lround(100 * part / all) : 0;
}

static void print_sums(const struct adv *a, const struct est *e, const struct est_places *found)
{
	char chosen[32], all[32];
	const bool plain = a->table.bytes;

	if (!found->n)
		puts("nothing would save more than its metadata takes");
	else
		printf("%s of %s: %d %% of the savings, %d %% of the scanning\n",
		       cli_bytes(chosen, sizeof(chosen), bytes(e, found->chosen.pages), plain),
		       cli_bytes(all, sizeof(all), bytes(e, found->all.pages), plain),
		       pct(found->chosen.saved, found->all.saved),
		       pct(found->chosen.pages, found->all.pages));
	if (found->marked.pages)
		printf("%s more is mergeable already\n",
		       cli_bytes(all, sizeof(all), bytes(e, found->marked.pages), plain));
	if (e->p < 1)
		printf("estimated from a sample of %.1f %%\n", 100 * e->p);
}

static int print_json(const struct est *e, const struct est_places *found, const void *const *rows)
{
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_open(j, "where", '{');
	cli_json_real(j, "sampled_pct", 100 * e->p, 4);
	cli_json_num(j, "anon_bytes", bytes(e, found->all.pages));
	cli_json_num(j, "saved_bytes", bytes(e, found->all.saved));
	cli_json_num(j, "chosen_anon_bytes", bytes(e, found->chosen.pages));
	cli_json_num(j, "chosen_saved_bytes", bytes(e, found->chosen.saved));
	cli_json_num(j, "marked_anon_bytes", bytes(e, found->marked.pages));
	cli_json_num(j, "marked_saved_bytes", bytes(e, found->marked.saved));
	cli_json_close(j);
	cli_json_rows(j, "ranges", adv_where_cols, rows, found->n);
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

static int show(const struct adv *a, const struct est *e, const struct est_places *found)
{
	struct row *rows __cleanup_free = xcalloc(found->n, sizeof(*rows));
	const void **ptrs __cleanup_free = xcalloc(found->n, sizeof(*ptrs));
	int rc = 0;

	for (size_t i = 0; i < found->n; i++) {
		rows[i] = (struct row){ e, &found->range[i] };
		ptrs[i] = &rows[i];
	}
	if (a->table.format == CLI_JSON)
		return print_json(e, found, ptrs);
	if (found->n)
		rc = cli_table_print("ranges", adv_where_cols, ptrs, found->n, &a->table);
	print_sums(a, e, found);
	return rc;
}

int adv_where(struct adv *a)
{
	const size_t page = ksm_page_size(a->k);
	struct est e = {
		.k = a->k,
		.opt = {
			.by = -1,
			.jobs = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L),
			.names = true,
			.kthreads = a->sel.n_pids > 0,
			.piece_bytes = MAX(PIECE_BYTES, EST_PIECE_MIN_PAGES * (uint64_t)page),
		},
	};
	const struct est_places_opts o = {
		.share = a->where_share,
		.page_size = page,
		.piece_bytes = e.opt.piece_bytes,
	};
	struct est_places found;
	size_t failed;
	int rc;

	if (!ksm_is_live(a->k))
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump holds no memory to read", a->sysroot);
	estimate(a, &e);
	/* Our own memory grows with what we read. */
	cli_selected(0, "", e.n_procs);
	failed = tell_failed(a, &e);
	if (failed && failed == e.n_procs) {
		est_fini(&e);
		return CLI_FAIL;
	}
	if (est_places_choose(e.procs, e.n_procs, e.pieces, &o, &found))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	rc = show(a, &e, &found);
	est_places_fini(&found);
	est_fini(&e);
	if (rc)
		return CLI_FAIL;
	return failed ? CLI_PARTIAL : CLI_OK;
}
