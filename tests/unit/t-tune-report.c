// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-report.c - what the daemon tells of itself: rules and their users, and times by
 * two clocks, of which somebody sets one.
 */
#include "ksm-autotune/daemon.h"

#include "tap.h"

#define S UINT64_C(1000000000)

static struct tune t;
static struct ksm_tuner note;
static struct tune_rule rules[2];

static void begin(size_t n)
{
	static char names[][4] = { "one", "two" };

	memset(&t, 0, sizeof(t));
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i].name = names[i];
	t.cfg.rule = rules;
	t.cfg.n_rules = ARRAY_SIZE(rules);
	t.cfg.interval_ns = 10 * S;
	t.clock.now_ns = 1000 * S;
	t.procs.n = n;
	t.procs.cand = calloc(n, sizeof(*t.procs.cand));
	for (size_t i = 0; i < n; i++) {
		t.procs.cand[i] = calloc(1, sizeof(*t.procs.cand[i]));
		*t.procs.cand[i] = (struct tune_cand){ .rule = &rules[0], .state = TUNE_STAYS };
	}
}

static void end(void)
{
	for (size_t i = 0; i < t.procs.n; i++)
		free(t.procs.cand[i]);
	free(t.procs.cand);
}

/* Only those that were advised count, each user once, as far as it is known. */
static void users(void)
{
	static const struct {
		uid_t uid[4];
		enum tune_state state[4];
		unsigned int want;
	} rows[] = {
		{ { 7, 7, 7, 7 }, { TUNE_STAYS, TUNE_ADVISED, TUNE_STAYS, TUNE_STAYS }, 1 },
		{ { 7, 0, 7, 0 }, { TUNE_STAYS, TUNE_ADVISED, TUNE_STAYS, TUNE_STAYS }, 2 },
		{ { 7, 1, 2, 3 }, { TUNE_STAYS, TUNE_LEFT, TUNE_WAITS, TUNE_SAMPLED }, 1 },
		{ { KSM_UID_NONE, 1, 1, 1 }, { TUNE_STAYS, TUNE_STAYS, TUNE_LEFT, TUNE_LEFT }, 1 },
		{ { 1, 2, 3, 4 }, { TUNE_LEFT, TUNE_LEFT, TUNE_LEFT, TUNE_LEFT }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		begin(4);
		for (size_t j = 0; j < 4; j++) {
			t.procs.cand[j]->uid = rows[i].uid[j];
			t.procs.cand[j]->state = rows[i].state[j];
		}
		tune_report(&t, 1, 2, &note);
		CHECK_UINT(note.rule[0].users, rows[i].want);
		CHECK_UINT(note.rule[1].users, 0);
		end();
	}
}

static void many_users(void)
{
	begin(100);
	for (size_t i = 0; i < 100; i++)
		t.procs.cand[i]->uid = (uid_t)i;
	tune_report(&t, 1, 2, &note);
	CHECK_UINT(note.rule[0].users, KSM_TUNER_USERS);
	CHECK_UINT(note.rule[0].advised, 100);
	end();
}

/* Who sets the clock of the day moves what people read, and not when a look is due. */
static void clock_is_set(void)
{
	static const int64_t now[] = { 1700000000, 1800000000, 5, -5 };

	begin(0);
	for (size_t i = 0; i < ARRAY_SIZE(now); i++) {
		tap_row("%zu", i);
		tune_report(&t, now[i], now[i] + 10, &note);
		CHECK_INT(note.decided_s, now[i]);
		CHECK_INT(note.next_s, now[i] + 10);
		CHECK_UINT(note.due_ns, 1010 * S);
	}
	/* One look that nothing follows. */
	tune_report(&t, 5, 0, &note);
	CHECK_UINT(note.due_ns, 0);
	end();
}

TAP_MAIN(TAP_CASE(users), TAP_CASE(many_users), TAP_CASE(clock_is_set))
