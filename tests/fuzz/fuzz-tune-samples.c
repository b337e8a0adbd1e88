// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-tune-samples.c - recordings that are replayed: whatever the lines say, something
 * is decided about it that has a reason, and settings that the kernel would take.
 */
#include "fuzz.h"

#include <errno.h>
#include <math.h>

#include "ksm-autotune/samples.h"

static void decide(struct tune_history *h, const struct tune_policy *c, const struct tune_sample *s)
{
	struct tune_decision d;

	if (s->begins)
		*h = (struct tune_history){ 0 };
	if (s->kicked)
		tune_history_kick(h, s->kick);
	tune_history_add(h, c, &s->stats);
	MUST(h->n_points > 0 && h->n_points <= TUNE_POINTS);
	tune_decide(h, c, &d);
	MUST(d.cpu >= 0 && d.cpu <= c->max_cpu);
	MUST(*d.reason && memchr(d.reason, '\0', sizeof(d.reason)));
	ksm_for_each_attr(id) {
		const struct ksm_value *v = &d.want.value[id];

		MUST(v->state == KSM_ABSENT || (v->state == KSM_VALUE && v->v >= 0));
	}
	tune_history_decided(h, &d);
}

/* What is written of it reads as the same. */
static void write_again(const struct tune_sample *s)
{
	struct str text = STR_INIT;
	struct ksm_record r = { .begun = true };
	struct tune_sample t = { 0 };
	const char *at;
	int rc = 0;

	tune_sample_format(s, &text);
	MUST(!str_err(&text));
	for (at = str_get(&text); *at && !rc;) {
		const size_t len = strcspn(at, "\n") + 1;

		rc = tune_sample_line(&r, at, len, &t);
		at += len;
	}
	MUST(rc == 1 && !*at);
	MUST(t.stats.when_ns == s->stats.when_ns && t.begins == s->begins &&
	     t.acts == s->acts && t.kicked == s->kicked && !strcmp(t.kick, s->kick));
	MUST(!memcmp(&t.stats.cow_ksm, &s->stats.cow_ksm,
		     sizeof(t.stats) - offsetof(struct ksm_stats, cow_ksm)));
	str_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct tune_policy always, need;
	struct tune_history h[2] = { 0 };
	struct tune_sample s = { 0 };
	struct ksm_record r = { 0 };
	int rc = 0;

	tune_policy_default(&always);
	tune_policy_default(&need);
	need.always = need.advisor = false;
	need.max_breaks = 10;
	/* The magic line is not what there is to find. */
	MUST(!tune_sample_line(&r, KSM_RECORD_MAGIC, strlen(KSM_RECORD_MAGIC), &s));
	while (at < end && rc >= 0) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const size_t len = nl ? (size_t)(nl - at) + 1 : (size_t)(end - at);

		rc = tune_sample_line(&r, at, len, &s);
		MUST(rc == 0 || rc == 1 || rc == -EPROTO);
		MUST((rc == -EPROTO) == (r.error[0] != '\0'));
		if (rc == 1) {
			write_again(&s);
			decide(&h[0], &always, &s);
			decide(&h[1], &need, &s);
		}
		at += len;
	}
	return 0;
}
