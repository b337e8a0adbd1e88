// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-store.c - what the daemon keeps in files: whoever is killed leaves what the
 * next one needs, and what is broken or of another boot is not believed.
 */
#include "ksm-autotune/store.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libksm/run.h"
#include "root.h"
#include "tap.h"

#define BOOT "1e9c-b"

struct test {
	struct root root;
	char dir[300];
	struct tune_store s;
};

static void begin(struct test *t)
{
	pid_t other;

	*t = (struct test){ 0 };
	root_new(&t->root);
	snprintf(t->dir, sizeof(t->dir), "%s/state", t->root.dir);
	CHECK_INT(tune_store_open(&t->s, t->dir, &other), 0);
}

static void end(struct test *t)
{
	tune_store_close(&t->s);
	root_free(&t->root);
}

static void set(struct ksm_attrset *a, enum ksm_attr id, int64_t v)
{
	a->value[id] = (struct ksm_value){ .state = KSM_VALUE, .v = v };
}

/* Also one that we are: a lock is of an open file. */
static void one_daemon(void)
{
	struct tune_store other;
	struct test t;
	pid_t holder;

	begin(&t);
	CHECK_INT(tune_store_open(&other, t.dir, &holder), -EBUSY);
	CHECK_INT(holder, getpid());
	tune_store_close(&other);
	tune_store_close(&t.s);
	CHECK_INT(tune_store_open(&t.s, t.dir, &holder), 0);
	end(&t);
}

