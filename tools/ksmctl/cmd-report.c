// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-report.c - ksmctl report: one page of text for a ticket, put together of what
 * status, doctor and procs print.  It names nobody: users have numbers of this page, and
 * processes that of the system.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"

#define GROUPS_SHOWN 5

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ .key = CLI_KEY_BY, .help = "show groups of this kind, with their names" },
	{ 0 },
};
const struct cli_cmd ctl_cmd_report = {
	.name = "ksmctl report",
	.synopsis = synopsis,
	.about = "Print one page for a ticket: versions, state, settings, findings, and who merges\n"
		 "most.  No user, program or guest is named, unless --by asks for it.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static void heading(const char *text)
{
	printf("\n%s\n\n", text);
}

static void line(const char *name, const char *text)
{
	printf("%-10s %s\n", name, text);
}

static void print_system(struct ctl *ctl)
{
	static const char *const modes[] = { "never", "madvise", "always" };
	struct str text __cleanup_str = STR_INIT, clean __cleanup_str = STR_INIT;
	struct ksm_around around;
	struct ksm_engine engine;
	char size[32];

	ksm_engine_read(ctl->k, &engine);
	ksm_around_read(ctl->k, &around);
	line("ksm-utils", PACKAGE_VERSION);
	str_addf(&text, "Linux %s, pages of %s", *engine.release ? engine.release : "(not known)",
		 cli_bytes(size, sizeof(size), ksm_page_size(ctl->k), false));
	if (ksm_present(ctl->k) != KSM_ABSENT)
		str_addf(&text, ", engine %s", engine.name);
	if (!ksm_is_live(ctl->k))
		str_add(&text, ", from a dump");
	/* The release of a dump is whatever is written there. */
	cli_safe(&clean, str_get(&text), (size_t)-1);
	line("kernel", str_get(&clean));
	str_reset(&text);
	str_add(&text, ksm_fig_has(around.thp) ? modes[around.thp.v] : "-");
	if (ksm_fig_has(around.max_ptes_none))
		str_addf(&text, ", max_ptes_none %lld", (long long)around.max_ptes_none.v);
	line("huge pages", str_get(&text));
}

static void print_memory(const struct ksm_stats *s)
{
	char all[32], free_size[32];

	if (ksm_fig_has(s->mem_total_bytes) && ksm_fig_has(s->mem_available_bytes))
		printf("%-10s %s, %s available\n", "memory",
		       cli_bytes(all, sizeof(all), s->mem_total_bytes.v, false),
		       cli_bytes(free_size, sizeof(free_size), s->mem_available_bytes.v, false));
}

static void print_settings(const struct ksm_stats *s)
{
	char text[KSM_ATTR_TEXT_MAX];

	ksm_for_each_attr(id) {
		const struct ksm_attr_info *in = ksm_attr_info(id);
		struct str clean __cleanup_str = STR_INIT;

		if (in->kind != KSM_KIND_KNOB || s->attr[id].state == KSM_ABSENT)
			continue;
		if (s->attr[id].state == KSM_VALUE)
			cli_safe(&clean, ksm_attr_format(id, &s->attr[id], text, sizeof(text)),
				 (size_t)-1);
		printf("%s %s\n", in->name, clean.len ? str_get(&clean) : "denied");
	}
}

/* In place of their names: root is the same one everywhere, others are counted. */
static void hide_names(struct ctl_groups *groups)
{
	size_t n = 0;
	char text[32];

	for (size_t i = 0; i < groups->n; i++) {
		struct ctl_group *g = &groups->v[i];

		if (!strcmp(g->key, "root") || !strcmp(g->key, "0"))
			snprintf(text, sizeof(text), "root");
		else
			snprintf(text, sizeof(text), "user %zu", ++n);
		free(g->key);
		g->key = xstrdup(text);
	}
}

/* 0, or -errno when it could not be printed. */
static int print_groups(struct ctl *ctl, enum ksm_group by, bool names, const struct ksm_stats *s)
{
	const struct ksm_proc **procs;
	struct ctl_groups groups;
	struct ctl_crowd crowd;
	const void *rows[GROUPS_SHOWN];
	size_t n = 0;
	int rc = 0;

	ctl_crowd_read(ctl, CTL_CROWD_WHO | CTL_CROWD_OWNER, &crowd);
	procs = xcalloc(crowd.n, sizeof(*procs));
	for (size_t i = 0; i < crowd.n; i++)
		if (ksm_member_in(crowd.v[i].member))
			procs[n++] = &crowd.v[i];
	ctl_groups_make(ctl, by, procs, n, s, &groups);
	if (!names)
		hide_names(&groups);
	n = MIN(groups.n, (size_t)GROUPS_SHOWN);
	for (size_t i = 0; i < n; i++)
		rows[i] = &groups.v[i];
	if (crowd.rc)
		cli_warn(0, "cannot list processes: %s", ksm_list_why(crowd.rc));
	else if (!n)
		printf("none that can be read\n");
	else
		rc = cli_table_print("groups", ctl_group_columns, rows, n, &ctl->table);
	if (groups.n > n)
		printf("and %zu more\n", groups.n - n);
	ctl_groups_free(&groups);
	free(procs);
	ctl_crowd_free(&crowd);
	return rc;
}

int ctl_report(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	enum ksm_group by = KSM_GROUP_USER;
	struct str title __cleanup_str = STR_INIT;
	struct ksm_stats stats;
	bool names = false;
	int key, rc, failed;

	while ((key = cli_opts_next(&p, &ctl_cmd_report)) != -1) {
		if (key == CLI_KEY_BY) {
			by = ctl_group_by(p.arg);
			names = true;
		} else {
			ctl_option(ctl, key, p.arg);
		}
	}
	ctl_no_operands(&p, argv);
	ctl_open(ctl);
	print_system(ctl);
	/* That there is none is what the ticket is about. */
	ctl_need_ksm(ctl);
	failed = ctl_stats(ctl, &stats);
	print_memory(&stats);
	heading("State");
	ctl_status_print(ctl);
	heading("Settings");
	print_settings(&stats);
	heading("Findings");
	ctl_doctor_print(ctl, names);
	str_addf(&title, "Mergeable processes by %s", ksm_group_name(by));
	heading(str_get(&title));
	rc = print_groups(ctl, by, names, &stats);
	return rc ? ctl_printed(rc) : failed ? CLI_PARTIAL : CLI_OK;
}
