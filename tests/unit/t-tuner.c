// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tuner.c - the note on the running daemon: both ways, from anybody, and whose it is.
 */
#include "libksm/tuner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libksm/internal.h"
#include "libksm/run.h"
#include "root.h"
#include "tap.h"

static struct ksm_tuner t;

static void fill(struct ksm_tuner *to)
{
	*to = (struct ksm_tuner){
		.id = { .pid = 1234, .start_ticks = 99 },
		.dry = true,
		.since_s = 1700000000,
		.decided_s = 1700000060,
		.next_s = 1700000070,
		.due_ns = UINT64_C(5000000001),
		.cpu = 0.0825,
		.need = true,
		.settled = true,
		.price_ms = 7.317,
		.available_pct = 11.25,
		.some_pct = 0,
		.full_pct = -1,
		.breaks_s = 1234.5,
		.pass_saved_bytes = -4096,
		.pass_cpu_ms = 300,
		.reason = "scan at 8 % of a CPU: 11 % available < 20 % = low",
		.n_rules = 2,
		.rule = { { "guests", 40, 38, 1, 1, INT64_C(1) << 33, 1 << 20, 2 },
			  { "a b", 0, 0, 0, 0, INT64_MIN, INT64_MAX, 0 } },
	};
	CHECK_INT(ksm_attr_parse(KSM_ATTR_RUN, "1", &to->want.value[KSM_ATTR_RUN]), 0);
	CHECK_INT(ksm_attr_parse(KSM_ATTR_ADVISOR_MODE, "scan-time",
				 &to->want.value[KSM_ATTR_ADVISOR_MODE]), 0);
}

static const char filled[] =
	"pid=1234\n"
	"start=99\n"
	"dry=1\n"
	"since=1700000000\n"
	"decided=1700000060\n"
	"next=1700000070\n"
	"due_ns=5000000001\n"
	"cpu_pct=8.250\n"
	"need=1\n"
	"settled=1\n"
	"price_ms=7.317\n"
	"available_pct=11.250\n"
	"some_pct=0.000\n"
	"breaks_s=1234.500\n"
	"pass_saved_bytes=-4096\n"
	"pass_cpu_ms=300\n"
	"reason=scan at 8 % of a CPU: 11 % available < 20 % = low\n"
	"want.run=1\n"
	"want.advisor_mode=scan-time\n"
	"rule=guests\n"
	"processes=40\n"
	"advised=38\n"
	"waits=1\n"
	"left=1\n"
	"saved_bytes=8589934592\n"
	"meta_bytes=1048576\n"
	"users=2\n"
	"rule=a b\n"
	"processes=0\n"
	"advised=0\n"
	"waits=0\n"
	"left=0\n"
	"saved_bytes=-9223372036854775808\n"
	"meta_bytes=9223372036854775807\n"
	"users=0\n";

static void both_ways(void)
{
	struct str text __cleanup_str = STR_INIT;
	struct ksm_tuner want;

	fill(&want);
	CHECK_INT(ksm_tuner_format(&want, &text), 0);
	CHECK_STR(str_get(&text), filled);
	if (!CHECK_INT(ksm_tuner_parse(filled, sizeof(filled) - 1, &t), 0))
		return;
	CHECK_INT(t.id.pid, 1234);
	CHECK_UINT(t.id.start_ticks, 99);
	CHECK(t.dry && t.need && t.settled && !t.alive);
	CHECK_INT(t.since_s, want.since_s);
	CHECK_INT(t.decided_s, want.decided_s);
	CHECK_INT(t.next_s, want.next_s);
	CHECK_UINT(t.due_ns, want.due_ns);
	CHECK(t.cpu > 0.08249 && t.cpu < 0.08251);
	CHECK(t.price_ms > 7.3169 && t.price_ms < 7.3171);
	CHECK(t.available_pct == 11.25 && t.some_pct == 0 && t.full_pct < 0);
	CHECK(t.breaks_s == 1234.5);
	CHECK_INT(t.pass_saved_bytes, -4096);
	CHECK_INT(t.pass_cpu_ms, 300);
	CHECK_STR(t.reason, want.reason);
	CHECK(!memcmp(&t.want, &want.want, sizeof(t.want)));
	CHECK_UINT(t.n_rules, 2);
	CHECK(!memcmp(t.rule, want.rule, sizeof(t.rule)));
}

