// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where-look.c - one look of --where-it-pays at processes: read, estimated, chosen.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/where.h"

#define PIECE_BYTES (UINT64_C(2) << 20)

void adv_where_init(struct where *w, struct adv *a)
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
	w->o = (struct est_places_opts){
		.share = a->where_share,
		.page_size = page,
		.piece_bytes = w->e.opt.piece_bytes,
	};
}

void adv_where_fini(struct where *w)
{
	est_places_fini(&w->found);
	est_fini(&w->e);
	free(w->ids);
}

void adv_where_estimate(struct where *w)
{
	struct est *e = &w->e;
	int rc = est_key_new(&e->key);

	if (rc)
		cli_die(CLI_FAIL, rc, "random numbers");
	for (size_t i = 0; !rc && i < w->n_ids; i++)
		rc = est_add(e, &w->ids[i]);
	if (!rc)
		rc = est_read(e);
	if (!rc)
		rc = est_decide(e);
	if (rc)
		cli_die(e->why == EST_LACKING ? CLI_UNSUPPORTED : CLI_FAIL, 0,
			"cannot estimate: %s", est_why_text(e->why, rc));
}

void adv_where_choose(struct where *w)
{
	if (est_places_choose(w->e.procs, w->e.n_procs, w->e.pieces, &w->o, &w->found))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
}
