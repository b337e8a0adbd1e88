// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-engine.c - ksmctl engine: which engine merges, and what it can do; and the
 * command line of load and unload (engine-change.c).
 *
 * What the kernel has is found by looking; a version is only told beside it.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ksmctl/engine.h"
#include "ksmctl/ksmctl.h"

/* What there is to know of the kernel, of which a row looks at one part. */
struct seen {
	struct ksm_caps caps;
	struct ksm_engine engine;
	struct ksm_around around;
	struct ksm_value attr[__KSM_ATTR_N];
	bool garbled[__KSM_ATTR_N];	/* there, with something that is no value */
};

enum source { ATTR, ABILITY };

/* What only hksm has is not here: all of it is shown, as the table of attributes has it. */
static const struct feature {
	enum source source;
	size_t at;		/* ATTR: which; else the offset of a bool in struct seen */
	const char *name;	/* NULL: the attribute's */
	const char *since;	/* NULL: the attribute's */
	const char *help;	/* NULL: the attribute's */
} features[] = {
	{ ATTR, KSM_ATTR_USE_ZERO_PAGES, NULL, NULL,
	  "merges pages full of zeroes with the kernel's zero page" },
	{ ATTR, KSM_ATTR_MERGE_ACROSS_NODES, NULL, NULL,
	  "can keep NUMA nodes apart (CONFIG_NUMA)" },
	{ ATTR, KSM_ATTR_MAX_PAGE_SHARING, NULL, NULL,
	  "limits how many pages share one copy" },
	{ ATTR, KSM_ATTR_SMART_SCAN, NULL, NULL,
	  "skips pages that did not merge before" },
	{ ATTR, KSM_ATTR_ADVISOR_MODE, NULL, NULL,
	  "can choose pages_to_scan itself, for a wanted time of a pass" },
	{ ATTR, KSM_ATTR_GENERAL_PROFIT, NULL, NULL,
	  "tells the profit" },
	{ ABILITY, offsetof(struct seen, caps.ksm_stat), "ksm_stat", "6.1",
	  "tells figures of each process (/proc/PID/ksm_stat)" },
	{ ABILITY, offsetof(struct seen, caps.prctl), "prctl", "6.4",
	  "takes all memory of a process that asks (PR_SET_MEMORY_MERGE)" },
	{ ABILITY, offsetof(struct seen, caps.prctl_exec), "prctl_exec", "6.7",
	  "goes on after that process has called exec" },
	{ ABILITY, offsetof(struct seen, caps.hksm), "hksm/process", "hksm",
	  "tells in ksm_stat what each process costs" },
};

struct row {
	struct feature f;
	bool has;
	enum ksm_state state;	/* of the value */
	char value[KSM_ATTR_TEXT_MAX];
};

static void get_name(const void *row, struct cli_cell *out)
{
	const struct feature *f = &((const struct row *)row)->f;

	out->str = f->name ? f->name : ksm_attr_info(f->at)->name;
}

static void get_has(const void *row, struct cli_cell *out)
{
	out->num = ((const struct row *)row)->has;
}

static void get_value(const void *row, struct cli_cell *out)
{
	const struct row *r = row;

	out->state = r->state == KSM_DENIED ? CLI_DENIED :
		     r->state == KSM_VALUE ? CLI_VALUE : CLI_ABSENT;
	out->str = r->value;
}

static void get_since(const void *row, struct cli_cell *out)
{
	const struct feature *f = &((const struct row *)row)->f;

	out->str = f->since ? f->since : ksm_attr_info(f->at)->since;
}

static void get_help(const void *row, struct cli_cell *out)
{
	const struct feature *f = &((const struct row *)row)->f;

	out->str = f->help ? f->help : ksm_attr_info(f->at)->help;
}

static const struct cli_col columns[] = {
	{ .name = "NAME", .help = "what it is called there", .get = get_name },
	{ .name = "HAS", .help = "whether this engine has it", .kind = CLI_BOOL, .get = get_has },
	{ .name = "VALUE", .help = "setting or figure in force", .get = get_value },
	{ .name = "SINCE", .help = "first kernel that has it, or hksm", .get = get_since },
	{ .name = "HELP", .help = "what the engine does", .wrap = true, .get = get_help },
	{ 0 },
};

static void engine_help(FILE *out)
{
	cli_table_help(columns, out);
}

static const char *const synopsis[] = { "[options]", "[options] load [FILE]",
					"[options] unload", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'f' },
	{ .key = 'N', .help = "only tell how much memory a change needs" },
	{ .key = CLI_KEY_TIMEOUT },
	{ 0 },
};
const struct cli_cmd ctl_cmd_engine = {
	.name = "ksmctl engine",
	.synopsis = synopsis,
	.about = "Show which engine merges, ksm (mm/ksm.c) or hksm, and what it can do.\n"
		 "load puts hksm, a module, into the running kernel in place of mm/ksm.c, and\n"
		 "unload takes it out; both give every process its own pages first.",
	.opts = opts,
	.more = cli_table_options,
	.common = cli_common_options,
	.see = "ksmctl(8)",
	.extra = engine_help,
};

/* All there is to know, in the order in which it is shown; how many. */
static size_t rows_list(struct row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		rows[n++] = (struct row){ .f = features[i] };
	ksm_for_each_attr(id)
		if (ksm_attr_is_hksm(id))
			rows[n++] = (struct row){ .f = { .source = ATTR, .at = id } };
	return n;
}

