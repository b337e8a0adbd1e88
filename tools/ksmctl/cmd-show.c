// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-show.c - ksmctl list and get: the attributes as the kernel gives them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"

struct row {
	enum ksm_attr id;
	struct ksm_value value;
	char text[KSM_ATTR_TEXT_MAX];
};

static enum cli_state cell_state(enum ksm_state s)
{
	return s == KSM_DENIED ? CLI_DENIED : s == KSM_ABSENT ? CLI_ABSENT : CLI_VALUE;
}

static void get_name(const void *row, struct cli_cell *out)
{
	out->str = ksm_attr_info(((const struct row *)row)->id)->name;
}

static void get_value(const void *row, struct cli_cell *out)
{
	const struct row *r = row;

	out->state = cell_state(r->value.state);
	out->str = r->text;
}

static void get_unit(const void *row, struct cli_cell *out)
{
	const struct row *r = row;

	out->str = ksm_unit_name(ksm_attr_info(r->id)->unit);
	if (!*out->str)
		out->state = CLI_ABSENT;
}

static void get_kind(const void *row, struct cli_cell *out)
{
	static const char *const kinds[] = { [KSM_KIND_KNOB] = "knob",
					     [KSM_KIND_GAUGE] = "gauge",
					     [KSM_KIND_COUNTER] = "counter" };

	out->str = kinds[ksm_attr_info(((const struct row *)row)->id)->kind];
}

static void get_writable(const void *row, struct cli_cell *out)
{
	out->num = ksm_attr_info(((const struct row *)row)->id)->kind == KSM_KIND_KNOB;
}

static void get_range(const void *row, struct cli_cell *out)
{
	static char range[KSM_ATTR_TEXT_MAX];
	const struct row *r = row;

	if (ksm_attr_info(r->id)->kind == KSM_KIND_KNOB)
		out->str = ksm_attr_range(r->id, range, sizeof(range));
	else
		out->state = CLI_ABSENT;
}

static void get_since(const void *row, struct cli_cell *out)
{
	out->str = ksm_attr_info(((const struct row *)row)->id)->since;
}

static void get_help(const void *row, struct cli_cell *out)
{
	out->str = ksm_attr_info(((const struct row *)row)->id)->help;
}

static const struct cli_col columns[] = {
	{ .name = "NAME", .help = "name of the file", .get = get_name },
	{ .name = "VALUE", .help = "value in force", .get = get_value },
	{ .name = "UNIT", .help = "unit of the value", .get = get_unit },
	{ .name = "KIND", .help = "knob, gauge or counter (in text not by default)",
	  .no_text = true, .get = get_kind },
	{ .name = "WRITABLE", .help = "whether it can be set (in text not by default)",
	  .kind = CLI_BOOL, .no_text = true, .get = get_writable },
	{ .name = "SINCE", .help = "first kernel that has it, or hksm (in text not by default)",
	  .no_text = true, .get = get_since },
	{ .name = "RANGE", .help = "what may be written", .hidden = true, .get = get_range },
	{ .name = "HELP", .help = "what it means", .wrap = true, .get = get_help },
	{ 0 },
};

static void list_help(FILE *out)
{
	cli_table_help(columns, out);
}

static const char *const list_synopsis[] = { "[options]", NULL };
const struct cli_cmd ctl_cmd_list = {
	.name = "ksmctl list",
	.synopsis = list_synopsis,
	.about = "List every attribute of /sys/kernel/mm/ksm.",
	.more = cli_table_options,
	.common = cli_common_options,
	.see = "ksmctl(8)",
	.extra = list_help,
};

int ctl_list(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct row rows[__KSM_ATTR_N];
	const void *ptrs[__KSM_ATTR_N];
	int key, rc, failed = 0;
	size_t n = 0;

	while ((key = cli_opts_next(&p, &ctl_cmd_list)) != -1)
		ctl_option(ctl, key, p.arg);
	ctl_no_operands(&p, argv);
	cli_table_check(columns, &ctl->table);
	ctl_open_ksm(ctl);
	ksm_for_each_attr(id) {
		struct row *r = &rows[n];

		r->id = id;
		rc = ksm_attr_read(ctl->k, id, &r->value);
		if (rc) {
			cli_error(rc, "%s: cannot read", ksm_errpath(ctl->k));
			failed = 1;
		} else if (ksm_attr_is_foreign(id, r->value.state)) {
			continue;
		}
		ksm_attr_format(id, &r->value, r->text, sizeof(r->text));
		ptrs[n++] = r;
	}
	rc = cli_table_print("attributes", columns, ptrs, n, &ctl->table);
	if (rc)
		return ctl_printed(rc);
	return failed ? CLI_PARTIAL : CLI_OK;
}

