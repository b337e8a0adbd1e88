// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-set.c - ksmctl set: check all, write all, put back when one fails, and
 * say what is in force afterwards.  Also how every command reports a set that
 * was applied.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"

static void die_failed(struct ctl *ctl, const struct ksm_apply *res)
{
	char text[KSM_ATTR_TEXT_MAX];
	enum ksm_attr id = res->failed;
	const struct ksm_attr_info *in = ksm_attr_info(id);
	const char *hint = ksm_attr_hint(ctl->k, id, res->rc);
	struct str why __cleanup_str = STR_INIT;

	ksm_attr_format(id, &res->failed_value, text, sizeof(text));
	if (res->rc == -EOPNOTSUPP)
		ctl_attr_missing(ctl, id, KSM_ABSENT);
	str_addf(&why, "%s: cannot set to %s: %s", in->name, text,
		 cli_strerror(res->rc));
	if (hint)
		str_addf(&why, " (%s)", hint);
	if (res->rollback_failed >= 0)
		cli_error(0, "%s: could not be put back",
			  ksm_attr_info(res->rollback_failed)->name);
	else if (res->rolled_back)
		str_add(&why, "; the others were put back");
	cli_die(CLI_FAIL, 0, "%s", str_get(&why));
}

static bool was_written(const struct ksm_apply *res, enum ksm_attr id)
{
	for (size_t i = 0; i < res->n_written; i++)
		if (res->written[i] == id)
			return true;
	return false;
}

/* "NAME VALUE"; the word of a choice is a file's, or a dump's, and may be anything. */
static void print_setting(enum ksm_attr id, const char *text)
{
	struct str clean __cleanup_str = STR_INIT;

	cli_safe(&clean, text, (size_t)-1);
	printf("%s %s\n", ksm_attr_info(id)->name, str_get(&clean));
}

/* The kernel may take a value and hold another (it truncates some). */
static void tell_effective(struct ctl *ctl, const struct ksm_attrset *want,
			   const struct ksm_apply *res, bool only_written)
{
	const struct ksm_value *mode = &want->value[KSM_ATTR_ADVISOR_MODE];
	char asked[KSM_ATTR_TEXT_MAX], got[KSM_ATTR_TEXT_MAX];
	struct ksm_value now;

	ksm_for_each_attr(id) {
		const struct ksm_value *w = &want->value[id];

		if (w->state != KSM_VALUE || (only_written && !was_written(res, id)) ||
		    ksm_attr_read(ctl->k, id, &now) || now.state != KSM_VALUE)
			continue;
		ksm_attr_format(id, &now, got, sizeof(got));
		ksm_attr_format(id, w, asked, sizeof(asked));
		if (cli_verbosity() >= 0)
			print_setting(id, got);
		/* An advisor that was switched on has taken the rate over. */
		if (strcmp(asked, got) &&
		    !(id == KSM_ATTR_PAGES_TO_SCAN && mode->state == KSM_VALUE && mode->v != 0))
			cli_warn(0, "%s: asked for %s, in force is %s", ksm_attr_info(id)->name,
				 asked, got);
	}
}

static void print_plan(const struct ksm_apply *res)
{
	char text[KSM_ATTR_TEXT_MAX];

	for (size_t i = 0; i < res->n_written; i++)
		print_setting(res->written[i],
			      ksm_attr_format(res->written[i], &res->to[i], text, sizeof(text)));
}

/* One line: a profile for newer kernels names many, and so does a file of hksm's. */
static void tell_skipped(const struct ksm_apply *res)
{
	struct str later __cleanup_str = STR_INIT, hksm __cleanup_str = STR_INIT;

	ksm_for_each_attr(id) {
		const struct ksm_attr_info *in = ksm_attr_info(id);

		if (!res->skipped[id])
			continue;
		if (ksm_attr_is_hksm(id))
			str_addf(&hksm, "%s%s", hksm.len ? ", " : "", in->name);
		else
			str_addf(&later, "%s%s (%s)", later.len ? ", " : "", in->name, in->since);
	}
	if (later.len)
		cli_warn(0, "left out, as only later kernels have it: %s", str_get(&later));
	if (hksm.len)
		cli_warn(0, "left out, as the engine of this kernel does not have it: %s", str_get(&hksm));
}

int ctl_apply(struct ctl *ctl, const struct ksm_attrset *want, unsigned int flags,
	      bool only_written)
{
	struct ksm_apply res;
	int rc = ksm_attrset_apply(ctl->k, want, flags, &res);

	if (rc && res.failed < 0)
		cli_die(CLI_FAIL, rc, "%s", ksm_errpath(ctl->k));
	if (rc)
		die_failed(ctl, &res);
	tell_skipped(&res);
	if (flags & KSM_APPLY_DRY_RUN)
		print_plan(&res);
	else
		tell_effective(ctl, want, &res, only_written);
	return CLI_OK;
}

static const char *const synopsis[] = { "[options] NAME VALUE", "[options] NAME=VALUE...", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'N' },
	{ .key = 'n', .means = 'N' },
	{ 0 },
};
const struct cli_cmd ctl_cmd_set = {
	.name = "ksmctl set",
	.synopsis = synopsis,
	.about = "Write attributes.  All are checked first; if one write fails, all are put back.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static void add(struct ksm_attrset *want, const char *name, const char *text)
{
	enum ksm_attr id = ctl_attr(name);
	char range[KSM_ATTR_TEXT_MAX];

	if (want->value[id].state == KSM_VALUE)
		cli_usage_error("%s: named twice", name);
	switch (ksm_attr_parse(id, text, &want->value[id])) {
	case 0:
		return;
	case -EROFS:
		cli_die(CLI_USAGE, 0, "%s: cannot be set: %s", name,
			ksm_attr_info(id)->resets ?
				"it is no setting; it begins anew when 0 is written to the file" :
				"the kernel only reports it");
	case -ERANGE:
		cli_die(CLI_USAGE, 0, "%s: %s: out of range (%s)", name, text,
			ksm_attr_range(id, range, sizeof(range)));
	default:
		cli_die(CLI_USAGE, 0, "%s: %s: not a value for it (%s)", name, text,
			ksm_attr_range(id, range, sizeof(range)));
	}
}

int ctl_set(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_attrset want = { 0 };
	unsigned int flags = 0;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_set)) != -1) {
		if (key == 'N')
			flags |= KSM_APPLY_DRY_RUN;
		else
			ctl_option(ctl, key, p.arg);
	}
	if (p.ind == argc)
		cli_usage_error("set: no attribute named (see: ksmctl list)");
	for (int i = p.ind; i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (eq) {
			*eq = '\0';
			add(&want, argv[i], eq + 1);
		} else if (i + 1 < argc) {
			add(&want, argv[i], argv[i + 1]);
			i++;
		} else {
			cli_usage_error("%s: no value given", argv[i]);
		}
	}
	ctl_open_ksm(ctl);
	return ctl_apply(ctl, &want, flags, false);
}
