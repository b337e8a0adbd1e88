// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verbs.c - what ksm-autotune does beside running: it tells, checks, kicks, puts back.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli/xalloc.h"
#include "ksm-autotune/autotune.h"
#include "ksm-autotune/notify.h"
#include "libksm/sys.h"
#include "util/num.h"

#define SEE "ksm-autotune(8)"

enum { KEY_TAKE = CLI_OPT_LONG, KEY_RECORD };

static const struct cli_opt opt_config[] = {
	{ 'C', "config", "FILE", "this file, and no other", 0, 0 },
	{ 0 },
};

/* To the journal with fields that can be asked for, where standard error ends there. */
static void on_tell(const char *text, void *arg)
{
	const bool *journal = arg;
	static const char *const fields[] = { "SYSLOG_IDENTIFIER=ksm-autotune", NULL };

	if (!*journal || tune_journal_send(LOG_INFO, text, fields))
		cli_log(text);
}

/* --- options --- */

static void parse(struct auto_args *a, const struct cli_cmd *cmd, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	int key;

	*a = (struct auto_args){ 0 };
	while ((key = cli_opts_next(&p, cmd)) != -1)
		switch (key) {
		case 'n':
			a->dry = true;
			break;
		case 'C':
			a->config = p.arg;
			break;
		case 'c':
			if (num_u64(p.arg, &a->count) || !a->count)
				cli_usage_error("--count: %s: not a number of looks", p.arg);
			break;
		case 'J':
			a->json = true;
			break;
		case 'p':
			a->procs = true;
			break;
		case KEY_RECORD:
			a->record = p.arg;
			break;
		case KEY_TAKE:
			a->take = true;
			break;
		default:
			cli_common_option(key, p.arg, &a->root);
		}
	cli_no_operands(&p, cmd);
}

static struct ksm *open_root(const struct auto_args *a)
{
	struct ksm *k;
	int rc = ksm_open(a->root, &k);

	if (rc)
		cli_die(CLI_FAIL, 0, "%s", ksm_open_why(a->root, rc));
	return k;
}

/* Which acts upon a running daemon, and not on what a dump says of one. */
static void need_live(const struct auto_args *a, const char *verb)
{
	if (a->root)
		cli_usage_error("%s: acts upon the running system: not with --sysroot", verb);
}

/* --- run --- */

static const char *const run_synopsis[] = { "[options]", NULL };
static const struct cli_opt run_opts[] = {
	{ 'n', "dry-run", NULL, "change nothing: say what would be done", 0, 0 },
	{ 'C', "config", "FILE", "this file, and no other", 0, 0 },
	{ 'c', "count", "N", "end after N looks", 0, 0 },
	{ KEY_RECORD, "record", "FILE", "write all samples into FILE as well, for replay", 0, 0 },
	{ 0 },
};
const struct cli_cmd auto_cmd_run = {
	.name = "ksm-autotune run",
	.synopsis = run_synopsis,
	.about = "Decide whether, whom and how fast to merge, until told to end.",
	.opts = run_opts,
	.common = cli_common_options,
	.see = SEE,
};

static int cannot_begin(int rc, const char *why)
{
	const int code = rc == -EOPNOTSUPP ? CLI_UNSUPPORTED : CLI_FAIL;

	if (rc == -EOPNOTSUPP)
		cli_error(0, "cannot begin: this kernel has no KSM (CONFIG_KSM)");
	else if (*why)
		cli_error(0, "cannot begin: %s", why);
	else
		cli_error(rc, "cannot begin%s", rc == -EACCES || rc == -EPERM ?
			  " (the daemon needs root; --dry-run does not)" : "");
	return code;
}

/* Only by who may decide: another daemon may be writing into that file. */
static int open_record(const struct auto_args *a, struct tune *t)
{
	int rc = a->record ? tune_recorder_open(a->record, &t->recorder) : 0;

	if (rc)
		cli_error(rc == -EINVAL ? 0 : rc, "%s: cannot be recorded into%s", a->record,
			  rc == -EINVAL ? ": not a file" : "");
	return rc;
}