/* 0, or an exit status after messages about files that could not be read. */
static int look(struct ctl *ctl, const struct row *rows, size_t n, struct seen *out)
{
	int failed = CLI_OK;

	ksm_caps_read(ctl->k, &out->caps);
	ksm_engine_read(ctl->k, &out->engine);
	ksm_around_read(ctl->k, &out->around);
	for (size_t i = 0; i < n; i++) {
		const size_t id = rows[i].f.at;
		int rc = rows[i].f.source == ATTR ?
				 ksm_attr_read(ctl->k, id, &out->attr[id]) : 0;

		if (!rc)
			continue;
		cli_error(rc, "%s: cannot read", ksm_errpath(ctl->k));
		out->garbled[id] = true;
		failed = CLI_PARTIAL;
	}
	return failed;
}

static void row_fill(const struct seen *s, struct row *out)
{
	const size_t at = out->f.at;

	out->state = KSM_ABSENT;
	if (out->f.source == ABILITY) {
		out->has = *(const bool *)((const char *)s + at);
		return;
	}
	out->state = s->attr[at].state;
	out->has = out->state != KSM_ABSENT || s->garbled[at];
	ksm_attr_format(at, &s->attr[at], out->value, sizeof(out->value));
}

/* In JSON; nothing where the kernel was built with its engine. */
static const char *const module_names[] = {
	[KSM_MODULE_COMES] = "comes",
	[KSM_MODULE_IN] = "in",
	[KSM_MODULE_GOES] = "goes",
	[KSM_MODULE_OUT] = "out",
};

static void print_name(const struct seen *s)
{
	struct str release __cleanup_str = STR_INIT;

	cli_safe(&release, s->engine.release, (size_t)-1);
	printf("engine %s", s->engine.name);
	if (s->engine.module != KSM_MODULE_NONE)
		printf(", a module");
	if (release.len)
		printf(", Linux %s", str_get(&release));
	if (ksm_fig_has(s->around.uksm_run))
		printf("; beside it uksm");
	printf("\n");
}

static int print_json(const struct seen *s, const void *const *rows, size_t n)
{
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_str(j, "engine", s->engine.name);
	cli_json_str(j, "module", module_names[s->engine.module]);
	cli_json_str(j, "release", s->engine.release[0] ? s->engine.release : NULL);
	cli_json_bool(j, "uksm", ksm_fig_has(s->around.uksm_run));
	cli_json_rows(j, "features", columns, rows, n);
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

/* While tasks are changed over there are no files to look at. */
static int print_change(struct ctl *ctl, const struct seen *s)
{
	const bool on = s->engine.module == KSM_MODULE_COMES;
	char who[64];

	if (ctl->table.format == CLI_JSON)
		return print_json(s, NULL, 0) ? CLI_FAIL : CLI_OK;
	ctl_engine_awaited(ctl, on, who, sizeof(who));
	printf("changing over to %s, which waits for %s\n", on ? "hksm" : "ksm", who);
	return CLI_OK;
}

static int show(struct ctl *ctl)
{
	struct row rows[ARRAY_SIZE(features) + __KSM_ATTR_N];
	const void *ptrs[ARRAY_SIZE(rows)];
	const size_t n = rows_list(rows);
	struct seen s = { 0 };
	int rc, failed;

	cli_table_check(columns, &ctl->table);
	ctl_open(ctl);
	ksm_engine_read(ctl->k, &s.engine);
	if (s.engine.module == KSM_MODULE_COMES || s.engine.module == KSM_MODULE_GOES)
		return print_change(ctl, &s);
	ctl_need_ksm(ctl);
	failed = look(ctl, rows, n, &s);
	for (size_t i = 0; i < n; i++) {
		row_fill(&s, &rows[i]);
		ptrs[i] = &rows[i];
	}
	if (ctl->table.format == CLI_JSON)
		return print_json(&s, ptrs, n) ? CLI_FAIL : failed;
	if (ctl->table.format == CLI_TEXT && !ctl->table.noheadings)
		print_name(&s);
	rc = cli_table_print("features", columns, ptrs, n, &ctl->table);
	return rc ? ctl_printed(rc) : failed;
}

int ctl_engine(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ctl_change change = { 0 };
	bool asked = false;
	const char *verb;
	int key, n;

	while ((key = cli_opts_next(&p, &ctl_cmd_engine)) != -1) {
		asked |= key == 'f' || key == 'N' || key == CLI_KEY_TIMEOUT;
		if (key == 'f')
			change.force = true;
		else if (key == 'N')
			change.dry = true;
		else if (key == CLI_KEY_TIMEOUT)
			change.timeout_ns = ctl_duration("--timeout", p.arg);
		else
			ctl_option(ctl, key, p.arg);
	}
	argv += p.ind;
	n = argc - p.ind;
	if (!n && asked)
		cli_usage_error("engine: --force, --dry-run and --timeout are for load and unload");
	if (!n)
		return show(ctl);
	verb = argv[0];
	if (!strcmp(verb, "load") && n <= 2) {
		change.file = argv[1];
		return ctl_engine_load(ctl, &change);
	}
	if (!strcmp(verb, "unload") && n == 1)
		return ctl_engine_unload(ctl, &change);
	cli_usage_error("engine: %s: expects load, load FILE or unload", verb);
}
