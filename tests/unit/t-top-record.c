// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of ksmtop's two files: recordings (what goes in comes out; what is cut
 * off or made to harm does not get far) and settings.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "root.h"
#include "tap.h"

/* --- recordings --- */

static void take_root(const char *name, struct sample *out)
{
	struct top t = { 0 };
	struct sampler *s;

	t.k = root_open(name);
	CHECK_INT(top_sampler_new(&t, &s), 0);
	/* The sampler does not speak: a dump has no process events, and that is told once. */
	CHECK_INT(top_sampler_deaf(s), -EOPNOTSUPP);
	CHECK_INT(top_sampler_deaf(s), 0);
	CHECK_INT(top_sample_take(s, out), 0);
	top_sampler_free(s);
	ksm_close(t.k);
}

static void same_text(const char *a, const char *b, const char *what)
{
	tap_str(a ? a : "", b ? b : "", what, __FILE__, __LINE__);
}

static void same_sample(const struct sample *a, const struct sample *b)
{
	CHECK_UINT(a->stats.when_ns, b->stats.when_ns);
	CHECK_UINT(a->stats.page_size, b->stats.page_size);
	CHECK_INT(a->present, b->present);
	CHECK_UINT(a->clock_tick, b->clock_tick);
	CHECK_INT(a->uptime_ns.v, b->uptime_ns.v);
	ksm_for_each_attr(id) {
		tap_row("%s", ksm_attr_info(id)->name);
		CHECK_INT(a->stats.attr[id].state, b->stats.attr[id].state);
		if (a->stats.attr[id].state == KSM_VALUE) {
			CHECK_INT(a->stats.attr[id].v, b->stats.attr[id].v);
			if (a->stats.attr[id].v < 0)
				CHECK_STR(a->stats.attr[id].text, b->stats.attr[id].text);
		}
	}
	tap_row("figures");
	CHECK(!memcmp(&a->stats.cow_ksm, &b->stats.cow_ksm,
		      sizeof(a->stats) - offsetof(struct ksm_stats, cow_ksm)));
	CHECK_UINT(a->n_hidden, b->n_hidden);
	CHECK_UINT(a->n_gone, b->n_gone);
	if (!CHECK_UINT(a->n_procs, b->n_procs))
		return;
	for (size_t i = 0; i < a->n_procs; i++) {
		tap_row("pid %d", (int)a->procs[i].p.pid);
		CHECK(!memcmp(&a->procs[i].p.ksm, &b->procs[i].p.ksm, sizeof(a->procs[i].p.ksm)));
		CHECK_STR(a->procs[i].p.comm, b->procs[i].p.comm);
		CHECK_UINT(a->procs[i].p.start_ticks, b->procs[i].p.start_ticks);
		CHECK_UINT(a->procs[i].p.rss_pages, b->procs[i].p.rss_pages);
		CHECK_INT(a->procs[i].p.member, b->procs[i].p.member);
		CHECK_INT(a->procs[i].p.ppid, b->procs[i].p.ppid);
		CHECK_UINT(a->procs[i].p.uid, b->procs[i].p.uid);
		CHECK_INT(a->procs[i].p.state, b->procs[i].p.state);
		CHECK_INT(a->procs[i].unseen_bytes.state, b->procs[i].unseen_bytes.state);
		CHECK_INT(a->procs[i].unseen_bytes.v, b->procs[i].unseen_bytes.v);
		CHECK_INT(a->procs[i].named, b->procs[i].named);
		same_text(a->procs[i].user, b->procs[i].user, "user");
		same_text(a->procs[i].command, b->procs[i].command, "command");
		same_text(a->procs[i].cgroup, b->procs[i].cgroup, "cgroup");
		same_text(a->procs[i].vm, b->procs[i].vm, "vm");
	}
}

static char *temp_file(void)
{
	static const char template[] = "/tmp/t-top-record.XXXXXX";
	char *path = strdup(template);
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	return path;
}

static void round_trip(void)
{
	static const char *const names[] = { "6.12-busy", "7.3-hksm", "hostile", "garbage",
					     "5.15-old", "arm64-16k", "no-ksm", "6.1" };
	char *path = temp_file();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct sample in = { 0 }, out = { 0 };
		struct recorder *r = NULL;
		struct player *p = NULL;

		take_root(names[i], &in);
		CHECK_INT(top_sample_add_gone(&in, 77), 0);
		in.n_hidden = 3;
		if (in.n_procs)
			in.procs[0].unseen_bytes = KSM_FIG(4096);
		CHECK_INT(top_recorder_open(path, &r), 0);
		CHECK_INT(top_recorder_add(r, &in), 0);
		CHECK_INT(top_recorder_add(r, &in), 0);
		CHECK_INT(top_recorder_close(r), 0);
		CHECK_INT(top_player_open(path, &p), 0);
		for (int n = 0; n < 2; n++) {
			tap_row("%s", names[i]);
			if (CHECK_INT(top_player_next(p, &out), 1))
				same_sample(&in, &out);
		}
		CHECK_INT(top_player_next(p, &out), 0);
		top_player_close(p);
		top_sample_fini(&in);
		top_sample_fini(&out);
	}
	unlink(path);
	free(path);
}

