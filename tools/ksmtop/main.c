// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksmtop: the options, which of them go together, and the choice
 * between the screen and batch output.
 *
 * Order of choices: what is built in, the settings file, the command line.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmtop/ksmtop.h"
#include "ksmtop/ui.h"
#include "util/num.h"

enum {
	KEY_RECORD = CLI_OPT_LONG,
	KEY_REPLAY,
	KEY_SPEED,
	KEY_NO_COLOR,
	KEY_ASCII,
	KEY_BYTES,
};

enum { FORMAT = 1 };

static const char *const synopsis[] = { "[options]", "-b|-J|--csv [options]", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'i' },
	{ 'd', "delay", NULL, NULL, 0, 'i' },
	{ .key = 'p' },
	{ .key = 'u' },
	{ .key = CLI_KEY_MATCH },
	{ .key = CLI_KEY_CGROUP },
	{ .key = CLI_KEY_TREE },
	{ .key = CLI_KEY_SORT,
	  .help = "sort by a column; -COLUMN: largest first; +COLUMN: smallest first" },
	{ .key = CLI_KEY_BY },
	{ KEY_NO_COLOR, "no-color", NULL, "use no colours", 0, 0 },
	{ KEY_ASCII, "ascii", NULL, "draw with ASCII characters only", 0, 0 },
	{ 'b', "batch", NULL, "print samples instead of drawing a screen", 0, 0 },
	{ .key = 'J', .help = "batch: print each sample as one JSON object on a line", .excl = FORMAT },
	{ .key = CLI_KEY_CSV,
	  .help = "batch: print comma-separated values, a line for each process", .excl = FORMAT },
	{ .key = 'c', .help = "batch: end after N samples" },
	{ .key = 'a', .help = "batch: also processes without mergeable memory" },
	{ .key = 'o', .help = "batch: columns to print; +LIST adds to the default ones" },
	{ KEY_BYTES, "bytes", NULL, "batch: print sizes in bytes", 0, 0 },
	{ .key = 'n', .help = "batch: print no headings" },
	{ KEY_RECORD, "record", "FILE", "write all samples into FILE as well", 0, 0 },
	{ KEY_REPLAY, "replay", "FILE", "show the samples of FILE, or of dumps in a directory",
	  0, 0 },
	{ KEY_SPEED, "speed", "X", "replay X times as fast; 0: without waiting", 0, 0 },
	{ 0 },
};

static void print_more(FILE *out)
{
	struct str keys __cleanup_str = STR_INIT;

	fputs("Columns:\n", out);
	for (int id = 0; id < __TOP_COL_N; id++)
		fprintf(out, "  %-9s %s\n", top_column(id)->col.name, top_column(id)->col.help);
	fputs("\nKeys:\n", out);
	ui_key_help_text(&keys);
	fputs(str_get(&keys), out);
}

static const struct cli_cmd cmd = {
	.name = "ksmtop",
	.synopsis = synopsis,
	.about = "Watch the kernel's samepage merging: what it saves and what it costs.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmtop(1)",
	.extra = print_more,
};

/* What a command line says beside struct top itself. */
struct given {
	bool interval, sort, group, speed;
	struct top_config config;	/* the file, before it was overridden */
	const char *batch_only;	/* an option that only batch output has */
};

static uint64_t parse_interval(const char *text)
{
	uint64_t ns;

	if (num_duration(text, &ns))
		cli_usage_error("--interval: %s: not a duration (say 500ms, 2, 1.5m)", text);
	if (ns < TOP_INTERVAL_MIN_NS || ns > TOP_INTERVAL_MAX_NS)
		cli_usage_error("--interval: %s: 100ms to 1h", text);
	return ns;
}

static double parse_speed(const char *text)
{
	double x;

	if (num_factor(text, &x) || x > 1e6)
		cli_usage_error("--speed: %s: not a factor of 0 to 1000000", text);
	return x;
}

static void parse_sort(struct top *t, const char *text)
{
	const char sign = *text == '-' || *text == '+' ? *text : 0;
	const int id = top_column_find(text + !!sign);

	if (id < 0)
		cli_usage_error("--sort: %s: no such column (see --help)", text + !!sign);
	t->model.table.sort = id;
	/* Without a sign as on the screen, where the largest figures stand on top. */
	t->model.table.reverse = sign && (sign == '-') == top_column(id)->ascending;
}

