// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * engine-change.c - ksmctl engine load, unload: hksm as a module, into the running
 * kernel and out of it.
 *
 * The kernel refuses the module while anything is merged, and takes all merges back
 * before it lets it go. So this unmerges first, as "ksmctl unmerge" does and with its
 * forecast, and brings the settings over to the engine that comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksmctl/engine.h"
#include "ksmctl/ksmctl.h"

#define POLL_NS		100000000ULL
#define TIMEOUT_NS	60000000000ULL
#define MODPROBE	"/sbin/modprobe"

static bool is_moving(enum ksm_module m)
{
	return m == KSM_MODULE_COMES || m == KSM_MODULE_GOES;
}

void ctl_engine_awaited(struct ctl *ctl, bool on, char *out, size_t len)
{
	struct str name __cleanup_str = STR_INIT;
	struct ksm_proc p;
	pid_t pid;

	if (ksm_engine_awaited(ctl->k, on, &pid) <= 0) {
		snprintf(out, len, "nobody any more");
		return;
	}
	if (!ksm_proc_read(ctl->k, pid, 0, &p))
		cli_safe(&name, p.comm, (size_t)-1);
	snprintf(out, len, "%d (%s)", (int)pid, name.len ? str_get(&name) : "?");
}

/* The engine that is in force once all tasks are changed over. */
static void await_change(struct ctl *ctl, uint64_t timeout_ns)
{
	const uint64_t until = ksm_now_ns() + timeout_ns;
	struct ksm_engine e;
	char who[64];
	bool on;

	for (;;) {
		ksm_engine_read(ctl->k, &e);
		if (!is_moving(e.module))
			return;
		on = e.module == KSM_MODULE_COMES;
		if (ksm_now_ns() >= until || !ctl_sleep(POLL_NS))
			break;
	}
	ctl_engine_awaited(ctl, on, who, sizeof(who));
	cli_die(CLI_FAIL, 0, "engine: not changed over yet, which waits for %s; it goes on by itself "
			     "(to take it back: ksmctl engine %s)", who, on ? "unload" : "load");
}

/* Who decides by himself would start KSM in the middle. */
static void refuse_deciders(struct ctl *ctl)
{
	struct ctl_decider d;
	struct ctl_crowd crowd;

	ctl_crowd_read(ctl, 0, &crowd);
	ctl_decider_read(ctl, &crowd, &d);
	ctl_crowd_free(&crowd);
	if (ctl_tuner_runs(&d))
		cli_die(CLI_FAIL, 0, "engine: not changed while ksm-autotune sets KSM "
				     "(systemctl stop ksm-autotune)");
	if (d.ksmtuned.pid)
		cli_die(CLI_FAIL, 0, "engine: not changed while ksmtuned sets KSM "
				     "(systemctl stop ksmtuned)");
}

static void keep_settings(struct ctl *ctl, struct ksm_attrset *out)
{
	struct ksm_value *run = &out->value[KSM_ATTR_RUN];
	const struct ksm_value *advisor = &out->value[KSM_ATTR_ADVISOR_MODE];
	int rc = ksm_attrset_read(ctl->k, out);

	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot read", ksm_errpath(ctl->k));
	run->v &= ~(int64_t)KSM_RUN_OFFLINING;
	/* What the advisor has chosen is no setting. */
	if (advisor->state == KSM_VALUE && advisor->v)
		out->value[KSM_ATTR_PAGES_TO_SCAN].state = KSM_ABSENT;
}

/* The other engine has files of its own below the same names. */
static void settings_over(struct ctl *ctl, const struct ksm_attrset *want)
{
	struct ksm_apply res;
	int rc;

	ksm_close(ctl->k);
	ctl_open_ksm(ctl);
	rc = ksm_attrset_apply(ctl->k, want, KSM_APPLY_SKIP_ABSENT, &res);
	if (rc)
		cli_warn(rc, "the settings could not be brought over (see: ksmctl diff, ksmctl restore)");
}

static const char *insert_hint(int rc)
{
	switch (rc) {
	case -EBUSY:
		return "somebody has used KSM meanwhile: dmesg says how";
	case -EEXIST:
		return "another engine is there: dmesg says more";
	case -EKEYREJECTED:
		return "this kernel takes signed modules only: see hksm(7), Secure Boot";
	case -EPERM:
		return "needs CAP_SYS_MODULE, and no lockdown that forbids it";
	case -ENOEXEC:
	case -EINVAL:
		return "it was built for another kernel: dmesg says more";
	case -ENOENT:
		return "no such file, or this kernel lacks what it needs: dmesg says more";
	default:
		return "dmesg may say more";
	}
}