/* At every length: whole samples come out, then it ends; never an error. */
static void cut_off(void)
{
	struct sample in = { 0 }, out = { 0 };
	struct recorder *r = NULL;
	char *path = temp_file(), *text;
	FILE *f;
	long len;

	take_root("7.3-hksm", &in);
	CHECK_INT(top_recorder_open(path, &r), 0);
	CHECK_INT(top_recorder_add(r, &in), 0);
	CHECK_INT(top_recorder_close(r), 0);
	f = fopen(path, "re");
	text = calloc(1, 1 << 20);
	len = (long)fread(text, 1, 1 << 20, f);
	fclose(f);
	CHECK(len > 1000);
	for (long cut = 0; cut < len; cut += cut < 60 ? 1 : 17) {
		struct player *p = NULL;
		int rc;

		tap_row("%ld", cut);
		f = fopen(path, "we");
		fwrite(text, 1, (size_t)cut, f);
		fclose(f);
		rc = top_player_open(path, &p);
		if (rc)
			CHECK(rc == -EPROTO && cut < 17);
		else
			CHECK_INT(top_player_next(p, &out), 0);
		top_player_close(p);
	}
	free(text);
	top_sample_fini(&in);
	top_sample_fini(&out);
	unlink(path);
	free(path);
}

/* The figures of the system that no root of ours has in all states. */
static void pressure(void)
{
	static const char *const lines[] = {
		"ksmtop-record 1\n", "s 1 some_us=48213977 full_us=17640021\n", "e\n",
		"s 2 some_us=. full_us=!\n", "e\n", "s 3 full_us=7\n", "e\n",
	};
	static const struct {
		struct ksm_fig some, full;
	} want[] = {
		{ { KSM_VALUE, 48213977 }, { KSM_VALUE, 17640021 } },
		{ { .state = KSM_OFF }, { .state = KSM_DENIED } },
		{ { .state = KSM_ABSENT }, { KSM_VALUE, 7 } },
	};
	struct ksm_record r;
	struct sample out = { 0 };
	size_t n = 0;

	top_record_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		tap_row("%s", lines[i]);
		if (!CHECK(top_record_line(&r, lines[i], strlen(lines[i]), &out) == (*lines[i] == 'e')))
			break;
		if (*lines[i] != 'e')
			continue;
		CHECK_INT(out.stats.psi_some_us.state, want[n].some.state);
		CHECK_INT(out.stats.psi_some_us.v, want[n].some.v);
		CHECK_INT(out.stats.psi_full_us.state, want[n].full.state);
		CHECK_INT(out.stats.psi_full_us.v, want[n++].full.v);
	}
	top_sample_fini(&out);
}

static void bad_lines(void)
{
	static const struct {
		const char *line;
		int rc;
	} rows[] = {
		{ "", 0 },
		{ "# a comment", 0 },
		{ "future records are left out", 0 },
		{ "z 1 2 3", 0 },
		{ "s 5 later=thing page=4096", 0 },
		{ "s", -EPROTO },
		{ "s -1", -EPROTO },
		{ "s 18446744073709551616", -EPROTO },
		{ "s 1 page=0", -EPROTO },
		{ "s 1 page=4095", -EPROTO },
		{ "s 1 page", -EPROTO },
		{ "s 1 =5", -EPROTO },
		{ "s 1 tick=0", -EPROTO },
		{ "s 1 wall=-5", -EPROTO },
		{ "s 1 present=9", -EPROTO },
		{ "s 1 uptime=-1", -EPROTO },
		{ "s 1 uptime=!", 0 },
		{ "a run=1 pages_shared=5 unknown_file=99", 0 },
		{ "a run=", -EPROTO },
		{ "a run=99", 0 },
		{ "a advisor_mode=2", -EPROTO },
		{ "a advisor_mode=-1", 0 },
		{ "a advisor_mode=-2", -EPROTO },
		{ "a advisor_mode=? some%20word", 0 },
		{ "a advisor_mode=?", -EPROTO },
		{ "a advisor_mode=? %00", -EPROTO },
		{ "a pages_shared=x", -EPROTO },
		{ "a run", -EPROTO },
		{ "p", -EPROTO },
		{ "p 0", -EPROTO },
		{ "p 2147483648", -EPROTO },
		{ "p 5 member=77 state=S comm= x", 0 },
		{ "n 5 a b c d", 0 },
		{ "n 5 a b c d", -EPROTO },		/* twice */
		{ "p 6 state=SS", -EPROTO },
		{ "p 6 comm=", -EPROTO },
		{ "p 6 comm= %4", -EPROTO },
		{ "p 6 comm= %1b", -EPROTO },
		{ "p 6 items=1x", -EPROTO },
		{ "p 6 items=! zero=. merging=-", 0 },
		{ "n 7 a b c d", -EPROTO },
		{ "n 6 a b c", -EPROTO },
		{ "g 1 2 x", -EPROTO },
		{ "g 1 2 3", 0 },
		{ "e", 1 },
		{ "p 5", -EPROTO },			/* outside of a sample */
		{ "e", -EPROTO },
	};
	struct ksm_record r;
	struct sample out = { 0 };

	top_record_init(&r);
	CHECK_INT(top_record_line(&r, "ksmtop-record 1\n", 16, &out), 0);
	CHECK_INT(top_record_line(&r, "s 1\n", 4, &out), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].line);
		CHECK_INT(top_record_line(&r, rows[i].line, strlen(rows[i].line), &out),
			  rows[i].rc);
	}
	CHECK_UINT(r.line, ARRAY_SIZE(rows) + 2);
	CHECK(strstr(r.error, "line ") == r.error);
	CHECK_INT(top_record_line(&r, "s \0 1", 5, &out), -EPROTO);
	top_record_init(&r);
	CHECK_INT(top_record_line(&r, "ksmtop-record 2", 15, &out), -EPROTO);
	top_sample_fini(&out);
}