/* Whoever holds it and dies, however, holds it no more. */
static void dies(void)
{
	struct test t;
	pid_t holder, child;
	int status;

	begin(&t);
	tune_store_close(&t.s);
	child = fork();
	if (!child) {
		struct tune_store s;

		_exit(tune_store_open(&s, t.dir, &holder) != 0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK_INT(tune_store_open(&t.s, t.dir, &holder), 0);
	end(&t);
}

static void first(struct tune_settings *was)
{
	*was = (struct tune_settings){ 0 };
	set(&was->found, KSM_ATTR_RUN, 0);
	set(&was->found, KSM_ATTR_PAGES_TO_SCAN, 100);
	set(&was->found, KSM_ATTR_SLEEP_MILLISECS, 20);
	set(&was->found, KSM_ATTR_USE_ZERO_PAGES, 0);
}

/* Killed before, between and after its writes: what it found is put back in each case. */
static void killed(void)
{
	static const struct {
		int64_t run, pages;		/* as they are when the next one looks */
		unsigned int taken;
		int64_t found_run, found_pages;
	} rows[] = {
		{ 0, 100, 2, 0, 100 },		/* nothing was written yet */
		{ 0, 400, 2, 0, 100 },		/* half of it */
		{ 1, 400, 2, 0, 100 },		/* all */
		{ 1, 777, 1, 0, 777 },		/* and somebody else wrote after it */
		{ 0, 777, 1, 0, 777 },
	};
	struct tune_settings was, now;
	struct ksm_attrset next = { 0 };
	unsigned int taken;
	struct test t;

	begin(&t);
	first(&was);
	set(&next, KSM_ATTR_RUN, 1);
	set(&next, KSM_ATTR_PAGES_TO_SCAN, 400);
	CHECK_INT(tune_store_put_settings(&t.s, BOOT, &was, &next), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		first(&now);
		set(&now.found, KSM_ATTR_RUN, rows[i].run);
		set(&now.found, KSM_ATTR_PAGES_TO_SCAN, rows[i].pages);
		CHECK_INT(tune_store_take_settings(&t.s, BOOT, &now, &taken), 0);
		CHECK_UINT(taken, rows[i].taken);
		CHECK_INT(now.found.value[KSM_ATTR_RUN].v, rows[i].found_run);
		CHECK_INT(now.found.value[KSM_ATTR_PAGES_TO_SCAN].v, rows[i].found_pages);
		CHECK_INT(now.ours.value[KSM_ATTR_RUN].v, rows[i].run);
		/* What it never wrote is nobody's. */
		CHECK_INT(now.ours.value[KSM_ATTR_USE_ZERO_PAGES].state, KSM_ABSENT);
	}
	end(&t);
}

/* What others took from it is not in the note. */
static void lost(void)
{
	struct tune_settings was, now;
	struct ksm_attrset next = { 0 };
	unsigned int taken;
	struct test t;

	begin(&t);
	first(&was);
	set(&next, KSM_ATTR_RUN, 1);
	set(&next, KSM_ATTR_PAGES_TO_SCAN, 400);
	was.lost[KSM_ATTR_PAGES_TO_SCAN] = true;
	CHECK_INT(tune_store_put_settings(&t.s, BOOT, &was, &next), 0);
	first(&now);
	set(&now.found, KSM_ATTR_PAGES_TO_SCAN, 400);
	CHECK_INT(tune_store_take_settings(&t.s, BOOT, &now, &taken), 0);
	CHECK_UINT(taken, 1);
	CHECK_INT(now.found.value[KSM_ATTR_PAGES_TO_SCAN].v, 400);
	/* Nothing that is ours: no note. */
	CHECK_INT(tune_store_put_settings(&t.s, BOOT, &was, NULL), 0);
	CHECK_INT(tune_store_take_settings(&t.s, BOOT, &now, &taken), -ENOENT);
	end(&t);
}

/* The advisor is off for a moment when it is to begin anew, and sets the rate by itself. */
static void advisor(void)
{
	struct tune_settings was, now;
	struct ksm_attrset next = { 0 };
	unsigned int taken;
	struct test t;

	begin(&t);
	first(&was);
	set(&was.found, KSM_ATTR_ADVISOR_MODE, 0);
	set(&was.ours, KSM_ATTR_ADVISOR_MODE, 1);
	set(&next, KSM_ATTR_ADVISOR_MODE, 1);
	CHECK_INT(tune_store_put_settings(&t.s, BOOT, &was, &next), 0);
	first(&now);
	set(&now.found, KSM_ATTR_ADVISOR_MODE, 0);
	set(&now.found, KSM_ATTR_PAGES_TO_SCAN, 2345);
	CHECK_INT(tune_store_take_settings(&t.s, BOOT, &now, &taken), 0);
	CHECK_UINT(taken, 1);
	CHECK_INT(now.found.value[KSM_ATTR_PAGES_TO_SCAN].v, 100);
	end(&t);
}

static void not_believed(void)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "", -EPROTO },
		{ "boot=" BOOT, -EPROTO },
		{ "boot=" BOOT "\n", 0 },
		{ "boot=another\nours.run=1\n", -ESTALE },
		{ "ours.run=1\nboot=" BOOT "\n", -EPROTO },
		{ "boot=" BOOT "\nours.run=1\n", 0 },
		{ "boot=" BOOT "\nours.run=9\n", -EPROTO },
		{ "boot=" BOOT "\nours.run\n", -EPROTO },
		{ "boot=" BOOT "\nmine.run=1\n", -EPROTO },
		{ "boot=" BOOT "\nours.no_such=1\n", -EPROTO },
		{ "boot=" BOOT "\nours.run=1\nnext.r", -EPROTO },
	};
	struct tune_note n;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		CHECK_INT(tune_note_parse(rows[i].text, strlen(rows[i].text), BOOT, &n), rows[i].rc);
		/* Nothing of what is broken is left over. */
		if (rows[i].rc)
			CHECK_INT(n.ours.value[KSM_ATTR_RUN].state, KSM_ABSENT);
	}
}

