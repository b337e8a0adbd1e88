// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verdict.c - what the figures mean, in one sentence: the first line that an
 * administrator reads.
 *
 * Pure.  Rules are tried in order and the first that applies speaks, so what
 * makes all other figures meaningless stands on top.
 */
#include "ksmtop/ksmtop.h"

#include <stdarg.h>
#include <string.h>

#include "util/num.h"

/* A page is looked at twice before it is merged: until then, nothing is known. */
#define PASSES_TO_KNOW 2

static void say(struct top_verdict *v, enum top_tone tone, const char *fmt, ...) __printf(3, 4);

static void say(struct top_verdict *v, enum top_tone tone, const char *fmt, ...)
{
	va_list ap;

	v->tone = tone;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
}

static int64_t saved(const struct model *m)
{
	return ksm_fig_or(m->derived.saved_bytes, 0);
}

static const char *bytes(char *buf, size_t len, int64_t v)
{
	return cli_bytes(buf, len, v, false);
}

/* " for 0.4 % of a CPU", or "" before that is known. */
static const char *cpu_text(const struct model *m, char *buf, size_t len)
{
	buf[0] = '\0';
	if (m->cpu_pct >= 0)
		snprintf(buf, len, " for %.1f %% of a CPU", m->cpu_pct);
	return buf;
}

static bool not_there(const struct model *m, struct top_verdict *v)
{
	if (!m->n_samples)
		say(v, TOP_DULL, "reading...");
	else if (m->present == KSM_ABSENT)
		say(v, TOP_BAD, "this kernel has no KSM (2.6.32 or later with CONFIG_KSM)");
	else if (m->present == KSM_DENIED ||
		 m->stats.attr[KSM_ATTR_RUN].state == KSM_DENIED)
		say(v, TOP_WARN, "the state of KSM may not be read (needs root, or CAP_DAC_READ_SEARCH)");
	else
		return false;
	return true;
}

static bool not_running(const struct model *m, struct top_verdict *v)
{
	const struct ksm_value *run = &m->stats.attr[KSM_ATTR_RUN];
	char b[32];

	if (run->state != KSM_VALUE || run->v == KSM_RUN_RUNNING)
		return false;
	if (run->v & KSM_RUN_OFFLINING)
		say(v, TOP_WARN, "KSM waits: memory is being taken offline");
	else if (run->v == KSM_RUN_UNMERGING && saved(m))
		say(v, TOP_WARN, "unmerging: %s are still saved", bytes(b, sizeof(b), saved(m)));
	else if (run->v == KSM_RUN_UNMERGING)
		say(v, TOP_DULL, "off: everything was unmerged, nothing is saved");
	else if (saved(m))
		say(v, TOP_WARN, "stopped: %s stay saved, nothing new is merged",
		    bytes(b, sizeof(b), saved(m)));
	else
		say(v, TOP_DULL, "off: KSM is stopped and saves nothing");
	return true;
}

static bool nobody(const struct model *m, struct top_verdict *v)
{
	if (saved(m) || m->n_members || ksm_fig_or(m->derived.tracked_pages, 0))
		return false;
	if (m->n_denied)
		say(v, TOP_DULL, "no process that you may read is mergeable, and nothing is saved "
				 "(%zu processes denied)", m->n_denied);
	else
		say(v, TOP_WARN, "no process is mergeable: nothing to do until one is advised (key a)");
	return true;
}

static bool loses(const struct model *m, struct top_verdict *v)
{
	/* Memory that huge pages gave back is a gain that the profit does not know. */
	if (!ksm_fig_has(m->derived.profit_bytes) ||
	    num_add_sat(m->derived.profit_bytes.v, ksm_fig_or(m->unseen_bytes, 0)) >= 0)
		return false;
	if (m->n_losing)
		say(v, TOP_BAD, "costs more memory than it saves: %zu process%s, see PROFIT",
		    m->n_losing, m->n_losing == 1 ? "" : "es");
	else
		say(v, TOP_BAD, "costs more memory than it saves");
	return true;
}

static void pays(const struct model *m, struct top_verdict *v)
{
	const struct ksm_value *passes = &m->stats.attr[KSM_ATTR_FULL_SCANS];
	char b[32], cpu[40], lose[64] = "";

	cpu_text(m, cpu, sizeof(cpu));
	if (!ksm_fig_has(m->derived.saved_bytes)) {
		say(v, TOP_WARN, "KSM runs%s; what it saves cannot be read", cpu);
		return;
	}
	if (m->n_losing)
		snprintf(lose, sizeof(lose), "; %zu process%s lose%s, see PROFIT", m->n_losing,
			 m->n_losing == 1 ? "" : "es", m->n_losing == 1 ? "s" : "");
	if (saved(m))
		say(v, m->n_losing ? TOP_WARN : TOP_GOOD, "saves %s%s%s",
		    bytes(b, sizeof(b), saved(m)), cpu, lose);
	else if (passes->state == KSM_VALUE && passes->v < PASSES_TO_KNOW)
		say(v, TOP_DULL, "still looking: a page is merged in the second pass at the earliest");
	else
		say(v, TOP_WARN, "saves nothing%s: no equal pages were found", cpu);
}

void top_verdict(const struct model *m, struct top_verdict *out)
{
	memset(out, 0, sizeof(*out));
	if (!not_there(m, out) && !not_running(m, out) && !loses(m, out) && !nobody(m, out))
		pays(m, out);
}
