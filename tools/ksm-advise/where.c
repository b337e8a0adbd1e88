// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where.c - --where-it-pays: which parts of processes hold the savings, to be shown
 * or marked.
 */
#include "ksm-advise/where.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"

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
	adv_where_init(&w, a);
	adv_attach_select(a, &w.ids, &w.n_ids);
	adv_where_estimate(&w);
	adv_where_choose(&w);
	/* Our own memory grows with what we read. */
	cli_selected(0, "", w.e.n_procs);
	unread = tell_failed(&w);
	if (unread < w.e.n_procs && a->check)
		code = adv_where_show(&w) ? CLI_FAIL : CLI_OK;
	else if (unread < w.e.n_procs)
		code = adv_where_mark(&w);
	code = unread && code == CLI_OK ? CLI_PARTIAL : code;
	if (a->again_ns && code != CLI_FAIL)
		code = adv_where_again(a, w.ids, w.n_ids, code);
	adv_where_fini(&w);
	return code;
}