/* 0, or an exit status of modprobe, which has told why. */
static int modprobe(void)
{
	char *argv[] = { "modprobe", "hksm", NULL };
	extern char **environ;
	int rc, status;
	pid_t pid;

	rc = -posix_spawn(&pid, MODPROBE, NULL, NULL, argv, environ);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot run", MODPROBE);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static void insert(struct ctl *ctl, const struct ctl_change *c, const struct ksm_attrset *settings)
{
	struct str why __cleanup_str = STR_INIT;
	int rc;

	if (c->file) {
		int fd __cleanup_fd = open(c->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

		rc = fd < 0 ? -errno : ksm_engine_insert(fd);
		if (!rc)
			return;
		str_addf(&why, "%s: not loaded: %s (%s)", c->file, cli_strerror(rc), insert_hint(rc));
	} else if (!modprobe()) {
		return;
	} else {
		str_addf(&why, "hksm: modprobe has not loaded it (not found: is the package hksm-dkms "
			       "installed? a key: see hksm(7), Secure Boot; dmesg may say more)");
	}
	settings_over(ctl, settings);
	cli_die(CLI_FAIL, 0, "%s; the engine is as it was, with its settings", str_get(&why));
}

static void tell(const char *text)
{
	if (cli_verbosity() >= 0)
		printf("%s\n", text);
}

/* What either change needs first: nothing is merged.  False where only that was asked. */
static bool make_ready(struct ctl *ctl, const struct ctl_change *c, struct ksm_attrset *settings)
{
	refuse_deciders(ctl);
	ctl_unmerge_check(ctl, c->force, c->dry || cli_verbosity() >= 0);
	if (c->dry)
		return false;
	cli_flush();
	keep_settings(ctl, settings);
	ctl_unmerge_now(ctl);
	return true;
}

static void change_in(struct ctl *ctl, const struct ctl_change *c)
{
	struct ksm_attrset settings;

	if (!make_ready(ctl, c, &settings))
		return;
	insert(ctl, c, &settings);
	await_change(ctl, c->timeout_ns);
	settings_over(ctl, &settings);
	tell("engine hksm, a module");
}

static void take_out(struct ctl *ctl, const struct ctl_change *c)
{
	const uint64_t until = ksm_now_ns() + c->timeout_ns;
	int rc;

	await_change(ctl, c->timeout_ns);
	while ((rc = ksm_engine_remove()) && rc != -ENOENT)
		if ((rc != -EAGAIN && rc != -EBUSY) || ksm_now_ns() >= until || !ctl_sleep(POLL_NS))
			cli_die(CLI_FAIL, rc, "hksm: not in use, but it cannot be unloaded (rmmod hksm)");
}

static void change_out(struct ctl *ctl, const struct ctl_change *c)
{
	struct ksm_attrset settings;
	int rc;

	if (!make_ready(ctl, c, &settings))
		return;
	rc = ksm_engine_switch(ctl->k, false);
	if (rc)
		cli_die(CLI_FAIL, rc, "/sys/kernel/livepatch/hksm/enabled: cannot write");
	take_out(ctl, c);
	settings_over(ctl, &settings);
	tell("engine ksm");
}

static void take_back(struct ctl *ctl, bool on)
{
	int rc = ksm_engine_switch(ctl->k, on);

	if (rc && rc != -EINVAL)
		cli_die(CLI_FAIL, rc, "/sys/kernel/livepatch/hksm/enabled: cannot write");
}

/* Of the running system. */
static void look(struct ctl *ctl, const char *what, struct ksm_engine *out)
{
	ctl_open(ctl);
	if (!ksm_is_live(ctl->k))
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump has no engine to %s", ctl->sysroot, what);
	ksm_engine_read(ctl->k, out);
	if (!is_moving(out->module))
		ctl_need_ksm(ctl);
}

int ctl_engine_load(struct ctl *ctl, struct ctl_change *c)
{
	struct ksm_engine e;

	if (!c->timeout_ns)
		c->timeout_ns = TIMEOUT_NS;
	look(ctl, "load", &e);
	if (is_moving(e.module)) {
		if (c->dry)
			return CLI_OK;
		if (e.module == KSM_MODULE_GOES)
			take_back(ctl, true);
		await_change(ctl, c->timeout_ns);
		tell("engine hksm, a module");
		return CLI_OK;
	}
	if (strcmp(e.name, "ksm")) {
		cli_note(e.module == KSM_MODULE_IN ? "hksm is loaded already" :
						     "this kernel was built with hksm: nothing to load");
		return CLI_OK;
	}
	change_in(ctl, c);
	return CLI_OK;
}

int ctl_engine_unload(struct ctl *ctl, struct ctl_change *c)
{
	struct ksm_engine e;

	if (!c->timeout_ns)
		c->timeout_ns = TIMEOUT_NS;
	look(ctl, "unload", &e);
	if (c->dry && e.module != KSM_MODULE_IN)
		return CLI_OK;
	switch (e.module) {
	case KSM_MODULE_NONE:
		if (strcmp(e.name, "ksm"))
			cli_die(CLI_UNSUPPORTED, 0, "this kernel was built with hksm: it has no other engine");
		cli_note("hksm is not loaded");
		return CLI_OK;
	case KSM_MODULE_IN:
		change_out(ctl, c);
		return CLI_OK;
	case KSM_MODULE_COMES:
		take_back(ctl, false);
		/* fall through */
	default:
		take_out(ctl, c);
		tell("engine ksm");
		return CLI_OK;
	}
}
