// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-choose.c - stories of single processes: sampled, advised, judged.
 */
#include "ksm-autotune/choose.h"

#include "tap.h"

#define S	UINT64_C(1000000000)
#define MIB	(INT64_C(1) << 20)

static struct tune_rule rule = {
	.name = (char *)"guests", .advise = TUNE_ADVISE_WHERE, .min_gain_bytes = 4 << 20,
	.cooldown_ns = 600 * S, .again_ns = 3600 * S,
};
static const struct tune_config cfg = { .settle_in_ns = 30 * S };
static const struct ksm_ident id = { .pid = 1, .start_ticks = 2 };

static void ages(void)
{
	static const struct {
		uint64_t age_s, later_s;
		enum tune_act act;
	} rows[] = {
		{ 0, 0, TUNE_ACT_NONE },
		{ 0, 29, TUNE_ACT_NONE },
		{ 0, 30, TUNE_ACT_SAMPLE },
		{ 20, 9, TUNE_ACT_NONE },
		{ 20, 10, TUNE_ACT_SAMPLE },
		{ 100000, 0, TUNE_ACT_SAMPLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_clock t = { 1000 * S, 0 };
		struct tune_cand c;

		tap_row("%zu", i);
		tune_cand_init(&c, &id, &rule, &cfg, &t, rows[i].age_s * S);
		t.now_ns += rows[i].later_s * S;
		CHECK_INT(tune_cand_next(&c, &t), rows[i].act);
	}
}

static void left_alone(void)
{
	static const enum tune_advise rows[] = { TUNE_ADVISE_NEVER, TUNE_ADVISE_AS_IS };
	struct tune_clock t = { 1000 * S, 0 };
	struct tune_cand c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_rule r = rule;

		r.advise = rows[i];
		t.now_ns = 1000 * S;
		tune_cand_init(&c, &id, &r, &cfg, &t, 0);
		CHECK_INT(c.state, TUNE_LEFT);
		t.now_ns += 1000000 * S;
		CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	}
	CHECK_STR(c.reason, "rule guests says as-is");
	tune_cand_init(&c, &id, &rule, &cfg, &t, 0);
	tune_cand_leave(&c, &t, "it asked for merging itself");
	t.now_ns += 1000000 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	CHECK_STR(c.reason, "it asked for merging itself");
}

/* Each disappointment is waited for twice as long, up to a week. */
static void disappoints(void)
{
	struct tune_clock t = { 1000 * S, 0 };
	uint64_t wait = 600 * S;
	struct tune_cand c;

	tune_cand_init(&c, &id, &rule, &cfg, &t, 60 * S);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_SAMPLE);
		CHECK_INT(tune_cand_sampled(&c, &t, 3 * MIB, MIB), TUNE_ACT_NONE);
		t.now_ns += wait - 1;
		CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
		t.now_ns += 1;
		wait = MIN(2 * wait, 7 * 86400 * S);
	}
	CHECK_STR(c.reason, "it would save 3.0 MiB at least, less than min-gain (4.0 MiB)");
	CHECK_INT(tune_cand_sampled(&c, &t, 5 * MIB, 6 * MIB), TUNE_ACT_NONE);
	CHECK_STR(c.reason, "it would save 5.0 MiB at least, no more than its metadata (6.0 MiB)");
}

static void pays(void)
{
	struct tune_clock t = { 1000 * S, 7 };
	struct tune_cand c;

	tune_cand_init(&c, &id, &rule, &cfg, &t, 60 * S);
	CHECK_INT(tune_cand_sampled(&c, &t, 40 * MIB, MIB), TUNE_ACT_ADVISE);
	CHECK_STR(c.reason, "it would save 40.0 MiB at least, for 1.0 MiB of metadata");
	tune_cand_advised(&c, &t);
	/* Hundreds of passes over nothing end before the next look: they tell nothing of it. */
	t.passes += 500;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	tune_cand_look(&c, &t);
	/* by passes, however long they take */
	t.now_ns += 100000 * S;
	t.passes += 2;
	tune_cand_look(&c, &t);
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	t.passes++;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_JUDGE);
	CHECK(tune_cand_judged(&c, &t, 38 * MIB, MIB));
	CHECK_INT(c.state, TUNE_STAYS);
	CHECK_STR(c.reason, "it saves 38.0 MiB for 1.0 MiB of metadata; 40.0 MiB were promised");
	/* Of one that is advised as a whole, what came of it is judged again. */
	c.fleeting = true;
	t.now_ns += 3599 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	t.now_ns += S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_AGAIN);
	/* Half of the promise: looked at again sooner. */
	CHECK(tune_cand_judged(&c, &t, 10 * MIB, MIB));
	t.now_ns += 600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_AGAIN);
	/* It loses: un-advised, and not sampled again at once. */
	CHECK(!tune_cand_judged(&c, &t, MIB, MIB));
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_AGAIN);
	tune_cand_disappointed(&c, &t);
	CHECK_INT(c.state, TUNE_WAITS);
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	t.now_ns += 600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_SAMPLE);
	tune_cand_refused(&c, &t, "traced by 12");
	CHECK_STR(c.reason, "traced by 12");
	t.now_ns += 600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	t.now_ns += 600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_SAMPLE);
}

/* Of one that was advised before the daemon began, nothing was promised that it knows. */
static void adopted(void)
{
	struct tune_clock t = { .now_ns = 1000 * S, .passes = 5 };
	struct tune_cand c;

	tune_cand_init(&c, &id, &rule, &cfg, &t, 60 * S);
	tune_cand_adopt(&c, &t);
	CHECK_INT(c.state, TUNE_ADVISED);
	tune_cand_look(&c, &t);
	t.passes += 3;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_JUDGE);
	CHECK(tune_cand_judged(&c, &t, 3 * MIB, MIB));
	CHECK_STR(c.reason, "it saves 3.0 MiB for 1.0 MiB of metadata");
}