enum ksm_attr ctl_attr(const char *name)
{
	const char *known[__KSM_ATTR_N], *near[3];
	struct str hint __cleanup_str = STR_INIT;
	int id = ksm_attr_find(name);
	size_t n;

	if (id >= 0)
		return id;
	ksm_for_each_attr(i)
		known[i] = ksm_attr_info(i)->name;
	n = cli_nearest(name, known, __KSM_ATTR_N, near, ARRAY_SIZE(near));
	for (size_t i = 0; i < n; i++)
		str_addf(&hint, "%s%s", i ? ", " : " (did you mean: ", near[i]);
	str_add(&hint, n ? ")" : " (see: ksmctl list)");
	cli_die(CLI_USAGE, 0, "%s: unknown attribute%s", name, str_get(&hint));
}

void ctl_attr_missing(struct ctl *ctl, enum ksm_attr id, enum ksm_state state)
{
	const struct ksm_attr_info *in = ksm_attr_info(id);

	if (state == KSM_DENIED)
		cli_die(CLI_FAIL, 0, "%s: permission denied (%s)", in->name,
			ksm_right_hint(ctl->k, KSM_RIGHT_SETTINGS));
	if (ksm_attr_is_hksm(id)) {
		struct ksm_caps caps;

		ksm_caps_read(ctl->k, &caps);
		cli_die(CLI_UNSUPPORTED, 0, "%s: this kernel does not have "
			"/sys/kernel/mm/ksm/%s (%s)", in->name, in->name,
			caps.hksm ? "a later hksm has" : "its engine is ksm, and only hksm has");
	}
	/* NUMA decides on this one as well: mm/ksm.c has it under CONFIG_NUMA. */
	cli_die(CLI_UNSUPPORTED, 0,
		"%s: this kernel does not have /sys/kernel/mm/ksm/%s (since Linux %s%s)", in->name,
		in->name, in->since,
		id == KSM_ATTR_MERGE_ACROSS_NODES ? ", with CONFIG_NUMA" : "");
}

static const char *const get_synopsis[] = { "[options] NAME...", NULL };
static const struct cli_opt get_opts[] = {
	{ .key = 'J' },
	{ 0 },
};
const struct cli_cmd ctl_cmd_get = {
	.name = "ksmctl get",
	.synopsis = get_synopsis,
	.about = "Print the values of attributes, one in each line, in the given order.",
	.opts = get_opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static void get_json(struct cli_json *j, enum ksm_attr id, const struct ksm_value *v)
{
	const struct ksm_attr_info *in = ksm_attr_info(id);
	char text[KSM_ATTR_TEXT_MAX];

	if (in->type == KSM_TYPE_CHOICE)
		cli_json_str(j, in->name, ksm_attr_format(id, v, text, sizeof(text)));
	else
		cli_json_num(j, in->name, v->v);
}

int ctl_get(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_value values[__KSM_ATTR_N];
	struct cli_json *j = NULL;
	char text[KSM_ATTR_TEXT_MAX];
	int key, rc;

	while ((key = cli_opts_next(&p, &ctl_cmd_get)) != -1)
		ctl_option(ctl, key, p.arg);
	if (p.ind == argc)
		cli_usage_error("get: no attribute named (see: ksmctl list)");
	for (int i = p.ind; i < argc; i++)
		ctl_attr(argv[i]);
	ctl_open_ksm(ctl);
	/* All are read before any is printed: a script gets all or nothing. */
	for (int i = p.ind; i < argc; i++) {
		enum ksm_attr id = ctl_attr(argv[i]);

		rc = ksm_attr_read(ctl->k, id, &values[id]);
		if (rc)
			cli_die(CLI_FAIL, rc, "%s: cannot read", argv[i]);
		if (values[id].state != KSM_VALUE)
			ctl_attr_missing(ctl, id, values[id].state);
	}
	if (ctl->table.format == CLI_JSON) {
		j = cli_json_new();
		cli_json_open(j, NULL, '{');
	}
	for (int i = p.ind; i < argc; i++) {
		enum ksm_attr id = ctl_attr(argv[i]);

		if (j)
			get_json(j, id, &values[id]);
		else
			printf("%s\n", ksm_attr_format(id, &values[id], text, sizeof(text)));
	}
	if (j) {
		cli_json_print(j, stdout);
		cli_json_free(j);
	}
	return CLI_OK;
}
