// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * show.c - what the daemon decided and why, for people and as JSON.
 */
#include <stdio.h>
#include <string.h>

#include "cli/xalloc.h"
#include "ksm-autotune/autotune.h"
#include "util/num.h"

/* --- tables --- */

static const struct ksm_tuner_rule *rule_of(const void *row)
{
	return row;
}

static void get_rule_name(const void *row, struct cli_cell *out)
{
	out->str = rule_of(row)->name;
}

static void get_rule_procs(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->processes;
}

static void get_rule_advised(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->advised;
}

static void get_rule_waits(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->waits;
}

static void get_rule_left(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->left;
}

static void get_rule_saved(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->saved_bytes;
}

static void get_rule_meta(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->meta_bytes;
}

static void get_rule_users(const void *row, struct cli_cell *out)
{
	out->num = rule_of(row)->users;
}

static const struct cli_col rule_cols[] = {
	{ .name = "RULE", .help = "its name", .kind = CLI_STR, .get = get_rule_name },
	{ .name = "PROCESSES", .help = "that it matches", .kind = CLI_NUM, .get = get_rule_procs },
	{ .name = "ADVISED", .help = "of these, by the daemon", .kind = CLI_NUM,
	  .get = get_rule_advised },
	{ .name = "WAITS", .help = "to be sampled, or for a cool-down", .kind = CLI_NUM,
	  .get = get_rule_waits },
	{ .name = "LEFT", .help = "to themselves, or to others", .kind = CLI_NUM,
	  .get = get_rule_left },
	{ .name = "SAVED", .help = "by those that were advised", .kind = CLI_BYTES,
	  .get = get_rule_saved },
	{ .name = "METADATA", .help = "that the kernel keeps for these", .kind = CLI_BYTES,
	  .get = get_rule_meta },
	{ .name = "USERS", .help = "to whom those that were advised belong", .kind = CLI_NUM,
	  .get = get_rule_users },
	{ 0 },
};

static const struct tune_told_proc *proc_of(const void *row)
{
	return row;
}

static void get_pid(const void *row, struct cli_cell *out)
{
	out->num = proc_of(row)->id.pid;
}

static void get_rule(const void *row, struct cli_cell *out)
{
	out->str = proc_of(row)->rule;
}

static void get_state(const void *row, struct cli_cell *out)
{
	out->str = proc_of(row)->state;
}

static void get_since(const void *row, struct cli_cell *out)
{
	out->num = proc_of(row)->since_s;
}

static void get_reason(const void *row, struct cli_cell *out)
{
	out->str = proc_of(row)->reason;
}

static const struct cli_col proc_cols[] = {
	{ .name = "PID", .help = "its number", .kind = CLI_NUM, .get = get_pid },
	{ .name = "RULE", .help = "that matches it", .kind = CLI_STR, .get = get_rule },
	{ .name = "STATE", .help = "waits, sampled, advised, stays or left", .kind = CLI_STR,
	  .get = get_state },
	{ .name = "SINCE", .help = "seconds since 1970", .kind = CLI_NUM, .get = get_since,
	  .no_text = true },
	{ .name = "REASON", .help = "why", .kind = CLI_STR, .get = get_reason, .wrap = true },
	{ 0 },
};

/* Pointers to the rows of an array; the caller frees them. */
static const void **rows_of(const void *v, size_t size, size_t n)
{
	const void **rows = xcalloc(n + 1, sizeof(*rows));

	for (size_t i = 0; i < n; i++)
		rows[i] = (const char *)v + i * size;
	return rows;
}

static int print_rules(const struct ksm_tuner *n)
{
	const struct cli_table_opts opts = { 0 };
	const void **rows __cleanup_free = rows_of(n->rule, sizeof(*n->rule), n->n_rules);

	if (!n->n_rules)
		return 0;
	putchar('\n');
	return cli_table_print("rules", rule_cols, rows, n->n_rules, &opts);
}

