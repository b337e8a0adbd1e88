// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where.c - --where-it-pays: which parts of processes hold the savings, to be shown
 * or marked.
 */
#include "ksm-advise/where.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

#define PIECE_BYTES (UINT64_C(2) << 20)

static void where_init(struct where *w, struct adv *a)
{
	const uint64_t page = ksm_page_size(a->k);

	*w = (struct where){
		.a = a,
		.e = {
			.k = a->k,
			.opt = {
				.by = -1,
				.jobs = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L),
				.names = true,
				.kthreads = a->sel.n_pids > 0,
				.piece_bytes = MAX(PIECE_BYTES, EST_PIECE_MIN_PAGES * page),
			},
		},
	};
}

static void where_fini(struct where *w)
{
	est_places_fini(&w->found);
	est_fini(&w->e);
	free(w->ids);
}

static void estimate(struct where *w)
{
	const struct est_places_opts o = {
		.share = w->a->where_share,
		.page_size = ksm_page_size(w->a->k),
		.piece_bytes = w->e.opt.piece_bytes,
	};
	struct est *e = &w->e;
	int rc = est_key_new(&e->key);

	if (rc)
		cli_die(CLI_FAIL, rc, "random numbers");
	adv_attach_select(w->a, &w->ids, &w->n_ids);
	for (size_t i = 0; !rc && i < w->n_ids; i++)
		rc = est_add(e, &w->ids[i]);
	if (!rc)
		rc = est_read(e);
	if (!rc)
		rc = est_decide(e);
	if (rc)
		cli_die(e->why == EST_LACKING ? CLI_UNSUPPORTED : CLI_FAIL, 0,
			"cannot estimate: %s", est_why_text(e->why, rc));
	if (est_places_choose(e->procs, e->n_procs, e->pieces, &o, &w->found))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
}

/* What could not be read, told; how many of the processes. */
static size_t tell_failed(const struct where *w)
{
	size_t failed = 0;

	for (size_t i = 0; i < w->e.n_procs; i++) {
		const struct est_proc *p = w->e.procs[i];

		if (!p->rc || (p->rc == -ESRCH && !adv_is_named(w->a, p->pid)))
			continue;
		cli_error(p->rc, "%d: cannot read its memory", (int)p->pid);
		failed++;
	}
	return failed;
}

int adv_where(struct adv *a)
{
	int code = CLI_FAIL;
	size_t unread;
	struct where w;

	if (!ksm_is_live(a->k))
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump holds no memory to read", a->sysroot);
	where_init(&w, a);
	estimate(&w);
	/* Our own memory grows with what we read. */
	cli_selected(0, "", w.e.n_procs);
	unread = tell_failed(&w);
	if (unread < w.e.n_procs && a->check)
		code = adv_where_show(&w) ? CLI_FAIL : CLI_OK;
	else if (unread < w.e.n_procs)
		code = adv_where_mark(&w);
	where_fini(&w);
	return unread && code == CLI_OK ? CLI_PARTIAL : code;
}