/* What cannot be written as it is becomes something that can be read. */
static void odd_values(void)
{
	struct str text __cleanup_str = STR_INIT;
	struct ksm_tuner odd = {
		.id = { .pid = 1, .start_ticks = 0 },
		.cpu = -0.5,
		.price_ms = 1e300,
		.available_pct = 1e12,
		.some_pct = -1e-9,
		.full_pct = -1e300,
		.breaks_s = -1,
		.reason = "two\nlines\tand a bell\a",
		.n_rules = KSM_TUNER_RULES + 5,
	};

	for (size_t i = 0; i < KSM_TUNER_RULES; i++)
		memset(odd.rule[i].name, 'x', sizeof(odd.rule[i].name) - 1);
	snprintf(odd.rule[0].name, sizeof(odd.rule[0].name), "%s", "a\nb=c");
	CHECK_INT(ksm_tuner_format(&odd, &text), 0);
	if (!CHECK_INT(ksm_tuner_parse(str_get(&text), text.len, &t), 0))
		return;
	CHECK(t.cpu == 0);
	CHECK(t.price_ms == 1e12 && t.available_pct == 1e12);
	CHECK(t.some_pct < 0 && t.full_pct < 0 && t.breaks_s < 0);
	CHECK_STR(t.reason, "two lines and a bell ");
	CHECK_UINT(t.n_rules, KSM_TUNER_RULES);
	CHECK_STR(t.rule[0].name, "a b=c");
	CHECK_STR(t.rule[1].name, odd.rule[1].name);
}

static void texts(void)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "pid=1\nstart=2\n", 0 },
		/* of a later version */
		{ "pid=1\nstart=2\nwant.advisor_mode=frequency\n", 0 },
		{ "pid=1\nstart=2\nnovel=x\nwant.novel=7\nrule=a\nnovel=y\n", 0 },
		/* a reason may hold anything, and nothing */
		{ "pid=1\nstart=2\nreason=a=b\n", 0 },
		{ "pid=1\nstart=2\nreason=\n", 0 },
		/* keys of a rule before any, and of the daemon behind one, are unknown there */
		{ "processes=x\npid=1\nstart=2\nrule=a\nneed=x\n", 0 },
		{ "", -EPROTO },
		{ "\n", -EPROTO },
		/* cut off */
		{ "pid=1\nstart=2", -EPROTO },
		{ "pid=1\n", -EPROTO },
		{ "start=2\n", -EPROTO },
		{ "pid=1\nstart=2\n\n", -EPROTO },
		{ "pid=1\nstart=2\nneed\n", -EPROTO },
		/* not of their kind */
		{ "pid=0\nstart=2\n", -EPROTO },
		{ "pid=-1\nstart=2\n", -EPROTO },
		{ "pid=4294967297\nstart=2\n", -EPROTO },
		{ "pid=1\nstart=18446744073709551615\n", -EPROTO },
		{ "pid=1\nstart=18446744073709551614\n", -EPROTO },
		{ "pid=1\nstart=18446744073709551616\n", -EPROTO },
		{ "pid=1\nstart=2\nneed=2\n", -EPROTO },
		{ "pid=1\nstart=2\nneed=yes\n", -EPROTO },
		{ "pid=1\nstart=2\ncpu_pct=nan\n", -EPROTO },
		{ "pid=1\nstart=2\ncpu_pct=-1\n", -EPROTO },
		{ "pid=1\nstart=2\nbreaks_s=1e9\n", -EPROTO },
		{ "pid=1\nstart=2\nbreaks_s=1000000000001\n", -EPROTO },
		{ "pid=1\nstart=2\nsince=9223372036854775808\n", -EPROTO },
		{ "pid=1\nstart=2\nwant.run=x\n", -EPROTO },
		{ "pid=1\nstart=2\nwant.advisor_mode=\n", -EPROTO },
		{ "pid=1\nstart=2\nwant.advisor_mode=[x]\n", -EPROTO },
		{ "pid=1\nstart=2\nwant.full_scans=1\n", -EPROTO },
		{ "pid=1\nstart=2\nrule=a\nprocesses=4294967296\n", -EPROTO },
		{ "pid=1\nstart=2\nrule=a\nprocesses=\n", -EPROTO },
	};
	static const char nul[] = "pid=1\nstart=2\nreason=a\0b\n";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu: %s", i, rows[i].text);
		CHECK_INT(ksm_tuner_parse(rows[i].text, strlen(rows[i].text), &t), rows[i].rc);
	}
	tap_row("NUL");
	CHECK_INT(ksm_tuner_parse(nul, sizeof(nul) - 1, &t), -EPROTO);
}