static void parse_group(struct top *t, const char *text)
{
	const int g = ksm_group_find(text);
	char names[128];

	if (g < 0)
		cli_usage_error("--by: %s: not a way to group (%s)", text,
				ksm_group_names(KSM_GROUP_COMM, names, sizeof(names)));
	t->model.table.group = g;
	t->model.table.tree = false;
}

static void option(struct top *t, struct given *g, int key, const char *arg)
{
	switch (key) {
	case 'i':
		t->interval_ns = parse_interval(arg);
		g->interval = true;
		break;
	case 'p':
		cli_pids(arg, &t->pids, &t->sel.n_pids);
		t->sel.pids = t->pids;
		break;
	case 'u':
		t->sel.user = arg;
		break;
	case CLI_KEY_MATCH:
		t->sel.match = arg;
		break;
	case CLI_KEY_CGROUP:
		t->sel.cgroup = arg;
		break;
	case CLI_KEY_TREE:
		t->sel.tree = true;
		break;
	case CLI_KEY_SORT:
		parse_sort(t, arg);
		g->sort = true;
		break;
	case CLI_KEY_BY:
		parse_group(t, arg);
		g->group = true;
		break;
	case KEY_NO_COLOR:
		t->no_color = true;
		break;
	case KEY_ASCII:
		t->ascii = true;
		break;
	case 'b':
		t->batch = true;
		break;
	case 'J':
		t->batch = true;
		t->out.format = CLI_JSON;
		break;
	case CLI_KEY_CSV:
		t->batch = true;
		t->out.format = CLI_CSV;
		break;
	case 'c':
		if (num_u64(arg, &t->count) || !t->count)
			cli_usage_error("--count: %s: not a number of samples", arg);
		g->batch_only = "--count";
		break;
	case 'a':
		t->all = true;
		g->batch_only = "--all";
		break;
	case 'o':
		t->out.columns = arg;
		g->batch_only = "--output";
		break;
	case KEY_BYTES:
		t->out.bytes = true;
		g->batch_only = "--bytes";
		break;
	case 'n':
		t->out.noheadings = true;
		g->batch_only = "--noheadings";
		break;
	case KEY_RECORD:
		t->record = arg;
		break;
	case KEY_REPLAY:
		t->replay = arg;
		break;
	case KEY_SPEED:
		t->speed = parse_speed(arg);
		g->speed = true;
		break;
	default:
		cli_common_option(key, arg, &t->sysroot);
	}
}

/* Combinations that mean nothing. */
static void check(struct top *t, const struct given *g)
{
	if (g->batch_only && !t->batch)
		cli_usage_error("%s: only with -b, -J or --csv", g->batch_only);
	if (g->speed && !t->replay)
		cli_usage_error("--speed: only with --replay");
	if (t->replay && t->sysroot)
		cli_usage_error("--replay: not with --sysroot");
	if (t->replay && top_selects(t))
		cli_usage_error("--replay: no processes can be selected: it shows what was recorded");
	/* A file is played through as fast as it can be printed. */
	if (!g->speed)
		t->speed = t->batch ? 0 : 1;
}

static void log_line(void *arg __unused, enum ksm_log area __unused, const char *line)
{
	cli_log(line);
}

static void open_live(struct top *t)
{
	const char *debug = getenv("KSM_DEBUG");
	int rc = ksm_open(t->sysroot, &t->k);

	if (rc)
		cli_die(CLI_FAIL, 0, "%s: cannot open: %s", t->sysroot ? t->sysroot : "/proc",
			ksm_open_why(t->sysroot, rc));
	/* Lines of a log would spoil a screen. */
	if (debug && t->batch)
		ksm_set_log(t->k, log_line, NULL, ksm_log_parse(debug));
	t->readonly = !ksm_is_live(t->k);
	if (t->batch && ksm_present(t->k) == KSM_ABSENT)
		cli_die(CLI_UNSUPPORTED, 0,
			"/sys/kernel/mm/ksm: this kernel has no KSM "
			"(it needs Linux 2.6.32 or later with CONFIG_KSM, and /sys mounted)");
	/* A dump does not change: once is enough for a program. */
	if (t->readonly && t->batch && !t->count)
		t->count = 1;
	if (!t->readonly)
		(void)ksm_caps_read(t->k, &t->caps);
	rc = top_sampler_new(t, &t->sampler);
	if (rc)
		cli_die(CLI_FAIL, rc, "cannot begin to sample");
	rc = top_sampler_deaf(t->sampler);
	if (rc)
		cli_note("no process events (%s): /proc is read instead", cli_strerror(rc));
}

