// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * apply.c - the only writer of the kernel's settings.
 *
 * A setting that somebody else has written is left to him: two who correct each
 * other's writes would go on for ever.
 */
#include "ksm-autotune/apply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/macros.h"

static __printf(2, 3) void tell(const struct tune_settings *t, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!t->tell)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->tell(text, t->arg);
}

/* The bit of a moment, memory that goes offline, is nobody's setting. */
static int64_t settled(enum ksm_attr id, int64_t v)
{
	return id == KSM_ATTR_RUN ? v & ~(int64_t)KSM_RUN_OFFLINING : v;
}

/* Is what the kernel says now the setting @v? */
static bool is_set(enum ksm_attr id, const struct ksm_value *now, const struct ksm_value *v)
{
	struct ksm_value n = *now;

	n.v = settled(id, n.v);
	return ksm_value_same(&n, v);
}

int tune_settings_begin(struct tune_settings *t, struct ksm *k)
{
	memset(&t->ours, 0, sizeof(t->ours));
	memset(t->lost, 0, sizeof(t->lost));
	return ksm_attrset_read(k, &t->found);
}

bool tune_settings_look(struct tune_settings *t, const struct ksm_stats *s)
{
	char ours[KSM_ATTR_TEXT_MAX], theirs[KSM_ATTR_TEXT_MAX];
	bool any = false;

	ksm_for_each_attr(id) {
		struct ksm_value *mine = &t->ours.value[id];

		if (mine->state != KSM_VALUE || s->attr[id].state != KSM_VALUE ||
		    is_set(id, &s->attr[id], mine))
			continue;
		tell(t, "%s: somebody else has set it from %s to %s; it is left so",
		     ksm_attr_info(id)->name, ksm_attr_format(id, mine, ours, sizeof(ours)),
		     ksm_attr_format(id, &s->attr[id], theirs, sizeof(theirs)));
		t->lost[id] = true;
		mine->state = KSM_ABSENT;
		any = true;
	}
	return any;
}

static int write_one(struct tune_settings *t, struct ksm *k, enum ksm_attr id,
		     const struct ksm_value *v)
{
	char text[KSM_ATTR_TEXT_MAX];
	struct ksm_value now;
	const char *hint;
	int rc;

	if (!k) {
		t->ours.value[id] = *v;
		return 0;
	}
	rc = ksm_attr_write(k, id, v);
	if (rc) {
		hint = ksm_attr_hint(k, id, rc);
		tell(t, "%s: cannot be set to %s: %s%s%s%s", ksm_attr_info(id)->name,
		     ksm_attr_format(id, v, text, sizeof(text)), strerror(-rc), hint ? " (" : "",
		     hint ? hint : "", hint ? ")" : "");
		return rc;
	}
	rc = ksm_attr_read(k, id, &now);
	if (!rc && !is_set(id, &now, v)) {
		tell(t, "%s: was set to %s, and does not hold", ksm_attr_info(id)->name,
		     ksm_attr_format(id, v, text, sizeof(text)));
		t->lost[id] = true;
		return -EAGAIN;
	}
	t->ours.value[id] = *v;
	return rc;
}

static bool holds(struct ksm *k, const struct tune_settings *t, enum ksm_attr id,
		  const struct ksm_value *v)
{
	struct ksm_value now;

	if (t->ours.value[id].state == KSM_VALUE)
		return ksm_value_same(&t->ours.value[id], v);
	/* As it is is how we want it: then it is ours without a write. */
	return k && !ksm_attr_read(k, id, &now) && is_set(id, &now, v);
}

int tune_settings_apply(struct tune_settings *t, struct ksm *k, const struct ksm_attrset *want,
			bool restart_advisor)
{
	static const struct ksm_value off = { .state = KSM_VALUE, .v = 0 };
	const enum ksm_attr *order;
	const size_t n = ksm_attr_write_order(&order);
	int rc, last = 0;

	if (restart_advisor && want->value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE &&
	    !t->lost[KSM_ATTR_ADVISOR_MODE] && !holds(k, t, KSM_ATTR_ADVISOR_MODE, &off))
		last = write_one(t, k, KSM_ATTR_ADVISOR_MODE, &off);
	for (size_t i = 0; i < n; i++) {
		const enum ksm_attr id = order[i];
		const struct ksm_value *v = &want->value[id];

		/* What is not wanted any more keeps its value, and is still ours to put back. */
		if (v->state != KSM_VALUE || t->lost[id])
			continue;
		if (holds(k, t, id, v)) {
			t->ours.value[id] = *v;
			continue;
		}
		rc = write_one(t, k, id, v);
		last = rc ? rc : last;
	}
	return last;
}

int tune_settings_restore(struct tune_settings *t, struct ksm *k)
{
	struct ksm_attrset back = { 0 };
	int rc;

	ksm_for_each_attr(id)
		if (t->ours.value[id].state == KSM_VALUE && !t->lost[id])
			back.value[id] = t->found.value[id];
	/* With the advisor the rate goes: one that it chose is chosen anew, one without it is not. */
	if (back.value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE) {
		back.value[KSM_ATTR_PAGES_TO_SCAN] = t->found.value[KSM_ATTR_PAGES_TO_SCAN];
		if (back.value[KSM_ATTR_ADVISOR_MODE].v)
			back.value[KSM_ATTR_PAGES_TO_SCAN].state = KSM_ABSENT;
	}
	rc = tune_settings_apply(t, k, &back, false);
	memset(&t->ours, 0, sizeof(t->ours));
	return rc;
}

void tune_settings_take(struct tune_settings *t)
{
	memset(t->lost, 0, sizeof(t->lost));
}
