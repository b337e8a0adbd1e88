// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-apply.c - the settings that the daemon writes, and those of others.
 */
#include "ksm-autotune/apply.h"

#include <errno.h>

#include "root.h"
#include "tap.h"

#define KSM "sys/kernel/mm/ksm/"

struct told {
	char text[1024];
	size_t n;
};

static void note(const char *text, void *arg)
{
	struct told *t = arg;

	if (t->n < sizeof(t->text))
		t->n += snprintf(t->text + t->n, sizeof(t->text) - t->n, "%s\n", text);
}

struct test {
	struct root root;
	struct ksm *k;
	struct told told;
	struct tune_settings set;
};

static void begin(struct test *t)
{
	*t = (struct test){ 0 };
	root_copy(&t->root, "6.12-idle");
	t->k = root_handle(&t->root);
	root_put(&t->root, KSM "run", "0\n");
	root_put(&t->root, KSM "pages_to_scan", "100\n");
	root_put(&t->root, KSM "sleep_millisecs", "20\n");
	root_put(&t->root, KSM "advisor_mode", "[none] scan-time\n");
	root_put(&t->root, KSM "advisor_min_pages_to_scan", "500\n");
	t->set.tell = note;
	t->set.arg = &t->told;
	CHECK_INT(tune_settings_begin(&t->set, t->k), 0);
}

static void end(struct test *t)
{
	ksm_close(t->k);
	root_free(&t->root);
}

static void is(struct test *t, const char *name, const char *want)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), KSM "%s", name);
	root_get(&t->root, path, text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	tap_row("%s", name);
	CHECK_STR(text, want);
}

static void want(struct ksm_attrset *s, enum ksm_attr id, int64_t v)
{
	s->value[id] = (struct ksm_value){ .state = KSM_VALUE, .v = v };
}

static struct ksm_attrset scan(int64_t pages)
{
	struct ksm_attrset s = { 0 };

	want(&s, KSM_ATTR_RUN, 1);
	want(&s, KSM_ATTR_PAGES_TO_SCAN, pages);
	want(&s, KSM_ATTR_SLEEP_MILLISECS, 200);
	return s;
}

static void look(struct test *t)
{
	struct ksm_stats s;

	CHECK_INT(ksm_stats_read(t->k, &s), 0);
	tune_settings_look(&t->set, &s);
}

static void written_and_put_back(void)
{
	struct ksm_attrset s = scan(700);
	struct test t;

	begin(&t);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), 0);
	is(&t, "run", "1");
	is(&t, "pages_to_scan", "700");
	is(&t, "sleep_millisecs", "200");
	look(&t);
	CHECK_STR(t.told.text, "");
	CHECK_INT(tune_settings_restore(&t.set, t.k), 0);
	is(&t, "run", "0");
	is(&t, "pages_to_scan", "100");
	is(&t, "sleep_millisecs", "20");
	end(&t);
}

static void others(void)
{
	struct ksm_attrset s = scan(700);
	struct test t;

	begin(&t);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), 0);
	root_put(&t.root, KSM "pages_to_scan", "4000\n");
	look(&t);
	CHECK_STR(t.told.text, "pages_to_scan: somebody else has set it from 700 to 4000; "
			       "it is left so\n");
	t.told = (struct told){ 0 };
	/* It is not written again, nor told again, nor put back. */
	s = scan(900);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), 0);
	look(&t);
	is(&t, "pages_to_scan", "4000");
	CHECK_STR(t.told.text, "");
	CHECK_INT(tune_settings_restore(&t.set, t.k), 0);
	is(&t, "pages_to_scan", "4000");
	is(&t, "run", "0");
	is(&t, "sleep_millisecs", "20");
	/* But when we are told to take it. */
	CHECK_INT(tune_settings_begin(&t.set, t.k), 0);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), 0);
	root_put(&t.root, KSM "run", "0\n");
	look(&t);
	tune_settings_take(&t.set);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), 0);
	is(&t, "run", "1");
	end(&t);
}

/* Memory that goes offline shows in run, and is nobody's write. */
static void offlining(void)
{
	struct ksm_attrset s = scan(700);
	struct test t;

	begin(&t);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), 0);
	root_put(&t.root, KSM "run", "5\n");
	look(&t);
	CHECK_STR(t.told.text, "");
	end(&t);
}

static void advisor(void)
{
	struct ksm_attrset s = scan(700);
	struct test t;

	begin(&t);
	s.value[KSM_ATTR_PAGES_TO_SCAN].state = KSM_ABSENT;
	want(&s, KSM_ATTR_ADVISOR_MIN_PAGES, 700);
	want(&s, KSM_ATTR_ADVISOR_MODE, 1);
	CHECK_INT(tune_settings_apply(&t.set, t.k, &s, true), 0);
	is(&t, "advisor_mode", "scan-time");
	is(&t, "advisor_min_pages_to_scan", "700");
	/* The rate is the advisor's own now. */
	root_put(&t.root, KSM "pages_to_scan", "1234\n");
	root_put(&t.root, KSM "advisor_mode", "none [scan-time]\n");
	look(&t);
	CHECK_STR(t.told.text, "");
	CHECK_INT(tune_settings_restore(&t.set, t.k), 0);
	is(&t, "advisor_mode", "none");
	is(&t, "advisor_min_pages_to_scan", "500");
	is(&t, "pages_to_scan", "100");
	end(&t);
}

static void refused(void)
{
	struct ksm_attrset s = scan(700);
	struct test t;

	begin(&t);
	if (!root_unpriv(&t.root)) {
		tap_skip("cannot become another user");
	} else {
		root_chmod(&t.root, KSM "pages_to_scan", 0444);
		CHECK_INT(tune_settings_apply(&t.set, t.k, &s, false), -EACCES);
		/* The others are written all the same, run among them. */
		is(&t, "run", "1");
		CHECK(strstr(t.told.text, "pages_to_scan: cannot be set to 700: Permission denied"));
	}
	root_priv();
	end(&t);
}

/* Without a kernel to write to, it is as if every write succeeded. */
static void dry(void)
{
	struct ksm_attrset s = scan(700);
	struct test t;

	begin(&t);
	CHECK_INT(tune_settings_apply(&t.set, NULL, &s, false), 0);
	is(&t, "run", "0");
	CHECK_INT(t.set.ours.value[KSM_ATTR_PAGES_TO_SCAN].v, 700);
	end(&t);
}

TAP_MAIN(TAP_CASE(written_and_put_back), TAP_CASE(others), TAP_CASE(offlining), TAP_CASE(advisor),
	 TAP_CASE(refused), TAP_CASE(dry))