/* The end when no such process is there; else how many of the named ones are not. */
static size_t check_selection(struct top *t)
{
	struct ksm_ident *ids __cleanup_free = NULL;
	size_t n, missing = 0;
	char why[256] = "";
	int rc = ksm_select_run(t->k, &t->sel, &ids, &n, why, sizeof(why));

	cli_selected(rc, why, n);
	for (size_t i = 0; i < n; i++) {
		if (ids[i].start_ticks != KSM_START_NONE)
			continue;
		if (++missing == n)
			cli_die(CLI_FAIL, -ESRCH, "%d: cannot read", (int)ids[i].pid);
		cli_error(-ESRCH, "%d: cannot read", (int)ids[i].pid);
		/* The screen comes over it. */
		top_say(t, TOP_BAD, "%d: cannot read: %s", (int)ids[i].pid, cli_strerror(-ESRCH));
	}
	return missing;
}

static void open_source(struct top *t)
{
	int rc;

	if (t->replay) {
		t->readonly = true;
		rc = top_player_open(t->replay, &t->player);
		if (rc)
			cli_die(CLI_FAIL, rc == -EPROTO ? 0 : rc, "%s: %s", t->replay,
				rc == -EPROTO ? "not a recording of ksmtop" : "cannot open");
	} else {
		open_live(t);
	}
	if (!t->record)
		return;
	rc = top_recorder_open(t->record, &t->recorder);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot open", t->record);
}

/* What was given on the command line stays. */
static void config_to(struct top *t, struct given *g)
{
	const struct top_table was = t->model.table;
	struct top_config *c = &g->config;
	int rc;

	top_config_init(c);
	rc = top_config_load(c);
	if (rc)
		cli_warn(rc, "settings: cannot read");
	if (!g->interval)
		t->interval_ns = c->interval_ns;
	t->ascii |= c->ascii;
	t->no_color |= c->no_color;
	t->graph = c->graph;
	t->model.table = c->table;
	if (g->sort) {
		t->model.table.sort = was.sort;
		t->model.table.reverse = was.reverse;
	}
	if (g->group) {
		t->model.table.group = was.group;
		t->model.table.tree = false;
	}
}

static void config_from(const struct top *t, struct given *g)
{
	int rc;

	g->config.interval_ns = t->interval_ns;
	g->config.graph = t->graph;
	g->config.table = t->model.table;
	rc = top_config_save(&g->config);
	if (rc && rc != -ENOENT)
		cli_warn(rc, "settings: cannot write");
}

static int finish(struct top *t, struct given *g, int code)
{
	int rc = top_recorder_close(t->recorder);

	if (rc) {
		cli_error(rc, "%s: cannot write", t->record);
		code = CLI_FAIL;
	}
	if (t->changed)
		config_from(t, g);
	if (t->view->free)
		t->view->free(t);
	top_player_close(t->player);
	top_sampler_free(t->sampler);
	top_detail_fini(&t->detail);
	top_model_fini(&t->model);
	ksm_close(t->k);
	free(t->pids);
	return code;
}

int main(int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct top *t = xcalloc(1, sizeof(*t));
	struct given g = { 0 };
	size_t missing;
	int key, code;

	cli_init("ksmtop");
	top_model_init(&t->model);
	t->interval_ns = UINT64_C(1000000000);
	while ((key = cli_opts_next(&p, &cmd)) != -1)
		option(t, &g, key, p.arg);
	cli_no_operands(&p, &cmd);
	check(t, &g);
	t->view = t->batch ? &top_view_batch : &top_view_curses;
	/* Scripts depend on nothing but their options. */
	if (t->batch)
		t->model.table.members = !t->all && !t->sel.n_pids;
	else
		config_to(t, &g);
	open_source(t);
	missing = top_selects(t) ? check_selection(t) : 0;
	code = top_loop(t);
	code = finish(t, &g, code ?: missing ? CLI_PARTIAL : CLI_OK);
	free(t);
	return code;
}