static void dumps(void)
{
	struct str path __cleanup_str = STR_INIT;
	struct sample s = { 0 };
	struct player *p = NULL;
	int n = 0, rc;

	str_addf(&path, "%s/tests/data/seq-boost", getenv("KSM_SRCDIR"));
	CHECK_INT(top_player_open(str_get(&path), &p), 0);
	while ((rc = top_player_next(p, &s)) == 1) {
		tap_row("%d", n);
		CHECK_UINT(s.stats.when_ns, 1000000000000 + 2000000000ULL * (unsigned int)n);
		CHECK_UINT(s.n_procs, 3);
		n++;
	}
	CHECK_INT(rc, 0);
	CHECK_INT(n, 4);
	top_player_close(p);
	CHECK_INT(top_player_open("/nowhere", &p), -ENOENT);
	CHECK_INT(top_player_open("/tmp", &p), -EPROTO);
	top_sample_fini(&s);
}

/* --- settings --- */

static void config_lines(struct top_config *c, const char *const *lines)
{
	top_config_init(c);
	for (; *lines; lines++)
		top_config_line(c, *lines, strlen(*lines));
	top_config_finish(c);
}

static void config(void)
{
	static const char *const lines[] = {
		"# comment", "", "  interval   500ms  ", "sort -profit", "tree yes", "group unit",
		"members yes", "ascii yes", "color no", "graph blocks", "columns pid,profit,command",
		NULL,
	};
	struct str text __cleanup_str = STR_INIT, again __cleanup_str = STR_INIT;
	struct top_config c, d;
	char *line, *rest;

	config_lines(&c, lines);
	CHECK_UINT(c.bad, 0);
	CHECK_UINT(c.interval_ns, 500000000);
	CHECK(c.table.sort == TOP_COL_PROFIT && c.table.reverse);
	/* Not both. */
	CHECK(!c.table.tree && c.table.group == KSM_GROUP_UNIT);
	CHECK(c.table.members && c.ascii && c.no_color);
	CHECK(c.graph == TOP_GRAPH_BLOCKS);
	CHECK(c.table.shown[TOP_COL_PID] && c.table.shown[TOP_COL_PROFIT] &&
	      !c.table.shown[TOP_COL_RSS]);
	/* What is written is read as the same. */
	CHECK_INT(top_config_format(&c, &text), 0);
	top_config_init(&d);
	rest = text.s;
	while ((line = strsep(&rest, "\n")))
		top_config_line(&d, line, strlen(line));
	top_config_finish(&d);
	CHECK_UINT(d.bad, 0);
	CHECK_INT(top_config_format(&d, &again), 0);
	CHECK(!memcmp(&c.table, &d.table, sizeof(c.table)));
	CHECK_UINT(d.interval_ns, c.interval_ns);
	CHECK(d.graph == c.graph);
}

static void config_bad(void)
{
	static const char *const lines[] = {
		"interval", "interval 0", "interval 1ms", "interval 2h", "interval x", "sort nothing",
		"sort", "sort -", "tree maybe", "group herd", "members 1", "ascii", "color blue",
		"graph pie", "graph",
		"columns pid,nothing", "columns ", "columns", "of a later version", "\x1b[2J",
		NULL,
	};
	struct top_config c, fresh;

	config_lines(&c, lines);
	top_config_init(&fresh);
	CHECK_UINT(c.bad, ARRAY_SIZE(lines) - 1);
	CHECK(!memcmp(&c.table, &fresh.table, sizeof(c.table)));
	CHECK_UINT(c.interval_ns, fresh.interval_ns);
	top_config_line(&c, "tree yes\0", 9);
	CHECK(!c.table.tree);
}

TAP_MAIN(TAP_CASE(round_trip), TAP_CASE(cut_off), TAP_CASE(pressure), TAP_CASE(bad_lines), TAP_CASE(dumps),
	 TAP_CASE(config), TAP_CASE(config_bad))