static void lengths(void)
{
	struct str text __cleanup_str = STR_INIT;

	str_add(&text, "pid=1\nstart=2\nreason=");
	for (int i = 0; i < 5000; i++)
		str_addc(&text, 'r');
	str_addc(&text, '\n');
	for (int i = 0; i < KSM_TUNER_RULES + 2; i++) {
		str_add(&text, "rule=");
		for (int j = 0; j < 100; j++)
			str_addc(&text, 'n');
		str_addf(&text, "\nprocesses=%d\n", i);
	}
	if (!CHECK_INT(ksm_tuner_parse(str_get(&text), text.len, &t), 0))
		return;
	CHECK_UINT(strlen(t.reason), KSM_TUNER_WHY_MAX - 1);
	CHECK_UINT(t.n_rules, KSM_TUNER_RULES);
	CHECK_UINT(strlen(t.rule[0].name), KSM_TUNER_NAME_MAX - 1);
	/* The rules for which there is no room leave the last one alone. */
	CHECK_UINT(t.rule[KSM_TUNER_RULES - 1].processes, KSM_TUNER_RULES - 1);
}

#define NOTE "run/ksm-autotune/decision"

static void of_a_dump(void)
{
	struct root r;
	struct ksm *k;

	root_new(&r);
	k = root_handle(&r);
	CHECK_INT(ksm_tuner_read(k, &t), -ENOENT);
	root_put(&r, NOTE, filled);
	CHECK_INT(ksm_tuner_read(k, &t), 0);
	CHECK_STR(t.reason, "scan at 8 % of a CPU: 11 % available < 20 % = low");
	CHECK(!t.alive);
	root_put(&r, "proc/1234/stat",
		 "1234 (ksm-autotune) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n");
	CHECK_INT(ksm_tuner_read(k, &t), 0);
	CHECK(t.alive);
	/* another has its number; it has ended and was not waited for */
	root_put(&r, "proc/1234/stat",
		 "1234 (other) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 98 0 0\n");
	CHECK(!ksm_tuner_read(k, &t) && !t.alive);
	root_put(&r, "proc/1234/stat",
		 "1234 (ksm-autotune) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n");
	CHECK(!ksm_tuner_read(k, &t) && !t.alive);
	/* whoever unpacked a dump may have any umask */
	root_chmod(&r, NOTE, 0666);
	CHECK_INT(ksm_tuner_read(k, &t), 0);
	root_put(&r, NOTE, "pid=1\n");
	CHECK_INT(ksm_tuner_read(k, &t), -EPROTO);
	CHECK_STR(ksm_errmsg(k), "read /" NOTE ": Protocol error");
	ksm_close(k);
	root_free(&r);
}

