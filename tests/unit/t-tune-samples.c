// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-samples.c - what a daemon saw, in a file and back: what goes in comes out, what
 * is cut off ends with its last whole look, and what is made to harm does not get far.
 */
#include "ksm-autotune/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root.h"
#include "tap.h"

static char *temp_file(void)
{
	static const char template[] = "/tmp/t-tune-samples.XXXXXX";
	char *path = strdup(template);
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	return path;
}

static void put(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	CHECK_UINT(fwrite(text, 1, len, f), len);
	CHECK_INT(fclose(f), 0);
}

static void set(struct tune_sample *s, enum ksm_attr id, int64_t v)
{
	s->ours.value[id] = (struct ksm_value){ .state = KSM_VALUE, .v = v };
}

static void take_root(const char *name, struct tune_sample *s)
{
	struct ksm *k = root_open(name);

	*s = (struct tune_sample){ .wall_s = 1795960000 };
	(void)ksm_stats_read(k, &s->stats);
	ksm_close(k);
}

static void same_value(const struct ksm_value *a, const struct ksm_value *b)
{
	CHECK_INT(a->state, b->state);
	if (a->state == KSM_VALUE)
		CHECK_INT(a->v, b->v);
}

static void same_sample(const struct tune_sample *a, const struct tune_sample *b)
{
	CHECK_UINT(a->stats.when_ns, b->stats.when_ns);
	CHECK_UINT(a->stats.page_size, b->stats.page_size);
	CHECK_INT(a->wall_s, b->wall_s);
	CHECK_INT(a->begins, b->begins);
	CHECK_INT(a->acts, b->acts);
	CHECK_INT(a->kicked, b->kicked);
	CHECK_STR(a->kick, b->kick);
	CHECK(!memcmp(&a->stats.cow_ksm, &b->stats.cow_ksm,
		      sizeof(a->stats) - offsetof(struct ksm_stats, cow_ksm)));
	ksm_for_each_attr(id) {
		same_value(&a->stats.attr[id], &b->stats.attr[id]);
		same_value(&a->ours.value[id], &b->ours.value[id]);
	}
}

static void round_trip(void)
{
	static const char *const names[] = { "6.12-busy", "7.3-hksm", "5.15-old", "arm64-16k",
					     "denied",	  "garbage",  "6.1" };
	struct tune_sample in[ARRAY_SIZE(names)], out;
	struct tune_recorder *r = NULL;
	struct tune_player *p = NULL;
	char *path = temp_file();

	CHECK_INT(tune_recorder_open(path, &r), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		take_root(names[i], &in[i]);
		in[i].begins = !i;
		in[i].acts = i > 1;
		if (i > 2) {
			set(&in[i], KSM_ATTR_RUN, 1);
			set(&in[i], KSM_ATTR_ADVISOR_MODE, 1);
		}
		in[i].kicked = i & 1;
		if (in[i].kicked)
			snprintf(in[i].kick, sizeof(in[i].kick), "rule a b%%\x1b[1m\xff: %zu started", i);
		CHECK_INT(tune_recorder_add(r, &in[i]), 0);
	}
	CHECK_INT(tune_recorder_close(r), 0);
	CHECK_INT(tune_player_open(path, 1, &p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int rc;

		tap_row("%s", names[i]);
		rc = tune_player_next(p, &out);
		/* A system without KSM says so, and is a sample all the same. */
		CHECK_INT(rc, in[i].stats.attr[KSM_ATTR_RUN].state == KSM_ABSENT ? -EOPNOTSUPP : 1);
		same_sample(&in[i], &out);
	}
	CHECK_INT(tune_player_next(p, &out), 0);
	CHECK(!tune_player_cut(p));
	tune_player_close(p);
	unlink(path);
	free(path);
}

static const char two[] = "ksmtop-record 1\n"
			  "s 5\na run=1\nb\nk x\no run=1\ne\n"
			  "s 6\na run=0\ne\n";

/* At every length: whole looks come out, and that it was cut off is told. */
static void cut_off(void)
{
	const size_t first = strstr(two, "e\n") + 2 - two, len = sizeof(two) - 1;
	char *path = temp_file();

	for (size_t cut = 0; cut <= len; cut++) {
		const int want = (cut >= first) + (cut == len);
		struct tune_player *p = NULL;
		struct tune_sample out;
		int n = 0, rc;

		tap_row("%zu", cut);
		put(path, two, cut);
		CHECK_INT(tune_player_open(path, 1, &p), 0);
		while ((rc = tune_player_next(p, &out)) == 1)
			n++;
		CHECK_INT(rc, cut < 16 ? -EPROTO : 0);
		CHECK_INT(n, want);
		if (cut >= 16)
			CHECK_INT(tune_player_cut(p), cut > 16 && cut != first && cut != len);
		if (tune_player_cut(p))
			CHECK(strstr(tune_player_error(p), "cut off") != NULL || rc);
		tune_player_close(p);
	}
	unlink(path);
	free(path);
}

static void bad_lines(void)
{
	static const struct {
		const char *line;
		int rc;
	} rows[] = {
		{ "", 0 },
		{ "# a comment", 0 },
		{ "p 0 what ksmtop knows is not looked at", 0 },
		{ "n", 0 },
		{ "s 5 page=4095", -EPROTO },
		{ "s x", -EPROTO },
		{ "a run=1 later=5", 0 },
		{ "a run=x", -EPROTO },
		{ "a run", -EPROTO },
		{ "b anything", 0 },
		{ "k", -EPROTO },
		{ "k %0", -EPROTO },
		{ "k %00", -EPROTO },
		{ "k %1B%5B1m", 0 },
		{ "k 0123456789012345678901234567890123456789012345678901234567890123456789", 0 },
		{ "o", 0 },
		{ "o run=1 pages_to_scan=!", 0 },
		{ "o advisor_mode=9", -EPROTO },
		{ "o =1", -EPROTO },
		{ "e", 1 },
		{ "k x", -EPROTO },
		{ "o run=1", -EPROTO },
		{ "e", -EPROTO },
		{ "p 1", 0 },
	};
	struct ksm_record r = { 0 };
	struct tune_sample out;

	CHECK_INT(tune_sample_line(&r, "ksmtop-record 1\n", 16, &out), 0);
	CHECK_INT(tune_sample_line(&r, "s 1\n", 4, &out), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].line);
		CHECK_INT(tune_sample_line(&r, rows[i].line, strlen(rows[i].line), &out),
			  rows[i].rc);
	}
	CHECK_STR(out.kick, "012345678901234567890123456789012345678901234567890123456789012");
	CHECK_UINT(r.line, ARRAY_SIZE(rows) + 2);
}