/* What a later look at a process' places makes of them. */
static void places_age(void)
{
	static const struct {
		const char *name;
		struct tune_again now;
		enum tune_act act;
		bool fleeting;
		const char *says;
	} rows[] = {
		{ "as it was", { 1, true, 0, 0, 40 * MIB, MIB, 50 * MIB, 9 * MIB },
		  TUNE_ACT_JUDGE, false, "0 ranges became hot and 0 went cold" },
		{ "more became hot", { 0.8, true, 1, 0, 40 * MIB, MIB, 50 * MIB, 9 * MIB },
		  TUNE_ACT_PLACES, false, "1 range became hot and 0 went cold; it would save 40.0" },
		{ "some went cold", { 1, true, 0, 2, 40 * MIB, MIB, 50 * MIB, 9 * MIB },
		  TUNE_ACT_PLACES, false, "0 ranges became hot and 2 went cold" },
		{ "two thirds", { 2.0 / 3, true, 3, 3, 40 * MIB, MIB, 50 * MIB, 9 * MIB },
		  TUNE_ACT_PLACES, false, "3 ranges became hot" },
		{ "less, and all of it pays",
		  { 0.66, true, 3, 3, 40 * MIB, MIB, 50 * MIB, 9 * MIB },
		  TUNE_ACT_ADVISE, true, "its places do not last (66 % of what is to be saved is "
		  "where it was marked); as a whole it would save 50.0 MiB at least" },
		{ "less, and all of it does not pay",
		  { 0.1, true, 3, 3, 40 * MIB, MIB, 50 * MIB, 50 * MIB },
		  TUNE_ACT_UNDO, true, "its places do not last" },
		{ "nor by min-gain", { 0.1, true, 3, 3, 3 * MIB, 1, 3 * MIB, 1 },
		  TUNE_ACT_UNDO, true, "its places do not last" },
		/* They were unmapped: that says nothing of those that there will be. */
		{ "all that was marked is gone", { 0, false, 2, 0, 40 * MIB, MIB, 50 * MIB, 9 * MIB },
		  TUNE_ACT_PLACES, false, "2 ranges became hot" },
		{ "half of min-gain is enough to stay", { 1, true, 0, 0, 2 * MIB, MIB, 9 * MIB, 8 * MIB },
		  TUNE_ACT_JUDGE, false, "save 2.0 MiB" },
		{ "less is not", { 1, true, 0, 0, 2 * MIB - 1, MIB, 9 * MIB, 8 * MIB },
		  TUNE_ACT_UNDO, false, "where it pays it would save 2.0 MiB at least now" },
		{ "everything went cold", { 1, true, 0, 1, 0, 0, 0, 9 * MIB },
		  TUNE_ACT_UNDO, false, "where it pays it would save 0.0 MiB" },
		{ "no more than its metadata", { 1, true, 1, 0, 9 * MIB, 9 * MIB, 9 * MIB, 9 * MIB },
		  TUNE_ACT_UNDO, false, "for 9.0 MiB of metadata" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_clock t = { 1000 * S, 0 };
		struct tune_cand c;

		tap_row("%s", rows[i].name);
		tune_cand_init(&c, &id, &rule, &cfg, &t, 60 * S);
		tune_cand_advised(&c, &t);
		CHECK(tune_cand_judged(&c, &t, 40 * MIB, MIB));
		t.now_ns += 3600 * S;
		CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_PLACES);
		tune_cand_chosen(&c);
		CHECK(c.again && c.state == TUNE_SAMPLED);
		CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
		CHECK_INT(tune_cand_again(&c, &rows[i].now), rows[i].act);
		CHECK_INT(c.fleeting, rows[i].fleeting);
		if (!CHECK(strstr(c.reason, rows[i].says) != NULL))
			printf("# \"%s\"\n", c.reason);
	}
}

/* What is advised stays so, whatever comes between; and is looked at again. */
static void places_stay(void)
{
	struct tune_clock t = { 1000 * S, 0 };
	struct tune_cand c;

	tune_cand_init(&c, &id, &rule, &cfg, &t, 60 * S);
	tune_cand_chosen(&c);
	CHECK(!c.again);
	tune_cand_advised(&c, &t);
	CHECK(tune_cand_judged(&c, &t, 40 * MIB, MIB));
	t.now_ns += 3600 * S;
	tune_cand_chosen(&c);
	tune_cand_refused(&c, &t, "traced by 12");
	CHECK_INT(c.state, TUNE_STAYS);
	CHECK(!c.again);
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_NONE);
	t.now_ns += 600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_PLACES);
	/* As a whole, its figures are judged, and no places are looked for any more. */
	c.fleeting = true;
	tune_cand_chosen(&c);
	tune_cand_advised(&c, &t);
	CHECK(tune_cand_judged(&c, &t, 40 * MIB, MIB));
	t.now_ns += 3600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_AGAIN);
	/* Who is un-advised is sampled like anybody. */
	tune_cand_disappointed(&c, &t);
	t.now_ns += 600 * S;
	CHECK_INT(tune_cand_next(&c, &t), TUNE_ACT_SAMPLE);
	tune_cand_chosen(&c);
	CHECK(!c.again);
}

TAP_MAIN(TAP_CASE(places_age), TAP_CASE(places_stay), TAP_CASE(adopted), TAP_CASE(ages), TAP_CASE(left_alone), TAP_CASE(disappoints), TAP_CASE(pays))