int auto_verb_run(int argc, char **argv)
{
	bool journal = tune_journal_is(cli_message_fd());
	struct tune t = { .tell = on_tell, .arg = &journal, .busy = tune_notify_busy };
	struct auto_args a;
	char why[256];
	int rc;

	parse(&a, &auto_cmd_run, argc, argv);
	if (a.root && !a.dry)
		cli_usage_error("run: a dump cannot be changed: only with --dry-run");
	rc = auto_config_load(&a, &t.cfg);
	if (rc)
		return rc;
	t.root = a.root;
	t.dry = a.dry;
	rc = tune_open(&t, why, sizeof(why));
	if (rc)
		rc = cannot_begin(rc, why);
	else
		rc = open_record(&a, &t) ? CLI_FAIL : auto_run(&a, &t);
	tune_close(&t);
	tune_config_fini(&t.cfg);
	return rc;
}

/* --- the running daemon's note --- */

/* False: there is none. */
static bool read_note(struct ksm *k, struct ksm_tuner *n, struct tune_told *procs)
{
	int rc = ksm_tuner_read(k, n);

	*procs = (struct tune_told){ 0 };
	if (rc == -ENOENT)
		return false;
	if (rc == -EPERM)
		cli_die(CLI_FAIL, 0, "%s: somebody else than root could have written it",
			ksm_errpath(k));
	if (rc)
		cli_die(CLI_FAIL, 0, "%s", ksm_errmsg(k));
	rc = tune_told_read(k, procs);
	if (rc && rc != -ENOENT)
		cli_warn(0, "what is noted of processes cannot be read: %s", strerror(-rc));
	return true;
}

/* --- explain --- */

static const char *const explain_synopsis[] = { "[options]", NULL };
static const struct cli_opt explain_opts[] = {
	{ 'C', "config", "FILE", "where no daemon runs: this file, and no other", 0, 0 },
	{ 0 },
};
const struct cli_cmd auto_cmd_explain = {
	.name = "ksm-autotune explain",
	.synopsis = explain_synopsis,
	.about = "Say what is decided now, and why.",
	.opts = explain_opts,
	.common = cli_common_options,
	.see = SEE,
};

/* One look, by nobody who would act upon it. */
static int explain_afresh(const struct auto_args *a)
{
	struct tune t = { .dry = true, .still = true, .root = a->root };
	struct tune_told procs = { 0 };
	struct ksm_tuner n;
	char why[256];
	int rc = auto_config_load(a, &t.cfg);

	if (rc)
		return rc;
	rc = tune_open(&t, why, sizeof(why));
	if (!rc)
		rc = tune_look(&t, 0);
	if (rc) {
		rc = cannot_begin(rc, why);
	} else {
		tune_report(&t, time(NULL), 0, &n);
		if (tune_report_procs(&t, time(NULL), &procs))
			cli_die(CLI_FAIL, -ENOMEM, "allocate");
		auto_show_explain(&n, &procs);
		tune_told_fini(&procs);
	}
	tune_close(&t);
	tune_config_fini(&t.cfg);
	return rc;
}

int auto_verb_explain(int argc, char **argv)
{
	struct tune_told procs;
	struct ksm_tuner n;
	struct auto_args a;
	struct ksm *k;
	bool runs;

	parse(&a, &auto_cmd_explain, argc, argv);
	k = open_root(&a);
	runs = read_note(k, &n, &procs);
	if (runs)
		auto_show_explain(&n, &procs);
	tune_told_fini(&procs);
	ksm_close(k);
	return runs ? CLI_OK : explain_afresh(&a);
}

/* --- status --- */