/* What a file may have that is no line: the message tells where it is. */
static void bad_files(void)
{
	static char big[KSM_RECORD_LINE_MAX + 64];
	static const char zero[] = "ksmtop-record 1\ns 1\na run\0=1\ne\n";
	static const struct {
		const char *text;
		size_t len;
		const char *says;
	} rows[] = {
		{ "", 0, "line 1: not a recording" },
		{ "\x7f" "ELF", 4, "line 1: not a recording" },
		{ "ksmtop-record 2\n", 16, "line 1: not a recording" },
		{ zero, sizeof(zero) - 1, "line 3: a zero byte" },
		{ "ksmtop-record 1\n\n\ns 1 page=3\n", 29, "line 4: bad value of page" },
		{ big, sizeof(big), "line 2: too long" },
	};
	char *path = temp_file();

	memset(big, 'x', sizeof(big));
	memcpy(big, two, 16);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_player *p = NULL;
		struct tune_sample out;

		tap_row("%s", rows[i].says);
		put(path, rows[i].text, rows[i].len);
		CHECK_INT(tune_player_open(path, 1, &p), 0);
		CHECK_INT(tune_player_next(p, &out), -EPROTO);
		CHECK(strstr(tune_player_error(p), rows[i].says) == tune_player_error(p));
		tune_player_close(p);
	}
	unlink(path);
	free(path);
}

static void dumps(void)
{
	const char *src = getenv("KSM_SRCDIR");
	struct str path __cleanup_str = STR_INIT;
	struct tune_player *p = NULL;
	struct tune_sample s = { 0 };
	unsigned int n = 0;
	int rc;

	str_addf(&path, "%s/tests/data/seq-boost", src);
	CHECK_INT(tune_player_open(str_get(&path), 1, &p), 0);
	while ((rc = tune_player_next(p, &s)) == 1) {
		tap_row("%u", n);
		CHECK_UINT(s.stats.when_ns, 1000000000000 + 2000000000ULL * n++);
		CHECK(s.k && !s.begins && !s.acts && !s.kicked);
	}
	CHECK_INT(rc, 0);
	CHECK_UINT(n, 4);
	tune_player_close(p);

	str_add(&path, "/2");
	CHECK_INT(tune_player_open(str_get(&path), 1, &p), 0);
	CHECK_INT(tune_player_next(p, &s), 1);
	CHECK_UINT(s.stats.when_ns, 1004000000000);
	CHECK_INT(tune_player_next(p, &s), 0);
	tune_player_close(p);

	CHECK_INT(tune_player_open("/nowhere", 1, &p), -ENOENT);
	CHECK_INT(tune_player_open(src, 1, &p), -ENOENT);
	CHECK(!p);
	str_reset(&path);
	str_addf(&path, "%s/tests/data/no-ksm", src);
	CHECK_INT(tune_player_open(str_get(&path), 1, &p), 0);
	CHECK_INT(tune_player_next(p, &s), -EOPNOTSUPP);
	tune_player_close(p);
}

/* A daemon that waited for a reader would not look any more. */
static void into_what(void)
{
	struct tune_recorder *r = NULL;
	char *path = temp_file();

	CHECK_INT(unlink(path), 0);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(tune_recorder_open(path, &r), -EINVAL);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(tune_recorder_open("/", &r), -EISDIR);
	CHECK_INT(tune_recorder_open("/nowhere/file", &r), -ENOENT);
	CHECK_INT(tune_recorder_open("/dev/null", &r), 0);
	CHECK_INT(tune_recorder_close(r), 0);
	CHECK_INT(tune_recorder_close(NULL), 0);
	free(path);
}

TAP_MAIN(TAP_CASE(round_trip), TAP_CASE(cut_off), TAP_CASE(bad_lines), TAP_CASE(bad_files),
	 TAP_CASE(dumps), TAP_CASE(into_what))
