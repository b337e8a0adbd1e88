// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * match.c - which rule holds for a process: its names are read as they are asked for.
 */
#include "ksm-autotune/match.h"

#include <stdlib.h>
#include <string.h>

#include "util/macros.h"

#define TEXT_MAX 8192	/* of a name; of a command line, what is looked at */

struct names {
	struct ksm *k;
	const struct ksm_proc *p;
	bool known[__TUNE_MATCH_N];
	char *text[__TUNE_MATCH_N];
};

static char *command_line(struct ksm *k, pid_t pid)
{
	char *line = NULL;
	size_t len;

	if (ksm_proc_cmdline(k, pid, &line, &len) || !len) {
		free(line);
		return NULL;
	}
	ksm_cmdline_join(line, len);
	return line;
}

/* What a process belongs to, and matches by; of -1, no such thing. */
static const int group_of[__TUNE_MATCH_N] = {
	[TUNE_MATCH_VM] = KSM_GROUP_VM,
	[TUNE_MATCH_UNIT] = KSM_GROUP_UNIT,
	[TUNE_MATCH_CGROUP] = KSM_GROUP_CGROUP,
	[TUNE_MATCH_CONTAINER] = KSM_GROUP_CONTAINER,
	[TUNE_MATCH_POD] = KSM_GROUP_POD,
	[TUNE_MATCH_NAMESPACE] = KSM_GROUP_NAMESPACE,
	[TUNE_MATCH_USER] = KSM_GROUP_USER,
	[TUNE_MATCH_EXE] = -1,
	[TUNE_MATCH_COMM] = -1,
	[TUNE_MATCH_CMDLINE] = -1,
};

static char *group_name(struct ksm *k, const struct ksm_proc *p, enum ksm_group g)
{
	char name[TEXT_MAX];

	if (ksm_group_key(k, p, g, name, sizeof(name)) || !*name)
		return NULL;
	/* What stands for a namespace that is not known would match "*". */
	if (g == KSM_GROUP_NAMESPACE && !ksm_namespace_is_known(name))
		return NULL;
	return strdup(name);
}

static char *program(struct ksm *k, pid_t pid)
{
	char name[TEXT_MAX];

	return ksm_proc_exe(k, pid, name, sizeof(name)) ? NULL : strdup(name);
}

/* NULL: it has none, or none that we may see; then no pattern matches. */
static const char *get_name(struct names *n, enum tune_match_by by)
{
	if (n->known[by])
		return n->text[by];
	n->known[by] = true;
	if (group_of[by] >= 0) {
		n->text[by] = group_name(n->k, n->p, group_of[by]);
		return n->text[by];
	}
	switch (by) {
	case TUNE_MATCH_EXE:
		n->text[by] = program(n->k, n->p->pid);
		break;
	case TUNE_MATCH_COMM:
		n->text[by] = strdup(n->p->comm);
		break;
	default:
		n->text[by] = command_line(n->k, n->p->pid);
		break;
	}
	return n->text[by];
}

static bool pattern_holds(struct names *n, const struct tune_pattern *p)
{
	const char *name = get_name(n, p->by);
	char *copy __cleanup_free = name ? strdup(name) : NULL;

	/* What is looked at may be changed by looking. */
	return copy && tune_pattern_match(p, copy);
}

/* One of those of a kind must match, of each kind that there is. */
static bool rule_holds(struct names *n, const struct tune_rule *r)
{
	bool asked[__TUNE_MATCH_N] = { false }, held[__TUNE_MATCH_N] = { false };

	for (size_t i = 0; i < r->n_patterns; i++) {
		const enum tune_match_by by = r->pattern[i].by;

		asked[by] = true;
		held[by] = held[by] || pattern_holds(n, &r->pattern[i]);
	}
	return !memcmp(asked, held, sizeof(asked));
}

const struct tune_rule *tune_match(struct ksm *k, const struct tune_config *c,
				   const struct ksm_proc *p)
{
	struct names n = { .k = k, .p = p };
	const struct tune_rule *found = NULL;

	for (size_t i = 0; !found && i < c->n_rules; i++)
		if (rule_holds(&n, &c->rule[i]))
			found = &c->rule[i];
	for (size_t i = 0; i < __TUNE_MATCH_N; i++)
		free(n.text[i]);
	return found;
}