static int print_procs(const struct tune_told *t)
{
	const struct cli_table_opts opts = { 0 };
	const void **rows __cleanup_free = rows_of(t->v, sizeof(*t->v), t->n);
	int rc;

	if (!t->n)
		return 0;
	putchar('\n');
	rc = cli_table_print("procs", proc_cols, rows, t->n, &opts);
	if (t->more)
		puts("(and more)");
	return rc;
}

/* --- words --- */

static const char *settings(const struct ksm_attrset *a, struct str *out)
{
	char value[KSM_ATTR_TEXT_MAX];

	ksm_for_each_attr(id)
		if (a->value[id].state == KSM_VALUE)
			str_addf(out, "%s%s=%s", out->len ? " " : "", ksm_attr_info(id)->name,
				 ksm_attr_format(id, &a->value[id], value, sizeof(value)));
	return out->len ? str_get(out) : "none";
}

static const char *known(double v, const char *unit, char *buf, size_t len)
{
	if (v < 0)
		snprintf(buf, len, "not known");
	else
		snprintf(buf, len, "%.1f%s", v, unit);
	return buf;
}

static const char *overdue(const struct ksm_tuner *n, char *buf, size_t len)
{
	return cli_duration(buf, len, num_mul_sat(n->late_s, 1000000000));
}

static void who(const struct ksm_tuner *n)
{
	char since[32], late[32];

	if (!n->id.pid)
		puts("No ksm-autotune runs; one that began now would decide:");
	else if (n->late_s)
		printf("ksm-autotune (%d) hangs: its next look is %s overdue; it had decided, at %s:\n",
		       (int)n->id.pid, overdue(n, late, sizeof(late)),
		       cli_clock(since, sizeof(since), n->since_s, false));
	else if (n->alive)
		printf("ksm-autotune (%d) has decided, at %s:\n", (int)n->id.pid,
		       cli_clock(since, sizeof(since), n->since_s, false));
	else
		printf("ksm-autotune (%d) runs no more, and put nothing back; it had decided, at %s:\n",
		       (int)n->id.pid, cli_clock(since, sizeof(since), n->since_s, false));
}

static void explain_rule(const struct ksm_tuner_rule *r)
{
	char saved[32], meta[32];

	printf("  rule %s matches %u process%s", r->name, r->processes,
	       r->processes == 1 ? "" : "es");
	if (r->advised)
		printf("; %u %s advised, and save%s %s for %s of metadata", r->advised,
		       r->advised == 1 ? "is" : "are", r->advised == 1 ? "s" : "",
		       cli_bytes(saved, sizeof(saved), r->saved_bytes, false),
		       cli_bytes(meta, sizeof(meta), r->meta_bytes, false));
	if (r->users > 1)
		printf(", and belong to %u users, of whom each can find out what the memory of the "
		       "others holds", r->users);
	if (r->waits)
		printf("; %u wait%s", r->waits, r->waits == 1 ? "s" : "");
	if (r->left)
		printf("; %u %s left alone", r->left, r->left == 1 ? "is" : "are");
	putchar('\n');
}

void auto_show_explain(const struct ksm_tuner *n, const struct tune_told *procs)
{
	struct str set __cleanup_str = STR_INIT, reason __cleanup_str = STR_INIT;

	who(n);
	cli_safe(&reason, n->reason, (size_t)-1);
	printf("  %s\n", str_get(&reason));
	printf("  for that it sets %s\n", settings(&n->want, &set));
	if (!n->n_rules)
		puts("  no rule is active: it advises nobody");
	for (size_t i = 0; i < n->n_rules; i++)
		explain_rule(&n->rule[i]);
	(void)print_procs(procs);
}

/* --- status --- */

static void line(const char *name, const char *text)
{
	printf("%-10s %s\n", name, text);
}

static void status_need(const struct ksm_tuner *n)
{
	char text[200], available[32], some[32], full[32];

	snprintf(text, sizeof(text), "%s; available %s, pressure some %s, full %s",
		 n->need ? "yes" : "no", known(n->available_pct, " %", available, sizeof(available)),
		 known(n->some_pct, " %", some, sizeof(some)),
		 known(n->full_pct, " %", full, sizeof(full)));
	line("need", text);
}

