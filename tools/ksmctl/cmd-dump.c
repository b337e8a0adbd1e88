// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-dump.c - ksmctl dump: what the tools read of this system, as a directory that
 * --sysroot reads elsewhere.  Which files, and what of them is private, libksm knows;
 * here is whose.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "util/map.h"

/* More than all processes of a large machine need; a dump is to be sent to somebody. */
#define DUMP_MAX (UINT64_C(1) << 30)

#define KEY_WITH CLI_OPT_LONG

static const char *const synopsis[] = { "[options] DIR", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'p', .help = "only these processes, with mergeable memory or without" },
	{ .key = 'u' },
	{ .key = CLI_KEY_MATCH },
	{ .key = CLI_KEY_CGROUP },
	{ .key = CLI_KEY_TREE },
	{ .key = 'a' },
	{ KEY_WITH, "with", "WHAT[,WHAT...]", "put in what is private: cmdline, maps, cgroup, all",
	  0, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_dump = {
	.name = "ksmctl dump",
	.synopsis = synopsis,
	.about = "Write what the tools read of this system into the new directory DIR, for -s DIR\n"
		 "elsewhere.  Command lines, names of mappings and control groups are left out.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static const struct {
	const char *name;
	unsigned int with;
} privates[] = {
	{ "cmdline", KSM_DUMP_CMDLINE },
	{ "maps", KSM_DUMP_MAPS },
	{ "cgroup", KSM_DUMP_CGROUP },
	{ "all", KSM_DUMP_CMDLINE | KSM_DUMP_MAPS | KSM_DUMP_CGROUP },
};

struct dump {
	struct ctl *ctl;
	struct ksm_select sel;
	pid_t *named;
	bool all;
	unsigned int with;
	const char *name;	/* of the directory, as it was typed */
	struct ctl_newdir dir;
	struct str modes;	/* lines of the file modes: what may not be read */
	struct map taken;	/* pids */
	struct ksm_tuner note;
	bool noted;
	size_t n, n_kernel;	/* processes; threads of the kernel */
	bool partial;
	struct ctl_denied denied;
};

/* What is removed when the program ends in the middle, from wherever. */
static struct ctl_newdir *unfinished;

static void remove_unfinished(void)
{
	if (unfinished)
		ctl_newdir_end(unfinished);
	unfinished = NULL;
}

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static const int enders[] = { SIGHUP, SIGINT, SIGTERM };

/* What our caller has us ignore stays so. */
static void catch_enders(void)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(enders); i++)
		if (!sigaction(enders[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(enders[i], &sa, NULL);
}

static void end_if_asked(void)
{
	if (!stop)
		return;
	remove_unfinished();
	signal(stop, SIG_DFL);
	raise(stop);
}

/* Ends the program when it cannot be written. */
static int put(const char *path, const char *text, size_t len, void *arg)
{
	struct dump *d = arg;
	int rc;

	end_if_asked();
	if (!text)
		str_addf(&d->modes, "0000 %s\n", path);
	rc = ctl_newdir_put(&d->dir, path, text ? 0600 : 0, text, text ? len : 0);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s/%s: cannot write", d->name, path);
	if (d->dir.bytes > DUMP_MAX)
		cli_die(CLI_FAIL, 0, "%s: more than 1 GiB (name processes with -p)",
			d->name);
	return 0;
}

/* One process.  Who is gone by now is left out silently, unless it was named. */
static void take(struct dump *d, const struct ksm_ident *id, bool kthread)
{
	int rc;

	if (map_find(&d->taken, id->pid))
		return;
	rc = ksm_dump_proc(d->ctl->k, id, d->with, put, d);
	if (!rc) {
		if (map_put(&d->taken, id->pid, d))
			cli_die(CLI_FAIL, -ENOMEM, "allocate");
		*(kthread ? &d->n_kernel : &d->n) += 1;
		return;
	}
	if (rc == -ENOMEM)
		cli_die(CLI_FAIL, rc, "allocate");
	if ((rc == -ESRCH && !d->sel.n_pids) ||
	    (!d->sel.n_pids && ctl_denied_add(&d->denied, rc)))
		return;
	d->partial = true;
	if (rc == -EFBIG)
		cli_error(0, "%d: left out: a file of it is too large", (int)id->pid);
	else
		ctl_proc_error(d->ctl, id->pid, "cannot read", KSM_RIGHT_MAPPINGS, rc);
}

static bool selects(const struct ksm_select *s)
{
	return s->n_pids || s->match || s->user || s->cgroup || s->tree;
}

static void take_selected(struct dump *d)
{
	struct ksm_ident *ids;
	char why[256] = "";
	struct ksm_proc p;
	size_t n;
	int rc = ksm_select_run(d->ctl->k, &d->sel, &ids, &n, why, sizeof(why));

	cli_selected(rc, why, n);
	for (size_t i = 0; i < n; i++)
		take(d, &ids[i], !ksm_proc_read_same(d->ctl->k, &ids[i], 0, &p) && p.kthread);
	free(ids);
}

/* Without who scans and who decides, the dump would say that nobody does. */
static bool is_needed(struct dump *d, const struct ksm_proc *p)
{
	return ksm_proc_is_ksmd(p) || ctl_beside_find(d->ctl, p) >= 0 ||
	       (d->noted && p->pid == d->note.id.pid);
}

static bool is_wanted(struct dump *d, const struct ksm_proc *p)
{
	enum ksm_member m;

	if (is_needed(d, p))
		return true;
	if (p->kthread || selects(&d->sel))
		return false;
	if (p->member == KSM_MEMBER_DENIED)
		ctl_denied_add(&d->denied, -EACCES);
	/* Before Linux 5.19 only its mappings tell. */
	if (p->member == KSM_MEMBER_UNKNOWN && !ksm_proc_member(d->ctl->k, p->pid, &m))
		return d->all || ksm_member_in(m);
	return d->all || ksm_proc_loses(p, 0) || ctl_takes_part(d->ctl, p);
}

static void take_others(struct dump *d)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc = ksm_procs_open(d->ctl->k, &it);

	while (!rc && (rc = ksm_procs_next(it, &pid)) == 1) {
		const int failed = ksm_proc_read(d->ctl->k, pid, KSM_PROC_KSM, &p);

		end_if_asked();
		if (failed)
			ctl_denied_add(&d->denied, failed);
		else if (is_wanted(d, &p))
			take(d, &(struct ksm_ident){ .pid = pid, .start_ticks = p.start_ticks },
			     p.kthread);
		rc = 0;
	}
	ksm_procs_close(it);
	if (rc)
		cli_die(CLI_FAIL, 0, "cannot list processes: %s", ksm_list_why(rc));
}

static unsigned int parse_with(const char *text)
{
	unsigned int with = 0;

	for (const char *at = text; at; at = *at ? at + 1 : NULL) {
		const size_t len = strcspn(at, ",");
		size_t i;

		for (i = 0; i < ARRAY_SIZE(privates); i++)
			if (strlen(privates[i].name) == len && !memcmp(at, privates[i].name, len))
				break;
		if (i == ARRAY_SIZE(privates))
			cli_usage_error("--with: %s: not a list of cmdline, maps, cgroup, all", text);
		with |= privates[i].with;
		at += len;
	}
	return with;
}

static void parse(struct dump *d, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_dump)) != -1) {
		switch (key) {
		case 'p':
			cli_pids(p.arg, &d->named, &d->sel.n_pids);
			break;
		case 'a':
			d->all = true;
			break;
		case KEY_WITH:
			d->with |= parse_with(p.arg);
			break;
		case CLI_KEY_MATCH:
			d->sel.match = p.arg;
			break;
		case 'u':
			d->sel.user = p.arg;
			break;
		case CLI_KEY_CGROUP:
			d->sel.cgroup = p.arg;
			break;
		case CLI_KEY_TREE:
			d->sel.tree = true;
			break;
		default:
			ctl_option(d->ctl, key, p.arg);
		}
	}
	if (p.ind == argc)
		cli_usage_error("dump: no directory named");
	d->name = argv[p.ind++];
	ctl_no_operands(&p, argv);
	d->sel.pids = d->named;
}