static const char *const status_synopsis[] = { "[options]", NULL };
static const struct cli_opt status_opts[] = {
	{ 'p', "processes", NULL, "each process that a rule matches, too", 0, 0 },
	{ .key = 'J' },
	{ 0 },
};
const struct cli_cmd auto_cmd_status = {
	.name = "ksm-autotune status",
	.synopsis = status_synopsis,
	.about = "Show what the running daemon sees, decides, and did.",
	.opts = status_opts,
	.common = cli_common_options,
	.see = SEE,
};

int auto_verb_status(int argc, char **argv)
{
	struct tune_told procs;
	struct ksm_tuner n;
	struct auto_args a;
	struct ksm *k;
	int rc;

	parse(&a, &auto_cmd_status, argc, argv);
	k = open_root(&a);
	if (!read_note(k, &n, &procs))
		cli_die(CLI_FAIL, 0, "no daemon runs (explain says what one would decide)");
	if (!a.procs && !a.json)
		procs.n = 0;
	rc = auto_show_status(&n, &procs, a.json);
	tune_told_fini(&procs);
	ksm_close(k);
	return rc || !n.alive || n.late_s ? CLI_FAIL : CLI_OK;
}

/* --- verify --- */

static const char *const verify_synopsis[] = { "[options]", NULL };
const struct cli_cmd auto_cmd_verify = {
	.name = "ksm-autotune verify",
	.synopsis = verify_synopsis,
	.about = "Are the kernel's settings as the running daemon wants them?",
	.common = cli_common_options,
	.see = SEE,
};

/* How many are not as they are wanted; each is told. */
static unsigned int tell_differences(const struct ksm_tuner *n, const struct ksm_attrset *now)
{
	char is[KSM_ATTR_TEXT_MAX], wanted[KSM_ATTR_TEXT_MAX];
	unsigned int found = 0;

	ksm_for_each_attr(id) {
		const struct ksm_value *w = &n->want.value[id], *v = &now->value[id];

		if (w->state != KSM_VALUE || v->state != KSM_VALUE)
			continue;
		/* Memory that goes offline sets a bit of it for a moment. */
		if (v->v == w->v || (id == KSM_ATTR_RUN && (v->v & ~(int64_t)KSM_RUN_OFFLINING) == w->v))
			continue;
		found++;
		printf("%s: is %s, and %s is wanted: somebody else has set it\n",
		       ksm_attr_info(id)->name, ksm_attr_format(id, v, is, sizeof(is)),
		       ksm_attr_format(id, w, wanted, sizeof(wanted)));
	}
	return found;
}

int auto_verb_verify(int argc, char **argv)
{
	struct tune_told procs;
	struct ksm_attrset now;
	struct ksm_tuner n;
	struct auto_args a;
	unsigned int found;
	struct ksm *k;
	int rc;

	parse(&a, &auto_cmd_verify, argc, argv);
	k = open_root(&a);
	if (!read_note(k, &n, &procs))
		cli_die(CLI_FAIL, 0, "no daemon runs");
	if (!n.alive)
		cli_error(0, "the daemon (%d) runs no more, and put nothing back "
			  "(ksm-autotune restore does)", (int)n.id.pid);
	if (n.late_s)
		cli_error(0, "the daemon (%d) hangs: its next look is overdue", (int)n.id.pid);
	rc = ksm_attrset_read(k, &now);
	if (rc)
		cli_die(CLI_FAIL, 0, "%s", ksm_errmsg(k));
	found = tell_differences(&n, &now);
	if (found && n.alive)
		puts("(ksm-autotune kick --take has the daemon set what it wants again)");
	tune_told_fini(&procs);
	ksm_close(k);
	return found || !n.alive || n.late_s ? CLI_FAIL : CLI_OK;
}

/* --- kick --- */

static const char *const kick_synopsis[] = { "[options]", NULL };
static const struct cli_opt kick_opts[] = {
	{ KEY_TAKE, "take", NULL, "and set again what others have set meanwhile", 0, 0 },
	{ 0 },
};
const struct cli_cmd auto_cmd_kick = {
	.name = "ksm-autotune kick",
	.synopsis = kick_synopsis,
	.about = "Have the running daemon scan fast until there is nothing more to find.",
	.opts = kick_opts,
	.common = cli_common_options,
	.see = SEE,
};