static void status_yield(const struct ksm_tuner *n)
{
	char text[160], saved[32], price[48];

	snprintf(text, sizeof(text), "%s by the last pass for %.2f s of CPU time (%s)%s",
		 cli_bytes(saved, sizeof(saved), n->pass_saved_bytes, false),
		 (double)n->pass_cpu_ms / 1000, known(n->price_ms, " ms/MiB", price, sizeof(price)),
		 n->settled ? "; settled" : "");
	line("yield", n->pass_saved_bytes || n->pass_cpu_ms ? text : "no whole pass was seen yet");
}

static void status_text(const struct ksm_tuner *n)
{
	struct str set __cleanup_str = STR_INIT, reason __cleanup_str = STR_INIT;
	char text[160], since[32], next[32], breaks[48], late[32];

	if (n->late_s)
		snprintf(text, sizeof(text), "%d, which hangs: its next look is %s overdue "
			 "(systemctl restart ksm-autotune)", (int)n->id.pid,
			 overdue(n, late, sizeof(late)));
	else
		snprintf(text, sizeof(text), "%d%s%s", (int)n->id.pid,
			 n->alive ? "" : ", which runs no more and put nothing back",
			 n->alive ? "" : " (ksm-autotune restore does)");
	line("daemon", text);
	cli_safe(&reason, n->reason, (size_t)-1);
	line("decision", str_get(&reason));
	snprintf(text, sizeof(text), "%s, next look %s", cli_clock(since, sizeof(since), n->since_s, false),
		 n->alive ? cli_clock(next, sizeof(next), n->next_s, false) : "never");
	line("since", text);
	status_need(n);
	status_yield(n);
	snprintf(text, sizeof(text), "%s merged pages a second are copied again",
		 known(n->breaks_s, "", breaks, sizeof(breaks)));
	line("harm", n->breaks_s < 0 ? "not known" : text);
	line("settings", settings(&n->want, &set));
}

static void json_known(struct cli_json *j, const char *key, double v)
{
	if (v < 0)
		cli_json_null(j, key);
	else
		cli_json_real(j, key, v, 3);
}

static int status_json(const struct ksm_tuner *n, const struct tune_told *procs)
{
	const void **rules __cleanup_free = rows_of(n->rule, sizeof(*n->rule), n->n_rules);
	const void **rows __cleanup_free = rows_of(procs->v, sizeof(*procs->v), procs->n);
	struct cli_json *j = cli_json_new();
	char value[KSM_ATTR_TEXT_MAX];
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_num(j, "pid", n->id.pid);
	cli_json_bool(j, "alive", n->alive);
	cli_json_num(j, "late", n->late_s);
	cli_json_num(j, "since", n->since_s);
	cli_json_num(j, "decided", n->decided_s);
	cli_json_num(j, "next", n->next_s);
	cli_json_str(j, "reason", n->reason);
	cli_json_real(j, "cpu_pct", 100 * n->cpu, 3);
	cli_json_bool(j, "need", n->need);
	cli_json_bool(j, "settled", n->settled);
	json_known(j, "available_pct", n->available_pct);
	json_known(j, "some_pct", n->some_pct);
	json_known(j, "full_pct", n->full_pct);
	json_known(j, "breaks_s", n->breaks_s);
	json_known(j, "price_ms", n->price_ms);
	cli_json_num(j, "pass_saved_bytes", n->pass_saved_bytes);
	cli_json_num(j, "pass_cpu_ms", n->pass_cpu_ms);
	cli_json_open(j, "settings", '{');
	ksm_for_each_attr(id)
		if (n->want.value[id].state == KSM_VALUE)
			cli_json_str(j, ksm_attr_info(id)->name,
				     ksm_attr_format(id, &n->want.value[id], value, sizeof(value)));
	cli_json_close(j);
	cli_json_rows(j, "rules", rule_cols, rules, n->n_rules);
	cli_json_rows(j, "procs", proc_cols, rows, procs->n);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

int auto_show_status(const struct ksm_tuner *n, const struct tune_told *procs, bool json)
{
	int rc;

	if (json)
		return status_json(n, procs);
	status_text(n);
	rc = print_rules(n);
	return rc ? rc : print_procs(procs);
}