static void advised(void)
{
	static const struct {
		const char *text;
		int rc;
		size_t n;
	} rows[] = {
		{ "boot=" BOOT "\n", 0, 0 },
		{ "boot=" BOOT "\nwhole=12 99\nplaces=13 100\n", 0, 2 },
		{ "boot=" BOOT "\nwhole=12 99\nplaces=13\n", -EPROTO, 0 },
		{ "boot=" BOOT "\nwhole=0 99\n", -EPROTO, 0 },
		{ "boot=" BOOT "\nwhole=12 18446744073709551615\n", -EPROTO, 0 },
		{ "boot=" BOOT "\nwhole=99999999999 1\n", -EPROTO, 0 },
		{ "boot=" BOOT "\nhalf=12 99\n", -EPROTO, 0 },
		{ "boot=x\nwhole=12 99\n", -ESTALE, 0 },
	};
	const struct ksm_ident a = { .pid = 12, .start_ticks = 99 },
			       b = { .pid = 12, .start_ticks = 100 };
	struct tune_ourses o, back;
	struct test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		CHECK_INT(tune_ours_parse(rows[i].text, strlen(rows[i].text), BOOT, &o), rows[i].rc);
		CHECK_UINT(o.n, rows[i].n);
		tune_ours_fini(&o);
	}
	begin(&t);
	CHECK_INT(tune_ours_add(&o, &a, TUNE_DEED_WHOLE), 0);
	CHECK_INT(tune_ours_add(&o, &a, TUNE_DEED_PLACES), 0);
	CHECK_UINT(o.n, 1);
	/* Whoever has its number later is not it. */
	CHECK(!tune_ours_find(&o, &b));
	CHECK_INT(tune_store_put_ours(&t.s, BOOT, &o), 0);
	CHECK_INT(tune_store_take_ours(&t.s, BOOT, &back), 0);
	CHECK_UINT(back.n, 1);
	CHECK(tune_ours_find(&back, &a) && tune_ours_find(&back, &a)->kind == TUNE_DEED_PLACES);
	tune_ours_drop(&o, &a);
	CHECK_INT(tune_store_put_ours(&t.s, BOOT, &o), 0);
	tune_ours_fini(&back);
	CHECK_INT(tune_store_take_ours(&t.s, BOOT, &back), -ENOENT);
	tune_ours_fini(&o);
	end(&t);
}

static void told(void)
{
	struct tune_told_proc p = { .id = { .pid = 5, .start_ticks = 7 }, .since_s = 11,
				    .rule = "a\tb", .state = "waits", .reason = "x\ny" };
	struct tune_told t = { .v = &p, .n = 1, .more = true }, back;
	struct str text = STR_INIT;

	CHECK_INT(tune_told_format(&t, &text), 0);
	CHECK_STR(str_get(&text), "5\t7\t11\twaits\ta b\tx y\nmore\n");
	CHECK_INT(tune_told_parse(str_get(&text), text.len, &back), 0);
	CHECK(back.more);
	if (CHECK_UINT(back.n, 1)) {
		CHECK_STR(back.v[0].rule, "a b");
		CHECK_STR(back.v[0].reason, "x y");
		CHECK_INT(back.v[0].since_s, 11);
	}
	tune_told_fini(&back);
	str_fini(&text);
	CHECK_INT(tune_told_parse("5\t7\n", 4, &back), -EPROTO);
	tune_told_fini(&back);
}

/* An advisor of a kernel that is newer than this program is put back by its name. */
static void unknown_advisor(void)
{
	const struct ksm_value theirs = { .state = KSM_VALUE, .v = -1, .text = "frequency" };
	struct tune_settings was, now;
	struct ksm_attrset next = { 0 };
	unsigned int taken;
	struct test t;

	begin(&t);
	first(&was);
	was.found.value[KSM_ATTR_ADVISOR_MODE] = theirs;
	set(&next, KSM_ATTR_ADVISOR_MODE, 1);
	set(&next, KSM_ATTR_RUN, 1);
	CHECK_INT(tune_store_put_settings(&t.s, BOOT, &was, &next), 0);
	first(&now);
	set(&now.found, KSM_ATTR_ADVISOR_MODE, 1);
	CHECK_INT(tune_store_take_settings(&t.s, BOOT, &now, &taken), 0);
	CHECK_UINT(taken, 2);
	CHECK(ksm_value_same(&now.found.value[KSM_ATTR_ADVISOR_MODE], &theirs));
	end(&t);
}

TAP_MAIN(TAP_CASE(one_daemon), TAP_CASE(dies), TAP_CASE(killed), TAP_CASE(lost),
	 TAP_CASE(advisor), TAP_CASE(unknown_advisor), TAP_CASE(not_believed), TAP_CASE(advised), TAP_CASE(told))