/* It hangs, when its next look is overdue by more than a minute and two intervals. */
static void overdue(void)
{
	static const struct {
		uint64_t due_s;		/* of a dump taken at second 1000 */
		int64_t decided, next;
		bool runs;
		int64_t late;
	} rows[] = {
		{ 999, 100, 110, true, 0 },
		{ 1001, 100, 110, true, 0 },
		{ 940, 100, 110, true, 0 },
		{ 939, 100, 110, true, 61 },
		{ 939, 100, 130, true, 0 },
		{ 938, 100, 130, true, 62 },
		{ 1, 100, 110, true, 999 },
		{ 1, 100, 110, false, 0 },
		/* of an older version; of one that has no interval; of nobody */
		{ 0, 100, 110, true, 0 },
		{ 900, 110, 100, true, 100 },
		{ 900, INT64_MIN, INT64_MAX, true, 0 },
		{ 900, INT64_MAX, INT64_MIN, true, 100 },
	};
	char text[256];
	struct root r;
	struct ksm *k;

	root_new(&r);
	root_put(&r, "meta", "page_size 4096\nwhen_ns 1000000000000\n");
	root_put(&r, "proc/1234/stat",
		 "1234 (ksm-autotune) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n");
	k = root_handle(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", i);
		snprintf(text, sizeof(text), "pid=1234\nstart=%d\ndecided=%" PRId64 "\nnext=%" PRId64
			 "\ndue_ns=%" PRIu64 "000000000\n", rows[i].runs ? 99 : 98, rows[i].decided,
			 rows[i].next, rows[i].due_s);
		root_put(&r, NOTE, text);
		CHECK_INT(ksm_tuner_read(k, &t), 0);
		CHECK_INT(t.alive, rows[i].runs);
		CHECK_INT(t.late_s, rows[i].late);
	}
	ksm_close(k);
	root_free(&r);
}

static void too_long(void)
{
	struct str text __cleanup_str = STR_INIT;
	struct root r;
	struct ksm *k;

	str_add(&text, "pid=1\nstart=2\n");
	while (text.len <= 64 << 10)
		str_add(&text, "unknown=0123456789\n");
	root_new(&r);
	root_put_mem(&r, NOTE, str_get(&text), text.len);
	k = root_handle(&r);
	CHECK_INT(ksm_tuner_read(k, &t), -EFBIG);
	ksm_close(k);
	root_free(&r);
}

/* As the running system is read: who else could have written it? */
static void whose(void)
{
	struct root r;
	struct ksm *k;

	root_new(&r);
	root_put(&r, NOTE, filled);
	k = root_handle(&r);
	k->live = true;
	CHECK_INT(ksm_tuner_read(k, &t), 0);
	root_chmod(&r, NOTE, 0664);
	CHECK_INT(ksm_tuner_read(k, &t), -EPERM);
	root_chmod(&r, NOTE, 0646);
	CHECK_INT(ksm_tuner_read(k, &t), -EPERM);
	root_link(&r, "other", NOTE);
	root_put(&r, "run/ksm-autotune/other", filled);
	CHECK_INT(ksm_tuner_read(k, &t), -EPERM);
	root_rm(&r, NOTE);
	/* reading a directory's note must not wait, nor one of a pipe */
	root_put(&r, NOTE "/x", "");
	CHECK_INT(ksm_tuner_read(k, &t), -EPERM);
	ksm_close(k);
	root_free(&r);
}

static void of_another(void)
{
	struct root r;
	struct ksm *k;

	if (geteuid()) {
		tap_skip("needs root, to have a file of somebody else");
		return;
	}
	root_new(&r);
	root_put(&r, NOTE, filled);
	k = root_handle(&r);
	k->live = true;
	if (root_unpriv(&r)) {
		CHECK_INT(ksm_tuner_read(k, &t), 0);
		root_priv();
		CHECK_INT(ksm_tuner_read(k, &t), -EPERM);
	} else {
		tap_skip("cannot become somebody else");
	}
	root_priv();
	ksm_close(k);
	root_free(&r);
}

