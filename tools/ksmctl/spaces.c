// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spaces.c - do programs of several namespaces of Kubernetes merge with each other?
 *
 * What can be told cheaply is who is in one pool, not whether their pages are equal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ksmctl/ksmctl.h"
#include "util/vec.h"

/* Kubernetes is tested with some thousand; the figure of a finding need not be exact beyond. */
#define SPACES_MAX 10000

struct space {
	int64_t domain;		/* of hksm, which merges within one only; else 0 */
	char name[64];
};

static int by_pool(const void *a, const void *b)
{
	const struct space *x = a, *y = b;

	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t unique(struct space *v, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(v, n, sizeof(*v), by_pool);
	for (size_t i = 0; i < n; i++)
		if (!kept || by_pool(&v[kept - 1], &v[i]))
			v[kept++] = v[i];
	return kept;
}

static void tell_pool(const struct space *v, size_t n, struct ctl_spaces *out)
{
	size_t w = 0;

	out->n = n;
	for (size_t i = 0; i < MIN(n, (size_t)CTL_SPACES_SHOWN) && w < sizeof(out->names); i++)
		w += snprintf(out->names + w, sizeof(out->names) - w, "%s%s", i ? ", " : "",
			      v[i].name);
	if (n > CTL_SPACES_SHOWN && w < sizeof(out->names))
		snprintf(out->names + w, sizeof(out->names) - w, ", ...");
}

/* The pool of most namespaces; @v is sorted. */
static void find_pool(const struct space *v, size_t n, struct ctl_spaces *out)
{
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && v[next].domain == v[i].domain; next++)
			;
		if (next - i > out->n)
			tell_pool(v + i, next - i, out);
	}
}

void ctl_spaces_read(struct ctl *ctl, const struct ctl_crowd *crowd, struct ctl_spaces *out)
{
	struct space *v = NULL;
	size_t n = 0, cap = 0;
	char name[KSM_POD_MAX];

	*out = (struct ctl_spaces){ 0 };
	for (size_t i = 0; i < crowd->n; i++) {
		const struct ksm_proc *p = &crowd->v[i];

		if (!ksm_member_in(p->member) ||
		    ksm_group_key(ctl->k, p, KSM_GROUP_NAMESPACE, name, sizeof(name)) ||
		    !ksm_namespace_is_known(name) || strlen(name) >= sizeof(v->name))
			continue;
		if (n == SPACES_MAX)
			n = unique(v, n);
		if (n == SPACES_MAX || vec_room(v, n, cap))
			break;
		v[n].domain = ksm_fig_or(p->ksm.domain, 0);
		snprintf(v[n++].name, sizeof(v->name), "%s", name);
	}
	find_pool(v, unique(v, n), out);
	free(v);
}