static void begin(struct dump *d)
{
	const int rc = ctl_newdir_begin(&d->dir, d->name);

	unfinished = &d->dir;
	cli_set_last_act(remove_unfinished);
	if (rc == -ENOTEMPTY)
		cli_die(CLI_FAIL, 0, "%s: exists, and is not empty", d->name);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot create", d->name);
	catch_enders();
}

static void finish(struct dump *d)
{
	struct str name __cleanup_str = STR_INIT;
	char size[32];
	int rc;

	if (str_err(&d->modes))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	if (d->modes.len)
		put("modes", str_get(&d->modes), d->modes.len, d);
	end_if_asked();
	rc = ctl_newdir_finish(&d->dir);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot create", d->name);
	cli_safe(&name, d->name, (size_t)-1);
	printf("%s: %zu process%s, %s\n", str_get(&name), d->n, d->n == 1 ? "" : "es",
	       cli_bytes(size, sizeof(size), d->dir.bytes, false));
}

int ctl_dump(struct ctl *ctl, int argc, char **argv)
{
	struct dump d = { .ctl = ctl, .taken = MAP_INIT, .modes = STR_INIT };

	parse(&d, argc, argv);
	/* That there is no KSM is worth a dump, too. */
	ctl_open(ctl);
	(void)ctl_note_read(ctl, &d.note, &d.noted);
	begin(&d);
	if (ksm_dump_system(ctl->k, d.with, put, &d))
		cli_die(CLI_FAIL, 0, "%s", ksm_errmsg(ctl->k));
	if (d.modes.len) {
		d.partial = true;
		cli_warn(0, "some files of the system may not be read (%s)",
			 ksm_right_hint(ctl->k, KSM_RIGHT_SETTINGS));
	}
	if (selects(&d.sel))
		take_selected(&d);
	take_others(&d);
	ctl_denied_tell(ctl, &d.denied);
	finish(&d);
	remove_unfinished();
	str_fini(&d.modes);
	map_fini(&d.taken);
	free(d.named);
	return d.partial ? CLI_PARTIAL : CLI_OK;
}
