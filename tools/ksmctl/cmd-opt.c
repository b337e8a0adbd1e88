// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-opt.c - ksmctl opt-in, opt-out: a drop-in for one service, by which its memory may
 * merge.
 *
 * Only the service that was named, and nothing of it is started anew: a drop-in is for
 * the next start.  What would keep the service from starting is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "ksmctl/unit.h"
#include "libksm/run.h"
#include "util/dirs.h"

#define ADVISE	     BINDIR "/ksm-advise"
#define MARK	     "# Written by ksmctl opt-in"
#define DROPIN_LIMIT (1 << 20)

enum {
	KEY_PRINT = CLI_OPT_LONG,
	KEY_RUNTIME,
	KEY_ROOT,
	KEY_ADVISE,
	KEY_NOW,
};

#define EXCL_PRINT 1
#define EXCL_ROOT  2

static const char *const synopsis[] = { "[options] UNIT", NULL };
static const struct cli_opt in_opts[] = {
	{ KEY_PRINT, "print", NULL, "print the drop-in, and write nothing", EXCL_PRINT, 0 },
	{ KEY_RUNTIME, "runtime", NULL, "until the next boot: below /run", 0, 0 },
	{ KEY_ROOT, "root", "DIR", "of the system below DIR, such as an image", EXCL_ROOT, 0 },
	{ KEY_ADVISE, "advise", NULL, "by ksm-advise, even where systemd has MemoryKSM=", 0, 0 },
	{ KEY_NOW, "now", NULL, "have systemd read its units anew (daemon-reload)",
	  EXCL_PRINT | EXCL_ROOT, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_opt_in = {
	.name = "ksmctl opt-in",
	.synopsis = synopsis,
	.about = "Write a drop-in by which the memory of a service of systemd may merge, from its\n"
		 "next start on.",
	.opts = in_opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static const struct cli_opt out_opts[] = {
	{ KEY_ROOT, "root", "DIR", "of the system below DIR, such as an image", EXCL_ROOT, 0 },
	{ KEY_NOW, "now", NULL, "have systemd read its units anew (daemon-reload)", EXCL_ROOT, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_opt_out = {
	.name = "ksmctl opt-out",
	.synopsis = synopsis,
	.about = "Remove the drop-in that opt-in wrote.",
	.opts = out_opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

struct opt {
	char name[UNIT_NAME_MAX];
	const char *root;
	bool print, runtime, advise, now;
	struct unit_where where;
	unsigned int version;	/* of systemd; 0: not known */
};

static void parse(struct ctl *ctl, const struct cli_cmd *cmd, int argc, char **argv,
		  struct opt *o)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	const char *why;
	int key, rc;

	while ((key = cli_opts_next(&p, cmd)) != -1) {
		switch (key) {
		case KEY_PRINT:
			o->print = true;
			break;
		case KEY_RUNTIME:
			o->runtime = true;
			break;
		case KEY_ROOT:
			o->root = p.arg;
			break;
		case KEY_ADVISE:
			o->advise = true;
			break;
		case KEY_NOW:
			o->now = true;
			break;
		default:
			ctl_option(ctl, key, p.arg);
		}
	}
	if (p.ind == argc)
		cli_usage_error("%s: no unit named", strrchr(cmd->name, ' ') + 1);
	why = unit_name_check(argv[p.ind], o->name);
	if (why)
		cli_usage_error("%s: %s", argv[p.ind], why);
	p.ind++;
	ctl_no_operands(&p, argv);
	if (ctl->sysroot)
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump has no units (--root is for images)",
			ctl->sysroot);
	rc = unit_where_open(o->root, &o->where);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot open", o->root ? o->root : "/");
}

static void find_version(struct opt *o)
{
	int rc;

	if (o->root) {
		o->version = unit_installed_version(&o->where);
		return;
	}
	rc = systemctl_version(&o->version);
	if (rc == -ENOENT)
		cli_die(CLI_UNSUPPORTED, 0,
			"systemctl: not found: no systemd here (--root is for another system)");
	if (rc)
		cli_die(CLI_FAIL, 0, "systemctl: it does not tell its version");
}

static void read_unit(const struct opt *o, struct unit *u)
{
	struct str what __cleanup_str = STR_INIT;

	switch (unit_read(&o->where, o->name, u, &what)) {
	case UNIT_FOUND:
		return;
	case UNIT_NONE:
		cli_die(CLI_FAIL, 0, "%s: no such unit", o->name);
	case UNIT_MASKED:
		cli_die(CLI_FAIL, 0, "%s: it is masked, so it never starts", o->name);
	case UNIT_ALIAS:
		cli_die(CLI_FAIL, 0, "%s: another name of %s: name that one", o->name,
			str_get(&what));
	case UNIT_ERROR:
		cli_die(CLI_FAIL, 0, "%s", str_get(&what));
	}
}

/* --- what the drop-in says --- */

static bool by_setting(const struct opt *o)
{
	return o->version >= UNIT_MEMORY_KSM && !o->advise;
}

/* It would start nothing where the program is not there. */
static void check_advise(const struct opt *o, const struct unit *u)
{
	const char *hides = unit_hides(u);
	int fd __cleanup_fd = -1;

	if (hides)
		cli_die(CLI_FAIL, 0, "%s: %s= hides %s from it", o->name, hides, ADVISE);
	fd = unit_open(&o->where, &ADVISE[1], O_PATH);
	if (fd >= 0)
		return;
	if (o->print)
		cli_warn(0, "%s is not there: the service could not start", ADVISE);
	else
		cli_die(CLI_FAIL, 0, "%s%s: not there, so the service could not start",
			o->root ? o->root : "", ADVISE);
}

/* False when all commands run through ksm-advise already. */
static bool add_commands(const struct opt *o, const struct unit *u, struct str *out)
{
	size_t wrapped = 0;

	str_add(out, "ExecStart=\n");
	for (size_t i = 0; i < u->n; i++) {
		str_add(out, "ExecStart=");
		switch (unit_wrap(u->exec[i], ADVISE, out)) {
		case UNIT_UNKNOWN:
			cli_die(CLI_FAIL, 0, "%s: ExecStart=%s: not understood", o->name,
				u->exec[i]);
		case UNIT_THROUGH:
			str_add(out, u->exec[i]);
			break;
		case UNIT_WRAPPED_NAME:
			cli_warn(0, "%s: ExecStart=%s: the name behind \"@\" cannot be carried over: "
				    "the program is called by its path", o->name, u->exec[i]);
			wrapped++;
			break;
		case UNIT_WRAPPED:
			wrapped++;
		}
		str_addc(out, '\n');
	}
	return wrapped > 0;
}

/* False, after a note, when there is nothing to write. */
static bool make_text(const struct opt *o, const struct unit *u, struct str *out)
{
	str_addf(out, MARK "; \"ksmctl opt-out %s\" takes it back.\n", o->name);
	if (by_setting(o)) {
		if (u->memory_ksm) {
			cli_warn(0, "%s: it has MemoryKSM=yes already: nothing written", o->name);
			return false;
		}
		str_add(out, "[Service]\nMemoryKSM=yes\n");
		return true;
	}
	if (!u->n)
		cli_die(CLI_FAIL, 0, "%s: it has no ExecStart=, so that there is nothing to run "
				     "through ksm-advise", o->name);
	check_advise(o, u);
	if (!o->version)
		str_add(out, "# It is not known which systemd this is.\n");
	else if (o->version < UNIT_MEMORY_KSM)
		str_addf(out, "# systemd %u has no MemoryKSM= (254 has).\n", o->version);
	str_add(out, "[Service]\n");
	if (!add_commands(o, u, out)) {
		cli_warn(0, "%s: it runs through ksm-advise already: nothing written", o->name);
		return false;
	}
	return true;
}

/* --- writing and removing --- */

/* Our file; not one of that name that somebody else wrote. */
static bool is_ours(int dir, int *rc)
{
	struct str text __cleanup_str = STR_INIT;

	*rc = ksm_run_read(dir, UNIT_DROPIN, DROPIN_LIMIT, &text);
	return !*rc && !strncmp(str_get(&text), MARK, strlen(MARK));
}

static void say_next(const struct opt *o)
{
	if (o->root)
		return;
	if (!o->now) {
		printf("not in force yet: systemctl daemon-reload && systemctl restart %s\n",
		       o->name);
		return;
	}
	if (systemctl_reload())
		cli_die(CLI_FAIL, 0, "systemctl daemon-reload: it failed");
	printf("from its next start on: systemctl restart %s\n", o->name);
}

static void write_dropin(const struct opt *o, const struct str *text)
{
	struct str path __cleanup_str = STR_INIT;
	int dir __cleanup_fd = unit_dropins(&o->where, o->name, o->runtime, true);
	int rc = dir < 0 ? dir : 0;

	unit_dropin_path(o->name, o->runtime, &path);
	if (!rc && !is_ours(dir, &rc) && rc != -ENOENT)
		cli_die(CLI_FAIL, 0, "%s: not replaced: somebody else wrote it", str_get(&path));
	if (dir >= 0)
		rc = ksm_run_write_for_all(dir, UNIT_DROPIN, str_get(text), text->len);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot write", str_get(&path));
	printf("wrote %s: %s\n", str_get(&path),
	       by_setting(o) ? "MemoryKSM=yes" : "it runs through ksm-advise");
}

int ctl_opt_in(struct ctl *ctl, int argc, char **argv)
{
	struct str text __cleanup_str = STR_INIT;
	struct unit u = { 0 };
	struct opt o = { .name = "" };
	bool found;

	parse(ctl, &ctl_cmd_opt_in, argc, argv, &o);
	find_version(&o);
	read_unit(&o, &u);
	found = make_text(&o, &u, &text);
	unit_fini(&u);
	if (str_err(&text))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	if (found && o.print) {
		cli_print(&text);
	} else if (found) {
		write_dropin(&o, &text);
		say_next(&o);
	}
	close(o.where.fd);
	return CLI_OK;
}

/* True when there was one, which is gone. */
static bool remove_dropin(const struct opt *o, bool runtime)
{
	struct str path __cleanup_str = STR_INIT;
	int dir __cleanup_fd = unit_dropins(&o->where, o->name, runtime, false);
	int rc = dir < 0 ? dir : 0;
	bool ours = false;

	if (!rc)
		ours = is_ours(dir, &rc);
	if (rc == -ENOENT)
		return false;
	unit_dropin_path(o->name, runtime, &path);
	if ((!rc && !ours) || rc == -EPERM)
		cli_die(CLI_FAIL, 0, "%s: not removed: somebody else wrote it", str_get(&path));
	if (!rc)
		rc = ksm_run_remove(dir, UNIT_DROPIN);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot remove", str_get(&path));
	unit_dropins_tidy(&o->where, o->name, runtime);
	printf("removed %s\n", str_get(&path));
	return true;
}

int ctl_opt_out(struct ctl *ctl, int argc, char **argv)
{
	struct opt o = { .name = "" };
	bool removed;

	parse(ctl, &ctl_cmd_opt_out, argc, argv, &o);
	removed = remove_dropin(&o, false);
	removed |= remove_dropin(&o, true);
	if (!removed)
		cli_die(CLI_FAIL, 0, "%s: opt-in has written nothing for it", o.name);
	say_next(&o);
	close(o.where.fd);
	return CLI_OK;
}
