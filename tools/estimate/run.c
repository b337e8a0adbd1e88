// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run.c - the order of the steps, from processes to what was read of them.
 */
#include "estimate/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/vec.h"

static int set_group(struct est *e, struct est_proc *p, const struct ksm_proc *info)
{
	char group[4096] = "";

	if (e->opt.by < 0 || ksm_group_key(e->k, info, e->opt.by, group, sizeof(group)) || !*group)
		return 0;
	p->group = strdup(group);
	return p->group ? 0 : -ENOMEM;
}

/* 1: it is a kernel thread and not wanted. */
static int look_at(struct est *e, struct est_proc *p, const struct ksm_ident *id)
{
	struct ksm_proc info;

	p->pid = id->pid;
	p->rc = ksm_proc_read_same(e->k, id, KSM_PROC_UID | KSM_PROC_KSM, &info);
	if (p->rc)
		return 0;
	if (info.kthread && !e->opt.kthreads)
		return 1;
	p->uid = info.uid;
	memcpy(p->comm, info.comm, sizeof(p->comm));
	p->start_ticks = info.start_ticks;
	p->rss_pages = info.rss_pages;
	p->items = info.ksm.items;
	return set_group(e, p, &info);
}

static void free_proc(struct est_proc *p)
{
	for (size_t s = 0; s < p->n_segs; s++)
		free(p->segs[s].name);
	free(p->segs);
	free(p->group);
	free(p);
}

int est_add(struct est *e, const struct ksm_ident *id)
{
	struct est_proc *p;
	int rc;

	if (id->pid == getpid())
		return 0;
	rc = vec_room(e->procs, e->n_procs, e->cap_procs);
	if (rc)
		return est_fail(e, rc);
	p = calloc(1, sizeof(*p));
	if (!p)
		return est_fail(e, -ENOMEM);
	rc = look_at(e, p, id);
	if (rc) {
		free_proc(p);
		return rc > 0 ? 0 : est_fail(e, rc);
	}
	e->procs[e->n_procs++] = p;
	return 0;
}

static uint64_t total_pages(const struct est *e)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < e->n_procs; i++)
		pages += e->procs[i]->rss_pages;
	return pages;
}

/* What went wrong with each process, and the sums over its mappings. */
static void settle(struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++) {
		struct est_proc *p = e->procs[i];

		if (p->rc == -EACCES || p->rc == -EPERM) {
			if (!e->denied++ || p->rc == -EPERM)
				e->denied_by = ksm_right_of(KSM_RIGHT_MEMORY, p->rc);
		} else if (p->rc == -ESRCH) {
			p->vanished = true;
			e->vanished++;
		} else if (p->rc == -ENOENT) {
			e->lacking++;
		}
		for (size_t s = 0; s < p->n_segs; s++)
			est_count_add(&p->count, &p->segs[s].count);
		est_count_add(&e->count, &p->count);
	}
}

int est_read(struct est *e)
{
	int rc;

	e->page_size = ksm_page_size(e->k);
	rc = est_crew_run(e, total_pages(e));
	if (!rc)
		settle(e);
	return rc;
}

void est_stop(struct est *e)
{
	__atomic_store_n(&e->limits.stop, true, __ATOMIC_RELAXED);
}

void est_fini(struct est *e)
{
	for (size_t i = 0; i < e->n_procs; i++)
		free_proc(e->procs[i]);
	free(e->procs);
	if (e->recs)
		munmap(e->recs, e->cap_recs * sizeof(*e->recs));
	est_moment_fini(&e->moment);
	free(e->pieces);
	free(e->owner);
	free(e->groups);
	free(e->users);
	free(e->pair);
	free(e->pair_merged);
}