#define STAT(comm, state) "700 (" comm ") " state " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 50 8192000 99\n"
#define OWNER(uid) "Name:\tx\nTgid:\t700\nUid:\t" uid "\t" uid "\t" uid "\t" uid "\n"

/* Only root's ksmtuned is one that can set anything. */
static void rival(void)
{
	static const struct {
		const char *stat, *status;
		int rc;
	} rows[] = {
		{ STAT("ksmtuned", "S"), OWNER("0"), 0 },
		{ STAT("ksmtuned", "S"), OWNER("1000"), -ENOENT },
		{ STAT("ksmtuned", "Z"), OWNER("0"), -ENOENT },
		{ STAT("ksmtuned2", "S"), OWNER("0"), -ENOENT },
		{ STAT("ksm-autotune", "S"), OWNER("0"), -ENOENT },
		/* nothing tells whose it is */
		{ STAT("ksmtuned", "S"), "Name:\tx\n", -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_proc p;
		struct root r;
		struct ksm *k;

		tap_row("%zu", i);
		root_new(&r);
		root_put(&r, "proc/700/stat", rows[i].stat);
		root_put(&r, "proc/700/status", rows[i].status);
		k = root_handle(&r);
		CHECK_INT(ksm_tuner_rival(k, &p), rows[i].rc);
		if (!rows[i].rc)
			CHECK_INT(p.pid, 700);
		ksm_close(k);
		root_free(&r);
	}
}

static unsigned int mode_of(const struct root *r, const char *path)
{
	char file[512];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s", r->dir, path);
	return stat(file, &st) ? 0 : st.st_mode & 07777;
}

/* What a daemon with the closest of masks writes is there for everybody to read. */
static void written(void)
{
	const mode_t before = umask(022);
	struct ksm_tuner say;
	char dir[512];
	struct root r;
	struct ksm *k;
	int fd;

	root_new(&r);
	root_put(&r, "run/other", "");
	snprintf(dir, sizeof(dir), "%s/run/ksm-autotune", r.dir);
	umask(077);
	fd = ksm_tuner_dir(dir);
	if (!CHECK(fd >= 0))
		goto out;
	CHECK_INT(mode_of(&r, "run/ksm-autotune"), 0755);
	fill(&say);
	CHECK_INT(ksm_tuner_write(fd, &say), 0);
	snprintf(say.reason, sizeof(say.reason), "another");
	CHECK_INT(ksm_tuner_write(fd, &say), 0);
	/* what is the daemon's alone lies beside it */
	CHECK_INT(ksm_run_write(fd, "found", "x\n", 2), 0);
	umask(before);
	CHECK_INT(mode_of(&r, NOTE), 0644);
	CHECK_INT(mode_of(&r, "run/ksm-autotune/found"), 0600);
	close(fd);
	k = root_handle(&r);
	k->live = true;
	CHECK_INT(ksm_tuner_read(k, &t), 0);
	CHECK_STR(t.reason, "another");
	/* one that was there is opened again, and made right */
	root_chmod(&r, "run/ksm-autotune", 0700);
	fd = ksm_tuner_dir(dir);
	CHECK(fd >= 0);
	CHECK_INT(mode_of(&r, "run/ksm-autotune"), 0755);
	close(fd);
	/* but not one in which others could have written */
	root_chmod(&r, "run/ksm-autotune", 0775);
	CHECK_INT(ksm_tuner_dir(dir), -EPERM);
	ksm_close(k);
out:
	root_free(&r);
}

TAP_MAIN(TAP_CASE(both_ways), TAP_CASE(odd_values), TAP_CASE(texts), TAP_CASE(lengths),
	 TAP_CASE(of_a_dump), TAP_CASE(overdue), TAP_CASE(too_long), TAP_CASE(whose), TAP_CASE(of_another),
	 TAP_CASE(rival), TAP_CASE(written))