/* Its number may be another's by now: what is sent goes to the process that was looked at. */
static int send_to(struct ksm *k, const struct ksm_ident *id, int sig)
{
	int fd __cleanup_fd = sys_pidfd_open(id->pid, 0);
	struct ksm_proc p;
	int rc;

	if (fd < 0)
		return fd;
	rc = ksm_proc_read_same(k, id, 0, &p);
	return rc ? rc : sys_pidfd_send_signal(fd, sig);
}

int auto_verb_kick(int argc, char **argv)
{
	struct ksm_tuner n;
	struct auto_args a;
	struct ksm *k;
	int rc;

	parse(&a, &auto_cmd_kick, argc, argv);
	need_live(&a, "kick");
	k = open_root(&a);
	rc = ksm_tuner_read(k, &n);
	if (rc == -ENOENT || (!rc && !n.alive))
		cli_die(CLI_FAIL, 0, "no daemon runs");
	if (rc)
		cli_die(CLI_FAIL, 0, "%s", ksm_errmsg(k));
	rc = send_to(k, &n.id, a.take ? SIGUSR2 : SIGUSR1);
	ksm_close(k);
	if (rc == -ESRCH)
		cli_die(CLI_FAIL, 0, "no daemon runs");
	if (rc)
		cli_die(CLI_FAIL, rc, "%d: cannot be kicked%s", (int)n.id.pid,
			rc == -EPERM ? " (needs root)" : "");
	return CLI_OK;
}

/* --- restore --- */

static const char *const restore_synopsis[] = { "[options]", NULL };
const struct cli_cmd auto_cmd_restore = {
	.name = "ksm-autotune restore",
	.synopsis = restore_synopsis,
	.about = "Put back what a daemon that was killed had found.",
	.opts = opt_config,
	.common = cli_common_options,
	.see = SEE,
};

int auto_verb_restore(int argc, char **argv)
{
	bool journal = tune_journal_is(cli_message_fd());
	struct tune t = { .tell = on_tell, .arg = &journal, .busy = tune_notify_busy };
	struct auto_args a;
	char why[256];
	int rc;

	parse(&a, &auto_cmd_restore, argc, argv);
	need_live(&a, "restore");
	/* A configuration with mistakes must not keep settings from being put back. */
	if (auto_config_load(&a, &t.cfg))
		tune_config_init(&t.cfg);
	rc = tune_restore(&t, why, sizeof(why));
	if (rc)
		rc = *why ? (cli_error(0, "%s", why), CLI_FAIL) : cannot_begin(rc, why);
	tune_close(&t);
	tune_config_fini(&t.cfg);
	return rc;
}

/* --- check-config --- */

static const char *const check_synopsis[] = { "[options]", NULL };
const struct cli_cmd auto_cmd_check = {
	.name = "ksm-autotune check-config",
	.synopsis = check_synopsis,
	.about = "Print the configuration that holds, or every mistake in it.",
	.opts = opt_config,
	.common = cli_common_options,
	.see = SEE,
};

int auto_verb_check(int argc, char **argv)
{
	struct str text __cleanup_str = STR_INIT;
	struct tune_config c;
	struct auto_args a;
	int rc;

	parse(&a, &auto_cmd_check, argc, argv);
	rc = auto_config_load(&a, &c);
	if (rc)
		return rc;
	tune_config_print(&c, &text);
	fputs(str_get(&text), stdout);
	for (size_t i = 0; i < c.n_rules; i++)
		if (tune_rule_spans_users(&c.rule[i]))
			cli_warn(0, "rule %s: may advise processes of more than one user, of whom each can "
				 "find out what the memory of the others holds (one match-user= for "
				 "each rule; see Security in ksm-autotune(8))", c.rule[i].name);
	tune_config_fini(&c);
	return CLI_OK;
}
